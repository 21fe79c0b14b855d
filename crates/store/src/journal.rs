//! The engine's journals, read before the engine reads them.
//!
//! A batch in a journal is a head (count, number), its writes, and a tail with a checksum over the writes. The engine stops
//! at the first byte it does not understand and cuts off all that follows, with no word about it; and it checks neither
//! count nor number. So we read first: what is whole, what is torn at the end, and whether whole batches follow a gap.
//! After a gap only a batch that carries one of our seals is believed, because a peer can put anything into a payload.
//! Knows the file format of fjall 3; a test fails when it changes.
//! Invariant: the numbers of the batches returned ascend, through all journals.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::directory::{self, replace_file};
use crate::seal::Sealer;
use crate::table::Table;

const HEAD_LEN: usize = 13;
const ITEM_LEN: usize = 21;
const TAIL_LEN: usize = 13;
const TAIL_MAGIC: &[u8; 4] = b"FJL\x03";
/// The engine counts batches up from zero; a number beyond this was never counted.
const NUMBER_MAX: u64 = 1 << 62;
/// Searching behind a gap looks at no more than this many bytes per byte of journal.
const SEARCH_FACTOR: usize = 16;
const CHUNK: usize = 256 << 10;

/// A write in a journal; no stored bytes means: remove.
pub(crate) struct Write<'a> {
    pub(crate) table: Table,
    pub(crate) key: &'a [u8],
    pub(crate) stored: Option<&'a [u8]>,
}

/// Where a whole batch lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) number: u64,
    start: usize,
    end: usize,
}

/// One journal file and what it holds.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) path: PathBuf,
    pub(crate) id: u64,
    /// The whole batches.
    pub(crate) spans: Vec<Span>,
    /// Bytes between them that make no whole batch.
    pub(crate) gap_bytes: u64,
    /// Where the last whole batch ends.
    pub(crate) end: u64,
    /// Bytes behind it that make no whole batch; zeros, with which a journal begins its life, do not count.
    pub(crate) torn_bytes: u64,
}

/// All journals, oldest first.
pub(crate) fn read_all(engine: &Path, sealer: &mut Sealer) -> io::Result<Vec<Journal>> {
    let mut journals = Vec::new();
    for (id, path) in list(engine)? {
        let bytes = read_trimmed(&path)?;
        journals.push(Journal::parse(id, path, &bytes, sealer));
    }
    drop_outliers(&mut journals);
    Ok(journals)
}

/// Takes every batch numbered `from` or higher out of the journals, and gives the newest journal a new file in any case:
/// an engine that has not let go of the old file yet writes where nobody looks.
pub(crate) fn cut(engine: &Path, from: u64) -> io::Result<()> {
    let list = list(engine)?;
    let newest = list.last().map(|(id, _)| *id);
    for (id, path) in list {
        let bytes = read_trimmed(&path)?;
        let spans = contiguous(&bytes);
        if newest == Some(id) || spans.iter().any(|span| span.number >= from) {
            let kept = spans.iter().filter(|span| span.number < from).map(|span| &bytes[span.start..span.end]);
            replace_file(&path, kept)?;
        }
    }
    Ok(())
}

/// Bytes the journals take on the disk.
pub(crate) fn disk_bytes(engine: &Path) -> io::Result<u64> {
    list(engine)?.iter().map(|(_, path)| directory::file_bytes(path)).sum()
}

fn list(engine: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut list = Vec::new();
    for entry in std::fs::read_dir(engine)? {
        let path = entry?.path();
        let id = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".jnl")?.parse().ok());
        list.extend(id.map(|id| (id, path)));
    }
    list.sort();
    Ok(list)
}

/// The file without the zeros at its end, which are most of a young journal.
fn read_trimmed(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let (mut bytes, mut chunk, mut zeros) = (Vec::new(), vec![0; CHUNK], 0);
    loop {
        let len = file.read(&mut chunk)?;
        if len == 0 {
            break;
        }
        let used = chunk[..len].iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
        if used > 0 {
            bytes.resize(bytes.len() + zeros, 0);
            bytes.extend_from_slice(&chunk[..used]);
            zeros = 0;
        }
        zeros += len - used;
    }
    Ok(bytes)
}

impl Journal {
    fn parse(id: u64, path: PathBuf, bytes: &[u8], sealer: &mut Sealer) -> Self {
        let mut journal = Self { path, id, spans: contiguous(bytes), gap_bytes: 0, end: 0, torn_bytes: 0 };
        let mut end = journal.spans.last().map_or(0, |span| span.end);
        while let Some(found) = search(bytes, end + 1, sealer) {
            journal.gap_bytes += (found.start - end) as u64;
            journal.spans.push(found);
            journal.spans.extend(contiguous_from(bytes, found.end));
            end = journal.spans.last().map_or(end, |span| span.end);
        }
        journal.end = end as u64;
        journal.torn_bytes = bytes.len().saturating_sub(end) as u64;
        journal
    }

    /// Hands every write of every whole batch to `visit`, oldest first, with the number of its batch.
    pub(crate) fn visit(&self, mut visit: impl FnMut(u64, Write<'_>)) -> io::Result<()> {
        let bytes = read_trimmed(&self.path)?;
        for span in &self.spans {
            let batch = &bytes[span.start..span.end];
            writes(&batch[HEAD_LEN..batch.len() - TAIL_LEN]).for_each(|write| visit(span.number, write));
        }
        Ok(())
    }
}

fn contiguous(bytes: &[u8]) -> Vec<Span> {
    contiguous_from(bytes, 0).collect()
}

fn contiguous_from(bytes: &[u8], start: usize) -> impl Iterator<Item = Span> {
    let mut at = start;
    std::iter::from_fn(move || {
        let span = batch_at(bytes, at, &mut usize::MAX.clone())?;
        at = span.end;
        Some(span)
    })
}

/// The next batch at or after `from` that carries a seal of ours.
fn search(bytes: &[u8], from: usize, sealer: &mut Sealer) -> Option<Span> {
    let mut budget = bytes.len().saturating_mul(SEARCH_FACTOR);
    (from..bytes.len().saturating_sub(HEAD_LEN + TAIL_LEN)).find_map(|at| {
        let span = batch_at(bytes, at, &mut budget)?;
        let mut proofs = 0;
        let believed = writes(&bytes[at + HEAD_LEN..span.end - TAIL_LEN]).all(|write| {
            write.stored.is_none_or(|stored| {
                proofs += 1;
                sealer.open(write.table, write.key, stored).is_some()
            })
        });
        (believed && proofs > 0).then_some(span)
    })
}

/// The batch that begins at `at`, if a whole one does. Takes the bytes it looks at from `budget`.
fn batch_at(bytes: &[u8], at: usize, budget: &mut usize) -> Option<Span> {
    let head = bytes.get(at..at + HEAD_LEN)?;
    if head[0] != 1 {
        return None;
    }
    let count = u32::from_le_bytes(head[1..5].try_into().ok()?);
    let number = u64::from_le_bytes(head[5..].try_into().ok()?);
    let start = at + HEAD_LEN;
    let mut end = start;
    for _ in 0..count {
        let (_, len) = write_at(bytes.get(end..)?)?;
        *budget = budget.checked_sub(len)?;
        end += len;
    }
    let tail = bytes.get(end..end + TAIL_LEN)?;
    let sum = u64::from_le_bytes(tail[1..9].try_into().ok()?);
    *budget = budget.checked_sub(end - start)?;
    let whole = number <= NUMBER_MAX && tail[0] == 3 && &tail[9..] == TAIL_MAGIC && sum == xxh3_64(&bytes[start..end]);
    whole.then_some(Span { number, start: at, end: end + TAIL_LEN })
}

fn writes(mut bytes: &[u8]) -> impl Iterator<Item = Write<'_>> {
    std::iter::from_fn(move || {
        let (write, len) = write_at(bytes)?;
        bytes = &bytes[len..];
        Some(write)
    })
}

/// The write that `bytes` begins with, and its length. Only what a [`crate::Batch`] leads to is a write: a value or a
/// removal, not compressed, in a table we know.
fn write_at(bytes: &[u8]) -> Option<(Write<'_>, usize)> {
    let head = bytes.get(..ITEM_LEN)?;
    let (tag, kind, compression) = (head[0], head[1], head[2]);
    if tag != 2 || kind > 1 || compression != 0 {
        return None;
    }
    let table = Table::from_keyspace_id(u64::from_le_bytes(head[3..11].try_into().ok()?))?;
    let key_len = usize::from(u16::from_le_bytes(head[11..13].try_into().ok()?));
    let (value_len, stored_len) = (&head[13..17], &head[17..21]);
    if value_len != stored_len {
        return None;
    }
    let stored_len = u32::from_le_bytes(stored_len.try_into().ok()?) as usize;
    let key = bytes.get(ITEM_LEN..ITEM_LEN + key_len)?;
    let stored = bytes.get(ITEM_LEN + key_len..ITEM_LEN + key_len + stored_len)?;
    let write = Write { table, key, stored: (kind == 0).then_some(stored) };
    Some((write, ITEM_LEN + key_len + stored_len))
}

/// A batch whose number does not fit between its neighbours' has a damaged head: nobody knows where its writes belong in
/// the order of things. It becomes a gap.
fn drop_outliers(journals: &mut [Journal]) {
    let all: Vec<(usize, Span)> = journals
        .iter()
        .enumerate()
        .flat_map(|(at, journal)| journal.spans.iter().map(move |span| (at, *span)))
        .collect();
    if all.is_sorted_by(|(_, one), (_, next)| one.number < next.number) {
        return;
    }
    let mut kept: Vec<(usize, Span)> = Vec::with_capacity(all.len());
    for (index, &(journal, span)) in all.iter().enumerate() {
        let fits = |kept: &[(usize, Span)]| kept.last().is_none_or(|(_, last)| last.number < span.number);
        if !fits(&kept) {
            // Either this one is too low or the one before is too high: the one that follows decides.
            let next_fits_last =
                all.get(index + 1).is_some_and(|(_, next)| kept[kept.len() - 1].1.number < next.number);
            if next_fits_last || !fits(&kept[..kept.len() - 1]) {
                continue;
            }
            kept.pop();
        }
        kept.push((journal, span));
    }
    for (at, journal) in journals.iter_mut().enumerate() {
        let before: usize = journal.spans.iter().map(|span| span.end - span.start).sum();
        journal.spans = kept.iter().filter(|(owner, _)| *owner == at).map(|(_, span)| *span).collect();
        let after: usize = journal.spans.iter().map(|span| span.end - span.start).sum();
        journal.gap_bytes += (before - after) as u64;
    }
}
