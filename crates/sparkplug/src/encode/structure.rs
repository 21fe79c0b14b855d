//! Values with an inside, being written: DataSets, Templates, property sets.
//!
//! Each value is checked against the type it is declared with, as metrics' values are. What relates the parts to each
//! other (a row as long as there are columns, an instance that refers to a definition) cannot be said wrongly.

use super::{MetricBuilder, to_wire};
use crate::{DataType, Mismatch, Value, WireValue, generated::payload};
use payload::{data_set, property_value, template};

/// A DataSet being written.
#[derive(Clone, Debug, Default)]
pub struct DataSetBuilder {
    pub(super) data_set: payload::DataSet,
    types: Vec<DataType>,
}

impl DataSetBuilder {
    /// A DataSet without rows.
    pub fn new<'a>(columns: impl IntoIterator<Item = (&'a str, DataType)>) -> DataSetBuilder {
        let (names, types): (Vec<_>, Vec<_>) = columns.into_iter().map(|(name, each)| (name.to_owned(), each)).unzip();
        let data_set = payload::DataSet {
            num_of_columns: Some(names.len() as u64),
            columns: names,
            types: types.iter().map(|each| each.number()).collect(),
            rows: Vec::new(),
        };
        DataSetBuilder { data_set, types }
    }

    /// With one more row.
    ///
    /// # Errors
    /// [`Mismatch`]: a cell is no value of its column's type; [`Mismatch::DataSet`]: the row has not as many cells as
    /// there are columns.
    pub fn row(mut self, cells: &[Value<'_>]) -> Result<DataSetBuilder, Mismatch> {
        use data_set::cell::Value as Cell;
        if cells.len() != self.types.len() {
            return Err(Mismatch::DataSet);
        }
        let cell = |(&value, &datatype): (&Value<'_>, &DataType)| {
            let value = match to_wire(datatype, value)? {
                WireValue::Null => None,
                WireValue::Int(value) => Some(Cell::IntValue(value)),
                WireValue::Long(value) => Some(Cell::LongValue(value)),
                WireValue::Float(value) => Some(Cell::FloatValue(value)),
                WireValue::Double(value) => Some(Cell::DoubleValue(value)),
                WireValue::Boolean(value) => Some(Cell::BooleanValue(value)),
                WireValue::String(value) => Some(Cell::StringValue(value.to_owned())),
                WireValue::Absent
                | WireValue::Bytes(_)
                | WireValue::DataSet(_)
                | WireValue::Template(_)
                | WireValue::Extension(_) => return Err(Mismatch::Kind),
            };
            Ok(data_set::Cell { value })
        };
        let elements = cells.iter().zip(&self.types).map(cell).collect::<Result<_, _>>()?;
        self.data_set.rows.push(data_set::Row { elements });
        Ok(self)
    }
}

/// A Template being written.
#[derive(Clone, Debug, Default)]
pub struct TemplateBuilder {
    pub(super) template: payload::Template,
}

impl TemplateBuilder {
    /// What a type looks like; its name is its metric's. For NBIRTHs (`tck-id-payloads-template-definition-nbirth-only`).
    pub fn definition() -> TemplateBuilder {
        TemplateBuilder { template: payload::Template { is_definition: Some(true), ..Default::default() } }
    }

    /// An instance of the definition with this name.
    pub fn instance(definition: &str) -> TemplateBuilder {
        let template_ref = Some(definition.to_owned());
        TemplateBuilder {
            template: payload::Template { is_definition: Some(false), template_ref, ..Default::default() },
        }
    }

    /// Of this version.
    #[must_use]
    pub fn version(mut self, version: &str) -> TemplateBuilder {
        self.template.version = Some(version.to_owned());
        self
    }

    /// With one more member.
    #[must_use]
    pub fn metric(mut self, metric: MetricBuilder) -> TemplateBuilder {
        self.template.metrics.push(metric.metric);
        self
    }

    /// With one more parameter; [`Value::Null`] for one without a default.
    ///
    /// # Errors
    /// [`Mismatch`]: the value is none of that type, or not one a parameter can have.
    pub fn parameter(mut self, name: &str, datatype: DataType, value: Value<'_>) -> Result<TemplateBuilder, Mismatch> {
        use template::parameter::Value as Field;
        let value = match to_wire(datatype, value)? {
            WireValue::Null => None,
            WireValue::Int(value) => Some(Field::IntValue(value)),
            WireValue::Long(value) => Some(Field::LongValue(value)),
            WireValue::Float(value) => Some(Field::FloatValue(value)),
            WireValue::Double(value) => Some(Field::DoubleValue(value)),
            WireValue::Boolean(value) => Some(Field::BooleanValue(value)),
            WireValue::String(value) => Some(Field::StringValue(value.to_owned())),
            WireValue::Absent
            | WireValue::Bytes(_)
            | WireValue::DataSet(_)
            | WireValue::Template(_)
            | WireValue::Extension(_) => return Err(Mismatch::Kind),
        };
        let parameter = template::Parameter { name: Some(name.to_owned()), r#type: Some(datatype.number()), value };
        self.template.parameters.push(parameter);
        Ok(self)
    }
}

/// A property set being written.
#[derive(Clone, Debug, Default)]
pub struct PropertiesBuilder {
    pub(super) set: payload::PropertySet,
}

impl PropertiesBuilder {
    /// No properties.
    pub fn new() -> PropertiesBuilder {
        PropertiesBuilder::default()
    }

    /// With one more property.
    ///
    /// # Errors
    /// [`Mismatch`]: the value is none of that type, or not one a property can have.
    pub fn property(self, key: &str, datatype: DataType, value: Value<'_>) -> Result<PropertiesBuilder, Mismatch> {
        use property_value::Value as Field;
        let value = match to_wire(datatype, value)? {
            WireValue::Null => None,
            WireValue::Int(value) => Some(Field::IntValue(value)),
            WireValue::Long(value) => Some(Field::LongValue(value)),
            WireValue::Float(value) => Some(Field::FloatValue(value)),
            WireValue::Double(value) => Some(Field::DoubleValue(value)),
            WireValue::Boolean(value) => Some(Field::BooleanValue(value)),
            WireValue::String(value) => Some(Field::StringValue(value.to_owned())),
            WireValue::Absent
            | WireValue::Bytes(_)
            | WireValue::DataSet(_)
            | WireValue::Template(_)
            | WireValue::Extension(_) => return Err(Mismatch::Kind),
        };
        Ok(self.push(key, datatype, value))
    }

    /// With a property that is a property set.
    #[must_use]
    pub fn set(self, key: &str, set: PropertiesBuilder) -> PropertiesBuilder {
        self.push(key, DataType::PropertySet, Some(property_value::Value::PropertysetValue(set.set)))
    }

    /// With a property that is a list of property sets.
    #[must_use]
    pub fn list(self, key: &str, sets: impl IntoIterator<Item = PropertiesBuilder>) -> PropertiesBuilder {
        let list = payload::PropertySetList { propertyset: sets.into_iter().map(|set| set.set).collect() };
        self.push(key, DataType::PropertySetList, Some(property_value::Value::PropertysetsValue(list)))
    }

    fn push(mut self, key: &str, datatype: DataType, value: Option<property_value::Value>) -> PropertiesBuilder {
        let is_null = value.is_none().then_some(true);
        self.set.keys.push(key.to_owned());
        self.set.values.push(payload::PropertyValue { r#type: Some(datatype.number()), is_null, value });
        self
    }
}
