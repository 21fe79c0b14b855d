//! The ledger: what was published, what was acknowledged, what arrived, and what does not add up.
//!
//! Publishers number what they publish, from one. While load runs, the ledger notes; when all is quiet,
//! [`settle`](Ledger::settle) compares the two sides and turns the page. Subscribers are there before the first
//! publication, so each of them must have everything that was acknowledged.
//! Invariant: a number is noted as published before its bytes are sent, and as acknowledged only when the server's word
//! has arrived.

use factree_mqtt::QoS;

use super::message::{self, TOPICS};

/// More faults than this are counted and not described.
const DESCRIBED_MAX: usize = 20;

/// What the server must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Something acknowledged is gone: a publication, a retained message, a session, a subscription, a will.
    Lost,
    /// A QoS 2 publication was delivered twice.
    Duplicated,
    /// A publication overtook an earlier one of the same publisher.
    Disordered,
    /// Something is there that nobody has made, or that was taken back; or the server ended by itself.
    Wrong,
}

/// Counted over a whole run.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    pub(super) acknowledged: u64,
    pub(super) refused: u64,
    pub(super) redelivered: u64,
    pub(super) audits: u64,
    pub(super) retained: u64,
    pub(super) wills: u64,
    faults: [u64; 4],
}

impl Totals {
    pub(super) fn of(&self, fault: Fault) -> u64 {
        self.faults[fault as usize]
    }

    pub(super) fn faults(&self) -> u64 {
        self.faults.iter().sum()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// May or may not have reached the server.
    Open,
    Acknowledged,
    /// The server has said that it did not take it.
    Refused,
}

/// A publisher's side.
struct Published {
    name: String,
    qos: QoS,
    will: bool,
    /// The number of the first fate on this page.
    first: u64,
    fates: Vec<Fate>,
    /// The last acknowledged number of each topic, over all pages; zero is none.
    floors: [u64; TOPICS as usize],
    /// The phase in which it last had nothing in flight and nothing to say.
    quiet_in: u64,
}

/// A subscriber's side; the members of a group share one.
struct Received {
    name: String,
    qos: QoS,
    group: bool,
    from: Vec<Seen>,
    /// Different numbers on this page, without wills and QoS 0.
    distinct: u64,
    /// The last fence that came through.
    fence: u64,
}

#[derive(Clone, Default)]
struct Seen {
    /// The last number that came for the first time.
    newest: u64,
    /// How often each number of this page came.
    times: Vec<u8>,
}

#[derive(Default)]
pub(super) struct Ledger {
    published: Vec<Published>,
    received: Vec<Received>,
    /// QoS>0 publications on this page that were not refused, without wills.
    expected: u64,
    pub(super) totals: Totals,
    pub(super) described: Vec<String>,
}

impl Ledger {
    pub(super) fn fault(&mut self, fault: Fault, what: &str) {
        self.totals.faults[fault as usize] += 1;
        if self.described.len() < DESCRIBED_MAX {
            self.described.push(format!("{fault:?}: {what}"));
        }
    }

    // ---- Who takes part -------------------------------------------------------------------------------------------

    pub(super) fn add_publisher(&mut self, name: &str, qos: QoS, will: bool) -> u16 {
        let (fates, floors) = (Vec::new(), [0; TOPICS as usize]);
        self.published.push(Published { name: name.into(), qos, will, first: 1, fates, floors, quiet_in: 0 });
        self.received.iter_mut().for_each(|received| received.from.push(Seen::default()));
        (self.published.len() - 1) as u16
    }

    pub(super) fn add_subscriber(&mut self, name: &str, qos: QoS, group: bool) -> usize {
        let from = vec![Seen::default(); self.published.len()];
        self.received.push(Received { name: name.into(), qos, group, from, distinct: 0, fence: 0 });
        self.received.len() - 1
    }

    // ---- Publishers -----------------------------------------------------------------------------------------------

    /// The next number of a publisher, which is about to be sent.
    pub(super) fn publish(&mut self, publisher: u16) -> u64 {
        let published = &mut self.published[usize::from(publisher)];
        published.fates.push(Fate::Open);
        self.expected += u64::from(published.counts());
        published.first + published.fates.len() as u64 - 1
    }

    pub(super) fn acknowledged(&mut self, publisher: u16, number: u64) {
        let published = &mut self.published[usize::from(publisher)];
        let index = number - published.first;
        let fate = &mut published.fates[index as usize];
        if *fate != Fate::Acknowledged {
            *fate = Fate::Acknowledged;
            self.totals.acknowledged += 1;
            self.totals.wills += u64::from(published.will);
        }
        let floor = &mut published.floors[(number % TOPICS) as usize];
        *floor = number.max(*floor);
    }

    /// A publication was not taken. If it was sent before, to a process that has died since, that one may have taken
    /// it and delivered it with QoS 1 before it was on disk: then it may arrive all the same.
    pub(super) fn refused(&mut self, publisher: u16, number: u64, resent: bool) {
        let published = &mut self.published[usize::from(publisher)];
        let index = number - published.first;
        if !resent {
            published.fates[index as usize] = Fate::Refused;
        }
        self.expected -= u64::from(published.counts());
        self.totals.refused += 1;
    }

    /// In this phase it has nothing in flight and nothing to say.
    pub(super) fn quiet(&mut self, publisher: u16, phase: u64) {
        self.published[usize::from(publisher)].quiet_in = phase;
    }

    pub(super) fn all_quiet(&self, phase: u64) -> bool {
        self.published.iter().all(|published| published.quiet_in == phase)
    }

    /// Who is not quiet in this phase.
    pub(super) fn loud(&self, phase: u64) -> Vec<&str> {
        let loud = self.published.iter().filter(|published| published.quiet_in != phase);
        loud.map(|published| published.name.as_str()).collect()
    }

    /// How far the slowest subscriber is behind, in publications.
    pub(super) fn lag(&self) -> u64 {
        self.received.iter().map(|received| self.expected.saturating_sub(received.distinct)).max().unwrap_or(0)
    }

    /// The last acknowledged number of each of a publisher's topics.
    pub(super) fn floors(&self, publisher: u16) -> [u64; TOPICS as usize] {
        self.published[usize::from(publisher)].floors
    }

    // ---- Subscribers ----------------------------------------------------------------------------------------------

    pub(super) fn delivered(&mut self, subscriber: usize, topic: &str, payload: &[u8]) {
        let name = &self.received[subscriber].name;
        let Some((publisher, number)) = message::decode(payload) else {
            let what = format!("{name} got {} bytes on {topic} that nobody published", payload.len());
            return self.fault(Fault::Wrong, &what);
        };
        let Some(published) = self.published.get(usize::from(publisher)) else {
            let what = format!("{name} got a message of publisher {publisher}, whom nobody knows");
            return self.fault(Fault::Wrong, &what);
        };
        let expected = if published.will { message::will_topic(publisher) } else { message::topic(publisher, number) };
        if topic != expected || number == 0 || number >= published.first + published.fates.len() as u64 {
            let what = format!("{name} got {} {number} on {topic}, where nobody published it", published.name);
            return self.fault(Fault::Wrong, &what);
        }
        self.count(subscriber, publisher, number);
    }

    fn count(&mut self, subscriber: usize, publisher: u16, number: u64) {
        let received = &mut self.received[subscriber];
        let published = &self.published[usize::from(publisher)];
        let seen = &mut received.from[usize::from(publisher)];
        let Some(index) = number.checked_sub(published.first) else {
            // From a page that was settled: it has come before, or was never acknowledged.
            if published.qos == QoS::ExactlyOnce && received.qos == QoS::ExactlyOnce {
                let what = format!("{} got {} {number} again, much later", received.name, published.name);
                return self.fault(Fault::Duplicated, &what);
            }
            self.totals.redelivered += 1;
            return;
        };
        let index = index as usize;
        if seen.times.len() <= index {
            seen.times.resize(index + 1, 0);
        }
        seen.times[index] = seen.times[index].saturating_add(1);
        if seen.times[index] > 1 {
            return;
        }
        received.distinct += u64::from(published.counts());
        let newest = seen.newest;
        seen.newest = number.max(newest);
        if newest > number && !received.group {
            let what = format!("{} got {} {number} after {newest}", received.name, published.name);
            self.fault(Fault::Disordered, &what);
        }
    }

    pub(super) fn fence(&mut self, subscriber: usize, fence: u64) {
        self.received[subscriber].fence = fence;
    }

    /// Whether this fence has come through to everybody who is not one of a group.
    pub(super) fn fenced(&self, fence: u64) -> bool {
        self.received.iter().all(|received| received.group || received.fence == fence)
    }

    // ---- Both -----------------------------------------------------------------------------------------------------

    /// How many acknowledged publications of this page have not arrived, over all subscribers.
    pub(super) fn outstanding(&self) -> u64 {
        let mut outstanding = 0;
        self.each(|_, _, _, fate, times| outstanding += u64::from(fate == Fate::Acknowledged && times == 0));
        outstanding
    }

    /// Compares what was published with what arrived, and turns the page. All must be quiet.
    pub(super) fn settle(&mut self) {
        let mut faults = Vec::new();
        let mut redelivered = 0;
        self.each(|published, received, number, fate, times| {
            let (from, to) = (&published.name, &received.name);
            match (fate, times) {
                (Fate::Acknowledged, 0) => faults.push((Fault::Lost, format!("{to} never got {from} {number}"))),
                (Fate::Refused, 1..) => {
                    faults.push((Fault::Wrong, format!("{to} got {from} {number}, which was refused")));
                }
                (_, 2..) if published.qos == QoS::ExactlyOnce && received.qos == QoS::ExactlyOnce => {
                    faults.push((Fault::Duplicated, format!("{to} got {from} {number} {times} times")));
                }
                (_, 2..) => redelivered += u64::from(times) - 1,
                (Fate::Acknowledged | Fate::Open, 1) | (Fate::Open | Fate::Refused, 0) => {}
            }
        });
        faults.into_iter().for_each(|(fault, what): (Fault, String)| self.fault(fault, &what));
        self.totals.redelivered += redelivered;
        for published in &mut self.published {
            published.first += published.fates.len() as u64;
            published.fates.clear();
        }
        for received in &mut self.received {
            received.from.iter_mut().for_each(|seen| seen.times.clear());
            received.distinct = 0;
        }
        self.expected = 0;
    }

    /// Every number of this page with every subscriber that is to have it.
    fn each(&self, mut look: impl FnMut(&Published, &Received, u64, Fate, u8)) {
        for (index, published) in self.published.iter().enumerate() {
            for received in self.received.iter().filter(|received| !(published.will && received.group)) {
                for (offset, fate) in published.fates.iter().enumerate() {
                    let times = received.from[index].times.get(offset).copied().unwrap_or(0);
                    look(published, received, published.first + offset as u64, *fate, times);
                }
            }
        }
    }
}

impl Published {
    /// Whether subscribers can be expected to catch up with it.
    fn counts(&self) -> bool {
        !self.will && self.qos != QoS::AtMostOnce
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One QoS 2 publisher with three acknowledged publications, one QoS 2 subscriber that gets these.
    fn told(deliveries: &[u64]) -> Ledger {
        let mut ledger = Ledger::default();
        let publisher = ledger.add_publisher("p", QoS::ExactlyOnce, false);
        let subscriber = ledger.add_subscriber("s", QoS::ExactlyOnce, false);
        for _ in 0..3 {
            let number = ledger.publish(publisher);
            ledger.acknowledged(publisher, number);
        }
        for number in deliveries {
            let topic = message::topic(publisher, *number);
            ledger.delivered(subscriber, &topic, &message::encode(publisher, *number, 0));
        }
        ledger.settle();
        ledger
    }

    #[test]
    fn what_does_not_add_up_is_named() {
        assert_eq!(told(&[1, 2, 3]).totals.faults(), 0);
        assert_eq!(told(&[1, 3]).described, ["Lost: s never got p 2"]);
        assert_eq!(told(&[1, 2, 2, 3]).described, ["Duplicated: s got p 2 2 times"]);
        assert_eq!(told(&[1, 3, 2]).described, ["Disordered: s got p 2 after 3"]);
        assert_eq!(told(&[1, 2, 3, 4]).described, ["Wrong: s got p 4 on load/0/4, where nobody published it"]);
    }

    #[test]
    fn a_late_duplicate_is_one() {
        let mut ledger = told(&[1, 2, 3]);
        ledger.delivered(0, "load/0/2", &message::encode(0, 2, 0));
        assert_eq!(ledger.described, ["Duplicated: s got p 2 again, much later"]);
    }

    #[test]
    fn what_was_refused_must_not_arrive() {
        let mut ledger = told(&[1, 2, 3]);
        let number = ledger.publish(0);
        ledger.refused(0, number, false);
        ledger.delivered(0, "load/0/4", &message::encode(0, number, 0));
        ledger.settle();
        assert_eq!(ledger.described, ["Wrong: s got p 4, which was refused"]);
    }
}
