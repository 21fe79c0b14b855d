//! Two clients play arbitrary packets against the broker, and against a much simpler [`model`] of one: word for word the same.
//!
//! An input is any bytes; [`step`] says what they mean. After each step everything that was said to anybody is compared,
//! and what a client that reads was sent. A client that is not woken although something could go to it is a fault, too.
//! Shared by the fuzz target and by the test that replays its corpus.

mod model;
mod step;

use std::num::{NonZeroU16, NonZeroU32};
use std::time::{Duration, Instant};

use factree_broker::{
    Accepted, Broker, ConnectionId, Delivery, Event, Input, Limits, Lost, More, Output, Outputs, Reply,
};
use factree_mqtt::{
    Acknowledgement, Auth, Connect, Disconnect, Handshake, Packet, PacketId, ProtocolVersion, Publish, ReasonCode,
    SubAck, Subscribe, SubscribeRequest, TopicName, Unsubscribe, WillMessage,
};

use model::{Model, RECEIVE_MAXIMUM};
use step::{Bytes, Step};

const NAMES: [&str; 2] = ["ann", "bob"];
/// More would say nothing new.
const STEPS_MAX: usize = 300;

/// Plays an input; says how many things were said. Panics where broker and model differ.
pub(crate) fn play(input: &[u8]) -> usize {
    let mut game = Game::new();
    let mut bytes = Bytes::new(input);
    for _ in 0..STEPS_MAX {
        let Some((who, step)) = bytes.step() else { break };
        game.take(who, &step);
    }
    game.words
}

struct Game {
    broker: Broker,
    model: Model,
    now: Instant,
    out: Outputs,
    /// The latest connection of each client.
    connections: [ConnectionId; 2],
    opened: u64,
    holds: [bool; 2],
    woken: [bool; 2],
    number: u32,
    words: usize,
    story: Vec<String>,
}

impl Game {
    fn new() -> Self {
        let limits = Limits {
            receive_maximum: NonZeroU16::new(RECEIVE_MAXIMUM as u16).expect("it is not zero"),
            takeovers_per_minute_max: u32::MAX,
            ..Limits::default()
        };
        Game {
            broker: Broker::new(limits),
            model: Model::default(),
            now: Instant::now(),
            out: Outputs::default(),
            connections: [ConnectionId(0); 2],
            opened: 0,
            holds: [false; 2],
            woken: [false; 2],
            number: 0,
            words: 0,
            story: Vec::new(),
        }
    }

    fn take(&mut self, who: usize, step: &Step) {
        self.story.push(format!("{who} {step:?}"));
        // No two steps at one time, so no two deadlines either.
        self.now += Duration::from_millis(1);
        self.pass(self.now);
        match step {
            Step::Connect(connect) => self.connect(who, connect),
            Step::Packet(packet) => self.packet(who, packet),
            Step::Lost => {
                self.model.lost(self.now, who);
                self.input(Input::Lost { connection: self.connections[who], cause: Lost::Closed });
            }
            Step::Wait(time) => {
                let until = self.now + *time;
                self.pass(until);
                self.now = until;
            }
            Step::Hold => self.holds[who] = !self.holds[who],
        }
        self.deliver();
    }

    /// Time passes, and what is due happens when it is.
    fn pass(&mut self, until: Instant) {
        while let Some(at) = self.broker.next_deadline().filter(|at| *at <= until) {
            let due = self.model.next_deadline();
            assert!(due.is_none_or(|due| at <= due), "the broker sleeps too long: {:#?}", self.story);
            let back = std::mem::replace(&mut self.now, at);
            self.model.tick(at);
            self.input(Input::Tick);
            self.deliver();
            self.now = back.max(at);
        }
        let due = self.model.next_deadline();
        assert!(due.is_none_or(|due| due > until), "the broker has missed something: {:#?}", self.story);
    }

    fn connect(&mut self, who: usize, wish: &step::Connect) {
        self.opened += 1;
        let connection = ConnectionId(2 * self.opened + who as u64);
        self.model.connect(self.now, who, wish);
        let payload = format!("will of {who}");
        let version = if wish.v5 { ProtocolVersion::V5 } else { ProtocolVersion::V311 };
        let connect = Connect {
            clean_start: wish.clean_start,
            session_expiry: wish.expiry,
            receive_maximum: NonZeroU16::new(wish.window).expect("windows are not zero"),
            keep_alive: Duration::from_secs(wish.keep_alive.into()),
            will: wish.will.as_ref().map(|will| WillMessage {
                qos: will.qos,
                retain: will.retain,
                delay: will.delay,
                ..WillMessage::new(topic(will.topic), payload.as_bytes())
            }),
            ..Connect::new(version, NAMES[who])
        };
        self.input(Input::Connect { connection, connect: &connect, holder: factree_broker::Holder::unrestricted() });
        self.connections[who] = connection;
    }

    fn packet(&mut self, who: usize, packet: &step::Packet) {
        let connection = self.connections[who];
        let id = |id: u16| PacketId::new(id).expect("ids are not zero");
        let ack = |number: u16| Acknowledgement::new(id(number));
        let mut payload = String::new();
        if let step::Packet::Publish { empty, .. } = packet {
            self.number += 1;
            payload = if *empty { String::new() } else { self.number.to_string() };
        }
        self.model.packet(self.now, who, packet, &payload);
        let requests;
        let filters;
        let packet = match packet {
            step::Packet::Publish { topic: name, qos, retain, id: number, expiry, .. } => {
                let handshake = match qos {
                    factree_mqtt::QoS::AtMostOnce => Handshake::AtMostOnce,
                    factree_mqtt::QoS::AtLeastOnce => Handshake::AtLeastOnce(id(*number)),
                    factree_mqtt::QoS::ExactlyOnce => Handshake::ExactlyOnce(id(*number)),
                };
                let mut publish =
                    Publish { handshake, retain: *retain, ..Publish::new(topic(name), payload.as_bytes()) };
                publish.properties.message_expiry = *expiry;
                Packet::Publish(publish)
            }
            step::Packet::PubAck { id } => Packet::PubAck(ack(*id)),
            step::Packet::PubRec { id: number, refuses: true } => {
                Packet::PubRec(Acknowledgement::with_reason(id(*number), ReasonCode::QuotaExceeded))
            }
            step::Packet::PubRec { id, refuses: false } => Packet::PubRec(ack(*id)),
            step::Packet::PubRel { id } => Packet::PubRel(ack(*id)),
            step::Packet::PubComp { id } => Packet::PubComp(ack(*id)),
            step::Packet::Subscribe { id: number, filter, options, identifier } => {
                requests = [SubscribeRequest { filter, options: *options }];
                let subscription_identifier = identifier.and_then(NonZeroU32::new);
                Packet::Subscribe(Subscribe { subscription_identifier, ..Subscribe::new(id(*number), &requests) })
            }
            step::Packet::Unsubscribe { id: number, filter } => {
                filters = [*filter];
                Packet::Unsubscribe(Unsubscribe::new(id(*number), &filters))
            }
            step::Packet::PingReq => Packet::PingReq,
            step::Packet::Disconnect { with_will, expiry } => {
                let with_will_message = ReasonCode::DisconnectWithWillMessage;
                let reason = if *with_will { with_will_message } else { ReasonCode::Success };
                Packet::Disconnect(Disconnect { session_expiry: *expiry, ..Disconnect::new(reason) })
            }
            step::Packet::Connect => Packet::Connect(Connect::new(ProtocolVersion::V5, "third")),
            step::Packet::Auth => Packet::Auth(Auth::SUCCESS),
            step::Packet::SubAck => Packet::SubAck(SubAck::new(id(1), &[ReasonCode::Success][..])),
        };
        self.input(Input::Packet { connection, packet: &packet });
    }

    /// Hands an input to the broker and compares what it says with what the model has said.
    fn input(&mut self, input: Input<'_>) {
        self.broker.handle(self.now, input, &mut self.out);
        let mut out = std::mem::take(&mut self.out);
        let said: Vec<String> = out.drain().filter_map(|output| self.words(output)).collect();
        self.out = out;
        let expected = self.model.said();
        self.words += said.len();
        assert_eq!(said, expected, "broker, model; after {:#?}", self.story);
    }

    fn words(&mut self, output: Output) -> Option<String> {
        let who = |connection: ConnectionId| connection.0 % 2;
        let words = match output {
            Output::Wake(connection) => {
                self.woken[who(connection) as usize] = true;
                return None;
            }
            Output::Reply { to, reply } => match reply {
                Reply::ConnAck(it) => format!("{} CONNACK {}", who(to), it.session_present),
                Reply::PubAck { packet_id, reason, .. } => format!("{} PUBACK {} {reason:?}", who(to), packet_id.get()),
                Reply::PubRec { packet_id, reason, .. } => format!("{} PUBREC {} {reason:?}", who(to), packet_id.get()),
                Reply::PubRel { packet_id, reason } => format!("{} PUBREL {} {reason:?}", who(to), packet_id.get()),
                Reply::PubComp { packet_id, reason } => format!("{} PUBCOMP {} {reason:?}", who(to), packet_id.get()),
                Reply::SubAck { packet_id, reasons } => {
                    format!("{} SUBACK {} {:?}", who(to), packet_id.get(), reasons[0])
                }
                Reply::UnsubAck { packet_id, reasons } => {
                    format!("{} UNSUBACK {} {:?}", who(to), packet_id.get(), reasons[0])
                }
                Reply::PingResp => format!("{} PINGRESP", who(to)),
            },
            Output::Accepted(Accepted::Packet { connection }) => format!("{} accepted", who(connection)),
            Output::Accepted(Accepted::Will { connection, .. }) => format!("{} will", who(connection)),
            Output::Accepted(Accepted::Local) => "local".to_owned(),
            Output::Refused(_) => unreachable!("nobody refuses anything here"),
            Output::Close { connection, reason: Some(reason), .. } => format!("{} close {reason:?}", who(connection)),
            Output::Close { connection, reason: None, .. } => format!("{} close", who(connection)),
            Output::Ended { connection, .. } => {
                self.woken[who(connection) as usize] = false;
                format!("{} ended", who(connection))
            }
            Output::Event(Event::SessionEnded { client_id, .. }) => {
                let who = NAMES.iter().position(|name| *name == client_id.as_str());
                format!("{} session ended", who.expect("there are two"))
            }
            Output::Subscribed { .. } | Output::Event(_) => return None,
        };
        Some(words)
    }

    /// Clients that read take what there is.
    fn deliver(&mut self) {
        for who in 0..2 {
            if self.holds[who] || !self.model.is_connected(who) {
                continue;
            }
            let woken = std::mem::take(&mut self.woken[who]);
            assert!(woken || !self.model.can_deliver(who), "{who} is never woken: {:#?}", self.story);
            if !woken {
                continue;
            }
            let mut deliveries = Vec::new();
            // All at once: how much is taken decides when what has expired is noticed, and the model knows no bytes.
            let more = self.broker.take_deliveries(self.now, self.connections[who], usize::MAX, &mut deliveries);
            assert_eq!(more, More::No, "all was asked for");
            let said: Vec<String> = deliveries.iter().map(words_of).collect();
            self.words += said.len();
            let expected = self.model.deliveries(self.now, who);
            assert_eq!(said, expected, "deliveries to {who}: broker, model; after {:#?}", self.story);
        }
    }
}

fn words_of(delivery: &Delivery) -> String {
    let mut identifiers: Vec<u32> = delivery.subscription_identifiers().iter().copied().map(NonZeroU32::get).collect();
    identifiers.sort_unstable();
    let publication = delivery.publication();
    format!(
        "PUBLISH {} {:?} {:?} {} dup={} retain={} {identifiers:?} {:?}",
        publication.topic().as_str(),
        String::from_utf8_lossy(publication.payload()),
        delivery.handshake().qos(),
        delivery.handshake().packet_id().map_or(0, PacketId::get),
        delivery.dup(),
        delivery.retain(),
        delivery.message_expiry().map(|left| u128::from(left.as_secs())),
    )
}

fn topic(text: &str) -> TopicName<'_> {
    TopicName::parse(text).expect("topics of ours are topics")
}
