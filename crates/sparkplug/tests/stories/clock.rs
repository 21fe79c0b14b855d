//! Our own clock is set, by hours, forwards and back, at any moment: what happens is the same, only the times are others.

use crate::story::Story;
use factree_sparkplug::{HostApplication, HostId, HostState, Legacy, StateMessage, Timestamp};

/// What is told of events, without the times and without what is found of other people's clocks.
fn told(events: &[&str]) -> String {
    let mut story = Story::new();
    let is_about_clocks = |told: &&str| told.contains("timestamp") || told.contains("utc");
    let line = |event: &&str| {
        let told = story.tell(event);
        let (event, outputs) = told.split_once(" → ").expect("an event and what it leads to");
        let outputs = outputs.split("; ").filter(|told| !is_about_clocks(told));
        let outputs = outputs.map(|told| told.split_once(" at ").map_or(told, |(who, _)| who));
        format!("{event} → {}", outputs.collect::<Vec<_>>().join("; "))
    };
    let lines = events.iter().map(line).filter(|line| !line.starts_with("CLOCK"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Births, deaths and what is between; the cooldown of rebirth requests; the window for what is missing; and a restart of ours.
const STORIES: [&str; 4] = [
    "NBIRTH seq=0 bd=0 a#1 · DBIRTH/d seq=1 b#2 · NDATA seq=2 #1 · DDATA/d seq=3 #2 · DDEATH/d seq=4 · DBIRTH/d seq=5 b#2 · \
     NDEATH bd=0 · NBIRTH seq=0 bd=1 a#1 · NDATA seq=1 #1 · END",
    "NDATA seq=1 #1 · @1s · NDATA seq=2 #1 · @3s · NDATA seq=3 #1 · @1s · NDATA seq=4 #1 · @20s · NDATA seq=5 #1",
    "NBIRTH seq=0 bd=0 a#1 a1 · NDATA seq=2 #1 a1 · @1s · NDATA seq=3 #1 a1 · @1s · NBIRTH seq=0 bd=0 a#1 a1 · END a1",
    "NBIRTH seq=0 bd=0 a#1 restored · DBIRTH/d seq=1 b#2 restored · NDATA seq=2 #1 · DDATA/d seq=3 #2 · END",
];

#[test]
fn a_clock_that_is_set_moves_no_edge_node_and_no_deadline() {
    for story in STORIES {
        // Late enough that it can go back.
        let events: Vec<&str> = ["CLOCK +24h"].into_iter().chain(story.split(" · ")).collect();
        let undisturbed = told(&events);
        assert_ne!(undisturbed, told(&events[..events.len() - 1]), "something is told");
        for at in 1..=events.len() {
            for step in ["CLOCK +6h", "CLOCK -6h"] {
                let disturbed = [&events[..at], &[step], &events[at..]].concat();
                assert_eq!(told(&disturbed), undisturbed, "{step} before event {at}");
            }
        }
    }
}

#[test]
fn the_time_of_a_state_never_goes_back() {
    const HOUR: u64 = 3_600_000;
    let time = |message: &StateMessage| HostState::parse(message.payload.as_bytes()).unwrap().timestamp.0;
    for step in [6 * HOUR as i64, -6 * HOUR as i64] {
        let before = 24 * HOUR;
        let after = before.checked_add_signed(step).unwrap();
        let mut host = HostApplication::new(HostId::new("factree").unwrap(), Legacy::Silent);
        assert_eq!(time(&host.connect(Timestamp(before))), before);
        assert_eq!(time(&host.subscribed()[0]), before);
        let goodbye = time(&host.leave(Timestamp(after))[0]);
        assert_eq!(goodbye, before.max(after), "{step}");
        let will = time(&host.connect(Timestamp(after)));
        assert!(will >= goodbye, "{step}: {will}");
        assert_eq!(time(&host.subscribed()[0]), will, "a birth has the time of its will");
        assert_eq!(
            time(&host.connect(Timestamp(before + 9 * HOUR))),
            before + 9 * HOUR,
            "and it goes on with the clock"
        );
    }
}
