//! Stories of streams: what a reader is told, when, and what it is spared. Time stands still unless everybody waits.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::plant::{self, NOON, Plant};
use factree_http::StreamLimits;
use factree_namespace::{DataType, Kind, Metadata, PathSpec, Place, Source, Timestamp, Value};

const ALL: &str = "filter=%23&fields=value";

fn within(change: impl FnOnce(&mut StreamLimits)) -> Plant {
    let mut limits = StreamLimits::default();
    change(&mut limits);
    Plant::within(factree_ingest::Limits::default(), limits)
}

fn max(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

#[tokio::test(start_paused = true)]
async fn first_what_is_then_what_changes_in_the_shape_of_values() {
    let plant = Plant::new();
    let block = plant.doubles(3);
    let mut reader = plant.follow("filter=Acme/%23").await;
    let snapshot = reader.event().await;
    let values = plant.get("/api/v1/values?filter=Acme/%23").await.json();
    assert_eq!((snapshot.name.as_str(), &snapshot.data), ("snapshot", &values));
    assert_eq!(reader.id.as_deref(), Some("19c13ec9e00-1"));
    assert!(reader.is_silent().await);

    plant.write(&block, &[(0, 1.5), (2, 2.5)]);
    let changes = reader.event().await;
    let values = plant.get("/api/v1/values?filter=Acme/%23").await.json();
    assert_eq!((changes.name.as_str(), changes.samples()), ("changes", vec!["M0=1.5".into(), "M2=2.5".into()]));
    assert_eq!((&changes.data["samples"][1], &changes.data["revision"]), (&values["samples"][2], &2.into()));
    assert_eq!(reader.id.as_deref(), Some("19c13ec9e00-2"));

    let mut writer = plant.namespace.write(&block, Timestamp(NOON + 5000));
    writer.stale_all();
    writer.finish();
    plant.streams.ring();
    let stale = reader.event().await;
    assert_eq!(stale.samples(), ["M0=1.5", "M1=0.0", "M2=2.5"]);
    assert_eq!(stale.data["samples"][1]["quality"], "Stale");
}

#[tokio::test(start_paused = true)]
async fn a_change_goes_out_at_once_and_those_behind_it_together() {
    let plant = Plant::new();
    let block = plant.doubles(2);
    let mut reader = plant.follow(&format!("{ALL}&interval=250")).await;
    reader.whole("snapshot").await;
    let start = tokio::time::Instant::now();
    plant.write(&block, &[(0, 1.0)]);
    assert_eq!(reader.whole("changes").await, ["M0=1.0"]);
    assert_eq!(start.elapsed(), Duration::ZERO);
    plant.write(&block, &[(0, 2.0)]);
    plant.write(&block, &[(0, 3.0), (1, 1.0)]);
    plant.write(&block, &[(0, 4.0)]);
    assert_eq!(reader.whole("changes").await, ["M0=4.0", "M1=1.0"]);
    // The timer counts whole milliseconds.
    assert!((250..=251).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_a_reader_does_not_follow_is_no_reason_to_let_it_wait() {
    let plant = Plant::new();
    let block = plant.doubles(2);
    let mut reader = plant.follow("filter=Acme/%2B/%2B/%2B/%2B/M0&fields=value&interval=250").await;
    assert_eq!(reader.whole("snapshot").await, ["M0=0.0"]);
    let start = tokio::time::Instant::now();
    for value in [1.0, 2.0, 3.0] {
        plant.write(&block, &[(1, value)]);
        assert!(reader.is_silent().await);
    }
    let waited = start.elapsed();
    plant.write(&block, &[(0, 1.0)]);
    assert_eq!(reader.whole("changes").await, ["M0=1.0"]);
    assert_eq!(start.elapsed(), waited);
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_ten_thousand_metrics_comes_once_and_in_pages() {
    let plant = Plant::new();
    let block = plant.doubles(10_000);
    let mut reader = plant.follow("filter=%23").await;
    assert_eq!(reader.whole("snapshot").await.len(), 10_000);
    for round in 1..=5 {
        plant.write(&block, &(0..10_000).map(|slot| (slot, f64::from(round))).collect::<Vec<_>>());
    }
    let mut told = Vec::new();
    loop {
        let page = reader.event().await;
        assert!(page.bytes < (64 << 10) + 1000, "{}", page.bytes);
        told.extend(page.samples());
        if !page.more() {
            break;
        }
    }
    let expected: Vec<String> = (0..10_000).map(|slot| format!("M{slot}=5.0")).collect();
    assert_eq!(told, expected);
    assert!(reader.is_silent().await);
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_is_told_what_it_missed_and_nothing_else() {
    let plant = Plant::new();
    let block = plant.doubles(4);
    let mut reader = plant.follow(ALL).await;
    reader.whole("snapshot").await;
    plant.write(&block, &[(0, 1.0)]);
    reader.whole("changes").await;
    let last = reader.id.clone();
    drop(reader);
    plant.write(&block, &[(1, 2.0)]);
    plant.write(&block, &[(1, 3.0), (2, 3.0)]);
    let mut back = plant.resume(ALL, last.as_deref()).await;
    assert_eq!(back.whole("changes").await, ["M1=3.0", "M2=3.0"]);
    assert!(back.is_silent().await);
    plant.write(&block, &[(3, 4.0)]);
    assert_eq!(back.whole("changes").await, ["M3=4.0"]);

    let mut idle = plant.resume(ALL, back.id.as_deref()).await;
    assert!(idle.is_silent().await, "nothing was missed");
    let since = last.unwrap();
    let mut asked = plant.follow(&format!("{ALL}&since={since}")).await;
    assert_eq!(asked.whole("changes").await, ["M1=3.0", "M2=3.0", "M3=4.0"], "curl has no Last-Event-ID");
    let mut both = plant.resume(&format!("{ALL}&since={since}"), back.id.as_deref()).await;
    assert!(both.is_silent().await, "what a browser saw last is later than what its page began with");
}

#[tokio::test(start_paused = true)]
async fn a_position_that_means_nothing_here_gets_a_snapshot_and_is_told_so() {
    let plant = Plant::new();
    plant.doubles(1);
    for (id, reason) in [
        ("19c13ec9e01-1", "other_process"),
        ("19c13ec9e00-2", "unknown_position"),
        ("4711", "unknown_position"),
        ("\u{1F9ED}", "unknown_position"),
        ("__proto__", "unknown_position"),
    ] {
        let mut reader = plant.resume(ALL, Some(id)).await;
        let told = reader.event().await;
        assert_eq!((told.name.as_str(), &told.data["reason"]), ("reread", &reason.into()), "{id}");
        assert_eq!(reader.whole("snapshot").await, ["M0=0.0"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_does_not_read_is_told_the_latest_when_it_does() {
    let plant = Plant::new();
    let block = plant.doubles(2);
    let (mut slow, mut fast) = (plant.follow(ALL).await, plant.follow(ALL).await);
    slow.whole("snapshot").await;
    fast.whole("snapshot").await;
    for round in 1..=100 {
        plant.write(&block, &[(round % 2, f64::from(round))]);
        assert_eq!(fast.whole("changes").await.len(), 1);
    }
    assert_eq!(slow.whole("changes").await, ["M0=100.0", "M1=99.0"]);
    assert!(slow.is_silent().await);
    plant.write(&block, &[(0, 101.0)]);
    assert_eq!(
        (slow.whole("changes").await, fast.whole("changes").await),
        (vec!["M0=101.0".into()], vec!["M0=101.0".into()])
    );
    assert_eq!(plant.streams.stats().looks, 1, "for the one time that it was behind");
}

/// HT10: however many they are and however much changes, it is rendered once for all and kept for none: what the first is told when
/// he reads at last is what everything is by then.
#[tokio::test(start_paused = true)]
async fn a_thousand_readers_that_never_read_have_nothing_kept_for_them() {
    let plant = within(|limits| limits.streams_max = max(1_000));
    let block = plant.doubles(10);
    let mut readers = Vec::new();
    for _ in 0..1_000 {
        let mut reader = plant.follow(&format!("{ALL}&interval=10")).await;
        assert_eq!(reader.whole("snapshot").await.len(), 10);
        readers.push(reader);
    }
    let before = plant.streams.stats();
    for round in 1..=1_000 {
        plant.write(&block, &(0..10).map(|slot| (slot, f64::from(round))).collect::<Vec<_>>());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let after = plant.streams.stats();
    assert_eq!((after.events_bytes, after.looks), (before.events_bytes, before.looks));
    assert!((1..=1_000).contains(&(after.frames - before.frames)), "{after:?}");
    let event = readers[0].event().await;
    assert_eq!((event.name.as_str(), event.samples().len()), ("changes", 10));
    assert!(event.samples().iter().all(|sample| sample.ends_with("=1000.0")) && event.bytes < 256 << 10, "{event:?}");
}

#[tokio::test(start_paused = true)]
async fn readers_of_the_same_share_what_is_rendered() {
    let plant = Plant::new();
    let block = plant.doubles(1);
    let mut readers = Vec::new();
    for _ in 0..50 {
        let mut reader = plant.follow(ALL).await;
        reader.whole("snapshot").await;
        readers.push(reader);
    }
    let mut other = plant.follow("filter=Acme/%23&fields=value").await;
    other.whole("snapshot").await;
    for value in [1.0, 2.0] {
        plant.write(&block, &[(0, value)]);
        for reader in &mut readers {
            reader.whole("changes").await;
        }
        other.whole("changes").await;
    }
    let stats = plant.streams.stats();
    assert_eq!((stats.feeds, stats.frames, stats.looks), (2, 4, 0));
    assert_eq!(stats.streams, [("sse", 51), ("websocket", 0)]);
    assert_eq!(stats.events, [("snapshot", 51), ("changes", 102), ("reread", 0)]);
    drop(readers);
    drop(other);
    assert_eq!((plant.streams.stats().feeds, plant.streams.stats().streams[0].1), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_born_while_somebody_follows_is_told_and_so_is_what_goes() {
    let plant = Plant::new();
    let first = plant.doubles(1);
    let mut reader = plant.follow(ALL).await;
    assert_eq!(reader.whole("snapshot").await, ["M0=0.0"]);
    let topic = Source::Topic { topic: "Other".into() };
    plant.add(topic, &[], &Metadata::default(), &[("Other", DataType::Int32, Value::Int(1))]);
    plant.streams.ring();
    assert_eq!(reader.whole("changes").await, ["Other=1"]);

    let root = plant.namespace.read().find("Acme/Dallas/Press/Line1/Robot3").unwrap();
    let origin = plant.namespace.origin(&first, plant::robot3(), root).unwrap();
    let place = |path: &str| {
        let path = PathSpec::Below(path);
        let (kind, datatype, metadata) = (Kind::Metric, DataType::Double, &Metadata::default());
        plant.namespace.place(&first, &Place { slot: 0, origin, path, kind, datatype, metadata }).unwrap();
    };
    place("Renamed");
    plant.write(&first, &[(0, 7.0)]);
    let moved = reader.event().await;
    assert_eq!(moved.samples(), ["Renamed=7.0"]);
    assert_eq!(moved.data["removed"], serde_json::json!(["Acme/Dallas/Press/Line1/Robot3/M0"]));

    let behind = reader.id.clone();
    (0..5000).for_each(|number| place(&format!("N{number}")));
    plant.write(&first, &[(0, 8.0)]);
    for reader in [&mut reader, &mut plant.resume(ALL, behind.as_deref()).await] {
        let told = reader.event().await;
        assert_eq!((told.name.as_str(), &told.data["reason"]), ("reread", &"too_far_behind".into()));
        assert_eq!(reader.whole("snapshot").await, ["N4999=8.0", "Other=1"]);
    }
}

#[tokio::test(start_paused = true)]
async fn several_filters_are_one_stream_and_nothing_comes_twice() {
    let plant = Plant::new();
    let block = plant.doubles(300);
    let mut reader =
        plant.follow("filter=Acme/%2B/Press/Line1/Robot3/M7&filter=Nowhere/%23&filter=Acme/%23&fields=value").await;
    let told = reader.whole("snapshot").await;
    assert_eq!((told.len(), told[0].as_str()), (300, "M7=0.0"), "filter by filter, each by name");
    plant.write(&block, &[(7, 1.0), (8, 1.0)]);
    assert_eq!(reader.whole("changes").await, ["M7=1.0", "M8=1.0"]);
}

#[tokio::test(start_paused = true)]
async fn fields_are_the_members_asked_for_beside_the_path() {
    let plant = Plant::new();
    plant.doubles(1);
    let path = "Acme/Dallas/Press/Line1/Robot3/M0";
    for (fields, sample) in [
        ("value,path", serde_json::json!({"path": path, "value": 0.0})),
        (
            "quality,timestamp",
            serde_json::json!({"path": path, "quality": "Good", "timestamp": "2026-01-31T12:00:00.000Z"}),
        ),
        ("revision,unit", serde_json::json!({"path": path, "revision": 1})),
        ("path", serde_json::json!({"path": path})),
    ] {
        let mut reader = plant.follow(&format!("filter=%23&fields={fields}")).await;
        assert_eq!(reader.event().await.data["samples"][0], sample);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_with_nothing_to_say_says_that_it_is_there() {
    let plant = Plant::new();
    let mut reader = plant.follow("filter=Nowhere").await;
    let start = tokio::time::Instant::now();
    assert_eq!(reader.whole("snapshot").await, [""; 0]);
    assert_eq!(reader.text().await.unwrap(), ": heartbeat\n\n");
    assert_eq!(start.elapsed().as_secs(), 15);
}

#[tokio::test(start_paused = true)]
async fn streams_end_when_the_server_does_and_no_new_ones_begin() {
    let plant = Plant::new();
    plant.doubles(1000);
    let (mut live, mut busy) = (plant.follow(ALL).await, plant.follow(ALL).await);
    live.whole("snapshot").await;
    busy.event().await;
    plant.streams.close();
    assert_eq!((live.text().await, busy.text().await), (None, None));
    drop((live, busy));
    plant.streams.all_closed().await;
    assert_eq!(
        plant.get(&format!("/api/v1/stream?{ALL}")).await.problem()["type"],
        "urn:factree:problem:too-many-streams"
    );
}

#[tokio::test(start_paused = true)]
async fn there_are_so_many_streams_and_no_more() {
    let plant = within(|limits| limits.streams_max = max(2));
    let first = plant.follow(ALL).await;
    let _second = plant.follow("filter=Acme").await;
    let refused = plant.get(&format!("/api/v1/stream?{ALL}")).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "5"));
    assert!(refused.problem()["detail"].as_str().unwrap().contains("streams_max"));
    drop(first);
    let _third = plant.follow(ALL).await;

    let plant = within(|limits| limits.feeds_max = max(1));
    let first = plant.follow(ALL).await;
    let _same = plant.follow(ALL).await;
    let refused = plant.get("/api/v1/stream?filter=Other").await.problem();
    assert!(refused["detail"].as_str().unwrap().contains("feeds_max"));
    assert_eq!((plant.streams.stats().refused, plant.streams.stats().streams[0].1), (1, 2));
    drop((first, _same));
    let _other = plant.follow("filter=Other").await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_followed_is_refused_with_the_reason() {
    let plant = within(|limits| limits.filters_per_stream_max = max(3));
    let many = ["filter=a"; 6_000].join("&");
    for (query, kind, detail) in [
        ("", "bad-parameter", "say what to follow with ?filter="),
        ("filter=", "bad-filter", "'': the filter is empty"),
        ("filter=Acme/%23&filter=Acme/%23/x", "bad-filter", "'Acme/#/x': '#' must be the last segment"),
        ("filter=Acme/", "bad-filter", "unless written %23"),
        ("filter=%ff", "bad-parameter", "UTF-8"),
        (many.as_str(), "bad-parameter", "1 to 3 filters (filters_per_stream_max)"),
        ("filter=a&interval=9", "bad-parameter", "from 10 to 60000"),
        ("filter=a&interval=60001", "bad-parameter", "from 10 to 60000"),
        ("filter=a&interval=10&interval=10", "bad-parameter", "comes twice"),
        (
            "filter=a&fields=value,__proto__",
            "bad-parameter",
            "'__proto__' is no member of a sample; it takes value, quality",
        ),
        ("filter=a&since=4711", "bad-parameter", "'4711' is no position"),
        ("filter=a&cursor=4711", "bad-parameter", "it takes filter, interval, fields, since"),
    ] {
        let answer = plant.get(&format!("/api/v1/stream?{query}")).await;
        let problem = answer.problem();
        assert_eq!(answer.status.as_u16(), 400);
        assert_eq!(problem["type"], format!("urn:factree:problem:{kind}"), "{query}");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{query}: {problem}");
        assert!(answer.body.len() < 1000);
    }
    assert_eq!(plant.streams.stats().streams[0].1, 0, "who is refused leaves nothing behind");
}

#[tokio::test(start_paused = true)]
async fn heavy_values_make_pages_of_one_sample_and_lose_none() {
    let plant = Plant::new();
    let text = Value::String("x".repeat(1 << 20).into());
    let names: Vec<String> = (0..5).map(|number| format!("M{number}")).collect();
    let cells: Vec<_> = names.iter().map(|name| (name.as_str(), DataType::Text, text.clone())).collect();
    let block = plant.robot(&cells);
    let mut reader = plant.follow("filter=%23&fields=value").await;
    assert_eq!(reader.whole("snapshot").await.len(), 5);
    let mut writer = plant.namespace.write(&block, Timestamp(NOON));
    writer.stale_all();
    writer.finish();
    plant.streams.ring();
    let pages = [reader.event().await, reader.event().await];
    assert!(pages.iter().all(|page| page.samples().len() == 1 && page.more()));
    assert_eq!(reader.whole("changes").await.len(), 3);
}
