//! A certificate authority of one's own, and the server certificate it issues.
//!
//! For plants without one. Clients are given `ca.pem` and trust what it has issued; its key is needed again only to issue
//! the next server certificate, and may be kept elsewhere until then.
//! Invariant: the authority issues certificates for servers and clients, and for no further authority.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use factree_auth::credential::{Certificate, Secret};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

/// How long the authority is good, in days,
const AUTHORITY_DAYS: u32 = 20 * 365;
/// and a server's certificate.
const SERVER_DAYS: u32 = 5 * 365;
const DAY: Duration = Duration::from_secs(86_400);

/// Why there is no certificate; reads as a sentence for the operator.
#[derive(Debug)]
pub enum CertificateError {
    /// A name that no certificate can be for.
    Name(String),
    /// The authority's files cannot be read, or the new ones not written.
    File(PathBuf, String),
    /// The library refuses.
    Library(rcgen::Error),
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name:?} is neither a name nor an address that a certificate can be for"),
            Self::File(path, why) => write!(f, "{}: {why}", path.display()),
            Self::Library(error) => write!(f, "no certificate could be made: {error}"),
        }
    }
}

impl std::error::Error for CertificateError {}

impl From<rcgen::Error> for CertificateError {
    fn from(error: rcgen::Error) -> Self {
        Self::Library(error)
    }
}

/// These names and addresses, and those of this machine.
pub(super) fn with_this_machine(names: &[String]) -> Vec<String> {
    let mut all: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    #[cfg(unix)]
    if let Ok(name) = rustix::system::uname().nodename().to_str()
        && is_name(name)
    {
        all.push(name.to_owned());
    }
    all.extend(names.iter().cloned());
    let mut seen = std::collections::HashSet::new();
    all.retain(|name| seen.insert(name.clone()));
    all
}

fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// The files of a new authority and of the certificate it issues for a server of these names: how they are called, and
/// what is in them.
pub(super) fn make(names: &[String]) -> Result<[(&'static str, Secret); 4], CertificateError> {
    let key = KeyPair::generate()?;
    let params = of_authority()?;
    let authority = params.self_signed(&key)?;
    let (certificate, certificate_key) = of_server(names, &Issuer::new(params, &key))?;
    Ok([
        ("ca.pem", Secret::new(authority.pem())),
        ("ca-key.pem", Secret::new(key.serialize_pem())),
        ("server.pem", certificate),
        ("server-key.pem", certificate_key),
    ])
}

/// Issues a new server certificate in place of the one in `directory`, by the authority there: for the names of the old one
/// and for these. A running server shows it after a reload. All names it is for.
///
/// # Errors
/// [`CertificateError`]; the files are as they were.
pub fn issue(directory: &Path, names: &[String]) -> Result<Vec<String>, CertificateError> {
    let read = |name: &str| {
        let path = directory.join(name);
        fs::read_to_string(&path).map(Secret::new).map_err(|error| CertificateError::File(path, error.to_string()))
    };
    let (authority, key) = (read("ca.pem")?, KeyPair::from_pem(read("ca-key.pem")?.reveal())?);
    let mut all = names_of(&directory.join("server.pem"));
    all.extend(names.iter().cloned());
    let names = with_this_machine(&all);
    let (certificate, certificate_key) = of_server(&names, &Issuer::from_ca_cert_pem(authority.reveal(), &key)?)?;
    // First both beside the old ones, so that a full disk does not leave half of a pair.
    let files = [("server.pem", certificate), ("server-key.pem", certificate_key)];
    let place = |name: &str| (directory.join(name), directory.join(format!("{name}.new")));
    for (name, text) in &files {
        let (_, new) = place(name);
        // Of an attempt that failed.
        let _: std::io::Result<()> = fs::remove_file(&new);
        super::write_private(&new, text.reveal())
            .map_err(|error| CertificateError::File(new.clone(), error.to_string()))?;
    }
    for (name, _) in &files {
        let (old, new) = place(name);
        fs::rename(&new, &old).map_err(|error| CertificateError::File(old, error.to_string()))?;
    }
    Ok(names)
}

/// What the certificate in a file is for; nothing, if it cannot be read: it is about to be replaced.
fn names_of(file: &Path) -> Vec<String> {
    let chain = crate::transport::read_certificates(file).unwrap_or_default();
    let names = chain.first().and_then(|own| Certificate::of(own).ok()).map(|own| own.names).unwrap_or_default();
    names.dns.into_iter().chain(names.addresses.iter().map(ToString::to_string)).collect()
}

fn of_authority() -> Result<CertificateParams, CertificateError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "Factree plant authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    last(&mut params, AUTHORITY_DAYS);
    Ok(params)
}

fn of_server(names: &[String], issuer: &Issuer<'_, &KeyPair>) -> Result<(Secret, Secret), CertificateError> {
    let is_possible = |name: &&String| !is_name(name) && name.parse::<std::net::IpAddr>().is_err();
    if let Some(name) = names.iter().find(is_possible) {
        return Err(CertificateError::Name(name.clone()));
    }
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name.push(DnType::CommonName, "Factree");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    last(&mut params, SERVER_DAYS);
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    Ok((Secret::new(certificate.pem()), Secret::new(key.serialize_pem())))
}

/// From yesterday on, for clocks that are behind.
fn last(params: &mut CertificateParams, days: u32) {
    let now = date_time_ymd(1970, 1, 1) + SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    params.not_before = now - DAY;
    params.not_after = now + DAY * days;
}
