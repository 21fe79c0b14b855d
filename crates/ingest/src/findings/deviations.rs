//! Deviations: what was published and is not as the operator's rules want it, by whom, how often, and one example of each.
//!
//! What is alike (kind, rule, place, client) is one entry. Bounded as the [ledger](super) is: when all room is taken, the client that
//! holds most loses what was not seen for longest. Counts by kind stay right whatever is dropped. Of this process.
//! Apart from the ledger because its entries are found by numbers of Edge Nodes, and these by places in the tree.
//! Invariant: an entry stands in the lane of its client and in `by_spot`, under the spot it was noted with.

use std::collections::HashMap;
use std::sync::Arc;

use factree_namespace::Timestamp;
use factree_sparkplug::{DeviceIndex, EdgeNodeIndex, Level, SessionKey};

use super::clients::{ClientNumber, Clients};
use super::{Example, LedgerStats};
use crate::governance::BreachKind;
use crate::said::Event;

/// Bytes that are kept of a path.
const PATH_BYTES_MAX: usize = 1024;

/// All deviations of this process.
#[derive(Debug)]
pub(crate) struct Deviations {
    entries_max: usize,
    entries: Vec<Option<Entry>>,
    vacant: Vec<u32>,
    by_spot: HashMap<Box<str>, Vec<u32>>,
    clients: Clients,
    by_kind: [u64; BreachKind::ALL.len()],
    refused: u64,
    dropped: u64,
    /// What is to be told of entries that are new.
    news: Vec<Event>,
}

/// Deviations that are alike.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: BreachKind,
    /// The operator's name for it.
    pub(super) rule: Option<Arc<str>>,
    pub(super) is_enforced: bool,
    spot: Box<str>,
    pub(super) path: Box<str>,
    pub(super) edge_node: Option<(EdgeNodeIndex, Option<DeviceIndex>)>,
    client: ClientNumber,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) count: u64,
    pub(super) refused: u64,
    pub(super) session: SessionKey,
    pub(super) example: Example,
}

/// One deviation on its way in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewDeviation<'n> {
    pub(crate) kind: BreachKind,
    pub(crate) rule: Option<&'n Arc<str>>,
    pub(crate) is_enforced: bool,
    pub(crate) is_refused: bool,
    /// What it is told apart by from those elsewhere: a path or a topic.
    pub(crate) spot: &'n str,
    pub(crate) edge_node: Option<(EdgeNodeIndex, Option<DeviceIndex>)>,
    pub(crate) session: SessionKey,
    pub(crate) at: Timestamp,
}

impl Entry {
    /// What is enforced is a MUST.
    pub(super) fn level(&self) -> Level {
        if self.is_enforced { Level::Must } else { Level::Should }
    }
}

impl Deviations {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self {
            entries_max,
            entries: Vec::new(),
            vacant: Vec::new(),
            by_spot: HashMap::new(),
            clients: Clients::default(),
            by_kind: [0; BreachKind::ALL.len()],
            refused: 0,
            dropped: 0,
            news: Vec::new(),
        }
    }

    /// Takes a deviation down; `path` and `example` are asked for if it is the first of its kind.
    pub(crate) fn note(
        &mut self,
        new: NewDeviation<'_>,
        client_id: Option<&Arc<str>>,
        path: impl FnOnce() -> String,
        example: impl FnOnce() -> Example,
    ) {
        let NewDeviation { kind, rule, is_enforced, is_refused, spot, edge_node, session, at } = new;
        let spot = &spot[..spot.floor_char_boundary(PATH_BYTES_MAX)];
        self.by_kind[kind as usize] += 1;
        self.refused += u64::from(is_refused);
        let client_id = client_id.cloned();
        let client = self.clients.find(&client_id);
        let alike = |entry: &Entry| entry.kind == kind && Some(entry.client) == client && entry.rule.as_ref() == rule;
        let of_spot = self.by_spot.get(spot).into_iter().flatten();
        let known = of_spot.copied().find(|&number| self.entries[number as usize].as_ref().is_some_and(alike));
        if let Some(known) = known {
            let entry = self.entries[known as usize].as_mut().expect("by_spot names entries");
            entry.count += 1;
            entry.refused += u64::from(is_refused);
            (entry.last, entry.session, entry.is_enforced) = (at, session, is_enforced);
            return self.clients.refresh(entry.client, known);
        }
        if self.entries.len() - self.vacant.len() >= self.entries_max
            && let Some(oldest) = self.clients.first_to_go()
        {
            self.drop_entry(oldest);
        }
        let example = example().clipped();
        let mut path = path();
        path.truncate(path.floor_char_boundary(PATH_BYTES_MAX));
        self.news.push(Event::Deviation {
            path: path.clone(),
            client_id: client_id.as_deref().map(str::to_owned),
            id: kind.id(),
            text: example.why.as_deref().unwrap_or(kind.text()).to_owned(),
            rule: rule.map(ToString::to_string),
            is_refused,
        });
        // Room may have been made at the cost of this very client.
        let client = self.clients.find(&client_id).unwrap_or_else(|| self.clients.add(client_id));
        self.add(Entry {
            kind,
            rule: rule.cloned(),
            is_enforced,
            spot: spot.into(),
            path: path.into(),
            edge_node,
            client,
            first: at,
            last: at,
            count: 1,
            refused: u64::from(is_refused),
            session,
            example,
        });
    }

    /// What has not been told yet.
    pub(crate) fn take_news(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.news)
    }

    /// Whether something has not been told yet; asked with every batch.
    #[inline]
    pub(crate) fn have_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// How often each kind was seen, dropped entries included.
    pub(crate) fn by_kind(&self) -> impl Iterator<Item = (BreachKind, u64)> {
        BreachKind::ALL.into_iter().map(|kind| (kind, self.by_kind[kind as usize]))
    }

    /// How full it is, and what it lost.
    pub(crate) fn stats(&self) -> LedgerStats {
        LedgerStats { entries: (self.entries.len() - self.vacant.len()) as u64, dropped: self.dropped }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().flatten()
    }

    pub(super) fn client_id(&self, entry: &Entry) -> Option<&str> {
        self.clients.id(entry.client).map(|id| &**id)
    }

    /// The entries about an Edge Node, or about one Device of it, go. What was counted stays counted.
    pub(crate) fn forget(&mut self, edge_node: EdgeNodeIndex, device: Option<DeviceIndex>) {
        let is_meant = |entry: &Entry| {
            entry.edge_node.is_some_and(|(index, known)| index == edge_node && (device.is_none() || device == known))
        };
        let meant =
            |(number, entry): (usize, &Option<Entry>)| entry.as_ref().filter(|entry| is_meant(entry)).map(|_| number);
        let numbers: Vec<usize> = self.entries.iter().enumerate().filter_map(meant).collect();
        for number in numbers {
            self.drop_entry(number as u32);
            self.dropped -= 1;
        }
    }

    fn add(&mut self, entry: Entry) {
        let number = self.vacant.pop().unwrap_or_else(|| {
            self.entries.push(None);
            self.entries.len() as u32 - 1
        });
        self.clients.push(entry.client, number);
        self.by_spot.entry(entry.spot.clone()).or_default().push(number);
        self.entries[number as usize] = Some(entry);
    }

    fn drop_entry(&mut self, number: u32) {
        let Entry { spot, client, .. } = self.entries[number as usize].take().expect("lanes name entries");
        self.clients.remove(client, number);
        if let Some(of_spot) = self.by_spot.get_mut(&spot) {
            of_spot.retain(|&other| other != number);
            if of_spot.is_empty() {
                self.by_spot.remove(&spot);
            }
        }
        self.vacant.push(number);
        self.dropped += 1;
    }
}
