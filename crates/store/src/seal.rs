//! The seal on every value: proof that it was written by this store, for this table and this key.
//!
//! A stored value is one byte of format, eight bytes of XXH3 keyed with a number that only this store knows, and the
//! caller's bytes. The engine has checksums of its own; the seal also catches a value that turned up under another key,
//! and bytes that merely look like a record because a peer put them into a payload.
//! Invariant: `open(seal(x)) == x` under the same number, table and key, and nothing else opens.

use std::hash::{BuildHasher, Hasher};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::table::Table;

/// The first byte of every value this version writes.
const FORMAT: u8 = 1;
const OVERHEAD: usize = 9;

/// Seals and opens values with the store's secret number.
#[derive(Debug, Clone)]
pub(crate) struct Sealer {
    pub(crate) secret: u64,
    scratch: Vec<u8>,
}

impl Sealer {
    pub(crate) fn new(secret: u64) -> Self {
        Self { secret, scratch: Vec::new() }
    }

    /// A number nobody can guess from outside. Not for cryptography: it never leaves the machine.
    pub(crate) fn invent() -> u64 {
        std::hash::RandomState::new().build_hasher().finish()
    }

    /// The bytes to store for `value`.
    pub(crate) fn seal(&mut self, table: Table, key: &[u8], value: &[u8]) -> &[u8] {
        let sum = self.sum(table, key, value);
        self.scratch.clear();
        self.scratch.reserve(OVERHEAD + value.len());
        self.scratch.push(FORMAT);
        self.scratch.extend_from_slice(&sum.to_le_bytes());
        self.scratch.extend_from_slice(value);
        &self.scratch
    }

    /// Where the caller's bytes begin in `stored`, if the seal holds.
    pub(crate) fn open(&mut self, table: Table, key: &[u8], stored: &[u8]) -> Option<usize> {
        let (head, value) = stored.split_at_checked(OVERHEAD)?;
        let sum = u64::from_le_bytes(head[1..].try_into().ok()?);
        (head[0] == FORMAT && sum == self.sum(table, key, value)).then_some(OVERHEAD)
    }

    fn sum(&mut self, table: Table, key: &[u8], value: &[u8]) -> u64 {
        let length = u32::try_from(key.len()).expect("a key is shorter than 64 KiB").to_le_bytes();
        self.scratch.clear();
        self.scratch.extend_from_slice(&[FORMAT, table as u8]);
        self.scratch.extend_from_slice(&length);
        self.scratch.extend_from_slice(key);
        self.scratch.extend_from_slice(value);
        xxh3_64_with_seed(&self.scratch, self.secret)
    }
}
