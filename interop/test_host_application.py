"""Stories of Factree as a Sparkplug Aware server and as a Host Application, as others see it by MQTT."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

import mosquitto
from edge_node import NPM
from metrics import metric
from mosquitto import Subscriber
from payloads import read
from talker import V5, V311, Talker
from waiting import TIMEOUT

GROUP = "Acme:Dallas:Press"
LINE = "Acme/Dallas/Press/Line1"
CERTIFICATES = "$sparkplug/certificates/#"
STATE = "spBv1.0/STATE/factree"


def certificates(port: int, count: int) -> dict[str, str]:
    """What a host that comes late is handed by `mosquitto_sub`: payloads as hexadecimal digits by topic."""
    arguments = ("-t", CERTIFICATES, "--retained-only", "-C", str(count), "-F", "%r %t %x", "-W", str(int(TIMEOUT)))
    told = subprocess.run(mosquitto.command("mosquitto_sub", port, *arguments), capture_output=True, text=True)
    lines = [line.split(" ") for line in told.stdout.splitlines()]
    assert [retain for retain, *_ in lines] == ["1"] * count, told
    return {topic: payload for _, topic, payload in lines}


def state(message: dict) -> tuple[bool, int]:
    said = json.loads(message["payload"])
    assert said.keys() == {"online", "timestamp"}
    return said["online"], said["timestamp"]


def test_births_are_kept_byte_for_byte_for_hosts_that_come_late(lasting, edge_node, connect, library):
    host = connect(lasting.mqtt_port, "host", V5)
    host.subscribe("spBv1.0/+/+/Line1/#")
    node = edge_node(library, GROUP, "Line1")
    node.born(lasting.mqtt_port, [metric("Speed", "Double", 1.5)], {"Robot3": [metric("Load", "Float", 0.5)]})
    births = {f"$sparkplug/certificates/{it.topic}": it.payload.hex() for it in host.take(2)}
    node.device_data("Robot3", metric("Load", "Float", 1.5))
    lasting.until_value(f"{LINE}/Robot3/Load", 1.5)
    assert certificates(lasting.mqtt_port, 2) == births

    # What is acknowledged after them is on the disk after them.
    mosquitto.publish(lasting.mqtt_port, "Acme/Barrier", "1", "-q", "1", "-r")
    lasting.kill()
    lasting.restart()
    assert certificates(lasting.mqtt_port, 2) == births, "and they outlive the process"


@pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])
def test_nobody_else_makes_certificates(factree, edge_node, connect, version):
    node = edge_node(NPM, GROUP, "Line1").born(factree.mqtt_port, [], {"Robot3": [metric("Load", "Float", 0.5)]})
    factree.until_value(f"{LINE}/Robot3/Load", 0.5)
    before = certificates(factree.mqtt_port, 2)
    forger: Talker = connect(factree.mqtt_port, "forger", version)
    for topic in before:
        mosquitto.run("mosquitto_pub", factree.mqtt_port, "-t", topic, "-m", "forged", "-r", "-q", "0")
        forger.send(topic, "forged", qos=0)
    node.device_data("Robot3", metric("Load", "Float", 1.5))
    factree.until_value(f"{LINE}/Robot3/Load", 1.5)
    assert certificates(factree.mqtt_port, 2) == before


def test_an_ndeath_says_when_the_edge_node_died_and_not_when_it_connected(factree, edge_node, connect, library):
    watcher = connect(factree.mqtt_port, "watcher", V5)
    watcher.subscribe(f"spBv1.0/{GROUP}/NDEATH/Line1")
    node = edge_node(library, GROUP, "Line1").born(factree.mqtt_port, [metric("Speed", "Double", 1.5)], {})
    factree.until_value(f"{LINE}/Speed", 1.5)
    killed = time.time_ns() // 1_000_000
    node.kill()
    death = read(watcher.next().payload)
    assert death.timestamp >= killed
    assert [(metric.name, metric.long_value) for metric in death.metrics] == [("bdSeq", 0)]


def test_state_says_that_the_host_is_online_since_when_and_that_it_goes(factree):
    started = time.time_ns() // 1_000_000
    panel = Subscriber(factree.mqtt_port, "spBv1.0/STATE/+", "-q", "1").subscribed()
    message = panel.next()
    assert (message["topic"], message["qos"], message["retain"]) == (STATE, 1, 1)
    online, since = state(message)
    assert online and since <= started

    factree.terminate()
    online, gone = state(panel.next())
    assert not online and gone >= started
    panel.close()


def test_after_a_kill_nobody_sees_the_state_of_the_last_life(lasting):
    first = Subscriber(lasting.mqtt_port, STATE, "-q", "1").subscribed()
    online, before = state(first.next())
    assert online
    first.close()
    lasting.kill()
    lasting.restart()
    second = Subscriber(lasting.mqtt_port, STATE, "-q", "1").subscribed()
    online, after = state(second.next())
    assert online and after > before
    second.close()


def test_who_says_that_the_host_is_gone_is_put_right_at_once(factree):
    panel = Subscriber(factree.mqtt_port, STATE, "-q", "1").subscribed()
    truth = panel.next()["payload"]
    lie = json.dumps({"online": False, "timestamp": time.time_ns() // 1_000_000})
    mosquitto.publish(factree.mqtt_port, STATE, lie, "-q", "1", "-r")
    assert [panel.next()["payload"] for _ in range(2)] == [lie, truth]
    late = Subscriber(factree.mqtt_port, STATE, "-q", "1").subscribed()
    assert late.next()["payload"] == truth
    for it in (panel, late):
        it.close()


@pytest.mark.needs("primary host")
def test_an_edge_node_that_waits_for_its_host_is_born_and_stays_away_when_the_host_goes(lasting, edge_node, library):
    node = edge_node(library, GROUP, "Line1")
    waiting = dict(keep_alive=30, reconnect=True, primary_host="factree")
    node.connect(lasting.mqtt_port, [metric("Speed", "Double", 1.5)], {}, **waiting)
    node.wait_for("born")
    lasting.until_value(f"{LINE}/Speed", 1.5)
    lasting.terminate()
    lasting.restart()
    node.wait_for("born")
    lasting.until_value(f"{LINE}/Speed", 1.5)
    node.node_data(metric("Speed", "Double", 2.5))
    lasting.until_value(f"{LINE}/Speed", 2.5)
