//! Stories of restarts: what a plant finds again after the process that served it is gone.

use crate::world::{self, EPOCH, World};
use factree_ingest::{
    Birth, Budget, Limits, Liveness, Mark, More, Output, Placement, Record, SessionKey, Table, Timestamp,
};
use factree_namespace::{Bound, Level, Quality, Source};
use factree_sparkplug as sparkplug;
use std::time::Duration;

/// An Edge Node with a device, data on both, and a plain topic.
fn plant() -> World {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · Uptime#1:Int64=1 Mode#9:String=Auto");
    world.says("DBIRTH/Robot3 seq=1 · Axis/1/Temperature#2:Double=21.5 State#3:String=Idle");
    world.says("DDATA/Robot3 seq=2 · #2=22.0 #3=Running");
    world.says("NDATA seq=3 · #1:Int64=2");
    world.publish(7, "Acme/Dallas/Order", br#"{"order":"PO-1","quantity":{"value":5,"unit":"pcs"}}"#);
    world
}

#[test]
fn after_a_restart_the_tree_is_as_it_was_and_says_that_it_is_old() {
    let mut world = plant();
    world.saves();
    let elements = world.namespace.read().element_count();
    assert_eq!(world.restarts(), [""; 0]);
    assert_eq!(
        world.shows("#"),
        "Acme/Dallas/Order/order = \"PO-1\" (Stale)\n\
         Acme/Dallas/Order/quantity = 5 (Stale)\n\
         Acme/Dallas/Press/Line1/Mode = \"Auto\" (Stale)\n\
         Acme/Dallas/Press/Line1/Robot3/Axis/1/Temperature = 22.0 (Stale)\n\
         Acme/Dallas/Press/Line1/Robot3/State = \"Running\" (Stale)\n\
         Acme/Dallas/Press/Line1/Uptime = 2 (Stale)\n\
         Acme/Dallas/Press/Line1/bdSeq = 0 (Stale)\n"
    );
    assert_eq!(world.namespace.read().element_count(), elements);
    assert_eq!(world.events(), [""; 0], "no finding, no rebirth request, no news");
    let report = world.ingest.edge_node("Acme:Dallas:Press", "Line1").unwrap();
    assert_eq!((report.liveness, report.bd_seq, report.next_seq), (Liveness::Restored, Some(0), None));
    assert_eq!(report.born.unwrap().0, EPOCH, "the birth is as old as it is");
    assert_eq!(report.since.0, EPOCH + 3_600_000, "that it is offline is known since the restart");
    assert_eq!(report.devices[0].liveness, Liveness::Restored);

    let view = world.namespace.read();
    let temperature = view.find("Acme/Dallas/Press/Line1/Robot3/Axis/1/Temperature").unwrap();
    let sample = view.sample(temperature).unwrap();
    assert_eq!((sample.timestamp.0, sample.received.0), (EPOCH, EPOCH), "both times are those it had");
    assert!(sample.revision > factree_namespace::Revision::ZERO);
    let (source, metric) = view.source(temperature).unwrap();
    assert!(matches!(source, Source::Sparkplug { device: Some(device), .. } if &*device == "Robot3"));
    assert_eq!(metric, "Axis/1/Temperature");
    assert_eq!(view.level(view.find("Acme/Dallas/Press/Line1").unwrap()), Some(Level::WorkCenter));
    let quantity = view.find("Acme/Dallas/Order/quantity").unwrap();
    assert_eq!(view.metadata(quantity).unwrap().unit.as_deref(), Some("pcs"));
    assert!(matches!(view.source(quantity).unwrap().0, Source::Topic { topic } if &*topic == "Acme/Dallas/Order"));
}

#[test]
fn an_edge_node_that_comes_back_finds_everything_where_it_left_it() {
    let mut world = plant();
    world.saves();
    world.restarts();
    let find = |world: &World| {
        let view = world.namespace.read();
        ["Uptime", "Robot3/Axis/1/Temperature"].map(|name| view.find(&format!("Acme/Dallas/Press/Line1/{name}")))
    };
    let (elements, count) = (find(&world), world.namespace.read().element_count());
    world.says("@4 NBIRTH seq=0 bdSeq=1 · Uptime#1:Int64=10 Mode#9:String=Auto");
    world.says("@4 DBIRTH/Robot3 seq=1 · Axis/1/Temperature#2:Double=30.5 State#3:String=Idle");
    world.says("@4 DDATA/Robot3 seq=2 · #2=31.0");
    assert_eq!((find(&world), world.namespace.read().element_count()), (elements, count));
    assert_eq!(
        world.shows("Acme/Dallas/Press/#"),
        "Acme/Dallas/Press/Line1/Mode = \"Auto\"\n\
         Acme/Dallas/Press/Line1/Robot3/Axis/1/Temperature = 31.0\n\
         Acme/Dallas/Press/Line1/Robot3/State = \"Idle\"\n\
         Acme/Dallas/Press/Line1/Uptime = 10\n\
         Acme/Dallas/Press/Line1/bdSeq = 1\n"
    );
    let events = world.events();
    assert!(
        events.contains(&"born Line1 with 3".to_owned()) && events.contains(&"born Line1/Robot3 with 2".to_owned())
    );
    assert!(
        !events.iter().any(|event| event.starts_with("publish") || event.contains("bdseq-increment")),
        "{events:?}"
    );
    world.publish(8, "Acme/Dallas/Order", br#"{"order":"PO-2"}"#);
    assert_eq!(
        world.shows("Acme/Dallas/Order/#"),
        "Acme/Dallas/Order/order = \"PO-2\"\nAcme/Dallas/Order/quantity = 5 (Stale)\n",
        "the next message of a plain topic says what still holds"
    );
}

#[test]
fn an_edge_node_that_does_not_know_of_the_restart_is_adopted_and_not_asked() {
    let mut world = plant();
    world.saves();
    world.restarts();
    // The will of the connection that our end cut off.
    world.says("@0 NDEATH bdSeq=0");
    assert_eq!(liveness(&world), Liveness::Restored);
    world.connects(4, "gateway");
    world.says("@4 NDATA seq=9 · #1:Int64=3");
    world.says("@4 DDATA/Robot3 seq=10 · #2=31.0");
    world.says("@4 NDATA seq=11 · #1:Int64=4");
    assert_eq!(
        world.events(),
        [
            "finding tck-id-principles-birth-certificates-order",
            "adopted Line1 of gateway",
            "finding tck-id-payloads-metric-datatype-not-req",
            "adopted Line1/Robot3 of gateway",
        ]
    );
    assert_eq!(
        world.shows("Acme/Dallas/Press/#"),
        "Acme/Dallas/Press/Line1/Mode = \"Auto\" (Stale)\n\
         Acme/Dallas/Press/Line1/Robot3/Axis/1/Temperature = 31.0\n\
         Acme/Dallas/Press/Line1/Robot3/State = \"Running\" (Stale)\n\
         Acme/Dallas/Press/Line1/Uptime = 4\n\
         Acme/Dallas/Press/Line1/bdSeq = 0 (Stale)\n",
        "what has not spoken since may have changed while nobody listened"
    );
    let report = world.ingest.edge_node("Acme:Dallas:Press", "Line1").unwrap();
    assert_eq!((report.liveness, report.next_seq), (Liveness::Online, Some(12)));
    assert_eq!(report.client_id.as_deref(), Some("gateway"));
    assert_eq!(report.devices[0].liveness, Liveness::Online);
    world.session_ends(4);
    assert_eq!(world.events(), ["died Line1: its MQTT session ended"], "it has a session that can end again");
    assert_eq!(liveness(&world), Liveness::Offline);
}

#[test]
fn over_an_attachment_births_may_have_been_missed_so_whoever_goes_on_is_asked() {
    let mut world = plant();
    world.restarts();
    let session = factree_ingest::SessionKey::attached(3, 1);
    world.says(&format!("@{} DDATA/Robot3 seq=9 · #2=31.0", session.0));
    let said = std::mem::take(&mut world.said);
    let Output::Publish(message) = &said[0] else { panic!("{said:?}") };
    assert_eq!((&*message.topic, message.session), ("spBv1.0/Acme:Dallas:Press/NCMD/Line1", Some(session)));
    assert_eq!(liveness(&world), Liveness::Restored);
    assert!(world.shows("Acme/Dallas/Press/Line1/Robot3/Axis/#").contains("21.5 (Stale)"));
}

#[test]
fn one_that_has_come_back_and_has_nothing_to_report_can_be_asked_wherever_it_may_be() {
    let mut world = plant();
    world.restarts();
    world.ingest.attach(2);
    let mut out = Vec::new();
    assert_eq!(world.ingest.wish_rebirth(world.now(), "Acme:Dallas:Press", "Line1", &mut out), Ok(()));
    let asked = out.iter().filter_map(|output| match output {
        Output::Publish(message) => Some((&*message.topic, message.session)),
        _ => None,
    });
    let (ncmd, there) = ("spBv1.0/Acme:Dallas:Press/NCMD/Line1", |number| Some(SessionKey::any_to(number)));
    assert_eq!(asked.collect::<Vec<_>>(), [(ncmd, there(0)), (ncmd, there(1)), (ncmd, None)]);
    // Once it has spoken, everybody knows where it is.
    world.elapsed += Duration::from_secs(5);
    world.says(&format!("@{} DDATA/Robot3 seq=9 · #2=31.0", SessionKey::attached(1, 1).0));
    world.elapsed += Duration::from_secs(10);
    out.clear();
    assert_eq!(world.ingest.wish_rebirth(world.now(), "Acme:Dallas:Press", "Line1", &mut out), Ok(()));
    assert!(matches!(&out[..], [Output::Publish(message), Output::Event(_)] if message.session == there(1)));
}

fn liveness(world: &World) -> Liveness {
    world.ingest.edge_node("Acme:Dallas:Press", "Line1").unwrap().liveness
}

#[test]
fn after_a_restart_the_newest_birth_decides_what_there_is() {
    let mut world = plant();
    world.says("NBIRTH seq=0 bdSeq=0 · Uptime#1:Int64=1");
    world.restarts();
    assert_eq!(world.shows("Acme/Dallas/Press/Line1/Mode"), "Acme/Dallas/Press/Line1/Mode = \"Auto\" (gone)\n");
    world.says("@4 NBIRTH seq=0 bdSeq=1 · Other#1:Int64=1");
    assert!(world.shows("Acme/Dallas/Press/Line1/Uptime").contains("gone"), "it was in the birth before");
}

#[test]
fn without_saved_samples_the_births_own_values_are_the_last_known() {
    let mut world = plant();
    assert_eq!(world.restarts(), [""; 0]);
    assert_eq!(
        world.shows("Acme/Dallas/Press/Line1/Robot3/#"),
        "Acme/Dallas/Press/Line1/Robot3/Axis/1/Temperature = 21.5 (Stale)\n\
         Acme/Dallas/Press/Line1/Robot3/State = \"Idle\" (Stale)\n"
    );
}

#[test]
fn samples_of_another_birth_never_land_on_its_metrics() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · A#1:Int32=1 B#2:Int32=2");
    world.says("NDATA seq=1 · #1:Int32=11 #2:Int32=22");
    world.saves();
    // Born again in another order, and gone before the next save.
    world.elapsed += std::time::Duration::from_millis(1);
    world.says("NBIRTH seq=0 bdSeq=0 · B#1:Int32=3 A#2:Int32=4");
    assert_eq!(world.restarts(), ["Samples: the samples belong to another birth than the one in force"]);
    assert_eq!(
        world.shows("#"),
        "Acme/Dallas/Press/Line1/A = 4 (Stale)\n\
         Acme/Dallas/Press/Line1/B = 3 (Stale)\n\
         Acme/Dallas/Press/Line1/bdSeq = 0 (Stale)\n"
    );
    assert_eq!((world.ingest.stats().records_restored, world.ingest.stats().records_rejected), (1, 1));
}

#[test]
fn a_birth_is_kept_byte_for_byte_and_a_later_one_takes_its_place() {
    let mut world = plant();
    world.elapsed += std::time::Duration::from_secs(1);
    world.says("NBIRTH seq=0 bdSeq=0 · Other:Int32=1");
    let births: Vec<Birth<'_>> = world.births.iter().map(|(key, value)| Birth::read(key, value).unwrap()).collect();
    let told: Vec<String> = births.iter().map(|birth| birth.topic.to_string()).collect();
    assert_eq!(told, ["spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", "spBv1.0/Acme:Dallas:Press/DBIRTH/Line1/Robot3"]);
    assert_eq!(births[0].received, Timestamp(EPOCH + 1_000));
    let expected = sparkplug::encode::PayloadBuilder::at(Timestamp(EPOCH + 1_000))
        .seq(sparkplug::Seq::ZERO)
        .metric(sparkplug::encode::MetricBuilder::bd_seq(sparkplug::BdSeq::new(0)))
        .metric(world::metric_of("Other:Int32=1"))
        .encode();
    assert_eq!(births[0].payload, expected);
}

#[test]
fn a_birth_there_is_no_room_for_ends_the_one_before() {
    let mut limits = Limits::default();
    limits.sparkplug.birth_bytes_max = 70;
    let mut world = World::with(limits, Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · A:Int32=1");
    assert_eq!(world.births.len(), 1);
    world.says("NBIRTH seq=0 bdSeq=0 · A:Int32=1 MuchLongerThanThat:Int32=1 AndThisOne:Int32=1");
    assert_eq!(world.births.len(), 0, "a birth of before must not pass for this one");
    assert!(world.events().contains(&"finding factree-limit-birth-bytes".to_owned()));
}

#[test]
fn what_no_longer_fits_is_told_and_costs_nothing_else() {
    let mut world = plant();
    world.saves();
    world.limits.sparkplug.devices_per_edge_node_max = 0;
    world.limits.topics_max = 0;
    assert_eq!(
        world.restarts(),
        [
            "Births: the birth is not taken: as many devices as devices_per_edge_node_max are known already",
            "Samples: as many plain topics as topics_max are known already",
            "Samples: the samples' Edge Node or device has no birth",
        ]
    );
    assert_eq!(world.shows("#").lines().count(), 3, "the Edge Node's own metrics are there: {}", world.shows("#"));

    let mut world = plant();
    world.limits.sparkplug.metrics_per_payload_max = 2;
    assert_eq!(
        world.restarts()[..],
        [
            "Births: the birth does not decode: the payload has more metrics than metrics_per_payload_max".to_owned(),
            "Births: the birth is not taken: its Edge Node has no birth".to_owned(),
        ]
    );
}

#[test]
fn samples_are_dropped_where_more_of_the_same_birth_is_taken_in_than_before() {
    let mut limits = Limits::default();
    (limits.sparkplug.metrics_per_edge_node_max, limits.sparkplug.metrics_per_payload_max) = (3, 3);
    let mut world = World::with(limits, Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · A:Int32=1 B:Int32=1");
    world.says("NBIRTH seq=0 bdSeq=0 · X:Int32=2 A:Int32=2");
    world.says("NDATA seq=1 · A:Int32=11");
    assert!(!world.shows("#").contains("/X"), "there was no number left for it");
    world.saves();
    assert_eq!(
        world.restarts(),
        [
            "Samples: the samples belong to another birth than the one in force",
            // B, which was gone.
            "Samples: the birth is not taken: the Edge Node has as many metrics as metrics_per_edge_node_max already",
        ]
    );
    assert_eq!(world.shows("+/+/+/+/X"), "Acme/Dallas/Press/Line1/X = 2 (Stale)\n", "and not A's 11");
}

#[test]
fn every_kind_of_value_comes_back_and_one_too_large_is_known_to_be_missing() {
    let mut world = World::with(Limits { kept_value_bytes_max: 64, ..Limits::default() }, Placement::default());
    let values = [r#""text""#, "[1,[2.5,null],{\"k\":true}]", "-3", "18446744073709551615", "2.5", "true", "null"];
    for (number, value) in values.iter().enumerate() {
        world.publish(1, &format!("v/{number}"), format!(r#"{{"value":{value}}}"#).as_bytes());
    }
    world.publish(1, "v/bytes", b"\xFF\xFE");
    world.publish(1, "v/large", format!(r#"{{"value":"{}","timestamp":5}}"#, "x".repeat(100)).as_bytes());
    let before = world.shows("v/#");
    world.saves();
    assert_eq!(world.restarts(), [""; 0]);
    let large = {
        let view = world.namespace.read();
        view.sample(view.find("v/large").unwrap()).unwrap()
    };
    assert_eq!((large.value, large.timestamp.0), (factree_namespace::Value::Null, 5));
    assert_eq!(large.quality, Quality::Stale);
    let after = world.shows("v/#");
    let (before, after) = (before.replace(" (Bad)", ""), after.replace(" (Stale)", "").replace(" (Bad)", ""));
    let differing: Vec<_> = before.lines().zip(after.lines()).filter(|(before, after)| before != after).collect();
    assert_eq!(differing.len(), 1, "{differing:?}");
    assert_eq!(world.shows("v/bytes"), "v/bytes = Bytes([255, 254]) (Bad)\n", "what was bad stays bad");
}

#[test]
fn only_chunks_with_a_change_are_written_and_a_save_without_any_writes_nothing() {
    let mut world = World::new(Placement::default());
    let metrics: Vec<String> = (0..200).map(|metric| format!("M{metric}#{metric}:Int32={metric}")).collect();
    world.says(&format!("NBIRTH seq=0 · {}", metrics.join(" ")));
    world.publish(1, "a", b"1");
    world.publish(1, "b", b"1");
    assert_eq!(world.saves(), 4 + 2, "200 metrics in chunks of 64, and two topics");
    assert_eq!(world.saves(), 0);
    world.says("NDATA seq=1 · #0:Int32=7 #63:Int32=7 #199:Int32=7");
    world.publish(1, "b", b"2");
    assert_eq!(world.saves(), 2 + 1);
    assert_eq!(world.restarts(), [""; 0]);
    assert_eq!(world.saves(), 0, "the store has nothing to learn from a restart");
    assert_eq!(world.shows("+/+/+/+/M63"), "Acme/Dallas/Press/Line1/M63 = 7 (Stale)\n");
    world.session_ends(1);
    assert_eq!(world.saves(), 0, "it was Stale already");
}

#[test]
fn a_budget_cuts_a_save_short_and_the_next_call_goes_on_where_it_stopped() {
    let mut world = World::new(Placement::default());
    for node in 0..3 {
        let metrics: Vec<String> = (0..130).map(|metric| format!("M{metric}#{metric}:Int32={node}")).collect();
        world.says(&format!("NBIRTH seq=0 · {}", metrics.join(" ")));
        world.says(&format!("DBIRTH/D{node} seq=1 · {}", metrics.join(" ")));
    }
    (0..5).for_each(|topic| world.publish(1, &format!("t/{topic}"), b"1"));
    let (mut mark, mut records, mut calls) = (Mark::default(), Vec::<Record>::new(), 0);
    let budget = Budget { records_max: 2, bytes_max: usize::MAX };
    loop {
        let before = records.len();
        let more = world.ingest.changed_samples(&mut mark, budget, &mut records);
        assert!(records.len() - before <= 2);
        calls += 1;
        if more == More::No {
            break;
        }
    }
    assert!(calls >= records.len() / 2);
    let keys: std::collections::BTreeSet<_> = records.iter().map(|record| record.key.clone()).collect();
    assert_eq!((records.len(), keys.len()), (3 + 3 * 3 + 5, 3 + 3 * 3 + 5), "each chunk once");
    // One record a call at the least, however small the budget.
    let nothing = Budget { records_max: 0, bytes_max: 0 };
    let mut one = Vec::new();
    assert_eq!(world.ingest.changed_samples(&mut Mark::default(), nothing, &mut one), More::Yes);
    assert_eq!(one.len(), 1);
}

#[test]
fn a_change_during_a_save_is_in_it_or_in_the_next_one() {
    let mut world = World::new(Placement::default());
    let metrics: Vec<String> = (0..130).map(|metric| format!("M{metric}#{metric}:Int32=0")).collect();
    world.says(&format!("NBIRTH seq=0 · {}", metrics.join(" ")));
    let (mut mark, mut records) = (Mark::default(), Vec::new());
    let budget = Budget { records_max: 1, bytes_max: usize::MAX };
    assert_eq!(world.ingest.changed_samples(&mut mark, budget, &mut records), More::Yes);
    // Behind the save and ahead of it.
    world.says("NDATA seq=1 · #0:Int32=5 #129:Int32=5");
    let not_stored = mark.clone();
    while world.ingest.changed_samples(&mut mark, Budget::default(), &mut records) == More::Yes {}
    let len = records.len();
    while world.ingest.changed_samples(&mut mark, Budget::default(), &mut records) == More::Yes {}
    assert_eq!(records.len() - len, 2, "both once more: the save began before them");
    mark = not_stored;
    while world.ingest.changed_samples(&mut mark, Budget::default(), &mut records) == More::Yes {}
    world.samples.extend(records.into_iter().map(|record| (record.key, record.value)));
    world.restarts();
    assert_eq!(world.shows("+/+/+/+/M0"), "Acme/Dallas/Press/Line1/M0 = 5 (Stale)\n");
    assert_eq!(world.shows("+/+/+/+/M129"), "Acme/Dallas/Press/Line1/M129 = 5 (Stale)\n");
}

#[test]
fn a_birth_of_fewer_metrics_leaves_no_samples_of_the_old_ones_behind() {
    let mut world = World::new(Placement::default());
    let metrics: Vec<String> = (0..200).map(|metric| format!("M{metric}:Int32=0")).collect();
    world.says(&format!("NBIRTH seq=0 · {}", metrics.join(" ")));
    world.saves();
    assert_eq!(world.samples.len(), 4);
    world.says(&format!("NBIRTH seq=0 · {}", metrics[..65].join(" ")));
    assert_eq!(world.samples.len(), 2 + 135, "and one for each that is gone");
    world.saves();
    assert_eq!(world.restarts(), [""; 0]);
    assert_eq!(world.shows("#").lines().count(), 200);
    world.says(&format!("NBIRTH seq=0 · {}", metrics.join(" ")));
    assert_eq!(world.samples.len(), 2, "all are back");
}

#[test]
fn a_missing_record_of_a_large_topic_costs_its_fields_and_no_others() {
    let mut world = World::new(Placement::default());
    let document = |fields: std::ops::Range<u32>, value: u32| {
        let fields: Vec<String> = fields.map(|field| format!(r#""f{field:03}":{value}"#)).collect();
        format!("{{{}}}", fields.join(","))
    };
    world.publish(1, "large", document(0..150, 1).as_bytes());
    world.saves();
    let first = world.samples.keys().next().unwrap().clone();
    assert_eq!((world.samples.len(), first.last()), (3, Some(&0)));
    world.samples.remove(&first);
    assert_eq!(world.restarts(), [""; 0]);
    assert_eq!(world.shows("large/#").lines().count(), 150 - 64);
    // The fields have other numbers now, so what is in the store overlaps until all of it is written anew.
    world.publish(1, "large", document(100..101, 2).as_bytes());
    assert!(world.saves() >= 2);
    world.publish(1, "large", document(140..141, 3).as_bytes());
    world.saves();
    assert_eq!(world.restarts(), [""; 0]);
    assert_eq!(world.shows("large/f100"), "large/f100 = 2 (Stale)\n");
    assert_eq!(world.shows("large/f140"), "large/f140 = 3 (Stale)\n");
    assert_eq!(world.shows("large/#").lines().count(), 150 - 64);
}

#[test]
fn damaged_records_cost_themselves() {
    let mut world = plant();
    world.saves();
    let (births, samples) = (world.births.clone(), world.samples.clone());
    for (table, records) in [(Table::Births, &births), (Table::Samples, &samples)] {
        for (key, value) in records {
            for cut in 0..value.len() {
                let mut fresh = World::new(Placement::default());
                let now = fresh.now();
                if table == Table::Samples {
                    births.iter().for_each(|(key, value)| {
                        fresh.ingest.restore(now, Table::Births, key, value).unwrap();
                    });
                }
                let before = fresh.shows("#");
                let restored = fresh.ingest.restore(now, table, key, &value[..cut]);
                if restored.is_err() {
                    assert_eq!(fresh.shows("#"), before, "half a record is none");
                }
                let mut flipped = value.to_vec();
                flipped[cut] ^= 0x41;
                // Whatever it says now, it is read or refused.
                let _: Result<_, _> = fresh.ingest.restore(now, table, key, &flipped);
            }
        }
    }
}

#[test]
fn what_a_plain_value_says_of_its_element_outlives_the_process() {
    let mut world = World::new(Placement::default());
    world.publish(
        1,
        "Acme/Oil",
        r#"{"value":3,"unit":"bar","description":"Oil\u001fpressure","low":0.5,"max":16}"#.as_bytes(),
    );
    world.publish(1, "Acme/Oil", br#"{"value":4,"unit":"bar"}"#);
    world.publish(1, "Acme/Range", br#"{"value":4,"high":9}"#);
    world.saves();
    let shown = |world: &World, path: &str| {
        let view = world.namespace.read();
        let about = view.metadata(view.find(path).unwrap()).unwrap();
        let (unit, description) = (about.unit.clone(), about.description.clone());
        format!("{unit:?} {description:?} {:?} {:?}", about.low.map(Bound::get), about.high.map(Bound::get))
    };
    assert_eq!(shown(&world, "Acme/Oil"), "Some(\"bar\") Some(\"Oil\\u{1f}pressure\") Some(0.5) Some(16.0)");
    assert!(world.restarts().is_empty());
    assert_eq!(shown(&world, "Acme/Oil"), "Some(\"bar\") Some(\"Oil pressure\") Some(0.5) Some(16.0)");
    assert_eq!(shown(&world, "Acme/Range"), "None None None Some(9.0)");
    assert_eq!(world.shows("Acme/#"), "Acme/Oil = 4 (Stale)\nAcme/Range = 4 (Stale)\n");
}
