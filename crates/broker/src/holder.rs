//! Who holds a session, and what he may do: asked for each publication, subscription and delivery.
//!
//! The rights themselves are [`Access`], made elsewhere. Here is what the broker has to know beside them: whose the session
//! is, and by which login, so that the driver can find those whose login has to be looked at again. Of a session that comes
//! back from its record nobody knows the rights until its client does: what waits for it waits, and is judged then.
//! Invariant: nothing is delivered that the rights of the moment do not grant.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use factree_auth::{Access, Login, Principal, Target, Verb};
use factree_mqtt::{TopicFilter, TopicName};

/// Whose a session is, and what he may do. One for all who hold the same, where nobody has to prove anything.
#[derive(Debug)]
pub struct Holder {
    principal: Principal,
    /// None: nobody knows, since the session has been restored or its login is good no more.
    access: Option<Arc<Access>>,
    login: Option<Login>,
    is_unrestricted: bool,
}

/// What is known of a client's right to a publication before the broker has it.
#[derive(Clone, Copy, Debug)]
pub enum Right<'a> {
    /// Nothing: the broker asks.
    Unasked,
    /// This holder's rights grant it, says [`Holder::may_publish`]. The broker asks again only if the session has another holder by now.
    GrantedTo(&'a Arc<Holder>),
    /// They do not. The payload may be unread.
    Denied,
}

/// What a message is about: what its delivery is judged by.
#[derive(Clone, Debug)]
pub(crate) enum Subject<'a> {
    /// It was published to this topic.
    Topic(TopicName<'a>),
    /// It tells of the element with this path.
    Element(Cow<'a, str>),
    /// It tells of an element that nobody can name, so it takes a right to everything.
    Nameless,
}

impl Holder {
    /// Somebody who has logged in, with his rights in this session.
    pub fn new(login: Login, access: Arc<Access>) -> Self {
        let principal = login.principal().clone();
        Holder { login: Some(login), ..Holder::of(principal, Some(access)) }
    }

    /// Everybody, where nobody has to prove who he is.
    pub fn unrestricted() -> &'static Arc<Self> {
        static EVERYBODY: LazyLock<Arc<Holder>> =
            LazyLock::new(|| Arc::new(Holder::of(Principal::Anonymous, Some(Arc::new(Access::unrestricted())))));
        &EVERYBODY
    }

    /// A principal of which nothing more is known: his session came back from its record, or the login is good no more by
    /// which he held it.
    pub fn known_by_name(principal: Principal) -> Self {
        Holder::of(principal, None)
    }

    /// A principal whose rights could be found without a login.
    pub fn with_access(principal: Principal, access: Arc<Access>) -> Self {
        Holder::of(principal, Some(access))
    }

    fn of(principal: Principal, access: Option<Arc<Access>>) -> Self {
        let is_unrestricted = access.as_ref().is_some_and(|access| access.is_unrestricted());
        Holder { principal, access, login: None, is_unrestricted }
    }

    /// Who.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// By which login, if it has to be looked at.
    pub fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    /// What he may do, if that is known.
    pub fn access(&self) -> Option<&Arc<Access>> {
        self.access.as_ref()
    }

    /// Whether the login has to be renewed before anything else is done.
    #[inline]
    pub fn is_stale(&self) -> bool {
        self.login.as_ref().is_some_and(Login::is_stale)
    }

    /// Whether he may do everything, so that nothing has to be judged.
    pub fn is_unrestricted(&self) -> bool {
        self.is_unrestricted
    }

    /// Whether both may do the same: what one of them got, the other may have.
    pub(crate) fn may_the_same(&self, other: &Holder) -> bool {
        match (&self.access, &other.access) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    /// Whether a message may be published: a PUBLISH, or a will when it is left.
    #[inline]
    pub fn may_publish(&self, topic: TopicName<'_>) -> bool {
        self.is_unrestricted || self.access.as_ref().is_some_and(|access| access.may_publish(topic).is_allowed())
    }

    /// Whether a will may be published that was left before. If nobody knows the rights any more, it was judged then.
    pub(crate) fn may_have_left(&self, topic: TopicName<'_>) -> bool {
        self.access.is_none() || self.may_publish(topic)
    }

    /// Whether a message may be delivered; to those whose rights nobody knows, it may wait for them.
    #[inline]
    pub(crate) fn may_receive(&self, subject: &Subject<'_>) -> bool {
        let Some(access) = self.access.as_ref().filter(|_| !self.is_unrestricted) else { return true };
        match subject {
            Subject::Topic(topic) => access.may_receive(*topic),
            Subject::Element(path) => access.may_touch(Verb::Read, path),
            Subject::Nameless => false,
        }
    }

    /// Whether a subscription may be made: by its topics, or by what it means in the tree.
    pub(crate) fn may_subscribe(&self, filter: TopicFilter<'_>, in_the_tree: impl FnOnce() -> Option<String>) -> bool {
        let Some(access) = self.access.as_ref().filter(|_| !self.is_unrestricted) else { return true };
        access.may_subscribe(filter)
            || in_the_tree().is_some_and(|meant| access.may(Verb::Read, Target::Elements(&meant)).is_allowed())
    }
}
