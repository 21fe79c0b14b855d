"""What every story can ask for: a Factree, Edge Nodes, and that all of it is gone afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_node import ABILITIES, LIBRARIES, EdgeNode, Library
from mqtt_js import MqttJs
from process import Factree, lasting_address
from talker import Talker


@pytest.fixture
def start(tmp_path: Path):
    """Starts a Factree: `start("demo")`, `start(config="…")`."""
    started: list[Factree] = []

    def start(*command: str, **more) -> Factree:
        factree = Factree(tmp_path / f"factree-{len(started)}", *command, **more)
        started.append(factree)
        return factree

    yield start
    for factree in started:
        factree.close()


@pytest.fixture
def factree(start) -> Factree:
    """A fresh Factree with its defaults."""
    return start()


@pytest.fixture
def lasting(start) -> Factree:
    """A fresh Factree that a story ends and starts again."""
    return start(mqtt=lasting_address())


@pytest.fixture
def library(request) -> Library:
    """Each Sparkplug library in turn that can do what the story needs."""
    return request.param


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "library" in metafunc.fixturenames:
        needed = {ability for mark in metafunc.definition.iter_markers("needs") for ability in mark.args}
        assert needed <= ABILITIES.keys(), needed
        able = [library for library in LIBRARIES if not needed & library.cannot.keys()]
        metafunc.parametrize("library", able, indirect=True, ids=str)


@pytest.fixture
def edge_node():
    """Makes an Edge Node: `edge_node(library, group, edge_node)`."""
    made: list[EdgeNode] = []

    def make(*arguments, **more) -> EdgeNode:
        node = EdgeNode(*arguments, **more)
        made.append(node)
        return node

    yield make
    for node in made:
        node.close()


@pytest.fixture
def connect():
    """Connects a client made of paho-mqtt: `connect(port, client_id, version)`."""
    connected: list[Talker] = []

    def connect(*arguments, **more) -> Talker:
        connected.append(Talker(*arguments, **more))
        return connected[-1]

    yield connect
    for talker in connected:
        talker.close()


@pytest.fixture
def mqtt_js():
    """Connects a client made of MQTT.js: `mqtt_js(url, client_id, version)`."""
    connected: list[MqttJs] = []

    def connect(*arguments, **more) -> MqttJs:
        connected.append(MqttJs(*arguments, **more))
        return connected[-1]

    yield connect
    for client in connected:
        client.close()
