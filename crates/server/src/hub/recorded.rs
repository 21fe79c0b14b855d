//! What MQTT clients do that has to be on record: commands to the plant, and what they were refused.
//!
//! A client that publishes waits for no audit log, so its commands are recorded as they go out; while nothing can be recorded
//! they are refused at the door, and so is what does not say why where that is asked for: a client says it in a user property.
//! The same holds for a will that is a command, when it is due. Refusals are told once for each connection, as the broker tells
//! them, but those of commands each.
//! Invariant: nothing here is asked about data.

use factree_auth::Principal;
use factree_broker::{ClientId, ConnectionId, Event, Holder, Refusal};
use factree_ingest::SeenCommand;
use factree_mqtt::{Connect, MessageProperties, Packet, ReasonCode, TopicName, TopicNameBuf};

use super::{Core, Home, Hub, Incoming};
use crate::audit::{Audit, AuditFull, Outcome, OwnedEntry};

/// A command that the broker has taken from a client.
#[cold]
pub(super) fn command(core: &Core, home: Option<Home>, SeenCommand { topic, says }: SeenCommand) -> Option<OwnedEntry> {
    let entry = of_connection(core, home?.connection, "command", topic);
    Some(OwnedEntry { new: Some(says), ..entry })
}

/// A command that somebody left as his will.
#[cold]
pub(super) fn will(connection: ConnectionId, holder: &Holder, SeenCommand { topic, says }: SeenCommand) -> OwnedEntry {
    let entry = OwnedEntry::new(holder.principal().to_string(), "command", topic);
    let what = format!("the will of connection {connection}, which has ended");
    OwnedEntry { new: Some(says), detail: Some(what), ..entry }
}

/// Puts on the first of them, which is about the publication itself, why it was published.
#[cold]
pub(super) fn note_reason(deeds: &mut [OwnedEntry], said: &MessageProperties<'_>) {
    if let Some(entry) = deeds.first_mut() {
        entry.reason = reason(said).map(str::to_owned);
    }
}

/// Why something is done, as its publisher says.
fn reason<'a>(said: &MessageProperties<'a>) -> Option<&'a str> {
    let said = said.user_properties.iter().find(|(name, _)| *name == "reason");
    said.map(|(_, reason)| reason).filter(|reason| !reason.trim().is_empty())
}

/// Whether a topic is one of commands to the plant.
pub(super) fn is_command(topic: TopicName<'_>) -> bool {
    let mut levels = topic.as_str().split('/');
    levels.next() == Some("spBv1.0") && matches!(levels.nth(1), Some("NCMD" | "DCMD"))
}

/// Why a publication is not taken if it is a command: it could not be put on record, or not as is asked for.
pub(super) fn refuses(audit: &Audit, topic: TopicName<'_>, said: &MessageProperties<'_>) -> Option<Refusal> {
    if !is_command(topic) {
        return None;
    }
    if !audit.may_command() {
        return Some(Refusal { reason: ReasonCode::QuotaExceeded, why: AuditFull.to_string().into() });
    }
    if audit.requires_reason() && reason(said).is_none() {
        let why =
            "here nothing is done without saying why: in a user property `reason` ([audit] commands_require_reason)";
        return Some(Refusal { reason: ReasonCode::ImplementationSpecificError, why: why.into() });
    }
    None
}

/// What somebody was refused.
pub(super) fn refusal(core: &Core, claimant: Option<&Holder>, event: &Event) -> Option<OwnedEntry> {
    match event {
        Event::PublicationRefused { client_id, principal, topic, reason, .. }
            if *reason == ReasonCode::NotAuthorized || is_command(topic.as_name()) =>
        {
            let entry = of_client(core, client_id, "publish", topic.as_str());
            let entry = OwnedEntry { principal: principal.to_string(), ..entry };
            Some(entry.ended(Outcome::Refused, reason.to_string()))
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
    let detail = holder.as_ref().and_then(|(_, holder)| means(holder));
    let who = holder.map_or_else(nobody, |(_, holder)| holder.principal().to_string());
    let address = core.mailboxes.get(&connection).map(|mailbox| mailbox.peer.ip());
    OwnedEntry { address, detail, ..OwnedEntry::new(who, verb, target) }
}

/// By which of several means somebody was let in: the key, if it was one.
pub(super) fn means(holder: &Holder) -> Option<String> {
    holder.login()?.key().map(|key| format!("by key {key}"))
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
        if self.audit.may_command() && !self.audit.requires_reason() {
            return;
        }
        for Incoming { packet, aliased, refusal, .. } in incoming {
            let Packet::Publish(publish) = packet else { continue };
            let topic = aliased.as_ref().map(TopicNameBuf::as_name).or(publish.topic);
            if let Some(why) = topic.and_then(|topic| refuses(&self.audit, topic, &publish.properties)) {
                *refusal = Some(Box::new(why));
            }
        }
    }

    /// Whether a client leaves a command as its will and does not say why, where that is asked for.
    pub(super) fn wants_reason_of_will(&self, connect: &Connect<'_>) -> bool {
        let will = connect.will.as_ref().filter(|_| self.audit.requires_reason());
        will.is_some_and(|will| is_command(will.topic) && reason(&will.properties).is_none())
    }
}
