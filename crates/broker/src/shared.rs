//! Shared subscriptions: groups of sessions of which one takes each message.
//!
//! A group is known by its whole filter, `$share/{name}/{filter}`. Members take turns; those who cannot take a message
//! now are passed over as long as somebody else can. Knows nothing of topics: the subscription tree holds the group.
//! Invariant: a group has a member.

use std::num::NonZeroU64;

use hashbrown::{HashMap, HashSet};

use crate::identity::{GroupId, SessionId};
use crate::subscriptions::Terms;

#[derive(Debug, Default)]
pub(crate) struct SharedSubscriptions {
    groups: HashMap<GroupId, Group>,
    by_filter: HashMap<Box<str>, GroupId>,
    of_session: HashMap<SessionId, HashSet<GroupId>>,
    given: u64,
    /// Members of all groups together.
    len: usize,
}

#[derive(Debug)]
struct Group {
    filter: Box<str>,
    members: Vec<Member>,
    /// Whose turn it is.
    turn: usize,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) session: SessionId,
    pub(crate) terms: Terms,
}

impl SharedSubscriptions {
    /// How many members there are, of all groups together.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many groups there are.
    pub(crate) fn groups_len(&self) -> usize {
        self.groups.len()
    }

    /// How many groups a session is in.
    pub(crate) fn len_of(&self, session: SessionId) -> usize {
        self.of_session.get(&session).map_or(0, HashSet::len)
    }

    /// Whether the session is a member.
    pub(crate) fn has(&self, session: SessionId, filter: &str) -> bool {
        let group = self.by_filter.get(filter);
        group.is_some_and(|group| self.of_session.get(&session).is_some_and(|groups| groups.contains(group)))
    }

    /// The filters of a session, in no order, with their terms.
    pub(crate) fn of(&self, session: SessionId) -> impl Iterator<Item = (&str, Terms)> {
        let groups = self.of_session.get(&session).into_iter().flatten();
        groups.filter_map(move |group| {
            let group = &self.groups[group];
            let member = group.members.iter().find(|member| member.session == session)?;
            Some((&*group.filter, member.terms))
        })
    }

    /// Makes the session a member, or gives it new terms. Returns the group if it is new and must be put into the tree.
    pub(crate) fn join(&mut self, session: SessionId, filter: &str, terms: Terms) -> Option<GroupId> {
        let (id, founded) = match self.by_filter.get(filter) {
            Some(id) => (*id, None),
            None => {
                self.given += 1;
                let id = GroupId(NonZeroU64::new(self.given).expect("counted from one"));
                self.by_filter.insert(filter.into(), id);
                self.groups.insert(id, Group { filter: filter.into(), members: Vec::new(), turn: 0 });
                (id, Some(id))
            }
        };
        let group = self.groups.get_mut(&id).expect("by_filter names living groups");
        let new = self.of_session.entry(session).or_default().insert(id);
        if new {
            group.members.push(Member { session, terms });
            self.len += 1;
        } else if let Some(member) = group.members.iter_mut().find(|member| member.session == session) {
            member.terms = terms;
        }
        founded
    }

    /// Takes the session out. `None`: it was no member; `Some(Some(group))`: that group is gone and must leave the
    /// tree.
    pub(crate) fn leave(&mut self, session: SessionId, filter: &str) -> Option<Option<GroupId>> {
        let id = *self.by_filter.get(filter)?;
        let groups = self.of_session.get_mut(&session)?;
        if !groups.remove(&id) {
            return None;
        }
        if groups.is_empty() {
            self.of_session.remove(&session);
        }
        Some(self.expel(session, id))
    }

    /// Takes the session out of all its groups and says which are gone.
    pub(crate) fn leave_all(&mut self, session: SessionId) -> Vec<GroupId> {
        let groups = self.of_session.remove(&session);
        groups.into_iter().flatten().filter_map(|id| self.expel(session, id)).collect()
    }

    fn expel(&mut self, session: SessionId, id: GroupId) -> Option<GroupId> {
        let group = self.groups.get_mut(&id).expect("a member's group lives");
        if let Some(place) = group.members.iter().position(|member| member.session == session) {
            group.members.remove(place);
            self.len -= 1;
            if place < group.turn {
                group.turn -= 1;
            }
        }
        if !group.members.is_empty() {
            return None;
        }
        let group = self.groups.remove(&id).expect("it was here a moment ago");
        self.by_filter.remove(&group.filter);
        Some(id)
    }

    /// Whether any member answers to this.
    pub(crate) fn has_member(&self, id: GroupId, is_it: impl Fn(SessionId) -> bool) -> bool {
        self.groups.get(&id).is_some_and(|group| group.members.iter().any(|member| is_it(member.session)))
    }

    /// Whose turn it is: of those who may have it the next that is ready, or the next of them if none is. `None` if nobody may,
    /// or the group is gone.
    pub(crate) fn pick(
        &mut self,
        id: GroupId,
        may_have: impl Fn(SessionId) -> bool,
        is_ready: impl Fn(SessionId) -> bool,
    ) -> Option<Member> {
        let group = self.groups.get_mut(&id)?;
        let len = group.members.len();
        let turns = (0..len).map(|step| (group.turn + step) % len);
        let mut turns = turns.filter(|turn| may_have(group.members[*turn].session));
        let first = turns.next()?;
        let is_ready = |turn: &usize| is_ready(group.members[*turn].session);
        let chosen = if is_ready(&first) { first } else { turns.find(is_ready).unwrap_or(first) };
        group.turn = (chosen + 1) % len;
        Some(group.members[chosen])
    }
}
