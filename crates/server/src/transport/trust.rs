//! Trust: whether a certificate that a client has shown would be taken today.
//!
//! A handshake verifies once, and a connection may last for years. Who vouched for its client then may have been taken out of the
//! authorities since, or be revoked himself. So the chain that was shown is verified again, by the library and the rules of the
//! handshake, whenever a login is looked at. That its client has the key was proven for as long as the connection lasts.
//! Knows no principal and no clock. Invariant: what a handshake would refuse at that time is refused.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use factree_auth::Timestamp;
use factree_auth::credential::Certificate;
use factree_auth::directory::Refusal;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{CertificateError, Error};

use super::tls::verifier;

/// The authorities of client certificates, and their revocation lists.
#[derive(Clone, Debug)]
pub(crate) struct Trust(Arc<dyn ClientCertVerifier>);

impl Trust {
    /// Reads them.
    ///
    /// # Errors
    /// A sentence for the operator that names the file.
    pub(crate) fn read(authorities: &Path, revoked: Option<&Path>) -> Result<Self, String> {
        verifier(authorities, revoked, true).map(Self)
    }

    /// Looks at a certificate as a handshake at that time would.
    ///
    /// # Errors
    /// [`Refusal`]: it would not be taken.
    pub(crate) fn verify(&self, certificate: &Certificate, at: Timestamp) -> Result<(), Refusal> {
        let own = CertificateDer::from(&*certificate.der);
        let between: Vec<_> = certificate.chain.iter().map(|between| CertificateDer::from(&**between)).collect();
        let at = UnixTime::since_unix_epoch(Duration::from_millis(at.0));
        match self.0.verify_client_cert(&own, &between, at) {
            Ok(_) => Ok(()),
            Err(Error::InvalidCertificate(CertificateError::Revoked)) => Err(Refusal::Revoked),
            Err(Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. })) => {
                Err(Refusal::Expired)
            }
            Err(_) => Err(Refusal::Untrusted),
        }
    }
}
