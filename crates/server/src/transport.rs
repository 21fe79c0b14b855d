//! Transports: how bytes get from a TCP socket to a connection: as they are, through TLS, in WebSocket frames, or both.
//!
//! A transport ends its own handshake, within a time, and hands the connection a plain stream of bytes; the connection never
//! learns which it was. A peer that speaks another protocol costs one log line and is closed (MA19).
//! Invariant: no byte of MQTT is read before the handshakes below it are complete.

mod revoked;
mod tls;
mod trust;
mod watch;
mod watched;

use std::fmt::Display;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use factree_auth::credential::Certificate;
use factree_http::UpgradeGuard;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::server::TlsStream;
use tracing::info;

use crate::audit::{Outcome, OwnedEntry};
use crate::connection;
use crate::hub::Hub;
use crate::quiet::Quiet;
use crate::websocket;
pub use tls::Tls;
pub(crate) use tls::{ClientCertificates, read_certificates};
pub(crate) use trust::Trust;
pub(crate) use watch::watch;

/// What speaks another protocol is told once, and then now and then.
static FAILED: Quiet = Quiet::new();

/// What stands between the TCP socket and MQTT.
#[derive(Clone)]
pub enum Transport {
    /// Nothing.
    Tcp,
    /// TLS 1.2 or 1.3.
    Tls(Tls),
    /// WebSocket with the sub-protocol `mqtt`, for whom the guard lets in.
    WebSocket(Arc<UpgradeGuard>),
    /// The same in TLS.
    SecureWebSocket(Tls, Arc<UpgradeGuard>),
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Transport {
    /// The name used in the configuration and in the banner.
    pub fn name(&self) -> &'static str {
        Self::NAMES[self.number()]
    }

    /// Its certificate, if it has one.
    pub(crate) fn tls(&self) -> Option<&Tls> {
        match self {
            Self::Tcp | Self::WebSocket(_) => None,
            Self::Tls(tls) | Self::SecureWebSocket(tls, _) => Some(tls),
        }
    }

    /// All names.
    pub(crate) const NAMES: [&'static str; 4] = ["tcp", "tls", "websocket", "secure_websocket"];

    /// Its place among the names.
    pub(crate) fn number(&self) -> usize {
        match self {
            Self::Tcp => 0,
            Self::Tls(_) => 1,
            Self::WebSocket(_) => 2,
            Self::SecureWebSocket(..) => 3,
        }
    }

    /// Does the handshakes and then serves the client to its end. A whole CONNECT must be there by `connect_by`.
    pub(crate) async fn serve(&self, hub: Arc<Hub>, stream: TcpStream, peer: SocketAddr, connect_by: Instant) {
        match self {
            Self::Tcp => connection::serve(hub, stream, peer, None, connect_by).await,
            // Boxed, or a plain connection would carry the room that these need.
            Self::Tls(_) | Self::WebSocket(_) | Self::SecureWebSocket(..) => {
                Box::pin(self.serve_wrapped(hub, stream, peer, connect_by)).await;
            }
        }
    }

    async fn serve_wrapped(&self, hub: Arc<Hub>, stream: TcpStream, peer: SocketAddr, connect_by: Instant) {
        let packet_bytes_max = hub.mqtt_limits().packet_size_max as usize;
        let arrival = Arrival { hub: &hub, peer, connect_by };
        match self {
            Self::Tcp => unreachable!("plain TCP has no wrapping"),
            Self::Tls(tls) => {
                if let Some((stream, certificate)) = arrival.encrypt(tls, stream).await {
                    connection::serve(hub, stream, peer, certificate, connect_by).await;
                }
            }
            Self::WebSocket(guard) => {
                let opening = websocket::accept(stream, guard, packet_bytes_max);
                if let Some(stream) = arrival.handshake("WebSocket", opening).await {
                    connection::serve(hub, stream, peer, None, connect_by).await;
                }
            }
            Self::SecureWebSocket(tls, guard) => {
                let Some((stream, certificate)) = arrival.encrypt(tls, stream).await else { return };
                let opening = websocket::accept(stream, guard, packet_bytes_max);
                if let Some(stream) = arrival.handshake("WebSocket", opening).await {
                    connection::serve(hub, stream, peer, certificate, connect_by).await;
                }
            }
        }
    }
}

/// A connection before it is one.
struct Arrival<'h> {
    hub: &'h Hub,
    peer: SocketAddr,
    connect_by: Instant,
}

impl Arrival<'_> {
    /// The stream, and what the client has shown of itself.
    async fn encrypt(&self, tls: &Tls, stream: TcpStream) -> Option<(TlsStream<TcpStream>, Option<Arc<Certificate>>)> {
        let mut revoked = None;
        let handshake = async {
            let mut accepting = pin!(tls.accept(stream));
            let accepted = poll_fn(|context| {
                let step = accepting.as_mut().poll(context);
                revoked = revoked.take().or_else(revoked::take);
                step
            });
            let stream = accepted.await?;
            let certificate = tls::certificate_of(&stream).map_err(io::Error::other)?;
            io::Result::Ok((stream, certificate))
        };
        let answer = self.handshake("TLS", handshake).await;
        if let Some(name) = revoked {
            let entry = OwnedEntry::new(format!("certificate {name}"), "log in", "mqtt").from(self.peer.ip());
            self.hub.audit().note(entry.ended(Outcome::Refused, "the certificate is revoked"));
        }
        answer
    }

    async fn handshake<T, E: Display>(&self, what: &str, handshake: impl Future<Output = Result<T, E>>) -> Option<T> {
        let Self { hub, peer, connect_by } = self;
        let why = match timeout_at(*connect_by, handshake).await {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => {
                hub.traffic().handshakes_failed.add(1);
                error.to_string()
            }
            Err(_) => {
                hub.traffic().connects_timed_out.add(1);
                "not complete within connect_timeout".into()
            }
        };
        if let Some(kept_back) = FAILED.may_say() {
            info!(%peer, error = ?why, kept_back, "{what} handshake failed");
        }
        None
    }
}
