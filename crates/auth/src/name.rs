//! Names of principals, roles and keys.
//!
//! A name comes from a peer or an operator and ends up in logs, records and filters, so what is none is refused at the
//! door: nothing empty, nothing long, no control characters. What else is in it is its own business; a filter has its
//! own rules for what is put into it (see [`template`](crate::template)).
//! Invariant: a name has 1 to [`NAME_BYTES_MAX`] bytes and fits on one line of a log.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::limits::NAME_BYTES_MAX;

/// A name that was looked at. A clone costs a counter.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

/// Whether a character does more to a line of text than stand in it: control characters, the separators of lines and
/// paragraphs, and those that turn the direction of what follows.
pub(crate) fn disturbs_a_line(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// At least one character.
    Empty,
    /// At most [`NAME_BYTES_MAX`] bytes.
    TooLong,
    /// A character that [disturbs a line](disturbs_a_line).
    Control,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a name has at least one character"),
            Self::TooLong => write!(f, "a name has at most {NAME_BYTES_MAX} bytes"),
            Self::Control => f.write_str("a name has no control characters"),
        }
    }
}

impl std::error::Error for NameError {}

impl Name {
    /// Proves that a text is a name.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        match text.len() {
            0 => Err(NameError::Empty),
            1..=NAME_BYTES_MAX if text.contains(disturbs_a_line) => Err(NameError::Control),
            1..=NAME_BYTES_MAX => Ok(Name(text.into())),
            _ => Err(NameError::TooLong),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
