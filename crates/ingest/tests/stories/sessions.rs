//! What clients do besides publishing reaches the judges, in the broker's order.

use crate::world;
use std::time::{Duration, Instant};

use factree_ingest::{
    Batch, Connection, Event, Ingest, Limits, Manner, Now, Output, Placement, SessionKey, Timestamp, Will,
};
use factree_namespace::Namespace;
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder, REBIRTH, ndeath};
use factree_sparkplug::{BdSeq, Seq};
use std::sync::Arc;

const CLIENT: SessionKey = SessionKey(1);
const AT: Timestamp = Timestamp(world::EPOCH);

/// The rules that are broken by what the batch holds.
fn found(fill: impl FnOnce(&mut Batch)) -> Vec<&'static str> {
    let namespace = Arc::new(Namespace::new(factree_namespace::Limits::default()));
    let mut ingest = Ingest::new(Limits::default(), Placement::default(), namespace);
    let (mut batch, mut said) = (Batch::default(), Vec::new());
    fill(&mut batch);
    ingest.apply(Now { instant: Instant::now(), wall: AT }, &batch, &mut said);
    let found = said.into_iter().filter_map(|output| match output {
        Output::Event(Event::Finding { tck_id, .. }) => Some(tck_id),
        _ => None,
    });
    found.collect()
}

fn connects(batch: &mut Batch, will: &Will<'_>) {
    batch.session_started(CLIENT, "edge");
    let session_expiry = Duration::ZERO;
    batch.connected(CLIENT, &Connection { is_v5: false, clean_start: true, session_expiry, will: Some(*will) });
}

fn says(batch: &mut Batch, manner: impl Into<Manner>, topic: &str, payload: &[u8]) {
    let number = batch.push(CLIENT, manner, topic, payload, &Limits::default());
    batch.accept(number);
}

fn is_born(batch: &mut Batch, manner: impl Into<Manner>) {
    let birth = PayloadBuilder::at(AT)
        .seq(Seq::ZERO)
        .metric(MetricBuilder::bd_seq(BdSeq::new(0)).at(AT))
        .metric(MetricBuilder::named(REBIRTH).at(AT).boolean(false));
    says(batch, manner, "spBv1.0/g/NBIRTH/e", &birth.encode());
}

#[test]
fn a_life_as_it_should_be() {
    let death = ndeath(BdSeq::new(0));
    let found = found(|batch| {
        connects(batch, &Will { topic: "spBv1.0/g/NDEATH/e", qos: 1, retain: false, payload: &death });
        batch.subscribed(CLIENT, "spBv1.0/g/NCMD/e", 1);
        is_born(batch, false);
        says(batch, false, "spBv1.0/g/NDEATH/e", &death);
        batch.disconnecting(CLIENT, false);
        batch.session_ended(CLIENT);
    });
    assert_eq!(found, [""; 0]);
}

#[test]
fn and_one_that_is_wrong_from_the_will_to_the_end() {
    let death = ndeath(BdSeq::new(0));
    let found = found(|batch| {
        connects(batch, &Will { topic: "spBv1.0/g/NDEATH/e", qos: 0, retain: false, payload: &death });
        is_born(batch, Manner { qos: 1, retain: false });
        batch.subscribed(CLIENT, "spBv1.0/g/NCMD/e", 1);
        says(batch, false, "spBv1.0/STATE/h", b"ONLINE");
        says(batch, false, "spbv1.0/g/NDATA/e", b"1");
        batch.disconnecting(CLIENT, false);
        batch.session_ended(CLIENT);
    });
    assert_eq!(
        found,
        [
            "tck-id-message-flow-edge-node-birth-publish-will-message-qos",
            "tck-id-payloads-nbirth-qos",
            "tck-id-message-flow-edge-node-ncmd-subscribe",
            "tck-id-host-topic-phid-birth-payload",
            "tck-id-topic-structure-namespace-a",
            "tck-id-operational-behavior-edge-node-intentional-disconnect-ndeath",
        ]
    );
}
