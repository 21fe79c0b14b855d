//! Messages of one topic and one QoS come in the order in which the broker took them in.
//!
//! `[MQTT-4.6.0-5]`, `[MQTT-4.6.0-6]`. A repeat does not count, nor what came because of a new or a shared subscription.
//! A client may have been entitled to a number several times (a publisher repeats QoS 1); the earliest time that fits is
//! taken.

use std::collections::BTreeMap;

use factree_mqtt::QoS;

use super::{Arrival, Findings};
use crate::history::History;

#[derive(Debug, Default)]
pub(crate) struct Order {
    last: BTreeMap<(usize, &'static str, QoS), u64>,
}

impl Order {
    pub(crate) fn check(&mut self, arrival: &Arrival, first: bool, history: &History, findings: &mut Findings) {
        let Some(number) = arrival.number.filter(|_| first) else { return };
        let Some(entitled) = history.entitled.get(&(arrival.client, number)) else { return };
        if entitled.iter().any(|entitlement| !entitlement.live)
            || !history.shared_looks(arrival.client, number).is_empty()
        {
            return;
        }
        let key = (arrival.client, history.message(number).topic, arrival.look.qos);
        let last = self.last.entry(key).or_default();
        match entitled.iter().map(|entitlement| entitlement.sequence).find(|sequence| *sequence > *last) {
            Some(sequence) => *last = sequence,
            None => findings.report("order", format!("client {} got n={number} behind a later one", arrival.client)),
        }
    }
}
