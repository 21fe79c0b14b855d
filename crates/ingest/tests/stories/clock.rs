//! Our own clock is set, by hours, forwards and back: what the tree shows, what is Stale, and what becomes of commands.

use std::time::Duration;

use crate::world::World;
use factree_ingest::{CommandState, Placement, RebirthRefused};
use factree_namespace::Value;

const A: &str = "Acme/Dallas/Press/Line1/A";

/// What the tree shows of two things, one of Sparkplug and one plain.
fn shown(world: &World) -> String {
    let shown = [A, "Oven"].map(|path| world.shows(path).replace(path, ""));
    shown.concat().replace('\n', ";")
}

#[test]
fn the_tree_goes_by_what_came_last_and_not_by_when() {
    for hours in [6, -6] {
        let mut world = World::new(Placement::default());
        world.says("NBIRTH seq=0 bdSeq=0 · A:Int32=1");
        world.publish(1, "Oven", b"1");
        world.sets_the_clock(hours);
        world.says("NDATA seq=1 · A:Int32=2");
        world.publish(1, "Oven", b"2");
        assert_eq!(shown(&world), " = 2; = 2;", "{hours}");
        world.saves();
        world.sets_the_clock(-hours);
        world.restarts();
        assert_eq!(shown(&world), " = 2 (Stale); = 2 (Stale);", "{hours}");
        world.sets_the_clock(hours);
        world.says("NBIRTH seq=0 bdSeq=1 · A:Int32=3");
        world.publish(1, "Oven", b"3");
        assert_eq!(shown(&world), " = 3; = 3;", "{hours}");
        world.sets_the_clock(-hours);
        world.session_ends(1);
        assert_eq!(shown(&world), " = 3 (Stale); = 3;", "{hours}");
        world.sets_the_clock(hours);
        world.says("@2 NBIRTH seq=0 bdSeq=2 · A:Int32=4");
        assert_eq!(shown(&world), " = 4; = 3;", "{hours}");
    }
}

#[test]
fn commands_wait_as_long_and_their_ids_stay_apart() {
    for hours in [6, -6] {
        let mut world = World::new(Placement::default());
        world.says("NBIRTH seq=0 bdSeq=0 · A:Int32=1");
        let sets = |world: &mut World, value| {
            world.ingest.command(world.now(), A, Value::Int(value), &mut Vec::new()).unwrap()
        };
        let state = |world: &World, id| world.ingest.sent_command(world.now(), id).unwrap().state;
        let first = sets(&mut world, 5);
        world.sets_the_clock(hours);
        let second = sets(&mut world, 6);
        assert!(second.id > first.id, "{hours}: an id is given once");
        assert_eq!(state(&world, first.id), CommandState::Sent, "{hours}: no time has passed");
        world.says("NDATA seq=1 · A:Int32=5");
        assert_eq!(state(&world, first.id), CommandState::Confirmed, "{hours}");
        world.elapsed += Duration::from_secs(30);
        assert_eq!(state(&world, second.id), CommandState::TimedOut, "{hours}");
    }
}

#[test]
fn a_rebirth_is_asked_for_as_seldom() {
    for hours in [6, -6] {
        let mut world = World::new(Placement::default());
        world.says("NBIRTH seq=0 bdSeq=0 · A:Int32=1");
        let wishes =
            |world: &mut World| world.ingest.wish_rebirth(world.now(), "Acme:Dallas:Press", "Line1", &mut Vec::new());
        assert_eq!(wishes(&mut world), Ok(()));
        world.sets_the_clock(hours);
        world.elapsed += Duration::from_secs(4);
        let retry_after = Duration::from_secs(1);
        assert_eq!(wishes(&mut world), Err(RebirthRefused::TooSoon { retry_after }), "{hours}");
        world.elapsed += retry_after;
        assert_eq!(wishes(&mut world), Ok(()), "{hours}");
    }
}
