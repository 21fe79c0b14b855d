//! Lines for a shell: how to ask what an operation is about, with the examples of the document.
//!
//! Invariant: a line is one command for a POSIX shell, whatever the examples hold.

use serde_json::{Map, Value};
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::{OpenApi, RefOr, Required, Schema};

use super::ADDRESS;

/// The line for an operation.
pub(super) fn line(document: &OpenApi, method: &str, path: &str, operation: &Operation) -> String {
    let mut address = path.to_owned();
    let mut query = String::new();
    let is_to_get = operation.request_body.is_none();
    for parameter in parameters(operation) {
        // The library keeps the member to itself.
        let parameter_json = serde_json::to_value(parameter).expect("a part of a document is JSON");
        let Some(text) = parameter_json.get("example").map(text) else { continue };
        match parameter.parameter_in {
            ParameterIn::Path => {
                address = address.replace(&format!("{{{}}}", parameter.name), &crate::path::encode(&text));
            }
            ParameterIn::Query if parameter.required == Required::True && is_to_get => {
                query.push_str(&format!(" --data-urlencode {}", quoted(&format!("{}={text}", parameter.name))));
            }
            // With -G the body would be part of the address.
            ParameterIn::Query if parameter.required == Required::True => {
                let mark = if address.contains('?') { '&' } else { '?' };
                address.push_str(&format!("{mark}{}={}", parameter.name, crate::path::encode(&text)));
            }
            _ => {}
        }
    }
    // A stream is shown as it comes.
    let how = match (method, path.ends_with("/stream")) {
        ("GET", true) => " -N".to_owned(),
        ("GET", false) => String::new(),
        (method, _) => format!(" -X {method}"),
    };
    let get = if query.is_empty() { "" } else { " -G" };
    let json = |body: Value| format!(" -H 'content-type: application/json' -d {}", quoted(&body.to_string()));
    let body = body(document, operation).map(json).unwrap_or_default();
    format!("curl{how}{get} {}{query}{body}", quoted(&format!("http://{ADDRESS}{address}")))
}

/// The parameters of an operation.
pub(super) fn parameters(operation: &Operation) -> impl Iterator<Item = &Parameter> {
    operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    })
}

/// An example of the JSON that an operation takes.
fn body(document: &OpenApi, operation: &Operation) -> Option<Value> {
    let RefOr::T(body) = operation.request_body.as_ref()? else { return None };
    let RefOr::T(content) = body.content.values().next()? else { return None };
    Some(example(document, content.schema.as_ref()?))
}

/// An example of a schema: its own, or one made of what it must have; `null` if there is none.
pub(super) fn example(document: &OpenApi, schema: &RefOr<Schema>) -> Value {
    let schema = match schema {
        RefOr::Ref(name) => match named(document, &name.ref_location) {
            Some(schema) => return example(document, schema),
            None => return Value::Null,
        },
        RefOr::T(schema) => schema,
    };
    match schema {
        Schema::Object(object) => {
            let of_property = |(name, property): (&String, &RefOr<Schema>)| (name.clone(), example(document, property));
            let own = object.example.clone().or_else(|| object.examples.first().cloned());
            let word = object.enum_values.as_ref().and_then(|words| words.first().cloned());
            own.or(word).unwrap_or_else(|| {
                let properties = object.properties.iter().filter(|(name, property)| {
                    object.required.contains(name)
                        || matches!(property, RefOr::T(Schema::Object(it)) if it.example.is_some())
                });
                let properties: Map<String, Value> = properties.map(of_property).collect();
                if properties.is_empty() { Value::Null } else { Value::Object(properties) }
            })
        }
        Schema::Array(array) => array.example.clone().unwrap_or(Value::Null),
        Schema::OneOf(one_of) => one_of.items.first().map_or(Value::Null, |first| example(document, first)),
        _ => Value::Null,
    }
}

/// The schema that a reference means.
pub(super) fn named<'d>(document: &'d OpenApi, reference: &str) -> Option<&'d RefOr<Schema>> {
    document.components.as_ref()?.schemas.get(name_of(reference))
}

/// The name at the end of a reference.
pub(super) fn name_of(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}

/// An example as text; of several the first.
fn text(example: &Value) -> String {
    let one = example.as_array().and_then(|several| several.first()).unwrap_or(example);
    one.as_str().map_or_else(|| one.to_string(), str::to_owned)
}

/// In single quotes, as a POSIX shell takes it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
