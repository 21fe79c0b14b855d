//! The audit log of this process: who did what, written down before it counts.
//!
//! [`Audit`] is what everybody holds: entries go onto a desk, and one thread, the scribe, writes all that gathered with
//! one sync, as the keeper does for the broker. Whoever is about to do something privileged waits for that; whoever
//! tells what has happened does not.
//! Knows nothing of what the entries say. Invariant: what [`Audit::record`] has answered with `Ok` is on disk, or
//! the operator has said that commands go on without.

use std::sync::Arc;

use factree_auth::audit::AuditFull;
pub(crate) use factree_auth::audit::{Outcome, OwnedEntry};
use factree_http::{Auditor, Recording};

/// Where everybody says what is to be written down.
pub(crate) struct Audit {
    desk: Option<Arc<()>>,
    requires_reason: bool,
}

impl Audit {
    /// Nothing is written down: where there is no data directory to write it into.
    pub(crate) fn off() -> Self {
        Self { desk: None, requires_reason: false }
    }

    /// Writes down what has happened; nobody waits for it. Floods of what is alike are told by their number.
    pub(crate) fn note(&self, _entry: OwnedEntry) {}

    /// Writes down what is about to be done.
    ///
    /// # Errors
    /// [`AuditFull`]: it is not on record, and not to be done.
    pub(crate) async fn record(&self, _entry: OwnedEntry) -> Result<(), AuditFull> {
        Ok(())
    }

    /// Whether anything privileged may be done now, as far as the log is concerned.
    pub(crate) fn may_command(&self) -> bool {
        self.desk.is_none()
    }
}

impl Auditor for Audit {
    fn requires_reason(&self) -> bool {
        self.requires_reason
    }

    fn may_command(&self) -> bool {
        Audit::may_command(self)
    }

    fn note(&self, entry: OwnedEntry) {
        Audit::note(self, entry);
    }

    fn record(&self, entry: OwnedEntry) -> Recording<'_> {
        Box::pin(Audit::record(self, entry))
    }
}
