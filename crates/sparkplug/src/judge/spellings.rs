//! Group, Edge Node and device ids that differ in the case of their letters only.
//!
//! A spelling is 16 bytes, two hashes: which id, whatever its case, and how it was spelled first.

use super::birth::caseless;
use crate::{
    DeviceId, EdgeNodeDescriptor,
    host::finding::{self, Reporter},
};
use hashbrown::{DefaultHashBuilder, HashMap};
use std::hash::BuildHasher;

/// Most spellings remembered; later ones are not held against each other.
const SPELLINGS_MAX: usize = 1 << 20;

/// How ids were spelled first.
#[derive(Debug, Default)]
pub(crate) struct Spellings {
    first: HashMap<u64, u64>,
    hasher: DefaultHashBuilder,
}

impl Spellings {
    /// Judges the ids of a birth, each within what it belongs to.
    pub(crate) fn judge(
        &mut self,
        descriptor: EdgeNodeDescriptor<'_>,
        device: Option<DeviceId<'_>>,
        reporter: &mut Reporter<'_>,
    ) {
        let (group, edge_node) = (descriptor.group.as_str(), descriptor.edge_node.as_str());
        let is_new = match device {
            None => self.is_new_case(&[group]) | self.is_new_case(&[group, edge_node]),
            Some(device) => self.is_new_case(&[group, edge_node, device.as_str()]),
        };
        if is_new {
            reporter.report(finding::ID_CASE);
        }
    }

    /// Whether the last of these ids, within those before it, was spelled otherwise first.
    fn is_new_case(&mut self, ids: &[&str]) -> bool {
        let key = caseless(&self.hasher, ids);
        let spelling = self.hasher.hash_one(ids.last());
        match self.first.get(&key) {
            Some(&first) => first != spelling,
            None => {
                if self.first.len() < SPELLINGS_MAX {
                    self.first.insert(key, spelling);
                }
                false
            }
        }
    }
}
