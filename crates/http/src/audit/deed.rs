//! A deed: something that a caller is about to do, on its way onto the record.
//!
//! Once it is there it has [`Begun`], which wants to be told how it ended; if nobody does, that is what is noted.
//! Invariant: each deed that was begun has one end.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{Method, StatusCode, Uri};
use factree_auth::audit::{AuditFull, Outcome, OwnedEntry};

use super::Auditor;
use super::whole::Whole;
use crate::caller::Caller;
use crate::problem::{Kind, Problem, clipped};
use crate::query::Query;

/// Bytes of a reason. People write a sentence.
const REASON_BYTES_MAX: usize = 1024;

/// Something that a caller is about to do.
pub(crate) struct Deed {
    auditor: Arc<dyn Auditor>,
    entry: OwnedEntry,
}

impl Deed {
    /// `verb` is one or two words that tell it from other deeds, `target` what it is done to.
    pub(crate) fn new(
        auditor: &Arc<dyn Auditor>,
        caller: &Caller,
        verb: &'static str,
        target: impl Into<String>,
    ) -> Deed {
        let entry = OwnedEntry::new(caller.principal().to_string(), verb, target).from(caller.address());
        let entry = OwnedEntry { detail: caller.means(), ..entry };
        Deed { auditor: Arc::clone(auditor), entry }
    }

    /// What was there before.
    pub(crate) fn old(mut self, old: Option<String>) -> Deed {
        self.entry.old = old;
        self
    }

    /// What is to be there.
    pub(crate) fn new_value(self, new: impl Into<String>) -> Deed {
        self.wanted(Some(new.into()))
    }

    /// What is to be there, if anything.
    pub(crate) fn wanted(mut self, new: Option<String>) -> Deed {
        self.entry.new = new;
        self
    }

    /// Why, as the caller says. Without one, commands may not be done at all.
    pub(crate) fn because(mut self, reason: Option<String>) -> Result<Deed, Problem> {
        let reason = reason.filter(|reason| !reason.trim().is_empty());
        if reason.is_none() && self.auditor.requires_reason() {
            let detail = "here nothing is done without saying why ([audit] commands_require_reason)";
            return Err(Problem::new(Kind::ReasonMissing, detail).parameter("reason"));
        }
        if reason.as_ref().is_some_and(|reason| reason.len() > REASON_BYTES_MAX) {
            let detail = format!("a reason has at most {REASON_BYTES_MAX} bytes");
            return Err(Problem::new(Kind::BadParameter, detail).parameter("reason"));
        }
        self.entry.reason = reason;
        Ok(self)
    }

    /// Resolves when it is on record that this is about to be done. How it ended is another entry.
    pub(crate) async fn begin(self, _: &Whole) -> Result<Begun, Problem> {
        let begun = OwnedEntry { outcome: Outcome::Begun, ..self.entry.clone() };
        if self.auditor.may_command() && self.auditor.record(begun).await.is_ok() {
            return Ok(Begun { auditor: self.auditor, entry: Some(self.entry) });
        }
        Err(Problem::new(Kind::AuditFull, AuditFull.to_string()))
    }

    /// It was done, and needed no record before.
    pub(crate) fn done(self) {
        self.auditor.note(self.entry);
    }
}

/// A deed that is on record as begun.
pub(crate) struct Begun {
    auditor: Arc<dyn Auditor>,
    /// Until its end is noted.
    entry: Option<OwnedEntry>,
}

impl Begun {
    /// What was there before, and what is there now.
    pub(crate) fn changed(&mut self, old: Option<String>, new: Option<String>) {
        if let Some(entry) = &mut self.entry {
            (entry.old, entry.new) = (old.or(entry.old.take()), new.or(entry.new.take()));
        }
    }

    /// It was done.
    pub(crate) fn done(mut self) {
        self.note(|entry| entry);
    }

    /// It was done, or it was allowed and came to nothing; either is on record, and handed on.
    pub(crate) fn ended<T>(self, outcome: Result<T, Problem>) -> Result<T, Problem> {
        match &outcome {
            Ok(_) => self.done(),
            Err(problem) => self.failed(problem),
        }
        outcome
    }

    /// It was allowed and came to nothing.
    pub(crate) fn failed(self, problem: &Problem) {
        self.failed_for(problem.said());
    }

    /// The same, in other words.
    pub(crate) fn failed_for(mut self, why: String) {
        self.note(|entry| entry.ended(Outcome::Failed, why));
    }

    /// It has been published as this command, which ends when the plant says so or does not.
    pub(crate) fn follow(mut self, command: u64) {
        if let Some(entry) = self.entry.take() {
            self.auditor.follow(command, entry);
        }
    }

    fn note(&mut self, end: impl FnOnce(OwnedEntry) -> OwnedEntry) {
        if let Some(entry) = self.entry.take() {
            self.auditor.note(end(entry));
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.note(|entry| {
            entry.ended(Outcome::Failed, "not known: it was broken off by a mistake of ours, or by the end")
        });
    }
}

/// The reason in a query, where there is no body that could say it.
pub(crate) fn reason_of(uri: &Uri) -> Result<Option<String>, Problem> {
    Query::parse(uri.query(), &["reason"])?.text("reason")
}

/// Whether it would be on record if this request were refused for who sent it: what changes something, and what reads of who may
/// do what or of who did what. Everything else that reads is refused by showing less, and has no time to lose.
pub fn is_told(method: &Method, uri: &Uri) -> bool {
    let is_of_people = |path: &str| {
        ["audit", "users", "roles", "keys", "sessions", "disabled", "access"].iter().any(|area| path.starts_with(area))
    };
    !method.is_safe() || uri.path().strip_prefix("/api/v1/").is_some_and(is_of_people)
}

/// Notes that a caller was refused a part of what he asked for, where the answer as a whole does not show it.
pub(crate) fn note_refused(auditor: &dyn Auditor, caller: &Caller, verb: &'static str, target: &str) {
    let entry = OwnedEntry::new(caller.principal().to_string(), verb, clipped(target)).from(caller.address());
    auditor.note(entry.ended(Outcome::Refused, with(StatusCode::FORBIDDEN.to_string(), caller.means())));
}

/// What is said, and by what means he was let in who said it.
fn with(said: String, means: Option<String>) -> String {
    match means {
        Some(means) => format!("{said}; {means}"),
        None => said,
    }
}

/// Notes that a request was refused for who sent it, or for wanting what nobody may; of other answers, nothing. Of methods
/// that a route does not take, those count that would take something away from the log.
pub fn note_refusal(
    auditor: &dyn Auditor,
    (caller, address): (Option<&Caller>, IpAddr),
    (method, uri): (&Method, &Uri),
    status: StatusCode,
) {
    let is_told = match status {
        // Who logs in says a name; that is told where it is known.
        StatusCode::UNAUTHORIZED => uri.path() != crate::login::LOGIN,
        StatusCode::FORBIDDEN => true,
        StatusCode::METHOD_NOT_ALLOWED => uri.path().starts_with(super::AUDIT),
        _ => false,
    };
    if is_told {
        let principal = caller.map_or_else(|| "anonymous".to_owned(), |caller| caller.principal().to_string());
        let target = format!("{} {}", clipped(method.as_str()), uri.path());
        let entry = OwnedEntry::new(principal, "http", target).from(address);
        auditor.note(entry.ended(Outcome::Refused, with(status.to_string(), caller.and_then(Caller::means))));
    }
}
