//! `factree audit`: a log is verified, exported, and its end named, without a server.
//!
//! It reads files and changes none, so it may be called while a server writes them. Text out, exit codes with the caller.
//! Invariant: a head is printed of a log that verifies, and of no other.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use factree_auth::audit::Query;
use factree_auth::audit::{Fault, Head, Installation, PublicKey, Trust, Verified, export, verify};

use super::segments::Stream;
use super::{AuditError, DIRECTORY, identity, reading, segments};

/// How often a log is read again that ends in the middle of an entry, since a server may just be writing it.
const TRIES: u32 = 5;
const REST: Duration = Duration::from_millis(50);
/// A file of heads larger than this is none.
const HEADS_BYTES_MAX: u64 = 16 << 20;

/// What a log is held against.
#[derive(Clone, Debug, Default)]
pub struct Against {
    /// A file with heads that were kept elsewhere, one in each line.
    pub heads: Option<PathBuf>,
    /// The public key, as 64 hexadecimal digits; none: the one beside the log.
    pub key: Option<String>,
}

/// In which form entries are exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A JSON object in each line.
    Lines,
    /// RFC 4180.
    Csv,
}

/// Why a log was not verified.
#[derive(Debug)]
pub enum Failed {
    /// It is not what was written.
    Fault(Fault),
    /// Two heads were signed for one entry: the key is in more hands than one, or the log was set back and went on.
    Contradiction {
        /// The entry.
        seq: u64,
    },
    /// It could not be tried.
    Asked(String),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Contradiction { seq } => write!(
                f,
                "two heads of entry {seq} say different things: the key is in more hands than one, or the log was set back"
            ),
            Self::Asked(why) => f.write_str(why),
        }
    }
}

impl From<AuditError> for Failed {
    fn from(error: AuditError) -> Self {
        Self::Asked(error.to_string())
    }
}

/// Verifies the log of a data directory; what is to be said about it.
///
/// # Errors
/// [`Failed`].
pub fn verified(data: &Path, against: &Against) -> Result<String, Failed> {
    let directory = data.join(DIRECTORY);
    let (verified, key, head) = check(&directory, against)?;
    let Verified { installation, first_seq, last_seq, records, unsigned, .. } = &verified;
    let mut text = format!("The audit log in {} is what was written.\n\n", directory.display());
    text += &format!("  entries       {first_seq} to {last_seq}, {records} of them records\n");
    text += &match (&verified.head, unsigned) {
        (Some(head), 0) => format!("  signed        all of them, at {}\n", head.time),
        (Some(head), unsigned) => {
            format!("  signed        all but the last {unsigned}, which are chained only, at {}\n", head.time)
        }
        (None, _) => "  signed        none yet: they are chained only\n".to_owned(),
    };
    text += &format!("  installation  {installation}\n  key           {key}\n");
    text += &match &head {
        Some(head) => format!("  head          entry {} is the one that was known\n", head.seq),
        None => "  head          none given: nobody can tell whether the end is missing\n".to_owned(),
    };
    if against.key.is_none() {
        text += "\nThe key lay beside the log. Give the one you have noted elsewhere with --key.\n";
    }
    Ok(text)
}

/// The last head of a log that verifies, as a line.
///
/// # Errors
/// [`Failed`].
pub fn head(data: &Path, against: &Against) -> Result<String, Failed> {
    let (verified, ..) = check(&data.join(DIRECTORY), against)?;
    let head = verified
        .head
        .ok_or_else(|| Failed::Asked("the log has no head yet; there is one when the server stops".into()))?;
    Ok(format!("{head}\n"))
}

/// Writes the records that are asked for. Whether they are genuine is another question.
///
/// # Errors
/// Of the files, or of the writer.
pub fn exported(data: &Path, query: Query, form: Form, to: &mut impl Write) -> io::Result<()> {
    if form == Form::Csv {
        export::csv_header(to)?;
    }
    for record in reading::all(&data.join(DIRECTORY), query)? {
        match form {
            Form::Lines => export::json_line(&record?, to)?,
            Form::Csv => export::csv_line(&record?, to)?,
        }
    }
    to.flush()
}

fn check(directory: &Path, against: &Against) -> Result<(Verified, PublicKey, Option<Head>), Failed> {
    let asked = |why: String| Failed::Asked(why);
    let heads = against.heads.as_deref().map(read_heads).transpose()?.unwrap_or_default();
    if let Some(seq) = contradiction(&heads) {
        return Err(Failed::Contradiction { seq });
    }
    let head = heads.into_iter().max_by_key(|head| head.seq);
    let key = match &against.key {
        Some(key) => PublicKey::parse(key)
            .ok_or_else(|| asked("--key takes 64 hexadecimal digits, as the server prints them at its start".into()))?,
        None => identity::public_key(directory)?,
    };
    // A log that was taken elsewhere has none beside it; then the log's own word is all there is.
    let installation: Option<Installation> = identity::installation(directory).ok();
    let trust = Trust { key, installation, head: head.clone() };
    let mut tries = 0;
    loop {
        let numbers =
            segments::numbers(directory).map_err(|error| asked(format!("{}: {error}", directory.display())))?;
        match verify(Stream::new(directory, numbers), &trust) {
            Ok(verified) => return Ok((verified, key, head)),
            Err(Fault::Torn { .. }) if tries < TRIES => {
                tries += 1;
                std::thread::sleep(REST);
            }
            Err(fault) => return Err(Failed::Fault(fault)),
        }
    }
}

fn read_heads(path: &Path) -> Result<Vec<Head>, Failed> {
    use std::io::Read;
    let asked = |why: &dyn fmt::Display| Failed::Asked(format!("{}: {why}", path.display()));
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| asked(&error))?;
    file.take(HEADS_BYTES_MAX).read_to_string(&mut text).map_err(|error| asked(&error))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let heads: Result<Vec<Head>, _> = lines.map(Head::parse).collect();
    match heads.map_err(|error| asked(&error))? {
        heads if heads.is_empty() => Err(asked(&"there is no head in it")),
        heads => Ok(heads),
    }
}

/// The entry of which two heads say different things. Those that are next to each other by number are enough.
fn contradiction(heads: &[Head]) -> Option<u64> {
    let mut sorted: Vec<&Head> = heads.iter().collect();
    sorted.sort_by_key(|head| head.seq);
    sorted.windows(2).find(|two| two[0].contradicts(two[1])).map(|two| two[0].seq)
}
