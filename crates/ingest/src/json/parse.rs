//! JSON straight into the tree's form.
//!
//! serde_json's own tree has a node of 632 bytes for an object of one field, eighty times the text of a list of such objects, and
//! would only be copied from. Here each value is made once, as it stays. Nesting is bounded by the parser.
//! Knows nothing of what a value means. Invariant: the fields of an object are in the order of their names, each once; of several
//! with one name the last counts.

use std::fmt;
use std::sync::Arc;

use factree_namespace::Value;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// An object's fields.
pub(crate) type Fields = [(Arc<str>, Value)];

/// What a payload says, if it is JSON.
pub(crate) fn parse(payload: &[u8]) -> Option<Value> {
    serde_json::from_slice(payload).ok().map(|Parsed(value)| value)
}

/// The field of this name.
pub(crate) fn field<'f>(fields: &'f Fields, name: &str) -> Option<&'f Value> {
    let found = fields.binary_search_by(|(field, _)| (**field).cmp(name)).ok()?;
    Some(&fields[found].1)
}

struct Parsed(Value);

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything).map(Parsed)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::UInt(value), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Double(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Parsed(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut fields: Vec<(Arc<str>, Value)> = Vec::new();
        while let Some((Name(name), Parsed(value))) = members.next_entry()? {
            fields.push((name, value));
        }
        // Stable: of those with one name the last one said is the last.
        fields.sort_by(|(one, _), (other, _)| one.cmp(other));
        fields.dedup_by(|later, earlier| {
            let is_same = later.0 == earlier.0;
            if is_same {
                std::mem::swap(later, earlier);
            }
            is_same
        });
        Ok(Value::Object(fields.into()))
    }
}

struct Name(Arc<str>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(Name)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Arc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Arc<str>, E> {
        Ok(name.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Number, Value as Json};

    use super::*;

    fn json() -> impl Strategy<Value = Json> {
        let number = prop_oneof![
            any::<i64>().prop_map(Number::from),
            any::<u64>().prop_map(Number::from),
            any::<f64>().prop_filter_map("JSON has no such number", Number::from_f64),
        ];
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            number.prop_map(Json::Number),
            any::<String>().prop_map(Json::String),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
                proptest::collection::vec((any::<String>(), inner), 0..5)
                    .prop_map(|fields| Json::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn of(json: &Json) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Boolean(*value),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => Value::Int(value),
                (None, Some(value)) => Value::UInt(value),
                (None, None) => Value::Double(number.as_f64().unwrap()),
            },
            Json::String(text) => Value::String(text.as_str().into()),
            Json::Array(items) => Value::List(items.iter().map(of).collect()),
            Json::Object(fields) => {
                Value::Object(fields.iter().map(|(name, field)| (name.as_str().into(), of(field))).collect())
            }
        }
    }

    proptest! {
        #[test]
        fn what_serde_json_reads_is_read_alike(json in json()) {
            prop_assert_eq!(parse(json.to_string().as_bytes()), Some(of(&json)));
        }

        #[test]
        fn any_bytes_are_read_or_refused_as_serde_json_does(bytes in "[\\[\\]{}\",:0-9aeEtrufls.\\\\ -]{0,40}") {
            let theirs = serde_json::from_slice::<Json>(bytes.as_bytes()).ok();
            prop_assert_eq!(parse(bytes.as_bytes()), theirs.as_ref().map(of));
        }
    }

    #[test]
    fn the_last_of_several_fields_with_one_name_counts() {
        let Some(Value::Object(fields)) = parse(br#"{"b":1,"a":2,"b":3,"b":[4]}"#) else { panic!("an object") };
        assert_eq!(fields.len(), 2);
        assert_eq!(field(&fields, "a"), Some(&Value::Int(2)));
        assert_eq!(field(&fields, "b"), Some(&Value::List([Value::Int(4)].into())));
        assert_eq!(field(&fields, "c"), None);
        assert_eq!((parse(b"[1] 2"), parse(b""), parse("[".repeat(1_000).as_bytes())), (None, None, None));
    }
}
