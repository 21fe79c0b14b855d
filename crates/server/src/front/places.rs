//! Places for requests whose answers have not left, and who has to give his up.
//!
//! Three bounds: on all of them, on those of strangers, who have not logged in, and on those of the strangers at one address. So
//! whoever has logged in is answered whatever strangers do, and strangers elsewhere whatever one address does. When a bound is
//! met, the one of those it counts that has longest made us wait, for its body or to take its answer, loses its place and its
//! connection; who waits for us never does. Who waits is known only of requests that had to, so a request that is answered at
//! once takes a number and gives it back.
//! Knows no socket and no clock. Invariant: `taken` is the number of turns that hold a place.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::turn::Turn;
use crate::gate::Origin;

/// Beyond all others, for what monitoring asks.
const OF_PROBES: u32 = 4;

/// All places.
pub(crate) struct Places {
    max: u32,
    of_strangers_max: u32,
    per_address_max: u32,
    /// Who has made us wait for less keeps his place.
    patience: Duration,
    taken: AtomicU32,
    taken_back: AtomicU64,
    strangers: Mutex<Strangers>,
    waiting: Mutex<Vec<Waiting>>,
}

#[derive(Default)]
struct Strangers {
    taken: u32,
    by_origin: HashMap<Origin, u32>,
}

/// A turn that holds a place and waits for its peer.
pub(super) struct Waiting {
    turn: Weak<Turn>,
    /// Where a stranger is.
    stranger: Option<Origin>,
    since: Instant,
    waker: Waker,
}

impl Waiting {
    /// From now on.
    pub(super) fn new(turn: &Arc<Turn>, stranger: Option<Origin>, waker: &Waker) -> Self {
        Self { turn: Arc::downgrade(turn), stranger, since: Instant::now(), waker: waker.clone() }
    }
}

/// Which bound a request has met.
#[derive(Clone, Copy)]
enum Met {
    All,
    Strangers,
    Address,
}

impl Places {
    /// Strangers have half of `max` at most, and half of that from one address.
    pub(crate) fn new(max: u32, patience: Duration) -> Self {
        let half = |of: u32| of.div_ceil(2);
        Self {
            max,
            of_strangers_max: half(max),
            per_address_max: half(half(max)),
            patience,
            taken: AtomicU32::new(0),
            taken_back: AtomicU64::new(0),
            strangers: Mutex::default(),
            waiting: Mutex::default(),
        }
    }

    /// How many are taken now.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed).into()
    }

    /// How many had to be given up.
    pub(crate) fn taken_back(&self) -> u64 {
        self.taken_back.load(Ordering::Relaxed)
    }

    /// One for whoever has logged in, or need not.
    #[inline]
    pub(super) fn take(&self) -> bool {
        self.take_below(self.max) || (self.make_room(Met::All, None) && self.take_below(self.max))
    }

    /// One for a stranger.
    pub(super) fn take_for_stranger(&self, origin: Origin) -> bool {
        match self.try_for_stranger(origin) {
            Ok(()) => true,
            Err(met) => self.make_room(met, Some(origin)) && self.try_for_stranger(origin).is_ok(),
        }
    }

    /// One for what monitoring asks.
    pub(super) fn take_for_probe(&self) -> bool {
        self.take_below(self.max.saturating_add(OF_PROBES))
    }

    pub(super) fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn give_back_of_stranger(&self, origin: Origin) {
        let mut strangers = self.strangers();
        strangers.taken -= 1;
        let of_origin = strangers.by_origin.get_mut(&origin).expect("counted while it has places");
        *of_origin -= 1;
        if *of_origin == 0 {
            strangers.by_origin.remove(&origin);
        }
        self.give_back();
    }

    /// Notes that a turn which holds a place waits for its peer.
    pub(super) fn note_waiting(&self, waiting: Waiting) {
        self.waiting().push(waiting);
    }

    /// Forgets that it does.
    pub(super) fn forget_waiting(&self, turn: &Turn) {
        self.waiting().retain(|waiting| !std::ptr::eq(waiting.turn.as_ptr(), turn));
    }

    #[inline]
    fn take_below(&self, max: u32) -> bool {
        let is_free = self.taken.fetch_add(1, Ordering::Relaxed) < max;
        if !is_free {
            self.give_back();
        }
        is_free
    }

    fn try_for_stranger(&self, origin: Origin) -> Result<(), Met> {
        let mut strangers = self.strangers();
        if strangers.by_origin.get(&origin).is_some_and(|taken| *taken >= self.per_address_max) {
            return Err(Met::Address);
        }
        // If others have all there are, a stranger takes none of theirs.
        if strangers.taken >= self.of_strangers_max || !self.take_below(self.max) {
            return Err(Met::Strangers);
        }
        strangers.taken += 1;
        *strangers.by_origin.entry(origin).or_default() += 1;
        Ok(())
    }

    /// Takes back the place that has been waited for longest among those a bound counts, if that is long.
    #[cold]
    fn make_room(&self, met: Met, origin: Option<Origin>) -> bool {
        let now = Instant::now();
        let is_counted = |it: &Waiting| match met {
            Met::All => true,
            Met::Strangers => it.stranger.is_some(),
            Met::Address => it.stranger == origin,
        };
        let Waiting { turn, waker, .. } = {
            let mut waiting = self.waiting();
            let counted = waiting.iter().enumerate().filter(|(_, it)| is_counted(it));
            let oldest = counted.min_by_key(|(_, it)| it.since).map(|(number, _)| number);
            match oldest.filter(|number| now.saturating_duration_since(waiting[*number].since) >= self.patience) {
                Some(number) => waiting.swap_remove(number),
                None => return false,
            }
        };
        let is_taken_back = turn.upgrade().is_some_and(|turn| turn.take_place_back());
        self.taken_back.fetch_add(is_taken_back.into(), Ordering::Relaxed);
        waker.wake();
        // If it was not, its request was answered meanwhile, and there is room.
        true
    }

    fn strangers(&self) -> MutexGuard<'_, Strangers> {
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const ANNA: bool = false;
    const STRANGER: bool = true;

    struct Hall(Arc<Places>);

    impl Hall {
        fn new(max: u32, patience: Duration) -> Self {
            Self(Arc::new(Places::new(max, patience)))
        }

        /// A request from an address, if it gets a place.
        fn asks(&self, is_stranger: bool, address: &str) -> Option<Arc<Turn>> {
            let origin = Origin::of(address.parse::<IpAddr>().unwrap());
            let turn = Arc::new(Turn::new(Arc::clone(&self.0), origin));
            turn.begin(Some(0));
            turn.take_place(is_stranger).then_some(turn)
        }
    }

    fn wait(turn: &Arc<Turn>) {
        turn.waits_for_peer(Waker::noop());
    }

    #[test]
    fn strangers_have_half_and_half_of_that_from_one_address() {
        let hall = Hall::new(8, Duration::MAX);
        let far: Vec<_> = (0..8).filter_map(|_| hall.asks(STRANGER, "10.0.0.1")).collect();
        let near: Vec<_> = (0..8).filter_map(|_| hall.asks(STRANGER, "10.0.0.2")).collect();
        assert_eq!((far.len(), near.len()), (2, 2));
        assert!(hall.asks(STRANGER, "10.0.0.3").is_none());
        let users: Vec<_> = (0..8).filter_map(|_| hall.asks(ANNA, "10.0.0.1")).collect();
        assert_eq!((users.len(), hall.0.taken()), (4, 8));
        drop(far);
        assert!(hall.asks(STRANGER, "10.0.0.3").is_some());
        drop((near, users));
        assert_eq!((hall.0.taken(), hall.0.strangers().by_origin.len()), (0, 0));
    }

    #[test]
    fn what_monitoring_asks_has_places_beyond() {
        let hall = Hall::new(1, Duration::MAX);
        let _one = hall.asks(ANNA, "10.0.0.1").unwrap();
        let probe = Turn::new(Arc::clone(&hall.0), Origin::of(IpAddr::from([10, 0, 0, 2])));
        assert!(!probe.take_place(ANNA) && probe.take_place_for_probe());
        drop(probe);
        assert_eq!(hall.0.taken(), 1);
    }

    #[test]
    fn who_has_longest_made_us_wait_gives_his_place_up_and_who_waits_for_us_does_not() {
        let hall = Hall::new(3, Duration::ZERO);
        let [slow, slower, ours] =
            ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(|address| hall.asks(ANNA, address).unwrap());
        wait(&slower);
        wait(&slow);
        wait(&slower);
        let next = hall.asks(ANNA, "10.0.0.4").unwrap();
        assert_eq!([&slow, &slower, &ours, &next].map(|turn| turn.is_over()), [false, true, false, false]);
        assert_eq!((hall.0.taken(), hall.0.taken_back()), (3, 1));
        slow.answered();
        slow.flushed();
        assert!(hall.0.waiting().is_empty(), "it was answered, and waits no longer");
        assert!(hall.asks(ANNA, "10.0.0.5").is_some());
        drop((slow, slower, ours, next));
        assert_eq!(hall.0.taken(), 0);
    }

    #[test]
    fn who_meets_a_bound_takes_the_place_of_one_whom_it_counts() {
        let hall = Hall::new(8, Duration::ZERO);
        let anna = hall.asks(ANNA, "10.0.0.1").unwrap();
        let [far, near] =
            ["10.0.0.1", "10.0.0.2"].map(|address| [(), ()].map(|()| hall.asks(STRANGER, address).unwrap()));
        [&anna, &far[0], &far[1], &near[0], &near[1]].into_iter().for_each(wait);
        let _newcomer = hall.asks(STRANGER, "10.0.0.2").unwrap();
        assert!(near[0].is_over(), "of his own address");
        let _other = hall.asks(STRANGER, "10.0.0.3").unwrap();
        assert!(far[0].is_over() && !anna.is_over(), "of another stranger");
    }

    #[test]
    fn a_stranger_never_takes_the_place_of_who_has_logged_in() {
        let hall = Hall::new(2, Duration::ZERO);
        let users = [(), ()].map(|()| hall.asks(ANNA, "10.0.0.1").unwrap());
        users.iter().for_each(wait);
        assert!(hall.asks(STRANGER, "10.0.0.2").is_none() && users.iter().all(|turn| !turn.is_over()));
        assert!(hall.asks(ANNA, "10.0.0.2").is_some());
    }

    #[test]
    fn who_has_not_made_us_wait_for_long_keeps_his_place() {
        let hall = Hall::new(1, Duration::from_secs(3600));
        let one = hall.asks(ANNA, "10.0.0.1").unwrap();
        wait(&one);
        assert!(hall.asks(ANNA, "10.0.0.2").is_none() && !one.is_over());
    }
}
