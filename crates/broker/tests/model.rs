//! A broker against a naive model, and against a storm of nonsense.
//!
//! The model knows only what a subscriber may expect: who is subscribed to what, what was published meanwhile, what each
//! topic said last. Clients behave: they acknowledge, or lose their connection and come back. In the storm nobody behaves;
//! there, what must hold is that limits hold and that each connection ends once.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use factree_broker::{Accepted, Broker, ConnectionId, Input, Limits, Lost, More, Output, Outputs, Reply};
use factree_mqtt::{
    Acknowledgement, Connect, Disconnect, Handshake, Packet, PacketId, ProtocolVersion, Publish, QoS, ReasonCode,
    SessionExpiry, Subscribe, SubscribeRequest, TopicFilter, TopicName, Unsubscribe, WillMessage,
};
use proptest::prelude::*;

const CLIENTS: [&str; 4] = ["ann", "bob", "cy", "di"];
const TOPICS: [&str; 9] = ["a", "b", "a/a", "a/b", "b/a", "a/b/a", "/a", "a/", "$s/a"];
const FILTERS: [&str; 15] =
    ["a", "b", "a/b", "#", "+", "a/#", "+/a", "+/+", "a/+", "a/b/#", "/+", "+/#", "$s/#", "$s/+", "a/+/a"];

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
    /// QoS>0 messages it must get, by number, with the topic and QoS they come with.
    expected: BTreeMap<u32, (&'static str, QoS)>,
    /// What was sent to it and it has not answered finally: the last packet seen of each exchange.
    open: Vec<(PacketId, Exchange)>,
    /// QoS 2 packet ids it has received and not seen released.
    held: BTreeSet<u16>,
    /// The highest number seen live per topic and QoS: order must hold.
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
            broker: Broker::new(Limits::default()),
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
        self.broker.handle(self.now, Input::Connect { connection, connect: &connect }, &mut self.out);
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
                Output::Reply { .. } | Output::Accepted(_) | Output::Ended { .. } | Output::Event(_) => {}
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
        for index in 0..CLIENTS.len() {
            if self.clients[index].has_session && self.clients[index].connection.is_none() {
                self.connect(index, false, true, true, 3);
            }
            while self.clients[index].open.iter().any(|(_, exchange)| *exchange != Exchange::AwaitRel) {
                self.acknowledge(index, 0);
            }
            let client = &self.clients[index];
            assert_eq!(client.expected, BTreeMap::new(), "{} misses messages", CLIENTS[index]);
            if let Some(session) = self.broker.session(CLIENTS[index]) {
                assert_eq!((session.queue_len, session.in_flight), (0, 0), "{} is drained", CLIENTS[index]);
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
            self.broker.handle(self.now, Input::Connect { connection, connect: &connect }, &mut self.out);
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

    #[test]
    fn a_storm_breaks_no_limit(events in prop::collection::vec(any::<(u8, u8, u16, u16)>(), 1..200)) {
        let mut storm = Storm::new();
        for (what, who, x, y) in events {
            storm.blow(what, who, x, y);
        }
        storm.calm();
    }
}

#[test]
fn a_hundred_thousand_retained_messages_reach_one_subscriber_whole_and_before_the_live_ones() {
    const MANY: usize = 100_000;
    let (now, mut out) = (Instant::now(), Outputs::default());
    let mut broker = Broker::new(Limits { queue_len_max: 10, ..Limits::default() });
    let publish = |broker: &mut Broker, out: &mut Outputs, number: usize, payload: &[u8]| {
        let topic = format!("r/{}/{number}", number % 100);
        let publish = Publish { retain: true, ..Publish::new(TopicName::parse(&topic).unwrap(), payload) };
        broker.handle(now, Input::Publish { publication: &publish }, out);
        out.drain();
    };
    for number in 0..MANY {
        publish(&mut broker, &mut out, number, b"old");
    }
    let connection = ConnectionId(1);
    let connect = Connect { receive_maximum: NonZeroU16::MIN, ..Connect::new(ProtocolVersion::V5, "late") };
    broker.handle(now, Input::Connect { connection, connect: &connect }, &mut out);
    let requests = [SubscribeRequest::new("#", QoS::AtLeastOnce)];
    let packet = Packet::Subscribe(Subscribe::new(PacketId::new(1).unwrap(), &requests));
    broker.handle(now, Input::Packet { connection, packet: &packet }, &mut out);

    let mut got = Vec::new();
    let mut pieces = 0;
    while broker.take_deliveries(now, connection, 16_384, &mut got) == More::Yes {
        if pieces < 5 {
            publish(&mut broker, &mut out, pieces, b"new");
        }
        pieces += 1;
    }
    assert!(pieces > 100, "in pieces of what the socket takes");
    assert!(got[..MANY].iter().all(|delivery| delivery.retain() && delivery.publication().payload() == b"old"));
    let live: Vec<&[u8]> = got[MANY..].iter().map(|delivery| delivery.publication().payload()).collect();
    assert_eq!(live, [b"new"; 5]);
    let topics: BTreeSet<&str> = got[..MANY].iter().map(|delivery| delivery.publication().topic().as_str()).collect();
    assert_eq!(topics.len(), MANY, "each once");
}

/// Anybody sends anything; each connection may end for any reason.
struct Storm {
    broker: Broker,
    limits: Limits,
    now: Instant,
    out: Outputs,
    connections: u64,
    living: BTreeSet<ConnectionId>,
    ended: BTreeSet<ConnectionId>,
}

impl Storm {
    fn new() -> Self {
        let mut limits = Limits::default();
        limits.sessions_max = 6;
        limits.subscriptions_per_session_max = 4;
        limits.queue_len_max = 3;
        limits.retained_max = 3;
        limits.retained_backlog_max = 5;
        limits.receive_maximum = NonZeroU16::new(2).unwrap();
        limits.in_flight_max = NonZeroU16::new(2).unwrap();
        Storm {
            broker: Broker::new(limits.clone()),
            limits,
            now: Instant::now(),
            out: Outputs::default(),
            connections: 0,
            living: BTreeSet::new(),
            ended: BTreeSet::new(),
        }
    }

    fn blow(&mut self, what: u8, who: u8, x: u16, y: u16) {
        // Any connection there ever was, also those that are over.
        let connection = ConnectionId(1 + u64::from(who) % self.connections.max(1));
        let packet_id = PacketId::new(1 + x % 4).unwrap();
        let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][usize::from(y % 3)];
        let topic = TopicName::parse(TOPICS[usize::from(x) % TOPICS.len()]).unwrap();
        let reason = if y % 5 == 0 { ReasonCode::QuotaExceeded } else { ReasonCode::Success };
        let ack = Acknowledgement::with_reason(packet_id, reason);
        let shared = ["$share/g/a", "$share/g/#", "$share/h/+/a", "bad+"];
        let filters: Vec<&str> = FILTERS.into_iter().chain(shared).collect();
        let filter = filters[usize::from(x) % filters.len()];
        let handshake = match qos {
            QoS::AtMostOnce => Handshake::AtMostOnce,
            QoS::AtLeastOnce => Handshake::AtLeastOnce(packet_id),
            QoS::ExactlyOnce => Handshake::ExactlyOnce(packet_id),
        };
        let payload: &[u8] = if y % 7 == 0 { b"" } else { b"payload" };
        let mut message = Publish { handshake, retain: y % 2 == 0, ..Publish::new(topic, payload) };
        message.properties.message_expiry = (y % 11 == 0).then_some(Duration::from_secs(2));
        match what % 20 {
            0 | 1 => self.connect(who, x, y),
            2 => self.input(Input::Lost { connection, cause: Lost::Closed }),
            3 => {
                self.now += Duration::from_millis(u64::from(x) * 50);
                self.input(Input::Tick);
            }
            4 => self.input(Input::Publish { publication: &message }),
            5 => {
                let mut deliveries = Vec::new();
                let _ = self.broker.take_deliveries(self.now, connection, usize::from(y % 50), &mut deliveries);
                assert!(deliveries.is_empty() || self.living.contains(&connection), "nothing for the dead");
            }
            6..=10 => self.packet(connection, Packet::Publish(message)),
            11..=13 => {
                let mut request = SubscribeRequest::new(filter, qos);
                request.options.retain_as_published = y % 2 == 0;
                request.options.no_local = y % 3 == 0 && !filter.starts_with("$share");
                self.packet(connection, Packet::Subscribe(Subscribe::new(packet_id, &[request, request])));
            }
            14 => self.packet(connection, Packet::Unsubscribe(Unsubscribe::new(packet_id, &[filter]))),
            15 => self.packet(connection, Packet::PubAck(ack)),
            16 => self.packet(connection, Packet::PubRec(ack)),
            17 => self.packet(connection, Packet::PubRel(ack)),
            18 => self.packet(connection, Packet::PubComp(ack)),
            _ => {
                let reason = if y % 2 == 0 { ReasonCode::Success } else { ReasonCode::DisconnectWithWillMessage };
                let session_expiry =
                    (y % 3 == 0).then_some(SessionExpiry::After(Duration::from_secs(u64::from(x % 9))));
                self.packet(connection, Packet::Disconnect(Disconnect { session_expiry, ..Disconnect::new(reason) }));
            }
        }
    }

    fn connect(&mut self, who: u8, x: u16, y: u16) {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let id = ["ann", "bob", "cy", "di", "eve", "flo", "gus", ""][usize::from(who % 8)];
        let mut connect = Connect::new(if x % 3 == 0 { ProtocolVersion::V311 } else { ProtocolVersion::V5 }, id);
        connect.clean_start = x % 2 == 0;
        connect.session_expiry = match y % 3 {
            0 => SessionExpiry::ENDS_WITH_CONNECTION,
            1 => SessionExpiry::After(Duration::from_secs(u64::from(y % 100))),
            _ => SessionExpiry::Never,
        };
        connect.keep_alive = Duration::from_secs(u64::from(y % 50));
        connect.receive_maximum = NonZeroU16::new(1 + x % 3).unwrap();
        connect.maximum_packet_size = std::num::NonZeroU32::new(u32::from(x % 40));
        if y % 2 == 0 {
            let mut will = WillMessage::new(TopicName::parse(TOPICS[usize::from(x) % TOPICS.len()]).unwrap(), b"gone");
            will.qos = QoS::AtLeastOnce;
            will.retain = x % 5 == 0;
            will.delay = Duration::from_secs(u64::from(y % 4));
            connect.will = Some(will);
        }
        self.broker.handle(self.now, Input::Connect { connection, connect: &connect }, &mut self.out);
        self.check();
    }

    fn packet(&mut self, connection: ConnectionId, packet: Packet<'_>) {
        self.input(Input::Packet { connection, packet: &packet });
    }

    fn input(&mut self, input: Input<'_>) {
        self.broker.handle(self.now, input, &mut self.out);
        self.check();
    }

    fn check(&mut self) {
        let mut closing = BTreeSet::new();
        for output in self.out.drain() {
            match output {
                Output::Reply { to, reply: Reply::ConnAck(reply) } => {
                    if !reply.reason.is_failure() {
                        assert!(self.living.insert(to), "one CONNACK");
                    }
                }
                Output::Reply { to, .. } | Output::Wake(to) => {
                    assert!(self.living.contains(&to) && !closing.contains(&to), "nothing for the dead");
                }
                Output::Accepted(Accepted::Will { connection, .. }) => {
                    // At once, so before it has ended; or later, when it has.
                    assert!(self.living.contains(&connection) || self.ended.contains(&connection));
                }
                Output::Accepted(Accepted::Packet { connection }) => assert!(self.living.contains(&connection)),
                Output::Close { connection, .. } => assert!(closing.insert(connection), "closed once"),
                Output::Ended { connection, .. } => {
                    assert!(self.living.remove(&connection), "ended once");
                    self.ended.insert(connection);
                }
                Output::Accepted(Accepted::Local) | Output::Event(_) => {}
            }
        }
        assert_eq!(self.broker.connections_len(), self.living.len());
        assert!(self.broker.sessions_len() <= self.limits.sessions_max as usize);
        assert!(self.broker.retained_len() <= self.limits.retained_max);
        for session in self.broker.sessions() {
            assert!(session.queue_len <= self.limits.queue_len_max + self.limits.retained_backlog_max);
            assert!(session.subscriptions <= self.limits.subscriptions_per_session_max as usize);
            assert_eq!(session.subscriptions, self.broker.subscriptions(session.client_id.as_str()).count());
        }
    }

    /// Everybody goes; in the end nothing is left but what is kept for ever.
    fn calm(&mut self) {
        for connection in self.living.clone() {
            self.input(Input::Lost { connection, cause: Lost::Closed });
        }
        self.now += Duration::from_secs(1_000_000);
        self.input(Input::Tick);
        assert!(self.living.is_empty());
        assert_eq!(self.broker.next_deadline(), None, "nothing is due any more");
        assert!(self.broker.sessions().all(|session| session.session_expiry == SessionExpiry::Never));
    }
}
