//! Who is not online: a plant is looked over in slices, and those that went last are named.

use std::time::Duration;

use crate::world::World;
use factree_ingest::{Away, Placement};

/// Looks a slice at a time, and tells who went last with how many there are.
fn seen(world: &World, looked_at_max: usize, last_max: usize) -> (u64, u64, Vec<String>) {
    let (mut away, mut after) = (Away::default(), None);
    loop {
        after = world.ingest.look_who_is_away(after.as_ref(), looked_at_max, last_max, &mut away);
        if after.is_none() {
            break;
        }
    }
    let name = |device: &Option<String>| device.as_ref().map_or_else(String::new, |device| format!("/{device}"));
    let last = away.last.iter().map(|it| format!("{}{} {:?}", it.edge_node, name(&it.device), it.liveness));
    (away.edge_nodes, away.devices, last.collect())
}

#[test]
fn those_that_went_last_are_named_and_the_others_counted() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · Uptime#1:Int64=1");
    world.says("DBIRTH/Robot3 seq=1 · Load#2:Double=21.5");
    world.says("DBIRTH/Robot4 seq=2 · Load#3:Double=21.5");
    assert_eq!(seen(&world, 1, 8), (0, 0, vec![]), "all are there");

    world.says("DDEATH/Robot3 seq=3");
    let robot = "Line1/Robot3 Offline".to_owned();
    for looked_at_max in [1, 2, 100] {
        assert_eq!(seen(&world, looked_at_max, 8), (0, 1, vec![robot.clone()]));
    }
    assert_eq!(seen(&world, 100, 0), (0, 1, vec![]));

    // One that was never born, which has said so later.
    world.elapsed += Duration::from_secs(1);
    world.publish(2, "spBv1.0/Acme:Dallas:Paint/NDATA/Line9", &[0x18, 0]);
    assert_eq!(seen(&world, 1, 8), (1, 1, vec!["Line9 Unborn".to_owned(), robot]));
    assert_eq!(seen(&world, 1, 1), (1, 1, vec!["Line9 Unborn".to_owned()]));

    world.says("NDEATH bdSeq=0");
    let (edge_nodes, devices, last) = seen(&world, 1, 8);
    assert_eq!((edge_nodes, devices), (2, 0), "what belongs to an Edge Node that is away went with it");
    assert!(last.contains(&"Line1 Offline".to_owned()), "{last:?}");
}
