//! Payloads meant to hurt: each is refused, or costs only what it broke.

use factree_sparkplug::{
    encode::{MetricBuilder, PayloadBuilder},
    generated::payload::{PropertySet, PropertySetList, PropertyValue, property_value},
    *,
};
use prost::Message as _;
use std::time::{Duration, Instant};

fn refused(bytes: &[u8]) -> Option<DecodeError> {
    let mut payload = Payload::new();
    let error = decode(bytes, &Limits::default(), &mut payload).err();
    assert!(error.is_none() || payload.metrics.is_empty(), "a refused payload leaves nothing");
    error
}

#[test]
fn sp04_nested_groups_are_refused_at_the_first() {
    assert_eq!(refused(&[0x7B; 100_000]), Some(DecodeError::Group));
    // The same inside a metric.
    let mut bytes = vec![0x12, 0xA0, 0x8D, 0x06];
    bytes.extend([0x7B; 100_000]);
    assert_eq!(refused(&bytes), Some(DecodeError::Field));
    bytes.splice(4.., [[0xAB, 0x01]; 50_000].concat());
    assert_eq!(refused(&bytes), Some(DecodeError::Group));
}

#[test]
fn sp05_half_a_million_empty_metrics_are_counted_before_memory_is_spent() {
    let bytes = [0x12, 0x00].repeat(524_288);
    let mut payload = Payload::new();
    assert_eq!(decode(&bytes, &Limits::default(), &mut payload), Err(DecodeError::TooManyMetrics));
    assert!(payload.metrics.capacity() * size_of::<RawMetric>() < 256 * 1024);
    assert_eq!(decode(&[0x12, 0x00].repeat(50_000), &Limits::default(), &mut payload), Err(DecodeError::HollowMetrics));
    assert_eq!(decode(&[0x12, 0x00].repeat(8), &Limits::default(), &mut payload), Ok(()), "a few may be empty");
    let allowed = [0x12, 0x04, 0x10, 0x01, 0x38, 0x01].repeat(50_000);
    assert_eq!(decode(&allowed, &Limits::default(), &mut payload), Ok(()));
    assert_eq!(payload.metrics.len(), 50_000);
    let taken = payload.metrics.capacity() * size_of::<RawMetric>();
    assert!(taken < 10 * allowed.len(), "{taken} bytes of memory for {} of payload", allowed.len());
    payload.trim(1000);
    assert!(payload.metrics.capacity() < 2000, "a huge payload's memory can be given back");
}

#[test]
fn sizes_are_bounded() {
    let limits = Limits { payload_bytes_max: 40, name_bytes_max: 10, ..Limits::default() };
    let named = |name: &str| PayloadBuilder::at(Timestamp(1)).metric(MetricBuilder::named(name)).encode();
    let mut payload = Payload::new();
    assert_eq!(decode(&named("ten bytes."), &limits, &mut payload), Ok(()));
    assert_eq!(decode(&named("eleven bytes"), &limits, &mut payload), Err(DecodeError::NameTooLong));
    assert_eq!(decode(&named(&"x".repeat(60)), &limits, &mut payload), Err(DecodeError::PayloadTooLarge));
}

#[test]
fn what_protobuf_forbids_is_refused() {
    assert_eq!(refused(&[0x08]), Some(DecodeError::Truncated));
    assert_eq!(refused(&[0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02]), Some(DecodeError::Varint));
    assert_eq!(refused(&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 0x00]), Some(DecodeError::Varint));
    assert_eq!(refused(&[0x00, 0x00]), Some(DecodeError::Field));
    assert_eq!(refused(&[0x09, 0, 0, 0, 0, 0, 0, 0, 0]), Some(DecodeError::Field), "a timestamp as fixed64");
    assert_eq!(refused(&[0x0F]), Some(DecodeError::Field), "wire type 7");
    assert_eq!(refused(&[0x12, 0x03, 0x0A, 0x01, 0xFF]), Some(DecodeError::Utf8));
    assert_eq!(refused(&[0x12, 0x04, 0x4A, 0x00, 0x4A, 0x00]), Some(DecodeError::Repeated));
}

#[test]
fn the_last_of_a_repeated_field_wins_and_unknown_fields_are_skipped() {
    let mut payload = Payload::new();
    let metric = [0x10, 1, 0x18, 5, 0x10, 2, 0x50, 9, 0x70, 1, 0xA2, 0x06, 1, 0xFF];
    let mut bytes = vec![0x18, 3, 0x12, metric.len() as u8];
    bytes.extend(metric);
    bytes.extend([0x18, 4, 0x35, 1, 2, 3, 4]);
    decode(&bytes, &Limits::default(), &mut payload).unwrap();
    assert_eq!(payload.seq, Some(4));
    assert_eq!(payload.metrics[0].alias(), Some(2));
    assert_eq!(payload.metrics[0].wire_value(&bytes), WireValue::Boolean(true), "the last of a oneof");
}

fn property(value: property_value::Value) -> PropertyValue {
    PropertyValue { r#type: Some(12), is_null: None, value: Some(value) }
}

/// A payload of one metric with these properties, and what the reader makes of them.
fn properties(set: PropertySet) -> Result<usize, PropertyFault> {
    let metric = generated::payload::Metric {
        name: Some("m".to_owned()),
        properties: Some(set),
        value: Some(generated::payload::metric::Value::IntValue(7)),
        ..Default::default()
    };
    let bytes = generated::Payload { metrics: vec![metric], ..Default::default() }.encode_to_vec();
    let mut payload = Payload::new();
    decode(&bytes, &Limits::default(), &mut payload).expect("the metric is kept");
    assert_eq!(payload.metrics[0].wire_value(&bytes), WireValue::Int(7));
    Properties::parse(&bytes, payload.metrics[0].properties().unwrap(), &Limits::default()).map(|all| all.len())
}

#[test]
fn sp09_properties_that_do_not_pair_up_are_dropped_and_the_metric_kept() {
    let text = || property(property_value::Value::StringValue("x".to_owned()));
    let set = |keys: usize, values: usize| PropertySet {
        keys: (0..keys).map(|key| key.to_string()).collect(),
        values: (0..values).map(|_| text()).collect(),
    };
    assert_eq!(properties(set(2, 2)), Ok(2));
    assert_eq!(properties(set(2, 1)), Err(PropertyFault::KeysAndValues));
    assert_eq!(properties(set(0, 1)), Err(PropertyFault::KeysAndValues));
    assert_eq!(properties(set(300, 300)), Err(PropertyFault::TooMany));
}

#[test]
fn sp09_properties_nested_a_hundred_deep_are_dropped_and_the_metric_kept() {
    let nested = |depth: usize| {
        (1..depth).fold(PropertySet::default(), |inner, _| {
            let list = PropertySetList { propertyset: vec![inner] };
            let value = property(property_value::Value::PropertysetsValue(list));
            PropertySet { keys: vec!["k".to_owned()], values: vec![value] }
        })
    };
    assert_eq!(properties(nested(8)), Ok(1));
    assert_eq!(properties(nested(9)), Err(PropertyFault::TooDeep));
    assert_eq!(properties(nested(100)), Err(PropertyFault::TooDeep));
}

#[test]
fn sp10_an_unknown_datatype_costs_its_metric_only() {
    for datatype in [0, 35, u32::MAX] {
        let mut odd = MetricBuilder::named("odd").boolean(true).into_inner();
        odd.datatype = Some(datatype);
        let good = MetricBuilder::named("good").boolean(true).into_inner();
        let bytes = generated::Payload { metrics: vec![odd, good], ..Default::default() }.encode_to_vec();
        let mut payload = Payload::new();
        decode(&bytes, &Limits::default(), &mut payload).unwrap();
        let values = payload.metrics.iter().map(|metric| {
            interpret(DataType::from_wire(metric.datatype()).unwrap_or_default(), metric.wire_value(&bytes))
        });
        assert_eq!(values.collect::<Vec<_>>(), [Err(Mismatch::Datatype), Ok(Value::Boolean(true))]);
    }
}

#[test]
fn sp12_any_timestamp_is_kept_as_sent() {
    for timestamp in [0, 1 << 63, u64::MAX, u64::MAX - 1] {
        let datum = || MetricBuilder::aliased(1).at(Timestamp(timestamp)).boolean(true);
        let bytes = PayloadBuilder::at(Timestamp(timestamp)).seq(Seq::ZERO).metrics([datum(), datum()]).encode();
        let mut payload = Payload::new();
        decode(&bytes, &Limits::default(), &mut payload).unwrap();
        assert_eq!(payload.timestamp, Some(Timestamp(timestamp)));
        assert!(payload.metrics.iter().all(|metric| metric.timestamp() == Some(Timestamp(timestamp))));
        let topic = Topic::parse("spBv1.0/g/DDEATH/e/d").unwrap();
        let mut outputs = Outputs::new();
        let now = Now { instant: Instant::now(), wall: Timestamp(timestamp) };
        let input = Input::Message {
            session: SessionKey(1),
            qos: 0,
            retained: false,
            topic,
            published: &bytes,
            bytes: &bytes,
            payload: &payload,
        };
        Host::new(Limits::default()).handle(now, &input, &mut outputs);
        assert!(!outputs.is_empty());
    }
}

#[test]
fn sp27_a_metric_fifty_thousand_times_in_one_payload_is_one_finding_and_fast() {
    let metrics = |metric: MetricBuilder| std::iter::repeat_n(metric, 50_000);
    let birth =
        PayloadBuilder::default().seq(Seq::ZERO).metrics(metrics(MetricBuilder::named("m").alias(1).boolean(true)));
    let data = PayloadBuilder::default().seq(Seq::new(1)).metrics(metrics(MetricBuilder::aliased(1).boolean(true)));
    let (mut host, mut payload, mut outputs) = (Host::new(Limits::default()), Payload::new(), Outputs::new());
    let now = Now { instant: Instant::now(), wall: Timestamp(0) };
    for (topic, bytes) in [("spBv1.0/g/NBIRTH/e", birth.encode()), ("spBv1.0/g/NDATA/e", data.encode())] {
        let started = Instant::now();
        decode(&bytes, &Limits::default(), &mut payload).unwrap();
        outputs.clear();
        let topic = Topic::parse(topic).unwrap();
        let input = Input::Message {
            session: SessionKey(1),
            qos: 0,
            retained: false,
            topic,
            published: &bytes,
            bytes: &bytes,
            payload: &payload,
        };
        host.handle(now, &input, &mut outputs);
        assert!(started.elapsed() < Duration::from_secs(2), "a quadratic cost would be minutes");
        assert!(outputs.iter().count() < 10);
    }
    let data = outputs.iter().find_map(|output| if let Output::Data(data) = output { Some(data) } else { None });
    let data = data.expect("the data is applied");
    assert_eq!(outputs.updates(data).last().map(|update| update.position), Some(49_999), "the last value wins");
}
