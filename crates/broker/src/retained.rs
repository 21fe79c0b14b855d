//! Retained messages: the last word on each topic, for whoever subscribes later.
//!
//! A [`LevelTree`] by topic level, so that a filter without leading wildcards looks only where it points. Expired
//! messages are found by their time. What clients and what the local session keep is counted apart, so that neither takes
//! the other's room. Knows nothing of subscribers.
//! Invariant: `clients`, `ours` and `by_expiry` describe exactly what the tree holds.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use factree_mqtt::{TopicName, TopicNameBuf};

use crate::level_tree::{BranchId, LevelTree};
use crate::limits::Limits;
use crate::publication::Publication;

#[derive(Debug)]
pub(crate) struct Retained {
    tree: LevelTree<Option<Arc<Publication>>>,
    clients: Held,
    /// Of the local session, which bounds it itself: no limit of clients does.
    ours: Held,
    by_expiry: BTreeSet<(Instant, TopicNameBuf)>,
}

/// Messages, and their bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    len: usize,
    bytes: usize,
}

impl Retained {
    pub(crate) fn new() -> Self {
        Retained { tree: LevelTree::new(), clients: Held::default(), ours: Held::default(), by_expiry: BTreeSet::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.clients.len + self.ours.len
    }

    pub(crate) fn bytes(&self) -> usize {
        self.clients.bytes + self.ours.bytes
    }

    fn held(&mut self, publication: &Publication) -> &mut Held {
        if publication.is_ours() { &mut self.ours } else { &mut self.clients }
    }

    /// The retained message of one topic.
    pub(crate) fn get(&self, topic: TopicName<'_>) -> Option<&Arc<Publication>> {
        self.tree.value(self.tree.find(topic.levels())?).as_ref()
    }

    /// Whether a client's message may become the topic's. Its properties are not looked at: the limit may be exceeded by those
    /// of one message.
    pub(crate) fn has_room(&self, topic: TopicName<'_>, payload: &[u8], limits: &Limits) -> bool {
        if payload.is_empty() {
            return true;
        }
        // Most stores are far from their limit: only near it does what is replaced matter.
        let bytes = topic.as_str().len() + payload.len();
        let held = self.clients;
        if held.len < limits.retained_max && held.bytes + bytes <= limits.retained_bytes_max {
            return true;
        }
        let replaced = self.get(topic).filter(|old| !old.is_ours()).map(|old| old.bytes());
        let len = held.len + usize::from(replaced.is_none());
        len <= limits.retained_max && held.bytes - replaced.unwrap_or(0) + bytes <= limits.retained_bytes_max
    }

    /// Keeps a message instead of the one before `[MQTT-3.3.1-5]`; one without payload only takes that one away
    /// `[MQTT-3.3.1-6]`, `[MQTT-3.3.1-7]`.
    pub(crate) fn keep(&mut self, publication: &Arc<Publication>) {
        if publication.payload().is_empty() {
            self.clear(publication.topic());
            return;
        }
        let branch = self.tree.reach(publication.topic().levels());
        let held = self.held(publication);
        held.len += 1;
        held.bytes += publication.bytes();
        let replaced = self.tree.value_mut(branch).replace(publication.clone());
        if let Some(replaced) = replaced {
            self.uncount(&replaced);
        }
        if let Some(at) = publication.expires_at() {
            self.by_expiry.insert((at, publication.topic_buf().clone()));
        }
    }

    /// Clients' messages at some of the places, in no order.
    pub(crate) fn of_clients(&self, places: Range<usize>) -> impl Iterator<Item = &Arc<Publication>> {
        self.tree.values(places).flatten().filter(|kept| !kept.is_ours())
    }

    /// One more than the last place.
    pub(crate) fn places_len(&self) -> usize {
        self.tree.places_len()
    }

    /// Takes a topic's message away.
    pub(crate) fn clear(&mut self, topic: TopicName<'_>) -> Option<Arc<Publication>> {
        let branch = self.tree.find(topic.levels())?;
        let gone = self.tree.value_mut(branch).take()?;
        self.uncount(&gone);
        self.tree.prune(branch, Option::is_none);
        Some(gone)
    }

    fn uncount(&mut self, gone: &Publication) {
        let held = self.held(gone);
        held.len -= 1;
        held.bytes -= gone.bytes();
        if let Some(at) = gone.expires_at() {
            self.by_expiry.remove(&(at, gone.topic_buf().clone()));
        }
    }

    /// When the next message expires.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.by_expiry.first().map(|(at, _)| *at)
    }

    /// Forgets what has expired, and says what; returns how many.
    pub(crate) fn expire(&mut self, now: Instant, mut gone: impl FnMut(&Publication)) -> u64 {
        let mut expired = 0;
        while let Some((at, topic)) = self.by_expiry.first()
            && *at <= now
        {
            let topic = topic.clone();
            if let Some(publication) = self.clear(topic.as_name()) {
                gone(&publication);
            }
            expired += 1;
        }
        expired
    }

    /// How many branches wildcards visit in that many walks over the whole tree.
    pub(crate) fn visits_in_walks(&self, walks: usize) -> usize {
        self.tree.len().saturating_mul(walks)
    }

    /// Every message a filter (without `$share/…`) matches, in the order its topics first came at each level. Each
    /// branch a wildcard leads to takes one of `visits`; `None` if they do not suffice.
    pub(crate) fn matching(&self, now: Instant, filter: &str, visits: &mut usize) -> Option<Vec<Arc<Publication>>> {
        let mut found = Vec::new();
        let root = self.tree.root();
        let mut stack = vec![(root, Way::Filter(filter))];
        while let Some((branch, way)) = stack.pop() {
            let (level, rest) = match way {
                Way::End => {
                    self.take(branch, now, &mut found);
                    continue;
                }
                Way::All => {
                    self.take(branch, now, &mut found);
                    self.fan_out(branch, Way::All, &mut stack, visits)?;
                    continue;
                }
                Way::Filter(filter) => match filter.split_once('/') {
                    Some((level, rest)) => (level, Way::Filter(rest)),
                    None => (filter, Way::End),
                },
            };
            match level {
                // `a/#` matches `a` too (section 4.7.1.2); the root is no level.
                "#" if branch == root => self.fan_out(root, Way::All, &mut stack, visits)?,
                "#" => stack.push((branch, Way::All)),
                "+" => self.fan_out(branch, rest, &mut stack, visits)?,
                _ => stack.extend(self.tree.child(branch, level).map(|child| (child, rest))),
            }
        }
        Some(found)
    }

    /// Goes on to the children of a branch, but not to those that hide behind a leading `$` `[MQTT-4.7.2-1]`.
    fn fan_out<'a>(
        &self,
        branch: BranchId,
        way: Way<'a>,
        stack: &mut Vec<(BranchId, Way<'a>)>,
        visits: &mut usize,
    ) -> Option<()> {
        let is_root = branch == self.tree.root();
        for child in self.tree.children_backwards(branch) {
            *visits = visits.checked_sub(1)?;
            if !(is_root && self.tree.level(child).starts_with('$')) {
                stack.push((child, way));
            }
        }
        Some(())
    }

    fn take(&self, branch: BranchId, now: Instant, found: &mut Vec<Arc<Publication>>) {
        let kept = self.tree.value(branch).as_ref();
        found.extend(kept.filter(|publication| !publication.is_expired(now)).cloned());
    }
}

/// How to go on from a branch.
#[derive(Clone, Copy, Debug)]
enum Way<'a> {
    /// Down these levels of the filter.
    Filter(&'a str),
    /// The filter ends here.
    End,
    /// `#`: this branch and all below.
    All,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use factree_mqtt::{MessageProperties, Publish};

    use super::*;

    #[test]
    fn what_is_taken_away_leaves_nothing_behind() {
        let now = Instant::now();
        let keep = |retained: &mut Retained, topic: &str, payload: &[u8], seconds: Option<u64>| {
            let topic = TopicName::parse(topic).unwrap();
            let properties =
                MessageProperties { message_expiry: seconds.map(Duration::from_secs), ..MessageProperties::default() };
            let publish = Publish { properties, ..Publish::new(topic, payload) };
            retained.keep(&Arc::new(Publication::of_publish(now, topic, &publish)));
        };
        let mut retained = Retained::new();
        for (topic, payload, seconds) in [
            ("a/b/c", "1", Some(5)),
            ("a/b/c", "22", Some(5)),
            ("a/b", "333", Some(9)),
            ("a/b", "4444", None),
            ("x", "55555", None),
            ("x", "", None),
            ("never", "", Some(1)),
        ] {
            keep(&mut retained, topic, payload.as_bytes(), seconds);
        }
        let sum: usize = retained.matching(now, "#", &mut 10).unwrap().iter().map(|kept| kept.bytes()).sum();
        assert_eq!((retained.len(), retained.bytes()), (2, sum));
        assert!(retained.matching(now, "#", &mut 3).is_some(), "a, b and c: x is gone");
        assert!(retained.matching(now, "#", &mut 2).is_none());
        assert!(retained.matching(now, "a/b/c", &mut 0).is_some(), "only wildcards cost");
        assert_eq!(retained.next_expiry(), Some(now + Duration::from_secs(5)), "only one of them expires");
        assert_eq!(
            retained.expire(now + Duration::from_secs(20), |gone| assert_eq!(gone.topic().as_str(), "a/b/c")),
            1
        );
        keep(&mut retained, "a/b", b"", None);
        assert_eq!((retained.len(), retained.bytes(), retained.tree.len()), (0, 0, 1));
        assert_eq!(retained.next_expiry(), None);
    }

    #[test]
    fn what_the_local_session_keeps_takes_no_room_from_clients() {
        let now = Instant::now();
        let limits = Limits { retained_max: 1, retained_bytes_max: 8, ..Limits::DEFAULT };
        let mut retained = Retained::new();
        let mut keep = |is_ours: bool, topic: &str, payload: &[u8]| {
            let topic = TopicName::parse(topic).unwrap();
            let has_room = is_ours || retained.has_room(topic, payload, &limits);
            let publication = Publication::of_publish(now, topic, &Publish::new(topic, payload));
            let publication = if is_ours { publication.ours() } else { publication };
            if has_room {
                retained.keep(&Arc::new(publication));
            }
            (has_room, retained.clients.len, retained.clients.bytes, retained.ours.len, retained.ours.bytes)
        };
        assert_eq!(keep(true, "o", b"123456789"), (true, 0, 0, 1, 10));
        assert_eq!(keep(false, "a", b"1234567"), (true, 1, 8, 1, 10));
        assert_eq!(keep(false, "a", b"7654321"), (true, 1, 8, 1, 10), "in place of the one before");
        assert_eq!(keep(false, "o", b"1"), (false, 1, 8, 1, 10), "in place of ours, which gives no room");
        assert_eq!(keep(false, "a", b""), (true, 0, 0, 1, 10));
        assert_eq!(keep(false, "o", b"1"), (true, 1, 2, 0, 0));
        assert_eq!(keep(true, "o", b"12"), (true, 0, 0, 1, 3));
        assert_eq!(keep(true, "o", b""), (true, 0, 0, 0, 0));
    }
}
