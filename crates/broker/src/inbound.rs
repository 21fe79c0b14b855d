//! The receiving half of the handshakes: QoS 2 publications that a client has not released yet.
//!
//! A packet id is kept from PUBLISH to PUBREL; a PUBLISH with a kept id is a repeat and is not routed again
//! `[MQTT-4.3.3-10]`. Ids outlive the connection with the session; the quota is the connection's.
//! Invariant: at most 65,535 ids, by their type.

use std::num::NonZeroU16;

use factree_mqtt::{Handshake, PacketId};
use hashbrown::HashSet;

#[derive(Debug, Default)]
pub(crate) struct Inbound {
    held: HashSet<u16>,
    /// Received over this connection and not released: what counts against our Receive Maximum.
    outstanding: u16,
    /// The session is older than the connection, so the client may repeat what was answered before.
    is_resumed: bool,
}

/// What a PUBREL did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Released {
    /// The id was held and is free again.
    Now,
    /// The id is not held, but an earlier connection of the session may have lost the PUBCOMP of its release.
    Before,
    /// The id was never held.
    Unknown,
}

/// What a PUBLISH is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// To be routed.
    Fresh,
    /// Routed before; only the PUBREC is due again.
    Repeat(PacketId),
    /// More than the Receive Maximum `[MQTT-3.3.4-7]`.
    TooMany,
}

impl Inbound {
    /// `maximum` is what the client was told; `None` if it could not be told.
    pub(crate) fn receive(&mut self, handshake: Handshake, maximum: Option<NonZeroU16>) -> Received {
        let Handshake::ExactlyOnce(packet_id) = handshake else { return Received::Fresh };
        if self.held.contains(&packet_id.get()) {
            return Received::Repeat(packet_id);
        }
        if maximum.is_some_and(|maximum| self.outstanding >= maximum.get()) {
            return Received::TooMany;
        }
        self.held.insert(packet_id.get());
        self.outstanding += 1;
        Received::Fresh
    }

    /// PUBREL, or a PUBREC that refused: the id is free again.
    pub(crate) fn release(&mut self, packet_id: PacketId) -> Released {
        if self.held.remove(&packet_id.get()) {
            self.outstanding = self.outstanding.saturating_sub(1);
            return Released::Now;
        }
        if self.is_resumed { Released::Before } else { Released::Unknown }
    }

    /// The ids that are held, in no order.
    pub(crate) fn held(&self) -> impl Iterator<Item = PacketId> {
        self.held.iter().filter_map(|id| PacketId::new(*id))
    }

    /// An id that was held before a restart.
    pub(crate) fn restore(&mut self, packet_id: PacketId) {
        self.held.insert(packet_id.get());
    }

    /// A new connection begins with a full quota (section 4.9).
    pub(crate) fn resume(&mut self, is_resumed: bool) {
        self.outstanding = 0;
        self.is_resumed = is_resumed;
    }
}
