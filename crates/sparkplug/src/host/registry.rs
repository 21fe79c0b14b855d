//! All Edge Nodes, by number and by descriptor.
//!
//! Invariant: `table` finds each Edge Node by its group and id, but those that were forgotten.

use super::{EdgeNodeIndex, edge_node::EdgeNode};
use crate::EdgeNodeDescriptor;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

#[derive(Debug, Default)]
pub(super) struct EdgeNodes {
    table: HashTable<u32>,
    all: Vec<EdgeNode>,
    hasher: DefaultHashBuilder,
}

/// Edge Nodes that were forgotten count no more, but have had their numbers.
const NUMBERS_MAX: usize = u32::MAX as usize;

impl EdgeNodes {
    pub(super) fn find(&self, descriptor: EdgeNodeDescriptor<'_>) -> Option<EdgeNodeIndex> {
        let (group, id) = (descriptor.group.as_str(), descriptor.edge_node.as_str());
        let is_it = |&index: &u32| {
            let node = &self.all[index as usize];
            *node.id == *id && *node.group == *group
        };
        self.table.find(self.hasher.hash_one((group, id)), is_it).map(|&index| EdgeNodeIndex(index))
    }

    /// Its number, a new one if need be; none when there are `edge_nodes_max` others.
    pub(super) fn find_or_add(
        &mut self,
        descriptor: EdgeNodeDescriptor<'_>,
        edge_nodes_max: u32,
    ) -> Option<EdgeNodeIndex> {
        self.find(descriptor).or_else(|| {
            let has_room = self.table.len() < edge_nodes_max as usize && self.all.len() < NUMBERS_MAX;
            has_room.then(|| self.add(EdgeNode::new(descriptor), self.all.len() as u32))
        })
    }

    /// Its number is nobody's any more.
    pub(super) fn remove(&mut self, index: EdgeNodeIndex) {
        let node = &self.all[index.0 as usize];
        let hash = self.hasher.hash_one((&*node.group, &*node.id));
        if let Ok(listed) = self.table.find_entry(hash, |&listed| listed == index.0) {
            listed.remove();
        }
    }

    fn add(&mut self, node: EdgeNode, index: u32) -> EdgeNodeIndex {
        let hash = self.hasher.hash_one((&*node.group, &*node.id));
        self.all.push(node);
        let (all, hasher) = (&self.all, &self.hasher);
        self.table.insert_unique(hash, index, |&index| {
            let node = &all[index as usize];
            hasher.hash_one((&*node.group, &*node.id))
        });
        EdgeNodeIndex(index)
    }

    pub(super) fn get(&self, index: EdgeNodeIndex) -> Option<&EdgeNode> {
        self.all.get(index.0 as usize)
    }

    pub(super) fn get_mut(&mut self, index: EdgeNodeIndex) -> &mut EdgeNode {
        &mut self.all[index.0 as usize]
    }

    pub(super) fn len(&self) -> u32 {
        self.all.len() as u32
    }
}
