//! Events: what a reader of a stream is told, rendered once for all who are told the same.
//!
//! The bytes of an event are those of Server-Sent Events; the JSON inside them is one line, so a WebSocket says the same by
//! copying that line. Cloning is counting a reference.
//! Invariant: an event is about [`PAGE_BYTES`] long, one sample more at most; only the last of several pages tells a
//! position, so whoever breaks off between two begins again where nothing was missed.

use std::ops::Range;

use axum::body::Bytes;
use factree_namespace::{ElementId, Namespace, Reading, View};

use crate::caller::Bounds;
use crate::context::ContextWriter;
use crate::json;
use crate::sample::{Fields, SampleWriter};
use crate::stream::position::Position;

/// A page ends after this many bytes, by one sample more. A connection that is not read holds six of them on our side.
pub(crate) const PAGE_BYTES: usize = 64 << 10;

/// Room for the event of one change: most are no longer, and a buffer that grows is copied and copied.
const SMALL_BYTES: usize = 768;

/// What an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What is, or a page of it.
    Snapshot,
    /// What has changed since, or a page of it.
    Changes,
    /// What was told before is to be forgotten; a snapshot follows.
    Reread,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Snapshot, Kind::Changes, Kind::Reread];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Snapshot => "snapshot",
            Kind::Changes => "changes",
            Kind::Reread => "reread",
        }
    }
}

/// Why what was told before is to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reread {
    /// The position is another process's.
    OtherProcess,
    /// The position is none that this process has given out.
    UnknownPosition,
    /// More paths have been removed since than are remembered or can be told in one event, or the tree has been rearranged.
    TooFarBehind,
}

impl Reread {
    /// The word in the event, and what it means.
    fn said(self) -> (&'static str, &'static str) {
        match self {
            Reread::OtherProcess => ("other_process", "the position is from before a restart"),
            Reread::UnknownPosition => ("unknown_position", "no stream has given out this position"),
            Reread::TooFarBehind => {
                ("too_far_behind", "more has been removed, moved or described anew since than can be told one by one")
            }
        }
    }
}

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    kind: Kind,
    position: Option<Position>,
    bytes: Bytes,
    data: Range<usize>,
}

impl Event {
    pub(crate) fn reread(why: Reread) -> Event {
        let (reason, detail) = why.said();
        let mut out = begun(Kind::Reread);
        let start = out.len();
        out.extend_from_slice(br#"{"reason":"#);
        json::string(&mut out, reason);
        out.extend_from_slice(br#","detail":"#);
        json::string(&mut out, detail);
        out.push(b'}');
        ended(Kind::Reread, out, start, None)
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Where a reader is that has seen this event and those before; none if more of the same is to come.
    pub(crate) fn position(&self) -> Option<Position> {
        self.position
    }

    /// As Server-Sent Events have it.
    pub(crate) fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// The JSON alone: one line.
    pub(crate) fn data(&self) -> &[u8] {
        &self.bytes[self.data.clone()]
    }
}

/// Writes one page of samples.
pub(crate) struct PageWriter<'n> {
    kind: Kind,
    out: Vec<u8>,
    start: usize,
    len: usize,
    samples: SampleWriter,
    contexts: Option<ContextWriter<'n>>,
}

impl<'n> PageWriter<'n> {
    /// `removed`: the paths that have no sample any more, as JSON strings with commas between.
    pub(crate) fn new(kind: Kind, fields: Fields, removed: &[u8]) -> PageWriter<'n> {
        let mut out = begun(kind);
        let start = out.len();
        out.push(b'{');
        if !removed.is_empty() {
            out.extend_from_slice(b"\"removed\":[");
            out.extend_from_slice(removed);
            out.extend_from_slice(b"],");
        }
        out.extend_from_slice(b"\"samples\":[");
        PageWriter { kind, out, start, len: 0, samples: SampleWriter::of(fields), contexts: None }
    }

    /// One that adds to each sample what was going on when it was captured.
    pub(crate) fn with_context(self, namespace: &'n Namespace, bounds: Option<&'n Bounds>) -> PageWriter<'n> {
        PageWriter { contexts: Some(ContextWriter::new(namespace, bounds)), ..self }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.out.len() >= PAGE_BYTES
    }

    pub(crate) fn sample(&mut self, view: &View<'_>, id: ElementId, reading: &Reading) {
        json::comma(&mut self.out, self.len);
        self.len += 1;
        self.samples.sample(&mut self.out, view, id, reading);
        if let Some(contexts) = &mut self.contexts {
            contexts.add(&mut self.out, view, id, reading.0.timestamp);
        }
    }

    /// The page; `more` says that another one belongs to it.
    pub(crate) fn finish(mut self, position: Position, more: bool) -> Event {
        self.out.extend_from_slice(b"],\"revision\":");
        json::unsigned(&mut self.out, position.revision.0);
        self.out.extend_from_slice(if more { b",\"more\":true}" } else { b"}" });
        ended(self.kind, self.out, self.start, (!more).then_some(position))
    }
}

fn begun(kind: Kind) -> Vec<u8> {
    let mut out = Vec::with_capacity(SMALL_BYTES);
    for part in ["event: ", kind.name(), "\ndata: "] {
        out.extend_from_slice(part.as_bytes());
    }
    out
}

fn ended(kind: Kind, mut out: Vec<u8>, start: usize, position: Option<Position>) -> Event {
    let data = start..out.len();
    if let Some(position) = position {
        out.extend_from_slice(b"\nid: ");
        position.write(&mut out);
    }
    out.extend_from_slice(b"\n\n");
    Event { kind, position, bytes: out.into(), data }
}
