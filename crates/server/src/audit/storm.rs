//! Storms: what strangers can cause a thousand times a second costs a few entries and a number.
//!
//! Entries that are alike share a window of a minute: refusals of one verb by their address, what was done by its principal
//! alone, who chooses what he does it to. The first ones are written, the others counted; when the window is over, one entry
//! says how many. All refusals together are bounded as well, or a thousand addresses would do what one may not. Refusals and
//! what was done are told apart in tables of their own, so that neither strangers nor one user take from others their place.
//! Knows no clock and no file: time is an argument. Invariant: what is kept back is counted in an entry that comes later.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem::take;
use std::net::IpAddr;
use std::time::Duration;

use factree_auth::audit::{Outcome, OwnedEntry};

/// How long what is alike is counted together.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// How many refusals that are alike are written in a window.
const REFUSED_ALIKE_MAX: u64 = 5;
/// How many refusals are written in a window, whatever they are.
const REFUSED_MAX: u64 = 100;
/// How many deeds of one principal are written in a window, of each verb.
const DONE_ALIKE_MAX: u64 = 100;
/// How many addresses of refusals are told apart; those of further ones are counted together, by verb.
const REFUSED_KINDS_MAX: usize = 1000;
/// How many principals are told apart, of each verb one; as the addresses. Each has proven who he is.
const DONE_KINDS_MAX: usize = 10_000;

/// Whose entry says how many there were of whom no more are told apart.
const SEVERAL: &str = "several";

/// What has come in this window.
#[derive(Default)]
pub(super) struct Storm {
    refused: Kinds<Option<IpAddr>>,
    done: Kinds<String>,
    refused_written: u64,
    began: Option<Duration>,
}

/// What is alike, by verb and by whom it comes from.
struct Kinds<W> {
    known: HashMap<(&'static str, W), Window>,
    others: HashMap<&'static str, Window>,
}

#[derive(Default)]
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
        match entry.outcome {
            Outcome::Done | Outcome::Begun => {
                let window = self.done.window((entry.verb, entry.principal.clone()), DONE_KINDS_MAX);
                window.admit(entry, DONE_ALIKE_MAX)
            }
            Outcome::Refused | Outcome::Failed => {
                let window = self.refused.window((entry.verb, entry.address.map(network)), REFUSED_KINDS_MAX);
                let max = if self.refused_written < REFUSED_MAX { REFUSED_ALIKE_MAX } else { 0 };
                let admitted = window.admit(entry, max);
                self.refused_written += u64::from(admitted.is_some());
                admitted
            }
        }
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
        storm.refused.told().chain(storm.done.told()).collect()
    }
}

impl<W> Default for Kinds<W> {
    fn default() -> Self {
        Kinds { known: HashMap::new(), others: HashMap::new() }
    }
}

impl<W: Eq + Hash> Kinds<W> {
    fn window(&mut self, kind: (&'static str, W), kinds_max: usize) -> &mut Window {
        if self.known.len() >= kinds_max && !self.known.contains_key(&kind) {
            return self.others.entry(kind.0).or_default();
        }
        self.known.entry(kind).or_default()
    }

    fn told(self) -> impl Iterator<Item = OwnedEntry> {
        let of_several = |entry| OwnedEntry { principal: SEVERAL.into(), address: None, ..entry };
        let others = self.others.into_values().filter_map(Window::told).map(of_several);
        self.known.into_values().filter_map(Window::told).chain(others)
    }
}

impl Window {
    fn admit(&mut self, entry: OwnedEntry, written_max: u64) -> Option<OwnedEntry> {
        if self.written < written_max {
            self.written += 1;
            return Some(entry);
        }
        self.kept_back += 1;
        self.last = Some(entry);
        None
    }

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

    fn done(name: &str, target: &str) -> OwnedEntry {
        OwnedEntry::new(format!("user:{name}"), "log in", target)
    }

    #[test]
    fn what_was_done_by_different_people_is_not_alike() {
        let logins = (0..5000).map(|number| done(&number.to_string(), "mqtt/gateway"));
        assert_eq!(story(logins), (5000, vec![]));
        let again = (0..102).map(|_| done("anna", "mqtt/gateway"));
        assert_eq!(story(again), (100, vec!["2 more like this within a minute, this is the last".to_owned()]));
    }

    #[test]
    fn whoever_storms_takes_nobody_elses_entry_and_is_told_of_under_his_own_name() {
        let mut storm = Storm::default();
        let mut admit = |entry| storm.admit(Duration::ZERO, entry).is_some();
        let of_press = (0..1010).filter(|number| admit(done("press", &format!("mqtt/p{number}")))).count();
        let of_strangers = (0..2000).filter(|number| {
            let network = IpAddr::from([0x2001, 0xdb8, 1, *number, 0, 0, 0, 1]);
            admit(OwnedEntry::new("press", "log in", "mqtt/").ended(Outcome::Refused, "wrong").from(network))
        });
        assert_eq!((of_press, of_strangers.count()), (100, 100));
        assert!(admit(done("rdall", "mqtt/r")), "his first");
        let told = storm.flush(WINDOW, false);
        let of_press: Vec<_> = told.iter().filter(|entry| entry.outcome == Outcome::Done).collect();
        assert_eq!((of_press.len(), &*of_press[0].principal, &*of_press[0].target), (1, "user:press", "mqtt/p1009"));
        let of_others: Vec<_> = told.iter().filter(|entry| entry.principal == SEVERAL).collect();
        assert_eq!(of_others.len(), 1);
        assert!(of_others[0].detail.as_deref().unwrap().starts_with("wrong; 1000 more"), "{of_others:?}");
    }

    #[test]
    fn kinds_are_bounded_and_none_is_lost() {
        let logins = (0..11_000).map(|number| done(&number.to_string(), "mqtt"));
        let (written, told) = story(logins);
        assert_eq!(written, DONE_KINDS_MAX + DONE_ALIKE_MAX as usize);
        assert_eq!(told, [format!("{} more like this within a minute, this is the last", 11_000 - written)]);
    }
}
