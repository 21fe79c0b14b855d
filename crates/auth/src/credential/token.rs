//! Tokens of an identity provider: JWTs signed with RS256 or ES256.
//!
//! The key says which algorithm it is for, never the token: what the token claims must be the same, so there is no way
//! to have a public key taken for a shared secret, or `none` for a signature. Nothing of the token is looked at before
//! its signature is verified, but which key it names. A claim that is missing or of the wrong kind refuses the token.
//! What was signed can be judged again later, by other rules and other keys, without keeping what lets somebody in.
//! Knows no network: the provider's keys come as bytes.
//! Invariant: `Ok` means that the issuer signed it, for us, and that it is valid now.

use std::fmt;
use std::time::Duration;

use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;

use super::secret::Digest;
use crate::encoding::unbase64url;
use crate::limits::TOKEN_BYTES_MAX;
use crate::name::Name;
use crate::time::Timestamp;

/// Bytes of a set of keys.
const JWKS_BYTES_MAX: usize = 1 << 20;
/// Keys of it that are used.
const KEYS_MAX: usize = 256;
/// RSA keys that are taken, in bits; ring takes these.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

#[derive(Clone)]
enum Key {
    Rs256 {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// The point, uncompressed.
    Es256(Box<[u8; 65]>),
}

impl Key {
    fn algorithm(&self) -> &'static str {
        match self {
            Key::Rs256 { .. } => "RS256",
            Key::Es256(_) => "ES256",
        }
    }

    fn digest(&self) -> Digest {
        match self {
            Key::Rs256 { n, e } => Digest::of(&[b"factree-rs256-1\n", &n.len().to_be_bytes(), n, e]),
            Key::Es256(point) => Digest::of(&[b"factree-es256-1\n", &point[..]]),
        }
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Key::Rs256 { n, e } => RsaPublicKeyComponents { n, e }
                .verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            Key::Es256(point) => {
                let key = UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, &point[..]);
                key.verify(message, signature).is_ok()
            }
        }
    }
}

/// The keys of an identity provider, RFC 7517.
#[derive(Clone)]
pub struct Jwks {
    keys: Vec<Known>,
}

#[derive(Clone)]
struct Known {
    id: Option<Box<str>>,
    key: Key,
    /// The same for the same key, whatever it is called.
    digest: Digest,
}

/// Why bytes are no set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwksError {
    /// More than 1 MiB.
    TooLong,
    /// Not a JSON object with `keys`.
    Format,
    /// None of its keys is for RS256 (2048 to 8192 bits) or ES256.
    NoKey,
}

impl fmt::Display for JwksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the set of keys is longer than 1 MiB",
            Self::Format => "a set of keys is a JSON object with an array 'keys'",
            Self::NoKey => "none of the keys is for RS256 (2048 to 8192 bits) or ES256",
        })
    }
}

impl std::error::Error for JwksError {}

#[derive(Deserialize)]
struct JwksWire {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct JwkWire {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl JwkWire {
    fn key(&self) -> Option<Key> {
        if self.purpose.as_ref().is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let bytes = |text: &Option<String>| text.as_deref().and_then(unbase64url);
        let key = match (&*self.kty, self.crv.as_deref()) {
            ("RSA", _) => {
                let (n, e) = (bytes(&self.n)?, bytes(&self.e)?);
                let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
                (RSA_BITS.contains(&bits) && e.len() <= 8).then_some(Key::Rs256 { n, e })?
            }
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(&self.x)?, bytes(&self.y)?);
                let point = [&[4], &x[..], &y].concat();
                (x.len() == 32).then_some(Key::Es256(Box::new(point.try_into().ok()?)))?
            }
            _ => return None,
        };
        self.alg.as_ref().is_none_or(|alg| alg == key.algorithm()).then_some(key)
    }
}

impl Jwks {
    /// Reads a set of keys. Those that are for something else are passed over.
    ///
    /// # Errors
    /// [`JwksError`].
    pub fn parse(json: &[u8]) -> Result<Self, JwksError> {
        if json.len() > JWKS_BYTES_MAX {
            return Err(JwksError::TooLong);
        }
        let wire: JwksWire = serde_json::from_slice(json).map_err(|_| JwksError::Format)?;
        let known = wire.keys.into_iter().filter_map(|jwk| serde_json::from_value::<JwkWire>(jwk).ok());
        let usable = known.filter_map(|jwk| Some((jwk.key()?, jwk.kid)));
        let known = |(key, id): (Key, Option<String>)| Known { digest: key.digest(), id: id.map(Into::into), key };
        let keys: Vec<_> = usable.map(known).take(KEYS_MAX).collect();
        if keys.is_empty() { Err(JwksError::NoKey) } else { Ok(Jwks { keys }) }
    }

    /// Verifies a token's signature. Nothing is known yet of whose it is, for whom and until when: ask
    /// [`TokenRules::subject`].
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open(&self, token: &str) -> Result<SignedClaims, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Format)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Format)?;
        let header: HeaderWire = json(&unbase64url(header).ok_or(TokenError::Format)?)?;
        if header.crit.is_some() {
            return Err(TokenError::Critical);
        }
        let key = self.select(header.kid.as_deref(), &header.alg)?;
        let signature = unbase64url(signature).ok_or(TokenError::Format)?;
        if !key.key.verifies(signed.as_bytes(), &signature) {
            return Err(TokenError::Signature);
        }
        let json = unbase64url(claims).ok_or(TokenError::Format)?;
        Ok(SignedClaims { json: json.into(), key: key.digest })
    }

    /// Whether what the other set verified is verified by this one too.
    pub fn has_all_of(&self, other: &Jwks) -> bool {
        other.keys.iter().all(|known| self.has(&known.digest))
    }

    fn has(&self, key: &Digest) -> bool {
        self.keys.iter().any(|known| known.digest == *key)
    }

    /// The key that a token names; without a name, the only one for its algorithm.
    fn select(&self, kid: Option<&str>, algorithm: &str) -> Result<&Known, TokenError> {
        let mut fitting = self.keys.iter().filter(|known| match kid {
            Some(kid) => known.id.as_deref() == Some(kid),
            None => known.key.algorithm() == algorithm,
        });
        let known = fitting.next().ok_or(TokenError::UnknownKey)?;
        if fitting.next().is_some() {
            return Err(TokenError::UnknownKey);
        }
        if known.key.algorithm() == algorithm { Ok(known) } else { Err(TokenError::Algorithm) }
    }
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|known| (&known.id, known.key.algorithm()))).finish()
    }
}

/// What an issuer has signed. Lets nobody in: the signature is not kept.
#[derive(Clone)]
pub struct SignedClaims {
    json: Box<[u8]>,
    key: Digest,
}

impl fmt::Debug for SignedClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedClaims(…)")
    }
}

/// Which tokens are taken, and what they make of their bearer.
#[derive(Clone, Debug)]
pub struct TokenRules {
    /// What `iss` has to be, exactly.
    pub issuer: String,
    /// What `aud` has to be or contain.
    pub audience: String,
    /// By how much the clocks may differ. No more than five minutes count.
    pub leeway: Duration,
    /// The claim that names the principal: `sub`, `preferred_username`.
    pub name_claim: String,
    /// Where the roles are: the names of objects and of an array (or of a text with spaces) in them, with dots between:
    /// `realm_access.roles`. A claim that is called so as a whole, as `https://plant.example/roles`, goes before.
    pub roles_claim: String,
    /// What is found there, and which role it stands for. What is not named here stands for nothing.
    pub roles: Vec<(String, Name)>,
}

/// Whom a token is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSubject {
    /// The principal's name.
    pub name: Name,
    /// Its roles.
    pub roles: Vec<Name>,
    /// Until when it holds, leeway included.
    pub until: Timestamp,
}

/// Why a token is refused. Tells nothing that its bearer did not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// Not three parts, or one of them is not what it should be.
    Format,
    /// Longer than [`TOKEN_BYTES_MAX`].
    TooLong,
    /// Neither RS256 nor ES256, or not what the key is for.
    Algorithm,
    /// It asks for extensions that have to be understood (`crit`).
    Critical,
    /// No such key, or more than one that it could be.
    UnknownKey,
    /// The signature is not the key's.
    Signature,
    /// A claim is missing, or is of the wrong kind.
    Claim(&'static str),
    /// Of another issuer.
    Issuer,
    /// For somebody else.
    Audience,
    /// No longer valid.
    Expired,
    /// Not yet valid.
    NotYet,
    /// Its name is none.
    Name,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Format => "the token is not a signed JWT",
            Self::TooLong => "the token is too long",
            Self::Algorithm => "the token's algorithm is not RS256 or ES256, or not that of its key",
            Self::Critical => "the token asks for extensions that are not known",
            Self::UnknownKey => "the token's key is not known",
            Self::Signature => "the token's signature is wrong",
            Self::Claim(claim) => return write!(f, "the token's claim '{claim}' is missing or is no such thing"),
            Self::Issuer => "the token is of another issuer",
            Self::Audience => "the token is for somebody else",
            Self::Expired => "the token has expired",
            Self::NotYet => "the token is not valid yet",
            Self::Name => "the token's name is none",
        })
    }
}

impl std::error::Error for TokenError {}

#[derive(Deserialize)]
struct HeaderWire {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// The claims that are looked at by name; a second one of the same name is an error.
#[derive(Deserialize)]
struct ClaimsWire {
    iss: Option<Value>,
    aud: Option<Value>,
    exp: Option<Value>,
    nbf: Option<Value>,
    #[serde(flatten)]
    others: serde_json::Map<String, Value>,
}

impl TokenRules {
    /// More leeway than this is not given.
    pub const LEEWAY_MAX: Duration = Duration::from_secs(300);

    /// Whose a token is.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn verify(&self, token: &str, keys: &Jwks, now: Timestamp) -> Result<TokenSubject, TokenError> {
        self.subject(&keys.open(token)?, keys, now)
    }

    /// Whose a token is that was opened before, perhaps by keys of which some are gone.
    ///
    /// # Errors
    /// [`TokenError`]; [`TokenError::UnknownKey`] if the key that verified it is among the keys no more.
    pub fn subject(&self, claims: &SignedClaims, keys: &Jwks, now: Timestamp) -> Result<TokenSubject, TokenError> {
        self.judge(claims, keys, Some(now))
    }

    /// The same whenever it is, or was, valid: for what waits in the name of its bearer.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn subject_at_any_time(&self, claims: &SignedClaims, keys: &Jwks) -> Result<TokenSubject, TokenError> {
        self.judge(claims, keys, None)
    }

    fn judge(&self, claims: &SignedClaims, keys: &Jwks, now: Option<Timestamp>) -> Result<TokenSubject, TokenError> {
        if !keys.has(&claims.key) {
            return Err(TokenError::UnknownKey);
        }
        let claims: &ClaimsWire = &json(&claims.json)?;
        let leeway = self.leeway.min(Self::LEEWAY_MAX);
        if claims.iss.as_ref().and_then(Value::as_str).ok_or(TokenError::Claim("iss"))? != self.issuer {
            return Err(TokenError::Issuer);
        }
        let is_audience = |value: &Value| value.as_str() == Some(&self.audience);
        let is_for_us = match claims.aud.as_ref().ok_or(TokenError::Claim("aud"))? {
            Value::Array(audiences) => audiences.iter().any(is_audience),
            one => is_audience(one),
        };
        if !is_for_us {
            return Err(TokenError::Audience);
        }
        let until = time(claims.exp.as_ref(), "exp")?.ok_or(TokenError::Claim("exp"))?.after(leeway);
        if now.is_some_and(|now| now >= until) {
            return Err(TokenError::Expired);
        }
        let from = time(claims.nbf.as_ref(), "nbf")?;
        if from.zip(now).is_some_and(|(from, now)| now.after(leeway) < from) {
            return Err(TokenError::NotYet);
        }
        let name = claims.others.get(&self.name_claim).and_then(Value::as_str).ok_or(TokenError::Claim("name"))?;
        Ok(TokenSubject { name: Name::parse(name).map_err(|_| TokenError::Name)?, roles: self.roles_in(claims), until })
    }

    /// The roles that the claim stands for. None is no error: such a bearer may do nothing.
    fn roles_in(&self, claims: &ClaimsWire) -> Vec<Name> {
        let below = || {
            let mut steps = self.roles_claim.split('.');
            let first = steps.next().and_then(|step| claims.others.get(step));
            steps.fold(first, |value, step| value.and_then(|value| value.get(step)))
        };
        let words: Vec<&str> = match claims.others.get(&self.roles_claim).or_else(below) {
            Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(words)) => words.split(' ').collect(),
            _ => Vec::new(),
        };
        let roles = self.roles.iter().filter(|(word, _)| words.contains(&word.as_str()));
        roles.map(|(_, role)| role.clone()).collect()
    }
}

fn json<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, TokenError> {
    serde_json::from_slice(bytes).map_err(|_| TokenError::Format)
}

/// Seconds since 1970, perhaps with a fraction.
fn time(value: Option<&Value>, claim: &'static str) -> Result<Option<Timestamp>, TokenError> {
    let Some(value) = value else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| (0.0..1e15).contains(seconds)).ok_or(TokenError::Claim(claim))?;
    Ok(Some(Timestamp((seconds * 1000.0) as u64)))
}
