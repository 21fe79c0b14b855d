//! What a metric of a Birth declares beside its type and value, in the tree's words.
//!
//! Unit, description and range come from its properties by the names clients use (a convention of theirs, not of the
//! specification; upper and lower case are the same), or the description from its metadata. The properties that are left (those
//! in sets by their paths), what a File's metadata says and what a Template instance is of become properties of the element.
//! Knows no place and no value. Invariant: what is declared is bounded before it is copied, so that a garrulous metric loses
//! words and not its place in the tree.

use std::sync::Arc;

use factree_namespace::{Bound, Metadata};
use factree_sparkplug as sparkplug;
use sparkplug::{MetaData, Properties, Property, PropertyValue, RawMetric, Template, Value, WireValue};

/// The property that names the definition of a Template instance.
pub(crate) const TEMPLATE_REF: &str = "template_ref";

/// Bytes of all names and texts that may become an element's properties, and of the name of its type; those beyond are left
/// out.
const PROPERTIES_BYTES_MAX: usize = 4096;

/// The metadata of a metric's element.
pub(crate) fn metadata(raw: &RawMetric, bytes: &[u8], limits: &sparkplug::Limits) -> Metadata {
    let mut metadata = Metadata::default();
    let mut said = Said::default();
    let properties = raw.properties().and_then(|span| Properties::parse(bytes, span, limits).ok());
    if let Some(properties) = properties {
        properties.iter().for_each(|property| said.property(&mut metadata, property));
    }
    if let Some(about) = raw.metadata().and_then(|span| MetaData::parse(bytes, span).ok()) {
        said.file(&about);
        if metadata.description.is_none() {
            metadata.description = about.description.map(Into::into);
        }
    }
    if let WireValue::Template(encoded) = raw.wire_value(bytes)
        && let Ok(template) = Template::parse(encoded)
        && !template.is_definition()
    {
        said.instance(template);
        let name = template.reference().map(Template::type_name);
        metadata.instance_of = name.filter(|name| name.len() <= PROPERTIES_BYTES_MAX).map(Into::into);
    }
    metadata.properties = said.properties;
    metadata
}

/// What a property is to the element, by the names that clients have for it, in lower case.
const UNIT: [&str; 4] = ["engunit", "engunits", "unit", "units"];
const DESCRIPTION: [&str; 3] = ["description", "documentation", "desc"];
const LOW: [&str; 6] = ["englow", "low", "lowlimit", "min", "minimum", "minvalue"];
const HIGH: [&str; 6] = ["enghigh", "high", "highlimit", "max", "maximum", "maxvalue"];
/// The sample's own: see [`Properties::quality`].
const QUALITY: &str = "quality";

/// What a name beside a value stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Unit,
    Description,
    Low,
    High,
}

/// What a name stands for, if it is one of those.
pub(crate) fn meaning(name: &str) -> Option<Meaning> {
    match name {
        _ if is_any(name, &UNIT) => Some(Meaning::Unit),
        _ if is_any(name, &DESCRIPTION) => Some(Meaning::Description),
        _ if is_any(name, &LOW) => Some(Meaning::Low),
        _ if is_any(name, &HIGH) => Some(Meaning::High),
        _ => None,
    }
}

fn is_any(key: &str, names: &[&str]) -> bool {
    names.iter().any(|name| key.eq_ignore_ascii_case(name))
}

/// So many properties inside of others are looked at; a list of sets may have millions.
const NESTED_MAX: usize = 1024;

/// Properties, as far as there is room for them.
#[derive(Default)]
struct Said {
    properties: Vec<(Arc<str>, Arc<str>)>,
    bytes: usize,
    /// How many inside of others have been looked at.
    nested: usize,
}

impl Said {
    fn say(&mut self, name: &str, text: &str) {
        if let Some(at) = self.properties.iter().position(|(known, _)| **known == *name) {
            let (known, former) = self.properties.remove(at);
            self.bytes -= known.len() + former.len();
        }
        let bytes = self.bytes + name.len() + text.len();
        if bytes <= PROPERTIES_BYTES_MAX {
            self.bytes = bytes;
            self.properties.push((name.into(), text.into()));
        }
    }

    /// Of a key that comes twice the later one counts, and of two names for the same thing too.
    fn property(&mut self, metadata: &mut Metadata, Property { key, datatype, value }: Property<'_>) {
        let text = |value| match value {
            PropertyValue::String(text) => Some(text),
            _ => None,
        };
        let bound = |value| number(datatype, value).and_then(Bound::new);
        if is_any(key, &UNIT) && text(value).is_some() {
            metadata.unit = text(value).map(Into::into);
        } else if is_any(key, &DESCRIPTION) && text(value).is_some() {
            metadata.description = text(value).map(Into::into);
        } else if is_any(key, &LOW) && bound(value).is_some() {
            metadata.low = bound(value);
        } else if is_any(key, &HIGH) && bound(value).is_some() {
            metadata.high = bound(value);
        } else if !key.eq_ignore_ascii_case(QUALITY) {
            self.tell(key, datatype, value);
        }
    }

    /// A property that is nothing but that. What is in a set is told by its path: `set/key`, `list/0/key`.
    fn tell(&mut self, name: &str, datatype: u32, value: PropertyValue<'_>) {
        match (value, number(datatype, value)) {
            (PropertyValue::String(text), _) => self.say(name, text),
            (PropertyValue::Boolean(value), _) => self.say(name, &value.to_string()),
            (PropertyValue::Set(set), _) => self.set(name, set),
            (PropertyValue::SetList(list), _) => {
                for (number, set) in list.iter().enumerate() {
                    if !self.goes_on(name) {
                        return;
                    }
                    self.set(&format!("{name}/{number}"), set);
                }
            }
            (_, Some(number)) => self.say(name, &number.to_string()),
            // Extensions and nothing have no text.
            (_, None) => {}
        }
    }

    /// The properties of a set. [`Properties::parse`] has seen how deep they go.
    fn set(&mut self, name: &str, set: Properties<'_>) {
        for Property { key, datatype, value } in set.iter() {
            if !self.goes_on(name) {
                return;
            }
            if name.len() + key.len() < PROPERTIES_BYTES_MAX {
                self.tell(&format!("{name}/{key}"), datatype, value);
            }
        }
    }

    /// Whether another property inside of one of this name is to be looked at.
    fn goes_on(&mut self, name: &str) -> bool {
        self.nested += 1;
        self.nested <= NESTED_MAX && name.len() < PROPERTIES_BYTES_MAX
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
        if let Some(size) = about.size {
            self.say("size", &size.to_string());
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

/// A property's value as a number. The declared type says whether an integer has a sign; doubles hold what people declare.
fn number(datatype: u32, value: PropertyValue<'_>) -> Option<f64> {
    use sparkplug::DataType::{Int8, Int16, Int32, Int64};
    let is_signed = matches!(sparkplug::DataType::from_wire(datatype), Some(Int8 | Int16 | Int32 | Int64));
    Some(match value {
        PropertyValue::Int(number) if is_signed => f64::from(number.cast_signed()),
        PropertyValue::Int(number) => f64::from(number),
        PropertyValue::Long(number) if is_signed => number.cast_signed() as f64,
        PropertyValue::Long(number) => number as f64,
        // By its digits: 0.1 is 0.1, and not what a Float is once it is made longer.
        PropertyValue::Float(number) => number.to_string().parse().ok()?,
        PropertyValue::Double(number) => number,
        _ => return None,
    })
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
