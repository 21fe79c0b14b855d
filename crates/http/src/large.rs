//! Large answers leave a processor to everybody else: a page of ten thousand samples takes a thread for milliseconds, and fifty of them at once
//! would stand in line before every MQTT client's next message (HT08): of fifty readers 99 % of others' PUBACKs came within 40 to
//! 120 ms, and come within 0.1 ms (`benches/benches/hostile.rs`).
//!
//! Who waits holds nothing but its place among the requests. Compressing is not part of it: that has threads of its own.
//! Invariant: whoever has a turn awaits nothing before he gives it back.

use std::num::NonZeroUsize;
use std::sync::LazyLock;
use std::thread::available_parallelism;

use tokio::sync::{Semaphore, SemaphorePermit};

/// Samples in an answer that needs no turn: less than a millisecond.
const SMALL: usize = 1_000;

/// As many at once as there are processors, but for one.
static TURNS: LazyLock<Semaphore> = LazyLock::new(|| {
    let processors = available_parallelism().map_or(1, NonZeroUsize::get);
    Semaphore::new(processors.saturating_sub(1).max(1))
});

/// A turn of an answer with up to so many samples, until it is dropped; none is needed for a small one.
pub(crate) async fn turn(samples: usize) -> Option<SemaphorePermit<'static>> {
    match samples > SMALL {
        true => Some(TURNS.acquire().await.expect("it is never closed")),
        false => None,
    }
}
