//! From cells to messages: which elements stand on MQTT, and what is said there.
//!
//! Neighbours share their parent's topic, which is written once. A plain topic that stands in the tree where it stands on MQTT
//! has been delivered as it was published, so it is not said again.
//! Knows neither subscribers nor errands. Invariant: what is written down about a parent is good for one view of the tree.

use std::sync::Arc;
use std::time::Instant;

use factree_broker::Publication;
use factree_http::MessageWriter;
use factree_mqtt::{TopicFilter, TopicName};
use factree_namespace::{ElementId, Sample, Source, View};

use super::topics::FaceRoot;

/// Makes messages, under one view of the tree.
pub(crate) struct Renderer<'v> {
    view: &'v View<'v>,
    root: &'v FaceRoot,
    now: Instant,
    writer: MessageWriter,
    payload: Vec<u8>,
    /// The parent of the element last written, and its topic with the `/` behind it; none if it has none.
    parent: Option<(ElementId, Option<String>)>,
}

impl<'v> Renderer<'v> {
    pub(crate) fn new(view: &'v View<'v>, root: &'v FaceRoot, now: Instant) -> Self {
        Self { view, root, now, writer: MessageWriter::default(), payload: Vec::new(), parent: None }
    }

    /// What is said about a sample of `id`; none if the element does not stand on MQTT, or not where `filter` asks for it.
    pub(crate) fn message(
        &mut self,
        id: ElementId,
        sample: &Sample,
        filter: Option<TopicFilter<'_>>,
    ) -> Option<Arc<Publication>> {
        if matches!(self.view.publisher(id)?, Source::Topic { .. }) && self.is_said_already(id) {
            return None;
        }
        let topic = self.topic(id)?;
        let topic = TopicName::parse(&topic).ok()?;
        if filter.is_some_and(|filter| !filter.matches(topic)) {
            return None;
        }
        let unit = self.view.metadata(id).and_then(|metadata| metadata.unit.as_deref());
        self.payload.clear();
        self.writer.write(&mut self.payload, sample, unit);
        Some(Arc::new(Publication::announcement(self.now, topic, self.payload.as_slice().into())))
    }

    fn topic(&mut self, id: ElementId) -> Option<String> {
        let (view, root) = (self.view, self.root);
        let parent = view.parent(id)?;
        if parent == ElementId::ROOT {
            return root.topic(view.name(id));
        }
        if self.parent.as_ref().is_none_or(|(known, _)| *known != parent) {
            let topic = root.topic(&(view.path(parent) + "/"));
            self.parent = Some((parent, topic));
        }
        let (_, above) = self.parent.as_ref()?;
        root.below(above.as_ref()?, view.name(id))
    }

    /// Whether a plain topic is, in the tree, where it is on MQTT; a field of a document: where it would be.
    fn is_said_already(&self, id: ElementId) -> bool {
        let Some((Source::Topic { topic }, field)) = self.view.source(id) else { return false };
        let place = self.root.whole(&self.view.path(id));
        match place.strip_prefix(&*topic) {
            Some("") => field.is_empty(),
            Some(below) => below.strip_prefix('/') == Some(&field),
            None => false,
        }
    }
}
