"""Stories of values that are more than one number or word: arrays, bytes, tables, Templates; of compression and quality."""

from __future__ import annotations

from base64 import b64encode

import pytest

from edge_node import SRAD
from metrics import metric
from waiting import eventually

GROUP = "Acme:Dallas:Press"
LINE = "Acme/Dallas/Press/Line1"
ROBOT = f"{LINE}/Robot3"

ARRAYS = {
    "Int8Array": ([-128, 0, 127], ...),
    "Int16Array": ([-32_768, 32_767], ...),
    "Int32Array": ([-2_147_483_648, 2_147_483_647], ...),
    "Int64Array": (
        ["-9223372036854775808", "9223372036854775807", "5"],
        ["-9223372036854775808", "9223372036854775807", 5],
    ),
    "UInt8Array": ([0, 255], ...),
    "UInt16Array": ([0, 65_535], ...),
    "UInt32Array": ([0, 4_294_967_295], ...),
    "UInt64Array": (["0", "18446744073709551615"], [0, "18446744073709551615"]),
    "FloatArray": ([1.23, -0.1, 21.5], ...),
    "DoubleArray": ([12.354213, 5e-324], ...),
    "BooleanArray": ([False, False, True, True, False, True, False, False, True, True, False, True], ...),
    "StringArray": (["first", "", "日本語"], ...),
    "DateTimeArray": (["1656107875000", "951782400500"], ["2022-06-24T21:57:55.000Z", "2000-02-29T00:00:00.500Z"]),
}
"""What a library is given, and the JSON of it, `...` if that is the same."""


def shown(type: str) -> object:
    given, json = ARRAYS[type]
    return given if json is ... else json


@pytest.mark.needs("arrays")
def test_arrays_of_every_datatype_arrive_exactly(factree, edge_node, library):
    births = [metric(type, type, given) for type, (given, _) in ARRAYS.items()]
    node = edge_node(library, GROUP, "Line1").born(factree.mqtt_port, [], {"Robot3": births})
    now = lambda: {path.split("/")[-1]: (it["value"], it["datatype"]) for path, it in factree.samples(f"{ROBOT}/#").items()}
    eventually(now, {type: (shown(type), type) for type in ARRAYS}, what="births")

    node.device_data("Robot3", *(metric(type, type, list(reversed(given))) for type, (given, _) in ARRAYS.items()))
    eventually(now, {type: (list(reversed(shown(type))), type) for type in ARRAYS}, what="data")

    for type in ARRAYS:
        factree.until_confirmed(factree.set(f"{ROBOT}/{type}", shown(type)))
    eventually(now, {type: (shown(type), type) for type in ARRAYS}, what="commands")


def test_bytes_and_files_arrive_exactly(factree, edge_node, library):
    every, other = bytes(range(256)), b"\x00\xff"
    births = [metric("Picture", "File", every.hex()), metric("Raw", "Bytes", every.hex())]
    node = edge_node(library, GROUP, "Line1").born(factree.mqtt_port, [], {"Robot3": births})
    factree.until_value(f"{ROBOT}/Raw", b64encode(every).decode())
    factree.until_value(f"{ROBOT}/Picture", b64encode(every).decode())
    node.device_data("Robot3", metric("Raw", "Bytes", other.hex()), metric("Picture", "File", other.hex()))
    factree.until_value(f"{ROBOT}/Raw", b64encode(other).decode())
    factree.until_value(f"{ROBOT}/Picture", b64encode(other).decode())
    for name in ("Raw", "Picture"):
        factree.until_confirmed(factree.set(f"{ROBOT}/{name}", b64encode(every).decode()))


@pytest.mark.needs("DataSet")
def test_a_table_arrives_with_its_columns_and_rows(factree, edge_node, library):
    columns, types = ["name", "speed", "load", "on"], ["String", "Int32", "Double", "Boolean"]
    table = lambda *rows: {"columns": columns, "types": types, "rows": [list(row) for row in rows]}
    before = table(("Saw", -5, 0.25, True), ("日本語", 7, -1.5, False))
    node = edge_node(library, GROUP, "Line1")
    node.born(factree.mqtt_port, [], {"Robot3": [metric("Shift", "DataSet", before)]})
    factree.until_value(f"{ROBOT}/Shift", before)
    after = table(("Press", 2_147_483_647, 1e300, True))
    node.device_data("Robot3", metric("Shift", "DataSet", after))
    factree.until_value(f"{ROBOT}/Shift", after)
    if "DataSet command" not in library.cannot:
        factree.until_confirmed(factree.set(f"{ROBOT}/Shift", before))
        factree.until_value(f"{ROBOT}/Shift", before)


def motor(rpm: int | None = None, name: str | None = None, **more: object) -> dict:
    members = [metric("rpm", "Int32", rpm)] if rpm is not None else []
    members += [metric("name", "String", name)] if name is not None else []
    return {"members": members, **more}


@pytest.mark.needs("Template")
def test_an_instance_of_a_template_is_an_element_with_its_members(factree, edge_node, library):
    parameters = [{"name": "poles", "type": "Int32", "value": 4}]
    definition = metric("_types_/Motor", "Template", motor(0, "", definition=True, version="1.0", parameters=parameters))
    poles = [{"name": "poles", "type": "Int32", "value": 6}]
    instance = lambda *members, **more: metric("Axis", "Template", motor(*members, ref="Motor", version="1.0", **more))
    node = edge_node(library, GROUP, "Line1")
    node.born(factree.mqtt_port, [definition], {"Robot3": [instance(1500, "X", parameters=poles)]})
    factree.until_value(f"{ROBOT}/Axis/rpm", 1500)
    factree.until_value(f"{ROBOT}/Axis/name", "X")
    properties = factree.element(f"{ROBOT}/Axis")["properties"]
    assert (properties["template_ref"], properties["template_version"]) == ("Motor", "1.0")
    assert properties["parameters/poles"] == "6"
    shown = factree.sample(f"{LINE}/_types_/Motor")["value"]
    assert (shown["definition"], shown["version"]) == (True, "1.0")
    assert [(member["name"], member["datatype"]) for member in shown["members"]] == [("rpm", "Int32"), ("name", "String")]

    node.device_data("Robot3", instance(1600))
    factree.until_value(f"{ROBOT}/Axis/rpm", 1600)
    assert factree.sample(f"{ROBOT}/Axis/name")["value"] == "X", "what is left out stays"

    factree.until_confirmed(factree.set(f"{ROBOT}/Axis/name", "Y"))
    (told,) = node.wait_for("command")["metrics"]
    assert (told["name"], told["value"]["ref"]) == ("Axis", "Motor")
    assert [(member["name"], member["value"]) for member in told["value"]["members"]] == [("name", "Y")]
    assert factree.sample(f"{ROBOT}/Axis/rpm")["value"] == 1600


@pytest.mark.needs("Template", "unit")
def test_definitions_are_types_and_those_that_say_the_same_are_one_version(lasting, edge_node, library):
    parameters = [{"name": "poles", "type": "Int32", "value": 4}]

    def definition(*more: dict) -> dict:
        members = [metric("rpm", "Int32", 0, unit="1/min"), metric("name", "String", ""), *more]
        made = {"members": members, "definition": True, "version": "1.0", "parameters": parameters}
        return metric("_types_/Motor", "Template", made)

    def born(line: str, *more: dict) -> None:
        axis = metric("Axis", "Template", motor(1500, "X", ref="Motor", version="1.0", parameters=parameters))
        robot = edge_node(library, GROUP, line)
        robot.born(lasting.mqtt_port, [definition(*more)], {"Robot3": [axis]})
        lasting.until_value(f"Acme/Dallas/Press/{line}/Robot3/Axis/rpm", 1500)

    born("Line1")
    born("Line2")
    born("Line3", metric("amps", "Float", 0.0))
    _, before = lasting.get("/api/v1/types/Motor")
    (common, rare) = before["versions"]
    assert [source["edge_node"] for source in common["declarers"]] == ["Line1", "Line2"]
    assert [source["edge_node"] for source in rare["declarers"]] == ["Line3"]
    assert (common["label"], common["instances_count"], rare["instances_count"]) == ("1.0", 2, 1)
    assert [(it["name"], it["datatype"], it.get("unit")) for it in common["members"]] == [
        ("name", "String", None),
        ("rpm", "Int32", "1/min"),
    ]
    assert common["parameters"] == [{"name": "poles", "datatype": "Int32", "default": 4}]
    missing = {"path": "Acme/Dallas/Press/Line3/Robot3/Axis", "member": "amps", "fault": "missing"}
    assert (before["deviations"], before["checked"]) == ([missing], 3)
    axis = lasting.element(f"{ROBOT}/Axis")
    assert axis["type"] == {"name": "Motor", "version": common["version"], "label": "1.0"}
    assert lasting.sample(f"{ROBOT}/Axis/rpm")["unit"] == "1/min", "its type says it"
    _, found = lasting.get(f"/api/v1/types/Motor/instances?version={rare['version']}")
    assert [element["path"] for element in found["elements"]] == [missing["path"]]

    lasting.terminate()
    lasting.restart()
    assert lasting.get("/api/v1/types/Motor") == (200, before)


def test_srad_never_sends_the_definitions_of_its_templates_and_the_members_are_there_all_the_same(factree, edge_node):
    node = edge_node(SRAD, GROUP, "Line1")
    definition = metric("Motor", "Template", motor(0, "", definition=True))
    node.born(factree.mqtt_port, [definition], {"Robot3": [metric("Axis", "Template", motor(1500, "X"))]})
    factree.until_value(f"{ROBOT}/Axis/rpm", 1500)
    assert factree.element(f"{LINE}/Motor") is None
    node.device_data("Robot3", metric("Axis", "Template", motor(1600, "X")))
    factree.until_value(f"{ROBOT}/Axis/rpm", 1600)


ALGORITHMS = pytest.mark.parametrize("algorithm", ["GZIP", "DEFLATE"])


@ALGORITHMS
@pytest.mark.needs("compression")
def test_compressed_data_are_read(factree, edge_node, library, algorithm):
    node = edge_node(library, GROUP, "Line1")
    robot = [metric("Speed", "Double", 0.5), metric("State", "String", "idle")]
    node.born(factree.mqtt_port, [metric("Load", "Float", 0.5)], {"Robot3": robot}, compress=algorithm)
    factree.until_value(f"{ROBOT}/Speed", 0.5)
    for count in range(1, 4):
        node.node_data(metric("Load", "Float", count + 0.5))
        node.device_data("Robot3", metric("Speed", "Double", float(count)), metric("State", "String", "busy" * 1000))
    factree.until_value(f"{ROBOT}/Speed", 3.0)
    assert factree.sample(f"{ROBOT}/State")["value"] == "busy" * 1000
    assert factree.sample(f"{LINE}/Load")["value"] == 3.5
    counters = factree.edge_node(GROUP, "Line1")["counters"]
    assert (counters["seq_gaps"], counters["rebirths_asked"], counters["malformed"]) == (0, 0, 0)


@pytest.mark.needs("compressed births")
def test_compressed_births_are_there_after_a_restart(lasting, edge_node, library):
    node = edge_node(library, GROUP, "Line1")
    robot = [metric("Speed", "Double", 0.5, alias=1)]
    node.born(lasting.mqtt_port, [], {"Robot3": robot}, compress="GZIP")
    lasting.until_value(f"{ROBOT}/Speed", 0.5)
    lasting.terminate()
    lasting.restart()
    sample = lasting.sample(f"{ROBOT}/Speed")
    assert (sample["value"], sample["quality"], sample["datatype"]) == (0.5, "Stale", "Double")


@pytest.mark.needs("quality")
def test_a_metric_that_its_source_calls_bad_is_bad_until_it_is_good_again(factree, edge_node, library):
    node = edge_node(library, GROUP, "Line1")
    node.born(factree.mqtt_port, [], {"Robot3": [metric("Force", "Double", 812.5), metric("Speed", "Double", 1.5)]})
    factree.until_value(f"{ROBOT}/Force", 812.5)
    for value, quality in ((-1.0, "Bad"), (813.5, "Good")):
        node.device_data("Robot3", metric("Force", "Double", value, quality=quality))
        factree.until_value(f"{ROBOT}/Force", value, quality)
        assert factree.sample(f"{ROBOT}/Speed")["quality"] == "Good"


def test_srad_says_bad_where_it_means_good_and_good_where_it_means_bad(factree, edge_node):
    node = edge_node(SRAD, GROUP, "Line1")
    node.born(factree.mqtt_port, [], {"Robot3": [metric("Force", "Double", 812.5)]})
    factree.until_value(f"{ROBOT}/Force", 812.5)
    for value, meant, said in ((-1.0, "Bad", "Good"), (813.5, "Good", "Bad")):
        node.device_data("Robot3", metric("Force", "Double", value, quality=meant))
        factree.until_value(f"{ROBOT}/Force", value, said)
