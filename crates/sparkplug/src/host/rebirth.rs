//! When to ask for a rebirth: not the same Edge Node again within its cooldown, not a whole plant at once, and nobody at
//! others' expense.
//!
//! A rebirth is the dearest message there is, so a broken Edge Node may cost its own plant one every cooldown, and a
//! restart of ours spreads its requests evenly. What is refused is not queued: the next message that cannot be
//! understood asks again.
//!
//! One budget for all, with two rules that make it fair. Half of what may go out at once is kept for Edge Nodes that have
//! been born: whoever invents Edge Nodes, or a plant that nobody knows yet, has the other half and what nobody else wants.
//! And one client of our broker has a fifth of it all, whomever it speaks for. Whom asking has not helped is asked ever more
//! seldom ([`super::insistence`]), unless somebody wishes it.
//! Invariant: what is remembered is one time for all, one for each Edge Node, and one for each session that has asked.

use super::{EdgeNodeIndex, Host, Message, Output, Outputs, SessionKey, edge_node::State, outputs::AskRebirth};
use crate::{Limits, Now, Timestamp};
use hashbrown::HashMap;
use std::time::{Duration, Instant};

/// Why a rebirth is asked for (5.15 of the specification, and ours).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A message before the birth it needs.
    BeforeBirth,
    /// A sequence number is missing.
    SeqGap,
    /// A metric or metric alias that no birth declared.
    UnknownMetric,
    /// A DATA payload that does not decode.
    Malformed,
    /// An instance of a Template that the NBIRTH does not define.
    UndefinedTemplate,
    /// Somebody wishes it.
    Wished,
    /// A mistake of ours has put what we know of it in doubt.
    Doubt,
}

impl Reason {
    /// All there are.
    pub const ALL: [Reason; 7] = [
        Reason::BeforeBirth,
        Reason::SeqGap,
        Reason::UnknownMetric,
        Reason::Malformed,
        Reason::UndefinedTemplate,
        Reason::Wished,
        Reason::Doubt,
    ];

    /// A code for figures and APIs.
    pub fn code(self) -> &'static str {
        match self {
            Reason::BeforeBirth => "before_birth",
            Reason::SeqGap => "seq_gap",
            Reason::UnknownMetric => "unknown_metric",
            Reason::Malformed => "malformed",
            Reason::UndefinedTemplate => "undefined_template",
            Reason::Wished => "wished",
            Reason::Doubt => "doubt",
        }
    }
}

/// How many rebirths were asked for, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rebirths([u32; Reason::ALL.len()]);

impl Rebirths {
    /// For one reason.
    pub fn of(&self, reason: Reason) -> u64 {
        self.0[reason as usize].into()
    }

    /// For all reasons.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|&count| u64::from(count)).sum()
    }

    fn add(&mut self, reason: Reason) {
        let count = &mut self.0[reason as usize];
        *count = count.saturating_add(1);
    }
}

/// A rebirth that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    instant: Instant,
    /// When, by our clock.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
}

#[derive(Debug)]
pub(super) struct Budget {
    cooldown: Duration,
    all: Purse,
    /// What each session may have at once, and how fast that comes back.
    share: Purse,
    sessions: HashMap<SessionKey, Purse>,
}

/// Requests are paid for with time: so much each, and so much in advance.
#[derive(Clone, Debug)]
struct Purse {
    /// The time one request costs.
    interval: Duration,
    /// How far `paid_until` may run ahead of the clock.
    credit: Duration,
    /// All requests so far are paid for by this time.
    paid_until: Option<Instant>,
}

impl Purse {
    /// So many a second, and as many at once.
    fn new(per_second: u32) -> Purse {
        let interval = Duration::from_secs(1) / per_second;
        Purse { interval, credit: Duration::from_secs(1) - interval, paid_until: None }
    }

    /// How long it takes until another request can be paid for out of `credit`.
    fn wait(&self, now: Instant, credit: Duration) -> Duration {
        self.paid_until.map_or(Duration::ZERO, |paid| paid.saturating_duration_since(now).saturating_sub(credit))
    }

    fn pay(&mut self, now: Instant) {
        self.paid_until = Some(self.paid_until.map_or(now, |paid| paid.max(now)) + self.interval);
    }
}

/// Who is asked, as far as the budget cares.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    asked: Option<Asked>,
    /// How long after that it may be asked again.
    wait: Duration,
    /// Whether it has ever been born.
    is_known: bool,
    /// Whose message leads to it; `None` if no client's does.
    session: Option<SessionKey>,
}

impl Budget {
    /// One client's part is one in so many.
    const PARTS: u32 = 5;
    /// Sessions remembered before those that have paid are forgotten.
    const SESSIONS_LEN: usize = 1024;

    pub(super) fn new(limits: &Limits) -> Budget {
        let per_second = limits.rebirths_per_second_max;
        Budget {
            cooldown: limits.rebirth_cooldown,
            all: Purse::new(per_second),
            share: Purse::new((per_second / Budget::PARTS).max(1)),
            sessions: HashMap::new(),
        }
    }

    /// Notes that the candidate is asked now.
    ///
    /// # Errors
    /// If it may not be yet: how long to wait.
    fn ask(&mut self, now: Instant, candidate: Candidate) -> Result<(), Duration> {
        let Candidate { asked, wait, is_known, session } = candidate;
        let since_asked = asked.map_or(wait, |asked| now.saturating_duration_since(asked.instant));
        let credit = if is_known { self.all.credit } else { self.all.credit / 2 };
        let mut wait = wait.saturating_sub(since_asked).max(self.all.wait(now, credit));
        // All clients of another broker speak over one session.
        let session = session.filter(|session| session.attachment().is_none());
        if let Some(purse) = session.and_then(|session| self.sessions.get(&session)) {
            wait = wait.max(purse.wait(now, purse.credit));
        }
        if !wait.is_zero() {
            return Err(wait);
        }
        self.all.pay(now);
        if let Some(session) = session {
            if self.sessions.len() >= Budget::SESSIONS_LEN {
                self.sessions.retain(|_, purse| purse.paid_until.is_some_and(|paid| paid > now));
            }
            self.sessions.entry(session).or_insert_with(|| self.share.clone()).pay(now);
        }
        Ok(())
    }

    /// The session is over.
    pub(super) fn forget(&mut self, session: SessionKey) {
        self.sessions.remove(&session);
    }
}

impl Host {
    /// Asks for a rebirth because of a message, if cooldown and budget allow it.
    #[cold]
    pub(super) fn ask_rebirth(
        &mut self,
        index: EdgeNodeIndex,
        reason: Reason,
        message: &Message<'_>,
        outputs: &mut Outputs,
    ) {
        if message.turn != super::Turn::Last {
            self.ask_rebirth_of(index, reason, message.now, message.session, outputs);
        }
    }

    /// The same for a message that cannot be read.
    pub(super) fn ask_rebirth_of(
        &mut self,
        index: EdgeNodeIndex,
        reason: Reason,
        now: Now,
        session: SessionKey,
        outputs: &mut Outputs,
    ) {
        if self.ask(index, reason, now, Some(session)).is_ok() {
            outputs.list.push(Output::AskRebirth(AskRebirth { edge_node: index, reason, session }));
        }
    }

    /// No message of the Edge Node's, but somebody or something else wants a rebirth of it: notes that it is asked now, if
    /// cooldown and budget allow it. The request itself is for the caller to send.
    ///
    /// # Errors
    /// How long to wait before it may be asked.
    ///
    /// # Panics
    /// If the host has no Edge Node of this number.
    pub fn wish_rebirth(&mut self, now: Now, edge_node: EdgeNodeIndex, reason: Reason) -> Result<(), Duration> {
        self.ask(edge_node, reason, now, None)
    }

    fn ask(
        &mut self,
        index: EdgeNodeIndex,
        reason: Reason,
        now: Now,
        session: Option<SessionKey>,
    ) -> Result<(), Duration> {
        let node = self.edge_nodes.get_mut(index);
        let is_known = !matches!(node.state, State::Unknown | State::Forgotten);
        let cooldown = self.budget.cooldown;
        let wait = match session {
            Some(_) => node.insistence.want(now.instant, reason, cooldown),
            None => cooldown,
        };
        self.budget.ask(now.instant, Candidate { asked: node.asked, wait, is_known, session })?;
        if session.is_some() {
            node.insistence.ask(node.state.life().is_some());
        }
        node.asked = Some(Asked { instant: now.instant, at: now.wall, reason });
        node.counters.rebirths_asked.add(reason);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct World {
        budget: Budget,
        start: Instant,
    }

    impl World {
        fn new() -> World {
            let limits = Limits { rebirths_per_second_max: 10, ..Limits::default() };
            World { budget: Budget::new(&limits), start: Instant::now() }
        }

        fn ask(&mut self, ms: u64, is_known: bool, session: Option<u64>) -> Result<(), Duration> {
            let wait = self.budget.cooldown;
            let candidate = Candidate { asked: None, wait, is_known, session: session.map(SessionKey) };
            self.budget.ask(self.start + Duration::from_millis(ms), candidate)
        }

        /// How many of a hundred, each of a session of its own.
        fn asked_of_many(&mut self, ms: u64, is_known: bool) -> usize {
            (0..100).filter(|&session| self.ask(ms, is_known, Some(session)).is_ok()).count()
        }
    }

    #[test]
    fn one_edge_node_is_asked_once_in_its_cooldown_and_whoever_is_refused_is_told_how_long_to_wait() {
        let World { mut budget, start } = World::new();
        let mut asked = None;
        let mut ask = |ms| {
            let instant = start + Duration::from_millis(ms);
            let wait = budget.cooldown;
            let answer = budget.ask(instant, Candidate { asked, wait, is_known: true, session: None });
            if answer.is_ok() {
                asked = Some(Asked { instant, at: Timestamp(0), reason: Reason::Wished });
            }
            answer.map_err(|wait| wait.as_millis())
        };
        assert_eq!([0, 1, 4_999, 5_000, 7_000].map(&mut ask), [Ok(()), Err(4_999), Err(1), Ok(()), Err(3_000)]);
    }

    #[test]
    fn a_whole_plant_is_asked_at_the_budgets_pace() {
        let mut world = World::new();
        let asked = [0, 50, 100, 1_100, 60_000].map(|ms| world.asked_of_many(ms, true));
        assert_eq!(asked, [10, 0, 1, 10, 10]);
        assert_eq!(world.ask(60_000, true, None), Err(Duration::from_millis(100)), "until there is one again");
    }

    #[test]
    fn whoever_was_never_born_leaves_half_of_it_to_those_who_were() {
        let mut world = World::new();
        assert_eq!([world.asked_of_many(0, false), world.asked_of_many(0, true)], [5, 5]);
        assert_eq!(world.asked_of_many(100, true), 1, "those who were come first");
        assert_eq!(world.asked_of_many(500, false), 0, "until they have enough");
        // With nobody else about, the pace is the same.
        let asked: usize = (0..100).map(|step| world.asked_of_many(10_000 + step * 100, false)).sum();
        assert_eq!(asked, 5 + 99);
    }

    #[test]
    fn one_client_has_a_fifth_whomever_it_speaks_for() {
        let mut world = World::new();
        let mut asked = |ms, session| (0..100).filter(|_| world.ask(ms, true, Some(session)).is_ok()).count();
        assert_eq!([asked(0, 1), asked(0, 2), asked(500, 1), asked(1_000, 2)], [2, 2, 1, 2]);
        assert_eq!(asked(2_000, SessionKey::attached(0, 1).0), 10, "behind another broker there are many clients");
    }

    #[test]
    fn what_is_remembered_of_sessions_is_bounded_by_those_that_have_not_paid_yet() {
        let mut world = World::new();
        for session in 0..10_000 {
            assert_eq!(world.ask(session * 100, true, Some(session)), Ok(()));
        }
        assert!(world.budget.sessions.len() <= Budget::SESSIONS_LEN);
        world.budget.forget(SessionKey(9_999));
        assert!(!world.budget.sessions.contains_key(&SessionKey(9_999)));
    }
}
