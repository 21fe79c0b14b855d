//! The ledger as it is shown: entries with the names of whom they are about, a page at a time.
//!
//! The ledger knows numbers and the host knows names; here they meet. Reads only, under the lock of the caller: a full
//! ledger is looked at in a few milliseconds (`benches/benches/ingest.rs`), the entries of one Edge Node at once.

use factree_namespace::Timestamp;
use factree_sparkplug::host::EdgeNodeView;
use factree_sparkplug::{EdgeNodeDescriptor, EdgeNodeIndex, Level};

use super::{Entry, Example, Ledger, deviations};
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
    /// How many of them were refused, and so reached nobody.
    pub refused: u64,
    /// The operator's rule, if it is about one of those.
    pub rule: Option<String>,
    /// The element it is about, if it is about what an element says.
    pub path: Option<String>,
    /// The first.
    pub example: Example,
}

/// What findings are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingSubject {
    /// Rules of Sparkplug, and those that Factree has beside them.
    Sparkplug,
    /// What is published, held against the operator's rules and JSON.
    Values,
}

/// Which findings are wanted; what is none is not asked about.
#[derive(Clone, Debug, Default)]
pub struct FindingQuery {
    /// About this; none: about either.
    pub subject: Option<FindingSubject>,
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

/// Where an entry stands: the list is in the order of (group, Edge Node, Device, rule, client, path, the operator's rule), what
/// is not there first.
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
    /// Path of an element.
    pub path: String,
    /// The operator's rule.
    pub rule: String,
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
            path: self.path.clone().unwrap_or_default(),
            rule: self.rule.clone().unwrap_or_default(),
        }
    }
}

/// The names of a [`FindingPlace`].
const PLACE_LEN: usize = 7;

/// An entry and the names it is listed under.
#[derive(Clone, Copy)]
struct Listed<'l> {
    entry: What<'l>,
    node: Option<EdgeNodeView<'l>>,
    client_id: Option<&'l str>,
}

/// What is listed.
#[derive(Clone, Copy)]
enum What<'l> {
    Finding(&'l Entry),
    Deviation(&'l deviations::Entry),
}

impl<'l> Listed<'l> {
    fn tck_id(&self) -> &'static str {
        match self.entry {
            What::Finding(entry) => entry.key.rule.rule().tck_id,
            What::Deviation(entry) => entry.kind.id(),
        }
    }

    fn level(&self) -> Level {
        match self.entry {
            What::Finding(entry) => entry.key.rule.rule().level,
            What::Deviation(entry) => entry.level(),
        }
    }

    fn last(&self) -> Timestamp {
        match self.entry {
            What::Finding(entry) => entry.last,
            What::Deviation(entry) => entry.last,
        }
    }

    fn group(&self) -> Option<&'l str> {
        Some(self.node?.group())
    }

    fn edge_node(&self) -> Option<&'l str> {
        Some(self.node?.id())
    }

    fn device(&self) -> Option<&'l str> {
        let device = match self.entry {
            What::Finding(entry) => entry.key.device,
            What::Deviation(entry) => entry.edge_node.and_then(|(_, device)| device),
        };
        Some(self.node?.device(device?)?.id)
    }

    fn path_and_rule(&self) -> (Option<&'l str>, Option<&'l str>) {
        match self.entry {
            What::Finding(_) => (None, None),
            What::Deviation(entry) => (Some(&entry.path), entry.rule.as_deref()),
        }
    }

    fn place(&self) -> [&'l str; PLACE_LEN] {
        let (path, rule) = self.path_and_rule();
        let names = [self.group(), self.edge_node(), self.device(), Some(self.tck_id()), self.client_id, path, rule];
        names.map(Option::unwrap_or_default)
    }

    fn is_wanted(&self, query: &FindingQuery) -> bool {
        let FindingQuery { subject: _, tck_id, group, edge_node, client_id, level, since, after: _ } = query;
        let is = |wanted: &Option<String>, name: Option<&str>| wanted.is_none() || wanted.as_deref() == name;
        since.is_none_or(|since| self.last() >= since)
            && level.is_none_or(|level| strictness(level) == strictness(self.level()))
            && is(tck_id, Some(self.tck_id()))
            && is(client_id, self.client_id)
            && is(group, self.group())
            && is(edge_node, self.edge_node())
    }

    fn report(&self) -> FindingReport {
        let (text, session, first, count, refused, example) = match self.entry {
            What::Finding(entry) => {
                (entry.key.rule.rule().text, entry.session, entry.first, entry.count, 0, &entry.example)
            }
            What::Deviation(entry) => {
                (entry.kind.text(), entry.session, entry.first, entry.count, entry.refused, &entry.example)
            }
        };
        let (path, rule) = self.path_and_rule();
        FindingReport {
            tck_id: self.tck_id(),
            level: self.level(),
            text,
            group: self.group().map(str::to_owned),
            edge_node: self.edge_node().map(str::to_owned),
            device: self.device().map(str::to_owned),
            client_id: self.client_id.map(str::to_owned),
            session: session.0,
            first,
            last: self.last(),
            count,
            refused,
            rule: rule.map(str::to_owned),
            path: path.map(str::to_owned),
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
            let FindingPlace { group, edge_node, device, tck_id, client_id, path, rule } = after;
            [group.as_str(), edge_node, device, tck_id, client_id, path, rule]
        });
        let wanted = |listed: Listed<'_>| {
            let place = listed.place();
            listed.is_wanted(query) && after.is_none_or(|after| place > after)
        };
        let wanted = |listed| wanted(listed).then_some((listed.place(), listed));
        let mut page: Vec<([&str; PLACE_LEN], Listed<'_>)> = match (&query.group, &query.edge_node) {
            _ if query.subject == Some(FindingSubject::Values) => Vec::new(),
            (Some(group), Some(edge_node)) => {
                let Some(node) = EdgeNodeDescriptor::new(group, edge_node).and_then(|it| self.host.edge_node(it))
                else {
                    return Vec::new();
                };
                self.ledger.about(node.index()).map(|entry| self.listed(entry)).filter_map(wanted).collect()
            }
            _ => self.ledger.entries.iter().flatten().map(|entry| self.listed(entry)).filter_map(wanted).collect(),
        };
        if query.subject != Some(FindingSubject::Sparkplug) {
            page.extend(self.deviations.iter().map(|entry| self.listed_deviation(entry)).filter_map(wanted));
        }
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
            entry: What::Finding(entry),
            node: entry.key.edge_node.and_then(|index| self.host.edge_node_at(index)),
            client_id: self.ledger.clients.id(entry.key.client).map(|id| &**id),
        }
    }

    fn listed_deviation<'l>(&'l self, entry: &'l deviations::Entry) -> Listed<'l> {
        Listed {
            entry: What::Deviation(entry),
            node: entry.edge_node.and_then(|(index, _)| self.host.edge_node_at(index)),
            client_id: self.deviations.client_id(entry),
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
