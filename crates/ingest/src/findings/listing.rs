//! The ledger as it is shown: entries with the names of whom they are about, a page at a time.
//!
//! The ledger knows numbers and the host knows names; here they meet. Reads only, under the lock of the caller: a full
//! ledger is looked at in a few milliseconds (`benches/benches/ingest.rs`), the entries of one Edge Node at once.

use factree_namespace::Timestamp;
use factree_sparkplug::host::EdgeNodeView;
use factree_sparkplug::{EdgeNodeDescriptor, EdgeNodeIndex, Level, Rule};

use super::{Entry, Example, Ledger};
use crate::edge_nodes::EdgeNodes;

/// Findings that are alike: of one rule, about one Edge Node or Device, from one client.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingReport {
    /// The rule: `tck-id-…`, or `factree-…` where it is ours.
    pub tck_id: &'static str,
    /// How strict the rule is.
    pub level: Level,
    /// What it asks for.
    pub text: &'static str,
    /// Group id; none if it is about no Edge Node that is known.
    pub group: Option<String>,
    /// Edge Node id, with the group id or not at all.
    pub edge_node: Option<String>,
    /// Device id, if it is about a Device.
    pub device: Option<String>,
    /// The MQTT client id of whoever did it, if that is known.
    pub client_id: Option<String>,
    /// The MQTT connection of the last one, as the log numbers it.
    pub session: u64,
    /// When the first was found, by our clock.
    pub first: Timestamp,
    /// When the last was found, by our clock.
    pub last: Timestamp,
    /// How many there were.
    pub count: u64,
    /// The first.
    pub example: Example,
}

/// Which findings are wanted; what is none is not asked about.
#[derive(Clone, Debug, Default)]
pub struct FindingQuery {
    /// Of this rule.
    pub tck_id: Option<String>,
    /// About Edge Nodes of this group.
    pub group: Option<String>,
    /// About Edge Nodes of this id.
    pub edge_node: Option<String>,
    /// Of this client.
    pub client_id: Option<String>,
    /// Of rules that are so strict; MUST stands for MUST NOT as well, SHOULD for SHOULD NOT.
    pub level: Option<Level>,
    /// Seen at this time or later.
    pub since: Option<Timestamp>,
    /// Behind this place in the order.
    pub after: Option<FindingPlace>,
}

/// Where an entry stands: the list is in the order of (group, Edge Node, Device, rule, client), what is not there first.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FindingPlace {
    /// Group id.
    pub group: String,
    /// Edge Node id.
    pub edge_node: String,
    /// Device id.
    pub device: String,
    /// The rule.
    pub tck_id: String,
    /// Client id.
    pub client_id: String,
}

impl FindingReport {
    /// Where it stands.
    pub fn place(&self) -> FindingPlace {
        FindingPlace {
            group: self.group.clone().unwrap_or_default(),
            edge_node: self.edge_node.clone().unwrap_or_default(),
            device: self.device.clone().unwrap_or_default(),
            tck_id: self.tck_id.to_owned(),
            client_id: self.client_id.clone().unwrap_or_default(),
        }
    }
}

/// An entry and the names it is listed under.
#[derive(Clone, Copy)]
struct Listed<'l> {
    entry: &'l Entry,
    node: Option<EdgeNodeView<'l>>,
    client_id: Option<&'l str>,
}

impl<'l> Listed<'l> {
    fn rule(&self) -> &'static Rule {
        self.entry.key.rule.rule()
    }

    fn group(&self) -> Option<&'l str> {
        Some(self.node?.group())
    }

    fn edge_node(&self) -> Option<&'l str> {
        Some(self.node?.id())
    }

    fn device(&self) -> Option<&'l str> {
        Some(self.node?.device(self.entry.key.device?)?.id)
    }

    fn place(&self) -> [&'l str; 5] {
        let names = [self.group(), self.edge_node(), self.device(), Some(self.rule().tck_id), self.client_id];
        names.map(Option::unwrap_or_default)
    }

    fn is_wanted(&self, query: &FindingQuery) -> bool {
        let FindingQuery { tck_id, group, edge_node, client_id, level, since, after: _ } = query;
        let is = |wanted: &Option<String>, name: Option<&str>| wanted.is_none() || wanted.as_deref() == name;
        since.is_none_or(|since| self.entry.last >= since)
            && level.is_none_or(|level| strictness(level) == strictness(self.rule().level))
            && is(tck_id, Some(self.rule().tck_id))
            && is(client_id, self.client_id)
            && is(group, self.group())
            && is(edge_node, self.edge_node())
    }

    fn report(&self) -> FindingReport {
        let &Rule { tck_id, level, text, .. } = self.rule();
        let &Entry { first, last, count, session, ref example, .. } = self.entry;
        FindingReport {
            tck_id,
            level,
            text,
            group: self.group().map(str::to_owned),
            edge_node: self.edge_node().map(str::to_owned),
            device: self.device().map(str::to_owned),
            client_id: self.client_id.map(str::to_owned),
            session: session.0,
            first,
            last,
            count,
            example: example.clone(),
        }
    }
}

/// A level and its negation are as strict.
fn strictness(level: Level) -> Level {
    match level {
        Level::Must | Level::MustNot => Level::Must,
        Level::Should | Level::ShouldNot => Level::Should,
        Level::May => Level::May,
    }
}

impl EdgeNodes {
    /// The first `limit` findings that `query` asks for.
    pub(crate) fn findings(&self, query: &FindingQuery, limit: usize) -> Vec<FindingReport> {
        let after = query.after.as_ref().map(|after| {
            let FindingPlace { group, edge_node, device, tck_id, client_id } = after;
            [group.as_str(), edge_node, device, tck_id, client_id]
        });
        let wanted = |entry| {
            let listed = self.listed(entry);
            let place = listed.place();
            (listed.is_wanted(query) && after.is_none_or(|after| place > after)).then_some((place, listed))
        };
        let mut page: Vec<([&str; 5], Listed<'_>)> = match (&query.group, &query.edge_node) {
            (Some(group), Some(edge_node)) => {
                let Some(node) = EdgeNodeDescriptor::new(group, edge_node).and_then(|it| self.host.edge_node(it))
                else {
                    return Vec::new();
                };
                self.ledger.about(node.index()).filter_map(wanted).collect()
            }
            _ => self.ledger.entries.iter().flatten().filter_map(wanted).collect(),
        };
        if page.len() > limit {
            page.select_nth_unstable_by(limit, |(a, _), (b, _)| a.cmp(b));
            page.truncate(limit);
        }
        page.sort_unstable_by_key(|(place, _)| *place);
        page.iter().map(|(_, listed)| listed.report()).collect()
    }

    /// All findings about one Edge Node, in the order of the list.
    pub(crate) fn findings_about(&self, edge_node: EdgeNodeIndex) -> Vec<FindingReport> {
        let mut listed: Vec<Listed<'_>> = self.ledger.about(edge_node).map(|entry| self.listed(entry)).collect();
        listed.sort_unstable_by_key(Listed::place);
        listed.iter().map(Listed::report).collect()
    }

    fn listed<'l>(&'l self, entry: &'l Entry) -> Listed<'l> {
        Listed {
            entry,
            node: entry.key.edge_node.and_then(|index| self.host.edge_node_at(index)),
            client_id: self.ledger.clients.id(entry.key.client).map(|id| &**id),
        }
    }
}

impl Ledger {
    /// The entries about one Edge Node.
    fn about(&self, edge_node: EdgeNodeIndex) -> impl Iterator<Item = &Entry> {
        let record = self.records.get(edge_node.0 as usize);
        let entry = |number: u32| self.entries[number as usize].as_ref().expect("lanes name entries");
        record.into_iter().flat_map(|record| self.links.of(&record.entries)).map(entry)
    }
}
