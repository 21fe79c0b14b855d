//! What births say about themselves, and how much room keeping them byte for byte takes.
//!
//! The findings about an NBIRTH or DBIRTH as a whole are made here, where the message is judged against the state
//! before it.

use super::{
    Message, SessionKey,
    edge_node::{Birth, State},
    finding::{self, Reporter},
};
use crate::{
    BdSeq, DataType, Limits, Payload, Seq, WireValue,
    encode::{BD_SEQ, REBIRTH},
};

/// How much room the kept births take, all Edge Nodes together. They are kept elsewhere; the bound is held here, where
/// births come and go.
#[derive(Debug, Default)]
pub(super) struct Archive {
    bytes: u64,
}

impl Archive {
    /// The birth to keep in place of `before`, if there is room for it.
    pub(super) fn keep(
        &mut self,
        message: &Message<'_>,
        before: Option<&Birth>,
        limits: &Limits,
        reporter: &mut Reporter<'_>,
    ) -> Birth {
        self.bytes -= before.and_then(|birth| birth.kept_bytes).map_or(0, u64::from);
        let bytes = message.payload.published_bytes();
        let has_room = self.has_room(message, limits);
        if has_room {
            self.bytes += u64::from(bytes);
        } else {
            reporter.report(finding::BIRTH_BYTES_FULL);
        }
        Birth {
            kept_bytes: has_room.then_some(bytes),
            timestamp: message.payload.timestamp,
            received: message.now.wall,
        }
    }

    /// The birth is kept no more.
    pub(super) fn give_back(&mut self, birth: &Birth) {
        self.bytes -= birth.kept_bytes.map_or(0, u64::from);
    }

    /// Whether the birth fits beside all that are kept.
    pub(super) fn has_room(&self, message: &Message<'_>, limits: &Limits) -> bool {
        self.bytes + u64::from(message.payload.published_bytes()) <= limits.birth_bytes_max
    }
}

/// The seq that an NBIRTH begins with. The specification says 0 in one place and 0 to 255 in three; any is taken.
pub(super) fn first_seq(message: &Message<'_>, reporter: &mut Reporter<'_>) -> Seq {
    match message.payload.seq {
        Some(0) => {}
        Some(number) => reporter.report_numbers(finding::NBIRTH_SEQ, 0, number),
        None => reporter.report(finding::NBIRTH_SEQ_MISSING),
    }
    Seq::new(message.payload.seq.unwrap_or(0) as u8)
}

/// The value of the metric `bdSeq`: any integer kind, found by that name only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FoundBdSeq {
    Missing,
    /// Not a number from 0 to 255.
    Invalid,
    Valid {
        bd_seq: BdSeq,
        /// As the specification wants it; three of eight recorded clients send it otherwise.
        is_int64: bool,
    },
}

impl FoundBdSeq {
    pub(crate) fn valid(self) -> Option<BdSeq> {
        match self {
            FoundBdSeq::Valid { bd_seq, .. } => Some(bd_seq),
            FoundBdSeq::Missing | FoundBdSeq::Invalid => None,
        }
    }
}

pub(super) fn bd_seq(message: &Message<'_>) -> FoundBdSeq {
    bd_seq_in(message.bytes, message.payload)
}

/// The same in any payload that was decoded from `bytes`.
pub(crate) fn bd_seq_in(bytes: &[u8], payload: &Payload) -> FoundBdSeq {
    let is_it = |metric: &&crate::RawMetric| metric.is_named(bytes, BD_SEQ);
    let Some(metric) = payload.metrics.iter().rev().find(is_it) else { return FoundBdSeq::Missing };
    let bd_seq = match metric.wire_value(bytes) {
        WireValue::Int(number) => BdSeq::from_wire(number.into()),
        WireValue::Long(number) => BdSeq::from_wire(number),
        _ => None,
    };
    let is_int64 = metric.datatype() == DataType::Int64.number();
    bd_seq.map_or(FoundBdSeq::Invalid, |bd_seq| FoundBdSeq::Valid { bd_seq, is_int64 })
}

/// Judges an NBIRTH's bdSeq against that of the birth before it, if there was one.
pub(super) fn judge_bd_seq(found: FoundBdSeq, session: SessionKey, before: &State, reporter: &mut Reporter<'_>) {
    match found {
        FoundBdSeq::Missing => reporter.report(finding::BD_SEQ_MISSING),
        FoundBdSeq::Invalid | FoundBdSeq::Valid { is_int64: false, .. } => reporter.report(finding::BD_SEQ_TYPE),
        FoundBdSeq::Valid { is_int64: true, .. } => {}
    }
    let Some(got) = found.valid() else { return };
    let (earlier, is_same_session) = match before {
        State::Unknown | State::Forgotten => return,
        State::Online(life) | State::Reordering(life, _) => (life.bd_seq, life.session == session),
        State::Restored(past) | State::Offline(past) => (past.bd_seq, false),
    };
    let Some(earlier) = earlier else { return };
    if is_same_session && got != earlier {
        reporter.report_numbers(finding::BD_SEQ_REPEAT, earlier.get().into(), got.get().into());
    }
    // An Edge Node that was switched off begins at 0 again. One that stopped and started within its session (Offline by
    // NDEATH, then a birth) repeats its number, and the session is no longer known here.
    let may_be = [earlier.next(), BdSeq::new(0), earlier];
    if !is_same_session && !may_be.contains(&got) {
        reporter.report_numbers(finding::BD_SEQ_INCREMENT, earlier.next().get().into(), got.get().into());
    }
}

/// Judges whether the Edge Node can be asked for a rebirth.
pub(super) fn judge_rebirth_metric(message: &Message<'_>, reporter: &mut Reporter<'_>) {
    let is_it = |metric: &&crate::RawMetric| metric.is_named(message.bytes, REBIRTH);
    let found = message.payload.metrics.iter().find(is_it);
    let is_right = found.is_some_and(|metric| {
        metric.datatype() == DataType::Boolean.number() && metric.wire_value(message.bytes) == WireValue::Boolean(false)
    });
    if !is_right {
        reporter.report(finding::NBIRTH_REBIRTH);
    }
}
