"""What dashboards read below `$SYS`, by the names that mosquitto gave it."""

from __future__ import annotations

from mosquitto import Subscriber
from waiting import eventually

PERIODS = ("1min", "5min", "15min")

# As mosquitto 2.0.11 publishes them, without heap/current and heap/maximum.
NAMES = """
    version uptime
    clients/total clients/maximum clients/connected clients/active clients/disconnected clients/inactive clients/expired
    messages/received messages/sent messages/stored store/messages/count store/messages/bytes
    publish/messages/received publish/messages/sent publish/messages/dropped publish/bytes/received publish/bytes/sent
    bytes/received bytes/sent subscriptions/count shared_subscriptions/count
    load/messages/received load/messages/sent load/publish/received load/publish/sent load/publish/dropped
    load/bytes/received load/bytes/sent load/sockets load/connections
""".split()
TOPICS = {
    f"$SYS/broker/{name}{period}"
    for name in [*NAMES, "retained messages/count"]
    for period in ([f"/{period}" for period in PERIODS] if name.startswith("load/") else [""])
}


def test_mosquitto_sub_reads_what_dashboards_expect_from_mosquitto(start):
    factree = start(config='[mqtt]\nsys_interval = "1 s"\n')
    dashboard = Subscriber(factree.mqtt_port, "$SYS/#").subscribed()
    said: dict[str, str] = {}

    def topics() -> set[str]:
        message = dashboard.next()
        said[message["topic"]] = message["payload"]
        return said.keys()

    eventually(topics, TOPICS, what="topics below $SYS")
    dashboard.close()
    assert said["$SYS/broker/version"].startswith("factree version ")
    assert said["$SYS/broker/uptime"].endswith(" seconds")
    figures = {topic: text for topic, text in said.items() if not topic.endswith(("version", "uptime"))}
    assert {topic for topic, text in figures.items() if not text.replace(".", "", 1).isdigit()} == set()


def test_the_figures_are_there_for_who_comes_late_and_count_who_is_there(start):
    factree = start(config='[mqtt]\nsys_interval = "1 s"\n')
    clients = Subscriber(factree.mqtt_port, "$SYS/broker/clients/connected").subscribed()
    connected = lambda: clients.next()["payload"]
    eventually(connected, "1", what="clients connected")
    other = Subscriber(factree.mqtt_port, "$SYS/broker/clients/connected").subscribed()
    assert other.next()["retain"] == 1
    eventually(connected, "2", what="clients connected")
    for subscriber in (clients, other):
        subscriber.close()
