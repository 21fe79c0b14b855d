//! Who is asked for a rebirth and who is not, who speaks for an Edge Node, and what a restart of ours asks: nothing.

use crate::story::Story;
use factree_sparkplug::{Limits, Reason};
use insta::assert_snapshot;

#[test]
fn a_plant_of_strangers_is_asked_at_the_pace_of_the_budget() {
    let mut story = Story::with(Limits { rebirths_per_second_max: 10, ..Limits::default() });
    let mut asked = |session: fn(usize) -> String| {
        let events = (0..100).map(|node| format!("NDATA seq=1 a node=n{node} {}", session(node)));
        story.tell(&format!("@100ms · {}", events.collect::<Vec<_>>().join("·"))).matches("ask rebirth").count()
    };
    // Half of what may go out at once, and from then on what comes back; one client has a fifth.
    let over_one_attachment: Vec<usize> = (0..4).map(|_| asked(|_| "a1".into())).collect();
    assert_eq!(over_one_attachment, [5, 1, 1, 1]);
    let over_their_own: Vec<usize> = (0..3).map(|_| asked(|node| format!("s{node}"))).collect();
    assert_eq!(over_their_own, [1, 1, 1]);
    story.tell("@60s");
    let mut asked = || {
        let events = (0..100).map(|node| format!("NDATA seq=1 a node=n{node} s999")).collect::<Vec<_>>().join("·");
        story.tell(&format!("@500ms · {events}")).matches("ask rebirth").count()
    };
    assert_eq!([asked(), asked(), asked()], [2, 1, 1]);
}

#[test]
fn whoever_invents_ten_thousand_edge_nodes_keeps_no_known_one_from_being_asked() {
    let mut story = Story::new().after("NBIRTH seq=0 bd=0 a#1 node=known s1");
    let mut asked = Vec::new();
    // Forty clients of two hundred and fifty Edge Nodes each, four times over in as many seconds.
    for round in 0..4 {
        let lie = |number: u32| format!("NDATA seq=1 a node=lie{number} s{}", 10 + number % 40);
        let lies = (0..10_000).map(lie).collect::<Vec<_>>().join("·");
        let lies = story.tell(&format!("@1s · {lies}")).matches("ask rebirth").count();
        assert!(lies <= 50, "the budget holds: {lies}");
        let seq = 2 * round + 2;
        asked.push(story.tell(&format!("NDATA seq={seq} #1 node=known s1")).contains("ask rebirth (SeqGap)"));
    }
    assert_eq!(asked, [true, false, false, false], "at once, and then not within its cooldown");
    assert!(story.tell("@2s · NDATA seq=12 #1 node=known s1").contains("ask rebirth"), "and again after it");
}

#[test]
fn rebirths_are_counted_by_reason_and_the_last_one_is_remembered() {
    let mut story = Story::new();
    story.tell(
        "NDATA seq=1 #1 · @5s · NBIRTH seq=0 bd=0 a#1 · NDATA seq=2 #1 · @5s · NDATA seq=3 #9 · @10s · NDATA malformed",
    );
    let node = story.host.edge_nodes().next().unwrap();
    let by_reason = Reason::ALL.map(|reason| (reason.code(), node.counters().rebirths_asked.of(reason)));
    let expected = [
        ("before_birth", 1),
        ("seq_gap", 1),
        ("unknown_metric", 1),
        ("malformed", 1),
        ("undefined_template", 0),
        ("wished", 0),
        ("doubt", 0),
    ];
    assert_eq!(by_reason, expected);
    let asked = node.asked().unwrap();
    assert_eq!((asked.at.0, asked.reason), (1_020_000, Reason::Malformed));
}

/// At which seconds it was asked, of what is told every second.
fn asked_at(story: &mut Story, seconds: usize, told: impl Fn(usize) -> String) -> Vec<usize> {
    let mut at = Vec::new();
    for second in 0..seconds {
        if story.tell(&told(second)).contains("ask rebirth") {
            at.push(second);
        }
        story.tell("@1s");
    }
    at
}

#[test]
fn a_birth_beyond_a_limit_is_a_finding_of_ours_and_asked_for_ever_more_seldom() {
    let mut story = Story::new();
    assert_snapshot!(story.tell("NBIRTH seq=0 bd=0 beyond · DBIRTH/d seq=1 beyond · DDEATH/d beyond node=other"), @r"
    NBIRTH seq=0 bd=0 beyond → ! factree-limit-payload (NameTooLong)
    DBIRTH/d seq=1 beyond → ! factree-limit-payload (NameTooLong)
    DDEATH/d beyond node=other → ! factree-limit-payload (NameTooLong)
    ");
    let ids: Vec<_> = story.host.edge_nodes().map(|node| node.id()).collect();
    assert_eq!(ids, ["e"], "who gives birth has its finding");
    // What it answers is the same birth.
    let told = |_| "NDATA seq=1 a · NBIRTH seq=0 bd=0 beyond".into();
    assert_eq!(asked_at(&mut story, 400, told), [0, 5, 15, 35, 75, 155, 315]);
    // One that fits helps.
    story.tell("NBIRTH seq=0 bd=0 a · END");
    assert_eq!(asked_at(&mut story, 12, |_| "NDATA seq=1 a".into()), [0, 5]);
}

#[test]
fn a_rebirth_that_does_not_bring_the_metric_is_asked_for_ever_more_seldom() {
    let mut story = Story::new().after("NBIRTH seq=0 bd=0 a#1 · DBIRTH/d seq=1 b#2");
    // Whatever it is asked, it says the same; some clients die before they are born again.
    let told = |_| "NDEATH bd=0 · NBIRTH seq=0 bd=0 a#1 · DBIRTH/d seq=1 b#2 · DDATA/d seq=2 #9".into();
    assert_eq!(asked_at(&mut story, 100, told), [0, 5, 15, 35, 75]);
    story.tell("NBIRTH seq=0 bd=0 a#1 · DBIRTH/d seq=1 b#2 c#9 · @10s");
    let told = |second: usize| format!("DDATA/d seq={} #10", 2 + second);
    assert_eq!(asked_at(&mut story, 20, told), [0, 5, 15], "one that brings a metric helps");
}

#[test]
fn a_rebirth_has_helped_if_nobody_wants_another_for_a_while() {
    let mut story = Story::new().after("NBIRTH seq=0 bd=0 a#1");
    let mut asked = |seconds: u64, seq: u8, metric: &str| {
        let told = format!("@{seconds}s · NDATA seq={seq} {metric} · NBIRTH seq=0 bd=0 a#1");
        (0..100).filter(|_| story.tell(&told).contains("ask rebirth")).count()
    };
    assert_eq!(asked(60, 7, "#1"), 100, "a message that is lost now and then is made good");
    assert_eq!(asked(600, 1, "#9"), 100, "and so is a metric that is added now and then");
    assert_eq!(asked(60, 1, "#9"), 10, "but not one that nobody adds");
}

#[test]
fn an_instance_of_a_template_that_nobody_defines_asks_for_the_birth_that_does() {
    let ask = "ask rebirth (UndefinedTemplate)";
    let mut story = Story::new().after("NBIRTH seq=0 bd=0 _types_/Motor=def{rpm}");
    assert!(!story.tell("DBIRTH/d seq=1 m#2=Motor{rpm}").contains(ask));
    assert!(story.tell("DBIRTH/e seq=2 p#3=Pump{bar}").contains(ask));
    assert!(!story.tell("DDATA/e seq=3 #3=Pump{bar}").contains(ask), "not within its cooldown");
    assert!(story.tell("@5s · DDATA/e seq=4 #3=Pump{bar}").contains(ask));
    let defined = "NBIRTH seq=0 bd=0 _types_/Motor=def{rpm} _types_/Pump=def{bar} · DBIRTH/e seq=1 p#3=Pump{bar}";
    assert!(!story.tell(&format!("@20s · {defined} · DDATA/e seq=2 #3=Pump{{bar}}")).contains(ask));
    // What an NBIRTH does not define would be missing in the next one too.
    assert!(!Story::new().tell("NBIRTH seq=0 bd=0 p=Pump{bar}").contains(ask));
}

#[test]
fn two_sessions_that_claim_one_edge_node_are_told_apart_by_the_newest_birth_and_cause_no_storm() {
    assert_snapshot!(Story::new().tell(
        "NBIRTH seq=0 bd=0 a#1 · NDATA seq=1 #1 · NBIRTH seq=0 bd=0 a#1 s2 · NDATA seq=2 #1 · NDATA seq=1 #1 s2
         · NBIRTH seq=0 bd=0 a#1 · NDATA seq=2 #1 s2 · NDATA seq=1 #1 · NBIRTH seq=0 bd=0 a#1 s2
         · NBIRTH seq=0 bd=0 a#1 · END s2 · NDATA seq=1 #1 · NBIRTH seq=0 bd=1 a#1 s3 · END s1 · NDATA seq=1 #1 s3"
    ), @r"
    NBIRTH seq=0 bd=0 a#1 → born e [0bdSeq* 1rebirth* 2a*]
    NDATA seq=1 #1 → data e [2a]
    NBIRTH seq=0 bd=0 a#1 s2 → reborn e [0bdSeq 1rebirth 2a]
    NDATA seq=2 #1 → ! topic-structure-namespace-unique-edge-node-descriptor
    NDATA seq=1 #1 s2 → data e [2a]
    NBIRTH seq=0 bd=0 a#1 → ! topic-structure-namespace-unique-edge-node-descriptor; rivals of e: 1 after 2; reborn e [0bdSeq 1rebirth 2a]
    NDATA seq=2 #1 s2 → ! topic-structure-namespace-unique-edge-node-descriptor
    NDATA seq=1 #1 → data e [2a]
    NBIRTH seq=0 bd=0 a#1 s2 → ! topic-structure-namespace-unique-edge-node-descriptor; rivals of e: 2 after 1; reborn e [0bdSeq 1rebirth 2a]
    NBIRTH seq=0 bd=0 a#1 → ! topic-structure-namespace-unique-edge-node-descriptor; reborn e [0bdSeq 1rebirth 2a]
    END s2 → nothing
    NDATA seq=1 #1 → data e [2a]
    NBIRTH seq=0 bd=1 a#1 s3 → reborn e [0bdSeq 1rebirth 2a]
    END s1 → nothing
    NDATA seq=1 #1 s3 → data e [2a]
    ");
}

#[test]
fn after_our_restart_whoever_goes_on_with_data_is_adopted_and_nobody_is_asked() {
    let before = "NBIRTH seq=0 bd=4 a#1 restored · DBIRTH/d seq=1 b#2 restored · DBIRTH/e seq=1 c#3 restored";
    assert_snapshot!(Story::new().after(before).tell(
        "NDEATH bd=4 s0 · NDATA seq=77 #1 · DDATA/d seq=78 #2 s9 · NDATA seq=80 #1 · END s9 · DDATA/e seq=81 #3 · END s1
         · NDATA seq=82 #1"
    ), @r"
    NDEATH bd=4 s0 → nothing
    NDATA seq=77 #1 → ! principles-birth-certificates-order; adopted e by 1; data e [2a]
    DDATA/d seq=78 #2 s9 → adopted e/d by 9; data e/d [3b]
    NDATA seq=80 #1 → ! payloads-sequence-num-incrementing (79, got 80); data e [2a]; ask rebirth (SeqGap)
    END s9 → died e/d at 0 (SessionEnded)
    DDATA/e seq=81 #3 → adopted e/e by 1; data e/e [4c]
    END s1 → died e at 0 (SessionEnded)
    NDATA seq=82 #1 → ! operational-behavior-data-publish-nbirth
    ");
}

#[test]
fn over_an_attachment_births_may_have_passed_so_its_edge_nodes_are_asked() {
    let before = "NBIRTH seq=0 bd=4 a#1 restored · DBIRTH/d seq=1 b#2 restored";
    assert_snapshot!(Story::new().after(before).tell(
        "DDATA/d seq=78 #2 a1 · NDATA seq=79 #1 a1 · NBIRTH seq=0 bd=4 a#1 a1 · DDATA/d seq=1 #2 a1 · DBIRTH/d seq=2 b#2 a1"
    ), @r"
    DDATA/d seq=78 #2 a1 → ask rebirth (BeforeBirth)
    NDATA seq=79 #1 a1 → nothing
    NBIRTH seq=0 bd=4 a#1 a1 → born e [0bdSeq 1rebirth 2a]
    DDATA/d seq=1 #2 a1 → ! operational-behavior-data-publish-dbirth
    DBIRTH/d seq=2 b#2 a1 → born e/d [3b]
    ");
}
