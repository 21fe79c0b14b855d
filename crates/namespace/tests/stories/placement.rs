//! Stories of placement: who gets which path, and what is refused.

use crate::plant::{self, Plant};
use factree_namespace::*;

#[test]
fn a_metric_is_found_where_its_name_says() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    line1.place(0, "Axis/1/Temperature");
    assert_eq!(plant.show("#"), ["Acme/Line1/Axis/1/Temperature"], "placed, not yet written");
    line1.write(&[(0, 21.4)]);
    assert_eq!(plant.show("#"), ["Acme/Line1/Axis/1/Temperature = 21.4 Good"]);

    let view = plant.namespace.read();
    let metric = view.find("Acme/Line1/Axis/1/Temperature").unwrap();
    let axis = view.parent(metric).unwrap();
    assert_eq!((view.name(metric), view.path(axis).as_str()), ("Temperature", "Acme/Line1/Axis/1"));
    assert_eq!((view.kind(metric), view.kind(axis)), (Kind::Metric, Kind::Folder));
    assert_eq!(view.child(axis, "Temperature"), Some(metric));
    assert_eq!(view.find("Acme/Line1/Axis/2/Temperature"), None);
    assert_eq!(view.sample(axis), None);
}

#[test]
fn levels_are_given_once_and_make_equipment() {
    let plant = Plant::new();
    let path = |level| [Segment::at("Acme", level), Segment::named("Dallas"), Segment::named("Press")];
    let press = plant.namespace.ensure(&path(Level::Enterprise), Kind::Folder).unwrap();
    assert_eq!(plant.namespace.ensure(&path(Level::Site), Kind::Equipment).unwrap(), press);
    let view = plant.namespace.read();
    let told: Vec<_> = ["Acme", "Acme/Dallas", "Acme/Dallas/Press"]
        .map(|path| view.find(path).unwrap())
        .map(|id| (view.kind(id).as_str(), view.level(id).map(Level::as_str)))
        .into();
    assert_eq!(told, [("equipment", Some("enterprise")), ("folder", None), ("equipment", None)]);
    assert_eq!(Level::ALL.map(|level| Level::parse(level.as_str())), Level::ALL.map(Some));
    assert_eq!(Level::parse("Enterprise"), None);
}

#[test]
fn a_sample_outranks_its_place() {
    let plant = Plant::new();
    let machine = plant.topic("Acme/Machine");
    let metric = machine.try_place(0, PathSpec::Root).unwrap().element();
    let path = [Segment::named("Acme"), Segment::at("Machine", Level::WorkUnit)];
    assert_eq!(plant.namespace.ensure(&path, Kind::Equipment).unwrap(), metric);
    let view = plant.namespace.read();
    assert_eq!((view.kind(metric), view.level(metric)), (Kind::Metric, Some(Level::WorkUnit)));
}

#[test]
fn the_deepest_path_can_be_disputed() {
    let plant = Plant::within(Limits { depth_max: 4, ..Limits::default() });
    let (line1, line2) = (plant.edge_node("Line1"), plant.edge_node("Line1"));
    line1.place(0, "a/b");
    assert!(matches!(line2.place(0, "a/b"), Placed::Conflict { .. }));
    assert_eq!(line2.try_place(1, PathSpec::Below("a/c/d")), Err(Refusal::TooDeep));
    assert_eq!(plant.show("_conflicts/#"), ["_conflicts/spBv1.0/Acme/Line1/a/b"]);
}

#[test]
fn a_rebirth_keeps_element_and_sample_and_may_redeclare() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    let kelvin = Metadata { unit: Some("K".into()), ..Metadata::default() };
    let first = line1.place(0, "Temperature");
    let revision = line1.write(&[(0, 294.5)]);
    let before = plant.namespace.stats().elements;
    let again = line1.place_as(0, PathSpec::Below("Temperature"), DataType::Float, &kelvin).unwrap();

    assert_eq!(again, first);
    assert_eq!(plant.namespace.stats().elements, before);
    let view = plant.namespace.read();
    let sample = view.sample(first.element()).unwrap();
    assert_eq!((sample.value, sample.datatype, sample.revision), (Value::Double(294.5), DataType::Float, revision));
    assert_eq!(view.metadata(first.element()).unwrap().unit.as_deref(), Some("K"));
}

/// Folders are remembered from one metric to the next; the paths must not show it.
#[test]
fn a_birth_placed_in_one_go_stands_where_its_metrics_would_one_by_one() {
    let names =
        ["a/b/x", "a/b/y", "a/b/", "a/b", "a/z", "a/b/c/d", "a/b/c/e", "a/bc", "z", "/", "//", "a//x", "a/b/c/d"];
    let (whole, single) = (Plant::new(), Plant::new());
    let tell = |placed: Result<Placed, Refusal>| placed.map(|placed| matches!(placed, Placed::Owned(_)));
    let line1 = single.edge_node("Line1");
    let expected: Vec<_> =
        (0..).zip(names).map(|(slot, name)| tell(line1.try_place(slot, PathSpec::Below(name)))).collect();

    let line1 = whole.edge_node("Line1");
    let (origin, kind, metadata) = (line1.origin, Kind::Metric, Metadata::default());
    let mut placer = whole.namespace.placer(&line1.block);
    for (slot, name) in (0..).zip(names) {
        let path = PathSpec::Below(name);
        let place = Place { slot, origin, path, kind, datatype: DataType::Double, metadata: &metadata };
        assert_eq!(tell(placer.place(&place)), expected[slot as usize], "{name}");
    }
    let mut writer = placer.write(Timestamp(1));
    writer.set_scalar(0, Scalar::double(1.5), DataType::Double, Quality::Good, Timestamp(1)).unwrap();
    writer.finish();
    assert_eq!(whole.sample("Acme/Line1/a/b/x").unwrap().value, Value::Double(1.5));
    let paths = |plant: &Plant| {
        let view = plant.namespace.read();
        let ids = view.select(&Filter::parse("#").unwrap(), None, usize::MAX);
        ids.into_iter().map(|id| view.path(id)).collect::<Vec<_>>()
    };
    assert_eq!(paths(&whole), paths(&single));
}

#[test]
fn what_stands_by_its_path_can_be_redeclared_and_a_conflict_must_be_placed_again() {
    let plant = Plant::new();
    let (line1, line2) = (plant.edge_node("Line1"), plant.edge_node("Line1"));
    let kelvin = Metadata { unit: Some("K".into()), ..Metadata::default() };
    let owner = line1.place(0, "Temperature").element();
    line2.place(0, "Temperature");
    line1.write(&[(0, 294.5)]);
    let redeclare = |publisher: &plant::Publisher<'_>, slot: u32| {
        plant.namespace.placer(&publisher.block).redeclare(slot, DataType::Float, &kelvin)
    };
    assert_eq!(redeclare(&line1, 0), Ok(Some(true)));
    assert_eq!(redeclare(&line1, 0), Ok(Some(false)), "nothing is new the second time");
    assert_eq!(redeclare(&line2, 0), Ok(None), "its path may have become free");
    assert_eq!(redeclare(&line1, 1), Ok(None), "nothing is placed there");
    let sample = plant.sample("Acme/Line1/Temperature").unwrap();
    assert_eq!((sample.value, sample.datatype), (Value::Double(294.5), DataType::Float));
    assert_eq!(plant.namespace.read().metadata(owner).unwrap().unit.as_deref(), Some("K"));
}

#[test]
fn metadata_is_shared_and_leaves_nothing_behind() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    let metadata = |n: u32| Metadata { description: Some(format!("{n:0100}").into()), ..Metadata::default() };
    for slot in 0..10 {
        line1.place_as(slot, PathSpec::Below(&format!("m{slot}")), DataType::Double, &metadata(0)).unwrap();
    }
    {
        let view = plant.namespace.read();
        let of = |path| view.metadata(view.find(path).unwrap()).unwrap();
        assert!(std::sync::Arc::ptr_eq(of("Acme/Line1/m0"), of("Acme/Line1/m9")));
    }
    let redeclare = |n: u32| {
        line1.place_as(0, PathSpec::Below("m0"), DataType::Double, &metadata(n)).unwrap();
    };
    (1..3).for_each(redeclare);
    let before = plant.namespace.stats();
    (3..1000).for_each(redeclare);
    assert_eq!(plant.namespace.stats(), before);
}

#[test]
fn the_second_source_of_a_path_is_kept_beside_it() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    let owner = line1.place(0, "Speed");
    line1.write(&[(0, 1.0)]);
    let device = Source::Sparkplug { group: "G".into(), edge_node: "N".into(), device: Some("D".into()) };
    for (source, value) in [(device, 2.0), (Source::Topic { topic: "Acme/Line1".into() }, 3.0)] {
        let rival = plant.publisher(source, "Acme/Line1");
        assert!(
            matches!(rival.place(0, "Speed"), Placed::Conflict { instead_of, .. } if instead_of == owner.element())
        );
        rival.write(&[(0, value)]);
    }
    let told = [
        "Acme/Line1/Speed = 1 Good",
        "_conflicts/mqtt/Acme/Line1/Speed = 3 Good",
        "_conflicts/spBv1.0/G/N/D/Speed = 2 Good",
    ];
    assert_eq!(plant.show("#"), told);

    let view = plant.namespace.read();
    let aside = view.find("_conflicts/spBv1.0/G/N/D/Speed").unwrap();
    assert_eq!(view.conflict(aside), Some(owner.element()));
    assert_eq!(view.conflict(owner.element()), None);
    assert_eq!(view.source(aside).unwrap().1, "Speed");
    drop(view);
    assert_eq!(plant.namespace.stats().conflicts, 2);
}

#[test]
fn a_conflict_moves_in_when_the_owner_moves_out() {
    let plant = Plant::new();
    let (line1, rival) = (plant.edge_node("Line1"), plant.topic("Acme/Line1"));
    line1.place(0, "Speed");
    line1.write(&[(0, 1.0)]);
    rival.place(0, "Speed");
    rival.write(&[(0, 2.0)]);
    line1.place(0, "Velocity");
    assert!(matches!(rival.place(0, "Speed"), Placed::Owned(_)));
    rival.write(&[(0, 3.0)]);
    assert_eq!(plant.show("#"), ["Acme/Line1/Speed = 3 Good", "Acme/Line1/Velocity"], "a moved cell starts empty");
    assert_eq!(plant.namespace.stats().conflicts, 0);
}

#[test]
fn one_name_several_times_in_a_birth_is_a_conflict_and_too_often_a_refusal() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    let first = line1.place(0, "Speed");
    let second = line1.place(1, "Speed");
    let others: Vec<_> = (2..5).map(|slot| line1.place(slot, "Speed")).collect();
    let is_conflict = |placed: &Placed| matches!(placed, Placed::Conflict { .. });
    assert!(is_conflict(&second) && others.iter().all(is_conflict));
    assert_eq!(line1.try_place(5, PathSpec::Below("Speed")), Err(Refusal::PathTaken));
    assert_eq!((line1.place(0, "Speed"), line1.place(1, "Speed")), (first, second), "a rebirth changes nothing");
}

#[test]
fn odd_names_are_kept_as_they_are() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    let odd =
        ["", "/", "a//b", "/lead", "trail/", "..", "../..", "__proto__", "Größe/温度", "a b", "+", "#", "nul\0", "x"];
    for (slot, name) in odd.iter().enumerate() {
        assert!(matches!(line1.place(slot as u32, name), Placed::Owned(_)), "{name:?}");
        line1.write(&[(slot as u32, slot as f64)]);
    }
    let view = plant.namespace.read();
    for (slot, name) in odd.iter().enumerate() {
        let path = format!("Acme/Line1/{name}");
        let id = view.find(&path).unwrap();
        assert_eq!(view.path(id), path);
        assert_eq!(view.source(id).unwrap().1, *name);
        assert_eq!(view.sample(id).unwrap().value, Value::Double(slot as f64));
    }
}

#[test]
fn an_element_has_a_sample_and_children_if_its_source_says_so() {
    let plant = Plant::new();
    let order = plant.topic("Acme/Order");
    order.try_place(0, PathSpec::Root).unwrap();
    order.place(1, "Id");
    order.write(&[(0, 1.0), (1, 2.0)]);
    assert_eq!(plant.show("Acme/#"), ["Acme/Order = 1 Good", "Acme/Order/Id = 2 Good"]);
    let view = plant.namespace.read();
    let told = |path| view.source(view.find(path).unwrap()).unwrap();
    let source = Source::Topic { topic: "Acme/Order".into() };
    assert_eq!(told("Acme/Order"), (source.clone(), String::new()));
    assert_eq!(told("Acme/Order/Id"), (source, "Id".into()));
}

#[test]
fn a_metric_placed_elsewhere_keeps_its_own_name() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    let renamed = PathSpec::Renamed { below: "Drive/Speed", metric: "DRV.SPD" };
    let element = line1.try_place(0, renamed).unwrap().element();
    assert_eq!(plant.namespace.read().source(element).unwrap().1, "DRV.SPD");
    assert_eq!(plant.namespace.read().path(element), "Acme/Line1/Drive/Speed");
    line1.place(0, "Drive/Speed");
    assert_eq!(plant.namespace.read().source(element).unwrap().1, "Drive/Speed");
}

#[test]
fn the_same_origin_is_the_same_id() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    let source = |device: Option<&str>| Source::Sparkplug {
        group: "Acme".into(),
        edge_node: "Line1".into(),
        device: device.map(Into::into),
    };
    assert_eq!(plant.origin(&line1.block, source(None), "Acme/Line1"), line1.origin);
    assert_ne!(plant.origin(&line1.block, source(Some("D")), "Acme/Line1"), line1.origin);
    assert_ne!(plant.origin(&line1.block, source(None), "Acme/Line2"), line1.origin);
}

#[test]
fn what_is_refused_changes_nothing() {
    let plant = Plant::within(Limits {
        elements_max: 8,
        depth_max: 5,
        name_bytes_max: 10,
        names_bytes_max: 40,
        metadata_bytes_max: 200,
        cells_per_block_max: 4,
        blocks_max: 1,
        ..Limits::default()
    });
    let line1 = plant.edge_node("Line1");
    line1.place(0, "Speed");
    line1.write(&[(0, 1.0)]);
    let before = (plant.show("#"), plant.namespace.stats());

    let wordy = Metadata { description: Some("x".repeat(200).into()), ..Metadata::default() };
    let told = [
        line1.try_place(1, PathSpec::Below("a/b/c/d")),
        line1.try_place(1, PathSpec::Below("elevenbytes")),
        line1.try_place(1, PathSpec::Below("ten bytes./ten bytes,/ten bytes!")),
        line1.try_place(4, PathSpec::Below("x")),
        line1.place_as(1, PathSpec::Below("x"), DataType::Double, &wordy),
        plant.namespace.ensure(&[Segment::named("a/b")], Kind::Folder).map(Placed::Owned),
    ];
    let refused = [
        Refusal::TooDeep,
        Refusal::NameTooLong,
        Refusal::NamesFull,
        Refusal::BlockFull,
        Refusal::MetadataTooLarge,
        Refusal::SlashInName,
    ];
    assert_eq!(told, refused.map(Err));
    assert_eq!(plant.namespace.add_block().err(), Some(Refusal::TooManyBlocks));
    assert_eq!((plant.show("#"), plant.namespace.stats()), before);

    for slot in 0..4 {
        line1.place(slot, &format!("{slot}"));
    }
    let full = plant.namespace.stats();
    assert_eq!(full.elements, 8, "the root is one of them");
    assert_eq!(line1.try_place(0, PathSpec::Below("y")), Err(Refusal::TooManyElements));
    assert_eq!(plant.namespace.stats(), full);
}

#[test]
fn what_sources_declare_is_bounded_together() {
    let plant = Plant::within(Limits { values_bytes_max: 2000, value_bytes_max: 100, ..Limits::default() });
    let line1 = plant.edge_node("Line1");
    let place = |slot: u32, name: &str, metric: &str, unit: &str| {
        let metadata = Metadata { unit: Some(unit.into()), ..Metadata::default() };
        line1.place_as(slot, PathSpec::Renamed { below: name, metric }, DataType::Double, &metadata)
    };
    let long = "x".repeat(1500);
    place(0, "a", &long, "K").unwrap();
    assert_eq!(place(1, "b", &long, "K"), Err(Refusal::ValuesFull));
    assert_eq!(place(1, "b", "b", &long), Err(Refusal::ValuesFull));
    let origin = plant.namespace.origin(&line1.block, Source::Topic { topic: long.as_str().into() }, ElementId::ROOT);
    assert_eq!(origin, Err(Refusal::ValuesFull));
    assert_eq!(plant.show("#"), ["Acme/Line1/a"]);
    place(0, "a", "a", "K").unwrap();
    place(1, "b", "b", &long).unwrap();
    place(1, "b", "b", "K").unwrap();
    place(0, "moved", &long, "K").unwrap();
}

#[test]
#[should_panic(expected = "value_bytes_max is above values_bytes_max")]
fn limits_that_contradict_are_not_accepted() {
    let _ = Namespace::new(Limits { values_bytes_max: 10, ..Limits::default() });
}

#[test]
fn the_root_holds_no_sample() {
    let plant = Plant::new();
    let block = plant.namespace.add_block().unwrap();
    let source = Source::Topic { topic: "t".into() };
    let origin = plant.namespace.origin(&block, source, ElementId::ROOT).unwrap();
    let publisher = plant::Publisher { plant: &plant, block, origin };
    assert_eq!(publisher.try_place(0, PathSpec::Root), Err(Refusal::EmptyPath));
    publisher.place(0, "t");
    assert_eq!(plant.show("#"), ["t"]);
}
