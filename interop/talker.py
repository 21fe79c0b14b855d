"""A client made of `paho-mqtt` whose acknowledgements a test can wait for.

Knows nothing of Factree. Invariant: every call that waits has a limit and says what did not come.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from socket import IPPROTO_TCP, TCP_NODELAY

from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from waiting import TIMEOUT

V311, V5 = paho.MQTTv311, paho.MQTTv5


class Talker:
    """A connected client. It reconnects by itself only if it is told to."""

    def __init__(
        self,
        port: int,
        client_id: str,
        version: int,
        *,
        keep_alive: int = 30,
        session_expiry: int | None = None,
        reconnect: bool = False,
    ):
        clean = {} if version == V5 else {"clean_session": session_expiry is None}
        self._client = paho.Client(client_id=client_id, protocol=version, reconnect_on_failure=reconnect, **clean)
        self._published: queue.Queue = queue.Queue()
        self._client.on_publish = lambda _client, _data, packet_id: self._published.put(packet_id)
        self._received: queue.Queue = queue.Queue()
        self._connected = threading.Event()
        self._closed = threading.Event()
        self._acknowledged = threading.Event()
        self._pings = threading.Semaphore(0)
        self._at_pubrec: Callable[[], None] | None = None
        self.session_present: bool | None = None

        self._client.on_connect = self._on_connect
        # paho-mqtt 1.6.1 drops a DISCONNECT that is only a reason code, so who wants that asks `mosquitto_sub`.
        self._client.on_disconnect = lambda *_: self._closed.set()
        self._client.on_socket_open = lambda _client, _data, socket: socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self._client.on_message = lambda _client, _data, message: self._received.put(message)
        self._client.on_subscribe = lambda *_: self._acknowledged.set()
        self._client.on_log = self._on_log
        how = {}
        if version == V5:
            how["clean_start"] = session_expiry is None
            if session_expiry is not None:
                how["properties"] = Properties(PacketTypes.CONNECT)
                how["properties"].SessionExpiryInterval = session_expiry
        self._client.connect("127.0.0.1", port, keepalive=keep_alive, **how)
        self._client.loop_start()
        assert self._connected.wait(TIMEOUT), "no CONNACK"

    def _on_connect(self, _client, _data, flags, reason, _properties=None) -> None:
        assert reason == 0, f"refused: {reason}"
        self.session_present = bool(flags["session present"])
        self._connected.set()

    def _on_log(self, _client, _data, _level, text: str) -> None:
        if text.startswith("Received PUBREC") and self._at_pubrec:
            self._at_pubrec()
        if text.startswith("Received PINGRESP"):
            self._pings.release()

    def publish(self, topic: str, payload: str | bytes, qos: int, at_pubrec: Callable[[], None] | None = None) -> None:
        """Publishes and waits for PUBACK or PUBCOMP. `at_pubrec` is called between PUBREC and PUBREL."""
        self._at_pubrec = at_pubrec
        sent = self._client.publish(topic, payload, qos)
        sent.wait_for_publish(TIMEOUT)
        assert sent.is_published(), f"no acknowledgement of {topic}"

    def publish_all(self, messages: Iterable[tuple[str, str]], *, retain: bool = False) -> None:
        """Publishes with QoS 1 without waiting in between, and then for the last acknowledgement."""
        sent = [self._client.publish(topic, payload, 1, retain) for topic, payload in messages]
        for message in sent:
            message.wait_for_publish(TIMEOUT)
            assert message.is_published(), "no acknowledgement"

    def send(self, topic: str, payload: str, qos: int) -> None:
        """Publishes and waits for nothing."""
        self._client.publish(topic, payload, qos)

    def acknowledged(self) -> None:
        """Waits for the next acknowledgement, however many connections that takes."""
        try:
            self._published.get(timeout=TIMEOUT)
        except queue.Empty:
            raise AssertionError(f"no acknowledgement within {TIMEOUT} s") from None

    def publish_with(self, topic: str, payload: str | bytes, **properties: object) -> None:
        """Publishes with QoS 1 and properties; 5.0 only."""
        given = Properties(PacketTypes.PUBLISH)
        for name, value in properties.items():
            setattr(given, name, value)
        self._client.publish(topic, payload, 1, properties=given).wait_for_publish(TIMEOUT)

    def subscribe(self, filter: str, qos: int = 0) -> None:
        """Subscribes and waits for the SUBACK; all that was published before has then been handled."""
        self._acknowledged.clear()
        self._client.subscribe(filter, qos)
        assert self._acknowledged.wait(TIMEOUT), f"no SUBACK for {filter}"

    def next(self) -> paho.MQTTMessage:
        """The next message."""
        try:
            return self._received.get(timeout=TIMEOUT)
        except queue.Empty:
            raise AssertionError(f"no message within {TIMEOUT} s") from None

    def heard(self) -> tuple[str, str]:
        """The next message as topic and text."""
        message = self.next()
        return message.topic, message.payload.decode()

    def take(self, count: int) -> list[paho.MQTTMessage]:
        """The next so many messages."""
        return [self.next() for _ in range(count)]

    def wait_for_pings(self, count: int) -> None:
        """Idles until so many PINGRESP have come."""
        for _ in range(count):
            assert self._pings.acquire(timeout=TIMEOUT), "no PINGRESP"

    def wait_for_close(self) -> None:
        """Waits until the broker has closed the connection."""
        assert self._closed.wait(TIMEOUT), "still connected"

    @property
    def is_open(self) -> bool:
        return not self._closed.is_set()

    def disconnect(self) -> None:
        """DISCONNECT."""
        self._client.disconnect()
        self._client.loop_stop()

    def close(self) -> None:
        self.disconnect()
