//! Principals: who somebody is, once it is proven.
//!
//! A principal is a name in a realm, so that nobody becomes the user `anna` by calling himself that in a certificate.
//! Sessions belong to principals, and the audit log names them. Knows nothing of how it was proven.
//! Invariant: two principals are equal exactly if they are the same party.

use std::fmt;

use crate::name::Name;

/// Somebody.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Principal {
    /// Nobody in particular: allowed in without a proof.
    Anonymous,
    /// Factree itself.
    Local,
    /// A user of the directory, however he proved it.
    User(Name),
    /// Named by a client certificate, and in no directory.
    Certificate(Name),
    /// Named by a token of an identity provider.
    Token(Name),
}

impl Principal {
    /// Reads a principal as [`Display`](fmt::Display) writes it: what a kept session belongs to.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "anonymous" => return Some(Principal::Anonymous),
            "factree" => return Some(Principal::Local),
            _ => {}
        }
        let (realm, name) = text.split_once(':')?;
        let name = Name::parse(name).ok()?;
        match realm {
            "user" => Some(Principal::User(name)),
            "certificate" => Some(Principal::Certificate(name)),
            "token" => Some(Principal::Token(name)),
            _ => None,
        }
    }

    /// What `{username}` stands for.
    pub const fn name(&self) -> Option<&Name> {
        match self {
            Principal::Anonymous | Principal::Local => None,
            Principal::User(name) | Principal::Certificate(name) | Principal::Token(name) => Some(name),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Principal::Anonymous => f.write_str("anonymous"),
            Principal::Local => f.write_str("factree"),
            Principal::User(name) => write!(f, "user:{name}"),
            Principal::Certificate(name) => write!(f, "certificate:{name}"),
            Principal::Token(name) => write!(f, "token:{name}"),
        }
    }
}
