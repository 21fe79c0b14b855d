"""Stories of a Factree that is killed or stopped and starts again, as clients live through it.

Every client here comes back by itself and goes on by the means of its library; a story only ends Factree and starts it
again. SIGKILL comes in the middle of the traffic, wherever that is.
"""

from __future__ import annotations

import signal

import pytest

import mosquitto
import talker
from mosquitto import Subscriber
from mqtt_js import MqttJs
from process import Factree
from talker import Talker

ends = pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])

COUNT = 150
"""How many messages; Factree ends when a third of them has arrived."""


@pytest.fixture(params=["paho 3.1.1", "paho 5.0", "MQTT.js 3.1.1", "MQTT.js 5.0"])
def faithful(request, connect, mqtt_js):
    """Connects a client that keeps its session and comes back by itself: `faithful(factree, client_id)`."""
    library, version = request.param.split()

    def faithful(factree: Factree, client_id: str) -> Talker | MqttJs:
        how = dict(session_expiry=600, reconnect=True)
        if library == "paho":
            return connect(factree.mqtt_port, client_id, {"3.1.1": talker.V311, "5.0": talker.V5}[version], **how)
        number = {"3.1.1": 4, "5.0": 5}[version]
        return mqtt_js(f"mqtt://127.0.0.1:{factree.mqtt_port}", client_id, number, **how)

    return faithful


@ends
def test_what_is_under_way_when_factree_ends_arrives_and_with_qos_2_exactly_once(lasting, faithful, end):
    writer, reader = faithful(lasting, "writer"), faithful(lasting, "reader")
    reader.subscribe("Acme/Count/+", qos=2)
    sent = [str(count) for count in range(COUNT)]
    for count in sent:
        writer.send("Acme/Count/1", count, qos=1)
        writer.send("Acme/Count/2", count, qos=2)
    received = [reader.heard() for _ in range(COUNT * 2 // 3)]

    lasting.stop(end)
    lasting.restart()
    for _ in range(COUNT * 2):
        writer.acknowledged()
    last = ("Acme/Count/2", "the last")
    writer.send(*last, qos=2)
    while (message := reader.heard()) != last:
        received.append(message)

    of = lambda topic: [payload for at, payload in received if at == topic]
    assert of("Acme/Count/2") == sent
    assert list(dict.fromkeys(of("Acme/Count/1"))) == sent, "at least once, and for the first time in order"


@ends
def test_a_subscriber_that_stays_away_during_a_restart_gets_what_was_acknowledged_before_and_after(lasting, connect, end):
    session = ("-c", "-i", "historian", "-q", "2")
    mosquitto.run("mosquitto_sub", lasting.mqtt_port, "-t", "Acme/Queued", "-E", *session)
    count = [str(number) for number in range(20)]
    for half in (count[:10], count[10:]):
        machine = connect(lasting.mqtt_port, "machine", talker.V5)
        for number in half:
            machine.publish("Acme/Queued", number, qos=2)
        if half == count[:10]:
            lasting.stop(end)
            lasting.restart()

    back = Subscriber(lasting.mqtt_port, "Acme/Queued", *session)
    assert [back.next()["payload"] for _ in count] == count
    back.close()


@ends
def test_mosquitto_sub_comes_back_by_itself_and_misses_nothing(lasting, end):
    panel = Subscriber(lasting.mqtt_port, "Acme/#", "-c", "-i", "panel", "-q", "2").subscribed()
    mosquitto.publish(lasting.mqtt_port, "Acme/Before", "1", "-q", "2")
    assert panel.next()["payload"] == "1"
    lasting.stop(end)
    lasting.restart()
    mosquitto.publish(lasting.mqtt_port, "Acme/After", "2", "-q", "2")  # before it is back, or after
    assert panel.next() == {"topic": "Acme/After", "payload": "2", "qos": 2, "retain": 0}
    panel.close()


@ends
def test_retained_messages_are_there_again_and_cleared_ones_are_not(lasting, end):
    for topic in ("Acme/Kept", "Acme/Cleared"):
        mosquitto.publish(lasting.mqtt_port, topic, '"auto"', "-q", "1", "-r")
    mosquitto.clear(lasting.mqtt_port, "Acme/Cleared")
    lasting.stop(end)
    lasting.restart()
    late = Subscriber(lasting.mqtt_port, "Acme/#", "-q", "1").subscribed()
    assert late.next() == {"topic": "Acme/Kept", "payload": '"auto"', "qos": 1, "retain": 1}
    mosquitto.publish(lasting.mqtt_port, "Acme/Now", "1", "-q", "1")
    assert late.next()["topic"] == "Acme/Now"
    late.close()


def test_a_client_that_went_down_with_factree_leaves_its_will(lasting, mqtt_js):
    """Its connection ended with the process, so the next process says so, unless the client is back in time."""
    session = ("-c", "-i", "watcher", "-q", "1")
    mosquitto.run("mosquitto_sub", lasting.mqtt_port, "-t", "Acme/Gateway/#", "-E", *session)
    will = {"topic": "Acme/Gateway/Status", "payload": '"offline"', "qos": 1, "retain": True}
    gateway = mqtt_js(f"mqtt://127.0.0.1:{lasting.mqtt_port}", "gateway", will=will)
    lasting.kill()
    gateway.wait_for("closed")
    lasting.restart()
    watcher = Subscriber(lasting.mqtt_port, "Acme/Gateway/#", *session)
    assert watcher.next()["payload"] == '"offline"'
    watcher.close()
