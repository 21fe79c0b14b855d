//! Whose certificate it was that TLS refused because it is revoked.
//!
//! The library says that it refused one, and not which. So its verifier stands in another that remembers the name; verifying
//! happens within one poll of the handshake, on one thread, and who polls takes the name out before anything else is polled.
//! Names come from a certificate that an authority of ours has signed: revocation is looked at last.
//! Knows no listener. Invariant: a verdict is the library's, word for word.

use std::cell::RefCell;
use std::sync::Arc;

use factree_auth::credential::Certificate;
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

thread_local! {
    static REVOKED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The name in the certificate that was refused as revoked on this thread since this was last asked.
pub(super) fn take() -> Option<String> {
    REVOKED.take()
}

/// A verifier that remembers whom it refused.
#[derive(Debug)]
pub(super) struct Telling(pub(super) Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Telling {
    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verdict = self.0.verify_client_cert(own, between, now);
        if matches!(verdict, Err(Error::InvalidCertificate(CertificateError::Revoked))) {
            let name = Certificate::of(own).ok().and_then(|it| it.names.said().map(str::to_owned));
            REVOKED.set(Some(name.unwrap_or_else(|| "without a name".to_owned())));
        }
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, own, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, own, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
