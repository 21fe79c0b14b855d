"""`mosquitto_pub` and `mosquitto_sub`, as an operator types them.

Knows nothing of Factree. Invariant: a subscriber that a test waits for has had its SUBACK.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading

from waiting import TIMEOUT

V311, V5 = "mqttv311", "mqttv5"


def publish(port: int, topic: str, message: str, *more: str) -> None:
    """`mosquitto_pub -t topic -m message`; returns when the broker has acknowledged it, if the QoS asks for that."""
    run("mosquitto_pub", port, "-t", topic, "-m", message, *more)


def clear(port: int, topic: str) -> None:
    """Clears a retained message."""
    run("mosquitto_pub", port, "-t", topic, "-n", "-r", "-q", "1")


def run(tool: str, port: int, *arguments: str) -> None:
    """Runs a tool that ends by itself."""
    ended = subprocess.run(command(tool, port, *arguments), capture_output=True, text=True, timeout=TIMEOUT)
    assert ended.returncode == 0, f"{ended.args}: {ended.returncode} {ended.stdout}{ended.stderr}"


def command(tool: str, port: int, *arguments: str) -> list[str]:
    return [tool, "-h", "127.0.0.1", "-p", str(port), *arguments]


class Publisher:
    """`mosquitto_pub -l`: a message per line, on one connection that stays."""

    def __init__(self, port: int, topic: str, *more: str):
        arguments = command("mosquitto_pub", port, "-t", topic, "-l", *more)
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, text=True)

    def say(self, message: str) -> None:
        self.process.stdin.write(message + "\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """SIGKILL: no DISCONNECT."""
        self.process.kill()
        self.process.wait(TIMEOUT)

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        self.process.stdin.close()


class Subscriber:
    """`mosquitto_sub -d`: what it was sent, and whether its subscription stands."""

    def __init__(self, port: int, filter: str, *more: str):
        # One JSON object per message; -d tells of the SUBACK, unbuffered or we would learn of it at the end.
        arguments = command("mosquitto_sub", port, "-t", filter, "-F", "%j", "-d", *more)
        self.process = subprocess.Popen(["stdbuf", "-oL", *arguments], stdout=subprocess.PIPE, text=True)
        self._received: list[dict] = []
        self._subscribed = False
        self._disconnected: int | None = None
        self._ended = False
        self._news = threading.Condition()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            with self._news:
                if line.startswith("{"):
                    self._received.append(json.loads(line))
                elif line.startswith("Subscribed"):
                    self._subscribed = True
                elif told := re.match(r"Received DISCONNECT \((\d+)\)", line):
                    self._disconnected = int(told[1])
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def subscribed(self) -> Subscriber:
        """Waits for the SUBACK."""
        with self._news:
            assert self._news.wait_for(lambda: self._subscribed or self._ended, TIMEOUT) and self._subscribed, (
                "no SUBACK"
            )
        return self

    def disconnected(self) -> int:
        """Waits for the broker's DISCONNECT, which only 5.0 has; its reason code."""
        with self._news:
            self._news.wait_for(lambda: self._disconnected is not None or self._ended, TIMEOUT)
            assert self._disconnected is not None, "no DISCONNECT"
            return self._disconnected

    def next(self) -> dict:
        """The next message as `topic`, `payload`, `qos`, `retain`."""
        with self._news:
            self._news.wait_for(lambda: self._received or self._ended, TIMEOUT)
            assert self._received, f"no message within {TIMEOUT} s"
            said = self._received.pop(0)
        return {name: said[name] for name in ("topic", "payload", "qos", "retain")}

    def close(self) -> None:
        """SIGKILL: on SIGTERM mosquitto_sub disconnects from within its signal handler, and may wait there for a lock it holds."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(TIMEOUT)
        self._listener.join(TIMEOUT)
        self.process.stdout.close()
