//! Stories of types: the Templates of births, what the configuration declares, and both after a restart.

use std::fmt::Write;
use std::sync::Arc;

use crate::world::{EPOCH, World, metric_of};
use factree_ingest::{Ingest, Limits, Placement};
use factree_namespace::{
    Bound, DataType as D, Filter, Member, MemberType, Metadata, Namespace, Refusal, TypeDefinition, TypeStats,
};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder, TemplateBuilder};
use factree_sparkplug::{BdSeq, DataType, Seq, Timestamp, Value, generated};

const LINE: &str = "Acme/Dallas/Press/Line1";

fn birth(seq: u8, metrics: impl IntoIterator<Item = MetricBuilder>) -> Vec<u8> {
    let payload = PayloadBuilder::at(Timestamp(EPOCH)).seq(Seq::new(seq));
    let payload = if seq == 0 { payload.metric(MetricBuilder::bd_seq(BdSeq::new(0))) } else { payload };
    payload.metrics(metrics).encode()
}

fn definition(name: &str, version: &str, members: impl IntoIterator<Item = MetricBuilder>) -> MetricBuilder {
    let template = members.into_iter().fold(TemplateBuilder::definition().version(version), TemplateBuilder::metric);
    let template = template.parameter("Poles", DataType::Int32, Value::Int(4)).unwrap();
    MetricBuilder::named(name).template(template)
}

fn instance(name: &str, of: &str, members: impl IntoIterator<Item = MetricBuilder>) -> MetricBuilder {
    MetricBuilder::named(name)
        .template(members.into_iter().fold(TemplateBuilder::instance(of), TemplateBuilder::metric))
}

/// A motor's definition: its speed has a unit and a range.
fn motor(version: &str) -> MetricBuilder {
    let high = generated::payload::property_value::Value::IntValue(3000);
    let rpm = metric_of("rpm:Int32=0").text_property("engUnit", "1/min").property("engHigh", DataType::Int32, high);
    definition("_types_/Motor", version, [rpm, metric_of("name:String=null")]).text_property("Documentation", "Turns")
}

fn a_motor(name: &str) -> MetricBuilder {
    instance(name, "Motor", [metric_of("rpm:Int32=10"), metric_of("name:String=A")])
}

/// All types: name, versions, what defines them, members and parameters; then the instances of each.
fn types(namespace: &Namespace) -> String {
    let view = namespace.read();
    let mut text = String::new();
    for each in view.types(None) {
        for version in each.versions() {
            let (it, by) = (version.definition(), version.declarers());
            let mut by: Vec<String> = by.iter().map(|&source| format!("{:?}", view.source_of(source))).collect();
            by.sort_unstable();
            let label = it.label().unwrap_or_default();
            writeln!(text, "{} {label} {} {:?} by {by:?}", each.name(), version.id(), it.description()).unwrap();
            for Member { name, of, metadata, .. } in it.members() {
                let high = metadata.high.map(Bound::get);
                writeln!(text, "  {name} {of:?} {:?} {high:?}", metadata.unit).unwrap();
            }
            for parameter in it.parameters() {
                writeln!(text, "  ({}={:?})", parameter.name, parameter.default).unwrap();
            }
        }
        let found = each.instances(None, None, usize::MAX);
        let mut paths: Vec<String> = found.into_iter().map(|id| view.path(id)).collect();
        paths.sort_unstable();
        writeln!(text, "{}: {}", each.name(), paths.join(" ")).unwrap();
    }
    text
}

/// What an element is of, and its unit.
fn about(world: &World, path: &str) -> String {
    let view = world.namespace.read();
    let id = view.find(path).expect("it is there");
    let of = match view.type_of(id) {
        Some((name, Some(version))) => format!("{name} {}", version.definition().label().unwrap_or("-")),
        Some((name, None)) => format!("{name}?"),
        None => "-".into(),
    };
    format!("{of} {}", view.metadata(id).and_then(|it| it.unit.as_deref()).unwrap_or("-"))
}

#[test]
fn a_birth_defines_types_and_says_what_is_of_them() {
    let mut world = World::new(Placement::default());
    let press = definition("Press", "1", [instance("Main", "_types_/Motor", []), metric_of("Force:Double=0.0")]);
    let odd = instance(
        "Odd",
        "Motor",
        [metric_of("rpm:Int32=10").text_property("engUnit", "1/s"), metric_of("name:String=A")],
    );
    let instances = [instance("P1", "Press", [a_motor("Main"), metric_of("Force:Double=1.5")]), odd];
    world.publish(
        1,
        "spBv1.0/Acme:Dallas:Press/NBIRTH/Line1",
        &birth(0, [motor("2"), press].into_iter().chain(instances)),
    );
    world.publish(
        1,
        "spBv1.0/Acme:Dallas:Press/DBIRTH/Line1/Robot3",
        &birth(1, [a_motor("Axis"), instance("Belt", "Conveyor", [])]),
    );

    let origin = r#"["Sparkplug { group: \"Acme:Dallas:Press\", edge_node: \"Line1\", device: None }"]"#;
    let text = types(&world.namespace);
    let ids: Vec<&str> =
        text.lines().filter(|line| line.contains(" by ")).map(|line| line.split(' ').nth(2).unwrap()).collect();
    assert_eq!(
        text,
        format!(
            "Conveyor: {LINE}/Robot3/Belt\n\
             Motor 2 {} Some(\"Turns\") by {origin}\n  \
               name Value(String) None None\n  \
               rpm Value(Int32) Some(\"1/min\") Some(3000.0)\n  \
               (Poles=Int(4))\n\
             Motor: {LINE}/Odd {LINE}/P1/Main {LINE}/Robot3/Axis\n\
             Press 1 {} None by {origin}\n  \
               Force Value(Double) None None\n  \
               Main Type(\"Motor\") None None\n  \
               (Poles=Int(4))\n\
             Press: {LINE}/P1\n",
            ids[0], ids[1]
        )
    );
    let told =
        ["P1", "P1/Main", "P1/Main/rpm", "Odd/rpm", "Robot3/Axis", "Robot3/Axis/rpm", "Robot3/Belt", "_types_/Motor"]
            .map(|name| about(&world, &format!("{LINE}/{name}")));
    assert_eq!(told, ["Press 1 -", "Motor 2 -", "- 1/min", "- 1/s", "Motor 2 -", "- 1/min", "Conveyor? -", "- -"]);
    let view = world.namespace.read();
    assert_eq!(view.deviations(view.type_named("Press").unwrap(), None, 100, 100).found, []);
}

#[test]
fn a_definition_that_differs_is_another_version_until_nobody_says_it() {
    let mut world = World::new(Placement::default());
    let says = |world: &mut World, line: u64, version: &str| {
        let topic = format!("spBv1.0/Acme:Dallas:Press/NBIRTH/Line{line}");
        world.publish(line, &topic, &birth(0, [motor(version), a_motor("M")]));
    };
    (1..=3).for_each(|line| says(&mut world, line, "1"));
    assert_eq!(world.namespace.stats().types, TypeStats { types: 1, versions: 1, refused: 0, instances: 3 });
    says(&mut world, 2, "2");
    assert_eq!(world.namespace.stats().types.versions, 2);
    assert_eq!(
        [1, 2, 3].map(|line| about(&world, &format!("Acme/Dallas/Press/Line{line}/M"))),
        ["Motor 1 -", "Motor 2 -", "Motor 1 -"]
    );
    world.publish(2, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line2", &birth(0, [a_motor("M")]));
    assert_eq!(about(&world, "Acme/Dallas/Press/Line2/M"), "Motor? -");
    assert_eq!(about(&world, "Acme/Dallas/Press/Line2/M/rpm"), "- -");
    assert_eq!(world.namespace.stats().types.versions, 1);
}

#[test]
fn types_after_a_restart_are_those_before_it() {
    let mut world = World::new(Placement::default());
    // Read back in the order of their names, which is not the order in which they came.
    for (session, line, version) in [(1, "Z", "2"), (2, "M", "1"), (3, "A", "1")] {
        let topic = format!("spBv1.0/Acme:Dallas:Press/NBIRTH/{line}");
        world.publish(session, &topic, &birth(0, [motor(version), a_motor("M")]));
    }
    let own = definition("Own", "1", [metric_of("x:Int32=1")]);
    world.publish(1, "spBv1.0/Acme:Dallas:Press/DBIRTH/Z/D", &birth(1, [own, a_motor("M"), instance("O", "Own", [])]));
    let before = types(&world.namespace);
    assert!(
        before.contains("Own: Acme/Dallas/Press/Z/D/O"),
        "a type that a Device defines is heard, though it is a finding"
    );
    world.saves();
    assert_eq!(world.restarts(), [""; 0]);
    assert_eq!(types(&world.namespace), before);
    assert_eq!(about(&world, "Acme/Dallas/Press/Z/D/M/rpm"), "- 1/min");
}

#[test]
fn a_definition_that_does_not_fit_is_told() {
    let mut world = World::new(Placement::default());
    let limits = factree_namespace::Limits { type_members_max: 2, ..factree_namespace::Limits::default() };
    world.namespace = Arc::new(Namespace::new(limits));
    world.ingest = Ingest::new(Limits::default(), Placement::default(), Arc::clone(&world.namespace));
    world.publish(1, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", &birth(0, [motor("1"), a_motor("M")]));
    assert_eq!(about(&world, &format!("{LINE}/M")), "Motor? -");
    assert!(world.events().contains(&"finding factree-limit-tree".to_owned()));
    assert_eq!(world.namespace.stats().types.refused, 1);
    world.publish(1, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", &birth(0, [a_motor("M")]));
    assert_eq!(world.namespace.stats().types, TypeStats { types: 0, versions: 0, refused: 0, instances: 1 });
}

#[test]
fn what_the_configuration_declares_is_for_plain_topics_too() {
    let mut world = World::new(Placement::default());
    let member = |name: &str, datatype, unit: &str| Member {
        name: name.into(),
        of: MemberType::Value(datatype),
        is_required: true,
        metadata: Arc::new(Metadata { unit: Some(unit.into()), ..Metadata::default() }),
    };
    let oven = |unit| {
        TypeDefinition::named("Oven")
            .with_members(vec![member("temperature", D::Double, unit), member("door", D::Boolean, "")])
    };
    let rules = || vec![(Filter::parse("Acme/+/Oven/+").unwrap(), "Oven".into())];
    assert_eq!(world.ingest.declare_types(vec![oven("°C")], rules()), []);
    world.publish(1, "Acme/Köln/Oven/1", br#"{"temperature":180,"door":"open"}"#);
    assert_eq!(about(&world, "Acme/Köln/Oven/1"), "Oven - -");
    assert_eq!(about(&world, "Acme/Köln/Oven/1/temperature"), "- °C");
    let deviations = |world: &World| {
        let view = world.namespace.read();
        let found = view.deviations(view.type_named("Oven").unwrap(), None, 100, 100).found;
        found.into_iter().map(|it| format!("{} {:?}", it.member, it.fault)).collect::<Vec<_>>()
    };
    assert_eq!(deviations(&world), ["door Datatype(Some(String))"]);
    world.saves();
    world.restarts();
    assert_eq!(about(&world, "Acme/Köln/Oven/1"), "- -");
    assert_eq!(world.ingest.declare_types(vec![oven("K")], rules()), []);
    assert_eq!(about(&world, "Acme/Köln/Oven/1/temperature"), "- K");
    let members = (0..1_001).map(|number| member(&number.to_string(), D::Double, "K")).collect();
    let refused = world.ingest.declare_types(vec![TypeDefinition::named("Huge").with_members(members)], Vec::new());
    assert_eq!(
        (refused, about(&world, "Acme/Köln/Oven/1/temperature")),
        (vec![(0, Refusal::TypeTooLarge)], "- -".into())
    );
}

#[test]
fn a_large_tree_learns_what_it_is_of_in_steps() {
    let mut world = World::new(Placement::default());
    let metrics = (0..3_000).map(|number| metric_of(&format!("m{number}:Int32=1")));
    world.publish(1, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", &birth(0, metrics));
    let rule = || vec![(Filter::parse("#").unwrap(), "Thing".into())];
    world.ingest.declare_types(vec![TypeDefinition::named("Thing")], rule());
    let instances = |world: &World| world.namespace.stats().types.instances;
    assert!(instances(&world) < 1_500);
    let mut steps = 0;
    let mut replaces = |world: &mut World| {
        world.ingest.replace(Placement::default());
        while world.ingest.replace_some(100).is_none() {
            steps += 1;
        }
        steps
    };
    assert!(replaces(&mut world) > 10);
    assert_eq!(instances(&world), world.namespace.stats().elements - 1, "all but the root");
    world.ingest.declare_types(Vec::new(), Vec::new());
    replaces(&mut world);
    assert_eq!(world.namespace.stats().types, TypeStats::default());
}
