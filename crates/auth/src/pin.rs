//! A pin: as whom somebody may speak Sparkplug.
//!
//! Grants say where one may publish; pins say in whose name. A role with pins narrows what its holders may publish of
//! births, data and deaths (or of STATE) to Edge Nodes (or Host Applications) that one of the pins names, however wide
//! the grants are. It is the only thing that takes away, and it takes away from its own holders only: without it, a
//! `write` on `spBv1.0/#` would make every Edge Node the peer of every other.
//! Invariant: a pin that cannot be filled pins to nobody, so its holder publishes none of these messages.

use std::fmt;

use crate::sparkplug::Message;
use crate::template::{Fill, Template, TemplateError, Unfit};

/// What a pin says about one id: exactly this, or beginning with this (a `*` at the end), with the usual placeholders.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdPattern {
    stem: Template,
    /// A `*` stood behind the stem.
    open: bool,
}

/// Why a text is no pattern for an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdPatternError {
    /// Nothing at all; `*` stands for any id.
    Empty,
    /// `*` anywhere but at the end.
    Star,
    /// `+`, `#` or `/`, which no Sparkplug id contains `tck-id-topic-structure-namespace-valid-group-id`.
    Character(char),
    /// Of the placeholders.
    Template(TemplateError),
}

impl fmt::Display for IdPatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the pattern is empty; '*' stands for any id"),
            Self::Star => f.write_str("'*' stands at the end of a pattern"),
            Self::Character(character) => write!(f, "no Sparkplug id contains '{character}'"),
            Self::Template(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for IdPatternError {}

impl IdPattern {
    /// Reads `Line1`, `Acme:*`, `{client_id}` or `*`.
    ///
    /// # Errors
    /// [`IdPatternError`].
    pub fn parse(text: &str) -> Result<Self, IdPatternError> {
        let (stem, open) = text.strip_suffix('*').map_or((text, false), |stem| (stem, true));
        if stem.is_empty() && !open {
            return Err(IdPatternError::Empty);
        }
        match stem.chars().find(|character| matches!(character, '*' | '+' | '#' | '/')) {
            Some('*') => Err(IdPatternError::Star),
            Some(character) => Err(IdPatternError::Character(character)),
            None => Ok(IdPattern { stem: Template::parse(stem).map_err(IdPatternError::Template)?, open }),
        }
    }

    fn fill(&self, with: Fill<'_>) -> Result<FilledPattern, Unfit> {
        Ok(FilledPattern { stem: self.stem.fill(with)?.into(), open: self.open })
    }
}

impl fmt::Display for IdPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.stem, if self.open { "*" } else { "" })
    }
}

const EDGE_NODE: &str = "edge node ";
const HOST: &str = "host application ";

/// Why a text is no pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinError {
    /// Neither an Edge Node nor a Host Application.
    Form,
    /// Of one of its ids.
    Id(IdPatternError),
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("a pin is written 'edge node GROUP/EDGE_NODE' or 'host application HOST'"),
            Self::Id(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PinError {}

/// As whom the holders of a role may speak.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pin {
    /// As these Edge Nodes.
    EdgeNode {
        /// Which groups.
        group: IdPattern,
        /// Which Edge Nodes in them.
        edge_node: IdPattern,
    },
    /// As these Host Applications.
    Host(IdPattern),
}

impl Pin {
    /// Reads a pin as [`Display`](fmt::Display) writes it: `edge node Acme:*/{client_id}`, `host application scada`.
    ///
    /// # Errors
    /// [`PinError`].
    pub fn parse(text: &str) -> Result<Self, PinError> {
        let id = |text| IdPattern::parse(text).map_err(PinError::Id);
        if let Some(edge_node) = text.strip_prefix(EDGE_NODE) {
            let (group, edge_node) = edge_node.split_once('/').ok_or(PinError::Form)?;
            return Ok(Pin::EdgeNode { group: id(group)?, edge_node: id(edge_node)? });
        }
        text.strip_prefix(HOST).ok_or(PinError::Form).and_then(|host| id(host).map(Pin::Host))
    }

    /// Whether it means somebody else for each principal or session: it has a placeholder.
    pub fn is_personal(&self) -> bool {
        match self {
            Pin::EdgeNode { group, edge_node } => [group, edge_node].iter().any(|id| id.stem.has_placeholders()),
            Pin::Host(host) => host.stem.has_placeholders(),
        }
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pin::EdgeNode { group, edge_node } => write!(f, "{EDGE_NODE}{group}/{edge_node}"),
            Pin::Host(host) => write!(f, "{HOST}{host}"),
        }
    }
}

#[derive(Clone, Debug)]
struct FilledPattern {
    stem: Box<str>,
    open: bool,
}

impl FilledPattern {
    fn matches(&self, id: &str) -> bool {
        if self.open { id.starts_with(&*self.stem) } else { *id == *self.stem }
    }
}

/// The pins of one principal, filled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pins {
    /// None: not pinned.
    edge_nodes: Option<Vec<(FilledPattern, FilledPattern)>>,
    hosts: Option<Vec<FilledPattern>>,
}

impl Pins {
    /// Pins to one more. If it cannot be filled, the principal is pinned all the same.
    pub(crate) fn add(&mut self, pin: &Pin, with: Fill<'_>) -> Result<(), Unfit> {
        match pin {
            Pin::EdgeNode { group, edge_node } => {
                let pinned = self.edge_nodes.get_or_insert_default();
                pinned.push((group.fill(with)?, edge_node.fill(with)?));
            }
            Pin::Host(host) => {
                let pinned = self.hosts.get_or_insert_default();
                pinned.push(host.fill(with)?);
            }
        }
        Ok(())
    }

    /// Whether nobody is pinned.
    pub(crate) fn are_none(&self) -> bool {
        self.edge_nodes.is_none() && self.hosts.is_none()
    }

    /// Whether the message may be said in the name it is said in.
    #[inline]
    pub(crate) fn allow(&self, message: Message<'_>) -> bool {
        match (message, &self.edge_nodes, &self.hosts) {
            (Message::EdgeNode { group, edge_node }, Some(pinned), _) => {
                pinned.iter().any(|(groups, edge_nodes)| groups.matches(group) && edge_nodes.matches(edge_node))
            }
            (Message::State { host }, _, Some(pinned)) => pinned.iter().any(|hosts| hosts.matches(host)),
            (Message::EdgeNode { .. }, None, _) | (Message::State { .. }, _, None) => true,
            (Message::Plain | Message::Command, _, _) => true,
        }
    }
}
