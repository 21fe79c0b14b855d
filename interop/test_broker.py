"""Stories of what an MQTT broker is used for besides the tree, told with paho-mqtt and mosquitto."""

from __future__ import annotations

import pytest

import mosquitto
from mosquitto import Publisher, Subscriber
from talker import V5, V311, Talker


@pytest.fixture
def connect(factree):
    """Connects a client: `connect(client_id, version)`."""
    connected: list[Talker] = []

    def connect(client_id: str, version: int = V5) -> Talker:
        connected.append(Talker(factree.mqtt_port, client_id, version))
        return connected[-1]

    yield connect
    for talker in connected:
        talker.close()


def test_a_message_keeps_its_properties_on_the_way(connect):
    asker, answerer = connect("asker"), connect("answerer")
    answerer.subscribe("Acme/Recipe/Get", qos=1)
    asker.publish_with(
        "Acme/Recipe/Get",
        '"R-7"',
        ContentType="application/json",
        ResponseTopic="Acme/Recipe/Got/asker",
        CorrelationData=b"\x00\x01",
        UserProperty=[("shift", "late"), ("shift", "night")],
        PayloadFormatIndicator=1,
    )
    properties = answerer.next().properties
    assert properties.ContentType == "application/json"
    assert properties.ResponseTopic == "Acme/Recipe/Got/asker"
    assert properties.CorrelationData == b"\x00\x01"
    assert properties.UserProperty == [("shift", "late"), ("shift", "night")]
    assert properties.PayloadFormatIndicator == 1


def test_a_shared_subscription_gives_each_message_to_one_of_its_members(connect):
    members = [connect(f"worker-{number}", version) for number, version in enumerate((V311, V5, V5))]
    for member in members:
        member.subscribe("$share/workers/Acme/Jobs/#", qos=1)
    connect("foreman").publish_all((f"Acme/Jobs/{number}", str(number)) for number in range(300))
    taken = [[message.payload for message in member.take(100)] for member in members]
    assert sorted(int(payload) for payloads in taken for payload in payloads) == list(range(300))


def test_a_new_subscriber_gets_thousands_of_retained_messages(connect):
    connect("historian").publish_all(((f"Acme/Tags/{number}", str(number)) for number in range(5_000)), retain=True)
    late = connect("late", V311)
    late.subscribe("Acme/Tags/#", qos=1)
    messages = late.take(5_000)
    assert {int(message.payload) for message in messages} == set(range(5_000))
    assert all(message.retain for message in messages)


def test_a_topic_alias_stands_for_its_topic(factree):
    subscriber = Subscriber(factree.mqtt_port, "Acme/#", "-q", "1").subscribed()
    publisher = Publisher(
        factree.mqtt_port, "Acme/A/Very/Long/Topic", "-V", "mqttv5", "-q", "1", "-D", "publish", "topic-alias", "1"
    )
    for count in range(3):
        publisher.say(str(count))
        message = subscriber.next()
        assert (message["topic"], message["payload"]) == ("Acme/A/Very/Long/Topic", str(count))
    assert factree.sample("Acme/A/Very/Long/Topic")["value"] == 2
    publisher.close()
    subscriber.close()


def test_a_megabyte_passes_unharmed(connect):
    reader, writer = connect("reader", V311), connect("writer")
    reader.subscribe("Files/#", qos=2)
    image = bytes(range(256)) * 4096
    writer.publish("Files/Image", image, qos=2)
    assert reader.next().payload == image


def test_a_wildcard_never_reaches_topics_that_begin_with_a_dollar(factree):
    everything = Subscriber(factree.mqtt_port, "#").subscribed()  # [MQTT-4.7.2-1]
    mosquitto.run("mosquitto_pub", factree.mqtt_port, "-t", "$SYS/broker/uptime", "-m", "forged")
    mosquitto.publish(factree.mqtt_port, "Acme/After", "1", "-q", "1")
    assert everything.next()["topic"] == "spBv1.0/STATE/factree", "what the host says of itself is there from the start"
    assert everything.next()["topic"] == "Acme/After"
    assert factree.element("$SYS") is None
    everything.close()
