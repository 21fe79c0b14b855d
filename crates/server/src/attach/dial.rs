//! Dialling: from a URL to a stream of bytes, through TCP, TLS and WebSocket as its scheme says.
//!
//! Libraries do the handshakes; who is trusted is the operator's `ca`, or whom this machine trusts. The name in the URL
//! must be the certificate's; there is no way to switch that off.
//! Invariant: no byte of MQTT is written before the handshakes below it are complete.

use std::path::Path;
use std::sync::Arc;

use factree_mqtt::Limits;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{Attachment, Fault};
use crate::transport::read_certificates;
use crate::websocket;

/// A connection to a broker, whatever carries it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Whom a client trusts and who it is, ready for handshakes.
#[derive(Clone)]
pub struct ClientTls(TlsConnector);

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientTls")
    }
}

impl ClientTls {
    /// Trusts the certificates of a PEM file, or those this machine trusts, and shows the certificate of the one PEM
    /// file with the key of the other if a broker asks.
    ///
    /// # Errors
    /// A sentence for the operator that names the file.
    pub fn read(ca: Option<&Path>, own: Option<(&Path, &Path)>) -> Result<Self, String> {
        let roots = match ca {
            Some(file) => given(file)?,
            None => of_this_machine()?,
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = read_certificates(certificate)?;
                let private =
                    PrivateKeyDer::from_pem_file(key).map_err(|error| format!("{}: {error}", key.display()))?;
                builder
                    .with_client_auth_cert(chain, private)
                    .map_err(|error| format!("{}: {error}", certificate.display()))?
            }
        };
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Shakes hands with the server of this name or address.
    pub(crate) async fn connect(&self, host: &str, tcp: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
        self.0.connect(name, tcp).await
    }
}

fn given(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(file)? {
        roots.add(certificate).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(roots)
}

fn of_this_machine() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    // What cannot be read there is the machine's business as long as something can.
    let (taken, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if taken == 0 {
        return Err("this machine trusts no certificate authority; name the broker's with `ca`".into());
    }
    Ok(roots)
}

/// Opens a connection to the attachment's broker.
pub(super) async fn dial(terms: &Attachment, limits: &Limits) -> Result<Box<dyn Stream>, Fault> {
    let url = &terms.url;
    let tcp = TcpStream::connect((url.host.as_str(), url.port)).await;
    let tcp = tcp.map_err(|error| Fault::Unreachable(error.to_string()))?;
    // Small packets, each one awaited by somebody. A socket without it works as well.
    let _: std::io::Result<()> = tcp.set_nodelay(true);
    let stream: Box<dyn Stream> = match &terms.tls {
        None => Box::new(tcp),
        Some(tls) => {
            let failed = |error: std::io::Error| Fault::Handshake { what: "TLS", why: error.to_string() };
            Box::new(tls.connect(&url.host, tcp).await.map_err(failed)?)
        }
    };
    if !url.scheme.has_websocket() {
        return Ok(stream);
    }
    let opened = websocket::connect(stream, &url.to_string(), limits.packet_size_max as usize).await;
    let stream = opened.map_err(|error| Fault::Handshake { what: "WebSocket", why: error.to_string() })?;
    Ok(Box::new(stream))
}
