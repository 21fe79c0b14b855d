//! QoS>0 comes at least once: to every session that stood when the message was accepted, and to one member of each group.
//!
//! `[MQTT-4.3.2-1]`, `[MQTT-4.5.0-1]`. Excused is what had expired, what no packet of the client's size can hold, and, where
//! queues are small, as many as the broker says it dropped.

use std::time::Instant;

use super::Findings;
use crate::history::History;
use crate::ledger::{Ledger, Promise};

const NAME: &str = "at least once";

/// All is quiet: who misses what?
pub(crate) fn check(
    now: Instant,
    ledger: &Ledger,
    history: &History,
    packet_bytes_max: impl Fn(usize) -> Option<usize>,
    dropped: u64,
    findings: &mut Findings,
) {
    let fits = |client: usize, number: u32| {
        packet_bytes_max(client).is_none_or(|bytes| history.message(number).packet_bytes_max() <= bytes)
    };
    let alive = |promise: &Promise| promise.expires.is_none_or(|at| at > now);
    let has = |client: usize, promise: &Promise| {
        history.received.get(&(client, promise.number)).is_some_and(|received| received.last > promise.sequence)
    };
    let mut missing = Vec::new();
    for (client, session) in &ledger.sessions {
        let due = session.promises.iter().filter(|promise| alive(promise) && fits(*client, promise.number));
        missing.extend(
            due.filter(|promise| !has(*client, promise))
                .map(|promise| format!("client {client}: n={}", promise.number)),
        );
    }
    let clients = 0..crate::client::NAMES.len();
    for group in ledger.group_promises.iter().filter(|group| alive(&group.promise)) {
        let fits_all = clients.clone().all(|client| fits(client, group.promise.number));
        if fits_all && !clients.clone().any(|client| has(client, &group.promise)) {
            missing.push(format!("{}: n={}", group.filter, group.promise.number));
        }
    }
    findings
        .expect(NAME, missing.len() as u64 <= dropped, || format!("missed, and only {dropped} dropped: {missing:?}"));
}

/// What a publisher was told is safe, the broker has taken in.
pub(crate) fn check_acknowledged(history: &History, findings: &mut Findings) {
    let lost: Vec<_> = history.acknowledged.difference(&history.accepted).collect();
    findings.expect("acknowledged", lost.is_empty(), || format!("acknowledged and not accepted: {lost:?}"));
}

/// A crash: what was owed `before` of what was acknowledged is owed still, to sessions that are kept and to topics; but for
/// as many as had been dropped from full queues.
pub(crate) fn check_crash(before: &Ledger, durable: &Ledger, history: &History, dropped: u64, findings: &mut Findings) {
    let acknowledged = |number: &u32| history.acknowledged.contains(number);
    let mut lost = Vec::new();
    for (client, session) in before.sessions.iter().filter(|(_, session)| session.is_kept()) {
        let Some(kept) = durable.sessions.get(client) else { continue };
        let has = |promise: &Promise| kept.promises.iter().any(|kept| kept.sequence == promise.sequence);
        let due = session.promises.iter().filter(|promise| promise.live && acknowledged(&promise.number));
        lost.extend(
            due.filter(|promise| !has(promise)).map(|promise| format!("n={} for client {client}", promise.number)),
        );
    }
    for (topic, kept) in before.retained.iter().filter(|(_, kept)| acknowledged(&kept.number)) {
        if durable.retained.get(topic).is_none_or(|durable| durable.number != kept.number) {
            lost.push(format!("n={}, retained of {topic}", kept.number));
        }
    }
    findings
        .expect("acknowledged", lost.len() as u64 <= dropped, || format!("acknowledged and lost in a crash: {lost:?}"));
}
