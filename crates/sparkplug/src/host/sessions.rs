//! Which MQTT session gave birth to whom.
//!
//! When a session ends, everything it gave birth to and nobody else has since is offline. One session may speak for a
//! whole gateway of Edge Nodes, and an Edge Node's devices may speak through sessions of their own.
//! Invariant: whoever is online stands under exactly one session, the one that published its latest birth.

use super::{DeviceIndex, EdgeNodeIndex, SessionKey};
use hashbrown::{HashMap, HashSet};

/// An Edge Node (`None`) or one of its devices. Ordered so that an Edge Node comes before its devices.
pub(super) type Born = (EdgeNodeIndex, Option<DeviceIndex>);

#[derive(Debug, Default)]
pub(super) struct Sessions {
    born: HashMap<SessionKey, HashSet<Born>>,
}

impl Sessions {
    /// `session` has published the birth of `born`, whose last birth came over `before`.
    pub(super) fn bear(&mut self, born: Born, session: SessionKey, before: Option<SessionKey>) {
        if before == Some(session) {
            return;
        }
        if let Some(before) = before {
            self.forget(born, before);
        }
        self.born.entry(session).or_default().insert(born);
    }

    /// `born` is offline.
    pub(super) fn forget(&mut self, born: Born, session: SessionKey) {
        if let Some(all) = self.born.get_mut(&session) {
            all.remove(&born);
            if all.is_empty() {
                self.born.remove(&session);
            }
        }
    }

    /// The session is over: whom it leaves behind, Edge Nodes before their devices.
    pub(super) fn end(&mut self, session: SessionKey) -> Vec<Born> {
        let mut born: Vec<Born> = self.born.remove(&session).into_iter().flatten().collect();
        born.sort_unstable();
        born
    }
}
