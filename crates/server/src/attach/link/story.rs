//! A link's stories: what the broker sends, and what leaves in return.
//!
//! One test is one broker; `[…]` is what the link wrote since the last look, packet by packet. The host is `scada`, and
//! time begins at 1,000 ms.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use factree_mqtt::{ConnAckProperties, RetainHandling, decode_connect};

use super::*;
use crate::attach::{BrokerUrl, Scheme, Secret};

const STATE: &str = "spBv1.0/STATE/scada";
const V5: ProtocolVersion = ProtocolVersion::V5;
const V311: ProtocolVersion = ProtocolVersion::V311;

struct Story {
    link: Link,
    version: ProtocolVersion,
    now: Now,
    heard: Vec<String>,
    out: Vec<u8>,
    /// What the link has not taken yet.
    incoming: Vec<u8>,
}

fn terms(version: ProtocolVersion) -> Attachment {
    Attachment {
        name: "plant".into(),
        url: BrokerUrl { scheme: Scheme::Mqtt, host: "broker".into(), port: 1883, path: String::new() },
        version,
        client_id: "factree-scada".into(),
        username: Some("user".into()),
        password: Some(Secret::new("hunter2")),
        tls: None,
        keep_alive: Duration::from_secs(30),
        host: "scada".into(),
        state: StateWord::Told,
        filters: Vec::new(),
        connect_timeout: Duration::from_secs(10),
        retry_min: Duration::from_secs(1),
        retry_max: Duration::from_secs(60),
    }
}

impl Story {
    fn of(terms: Attachment) -> Self {
        let now = Now { instant: Instant::now(), wall: Timestamp(1000) };
        let limits = Limits {
            packet_size_max: 1000,
            connect_size_max: 1000,
            topic_bytes_max: 100,
            topic_levels_max: 6,
            ..Limits::DEFAULT
        };
        let (version, link) = (terms.version, Link::new(Arc::new(terms), &limits));
        Story { link, version, now, heard: Vec::new(), out: Vec::new(), incoming: Vec::new() }
    }

    /// As far as its birth.
    fn online(version: ProtocolVersion) -> Self {
        let mut story = Story::of(terms(version));
        story.comes_online();
        story
    }

    fn comes_online(&mut self) {
        self.connect();
        self.connack().unwrap();
        self.suback(&[ReasonCode::GrantedQoS1; 2]).unwrap();
        self.said();
        self.puback(2);
    }

    fn connect(&mut self) {
        self.link.connect(self.now, self.now.instant + Duration::from_secs(10), &mut self.out);
    }

    fn connack(&mut self) -> Result<(), Fault> {
        self.receive(&Packet::ConnAck(ConnAck::new(ReasonCode::Success)))
    }

    fn suback(&mut self, reasons: &[ReasonCode]) -> Result<(), Fault> {
        self.receive(&Packet::SubAck(SubAck::new(PacketId::new(1).unwrap(), reasons)))
    }

    fn puback(&mut self, number: u16) {
        self.receive(&Packet::PubAck(Acknowledgement::new(PacketId::new(number).unwrap()))).unwrap();
    }

    fn publish(&mut self, topic: &str, payload: &str) -> Result<(), Fault> {
        self.receive(&Packet::Publish(Publish::new(name(topic), payload.as_bytes())))
    }

    fn stored(&mut self, topic: &str, payload: &str) {
        let publish = Publish { retain: true, ..Publish::new(name(topic), payload.as_bytes()) };
        self.receive(&Packet::Publish(publish)).unwrap();
    }

    fn receive(&mut self, packet: &Packet<'_>) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        encode(self.version, packet, &mut bytes);
        self.bytes(&bytes)
    }

    /// Bytes, handed over one by one: a link must not mind.
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        for byte in bytes {
            self.incoming.push(*byte);
            let Self { link, now, heard, out, incoming, .. } = self;
            let taken = link.received(*now, incoming, out, |it| {
                let stored = if it.stored { " stored" } else { "" };
                heard.push(format!("{} {}{stored}", it.topic, String::from_utf8_lossy(it.payload)));
            })?;
            incoming.drain(..taken);
        }
        Ok(())
    }

    fn wait(&mut self, seconds: u64) -> Result<(), Fault> {
        self.now.instant += Duration::from_secs(seconds);
        self.now.wall.0 += 1000 * seconds;
        self.link.wake(self.now.instant, &mut self.out)
    }

    fn lost(&mut self) {
        self.link.lost();
        self.incoming.clear();
    }

    /// What the link wrote since the last look.
    fn said(&mut self) -> String {
        let (out, mut text) = (std::mem::take(&mut self.out), String::new());
        let mut rest = &out[..];
        while !rest.is_empty() {
            let (packet, len) = if rest[0] >> 4 == 1 {
                let Ok(Decoded::Packet { packet, len }) = decode_connect(rest, &Limits::DEFAULT) else {
                    panic!("{rest:?}")
                };
                (Packet::Connect(packet), len)
            } else {
                let decoded = decode(self.version, rest, &Limits::DEFAULT);
                let Ok(Decoded::Packet { packet, len }) = decoded else { panic!("{decoded:?}") };
                (packet, len)
            };
            let separator = if text.is_empty() { "" } else { " · " };
            write!(text, "{separator}{}", told(&packet)).unwrap();
            rest = &rest[len..];
        }
        format!("[{text}]")
    }
}

fn told(packet: &Packet<'_>) -> String {
    let utf8 = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let will = |will: &WillMessage<'_>| {
        // tck-id-host-topic-phid-death-qos, tck-id-operational-behavior-host-application-connect-will-qos,
        // tck-id-payloads-state-will-message-qos; tck-id-host-topic-phid-death-retain,
        // tck-id-operational-behavior-host-application-connect-will-retained, tck-id-payloads-state-will-message-retain.
        assert_eq!((will.qos, will.retain), (QoS::AtLeastOnce, true));
        format!(" will {} {}", will.topic, utf8(will.payload))
    };
    match packet {
        Packet::Connect(connect) => {
            // tck-id-message-flow-phid-sparkplug-clean-session-50, and of 3.1.1, which has no expiry:
            // tck-id-message-flow-phid-sparkplug-clean-session-311.
            assert!(connect.clean_start && connect.session_expiry == factree_mqtt::SessionExpiry::ENDS_WITH_CONNECTION);
            let will = connect.will.as_ref().map(will).unwrap_or_default();
            let password = utf8(connect.password.unwrap());
            format!("CONNECT {} {} {password}{will}", connect.client_id, connect.username.unwrap())
        }
        Packet::Subscribe(subscribe) => {
            let requests = subscribe.requests.iter().map(|request| {
                let options = request.options;
                let live = if options.retain_handling == RetainHandling::DoNotSend { " live" } else { "" };
                let others = if options.no_local { " others'" } else { "" };
                assert_eq!(options.maximum_qos, QoS::AtLeastOnce);
                format!(" {}{live}{others}", request.filter)
            });
            format!("SUBSCRIBE{}", requests.collect::<Vec<_>>().join(","))
        }
        Packet::Publish(publish) => {
            let topic = publish.topic.unwrap();
            match publish.handshake {
                Handshake::AtMostOnce => assert!(!publish.retain, "a command"),
                // A STATE, born or dying. tck-id-operational-behavior-host-application-connect-birth-qos,
                // tck-id-operational-behavior-host-application-connect-birth-retained, tck-id-payloads-state-birth,
                // tck-id-operational-behavior-host-application-death-qos,
                // tck-id-operational-behavior-host-application-death-retained.
                Handshake::AtLeastOnce(_) => assert!(publish.retain),
                Handshake::ExactlyOnce(_) => panic!("nothing is said with QoS 2"),
            }
            format!("{topic} {}", utf8(publish.payload))
        }
        Packet::PubAck(puback) => format!("PUBACK {}", puback.packet_id.0),
        Packet::Disconnect(disconnect) => format!("DISCONNECT {:?}", disconnect.reason),
        packet => packet.name().into(),
    }
}

/// The will: `tck-id-host-topic-phid-death-required`, `tck-id-operational-behavior-host-application-connect-will`; its topic:
/// `tck-id-host-topic-phid-death-topic`, `tck-id-operational-behavior-host-application-connect-will-topic`,
/// `tck-id-payloads-state-will-message`; its payload: `tck-id-host-topic-phid-death-payload`,
/// `tck-id-operational-behavior-host-application-connect-will-payload`, `tck-id-payloads-state-will-message-payload`.
#[test]
fn a_host_application_connects_with_its_death_as_the_will() {
    for version in [V5, V311] {
        let mut story = Story::of(terms(version));
        story.connect();
        assert_eq!(
            story.said(),
            "[CONNECT factree-scada user hunter2 will spBv1.0/STATE/scada {\"online\":false,\"timestamp\":1000}]"
        );
    }
}

/// Subscribed first: `tck-id-message-flow-phid-sparkplug-subscription`, `tck-id-payloads-state-subscribe`. Then, before
/// anything else, it is born: `tck-id-host-topic-phid-birth-message`, `tck-id-principles-birth-certificates-order`,
/// `tck-id-message-flow-phid-sparkplug-state-publish`, `tck-id-operational-behavior-host-application-connect-birth`,
/// `tck-id-operational-behavior-host-application-connect-birth-topic`; with the payload that is wanted:
/// `tck-id-message-flow-phid-sparkplug-state-publish-payload`,
/// `tck-id-message-flow-phid-sparkplug-state-publish-payload-timestamp`, `tck-id-payloads-state-birth-payload`,
/// `tck-id-operational-behavior-host-application-connect-birth-payload`.
#[test]
fn tck_id_host_topic_phid_birth_sub_required() {
    for version in [V5, V311] {
        let mut story = Story::of(terms(version));
        story.connect();
        story.said();
        story.connack().unwrap();
        let said = story.said();
        match version {
            V5 => assert_eq!(said, "[SUBSCRIBE spBv1.0/STATE/scada, spBv1.0/# live others']"),
            V311 => assert_eq!(said, "[SUBSCRIBE spBv1.0/STATE/scada, spBv1.0/#]"),
        }
        story.wait(1).unwrap();
        assert_eq!(story.said(), "[]", "nothing before the SUBACK");
        story.suback(&[ReasonCode::GrantedQoS1; 2]).unwrap();
        // tck-id-host-topic-phid-birth-payload-timestamp: that of the CONNECT.
        assert_eq!(story.said(), "[spBv1.0/STATE/scada {\"online\":true,\"timestamp\":1000}]");
        assert_eq!(story.link.take_notes(), [Note::Online]);
    }
}

/// `tck-id-operational-behavior-primary-application-state-with-multiple-servers-state`: the first message of the new
/// connection as well.
#[test]
fn tck_id_operational_behavior_host_application_multi_server_timestamp() {
    let mut story = Story::online(V5);
    story.lost();
    story.wait(5).unwrap();
    story.connect();
    assert!(story.said().contains("\"timestamp\":6000"), "a new CONNECT is a new timestamp");
    story.connack().unwrap();
    story.said();
    story.receive(&Packet::SubAck(SubAck::new(PacketId::new(3).unwrap(), &[ReasonCode::GrantedQoS1; 2][..]))).unwrap();
    assert_eq!(story.said(), "[spBv1.0/STATE/scada {\"online\":true,\"timestamp\":6000}]");
}

#[test]
fn tck_id_message_flow_hid_sparkplug_state_message_delivered() {
    let offline = |at: u64| format!("{{\"online\":false,\"timestamp\":{at}}}");
    let birth = "[spBv1.0/STATE/scada {\"online\":true,\"timestamp\":1000}]";
    let mut story = Story::of(terms(V311));
    story.connect();
    story.connack().unwrap();
    // What stood there from the last run comes around the SUBACK and is replaced by the birth anyway.
    story.stored(STATE, &offline(500));
    story.said();
    story.suback(&[ReasonCode::GrantedQoS1; 2]).unwrap();
    story.stored(STATE, &offline(500));
    assert_eq!(story.said(), birth, "one birth, no loop");
    story.publish(STATE, "{\"online\":true,\"timestamp\":1000}").unwrap();
    assert_eq!(story.said(), "[]", "our own voice");

    story.publish(STATE, &offline(500)).unwrap();
    story.publish(STATE, &offline(501)).unwrap();
    assert_eq!(story.said(), "[]", "one at a time: the birth is not acknowledged yet");
    story.puback(2);
    assert_eq!(story.said(), birth);
    story.puback(3);
    assert_eq!(story.said(), "[]", "one correction for both");
    let corrected = Note::Corrected { said: Ok(false) };
    assert_eq!(story.link.take_notes(), [Note::Online, corrected.clone(), corrected]);
}

#[test]
fn a_state_from_a_clock_that_was_ahead_is_overtaken_by_the_next_connect() {
    let mut story = Story::online(V5);
    let left = "{\"online\":true,\"timestamp\":9000}";
    let stored = Publish { retain: true, ..Publish::new(name(STATE), left.as_bytes()) };
    assert_eq!(story.receive(&Packet::Publish(stored)), Err(Fault::Overtaken));
    story.said();
    story.lost();
    story.connect();
    assert!(story.said().contains("\"timestamp\":9001"), "its will");
    story.connack().unwrap();
    story.said();
    story.stored(STATE, left);
    story.stored(STATE, "{\"online\":false,\"timestamp\":1000}");
    assert_eq!(story.said(), "[]", "what stands there now is older");
}

#[test]
fn a_rival_is_told_of_and_not_answered() {
    let mut story = Story::online(V5);
    story.link.take_notes();
    story.publish(STATE, "{\"online\":true,\"timestamp\":7}").unwrap();
    assert_eq!((story.said(), story.link.take_notes()), ("[]".into(), vec![Note::Rival { timestamp: Timestamp(7) }]));
}

#[test]
fn a_state_message_that_is_refused_is_told_of() {
    let mut story = Story::of(terms(V5));
    story.connect();
    story.connack().unwrap();
    story.suback(&[ReasonCode::GrantedQoS1; 2]).unwrap();
    story.link.take_notes();
    let reason = ReasonCode::NotAuthorized;
    story.receive(&Packet::PubAck(Acknowledgement::with_reason(PacketId::new(2).unwrap(), reason))).unwrap();
    assert_eq!(story.link.take_notes(), [Note::StateRefused { reason }]);
}

/// `tck-id-operational-behavior-host-application-termination`, `tck-id-operational-behavior-host-application-death-topic`,
/// `tck-id-operational-behavior-host-application-death-payload`, and then a DISCONNECT, as
/// `tck-id-operational-behavior-host-application-disconnect-intentional` allows.
#[test]
fn tck_id_host_topic_phid_death_payload_timestamp_disconnect_clean() {
    let mut story = Story::online(V5);
    story.wait(3).unwrap();
    story.link.leave(story.now, &mut story.out);
    assert_eq!(story.said(), "[spBv1.0/STATE/scada {\"online\":false,\"timestamp\":4000} · DISCONNECT Success]");
}

#[test]
fn edge_nodes_of_sparkplug_2_2_are_told_in_their_words_one_message_at_a_time() {
    let mut story = Story::of(Attachment { state: StateWord::ToldWithLegacy, ..terms(V311) });
    story.connect();
    story.connack().unwrap();
    assert!(story.said().ends_with("SUBSCRIBE spBv1.0/STATE/scada, STATE/scada, spBv1.0/#]"));
    story.suback(&[ReasonCode::GrantedQoS1; 3]).unwrap();
    assert_eq!(story.said(), "[spBv1.0/STATE/scada {\"online\":true,\"timestamp\":1000}]");
    story.puback(2);
    assert_eq!(story.said(), "[STATE/scada ONLINE]");
    story.puback(3);
    story.publish("STATE/scada", "OFFLINE").unwrap();
    assert_eq!(story.said(), "[STATE/scada ONLINE]");
    assert!(story.heard.is_empty(), "our own word is no plain topic of the plant");
}

#[test]
fn a_host_that_says_nothing_listens_all_the_same() {
    let mut story = Story::of(Attachment { state: StateWord::Silent, filters: vec!["Acme/#".into()], ..terms(V5) });
    story.connect();
    assert_eq!(story.said(), "[CONNECT factree-scada user hunter2]");
    story.connack().unwrap();
    assert_eq!(story.said(), "[SUBSCRIBE spBv1.0/# live others', Acme/#]");
    story.suback(&[ReasonCode::GrantedQoS1; 2]).unwrap();
    assert_eq!(story.said(), "[]");
    story.stored("Acme/Oven", "180.5");
    story.publish("spBv1.0/G/NDATA/E", "x").unwrap();
    assert_eq!(story.heard, ["Acme/Oven 180.5 stored", "spBv1.0/G/NDATA/E x"]);
}

#[test]
fn what_is_heard_with_qos_1_is_acknowledged_after_it_was_handed_on() {
    let mut story = Story::online(V5);
    let handshake = Handshake::AtLeastOnce(PacketId::new(9).unwrap());
    story.receive(&Packet::Publish(Publish { handshake, ..Publish::new(name("spBv1.0/G/NDEATH/E"), b"x") })).unwrap();
    assert_eq!((story.heard.len(), story.said()), (1, "[PUBACK 9]".into()));
}

#[test]
fn retained_copies_of_sparkplug_messages_say_how_things_were() {
    let mut story = Story::online(V311);
    story.stored("spBv1.0/G/NBIRTH/E", "old");
    story.stored("spBv1.0/G/DDATA/E/D", "old");
    story.stored("spBv1.0/STATE/other", "{}");
    assert!(story.heard.is_empty());
    assert_eq!((story.link.take_old_copies(), story.link.take_old_copies()), (3, 0));
}

#[test]
fn a_refused_subscription_names_its_filter() {
    let mut story = Story::of(Attachment { filters: vec!["Acme/#".into()], ..terms(V5) });
    story.connect();
    story.connack().unwrap();
    story.said();
    let granted = ReasonCode::GrantedQoS1;
    let fault = story.suback(&[granted, granted, ReasonCode::NotAuthorized]).unwrap_err();
    assert!(fault.to_string().contains("refuses the subscription to \"Acme/#\": NotAuthorized"), "{fault}");
    story.link.give_up(&fault, &mut story.out);
    assert_eq!(story.said(), "[DISCONNECT Success]", "nothing was published");
}

#[test]
fn a_refused_connection_says_what_to_do() {
    let refusal = |version: ProtocolVersion, bytes: &[u8]| {
        let mut story = Story::of(terms(version));
        story.connect();
        let fault = story.bytes(bytes).unwrap_err();
        assert_eq!(fault.class(), "refused");
        fault.to_string()
    };
    // A broker that knows only 3.1.1 refuses 5.0 in the form of 3.1.1.
    assert!(refusal(V5, b"\x20\x02\x00\x01").contains("set the other one with `version`"));
    assert!(refusal(V311, b"\x20\x02\x00\x05").contains("look at `username` and `password`"));
    let wrong_password = refusal(V5, b"\x20\x0A\x00\x86\x07\x1F\x00\x04no\n!");
    assert!(wrong_password.contains("BadUserNameOrPassword") && wrong_password.contains(r#"it says "no\n!""#));
    assert!(!wrong_password.contains("hunter2"));
}

#[test]
fn a_broker_that_cannot_keep_state_is_told_of() {
    let mut story = Story::of(terms(V5));
    story.connect();
    let properties = ConnAckProperties { retain_available: Some(false), ..ConnAckProperties::default() };
    let fault =
        story.receive(&Packet::ConnAck(ConnAck { properties, ..ConnAck::new(ReasonCode::Success) })).unwrap_err();
    assert!(fault.to_string().contains("does not support retained messages"), "{fault}");
}

#[test]
fn a_publish_that_is_not_taken_costs_itself() {
    let mut story = Story::online(V5);
    story.said();
    let large = "x".repeat(2000);
    story.publish("spBv1.0/G/NDATA/E", &large).unwrap();
    let handshake = Handshake::AtLeastOnce(PacketId::new(7).unwrap());
    let publish = Publish { handshake, ..Publish::new(name("spBv1.0/G/NDEATH/E"), large.as_bytes()) };
    story.receive(&Packet::Publish(publish)).unwrap();
    assert_eq!(story.said(), "[PUBACK 7]", "or the broker would wait for it for ever");
    // A topic that is no UTF-8, one with a wildcard, and one of too many levels.
    story.bytes(b"\x30\x05\x00\x02\xFF\xFE\x00").unwrap();
    story.bytes(b"\x30\x05\x00\x02a#\x00").unwrap();
    story.publish("a/b/c/d/e/f/g", "1").unwrap();
    story.publish("spBv1.0/G/NDATA/E", "small").unwrap();
    assert_eq!(story.heard, ["spBv1.0/G/NDATA/E small"]);
    assert_eq!(story.link.take_passed_over(), 5);
}

#[test]
fn a_broker_that_breaks_the_protocol_is_left_with_a_reason() {
    let fault = |bytes: &[u8]| {
        let mut story = Story::online(V5);
        story.said();
        let fault = story.bytes(bytes).unwrap_err();
        story.link.give_up(&fault, &mut story.out);
        assert_eq!(fault.class(), "protocol", "{fault}");
        format!("{fault}: {}", story.said())
    };
    assert!(fault(b"\x00\x00").contains("DISCONNECT MalformedPacket"));
    assert!(fault(b"\x30\xFF\xFF\xFF\xFF\x01").contains("DISCONNECT MalformedPacket"), "no length");
    assert!(fault(b"\x34\x06\x00\x01a\x00\x01\x00").contains("a PUBLISH of QoS 2"));
    assert!(fault(b"\x30\x06\x00\x00\x03\x23\x00\x01").contains("a topic alias"));
    assert!(fault(b"\x20\x03\x00\x00\x00").contains("sent CONNACK where it must not"));
    assert!(fault(b"\xC0\x00").contains("sent PINGREQ"));
    assert!(fault(b"\x90\x05\x00\x63\x00\x01\x01").contains("sent SUBACK"), "a SUBACK nobody waits for");
    // [MQTT-3.2.0-1]
    let mut story = Story::of(terms(V5));
    story.connect();
    assert_eq!(story.publish("a", "1"), Err(Fault::Unexpected("PUBLISH")));
    let mut story = Story::of(terms(V5));
    story.connect();
    assert_eq!(story.bytes(b"HTTP/1.1 400 Bad Request").unwrap_err().class(), "protocol");
}

#[test]
fn a_broker_that_closes_says_why_if_it_can() {
    let mut story = Story::online(V5);
    let fault = story.receive(&Packet::Disconnect(Disconnect::new(ReasonCode::SessionTakenOver))).unwrap_err();
    assert!(fault.class() == "closed" && fault.to_string().contains("set another `client_id`"), "{fault}");
}

#[test]
fn a_silent_broker_is_left() {
    let awaited = |fault: Result<(), Fault>| fault.unwrap_err().to_string();
    let mut story = Story::of(terms(V5));
    story.connect();
    assert_eq!(story.wait(9), Ok(()));
    assert_eq!(awaited(story.wait(1)), "no CONNACK within 10s");
    let mut story = Story::of(terms(V5));
    story.connect();
    story.connack().unwrap();
    assert_eq!(awaited(story.wait(10)), "no SUBACK within 10s");

    let mut story = Story::online(V5);
    story.said();
    assert_eq!((story.wait(19), story.said()), (Ok(()), "[]".into()));
    assert_eq!((story.wait(1), story.said()), (Ok(()), "[PINGREQ]".into()), "at two thirds of the keep-alive");
    story.receive(&Packet::PingResp).unwrap();
    // Not even if there is much to be said meanwhile.
    story.wait(19).unwrap();
    story.link.publish("spBv1.0/G/NCMD/E", b"x", &mut story.out).unwrap();
    assert_eq!((story.wait(1), story.said()), (Ok(()), "[spBv1.0/G/NCMD/E x · PINGREQ]".into()));
    assert_eq!(story.link.next_wake(), Some(story.now.instant + Duration::from_secs(10)));
    assert_eq!(awaited(story.wait(10)), "no PINGRESP within 10s");
}

#[test]
fn the_servers_keep_alive_is_the_one_that_counts() {
    let mut story = Story::of(terms(V5));
    story.connect();
    let properties = ConnAckProperties {
        server_keep_alive: Some(Duration::from_secs(3)),
        maximum_packet_size: NonZeroU32::new(60),
        ..ConnAckProperties::default()
    };
    story.receive(&Packet::ConnAck(ConnAck { properties, ..ConnAck::new(ReasonCode::Success) })).unwrap();
    story.suback(&[ReasonCode::GrantedQoS1; 2]).unwrap();
    story.said();
    assert_eq!((story.wait(2), story.said()), (Ok(()), "[PINGREQ]".into()));
    let too_large = story.link.publish("spBv1.0/G/NCMD/E", &[0; 60], &mut story.out);
    assert_eq!((too_large, story.said()), (Err(TooLarge), "[]".into()), "[MQTT-3.2.2-15]");
}

#[test]
fn whatever_a_broker_sends_nothing_panics_and_nothing_grows() {
    // Bytes from a xorshift, with whole packets among them often enough to get behind the first checks.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..3000 {
        let version = if random() % 2 == 0 { V5 } else { V311 };
        let mut story = Story::online(version);
        for _ in 0..20 {
            let kind = (random() % 16) as u8;
            let flags = if kind == 3 { random() as u8 & 0xF } else { 0 };
            let body: Vec<u8> = (0..random() % 40).map(|_| random() as u8 % 32).collect();
            let head = [kind << 4 | flags, body.len() as u8];
            if story.bytes(&[&head[..], &body].concat()).is_err() {
                break;
            }
            assert!(
                story.incoming.len() < 1100 && story.link.notes.len() <= NOTES_MAX && story.link.state.owed.len() < 4
            );
            assert!(story.heard.len() <= 20);
        }
    }
}
