//! The ledger of findings: which rules of Sparkplug were broken, by whom, how often, and one example of each.
//!
//! Findings of one rule about one Edge Node or Device, from one client, are one entry with a count, so what a plant does
//! wrong with each of a million messages takes a line. Entries are bounded in all and for each Edge Node. An Edge Node with
//! too many loses the one not seen for longest; when the ledger is full, the client that holds most of it does
//! ([`clients`]). What is lost is counted, and the counts of rules and Edge Nodes stay right.
//! Of this process: a restart begins with an empty ledger. Knows no names of Edge Nodes and Devices, which are the host's.
//! Invariant: an entry stands in the lane of its Edge Node and in that of its client, and in `by_key`.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use factree_namespace::Timestamp;
use factree_sparkplug::{DeviceIndex, EdgeNodeIndex, Rule, SessionKey, catalogue};

mod clients;
mod deviations;
mod lane;
mod listing;
mod record;
mod rules;
mod telling;

use crate::Limits;
use crate::conformance::Sights;
use clients::{ClientNumber, Clients};
pub(crate) use deviations::{Deviations, NewDeviation};
use lane::Links;
pub use listing::{FindingPlace, FindingQuery, FindingReport, FindingSubject};
use record::Record;
pub(crate) use rules::RuleNumber;
pub(crate) use telling::{Found, Held, tell};

/// Longest text of an example, in bytes; a longer one is cut.
const EXAMPLE_BYTES_MAX: usize = 256;

/// All findings of this process.
#[derive(Debug)]
pub(crate) struct Ledger {
    entries_max: usize,
    entries_per_edge_node_max: usize,
    entries: Vec<Option<Entry>>,
    vacant: Vec<u32>,
    by_key: HashMap<Key, u32>,
    clients: Clients,
    /// By the number of the Edge Node, which are dense.
    records: Vec<Record>,
    /// What is about no Edge Node that is known.
    stray: Record,
    /// Who stands beside whom in the lanes of the records.
    links: Links,
    by_rule: Vec<u64>,
    dropped: u64,
}

/// What the findings of one entry have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    rule: RuleNumber,
    edge_node: Option<EdgeNodeIndex>,
    device: Option<DeviceIndex>,
    client: ClientNumber,
}

/// In two words: each field on its own costs the hasher five times as much.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let whole = |index: Option<u32>| index.map_or(u32::MAX, |index| index);
        let word = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        state.write_u64(word(whole(self.edge_node.map(|it| it.0)), whole(self.device.map(|it| it.0))));
        state.write_u64(word(self.client.0, self.rule.0.into()));
    }
}

/// Findings that are alike.
#[derive(Debug)]
struct Entry {
    key: Key,
    first: Timestamp,
    last: Timestamp,
    count: u64,
    /// Of the last one.
    session: SessionKey,
    /// The first one.
    example: Example,
}

/// What one finding looked like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// What showed it: a kind of Sparkplug message, or of MQTT packet.
    pub occasion: &'static str,
    /// The topic of the message, if it was one; at most 256 bytes of it.
    pub topic: Option<Box<str>>,
    /// The metric by name; at most 256 bytes of it.
    pub metric: Option<Box<str>>,
    /// The number that was expected and the one that came.
    pub expected_got: Option<(u64, u64)>,
    /// The value, or the beginning of the payload, that a rule about values was broken by; at most 256 bytes of it.
    pub value: Option<Box<str>>,
    /// What is wrong with it, for people; at most 256 bytes of it.
    pub why: Option<Box<str>>,
}

/// One finding on its way into the ledger.
#[derive(Clone, Copy, Debug)]
pub(crate) struct News<'n> {
    pub(crate) rule: &'n Rule,
    pub(crate) edge_node: Option<EdgeNodeIndex>,
    pub(crate) device: Option<DeviceIndex>,
    /// How often at once.
    pub(crate) count: u32,
    pub(crate) session: SessionKey,
    pub(crate) at: Timestamp,
}

/// How full the ledger is, and what it lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LedgerStats {
    /// Entries held.
    pub entries: u64,
    /// Entries dropped because there was no room for all.
    pub dropped: u64,
}

impl Ledger {
    pub(crate) fn new(limits: &Limits) -> Ledger {
        Ledger {
            entries_max: limits.findings_max.get(),
            entries_per_edge_node_max: limits.findings_per_edge_node_max.get(),
            entries: Vec::new(),
            vacant: Vec::new(),
            by_key: HashMap::new(),
            clients: Clients::default(),
            records: Vec::new(),
            stray: Record::new(Timestamp::default()),
            links: Links::default(),
            by_rule: vec![0; catalogue().len()],
            dropped: 0,
        }
    }

    /// An Edge Node is watched from now on; they come in the order of their numbers.
    pub(crate) fn watch(&mut self, edge_node: EdgeNodeIndex, now: Timestamp) {
        debug_assert_eq!(edge_node.0 as usize, self.records.len());
        self.records.push(Record::new(now));
    }

    /// Takes a finding down. Whether it is the first against this rule about this Edge Node.
    ///
    /// `client_id`, of the client behind the session, and `example` are asked for only if they are needed: a finding like
    /// those before it, from the session that its Edge Node broke a rule on last, costs two lookups and allocates nothing.
    pub(crate) fn note(
        &mut self,
        news: News<'_>,
        client_id: impl FnOnce() -> Option<Arc<str>>,
        example: impl FnOnce() -> Example,
    ) -> bool {
        let News { rule, edge_node, device, count, session, at } = news;
        let rule = RuleNumber::of(rule);
        self.by_rule[rule.0 as usize] += u64::from(count);
        let record = record_of(&mut self.records, &mut self.stray, edge_node);
        record.count += u64::from(count);
        let is_news = record.broken.insert(rule);

        let (client, client_id) = match record.speaker.and_then(|speaker| self.clients.recognise(speaker, session)) {
            Some(client) => (Some(client), None),
            None => {
                let client_id = client_id();
                (self.clients.find(&client_id), client_id)
            }
        };
        if let Some(client) = client {
            record.speaker = Some(self.clients.speaker(client, session));
            let key = Key { rule, edge_node, device, client };
            if let Some(&known) = self.by_key.get(&key) {
                self.links.refresh(&mut record.entries, known);
                self.clients.refresh(client, known);
                let entry = self.entries[known as usize].as_mut().expect("by_key names entries");
                entry.count += u64::from(count);
                (entry.last, entry.session) = (at, session);
                return is_news;
            }
        }
        // Room may be made at the cost of this very client, and of all that it holds.
        let client_id = client_id.or_else(|| client.and_then(|client| self.clients.id(client).cloned()));
        self.make_room(edge_node);
        let client = self.clients.find(&client_id).unwrap_or_else(|| self.clients.add(client_id));
        let key = Key { rule, edge_node, device, client };
        self.add(Entry { key, first: at, last: at, count: count.into(), session, example: example().clipped() });
        is_news
    }

    /// Notes what was seen of an Edge Node.
    pub(crate) fn saw(&mut self, edge_node: EdgeNodeIndex, sights: Sights) {
        self.records[edge_node.0 as usize].sights |= sights;
    }

    /// What was seen of an Edge Node.
    pub(crate) fn sights(&self, edge_node: EdgeNodeIndex) -> Sights {
        self.records[edge_node.0 as usize].sights
    }

    /// Its NBIRTH came over this session; the one before, over which?
    pub(crate) fn nbirth_over(&mut self, edge_node: EdgeNodeIndex, session: SessionKey) -> Option<SessionKey> {
        self.records[edge_node.0 as usize].born_over.replace(session)
    }

    /// Over which session its last NBIRTH came.
    pub(crate) fn born_over(&self, edge_node: EdgeNodeIndex) -> Option<SessionKey> {
        self.records[edge_node.0 as usize].born_over
    }

    /// Since when an Edge Node is watched.
    pub(crate) fn since(&self, edge_node: EdgeNodeIndex) -> Timestamp {
        self.records[edge_node.0 as usize].since
    }

    /// Whether an Edge Node has ever broken a rule.
    pub(crate) fn has_broken(&self, edge_node: EdgeNodeIndex, rule: RuleNumber) -> bool {
        self.records[edge_node.0 as usize].broken.contains(rule)
    }

    /// Findings about one Edge Node, dropped entries included.
    pub(crate) fn count(&self, edge_node: EdgeNodeIndex) -> u64 {
        self.records.get(edge_node.0 as usize).map_or(0, |record| record.count)
    }

    /// Findings about all Edge Nodes, dropped entries included.
    pub(crate) fn count_all(&self) -> u64 {
        self.records.iter().map(|record| record.count).sum()
    }

    /// How often each rule was broken that can be, dropped entries included.
    pub(crate) fn by_rule(&self) -> impl Iterator<Item = (&'static Rule, u64)> {
        let counted = |(number, &count): (u16, &u64)| (RuleNumber(number).rule(), count);
        (0..).zip(&self.by_rule).map(counted).filter(|(rule, _)| rule.detection.is_finding())
    }

    /// How full it is, and what it lost.
    pub(crate) fn stats(&self) -> LedgerStats {
        LedgerStats { entries: self.by_key.len() as u64, dropped: self.dropped }
    }

    /// Its entries go. What was counted stays counted, so that no sum ever falls.
    pub(crate) fn forget(&mut self, edge_node: EdgeNodeIndex) {
        while let Some(entry) = self.records.get(edge_node.0 as usize).and_then(|record| record.entries.oldest()) {
            self.drop_entry(entry);
            self.dropped -= 1;
        }
    }

    /// Drops what has to go before there is room for another entry about this Edge Node.
    fn make_room(&mut self, edge_node: Option<EdgeNodeIndex>) {
        let own = record_of(&mut self.records, &mut self.stray, edge_node).entries;
        let dropped = if own.len() >= self.entries_per_edge_node_max {
            own.oldest()
        } else if self.by_key.len() >= self.entries_max {
            self.clients.first_to_go()
        } else {
            None
        };
        if let Some(entry) = dropped {
            self.drop_entry(entry);
        }
    }

    fn add(&mut self, entry: Entry) {
        let Key { edge_node, client, .. } = entry.key;
        let number = self.vacant.pop().unwrap_or_else(|| {
            self.entries.push(None);
            self.entries.len() as u32 - 1
        });
        self.by_key.insert(entry.key, number);
        self.clients.push(client, number);
        self.links.push(&mut record_of(&mut self.records, &mut self.stray, edge_node).entries, number);
        self.entries[number as usize] = Some(entry);
    }

    fn drop_entry(&mut self, number: u32) {
        let Entry { key, .. } = self.entries[number as usize].take().expect("lanes name entries");
        self.by_key.remove(&key);
        self.clients.remove(key.client, number);
        self.links.remove(&mut record_of(&mut self.records, &mut self.stray, key.edge_node).entries, number);
        self.vacant.push(number);
        self.dropped += 1;
    }
}

/// What is about an Edge Node that is not known yet, because this is its first message, is stray like the rest.
fn record_of<'r>(records: &'r mut [Record], stray: &'r mut Record, edge_node: Option<EdgeNodeIndex>) -> &'r mut Record {
    edge_node.and_then(|index| records.get_mut(index.0 as usize)).unwrap_or(stray)
}

impl Example {
    fn clipped(self) -> Example {
        let clip = |text: Box<str>| match text.len() {
            0..=EXAMPLE_BYTES_MAX => text,
            _ => text[..text.floor_char_boundary(EXAMPLE_BYTES_MAX)].into(),
        };
        let Example { topic, metric, value, why, .. } = self;
        let [topic, metric, value, why] = [topic, metric, value, why].map(|text| text.map(clip));
        Example { topic, metric, value, why, ..self }
    }
}

#[cfg(test)]
mod tests;
