//! One Edge Node: whether it is online, what its births have said, and whose turn is next.
//!
//! Knows nothing of other Edge Nodes, of names' texts, of budgets.

use super::{
    DeviceIndex, Message, SessionKey, Turn,
    definitions::Definitions,
    device::{DeviceState, Devices},
    finding::{self, Reporter},
    insistence::Insistence,
    metrics::Metrics,
    rebirth::{Asked, Rebirths},
    reorder::Held,
    roster::Roster,
};
use crate::{BdSeq, EdgeNodeDescriptor, Limits, Seq, Timestamp};

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
    /// When and why it was last asked for a rebirth.
    pub(super) asked: Option<Asked>,
    /// How often in vain.
    pub(super) insistence: Insistence,
    /// Over which session it has said last what needs an NBIRTH, since there was one.
    pub(super) unborn_on: Option<SessionKey>,
    pub(super) last_message: Timestamp,
    pub(super) counters: Counters,
}

/// Whether an Edge Node is online.
///
/// ```text
///            NBIRTH                      a message too early
///  Unknown ──────────► Online ──────────────────────────────► Reordering
///                     ▲ ▲  │ ▲                                  │   │
///   NBIRTH, or data   │ │  │ └── the missing came; time is up, ─┘   │
///   over a session of │ │  │     or room: rebirth asked; NBIRTH     │
///   our own broker    │ │  │                                        │
///  Restored ──────────┘ │  │ NDEATH with the NBIRTH's bdSeq,        │
///     │                 │  ▼ end of the NBIRTH's session            │
///     └─ its NDEATH ─► Offline ◄────────────────────────────────────┘
///                       └─ NBIRTH ─► Online
///
///  Unknown, Restored, Offline ── somebody wants it ──► Forgotten
/// ```
///
/// `Restored` is where a restart of ours begins: offline because nobody listened, not because it died. `Online` stays so
/// through rebirths, data, births and deaths of devices, and gaps in the seq. `Unknown`, `Offline`, and `Restored` over an
/// attachment, answer whatever needs an NBIRTH before it by asking for one. A session whose NBIRTH was followed by
/// another session's is not listened to until it says NBIRTH again.
#[derive(Debug)]
pub(super) enum State {
    Unknown,
    Restored(Past),
    Online(Life),
    Reordering(Life, Held),
    Offline(Past),
    /// Its number is nobody's.
    Forgotten,
}

/// What there is to know of an Edge Node that is online.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) birth: Birth,
    pub(super) bd_seq: Option<BdSeq>,
    /// The session that published the NBIRTH.
    pub(super) session: SessionKey,
    pub(super) since: Timestamp,
    /// The seq of the message to come.
    pub(super) next: Seq,
    /// When the message before it was sent, as it says.
    pub(super) sent: Option<Timestamp>,
    /// The messages of the last gap: the first, and how many.
    pub(super) skipped: (Seq, u8),
    /// The session whose place that took, if it was alive then. It no longer speaks for the Edge Node.
    pub(super) displaced: Option<SessionKey>,
}

/// What is left of an Edge Node that is not.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) birth: Birth,
    pub(super) bd_seq: Option<BdSeq>,
    pub(super) since: Timestamp,
}

impl State {
    /// That of an Edge Node that is online.
    #[inline]
    pub(super) fn life(&self) -> Option<&Life> {
        match self {
            State::Online(life) | State::Reordering(life, _) => Some(life),
            State::Unknown | State::Restored(_) | State::Offline(_) | State::Forgotten => None,
        }
    }

    /// The latest NBIRTH.
    pub(super) fn birth(&self) -> Option<&Birth> {
        match self {
            State::Unknown | State::Forgotten => None,
            State::Online(life) | State::Reordering(life, _) => Some(&life.birth),
            State::Restored(past) | State::Offline(past) => Some(&past.birth),
        }
    }

    pub(super) fn take(&mut self) -> State {
        std::mem::replace(self, State::Unknown)
    }
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
    /// How often messages were missing before one that was taken.
    pub seq_gaps: u64,
    /// Messages that came after their successors, or twice.
    pub seq_late: u64,
    /// Messages that came too early and were held for those before them.
    pub held: u64,
    /// Messages that were held until an NBIRTH made them void.
    pub held_dropped: u64,
    /// Messages that were ignored because another session's NBIRTH has taken the place of their session's.
    pub displaced: u64,
    /// How often two sessions took the Edge Node from each other.
    pub rivalries: u64,
    /// Metrics in DATA that no birth declared.
    pub unknown_metrics: u64,
    /// Rebirths asked for, by reason.
    pub rebirths_asked: Rebirths,
}

/// How a message fits after the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Due,
    /// The same, while others wait for it.
    Filling,
    /// It should have come before, or has.
    Late,
    /// Messages before it are missing and will not be waited for.
    Gap,
    /// Messages before it are missing; it is to wait for them.
    Early,
    /// It came over a session that no longer speaks for the Edge Node.
    Displaced,
    /// The birth it follows is from before our restart.
    Restored,
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
            asked: None,
            insistence: Insistence::default(),
            unborn_on: None,
            last_message: Timestamp::default(),
            counters: Counters::default(),
        }
    }

    pub(super) fn descriptor(&self) -> EdgeNodeDescriptor<'_> {
        EdgeNodeDescriptor::new(&self.group, &self.id).expect("it came from a topic")
    }

    /// The session that published its NBIRTH, while it is online.
    pub(super) fn session(&self) -> Option<SessionKey> {
        self.state.life().map(|life| life.session)
    }

    /// Judges the seq of a message that has one, other than an NBIRTH, and expects the one after it.
    #[inline]
    pub(super) fn follow(&mut self, message: &Message<'_>, limits: &Limits, reporter: &mut Reporter<'_>) -> Order {
        if let State::Online(life) = &mut self.state
            && message.payload.seq == Some(life.next.get().into())
            && life.displaced != Some(message.session)
        {
            (life.next, life.sent) = (life.next.next(), message.payload.timestamp);
            return Order::Due;
        }
        self.look_closer(message, limits, reporter)
    }

    /// The same for whatever is not simply due.
    ///
    /// What comes late or after a gap is taken all the same, since a late value is better than none and its timestamp
    /// tells. A message is early or late by so much as [`Limits::reorder_messages_max`] at most; beyond that its publisher
    /// has lost count, and is followed. What seems to be behind, is none of those that were missing, and was sent later than
    /// all before it, is ahead: so many are missing that seq has gone round. The same number again is the same message, or nobody counts.
    #[inline(never)]
    fn look_closer(&mut self, message: &Message<'_>, limits: &Limits, reporter: &mut Reporter<'_>) -> Order {
        let (life, is_reordering) = match &mut self.state {
            State::Unknown | State::Offline(_) | State::Forgotten => return Order::NotBorn,
            State::Restored(_) => return Order::Restored,
            State::Online(life) => (life, false),
            State::Reordering(life, _) => (life, true),
        };
        if life.displaced == Some(message.session) {
            self.counters.displaced += 1;
            reporter.report(finding::EDGE_NODE_TWICE);
            return Order::Displaced;
        }
        let Some(number) = message.payload.seq else {
            reporter.report(finding::SEQ_MISSING);
            return Order::Due;
        };
        // Someone who forgets to wrap counts on correctly in the low 8 bits.
        let (due, got) = (life.next, Seq::new(number as u8));
        let (ahead, behind) = (u32::from(due.gap_to(got)), u32::from(got.gap_to(due)));
        let is_due = ahead == 0;
        let sent = message.payload.timestamp;
        let is_of_gap = life.skipped.0.gap_to(got) < life.skipped.1;
        let is_newest = sent.zip(life.sent).is_some_and(|(sent, before)| sent > before);
        let has_gone_round = behind > 1 && !is_of_gap && is_newest;
        let is_late = !is_due && !has_gone_round && behind <= limits.reorder_messages_max;
        let may_wait = message.turn == Turn::Arrived && !limits.reorder_window(message.session).is_zero();
        if !is_due && !is_late && (is_reordering || ahead <= limits.reorder_messages_max) && may_wait {
            return Order::Early;
        }
        if Seq::from_wire(number).is_none() {
            reporter.report_numbers(finding::SEQ_RANGE, due.get().into(), number);
        }
        if is_late {
            self.counters.seq_late += 1;
            reporter.report_numbers(finding::SEQ_LATE, due.get().into(), number);
            return Order::Late;
        }
        (life.next, life.sent) = (got.next(), sent);
        if is_due {
            return if is_reordering { Order::Filling } else { Order::Due };
        }
        life.skipped = (due, ahead as u8);
        self.counters.seq_gaps += 1;
        reporter.report_numbers(finding::SEQ_GAP, due.get().into(), number);
        Order::Gap
    }

    /// It is offline, and all its devices with it. Returns whether it was online.
    pub(super) fn die(&mut self, since: Timestamp) -> bool {
        let (past, was_online) = match self.state.take() {
            State::Online(life) | State::Reordering(life, _) => {
                (Past { birth: life.birth, bd_seq: life.bd_seq, since }, true)
            }
            State::Restored(past) => (Past { since, ..past }, false),
            other @ (State::Unknown | State::Offline(_) | State::Forgotten) => {
                self.state = other;
                return false;
            }
        };
        self.state = State::Offline(past);
        for (_, device) in self.devices.iter_mut() {
            if !matches!(device.state, DeviceState::Offline { .. } | DeviceState::Forgotten) {
                device.state = DeviceState::Offline { since };
            }
        }
        was_online
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
