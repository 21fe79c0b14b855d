//! How an attachment is doing: what the API, the figures and the log tell of it.
//!
//! Written by its task, read by anybody. Rare things (states, the last error) are behind a lock that is held to copy
//! them; frequent ones are plain counters.
//! Invariant: no address or error in here holds a password.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use factree_ingest::Timestamp;

use super::Fault;

/// How far an attachment is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// On its way to the first SUBACK.
    #[default]
    Connecting,
    /// Subscribed.
    Online,
    /// Waiting to try again.
    Offline,
    /// At its end.
    Stopped,
}

impl Phase {
    /// As the API spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Stopped => "stopped",
        }
    }
}

/// One attachment, seen by everybody.
#[derive(Debug, Default)]
pub(crate) struct Status {
    now: Mutex<Snapshot>,
    failures: [AtomicU64; Fault::CLASSES.len()],
    pub(crate) connected: Count,
    pub(crate) messages: Count,
    pub(crate) bytes_received: Count,
    pub(crate) bytes_sent: Count,
    /// Commands and rebirth requests that went out.
    pub(crate) sent: Count,
    /// Those that did not: the link was full, or another one by then, or the broker takes none so large.
    pub(crate) unsent: Count,
    /// Publications that were too large, malformed, or on a topic the tree does not take.
    pub(crate) passed_over: Count,
    /// Retained copies of Sparkplug messages.
    pub(crate) old_copies: Count,
}

/// One counter.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

/// What is true at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) phase: Phase,
    /// Since when.
    pub(crate) since: Timestamp,
    /// What went wrong last, even if it is over.
    pub(crate) last_error: Option<LastError>,
}

/// Something that went wrong.
#[derive(Clone, Debug)]
pub(crate) struct LastError {
    pub(crate) at: Timestamp,
    pub(crate) class: &'static str,
    pub(crate) text: String,
}

impl Status {
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connections that ended or did not come about, by class.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Fault::CLASSES.into_iter().zip(self.failures.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    pub(super) fn enter(&self, phase: Phase, at: Timestamp) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        // Every attempt of a broker that is gone is one outage.
        let goes_on =
            matches!((now.phase, phase), (Phase::Offline, Phase::Connecting) | (Phase::Connecting, Phase::Offline));
        if !goes_on || now.since == Timestamp(0) {
            now.since = at;
        }
        now.phase = phase;
    }

    pub(super) fn failed(&self, fault: &Fault, at: Timestamp) {
        self.failures[fault.class_number()].fetch_add(1, Ordering::Relaxed);
        self.complain(fault.class(), fault.to_string(), at);
    }

    /// Something is wrong, although the connection goes on.
    pub(super) fn complain(&self, class: &'static str, text: String, at: Timestamp) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.last_error = Some(LastError { at, class, text });
    }
}

impl Count {
    pub(super) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
