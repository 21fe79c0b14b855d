"""schemathesis reads the OpenAPI document and asks a living plant whatever it allows, and what it does not."""

from __future__ import annotations

import re
import subprocess
import sys
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
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    asked = re.search(r"(\d+) generated, (\d+) passed", told.stdout)
    assert asked and asked[1] == asked[2] and int(asked[1]) >= 500, told.stdout
    assert factree.body("/healthz") == {"status": "ok"}, "and it lives"
    assert len(factree.samples("Acme/#")) >= 500, "with its plant"
