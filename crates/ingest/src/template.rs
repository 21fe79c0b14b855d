//! Templates: how an operator says where things belong.
//!
//! A template is literal text with variables in braces, matched against one text (a group id, an edge node id, a topic
//! level): `{enterprise}:{site}:{area}`. A variable takes as little as it can, so it ends where the literal behind it
//! first appears; that makes a match unique and linear. A topic template is one such template per topic level, and may end
//! in `{rest...}`, which takes all levels that are left, none included.
//! Knows nothing of the tree; the variables are the ISA-95 levels, because a Placement has nothing else to fill.
//! Invariant: what `parse` accepted can be matched without an error.

use std::fmt;

use factree_namespace::Level;

/// A template for one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Variable(Level),
}

/// A template for a topic: one [`Template`] per level, perhaps open at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicTemplate {
    levels: Vec<Template>,
    takes_rest: bool,
}

/// Why a template was refused. The operator must act; the message says on what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateError {
    /// A `{` without its `}`, or a `}` without its `{`.
    Unbalanced {
        /// The template.
        template: String,
    },
    /// A variable that is no ISA-95 level in use.
    UnknownVariable {
        /// What stood between the braces.
        variable: String,
        /// What may stand there.
        accepted: Vec<&'static str>,
    },
    /// Two variables with nothing between them: nobody could say where one ends.
    Adjacent {
        /// The template.
        template: String,
    },
    /// The same level twice in one rule.
    Repeated {
        /// Its name.
        level: &'static str,
    },
    /// `{rest...}` anywhere but as the whole last level of a topic template.
    RestNotLast {
        /// The template.
        template: String,
    },
    /// No text at all.
    Empty,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unbalanced { template } => write!(f, "the braces of {template:?} do not match; write {{site}}"),
            Self::UnknownVariable { variable, accepted } => {
                write!(f, "unknown variable {{{variable}}}; accepted are ")?;
                for (position, name) in accepted.iter().enumerate() {
                    write!(f, "{}{{{name}}}", if position == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Self::Adjacent { template } => {
                write!(f, "two variables of {template:?} touch; put the text that separates them between")
            }
            Self::Repeated { level } => write!(f, "{{{level}}} stands twice in one rule"),
            Self::RestNotLast { template } => {
                write!(f, "{{rest...}} may only be the last level of a topic template, and all of it: {template:?}")
            }
            Self::Empty => write!(f, "the template is empty"),
        }
    }
}

impl std::error::Error for TemplateError {}

/// The open end of a topic template.
const REST: &str = "{rest...}";

impl Template {
    /// Parses a template whose variables must be among `levels`.
    ///
    /// # Errors
    /// [`TemplateError`], for the operator who wrote the template.
    pub(crate) fn parse(text: &str, levels: &[Level]) -> Result<Self, TemplateError> {
        if text.is_empty() {
            return Err(TemplateError::Empty);
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let piece = match rest.find(['{', '}']) {
                Some(0) if rest.starts_with('{') => {
                    let end = rest.find('}').ok_or_else(|| unbalanced(text))?;
                    let variable = &rest[1..end];
                    rest = &rest[end + 1..];
                    if matches!(pieces.last(), Some(Piece::Variable(_))) {
                        return Err(TemplateError::Adjacent { template: text.into() });
                    }
                    Piece::Variable(level_of(variable, levels)?)
                }
                Some(0) => return Err(unbalanced(text)),
                end => {
                    let (literal, behind) = rest.split_at(end.unwrap_or(rest.len()));
                    rest = behind;
                    Piece::Literal(literal.into())
                }
            };
            pieces.push(piece);
        }
        Ok(Self { pieces })
    }

    /// The levels this template names, in their order of appearance.
    pub(crate) fn levels(&self) -> impl Iterator<Item = Level> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(level) => Some(*level),
            Piece::Literal(_) => None,
        })
    }

    /// Matches the whole of `text` and captures what the variables took, which is never empty.
    pub(crate) fn capture<'t>(&self, text: &'t str, into: &mut Captures<'t>) -> bool {
        let mut rest = text;
        let mut pieces = self.pieces.iter().peekable();
        while let Some(piece) = pieces.next() {
            match piece {
                Piece::Literal(literal) => match rest.strip_prefix(literal.as_str()) {
                    Some(behind) => rest = behind,
                    None => return false,
                },
                Piece::Variable(level) => {
                    let end = match pieces.peek() {
                        Some(Piece::Literal(literal)) => rest.find(literal.as_str()),
                        Some(Piece::Variable(_)) => unreachable!("adjacent variables are refused by parse"),
                        None => Some(rest.len()),
                    };
                    match end {
                        None | Some(0) => return false,
                        Some(end) => {
                            into.set(*level, &rest[..end]);
                            rest = &rest[end..];
                        }
                    }
                }
            }
        }
        rest.is_empty()
    }
}

impl TopicTemplate {
    /// Parses a topic template whose variables must be among `levels`.
    ///
    /// # Errors
    /// [`TemplateError`], for the operator who wrote the template.
    pub(crate) fn parse(text: &str, levels: &[Level]) -> Result<Self, TemplateError> {
        if text.is_empty() {
            return Err(TemplateError::Empty);
        }
        let (fixed, takes_rest) = match text.strip_suffix(REST) {
            Some("") => ("", true),
            Some(fixed) => match fixed.strip_suffix('/') {
                Some(fixed) => (fixed, true),
                None => return Err(TemplateError::RestNotLast { template: text.into() }),
            },
            None => (text, false),
        };
        if fixed.contains(REST) {
            return Err(TemplateError::RestNotLast { template: text.into() });
        }
        let levels = if fixed.is_empty() && takes_rest {
            Vec::new()
        } else {
            fixed.split('/').map(|level| Template::parse(level, levels)).collect::<Result<_, _>>()?
        };
        Ok(Self { levels, takes_rest })
    }

    /// The ISA-95 levels this template names, in their order of appearance.
    pub(crate) fn levels(&self) -> impl Iterator<Item = Level> {
        self.levels.iter().flat_map(Template::levels)
    }

    /// Matches a whole topic; returns the levels left for `{rest...}` as one text, empty if none.
    pub(crate) fn capture<'t>(&self, topic: &'t str, into: &mut Captures<'t>) -> Option<&'t str> {
        let mut rest = Some(topic);
        for template in &self.levels {
            let (level, behind) = match rest?.split_once('/') {
                Some((level, behind)) => (level, Some(behind)),
                None => (rest?, None),
            };
            if !template.capture(level, into) {
                return None;
            }
            rest = behind;
        }
        match rest {
            None => Some(""),
            Some(rest) if self.takes_rest => Some(rest),
            Some(_) => None,
        }
    }
}

/// What the variables of a rule took, by level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Captures<'t> {
    by_level: [Option<&'t str>; Level::ALL.len()],
}

impl<'t> Captures<'t> {
    fn set(&mut self, level: Level, text: &'t str) {
        self.by_level[level as usize] = Some(text);
    }

    /// The captured levels from Enterprise downwards.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Level, &'t str)> + use<'t> {
        let by_level = self.by_level;
        Level::ALL.into_iter().filter_map(move |level| by_level[level as usize].map(|text| (level, text)))
    }
}

/// Refuses a rule that fills one level twice.
///
/// # Errors
/// [`TemplateError::Repeated`] with the level.
pub(crate) fn refuse_repeated(levels: impl Iterator<Item = Level>) -> Result<(), TemplateError> {
    let mut seen = [false; Level::ALL.len()];
    for level in levels {
        if std::mem::replace(&mut seen[level as usize], true) {
            return Err(TemplateError::Repeated { level: level.as_str() });
        }
    }
    Ok(())
}

fn level_of(variable: &str, levels: &[Level]) -> Result<Level, TemplateError> {
    levels.iter().copied().find(|level| level.as_str() == variable).ok_or_else(|| {
        let accepted = levels.iter().map(|level| level.as_str()).collect();
        TemplateError::UnknownVariable { variable: variable.into(), accepted }
    })
}

fn unbalanced(template: &str) -> TemplateError {
    TemplateError::Unbalanced { template: template.into() }
}
