//! One Edge Node: whether it is online, and what its births have said.
//!
//! Knows nothing of other Edge Nodes, of names' texts, of budgets.

use super::{
    DeviceIndex, Message, SessionKey,
    definitions::Definitions,
    device::{DeviceState, Devices},
    finding::{self, Reporter},
    metrics::Metrics,
    roster::Roster,
};
use crate::{BdSeq, EdgeNodeDescriptor, Seq, Timestamp};
use std::time::Instant;

#[derive(Debug)]
pub(super) struct EdgeNode {
    pub(super) group: Box<str>,
    pub(super) id: Box<str>,
    pub(super) state: State,
    pub(super) metrics: Metrics,
    /// The node's own metrics; each device has a roster of its own.
    pub(super) roster: Roster,
    pub(super) devices: Devices,
    pub(super) definitions: Definitions,
    pub(super) rebirth_asked: Option<Instant>,
    pub(super) last_message: Timestamp,
    pub(super) counters: Counters,
}

/// Whether an Edge Node is online.
///
/// ```text
///             NBIRTH                NDEATH with the NBIRTH's bdSeq,
///  Unknown ──────────────► Online ─ end of the NBIRTH's session ──► Offline
///   │   ▲                  ▲ │  ▲                                    │ │  ▲
///   └───┘                  └─┘  └────────────── NBIRTH ──────────────┘ └──┘
///   anything but a birth    NBIRTH (a rebirth);                      anything but an NBIRTH
///   or a death: rebirth     data, births and deaths of devices;      is answered by asking
///   asked                   seq gap: rebirth asked                   for a rebirth, or ignored
/// ```
///
/// A state that holds messages back for reordering would stand between `Online` and the asking.
#[derive(Debug)]
pub(super) enum State {
    Unknown,
    Online {
        birth: Birth,
        bd_seq: Option<BdSeq>,
        /// The session that published the NBIRTH.
        session: SessionKey,
        since: Timestamp,
        /// The seq of the message to come.
        next: Seq,
    },
    Offline {
        birth: Birth,
        bd_seq: Option<BdSeq>,
        since: Timestamp,
    },
}

/// What is remembered of a birth certificate. Its bytes are given out once ([`super::Born`]) and not held: 54 to 60 for
/// each metric, which nobody but a store of births has a use for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Birth {
    /// How many bytes its payload has; none when [`crate::Limits::birth_bytes_max`] left no room to keep them.
    pub kept_bytes: Option<u32>,
    /// The payload's timestamp.
    pub timestamp: Option<Timestamp>,
    /// When we took it in, by our clock.
    pub received: Timestamp,
}

/// How often an Edge Node did what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// NBIRTH messages.
    pub nbirth: u64,
    /// NDATA messages.
    pub ndata: u64,
    /// NDEATH messages.
    pub ndeath: u64,
    /// DBIRTH messages, of all devices.
    pub dbirth: u64,
    /// DDATA messages, of all devices.
    pub ddata: u64,
    /// DDEATH messages, of all devices.
    pub ddeath: u64,
    /// Messages whose payload did not decode.
    pub malformed: u64,
    /// Messages whose seq was not the one that was due.
    pub seq_gaps: u64,
    /// Metrics in DATA that no birth declared.
    pub unknown_metrics: u64,
    /// Rebirths asked for.
    pub rebirths_asked: u64,
}

/// How a message fits after the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Due,
    Gap,
    /// There is no birth it could follow.
    NotBorn,
}

impl EdgeNode {
    pub(super) fn new(descriptor: EdgeNodeDescriptor<'_>) -> EdgeNode {
        EdgeNode {
            group: descriptor.group.as_str().into(),
            id: descriptor.edge_node.as_str().into(),
            state: State::Unknown,
            metrics: Metrics::default(),
            roster: Roster::default(),
            devices: Devices::default(),
            definitions: Definitions::default(),
            rebirth_asked: None,
            last_message: Timestamp::default(),
            counters: Counters::default(),
        }
    }

    /// The session that published its NBIRTH, while it is online.
    pub(super) fn session(&self) -> Option<SessionKey> {
        match self.state {
            State::Online { session, .. } => Some(session),
            State::Unknown | State::Offline { .. } => None,
        }
    }

    /// Judges the seq of a message that has one, other than an NBIRTH, and expects the one after it.
    ///
    /// What arrives after a gap is applied all the same: in this process a gap means loss, not reordering, and a late
    /// value is better than none.
    #[inline]
    pub(super) fn follow(&mut self, message: &Message<'_>, reporter: &mut Reporter<'_>) -> Order {
        let State::Online { next, .. } = &mut self.state else { return Order::NotBorn };
        if message.payload.seq == Some(next.get().into()) {
            *next = next.next();
            return Order::Due;
        }
        let Some(number) = message.payload.seq else {
            reporter.report(finding::SEQ_MISSING);
            return Order::Due;
        };
        if Seq::from_wire(number).is_none() {
            reporter.report_numbers(finding::SEQ_RANGE, next.get().into(), number);
        }
        // Someone who forgets to wrap counts on correctly in the low 8 bits.
        let (due, got) = (*next, Seq::new(number as u8));
        *next = got.next();
        if got == due {
            return Order::Due;
        }
        self.counters.seq_gaps += 1;
        reporter.report_numbers(finding::SEQ_GAP, due.get().into(), number);
        Order::Gap
    }

    /// It is offline, and all its devices with it. Returns whether it was online.
    pub(super) fn die(&mut self, since: Timestamp) -> bool {
        self.state = match std::mem::replace(&mut self.state, State::Unknown) {
            State::Online { birth, bd_seq, .. } => State::Offline { birth, bd_seq, since },
            other => {
                self.state = other;
                return false;
            }
        };
        for (_, device) in self.devices.iter_mut() {
            if !matches!(device.state, DeviceState::Offline { .. }) {
                device.state = DeviceState::Offline { since };
            }
        }
        true
    }

    /// Whether one of `device`'s metric aliases is also another's (`tck-id-payloads-alias-uniqueness`). Looks at a
    /// bounded number only.
    pub(super) fn shares_aliases(&self, device: DeviceIndex) -> bool {
        const OTHERS_MAX: usize = 16;
        const LOOKS_MAX: usize = 256;
        let Some(own) = self.devices.get(device) else { return false };
        let others = self.devices.iter().filter(|&(other, _)| other != device).map(|(_, other)| &other.roster);
        let mut rosters = std::iter::once(&self.roster).chain(others).take(OTHERS_MAX);
        rosters.any(|roster| own.roster.aliases.meets(&roster.aliases, LOOKS_MAX))
    }
}
