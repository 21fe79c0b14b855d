//! How somebody proves who he is: passwords, bearer keys, browser sessions, certificates, tokens of others.
//!
//! Each part says whether a proof is one; whose it is and what he may do is the [`Directory`](crate::Directory)'s.
//! Secrets are wiped when they are dropped and print as `…`; what is stored of them is a hash. Random bytes and the
//! time are arguments.
//! Invariant: nothing here can be printed that would let somebody in.

mod backoff;
mod bearer;
mod browser;
mod certificate;
mod gate;
mod password;
mod secret;
mod token;
mod x509;

pub use backoff::{Backoff, BackoffLimits};
pub use bearer::{BearerToken, KeyId};
pub use browser::{SessionId, SessionToken};
pub use certificate::{
    CertificateNames, CertificateRule, CertificateRuleError, Mapped, NameKind, Revocations, Unmapped,
};
pub use gate::{HashingGate, Permit};
pub use password::{Cost, CostError, Password, PasswordError, PasswordHash, PasswordHashError};
pub use secret::{Digest, NoRandomness, Secret, random};
pub use token::{Jwks, JwksError, SignedClaims, TokenError, TokenRules, TokenSubject};
pub use x509::{Certificate, X509Error};
