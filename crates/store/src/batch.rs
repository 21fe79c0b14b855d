//! A batch: writes that become durable together or not at all.
//!
//! One arena of bytes and one list of ranges into it, both kept when the batch is cleared, so that a writer that reuses its
//! batch allocates nothing per write.
//! Invariant: every range lies in the arena, and every key has 1 to [`KEY_MAX`] bytes.

use crate::table::Table;

/// The longest key, in bytes.
pub const KEY_MAX: usize = u16::MAX as usize;

/// Writes in their order. A later write to the same key wins.
#[derive(Debug, Default)]
pub struct Batch {
    arena: Vec<u8>,
    writes: Vec<Write>,
}

#[derive(Debug, Clone, Copy)]
struct Write {
    table: Table,
    key_start: usize,
    key_end: usize,
    value_end: Option<usize>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stores `value` under `key`, over whatever was there.
    ///
    /// # Panics
    /// A key that is empty or longer than [`KEY_MAX`], a value of 4 GiB: the caller's limits are wrong.
    pub fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        assert!(value.len() < u32::MAX as usize - 64, "a value of {} bytes", value.len());
        let key_range = self.push_key(key);
        self.arena.extend_from_slice(value);
        self.writes.push(Write {
            table,
            key_start: key_range.0,
            key_end: key_range.1,
            value_end: Some(self.arena.len()),
        });
    }

    /// Removes what stands under `key`, if anything does.
    ///
    /// # Panics
    /// A key that is empty or longer than [`KEY_MAX`].
    pub fn remove(&mut self, table: Table, key: &[u8]) {
        let (key_start, key_end) = self.push_key(key);
        self.writes.push(Write { table, key_start, key_end, value_end: None });
    }

    fn push_key(&mut self, key: &[u8]) -> (usize, usize) {
        assert!((1..=KEY_MAX).contains(&key.len()), "a key of {} bytes", key.len());
        let start = self.arena.len();
        self.arena.extend_from_slice(key);
        (start, self.arena.len())
    }

    /// How many writes it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Bytes of keys and values it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.arena.len()
    }

    /// Forgets the writes and keeps the memory.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.writes.clear();
    }

    /// The writes in their order; no value means: remove.
    pub(crate) fn writes(&self) -> impl Iterator<Item = (Table, &[u8], Option<&[u8]>)> {
        self.writes.iter().map(|write| {
            let value = write.value_end.map(|end| &self.arena[write.key_end..end]);
            (write.table, &self.arena[write.key_start..write.key_end], value)
        })
    }
}
