//! Messages that come out of order, told as stories; and that any order within the window gives the same tree.

use crate::story::Story;
use factree_sparkplug::{
    encode::{MetricBuilder, PayloadBuilder},
    *,
};
use insta::assert_snapshot;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A host that waits two seconds for what is missing, from everybody.
fn patient() -> Story {
    Story::with(limits()).after("NBIRTH seq=0 bd=0 a#1 · DBIRTH/d seq=1 b#2")
}

fn limits() -> Limits {
    Limits { reorder_window: Duration::from_secs(2), ..Limits::default() }
}

fn held(story: &Story) -> (u64, u64) {
    let counters = story.host.edge_nodes().next().unwrap().counters();
    (counters.held, counters.held_dropped)
}

#[test]
fn tck_id_operational_behavior_host_reordering_param() {
    // Over attachments two seconds by default; from our own broker nothing waits.
    assert_snapshot!(Story::new().tell("NBIRTH seq=0 bd=0 a#1 · NDATA seq=2 #1 · NDATA seq=1 #1 · NDATA seq=3 #1"), @r"
    NBIRTH seq=0 bd=0 a#1 → born e [0bdSeq* 1rebirth* 2a*]
    NDATA seq=2 #1 → ! payloads-sequence-num-incrementing (1, got 2); data e [2a]; ask rebirth (SeqGap)
    NDATA seq=1 #1 → ! payloads-sequence-num-incrementing (3, got 1); late data e [2a]
    NDATA seq=3 #1 → data e [2a]
    ");
    assert_snapshot!(Story::new().tell("NBIRTH seq=0 bd=0 a#1 a1 · NDATA seq=2 #1 a1 · NDATA seq=1 #1 a1 · NDATA seq=3 #1 a1"), @r"
    NBIRTH seq=0 bd=0 a#1 a1 → born e [0bdSeq* 1rebirth* 2a*]
    NDATA seq=2 #1 a1 → nothing
    NDATA seq=1 #1 a1 → data e [2a]; [NDATA seq=2]; data e [2a]
    NDATA seq=3 #1 a1 → data e [2a]
    ");
}

#[test]
fn tck_id_operational_behavior_host_reordering_start() {
    let mut story = patient();
    assert_eq!(story.host.next_deadline(), None);
    assert_snapshot!(story.tell("NDATA seq=4 #1 · @1s · DDATA/d seq=3 #2 · @999ms · NDATA seq=2 #1"), @r"
    NDATA seq=4 #1 → nothing
    @1s → nothing
    DDATA/d seq=3 #2 → nothing
    @999ms → nothing
    NDATA seq=2 #1 → data e [2a]; [DDATA seq=3]; data e/d [3b]; [NDATA seq=4]; data e [2a]
    ");
    assert_eq!(story.host.next_deadline(), None);
}

#[test]
fn tck_id_operational_behavior_host_reordering_rebirth() {
    assert_snapshot!(patient().tell(
        "NDATA seq=3 #1 · @1s · DDATA/d seq=6 #2 · DDATA/d seq=5 #2 · @999ms · @1ms · NDATA seq=7 #1 · NDATA seq=2 #1"
    ), @r"
    NDATA seq=3 #1 → nothing
    @1s → nothing
    DDATA/d seq=6 #2 → nothing
    DDATA/d seq=5 #2 → nothing
    @999ms → nothing
    @1ms → [NDATA seq=3]; ! payloads-sequence-num-incrementing (2, got 3); data e [2a]; ask rebirth (SeqGap); [DDATA seq=5]; ! payloads-sequence-num-incrementing (4, got 5); data e/d [3b]; [DDATA seq=6]; data e/d [3b]
    NDATA seq=7 #1 → data e [2a]
    NDATA seq=2 #1 → ! payloads-sequence-num-incrementing (8, got 2); late data e [2a]
    ");
}

#[test]
fn tck_id_operational_behavior_host_reordering_success() {
    // The clock runs for what is still missing, from the arrival of the first that waits for it.
    assert_snapshot!(patient().tell(
        "NDATA seq=3 #1 · @1s · NDATA seq=5 #1 · @500ms · NDATA seq=2 #1 · @1s · NDATA seq=4 #1 · @9s · NDATA seq=6 #1"
    ), @r"
    NDATA seq=3 #1 → nothing
    @1s → nothing
    NDATA seq=5 #1 → nothing
    @500ms → nothing
    NDATA seq=2 #1 → data e [2a]; [NDATA seq=3]; data e [2a]
    @1s → nothing
    NDATA seq=4 #1 → data e [2a]; [NDATA seq=5]; data e [2a]
    @9s → nothing
    NDATA seq=6 #1 → data e [2a]
    ");
    assert_snapshot!(patient().tell("NDATA seq=3 #1 · @1s · NDATA seq=5 #1 · @500ms · NDATA seq=2 #1 · @1500ms"), @r"
    NDATA seq=3 #1 → nothing
    @1s → nothing
    NDATA seq=5 #1 → nothing
    @500ms → nothing
    NDATA seq=2 #1 → data e [2a]; [NDATA seq=3]; data e [2a]
    @1500ms → [NDATA seq=5]; ! payloads-sequence-num-incrementing (4, got 5); data e [2a]; ask rebirth (SeqGap)
    ");
}

#[test]
fn births_and_deaths_of_devices_wait_like_data() {
    assert_snapshot!(patient().tell(
        "DDATA/e seq=3 #3 · DDEATH/d seq=4 ts=1000007 · DBIRTH/e seq=2 c#3 compressed · DDATA/d seq=5 #2"
    ), @r"
    DDATA/e seq=3 #3 → nothing
    DDEATH/d seq=4 ts=1000007 → nothing
    DBIRTH/e seq=2 c#3 compressed → born e/e [4c*]; [DDATA seq=3]; data e/e [4c]; [DDEATH seq=4]; died e/d at 7 (Ddeath)
    DDATA/d seq=5 #2 → ! operational-behavior-data-publish-dbirth; ask rebirth (BeforeBirth)
    ");
}

#[test]
fn the_same_seq_twice_is_told_and_taken() {
    let mut story = patient();
    assert_snapshot!(story.tell("NDATA seq=3 #1 · NDATA seq=3 a · NDATA seq=2 #1 · NDATA seq=3 #1 · NDATA seq=4 #1"), @r"
    NDATA seq=3 #1 → nothing
    NDATA seq=3 a → nothing
    NDATA seq=2 #1 → data e [2a]; [NDATA seq=3]; data e [2a]; [NDATA seq=3]; ! payloads-sequence-num-incrementing (4, got 3); late data e [2a]
    NDATA seq=3 #1 → ! payloads-sequence-num-incrementing (4, got 3); late data e [2a]
    NDATA seq=4 #1 → data e [2a]
    ");
    assert_eq!(story.host.edge_nodes().next().unwrap().counters().seq_late, 2);
}

#[test]
fn a_gap_that_seq_has_gone_round_in_is_a_gap_and_not_late() {
    // 199 messages are missing: 200 is 57 behind 1, and later than what was said before.
    assert_snapshot!(Story::new().tell(
        "NBIRTH seq=0 bd=0 a#1 · NDATA seq=200 #1 ts=1000500 · NDATA seq=201 #1 ts=1000600 · NDATA seq=199 #1 ts=1000400"
    ), @r"
    NBIRTH seq=0 bd=0 a#1 → born e [0bdSeq* 1rebirth* 2a*]
    NDATA seq=200 #1 ts=1000500 → ! payloads-sequence-num-incrementing (1, got 200); data e [2a]; ask rebirth (SeqGap)
    NDATA seq=201 #1 ts=1000600 → data e [2a]
    NDATA seq=199 #1 ts=1000400 → ! payloads-sequence-num-incrementing (202, got 199); late data e [2a]
    ");
    // What was missing is late whenever it was sent: its seq may have been taken before its time.
    assert_snapshot!(Story::new().tell(
        "NBIRTH seq=0 bd=0 a#1 · NDATA seq=3 #1 ts=1000500 · NDATA seq=1 #1 ts=1000600 · NDATA seq=2 #1 ts=1000700 · NDATA seq=4 #1"
    ), @r"
    NBIRTH seq=0 bd=0 a#1 → born e [0bdSeq* 1rebirth* 2a*]
    NDATA seq=3 #1 ts=1000500 → ! payloads-sequence-num-incrementing (1, got 3); data e [2a]; ask rebirth (SeqGap)
    NDATA seq=1 #1 ts=1000600 → ! payloads-sequence-num-incrementing (4, got 1); late data e [2a]
    NDATA seq=2 #1 ts=1000700 → ! payloads-sequence-num-incrementing (4, got 2); late data e [2a]
    NDATA seq=4 #1 → data e [2a]
    ");
    // So is one that begins to count again without an NBIRTH.
    assert_snapshot!(patient().tell(
        "NDATA seq=2 #1 · NDATA seq=3 #1 · NDATA seq=0 #1 ts=1000500 · NDATA seq=1 #1 ts=1000600"
    ), @r"
    NDATA seq=2 #1 → data e [2a]
    NDATA seq=3 #1 → data e [2a]
    NDATA seq=0 #1 ts=1000500 → ! payloads-sequence-num-incrementing (4, got 0); data e [2a]; ask rebirth (SeqGap)
    NDATA seq=1 #1 ts=1000600 → data e [2a]
    ");
    // Whoever does not count at all is not asked with every message.
    assert_snapshot!(Story::new().tell(
        "NBIRTH seq=0 bd=0 a#1 · NDATA seq=0 #1 ts=1000500 · NDATA seq=0 #1 ts=1000600"
    ), @r"
    NBIRTH seq=0 bd=0 a#1 → born e [0bdSeq* 1rebirth* 2a*]
    NDATA seq=0 #1 ts=1000500 → ! payloads-sequence-num-incrementing (1, got 0); late data e [2a]
    NDATA seq=0 #1 ts=1000600 → ! payloads-sequence-num-incrementing (1, got 0); late data e [2a]
    ");
}

#[test]
fn what_is_held_is_void_after_an_nbirth() {
    // Its metric aliases may mean others now.
    let mut story = patient();
    assert_snapshot!(story.tell("NDATA seq=3 #1 · NDATA seq=4 #1 · NBIRTH seq=0 bd=0 z#1 · @9s · NDATA seq=1 #1"), @r"
    NDATA seq=3 #1 → nothing
    NDATA seq=4 #1 → nothing
    NBIRTH seq=0 bd=0 z#1 → died e/d at 0 (NodeBirth); reborn e [0bdSeq 1rebirth 4z*] without 2a
    @9s → nothing
    NDATA seq=1 #1 → data e [4z]
    ");
    assert_eq!(held(&story), (2, 2));
}

#[test]
fn what_is_held_is_taken_before_a_death_and_nobody_is_asked() {
    assert_snapshot!(patient().tell("NDATA seq=3 #1 · NDATA seq=5 a · NDEATH bd=0 · @9s"), @r"
    NDATA seq=3 #1 → nothing
    NDATA seq=5 a → nothing
    NDEATH bd=0 → [NDATA seq=3]; ! payloads-sequence-num-incrementing (2, got 3); data e [2a]; [NDATA seq=5]; ! payloads-sequence-num-incrementing (4, got 5); data e [2a]; died e at 0 (Ndeath)
    @9s → nothing
    ");
    assert_snapshot!(patient().tell("NDATA seq=3 #1 · DDATA/new seq=5 #7 · END s2 · END s1 · @9s"), @r"
    NDATA seq=3 #1 → nothing
    DDATA/new seq=5 #7 → nothing
    END s2 → nothing
    END s1 → [NDATA seq=3]; ! payloads-sequence-num-incrementing (2, got 3); data e [2a]; [DDATA seq=5]; ! payloads-sequence-num-incrementing (4, got 5); ! operational-behavior-data-publish-dbirth; died e at 0 (SessionEnded)
    @9s → nothing
    ");
}

#[test]
fn a_device_is_not_born_after_the_session_that_bore_it_is_over() {
    assert_snapshot!(patient().tell("DBIRTH/e seq=3 c#3 s2 · END s2 · NDATA seq=2 #1 · NDATA seq=4 #1"), @r"
    DBIRTH/e seq=3 c#3 s2 → nothing
    END s2 → [DBIRTH seq=3]; ! payloads-sequence-num-incrementing (2, got 3); born e/e [4c*]; ask rebirth (SeqGap); died e/e at 0 (SessionEnded)
    NDATA seq=2 #1 → ! payloads-sequence-num-incrementing (4, got 2); late data e [2a]
    NDATA seq=4 #1 → data e [2a]
    ");
}

#[test]
fn a_message_from_before_the_wrap_of_seq_is_late_and_one_from_after_it_early() {
    let mut story = Story::with(limits()).after("NBIRTH seq=253 bd=0 a#1");
    assert_snapshot!(story.tell("NDATA seq=1 #1 · NDATA seq=255 #1 · NDATA seq=0 #1 · NDATA seq=254 #1 · NDATA seq=252 #1"), @r"
    NDATA seq=1 #1 → nothing
    NDATA seq=255 #1 → nothing
    NDATA seq=0 #1 → nothing
    NDATA seq=254 #1 → data e [2a]; [NDATA seq=255]; data e [2a]; [NDATA seq=0]; data e [2a]; [NDATA seq=1]; data e [2a]
    NDATA seq=252 #1 → ! payloads-sequence-num-incrementing (2, got 252); late data e [2a]
    ");
}

#[test]
fn whoever_is_too_far_ahead_has_lost_count_and_is_followed() {
    assert_snapshot!(patient().tell("NDATA seq=66 #1 · NDATA seq=2 #1 · NDATA seq=67 #1"), @r"
    NDATA seq=66 #1 → nothing
    NDATA seq=2 #1 → data e [2a]
    NDATA seq=67 #1 → nothing
    ");
    assert_snapshot!(patient().tell("NDATA seq=67 #1 · NDATA seq=68 #1"), @r"
    NDATA seq=67 #1 → ! payloads-sequence-num-incrementing (2, got 67); data e [2a]; ask rebirth (SeqGap)
    NDATA seq=68 #1 → data e [2a]
    ");
    assert_snapshot!(patient().tell("NDATA seq=3 #1 · NDATA seq=150 #1 · NDATA seq=151 #1"), @r"
    NDATA seq=3 #1 → nothing
    NDATA seq=150 #1 → [NDATA seq=3]; ! payloads-sequence-num-incrementing (2, got 3); data e [2a]; ask rebirth (SeqGap); [NDATA seq=150]; ! payloads-sequence-num-incrementing (4, got 150); data e [2a]
    NDATA seq=151 #1 → data e [2a]
    ");
}

#[test]
fn what_is_held_is_bounded() {
    let messages = Limits { reorder_messages_max: 2, ..limits() };
    let room = Limits { reorder_bytes_per_edge_node_max: 500, reorder_bytes_max: 500, ..limits() };
    let together = Limits { reorder_bytes_max: 700, reorder_bytes_per_edge_node_max: 700, ..limits() };
    let birth = "NBIRTH seq=0 bd=0 a#1 · NBIRTH seq=0 bd=0 a#1 node=f";
    assert_snapshot!(Story::with(messages).after(birth).tell("NDATA seq=2 #1 · NDATA seq=3 #1 · NDATA seq=3 #1"), @r"
    NDATA seq=2 #1 → nothing
    NDATA seq=3 #1 → nothing
    NDATA seq=3 #1 → [NDATA seq=2]; ! payloads-sequence-num-incrementing (1, got 2); data e [2a]; ask rebirth (SeqGap); [NDATA seq=3]; data e [2a]; [NDATA seq=3]; ! payloads-sequence-num-incrementing (4, got 3); late data e [2a]
    ");
    assert_snapshot!(Story::with(room).after(birth).tell("NDATA seq=2 #1 · NDATA seq=3 #1 · NDATA seq=4 #1 · NDATA seq=5 #1"), @r"
    NDATA seq=2 #1 → nothing
    NDATA seq=3 #1 → nothing
    NDATA seq=4 #1 → nothing
    NDATA seq=5 #1 → [NDATA seq=2]; ! payloads-sequence-num-incrementing (1, got 2); data e [2a]; ask rebirth (SeqGap); [NDATA seq=3]; data e [2a]; [NDATA seq=4]; data e [2a]; [NDATA seq=5]; data e [2a]
    ");
    assert_snapshot!(Story::with(together).after(birth).tell(
        "NDATA seq=2 #1 · NDATA seq=3 #1 · NDATA seq=2 #1 node=f · NDATA seq=3 #1 node=f · NDATA seq=1 #1 · NDATA seq=5 #1 · NDATA seq=6 #1"
    ), @r"
    NDATA seq=2 #1 → nothing
    NDATA seq=3 #1 → nothing
    NDATA seq=2 #1 node=f → nothing
    NDATA seq=3 #1 node=f → nothing
    NDATA seq=1 #1 → data e [2a]; [NDATA seq=2]; data e [2a]; [NDATA seq=3]; data e [2a]
    NDATA seq=5 #1 → nothing
    NDATA seq=6 #1 → nothing
    ");
}

/// What a tree would hold: by metric, its values in the order they came.
type Tree = BTreeMap<(Option<DeviceIndex>, MetricIndex), Vec<u64>>;

struct World {
    host: Host,
    payload: Payload,
    outputs: Outputs,
    now: Now,
    tree: Tree,
    asked: usize,
}

impl World {
    fn new() -> World {
        let now = Now { instant: Instant::now(), wall: Timestamp(1) };
        let (payload, outputs) = (Payload::new(), Outputs::new());
        World { host: Host::new(limits()), payload, outputs, now, tree: Tree::new(), asked: 0 }
    }

    fn hear(&mut self, (topic, bytes): &(&'static str, Vec<u8>)) {
        let topic = Topic::parse(topic).unwrap();
        decode(bytes, &Limits::default(), &mut self.payload).unwrap();
        self.outputs.clear();
        let (session, retained, payload) = (SessionKey(1), false, &self.payload);
        let input = Input::Message { session, qos: 0, retained, topic, published: bytes, bytes, payload };
        self.host.handle(self.now, &input, &mut self.outputs);
        let mut message = (&**bytes, &self.payload);
        for output in &self.outputs {
            match output {
                Output::Unheld(index) => {
                    let unheld = self.outputs.unheld(*index);
                    message = (unheld.bytes(), unheld.payload());
                }
                Output::Born(born) => {
                    for metric in self.outputs.born(born) {
                        let value = value(message.1.metric(metric.position), message.0);
                        self.tree.entry((born.device, metric.metric)).or_default().push(value);
                    }
                }
                Output::Data(data) => {
                    for update in self.outputs.updates(data) {
                        let value = value(message.1.metric(update.position), message.0);
                        self.tree.entry((data.device, update.metric)).or_default().push(value);
                    }
                }
                Output::AskRebirth(_) => self.asked += 1,
                Output::Adopted(_) | Output::Rivals(_) | Output::Died(_) | Output::Finding(_) => {}
            }
        }
    }
}

fn value(metric: &RawMetric, bytes: &[u8]) -> u64 {
    match metric.wire_value(bytes) {
        WireValue::Long(value) => value,
        other => panic!("{other:?}"),
    }
}

fn metric(alias: u64, value: u64) -> MetricBuilder {
    let metric = MetricBuilder::aliased(alias).at(Timestamp(1)).declare(DataType::UInt64);
    metric.value(DataType::UInt64, Value::UInt(value)).unwrap()
}

/// A life: a birth, then births, data and deaths of a device and data of the Edge Node, by these kinds.
fn life(first: u8, kinds: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let named = |name: &str, alias: u64| {
        let metric = MetricBuilder::named(name).alias(alias).at(Timestamp(1)).declare(DataType::UInt64);
        metric.value(DataType::UInt64, Value::UInt(0)).unwrap()
    };
    let mut seq = Seq::new(first);
    let mut messages =
        vec![("spBv1.0/g/NBIRTH/e", PayloadBuilder::at(Timestamp(1)).seq(seq).metric(named("a", 1)).encode())];
    for (number, kind) in kinds.iter().enumerate() {
        seq = seq.next();
        let payload = PayloadBuilder::at(Timestamp(1)).seq(seq);
        let number = number as u64 + 1;
        messages.push(match kind % 8 {
            0 => ("spBv1.0/g/DBIRTH/e/d", payload.metric(named("b", 2)).metric(named("c", 3 + number % 2)).encode()),
            1 => ("spBv1.0/g/DDEATH/e/d", payload.encode()),
            2..=4 => ("spBv1.0/g/DDATA/e/d", payload.metric(metric(2, number)).metric(metric(3, number)).encode()),
            _ => ("spBv1.0/g/NDATA/e", payload.metric(metric(1, number)).encode()),
        });
    }
    messages
}

/// Moves each message back by at most so many places as its number says.
fn shuffle(messages: &[(&'static str, Vec<u8>)], delays: &[usize]) -> Vec<(&'static str, Vec<u8>)> {
    let mut order: Vec<(usize, usize)> = (1..messages.len()).map(|at| (at + delays[at % delays.len()], at)).collect();
    order.sort_unstable();
    std::iter::once(0).chain(order.into_iter().map(|(_, at)| at)).map(|at| messages[at].clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_within_the_window_gives_the_same_tree_and_no_gap(
        first in any::<u8>(),
        kinds in prop::collection::vec(any::<u8>(), 1..300),
        delays in prop::collection::vec(0..60usize, 1..40),
    ) {
        let messages = life(first, &kinds);
        let (mut in_order, mut shuffled) = (World::new(), World::new());
        messages.iter().for_each(|message| in_order.hear(message));
        shuffle(&messages, &delays).iter().for_each(|message| shuffled.hear(message));
        prop_assert_eq!(&shuffled.tree, &in_order.tree);
        prop_assert_eq!(shuffled.asked, in_order.asked);
        prop_assert_eq!(shuffled.host.next_deadline(), None);
        let counters = shuffled.host.edge_nodes().next().unwrap().counters();
        prop_assert_eq!((counters.seq_gaps, counters.seq_late), (0, 0));
    }
}
