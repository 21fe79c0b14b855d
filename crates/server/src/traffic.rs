//! Traffic: what went over the sockets, counted by the connection tasks.
//!
//! The broker counts messages; bytes, packets and transports are known only where the sockets are. One relaxed addition per
//! read or write, not per packet, and each worker thread adds to a place of its own: two that met in one would cost more
//! than the rest of handling a small packet.
//! Invariant: every counter only grows, but those of [`Traffic::open`].

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::transport::Transport;

/// Counters since the process began.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// TCP connections accepted and admitted.
    pub(crate) sockets: Count,
    /// MQTT bytes that arrived; TLS and WebSocket not counted.
    pub(crate) bytes_received: Count,
    /// MQTT bytes written.
    pub(crate) bytes_sent: Count,
    /// MQTT packets that arrived whole.
    pub(crate) packets_received: Count,
    /// MQTT packets to clients.
    pub(crate) packets_sent: Count,
    /// TLS or WebSocket handshakes that failed.
    pub(crate) handshakes_failed: Count,
    /// Connections without a whole CONNECT within the connect timeout.
    pub(crate) connects_timed_out: Count,
    /// Connections closed because their bytes were not MQTT, or not allowed in it.
    pub(crate) malformed: Count,
    /// How often a client was not read for a moment because it was beyond its rate.
    pub(crate) floods_slowed: Count,
    /// Connections now open, by transport.
    open: [AtomicU64; Transport::NAMES.len()],
}

/// One counter.
#[derive(Debug, Default)]
pub(crate) struct Count([Place; PLACES_LEN]);

/// What one worker thread, or a few, have counted; in a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Place(AtomicU64);

/// More threads than this share places.
const PLACES_LEN: usize = 8;

thread_local! {
    static PLACE: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed) % PLACES_LEN
    };
}

impl Count {
    pub(crate) fn add(&self, amount: usize) {
        if amount > 0 {
            PLACE.with(|place| self.0[*place].0.fetch_add(amount as u64, Ordering::Relaxed));
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.iter().map(|place| place.0.load(Ordering::Relaxed)).sum()
    }
}

/// Counts a connection as open until it is dropped.
pub(crate) struct Open<'t>(&'t AtomicU64);

impl Traffic {
    /// A connection by a transport is open from now on.
    pub(crate) fn open(&self, transport: &Transport) -> Open<'_> {
        self.sockets.add(1);
        let count = &self.open[transport.number()];
        count.fetch_add(1, Ordering::Relaxed);
        Open(count)
    }

    /// How many are open, by name of the transport.
    pub(crate) fn by_transport(&self) -> [(&'static str, u64); Transport::NAMES.len()] {
        std::array::from_fn(|number| (Transport::NAMES[number], self.open[number].load(Ordering::Relaxed)))
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
