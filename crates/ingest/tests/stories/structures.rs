//! Stories of values with an inside: DataSets, Templates and compressed payloads in the tree.

use crate::world::{EPOCH, World, metric_of};
use factree_ingest::Placement;
use factree_sparkplug::encode::{Algorithm, MetricBuilder, PayloadBuilder, PropertiesBuilder, TemplateBuilder};
use factree_sparkplug::{BdSeq, DataType, Seq, Timestamp, Value};

#[test]
fn a_data_set_is_a_table_in_the_tree() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · Recipe#1(5;6)");
    assert_eq!(
        world.shows("+/+/+/+/Recipe"),
        "Acme/Dallas/Press/Line1/Recipe = {columns:[\"v\"] types:[\"Int32\"] rows:[[5],[6]]}\n"
    );
    world.says("NDATA seq=1 · #1(7)");
    assert!(world.shows("+/+/+/+/Recipe").contains("rows:[[7]]}"), "{}", world.shows("#"));
    let view = world.namespace.read();
    let recipe = view.find("Acme/Dallas/Press/Line1/Recipe").unwrap();
    assert_eq!(view.sample(recipe).unwrap().datatype, factree_namespace::DataType::DataSet);
}

#[test]
fn a_template_instance_is_its_members_and_says_what_it_is_of() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · _types_/Motor{}");
    world.says("DBIRTH/Robot3 seq=1 · Axis#2{rpm:Int32=10,name:String=A}");
    world.says("DDATA/Robot3 seq=2 · #2{rpm:Int32=20}");
    assert_eq!(
        world.shows("+/+/+/+/Robot3/#"),
        "Acme/Dallas/Press/Line1/Robot3/Axis = null\n\
         Acme/Dallas/Press/Line1/Robot3/Axis/name = \"A\"\n\
         Acme/Dallas/Press/Line1/Robot3/Axis/rpm = 20\n"
    );
    assert_eq!(
        world.shows("+/+/+/+/_types_/Motor"),
        "Acme/Dallas/Press/Line1/_types_/Motor = {definition:true version:null \
         parameters:[{name:\"Index\" datatype:\"Int32\" value:3}] members:[]}\n"
    );
    let events = world.events();
    let found: Vec<&String> = events.iter().filter(|event| event.contains("template")).collect();
    assert_eq!(found, ["finding tck-id-payloads-template-instance-members"], "its definition lists no members");
    let view = world.namespace.read();
    let axis = view.find("Acme/Dallas/Press/Line1/Robot3/Axis").unwrap();
    let properties: Vec<_> =
        view.metadata(axis).unwrap().properties.iter().map(|(name, text)| format!("{name}={text}")).collect();
    assert_eq!(properties, ["template_ref=Motor", "parameters/Index=3"]);
    let rpm = view.find("Acme/Dallas/Press/Line1/Robot3/Axis/rpm").unwrap();
    assert_eq!(view.source(rpm).unwrap().1, "Axis/rpm");
    drop(view);
    world.session_ends(1);
    assert_eq!(world.shows("#").matches("(Stale)").count(), world.shows("#").lines().count());
}

/// The properties of an element, `name=text`.
fn properties(world: &World, path: &str) -> Vec<String> {
    let view = world.namespace.read();
    let metadata = view.metadata(view.find(path).expect("it is in the tree")).expect("it says something");
    metadata.properties.iter().map(|(name, text)| format!("{name}={text}")).collect()
}

/// An NBIRTH with one metric.
fn nbirth(world: &mut World, metric: MetricBuilder) {
    let birth = PayloadBuilder::at(Timestamp(EPOCH)).seq(Seq::ZERO).metric(metric.at(Timestamp(EPOCH))).encode();
    world.publish(1, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", &birth);
}

#[test]
fn properties_inside_of_properties_are_told_by_their_paths() {
    let mut world = World::new(Placement::default());
    let text = |set: PropertiesBuilder, key: &str| set.property(key, DataType::String, Value::String("t")).unwrap();
    let flag = |set: PropertiesBuilder| set.property("on", DataType::Boolean, Value::Boolean(true)).unwrap();
    let inner = flag(text(PropertiesBuilder::new(), "engUnit")).set("deep", text(PropertiesBuilder::new(), "x"));
    let list = [text(PropertiesBuilder::new(), "a"), text(PropertiesBuilder::new(), "b")];
    let all = PropertiesBuilder::new().set("set", inner).list("list", list);
    nbirth(&mut world, metric_of("A:Int32=1").properties(all));
    assert_eq!(
        properties(&world, "Acme/Dallas/Press/Line1/A"),
        ["set/engUnit=t", "set/on=true", "set/deep/x=t", "list/0/a=t", "list/1/b=t"]
    );
    let view = world.namespace.read();
    let metadata = view.metadata(view.find("Acme/Dallas/Press/Line1/A").unwrap()).unwrap();
    assert_eq!(metadata.unit, None, "a unit is said by the metric and not by a part of it");
}

#[test]
fn what_properties_are_made_of_is_bounded_however_they_nest() {
    let mut world = World::new(Placement::default());
    let one = || PropertiesBuilder::new().property("k", DataType::Int32, Value::Int(1)).unwrap();
    let many = std::iter::repeat_with(one).take(100_000);
    let long = PropertiesBuilder::new().set(&"x".repeat(1 << 20), one().set(&"y".repeat(1 << 20), one()));
    let all = PropertiesBuilder::new().list("list", many).set("long", long);
    nbirth(&mut world, metric_of("A:Int32=1").properties(all));
    let said = properties(&world, "Acme/Dallas/Press/Line1/A");
    assert!((300..1024).contains(&said.len()), "{}", said.len());
    assert!(said.iter().map(String::len).sum::<usize>() <= 2 * 4096);
}

#[test]
fn an_instance_inherits_the_parameters_that_its_definition_has_and_it_does_not_say() {
    let mut world = World::new(Placement::default());
    let parameter = |template: TemplateBuilder, name: &str, value| {
        template.parameter(name, DataType::Int32, Value::Int(value)).unwrap()
    };
    let definition = |poles| {
        let motor = parameter(parameter(TemplateBuilder::definition(), "poles", poles), "phases", 3);
        MetricBuilder::named("_types_/Motor").template(motor)
    };
    let born = |world: &mut World, poles| {
        let payload = PayloadBuilder::at(Timestamp(EPOCH))
            .seq(Seq::ZERO)
            .metric(definition(poles))
            .metric(MetricBuilder::named("M1").template(TemplateBuilder::instance("Motor")))
            .metric(MetricBuilder::named("M2").template(parameter(TemplateBuilder::instance("Motor"), "poles", 8)));
        world.publish(1, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", &payload.encode());
    };
    let [m1, m2] = ["M1", "M2"].map(|name| format!("Acme/Dallas/Press/Line1/{name}"));
    born(&mut world, 4);
    assert_eq!(properties(&world, &m1), ["template_ref=Motor", "parameters/phases=3", "parameters/poles=4"]);
    assert_eq!(properties(&world, &m2), ["template_ref=Motor", "parameters/poles=8", "parameters/phases=3"]);
    born(&mut world, 6);
    assert_eq!(properties(&world, &m1)[2], "parameters/poles=6", "the definition says otherwise now");
    assert_eq!(properties(&world, &m2)[1], "parameters/poles=8");
}

#[test]
fn structures_outlive_a_restart() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · _types_/Motor{} Recipe#1(5) Axis#2{rpm:Int32=10,inner{x:Int32=1}}");
    world.says("NDATA seq=1 · #1(6) #2{rpm:Int32=20,inner{x:Int32=2}}");
    let before = world.shows("#");
    world.saves();
    assert_eq!(world.restarts(), [""; 0]);
    assert_eq!(world.shows("#").replace(" (Stale)", ""), before);
    world.says("NBIRTH seq=0 bdSeq=1 · _types_/Motor{} Recipe#1(5) Axis#2{rpm:Int32=10,inner{x:Int32=1}}");
    assert!(!world.shows("#").contains("Stale"));
}

#[test]
fn a_compressed_birth_is_in_the_tree_and_kept_as_it_was_published() {
    let mut world = World::new(Placement::default());
    let birth = PayloadBuilder::at(Timestamp(EPOCH))
        .seq(Seq::ZERO)
        .metrics([MetricBuilder::bd_seq(BdSeq::new(0)).at(Timestamp(EPOCH)), metric_of("A#1:Int32=1")]);
    let birth = birth.encode_compressed(Algorithm::Deflate);
    world.publish(1, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", &birth);
    let data = PayloadBuilder::at(Timestamp(EPOCH)).seq(Seq::new(1)).metric(metric_of("#1:Int32=2"));
    world.publish(1, "spBv1.0/Acme:Dallas:Press/NDATA/Line1", &data.encode_compressed(Algorithm::Gzip));
    assert_eq!(world.shows("+/+/+/+/A"), "Acme/Dallas/Press/Line1/A = 2\n");
    let [kept] = world.births.values().collect::<Vec<_>>()[..] else { panic!("one birth is kept") };
    assert!(kept.ends_with(&birth), "byte for byte");
    world.saves();
    assert_eq!(world.restarts(), [""; 0]);
    assert_eq!(world.shows("+/+/+/+/A"), "Acme/Dallas/Press/Line1/A = 2 (Stale)\n");
}

#[test]
fn what_is_broken_or_too_large_costs_its_metric_only() {
    let mut world = World::new(Placement::default());
    let table = |rows: usize| metric_of(&format!("Table({})", vec!["1"; rows].join(";")));
    let deep = (0..9).fold(metric_of("x:Int32=1"), |inner, _| {
        MetricBuilder::named("t").template(factree_sparkplug::encode::TemplateBuilder::instance("T").metric(inner))
    });
    let payload = PayloadBuilder::at(Timestamp(EPOCH)).seq(Seq::ZERO);
    let payload = payload.metrics([table(20_001), deep, metric_of("A:Int32=1")]);
    world.publish(1, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", &payload.encode());
    let shown = world.shows("#");
    assert!(shown.contains("Line1/Table = null (Bad)\n"), "{shown}");
    assert!(shown.contains("Line1/t/t/t/t/t/t/t/t/t = null (Bad)\n"), "{shown}");
    assert!(shown.contains("Line1/A = 1\n"), "{shown}");
    assert!(world.events().contains(&"finding factree-malformed-template".to_owned()));
    let null =
        MetricBuilder::named("Table").at(Timestamp(EPOCH)).value(factree_sparkplug::DataType::DataSet, Value::Null);
    let data = PayloadBuilder::at(Timestamp(EPOCH)).seq(Seq::new(1)).metric(null.unwrap());
    world.publish(1, "spBv1.0/Acme:Dallas:Press/NDATA/Line1", &data.encode());
    assert!(world.shows("#").contains("Line1/Table = null\n"));
}

/// Every ninth double of seventeen digits was another one when numbers were read by the faster way.
#[test]
fn a_number_in_json_is_the_double_nearest_to_its_digits() {
    let mut world = World::new(Placement::default());
    for digits in ["28.341385342127822", "5e-324", "1.7976931348623157e308", "-0.1"] {
        world.publish(2, "Acme/Oven/Temperature", digits.as_bytes());
        let view = world.namespace.read();
        let sample = view.sample(view.find("Acme/Oven/Temperature").unwrap()).unwrap();
        assert_eq!(sample.value, factree_namespace::Value::Double(digits.parse().unwrap()), "{digits}");
    }
}
