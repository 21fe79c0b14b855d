//! Everything that watches a life: ledger, history, checkers, transcript. Passed along as one.

use std::time::Instant;

use factree_broker::{Input, Output};

use crate::checkers::order::Order;
use crate::checkers::{Arrival, Findings, entitlement, exactly_once};
use crate::history::History;
use crate::ledger::Ledger;
use crate::transcript::Transcript;

pub(crate) struct Watch {
    pub(crate) ledger: Ledger,
    pub(crate) history: History,
    pub(crate) findings: Findings,
    pub(crate) transcript: Transcript,
    order: Order,
}

impl Watch {
    pub(crate) fn new(transcript: Transcript) -> Self {
        Watch {
            ledger: Ledger::default(),
            history: History::default(),
            findings: Findings::default(),
            transcript,
            order: Order::default(),
        }
    }

    pub(crate) fn note(&mut self, now: Instant, client: usize, way: &str, what: impl FnOnce() -> String) {
        self.transcript.line(now, || format!("{}{way} {}", crate::client::NAMES[client], what()));
    }

    pub(crate) fn before(&mut self, now: Instant, client: usize, input: &Input<'_>) {
        self.ledger.before(now, client, input, &mut self.history);
    }

    pub(crate) fn said(&mut self, now: Instant, client: usize, input: &Input<'_>, output: &Output) {
        if !matches!(output, Output::Reply { .. } | Output::Wake(_)) {
            self.transcript.line(now, || format!("     {}", said(output)));
        }
        self.ledger.said(now, client, input, output, &mut self.history, &mut self.findings);
    }

    pub(crate) fn after(&mut self, now: Instant, input: &Input<'_>) {
        self.ledger.after(now, input, &mut self.findings);
    }

    /// A client got a PUBLISH.
    pub(crate) fn arrived(&mut self, arrival: &Arrival) {
        let Watch { ledger, history, findings, order, .. } = self;
        entitlement::check(arrival, history, findings);
        let Some(number) = arrival.number else { return };
        history.sequence += 1;
        let sequence = history.sequence;
        let received = history.received.entry((arrival.client, number)).or_default();
        let first = received.last == 0;
        received.last = sequence;
        received.exactly_once += u32::from(arrival.look.qos == factree_mqtt::QoS::ExactlyOnce && !arrival.repeat);
        if findings.list.is_empty() {
            exactly_once::check(arrival, ledger, history, findings);
            order.check(arrival, first, history, findings);
        }
    }
}

fn said(output: &Output) -> String {
    match output {
        Output::Accepted(_) => "accepted".to_owned(),
        Output::Refused(_) => "refused".to_owned(),
        Output::Close { connection, reason, .. } => format!("close {} {reason:?}", connection.0),
        Output::Ended { connection, .. } => format!("ended {}", connection.0),
        Output::Event(event) => format!("{event:?}"),
        Output::Subscribed { client_id, filter } => format!("{} subscribed {filter}", client_id.as_str()),
        Output::Reply { .. } | Output::Wake(_) => String::new(),
    }
}
