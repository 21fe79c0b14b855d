"""Stories of plain MQTT, told with the tools everybody has: `mosquitto_pub` and `mosquitto_sub`."""

from __future__ import annotations

import pytest

import mosquitto
from mosquitto import V5, V311, Publisher, Subscriber
from waiting import eventually

OVEN = "Acme/Dallas/Paint/Oven"


@pytest.fixture(params=[V311, V5])
def version(request) -> str:
    return request.param


@pytest.fixture
def subscribe(factree):
    """Starts a subscriber and waits for its SUBACK."""
    started: list[Subscriber] = []

    def subscribe(filter: str, *more: str) -> Subscriber:
        started.append(Subscriber(factree.mqtt_port, filter, *more))
        return started[-1].subscribed()

    yield subscribe
    for subscriber in started:
        subscriber.close()


@pytest.mark.parametrize(
    "message, value, datatype, quality",
    [
        ("21.4", 21.4, "Double", "Good"),
        ("-42", -42, "Int64", "Good"),
        ("18446744073709551615", "18446744073709551615", "UInt64", "Good"),
        ("true", True, "Boolean", "Good"),
        ('"Running"', "Running", "String", "Good"),
        ("[1,2.5]", [1, 2.5], "Structure", "Good"),
        ("Running since monday", "Running since monday", "String", "Bad"),
    ],
    ids=["double", "negative", "uint64", "boolean", "string", "array", "text that is no JSON"],
)
def test_a_scalar_or_a_text_is_a_sample_at_its_topic(factree, message, value, datatype, quality):
    mosquitto.publish(factree.mqtt_port, f"{OVEN}/Signal", message, "-q", "1")
    sample = factree.sample(f"{OVEN}/Signal")
    assert (sample["value"], sample["datatype"], sample["quality"]) == (value, datatype, quality)
    assert sample["source"] == {"type": "mqtt", "topic": f"{OVEN}/Signal"}


def test_an_object_with_a_value_says_its_time_quality_and_unit(factree):
    message = '{"value":180.5,"timestamp":"2026-01-31T12:00:00.123Z","quality":"Uncertain","unit":"°C"}'
    mosquitto.publish(factree.mqtt_port, f"{OVEN}/Temperature", message, "-q", "1")
    sample = factree.sample(f"{OVEN}/Temperature")
    told = {name: sample[name] for name in ("value", "timestamp", "quality", "unit", "datatype")}
    assert told == {
        "value": 180.5,
        "timestamp": "2026-01-31T12:00:00.123Z",
        "quality": "Uncertain",
        "unit": "°C",
        "datatype": "Double",
    }


def test_any_other_object_is_a_document_whose_fields_are_elements(factree):
    order = '{"order":"PO-1042","quantity":1200,"oven":{"setpoint":{"value":180,"unit":"°C"},"door":"closed"}}'
    mosquitto.publish(factree.mqtt_port, f"{OVEN}/Order", order, "-q", "1", "-r")
    values = {path.removeprefix(f"{OVEN}/Order/"): s["value"] for path, s in factree.samples(f"{OVEN}/Order/#").items()}
    assert values == {"order": "PO-1042", "quantity": 1200, "oven/setpoint": 180, "oven/door": "closed"}
    assert factree.sample(f"{OVEN}/Order/oven/setpoint")["unit"] == "°C"

    mosquitto.publish(factree.mqtt_port, f"{OVEN}/Order", '{"order":"PO-1043"}', "-q", "1", "-r")
    assert factree.sample(f"{OVEN}/Order/order")["value"] == "PO-1043"
    assert factree.sample(f"{OVEN}/Order/quantity")["quality"] == "Stale", "a field the document no longer has"


def test_a_topic_whose_retained_message_is_cleared_leaves_the_tree(factree):
    mosquitto.publish(factree.mqtt_port, f"{OVEN}/Mode", '"auto"', "-q", "1", "-r")
    assert factree.sample(f"{OVEN}/Mode")["quality"] == "Good"
    mosquitto.clear(factree.mqtt_port, f"{OVEN}/Mode")
    eventually(lambda: factree.sample(f"{OVEN}/Mode"), None, what="nothing is there")


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_subscriber_gets_the_retained_message_and_then_live_ones(factree, subscribe, version, qos):
    speak = ("-V", version, "-q", str(qos))
    mosquitto.publish(factree.mqtt_port, f"{OVEN}/Signal", "1", "-r", *speak)
    factree.until_value(f"{OVEN}/Signal", 1)

    subscriber = subscribe(f"{OVEN}/+", *speak)
    assert subscriber.next() == {"topic": f"{OVEN}/Signal", "payload": "1", "qos": qos, "retain": 1}
    for message in ("2", "3"):
        mosquitto.publish(factree.mqtt_port, f"{OVEN}/Signal", message, *speak)
        assert subscriber.next() == {"topic": f"{OVEN}/Signal", "payload": message, "qos": qos, "retain": 0}


def test_the_two_versions_hear_each_other(factree, subscribe):
    old, new = subscribe("Acme/#", "-V", V311, "-q", "1"), subscribe("Acme/#", "-V", V5, "-q", "1")
    for version in (V311, V5):
        mosquitto.publish(factree.mqtt_port, "Acme/Said", version, "-V", version, "-q", "1")
        said = {"topic": "Acme/Said", "payload": version, "qos": 1, "retain": 0}
        assert (old.next(), new.next()) == (said, said)


def test_qos_2_on_one_connection_keeps_its_order_and_repeats_nothing(factree, subscribe, version):
    subscriber = subscribe("Acme/Count", "-V", version, "-q", "2")
    publisher = Publisher(factree.mqtt_port, "Acme/Count", "-V", version, "-q", "2")
    for count in range(200):
        publisher.say(str(count))
    assert [subscriber.next()["payload"] for _ in range(200)] == [str(count) for count in range(200)]
    publisher.close()


def test_a_will_is_published_when_its_client_is_killed(factree, subscribe, version):
    subscriber = subscribe("Acme/Dallas/Gateway/#", "-q", "1")
    will = (
        "--will-topic",
        "Acme/Dallas/Gateway/Status",
        "--will-payload",
        '"offline"',
        "--will-qos",
        "1",
        "--will-retain",
    )
    gateway = Publisher(factree.mqtt_port, "Acme/Dallas/Gateway/Load", "-V", version, "-q", "1", *will)
    gateway.say("0.5")
    assert subscriber.next()["payload"] == "0.5"

    gateway.kill()
    assert subscriber.next() == {"topic": "Acme/Dallas/Gateway/Status", "payload": '"offline"', "qos": 1, "retain": 0}
    factree.until_value("Acme/Dallas/Gateway/Status", "offline")
    gateway.close()


def test_a_client_that_says_goodbye_leaves_no_will(factree, subscribe, version):
    subscriber = subscribe("Acme/Dallas/Gateway/#")
    will = ("--will-topic", "Acme/Dallas/Gateway/Status", "--will-payload", '"offline"')
    mosquitto.publish(factree.mqtt_port, "Acme/Dallas/Gateway/Load", "0.5", "-V", version, "-q", "1", *will)
    mosquitto.publish(factree.mqtt_port, "Acme/Dallas/Gateway/After", "1", "-q", "1")
    assert [subscriber.next()["payload"] for _ in range(2)] == ["0.5", "1"]
    assert factree.sample("Acme/Dallas/Gateway/Status") is None


def test_a_kept_session_gets_what_was_queued_while_it_was_away(factree, version):
    session = ("-c", "-i", "historian", "-q", "1", "-V", version)
    mosquitto.run("mosquitto_sub", factree.mqtt_port, "-t", "Acme/Queued/#", "-E", *session)
    for count in range(10):
        mosquitto.publish(factree.mqtt_port, f"Acme/Queued/{count % 2}", str(count), "-q", "1")

    back = Subscriber(factree.mqtt_port, "Acme/Queued/#", *session)
    assert [back.next()["payload"] for _ in range(10)] == [str(count) for count in range(10)]
    back.close()
