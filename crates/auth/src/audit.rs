//! The audit log: what was done, by whom, so that nobody can take it back.
//!
//! Entries are chained: each carries a hash of itself and of the one before. Now and then the end of the chain is
//! signed, and whoever keeps such a [`Head`] elsewhere can tell later whether what led up to it is still what it was.
//! [`Writer`] says which bytes to store and is told whether they were; [`verify()`] reads a log of any size in constant
//! memory and names the first entry that is wrong; [`Query`], [`export`] show what is in it. The format is written down
//! in `docs/guides/audit.md`, so that an auditor need not believe this code.
//! Knows no files: segments are numbers, and bytes come and go through `Read` and `Write`.
//! Invariant: an entry that [`Writer::stored`] has confirmed is never written again, and nothing is written before it.

mod entry;
pub mod export;
mod frame;
mod head;
mod query;
mod stub;
mod verify;
mod writer;

pub use entry::{AuditFull, Entry, Outcome, OwnedEntry, Record};
pub use frame::{Frame, FrameError, Frames, Kind, fingerprint};
pub use head::{Head, HeadError, Installation, PublicKey, SigningKey};
pub use query::{Page, Query};
pub use stub::{Dropped, SegmentStart, StubError, stub};
pub use verify::{Fault, Trust, Verified, verify};
pub use writer::{OnFull, Policy, ResumeError, Resumed, Step, Writer};
