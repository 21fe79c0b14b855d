//! The Template definitions of a birth in the tree's words.
//!
//! A definition's name is its metric's, without the prefix that Tahu's clients put before it. Its members say their units,
//! descriptions and ranges by their properties, as metrics of a birth do. An instance in a birth is to have every member
//! (`tck-id-payloads-template-instance-members-birth`), so all of them are required.
//! Knows no tree. Invariant: a Template that is broken defines nothing.

use std::sync::Arc;

use factree_namespace::{Member, MemberType, Metadata, Parameter, TypeDefinition, Value};
use factree_sparkplug as sparkplug;
use sparkplug::{BornMetric, DataType, RawMetric, Template, WireValue};

use crate::edge_nodes::Received;
use crate::{convert, declare};

/// The types that the metrics of a birth define.
pub(crate) fn types(metrics: &[BornMetric], received: &Received<'_>) -> Vec<TypeDefinition> {
    let templates = metrics.iter().filter(|metric| metric.datatype == DataType::Template);
    templates.filter_map(|metric| definition(metric.position, received)).collect()
}

fn definition(position: u32, received: &Received<'_>) -> Option<TypeDefinition> {
    let &Received { bytes, payload, limits, .. } = received;
    let raw = payload.metric(position);
    let WireValue::Template(encoded) = raw.wire_value(bytes) else { return None };
    if payload.template_fault(position).is_some() {
        return None;
    }
    let template = Template::parse(encoded).ok().filter(Template::is_definition)?;
    let name = payload.name_of(bytes, position)?;
    let name = Some(Template::type_name(&name)).filter(|name| !name.is_empty())?;
    let member = |raw: RawMetric| member(&raw, template.bytes(), limits);
    Some(
        TypeDefinition::named(name)
            .labelled(template.version().map(Into::into))
            .described(declare::metadata(raw, bytes, limits).description)
            .with_members(template.metrics().filter_map(member).collect())
            .with_parameters(template.parameters().map(parameter).collect()),
    )
}

fn member(raw: &RawMetric, bytes: &[u8], limits: &sparkplug::Limits) -> Option<Member> {
    let name = raw.name(bytes)?;
    let datatype = DataType::from_wire(raw.datatype()).unwrap_or_default();
    let instance_of = || match raw.wire_value(bytes) {
        WireValue::Template(encoded) => Template::parse(encoded).ok()?.reference().map(Template::type_name),
        _ => None,
    };
    let of = match (datatype, instance_of()) {
        (DataType::Template, Some(name)) => MemberType::Type(name.into()),
        (DataType::Unknown, _) => MemberType::Any,
        (datatype, _) => MemberType::Value(convert::datatype(datatype)),
    };
    let Metadata { unit, description, low, high, .. } = declare::metadata(raw, bytes, limits);
    let metadata = Arc::new(Metadata { unit, description, low, high, ..Metadata::default() });
    Some(Member { name: name.into(), of, is_required: true, metadata })
}

fn parameter(parameter: sparkplug::Parameter<'_>) -> Parameter {
    Parameter {
        name: parameter.name.into(),
        datatype: convert::datatype(parameter.datatype),
        default: parameter.value.map_or(Value::Null, convert::item),
    }
}
