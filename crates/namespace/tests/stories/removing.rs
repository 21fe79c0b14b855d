//! Stories of removing: what leaves the tree for good, and who has waited for its place.

use crate::plant::Plant;
use factree_namespace::*;

#[test]
fn what_is_removed_leaves_nothing_behind_and_its_path_is_free() {
    let plant = Plant::new();
    let empty = plant.namespace.stats();
    let (first, second, third) = (plant.edge_node("Line1"), plant.edge_node("Line1"), plant.edge_node("Line1"));
    for publisher in [&first, &second, &third] {
        publisher.place(0, "Axis/Speed");
        publisher.write(&[(0, 1.5)]);
    }
    first.place(1, "Name");
    first.set(1, ValueRef::String("a text of some length")).unwrap();
    let before = plant.namespace.revision();
    let mut mover = plant.namespace.mover();
    let paths = mover.remove(&first.block, &[first.origin], 0..2);
    mover.close(&first.block);
    drop(mover);
    assert_eq!(paths, ["Acme/Line1/Axis/Speed", "Acme/Line1/Name"]);
    let view = plant.namespace.read();
    let speed = view.find("Acme/Line1/Axis/Speed").expect("somebody has waited for it");
    assert_eq!(view.cell(speed).unwrap().0.number(), second.block.number(), "and the older of two has it");
    assert_eq!(view.find("Acme/Line1/Name"), None);
    assert!(view.gone(before, plant.namespace.revision()).is_none(), "who follows reads everything again");
    drop(view);
    assert_eq!((plant.namespace.stats().conflicts, first.block.slots_len()), (1, 0));
    for publisher in [&second, &third] {
        let mut mover = plant.namespace.mover();
        mover.remove(&publisher.block, &[publisher.origin], 0..1);
        mover.close(&publisher.block);
    }
    let stats = plant.namespace.stats();
    assert_eq!(
        (stats.elements, stats.cells, stats.blocks, stats.conflicts, stats.values_bytes),
        (empty.elements, empty.cells, empty.blocks, 0, empty.values_bytes)
    );
}

#[test]
fn who_follows_is_told_of_a_few_paths_one_by_one() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    line1.place(0, "a");
    line1.place(1, "b/c");
    line1.write(&[(0, 1.5), (1, 2.5)]);
    let before = plant.namespace.revision();
    let coverage = Coverage::new(&plant.namespace.read(), vec![Filter::parse("Acme/+/b/#").unwrap()]);
    plant.namespace.mover().remove(&line1.block, &[line1.origin], 0..2);
    let view = plant.namespace.read();
    let gone: Vec<&str> = view.gone(before, plant.namespace.revision()).expect("it is remembered").collect();
    assert_eq!(gone, ["Acme/Line1/a", "Acme/Line1/b/c"]);
    assert_eq!([0, 1].map(|number: usize| coverage.covers_path(gone[number])), [false, true]);
    assert_eq!(view.find("Acme"), None, "and nothing stands there");
}

#[test]
fn a_slot_that_is_given_out_again_is_as_young_as_who_has_it() {
    let plant = Plant::new();
    let (first, second) = (plant.edge_node("Line1"), plant.edge_node("Line1"));
    for (slot, name) in (0..).zip(["a", "b", "c"]) {
        first.place(slot, name);
    }
    plant.namespace.mover().remove(&first.block, &[first.origin], 1..2);
    second.place(0, "x");
    let source = Source::Topic { topic: "again".into() };
    let root = plant.namespace.read().find("Acme").unwrap();
    let again = plant.namespace.origin(&first.block, source, root).unwrap();
    let (kind, datatype, metadata) = (Kind::Metric, DataType::Double, Metadata::default());
    let place = Place { slot: 1, origin: again, path: PathSpec::Below("y"), kind, datatype, metadata: &metadata };
    plant.namespace.place(&first.block, &place).unwrap();
    let claims: Vec<_> = (0..4).map(|slot| first.block.hold().claim(slot)).collect();
    let other = second.block.hold().claim(0).unwrap();
    assert!(claims[1].unwrap() > other && claims[0].unwrap() < other, "{claims:?} {other}");
    assert_eq!((claims[0], claims[3]), (claims[2], None), "its neighbours are as old as they were");
}

#[test]
fn a_conflict_that_is_placed_again_is_as_old_as_it_was_and_so_are_its_neighbours() {
    let plant = Plant::new();
    let (first, second) = (plant.edge_node("Line1"), plant.edge_node("Line1"));
    first.place(0, "b");
    for (slot, name) in (0..).zip(["a", "b", "c"]) {
        second.place(slot, name);
    }
    let claims = || (0..3).map(|slot| second.block.hold().claim(slot)).collect::<Vec<_>>();
    let before = claims();
    first.place(1, "z");
    second.place(1, "b");
    assert_eq!(claims(), before);
}

#[test]
fn a_claim_of_a_process_before_is_older_than_any_of_this_one() {
    let plant = Plant::new();
    let (first, second) = (plant.edge_node("Line1"), plant.edge_node("Line1"));
    let place = |publisher: &crate::plant::Publisher<'_>, claim| {
        let (origin, kind, metadata) = (publisher.origin, Kind::Metric, Metadata::default());
        let mut placer = plant.namespace.placer(&publisher.block);
        placer.claimed(claim);
        let path = PathSpec::Below("x");
        placer.place(&Place { slot: 0, origin, path, kind, datatype: DataType::Double, metadata: &metadata }).unwrap()
    };
    place(&first, 9);
    let Placed::Conflict { element, .. } = place(&second, 5) else { panic!("the path is taken") };
    assert!(plant.namespace.mover().decide(element), "but by a younger one");
    second.place(1, "y");
    let claims = [0, 1].map(|slot| second.block.hold().claim(slot).unwrap());
    assert!(claims[0] == 5 && claims[1] > 9, "{claims:?}");
}
