//! Storms: what strangers can cause a thousand times a second costs a few entries and a number.
//!
//! Entries that are alike (verb, outcome, and for refusals the address, else principal and target) share a window of a
//! minute. The first ones are written, the others counted; when the window is over, one entry says how many. All refusals together are
//! bounded as well, or a thousand addresses would do what one may not.
//! Knows no clock and no file: time is an argument. Invariant: what is kept back is counted in an entry that comes later.

use std::collections::HashMap;
use std::mem::take;
use std::net::IpAddr;
use std::time::Duration;

use factree_auth::audit::{Outcome, OwnedEntry};

/// How long what is alike is counted together.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// How many of what is alike are written in a window.
const ALIKE_MAX: u64 = 5;
/// How many refusals are written in a window, whatever they are.
const REFUSED_MAX: u64 = 100;
/// How many kinds are told apart; further ones are counted together, by verb.
const KINDS_MAX: usize = 1000;

/// What has come in this window.
#[derive(Default)]
pub(super) struct Storm {
    kinds: HashMap<Kind, Window>,
    refused: u64,
    began: Option<Duration>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Kind {
    From(&'static str, Option<IpAddr>),
    Of(&'static str, String, String),
    Others(&'static str, Outcome),
}

struct Window {
    written: u64,
    kept_back: u64,
    /// One of those that were kept back.
    last: Option<OwnedEntry>,
}

impl Storm {
    /// Whether an entry is to be written now; it is given back if so.
    pub(super) fn admit(&mut self, now: Duration, entry: OwnedEntry) -> Option<OwnedEntry> {
        self.began.get_or_insert(now);
        let is_refused = entry.outcome != Outcome::Done && entry.outcome != Outcome::Begun;
        let mut kind = if is_refused {
            Kind::From(entry.verb, entry.address.map(network))
        } else {
            Kind::Of(entry.verb, entry.principal.clone(), entry.target.clone())
        };
        if self.kinds.len() >= KINDS_MAX && !self.kinds.contains_key(&kind) {
            kind = Kind::Others(entry.verb, entry.outcome);
        }
        let window = self.kinds.entry(kind).or_insert(Window { written: 0, kept_back: 0, last: None });
        if window.written < ALIKE_MAX && !(is_refused && self.refused >= REFUSED_MAX) {
            window.written += 1;
            self.refused += u64::from(is_refused);
            return Some(entry);
        }
        window.kept_back += 1;
        window.last = Some(entry);
        None
    }

    /// When the window is over, if one has begun.
    pub(super) fn until(&self) -> Option<Duration> {
        self.began.map(|began| began + WINDOW)
    }

    /// What was kept back in a window that is over: for each kind its last entry, which says how many there were.
    pub(super) fn flush(&mut self, now: Duration, even_early: bool) -> Vec<OwnedEntry> {
        if self.until().is_none_or(|until| now < until && !even_early) {
            return Vec::new();
        }
        let storm = take(self);
        storm.kinds.into_values().filter_map(Window::told).collect()
    }
}

impl Window {
    fn told(self) -> Option<OwnedEntry> {
        let mut entry = self.last?;
        let more = format!("{} more like this within a minute, this is the last", self.kept_back);
        entry.detail = Some(match entry.detail {
            Some(detail) => format!("{detail}; {more}"),
            None => more,
        });
        Some(entry)
    }
}

/// One host; of IPv6 its network, since a host there has as many addresses as it likes.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, last: u8) -> OwnedEntry {
        let entry = OwnedEntry::new(name, "login", "mqtt").ended(Outcome::Refused, "wrong");
        entry.from(IpAddr::from([10, 0, 0, last]))
    }

    /// Offers entries a millisecond apart; how many were written, and what the end of the window said.
    fn story(entries: impl Iterator<Item = OwnedEntry>) -> (usize, Vec<String>) {
        let (mut storm, mut written) = (Storm::default(), 0);
        for (passed, entry) in entries.enumerate() {
            written += usize::from(storm.admit(Duration::from_millis(passed as u64), entry).is_some());
        }
        assert!(storm.flush(WINDOW - Duration::from_millis(1), false).is_empty());
        let mut told: Vec<String> = storm.flush(WINDOW, false).into_iter().filter_map(|entry| entry.detail).collect();
        told.sort();
        assert!(storm.flush(WINDOW * 2, true).is_empty());
        (written, told)
    }

    #[test]
    fn a_storm_of_one_is_five_entries_and_a_number_whatever_names_it_tries() {
        let (written, told) = story((0..10_000).map(|number| refused(&format!("user{number}"), 7)));
        assert_eq!(
            (written, told),
            (5, vec!["wrong; 9995 more like this within a minute, this is the last".to_owned()])
        );
    }

    #[test]
    fn a_storm_of_many_is_bounded_too() {
        let (written, told) = story((0..10_000_u32).map(|number| refused("anna", (number % 250) as u8)));
        assert_eq!((written, told.len()), (100, 250));
    }

    #[test]
    fn what_was_done_by_different_people_is_not_alike() {
        let logins = (0..900).map(|number| OwnedEntry::new(format!("user:{number}"), "login", "mqtt"));
        assert_eq!(story(logins), (900, vec![]));
        let again = (0..7).map(|_| OwnedEntry::new("user:anna", "login", "mqtt"));
        assert_eq!(story(again), (5, vec!["2 more like this within a minute, this is the last".to_owned()]));
    }

    #[test]
    fn kinds_are_bounded_and_none_is_lost() {
        let logins = (0..5000).map(|number| OwnedEntry::new(format!("user:{number}"), "login", "mqtt"));
        let (written, told) = story(logins);
        assert_eq!(written, KINDS_MAX + ALIKE_MAX as usize);
        assert_eq!(told, [format!("{} more like this within a minute, this is the last", 5000 - written)]);
    }
}
