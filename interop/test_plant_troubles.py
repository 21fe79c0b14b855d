"""Stories of what goes wrong in a plant: two Edge Nodes of one name, clocks that are off, messages that are missing or
early, an Edge Node that does not notice that Factree was away.

Where no library can be made to do it, `paho-mqtt` says payloads of `payloads.py`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from edge_node import SRAD_ON_THREADS
from metrics import metric
from payloads import payload, read
from process import Factree
from talker import V5, Talker
from waiting import eventually

GROUP = "Acme:Dallas:Press"
LINE = "Acme/Dallas/Press/Line1"
ROBOT = f"{LINE}/Robot3"

SPEED = {"name": "Speed", "type": "Double", "alias": 1}
FORCE = {"name": "Force", "type": "Double", "alias": 2}


def birth(bd_seq: int = 0) -> bytes:
    rebirth = {"name": "Node Control/Rebirth", "type": "Boolean", "value": False}
    bd = {"name": "bdSeq", "type": "Int64", "value": bd_seq}
    return payload(bd, rebirth, {**SPEED, "value": 1.5}, {**FORCE, "value": 800.5}, seq=0)


def speed(value: float, seq: int) -> bytes:
    return payload({"alias": 1, "type": "Double", "value": value, "declared": False}, seq=seq)


def force(value: float, seq: int) -> bytes:
    return payload({"alias": 2, "type": "Double", "value": value, "declared": False}, seq=seq)


def say(plc: Talker, kind: str, payload: bytes) -> None:
    """With QoS 1, so that Factree has judged it when this returns; Edge Nodes use 0."""
    plc.publish(f"spBv1.0/{GROUP}/{kind}/Line1", payload, qos=1)


def counters(factree: Factree) -> dict:
    return factree.edge_node(GROUP, "Line1")["counters"]


def test_of_two_edge_nodes_with_one_name_the_last_born_is_shown_and_the_end_of_the_other_changes_nothing(
    factree, edge_node, connect, library
):
    first = edge_node(library, GROUP, "Line1", client_id="cabinet-1")
    first.born(factree.mqtt_port, [], {"Robot3": [metric("Speed", "Double", 1.5)]})
    factree.until_value(f"{ROBOT}/Speed", 1.5)
    second = edge_node(library, GROUP, "Line1", client_id="cabinet-2")
    second.born(factree.mqtt_port, [], {"Robot3": [metric("Speed", "Double", 2.5)]})
    factree.until_value(f"{ROBOT}/Speed", 2.5)

    watcher = connect(factree.mqtt_port, "watcher", V5)
    watcher.subscribe(f"spBv1.0/{GROUP}/NDEATH/Line1")
    first.kill()
    watcher.next()
    report = factree.edge_node(GROUP, "Line1")
    assert (report["state"], report["client_id"]) == ("online", "cabinet-2")
    # tahu-edge hears this NDEATH as its own and sends its births again; nobody else does anything, so nobody else was hurt.
    factree.until_quality(f"{LINE}/#", "Good")
    second.device_data("Robot3", metric("Speed", "Double", 3.5))
    factree.until_value(f"{ROBOT}/Speed", 3.5)


def test_of_two_edge_nodes_that_talk_under_one_name_the_last_born_is_listened_to(factree, edge_node, connect, library):
    nodes = [edge_node(library, GROUP, "Line1", client_id=client_id) for client_id in ("cabinet-1", "cabinet-2")]
    for value, node in enumerate(nodes):
        metrics = [metric("Speed", "Double", float(value)), metric("Load", "Double", float(value))]
        node.born(factree.mqtt_port, [], {"Robot3": metrics})
        factree.until_value(f"{ROBOT}/Load", float(value))
    watcher = connect(factree.mqtt_port, "watcher", V5)
    watcher.subscribe(f"spBv1.0/{GROUP}/DDATA/Line1/+")
    before = counters(factree)["findings"]
    first, second = nodes
    for count in range(5):
        first.device_data("Robot3", metric("Load", "Double", 99.5))
        watcher.next()  # others get it all the same
        second.device_data("Robot3", metric("Speed", "Double", count + 0.5))
        watcher.next()
        factree.until_value(f"{ROBOT}/Speed", count + 0.5)
        assert factree.sample(f"{ROBOT}/Load")["value"] == 1.0
    assert counters(factree)["findings"] > before
    assert (counters(factree)["rebirths_asked"], counters(factree)["seq_gaps"]) == (0, 0)
    assert factree.edge_node(GROUP, "Line1")["client_id"] == "cabinet-2"


@pytest.mark.parametrize("clock", [1, 4_102_444_800_000], ids=["1970", "2100"])
def test_a_clock_that_is_off_is_shown_as_it_is_said_and_ours_beside_it(factree, edge_node, library, clock):
    before = datetime.now(UTC)
    node = edge_node(library, GROUP, "Line1")
    node.born(factree.mqtt_port, [], {"Robot3": [metric("Speed", "Double", 1.5), metric("Load", "Double", 0.5)]})
    factree.until_value(f"{ROBOT}/Speed", 1.5)
    node.device_data("Robot3", metric("Speed", "Double", 2.5, timestamp=clock))
    sample = factree.until_value(f"{ROBOT}/Speed", 2.5)
    assert datetime.fromisoformat(sample["timestamp"]) == datetime.fromtimestamp(clock / 1000, UTC)
    assert before.replace(microsecond=0) <= datetime.fromisoformat(sample["received"]) <= datetime.now(UTC)
    node.device_data("Robot3", metric("Speed", "Double", 3.5))
    sample = factree.until_value(f"{ROBOT}/Speed", 3.5)
    assert sample["timestamp"] != factree.sample(f"{ROBOT}/Load")["timestamp"], "a step back is followed too"


def test_an_edge_node_that_did_not_notice_a_restart_goes_on_by_metric_alias(lasting, connect):
    plc = connect(lasting.mqtt_port, "plc", V5)
    say(plc, "NBIRTH", birth())
    say(plc, "NDATA", speed(2.5, seq=1))
    lasting.terminate()
    lasting.restart()
    assert lasting.sample(f"{LINE}/Speed")["quality"] == "Stale"

    plc = connect(lasting.mqtt_port, "plc", V5)
    plc.subscribe(f"spBv1.0/{GROUP}/NCMD/Line1")
    say(plc, "NDATA", speed(3.5, seq=2))
    lasting.until_value(f"{LINE}/Speed", 3.5)
    assert counters(lasting)["rebirths_asked"] == 0
    assert lasting.edge_node(GROUP, "Line1")["state"] == "online"


def test_a_message_that_is_missing_is_answered_by_one_rebirth_request(factree, connect):
    plc = connect(factree.mqtt_port, "plc", V5)
    plc.subscribe(f"spBv1.0/{GROUP}/NCMD/Line1")
    say(plc, "NBIRTH", birth())
    for seq in (1, 3, 4, 6):
        say(plc, "NDATA", speed(float(seq), seq))
    (asked,) = read(plc.next().payload).metrics
    assert (asked.name, asked.boolean_value) == ("Node Control/Rebirth", True)
    assert (counters(factree)["rebirths_asked"], counters(factree)["seq_gaps"]) == (1, 2)
    say(plc, "NBIRTH", birth())
    factree.until_value(f"{LINE}/Speed", 1.5)


def test_within_the_reorder_window_messages_may_come_in_any_order(start, connect):
    factree = start(config='[sparkplug]\nreorder_window = "5 s"\n')
    plc = connect(factree.mqtt_port, "plc", V5)
    say(plc, "NBIRTH", birth())
    for seq in (1, 3, 5, 4, 2):
        say(plc, "NDATA", speed(float(seq), seq) if seq % 2 else force(float(seq), seq))
    factree.until_value(f"{LINE}/Speed", 5.0)
    factree.until_value(f"{LINE}/Force", 4.0)
    assert counters(factree)["rebirths_asked"] == 0


def test_an_edge_node_whose_messages_overtake_each_other_is_asked_for_nothing_within_the_window(start, edge_node):
    factree = start(config='[sparkplug]\nreorder_window = "5 s"\n')
    robots = [f"Robot{number}" for number in range(10)]
    for _ in range(10):
        node = edge_node(SRAD_ON_THREADS, GROUP, "Line1")
        node.born(factree.mqtt_port, [], {robot: [metric("Speed", "Double", 1.5)] for robot in robots})
        factree.until_quality(f"{LINE}/+/Speed", "Good", count=len(robots))
        node.kill()
        factree.until_quality(f"{LINE}/+/Speed", "Stale", count=len(robots))
    assert (counters(factree)["rebirths_asked"], counters(factree)["seq_gaps"]) == (0, 0)


def test_what_never_comes_is_asked_for_when_the_reorder_window_is_over(start, connect):
    factree = start(config='[sparkplug]\nreorder_window = "300 ms"\n')
    plc = connect(factree.mqtt_port, "plc", V5)
    plc.subscribe(f"spBv1.0/{GROUP}/NCMD/Line1")
    say(plc, "NBIRTH", birth())
    said = time.monotonic()
    say(plc, "NDATA", speed(2.5, seq=2))
    (asked,) = read(plc.next().payload).metrics
    assert (asked.name, asked.boolean_value) == ("Node Control/Rebirth", True)
    assert time.monotonic() - said >= 0.3
