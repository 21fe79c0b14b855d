//! Stories of horizons: what may not be read is nowhere, whatever the tree is and wherever the horizon runs.
//!
//! The model is a set of paths. What it holds is what the whole view says, and nothing else is said of anything.

use std::sync::Arc;

use crate::instances::{configure, instance_of, says};
use crate::plant::{Plant, Publisher};
use factree_namespace::*;
use proptest::prelude::*;

const NAMES: [&str; 9] = ["a", "b", "a/x", "a/x/y", "c/x", "c/y/z", "c/y", "c", "b/x"];
/// Two of them want the same paths.
const ROOTS: [&str; 4] = ["E0", "E1", "E1", "c"];
const FILTERS: [&str; 8] =
    ["#", "Acme/#", "Acme/+/a", "Acme/E1/#", "+/+/c/#", "Acme/E0/a/x", "+/+/+/+", "_conflicts/#"];
const SEARCHES: [&str; 6] = ["x", "acme x", "e1", "double", "type:motor", "c y"];

/// What may happen to a plant. A third of the elements is of a type.
#[derive(Clone, Debug)]
enum Happening {
    Place { source: usize, slot: u32, name: usize, of: usize },
    Write { source: usize, slot: u32 },
}

fn happening() -> impl Strategy<Value = Happening> {
    let place = (0..ROOTS.len(), 0..5_u32, 0..NAMES.len(), 0..6_usize);
    prop_oneof![
        2 => place.prop_map(|(source, slot, name, of)| Happening::Place { source, slot, name, of }),
        1 => (0..ROOTS.len(), 0..5_u32).prop_map(|(source, slot)| Happening::Write { source, slot }),
    ]
}

/// A plant to which these things have happened, and its revision before.
fn plant(happenings: &[Happening]) -> (Plant, Revision) {
    let plant = Plant::new();
    let before = {
        let sources = ROOTS.map(|name| plant.edge_node(name));
        assert_eq!(says(&sources[0], &["Motor x:Double y?:Float", "Axis x:@Motor"]), []);
        assert_eq!(says(&sources[1], &["Motor x:Float"]), []);
        configure(&plant, &["Axis z"], &["Acme/+/c = Axis", "Acme/E0 = Belt"]);
        let before = plant.namespace.revision();
        happenings.iter().for_each(|happening| happens(&sources, happening));
        before
    };
    (plant, before)
}

fn happens(sources: &[Publisher<'_>; 4], happening: &Happening) {
    match *happening {
        Happening::Place { source, slot, name, of } => {
            let metadata = match of {
                0 => instance_of("Motor"),
                1 => instance_of("Axis"),
                2 => Metadata { unit: Some("x".into()), ..Metadata::default() },
                _ => Metadata::default(),
            };
            sources[source].born(slot, NAMES[name], &metadata);
        }
        Happening::Write { source, slot } if sources[source].block.element(slot).is_some() => {
            sources[source].write(&[(slot, 1.0)]);
        }
        Happening::Write { .. } => {}
    }
}

/// What is said about a path and, if it is so said, about all below it.
#[derive(Clone, Copy, Debug)]
enum Mark {
    Nothing,
    Itself(bool),
    Below(bool),
}

/// How far somebody may see.
#[derive(Debug)]
struct Bounds {
    /// The paths there are, and those there may be, in order: whether each is held, and whether the horizon is in doubt about it.
    universe: Vec<(String, bool, bool)>,
}

impl Bounds {
    fn new(paths: &[String], marks: &[Mark], doubts: &[bool]) -> Self {
        let is_held = |path: &str| {
            let above = paths.iter().zip(marks).filter(|(place, _)| is_at_or_below(path, place));
            above.fold(false, |held, (place, mark)| match mark {
                Mark::Below(all) => *all,
                Mark::Itself(one) if place == path => *one,
                Mark::Itself(_) | Mark::Nothing => held,
            })
        };
        let universe = paths.iter().zip(doubts).map(|(path, doubt)| (path.clone(), is_held(path), *doubt));
        Bounds { universe: universe.collect() }
    }

    fn about(&self, path: &str) -> (bool, bool) {
        let at = self.universe.binary_search_by(|(place, ..)| (**place).cmp(path));
        at.map_or((false, false), |at| (self.universe[at].1, self.universe[at].2))
    }

    fn holds(&self, path: &str) -> bool {
        self.about(path).0
    }

    /// Whether the horizon has a reason to show a path.
    fn leads_to(&self, path: &str) -> bool {
        let mut at_or_below = self.universe.iter().filter(|(place, ..)| is_at_or_below(place, path));
        self.about(path).1 || at_or_below.any(|(_, is_held, _)| *is_held)
    }
}

impl Horizon for Bounds {
    fn extent(&self, path: &str) -> Extent {
        let mut below = self.universe.iter().filter(|(place, ..)| is_at_or_below(place, path)).map(|place| place.1);
        match below.next() {
            _ if self.about(path).1 => Extent::Part,
            None => Extent::Nothing,
            Some(first) if below.any(|other| other != first) => Extent::Part,
            Some(true) => Extent::Whole,
            Some(false) => Extent::Nothing,
        }
    }

    fn holds(&self, path: &str) -> bool {
        Bounds::holds(self, path)
    }
}

/// Whether `path` is `place` or below it; everything is below the root.
fn is_at_or_below(path: &str, place: &str) -> bool {
    place.is_empty() || path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Everything there is, as somebody sees who may read everything; parents come before their children.
fn everything(view: &View<'_>) -> Vec<(ElementId, String)> {
    let (mut all, mut at) = (vec![(ElementId::ROOT, String::new())], 0);
    while at < all.len() {
        all.extend(view.children(all[at].0, None, usize::MAX).iter().map(|&id| (id, view.path(id))));
        at += 1;
    }
    all
}

fn bounds(universe: Vec<String>) -> impl Strategy<Value = Bounds> {
    let mark = prop_oneof![
        6 => Just(Mark::Nothing),
        1 => any::<bool>().prop_map(Mark::Itself),
        2 => any::<bool>().prop_map(Mark::Below),
    ];
    let len = universe.len();
    (prop::collection::vec(mark, len), prop::collection::vec(prop::bool::weighted(0.2), len))
        .prop_map(move |(marks, doubts)| Bounds::new(&universe, &marks, &doubts))
}

/// Any tree, and any bounds over it and what may come.
fn worlds() -> impl Strategy<Value = (Vec<Happening>, Bounds)> {
    prop::collection::vec(happening(), 0..25).prop_flat_map(|happenings| {
        let (plant, _) = plant(&happenings);
        let there = everything(&plant.namespace.read());
        let mut universe: Vec<String> = vec!["Acme/E0/a/x/later".into(), "Elsewhere".into(), "Acme/E1/c/z".into()];
        // Where members of types may be, too.
        universe.extend(there.iter().flat_map(|(_, path)| ["x", "y", "z"].map(|member| format!("{path}/{member}"))));
        universe.extend(there.into_iter().map(|(_, path)| path));
        universe.sort_unstable();
        universe.dedup();
        (Just(happenings), bounds(universe))
    })
}

/// All pages of a list.
fn pages<T: Clone>(limit: usize, mut page: impl FnMut(Option<&T>, usize) -> Vec<T>) -> Vec<T> {
    let mut all: Vec<T> = Vec::new();
    loop {
        let some = page(all.last(), limit);
        assert!(some.len() <= limit);
        if some.is_empty() {
            return all;
        }
        all.extend(some);
    }
}

/// Looks at everything that a sight can say. `held`: what lies within.
fn look(sight: &Sight<'_>, bounds: Option<&Bounds>, since: Revision) -> Result<(), TestCaseError> {
    let view: &View<'_> = sight;
    let all = everything(view);
    let holds = |path: &str| bounds.is_none_or(|bounds| bounds.holds(path));
    let held = |id: ElementId| holds(&view.path(id));
    for (id, path) in &all {
        let (id, is_held, is_shown) = (*id, holds(path), sight.shows(*id));
        prop_assert_eq!(sight.holds(id), is_held, "{}", path);
        let is_some_held_below = all.iter().any(|(_, below)| is_at_or_below(below, path) && holds(below));
        prop_assert!(is_shown || !is_some_held_below, "the way to what is held is there: {}", path);
        let mut on_the_way = all.iter().filter(|(_, above)| is_at_or_below(path, above));
        let may_be_shown = bounds.is_none_or(|bounds| on_the_way.all(|(_, above)| bounds.leads_to(above)));
        prop_assert!(!is_shown || may_be_shown, "nothing leads there: {}", path);
        prop_assert_eq!(sight.find(path), view.find(path).filter(|_| is_shown));
        prop_assert_eq!(sight.element(id.get() as usize), Some(id).filter(|_| is_shown));
        if let Some(parent) = view.parent(id) {
            prop_assert_eq!(sight.child(parent, view.name(id)), Some(id).filter(|_| is_shown));
        }
        let below = view.children(id, None, usize::MAX).iter().copied();
        let below: Vec<ElementId> = below.filter(|&child| sight.shows(child)).collect();
        prop_assert_eq!(&*sight.children(id, None, usize::MAX), &*below, "{}", path);
        prop_assert_eq!(sight.child_count(id), below.len());
        let paged = pages(2, |last, limit| sight.children(id, last.map(|&last| view.name(last)), limit).into_owned());
        prop_assert_eq!(paged, below);

        prop_assert_eq!(sight.kind(id), if is_held { view.kind(id) } else { Kind::Folder }, "{}", path);
        prop_assert_eq!(sight.equipment(id), view.equipment(id).filter(|_| is_held));
        prop_assert_eq!(sight.metadata(id), view.metadata(id).filter(|_| is_held));
        prop_assert_eq!(sight.datatype(id), view.datatype(id).filter(|_| is_held));
        prop_assert_eq!(sight.sample(id), view.sample(id).filter(|_| is_held));
        prop_assert_eq!(sight.reading(id), view.reading(id).filter(|_| is_held));
        prop_assert_eq!(sight.source(id), view.source(id).filter(|_| is_held));
        prop_assert_eq!(sight.publisher(id), view.publisher(id).filter(|_| is_held));
        prop_assert_eq!(sight.provenance(id), view.provenance(id).filter(|_| is_held));
        prop_assert_eq!(sight.origin(id), view.origin(id).filter(|_| is_held));
        prop_assert_eq!(sight.cell(id).map(|(_, slot)| slot), view.cell(id).map(|(_, slot)| slot).filter(|_| is_held));
        prop_assert_eq!(
            sight.type_of(id).map(|(name, _)| name),
            view.type_of(id).map(|(name, _)| name).filter(|_| is_held)
        );
        prop_assert_eq!(sight.conflict(id), view.conflict(id).filter(|&wanted| is_held && held(wanted)));
        let member = view.member_of(id).map(|(of, _, member)| (of, &member.name));
        let told = sight.member_of(id).map(|(of, _, member)| (of, &member.name));
        prop_assert_eq!(told, member.filter(|&(of, _)| is_held && held(of)));
        prop_assert_eq!(sight.member(id, "x"), view.member(id, "x").filter(|&member| sight.shows(member)));
    }
    prop_assert_eq!(sight.find("Acme/E0/not there"), None);
    let ids: Vec<ElementId> = all.iter().map(|&(id, _)| id).collect();
    let mut told = Vec::new();
    sight.samples(&ids, |id, reading| told.push((id, reading)));
    let expected: Vec<_> = ids.iter().map(|&id| (id, view.reading(id).filter(|_| held(id)))).collect();
    prop_assert_eq!(told, expected);

    for filter in FILTERS.map(|text| Filter::parse(text).unwrap()) {
        let mut expected = view.select(&filter, None, usize::MAX);
        expected.retain(|&id| held(id));
        prop_assert_eq!(&sight.select(&filter, None, usize::MAX), &expected, "{}", &filter);
        let paged = pages(2, |last, limit| sight.select(&filter, last.map(|&last| view.path(last)).as_deref(), limit));
        prop_assert_eq!(paged, expected, "{}", &filter);
    }
    for text in SEARCHES {
        let search = Search::parse(text).unwrap();
        let mut expected = view.search(&search, 1000).0;
        expected.retain(|&id| held(id));
        prop_assert_eq!(sight.search(&search, 1000), (expected.clone(), false), "{}", text);
        let first: Vec<ElementId> = expected.iter().copied().take(2).collect();
        prop_assert_eq!(sight.search(&search, 2), (first, expected.len() > 2), "{}", text);
    }
    let now = Revision(u64::MAX);
    let mut expected: Vec<&str> = view.gone(since, now).unwrap().collect();
    expected.retain(|path| view.find(path).is_some_and(&held));
    prop_assert_eq!(sight.gone(since, now).unwrap().collect::<Vec<_>>(), expected);
    look_at_types(sight, bounds)
}

fn look_at_types(sight: &Sight<'_>, bounds: Option<&Bounds>) -> Result<(), TestCaseError> {
    let view: &View<'_> = sight;
    let holds = |path: &str| bounds.is_none_or(|bounds| bounds.holds(path));
    let mut named = Vec::new();
    for of in view.types(None) {
        let within = |version| {
            let mut instances = of.instances(version, None, usize::MAX);
            instances.retain(|&id| holds(&view.path(id)));
            instances
        };
        let instances = within(None);
        let is_known = bounds.is_none() || !instances.is_empty();
        named.extend(is_known.then(|| of.name().clone()));
        prop_assert_eq!(sight.type_named(of.name()).is_some(), is_known);
        prop_assert_eq!(sight.instances_len(of, None), instances.len());
        let paged = pages(1, |last, limit| sight.instances(of, None, last.copied(), limit));
        prop_assert_eq!(&paged, &instances);
        let census: Vec<_> =
            of.versions().into_iter().map(|version| (version.id(), within(Some(version.id())).len())).collect();
        let told: Vec<_> = sight.census(of).into_iter().map(|(version, count)| (version.id(), count)).collect();
        let shown = census.into_iter().filter(|(_, count)| bounds.is_none() || *count > 0);
        prop_assert_eq!(told, shown.collect::<Vec<_>>());

        let expected = view.deviations(of, None, usize::MAX, usize::MAX).found.into_iter().filter(|deviation| {
            let of = view.path(deviation.element);
            holds(&of) && holds(&format!("{of}/{}", deviation.member))
        });
        let told = sight.deviations(of, None, usize::MAX, usize::MAX);
        prop_assert_eq!(told.found, expected.collect::<Vec<_>>(), "{}", of.name());
        prop_assert!(!told.more);
    }
    let told: Vec<Arc<str>> = sight.types(None).map(|of| of.name().clone()).collect();
    prop_assert_eq!(told, named);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whoever looks this far sees what is within, and the way there.
    #[test]
    fn what_may_not_be_read_is_nowhere((happenings, bounds) in worlds()) {
        let (plant, before) = plant(&happenings);
        look(&Sight::new(plant.namespace.read(), Some(&bounds)), Some(&bounds), before)?;
        look(&Sight::new(plant.namespace.read(), None), None, before)?;
    }

    /// Whoever follows this far is told of what is within, and of nothing else, whenever he began.
    #[test]
    fn what_may_not_be_read_is_not_followed((happenings, bounds) in worlds(), began in 0..25_usize, which in 0..FILTERS.len()) {
        let plant = Plant::new();
        let sources = ROOTS.map(|name| plant.edge_node(name));
        let (before, after) = happenings.split_at(began.min(happenings.len()));
        before.iter().for_each(|happening| happens(&sources, happening));
        let (filter, bounds) = (Filter::parse(FILTERS[which]).unwrap(), Arc::new(bounds));
        let horizon: Arc<dyn Horizon> = Arc::clone(&bounds) as _;
        let mut coverage = Coverage::within(&plant.namespace.read(), vec![filter.clone()], Some(horizon));
        for happening in after {
            coverage.refresh(&plant.namespace.read(), 2);
            happens(&sources, happening);
        }
        let view = plant.namespace.read();
        while !coverage.refresh(&view, 3) {}
        let mut expected = view.select(&filter, None, usize::MAX);
        expected.retain(|&id| bounds.holds(&view.path(id)));
        prop_assert_eq!(coverage.len(), expected.len());
        let mut changes = Vec::new();
        prop_assert_eq!(coverage.changes(&view, Revision::ZERO, Cursor::default(), usize::MAX / 2, &mut changes), Ok(None));
        let mut told: Vec<ElementId> = changes.into_iter().map(|change| change.element).collect();
        told.sort_unstable();
        expected.retain(|&id| view.sample(id).is_some());
        expected.sort_unstable();
        prop_assert_eq!(told, expected);
        for (id, path) in everything(&view) {
            prop_assert_eq!(coverage.covers(&view, id), filter.matches(&path) && bounds.holds(&path), "{}", path);
        }
    }
}
