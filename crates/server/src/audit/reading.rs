//! Reading the log: pages for people, oldest or newest first, and everything for exports.
//!
//! The files are read while they are written; a torn end is an end. A page looks at so many entries and no more, so it may be
//! short, and says where to go on.
//! Knows nothing of who asks. Invariant: a page and the cursor that came with it never leave a record out.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use factree_auth::audit::{FrameError, Query, Record, SegmentStart};
use factree_http::AuditPage;

use super::segments::{self, Stream};

/// Entries that are looked at for one page.
const LOOK_MAX: usize = 300_000;

fn failed(error: FrameError) -> io::Error {
    match error {
        FrameError::Io(error) => error,
        error => io::Error::other(error.to_string()),
    }
}

/// A segment and its first entry; without the stub.
fn starts(directory: &Path) -> io::Result<Vec<(u64, u64)>> {
    let numbers = segments::numbers(directory)?.into_iter().filter(|number| *number > 0);
    let start = |number| match segments::read(directory, number) {
        // It may have been dropped in between, or begins just now.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(segment) => Ok(SegmentStart::read(segment).ok().map(|start| (number, start.first_seq))),
    };
    numbers.filter_map(|number| start(number).transpose()).collect()
}

/// Segments that can have entries of the query.
fn concerned(directory: &Path, query: &Query) -> io::Result<Vec<(u64, u64)>> {
    let starts = starts(directory)?;
    let ends = starts.iter().skip(1).map(|(_, first)| *first).chain([u64::MAX]);
    let is_concerned = |first: u64, end: u64| {
        query.after.is_none_or(|after| end.saturating_sub(1) > after)
            && query.before.is_none_or(|before| first < before)
    };
    let concerned = starts.iter().zip(ends).filter(|((_, first), end)| is_concerned(*first, *end));
    Ok(concerned.map(|(start, _)| *start).collect())
}

/// All records of a query, in the order of the log.
pub(super) fn all(
    directory: &Path,
    query: Query,
) -> io::Result<impl Iterator<Item = io::Result<Record>> + Send + use<>> {
    let numbers = concerned(directory, &query)?.into_iter().map(|(number, _)| number).collect();
    Ok(query.records(Stream::new(directory, numbers)).map(|record| record.map_err(failed)))
}

/// Some records of a query, in the order of the log.
pub(super) fn oldest_first(directory: &Path, query: &Query, limit: usize) -> io::Result<AuditPage> {
    let numbers = concerned(directory, query)?.into_iter().map(|(number, _)| number).collect();
    let everything = Query { after: query.after, before: query.before, ..Query::default() };
    let mut page = AuditPage::default();
    let (mut looked, mut last) = (0, None);
    for record in everything.records(Stream::new(directory, numbers)) {
        let record = record.map_err(failed)?;
        let is_wanted = query.wants(&record);
        if looked == LOOK_MAX || is_wanted && page.records.len() == limit {
            page.next = last;
            break;
        }
        looked += 1;
        last = Some(record.seq);
        if is_wanted {
            page.records.push(record);
        }
    }
    Ok(page)
}

/// Some records of a query, the last of the log first.
pub(super) fn newest_first(directory: &Path, query: &Query, limit: usize) -> io::Result<AuditPage> {
    let mut segments = concerned(directory, query)?;
    let mut page = AuditPage::default();
    let mut looked = 0;
    while let Some((number, first)) = segments.pop() {
        let everything = Query { before: query.before, after: query.after, ..Query::default() };
        let room = limit - page.records.len();
        // One more than there is room for tells whether there is more.
        let mut found = VecDeque::with_capacity(room.min(1000) + 1);
        for record in everything.records(Stream::new(directory, vec![number])) {
            let record = record.map_err(failed)?;
            looked += 1;
            if query.wants(&record) {
                if found.len() > room {
                    found.pop_front();
                }
                found.push_back(record);
            }
        }
        let is_more = found.len() > room;
        page.records.extend(found.into_iter().rev().take(room));
        if is_more {
            page.next = page.records.last().map(|last| last.seq);
            break;
        }
        if looked >= LOOK_MAX && !segments.is_empty() || page.records.len() == limit && !segments.is_empty() {
            page.next = Some(first);
            break;
        }
    }
    Ok(page)
}
