"""Stories of real Edge Nodes: what their library sends is what the tree shows.

Each is told once and must hold for every library that can do what it needs.
"""

from __future__ import annotations

import signal

import pysparkplug
import pytest

import mosquitto
from edge_node import EdgeNode
from metrics import BORN_AT_JSON, CASES, births, data, metric
from payloads import read
from process import Factree
from talker import V5, Talker
from waiting import eventually

GROUP = "Acme:Dallas:Press"
LINE = "Acme/Dallas/Press/Line1"
ROBOT = f"{LINE}/Robot3"


def speed(value: float) -> dict:
    return metric("Speed", "Double", value)


def temperature(value: float, **more) -> dict:
    return metric("Axis/1/Temperature", "Float", value, **more)


@pytest.fixture
def line(factree: Factree, edge_node, library) -> EdgeNode:
    """Line1 with Robot3 and Robot4, born and Good."""
    node = edge_node(library, GROUP, "Line1")
    node.born(factree.mqtt_port, [speed(1.5)], {"Robot3": [temperature(20.5)], "Robot4": [temperature(30.5)]})
    factree.until_value(f"{LINE}/Robot4/Axis/1/Temperature", 30.5)
    return node


def assert_healthy(factree: Factree, edge_node: str = "Line1") -> None:
    """A library that behaves gave us nothing to complain about."""
    counters = factree.edge_node(GROUP, edge_node)["counters"]
    assert {name: counters[name] for name in ("seq_gaps", "rebirths_asked", "malformed")} == dict(
        seq_gaps=0, rebirths_asked=0, malformed=0
    )


def test_births_and_data_of_every_scalar_datatype_arrive_exactly(factree, edge_node, library):
    node = edge_node(library, GROUP, "Line1").born(factree.mqtt_port, births(), {"Robot3": births()})
    shown = lambda sample: (sample["value"], sample["datatype"], sample["quality"], sample["timestamp"])

    def now():
        samples = {path: shown(sample) for path, sample in factree.samples(f"{LINE}/#").items()}
        return {path: sample for path, sample in samples.items() if path.split("/")[-1] not in ("bdSeq", "Rebirth")}

    places = (LINE, ROBOT)
    born = {f"{at}/{c.name}": (c.birth_json, c.type, "Good", BORN_AT_JSON) for at in places for c in CASES}
    bare = "Bad" if "null in data" in library.cannot else "Good"  # without is_null, nobody said that null is meant
    eventually(now, born, what="births")

    later = BORN_AT_JSON.replace("00.123", "01.123")
    node.node_data(*data())
    node.device_data("Robot3", *data())
    qualities = {c.name: bare if c.data_json is None else "Good" for c in CASES}
    changed = {f"{at}/{c.name}": (c.data_json, c.type, qualities[c.name], later) for at in places for c in CASES}
    eventually(now, changed, what="data")
    assert_healthy(factree)


def test_the_tree_knows_what_the_edge_node_is_and_where_its_samples_come_from(factree, line):
    levels, element = {}, factree.element(depth=5)
    while element.get("children"):
        element = next(child for child in element["children"] if child["kind"] == "equipment")
        levels[element["path"]] = element["level"]
    assert levels == {
        "Acme": "enterprise",
        "Acme/Dallas": "site",
        "Acme/Dallas/Press": "area",
        LINE: "work_center",
        ROBOT: "work_unit",
    }
    source = factree.sample(f"{ROBOT}/Axis/1/Temperature")["source"]
    source.pop("metric_alias", None)  # srad makes one
    assert source == {
        "type": "sparkplug",
        "group": GROUP,
        "edge_node": "Line1",
        "device": "Robot3",
        "metric": "Axis/1/Temperature",
    }
    report = factree.edge_node(GROUP, "Line1")
    assert (report["state"], report["client_id"], report["path"]) == ("online", line.client_id, LINE)
    assert {device["device"]: device["state"] for device in report["devices"]} == {
        "Robot3": "online",
        "Robot4": "online",
    }


@pytest.mark.needs("unit")
def test_a_unit_is_shown_where_the_source_declares_one(factree, edge_node, library):
    edge_node(library, GROUP, "Line1").born(factree.mqtt_port, [], {"Robot3": [temperature(20.5, unit="°C")]})
    sample = factree.until_value(f"{ROBOT}/Axis/1/Temperature", 20.5, library.quality_beside_unit)
    assert sample["unit"] == "°C"
    assert factree.element(f"{ROBOT}/Axis/1/Temperature")["unit"] == "°C"


def test_data_finds_its_metric_by_alias(factree, edge_node, library):
    node = edge_node(library, GROUP, "Line1")
    robot3 = [temperature(20.5, alias=2), metric("Cycles", "UInt32", 1, alias=3)]
    node.born(factree.mqtt_port, [metric("Speed", "Double", 1.5, alias=1)], {"Robot3": robot3})
    factree.until_value(f"{ROBOT}/Cycles", 1)

    said = metric("Cycles", "UInt32", 2, alias=3), temperature(21.5, alias=2)
    node.device_data("Robot3", *said, by_alias="bare alias" not in library.cannot)
    sample = factree.until_value(f"{ROBOT}/Cycles", 2)
    assert sample["source"]["metric_alias"] == 3
    factree.until_value(f"{ROBOT}/Axis/1/Temperature", 21.5)
    assert_healthy(factree)


def test_seq_wraps_after_255_without_a_gap(factree, line):
    for count in range(600):
        line.device_data("Robot3", temperature(float(count)))
    factree.until_value(f"{ROBOT}/Axis/1/Temperature", 599.0)
    assert_healthy(factree)


def test_a_device_that_dies_is_stale_and_its_neighbours_stay_good(factree, line):
    line.device_death("Robot3")
    factree.until_quality(f"{ROBOT}/#", "Stale")
    assert factree.sample(f"{ROBOT}/Axis/1/Temperature")["value"] == 20.5, "the last value stays readable"
    assert factree.sample(f"{LINE}/Robot4/Axis/1/Temperature")["quality"] == "Good"
    assert factree.sample(f"{LINE}/Speed")["quality"] == "Good"

    line.device_birth("Robot3", temperature(25.5))
    factree.until_value(f"{ROBOT}/Axis/1/Temperature", 25.5)
    assert_healthy(factree)


def test_a_clean_stop_makes_everything_stale_and_a_new_start_good_again(factree, line, edge_node, library):
    line.stop()  # pysparkplug's NDEATH then carries the next bdSeq; what counts is that the session ended
    factree.until_quality(f"{LINE}/#", "Stale")
    assert factree.edge_node(GROUP, "Line1")["state"] == "offline"

    again = edge_node(library, GROUP, "Line1", client_id=line.client_id)
    again.born(factree.mqtt_port, [speed(2.5)], {"Robot3": [temperature(21.5)]})
    factree.until_value(f"{ROBOT}/Axis/1/Temperature", 21.5)
    factree.until_value(f"{LINE}/Speed", 2.5)
    assert factree.sample(f"{LINE}/Robot4/Axis/1/Temperature")["quality"] == "Stale", "Robot4 was not born again"


def test_a_killed_edge_node_is_stale_at_once_and_good_when_it_returns(factree, line, edge_node, library):
    line.kill()
    factree.until_quality(f"{LINE}/#", "Stale")

    again = edge_node(library, GROUP, "Line1", client_id=line.client_id)
    again.born(factree.mqtt_port, [speed(2.5)], {"Robot3": [temperature(21.5)], "Robot4": [temperature(31.5)]})
    factree.until_value(f"{LINE}/Robot4/Axis/1/Temperature", 31.5)
    factree.until_quality(f"{LINE}/#", "Good")


def test_an_edge_node_that_hangs_is_stale_when_its_keep_alive_runs_out(factree, edge_node, library):
    node = edge_node(library, GROUP, "Line1")
    node.born(factree.mqtt_port, [speed(1.5)], {"Robot3": [temperature(20.5)]}, keep_alive=1, reconnect=True)
    factree.until_value(f"{ROBOT}/Axis/1/Temperature", 20.5)

    node.freeze()
    factree.until_quality(f"{LINE}/#", "Stale")  # [MQTT-3.1.2-22]: after one and a half keep-alives
    node.thaw()
    factree.until_quality(f"{LINE}/#", "Good")


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_edge_nodes_come_back_by_themselves_when_factree_restarts(lasting, edge_node, library, end):
    node = edge_node(library, GROUP, "Line1")
    node.born(lasting.mqtt_port, [speed(1.5)], {"Robot3": [temperature(20.5)]}, reconnect=True)
    lasting.until_value(f"{ROBOT}/Axis/1/Temperature", 20.5)

    lasting.stop(end)
    lasting.restart()
    lasting.until_value(f"{ROBOT}/Axis/1/Temperature", 20.5)
    node.device_data("Robot3", temperature(21.5))
    lasting.until_value(f"{ROBOT}/Axis/1/Temperature", 21.5)
    lasting.until_quality(f"{LINE}/#", "Good")
    assert lasting.edge_node(GROUP, "Line1")["state"] == "online"
    assert_healthy(lasting)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_the_tree_is_there_and_stale_until_the_edge_nodes_are_back(lasting, edge_node, library, end):
    node = edge_node(library, GROUP, "Line1")
    node.born(lasting.mqtt_port, [speed(1.5)], {"Robot3": [temperature(20.5)]}, reconnect=True)
    lasting.until_value(f"{ROBOT}/Axis/1/Temperature", 20.5)
    before = lasting.sample(f"{ROBOT}/Axis/1/Temperature")
    # Births are noted for the disk when they arrive; what is acknowledged later is on it later.
    mosquitto.publish(lasting.mqtt_port, "Acme/Barrier", "1", "-q", "1", "-r")

    node.freeze()
    lasting.stop(end)
    lasting.restart()
    after = lasting.sample(f"{ROBOT}/Axis/1/Temperature")
    assert (after["value"], after["quality"]) == (20.5, "Stale")
    assert {name: after[name] for name in ("datatype", "timestamp")} == {
        name: before[name] for name in ("datatype", "timestamp")
    }
    assert lasting.edge_node(GROUP, "Line1")["state"] != "online"

    node.thaw()
    lasting.until_value(f"{ROBOT}/Axis/1/Temperature", 20.5)
    lasting.until_quality(f"{LINE}/#", "Good")


@pytest.mark.needs("unborn data")
def test_an_edge_node_that_speaks_of_an_unknown_device_is_asked_for_a_rebirth_and_understands(factree, line):
    line.device_unborn("Robot9", temperature(90.5))
    line.device_data("Robot9", temperature(90.5))

    command = line.wait_for("command")
    assert [(m["name"], m["value"]) for m in command["metrics"]] == [("Node Control/Rebirth", True)]
    factree.until_value(f"{LINE}/Robot9/Axis/1/Temperature", 90.5)
    factree.until_quality(f"{LINE}/#", "Good")
    assert factree.edge_node(GROUP, "Line1")["counters"]["rebirths_asked"] == 1


def test_an_edge_node_taken_over_by_another_connection_ends_good(factree, line, edge_node, library):
    spare = edge_node(library, GROUP, "Line1", client_id=line.client_id)
    spare.born(factree.mqtt_port, [speed(9.5)], {"Robot3": [temperature(29.5)], "Robot4": [temperature(39.5)]})
    line.wait_for("closed")

    factree.until_value(f"{LINE}/Robot4/Axis/1/Temperature", 39.5)
    factree.until_quality(f"{LINE}/#", "Good")
    assert factree.edge_node(GROUP, "Line1")["state"] == "online"
    spare.device_data("Robot3", temperature(28.5))
    factree.until_value(f"{ROBOT}/Axis/1/Temperature", 28.5)


def test_the_late_death_of_an_old_connection_does_not_end_the_new_one(factree, edge_node, library):
    """A cable is pulled and the Edge Node returns, under another client id, before its old session has timed out.

    The old will then says NDEATH, and with a library that starts its bdSeq anew it even matches the new NBIRTH.
    """
    old = edge_node(library, GROUP, "Line1", client_id="before")
    old.born(factree.mqtt_port, [speed(1.5)], {"Robot3": [temperature(20.5)]}, keep_alive=2)
    factree.until_value(f"{ROBOT}/Axis/1/Temperature", 20.5)
    watcher = Talker(factree.mqtt_port, "watcher", V5)
    watcher.subscribe(f"spBv1.0/{GROUP}/NDEATH/Line1")
    old.freeze()

    new = edge_node(library, GROUP, "Line1", client_id="after")
    new.born(factree.mqtt_port, [speed(2.5)], {"Robot3": [temperature(21.5)]})
    factree.until_value(f"{ROBOT}/Axis/1/Temperature", 21.5)
    watcher.next()
    # tahu-edge hears this NDEATH as its own and sends its births again; nobody else does anything, so nobody else was hurt.
    factree.until_quality(f"{LINE}/#", "Good")
    report = factree.edge_node(GROUP, "Line1")
    assert (report["state"], report["client_id"]) == ("online", "after")
    watcher.close()


def test_another_host_hears_the_edge_node_through_factree_and_commands_it(factree, edge_node, library):
    host = Talker(factree.mqtt_port, "host", V5)
    host.subscribe("spBv1.0/#")
    state = host.next()
    assert state.retain and state.topic == "spBv1.0/STATE/factree"
    node = edge_node(library, GROUP, "Line1")
    node.born(factree.mqtt_port, [speed(1.5)], {"Robot3": [temperature(20.5)]})
    node.device_data("Robot3", temperature(21.5))

    heard = [host.next() for _ in range(3)]
    kinds = ["NBIRTH/Line1", "DBIRTH/Line1/Robot3", "DDATA/Line1/Robot3"]
    assert [message.topic for message in heard] == [f"spBv1.0/{GROUP}/{kind}" for kind in kinds]
    assert not any(message.retain for message in heard)
    assert read(heard[2].payload).metrics[0].float_value == 21.5

    now = pysparkplug.get_current_timestamp()
    rebirth = pysparkplug.Metric(now, "Node Control/Rebirth", pysparkplug.DataType.BOOLEAN, value=True)
    command = pysparkplug.NCmd(now, (rebirth,)).encode(include_dtypes=True)
    host.publish(f"spBv1.0/{GROUP}/NCMD/Line1", command, qos=0)
    node.wait_for("command")
    eventually(lambda: factree.edge_node(GROUP, "Line1")["counters"]["births"], 4, what="NBIRTH and DBIRTH, twice")
    factree.until_quality(f"{LINE}/#", "Good")
    host.close()


def test_an_edge_node_whose_births_were_never_seen_is_unborn_until_it_answers(factree):
    plc = Talker(factree.mqtt_port, "plc", V5)
    plc.subscribe(f"spBv1.0/{GROUP}/NCMD/Line7")
    now = pysparkplug.get_current_timestamp()
    bd_seq = pysparkplug.Metric(now, "bdSeq", pysparkplug.DataType.INT64, value=0)
    force = pysparkplug.Metric(now, "Force", pysparkplug.DataType.DOUBLE, value=812.5)
    data, birth = pysparkplug.NData(now, 9, (force,)), pysparkplug.NBirth(now, 0, (bd_seq, force))

    plc.publish(f"spBv1.0/{GROUP}/NDATA/Line7", data.encode(include_dtypes=True), qos=0)
    asked = pysparkplug.NCmd.decode(plc.next().payload).metrics
    assert [(metric.name, metric.value) for metric in asked] == [("Node Control/Rebirth", True)]
    assert factree.edge_node(GROUP, "Line7")["state"] == "unborn"

    plc.publish(f"spBv1.0/{GROUP}/NBIRTH/Line7", birth.encode(include_dtypes=True), qos=0)
    factree.until_value("Acme/Dallas/Press/Line7/Force", 812.5)
    assert factree.edge_node(GROUP, "Line7")["state"] == "online"
    plc.close()
