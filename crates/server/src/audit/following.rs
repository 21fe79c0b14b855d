//! Commands that were begun, until it is known how they ended.
//!
//! Nothing runs when a command's time is up, and the data path has nothing to say to an audit log: so it is looked, twice a
//! second, and only while something waits.
//! Invariant: each command that was begun has one end on record; that of one too many is that it is not known.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use factree_auth::audit::{Outcome, OwnedEntry};
use factree_ingest::{CommandState, Ingest};

use crate::hub;

/// How often it is looked.
pub(super) const LOOK: Duration = Duration::from_millis(500);
/// Commands that are followed at once; more than are ever remembered by default.
const FOLLOWED_MAX: usize = 10_000;

/// By command id; the entry of each end but for how it ended.
#[derive(Debug, Default)]
pub(super) struct Following(Mutex<BTreeMap<u64, OwnedEntry>>);

impl Following {
    /// Follows a command, or says at once how it ended.
    #[must_use]
    pub(super) fn add(&self, command: u64, entry: OwnedEntry) -> Option<OwnedEntry> {
        let mut followed = self.followed();
        if followed.len() < FOLLOWED_MAX {
            followed.insert(command, entry);
            return None;
        }
        Some(ended(entry, command, Outcome::Failed, "not known: as many commands as are followed have no end yet"))
    }

    /// Those that have ended.
    pub(super) fn look(&self, ingest: &Mutex<Ingest>) -> Vec<OwnedEntry> {
        let ids: Vec<u64> = self.followed().keys().copied().collect();
        if ids.is_empty() {
            return Vec::new();
        }
        let ends: Vec<(u64, Option<CommandState>)> = {
            let ingest = ingest.lock().unwrap_or_else(PoisonError::into_inner);
            let now = hub::now();
            ids.into_iter().map(|id| (id, ingest.sent_command(now, id).map(|command| command.state))).collect()
        };
        let mut followed = self.followed();
        let ended = ends.into_iter().filter_map(|(id, state)| {
            let (outcome, how) = match state {
                Some(CommandState::Sent) => return None,
                Some(CommandState::Confirmed) => (Outcome::Done, "confirmed"),
                Some(CommandState::TimedOut) => (Outcome::Failed, "timed out"),
                Some(CommandState::Superseded) => (Outcome::Failed, "superseded by a birth or a death"),
                None => (Outcome::Failed, "forgotten before it ended"),
            };
            Some(ended(followed.remove(&id)?, id, outcome, how))
        });
        ended.collect()
    }

    /// Those that have not, when nobody looks any more.
    pub(super) fn end(&self) -> Vec<OwnedEntry> {
        let followed = std::mem::take(&mut *self.followed());
        let why = "not known: the server stopped";
        followed.into_iter().map(|(id, entry)| ended(entry, id, Outcome::Failed, why)).collect()
    }

    fn followed(&self) -> MutexGuard<'_, BTreeMap<u64, OwnedEntry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ended(entry: OwnedEntry, id: u64, outcome: Outcome, how: &str) -> OwnedEntry {
    entry.ended(outcome, format!("{how} (command {id})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_is_one_too_many_has_its_end_at_once() {
        let following = Following::default();
        let entry = || OwnedEntry::new("user:anna", "command", "Acme/Oven");
        let ends: Vec<OwnedEntry> = (0..=FOLLOWED_MAX as u64).filter_map(|id| following.add(id, entry())).collect();
        let [end] = &ends[..] else { panic!("{} ends", ends.len()) };
        assert_eq!((end.outcome, following.end().len()), (Outcome::Failed, FOLLOWED_MAX));
        assert!(end.detail.as_ref().is_some_and(|why| why.starts_with("not known") && why.contains("command 10000")));
    }
}
