//! Structures against two other decoders: prost, and rust-protobuf (in sparkplug-rs), which writes what prost has written
//! anew. Whatever they say is in a DataSet or a Template, we say too.

use factree_sparkplug::{generated, generated::payload as wire, *};
use proptest::{collection::vec, option, prelude::*};
use prost::Message as _;
use sparkplug_rs::protobuf::Message as _;
use wire::{data_set, metric, template};

/// A cell that is a value of a column of this type, in any of the fields clients use.
fn cell(datatype: DataType) -> BoxedStrategy<data_set::Cell> {
    use data_set::cell::Value as Cell;
    let value = match datatype {
        DataType::Int8 => any::<i8>().prop_map(|value| Cell::IntValue(i32::from(value).cast_unsigned())).boxed(),
        DataType::Int32 => any::<u32>().prop_map(Cell::IntValue).boxed(),
        DataType::UInt32 => any::<u32>().prop_map(|value| Cell::LongValue(value.into())).boxed(),
        DataType::UInt64 | DataType::DateTime => any::<u64>().prop_map(Cell::LongValue).boxed(),
        DataType::Float => any::<f32>().prop_map(Cell::FloatValue).boxed(),
        DataType::Double => any::<f64>().prop_map(Cell::DoubleValue).boxed(),
        DataType::Boolean => any::<bool>().prop_map(Cell::BooleanValue).boxed(),
        _ => ".{0,9}".prop_map(Cell::StringValue).boxed(),
    };
    option::weighted(0.9, value).prop_map(|value| data_set::Cell { value }).boxed()
}

fn data_set() -> impl Strategy<Value = wire::DataSet> {
    use DataType as D;
    let types = [D::Int8, D::Int32, D::UInt32, D::UInt64, D::DateTime, D::Float, D::Double, D::Boolean, D::String];
    vec((".{0,9}", prop::sample::select(types.to_vec())), 0..5).prop_flat_map(|columns| {
        let row = columns.iter().map(|(_, datatype)| cell(*datatype)).collect::<Vec<_>>();
        vec(row.prop_map(|elements| data_set::Row { elements }), 0..5).prop_map(move |rows| wire::DataSet {
            num_of_columns: Some(columns.len() as u64),
            columns: columns.iter().map(|(name, _)| name.clone()).collect(),
            types: columns.iter().map(|(_, datatype)| datatype.number()).collect(),
            rows,
        })
    })
}

/// A value as the two oracles would have written it for a column of its type.
fn as_cell(value: Value<'_>, datatype: DataType) -> data_set::Cell {
    use data_set::cell::Value as Cell;
    let value = match value {
        Value::Null => None,
        Value::Boolean(value) => Some(Cell::BooleanValue(value)),
        Value::Int(value) => Some(Cell::IntValue((value as i32).cast_unsigned())),
        Value::UInt(value) | Value::DateTime(value) => Some(Cell::LongValue(value)),
        Value::Float(value) => Some(Cell::FloatValue(value)),
        Value::Double(value) => Some(Cell::DoubleValue(value)),
        Value::String(value) => Some(Cell::StringValue(value.to_owned())),
        other => panic!("{other:?} in a column of type {datatype}"),
    };
    data_set::Cell { value }
}

fn as_prost(table: DataSet<'_>) -> wire::DataSet {
    let types = table.types();
    let row = |row: Row<'_>| data_set::Row {
        elements: row.cells(&types).zip(&types).map(|(value, datatype)| as_cell(value, *datatype)).collect(),
    };
    wire::DataSet {
        num_of_columns: Some(table.columns_len() as u64),
        columns: table.columns().map(str::to_owned).collect(),
        rows: table.rows().map(row).collect(),
        types: types.iter().map(|each| each.number()).collect(),
    }
}

fn template() -> impl Strategy<Value = wire::Template> {
    let parameter = (option::of(".{0,5}"), ".{0,5}").prop_map(|(name, text)| template::Parameter {
        name,
        r#type: Some(DataType::String.number()),
        value: Some(template::parameter::Value::StringValue(text)),
    });
    let named = |value| ("[a-z]{1,5}", option::of(any::<u64>()), value);
    let number = any::<u32>().prop_map(metric::Value::IntValue);
    let leaf = named(number.boxed()).prop_map(as_metric).boxed();
    let head = move || {
        (option::of(".{0,5}"), vec(parameter.clone(), 0..3), option::of("[a-z]{1,5}"), option::of(any::<bool>()))
    };
    let template = move |metrics: BoxedStrategy<wire::Metric>| {
        (head(), vec(metrics, 0..4)).prop_map(|((version, parameters, template_ref, is_definition), metrics)| {
            wire::Template { version, metrics, parameters, template_ref, is_definition }
        })
    };
    let inner = template.clone();
    let metrics = leaf.prop_recursive(3, 12, 4, move |metrics| {
        named(inner(metrics).prop_map(metric::Value::TemplateValue).boxed()).prop_map(as_metric).boxed()
    });
    template(metrics.boxed())
}

fn as_metric((name, timestamp, value): (String, Option<u64>, metric::Value)) -> wire::Metric {
    wire::Metric { name: Some(name), timestamp, value: Some(value), ..Default::default() }
}

/// The names and numbers of all members, as following prost's tree finds them, breadth first.
fn members_of(template: &wire::Template) -> Vec<(String, Option<u64>, Option<u32>)> {
    let mut templates = vec![("m".to_owned(), Some(5), template)];
    let mut members = Vec::new();
    let mut next = 0;
    while let Some((path, timestamp, template)) = templates.get(next).cloned() {
        next += 1;
        let has_reference = template.template_ref.as_ref().is_some_and(|reference| !reference.is_empty());
        if template.is_definition.unwrap_or(!has_reference) {
            continue;
        }
        for each in &template.metrics {
            let path = format!("{path}/{}", each.name.as_deref().unwrap());
            let timestamp = each.timestamp.or(timestamp);
            match &each.value {
                Some(metric::Value::TemplateValue(inner)) => {
                    members.push((path.clone(), timestamp, None));
                    templates.push((path, timestamp, inner));
                }
                Some(metric::Value::IntValue(number)) => members.push((path, timestamp, Some(*number))),
                other => panic!("{other:?} is not generated"),
            }
        }
    }
    members
}

/// A payload of one metric `m`, as prost and as rust-protobuf write it.
fn written(value: metric::Value, datatype: DataType) -> [Vec<u8>; 2] {
    let metric = wire::Metric { datatype: Some(datatype.number()), ..as_metric(("m".into(), Some(5), value)) };
    let ours = generated::Payload { metrics: vec![metric], ..Default::default() }.encode_to_vec();
    let theirs = sparkplug_rs::Payload::parse_from_bytes(&ours).unwrap().write_to_bytes().unwrap();
    [ours, theirs]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn data_sets_say_what_the_oracles_say(expected in data_set()) {
        let mut payload = Payload::new();
        for bytes in written(metric::Value::DatasetValue(expected.clone()), DataType::DataSet) {
            decode(&bytes, &Limits::default(), &mut payload).unwrap();
            let value = interpret(DataType::DataSet, payload.metrics[0].wire_value(&bytes));
            let Ok(Value::DataSet(table)) = value else { panic!("{value:?}, but {expected:?}") };
            // Bit for bit, so that NaN equals itself.
            prop_assert_eq!(as_prost(table).encode_to_vec(), expected.encode_to_vec());
        }
    }

    #[test]
    fn templates_say_what_the_oracles_say(expected in template()) {
        let mut payload = Payload::new();
        for bytes in written(metric::Value::TemplateValue(expected.clone()), DataType::Template) {
            decode(&bytes, &Limits::default(), &mut payload).unwrap();
            let value = interpret(DataType::Template, payload.metrics[0].wire_value(&bytes));
            let Ok(Value::Template(template)) = value else { panic!("{value:?}, but {expected:?}") };
            prop_assert_eq!(template.version(), expected.version.as_deref().filter(|text| !text.is_empty()));
            prop_assert_eq!(template.reference(), expected.template_ref.as_deref());
            let parameters: Vec<_> = template.parameters().map(|each| (each.name.to_owned(), each.value)).collect();
            let theirs: Vec<_> = expected.parameters.iter().map(|each| {
                let Some(template::parameter::Value::StringValue(text)) = &each.value else { panic!("a text") };
                (each.name.clone().unwrap_or_default(), Ok(Value::String(text)))
            }).collect();
            prop_assert_eq!(parameters, theirs);
            let members: Vec<_> = payload.members().iter().zip(1..).map(|(member, position)| {
                let number = match member.metric.wire_value(&bytes) {
                    WireValue::Int(number) => Some(number),
                    _ => None,
                };
                let name = payload.name_of(&bytes, position).unwrap().into_owned();
                (name, member.metric.timestamp().map(|timestamp| timestamp.0), number)
            }).collect();
            prop_assert_eq!(members, members_of(&expected));
        }
    }
}
