//! Client certificates: which principal a certificate is of.
//!
//! TLS has checked the chain; here are only names. A rule takes one kind of name and a pattern with `{name}` in it. The
//! common name counts only if a rule says so, since anything may stand there. A certificate with two names that lead to
//! two principals leads to none. Knows no X.509: see [`x509`](super::x509).
//! Invariant: a certificate is one principal or nobody.

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;

use crate::name::Name;

/// The names in a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateNames {
    /// Subject alternative names: URIs.
    pub uris: Vec<String>,
    /// Subject alternative names: DNS names.
    pub dns: Vec<String>,
    /// Subject alternative names: mail addresses.
    pub emails: Vec<String>,
    /// Subject alternative names: addresses. No principal is called that.
    pub addresses: Vec<IpAddr>,
    /// The subject's common name.
    pub common_name: Option<String>,
}

impl CertificateNames {
    /// What to call it where people read of it: the first of its names. Nobody is let in by that.
    pub fn said(&self) -> Option<&str> {
        let names = self.uris.iter().chain(&self.dns).chain(&self.emails).chain(&self.common_name);
        names.map(String::as_str).next()
    }
}

/// Which kind of name a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// URIs: `spiffe://acme/edge/{name}`.
    Uri,
    /// DNS names, without regard to case: `{name}.edge.acme.example`.
    Dns,
    /// Mail addresses.
    Email,
    /// The common name. For certificates that have nothing better.
    CommonName,
}

/// Whose a certificate is that a rule has mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// A user of the directory, with the user's roles.
    User(Name),
    /// A principal of its own, with the roles of the rule.
    Own {
        /// Its name.
        name: Name,
        /// Its roles.
        roles: Vec<Name>,
    },
}

/// How names become principals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRule {
    from: NameKind,
    before: Box<str>,
    after: Box<str>,
    /// None: users of the directory.
    roles: Option<Vec<Name>>,
}

/// Why there is no such rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRuleError;

impl fmt::Display for CertificateRuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pattern of a certificate rule contains {name} once")
    }
}

impl std::error::Error for CertificateRuleError {}

/// Why a certificate is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmapped {
    /// No rule takes any of its names.
    NoRule,
    /// A rule takes two of its names, and they are not the same principal.
    Ambiguous,
}

impl fmt::Display for Unmapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRule => "no rule takes any name of the certificate",
            Self::Ambiguous => "the certificate has names of two principals",
        })
    }
}

impl std::error::Error for Unmapped {}

impl CertificateRule {
    /// A rule. `roles`: those of its principals; none: they are users of the directory.
    ///
    /// # Errors
    /// [`CertificateRuleError`].
    pub fn new(from: NameKind, pattern: &str, roles: Option<Vec<Name>>) -> Result<Self, CertificateRuleError> {
        let (before, after) = pattern.split_once("{name}").ok_or(CertificateRuleError)?;
        if after.contains("{name}") {
            return Err(CertificateRuleError);
        }
        Ok(CertificateRule { from, before: before.into(), after: after.into(), roles })
    }

    /// Whose a certificate is, by the first of these rules that takes one of its names.
    ///
    /// # Errors
    /// [`Unmapped`].
    pub fn map(rules: &[CertificateRule], names: &CertificateNames) -> Result<Mapped, Unmapped> {
        for rule in rules {
            let mut taken = rule.candidates(names).filter_map(|name| rule.take(name));
            if let Some(name) = taken.next() {
                if taken.any(|other| other != name) {
                    return Err(Unmapped::Ambiguous);
                }
                return Ok(match &rule.roles {
                    Some(roles) => Mapped::Own { name, roles: roles.clone() },
                    None => Mapped::User(name),
                });
            }
        }
        Err(Unmapped::NoRule)
    }

    fn candidates<'n>(&self, names: &'n CertificateNames) -> impl Iterator<Item = &'n String> {
        let (list, single): (&[String], _) = match self.from {
            NameKind::Uri => (&names.uris, None),
            NameKind::Dns => (&names.dns, None),
            NameKind::Email => (&names.emails, None),
            NameKind::CommonName => (&[], names.common_name.as_ref()),
        };
        list.iter().chain(single)
    }

    /// What stands for `{name}`. A slash or a dot in it would make one name out of two levels, so it is not taken.
    fn take(&self, text: &str) -> Option<Name> {
        let folded;
        let (text, before, after) = if self.from == NameKind::Dns {
            folded = (text.to_ascii_lowercase(), self.before.to_ascii_lowercase(), self.after.to_ascii_lowercase());
            (&*folded.0, &*folded.1, &*folded.2)
        } else {
            (text, &*self.before, &*self.after)
        };
        let name = text.strip_prefix(before)?.strip_suffix(after)?;
        let separates = match self.from {
            NameKind::Uri => name.contains('/'),
            NameKind::Dns => name.contains('.') || name.contains('*'),
            NameKind::Email => name.contains('@'),
            NameKind::CommonName => false,
        };
        if separates { None } else { Name::parse(name).ok() }
    }
}

/// Certificates that count no more, by issuer and serial.
#[derive(Clone, Debug, Default)]
pub struct Revocations {
    revoked: HashSet<(Issuer, Serial)>,
}

/// A name as DER.
type Issuer = Box<[u8]>;
/// A number, big-endian, without zeros before it.
type Serial = Box<[u8]>;

impl Revocations {
    /// Certificates of these issuers (the name as DER) with these serials (big-endian).
    pub fn new<'a>(revoked: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut revocations = Self::default();
        revocations.extend(revoked);
        revocations
    }

    /// And these.
    pub fn extend<'a>(&mut self, revoked: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) {
        self.revoked.extend(revoked.into_iter().map(|(issuer, serial)| (issuer.into(), significant(serial).into())));
    }

    /// Whether this one counts no more.
    pub fn cover(&self, issuer: &[u8], serial: &[u8]) -> bool {
        self.revoked.contains(&(issuer.into(), significant(serial).into()))
    }
}

/// A serial is a number: zeros before it mean nothing.
fn significant(serial: &[u8]) -> &[u8] {
    let zeros = serial.iter().take_while(|byte| **byte == 0).count();
    &serial[zeros..]
}
