//! The schedule: what happens when, in virtual time.
//!
//! Days pass in the time it takes to handle what happens in them. Equal times keep the order in which they were planned, so
//! a seed has one schedule.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// One thing that is going to happen. Links are numbers, clients too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A client does what it likes.
    Act { client: usize },
    /// Bytes have arrived at the broker, or it may read on.
    ToBroker { link: usize },
    /// Bytes have arrived at a client, or it reads again.
    ToClient { link: usize },
    /// A client answers some of what it owes.
    Answer { link: usize },
    /// A client looks whether it must say something to stay alive.
    KeepAlive { link: usize },
    /// The broker notices that a link is gone.
    BrokerNotices { link: usize },
    /// A client notices that its link is gone.
    ClientNotices { link: usize },
    /// The store has synced a group of writes.
    Synced { process: usize },
}

#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) began: Instant,
    pub(crate) now: Instant,
    events: BTreeMap<(Instant, u64), Event>,
    planned: u64,
}

impl Schedule {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Schedule { began: now, now, events: BTreeMap::new(), planned: 0 }
    }

    pub(crate) fn at(&mut self, at: Instant, event: Event) {
        self.planned += 1;
        self.events.insert((at.max(self.now), self.planned), event);
    }

    pub(crate) fn after(&mut self, delay: Duration, event: Event) {
        self.at(self.now + delay, event);
    }

    /// Goes on to the next event, or to the deadline if that is not later.
    pub(crate) fn next(&mut self, deadline: Option<Instant>) -> Option<Event> {
        let at = self.events.first_key_value().map(|((at, _), _)| *at);
        if let Some(deadline) = deadline
            && at.is_none_or(|at| deadline <= at)
        {
            self.now = self.now.max(deadline);
            return None;
        }
        let ((at, _), event) = self.events.pop_first()?;
        self.now = self.now.max(at);
        Some(event)
    }
}
