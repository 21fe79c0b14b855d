//! The world of one story: a broker, its clock, and connections with names.

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU16, NonZeroU32};
use std::time::{Duration, Instant};

use factree_auth::{Principal, Role};
use factree_broker::{
    Accepted, Broker, Calendar, ConnectionId, Delivery, DeliveryEncoder, Event, Holder, Input, Kind, Limits, Lost,
    More, Output, Outputs, Record, Refusal, Refused, Restored, Right, Write,
};
use factree_mqtt::{
    Acknowledgement, Auth, Connect, Decoded, Disconnect, Handshake, MessageProperties, Packet, ProtocolVersion,
    Publish, ReasonCode, RetainHandling, SessionExpiry, Subscribe, SubscribeRequest, SubscriptionIdentifiers,
    TopicName, Unsubscribe, UserPropertiesBuf, WillMessage, decode, encode,
};

use crate::notation::{Words, code, payload, show, time};

mod announcing;
mod rights;

pub(crate) struct World {
    broker: Broker,
    now: Instant,
    outputs: Outputs,
    names: BTreeMap<String, ConnectionId>,
    versions: BTreeMap<ConnectionId, ProtocolVersion>,
    encoders: BTreeMap<ConnectionId, DeliveryEncoder>,
    /// In bytes, of clients that have one.
    maximum_packet_sizes: BTreeMap<ConnectionId, NonZeroU32>,
    given: u64,
    /// Connections whose sockets do not drain: deliveries stay where they are.
    held: BTreeSet<String>,
    told: Vec<String>,
    /// Whether the story is about who is told that somebody connected.
    listens: bool,
    /// What is on the disk, in a story about restarts: keys and values by table, as bytes.
    disk: BTreeMap<(Kind, Vec<u8>), Vec<u8>>,
    start: Instant,
    roles: BTreeMap<String, Role>,
}

/// The wall clock of the stories when they begin.
const UNIX_MILLIS: u64 = 1_700_000_000_000;

impl World {
    pub(crate) fn new() -> Self {
        World {
            broker: Broker::new(Limits::default()),
            now: Instant::now(),
            outputs: Outputs::default(),
            names: BTreeMap::new(),
            versions: BTreeMap::new(),
            encoders: BTreeMap::new(),
            maximum_packet_sizes: BTreeMap::new(),
            given: 0,
            held: BTreeSet::new(),
            told: Vec::new(),
            listens: false,
            disk: BTreeMap::new(),
            start: Instant::now(),
            roles: BTreeMap::new(),
        }
    }

    /// One event; returns what came of it.
    pub(crate) fn happens(&mut self, line: &str) -> Vec<String> {
        match line.split_once(": ") {
            Some((name, what)) if !name.contains(' ') => self.packet(name, what, line),
            _ => self.command(line),
        }
        self.fold();
        std::mem::take(&mut self.told)
    }

    fn command(&mut self, line: &str) {
        let mut words = Words(line.split_whitespace().collect());
        match words.next().expect("a line is not empty") {
            "limits" => self.broker = Broker::new(limits(&mut words)),
            "sleep" => self.now += time(words.next().expect("sleep how long")),
            "wait" => self.wait(time(words.next().expect("wait how long"))),
            "hold" => drop(self.held.insert(words.next().expect("hold whom").into())),
            "read" => {
                let name = words.next().expect("read what").to_owned();
                let bytes_max = words.next().map_or(usize::MAX, |bytes| bytes.parse().expect("a number of bytes"));
                self.held.remove(&name);
                self.take(&name, bytes_max);
            }
            "repeat" => {
                let times: usize = words.next().and_then(|word| word.parse().ok()).expect("repeat how often");
                let (_, line) = line.split_once(" | ").expect("repeat N | event with %");
                for number in 1..=times {
                    let line = line.replace('%', &number.to_string());
                    let (name, what) = line.split_once(": ").expect("only packets are repeated");
                    self.packet(name, what, &line);
                }
                words.0.clear();
            }
            "listen" => self.listens = true,
            "elsewhere" => self.broker.tell_subscriptions(),
            "role" => self.role(&mut words),
            "rights" => self.rights(&mut words),
            "forget" => self.forget(&mut words),
            "tree" => self.broker.judge_announced(Box::new(rights::Below("uns/"))),
            "announce" => self.announce(&mut words),
            "current" => self.current(&mut words),
            "journal" => drop(self.broker.restore(self.now, [])),
            "restart" => self.restart(&mut words),
            "disk" => self.show_disk(),
            "full" => self.broker.set_storage_full(true),
            "room" => self.broker.set_storage_full(false),
            "judge" => {
                let bad = words.next().expect("judge which payload as bad").as_bytes().to_vec();
                let refusal = Refusal { reason: ReasonCode::PayloadFormatInvalid, why: "it is bad".into() };
                self.broker.judge_wills(move |will| (will.payload() == bad).then(|| refusal.clone()));
            }
            "end" => self.input(Input::EndSession { client_id: words.next().expect("end whose session") }),
            "alert" => self.broker.tell_each_refusal(|topic| topic.as_str().starts_with("alert/")),
            "stats" => self.stats(&mut words),
            "session" => self.session(words.next().expect("session of whom")),
            other => panic!("what is {other:?} in {line:?}?"),
        }
        words.done(line);
    }

    /// Many lines are told as the first two, how many, and the last.
    fn fold(&mut self) {
        if self.told.len() > 24 {
            let left_out = self.told.len() - 3;
            let last = self.told.pop().expect("there are more than six");
            self.told.truncate(2);
            self.told.push(format!("… {left_out} more"));
            self.told.push(last);
        }
    }

    fn packet(&mut self, name: &str, what: &str, line: &str) {
        let mut words = Words(what.split_whitespace().collect());
        let kind = words.next().expect("a packet has a name");
        match kind {
            "CONNECT" => self.connect(name, &mut words),
            "LOST" => {
                let cause = match words.reason() {
                    ReasonCode::Success => Lost::Closed,
                    reason => Lost::ProtocolError(reason),
                };
                self.input(Input::Lost { connection: self.names[name], cause });
            }
            "PUBLISH" => self.publish(name, &mut words),
            "PUBACK" | "PUBREC" | "PUBREL" | "PUBCOMP" => {
                let ack = Acknowledgement::with_reason(words.packet_id(), words.reason());
                self.send(
                    name,
                    &match kind {
                        "PUBACK" => Packet::PubAck(ack),
                        "PUBREC" => Packet::PubRec(ack),
                        "PUBREL" => Packet::PubRel(ack),
                        _ => Packet::PubComp(ack),
                    },
                );
            }
            "SUBSCRIBE" => self.subscribe(name, &mut words),
            "UNSUBSCRIBE" => {
                let packet_id = words.packet_id();
                let filters: Vec<&str> = words.0.drain(..).collect();
                self.send(name, &Packet::Unsubscribe(Unsubscribe::new(packet_id, &filters[..])));
            }
            "PINGREQ" => self.send(name, &Packet::PingReq),
            "PINGRESP" => self.send(name, &Packet::PingResp),
            "DISCONNECT" => {
                let session_expiry = words.expiry();
                let disconnect = Disconnect { session_expiry, ..Disconnect::new(words.reason()) };
                self.send(name, &Packet::Disconnect(disconnect));
            }
            "AUTH" => self.send(name, &Packet::Auth(Auth::new(ReasonCode::ContinueAuthentication, "unknown"))),
            other => panic!("what is {other:?} in {line:?}?"),
        }
        words.done(line);
    }

    fn connect(&mut self, name: &str, words: &mut Words<'_>) {
        let version = if words.flag("v3") { ProtocolVersion::V311 } else { ProtocolVersion::V5 };
        let holder = self.holder(words);
        let again = words.flag("again");
        let resume = words.flag("resume");
        let client_id = words.setting("id").unwrap_or(name);
        let absent = if resume && version == ProtocolVersion::V311 {
            SessionExpiry::Never
        } else {
            SessionExpiry::ENDS_WITH_CONNECTION
        };
        let will = words.will();
        let mut connect = Connect::new(version, client_id);
        connect.clean_start = !resume;
        connect.session_expiry = words.expiry().unwrap_or(absent);
        connect.keep_alive = words.time("keep").unwrap_or(Duration::from_secs(600));
        connect.receive_maximum = words.number::<NonZeroU16>("receive").unwrap_or(NonZeroU16::MAX);
        connect.maximum_packet_size = words.number::<NonZeroU32>("packet");
        connect.authentication_method = words.setting("auth");
        connect.topic_alias_maximum = words.number("aliases").unwrap_or(0);
        connect.request_problem_information = !words.flag("no_problems");
        connect.request_response_information = words.flag("information");
        let user: UserPropertiesBuf;
        if let Some(mut will) = will {
            let mut message = WillMessage::new(topic(will.next().expect("a will has a topic")), b"");
            message.payload = payload(will.next().expect("a will has a payload"));
            message.qos = will.qos();
            message.retain = will.flag("retain");
            message.delay = will.time("delay").unwrap_or_default();
            message.properties.message_expiry = will.time("expiry");
            message.properties.payload_is_utf8 = will.payload_is_utf8();
            user = will.user();
            message.properties.user_properties = user.as_properties();
            will.done("will");
            connect.will = Some(message);
        }
        if again {
            return self.send(name, &Packet::Connect(connect));
        }
        self.given += 1;
        let connection = ConnectionId(self.given);
        self.names.insert(name.to_owned(), connection);
        self.versions.insert(connection, version);
        self.maximum_packet_sizes.extend(connect.maximum_packet_size.map(|maximum| (connection, maximum)));
        self.encoders.insert(connection, DeliveryEncoder::new(&connect, self.broker.limits()));
        self.input(Input::Connect { connection, connect: &connect, holder: &holder });
    }

    fn publish(&mut self, name: &str, words: &mut Words<'_>) {
        let topic = topic(words.next().expect("a topic"));
        let payload = payload(words.next().unwrap_or("-"));
        let packet_id = words.packet_id();
        let handshake = match words.qos() {
            factree_mqtt::QoS::AtMostOnce => Handshake::AtMostOnce,
            factree_mqtt::QoS::AtLeastOnce => Handshake::AtLeastOnce(packet_id),
            factree_mqtt::QoS::ExactlyOnce => Handshake::ExactlyOnce(packet_id),
        };
        // `refuse=why`: somebody else in the house does not take it.
        let refusal = words.setting("refuse").map(|why| {
            let why = why.replace('_', " ").into();
            Refusal { reason: ReasonCode::PayloadFormatInvalid, why }
        });
        // `forbidden`: it belongs to somebody else in the house.
        let forbidden = words.flag("forbidden");
        let refusal = refusal.or_else(|| {
            let why = "it belongs to somebody else".into();
            forbidden.then_some(Refusal { reason: ReasonCode::NotAuthorized, why })
        });
        let user = words.user();
        let identifier: Vec<NonZeroU32> = words.number("id").into_iter().collect();
        let publish = Publish {
            subscription_identifiers: SubscriptionIdentifiers::from(&identifier[..]),
            handshake,
            dup: words.flag("dup"),
            retain: words.flag("retain"),
            properties: MessageProperties {
                message_expiry: words.time("expiry"),
                content_type: words.setting("type"),
                response_topic: words.setting("response").map(self::topic),
                correlation_data: words.setting("correlation").map(str::as_bytes),
                payload_is_utf8: words.payload_is_utf8(),
                user_properties: user.as_properties(),
            },
            ..Publish::new(topic, payload)
        };
        // `right=granted`: the rights of its holder were asked before; `right=elsewhere`: those of another one; `right=denied`.
        let connection = self.names.get(name).copied();
        let holder = connection.and_then(|connection| self.broker.holder(connection));
        let right = match words.setting("right") {
            None => Right::Unasked,
            Some("denied") => Right::Denied,
            Some("granted") => Right::GrantedTo(&holder.as_ref().expect("a client").1),
            Some("elsewhere") => Right::GrantedTo(Holder::unrestricted()),
            Some(other) => panic!("right={other}"),
        };
        let is_judged = refusal.is_some() || !matches!(right, Right::Unasked);
        match (name, refusal.as_ref()) {
            (name, refusal) if is_judged => {
                let connection = self.names[name];
                self.input(Input::JudgedPublish { connection, publish: &publish, right, refusal });
            }
            ("local", None) => self.input(Input::Publish { publication: &publish }),
            ("quietly", None) => self.broker.retain(self.now, &publish),
            (name, _) => self.send(name, &Packet::Publish(publish)),
        }
    }

    fn subscribe(&mut self, name: &str, words: &mut Words<'_>) {
        let packet_id = words.packet_id();
        let identifier = words.number::<NonZeroU32>("id");
        let mut options = SubscribeRequest::new("", words.qos()).options;
        options.no_local = words.flag("no_local");
        options.retain_as_published = words.flag("as_published");
        options.retain_handling = match words.number::<u8>("retained") {
            None | Some(0) => RetainHandling::Send,
            Some(1) => RetainHandling::SendIfNew,
            Some(_) => RetainHandling::DoNotSend,
        };
        let requests: Vec<_> = words.0.drain(..).map(|filter| SubscribeRequest { filter, options }).collect();
        let subscribe = Subscribe { subscription_identifier: identifier, ..Subscribe::new(packet_id, &requests[..]) };
        self.send(name, &Packet::Subscribe(subscribe));
    }

    fn send(&mut self, name: &str, packet: &Packet<'_>) {
        self.input(Input::Packet { connection: self.names[name], packet });
    }

    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.broker.next_deadline().filter(|at| *at <= until) {
            self.now = at.max(self.now);
            self.input(Input::Tick);
        }
        self.now = until;
    }

    fn input(&mut self, input: Input<'_>) {
        let mut outputs = std::mem::take(&mut self.outputs);
        self.broker.handle(self.now, input, &mut outputs);
        for output in outputs.drain() {
            self.output(output);
        }
        self.outputs = outputs;
        self.keep_writes();
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Reply { to, reply } => {
                let mut bytes = Vec::new();
                reply.encode(self.versions[&to], &mut bytes);
                assert_eq!(bytes.len(), reply.encoded_len(self.versions[&to]));
                self.arrives(to, &bytes);
            }
            Output::Accepted(Accepted::Packet { connection }) => {
                let name = self.name(connection);
                self.told.push(format!("accepted from {name}"));
            }
            Output::Accepted(Accepted::Will { connection, holder, publication }) => {
                let (name, topic) = (self.name(connection), publication.topic());
                self.told.push(match holder.principal() {
                    Principal::Anonymous => format!("accepted will of {name}: {topic}"),
                    left_by => format!("accepted will of {name}, left by {left_by}: {topic}"),
                });
            }
            Output::Accepted(Accepted::Local) => self.told.push("accepted".into()),
            Output::Refused(Refused::Packet { connection }) => {
                let name = self.name(connection);
                self.told.push(format!("refused from {name}"));
            }
            Output::Refused(Refused::Will { connection, publication }) => {
                let name = self.name(connection);
                self.told.push(format!("refused will of {name}: {}", publication.topic()));
            }
            Output::Wake(connection) => {
                let name = self.name(connection);
                if self.held.contains(&name) {
                    return self.told.push(format!("{name} wake"));
                }
                self.take(&name, usize::MAX);
            }
            Output::Close { connection, reason, reason_string } => {
                if let (Some(reason), ProtocolVersion::V5) = (reason, self.versions[&connection]) {
                    let disconnect = Disconnect { reason_string: reason_string.as_deref(), ..Disconnect::new(reason) };
                    let mut bytes = Vec::new();
                    encode(ProtocolVersion::V5, &Packet::Disconnect(disconnect), &mut bytes);
                    self.read(connection, &bytes);
                }
                let name = self.name(connection);
                let reason = reason.map_or(String::new(), |reason| format!(" {}", code(reason)));
                let why = reason_string.map_or(String::new(), |why| format!(" ({why})"));
                self.told.push(format!("{name} close{reason}{why}"));
            }
            Output::Ended { connection, client_id } => {
                let name = self.name(connection);
                self.told.push(format!("{name} ended, client {client_id}"));
            }
            Output::Subscribed { client_id, filter } => {
                self.told.push(format!("{client_id} wants what is current: {filter}"));
            }
            Output::Event(event) => self.event(&event),
        }
    }

    fn event(&mut self, event: &Event) {
        self.told.push(match event {
            Event::Connected { .. } if !self.listens => return,
            Event::Connected { client_id, version, keep_alive, clean_start, resumed, .. } => {
                let how = format!("keep-alive {keep_alive:?}, clean {clean_start}, resumed {resumed}");
                format!("event: {client_id} connected, {version:?}, {how}")
            }
            Event::Refused { client_id, reason, why, .. } => {
                format!("event: {client_id:?} refused, {reason:?} ({why})", client_id = client_id.as_str())
            }
            Event::Flapping { client_id, connection, refused } => {
                let (stays, refused) = (self.name(*connection), self.name(*refused));
                format!("event: {client_id} flaps, {stays} stays, {refused} refused")
            }
            Event::Disconnected { cause, .. } => format!("event: disconnected, {cause:?}"),
            Event::WillPublished { client_id, topic } => format!("event: will of {client_id} published to {topic}"),
            Event::SessionEnded { client_id, expired } => {
                format!("event: session of {client_id} {}", if *expired { "expired" } else { "ended" })
            }
            Event::PublicationRefused { client_id, topic, reason, .. } => {
                format!("event: publication of {client_id} to {topic} refused, {reason:?}")
            }
            Event::SubscriptionRefused { client_id, filter } => {
                format!("event: subscription of {client_id} to {filter} refused")
            }
            Event::QueueFull { client_id } => format!("event: queue of {client_id} full"),
        });
    }

    fn take(&mut self, name: &str, bytes_max: usize) {
        let connection = self.names[name];
        let mut deliveries: Vec<Delivery> = Vec::new();
        let more = self.broker.take_deliveries(self.now, connection, bytes_max, &mut deliveries);
        for delivery in deliveries {
            let (mut bytes, mut plain) = (Vec::new(), Vec::new());
            delivery.encode(self.versions[&connection], &mut plain);
            assert_eq!(plain.len(), delivery.encoded_len(self.versions[&connection]));
            self.encoders.get_mut(&connection).expect("made at CONNECT").encode(&delivery, &mut bytes);
            self.arrives(connection, &bytes);
        }
        if more == More::Yes {
            self.told.push(format!("{name} has more"));
        }
        self.keep_writes();
    }

    fn arrives(&mut self, to: ConnectionId, bytes: &[u8]) {
        let told = format!("{} < {}", self.name(to), show(&self.read(to, bytes)));
        self.told.push(told);
    }

    /// What the codec makes of a packet of the broker's: no larger than the client takes `[MQTT-3.1.2-24]`, and with a
    /// reason code of its packet's table `[MQTT-3.2.2-8]`, `[MQTT-3.4.2-1]`, `[MQTT-3.5.2-1]`, `[MQTT-3.6.2-1]`,
    /// `[MQTT-3.7.2-1]`, `[MQTT-3.9.3-2]`, `[MQTT-3.11.3-2]`, `[MQTT-3.14.2-1]`, or it would be none.
    fn read<'a>(&self, to: ConnectionId, bytes: &'a [u8]) -> Packet<'a> {
        let maximum = self.maximum_packet_sizes.get(&to);
        assert!(maximum.is_none_or(|maximum| bytes.len() <= maximum.get() as usize), "{} bytes", bytes.len());
        match decode(self.versions[&to], bytes, &factree_mqtt::Limits::default()) {
            Ok(Decoded::Packet { packet, len }) if len == bytes.len() => packet,
            other => panic!("the broker's own packet does not decode: {other:?}"),
        }
    }

    fn calendar(&self) -> Calendar {
        Calendar {
            instant: self.now,
            unix_millis: UNIX_MILLIS + self.now.duration_since(self.start).as_millis() as u64,
        }
    }

    /// What was written goes to the disk.
    fn keep_writes(&mut self) {
        let mut writes = Vec::new();
        self.broker.take_writes(&mut writes);
        for Write { key, record } in writes {
            let kind = key.kind();
            let mut bytes = Vec::new();
            key.encode(&mut bytes);
            match record {
                Some(record) => {
                    let mut value = Vec::new();
                    record.encode(&self.calendar(), &mut value);
                    self.disk.insert((kind, bytes), value);
                }
                None => drop(self.disk.remove(&(kind, bytes))),
            }
        }
    }

    /// The process is killed and another goes on with the disk, all sockets being gone; `without` some tables' records.
    fn restart(&mut self, words: &mut Words<'_>) {
        let without = words.setting("without");
        self.disk.retain(|(kind, _), _| without != Some(format!("{kind:?}").as_str()));
        let calendar = self.calendar();
        let records = self.disk.iter().map(|((kind, key), value)| {
            Record::decode(*kind, key, value, &calendar).expect("what was encoded decodes")
        });
        let mut broker = Broker::new(self.broker.limits().clone());
        let Restored { sessions, subscriptions, deliveries, retained, wills, orphans } =
            broker.restore(self.now, records.collect::<Vec<_>>());
        self.told.push(format!(
            "{sessions} sessions, {subscriptions} subscriptions, {deliveries} deliveries, {retained} retained, {wills} \
             wills, {orphans} orphans"
        ));
        self.broker = broker;
        self.names.clear();
        self.held.clear();
        self.keep_writes();
        self.wait(Duration::ZERO);
    }

    /// How many records there are of each kind.
    fn show_disk(&mut self) {
        let count = |kind: Kind| self.disk.keys().filter(|(of, _)| *of == kind).count();
        let told: Vec<String> = Kind::ALL
            .into_iter()
            .filter(|kind| count(*kind) > 0)
            .map(|kind| format!("{kind:?} {}", count(kind)))
            .collect();
        self.told.push(if told.is_empty() { "nothing".into() } else { told.join(", ") });
    }

    fn stats(&mut self, words: &mut Words<'_>) {
        // `field: 0` of the debug form is left out: a story shows what it is about.
        let all = format!("{:?}", self.broker.stats());
        let fields = all.trim_start_matches("Stats { ").trim_end_matches(" }").split(", ");
        let wanted: Vec<&str> = words.0.drain(..).collect();
        let shown = fields.filter(|field| wanted.iter().any(|name| field.starts_with(name)));
        self.told.push(shown.collect::<Vec<_>>().join(", "));
    }

    fn session(&mut self, client_id: &str) {
        self.told.push(match self.broker.session(client_id) {
            Some(it) => format!(
                "{}, {} subscriptions, {} queued, {} in flight",
                if it.connection.is_some() { "connected" } else { "absent" },
                it.subscriptions,
                it.queue_len,
                it.in_flight
            ),
            None => "no session".into(),
        });
    }

    fn name(&self, connection: ConnectionId) -> String {
        let named = self.names.iter().find(|(_, named)| **named == connection);
        named.map_or_else(|| format!("old{connection}"), |(name, _)| name.clone())
    }
}

fn topic(text: &str) -> TopicName<'_> {
    TopicName::parse(text).expect("a topic name")
}

fn limits(words: &mut Words<'_>) -> Limits {
    let mut limits = Limits::default();
    limits.packet.packet_size_max = 1 << 20;
    let set = |words: &mut Words<'_>, name: &str, field: &mut usize| *field = words.number(name).unwrap_or(*field);
    set(words, "queue_len_max", &mut limits.queue_len_max);
    set(words, "queue_bytes_max", &mut limits.queue_bytes_max);
    set(words, "retained_max", &mut limits.retained_max);
    set(words, "retained_backlog_max", &mut limits.retained_backlog_max);
    set(words, "retained_walks_max", &mut limits.retained_walks_max);
    limits.sessions_max = words.number("sessions_max").unwrap_or(limits.sessions_max);
    limits.sessions_per_principal_max =
        words.number("sessions_per_principal_max").unwrap_or(limits.sessions_per_principal_max);
    limits.receive_maximum = words.number("receive_maximum").unwrap_or(limits.receive_maximum);
    limits.takeovers_per_minute_max =
        words.number("takeovers_per_minute_max").unwrap_or(limits.takeovers_per_minute_max);
    limits.in_flight_max = words.number("in_flight_max").unwrap_or(limits.in_flight_max);
    limits.keep_alive_max = words.time("keep_alive_max").unwrap_or(limits.keep_alive_max);
    limits.subscriptions_per_session_max =
        words.number("subscriptions_per_session_max").unwrap_or(limits.subscriptions_per_session_max);
    limits.packet.topic_levels_max = words.number("topic_levels_max").unwrap_or(limits.packet.topic_levels_max);
    if let Some(most) = words.time("session_expiry_max") {
        limits.session_expiry_max = SessionExpiry::After(most);
    }
    limits
}
