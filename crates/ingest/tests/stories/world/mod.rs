//! The world of the stories: an ingest, its tree, and a store that survives restarts.
//!
//! Written as `TYPE[/device] key=value … · metric=value …`, one message a line, in the order of the broker.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use factree_ingest::{
    Batch, Budget, Connection, Doorkeeper, Event, ForgetRefused, Forgotten, Governance, GovernanceRuleText, Ingest,
    Keep, Limits, Mark, More, Now, Output, Placement, SessionKey, Table, Timestamp, Will,
};
use factree_namespace::{ContextRule, Filter, Namespace, Quality, Value};
use factree_sparkplug::encode::{DataSetBuilder, MetricBuilder, PayloadBuilder, TemplateBuilder};
use factree_sparkplug::{self as sparkplug, BdSeq, DataType, Seq};

pub(crate) const EPOCH: u64 = 1_700_000_000_000;

pub(crate) struct World {
    pub(crate) namespace: Arc<Namespace>,
    pub(crate) ingest: Ingest,
    pub(crate) limits: Limits,
    pub(crate) placement: Placement,
    pub(crate) governance: Arc<Governance>,
    /// Who judges plain publications before they are accepted.
    keeper: Option<Doorkeeper>,
    /// What is said next is from the past.
    is_historical: bool,
    start: Instant,
    pub(crate) elapsed: Duration,
    /// By how many milliseconds the wall clock has been set.
    set_by: i64,
    pub(crate) said: Vec<Output>,
    pub(crate) births: Records,
    pub(crate) samples: Records,
    pub(crate) contexts: Records,
    /// What is declared to be context.
    pub(crate) rules: Vec<ContextRule>,
    pub(crate) mark: Mark,
}

/// One table of the store.
pub(crate) type Records = BTreeMap<Box<[u8]>, Box<[u8]>>;

impl World {
    pub(crate) fn new(placement: Placement) -> Self {
        Self::with(Limits::default(), placement)
    }

    pub(crate) fn with(limits: Limits, placement: Placement) -> Self {
        let namespace = Arc::new(Namespace::new(factree_namespace::Limits::default()));
        let ingest = Ingest::new(limits.clone(), placement.clone(), Arc::clone(&namespace));
        Self {
            namespace,
            ingest,
            limits,
            placement,
            governance: Arc::default(),
            keeper: None,
            is_historical: false,
            start: Instant::now(),
            elapsed: Duration::ZERO,
            set_by: 0,
            said: Vec::new(),
            births: Records::new(),
            samples: Records::new(),
            contexts: Records::new(),
            rules: Vec::new(),
            mark: Mark::default(),
        }
    }

    /// Brings the store up to date; how many records that took.
    pub(crate) fn saves(&mut self) -> usize {
        let mut records = Vec::new();
        while self.ingest.changed_samples(&mut self.mark, Budget::default(), &mut records) == More::Yes {}
        let len = records.len();
        self.samples.extend(records.into_iter().map(|record| (record.key, record.value)));
        len
    }

    /// A new process, an hour later, with what the store has; what it did not take in, and why. The store forgets what is
    /// of no more use.
    pub(crate) fn restarts(&mut self) -> Vec<String> {
        let fresh = World::with(self.limits.clone(), self.placement.clone());
        (self.namespace, self.ingest, self.said) = (fresh.namespace, fresh.ingest, Vec::new());
        self.ingest.govern(Arc::clone(&self.governance));
        self.elapsed += Duration::from_secs(3600);
        let now = self.now();
        let mut rejected = Vec::new();
        for (table, records) in [
            (Table::Births, &mut self.births),
            (Table::Samples, &mut self.samples),
            (Table::Contexts, &mut self.contexts),
        ] {
            records.retain(|key, value| match self.ingest.restore(now, table, key, value) {
                Ok(_) => true,
                Err(why) => {
                    rejected.push(format!("{table:?}: {why}"));
                    why.may_fit_later()
                }
            });
        }
        self.ingest.restore_contexts(self.rules.clone());
        self.mark = self.ingest.mark();
        rejected
    }

    pub(crate) fn now(&self) -> Now {
        let wall = EPOCH + self.elapsed.as_millis() as u64;
        Now { instant: self.start + self.elapsed, wall: Timestamp(wall.checked_add_signed(self.set_by).unwrap()) }
    }

    /// Sets our wall clock, forwards or back.
    pub(crate) fn sets_the_clock(&mut self, hours: i64) {
        self.set_by += hours * 3_600_000;
    }

    /// What time has made due happens.
    pub(crate) fn ticks(&mut self) {
        let mut said = Vec::new();
        self.ingest.tick(self.now(), &mut said);
        self.hears(said);
    }

    /// Until time makes something due; false if it never does.
    pub(crate) fn waits(&mut self) -> bool {
        let Some(due) = self.ingest.next_deadline() else { return false };
        self.elapsed = due.duration_since(self.start);
        self.ticks();
        true
    }

    fn batch(&mut self, fill: impl FnOnce(&mut Batch)) {
        let mut batch = Batch::default();
        fill(&mut batch);
        let mut said = Vec::new();
        self.ingest.apply(self.now(), &batch, &mut said);
        self.hears(said);
    }

    fn hears(&mut self, said: Vec<Output>) {
        for output in said {
            let Output::Keep(keep) = output else {
                self.said.push(output);
                continue;
            };
            let (Keep::Put(table, _) | Keep::Remove(table, _)) = &keep;
            let records = match table {
                Table::Births => &mut self.births,
                Table::Samples => &mut self.samples,
                Table::Contexts => &mut self.contexts,
            };
            match keep {
                Keep::Put(_, record) => drop(records.insert(record.key, record.value)),
                Keep::Remove(_, key) => drop(records.remove(&key)),
            }
        }
    }

    pub(crate) fn publish(&mut self, session: u64, topic: &str, payload: &[u8]) {
        let limits = Limits::default();
        self.batch(|batch| {
            let number = batch.push(SessionKey(session), false, topic, payload, &limits);
            batch.accept(number);
        });
    }

    /// Clears the retained message of a topic.
    pub(crate) fn clears(&mut self, topic: &str) {
        let limits = Limits::default();
        self.batch(|batch| {
            let number = batch.push(SessionKey(9), true, topic, b"", &limits);
            batch.accept(number);
        });
    }

    /// Forgets an Edge Node, or a Device of it.
    pub(crate) fn forgets(&mut self, edge_node: &str, device: Option<&str>) -> Result<Forgotten, ForgetRefused> {
        let mut said = Vec::new();
        let forgotten = self.ingest.forget_edge_node("Acme:Dallas:Press", edge_node, device, &mut said);
        self.hears(said);
        forgotten
    }

    /// Forgets the plain topics at a path.
    pub(crate) fn forgets_topics(&mut self, path: &str) -> Result<Forgotten, ForgetRefused> {
        let mut said = Vec::new();
        let forgotten = self.ingest.forget_topics(path, &mut said);
        self.hears(said);
        forgotten
    }

    /// Publishes on a plain topic as a connection does, which asks the doorkeeper before; why it was refused, if it was.
    pub(crate) fn tries(&mut self, session: u64, topic: &str, payload: &[u8]) -> Option<String> {
        let keeper = self.keeper.take();
        let mut refused = None;
        self.batch(|batch| {
            let number = batch.push(SessionKey(session), false, topic, payload, &Limits::default());
            refused = keeper.as_ref().and_then(|keeper| batch.judge(number, keeper));
            match refused {
                Some(_) => batch.refuse(number),
                None => batch.accept(number),
            }
        });
        self.keeper = keeper;
        refused
    }

    /// Other rules about what may be published.
    pub(crate) fn governs(&mut self, rules: &[GovernanceRuleText]) {
        self.governed_by(Governance::parse(rules).unwrap());
    }

    /// The same, by rules and what is declared.
    pub(crate) fn governed_by(&mut self, governance: Governance) {
        self.governance = Arc::new(governance);
        self.ingest.govern(Arc::clone(&self.governance));
        self.places(self.placement.clone());
    }

    /// Other rules about where things stand.
    pub(crate) fn places(&mut self, placement: Placement) {
        self.placement = placement.clone();
        self.ingest.replace(placement);
        while self.ingest.replace_some(1).is_none() {}
        self.keeper = Doorkeeper::new(Arc::clone(&self.governance), Arc::clone(self.ingest.placement()));
    }

    /// The same as [`World::says`], of long ago.
    pub(crate) fn says_historical(&mut self, message: &str) {
        self.is_historical = true;
        self.says(message);
        self.is_historical = false;
    }

    /// `NBIRTH seq=0 bdSeq=1 · Temp:Float=21.5 Count#7:Int32=5`, from session 1 unless `@2` stands in front.
    pub(crate) fn says(&mut self, message: &str) {
        let (session, message) = match message.strip_prefix('@').and_then(|rest| rest.split_once(' ')) {
            Some((session, rest)) => (session.parse().unwrap(), rest),
            None => (1, message),
        };
        let (head, metrics) = message.split_once(" · ").unwrap_or((message, ""));
        let mut words = head.split(' ');
        let (kind, device) = match words.next().unwrap().split_once('/') {
            Some((kind, device)) => (kind, format!("/{device}")),
            None => (words_first(head), String::new()),
        };
        let mut payload = PayloadBuilder::at(self.now().wall);
        for word in words {
            let (key, value) = word.split_once('=').unwrap();
            payload = match key {
                "seq" => payload.seq(Seq::new(value.parse().unwrap())),
                "bdSeq" => payload.metric(MetricBuilder::bd_seq(BdSeq::new(value.parse().unwrap()))),
                other => panic!("{other}?"),
            };
        }
        for metric in metrics.split(' ').filter(|metric| !metric.is_empty()) {
            let metric = metric_of(metric);
            payload = payload.metric(if self.is_historical { metric.historical() } else { metric });
        }
        let topic = format!("spBv1.0/Acme:Dallas:Press/{kind}/Line1{device}");
        self.publish(session, &topic, &payload.encode());
    }

    pub(crate) fn connects(&mut self, session: u64, client_id: &str) {
        self.batch(|batch| batch.session_started(SessionKey(session), client_id));
    }

    /// A client of our own broker, in order but for its will, which it has not.
    pub(crate) fn connects_by(&mut self, session: u64, client_id: &str, is_v5: bool) {
        let connection = Connection { is_v5, clean_start: true, session_expiry: Duration::ZERO, will: None };
        self.connects(session, client_id);
        self.batch(|batch| batch.connected(SessionKey(session), &connection));
    }

    /// A client of our own broker whose will has QoS 0.
    pub(crate) fn connects_with_will(&mut self, session: u64, client_id: &str, topic: &str) {
        let payload = PayloadBuilder::at(self.now().wall).metric(MetricBuilder::bd_seq(BdSeq::new(0))).encode();
        let will = Some(Will { topic, qos: 0, retain: false, payload: &payload });
        let connection = Connection { is_v5: false, clean_start: true, session_expiry: Duration::ZERO, will };
        self.connects(session, client_id);
        self.batch(|batch| batch.connected(SessionKey(session), &connection));
    }

    pub(crate) fn disconnects(&mut self, session: u64) {
        self.batch(|batch| {
            batch.disconnecting(SessionKey(session), false);
            batch.session_ended(SessionKey(session));
        });
    }

    pub(crate) fn session_ends(&mut self, session: u64) {
        self.batch(|batch| batch.session_ended(SessionKey(session)));
    }

    /// Everything below a path, one line a sample: path, value, quality.
    pub(crate) fn shows(&self, filter: &str) -> String {
        let view = self.namespace.read();
        let mut text = String::new();
        for element in view.select(&Filter::parse(filter).unwrap(), None, 1000) {
            let sample = view.sample(element).expect("selected elements have samples");
            let quality = match sample.quality {
                Quality::Good => String::new(),
                Quality::Stale if sample.is_gone => " (gone)".into(),
                other => format!(" ({})", other.as_str()),
            };
            writeln!(text, "{} = {}{quality}", view.path(element), show(&sample.value)).unwrap();
        }
        text
    }

    pub(crate) fn events(&mut self) -> Vec<String> {
        self.said
            .drain(..)
            .map(|output| match output {
                Output::Publish(message) => format!("publish {}", message.topic),
                Output::Event(Event::Born { edge_node, device, metrics_len, added, gone, changed, .. }) => {
                    let device = device.map_or(String::new(), |d| format!("/{d}"));
                    let mut text = format!("born {edge_node}{device} with {metrics_len}");
                    for (what, count) in [("new", added), ("gone", gone), ("changed", changed)] {
                        if count > 0 {
                            write!(text, ", {count} {what}").unwrap();
                        }
                    }
                    text
                }
                Output::Event(Event::Adopted { edge_node, device, client_id, .. }) => {
                    let device = device.map_or(String::new(), |d| format!("/{d}"));
                    format!("adopted {edge_node}{device} of {}", client_id.unwrap_or_default())
                }
                Output::Event(Event::Rivals { edge_node, winner, loser, .. }) => {
                    format!("rivals of {edge_node}: {winner:?} after {loser:?}")
                }
                Output::Event(Event::Died { edge_node, device, cause, .. }) => {
                    format!("died {edge_node}{}: {cause}", device.map_or(String::new(), |d| format!("/{d}")))
                }
                Output::Event(Event::RebirthAsked { reason, .. }) => format!("rebirth asked: {reason}"),
                Output::Event(Event::Finding { tck_id, .. }) => format!("finding {tck_id}"),
                Output::Event(Event::Deviation { path, id, text, is_refused, .. }) => {
                    let what = if is_refused { "refused" } else { "deviation" };
                    format!("{what} {id} at {path}: {text}")
                }
                Output::Event(Event::Panicked { topic }) => format!("panicked at {topic}"),
                Output::State(message) => format!("state {} {}", message.topic, message.payload),
                Output::Event(Event::StateContradicted { client_id, said }) => {
                    format!("contradicted {}, who said {said}", client_id.as_deref().unwrap_or("nobody"))
                }
                Output::Event(Event::StateRival { client_id }) => {
                    format!("rival {}", client_id.as_deref().unwrap_or("nobody"))
                }
                Output::Vanished(vanished) => {
                    let paths: Vec<String> = vanished.into_iter().map(|vanished| vanished.path).collect();
                    format!("vanished {}", paths.join(" "))
                }
                Output::Keep(_) => unreachable!("kept as it was said"),
            })
            .collect()
    }
}

fn words_first(head: &str) -> &str {
    head.split(' ').next().unwrap()
}

/// `name[#alias][:type][=value]`; without a name `#alias=value`. `name(5;6)` is a DataSet of one column and two rows,
/// `name{a=1,b=2}` an instance of the Template `Motor`, `name{}` its definition.
pub(crate) fn metric_of(text: &str) -> MetricBuilder {
    let labelled = |head: &str| {
        let (name, alias) = head.split_once('#').map_or((head, None), |(name, alias)| (name, Some(alias)));
        let metric = if name.is_empty() { MetricBuilder::default() } else { MetricBuilder::named(name) };
        let metric = metric.at(Timestamp(EPOCH));
        alias.map_or(metric.clone(), |alias| metric.alias(alias.parse().unwrap()))
    };
    if let Some((head, members)) = text.strip_suffix('}').and_then(|text| text.split_once('{')) {
        let template =
            if members.is_empty() { TemplateBuilder::definition() } else { TemplateBuilder::instance("Motor") };
        let template = template.parameter("Index", DataType::Int32, sparkplug::Value::Int(3)).unwrap();
        let members = members.split(',').filter(|member| !member.is_empty()).map(metric_of);
        return labelled(head).template(members.fold(template, TemplateBuilder::metric));
    }
    if let Some((head, rows)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let table = DataSetBuilder::new([("v", DataType::Int32)]);
        let row = |table: DataSetBuilder, row: &str| table.row(&[sparkplug::Value::Int(row.parse().unwrap())]).unwrap();
        return labelled(head).data_set(rows.split(';').fold(table, row));
    }
    let (left, value) = text.split_once('=').unwrap();
    let (left, datatype) = left.split_once(':').map_or((left, None), |(left, datatype)| (left, Some(datatype)));
    let (name, alias) = left.split_once('#').map_or((left, None), |(name, alias)| (name, Some(alias)));
    let mut metric = if name.is_empty() { MetricBuilder::default() } else { MetricBuilder::named(name) };
    if let Some(alias) = alias {
        metric = metric.alias(alias.parse().unwrap());
    }
    metric = metric.at(Timestamp(EPOCH));
    let declared = datatype.map(|name| DataType::ALL.into_iter().find(|datatype| datatype.name() == name).unwrap());
    if let Some(datatype) = declared {
        metric = metric.declare(datatype);
    }
    let value = match value {
        "null" => sparkplug::Value::Null,
        "true" | "false" => sparkplug::Value::Boolean(value == "true"),
        number if number.contains('.') => sparkplug::Value::Double(number.parse().unwrap()),
        number => match number.parse() {
            Ok(number) => sparkplug::Value::Int(number),
            Err(_) => sparkplug::Value::String(number),
        },
    };
    let wire_type = match value {
        sparkplug::Value::Boolean(_) => DataType::Boolean,
        sparkplug::Value::Double(_) => DataType::Double,
        sparkplug::Value::String(_) => DataType::String,
        _ => declared.unwrap_or(DataType::Int32),
    };
    metric.value(wire_type, value).unwrap()
}

fn show(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Boolean(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::UInt(value) => format!("{value}u"),
        Value::Double(value) => format!("{value:?}"),
        Value::String(value) => format!("{value:?}"),
        Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(",")),
        Value::Object(fields) => {
            let field = |(name, value): &(Arc<str>, Value)| format!("{name}:{}", show(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(" "))
        }
        other => format!("{other:?}"),
    }
}
