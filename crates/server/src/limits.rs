//! All bounds of the process in one place, and how they hang together.
//!
//! Each room documents its own; here they are put side by side, because a limit is only right in relation to the next one
//! down the road: what the codec lets through, the tree must be able to take or to refuse by name. How an operator writes
//! them stands in [`limit_keys`](crate::limit_keys).
//! Invariant: the defaults pass [`Limits::validate`].

use std::num::{NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize};
use std::time::Duration;

use factree_auth::DirectoryLimits;
use factree_auth::credential::{BackoffLimits, Cost, CostError};

/// Bounds of all rooms.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// Who may connect, before anything is known of it.
    pub connections: ConnectionLimits,
    /// What an HTTP client may use.
    pub http: HttpLimits,
    /// What an HTTP request may be.
    pub guard: factree_http::GuardLimits,
    /// How fast one client may publish.
    pub flood: FloodLimits,
    /// Who logs in, and how often.
    pub auth: AuthLimits,
    /// Packets, sessions, queues, retained messages.
    pub broker: factree_broker::Limits,
    /// Payloads, Edge Nodes, plain topics.
    pub ingest: factree_ingest::Limits,
    /// The tree.
    pub namespace: factree_namespace::Limits,
    /// Who follows it.
    pub streams: factree_http::StreamLimits,
    /// Who follows it by i3X.
    pub i3x: factree_http::I3xLimits,
}

/// How many sockets peers may hold and how long they may take to say who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// MQTT connections at once, of all listeners, those still in a handshake among them. Beyond: closed as they are
    /// accepted, counted, and logged at a bounded rate. Lowered at the start, together with `http_connections_max`, to what the
    /// machine has file descriptors for.
    pub connections_max: NonZeroU32,
    /// The same from one address (of IPv6: one /64 network). None: no limit of its own, which is the default because a
    /// plant often stands behind one gateway, and this version listens on loopback only.
    pub connections_per_address_max: Option<NonZeroU32>,
    /// New connections a second from one address, and as many at once. None, the default: after a power cut a whole plant
    /// connects at once.
    pub connects_per_second_per_address_max: Option<NonZeroU32>,
    /// From the accepted TCP connection to a whole CONNECT, handshakes of TLS and WebSocket included. Beyond: closed.
    pub connect_timeout: Duration,
}

/// How fast one client may publish. Beyond: the client is read more slowly; nothing of it is dropped.
///
/// Both are off by default: a publisher that gets ahead of its subscribers is slowed down anyway, and an Edge Node that
/// reconnects must be able to send its births as fast as it can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FloodLimits {
    /// PUBLISH packets a second, and as many at once.
    pub publishes_per_second_max: Option<NonZeroU32>,
    /// Bytes a second of packets that arrive in a client's connection, and as many at once.
    pub bytes_per_second_max: Option<NonZeroU64>,
}

/// What HTTP clients may use, before anything is known of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// HTTP connections at once, streams and WebSockets among them. Beyond: closed as they are accepted, counted, and logged
    /// at a bounded rate. Where file descriptors are too few for MQTT and HTTP, a quarter of them.
    pub http_connections_max: NonZeroU32,
    /// The same from one address (of IPv6: one /64 network). None, the default: all but an eighth, because a whole plant's
    /// browsers may stand behind one proxy, and a probe from elsewhere is to be answered all the same.
    pub http_connections_per_address_max: Option<NonZeroU32>,
    /// Requests whose answers have not left, streams not counted. Beyond: 429, but for probes. The largest answer is 4 MiB, so
    /// this bounds what waits for clients that do not read. Who is not logged in has half of them with all the others, and half of
    /// that from one address; and whoever makes us wait for a quarter of [`http_request_timeout`](Self::http_request_timeout)
    /// gives his up when it is wanted.
    pub http_requests_max: NonZeroU32,
    /// From the accepted connection, or the end of the last answer, to a whole head; and from there to a whole body. Beyond:
    /// closed, by up to a quarter of it later.
    pub http_request_timeout: Duration,
    /// Bytes of a request's head, its target included; at least [`HttpLimits::HEAD_BYTES_MIN`]. Beyond: 431, closed.
    pub http_head_bytes_max: NonZeroU32,
    /// Header fields of a request. Beyond: 431, closed.
    pub http_headers_max: NonZeroU16,
}

/// Users, their keys and sessions, and what logging in may cost. Counts only where `[auth]` asks for logins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthLimits {
    /// Users of the directory.
    pub auth_users_max: NonZeroUsize,
    /// Roles made by command; those of the configuration are not counted.
    pub auth_roles_max: NonZeroUsize,
    /// Keys of one user.
    pub auth_keys_per_user_max: NonZeroUsize,
    /// Browser sessions of one user; one more ends the oldest.
    pub auth_sessions_per_user_max: NonZeroUsize,
    /// A browser session ends so long after it was last used,
    pub auth_session_idle: Duration,
    /// and so long after it began.
    pub auth_session_longest: Duration,
    /// Passwords that wait to be hashed. Beyond: refused, as by who tries too often.
    pub auth_logins_waiting_max: NonZeroUsize,
    /// Passwords that are hashed at the same time; never more than there are processors.
    pub auth_hashing_threads_max: NonZeroU16,
    /// Memory that hashing one password takes, and so what guessing one costs. 8 KiB to 1 GiB.
    pub auth_password_memory_bytes: u64,
    /// Failures of a user or an address that cost no wait: people mistype.
    pub auth_failures_free: u32,
    /// The longest wait after failures; the first is 1 s, and each doubles it.
    pub auth_backoff_max: Duration,
}

impl AuthLimits {
    /// What hashing a password costs.
    ///
    /// # Errors
    /// There is no such cost.
    pub(crate) fn cost(&self) -> Result<Cost, CostError> {
        Cost::new(u32::try_from(self.auth_password_memory_bytes >> 10).unwrap_or(u32::MAX), 2, 1)
    }

    /// Those of the directory.
    pub(crate) fn directory(&self) -> DirectoryLimits {
        let DirectoryLimits { used_precision, .. } = DirectoryLimits::default();
        DirectoryLimits {
            // Coarser than that, a short session would end while it is used.
            used_precision: used_precision.min(self.auth_session_idle / 4),
            users_max: self.auth_users_max.get(),
            roles_max: self.auth_roles_max.get(),
            keys_per_user_max: self.auth_keys_per_user_max.get(),
            sessions_per_user_max: self.auth_sessions_per_user_max.get(),
            session_idle: self.auth_session_idle,
            session_longest: self.auth_session_longest,
            password_cost: self.cost().expect("validated"),
            ..DirectoryLimits::default()
        }
    }

    /// Those of who fails.
    pub(crate) fn backoff(&self) -> BackoffLimits {
        let default = BackoffLimits::default();
        BackoffLimits {
            free: self.auth_failures_free,
            longest: self.auth_backoff_max,
            forgotten_after: default.forgotten_after.max(self.auth_backoff_max.saturating_mul(2)),
            ..default
        }
    }
}

impl Default for AuthLimits {
    fn default() -> Self {
        let directory = DirectoryLimits::default();
        let some = |number| NonZeroUsize::new(number).expect("not zero");
        Self {
            auth_users_max: some(directory.users_max),
            auth_roles_max: some(directory.roles_max),
            auth_keys_per_user_max: some(directory.keys_per_user_max),
            auth_sessions_per_user_max: some(directory.sessions_per_user_max),
            auth_session_idle: directory.session_idle,
            auth_session_longest: directory.session_longest,
            auth_logins_waiting_max: some(1000),
            auth_hashing_threads_max: NonZeroU16::new(4).expect("not zero"),
            auth_password_memory_bytes: u64::from(directory.password_cost.memory_kib()) << 10,
            auth_failures_free: BackoffLimits::default().free,
            auth_backoff_max: BackoffLimits::default().longest,
        }
    }
}

impl HttpLimits {
    /// The least that the HTTP library reads at once.
    pub const HEAD_BYTES_MIN: u32 = 8 << 10;
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            http_connections_max: NonZeroU32::new(8192).expect("not zero"),
            http_connections_per_address_max: None,
            http_requests_max: NonZeroU32::new(128).expect("not zero"),
            http_request_timeout: Duration::from_secs(30),
            http_head_bytes_max: NonZeroU32::new(32 << 10).expect("not zero"),
            http_headers_max: NonZeroU16::new(100).expect("not zero"),
        }
    }
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections_max: NonZeroU32::new(100_000).expect("not zero"),
            connections_per_address_max: None,
            connects_per_second_per_address_max: None,
            connect_timeout: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// Relates the limits of the rooms to each other and checks each room's own.
    ///
    /// # Errors
    /// A sentence for the operator that names the key.
    pub fn validate(&self) -> Result<(), &'static str> {
        self.broker.validate()?;
        self.ingest.sparkplug.check()?;
        self.namespace.validate()?;
        if self.ingest.command_memory < self.ingest.command_timeout {
            return Err("command_memory is at least command_timeout, or nobody could ask how a command ended");
        }
        if self.ingest.findings_per_edge_node_max > self.ingest.findings_max {
            return Err(
                "findings_per_edge_node_max is at most findings_max: no Edge Node can have more than all together",
            );
        }
        if self.connections.connect_timeout < Duration::from_millis(1) {
            return Err("connect_timeout is at least 1 ms");
        }
        if self.http.http_request_timeout < Duration::from_millis(4) {
            return Err("http_request_timeout is at least 4 ms");
        }
        if self.http.http_head_bytes_max.get() < HttpLimits::HEAD_BYTES_MIN {
            return Err("http_head_bytes_max is at least 8 KiB");
        }
        if self.guard.http_target_bytes_max >= self.http.http_head_bytes_max {
            return Err("http_target_bytes_max is less than http_head_bytes_max: the head holds the target");
        }
        if self.auth.auth_session_idle > self.auth.auth_session_longest || self.auth.auth_session_idle.is_zero() {
            return Err("auth_session_idle is at most auth_session_longest, and not zero");
        }
        if self.auth.cost().is_err() {
            return Err("auth_password_memory_bytes is 8 KiB to 1 GiB");
        }
        if self.auth.auth_backoff_max < Duration::from_secs(1) {
            return Err("auth_backoff_max is at least 1 s, which is the first wait");
        }
        if self.broker.packet.packet_size_max > self.ingest.sparkplug.payload_bytes_max {
            return Err(
                "packet_size_max is at most payload_bytes_max: a payload that fits an MQTT packet must fit the Sparkplug \
                 decoder, or it would be malformed for its size",
            );
        }
        // One packet may go into debt; a client that is not read for longer than this would be taken for dead.
        let bytes = self.flood.bytes_per_second_max.map_or(u64::MAX, NonZeroU64::get);
        if bytes < u64::from(self.broker.packet.packet_size_max) {
            return Err(
                "bytes_per_second_max is at least packet_size_max, or the largest packet would stop its client",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_do_not_contradict_each_other() {
        Limits::default().validate().unwrap();
    }

    #[test]
    fn limits_of_two_rooms_that_contradict_each_other_are_named() {
        let mut limits = Limits::default();
        limits.flood.bytes_per_second_max = NonZeroU64::new(1000);
        assert!(limits.validate().unwrap_err().starts_with("bytes_per_second_max"));
        let mut limits = Limits::default();
        limits.ingest.sparkplug.payload_bytes_max = 1 << 20;
        assert!(limits.validate().unwrap_err().starts_with("packet_size_max"));
        let mut limits = Limits::default();
        limits.ingest.findings_max = NonZeroUsize::new(7).expect("not zero");
        assert!(limits.validate().unwrap_err().starts_with("findings_per_edge_node_max"));
        let mut limits = Limits::default();
        limits.namespace.depth_max = 1000;
        assert!(limits.validate().unwrap_err().starts_with("depth_max"));
        let mut limits = Limits::default();
        limits.auth.auth_password_memory_bytes = 4096;
        assert!(limits.validate().unwrap_err().starts_with("auth_password_memory_bytes"));
        let mut limits = Limits::default();
        limits.auth.auth_session_idle = Duration::from_secs(86_400);
        assert!(limits.validate().unwrap_err().starts_with("auth_session_idle"));
        let mut limits = Limits::default();
        limits.guard.http_target_bytes_max = limits.http.http_head_bytes_max;
        assert!(limits.validate().unwrap_err().starts_with("http_target_bytes_max"));
    }
}
