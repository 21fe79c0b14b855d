//! Subscription tree: who wants this topic?
//!
//! A filter is a way down a [`LevelTree`]; one that ends in `#` is kept at the branch above it. A lookup tries at most
//! two ways down at each level, with a stack instead of recursion. Overlapping subscriptions of one session come out as
//! one match. Knows nothing of payloads, handshakes, sockets, or of who in a group takes a message.
//! Invariant: `subscriber.entry` of each subscriber is the entry that says where that subscriber is.

use std::num::NonZeroU32;

use factree_mqtt::{QoS, SubscriptionOptions, TopicName};
use hashbrown::HashMap;

use crate::identity::{GroupId, SessionId};
use crate::level_tree::{BranchId, LevelTree};
use crate::publication::Identifiers;

/// Who is subscribed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    Session(SessionId),
    Group(GroupId),
}

/// How it is subscribed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) options: SubscriptionOptions,
    pub(crate) identifier: Option<NonZeroU32>,
}

#[derive(Debug)]
pub(crate) struct Subscriptions {
    tree: LevelTree<Interest>,
    entries: Vec<Entry>,
    free: Vec<u32>,
    of_target: HashMap<Target, HashMap<Box<str>, u32>>,
    stack: Vec<(BranchId, usize)>,
    /// How often one was added or taken away.
    changes: u64,
}

/// Those who want a branch.
#[derive(Debug, Default)]
struct Interest {
    /// Exactly this level.
    here: Vec<Subscriber>,
    /// This level and all below: a filter that ends in `#`.
    below: Vec<Subscriber>,
}

#[derive(Clone, Copy, Debug)]
struct Subscriber {
    target: Target,
    terms: Terms,
    entry: u32,
}

/// Where a subscriber is.
#[derive(Clone, Copy, Debug)]
struct Entry {
    branch: BranchId,
    below: bool,
    slot: u32,
}

/// What a lookup found. Reused, so that a lookup allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    pub(crate) sessions: Vec<Match>,
    pub(crate) groups: Vec<GroupId>,
    /// Per session: in which lookup it was last found, and where in `sessions`.
    marks: Vec<(u64, u32)>,
    lookup: u64,
}

/// One session that wants the topic, all its subscriptions taken together.
#[derive(Debug)]
pub(crate) struct Match {
    pub(crate) session: SessionId,
    pub(crate) maximum_qos: QoS,
    pub(crate) retain_as_published: bool,
    pub(crate) identifiers: Identifiers,
}

impl Subscriptions {
    pub(crate) fn new() -> Self {
        Subscriptions {
            tree: LevelTree::new(),
            entries: Vec::new(),
            free: Vec::new(),
            of_target: HashMap::new(),
            stack: Vec::new(),
            changes: 0,
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// How often one was added or taken away.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// The levels that filters begin with, but for wildcards.
    pub(crate) fn first_levels(&self) -> impl Iterator<Item = &str> {
        self.tree.children_backwards(self.tree.root()).map(|branch| self.tree.level(branch))
    }

    /// Whether a filter begins with this level.
    pub(crate) fn has_first_level(&self, level: &str) -> bool {
        self.tree.child(self.tree.root(), level).is_some()
    }

    /// How a target is subscribed to this one, if it is.
    pub(crate) fn terms(&self, target: Target, filter: &str) -> Option<Terms> {
        let entry = self.entries[*self.of_target.get(&target)?.get(filter)? as usize];
        Some(self.tree.value(entry.branch).list(entry.below)[entry.slot as usize].terms)
    }

    /// How many a target has.
    pub(crate) fn len_of(&self, target: Target) -> usize {
        self.of_target.get(&target).map_or(0, HashMap::len)
    }

    /// Whether a target has this one.
    pub(crate) fn has(&self, target: Target, filter: &str) -> bool {
        self.of_target.get(&target).is_some_and(|filters| filters.contains_key(filter))
    }

    /// The filters of a target, in no order, with their terms.
    pub(crate) fn of(&self, target: Target) -> impl Iterator<Item = (&str, Terms)> {
        let filters = self.of_target.get(&target).into_iter().flatten();
        filters.map(|(filter, entry)| {
            let entry = self.entries[*entry as usize];
            (&**filter, self.tree.value(entry.branch).list(entry.below)[entry.slot as usize].terms)
        })
    }

    /// Adds a subscription, or gives an existing one new terms `[MQTT-3.8.4-3]`. Says whether it is new.
    pub(crate) fn subscribe(&mut self, target: Target, filter: &str, terms: Terms) -> bool {
        let filters = self.of_target.entry(target).or_default();
        if let Some(entry) = filters.get(filter) {
            let Entry { branch, below, slot } = self.entries[*entry as usize];
            self.tree.value_mut(branch).list_mut(below)[slot as usize].terms = terms;
            return false;
        }
        self.changes += 1;
        let (levels, below) = split(filter);
        let branch = self.tree.reach(levels);
        let list = self.tree.value_mut(branch).list_mut(below);
        let slot = u32::try_from(list.len()).expect("limits keep subscriptions below four billion");
        let place = Entry { branch, below, slot };
        let entry = match self.free.pop() {
            Some(entry) => {
                self.entries[entry as usize] = place;
                entry
            }
            None => {
                self.entries.push(place);
                u32::try_from(self.entries.len() - 1).expect("limits keep subscriptions below four billion")
            }
        };
        list.push(Subscriber { target, terms, entry });
        filters.insert(filter.into(), entry);
        true
    }

    /// Takes a subscription away; `false` if there was none.
    pub(crate) fn unsubscribe(&mut self, target: Target, filter: &str) -> bool {
        let Some(filters) = self.of_target.get_mut(&target) else { return false };
        let Some(entry) = filters.remove(filter) else { return false };
        if filters.is_empty() {
            self.of_target.remove(&target);
        }
        self.forget(entry);
        true
    }

    /// Takes all subscriptions of a target away.
    pub(crate) fn unsubscribe_all(&mut self, target: Target) {
        for (_, entry) in self.of_target.remove(&target).into_iter().flatten() {
            self.forget(entry);
        }
    }

    fn forget(&mut self, entry: u32) {
        self.changes += 1;
        let Entry { branch, below, slot } = self.entries[entry as usize];
        let list = self.tree.value_mut(branch).list_mut(below);
        let gone = list.swap_remove(slot as usize);
        debug_assert_eq!(gone.entry, entry, "an entry says where its subscriber is");
        if let Some(moved) = list.get(slot as usize) {
            self.entries[moved.entry as usize].slot = slot;
        }
        if list.len() < list.capacity() / 4 {
            list.shrink_to_fit();
        }
        self.free.push(entry);
        self.tree.prune(branch, |interest| interest.here.is_empty() && interest.below.is_empty());
    }

    /// Finds everybody who wants `topic`. `publisher` gets nothing through a subscription with No Local
    /// `[MQTT-3.8.3-3]`.
    pub(crate) fn lookup(&mut self, topic: TopicName<'_>, publisher: Option<SessionId>, matches: &mut Matches) {
        // A topic that begins with '$' is not matched by a leading wildcard `[MQTT-4.7.2-1]`.
        self.search(topic, topic.is_dollar(), publisher, matches);
    }

    /// The same for a topic that no leading wildcard matches.
    pub(crate) fn lookup_hidden(&mut self, topic: TopicName<'_>, matches: &mut Matches) {
        self.search(topic, true, None, matches);
    }

    fn search(&mut self, topic: TopicName<'_>, hidden: bool, publisher: Option<SessionId>, matches: &mut Matches) {
        matches.begin();
        let text = topic.as_str();
        let root = self.tree.root();
        let mut stack = std::mem::take(&mut self.stack);
        // `at`: where in the topic the branch's children are to be looked for; beyond the end, there are no more
        // levels.
        stack.push((root, 0));
        while let Some((branch, at)) = stack.pop() {
            let wildcards = !(hidden && branch == root);
            let interest = self.tree.value(branch);
            if wildcards {
                matches.add(&interest.below, publisher);
            }
            let Some(rest) = text.get(at..) else {
                matches.add(&interest.here, publisher);
                continue;
            };
            // Levels are short: a plain loop beats a search made for long texts.
            let end = rest.bytes().position(|byte| byte == b'/');
            let level = end.map_or(rest, |end| &rest[..end]);
            let next = at + level.len() + 1;
            if wildcards && let Some(plus) = self.tree.plus(branch) {
                stack.push((plus, next));
            }
            if let Some(child) = self.tree.child(branch, level) {
                stack.push((child, next));
            }
        }
        self.stack = stack;
    }
}

impl Interest {
    fn list(&self, below: bool) -> &[Subscriber] {
        if below { &self.below } else { &self.here }
    }

    fn list_mut(&mut self, below: bool) -> &mut Vec<Subscriber> {
        if below { &mut self.below } else { &mut self.here }
    }
}

/// The levels that lead to a filter's branch, and whether it wants all below it.
fn split(filter: &str) -> (impl Iterator<Item = &str>, bool) {
    let above = match filter {
        "#" => Some(None),
        _ => filter.strip_suffix("/#").map(Some),
    };
    let below = above.is_some();
    let levels = above.unwrap_or(Some(filter));
    (levels.into_iter().flat_map(|levels| levels.split('/')), below)
}

impl Matches {
    fn begin(&mut self) {
        self.sessions.clear();
        self.groups.clear();
        self.lookup += 1;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.groups.is_empty()
    }

    fn add(&mut self, subscribers: &[Subscriber], publisher: Option<SessionId>) {
        for Subscriber { target, terms, .. } in subscribers {
            let session = match target {
                Target::Session(session) => *session,
                Target::Group(group) => {
                    self.groups.push(*group);
                    continue;
                }
            };
            if terms.options.no_local && publisher == Some(session) {
                continue;
            }
            if self.marks.len() <= session.index() {
                self.marks.resize(session.index() + 1, (0, 0));
            }
            let mark = &mut self.marks[session.index()];
            if mark.0 == self.lookup {
                self.sessions[mark.1 as usize].overlap(terms);
                continue;
            }
            *mark = (self.lookup, self.sessions.len() as u32);
            self.sessions.push(Match {
                session,
                maximum_qos: terms.options.maximum_qos,
                retain_as_published: terms.options.retain_as_published,
                identifiers: Identifiers::of(terms.identifier),
            });
        }
    }
}

impl Match {
    /// One delivery with the highest QoS `[MQTT-3.3.4-2]` and every identifier `[MQTT-3.3.4-4]`.
    fn overlap(&mut self, terms: &Terms) {
        self.maximum_qos = self.maximum_qos.max(terms.options.maximum_qos);
        self.retain_as_published |= terms.options.retain_as_published;
        self.identifiers.add(terms.identifier);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_on_one_filter_leaves_in_any_order_and_leaves_nothing_behind() {
        let terms = Terms { options: SubscriptionOptions::default(), identifier: None };
        let mut subscriptions = Subscriptions::new();
        let mut matches = Matches::default();
        let mut crowd: Vec<u32> = (0..100).collect();
        for filter in ["a/b", "a/#", "+/b"] {
            for id in &crowd {
                assert!(subscriptions.subscribe(Target::Session(SessionId(*id)), filter, terms));
            }
        }
        // Out of order, but always the same way.
        crowd.sort_by_key(|id| id * 37 % 101);
        while let Some(id) = crowd.pop() {
            let target = Target::Session(SessionId(id));
            assert!(subscriptions.unsubscribe(target, "a/b"));
            assert!(!subscriptions.unsubscribe(target, "a/b"));
            subscriptions.unsubscribe_all(target);
            subscriptions.lookup(TopicName::parse("a/b").unwrap(), None, &mut matches);
            let mut found: Vec<u32> = matches.sessions.iter().map(|found| found.session.0).collect();
            let mut left = crowd.clone();
            found.sort_unstable();
            left.sort_unstable();
            assert_eq!(found, left);
        }
        assert_eq!(subscriptions.tree.len(), 1);
        assert_eq!(subscriptions.free.len(), subscriptions.entries.len());
    }
}
