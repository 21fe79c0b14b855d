//! Quiet: log lines that strangers cause, at a bounded rate.
//!
//! A peer that is refused costs a line; a thousand peers a second must not cost a thousand lines, or the log becomes the
//! thing that fills the disk. A few lines at once pass, then one every few seconds, which says how many were kept back.
//! Invariant: what is kept back is counted in the next line that passes.

use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use factree_broker::{Bucket, Rate};

/// So many lines at once, and one every ten seconds.
const RATE: Rate = Rate { amount: NonZeroU64::new(12).expect("not zero"), per: Duration::from_secs(120) };

/// One kind of line.
pub(crate) struct Quiet(Mutex<State>);

struct State {
    bucket: Bucket,
    kept_back: u64,
}

impl Quiet {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(State { bucket: Bucket::new(), kept_back: 0 }))
    }

    /// Whether a line may be written now; if so, how many like it were kept back before, where there are any.
    pub(crate) fn may_say(&self) -> Option<Option<NonZeroU64>> {
        self.may_say_at(Instant::now()).map(NonZeroU64::new)
    }

    fn may_say_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.bucket.try_take(now, RATE, 1) {
            return Some(std::mem::take(&mut state.kept_back));
        }
        state.kept_back += 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_a_few_lines_and_a_number() {
        let (quiet, start) = (Quiet::new(), Instant::now());
        // 1,000 a second for a minute.
        let said: Vec<u64> =
            (0..60_000).filter_map(|millis| quiet.may_say_at(start + Duration::from_millis(millis))).collect();
        assert_eq!(said.len(), 12 + 5);
        assert_eq!(said[..12], [0; 12]);
        assert_eq!(said[12], 10_000 - 12, "the thirteenth line passes after ten seconds");
        assert_eq!(quiet.may_say_at(start + Duration::from_secs(600)), Some(60_000 - 1 - 50_000));
    }
}
