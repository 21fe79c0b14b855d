//! Clients of the broker, in JSON.
//!
//! ```json
//! { "client_id": "press-gateway", "principal": "user:press", "state": "connected", "connection": 14, "version": "5.0", "address": "127.0.0.1:50112",
//!   "username": "press", "since": "2026-01-31T12:00:00.012Z", "last_packet": "2026-01-31T12:07:31.114Z", "keep_alive_seconds": 60,
//!   "session_expiry_seconds": 3600, "subscriptions_count": 1, "queue_len": 0, "queue_bytes": 0, "in_flight": 0,
//!   "published": 4711, "delivered": 12, "dropped": 0, "subscriptions": [{ "filter": "spBv1.0/+/NCMD/Line1", "qos": 1 }] }
//! ```
//!
//! | member | |
//! |---|---|
//! | `principal` | to whom the session belongs, with its realm; `anonymous` where nobody proved who he is |
//! | `username` | what the client called itself, proven or not; left out if nothing |
//! | `state` | `connected`, or `absent`: the session is kept for a client that is away |
//! | `connection` | as the log numbers it; this and the members up to `keep_alive_seconds` only while connected |
//! | `since`, `last_packet` | when the connection was opened, and when something was last heard over it |
//! | `keep_alive_seconds` | the client speaks at least this often |
//! | `session_expiry_seconds` | how long the session outlives its connection; left out where it does for ever |
//! | `subscriptions_count` | shared ones among them |
//! | `queue_len`, `queue_bytes`, `in_flight` | deliveries that wait; live ones among them in bytes; those sent and not acknowledged |
//! | `published`, `delivered`, `dropped` | counted since the session began |
//! | `subscriptions` | by filter, a thousand at most; only where one client is asked for |
//!
//! Pages are `{"clients":[…],"next_cursor":…}`, by client id.

use serde::Serialize;

use super::Rfc3339;
use crate::clients::{ClientReport, SubscriptionReport};

/// A page of clients.
#[derive(Serialize)]
pub(crate) struct Clients<'a> {
    pub(crate) clients: Vec<Client<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
}

/// A client.
#[derive(Serialize)]
pub(crate) struct Client<'a> {
    client_id: &'a str,
    principal: &'a str,
    state: &'static str,
    #[serde(flatten)]
    connection: Option<Connection<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_expiry_seconds: Option<u64>,
    subscriptions_count: usize,
    queue_len: usize,
    queue_bytes: usize,
    in_flight: usize,
    published: u64,
    delivered: u64,
    dropped: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscriptions: Option<Vec<Subscription<'a>>>,
}

/// What there is only while a client is connected.
#[derive(Serialize)]
struct Connection<'a> {
    connection: u64,
    version: &'static str,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    since: Rfc3339,
    last_packet: Rfc3339,
    keep_alive_seconds: u64,
}

#[derive(Serialize)]
struct Subscription<'a> {
    filter: &'a str,
    qos: u8,
}

impl<'a> Client<'a> {
    /// From the broker's report.
    pub(crate) fn of(report: &'a ClientReport) -> Self {
        let connection = report.connection.as_ref().map(|connection| Connection {
            connection: connection.number,
            version: connection.version,
            address: connection.address.to_string(),
            username: connection.username.as_deref(),
            since: Rfc3339(connection.since),
            last_packet: Rfc3339(connection.last_packet),
            keep_alive_seconds: connection.keep_alive.as_secs(),
        });
        let subscription = |it: &'a SubscriptionReport| Subscription { filter: &it.filter, qos: it.qos };
        Client {
            client_id: &report.client_id,
            principal: &report.principal,
            state: if connection.is_some() { "connected" } else { "absent" },
            connection,
            session_expiry_seconds: report.session_expiry.map(|time| time.as_secs()),
            subscriptions_count: report.subscriptions_len,
            queue_len: report.queue_len,
            queue_bytes: report.queue_bytes,
            in_flight: report.in_flight,
            published: report.published,
            delivered: report.delivered,
            dropped: report.dropped,
            subscriptions: report.subscriptions.as_ref().map(|all| all.iter().map(subscription).collect()),
        }
    }
}
