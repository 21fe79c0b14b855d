//! Events become log lines: one line each, for whoever reads them at 3 a.m.
//!
//! Outside text (client ids, topics, names) is logged as quoted, escaped values, so a client cannot write a line of its own
//! (HT23).

use std::net::SocketAddr;

use factree_broker::{ConnectionId, Ending, Event, Lost};
use tracing::field::{self, DisplayValue, display};
use tracing::{debug, error, info, warn};

use crate::quiet::Quiet;

/// Refusals are told a few times, and then now and then: whoever is refused tries again.
static REFUSED: Quiet = Quiet::new();
static FLAPPING: Quiet = Quiet::new();
static CONTRADICTED: Quiet = Quiet::new();
/// `/api/v1/findings` has them all.
static FINDINGS: Quiet = Quiet::new();
static DEVIATIONS: Quiet = Quiet::new();

/// An event of the broker's, and where the clients in it are; the broker knows no addresses.
pub(crate) struct Noted {
    pub(crate) event: Event,
    pub(crate) peer: Option<SocketAddr>,
    refused: Option<SocketAddr>,
}

impl Noted {
    pub(crate) fn new(event: Event, peer_of: impl Fn(ConnectionId) -> Option<SocketAddr>) -> Self {
        let (peer, refused) = match &event {
            Event::Connected { connection, .. }
            | Event::Refused { connection, .. }
            | Event::Disconnected { connection, .. } => (peer_of(*connection), None),
            Event::Flapping { connection, refused, .. } => (peer_of(*connection), peer_of(*refused)),
            Event::WillPublished { .. }
            | Event::SessionEnded { .. }
            | Event::PublicationRefused { .. }
            | Event::SubscriptionRefused { .. }
            | Event::QueueFull { .. } => (None, None),
        };
        Self { event, peer, refused }
    }
}

fn shown(address: Option<SocketAddr>) -> Option<DisplayValue<SocketAddr>> {
    address.map(display)
}

/// Logs what the broker reports.
pub(crate) fn log(Noted { event, peer, refused }: &Noted) {
    let peer = shown(*peer);
    match event {
        Event::Connected { connection, client_id, version, keep_alive, clean_start, resumed } => info!(
            %connection, peer, client = ?client_id.as_str(), ?version, ?keep_alive, clean_start, resumed,
            "client connected"
        ),
        Event::Refused { connection, client_id, reason, why } => {
            if let Some(kept_back) = REFUSED.may_say() {
                warn!(%connection, peer, client = ?client_id.as_str(), %reason, kept_back, "client refused: {why}");
            }
        }
        Event::Flapping { client_id, .. } => {
            if let Some(kept_back) = FLAPPING.may_say() {
                let refused = shown(*refused);
                warn!(
                    client = ?client_id.as_str(), stays = peer, refused, kept_back,
                    "two clients with one client id push each other out: the newcomer is refused; give each its own id"
                );
            }
        }
        Event::Disconnected { connection, client_id, cause } => {
            let client = client_id.as_str();
            match cause {
                Ending::Disconnect(reason) => info!(%connection, ?client, %reason, "client disconnected"),
                Ending::Lost(Lost::Closed) => info!(%connection, ?client, "connection lost without a DISCONNECT"),
                Ending::Lost(Lost::ProtocolError(reason)) => {
                    warn!(%connection, ?client, %reason, "connection closed: the client broke the protocol");
                }
                Ending::Lost(Lost::GivenUp(reason)) => info!(%connection, ?client, %reason, "connection closed"),
                Ending::KeepAlive => {
                    info!(%connection, ?client, "connection closed: nothing heard for 1.5 times its keep-alive");
                }
                Ending::TakenOver { resumed } => {
                    info!(%connection, ?client, resumed, "connection closed: the client id connected anew");
                }
                Ending::Closed(reason) => warn!(%connection, ?client, %reason, "connection closed by the broker"),
            }
        }
        Event::WillPublished { client_id, topic } => {
            info!(client = ?client_id.as_str(), topic = ?topic.as_str(), "will published");
        }
        // A clean session ends with its connection, which has been told.
        Event::SessionEnded { client_id, expired: false } => debug!(client = ?client_id.as_str(), "session ended"),
        Event::SessionEnded { client_id, expired: true } => info!(client = ?client_id.as_str(), "session expired"),
        Event::PublicationRefused { client_id, topic, reason, .. } => {
            warn!(client = ?client_id.as_str(), topic = ?topic.as_str(), %reason, "publication refused; further ones are counted");
        }
        Event::SubscriptionRefused { client_id, filter } => {
            warn!(client = ?client_id.as_str(), filter = ?&**filter, "subscription not granted; further ones are counted");
        }
        Event::QueueFull { client_id } => {
            warn!(client = ?client_id.as_str(), "queue full: new messages for this session are refused until it drains");
        }
    }
}

/// Logs what the tree reports.
pub(crate) fn log_ingest(event: &factree_ingest::Event) {
    use factree_ingest::Event;
    match event {
        Event::Born { group, edge_node, device: None, metrics_len, added, gone, changed } => {
            info!(?group, ?edge_node, metrics_len, added, gone, changed, "Edge Node born");
        }
        Event::Born { group, edge_node, device: Some(device), metrics_len, added, gone, changed } => {
            info!(?group, ?edge_node, ?device, metrics_len, added, gone, changed, "Device born");
        }
        Event::Adopted { group, edge_node, device, client_id } => info!(
            ?group,
            ?edge_node,
            device = device.as_ref().map(tracing::field::debug),
            client = client_id.as_ref().map(tracing::field::debug),
            "online again under its birth from before the restart; Stale until its data come"
        ),
        Event::Rivals { group, edge_node, winner, loser } => warn!(
            ?group,
            ?edge_node,
            winner = winner.as_ref().map(tracing::field::debug),
            loser = loser.as_ref().map(tracing::field::debug),
            "two clients publish births of one Edge Node: the newest is listened to; give each an Edge Node of its own"
        ),
        Event::Died { group, edge_node, device: None, cause } => {
            info!(?group, ?edge_node, cause, "Edge Node offline; its subtree is Stale");
        }
        Event::Died { group, edge_node, device: Some(device), cause } => {
            info!(?group, ?edge_node, ?device, cause, "Device offline; its subtree is Stale");
        }
        Event::RebirthAsked { group, edge_node, reason } => info!(?group, ?edge_node, reason, "Rebirth asked"),
        Event::Finding { group, edge_node, client_id, tck_id, text } => {
            if let Some(kept_back) = FINDINGS.may_say() {
                let client = client_id.as_deref().map(field::debug);
                warn!(?group, ?edge_node, client, tck_id, kept_back, "Sparkplug rule broken: {text}");
            }
        }
        Event::Deviation { path, client_id, id, rule, text, is_refused } => {
            if let Some(kept_back) = DEVIATIONS.may_say() {
                let client = client_id.as_deref().map(field::debug);
                let what = if *is_refused { "refused" } else { "published" };
                let rule = rule.as_deref().map(field::debug);
                warn!(?path, client, id, rule, kept_back, "{what} against a rule: {text:?}");
            }
        }
        Event::Panicked { topic } => {
            error!(
                ?topic,
                "a mistake of Factree's own: handling this message panicked; its Edge Node is Stale until reborn"
            );
        }
        Event::StateContradicted { client_id, said } => {
            if let Some(kept_back) = CONTRADICTED.may_say() {
                warn!(
                    client = client_id.as_deref().map(field::debug),
                    said, kept_back, "a client spoke in our name on our STATE topic; put right"
                );
            }
        }
        Event::StateRival { client_id } => {
            if let Some(kept_back) = CONTRADICTED.may_say() {
                warn!(
                    client = client_id.as_deref().map(field::debug),
                    kept_back,
                    "another Host Application is online under our host id; give each its own: [sparkplug] host_id"
                );
            }
        }
    }
}
