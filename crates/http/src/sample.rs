//! Samples and paths as JSON, many in a row.
//!
//! Neighbours in the tree share nearly everything that is dear to write: the path of their parent, the source, the second.
//! Each is escaped once and copied until it changes.
//! Knows nothing of pages or routes. Invariant: what is remembered is a function of its key (parent, source, second), so
//! forgetting all of it changes no byte.

use factree_namespace::{ElementId, Sample, Source, View};

use crate::json::{self, Clock};

/// Writes samples one after another.
#[derive(Default)]
pub(crate) struct SampleWriter {
    timestamp: Clock,
    received: Clock,
    /// The parent of the element last written, and its path, escaped, up to and with the last `/`.
    parent: Option<(ElementId, Vec<u8>)>,
    /// The source last written, up to where its metric begins.
    source: Option<(Source, Vec<u8>)>,
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
        out.extend_from_slice(b"\",\"datatype\":\"");
        out.extend_from_slice(sample.datatype.as_str().as_bytes());
        out.push(b'"');
        if let Some(unit) = view.metadata(id).and_then(|metadata| metadata.unit.as_deref()) {
            out.extend_from_slice(b",\"unit\":");
            json::string(out, unit);
        }
        out.extend_from_slice(b",\"revision\":");
        json::unsigned(out, sample.revision.0);
        if let Some((source, metric)) = view.source(id) {
            self.source(out, source, &metric, metric_alias);
        }
        out.push(b'}');
    }

    /// The path of `id`, in quotes.
    pub(crate) fn path(&mut self, out: &mut Vec<u8>, view: &View<'_>, id: ElementId) {
        out.push(b'"');
        let parent = view.parent(id).unwrap_or(ElementId::ROOT);
        if parent != ElementId::ROOT {
            if self.parent.as_ref().is_none_or(|(known, _)| *known != parent) {
                let mut path = Vec::new();
                json::text(&mut path, &view.path(parent));
                path.push(b'/');
                self.parent = Some((parent, path));
            }
            out.extend_from_slice(self.parent.as_ref().map_or(b"", |(_, path)| path));
        }
        json::text(out, view.name(id));
        out.push(b'"');
    }

    fn source(&mut self, out: &mut Vec<u8>, source: Source, metric: &str, metric_alias: Option<u64>) {
        if self.source.as_ref().is_none_or(|(known, _)| *known != source) {
            let written = beginning(&source);
            self.source = Some((source, written));
        }
        let Some((source, written)) = &self.source else { unreachable!("set above") };
        out.extend_from_slice(written);
        match source {
            Source::Sparkplug { .. } => {
                out.extend_from_slice(b",\"metric\":");
                json::string(out, metric);
                if let Some(metric_alias) = metric_alias {
                    out.extend_from_slice(b",\"metric_alias\":");
                    json::unsigned(out, metric_alias);
                }
            }
            Source::Topic { .. } => {}
        }
        out.push(b'}');
    }
}

/// A source from its comma to where the metric follows.
fn beginning(source: &Source) -> Vec<u8> {
    let mut out = b",\"source\":".to_vec();
    match source {
        Source::Sparkplug { group, edge_node, device } => {
            out.extend_from_slice(b"{\"type\":\"sparkplug\",\"group\":");
            json::string(&mut out, group);
            out.extend_from_slice(b",\"edge_node\":");
            json::string(&mut out, edge_node);
            if let Some(device) = device {
                out.extend_from_slice(b",\"device\":");
                json::string(&mut out, device);
            }
        }
        Source::Topic { topic } => {
            out.extend_from_slice(b"{\"type\":\"mqtt\",\"topic\":");
            json::string(&mut out, topic);
        }
    }
    out
}
