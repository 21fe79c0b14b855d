"""What every story can ask for: a Factree, Edge Nodes, and that all of it is gone afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_node import NPM, PYPI, EdgeNode, Library
from process import Factree


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


@pytest.fixture(params=[NPM, PYPI], ids=str)
def library(request) -> Library:
    """Each Sparkplug library in turn."""
    return request.param


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
