//! What stands, stands on both sides: sessions, their subscriptions, retained messages (the last accepted of each topic).
//!
//! `[MQTT-3.3.1-5]` to `[MQTT-3.3.1-8]`, `[MQTT-3.1.2-4]`, `[MQTT-3.8.4-3]`.

use std::collections::{BTreeMap, BTreeSet};

use factree_broker::Broker;
use factree_mqtt::TopicName;

use super::Findings;
use crate::ledger::Ledger;
use crate::message::{TOPICS, number_of};

pub(crate) fn check(broker: &Broker, ledger: &Ledger, findings: &mut Findings) {
    let kept: BTreeMap<&str, Option<u32>> = TOPICS
        .into_iter()
        .filter_map(|topic| {
            let name = TopicName::parse(topic).expect("they are topic names");
            Some((topic, number_of(broker.retained(name)?.payload())))
        })
        .collect();
    let owed: BTreeMap<&str, Option<u32>> =
        ledger.retained.iter().map(|(topic, kept)| (*topic, Some(kept.number))).collect();
    findings.expect("retained", kept == owed && broker.retained_len() == owed.len(), || {
        format!("kept {kept:?}, last accepted {owed:?}")
    });

    let standing: BTreeSet<(&str, bool)> =
        broker.sessions().map(|session| (session.client_id.as_str(), session.connection.is_some())).collect();
    let owed: BTreeSet<(&str, bool)> = ledger
        .sessions
        .iter()
        .map(|(client, session)| (crate::client::NAMES[*client], session.connection.is_some()))
        .collect();
    findings.expect("sessions", standing == owed, || format!("there are {standing:?}, there should be {owed:?}"));

    for (client, session) in &ledger.sessions {
        let standing: BTreeSet<&str> = broker.subscriptions(crate::client::NAMES[*client]).map(|(it, _)| it).collect();
        let owed: BTreeSet<&str> = session.subscriptions.keys().copied().collect();
        findings.expect("subscriptions", standing == owed, || {
            format!("client {client} has {standing:?}, it should have {owed:?}")
        });
    }
}
