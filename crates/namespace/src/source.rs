//! Where cells come from, in words neutral to any protocol library.
//!
//! Many cells share one [`Source`] and one root in the tree; the two together are an *origin*, and a cell remembers it by
//! a small index. The name of a metric is then the path below that root, so it is not stored.
//! Invariant: an [`OriginId`] stays valid until its source is forgotten; its root may become another.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::ElementId;

/// The name below which stands what is published on paths that others own.
pub(crate) const CONFLICTS: &str = "_conflicts";

/// Who publishes a cell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A Sparkplug Edge Node, or a device behind it.
    Sparkplug {
        /// GroupId.
        group: Arc<str>,
        /// EdgeNodeId.
        edge_node: Arc<str>,
        /// DeviceId; none for the Edge Node's own metrics.
        device: Option<Arc<str>>,
    },
    /// A plain topic.
    Topic {
        /// TopicName.
        topic: Arc<str>,
    },
}

impl Source {
    /// Where the tree keeps what this source publishes on paths that others own: below as many `_conflicts` as `nested` says.
    pub(crate) fn conflict_path(&self, nested: usize) -> impl Iterator<Item = &str> + Clone {
        let (kind, parts): (&str, [Option<&str>; 4]) = match self {
            Self::Sparkplug { group, edge_node, device } => {
                ("spBv1.0", [Some(group), Some(edge_node), device.as_deref(), None])
            }
            Self::Topic { topic } => ("mqtt", [None, None, None, Some(topic)]),
        };
        // Identifiers hold no '/', a topic is made of segments: splitting each serves both.
        let parts = parts.into_iter().flatten().flat_map(|part| part.split('/'));
        std::iter::repeat_n(CONFLICTS, nested).chain([kind]).chain(parts)
    }
}

/// An origin within one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OriginId(pub(crate) u32);

/// Where a sample comes from: an origin and its block. Small, comparable, and good for as long as the namespace;
/// [`View::source_of`](crate::View::source_of) says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Provenance {
    pub(crate) block: u32,
    pub(crate) origin: OriginId,
}

/// What a source calls one of its metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricName<'a> {
    /// As its path says, beyond this many segments.
    PathBeyond(usize),
    /// Something else.
    Renamed(&'a str),
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) source: Source,
    pub(crate) root: ElementId,
}

impl Origin {
    /// Bytes this occupies on the heap, near enough to bound it; text shared with others is counted as if it were not.
    pub(crate) fn weigh(&self) -> usize {
        let text = match &self.source {
            Source::Sparkplug { group, edge_node, device } => {
                group.len() + edge_node.len() + device.as_ref().map_or(0, |device| device.len())
            }
            Source::Topic { topic } => topic.len(),
        };
        size_of::<Self>() + text
    }
}

/// The origins of one block, each kept once.
#[derive(Default)]
pub(crate) struct Origins {
    list: Vec<Origin>,
    /// Those whose source is forgotten.
    vacant: Vec<u32>,
    ids: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Origins {
    pub(crate) fn get(&self, OriginId(id): OriginId) -> &Origin {
        &self.list[id as usize]
    }

    pub(crate) fn find(&self, origin: &Origin) -> Option<OriginId> {
        let is_it = |&id: &u32| self.list[id as usize] == *origin;
        self.ids.find(self.hasher.hash_one(origin), is_it).map(|&id| OriginId(id))
    }

    /// Its number, or none if there are `max` others. The numbers of those that are forgotten are used again once there are no
    /// others: until then whoever still has one finds nothing new there.
    pub(crate) fn add(&mut self, origin: Origin, max: usize) -> Option<OriginId> {
        let id = match u32::try_from(self.list.len()).ok().filter(|_| self.list.len() < max) {
            Some(id) => {
                self.list.push(origin);
                id
            }
            None => {
                let id = self.vacant.pop()?;
                self.list[id as usize] = origin;
                id
            }
        };
        let Self { list, ids, hasher, .. } = self;
        let hash = |&id: &u32| hasher.hash_one(&list[id as usize]);
        ids.insert_unique(hash(&id), id, hash);
        Some(OriginId(id))
    }

    /// Its source is forgotten, and is another one if it comes again. Where its root was, and its bytes.
    pub(crate) fn retire(&mut self, OriginId(id): OriginId) -> (ElementId, usize) {
        let Self { list, ids, hasher, vacant } = self;
        let hash = hasher.hash_one(&list[id as usize]);
        if let Ok(listed) = ids.find_entry(hash, |&listed| listed == id) {
            listed.remove();
            vacant.push(id);
        }
        let origin = &mut list[id as usize];
        let weight = origin.weigh();
        (std::mem::replace(&mut origin.root, ElementId::ROOT), weight)
    }

    /// The same source publishes below another root from now on.
    pub(crate) fn reroot(&mut self, OriginId(id): OriginId, root: ElementId) {
        let Self { list, ids, hasher, .. } = self;
        let hash = hasher.hash_one(&list[id as usize]);
        if let Ok(listed) = ids.find_entry(hash, |&listed| listed == id) {
            listed.remove();
        }
        list[id as usize].root = root;
        ids.insert_unique(hasher.hash_one(&list[id as usize]), id, |&id| hasher.hash_one(&list[id as usize]));
    }
}
