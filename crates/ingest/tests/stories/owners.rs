//! Stories of who owns a path after a restart: whoever came first, in whatever order the store hands out its records; and of
//! metrics that no birth has any more.

use crate::world::{EPOCH, World, metric_of};
use factree_ingest::{Case, Limits, Placement, SparkplugRuleText, Timestamp};
use factree_namespace::{Bound, Level};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder, PropertiesBuilder};
use factree_sparkplug::{DataType, Seq, Value};

/// Groups that differ in case alone stand in one place.
fn world() -> World {
    let rule = SparkplugRuleText { group: "{enterprise}".into(), case: Case::Lower, ..SparkplugRuleText::default() };
    World::new(Placement::parse(&Level::ALL, &[rule], None).unwrap())
}

fn births(world: &mut World, group: &str, metrics: &str) {
    let payload = PayloadBuilder::at(Timestamp(EPOCH)).seq(Seq::new(0));
    let payload = metrics.split(' ').map(metric_of).fold(payload, PayloadBuilder::metric);
    let session = group.bytes().map(u64::from).sum();
    world.publish(session, &format!("spBv1.0/{group}/NBIRTH/L1"), &payload.encode());
}

/// The same as before, but old.
fn after_a_restart(world: &mut World) -> String {
    world.saves();
    assert_eq!(world.restarts(), [""; 0]);
    world.shows("#").replace(" (Stale)", "")
}

#[test]
fn of_two_edge_nodes_the_first_owns_a_path_and_each_metric_has_its_own_first() {
    let mut world = world();
    births(&mut world, "b", "x:Int32=1 y:Int32=2");
    births(&mut world, "B", "x:Int32=3 z:Int32=4");
    // The older one comes to z only now.
    births(&mut world, "b", "x:Int32=5 y:Int32=6 z:Int32=7");
    let before = "_conflicts/spBv1.0/B/L1/x = 3\n_conflicts/spBv1.0/b/L1/z = 7\nb/L1/x = 5\nb/L1/y = 6\nb/L1/z = 4\n";
    assert_eq!(world.shows("#"), before);
    for _ in 0..2 {
        assert_eq!(after_a_restart(&mut world), before);
    }
    births(&mut world, "a", "x:Int32=8");
    births(&mut world, "A", "x:Int32=9 y:Int32=10");
    births(&mut world, "a", "x:Int32=8 y:Int32=11");
    for _ in 0..2 {
        let now = after_a_restart(&mut world);
        let are_younger = ["_conflicts/spBv1.0/A/L1/x = 9\n", "_conflicts/spBv1.0/a/L1/y = 11\n"];
        assert!(are_younger.iter().all(|line| now.contains(line)), "who comes after a restart is younger: {now}");
    }
}

#[test]
fn a_plain_topic_that_came_first_stays_the_owner() {
    let mut world = world();
    world.publish(7, "b/L1/x", b"1");
    births(&mut world, "b", "x:Int32=2 y:Int32=3");
    world.publish(7, "b/L1/y", b"4");
    let before = "_conflicts/mqtt/b/L1/y = 4\n_conflicts/spBv1.0/b/L1/x = 2\nb/L1/x = 1\nb/L1/y = 3\n";
    assert_eq!(world.shows("#"), before);
    for _ in 0..2 {
        assert_eq!(after_a_restart(&mut world), before);
    }
}

#[test]
fn a_metric_that_is_gone_is_still_gone_after_a_restart_and_still_owns_its_path() {
    let mut world = world();
    births(&mut world, "b", "x:Int32=1 old:String=last");
    births(&mut world, "b", "x:Int32=2");
    births(&mut world, "B", "old:String=other");
    let before = "_conflicts/spBv1.0/B/L1/old = \"other\"\nb/L1/old = \"last\" (gone)\nb/L1/x = 2\n";
    assert_eq!(world.shows("#"), before);
    for _ in 0..2 {
        assert_eq!(after_a_restart(&mut world), before);
    }
    births(&mut world, "b", "x:Int32=3 old:String=again");
    assert_eq!(world.shows("b/#"), "b/L1/old = \"again\"\nb/L1/x = 3\n", "it is back");
    assert_eq!(after_a_restart(&mut world), before.replace("\"last\" (gone)", "\"again\"").replace("= 2", "= 3"));
}

#[test]
fn what_is_gone_keeps_its_unit_description_and_range_over_a_restart() {
    let mut world = world();
    let payload = |metrics: &[MetricBuilder]| {
        let payload = PayloadBuilder::at(Timestamp(EPOCH)).seq(Seq::new(0));
        metrics.iter().cloned().fold(payload, PayloadBuilder::metric).encode()
    };
    let said = [("engUnit", "bar"), ("Description", "Oil pressure"), ("note", "x")];
    let said = said.into_iter().fold(PropertiesBuilder::default(), |properties, (key, text)| {
        properties.property(key, DataType::String, Value::String(text)).unwrap()
    });
    let said = said.property("engHigh", DataType::Double, Value::Double(16.0)).unwrap();
    let old = metric_of("old:Double=2.5").properties(said);
    for metrics in [&[metric_of("x:Int32=1"), old][..], &[metric_of("x:Int32=1")]] {
        world.publish(1, "spBv1.0/b/NBIRTH/L1", &payload(metrics));
    }
    for _ in 0..2 {
        world.saves();
        assert_eq!(world.restarts(), [""; 0]);
        let view = world.namespace.read();
        let about = view.metadata(view.find("b/L1/old").unwrap()).expect("it is known what it was");
        assert_eq!((about.unit.as_deref(), about.description.as_deref()), (Some("bar"), Some("Oil pressure")));
        assert_eq!((about.low, about.high.map(Bound::get)), (None, Some(16.0)));
    }
    assert_eq!(world.shows("b/L1/old"), "b/L1/old = 2.5 (gone)\n");
}

#[test]
fn an_edge_node_that_invents_names_keeps_as_many_as_it_may_have_metrics() {
    let mut limits = Limits::default();
    (limits.sparkplug.metrics_per_edge_node_max, limits.sparkplug.metrics_per_payload_max) = (3, 3);
    let mut world = World::with(limits, Placement::default());
    for number in 0..9 {
        births(&mut world, "b", &format!("m{number}:Int32={number}"));
    }
    assert_eq!(world.shows("#"), "b/L1/m6 = 6 (gone)\nb/L1/m7 = 7 (gone)\nb/L1/m8 = 8\n");
    assert_eq!(world.namespace.read().element_count(), 1 + 2 + 3, "those it lost left no folders behind");
    world.saves();
    world.restarts();
    assert_eq!(world.shows("#"), "b/L1/m6 = 6 (gone)\nb/L1/m7 = 7 (gone)\nb/L1/m8 = 8 (Stale)\n");
    assert_eq!(world.samples.len(), 3);
}
