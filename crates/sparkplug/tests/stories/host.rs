//! What a Host Application makes of births, data, deaths and the ends of sessions, told as stories.

use crate::story::Story;
use factree_sparkplug::{Counters, EdgeNodeDescriptor, EdgeNodeState, Limits, Timestamp};
use insta::assert_snapshot;
use std::time::Duration;

/// Every state of an Edge Node against every event. The device `d` is online where its Edge Node is.
#[test]
fn every_state_and_event() {
    let states = [
        ("never seen", ""),
        ("unknown", "NDATA seq=1 #1 · @5s"),
        ("restored", "NBIRTH seq=0 bd=0 a#1 restored · DBIRTH/d seq=1 b#2 restored"),
        ("online", "NBIRTH seq=0 bd=0 a#1 · DBIRTH/d seq=1 b#2"),
        ("online, device stale", "NBIRTH seq=0 bd=0 a#1 · DBIRTH/d seq=1 b#2 · NBIRTH seq=0 bd=0 a#1 · NDATA seq=1 #1"),
        ("online, device dead", "NBIRTH seq=255 bd=0 a#1 · DBIRTH/d seq=0 b#2 · DDEATH/d seq=1"),
        ("online, taken from session 2", "NBIRTH seq=0 bd=7 a#1 s2 · NBIRTH seq=0 bd=0 a#1 · DBIRTH/d seq=1 b#2"),
        ("reordering", "NBIRTH seq=0 bd=0 a#1 · DBIRTH/d seq=1 b#2 · NDATA seq=3 #1 · DDATA/d seq=5 #2"),
        ("offline", "NBIRTH seq=0 bd=0 a#1 · DBIRTH/d seq=1 b#2 · END"),
    ];
    let events = [
        "NBIRTH seq=0 bd=0 a#1",
        "NBIRTH seq=3 bd=0 a#1",
        "NBIRTH seq=0 bd=1 a#1 s2",
        "NDATA seq=2 #1",
        "NDATA seq=7 #1",
        "NDATA seq=1 #1",
        "NDATA seq=120 #1",
        "NDATA #1",
        "NDATA malformed",
        "DBIRTH/d seq=2 b#2",
        "DBIRTH/new seq=2 c#3",
        "DDATA/d seq=2 #2",
        "DDATA/d seq=2 #2 s2",
        "DDATA/d seq=2 #2 a2",
        "DDATA/new seq=2 #3",
        "DDEATH/d seq=2 ts=7",
        "DDEATH/new seq=2",
        "NDEATH bd=0",
        "NDEATH bd=0 s0",
        "NDEATH bd=0 s2",
        "NDEATH bd=5",
        "NDEATH empty",
        "END s1",
        "END s2",
        "@1s",
    ];
    let limits = Limits { reorder_window: Duration::from_secs(1), ..Limits::default() };
    let mut table = String::new();
    for (state, before) in states {
        table += &format!("== {state}\n");
        for event in events {
            let mut story = Story::with(limits.clone());
            if !before.is_empty() {
                story.tell(before);
            }
            table += &story.tell(event);
            table += &format!(" | {}\n", summary(&story));
        }
    }
    assert_snapshot!(table);
}

/// The state after an event, in a word or two.
fn summary(story: &Story) -> String {
    let Some(node) = story.host.edge_node(EdgeNodeDescriptor::new("g", "e").unwrap()) else {
        return "never seen".to_owned();
    };
    let state = match node.state() {
        EdgeNodeState::Unknown => "unknown".to_owned(),
        EdgeNodeState::Forgotten => "forgotten".to_owned(),
        EdgeNodeState::Online { next, session, .. } => format!("online, next {next}, session {}", session.0),
        EdgeNodeState::Reordering { next, held, .. } => format!("reordering, next {next}, held {held}"),
        EdgeNodeState::Restored { .. } => "restored".to_owned(),
        EdgeNodeState::Offline { .. } => "offline".to_owned(),
    };
    let devices = node.devices().map(|device| format!(", {} {:?}", device.id, device.state));
    let device = |text: String| text.split(" {").next().unwrap_or_default().to_lowercase();
    state + &devices.map(device).collect::<String>()
}

#[test]
fn an_edge_node_lives_and_dies_with_its_session() {
    assert_snapshot!(Story::new().tell(
        "NBIRTH seq=0 bd=0 temp#1 speed#2 · DBIRTH/robot seq=1 torque#3 · NDATA seq=2 #1 #2 · DDATA/robot seq=3 #3
         · @2s · END · @1s · NBIRTH seq=0 bd=1 temp#1 speed#2 s2 · DBIRTH/robot seq=1 torque#3 s2"
    ), @r"
    NBIRTH seq=0 bd=0 temp#1 speed#2 → born e [0bdSeq* 1rebirth* 2temp* 3speed*]
    DBIRTH/robot seq=1 torque#3 → born e/robot [4torque*]
    NDATA seq=2 #1 #2 → data e [2temp 3speed]
    DDATA/robot seq=3 #3 → data e/robot [4torque]
    @2s → nothing
    END → died e at 2000 (SessionEnded)
    @1s → nothing
    NBIRTH seq=0 bd=1 temp#1 speed#2 s2 → born e [0bdSeq 1rebirth 2temp 3speed]
    DBIRTH/robot seq=1 torque#3 s2 → born e/robot [4torque]
    ");
}

#[test]
fn a_rebirth_keeps_the_numbers_of_metrics_and_says_which_vanished() {
    assert_snapshot!(Story::new().tell(
        "NBIRTH seq=0 a#1 b#2 · DBIRTH/d seq=1 a#3 · NBIRTH seq=0 c#1 b#9 · NDATA seq=1 #1 #9 #2 · DDATA/d seq=2 #3
         · DBIRTH/d seq=3 x#3 · NBIRTH seq=0 a b c"
    ), @r"
    NBIRTH seq=0 a#1 b#2 → ! topics-nbirth-bdseq-included; born e [0rebirth* 1a* 2b*]
    DBIRTH/d seq=1 a#3 → born e/d [3a*]
    NBIRTH seq=0 c#1 b#9 → ! topics-nbirth-bdseq-included; died e/d at 0 (NodeBirth); reborn e [0rebirth 4c* 2b] without 1a
    NDATA seq=1 #1 #9 #2 → ! topics-nbirth-metric-reqs; data e [4c 2b]; ask rebirth (UnknownMetric)
    DDATA/d seq=2 #3 → ! operational-behavior-data-publish-dbirth
    DBIRTH/d seq=3 x#3 → born e/d [5x*] without 3a
    NBIRTH seq=0 a b c → ! topics-nbirth-bdseq-included; died e/d at 0 (NodeBirth); reborn e [0rebirth 1a 2b 4c]
    ");
}

#[test]
fn sp17_the_delayed_will_of_an_older_session_does_not_kill() {
    assert_snapshot!(Story::new().tell(
        "NBIRTH seq=0 bd=3 a#1 · NBIRTH seq=0 bd=4 a#1 s2 · NDEATH bd=3 · END s1 · NDATA seq=1 #1 s2 · NDEATH bd=4 s2
         · NDEATH bd=4 s2 · END s2"
    ), @r"
    NBIRTH seq=0 bd=3 a#1 → born e [0bdSeq* 1rebirth* 2a*]
    NBIRTH seq=0 bd=4 a#1 s2 → reborn e [0bdSeq 1rebirth 2a]
    NDEATH bd=3 → ! payloads-ndeath-bdseq (4, got 3)
    END s1 → nothing
    NDATA seq=1 #1 s2 → data e [2a]
    NDEATH bd=4 s2 → died e at 0 (Ndeath)
    NDEATH bd=4 s2 → nothing
    END s2 → nothing
    ");
}

#[test]
fn sp17_a_delayed_will_with_the_same_bd_seq_does_not_kill_either() {
    // npm's sparkplug-client sends bdSeq 0 for ever, pysparkplug begins at 0 with every process.
    assert_snapshot!(Story::new().tell("NBIRTH seq=0 bd=0 a · NBIRTH seq=0 bd=0 a s2 · NDEATH bd=0 · END s1 · END s2"), @r"
    NBIRTH seq=0 bd=0 a → born e [0bdSeq* 1rebirth* 2a*]
    NBIRTH seq=0 bd=0 a s2 → reborn e [0bdSeq 1rebirth 2a]
    NDEATH bd=0 → ! factree-ndeath-session
    END s1 → nothing
    END s2 → died e at 0 (SessionEnded)
    ");
}

#[test]
fn the_session_is_the_death_authority_whatever_the_ndeath_says() {
    // pysparkplug 0.6.1 disconnects with bdSeq + 1; C Tahu's will is empty.
    assert_snapshot!(Story::new().tell("NBIRTH seq=0 bd=0 a · NDEATH bd=1 · NDEATH empty · END"), @r"
    NBIRTH seq=0 bd=0 a → born e [0bdSeq* 1rebirth* 2a*]
    NDEATH bd=1 → ! payloads-ndeath-bdseq (0, got 1)
    NDEATH empty → ! topics-ndeath-payload
    END → died e at 0 (SessionEnded)
    ");
}

#[test]
fn an_empty_payload_clears_a_retained_message_and_is_nobodys_birth_or_death() {
    let before = "NBIRTH seq=0 bd=0 a#1 · DBIRTH/d seq=1 b#2";
    assert_snapshot!(Story::new().after(before).tell(
        "NBIRTH cleared s9 · DBIRTH/d cleared s9 · DDEATH/d cleared s9 · NDEATH cleared s9
         · NDATA cleared s9 · DDATA/d cleared s9 · NCMD cleared s9 · END s9 · NDATA seq=2 #1 · DDATA/d seq=3 #2
         · NBIRTH cleared node=stranger · DBIRTH/new cleared"
    ), @r"
    NBIRTH cleared s9 → ! factree-empty-payload
    DBIRTH/d cleared s9 → ! factree-empty-payload
    DDEATH/d cleared s9 → ! factree-empty-payload
    NDEATH cleared s9 → ! topics-ndeath-payload
    NDATA cleared s9 → ! factree-empty-payload
    DDATA/d cleared s9 → ! factree-empty-payload
    NCMD cleared s9 → ! factree-empty-payload
    END s9 → nothing
    NDATA seq=2 #1 → data e [2a]
    DDATA/d seq=3 #2 → data e/d [3b]
    NBIRTH cleared node=stranger → ! factree-empty-payload
    DBIRTH/new cleared → ! factree-empty-payload
    ");
    let before = "NBIRTH seq=0 bd=4 a#1 restored · DBIRTH/d seq=1 b#2 restored";
    assert_snapshot!(Story::new().after(before).tell("NDATA cleared s9 · DDEATH/d cleared s9 · NDATA seq=8 #1"), @r"
    NDATA cleared s9 → ! factree-empty-payload
    DDEATH/d cleared s9 → ! factree-empty-payload
    NDATA seq=8 #1 → ! principles-birth-certificates-order; adopted e by 1; data e [2a]
    ");
}

#[test]
fn an_ndeath_cannot_belong_to_an_nbirth_without_bd_seq() {
    assert_snapshot!(Story::new().tell("NBIRTH seq=0 a · NDEATH bd=0 · END s1"), @r"
    NBIRTH seq=0 a → ! topics-nbirth-bdseq-included; born e [0rebirth* 1a*]
    NDEATH bd=0 → ! payloads-ndeath-bdseq
    END s1 → died e at 0 (SessionEnded)
    ");
}

#[test]
fn a_compressed_payload_is_what_is_in_it_and_a_bomb_is_a_finding() {
    assert_snapshot!(Story::new().tell(
        "NBIRTH seq=0 bd=0 a#1 compressed · DBIRTH/d seq=1 b#2 compressed · DDATA/d seq=2 #2 compressed · NDATA seq=3 #1
         · DDATA/d seq=4 bomb · NDATA seq=5 #1"
    ), @r"
    NBIRTH seq=0 bd=0 a#1 compressed → born e [0bdSeq* 1rebirth* 2a*]
    DBIRTH/d seq=1 b#2 compressed → born e/d [3b*]
    DDATA/d seq=2 #2 compressed → data e/d [3b]
    NDATA seq=3 #1 → data e [2a]
    DDATA/d seq=4 bomb → ! factree-compressed-payload; ask rebirth (Malformed)
    NDATA seq=5 #1 → ! payloads-sequence-num-incrementing (4, got 5); data e [2a]
    ");
}

#[test]
fn members_of_a_template_have_numbers_and_values_of_their_own() {
    assert_snapshot!(Story::new().tell(
        "NBIRTH seq=0 bd=0 _types_/Motor=def{rpm,on} · DBIRTH/d seq=1 m#2=Motor{rpm,on,inner=Axis{x}}
         · DDATA/d seq=2 #2=Motor{on} · DDATA/d seq=3 m=Motor{inner=Axis{x}} · DDATA/d seq=4 #2~=Motor{rpm,wobble}
         · NBIRTH seq=0 bd=0 a#1 · DBIRTH/d seq=1 m#2=Motor{rpm} · DDATA/d seq=2 #2=Motor{on,rpm}"
    ), @r"
    NBIRTH seq=0 bd=0 _types_/Motor=def{rpm,on} → born e [0bdSeq* 1rebirth* 2_types_/Motor*]
    DBIRTH/d seq=1 m#2=Motor{rpm,on,inner=Axis{x}} → ! payloads-template-instance-members; ! payloads-template-definition-nbirth; born e/d [3m* 4m/rpm* 5m/on* 6m/inner* 7m/inner/x*]; ask rebirth (UndefinedTemplate)
    DDATA/d seq=2 #2=Motor{on} → data e/d [3m 5m/on]
    DDATA/d seq=3 m=Motor{inner=Axis{x}} → data e/d [3m 6m/inner 7m/inner/x]; ! payloads-template-definition-nbirth
    DDATA/d seq=4 #2~=Motor{rpm,wobble} → ! payloads-template-instance-members; data e/d [3m~ 4m/rpm~]
    NBIRTH seq=0 bd=0 a#1 → died e/d at 0 (NodeBirth); reborn e [0bdSeq 1rebirth 8a*] without 2_types_/Motor
    DBIRTH/d seq=1 m#2=Motor{rpm} → ! payloads-template-definition-nbirth; born e/d [3m 4m/rpm] without 5m/on 6m/inner 7m/inner/x
    DDATA/d seq=2 #2=Motor{on,rpm} → ! payloads-template-instance-members; data e/d [3m 4m/rpm]; ! payloads-template-definition-nbirth
    ");
}

#[test]
fn a_takeover_in_either_order_leaves_the_new_session_alive() {
    assert_snapshot!(Story::new().tell(
        "NBIRTH seq=0 bd=0 a · NDEATH bd=0 · END s1 · NBIRTH seq=0 bd=1 a s2 · NBIRTH seq=0 bd=2 a s3 · END s2
         · NDATA seq=1 a s3"
    ), @r"
    NBIRTH seq=0 bd=0 a → born e [0bdSeq* 1rebirth* 2a*]
    NDEATH bd=0 → died e at 0 (Ndeath)
    END s1 → nothing
    NBIRTH seq=0 bd=1 a s2 → born e [0bdSeq 1rebirth 2a]
    NBIRTH seq=0 bd=2 a s3 → reborn e [0bdSeq 1rebirth 2a]
    END s2 → nothing
    NDATA seq=1 a s3 → data e [2a]
    ");
}

#[test]
fn a_device_that_speaks_through_a_session_of_its_own_dies_with_that() {
    assert_snapshot!(Story::new().tell(
        "NBIRTH seq=0 a#1 · DBIRTH/d seq=1 b#2 s2 · DBIRTH/e seq=2 c#3 · END s2 · DDATA/d seq=3 #2 · DDATA/e seq=4 #3"
    ), @r"
    NBIRTH seq=0 a#1 → ! topics-nbirth-bdseq-included; born e [0rebirth* 1a*]
    DBIRTH/d seq=1 b#2 s2 → born e/d [2b*]
    DBIRTH/e seq=2 c#3 → born e/e [3c*]
    END s2 → died e/d at 0 (SessionEnded)
    DDATA/d seq=3 #2 → ! operational-behavior-data-publish-dbirth; ask rebirth (BeforeBirth)
    DDATA/e seq=4 #3 → data e/e [3c]
    ");
}

#[test]
fn a_ddeath_counts_from_its_own_timestamp_and_an_ndeath_from_our_clock() {
    assert_snapshot!(Story::new().tell(
        "NBIRTH seq=0 bd=0 · DBIRTH/d seq=1 b · DBIRTH/c seq=2 b · @9s · DDEATH/d seq=3 ts=1000123 · DDEATH/c seq=4 ts=none
         · NDEATH bd=0 ts=1000456"
    ), @r"
    NBIRTH seq=0 bd=0 → born e [0bdSeq* 1rebirth*]
    DBIRTH/d seq=1 b → born e/d [2b*]
    DBIRTH/c seq=2 b → born e/c [3b*]
    @9s → nothing
    DDEATH/d seq=3 ts=1000123 → died e/d at 123 (Ddeath)
    DDEATH/c seq=4 ts=none → ! payloads-ddeath-timestamp; died e/c at 9000 (Ddeath)
    NDEATH bd=0 ts=1000456 → died e at 9000 (Ndeath)
    ");
}

#[test]
fn seq_wraps_after_255() {
    let mut story = Story::new().after("NBIRTH seq=253 a#1");
    assert_snapshot!(story.tell("NDATA seq=254 #1 · NDATA seq=255 #1 · NDATA seq=0 #1 · NDATA seq=2 #1"), @r"
    NDATA seq=254 #1 → data e [1a]
    NDATA seq=255 #1 → data e [1a]
    NDATA seq=0 #1 → data e [1a]
    NDATA seq=2 #1 → ! payloads-sequence-num-incrementing (1, got 2); data e [1a]; ask rebirth (SeqGap)
    ");
}

#[test]
fn one_edge_node_is_asked_for_a_rebirth_once_in_its_cooldown() {
    assert_snapshot!(Story::new().tell(
        "NDATA seq=1 a · DDATA/d seq=2 a · @4999ms · DBIRTH/d seq=3 a · @1ms · DDEATH/d seq=4"
    ), @r"
    NDATA seq=1 a → ! operational-behavior-data-publish-nbirth; ask rebirth (BeforeBirth)
    DDATA/d seq=2 a → ! operational-behavior-data-publish-nbirth
    @4999ms → nothing
    DBIRTH/d seq=3 a → ! message-flow-device-birth-publish-nbirth-wait
    @1ms → nothing
    DDEATH/d seq=4 → ! operational-behavior-data-publish-nbirth; ask rebirth (BeforeBirth)
    ");
}

#[test]
fn sp15_no_value_lands_on_the_wrong_metric() {
    assert_snapshot!(Story::new().tell(
        "NBIRTH seq=0 a#7 b#7 c#8 · NDATA seq=1 #7 #8 · NDATA seq=2 a#7 · NDATA seq=3 #9"
    ), @r"
    NBIRTH seq=0 a#7 b#7 c#8 → ! topics-nbirth-bdseq-included; ! payloads-alias-uniqueness; born e [0rebirth* 1a* 2b* 3c*]
    NDATA seq=1 #7 #8 → ! payloads-alias-uniqueness; data e [3c]
    NDATA seq=2 a#7 → data e [1a]
    NDATA seq=3 #9 → ! topics-nbirth-metric-reqs; ask rebirth (UnknownMetric)
    ");
}

#[test]
fn sp15_devices_that_number_their_aliases_alike_are_told_apart_by_topic() {
    assert_snapshot!(Story::new().tell(
        "NBIRTH seq=0 a#7 · DBIRTH/d seq=1 b#7 · NDATA seq=2 #7 · DDATA/d seq=3 #7 · DDATA/d seq=4 a"
    ), @r"
    NBIRTH seq=0 a#7 → ! topics-nbirth-bdseq-included; born e [0rebirth* 1a*]
    DBIRTH/d seq=1 b#7 → ! payloads-alias-uniqueness; born e/d [2b*]
    NDATA seq=2 #7 → data e [1a]
    DDATA/d seq=3 #7 → data e/d [2b]
    DDATA/d seq=4 a → ! topics-dbirth-metric-reqs; ask rebirth (UnknownMetric)
    ");
}

#[test]
fn a_birth_that_names_a_metric_twice_means_the_later_one() {
    assert_snapshot!(Story::new().tell("NBIRTH seq=0 a#1 b#2 a#3 · NDATA seq=1 #3 #2 · NDATA seq=2 #1"), @r"
    NBIRTH seq=0 a#1 b#2 a#3 → ! topics-nbirth-bdseq-included; ! factree-metric-twice; born e [0rebirth* 1a* 2b*]
    NDATA seq=1 #3 #2 → data e [1a 2b]
    NDATA seq=2 #1 → ! topics-nbirth-metric-reqs; ask rebirth (UnknownMetric)
    ");
}

#[test]
fn historical_values_are_marked() {
    assert_snapshot!(Story::new().after("NBIRTH seq=0 a#1").tell("NDATA seq=1 #1 #1~"), @r"
    NDATA seq=1 #1 #1~ → data e [1a 1a~]
    ");
}

#[test]
fn retained_messages_are_reported_and_handled() {
    assert_snapshot!(Story::new().tell(
        "NBIRTH seq=0 bd=0 a retained · DBIRTH/d seq=1 b retained · NDATA seq=2 a retained · DDATA/d seq=3 b retained
         · DDEATH/d seq=4 retained · NDEATH bd=0 retained"
    ), @r"
    NBIRTH seq=0 bd=0 a retained → ! payloads-nbirth-retain; born e [0bdSeq* 1rebirth* 2a*]
    DBIRTH/d seq=1 b retained → ! payloads-dbirth-retain; born e/d [3b*]
    NDATA seq=2 a retained → ! payloads-ndata-retain; data e [2a]
    DDATA/d seq=3 b retained → ! payloads-ddata-retain; data e/d [3b]
    DDEATH/d seq=4 retained → ! topics-ddeath-mqtt; died e/d at 0 (Ddeath)
    NDEATH bd=0 retained → ! payloads-ndeath-will-message-retain; died e at 0 (Ndeath)
    ");
}

#[test]
fn bd_seq_counts_sessions_and_repeats_within_one() {
    assert_snapshot!(Story::new().tell(
        "NBIRTH seq=0 bd=255 · NBIRTH seq=0 bd=0 · END s1 · NBIRTH seq=0 bd=1 s2 · END s2 · NBIRTH seq=0 bd=7 s3
         · NBIRTH seq=0 bd=0 s4 · NBIRTH seq=3"
    ), @r"
    NBIRTH seq=0 bd=255 → born e [0bdSeq* 1rebirth*]
    NBIRTH seq=0 bd=0 → ! payloads-nbirth-bdseq-repeat (255, got 0); reborn e [0bdSeq 1rebirth]
    END s1 → died e at 0 (SessionEnded)
    NBIRTH seq=0 bd=1 s2 → born e [0bdSeq 1rebirth]
    END s2 → died e at 0 (SessionEnded)
    NBIRTH seq=0 bd=7 s3 → ! topics-nbirth-bdseq-increment (2, got 7); born e [0bdSeq 1rebirth]
    NBIRTH seq=0 bd=0 s4 → reborn e [0bdSeq 1rebirth]
    NBIRTH seq=3 → ! topics-nbirth-seq-num (0, got 3); ! topics-nbirth-bdseq-included; reborn e [1rebirth] without 0bdSeq
    ");
}

#[test]
fn sp22_limits_refuse_what_is_new_and_nothing_grows() {
    let limits = Limits {
        edge_nodes_max: 1,
        devices_per_edge_node_max: 1,
        metrics_per_edge_node_max: 4,
        metrics_per_payload_max: 4,
        ..Limits::default()
    };
    assert_snapshot!(Story::with(limits).tell(
        "NBIRTH seq=0 a#1 b#2 · DBIRTH/d seq=1 c#3 d#4 · DBIRTH/other seq=2 x · NBIRTH seq=0 node=f · NDATA seq=1 node=f x
         · DDATA/d seq=3 #3 #4 · NBIRTH seq=0 a#1 · DBIRTH/d seq=1 c#3 d#4"
    ), @r"
    NBIRTH seq=0 a#1 b#2 → ! topics-nbirth-bdseq-included; born e [0rebirth* 1a* 2b*]
    DBIRTH/d seq=1 c#3 d#4 → ! factree-limit-metrics; born e/d [3c*]
    DBIRTH/other seq=2 x → ! factree-limit-devices
    NBIRTH seq=0 node=f → ! factree-limit-edge-nodes
    NDATA seq=1 node=f x → ! factree-limit-edge-nodes
    DDATA/d seq=3 #3 #4 → ! topics-dbirth-metric-reqs; data e/d [3c]
    NBIRTH seq=0 a#1 → ! topics-nbirth-bdseq-included; died e/d at 0 (NodeBirth); reborn e [0rebirth 1a] without 2b
    DBIRTH/d seq=1 c#3 d#4 → born e/d [3c 2d*]
    ");
}

#[test]
fn sp22_ten_thousand_new_names_in_each_of_a_thousand_rebirths_leave_nothing_behind() {
    // The same in small: 50 new names in each of 100 rebirths, room for 200.
    let limits = Limits { metrics_per_edge_node_max: 200, metrics_per_payload_max: 200, ..Limits::default() };
    let mut story = Story::with(limits);
    for round in 0..100 {
        let names = (0..50).map(|index| format!(" r{round}m{index}")).collect::<String>();
        let transcript = story.tell(&format!("NBIRTH seq=0 bd=0{names}"));
        assert_eq!(transcript.matches('!').count(), 0, "{transcript}");
    }
    let node = story.host.edge_nodes().next().unwrap();
    assert_eq!(node.metrics().count(), 200);
    assert_eq!(node.metrics().filter(|metric| metric.is_alive).count(), 52);
}

#[test]
fn a_birth_may_be_kept_byte_for_byte_while_there_is_room() {
    let mut story = Story::with(Limits { birth_bytes_max: 150, ..Limits::default() });
    assert_snapshot!(story.tell("NBIRTH seq=0 a · NBIRTH seq=0 a · NBIRTH seq=0 b node=f · NBIRTH seq=0 b node=h"), @r"
    NBIRTH seq=0 a → ! topics-nbirth-bdseq-included; born e [0rebirth* 1a*]
    NBIRTH seq=0 a → ! topics-nbirth-bdseq-included; reborn e [0rebirth 1a]
    NBIRTH seq=0 b node=f → ! topics-nbirth-bdseq-included; born f [0rebirth* 1b*]
    NBIRTH seq=0 b node=h → ! topics-nbirth-bdseq-included; ! factree-limit-birth-bytes; born h [0rebirth* 1b*]
    ");
    let kept = story.host.edge_nodes().map(|node| node.birth().unwrap().kept_bytes);
    assert_eq!(kept.collect::<Vec<_>>(), [Some(58), Some(58), None]);
}

#[test]
fn what_the_host_knows_can_be_read() {
    let story = Story::new().after(
        "NBIRTH seq=0 bd=4 a#1 · DBIRTH/d seq=1 b#4000000000:9 c · NDATA seq=5 #1 · DBIRTH/d seq=6 b#4000000000:9",
    );
    let node = story.host.edge_nodes().next().unwrap();
    let metrics = node.metrics().map(|metric| {
        let (name, alias, device) = (metric.name, metric.alias, metric.device.map(|device| device.0));
        format!(
            "{name} {alias:?} {device:?} {} {}",
            metric.datatype,
            if metric.is_alive { "alive" } else { "vanished" }
        )
    });
    assert_snapshot!(metrics.collect::<Vec<_>>().join("\n"), @r"
    bdSeq None None Int64 alive
    Node Control/Rebirth None None Boolean alive
    a Some(1) None Double alive
    b Some(4000000000) Some(0) Float alive
    c None Some(0) Double vanished
    ");
    assert_snapshot!(format!("{:?}\n{:?}", node.state(), node.counters()), @r"
    Online { session: SessionKey(1), since: Timestamp(1000000), next: Seq(7), bd_seq: Some(BdSeq(4)) }
    Counters { nbirth: 1, ndata: 1, ndeath: 0, dbirth: 2, ddata: 0, ddeath: 0, malformed: 0, seq_gaps: 1, seq_late: 0, held: 0, held_dropped: 0, displaced: 0, rivalries: 0, unknown_metrics: 0, rebirths_asked: Rebirths([0, 1, 0, 0, 0, 0, 0]) }
    ");
    assert_eq!(node.devices().map(|device| (device.id, device.metrics_len)).collect::<Vec<_>>(), [("d", 1)]);
    assert_eq!(node.metrics_len(), 3);
}

#[test]
fn metrics_left_out_of_a_birth_do_not_cause_rebirths() {
    let limits = Limits { metrics_per_edge_node_max: 2, metrics_per_payload_max: 2, ..Limits::default() };
    let mut story = Story::with(limits);
    story.tell("NBIRTH seq=0 a#1");
    assert_snapshot!(story.tell("DBIRTH/d seq=1 b#2 · DDATA/d seq=2 #2 · @9s · NDATA seq=3 #5"), @r"
    DBIRTH/d seq=1 b#2 → ! factree-limit-metrics; born e/d []
    DDATA/d seq=2 #2 → ! topics-dbirth-metric-reqs
    @9s → nothing
    NDATA seq=3 #5 → ! topics-nbirth-metric-reqs; ask rebirth (UnknownMetric)
    ");
}

#[test]
fn a_birth_from_before_a_restart_is_known_and_nobody_is_online_by_it() {
    let mut story = Story::new();
    assert_snapshot!(
        story.tell(
            "DBIRTH/d seq=1 b#2 restored · NBIRTH seq=0 bd=4 a#1 restored · DBIRTH/d seq=1 b#2 restored · \
             DBIRTH/d seq=1 c#2 restored · NBIRTH seq=0 bd=4 c#1 restored"
        ),
        @r"
    DBIRTH/d seq=1 b#2 restored → NoEdgeNode
    NBIRTH seq=0 bd=4 a#1 restored → born e [0bdSeq* 1rebirth* 2a*]
    DBIRTH/d seq=1 b#2 restored → born e/d [3b*]
    DBIRTH/d seq=1 c#2 restored → Known
    NBIRTH seq=0 bd=4 c#1 restored → Known
    "
    );
    let node = story.host.edge_nodes().next().unwrap();
    assert_snapshot!(format!("{:?}\n{:?}", node.state(), node.devices().next().unwrap().state), @r"
    Restored { since: Timestamp(1000000), bd_seq: Some(BdSeq(4)) }
    Restored { since: Timestamp(1000000) }
    ");
    assert_eq!(node.metric(None, "a").unwrap().alias, Some(1));
    assert_eq!(node.birth().unwrap().received, Timestamp(999_999));
    assert_eq!(node.counters(), Counters::default());
    assert_snapshot!(
        story.tell(
            "END s0 · NDATA seq=3 #1 a1 · NBIRTH seq=0 bd=5 a#1 s2 · DDATA/d seq=1 #2 s2 · DBIRTH/d seq=2 b#2 s2 · \
             DDATA/d seq=3 #2 s2"
        ),
        @r"
    END s0 → nothing
    NDATA seq=3 #1 a1 → ask rebirth (BeforeBirth)
    NBIRTH seq=0 bd=5 a#1 s2 → born e [0bdSeq 1rebirth 2a]
    DDATA/d seq=1 #2 s2 → ! operational-behavior-data-publish-dbirth
    DBIRTH/d seq=2 b#2 s2 → born e/d [3b]
    DDATA/d seq=3 #2 s2 → data e/d [3b]
    "
    );
}

#[test]
fn a_birth_from_before_that_no_longer_fits_changes_nothing() {
    let limits = Limits { edge_nodes_max: 2, devices_per_edge_node_max: 1, birth_bytes_max: 150, ..Limits::default() };
    let mut story = Story::with(limits);
    assert_snapshot!(
        story.tell(
            "NBIRTH seq=0 a#1 restored · NBIRTH seq=0 node=f a b c d e restored · NBIRTH seq=0 node=f restored · \
             NBIRTH seq=0 node=g restored · DBIRTH/d seq=1 b restored · DBIRTH/e seq=1 b restored"
        ),
        @r"
    NBIRTH seq=0 a#1 restored → born e [0rebirth* 1a*]
    NBIRTH seq=0 node=f a b c d e restored → BirthBytesFull
    NBIRTH seq=0 node=f restored → born f [0rebirth*]
    NBIRTH seq=0 node=g restored → EdgeNodesFull
    DBIRTH/d seq=1 b restored → born e/d [2b*]
    DBIRTH/e seq=1 b restored → DevicesFull
    "
    );
    assert_eq!(story.host.edge_nodes().count(), 2);
}
