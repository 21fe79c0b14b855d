"""Waiting for a condition, never for a time.

Invariant: a wait that fails says what was there instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable

TIMEOUT = 20.0
"""Seconds until a condition that does not come true fails its test."""


def eventually(now: Callable[[], object], expected: object, what: str = "it") -> None:
    """Asks until the answer is the expected one."""
    until = time.monotonic() + TIMEOUT
    while (answer := now()) != expected:
        assert time.monotonic() < until, f"{what} after {TIMEOUT} s: {answer!r}, not {expected!r}"
        time.sleep(0.01)
