"""The start banner tells a newcomer what to try; what it says works when it is copied."""

from __future__ import annotations

import re
import subprocess

import pytest

from process import Factree
from waiting import TIMEOUT


def commands(factree: Factree) -> list[str]:
    """The commands of the banner, without what is said behind them."""
    lines = [line for line in factree.read_banner() if re.match(r"  (curl|mosquitto_pub) ", line)]
    return [re.split(r"  +", line.strip())[0] for line in lines]


@pytest.mark.parametrize("command, count", [((), 3), (("demo",), 3)], ids=["factree", "factree demo"])
def test_the_commands_of_the_banner_work(start, command, count):
    factree = start(*command)
    if command:
        factree.until_quality("Acme/Dallas/Press/#", "Good")  # the plant needs a moment to connect
    told = commands(factree)
    assert len(told) >= count, factree.banner
    for line in told:
        line = re.sub("^curl", "curl --silent --show-error --fail", line)
        ended = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=TIMEOUT)
        assert ended.returncode == 0, f"{line}: {ended.stderr}"
