//! Whether Edge Nodes do what a rebirth request asks of them.
//!
//! A request is remembered until the next NBIRTH, or until nobody can be blamed any more. Who still sends data long after
//! it, and no birth, has heard it or cannot hear.
//! Invariant: at most `ASKED_MAX` requests are remembered, none of them for longer than `FORGOTTEN`.

use crate::{
    EdgeNodeIndex,
    host::finding::{self, Reporter},
};
use hashbrown::HashMap;
use std::time::{Duration, Instant};

/// How long an Edge Node may take: births of thousands of metrics over slow links do.
const PATIENCE: Duration = Duration::from_secs(30);

/// After this, data are no answer to the request any more.
const FORGOTTEN: Duration = Duration::from_secs(120);

const ASKED_MAX: usize = 4096;

/// Rebirth requests that wait for a birth.
#[derive(Debug, Default)]
pub(crate) struct Rebirths {
    asked: HashMap<EdgeNodeIndex, Instant>,
}

impl Rebirths {
    /// Whether any are under way; if not, data need not be looked at.
    #[inline]
    pub(crate) fn are_awaited(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Somebody asks this Edge Node for a rebirth.
    pub(crate) fn ask(&mut self, now: Instant, edge_node: EdgeNodeIndex) {
        if self.asked.len() >= ASKED_MAX {
            self.asked.retain(|_, asked| now.saturating_duration_since(*asked) < FORGOTTEN);
        }
        if self.asked.len() < ASKED_MAX {
            self.asked.entry(edge_node).or_insert(now);
        }
    }

    /// It was born, or is dead.
    pub(crate) fn answer(&mut self, edge_node: EdgeNodeIndex) {
        self.asked.remove(&edge_node);
    }

    /// Judges data of this Edge Node.
    pub(crate) fn judge(&mut self, now: Instant, edge_node: EdgeNodeIndex, reporter: &mut Reporter<'_>) {
        let Some(asked) = self.asked.get(&edge_node) else { return };
        let waited = now.saturating_duration_since(*asked);
        if waited < PATIENCE {
            return;
        }
        self.asked.remove(&edge_node);
        if waited < FORGOTTEN {
            reporter.report(finding::REBIRTH_IGNORED);
        }
    }
}
