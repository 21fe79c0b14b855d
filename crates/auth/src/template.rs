//! Text with a place for the client id or the username: `plants/{username}/#`.
//!
//! What is put in comes from a peer, so it can only be a piece of one level: nothing empty, no `+`, `#`, `/` or U+0000,
//! and no `$` where a filter begins. A template that cannot be filled grants nothing, and says why. It is filled in one
//! pass, so a username `{client_id}` is only a strange name.
//! Invariant: what was filled has as many levels as the template, and the wildcards of the template.

use std::fmt;

/// What a place in a template stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Placeholder {
    /// `{client_id}`: the MQTT Client Identifier. The client chooses it; what keeps it from choosing another's is that
    /// a session belongs to its principal.
    ClientId,
    /// `{username}`: the principal's name, which it had to prove.
    Username,
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Placeholder::ClientId => "{client_id}",
            Placeholder::Username => "{username}",
        })
    }
}

/// What a template is filled with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fill<'a> {
    /// None where there is no MQTT session: over HTTP.
    pub client_id: Option<&'a str>,
    /// None for those who did not have to say who they are.
    pub username: Option<&'a str>,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateError {
    /// Between braces stands neither `client_id` nor `username`.
    UnknownPlaceholder(String),
    /// A brace without its partner; a brace that is meant as such is written twice.
    Brace,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownPlaceholder(name) => {
                write!(f, "'{{{name}}}' is not known: there are {{client_id}} and {{username}}")
            }
            Self::Brace => f.write_str("a brace has no partner; one that is meant as such is written twice"),
        }
    }
}

impl std::error::Error for TemplateError {}

/// Why a template could not be filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// There is nothing to put in: no client id over HTTP, no name without a login.
    Absent(Placeholder),
    /// Nothing between two slashes would be another level than the one that was meant.
    Empty(Placeholder),
    /// `+`, `#`, `/` or U+0000.
    Character(Placeholder, char),
    /// `$` at the beginning of a filter, which would lead to what is hidden from wildcards.
    Dollar(Placeholder),
    /// The filled text is longer than a filter can be.
    TooLong,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(place) => write!(f, "there is nothing to put in for {place}"),
            Self::Empty(place) => write!(f, "{place} is empty"),
            Self::Character(place, character) => {
                write!(f, "{place} contains {}, which may not come into a filter", character.escape_debug())
            }
            Self::Dollar(place) => write!(f, "{place} begins with $, which may not begin a filter"),
            Self::TooLong => f.write_str("the filter would be longer than 65535 bytes"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    Text(Box<str>),
    Place(Placeholder),
}

/// A text to be filled.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Template {
    text: Box<str>,
    parts: Box<[Part]>,
}

impl Template {
    /// Reads a template. `{{` and `}}` stand for braces.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..];
            if let Some(after) = brace.strip_prefix("{{").or_else(|| brace.strip_prefix("}}")) {
                plain.push_str(&brace[..1]);
                rest = after;
                continue;
            }
            let (name, after) =
                brace.strip_prefix('{').and_then(|inner| inner.split_once('}')).ok_or(TemplateError::Brace)?;
            let place = match name {
                "client_id" => Placeholder::ClientId,
                "username" => Placeholder::Username,
                other => return Err(TemplateError::UnknownPlaceholder(other.to_owned())),
            };
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain).into()));
            }
            parts.push(Part::Place(place));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain.into()));
        }
        Ok(Template { text: text.into(), parts: parts.into() })
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether there is anything to put in.
    pub fn has_placeholders(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Place(_)))
    }

    /// Puts the values in, as pieces of a filter.
    ///
    /// # Errors
    /// [`Unfit`]: whoever has such a name does not get what the template would have granted.
    pub fn fill(&self, with: Fill<'_>) -> Result<String, Unfit> {
        let mut filled = String::with_capacity(self.text.len());
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Place(place) => {
                    let value = place.fits(with)?;
                    if filled.is_empty() && value.starts_with('$') {
                        return Err(Unfit::Dollar(*place));
                    }
                    filled.push_str(value);
                }
            }
        }
        if filled.len() > usize::from(u16::MAX) { Err(Unfit::TooLong) } else { Ok(filled) }
    }
}

impl Placeholder {
    fn fits(self, with: Fill<'_>) -> Result<&str, Unfit> {
        let value = match self {
            Placeholder::ClientId => with.client_id,
            Placeholder::Username => with.username,
        };
        let value = value.ok_or(Unfit::Absent(self))?;
        if value.is_empty() {
            return Err(Unfit::Empty(self));
        }
        match value.chars().find(|character| matches!(character, '+' | '#' | '/' | '\0')) {
            Some(character) => Err(Unfit::Character(self, character)),
            None => Ok(value),
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({:?})", self.text)
    }
}
