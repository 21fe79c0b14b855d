//! Templates: how a Sparkplug id or a topic is taken apart into the levels of the tree.
//!
//! A [`Template`] matches one text (a group id, an edge node id, a device id, one topic level) as a whole. It is literal text
//! and variables in braces: `{enterprise}:{site}:{area}`. A variable takes as little as it can, so it ends where the literal
//! behind it first appears; that makes a match unique and linear. A variable may say what it takes by a regular expression,
//! `{work_center:Line[0-9]+}`; then, or where case is ignored, the template is one anchored expression ([`regex`]: linear in
//! the text whatever the operator wrote, bounded when it is compiled). A topic template is one such template per topic
//! level, and may end in `{rest...}`, which takes all levels that are left, none included.
//! Knows nothing of the tree; the variables are the ISA-95 levels, because a Placement has nothing else to fill.
//! Invariant: what `parse` accepted can be matched without an error.

use std::fmt;
use std::sync::Arc;

use factree_namespace::Level;
use regex::{Regex, RegexBuilder};

/// Bytes that one compiled template may take; `[0-9]` takes a few, `\w{1,50}` a hundred thousand.
const COMPILED_BYTES_MAX: usize = 256 << 10;
/// Bytes of one template's text.
const TEMPLATE_BYTES_MAX: usize = 4 << 10;
/// Groups inside each other in one expression.
const NESTING_MAX: u32 = 32;

/// A template for one text.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    /// As the operator wrote it.
    text: Arc<str>,
    pieces: Vec<Piece>,
    /// The whole of it, if pieces alone do not say what matches.
    expression: Option<Expression>,
    case: Case,
}

/// A template that is one expression.
#[derive(Clone, Debug)]
struct Expression {
    whole: Regex,
    /// The group of each variable.
    groups: Vec<(Level, usize)>,
}

#[derive(Clone, Debug)]
enum Piece {
    Literal(String),
    /// With the expression it takes, if it says so.
    Variable(Level, Option<String>),
}

/// What becomes of upper and lower case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Case {
    /// It counts.
    #[default]
    Keep,
    /// Rules match whatever the case, and the levels they capture are named in lower case.
    Lower,
    /// Rules match whatever the case, and the levels they capture are named in upper case.
    Upper,
}

impl Case {
    /// A captured name as it stands in the tree.
    pub(crate) fn fold(self, name: &str) -> Box<str> {
        match self {
            Self::Keep => name.into(),
            Self::Lower => name.to_lowercase().into(),
            Self::Upper => name.to_uppercase().into(),
        }
    }
}

/// A template for a topic: one [`Template`] per level, perhaps open at its end.
#[derive(Clone, Debug)]
pub(crate) struct TopicTemplate {
    text: Arc<str>,
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
    /// Two variables with nothing between them and no expression: nobody could say where one ends.
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
    /// What stands behind the colon of a variable is no regular expression, or too large a one.
    Expression {
        /// The expression.
        expression: String,
        /// What is wrong with it.
        why: String,
    },
    /// No text at all.
    Empty,
    /// More text than a template may have.
    TooLong,
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
                write!(
                    f,
                    "two variables of {template:?} touch; put the text that separates them between, or say what one takes: \
                     {{area:[A-Z]+}}"
                )
            }
            Self::Repeated { level } => write!(f, "{{{level}}} stands twice in one rule"),
            Self::RestNotLast { template } => {
                write!(f, "{{rest...}} may only be the last level of a topic template, and all of it: {template:?}")
            }
            Self::Expression { expression, why } => {
                write!(f, "{expression:?} is no expression that can be used: {why}")
            }
            Self::Empty => write!(f, "the template is empty"),
            Self::TooLong => write!(f, "the template is longer than {TEMPLATE_BYTES_MAX} bytes"),
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
    pub(crate) fn parse(text: &str, levels: &[Level], case: Case) -> Result<Self, TemplateError> {
        if text.is_empty() {
            return Err(TemplateError::Empty);
        }
        if text.len() > TEMPLATE_BYTES_MAX {
            return Err(TemplateError::TooLong);
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let piece = match rest.find(['{', '}']) {
                Some(0) if rest.starts_with('{') => {
                    let end = closing_brace(rest).ok_or_else(|| unbalanced(text))?;
                    let inside = &rest[1..end];
                    rest = &rest[end + 1..];
                    let (variable, expression) = match inside.split_once(':') {
                        Some((variable, expression)) => (variable, Some(expression.to_owned())),
                        None => (inside, None),
                    };
                    if matches!((pieces.last(), &expression), (Some(Piece::Variable(_, None)), None)) {
                        return Err(TemplateError::Adjacent { template: text.into() });
                    }
                    Piece::Variable(level_of(variable, levels)?, expression)
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
        refuse_repeated(levels_of(&pieces))?;
        let expression = expression(&pieces, case)?;
        Ok(Self { text: text.into(), pieces, expression, case })
    }

    /// As the operator wrote it.
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The levels this template names, in their order of appearance.
    pub(crate) fn levels(&self) -> impl Iterator<Item = Level> {
        levels_of(&self.pieces)
    }

    /// Matches the whole of `text` and captures what the variables took, which is never empty.
    pub(crate) fn capture<'t>(&self, text: &'t str, into: &mut Captures<'t>) -> bool {
        into.case = self.case;
        let Some(Expression { whole, groups }) = &self.expression else { return self.capture_pieces(text, into) };
        let Some(captures) = whole.captures(text) else { return false };
        groups.iter().all(|&(level, group)| {
            let taken = captures.get(group).map_or("", |taken| taken.as_str());
            into.set(level, taken);
            !taken.is_empty()
        })
    }

    /// Without an expression: each variable ends where the literal behind it first appears.
    fn capture_pieces<'t>(&self, text: &'t str, into: &mut Captures<'t>) -> bool {
        let mut rest = text;
        let mut pieces = self.pieces.iter().peekable();
        while let Some(piece) = pieces.next() {
            match piece {
                Piece::Literal(literal) => match rest.strip_prefix(literal.as_str()) {
                    Some(behind) => rest = behind,
                    None => return false,
                },
                Piece::Variable(level, _) => {
                    let end = match pieces.peek() {
                        Some(Piece::Literal(literal)) => rest.find(literal.as_str()),
                        Some(Piece::Variable(..)) => unreachable!("adjacent variables have an expression"),
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

fn levels_of(pieces: &[Piece]) -> impl Iterator<Item = Level> {
    pieces.iter().filter_map(|piece| match piece {
        Piece::Variable(level, _) => Some(*level),
        Piece::Literal(_) => None,
    })
}

/// Where the brace that opens `text` is closed. An expression may hold braces of its own, in pairs or behind a `\`.
fn closing_brace(text: &str) -> Option<usize> {
    let (mut open, mut is_escaped) = (0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'{' => open += 1,
            b'}' => {
                open -= 1;
                if open == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// The whole template as one expression, if a variable has one or case is ignored.
fn expression(pieces: &[Piece], case: Case) -> Result<Option<Expression>, TemplateError> {
    let has_one = pieces.iter().any(|piece| matches!(piece, Piece::Variable(_, Some(_))));
    if !has_one && case == Case::Keep {
        return Ok(None);
    }
    let mut whole = String::from(r"\A");
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Literal(literal) => whole += &regex::escape(literal),
            Piece::Variable(level, Some(own)) => {
                // On its own first: `a)(b` must not find its counterparts in what is put around it.
                compile(own, own, case)?;
                whole += &format!("(?P<{}>{own})", level.as_str());
            }
            Piece::Variable(level, None) => {
                let taken = match pieces.get(at + 1) {
                    // What ends it is not in it, as without an expression.
                    Some(Piece::Literal(literal)) if literal.chars().count() == 1 => {
                        format!("[^{}]+", regex::escape(literal))
                    }
                    Some(_) => "(?s:.+?)".into(),
                    None => "(?s:.+)".into(),
                };
                whole += &format!("(?P<{}>{taken})", level.as_str());
            }
        }
    }
    whole += r"\z";
    let shown = pieces.iter().find_map(|piece| match piece {
        Piece::Variable(_, Some(own)) => Some(own.as_str()),
        _ => None,
    });
    let whole = compile(&whole, shown.unwrap_or(&whole), case)?;
    let group = |level: Level| whole.capture_names().position(|name| name == Some(level.as_str()));
    let groups = levels_of(pieces).map(|level| (level, group(level).expect("every variable has its group"))).collect();
    Ok(Some(Expression { whole, groups }))
}

fn compile(expression: &str, shown: &str, case: Case) -> Result<Regex, TemplateError> {
    let mut builder = RegexBuilder::new(expression);
    builder.case_insensitive(case != Case::Keep).nest_limit(NESTING_MAX);
    builder.size_limit(COMPILED_BYTES_MAX).dfa_size_limit(COMPILED_BYTES_MAX);
    builder.build().map_err(|error| {
        let why = match error {
            regex::Error::CompiledTooBig(_) => {
                "it is too large once it is compiled; count less, or match ASCII: (?-u:\\w)".into()
            }
            // The last line says what is wrong, those above draw arrows.
            error => error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
        };
        TemplateError::Expression { expression: shown.into(), why }
    })
}

impl TopicTemplate {
    /// Parses a topic template whose variables must be among `levels`.
    ///
    /// # Errors
    /// [`TemplateError`], for the operator who wrote the template.
    pub(crate) fn parse(text: &str, levels: &[Level], case: Case) -> Result<Self, TemplateError> {
        if text.is_empty() {
            return Err(TemplateError::Empty);
        }
        if text.len() > TEMPLATE_BYTES_MAX {
            return Err(TemplateError::TooLong);
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
            fixed.split('/').map(|level| Template::parse(level, levels, case)).collect::<Result<_, _>>()?
        };
        Ok(Self { text: text.into(), levels, takes_rest })
    }

    /// As the operator wrote it.
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
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
    case: Case,
}

impl<'t> Captures<'t> {
    fn set(&mut self, level: Level, text: &'t str) {
        self.by_level[level as usize] = Some(text);
    }

    /// The captured levels from Enterprise downwards, in the rule's case.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Level, Box<str>)> + use<'t> {
        let Self { by_level, case } = *self;
        Level::ALL.into_iter().filter_map(move |level| by_level[level as usize].map(|text| (level, case.fold(text))))
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
