//! Samples and paths as JSON, many in a row.
//!
//! Neighbours in the tree share most of what is dear to write: the path of their parent, the source, the second. Each
//! is written once and copied until it changes.
//! Knows nothing of pages or routes. Invariant: what is remembered is a function of its key, so forgetting all of it
//! changes no byte.

use std::sync::Arc;

use factree_namespace::{DataType, ElementId, Revision, Sample, Source, View};

use crate::json::{self, Clock};

/// Writes samples one after another.
#[derive(Default)]
pub(crate) struct SampleWriter {
    timestamp: Clock,
    received: Clock,
    /// The parent of the element last written, and its path, escaped, up to and with the last `/`.
    parent: Option<(ElementId, Vec<u8>)>,
    /// What the samples of one message mostly share, and how it reads.
    tail: Option<(Tail, Vec<u8>)>,
}

/// The members behind the times, up to the name of the metric.
#[derive(PartialEq)]
struct Tail {
    datatype: DataType,
    unit: Option<Arc<str>>,
    revision: Revision,
    source: Option<Source>,
}

impl SampleWriter {
    /// The sample of `id` as [`crate::dto`] describes it.
    pub(crate) fn sample(
        &mut self,
        out: &mut Vec<u8>,
        view: &View<'_>,
        id: ElementId,
        sample: &Sample,
        metric_alias: Option<u64>,
    ) {
        out.extend_from_slice(b"{\"path\":");
        self.path(out, view, id);
        out.extend_from_slice(b",\"value\":");
        json::value(out, &sample.value);
        out.extend_from_slice(b",\"quality\":\"");
        out.extend_from_slice(sample.quality.as_str().as_bytes());
        out.extend_from_slice(b"\",\"timestamp\":\"");
        self.timestamp.write(out, sample.timestamp);
        out.extend_from_slice(b"\",\"received\":\"");
        self.received.write(out, sample.received);

        let (source, metric) = view.source(id).unzip();
        let unit = view.metadata(id).and_then(|metadata| metadata.unit.clone());
        let tail = Tail { datatype: sample.datatype, unit, revision: sample.revision, source };
        let (tail, written) = match self.tail.take() {
            Some((known, written)) if known == tail => self.tail.insert((known, written)),
            Some(_) | None => {
                let written = tail.write();
                self.tail.insert((tail, written))
            }
        };
        out.extend_from_slice(written);
        if let (Some(Source::Sparkplug { .. }), Some(metric)) = (&tail.source, metric) {
            out.extend_from_slice(b",\"metric\":");
            json::string(out, &metric);
            if let Some(metric_alias) = metric_alias {
                out.extend_from_slice(b",\"metric_alias\":");
                json::unsigned(out, metric_alias);
            }
        }
        out.extend_from_slice(if tail.source.is_some() { b"}}" } else { b"}" });
    }

    /// The path of `id`, in quotes.
    pub(crate) fn path(&mut self, out: &mut Vec<u8>, view: &View<'_>, id: ElementId) {
        out.push(b'"');
        let parent = view.parent(id).unwrap_or(ElementId::ROOT);
        if parent != ElementId::ROOT {
            let (_, path) = match self.parent.take() {
                Some((known, path)) if known == parent => self.parent.insert((known, path)),
                Some(_) | None => {
                    let mut path = Vec::new();
                    json::text(&mut path, &view.path(parent));
                    path.push(b'/');
                    self.parent.insert((parent, path))
                }
            };
            out.extend_from_slice(path);
        }
        json::text(out, view.name(id));
        out.push(b'"');
    }
}

impl Tail {
    /// From the quote that ends the time before it; an object of the source, if there is one, stays open.
    fn write(&self) -> Vec<u8> {
        let mut out = b"\",\"datatype\":\"".to_vec();
        out.extend_from_slice(self.datatype.as_str().as_bytes());
        out.push(b'"');
        if let Some(unit) = &self.unit {
            out.extend_from_slice(b",\"unit\":");
            json::string(&mut out, unit);
        }
        out.extend_from_slice(b",\"revision\":");
        json::unsigned(&mut out, self.revision.0);
        match &self.source {
            Some(Source::Sparkplug { group, edge_node, device }) => {
                out.extend_from_slice(b",\"source\":{\"type\":\"sparkplug\",\"group\":");
                json::string(&mut out, group);
                out.extend_from_slice(b",\"edge_node\":");
                json::string(&mut out, edge_node);
                if let Some(device) = device {
                    out.extend_from_slice(b",\"device\":");
                    json::string(&mut out, device);
                }
            }
            Some(Source::Topic { topic }) => {
                out.extend_from_slice(b",\"source\":{\"type\":\"mqtt\",\"topic\":");
                json::string(&mut out, topic);
            }
            None => {}
        }
        out
    }
}
