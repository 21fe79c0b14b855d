//! The broker's clients, as `dto/clients.rs` writes them.
//!
//! Invariant: what a client has only while it is connected is an `Option`.

use serde::Serialize;
use utoipa::ToSchema;

use super::{ClientState, Time};

/// A page of clients, by client id.
#[derive(Serialize, ToSchema)]
pub(crate) struct Clients {
    clients: Vec<Client>,
    /// Where the next page begins; left out with the last.
    next_cursor: Option<String>,
}

/// A session of the broker.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "client_id": "press-gateway", "principal": "user:press", "state": "connected", "connection": 14, "version": "5.0",
    "address": "127.0.0.1:50112", "username": "press",
    "since": "2026-01-31T12:00:00.012Z", "last_packet": "2026-01-31T12:07:31.114Z", "keep_alive_seconds": 60,
    "session_expiry_seconds": 3600, "subscriptions_count": 1, "queue_len": 0, "queue_bytes": 0, "in_flight": 0,
    "published": 4711, "delivered": 12, "dropped": 0,
    "subscriptions": [{ "filter": "spBv1.0/+/NCMD/Line1", "qos": 1 }]
}))]
pub(crate) struct Client {
    client_id: String,
    /// To whom the session belongs, with its realm: `user:anna`, `certificate:press-3`, `token:anna`, or `anonymous`.
    #[schema(example = "user:anna")]
    principal: String,
    state: ClientState,
    /// As the log numbers it. This and the members up to `keep_alive_seconds` are there while it is connected.
    connection: Option<u64>,
    /// Of MQTT: `3.1.1` or `5.0`.
    version: Option<String>,
    /// Where the client is.
    address: Option<String>,
    /// What the client called itself in its CONNECT, whether it had to prove it or not; left out if nothing.
    username: Option<String>,
    /// When the connection was opened.
    since: Option<Time>,
    /// When something was last heard over it.
    last_packet: Option<Time>,
    /// The client speaks at least this often; 0: whenever it likes.
    keep_alive_seconds: Option<u64>,
    /// How long the session outlives its connection; left out where it does for ever.
    session_expiry_seconds: Option<u64>,
    /// Shared ones among them.
    subscriptions_count: u64,
    /// Deliveries that wait.
    queue_len: u64,
    /// Live ones among them, in bytes of topic and payload.
    queue_bytes: u64,
    /// Deliveries that were sent and not acknowledged.
    in_flight: u64,
    /// PUBLISH packets from it since the session began.
    published: u64,
    /// Deliveries to it since the session began.
    delivered: u64,
    /// Deliveries to it that were lost by policy.
    dropped: u64,
    /// By filter, a thousand at most; only where one client is asked for.
    subscriptions: Option<Vec<Subscription>>,
}

/// A subscription of a client.
#[derive(Serialize, ToSchema)]
struct Subscription {
    /// With `$share/{name}/` where it is shared.
    #[schema(example = "spBv1.0/+/NCMD/Line1")]
    filter: String,
    /// What it asked for.
    #[schema(minimum = 0, maximum = 2)]
    qos: u8,
}
