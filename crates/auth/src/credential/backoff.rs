//! Backoff: who has failed has to wait, longer each time.
//!
//! Counted for each address and for each user. A user's count is what stops many addresses from guessing one password,
//! an address's what stops it from trying many users. So that nobody can lock a plant out by failing, on purpose or with
//! an old password, neither holds where that user has logged in before: there only his own failures at that address
//! count. Whoever guesses from behind the same address gains no more by it than many addresses have anyway: a few tries
//! at each user, then one each [`BackoffLimits::longest`]. Nobody's success takes away a count, or each login of a device
//! would give a guesser as many free tries again. Unknown users are counted like known ones. An address is what the
//! server says it is: of IPv6 the first 64 bits.
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
    familiar: HashMap<(Box<str>, IpAddr), Familiar>,
}

/// Somebody who has logged in from somewhere.
#[derive(Clone, Copy, Debug)]
struct Familiar {
    /// When last.
    seen: Instant,
    /// His failures there since.
    strikes: Option<Strikes>,
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
        let remaining = |strikes: Option<&Strikes>| strikes.map_or(Duration::ZERO, |it| self.remaining(now, *it));
        match self.familiar.get(&(user.into(), address)) {
            Some(familiar) => remaining(familiar.strikes.as_ref()),
            None => remaining(self.addresses.get(&address)).max(remaining(self.users.get(user))),
        }
    }

    /// He tried and failed.
    pub fn failed(&mut self, now: Instant, user: &str, address: IpAddr) {
        let (user, address, limits) = (countable(user), network(address), self.limits);
        strike(&mut self.addresses, address, now, limits);
        match self.familiar.get_mut(&(user.into(), address)) {
            Some(familiar) => familiar.strikes = Some(one_more(familiar.strikes, now, limits)),
            None => strike(&mut self.users, user.into(), now, limits),
        }
    }

    /// He tried and was right. Whatever strikes there are stay, since they may be others'; they are forgotten in time.
    pub fn succeeded(&mut self, now: Instant, user: &str, address: IpAddr) {
        let pair = (Box::from(countable(user)), network(address));
        if let Some(familiar) = self.familiar.get_mut(&pair) {
            familiar.seen = now;
            return;
        }
        make_room(&mut self.familiar, self.limits.remembered_max, |familiar| familiar.seen);
        self.familiar.insert(pair, Familiar { seen: now, strikes: None });
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
    let before = table.get(&who).copied();
    table.insert(who, one_more(before, now, limits));
}

fn one_more(before: Option<Strikes>, now: Instant, limits: BackoffLimits) -> Strikes {
    let remembered = before.filter(|it| now.saturating_duration_since(it.last) < limits.forgotten_after);
    Strikes { count: remembered.map_or(0, |it| it.count).saturating_add(1), last: now }
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
