"""schemathesis reads the OpenAPI document and asks a living plant whatever it allows, and what it does not."""

from __future__ import annotations

import html
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

from waiting import eventually

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
]
ENDLESS = "follow"
"""The one operation whose answer has no end; test_streams.py is about it."""


def test_no_question_has_an_answer_that_the_document_does_not_name(start):
    factree = start("demo")
    eventually(lambda: len(factree.samples("Acme/#")) >= 500, True, what="the plant")
    told = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"http://127.0.0.1:{factree.http_port}/openapi.json",
            f"--checks={','.join(CHECKS)}",
            "--phases=examples,coverage,fuzzing",
            "--mode=all",
            "--seed=1",
            "--max-examples=25",
            "--generation-database=none",
            f"--exclude-operation-id={ENDLESS}",
            "--continue-on-failure",
            "--request-timeout=10",
            "--warnings=off",
            "--no-color",
        ],
        # It keeps notes where it runs.
        cwd=factree.log.parent,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    asked = re.search(r"(\d+) generated, (\d+) passed", told.stdout)
    assert asked and asked[1] == asked[2] and int(asked[1]) >= 500, told.stdout
    assert factree.body("/healthz") == {"status": "ok"}, "and it lives"
    assert len(factree.samples("Acme/#")) >= 500, "with its plant"


def test_the_lines_of_the_page_for_people_can_be_copied_into_a_shell(start):
    """Every one has an answer, and a good one where it is about something that the plant has."""
    factree = start("demo")
    eventually(lambda: len(factree.samples("Acme/#")) >= 500, True, what="the plant")
    with urllib.request.urlopen(f"http://127.0.0.1:{factree.http_port}/docs") as page:
        lines = re.findall(r"<code>(curl [^<]*)</code>", page.read().decode())
    assert len(lines) >= 20
    elsewise = {
        "/api/v1/ws": "426",
        "/api/v1/commands/1795325806463": "404",
        "/api/v1/clients/press-gateway": "404",
        "/api/v1/types/Motor": "404",
        "/api/v1/types/Motor/instances": "404",
    }
    # What is online, or nobody's, is not forgotten.
    forgotten = re.compile(r"-X DELETE .*/api/v1/(edge-nodes|values)")
    # Nobody has to log in to the demo, so there is nobody to manage.
    nobody = re.compile(r"/api/v1/(users|roles|keys|sessions|disabled|me/password|login)\b")
    for line in map(html.unescape, lines):
        asked = f"{line} --silent --output /dev/null --write-out '%{{http_code}}' --max-time 2"
        status = subprocess.run(["sh", "-c", asked], capture_output=True, text=True).stdout
        expected = [code for end, code in elsewise.items() if f"{end}'" in line] or ["200", "202"]
        if forgotten.search(line):
            expected = ["404", "409"]
        if nobody.search(line):
            expected = ["204"] if "DELETE" in line and line.endswith("/login'") else ["409"]
        assert status in expected, f"{line}: {status}"
