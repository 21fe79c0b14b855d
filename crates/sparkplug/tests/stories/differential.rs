//! The visitor against two other decoders, prost and rust-protobuf (in sparkplug-rs), on generated payloads.

use factree_sparkplug::{generated, payload::WireValue, *};
use generated::payload::{MetaData, Metric, PropertySet, PropertyValue, metric, property_value};
use proptest::{collection::vec, option, prelude::*};
use prost::Message as _;
use sparkplug_rs::protobuf::Message as _;

fn numbers() -> impl Strategy<Value = u64> {
    // Every length of varint alike, and the timestamps that the guess expects.
    prop_oneof![
        (0..64u32).prop_flat_map(|bits| 0..=(u64::MAX >> bits)),
        Just(1_795_298_431_756),
        Just(1_795_298_431_757),
        Just(u64::MAX),
    ]
}

fn value() -> impl Strategy<Value = metric::Value> {
    prop_oneof![
        4 => any::<f64>().prop_map(metric::Value::DoubleValue),
        2 => any::<u32>().prop_map(metric::Value::IntValue),
        2 => numbers().prop_map(metric::Value::LongValue),
        1 => any::<f32>().prop_map(metric::Value::FloatValue),
        1 => any::<bool>().prop_map(metric::Value::BooleanValue),
        1 => ".{0,12}".prop_map(metric::Value::StringValue),
        1 => vec(any::<u8>(), 0..200).prop_map(metric::Value::BytesValue),
        1 => Just(metric::Value::DatasetValue(generated::payload::DataSet::default())),
        1 => Just(metric::Value::TemplateValue(generated::payload::Template::default())),
    ]
}

fn properties() -> impl Strategy<Value = PropertySet> {
    let value = ".{0,9}".prop_map(|text| PropertyValue {
        r#type: Some(12),
        is_null: None,
        value: Some(property_value::Value::StringValue(text)),
    });
    vec(("[a-z]{1,8}", value), 0..4).prop_map(|pairs| {
        let (keys, values) = pairs.into_iter().unzip();
        PropertySet { keys, values }
    })
}

fn any_metric() -> impl Strategy<Value = Metric> {
    let flags = (
        option::weighted(0.1, any::<bool>()),
        option::weighted(0.1, any::<bool>()),
        option::weighted(0.1, any::<bool>()),
    );
    let rest = (option::weighted(0.1, properties()), option::weighted(0.1, ".{0,9}"));
    let head = (option::weighted(0.3, ".{0,20}"), option::weighted(0.8, numbers()), option::weighted(0.9, numbers()));
    (head, option::weighted(0.3, any::<u32>()), flags, rest, option::weighted(0.95, value())).prop_map(
        |((name, alias, timestamp), datatype, (is_historical, is_transient, is_null), (properties, about), value)| {
            Metric {
                name,
                alias,
                timestamp,
                datatype,
                is_historical,
                is_transient,
                is_null,
                metadata: about.map(|text| MetaData { description: Some(text), ..Default::default() }),
                properties,
                value,
            }
        },
    )
}

/// The shape of nearly all DATA, which the visitor guesses.
fn datum() -> impl Strategy<Value = Metric> {
    (numbers(), numbers(), option::weighted(0.3, 0..40u32), value()).prop_map(|(alias, timestamp, datatype, value)| {
        Metric { alias: Some(alias), timestamp: Some(timestamp), datatype, value: Some(value), ..Default::default() }
    })
}

fn payload() -> impl Strategy<Value = generated::Payload> {
    let metric = prop_oneof![1 => any_metric(), 2 => datum()];
    let body = option::weighted(0.1, vec(any::<u8>(), 0..30));
    (option::of(numbers()), vec(metric, 0..20), option::of(numbers()), option::weighted(0.1, ".{0,9}"), body)
        .prop_map(|(timestamp, metrics, seq, uuid, body)| generated::Payload { timestamp, metrics, seq, uuid, body })
}

/// What the visitor read, put back into prost's types.
fn as_prost(payload: &Payload, bytes: &[u8]) -> generated::Payload {
    let text = |span: Span| String::from_utf8(span.of(bytes).to_vec()).unwrap();
    generated::Payload {
        timestamp: payload.timestamp.map(|timestamp| timestamp.0),
        metrics: payload.metrics.iter().map(|metric| metric_as_prost(metric, bytes)).collect(),
        seq: payload.seq,
        uuid: payload.uuid.map(text),
        body: payload.body.map(|body| body.of(bytes).to_vec()),
    }
}

fn metric_as_prost(metric: &RawMetric, bytes: &[u8]) -> Metric {
    let value = match metric.wire_value(bytes) {
        WireValue::Absent | WireValue::Null => None,
        WireValue::Int(value) => Some(metric::Value::IntValue(value)),
        WireValue::Long(value) => Some(metric::Value::LongValue(value)),
        WireValue::Float(value) => Some(metric::Value::FloatValue(value)),
        WireValue::Double(value) => Some(metric::Value::DoubleValue(value)),
        WireValue::Boolean(value) => Some(metric::Value::BooleanValue(value)),
        WireValue::String(value) => Some(metric::Value::StringValue(value.to_owned())),
        WireValue::Bytes(value) => Some(metric::Value::BytesValue(value.to_vec())),
        WireValue::DataSet(value) => Some(metric::Value::DatasetValue(prost::Message::decode(value).unwrap())),
        WireValue::Template(value) => Some(metric::Value::TemplateValue(prost::Message::decode(value).unwrap())),
        WireValue::Extension(_) => unreachable!("never generated"),
    };
    Metric {
        name: metric.name(bytes).map(str::to_owned),
        alias: metric.alias(),
        timestamp: metric.timestamp().map(|timestamp| timestamp.0),
        datatype: Some(metric.datatype()),
        is_historical: Some(metric.is_historical()),
        is_transient: Some(metric.is_transient()),
        is_null: Some(metric.is_null()),
        metadata: metric.metadata().map(|span| MetaData::decode(span.of(bytes)).unwrap()),
        properties: metric.properties().map(|span| PropertySet::decode(span.of(bytes)).unwrap()),
        value,
    }
}

/// The visitor tells an absent flag or datatype from its default as little as it needs to, and null from a value not at
/// all.
fn normal(mut payload: generated::Payload) -> generated::Payload {
    for metric in &mut payload.metrics {
        metric.datatype = Some(metric.datatype.unwrap_or_default());
        metric.is_historical = Some(metric.is_historical.unwrap_or_default());
        metric.is_transient = Some(metric.is_transient.unwrap_or_default());
        metric.is_null = Some(metric.is_null.unwrap_or_default());
        if metric.is_null == Some(true) {
            metric.value = None;
        }
    }
    payload
}

/// Bit for bit, so that NaN equals itself.
fn same(left: &generated::Payload, right: &generated::Payload) -> bool {
    left.encode_to_vec() == right.encode_to_vec()
}

fn has_sub_message(metric: &RawMetric, bytes: &[u8]) -> bool {
    let value = metric.wire_value(bytes);
    let is_encoded = matches!(value, WireValue::DataSet(_) | WireValue::Template(_) | WireValue::Extension(_));
    // Null hides the value.
    metric.properties().is_some() || metric.metadata().is_some() || metric.is_null() || is_encoded
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_visitor_reads_what_prost_and_rust_protobuf_write(expected in payload()) {
        let ours = expected.encode_to_vec();
        let theirs = sparkplug_rs::Payload::parse_from_bytes(&ours).unwrap().write_to_bytes().unwrap();
        let mut payload = Payload::new();
        prop_assume!(!ours.is_empty());
        for bytes in [ours, theirs] {
            prop_assert_eq!(decode(&bytes, &Limits::default(), &mut payload), Ok(()));
            let read = as_prost(&payload, &bytes);
            prop_assert!(same(&read, &normal(expected.clone())), "{read:?}\nis not\n{expected:?}");
        }
    }

    #[test]
    fn the_visitor_and_prost_agree_on_damaged_payloads(
        payload in payload(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = payload.encode_to_vec();
        prop_assume!(!bytes.is_empty());
        for (index, byte) in damage {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        let mut payload = Payload::new();
        let ours = decode(&bytes, &Limits::default(), &mut payload);
        let prost = generated::Payload::decode(&bytes[..]);
        match (ours, prost) {
            // What prost merges or recurses into, the visitor refuses.
            (Err(DecodeError::Repeated | DecodeError::Group), Ok(_)) => {}
            (Ok(()), Ok(prost)) => {
                let is_comparable = |metric: &RawMetric| !matches!(metric.wire_value(&bytes), WireValue::Extension(_));
                if payload.metrics.iter().all(is_comparable) {
                    prop_assert!(same(&as_prost(&payload, &bytes), &normal(prost)));
                }
            }
            // What lies within a sub-message, prost looks at and the visitor leaves to whoever asks.
            (Ok(()), Err(_)) => prop_assert!(payload.metrics.iter().any(|metric| has_sub_message(metric, &bytes))),
            (Err(_), Err(_)) => {}
            (Err(error), Ok(prost)) => prop_assert!(false, "{error}, but prost reads {prost:?}"),
        }
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in vec(any::<u8>(), 0..300)) {
        let mut payload = Payload::new();
        if decode(&bytes, &Limits::default(), &mut payload).is_ok() {
            for metric in &payload.metrics {
                metric.name(&bytes);
                if let Some(span) = metric.properties() {
                    let _ = Properties::parse(&bytes, span, &Limits::default()).map(|all| all.iter().count());
                }
                for datatype in DataType::ALL {
                    if let Ok(Value::Array(array)) = interpret(datatype, metric.wire_value(&bytes)) {
                        prop_assert_eq!(array.iter().count(), array.len());
                    }
                }
            }
        }
    }
}
