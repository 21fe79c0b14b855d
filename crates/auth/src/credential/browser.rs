//! Browser sessions: the cookie, and the token that a write must show besides.
//!
//! The cookie is 256 random bits; stored is its digest, which also names the session. The CSRF token is another digest
//! of the cookie: a page of ours can be given it, a foreign page cannot know it, and nothing more has to be kept.
//! Invariant: neither digest leads back to the cookie, nor one to the other.

use std::fmt;

use subtle::ConstantTimeEq;

use super::secret::{Digest, Secret};
use crate::encoding::{base64url, unbase64url};

/// Names a session in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub(crate) Digest);

impl SessionId {
    /// Proves that a text is such a name, as [`Display`](fmt::Display) writes it.
    pub fn parse(text: &str) -> Option<Self> {
        Digest::from_hex(text).map(SessionId)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_hex())
    }
}

/// The cookie's value.
#[derive(Clone, Debug)]
pub struct SessionToken {
    id: SessionId,
    csrf: Digest,
}

impl SessionToken {
    /// A new session from random bytes, and the value of its cookie.
    pub fn mint(random: [u8; 32]) -> (Self, Secret) {
        (Self::of(&random), Secret::new(base64url(&random)))
    }

    /// Takes a cookie's value. None if no session has one like that.
    pub fn parse(cookie: &str) -> Option<Self> {
        if cookie.len() > 64 {
            return None;
        }
        let bytes = zeroize::Zeroizing::new(unbase64url(cookie)?);
        (bytes.len() == 32).then(|| Self::of(&bytes))
    }

    fn of(secret: &[u8]) -> Self {
        let id = SessionId(Digest::of(&[b"factree-session-1\n", secret]));
        SessionToken { id, csrf: Digest::of(&[b"factree-csrf-1\n", secret]) }
    }

    /// Which session.
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// What our own pages send along with a write.
    pub fn csrf(&self) -> Secret {
        Secret::new(base64url(self.csrf.bytes()))
    }

    /// Whether that was sent along. Constant time.
    pub fn csrf_matches(&self, given: &str) -> bool {
        let given = if given.len() > 64 { None } else { unbase64url(given) };
        given.is_some_and(|given| given.ct_eq(self.csrf.bytes()).into())
    }
}
