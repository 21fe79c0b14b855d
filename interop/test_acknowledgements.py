"""A PUBACK means: readable.

Each value is asked for once, right after its acknowledgement; nothing here waits or retries.
"""

from __future__ import annotations

import subprocess

import pysparkplug
import pytest

from mosquitto import command
from talker import V5, V311, Talker

TIMES = 200
PRESS = "Acme/Dallas/Press/Line1/Press"


@pytest.fixture(params=[V311, V5], ids=["3.1.1", "5.0"])
def talker(request, factree):
    talker = Talker(factree.mqtt_port, "talker", request.param)
    yield talker
    talker.close()


@pytest.fixture(params=["quiet", "busy"])
def plant(request, factree):
    """The same promise while others publish as fast as they can."""
    others = []
    if request.param == "busy":
        flood = ("-t", "Acme/Dallas/Noise", "-m", "1", "--repeat", "100000000", "--repeat-delay", "0.0002")
        others = [subprocess.Popen(command("mosquitto_pub", factree.mqtt_port, *flood)) for _ in range(2)]
        factree.until_value("Acme/Dallas/Noise", 1)
    yield factree
    for other in others:
        other.kill()
        other.wait()


def test_what_a_puback_acknowledges_is_readable(plant, talker):
    for count in range(TIMES):
        talker.publish(f"{PRESS}/Strokes", str(count), qos=1)
        assert plant.sample(f"{PRESS}/Strokes")["value"] == count


def test_what_a_pubrec_acknowledges_is_readable(plant, talker):
    read = []
    for count in range(TIMES):
        ask = lambda: read.append(plant.sample(f"{PRESS}/Strokes")["value"])
        talker.publish(f"{PRESS}/Strokes", str(count), qos=2, at_pubrec=ask)
    assert read == list(range(TIMES))


def test_a_new_topic_has_its_element_when_it_is_acknowledged(plant, talker):
    for count in range(TIMES):
        talker.publish(f"{PRESS}/Tool{count}/Wear", "0.5", qos=1)
        assert plant.sample(f"{PRESS}/Tool{count}/Wear")["value"] == 0.5
    assert plant.element(PRESS)["children_count"] == TIMES


def test_edge_node_data_is_readable_when_the_next_packet_is_answered(plant, talker):
    """Sparkplug data is QoS 0 and has no acknowledgement of its own; packets are handled in their order."""
    seq = iter(range(256))
    group = "spBv1.0/Acme:Dallas:Press"

    def say(kind: str, payload) -> None:
        talker.publish(f"{group}/{kind}", payload.encode(include_dtypes=True), qos=0)

    now = pysparkplug.get_current_timestamp()
    double = lambda name, value: pysparkplug.Metric(now, name, pysparkplug.DataType.DOUBLE, value=value)
    bd_seq = pysparkplug.Metric(now, "bdSeq", pysparkplug.DataType.INT64, value=0)
    say("NBIRTH/Line1", pysparkplug.NBirth(now, next(seq), (bd_seq,)))
    say("DBIRTH/Line1/Press", pysparkplug.DBirth(now, next(seq), (double("Force", 0.0), double("Travel", 0.0))))
    for count in range(1, TIMES):
        force, travel = double("Force", count + 0.5), double("Travel", count + 0.25)
        say("DDATA/Line1/Press", pysparkplug.DData(now, next(seq), (force, travel)))
        talker.subscribe("Acme/Barrier")
        values = [plant.sample(f"{PRESS}/{name}")["value"] for name in ("Force", "Travel")]
        assert values == [count + 0.5, count + 0.25]
