//! Stories of types: who defines them, which elements are of them, and what they tell of their members.

use std::sync::Arc;

use crate::plant::{Plant, Publisher};
use factree_namespace::*;

/// `Motor rpm:Double=1/min amps?:Float gear:@Gear note?`: a name, then members; `?` is for those that may be missing, `@` for
/// a type, `=` for a unit.
fn define(text: &str) -> TypeDefinition {
    let mut words = text.split(' ');
    let name = words.next().unwrap();
    let member = |word: &str| {
        let (word, unit) = word.split_once('=').map_or((word, None), |(word, unit)| (word, Some(unit.into())));
        let (name, of) = word.split_once(':').unwrap_or((word, ""));
        let of = match of.strip_prefix('@') {
            Some(name) => MemberType::Type(name.into()),
            None => DataType::parse(of).map_or(MemberType::Any, MemberType::Value),
        };
        let metadata = Arc::new(Metadata { unit, ..Metadata::default() });
        Member { name: name.trim_end_matches('?').into(), of, is_required: !name.ends_with('?'), metadata }
    };
    TypeDefinition::named(name).with_members(words.map(member).collect())
}

pub(crate) fn says(publisher: &Publisher<'_>, definitions: &[&str]) -> Vec<(usize, Refusal)> {
    let definitions = definitions.iter().map(|text| define(text)).collect();
    publisher.plant.namespace.define(&publisher.block, publisher.origin, definitions)
}

pub(crate) fn instance_of(name: &str) -> Metadata {
    Metadata { instance_of: Some(name.into()), ..Metadata::default() }
}

fn unit(unit: &str) -> Metadata {
    Metadata { unit: Some(unit.into()), ..Metadata::default() }
}

impl Publisher<'_> {
    pub(crate) fn born(&self, slot: u32, name: &str, metadata: &Metadata) {
        self.place_as(slot, PathSpec::Below(name), DataType::Double, metadata).unwrap();
    }
}

/// The configuration: types, and rules as `filter = name`.
pub(crate) fn configure(plant: &Plant, types: &[&str], rules: &[&str]) {
    let rule = |text: &&str| {
        let (filter, name) = text.split_once(" = ").unwrap();
        (Filter::parse(filter).unwrap(), name.into())
    };
    declare(plant, types.iter().map(|text| define(text)).collect(), rules.iter().map(rule).collect());
}

/// The same in small steps, as it is done while others go on.
fn declare(plant: &Plant, types: Vec<TypeDefinition>, rules: Vec<(Filter, Arc<str>)>) {
    assert_eq!(plant.namespace.mover().types(types, rules), []);
    let mut next = Some(0);
    while let Some(from) = next {
        next = plant.namespace.mover().retype_some(from, 3);
    }
}

fn model(plant: &Plant, entries: &[(&str, Metadata)]) {
    let entry = |(path, metadata): &(&str, Metadata)| Modelled {
        path: (*path).to_owned(),
        kind: None,
        metadata: metadata.clone(),
    };
    let entries: Vec<Modelled> = entries.iter().map(entry).collect();
    assert_eq!(plant.namespace.mover().model(&entries), []);
}

/// Each type as `Motor: 2 by 3, 1 by configuration`: what defines each version, with how many members each.
fn types(plant: &Plant) -> Vec<String> {
    let view = plant.namespace.read();
    let version = |version: &&TypeVersion| {
        let by = if version.is_declared() { "configuration".into() } else { version.declarers().len().to_string() };
        format!("{} by {by}", version.definition().members().len())
    };
    let shown = |each: Type<'_>| {
        let versions: Vec<String> = each.versions().iter().map(version).collect();
        format!("{}: {}", each.name(), versions.join(", "))
    };
    view.types(None).map(shown).collect()
}

/// What an element is of, with how many members; `?` if nobody defines it.
fn type_of(plant: &Plant, path: &str) -> String {
    let view = plant.namespace.read();
    match view.type_of(view.find(path).expect("it is there")) {
        None => "nothing".into(),
        Some((name, None)) => format!("{name}?"),
        Some((name, Some(version))) => format!("{name} with {}", version.definition().members().len()),
    }
}

fn unit_of(plant: &Plant, path: &str) -> String {
    let view = plant.namespace.read();
    let metadata = view.metadata(view.find(path).expect("it is there"));
    metadata.and_then(|metadata| metadata.unit.as_deref()).unwrap_or("none").to_owned()
}

fn instances(plant: &Plant, name: &str) -> Vec<String> {
    let view = plant.namespace.read();
    let Some(of) = view.type_named(name) else { return Vec::new() };
    let found = of.instances(None, None, usize::MAX);
    assert_eq!(found.len(), of.instances_len(None));
    found.into_iter().map(|id| view.path(id)).collect()
}

#[test]
fn what_a_hundred_define_alike_is_one_version() {
    let plant = Plant::new();
    let lines: Vec<Publisher<'_>> = (0..100).map(|line| plant.edge_node(&format!("Line{line}"))).collect();
    for line in &lines {
        assert_eq!(says(line, &["Motor rpm:Double amps:Float"]), []);
        line.born(0, "Main", &instance_of("Motor"));
    }
    assert_eq!(types(&plant), ["Motor: 2 by 100"]);
    says(&lines[7], &["Motor amps:Float rpm:Double temperature:Float"]);
    assert_eq!(types(&plant), ["Motor: 2 by 99, 3 by 1"]);
    assert_eq!(type_of(&plant, "Acme/Line7/Main"), "Motor with 3");
    assert_eq!(type_of(&plant, "Acme/Line8/Main"), "Motor with 2");
    let view = plant.namespace.read();
    let motor = view.type_named("Motor").unwrap();
    let [common, rare] = motor.versions()[..] else { panic!("two versions") };
    assert_eq!((motor.instances_len(Some(common.id())), motor.instances_len(Some(rare.id()))), (99, 1));
    let main = view.find("Acme/Line7/Main").unwrap();
    assert_eq!(motor.instances(Some(rare.id()), None, 10), [main]);
    assert_eq!(view.source_of(rare.declarers()[0]), &view.source(main).unwrap().0);
    let stats = TypeStats { types: 1, versions: 2, refused: 0, instances: 100 };
    assert_eq!(view.type_stats(), stats);
    drop(view);

    says(&lines[7], &["Motor amps:Float rpm:Double"]);
    assert_eq!(types(&plant), ["Motor: 2 by 100"], "a version that nobody defines is gone");
    lines.iter().for_each(|line| drop(says(line, &[])));
    assert_eq!(types(&plant), ["Motor: "]);
    assert_eq!(type_of(&plant, "Acme/Line7/Main"), "Motor?");
}

#[test]
fn versions_do_not_depend_on_who_came_first() {
    let told = |order: [usize; 4]| {
        let plant = Plant::new();
        let lines = [0, 1, 2, 3].map(|line| plant.edge_node(&format!("Line{line}")));
        let words = ["Motor a", "Motor b", "Motor b", "Motor c"];
        order.into_iter().for_each(|line| drop(says(&lines[line], &[words[line]])));
        let view = plant.namespace.read();
        let versions = view.type_named("Motor").unwrap().versions();
        versions.iter().map(|version| (version.id(), version.declarers().len())).collect::<Vec<_>>()
    };
    let first = told([0, 1, 2, 3]);
    assert_eq!((first.len(), first[0].1), (3, 2));
    assert_eq!(told([3, 2, 1, 0]), first);
    assert_eq!(told([1, 3, 0, 2]), first);
}

#[test]
fn a_definition_may_come_before_or_after_its_instances() {
    let plant = Plant::new();
    let line = plant.edge_node("Line1");
    line.born(0, "Main", &instance_of("Motor"));
    line.born(1, "Main/rpm", &Metadata::default());
    assert_eq!((type_of(&plant, "Acme/Line1/Main").as_str(), types(&plant)), ("Motor?", vec!["Motor: ".to_owned()]));
    says(&line, &["Motor rpm=1/min"]);
    assert_eq!(
        (type_of(&plant, "Acme/Line1/Main"), unit_of(&plant, "Acme/Line1/Main/rpm")),
        ("Motor with 1".into(), "1/min".into())
    );
    says(&line, &["Motor rpm=1/s slip"]);
    assert_eq!(unit_of(&plant, "Acme/Line1/Main/rpm"), "1/s");
    line.born(0, "Main", &Metadata::default());
    assert_eq!(
        (type_of(&plant, "Acme/Line1/Main").as_str(), unit_of(&plant, "Acme/Line1/Main/rpm").as_str()),
        ("nothing", "none")
    );
    assert_eq!(instances(&plant, "Motor"), [""; 0]);
}

#[test]
fn what_an_edge_node_does_not_define_the_configuration_may() {
    let plant = Plant::new();
    let (one, other) = (plant.edge_node("Line1"), plant.edge_node("Line2"));
    says(&one, &["Motor a b"]);
    one.born(0, "M", &instance_of("Motor"));
    other.born(0, "M", &instance_of("Motor"));
    assert_eq!(type_of(&plant, "Acme/Line2/M"), "Motor?", "what others mean by a name is theirs");
    configure(&plant, &["Motor a"], &[]);
    assert_eq!(types(&plant), ["Motor: 1 by configuration, 2 by 1"]);
    assert_eq!(
        (type_of(&plant, "Acme/Line1/M"), type_of(&plant, "Acme/Line2/M")),
        ("Motor with 2".into(), "Motor with 1".into())
    );
    says(&one, &["Motor a"]);
    assert_eq!(types(&plant), ["Motor: 1 by configuration"], "the same content is the same version");
    configure(&plant, &[], &[]);
    assert_eq!(types(&plant), ["Motor: 1 by 1"]);
}

#[test]
fn a_type_speaks_where_nobody_else_does() {
    let plant = Plant::new();
    let line = plant.edge_node("Line1");
    configure(&plant, &["Press force=kN speed=m/s Axis/1/angle=°"], &["Acme/+ = Press"]);
    line.born(0, "force", &Metadata::default());
    line.born(1, "speed", &unit("mm/s"));
    line.born(2, "Axis/1/angle", &Metadata { description: Some("of the ram".into()), ..Metadata::default() });
    let units =
        |plant: &Plant| ["force", "speed", "Axis/1/angle"].map(|name| unit_of(plant, &format!("Acme/Line1/{name}")));
    assert_eq!(units(&plant), ["kN", "mm/s", "°"]);
    let view = plant.namespace.read();
    let angle = view.find("Acme/Line1/Axis/1/angle").unwrap();
    assert_eq!(view.metadata(angle).unwrap().description.as_deref(), Some("of the ram"), "both are heard");
    let (press, _, member) = view.member_of(angle).unwrap();
    assert_eq!((view.path(press).as_str(), &*member.name), ("Acme/Line1", "Axis/1/angle"));
    drop(view);

    model(&plant, &[("Acme/Line1/force", unit("N"))]);
    assert_eq!(units(&plant), ["N", "mm/s", "°"]);
    line.born(1, "speed", &Metadata::default());
    configure(&plant, &["Press force=t speed=km/h"], &["Acme/+ = Press"]);
    assert_eq!(units(&plant), ["N", "km/h", "none"]);
    model(&plant, &[]);
    assert_eq!(units(&plant), ["t", "km/h", "none"]);
    configure(&plant, &[], &[]);
    assert_eq!(units(&plant), ["none"; 3]);
}

#[test]
fn of_nested_instances_the_inner_one_is_heard() {
    let plant = Plant::new();
    let line = plant.edge_node("Line1");
    let press = "Press Axis:@Motor Axis/rpm=rev Axis/brake=Nm";
    says(&line, &[press, "Motor rpm=1/min"]);
    line.born(0, "P", &instance_of("Press"));
    line.born(1, "P/Axis", &instance_of("Motor"));
    line.born(2, "P/Axis/rpm", &Metadata::default());
    line.born(3, "P/Axis/brake", &Metadata::default());
    let units = || ["rpm", "brake"].map(|name| unit_of(&plant, &format!("Acme/Line1/P/Axis/{name}")));
    assert_eq!(units(), ["1/min", "Nm"]);
    says(&line, &[press]);
    assert_eq!(units(), ["rev", "Nm"], "where the inner one does not know the place");
    says(&line, &[press, "Motor rpm"]);
    assert_eq!(units(), ["none", "Nm"], "who knows the place and says nothing is heard too");
    says(&line, &[press]);
    assert_eq!(units(), ["rev", "Nm"]);
}

#[test]
fn rules_mean_what_is_there_and_what_appears_later() {
    let plant = Plant::new();
    let line = plant.edge_node("Line1");
    line.born(0, "Robot1/x", &Metadata::default());
    let rules = ["Acme/+/Robot1 = Special", "Acme/+/+ = Robot", "Acme/+/Cell/# = InCell"];
    configure(&plant, &["Special", "Robot", "InCell"], &rules);
    line.born(1, "Robot2/x", &Metadata::default());
    line.born(2, "Cell/a/b", &Metadata::default());
    assert_eq!(instances(&plant, "Special"), ["Acme/Line1/Robot1"]);
    assert_eq!(instances(&plant, "Robot"), ["Acme/Line1/Robot2", "Acme/Line1/Cell"], "the first rule counts");
    assert_eq!(instances(&plant, "InCell"), ["Acme/Line1/Cell/a", "Acme/Line1/Cell/a/b"]);

    model(&plant, &[("Acme/Line1/Robot2", instance_of("Special"))]);
    assert_eq!(
        instances(&plant, "Special"),
        ["Acme/Line1/Robot1", "Acme/Line1/Robot2"],
        "an element's own word counts more"
    );
    configure(&plant, &["Special", "Robot"], &["# = Robot"]);
    assert_eq!(instances(&plant, "Special"), ["Acme/Line1/Robot2"]);
    assert_eq!(instances(&plant, "Robot").len(), 8, "everything else, and not the root");
    configure(&plant, &[], &[]);
    model(&plant, &[]);
    assert_eq!((types(&plant), plant.namespace.read().type_stats()), (vec![], TypeStats::default()));
}

#[test]
fn what_moves_takes_its_type_along_and_meets_other_rules() {
    let plant = Plant::new();
    let line = plant.edge_node("Line1");
    says(&line, &["Motor rpm=1/min"]);
    configure(&plant, &["New"], &["New/+ = New"]);
    for (slot, (name, metadata)) in [("M", instance_of("Motor")), ("M/rpm", Metadata::default())].iter().enumerate() {
        line.born(slot as u32, name, metadata);
    }
    line.born(2, "x", &Metadata::default());
    let names = ["M", "M/rpm", "x"];
    let shift = |root: Option<&str>| {
        let mut mover = plant.namespace.mover();
        let root = root.map(|root| {
            mover.ensure(&root.split('/').map(Segment::named).collect::<Vec<_>>(), Kind::Equipment).unwrap()
        });
        mover.shift(&line.block, &[(line.origin, root)], 0..3, |slot| Some(PathSpec::Below(names[slot as usize])))
    };
    assert_eq!(shift(Some("New")).moved, 3);
    assert_eq!((instances(&plant, "Motor"), instances(&plant, "New")), (vec![], vec!["New/x".into(), "New/M".into()]));
    assert_eq!(plant.namespace.read().find("Acme/Line1/M"), None);
    shift(Some("Old/Deep"));
    assert_eq!((instances(&plant, "Motor"), instances(&plant, "New")), (vec!["Old/Deep/M".into()], vec![]));
    assert_eq!(unit_of(&plant, "Old/Deep/M/rpm"), "1/min");
    shift(None);
    assert_eq!(instances(&plant, "Motor"), [""; 0]);
    shift(Some("Back"));
    assert_eq!((instances(&plant, "Motor"), unit_of(&plant, "Back/M/rpm")), (vec!["Back/M".into()], "1/min".into()));
}

#[test]
fn what_deviates_is_told_and_what_json_cannot_tell_is_not() {
    let plant = Plant::new();
    let line = plant.edge_node("Line1");
    configure(
        &plant,
        &["Press force:Double speed:Float note?:String axis:@Motor spare?:@Motor", "Motor"],
        &["Acme/Line1 = Press", "Json = Press", "Acme/Line1/axis = Press"],
    );
    line.born(0, "speed", &Metadata::default());
    line.born(1, "axis", &Metadata::default());
    line.born(2, "spare", &Metadata::default());
    let topic = plant.topic("Json");
    for (slot, (name, datatype)) in
        [("force", DataType::Int64), ("speed", DataType::Double), ("note", DataType::Int64)].into_iter().enumerate()
    {
        topic.place_as(slot as u32, PathSpec::Below(name), datatype, &Metadata::default()).unwrap();
    }
    let view = plant.namespace.read();
    let press = view.type_named("Press").unwrap();
    let told = |looks, limit| {
        let Deviations { found, checked, more } = view.deviations(press, None, looks, limit);
        let lines = found.into_iter().map(|it| format!("{} {} {:?}", view.path(it.element), it.member, it.fault));
        (lines.collect::<Vec<_>>(), checked, more)
    };
    let (all, checked, more) = told(100, 100);
    assert_eq!(
        all,
        [
            "Acme/Line1 axis Type(Some(\"Press\"))",
            "Acme/Line1 force Missing",
            "Acme/Line1 spare Type(None)",
            "Acme/Line1 speed Datatype(Some(Double))",
            "Acme/Line1/axis axis Missing",
            "Acme/Line1/axis force Missing",
            "Acme/Line1/axis speed Missing",
            "Json axis Missing",
            "Json note Datatype(Some(Int64))",
        ]
    );
    assert_eq!((checked, more), (3, false));
    assert_eq!(told(100, 2), (all[..2].to_vec(), 1, true));
    assert_eq!(told(6, 100), (all[..4].to_vec(), 1, true));
    let paged = |limit| {
        let mut ids: Vec<ElementId> = Vec::new();
        while let [page @ .., last] = &press.instances(None, ids.last().copied(), limit)[..] {
            ids.extend(page.iter().chain([last]));
        }
        ids
    };
    assert_eq!((paged(1), paged(2), paged(0)), (paged(3), paged(3), vec![]));
}

#[test]
fn a_refinement_is_as_good_as_what_it_refines() {
    let plant = Plant::new();
    let line = plant.edge_node("Line1");
    let refining = |name: &str, of: &str| TypeDefinition::named(name).extending(Some(of.into()));
    let types =
        vec![define("Press axis:@Motor"), define("Motor"), refining("Servo", "Motor"), refining("Mini", "Servo")];
    let rules = [("Acme/Line1", "Press"), ("Acme/Line1/axis", "Mini")];
    let rules = rules.map(|(filter, name)| (Filter::parse(filter).unwrap(), name.into()));
    declare(&plant, types, rules.into());
    line.born(0, "axis", &Metadata::default());
    let view = plant.namespace.read();
    assert_eq!(view.deviations(view.type_named("Press").unwrap(), None, 100, 100).found, []);
}

#[test]
fn what_is_beyond_a_limit_is_counted() {
    let limits = Limits { types_max: 2, type_versions_max: 2, type_members_max: 3, ..Limits::default() };
    let plant = Plant::within(limits);
    let (one, other, third) = (plant.edge_node("1"), plant.edge_node("2"), plant.edge_node("3"));
    assert_eq!(says(&one, &["A a b c d", "B", "C", "D"]), [(0, Refusal::TypeTooLarge), (3, Refusal::TooManyTypes)]);
    assert_eq!(says(&other, &["B b"]), []);
    assert_eq!(says(&third, &["B c", "C"]), [(0, Refusal::TooManyTypeVersions)]);
    assert_eq!(plant.namespace.stats().types, TypeStats { types: 2, versions: 3, refused: 3, instances: 0 });
    assert_eq!(says(&one, &["C"]), []);
    assert_eq!(says(&third, &["B c", "C"]), [], "there is room again");
    assert_eq!(plant.namespace.stats().types, TypeStats { types: 2, versions: 3, refused: 0, instances: 0 });

    let plant = Plant::within(Limits { type_bytes_max: 1_500, types_bytes_max: 2_000, ..Limits::default() });
    let line = plant.edge_node("1");
    let [large, too_large] = [900, 1_500].map(|len| "x".repeat(len));
    let said = [format!("A {large}"), format!("B {large}"), format!("C {too_large}"), "D".into()];
    assert_eq!(
        says(&line, &said.each_ref().map(String::as_str)),
        [(1, Refusal::TypesFull), (2, Refusal::TypeTooLarge)]
    );
    assert_eq!(types(&plant), ["A: 1 by 1", "D: 0 by 1"]);
}

#[test]
fn a_word_finds_what_is_of_a_type() {
    let plant = Plant::new();
    let line = plant.edge_node("Line1");
    configure(&plant, &["Pump", "PumpStation flow=l/s"], &["Acme/Line1/A = Pump", "Acme/Line1/B = PumpStation"]);
    ["A", "B/flow", "Pump"]
        .iter()
        .enumerate()
        .for_each(|(slot, name)| line.born(slot as u32, name, &Metadata::default()));
    let view = plant.namespace.read();
    let finds = |text: &str| -> Vec<String> {
        let (found, _) = view.search(&Search::parse(text).unwrap(), 10);
        found.into_iter().map(|id| view.path(id)).collect()
    };
    assert_eq!(finds("type:pump"), ["Acme/Line1/A"]);
    assert_eq!(finds("pump"), ["Acme/Line1/Pump", "Acme/Line1/A", "Acme/Line1/B"]);
    assert_eq!(finds("line1 type:PUMPstation"), ["Acme/Line1/B"]);
    assert_eq!(finds("l/s"), ["Acme/Line1/B/flow"], "what a type says can be searched for");
    assert_eq!(finds("type:"), [""; 0]);
}

mod random {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use proptest::sample::subsequence;

    use super::*;

    const PATHS: [&str; 5] = ["M", "M/rpm", "M/axis", "M/axis/rpm", "x/rpm"];
    const ROOTS: [&str; 3] = ["Old", "New/Deep", "Old/Deep"];
    const DEFINED: [&str; 5] =
        ["Motor rpm=1/min axis/rpm=1/s", "Motor rpm=1/s", "Axis rpm=rad", "Axis rpm", "Press axis:@Axis rpm"];
    const DECLARED: [&str; 3] = ["Motor axis/rpm=Hz", "Press rpm=bar M/rpm=Pa", "Axis"];
    const RULES: [&str; 4] = ["+/+ = Press", "Old/+/M/# = Axis", "+/+/M = Motor", "New/# = Motor"];

    /// What anybody can do.
    #[derive(Clone, Debug)]
    enum Step {
        Define(usize, Vec<&'static str>),
        Place(usize, usize, usize),
        Configure(Vec<&'static str>, Vec<&'static str>),
        Model(Vec<usize>),
        Shift(usize, Option<usize>),
    }

    fn step() -> impl Strategy<Value = Step> {
        let some = |of: &'static [&'static str]| subsequence(of, 0..=of.len());
        prop_oneof![
            1 => (0..2_usize, some(&DEFINED)).prop_map(|(line, types)| Step::Define(line, types)),
            4 => (0..2_usize, 0..PATHS.len(), 0..5_usize).prop_map(|(line, at, says)| Step::Place(line, at, says)),
            1 => (some(&DECLARED), some(&RULES)).prop_map(|(types, rules)| Step::Configure(types, rules)),
            1 => subsequence(vec![0, 1, 2], 0..=3).prop_map(Step::Model),
            1 => (0..2_usize, prop::option::of(0..ROOTS.len())).prop_map(|(line, root)| Step::Shift(line, root)),
        ]
    }

    fn said(number: usize) -> Metadata {
        match number {
            0 => Metadata::default(),
            1 => unit("own"),
            2 => instance_of("Motor"),
            3 => instance_of("Axis"),
            _ => Metadata { description: Some("own".into()), ..instance_of("Belt") },
        }
    }

    fn modelled(number: usize) -> (&'static str, Metadata) {
        [
            ("Old/0/M", instance_of("Press")),
            ("New/Deep/1/M/rpm", unit("declared")),
            ("Old/1", Metadata { unit: Some("of a line".into()), ..instance_of("Motor") }),
        ][number]
            .clone()
    }

    /// The last word of each.
    #[derive(Clone, Default)]
    struct Words {
        defined: [Vec<&'static str>; 2],
        placed: [BTreeMap<usize, usize>; 2],
        roots: [Option<usize>; 2],
        configured: (Vec<&'static str>, Vec<&'static str>),
        modelled: Vec<usize>,
    }

    struct Told<'p> {
        plant: &'p Plant,
        lines: [Publisher<'p>; 2],
    }

    impl<'p> Told<'p> {
        fn new(plant: &'p Plant) -> Self {
            let line = |line: usize| {
                let source = Source::Topic { topic: line.to_string().into() };
                plant.publisher(source, &format!("{}/{line}", ROOTS[0]))
            };
            Told { plant, lines: [line(0), line(1)] }
        }

        fn hear(&self, step: &Step) {
            match step {
                Step::Define(line, types) => assert_eq!(says(&self.lines[*line], types), []),
                Step::Place(line, at, number) => self.lines[*line].born(*at as u32, PATHS[*at], &said(*number)),
                Step::Configure(types, rules) => configure(self.plant, types, rules),
                Step::Model(entries) => {
                    model(self.plant, &entries.iter().copied().map(modelled).collect::<Vec<_>>());
                }
                Step::Shift(number, root) => {
                    let line = &self.lines[*number];
                    let mut mover = self.plant.namespace.mover();
                    let path = root.map(|root| format!("{}/{number}", ROOTS[root]));
                    let root = path.map(|path| {
                        let segments: Vec<_> = path.split('/').map(Segment::named).collect();
                        mover.ensure(&segments, Kind::Equipment).unwrap()
                    });
                    let name = |slot: u32| Some(PathSpec::Below(PATHS[slot as usize]));
                    mover.shift(&line.block, &[(line.origin, root)], 0..line.block.slots_len(), name);
                }
            }
        }

        /// Everything that has a type or a unit or a description.
        fn tells(&self) -> Vec<String> {
            let view = self.plant.namespace.read();
            let mut told = Vec::new();
            let mut left = vec![ElementId::ROOT];
            while let Some(id) = left.pop() {
                left.extend(view.children(id, None, usize::MAX));
                let of = view.type_of(id).map(|(name, version)| (name.clone(), version.map(TypeVersion::id)));
                let about = view.metadata(id).map(|it| (it.unit.clone(), it.description.clone())).unwrap_or_default();
                if of.is_some() || about != (None, None) {
                    told.push(format!("{} {of:?} {about:?}", view.path(id)));
                }
            }
            told.push(format!("{:?} {:?}", view.type_stats(), types(self.plant)));
            told
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        /// However it has come about, the tree says what it would say had it been told the last words only.
        #[test]
        fn only_the_last_words_count(steps in prop::collection::vec(step(), 1..25)) {
            let plant = Plant::new();
            let told = Told::new(&plant);
            let mut words = Words { roots: [Some(0); 2], ..Words::default() };
            for step in &steps {
                // Nobody is born where there is no place.
                if matches!(step, Step::Place(line, ..) if words.roots[*line].is_none()) {
                    continue;
                }
                told.hear(step);
                match step.clone() {
                    Step::Define(line, types) => words.defined[line] = types,
                    Step::Place(line, at, says) => drop(words.placed[line].insert(at, says)),
                    Step::Configure(types, rules) => words.configured = (types, rules),
                    Step::Model(entries) => words.modelled = entries,
                    Step::Shift(line, root) => words.roots[line] = root,
                }
            }
            let again = Plant::new();
            let retold = Told::new(&again);
            for line in 0..2 {
                retold.hear(&Step::Shift(line, words.roots[line].or(Some(0))));
                words.placed[line].iter().for_each(|(&at, &says)| retold.hear(&Step::Place(line, at, says)));
                retold.hear(&Step::Define(line, words.defined[line].clone()));
                retold.hear(&Step::Shift(line, words.roots[line]));
            }
            retold.hear(&Step::Model(words.modelled.clone()));
            retold.hear(&Step::Configure(words.configured.0, words.configured.1));
            let [mut one, mut other] = [told.tells(), retold.tells()];
            one.sort_unstable();
            other.sort_unstable();
            prop_assert_eq!(one, other);
        }
    }
}
