//! Owners: whose a topic of the tree is, and what nobody else may say there.
//!
//! A topic belongs to the Sparkplug source whose element stands at its path. Publications are asked about by the task of their
//! connection before the broker has them, wills by the broker when they are left and when they are due, and retained messages when
//! things stand elsewhere than before.
//! Knows neither the broker nor its lock. Invariant: what is nobody's, or a plain topic's, anybody may publish to, unless the tree stands below a root of its own.

use std::sync::Arc;

use factree_namespace::{Namespace, Source, View};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::topics::FaceRoot;

/// What a URI's path may hold as it is; more is encoded than must be.
const URI_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// A longer path is not said in a reason string.
const TOLD_BYTES_MAX: usize = 1_024;

/// Whose a topic is.
#[derive(Clone)]
pub(crate) struct Owners {
    pub(crate) namespace: Arc<Namespace>,
    /// None: the tree has no topics.
    pub(crate) root: Option<FaceRoot>,
}

impl Owners {
    /// Whether a topic may be one of the tree's; not, if it is Sparkplug's or the server's.
    pub(crate) fn are_asked(&self, topic: &str) -> bool {
        self.root.is_some() && !topic.starts_with("spBv1.0/") && !topic.starts_with('$')
    }

    /// Why clients may not publish to a topic, because a Sparkplug source owns it; none if they may.
    pub(crate) fn forbids(&self, view: &View<'_>, topic: &str) -> Option<String> {
        let root = self.root.as_ref()?;
        if root.is_over(topic) {
            return Some(format!("below {root} only the tree speaks ([namespace.mqtt] root)"));
        }
        let path = root.path(topic)?;
        let Source::Sparkplug { group, edge_node, device } = view.publisher(view.find(&path)?)? else { return None };
        let mut why = match device {
            Some(device) => format!("Device {device} of the Edge Node {group}/{edge_node} owns this topic"),
            None => format!("the Edge Node {group}/{edge_node} owns this topic"),
        };
        if path.len() <= TOLD_BYTES_MAX {
            let path = utf8_percent_encode(&path, URI_PATH);
            why.push_str(&format!("; set its value with PUT /api/v1/values/{path}"));
        }
        Some(why)
            .filter(|why| why.len() <= 8 * TOLD_BYTES_MAX)
            .or_else(|| Some("an Edge Node owns this topic".to_owned()))
    }

    /// The same of a single topic, for whoever has no view of the tree.
    pub(crate) fn forbid(&self, topic: &str) -> Option<String> {
        self.are_asked(topic).then(|| self.forbids(&self.namespace.read(), topic))?
    }
}
