"""Stories of values that are set over HTTP and of rebirths asked for, with Edge Nodes that obey."""

from __future__ import annotations

import pytest

from edge_node import EdgeNode
from metrics import CASES, metric
from process import Factree
from waiting import eventually

GROUP = "Acme:Dallas:Press"
LINE = "Acme/Dallas/Press/Line1"
ROBOT = f"{LINE}/Robot3"

SETTABLE = {case.name: case for case in CASES if case.data is not None and not case.name.startswith("Null/")}


def births() -> list[dict]:
    return [metric(case.name, case.type, case.birth) for case in SETTABLE.values()]


@pytest.fixture
def line(factree: Factree, edge_node, library) -> EdgeNode:
    """Line1 with Robot3, each with a metric of every scalar datatype."""
    node = edge_node(library, GROUP, "Line1").born(factree.mqtt_port, births(), {"Robot3": births()})
    factree.until_value(f"{ROBOT}/Boolean", True)
    return node


@pytest.mark.parametrize("at", [LINE, ROBOT], ids=["NCMD", "DCMD"])
def test_a_value_of_every_scalar_datatype_that_is_set_arrives_and_is_confirmed(factree, line, library, at):
    heard = {}
    for name, case in SETTABLE.items():
        command = factree.set(f"{at}/{name}", case.data_json)
        heard[name] = line.wait_for("command")["metrics"]
        confirmed = factree.until_confirmed(command)
        assert (confirmed["value"], confirmed["datatype"]) == (case.data_json, case.type)
        assert factree.sample(f"{at}/{name}")["value"] == case.data_json
    assert {name: [said["name"] for said in metrics] for name, metrics in heard.items()} == {
        name: [name] for name in heard
    }


def test_a_metric_that_was_born_with_an_alias_is_set_by_it(factree, edge_node, library):
    node = edge_node(library, GROUP, "Line1")
    robot = [metric("Speed", "Double", 1.5, alias=7), metric("Cycles", "Int32", 1, alias=8)]
    node.born(factree.mqtt_port, [], {"Robot3": robot})
    factree.until_value(f"{ROBOT}/Cycles", 1)
    command = factree.set(f"{ROBOT}/Speed", 2.5)
    assert [(said["name"], float(said["value"])) for said in node.wait_for("command")["metrics"]] == [("Speed", 2.5)]
    factree.until_confirmed(command)
    assert factree.sample(f"{ROBOT}/Cycles")["value"] == 1


@pytest.mark.needs("late commands")
def test_a_device_that_is_born_later_takes_commands_too(factree, line):
    line.device_birth("Robot9", metric("Speed", "Double", 1.5))
    factree.until_value(f"{LINE}/Robot9/Speed", 1.5)
    factree.until_confirmed(factree.set(f"{LINE}/Robot9/Speed", 2.5))


def test_an_edge_node_that_is_asked_for_a_rebirth_sends_all_its_births_again(factree, line):
    status, body = factree.ask_rebirth(GROUP, "Line1")
    assert status == 202, body
    told = line.wait_for("command")["metrics"]
    assert [(said["name"], said["value"]) for said in told] == [("Node Control/Rebirth", True)]
    line.wait_for("born")
    eventually(lambda: factree.edge_node(GROUP, "Line1")["counters"]["births"], 4, what="NBIRTH and DBIRTH, twice")
    factree.until_quality(f"{LINE}/#", "Good")
    assert factree.ask_rebirth(GROUP, "Line1")[0] == 429, "once in a while is enough"


def test_who_is_offline_takes_no_commands(factree, line):
    line.kill()
    factree.until_quality(f"{LINE}/#", "Stale")
    status, problem = factree.send("PUT", f"/api/v1/values/{ROBOT}/Boolean", {"value": False})
    assert (status, problem["type"]) == (409, "urn:factree:problem:offline")
    status, problem = factree.ask_rebirth(GROUP, "Line1")
    assert (status, problem["type"]) == (409, "urn:factree:problem:offline")
