"""Stories of the tree's own MQTT topics, told with real Edge Nodes, `mosquitto_sub` and MQTT.js."""

from __future__ import annotations

import json

import pytest

import mosquitto
from edge_node import LIBRARIES
from mosquitto import V5, V311, Subscriber

TEMPERATURE = "Acme/Dallas/Press/Line1/Robot3/Axis/1/Temperature"


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


def heard(subscriber: Subscriber) -> tuple:
    message = subscriber.next()
    payload = message["payload"]
    sample = json.loads(payload) if isinstance(payload, str) else payload
    return message["topic"], sample["value"], sample["quality"], message["retain"]
