//! Topics: the names messages are published to and the filters they are subscribed with.
//!
//! Text becomes a [`TopicName`] or a [`TopicFilter`] once, at the door; past it a topic cannot be malformed. The owned
//! forms are an `Arc<str>`, so that a clone costs a counter. Knows nothing of subscriptions; how deep a topic may be is
//! the business of [`Limits`](crate::Limits).
//! Invariant: a name has no wildcard, a filter's wildcards stand alone in their level, and `#` is last.

use std::fmt;
use std::sync::Arc;

use crate::limits::STRING_BYTES_MAX;

/// What begins the filter of a shared subscription.
const SHARE_PREFIX: &str = "$share/";

/// Why a text is no topic name, or no topic filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicError {
    /// At least one character `[MQTT-4.7.3-1]`.
    Empty,
    /// At most 65,535 bytes `[MQTT-4.7.3-3]`.
    TooLong,
    /// No U+0000 `[MQTT-4.7.3-2]`.
    Nul,
    /// A name has no wildcard `[MQTT-3.3.2-2]`.
    WildcardInName,
    /// `#` is alone in the last level `[MQTT-4.7.1-1]`, 3.1.1: `[MQTT-4.7.1-2]`.
    MultiLevelWildcard,
    /// `+` is alone in its level `[MQTT-4.7.1-2]`, 3.1.1: `[MQTT-4.7.1-3]`.
    SingleLevelWildcard,
    /// `$share/` is followed by a name of at least one character without `/`, `+` or `#` `[MQTT-4.8.2-1]`.
    ShareName,
    /// The share name is followed by `/` and a filter `[MQTT-4.8.2-2]`.
    ShareFilter,
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TopicError::Empty => "a topic has at least one character [MQTT-4.7.3-1]",
            TopicError::TooLong => "a topic has at most 65535 bytes [MQTT-4.7.3-3]",
            TopicError::Nul => "a topic has no U+0000 [MQTT-4.7.3-2]",
            TopicError::WildcardInName => "a topic name has no wildcard [MQTT-3.3.2-2]",
            TopicError::MultiLevelWildcard => "'#' stands alone in the last level of a filter [MQTT-4.7.1-1]",
            TopicError::SingleLevelWildcard => "'+' stands alone in its level of a filter [MQTT-4.7.1-2]",
            TopicError::ShareName => "'$share/' is followed by a name without '+' or '#' [MQTT-4.8.2-1]",
            TopicError::ShareFilter => "'$share/{name}' is followed by '/' and a filter [MQTT-4.8.2-2]",
        })
    }
}

impl std::error::Error for TopicError {}

/// What a message is published to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicName<'a>(&'a str);

impl<'a> TopicName<'a> {
    /// Proves that a text is a topic name.
    ///
    /// # Errors
    /// [`TopicError::Empty`], [`TopicError::TooLong`], [`TopicError::Nul`] or [`TopicError::WildcardInName`].
    #[inline]
    pub fn parse(text: &'a str) -> Result<Self, TopicError> {
        match text.len() {
            0 => return Err(TopicError::Empty),
            1..=STRING_BYTES_MAX => {}
            _ => return Err(TopicError::TooLong),
        }
        if is_suspect(text.as_bytes()) {
            return Err(if text.contains('\0') { TopicError::Nul } else { TopicError::WildcardInName });
        }
        Ok(TopicName(text))
    }

    /// The name as text.
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// The levels from the root; an empty level is a level (4.7.1.1).
    pub fn levels(self) -> std::str::Split<'a, char> {
        self.0.split('/')
    }

    /// Whether it begins with `$`, and so is hidden from filters that begin with a wildcard `[MQTT-4.7.2-1]`.
    pub fn is_dollar(self) -> bool {
        self.0.starts_with('$')
    }

    /// An owned copy.
    pub fn to_buf(self) -> TopicNameBuf {
        TopicNameBuf(self.0.into())
    }
}

impl fmt::Display for TopicName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Whether there is a `+`, `#` or U+0000 among the bytes. Eight at a time: 43 bytes cost 80 instructions, one by one
/// 355.
#[inline]
fn is_suspect(bytes: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    // `#` and `+` differ in one bit only: with that bit set both are `+`.
    const BIT: u8 = b'#' ^ b'+';
    const SET: u64 = u64::from_ne_bytes([BIT; 8]);
    const PLUS: u64 = u64::from_ne_bytes([b'+'; 8]);
    // The lowest zero byte, if any, leaves its high bit; what it leaves in the bytes above does not matter here.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let in_eight = |eight: &[u8; 8]| {
        let word = u64::from_ne_bytes(*eight);
        zeros(word) | zeros((word | SET) ^ PLUS)
    };
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().any(|byte| *byte == 0 || byte | BIT == b'+');
    };
    // The last eight bytes overlap with those before them, which saves looking at a rest.
    bytes.as_chunks::<8>().0.iter().fold(in_eight(last), |found, eight| found | in_eight(eight)) != 0
}

/// An owned [`TopicName`]; a clone costs a counter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicNameBuf(Arc<str>);

impl TopicNameBuf {
    /// Proves that a text is a topic name, and copies it.
    ///
    /// # Errors
    /// As [`TopicName::parse`].
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        TopicName::parse(text).map(TopicName::to_buf)
    }

    /// The borrowed form; no check is repeated.
    pub fn as_name(&self) -> TopicName<'_> {
        TopicName(&self.0)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for TopicNameBuf {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TopicNameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a client subscribes with, `$share/{name}/` included if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicFilter<'a> {
    text: &'a str,
    /// Where the part that is matched begins: 0, or just behind `$share/{name}/`.
    filter_at: u16,
}

impl<'a> TopicFilter<'a> {
    /// Proves that a text is a topic filter: `[MQTT-4.7.1-1]`, `[MQTT-4.7.1-2]`, `[MQTT-4.7.3-1]` and, for a shared
    /// subscription, `[MQTT-4.8.2-1]`, `[MQTT-4.8.2-2]`. The bare word `$share` is refused too: it can only be a slip.
    ///
    /// # Errors
    /// Any [`TopicError`] but [`TopicError::WildcardInName`].
    pub fn parse(text: &'a str) -> Result<Self, TopicError> {
        if text.len() > STRING_BYTES_MAX {
            return Err(TopicError::TooLong);
        }
        if text.contains('\0') {
            return Err(TopicError::Nul);
        }
        let filter = match text.strip_prefix(SHARE_PREFIX) {
            Some(shared) => {
                let (name, filter) = shared.split_once('/').unwrap_or((shared, ""));
                if name.is_empty() || name.contains(['+', '#']) {
                    return Err(TopicError::ShareName);
                }
                if filter.is_empty() {
                    return Err(TopicError::ShareFilter);
                }
                filter
            }
            None if text == "$share" => return Err(TopicError::ShareName),
            None => text,
        };
        wildcards_stand_alone(filter)?;
        // Fits: the text has at most 65,535 bytes and the filter at least one of them.
        let filter_at = (text.len() - filter.len()) as u16;
        Ok(TopicFilter { text, filter_at })
    }

    /// The whole filter as it was sent.
    pub const fn as_str(self) -> &'a str {
        self.text
    }

    /// The name of a shared subscription, the part between `$share/` and the next `/`.
    pub fn share_name(self) -> Option<&'a str> {
        let end = usize::from(self.filter_at).checked_sub(1)?;
        Some(&self.text[SHARE_PREFIX.len()..end])
    }

    /// The part that topic names are matched with: all but `$share/{name}/`.
    pub fn filter(self) -> &'a str {
        &self.text[usize::from(self.filter_at)..]
    }

    /// The levels of [`filter`](Self::filter) from the root.
    pub fn levels(self) -> std::str::Split<'a, char> {
        self.filter().split('/')
    }

    /// Whether [`filter`](Self::filter) has a wildcard.
    pub fn has_wildcard(self) -> bool {
        self.filter().contains(['+', '#'])
    }

    /// Whether messages published to `name` are asked for. A filter that begins with a wildcard does not match a name
    /// that begins with `$` `[MQTT-4.7.2-1]`; `a/#` matches `a` itself.
    pub fn matches(self, name: TopicName<'_>) -> bool {
        let filter = self.filter();
        if name.is_dollar() && filter.starts_with(['+', '#']) {
            return false;
        }
        let mut names = name.levels();
        for level in filter.split('/') {
            match (level, names.next()) {
                ("#", _) => return true,
                ("+", Some(_)) => {}
                (wanted, Some(given)) if wanted == given => {}
                _ => return false,
            }
        }
        names.next().is_none()
    }

    /// An owned copy.
    pub fn to_buf(self) -> TopicFilterBuf {
        TopicFilterBuf { text: self.text.into(), filter_at: self.filter_at }
    }
}

fn wildcards_stand_alone(filter: &str) -> Result<(), TopicError> {
    if filter.is_empty() {
        return Err(TopicError::Empty);
    }
    let mut levels = filter.split('/');
    while let Some(level) = levels.next() {
        if level.contains('#') && (level.len() > 1 || levels.next().is_some()) {
            return Err(TopicError::MultiLevelWildcard);
        }
        if level.contains('+') && level.len() > 1 {
            return Err(TopicError::SingleLevelWildcard);
        }
    }
    Ok(())
}

impl fmt::Display for TopicFilter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// An owned [`TopicFilter`]; a clone costs a counter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicFilterBuf {
    text: Arc<str>,
    filter_at: u16,
}

impl TopicFilterBuf {
    /// Proves that a text is a topic filter, and copies it.
    ///
    /// # Errors
    /// As [`TopicFilter::parse`].
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        TopicFilter::parse(text).map(TopicFilter::to_buf)
    }

    /// The borrowed form; no check is repeated.
    pub fn as_filter(&self) -> TopicFilter<'_> {
        TopicFilter { text: &self.text, filter_at: self.filter_at }
    }

    /// The whole filter as it was sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for TopicFilterBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspect_byte_is_found_wherever_it_is_and_no_other_byte_is_one() {
        for len in 0..40 {
            for at in 0..len {
                for byte in 0..=255 {
                    let mut bytes = vec![b'a'; len];
                    bytes[at] = byte;
                    assert_eq!(is_suspect(&bytes), [0, b'+', b'#'].contains(&byte), "{byte} at {at} of {len}");
                }
            }
        }
    }
}
