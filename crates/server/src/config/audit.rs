//! `[audit]`: how long what was done stays on record, and what happens when nothing more can be written.

use std::time::Duration;

use factree_auth::audit::{OnFull, Policy};
use serde::Deserialize;

use super::ConfigError;
use super::lines::at;
use crate::audit::AuditConfig;
use crate::quantity::{parse_duration, parse_size};

/// The smallest segment and the smallest log: a few hundred entries.
const BYTES_MIN: u64 = 64 << 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Audit {
    retention: String,
    segment_size: String,
    segment_age: String,
    size_max: String,
    head_every: u64,
    head_after: String,
    on_full: WhenFull,
    commands_require_reason: bool,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum WhenFull {
    Refuse,
    Continue,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            retention: "forever".into(),
            segment_size: "64 MiB".into(),
            segment_age: "30 d".into(),
            size_max: "unlimited".into(),
            head_every: 1000,
            head_after: "1 h".into(),
            on_full: WhenFull::Refuse,
            commands_require_reason: false,
        }
    }
}

impl Audit {
    /// `text` is the file's, to say on which line something went wrong.
    pub(super) fn parse(&self, text: &str) -> Result<AuditConfig, ConfigError> {
        let refuse = |key: &str, why: &str| ConfigError(format!("{}[audit] {key}: {why}", at(text, &["audit", key])));
        let time = |key: &str, text: &str| parse_duration(text).map_err(|why| refuse(key, &why));
        let size = |key: &str, text: &str| match parse_size(text) {
            Ok(bytes) if bytes < BYTES_MIN => Err(refuse(key, "is at least \"64 KiB\"")),
            Ok(bytes) => Ok(bytes),
            Err(why) => Err(refuse(key, &why)),
        };
        let retention = match &*self.retention {
            "forever" => None,
            text => Some(time("retention", text)?).filter(|time| !time.is_zero()),
        };
        if retention.is_none() && self.retention != "forever" {
            return Err(refuse("retention", "is a time such as \"400 d\", or \"forever\""));
        }
        let (segment_after, head_after) =
            (time("segment_age", &self.segment_age)?, time("head_after", &self.head_after)?);
        if segment_after < Duration::from_secs(60) {
            return Err(refuse("segment_age", "is at least \"1 min\""));
        }
        if head_after < Duration::from_secs(1) {
            return Err(refuse("head_after", "is at least \"1 s\""));
        }
        if self.head_every == 0 {
            return Err(refuse("head_every", "is at least 1"));
        }
        let size_max = match &*self.size_max {
            "unlimited" => None,
            text => Some(size("size_max", text)?),
        };
        Ok(AuditConfig {
            policy: Policy {
                head_every: self.head_every,
                head_after,
                segment_bytes: size("segment_size", &self.segment_size)?,
                segment_after,
                on_full: match self.on_full {
                    WhenFull::Refuse => OnFull::Refuse,
                    WhenFull::Continue => OnFull::Alarm,
                },
            },
            retention,
            size_max,
            commands_require_reason: self.commands_require_reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Overrides};

    fn read(text: &str) -> Result<AuditConfig, String> {
        let config = Config::parse(&format!("[audit]\n{text}"), Overrides::default());
        config.map(|config| config.audit).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_said_is_careful() {
        let audit = read("").unwrap();
        assert_eq!((audit.retention, audit.size_max, audit.policy.on_full), (None, None, OnFull::Refuse));
        assert!(!audit.commands_require_reason);
    }

    #[test]
    fn what_is_said_is_read_and_what_cannot_be_meant_is_refused() {
        let audit = read("retention = \"400 d\"\non_full = \"continue\"\nsize_max = \"1 GiB\"").unwrap();
        assert_eq!(audit.retention, Some(Duration::from_secs(400 * 86_400)));
        assert_eq!((audit.size_max, audit.policy.on_full), (Some(1 << 30), OnFull::Alarm));
        for (text, why) in [
            ("retention = \"0 d\"", "\"forever\""),
            ("retention = \"always\"", "[audit] retention: a time is"),
            ("segment_size = \"1 B\"", "segment_size: is at least"),
            ("head_every = 0", "head_every: is at least 1"),
            ("head_after = \"0 s\"", "line 2: [audit] head_after: is at least"),
            ("on_full = \"ignore\"", "continue"),
            ("enabled = false", "enabled"),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(why), "{text}: {message}");
        }
    }
}
