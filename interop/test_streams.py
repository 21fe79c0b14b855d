"""Following the tree with what people have at hand: curl, and the EventSource and WebSocket that Node brings along."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from orders import Ordered
from talker import V311
from waiting import TIMEOUT

HERE = Path(__file__).parent
NODE = ("node", "--experimental-eventsource", "--experimental-websocket", "--no-warnings")
CLIENT = (*NODE, str(HERE / "clients" / "node_streams.mjs"))
GUIDE = (HERE.parent / "docs/guides/streams.md").read_text()


@pytest.fixture
def follow():
    """Follows by `sse` or `ws`."""
    followers: list[Ordered] = []

    def follow(way: str, url: str, *messages: dict) -> Ordered:
        followers.append(Ordered(way, (*CLIENT, way, url, *(json.dumps(message) for message in messages))))
        return followers[-1]

    yield follow
    for follower in followers:
        follower.process.kill()
        follower.process.wait()


def values(event: dict) -> dict[str, object]:
    return {sample["path"]: sample["value"] for sample in event["data"]["samples"]}


def test_curl_is_told_what_is_and_what_changes(start):
    factree = start("demo")
    url = f"http://127.0.0.1:{factree.http_port}/api/v1/stream?filter=Acme/%23"
    curl = subprocess.Popen(
        ["curl", "-sN", "--max-time", str(int(TIMEOUT)), url], stdout=subprocess.PIPE, text=True
    )
    try:
        events = (line.split(": ")[1].strip() for line in curl.stdout if line.startswith("event: "))
        assert next(events) == "snapshot"
        assert "changes" in events
    finally:
        curl.kill()
        curl.wait()


def test_event_source_has_what_is_there(factree, connect, follow):
    talker = connect(factree.mqtt_port, "oven", V311)
    talker.send("Acme/Oven", "20", 1)
    follower = follow("sse", f"http://127.0.0.1:{factree.http_port}/api/v1/stream?filter=Acme/%23&interval=10")
    assert values(follower.wait_for("snapshot")) == {"Acme/Oven": 20}
    talker.send("Acme/Oven", "21", 1)
    changes = follower.wait_for("changes")
    assert values(changes) == {"Acme/Oven": 21}
    assert changes["data"]["samples"] == [factree.sample("Acme/Oven")]
    assert re.fullmatch(r"[0-9a-f]+-\d+", changes["id"])


def test_web_socket_follows_many_things(factree, connect, follow):
    talker = connect(factree.mqtt_port, "oven", V311)
    talker.send("Acme/Oven", "20", 1)
    url = f"ws://127.0.0.1:{factree.http_port}/api/v1/ws"
    subscribe = {"subscribe": {"id": "oven", "filter": ["Acme/#"], "interval": 10, "fields": ["value"]}}
    follower = follow("ws", url, subscribe, {"subscribe": {"id": "wrong", "filter": "#/a"}}, {"unsubscribe": {"id": "nobody"}})
    assert follower.wait_for("subscribed")["id"] == "oven"
    assert values(follower.wait_for("snapshot")) == {"Acme/Oven": 20}
    assert follower.wait_for("problem")["problem"]["type"] == "urn:factree:problem:bad-filter"
    assert follower.wait_for("problem")["problem"]["type"] == "urn:factree:problem:subscription-not-found"
    talker.send("Acme/Oven", "21", 1)
    assert values(follower.wait_for("changes")) == {"Acme/Oven": 21}
    factree.terminate()
    assert follower.wait_for("closed")["code"] == 1001


def test_the_client_of_the_guide_stays_current(factree, connect, tmp_path):
    program = re.search(r"^```js\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)[1]
    program = program.replace('"/api', f'"http://127.0.0.1:{factree.http_port}/api')
    file = tmp_path / "guide.mjs"
    program += "stream.addEventListener('snapshot', () => console.log('[]'));\n"
    file.write_text(program + "stream.addEventListener('changes', () => console.log(JSON.stringify([...plant])));\n")
    running = subprocess.Popen([*NODE, str(file)], stdout=subprocess.PIPE, text=True)
    try:
        assert json.loads(running.stdout.readline()) == []
        talker = connect(factree.mqtt_port, "oven", V311)
        talker.send("Acme/Oven", "21", 1)
        sample = {"path": "Acme/Oven", "value": 21, "quality": "Good"}
        assert json.loads(running.stdout.readline()) == [["Acme/Oven", sample]]
    finally:
        running.kill()
        running.wait()
