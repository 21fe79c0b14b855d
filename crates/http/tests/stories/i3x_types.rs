//! Stories of i3X: what Templates and the configuration define are object types.

use std::sync::Arc;

use crate::plant::{NOON, Plant, ROBOT3, robot3};
use factree_namespace::{
    DataType, Kind, Member, MemberType, Metadata, PathSpec, Place, Quality, Timestamp, TypeDefinition, ValueRef,
};
use serde_json::{Value as Json, json};

const ROBOT: &str = "Acme/Dallas/Press/Line1/Robot3";

fn member(name: &str, of: MemberType) -> Member {
    let metadata = Metadata { unit: Some("kN".into()), ..Metadata::default() };
    Member { name: name.into(), of, is_required: true, metadata: Arc::new(metadata) }
}

/// Robot3 has an instance `P` of a press and one, `Q`, of something that nobody defines.
fn robot(press: TypeDefinition) -> Plant {
    let plant = Plant::new();
    let block = plant.namespace.add_block().unwrap();
    let root = plant.namespace.ensure(&ROBOT3, Kind::Equipment).unwrap();
    let origin = plant.namespace.origin(&block, robot3(), root).unwrap();
    assert_eq!(plant.namespace.define(&block, origin, vec![press]), []);
    let of = |name: &str| Metadata { instance_of: Some(name.into()), ..Metadata::default() };
    let metrics = [("P", of("Press: Ä")), ("P/Force", Metadata::default()), ("Q", of("Belt"))];
    for (slot, (name, metadata)) in (0..).zip(&metrics) {
        let datatype = if metadata.instance_of.is_some() { DataType::Template } else { DataType::Double };
        let place = Place { slot, origin, path: PathSpec::Below(name), kind: Kind::Metric, datatype, metadata };
        plant.namespace.place(&block, &place).unwrap();
    }
    let mut writer = plant.namespace.write(&block, Timestamp(NOON));
    writer.set(0, ValueRef::Null, DataType::Template, Quality::Good, Timestamp(NOON)).unwrap();
    writer.set(1, ValueRef::Double(7.5), DataType::Double, Quality::Good, Timestamp(NOON)).unwrap();
    writer.finish();
    plant
}

#[tokio::test]
async fn an_instance_is_of_the_version_that_its_source_defines() {
    let members = vec![
        member("Force", MemberType::Value(DataType::Double)),
        member("Axis", MemberType::Type("Servo".into())),
        member("any", MemberType::Any),
    ];
    let press = TypeDefinition::named("Press: Ä").labelled(Some("2.1.0".into())).with_members(members);
    let id = format!("urn:factree:type:Press%3A Ä:{}", press.version());
    let plant = robot(press);
    let types = plant.i3x_get("/objecttypes").await;
    let listed: Vec<&Json> = types["result"].as_array().unwrap().iter().map(|it| &it["elementId"]).collect();
    for (object, type_id, name) in [
        ("P", id.as_str(), "Press: Ä"),
        ("Q", "urn:factree:type:Belt", "Belt"),
        ("P/Force", "urn:factree:datatype:Double", "Double"),
    ] {
        let told = plant.i3x_one("/objects/list", &format!("{ROBOT}/{object}")).await;
        assert_eq!((&told["typeElementId"], &told["metadata"]["sourceTypeId"]), (&json!(type_id), &json!(name)));
        assert!(listed.contains(&&json!(type_id)), "{listed:?}");
        let object_type = plant.i3x_one("/objecttypes/query", type_id).await;
        assert_eq!(object_type["displayName"], name);
        jsonschema::meta::validate(&object_type["schema"]).unwrap_or_else(|why| panic!("{object_type}: {why}"));
        let query: String = type_id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let of_type = plant.i3x_get(&format!("/objects?typeElementId={query}")).await;
        assert_eq!(of_type["result"][0]["elementId"], format!("{ROBOT}/{object}"));
    }
    let press = plant.i3x_one("/objecttypes/query", &id).await;
    assert_eq!(press["version"], "2.1.0");
    assert_eq!(press["schema"]["properties"]["Force"], json!({"type": "number", "unit": "kN"}));
    assert_eq!(press["schema"]["required"], json!(["Axis", "Force", "any"]));
    let ours = plant.i3x_get("/objecttypes?namespaceUri=urn:factree:type").await;
    assert_eq!(ours["result"].as_array().unwrap().len(), 2);

    let value = plant.i3x_one("/objects/value", &format!("{ROBOT}/P")).await;
    assert_eq!((&value["isComposition"], &value["quality"]), (&json!(true), &json!("GoodNoData")));
    assert_eq!(value["components"][format!("{ROBOT}/P/Force")]["value"], 7.5);
    for wrong in
        ["urn:factree:type:", "urn:factree:type:Press", "urn:factree:type:Press%3A Ä", "urn:factree:type:Belt:0"]
    {
        let told = plant.i3x_post("/objecttypes/query", json!({"elementIds": [wrong]})).await;
        assert_eq!(told["success"], false, "{wrong}");
    }
}

/// Some names at a time, so the end of one piece and the beginning of the next have to meet.
#[tokio::test]
async fn many_types_are_each_listed_once() {
    let plant = robot(TypeDefinition::named("Press: Ä"));
    let types: Vec<TypeDefinition> = (0..40).map(|number| TypeDefinition::named(format!("T{number:02}"))).collect();
    plant.namespace.mover().types(types, Vec::new());
    let ours = plant.i3x_get("/objecttypes?namespaceUri=urn:factree:type").await;
    let mut ids: Vec<&str> =
        ours["result"].as_array().unwrap().iter().map(|it| it["elementId"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 42);
}
