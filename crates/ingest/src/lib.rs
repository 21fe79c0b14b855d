//! From accepted publications to the tree.
//!
//! [`Ingest`] is told, in the broker's order, what was published and which sessions ended; it applies that to the
//! [`Namespace`] and answers with what is to be said in return. Sparkplug goes through the [`Host`](factree_sparkplug::Host)
//! and lands where [`Placement`] put it at Birth; everything else is read as plain JSON on a topic of its own.
//!
//! Has never heard of MQTT packets, sockets or clocks: its input is topic, payload, retain flag and session.
//! Invariant: when [`Ingest::apply`] returns, every value of the batch can be read from the namespace.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use factree_namespace::{Block, Namespace, Revision};
use factree_sparkplug as sparkplug;

mod away;
mod cells;
mod census;
mod claims;
mod commands;
mod conformance;
mod context;
mod context_record;
mod convert;
mod declare;
mod definitions;
mod echo;
mod edge_nodes;
mod explanation;
mod findings;
mod forget;
mod gone;
mod governance;
mod host_state;
mod inbox;
mod json;
mod keep;
mod limits;
mod placement;
mod plain;
mod plain_record;
mod replacement;
mod report;
mod reporting;
mod restore;
mod rule;
mod said;
mod samples;
mod seat;
mod seen_command;
mod sending;
mod template;
mod unfit;
mod witness;
mod wording;

pub use away::{Absentee, Away};
pub use census::Census;
pub use commands::{Command, CommandState};
pub use conformance::{ConformanceReport, RuleReport, Verdict};
pub use explanation::{Explanation, Mismatch, Subject, Tried, Unexplained};
pub use factree_sparkplug::{Connection, Level, Now, SessionKey, Timestamp, Will};
pub use findings::{Example, FindingPlace, FindingQuery, FindingReport, FindingSubject, LedgerStats};
pub use forget::{ForgetRefused, Forgotten, Vanished};
pub use governance::{
    DeclaredError, Doorkeeper, ElementRuleText, Governance, GovernanceError, GovernanceRuleText, GoverningRule,
    RuleSource, SchemaText, TypeRuleText,
};
pub use inbox::{Batch, Inbox, Manner};
pub use keep::{Birth, Keep, Record, Rejected, Restored, Table};
pub use limits::Limits;
pub use placement::{Place, PlacedBy, Placement, Step, UNPLACED};
pub use replacement::Replaced;
pub use report::{Counters, DeviceReport, EdgeNodeReport, Liveness, MetricReport, RebirthReport};
pub use rule::{RuleError, RuleFault, SparkplugRuleText, TopicRuleText};
pub use said::{Event, Message, Output};
pub use samples::{Budget, Mark, More};
pub use seen_command::SeenCommand;
pub use sending::{CommandRefused, RebirthRefused};
pub use template::{Case, TemplateError};
pub use witness::{Bulk, Seen, Sights};

use edge_nodes::{Context, EdgeNodes};
use inbox::{Decoded, Input, Publication};
use json::{Form, Reading, Reported};
use keep::Owner;
use plain::{Kept, PlainTopics, Shortage};
use replacement::{Forwards, Replacement};

/// Applies accepted publications to the tree.
#[derive(Debug)]
pub struct Ingest {
    namespace: Arc<Namespace>,
    placement: Arc<Placement>,
    governance: Arc<Governance>,
    /// While the rules have changed and not everything has moved yet.
    replacement: Option<Replacement>,
    /// Where things have moved to.
    forwards: Forwards,
    /// Whether the configuration says anything about types.
    has_types: bool,
    /// The elements that have not heard of it yet, from this number on.
    retype_from: Option<u32>,
    limits: Limits,
    edge_nodes: EdgeNodes,
    /// Of the Sparkplug host, for the input at hand. Here and not there, so that it need not be taken out and put back.
    outputs: sparkplug::Outputs,
    plain: PlainTopics,
    /// Who is behind a session, for as long as it lasts.
    clients: HashMap<SessionKey, Arc<str>>,
    /// What we are to clients, while we are online.
    application: Option<sparkplug::HostApplication>,
    /// The last session with each foreign broker that is over.
    links_over: HashMap<u16, SessionKey>,
    /// How many foreign brokers there are to be attached to, numbered from 0.
    attachments: u16,
    stats: Stats,
}

/// What came in, counted since this process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages on well-formed Sparkplug topics.
    pub sparkplug_messages: u64,
    /// Messages whose topic claims to be Sparkplug and is not; plain MQTT, not in the tree (SP24).
    pub sparkplug_topics_malformed: u64,
    /// Messages on plain topics that belong to the tree.
    pub plain_messages: u64,
    /// Plain messages refused in whole or in part because of a limit.
    pub plain_refused: u64,
    /// Values of metrics that are NULL and Bad because of a limit, or because they are none of their datatype.
    pub values_refused: u64,
    /// Messages on plain topics that no rule wants in the tree.
    pub elsewhere: u64,
    /// Records taken in again.
    pub records_restored: u64,
    /// Records that were not, samples that met another birth than their own among them.
    pub records_rejected: u64,
}

impl Ingest {
    /// An ingest that knows no Edge Node and no topic, writing to `namespace`.
    ///
    /// # Panics
    /// If the limits contradict each other, or the namespace may not hold a single block.
    pub fn new(limits: Limits, placement: Placement, namespace: Arc<Namespace>) -> Self {
        Self {
            edge_nodes: EdgeNodes::new(&limits),
            outputs: sparkplug::Outputs::new(),
            plain: PlainTopics::new(&namespace),
            namespace,
            placement: Arc::new(placement),
            governance: Arc::default(),
            replacement: None,
            forwards: Forwards::default(),
            has_types: false,
            retype_from: None,
            limits,
            clients: HashMap::new(),
            application: None,
            links_over: HashMap::new(),
            attachments: 0,
            stats: Stats::default(),
        }
    }

    /// Applies a batch in its order; appends to `out` what is to be said and told.
    ///
    /// A panic, which would be a mistake of ours, costs the message it happened in and puts that message's Edge Node in
    /// doubt; everybody else's data goes on.
    pub fn apply(&mut self, now: Now, batch: &Batch, out: &mut Vec<Output>) {
        let mut foreseen = self.foresee(batch, 0);
        for position in 0..batch.len() {
            self.edge_nodes.host.expect(foreseen);
            foreseen = self.foresee(batch, position + 1);
            let handled = catch_unwind(AssertUnwindSafe(|| self.handle(now, &batch.input(position), out)));
            if handled.is_err() {
                self.doubt(now, batch.input(position), out);
            }
        }
        self.tell_news(out);
        self.keep_contexts(out);
    }

    /// What memory an input will need is on its way while the one before it is handled.
    #[inline]
    fn foresee(&self, batch: &Batch, position: usize) -> Option<sparkplug::EdgeNodeIndex> {
        let (topic, payload) = batch.sparkplug(position)?;
        self.edge_nodes.foresee(&topic, payload)
    }

    /// Deviations that nobody has seen before.
    fn tell_news(&mut self, out: &mut Vec<Output>) {
        if self.edge_nodes.deviations.have_news() {
            out.extend(self.edge_nodes.deviations.take_news().into_iter().map(Output::Event));
        }
    }

    /// When [`Ingest::tick`] is due, if time alone will change anything.
    pub fn next_deadline(&self) -> Option<Instant> {
        [self.edge_nodes.host.next_deadline(), self.next_sweep()].into_iter().flatten().min()
    }

    /// Does what time has made due: messages that have waited long enough for those before them are applied, and topics that were
    /// cleared leave the tree. As [`Ingest::apply`], a panic costs no more than what it happened in.
    pub fn tick(&mut self, now: Now, out: &mut Vec<Output>) {
        let due = AssertUnwindSafe(|| {
            self.on_host_input(now, &sparkplug::Input::Tick, out);
            self.forget_cleared(now.instant, out);
        });
        if catch_unwind(due).is_err() {
            out.push(Output::Event(Event::Panicked { topic: String::new() }));
        }
        self.tell_news(out);
        self.keep_contexts(out);
    }

    /// Applies one input.
    fn handle(&mut self, now: Now, input: &Input<'_>, out: &mut Vec<Output>) {
        match *input {
            Input::Publication(ref publication) => self.on_publication(now, publication, out),
            Input::Deviations { session, topic, deviations, are_refused } => {
                self.note_deviations(now, (session, topic), deviations, are_refused);
            }
            Input::SessionStarted { session, client_id } => {
                self.clients.insert(session, client_id.into());
            }
            Input::Connected { session, connection } => {
                self.on_host_input(now, &sparkplug::Input::SessionStarted { session, connection }, out);
            }
            Input::Subscribed { session, filter, qos } => {
                self.on_host_input(now, &sparkplug::Input::Subscribed { session, filter, qos }, out);
            }
            Input::Disconnecting { session, with_will } => {
                self.on_host_input(now, &sparkplug::Input::Disconnecting { session, with_will }, out);
            }
            Input::SessionEnded { session } => {
                if let Some(attachment) = session.attachment() {
                    self.links_over.insert(attachment, session);
                }
                self.on_host_input(now, &sparkplug::Input::SessionEnded { session }, out);
                // After it: what the end of the session shows is its client's doing.
                self.clients.remove(&session);
            }
        }
    }

    fn on_publication(&mut self, now: Now, publication: &Publication<'_>, out: &mut Vec<Output>) {
        let &Publication { session, manner, topic, sparkplug, payload: published, content: bytes, decoded } =
            publication;
        match (sparkplug, decoded) {
            (Ok(topic), Decoded::Sparkplug(payload)) => {
                self.stats.sparkplug_messages += 1;
                let Manner { qos, retain: retained } = manner;
                let input = sparkplug::Input::Message { session, qos, retained, topic, published, bytes, payload };
                self.on_host_input(now, &input, out);
            }
            (Ok(topic), Decoded::Malformed(error)) => {
                self.stats.sparkplug_messages += 1;
                self.on_host_input(now, &sparkplug::Input::Malformed { session, topic, error: *error }, out);
            }
            (sparkplug, Decoded::Plain(reading)) => {
                // A namespace in other letters is a plain topic, and somebody's mistake.
                if let (Err(error), Some(b's' | b'S')) = (sparkplug, topic.bytes().next()) {
                    self.on_host_input(now, &sparkplug::Input::TopicMalformed { session, topic, error }, out);
                }
                self.on_plain(now, (Some(session), topic), reading, out);
                if manner.retain && *reading == Reading::Empty {
                    self.on_cleared(now, topic, out);
                }
                if let Reading::Sample(Reported { form: Form::Text, value, .. }) = reading {
                    self.note_no_json(now, (session, topic), value);
                }
                if let Reading::Colliding(colliding) = reading {
                    self.note_collision(now, (session, topic), &colliding.1);
                }
                // Sparkplug 2.2 had STATE outside its namespace.
                self.hear_state(session, topic, published, out);
            }
            // STATE: what other Host Applications say of themselves is not the plant's state.
            (Ok(state), Decoded::Nothing) => {
                self.stats.sparkplug_messages += 1;
                self.hear_state(session, topic, published, out);
                let Manner { qos, retain: retained } = manner;
                let input = sparkplug::Input::State { session, qos, retained, topic: state, payload: published };
                self.on_host_input(now, &input, out);
            }
            (Err(error), _) => {
                self.stats.sparkplug_topics_malformed += 1;
                self.on_host_input(now, &sparkplug::Input::TopicMalformed { session, topic, error }, out);
            }
        }
    }

    /// Takes in again what [`Keep`] gave out in the process before this one: all records of [`Table::Births`] in the order of
    /// their keys, then those of [`Table::Samples`] and of [`Table::Contexts`], before the first batch.
    ///
    /// Placement, elements and metric aliases are then as if the plant had just been born, but every Edge Node is offline
    /// and every sample that was Good is Stale, with the value and the times it had. Nothing is said and nobody is asked.
    ///
    /// # Errors
    /// [`Rejected`] says why a record brought nothing back; it costs itself and nothing else.
    pub fn restore(&mut self, now: Now, table: Table, key: &[u8], value: &[u8]) -> Result<Restored, Rejected> {
        let restored = match table {
            Table::Births => self.restore_birth(now, key, value),
            Table::Samples => self.restore_samples(key, value),
            Table::Contexts => self.restore_context(key, value),
        };
        match restored {
            Ok(_) => self.stats.records_restored += 1,
            Err(_) => self.stats.records_rejected += 1,
        }
        restored
    }

    fn restore_birth(&mut self, now: Now, key: &[u8], value: &[u8]) -> Result<Restored, Rejected> {
        let birth = Birth::read(key, value)?;
        let (claims, _) = keep::claimed(value)?;
        let context = Context {
            namespace: &self.namespace,
            placement: &self.placement,
            governance: &self.governance,
            clients: &self.clients,
            limits: &self.limits.sparkplug,
            kept_value_bytes_max: self.limits.kept_value_bytes_max,
            now,
        };
        self.edge_nodes.restore_birth(&context, (&birth, &claims), &mut self.outputs)
    }

    fn restore_samples(&mut self, key: &[u8], value: &[u8]) -> Result<Restored, Rejected> {
        let (owner, chunk) = keep::read_samples_key(key)?;
        match owner {
            Owner::Sparkplug(topic) => self.edge_nodes.restore_samples(&self.namespace, (topic, chunk), value),
            Owner::Plain(topic) => {
                let (claims, fields) = plain_record::read(value)?;
                let kept = (fields.as_slice(), &claims);
                self.plain.restore(&self.namespace, &self.placement, &self.limits, (topic, chunk), kept)
            }
            Owner::Gone(topic, name) => self.edge_nodes.restore_gone(&self.namespace, (topic, name), value),
        }
    }

    fn on_host_input(&mut self, now: Now, input: &sparkplug::Input<'_>, out: &mut Vec<Output>) {
        let context = Context {
            namespace: &self.namespace,
            placement: &self.placement,
            governance: &self.governance,
            clients: &self.clients,
            limits: &self.limits.sparkplug,
            kept_value_bytes_max: self.limits.kept_value_bytes_max,
            now,
        };
        self.edge_nodes.handle(&context, input, &mut self.outputs, out);
    }

    /// `session` is none for what we say ourselves, if it is said to our own broker.
    fn on_plain(
        &mut self,
        now: Now,
        (session, topic): (Option<SessionKey>, &str),
        reading: &Reading,
        out: &mut Vec<Output>,
    ) {
        let link = session.filter(|session| session.attachment().is_some());
        let received = convert::timestamp(now.wall);
        let apply = |ingest: &mut Self| {
            let Self { plain, namespace, placement, limits, .. } = ingest;
            plain.apply(namespace, placement, limits, received, (topic, link), reading)
        };
        let mut kept = apply(self);
        if kept == Kept::Refused(Shortage::Topics) && self.forget_cleared(now.instant, out) {
            kept = apply(self);
        }
        match kept {
            Kept::Whole => self.stats.plain_messages += 1,
            Kept::Elsewhere => self.stats.elsewhere += 1,
            Kept::Refused(shortage) => {
                self.stats.plain_refused += 1;
                self.note_beyond(now, (session.unwrap_or(SessionKey::BEFORE_RESTART), topic), shortage);
            }
        }
    }

    /// Handling this input has failed halfway: what it was about is not to be relied on until its next Birth.
    fn doubt(&mut self, now: Now, input: Input<'_>, out: &mut Vec<Output>) {
        let Input::Publication(Publication { topic, sparkplug, .. }) = input else { return };
        out.push(Output::Event(Event::Panicked { topic: topic.to_owned() }));
        if let Some(edge_node) = sparkplug.ok().and_then(|topic| topic.edge_node()) {
            self.edge_nodes.doubt(&self.namespace, now, edge_node, out);
        }
    }

    /// Whether every sample that is written from now on is to be seen, see [`Ingest::take_sights`]. Said again, it makes cells that
    /// were [ignored](Ingest::ignore) seen again.
    pub fn watch(&mut self, is_watching: bool) {
        self.edge_nodes.witness.watch(is_watching);
        self.plain.witness.watch(is_watching);
    }

    /// A cell's samples need not be seen until [`Ingest::watch`] is called again.
    pub fn ignore(&mut self, block: &Block, slot: u32) {
        let is_plain = block.number() == self.plain.block.number();
        let witness = if is_plain { &mut self.plain.witness } else { &mut self.edge_nodes.witness };
        witness.ignore(block, slot);
    }

    /// What was written to a block after one revision and up to another, the newest, is seen as if somebody had watched; of each
    /// cell the last sample.
    pub fn look_back(&mut self, block: &Arc<Block>, since: Revision, until: Revision) {
        let is_plain = block.number() == self.plain.block.number();
        let witness = if is_plain { &mut self.plain.witness } else { &mut self.edge_nodes.witness };
        witness.look(block, since, until, None);
    }

    /// How many Edge Nodes and plain topics have had a place in the tree, for whoever wants to know whether there are more.
    pub fn sources_len(&self) -> usize {
        self.edge_nodes.seats.len() + self.plain.admitted
    }

    /// Whether a cell is [ignored](Ingest::ignore).
    pub fn is_ignored(&self, block: &Block, slot: u32) -> bool {
        let is_plain = block.number() == self.plain.block.number();
        let witness = if is_plain { &self.plain.witness } else { &self.edge_nodes.witness };
        witness.is_ignored(block, slot)
    }

    /// Moves what was seen since the last time into `into`: every sample, but where a message or a batch wrote a great deal. What
    /// one source wrote is in its order. To be called after each batch while somebody watches.
    pub fn take_sights(&mut self, into: &mut Sights) {
        self.edge_nodes.witness.take(into);
        self.plain.witness.take(into);
    }

    /// What came in, counted.
    pub fn stats(&self) -> Stats {
        Stats { values_refused: self.edge_nodes.values_refused, ..self.stats }
    }

    /// All Edge Nodes taken together.
    pub fn census(&self) -> Census {
        self.edge_nodes.census()
    }

    /// Edge Nodes in the order of (group, edge node), after the named one, at most `limit`.
    pub fn edge_nodes(&self, after: Option<(&str, &str)>, limit: usize) -> Vec<EdgeNodeReport> {
        self.edge_nodes.reports(&self.namespace, after, limit)
    }

    /// One Edge Node.
    pub fn edge_node(&self, group: &str, edge_node: &str) -> Option<EdgeNodeReport> {
        self.edge_nodes.report(&self.namespace, group, edge_node)
    }

    /// Metrics of one Edge Node in the order of (Device, name), those of the Edge Node itself first, after the named one
    /// (whose Device is empty if it is the Edge Node's own), at most `limit`.
    pub fn metrics(
        &self,
        group: &str,
        edge_node: &str,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Option<Vec<MetricReport>> {
        self.edge_nodes.metrics(&self.namespace, group, edge_node, after, limit)
    }

    /// What was found to be against Sparkplug's rules since this process started, as far as it is remembered: of what `query`
    /// asks for, at most `limit`, in the order of [`FindingPlace`].
    pub fn findings(&self, query: &FindingQuery, limit: usize) -> Vec<FindingReport> {
        self.edge_nodes.findings(query, limit)
    }

    /// One Edge Node held against every rule that is about Edge Nodes.
    pub fn conformance(&self, group: &str, edge_node: &str) -> Option<ConformanceReport> {
        self.edge_nodes.conformance(group, edge_node)
    }

    /// How often each rule was broken since this process started, by its `tck-id`; all rules that are checked.
    pub fn findings_by_rule(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.edge_nodes.ledger.by_rule().map(|(rule, count)| (rule.tck_id, count))
    }

    /// How full the ledger of findings is.
    pub fn ledger(&self) -> LedgerStats {
        self.edge_nodes.ledger.stats()
    }

    /// The metric alias that the last Birth gave a metric.
    pub fn metric_alias(&self, group: &str, edge_node: &str, device: Option<&str>, name: &str) -> Option<u64> {
        self.edge_nodes.metric_alias(group, edge_node, device, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use factree_namespace::Quality;
    use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
    use factree_sparkplug::{BdSeq, Seq};

    #[test]
    fn what_failed_halfway_is_stale_until_the_rebirth_it_is_asked_for() {
        let namespace = Arc::new(Namespace::new(factree_namespace::Limits::default()));
        let mut ingest = Ingest::new(Limits::default(), Placement::default(), Arc::clone(&namespace));
        let now = Now { instant: Instant::now(), wall: Timestamp(1) };
        let bytes = PayloadBuilder::at(now.wall).seq(Seq::new(0)).metric(MetricBuilder::bd_seq(BdSeq::new(0))).encode();
        let mut batch = Batch::default();
        let number = batch.push(SessionKey(1), false, "spBv1.0/G/NBIRTH/E", &bytes, &Limits::default());
        batch.accept(number);
        let mut out = Vec::new();
        ingest.apply(now, &batch, &mut out);
        out.clear();

        let input = batch.input(0);
        ingest.doubt(now, input, &mut out);

        let view = namespace.read();
        let sample = view.sample(view.find("G/E/bdSeq").expect("born")).expect("sampled");
        assert_eq!(sample.quality, Quality::Stale);
        assert!(matches!(&out[0], Output::Event(Event::Panicked { topic }) if topic == "spBv1.0/G/NBIRTH/E"));
        assert!(matches!(&out[1], Output::Publish(message) if message.topic == "spBv1.0/G/NCMD/E"));
    }
}
