//! Counters add up: every delivery that routing made was handed over, waits, or is in exactly one counter of what was lost.

use factree_broker::Broker;

use super::Findings;
use crate::ledger::Counts;

const NAME: &str = "counters";

pub(crate) fn check(broker: &Broker, counts: &Counts, findings: &mut Findings) {
    let stats = broker.stats();
    for (what, counted, seen) in [
        ("PUBLISH received", stats.publish_received, counts.publish_received),
        ("publications accepted", stats.accepted, counts.accepted),
        ("wills", stats.wills, counts.wills),
        ("connections", stats.connected, counts.connected),
        ("connections ended", stats.ended, counts.ended),
        ("deliveries", stats.delivered, counts.delivered),
        ("redeliveries", stats.redelivered, counts.redelivered),
        ("connections open", broker.connections_len() as u64, counts.connected - counts.ended),
    ] {
        findings.expect(NAME, counted == seen, || format!("{what}: {counted} counted, {seen} seen"));
    }
    let waiting: u64 = broker.sessions().map(|session| session.queue_len as u64).sum();
    let dropped = stats.dropped_slow
        + stats.dropped_absent
        + stats.dropped_queue_full
        + stats.dropped_overrun
        + stats.dropped_too_large
        + stats.dropped_session_ended;
    // What was on its way when its session ended was handed over before, and is counted as lost now.
    let accounted = (stats.delivered - stats.redelivered) + waiting + dropped + stats.expired;
    let owed = counts.offered + counts.retained_expired + counts.lost_in_flight;
    findings.expect(NAME, accounted == owed, || {
        format!("{owed} deliveries were made and {accounted} are accounted for: {waiting} wait, {counts:?}, {stats:?}")
    });
}
