"""An Edge Node made of the PyPI package `pysparkplug`, told what to do by a test.

The same orders as `npm_edge_node.cjs`, one JSON object per line. The package does the Sparkplug and the MQTT; where it
has no call for an order (a Rebirth, data of a Device never born) the order goes through its own client and payloads. A
command is answered as a controller does: the value is taken and said again as data.
Knows nothing of Factree or of what the test expects.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from datetime import UTC, datetime

import pysparkplug as sparkplug
from pysparkplug import DataType, QoS, Topic

REBIRTH = "Node Control/Rebirth"

_stdout = threading.Lock()


def happened(event: str, **more: object) -> None:
    with _stdout:
        sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
        sys.stdout.flush()


def now() -> int:
    return time.time_ns() // 1_000_000


def metric(name: str, type: str, value: object, alias=None, timestamp=None, unit=None) -> sparkplug.Metric:
    """`unit` has no counterpart: the package knows no properties."""
    return sparkplug.Metric(
        timestamp=now() if timestamp is None else timestamp,
        name=name,
        datatype=DataType[type.replace("Array", "_Array").upper()],
        value=value_of(type, value),
        alias=alias,
        is_null=value is None,
    )


def value_of(type: str, value):
    if value is None:
        return None
    if type.endswith("Array"):
        return tuple(value_of(type.removesuffix("Array"), one) for one in value)
    if type == "DateTime":
        return datetime.fromtimestamp(int(value) / 1000, tz=UTC)
    if type in ("Bytes", "File"):
        return bytes.fromhex(value)
    if type in ("Int64", "UInt64"):
        return int(value)
    return float(value) if type in ("Float", "Double") else value


def said_of(value):
    """What a command has brought, as `value_of` takes it."""
    if isinstance(value, tuple):
        return [said_of(one) for one in value]
    if isinstance(value, bytes):
        return value.hex()
    return str(round(value.timestamp() * 1000)) if isinstance(value, datetime) else value


class Client(sparkplug.Client):
    """The package's client, which also says when its Edge Node has sent its births and when it lost its connection."""

    def connect(self, host, *, callback, **more):
        def born(client):
            callback(client)
            happened("born")

        self._client.on_disconnect = lambda *_: happened("closed")
        super().connect(host, callback=born, **more)


class Driver:
    """Carries orders to one `EdgeNode`."""

    def connect(self, port, group, edge_node, client_id, keep_alive, reconnect, node, devices):
        options = sparkplug.ClientOptions(
            reconnection_delay_min=1, reconnection_delay_max=1, reconnect_on_failure=reconnect
        )
        self.client = client = Client(client_id=client_id, client_options=options)
        self.unborn = {}
        self.known = {None: node, **devices}
        rebirth = metric(REBIRTH, "Boolean", False)
        self.node = sparkplug.EdgeNode(
            group, edge_node, [rebirth, *made(node)], client=client, cmd_callback=self.on_command
        )
        for device, metrics in devices.items():
            self.node.register(sparkplug.Device(device, made(metrics), cmd_callback=self.on_command))
        self.node.connect("127.0.0.1", port=port, keepalive=keep_alive)

    def node_data(self, metrics):
        self.node.update(made(metrics))

    def device_data(self, device, metrics, by_alias=False):
        if device in self.node.devices:
            self.node.update_device(device, made(metrics))
        else:
            data = sparkplug.DData(timestamp=now(), seq=self.node._seq, metrics=made(metrics))
            self.say(sparkplug.MessageType.DDATA, data, device)

    def device_birth(self, device, metrics):
        self.known[device] = metrics
        self.node.register(sparkplug.Device(device, made(metrics), cmd_callback=self.on_command))

    def device_death(self, device):
        self.node.deregister(device)

    def device_unborn(self, device, metrics):
        self.unborn[device] = metrics

    def stop(self):
        self.node.disconnect()
        sys.exit(0)

    def on_command(self, _node, message):
        device = message.topic.device_id
        told, answer = [], []
        for set in message.payload.metrics:
            # 0.6.1 leaves the name of a metric that comes by alias to its user.
            is_it = lambda m: m["name"] == set.name if set.name else m.get("alias") == set.alias
            mine = next((m for m in self.known[device] if is_it(m)), None)
            value = said_of(set.value)
            told.append({"name": mine["name"] if mine else set.name, "type": set.datatype.name, "value": value})
            if mine:
                answer.append({**mine, "value": value, "timestamp": None})
        happened("command", device=device, metrics=told)
        if any(m["name"] == REBIRTH and m["value"] is True for m in told):
            self.birth()
        if answer and device:
            self.device_data(device, answer)
        elif answer:
            self.node_data(answer)

    def birth(self):
        """A Rebirth, which the package leaves to its user: seq starts anew, bdSeq stays.

        [tck-id-operational-behavior-data-commands-rebirth-action-3]
        """
        bd_seq = self.node._bd_seq_metric.value - 1  # it already holds the next connection's
        node = [*self.node.metrics.values(), metric("bdSeq", "Int64", bd_seq)]
        self.node._EdgeNode__seq_cycler = sparkplug._edge_node.itertools.cycle(range(256))
        self.say(
            sparkplug.MessageType.NBIRTH, sparkplug.NBirth(timestamp=now(), seq=self.node._seq, metrics=tuple(node))
        )
        for device in self.node.devices.values():
            metrics = tuple(device.metrics.values())
            self.say(sparkplug.MessageType.DBIRTH, sparkplug.DBirth(now(), self.node._seq, metrics), device.device_id)
        while self.unborn:
            self.device_birth(*self.unborn.popitem())
        happened("born")

    def say(self, message_type, payload, device=None):
        topic = Topic(
            message_type=message_type,
            group_id=self.node.group_id,
            edge_node_id=self.node.edge_node_id,
            device_id=device,
        )
        self.client.publish(sparkplug.Message(topic, payload, QoS.AT_MOST_ONCE, False), include_dtypes=True)


def made(metrics) -> tuple[sparkplug.Metric, ...]:
    return tuple(metric(**said) for said in metrics)


def main() -> None:
    driver = Driver()
    for line in sys.stdin:
        order = json.loads(line)
        name = order.pop("order")
        getattr(driver, name)(**order)
        happened("done", order=name)


if __name__ == "__main__":
    main()
