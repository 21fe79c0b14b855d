//! What a metric of a Birth declares beside its type and value, in the tree's words.
//!
//! Unit and description come from its properties by the names clients use, or the description from its metadata; what a
//! File's metadata says and what a Template instance is of become properties of the element.
//! Knows no place and no value. Invariant: what is declared is bounded before it is copied, so that a garrulous metric loses
//! words and not its place in the tree.

use std::sync::Arc;

use factree_namespace::Metadata;
use factree_sparkplug as sparkplug;
use sparkplug::{MetaData, Properties, RawMetric, Template, Value, WireValue};

/// The property that names the definition of a Template instance.
pub(crate) const TEMPLATE_REF: &str = "template_ref";

/// Bytes of all names and texts that may become an element's properties; those beyond are left out.
const PROPERTIES_BYTES_MAX: usize = 4096;

/// The metadata of a metric's element.
pub(crate) fn metadata(raw: &RawMetric, bytes: &[u8], limits: &sparkplug::Limits) -> Metadata {
    let properties = raw.properties().and_then(|span| Properties::parse(bytes, span, limits).ok());
    let about = raw.metadata().and_then(|span| MetaData::parse(bytes, span).ok());
    let text = |text: Option<&str>| text.map(Into::into);
    let description = properties.as_ref().and_then(Properties::description);
    let mut said = Said::default();
    if let Some(about) = &about {
        said.file(about);
    }
    if let WireValue::Template(encoded) = raw.wire_value(bytes)
        && let Ok(template) = Template::parse(encoded)
        && !template.is_definition()
    {
        said.instance(template);
    }
    Metadata {
        unit: text(properties.as_ref().and_then(Properties::unit)),
        description: text(description.or(about.and_then(|about| about.description))),
        properties: said.properties,
    }
}

/// Properties, as far as there is room for them.
#[derive(Default)]
struct Said {
    properties: Vec<(Arc<str>, Arc<str>)>,
    bytes: usize,
}

impl Said {
    fn say(&mut self, name: &str, text: &str) {
        let bytes = self.bytes + name.len() + text.len();
        if bytes <= PROPERTIES_BYTES_MAX {
            self.bytes = bytes;
            self.properties.push((name.into(), text.into()));
        }
    }

    fn file(&mut self, about: &MetaData<'_>) {
        let texts = [
            ("content_type", about.content_type),
            ("file_name", about.file_name),
            ("file_type", about.file_type),
            ("md5", about.md5),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                self.say(name, text);
            }
        }
    }

    fn instance(&mut self, template: Template<'_>) {
        if let Some(reference) = template.reference() {
            self.say(TEMPLATE_REF, reference);
        }
        if let Some(version) = template.version() {
            self.say("template_version", version);
        }
        for parameter in template.parameters() {
            if let Ok(value) = parameter.value {
                self.say(&format!("parameters/{}", parameter.name), &shown(value));
            }
        }
    }
}

/// A parameter's value, which is a number, a text or nothing.
fn shown(value: Value<'_>) -> String {
    match value {
        Value::Boolean(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::UInt(value) | Value::DateTime(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::String(value) => value.to_owned(),
        Value::Null | Value::Bytes(_) | Value::Array(_) | Value::DataSet(_) | Value::Template(_) => String::new(),
    }
}
