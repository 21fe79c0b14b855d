//! Backoff: who has failed has to wait, longer each time.
//!
//! Counted for each address and for each user. A user's count is what stops many addresses from guessing one password;
//! so that nobody can lock a plant out by failing on purpose, it does not hold for an address from which that user has
//! logged in before. Unknown users are counted like known ones. An address is what the server says it is: of IPv6 the
//! first 64 bits.
//! Invariant: no table holds more than [`BackoffLimits::remembered_max`] entries, whoever tries.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::limits::NAME_BYTES_MAX;

/// How long who waits.
#[derive(Clone, Copy, Debug)]
pub struct BackoffLimits {
    /// Failures that cost nothing: people mistype.
    pub free: u32,
    /// The first wait; each further failure doubles it.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// How long after the last failure everything is forgotten. Longer than `longest`.
    pub forgotten_after: Duration,
    /// Entries of each of the three tables, at least 1.
    pub remembered_max: usize,
}

impl Default for BackoffLimits {
    /// Five failures are free, then 1 s doubling to 60 s, forgotten after 15 minutes; 10,000 addresses and as many
    /// users.
    fn default() -> Self {
        BackoffLimits {
            free: 5,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            forgotten_after: Duration::from_secs(900),
            remembered_max: 10_000,
        }
    }
}

/// Failures of one user or one address.
#[derive(Clone, Copy, Debug)]
struct Strikes {
    count: u32,
    last: Instant,
}

/// Who has failed, and how often.
#[derive(Debug)]
pub struct Backoff {
    limits: BackoffLimits,
    addresses: HashMap<IpAddr, Strikes>,
    users: HashMap<Box<str>, Strikes>,
    /// Who has logged in from where, and when last.
    familiar: HashMap<(Box<str>, IpAddr), Instant>,
}

impl Backoff {
    /// Nobody has failed yet.
    pub fn new(limits: BackoffLimits) -> Self {
        Backoff { limits, addresses: HashMap::new(), users: HashMap::new(), familiar: HashMap::new() }
    }

    /// How much longer this user may not try from this address; nothing: he may now. To be asked before anything is
    /// hashed.
    pub fn wait(&self, now: Instant, user: &str, address: IpAddr) -> Duration {
        let (user, address) = (countable(user), network(address));
        let of_address = self.addresses.get(&address).map_or(Duration::ZERO, |strikes| self.remaining(now, *strikes));
        if self.familiar.contains_key(&(user.into(), address)) {
            return of_address;
        }
        let of_user = self.users.get(user).map_or(Duration::ZERO, |strikes| self.remaining(now, *strikes));
        of_address.max(of_user)
    }

    /// He tried and failed.
    pub fn failed(&mut self, now: Instant, user: &str, address: IpAddr) {
        let (user, address, limits) = (countable(user), network(address), self.limits);
        strike(&mut self.addresses, address, now, limits);
        if !self.familiar.contains_key(&(user.into(), address)) {
            strike(&mut self.users, user.into(), now, limits);
        }
    }

    /// He tried and was right. The address keeps its strikes if they are others' too; they are forgotten in time.
    pub fn succeeded(&mut self, now: Instant, user: &str, address: IpAddr) {
        let (user, address) = (countable(user), network(address));
        self.users.remove(user);
        make_room(&mut self.familiar, self.limits.remembered_max, |last| *last);
        self.familiar.insert((user.into(), address), now);
    }

    /// His password was changed, or he was deleted: nowhere is he familiar.
    pub fn forget(&mut self, user: &str) {
        self.familiar.retain(|(known, _), _| **known != *user);
        self.users.remove(user);
    }

    /// How many users and addresses are remembered.
    pub fn len(&self) -> usize {
        self.addresses.len() + self.users.len() + self.familiar.len()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn remaining(&self, now: Instant, strikes: Strikes) -> Duration {
        let beyond = strikes.count.saturating_sub(self.limits.free);
        if beyond == 0 || now.saturating_duration_since(strikes.last) >= self.limits.forgotten_after {
            return Duration::ZERO;
        }
        let wait = self.limits.first.saturating_mul(1 << (beyond - 1).min(31)).min(self.limits.longest);
        wait.saturating_sub(now.saturating_duration_since(strikes.last))
    }
}

fn strike<K: Hash + Eq + Clone>(table: &mut HashMap<K, Strikes>, who: K, now: Instant, limits: BackoffLimits) {
    if !table.contains_key(&who) {
        make_room(table, limits.remembered_max, |strikes| (strikes.count > limits.free, strikes.last));
    }
    let strikes = table.entry(who).or_insert(Strikes { count: 0, last: now });
    let is_old = now.saturating_duration_since(strikes.last) >= limits.forgotten_after;
    *strikes = Strikes { count: if is_old { 1 } else { strikes.count.saturating_add(1) }, last: now };
}

/// If the table is full, forgets what matters least. Looks at all of it, which is little beside the hash that failed.
fn make_room<K: Hash + Eq + Clone, V, O: Ord>(table: &mut HashMap<K, V>, max: usize, matters: impl Fn(&V) -> O) {
    if table.len() >= max.max(1)
        && let Some(least) = table.iter().min_by_key(|(_, value)| matters(value)).map(|(key, _)| key.clone())
    {
        table.remove(&least);
    }
}

/// A name that no user can have is not remembered by its text, which may be long: all of them are one.
fn countable(user: &str) -> &str {
    if user.len() > NAME_BYTES_MAX { "" } else { user }
}

/// What one attacker can easily have many of counts as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}
