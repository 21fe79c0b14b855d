//! The ledger beside a list that does the same the long way round.

use super::*;
use proptest::prelude::*;
use std::num::NonZeroUsize;

const RULES: usize = 3;
const ENTRIES_MAX: usize = 8;
const ENTRIES_PER_EDGE_NODE_MAX: usize = 3;

/// Rule, Edge Node, Device, client.
type Who = (usize, Option<u32>, Option<u32>, Option<usize>);

#[derive(Default)]
struct Model {
    /// In the order in which they were last seen, with their counts.
    entries: Vec<(Who, u64)>,
    /// Clients with entries, in the order in which they came.
    clients: Vec<Option<usize>>,
    dropped: u64,
}

impl Model {
    fn note(&mut self, who: Who, count: u64) {
        let before = match self.entries.iter().position(|&(other, _)| other == who) {
            Some(known) => self.entries.remove(known).1,
            None => {
                self.make_room(who.1);
                if !self.clients.contains(&who.3) {
                    self.clients.push(who.3);
                }
                0
            }
        };
        self.entries.push((who, before + count));
    }

    fn make_room(&mut self, edge_node: Option<u32>) {
        let of_node = |&&(who, _): &&(Who, u64)| who.1 == edge_node;
        let victim = if self.entries.iter().filter(of_node).count() == ENTRIES_PER_EDGE_NODE_MAX {
            self.entries.iter().position(|entry| of_node(&entry))
        } else if self.entries.len() == ENTRIES_MAX {
            let len = |client| self.entries.iter().filter(|(who, _)| who.3 == client).count();
            let most = self.clients.iter().copied().max_by_key(|&client| len(client));
            self.entries.iter().position(|(who, _)| Some(who.3) == most)
        } else {
            None
        };
        if let Some(victim) = victim {
            let ((.., client), _) = self.entries.remove(victim);
            if !self.entries.iter().any(|(who, _)| who.3 == client) {
                self.clients.retain(|&other| other != client);
            }
            self.dropped += 1;
        }
    }
}

proptest! {
    #[test]
    fn the_ledger_holds_what_a_list_would(
        notes in proptest::collection::vec(
            (0..RULES, proptest::option::of(0..4_u32), proptest::option::of(0..2_u32), proptest::option::of(0..5_usize)),
            0..80,
        ),
    ) {
        let max = |number| NonZeroUsize::new(number).expect("not zero");
        let limits = Limits {
            findings_max: max(ENTRIES_MAX),
            findings_per_edge_node_max: max(ENTRIES_PER_EDGE_NODE_MAX),
            ..Limits::default()
        };
        let (mut ledger, mut model) = (Ledger::new(&limits), Model::default());
        (0..4).for_each(|number| ledger.watch(EdgeNodeIndex(number), Timestamp(0)));
        let ids: Vec<Arc<str>> = (0..5).map(|number| format!("client{number}").into()).collect();
        for (at, &who) in notes.iter().enumerate() {
            let (rule, edge_node, device, client) = who;
            let count = at as u32 % 3 + 1;
            model.note(who, count.into());
            let news = News {
                rule: &catalogue()[rule],
                edge_node: edge_node.map(EdgeNodeIndex),
                device: device.map(DeviceIndex),
                count,
                session: SessionKey(client.map_or(0, |client| client as u64 + 1)),
                at: Timestamp(at as u64),
            };
            let is_news = ledger.note(news, || client.map(|client| Arc::clone(&ids[client])), || Example { occasion: "NDATA", topic: None, metric: None, expected_got: None, value: None, why: None });
            let before = notes[..at].iter().any(|other| (other.0, other.1) == (rule, edge_node));
            prop_assert_eq!(is_news, !before, "news once for each Edge Node, whatever was dropped");
        }
        let mut held: Vec<(u64, Who, u64)> = ledger.entries.iter().flatten().map(|entry| {
            let Key { rule, edge_node, device, client, .. } = entry.key;
            let client = ledger.clients.id(client).map(|id| ids.iter().position(|other| other == id).expect("one of them"));
            (entry.last.0, (rule.0 as usize, edge_node.map(|it| it.0), device.map(|it| it.0), client), entry.count)
        }).collect();
        held.sort_unstable();
        let held: Vec<(Who, u64)> = held.into_iter().map(|(_, who, count)| (who, count)).collect();
        prop_assert_eq!(&held, &model.entries);
        prop_assert_eq!(ledger.stats(), LedgerStats { entries: model.entries.len() as u64, dropped: model.dropped });
        let count = |is_wanted: &dyn Fn(&Who) -> bool| {
            let counts = notes.iter().zip(0_u64..).filter(|(who, _)| is_wanted(who)).map(|(_, at)| at % 3 + 1);
            counts.sum::<u64>()
        };
        prop_assert_eq!(ledger.by_rule.iter().sum::<u64>(), count(&|_| true));
        prop_assert_eq!(ledger.count_all(), count(&|who| who.1.is_some()));
        prop_assert_eq!(ledger.count(EdgeNodeIndex(2)), count(&|who| who.1 == Some(2)));
    }
}
