"""Factree as a process, and its HTTP API as a test reads it.

Every test starts its own: ports that the operating system picks, a data directory of its own. The start banner says the
addresses, so what is asserted is also that the banner is true.
Knows nothing of MQTT. Invariant: what was started here is ended here.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import re
import select
import signal
import socket
import subprocess
import threading
from pathlib import Path
from urllib.parse import quote

from waiting import TIMEOUT, eventually

BINARY = os.environ["FACTREE_BIN"]


class Factree:
    """A running Factree."""

    def __init__(self, directory: Path, *command: str, config: str | None = None, mqtt: str = "127.0.0.1:0"):
        directory.mkdir(parents=True, exist_ok=True)
        self._command = [BINARY, *command, "--http", "127.0.0.1:0", "--data", str(directory / "data")]
        if config is not None:
            (directory / "factree.toml").write_text(config)
            self._command += ["--config", str(directory / "factree.toml")]
        self.log = directory / "stderr"
        self._start(mqtt)

    def _start(self, mqtt: str) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._command, "--mqtt", mqtt], stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.banner: list[str] = []
        """What it said on stdout until both addresses were known, and with `read_banner` the rest."""
        self.listeners: dict[str, int] = {}
        """Ports of the further MQTT listeners, by transport."""
        self.mqtt_port, self.http_port = self._addresses()
        self._connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=TIMEOUT)

    def _addresses(self) -> tuple[int, int]:
        ports = {}
        alarm = threading.Timer(TIMEOUT, self.process.kill)
        alarm.start()
        for line in self.process.stdout:
            self.banner.append(line.rstrip("\n"))
            if said := re.match(r"  (MQTT|HTTP)   \S*?127\.0\.0\.1:(\d+)", line):
                ports[said[1]] = int(said[2])
            if line.startswith("  MQTT   off"):
                ports["MQTT"] = 0
            if said := re.match(r" +127\.0\.0\.1:(\d+)   the same by (\w+)", line):
                self.listeners[said[2]] = int(said[1])
            if len(ports) == 2:
                alarm.cancel()
                return ports["MQTT"], ports["HTTP"]
        raise AssertionError(f"no banner, exit code {self.process.wait()}: {self.log.read_text()}")

    def read_banner(self) -> list[str]:
        """The whole banner; its last line says how to stop."""
        while not self.banner[-1].startswith("Ctrl-C"):
            line = self.process.stdout.readline()
            assert line, self.banner
            self.banner.append(line.rstrip("\n"))
        return self.banner

    # What it answers.

    def get(self, target: str) -> tuple[int, dict]:
        """Status and body of one GET, now, over a connection that is kept."""
        response = self._ask("GET", target)
        return response.status, json.loads(response.read())

    def send(self, method: str, target: str, body: object = None) -> tuple[int, dict]:
        """Status and body of one PUT or POST."""
        headers = {} if body is None else {"Content-Type": "application/json"}
        response = self._ask(method, target, None if body is None else json.dumps(body), headers)
        return response.status, json.loads(response.read() or "{}")

    def _ask(self, method: str, target: str, *more: object) -> http.client.HTTPResponse:
        kept = self._connection.sock
        if kept is not None and select.select([kept], [], [], 0)[0]:
            # Nothing was asked for a while, and the server has hung up.
            self._connection.close()
        self._connection.request(method, target, *more)
        return self._connection.getresponse()

    def set(self, path: str, value: object) -> str:
        """Sets a value; the id of the command."""
        status, body = self.send("PUT", f"/api/v1/values/{quote(path)}", {"value": value})
        assert status == 202, f"PUT {path}: {status} {body}"
        return body["id"]

    def ask_rebirth(self, group: str, edge_node: str) -> tuple[int, dict]:
        return self.send("POST", f"/api/v1/edge-nodes/{quote(group, safe='')}/{quote(edge_node, safe='')}/rebirth")

    def metric(self, name: str) -> float:
        """A metric of `/metrics` that has no label, now."""
        text = self._ask("GET", "/metrics").read().decode()
        return float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE)[1])

    def body(self, target: str) -> dict:
        """The body of a GET that must succeed."""
        status, body = self.get(target)
        assert status == 200, f"GET {target}: {status} {body}"
        return body

    def sample(self, path: str) -> dict | None:
        """The sample at a path now, or None."""
        status, body = self.get("/api/v1/values/" + quote(path))
        return body if status == 200 else None

    def samples(self, filter: str) -> dict[str, dict]:
        """All samples that a filter covers now, by path."""
        body = self.body(f"/api/v1/values?limit=10000&filter={quote(filter)}")
        assert "next_cursor" not in body, "the tests stay below a page"
        return {sample["path"]: sample for sample in body["samples"]}

    def element(self, path: str = "", depth: int = 1) -> dict | None:
        """An element and what is below it, or None; without a path the root."""
        status, body = self.get(f"/api/v1/namespace{'/' if path else ''}{quote(path)}?depth={depth}")
        return body if status == 200 else None

    def edge_node(self, group: str, edge_node: str) -> dict | None:
        status, body = self.get(f"/api/v1/edge-nodes/{quote(group, safe='')}/{quote(edge_node, safe='')}")
        return body if status == 200 else None

    # What a test waits for.

    def until_value(self, path: str, value: object, quality: str = "Good") -> dict:
        """The sample at a path once it has this value and quality."""

        def now():
            sample = self.sample(path)
            return sample and {"value": sample["value"], "quality": sample["quality"]}

        eventually(now, {"value": value, "quality": quality}, what=path)
        return self.sample(path)

    def until_confirmed(self, command: str) -> dict:
        """The command once data have said its value."""
        eventually(lambda: self.body(f"/api/v1/commands/{command}")["state"], "confirmed", what="the command")
        return self.body(f"/api/v1/commands/{command}")

    def until_quality(self, filter: str, quality: str, count: int | None = None) -> None:
        """Waits until every sample that the filter covers, `count` of them if it is said, has this quality."""

        def now():
            samples = self.samples(filter)
            others = {path: sample["quality"] for path, sample in samples.items() if sample["quality"] != quality}
            return others or (count is None and len(samples) > 0) or len(samples) == count or f"{len(samples)} samples"

        eventually(now, True, what=f"every sample of {filter} is {quality}")

    # How it ends.

    def terminate(self) -> int:
        """SIGTERM; the exit code."""
        return self.stop(signal.SIGTERM)

    def stop(self, with_signal: signal.Signals) -> int:
        """Sends a signal; the exit code."""
        self.process.send_signal(with_signal)
        return self.process.wait(TIMEOUT)

    def kill(self) -> None:
        """SIGKILL: nothing can be put in order any more."""
        self.process.kill()
        self.process.wait(TIMEOUT)

    def restart(self) -> None:
        """Starts again what has ended, on the same data and the same MQTT port, as a service manager does.

        Another program may have taken the port meanwhile, unless it is a `lasting_address`.
        """
        assert self.process.poll() is not None, "it still runs"
        self.process.stdout.close()
        self._connection.close()
        self._start(f"127.0.0.1:{self.mqtt_port}")

    def close(self) -> None:
        """The end of a test: whatever still runs is ended, and a Factree that died on its own fails the test."""
        self._connection.close()
        code = self.process.poll()
        if code is None:
            code = self.terminate()
        self.process.stdout.close()
        log = self.log.read_text()
        print(log)  # shown when the test failed
        assert code == 0, f"factree ended with {code}: {log}"
        assert "panicked" not in log, log


def lasting_address() -> str:
    """An address that stays free while its Factree is down.

    The operating system's own choice lies in the range from which it also gives ports to outgoing connections: a client that
    keeps trying to come back can be given the very port it knocks at.
    """
    outgoing_from = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10_000, outgoing_from)
        with socket.socket() as free, contextlib.suppress(OSError):
            free.bind(("127.0.0.1", port))
            return f"127.0.0.1:{port}"


def refused(directory: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and stderr of a Factree that does not start."""
    try:
        ended = subprocess.run([BINARY, *arguments], cwd=directory, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired as still_running:
        raise AssertionError(f"it started: {still_running.stdout}") from None
    return ended.returncode, ended.stderr
