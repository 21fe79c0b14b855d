//! Terms: what the configuration says about certificates, tokens and those who show nothing.
//!
//! Replaced whole when the configuration is read again, and when an identity provider has told other keys. Who shows something
//! and who was let in by it before are judged by the same lines here.
//! Invariant: terms without keys take no token, and terms never change.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use factree_auth::credential::{
    Certificate, CertificateRule, Jwks, Mapped, SignedClaims, TokenError, TokenRules, TokenSubject, Unmapped,
};
use factree_auth::directory::Refusal;
use factree_auth::{Name, Timestamp};

use super::wall;
use crate::config::{AuthConfig, KeySource};
use crate::transport::Trust;
use crate::web_client::WebAddress;

/// Who is let in besides the users of the directory.
#[derive(Clone, Default)]
pub(super) struct Terms {
    /// Roles of those who show nothing; none: they are not let in.
    anonymous: Option<Vec<Name>>,
    /// They are let in from anywhere, not only from this machine.
    anonymous_anywhere: bool,
    certificates: Option<Certificates>,
    tokens: Option<Tokens>,
}

#[derive(Clone)]
struct Certificates {
    rules: Vec<CertificateRule>,
    trust: Trust,
    files: TrustFiles,
}

/// The file of those who issue certificates, and of their revocation lists if there is one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TrustFiles {
    pub(crate) authorities: PathBuf,
    pub(crate) revoked: Option<PathBuf>,
}

#[derive(Clone)]
struct Tokens {
    rules: TokenRules,
    /// None: nobody has told them yet.
    keys: Option<Arc<Jwks>>,
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
                    let same = before.and_then(|before| before.tokens.as_ref()).filter(|it| it.are_asked_of(provider));
                    (same.and_then(|before| before.keys.clone()), Some(Arc::new(provider.clone())))
                }
            };
            Tokens { rules: tokens.rules.clone(), keys, provider }
        });
        Terms {
            anonymous: auth.anonymous.clone(),
            anonymous_anywhere: auth.anonymous_anywhere,
            certificates: auth.certificates.as_ref().map(|it| Certificates {
                rules: it.rules.clone(),
                trust: it.trust.clone(),
                files: TrustFiles { authorities: it.authorities.clone(), revoked: it.revoked.clone() },
            }),
            tokens,
        }
    }

    /// The roles of whoever shows nothing and comes from there.
    pub(super) fn anonymous_from(&self, peer: IpAddr) -> Option<Vec<Name>> {
        let is_near = self.anonymous_anywhere || peer.to_canonical().is_loopback();
        self.anonymous.clone().filter(|_| is_near)
    }

    /// Whose a certificate is.
    pub(super) fn owner(&self, certificate: &Certificate) -> Result<Mapped, Unmapped> {
        let rules = self.certificates.as_ref().map_or(&[][..], |it| &it.rules);
        CertificateRule::map(rules, &certificate.names)
    }

    /// Whether those who are trusted vouch for a certificate; without a time, whether they do or did before it ended.
    pub(super) fn verify(&self, certificate: &Certificate, now: Option<Timestamp>) -> Result<(), Refusal> {
        let at = now.unwrap_or_else(|| Timestamp(certificate.until.0.saturating_sub(1000)).min(wall()));
        // A clock that was set back since is no reason to distrust anybody.
        let at = at.max(certificate.from);
        self.certificates.as_ref().map_or(Ok(()), |it| it.trust.verify(certificate, at))
    }

    /// Where it is said who is trusted, if anybody is.
    pub(super) fn trust_files(&self) -> Option<&TrustFiles> {
        self.certificates.as_ref().map(|it| &it.files)
    }

    /// The same with what these files say now; none if they are not asked any more.
    pub(super) fn trusting(&self, files: &TrustFiles, trust: Trust) -> Option<Terms> {
        let certificates = self.certificates.as_ref().filter(|it| it.files == *files)?;
        Some(Terms { certificates: Some(Certificates { trust, ..certificates.clone() }), ..self.clone() })
    }

    /// Whether JWTs are taken.
    pub(super) fn takes_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// What a token says, if one of the keys has signed it.
    pub(super) fn open(&self, token: &str) -> Result<SignedClaims, TokenError> {
        self.tokens_and_keys()?.1.open(token)
    }

    /// Whose a token is that says this; without a time, whenever it is or was valid.
    pub(super) fn subject(&self, claims: &SignedClaims, now: Option<Timestamp>) -> Result<TokenSubject, TokenError> {
        let (tokens, keys) = self.tokens_and_keys()?;
        match now {
            Some(now) => tokens.rules.subject(claims, keys, now),
            None => tokens.rules.subject_at_any_time(claims, keys),
        }
    }

    fn tokens_and_keys(&self) -> Result<(&Tokens, &Jwks), TokenError> {
        let tokens = self.tokens.as_ref().ok_or(TokenError::Issuer)?;
        Ok((tokens, tokens.keys.as_deref().ok_or(TokenError::UnknownKey)?))
    }

    /// Whom to ask for keys.
    pub(super) fn provider(&self) -> Option<Arc<WebAddress>> {
        self.tokens.as_ref().and_then(|tokens| tokens.provider.clone())
    }

    /// The same with the keys that a provider has told, and whether it has taken any back; none if it is asked no more.
    pub(super) fn told(&self, provider: &WebAddress, keys: Jwks) -> Option<(Terms, bool)> {
        let tokens = self.tokens.as_ref().filter(|tokens| tokens.are_asked_of(provider))?;
        let is_any_gone = tokens.keys.as_ref().is_some_and(|before| !keys.has_all_of(before));
        let tokens = Tokens { keys: Some(Arc::new(keys)), ..tokens.clone() };
        Some((Terms { tokens: Some(tokens), ..self.clone() }, is_any_gone))
    }

    /// The roles that are named here.
    pub(super) fn named_roles(auth: &AuthConfig) -> impl Iterator<Item = &Name> {
        let tokens = auth.tokens.iter().flat_map(|tokens| tokens.rules.roles.iter().map(|(_, role)| role));
        auth.anonymous.iter().flatten().chain(tokens)
    }
}

impl Tokens {
    fn are_asked_of(&self, provider: &WebAddress) -> bool {
        self.provider.as_ref().is_some_and(|own| own.to_string() == provider.to_string())
    }
}
