//! What one subscription monitors, and the changes it has seen but not told.
//!
//! Each element that is monitored remembers the revision it was last seen at; a look compares that with the tree's stamp,
//! so a writer never hears of us, and what changes twice between two looks is seen once. What is seen waits in a queue of
//! its element. When there is too much, what has been superseded is dropped first: the latest of each element is what
//! everybody wants.
//! Refuses to know time, clients and batches. Invariant: `bytes` is the weight of all that waits, and no queue is longer than
//! `updates_per_element_max`.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use factree_namespace::{ElementId, Revision, Sight, Timestamp};

use super::element_id;
use super::object::{element_id_of, find};
use super::value::components;
use super::vqt::Vqt;
use super::{I3xLimits, Refusal};
use crate::json;

/// One change of one element, in the order it was seen.
#[derive(Debug)]
pub(super) struct Update {
    order: u64,
    element_id: Arc<str>,
    vqt: Vqt,
}

impl Update {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"elementId\":");
        json::string(out, &self.element_id);
        out.push(b',');
        self.vqt.write(out);
        out.push(b'}');
    }

    /// Whether its element is in sight.
    pub(super) fn is_within(&self, sight: &Sight<'_>) -> bool {
        find(sight, &self.element_id).is_ok()
    }

    pub(super) fn weigh(&self) -> usize {
        size_of::<Self>() + self.vqt.heap_bytes()
    }
}

#[derive(Debug)]
pub(super) struct Monitored {
    limits: I3xLimits,
    /// What the client registered, and how deep.
    items: BTreeMap<String, usize>,
    elements: Vec<Element>,
    by_id: HashMap<Arc<str>, usize>,
    /// The shape of the tree that the elements were found in: its layout, and how many elements it had.
    shape: (u64, usize),
    /// Of elements that are not monitored any more.
    left_behind: Vec<Update>,
    order: u64,
    bytes: usize,
    /// Changes seen so far.
    pub(super) seen: u64,
    /// Changes that were dropped untold so far.
    pub(super) dropped: u64,
}

/// One element.
#[derive(Debug)]
struct Element {
    element_id: Arc<str>,
    /// None while it is not in the tree.
    id: Option<ElementId>,
    seen: Revision,
    waiting: VecDeque<Update>,
}

impl Element {
    fn new(element_id: &Arc<str>, id: Option<ElementId>) -> Element {
        Element { element_id: Arc::clone(element_id), id, seen: Revision::ZERO, waiting: VecDeque::new() }
    }
}

impl Monitored {
    pub(super) fn new(limits: I3xLimits) -> Monitored {
        Monitored {
            limits,
            items: BTreeMap::new(),
            elements: Vec::new(),
            by_id: HashMap::new(),
            shape: (0, 0),
            left_behind: Vec::new(),
            order: 0,
            bytes: 0,
            seen: 0,
            dropped: 0,
        }
    }

    /// What is registered, and how deep: 0 is all the way.
    pub(super) fn items(&self) -> impl Iterator<Item = (&str, usize)> {
        let depth = |&depth: &usize| if depth == usize::MAX { 0 } else { depth };
        self.items.iter().map(move |(element_id, it)| (element_id.as_str(), depth(it)))
    }

    /// Elements monitored.
    pub(super) fn len(&self) -> usize {
        self.elements.len()
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn has_news(&self) -> bool {
        self.bytes > 0
    }

    /// Monitors an object and its components so deep; once more is once. At most `room` elements more.
    pub(super) fn register(
        &mut self,
        view: &Sight<'_>,
        element_id: &str,
        depth: usize,
        room: usize,
    ) -> Result<(), Refusal> {
        let id = find(view, element_id)?;
        if self.items.contains_key(element_id) {
            return Ok(());
        }
        let room = room.min((self.limits.i3x_elements_per_subscription_max.get() as usize).saturating_sub(self.len()));
        let mut found = vec![id];
        let is_all = components(view, id, depth, room + 1, &mut found);
        found.retain(|&id| !self.by_id.contains_key(element_id_of(view, id).as_str()));
        if !is_all || found.len() > room {
            let detail =
                format!("there is room for {room} elements more (i3x_elements_per_subscription_max, i3x_elements_max)");
            return Err(Refusal::bad(detail));
        }
        self.items.insert(element_id.to_owned(), depth);
        found.into_iter().for_each(|id| self.add(view, id));
        Ok(())
    }

    /// Monitors them no more; what waits is told nevertheless. Which of them were registered.
    pub(super) fn unregister(&mut self, view: &Sight<'_>, element_ids: &[String], now: Timestamp) -> Vec<bool> {
        let were = element_ids.iter().map(|element_id| self.items.remove(element_id).is_some()).collect();
        self.find_again(view, now);
        were
    }

    /// Forgets what is beyond sight: what was registered, and what waits to be told of it.
    pub(super) fn keep_within(&mut self, sight: &Sight<'_>, now: Timestamp) {
        self.items.retain(|element_id, _| {
            let path = element_id::to_path(element_id);
            let is_there = path.is_some_and(|path| (**sight).find(&path).is_some());
            !is_there || find(sight, element_id).is_ok()
        });
        self.find_again(sight, now);
        let waiting = self.elements.iter_mut().map(|element| &mut element.waiting);
        waiting.for_each(|waiting| waiting.retain(|update| update.is_within(sight)));
        self.left_behind.retain(|update| update.is_within(sight));
        let waiting = self.elements.iter().flat_map(|element| &element.waiting);
        self.bytes = waiting.chain(&self.left_behind).map(Update::weigh).sum();
    }

    fn add(&mut self, view: &Sight<'_>, id: ElementId) {
        let element_id: Arc<str> = element_id_of(view, id).into();
        self.by_id.insert(Arc::clone(&element_id), self.elements.len());
        self.elements.push(Element::new(&element_id, Some(id)));
    }

    /// Finds everything again in a tree that has another shape.
    fn find_again(&mut self, view: &Sight<'_>, now: Timestamp) {
        self.shape = shape(view);
        let mut before: BTreeMap<Arc<str>, Element> =
            self.elements.drain(..).map(|element| (Arc::clone(&element.element_id), element)).collect();
        self.by_id.clear();
        let max = self.limits.i3x_elements_per_subscription_max.get() as usize;
        let (mut found, mut vanished) = (Vec::new(), Vec::new());
        for (element_id, &depth) in &self.items {
            match find(view, element_id) {
                Ok(id) => {
                    found.push((Arc::from(element_id.as_str()), Some(id)));
                    let mut below = Vec::new();
                    if !components(view, id, depth, max.saturating_sub(self.elements.len()), &mut below) {
                        self.dropped += 1;
                    }
                    found.extend(below.into_iter().map(|id| (Arc::from(element_id_of(view, id)), Some(id))));
                }
                Err(_) => found.push((Arc::from(element_id.as_str()), None)),
            }
            for (element_id, id) in found.drain(..) {
                if self.by_id.contains_key(&element_id) {
                    continue;
                }
                let at = self.elements.len();
                let mut element = before.remove(&element_id).unwrap_or_else(|| Element::new(&element_id, id));
                if element.id != id {
                    if id.is_none() {
                        vanished.push(at);
                    }
                    // Another element is there now, or the same under another number: either is told anew.
                    (element.id, element.seen) = (id, Revision::ZERO);
                }
                self.by_id.insert(element_id, at);
                self.elements.push(element);
            }
        }
        vanished.into_iter().for_each(|at| self.wait(at, Vqt::gone(now)));
        for element in before.into_values() {
            self.left_behind.extend(element.waiting);
            if element.id.is_some() && find(view, &element.element_id).is_err() {
                let gone = self.update(&element.element_id, Vqt::gone(now));
                self.left_behind.push(gone);
            }
        }
    }

    /// Looks at what has changed; whether anything waits to be told.
    pub(super) fn look(&mut self, view: &Sight<'_>, now: Timestamp) -> bool {
        if self.shape != shape(view) && self.may_be_elsewhere(view) {
            self.find_again(view, now);
        }
        let ids: Vec<ElementId> = self.elements.iter().filter_map(|element| element.id).collect();
        let mut changed = Vec::new();
        let mut at = 0;
        view.samples(&ids, |id, reading| {
            while self.elements[at].id != Some(id) {
                at += 1;
            }
            let element = &mut self.elements[at];
            if let Some(reading) = reading.filter(|(sample, _)| sample.revision > element.seen) {
                element.seen = reading.0.revision;
                changed.push((at, Vqt::of(view, &reading)));
            }
            at += 1;
        });
        changed.into_iter().for_each(|(at, vqt)| self.wait(at, vqt));
        self.shape = shape(view);
        self.has_news()
    }

    /// Whether elements may have come, gone or changed their numbers. A tree that has only grown concerns those whose
    /// components are monitored, and those that are not there.
    fn may_be_elsewhere(&self, view: &Sight<'_>) -> bool {
        let has_moved = self.shape.0 != view.layout();
        has_moved || self.items.values().any(|&depth| depth > 1) || self.elements.iter().any(|it| it.id.is_none())
    }

    fn update(&mut self, element_id: &Arc<str>, vqt: Vqt) -> Update {
        self.order += 1;
        self.seen += 1;
        let update = Update { order: self.order, element_id: Arc::clone(element_id), vqt };
        self.bytes += update.weigh();
        update
    }

    fn wait(&mut self, at: usize, vqt: Vqt) {
        let element_id = Arc::clone(&self.elements[at].element_id);
        let update = self.update(&element_id, vqt);
        let element = &mut self.elements[at];
        element.waiting.push_back(update);
        if element.waiting.len() > self.limits.i3x_updates_per_element_max.get() as usize {
            self.drop_first(at);
        }
        if self.bytes > self.limits.i3x_queue_bytes_max.get() as usize {
            self.conflate();
        }
    }

    fn drop_first(&mut self, at: usize) {
        if let Some(update) = self.elements[at].waiting.pop_front() {
            self.bytes -= update.weigh();
            self.dropped += 1;
        }
    }

    /// Keeps the latest of each element; if that is still too much, not even that of the first. Leaves room for some more, so
    /// that not every update leads here.
    fn conflate(&mut self) {
        self.dropped += self.left_behind.len() as u64;
        self.bytes -= self.left_behind.drain(..).map(|update| update.weigh()).sum::<usize>();
        for at in 0..self.elements.len() {
            while self.elements[at].waiting.len() > 1 {
                self.drop_first(at);
            }
        }
        let enough = self.limits.i3x_queue_bytes_max.get() as usize / 4 * 3;
        let mut at = 0;
        while self.bytes > enough && at < self.elements.len() {
            self.drop_first(at);
            at += 1;
        }
    }

    /// All that waits, in the order it was seen.
    pub(super) fn take(&mut self) -> Vec<Update> {
        let mut updates = std::mem::take(&mut self.left_behind);
        self.elements.iter_mut().for_each(|element| updates.extend(element.waiting.drain(..)));
        updates.sort_unstable_by_key(|update| update.order);
        self.bytes = 0;
        updates
    }
}

fn shape(view: &Sight<'_>) -> (u64, usize) {
    (view.layout(), view.element_count())
}
