//! Takeovers: how often connections with one client id may push each other out.
//!
//! Two clients that were given the same id by mistake connect in turns for ever, each ending the other's connection. A few
//! takeovers are ordinary (a client whose network changed); more than the limit, and the newcomer is refused, so one of the
//! two works and the other is told why. The count goes from each connection to the one that takes it over.
//! Invariant: somebody is told once until the count has been forgotten.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use crate::bucket::{Bucket, Rate};
use crate::limits::Limits;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Takeovers {
    bucket: Bucket,
    told: bool,
}

/// Whether a connection may take over another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takeover {
    Granted,
    /// `first` since the count was last forgotten.
    Refused {
        first: bool,
    },
}

impl Takeovers {
    /// Another connection asks to take this one over.
    pub(crate) fn ask(&mut self, now: Instant, limits: &Limits) -> Takeover {
        if self.bucket.is_full(now) {
            self.told = false;
        }
        let amount = NonZeroU64::new(limits.takeovers_per_minute_max.into()).expect("validated");
        match self.bucket.try_take(now, Rate { amount, per: Duration::from_secs(60) }, 1) {
            true => Takeover::Granted,
            false => Takeover::Refused { first: !std::mem::replace(&mut self.told, true) },
        }
    }
}
