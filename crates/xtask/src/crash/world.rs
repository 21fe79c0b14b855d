//! What all clients share: where the server is, whether load runs, and the ledger.

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ledger::{Fault, Ledger};

/// Publishers rest while a subscriber is so many publications behind, so that no session's queue ever overflows.
const LAG_MAX: u64 = 2_000;

#[derive(Default)]
pub(super) struct World {
    /// Zero while there is none.
    mqtt: AtomicU16,
    /// Even: all is to become quiet. Odd: load runs.
    phase: AtomicU64,
    over: AtomicBool,
    /// How often the network was cut.
    severed: AtomicU64,
    /// SUBACKs that subscribers had.
    subscribed: AtomicU64,
    ledger: Mutex<Ledger>,
}

impl World {
    /// The port of the server, while there is one.
    pub(super) fn mqtt(&self) -> Option<u16> {
        Some(self.mqtt.load(Ordering::Acquire)).filter(|port| *port != 0)
    }

    pub(super) fn set_mqtt(&self, port: Option<u16>) {
        self.mqtt.store(port.unwrap_or(0), Ordering::Release);
    }

    pub(super) fn phase(&self) -> u64 {
        self.phase.load(Ordering::Acquire)
    }

    pub(super) fn next_phase(&self) -> u64 {
        self.phase.fetch_add(1, Ordering::AcqRel) + 1
    }

    pub(super) fn is_load(phase: u64) -> bool {
        phase % 2 == 1
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// Cuts the network: nothing that was not read by now reaches anybody.
    pub(super) fn sever(&self) {
        self.severed.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn severed(&self) -> u64 {
        self.severed.load(Ordering::Acquire)
    }

    /// A subscriber has its SUBACK.
    pub(super) fn subscribed(&self) {
        self.subscribed.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn subscribed_len(&self) -> u64 {
        self.subscribed.load(Ordering::Acquire)
    }

    /// Whole after every call, so a panic elsewhere does no harm.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn fault(&self, fault: Fault, what: &str) {
        self.ledger().fault(fault, what);
    }

    /// Whether publishers may go on.
    pub(super) fn has_room(&self) -> bool {
        self.ledger().lag() < LAG_MAX
    }
}
