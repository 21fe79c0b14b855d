//! Stories of one Edge Node: what it says when, in the words a broker hears.

mod listener;

use std::time::Duration;

use factree_mqtt::{ConnAck, Packet, PacketId, ProtocolVersion, Publish, ReasonCode, SubAck, TopicName, encode};
use factree_sim::{Action, Client, ClientError, Plant};
use factree_sparkplug::encode::{MetricBuilder, rebirth_request};
use factree_sparkplug::{DataType, Value};
use listener::{Listener, later, noon};

const SECOND: Duration = Duration::from_secs(1);

/// An Edge Node with two devices, each of which has something to say once a second.
fn small() -> Listener {
    Listener::new(Plant::uniform(1, 1, 2, 3, 1.0).into_clients().remove(0), noon())
}

fn named(client_id: &str) -> Listener {
    let mut clients = Plant::demo(1).into_clients();
    let i = clients.iter().position(|client| client.client_id() == client_id).unwrap();
    Listener::new(clients.remove(i), noon())
}

fn value_of(client: &Client, device: &str, metric: &str) -> String {
    let mut metrics = client.metrics();
    let found = metrics.find(|reported| reported.device == Some(device) && reported.name == metric);
    format!("{:?}", found.expect("the device has this metric").value)
}

#[test]
fn connect_births_data() {
    let mut node = small();
    node.connect();
    assert_eq!(
        node.lines(),
        [
            "CONNECT load-1 will NDEATH bdSeq=0",
            "SUBSCRIBE spBv1.0/Load/NCMD/Node1 spBv1.0/Load/DCMD/Node1/+",
            "NBIRTH seq=0 bdSeq=0",
            "DBIRTH Device1 seq=1",
            "DBIRTH Device2 seq=2",
        ]
    );
    node.run(2 * SECOND);
    assert_eq!(
        node.lines(),
        ["DDATA Device1 seq=3", "DDATA Device2 seq=4", "DDATA Device1 seq=5", "DDATA Device2 seq=6"]
    );
}

#[test]
fn rebirth_begins_again_at_seq_zero_with_the_same_bd_seq() {
    let mut node = small();
    node.connect();
    node.run(SECOND);
    node.lines();
    node.say("spBv1.0/Load/NCMD/Node1", &rebirth_request(node.now.wall));
    assert_eq!(node.lines(), ["NBIRTH seq=0 bdSeq=0", "DBIRTH Device1 seq=1", "DBIRTH Device2 seq=2"]);
}

#[test]
fn each_connection_takes_the_next_bd_seq() {
    let mut node = small();
    node.connect();
    node.client.lost(node.now);
    node.lines();
    assert_eq!(node.wake(), Action::Stay);
    assert!(node.lines().is_empty(), "nothing is said without a connection");
    assert_eq!(node.client.next_wake(), Some(node.now.instant + 2 * SECOND));
    node.connect();
    assert_eq!(
        node.lines()[..3],
        [
            "CONNECT load-1 will NDEATH bdSeq=1",
            "SUBSCRIBE spBv1.0/Load/NCMD/Node1 spBv1.0/Load/DCMD/Node1/+",
            "NBIRTH seq=0 bdSeq=1",
        ]
    );
}

#[test]
fn a_clean_stop_says_ndeath_before_disconnect() {
    let mut old = small();
    old.connect();
    old.lines();
    old.stop();
    assert_eq!(old.lines(), ["NDEATH bdSeq=0", "DISCONNECT Success (0x00)"]);

    // tck-id-payloads-ndeath-will-message-publisher-disconnect-mqtt50
    let mut new = named("acme-munich-packaging-line1");
    new.connect();
    new.lines();
    new.stop();
    assert_eq!(new.lines(), ["NDEATH bdSeq=0", "DISCONNECT DisconnectWithWillMessage (0x04)"]);
}

#[test]
fn a_silent_client_pings_and_gives_up_on_a_deaf_server() {
    // Looks once in 1,000 seconds.
    let quiet = || Plant::uniform(1, 1, 1, 1, 0.001).into_clients().remove(0);
    let mut node = Listener::new(quiet(), noon());
    node.connect();
    node.lines();
    node.run(60 * SECOND);
    assert_eq!(node.lines(), ["PINGREQ", "PINGREQ", "PINGREQ"]);

    let mut node = Listener::new(quiet(), noon());
    node.answers_pings = false;
    node.connect();
    node.lines();
    node.run(31 * SECOND);
    assert_eq!(node.lines(), ["PINGREQ", "gone"]);
}

#[test]
fn a_connection_that_died_stays_away_for_a_while() {
    let mut line = named("acme-dallas-press-line1");
    line.connect();
    while line.wake() == Action::Stay {
        let next = line.client.next_wake().unwrap();
        line.now = later(line.now, next.saturating_duration_since(line.now.instant));
    }
    let back_at = line.client.next_wake().unwrap();
    let away = back_at.duration_since(line.now.instant);
    assert!((10..=40).contains(&away.as_secs()), "{away:?}");
    assert!(
        !line.lines().iter().any(|line| line.starts_with("NDEATH") || line.starts_with("DISCONNECT")),
        "no goodbye"
    );
    // A driver that also reports the socket's end does no harm.
    line.client.lost(line.now);
    assert_eq!(line.client.next_wake(), Some(back_at));
}

#[test]
fn a_server_that_breaks_the_protocol_is_left() {
    let answers = |packets: &[Packet<'_>]| {
        let mut node = small();
        node.client.connected(node.now, &mut Vec::new());
        let mut bytes = Vec::new();
        packets.iter().for_each(|packet| encode(ProtocolVersion::V311, packet, &mut bytes));
        node.client.received(node.now, &bytes, &mut Vec::new())
    };
    let publish = Packet::Publish(Publish::new(TopicName::parse("spBv1.0/Load/NCMD/Node1").unwrap(), b""));
    let connack = |reason| Packet::ConnAck(ConnAck::new(reason));
    let suback = Packet::SubAck(SubAck::new(PacketId::new(1).unwrap(), &[ReasonCode::UnspecifiedError]));

    assert_eq!(answers(std::slice::from_ref(&publish)), Err(ClientError::Unexpected("PUBLISH")));
    assert_eq!(answers(&[connack(ReasonCode::NotAuthorized)]), Err(ClientError::Refused(ReasonCode::NotAuthorized)));
    let twice = [connack(ReasonCode::Success), connack(ReasonCode::Success)];
    assert_eq!(answers(&twice), Err(ClientError::Unexpected("CONNACK")));
    let refused = ClientError::SubscriptionRefused(ReasonCode::UnspecifiedError);
    assert_eq!(answers(&[connack(ReasonCode::Success), suback]), Err(refused));
    assert_eq!(answers(&[connack(ReasonCode::Success), Packet::PingReq]), Err(ClientError::Unexpected("PINGREQ")));
}

#[test]
fn half_a_packet_waits_for_its_other_half() {
    let mut node = small();
    let mut out = Vec::new();
    node.client.connected(node.now, &mut out);
    out.clear();
    let connack = [0x20, 0x02, 0x00, 0x00];
    assert_eq!(node.client.received(node.now, &connack[..3], &mut out), Ok(0));
    assert!(out.is_empty());
    assert_eq!(node.client.received(node.now, &connack, &mut out), Ok(4));
    assert!(!out.is_empty(), "births");
}

#[test]
fn a_set_point_is_echoed_as_the_controller_took_it() {
    let mut line = named("acme-dallas-press-line1");
    line.connect();
    line.lines();
    let topic = "spBv1.0/Acme:Dallas:Press/DCMD/Line1/Press2";
    let force = |kilonewton: u64| {
        let metric = MetricBuilder::named("Ram/SetPoint/Force").declare(DataType::UInt16);
        metric.value(DataType::UInt16, Value::UInt(kilonewton)).unwrap()
    };
    line.command(topic, [force(9_000)]);
    assert_eq!(value_of(&line.client, "Press2", "Ram/SetPoint/Force"), "UInt(9000)");
    line.command(topic, [force(60_000)]);
    assert_eq!(value_of(&line.client, "Press2", "Ram/SetPoint/Force"), "UInt(16000)");
    assert_eq!(line.lines(), ["DDATA Press2 seq=9", "DDATA Press2 seq=10"]);

    // What cannot be commanded, or is not there, is left alone.
    let state = MetricBuilder::named("State").value(DataType::String, Value::String("Running")).unwrap();
    let nonsense = MetricBuilder::named("Nonsense").boolean(true);
    line.command(topic, [state, nonsense]);
    line.command("spBv1.0/Acme:Dallas:Press/DCMD/Line1/Press9", [force(9_000)]);
    line.say(topic, b"not a payload");
    assert!(line.lines().is_empty());
}

#[test]
fn a_machine_switched_off_comes_to_rest() {
    let mut line = named("acme-dallas-press-line1");
    line.connect();
    line.command(
        "spBv1.0/Acme:Dallas:Press/DCMD/Line1/Press1",
        [MetricBuilder::named("Control/Enabled").boolean(false)],
    );
    line.run(20 * 60 * SECOND);
    assert_eq!(value_of(&line.client, "Press1", "State"), r#"String("Idle")"#);
    assert_eq!(value_of(&line.client, "Press1", "Motor/1/Speed"), "Int(0)");
    assert_eq!(value_of(&line.client, "Press1", "Ram/Force"), "Float(0.0)");
    let made = value_of(&line.client, "Press1", "Parts/Good");
    line.run(20 * 60 * SECOND);
    assert_eq!(value_of(&line.client, "Press1", "Parts/Good"), made);
}
