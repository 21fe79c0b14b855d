//! Transports: how bytes get from a TCP socket to a connection: as they are, through TLS, in WebSocket frames, or both.
//!
//! A transport ends its own handshake, within a time, and hands the connection a plain stream of bytes; the connection never
//! learns which it was. A peer that speaks another protocol costs one log line and is closed (MA19).
//! Invariant: no byte of MQTT is read before the handshakes below it are complete.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::{Accept, TlsAcceptor};
use tracing::info;

use crate::connection;
use crate::hub::Hub;
use crate::quiet::Quiet;
use crate::websocket;

/// What speaks another protocol is told once, and then now and then.
static FAILED: Quiet = Quiet::new();

/// What stands between the TCP socket and MQTT.
#[derive(Clone)]
pub enum Transport {
    /// Nothing.
    Tcp,
    /// TLS 1.2 or 1.3.
    Tls(Tls),
    /// WebSocket with the sub-protocol `mqtt`.
    WebSocket,
    /// WebSocket in TLS.
    SecureWebSocket(Tls),
}

/// A server's certificate and key, ready for handshakes.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Tls {
    /// Reads a PEM file with the certificate chain, the server's own first, and one with its private key.
    ///
    /// # Errors
    /// A sentence for the operator that names the file.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, String> {
        let in_file = |file: &Path, error: &dyn Display| format!("{}: {error}", file.display());
        let chain = read_certificates(certificate)?;
        let private_key = PrivateKeyDer::from_pem_file(key).map_err(|error| in_file(key, &error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private_key))
            .map_err(|error| in_file(certificate, &error))?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Shakes hands with who has connected.
    pub(crate) fn accept(&self, stream: TcpStream) -> Accept<TcpStream> {
        self.0.accept(stream)
    }
}

/// The certificates of a PEM file, at least one.
///
/// # Errors
/// A sentence for the operator that names the file.
pub(crate) fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    match read {
        Ok(chain) if chain.is_empty() => {
            Err(format!("{}: no certificate in this file; it must be PEM", file.display()))
        }
        Ok(chain) => Ok(chain),
        Err(error) => Err(format!("{}: {error}", file.display())),
    }
}

impl Transport {
    /// The name used in the configuration and in the banner.
    pub fn name(&self) -> &'static str {
        Self::NAMES[self.number()]
    }

    /// All names.
    pub(crate) const NAMES: [&'static str; 4] = ["tcp", "tls", "websocket", "secure_websocket"];

    /// Its place among the names.
    pub(crate) fn number(&self) -> usize {
        match self {
            Self::Tcp => 0,
            Self::Tls(_) => 1,
            Self::WebSocket => 2,
            Self::SecureWebSocket(_) => 3,
        }
    }

    /// Does the handshakes and then serves the client to its end. A whole CONNECT must be there by `connect_by`.
    pub(crate) async fn serve(&self, hub: Arc<Hub>, stream: TcpStream, peer: SocketAddr, connect_by: Instant) {
        match self {
            Self::Tcp => connection::serve(hub, stream, peer, None, connect_by).await,
            // Boxed, or a plain connection would carry the room that these need.
            Self::Tls(_) | Self::WebSocket | Self::SecureWebSocket(_) => {
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
                if let Some(stream) = arrival.handshake("TLS", tls.accept(stream)).await {
                    connection::serve(hub, stream, peer, None, connect_by).await;
                }
            }
            Self::WebSocket => {
                let opening = websocket::accept(stream, packet_bytes_max);
                if let Some(stream) = arrival.handshake("WebSocket", opening).await {
                    connection::serve(hub, stream, peer, None, connect_by).await;
                }
            }
            Self::SecureWebSocket(tls) => {
                let Some(stream) = arrival.handshake("TLS", tls.accept(stream)).await else { return };
                let opening = websocket::accept(stream, packet_bytes_max);
                if let Some(stream) = arrival.handshake("WebSocket", opening).await {
                    connection::serve(hub, stream, peer, None, connect_by).await;
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
