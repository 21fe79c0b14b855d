//! A Sparkplug Aware server, and a Host Application to its clients: certificates, the time in an NDEATH, STATE.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;

use factree_mqtt::{
    Connect, Decoded, Disconnect, Handshake, Limits, Packet, PacketId, ProtocolVersion, Publish, QoS, ReasonCode,
    Subscribe, SubscribeRequest, TopicName, WillMessage, decode, encode,
};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{self as sparkplug, BdSeq, DataType, HostState, Payload, Seq, Timestamp, Value};

use crate::plant::Plant;

pub(crate) const V5: ProtocolVersion = ProtocolVersion::V5;
const NBIRTH: &str = "spBv1.0/g/NBIRTH/n";
const DBIRTH: &str = "spBv1.0/g/DBIRTH/n/d";
const NDEATH: &str = "spBv1.0/g/NDEATH/n";
const STATE: &str = "spBv1.0/STATE/factree";

/// A message as a subscriber has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Heard {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
}

/// A client that says one thing at a time and keeps what it hears meanwhile.
pub(crate) struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
    heard: VecDeque<Heard>,
}

impl Client {
    pub(crate) fn connect(plant: &Plant, id: &str) -> Self {
        Self::connect_with(plant, Connect::new(V5, id)).0
    }

    pub(crate) fn connect_with(plant: &Plant, connect: Connect<'_>) -> (Self, ReasonCode) {
        let mut client = Self { stream: plant.socket(), unread: Vec::new(), heard: VecDeque::new() };
        client.send(&Packet::Connect(connect));
        let reason = client.answer(|packet| if let Packet::ConnAck(ack) = packet { Some(ack.reason) } else { None });
        (client, reason)
    }

    /// Connected, with that will.
    fn mortal(plant: &Plant, id: &str, topic: &str, payload: &[u8]) -> Self {
        let mut will = WillMessage::new(TopicName::parse(topic).unwrap(), payload);
        will.qos = QoS::AtLeastOnce;
        Self::connect_with(plant, Connect { will: Some(will), ..Connect::new(V5, id) }).0
    }

    fn send(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        encode(V5, packet, &mut bytes);
        self.stream.write_all(&bytes).unwrap();
    }

    /// Reads until a packet is the answer; what is delivered meanwhile is kept.
    fn answer<T>(&mut self, answer: impl Fn(&Packet<'_>) -> Option<T>) -> T {
        loop {
            if let Some(answer) = self.step(&answer).expect("the server closed the connection") {
                return answer;
            }
        }
    }

    /// Reads one packet; none at the end of the stream.
    fn step<T>(&mut self, answer: impl Fn(&Packet<'_>) -> Option<T>) -> Option<Option<T>> {
        loop {
            if let Decoded::Packet { packet, len } = decode(V5, &self.unread, &Limits::default()).unwrap() {
                if let Packet::Publish(publish) = &packet {
                    let topic = publish.topic.unwrap().as_str().to_owned();
                    let (payload, qos) = (publish.payload.to_vec(), publish.handshake.qos());
                    self.heard.push_back(Heard { topic, payload, qos, retain: publish.retain });
                }
                let answered = answer(&packet);
                self.unread.drain(..len);
                return Some(answered);
            }
            let mut bytes = [0; 4096];
            let len = self.stream.read(&mut bytes).unwrap();
            if len == 0 {
                return None;
            }
            self.unread.extend_from_slice(&bytes[..len]);
        }
    }

    pub(crate) fn subscribe(&mut self, filter: &str) {
        let requests = [SubscribeRequest::new(filter, QoS::AtLeastOnce)];
        self.send(&Packet::Subscribe(Subscribe::new(id(1), &requests[..])));
        self.answer(|packet| matches!(packet, Packet::SubAck(_)).then_some(()));
    }

    pub(crate) fn publish(&mut self, topic: &str, payload: &[u8], retain: bool) -> ReasonCode {
        let handshake = Handshake::AtLeastOnce(id(1));
        let publish = Publish { handshake, retain, ..Publish::new(TopicName::parse(topic).unwrap(), payload) };
        self.send(&Packet::Publish(publish));
        self.answer(|packet| if let Packet::PubAck(ack) = packet { Some(ack.reason) } else { None })
    }

    /// The same with QoS 0, which has no answer.
    pub(crate) fn mention(&mut self, topic: &str, payload: &[u8]) {
        self.send(&Packet::Publish(Publish::new(TopicName::parse(topic).unwrap(), payload)));
    }

    /// The next message.
    pub(crate) fn next(&mut self) -> Heard {
        while self.heard.is_empty() {
            self.step(|_| None::<()>).expect("the server closed the connection");
        }
        self.heard.pop_front().unwrap()
    }

    /// All messages that were on their way: what comes before an answer to a PINGREQ.
    pub(crate) fn all(&mut self) -> Vec<Heard> {
        self.send(&Packet::PingReq);
        self.answer(|packet| matches!(packet, Packet::PingResp).then_some(()));
        self.heard.drain(..).collect()
    }

    /// All messages until the server closes.
    fn last_words(mut self) -> Vec<Heard> {
        while self.step(|_| None::<()>).is_some() {}
        self.heard.into()
    }
}

fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

/// A birth with a metric of that name.
fn birth(seq: u8, name: &str) -> Vec<u8> {
    let temperature = MetricBuilder::named(name).value(DataType::Double, Value::Double(20.5)).unwrap();
    PayloadBuilder::at(Timestamp(1_700_000_000_000))
        .seq(Seq::new(seq))
        .metric(MetricBuilder::bd_seq(BdSeq::new(1)))
        .metric(temperature.declare(DataType::Double))
        .encode()
}

fn certificate(birth: &str) -> String {
    format!("$sparkplug/certificates/{birth}")
}

/// What a newcomer finds retained.
pub(crate) fn found(plant: &Plant, filter: &str) -> Vec<Heard> {
    let mut newcomer = Client::connect(plant, "newcomer");
    newcomer.subscribe(filter);
    let found = newcomer.all();
    assert!(found.iter().all(|heard| heard.retain), "{found:?}");
    found
}

fn topics(heard: &[Heard]) -> Vec<&str> {
    heard.iter().map(|heard| heard.topic.as_str()).collect()
}

// ---- Certificates -------------------------------------------------------------------------------------------------------

#[test]
fn tck_id_conformance_mqtt_aware_store() {
    let plant = Plant::start();
    let mut node = Client::connect(&plant, "node");
    for name in ["Temperature", "Pressure"] {
        node.publish(NBIRTH, &birth(0, name), false);
        node.publish(DBIRTH, &birth(1, name), false);
        let stored: Vec<_> = found(&plant, "$sparkplug/certificates/#").into_iter().map(|it| it.payload).collect();
        assert_eq!(stored, [birth(0, name), birth(1, name)], "byte for byte, with the PUBACK; the newest wins");
    }
    assert_eq!(topics(&found(&plant, "spBv1.0/#")), [STATE], "the birth's own topic is as its Edge Node published it");
}

#[test]
fn tck_id_conformance_mqtt_aware_nbirth_mqtt_topic() {
    let plant = Plant::start();
    let mut node = Client::connect(&plant, "node");
    node.publish(NBIRTH, &birth(0, "Temperature"), false);
    for filter in ["$sparkplug/certificates/spBv1.0/g/NBIRTH/n", "$sparkplug/+/spBv1.0/+/NBIRTH/+", "$sparkplug/#"] {
        assert_eq!(topics(&found(&plant, filter)), [certificate(NBIRTH)], "{filter}");
    }
    for filter in ["#", "+/certificates/#", "+/+/spBv1.0/g/NBIRTH/n"] {
        assert!(!topics(&found(&plant, filter)).contains(&&*certificate(NBIRTH)), "{filter} [MQTT-4.7.2-1]");
    }
}

#[test]
fn tck_id_conformance_mqtt_aware_nbirth_mqtt_retain() {
    retained_for_newcomers_and_live_for_others(&[NBIRTH]);
}

#[test]
fn tck_id_conformance_mqtt_aware_dbirth_mqtt_topic() {
    let plant = Plant::start();
    let mut node = Client::connect(&plant, "node");
    node.publish(NBIRTH, &birth(0, "Temperature"), false);
    node.publish(DBIRTH, &birth(1, "Temperature"), false);
    assert_eq!(topics(&found(&plant, "$sparkplug/certificates/spBv1.0/g/DBIRTH/n/d")), [certificate(DBIRTH)]);
}

#[test]
fn tck_id_conformance_mqtt_aware_dbirth_mqtt_retain() {
    retained_for_newcomers_and_live_for_others(&[NBIRTH, DBIRTH]);
}

fn retained_for_newcomers_and_live_for_others(births: &[&str]) {
    let plant = Plant::start();
    let mut watcher = Client::connect(&plant, "watcher");
    watcher.subscribe("$sparkplug/certificates/#");
    let mut node = Client::connect(&plant, "node");
    for (seq, topic) in (0..).zip(births) {
        let payload = birth(seq, "Temperature");
        node.publish(topic, &payload, false);
        let heard = Heard { topic: certificate(topic), payload, qos: QoS::AtLeastOnce, retain: false };
        assert_eq!(watcher.next(), heard, "who is there hears it as it comes [MQTT-3.3.1-12]");
        assert_eq!(found(&plant, &certificate(topic)), [Heard { retain: true, ..heard }]);
    }
}

#[test]
fn what_the_host_does_not_take_for_a_birth_is_no_certificate() {
    let plant = Plant::start();
    let mut node = Client::connect(&plant, "node");
    node.publish(DBIRTH, &birth(1, "Temperature"), false);
    node.publish(NBIRTH, b"no payload", false);
    node.publish("spBv1.0/g/NDATA/n", &birth(0, "Temperature"), false);
    assert_eq!(found(&plant, "$sparkplug/#"), []);
}

#[test]
fn who_clears_a_retained_birth_takes_that_message_away_and_nothing_else() {
    let plant = Plant::start();
    let mut node = Client::connect(&plant, "node");
    node.publish(NBIRTH, &birth(0, "Temperature"), true);
    node.publish(DBIRTH, &birth(1, "Temperature"), true);
    let certificates = found(&plant, "$sparkplug/#");
    assert_eq!(found(&plant, "spBv1.0/g/#").len(), 2);

    let (mut operator, _) = Client::connect_with(&plant, Connect::new(V5, "operator"));
    for topic in [NBIRTH, DBIRTH, NDEATH, "spBv1.0/g/DDEATH/n/d"] {
        operator.publish(topic, b"", true);
    }
    operator.send(&Packet::Disconnect(Disconnect::new(ReasonCode::Success)));
    operator.last_words();
    assert_eq!(found(&plant, "spBv1.0/g/#"), []);
    assert_eq!((found(&plant, "$sparkplug/#"), certificates.len()), (certificates, 2));
    for path in ["g/n/Temperature", "g/n/d/Temperature"] {
        assert_eq!(plant.sample(path).unwrap()["quality"], "Good", "{path}");
    }
    let (_, page) = plant.get("/api/v1/findings?tck_id=factree-empty-payload");
    let told = page["findings"].as_array().unwrap();
    assert_eq!(told.len(), 2, "of the Edge Node and of its Device: {page}");
    assert!(told.iter().all(|it| it["client_id"] == "operator"), "{page}");
    assert!(page.to_string().contains("as it is when a retained message is cleared"), "{page}");
}

#[test]
fn clients_may_not_make_certificates_themselves() {
    let plant = Plant::start();
    let mut client = Client::connect(&plant, "client");
    let topic = certificate(NBIRTH);
    assert_eq!(client.publish(&topic, &birth(0, "Temperature"), true), ReasonCode::NotAuthorized);
    assert_eq!(client.publish("$sparkplug/x", b"x", true), ReasonCode::NotAuthorized);
    let will = WillMessage::new(TopicName::parse(&topic).unwrap(), b"");
    let (_, reason) = Client::connect_with(&plant, Connect { will: Some(will), ..Connect::new(V5, "other") });
    assert_eq!(reason, ReasonCode::NotAuthorized);
    assert_eq!(found(&plant, "$sparkplug/#"), []);
}

#[test]
fn a_birth_that_there_is_no_room_to_keep_takes_the_certificate_of_the_one_before_with_it() {
    let plant = Plant::configured("[limits]\nbirth_bytes_max = 100");
    let mut watcher = Client::connect(&plant, "watcher");
    watcher.subscribe("$sparkplug/certificates/#");
    let mut node = Client::connect(&plant, "node");
    node.publish(NBIRTH, &birth(0, "Temperature"), false);
    node.publish(NBIRTH, &birth(0, &"Temperature".repeat(10)), false);
    assert_eq!((watcher.next().payload, watcher.next().payload), (birth(0, "Temperature"), vec![]));
    assert_eq!(found(&plant, "$sparkplug/#"), []);
}

#[test]
fn certificates_can_be_switched_off() {
    let plant = Plant::configured("[sparkplug]\ncertificates = false");
    let mut node = Client::connect(&plant, "node");
    node.publish(NBIRTH, &birth(0, "Temperature"), false);
    assert_eq!(found(&plant, "$sparkplug/#"), []);
}

// ---- NDEATH -------------------------------------------------------------------------------------------------------------

fn ndeath() -> Vec<u8> {
    PayloadBuilder::at(Timestamp(1)).metric(MetricBuilder::bd_seq(BdSeq::new(1))).encode()
}

/// The payloads of these wills once their clients are gone.
fn wills(plant: &Plant, wills: &[(&str, &[u8])]) -> Vec<Vec<u8>> {
    let mut host = Client::connect(plant, "host");
    host.subscribe("spBv1.0/+/NDEATH/+");
    host.subscribe("Acme/#");
    let published = |(topic, payload): &(&str, &[u8])| {
        drop(Client::mortal(plant, "mortal", topic, payload));
        let heard = host.next();
        assert_eq!(heard.topic, *topic);
        heard.payload
    };
    wills.iter().map(published).collect()
}

#[test]
fn tck_id_conformance_mqtt_aware_ndeath_timestamp() {
    let plant = Plant::start();
    let before = now();
    let published = wills(&plant, &[(NDEATH, &ndeath()), (NDEATH, b""), (NDEATH, b"offline"), ("Acme/n", &ndeath())]);
    let mut payload = Payload::new();
    sparkplug::decode(&published[0], &sparkplug::Limits::default(), &mut payload).unwrap();
    let sent = payload.timestamp.unwrap();
    assert!(before <= sent && sent <= now(), "the time at which it is delivered, not that of the CONNECT: {sent:?}");
    assert!(published[0].ends_with(&ndeath()[2..]), "the rest is the Edge Node's");
    assert_eq!(published[1..], [b"".to_vec(), b"offline".to_vec(), ndeath()], "left alone");
}

#[test]
fn an_ndeath_can_be_left_as_it_is() {
    let plant = Plant::configured("[sparkplug]\nndeath_timestamp = false");
    assert_eq!(wills(&plant, &[(NDEATH, &ndeath())]), [ndeath()]);
}

// ---- STATE --------------------------------------------------------------------------------------------------------------

pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp(since.as_millis() as u64)
}

fn state(heard: &Heard) -> (bool, Timestamp) {
    let HostState { online, timestamp } = HostState::parse(&heard.payload).unwrap();
    (online, timestamp)
}

fn offline(timestamp: Timestamp) -> Vec<u8> {
    HostState { online: false, timestamp }.to_string().into()
}

/// Since when we are online, as a newcomer finds it.
fn online_since(plant: &Plant) -> Timestamp {
    let found = found(plant, STATE);
    let (online, since) = state(&found[0]);
    assert!(online && found.len() == 1, "{found:?}");
    since
}

/// That it is online, and that it is not, is said on STATE: `tck-id-intro-sparkplug-host-state`, `tck-id-components-ph-state`,
/// `tck-id-conformance-primary-host`.
#[test]
fn a_host_application_is_born_and_dies_on_state() {
    let mut plant = Plant::start();
    let mut node = Client::connect(&plant, "node");
    node.subscribe("spBv1.0/STATE/+");
    plant.stop();
    let heard = node.last_words();
    let said: Vec<_> = heard.iter().map(|heard| (heard.topic.as_str(), state(heard).0)).collect();
    assert_eq!(said, [(STATE, true), (STATE, false)]);
}

#[test]
fn tck_id_host_topic_phid_birth_required() {
    let before = now();
    let plant = Plant::start();
    let since = online_since(&plant);
    assert!(before <= since && since <= now(), "{since:?}");
}

#[test]
fn tck_id_host_topic_phid_birth_topic() {
    let plant = Plant::configured("[sparkplug]\nhost_id = \"Werk 3 Süd\"");
    assert_eq!(topics(&found(&plant, "spBv1.0/STATE/#")), ["spBv1.0/STATE/Werk 3 Süd"]);
}

#[test]
fn tck_id_host_topic_phid_birth_qos() {
    assert_eq!(found(&Plant::start(), STATE)[0].qos, QoS::AtLeastOnce);
}

#[test]
fn tck_id_host_topic_phid_birth_retain() {
    assert!(found(&Plant::start(), STATE)[0].retain);
}

#[test]
fn tck_id_message_flow_hid_sparkplug_state_message_delivered() {
    let plant = Plant::start();
    let since = online_since(&plant);
    let mut node = Client::connect(&plant, "node");
    node.subscribe(STATE);
    node.next();
    let mut liar = Client::connect(&plant, "liar");
    let lies =
        [offline(Timestamp(1)), offline(since), offline(Timestamp(since.0 + 60_000)), b"OFFLINE".into(), b"".into()];
    for (lie, retain) in lies.iter().flat_map(|lie| [(lie, true), (lie, false)]) {
        liar.publish(STATE, lie, retain);
        assert_eq!(node.next().payload, *lie);
        assert_eq!(state(&node.next()), (true, since), "put right at once, with the time of our birth");
        assert_eq!(online_since(&plant), since);
    }
    drop(Client::mortal(&plant, "rival", STATE, &offline(Timestamp(2))));
    assert_eq!(state(&node.next()), (false, Timestamp(2)), "a will lies as well");
    assert_eq!(state(&node.next()), (true, since));
    assert_eq!(node.all(), [], "and nothing goes round in circles");
}

#[test]
fn what_other_hosts_say_of_themselves_is_theirs() {
    let plant = Plant::start();
    let mut other = Client::connect(&plant, "other");
    other.publish("spBv1.0/STATE/other", &offline(Timestamp(5)), true);
    assert_eq!(state(&found(&plant, "spBv1.0/STATE/other")[0]), (false, Timestamp(5)));
}

#[test]
fn tck_id_host_topic_phid_death_payload_timestamp_disconnect_with_no_disconnect_packet() {
    let mut plant = Plant::start();
    let since = online_since(&plant);
    let mut nodes: Vec<Client> = (0..20).map(|number| Client::connect(&plant, &format!("node {number}"))).collect();
    nodes.iter_mut().for_each(|node| node.subscribe("spBv1.0/STATE/+"));
    plant.stop();
    for node in nodes {
        let heard = node.last_words();
        let (online, at) = state(heard.last().unwrap());
        assert!(!online && heard.len() == 2, "the last that is heard: {heard:?}");
        assert!(since <= at && at <= now(), "{at:?}");
    }
}

#[test]
fn edge_nodes_of_sparkplug_2_2_are_told_if_asked_for() {
    let mut plant = Plant::configured("[sparkplug]\nhost_id = \"scada\"\nlegacy_state = true");
    assert_eq!(topics(&found(&plant, "spBv1.0/STATE/+")), ["spBv1.0/STATE/scada"]);
    let mut node = Client::connect(&plant, "node");
    node.subscribe("STATE/scada");
    let mut liar = Client::connect(&plant, "liar");
    liar.publish("STATE/scada", b"OFFLINE", true);
    plant.stop();
    let heard: Vec<_> = node.last_words().into_iter().map(|it| String::from_utf8(it.payload).unwrap()).collect();
    assert_eq!(heard, ["ONLINE", "OFFLINE", "ONLINE", "OFFLINE"]);
}

#[test]
fn a_server_that_is_no_host_says_nothing() {
    let plant = Plant::configured("[sparkplug]\npublish_state = false");
    assert_eq!(found(&plant, "spBv1.0/STATE/#"), []);
    let mut other = Client::connect(&plant, "other");
    other.publish(STATE, &offline(Timestamp(5)), true);
    assert_eq!(state(&found(&plant, STATE)[0]), (false, Timestamp(5)));
}
