//! Judging alone, without anybody who publishes.

use super::*;
use crate::Limits;
use crate::placement::Placement;
use factree_namespace::{Bound, Member, MemberType, Metadata, Modelled, TypeDefinition};
use serde_json::json;

fn rule(filter: &str) -> GovernanceRuleText {
    GovernanceRuleText { filter: filter.into(), ..GovernanceRuleText::default() }
}

fn described(schema: Json) -> Option<SchemaText> {
    Some(SchemaText { schema, file: None })
}

fn range(filter: &str, low: f64, high: f64) -> GovernanceRuleText {
    GovernanceRuleText { low: Some(low), high: Some(high), ..rule(filter) }
}

fn demand(text: &GovernanceRuleText) -> demand::Demand {
    Governance::parse(std::slice::from_ref(text)).unwrap().rules[0].1.demand.clone()
}

/// What the doorkeeper says of a publication, one line for each deviation.
fn judged(rules: &[GovernanceRuleText], topic: &str, payload: &[u8]) -> Vec<String> {
    judged_by(Governance::parse(rules).unwrap(), topic, payload)
}

fn judged_by(governance: Governance, topic: &str, payload: &[u8]) -> Vec<String> {
    let keeper = Doorkeeper::new(Arc::new(governance), Arc::new(Placement::default())).expect("there are rules");
    let reading = crate::json::read(payload, Limits::default().fields_per_document_max);
    let shown = |it: &Deviation| format!("{} {} {}", it.path, it.breach.kind.id(), it.breach.why);
    keeper.judge(topic, &reading, payload).iter().map(shown).collect()
}

#[test]
fn a_range_is_about_numbers_whatever_their_width() {
    let within = demand(&range("#", 0.1, 100.0));
    let verdict = |value: Value| within.judge_value(&value).map(|breach| breach.why.to_string());
    for fine in [
        Value::Float(0.1),
        Value::Double(0.1),
        Value::Int(100),
        Value::UInt(1),
        Value::Null,
        Value::Boolean(false),
        Value::String("hot".into()),
        Value::DateTime(0),
    ] {
        assert_eq!(verdict(fine.clone()), None, "{fine:?}");
    }
    for (wrong, told) in [
        (Value::Float(0.09), "0.09 is below 0.1"),
        (Value::Double(100.01), "100.01 is above 100"),
        (Value::Int(-1), "-1 is below 0.1"),
        (Value::UInt(u64::MAX), "18446744073709551615 is above 100"),
        (Value::Double(f64::NAN), "\"NaN\" is in no range"),
        (Value::Float(f32::INFINITY), "\"inf\" is above 100"),
    ] {
        assert_eq!(verdict(wrong).as_deref(), Some(told));
    }
}

#[test]
fn a_list_names_all_that_a_value_may_be() {
    let listed = demand(&GovernanceRuleText {
        one_of: Some(vec![json!("Running"), json!(1), json!(2.5), json!(true)]),
        ..rule("#")
    });
    let fits = |value: Value| listed.judge_value(&value).is_none();
    for fine in [
        Value::String("Running".into()),
        Value::Int(1),
        Value::UInt(1),
        Value::Double(1.0),
        Value::Float(2.5),
        Value::Boolean(true),
        Value::Null,
    ] {
        assert!(fits(fine.clone()), "{fine:?}");
    }
    for wrong in [Value::String("running".into()), Value::Int(2), Value::Boolean(false), Value::Double(f64::NAN)] {
        assert!(!fits(wrong.clone()), "{wrong:?}");
    }
}

#[test]
fn a_schema_judges_what_is_published_whole_and_a_range_every_field() {
    let order = json!({"type": "object", "required": ["order"], "properties": {"qty": {"type": "integer"}}});
    let rules =
        [GovernanceRuleText { schema: described(order), ..rule("Acme/Order/#") }, range("Acme/Order/#", 0.0, 10.0)];
    assert!(judged(&rules, "Acme/Order", br#"{"order":"PO-1","qty":5}"#).is_empty());
    assert_eq!(
        judged(&rules, "Acme/Order", br#"{"qty":50,"oven":{"temp":{"value":-1,"unit":"K"}}}"#),
        [
            "Acme/Order governance-schema \"order\" is a required property",
            "Acme/Order/oven/temp governance-range -1 is below 0",
            "Acme/Order/qty governance-range 50 is above 10",
        ]
    );
    // A field is no publication of its own, so no schema is held against it.
    assert_eq!(
        judged(&rules, "Acme/Order", br#"{"order":"PO-1","qty":1.5}"#),
        ["Acme/Order governance-schema at /qty: it is not of type \"integer\""]
    );
    assert_eq!(judged(&rules, "Acme/Order", b"RUNNING"), ["Acme/Order governance-schema it is no JSON"]);
    assert!(judged(&rules, "Acme/Order", b"").is_empty(), "who clears a topic says nothing");
    assert!(judged(&rules, "Acme/Other", b"99").is_empty());
    assert!(judged(&rules, "$SYS/x", b"99").is_empty(), "what is not in the tree is nobody's to judge");
}

#[test]
fn a_filter_means_fields_as_it_means_elements() {
    let paths =
        |filter: &str, topic: &str, payload: &str| judged(&[range(filter, 0.0, 1.0)], topic, payload.as_bytes()).len();
    let document = r#"{"a":9,"b":{"a":9,"c":9}}"#;
    for (filter, hits) in
        [("#", 3), ("T/#", 3), ("T/+", 1), ("T/+/a", 1), ("+/b/+", 2), ("T", 0), ("T/a/#", 1), ("X/#", 0)]
    {
        assert_eq!(paths(filter, "T", document), hits, "{filter}");
    }
    assert_eq!(paths("T", "T", "9"), 1);
    assert_eq!(paths("T/+", "T", r#"{"value":9}"#), 0, "a value with its unit is the topic's own");
    assert_eq!(paths("T", "T", r#"{"value":9,"unit":"K"}"#), 1);
}

#[test]
fn what_nobody_could_judge_breaks_the_rules_that_mean_it() {
    let huge = vec![b'['; crate::json::PAYLOAD_BYTES_MAX + 1];
    let told = judged(&[range("T/+", 0.0, 1.0), range("T", 0.0, 1.0), range("X", 0.0, 1.0)], "T", &huge);
    assert_eq!(told.len(), 2);
    assert!(told[0].contains("larger than"), "{told:?}");
    let deep = "[".repeat(200) + &"]".repeat(200);
    let schema = GovernanceRuleText { schema: described(json!({})), ..rule("T") };
    assert_eq!(judged(&[schema], "T", deep.as_bytes()), ["T governance-schema it is no JSON"]);
    let number =
        |most: f64| GovernanceRuleText { schema: described(json!({"type": "number", "maximum": most})), ..rule("T") };
    assert_eq!(judged(&[number(f64::MAX)], "T", b"1e400"), [""; 0], "it is JSON, and the largest double to us");
    assert_eq!(judged(&[number(10.0)], "T", b"1e400").len(), 1);
}

#[test]
fn few_deviations_are_told_of_one_publication_and_the_one_that_refuses_it_always() {
    let many: String = (0..500).map(|n| format!("\"a{n:03}\":9,")).collect();
    let payload = format!("{{{many}\"z\":9}}");
    let reported = range("T/#", 0.0, 1.0);
    let enforced = GovernanceRuleText { enforce: true, ..range("T/z", 0.0, 1.0) };
    let told = judged(&[reported, enforced], "T", payload.as_bytes());
    assert_eq!(told.len(), 9);
    assert_eq!(told[8], "T/z governance-range 9 is above 1");
}

#[test]
fn what_is_said_of_a_value_is_short_however_long_it_is() {
    let listed = demand(&GovernanceRuleText { one_of: Some(vec![json!("x")]), ..rule("#") });
    let long = Value::String("é".repeat(100_000).into());
    assert!(listed.judge_value(&long).unwrap().why.len() <= demand::CLIPPED);
    let object = Value::Object([("a".into(), long)].into());
    let schema = demand(&GovernanceRuleText { schema: described(json!({"type": "integer"})), ..rule("#") });
    assert!(schema.judge_as_json(&object).unwrap().why.len() <= demand::CLIPPED);
}

#[test]
fn a_pattern_takes_time_in_proportion_to_the_text() {
    // Exponential for an engine that backtracks: the test would not end.
    let schema = demand(&GovernanceRuleText { schema: described(json!({"pattern": "^(a+)+$"})), ..rule("#") });
    let text = format!("{}b", "a".repeat(100_000));
    assert!(schema.judge_as_json(&Value::String(text.into())).is_some());
}

#[test]
fn a_schema_that_leads_round_in_circles_ends() {
    for schema in [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
    ] {
        let round = demand(&GovernanceRuleText { schema: described(schema), ..rule("#") });
        assert!(round.judge_as_json(&Value::Int(1)).is_none());
    }
}

#[test]
fn topics_without_number_leave_no_trace_without_number() {
    let governance = Arc::new(Governance::parse(&[range("a", 0.0, 1.0)]).unwrap());
    let keeper = Doorkeeper::new(governance, Arc::new(Placement::default())).unwrap();
    let reading = crate::json::read(b"5", 10);
    let long = "x".repeat(60_000);
    assert!(keeper.judge(&long, &reading, b"5").is_empty());
    assert_eq!(keeper.judge("a", &reading, b"5").len(), 1);
    assert_eq!(keeper.topics_len(), 1, "a long name is looked up each time");
}

fn ranged(high: Option<f64>) -> Metadata {
    Metadata { high: high.and_then(Bound::new), ..Metadata::default() }
}

/// A type with members that may not be above something.
fn type_of(name: &str, members: &[(&str, Option<f64>)]) -> TypeDefinition {
    let member = |&(name, high): &(&str, Option<f64>)| Member {
        name: name.into(),
        of: MemberType::Any,
        is_required: false,
        metadata: Arc::new(ranged(high)),
    };
    TypeDefinition::named(name).with_members(members.iter().map(member).collect())
}

fn of(filter: &str, name: &str) -> (Filter, Arc<str>) {
    (Filter::parse(filter).unwrap(), name.into())
}

fn element(path: &str, of: Option<&str>, high: Option<f64>) -> Modelled {
    let metadata = Metadata { instance_of: of.map(Into::into), ..ranged(high) };
    Modelled { path: path.into(), metadata, ..Modelled::default() }
}

/// Two types, the drive's with a schema of its own, and what is of them.
fn plant() -> Governance {
    let oven = type_of("Oven", &[("Temp", Some(400.0)), ("Drive/Speed", Some(100.0)), ("Drive/Name", None)]);
    let drive = type_of("Drive", &[("Speed", Some(50.0)), ("Amps", Some(9.0))]);
    let numbered = described(json!({"required": ["no"]}));
    let types = [
        TypeRuleText { definition: &oven, schema: None, enforce: Some(true) },
        TypeRuleText { definition: &drive, schema: numbered, enforce: None },
    ];
    let (special, told) = (element("Hall/Special", Some("Drive"), None), element("Hall/Told", None, Some(5.0)));
    let elements = [
        ElementRuleText { modelled: &special, schema: None, enforce: None },
        ElementRuleText { modelled: &told, schema: None, enforce: Some(false) },
    ];
    let instances = [of("Hall/+/Drive", "Drive"), of("Hall/+", "Oven")];
    Governance::default().declaring(&types, &instances, &elements).unwrap()
}

#[test]
fn what_types_demand_is_found_however_much_of_the_path_is_the_topic() {
    let told = |topic: &str, payload: &str| judged_by(plant(), topic, payload.as_bytes());
    // The nearest type is heard. A schema is about an instance that is published whole, not one within a document.
    assert_eq!(told("Hall", r#"{"A":{"Temp":401}}"#), ["Hall/A/Temp governance-range 401 is above 400"]);
    assert_eq!(told("Hall/A", r#"{"Temp":401}"#), ["Hall/A/Temp governance-range 401 is above 400"]);
    assert_eq!(told("Hall/A/Temp", "401"), ["Hall/A/Temp governance-range 401 is above 400"]);
    let speed = ["Hall/A/Drive/Speed governance-range 51 is above 50"];
    assert_eq!(told("Hall", r#"{"A":{"Drive":{"Speed":51}}}"#), speed);
    assert_eq!(told("Hall/A", r#"{"Drive":{"Speed":51}}"#), speed);
    assert_eq!(told("Hall/A/Drive/Speed", "51"), speed);
    assert_eq!(told("Hall/A/Drive", r#"{"Speed":51,"no":1}"#), speed);
    let unnumbered = ["Hall/A/Drive governance-schema \"no\" is a required property"];
    assert_eq!(told("Hall/A/Drive", r#"{"Speed":50}"#), unnumbered);
    // What an element says of itself stands above what filters say.
    assert_eq!(told("Hall/Special", r#"{"Temp":401,"no":1}"#), [""; 0]);
    assert_eq!(told("Hall/Special/Amps", "10"), ["Hall/Special/Amps governance-range 10 is above 9"]);
    assert_eq!(told("Hall/Told", "6"), ["Hall/Told governance-range 6 is above 5"]);
    for fine in ["Hall/A", "Hall/A/Drive/Name", "Hall/A/Drive/Other", "Elsewhere/A/Temp", "Temp"] {
        assert_eq!(told(fine, "1000"), [""; 0], "{fine}");
    }
}

#[test]
fn what_nobody_could_judge_breaks_what_types_demand_below_it() {
    let huge = vec![b'['; crate::json::PAYLOAD_BYTES_MAX + 1];
    assert_eq!(judged_by(plant(), "Hall/A/Temp", &huge).len(), 1);
    assert_eq!(judged_by(plant(), "Hall/A", &huge).len(), 4, "its own members and those of a drive below");
    assert!(judged_by(plant(), "Elsewhere", &huge).is_empty());
}

#[test]
fn a_type_demands_what_those_demand_that_it_extends() {
    let machine = type_of("Machine", &[]);
    // Members have come down already when a type is handed over.
    let press = type_of("Press", &[("Force", Some(5.0))]).extending(Some("Machine".into()));
    let types = |enforce| {
        [
            TypeRuleText { definition: &machine, schema: described(json!({"type": "object"})), enforce: Some(true) },
            TypeRuleText { definition: &press, schema: described(json!({"required": ["id"]})), enforce },
        ]
    };
    let shown = |enforce, path: &str| -> Vec<String> {
        let governance = Governance::default().declaring(&types(enforce), &[of("P", "Press")], &[]).unwrap();
        let shown = |rule: GoverningRule<'_>| format!("{:?} {}: {}", rule.source, rule.name, rule.text);
        governance.about(path).map(shown).collect()
    };
    assert_eq!(
        shown(None, "P"),
        [
            "Type(\"Press\") type Press: schema = {…}, enforce = true",
            "Type(\"Press\") type Machine: schema = {…}, enforce = true",
        ]
    );
    assert_eq!(shown(Some(false), "P/Force"), ["Type(\"Press\") type Press, Force: member = \"Force\", high = 5"]);
}

#[test]
fn what_demands_nothing_is_no_rule() {
    let drive = type_of("Drive", &[("Speed", None)]);
    let types = [TypeRuleText { definition: &drive, schema: None, enforce: None }];
    let scale = element("A", Some("Drive"), Some(5.0));
    let entry = |enforce| ElementRuleText { modelled: &scale, schema: None, enforce };
    let governance = Governance::default().declaring(&types, &[of("#", "Drive")], &[entry(None)]).unwrap();
    assert!(governance.is_empty(), "the ends of a scale are no rule");
    assert_eq!(Governance::default().declaring(&types, &[], &[entry(Some(true))]).unwrap().len(), 1);
    let bare = element("A", None, None);
    let bare = ElementRuleText { modelled: &bare, schema: None, enforce: Some(true) };
    let refused = Governance::default().declaring(&types, &[], &[bare]).unwrap_err();
    assert_eq!((refused.is_element, refused.number, refused.key), (true, 0, "enforce"));
}
