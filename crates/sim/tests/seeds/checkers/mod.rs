//! Checkers: each holds one promise of MQTT against what happened, and none has read the broker's code.
//!
//! They are fed by the ledger (what was owed) and by the clients (what came). What a checker finds ends the life; its name
//! says which promise was broken.

pub(crate) mod at_least_once;
pub(crate) mod counters;
pub(crate) mod entitlement;
pub(crate) mod exactly_once;
pub(crate) mod limits;
pub(crate) mod order;
pub(crate) mod standing;

use std::time::Duration;

use factree_mqtt::ProtocolVersion;

use crate::history::Look;

/// What was found; empty is good.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) list: Vec<(&'static str, String)>,
}

impl Findings {
    pub(crate) fn report(&mut self, checker: &'static str, what: String) {
        self.list.push((checker, what));
    }

    pub(crate) fn expect(&mut self, checker: &'static str, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.report(checker, otherwise());
        }
    }
}

/// A PUBLISH as it reached a client, topic alias resolved.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) client: usize,
    pub(crate) topic: String,
    /// None: it has no payload, so it cannot be told which it is.
    pub(crate) number: Option<u32>,
    pub(crate) look: Look,
    pub(crate) message_expiry: Option<Duration>,
    /// Payload and end-to-end properties are those of its number.
    pub(crate) intact: bool,
    /// A QoS 2 repeat, which the client drops.
    pub(crate) repeat: bool,
    /// What the client speaks: 3.1.1 says neither identifiers nor expiry.
    pub(crate) version: ProtocolVersion,
}
