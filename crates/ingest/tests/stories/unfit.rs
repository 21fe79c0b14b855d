//! Stories of values that the tree does not take: the one before must not pass for them, and somebody has to be told.

use crate::world::{EPOCH, World};
use factree_ingest::{FindingQuery, FindingReport, Limits, Placement};
use factree_namespace::{Quality, Sample};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{Array, DataType, Seq, Value};
use std::time::Duration;

const LINE1: &str = "Acme/Dallas/Press/Line1";

/// An NDATA with one metric.
fn ndata(world: &mut World, seq: u8, metric: &str, datatype: DataType, value: Value<'_>) {
    let now = world.now().wall;
    let metric = MetricBuilder::named(metric).at(now).value(datatype, value).unwrap();
    let payload = PayloadBuilder::at(now).seq(Seq::new(seq)).metric(metric).encode();
    world.publish(1, "spBv1.0/Acme:Dallas:Press/NDATA/Line1", &payload);
}

fn array(datatype: DataType, bytes: &[u8]) -> Value<'_> {
    Value::Array(Array::new(datatype, bytes).unwrap())
}

fn sample(world: &World, path: &str) -> Sample {
    let view = world.namespace.read();
    view.sample(view.find(path).expect("it is in the tree")).expect("it has a sample")
}

fn found(world: &World, tck_id: &str) -> Vec<FindingReport> {
    world.ingest.findings(&FindingQuery { tck_id: Some(tck_id.into()), ..FindingQuery::default() }, usize::MAX)
}

#[test]
fn a_value_beyond_a_limit_takes_the_place_of_the_one_before_and_is_told_once() {
    let mut world = World::new(Placement::default());
    world.connects(1, "press");
    world.says("NBIRTH seq=0 bdSeq=0 · Text:String=fine Other:Int32=1");
    world.events();
    world.elapsed += Duration::from_secs(5);
    let long = "x".repeat((1 << 20) + 1);
    ndata(&mut world, 1, "Text", DataType::String, Value::String(&long));
    ndata(&mut world, 2, "Text", DataType::String, Value::String(&long));
    let text = sample(&world, &format!("{LINE1}/Text"));
    assert_eq!((text.value, text.quality), (factree_namespace::Value::Null, Quality::Bad));
    assert_eq!(text.timestamp.0, EPOCH + 5_000);
    assert_eq!(sample(&world, &format!("{LINE1}/Other")).quality, Quality::Good);
    let [beyond] = &found(&world, "factree-limit-value")[..] else { panic!("one entry") };
    assert_eq!((beyond.count, beyond.example.metric.as_deref()), (2, Some("Text")));
    assert!(beyond.example.why.as_deref().is_some_and(|why| why.contains("value_bytes_max")), "{beyond:?}");
    assert_eq!((beyond.edge_node.as_deref(), beyond.client_id.as_deref()), (Some("Line1"), Some("press")));
    assert_eq!(world.events(), ["finding factree-limit-value"], "said once");
    assert_eq!(world.ingest.stats().values_refused, 2);
    ndata(&mut world, 3, "Text", DataType::String, Value::String("short"));
    assert!(world.shows("#").contains("Text = \"short\"\n"), "{}", world.shows("#"));
}

#[test]
fn a_birth_with_a_value_beyond_a_limit_is_told_as_well() {
    let mut world = World::new(Placement::default());
    world.says(&format!("NBIRTH seq=0 bdSeq=0 · Text:String={} Other:Int32=1", "x".repeat((1 << 20) + 1)));
    assert!(world.shows("#").contains("Text = null (Bad)\n"), "{}", world.shows("+/+/+/+/Other"));
    let [beyond] = &found(&world, "factree-limit-value")[..] else { panic!("one entry") };
    assert_eq!((beyond.count, beyond.example.occasion), (1, "NBIRTH"));
    assert_eq!(beyond.example.metric.as_deref(), Some("Text"));
}

#[test]
fn a_waveform_weighs_what_it_weighs_on_the_wire() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · Wave:FloatArray=null Bits:BooleanArray=null Small:Int8Array=null");
    let megabyte = vec![0x41; 1 << 20];
    ndata(&mut world, 1, "Wave", DataType::FloatArray, array(DataType::FloatArray, &megabyte));
    ndata(&mut world, 2, "Small", DataType::Int8Array, array(DataType::Int8Array, &megabyte));
    for (name, len) in [("Wave", 1 << 18), ("Small", 1 << 20)] {
        let sample = sample(&world, &format!("{LINE1}/{name}"));
        let factree_namespace::Value::List(items) = sample.value else { panic!("{name} is a list") };
        assert_eq!((items.len(), sample.quality), (len, Quality::Good), "{name}");
    }
    // Eight to a byte on the wire, and one in what may be kept.
    let bits = [&(1_u32 << 21).to_le_bytes()[..], &vec![0; 1 << 18]].concat();
    ndata(&mut world, 3, "Bits", DataType::BooleanArray, array(DataType::BooleanArray, &bits));
    let more = vec![0x41; (1 << 20) + 4];
    ndata(&mut world, 4, "Wave", DataType::FloatArray, array(DataType::FloatArray, &more));
    let shown = world.shows("#");
    assert!(shown.contains("Bits = null (Bad)") && shown.contains("Wave = null (Bad)"));
    assert_eq!(found(&world, "factree-limit-value")[0].count, 2);
}

#[test]
fn a_value_that_is_none_of_its_datatype_is_a_finding_in_data_too() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · Count:Int32=5");
    world.elapsed += Duration::from_secs(5);
    ndata(&mut world, 1, "Count", DataType::String, Value::String("many"));
    let count = sample(&world, &format!("{LINE1}/Count"));
    assert_eq!((count.value, count.quality), (factree_namespace::Value::Null, Quality::Bad));
    assert_eq!(count.timestamp, factree_namespace::Timestamp(world.now().wall.0));
    let [mismatch] = &found(&world, "factree-value-mismatch")[..] else { panic!("one entry") };
    assert_eq!((mismatch.example.occasion, mismatch.example.metric.as_deref()), ("NDATA", Some("Count")));
    assert_eq!(mismatch.example.why.as_deref(), Some("the value is of another kind than the datatype"));
}

#[test]
fn a_plain_topic_beyond_a_limit_is_bad_until_it_fits_again_and_told_once() {
    let limits = Limits { topics_max: 3, ..Limits::default() };
    let fields = (0..=limits.fields_per_document_max).map(|number| format!(r#""f{number}":1"#));
    let garrulous = format!("{{{}}}", fields.collect::<Vec<_>>().join(","));
    let mut world = World::with(limits, Placement::default());
    world.connects(1, "scale");
    world.publish(1, "a/blob", b"1");
    world.publish(1, "a/order", br#"{"id":7}"#);
    world.publish(1, "a/list", br#"{"short":1,"long":[1]}"#);
    world.elapsed += Duration::from_secs(5);
    let large = vec![b'1'; (1 << 20) + 1];
    let deep = format!(r#"{{"short":2,"long":{}1{}}}"#, "[".repeat(70), "]".repeat(70));
    for _ in 0..3 {
        world.publish(1, "a/blob", &large);
        world.publish(1, "a/order", garrulous.as_bytes());
        world.publish(1, "a/list", deep.as_bytes());
        world.publish(1, "a/more", b"1");
    }
    assert_eq!(
        world.shows("#"),
        "a/blob = null (Bad)\na/list/long = null (Bad)\na/list/short = 2\na/order/id = null (Bad)\n"
    );
    assert_eq!(sample(&world, "a/blob").timestamp.0, EPOCH + 5_000);
    let told = found(&world, "factree-limit-plain");
    let line = |it: &FindingReport| format!("{} ×{}", it.path.as_deref().unwrap(), it.count);
    assert_eq!(told.iter().map(line).collect::<Vec<_>>(), ["a/blob ×3", "a/list ×3", "a/more ×3", "a/order ×3"]);
    assert!(told[3].example.why.as_deref().unwrap().contains("fields_per_document_max"));
    assert_eq!(world.events().len(), 4, "each topic is said once");
    assert_eq!(world.ingest.stats().plain_refused, 12);
    world.publish(1, "a/blob", b"2");
    world.publish(1, "a/order", br#"{"id":8}"#);
    assert!(world.shows("#").contains("a/blob = 2\n") && world.shows("#").contains("a/order/id = 8\n"));
}
