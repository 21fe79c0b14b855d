//! The metrics of Edge Nodes that rules mean.
//!
//! Found out at a Birth, and again when everything is placed anew because the rules have changed: so DATA of an Edge Node that no
//! rule means costs one look at its seat, and DATA of others one lookup a metric. What Sparkplug owns is judged after it is
//! written and never refused: without the message its subscribers would miss a `seq` and ask for a rebirth, and the tree would say
//! something else than the plant.
//! Invariant: what is judged is what the tree shows.

use std::collections::HashMap;
use std::sync::Arc;

use factree_namespace::Filter;
use factree_sparkplug as sparkplug;
use sparkplug::{Born, BornMetric, EdgeNodeIndex, Occasion, SessionKey};

use super::demand::shown;
use super::{Declared, Governance, Rule, clip};
use crate::convert;
use crate::edge_nodes::{Context, EdgeNodes, Received};
use crate::findings::{Example, NewDeviation};
use crate::seat::{Corner, Seat};

/// The cells of one Edge Node that rules mean, by slot.
#[derive(Debug, Default)]
pub(crate) struct Watched(HashMap<u32, Cell>);

#[derive(Debug)]
struct Cell {
    path: Box<str>,
    rules: Box<[Arc<Rule>]>,
}

/// Rules that mean something below one place.
pub(crate) struct Nearby {
    root: String,
    rules: Vec<(Arc<Rule>, Filter)>,
    declared: Declared,
}

impl Nearby {
    /// Those of all rules that mean something below `root`.
    pub(crate) fn of(governance: &Governance, root: String) -> Self {
        let rules = governance.rules.iter();
        let rules = rules.filter_map(|(filter, rule)| Some((Arc::clone(rule), filter.below(&root)?))).collect();
        let declared = governance.declared.below(&root);
        Self { root, rules, declared }
    }

    /// Whether nothing below is meant.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.declared.is_empty()
    }

    fn about(&self, name: &str) -> Option<Cell> {
        let meant = self.rules.iter().filter(|(_, filter)| filter.matches(name)).map(|(rule, _)| rule);
        let rules: Box<[Arc<Rule>]> = meant.chain(self.declared.about(name)).cloned().collect();
        (!rules.is_empty()).then(|| Cell { path: format!("{}/{name}", self.root).into(), rules })
    }
}

impl Seat {
    /// Notes which rules mean a metric, in place of what was noted before.
    pub(crate) fn watch(&mut self, slot: u32, name: &str, nearby: &Nearby) {
        match (nearby.about(name), &mut self.watched) {
            (Some(cell), watched) => drop(watched.get_or_insert_default().0.insert(slot, cell)),
            (None, Some(watched)) => drop(watched.0.remove(&slot)),
            (None, None) => {}
        }
    }
}

impl EdgeNodes {
    /// Finds out which rules mean the metrics of a Birth.
    #[cold]
    pub(crate) fn watch_metrics(
        &mut self,
        context: &Context<'_>,
        edge_node: EdgeNodeIndex,
        corner: Corner,
        metrics: &[BornMetric],
        received: &Received<'_>,
    ) {
        let nearby = Nearby::of(context.governance, context.namespace.read().path(corner.root));
        let Some(Some(seat)) = self.seats.get_mut(edge_node.0 as usize) else { return };
        if nearby.is_empty() && seat.watched.is_none() {
            return;
        }
        for metric in metrics {
            let name = received.payload.name_of(received.bytes, metric.position).unwrap_or_default();
            seat.watch(metric.metric.0, &name, &nearby);
        }
    }

    /// The same, and then holds what the Birth says against them.
    #[cold]
    pub(crate) fn judge_birth(
        &mut self,
        context: &Context<'_>,
        born: &Born,
        corner: Corner,
        metrics: &[BornMetric],
        received: &Received<'_>,
    ) {
        self.watch_metrics(context, born.edge_node, corner, metrics, received);
        self.judge(context, born.edge_node, metrics.iter().map(|metric| metric.metric.0), received);
    }

    /// Holds what the cells at these slots say now against the rules that mean them.
    #[cold]
    pub(crate) fn judge(
        &mut self,
        context: &Context<'_>,
        edge_node: EdgeNodeIndex,
        slots: impl Iterator<Item = u32>,
        received: &Received<'_>,
    ) {
        let Self { host, seats, deviations, .. } = self;
        let Some(Some(seat)) = seats.get(edge_node.0 as usize) else { return };
        let Some(watched) = &seat.watched else { return };
        let node = host.edge_node_at(edge_node).expect("who has a seat is known");
        let cells = seat.block.hold();
        for slot in slots {
            let Some(Cell { path, rules }) = watched.0.get(&slot) else { continue };
            let Some(sample) = cells.sample(slot) else { continue };
            for rule in rules {
                let breach = rule.demand.judge_value(&sample.value);
                let Some(breach) = breach.or_else(|| rule.demand.judge_as_json(&sample.value)) else { continue };
                let device = node.metric_device(sparkplug::MetricIndex(slot));
                deviations.note(
                    NewDeviation {
                        kind: breach.kind,
                        rule: Some(&rule.name),
                        is_enforced: rule.is_enforced,
                        is_refused: false,
                        spot: path,
                        edge_node: Some((edge_node, device)),
                        session: node.session().unwrap_or(SessionKey(0)),
                        at: convert::timestamp(context.now.wall),
                    },
                    seat.client_id.as_ref(),
                    || path.to_string(),
                    || Example {
                        occasion: Occasion::from(received.topic).as_str(),
                        topic: Some(received.topic.to_string().into()),
                        metric: node.metric_name(sparkplug::MetricIndex(slot)).map(Into::into),
                        expected_got: None,
                        value: Some(clip(&shown(&sample.value)).into()),
                        why: Some(breach.why),
                    },
                );
            }
        }
    }
}
