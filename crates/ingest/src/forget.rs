//! Forgetting: what will not come back leaves the tree, and what is kept for a restart.
//!
//! Somebody forgets an Edge Node, a Device of it or a plain topic; and a plain topic whose retained message has been cleared is
//! forgotten by itself. Everything that belongs to it goes: elements and samples, births with their certificates, what was found
//! wrong, its place among those that limits count. Who has waited under `_conflicts` for one of its paths has it at once. What
//! comes again is new.
//! Topics are cleared by any client, and whoever knows elements by number, context for one, looks them up again when something has
//! left the tree; so topics that are cleared within [`REST`] go together, [`TOPICS_MAX`] at once, since everybody waits meanwhile.
//! Until then they are Stale.
//! Knows no grant and no disk. Invariant: what has an owner that is online stays.

use std::time::{Duration, Instant};

use factree_namespace::{Namespace, Timestamp};
use factree_sparkplug as sparkplug;
use sparkplug::{DeviceId, DeviceIndex, EdgeNodeDescriptor, EdgeNodeIndex, NotForgotten};

use crate::edge_nodes::EdgeNodes;
use crate::gone::birth_topic;
use crate::keep::{Birth, CHUNK, Keep, Table, gone_key, samples_key};
use crate::replacement::find_contexts;
use crate::seat::Corner;
use crate::{Ingest, Now, Output, convert};

/// Cleared topics leave the tree no more often.
const REST: Duration = Duration::from_secs(1);

/// No more of them leave together.
const TOPICS_MAX: usize = 1_000;

/// What has been forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Plain topics.
    pub topics: Vec<String>,
    /// How many samples went.
    pub samples: usize,
}

/// A path of the tree that has no sample any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vanished {
    /// The path.
    pub path: String,
    /// What a plain topic would have published there by itself: topic, or topic and field.
    pub said_as: Option<String>,
}

/// Why something is not forgotten. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgetRefused {
    /// Nobody has heard of it.
    Unknown,
    /// It is online, since then.
    Online {
        /// By our clock.
        since: Timestamp,
    },
    /// What stands there is no plain topic.
    NoTopic,
    /// Everything is being moved to where new rules say: ask again when that is done.
    Moving,
}

impl Ingest {
    /// Forgets an Edge Node with its Devices, or one Device of it.
    ///
    /// # Errors
    /// [`ForgetRefused`].
    pub fn forget_edge_node(
        &mut self,
        group: &str,
        edge_node: &str,
        device: Option<&str>,
        out: &mut Vec<Output>,
    ) -> Result<Forgotten, ForgetRefused> {
        if self.replacement.is_some() {
            return Err(ForgetRefused::Moving);
        }
        let descriptor = EdgeNodeDescriptor::new(group, edge_node).ok_or(ForgetRefused::Unknown)?;
        let id = device.map(|device| DeviceId::new(device).ok_or(ForgetRefused::Unknown)).transpose()?;
        // Before they are nobody's.
        let mut keys = self.edge_nodes.keys(descriptor, device);
        let (index, device) = self.edge_nodes.host.forget(descriptor, id)?;
        out.extend(keys.drain(..).map(Output::Keep));
        let paths = match device {
            None => self.edge_nodes.forget(&self.namespace, (group, edge_node), index),
            Some(device) => self.edge_nodes.forget_device(&self.namespace, index, device),
        };
        let samples = paths.len();
        out.push(Output::Vanished(paths.into_iter().map(|path| Vanished { path, said_as: None }).collect()));
        find_contexts(&self.namespace);
        self.keep_contexts(out);
        Ok(Forgotten { topics: Vec::new(), samples })
    }

    /// Forgets the plain topics that stand at a path.
    ///
    /// # Errors
    /// [`ForgetRefused`].
    pub fn forget_topics(&mut self, path: &str, out: &mut Vec<Output>) -> Result<Forgotten, ForgetRefused> {
        if self.replacement.is_some() {
            return Err(ForgetRefused::Moving);
        }
        let element = self.namespace.read().find(path).ok_or(ForgetRefused::Unknown)?;
        let numbers = self.plain.standing_at(element);
        if numbers.is_empty() {
            return Err(ForgetRefused::NoTopic);
        }
        let topics = numbers.iter().map(|&number| self.plain.topics[number as usize].topic.to_string()).collect();
        let samples = self.forget_plain(&numbers, out);
        Ok(Forgotten { topics, samples })
    }

    /// The retained message of a plain topic has been cleared: after a restart it is not there, and soon it is not in the tree.
    /// What context documents have said is wanted for longer.
    pub(crate) fn on_cleared(&mut self, now: Now, topic: &str, out: &mut Vec<Output>) {
        if self.plain.clear(&self.namespace, topic, out) && !self.forget_cleared(now.instant, out) {
            self.plain.swept.get_or_insert(now.instant);
        }
    }

    /// When topics that have been cleared leave the tree next; none while everything is being moved.
    pub(crate) fn next_sweep(&self) -> Option<Instant> {
        let is_wanted = self.replacement.is_none() && !self.plain.cleared.is_empty();
        self.plain.swept.filter(|_| is_wanted).map(|swept| swept + REST)
    }

    /// Forgets topics that have been cleared and said nothing since, if the last time is long enough ago. Whether any were.
    pub(crate) fn forget_cleared(&mut self, now: Instant, out: &mut Vec<Output>) -> bool {
        let is_resting = self.plain.swept.is_some_and(|swept| now.saturating_duration_since(swept) < REST);
        if is_resting || self.replacement.is_some() || self.plain.cleared.is_empty() {
            return false;
        }
        self.plain.swept = Some(now);
        let cleared = self.plain.take_cleared(TOPICS_MAX);
        self.forget_plain(&cleared, out);
        true
    }

    fn forget_plain(&mut self, numbers: &[u32], out: &mut Vec<Output>) -> usize {
        let vanished = self.plain.forget(&self.namespace, numbers, out);
        self.forwards.forget_topics(numbers);
        let samples = vanished.len();
        out.push(Output::Vanished(vanished));
        find_contexts(&self.namespace);
        self.keep_contexts(out);
        samples
    }

    /// Every record is back: who came first to a path owns it, whatever the order of the records was.
    pub(crate) fn settle_disputes(&mut self) {
        let mut mover = self.namespace.mover();
        for dispute in mover.disputes() {
            mover.decide(dispute);
        }
    }
}

impl EdgeNodes {
    /// What ends of what is kept about an Edge Node, or about one Device of it.
    fn keys(&self, descriptor: EdgeNodeDescriptor<'_>, device: Option<&str>) -> Vec<Keep> {
        let Some(node) = self.host.edge_node(descriptor) else { return Vec::new() };
        let own = device.is_none().then_some((None, None));
        let devices = node.devices().filter(|known| device.is_none_or(|device| device == known.id));
        let mut keys = Vec::new();
        let owners: Vec<_> = own.into_iter().chain(devices.map(|known| (Some(known.index), Some(known.id)))).collect();
        for &(index, id) in &owners {
            let Some(topic) = birth_topic(descriptor, id) else { continue };
            let name = topic.to_string();
            keys.extend(Birth::key(&name).map(|key| Keep::Remove(Table::Births, key)));
            let len = node.roster(index).map_or(0, sparkplug::RosterMetrics::len);
            let chunks = (0..len.div_ceil(CHUNK)).filter_map(|chunk| samples_key(&name, chunk as u32));
            keys.extend(chunks.map(|key| Keep::Remove(Table::Samples, key)));
        }
        for metric in node.metrics().filter(|metric| !metric.is_alive) {
            let owner = owners.iter().find(|(index, _)| *index == metric.device);
            let key = owner.and_then(|(_, id)| gone_key(birth_topic(descriptor, *id)?, metric.name));
            keys.extend(key.map(|key| Keep::Remove(Table::Samples, key)));
        }
        keys
    }

    /// What the host has forgotten leaves the tree, and everything that is known of it. The paths that lost a sample.
    fn forget(&mut self, namespace: &Namespace, name: (&str, &str), index: EdgeNodeIndex) -> Vec<String> {
        self.order.remove(&(name.0.into(), name.1.into()));
        self.ledger.forget(index);
        self.deviations.forget(index, None);
        let Some(seat) = self.seats.get_mut(index.0 as usize).and_then(Option::take) else { return Vec::new() };
        let corners: Vec<Corner> =
            std::iter::once(seat.own).chain(seat.devices.values().map(|(_, corner)| *corner)).collect();
        corners.iter().for_each(|corner| drop(namespace.define(&seat.block, corner.origin, Vec::new())));
        let origins: Vec<_> = corners.iter().map(|corner| corner.origin).collect();
        let mut mover = namespace.mover();
        let paths = mover.remove(&seat.block, &origins, 0..seat.block.slots_len());
        mover.close(&seat.block);
        paths
    }

    /// The same of a Device. Its slots are others' once the Edge Node is full.
    fn forget_device(&mut self, namespace: &Namespace, index: EdgeNodeIndex, device: DeviceIndex) -> Vec<String> {
        self.deviations.forget(index, Some(device));
        let Some(seat) = self.seats.get_mut(index.0 as usize).and_then(Option::as_mut) else { return Vec::new() };
        let Some((_, corner)) = seat.devices.remove(&device) else { return Vec::new() };
        drop(namespace.define(&seat.block, corner.origin, Vec::new()));
        namespace.mover().remove(&seat.block, &[corner.origin], 0..seat.block.slots_len())
    }
}

impl From<NotForgotten> for ForgetRefused {
    fn from(why: NotForgotten) -> Self {
        match why {
            NotForgotten::Unknown => Self::Unknown,
            NotForgotten::Online { since } => Self::Online { since: convert::timestamp(since) },
        }
    }
}
