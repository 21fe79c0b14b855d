//! Every queue is within its limit.

use factree_broker::Broker;

use super::Findings;

/// `limits`: what was promised, which is not what the broker says of itself.
pub(crate) fn check(broker: &Broker, limits: &factree_broker::Limits, findings: &mut Findings) {
    for session in broker.sessions() {
        let queue_max = limits.queue_len_max + limits.retained_backlog_max;
        let held = (session.queue_len, session.in_flight, session.subscriptions);
        let within = held.0 <= queue_max
            && held.1 <= usize::from(limits.in_flight_max.get())
            && held.2 <= limits.subscriptions_per_session_max as usize;
        findings.expect("limits", within, || {
            format!("{}: {held:?} queued, in flight, subscriptions", session.client_id.as_str())
        });
    }
}
