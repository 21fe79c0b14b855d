//! A Host Application's own word, told event by event: what goes in, what it says.

use factree_sparkplug::{HostApplication, HostId, HostState, Legacy, StateFault, StateHeard, StateMessage, Timestamp};
use proptest::prelude::*;

const TOPIC: &str = "spBv1.0/STATE/factree";

fn application(legacy: Legacy) -> HostApplication {
    HostApplication::new(HostId::new("factree").expect("may stand in a topic"), legacy)
}

/// Connected at 1000, and online.
fn online() -> HostApplication {
    let mut application = application(Legacy::Silent);
    application.connect(Timestamp(1000));
    application.subscribed();
    application
}

/// A message as `topic payload`, payloads shortened to `on@1000` and `off@1000`.
fn told(message: &StateMessage) -> String {
    let short = |state: HostState| format!("{}@{}", if state.online { "on" } else { "off" }, state.timestamp.0);
    let payload = HostState::parse(message.payload.as_bytes()).map_or_else(|_| message.payload.to_string(), short);
    format!("{} {payload}", message.topic)
}

fn all_told(messages: impl AsRef<[StateMessage]>) -> String {
    messages.as_ref().iter().map(told).collect::<Vec<_>>().join(" · ")
}

fn heard(application: &HostApplication, topic: &str, payload: &str, retained: bool) -> String {
    match application.received(topic, payload.as_bytes(), retained) {
        StateHeard::NotOurs => "not ours".into(),
        StateHeard::Nothing => "nothing".into(),
        StateHeard::Contradicted { correction, said: Ok(_) } => format!("says {}", told(&correction)),
        StateHeard::Contradicted { correction, said: Err(fault) } => format!("{fault:?}, says {}", told(&correction)),
        StateHeard::Rival { timestamp } => format!("rival@{}", timestamp.0),
    }
}

fn off(timestamp: u64) -> String {
    HostState { online: false, timestamp: Timestamp(timestamp) }.to_string()
}

fn on(timestamp: u64) -> String {
    HostState { online: true, timestamp: Timestamp(timestamp) }.to_string()
}

#[test]
fn tck_id_host_topic_phid_birth_payload() {
    let mut application = application(Legacy::Silent);
    application.connect(Timestamp(1000));
    let birth = application.subscribed();
    assert_eq!((&*birth[0].topic, &*birth[0].payload), (TOPIC, r#"{"online":true,"timestamp":1000}"#));
    assert!(application.subscribed().is_empty(), "it was born once");
}

#[test]
fn tck_id_host_topic_phid_birth_payload_timestamp() {
    let mut application = application(Legacy::Silent);
    assert_eq!(told(&application.connect(Timestamp(1000))), "spBv1.0/STATE/factree off@1000", "the will");
    assert_eq!(all_told(application.subscribed()), "spBv1.0/STATE/factree on@1000", "however long the SUBACK took");
}

#[test]
fn tck_id_host_topic_phid_death_payload_timestamp_connect() {
    let mut application = online();
    application.lost();
    assert_eq!(
        told(&application.connect(Timestamp(2000))),
        "spBv1.0/STATE/factree off@2000",
        "a new CONNECT, a new time"
    );
    application.lost();
    let will = application.connect(Timestamp(1500));
    assert_eq!(told(&will), "spBv1.0/STATE/factree off@2000", "a clock set back: Edge Nodes pass over what is older");
}

#[test]
fn tck_id_host_topic_phid_death_payload_timestamp_disconnect_clean() {
    let mut application = online();
    assert_eq!(all_told(application.leave(Timestamp(5000))), "spBv1.0/STATE/factree off@5000");
    assert_eq!(all_told(application.leave(Timestamp(6000))), "", "it has said so");
    application.connect(Timestamp(7000));
    assert_eq!(all_told(application.leave(Timestamp(8000))), "", "the first message is a birth, or none");
}

#[test]
fn tck_id_host_topic_phid_birth_sub_required() {
    let filters = |legacy| application(legacy).filters().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(filters(Legacy::Silent), ["spBv1.0/STATE/factree", "spBv1.0/#"]);
    assert_eq!(filters(Legacy::Told), ["spBv1.0/STATE/factree", "STATE/factree", "spBv1.0/#"]);
}

#[test]
fn tck_id_message_flow_hid_sparkplug_state_message_delivered() {
    let application = online();
    for timestamp in [1, 1000, 9999] {
        assert_eq!(heard(&application, TOPIC, &off(timestamp), false), "says spBv1.0/STATE/factree on@1000");
    }
    assert_eq!(heard(&application, TOPIC, &on(1000), false), "nothing", "our own voice ends it");
    assert_eq!(heard(&application, TOPIC, "", false), "Empty, says spBv1.0/STATE/factree on@1000", "taken away");
    assert_eq!(heard(&application, TOPIC, "OFFLINE", false), "NotJson, says spBv1.0/STATE/factree on@1000");
    for other in ["spBv1.0/STATE/other", "spBv1.0/STATE/Factree", "STATE/factree", "spBv1.0/g/NDATA/n"] {
        assert_eq!(heard(&application, other, &off(9999), false), "not ours", "{other}");
    }
}

#[test]
fn the_stale_death_of_the_last_run_that_comes_between_suback_and_birth_is_not_answered() {
    let mut application = application(Legacy::Silent);
    application.connect(Timestamp(1000));
    assert_eq!(heard(&application, TOPIC, &off(500), true), "nothing", "the birth is on its way anyway");
    application.subscribed();
    assert_eq!(
        heard(&application, TOPIC, &off(500), true),
        "nothing",
        "read late, but it stood there before the birth"
    );
    assert_eq!(heard(&application, TOPIC, &off(500), false), "says spBv1.0/STATE/factree on@1000", "said since");
}

#[test]
fn tck_id_operational_behavior_host_application_host_id() {
    assert_eq!(heard(&online(), TOPIC, &on(1001), false), "rival@1001", "two that answer each other would never end");
    assert_eq!(heard(&online(), TOPIC, &on(999), true), "nothing", "ourselves, before a crash");
}

#[test]
fn a_clock_that_was_set_back_across_a_restart_does_not_show() {
    for (left, said) in [
        (off(2000), "on@2001"),
        (on(2000), "on@2001"),
        (off(500), "on@1000"),
        ("OFFLINE".into(), "on@1000"),
        (off(u64::MAX), "on@1000"),
    ] {
        let mut application = application(Legacy::Silent);
        assert!(!application.resume(left.as_bytes()), "nothing has been said yet");
        application.connect(Timestamp(1000));
        assert_eq!(all_told(application.subscribed()), format!("spBv1.0/STATE/factree {said}"), "{left}");
    }
    let mut late = online();
    assert!(!late.resume(on(1000).as_bytes()) && late.resume(off(1001).as_bytes()), "heard behind the birth");
    assert_eq!(told(&late.connect(Timestamp(1000))), "spBv1.0/STATE/factree off@1002");
}

#[test]
fn edge_nodes_of_sparkplug_2_2_are_told_if_asked_for() {
    let mut application = application(Legacy::Told);
    application.connect(Timestamp(1000));
    assert_eq!(application.legacy_will().map(|will| told(&will)).as_deref(), Some("STATE/factree OFFLINE"));
    assert_eq!(all_told(application.subscribed()), "spBv1.0/STATE/factree on@1000 · STATE/factree ONLINE");
    assert_eq!(heard(&application, "STATE/factree", "ONLINE", false), "nothing");
    assert_eq!(heard(&application, "STATE/factree", "OFFLINE", true), "nothing");
    assert_eq!(heard(&application, "STATE/factree", "OFFLINE", false), "says STATE/factree ONLINE");
    assert_eq!(all_told(application.leave(Timestamp(2000))), "spBv1.0/STATE/factree off@2000 · STATE/factree OFFLINE");
}

/// Every phase, every event: what is said, and whether it is online after.
#[test]
fn the_machine_says_only_what_is_drawn() {
    type Event = (&'static str, fn(&mut HostApplication) -> String);
    let events: [Event; 6] = [
        ("connect", |it| told(&it.connect(Timestamp(3000)))),
        ("subscribed", |it| all_told(it.subscribed())),
        ("false death", |it| heard(it, TOPIC, &off(1), false)),
        ("birth heard", |it| heard(it, TOPIC, &on(1000), false)),
        ("leave", |it| all_told(it.leave(Timestamp(3000)))),
        ("lost", |it| {
            it.lost();
            String::new()
        }),
    ];
    let mut connecting = application(Legacy::Silent);
    connecting.connect(Timestamp(1000));
    let phases = [("Offline", application(Legacy::Silent)), ("Connecting", connecting), ("Online", online())];
    let mut table = String::new();
    for (phase, start) in phases {
        for (event, happen) in &events {
            let mut application = start.clone();
            let said = happen(&mut application).replace("spBv1.0/STATE/factree ", "");
            let after = application.online_since().map_or("", |_| " → Online");
            table += &format!("{phase} · {event}: {said}{after}\n");
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_is_no_state_is_told_by_its_fault() {
    for (payload, expected) in [
        (r#"{"online":true,"timestamp":1700000000000}"#, Ok((true, 1_700_000_000_000))),
        (r#" { "timestamp" : 1.7e12, "online" : false, "host":{"a":[1]} } "#, Ok((false, 1_700_000_000_000))),
        (r#"{"online":true,"timestamp":18446744073709551615}"#, Ok((true, u64::MAX))),
        ("", Err(StateFault::Empty)),
        ("ONLINE", Err(StateFault::NotJson)),
        ("\u{feff}{}", Err(StateFault::NotJson)),
        ("true", Err(StateFault::NotAnObject)),
        (r#"[{"online":true,"timestamp":1}]"#, Err(StateFault::NotAnObject)),
        (r#"{"timestamp":1}"#, Err(StateFault::Online)),
        (r#"{"online":"true","timestamp":1}"#, Err(StateFault::Online)),
        (r#"{"online":true}"#, Err(StateFault::Timestamp)),
        (r#"{"online":true,"timestamp":"1"}"#, Err(StateFault::Timestamp)),
        (r#"{"online":true,"timestamp":-1}"#, Err(StateFault::Timestamp)),
        (r#"{"online":true,"timestamp":1.5}"#, Err(StateFault::Timestamp)),
        (r#"{"online":true,"timestamp":1e300}"#, Err(StateFault::Timestamp)),
    ] {
        let read = HostState::parse(payload.as_bytes()).map(|state| (state.online, state.timestamp.0));
        assert_eq!(read, expected, "{payload}");
    }
    let deep = "[".repeat(4096);
    assert_eq!(HostState::parse(deep.as_bytes()), Err(StateFault::NotJson));
    let long = format!(r#"{{"online":true,"timestamp":1,"pad":"{}"}}"#, "x".repeat(4096));
    assert_eq!(HostState::parse(long.as_bytes()), Err(StateFault::TooLong));
    assert_eq!(HostState::parse(b"\xFF"), Err(StateFault::NotJson));
}

proptest! {
    #[test]
    fn a_state_is_read_as_it_was_written(online: bool, timestamp: u64) {
        let state = HostState { online, timestamp: Timestamp(timestamp) };
        prop_assert_eq!(HostState::parse(state.to_string().as_bytes()), Ok(state));
    }
}
