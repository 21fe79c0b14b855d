"""A real Edge Node in a process of its own: `sparkplug-client` from npm or `pysparkplug` from PyPI.

Both take the same orders (see `clients/`), so a story is told once and must hold for both. A process of its own,
because some stories end with SIGKILL.
Knows nothing of Factree. Invariant: an order returns when the library has done it, not when the broker has.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from waiting import TIMEOUT

CLIENTS = Path(__file__).parent / "clients"


@dataclass(frozen=True)
class Library:
    """One Sparkplug library and what is peculiar to it."""

    name: str
    command: tuple[str, ...]
    has_bare_alias: bool
    """It can leave the name out of a DATA metric that has an alias."""

    def __str__(self) -> str:
        return self.name


NPM = Library("sparkplug-client", ("node", str(CLIENTS / "npm_edge_node.cjs")), has_bare_alias=True)
PYPI = Library("pysparkplug", (sys.executable, str(CLIENTS / "pypi_edge_node.py")), has_bare_alias=False)


class EdgeNode:
    """An Edge Node that a test orders about."""

    def __init__(self, library: Library, group: str, edge_node: str, *, client_id: str | None = None):
        self.library, self.group, self.edge_node = library, group, edge_node
        self.client_id = client_id or f"{edge_node}-{os.urandom(4).hex()}"
        self.process = subprocess.Popen(library.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._events: list[dict] = []
        self._news = threading.Condition()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            self._happened(json.loads(line))
        self._happened({"event": "ended"})

    def _happened(self, event: dict) -> None:
        with self._news:
            self._events.append(event)
            self._news.notify_all()

    def wait_for(self, event: str) -> dict:
        """Takes the oldest event of this kind, now or when it comes."""
        with self._news:
            if not self._news.wait_for(lambda: self._has(event) or self._has("ended"), TIMEOUT) or not self._has(event):
                raise AssertionError(f"{self.library}: no {event!r} within {TIMEOUT} s, but {self._events}")
            found = next(said for said in self._events if said["event"] == event)
            self._events.remove(found)
            return found

    def _has(self, event: str) -> bool:
        return any(said["event"] == event for said in self._events)

    def order(self, order: str, **what: object) -> None:
        self.process.stdin.write(json.dumps({"order": order, **what}) + "\n")
        self.process.stdin.flush()
        if order != "stop":
            self.wait_for("done")

    def born(
        self, port: int, node: list[dict], devices: dict[str, list[dict]], *, keep_alive=30, reconnect=False
    ) -> EdgeNode:
        """Connects and sends NBIRTH and DBIRTHs."""
        where = dict(port=port, group=self.group, edge_node=self.edge_node, client_id=self.client_id)
        self.order("connect", node=node, devices=devices, keep_alive=keep_alive, reconnect=reconnect, **where)
        self.wait_for("born")
        return self

    def node_data(self, *metrics: dict) -> None:
        """NDATA."""
        self.order("node_data", metrics=metrics)

    def device_data(self, device: str, *metrics: dict, by_alias: bool = False) -> None:
        """DDATA."""
        self.order("device_data", device=device, metrics=metrics, by_alias=by_alias)

    def device_birth(self, device: str, *metrics: dict) -> None:
        """DBIRTH."""
        self.order("device_birth", device=device, metrics=metrics)

    def device_death(self, device: str) -> None:
        """DDEATH."""
        self.order("device_death", device=device)

    def device_unborn(self, device: str, *metrics: dict) -> None:
        """The library knows the Device from now on; nobody is told before the next births."""
        self.order("device_unborn", device=device, metrics=metrics)

    def stop(self) -> None:
        """A clean stop: NDEATH, DISCONNECT."""
        self.order("stop")
        self.process.wait(TIMEOUT)

    def kill(self) -> None:
        """SIGKILL: the connection breaks without a goodbye."""
        self.process.kill()
        self.process.wait(TIMEOUT)

    def freeze(self) -> None:
        """SIGSTOP: the connection stays and falls silent."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        self._listener.join(TIMEOUT)
        self.process.stdin.close()
        self.process.stdout.close()
