//! What a rule demands of a value, and in which way a value fails it.
//!
//! A range is about numbers and leaves everything else alone; a list of values is about everything but null; a schema is about
//! JSON. Null is no value, so it breaks neither range nor list.
//! Knows no path and nobody who publishes. Invariant: what is said of a value is at most [`CLIPPED`] bytes, however large it is.

use factree_namespace::Value;
use serde_json::{Number, Value as Json};

use super::Parsed;
use super::schema::Schema;

/// Bytes that are kept of anything that peers have written.
pub(crate) const CLIPPED: usize = 256;

/// What a rule demands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demand {
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    pub(crate) one_of: Option<Box<[Json]>>,
    pub(crate) schema: Option<Schema>,
}

/// In which way something is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum BreachKind {
    OneOf,
    Range,
    Schema,
    /// No rule of the operator's: a plain payload that is text and not JSON.
    NotJson,
    /// None either: a plain payload with two fields for one place, or one for none.
    Collision,
    /// None either: a plain payload, or a field of it, that a limit keeps out of the tree.
    Beyond,
}

impl BreachKind {
    pub(crate) const ALL: [BreachKind; 6] =
        [Self::OneOf, Self::Range, Self::Schema, Self::NotJson, Self::Collision, Self::Beyond];

    /// What it goes by in findings and metrics.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::OneOf => "governance-one-of",
            Self::Range => "governance-range",
            Self::Schema => "governance-schema",
            Self::NotJson => "json-invalid",
            Self::Collision => "json-collision",
            Self::Beyond => "factree-limit-plain",
        }
    }

    /// What is asked for.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::OneOf => "A value is one of those that its rule names.",
            Self::Range => "A number is within the range of its rule.",
            Self::Schema => "What is published is as the JSON Schema of its rule describes it.",
            Self::NotJson => {
                "A payload on a plain topic is JSON; what is not is kept as text or bytes, with Bad quality."
            }
            Self::Collision => "Each field of a payload on a plain topic has a place of its own.",
            Self::Beyond => {
                "What a plain topic says stays within the limits; what does not is NULL and Bad in the tree."
            }
        }
    }
}

/// A value is not as a rule wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    pub(crate) kind: BreachKind,
    /// What is wrong with it, for people.
    pub(crate) why: Box<str>,
}

impl Breach {
    pub(crate) fn new(kind: BreachKind, why: &str) -> Self {
        Self { kind, why: clip(why).into() }
    }
}

impl Demand {
    /// Holds one value against the range and the list.
    pub(crate) fn judge_value(&self, value: &Value) -> Option<Breach> {
        let wrong = |kind, why: &str| Some(Breach::new(kind, &format!("{} {why}", shown(value))));
        if is_nan(value) && (self.low.is_some() || self.high.is_some()) {
            return wrong(BreachKind::Range, "is in no range");
        }
        match (self.low, self.high) {
            (Some(low), _) if is_below(value, low) => return wrong(BreachKind::Range, &format!("is below {low}")),
            (_, Some(high)) if is_above(value, high) => return wrong(BreachKind::Range, &format!("is above {high}")),
            (_, _) => {}
        }
        match &self.one_of {
            Some(allowed) if *value != Value::Null && !allowed.iter().any(|allowed| is(value, allowed)) => {
                wrong(BreachKind::OneOf, "is none of the values allowed")
            }
            Some(_) | None => None,
        }
    }

    /// Holds a payload against the schema.
    pub(crate) fn judge_payload(&self, payload: &mut Parsed<'_>) -> Option<Breach> {
        let schema = self.schema.as_ref()?;
        match payload.json() {
            Some(json) => schema.judge(json).map(|why| Breach::new(BreachKind::Schema, &why)),
            None => Some(Breach::new(BreachKind::Schema, "it is no JSON")),
        }
    }

    /// Holds a value that is no JSON of its own against the schema. Bytes have no form in JSON that a schema could mean.
    pub(crate) fn judge_as_json(&self, value: &Value) -> Option<Breach> {
        let schema = self.schema.as_ref().filter(|_| !matches!(value, Value::Bytes(_)))?;
        schema.judge(&json(value)).map(|why| Breach::new(BreachKind::Schema, &why))
    }

    /// What cannot be judged breaks the demand, or a payload would only have to be large to pass.
    pub(crate) fn unjudged(&self, why: &str) -> Breach {
        let kind = match self {
            Self { schema: Some(_), .. } => BreachKind::Schema,
            Self { one_of: Some(_), .. } => BreachKind::OneOf,
            Self { .. } => BreachKind::Range,
        };
        Breach::new(kind, why)
    }

    /// Whether it is about single values, and not only about what is published whole.
    pub(crate) fn is_about_values(&self) -> bool {
        self.low.is_some() || self.high.is_some() || self.one_of.is_some()
    }
}

fn is_nan(value: &Value) -> bool {
    match value {
        Value::Float(number) => number.is_nan(),
        Value::Double(number) => number.is_nan(),
        _ => false,
    }
}

/// A bound is as wide as the number it is held against: 0.1 in 32 bits is not above 0.1 in 64.
fn is_below(value: &Value, low: f64) -> bool {
    match *value {
        Value::Int(number) => (number as f64) < low,
        Value::UInt(number) => (number as f64) < low,
        Value::Float(number) => number < low as f32,
        Value::Double(number) => number < low,
        _ => false,
    }
}

fn is_above(value: &Value, high: f64) -> bool {
    match *value {
        Value::Int(number) => number as f64 > high,
        Value::UInt(number) => number as f64 > high,
        Value::Float(number) => number > high as f32,
        Value::Double(number) => number > high,
        _ => false,
    }
}

/// Whether a value is the one that a list names.
fn is(value: &Value, named: &Json) -> bool {
    match (value, named) {
        (Value::Boolean(value), Json::Bool(named)) => value == named,
        (Value::String(text), Json::String(named)) => **text == **named,
        (Value::Int(value), Json::Number(named)) => {
            named.as_i64() == Some(*value) || named.as_f64() == Some(*value as f64)
        }
        (Value::UInt(value), Json::Number(named)) => {
            named.as_u64() == Some(*value) || named.as_f64() == Some(*value as f64)
        }
        (Value::Float(value), Json::Number(named)) => named.as_f64().is_some_and(|named| named as f32 == *value),
        (Value::Double(value), Json::Number(named)) => named.as_f64() == Some(*value),
        (_, _) => false,
    }
}

/// A value as JSON, as the API writes it.
fn json(value: &Value) -> Json {
    let number = |number: f64, text: &dyn Fn() -> String| {
        Number::from_f64(number).map_or_else(|| Json::from(text()), Json::Number)
    };
    match value {
        Value::Null | Value::Bytes(_) => Json::Null,
        Value::Boolean(value) => Json::from(*value),
        Value::Int(value) => Json::from(*value),
        Value::UInt(value) => Json::from(*value),
        // The shortest digits that mean the same 32 bits: 21.4 is a multiple of 0.1, 21.399999618530273 is not.
        Value::Float(value) => match value.is_finite() {
            true => serde_json::from_str(&format!("{value:e}")).expect("a finite number is JSON"),
            false => Json::from(value.to_string()),
        },
        Value::Double(value) => number(*value, &|| value.to_string()),
        Value::DateTime(millis) => {
            let time = i64::try_from(*millis).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
            time.map_or_else(|| Json::from(*millis), |time| Json::from(time.to_string()))
        }
        Value::String(text) => Json::from(&**text),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Object(fields) => {
            Json::Object(fields.iter().map(|(name, value)| (name.to_string(), json(value))).collect())
        }
    }
}

/// A value for people, in a line.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => format!("({} bytes)", bytes.len()),
        // Clipped before it is written out: text may be long.
        Value::String(text) => Json::from(clip(text)).to_string(),
        Value::List(items) => format!("(a list of {})", items.len()),
        Value::Object(fields) => format!("(an object of {})", fields.len()),
        value => json(value).to_string(),
    }
}

/// The beginning of a text, no more than is kept.
pub(crate) fn clip(text: &str) -> &str {
    &text[..text.floor_char_boundary(CLIPPED)]
}
