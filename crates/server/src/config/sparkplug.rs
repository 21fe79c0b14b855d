//! `[sparkplug]`: what Factree is to Sparkplug clients: a Host Application by name, and a Sparkplug Aware server.
//!
//! Invariant: the host id may stand in a topic.

use std::time::Duration;

use factree_sparkplug::{HostApplication, HostId, Legacy};
use serde::Deserialize;

use super::ConfigError;
use super::lines::at;
use crate::quantity::parse_duration;

/// What Factree is to Sparkplug clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SparkplugConfig {
    /// The name of this Host Application; unique among all that Edge Nodes may wait for
    /// (`tck-id-operational-behavior-host-application-host-id`).
    host_id: String,
    /// Whether it says on `spBv1.0/STATE/{host_id}` that it is online.
    pub publish_state: bool,
    /// Whether it says so in the words of Sparkplug 2.2 too.
    pub legacy_state: bool,
    /// Whether births are retained below `$sparkplug/certificates/`.
    pub certificates: bool,
    /// Whether an NDEATH that is a will gets the time at which it is published.
    pub ndeath_timestamp: bool,
    /// How long a message of a client of this broker that comes too early waits for those before it.
    pub reorder_window: Duration,
    /// The same for messages that come over an attachment to another broker.
    pub reorder_window_attached: Duration,
}

impl SparkplugConfig {
    /// The name of this Host Application.
    pub fn host_id(&self) -> HostId<'_> {
        HostId::new(&self.host_id).expect("checked when it was read")
    }

    /// Puts what messages wait for where they wait.
    pub(super) fn apply(&self, limits: &mut factree_sparkplug::Limits) {
        limits.reorder_window = self.reorder_window;
        limits.reorder_window_attached = self.reorder_window_attached;
    }

    /// The Host Application towards clients of this server; none if it is to say nothing of itself.
    pub fn application(&self) -> Option<HostApplication> {
        let legacy = if self.legacy_state { Legacy::Told } else { Legacy::Silent };
        self.publish_state.then(|| HostApplication::new(self.host_id(), legacy))
    }
}

impl Default for SparkplugConfig {
    fn default() -> Self {
        Sparkplug::default().parse("").expect("the defaults are valid")
    }
}

/// As it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Sparkplug {
    host_id: String,
    publish_state: bool,
    legacy_state: bool,
    certificates: bool,
    ndeath_timestamp: bool,
    reorder_window: String,
    reorder_window_attached: String,
}

impl Default for Sparkplug {
    fn default() -> Self {
        Self {
            host_id: "factree".into(),
            publish_state: true,
            legacy_state: false,
            certificates: true,
            ndeath_timestamp: true,
            reorder_window: "0 s".into(),
            reorder_window_attached: "2 s".into(),
        }
    }
}

/// Longest host id, so that its topic stays one that every client can subscribe to.
const HOST_ID_BYTES_MAX: usize = 1024;

impl Sparkplug {
    /// `text` is the file's, to say on which line something went wrong.
    pub(super) fn parse(self, text: &str) -> Result<SparkplugConfig, ConfigError> {
        let refuse =
            |key: &str, why: String| ConfigError(format!("{}[sparkplug] {why}", at(text, &["sparkplug", key])));
        let Self { host_id, publish_state, legacy_state, certificates, ndeath_timestamp, .. } = self;
        let window = |key: &str, text: &str| {
            let window = parse_duration(text).map_err(|why| refuse(key, format!("{key}: {why}")))?;
            let refused = || refuse(key, format!("{key} = {text:?}: is at most \"1 h\""));
            (window <= factree_sparkplug::Limits::REORDER_WINDOW_MAX).then_some(window).ok_or_else(refused)
        };
        let reorder_window = window("reorder_window", &self.reorder_window)?;
        let reorder_window_attached = window("reorder_window_attached", &self.reorder_window_attached)?;
        // MQTT advises against control characters (section 1.5.4), and people read this name in banner and log.
        let is_usable = |id: &str| HostId::new(id).is_some() && !id.chars().any(char::is_control);
        if !is_usable(&host_id) || host_id.len() > HOST_ID_BYTES_MAX {
            let why = format!(
                "host_id = {host_id:?} cannot stand in a topic: 1 to {HOST_ID_BYTES_MAX} bytes without `+`, `/`, `#` and \
                 control characters"
            );
            return Err(refuse("host_id", why));
        }
        if legacy_state && !publish_state {
            let why = "legacy_state = true says in other words what publish_state = false keeps quiet; set publish_state = \
                       true, or legacy_state = false";
            return Err(refuse("legacy_state", why.into()));
        }
        Ok(SparkplugConfig {
            host_id,
            publish_state,
            legacy_state,
            certificates,
            ndeath_timestamp,
            reorder_window,
            reorder_window_attached,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Overrides};

    fn read(keys: &str) -> Result<SparkplugConfig, String> {
        let config = Config::parse(&format!("[sparkplug]\n{keys}"), Overrides::default());
        config.map(|config| config.sparkplug).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_section_is_an_aware_server_and_the_host_factree() {
        let config = read("").unwrap();
        assert_eq!(config, SparkplugConfig::default());
        assert_eq!(config.host_id().as_str(), "factree");
        assert!(config.certificates && config.ndeath_timestamp);
        assert_eq!(config.application().map(|it| it.topic().to_owned()).as_deref(), Some("spBv1.0/STATE/factree"));
    }

    #[test]
    fn how_long_to_wait_for_what_is_missing_is_a_duration_and_holds_where_messages_wait() {
        let text = "[sparkplug]\nreorder_window = \"300 ms\"\nreorder_window_attached = \"0 s\"";
        let limits = Config::parse(text, Overrides::default()).unwrap().limits.ingest.sparkplug;
        assert_eq!(
            (limits.reorder_window, limits.reorder_window_attached),
            (Duration::from_millis(300), Duration::ZERO)
        );
        let defaults = Config::parse("", Overrides::default()).unwrap().limits.ingest.sparkplug;
        assert_eq!(defaults, factree_sparkplug::Limits::default(), "said in two places");
        assert!(read("reorder_window = \"2 h\"").unwrap_err().contains("at most \"1 h\""));
        assert!(read("reorder_window = \"soon\"").unwrap_err().contains("[sparkplug] reorder_window: "));
    }

    #[test]
    fn a_host_id_that_cannot_stand_in_a_topic_is_refused() {
        let long = "x".repeat(HOST_ID_BYTES_MAX + 1);
        for id in ["", "a/b", "+", "#", "a\u{0}", "a\nb", &long] {
            let refusal = read(&format!("host_id = {id:?}").replace("\\0", "\\u0000")).unwrap_err();
            assert!(refusal.contains("host_id") && refusal.contains("cannot stand in a topic"), "{refusal}");
        }
        assert_eq!(read("host_id = \"Werk 3 Süd\"").unwrap().host_id().as_str(), "Werk 3 Süd");
    }

    #[test]
    fn a_host_that_says_nothing_says_nothing_in_other_words() {
        assert!(read("publish_state = false").unwrap().application().is_none());
        assert!(read("publish_state = false\nlegacy_state = true").unwrap_err().contains("legacy_state = false"));
        assert!(read("host = \"factree\"").unwrap_err().contains("`host_id`"));
    }
}
