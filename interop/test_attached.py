"""Stories of Factree attached to somebody else's broker: mosquitto, with real Edge Nodes as its clients."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

import mosquitto
from foreign import Mosquitto
from mosquitto import Subscriber
from process import Factree, refused
from waiting import eventually

GROUP, NODE = "Acme:Dallas:Press", "Line1"
LINE = "Acme/Dallas/Press/Line1"
TEMPERATURE = f"{LINE}/Robot3/Temperature"


def double(name: str, value: float, alias: int) -> dict:
    return {"name": name, "type": "Double", "value": value, "alias": alias}


@pytest.fixture
def foreign(tmp_path):
    """Starts a mosquitto: `foreign()`, `foreign("allow_anonymous false", …)`."""
    started: list[Mosquitto] = []

    def foreign(*settings: str) -> Mosquitto:
        started.append(Mosquitto(tmp_path / f"mosquitto-{len(started)}", *settings))
        return started[-1]

    yield foreign
    for broker in started:
        broker.close()


@pytest.fixture(params=["3.1.1", "5.0"])
def version(request) -> str:
    return request.param


def table(broker: Mosquitto, name: str = "plant1", **more: object) -> str:
    keys = {
        "name": name,
        "url": f"mqtt://127.0.0.1:{broker.port}",
        "host_id": "scada",
        "client_id": name,
        "retry_min": "50 ms",
        "retry_max": "200 ms",
        **more,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    return "\n".join(["[[attach]]", *lines, ""])


def link(factree: Factree, number: int = 0) -> dict:
    return factree.body("/api/v1/attachments")["attachments"][number]


def until_attached(factree: Factree, number: int = 0) -> None:
    eventually(lambda: link(factree, number)["state"], "online", what="the attachment")


def states(broker: Mosquitto) -> Subscriber:
    return Subscriber(broker.port, "spBv1.0/STATE/scada", "-V", "mqttv5", "-q", "1").subscribed()


def state(subscriber: Subscriber) -> tuple[bool, int]:
    said = json.loads(subscriber.next()["payload"])
    return said["online"], said["timestamp"]


def test_real_edge_nodes_behind_mosquitto_stand_in_the_tree(start, foreign, edge_node, library, version):
    broker = foreign()
    factree = start(config=table(broker, version=version))
    until_attached(factree)
    node = edge_node(library, GROUP, NODE).born(broker.port, [], {"Robot3": [double("Temperature", 21.5, 1)]})
    factree.until_value(TEMPERATURE, 21.5)
    node.device_data("Robot3", double("Temperature", 22.25, 1))
    factree.until_value(TEMPERATURE, 22.25)
    assert factree.edge_node(GROUP, NODE)["link"] == "attach:plant1"

    node.kill()
    factree.until_quality(f"{LINE}/#", "Stale")
    assert factree.edge_node(GROUP, NODE)["state"] == "offline"


def test_state_is_true_through_kill_and_return(start, foreign, version):
    broker = foreign()
    watcher = states(broker)
    factree = start(config=table(broker, version=version))
    online, since = state(watcher)
    assert online
    mosquitto.publish(
        broker.port, "spBv1.0/STATE/scada", json.dumps({"online": False, "timestamp": since}), "-r", "-q", "1"
    )
    assert [state(watcher), state(watcher)] == [(False, since), (True, since)], "put right at once"

    broker.kill()
    eventually(lambda: link(factree)["state"] in ("offline", "connecting"), True, what="the loss is noticed")
    watcher.close()
    broker.start()
    until_attached(factree)
    watcher = states(broker)
    online, since_then = state(watcher)
    assert online and since_then >= since
    assert factree.terminate() == 0
    online, at_last = state(watcher)
    assert not online and at_last >= since_then
    watcher.close()
    assert "will" not in re.findall(r"disconnected.*", broker.log.read_text())[-1].lower()


def test_a_killed_factree_is_offline_to_its_plant(start, foreign):
    broker = foreign()
    watcher = states(broker)
    factree = start(config=table(broker))
    _, since = state(watcher)
    factree.kill()
    assert state(watcher) == (False, since), "the will, with the timestamp of its CONNECT"
    factree.restart()
    online, since_then = state(watcher)
    assert online and since_then >= since
    watcher.close()


def test_after_mosquitto_was_killed_everything_is_stale_until_it_is_born_again(start, foreign, edge_node, library):
    broker = foreign()
    factree = start(config=table(broker))
    until_attached(factree)
    metrics = [double("Temperature", 21.5, 1)]
    node = edge_node(library, GROUP, NODE).born(broker.port, [], {"Robot3": metrics}, reconnect=True)
    factree.until_value(TEMPERATURE, 21.5)

    broker.kill()
    factree.until_quality(f"{LINE}/#", "Stale")
    broker.start()
    until_attached(factree)
    node.close()
    edge_node(library, GROUP, NODE).born(broker.port, [], {"Robot3": [double("Temperature", 23.5, 1)]})
    factree.until_value(TEMPERATURE, 23.5)


def test_a_factree_that_comes_late_asks_who_speaks_to_be_born_again(start, foreign, edge_node, library):
    broker = foreign()
    node = edge_node(library, GROUP, NODE).born(broker.port, [], {"Robot3": [double("Temperature", 21.5, 1)]})
    factree = start(config=table(broker))
    until_attached(factree)
    assert factree.edge_node(GROUP, NODE) is None
    node.device_data("Robot3", double("Temperature", 22.5, 1))
    factree.until_value(TEMPERATURE, 22.5)
    told = factree.edge_node(GROUP, NODE)
    assert (told["state"], told["counters"]["rebirths_asked"]) == ("online", 1)


def test_two_brokers_make_one_tree(start, foreign, edge_node, library):
    one, two = foreign(), foreign()
    factree = start(config=table(one, "one") + table(two, "two", version="3.1.1"))
    until_attached(factree, 0)
    until_attached(factree, 1)
    for broker, name, value in ((one, "Line1", 1.5), (two, "Line2", 2.5)):
        edge_node(library, GROUP, name).born(broker.port, [], {"Robot3": [double("Temperature", value, 1)]})
        factree.until_value(f"Acme/Dallas/Press/{name}/Robot3/Temperature", value)
    assert [factree.edge_node(GROUP, name)["link"] for name in ("Line1", "Line2")] == ["attach:one", "attach:two"]

    one.kill()
    factree.until_quality("Acme/Dallas/Press/Line1/#", "Stale")
    assert factree.edge_node(GROUP, "Line2")["state"] == "online"


def test_plain_topics_that_are_asked_for(start, foreign, version):
    broker = foreign()
    mosquitto.publish(broker.port, "Acme/Oven/Setpoint", "180.5", "-r", "-q", "1")
    factree = start(config=table(broker, version=version, filters=["Acme/#"]))
    factree.until_value("Acme/Oven/Setpoint", 180.5)
    mosquitto.publish(broker.port, "Acme/Oven/Setpoint", "181.5", "-q", "1")
    factree.until_value("Acme/Oven/Setpoint", 181.5)


def test_a_wrong_password_is_clear_and_the_right_one_works(start, foreign, tmp_path, version):
    passwords = tmp_path / "passwords"
    mosquitto_passwd(passwords, "plant", "right")
    broker = foreign("allow_anonymous false", f"password_file {passwords}")
    login = dict(username="plant", version=version)
    wrong = table(broker, "wrong", password="hunter2", **login)
    factree = start(config=wrong + table(broker, "right", password="right", **login))
    until_attached(factree, 1)
    eventually(lambda: link(factree, 0).get("last_error", {}).get("class"), "refused", what="the refusal")
    assert "password" in link(factree, 0)["last_error"]["text"]
    told = [json.dumps(factree.body("/api/v1/attachments")), factree.log.read_text(), *factree.read_banner()]
    everything = "\n".join(told)
    assert "hunter2" not in everything


def mosquitto_passwd(file: Path, user: str, password: str) -> None:
    file.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(file), user, password], check=True, capture_output=True)


def test_nothing_else_is_needed(start, foreign, tmp_path):
    """`factree --attach mqtt://… --mqtt off`, as a newcomer types it."""
    broker = foreign()
    factree = Factree(tmp_path / "newcomer", "--attach", f"mqtt://127.0.0.1:{broker.port}", mqtt="off")
    try:
        until_attached(factree)
        said = "\n".join(factree.read_banner())
        assert "MQTT   off" in said and f"Attach mqtt://127.0.0.1:{broker.port}" in said
        assert link(factree)["client_id"] == "factree-factree"
    finally:
        factree.close()


def test_a_password_on_the_command_line_is_not_repeated(tmp_path):
    code, said = refused(tmp_path, "check", "--attach", "mqtt://plant:hunter2@broker:none")
    assert code == 2 and "port" in said and "hunter2" not in said, said
