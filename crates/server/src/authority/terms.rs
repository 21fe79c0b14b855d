//! Terms: what the configuration says about certificates, tokens and those who show nothing.
//!
//! Replaced whole when the configuration is read again. Only the keys of an identity provider may change in between; they
//! are handed in by whoever has asked for them.
//! Invariant: terms without keys take no token.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use factree_auth::credential::{CertificateRule, Jwks, TokenError, TokenRules, TokenSubject};
use factree_auth::{Name, Timestamp};

use super::lock;
use crate::config::{AuthConfig, KeySource};
use crate::web_client::WebAddress;

/// Who is let in besides the users of the directory.
#[derive(Default)]
pub(super) struct Terms {
    /// Roles of those who show nothing; none: they are not let in.
    anonymous: Option<Vec<Name>>,
    /// They are let in from anywhere, not only from this machine.
    anonymous_anywhere: bool,
    pub(super) certificates: Vec<CertificateRule>,
    /// The files of those who issue certificates, and of their revocation list.
    pub(super) revoked: Option<(PathBuf, PathBuf)>,
    tokens: Option<Tokens>,
}

struct Tokens {
    rules: TokenRules,
    /// None: nobody has told them yet.
    keys: Mutex<Option<Arc<Jwks>>>,
    /// Where they are asked for, if not in a file.
    provider: Option<Arc<WebAddress>>,
}

impl Terms {
    /// Of the configuration; keys that were asked for before stay.
    pub(super) fn new(auth: &AuthConfig, before: Option<&Terms>) -> Self {
        let tokens = auth.tokens.as_ref().map(|tokens| {
            let (keys, provider) = match &tokens.keys {
                KeySource::File(keys) => (Some(Arc::new(keys.clone())), None),
                KeySource::Url(provider) => {
                    let same = before.and_then(|before| before.tokens.as_ref()).filter(|before| {
                        before.provider.as_ref().is_some_and(|before| before.to_string() == provider.to_string())
                    });
                    (same.and_then(|before| lock(&before.keys).clone()), Some(Arc::new(provider.clone())))
                }
            };
            Tokens { rules: tokens.rules.clone(), keys: Mutex::new(keys), provider }
        });
        Terms {
            anonymous: auth.anonymous.clone(),
            anonymous_anywhere: auth.anonymous_anywhere,
            certificates: auth.certificates.as_ref().map(|it| it.rules.clone()).unwrap_or_default(),
            revoked: auth.certificates.as_ref().and_then(|it| Some((it.authorities.clone(), it.revoked.clone()?))),
            tokens,
        }
    }

    /// The roles of whoever shows nothing and comes from there.
    pub(super) fn anonymous_from(&self, peer: IpAddr) -> Option<Vec<Name>> {
        let is_near = self.anonymous_anywhere || peer.to_canonical().is_loopback();
        self.anonymous.clone().filter(|_| is_near)
    }

    /// The roles of whoever shows nothing, wherever he came from.
    pub(super) fn anonymous(&self) -> Option<Vec<Name>> {
        self.anonymous.clone()
    }

    /// Whether JWTs are taken.
    pub(super) fn takes_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// Whose token this is.
    pub(super) fn subject(&self, token: &str, now: Timestamp) -> Result<TokenSubject, TokenError> {
        let tokens = self.tokens.as_ref().ok_or(TokenError::Issuer)?;
        let keys = lock(&tokens.keys).clone().ok_or(TokenError::UnknownKey)?;
        tokens.rules.verify(token, &keys, now)
    }

    /// Whom to ask for keys.
    pub(super) fn provider(&self) -> Option<Arc<WebAddress>> {
        self.tokens.as_ref().and_then(|tokens| tokens.provider.clone())
    }

    /// The provider has told its keys.
    pub(super) fn told(&self, keys: Jwks) {
        if let Some(tokens) = &self.tokens {
            *lock(&tokens.keys) = Some(Arc::new(keys));
        }
    }

    /// The roles that are named here.
    pub(super) fn named_roles(auth: &AuthConfig) -> impl Iterator<Item = &Name> {
        let tokens = auth.tokens.iter().flat_map(|tokens| tokens.rules.roles.iter().map(|(_, role)| role));
        auth.anonymous.iter().flatten().chain(tokens)
    }
}
