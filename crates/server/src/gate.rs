//! The gate: who may have a connection, decided before anything is spent on it.
//!
//! A listener asks for each accepted socket, before TLS and before a task is started. Counted are connections at once (all,
//! one listener's, one address's) and new ones a second (one address's). Of IPv6 an address is a /64 network: that is
//! what one customer of a provider gets, so counting single addresses would count nothing.
//! Knows no socket and no clock. Invariant: every admission is given back once, by dropping its [`Admission`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use factree_broker::{Bucket, Rate};

use crate::limits::ConnectionLimits;

/// Rates of addresses without a connection are kept until there are so many of them; then those that are over are forgotten.
const REMEMBERED_MIN: usize = 4096;

/// Admits connections.
pub(crate) struct Gate {
    limits: ConnectionLimits,
    inside: Mutex<Inside>,
    refused: [AtomicU64; Refused::ALL.len()],
}

#[derive(Default)]
struct Inside {
    total: u32,
    by_listener: HashMap<usize, u32>,
    by_origin: HashMap<Origin, Visitor>,
    /// When there are so many origins, those that are as if they had never come are forgotten.
    sweep_at: usize,
}

/// Who is counted as one: an IPv4 address, or the upper half of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    V4([u8; 4]),
    V6([u16; 4]),
}

#[derive(Default)]
struct Visitor {
    connections: u32,
    bucket: Bucket,
}

/// Why a connection was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// `connections_max`
    Total,
    /// `connections_max` of the listener.
    Listener,
    /// `connections_per_address_max`
    Address,
    /// `connects_per_second_per_address_max`
    Rate,
}

impl Refused {
    pub(crate) const ALL: [Self; 4] = [Self::Total, Self::Listener, Self::Address, Self::Rate];

    /// The key that sets the limit, for the log and for figures.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Total => "connections_max",
            Self::Listener => "listener_connections_max",
            Self::Address => "connections_per_address_max",
            Self::Rate => "connects_per_second_per_address_max",
        }
    }
}

/// An admitted connection; dropping it gives its place back.
pub(crate) struct Admission {
    gate: Arc<Gate>,
    listener: usize,
    origin: Origin,
}

impl Gate {
    pub(crate) fn new(limits: ConnectionLimits) -> Self {
        let inside = Mutex::new(Inside { sweep_at: REMEMBERED_MIN, ..Inside::default() });
        Self { limits, inside, refused: Default::default() }
    }

    /// Lets a connection in, or says which limit it met. `listener` is any number that stands for the listener,
    /// `listener_max` its own limit.
    pub(crate) fn admit(
        self: &Arc<Self>,
        now: Instant,
        address: IpAddr,
        listener: usize,
        listener_max: Option<NonZeroU32>,
    ) -> Result<Admission, Refused> {
        let origin = Origin::of(address);
        let refused = match self.inside().admit(now, &self.limits, origin, listener, listener_max) {
            Ok(()) => return Ok(Admission { gate: Arc::clone(self), listener, origin }),
            Err(refused) => refused,
        };
        self.refused[refused as usize].fetch_add(1, Ordering::Relaxed);
        Err(refused)
    }

    /// How many connections met that limit.
    pub(crate) fn refused(&self, limit: Refused) -> u64 {
        self.refused[limit as usize].load(Ordering::Relaxed)
    }

    /// Connections now.
    pub(crate) fn inside_len(&self) -> u64 {
        self.inside().total.into()
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn admit(
        &mut self,
        now: Instant,
        limits: &ConnectionLimits,
        origin: Origin,
        listener: usize,
        listener_max: Option<NonZeroU32>,
    ) -> Result<(), Refused> {
        let reached = |count: u32, max: Option<NonZeroU32>| max.is_some_and(|max| count >= max.get());
        if reached(self.total, Some(limits.connections_max)) {
            return Err(Refused::Total);
        }
        let of_listener = self.by_listener.entry(listener).or_default();
        if reached(*of_listener, listener_max) {
            return Err(Refused::Listener);
        }
        let visitor = self.by_origin.entry(origin).or_default();
        if reached(visitor.connections, limits.connections_per_address_max) {
            return Err(Refused::Address);
        }
        let rate = limits.connects_per_second_per_address_max.map(|max| Rate::per_second(NonZeroU64::from(max)));
        if rate.is_some_and(|rate| !visitor.bucket.try_take(now, rate, 1)) {
            return Err(Refused::Rate);
        }
        visitor.connections += 1;
        *of_listener += 1;
        self.total += 1;
        if self.by_origin.len() >= self.sweep_at {
            self.sweep(now);
        }
        Ok(())
    }

    /// Who has neither a connection nor a used-up bucket is a stranger again. Sweeping when the table has doubled makes it
    /// cost each newcomer a constant; what remains is at most the connections and one second's admissions.
    fn sweep(&mut self, now: Instant) {
        self.by_origin.retain(|_, visitor| visitor.connections > 0 || !visitor.bucket.is_full(now));
        self.sweep_at = (self.by_origin.len() * 2).max(REMEMBERED_MIN);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut inside = self.gate.inside();
        inside.total -= 1;
        *inside.by_listener.get_mut(&self.listener).expect("it was admitted") -= 1;
        let visitor = inside.by_origin.get_mut(&self.origin).expect("kept while it has a connection");
        visitor.connections -= 1;
        // Most addresses have no rate to be remembered for.
        if visitor.connections == 0 && visitor.bucket == Bucket::default() {
            inside.by_origin.remove(&self.origin);
        }
    }
}

impl Origin {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn gate(limits: ConnectionLimits) -> Arc<Gate> {
        Arc::new(Gate::new(limits))
    }

    fn max(number: u32) -> Option<NonZeroU32> {
        NonZeroU32::new(number)
    }

    #[test]
    fn each_limit_refuses_by_its_name_and_a_place_given_back_is_free() {
        let now = Instant::now();
        let limits = ConnectionLimits {
            connections_max: NonZeroU32::new(4).unwrap(),
            connections_per_address_max: max(2),
            ..ConnectionLimits::default()
        };
        let gate = gate(limits);
        let admit = |address: &str, listener, most| gate.admit(now, address.parse().unwrap(), listener, most);
        let first = admit("10.0.0.1", 0, None).ok().unwrap();
        let _second = admit("10.0.0.1", 0, None).ok().unwrap();
        assert_eq!(admit("10.0.0.1", 0, None).err(), Some(Refused::Address));
        assert_eq!(admit("::ffff:10.0.0.1", 0, None).err(), Some(Refused::Address), "the same address, said in IPv6");
        drop(first);
        let _third = admit("10.0.0.1", 0, None).ok().unwrap();
        let _fourth = admit("10.0.0.2", 1, max(1)).ok().unwrap();
        assert_eq!(admit("10.0.0.3", 1, max(1)).err(), Some(Refused::Listener));
        let _fifth = admit("2001:db8::1", 0, None).ok().unwrap();
        assert_eq!(admit("10.0.0.4", 0, None).err(), Some(Refused::Total));
        assert_eq!(Refused::ALL.map(|limit| gate.refused(limit)), [1, 1, 2, 0]);
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let gate = gate(ConnectionLimits { connections_per_address_max: max(1), ..ConnectionLimits::default() });
        let admit = |address: &str| gate.admit(Instant::now(), address.parse().unwrap(), 0, None);
        let _one = admit("2001:db8:0:1::1").ok().unwrap();
        assert_eq!(admit("2001:db8:0:1:ffff::2").err(), Some(Refused::Address));
        assert!(admit("2001:db8:0:2::1").is_ok());
    }

    #[test]
    fn an_address_that_connects_too_fast_waits_and_others_do_not() {
        let limits = ConnectionLimits { connects_per_second_per_address_max: max(2), ..ConnectionLimits::default() };
        let (gate, start) = (gate(limits), Instant::now());
        let admit = |millis, address: &str| {
            gate.admit(start + Duration::from_millis(millis), address.parse().unwrap(), 0, None).map(drop).err()
        };
        assert_eq!(
            [0, 0, 0, 499].map(|at| admit(at, "10.0.0.1")),
            [None, None, Some(Refused::Rate), Some(Refused::Rate)]
        );
        assert_eq!(admit(499, "10.0.0.2"), None);
        assert_eq!(admit(500, "10.0.0.1"), None);
    }

    #[test]
    fn who_is_gone_is_forgotten() {
        let limits = ConnectionLimits { connects_per_second_per_address_max: max(1), ..ConnectionLimits::default() };
        let (gate, start) = (gate(limits), Instant::now());
        for number in 0..3 * REMEMBERED_MIN as u32 {
            let address = IpAddr::from(number.to_be_bytes());
            // One a millisecond: at most a thousand are within their second.
            let now = start + Duration::from_millis(number.into());
            drop(gate.admit(now, address, 0, None).ok().unwrap());
        }
        assert!(gate.inside().by_origin.len() <= REMEMBERED_MIN, "{}", gate.inside().by_origin.len());
    }
}
