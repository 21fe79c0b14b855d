"""A real Edge Node in a process of its own, made of one of the Sparkplug libraries that people use.

All take the same orders (see `clients/`), so a story is told once and must hold for each library that can do what it needs.
Knows nothing of Factree. Invariant: an order returns when the library has done it, not when the broker has.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from orders import Ordered

CLIENTS = Path(__file__).parent / "clients"
CACHE = Path(__file__).parent / ".cache"
"""Where `interop/run` puts what has to be built."""


@dataclass(frozen=True)
class Library:
    """One Sparkplug library and what is peculiar to it."""

    name: str
    version: str
    command: tuple[str, ...]
    cannot: dict[str, str] = field(default_factory=dict)
    """Abilities it lacks, and why; a story marked `needs` is not told with it."""
    keep_alive_min: int = 1
    """Seconds."""
    quality_beside_unit: str = "Good"
    """What it says of a metric that has a unit."""

    def __str__(self) -> str:
        return self.name


ABILITIES = {
    "bare alias": "data with a metric alias and without a name",
    "arrays": "metrics of the array datatypes",
    "DataSet": "metrics that are tables",
    "Template": "definitions of Templates and their instances",
    "unit": "properties of a metric",
    "quality": "a metric that says itself that it is Bad",
    "compression": "compressed data",
    "compressed births": "births that are compressed too",
    "null in data": "data that say that a metric has no value",
    "unborn data": "data of a Device that was never born",
    "DataSet command": "commands that set a table",
    "late commands": "commands to a Device that was born after the Edge Node connected",
    "primary host": "births only while its Host Application is online",
}
"""What a story may need of a library."""

NO_HOST = "it does not listen to STATE"

NPM = Library(
    "sparkplug-client",
    "3.2.4",
    ("node", str(CLIENTS / "npm_edge_node.cjs")),
    cannot={
        "arrays": "it has no array datatypes and sends them as type 0, without a value",
        "DataSet command": "a column of Int32 ends the program with an error",
        "primary host": NO_HOST,
    },
)
PYPI = Library(
    "pysparkplug",
    "0.6.1",
    (sys.executable, str(CLIENTS / "pypi_edge_node.py")),
    cannot={
        "bare alias": "every metric has its name",
        "DataSet": "not implemented",
        "DataSet command": "not implemented",
        "Template": "not implemented",
        "unit": "it knows no properties",
        "quality": "it knows no properties",
        "compression": "not implemented",
        "compressed births": "not implemented",
        "primary host": NO_HOST,
    },
)
SRAD = Library(
    "srad",
    "0.5.0",
    (str(CACHE / "srad/debug/srad-edge-node"),),
    cannot={
        "Template": "the definitions never leave it: they are made for each NBIRTH and then dropped",
        "quality": "its Good is 0, which means Bad, and its Bad is 192, which means Good",
        "compression": "not implemented",
        "compressed births": "not implemented",
        "null in data": "it leaves out the value and does not set is_null",
        "unborn data": "it refuses to send them",
        "primary host": "it subscribes to STATE and does nothing about it",
    },
    keep_alive_min=5,
    quality_beside_unit="Bad",  # its properties always come with its Good, which is 0
)
SRAD_ON_THREADS = replace(SRAD, command=(*SRAD.command, "--threads"))
"""As most programs run it: its messages overtake each other now and then."""
TAHU = Library(
    "tahu-edge",
    "1.0.19",
    # A short life: no time spent on optimising; and the thread that never rests (see EdgeNode.java) yields to the others.
    (
        *("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"),
        *("-XX:ThreadPriorityPolicy=1", "-XX:JavaPriority1_To_OSPriority=10"),
        f"-Dlogback.configurationFile={CLIENTS / 'tahu/logback.xml'}",
        *("-cp", f"{CACHE / 'tahu/classes'}:{CACHE / 'tahu/lib'}/*", "EdgeNode"),
    ),
    cannot={
        "compressed births": "its EdgeClient wants births uncompressed",
        "late commands": "it subscribes to those of the Devices it knows by then",
    },
)
LIBRARIES = (NPM, PYPI, SRAD, TAHU)


def abilities() -> list[str]:
    """What stories need of a library and which of them has it, as the lines of a table in Markdown."""
    rows = [["", *(f"{library.name} {library.version}" for library in LIBRARIES)], ["---"] * (1 + len(LIBRARIES))]
    for ability, meaning in ABILITIES.items():
        has = lambda library: f"no: {library.cannot[ability]}" if ability in library.cannot else "yes"
        rows.append([meaning, *map(has, LIBRARIES)])
    return [f"| {' | '.join(row)} |".replace("|  |", "| |") for row in rows]


class EdgeNode(Ordered):
    """An Edge Node that a test orders about."""

    def __init__(self, library: Library, group: str, edge_node: str, *, client_id: str | None = None):
        super().__init__(library.name, library.command)
        self.library, self.group, self.edge_node = library, group, edge_node
        self.client_id = client_id or f"{edge_node}-{os.urandom(4).hex()}"

    def born(
        self,
        port: int,
        node: list[dict],
        devices: dict[str, list[dict]],
        *,
        keep_alive: int = 30,
        reconnect: bool = False,
        **more: str,
    ) -> EdgeNode:
        """Connects and sends NBIRTH and DBIRTHs. `more` may say `compress`, which is `GZIP` or `DEFLATE`."""
        self.connect(port, node, devices, keep_alive=keep_alive, reconnect=reconnect, **more)
        self.wait_for("born")
        return self

    def connect(
        self, port: int, node: list[dict], devices: dict[str, list[dict]], *, keep_alive: int, reconnect: bool, **more: str
    ) -> None:
        """Connects. With a `primary_host`, nothing is born before that host is online."""
        where = dict(port=port, group=self.group, edge_node=self.edge_node, client_id=self.client_id)
        how = dict(keep_alive=max(keep_alive, self.library.keep_alive_min), reconnect=reconnect)
        self.order("connect", node=node, devices=devices, **how, **where, **more)

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
