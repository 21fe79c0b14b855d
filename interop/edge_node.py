"""A real Edge Node in a process of its own: `sparkplug-client` from npm or `pysparkplug` from PyPI.

Both take the same orders (see `clients/`), so a story is told once and must hold for both.
Knows nothing of Factree. Invariant: an order returns when the library has done it, not when the broker has.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from orders import Ordered

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


class EdgeNode(Ordered):
    """An Edge Node that a test orders about."""

    def __init__(self, library: Library, group: str, edge_node: str, *, client_id: str | None = None):
        super().__init__(library.name, library.command)
        self.library, self.group, self.edge_node = library, group, edge_node
        self.client_id = client_id or f"{edge_node}-{os.urandom(4).hex()}"

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
