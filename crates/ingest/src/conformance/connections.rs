//! Connections with this broker, as far as reports on Edge Nodes need them: which version of MQTT, whose births,
//! and what is still to be said about its CONNECT.
//!
//! An Edge Node stands under the session that its last NBIRTH came over, so that what the session does later is known to be
//! its doing. Knows no rule.
//! Invariant: an Edge Node stands under one session at most.

use std::collections::{HashMap, HashSet};

use factree_sparkplug::{EdgeNodeDescriptor, EdgeNodeIndex, SessionKey};

use crate::findings::Held;

/// All clients that are connected to this broker.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    by_session: HashMap<SessionKey, Connection>,
}

/// One of them.
#[derive(Debug)]
struct Connection {
    is_v5: bool,
    edge_nodes: HashSet<EdgeNodeIndex>,
    /// What its CONNECT showed about an Edge Node that has not been heard yet: a finding for each rule at most.
    held: Vec<Held>,
}

impl Connections {
    /// A client has connected.
    pub(crate) fn begin(&mut self, session: SessionKey, is_v5: bool) {
        self.by_session.insert(session, Connection { is_v5, edge_nodes: HashSet::new(), held: Vec::new() });
    }

    /// Its connection is over. What was held of it.
    pub(crate) fn end(&mut self, session: SessionKey) -> Vec<Held> {
        self.by_session.remove(&session).map(|connection| connection.held).unwrap_or_default()
    }

    /// Its CONNECT has shown something about an Edge Node that has not been heard yet.
    pub(crate) fn hold(&mut self, session: SessionKey, held: Held) {
        if let Some(connection) = self.by_session.get_mut(&session) {
            connection.held.push(held);
        }
    }

    /// What its CONNECT has shown about this Edge Node.
    pub(crate) fn release(&mut self, session: SessionKey, edge_node: EdgeNodeDescriptor<'_>) -> Vec<Held> {
        let Some(connection) = self.by_session.get_mut(&session) else { return Vec::new() };
        connection.held.extract_if(.., |held| held.is_about(edge_node)).collect()
    }

    /// Whether a client of this broker speaks MQTT 5.0; none if it is not connected to this broker.
    pub(super) fn is_v5(&self, session: SessionKey) -> Option<bool> {
        self.by_session.get(&session).map(|connection| connection.is_v5)
    }

    /// An NBIRTH came over `session`; the one before it, over `before`.
    pub(super) fn bear(&mut self, edge_node: EdgeNodeIndex, session: SessionKey, before: Option<SessionKey>) {
        if before == Some(session) {
            return;
        }
        if let Some(before) = before.and_then(|before| self.by_session.get_mut(&before)) {
            before.edge_nodes.remove(&edge_node);
        }
        if let Some(now) = self.by_session.get_mut(&session) {
            now.edge_nodes.insert(edge_node);
        }
    }

    /// Whose NBIRTH came over a session.
    pub(super) fn born_over(&self, session: SessionKey) -> impl Iterator<Item = EdgeNodeIndex> {
        self.by_session.get(&session).into_iter().flat_map(|connection| connection.edge_nodes.iter().copied())
    }
}
