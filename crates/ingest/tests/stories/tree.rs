//! Stories of the tree: what was published and which sessions ended, and what a reader then sees.

use crate::world::{EPOCH, World, metric_of};
use factree_ingest::{EdgeNodeReport, Limits, Liveness, Placement, SessionKey, SparkplugRuleText, Timestamp};
use factree_namespace::{Level, Source};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{BdSeq, Seq, Value};
use std::time::Duration;

#[test]
fn a_birth_stands_in_the_tree_and_data_moves_it() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · Uptime#1:Int64=1");
    world.says("DBIRTH/Robot3 seq=1 · Axis/1/Temperature#2:Double=21.5 State#3:String=Idle");
    world.says("DDATA/Robot3 seq=2 · #2=22.0 #3=Running");
    world.says("NDATA seq=3 · #1:Int64=2");
    assert_eq!(
        world.shows("#"),
        "Acme/Dallas/Press/Line1/Robot3/Axis/1/Temperature = 22.0\n\
         Acme/Dallas/Press/Line1/Robot3/State = \"Running\"\n\
         Acme/Dallas/Press/Line1/Uptime = 2\n\
         Acme/Dallas/Press/Line1/bdSeq = 0\n"
    );
    assert_eq!(
        world.events(),
        [
            "finding tck-id-topics-nbirth-rebirth-metric",
            "finding tck-id-payloads-name-birth-data-requirement",
            "born Line1 with 2, 2 new",
            "born Line1/Robot3 with 2, 2 new",
            "finding tck-id-payloads-metric-datatype-not-req"
        ],
        "it has no Node Control/Rebirth, its bdSeq no timestamp, its data a datatype, and it works all the same"
    );
    let view = world.namespace.read();
    let levels: Vec<_> = ["Acme", "Acme/Dallas", "Acme/Dallas/Press", "Acme/Dallas/Press/Line1"]
        .map(|path| view.level(view.find(path).unwrap()).unwrap())
        .into();
    assert_eq!(levels, [Level::Enterprise, Level::Site, Level::Area, Level::WorkCenter]);
    let (source, metric) =
        view.source(view.find("Acme/Dallas/Press/Line1/Robot3/Axis/1/Temperature").unwrap()).unwrap();
    assert_eq!(metric, "Axis/1/Temperature");
    assert!(matches!(source, Source::Sparkplug { device: Some(device), .. } if &*device == "Robot3"));
}

#[test]
fn the_end_of_the_session_is_the_death_whatever_the_ndeath_said() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=4 · A:Int32=1");
    world.says("DBIRTH/D seq=1 · B:Int32=2");
    world.says("NDEATH bdSeq=5");
    assert!(!world.shows("#").contains("Stale"), "SP17: a death that is not this birth's does not kill");
    world.session_ends(1);
    assert_eq!(
        world.shows("#"),
        "Acme/Dallas/Press/Line1/A = 1 (Stale)\n\
         Acme/Dallas/Press/Line1/D/B = 2 (Stale)\n\
         Acme/Dallas/Press/Line1/bdSeq = 4 (Stale)\n"
    );
    assert_eq!(world.events().last().unwrap(), "died Line1: its MQTT session ended");
    let report = world.ingest.edge_node("Acme:Dallas:Press", "Line1").unwrap();
    assert_eq!(report.liveness, factree_ingest::Liveness::Offline);
    world.says("@2 NBIRTH seq=0 bdSeq=5 · A:Int32=7");
    world.says("@2 DBIRTH/D seq=1 · B:Int32=8");
    assert!(!world.shows("#").contains("Stale"), "born again, good again");
}

/// An Edge Node with two devices, nine seconds later. Their deaths claim another time than ours.
fn before_a_death() -> (World, PayloadBuilder) {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=4 · A:Int32=1");
    world.says("DBIRTH/D seq=1 · B:Int32=2");
    world.says("DBIRTH/E seq=2 · C:Int32=3");
    world.elapsed = Duration::from_secs(9);
    (world, PayloadBuilder::at(Timestamp(EPOCH + 7_000)))
}

fn dies(world: &mut World, topic: &str, payload: &PayloadBuilder) -> EdgeNodeReport {
    world.publish(1, &format!("spBv1.0/Acme:Dallas:Press/{topic}"), &payload.encode());
    world.ingest.edge_node("Acme:Dallas:Press", "Line1").unwrap()
}

#[test]
fn tck_id_operational_behavior_edge_node_termination_host_action_ndeath_node_offline() {
    let (mut world, death) = before_a_death();
    let bd_seq = MetricBuilder::bd_seq(BdSeq::new(4));
    let report = dies(&mut world, "NDEATH/Line1", &death.clone().metric(bd_seq.clone()));
    assert_eq!((report.liveness, report.since.0), (Liveness::Offline, EPOCH + 9_000), "by our clock");
    world.events();
    world.elapsed = Duration::from_secs(20);
    let report = dies(&mut world, "NDEATH/Line1", &death.metric(bd_seq));
    assert_eq!(report.since.0, EPOCH + 9_000, "a second NDEATH of the same birth is ignored");
    assert_eq!(world.events(), [""; 0]);
}

#[test]
fn tck_id_operational_behavior_edge_node_termination_host_action_ndeath_devices_offline() {
    let (mut world, death) = before_a_death();
    let report = dies(&mut world, "NDEATH/Line1", &death.metric(MetricBuilder::bd_seq(BdSeq::new(4))));
    let devices: Vec<_> = report.devices.iter().map(|device| (device.liveness, device.since.0)).collect();
    assert_eq!(devices, [(Liveness::Offline, EPOCH + 9_000); 2]);
}

/// `tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-tags-stale` as well.
#[test]
fn tck_id_operational_behavior_edge_node_termination_host_action_ndeath_devices_tags_stale() {
    let (mut world, death) = before_a_death();
    dies(&mut world, "NDEATH/Line1", &death.metric(MetricBuilder::bd_seq(BdSeq::new(4))));
    for (path, value) in [("A", 1), ("D/B", 2), ("E/C", 3)] {
        let path = format!("Acme/Dallas/Press/Line1/{path}");
        assert_eq!(world.shows(&path), format!("{path} = {value} (Stale)\n"));
        let view = world.namespace.read();
        assert_eq!(view.sample(view.find(&path).unwrap()).unwrap().received.0, EPOCH + 9_000, "by our clock");
    }
}

/// `tck-id-operational-behavior-edge-node-termination-host-action-ddeath-devices-tags-stale` as well: its metrics are Stale since
/// the Device is offline, which its report says for all of them.
#[test]
fn tck_id_operational_behavior_edge_node_termination_host_action_ddeath_devices_offline() {
    let (mut world, death) = before_a_death();
    let report = dies(&mut world, "DDEATH/Line1/D", &death.seq(Seq::new(3)));
    let devices: Vec<_> = report.devices.iter().map(|device| (device.liveness, device.since.0)).collect();
    assert_eq!(devices, [(Liveness::Offline, EPOCH + 7_000), (Liveness::Online, EPOCH)], "by the payload's clock");
    assert!(world.shows("Acme/Dallas/Press/Line1/D/B").contains("Stale"));
    assert!(!world.shows("Acme/Dallas/Press/Line1/E/C").contains("Stale"));
}

#[test]
fn a_takeover_does_not_kill_what_the_new_session_gave_birth_to() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · A:Int32=1");
    world.says("@2 NBIRTH seq=0 bdSeq=1 · A:Int32=2");
    world.session_ends(1);
    assert!(world.shows("#").contains("A = 2\n"), "{}", world.shows("#"));
}

#[test]
fn a_device_dies_alone_and_a_rebirth_leaves_it_stale_until_its_own() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · N:Int32=1");
    world.says("DBIRTH/A seq=1 · V:Int32=1");
    world.says("DBIRTH/B seq=2 · V:Int32=2");
    world.says("DDEATH/A seq=3");
    let shown = world.shows("Acme/Dallas/Press/Line1/+/V");
    assert_eq!(shown, "Acme/Dallas/Press/Line1/A/V = 1 (Stale)\nAcme/Dallas/Press/Line1/B/V = 2\n");
    world.says("NBIRTH seq=0 bdSeq=0 · N:Int32=1");
    assert!(world.shows("Acme/Dallas/Press/Line1/B/V").contains("Stale"));
    world.says("DBIRTH/B seq=1 · W:Int32=3");
    let shown = world.shows("Acme/Dallas/Press/Line1/B/V");
    assert_eq!(shown, "Acme/Dallas/Press/Line1/B/V = 2 (gone)\n", "not in the birth any more, kept in the tree");
    assert_eq!(world.shows("Acme/Dallas/Press/Line1/B/W"), "Acme/Dallas/Press/Line1/B/W = 3\n");
}

#[test]
fn a_birth_is_told_with_what_is_new_what_is_gone_and_what_has_changed() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · A#1:Int32=1 B#2:Int32=2 C#3:Int32=3");
    world.said.clear();
    world.elapsed = Duration::from_secs(5);
    world.says("NBIRTH seq=0 bdSeq=0 · A#1:Int32=1 B#2:Double=2.5 D#4:Int32=4");
    assert_eq!(world.events(), ["born Line1 with 4, 1 new, 1 gone, 1 changed"]);
    world.elapsed = Duration::from_secs(9);
    world.says("NDATA seq=1 · C:Int32=9");
    world.says("NBIRTH seq=0 bdSeq=0 · A#1:Int32=1 B#2:Double=2.5 D#4:Int32=4");
    world.session_ends(1);
    let gone = |world: &World| {
        let view = world.namespace.read();
        let sample = view.sample(view.find("Acme/Dallas/Press/Line1/C").unwrap()).unwrap();
        (sample.is_gone, sample.quality, sample.received.0 - EPOCH)
    };
    assert_eq!(gone(&world), (true, factree_namespace::Quality::Stale, 5_000), "since the birth without it");
    assert!(world.shows("Acme/Dallas/Press/Line1/C").contains("C = 3 (gone)"), "no value reaches it");
    let element = |world: &World| world.namespace.read().find("Acme/Dallas/Press/Line1/C");
    let before = element(&world);
    world.says("@2 NBIRTH seq=0 bdSeq=1 · C#1:Int32=7");
    assert_eq!(world.shows("Acme/Dallas/Press/Line1/C"), "Acme/Dallas/Press/Line1/C = 7\n", "it is back");
    assert_eq!(element(&world), before, "as the element it was");
    assert!(!gone(&world).0);
}

#[test]
fn over_an_attachment_what_comes_too_early_waits_and_what_never_comes_is_asked_for() {
    let mut world = World::new(Placement::default());
    let say = |world: &mut World, message: &str| world.says(&format!("@{} {message}", SessionKey::attached(0, 1).0));
    say(&mut world, "NBIRTH seq=0 bdSeq=0 · A#1:Int32=0");
    say(&mut world, "NDATA seq=2 · #1:Int32=2");
    say(&mut world, "DDATA/D seq=4 · #2:Int32=4");
    assert_eq!(world.shows("Acme/Dallas/Press/Line1/A"), "Acme/Dallas/Press/Line1/A = 0\n");
    let report = world.ingest.edge_node("Acme:Dallas:Press", "Line1").unwrap();
    assert_eq!((report.liveness, report.next_seq), (Liveness::Reordering { held: 2 }, Some(1)));
    say(&mut world, "NDATA seq=1 · #1:Int32=1");
    assert_eq!(world.shows("Acme/Dallas/Press/Line1/A"), "Acme/Dallas/Press/Line1/A = 2\n");
    say(&mut world, "DBIRTH/D seq=3 · B#2:Int32=3");
    assert_eq!(world.shows("Acme/Dallas/Press/Line1/D/B"), "Acme/Dallas/Press/Line1/D/B = 4\n");
    assert_eq!(world.ingest.next_deadline(), None);
    world.said.clear();

    world.elapsed = Duration::from_secs(10);
    say(&mut world, "DBIRTH/E seq=6 · C#3:Int32=6");
    let due = world.ingest.next_deadline().unwrap();
    assert_eq!(due - world.now().instant, Duration::from_secs(2));
    world.elapsed += Duration::from_secs(2);
    world.ticks();
    assert_eq!(world.shows("Acme/Dallas/Press/Line1/E/C"), "Acme/Dallas/Press/Line1/E/C = 6\n");
    assert_eq!(world.births.len(), 3, "what was held is kept like any birth");
    assert_eq!(
        world.events(),
        [
            "finding tck-id-payloads-sequence-num-incrementing",
            "born Line1/E with 1, 1 new",
            "publish spBv1.0/Acme:Dallas:Press/NCMD/Line1",
            "rebirth asked: a sequence number is missing",
        ]
    );
    let report = world.ingest.edge_node("Acme:Dallas:Press", "Line1").unwrap();
    assert_eq!(report.rebirth.unwrap().reason, "seq_gap");
    assert!(report.counters.rebirths_by_reason().any(|reason| reason == ("seq_gap", 1)));
}

#[test]
fn a_late_value_replaces_none_that_was_captured_after_it() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · A#1:Int32=0 B#2:Int32=0");
    let at = |ms: u64| Timestamp(EPOCH + ms);
    let value = |alias, ms, number| {
        MetricBuilder::aliased(alias).at(at(ms)).value(factree_sparkplug::DataType::Int32, Value::Int(number)).unwrap()
    };
    let say = |world: &mut World, seq, sent, metrics: Vec<MetricBuilder>| {
        let payload = PayloadBuilder::at(at(sent)).seq(Seq::new(seq)).metrics(metrics).encode();
        world.publish(1, "spBv1.0/Acme:Dallas:Press/NDATA/Line1", &payload);
    };
    say(&mut world, 2, 20, vec![value(1, 20, 2)]);
    say(&mut world, 1, 10, vec![value(1, 10, 1), value(2, 10, 1)]);
    let counters = world.ingest.edge_node("Acme:Dallas:Press", "Line1").unwrap().counters;
    assert_eq!(counters.seq_late, 1);
    assert_eq!(world.shows("Acme/Dallas/Press/Line1/A"), "Acme/Dallas/Press/Line1/A = 2\n");
    assert_eq!(world.shows("Acme/Dallas/Press/Line1/B"), "Acme/Dallas/Press/Line1/B = 1\n", "nobody knows better");
    say(&mut world, 2, 20, vec![value(1, 20, 3)]);
    assert_eq!(
        world.shows("Acme/Dallas/Press/Line1/A"),
        "Acme/Dallas/Press/Line1/A = 3\n",
        "nobody can tell which is newer"
    );
}

#[test]
fn two_clients_that_are_the_same_edge_node_are_named() {
    let mut world = World::new(Placement::default());
    world.connects(1, "gateway-old");
    world.connects(2, "gateway-new");
    world.says("@1 NBIRTH seq=0 bdSeq=0 · A#1:Int32=1");
    world.says("@2 NBIRTH seq=0 bdSeq=0 · A#1:Int32=2");
    world.says("@1 NDATA seq=1 · #1:Int32=3");
    assert_eq!(world.shows("Acme/Dallas/Press/Line1/A"), "Acme/Dallas/Press/Line1/A = 2\n", "the newest birth wins");
    world.said.clear();
    world.says("@1 NBIRTH seq=0 bdSeq=0 · A#1:Int32=4");
    let rivals = "rivals of Line1: Some(\"gateway-old\") after Some(\"gateway-new\")";
    assert!(world.events().contains(&rivals.to_owned()));
    (0..100).for_each(|_| {
        world.says("@2 NBIRTH seq=0 bdSeq=0 · A#1:Int32=5");
        world.says("@1 NBIRTH seq=0 bdSeq=0 · A#1:Int32=6");
        world.says("@2 NDATA seq=1 · #1:Int32=7");
    });
    let events = world.events();
    assert_eq!(events.iter().filter(|event| event.starts_with("rivals")).count(), 7, "of 201: 2, 4, 8, … 128");
    assert!(!events.iter().any(|event| event.starts_with("publish")), "nobody is asked for more births");
}

#[test]
fn what_cannot_be_understood_asks_for_a_rebirth_once() {
    let mut world = World::new(Placement::default());
    world.says("NDATA seq=7 · #1:Int32=5");
    assert!(world.events().contains(&"publish spBv1.0/Acme:Dallas:Press/NCMD/Line1".to_string()));
    world.says("NDATA seq=8 · #1:Int32=6");
    assert!(!world.events().iter().any(|event| event.starts_with("publish")), "the cooldown holds");
    assert_eq!(world.shows("#"), "", "nothing is guessed");
    world.elapsed = Duration::from_secs(6);
    world.publish(1, "spBv1.0/Acme:Dallas:Press/NDATA/Line1", b"\x12\xFF");
    assert!(world.events().iter().any(|event| event.starts_with("publish")), "after the cooldown it asks again");
}

#[test]
fn sp10_a_value_that_is_not_of_its_type_costs_that_metric_its_quality_only() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · A#1:Int8=1 B#2:Int8=2");
    world.says("NDATA seq=1 · #1:String=nonsense #2:Int8=3");
    assert_eq!(world.shows("Acme/Dallas/Press/Line1/A"), "Acme/Dallas/Press/Line1/A = null (Bad)\n");
    assert_eq!(world.shows("Acme/Dallas/Press/Line1/B"), "Acme/Dallas/Press/Line1/B = 3\n");
}

#[test]
fn the_first_source_owns_a_path_and_the_second_is_kept_beside() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · Speed:Int32=1");
    world.publish(9, "Acme/Dallas/Press/Line1/Speed", b"99");
    assert_eq!(world.shows("Acme/Dallas/Press/Line1/Speed"), "Acme/Dallas/Press/Line1/Speed = 1\n");
    assert_eq!(
        world.shows("_conflicts/#"),
        "_conflicts/mqtt/Acme/Dallas/Press/Line1/Speed = 99\n",
        "shown, not dropped"
    );
}

#[test]
fn rules_place_what_they_match_and_the_rest_is_unplaced() {
    let rule = SparkplugRuleText {
        group: "{site}-{area}".into(),
        node: Some("{work_center}".into()),
        device: Some("{work_unit}".into()),
        ..SparkplugRuleText::default()
    };
    let mut world = World::new(Placement::parse(&Level::ALL, &[rule], Some(&[])).unwrap());
    let birth = PayloadBuilder::at(Timestamp(EPOCH))
        .seq(Seq::new(0))
        .metric(MetricBuilder::bd_seq(BdSeq::new(0)))
        .metric(metric_of("V:Int32=5"))
        .encode();
    world.publish(1, "spBv1.0/Ulm-Paint/NBIRTH/L1", &birth);
    world.publish(1, "spBv1.0/Elsewhere/NBIRTH/L1", &birth);
    world.publish(1, "a/plain/topic", b"1");
    assert_eq!(world.shows("+/+/+/V"), "Ulm/Paint/L1/V = 5\n_unplaced/Elsewhere/L1/V = 5\n");
    assert_eq!(world.ingest.stats().elsewhere, 1, "an empty list keeps plain topics out");
}

#[test]
fn a_document_is_its_fields_and_a_vanished_field_goes_stale() {
    let mut world = World::new(Placement::default());
    world.publish(1, "Acme/Order", br#"{"order":"PO-1","quantity":5,"good":{"value":4.0,"unit":"pcs"}}"#);
    world.publish(1, "Acme/Order", br#"{"order":"PO-2","good":{"value":5,"quality":"Uncertain"}}"#);
    assert_eq!(
        world.shows("#"),
        "Acme/Order/good = 5.0 (Uncertain)\nAcme/Order/order = \"PO-2\"\nAcme/Order/quantity = 5 (Stale)\n"
    );
    let unit = {
        let view = world.namespace.read();
        view.metadata(view.find("Acme/Order/good").unwrap()).unwrap().unit.clone()
    };
    assert_eq!(unit.as_deref(), Some("pcs"));
    world.publish(1, "Acme/Order", b"");
    assert_eq!(world.shows("#").matches("Stale").count(), 3, "cleared: the source says no more");
    world.publish(1, "Acme/Order", b"RUNNING");
    assert_eq!(world.shows("Acme/Order"), "Acme/Order = \"RUNNING\" (Bad)\n", "no JSON is kept as text");
}

#[test]
fn a_topic_that_invents_field_names_is_bounded_and_costs_no_other_topic_its_place() {
    let limits = Limits { fields_per_document_max: 3, ..Limits::default() };
    let mut world = World::with(limits, Placement::default());
    for number in 0..5 {
        world.publish(1, "a/flood", format!(r#"{{"f{number}":{number}}}"#).as_bytes());
    }
    assert_eq!(
        world.shows("a/flood/#"),
        "a/flood/f0 = 0 (Stale)\na/flood/f1 = 1 (Stale)\na/flood/f2 = 2 (Stale)\n",
        "what it once had counts, and so do no more than three"
    );
    assert_eq!(world.ingest.stats().plain_refused, 2);
    assert!(world.events()[0].contains("fields_per_document_max"), "the log names the limit");
    world.publish(1, "a/flood", br#"{"f1":7}"#);
    world.publish(1, "b", b"1");
    assert!(world.shows("#").contains("a/flood/f1 = 7\n") && world.shows("#").contains("b = 1\n"));
}

#[test]
fn a_document_whose_names_are_repeated_without_end_is_not_taken_and_keeps_nobody_out() {
    let mut world = World::new(Placement::default());
    let fields: Vec<_> = (0..5_000).map(|number| format!(r#""f{number}":1"#)).collect();
    let bomb = format!(r#"{{"{}":{{{}}}}}"#, "n".repeat(900), fields.join(","));
    world.publish(1, "a/bomb", bomb.as_bytes());
    world.publish(1, "a/bomb", br#"{"f1":7}"#);
    assert_eq!(world.shows("#"), "a/bomb/f1 = 7\n");
    assert_eq!(world.ingest.stats().plain_refused, 1);
    assert!(world.events()[0].contains("names of the document's fields"), "the log says why: {:?}", world.events());
}

#[test]
fn sp24_what_claims_to_be_sparkplug_and_is_not_stays_out_of_the_tree() {
    let mut world = World::new(Placement::default());
    for topic in ["spBv1.0/g/nbirth/n", "spBv1.0/g/NBIRTH", "spBv1.0/g/NBIRTH/n/d/x", "spAv1.0/g/NBIRTH/n"] {
        world.publish(1, topic, b"1");
    }
    assert_eq!(world.shows("#"), "");
    assert_eq!(world.ingest.stats().sparkplug_topics_malformed, 3);
}

#[test]
fn historical_values_do_not_overwrite_the_live_one() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · A#1:Int32=1");
    let late =
        PayloadBuilder::at(Timestamp(EPOCH)).seq(Seq::new(1)).metric(metric_of("#1:Int32=7").historical()).encode();
    world.publish(1, "spBv1.0/Acme:Dallas:Press/NDATA/Line1", &late);
    assert_eq!(world.shows("Acme/Dallas/Press/Line1/A"), "Acme/Dallas/Press/Line1/A = 1\n");
}

#[test]
fn reports_page_through_edge_nodes_in_order() {
    let mut world = World::new(Placement::default());
    let birth =
        PayloadBuilder::at(Timestamp(EPOCH)).seq(Seq::new(0)).metric(MetricBuilder::bd_seq(BdSeq::new(3))).encode();
    for (group, node) in [("b", "1"), ("a", "2"), ("a", "1")] {
        world.publish(1, &format!("spBv1.0/{group}/NBIRTH/{node}"), &birth);
    }
    let names = |reports: Vec<factree_ingest::EdgeNodeReport>| -> Vec<String> {
        reports.into_iter().map(|report| format!("{}/{}", report.group, report.edge_node)).collect()
    };
    assert_eq!(names(world.ingest.edge_nodes(None, 2)), ["a/1", "a/2"]);
    assert_eq!(names(world.ingest.edge_nodes(Some(("a", "2")), 2)), ["b/1"]);
    let report = world.ingest.edge_node("a", "1").unwrap();
    assert_eq!((report.bd_seq, report.next_seq, report.metrics_len), (Some(3), Some(1), 1));
    let metrics = world.ingest.metrics("a", "1", None, usize::MAX).unwrap();
    assert_eq!(
        (metrics[0].name.as_str(), metrics[0].datatype, metrics[0].path.as_deref()),
        ("bdSeq", "Int64", Some("a/1/bdSeq"))
    );
}

#[test]
fn metrics_come_by_device_and_name_and_each_alias_is_found() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · Z#1:Int32=1 A#2:Int32=1");
    world.says("DBIRTH/D2 seq=1 · V#1:Int32=1 Gone#9:Int32=1");
    world.says("DBIRTH/D1 seq=2 · V#7:Int32=1 U:Int32=1");
    world.says("DBIRTH/D2 seq=3 · V#4118749568:Int32=1 W#1:Int32=1");
    let (group, line1) = ("Acme:Dallas:Press", "Line1");
    let told = |after, limit| -> Vec<String> {
        let metrics = world.ingest.metrics(group, line1, after, limit).unwrap();
        let tell = |metric: &factree_ingest::MetricReport| {
            let alias = world.ingest.metric_alias(group, line1, metric.device.as_deref(), &metric.name);
            assert_eq!(alias, metric.alias);
            format!("{}/{}#{:?}", metric.device.as_deref().unwrap_or_default(), metric.name, metric.alias)
        };
        metrics.iter().map(tell).collect()
    };
    let all = told(None, usize::MAX);
    assert_eq!(
        all,
        [
            "/A#Some(2)",
            "/Z#Some(1)",
            "/bdSeq#None",
            "D1/U#None",
            "D1/V#Some(7)",
            "D2/V#Some(4118749568)",
            "D2/W#Some(1)"
        ]
    );
    assert_eq!(told(None, 3), all[..3]);
    assert_eq!(told(Some(("", "bdSeq")), 3), all[3..6]);
    assert_eq!(told(Some(("D2", "Gone")), 3), all[5..]);
    assert_eq!(world.ingest.metric_alias(group, line1, Some("D3"), "V"), None);
}
