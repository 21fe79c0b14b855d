"""What an operator configures, and what they are told when it cannot be."""

from __future__ import annotations

import pytest

import mosquitto
from edge_node import NPM
from metrics import metric
from process import refused

PLACEMENT = """
[[namespace.sparkplug]]
group  = "{enterprise}:{site}:{area}"
node   = "{work_center}"
device = "{work_unit}"

[[namespace.sparkplug]]
group = "legacy-{site}"
node  = "PLC_{area}_{work_center}"

[[namespace.topics]]
topic = "{enterprise}/{site}/{area}/{work_center}/{rest...}"
"""


def speed(value: float) -> list[dict]:
    return [metric("Speed", "Double", value)]


def test_templates_place_edge_nodes_and_what_matches_none_is_unplaced(start, edge_node):
    factree = start(config=PLACEMENT)
    for group, node, value in [
        ("Acme:Dallas:Press", "Line1", 1.5),
        ("legacy-Ulm", "PLC_Paint_L7", 2.5),
        ("Bench", "PC9", 3.5),
    ]:
        edge_node(NPM, group, node).born(factree.mqtt_port, speed(value), {"Robot3": speed(value)})

    factree.until_value("Acme/Dallas/Press/Line1/Robot3/Speed", 1.5)
    factree.until_value("Ulm/Paint/L7/Robot3/Speed", 2.5)
    factree.until_value("_unplaced/Bench/PC9/Robot3/Speed", 3.5)
    levels = {
        path: factree.element(path).get("level") for path in ("Ulm", "Ulm/Paint", "Ulm/Paint/L7", "Ulm/Paint/L7/Robot3")
    }
    assert levels == {"Ulm": "site", "Ulm/Paint": "area", "Ulm/Paint/L7": "work_center", "Ulm/Paint/L7/Robot3": None}


def test_topic_templates_say_which_topics_belong_to_the_tree(start):
    factree = start(config=PLACEMENT)
    mosquitto.publish(factree.mqtt_port, "Acme/Dallas/Paint/Oven/Zone1/Temperature", "180.5", "-q", "1")
    mosquitto.publish(factree.mqtt_port, "tmp/chat", '"hello"', "-q", "1")
    assert factree.sample("Acme/Dallas/Paint/Oven/Zone1/Temperature")["value"] == 180.5
    assert factree.element("Acme/Dallas/Paint/Oven")["level"] == "work_center"
    assert factree.element("tmp") is None, "plain MQTT, not tree"


def test_the_second_source_of_a_path_is_kept_under_conflicts(factree, edge_node):
    mosquitto.publish(factree.mqtt_port, "Acme/Dallas/Press/Line1/Speed", "3", "-q", "1")
    edge_node(NPM, "Acme:Dallas:Press", "Line1").born(factree.mqtt_port, speed(1.5), {})

    aside = "_conflicts/spBv1.0/Acme:Dallas:Press/Line1/Speed"
    factree.until_value(aside, 1.5)
    assert factree.element(aside)["conflict"] == "Acme/Dallas/Press/Line1/Speed"
    owner = factree.sample("Acme/Dallas/Press/Line1/Speed")
    assert (owner["value"], owner["source"]["type"]) == (3, "mqtt")


def test_two_edge_nodes_that_a_rule_puts_on_one_path_are_both_shown(start, edge_node):
    factree = start(
        config='[[namespace.sparkplug]]\ngroup = "{site}"\nnode = "PLC_{area}"\n\n'
        '[[namespace.sparkplug]]\ngroup = "{site}"\nnode = "{area}"\n'
    )
    edge_node(NPM, "Ulm", "Paint").born(factree.mqtt_port, speed(1.5), {})
    factree.until_value("Ulm/Paint/Speed", 1.5)
    edge_node(NPM, "Ulm", "PLC_Paint").born(factree.mqtt_port, speed(2.5), {})
    factree.until_value("_conflicts/spBv1.0/Ulm/PLC_Paint/Speed", 2.5)
    assert factree.sample("Ulm/Paint/Speed")["value"] == 1.5


@pytest.mark.parametrize(
    "config, told",
    [
        ('[mqtt]\n\nlisen = "127.0.0.1:1883"\n', ["line 3", "lisen", "listen"]),
        ('[namespace]\nlevels = ["plant"]\n', ["line 2", "plant", "enterprise", "work_center"]),
        ('[[namespace.sparkplug]]\ngroup = "{plant}"\n', ["line 2", "group", "{plant}", "{enterprise}", "{work_unit}"]),
        ('[[namespace.topics]]\n\ntopik = "{site}/#"\n', ["line 3", "topik", "topic"]),
        ("[http]\nlisten = 8080\n", ["line 2", "listen"]),
        ("[mqtt\n", ["line 1"]),
    ],
    ids=["unknown key", "unknown level", "unknown variable", "unknown key of a rule", "wrong type", "no TOML"],
)
def test_a_wrong_configuration_is_refused_with_what_would_be_accepted(tmp_path, config, told):
    (tmp_path / "factree.toml").write_text(config)
    code, message = refused(tmp_path, "--config", "factree.toml")
    assert code == 2
    for part in ["factree.toml", *told]:
        assert part in message
    assert refused(tmp_path, "check", "--config", "factree.toml")[0] == 2
    assert not (tmp_path / "factree-data").exists(), "refused before anything was made"


def test_a_configuration_that_is_not_there_is_named(tmp_path):
    code, message = refused(tmp_path, "--config", "nowhere.toml")
    assert code == 2
    assert "nowhere.toml" in message


def test_a_good_configuration_passes_the_check(tmp_path):
    (tmp_path / "factree.toml").write_text(PLACEMENT)
    assert refused(tmp_path, "check", "--config", "factree.toml") == (0, "")


def test_a_second_instance_on_the_same_data_directory_is_refused(tmp_path, factree):
    data = factree.log.parent / "data"
    code, message = refused(tmp_path, "--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data", str(data))
    assert code == 3
    assert str(data) in message and str(factree.process.pid) in message
    assert factree.body("/healthz") == {"status": "ok"}


@pytest.mark.parametrize("listener", ["--mqtt", "--http"])
@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_a_listener_that_the_network_can_reach_is_refused(tmp_path, listener, address):
    code, message = refused(tmp_path, listener, address)
    assert code == 2
    assert listener in message and "127.0.0.1" in message, "it says what to do instead"


def test_a_port_that_is_taken_is_named(tmp_path, factree):
    taken = f"127.0.0.1:{factree.mqtt_port}"
    code, message = refused(tmp_path, "--mqtt", taken, "--http", "127.0.0.1:0", "--data", str(tmp_path / "other"))
    assert code == 1
    assert taken in message and "--mqtt" in message
