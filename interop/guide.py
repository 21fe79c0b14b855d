"""A guide as a story: its blocks in their order, run as they stand there against a Factree of their own.

What a reader does not see says what has to be known, in a comment in front of a block:

    <!-- plant: demo -->        from here on, another Factree: `demo`, a configuration in a file, or one `with logins`
    <!-- file: order.json -->   the block is this file, or these
    <!-- answers: 404 -->       a request in it is refused so, which the text around it says
    <!-- exits: 1 -->           its last command ends so, and the text around it says why
    <!-- not run: why -->       it is not

A `toml` block that begins with `# factree.toml` is that file, and a line that starts Factree starts it with that. Only ports are
exchanged. A line of a block that is a comment is what the commands above it say, `…` standing for anything; so is a long number.
A request that is refused fails the story, unless one of these comments or `answers` says so.
Knows no guide. Invariant: whatever is not run says why.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import mosquitto
from process import BINARY, Factree
from waiting import TIMEOUT, eventually

ROOT = Path(__file__).parent.parent
PAGES = {page.stem: page for page in [ROOT / "README.md", *sorted((ROOT / "docs/guides").glob("*.md"))]}

BLOCK = re.compile(r"((?:^<!--[^\n]*-->\n)*)^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- (plant|file|answers|exits|not run): (.*?) -->")
PASSWORD = "staple battery"
SERVER = re.compile(r"^factree(?: (demo)| --config factree\.toml)?(?: +#.*)?$")


@dataclass
class Block:
    language: str
    text: str
    line: int
    marks: dict[str, str] = field(default_factory=dict)


def blocks(guide: str) -> list[Block]:
    """All of a guide, by its name without `.md`; the README is one."""
    text = PAGES[guide].read_text()
    found = BLOCK.finditer(text)
    return [Block(it[2], it[3], text.count("\n", 0, it.start(3)), dict(MARK.findall(it[1]))) for it in found]


class Story:
    """One guide in one directory."""

    def __init__(self, directory: Path, start):
        self.directory = directory
        self.start = start
        self.factree: Factree | None = None
        self.started = 0
        self.environment = dict(os.environ)
        self.programs = directory / "bin"
        self.programs.mkdir()

    def tell(self, guide: str) -> None:
        for block in blocks(guide):
            if plant := block.marks.get("plant"):
                self.replace(plant)
            self.keep(block)
            if block.language == "sh" and "not run" not in block.marks:
                self.run(block, f"{guide}.md:{block.line}")

    def keep(self, block: Block) -> None:
        names = block.marks.get("file", "").split()
        if block.language == "toml" and block.text.startswith("# factree.toml"):
            names.append("factree.toml")
        for name in names:
            file = self.directory / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text)

    def replace(self, plant: str) -> None:
        if plant == "with logins":
            self.let_in()
            self.serve(config="[auth]\n")
            mosquitto.publish(self.factree.mqtt_port, "Acme/Press/Speed", "1", "-q", "1", "-u", "root", "-P", PASSWORD)
        elif plant.endswith(".toml"):
            self.serve(config=(self.directory / plant).read_text())
        else:
            self.serve(plant)
            eventually(self.is_whole, True, what="the demo's plant")

    def is_whole(self) -> bool:
        """Whether all of the demo's Edge Nodes and Devices are there."""
        nodes = self.factree.body("/api/v1/edge-nodes?limit=1000")["edge_nodes"]
        return len(nodes) >= 12 and all(len(node["devices"]) >= 8 for node in nodes)

    def let_in(self) -> None:
        """Those whom the guides name, in the data of the next Factree; their keys as a reader has them."""
        data = self.directory.parent / f"factree-{self.started}" / "data"
        data.parent.mkdir()

        def say(*command: str) -> str:
            command = (BINARY, *command, "--data", str(data))
            return subprocess.run(command, input=f"{PASSWORD}\n", capture_output=True, text=True, check=True).stdout

        for name, role, key in [("root", "admin", "ADMIN_KEY"), ("anna", "reader", "KEY")]:
            say("user", "add", name, "--role", role, "--password-stdin")
            self.environment[key] = re.search(r"ftk_\S+", say("key", "add", name, "--label", "guide"))[0]

    def serve(self, *command: str, config: str | None = None) -> None:
        """Another Factree in place of the one there was."""
        if self.factree is not None:
            self.factree.terminate()
        if config is not None:
            # Its listeners are told in the banner; what it names is beside it.
            config = re.sub(r'(?m)^(listen +)= "127\.0\.0\.1:\d+"', r'\1= "127.0.0.1:0"', config)
            (self.directory / "started.toml").write_text(config)
            command = (*command, "--config", str(self.directory / "started.toml"))
        data = self.directory.parent / f"factree-{self.started}" / "data"
        self.factree = self.start(*command)
        self.started += 1
        link = self.directory / "factree-data"
        if link.is_symlink() or not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(data)

    def run(self, block: Block, where: str) -> None:
        """Its lines, up to one that starts a Factree and from there on."""
        lines: list[str] = []
        for line in block.text.splitlines():
            if server := SERVER.match(line):
                self.script(lines, {}, where)
                lines = []
                config = (self.directory / "factree.toml").read_text() if "--config" in line else None
                self.serve(*filter(None, [server[1]]), config=config)
            else:
                lines.append(line)
        self.script(lines, block.marks, where)

    def script(self, lines: list[str], marks: dict[str, str], where: str) -> None:
        text = "\n".join(lines)
        if not text.strip():
            return
        if self.factree is None:
            if re.search(r"^factree (init|user|key|check)", text, re.MULTILINE):
                # A plant whose server is stopped.
                (self.directory / "factree-data").mkdir(exist_ok=True)
            else:
                self.serve()
        self.write_programs()
        environment = {**self.environment, "PATH": f"{self.programs}:{os.environ['PATH']}"}
        script = ["bash", "-e", "-o", "pipefail", "-c", self.with_ports(text)]
        ended = subprocess.run(
            script, cwd=self.directory, env=environment, capture_output=True, text=True, timeout=TIMEOUT
        )
        said = f"{ended.stdout}\n{ended.stderr}"
        assert ended.returncode == int(marks.get("exits", 0)), f"{where}: exit code {ended.returncode}\n{said}"
        for line in re.findall(r"^# (.*)$", text, re.MULTILINE):
            assert re.search(pattern(self.with_ports(line)), said), f"{where} promises: {line}\nand not: {said}"
        refused = [status for status in re.findall(r"^http_code=(\d+)$", ended.stderr, re.MULTILINE) if status >= "400"]
        announced = re.findall(r"^# HTTP/1\.1 ([45]\d\d)", text, re.MULTILINE)
        announced += re.findall(r'^# .*urn:factree:problem:.*"status":(\d+)', text, re.MULTILINE)
        announced += marks.get("answers", "").split()
        assert refused == announced, f"{where}: refused {refused}, and the guide says {announced}\n{said}"

    def with_ports(self, text: str) -> str:
        if self.factree is None:
            return text
        ports = {1883: self.factree.mqtt_port, 8080: self.factree.http_port}
        listeners = self.factree.listeners
        ports |= {8883: listeners.get("tls", 8883), 9001: listeners.get("websocket", 9001)}
        return re.sub(r"\b(1883|8080|8883|9001)\b", lambda port: str(ports[int(port[1])]), text)

    def write_programs(self) -> None:
        """The programs of the guides, that find this Factree where a reader's is, and end where a reader would press Ctrl-C."""
        mqtt, http = (self.factree.mqtt_port, self.factree.http_port) if self.factree else (1883, 8080)
        ending = '[[ " $* " == *" -W "* || " $* " == *" -C "* ]] || set -- "$@" -C 1'
        port = f'[[ " $* " == *" -p "* ]] || set -- -p {mqtt} "$@"'
        curl = f'{self.real("curl")} --silent --show-error -w "%{{stderr}}http_code=%{{http_code}}\\n" "$@"'
        programs = {
            "curl": f'case " $* " in *" -N "*) {curl} --max-time {int(TIMEOUT)} 2>&1 | grep -m 1 "^data:";; *) {curl};; esac',
            "mosquitto_pub": f'{port}\nexec {self.real("mosquitto_pub")} "$@"',
            # 27: the time that the reader gives it is over.
            "mosquitto_sub": f'{port}\n{ending}\n{self.real("mosquitto_sub")} "$@" || [[ $? == 27 ]]',
            "factree": f"""case "$1 $2" in
"sparkplug "*) exec {BINARY} "$@" --http 127.0.0.1:{http};;
"user add" | "user password") exec {BINARY} "$@" --password-stdin <<< '{PASSWORD}';;
*) exec {BINARY} "$@";;
esac""",
        }
        for name, text in programs.items():
            file = self.programs / name
            file.write_text(f"#!/bin/bash\n{text}\n")
            file.chmod(0o755)

    @staticmethod
    def real(name: str) -> str:
        for folder in os.environ["PATH"].split(":"):
            if (file := Path(folder) / name).is_file():
                return str(file)
        raise FileNotFoundError(name)


def pattern(promised: str) -> str:
    """What a line of a guide promises, as an expression."""
    parts = [re.sub(r"\d{10,}", r"\\d+", re.escape(part)) for part in re.split(r" ?… ?", promised)]
    return ".*".join(parts)
