//! A Host Application's own word: the STATE messages that say whether it is online, to one MQTT server.
//!
//! Edge Nodes that wait for a Primary Host Application go by these messages alone, so what stands retained on the topic
//! must be true at every moment: a will says `online:false` if we vanish, a birth takes its place once we listen, and
//! whatever somebody else makes the topic say while we are online is put right at once.
//!
//! ```text
//!           connect(now)                subscribed()
//!  Offline ───────────────► Connecting ───────────────► Online ◄─┐ received(false death): the birth again
//!     ▲      the will           │         the birth      │ │ └───┘
//!     └──────── lost() ─────────┴────────────────────────┘ │
//!     └───────────────────────── leave(now): the death ────┘
//! ```
//!
//! One [`HostApplication`] for each server (`tck-id-operational-behavior-host-application-multi-server-timestamp`). Knows no
//! connection, no clock and no Edge Node; every message it makes is to be published with QoS 1 and retained.
//! Invariant: one timestamp per CONNECT, in its will, its birth and every correction; a death in order has its own.

use std::fmt;

use serde_json::Value as Json;

use crate::time::Timestamp;
use crate::topic::{HostId, NAMESPACE};

/// Longest STATE payload that is read. Ours has 45 bytes; who adds keys of its own has room.
pub const STATE_BYTES_MAX: usize = 4096;

/// What a STATE message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostState {
    /// Whether the Host Application is there.
    pub online: bool,
    /// Since when, by its own clock; orders its messages (`tck-id-message-flow-edge-node-birth-publish-phid-wait-timestamp`).
    pub timestamp: Timestamp,
}

impl HostState {
    /// Reads the payload of a STATE message: a JSON object with `online` and `timestamp`; further keys are nobody's business.
    ///
    /// # Errors
    /// [`StateFault`], a violation of `tck-id-host-topic-phid-birth-payload` and `tck-id-host-topic-phid-death-payload`.
    pub fn parse(payload: &[u8]) -> Result<Self, StateFault> {
        if payload.is_empty() {
            return Err(StateFault::Empty);
        }
        if payload.len() > STATE_BYTES_MAX {
            return Err(StateFault::TooLong);
        }
        // The parser bounds nesting, the length everything else.
        let json: Json = serde_json::from_slice(payload).map_err(|_| StateFault::NotJson)?;
        let Json::Object(object) = json else { return Err(StateFault::NotAnObject) };
        let online = object.get("online").and_then(Json::as_bool).ok_or(StateFault::Online)?;
        let timestamp = object.get("timestamp").and_then(milliseconds).ok_or(StateFault::Timestamp)?;
        Ok(Self { online, timestamp })
    }
}

impl fmt::Display for HostState {
    /// Writes the payload that [`HostState::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"{{"online":{},"timestamp":{}}}"#, self.online, self.timestamp.0)
    }
}

/// Whole, and no less than 0. JSON knows one kind of number, so `1.7e12` is one as well.
fn milliseconds(json: &Json) -> Option<Timestamp> {
    let whole = |number: f64| number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&number);
    let number = json.as_u64().or_else(|| json.as_f64().filter(|number| whole(*number)).map(|number| number as u64));
    number.map(Timestamp)
}

/// What is wrong with the payload of a STATE message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateFault {
    /// No payload: it takes the retained message away.
    Empty,
    /// More than [`STATE_BYTES_MAX`], so not read.
    TooLong,
    /// No JSON; in Sparkplug 2.2 it was the text `ONLINE` or `OFFLINE`, on another topic.
    NotJson,
    /// JSON, but no object.
    NotAnObject,
    /// `online` is missing or no boolean.
    Online,
    /// `timestamp` is missing or no number of milliseconds.
    Timestamp,
}

impl fmt::Display for StateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StateFault::Empty => "a STATE message without payload takes the retained one away",
            StateFault::TooLong => "a STATE payload of more than 4096 bytes is not read",
            StateFault::NotJson => "a STATE payload is JSON",
            StateFault::NotAnObject => "a STATE payload is a JSON object",
            StateFault::Online => "a STATE payload has `online`, true or false",
            StateFault::Timestamp => "a STATE payload has `timestamp`, whole milliseconds since 1970",
        })
    }
}

impl std::error::Error for StateFault {}

/// A message of the Host Application's own: to be published with QoS 1 and the retain flag
/// (`tck-id-host-topic-phid-birth-qos`, `tck-id-host-topic-phid-birth-retain`, and the same for the will).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateMessage {
    /// Topic name.
    pub topic: Box<str>,
    /// Application message.
    pub payload: Box<str>,
}

/// Whether Edge Nodes of Sparkplug 2.2 are told too, by the text `ONLINE` or `OFFLINE` on `STATE/{host_id}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Legacy {
    /// They are not.
    #[default]
    Silent,
    /// They are. A connection has one will, which is Sparkplug 3.0's: if it breaks, the old topic says `ONLINE` until the next
    /// connection, unless a second connection brings [`HostApplication::legacy_will`].
    Told,
}

/// What a message on a STATE topic was to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateHeard {
    /// Another Host Application's, or on no STATE topic.
    NotOurs,
    /// Nothing to be done: our own voice, what stood there before our birth, or we are not online ourselves.
    Nothing,
    /// It made the topic say that we are offline, or nothing that can be read: publish this
    /// (`tck-id-message-flow-hid-sparkplug-state-message-delivered`).
    Contradicted {
        /// Our birth again.
        correction: StateMessage,
        /// What was said instead.
        said: Result<HostState, StateFault>,
    },
    /// Somebody else says to be online under our id (`tck-id-operational-behavior-host-application-host-id`). Not answered:
    /// two that answer each other would never end.
    Rival {
        /// The rival's.
        timestamp: Timestamp,
    },
}

/// A Host Application towards one MQTT server.
#[derive(Clone, Debug)]
pub struct HostApplication {
    topic: Box<str>,
    legacy_topic: Option<Box<str>>,
    phase: Phase,
    /// No timestamp is said before this: Edge Nodes pass over whatever is older, so a clock that was set back must not show.
    latest: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Offline,
    /// The will is with the server, the birth not yet.
    Connecting {
        since: Timestamp,
    },
    Online {
        since: Timestamp,
    },
}

/// The one thing a Host Application has to hear of everybody else.
const EVERYTHING: &str = "spBv1.0/#";

impl HostApplication {
    /// One that is offline.
    pub fn new(host_id: HostId<'_>, legacy: Legacy) -> Self {
        Self {
            topic: format!("{NAMESPACE}/STATE/{host_id}").into(),
            legacy_topic: (legacy == Legacy::Told).then(|| format!("STATE/{host_id}").into()),
            phase: Phase::Offline,
            latest: Timestamp(0),
        }
    }

    /// What a former process has left retained on [`HostApplication::topic`]: the next CONNECT is later than that, whatever the
    /// clock says (`tck-id-message-flow-edge-node-birth-publish-phid-wait-timestamp`). What is no STATE, or has a time that not
    /// every client can read, says nothing. Whether what has been said since the last CONNECT is not later, so that it takes
    /// another.
    pub fn resume(&mut self, retained: &[u8]) -> bool {
        /// Whole numbers up to this are exact in every JSON.
        const EXACT_MAX: u64 = 1 << 53;
        let Ok(HostState { timestamp: before, .. }) = HostState::parse(retained) else { return false };
        if before.0 >= EXACT_MAX {
            return false;
        }
        self.latest = self.latest.max(Timestamp(before.0 + 1));
        match self.phase {
            Phase::Offline => false,
            Phase::Connecting { since } | Phase::Online { since } => since < before,
        }
    }

    /// Where it speaks: `spBv1.0/STATE/{host_id}`.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// What it subscribes to before it says anything (`tck-id-host-topic-phid-birth-sub-required`): its own topic by name,
    /// although the last filter covers it, because servers and test kits look for both. With [`Legacy::Told`] the old one too.
    pub fn filters(&self) -> impl Iterator<Item = &str> {
        [&*self.topic].into_iter().chain(self.legacy_topic.as_deref()).chain([EVERYTHING])
    }

    /// A CONNECT is about to be sent: the will to put into it. It begins a new timestamp
    /// (`tck-id-host-topic-phid-death-payload-timestamp-connect`).
    pub fn connect(&mut self, now: Timestamp) -> StateMessage {
        let since = self.later(now);
        self.phase = Phase::Connecting { since };
        self.state(false, since)
    }

    /// The will of a second connection, for Edge Nodes of Sparkplug 2.2; none unless [`Legacy::Told`].
    pub fn legacy_will(&self) -> Option<StateMessage> {
        self.legacy("OFFLINE")
    }

    /// SUBACK came for [`HostApplication::filters`]: the births to be published, before anything else
    /// (`tck-id-host-topic-phid-birth-message`). Empty unless it was connecting.
    pub fn subscribed(&mut self) -> Vec<StateMessage> {
        let Phase::Connecting { since } = self.phase else { return Vec::new() };
        self.phase = Phase::Online { since };
        std::iter::once(self.state(true, since)).chain(self.legacy("ONLINE")).collect()
    }

    /// A message came on some topic. `retained` is the retain flag it was delivered with: while it is set, the message stood
    /// there when we subscribed, and our birth has taken its place since.
    pub fn received(&self, topic: &str, payload: &[u8], retained: bool) -> StateHeard {
        let is_legacy = self.legacy_topic.as_deref() == Some(topic);
        if !is_legacy && *self.topic != *topic {
            return StateHeard::NotOurs;
        }
        let Phase::Online { since } = self.phase else { return StateHeard::Nothing };
        let said = if is_legacy { legacy_state(payload, since) } else { HostState::parse(payload) };
        match said {
            Ok(HostState { online: true, timestamp }) if timestamp == since => StateHeard::Nothing,
            Ok(HostState { online: true, timestamp }) if !retained => StateHeard::Rival { timestamp },
            Ok(_) | Err(_) if retained => StateHeard::Nothing,
            said => {
                let correction = if is_legacy { self.legacy("ONLINE") } else { None };
                let correction = correction.unwrap_or_else(|| self.state(true, since));
                StateHeard::Contradicted { correction, said }
            }
        }
    }

    /// The connection is about to be ended in order: the deaths to be published before
    /// (`tck-id-host-topic-phid-death-payload-timestamp-disconnect-clean`). Empty unless it was online: who never said to be
    /// there need not say goodbye.
    pub fn leave(&mut self, now: Timestamp) -> Vec<StateMessage> {
        let Phase::Online { .. } = std::mem::replace(&mut self.phase, Phase::Offline) else { return Vec::new() };
        let at = self.later(now);
        std::iter::once(self.state(false, at)).chain(self.legacy("OFFLINE")).collect()
    }

    /// The connection is gone; the will speaks.
    pub fn lost(&mut self) {
        self.phase = Phase::Offline;
    }

    /// The timestamp of its birth, while it is online.
    pub fn online_since(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Online { since } => Some(since),
            Phase::Offline | Phase::Connecting { .. } => None,
        }
    }

    fn later(&mut self, now: Timestamp) -> Timestamp {
        self.latest = self.latest.max(now);
        self.latest
    }

    fn state(&self, online: bool, timestamp: Timestamp) -> StateMessage {
        StateMessage { topic: self.topic.clone(), payload: HostState { online, timestamp }.to_string().into() }
    }

    fn legacy(&self, word: &str) -> Option<StateMessage> {
        self.legacy_topic.as_ref().map(|topic| StateMessage { topic: topic.clone(), payload: word.into() })
    }
}

/// The old form has no timestamp, so `ONLINE` is our own voice, whoever said it.
fn legacy_state(payload: &[u8], since: Timestamp) -> Result<HostState, StateFault> {
    match payload {
        b"ONLINE" => Ok(HostState { online: true, timestamp: since }),
        b"OFFLINE" => Ok(HostState { online: false, timestamp: since }),
        b"" => Err(StateFault::Empty),
        _ => Err(StateFault::NotJson),
    }
}
