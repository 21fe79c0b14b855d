//! Stories of context: orders and batches change while the plant runs, restarts and moves, and each sample is asked for the
//! order of its time.
//!
//! Times are seconds since the story began. `12 Temp=5` is a metric with a time of its own, `^12 Temp=5` a historical one.

use std::time::Duration;

use crate::world::{EPOCH, World};
use factree_ingest::{Batch, Placement, SessionKey, SparkplugRuleText, Timestamp as Wall};
use factree_namespace::{ContextInForce, ContextRule, ContextScope, Filter, Level, Quality, Timestamp, Value};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{self as sparkplug, BdSeq, DataType, Seq};

const LINE: &str = "Acme/Dallas/Press/Line1";

fn rule(name: &str, path: &str) -> ContextRule {
    ContextRule { name: name.into(), path: Filter::parse(path).unwrap(), scope: ContextScope::Above(1), fields: None }
}

/// A plant in which these are context.
fn plant(rules: &[ContextRule]) -> World {
    let mut world = World::new(Placement::default());
    declares(&mut world, rules);
    world
}

fn declares(world: &mut World, rules: &[ContextRule]) {
    world.rules = rules.to_vec();
    world.ingest.declare_contexts(rules.to_vec());
    flushes(world);
}

/// Lets the store have what was noted without a message.
fn flushes(world: &mut World) {
    world.publish(9, "Elsewhere", b"");
}

fn at(world: &mut World, seconds: u64) {
    world.elapsed = Duration::from_secs(seconds);
}

/// A message of the Edge Node Line1 at a time.
fn says(world: &mut World, seconds: u64, topic: &str, seq: u8, metrics: &[&str]) {
    at(world, seconds);
    let mut payload = PayloadBuilder::at(world.now().wall).seq(Seq::new(seq));
    if topic == "NBIRTH" {
        payload = payload.metric(MetricBuilder::bd_seq(BdSeq::new(0)));
    }
    for metric in metrics {
        let (is_historical, metric) = metric.strip_prefix('^').map_or((false, *metric), |rest| (true, rest));
        let (own, metric) = metric.split_once(' ').unwrap();
        let (name, value) = metric.split_once('=').unwrap();
        let metric = MetricBuilder::named(name).at(Wall(EPOCH + own.parse::<u64>().unwrap() * 1000));
        let metric = metric.declare(DataType::String).value(DataType::String, sparkplug::Value::String(value)).unwrap();
        payload = payload.metric(if is_historical { metric.historical() } else { metric });
    }
    let (kind, device) = topic.split_once('/').map_or((topic, String::new()), |(kind, it)| (kind, format!("/{it}")));
    world.publish(1, &format!("spBv1.0/Acme:Dallas:Press/{kind}/Line1{device}"), &payload.encode());
}

fn posts(world: &mut World, seconds: u64, topic: &str, payload: &str) {
    at(world, seconds);
    world.publish(7, topic, payload.as_bytes());
}

fn in_force(world: &World, path: &str, seconds: u64) -> ContextInForce {
    let view = world.namespace.read();
    let id = view.find(path).unwrap_or_else(|| panic!("no {path}"));
    world.namespace.contexts().in_force(&view, id, Timestamp(EPOCH + seconds * 1000))
}

/// `order{Number=A} batch?`; `!Stale` where it is, `…` where something is not known.
fn told(world: &World, path: &str, seconds: u64) -> String {
    let in_force = in_force(world, path, seconds);
    let mut text: Vec<String> = Vec::new();
    for document in &in_force.documents {
        let Some(known) = &document.known else {
            text.push(format!("{}?", document.name));
            continue;
        };
        let fields: Vec<String> = known
            .fields
            .iter()
            .map(|(name, value)| match value {
                Value::String(value) => format!("{name}={value}"),
                Value::Int(value) => format!("{name}={value}"),
                other => format!("{name}={other:?}"),
            })
            .collect();
        let mark = if known.quality == Quality::Good { "" } else { known.quality.as_str() };
        let mark = if mark.is_empty() { String::new() } else { format!("!{mark}") };
        text.push(format!("{}{{{}}}{mark}", document.name, fields.join(" ")));
    }
    if !in_force.is_complete {
        text.push("…".into());
    }
    text.join(" ")
}

#[test]
fn an_order_applies_to_everything_beside_and_below_its_document() {
    let mut world = plant(&[rule("order", "+/+/+/+/Order")]);
    says(&mut world, 1, "NBIRTH", 0, &["1 Speed=5"]);
    says(&mut world, 1, "DBIRTH/Robot3", 1, &["1 Axis/1/Temp=20"]);
    assert_eq!(told(&world, LINE, 1), "", "nothing is said of an order that was never there");
    posts(&mut world, 10, "Acme/Dallas/Press/Line1/Order", r#"{"Number":"A","Qty":5}"#);
    posts(&mut world, 20, "Acme/Dallas/Press/Line1/Order", r#"{"Number":"B"}"#);
    for path in [LINE, "Acme/Dallas/Press/Line1/Speed", "Acme/Dallas/Press/Line1/Robot3/Axis/1/Temp"] {
        assert_eq!(told(&world, path, 9), "order? …");
        assert_eq!(told(&world, path, 10), "order{Number=A Qty=5}");
        assert_eq!(told(&world, path, 19), "order{Number=A Qty=5}");
        assert_eq!(told(&world, path, 20), "order{Number=B}", "a field that vanished is none of it");
    }
    assert_eq!(told(&world, "Acme/Dallas/Press", 20), "", "not above");
    assert_eq!(world.contexts.len(), 2, "an entry for each change, and none for each sample");
}

#[test]
fn the_nearest_of_a_name_wins_and_different_names_add_up() {
    let below = ContextRule { scope: ContextScope::Below("Acme/Dallas".into()), ..rule("shift", "MES/Shift") };
    let fields = ContextRule { fields: Some(["Id".into()].into()), ..rule("batch", "Acme/+/+/Batch") };
    let operator = ContextRule { scope: ContextScope::Above(2), ..rule("operator", "Acme/+/+/+/Panel/Operator") };
    let mut world = plant(&[rule("order", "Acme/+/Order"), rule("order", "Acme/+/+/+/Order"), fields, below, operator]);
    posts(&mut world, 1, "MES/Shift", "\"early\"");
    posts(&mut world, 1, "Acme/Dallas/Order", r#"{"Number":"site"}"#);
    posts(&mut world, 2, "Acme/Dallas/Press/Batch", r#"{"Id":7,"Recipe":{"Name":"R"}}"#);
    says(&mut world, 3, "NBIRTH", 0, &["3 Order/Number=line", "3 Speed=5", "3 Panel/Operator=Eve", "3 Panel/Key=on"]);
    says(&mut world, 3, "DBIRTH/Robot3", 1, &["3 Temp=20"]);
    let line = "operator{=Eve} order{Number=line} batch{Id=7} shift{=early}";
    let sorted = |text: String| {
        let mut words: Vec<&str> = text.split(' ').collect();
        words.sort_unstable();
        words.join(" ")
    };
    assert_eq!(sorted(told(&world, "Acme/Dallas/Press/Line1/Robot3/Temp", 3)), sorted(line.into()));
    assert_eq!(told(&world, "Acme/Dallas/Press/Line1/Panel/Key", 2), "order? operator? batch{Id=7} shift{=early} …");
    assert_eq!(told(&world, "Acme/Dallas/Press", 2), "batch{Id=7} order{Number=site} shift{=early}");
    let listed: Vec<String> =
        world.namespace.contexts().list(None, 9).iter().map(|it| format!("{} for {}", it.path, it.scope)).collect();
    assert_eq!(
        listed,
        [
            "Acme/Dallas/Press/Batch for Acme/Dallas/Press",
            "Acme/Dallas/Press/Line1/Panel/Operator for Acme/Dallas/Press/Line1",
            "Acme/Dallas/Order for Acme/Dallas",
            "Acme/Dallas/Press/Line1/Order for Acme/Dallas/Press/Line1",
            "MES/Shift for Acme/Dallas",
        ]
    );
    assert_eq!(world.namespace.contexts().list(Some(("order", "Acme/Dallas/Order")), 1)[0].scope.as_ref(), LINE);
}

#[test]
fn a_metric_is_a_document_as_well_and_late_data_get_the_context_of_their_time() {
    let mut world = plant(&[rule("order", "+/+/+/+/Order")]);
    says(&mut world, 10, "NBIRTH", 0, &["8 Order/Number=A", "9 Order/Qty=5", "10 Temp=20"]);
    says(&mut world, 20, "NDATA", 1, &["20 Order/Number=B"]);
    // What was stored on the way comes late, orders among it.
    says(&mut world, 30, "NDATA", 2, &["^14 Order/Number=A2", "^15 Temp=21", "30 Temp=22"]);
    let temp = "Acme/Dallas/Press/Line1/Temp";
    for (seconds, order) in [
        (7, "order? …"),
        (8, "order{Number=A}"),
        (9, "order{Number=A Qty=5}"),
        (13, "order{Number=A Qty=5}"),
        (15, "order{Number=A2 Qty=5}"),
        (20, "order{Number=B Qty=5}"),
        (99, "order{Number=B Qty=5}"),
    ] {
        assert_eq!(told(&world, temp, seconds), order, "at {seconds}");
    }
    assert!(world.shows("+/+/+/+/Order/Number").contains("\"B\""), "the present is not what was told of the past");
}

#[test]
fn a_document_may_say_since_when_and_no_time_is_better_than_a_wrong_one() {
    let mut world = plant(&[rule("order", "Acme/Order")]);
    posts(&mut world, 100, "Acme/Order", r#"{"Number":"B","timestamp":1700000090000}"#);
    posts(&mut world, 101, "Acme/Order", r#"{"Number":"A","timestamp":"2023-11-14T22:14:10Z"}"#);
    let number = |world: &World, seconds| told(world, "Acme", seconds).split(' ').next().unwrap().to_owned();
    assert_eq!((number(&world, 49), number(&world, 50)), ("order?".into(), "order{Number=A".into()), "A came late");
    assert_eq!(number(&world, 95), "order{Number=B");
    for (seconds, time) in [(110, "0"), (120, "18446744073709551615"), (130, "\"soon\"")] {
        posts(&mut world, seconds, "Acme/Order", &format!("{{\"Number\":{seconds},\"timestamp\":{time}}}"));
        assert_eq!(number(&world, seconds), format!("order{{Number={seconds}"), "{time} is no time");
    }
    posts(&mut world, 140, "Acme/Order", r#"{"Number":{"value":"own","timestamp":1700000135000}}"#);
    assert_eq!(number(&world, 135), "order{Number=own}");
}

#[test]
fn a_source_that_is_gone_leaves_its_context_stale_until_it_speaks() {
    let mut world = plant(&[rule("order", "+/+/+/+/Order"), rule("batch", "Acme/Dallas/Batch")]);
    says(&mut world, 10, "NBIRTH", 0, &["5 Order/Number=A", "10 Temp=20"]);
    posts(&mut world, 10, "Acme/Dallas/Batch", r#"{"Id":7,"timestamp":1700000010000}"#);
    at(&mut world, 20);
    world.session_ends(1);
    posts(&mut world, 21, "Acme/Dallas/Batch", "");
    let temp = "Acme/Dallas/Press/Line1/Temp";
    let id = "timestamp=1700000010000";
    assert_eq!(told(&world, temp, 19), format!("order{{Number=A}} batch{{Id=7 {id}}}"));
    assert_eq!(told(&world, temp, 25), format!("order{{Number=A}}!Stale batch{{Id=7 {id}}}!Stale"));
    // The same values, with the times since when they have been so.
    says(&mut world, 30, "NBIRTH", 0, &["5 Order/Number=A", "10 Temp=20"]);
    posts(&mut world, 31, "Acme/Dallas/Batch", r#"{"Id":7,"timestamp":1700000010000}"#);
    assert_eq!(
        told(&world, temp, 25),
        format!("order{{Number=A}}!Stale batch{{Id=7 {id}}}!Stale"),
        "it was unknown then"
    );
    assert_eq!(told(&world, temp, 31), format!("order{{Number=A}} batch{{Id=7 {id}}}"));
    let len = world.contexts.len();
    says(&mut world, 32, "NBIRTH", 0, &["5 Order/Number=A", "32 Temp=20"]);
    assert_eq!(world.contexts.len(), len, "a rebirth that says the same changes nothing");
    says(&mut world, 33, "NBIRTH", 0, &["33 Temp=20"]);
    assert!(told(&world, temp, 33).starts_with("order{Number=A}!Stale"), "the metric is gone");
}

#[test]
fn a_clock_that_goes_back_does_not_bring_the_old_order_back() {
    let mut world = plant(&[rule("order", "+/+/+/+/Order")]);
    says(&mut world, 10, "NBIRTH", 0, &["3600 Order/Number=A", "3600 Temp=20"]);
    says(&mut world, 20, "NDATA", 1, &["20 Order/Number=B"]);
    assert_eq!(told(&world, LINE, 21), "order{Number=B}");
    assert_eq!(told(&world, LINE, 4000), "order{Number=B}");
}

#[test]
fn a_restart_forgets_nothing_that_was_acknowledged() {
    let rules = [rule("order", "+/+/+/+/Order"), rule("batch", "Acme/Dallas/Batch")];
    let mut world = plant(&rules);
    says(&mut world, 10, "NBIRTH", 0, &["10 Order/Number=A", "10 Temp=20"]);
    posts(&mut world, 11, "Acme/Dallas/Batch", r#"{"Id":7}"#);
    world.saves();
    says(&mut world, 20, "NDATA", 1, &["20 Order/Number=B"]);
    posts(&mut world, 21, "Acme/Dallas/Batch", r#"{"Id":8,"Recipe":"R"}"#);
    // Killed before the samples were saved again.
    assert_eq!(world.restarts(), [""; 0]);
    let temp = "Acme/Dallas/Press/Line1/Temp";
    assert_eq!(told(&world, temp, 10), "order{Number=A} batch? …");
    assert_eq!(told(&world, temp, 15), "order{Number=A}!Stale batch{Id=7}!Stale".replace("!Stale", ""));
    assert_eq!(
        told(&world, temp, 22),
        "order{Number=B}!Stale batch{Id=8 Recipe=R}!Stale",
        "nobody knows what came then"
    );
    assert!(world.shows("Acme/Dallas/Batch/#").contains("Id = 8 (Stale)"), "the tree has it from there");
    world.connects_by(2, "again", false);
    posts(&mut world, 4000, "Acme/Dallas/Batch", r#"{"Id":8,"Recipe":"R"}"#);
    assert_eq!(told(&world, "Acme/Dallas/Batch", 4000), "batch{Id=8 Recipe=R}");
    assert_eq!(told(&world, "Acme/Dallas/Batch", 3000), "batch{Id=8 Recipe=R}!Stale");
    world.saves();
    // And once more, when nothing has changed.
    let records = world.contexts.clone();
    assert_eq!(world.restarts(), [""; 0]);
    assert_eq!((told(&world, "Acme/Dallas", 15).as_str(), world.contexts == records), ("batch{Id=7}", true));
}

#[test]
fn a_topic_that_was_new_when_the_process_ended_is_there_again() {
    let mut world = plant(&[rule("order", "Acme/+/Order")]);
    posts(&mut world, 10, "Acme/Dallas/Temp", "20");
    world.saves();
    posts(&mut world, 20, "Acme/Dallas/Order", r#"{"Number":"A","Part":{"Name":"Door"}}"#);
    assert_eq!(world.restarts(), [""; 0]);
    assert_eq!(told(&world, "Acme/Dallas/Temp", 20), "order{Number=A Part/Name=Door}");
}

#[test]
fn history_goes_where_its_source_goes() {
    let mut world = plant(&[rule("order", "+/+/+/+/Order"), rule("order", "+/+/Order")]);
    says(&mut world, 10, "NBIRTH", 0, &["10 Order/Number=A", "10 Temp=20"]);
    posts(&mut world, 10, "Acme/Dallas/Press/Line2/Order", r#"{"Number":"X"}"#);
    says(&mut world, 20, "NDATA", 1, &["20 Order/Number=B"]);
    let records = world.contexts.clone();
    let template = SparkplugRuleText {
        group: "{enterprise}:Dallas:Press".into(),
        node: Some("{work_center}".into()),
        ..SparkplugRuleText::default()
    };
    let placement = Placement::parse(&Level::ALL, &[template], None).unwrap();
    world.placement = placement.clone();
    world.ingest.replace(placement);
    assert_eq!(world.ingest.replace_some(1), None);
    assert_eq!(told(&world, "Acme", 15), "…", "while things are being moved nobody knows");
    while world.ingest.replace_some(1).is_none() {}
    assert_eq!(told(&world, "Acme/Line1/Temp", 15), "order{Number=A}");
    assert_eq!(told(&world, "Acme/Line1/Temp", 20), "order{Number=B}");
    says(&mut world, 30, "NDATA", 2, &["30 Order/Number=C"]);
    assert_eq!(told(&world, "Acme/Line1/Temp", 30), "order{Number=C}");
    assert_eq!(world.contexts.len(), records.len() + 1);

    declares(&mut world, &[rule("batch", "Acme/+/+/+/Order")]);
    assert_eq!(world.contexts.len(), 1, "what no rule means is forgotten");
    assert_eq!(told(&world, "Acme/Dallas/Press/Line2", 10), "batch{Number=X}");
    declares(&mut world, &[rule("order", "+/+/Order")]);
    assert_eq!(told(&world, "Acme/Line1/Temp", 29), "order? …");
    assert_eq!(
        told(&world, "Acme/Line1/Temp", 30),
        "order{Number=C}",
        "what is in the tree counts from its own time on"
    );
    declares(&mut world, &[]);
    assert_eq!((told(&world, "Acme/Line1/Temp", 30).as_str(), world.contexts.len()), ("", 0));
}

#[test]
fn several_topics_and_sources_make_one_document() {
    let mut world = plant(&[rule("order", "Acme/+/Order")]);
    posts(&mut world, 10, "Acme/Dallas/Order/Number", "\"A\"");
    posts(&mut world, 12, "Acme/Dallas/Order/Customer", r#"{"Name":"Bolt","City":"Ulm"}"#);
    posts(&mut world, 14, "Acme/Dallas/Order/Customer", r#"{"Name":"Nut"}"#);
    assert_eq!(told(&world, "Acme/Dallas", 11), "order{Number=A} …");
    assert_eq!(told(&world, "Acme/Dallas", 13), "order{Customer/City=Ulm Customer/Name=Bolt Number=A}");
    assert_eq!(told(&world, "Acme/Dallas", 14), "order{Customer/Name=Nut Number=A}");
}

#[test]
fn a_plant_without_context_notes_nothing() {
    let mut world = plant(&[]);
    says(&mut world, 10, "NBIRTH", 0, &["10 Order/Number=A"]);
    posts(&mut world, 10, "Acme/Dallas/Order", r#"{"Number":"X"}"#);
    assert_eq!((world.contexts.len(), world.namespace.contexts().stats().documents), (0, 0));
    let mut batch = Batch::default();
    batch.session_ended(SessionKey(1));
    let mut said = Vec::new();
    world.ingest.apply(world.now(), &batch, &mut said);
    assert_eq!(told(&world, LINE, 10), "");
}
