//! What MQTT clients do that has to be on record: commands to the plant, and what they were refused.
//!
//! A client that publishes waits for no audit log, so its commands are recorded as they go out; while nothing can be recorded
//! they are refused at the door. Refusals are told once for each connection, as the broker tells them.
//! Invariant: nothing here is asked about data.

use factree_auth::Principal;
use factree_broker::{ClientId, ConnectionId, Event, Holder, Refusal};
use factree_ingest::SeenCommand;
use factree_mqtt::{Packet, ReasonCode, TopicName, TopicNameBuf};

use super::{Core, Home, Hub, Incoming};
use crate::audit::{AuditFull, Outcome, OwnedEntry};

/// A command that the broker has taken from a client.
#[cold]
pub(super) fn command(core: &Core, home: Option<Home>, SeenCommand { topic, says }: SeenCommand) -> Option<OwnedEntry> {
    let entry = of_connection(core, home?.connection, "command", topic);
    Some(OwnedEntry { new: Some(says), ..entry })
}

/// A command that somebody left as his will.
#[cold]
pub(super) fn will(connection: ConnectionId, SeenCommand { topic, says }: SeenCommand) -> OwnedEntry {
    let entry = OwnedEntry::new("factree", "command", topic);
    let why = format!("the will of connection {connection}, which has ended");
    OwnedEntry { new: Some(says), reason: Some(why), ..entry }
}

/// What somebody was refused.
pub(super) fn refusal(core: &Core, claimant: Option<&Holder>, event: &Event) -> Option<OwnedEntry> {
    match event {
        Event::PublicationRefused { client_id, topic, reason } if *reason == ReasonCode::NotAuthorized => {
            Some(of_client(core, client_id, "publish", topic.as_str()).ended(Outcome::Refused, reason.to_string()))
        }
        Event::SubscriptionRefused { client_id, filter } => {
            Some(of_client(core, client_id, "subscribe", filter).ended(Outcome::Refused, "not granted"))
        }
        // Who is not let in is no claimant, and on record already.
        Event::Refused { connection, client_id, why, .. } => {
            let who = claimant?.principal().to_string();
            let address = core.mailboxes.get(connection).map(|mailbox| mailbox.peer.ip());
            let entry = OwnedEntry { address, ..OwnedEntry::new(who, "connect", format!("mqtt/{client_id}")) };
            Some(entry.ended(Outcome::Refused, *why))
        }
        Event::Connected { .. }
        | Event::Flapping { .. }
        | Event::Disconnected { .. }
        | Event::WillPublished { .. }
        | Event::SessionEnded { .. }
        | Event::PublicationRefused { .. }
        | Event::QueueFull { .. } => None,
    }
}

fn nobody() -> String {
    Principal::Anonymous.to_string()
}

fn of_connection(core: &Core, connection: ConnectionId, verb: &'static str, target: String) -> OwnedEntry {
    let holder = core.broker.holder(connection);
    let who = holder.map_or_else(nobody, |(_, holder)| holder.principal().to_string());
    let address = core.mailboxes.get(&connection).map(|mailbox| mailbox.peer.ip());
    OwnedEntry { address, ..OwnedEntry::new(who, verb, target) }
}

fn of_client(core: &Core, client_id: &ClientId, verb: &'static str, target: &str) -> OwnedEntry {
    let session = core.broker.session(client_id.as_str());
    let who = session.as_ref().map_or_else(nobody, |session| session.principal.to_string());
    let address = session.and_then(|session| core.mailboxes.get(&session.connection?)).map(|it| it.peer.ip());
    OwnedEntry { address, ..OwnedEntry::new(who, verb, target) }
}

impl Hub {
    /// Commands that could not be put on record are not to be taken.
    pub(crate) fn forbid_unrecorded(&self, incoming: &mut [Incoming<'_>]) {
        if self.audit.may_command() {
            return;
        }
        for Incoming { packet, aliased, refusal, .. } in incoming {
            let Packet::Publish(publish) = packet else { continue };
            let topic = aliased.as_ref().map(TopicNameBuf::as_str).or(publish.topic.map(TopicName::as_str));
            let is_command = |topic: &str| {
                let mut levels = topic.split('/');
                levels.next() == Some("spBv1.0") && matches!(levels.nth(1), Some("NCMD" | "DCMD"))
            };
            if topic.is_some_and(is_command) {
                let why = AuditFull.to_string().into();
                *refusal = Some(Box::new(Refusal { reason: ReasonCode::QuotaExceeded, why }));
            }
        }
    }
}
