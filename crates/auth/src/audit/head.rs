//! Heads: the end of the chain at some moment, signed.
//!
//! A head fits on one line and can be kept elsewhere: on another machine, in a mail, on paper. That is what gives it
//! its force. The installation and the key's fingerprint are signed too, so a key that was copied to another
//! installation gives itself away. Knows nothing of files; a key is 32 bytes that somebody keeps safe.
//! Invariant: a [`Head`] that [`PublicKey::verifies`] was signed by the key's owner for exactly these numbers.

use std::fmt;

use ring::digest;
use ring::signature::{self, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::frame::{Frame, FrameError, Hash, Kind, Parts, sha256};
use crate::encoding::{hex, unhex};
use crate::time::Timestamp;

/// Says what is signed.
const TAG: &[u8] = b"factree-audit-head-1\n";
/// How a head on a line begins.
const WORD: &str = "factree-audit-head-1";

/// Which installation a log is of: 16 random bytes, drawn once when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Installation(pub [u8; 16]);

impl fmt::Display for Installation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// What signs heads.
pub struct SigningKey {
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// The key of a seed of 32 random bytes, which its owner keeps, and wipes when it is no longer needed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are a seed");
        SigningKey { pair }
    }

    /// What others verify with.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.pair.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes"))
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.pair.sign(message).as_ref().try_into().expect("an Ed25519 signature has 64 bytes")
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public_key())
    }
}

/// What heads are verified with.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Its SHA-256: what is compared with what was noted elsewhere.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&self.0);
        sha256(context)
    }

    /// Whether the head was signed by this key's owner.
    pub fn verifies(&self, head: &Head) -> bool {
        head.fingerprint == self.fingerprint() && self.verifies_bytes(&head.signed(), &head.signature)
    }

    pub(super) fn verifies_bytes(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        UnparsedPublicKey::new(&signature::ED25519, self.0).verify(message, signature).is_ok()
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        unhex(text.trim()).map(PublicKey)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// The end of a log at some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Whose log.
    pub installation: Installation,
    /// SHA-256 of the public key that verifies it.
    pub fingerprint: [u8; 32],
    /// The last entry before it.
    pub seq: u64,
    /// When it was signed.
    pub time: Timestamp,
    pub(super) hash: Hash,
    pub(super) signature: [u8; 64],
}

/// Why a line is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadError;

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a head is a line: {WORD} INSTALLATION FINGERPRINT SEQ TIME HASH SIGNATURE")
    }
}

impl std::error::Error for HeadError {}

impl Head {
    pub(super) fn sign(key: &SigningKey, installation: Installation, seq: u64, time: Timestamp, hash: Hash) -> Self {
        let fingerprint = key.public_key().fingerprint();
        let mut head = Head { installation, fingerprint, seq, time, hash, signature: [0; 64] };
        head.signature = key.sign(&head.signed());
        head
    }

    /// What the signature is over.
    fn signed(&self) -> Vec<u8> {
        let (seq, time) = (self.seq.to_be_bytes(), self.time.0.to_be_bytes());
        [TAG, &self.installation.0, &self.fingerprint, &seq, &time, &self.hash].concat()
    }

    pub(super) fn body(&self) -> Vec<u8> {
        [&self.signed()[TAG.len()..], &self.signature].concat()
    }

    /// What a frame says, if it is a head.
    pub(super) fn of(frame: &Frame) -> Result<Option<Self>, FrameError> {
        if frame.kind != Kind::Head {
            return Ok(None);
        }
        let mut parts = Parts(&frame.body);
        let head = Head {
            installation: Installation(parts.array()?),
            fingerprint: parts.array()?,
            seq: parts.number()?,
            time: Timestamp(parts.number()?),
            hash: parts.array()?,
            signature: parts.array()?,
        };
        parts.end()?;
        Ok(Some(head))
    }

    /// Reads a head as [`Display`](fmt::Display) writes it.
    ///
    /// # Errors
    /// [`HeadError`]. Whether the head is genuine is another question.
    pub fn parse(line: &str) -> Result<Self, HeadError> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [WORD, installation, fingerprint, seq, time, hash, signature] = words[..] else { return Err(HeadError) };
        Ok(Head {
            installation: Installation(unhex(installation).ok_or(HeadError)?),
            fingerprint: unhex(fingerprint).ok_or(HeadError)?,
            seq: seq.parse().map_err(|_| HeadError)?,
            time: Timestamp(time.parse().map_err(|_| HeadError)?),
            hash: unhex(hash).ok_or(HeadError)?,
            signature: unhex(signature).ok_or(HeadError)?,
        })
    }

    /// Whether two genuine heads cannot be of one history: they are of the same entry and say different things. Then
    /// the key has signed two histories, so it is in more hands than one, or a log was set back and went on.
    pub fn contradicts(&self, other: &Head) -> bool {
        self.fingerprint == other.fingerprint
            && self.seq == other.seq
            && (self.hash != other.hash || self.installation != other.installation)
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fingerprint, hash, signature) = (hex(&self.fingerprint), hex(&self.hash), hex(&self.signature));
        write!(f, "{WORD} {} {fingerprint} {} {} {hash} {signature}", self.installation, self.seq, self.time.0)
    }
}
