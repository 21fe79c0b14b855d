"""A client made of MQTT.js, in a Node.js process of its own.

It reconnects by itself when it is told to, as dashboards and gateways made with it do.
Knows nothing of Factree. Invariant: a call that waits has a limit and says what did not come.
"""

from __future__ import annotations

from pathlib import Path

from orders import Ordered

COMMAND = ("node", str(Path(__file__).parent / "clients" / "npm_mqtt.cjs"))

V311, V5 = 4, 5


class MqttJs(Ordered):
    """A connected client."""

    def __init__(
        self,
        url: str,
        client_id: str,
        version: int = V5,
        *,
        ca: Path | None = None,
        session_expiry: int | None = None,
        reconnect: bool = False,
        properties: dict | None = None,
        **options: object,
    ):
        super().__init__("MQTT.js", COMMAND)
        told = dict(properties or {})
        if session_expiry is not None:
            told["sessionExpiryInterval"] = session_expiry
        options |= {"clientId": client_id, "protocolVersion": version, "clean": session_expiry is None}
        if version == V5 and told:
            options["properties"] = told
        if reconnect:
            options["reconnectPeriod"] = 100
        self.order("connect", url=url, options=options, **({} if ca is None else {"ca": str(ca)}))
        self.connack = self.wait_for("connected")

    def subscribe(self, filter: str, qos: int = 0, **options: object) -> None:
        """Subscribes and waits for the SUBACK; `options` are `nl`, `rap`, `rh` and `properties`."""
        self.order("subscribe", filter=filter, options={"qos": qos, **options})
        answer = self.wait_for("subscribed")
        assert answer["granted"] == [qos], answer

    def send(self, topic: str, payload: str, qos: int = 0, **options: object) -> None:
        """Publishes and waits for nothing; `options` are `retain` and `properties`."""
        self.order("publish", topic=topic, payload=payload, options={"qos": qos, **options})

    def publish(self, topic: str, payload: str, qos: int = 1, **options: object) -> None:
        """Publishes and waits for PUBACK or PUBCOMP."""
        self.send(topic, payload, qos, **options)
        self.acknowledged()

    def acknowledged(self) -> str:
        """The payload of the next message that is acknowledged."""
        answer = self.wait_for("published")
        assert answer.get("error") is None, answer
        return answer["payload"]

    def message(self) -> dict:
        """The next message, all that is known of it."""
        return self.wait_for("message")

    def next(self) -> dict:
        """The next message as `topic`, `payload`, `qos`, `retain`."""
        said = self.message()
        return {name: said[name] for name in ("topic", "payload", "qos", "retain")}

    def heard(self) -> tuple[str, str]:
        """The next message as topic and text."""
        said = self.message()
        return said["topic"], said["payload"]

    def hold(self) -> None:
        """Acknowledges nothing until `release`; 5.0 only."""
        self.order("hold")

    def release(self) -> None:
        self.order("release")

    def is_untroubled(self) -> bool:
        """Whether the package had nothing to complain about."""
        return not self.has("error")
