//! Verifying: is this log still what was written, and if not, where does it go wrong?
//!
//! Two frames are in memory, the one that is looked at and the next: what comes behind a wrong entry tells an edit from
//! an insertion, a deletion or a change of order. Anybody can make a chain that fits together, so a chain alone proves
//! little; signed heads in it prove everything before them, and a head that was kept elsewhere proves that nothing was
//! cut off or set back. Knows no files: the segments come as one stream, the stub before them if there is one.
//! Invariant: `Ok` means that every byte up to the last head was signed by the key's owner, in this order.

use std::fmt;
use std::io::Read;
use std::iter::Peekable;

use super::entry::Record;
use super::frame::{Frame, FrameError, Frames, Hash, Kind, NOTHING_BEFORE};
use super::head::{Head, Installation, PublicKey};
use super::stub::{Dropped, Start};

/// What a verifier takes as given.
#[derive(Clone, Debug)]
pub struct Trust {
    /// The key, known from elsewhere: one that lies beside the log proves nothing.
    pub key: PublicKey,
    /// Which installation the log is of, if that is known.
    pub installation: Option<Installation>,
    /// The newest head that was kept elsewhere. Without it nobody can tell whether the end is missing.
    pub head: Option<Head>,
}

/// A log that is what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whose log.
    pub installation: Installation,
    /// Entries before this one were dropped when their time was over; 1 if none were.
    pub first_seq: u64,
    /// The last entry.
    pub last_seq: u64,
    /// How many of the entries are records.
    pub records: u64,
    /// The last head in the log, if there is one.
    pub head: Option<Head>,
    /// Entries behind the last head: they fit, but nobody has signed them.
    pub unsigned: u64,
}

/// The first thing that is wrong with a log. Numbers are those of entries.
#[derive(Debug)]
pub enum Fault {
    /// It cannot be read.
    Io(std::io::Error),
    /// There is nothing in it.
    Empty,
    /// This entry is not what was written.
    Edited {
        /// Which.
        seq: u64,
        /// What about it.
        why: &'static str,
    },
    /// These entries are missing.
    Deleted {
        /// From this one,
        first: u64,
        /// to this one.
        last: u64,
    },
    /// There is one more entry with this number than there was.
    Inserted {
        /// Which.
        seq: u64,
    },
    /// This entry comes later than it did.
    Reordered {
        /// Which.
        seq: u64,
    },
    /// The log ends in the middle of this entry.
    Torn {
        /// Which.
        seq: u64,
    },
    /// The beginning is missing: the log begins with this entry and no stub says why.
    BeginningMissing {
        /// Which.
        seq: u64,
    },
    /// The stub is not genuine, or does not fit what follows.
    StubForged,
    /// A head that the key has not signed.
    HeadForged {
        /// Its number in the log; none: it is the one that was kept elsewhere.
        seq: Option<u64>,
    },
    /// A genuine head, but the entries before it are others than those that were signed: somebody has written them
    /// anew.
    Rewritten {
        /// One of the entries from this one,
        first: u64,
        /// to this one.
        last: u64,
    },
    /// The log, or the head from elsewhere, is another installation's, though the key is the same: the key was copied.
    OtherInstallation {
        /// Where that shows; none: the head from elsewhere.
        seq: Option<u64>,
        /// Whose it is.
        installation: Installation,
    },
    /// It says that another key signs it.
    OtherKey {
        /// Where that shows; none: the head from elsewhere.
        seq: Option<u64>,
    },
    /// The end is missing: the log ends here, and a head of a later entry is known.
    Truncated {
        /// The last entry there is.
        last: u64,
        /// What is known to have been there.
        known: u64,
    },
    /// The log ends with a genuine head, and a later one is known: it is an older copy, or was cut off just there.
    RolledBack {
        /// The entry up to which it goes.
        last: u64,
        /// What is known to have been there.
        known: u64,
    },
    /// The log goes on beyond the head that is known, but has another history: it was set back and went on.
    Forked {
        /// The entry that is known to have been another one.
        known: u64,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |seq: &Option<u64>| seq.map_or("the head from elsewhere".to_owned(), |seq| format!("entry {seq}"));
        match self {
            Self::Io(error) => write!(f, "the log cannot be read: {error}"),
            Self::Empty => f.write_str("the log is empty"),
            Self::Edited { seq, why } => write!(f, "entry {seq} is not what was written: {why}"),
            Self::Deleted { first, last } if first == last => write!(f, "entry {first} is missing"),
            Self::Deleted { first, last } => write!(f, "entries {first} to {last} are missing"),
            Self::Inserted { seq } => write!(f, "entry {seq} was inserted: there are two with that number"),
            Self::Reordered { seq } => write!(f, "entry {seq} is not in its place"),
            Self::Torn { seq } => write!(f, "the log ends in the middle of entry {seq}"),
            Self::BeginningMissing { seq } => write!(f, "the log begins with entry {seq}, and no stub says why"),
            Self::StubForged => f.write_str("the stub of dropped entries is forged, or of another log"),
            Self::HeadForged { seq } => write!(f, "{} is a head that the key has not signed", at(seq)),
            Self::Rewritten { first, last } => write!(f, "entries {first} to {last} are not those that were signed"),
            Self::OtherInstallation { seq, installation } => {
                write!(f, "{} is of another installation, {installation}: the key was copied", at(seq))
            }
            Self::OtherKey { seq } => write!(f, "{} is of another key", at(seq)),
            Self::Truncated { last, known } => {
                write!(f, "the end is missing: entry {last} is the last, {known} is known")
            }
            Self::RolledBack { last, known } => {
                write!(f, "the log was set back or cut off: it ends with the head of entry {last}, {known} is known")
            }
            Self::Forked { known } => {
                write!(f, "the log has another history: its entry {known} is not the one that is known")
            }
        }
    }
}

impl std::error::Error for Fault {}

/// Reads a whole log: the stub if there is one, then all segments in their order, as one stream.
///
/// # Errors
/// The first [`Fault`].
pub fn verify(log: impl Read, trust: &Trust) -> Result<Verified, Fault> {
    if let Some(head) = &trust.head {
        trust.check(None, head.installation, head.fingerprint)?;
        if !trust.key.verifies(head) {
            return Err(Fault::HeadForged { seq: None });
        }
    }
    let mut frames = Frames::new(log).peekable();
    let mut chain = Chain::begin(&mut frames, trust)?;
    while let Some(frame) = frames.next() {
        let frame = frame.map_err(|error| chain.unreadable(error))?;
        let next = frames.peek().and_then(|next| next.as_ref().ok());
        chain.follow(&frame, next)?;
    }
    chain.end()
}

impl Trust {
    fn check(&self, seq: Option<u64>, installation: Installation, fingerprint: Hash) -> Result<(), Fault> {
        if fingerprint != self.key.fingerprint() {
            return Err(Fault::OtherKey { seq });
        }
        match self.installation {
            Some(known) if known != installation => Err(Fault::OtherInstallation { seq, installation }),
            _ => Ok(()),
        }
    }
}

/// The chain as far as it was followed.
struct Chain<'t> {
    trust: &'t Trust,
    installation: Installation,
    first_seq: u64,
    seq: u64,
    hash: Hash,
    segment: u64,
    records: u64,
    head: Option<Head>,
    /// The last entry behind which everything is signed.
    signed_seq: u64,
    met_known_head: bool,
}

impl<'t> Chain<'t> {
    /// Takes what the first frame says as the beginning, and looks at the stub before it.
    fn begin<R: Read>(frames: &mut Peekable<Frames<R>>, trust: &'t Trust) -> Result<Self, Fault> {
        let mut stub = None;
        if let Some(Ok(frame)) = frames.peek()
            && frame.kind == Kind::Dropped
        {
            stub = Dropped::of(frame).map_err(|_| Fault::StubForged)?;
            if frame.hash != frame.hash_behind(&NOTHING_BEFORE)
                || stub.as_ref().is_none_or(|stub| frame.seq != stub.last_seq)
            {
                return Err(Fault::StubForged);
            }
            frames.next();
        }
        let first = match frames.peek() {
            None => return Err(Fault::Empty),
            Some(Err(_)) => {
                let error = frames.next().and_then(Result::err).expect("it was just seen");
                return Err(unreadable(error, stub.map_or(1, |stub| stub.last_seq.saturating_add(1))));
            }
            Some(Ok(frame)) => frame,
        };
        let expected = stub.as_ref().map_or(1, |stub| stub.last_seq.saturating_add(1));
        let Some(start) = Start::of(first).ok().flatten() else {
            return Err(what_is_wrong(expected, &NOTHING_BEFORE, first, None));
        };
        if stub.is_none() && first.seq > 1 && first.hash == first.hash_behind(&start.previous) {
            return Err(Fault::BeginningMissing { seq: first.seq });
        }
        let (hash, segment) = match &stub {
            Some(stub) => {
                trust.check(Some(stub.last_seq), stub.installation, stub.fingerprint)?;
                if !stub.is_signed_by(&trust.key) || stub.installation != start.installation {
                    return Err(Fault::StubForged);
                }
                (stub.hash, stub.last_segment)
            }
            None => (NOTHING_BEFORE, 0),
        };
        let known = trust.head.as_ref();
        Ok(Chain {
            trust,
            installation: start.installation,
            first_seq: expected,
            seq: expected - 1,
            hash,
            segment,
            records: 0,
            head: None,
            signed_seq: expected - 1,
            // What a stub speaks for is gone: of such a head nothing more can be said.
            met_known_head: stub.is_some_and(|stub| known.is_some_and(|head| head.seq <= stub.last_seq)),
        })
    }

    fn follow(&mut self, frame: &Frame, next: Option<&Frame>) -> Result<(), Fault> {
        let expected = self.seq.saturating_add(1);
        if frame.seq != expected || frame.hash != frame.hash_behind(&self.hash) {
            return Err(what_is_wrong(expected, &self.hash, frame, next));
        }
        let broken = |why| Fault::Edited { seq: expected, why };
        match frame.kind {
            Kind::Record => {
                Record::of(frame).map_err(|_| broken("it is no record"))?;
                self.records += 1;
            }
            Kind::Head => self.on_head(frame)?,
            Kind::Start => {
                let start = Start::of(frame).ok().flatten().ok_or(broken("it is no start"))?;
                self.trust.check(Some(frame.seq), start.installation, start.fingerprint)?;
                if start.installation != self.installation {
                    return Err(Fault::OtherInstallation { seq: Some(frame.seq), installation: start.installation });
                }
                if start.previous != self.hash || start.segment != self.segment.saturating_add(1) {
                    return Err(broken("the segment does not follow on the one before"));
                }
                self.segment = start.segment;
            }
            Kind::Dropped => return Err(broken("a stub stands before a log, not in it")),
        }
        // Not before: if a head follows on the entry that is another one, it says more about it.
        self.known_head_fits()?;
        (self.seq, self.hash) = (frame.seq, frame.hash);
        Ok(())
    }

    fn on_head(&mut self, frame: &Frame) -> Result<(), Fault> {
        let broken = |why| Fault::Edited { seq: frame.seq, why };
        let head = Head::of(frame).ok().flatten().ok_or(broken("it is no head"))?;
        self.trust.check(Some(frame.seq), head.installation, head.fingerprint)?;
        if !self.trust.key.verifies(&head) {
            return Err(Fault::HeadForged { seq: Some(frame.seq) });
        }
        if head.installation != self.installation {
            return Err(Fault::OtherInstallation { seq: Some(frame.seq), installation: head.installation });
        }
        if head.seq != self.seq || head.hash != self.hash {
            return Err(Fault::Rewritten { first: self.signed_seq + 1, last: self.seq });
        }
        (self.signed_seq, self.head) = (frame.seq, Some(head));
        Ok(())
    }

    /// Holds the head from elsewhere against the last entry, if it is of that.
    fn known_head_fits(&mut self) -> Result<(), Fault> {
        match &self.trust.head {
            Some(known) if known.seq == self.seq => {
                if known.hash != self.hash || known.installation != self.installation {
                    return Err(Fault::Forked { known: known.seq });
                }
                self.met_known_head = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn unreadable(&self, error: FrameError) -> Fault {
        unreadable(error, self.seq.saturating_add(1))
    }

    fn end(mut self) -> Result<Verified, Fault> {
        self.known_head_fits()?;
        if let Some(known) = self.trust.head.as_ref().filter(|_| !self.met_known_head) {
            let (last, known) = (self.seq, known.seq);
            return Err(match &self.head {
                Some(head) if self.signed_seq == last => Fault::RolledBack { last: head.seq, known },
                _ => Fault::Truncated { last, known },
            });
        }
        Ok(Verified {
            installation: self.installation,
            first_seq: self.first_seq,
            last_seq: self.seq,
            records: self.records,
            head: self.head,
            unsigned: self.seq - self.signed_seq,
        })
    }
}

fn unreadable(error: FrameError, seq: u64) -> Fault {
    match error {
        FrameError::Io(error) => Fault::Io(error),
        FrameError::Torn => Fault::Torn { seq },
        FrameError::Format(why) => Fault::Edited { seq, why },
    }
}

/// Which fault it is that this frame is not the expected one.
fn what_is_wrong(expected: u64, previous: &Hash, frame: &Frame, next: Option<&Frame>) -> Fault {
    if frame.seq != expected && (Frame { seq: expected, ..frame.clone() }).hash_behind(previous) == frame.hash {
        return Fault::Edited { seq: expected, why: "its number" };
    }
    let next = next.map(|next| next.seq);
    let edited = Fault::Edited { seq: expected, why: "its hash does not fit" };
    // Whatever its number says, the next one has the number that follows: this one stands where the expected one did.
    if next == expected.checked_add(1) {
        return edited;
    }
    match frame.seq.cmp(&expected) {
        std::cmp::Ordering::Equal if next == Some(expected) => Fault::Inserted { seq: expected },
        std::cmp::Ordering::Equal => edited,
        std::cmp::Ordering::Less => Fault::Inserted { seq: frame.seq },
        std::cmp::Ordering::Greater if next == Some(expected) => Fault::Reordered { seq: expected },
        std::cmp::Ordering::Greater => Fault::Deleted { first: expected, last: frame.seq - 1 },
    }
}
