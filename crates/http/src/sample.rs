//! Samples and paths as JSON, many in a row.
//!
//! Neighbours in the tree share most of what is dear to write: the path of their parent, the source, the second. Each
//! is written once and copied from where it was written last until it changes, so one sample alone costs no more than its bytes.
//! Knows nothing of pages or routes. Invariant: what is remembered is a function of its key, so forgetting all of it
//! changes no byte; what one writer has written stays where it is, and all of it is in one buffer.

use std::ops::Range;
use std::sync::Arc;

use factree_namespace::{DataType, ElementId, Metadata, MetricName, Provenance, Reading, Revision, Source, View};

use crate::json::{self, Clock};

/// What is told of each sample.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) fields: Fields,
    /// What was going on when it was captured.
    pub(crate) context: bool,
}

/// Which members of a sample are written beside its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fields(u8);

impl Fields {
    /// By position the bit of each.
    pub(crate) const NAMES: &[&'static str] =
        &["value", "quality", "timestamp", "received", "datatype", "unit", "revision", "source"];
    pub(crate) const NONE: Fields = Fields(0);
    pub(crate) const ALL: Fields = Fields(0xff);
    const VALUE: Fields = Fields(1);
    const QUALITY: Fields = Fields(1 << 1);
    const TIMESTAMP: Fields = Fields(1 << 2);
    const RECEIVED: Fields = Fields(1 << 3);
    const DATATYPE: Fields = Fields(1 << 4);
    const UNIT: Fields = Fields(1 << 5);
    const REVISION: Fields = Fields(1 << 6);
    const SOURCE: Fields = Fields(1 << 7);

    pub(crate) fn named(name: &str) -> Option<Fields> {
        Self::NAMES.iter().position(|&known| known == name).map(|bit| Fields(1 << bit))
    }

    pub(crate) fn with(self, other: Fields) -> Fields {
        Fields(self.0 | other.0)
    }

    /// Whether a sample is to say who it is from.
    pub(crate) fn have_source(self) -> bool {
        self.has(Fields::SOURCE)
    }

    fn has(self, field: Fields) -> bool {
        self.0 & field.0 != 0
    }
}

impl Default for Fields {
    fn default() -> Fields {
        Fields::ALL
    }
}

/// Writes samples one after another.
#[derive(Default)]
pub(crate) struct SampleWriter {
    fields: Fields,
    timestamp: Clock,
    received: Clock,
    /// The parent of the element last written, and where its path is, escaped, up to and with the last `/`.
    parent: Option<(ElementId, Range<usize>)>,
    /// Below that parent: beyond how many segments of a path the name of the metric stands, and at which byte that is.
    metric: Option<(usize, usize)>,
    /// What the samples of one message mostly share, and where it is.
    tail: Option<(Tail, Range<usize>)>,
}

/// The members behind the times, up to the name of the metric.
struct Tail {
    datatype: DataType,
    metadata: Option<Arc<Metadata>>,
    revision: Revision,
    provenance: Provenance,
    is_sparkplug: bool,
}

impl SampleWriter {
    /// One that writes some of the members only.
    pub(crate) fn of(fields: Fields) -> SampleWriter {
        SampleWriter { fields, ..SampleWriter::default() }
    }

    /// The sample of `id` as [`crate::dto`] describes it, but for the metric alias.
    pub(crate) fn sample(&mut self, out: &mut Vec<u8>, view: &View<'_>, id: ElementId, reading: &Reading) {
        out.extend_from_slice(b"{\"path\":");
        let path = self.path(out, view, id);
        self.members(out, view, id, path, reading);
    }

    /// The same when the path of `id` is known: nothing is put together that a single sample would not use again.
    pub(crate) fn sample_at(
        &mut self,
        out: &mut Vec<u8>,
        view: &View<'_>,
        id: ElementId,
        path: &str,
        reading: &Reading,
    ) {
        out.extend_from_slice(b"{\"path\":\"");
        let start = out.len();
        json::text(out, path);
        let path = start..out.len();
        out.push(b'"');
        self.metric = None;
        self.members(out, view, id, path, reading);
    }

    /// What stands behind the path, which is in `out` at `path`, without its quotes.
    fn members(
        &mut self,
        out: &mut Vec<u8>,
        view: &View<'_>,
        id: ElementId,
        path: Range<usize>,
        (sample, provenance): &Reading,
    ) {
        let fields = self.fields;
        if fields.has(Fields::VALUE) {
            out.extend_from_slice(b",\"value\":");
            json::value(out, &sample.value);
        }
        if fields.has(Fields::QUALITY) {
            out.extend_from_slice(b",\"quality\":\"");
            out.extend_from_slice(sample.quality.as_str().as_bytes());
            out.push(b'"');
        }
        if sample.is_gone {
            // It has not changed since.
            out.extend_from_slice(b",\"gone\":true,\"gone_since\":\"");
            self.received.write(out, sample.received);
            out.push(b'"');
        }
        if fields.has(Fields::TIMESTAMP) {
            out.extend_from_slice(b",\"timestamp\":\"");
            self.timestamp.write(out, sample.timestamp);
            out.push(b'"');
        }
        if fields.has(Fields::RECEIVED) {
            out.extend_from_slice(b",\"received\":\"");
            self.received.write(out, sample.received);
            out.push(b'"');
        }

        let metadata = view.metadata(id);
        let is_known = |(known, _): &(Tail, _)| {
            let same = (known.datatype, known.revision, known.provenance);
            same == (sample.datatype, sample.revision, *provenance) && is_same(known.metadata.as_ref(), metadata)
        };
        let start = out.len();
        if let Some((_, written)) = self.tail.as_mut().filter(|tail| is_known(tail)) {
            out.extend_from_within(std::mem::replace(written, start..start + written.len()));
        } else {
            let source = view.source_of(*provenance);
            let tail = Tail {
                datatype: sample.datatype,
                metadata: metadata.cloned(),
                revision: sample.revision,
                provenance: *provenance,
                is_sparkplug: matches!(source, Source::Sparkplug { .. }),
            };
            tail.write(out, source, fields);
            self.tail = Some((tail, start..out.len()));
        }
        let (tail, _) = self.tail.as_ref().expect("written just now, if not before");
        if !fields.has(Fields::SOURCE) {
            return out.push(b'}');
        }
        if tail.is_sparkplug {
            out.extend_from_slice(b",\"metric\":");
            match view.metric_name(id, *provenance) {
                MetricName::Renamed(name) => json::string(out, name),
                MetricName::PathBeyond(above) => {
                    // The path is written already, and a '/' in it is never part of an escape.
                    let metric = match self.metric {
                        Some((known, offset)) if known == above => path.start + offset,
                        Some(_) | None => {
                            let offset = beyond(&out[path.clone()], above);
                            self.metric = offset.map(|offset| (above, offset));
                            offset.map_or(path.end, |offset| path.start + offset)
                        }
                    };
                    out.push(b'"');
                    out.extend_from_within(metric..path.end);
                    out.push(b'"');
                }
            }
        }
        out.extend_from_slice(b"}}");
    }

    /// The path of `id`, in quotes; where in `out` it is without them.
    pub(crate) fn path(&mut self, out: &mut Vec<u8>, view: &View<'_>, id: ElementId) -> Range<usize> {
        out.push(b'"');
        let start = out.len();
        let parent = view.parent(id).unwrap_or(ElementId::ROOT);
        if parent == ElementId::ROOT {
            self.metric = None;
        } else {
            match &self.parent {
                Some((known, written)) if *known == parent => out.extend_from_within(written.clone()),
                Some(_) | None => {
                    self.metric = None;
                    parents(out, view, parent);
                }
            }
            self.parent = Some((parent, start..out.len()));
        }
        json::text(out, view.name(id));
        let end = out.len();
        out.push(b'"');
        start..end
    }
}

/// The path of a parent, which is not the root, and the `/` behind it.
fn parents(out: &mut Vec<u8>, view: &View<'_>, parent: ElementId) {
    let up = || std::iter::successors(Some(parent), |&id| view.parent(id)).take_while(|&id| id != ElementId::ROOT);
    let start = out.len();
    let len = up().map(|id| view.name(id).len() + 1).sum::<usize>();
    out.resize(start + len, b'/');
    let mut end = start + len;
    for id in up() {
        let name = view.name(id).as_bytes();
        if !json::is_plain(name) {
            out.truncate(start);
            json::text(out, &view.path(parent));
            return out.push(b'/');
        }
        end -= name.len() + 1;
        out[end..end + name.len()].copy_from_slice(name);
    }
}

/// Adds the metric alias to a sample that has a Sparkplug source, which is its last member. `end` is where the sample ended;
/// members may have been added since.
pub(crate) fn add_metric_alias(out: &mut Vec<u8>, end: usize, metric_alias: u64) {
    let mut member = b",\"metric_alias\":".to_vec();
    json::unsigned(&mut member, metric_alias);
    let source_end = end - b"}}".len();
    out.splice(source_end..source_end, member);
}

/// Metadata is shared by all elements that say the same, so the same is one.
fn is_same(a: Option<&Arc<Metadata>>, b: Option<&Arc<Metadata>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Where `path` goes on beyond its first `segments`.
pub(crate) fn beyond(path: &[u8], segments: usize) -> Option<usize> {
    let ends = || path.iter().enumerate().filter(|&(_, &byte)| byte == b'/').map(|(at, _)| at + 1);
    if segments == 0 { Some(0) } else { ends().nth(segments - 1) }
}

impl Tail {
    /// From the comma behind the times; the object of the source stays open.
    fn write(&self, out: &mut Vec<u8>, source: &Source, fields: Fields) {
        if fields.has(Fields::DATATYPE) {
            out.extend_from_slice(b",\"datatype\":\"");
            out.extend_from_slice(self.datatype.as_str().as_bytes());
            out.push(b'"');
        }
        let unit = self.metadata.as_ref().and_then(|metadata| metadata.unit.as_ref());
        if let Some(unit) = unit.filter(|_| fields.has(Fields::UNIT)) {
            out.extend_from_slice(b",\"unit\":");
            json::string(out, unit);
        }
        if fields.has(Fields::REVISION) {
            out.extend_from_slice(b",\"revision\":");
            json::unsigned(out, self.revision.0);
        }
        if fields.has(Fields::SOURCE) {
            out.extend_from_slice(b",\"source\":");
            self::source(out, source);
        }
    }
}

/// A source without the brace that closes it: a sample has more to say of it.
pub(crate) fn source(out: &mut Vec<u8>, source: &Source) {
    match source {
        Source::Sparkplug { group, edge_node, device } => {
            out.extend_from_slice(b"{\"type\":\"sparkplug\",\"group\":");
            json::string(out, group);
            out.extend_from_slice(b",\"edge_node\":");
            json::string(out, edge_node);
            if let Some(device) = device {
                out.extend_from_slice(b",\"device\":");
                json::string(out, device);
            }
        }
        Source::Topic { topic } => {
            out.extend_from_slice(b"{\"type\":\"mqtt\",\"topic\":");
            json::string(out, topic);
        }
    }
}
