//! The configuration as it is understood: the file's keys with the command line above them, and no secret among them.
//!
//! What is left out in the file has its default and is left out here; `factree check` shows the limits that follow from it. For the
//! record there is a picture of it, with the SHA-256 of the whole and its tables as far as they fit, who may do what first; and
//! single keys as they are.
//! Invariant: the value of a key that may hold a password is printed as `…`, whatever it is.

use factree_auth::audit::fingerprint;
use toml::{Table, Value};

use super::Config;

const HIDDEN: &str = "…";
/// Bytes of one value that are shown on record.
const SHOWN_BYTES_MAX: usize = 1_000;

impl Config {
    /// The configuration as TOML, with secrets hidden.
    pub fn printed(&self) -> String {
        self.told().to_string()
    }

    /// What tells it from others.
    pub(crate) fn fingerprint(&self) -> String {
        format!("sha256:{}", fingerprint(self.printed().as_bytes()))
    }

    /// A picture of it for the record, which cuts what is too long for a field.
    pub(crate) fn pictured(&self) -> String {
        let told = self.told();
        let (first, rest): (Vec<_>, Vec<_>) = told.iter().partition(|(key, _)| *key == "auth");
        let tables = first.into_iter().chain(rest).map(|(key, value)| format!("{key} = {value}"));
        std::iter::once(self.fingerprint()).chain(tables).collect::<Vec<_>>().join("; ")
    }

    fn told(&self) -> Table {
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
        keys
    }
}

/// A key and its value for the record, without secrets.
pub(crate) fn shown(key: &str, value: Option<&Value>) -> String {
    let Some(value) = value else { return format!("{key} left out") };
    let name = key.rsplit('.').next().unwrap_or(key);
    let mut table = Table::from_iter([(name.to_owned(), value.clone())]);
    hide(&mut table);
    let text = table[name].to_string();
    let end = text.floor_char_boundary(SHOWN_BYTES_MAX);
    format!("{key} = {}{}", &text[..end], if end < text.len() { HIDDEN } else { "" })
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

    #[test]
    fn on_record_there_is_no_secret_and_every_change_shows() {
        let parse = |file: &str| Config::parse(file, Overrides::default()).unwrap();
        let file = "[[attach]]\nurl = \"mqtt://u:hunter2@b\"\n[auth]\nanonymous = [\"reader\"]";
        let pictured = parse(file).pictured();
        assert!(pictured.contains("; auth = { anonymous = [\"reader\"] }; attach = [{"), "{pictured}");
        assert!(!pictured.contains("hunter2"), "{pictured}");
        assert_ne!(parse(file).fingerprint(), parse(&file.replace("reader", "admin")).fingerprint());
        let keys: Table = file.parse().unwrap();
        assert_eq!(shown("attach", keys.get("attach")), "attach = [{ url = \"mqtt://u:…@b\" }]");
        assert_eq!(shown("a.password", Some(&Value::String("hunter2".into()))), "a.password = \"…\"");
        assert_eq!(shown("http.hosts", None), "http.hosts left out");
    }
}
