//! `[name]` and `[[name]]`: whether a table stands once or is one of a list.
//!
//! Brackets that are one too few or too many are what people mistype most, and serde would tell them about maps and sequences;
//! worse, it takes `http = []` for a table without a key. Here a table is a table, and the refusal says how to write it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// `[name]`
pub(super) fn one<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    from.deserialize_map(One(PhantomData))
}

/// `[name]`, or none.
pub(super) fn one_if_any<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    one(from).map(Some)
}

/// `[[name]]`, any number.
pub(super) fn each<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    from.deserialize_seq(Each(PhantomData))
}

/// `[[name]]`, any number, and whether it is there at all.
pub(super) fn each_if_any<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<Vec<T>>, D::Error> {
    each(from).map(Some)
}

struct One<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for One<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one table, written [name] and not [[name]]")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

struct Each<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Each<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of tables, each written [[name]] and not [name]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut tables = Vec::new();
        while let Some(Table(table)) = list.next_element()? {
            tables.push(table);
        }
        Ok(tables)
    }
}

/// One of a list.
struct Table<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        one(from).map(Table)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Overrides};

    fn refusal(text: &str) -> String {
        Config::parse(text, Overrides::default()).expect_err(text).to_string()
    }

    #[test]
    fn too_many_brackets_are_told_with_the_line_and_how_to_write_it() {
        let single = ["auth", "mqtt", "http", "data", "namespace", "namespace.mqtt", "sparkplug", "audit", "limits"];
        for name in single.into_iter().chain(["auth.certificates", "auth.token"]) {
            let why = refusal(&format!("\n[[{name}]]\n"));
            assert!(why.contains("line 2") && why.contains("written [name] and not [[name]]"), "{name}: {why}");
        }
        let why = refusal("http = []");
        assert!(why.contains("one table"), "{why}");
    }

    #[test]
    fn too_few_brackets_are_told_with_the_line_and_how_to_write_it() {
        let lists = ["sparkplug", "topics", "element", "type", "instance", "rule", "context"];
        let lists = lists.map(|name| format!("namespace.{name}"));
        let others = ["attach", "mqtt.listeners", "auth.role", "auth.certificates.map", "auth.token.map"];
        for name in others.map(String::from).into_iter().chain(lists) {
            let why = refusal(&format!("\n[{name}]\n"));
            assert!(why.contains("line 2") && why.contains("written [[name]] and not [name]"), "{name}: {why}");
        }
        let why = refusal("[[namespace.type]]\nname = \"Motor\"\n[namespace.type.member]\nname = \"rpm\"");
        assert!(why.contains("line 3") && why.contains("written [[name]]"), "{why}");
        let why = refusal("[namespace]\nsparkplug = [[\"{site}\"]]");
        assert!(why.contains("line 2") && why.contains("one table"), "{why}");
    }
}
