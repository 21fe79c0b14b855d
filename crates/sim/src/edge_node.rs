//! An Edge Node with its devices: births, data, commands and deaths, as Sparkplug wants them.
//!
//! The devices live whether or not anybody listens; this part decides what is said about them and in which order. It
//! speaks through a [`Wire`] and is told when the connection begins and ends.
//! Knows nothing of sockets, acknowledgements or keep-alive.
//! Invariant: every message but NDEATH takes the next `seq`; every CONNECT takes the next `bdSeq`.

use std::time::{Duration, Instant};

use factree_sparkplug::encode::MetricBuilder;
use factree_sparkplug::topic::NAMESPACE;
use factree_sparkplug::{
    BdSeq, DeviceId, DeviceMessage, EdgeNodeDescriptor, Limits, NodeMessage, Now, Payload, Seq, Topic, decode,
    interpret,
};

use crate::chance::Chance;
use crate::device::Device;
use crate::link::{Will, Wire};
use crate::metric::Metric;
use crate::payload;
use crate::trouble::Trouble;

/// An Edge Node and what hangs on it.
#[derive(Clone, Debug)]
pub(crate) struct EdgeNode {
    pub(crate) group: String,
    pub(crate) id: String,
    /// Of the current or last connection; none before the first.
    bd_seq: Option<BdSeq>,
    seq: Seq,
    /// Its own metrics.
    pub(crate) own: Watched,
    pub(crate) devices: Vec<Watched>,
    troubles: Option<Troubles>,
    chance: Chance,
    scratch: Payload,
}

/// A device, or the Edge Node itself, as something to look at every so often.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) device: Device,
    every: Duration,
    presence: Presence,
}

#[derive(Clone, Copy, Debug)]
enum Presence {
    /// Looked at next at this time.
    Alive { look_at: Instant },
    /// Dead to the Edge Node until this time; none before the first birth.
    Dead { until: Option<Instant> },
}

/// What goes wrong with an Edge Node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Troubles {
    /// A device dies and comes back.
    pub(crate) device: Trouble,
    /// The connection is lost without a goodbye.
    pub(crate) connection: Trouble,
}

/// How long a dead device or a lost connection stays away, in seconds.
const AWAY: (f64, f64) = (10.0, 40.0);

/// In how many turns the devices of an Edge Node are looked at.
const TURNS: u32 = 4;

impl Watched {
    pub(crate) fn new(device: Device, every: Duration) -> Self {
        Watched { device, every, presence: Presence::Dead { until: None } }
    }

    pub(crate) fn is_alive(&self) -> bool {
        matches!(self.presence, Presence::Alive { .. })
    }

    fn next_wake(&self) -> Option<Instant> {
        match self.presence {
            Presence::Alive { look_at } => Some(look_at),
            Presence::Dead { until } => until,
        }
    }

    fn is_due(&self, now: Now) -> bool {
        self.next_wake().is_none_or(|at| at <= now.instant)
    }
}

impl EdgeNode {
    pub(crate) fn new(
        group: String,
        id: String,
        own: Watched,
        devices: Vec<Watched>,
        troubles: Option<Troubles>,
        chance: Chance,
    ) -> Self {
        EdgeNode { group, id, bd_seq: None, seq: Seq::ZERO, own, devices, troubles, chance, scratch: Payload::new() }
    }

    /// A new connection: the next `bdSeq`, in the will (`tck-id-payloads-ndeath-will-message`,
    /// `tck-id-topics-nbirth-bdseq-increment`).
    pub(crate) fn connecting(&mut self, now: Now) -> Will {
        self.bd_seq = Some(self.bd_seq.map_or(BdSeq::new(0), BdSeq::next));
        Will { topic: self.topic(NodeMessage::Ndeath), payload: payload::ndeath(now.wall, self.bd_seq()) }
    }

    /// Connected: first the ear, then the mouth (`tck-id-message-flow-edge-node-ncmd-subscribe`).
    pub(crate) fn connected(&mut self, wire: &mut Wire<'_>) {
        let ncmd = self.topic(NodeMessage::Ncmd);
        let dcmd = format!("{NAMESPACE}/{}/DCMD/{}/+", self.group, self.id);
        wire.subscribe(&[&ncmd, &dcmd]);
        self.be_born(wire);
    }

    /// A message on one of the topics subscribed to. Commands that make no sense are ignored, as by any PLC.
    pub(crate) fn heard(&mut self, wire: &mut Wire<'_>, topic: &str, bytes: &[u8]) {
        let mut payload = std::mem::take(&mut self.scratch);
        if let Ok(topic) = Topic::parse(topic)
            && decode(bytes, &Limits::default(), &mut payload).is_ok()
        {
            self.commanded(wire, topic, bytes, &payload);
        }
        self.scratch = payload;
    }

    /// Says what changed since the last look, and what died or came back. False if the connection is lost now.
    pub(crate) fn wake(&mut self, wire: &mut Wire<'_>) -> bool {
        if let Some(troubles) = &mut self.troubles {
            if troubles.connection.strikes(wire.now.instant, &mut self.chance) {
                return false;
            }
            if troubles.device.strikes(wire.now.instant, &mut self.chance) {
                self.lose_a_device(wire);
            }
        }
        if self.own.is_due(wire.now) {
            self.look(wire, None);
        }
        for i in 0..self.devices.len() {
            if self.devices[i].is_due(wire.now) {
                match self.devices[i].presence {
                    Presence::Alive { .. } => self.look(wire, Some(i)),
                    Presence::Dead { .. } => self.dbirth(wire, i),
                }
            }
        }
        true
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.devices.iter().chain([&self.own]).filter_map(Watched::next_wake).min()
    }

    /// How long a lost connection stays lost.
    pub(crate) fn absence(&mut self) -> Duration {
        Duration::from_secs_f64(self.chance.between(AWAY.0, AWAY.1))
    }

    /// The last words before a DISCONNECT (`tck-id-operational-behavior-edge-node-intentional-disconnect-ndeath`).
    pub(crate) fn disconnecting(&mut self, wire: &mut Wire<'_>) {
        let ndeath = payload::ndeath(wire.now.wall, self.bd_seq());
        wire.publish(&self.topic(NodeMessage::Ndeath), &ndeath);
    }

    /// NBIRTH with `seq` 0, then a DBIRTH for each device that is there (`tck-id-topics-nbirth-seq-num`,
    /// `tck-id-operational-behavior-data-commands-rebirth-action-2`). Also the answer to a rebirth request, with the same
    /// `bdSeq` (`-action-3`).
    fn be_born(&mut self, wire: &mut Wire<'_>) {
        self.seq = Seq::ZERO;
        let (seq, bd_seq, now) = (self.next_seq(), self.bd_seq(), wire.now);
        self.own.device.advance(now);
        let bytes = payload::nbirth(now.wall, seq, bd_seq, self.own.device.report_all());
        wire.publish(&self.topic(NodeMessage::Nbirth), &bytes);
        self.own.presence = Presence::Alive { look_at: now.instant + self.own.every };
        for i in 0..self.devices.len() {
            let watched = &self.devices[i];
            if watched.is_alive() || watched.is_due(now) {
                self.dbirth(wire, i);
            }
        }
    }

    fn dbirth(&mut self, wire: &mut Wire<'_>, i: usize) {
        let (seq, now) = (self.next_seq(), wire.now);
        let watched = &mut self.devices[i];
        watched.device.advance(now);
        let bytes = payload::dbirth(now.wall, seq, watched.device.report_all());
        // Devices take turns within their interval: a few messages now and then instead of all at once.
        let turn = f64::from(i as u32 % TURNS + 1) / f64::from(TURNS);
        watched.presence = Presence::Alive { look_at: now.instant + watched.every.mul_f64(turn) };
        wire.publish(&self.device_topic(DeviceMessage::Dbirth, i), &bytes);
    }

    /// NDATA or DDATA, if there is anything to say.
    fn look(&mut self, wire: &mut Wire<'_>, i: Option<usize>) {
        let now = wire.now;
        let watched = self.watched_mut(i);
        // Keeps its turn; turns that were missed are not made up for.
        let turn = watched.next_wake().unwrap_or(now.instant) + watched.every;
        let look_at = if turn > now.instant { turn } else { now.instant + watched.every };
        watched.presence = Presence::Alive { look_at };
        watched.device.advance(now);
        let changes = watched.device.report_due().map(|metric| payload::change(metric, now.wall)).collect();
        self.say(wire, i, changes);
    }

    fn say(&mut self, wire: &mut Wire<'_>, i: Option<usize>, changes: Vec<MetricBuilder>) {
        if changes.is_empty() {
            return;
        }
        let bytes = payload::data(wire.now.wall, self.next_seq(), changes);
        match i {
            None => wire.publish(&self.topic(NodeMessage::Ndata), &bytes),
            Some(i) => wire.publish(&self.device_topic(DeviceMessage::Ddata, i), &bytes),
        }
    }

    fn lose_a_device(&mut self, wire: &mut Wire<'_>) {
        let alive: Vec<usize> = (0..self.devices.len()).filter(|&i| self.devices[i].is_alive()).collect();
        if alive.is_empty() {
            return;
        }
        let i = self.chance.pick(&alive);
        let until = wire.now.instant + self.absence();
        self.devices[i].presence = Presence::Dead { until: Some(until) };
        let bytes = payload::ddeath(wire.now.wall, self.next_seq());
        wire.publish(&self.device_topic(DeviceMessage::Ddeath, i), &bytes);
    }

    fn commanded(&mut self, wire: &mut Wire<'_>, topic: Topic<'_>, bytes: &[u8], payload: &Payload) {
        let target = match topic {
            Topic::Node { message: NodeMessage::Ncmd, .. } => None,
            Topic::Device { message: DeviceMessage::Dcmd, device, .. } => {
                let device =
                    self.devices.iter().position(|watched| watched.device.id == device.as_str() && watched.is_alive());
                let Some(i) = device else { return };
                Some(i)
            }
            Topic::Node { .. } | Topic::Device { .. } | Topic::State { .. } => return,
        };
        if target.is_none() && payload::asks_rebirth(bytes, payload) {
            return self.be_born(wire);
        }
        let mut echo = Vec::new();
        let device = &mut self.watched_mut(target).device;
        for raw in &payload.metrics {
            let (name, alias) = (raw.name(bytes), raw.alias());
            let named = |metric: &Metric| alias == Some(metric.alias) || name == Some(&metric.name);
            let Some(position) = device.metrics().iter().position(named) else { continue };
            let Ok(value) = interpret(device.metrics()[position].datatype, raw.wire_value(bytes)) else { continue };
            if let Some(metric) = device.command(position, value) {
                echo.push(payload::change(metric, wire.now.wall));
            }
        }
        self.say(wire, target, echo);
    }

    fn watched_mut(&mut self, i: Option<usize>) -> &mut Watched {
        match i {
            None => &mut self.own,
            Some(i) => &mut self.devices[i],
        }
    }

    /// The `seq` of the message being written (`tck-id-payloads-sequence-num-incrementing`).
    fn next_seq(&mut self) -> Seq {
        let seq = self.seq;
        self.seq = seq.next();
        seq
    }

    fn bd_seq(&self) -> BdSeq {
        self.bd_seq.expect("an Edge Node speaks only after its CONNECT")
    }

    fn descriptor(&self) -> EdgeNodeDescriptor<'_> {
        EdgeNodeDescriptor::new(&self.group, &self.id).expect("the plant's own names may stand in a topic")
    }

    fn topic(&self, message: NodeMessage) -> String {
        self.descriptor().topic(message).to_string()
    }

    fn device_topic(&self, message: DeviceMessage, i: usize) -> String {
        let device = DeviceId::new(&self.devices[i].device.id).expect("the plant's own names may stand in a topic");
        self.descriptor().device_topic(message, device).to_string()
    }
}
