//! Stories of rules that change while the plant runs: who stands where, and that nothing is lost on the way.
//!
//! Rules are written in short: `group · node · device`, then `| topic`s; `-` for none.

use std::collections::BTreeMap;

use crate::world::{EPOCH, World, metric_of};
use factree_ingest::{Case, Placement, Replaced, SparkplugRuleText, TopicRuleText};
use factree_namespace::{Bound, Coverage, Cursor, EquipmentKind, Filter, Level, Metadata, Modelled, Revision, Value};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder, PropertiesBuilder};
use factree_sparkplug::{self as sparkplug, BdSeq, DataType, Seq, Timestamp};
use proptest::prelude::*;

fn rules(text: &str) -> Placement {
    let (sparkplug, topics) = text.split_once(" | ").map_or((text, None), |(rules, topics)| (rules, Some(topics)));
    let rule = |text: &str| {
        let mut keys = text.split(" · ").map(str::to_owned);
        SparkplugRuleText {
            group: keys.next().unwrap(),
            node: keys.next(),
            device: keys.next(),
            ..SparkplugRuleText::default()
        }
    };
    let sparkplug: Vec<_> = sparkplug.split(", ").filter(|text| *text != "-").map(rule).collect();
    let topic = |topic: &str| TopicRuleText { topic: topic.into(), ..TopicRuleText::default() };
    let topics = topics.map(|topics| topics.split(", ").filter(|text| *text != "-").map(topic).collect::<Vec<_>>());
    Placement::parse(&Level::ALL, &sparkplug, topics.as_deref()).unwrap()
}

/// Changes the rules, a few metrics at a time.
fn replace(world: &mut World, placement: Placement) -> Replaced {
    world.placement = placement.clone();
    world.ingest.replace(placement);
    loop {
        if let Some(replaced) = world.ingest.replace_some(2) {
            return replaced;
        }
    }
}

fn births(world: &mut World, group: &str, node: &str, metrics: &str) {
    let payload = PayloadBuilder::at(world.now().wall).seq(Seq::new(0)).metric(MetricBuilder::bd_seq(BdSeq::new(0)));
    let payload = metrics.split(' ').map(metric_of).fold(payload, PayloadBuilder::metric);
    world.publish(session(group, node), &format!("spBv1.0/{group}/NBIRTH/{node}"), &payload.encode());
}

fn device(world: &mut World, (group, node, device): (&str, &str, &str), seq: u8, metrics: &str) {
    let payload = PayloadBuilder::at(world.now().wall).seq(Seq::new(seq));
    let payload = metrics.split(' ').map(metric_of).fold(payload, PayloadBuilder::metric);
    world.publish(session(group, node), &format!("spBv1.0/{group}/DBIRTH/{node}/{device}"), &payload.encode());
}

/// A session of its own for each Edge Node.
fn session(group: &str, node: &str) -> u64 {
    group.bytes().chain(node.bytes()).fold(7, |hash: u64, byte| hash.wrapping_mul(31) + u64::from(byte))
}

/// All there is, but bdSeq.
fn shows(world: &World) -> String {
    let all = world.shows("#");
    all.lines().filter(|line| !line.contains("bdSeq")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn an_edge_node_moves_with_its_devices_and_their_samples() {
    let mut world = World::new(Placement::default());
    births(&mut world, "Acme:Dallas", "L1", "Axis/1/Temp:Int32=21 Speed#7:Int32=5");
    device(&mut world, ("Acme:Dallas", "L1", "R3"), 1, "Torque:Int32=9");
    let revision = world.namespace.revision();
    let replaced = replace(&mut world, rules("{enterprise}:{site} · {area} · {work_unit}"));
    assert_eq!((replaced.sources_moved, replaced.metrics_moved, replaced.refused), (0, 0, 0), "the same path by names");

    let replaced = replace(&mut world, rules("{site}:{area} · Line-{work_center}, {site}:{area:D.*} · {enterprise}"));
    assert_eq!((replaced.sources_moved, replaced.metrics_moved, replaced.conflicts), (2, 4, 0));
    assert_eq!(
        shows(&world),
        "L1/Acme/Dallas/Axis/1/Temp = 21\nL1/Acme/Dallas/R3/Torque = 9\nL1/Acme/Dallas/Speed = 5\n"
    );
    let view = world.namespace.read();
    assert_eq!(view.find("Acme"), None, "nothing is left behind");
    let metric = view.find("L1/Acme/Dallas/Speed").unwrap();
    assert!(view.sample(metric).unwrap().revision > revision, "who follows changes sees it there");
    assert_eq!(view.source(metric).unwrap().1, "Speed");
    assert_eq!(view.level(view.find("L1/Acme").unwrap()), Some(Level::Site));
    drop(view);
    assert_eq!(world.ingest.moved("Acme/Dallas/L1/R3/Torque").as_deref(), Some("L1/Acme/Dallas/R3/Torque"));
    assert_eq!(world.ingest.moved("Acme/Dallas/L1/R3/Nothing"), None);

    world.publish(session("Acme:Dallas", "L1"), "spBv1.0/Acme:Dallas/NDATA/L1", &{
        PayloadBuilder::at(Timestamp(EPOCH)).seq(Seq::new(2)).metric(metric_of("#7:Int32=6")).encode()
    });
    assert!(world.shows("#").contains("L1/Acme/Dallas/Speed = 6"), "data go where the metric has gone");
}

#[test]
fn who_follows_the_tree_reads_it_again() {
    let mut world = World::new(Placement::default());
    births(&mut world, "G", "N", "x:Int32=1 y:Int32=2");
    let follow = |world: &World, coverage: &mut Coverage, since| {
        let view = world.namespace.read();
        while !coverage.refresh(&view, 1) {}
        let mut found = Vec::new();
        coverage.changes(&view, since, Cursor::default(), 9, &mut found).unwrap();
        found.iter().map(|change| view.path(change.element)).collect::<Vec<_>>()
    };
    let filters = vec![Filter::parse("+/+/x").unwrap()];
    let mut coverage = Coverage::new(&world.namespace.read(), filters);
    assert_eq!(follow(&world, &mut coverage, Revision::ZERO), ["G/N/x"]);
    let since = world.namespace.revision();
    replace(&mut world, rules("{area} · {site}"));
    assert!(!coverage.is_current(&world.namespace.read()));
    assert_eq!(follow(&world, &mut coverage, since), ["N/G/x"]);
    assert!(world.namespace.read().gone(since, world.namespace.revision()).is_none(), "too much to be told one by one");
}

#[test]
fn elements_keep_their_ids_where_they_can() {
    let mut world = World::new(Placement::default());
    births(&mut world, "G", "N", "a/x:Int32=1 a/y:Int32=2 b:Int32=3 b/c:Int32=4");
    let id = |world: &World, path: &str| world.namespace.read().find(path).map(factree_namespace::ElementId::get);
    let before: Vec<_> = ["G/N/a/x", "G/N/a/y", "G/N/b/c"].map(|path| id(&world, path)).into();
    let (elements, layout) = (world.namespace.stats().elements, world.namespace.read().layout());
    replace(&mut world, rules("{site} · Q{area}, {area} · {site}"));
    let after: Vec<_> = ["N/G/a/x", "N/G/a/y", "N/G/b/c"].map(|path| id(&world, path)).into();
    assert_eq!(before, after);
    assert!(world.namespace.read().layout() > layout);
    assert_eq!(world.namespace.stats().elements, elements, "nothing is left behind");
    for _ in 0..20 {
        replace(&mut world, Placement::default());
        replace(&mut world, rules("{area} · {site}"));
    }
    let folders = 4;
    assert!(world.namespace.read().ids_end() <= elements + folders, "what was left is used again");
}

#[test]
fn the_first_source_owns_a_path_whatever_the_order_of_moving() {
    let mut world = World::new(Placement::default());
    births(&mut world, "A", "N", "x:Int32=1");
    births(&mut world, "B", "N", "x:Int32=2 y:Int32=3");
    // A was there first, but B's y was there before A's.
    births(&mut world, "A", "N", "x:Int32=1 y:Int32=4");
    let apart = shows(&world);
    let same = || rules("{site:[AB]}{area:.*} · {work_center}, {area} · {site}");
    assert_eq!(replace(&mut world, same()).conflicts, 0, "a level is never empty, so the second rule matches");
    let replaced = replace(&mut world, rules("X{site} · {area}, {site:A|B} · same-{area}, {site:A} · {area}"));
    assert_eq!(replaced.conflicts, 0);
    // Both below N, by a rule that names the group nowhere.
    let replaced = replace(&mut world, rules("A · {area}, B · {area}"));
    assert_eq!(replaced.conflicts, 3, "bdSeq, x and y");
    assert_eq!(shows(&world), "N/x = 1\nN/y = 3\n_conflicts/spBv1.0/A/N/y = 4\n_conflicts/spBv1.0/B/N/x = 2\n");
    let again = replace(&mut world, rules("A · {area}, B · {area}"));
    assert_eq!((again.metrics_moved, again.conflicts), (0, 3), "the same rules again change nothing");
    assert_eq!(replace(&mut world, Placement::default()).conflicts, 0);
    assert_eq!(shows(&world), apart);
}

#[test]
fn two_sources_change_places() {
    let mut world = World::new(rules("A · {area:N}, B · M{area}, {site} · {area}"));
    births(&mut world, "A", "N", "x:Int32=1");
    births(&mut world, "N", "A", "x:Int32=2");
    assert_eq!(shows(&world), "N/A/x = 2\nN/x = 1\n");
    replace(&mut world, rules("{area} · {site}"));
    assert_eq!(shows(&world), "A/N/x = 2\nN/A/x = 1\n");
    replace(&mut world, rules("{site} · {area}"));
    assert_eq!(shows(&world), "A/N/x = 1\nN/A/x = 2\n");
}

#[test]
fn a_plain_topic_moves_leaves_and_comes_back() {
    let mut world = World::new(Placement::default());
    world.publish(1, "Acme/L1/Temp", br#"{"value":21,"unit":"K"}"#);
    world.publish(1, "Acme/L1/order", br#"{"id":"PO-1","qty":5}"#);
    let before = shows(&world);
    replace(&mut world, rules("- | {enterprise}/{work_center}/{area}"));
    assert_eq!(shows(&world), "Acme/Temp/L1 = 21\nAcme/order/L1/id = \"PO-1\"\nAcme/order/L1/qty = 5\n");
    assert_eq!(world.ingest.moved("Acme/L1/order/qty").as_deref(), Some("Acme/order/L1/qty"));

    replace(&mut world, rules("- | -"));
    assert_eq!(shows(&world), "", "no rule wants them");
    world.publish(1, "Acme/L1/Temp", b"22");
    assert_eq!(shows(&world), "");
    replace(&mut world, Placement::default());
    assert_eq!(shows(&world), before.replace("21", "21 (Stale)"), "what nobody took down is not known");
    let view = world.namespace.read();
    let unit = view.metadata(view.find("Acme/L1/Temp").unwrap()).unwrap().unit.clone();
    assert_eq!(unit.as_deref(), Some("K"));
    drop(view);
    world.publish(1, "Acme/L1/Temp", b"23");
    assert_eq!(shows(&world), before.replace("21", "23"));
}

#[test]
fn births_go_on_while_things_move() {
    let mut world = World::new(Placement::default());
    births(&mut world, "G", "N1", "x:Int32=1");
    births(&mut world, "G", "N2", "x:Int32=2");
    let placement = rules("{area} · {site}");
    world.placement = placement.clone();
    world.ingest.replace(placement);
    assert_eq!(world.ingest.replace_some(1), None);
    device(&mut world, ("G", "N1", "D"), 1, "x:Int32=3");
    births(&mut world, "G", "N2", "x:Int32=4 late:Int32=5");
    births(&mut world, "G", "N3", "x:Int32=6");
    while world.ingest.replace_some(1).is_none() {}
    assert_eq!(shows(&world), "N1/G/D/x = 3\nN1/G/x = 1\nN2/G/late = 5\nN2/G/x = 4\nN3/G/x = 6\n");
    let view = world.namespace.read();
    let levels = ["N1", "N1/G", "N3/G"].map(|path| view.level(view.find(path).unwrap()).map(Level::as_str));
    assert_eq!(levels, [Some("site"), Some("area"), Some("area")]);
}

#[test]
fn what_has_no_room_at_its_new_place_keeps_its_sample_and_comes_back() {
    let deep = ["a"; 62].join("/");
    let mut world = World::new(Placement::default());
    births(&mut world, "G", "N", &format!("{deep}:Int32=1 x:Int32=2"));
    let before = shows(&world);
    let replaced = replace(&mut world, rules("{enterprise:.}{site:.*} · Z, {enterprise} · {site:.}, {enterprise} · Z"));
    assert_eq!(replaced.refused, 0);
    births(&mut world, "ABC", "M", &format!("{deep}:Int32=3 x:Int32=4"));
    let replaced = replace(&mut world, rules("{enterprise:.}{site:.}{area} · {work_center}, {enterprise} · {site}"));
    assert_eq!(replaced.refused, 1, "that of ABC has four levels above it now");
    assert!(!shows(&world).contains("= 3") && shows(&world).contains("A/B/C/M/x = 4"));
    replace(&mut world, Placement::default());
    assert_eq!(shows(&world), format!("ABC/M/{deep} = 3\nABC/M/x = 4\n{before}"));
}

#[test]
fn after_a_restart_all_is_where_the_new_rules_say_with_its_samples() {
    let mut world = World::new(Placement::default());
    births(&mut world, "A", "N", "x:Int32=1");
    device(&mut world, ("A", "N", "D"), 1, "y:Int32=2");
    births(&mut world, "B", "N", "x:Int32=3");
    world.publish(9, "A/N/x/note", br#"{"value":4}"#);
    world.saves();
    replace(&mut world, rules("{area} · {site:N} · {work_unit} | A/{work_center}/{rest...}"));
    world.saves();
    let before = shows(&world);
    assert_eq!(before, "N/A/D/y = 2\nN/A/x = 1\nN/B/x = 3\nN/x/note = 4\n");
    assert!(world.restarts().is_empty(), "everything is taken in again");
    assert_eq!(shows(&world), before.replace('\n', " (Stale)\n"));
}

#[test]
fn the_model_stands_over_what_births_declare_and_over_moves() {
    let mut world = World::new(Placement::default());
    let text = |text: &str| Some(text.into());
    let model = [
        Modelled {
            path: "N/G".into(),
            kind: Some(EquipmentKind::ProductionLine),
            metadata: Metadata { owner: text("Team 4"), ..Metadata::default() },
        },
        Modelled {
            path: "N/G/x".into(),
            kind: None,
            metadata: Metadata { unit: text("K"), high: Bound::new(400.0), ..Metadata::default() },
        },
        Modelled { path: "Acme/Planned".into(), ..Modelled::default() },
    ];
    assert_eq!(world.ingest.declare(&model), []);
    let properties = [
        ("engUnit", DataType::String, sparkplug::Value::String("°C")),
        ("engLow", DataType::Int32, sparkplug::Value::Int(-40)),
        ("Documentation", DataType::String, sparkplug::Value::String("At the nozzle")),
        ("Quality", DataType::Int32, sparkplug::Value::Int(192)),
        ("Vendor", DataType::String, sparkplug::Value::String("Initech")),
    ];
    let said = |said: PropertiesBuilder, (key, datatype, value)| said.property(key, datatype, value).unwrap();
    let metric = metric_of("x:Int32=1").properties(properties.into_iter().fold(PropertiesBuilder::default(), said));
    let payload = PayloadBuilder::at(Timestamp(EPOCH)).seq(Seq::new(0)).metric(MetricBuilder::bd_seq(BdSeq::new(0)));
    world.publish(1, "spBv1.0/G/NBIRTH/N", &payload.metric(metric).encode());
    let about = |world: &World, path: &str| {
        let view = world.namespace.read();
        let id = view.find(path)?;
        let it = view.metadata(id).map(|metadata| (**metadata).clone()).unwrap_or_default();
        let range = [it.low, it.high].map(|bound| bound.map(Bound::get));
        let properties: Vec<_> = it.properties.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Some(format!("{:?} {:?} {range:?} {properties:?}", it.unit, it.description))
    };
    let own = r#"Some("°C") Some("At the nozzle") [Some(-40.0), None] ["Vendor=Initech"]"#;
    assert_eq!(about(&world, "G/N/x").unwrap(), own);
    replace(&mut world, rules("{area} · {site}"));
    let over = r#"Some("K") Some("At the nozzle") [Some(-40.0), Some(400.0)] ["Vendor=Initech"]"#;
    assert_eq!(about(&world, "N/G/x").unwrap(), over);
    {
        let view = world.namespace.read();
        let line = view.find("N/G").unwrap();
        assert_eq!((view.equipment(line), view.level(line)), (Some(EquipmentKind::ProductionLine), Some(Level::Area)));
        assert!(view.find("Acme/Planned").is_some(), "declared, though nobody has published there");
    }
    replace(&mut world, Placement::default());
    assert_eq!(about(&world, "G/N/x").unwrap(), own, "the model speaks of a path, not of a metric");
    assert!(about(&world, "N/G/x").is_some());
    world.ingest.declare(&[]);
    assert_eq!((about(&world, "N/G"), about(&world, "Acme/Planned")), (None, None));
}

#[test]
fn two_metrics_that_want_one_place_among_the_conflicts_are_both_shown() {
    let mut world = World::new(Placement::default());
    births(&mut world, "a:b", "N", "D/x:Int32=1");
    births(&mut world, "A:B", "N", "y:Int32=2");
    device(&mut world, ("A:B", "N", "D"), 1, "x:Int32=3");
    births(&mut world, "A:B", "N", "D/x:Int32=4");
    let before = world.shows("#");
    let group = "{enterprise}:{site}".into();
    let folded = SparkplugRuleText { group, case: Case::Lower, ..SparkplugRuleText::default() };
    let replaced = replace(&mut world, Placement::parse(&Level::ALL, &[folded], None).unwrap());
    assert_eq!(replaced.refused, 0);
    assert_eq!(
        shows(&world),
        "_conflicts/_conflicts/spBv1.0/A:B/N/D/x = 4\n_conflicts/spBv1.0/A:B/N/D/x = 3 (Stale)\na/b/N/D/x = 1\n\
         a/b/N/y = 2 (gone)\n"
    );
    replace(&mut world, Placement::default());
    assert_eq!(world.shows("#"), before);
}

/// What each source calls its metrics, and what they hold: everything but the place.
fn holdings(world: &World) -> BTreeMap<String, Value> {
    let view = world.namespace.read();
    let all = view.select(&Filter::parse("#").unwrap(), None, usize::MAX);
    all.into_iter()
        .map(|id| {
            let (source, name) = view.source(id).unwrap();
            (format!("{source:?} {name:?}"), view.sample(id).unwrap().value)
        })
        .collect()
}

fn any_rules() -> impl Strategy<Value = Placement> {
    let case = prop_oneof![Just(Case::Keep), Just(Case::Lower), Just(Case::Upper)];
    let group = prop::sample::select(vec![
        "{enterprise}:{site}",
        "{site}",
        "A",
        "{area:[A-B]}{site:.*}",
        "{enterprise:.*}:{site}",
    ]);
    let node =
        prop::sample::select(vec![None, Some("{work_center}"), Some("N{work_center}"), Some("{enterprise:N1|N2}")]);
    let device =
        prop::sample::select(vec![None, Some("{work_unit}"), Some("D{work_unit:[0-9]}"), Some("D{work_unit:.}")]);
    let rule = (group, node, device, case.clone()).prop_filter_map("a level twice", |(group, node, device, case)| {
        let rule = SparkplugRuleText {
            group: group.into(),
            node: node.map(Into::into),
            device: device.filter(|_| node.is_some()).map(Into::into),
            case,
            ..SparkplugRuleText::default()
        };
        Placement::parse(&Level::ALL, std::slice::from_ref(&rule), None).ok().map(|_| rule)
    });
    let topic = prop::sample::select(vec![
        "{site}/{rest...}",
        "{site}/{area}",
        "A/{rest...}",
        "{rest...}",
        "{area:A}/{enterprise}/{rest...}",
    ]);
    let topic =
        (topic, case).prop_map(|(topic, case)| TopicRuleText { topic: topic.into(), case, ..TopicRuleText::default() });
    (prop::collection::vec(rule, 0..3), prop::option::of(prop::collection::vec(topic, 0..3)))
        .prop_map(|(sparkplug, topics)| Placement::parse(&Level::ALL, &sparkplug, topics.as_deref()).unwrap())
}

#[derive(Clone, Debug)]
enum Act {
    Node(&'static str, &'static str, &'static str),
    Device(&'static str, &'static str, &'static str, &'static str),
    Topic(&'static str, &'static str),
}

fn any_act() -> impl Strategy<Value = Act> {
    let group = || prop::sample::select(vec!["A", "B", "A:B", "A:N1", "a:b"]);
    let node = || prop::sample::select(vec!["N1", "N2", "D1", "B"]);
    let device = prop::sample::select(vec!["D1", "D2", "d1", "x"]);
    let metrics = || {
        prop::sample::select(vec![
            "x:Int32=1",
            "x:Int32=2 x/y:Int32=3",
            "D1/x:Int32=4 y:Int32=5",
            "y:Int32=6 /:Int32=7",
        ])
    };
    let topic = prop::sample::select(vec!["A/N1/x", "A/B", "A/B/N1/y", "a/b/n1/D1", "x", "A//x"]);
    let payload = prop::sample::select(vec!["5", r#"{"value":6,"unit":"K"}"#, r#"{"x":7,"y":{"z":8}}"#]);
    prop_oneof![
        (group(), node(), metrics()).prop_map(|(group, node, metrics)| Act::Node(group, node, metrics)),
        (group(), node(), device, metrics())
            .prop_map(|(group, node, device, metrics)| Act::Device(group, node, device, metrics)),
        (topic, payload).prop_map(|(topic, payload)| Act::Topic(topic, payload)),
    ]
}

fn live(world: &mut World, acts: &[Act]) {
    for act in acts {
        match *act {
            Act::Node(group, node, metrics) => births(world, group, node, metrics),
            Act::Device(group, node, id, metrics) => {
                births(world, group, node, "x:Int32=9");
                device(world, (group, node, id), 1, metrics);
            }
            Act::Topic(topic, payload) => world.publish(1, topic, payload.as_bytes()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn there_and_back_every_path_is_restored_and_no_metric_is_lost(
        acts in prop::collection::vec(any_act(), 1..12),
        here in any_rules(),
        there in prop::collection::vec(any_rules(), 1..4),
    ) {
        let mut world = World::new(here.clone());
        live(&mut world, &acts);
        let (before, held) = (world.shows("#"), holdings(&world));
        let elements = world.namespace.stats().elements;
        replace(&mut world, here.clone());
        prop_assert_eq!(world.shows("#"), before.clone(), "the same rules again change nothing");
        for rules in there {
            let replaced = replace(&mut world, rules);
            prop_assert_eq!(replaced.refused, 0);
            let now = holdings(&world);
            let lost: Vec<_> = held.iter().filter(|(whose, value)| {
                !whose.starts_with("Topic") && now.get(*whose) != Some(value)
            }).collect();
            prop_assert!(lost.is_empty(), "{lost:?}");
        }
        replace(&mut world, here);
        prop_assert_eq!(world.shows("#"), before);
        prop_assert_eq!(holdings(&world), held);
        prop_assert_eq!(world.namespace.stats().elements, elements, "nothing is left behind");
    }

    #[test]
    fn the_tree_is_what_it_would_be_had_the_rules_always_been_so(
        acts in prop::collection::vec(any_act(), 1..12),
        rules in prop::collection::vec(any_rules(), 2..4),
    ) {
        // A topic that no rule wanted when it spoke was never known.
        let acts: Vec<_> = acts.into_iter().filter(|act| !matches!(act, Act::Topic(..))).collect();
        let last = rules.last().unwrap().clone();
        let mut always = World::new(last);
        live(&mut always, &acts);
        let mut world = World::new(rules[0].clone());
        live(&mut world, &acts);
        for rules in &rules[1..] {
            replace(&mut world, rules.clone());
        }
        prop_assert_eq!(world.shows("#"), always.shows("#"));
    }
}
