//! The configuration as it is understood: the file's keys with the command line above them, and no secret among them.
//!
//! What is left out in the file has its default and is left out here; `factree check` shows the limits that follow from it.
//! Invariant: the value of a key that may hold a password is printed as `…`, whatever it is.

use toml::{Table, Value};

use super::Config;

const HIDDEN: &str = "…";

impl Config {
    /// The configuration as TOML, with secrets hidden.
    pub fn printed(&self) -> String {
        let mut keys = self.keys.clone();
        let mut set = |table: &str, key: &str, value: String| {
            if let Value::Table(table) = keys.entry(table).or_insert_with(|| Value::Table(Table::new())) {
                table.insert(key.into(), Value::String(value));
            }
        };
        set("mqtt", "listen", self.mqtt.map_or_else(|| "off".into(), |address| address.to_string()));
        set("http", "listen", self.http.to_string());
        set("data", "directory", self.data.display().to_string());
        hide(&mut keys);
        keys.to_string()
    }
}

fn hide(table: &mut Table) {
    for (key, value) in table.iter_mut() {
        match value {
            _ if key == "password" => *value = Value::String(HIDDEN.into()),
            Value::String(text) => hide_in_url(text),
            Value::Table(inner) => hide(inner),
            Value::Array(values) => values.iter_mut().for_each(|value| match value {
                Value::Table(inner) => hide(inner),
                Value::String(text) => hide_in_url(text),
                _ => {}
            }),
            _ => {}
        }
    }
}

/// `mqtt://user:password@broker`
fn hide_in_url(text: &mut String) {
    let Some((scheme, rest)) = text.split_once("://") else { return };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some((login, _)) = authority.rsplit_once('@')
        && let Some((user, _)) = login.split_once(':')
    {
        *text = format!("{scheme}://{user}:{HIDDEN}{}", &rest[login.len()..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;

    #[test]
    fn what_is_printed_can_be_read_again_and_holds_no_password() {
        let file = "[data]\ndirectory = \"d\"\n[[attach]]\nurl = \"mqtt://b\"\nusername = \"u\"\npassword = \"hunter2\"\n\
                    [[attach]]\nname = \"other\"\nurl = \"mqtt://u:hunter2@other:1884\"\n[limits]\nsessions_max = 7";
        let overrides = Overrides { mqtt: Some("127.0.0.1:2883".parse().unwrap()), ..Overrides::default() };
        let printed = Config::parse(file, overrides).unwrap().printed();
        assert!(!printed.contains("hunter2") && printed.contains("mqtt://u:…@other:1884"), "{printed}");
        assert!(printed.contains("2883") && printed.contains("sessions_max = 7"), "{printed}");
        assert_eq!(Config::parse(&printed, Overrides::default()).unwrap().mqtt.unwrap().port(), 2883);
    }
}
