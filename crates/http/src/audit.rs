//! The audit log as the routes see it: somewhere to write down who did what, and `GET /api/v1/audit` to read it again.
//!
//! A handler that changes something makes a [`Deed`] of the caller and what is to be done, waits until it is on disk, and
//! does it then; how it ended is another entry. All of that happens [`to_the_end`], also if the caller hangs up. What was refused is noted and not waited for. Nothing changes what is in the
//! log, so there is no route for it.
//! Knows no files. Invariant: what [`Auditor::record`] has not confirmed is not done, and what it has confirmed has an end.

use std::io;
use std::sync::Arc;

use axum::Router;
use factree_auth::audit::{AuditFull, Head, OwnedEntry, PublicKey, Query, Record};

use crate::Pending;
use crate::openapi::routes::Routes;

mod deed;
mod reading;
mod whole;

pub(crate) use deed::{Begun, Deed, note_refused, reason_of};
pub use deed::{is_told, note_refusal};
pub(crate) use reading::AUDIT;
pub(crate) use whole::{Whole, to_the_end};

/// Resolves when an entry is on disk.
pub type Recording<'a> = Pending<'a, Result<(), AuditFull>>;

/// All records of a query, read as they are taken.
pub type Records = Box<dyn Iterator<Item = io::Result<Record>> + Send>;

/// Some records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// In the order that was asked for.
    pub records: Vec<Record>,
    /// Behind which entry (in that order) to go on; none if there is nothing more. A page may be short and have one.
    pub next: Option<u64>,
}

/// The end of the log, signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// The head.
    pub head: Head,
    /// What verifies it.
    pub key: PublicKey,
}

/// From which end of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The last entry first: [`Query::before`] is the cursor.
    #[default]
    NewestFirst,
    /// The first entry first: [`Query::after`] is the cursor.
    OldestFirst,
}

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

    /// Follows a command that has been published, and notes how it ended: `entry` with another outcome.
    fn follow(&self, command: u64, entry: OwnedEntry);

    /// Some records. Reads files: not to be called where nothing may wait.
    ///
    /// # Errors
    /// The log cannot be read.
    fn page(&self, query: &Query, order: Order, limit: usize) -> io::Result<AuditPage>;

    /// All records, the first of the log first. Reads files.
    ///
    /// # Errors
    /// The log cannot be read.
    fn records(&self, query: Query) -> io::Result<Records>;

    /// The end of the log, signed now; none if nothing can be stored or there is no log.
    fn head(&self) -> Pending<'_, Option<AuditHead>>;
}

/// Nobody: nothing is written down, and nothing has to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAudit;

impl Auditor for NoAudit {
    fn requires_reason(&self) -> bool {
        false
    }

    fn may_command(&self) -> bool {
        true
    }

    fn note(&self, _: OwnedEntry) {}

    fn record(&self, _: OwnedEntry) -> Recording<'_> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn follow(&self, _: u64, _: OwnedEntry) {}

    fn page(&self, _: &Query, _: Order, _: usize) -> io::Result<AuditPage> {
        Ok(AuditPage::default())
    }

    fn records(&self, _: Query) -> io::Result<Records> {
        Ok(Box::new(std::iter::empty()))
    }

    fn head(&self) -> Pending<'_, Option<AuditHead>> {
        Box::pin(std::future::ready(None))
    }
}

/// The routes alone.
pub fn audit_router(auditor: Arc<dyn Auditor>) -> Router {
    routes().router().method_not_allowed_fallback(crate::wrong_method).with_state(auditor)
}

pub(crate) fn routes() -> Routes<Arc<dyn Auditor>> {
    reading::routes()
}
