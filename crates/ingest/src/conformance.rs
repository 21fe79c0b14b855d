//! Conformance: one Edge Node held against every rule of the catalogue that is about Edge Nodes.
//!
//! A rule is violated if it was ever found broken, observed if what it is about was [seen](sights) and nothing was found,
//! not observed if nothing of the kind has happened, not visible if a breach could not be seen here at all. What was seen is
//! noted with births, which are rare, and read off the host's counters; DATA costs nothing.
//! Of this process, like the ledger: both begin anew with a restart.
//! Invariant: nothing is called observed that was not seen.

use std::borrow::Cow;

use factree_namespace::Timestamp;
use factree_sparkplug as sparkplug;
use factree_sparkplug::host::EdgeNodeView;
use sparkplug::{
    Born, BornMetric, Detection, EdgeNodeDescriptor, EdgeNodeState, Input, Level, Party, Properties, RawMetric, Rule,
    Template, WireValue, catalogue,
};

use crate::edge_nodes::{EdgeNodes, Received};
use crate::findings::{FindingReport, Ledger, RuleNumber};
use crate::report::Liveness;

mod connections;
mod sights;

pub(crate) use connections::Connections;
pub(crate) use sights::Sights;

/// Findings shown with one rule; the list of findings has the rest.
const FINDINGS_PER_RULE_MAX: usize = 10;
/// Properties and Templates of one birth that are looked into for what there is in them.
const LOOKED_INTO_MAX: usize = 64;

/// How an Edge Node stands to the rules.
#[derive(Clone, Debug, PartialEq)]
pub struct ConformanceReport {
    /// Group id.
    pub group: String,
    /// Edge Node id.
    pub edge_node: String,
    /// Alive or not.
    pub liveness: Liveness,
    /// The MQTT client id that published the last NBIRTH.
    pub client_id: Option<String>,
    /// Since when it is watched, by our clock.
    pub since: Timestamp,
    /// Every rule about Edge Nodes, in the order of the catalogue.
    pub rules: Vec<RuleReport>,
}

/// How an Edge Node stands to one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleReport {
    /// The rule: `tck-id-…`, or `factree-…` where it is ours.
    pub tck_id: &'static str,
    /// How strict it is.
    pub level: Level,
    /// What it asks for.
    pub text: &'static str,
    /// How the Edge Node stands to it.
    pub verdict: Verdict,
    /// The rules that say the same and are reported instead, so that the verdict is theirs.
    pub same_as: &'static [&'static str],
    /// How it was broken, at most ten of its entries.
    pub findings: Vec<FindingReport>,
}

/// How an Edge Node stands to a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has broken it.
    Violated,
    /// What the rule is about was seen, and nothing against it.
    Observed,
    /// Nothing of the kind has been seen.
    NotObserved,
    /// A breach could not be seen.
    NotVisible {
        /// Why.
        reason: Cow<'static, str>,
    },
}

impl EdgeNodes {
    /// One Edge Node held against the rules.
    pub(crate) fn conformance(&self, group: &str, edge_node: &str) -> Option<ConformanceReport> {
        let node = self.host.edge_node(EdgeNodeDescriptor::new(group, edge_node)?)?;
        let mut findings = self.findings_about(node.index());
        let judge = Judge {
            sights: self.ledger.sights(node.index()) | counted(&node),
            is_elsewhere: self.ledger.born_over(node.index()).is_some_and(|session| session.attachment().is_some()),
            ledger: &self.ledger,
            node,
        };
        let rules = catalogue().iter().filter(|rule| is_about_edge_nodes(rule)).map(|rule| RuleReport {
            tck_id: rule.tck_id,
            level: rule.level,
            text: rule.text,
            verdict: judge.verdict(rule),
            same_as: match rule.detection {
                Detection::SameAs(others) => others,
                _ => &[],
            },
            findings: findings
                .extract_if(.., |finding| finding.tck_id == rule.tck_id)
                .take(FINDINGS_PER_RULE_MAX)
                .collect(),
        });
        Some(ConformanceReport {
            group: node.group().to_owned(),
            edge_node: node.id().to_owned(),
            liveness: match node.state() {
                EdgeNodeState::Unknown | EdgeNodeState::Forgotten => Liveness::Unborn,
                EdgeNodeState::Online { .. } => Liveness::Online,
                EdgeNodeState::Reordering { held, .. } => Liveness::Reordering { held },
                EdgeNodeState::Restored { .. } => Liveness::Restored,
                EdgeNodeState::Offline { .. } => Liveness::Offline,
            },
            client_id: self.seat(node.index()).and_then(|seat| seat.client_id.as_deref().map(str::to_owned)),
            since: self.ledger.since(node.index()),
            rules: rules.collect(),
        })
    }
}

fn is_about_edge_nodes(rule: &Rule) -> bool {
    match rule.about {
        Party::EdgeNode | Party::Device | Party::Anyone => true,
        Party::HostApplication | Party::Server => false,
    }
}

/// What a verdict is found from.
struct Judge<'j> {
    node: EdgeNodeView<'j>,
    ledger: &'j Ledger,
    sights: Sights,
    /// Its client is another broker's.
    is_elsewhere: bool,
}

impl Judge<'_> {
    fn verdict(&self, rule: &Rule) -> Verdict {
        let number = RuleNumber::of(rule);
        if self.ledger.has_broken(self.node.index(), number) {
            return Verdict::Violated;
        }
        let needed = sights::needed(number).unwrap_or(Sights::NEVER);
        match rule.detection {
            Detection::Anywhere => self.seen(needed),
            Detection::AsBroker if self.is_elsewhere => {
                let reason =
                    "its connection is another broker's; there, its CONNECT, QoS and DISCONNECT cannot be seen";
                Verdict::NotVisible { reason: reason.into() }
            }
            Detection::AsBroker => self.seen(needed | Sights::SESSION),
            Detection::SameAs(others) => self.common(others),
            Detection::Unseen(reason) => Verdict::NotVisible { reason: reason.into() },
            Detection::Permitted => Verdict::NotVisible { reason: "it is a permission; nothing can be broken".into() },
        }
    }

    fn seen(&self, needed: Sights) -> Verdict {
        if self.sights.have(needed) { Verdict::Observed } else { Verdict::NotObserved }
    }

    /// The worst of several: as good as observed is only what all of them say.
    fn common(&self, others: &[&'static str]) -> Verdict {
        let rule = |other: &&str| RuleNumber::named(other).expect("the catalogue refers to its own rules").rule();
        let mut common = Verdict::Observed;
        for verdict in others.iter().map(rule).map(|rule| self.verdict(rule)) {
            match (&verdict, &common) {
                (Verdict::Violated, _) => return verdict,
                (Verdict::NotVisible { .. }, _) | (Verdict::NotObserved, Verdict::Observed) => common = verdict,
                (Verdict::Observed | Verdict::NotObserved, _) => {}
            }
        }
        common
    }
}

/// What the host's counters say.
fn counted(node: &EdgeNodeView<'_>) -> Sights {
    let counters = node.counters();
    let of_devices = counters.dbirth + counters.ddata + counters.ddeath;
    let of_node = counters.nbirth + counters.ndata + counters.ndeath;
    Sights::MESSAGE.when(of_node + of_devices > 0)
        | Sights::NBIRTH.when(counters.nbirth > 0)
        | Sights::DBIRTH.when(counters.dbirth > 0)
        | Sights::NDATA.when(counters.ndata > 0)
        | Sights::DDATA.when(counters.ddata > 0)
        | Sights::DATA.when(counters.ndata + counters.ddata > 0)
        | Sights::NDEATH.when(counters.ndeath > 0)
        | Sights::DDEATH.when(counters.ddeath > 0)
        | Sights::DEVICE.when(of_devices > 0)
        | Sights::NEXT.when(of_devices + counters.ndata > 0)
}

impl EdgeNodes {
    /// Notes what a client does besides publishing, after the host has judged it.
    pub(crate) fn watch_connection(&mut self, input: &Input<'_>) {
        match *input {
            Input::SessionStarted { session, connection } => self.connections.begin(session, connection.is_v5),
            Input::Disconnecting { session, .. } => {
                for edge_node in self.connections.born_over(session) {
                    self.ledger.saw(edge_node, Sights::DISCONNECT);
                }
            }
            Input::Tick
            | Input::SessionEnded { .. }
            | Input::Message { .. }
            | Input::Malformed { .. }
            | Input::State { .. }
            | Input::TopicMalformed { .. }
            | Input::Subscribed { .. } => {}
        }
    }

    /// Notes what is to be seen in a birth.
    pub(crate) fn watch_birth(&mut self, born: &Born, metrics: &[BornMetric], received: &Received<'_>) {
        let mut sights = in_metrics(metrics, received);
        sights |= Sights::COMPRESSED.when(received.published.as_ptr() != received.bytes.as_ptr());
        if born.device.is_none() {
            let was_asked =
                self.host.edge_node_at(born.edge_node).is_some_and(|node| node.counters().rebirths_asked.total() > 0);
            let before = self.ledger.nbirth_over(born.edge_node, born.session);
            self.connections.bear(born.edge_node, born.session, before);
            sights |= match self.connections.is_v5(born.session) {
                None => Sights::default(),
                Some(false) => Sights::SESSION | Sights::V311,
                Some(true) => Sights::SESSION | Sights::V5,
            };
            sights |= Sights::ANSWER.when(was_asked)
                | Sights::REBIRTH.when(before == Some(born.session))
                | Sights::NEXT_SESSION.when(before.is_some_and(|before| before != born.session));
        }
        self.ledger.saw(born.edge_node, sights);
    }
}

fn in_metrics(metrics: &[BornMetric], received: &Received<'_>) -> Sights {
    let mut sights = Sights::default();
    let (mut properties, mut templates) = (0, 0);
    for metric in metrics {
        let metric: &RawMetric = received.payload.metric(metric.position);
        sights |= Sights::ALIAS.when(metric.alias().is_some()) | Sights::METADATA.when(metric.metadata().is_some());
        if let Some(span) = metric.properties().filter(|_| properties < LOOKED_INTO_MAX) {
            properties += 1;
            let quality =
                Properties::parse(received.bytes, span, received.limits).map(|properties| properties.quality());
            sights |= Sights::PROPERTIES | Sights::QUALITY.when(matches!(quality, Ok(Some(_))));
        }
        match metric.wire_value(received.bytes) {
            WireValue::DataSet(_) => sights |= Sights::DATA_SET,
            WireValue::Template(bytes) if templates < LOOKED_INTO_MAX => {
                templates += 1;
                let Ok(template) = Template::parse(bytes) else { continue };
                sights |= Sights::PARAMETER.when(template.parameters().next().is_some());
                sights |= if template.is_definition() { Sights::DEFINITION } else { Sights::INSTANCE };
            }
            _ => {}
        }
    }
    sights
}
