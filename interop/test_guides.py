"""The README and docs/guides keep their word: what a reader is told to type is typed, and every configuration is one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from guide import PAGES, Story, blocks
from process import BINARY

TOLD = [guide for guide in PAGES if any(block.language == "sh" for block in blocks(guide))]
CONFIGURATIONS = [
    pytest.param(guide, block, id=f"{guide}-{block.line}")
    for guide in PAGES
    for block in blocks(guide)
    if block.language == "toml"
]


@pytest.mark.parametrize("guide", TOLD)
def test_what_a_guide_says_can_be_typed(start, tmp_path: Path, guide: str):
    story = tmp_path / "story"
    story.mkdir()
    Story(story, start).tell(guide)


@pytest.fixture(scope="session")
def plant(tmp_path_factory) -> Path:
    """A directory with what the configurations of the guides name."""
    plant = tmp_path_factory.mktemp("plant")
    (plant / "ca.cnf").write_text(
        "[ca]\ndefault_ca = d\n[d]\ndatabase = index.txt\ncrlnumber = crlnumber\ndefault_md = sha256\ndefault_crl_days = 30\n"
        "crl_extensions = e\n[e]\nauthorityKeyIdentifier = keyid\n"
    )
    (plant / "index.txt").touch()
    (plant / "crlnumber").write_text("01\n")
    make = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost "
        "-keyout server-key.pem -out server.pem && "
        "openssl ca -gencrl -config ca.cnf -keyfile server-key.pem -cert server.pem -out crl.pem && "
        "for name in ca devices-ca plant1-ca; do cp server.pem $name.pem; done && cp crl.pem devices-crl.pem"
    )
    subprocess.run(["bash", "-e", "-c", make], cwd=plant, check=True, capture_output=True)
    (plant / "plant1.password").write_text("secret\n")
    (plant / "plant1.password").chmod(0o600)
    (plant / "schemas").mkdir()
    for name in ["order", "recipe"]:
        (plant / "schemas" / f"{name}.json").write_text("{}")
    return plant


@pytest.mark.parametrize("guide, block", CONFIGURATIONS)
def test_a_configuration_of_a_guide_is_one(plant: Path, guide: str, block):
    file = plant / f"{guide}-{block.line}.toml"
    file.write_text(block.text.replace("/etc/factree", str(plant)))
    checked = subprocess.run([BINARY, "check", "--config", file.name], cwd=plant, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
