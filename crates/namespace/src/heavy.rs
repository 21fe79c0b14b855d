//! Values that do not fit a cell: text, bytes, structures.
//!
//! Each block keeps its own in a vector with a free list; all blocks draw on one [`Budget`], so a plant of talkative
//! sources is bounded as a whole. Unchanged text is recognised and costs no allocation.
//! Invariant: the budget's sum is the weight of every value in every block, plus metadata and origins.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Limits, Refusal, Value, ValueRef};

/// Bytes that values, metadata and origins hold on the heap, over all blocks.
#[derive(Default)]
pub(crate) struct Budget {
    used: AtomicUsize,
}

impl Budget {
    /// Trades `old` bytes for `new`.
    pub(crate) fn trade(&self, old: usize, new: usize, max: usize) -> Result<(), Refusal> {
        let traded = |used: usize| Some(used - old + new).filter(|&used| new <= old || used <= max);
        let result = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, traded);
        result.map(drop).map_err(|_| Refusal::ValuesFull)
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

struct Weighed {
    value: Value,
    bytes: usize,
}

pub(crate) struct Heavy {
    values: Vec<Weighed>,
    free: Vec<u32>,
    budget: Arc<Budget>,
}

impl Heavy {
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self { values: Vec::new(), free: Vec::new(), budget }
    }

    pub(crate) fn get(&self, index: u32) -> &Value {
        &self.values[index as usize].value
    }

    /// Keeps `value` in place of `old`, or refuses and keeps `old`.
    pub(crate) fn put(&mut self, old: Option<u32>, value: ValueRef<'_>, limits: &Limits) -> Result<u32, Refusal> {
        if let Some(old) = old
            && same(self.get(old), value)
        {
            return Ok(old);
        }
        let bytes = weigh(value, limits).ok_or(Refusal::ValueTooLarge)?;
        let old_bytes = old.map_or(0, |old| self.values[old as usize].bytes);
        self.budget.trade(old_bytes, bytes, limits.values_bytes_max)?;
        let weighed = Weighed { value: value.into(), bytes };
        let Some(index) = old.or_else(|| self.free.pop()) else {
            self.values.push(weighed);
            return Ok(u32::try_from(self.values.len() - 1).expect("no more heavy values than cells"));
        };
        self.values[index as usize] = weighed;
        Ok(index)
    }

    pub(crate) fn remove(&mut self, index: u32) {
        let removed = std::mem::replace(&mut self.values[index as usize], Weighed { value: Value::Null, bytes: 0 });
        self.budget.give_back(removed.bytes);
        self.free.push(index);
    }

    /// No value is left, and none will come.
    pub(crate) fn close(&mut self) {
        self.values = Vec::new();
        self.free = Vec::new();
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.values.capacity() * size_of::<Weighed>() + self.free.capacity() * size_of::<u32>()
    }
}

/// Structures are not compared: taking one over costs a reference count, comparing costs a walk.
fn same(old: &Value, new: ValueRef<'_>) -> bool {
    match (old, new) {
        (Value::String(old), ValueRef::String(new)) => **old == *new,
        (Value::Bytes(old), ValueRef::Bytes(new)) => **old == *new,
        _ => false,
    }
}

/// Heap bytes of a value, or `None` if it is over the limits.
fn weigh(value: ValueRef<'_>, limits: &Limits) -> Option<usize> {
    match value {
        ValueRef::String(text) => Some(text.len()).filter(|&bytes| bytes <= limits.value_bytes_max),
        ValueRef::Bytes(bytes) => Some(bytes.len()).filter(|&bytes| bytes <= limits.value_bytes_max),
        // The limit is about what a source sends, the budget about what it takes here: up to 24 bytes for one of an Int8Array.
        ValueRef::Structure(value) if !value.is_within(limits.nesting_max, limits.value_bytes_max) => None,
        ValueRef::Structure(value) => value.weigh(limits.nesting_max, usize::MAX),
        ValueRef::Null
        | ValueRef::Boolean(_)
        | ValueRef::Int(_)
        | ValueRef::UInt(_)
        | ValueRef::Float(_)
        | ValueRef::Double(_)
        | ValueRef::DateTime(_) => Some(0),
    }
}
