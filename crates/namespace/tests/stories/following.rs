//! Stories of following: what filters cover stays what they cover while the tree grows, and no change is missed.

use crate::plant::Plant;
use factree_namespace::*;
use proptest::prelude::*;

/// Somebody who follows a part of the tree.
struct Follower<'a> {
    plant: &'a Plant,
    coverage: Coverage,
    at: Revision,
}

impl<'a> Follower<'a> {
    fn of(plant: &'a Plant, filters: &[&str]) -> Self {
        let filters = filters.iter().map(|text| Filter::parse(text).unwrap()).collect();
        let coverage = Coverage::new(&plant.namespace.read(), filters);
        Self { plant, coverage, at: Revision::ZERO }
    }

    /// Takes account of the tree, `budget` elements at a time.
    fn refresh(&mut self, budget: usize) -> usize {
        (1..).find(|_| self.coverage.refresh(&self.plant.namespace.read(), budget)).unwrap()
    }

    /// What is new since the last look, `limit` at a time: `path = value quality` and `path gone`.
    fn look(&mut self, limit: usize) -> Vec<String> {
        self.refresh(usize::MAX);
        let now = self.plant.namespace.revision();
        let view = self.plant.namespace.read();
        let (mut lines, mut from) = (Vec::new(), Some(Cursor::default()));
        while let Some(cursor) = from {
            let mut found = Vec::new();
            from = self.coverage.changes(&view, self.at, cursor, limit, &mut found).unwrap();
            assert!(found.len() <= limit);
            lines.extend(found.iter().map(|Change { element, reading: (sample, _), .. }| {
                let Value::Double(value) = sample.value else { panic!("{sample:?}") };
                format!("{} = {value} {}", view.path(*element), sample.quality.as_str())
            }));
        }
        let gone = view.gone(self.at, now).expect("nothing is forgotten here");
        lines.extend(gone.filter(|path| self.coverage.covers_path(path)).map(|path| format!("{path} gone")));
        self.at = now;
        lines
    }
}

#[test]
fn a_follower_sees_what_changed_below_its_filter_and_nothing_else() {
    let plant = Plant::new();
    let (press, paint) = (plant.edge_node("Press"), plant.edge_node("Paint"));
    for (slot, name) in ["a", "b", "c/d"].into_iter().enumerate() {
        press.place(slot as u32, name);
        paint.place(slot as u32, name);
    }
    let mut follower = Follower::of(&plant, &["Acme/Press/#"]);
    assert_eq!(follower.look(9), [""; 0], "declared, and without a sample yet");
    press.write(&[(0, 1.0), (2, 3.0)]);
    paint.write(&[(0, 1.0)]);
    assert_eq!(follower.look(9), ["Acme/Press/a = 1 Good", "Acme/Press/c/d = 3 Good"]);
    assert_eq!(follower.look(9), [""; 0]);
    press.write(&[(0, 2.0)]);
    press.write(&[(0, 4.0)]);
    assert_eq!(follower.look(9), ["Acme/Press/a = 4 Good"], "conflated: what is, not what was");
    let mut writer = plant.namespace.write(&press.block, Timestamp(2000));
    writer.stale_all();
    writer.finish();
    assert_eq!(follower.look(1), ["Acme/Press/a = 4 Stale", "Acme/Press/c/d = 3 Stale"], "a quality is a change");
}

#[test]
fn what_is_born_later_is_covered_too() {
    let plant = Plant::new();
    let mut follower = Follower::of(&plant, &["Acme/+/a", "Acme/Press/a", "Other"]);
    assert_eq!(follower.look(9), [""; 0]);
    let press = plant.edge_node("Press");
    press.place(0, "a");
    press.write(&[(0, 1.0)]);
    assert_eq!(follower.look(9), ["Acme/Press/a = 1 Good"], "once, though two filters mean it");
    let other = plant.topic("Other");
    other.try_place(0, PathSpec::Root).unwrap();
    other.write(&[(0, 2.0)]);
    press.place(130, "b");
    press.place(129, "z");
    assert_eq!(follower.look(9), ["Other = 2 Good"]);
    assert_eq!(follower.coverage.len(), 2);
}

#[test]
fn a_path_that_loses_its_cell_is_gone_until_somebody_has_it_again() {
    let plant = Plant::new();
    let (first, second) = (plant.edge_node("E"), plant.edge_node("E"));
    first.place(0, "a");
    first.write(&[(0, 1.0)]);
    second.place(0, "a");
    second.write(&[(0, 2.0)]);
    let mut follower = Follower::of(&plant, &["#"]);
    assert_eq!(follower.look(9), ["Acme/E/a = 1 Good", "_conflicts/spBv1.0/Acme/E/a = 2 Good"]);
    first.place(0, "b");
    assert_eq!(follower.look(9), ["Acme/E/a gone"]);
    // The path is free, so at its next birth the second source has it.
    second.place(0, "a");
    second.write(&[(0, 3.0)]);
    assert_eq!(follower.look(9), ["Acme/E/a = 3 Good", "_conflicts/spBv1.0/Acme/E/a gone"]);
    let mut elsewhere = Follower::of(&plant, &["Acme/E/b"]);
    assert_eq!(elsewhere.look(9), [""; 0], "declared, and without a sample");
    let late = plant.namespace.read().gone(Revision::ZERO, plant.namespace.revision()).unwrap().count();
    assert_eq!(late, 1, "whoever looks only now hears of what has gone for good");
}

#[test]
fn who_is_too_far_behind_is_not_told_that_nothing_has_gone() {
    let plant = Plant::new();
    let press = plant.edge_node("Press");
    let before = plant.namespace.revision();
    for number in 0..5000 {
        press.place(0, &format!("m{number}"));
    }
    let (view, now) = (plant.namespace.read(), plant.namespace.revision());
    assert!(view.gone(before, now).is_none());
    assert_eq!(view.gone(Revision(now.0 - 10), now).unwrap().count(), 10);
}

#[test]
fn when_the_tree_is_reshaped_those_who_follow_read_it_again() {
    let plant = Plant::new();
    let press = plant.edge_node("Press");
    press.place(0, "a");
    press.write(&[(0, 1.0)]);
    let mut follower = Follower::of(&plant, &["Acme/#"]);
    assert_eq!(follower.look(9), ["Acme/Press/a = 1 Good"]);
    let before = follower.at;
    let reshaped = plant.namespace.reshape();
    assert!(!follower.coverage.is_current(&plant.namespace.read()));
    assert!(plant.namespace.read().gone(before, reshaped).is_none());
    follower.at = reshaped;
    assert_eq!((follower.look(9), follower.coverage.len()), (vec![], 1), "what is, is covered as before");
}

#[test]
fn when_the_model_says_something_else_those_who_follow_read_it_again() {
    let plant = Plant::new();
    plant.edge_node("Press").place(0, "a");
    let unit = |unit: &str| Modelled {
        path: "Acme/Press/a".into(),
        metadata: Metadata { unit: Some(unit.into()), ..Metadata::default() },
        ..Modelled::default()
    };
    let is_read_again = |model: &[Modelled]| {
        let before = plant.namespace.revision();
        plant.namespace.mover().model(model);
        plant.namespace.read().gone(before, plant.namespace.revision()).is_none()
    };
    assert!(!is_read_again(&[]), "nothing was said");
    assert!(is_read_again(&[unit("bar")]));
    assert!(!is_read_again(&[unit("bar")]), "the same is said again");
    assert!(is_read_again(&[unit("psi")]));
    assert!(is_read_again(&[]), "nothing is said any more");
}

#[test]
fn a_large_tree_is_taken_account_of_in_slices() {
    let plant = Plant::new();
    let press = plant.edge_node("Press");
    let place = |slots: std::ops::Range<u32>| slots.for_each(|slot| _ = press.place(slot, &format!("m{slot}")));
    place(0..1000);
    let mut follower = Follower::of(&plant, &["Acme/#"]);
    assert!((10..30).contains(&follower.refresh(100)), "by selection");
    place(1000..2000);
    assert!((10..30).contains(&follower.refresh(100)), "slot by slot");
    assert_eq!((follower.coverage.len(), follower.refresh(100)), (2000, 1));
    let mut found = Vec::new();
    press.place(2000, "late");
    let outdated = follower.coverage.changes(&plant.namespace.read(), Revision::ZERO, Cursor::default(), 9, &mut found);
    assert_eq!((outdated, found), (Err(Outdated), vec![]));
}

/// What may happen to a plant of three Edge Nodes with a handful of names.
#[derive(Clone, Debug)]
enum Happening {
    Place { edge_node: usize, slot: u32, name: usize },
    Write { edge_node: usize, slot: u32 },
    Refresh { budget: usize },
    Look,
}

const NAMES: [&str; 6] = ["a", "b", "a/x", "c/x", "c/y/z", ""];
const FILTERS: [&[&str]; 5] =
    [&["#"], &["Acme/E0/#"], &["Acme/+/a", "+/+/c/#"], &["Acme/E1/a/x"], &["_conflicts/#", "#"]];

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        (0..3_usize, 0..140_u32, 0..NAMES.len()).prop_map(|(edge_node, slot, name)| Happening::Place {
            edge_node,
            slot,
            name
        }),
        (0..3_usize, 0..140_u32, 0..NAMES.len()).prop_map(|(edge_node, slot, name)| Happening::Place {
            edge_node,
            slot: slot % 4,
            name
        }),
        (0..3_usize, 0..4_u32).prop_map(|(edge_node, slot)| Happening::Write { edge_node, slot }),
        (1..4_usize).prop_map(|budget| Happening::Refresh { budget }),
        Just(Happening::Look),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever happens in between, a coverage that is current covers what a selection selects, and who puts together
    /// what it was told has what is there.
    #[test]
    fn coverage_is_selection_kept_current(happenings in prop::collection::vec(happening(), 0..60), which in 0..FILTERS.len()) {
        let plant = Plant::new();
        // Two of them want the same paths.
        let edge_nodes = ["E0", "E1", "E1"].map(|name| plant.edge_node(name));
        let mut follower = Follower::of(&plant, FILTERS[which]);
        let mut known = std::collections::BTreeMap::new();
        let mut value = 0.0;
        for happening in happenings.into_iter().chain([Happening::Look]) {
            match happening {
                Happening::Place { edge_node, slot, name } => {
                    let _: Result<Placed, Refusal> = edge_nodes[edge_node].try_place(slot, PathSpec::Below(NAMES[name]));
                }
                Happening::Write { edge_node, slot } if edge_nodes[edge_node].block.element(slot).is_some() => {
                    value += 1.0;
                    edge_nodes[edge_node].write(&[(slot, value)]);
                }
                Happening::Write { .. } => {}
                Happening::Refresh { budget } => drop(follower.coverage.refresh(&plant.namespace.read(), budget)),
                Happening::Look => for line in follower.look(2) {
                    match line.strip_suffix(" gone") {
                        Some(path) => drop(known.remove(path)),
                        None => drop(known.insert(line.split(" = ").next().unwrap().to_owned(), line)),
                    }
                },
            }
        }
        let mut expected: Vec<String> = FILTERS[which].iter().flat_map(|filter| plant.show(filter)).collect();
        expected.sort();
        expected.dedup();
        prop_assert_eq!(follower.coverage.len(), expected.len());
        expected.retain(|line| line.contains(" = "));
        let mut told: Vec<String> = known.into_values().collect();
        told.sort();
        prop_assert_eq!(told, expected);
    }
}
