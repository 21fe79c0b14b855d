//! A life to be judged: an Edge Node `g/e` with a device `d`, or a Host Application, connected to us and without blemish
//! but for what a story does wrong.
//!
//! Whatever takes a closure takes something wrong: told right, it is left out. `life.nbirth(|p| p.timestamp = None)` is an
//! NBIRTH in both tellings.

use factree_sparkplug::{
    generated::{Payload as Wire, payload::Metric, payload::metric::Value as Field},
    *,
};
use prost::Message as _;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// The wall clock when a life begins.
pub(crate) const NOW: u64 = 1_795_298_431_000;

/// The specification's numbers of datatypes.
pub(crate) const INT32: u32 = 3;
pub(crate) const INT64: u32 = 4;
pub(crate) const DOUBLE: u32 = 10;
pub(crate) const BOOLEAN: u32 = 11;

pub(crate) struct Life {
    host: Host,
    is_wrong: bool,
    start: Instant,
    /// The wall clock then.
    wall: u64,
    elapsed: Duration,
    found: Vec<Finding>,
    /// The session that speaks.
    pub(crate) session: u64,
    /// The next message's.
    pub(crate) seq: u64,
}

/// A CONNECT.
#[derive(Clone)]
pub(crate) struct Connect {
    pub(crate) is_v5: bool,
    pub(crate) clean_start: bool,
    pub(crate) session_expiry: Duration,
    pub(crate) will: Option<Testament>,
}

#[derive(Clone)]
pub(crate) struct Testament {
    pub(crate) topic: String,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    pub(crate) payload: Vec<u8>,
}

impl Connect {
    pub(crate) fn will(&mut self) -> &mut Testament {
        self.will.as_mut().expect("it has one")
    }

    /// Writes the will's payload anew.
    pub(crate) fn will_payload(&mut self, change: impl Fn(&mut Wire)) {
        let will = self.will();
        let mut payload = Wire::decode(&*will.payload).unwrap();
        change(&mut payload);
        will.payload = payload.encode_to_vec();
    }
}

/// A PUBLISH.
pub(crate) struct Publish {
    pub(crate) topic: String,
    pub(crate) qos: u8,
    pub(crate) retained: bool,
    pub(crate) payload: Vec<u8>,
}

impl Life {
    pub(crate) fn right() -> Life {
        Life {
            host: Host::new(Limits::default()),
            is_wrong: false,
            start: Instant::now(),
            wall: NOW,
            elapsed: Duration::ZERO,
            found: Vec::new(),
            session: 1,
            seq: 0,
        }
    }

    pub(crate) fn wrong() -> Life {
        Life { is_wrong: true, ..Life::right() }
    }

    /// The rules that were broken so far.
    pub(crate) fn found(&self) -> BTreeSet<&'static str> {
        self.found.iter().map(|finding| finding.rule.tck_id).collect()
    }

    /// All that was found, in order.
    pub(crate) fn findings(&self) -> &[Finding] {
        &self.found
    }

    /// Something that is wrong.
    pub(crate) fn wrongly(&mut self, tell: impl FnOnce(&mut Life)) {
        if self.is_wrong {
            tell(self);
        }
    }

    /// Something that is right, and goes wrong by not being there.
    pub(crate) fn rightly(&mut self, tell: impl FnOnce(&mut Life)) {
        if !self.is_wrong {
            tell(self);
        }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.elapsed += time;
    }

    /// Begins at another time.
    pub(crate) fn begin_at(&mut self, wall: u64) {
        self.wall = wall;
    }

    pub(crate) fn wait_until(&mut self, wall: u64) {
        self.elapsed = Duration::from_millis(wall.saturating_sub(self.wall)).max(self.elapsed);
    }

    fn now(&self) -> Now {
        Now { instant: self.start + self.elapsed, wall: Timestamp(self.wall + self.elapsed.as_millis() as u64) }
    }

    pub(crate) fn happen(&mut self, input: Input<'_>) {
        let mut outputs = Outputs::new();
        self.host.handle(self.now(), &input, &mut outputs);
        self.found.extend(outputs.iter().filter_map(|output| match output {
            Output::Finding(finding) => Some(*finding),
            _ => None,
        }));
    }

    fn key(&self) -> SessionKey {
        SessionKey(self.session)
    }

    // The connection.

    /// The Edge Node `g/e` connects over MQTT 3.1.1 with an NDEATH of bdSeq 0 as its will.
    pub(crate) fn connect(&mut self, wrong: impl Fn(&mut Connect)) {
        self.connect_with(0, wrong);
    }

    /// The same with another bdSeq.
    pub(crate) fn connect_with(&mut self, bd_seq: u8, wrong: impl Fn(&mut Connect)) {
        let payload = Wire { metrics: vec![self.bd_seq(bd_seq)], ..Wire::default() }.encode_to_vec();
        let will = Testament { topic: "spBv1.0/g/NDEATH/e".into(), qos: 1, retain: false, payload };
        self.start(will, wrong);
    }

    /// The Host Application `h` connects over MQTT 3.1.1.
    pub(crate) fn connect_host(&mut self, wrong: impl Fn(&mut Connect)) {
        let payload = state(false, self.now().wall.0).into();
        self.start(Testament { topic: "spBv1.0/STATE/h".into(), qos: 1, retain: true, payload }, wrong);
    }

    fn start(&mut self, will: Testament, wrong: impl Fn(&mut Connect)) {
        let mut connect = Connect { is_v5: false, clean_start: true, session_expiry: Duration::ZERO, will: Some(will) };
        if self.is_wrong {
            wrong(&mut connect);
        }
        self.connected(&connect);
    }

    /// A client connects just so.
    pub(crate) fn connected(&mut self, connect: &Connect) {
        let will = connect.will.as_ref().map(|will| Will {
            topic: &will.topic,
            qos: will.qos,
            retain: will.retain,
            payload: &will.payload,
        });
        let &Connect { is_v5, clean_start, session_expiry, .. } = connect;
        let connection = Connection { is_v5, clean_start, session_expiry, will };
        self.happen(Input::SessionStarted { session: self.key(), connection });
    }

    pub(crate) fn subscribe(&mut self, filter: &str, qos: u8) {
        self.happen(Input::Subscribed { session: self.key(), filter, qos });
    }

    pub(crate) fn disconnect(&mut self, with_will: bool) {
        self.happen(Input::Disconnecting { session: self.key(), with_will });
        self.end();
    }

    pub(crate) fn end(&mut self) {
        self.happen(Input::SessionEnded { session: self.key() });
    }

    /// Connected and subscribed: all that comes before the NBIRTH.
    pub(crate) fn begin(&mut self) {
        self.connect(|_| ());
        self.subscribe("spBv1.0/g/NCMD/e", 1);
        self.subscribe("spBv1.0/g/DCMD/e/+", 1);
    }

    /// Online, with its device.
    pub(crate) fn born(&mut self) {
        self.begin();
        self.nbirth(|_| ());
        self.dbirth(|_| ());
    }

    // Messages. Each is complete; the closure takes something of its payload away.

    pub(crate) fn nbirth(&mut self, wrong: impl Fn(&mut Wire)) {
        self.nbirth_with(0, wrong);
    }

    pub(crate) fn nbirth_with(&mut self, bd_seq: u8, wrong: impl Fn(&mut Wire)) {
        self.seq = 0;
        let rebirth = Metric { value: Some(Field::BooleanValue(false)), ..self.metric("Node Control/Rebirth") };
        let rebirth = Metric { datatype: Some(BOOLEAN), ..rebirth };
        let metrics = vec![self.bd_seq(bd_seq), rebirth, Metric { alias: Some(1), ..self.metric("a") }];
        self.say("spBv1.0/g/NBIRTH/e", metrics, wrong);
    }

    pub(crate) fn dbirth(&mut self, wrong: impl Fn(&mut Wire)) {
        let metrics = vec![Metric { alias: Some(2), ..self.metric("b") }];
        self.say("spBv1.0/g/DBIRTH/e/d", metrics, wrong);
    }

    pub(crate) fn ndata(&mut self, wrong: impl Fn(&mut Wire)) {
        let metrics = vec![self.datum(1)];
        self.say("spBv1.0/g/NDATA/e", metrics, wrong);
    }

    pub(crate) fn ddata(&mut self, wrong: impl Fn(&mut Wire)) {
        let metrics = vec![self.datum(2)];
        self.say("spBv1.0/g/DDATA/e/d", metrics, wrong);
    }

    pub(crate) fn ddeath(&mut self, wrong: impl Fn(&mut Wire)) {
        self.say("spBv1.0/g/DDEATH/e/d", vec![], wrong);
    }

    pub(crate) fn ndeath(&mut self, wrong: impl Fn(&mut Wire)) {
        self.ndeath_with(0, wrong);
    }

    pub(crate) fn ndeath_with(&mut self, bd_seq: u8, wrong: impl Fn(&mut Wire)) {
        let mut payload = Wire { metrics: vec![self.bd_seq(bd_seq)], ..Wire::default() };
        if self.is_wrong {
            wrong(&mut payload);
        }
        self.publish("spBv1.0/g/NDEATH/e", payload.encode_to_vec(), |_| ());
    }

    pub(crate) fn ncmd(&mut self, wrong: impl Fn(&mut Wire)) {
        self.command("spBv1.0/g/NCMD/e", 1, wrong);
    }

    pub(crate) fn dcmd(&mut self, wrong: impl Fn(&mut Wire)) {
        self.command("spBv1.0/g/DCMD/e/d", 2, wrong);
    }

    fn command(&mut self, topic: &str, alias: u64, wrong: impl Fn(&mut Wire)) {
        let mut payload = self.payload(vec![self.datum(alias)]);
        payload.seq = None;
        if self.is_wrong {
            wrong(&mut payload);
        }
        self.publish(topic, payload.encode_to_vec(), |_| ());
    }

    fn say(&mut self, topic: &str, metrics: Vec<Metric>, wrong: impl Fn(&mut Wire)) {
        let mut payload = self.payload(metrics);
        self.seq = (self.seq + 1) % 256;
        if self.is_wrong {
            wrong(&mut payload);
        }
        self.publish(topic, payload.encode_to_vec(), |_| ());
    }

    /// A payload that a message in turn could have.
    pub(crate) fn payload(&self, metrics: Vec<Metric>) -> Wire {
        Wire { timestamp: Some(self.now().wall.0), seq: Some(self.seq), metrics, ..Wire::default() }
    }

    /// A metric as a birth declares it.
    pub(crate) fn metric(&self, name: &str) -> Metric {
        Metric {
            name: Some(name.into()),
            datatype: Some(DOUBLE),
            timestamp: Some(self.now().wall.0),
            value: Some(Field::DoubleValue(1.0)),
            ..Metric::default()
        }
    }

    /// A metric as data have it.
    pub(crate) fn datum(&self, alias: u64) -> Metric {
        Metric { name: None, datatype: None, alias: Some(alias), ..self.metric("") }
    }

    fn bd_seq(&self, bd_seq: u8) -> Metric {
        let value = Some(Field::LongValue(bd_seq.into()));
        Metric { datatype: Some(INT64), value, ..self.metric("bdSeq") }
    }

    /// STATE of the Host Application `h`, as of its CONNECT.
    pub(crate) fn state(&mut self, online: bool, wrong: impl Fn(&mut Publish)) {
        self.state_of(("h", online), NOW, wrong);
    }

    pub(crate) fn state_of(&mut self, (host, online): (&str, bool), at: u64, wrong: impl Fn(&mut Publish)) {
        let publish = Publish {
            topic: format!("spBv1.0/STATE/{host}"),
            qos: 1,
            retained: true,
            payload: state(online, at).into(),
        };
        self.published(publish, wrong);
    }

    /// A message just so.
    pub(crate) fn publish_as(&mut self, topic: &str, (qos, retained): (u8, bool), payload: Vec<u8>) {
        self.published(Publish { topic: topic.into(), qos, retained, payload }, |_| ());
    }

    /// A message in a payload of its own, QoS 0 and not retained.
    pub(crate) fn publish(&mut self, topic: &str, payload: Vec<u8>, wrong: impl Fn(&mut Publish)) {
        self.published(Publish { topic: topic.into(), qos: 0, retained: false, payload }, wrong);
    }

    fn published(&mut self, mut publish: Publish, wrong: impl Fn(&mut Publish)) {
        if self.is_wrong {
            wrong(&mut publish);
        }
        let Publish { topic: name, qos, retained, payload: bytes } = &publish;
        let (session, qos, retained) = (self.key(), *qos, *retained);
        let topic = match Topic::parse(name) {
            Ok(topic) => topic,
            Err(error) => return self.happen(Input::TopicMalformed { session, topic: name, error }),
        };
        if let Topic::State { .. } = topic {
            return self.happen(Input::State { session, qos, retained, topic, payload: bytes });
        }
        let (limits, mut payload, mut inflated) = (Limits::default(), Payload::new(), Vec::new());
        let decoded = decode(bytes, &limits, &mut payload).and_then(|()| {
            if payload.is_compressed(bytes) { inflate(bytes, &limits, &mut payload, &mut inflated) } else { Ok(()) }
        });
        let bytes = if inflated.is_empty() { bytes } else { &inflated };
        match decoded {
            Ok(()) => self.happen(Input::Message {
                session,
                qos,
                retained,
                topic,
                published: &publish.payload,
                bytes,
                payload: &payload,
            }),
            Err(error) => self.happen(Input::Malformed { session, topic, error }),
        }
    }
}

/// The payload of a STATE message.
pub(crate) fn state(online: bool, at: u64) -> String {
    format!(r#"{{"online":{online},"timestamp":{at}}}"#)
}

impl Life {
    /// The payload of an NDEATH of bdSeq 0.
    pub(crate) fn ndeath_payload(&self) -> Vec<u8> {
        Wire { metrics: vec![self.bd_seq(0)], ..Wire::default() }.encode_to_vec()
    }
}

impl Life {
    /// An NBIRTH with one more metric, which has no metric alias, and neither has any other.
    pub(crate) fn nbirth_of(&mut self, metric: Metric, wrong: impl Fn(&mut Metric)) {
        let payload = self.nbirth_payload(metric, wrong);
        self.publish("spBv1.0/g/NBIRTH/e", payload.encode_to_vec(), |_| ());
    }

    /// The same, and the text `v9v9` in it is no UTF-8.
    pub(crate) fn nbirth_in_bytes(&mut self, metric: Metric) {
        let mut bytes = self.nbirth_payload(metric, |_| ()).encode_to_vec();
        let at = bytes.windows(4).position(|letters| letters == b"v9v9").unwrap();
        bytes[at] = 0xFF;
        self.publish("spBv1.0/g/NBIRTH/e", bytes, |_| ());
    }

    fn nbirth_payload(&mut self, mut metric: Metric, wrong: impl Fn(&mut Metric)) -> Wire {
        if self.is_wrong {
            wrong(&mut metric);
        }
        self.seq = 0;
        let mut rebirth = self.metric("Node Control/Rebirth");
        (rebirth.datatype, rebirth.value) = (Some(BOOLEAN), Some(Field::BooleanValue(false)));
        let payload = self.payload(vec![self.bd_seq(0), rebirth, metric]);
        self.seq = 1;
        payload
    }

    /// A DBIRTH of one metric.
    pub(crate) fn dbirth_of(&mut self, mut metric: Metric, wrong: impl Fn(&mut Metric)) {
        if self.is_wrong {
            wrong(&mut metric);
        }
        self.say("spBv1.0/g/DBIRTH/e/d", vec![metric], |_| ());
    }
}

impl Life {
    /// The payload of an NCMD.
    pub(crate) fn command_payload(&self) -> Vec<u8> {
        Wire { seq: None, ..self.payload(vec![self.metric("x")]) }.encode_to_vec()
    }

    /// Another Edge Node, `g/{name}`, connects.
    pub(crate) fn connect_as(&mut self, name: &str) {
        let payload = self.ndeath_payload();
        let will = Testament { topic: format!("spBv1.0/g/NDEATH/{name}"), qos: 1, retain: false, payload };
        self.start(will, |_| ());
    }

    /// It is born.
    pub(crate) fn nbirth_as(&mut self, name: &str) {
        let metric = self.metric("x");
        let payload = self.nbirth_payload(metric, |_| ());
        self.publish(&format!("spBv1.0/g/NBIRTH/{name}"), payload.encode_to_vec(), |_| ());
    }
}

impl Life {
    /// The payload of an NBIRTH with one metric, seq 0.
    pub(crate) fn bare_nbirth(&mut self) -> Vec<u8> {
        let metric = self.metric("x");
        self.nbirth_payload(metric, |_| ()).encode_to_vec()
    }

    /// The payload of the DBIRTH that follows it.
    pub(crate) fn bare_dbirth(&self) -> Vec<u8> {
        self.payload(vec![self.metric("b")]).encode_to_vec()
    }
}
