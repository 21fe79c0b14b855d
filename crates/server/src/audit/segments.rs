//! The files of the log: `000001.log` and so on, and `000000.log`, the stub of those whose time was over.
//!
//! What is appended waits in memory until it is committed: one write and one sync for each file. What could not be
//! committed is cut back to where the files were before, if that takes several attempts as well.
//! Knows nothing of frames. Invariant: bytes before `durable` are never written again.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::identity::{private, sync_directory};

/// Bytes that are read at once.
const READ_BYTES: usize = 64 << 10;
/// What stands in the place of segments that were dropped.
pub(super) const STUB: u64 = 0;
/// The line of each head that was signed.
const HEADS: &str = "heads";

/// The segments that are written.
pub(super) struct Segments {
    directory: PathBuf,
    /// Bytes that all files together may have.
    size_max: Option<u64>,
    /// An entry found no room below `size_max`. A shorter one is not tried: the log would be full and not full by turns, until
    /// something is dropped.
    is_spent: bool,
    /// Bytes of all but the current one.
    others_bytes: u64,
    current: Option<Current>,
    /// Where the last commit ended: number and length of the segment.
    durable: Option<(u64, u64)>,
    /// Something behind `durable` may be in the files.
    is_dirty: bool,
}

struct Current {
    number: u64,
    file: File,
    written: u64,
    pending: Vec<u8>,
}

impl Segments {
    /// Goes on behind `whole_bytes` of the last segment; what is behind them is cut off.
    pub(super) fn open(directory: &Path, last: Option<(u64, u64)>, size_max: Option<u64>) -> io::Result<Self> {
        let mut segments = Self {
            directory: directory.to_owned(),
            size_max,
            is_spent: false,
            others_bytes: 0,
            current: None,
            durable: last,
            is_dirty: last.is_some(),
        };
        segments.cut_back()?;
        segments.weigh()?;
        Ok(segments)
    }

    /// What follows goes into a new segment.
    pub(super) fn begin(&mut self, number: u64) -> io::Result<()> {
        self.flush()?;
        self.is_dirty = true;
        self.others_bytes += self.current.take().map_or(0, |current| current.written);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        private(&mut options);
        let file = options.open(path(&self.directory, number))?;
        sync_directory(&self.directory)?;
        self.current = Some(Current { number, file, written: 0, pending: Vec::new() });
        Ok(())
    }

    /// Appends to the current segment, when it is committed.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        let current = self.current.as_mut().expect("a log begins with a segment");
        current.pending.extend_from_slice(bytes);
        self.is_dirty = true;
    }

    /// Everything that was appended is on disk when this returns `Ok`.
    pub(super) fn commit(&mut self) -> io::Result<()> {
        self.flush()?;
        self.durable = self.current.as_ref().map(|current| (current.number, current.written));
        self.is_dirty = false;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(current) = &mut self.current else { return Ok(()) };
        if current.pending.is_empty() {
            return Ok(());
        }
        let bytes = self.others_bytes + current.written + current.pending.len() as u64;
        self.is_spent |= self.size_max.is_some_and(|max| bytes > max);
        if self.is_spent {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                "the audit log is as large as [audit] size_max allows",
            ));
        }
        current.file.write_all(&current.pending)?;
        current.file.sync_data()?;
        current.written += current.pending.len() as u64;
        current.pending.clear();
        Ok(())
    }

    /// Takes back what was not committed.
    pub(super) fn cut_back(&mut self) -> io::Result<()> {
        if !self.is_dirty {
            return Ok(());
        }
        self.current = None;
        let last = self.durable.map_or(STUB, |(number, _)| number);
        for number in numbers(&self.directory)?.into_iter().filter(|number| *number > last) {
            std::fs::remove_file(path(&self.directory, number))?;
        }
        if let Some((number, len)) = self.durable {
            let mut file = OpenOptions::new().write(true).open(path(&self.directory, number))?;
            file.set_len(len)?;
            file.seek(SeekFrom::Start(len))?;
            file.sync_all()?;
            self.current = Some(Current { number, file, written: len, pending: Vec::new() });
        }
        sync_directory(&self.directory)?;
        self.weigh()?;
        self.is_dirty = false;
        Ok(())
    }

    /// Whether a write could do more than the last one: a question to the disk that leaves nothing behind.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        let total = self.others_bytes + self.current.as_ref().map_or(0, |current| current.written) + bytes as u64;
        let probe = self.directory.join("probe");
        let try_out = || {
            let mut file = File::create(&probe)?;
            file.write_all(&vec![0; bytes])?;
            file.sync_all()
        };
        let is_allowed = !self.is_spent && self.size_max.is_none_or(|max| total <= max);
        let has_room = is_allowed && try_out().is_ok();
        let _: io::Result<()> = std::fs::remove_file(&probe);
        has_room
    }

    /// Keeps the line of a head.
    pub(super) fn keep_head(&self, line: &str) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        private(&mut options);
        let mut file = options.open(self.directory.join(HEADS))?;
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_data()
    }

    /// Puts the stub in the place of all segments up to this one, which are deleted.
    pub(super) fn drop_up_to(&mut self, last: u64, stub: &[u8]) -> io::Result<()> {
        let new = self.directory.join("000000.new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        private(&mut options);
        let mut file = options.open(&new)?;
        file.write_all(stub)?;
        file.sync_all()?;
        std::fs::rename(&new, path(&self.directory, STUB))?;
        sync_directory(&self.directory)?;
        delete_up_to(&self.directory, last)?;
        self.is_spent = false;
        self.weigh()
    }

    /// The number of the segment that is written.
    pub(super) fn current(&self) -> Option<u64> {
        self.current.as_ref().map(|current| current.number)
    }

    #[cfg(test)]
    pub(super) fn set_size_max(&mut self, size_max: Option<u64>) {
        self.size_max = size_max;
        self.is_spent = false;
    }

    fn weigh(&mut self) -> io::Result<()> {
        self.others_bytes = 0;
        let current = self.current();
        for number in numbers(&self.directory)?.into_iter().filter(|number| Some(*number) != current) {
            self.others_bytes += std::fs::metadata(path(&self.directory, number))?.len();
        }
        Ok(())
    }
}

/// Deletes all segments up to this one.
pub(super) fn delete_up_to(directory: &Path, last: u64) -> io::Result<()> {
    for number in numbers(directory)?.into_iter().filter(|number| (1..=last).contains(number)) {
        std::fs::remove_file(path(directory, number))?;
    }
    sync_directory(directory)
}

/// The segments there are, in their order, the stub before them.
pub(super) fn numbers(directory: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.strip_suffix(".log")).and_then(|it| it.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Where a segment is.
pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:06}.log"))
}

/// Reads one segment.
pub(super) fn read(directory: &Path, number: u64) -> io::Result<BufReader<File>> {
    Ok(BufReader::with_capacity(READ_BYTES, File::open(path(directory, number))?))
}

/// Reads several segments as one stream, each opened when the one before is at its end.
pub(super) struct Stream {
    directory: PathBuf,
    numbers: std::vec::IntoIter<u64>,
    current: Option<BufReader<File>>,
}

impl Stream {
    pub(super) fn new(directory: &Path, numbers: Vec<u64>) -> Self {
        Self { directory: directory.to_owned(), numbers: numbers.into_iter(), current: None }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(current) = &mut self.current {
                let read = current.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    return Ok(read);
                }
            }
            match self.numbers.next() {
                Some(number) => self.current = Some(read(&self.directory, number)?),
                None => return Ok(0),
            }
        }
    }
}
