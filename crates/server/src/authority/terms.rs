//! Terms: what the configuration says about certificates, tokens and those who show nothing.

use std::net::IpAddr;

use factree_auth::credential::{CertificateRule, Jwks, TokenError, TokenRules, TokenSubject};
use factree_auth::{Name, Timestamp};

/// Who is let in besides the users of the directory.
#[derive(Default)]
pub(super) struct Terms {
    /// Roles of those who show nothing; none: they are not let in.
    pub(super) anonymous: Option<Vec<Name>>,
    /// They are let in from anywhere, not only from this machine.
    pub(super) anonymous_anywhere: bool,
    pub(super) certificates: Vec<CertificateRule>,
    pub(super) tokens: Option<(TokenRules, Jwks)>,
}

impl Terms {
    /// The roles of whoever shows nothing and comes from there.
    pub(super) fn anonymous_from(&self, peer: IpAddr) -> Option<Vec<Name>> {
        let is_near = self.anonymous_anywhere || peer.to_canonical().is_loopback();
        self.anonymous.clone().filter(|_| is_near)
    }

    /// Whether JWTs are taken.
    pub(super) fn takes_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// Whose token this is.
    pub(super) fn subject(&self, token: &str, now: Timestamp) -> Result<TokenSubject, TokenError> {
        let (rules, keys) = self.tokens.as_ref().ok_or(TokenError::Issuer)?;
        rules.verify(token, keys, now)
    }
}
