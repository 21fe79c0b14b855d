//! A grant: verbs, and what they may be done to.
//!
//! There are three worlds and nothing leads from one to another: MQTT topics, the tree, and the areas of Factree
//! itself. A grant is written `read,write topics:plants/{username}/#`, `command tree:Acme/Dallas/#` or `admin
//! area:clients`. There are only grants; what none of them allows is denied.
//! Invariant: a grant that exists can be compiled for anybody; at worst its template cannot be filled and it grants
//! nothing.

use std::fmt;

use factree_mqtt::{TopicError, TopicFilter};

use crate::limits::FILTER_LEVELS_MAX;
use crate::template::{Fill, Template, TemplateError, Unfit};
use crate::verb::{Verb, Verbs};

/// A part of Factree itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Area {
    /// Users, roles, keys and sessions.
    Access,
    /// The audit log.
    Audit,
    /// Clients: who is connected, disconnecting them.
    Clients,
    /// Configuration: reloading it, brokers that are attached to, the model of the plant.
    Config,
    /// Edge Nodes' reports and findings.
    Conformance,
    /// `/metrics`.
    Metrics,
}

impl Area {
    /// All of them, as they are listed.
    pub const ALL: [Area; 6] =
        [Area::Access, Area::Audit, Area::Clients, Area::Config, Area::Conformance, Area::Metrics];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Area::Access => "access",
            Area::Audit => "audit",
            Area::Clients => "clients",
            Area::Config => "config",
            Area::Conformance => "conformance",
            Area::Metrics => "metrics",
        }
    }

    /// The area a word stands for.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|area| area.as_str() == text)
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a grant is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Topics that a topic filter matches; `#` does not reach topics that begin with `$` `[MQTT-4.7.2-1]`.
    Topics(Template),
    /// Elements of the tree that a filter means, in the same notation.
    Tree(Template),
    /// An area; none for all of them.
    Area(Option<Area>),
}

impl Scope {
    /// Its filter with everything put in, if it has one.
    pub(crate) fn filled(&self, with: Fill<'_>) -> Result<Option<String>, Unfit> {
        match self {
            Scope::Topics(filter) | Scope::Tree(filter) => filter.fill(with).map(Some),
            Scope::Area(_) => Ok(None),
        }
    }

    /// Whether it means something else for each principal or session.
    fn is_personal(&self) -> bool {
        match self {
            Scope::Topics(filter) | Scope::Tree(filter) => filter.has_placeholders(),
            Scope::Area(_) => false,
        }
    }
}

/// Verbs, and what they may be done to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    verbs: Verbs,
    scope: Scope,
}

/// Why there is no such grant, in words for whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantError {
    /// Not `{verbs} {topics|tree|area}:{what}`.
    Form,
    /// A word that is no verb.
    UnknownVerb(String),
    /// No verb at all.
    NoVerb,
    /// A verb that cannot be done there: `admin` to topics or the tree, `write` or `command` to an area.
    VerbOutOfPlace(Verb),
    /// A word that is no area.
    UnknownArea(String),
    /// Of the placeholders.
    Template(TemplateError),
    /// The filter is none.
    Filter(TopicError),
    /// `$share/…` is how somebody subscribes; a grant names what is matched.
    Shared,
    /// More than [`FILTER_LEVELS_MAX`] levels.
    TooDeep,
}

impl fmt::Display for GrantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => {
                f.write_str("a grant is written 'read,write topics:FILTER', 'command tree:FILTER' or 'admin area:NAME'")
            }
            Self::UnknownVerb(word) => write!(f, "'{word}' is no verb: there are read, write, command and admin"),
            Self::NoVerb => f.write_str("a grant needs a verb"),
            Self::VerbOutOfPlace(Verb::Admin) => {
                f.write_str("admin is for areas; topics and the tree know read, write, command")
            }
            Self::VerbOutOfPlace(verb) => write!(f, "{verb} is for topics and the tree; areas know read and admin"),
            Self::UnknownArea(word) => {
                write!(f, "'{word}' is no area: there are * and")?;
                Area::ALL.iter().try_for_each(|area| write!(f, " {area}"))
            }
            Self::Template(error) => error.fmt(f),
            Self::Filter(error) => error.fmt(f),
            Self::Shared => f.write_str("a grant names topics without '$share/{name}/'"),
            Self::TooDeep => write!(f, "a grant's filter has at most {FILTER_LEVELS_MAX} levels"),
        }
    }
}

impl std::error::Error for GrantError {}

impl Grant {
    /// A grant for topics.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn topics(verbs: Verbs, filter: &str) -> Result<Self, GrantError> {
        Self::new(verbs, Scope::Topics(filter_template(filter)?))
    }

    /// A grant for elements of the tree.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn tree(verbs: Verbs, filter: &str) -> Result<Self, GrantError> {
        Self::new(verbs, Scope::Tree(filter_template(filter)?))
    }

    /// A grant for an area, or for all.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn area(verbs: Verbs, area: Option<Area>) -> Result<Self, GrantError> {
        Self::new(verbs, Scope::Area(area))
    }

    fn new(verbs: Verbs, scope: Scope) -> Result<Self, GrantError> {
        let known: &[Verb] = match scope {
            Scope::Topics(_) | Scope::Tree(_) => &[Verb::Read, Verb::Write, Verb::Command],
            Scope::Area(_) => &[Verb::Read, Verb::Admin],
        };
        if verbs.is_empty() {
            return Err(GrantError::NoVerb);
        }
        match verbs.iter().find(|verb| !known.contains(verb)) {
            Some(verb) => Err(GrantError::VerbOutOfPlace(verb)),
            None => Ok(Grant { verbs, scope }),
        }
    }

    /// Reads a grant as [`Display`](fmt::Display) writes it.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn parse(text: &str) -> Result<Self, GrantError> {
        let (verbs, scope) = text.split_once(' ').ok_or(GrantError::Form)?;
        let verbs = Verbs::parse(verbs).map_err(GrantError::UnknownVerb)?;
        match scope.split_once(':').ok_or(GrantError::Form)? {
            ("topics", filter) => Self::topics(verbs, filter),
            ("tree", filter) => Self::tree(verbs, filter),
            ("area", "*") => Self::area(verbs, None),
            ("area", name) => {
                let area = Area::parse(name).ok_or_else(|| GrantError::UnknownArea(name.to_owned()))?;
                Self::area(verbs, Some(area))
            }
            _ => Err(GrantError::Form),
        }
    }

    /// What may be done.
    pub const fn verbs(&self) -> Verbs {
        self.verbs
    }

    /// Whether it means something else for each principal or session: it has a placeholder.
    pub fn is_personal(&self) -> bool {
        self.scope.is_personal()
    }

    /// To what.
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scope {
            Scope::Topics(filter) => write!(f, "{} topics:{filter}", self.verbs),
            Scope::Tree(filter) => write!(f, "{} tree:{filter}", self.verbs),
            Scope::Area(Some(area)) => write!(f, "{} area:{area}", self.verbs),
            Scope::Area(None) => write!(f, "{} area:*", self.verbs),
        }
    }
}

/// A template that becomes a filter whatever fits into it.
fn filter_template(text: &str) -> Result<Template, GrantError> {
    let template = Template::parse(text).map_err(GrantError::Template)?;
    // Any name that fits shows what every name will make of it.
    let filled = template.fill(Fill { client_id: Some("x"), username: Some("x") }).map_err(|unfit| match unfit {
        Unfit::TooLong => GrantError::Filter(TopicError::TooLong),
        _ => unreachable!("x fits everywhere"),
    })?;
    let filter = TopicFilter::parse(&filled).map_err(GrantError::Filter)?;
    if filter.share_name().is_some() {
        return Err(GrantError::Shared);
    }
    if filter.levels().count() > FILTER_LEVELS_MAX {
        return Err(GrantError::TooDeep);
    }
    Ok(template)
}
