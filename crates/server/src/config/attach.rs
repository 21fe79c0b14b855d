//! `[[attach]]`: foreign brokers, and `--attach URL` for one without further wishes.
//!
//! What is wrong here is told without showing what stands on its line: that may be a password (`told.rs`).
//! Invariant: names are unique, and no two attachments push each other out with one client id.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use factree_mqtt::{ProtocolVersion, TopicFilter};
use factree_sparkplug::HostId;
use serde::Deserialize;

use super::lines::at;
use super::{ConfigError, SparkplugConfig};
use crate::attach::{Attachment, ClientTls, Parsed, Secret, StateWord};
use crate::quantity::parse_duration;

/// More attachments than this are refused: each may hold a packet of the largest size.
const ATTACHMENTS_MAX: usize = 64;
/// Longest name; it becomes a label of every figure.
const NAME_BYTES_MAX: usize = 64;
/// MQTT's own limit for texts.
const TEXT_BYTES_MAX: usize = 65_535;
/// MQTT counts a keep-alive in seconds, with two bytes.
const KEEP_ALIVE: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(65_535);
/// For every other time here.
const TIME: std::ops::RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(86_400);

/// One table as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Attach {
    name: Option<String>,
    url: String,
    #[serde(default)]
    version: Version,
    client_id: Option<String>,
    username: Option<String>,
    password: Option<String>,
    password_file: Option<PathBuf>,
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    keep_alive: Option<String>,
    host_id: Option<String>,
    publish_state: Option<bool>,
    legacy_state: Option<bool>,
    #[serde(default)]
    filters: Vec<String>,
    connect_timeout: Option<String>,
    retry_min: Option<String>,
    retry_max: Option<String>,
}

#[derive(Deserialize, Clone, Copy, Default)]
enum Version {
    #[serde(rename = "3.1.1")]
    V311,
    #[default]
    #[serde(rename = "5.0")]
    V5,
}

impl Attach {
    /// What `--attach` says: an address, and every other key at its default.
    fn to(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            name: None,
            version: Version::default(),
            client_id: None,
            username: None,
            password: None,
            password_file: None,
            ca: None,
            certificate: None,
            key: None,
            keep_alive: None,
            host_id: None,
            publish_state: None,
            legacy_state: None,
            filters: Vec::new(),
            connect_timeout: None,
            retry_min: None,
            retry_max: None,
        }
    }

    fn parse(self, sparkplug: &SparkplugConfig) -> Result<Attachment, String> {
        let Parsed { url, username, password } = Parsed::parse(&self.url).map_err(|why| format!("`url` {why}"))?;
        let name = match &self.name {
            Some(name) => name.clone(),
            None if url.port == url.scheme.default_port() => url.host.clone(),
            None => format!("{}:{}", url.host, url.port),
        };
        let refuse = |why: String| format!("{name:?}: {why}");
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_plain) {
            return Err(refuse(format!(
                "`name` is 1 to {NAME_BYTES_MAX} letters, digits, '.', '-', '_' and ':'; it names the attachment in figures \
                 and in the API"
            )));
        }
        let host = self.host_id.clone().unwrap_or_else(|| sparkplug.host_id().as_str().to_owned());
        if HostId::new(&host).is_none() || host.chars().any(char::is_control) || host.len() > 1024 {
            return Err(refuse("`host_id` is 1 to 1024 bytes without '+', '/', '#' and control characters".into()));
        }
        let client_id = self.client_id.clone().unwrap_or_else(|| format!("factree-{host}"));
        if client_id.is_empty() || client_id.len() > TEXT_BYTES_MAX || client_id.contains('\0') {
            return Err(refuse("`client_id` is 1 to 65535 bytes".into()));
        }
        let state = self.state(sparkplug).map_err(refuse)?;
        let username = one_of("a user name", self.username.clone(), username).map_err(refuse)?;
        let password = self.password(password).map_err(refuse)?;
        let version = match self.version {
            Version::V311 => ProtocolVersion::V311,
            Version::V5 => ProtocolVersion::V5,
        };
        if password.is_some() && username.is_none() && version == ProtocolVersion::V311 {
            return Err(refuse("a password needs a user name in MQTT 3.1.1 [MQTT-3.1.2-22]".into()));
        }
        let time = |key: &str, text: &Option<String>, default: &str, range: &std::ops::RangeInclusive<Duration>| {
            let time = parse_duration(text.as_deref().unwrap_or(default)).map_err(|why| format!("`{key}`: {why}"))?;
            let (min, max) = (range.start(), range.end());
            range.contains(&time).then_some(time).ok_or_else(|| format!("`{key}` is {min:?} to {max:?}"))
        };
        let keep_alive = time("keep_alive", &self.keep_alive, "30 s", &KEEP_ALIVE).map_err(refuse)?;
        let connect_timeout = time("connect_timeout", &self.connect_timeout, "10 s", &TIME).map_err(refuse)?;
        let retry_min = time("retry_min", &self.retry_min, "1 s", &TIME).map_err(refuse)?;
        let retry_max = time("retry_max", &self.retry_max, "1 min", &TIME).map_err(refuse)?;
        if retry_max < retry_min {
            return Err(refuse("`retry_max` is at least `retry_min`".into()));
        }
        let tls = self.tls(url.scheme.has_tls()).map_err(refuse)?;
        for filter in &self.filters {
            admit(filter).map_err(|why| refuse(format!("`filters` {filter:?} {why}")))?;
        }
        Ok(Attachment {
            name,
            url,
            version,
            client_id,
            username,
            password,
            tls,
            keep_alive: Duration::from_secs(keep_alive.as_secs()),
            host,
            state,
            filters: self.filters,
            connect_timeout,
            retry_min,
            retry_max,
        })
    }

    fn state(&self, sparkplug: &SparkplugConfig) -> Result<StateWord, String> {
        let publish = self.publish_state.unwrap_or(sparkplug.publish_state);
        match (publish, self.legacy_state) {
            (false, Some(true)) => {
                Err("legacy_state = true says in other words what publish_state = false keeps quiet".into())
            }
            (false, _) => Ok(StateWord::Silent),
            (true, legacy) if legacy.unwrap_or(sparkplug.legacy_state) => Ok(StateWord::ToldWithLegacy),
            (true, _) => Ok(StateWord::Told),
        }
    }

    fn password(&self, in_url: Option<Secret>) -> Result<Option<Secret>, String> {
        let in_file = self.password_file.as_deref().map(read_password).transpose()?;
        let given = one_of("a password", self.password.as_deref().map(Secret::new), in_file)?;
        let password = one_of("a password", given, in_url)?;
        match &password {
            Some(password) if password.reveal().len() > TEXT_BYTES_MAX => {
                Err("a password has at most 65535 bytes".into())
            }
            _ => Ok(password),
        }
    }

    fn tls(&self, wanted: bool) -> Result<Option<ClientTls>, String> {
        let Self { ca, certificate, key, .. } = self;
        if !wanted {
            // Whoever wrote a certificate meant to be private.
            return match (ca, certificate, key) {
                (None, None, None) => Ok(None),
                _ => Err("`ca`, `certificate` and `key` without TLS; begin `url` with mqtts:// or wss://".into()),
            };
        }
        let own = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate.as_path(), key.as_path())),
            (None, None) => None,
            _ => {
                return Err(
                    "`certificate` and `key` go together: the PEM files of our own certificate and its key".into()
                );
            }
        };
        ClientTls::read(ca.as_deref(), own).map(Some)
    }
}

fn one_of<T>(what: &str, one: Option<T>, other: Option<T>) -> Result<Option<T>, String> {
    match (one, other) {
        (Some(_), Some(_)) => Err(format!("{what} is given twice")),
        (one, other) => Ok(one.or(other)),
    }
}

/// The file's text without the end of its line, which editors add.
fn read_password(file: &Path) -> Result<Secret, String> {
    let bytes = super::read(file).map_err(|error| format!("`password_file` {}: {error}", file.display()))?;
    Ok(Secret::new(bytes.trim_end_matches(['\r', '\n'])))
}

/// A filter that covered Sparkplug's topics would bring each message twice.
fn admit(filter: &str) -> Result<(), String> {
    TopicFilter::parse(filter).map_err(|error| format!("is no topic filter: {error}"))?;
    match filter.split('/').next().unwrap_or_default() {
        "+" | "#" => {
            Err("begins with a wildcard and would bring Sparkplug's messages twice; name the first level".into())
        }
        "spBv1.0" => Err("is Sparkplug's, all of which is subscribed to anyway".into()),
        "STATE" | "$share" => Err("cannot be taken into the tree".into()),
        _ => Ok(()),
    }
}

/// Everything that is to be attached to: the file's tables, then the command line's addresses. `text` is the file's.
pub(super) fn attachments(
    tables: Vec<Attach>,
    urls: &[String],
    sparkplug: &SparkplugConfig,
    text: &str,
) -> Result<Vec<Attachment>, ConfigError> {
    let in_file = tables.into_iter().enumerate().map(|(number, table)| {
        let refuse = |why| format!("{}[[attach]] {why}", at(text, &["attach", &number.to_string()]));
        table.parse(sparkplug).map_err(refuse)
    });
    let on_command_line =
        urls.iter().map(|url| Attach::to(url).parse(sparkplug).map_err(|why| format!("--attach {why}")));
    let attachments: Vec<Attachment> = in_file.chain(on_command_line).collect::<Result<_, _>>().map_err(ConfigError)?;
    let refuse = |why: String| Err(ConfigError(format!("[[attach]] {why}")));
    if attachments.len() > ATTACHMENTS_MAX {
        return refuse(format!("is there more than {ATTACHMENTS_MAX} times"));
    }
    let (mut names, mut clients) = (HashSet::new(), HashSet::new());
    for Attachment { name, url, client_id, .. } in &attachments {
        if !names.insert(name) {
            return refuse(format!("{name:?} is there twice; give each its own `name`"));
        }
        if !clients.insert((&url.host, url.port, client_id)) {
            return refuse(format!(
                "{name:?}: client id {client_id:?} is used twice at {url}, so each would push the other out; set `client_id`"
            ));
        }
    }
    Ok(attachments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Overrides};

    fn read(keys: &str) -> Result<Attachment, String> {
        let config = Config::parse(&format!("[[attach]]\n{keys}"), Overrides::default());
        config.map(|mut config| config.attachments.remove(0)).map_err(|error| error.to_string())
    }

    #[test]
    fn an_address_is_enough() {
        let overrides =
            Overrides { attach: vec!["mqtt://broker".into(), "ws://broker:9001".into()], ..Overrides::default() };
        let config = Config::parse("[sparkplug]\nhost_id = \"scada\"", overrides);
        // Both have the same client id, but not at the same place.
        let attachments = config.unwrap().attachments;
        assert_eq!((&*attachments[0].name, &*attachments[1].name), ("broker", "broker:9001"));
        let Attachment { client_id, host, state, version, keep_alive, .. } = &attachments[0];
        assert_eq!((&**client_id, &**host, *state), ("factree-scada", "scada", StateWord::Told));
        assert_eq!((*version, *keep_alive), (ProtocolVersion::V5, Duration::from_secs(30)));
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_what_is_accepted() {
        for (keys, expected) in [
            ("url = \"broker\"", "`url` is a URL"),
            ("url = \"mqtt://b\"\nname = \"a b\"", "`name` is 1 to 64"),
            ("url = \"mqtt://b\"\nhost_id = \"a/b\"", "`host_id` is"),
            ("url = \"mqtt://b\"\nca = \"ca.pem\"", "begin `url` with mqtts://"),
            ("url = \"mqtts://b\"\nca = \"/none.pem\"", "/none.pem"),
            ("url = \"mqtts://b\"\ncertificate = \"c.pem\"", "go together"),
            ("url = \"mqtt://b\"\nkeep_alive = \"0 s\"", "`keep_alive` is 1s to 65535s"),
            ("url = \"mqtt://b\"\nretry_min = \"2 min\"", "`retry_max` is at least"),
            ("url = \"mqtt://b\"\nfilters = [\"#\"]", "begins with a wildcard"),
            ("url = \"mqtt://b\"\nfilters = [\"a#\"]", "is no topic filter"),
            ("url = \"mqtt://b\"\nfilters = [\"spBv1.0/G/#\"]", "subscribed to anyway"),
            ("url = \"mqtt://b\"\npublish_state = false\nlegacy_state = true", "keeps quiet"),
            ("url = \"mqtt://b\"\nversion = \"4\"", "line 3: [[attach]] `version` takes `3.1.1` or `5.0`"),
            ("url = \"mqtt://b\"\n\n[[attach]]\nurl = \"mqtt://b\"", "\"b\" is there twice"),
            ("url = \"mqtt://b\"\n\n[[attach]]\nname = \"c\"\nurl = \"mqtt://b\"", "push the other out"),
        ] {
            let why = read(keys).expect_err(keys);
            assert!(why.contains("[[attach]]") && why.contains(expected), "{keys}: {why}");
        }
    }

    #[test]
    fn no_error_and_no_printed_configuration_says_a_password() {
        let login = "url = \"mqtt://b\"\nusername = \"u\"\n";
        for keys in [
            "password = \"hunter2\"\npassword_file = \"/none\"",
            "pasword = \"hunter2\"",
            "password = [\"hunter2\"]",
            "password = hunter2",
            "password = \"hunter2",
            "password = \"hunter2\"\nkeep_alive = 5",
        ] {
            let why = read(&format!("{login}{keys}")).expect_err(keys);
            assert!(!why.contains("hunter2"), "{keys}: {why}");
        }
        assert!(!read("url = \"mqtt://u:hunter2@b:none\"").unwrap_err().contains("hunter2"));
        let number = read("url = \"mqtt://b\"\npassword = 4711").unwrap_err();
        assert!(
            !number.contains("4711") && number.contains("line 3: [[attach]] `password` takes a string"),
            "{number}"
        );
        let twice = read("url = \"mqtt://u:hunter2@b\"\npassword = \"x\"").unwrap_err();
        assert!(twice.contains("a password is given twice"), "{twice}");
        let read = read(&format!("{login}password = \"hunter2\"")).unwrap();
        assert!(!format!("{read:?}").contains("hunter2"), "{read:?}");
        assert_eq!(read.password, Some(Secret::new("hunter2")));
    }

    #[test]
    fn a_password_may_stand_in_a_file_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        std::fs::write(&file, "hunter2\n").unwrap();
        let read = read(&format!("url = \"mqtt://u@b\"\npassword_file = {file:?}")).unwrap();
        assert_eq!((read.username.as_deref(), read.password), (Some("u"), Some(Secret::new("hunter2"))));
    }
}
