//! Clients that behave, and a model that knows only what a subscriber may expect: who is subscribed to what, what was
//! published meanwhile, what each topic said last.
//!
//! Clients acknowledge in any order, or lose their connection and come back. Nobody may miss a QoS>0 message, get a QoS
//! 2 message twice, see an order turned round, or have more in flight than it allowed.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use factree_broker::{Broker, ConnectionId, Input, Limits, Lost, More, Output, Outputs, Reply};
use factree_mqtt::{
    Acknowledgement, Connect, Handshake, Packet, PacketId, ProtocolVersion, Publish, QoS, ReasonCode, SessionExpiry,
    Subscribe, SubscribeRequest, TopicFilter, TopicName, Unsubscribe,
};
use proptest::prelude::*;

use crate::{FILTERS, TOPICS};

const CLIENTS: [&str; 4] = ["ann", "bob", "cy", "di"];
#[derive(Clone, Debug)]
enum Step {
    Connect { client: usize, v3: bool, resume: bool, keeps: bool, receive_maximum: u16 },
    Lose { client: usize },
    Subscribe { client: usize, filter: usize, qos: QoS },
    Unsubscribe { client: usize, filter: usize },
    Publish { client: usize, topic: usize, qos: QoS, retain: bool, empty: bool },
    Acknowledge { client: usize, which: usize },
    Wait,
}

fn qos() -> impl Strategy<Value = QoS> {
    prop_oneof![Just(QoS::AtMostOnce), Just(QoS::AtLeastOnce), Just(QoS::ExactlyOnce)]
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS.len();
    prop_oneof![
        2 => (client.clone(), any::<bool>(), any::<bool>(), any::<bool>(), 1..6u16).prop_map(
            |(client, v3, resume, keeps, receive_maximum)| Step::Connect { client, v3, resume, keeps, receive_maximum }
        ),
        1 => client.clone().prop_map(|client| Step::Lose { client }),
        4 => (client.clone(), 0..FILTERS.len(), qos())
            .prop_map(|(client, filter, qos)| Step::Subscribe { client, filter, qos }),
        1 => (client.clone(), 0..FILTERS.len()).prop_map(|(client, filter)| Step::Unsubscribe { client, filter }),
        8 => (client.clone(), 0..TOPICS.len(), qos(), any::<bool>(), prop::bool::weighted(0.2)).prop_map(
            |(client, topic, qos, retain, empty)| Step::Publish { client, topic, qos, retain, empty }
        ),
        6 => (client, any::<usize>()).prop_map(|(client, which)| Step::Acknowledge { client, which }),
        1 => Just(Step::Wait),
    ]
}

/// A client that behaves, and what it may expect.
#[derive(Default)]
struct Client {
    connection: Option<ConnectionId>,
    v3: bool,
    keeps: bool,
    has_session: bool,
    receive_maximum: usize,
    subscriptions: BTreeMap<&'static str, QoS>,
    /// QoS>0 messages it must get, by number, with the topic and QoS they come with `[MQTT-4.5.0-1]`.
    expected: BTreeMap<u32, (&'static str, QoS)>,
    /// What was sent to it and it has not answered finally: the last packet seen of each exchange.
    open: Vec<(PacketId, Exchange)>,
    /// QoS 2 packet ids it has received and not seen released.
    held: BTreeSet<u16>,
    /// The highest number seen live per topic and QoS: order must hold `[MQTT-4.6.0-5]`, `[MQTT-4.6.0-6]`.
    highest: BTreeMap<(&'static str, QoS), u32>,
    /// Numbers got with QoS 2: exactly once.
    once: BTreeSet<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Exchange {
    OweAck,
    OweRec,
    AwaitRel,
    OweComp,
}

struct Plant {
    broker: Broker,
    now: Instant,
    out: Outputs,
    clients: Vec<Client>,
    retained: BTreeMap<&'static str, u32>,
    connections: u64,
    number: u32,
    next_id: u16,
}

impl Plant {
    fn new() -> Self {
        Plant {
            // Its clients take each other over without a second passing.
            broker: Broker::new(Limits { takeovers_per_minute_max: u32::MAX, ..Limits::default() }),
            now: Instant::now(),
            out: Outputs::default(),
            clients: CLIENTS.iter().map(|_| Client::default()).collect(),
            retained: BTreeMap::new(),
            connections: 0,
            number: 0,
            next_id: 0,
        }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Connect { client, v3, resume, keeps, receive_maximum } => {
                self.connect(client, v3, resume, keeps, receive_maximum);
            }
            Step::Lose { client } => self.lose(client),
            Step::Subscribe { client, filter, qos } => {
                if self.clients[client].connection.is_some() {
                    self.clients[client].subscriptions.insert(FILTERS[filter], qos);
                    let mut request = SubscribeRequest::new(FILTERS[filter], qos);
                    request.options.retain_handling = factree_mqtt::RetainHandling::DoNotSend;
                    let packet_id = PacketId::new(1).unwrap();
                    self.send(client, &Packet::Subscribe(Subscribe::new(packet_id, &[request])));
                }
            }
            Step::Unsubscribe { client, filter } => {
                if self.clients[client].connection.is_some() {
                    self.clients[client].subscriptions.remove(FILTERS[filter]);
                    let packet_id = PacketId::new(1).unwrap();
                    self.send(client, &Packet::Unsubscribe(Unsubscribe::new(packet_id, &[FILTERS[filter]])));
                }
            }
            Step::Publish { client, topic, qos, retain, empty } => self.publish(client, topic, qos, retain, empty),
            Step::Acknowledge { client, which } => self.acknowledge(client, which),
            Step::Wait => {
                self.now += Duration::from_secs(1);
                self.input(Input::Tick);
            }
        }
    }

    fn connect(&mut self, index: usize, v3: bool, resume: bool, keeps: bool, receive_maximum: u16) {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let client = &mut self.clients[index];
        // What the broker keeps of the session before: nothing if it was not to be kept.
        if client.connection.is_some() && !client.keeps {
            client.has_session = false;
        }
        let present = resume && client.has_session;
        if !present {
            *client = Client::default();
        }
        let keeps = if v3 { !resume || keeps } else { keeps };
        client.connection = Some(connection);
        client.v3 = v3;
        client.keeps = keeps;
        client.has_session = true;
        client.receive_maximum = if v3 { 1024 } else { receive_maximum.into() };
        // All that is open comes again; a QoS 2 that was answered is remembered.
        client.open.clear();
        let version = if v3 { ProtocolVersion::V311 } else { ProtocolVersion::V5 };
        let mut connect = Connect::new(version, CLIENTS[index]);
        connect.clean_start = !resume;
        connect.session_expiry = if keeps { SessionExpiry::Never } else { SessionExpiry::ENDS_WITH_CONNECTION };
        if !v3 {
            connect.receive_maximum = NonZeroU16::new(receive_maximum).unwrap();
        }
        self.broker.handle(
            self.now,
            Input::Connect { connection, connect: &connect, holder: factree_broker::Holder::unrestricted() },
            &mut self.out,
        );
        let answered = self.out.iter().find_map(|output| match output {
            Output::Reply { to, reply: Reply::ConnAck(reply) } if *to == connection => Some(reply.session_present),
            _ => None,
        });
        assert_eq!(answered, Some(present), "session present");
        self.drain();
    }

    fn lose(&mut self, index: usize) {
        let Some(connection) = self.clients[index].connection else { return };
        self.input(Input::Lost { connection, cause: Lost::Closed });
        let client = &mut self.clients[index];
        client.connection = None;
        if !client.keeps {
            *client = Client::default();
        }
    }

    fn publish(&mut self, index: usize, topic: usize, qos: QoS, retain: bool, empty: bool) {
        if self.clients[index].connection.is_none() {
            return;
        }
        let text = TOPICS[topic];
        let name = TopicName::parse(text).unwrap();
        self.number += 1;
        let number = self.number;
        let payload = if empty { String::new() } else { number.to_string() };
        if !name.is_dollar() {
            for client in self.clients.iter_mut().filter(|client| client.has_session) {
                let matching = client.subscriptions.iter();
                let matching = matching.filter(|(filter, _)| TopicFilter::parse(filter).unwrap().matches(name));
                if let Some(granted) = matching.map(|(_, granted)| *granted).max()
                    && !empty
                    && qos.min(granted) != QoS::AtMostOnce
                {
                    client.expected.insert(number, (text, qos.min(granted)));
                }
            }
            match (retain, empty) {
                (true, true) => drop(self.retained.remove(text)),
                (true, false) => drop(self.retained.insert(text, number)),
                (false, _) => {}
            }
        }
        self.next_id = self.next_id % 60_000 + 1;
        let packet_id = PacketId::new(self.next_id).unwrap();
        let handshake = match qos {
            QoS::AtMostOnce => Handshake::AtMostOnce,
            QoS::AtLeastOnce => Handshake::AtLeastOnce(packet_id),
            QoS::ExactlyOnce => Handshake::ExactlyOnce(packet_id),
        };
        let publish = Publish { handshake, retain, ..Publish::new(name, payload.as_bytes()) };
        self.send(index, &Packet::Publish(publish.clone()));
        if qos == QoS::ExactlyOnce {
            // Sent again before it is released, it must not be routed again.
            self.send(index, &Packet::Publish(Publish { dup: true, ..publish }));
            self.send(index, &Packet::PubRel(Acknowledgement::new(packet_id)));
        }
    }

    /// The client answers one of the exchanges that wait for it.
    fn acknowledge(&mut self, index: usize, which: usize) {
        let client = &mut self.clients[index];
        let owed: Vec<usize> =
            (0..client.open.len()).filter(|place| client.open[*place].1 != Exchange::AwaitRel).collect();
        if owed.is_empty() || client.connection.is_none() {
            return;
        }
        let place = owed[which % owed.len()];
        let (packet_id, exchange) = client.open[place];
        let ack = Acknowledgement::new(packet_id);
        let packet = match exchange {
            Exchange::OweAck => {
                client.open.remove(place);
                Packet::PubAck(ack)
            }
            Exchange::OweRec => {
                client.open[place].1 = Exchange::AwaitRel;
                Packet::PubRec(ack)
            }
            Exchange::OweComp => {
                client.open.remove(place);
                Packet::PubComp(ack)
            }
            Exchange::AwaitRel => unreachable!("filtered out above"),
        };
        self.send(index, &packet);
    }

    fn send(&mut self, index: usize, packet: &Packet<'_>) {
        let Some(connection) = self.clients[index].connection else { return };
        self.input(Input::Packet { connection, packet });
    }

    fn input(&mut self, input: Input<'_>) {
        self.broker.handle(self.now, input, &mut self.out);
        self.drain();
    }

    fn drain(&mut self) {
        let mut out = std::mem::take(&mut self.out);
        for output in out.drain() {
            match output {
                Output::Wake(connection) => self.take(connection),
                Output::Reply { to, reply: Reply::PubRel { packet_id, reason } } => {
                    assert_eq!(reason, ReasonCode::Success);
                    let client = self.client(to);
                    client.held.remove(&packet_id.get());
                    client.open.retain(|(open, _)| *open != packet_id);
                    client.open.push((packet_id, Exchange::OweComp));
                }
                Output::Close { reason, .. } => {
                    assert!(matches!(reason, Some(ReasonCode::SessionTakenOver)), "nobody misbehaved: {reason:?}");
                }
                Output::Reply { .. }
                | Output::Accepted(_)
                | Output::Refused(_)
                | Output::Ended { .. }
                | Output::Subscribed { .. }
                | Output::Event(_) => {}
            }
        }
        self.out = out;
    }

    fn client(&mut self, connection: ConnectionId) -> &mut Client {
        let found = self.clients.iter_mut().find(|client| client.connection == Some(connection));
        found.expect("outputs name living connections")
    }

    fn take(&mut self, connection: ConnectionId) {
        let mut deliveries = Vec::new();
        while self.broker.take_deliveries(self.now, connection, 40, &mut deliveries) == More::Yes {}
        for delivery in deliveries {
            let client = self.client(connection);
            let publication = delivery.publication();
            let topic = TOPICS.into_iter().find(|topic| *topic == publication.topic().as_str()).unwrap();
            let qos = delivery.handshake().qos();
            if let Some(packet_id) = delivery.handshake().packet_id() {
                let owed = if qos == QoS::AtLeastOnce { Exchange::OweAck } else { Exchange::OweRec };
                assert!(client.open.iter().all(|(open, _)| *open != packet_id), "packet id in use");
                client.open.push((packet_id, owed));
                assert!(client.open.len() <= client.receive_maximum, "Receive Maximum");
                let is_new = qos == QoS::AtLeastOnce || client.held.insert(packet_id.get());
                assert!(is_new || delivery.dup(), "a held packet id comes again only as a repeat");
                if !is_new {
                    continue;
                }
            }
            let Ok(number) = str::from_utf8(publication.payload()).unwrap().parse::<u32>() else { continue };
            if !delivery.dup() {
                let highest = client.highest.entry((topic, qos)).or_default();
                assert!(*highest < number, "{topic}: {number} after {highest}");
                *highest = number;
            }
            if qos != QoS::AtMostOnce {
                let expected = client.expected.remove(&number);
                assert!(expected.is_none_or(|expected| expected == (topic, qos)), "topic or QoS of {number}");
                assert!(expected.is_some() || delivery.dup(), "{number} was not asked for");
            }
            if qos == QoS::ExactlyOnce {
                assert!(client.once.insert(number), "{number} twice");
            }
        }
    }

    /// Everybody comes back and answers everything: then nobody misses anything.
    fn settle(&mut self) {
        for (index, client_id) in CLIENTS.into_iter().enumerate() {
            if self.clients[index].has_session && self.clients[index].connection.is_none() {
                self.connect(index, false, true, true, 3);
            }
            while self.clients[index].open.iter().any(|(_, exchange)| *exchange != Exchange::AwaitRel) {
                self.acknowledge(index, 0);
            }
            let client = &self.clients[index];
            assert_eq!(client.expected, BTreeMap::new(), "{client_id} misses messages");
            if let Some(session) = self.broker.session(client_id) {
                assert_eq!((session.queue_len, session.in_flight), (0, 0), "{client_id} is drained");
                assert_eq!(session.subscriptions, client.subscriptions.len());
            }
        }
        let kept: BTreeMap<&str, u32> = TOPICS
            .into_iter()
            .filter_map(|topic| {
                let publication = self.broker.retained(TopicName::parse(topic).unwrap())?;
                Some((topic, str::from_utf8(publication.payload()).unwrap().parse().unwrap()))
            })
            .collect();
        assert_eq!(kept, self.retained);
        assert_eq!(self.broker.retained_len(), self.retained.len());
        self.retained_by_filter();
    }

    /// A newcomer is sent what the model says, filter by filter.
    fn retained_by_filter(&mut self) {
        for filter in FILTERS {
            self.connections += 1;
            let connection = ConnectionId(self.connections);
            let connect = Connect::new(ProtocolVersion::V5, "newcomer");
            self.broker.handle(
                self.now,
                Input::Connect { connection, connect: &connect, holder: factree_broker::Holder::unrestricted() },
                &mut self.out,
            );
            let requests = [SubscribeRequest::new(filter, QoS::AtMostOnce)];
            let packet = Packet::Subscribe(Subscribe::new(PacketId::new(1).unwrap(), &requests));
            self.broker.handle(self.now, Input::Packet { connection, packet: &packet }, &mut self.out);
            self.out.drain();
            let mut deliveries = Vec::new();
            assert_eq!(self.broker.take_deliveries(self.now, connection, usize::MAX, &mut deliveries), More::No);
            let got: BTreeSet<&str> =
                deliveries.iter().map(|delivery| delivery.publication().topic().as_str()).collect();
            let parsed = TopicFilter::parse(filter).unwrap();
            let want: BTreeSet<&str> = self
                .retained
                .keys()
                .copied()
                .filter(|topic| parsed.matches(TopicName::parse(topic).unwrap()))
                .collect();
            assert_eq!(got, want, "retained for {filter}");
            assert_eq!(deliveries.len(), want.len(), "each once");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn clients_that_behave_miss_nothing(steps in prop::collection::vec(step(), 1..120)) {
        let mut plant = Plant::new();
        for step in &steps {
            plant.run(step);
        }
        plant.settle();
    }
}
