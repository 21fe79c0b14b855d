//! A filter over paths, in the notation of MQTT topic filters: `+` for one segment, `#` for the rest, itself included.
//!
//! Parsed once, then walked beside the tree, so that a literal segment is one lookup and only what can match is visited.
//! Refuses to know MQTT: no `$` topics, no shared subscriptions; any other text is a name.
//! Invariant: `Rest` is the last part, if it is there.

use std::fmt;

/// What a filter says about one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Name(Box<str>),
    /// `+`
    Any,
    /// `#`
    Rest,
}

/// Which elements are meant: `Acme/Dallas/Press/#`, `Acme/+/Press/Line1`, `#`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    parts: Vec<Part>,
}

/// Why a text is no filter, in words for the person who wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterError {
    /// The text is empty.
    Empty,
    /// More than [`Filter::SEGMENTS_MAX`] segments.
    TooLong,
    /// `#` is not the last segment; its position from 1.
    RestNotLast {
        /// Which segment, from 1.
        segment: usize,
    },
    /// `+` or `#` shares a segment with other text; its position from 1.
    WildcardInName {
        /// Which segment, from 1.
        segment: usize,
    },
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the filter is empty; '#' matches everything"),
            Self::TooLong => write!(f, "the filter has more than {} segments", Filter::SEGMENTS_MAX),
            Self::RestNotLast { segment } => write!(f, "'#' must be the last segment, but is segment {segment}"),
            Self::WildcardInName { segment } => {
                write!(f, "'+' and '#' must stand alone in a segment, but segment {segment} holds other text too")
            }
        }
    }
}

impl std::error::Error for FilterError {}

impl Filter {
    /// Segments a filter may have; no tree is deeper.
    pub const SEGMENTS_MAX: usize = 512;

    /// Parses a filter.
    ///
    /// # Errors
    /// [`FilterError`], whose text can be shown to the peer as it is.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        if text.is_empty() {
            return Err(FilterError::Empty);
        }
        let mut parts = Vec::new();
        for (position, segment) in text.split('/').enumerate() {
            if position == Self::SEGMENTS_MAX {
                return Err(FilterError::TooLong);
            }
            if parts.last() == Some(&Part::Rest) {
                return Err(FilterError::RestNotLast { segment: position });
            }
            parts.push(match segment {
                "+" => Part::Any,
                "#" => Part::Rest,
                name if name.contains(['+', '#']) => return Err(FilterError::WildcardInName { segment: position + 1 }),
                name => Part::Name(name.into()),
            });
        }
        Ok(Self { parts })
    }

    /// Whether the filter means the element at `path`.
    pub fn matches(&self, path: &str) -> bool {
        self.matches_names(path.split('/'))
    }

    /// The same for a path as the names it is made of, from the top down.
    pub(crate) fn matches_names<'n>(&self, mut names: impl Iterator<Item = &'n str>) -> bool {
        for part in &self.parts {
            match (part, names.next()) {
                (Part::Rest, _) => return true,
                (Part::Any, Some(_)) => {}
                (Part::Name(wanted), Some(name)) if **wanted == *name => {}
                (Part::Any | Part::Name(_), _) => return false,
            }
        }
        names.next().is_none()
    }

    /// What the filter says about what stands below `path`, as a filter over the rest of the way; none if it means nothing there.
    pub fn below(&self, path: &str) -> Option<Self> {
        let mut parts = self.parts.iter();
        for name in path.split('/') {
            match parts.next()? {
                Part::Rest => return Some(Self { parts: vec![Part::Rest] }),
                Part::Any => {}
                Part::Name(wanted) if **wanted == *name => {}
                Part::Name(_) => return None,
            }
        }
        let parts: Vec<Part> = parts.cloned().collect();
        (!parts.is_empty()).then_some(Self { parts })
    }

    /// The same with everything below.
    pub(crate) fn with_rest(&self) -> Self {
        let mut parts = self.parts.clone();
        if parts.last() != Some(&Part::Rest) {
            parts.push(Part::Rest);
        }
        Self { parts }
    }

    /// Whether it ends with `#`.
    pub fn is_open(&self) -> bool {
        self.parts.last() == Some(&Part::Rest)
    }

    /// How many segments it has, a `#` among them.
    pub fn segments_len(&self) -> usize {
        self.parts.len()
    }

    /// Whether it has a wildcard.
    pub fn is_wild(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, Part::Name(_)))
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, part) in self.parts.iter().enumerate() {
            if position > 0 {
                f.write_str("/")?;
            }
            f.write_str(match part {
                Part::Name(name) => name,
                Part::Any => "+",
                Part::Rest => "#",
            })?;
        }
        Ok(())
    }
}
