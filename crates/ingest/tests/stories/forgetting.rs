//! Stories of forgetting: what will not come back leaves nothing behind, in this process and in the next.

use crate::world::{EPOCH, World, metric_of};
use factree_ingest::{ForgetRefused, Limits, Placement, Timestamp};
use factree_namespace::{ContextRule, ContextScope, Filter};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{BdSeq, Seq};

/// The NBIRTH of an Edge Node of the group, over session 2.
fn born(world: &mut World, topic: &str, metrics: &str) {
    let payload = PayloadBuilder::at(Timestamp(EPOCH)).seq(Seq::new(0)).metric(MetricBuilder::bd_seq(BdSeq::new(0)));
    let payload = metrics.split(' ').fold(payload, |payload, metric| payload.metric(metric_of(metric)));
    world.publish(2, topic, &payload.encode());
}

fn plant() -> World {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · Uptime#1:Int64=1 Old#2:Int64=7");
    world.says("DBIRTH/Robot3 seq=1 · State#3:String=Idle Gone#4:Int64=8");
    world.says("DBIRTH/Robot3 seq=2 · State#3:String=Busy");
    world.says("NBIRTH seq=0 bdSeq=0 · Uptime#1:Int64=1");
    world.says("DBIRTH/Robot3 seq=1 · State#3:String=Busy");
    world.saves();
    world
}

#[test]
fn an_edge_node_that_is_online_is_not_forgotten() {
    let mut world = plant();
    let before = world.shows("#");
    let since = factree_namespace::Timestamp(EPOCH);
    assert_eq!(world.forgets("Line1", None), Err(ForgetRefused::Online { since }));
    assert_eq!(world.forgets("Line1", Some("Robot3")), Err(ForgetRefused::Online { since }));
    assert_eq!(world.forgets("Line9", None), Err(ForgetRefused::Unknown));
    assert_eq!(world.forgets("Line1", Some("Robot9")), Err(ForgetRefused::Unknown));
    assert_eq!(world.shows("#"), before);
}

#[test]
fn a_forgotten_edge_node_leaves_nothing_behind_and_is_new_when_it_comes_again() {
    let mut world = plant();
    let empty = World::new(Placement::default()).namespace.stats();
    world.session_ends(1);
    let findings = world.ingest.findings_by_rule().map(|(_, count)| count).sum::<u64>();
    world.events();
    let forgotten = world.forgets("Line1", None).expect("it is offline");
    assert_eq!(forgotten.samples, 5);
    assert_eq!(world.shows("#"), "");
    assert_eq!(world.births.len() + world.samples.len(), 0, "births, samples and what was gone");
    let stats = world.namespace.stats();
    assert_eq!((stats.elements, stats.cells, stats.blocks), (empty.elements, empty.cells, empty.blocks));
    assert_eq!(stats.values_bytes, empty.values_bytes);
    assert_eq!(world.ingest.edge_node("Acme:Dallas:Press", "Line1"), None);
    assert_eq!(world.ingest.edge_nodes(None, 9), []);
    assert_eq!(world.ingest.findings(&Default::default(), 99), []);
    assert_eq!(world.ingest.census().unborn, 0);
    assert!(world.ingest.findings_by_rule().map(|(_, count)| count).sum::<u64>() >= findings, "no sum falls");
    assert!(world.events()[0].contains("Acme/Dallas/Press/Line1/Uptime"), "who follows by MQTT is told");
    assert_eq!(world.forgets("Line1", None), Err(ForgetRefused::Unknown));

    world.says("@4 NBIRTH seq=0 bdSeq=3 · Uptime#1:Int64=2");
    assert_eq!(world.shows("#"), "Acme/Dallas/Press/Line1/Uptime = 2\nAcme/Dallas/Press/Line1/bdSeq = 3\n");
    let report = world.ingest.edge_node("Acme:Dallas:Press", "Line1").unwrap();
    assert_eq!((report.counters.births, report.devices.len()), (1, 0));
    world.saves();
    world.restarts();
    assert_eq!(
        world.shows("#"),
        "Acme/Dallas/Press/Line1/Uptime = 2 (Stale)\nAcme/Dallas/Press/Line1/bdSeq = 3 (Stale)\n"
    );
}

#[test]
fn what_is_known_from_before_a_restart_can_be_forgotten_too() {
    let mut world = plant();
    world.restarts();
    world.forgets("Line1", None).expect("nobody has heard of it since");
    world.restarts();
    assert_eq!(world.shows("#"), "");
}

#[test]
fn a_device_is_forgotten_alone() {
    let mut world = plant();
    world.says("DDEATH/Robot3 seq=2");
    let forgotten = world.forgets("Line1", Some("Robot3")).expect("it is offline");
    assert_eq!(forgotten.samples, 2);
    let own = "Acme/Dallas/Press/Line1/Old = 7 (gone)\nAcme/Dallas/Press/Line1/Uptime = 1\n\
               Acme/Dallas/Press/Line1/bdSeq = 0\n";
    assert_eq!(world.shows("#"), own);
    assert_eq!(world.ingest.edge_node("Acme:Dallas:Press", "Line1").unwrap().devices, []);
    assert!(world.births.keys().all(|key| key[0] == 0), "its DBIRTH is kept no more");
    world.says("DBIRTH/Robot3 seq=3 · State#3:String=New");
    world.says("DDATA/Robot3 seq=4 · #3:String=Newer");
    assert_eq!(world.shows("+/+/+/+/Robot3/#"), "Acme/Dallas/Press/Line1/Robot3/State = \"Newer\"\n");
    world.session_ends(1);
    world.forgets("Line1", None).expect("it is offline");
    assert_eq!(world.births.len() + world.samples.len(), 0);
}

#[test]
fn limits_have_room_again_for_whoever_comes_next() {
    let mut limits = Limits::default();
    limits.sparkplug.edge_nodes_max = 1;
    limits.topics_max = 1;
    let mut world = World::with(limits, Placement::default());
    for turn in 0..3 {
        born(&mut world, &format!("spBv1.0/Acme:Dallas:Press/NBIRTH/L{turn}"), "V:Int32=1");
        assert_eq!(world.shows("#").lines().count(), 2, "turn {turn}");
        world.session_ends(2);
        world.forgets(&format!("L{turn}"), None).expect("it is offline");
        world.publish(1, &format!("a/b{turn}"), b"1");
        assert_eq!(world.shows("#"), format!("a/b{turn} = 1\n"));
        let forgotten = world.forgets_topics(&format!("a/b{turn}")).expect("it is plain");
        assert_eq!(forgotten.topics, [format!("a/b{turn}")]);
        assert_eq!(world.shows("#"), "");
    }
}

#[test]
fn who_has_waited_for_a_path_gets_it_and_the_oldest_first() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · V#1:Int64=1");
    world.publish(5, "Acme/Dallas/Press/Line1/V", b"2");
    assert_eq!(world.shows("_conflicts/#"), "_conflicts/mqtt/Acme/Dallas/Press/Line1/V = 2\n");
    world.session_ends(1);
    world.forgets("Line1", None).expect("it is offline");
    assert_eq!(world.shows("#"), "Acme/Dallas/Press/Line1/V = 2\n");
    world.says("@4 NBIRTH seq=0 bdSeq=0 · V#1:Int64=3");
    assert!(world.shows("#").contains("_conflicts/spBv1.0/Acme:Dallas:Press/Line1/V = 3\n"), "it is the younger now");
    world.forgets_topics("Acme/Dallas/Press/Line1/V").expect("it is plain");
    assert_eq!(world.shows("#"), "Acme/Dallas/Press/Line1/V = 3\nAcme/Dallas/Press/Line1/bdSeq = 0\n");
}

#[test]
fn a_plain_topic_goes_with_its_fields_and_nothing_else_does() {
    let mut world = plant();
    world.publish(5, "Acme/Order", br#"{"order":"PO-1","quantity":5}"#);
    world.publish(5, "Acme/Order/order/by", b"7");
    world.saves();
    assert_eq!(world.forgets_topics("Acme"), Err(ForgetRefused::NoTopic));
    assert_eq!(world.forgets_topics("Acme/Dallas/Press/Line1"), Err(ForgetRefused::NoTopic));
    assert_eq!(world.forgets_topics("Acme/Nobody"), Err(ForgetRefused::Unknown));
    assert_eq!(world.forgets_topics("Acme/Order").map(|forgotten| forgotten.samples), Ok(2));
    assert_eq!(world.shows("Acme/Order/#"), "Acme/Order/order/by = 7\n");
    world.restarts();
    assert_eq!(world.shows("Acme/Order/#"), "Acme/Order/order/by = 7 (Stale)\n");
}

#[test]
fn a_topic_whose_retained_message_is_cleared_leaves_the_tree_and_does_not_come_back() {
    let limits = Limits { topics_max: 3, ..Limits::default() };
    let mut world = World::with(limits, Placement::default());
    for number in 0..3 {
        world.publish(1, &format!("junk/{number}"), b"1");
    }
    world.saves();
    world.clears("junk/0");
    assert_eq!(world.shows("#"), "junk/1 = 1\njunk/2 = 1\n");
    world.clears("junk/1");
    assert_eq!(world.shows("junk/1"), "junk/1 = 1 (Stale)\n", "a second has not passed");
    world.publish(1, "junk/1", b"2");
    world.clears("junk/2");
    world.saves();
    world.restarts();
    assert_eq!(world.shows("#"), "junk/1 = 2 (Stale)\n", "one that spoke again was not meant any more");
    for number in 4..6 {
        world.publish(1, &format!("real/{number}"), b"1");
    }
    assert_eq!(world.shows("real/#").lines().count(), 2, "what was cleared takes nobody's room");
    world.publish(1, "junk/1", b"");
    assert_eq!(world.shows("junk/#"), "junk/1 = 2 (Stale)\n", "not retained: the source says no more");
}

#[test]
fn topics_that_were_cleared_together_leave_a_few_at_a_time_by_time_alone() {
    let mut world = World::new(Placement::default());
    for number in 0..2_500 {
        world.publish(1, &format!("junk/{number}"), b"1");
    }
    for number in 0..2_500 {
        world.clears(&format!("junk/{number}"));
    }
    let topics = |world: &World| world.namespace.stats().elements.saturating_sub(2);
    let mut left = vec![topics(&world)];
    while world.waits() {
        left.push(topics(&world));
    }
    assert_eq!(left, [2_499, 1_499, 499, 0], "but the first, beside the root and `junk`");
}

#[test]
fn what_was_cleared_makes_room_when_that_is_wanted() {
    let limits = Limits { topics_max: 2, ..Limits::default() };
    let mut world = World::with(limits, Placement::default());
    world.publish(1, "junk/0", b"1");
    world.publish(1, "junk/1", b"1");
    world.clears("junk/0");
    world.clears("junk/1");
    world.publish(1, "real/0", b"1");
    world.publish(1, "real/1", b"1");
    assert_eq!(world.shows("real/#"), "real/0 = 1\n", "junk/1 has not left yet");
    world.elapsed += std::time::Duration::from_secs(1);
    world.publish(1, "real/1", b"1");
    assert_eq!(world.shows("#"), "real/0 = 1\nreal/1 = 1\n");
}

#[test]
fn what_a_context_document_has_said_is_wanted_for_longer() {
    let mut world = World::new(Placement::default());
    let path = Filter::parse("+/Order").unwrap();
    let rule = ContextRule { name: "order".into(), path, scope: ContextScope::Above(1), fields: None };
    world.rules = vec![rule.clone()];
    world.ingest.declare_contexts(vec![rule]);
    world.publish(1, "Acme/Order", br#"{"order":"PO-1"}"#);
    world.clears("Acme/Order");
    assert_eq!(world.shows("#"), "Acme/Order/order = \"PO-1\" (Stale)\n");
    world.forgets_topics("Acme/Order").expect("who says so means it");
    assert_eq!((world.shows("#").as_str(), world.contexts.len()), ("", 0));
}

#[test]
fn a_topic_that_says_more_than_fits_after_it_was_cleared_has_spoken_all_the_same() {
    let limits = Limits { fields_per_document_max: 1, ..Limits::default() };
    let mut world = World::with(limits, Placement::default());
    world.publish(1, "a/b", b"1");
    world.publish(1, "a/c", b"1");
    world.clears("a/b");
    world.clears("a/c");
    world.publish(1, "a/c", br#"{"x":1,"y":2}"#);
    world.elapsed += std::time::Duration::from_secs(1);
    world.publish(1, "a/d", b"1");
    world.clears("a/d");
    assert_eq!(world.shows("#"), "a/c = 1 (Stale)\n", "one field more than there may be");
}
