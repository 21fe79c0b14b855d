//! What is said on our STATE topic, and by whom.

use factree_ingest::{Batch, Output, Placement, SessionKey};
use factree_sparkplug::{HostApplication, HostId, Legacy};

use crate::world::World;

const STATE: &str = "spBv1.0/STATE/factree";
const BIRTH: &str = r#"state spBv1.0/STATE/factree {"online":true,"timestamp":1700000000000}"#;

/// A world in which we are online.
fn online() -> World {
    let mut world = World::new(Placement::default());
    let application = HostApplication::new(HostId::new("factree").expect("may stand in a topic"), Legacy::Silent);
    let mut said = Vec::new();
    world.ingest.go_online(world.now(), application, &mut said);
    world.said = said;
    assert_eq!(world.events(), [BIRTH]);
    world
}

/// What follows when this session publishes that, all in one batch.
fn hears(world: &mut World, session: SessionKey, payloads: &[&str]) -> Vec<String> {
    let mut batch = Batch::default();
    batch.session_started(session, "liar");
    for payload in payloads {
        let number = batch.push(session, true, STATE, payload.as_bytes(), &world.limits);
        batch.accept(number);
    }
    let mut said: Vec<Output> = Vec::new();
    world.ingest.apply(world.now(), &batch, &mut said);
    world.said = said;
    // What is wrong with it besides is told elsewhere.
    let mut events = world.events();
    events.retain(|event| !event.starts_with("finding "));
    events
}

#[test]
fn a_client_that_has_us_offline_is_contradicted_and_named() {
    let mut world = online();
    let told = hears(&mut world, SessionKey(1), &[r#"{"online":false,"timestamp":5}"#, "", "OFFLINE"]);
    assert_eq!(
        told,
        [
            BIRTH,
            "contradicted liar, who said online:false of 5",
            BIRTH,
            "contradicted liar, who said a STATE message without payload takes the retained one away",
            BIRTH,
            "contradicted liar, who said a STATE payload is JSON",
        ]
    );
}

#[test]
fn another_host_of_our_name_is_told_of_and_not_answered() {
    let told = hears(&mut online(), SessionKey(1), &[r#"{"online":true,"timestamp":5}"#]);
    assert_eq!(told, ["rival liar"]);
}

#[test]
fn what_is_said_at_somebody_elses_broker_is_not_contradicted_at_ours() {
    let told = hears(&mut online(), SessionKey::attached(0, 1), &[r#"{"online":false,"timestamp":5}"#]);
    assert_eq!(told, [] as [String; 0]);
}

#[test]
fn after_the_goodbye_nothing_is_contradicted() {
    let mut world = online();
    let mut said = Vec::new();
    world.ingest.go_offline(world.now(), &mut said);
    world.said = said;
    assert_eq!(world.events(), [r#"state spBv1.0/STATE/factree {"online":false,"timestamp":1700000000000}"#]);
    assert_eq!(hears(&mut world, SessionKey(1), &[r#"{"online":false,"timestamp":5}"#]), [] as [String; 0]);
}
