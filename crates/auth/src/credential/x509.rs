//! What is read out of X.509: the names in a client certificate, and the serials in a revocation list.
//!
//! A certificate comes here when TLS has verified its chain, so only its names are read. A revocation list has come
//! from anywhere: it counts only if one of the authorities has signed it. Knows no PEM but the label of a list; what else a
//! file holds is passed over, as TLS does.
//! Invariant: a file with a list that cannot be verified changes nothing.

use std::fmt;
use std::net::IpAddr;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::time::ASN1Time;

use super::certificate::{CertificateNames, Revocations};
use crate::time::Timestamp;

/// Bytes of a certificate.
const CERTIFICATE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a certificate and of what is between it and its authority.
const CHAIN_BYTES_MAX: usize = 32 * 1024;
/// Bytes of a revocation list: half a million serials or so.
const LIST_BYTES_MAX: usize = 32 << 20;

/// What counts of a client's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whom it names.
    pub names: CertificateNames,
    /// Its issuer's name as DER.
    pub issuer: Box<[u8]>,
    /// Its serial, big-endian.
    pub serial: Box<[u8]>,
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// It itself, and what was shown with it, as DER: to verify it again when others are trusted.
    pub der: Box<[u8]>,
    /// Between it and its authority, from below; see [`with_chain`](Certificate::with_chain).
    pub chain: Box<[Box<[u8]>]>,
}

/// Why bytes are no certificate, or no revocation list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum X509Error {
    /// Longer than any that is taken.
    TooLong,
    /// Not what it should be.
    Format,
    /// None of the authorities has this name.
    UnknownIssuer,
    /// The authority has not signed it.
    Signature,
}

impl fmt::Display for X509Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "longer than any that is taken",
            Self::Format => "not X.509 as DER, or a list as PEM",
            Self::UnknownIssuer => "not of any of the authorities",
            Self::Signature => "not signed by its authority",
        })
    }
}

impl std::error::Error for X509Error {}

impl Certificate {
    /// Reads a certificate that TLS has verified.
    ///
    /// # Errors
    /// [`X509Error`].
    pub fn of(der: &[u8]) -> Result<Self, X509Error> {
        let certificate = certificate(der)?;
        let mut names = CertificateNames::default();
        let alternatives = certificate.subject_alternative_name().map_err(|_| X509Error::Format)?;
        for name in alternatives.iter().flat_map(|extension| &extension.value.general_names) {
            match name {
                GeneralName::URI(uri) => names.uris.push((*uri).to_owned()),
                GeneralName::DNSName(dns) => names.dns.push((*dns).to_owned()),
                GeneralName::RFC822Name(email) => names.emails.push((*email).to_owned()),
                GeneralName::IPAddress(bytes) => names.addresses.extend(address(bytes)),
                _ => {}
            }
        }
        // Two common names are none: nobody can say which is meant.
        let mut common = certificate.subject().iter_common_name();
        if let (Some(name), None) = (common.next(), common.next()) {
            names.common_name = name.as_str().ok().map(str::to_owned);
        }
        Ok(Certificate {
            names,
            issuer: certificate.issuer().as_raw().into(),
            serial: certificate.raw_serial().into(),
            from: timestamp(certificate.validity().not_before),
            until: timestamp(certificate.validity().not_after),
            der: der.into(),
            chain: Box::default(),
        })
    }

    /// The same, shown with these between it and its authority, which are kept as long as the login by it.
    ///
    /// # Errors
    /// [`X509Error::TooLong`]: together they have more than 32 KiB.
    pub fn with_chain<'c>(self, chain: impl IntoIterator<Item = &'c [u8]> + Clone) -> Result<Self, X509Error> {
        let len: usize = chain.clone().into_iter().map(<[u8]>::len).sum();
        if self.der.len() + len > CHAIN_BYTES_MAX {
            return Err(X509Error::TooLong);
        }
        Ok(Certificate { chain: chain.into_iter().map(Into::into).collect(), ..self })
    }
}

impl Revocations {
    /// Adds the serials of revocation lists, one as DER or any number as PEM, each of which one of these authorities
    /// (certificates as DER) has signed. Gives the time at which the next list is due, the first of them, if they say so: an
    /// old list is better than none, and worth an alarm.
    ///
    /// # Errors
    /// [`X509Error`]; nothing is added.
    pub fn read_lists(&mut self, lists: &[u8], authorities: &[&[u8]]) -> Result<Option<Timestamp>, X509Error> {
        if lists.len() > LIST_BYTES_MAX {
            return Err(X509Error::TooLong);
        }
        let unfolded: Vec<Pem>;
        let lists = if lists.starts_with(b"-----BEGIN") {
            unfolded = Pem::iter_from_buffer(lists).collect::<Result<_, _>>().map_err(|_| X509Error::Format)?;
            unfolded.iter().filter(|pem| pem.label == "X509 CRL").map(|pem| &*pem.contents).collect()
        } else {
            vec![lists]
        };
        if lists.is_empty() {
            return Err(X509Error::Format);
        }
        let read: Vec<_> = lists.into_iter().map(|list| verified(list, authorities)).collect::<Result<_, _>>()?;
        for list in &read {
            let issuer = list.issuer().as_raw();
            self.extend(list.iter_revoked_certificates().map(|revoked| (issuer, revoked.raw_serial())));
        }
        Ok(read.iter().filter_map(|list| list.next_update().map(timestamp)).min())
    }
}

/// A list that one of the authorities has signed.
fn verified<'a>(list: &'a [u8], authorities: &[&[u8]]) -> Result<CertificateRevocationList<'a>, X509Error> {
    let Ok(([], parsed)) = CertificateRevocationList::from_der(list) else { return Err(X509Error::Format) };
    let mut verified = Err(X509Error::UnknownIssuer);
    for authority in authorities {
        let authority = certificate(authority)?;
        if authority.subject().as_raw() == parsed.issuer().as_raw() && verified.is_err() {
            verified = parsed.verify_signature(authority.public_key()).map_err(|_| X509Error::Signature);
        }
    }
    verified.map(|()| parsed)
}

fn certificate(der: &[u8]) -> Result<X509Certificate<'_>, X509Error> {
    if der.len() > CERTIFICATE_BYTES_MAX {
        return Err(X509Error::TooLong);
    }
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(X509Error::Format),
    }
}

/// Four bytes or sixteen.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// A time before 1970 is as good as 1970.
fn timestamp(time: ASN1Time) -> Timestamp {
    Timestamp(u64::try_from(time.timestamp()).unwrap_or(0).saturating_mul(1000))
}
