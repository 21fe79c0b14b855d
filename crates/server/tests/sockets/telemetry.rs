//! What the server says of itself: `$SYS` as mosquitto's dashboards know it, `/metrics` as Prometheus reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};

use factree_mqtt::{
    Connect, Decoded, Limits, Packet, PacketId, ProtocolVersion, Publish, QoS, Subscribe, SubscribeRequest, TopicName,
    decode, encode,
};
use prometheus_parse::{Scrape, Value};

use crate::plant::Plant;

const V311: ProtocolVersion = ProtocolVersion::V311;

/// What a subscriber is told: topics, payloads, retain flags; until `enough`.
fn heard(
    plant: &Plant,
    filters: &[&str],
    mut enough: impl FnMut(&[(String, String, bool)]) -> bool,
) -> Vec<(String, String, bool)> {
    let mut stream = plant.socket();
    let requests: Vec<_> = filters.iter().map(|filter| SubscribeRequest::new(filter, QoS::AtMostOnce)).collect();
    let mut bytes = Vec::new();
    encode(V311, &Packet::Connect(Connect::new(V311, "watcher")), &mut bytes);
    encode(V311, &Packet::Subscribe(Subscribe::new(PacketId::new(1).unwrap(), &*requests)), &mut bytes);
    stream.write_all(&bytes).unwrap();
    let (mut received, mut chunk, mut heard) = (Vec::new(), [0; 4096], Vec::new());
    while !enough(&heard) {
        let len = stream.read(&mut chunk).unwrap();
        assert!(len > 0, "closed");
        received.extend_from_slice(&chunk[..len]);
        let mut consumed = 0;
        while let Ok(Decoded::Packet { packet, len }) = decode(V311, &received[consumed..], &Limits::default()) {
            if let Packet::Publish(publish) = packet {
                let text = String::from_utf8(publish.payload.to_vec()).unwrap();
                heard.push((publish.topic.unwrap().as_str().to_owned(), text, publish.retain));
            }
            consumed += len;
        }
        received.drain(..consumed);
    }
    heard
}

/// The topics that Debian's mosquitto 2.0.11 publishes, but for `heap/…`: we do not count our allocations.
const MOSQUITTO: &str = "
    bytes/received bytes/sent clients/active clients/connected clients/disconnected clients/expired clients/inactive
    clients/maximum clients/total messages/received messages/sent messages/stored publish/bytes/received
    publish/bytes/sent publish/messages/dropped publish/messages/received publish/messages/sent retained_messages/count
    shared_subscriptions/count store/messages/bytes store/messages/count subscriptions/count uptime version
    load/bytes/received/* load/bytes/sent/* load/connections/* load/messages/received/* load/messages/sent/*
    load/publish/dropped/* load/publish/received/* load/publish/sent/* load/sockets/*";

#[test]
fn sys_topics_are_retained_under_mosquittos_names_in_its_form() {
    let plant = Plant::configured("[mqtt]\nsys_interval = \"1 s\"");
    let expected: BTreeSet<String> = MOSQUITTO
        .split_whitespace()
        .flat_map(|name| match name.strip_suffix('*') {
            Some(load) => ["1min", "5min", "15min"].map(|over| format!("{load}{over}")).to_vec(),
            None => vec![name.replace("retained_messages", "retained messages")],
        })
        .map(|name| format!("$SYS/broker/{name}"))
        .collect();
    let told = heard(&plant, &["$SYS/#"], |heard| heard.iter().any(|(topic, ..)| topic.ends_with("sockets/15min")));
    let topics: BTreeSet<String> = told.iter().map(|(topic, ..)| topic.clone()).collect();
    assert_eq!(topics, expected);
    for (topic, text, _) in &told {
        let fits = match topic.as_str() {
            "$SYS/broker/version" => text.starts_with("factree version "),
            "$SYS/broker/uptime" => text.strip_suffix(" seconds").is_some_and(|number| number.parse::<u64>().is_ok()),
            load if load.contains("/load/") => {
                text.parse::<f64>().is_ok() && text.split_once('.').is_some_and(|(_, behind)| behind.len() == 2)
            }
            _ => text.parse::<u64>().is_ok(),
        };
        assert!(fits, "{topic} {text}");
    }
}

#[test]
fn what_changes_below_sys_is_said_again_and_a_subscription_to_all_never_hears_it() {
    let plant = Plant::configured("[mqtt]\nsys_interval = \"1 s\"\n[sparkplug]\npublish_state = false");
    let told = heard(&plant, &["$SYS/broker/uptime", "#", "+/broker/#"], |heard| {
        heard.iter().filter(|(_, _, retain)| !retain).count() >= 2
    });
    assert!(told.iter().all(|(topic, ..)| topic == "$SYS/broker/uptime"), "{told:?}");
    assert!(told.windows(2).all(|pair| pair[0].1 != pair[1].1), "only what has changed: {told:?}");
    assert_eq!(plant.sample("$SYS/broker/uptime"), None, "they are not in the tree");
}

#[test]
fn without_an_interval_nothing_is_said_below_sys() {
    let plant = Plant::configured("[mqtt]\nsys_interval = \"0 s\"");
    let mut stream = plant.socket();
    let mut bytes = Vec::new();
    encode(V311, &Packet::Connect(Connect::new(V311, "a")), &mut bytes);
    let requests = [SubscribeRequest::new("$SYS/#", QoS::AtMostOnce)];
    encode(V311, &Packet::Subscribe(Subscribe::new(PacketId::new(1).unwrap(), &requests)), &mut bytes);
    encode(V311, &Packet::PingReq, &mut bytes);
    stream.write_all(&bytes).unwrap();
    let mut answers = [0; 4 + 5 + 2];
    stream.read_exact(&mut answers).unwrap();
    assert_eq!(answers[9..], [0xd0, 0x00], "the pong follows the SUBACK with no message between");
}

fn text(plant: &Plant, target: &str) -> (String, String) {
    let mut stream = std::net::TcpStream::connect(plant.http).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", plant.http).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

pub(crate) fn metrics(plant: &Plant) -> BTreeMap<String, f64> {
    let (head, body) = text(plant, "/metrics");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/plain; version=0.0.4"), "{head}");
    let scrape = Scrape::parse(body.lines().map(|line| Ok(line.to_owned()))).unwrap();
    let samples = scrape.samples.into_iter().map(|sample| {
        let labels: Vec<String> = sample.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let (Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value)) = sample.value else {
            panic!("{} is neither counter nor gauge", sample.metric);
        };
        (format!("{} {}", sample.metric, labels.join(",")).trim().to_owned(), value)
    });
    let (mut all, mut count) = (BTreeMap::new(), 0);
    samples.for_each(|(name, value)| {
        count += 1;
        all.insert(name, value);
    });
    assert_eq!(all.len(), count, "no time series twice");
    all
}

#[test]
fn metrics_are_what_prometheus_reads_and_follow_the_rules_of_names() {
    let plant = Plant::start();
    let (_, body) = text(&plant, "/metrics");
    let mut types = BTreeMap::new();
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(types.insert(name, kind).is_none(), "{name} twice");
            assert!(
                name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
                "{name}"
            );
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        }
    }
    for line in body.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        assert!(types.contains_key(name), "{name} has no type");
    }
    assert!(metrics(&plant).len() > types.len(), "every sample parses");
}

#[test]
fn metrics_count_what_happens() {
    let plant = Plant::start();
    let mut stream = plant.socket();
    let mut bytes = Vec::new();
    encode(V311, &Packet::Connect(Connect::new(V311, "a")), &mut bytes);
    let retained = Publish { retain: true, ..Publish::new(TopicName::parse("t").unwrap(), b"42") };
    encode(V311, &Packet::Publish(retained), &mut bytes);
    encode(V311, &Packet::PingReq, &mut bytes);
    stream.write_all(&bytes).unwrap();
    let mut answers = [0; 6];
    stream.read_exact(&mut answers).unwrap();
    plant.socket().write_all(b"\x40\x02\x00\x01").unwrap();
    plant.until("the malformed one is counted", |plant| metrics(plant)["factree_malformed_total"] == 1.0);
    let now = metrics(&plant);
    for (name, value) in [
        ("factree_clients_connected version=3.1.1", 1.0),
        ("factree_clients_connected version=5.0", 0.0),
        ("factree_connects_accepted_total", 1.0),
        ("factree_connections_accepted_total", 2.0),
        ("factree_sessions state=connected", 1.0),
        ("factree_publishes_received_total", 1.0),
        ("factree_publishes_received_bytes_total", 2.0),
        ("factree_packets_received_total", 3.0),
        ("factree_packets_sent_total", 2.0),
        ("factree_sent_bytes_total", 6.0),
        ("factree_storage_mode mode=memory", 1.0),
        ("factree_storage_mode mode=memory", 1.0),
        ("factree_tree_messages_total kind=plain", 1.0),
    ] {
        assert_eq!(now[name], value, "{name}");
    }
    assert!(now["factree_retained_messages"] >= 1.0, "`$SYS` has its own");
    if cfg!(target_os = "linux") {
        assert!(now["process_resident_memory_bytes"] > 1e6 && now["process_open_fds"] > 3.0);
    }
}

#[test]
fn metrics_count_findings_by_rule() {
    let plant = Plant::start();
    let rules =
        || metrics(&plant).into_iter().filter(|(name, _)| name.starts_with("factree_sparkplug_findings_total "));
    let before: BTreeMap<String, f64> = rules().collect();
    assert!(before.len() > 100 && before.values().all(|&count| count == 0.0), "every rule is there from the start");

    let mut stream = plant.socket();
    let mut bytes = Vec::new();
    encode(V311, &Packet::Connect(Connect::new(V311, "a")), &mut bytes);
    // A payload with a timestamp and a seq, twice, and no birth before it.
    let data = Publish::new(TopicName::parse("spBv1.0/G/NDATA/E").unwrap(), b"\x08\x01\x18\x00");
    encode(V311, &Packet::Publish(data.clone()), &mut bytes);
    encode(V311, &Packet::Publish(data), &mut bytes);
    encode(V311, &Packet::PingReq, &mut bytes);
    stream.write_all(&bytes).unwrap();
    stream.read_exact(&mut [0; 6]).unwrap();
    let name = "factree_sparkplug_findings_total tck_id=tck-id-operational-behavior-data-publish-nbirth";
    let now = metrics(&plant);
    assert_eq!((now[name], now["factree_sparkplug_findings_dropped_total"]), (2.0, 0.0));
    assert!(now["factree_sparkplug_findings_held"] >= 1.0);
    assert_eq!(rules().count(), before.len(), "and no client can add one");
}

#[test]
fn readyz_says_so() {
    let plant = Plant::start();
    let (head, body) = text(&plant, "/readyz");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(body, r#"{"status":"ready","durability":"memory","disk":"ok"}"#);
}

#[test]
fn what_probes_do_not_take_is_refused_as_everywhere() {
    let plant = Plant::start();
    for target in ["/metrics", "/readyz"] {
        let (head, status, problem) = crate::commands::ask(&plant, "POST", target, "{}");
        assert_eq!((status, &problem["type"]), (405, &"urn:factree:problem:method-not-allowed".into()), "{target}");
        assert!(head.contains("allow: GET,HEAD"), "{head}");
    }
}
