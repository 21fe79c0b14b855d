//! Values that are not taken: what is in the way, and that it is told.
//!
//! A value beyond a limit, or none of its datatype, leaves NULL and Bad in its cell, with its time: the value before it must not
//! pass for the metric's. While a message is written its like is counted here, and becomes a finding for each of the two. A
//! message whose values all fit has nothing of this.
//! Knows neither cells nor limits. Invariant: [`Unfit`] exists only if a value was not taken.

use std::fmt;

use factree_namespace::Refusal;
use factree_sparkplug as sparkplug;
use sparkplug::{DeviceIndex, EdgeNodeIndex, MetricIndex, Mismatch, SessionKey};

use crate::edge_nodes::{Context, EdgeNodes, Received};
use crate::findings::{Found, tell};
use crate::said::Output;

/// What of a message was not taken.
#[derive(Debug, Default)]
pub(crate) struct Unfit {
    beyond: Alike<Beyond>,
    mismatched: Alike<Mismatch>,
}

/// How many, which was the first of them, and what was wrong with it.
#[derive(Debug)]
struct Alike<T> {
    count: u32,
    first: Option<(MetricIndex, T)>,
}

impl<T> Default for Alike<T> {
    fn default() -> Self {
        Self { count: 0, first: None }
    }
}

impl<T> Alike<T> {
    fn add(&mut self, metric: MetricIndex, what: T) {
        self.count += 1;
        self.first.get_or_insert((metric, what));
    }
}

/// The limit in the way of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beyond {
    /// One of the tree's.
    Tree(Refusal),
    /// A DataSet has more cells than may be built.
    Cells,
}

/// Why a value is not in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    Beyond(Beyond),
    Mismatched(Mismatch),
}

impl Unfit {
    /// One more.
    #[cold]
    pub(crate) fn add(into: &mut Option<Box<Unfit>>, metric: MetricIndex, why: NotTaken) {
        let unfit = into.get_or_insert_default();
        match why {
            NotTaken::Beyond(beyond) => unfit.beyond.add(metric, beyond),
            NotTaken::Mismatched(mismatch) => unfit.mismatched.add(metric, mismatch),
        }
    }

    /// How many values are beyond a limit.
    pub(crate) fn beyond(&self) -> u32 {
        self.beyond.count
    }
}

impl EdgeNodes {
    /// Tells what of a message the tree did not take, and counts it. Of a birth the host has said already which values are none of
    /// their datatype.
    #[cold]
    pub(crate) fn tell_unfit(
        &mut self,
        context: &Context<'_>,
        (edge_node, device, session): (EdgeNodeIndex, Option<DeviceIndex>, SessionKey),
        unfit: &Unfit,
        received: &Received<'_>,
        out: &mut Vec<Output>,
    ) {
        self.values_refused += u64::from(unfit.beyond.count + unfit.mismatched.count);
        let topic = received.topic;
        let node = self.host.edge_node_at(edge_node);
        let mut found = |tck_id, count, metric, why: &dyn fmt::Display| {
            let (metric, why) = (node.and_then(|node| node.metric_name(metric)), why.to_string());
            let found = Found { tck_id, edge_node, device, count, session, topic, metric, why };
            out.extend(tell(&mut self.ledger, context, &found));
        };
        if let Some((metric, beyond)) = unfit.beyond.first {
            found("factree-limit-value", unfit.beyond.count, metric, &beyond);
        }
        if let Some((metric, mismatch)) = unfit.mismatched.first.filter(|_| !topic.is_birth()) {
            found("factree-value-mismatch", unfit.mismatched.count, metric, &mismatch);
        }
    }
}

impl fmt::Display for Beyond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Beyond::Tree(refusal) => refusal.fmt(f),
            Beyond::Cells => f.write_str("the DataSet has too many cells (data_set_cells_max)"),
        }
    }
}
