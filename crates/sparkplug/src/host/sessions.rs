//! Which MQTT session gave birth to whom.
//!
//! When a session ends, everything it gave birth to and nobody else has since is offline. One session may speak for a
//! whole gateway of Edge Nodes, and an Edge Node's devices may speak through sessions of their own.
//! Invariant: whoever is online stands under exactly one session, the one that published its latest birth.

use super::{DeviceIndex, EdgeNodeIndex};
use hashbrown::{HashMap, HashSet};

/// An Edge Node (`None`) or one of its devices. Ordered so that an Edge Node comes before its devices.
pub(super) type Born = (EdgeNodeIndex, Option<DeviceIndex>);

/// One MQTT connection's lifetime: a client's to our broker as that numbers it, or ours to somebody else's broker
/// ([`SessionKey::attached`]), over which all its clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(pub u64);

impl SessionKey {
    /// Stands for all sessions of the process before this one, whose wills are published by this one.
    pub const BEFORE_RESTART: SessionKey = SessionKey(0);

    const ATTACHED: u64 = 1 << 63;
    const ATTACHMENT_SHIFT: u32 = 48;

    /// Our connection number `connection` (from 1, below 2^48) to the foreign broker number `attachment` (below 2^15).
    ///
    /// # Panics
    /// If a number is out of its range.
    pub fn attached(attachment: u16, connection: u64) -> SessionKey {
        assert!(attachment < 1 << 15 && connection < 1 << SessionKey::ATTACHMENT_SHIFT, "numbers of an attachment fit");
        SessionKey(SessionKey::ATTACHED | u64::from(attachment) << SessionKey::ATTACHMENT_SHIFT | connection)
    }

    /// Whatever connection there is to the foreign broker number `attachment`: an address, and nothing is heard over it.
    ///
    /// # Panics
    /// If the number is not below 2^15.
    pub fn any_to(attachment: u16) -> SessionKey {
        SessionKey::attached(attachment, 0)
    }

    /// The foreign broker whose clients all speak over this session; `None` for a session of one client with our broker.
    pub fn attachment(self) -> Option<u16> {
        (self.0 & SessionKey::ATTACHED != 0).then_some((self.0 >> SessionKey::ATTACHMENT_SHIFT) as u16 & 0x7fff)
    }
}

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
