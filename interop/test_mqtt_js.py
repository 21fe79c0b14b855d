"""Stories of MQTT.js (npm `mqtt`), what browsers, Node-RED and most dashboards speak MQTT with."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mqtt_js import V5, V311
from process import Factree
from waiting import eventually

versions = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Path:
    """A certificate of this machine, its key beside it, as the guide to TLS makes it."""
    directory = tmp_path_factory.mktemp("certificate")
    how = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost"
    names = ("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    files = ("-keyout", "server-key.pem", "-out", "server.pem")
    subprocess.run(["openssl", *how.split(), *names, *files], cwd=directory, check=True, capture_output=True)
    return directory / "server.pem"


@pytest.fixture
def every_transport(start, certificate) -> Factree:
    """A Factree with a listener of every transport."""
    listener = '[[mqtt.listeners]]\nlisten = "127.0.0.1:0"\ntransport = "{}"\n'
    keys = f'certificate = "{certificate}"\nkey = "{certificate.parent / "server-key.pem"}"\n'
    tls = [listener.format(transport) + keys for transport in ("tls", "secure_websocket")]
    return start(config="\n".join([*tls, listener.format("websocket")]))


@pytest.fixture
def connect(factree, mqtt_js):
    """Connects to a fresh Factree by TCP: `connect(client_id, version)`."""
    return lambda *arguments, **more: mqtt_js(f"mqtt://127.0.0.1:{factree.mqtt_port}", *arguments, **more)


def test_every_transport_carries_every_qos_both_ways(every_transport, mqtt_js, certificate):
    url = {
        "tcp": f"mqtt://127.0.0.1:{every_transport.mqtt_port}",
        "tls": f"mqtts://localhost:{every_transport.listeners['tls']}",
        "websocket": f"ws://127.0.0.1:{every_transport.listeners['websocket']}/mqtt",
        "secure_websocket": f"wss://localhost:{every_transport.listeners['secure_websocket']}/mqtt",
    }
    clients = {
        f"{transport}-{version}": mqtt_js(url[transport], f"{transport}-{version}", version, ca=certificate)
        for transport in url
        for version in (V311, V5)
    }
    for client in clients.values():
        client.subscribe("Acme/Said", qos=2)
    for name, speaker in clients.items():
        for qos in (0, 1, 2):
            speaker.publish("Acme/Said", f"{name} {qos}", qos)
    # A QoS 2 message is handed over at its PUBREL, so the order is one for each QoS.
    said = [
        {"topic": "Acme/Said", "payload": f"{name} {qos}", "qos": qos, "retain": False}
        for qos in (0, 1, 2)
        for name in clients
    ]
    for name, client in clients.items():
        heard = [client.next() for _ in said]
        assert sorted(heard, key=lambda message: message["qos"]) == said, name


@versions
def test_a_retained_message_waits_for_who_comes_and_can_be_cleared(factree, connect, version):
    client = connect("panel", version)
    client.publish("Acme/Dallas/Mode", '"auto"', qos=1, retain=True)
    client.subscribe("Acme/Dallas/#", qos=1)
    assert client.next() == {"topic": "Acme/Dallas/Mode", "payload": '"auto"', "qos": 1, "retain": True}
    assert factree.sample("Acme/Dallas/Mode")["value"] == "auto"

    client.publish("Acme/Dallas/Mode", "", qos=1, retain=True)
    assert client.next()["payload"] == ""
    client.subscribe("Acme/+/Mode", qos=1)
    client.publish("Acme/Dallas/After", "1", qos=1)
    assert client.next()["topic"] == "Acme/Dallas/After", "nothing was retained any more"


@versions
def test_a_will_is_published_when_its_client_is_killed(connect, version):
    watcher = connect("watcher", version)
    watcher.subscribe("Acme/Gateway/#", qos=1)
    will = {"topic": "Acme/Gateway/Status", "payload": '"offline"', "qos": 1, "retain": True}
    connect("gateway", version, will=will).kill()
    assert watcher.next() == {**will, "retain": False}


@versions
def test_a_kept_session_gets_what_was_queued_while_it_was_away(connect, version):
    kept = connect("historian", version, session_expiry=600)
    assert not kept.connack["session_present"]
    kept.subscribe("Acme/Queued", qos=2)
    kept.stop()
    machine = connect("machine", version)
    for count in range(10):
        machine.publish("Acme/Queued", str(count), qos=2)

    back = connect("historian", version, session_expiry=600)
    assert back.connack["session_present"]
    assert [back.next()["payload"] for _ in range(10)] == [str(count) for count in range(10)]


def test_a_message_keeps_its_properties_on_the_way(connect):
    asker, answerer = connect("asker"), connect("answerer")
    answerer.subscribe("Acme/Recipe/Get", qos=1, properties={"subscriptionIdentifier": 7})
    asked = {
        "contentType": "application/json",
        "responseTopic": "Acme/Recipe/Got/asker",
        "correlationData": "order 1042",
        "userProperties": {"shift": ["late", "night"]},
        "payloadFormatIndicator": True,
    }
    asker.publish("Acme/Recipe/Get", '"R-7"', properties={**asked, "messageExpiryInterval": 600})
    heard = answerer.message()["properties"]
    assert 0 < heard.pop("messageExpiryInterval") <= 600
    assert heard == {**asked, "subscriptionIdentifier": 7}


def test_topic_aliases_stand_for_topics_both_ways(factree, connect):
    reader = connect("reader", properties={"topicAliasMaximum": 1})
    reader.subscribe("Acme/#", qos=1)
    writer = connect("writer", autoAssignTopicAlias=True)
    for count in range(3):
        writer.publish("Acme/A/Very/Long/Topic", str(count))
    heard = [reader.message() for _ in range(3)]
    assert [(said["topic"], said["payload"]) for said in heard] == [
        ("Acme/A/Very/Long/Topic", str(count)) for count in range(3)
    ]
    assert [said["topic_sent"] for said in heard] == ["Acme/A/Very/Long/Topic", "", ""], "an alias says it"
    assert factree.sample("Acme/A/Very/Long/Topic")["value"] == 2


def test_no_more_is_in_flight_than_a_client_takes(factree, connect):
    slow, machine = connect("slow", properties={"receiveMaximum": 3}), connect("machine")
    slow.subscribe("Acme/Count", qos=2)
    slow.hold()
    where = lambda: [factree.metric(f"factree_{at}_deliveries") for at in ("in_flight", "queued")]
    for count in range(10):
        machine.publish("Acme/Count", str(count), qos=2)
    eventually(where, [3, 7], what="deliveries in flight and in the queue")
    machine.publish("Acme/Count", "10", qos=2)
    assert where() == [3, 8]

    slow.release()
    assert [slow.next()["payload"] for _ in range(11)] == [str(count) for count in range(11)]
    assert slow.is_untroubled()


def test_a_client_is_told_how_large_a_packet_may_be_and_gets_none_larger_than_it_takes(start, mqtt_js):
    factree = start(config='[limits]\npacket_size_max = "128 KiB"\n')
    url = f"mqtt://127.0.0.1:{factree.mqtt_port}"
    small, large = mqtt_js(url, "small", properties={"maximumPacketSize": 200}), mqtt_js(url, "large")
    assert large.connack["properties"]["maximumPacketSize"] == 128 * 1024
    for client in (small, large):
        client.subscribe("Acme/Note", qos=1)
    for length in (100, 300, 101):
        large.publish("Acme/Note", "x" * length, qos=1)
    assert [len(large.next()["payload"]) for _ in range(3)] == [100, 300, 101]
    assert [len(small.next()["payload"]) for _ in range(2)] == [100, 101]  # [MQTT-3.1.2-24], [MQTT-3.1.2-25]
    assert small.is_untroubled()

    large.send("Acme/Note", "x" * 150_000, qos=1)
    assert large.wait_for("disconnect")["reason"] == 0x95
