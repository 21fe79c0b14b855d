//! The audit log as the routes see it: somewhere to write down who did what, and to read it again.
//!
//! A handler that changes something makes an entry of the caller and what is to be done, waits until it is on disk, and
//! does it then. What was refused is noted and not waited for.
//! Knows no files. Invariant: what [`Auditor::record`] has not confirmed is not done.

use std::pin::Pin;

use factree_auth::audit::{AuditFull, OwnedEntry};

/// Resolves when an entry is on disk.
pub type Recording<'a> = Pin<Box<dyn Future<Output = Result<(), AuditFull>> + Send + 'a>>;

/// Who keeps the audit log.
pub trait Auditor: Send + Sync {
    /// Whether commands have to say why.
    fn requires_reason(&self) -> bool;

    /// Whether anything privileged may be done now, as far as the log is concerned.
    fn may_command(&self) -> bool;

    /// Writes down what has happened; nobody waits for it. Floods of what is alike are told by their number.
    fn note(&self, entry: OwnedEntry);

    /// Writes down what is about to be done.
    ///
    /// # Errors
    /// [`AuditFull`]: it is not on record, and not to be done.
    fn record(&self, entry: OwnedEntry) -> Recording<'_>;
}
