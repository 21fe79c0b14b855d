//! TLS: certificate and key of a listener, whom it asks for a certificate, and both read again while it serves.
//!
//! A listener that asks for client certificates lets TLS verify them: chain, dates and revocation list. What they say is
//! [`Certificate`]'s, whose they are the authority's. Files that were replaced by something unusable change nothing: what was in
//! force stays. Knows no MQTT and no HTTP.
//! Invariant: TLS 1.2 or 1.3, and a client that is asked and has shown a certificate has shown a verified one.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use factree_auth::credential::{Certificate, X509Error};
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

use super::revoked::Telling;
use super::watched::{Seen, Watched, see};

/// A revocation list larger than this many bytes is not read.
const LIST_BYTES_MAX: u64 = 32 << 20;

/// A listener's certificate and key, ready for handshakes. A clone is the same.
#[derive(Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    certificate: PathBuf,
    key: PathBuf,
    clients: Option<ClientCertificates>,
    current: RwLock<TlsAcceptor>,
    watched: Mutex<Watched>,
}

/// Whom a listener asks for a certificate.
#[derive(Clone, Debug)]
pub(crate) struct ClientCertificates {
    /// Who shows none is turned away, not asked for a password.
    pub(crate) are_required: bool,
    /// A PEM file with the certificates of those who issue them.
    pub(crate) authorities: PathBuf,
    /// A revocation list of theirs.
    pub(crate) revoked: Option<PathBuf>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tls").field(&self.0.certificate).finish()
    }
}

impl Tls {
    /// Reads a PEM file with the certificate chain, the server's own first, and one with its private key.
    ///
    /// # Errors
    /// A sentence for the operator that names the file.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, String> {
        Self::asking(certificate, key, None)
    }

    /// The same, for a listener that asks its clients for certificates.
    ///
    /// # Errors
    /// A sentence for the operator that names the file.
    pub(crate) fn asking(certificate: &Path, key: &Path, clients: Option<ClientCertificates>) -> Result<Self, String> {
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        // Looked at before they are read: what is written in between is read again.
        let watched = Mutex::new(Watched::read(files(&certificate, &key, clients.as_ref())));
        let current = RwLock::new(read(&certificate, &key, clients.as_ref())?);
        Ok(Self(Arc::new(Shared { certificate, key, clients, current, watched })))
    }

    /// Shakes hands with who has connected.
    pub(crate) fn accept(&self, stream: TcpStream) -> Accept<TcpStream> {
        let current = self.0.current.read().unwrap_or_else(PoisonError::into_inner);
        current.accept(stream)
    }

    /// Reads its files again, for handshakes from now on.
    ///
    /// # Errors
    /// A sentence for the operator that names the file; what was in force stays, and is tried again by and by.
    pub(crate) fn read_again(&self) -> Result<(), String> {
        self.0.read_again(Instant::now(), self.0.files()).map_err(|(why, _)| why)
    }

    /// Reads its files again if they are others than those that were read; what came of it, if that is news.
    pub(crate) fn look(&self, now: Instant) -> Option<Result<(), String>> {
        let seen = self.0.files();
        if !self.0.watched().is_due(now, &seen) {
            return None;
        }
        match self.0.read_again(now, seen) {
            Ok(()) => Some(Ok(())),
            Err((why, is_news)) => is_news.then_some(Err(why)),
        }
    }

    /// The file of its certificate.
    pub(crate) fn certificate(&self) -> &Path {
        &self.0.certificate
    }
}

impl Shared {
    /// Why it failed, and whether that is news.
    fn read_again(&self, now: Instant, seen: Seen) -> Result<(), (String, bool)> {
        match read(&self.certificate, &self.key, self.clients.as_ref()) {
            Ok(next) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = next;
                *self.watched() = Watched::read(seen);
                Ok(())
            }
            Err(why) => {
                let is_news = self.watched().note_failure(now, seen, &why);
                Err((why, is_news))
            }
        }
    }

    fn files(&self) -> Seen {
        files(&self.certificate, &self.key, self.clients.as_ref())
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes of the files what handshakes take.
fn read(certificate: &Path, key: &Path, clients: Option<&ClientCertificates>) -> Result<TlsAcceptor, String> {
    let chain = read_certificates(certificate)?;
    let private_key = PrivateKeyDer::from_pem_file(key).map_err(|error| in_file(key, &error))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| in_file(certificate, &error))?;
    let builder = match clients {
        Some(ClientCertificates { are_required, authorities, revoked }) => {
            let verifier = verifier(authorities, revoked.as_deref(), *are_required)?;
            builder.with_client_cert_verifier(Arc::new(Telling(verifier)))
        }
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, private_key).map_err(|error| in_file(certificate, &error))?;
    if clients.is_some() {
        // A session that is taken up again would not be verified again.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Who judges certificates of clients by these authorities and lists.
pub(super) fn verifier(
    authorities: &Path,
    revoked: Option<&Path>,
    are_required: bool,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for authority in read_certificates(authorities)? {
        roots.add(authority).map_err(|error| in_file(authorities, &error))?;
    }
    let lists = revoked.map(read_lists).transpose()?.unwrap_or_default();
    let provider = Arc::new(ring::default_provider());
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .with_crls(lists)
        // A list says who is revoked; who is of an authority without one is not.
        .allow_unknown_revocation_status();
    if !are_required {
        builder = builder.allow_unauthenticated();
    }
    builder.build().map_err(|error| in_file(revoked.unwrap_or(authorities), &error))
}

/// What a client has shown, if anything.
///
/// # Errors
/// [`X509Error`]: TLS has verified something that cannot be read.
pub(super) fn certificate_of(stream: &TlsStream<TcpStream>) -> Result<Option<Arc<Certificate>>, X509Error> {
    let (_, session) = stream.get_ref();
    let Some((own, chain)) = session.peer_certificates().and_then(<[_]>::split_first) else { return Ok(None) };
    let certificate = Certificate::of(own)?.with_chain(chain.iter().map(|between| &**between))?;
    Ok(Some(Arc::new(certificate)))
}

/// The certificates of a PEM file, at least one.
///
/// # Errors
/// A sentence for the operator that names the file.
pub(crate) fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    match read {
        Ok(chain) if chain.is_empty() => Err(in_file(file, &"no certificate in this file; it must be PEM")),
        Ok(chain) => Ok(chain),
        Err(error) => Err(in_file(file, &error)),
    }
}

/// The revocation lists of a file: PEM, or one as DER.
fn read_lists(file: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    let len = std::fs::metadata(file).map_err(|error| in_file(file, &error))?.len();
    if len > LIST_BYTES_MAX {
        return Err(in_file(file, &format_args!("larger than {LIST_BYTES_MAX} bytes")));
    }
    let bytes = std::fs::read(file).map_err(|error| in_file(file, &error))?;
    if !bytes.starts_with(b"-----BEGIN") {
        return Ok(vec![bytes.into()]);
    }
    let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&bytes).collect();
    lists.map_err(|error| in_file(file, &error))
}

fn files(certificate: &Path, key: &Path, clients: Option<&ClientCertificates>) -> Seen {
    let of_clients = clients.into_iter().flat_map(|clients| [Some(&clients.authorities), clients.revoked.as_ref()]);
    see([certificate, key].into_iter().chain(of_clients.flatten().map(PathBuf::as_path)))
}

fn in_file(file: &Path, error: &dyn Display) -> String {
    format!("{}: {error}", file.display())
}
