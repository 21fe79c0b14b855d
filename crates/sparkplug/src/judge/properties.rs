//! Properties: their types, and what 'Quality' may be.

use crate::{
    DataType, Limits, Properties, PropertyFault, PropertyValue, Span,
    host::finding::{self, Reporter},
};

/// Judges the properties of the metric at `position`; `is_birth` ones need types.
pub(super) fn judge(
    bytes: &[u8],
    span: Span,
    is_birth: bool,
    limits: &Limits,
    position: usize,
    reporter: &mut Reporter<'_>,
) {
    let properties = match Properties::parse(bytes, span, limits) {
        Ok(properties) => properties,
        Err(fault) => {
            let rule = match fault {
                PropertyFault::KeysAndValues => finding::PROPERTIES_KEYS,
                PropertyFault::TooDeep | PropertyFault::TooMany => finding::PROPERTIES_FULL,
                PropertyFault::Malformed(_) => finding::PROPERTIES,
            };
            return reporter.report_metric(rule, position);
        }
    };
    judge_types(properties, is_birth, position, reporter);
    for property in properties.iter().filter(|property| property.key == "Quality") {
        if property.datatype != 0 && property.datatype != DataType::Int32.number() {
            reporter.report_metric(finding::QUALITY_TYPE, position);
        }
        if !matches!(property.value, PropertyValue::Int(0 | 192 | 500)) {
            reporter.report_metric(finding::QUALITY_VALUE, position);
        }
    }
}

/// Nested sets too: parsing has bounded their depth.
fn judge_types(properties: Properties<'_>, is_birth: bool, position: usize, reporter: &mut Reporter<'_>) {
    for property in properties.iter() {
        match DataType::from_wire(property.datatype) {
            Some(DataType::Unknown) if is_birth => reporter.report_metric(finding::PROPERTY_TYPE_MISSING, position),
            Some(DataType::Unknown | DataType::PropertySet | DataType::PropertySetList) => {}
            Some(datatype) if datatype <= DataType::UUID => {}
            Some(_) | None => reporter.report_metric(finding::PROPERTY_TYPE, position),
        }
        match property.value {
            PropertyValue::Set(set) => judge_types(set, is_birth, position, reporter),
            PropertyValue::SetList(sets) => {
                sets.iter().for_each(|set| judge_types(set, is_birth, position, reporter));
            }
            _ => {}
        }
    }
}
