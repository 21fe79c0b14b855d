//! Types: which there are, who says so, what is of them, and what deviates.

use std::sync::Arc;

use crate::plant::{Plant, ROBOT3, robot3};
use factree_namespace::{
    Block, Bound, DataType, Filter, Kind, Member, MemberType, Metadata, Parameter, PathSpec, Place, Placed, Source,
    TypeDefinition, Value,
};
use serde_json::{Value as Json, json};

const ROBOT: &str = "/api/v1/namespace/Acme/Dallas/Press/Line1/Robot3";

fn member(name: &str, of: MemberType) -> Member {
    let metadata = Metadata { unit: Some("kN".into()), high: Bound::new(500.0), ..Metadata::default() };
    Member { name: name.into(), of, is_required: true, metadata: Arc::new(metadata) }
}

fn press(label: &str) -> TypeDefinition {
    let plain = Member { metadata: Arc::default(), ..member("Axis", MemberType::Type("Motor/Servo".into())) };
    TypeDefinition::named("Press")
        .labelled(Some(label.into()))
        .described(Some("Presses".into()))
        .with_members(vec![member("Force", MemberType::Value(DataType::Double)), plain, member("any", MemberType::Any)])
        .with_parameters(vec![
            Parameter { name: "Ratio".into(), datatype: DataType::Float, default: Value::Float(21.4) },
            Parameter { name: "Serial".into(), datatype: DataType::String, default: Value::Null },
        ])
}

/// Robot3 defines a press and has one, `P`, whose force is an integer.
fn robot_with_a_press(plant: &Plant) -> Arc<Block> {
    let block = plant.namespace.add_block().unwrap();
    let root = plant.namespace.ensure(&ROBOT3, Kind::Equipment).unwrap();
    let origin = plant.namespace.origin(&block, robot3(), root).unwrap();
    assert_eq!(plant.namespace.define(&block, origin, vec![press("1.0")]), []);
    let of = |name: &str| Metadata { instance_of: Some(name.into()), ..Metadata::default() };
    let metrics = [("P", of("Press")), ("P/Force", Metadata::default()), ("Q", of("Belt"))];
    for (slot, (name, metadata)) in (0..).zip(&metrics) {
        let datatype = if metadata.instance_of.is_some() { DataType::Template } else { DataType::Int32 };
        let place = Place { slot, origin, path: PathSpec::Below(name), kind: Kind::Metric, datatype, metadata };
        let _: Placed = plant.namespace.place(&block, &place).unwrap();
    }
    block
}

#[tokio::test]
async fn a_type_says_what_it_is_who_says_so_and_what_deviates() {
    let plant = Plant::new();
    robot_with_a_press(&plant);
    let version = press("1.0").version().to_string();
    let whole = plant.get("/api/v1/types/Press").await.json();
    assert_eq!(
        whole,
        json!({
            "name": "Press", "instances_count": 1,
            "versions": [{
                "version": version, "label": "1.0", "description": "Presses", "declarers_count": 1, "instances_count": 1,
                "declarers": [{"type": "sparkplug", "group": "Acme:Dallas:Press", "edge_node": "Line1", "device": "Robot3"}],
                "members": [
                    {"name": "Axis", "type": "Motor/Servo", "required": true},
                    {"name": "Force", "datatype": "Double", "required": true, "unit": "kN", "high": 500.0},
                    {"name": "any", "required": true, "unit": "kN", "high": 500.0}
                ],
                "parameters": [
                    {"name": "Ratio", "datatype": "Float", "default": 21.4},
                    {"name": "Serial", "datatype": "String", "default": null}
                ]
            }],
            "deviations": [
                {"path": "Acme/Dallas/Press/Line1/Robot3/P", "member": "Axis", "fault": "missing"},
                {"path": "Acme/Dallas/Press/Line1/Robot3/P", "member": "Force", "fault": "datatype", "found": "Int32"},
                {"path": "Acme/Dallas/Press/Line1/Robot3/P", "member": "any", "fault": "missing"}
            ],
            "checked": 1
        })
    );
    let shown = plant.get(ROBOT).await.json();
    let about = |name: &str| shown["children"].as_array().unwrap().iter().find(|child| child["name"] == name).unwrap();
    assert_eq!(about("P")["type"], json!({"name": "Press", "version": version, "label": "1.0"}));
    assert_eq!(about("Q")["type"], json!({"name": "Belt", "undefined": true}));
    let force = plant.get(&format!("{ROBOT}/P/Force")).await.json();
    assert_eq!((&force["unit"], &force["high"], force.get("type")), (&json!("kN"), &json!(500.0), None));
    let found = plant.get("/api/v1/search?q=type:press").await.json();
    assert_eq!(found["elements"][0]["path"], "Acme/Dallas/Press/Line1/Robot3/P");
}

#[tokio::test]
async fn types_come_page_by_page_each_once_those_among_them_that_nobody_defines() {
    let plant = Plant::new();
    robot_with_a_press(&plant);
    let types: Vec<TypeDefinition> = (0..30).map(|number| TypeDefinition::named(format!("T{number:02}"))).collect();
    plant.namespace.mover().types(types, Vec::new());
    let pages = plant.pages("/api/v1/types?limit=10").await;
    let names: Vec<&str> = pages
        .iter()
        .flat_map(|page| page["types"].as_array().unwrap())
        .map(|each| each["name"].as_str().unwrap())
        .collect();
    assert_eq!((pages.len(), names.len()), (4, 32));
    assert!(names.is_sorted() && names.starts_with(&["Belt", "Press", "T00"]), "{names:?}");
    let first = &pages[0]["types"];
    assert_eq!(first[0], json!({"name": "Belt", "instances_count": 1, "versions": []}));
    assert_eq!(first[2]["versions"][0]["declared"], true);
    assert!(first[1]["versions"][0].get("members").is_none() && pages[0].get("refused").is_none());

    let large = TypeDefinition::named("Large").described(Some("x".repeat(2 << 20).into()));
    assert_eq!(plant.namespace.mover().types(vec![large], Vec::new()).len(), 1);
    assert_eq!(plant.get("/api/v1/types").await.json()["refused"], 1);
}

#[tokio::test]
async fn one_version_is_asked_for_by_its_number_or_its_label() {
    let plant = Plant::new();
    robot_with_a_press(&plant);
    let other = TypeDefinition::named("Press").labelled(Some("2.0".into()));
    let (id, rule) = (other.version().to_string(), (Filter::parse("Acme/Dallas").unwrap(), "Press".into()));
    let mut mover = plant.namespace.mover();
    mover.types(vec![other], vec![rule]);
    mover.retype_some(0, usize::MAX);
    drop(mover);
    let all = plant.get("/api/v1/types/Press").await.json();
    assert_eq!((&all["versions"][0]["version"], &all["versions"][0]["declared"]), (&json!(id), &json!(true)));
    assert_eq!((all["versions"].as_array().unwrap().len(), &all["instances_count"]), (2, &json!(2)));
    for wanted in [&*id, "2.0"] {
        let one = plant.get(&format!("/api/v1/types/Press?version={wanted}")).await.json();
        assert_eq!((one["versions"].as_array().unwrap().len(), &one["instances_count"]), (1, &json!(1)), "{wanted}");
        let instances = plant.get(&format!("/api/v1/types/Press/instances?version={wanted}")).await.json();
        assert_eq!(instances["elements"][0]["path"], "Acme/Dallas");
    }
    let unknown = plant.get("/api/v1/types/Press?version=3.0").await.problem();
    assert_eq!(
        (&unknown["type"], unknown["nearest"].as_array().unwrap().len()),
        (&json!("urn:factree:problem:type-not-found"), 2)
    );
}

#[tokio::test]
async fn instances_come_page_by_page_with_what_they_show() {
    let plant = Plant::new();
    let names: Vec<String> = (0..25).map(|number| format!("Motor/Servo{number}")).collect();
    let cells: Vec<_> = names.iter().map(|name| (name.as_str(), DataType::Int32, Value::Int(7))).collect();
    let metadata = Metadata { instance_of: Some("Motor/Servo".into()), ..Metadata::default() };
    plant.add(Source::Topic { topic: "Acme".into() }, &ROBOT3, &metadata, &cells);
    let pages = plant.pages("/api/v1/types/Motor%2FServo/instances?limit=10").await;
    let shown: Vec<&Json> = pages.iter().flat_map(|page| page["elements"].as_array().unwrap()).collect();
    assert_eq!((pages.len(), shown.len(), &shown[24]["sample"]["value"]), (3, 25, &json!(7)));
    let paths: Vec<&str> = shown.iter().map(|each| each["path"].as_str().unwrap()).collect();
    assert_eq!(paths[24], "Acme/Dallas/Press/Line1/Robot3/Motor/Servo24");
    let gone = plant.get("/api/v1/types/Motor%2FServo/instances?cursor=QWNtZS9Hb25l").await.problem();
    assert!(gone["detail"].as_str().unwrap().contains("moved away"), "{gone}");
    for unknown in ["/api/v1/types/Pump", "/api/v1/types/Pump/instances", "/api/v1/types/"] {
        assert_eq!(plant.get(unknown).await.problem()["status"], 404, "{unknown}");
    }
}

#[tokio::test]
async fn a_version_that_does_not_fit_the_answer_says_so() {
    let plant = Plant::new();
    let wordy = |label: usize| {
        let metadata = Metadata { description: Some("x".repeat(900_000).into()), ..Metadata::default() };
        let member = Member { metadata: Arc::new(metadata), ..member("m", MemberType::Any) };
        TypeDefinition::named("Wordy").labelled(Some(label.to_string().into())).with_members(vec![member])
    };
    for number in 0..8 {
        let block = plant.namespace.add_block().unwrap();
        let root = plant.namespace.ensure(&ROBOT3, Kind::Equipment).unwrap();
        let origin = plant.namespace.origin(&block, Source::Topic { topic: number.to_string().into() }, root).unwrap();
        plant.namespace.define(&block, origin, vec![wordy(number)]);
    }
    let answer = plant.get("/api/v1/types/Wordy").await;
    assert!(answer.body.len() < 5 << 20);
    let versions = answer.json()["versions"].as_array().unwrap().clone();
    let is_cut = |version: &Json| version["truncated"] == true && version.get("members").is_none();
    assert_eq!((versions.len(), versions.iter().filter(|version| is_cut(version)).count()), (8, 4));
    let one = format!("/api/v1/types/Wordy?version={}", versions[7]["version"].as_str().unwrap());
    assert_eq!(plant.get(&one).await.json()["versions"][0]["members"].as_array().unwrap().len(), 1);
}
