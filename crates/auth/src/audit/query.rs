//! Queries: the records that somebody asks for, a page at a time.
//!
//! A log is read from front to back; a caller with many segments begins with the one that can hold the first answer.
//! Nothing is verified here: a question about what is in the log is not the question whether it is genuine.
//! Invariant: a page and the cursor that came with it never leave a record out and never bring one twice.

use std::io::Read;

use super::entry::Record;
use super::frame::{FrameError, Frames};
use crate::time::Timestamp;

/// Which records are asked for; what is none asks for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before, and not at.
    pub to: Option<Timestamp>,
    /// Of exactly this principal.
    pub principal: Option<String>,
    /// With exactly this verb, or one below it: `user` means `user.change` as well.
    pub verb: Option<String>,
    /// With a target that begins like this.
    pub target_prefix: Option<String>,
    /// That ended so: `done`, `refused`.
    pub result: Option<String>,
    /// Behind this entry: the cursor of the page before.
    pub after: Option<u64>,
    /// Before this entry.
    pub before: Option<u64>,
}

/// Some of the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In the order of the log.
    pub records: Vec<Record>,
    /// Behind which entry to go on; none if there is nothing more.
    pub next: Option<u64>,
}

impl Query {
    /// Whether this is one of those that are asked for.
    pub fn wants(&self, record: &Record) -> bool {
        let begins = |text: &str, word: &str, mark: char| {
            text.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(mark))
        };
        self.after.is_none_or(|after| record.seq > after)
            && self.before.is_none_or(|before| record.seq < before)
            && self.from.is_none_or(|from| record.time >= from)
            && self.to.is_none_or(|to| record.time < to)
            && self.principal.as_ref().is_none_or(|principal| record.principal == *principal)
            && self.verb.as_ref().is_none_or(|verb| begins(&record.verb, verb, '.'))
            && self.result.as_ref().is_none_or(|result| begins(&record.result, result, ':'))
            && self.target_prefix.as_ref().is_none_or(|prefix| record.target.starts_with(prefix))
    }

    /// All that are asked for, one after another, in constant memory. A torn end is an end.
    pub fn records(self, log: impl Read) -> impl Iterator<Item = Result<Record, FrameError>> {
        Frames::new(log)
            .take_while(|frame| !matches!(frame, Err(FrameError::Torn)))
            .filter_map(|frame| frame.and_then(|frame| Record::of(&frame)).transpose())
            .filter(move |record| record.as_ref().map_or(true, |record| self.wants(record)))
    }

    /// The first ones that are asked for, `limit` at most.
    ///
    /// # Errors
    /// [`FrameError`] if the log cannot be read.
    pub fn page(self, log: impl Read, limit: usize) -> Result<Page, FrameError> {
        let mut page = Page { records: Vec::new(), next: None };
        for record in self.records(log) {
            let record = record?;
            if page.records.len() == limit {
                page.next = page.records.last().map(|last| last.seq);
                break;
            }
            page.records.push(record);
        }
        Ok(page)
    }
}
