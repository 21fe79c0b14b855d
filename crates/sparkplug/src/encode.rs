//! Payloads on their way out: what we ask of Edge Nodes, and what a simulated Edge Node says.
//!
//! A thin layer over the generated prost types that gets the small print right: which field a datatype's value goes
//! into, what a rebirth request must carry. Not the hot path; it allocates.

mod array;
mod compress;
mod structure;

pub use array::pack_array;
pub use compress::Algorithm;
pub use structure::{DataSetBuilder, PropertiesBuilder, TemplateBuilder};

use crate::{BdSeq, DataType, MetaData, Mismatch, Seq, Timestamp, Value, generated, interpret, payload::WireValue};
use generated::payload::{DataSet, PropertySet, PropertyValue, Template, metric, property_value};
use prost::Message;

/// The metric with which an Edge Node takes rebirth requests.
pub const REBIRTH: &str = "Node Control/Rebirth";

/// The metric that tells which NBIRTH an NDEATH belongs to.
pub const BD_SEQ: &str = "bdSeq";

/// The payload of an NCMD that asks an Edge Node for a rebirth: the metric by name, with its datatype, a payload
/// timestamp and no seq (`tck-id-operational-behavior-data-commands-ncmd-rebirth-name`, `-value`,
/// `tck-id-payloads-ncmd-seq`).
///
/// `tck-id-payloads-metric-datatype-not-req` advises against the datatype, but npm's sparkplug-client reads a metric
/// without one as null and ignores the request, and the TCK credits the value only with it.
pub fn rebirth_request(at: Timestamp) -> Vec<u8> {
    PayloadBuilder::at(at).metric(MetricBuilder::named(REBIRTH).at(at).boolean(true)).encode()
}

/// The payload of an NDEATH: the bdSeq and nothing else, no seq (`tck-id-topics-ndeath-payload`,
/// `tck-id-payloads-ndeath-seq`).
pub fn ndeath(bd_seq: BdSeq) -> Vec<u8> {
    PayloadBuilder::default().metric(MetricBuilder::bd_seq(bd_seq)).encode()
}

/// A payload being written.
#[derive(Clone, Debug, Default)]
pub struct PayloadBuilder {
    payload: generated::Payload,
}

impl PayloadBuilder {
    /// A payload sent at this time.
    pub fn at(timestamp: Timestamp) -> PayloadBuilder {
        PayloadBuilder { payload: generated::Payload { timestamp: Some(timestamp.0), ..Default::default() } }
    }

    /// With this sequence number; every message of an Edge Node but NDEATH has one.
    #[must_use]
    pub fn seq(mut self, seq: Seq) -> PayloadBuilder {
        self.payload.seq = Some(seq.get().into());
        self
    }

    /// With one more metric.
    #[must_use]
    pub fn metric(mut self, metric: MetricBuilder) -> PayloadBuilder {
        self.payload.metrics.push(metric.metric);
        self
    }

    /// With more metrics.
    #[must_use]
    pub fn metrics(mut self, metrics: impl IntoIterator<Item = MetricBuilder>) -> PayloadBuilder {
        self.payload.metrics.extend(metrics.into_iter().map(|metric| metric.metric));
        self
    }

    /// The payload's bytes.
    pub fn encode(&self) -> Vec<u8> {
        self.payload.encode_to_vec()
    }
}

/// A metric being written.
#[derive(Clone, Debug, Default)]
pub struct MetricBuilder {
    metric: generated::payload::Metric,
}

impl MetricBuilder {
    /// A metric by its name.
    pub fn named(name: &str) -> MetricBuilder {
        MetricBuilder { metric: generated::payload::Metric { name: Some(name.to_owned()), ..Default::default() } }
    }

    /// A metric by its metric alias, as in DATA.
    pub fn aliased(alias: u64) -> MetricBuilder {
        MetricBuilder::default().alias(alias)
    }

    /// The metric `bdSeq`: an Int64, 0 to 255.
    pub fn bd_seq(bd_seq: BdSeq) -> MetricBuilder {
        let mut metric = MetricBuilder::named(BD_SEQ).declare(DataType::Int64);
        metric.metric.value = Some(metric::Value::LongValue(bd_seq.get().into()));
        metric
    }

    /// With this metric alias.
    #[must_use]
    pub fn alias(mut self, alias: u64) -> MetricBuilder {
        self.metric.alias = Some(alias);
        self
    }

    /// Captured at this time.
    #[must_use]
    pub fn at(mut self, timestamp: Timestamp) -> MetricBuilder {
        self.metric.timestamp = Some(timestamp.0);
        self
    }

    /// Declares the datatype, as births must and DATA should not.
    #[must_use]
    pub fn declare(mut self, datatype: DataType) -> MetricBuilder {
        self.metric.datatype = Some(datatype.number());
        self
    }

    /// From the past: not the live value.
    #[must_use]
    pub fn historical(mut self) -> MetricBuilder {
        self.metric.is_historical = Some(true);
        self
    }

    /// Not to be stored.
    #[must_use]
    pub fn transient(mut self) -> MetricBuilder {
        self.metric.is_transient = Some(true);
        self
    }

    /// A boolean, declared as one.
    #[must_use]
    pub fn boolean(mut self, value: bool) -> MetricBuilder {
        self.metric.value = Some(metric::Value::BooleanValue(value));
        self.declare(DataType::Boolean)
    }

    /// With this value of this datatype, in the field the specification wants. Does not declare the datatype.
    ///
    /// # Errors
    /// [`Mismatch`] when the value is none of that datatype, for instance 300 as an Int8.
    pub fn value(mut self, datatype: DataType, value: Value<'_>) -> Result<MetricBuilder, Mismatch> {
        let wire = to_wire(datatype, value)?;
        self.metric.is_null = matches!(wire, WireValue::Null).then_some(true);
        self.metric.value = match wire {
            WireValue::Absent | WireValue::Null => None,
            WireValue::Int(value) => Some(metric::Value::IntValue(value)),
            WireValue::Long(value) => Some(metric::Value::LongValue(value)),
            WireValue::Float(value) => Some(metric::Value::FloatValue(value)),
            WireValue::Double(value) => Some(metric::Value::DoubleValue(value)),
            WireValue::Boolean(value) => Some(metric::Value::BooleanValue(value)),
            WireValue::String(value) => Some(metric::Value::StringValue(value.to_owned())),
            WireValue::Bytes(value) => Some(metric::Value::BytesValue(value.to_vec())),
            WireValue::DataSet(value) => {
                Some(metric::Value::DatasetValue(DataSet::decode(value).map_err(|_| Mismatch::Kind)?))
            }
            WireValue::Template(value) => {
                Some(metric::Value::TemplateValue(Template::decode(value).map_err(|_| Mismatch::Kind)?))
            }
            WireValue::Extension(_) => return Err(Mismatch::Kind),
        };
        Ok(self)
    }

    /// With a number in the field for long numbers in place of that for integers: for whoever looks for a UInt32 there.
    #[must_use]
    pub fn long(mut self) -> MetricBuilder {
        if let Some(metric::Value::IntValue(value)) = self.metric.value {
            self.metric.value = Some(metric::Value::LongValue(value.into()));
        }
        self
    }

    /// A DataSet, declared as one.
    #[must_use]
    pub fn data_set(mut self, data_set: DataSetBuilder) -> MetricBuilder {
        self.metric.value = Some(metric::Value::DatasetValue(data_set.data_set));
        self.declare(DataType::DataSet)
    }

    /// A Template, declared as one: a definition or an instance.
    #[must_use]
    pub fn template(mut self, template: TemplateBuilder) -> MetricBuilder {
        self.metric.value = Some(metric::Value::TemplateValue(template.template));
        self.declare(DataType::Template)
    }

    /// With these properties in place of those it has.
    #[must_use]
    pub fn properties(mut self, properties: PropertiesBuilder) -> MetricBuilder {
        self.metric.properties = Some(properties.set);
        self
    }

    /// With this metadata.
    #[must_use]
    pub fn metadata(mut self, metadata: &MetaData<'_>) -> MetricBuilder {
        let text = |text: Option<&str>| text.map(str::to_owned);
        self.metric.metadata = Some(generated::payload::MetaData {
            is_multi_part: metadata.is_multi_part,
            content_type: text(metadata.content_type),
            size: metadata.size,
            seq: metadata.seq,
            file_name: text(metadata.file_name),
            file_type: text(metadata.file_type),
            md5: text(metadata.md5),
            description: text(metadata.description),
        });
        self
    }

    /// With one more property, a text.
    #[must_use]
    pub fn text_property(self, key: &str, text: &str) -> MetricBuilder {
        self.property(key, DataType::String, property_value::Value::StringValue(text.to_owned()))
    }

    /// With one more property.
    #[must_use]
    pub fn property(mut self, key: &str, datatype: DataType, value: property_value::Value) -> MetricBuilder {
        let properties = self.metric.properties.get_or_insert_with(PropertySet::default);
        properties.keys.push(key.to_owned());
        properties.values.push(PropertyValue { r#type: Some(datatype.number()), is_null: None, value: Some(value) });
        self
    }

    /// The generated metric, for what the builder has no word for.
    pub fn into_inner(self) -> generated::payload::Metric {
        self.metric
    }
}

/// The field of the wire that holds `value`, checked by reading it back.
fn to_wire<'a>(datatype: DataType, value: Value<'a>) -> Result<WireValue<'a>, Mismatch> {
    let wire = match (datatype, value) {
        (_, Value::Null) => WireValue::Null,
        (_, Value::Boolean(value)) => WireValue::Boolean(value),
        (DataType::Int64, Value::Int(value)) => WireValue::Long(value.cast_unsigned()),
        (_, Value::Int(value)) => WireValue::Int(i32::try_from(value).map_err(|_| Mismatch::Range)?.cast_unsigned()),
        (DataType::UInt64, Value::UInt(value)) => WireValue::Long(value),
        (_, Value::UInt(value)) => WireValue::Int(u32::try_from(value).map_err(|_| Mismatch::Range)?),
        (_, Value::Float(value)) => WireValue::Float(value),
        (_, Value::Double(value)) => WireValue::Double(value),
        (_, Value::String(value)) => WireValue::String(value),
        (_, Value::DateTime(value)) => WireValue::Long(value),
        (_, Value::Bytes(value)) => WireValue::Bytes(value),
        (_, Value::Array(array)) => WireValue::Bytes(array.bytes()),
        (_, Value::DataSet(value)) => WireValue::DataSet(value.bytes()),
        (_, Value::Template(value)) => WireValue::Template(value.bytes()),
    };
    match (interpret(datatype, wire)?, value) {
        // Read back with its high bits cut off: 200 is no Int8.
        (Value::Int(read), Value::Int(value)) if read != value => Err(Mismatch::Range),
        (read, value) if std::mem::discriminant(&read) != std::mem::discriminant(&value) => Err(Mismatch::Kind),
        _ => Ok(wire),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Array, Limits, Payload, decode};

    fn decoded(bytes: &[u8]) -> Payload {
        let mut payload = Payload::new();
        decode(bytes, &Limits::default(), &mut payload).unwrap();
        payload
    }

    #[test]
    fn a_rebirth_request_is_what_edge_nodes_and_the_tck_accept() {
        let bytes = rebirth_request(Timestamp(1_795_298_431_756));
        let payload = decoded(&bytes);
        assert_eq!((payload.timestamp, payload.seq), (Some(Timestamp(1_795_298_431_756)), None));
        let [metric] = &payload.metrics[..] else { panic!("one metric") };
        assert_eq!(metric.name(&bytes), Some("Node Control/Rebirth"));
        assert_eq!(metric.datatype(), DataType::Boolean.number());
        assert_eq!(metric.wire_value(&bytes), WireValue::Boolean(true));
    }

    #[test]
    fn an_ndeath_is_its_bd_seq() {
        let bytes = ndeath(BdSeq::new(200));
        let payload = decoded(&bytes);
        assert_eq!((payload.seq, payload.metrics.len()), (None, 1));
        assert_eq!(payload.metrics[0].name(&bytes), Some("bdSeq"));
        assert_eq!(payload.metrics[0].wire_value(&bytes), WireValue::Long(200));
    }

    #[test]
    fn every_kind_of_value_comes_back() {
        let array = Array::new(DataType::Int16Array, &[1, 0, 255, 255]).unwrap();
        for (datatype, value) in [
            (DataType::Int8, Value::Int(-5)),
            (DataType::Int16, Value::Int(-30_000)),
            (DataType::Int32, Value::Int(i32::MIN.into())),
            (DataType::Int64, Value::Int(i64::MIN)),
            (DataType::UInt8, Value::UInt(250)),
            (DataType::UInt32, Value::UInt(u32::MAX.into())),
            (DataType::UInt64, Value::UInt(u64::MAX)),
            (DataType::Float, Value::Float(1.5)),
            (DataType::Double, Value::Double(-0.1)),
            (DataType::Boolean, Value::Boolean(false)),
            (DataType::Text, Value::String("héllo ✓")),
            (DataType::DateTime, Value::DateTime(u64::MAX)),
            (DataType::Bytes, Value::Bytes(&[0, 255])),
            (DataType::Int16Array, Value::Array(array)),
            (DataType::DataSet, Value::DataSet(crate::DataSet::parse(&[8, 1, 18, 1, 97, 24, 3]).unwrap())),
            (DataType::Template, Value::Template(crate::Template::parse(&[0x28, 1]).unwrap())),
            (DataType::Double, Value::Null),
        ] {
            let metric = MetricBuilder::aliased(1).value(datatype, value).unwrap();
            let bytes = PayloadBuilder::default().metric(metric).encode();
            let read = interpret(datatype, decoded(&bytes).metrics[0].wire_value(&bytes));
            assert_eq!(read, Ok(value), "{datatype}");
        }
    }

    #[test]
    fn a_value_of_another_kind_or_out_of_range_is_refused() {
        for (datatype, value, expected) in [
            (DataType::Int8, Value::Int(300), Mismatch::Range),
            (DataType::Int8, Value::Int(200), Mismatch::Range),
            (DataType::Int32, Value::Int(1 << 40), Mismatch::Range),
            (DataType::UInt8, Value::UInt(256), Mismatch::Range),
            (DataType::UInt8, Value::Int(5), Mismatch::Kind),
            (DataType::Double, Value::Float(1.0), Mismatch::Kind),
            (DataType::String, Value::Boolean(true), Mismatch::Kind),
            (DataType::Unknown, Value::Boolean(true), Mismatch::Datatype),
        ] {
            assert_eq!(MetricBuilder::named("m").value(datatype, value).err(), Some(expected), "{datatype} {value:?}");
        }
    }
}
