//! The scribe: one thread that owns the files of the log and writes all that has gathered with one sync.
//!
//! What is to be written [`Writer`] says; here it is done, and said whether it worked. If not, the files are cut back
//! to where they were, whoever waits is told, and once a second it is tried whether there is room again. Segments whose time is
//! over leave a stub, one at a time, and not before they were verified; what time it is for them says [`Believed`].
//! Invariant: nobody is told that an entry is on record before the sync that holds it has returned.

use std::fs::OpenOptions;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use factree_auth::Now;
use factree_auth::audit::{
    Dropped, FrameError, Frames, Head, OnFull, Outcome, OwnedEntry, ResumeError, Resumed, SegmentStart, Step, Trust,
    Writer, verify,
};
use tracing::{error, info, warn};

use super::believed::Believed;
use super::desk::{Desk, Taken, Waiting};
use super::identity::Identity;
use super::segments::{self, STUB, Segments, Stream};
use super::{AuditConfig, AuditError, AuditFull, Log};

/// How often a store that was full is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// Room that there has to be before it is believed.
const ROOM_BYTES: usize = 64 << 10;
/// How often entries are looked for whose time is over.
const RETENTION_INTERVAL: Duration = Duration::from_secs(3600);
/// A hash has so many bytes, and they are never all zeros; a file whose end was never written ends in more of them.
const ZEROS: u64 = 32;

/// The running thread. Dropped, it writes what there is, signs it, and ends.
#[derive(Debug)]
pub(crate) struct Scribe {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

struct Writing {
    desk: Arc<Desk>,
    writer: Writer,
    segments: Segments,
    on_full: OnFull,
    retention: Option<Duration>,
    retention_due: Duration,
    believed: Believed,
    last_head: Option<Head>,
    directory: std::path::PathBuf,
}

impl Scribe {
    /// Goes on with the log of a directory, or begins one; the desk it takes entries from, and what verifies them.
    pub(super) fn start(directory: &Path, config: &AuditConfig) -> Result<(Self, Log), AuditError> {
        let writing = Writing::open(directory, config)?;
        let desk = Arc::clone(&writing.desk);
        let identity = (writing.writer.public_key(), writing.writer.installation());
        let log = Log { desk: Arc::clone(&desk), directory: directory.to_owned(), identity };
        let thread = std::thread::Builder::new().name("scribe".into()).spawn(move || writing.run());
        let thread = Some(thread.map_err(|error| AuditError::io(directory, error))?);
        Ok((Self { desk, thread }, log))
    }
}

impl Drop for Scribe {
    fn drop(&mut self) {
        self.desk.end();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the audit log's thread panicked: what came last is not on record");
        }
    }
}

impl Writing {
    pub(super) fn open(directory: &Path, config: &AuditConfig) -> Result<Self, AuditError> {
        let failed = |error| AuditError::io(directory, error);
        make(directory).map_err(failed)?;
        finish_dropping(directory).map_err(failed)?;
        let mut numbers = segments::numbers(directory).map_err(failed)?;
        let is_begun = !numbers.is_empty();
        let last = loop {
            let Some(number) = numbers.pop().filter(|number| *number > STUB) else { break None };
            let path = segments::path(directory, number);
            let failed = |error| AuditError::io(&path, error);
            let ends = written_ends(&path).map_err(failed)?;
            if !begins_torn(directory, number, ends[0]).map_err(failed)? {
                break Some((number, path, ends));
            }
            // The process ended while it began this segment.
            std::fs::remove_file(&path).map_err(failed)?;
        };
        let (writer, last) = match last {
            Some((number, path, ends)) => {
                let Resumed { writer, whole_bytes, is_torn } = resume(directory, config, number, &path, &ends)?;
                if is_torn {
                    warn!(file = %path.display(), "the end of the audit log was torn when the last process ended; cut off");
                }
                (writer, Some((number, whole_bytes)))
            }
            None => {
                let Identity { key, installation } = Identity::open(directory, is_begun)?;
                (Writer::new(key, installation, config.policy), None)
            }
        };
        let desk = Arc::new(Desk::new());
        Ok(Self {
            believed: Believed::open(directory, writer.last_time(), desk.now()),
            desk,
            writer,
            segments: Segments::open(directory, last, config.size_max).map_err(failed)?,
            on_full: config.policy.on_full,
            retention: config.retention,
            retention_due: Duration::ZERO,
            last_head: None,
            directory: directory.to_owned(),
        })
    }

    fn run(mut self) {
        loop {
            let taken = self.desk.take(self.wait());
            let is_ending = taken.is_ending;
            self.on_taken(taken);
            if is_ending {
                if self.retention.is_some() {
                    self.believed.look(self.desk.now());
                }
                let mut steps = Vec::new();
                self.writer.close(self.desk.now(), &mut steps);
                self.carry_out(steps);
                return;
            }
        }
    }

    /// How long nothing is to be done by itself.
    fn wait(&self) -> Duration {
        let now = self.desk.now().monotonic;
        let head = self.writer.next_head().map(|due| due.saturating_sub(now));
        let retention = self.retention.map(|_| self.retention_due.saturating_sub(now));
        let room = self.writer.is_full().then_some(TRY_AGAIN);
        [head.filter(|_| room.is_none()), retention, room].into_iter().flatten().min().unwrap_or(RETENTION_INTERVAL)
    }

    fn on_taken(&mut self, taken: Taken) {
        let Taken { mut entries, heads, .. } = taken;
        let now = self.desk.now();
        if entries.is_empty() && self.writer.is_full() && self.segments.has_room(ROOM_BYTES) {
            entries.push(own(now, OwnedEntry::new("factree", "audit.resumed", "audit")));
        }
        self.write(entries);
        let mut steps = Vec::new();
        if heads.is_empty() {
            self.writer.tick(now, &mut steps);
        } else {
            self.writer.close(now, &mut steps);
        }
        self.carry_out(steps);
        for told in heads {
            // Who asked may have gone.
            let _: Result<(), _> = told.send(self.last_head.clone().filter(|_| !self.writer.is_full()));
        }
        if self.retention.is_some() && self.retention_due <= now.monotonic {
            self.drop_old(now);
        }
    }

    /// Writes entries, and tells who waits what came of it.
    fn write(&mut self, entries: Vec<Waiting>) {
        if entries.is_empty() {
            return;
        }
        let mut steps = Vec::new();
        for Waiting { at, entry, .. } in &entries {
            entry.lend(|entry| self.writer.append(*at, entry, &mut steps));
        }
        let is_stored = self.carry_out(steps);
        let (written, lost) = if is_stored { (entries.len(), 0) } else { (0, entries.len()) };
        self.desk.count(written as u64, lost as u64);
        let answer = if is_stored || self.on_full == OnFull::Alarm { Ok(()) } else { Err(AuditFull) };
        for told in entries.into_iter().filter_map(|waiting| waiting.told) {
            // Who asked may have gone.
            let _: Result<(), _> = told.send(answer);
        }
    }

    /// Does what the writer says; whether all of it is on disk.
    fn carry_out(&mut self, steps: Vec<Step>) -> bool {
        if steps.is_empty() {
            return true;
        }
        let was_full = self.writer.is_full();
        let mut signed = Vec::new();
        let stored = self.store(steps, &mut signed);
        match &stored {
            Ok(()) => {
                self.writer.stored(self.writer.last_seq());
                if was_full {
                    info!("the audit log can be written again; what is missing is the first thing on record");
                }
                signed.into_iter().for_each(|head| self.on_head(head));
            }
            Err(why) => {
                self.writer.not_stored();
                if !was_full {
                    let then = match self.on_full {
                        OnFull::Refuse => "commands are refused until there is room",
                        OnFull::Alarm => "commands go on unrecorded, as [audit] on_full says",
                    };
                    error!("the audit log cannot be written: {why}; {then}");
                }
                // Tried again before the next write.
                let _: io::Result<()> = self.segments.cut_back();
            }
        }
        self.desk.store_is(self.writer.may_command());
        stored.is_ok()
    }

    fn store(&mut self, steps: Vec<Step>, signed: &mut Vec<Head>) -> io::Result<()> {
        if self.writer.is_full() {
            self.segments.cut_back()?;
        }
        for step in steps {
            match step {
                Step::Begin(number) => self.segments.begin(number)?,
                Step::Write(bytes) => self.segments.append(&bytes),
                Step::Signed(head) => signed.push(head),
            }
        }
        self.segments.commit()
    }

    /// Lets a head leave the machine with the log lines.
    fn on_head(&mut self, head: Head) {
        let line = head.to_string();
        info!("audit head: {line}");
        if let Err(why) = self.segments.keep_head(&line) {
            warn!("the head of the audit log is in the log, and cannot be kept beside it: {why}");
        }
        self.last_head = Some(head);
    }

    /// Drops the oldest segment if its time is over, and comes back at once if it was.
    fn drop_old(&mut self, now: Now) {
        self.retention_due = now.monotonic + RETENTION_INTERVAL;
        let entry = OwnedEntry::new("factree", "audit.retention", "audit");
        let entry = match self.try_drop_old(now) {
            Ok(None) => return,
            Ok(Some(last_seq)) => {
                self.retention_due = now.monotonic;
                OwnedEntry { target: format!("entries up to {last_seq}"), ..entry }
            }
            Err(why) => {
                error!("old entries of the audit log are kept: {why}");
                entry.ended(Outcome::Failed, why)
            }
        };
        self.write(vec![own(now, entry)]);
    }

    /// The last entry that was dropped.
    fn try_drop_old(&mut self, now: Now) -> Result<Option<u64>, String> {
        let (Some(retention), said) = (self.retention, |error: io::Error| error.to_string()) else { return Ok(None) };
        let today = self.believed.look(now);
        let mut numbers = segments::numbers(&self.directory).map_err(said)?;
        let Some(first) = numbers.iter().position(|number| *number > 0) else { return Ok(None) };
        let Some(&[oldest, kept]) = numbers.get(first..first + 2) else { return Ok(None) };
        let start = SegmentStart::read(segments::read(&self.directory, kept).map_err(said)?);
        let start = start.map_err(|error| error.to_string())?;
        if start.time.after(retention) > today {
            return Ok(None);
        }
        numbers.truncate(first + 2);
        let trust = Trust { key: self.writer.public_key(), installation: Some(self.writer.installation()), head: None };
        verify(Stream::new(&self.directory, numbers), &trust).map_err(|fault| fault.to_string())?;
        let kept = segments::read(&self.directory, kept).map_err(said)?;
        let stub = self.writer.stub(kept, start.time, now.wall).map_err(|error| error.to_string())?;
        self.segments.drop_up_to(oldest, &stub).map_err(said)?;
        Ok(Some(start.first_seq - 1))
    }
}

/// An entry of our own.
fn own(at: Now, entry: OwnedEntry) -> Waiting {
    Waiting { at, entry, told: None }
}

/// The directory, for its owner alone.
fn make(directory: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(directory)
}

/// Deletes what a stub stands for, if the last process ended in between.
fn finish_dropping(directory: &Path) -> io::Result<()> {
    match segments::read(directory, 0) {
        Ok(stub) => match Dropped::read(stub) {
            Ok(Some(dropped)) => segments::delete_up_to(directory, dropped.last_segment),
            // Whoever verifies the log will say so.
            Ok(None) | Err(_) => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Goes on with the last segment, which ends at the first of `ends` with which its chain holds.
fn resume(
    directory: &Path,
    config: &AuditConfig,
    number: u64,
    path: &Path,
    ends: &[u64],
) -> Result<Resumed, AuditError> {
    let mut ends = ends.iter();
    loop {
        let Identity { key, installation } = Identity::open(directory, true)?;
        let end = *ends.next().expect("the last is returned with");
        let log = segments::read(directory, number).map_err(|error| AuditError::io(path, error))?.take(end);
        match Writer::resume(key, installation, config.policy, log) {
            Err(ResumeError::Damaged { .. }) if ends.len() > 0 => {}
            resumed => return resumed.map_err(|error| AuditError::Log { path: path.to_owned(), error }),
        }
    }
}

/// Where the bytes of a segment may end that were written, before a tail of zeros that the machine has never written: the
/// likeliest first. A hash may end in zeros of its own, and these are not told from the others by looking at them.
fn written_ends(path: &Path) -> io::Result<Vec<u64>> {
    let mut file = OpenOptions::new().read(true).open(path)?;
    let len = file.metadata()?.len();
    let (mut end, mut block) = (len, vec![0; 64 << 10]);
    while end > 0 {
        let begin = end.saturating_sub(block.len() as u64);
        let block = &mut block[..usize::try_from(end - begin).expect("a block")];
        file.seek(SeekFrom::Start(begin))?;
        file.read_exact(block)?;
        match block.iter().rposition(|byte| *byte != 0) {
            Some(last) => {
                end = begin + last as u64 + 1;
                break;
            }
            None => end = begin,
        }
    }
    if len - end < ZEROS {
        return Ok(vec![len]);
    }
    let mut is_whole = |end: u64| {
        file.seek(SeekFrom::Start(0))?;
        io::Result::Ok(Frames::new(BufReader::new(&mut file).take(end)).all(|frame| frame.is_ok()))
    };
    for whole in end..end + ZEROS {
        if is_whole(whole)? {
            return Ok(if whole == end { vec![end] } else { vec![whole, end] });
        }
    }
    Ok(vec![end])
}

/// Whether a segment ends before its first frame does.
fn begins_torn(directory: &Path, number: u64, whole: u64) -> io::Result<bool> {
    use factree_auth::audit::StubError;
    let read = SegmentStart::read(segments::read(directory, number)?.take(whole));
    Ok(match read {
        Err(StubError::Frame(FrameError::Torn)) => true,
        Err(StubError::NoStart) => whole == 0,
        Ok(_) | Err(StubError::Frame(_)) => false,
    })
}

#[cfg(test)]
mod tests;
