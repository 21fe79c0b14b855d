//! Stories of rules about what may be published: who is refused, who is reported, and what the tree shows.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::world::World;
use factree_ingest::{
    CommandRefused, FindingQuery, FindingReport, FindingSubject, Governance, GovernanceRuleText, Level, Limits,
    Placement, SchemaText, TopicRuleText, TypeRuleText,
};
use factree_namespace::{Bound, Filter, Member, MemberType, Metadata, TypeDefinition, Value};

fn range(filter: &str, low: f64, high: f64) -> GovernanceRuleText {
    GovernanceRuleText { filter: filter.into(), low: Some(low), high: Some(high), ..GovernanceRuleText::default() }
}

fn enforced(rule: GovernanceRuleText) -> GovernanceRuleText {
    GovernanceRuleText { enforce: true, ..rule }
}

fn governed(rules: &[GovernanceRuleText]) -> World {
    let mut world = World::new(Placement::default());
    world.governs(rules);
    world
}

fn deviations(world: &World) -> Vec<FindingReport> {
    let query = FindingQuery { subject: Some(FindingSubject::Values), ..FindingQuery::default() };
    world.ingest.findings(&query, usize::MAX)
}

/// One line each: kind, path, client, how often, how many refused.
fn told(world: &World) -> Vec<String> {
    let line = |it: &FindingReport| {
        let (path, client) = (it.path.as_deref().unwrap_or("-"), it.client_id.as_deref().unwrap_or("-"));
        format!("{} {path} {client} ×{} ({} refused)", it.tck_id, it.count, it.refused)
    };
    deviations(world).iter().map(line).collect()
}

#[test]
fn what_breaks_a_rule_is_in_the_tree_and_reported_unless_it_is_enforced() {
    let mut world = governed(&[range("Acme/Temp", 0.0, 100.0), enforced(range("Acme/Speed", 0.0, 10.0))]);
    world.connects(1, "press");
    assert_eq!(world.tries(1, "Acme/Temp", b"150"), None);
    assert_eq!(world.tries(1, "Acme/Speed", b"5"), None);
    assert_eq!(world.tries(1, "Acme/Speed", b"50").as_deref(), Some("rule 2: 50 is above 10"));
    world.elapsed += Duration::from_secs(60);
    assert_eq!(world.tries(1, "Acme/Temp", b"151"), None);
    assert_eq!(world.shows("#"), "Acme/Speed = 5\nAcme/Temp = 151\n");
    assert_eq!(
        told(&world),
        ["governance-range Acme/Speed press ×1 (1 refused)", "governance-range Acme/Temp press ×2 (0 refused)"]
    );
    let [speed, temp] = &deviations(&world)[..] else { panic!("two entries") };
    assert_eq!((speed.level, temp.level), (Level::Must, Level::Should));
    assert_eq!((temp.rule.as_deref(), temp.example.value.as_deref()), (Some("rule 1"), Some("150")));
    assert_eq!((temp.example.occasion, temp.example.topic.as_deref()), ("PUBLISH", Some("Acme/Temp")));
    assert_eq!(temp.last.0 - temp.first.0, 60_000);
    assert_eq!(
        world.events(),
        [
            "deviation governance-range at Acme/Temp: 150 is above 100",
            "refused governance-range at Acme/Speed: 50 is above 10"
        ],
        "told once each"
    );
}

#[test]
fn nothing_of_a_refused_publication_reaches_the_tree_not_even_its_topic() {
    let mut world = governed(&[enforced(range("Acme/#", 0.0, 10.0))]);
    assert!(world.tries(1, "Acme/Doc", br#"{"a":1,"b":99}"#).is_some());
    assert_eq!(world.shows("#"), "");
    assert!(world.namespace.read().find("Acme").is_none());
}

#[test]
fn what_sparkplug_owns_is_reported_and_never_refused() {
    let mut world = governed(&[enforced(range("Acme/Dallas/Press/Line1/#", 0.0, 100.0))]);
    world.connects(1, "press");
    world.says("NBIRTH seq=0 bdSeq=0 · Temp#1:Int32=20 Name#2:String=x");
    world.says("DBIRTH/Robot3 seq=1 · Axis/Temp#3:Double=120.5");
    world.says("NDATA seq=2 · #1:Int32=150 #2:String=hot");
    world.says("NDATA seq=3 · #1:Int32=30");
    world.says("DDATA/Robot3 seq=4 · #3:Double=121.5");
    assert!(world.shows("#").contains("Line1/Temp = 30\n"), "{}", world.shows("#"));
    assert_eq!(
        told(&world),
        [
            "governance-range Acme/Dallas/Press/Line1/Temp press ×1 (0 refused)",
            "governance-range Acme/Dallas/Press/Line1/Robot3/Axis/Temp press ×2 (0 refused)"
        ]
    );
    let robot = &deviations(&world)[1];
    assert_eq!(
        (robot.group.as_deref(), robot.edge_node.as_deref(), robot.device.as_deref()),
        (Some("Acme:Dallas:Press"), Some("Line1"), Some("Robot3"))
    );
    assert_eq!((robot.example.occasion, robot.example.metric.as_deref()), ("DBIRTH", Some("Axis/Temp")));
    assert_eq!(robot.example.value.as_deref(), Some("120.5"));
}

#[test]
fn a_metric_that_a_later_birth_adds_is_judged_and_after_a_restart_all_are() {
    let mut world = governed(&[range("#", 0.0, 10.0)]);
    world.says("NBIRTH seq=0 bdSeq=0 · A#1:Int32=1");
    world.says("NBIRTH seq=0 bdSeq=1 · A#1:Int32=1 B#2:Int32=2");
    world.says("NDATA seq=1 · #2:Int32=20");
    assert_eq!(told(&world).len(), 1);
    world.saves();
    assert!(world.restarts().is_empty());
    assert_eq!(told(&world), [""; 0], "deviations are of this process, and what was restored is old");
    world.says("@2 NDATA seq=2 · #1:Int32=30");
    assert_eq!(told(&world), ["governance-range Acme/Dallas/Press/Line1/A - ×1 (0 refused)"]);
}

#[test]
fn metrics_are_members_from_the_reload_that_makes_their_edge_node_an_instance() {
    let mut world = governed(&[]);
    world.connects(1, "press");
    world.says("NBIRTH seq=0 bdSeq=0 · Axis/Temp#1:Int32=1 Other#2:Int32=1");
    world.says("DBIRTH/Robot3 seq=1 · Axis/Temp#3:Int32=1000");
    let high = Metadata { high: Bound::new(400.0), ..Metadata::default() };
    let (name, of) = ("Axis/Temp".into(), MemberType::Any);
    let member = Member { name, of, is_required: false, metadata: Arc::new(high) };
    let press = TypeDefinition::named("Press").with_members(vec![member]);
    let types = [TypeRuleText { definition: &press, schema: None, enforce: Some(true) }];
    let instances = |filter: &str| [(Filter::parse(filter).unwrap(), "Press".into())];
    let declaring = |filter: &str| Governance::default().declaring(&types, &instances(filter), &[]).unwrap();

    world.governed_by(declaring("Acme/+/+/Line1"));
    world.says("NDATA seq=2 · #1:Int32=500 #2:Int32=500");
    world.says("DDATA/Robot3 seq=3 · #3:Int32=500");
    let line = "governance-range Acme/Dallas/Press/Line1/Axis/Temp press ×1 (0 refused)";
    assert_eq!(told(&world), [line]);
    assert_eq!(deviations(&world)[0].rule.as_deref(), Some("type Press, Axis/Temp"));

    world.governed_by(declaring("Acme/+/+/Line1/+"));
    world.says("NDATA seq=4 · #1:Int32=501");
    world.says("DDATA/Robot3 seq=5 · #3:Int32=501");
    assert_eq!(told(&world), [line, "governance-range Acme/Dallas/Press/Line1/Robot3/Axis/Temp press ×1 (0 refused)"]);
}

#[test]
fn rules_that_change_are_held_against_what_is_there() {
    let mut world = governed(&[range("#", 0.0, 10.0)]);
    world.says("NBIRTH seq=0 bdSeq=0 · A#1:Int32=1");
    world.governs(&[range("Acme/Dallas/Press/Line1/A", 0.0, 100.0)]);
    world.says("NDATA seq=1 · #1:Int32=20");
    assert_eq!(world.tries(1, "x", b"20"), None);
    assert_eq!(told(&world), [""; 0]);
    world.says("NDATA seq=2 · #1:Int32=200");
    assert_eq!(told(&world).len(), 1);
    world.governs(&[]);
    world.says("NDATA seq=3 · #1:Int32=300");
    assert_eq!(told(&world), ["governance-range Acme/Dallas/Press/Line1/A - ×1 (0 refused)"]);
}

#[test]
fn rules_speak_of_places_so_other_placement_brings_other_rules() {
    let mut world = governed(&[range("Cold/#", 0.0, 10.0)]);
    world.publish(1, "Hot/Temp", b"1");
    assert_eq!(world.tries(1, "Hot/Temp", b"50"), None);
    assert_eq!(told(&world), [""; 0]);
    let rule = TopicRuleText { topic: "Hot/{rest...}".into(), ..TopicRuleText::default() };
    let kept = TopicRuleText { topic: "{enterprise}/{rest...}".into(), ..TopicRuleText::default() };
    // `Hot` is no name of the path any more: Temp stands at the top.
    let placement = Placement::parse(&factree_namespace::Level::ALL, &[], Some(&[rule, kept])).unwrap();
    world.places(placement);
    world.governs(&[range("Temp", 0.0, 10.0)]);
    assert_eq!(world.tries(1, "Hot/Temp", b"50"), None);
    assert_eq!(told(&world), ["governance-range Temp - ×1 (0 refused)"]);
}

#[test]
fn a_value_from_the_past_is_not_judged() {
    let mut world = governed(&[range("#", 0.0, 10.0)]);
    world.says("NBIRTH seq=0 bdSeq=0 · A#1:Int32=1");
    world.says_historical("NDATA seq=1 · #1:Int32=20");
    assert_eq!(told(&world), [""; 0]);
}

#[test]
fn a_command_against_a_rule_is_not_sent_whether_it_is_enforced_or_not() {
    let schema = serde_json::json!({"type": "string", "maxLength": 3});
    let names = GovernanceRuleText {
        filter: "Acme/Name".into(),
        schema: Some(SchemaText { schema, file: None }),
        ..GovernanceRuleText::default()
    };
    let mut world = governed(&[range("Acme/Dallas/Press/Line1/#", 0.0, 100.0), names, range("Acme/Level", 0.0, 1.0)]);
    world.says("NBIRTH seq=0 bdSeq=0 · SetPoint#1:Int32=20");
    world.publish(1, "Acme/Name", b"\"abc\"");
    world.publish(1, "Acme/Level", b"1");
    let mut command =
        |path: &str, value: Value| world.ingest.command(world.now(), path, value, &mut Vec::new()).map(|_| ());
    let refused = |why: &str| Err(CommandRefused::AgainstRule { why: why.into() });
    assert_eq!(command("Acme/Dallas/Press/Line1/SetPoint", Value::Int(50)), Ok(()));
    assert_eq!(command("Acme/Dallas/Press/Line1/SetPoint", Value::Int(500)), refused("rule 1: 500 is above 100"));
    assert_eq!(command("Acme/Name", Value::String("xyz".into())), Ok(()));
    let too_long = command("Acme/Name", Value::String("abcd".into()));
    assert!(matches!(too_long, Err(CommandRefused::AgainstRule { why }) if why.contains("longer than 3")));
    assert_eq!(command("Acme/Level", Value::Int(2)), refused("rule 3: 2 is above 1"));
    assert!(world.shows("Acme/Level").contains("= 1"), "what was refused left no trace");
    assert_eq!(told(&world), [""; 0], "nobody has published anything");
}

#[test]
fn text_that_is_no_json_is_kept_with_bad_quality_and_found() {
    let mut world = World::new(Placement::default());
    world.connects(1, "scale");
    world.publish(1, "Acme/State", b"RUNNING");
    world.publish(1, "Acme/State", b"STOPPED");
    world.publish(1, "Acme/Blob", &[0xFF, 0xFE]);
    world.publish(1, "Acme/Fine", b"\"RUNNING\"");
    assert!(world.shows("Acme/State").contains("\"STOPPED\" (Bad)"), "{}", world.shows("#"));
    assert_eq!(
        told(&world),
        ["json-invalid Acme/Blob scale ×1 (0 refused)", "json-invalid Acme/State scale ×2 (0 refused)"]
    );
    assert_eq!(deviations(&world)[1].example.value.as_deref(), Some("\"RUNNING\""));
    let count = world.ingest.deviations_by_kind().find(|(kind, _)| *kind == "json-invalid").unwrap().1;
    assert_eq!(count, 3);
}

#[test]
fn a_field_without_a_place_of_its_own_is_found_and_breaks_what_would_judge_it() {
    let mut world = governed(&[enforced(range("Acme/Oven/#", 0.0, 10.0))]);
    world.connects(1, "scale");
    world.publish(1, "Acme/Order", br#"{"a/b":1,"a":{"b":2}}"#);
    world.publish(1, "Acme/Order", br#"{"":3,"c":4}"#);
    assert_eq!(world.shows("Acme/Order/#"), "Acme/Order/a/b = 2 (Stale)\nAcme/Order/c = 4\n");
    assert_eq!(told(&world), ["json-collision Acme/Order scale ×2 (0 refused)"]);
    let why = deviations(&world)[0].example.why.clone();
    assert_eq!(why.as_deref(), Some("two fields are at \"a/b\", the first in the order of names counts"));
    // The one that the tree would not show may be the one that is too hot.
    let why = world.tries(1, "Acme/Oven", br#"{"a/b":99,"a":{"b":2}}"#).unwrap();
    assert!(why.ends_with("two fields are at \"a/b\", the first in the order of names counts"), "{why}");
    assert_eq!(world.shows("Acme/Oven/#"), "");
}

#[test]
fn a_number_that_no_64_bits_hold_is_judged_and_uncertain() {
    let mut world = governed(&[range("Acme/Hot", 0.0, 10.0)]);
    world.connects(1, "scale");
    world.publish(1, "Acme/Serial", b"123456789012345678901234");
    assert_eq!(world.tries(1, "Acme/Hot", b"1e400"), None);
    assert!(world.shows("Acme/Serial").contains("(Uncertain)"), "{}", world.shows("#"));
    assert!(world.shows("Acme/Hot").contains("(Uncertain)"), "{}", world.shows("#"));
    assert_eq!(told(&world), ["governance-range Acme/Hot scale ×1 (0 refused)"]);
    // A field of doubles takes no integer that it would have to round.
    world.publish(1, "Acme/Count", b"1.5");
    world.publish(1, "Acme/Count", b"9223372036854775807");
    assert_eq!(world.shows("Acme/Count"), "Acme/Count = 9223372036854775807\n");
}

#[test]
fn who_fills_the_ledger_pushes_out_nobody_else() {
    let limits = Limits { deviations_max: NonZeroUsize::new(5).unwrap(), ..Limits::default() };
    let mut world = World::with(limits, Placement::default());
    world.connects(1, "good");
    world.connects(2, "flood");
    world.publish(1, "mine", b"text");
    for topic in 0..20 {
        world.publish(2, &format!("flood/{topic}"), b"text");
    }
    world.publish(1, "mine", b"text");
    assert_eq!(told(&world).len(), 5);
    assert!(told(&world).contains(&"json-invalid mine good ×2 (0 refused)".to_owned()), "{:?}", told(&world));
    assert_eq!((world.ingest.deviations().entries, world.ingest.deviations().dropped), (5, 16));
}

#[test]
fn findings_of_both_kinds_are_one_list_page_by_page() {
    let mut world = governed(&[range("#", 0.0, 10.0)]);
    world.connects(1, "press");
    world.says("NBIRTH seq=0 bdSeq=0 · A#1:Int32=50");
    world.says("NDATA seq=5 · #1:Int32=60");
    world.publish(1, "plain", b"text");
    let all = world.ingest.findings(&FindingQuery::default(), usize::MAX);
    let mut paged = Vec::new();
    let mut query = FindingQuery::default();
    while let [one] = &world.ingest.findings(&query, 1)[..] {
        query.after = Some(one.place());
        paged.push(one.clone());
    }
    assert_eq!(paged, all);
    let ids: Vec<_> = all.iter().map(|it| it.tck_id).collect();
    assert!(ids.contains(&"json-invalid") && ids.contains(&"governance-range"), "{ids:?}");
    assert!(ids.contains(&"tck-id-payloads-sequence-num-incrementing"), "{ids:?}");
    let only = FindingQuery { subject: Some(FindingSubject::Sparkplug), ..FindingQuery::default() };
    assert!(world.ingest.findings(&only, usize::MAX).iter().all(|it| it.path.is_none()));
}

#[test]
fn a_document_that_is_not_read_for_its_names_breaks_every_rule_that_means_it() {
    let mut world = governed(&[enforced(range("Acme/Order/#", 0.0, 100.0))]);
    let fields: Vec<_> = (0..5_000).map(|number| format!(r#""f{number}":1"#)).collect();
    let bomb = format!(r#"{{"{}":{{{}}}}}"#, "n".repeat(900), fields.join(","));
    let why = world.tries(1, "Acme/Order", bomb.as_bytes()).unwrap();
    assert!(why.contains("names of the document's fields"), "{why}");
}
