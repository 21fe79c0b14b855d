//! Passwords: argon2id, so that guessing costs memory.
//!
//! What is stored is a PHC string with its own cost, so the cost can be raised and each hash renewed at the next login
//! ([`PasswordHash::is_outdated`]). Who is not known is checked against a hash that nothing matches, at the cost that most
//! have; see [`Directory::password_check`](crate::Directory::password_check). Nobody hashes without a [`Permit`].
//! Invariant: no stored text makes a check take more memory or time than [`Cost`] allows.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::bearer::BearerToken;
use super::gate::Permit;
use crate::limits::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, TOKEN_BYTES_MAX};

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// How each JWT begins: `{"` in base64url.
const JWT: &[u8] = b"eyJ";

/// What hashing a password costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Why there is no such cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CostError;

impl fmt::Display for CostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cost has 8 to 1048576 KiB of memory, at least 8 for each lane, 1 to 16 passes and 1 to 8 lanes")
    }
}

impl std::error::Error for CostError {}

impl Cost {
    /// Memory in KiB (8 to 1,048,576), passes over it (1 to 16), lanes (1 to 8).
    ///
    /// # Errors
    /// [`CostError`].
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, CostError> {
        let is_possible = memory_kib <= 1 << 20 && passes >= 1 && passes <= 16 && lanes >= 1 && lanes <= 8;
        if is_possible && memory_kib >= 8 * lanes { Ok(Cost { memory_kib, passes, lanes }) } else { Err(CostError) }
    }

    /// KiB that one hash takes while it is made.
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    fn hash(self, password: &[u8], salt: &[u8]) -> Zeroizing<[u8; HASH_BYTES]> {
        let params =
            Params::new(self.memory_kib, self.passes, self.lanes, Some(HASH_BYTES)).expect("a cost is possible");
        let mut hash = Zeroizing::new([0; HASH_BYTES]);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2.hash_password_into(password, salt, &mut *hash).expect("lengths are within argon2's bounds");
        hash
    }
}

impl Default for Cost {
    /// 19 MiB, 2 passes, 1 lane: the least that OWASP recommends for argon2id.
    fn default() -> Self {
        Cost { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

/// A password as somebody typed it. Wiped when it is dropped.
pub struct Password(Zeroizing<Vec<u8>>);

/// Why a password cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordError {
    /// Fewer than [`PASSWORD_CHARS_MIN`] characters.
    TooShort,
    /// More than [`PASSWORD_BYTES_MAX`] bytes.
    TooLong,
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => write!(f, "a password has at least {PASSWORD_CHARS_MIN} characters"),
            Self::TooLong => write!(f, "a password has at most {PASSWORD_BYTES_MAX} bytes"),
        }
    }
}

impl std::error::Error for PasswordError {}

impl Password {
    /// One that is to be checked. MQTT passwords are bytes. What begins as a JWT does may be as long as a token.
    ///
    /// # Errors
    /// [`PasswordError::TooLong`].
    pub fn given(password: &[u8]) -> Result<Self, PasswordError> {
        let bytes_max = if password.starts_with(JWT) { TOKEN_BYTES_MAX } else { PASSWORD_BYTES_MAX };
        if password.len() > bytes_max {
            return Err(PasswordError::TooLong);
        }
        Ok(Password(Zeroizing::new(password.to_vec())))
    }

    /// The token it may be, where tokens are shown as passwords: a JWT or a key.
    pub fn as_token(&self) -> Option<&str> {
        let token = std::str::from_utf8(&self.0).ok()?;
        (token.as_bytes().starts_with(JWT) || BearerToken::looks_like_one(token)).then_some(token)
    }

    /// One that is to be set.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn chosen(password: &str) -> Result<Self, PasswordError> {
        if password.chars().count() < PASSWORD_CHARS_MIN {
            return Err(PasswordError::TooShort);
        }
        if password.len() > PASSWORD_BYTES_MAX {
            return Err(PasswordError::TooLong);
        }
        Self::given(password.as_bytes())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// What is stored of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    cost: Cost,
    salt: Box<[u8]>,
    hash: [u8; HASH_BYTES],
}

/// Why a text is no password hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordHashError;

impl fmt::Display for PasswordHashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a password hash is written $argon2id$v=19$m=…,t=…,p=…$salt$hash, within the bounds of a cost")
    }
}

impl std::error::Error for PasswordHashError {}

impl PasswordHash {
    /// Hashes a password with a fresh salt.
    pub fn new(_: &Permit, password: &Password, cost: Cost, salt: [u8; SALT_BYTES]) -> Self {
        PasswordHash { cost, salt: salt.into(), hash: *cost.hash(&password.0, &salt) }
    }

    /// One that nothing matches, at this cost: what those are checked against who do not exist.
    pub fn nobodys(cost: Cost) -> Self {
        PasswordHash { cost, salt: [0; SALT_BYTES].into(), hash: [0; HASH_BYTES] }
    }

    /// Whether this is the password. Takes as long and as much memory as its cost says.
    pub fn matches(&self, _: &Permit, password: &Password) -> bool {
        self.cost.hash(&password.0, &self.salt).ct_eq(&self.hash).into()
    }

    /// What it was made at.
    pub const fn cost(&self) -> Cost {
        self.cost
    }

    /// Whether it was made at another cost than today's, and is to be made anew when the password is at hand.
    pub fn is_outdated(&self, cost: Cost) -> bool {
        self.cost != cost
    }

    /// Reads a PHC string of argon2id.
    ///
    /// # Errors
    /// [`PasswordHashError`].
    pub fn parse(text: &str) -> Result<Self, PasswordHashError> {
        Self::read(text).ok_or(PasswordHashError)
    }

    fn read(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(7, '$').collect();
        let ["", "argon2id", "v=19", cost, salt, hash] = parts[..] else { return None };
        let numbers: Vec<&str> = cost.splitn(4, ',').collect();
        let [memory, passes, lanes] = numbers[..] else { return None };
        let number = |text: &str, key| text.strip_prefix(key).and_then(|number| number.parse().ok());
        let cost = Cost::new(number(memory, "m=")?, number(passes, "t=")?, number(lanes, "p=")?).ok()?;
        let salt = STANDARD_NO_PAD.decode(salt).ok().filter(|salt| (8..=64).contains(&salt.len()))?;
        let hash = STANDARD_NO_PAD.decode(hash).ok()?.try_into().ok()?;
        Some(PasswordHash { cost, salt: salt.into(), hash })
    }

    /// The PHC string, for the store and for nobody else.
    pub fn to_phc(&self) -> String {
        let Cost { memory_kib, passes, lanes } = self.cost;
        let (salt, hash) = (STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(self.hash));
        format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}")
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}
