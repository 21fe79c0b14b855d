//! QoS 2 comes exactly once: never more often than a client is entitled, all members of a group taken together.
//!
//! `[MQTT-4.3.3-1]` to `[MQTT-4.3.3-13]`. That it comes at all is [`at_least_once`](super::at_least_once)'s.

use factree_mqtt::QoS;

use super::{Arrival, Findings};
use crate::history::History;
use crate::ledger::Ledger;

pub(crate) fn check(arrival: &Arrival, ledger: &Ledger, history: &History, findings: &mut Findings) {
    let Some(number) = arrival.number.filter(|_| arrival.look.qos == QoS::ExactlyOnce && !arrival.repeat) else {
        return;
    };
    let entitled = |client: usize| {
        let counts = [&ledger.exactly_once, &history.exactly_once];
        counts.iter().filter_map(|counts| counts.get(&(client, number))).sum::<u32>()
    };
    let got = |client: usize| history.received.get(&(client, number)).map_or(0, |received| received.exactly_once);
    let clients = 0..crate::client::NAMES.len();
    let groups = history.to_groups.get(&number).map_or(0, Vec::len) as u32;
    let all = (clients.clone().map(got).sum::<u32>(), clients.map(entitled).sum::<u32>());
    let here = (got(arrival.client), entitled(arrival.client));
    findings.expect("exactly once", all.0 <= all.1 + groups && here.0 <= here.1 + groups, || {
        format!("client {} got n={number} {} times with QoS 2, entitled to {}", arrival.client, here.0, here.1)
    });
}
