//! Values with an inside: DataSets, Templates, property sets, compressed payloads. Written by us, read by us, and broken.

use factree_sparkplug::{
    encode::{Algorithm, DataSetBuilder, MetricBuilder, PayloadBuilder, PropertiesBuilder, TemplateBuilder},
    generated::payload as wire,
    *,
};
use prost::Message as _;

fn decoded(bytes: &[u8]) -> Payload {
    let mut payload = Payload::new();
    decode(bytes, &Limits::default(), &mut payload).unwrap();
    payload
}

fn machines() -> DataSetBuilder {
    let columns = [("name", DataType::String), ("speed", DataType::Int16), ("at", DataType::DateTime)];
    let rows = [
        [Value::String("Press"), Value::Int(-5), Value::DateTime(1)],
        [Value::String("Saw"), Value::Null, Value::DateTime(u64::MAX)],
    ];
    rows.iter().try_fold(DataSetBuilder::new(columns), |table, row| table.row(row)).unwrap()
}

#[test]
fn a_data_set_comes_back_cell_by_cell() {
    let bytes = PayloadBuilder::default().metric(MetricBuilder::named("t").data_set(machines())).encode();
    let payload = decoded(&bytes);
    let value = interpret(DataType::DataSet, payload.metrics[0].wire_value(&bytes));
    let Ok(Value::DataSet(table)) = value else { panic!("{value:?}") };
    let types = table.types();
    assert_eq!(table.columns().collect::<Vec<_>>(), ["name", "speed", "at"]);
    assert_eq!(types, [DataType::String, DataType::Int16, DataType::DateTime]);
    let rows: Vec<Vec<Value<'_>>> = table.rows().map(|row| row.cells(&types).collect()).collect();
    assert_eq!(
        rows,
        [
            [Value::String("Press"), Value::Int(-5), Value::DateTime(1)],
            [Value::String("Saw"), Value::Null, Value::DateTime(u64::MAX)],
        ]
    );
    assert_eq!((table.columns_len(), table.rows_len()), (3, 2));
}

#[test]
fn a_row_that_does_not_fit_its_columns_is_not_written() {
    let table = || DataSetBuilder::new([("a", DataType::Int8), ("b", DataType::Boolean)]);
    assert_eq!(table().row(&[Value::Int(1)]).err(), Some(Mismatch::DataSet));
    assert_eq!(table().row(&[Value::Int(300), Value::Null]).err(), Some(Mismatch::Range));
    assert_eq!(table().row(&[Value::Int(1), Value::Int(1)]).err(), Some(Mismatch::Kind));
}

/// What is wrong with a DataSet of two Int32 columns and one row, once `spoil` has been at it.
fn fault(spoil: impl FnOnce(&mut wire::DataSet)) -> Option<DataSetFault> {
    let cell = |value| wire::data_set::Cell { value: Some(wire::data_set::cell::Value::IntValue(value)) };
    let mut table = wire::DataSet {
        num_of_columns: Some(2),
        columns: vec!["a".into(), "b".into()],
        types: vec![3, 3],
        rows: vec![wire::data_set::Row { elements: vec![cell(1), cell(2)] }],
    };
    spoil(&mut table);
    DataSet::parse(&table.encode_to_vec()).err()
}

#[test]
fn a_broken_data_set_is_named() {
    assert_eq!(fault(|_| {}), None);
    assert_eq!(fault(|table| table.num_of_columns = None), None, "the columns can be counted");
    assert_eq!(fault(|table| table.num_of_columns = Some(u64::MAX)), Some(DataSetFault::ColumnsLen));
    assert_eq!(fault(|table| table.types.truncate(1)), Some(DataSetFault::TypesLen));
    assert_eq!(fault(|table| table.columns.truncate(1)), Some(DataSetFault::TypesLen));
    for number in [0, 16, 19, 22, 35, u32::MAX] {
        assert_eq!(fault(|table| table.types[1] = number), Some(DataSetFault::Type), "{number}");
    }
    assert_eq!(fault(|table| table.rows[0].elements.truncate(1)), Some(DataSetFault::Ragged));
    assert_eq!(fault(|table| table.rows.push(wire::data_set::Row::default())), Some(DataSetFault::Ragged));
    assert_eq!(fault(|table| table.types[0] = 12), Some(DataSetFault::Cell(Mismatch::Kind)));
    assert_eq!(fault(|table| table.columns = vec!["x".into(); 5000]), Some(DataSetFault::TooManyColumns));
    assert_eq!(fault(|table| table.types = vec![3; 1_000_000]), Some(DataSetFault::TooManyColumns));
    assert_eq!(DataSet::parse(&[0x22, 5]).err(), Some(DataSetFault::Malformed(DecodeError::Truncated)));
}

/// As C Tahu writes them.
#[test]
fn packed_column_types_are_read() {
    let bytes = b"\x08\x02\x12\x01a\x12\x01b\x1a\x02\x03\x0c\x22\x09\x0a\x02\x08\x07\x0a\x03\x32\x01x";
    let table = DataSet::parse(bytes).unwrap();
    let types = table.types();
    assert_eq!(types, [DataType::Int32, DataType::String]);
    let row = table.rows().next().unwrap();
    assert_eq!(row.cells(&types).collect::<Vec<_>>(), [Value::Int(7), Value::String("x")]);
}

#[test]
fn a_definition_says_what_its_members_and_parameters_are() {
    let definition = TemplateBuilder::definition()
        .version("1.2")
        .parameter("Index", DataType::Int32, Value::Int(-1))
        .unwrap()
        .parameter("Maker", DataType::String, Value::Null)
        .unwrap()
        .metric(MetricBuilder::named("rpm").declare(DataType::Int32).value(DataType::Int32, Value::Int(0)).unwrap());
    let bytes = PayloadBuilder::default().metric(MetricBuilder::named("_types_/Motor").template(definition)).encode();
    let payload = decoded(&bytes);
    assert!(payload.members().is_empty(), "a definition measures nothing");
    let value = interpret(DataType::Template, payload.metrics[0].wire_value(&bytes));
    let Ok(Value::Template(template)) = value else { panic!("{value:?}") };
    assert!(template.is_definition() && template.says_which());
    assert_eq!((template.version(), template.reference()), (Some("1.2"), None));
    let parameters: Vec<_> = template.parameters().map(|each| (each.name, each.datatype, each.value)).collect();
    assert_eq!(
        parameters,
        [("Index", DataType::Int32, Ok(Value::Int(-1))), ("Maker", DataType::String, Ok(Value::Null))]
    );
    let names: Vec<_> = template.metrics().map(|metric| metric.name(template.bytes()).unwrap().to_owned()).collect();
    assert_eq!(names, ["rpm"]);
}

fn nested(depth: usize) -> MetricBuilder {
    (0..depth).fold(MetricBuilder::named("x").boolean(true), |inner, _| {
        MetricBuilder::named("t").template(TemplateBuilder::instance("T").metric(inner))
    })
}

#[test]
fn members_inherit_the_time_and_the_past_of_what_holds_them() {
    let metric = nested(2).at(Timestamp(77)).historical();
    let bytes = PayloadBuilder::default().metric(metric).encode();
    let payload = decoded(&bytes);
    let names: Vec<_> = (0..3).map(|position| payload.name_of(&bytes, position).unwrap().into_owned()).collect();
    assert_eq!(names, ["t", "t/t", "t/t/x"]);
    for member in payload.members() {
        assert_eq!((member.metric.timestamp(), member.metric.is_historical()), (Some(Timestamp(77)), true));
    }
    assert_eq!(payload.members().iter().map(|member| member.holder).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn templates_nested_a_thousand_deep_cost_their_own_depth_only() {
    let bytes = PayloadBuilder::default().metrics([nested(8), nested(9), nested(1000)]).encode();
    let payload = decoded(&bytes);
    assert_eq!(payload.members().len(), 8 + 8 + 8);
    let faults: Vec<_> = payload.template_faults().iter().map(|(_, fault)| *fault).collect();
    assert_eq!(faults, [TemplateFault::TooDeep, TemplateFault::TooDeep]);
    assert!(payload.name_of(&bytes, payload.template_faults()[0].0).unwrap().ends_with("t/t/t"));
}

#[test]
fn a_template_of_half_a_million_empty_members_is_refused_and_its_sibling_kept() {
    let template = wire::Template { metrics: vec![wire::Metric::default(); 500_000], ..Default::default() };
    let hostile = wire::Metric {
        name: Some("bomb".into()),
        value: Some(wire::metric::Value::TemplateValue(wire::Template { template_ref: Some("T".into()), ..template })),
        ..Default::default()
    };
    let sibling = MetricBuilder::named("a").boolean(true).into_inner();
    let bytes = generated::Payload { metrics: vec![hostile, sibling], ..Default::default() }.encode_to_vec();
    let payload = decoded(&bytes);
    assert_eq!((payload.metrics.len(), payload.members().len()), (2, 0));
    assert_eq!(payload.template_fault(0), Some(TemplateFault::TooMany));
    assert_eq!(payload.template_fault(1), None);
}

#[test]
fn a_long_name_is_not_repeated_for_each_of_many_members() {
    let members = |len: usize| (0..len).map(|at| MetricBuilder::named(&format!("m{at}")).boolean(true));
    let instance = |len| members(len).fold(TemplateBuilder::instance("T"), TemplateBuilder::metric);
    let metric = |name: &str, len| MetricBuilder::named(name).template(instance(len));
    let bytes = PayloadBuilder::default()
        .metrics([
            metric(&"n".repeat(4_000), 5_000),
            metric("Press/Line 1/Robot 3/Axis 1", 5_000),
            metric(&"m".repeat(4_000), 10),
        ])
        .encode();
    let payload = decoded(&bytes);
    assert_eq!(payload.template_faults(), [(0, TemplateFault::TooLongNames)], "20 MB of names in 100 KB");
    assert_eq!(payload.members().len(), 5_010, "its siblings are not concerned");
    let names = 0..payload.metrics.len() + payload.members().len();
    let kept: usize = names.map(|at| payload.name_of(&bytes, at as u32).unwrap().len()).sum();
    assert!(kept < (64 << 10) + 16 * bytes.len() + 8_100, "{kept}");
    let within = |depth| {
        (0..depth).fold(metric("x", 2_000), |inner, _| {
            MetricBuilder::named(&"n".repeat(1_000)).template(TemplateBuilder::instance("T").metric(inner))
        })
    };
    let deep = PayloadBuilder::default().metric(within(6)).encode();
    assert_eq!(decoded(&deep).template_faults().len(), 1, "nor over several depths");
}

#[test]
fn a_template_of_half_a_million_parameters_is_refused_before_they_are_looked_at() {
    let parameters = vec![wire::template::Parameter::default(); 500_000];
    let template = wire::Template { parameters, is_definition: Some(true), ..Default::default() };
    let value = Some(wire::metric::Value::TemplateValue(template));
    let hostile = wire::Metric { name: Some("bomb".into()), value, ..Default::default() };
    let payload = decoded(&generated::Payload { metrics: vec![hostile], ..Default::default() }.encode_to_vec());
    assert_eq!(payload.template_fault(0), Some(TemplateFault::TooManyParameters));
}

#[test]
fn a_template_whose_parameter_is_broken_is_broken() {
    // A parameter with a varint in the field for a Float.
    let message = |tag: &[u8], inside: &[u8]| [tag, &[inside.len() as u8], inside].concat();
    let parameter = [&message(&[0x0a], b"poles")[..], &[0x28, 3]].concat();
    let template = [&message(&[0x1a], &parameter)[..], &[0x28, 1]].concat();
    let metric = [message(&[0x0a], b"Motor"), message(&[0x92, 0x01], &template)].concat();
    let payload = decoded(&message(&[0x12], &metric));
    assert_eq!(payload.template_fault(0), Some(TemplateFault::Malformed(DecodeError::Field)));
}

#[test]
fn property_sets_come_back_however_they_nest() {
    let text = |key: &str, value: &str| PropertiesBuilder::new().property(key, DataType::String, Value::String(value));
    let properties = text("engUnit", "°C")
        .unwrap()
        .property("Quality", DataType::Int32, Value::Int(192))
        .unwrap()
        .property("nothing", DataType::Double, Value::Null)
        .unwrap()
        .set("inner", text("a", "b").unwrap())
        .list("many", [text("c", "d").unwrap(), text("e", "f").unwrap()]);
    let bytes = PayloadBuilder::default().metric(MetricBuilder::named("m").properties(properties)).encode();
    let span = decoded(&bytes).metrics[0].properties().unwrap();
    let read = Properties::parse(&bytes, span, &Limits::default()).unwrap();
    assert_eq!((read.len(), read.unit(), read.quality()), (5, Some("°C"), Some(Ok(Quality::Good))));
    assert_eq!(read.get("nothing"), Some(PropertyValue::Null));
    let Some(PropertyValue::Set(inner)) = read.get("inner") else { panic!("a set") };
    assert_eq!(inner.get("a"), Some(PropertyValue::String("b")));
    let Some(PropertyValue::SetList(many)) = read.get("many") else { panic!("a list") };
    let keys: Vec<_> = many.iter().flat_map(|set| set.iter().map(|each| each.key).collect::<Vec<_>>()).collect();
    assert_eq!(keys, ["c", "e"]);
}

#[test]
fn metadata_comes_back() {
    let about = MetaData {
        is_multi_part: Some(true),
        content_type: Some("application/pdf"),
        size: Some(1 << 40),
        seq: Some(3),
        file_name: Some("manual.pdf"),
        file_type: Some("pdf"),
        md5: Some("00ff"),
        description: Some("how to"),
    };
    let bytes = PayloadBuilder::default().metric(MetricBuilder::named("f").metadata(&about)).encode();
    let span = decoded(&bytes).metrics[0].metadata().unwrap();
    assert_eq!(MetaData::parse(&bytes, span), Ok(about));
}

fn inflated(bytes: &[u8], limits: &Limits) -> Result<(Payload, Vec<u8>), DecodeError> {
    let (mut payload, mut inflated) = (Payload::new(), Vec::new());
    decode(bytes, limits, &mut payload).unwrap();
    assert!(payload.is_compressed(bytes));
    let outcome = inflate(bytes, limits, &mut payload, &mut inflated);
    assert!(inflated.len() <= limits.inflated_bytes_max as usize + 1, "no more comes out than may");
    assert!(outcome.is_ok() || payload.metrics.is_empty(), "a refused payload leaves nothing");
    outcome.map(|()| (payload, inflated))
}

/// A compressed payload with this algorithm, if any, and this body.
fn around(algorithm: Option<&str>, body: Option<&[u8]>) -> Vec<u8> {
    let named = |name: &str| {
        let metric = MetricBuilder::named("algorithm").declare(DataType::String);
        metric.value(DataType::String, Value::String(name)).unwrap().into_inner()
    };
    let metrics = algorithm.map(named).into_iter().collect();
    let (uuid, body) = (Some(COMPRESSED.into()), body.map(Into::into));
    generated::Payload { uuid, body, metrics, ..Default::default() }.encode_to_vec()
}

fn body_of(compressed: &[u8]) -> Vec<u8> {
    decoded(compressed).body.unwrap().of(compressed).to_vec()
}

#[test]
fn what_is_compressed_comes_back_and_the_outer_fields_stand_in() {
    let inner = PayloadBuilder::at(Timestamp(5)).seq(Seq::new(7)).metric(MetricBuilder::named("m").boolean(true));
    for algorithm in [Algorithm::Deflate, Algorithm::Gzip] {
        let bytes = inner.encode_compressed(algorithm);
        let (payload, text) = inflated(&bytes, &Limits::default()).unwrap();
        assert_eq!((payload.timestamp, payload.seq), (Some(Timestamp(5)), Some(7)));
        assert_eq!(payload.metrics[0].name(&text), Some("m"));
        assert_eq!(payload.published_bytes() as usize, bytes.len());
    }
    // npm's default says no algorithm; Tahu repeats the seq outside.
    let deflated = body_of(&PayloadBuilder::default().encode_compressed(Algorithm::Deflate));
    let outer = generated::Payload {
        timestamp: Some(1),
        seq: Some(9),
        uuid: Some(COMPRESSED.into()),
        body: Some(deflated),
        ..Default::default()
    };
    let (payload, _) = inflated(&outer.encode_to_vec(), &Limits::default()).unwrap();
    assert_eq!((payload.timestamp, payload.seq), (Some(Timestamp(1)), Some(9)));
}

#[test]
fn sp07_bad_compressed_payloads_are_refused_each_for_its_reason() {
    let of = |bytes: &[u8]| inflated(bytes, &Limits::default()).err();
    let whole = body_of(&PayloadBuilder::at(Timestamp(5)).encode_compressed(Algorithm::Gzip));
    assert_eq!(of(&around(Some("gzip"), Some(&whole))), None);
    assert_eq!(of(&around(None, Some(&whole))), Some(DecodeError::Inflate), "gzip is not zlib");
    assert_eq!(of(&around(Some("GZIP"), Some(&whole[..whole.len() - 1]))), Some(DecodeError::Inflate), "cut short");
    assert_eq!(of(&around(Some("GZIP"), Some(&[]))), Some(DecodeError::Inflate));
    assert_eq!(of(&around(Some("GZIP"), None)), Some(DecodeError::Inflate));
    assert_eq!(of(&around(Some("LZMA"), Some(&whole))), Some(DecodeError::Algorithm));
    assert_eq!(of(&around(Some("GZIP"), Some(&[&whole[..], b"x"].concat()))), Some(DecodeError::Inflate), "garbage");
    let deflated = body_of(&PayloadBuilder::at(Timestamp(5)).encode_compressed(Algorithm::Deflate));
    assert_eq!(of(&around(None, Some(&deflated))), None);
    assert_eq!(of(&around(None, Some(&[&deflated[..], b"x"].concat()))), Some(DecodeError::Inflate), "garbage");
    let wrong: Vec<u8> = whole.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at + 8 == whole.len())).collect();
    assert_eq!(of(&around(Some("GZIP"), Some(&wrong))), Some(DecodeError::Inflate), "its checksum says so");

    let bomb = PayloadBuilder::default().metric(MetricBuilder::named(&"x".repeat(10_000_000)));
    assert_eq!(of(&bomb.encode_compressed(Algorithm::Deflate)), Some(DecodeError::InflatedTooLarge));
    let limits = Limits { inflated_bytes_max: 1000, ..Limits::default() };
    let large =
        PayloadBuilder::default().metric(MetricBuilder::named(&"x".repeat(2000))).encode_compressed(Algorithm::Gzip);
    assert_eq!(inflated(&large, &limits).err(), Some(DecodeError::InflatedTooLarge));

    let twice = PayloadBuilder::default().encode_compressed(Algorithm::Deflate);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, &twice).unwrap();
    let twice = around(Some("GZIP"), Some(&encoder.finish().unwrap()));
    assert_eq!(of(&twice), Some(DecodeError::CompressedTwice));
}
