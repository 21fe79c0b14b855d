//! Exports: records as lines of JSON or CSV, for other programs and for spreadsheets.
//!
//! One record is one line, whatever is in it: what disturbs a line of CSV becomes a visible escape, so a name with a
//! line end in it cannot pretend to be another record. A cell that a spreadsheet would take for a formula begins with
//! an apostrophe. Exports are for reading; what is verified is the log.
//! Invariant: as many lines as records, and the header line of CSV.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use super::entry::Record;
use crate::name::disturbs_a_line;

/// The columns, in their order; the keys of JSON are the same.
pub const COLUMNS: [&str; 13] = [
    "seq",
    "time",
    "monotonic_ns",
    "clock_stepped",
    "clipped",
    "principal",
    "address",
    "verb",
    "target",
    "old",
    "new",
    "reason",
    "result",
];

/// One line of JSON; keys of what is not there are left out.
#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    time: String,
    monotonic_ns: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    clock_stepped: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    clipped: bool,
    principal: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    verb: &'a str,
    target: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    result: &'a str,
}

/// Writes one record as a line of JSON.
///
/// # Errors
/// Of the writer.
pub fn json_line(record: &Record, to: &mut impl Write) -> io::Result<()> {
    let line = Line {
        seq: record.seq,
        time: record.time.to_string(),
        monotonic_ns: nanoseconds(record),
        clock_stepped: record.clock_stepped,
        clipped: record.clipped,
        principal: &record.principal,
        address: record.address.as_deref(),
        verb: &record.verb,
        target: &record.target,
        old: record.old.as_deref(),
        new: record.new.as_deref(),
        reason: record.reason.as_deref(),
        result: &record.result,
    };
    serde_json::to_writer(&mut *to, &line)?;
    to.write_all(b"\n")
}

/// Writes the header of a CSV file.
///
/// # Errors
/// Of the writer.
pub fn csv_header(to: &mut impl Write) -> io::Result<()> {
    write!(to, "{}\r\n", COLUMNS.join(","))
}

/// Writes one record as a line of CSV, RFC 4180; every text is quoted.
///
/// # Errors
/// Of the writer.
pub fn csv_line(record: &Record, to: &mut impl Write) -> io::Result<()> {
    let (seq, time) = (record.seq, record.time);
    write!(to, "{seq},{time},{},{},{}", nanoseconds(record), record.clock_stepped, record.clipped)?;
    let texts = [
        Some(&record.principal),
        record.address.as_ref(),
        Some(&record.verb),
        Some(&record.target),
        record.old.as_ref(),
        record.new.as_ref(),
        record.reason.as_ref(),
        Some(&record.result),
    ];
    for text in texts {
        match text {
            Some(text) => write!(to, ",\"{}\"", cell(text))?,
            None => write!(to, ",")?,
        }
    }
    to.write_all(b"\r\n")
}

fn nanoseconds(record: &Record) -> u64 {
    u64::try_from(record.monotonic.as_nanos()).unwrap_or(u64::MAX)
}

/// A text inside quotes: one line, and nothing that a spreadsheet would calculate.
fn cell(text: &str) -> Cow<'_, str> {
    let is_formula =
        text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) || text.starts_with(['\t', '\r']);
    if !is_formula && !text.contains(|character: char| character == '"' || disturbs_a_line(character)) {
        return Cow::Borrowed(text);
    }
    let mut cell = String::with_capacity(text.len() + 8);
    if is_formula {
        cell.push('\'');
    }
    for character in text.chars() {
        match character {
            '"' => cell.push_str("\"\""),
            control if disturbs_a_line(control) => cell.extend(control.escape_default()),
            other => cell.push(other),
        }
    }
    Cow::Owned(cell)
}
