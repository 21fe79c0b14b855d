"""Stories of MQTT sessions, told with paho-mqtt: taken over, kept, idle, and what a client hears when Factree stops."""

from __future__ import annotations

import signal
import time

import pytest

import mosquitto
from mosquitto import Subscriber
from talker import V5, V311

SESSION_TAKEN_OVER = 0x8E
SERVER_SHUTTING_DOWN = 0x8B

versions = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])


@pytest.fixture
def subscriber(factree):
    """A 5.0 client called `panel`; `mosquitto_sub` says why it was disconnected."""
    subscriber = Subscriber(factree.mqtt_port, "Acme/#", "-V", mosquitto.V5, "-i", "panel").subscribed()
    yield subscriber
    subscriber.close()


@versions
def test_a_second_connection_with_the_same_client_id_ends_the_first(factree, connect, version):
    first = connect(factree.mqtt_port, "panel", version)
    second = connect(factree.mqtt_port, "panel", version)
    first.wait_for_close()  # [MQTT-3.1.4-3]

    second.publish("Acme/Dallas/Panel", "2", qos=1)
    assert factree.sample("Acme/Dallas/Panel")["value"] == 2
    assert second.is_open


@versions
def test_a_kept_session_remembers_its_subscription_and_what_it_missed(factree, connect, version):
    first = connect(factree.mqtt_port, "historian", version, session_expiry=600)
    assert not first.session_present
    first.subscribe("Acme/#", qos=1)
    first.disconnect()
    mosquitto.publish(factree.mqtt_port, "Acme/Missed", "7", "-q", "1")

    back = connect(factree.mqtt_port, "historian", version, session_expiry=600)
    assert back.session_present
    message = back.next()
    assert (message.topic, message.payload, message.qos) == ("Acme/Missed", b"7", 1)


@versions
def test_a_new_start_forgets_the_session(factree, connect, version):
    kept = connect(factree.mqtt_port, "historian", version, session_expiry=600)
    kept.subscribe("Acme/#", qos=1)
    kept.disconnect()
    assert not connect(factree.mqtt_port, "historian", version).session_present


@versions
def test_a_client_that_only_pings_stays_connected(factree, connect, version):
    idle = connect(factree.mqtt_port, "idle", version, keep_alive=2)
    idle.wait_for_pings(2)  # longer than the 3 s of silence that end it
    assert idle.is_open
    idle.publish("Acme/Dallas/Idle", "1", qos=1)
    assert factree.sample("Acme/Dallas/Idle")["value"] == 1


def test_a_client_whose_session_is_taken_over_is_told(factree, subscriber, connect):
    connect(factree.mqtt_port, "panel", V5)
    assert subscriber.disconnected() == SESSION_TAKEN_OVER


def test_a_client_is_told_when_factree_stops(factree, subscriber):
    assert factree.terminate() == 0
    assert subscriber.disconnected() == SERVER_SHUTTING_DOWN


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_factree_ends_promptly_and_in_order_whoever_is_connected(factree, connect, stop):
    talkers = [connect(factree.mqtt_port, f"talker-{number}", V311 if number % 2 else V5) for number in range(20)]
    begun = time.monotonic()
    assert factree.stop(stop) == 0
    assert time.monotonic() - begun < 3
    for talker in talkers:
        talker.wait_for_close()
