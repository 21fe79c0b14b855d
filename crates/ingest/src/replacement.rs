//! Re-placement: the rules have changed, and everything goes where they say it stands.
//!
//! New Births are placed by the new rules at once. What is in the tree already moves a few thousand metrics at a time, one
//! Edge Node with its Devices or one plain topic after the other, so publishers wait for milliseconds; while it lasts, some
//! stand here and some still there. Then disputes over paths are settled: the oldest claimant owns one, so the result is a
//! function of the rules and of who came first, and not of the order of moving or of the rules there were.
//! Knows no file and no signal. Invariant: once it is done, the tree is what it would be had the rules always been so; a
//! metric keeps its cell, its sample and its source wherever it goes.

use std::collections::HashMap;
use std::sync::Arc;

use factree_namespace::{
    ElementId, EquipmentKind, Filter, Kind, Level, Modelled, Mover, Namespace, OriginId, PathSpec, Quality, Refusal,
    Segment, Shifted, Timestamp, TypeDefinition, View,
};
use factree_sparkplug as sparkplug;
use sparkplug::host::EdgeNodeView;
use sparkplug::{DeviceIndex, EdgeNodeIndex, MetricIndex};

use crate::Ingest;
use crate::edge_nodes::EdgeNodes;
use crate::governance::{Governance, Nearby};
use crate::placement::{Place, Placement};
use crate::plain::{PlainTopic, PlainTopics};
use crate::seat::{Corner, Seat};

/// Elements that learn at once what they are of.
const RETYPED_AT_ONCE: usize = 1_000;

/// What a change of the rules has led to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    /// Edge Nodes, Devices and plain topics that stand elsewhere now.
    pub sources_moved: usize,
    /// Metrics and fields that stand elsewhere now.
    pub metrics_moved: usize,
    /// Metrics that the tree has no room for at their new place, and sources that stayed for that reason.
    pub refused: usize,
    /// Paths that more than one source wants.
    pub conflicts: usize,
}

/// How far it is.
#[derive(Debug, Default)]
pub(crate) struct Replacement {
    stage: Stage,
    /// Levels and kinds of equipment by the new rules.
    named: Named,
    /// Sources that were looked at.
    visited: usize,
    replaced: Replaced,
}

type Named = HashMap<ElementId, (Option<Level>, Option<EquipmentKind>)>;

#[derive(Debug)]
enum Stage {
    /// The next Edge Node.
    EdgeNodes(usize),
    /// The next plain topic.
    Topics(usize),
    /// Those that are left.
    Disputes(Vec<ElementId>),
    /// What elements are of, from this number on.
    Types(u32),
}

impl Default for Stage {
    fn default() -> Self {
        Self::EdgeNodes(0)
    }
}

/// What one step may do.
struct Step<'n, 's> {
    mover: Mover<'n>,
    placement: &'s Placement,
    governance: &'s Governance,
    named: &'s mut Named,
    forwards: &'s mut Forwards,
    replaced: &'s mut Replaced,
    /// Metrics and sources that may still be looked at.
    left: usize,
}

impl Ingest {
    /// The rules in force.
    pub fn placement(&self) -> &Arc<Placement> {
        &self.placement
    }

    /// Declares what is known of elements beside what their sources say, in place of what was declared before. Says which
    /// entries the tree refused, by their number, and why.
    pub fn declare(&mut self, model: &[Modelled]) -> Vec<(usize, Refusal)> {
        let refused = self.namespace.mover().model(model);
        find_contexts(&self.namespace);
        refused
    }

    /// Declares types, and rules about which elements are of them, in place of those that were declared before; among the
    /// rules the first that means an element counts. Says which types the tree refused, by their number, and why. In a large
    /// tree most elements hear of it in the course of the [`Ingest::replace`] after it.
    pub fn declare_types(
        &mut self,
        types: Vec<TypeDefinition>,
        rules: Vec<(Filter, Arc<str>)>,
    ) -> Vec<(usize, Refusal)> {
        let is_news = !types.is_empty() || !rules.is_empty() || self.has_types;
        self.has_types = !types.is_empty() || !rules.is_empty();
        let mut mover = self.namespace.mover();
        let refused = mover.types(types, rules);
        if is_news {
            self.retype_from = mover.retype_some(0, RETYPED_AT_ONCE);
        }
        refused
    }

    /// Begins to place everything by other rules. Go on with [`Ingest::replace_some`] until it is done.
    pub fn replace(&mut self, placement: Placement) {
        self.placement = Arc::new(placement);
        self.replacement = Some(Replacement::default());
    }

    /// Moves some more, and finds anew what elements are of; what has come of it, once all is done. Looks at `metrics_max`
    /// metrics and sources at a time, or a few more: an Edge Node moves whole, with its Devices.
    pub fn replace_some(&mut self, metrics_max: usize) -> Option<Replaced> {
        let Replacement { mut stage, mut named, mut visited, mut replaced } = self.replacement.take()?;
        let Self { namespace, placement, governance, forwards, edge_nodes, plain, .. } = self;
        let mut step = Step {
            mover: namespace.mover(),
            placement,
            governance,
            named: &mut named,
            forwards,
            replaced: &mut replaced,
            left: metrics_max.max(1),
        };
        let mut missed = Vec::new();
        let mut is_done = false;
        while step.left > 0 && !is_done {
            match &mut stage {
                Stage::EdgeNodes(next) if *next < edge_nodes.seats.len() => {
                    visited += edge_nodes.replace(*next, &mut step);
                    *next += 1;
                }
                Stage::EdgeNodes(_) => stage = Stage::Topics(0),
                Stage::Topics(next) if *next < plain.topics.len() => {
                    plain.replace(*next, &mut step, &mut missed);
                    visited += 1;
                    *next += 1;
                }
                // A Device that was born meanwhile has not been looked at.
                Stage::Topics(_) if visited < edge_nodes.corners_len() + plain.topics.len() => {
                    visited = 0;
                    stage = Stage::EdgeNodes(0);
                }
                Stage::Topics(_) => stage = Stage::Disputes(step.mover.disputes()),
                Stage::Disputes(left) => match left.pop() {
                    Some(dispute) => {
                        step.left = step.left.saturating_sub(1);
                        step.replaced.metrics_moved += usize::from(step.mover.decide(dispute));
                    }
                    None => match self.retype_from.take() {
                        Some(next) => stage = Stage::Types(next),
                        None => is_done = true,
                    },
                },
                Stage::Types(next) => match step.mover.retype_some(*next, step.left) {
                    Some(further) => {
                        *next = further;
                        step.left = 0;
                    }
                    None => is_done = true,
                },
            }
        }
        let Step { mut mover, .. } = step;
        if !is_done {
            drop(mover);
            mark_stale(namespace, plain, missed);
            self.replacement = Some(Replacement { stage, named, visited, replaced });
            return None;
        }
        mover.rename_levels(|id| named.get(&id).copied());
        replaced.conflicts = mover.disputes().len();
        drop(mover);
        mark_stale(namespace, plain, missed);
        find_contexts(namespace);
        Some(replaced)
    }

    /// Where a path of the past leads today, if what stood there has moved since this process started. The element is there.
    pub fn moved(&self, path: &str) -> Option<String> {
        let view = self.namespace.read();
        self.forwards.resolve(path, &view, |whose| match whose {
            Whose::Sparkplug(edge_node, device) => Some(self.edge_nodes.seat(edge_node)?.corner(device)?.root),
            Whose::Topic(number) => self.plain.topics[number as usize].root,
        })
    }
}

/// Finds all context documents where they stand now.
pub(crate) fn find_contexts(namespace: &Namespace) {
    if namespace.contexts().is_declared() {
        namespace.contexts().replaced(&namespace.read());
    }
}

/// Topics that spoke while no rule wanted them are back with what they said before.
fn mark_stale(namespace: &Namespace, plain: &PlainTopics, missed: Vec<usize>) {
    for number in missed {
        let mut writer = namespace.write(&plain.block, Timestamp::default());
        for field in &plain.topics[number].fields {
            // A field that the tree never took has nothing to go stale.
            let _: Result<(), Refusal> = writer.set_quality(field.slot, Quality::Stale);
        }
        writer.finish();
    }
}

impl Step<'_, '_> {
    /// The element of a place, whose levels count from now on.
    fn ensure(&mut self, place: &Place, kind: Kind) -> Option<ElementId> {
        self.left = self.left.saturating_sub(1);
        let segments: Vec<Segment<'_>> =
            place.steps.iter().map(|step| Segment { name: &step.name, level: step.level, kind: step.kind }).collect();
        let Ok(root) = self.mover.ensure(&segments, kind) else {
            self.replaced.refused += 1;
            return None;
        };
        let mut at = root;
        for (index, step) in place.steps.iter().enumerate().rev() {
            let is_equipment = step.level.is_some() || index + 1 == place.steps.len() && kind == Kind::Equipment;
            if is_equipment {
                self.named.entry(at).or_insert((step.level, step.kind));
            }
            at = self.mover.parent(at);
        }
        Some(root)
    }

    fn count(&mut self, shifted: Shifted) {
        self.left = self.left.saturating_sub(shifted.cells);
        self.replaced.metrics_moved += shifted.moved;
        self.replaced.refused += shifted.refused;
    }
}

impl EdgeNodes {
    /// Edge Nodes and Devices with a place.
    fn corners_len(&self) -> usize {
        self.seats.iter().flatten().map(|seat| 1 + seat.devices.len()).sum()
    }

    /// Moves an Edge Node and its Devices, if they stand elsewhere by the rules; how many of them were looked at.
    fn replace(&mut self, number: usize, step: &mut Step<'_, '_>) -> usize {
        step.left = step.left.saturating_sub(1);
        let Some(seat) = &mut self.seats[number] else { return 0 };
        let index = EdgeNodeIndex(number as u32);
        let node = self.host.edge_node_at(index).expect("who has a seat is known");
        let mut roots: Vec<(OriginId, Option<ElementId>)> = Vec::new();
        let own = (None, None, &mut seat.own);
        let devices = seat.devices.iter_mut().map(|(index, (id, corner))| (Some(*index), Some(&**id), corner));
        let mut corners: Vec<_> = std::iter::once(own).chain(devices).collect();
        corners.sort_unstable_by_key(|&(device, ..)| device.map(|DeviceIndex(device)| device));
        let corners_len = corners.len();
        for (device, id, corner) in corners {
            let place = step.placement.place_sparkplug(&seat.group, &seat.edge_node, id);
            let Some(root) = step.ensure(&place, Kind::Equipment).filter(|&root| root != corner.root) else { continue };
            step.forwards.note(step.mover.path(corner.root), Whose::Sparkplug(index, device));
            roots.push((corner.origin, Some(root)));
            corner.root = root;
        }
        if !roots.is_empty() {
            step.replaced.sources_moved += roots.len();
            let name = |slot| node.metric_name(MetricIndex(slot)).map(PathSpec::Below);
            let shifted = step.mover.shift(&seat.block, &roots, 0..seat.block.slots_len(), name);
            step.count(shifted);
        }
        watch_anew(seat, &node, step);
        corners_len
    }
}

/// The rules about what may be published may mean other metrics now, or the same metrics elsewhere.
fn watch_anew(seat: &mut Seat, node: &EdgeNodeView<'_>, step: &mut Step<'_, '_>) {
    seat.watched = None;
    if step.governance.is_empty() {
        return;
    }
    let nearby = |corner: Corner| Nearby::of(step.governance, step.mover.path(corner.root));
    let own = nearby(seat.own);
    let devices: HashMap<DeviceIndex, Nearby> =
        seat.devices.iter().map(|(&device, &(_, corner))| (device, nearby(corner))).collect();
    if own.is_empty() && devices.values().all(Nearby::is_empty) {
        return;
    }
    for metric in node.metrics() {
        let nearby = match metric.device {
            None => Some(&own),
            Some(device) => devices.get(&device),
        };
        if let Some(nearby) = nearby {
            seat.watch(metric.index.0, metric.name, nearby);
        }
    }
    step.left = step.left.saturating_sub(node.metrics_len());
}

impl PlainTopics {
    /// Moves a plain topic, if it stands elsewhere by the rules, or nowhere. `missed` gets its number if it is back after it
    /// has said things that nobody took down.
    fn replace(&mut self, number: usize, step: &mut Step<'_, '_>, missed: &mut Vec<usize>) {
        let Self { block, topics, slots, .. } = self;
        let entry = &mut topics[number];
        if entry.is_nobodys {
            return;
        }
        let root = match step.placement.place_topic(&entry.topic) {
            // Without room for it where it belongs it stays where it is.
            Some(place) => step.ensure(&place, Kind::Folder).or(entry.root),
            None => {
                step.left = step.left.saturating_sub(1);
                None
            }
        };
        if root == entry.root {
            return;
        }
        if let Some(former) = entry.root {
            step.forwards.note(step.mover.path(former), Whose::Topic(number as u32));
        } else if std::mem::take(&mut entry.has_missed) {
            missed.push(number);
        }
        entry.root = root;
        step.replaced.sources_moved += 1;
        let PlainTopic { origin, fields, .. } = &*entry;
        let path = |slot: u32| {
            let (_, field) = *slots.get(slot as usize).filter(|(topic, _)| *topic as usize == number)?;
            let path = &*fields.get(field as usize)?.path;
            Some(if path.is_empty() { PathSpec::Root } else { PathSpec::Below(path) })
        };
        let shifted = step.mover.shift(block, &[(*origin, root)], fields.iter().map(|field| field.slot), path);
        step.count(shifted);
    }
}

/// Where sources stood before, so that who asks for a path of the past is told where it leads. In memory only, and bounded:
/// when it is full the oldest are as forgotten as after a restart.
#[derive(Debug, Default)]
pub(crate) struct Forwards {
    by_path: HashMap<Box<str>, Vec<Whose>>,
    len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Sparkplug(EdgeNodeIndex, Option<DeviceIndex>),
    Topic(u32),
}

/// Sources and former paths remembered; about 100 bytes each.
const FORWARDS_MAX: usize = 100_000;
/// Names of a path that are looked at.
const PREFIXES_MAX: usize = 256;

impl Forwards {
    fn note(&mut self, path: String, whose: Whose) {
        if self.len >= FORWARDS_MAX {
            *self = Self::default();
        }
        let known = self.by_path.entry(path.into()).or_default();
        if !known.contains(&whose) {
            known.push(whose);
            self.len += 1;
        }
    }

    /// These numbers are other topics' from now on.
    pub(crate) fn forget_topics(&mut self, numbers: &[u32]) {
        if self.by_path.is_empty() {
            return;
        }
        let is_theirs = |whose: &Whose| matches!(whose, Whose::Topic(number) if numbers.contains(number));
        self.by_path.values_mut().for_each(|known| known.retain(|whose| !is_theirs(whose)));
        self.by_path.retain(|_, known| !known.is_empty());
        self.len = self.by_path.values().map(Vec::len).sum();
    }

    /// The longest beginning of `path` that a source left counts, and of several sources the first that has such a metric.
    fn resolve(&self, path: &str, view: &View<'_>, root: impl Fn(Whose) -> Option<ElementId>) -> Option<String> {
        if self.by_path.is_empty() {
            return None;
        }
        let mut ends: Vec<usize> = path.match_indices('/').map(|(at, _)| at).take(PREFIXES_MAX).collect();
        ends.push(path.len());
        for end in ends.into_iter().rev() {
            let (former, rest) = path.split_at(end);
            for &whose in self.by_path.get(former).into_iter().flatten() {
                let Some(root) = root(whose) else { continue };
                let today = view.path(root) + rest;
                if today != path && view.find(&today).is_some() {
                    return Some(today);
                }
            }
        }
        None
    }
}
