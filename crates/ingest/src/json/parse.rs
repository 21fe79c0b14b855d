//! JSON straight into the tree's form.
//!
//! serde_json's own tree has a node of 632 bytes for an object of one field, eighty times the text of a list of such objects, and
//! would only be copied from. Here each value is made once, as it stays. Nesting is bounded by the parser.
//! Knows nothing of what a value means. Invariant: the fields of an object are in the order of their names, each once; of several
//! with one name the last counts. What is not as it was spelled is noted.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;

use factree_namespace::Value;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::wide;

/// An object's fields.
pub(crate) type Fields = [(Arc<str>, Value)];

/// What a payload says.
#[derive(Debug, PartialEq)]
pub(crate) struct Parsed {
    pub(crate) value: Value,
    /// Numbers among those that are [`wide::is_wide`] have digits that a double does not hold.
    pub(crate) is_rounded: bool,
    /// A name that one object has more than once.
    pub(crate) twice: Option<Arc<str>>,
}

/// What a payload says, if it is JSON.
pub(crate) fn parse(payload: &[u8]) -> Option<Parsed> {
    let notes = Notes::default();
    match read(payload, &notes) {
        Ok(value) => {
            let is_rounded = notes.is_wide.get() && wide::is_rounded(payload);
            Some(Parsed { value, is_rounded, twice: notes.twice.into_inner() })
        }
        Err(_) => {
            let (held, notes) = (wide::held(payload)?, Notes::default());
            let value = read(&held, &notes).ok()?;
            Some(Parsed { value, is_rounded: true, twice: notes.twice.into_inner() })
        }
    }
}

fn read(payload: &[u8], notes: &Notes) -> serde_json::Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(payload);
    let value = Anything(notes).deserialize(&mut deserializer)?;
    deserializer.end().map(|()| value)
}

/// The field of this name.
pub(crate) fn field<'f>(fields: &'f Fields, name: &str) -> Option<&'f Value> {
    let found = fields.binary_search_by(|(field, _)| (**field).cmp(name)).ok()?;
    Some(&fields[found].1)
}

/// What is seen on the way.
#[derive(Default)]
struct Notes {
    is_wide: Cell<bool>,
    twice: RefCell<Option<Arc<str>>>,
}

#[derive(Clone, Copy)]
struct Anything<'n>(&'n Notes);

impl<'de> DeserializeSeed<'de> for Anything<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Anything<'_> {
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
        if wide::is_wide(value) {
            self.0.is_wide.set(true);
        }
        Ok(Value::Double(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::List(list.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut fields: Vec<(Arc<str>, Value)> = Vec::new();
        while let Some(Name(name)) = members.next_key()? {
            fields.push((name, members.next_value_seed(self)?));
        }
        // Stable: of those with one name the last one said is the last.
        fields.sort_by(|(one, _), (other, _)| one.cmp(other));
        fields.dedup_by(|later, earlier| {
            let is_same = later.0 == earlier.0;
            if is_same {
                self.0.twice.borrow_mut().get_or_insert_with(|| Arc::clone(&later.0));
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

    fn said(payload: &[u8]) -> Option<Value> {
        parse(payload).map(|parsed| parsed.value)
    }

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
            prop_assert_eq!(said(json.to_string().as_bytes()), Some(of(&json)));
        }

        #[test]
        fn any_bytes_are_read_or_refused_as_serde_json_does(bytes in "[\\[\\]{}\",:0-9aeEtrufls.\\\\ -]{0,40}") {
            let theirs = serde_json::from_slice::<Json>(bytes.as_bytes()).ok();
            prop_assume!(theirs.is_some() || wide::held(bytes.as_bytes()).is_none());
            prop_assert_eq!(said(bytes.as_bytes()), theirs.as_ref().map(of));
        }
    }

    #[test]
    fn the_last_of_several_fields_with_one_name_counts() {
        let parsed = parse(br#"{"b":1,"a":2,"b":3,"b":[4]}"#).unwrap();
        let Value::Object(fields) = parsed.value else { panic!("an object") };
        assert_eq!((fields.len(), parsed.twice.as_deref()), (2, Some("b")));
        assert_eq!(field(&fields, "a"), Some(&Value::Int(2)));
        assert_eq!(field(&fields, "b"), Some(&Value::List([Value::Int(4)].into())));
        assert_eq!(field(&fields, "c"), None);
        assert_eq!(said(b"[1e400]"), Some(Value::List([Value::Double(f64::MAX)].into())));
        assert_eq!((said(b"1.e400"), said(b"01e400"), said(b"1e400 x")), (None, None, None), "that is no JSON");
        assert_eq!((said(b"[1] 2"), said(b""), said("[".repeat(1_000).as_bytes())), (None, None, None));
    }
}
