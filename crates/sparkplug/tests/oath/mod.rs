//! The oath every input must keep, for the replayed corpus and the fuzzer alike: bytes are a payload or refused; a payload
//! takes no more memory than its size allows; everything in it can be walked to its end; what is a value is written so
//! that it reads back the same; a Host Application takes it; and nothing panics.

use factree_sparkplug::{encode::MetricBuilder, encode::PayloadBuilder, *};
use std::time::Instant;

/// Keeps the oath; says whether the input was a payload.
pub(crate) fn keep_oath(input: &[u8]) -> bool {
    let limits = Limits { inflated_bytes_max: 1 << 20, ..Limits::default() };
    let (mut payload, mut inflated) = (Payload::new(), Vec::new());
    if decode(input, &limits, &mut payload).is_err() {
        assert!(payload.metrics.is_empty() && payload.members().is_empty());
        return false;
    }
    take_little(&payload, input.len());
    let bytes = if payload.is_compressed(input) {
        if inflate(input, &limits, &mut payload, &mut inflated).is_err() {
            assert!(payload.metrics.is_empty() && inflated.len() <= limits.inflated_bytes_max as usize + 1);
            return false;
        }
        // In the memory that the payload around it has taken.
        take_little(&payload, input.len() + inflated.len());
        &inflated
    } else {
        input
    };
    let positions = 0..(payload.metrics.len() + payload.members().len()) as u32;
    for position in positions {
        payload.name_of(bytes, position);
        walk_metric(payload.metric(position), bytes, &limits);
    }
    serve(&payload, bytes, &limits);
    true
}

fn take_little(payload: &Payload, len: usize) {
    let taken = payload.metrics.capacity() * size_of::<RawMetric>() + size_of_val(payload.members());
    assert!(taken <= 1024 + 12 * len, "{taken} bytes of memory for a payload of {len}");
}

fn walk_metric(metric: &RawMetric, bytes: &[u8], limits: &Limits) {
    if let Some(span) = metric.properties()
        && let Ok(properties) = Properties::parse(bytes, span, limits)
    {
        assert_eq!(walk_properties(properties, 1), properties.len());
    }
    let _ = metric.metadata().map(|span| MetaData::parse(bytes, span));
    for datatype in DataType::ALL {
        let Ok(value) = interpret(datatype, metric.wire_value(bytes)) else { continue };
        walk_value(value);
        if let Some((captured, number)) = metric.live_number(datatype) {
            assert!(same(number, value) && metric.timestamp() == Some(captured));
        }
        let written = match MetricBuilder::aliased(1).value(datatype, value) {
            Ok(written) => written,
            // Nobody has looked yet at what members nest, nor ever at extensions; prost does before it writes them.
            Err(_) if matches!(value, Value::Template(_) | Value::DataSet(_)) => continue,
            Err(mismatch) => panic!("{value:?} was read and cannot be written: {mismatch}"),
        };
        let again = PayloadBuilder::default().metric(written).encode();
        let mut payload = Payload::new();
        decode(&again, limits, &mut payload).expect("what was written can be read");
        let read = interpret(datatype, payload.metrics[0].wire_value(&again)).expect("as a value");
        assert!(same(read, value), "{read:?} is not {value:?}");
    }
}

/// How many properties there are.
fn walk_properties(properties: Properties<'_>, depth: usize) -> usize {
    assert!(depth <= 8);
    let count = |property: Property<'_>| match property.value {
        PropertyValue::Set(set) => walk_properties(set, depth + 1),
        PropertyValue::SetList(list) => list.iter().map(|set| walk_properties(set, depth + 1)).sum(),
        _ => 0,
    };
    properties.iter().map(count).count()
}

fn walk_value(value: Value<'_>) {
    match value {
        Value::Array(array) => assert_eq!(array.iter().count(), array.len()),
        Value::DataSet(table) => {
            let types = table.types();
            assert_eq!((types.len(), table.columns().count()), (table.columns_len(), table.columns_len()));
            assert_eq!(table.rows().count(), table.rows_len());
            assert!(table.rows().all(|row| row.cells(&types).count() == types.len()));
        }
        Value::Template(template) => {
            template.parameters().for_each(drop);
            assert!(
                template.metrics().all(|metric| metric.name(template.bytes()).is_none_or(|name| name.len() < 1 << 24))
            );
            let _ = (template.version(), template.reference());
        }
        _ => {}
    }
}

/// Equal, NaN to itself; Templates and DataSets by what they say, since bytes may be in another order.
fn same(left: Value<'_>, right: Value<'_>) -> bool {
    match (left, right) {
        (Value::Float(left), Value::Float(right)) => left.to_bits() == right.to_bits(),
        (Value::Double(left), Value::Double(right)) => left.to_bits() == right.to_bits(),
        (Value::DataSet(left), Value::DataSet(right)) => {
            let (left_types, right_types) = (left.types(), right.types());
            left_types == right_types
                && left.columns().eq(right.columns())
                && left.rows_len() == right.rows_len()
                && left.rows().zip(right.rows()).all(|(left, right)| {
                    left.cells(&left_types).zip(right.cells(&right_types)).all(|(left, right)| same(left, right))
                })
        }
        (Value::Template(left), Value::Template(right)) => {
            (left.version(), left.reference(), left.parameters().count(), left.metrics().count())
                == (right.version(), right.reference(), right.parameters().count(), right.metrics().count())
        }
        (left, right) => left == right,
    }
}

/// As a birth, and then as data to it.
fn serve(payload: &Payload, bytes: &[u8], limits: &Limits) {
    let (mut host, mut outputs) = (Host::new(limits.clone()), Outputs::new());
    let now = Now { instant: Instant::now(), wall: Timestamp(0) };
    for topic in ["spBv1.0/g/NBIRTH/e", "spBv1.0/g/DBIRTH/e/d", "spBv1.0/g/NDATA/e", "spBv1.0/g/DDATA/e/d"] {
        let topic = Topic::parse(topic).expect("a topic");
        outputs.clear();
        host.handle(
            now,
            &Input::Message {
                session: SessionKey(1),
                qos: 0,
                retained: false,
                topic,
                published: bytes,
                bytes,
                payload,
            },
            &mut outputs,
        );
        for output in &outputs {
            match output {
                Output::Born(born) => {
                    assert!(outputs.born(born).iter().all(|each| is_there(payload, each.position)));
                }
                Output::Data(data) => {
                    assert!(outputs.updates(data).iter().all(|each| is_there(payload, each.position)));
                }
                Output::Unheld(_)
                | Output::Adopted(_)
                | Output::Rivals(_)
                | Output::Died(_)
                | Output::AskRebirth(_)
                | Output::Finding(_) => {}
            }
        }
    }
}

fn is_there(payload: &Payload, position: u32) -> bool {
    (position as usize) < payload.metrics.len() + payload.members().len()
}
