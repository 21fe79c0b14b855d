//! Transports: how bytes get from a TCP socket to a connection: as they are, through TLS, in WebSocket frames, or both.
//!
//! A transport ends its own handshake, within a time, and hands the connection a plain stream of bytes; the connection never
//! learns which it was. A peer that speaks another protocol costs one log line and is closed (MA19).
//! Invariant: no byte of MQTT is read before the handshakes below it are complete.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tracing::info;

use crate::connection;
use crate::hub::Hub;
use crate::websocket;

/// How long a client may take for the handshakes below MQTT, each.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

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
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(|error| in_file(certificate, &error))?;
        if chain.is_empty() {
            return Err(in_file(certificate, &"no certificate in this file; it must be PEM"));
        }
        let private_key = PrivateKeyDer::from_pem_file(key).map_err(|error| in_file(key, &error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private_key))
            .map_err(|error| in_file(certificate, &error))?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

impl Transport {
    /// The name used in the configuration and in the banner.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls(_) => "tls",
            Self::WebSocket => "websocket",
            Self::SecureWebSocket(_) => "secure_websocket",
        }
    }

    /// Does the handshakes and then serves the client to its end.
    pub(crate) async fn serve(&self, hub: Arc<Hub>, stream: TcpStream, peer: SocketAddr) {
        let packet_bytes_max = hub.mqtt_limits().packet_size_max as usize;
        match self {
            Self::Tcp => connection::serve(hub, stream, peer).await,
            Self::Tls(Tls(acceptor)) => {
                if let Some(stream) = handshake("TLS", peer, acceptor.accept(stream)).await {
                    connection::serve(hub, stream, peer).await;
                }
            }
            Self::WebSocket => {
                if let Some(stream) = handshake("WebSocket", peer, websocket::accept(stream, packet_bytes_max)).await {
                    connection::serve(hub, stream, peer).await;
                }
            }
            Self::SecureWebSocket(Tls(acceptor)) => {
                let Some(stream) = handshake("TLS", peer, acceptor.accept(stream)).await else { return };
                if let Some(stream) = handshake("WebSocket", peer, websocket::accept(stream, packet_bytes_max)).await {
                    connection::serve(hub, stream, peer).await;
                }
            }
        }
    }
}

async fn handshake<T, E: Display>(
    what: &str,
    peer: SocketAddr,
    handshake: impl Future<Output = Result<T, E>>,
) -> Option<T> {
    match timeout(HANDSHAKE_TIMEOUT, handshake).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            info!(%peer, error = ?error.to_string(), "{what} handshake failed");
            None
        }
        Err(_) => {
            info!(%peer, "{what} handshake not complete within {HANDSHAKE_TIMEOUT:?}");
            None
        }
    }
}
