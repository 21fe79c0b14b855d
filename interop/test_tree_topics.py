"""Stories of the tree's own MQTT topics, told with real Edge Nodes, `mosquitto_sub`, `mosquitto_pub` and MQTT.js."""

from __future__ import annotations

import json
import subprocess

import pytest

import mosquitto
from metrics import metric
from mosquitto import V5, V311, Subscriber
from waiting import TIMEOUT

GROUP = "Acme:Dallas:Press"
ROBOT = "Acme/Dallas/Press/Line1/Robot3"
TEMPERATURE = f"{ROBOT}/Axis/1/Temperature"


def temperature(value: float) -> dict:
    return metric("Axis/1/Temperature", "Double", value)


@pytest.fixture
def line(factree, edge_node, library):
    """Line1 with Robot3, born and Good."""
    node = edge_node(library, GROUP, "Line1")
    node.born(factree.mqtt_port, [metric("Speed", "Double", 1.5)], {"Robot3": [temperature(20.5)]})
    factree.until_value(TEMPERATURE, 20.5)
    return node


@pytest.fixture
def subscribe(factree):
    """Starts a `mosquitto_sub` and waits for its SUBACK."""
    started: list[Subscriber] = []

    def subscribe(filter: str, *more: str) -> Subscriber:
        started.append(Subscriber(factree.mqtt_port, filter, *more))
        return started[-1].subscribed()

    yield subscribe
    for subscriber in started:
        subscriber.close()


def told(message: dict) -> tuple:
    """A message by what it says."""
    sample = json.loads(message["payload"])
    return message["topic"], sample["value"], sample["quality"], int(message["retain"])


@pytest.mark.parametrize("version", [V311, V5])
def test_mosquitto_sub_reads_the_tree_as_it_is_and_as_it_changes(factree, line, subscribe, version):
    subscriber = subscribe(f"{ROBOT}/#", "-V", version, "-q", "1")
    assert told(subscriber.next()) == (TEMPERATURE, 20.5, "Good", 1)
    for value in (21.5, 22.5, 23.5):
        line.device_data("Robot3", temperature(value))
    assert [told(subscriber.next()) for _ in range(3)] == [
        (TEMPERATURE, value, "Good", 0) for value in (21.5, 22.5, 23.5)
    ]
    line.kill()
    assert told(subscriber.next()) == (TEMPERATURE, 23.5, "Stale", 0)


def test_mqtt_js_reads_it_too_and_members_of_a_group_share_it(factree, line, mqtt_js):
    url = f"mqtt://127.0.0.1:{factree.mqtt_port}"
    reader, one, two = (mqtt_js(url, name) for name in ("reader", "one", "two"))
    reader.subscribe(f"{ROBOT}/#", 1, rap=True, properties={"subscriptionIdentifier": 7})
    first = reader.message()
    assert told(first) == (TEMPERATURE, 20.5, "Good", 1)
    for member in (one, two):
        member.subscribe(f"$share/historians/{ROBOT}/#", 1)
    for value in (1.5, 2.5):
        line.device_data("Robot3", temperature(value))
    assert [told(reader.message()) for _ in range(2)] == [(TEMPERATURE, value, "Good", 1) for value in (1.5, 2.5)]
    shared = [json.loads(member.message()["payload"])["value"] for member in (one, two)]
    assert shared == [1.5, 2.5]


def test_who_publishes_where_an_edge_node_speaks_is_told_so(factree, line, subscribe, mqtt_js):
    subscriber = subscribe(TEMPERATURE)
    assert told(subscriber.next()) == (TEMPERATURE, 20.5, "Good", 1)
    wrote = mosquitto.command("mosquitto_pub", factree.mqtt_port, "-t", TEMPERATURE, "-m", "99", "-q", "1", "-V", V5)
    ended = subprocess.run(wrote, capture_output=True, text=True, timeout=TIMEOUT)
    assert "Not authorized" in ended.stdout + ended.stderr
    intruder = mqtt_js(f"mqtt://127.0.0.1:{factree.mqtt_port}", "intruder")
    intruder.send(TEMPERATURE, "99", 1)
    assert "Not authorized" in intruder.wait_for("published")["error"]
    line.device_data("Robot3", temperature(21.5))
    assert told(subscriber.next()) == (TEMPERATURE, 21.5, "Good", 0)
    assert factree.sample(TEMPERATURE)["value"] == 21.5
