"""A client in a process of its own that takes orders: one JSON object per line in, one per line that happened out.

A process of its own, because some stories end with SIGKILL, and because some clients are no Python.
Knows nothing of what the client speaks. Invariant: an order returns when the client has done it, not when the broker has.
"""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Sequence

from waiting import TIMEOUT


class Ordered:
    """A process that a test orders about."""

    def __init__(self, name: str, command: Sequence[str]):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
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

    def order(self, order: str, **what: object) -> None:
        self.process.stdin.write(json.dumps({"order": order, **what}) + "\n")
        self.process.stdin.flush()
        if order != "stop":
            self.wait_for("done")

    def wait_for(self, event: str) -> dict:
        """Takes the oldest event of this kind, now or when it comes."""
        with self._news:
            if not self._news.wait_for(lambda: self.has(event) or self.has("ended"), TIMEOUT) or not self.has(event):
                raise AssertionError(f"{self.name}: no {event!r} within {TIMEOUT} s, but {self._events}")
            found = next(said for said in self._events if said["event"] == event)
            self._events.remove(found)
            return found

    def has(self, event: str) -> bool:
        """Whether an event of this kind waits to be taken."""
        return any(said["event"] == event for said in self._events)

    def stop(self) -> None:
        """A clean stop, with all the goodbyes the client knows."""
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
