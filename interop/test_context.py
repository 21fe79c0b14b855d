"""Stories of orders that change while a plant runs: every sample is read with the order of its time."""

from __future__ import annotations

import json
import signal

from metrics import BORN_AT, metric
from process import Factree, lasting_address
from talker import V5, V311

GROUP = "Acme:Dallas:Press"
LINE = "Acme/Dallas/Press/Line1"
CONFIG = """
[[namespace.context]]
name = "order"
path = "Acme/+/+/+/Order"

[[namespace.context]]
name = "shift"
path = "MES/Shift"
below = "Acme/Dallas"
fields = ["Team"]
"""


def order(number: str, since: int) -> str:
    return json.dumps({"Number": number, "Part": {"Name": "Door"}, "timestamp": since})
