"""Somebody else's broker: mosquitto as a process of its own.

Knows nothing of Factree. Invariant: what was started here is ended here.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from process import lasting_address
from waiting import eventually

PROGRAM = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
"""Debian puts it where only root looks."""


class Mosquitto:
    """A running mosquitto. It keeps retained messages over a SIGTERM, and its address over everything."""

    def __init__(self, directory: Path, *settings: str):
        directory.mkdir(parents=True, exist_ok=True)
        self.port = int(lasting_address().rsplit(":", 1)[1])
        self.log = directory / "log"
        self._config = directory / "mosquitto.conf"
        settings = settings or ("allow_anonymous true",)
        lines = [f"listener {self.port} 127.0.0.1", *settings]
        lines += ["persistence true", f"persistence_location {directory}/", "max_queued_messages 0"]
        if os.geteuid() == 0:
            # It would become another user, who may not read what is here.
            lines += ["user root"]
        self._config.write_text("\n".join(lines) + "\n")
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([PROGRAM, "-v", "-c", str(self._config)], stdout=log, stderr=log)
        eventually(self._listens, True, what="mosquitto listens")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """SIGKILL: clients are told nothing, and nothing is saved."""
        self.end(signal.SIGKILL)

    def end(self, with_signal: signal.Signals = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
            self.process.wait()

    def close(self) -> None:
        self.end()
        print(self.log.read_text(errors="replace"))  # shown when the test failed
