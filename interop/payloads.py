"""Sparkplug payloads as bytes, for what no library would send, or none can be made to send in this order.

Knows nothing of MQTT. Invariant: beside times, nothing is in a payload that was not asked for.
"""

from __future__ import annotations

import time

from pysparkplug import DataType
from pysparkplug._protobuf import sparkplug_b_pb2

Payload = sparkplug_b_pb2.Payload


def payload(*metrics: dict, seq: int | None = None) -> bytes:
    """A payload of now. A metric is given as `name`, `type`, `value`, `alias`, each only if it is to be there."""
    now = time.time_ns() // 1_000_000
    made = Payload(timestamp=now)
    if seq is not None:
        made.seq = seq
    for given in metrics:
        metric = made.metrics.add(timestamp=now, **{name: given[name] for name in ("name", "alias") if name in given})
        datatype = DataType[given["type"].upper()]
        if given.get("declared", True):
            metric.datatype = datatype
        setattr(metric, datatype.field, datatype.encode(given["value"]))
    return made.SerializeToString()


def read(payload: bytes) -> Payload:
    return Payload.FromString(payload)
