//! Topics that claim to be Sparkplug and are not.

use crate::{
    Rule, TopicError,
    host::finding::{self, Reporter},
    topic::NAMESPACE,
};

/// Judges a topic that [`crate::Topic::parse`] has refused.
pub(crate) fn judge(topic: &str, error: TopicError, reporter: &mut Reporter<'_>) {
    if let Some(rule) = broken(topic, error) {
        reporter.report(rule);
    }
}

fn broken(topic: &str, error: TopicError) -> Option<Rule> {
    Some(match error {
        TopicError::NotSparkplug if is_misspelled(topic) => finding::NAMESPACE,
        TopicError::NotSparkplug => return None,
        TopicError::LevelCount | TopicError::MessageType => finding::TOPIC_STRUCTURE,
        TopicError::MissingDevice => finding::TOPIC_WITHOUT_DEVICE,
        TopicError::UnexpectedDevice => finding::TOPIC_WITH_DEVICE,
        TopicError::Identifier => {
            let is_reserved = |level: &str| level.is_empty() || level.contains(['+', '#', '\0']);
            let mut levels = topic.split('/').skip(1);
            let (group, _, edge_node) = (levels.next(), levels.next(), levels.next());
            match (group.is_some_and(is_reserved), edge_node.is_some_and(is_reserved)) {
                (true, _) => finding::GROUP_ID,
                (_, true) => finding::EDGE_NODE_ID,
                (false, false) => finding::DEVICE_ID,
            }
        }
    })
}

/// Whether the first level means to be the namespace: in other letters, or Sparkplug A's.
fn is_misspelled(topic: &str) -> bool {
    let level = topic.split('/').next().unwrap_or_default();
    level != NAMESPACE && (level.eq_ignore_ascii_case(NAMESPACE) || level.eq_ignore_ascii_case("spAv1.0"))
}
