"""Metrics of every scalar datatype, as a library is given them and as the HTTP API must show them.

64-bit integers travel to the libraries as digits, since JSON readers keep numbers as doubles; the API writes them as
digits for the same reason beyond 2^53.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One datatype: what its birth says, what later data says, and the JSON of both."""

    name: str
    type: str
    birth: object
    data: object
    birth_json: object
    data_json: object


def case(name: str, type: str, birth: object, data: object, birth_json: object = ..., data_json: object = ...) -> Case:
    return Case(
        name,
        type,
        birth,
        data,
        birth if birth_json is ... else birth_json,
        data if data_json is ... else data_json,
    )


CASES = [
    case("Limits/Int8", "Int8", -128, 127),
    case("Limits/Int16", "Int16", -32_768, 32_767),
    case("Limits/Int32", "Int32", -2_147_483_648, 2_147_483_647),
    case("Limits/Int64", "Int64", "-9223372036854775808", "9223372036854775807"),
    case("Limits/UInt8", "UInt8", 255, 0),
    case("Limits/UInt16", "UInt16", 65_535, 0),
    case("Limits/UInt32", "UInt32", 4_294_967_295, 0),
    case("Limits/UInt64", "UInt64", "18446744073709551615", "9223372036854775809"),
    case("Exact/Int64", "Int64", "-9007199254740991", "-5", -9_007_199_254_740_991, -5),
    case("Exact/UInt64", "UInt64", "9007199254740992", "42", "9007199254740992", 42),
    case("Float", "Float", 1.23, -0.1),
    case("Double", "Double", 12.354213, 5e-324),
    case("Odd/Float", "Float", "-Infinity", 21.5),
    case("Odd/Double", "Double", "NaN", "Infinity"),
    case("Boolean", "Boolean", True, False),
    case("String", "String", 'héllo ✓ "quoted" \\ \u0001', ""),
    case("Text", "Text", "first line\nsecond line", "日本語"),
    case("UUID", "UUID", "123e4567-e89b-12d3-a456-426614174000", "00000000-0000-0000-0000-000000000000"),
    case(
        "DateTime", "DateTime", "1656107875000", "951782400500", "2022-06-24T21:57:55.000Z", "2000-02-29T00:00:00.500Z"
    ),
    case("Null/Int32", "Int32", None, 7),
    case("Null/Boolean", "Boolean", True, None),
    case("Null/String", "String", None, "no more"),
    case("Null/Double", "Double", 1.5, None),
]

BORN_AT = 1_769_860_800_123
"""A time that every birth metric carries, 2026-01-31T12:00:00.123Z."""
BORN_AT_JSON = "2026-01-31T12:00:00.123Z"


def births() -> list[dict]:
    """Every case as a birth metric."""
    return [metric(case.name, case.type, case.birth, timestamp=BORN_AT) for case in CASES]


def data() -> list[dict]:
    """Every case as a data metric."""
    return [metric(case.name, case.type, case.data, timestamp=BORN_AT + 1000) for case in CASES]


def metric(name: str, type: str, value: object, **more: object) -> dict:
    """A metric as the drivers in `clients/` take it; `more` is `alias`, `timestamp` (ms), `unit`."""
    return {"name": name, "type": type, "value": value, **more}
