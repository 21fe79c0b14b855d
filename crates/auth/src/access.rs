//! What one principal may do: its roles' grants, compiled.
//!
//! One evaluator for every way in. [`Access::may_publish`] and [`Access::may_receive`] are asked for each message; they
//! walk a trie, allocate nothing and look at no clock. Everything that can vary (who, in which session, with which
//! roles) is put in when it is compiled, so an `Access` never changes: when something does, the holder's
//! [`Tenure`](crate::Tenure) is over and another one is made. Knows no sessions and no sockets.
//! Invariant: what no grant allows is denied; there is no way to say otherwise.

mod explain;
mod trie;

pub use explain::{Explanation, Source};

use factree_mqtt::{TopicError, TopicFilter, TopicName};

use crate::grant::{Area, Grant, Scope};
use crate::pin::Pins;
use crate::role::Role;
use crate::sparkplug::{Message, original, originals};
use crate::template::Fill;
use crate::verb::{Verb, Verbs};
use trie::Trie;

/// What something is to be done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A topic: publishing to it, delivering from it.
    Topic(TopicName<'a>),
    /// All topics that a filter matches: a subscription. Of a shared one, the part behind `$share/{name}/` counts.
    Filter(TopicFilter<'a>),
    /// An element of the tree, by its path.
    Element(&'a str),
    /// All elements that a filter of the tree means.
    Elements(&'a str),
    /// A part of Factree itself.
    Area(Area),
}

impl<'a> Target<'a> {
    /// A topic.
    ///
    /// # Errors
    /// Why the text is none.
    pub fn topic(topic: &'a str) -> Result<Self, TopicError> {
        TopicName::parse(topic).map(Target::Topic)
    }

    /// All topics that a filter matches.
    ///
    /// # Errors
    /// Why the text is none.
    pub fn filter(filter: &'a str) -> Result<Self, TopicError> {
        TopicFilter::parse(filter).map(Target::Filter)
    }

    /// All elements that a filter means.
    ///
    /// # Errors
    /// Why the text is none.
    pub fn elements(filter: &'a str) -> Result<Self, TopicError> {
        TopicFilter::parse(filter).map(|_| Target::Elements(filter))
    }
}

/// An answer, with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// A grant allows it.
    Allowed,
    /// No grant gives this verb there.
    NoGrant(Verb),
    /// A grant would, but the principal may not speak in that name.
    Pinned,
}

impl Decision {
    /// Whether it may be done.
    #[inline]
    pub fn is_allowed(self) -> bool {
        self == Decision::Allowed
    }
}

/// What one principal may do in one session.
#[derive(Debug)]
pub struct Access {
    topics: Trie,
    tree: Trie,
    areas: [Verbs; Area::ALL.len()],
    pins: Pins,
    /// What all this was made from, for those who ask why.
    roles: Vec<Role>,
    client_id: Option<Box<str>>,
    username: Option<Box<str>>,
    mask: Verbs,
    is_unrestricted: bool,
}

impl Access {
    /// Compiles what these roles grant to whom `fill` describes. `mask` takes verbs away from all of them: a key that
    /// only reads.
    pub fn compile<'r>(roles: impl IntoIterator<Item = &'r Role>, fill: Fill<'_>, mask: Verbs) -> Self {
        let mut access = Access {
            roles: roles.into_iter().cloned().collect(),
            client_id: fill.client_id.map(Into::into),
            username: fill.username.map(Into::into),
            mask,
            ..Self::none()
        };
        for role in access.roles.clone() {
            for grant in role.grants() {
                access.grant(grant);
            }
            for pin in role.pins() {
                // A pin that cannot be filled pins all the same: to nobody.
                let _unfit = access.pins.add(pin, fill);
            }
        }
        access.topics.seal();
        access.tree.seal();
        access.is_unrestricted = access.grants_everything();
        access
    }

    /// Everything: what the built-in role `admin` gives.
    pub fn unrestricted() -> Self {
        let [.., admin] = Role::built_in();
        Self::compile([&admin], Fill::default(), Verbs::ALL)
    }

    /// Nothing at all: what somebody has whose rights could not be found out.
    pub fn none() -> Self {
        Access {
            topics: Trie::new(true),
            tree: Trie::new(false),
            areas: Default::default(),
            pins: Pins::default(),
            roles: Vec::new(),
            client_id: None,
            username: None,
            mask: Verbs::NONE,
            is_unrestricted: false,
        }
    }

    /// Whether it gives all that there is to give, so that nothing has to be asked: what `admin` gives, and no pins.
    #[inline]
    pub fn is_unrestricted(&self) -> bool {
        self.is_unrestricted
    }

    fn grants_everything(&self) -> bool {
        let plant = [Verb::Read, Verb::Write, Verb::Command];
        let ours = self.topics.covers(Verb::Read, "$SYS/#");
        let plants = plant.iter().all(|verb| self.topics.covers(*verb, "#") && self.tree.covers(*verb, "#"));
        let areas = self.areas.iter().all(|verbs| verbs.has(Verb::Read) && verbs.has(Verb::Admin));
        ours && plants && areas && self.pins.are_none()
    }

    /// The roles that all this comes from.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The verbs that it was compiled with: a key's may be fewer than its owner's.
    pub const fn mask(&self) -> Verbs {
        self.mask
    }

    /// Whether the other one was compiled of the same, so that whoever has either may do the same.
    pub fn grants_the_same(&self, other: &Access) -> bool {
        let about = |access: &Access| (access.mask, access.client_id.clone(), access.username.clone());
        std::ptr::eq(self, other) || (self.roles == other.roles && about(self) == about(other))
    }

    /// What its templates are filled with.
    fn fill(&self) -> Fill<'_> {
        Fill { client_id: self.client_id.as_deref(), username: self.username.as_deref() }
    }

    fn grant(&mut self, grant: &Grant) {
        let verbs = grant.verbs().and(self.mask);
        match grant.scope() {
            // A template that cannot be filled gives nothing.
            Scope::Topics(filter) => {
                if let Ok(filter) = filter.fill(self.fill()) {
                    self.topics.insert(&filter, verbs);
                }
            }
            Scope::Tree(filter) => {
                if let Ok(filter) = filter.fill(self.fill()) {
                    self.tree.insert(&filter, verbs);
                }
            }
            Scope::Area(area) => {
                for of in Area::ALL.into_iter().filter(|of| area.is_none_or(|area| area == *of)) {
                    self.areas[of as usize] = self.areas[of as usize].or(verbs);
                }
            }
        }
    }

    /// Whether a message may be published: a PUBLISH, a will when it is set and again when it is due, a retained
    /// message.
    ///
    /// NCMD, DCMD and STATE need [`Verb::Command`], everything else [`Verb::Write`]; what an Edge Node or a Host
    /// Application says of itself has to fit the pins, if there are any.
    #[inline]
    pub fn may_publish(&self, topic: TopicName<'_>) -> Decision {
        let message = Message::of(topic.as_str());
        let verb = message.verb();
        if !self.topics.grants(verb, topic.as_str()) {
            return Decision::NoGrant(verb);
        }
        if self.pins.allow(message) { Decision::Allowed } else { Decision::Pinned }
    }

    /// Whether a message may be delivered, retained ones included. A certificate is judged as the birth that it is
    /// (`$sparkplug/certificates/…`).
    #[inline]
    pub fn may_receive(&self, topic: TopicName<'_>) -> bool {
        self.topics.grants(Verb::Read, original(topic.as_str()))
    }

    /// Whether a subscription may be made: all that its filter matches has to be granted, by one grant or by several
    /// together. Deliveries are judged all the same, since rights change while subscriptions stay.
    pub fn may_subscribe(&self, filter: TopicFilter<'_>) -> bool {
        self.topics.covers(Verb::Read, &originals(filter.filter()))
    }

    /// Whether something may be done to an element.
    #[inline]
    pub fn may_touch(&self, verb: Verb, path: &str) -> bool {
        self.tree.grants(verb, path)
    }

    /// Whether an element has to be shown because it, or something below it, may be touched: what a listing walks
    /// along. The root's path is empty.
    pub fn reaches(&self, verb: Verb, path: &str) -> bool {
        self.tree.reaches(verb, (!path.is_empty()).then_some(path))
    }

    /// Whether something that a filter of the tree means may be touched at all: what is worth following.
    pub fn touches(&self, verb: Verb, filter: &str) -> bool {
        self.tree.touches(verb, filter)
    }

    /// Whether something of what a topic filter matches may be read at all. Not enough to subscribe.
    pub fn may_receive_some(&self, filter: TopicFilter<'_>) -> bool {
        self.topics.touches(Verb::Read, &originals(filter.filter()))
    }

    /// Whether something may be done to a part of Factree.
    #[inline]
    pub fn may_manage(&self, verb: Verb, area: Area) -> bool {
        self.areas[area as usize].has(verb)
    }

    /// The same question for any verb and target. On a topic, [`Verb::Write`] and [`Verb::Command`] both ask whether it
    /// may be published to, which needs the verb of its message.
    pub fn may(&self, verb: Verb, target: Target<'_>) -> Decision {
        let granted = match target {
            Target::Topic(topic) if matches!(verb, Verb::Write | Verb::Command) => return self.may_publish(topic),
            Target::Topic(topic) => self.topics.grants(verb, original(topic.as_str())),
            Target::Filter(filter) => self.topics.covers(verb, &originals(filter.filter())),
            Target::Element(path) => self.tree.grants(verb, path),
            Target::Elements(filter) => self.tree.covers(verb, filter),
            Target::Area(area) => self.may_manage(verb, area),
        };
        if granted { Decision::Allowed } else { Decision::NoGrant(verb) }
    }
}
