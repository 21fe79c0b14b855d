//! Deadlines: at most one instant per session at which it wants to be looked at.
//!
//! A session says when; what is due then, the session knows. Keep-alive uses this lazily: its deadline is not moved by
//! each packet, it fires and is set anew if a packet came meanwhile.
//! Invariant: `by_time` holds exactly the instants in `of_session`.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::identity::SessionId;

#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    by_time: BTreeSet<(Instant, SessionId)>,
    of_session: Vec<Option<Instant>>,
}

impl Deadlines {
    /// Replaces the session's deadline.
    pub(crate) fn set(&mut self, session: SessionId, at: Option<Instant>) {
        let index = session.index();
        if self.of_session.len() <= index {
            self.of_session.resize(index + 1, None);
        }
        if let Some(old) = std::mem::replace(&mut self.of_session[index], at) {
            self.by_time.remove(&(old, session));
        }
        if let Some(at) = at {
            self.by_time.insert((at, session));
        }
    }

    /// The earliest.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// A session whose deadline has passed; the deadline is gone with it.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<SessionId> {
        let (at, session) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.by_time.pop_first();
        self.of_session[session.index()] = None;
        Some(session)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_session_has_one_deadline_and_the_earliest_comes_first() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let [ann, bob, cy] = [SessionId(0), SessionId(1), SessionId(7)];
        let mut deadlines = Deadlines::default();
        deadlines.set(ann, Some(at(5)));
        deadlines.set(bob, Some(at(3)));
        deadlines.set(cy, Some(at(1)));
        deadlines.set(ann, Some(at(2)));
        deadlines.set(cy, None);
        assert_eq!(deadlines.next(), Some(at(2)));
        assert_eq!(deadlines.take_due(at(1)), None);
        assert_eq!(deadlines.take_due(at(9)), Some(ann));
        assert_eq!(deadlines.take_due(at(9)), Some(bob));
        assert_eq!(deadlines.take_due(at(9)), None);
        assert_eq!(deadlines.next(), None);
    }
}
