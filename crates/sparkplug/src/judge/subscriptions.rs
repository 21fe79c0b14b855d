//! What a session has subscribed to, as far as it is Sparkplug's.

/// Most subscriptions remembered of one session. Who has more is judged by the first.
const SUBSCRIPTIONS_MAX: usize = 64;

/// Longest topic filter remembered: group, Edge Node and device of 200 bytes each fit.
const FILTER_BYTES_MAX: usize = 640;

#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    all: Vec<(Box<str>, u8)>,
    /// Whether some were left out: then nobody is said to have subscribed to nothing.
    is_partial: bool,
}

impl Subscriptions {
    /// Returns whether it is remembered, as it stands.
    pub(super) fn add(&mut self, filter: &str, qos: u8) -> bool {
        let filter = unshared(filter);
        if !filter.starts_with("spBv1.0/") && !filter.starts_with(['+', '#']) {
            return false;
        }
        match self.all.iter().position(|(known, _)| **known == *filter) {
            Some(found) => self.all[found].1 = qos,
            None if self.all.len() == SUBSCRIPTIONS_MAX || filter.len() > FILTER_BYTES_MAX => {
                self.is_partial = true;
                return false;
            }
            None => self.all.push((filter.into(), qos)),
        }
        true
    }

    pub(super) fn filters(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|(filter, _)| &**filter)
    }

    /// The highest QoS of those that cover `topic`.
    pub(super) fn qos(&self, topic: &str) -> Covered {
        let covering = self.all.iter().filter(|(filter, _)| covers(filter, topic));
        match covering.map(|&(_, qos)| qos).max() {
            Some(qos) => Covered::With(qos),
            None if self.is_partial => Covered::Unknown,
            None => Covered::No,
        }
    }

    /// Whether `filter` is among them, as it stands.
    pub(super) fn has(&self, filter: &str) -> bool {
        self.all.iter().any(|(known, _)| **known == *filter)
    }
}

/// Whether a topic is subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Covered {
    With(u8),
    No,
    /// By one that was not remembered, perhaps.
    Unknown,
}

/// The filter of a shared subscription, without its group.
fn unshared(filter: &str) -> &str {
    let shared = filter.strip_prefix("$share/").and_then(|rest| rest.split_once('/'));
    shared.map_or(filter, |(_, filter)| filter)
}

/// Whether an MQTT topic filter covers a topic name.
fn covers(filter: &str, topic: &str) -> bool {
    let mut levels = topic.split('/');
    for level in filter.split('/') {
        match (level, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (level, Some(said)) if level == said => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_covers_what_mqtt_says_it_covers() {
        let topic = "spBv1.0/g/NCMD/e";
        for filter in [topic, "spBv1.0/g/NCMD/e/#", "spBv1.0/#", "#", "+/+/+/+", "spBv1.0/+/NCMD/#"] {
            assert!(covers(filter, topic), "{filter}");
        }
        for filter in ["spBv1.0/g/NCMD", "spBv1.0/g/NCMD/e/+", "+/+", "spBv1.0/g/NCMD/f", ""] {
            assert!(!covers(filter, topic), "{filter}");
        }
    }

    #[test]
    fn what_is_not_remembered_is_not_said_to_be_missing() {
        let mut subscriptions = Subscriptions::default();
        assert_eq!(subscriptions.qos("spBv1.0/g/NCMD/e"), Covered::No);
        let remembered = (0..100).filter(|number| subscriptions.add(&format!("spBv1.0/g/NCMD/{number}"), 1)).count();
        assert_eq!(remembered, SUBSCRIPTIONS_MAX);
        subscriptions.add("$share/one/spBv1.0/g/NCMD/0", 0);
        assert_eq!(subscriptions.qos("spBv1.0/g/NCMD/0"), Covered::With(0));
        assert_eq!(subscriptions.qos("spBv1.0/g/NCMD/e"), Covered::Unknown);
    }
}
