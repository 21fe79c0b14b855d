//! Bearer keys: what programs show over HTTP.
//!
//! A key is `ftk_{id}.{secret}`, shown once. The id finds it, the secret's digest proves it; with 256 random bits there
//! is nothing to guess, so no slow hash is needed for each request. Knows nothing of whose a key is.
//! Invariant: what is stored does not contain the secret.

use std::fmt;

use super::secret::{Digest, Secret};
use crate::encoding::{base64url, unbase64url};

const PREFIX: &str = "ftk_";
const ID_BYTES: usize = 9;
const SECRET_BYTES: usize = 32;
const PURPOSE: &[u8] = b"factree-key-1\n";

/// Names a key: 12 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Box<str>);

impl KeyId {
    /// Proves that a text is such a name.
    pub fn parse(text: &str) -> Option<Self> {
        (unbase64url(text)?.len() == ID_BYTES).then(|| KeyId(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key as it is shown: its id, and what its secret comes to.
#[derive(Clone, Debug)]
pub struct BearerToken {
    /// Which key.
    pub id: KeyId,
    pub(crate) digest: Digest,
}

impl BearerToken {
    /// A new key from random bytes, and its text for whoever is to have it.
    pub fn mint(random: [u8; ID_BYTES + SECRET_BYTES]) -> (Self, Secret) {
        let (id, secret) = random.split_at(ID_BYTES);
        let (id, text) = (KeyId(base64url(id).into()), base64url(secret));
        let shown = Secret::new(format!("{PREFIX}{id}.{text}"));
        (BearerToken { id, digest: Digest::of(&[PURPOSE, secret]) }, shown)
    }

    /// Whether a text means to be a key at all, and not a token of somebody else.
    pub fn looks_like_one(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// Takes a text apart. None if no key looks like that.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('.')?;
        if secret.len() > 2 * SECRET_BYTES {
            return None;
        }
        let secret = zeroize::Zeroizing::new(unbase64url(secret)?);
        (secret.len() == SECRET_BYTES)
            .then(|| KeyId::parse(id))
            .flatten()
            .map(|id| BearerToken { id, digest: Digest::of(&[PURPOSE, &secret]) })
    }
}
