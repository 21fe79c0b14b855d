"""`factree demo` shows a newcomer a living plant."""

from __future__ import annotations

from edge_node import NPM
from metrics import metric
from waiting import eventually


def below(element: dict) -> dict[str, dict]:
    """Names to what is below them."""
    return {child["name"]: below(child) for child in element.get("children", [])}


def test_the_demo_is_a_plant_of_two_sites_within_ten_seconds(start):
    factree = start("demo")

    def sites():
        return {site: sorted(areas) for site, areas in below(factree.element(depth=3)).get("Acme", {}).items() if areas}

    eventually(lambda: "Press" in sites().get("Dallas", []) and len(sites()) >= 2, True, what="Acme's sites")

    def online():
        nodes = factree.body("/api/v1/edge-nodes?limit=1000")["edge_nodes"]
        return len([node for node in nodes if node["state"] == "online"])

    eventually(lambda: online() >= 10, True, what="a dozen lines")
    eventually(lambda: len(factree.samples("Acme/Dallas/Press/#")) >= 100, True, what="values of an area")


def test_values_of_the_demo_move(start):
    factree = start("demo")
    eventually(lambda: len(factree.samples("Acme/Dallas/Press/#")) >= 100, True, what="values of an area")
    first = {path: sample["value"] for path, sample in factree.samples("Acme/#").items()}

    def moved():
        return sum(sample["value"] != first.get(path) for path, sample in factree.samples("Acme/#").items()) >= 10

    eventually(moved, True, what="ten values differ")


def test_a_real_edge_node_appears_beside_the_plant(start, edge_node):
    factree = start("demo")
    node = edge_node(NPM, "Acme:Dallas:Press", "MyLine")
    node.born(factree.mqtt_port, [metric("Speed", "Double", 1.5)], {"MyRobot": [metric("Temperature", "Float", 20.5)]})
    factree.until_value("Acme/Dallas/Press/MyLine/MyRobot/Temperature", 20.5)
    eventually(lambda: len(below(factree.element("Acme/Dallas/Press"))) >= 2, True, what="lines beside it")
