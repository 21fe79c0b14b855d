"""Stories of orders that change while a plant runs: every sample is read with the order of its time."""

from __future__ import annotations

import json
import signal
import time

from metrics import metric
from process import Factree, lasting_address
from talker import V5, V311

GROUP = "Acme:Dallas:Press"
LINE = "Acme/Dallas/Press/Line1"
CONFIG = """
[[namespace.context]]
name = "order"
path = "Acme/+/+/+/Order"

[[namespace.context]]
name = "shift"
path = "MES/Shift"
below = "Acme/Dallas"
fields = ["Team"]
"""


def order(number: str, since: int) -> str:
    return json.dumps({"Number": number, "timestamp": since})


def order_of(factree: Factree, path: str) -> str | None:
    """The order that was in force when the sample was captured; none if that is not known."""
    sample = factree.body(f"/api/v1/values/{path}?context=true")
    number = sample["context"].get("order", {}).get("value", {}).get("Number")
    assert (number is None) == (sample.get("context_complete") is False), sample
    return number


def test_every_sample_is_read_with_the_order_of_its_time(start, edge_node, connect, library):
    factree = start(config=CONFIG)
    began = int(time.time()) * 1000 - 60_000
    temp = lambda name, value, at: metric(name, "Int32", value, timestamp=began + at)
    names = ["Temp", "Early", "Late", "Before"]
    node = edge_node(library, GROUP, "Line1")
    node.born(factree.mqtt_port, [temp(name, 0, 0) for name in names], {})
    factree.until_value(f"{LINE}/Before", 0)
    mes = connect(factree.mqtt_port, "mes", V5)

    for number in range(1, 6):
        mes.publish(f"{LINE}/Order", order(f"A-{number}", began + number * 1000), qos=1)
        for at in (0, 999):
            node.node_data(temp("Temp", number * 1000 + at, number * 1000 + at))
            factree.until_value(f"{LINE}/Temp", number * 1000 + at)
            assert order_of(factree, f"{LINE}/Temp") == f"A-{number}"

    # An order that is told late takes its place among the others.
    mes.publish(f"{LINE}/Order", order("A-2b", began + 2500), qos=1)
    node.node_data(temp("Early", 1, 2499), temp("Late", 1, 2500), temp("Before", 1, 999))
    factree.until_value(f"{LINE}/Before", 1)
    assert [order_of(factree, f"{LINE}/{name}") for name in names] == ["A-5", "A-2", "A-2b", None]


def test_an_order_that_was_acknowledged_is_there_after_sigkill(start, connect):
    factree = start(config=CONFIG, mqtt=lasting_address())
    began = int(time.time()) * 1000 - 60_000
    mes, machine = connect(factree.mqtt_port, "mes", V311), connect(factree.mqtt_port, "machine", V311)
    machine.publish(f"{LINE}/Temp", json.dumps({"value": 20, "timestamp": began + 1500}), qos=1)
    factree.until_value(f"{LINE}/Temp", 20)
    mes.publish("MES/Shift", json.dumps({"Team": "early", "Lead": "Eve"}), qos=1)
    mes.publish(f"{LINE}/Order", order("A-1", began + 1000), qos=1)
    mes.publish(f"{LINE}/Order", order("A-2", began + 2000), qos=1)
    factree.stop(signal.SIGKILL)
    factree.restart()

    element = factree.body(f"/api/v1/namespace/{LINE}?depth=0")
    assert element["contexts"] == {"order": f"{LINE}/Order", "shift": "MES/Shift"}
    at = lambda ms: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((began + ms) / 1000))
    in_force = lambda ms: factree.body(f"/api/v1/context/{LINE}?at={at(ms)}")["context"]
    assert [in_force(ms)["order"]["value"]["Number"] for ms in (1000, 2000)] == ["A-1", "A-2"]
    declared = factree.body("/api/v1/context")["contexts"]
    assert [(it["name"], it["applies_to"]) for it in declared] == [("order", LINE), ("shift", "Acme/Dallas")]
    assert declared[1]["value"] == {"Team": "early"}
