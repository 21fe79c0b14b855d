//! No delivery without a subscription, and none that looks other than subscription and message say.
//!
//! `[MQTT-3.3.1-12]`, `[MQTT-3.3.1-13]`, `[MQTT-3.3.4-3]`, `[MQTT-3.3.2-6]`, `[MQTT-3.8.4-8]`.

use factree_mqtt::ProtocolVersion;

use super::{Arrival, Findings};
use crate::history::{History, Look};

const NAME: &str = "entitlement";

pub(crate) fn check(arrival: &Arrival, history: &History, findings: &mut Findings) {
    let Arrival { client, look, .. } = arrival;
    let Some(number) = arrival.number else { return };
    if number as usize >= history.messages.len() {
        return findings.report(NAME, format!("n={number} was never published"));
    }
    let message = history.message(number);
    findings.expect(NAME, message.topic == arrival.topic && arrival.intact, || {
        format!("n={number} was published to {} and came to {} changed", message.topic, arrival.topic)
    });
    let v5 = arrival.version == ProtocolVersion::V5;
    let left = arrival.message_expiry;
    findings.expect(NAME, left.is_some() == (v5 && message.expiry.is_some()) && left <= message.expiry, || {
        format!("n={number} with expiry {:?} says {left:?}", message.expiry)
    });
    // 3.1.1 has no word for subscription identifiers.
    let is_like = |owed: &Look| {
        (owed.qos, owed.retain) == (look.qos, look.retain) && (!v5 || owed.identifiers == look.identifiers)
    };
    let own = history.entitled.get(&(*client, number));
    let entitled = own.into_iter().flatten().any(|entitlement| is_like(&entitlement.look));
    let shared = history.shared_looks(*client, number);
    if !entitled && !shared.iter().any(is_like) {
        findings
            .report(NAME, format!("client {client} got n={number} as {look:?}; entitled: {own:?}, shared {shared:?}"));
    }
}
