//! What is written down about one thing that somebody did.
//!
//! An [`Entry`] is what the caller says, a [`Record`] what came to be stored: the entry with its number, both clocks,
//! and what is remarkable about them. Texts that are too long are cut and the record says so; no peer decides how big a
//! log entry is.
//! Invariant: encoding and decoding a record changes nothing.

use std::net::IpAddr;
use std::time::Duration;

use super::frame::{Frame, FrameError, Kind, Parts, put_text};
use crate::limits::AUDIT_FIELD_BYTES_MAX;
use crate::time::{Now, Timestamp};

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is about to be done: this is on record before anything happens, and its end is an entry of its own.
    Begun,
    /// It was done.
    Done,
    /// It was not allowed.
    Refused,
    /// It was allowed and did not work.
    Failed,
}

impl Outcome {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Begun => "begun",
            Outcome::Done => "done",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
        }
    }
}

/// Something that happened. Values are shown as they are: whoever writes a password here has written it down for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Who: a principal as it is displayed, or what somebody claimed to be.
    pub principal: &'a str,
    /// From where, if from anywhere.
    pub address: Option<&'a str>,
    /// What was done, in a word or two: `login`, `command`, `role.change`.
    pub verb: &'a str,
    /// To what: a path, a topic, a name.
    pub target: &'a str,
    /// What was there before, if something was.
    pub old: Option<&'a str>,
    /// What was to be there after.
    pub new: Option<&'a str>,
    /// Why, as the principal said.
    pub reason: Option<&'a str>,
    /// How it ended: an [`Outcome`], and perhaps more.
    pub result: &'a str,
}

/// An [`Entry`] with texts of its own, on its way from whoever did something to whoever writes it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedEntry {
    /// Who: a principal as it is displayed, or what somebody claimed to be.
    pub principal: String,
    /// From where, if from anywhere.
    pub address: Option<IpAddr>,
    /// What was done, in a word or two.
    pub verb: &'static str,
    /// To what.
    pub target: String,
    /// What was there before, if something was.
    pub old: Option<String>,
    /// What was to be there after.
    pub new: Option<String>,
    /// Why, as the principal said.
    pub reason: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// What more there is to say about that.
    pub detail: Option<String>,
}

impl OwnedEntry {
    /// Something that was done; the rest is filled in by who knows it.
    pub fn new(principal: impl Into<String>, verb: &'static str, target: impl Into<String>) -> Self {
        OwnedEntry {
            principal: principal.into(),
            address: None,
            verb,
            target: target.into(),
            old: None,
            new: None,
            reason: None,
            outcome: Outcome::Done,
            detail: None,
        }
    }

    /// From this address.
    #[must_use]
    pub fn from(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// With another end than that it was done, and why.
    #[must_use]
    pub fn ended(mut self, outcome: Outcome, why: impl Into<String>) -> Self {
        (self.outcome, self.detail) = (outcome, Some(why.into()));
        self
    }

    /// Lends it out in the form that is written: the result is the outcome and, behind a colon, the detail.
    pub fn lend<R>(&self, to: impl FnOnce(&Entry<'_>) -> R) -> R {
        let address = self.address.map(|address| address.to_string());
        let result = match &self.detail {
            Some(detail) => format!("{}: {detail}", self.outcome.as_str()),
            None => self.outcome.as_str().to_owned(),
        };
        to(&Entry {
            principal: &self.principal,
            address: address.as_deref(),
            verb: self.verb,
            target: &self.target,
            old: self.old.as_deref(),
            new: self.new.as_deref(),
            reason: self.reason.as_deref(),
            result: &result,
        })
    }
}

/// An entry could not be stored, and nothing privileged is done that is not on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditFull;

impl std::fmt::Display for AuditFull {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the audit log cannot be written, and nothing is done that is not on record")
    }
}

impl std::error::Error for AuditFull {}

/// An entry as it was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number in the log.
    pub seq: u64,
    /// When, by the wall clock.
    pub time: Timestamp,
    /// When, since the process began; to the nanosecond.
    pub monotonic: Duration,
    /// Since the entry before, the wall clock went another way than time did.
    pub clock_stepped: bool,
    /// A text was longer than [`AUDIT_FIELD_BYTES_MAX`] and was cut.
    pub clipped: bool,
    /// As in [`Entry`].
    pub principal: String,
    /// As in [`Entry`].
    pub address: Option<String>,
    /// As in [`Entry`].
    pub verb: String,
    /// As in [`Entry`].
    pub target: String,
    /// As in [`Entry`].
    pub old: Option<String>,
    /// As in [`Entry`].
    pub new: Option<String>,
    /// As in [`Entry`].
    pub reason: Option<String>,
    /// As in [`Entry`].
    pub result: String,
}

const CLOCK_STEPPED: u8 = 1;
const CLIPPED: u8 = 2;

impl Entry<'_> {
    /// The body of its frame.
    pub(super) fn body(&self, now: Now, clock_stepped: bool) -> Vec<u8> {
        let fields = [
            Some(self.principal),
            self.address,
            Some(self.verb),
            Some(self.target),
            self.old,
            self.new,
            self.reason,
            Some(self.result),
        ];
        let is_clipped = fields.iter().flatten().any(|text| text.len() > AUDIT_FIELD_BYTES_MAX);
        let flags = if clock_stepped { CLOCK_STEPPED } else { 0 } | if is_clipped { CLIPPED } else { 0 };
        let mut body = Vec::with_capacity(256);
        body.extend_from_slice(&now.wall.0.to_be_bytes());
        body.extend_from_slice(&u64::try_from(now.monotonic.as_nanos()).unwrap_or(u64::MAX).to_be_bytes());
        body.push(flags);
        for field in fields {
            put_text(&mut body, field.map(|text| &text[..text.floor_char_boundary(AUDIT_FIELD_BYTES_MAX)]));
        }
        body
    }
}

impl Record {
    /// What a frame says, if it is a record.
    ///
    /// # Errors
    /// [`FrameError::Format`] if it calls itself a record and is none.
    pub fn of(frame: &Frame) -> Result<Option<Self>, FrameError> {
        if frame.kind != Kind::Record {
            return Ok(None);
        }
        let mut parts = Parts(&frame.body);
        let (time, monotonic, [flags]) = (Timestamp(parts.number()?), parts.number()?, parts.array()?);
        let mut text = || Ok(parts.text()?.map(str::to_owned));
        let must = |text: Option<String>| text.ok_or(FrameError::Format("a field that is missing"));
        let record = Record {
            seq: frame.seq,
            time,
            monotonic: Duration::from_nanos(monotonic),
            clock_stepped: flags & CLOCK_STEPPED != 0,
            clipped: flags & CLIPPED != 0,
            principal: must(text()?)?,
            address: text()?,
            verb: must(text()?)?,
            target: must(text()?)?,
            old: text()?,
            new: text()?,
            reason: text()?,
            result: must(text()?)?,
        };
        parts.end()?;
        if flags & !(CLOCK_STEPPED | CLIPPED) != 0 {
            return Err(FrameError::Format("flags that are not known"));
        }
        Ok(Some(record))
    }
}
