"""docs/guides/connect.md keeps its word: its programs are run as they stand there, with the two ports exchanged.

Its commands are, with those of all guides, in `test_guides.py`; `console` (installing) and `json` (Node-RED) are not run.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pysparkplug
import pytest

from process import Factree
from talker import V311, Talker
from waiting import TIMEOUT, eventually

HERE = Path(__file__).parent
GUIDE = (HERE.parent / "docs/guides/connect.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def with_ports(text: str, factree: Factree) -> str:
    return text.replace("1883", str(factree.mqtt_port)).replace("8080", str(factree.http_port))


@pytest.mark.parametrize(
    "language, runner, edge_node, metric",
    [("js", "node", "Line1", "Robot3/Cycles"), ("python", sys.executable, "Line2", "Press/Strokes")],
    ids=["sparkplug-client", "pysparkplug"],
)
def test_the_programs_are_edge_nodes(factree, tmp_path, language, runner, edge_node, metric):
    (program,) = blocks(language)
    file = tmp_path / f"program.{language}"
    file.write_text(with_ports(program, factree))
    path = f"Acme/Dallas/Press/{edge_node}/{metric}"
    environment = {**os.environ, "NODE_PATH": str(HERE / "node_modules")}
    running = subprocess.Popen([runner, str(file)], env=environment, preexec_fn=hear_ctrl_c)
    try:
        factree.until_value(path, 1)
        factree.until_value(path, 2)

        births = lambda: factree.edge_node("Acme:Dallas:Press", edge_node)["counters"]["births"]
        born = births()
        ask_for_rebirth(factree, edge_node)
        eventually(births, born + 2, what="births, asked for once more")
        factree.until_quality(f"Acme/Dallas/Press/{edge_node}/#", "Good")

        running.send_signal(signal.SIGINT)
        assert running.wait(TIMEOUT) == 0
        factree.until_quality(f"Acme/Dallas/Press/{edge_node}/#", "Stale")
    finally:
        running.kill()
        running.wait()


def hear_ctrl_c() -> None:
    """What a shell has put into the background ignores Ctrl-C, and so would everything it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ask_for_rebirth(factree: Factree, edge_node: str) -> None:
    now = pysparkplug.get_current_timestamp()
    rebirth = pysparkplug.Metric(now, "Node Control/Rebirth", pysparkplug.DataType.BOOLEAN, value=True)
    host = Talker(factree.mqtt_port, "host", V311)
    command = pysparkplug.NCmd(now, (rebirth,)).encode(include_dtypes=True)
    host.publish(f"spBv1.0/Acme:Dallas:Press/NCMD/{edge_node}", command, qos=1)
    host.close()


def test_the_node_red_flow_is_a_flow():
    (flow,) = blocks("json")
    nodes = {node["id"]: node for node in json.loads(flow)}
    wired = {target for node in nodes.values() for wire in node.get("wires", []) for target in wire}
    assert wired <= nodes.keys()
