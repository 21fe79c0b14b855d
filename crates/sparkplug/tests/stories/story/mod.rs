//! Stories about a Host Application: events in, transcript out, in one notation.
//!
//! ```text
//! NBIRTH seq=0 bd=0 temp#1 speed · NDATA seq=1 #1 · @5s · END
//! ```
//!
//! Events stand between dots. A message is its type, `/device` behind a D-type, then what differs from the usual:
//! `seq=`, `bd=`, `ts=` (payload timestamp), `s2` (MQTT session 2 instead of 1), `a2` (the same over an attachment), `node=` (another Edge Node than `e`),
//! `retained`, `empty` (no metrics at all), `cleared` (no payload at all), `beyond` (a name longer than allowed), `malformed`, `compressed` (Tahu's convention), `bomb` (its body inflates beyond all measure), `restored` (a birth from before
//! a restart). Everything else is a metric:
//! `name`, `name#alias`, `#alias`, `name:7` (datatype 7), `name~` (historical), `name=Motor{a,b}` (an instance of the
//! Template Motor with members a and b), `name=def{a,b}` (a definition). Births have a bdSeq metric when `bd=`
//! is given and always `Node Control/Rebirth`. `END s1` ends a session, `@5s` and `@10ms` let time pass, and what is due
//! happens; `CLOCK -6h` sets our wall clock back by so much. What was held is told behind `[D-type …]`, or between brackets what else it was.

use factree_sparkplug::{
    encode::{Algorithm, MetricBuilder, PayloadBuilder, REBIRTH, TemplateBuilder},
    *,
};
use std::time::{Duration, Instant};

pub(crate) struct Story {
    pub(crate) host: Host,
    limits: Limits,
    start: Instant,
    elapsed: Duration,
    /// By how many milliseconds the wall clock has been set.
    set_by: i64,
    payload: Payload,
    outputs: Outputs,
    refused: Option<NotRestored>,
}

/// The wall clock when a story begins, in milliseconds.
const WALL: u64 = 1_000_000;

impl Story {
    pub(crate) fn new() -> Story {
        Story::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Story {
        let host = Host::new(limits.clone());
        let (payload, outputs) = (Payload::new(), Outputs::new());
        Story {
            host,
            limits,
            start: Instant::now(),
            elapsed: Duration::ZERO,
            set_by: 0,
            payload,
            outputs,
            refused: None,
        }
    }

    /// One line per event: what the host wanted done.
    pub(crate) fn tell(&mut self, events: &str) -> String {
        let lines = events.split('·').map(|event| format!("{} → {}", event.trim(), self.happen(event.trim())));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Lets something happen nobody needs to read about.
    pub(crate) fn after(mut self, events: &str) -> Story {
        self.tell(events);
        self
    }

    fn happen(&mut self, event: &str) -> String {
        self.outputs.clear();
        self.refused = None;
        let now = self.now();
        let words: Vec<&str> = event.split_whitespace().collect();
        let session = words.iter().find_map(|word| session(word)).unwrap_or(SessionKey(1));
        match words[0] {
            "CLOCK" => {
                let hours: i64 = words[1].trim_end_matches('h').parse().unwrap();
                self.set_by += hours * 3_600_000;
            }
            "END" => self.host.handle(now, &Input::SessionEnded { session }, &mut self.outputs),
            time if time.starts_with('@') => {
                let time = &time[1..];
                let millis = time.strip_suffix("ms").map(|ms| ms.parse().unwrap());
                self.elapsed += match millis {
                    Some(ms) => Duration::from_millis(ms),
                    None => Duration::from_secs(time.trim_end_matches('s').parse().unwrap()),
                };
                let now = self.now();
                if self.host.next_deadline().is_some_and(|deadline| deadline <= now.instant) {
                    self.host.handle(now, &Input::Tick, &mut self.outputs);
                }
            }
            message => self.message(now, session, message, &words[1..]),
        }
        self.transcript()
    }

    fn now(&self) -> Now {
        let wall = WALL + self.elapsed.as_millis() as u64;
        Now { instant: self.start + self.elapsed, wall: Timestamp(wall.checked_add_signed(self.set_by).unwrap()) }
    }

    fn message(&mut self, now: Now, session: SessionKey, message: &str, words: &[&str]) {
        let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        let (kind, device) = message.split_once('/').map_or((message, ""), |(kind, device)| (kind, device));
        let topic = format!("spBv1.0/g/{kind}/{}/{device}", value("node").unwrap_or("e"));
        let topic = Topic::parse(topic.trim_end_matches('/')).unwrap();
        if words.contains(&"malformed") {
            let input = Input::Malformed { session, topic, error: DecodeError::Truncated };
            return self.host.handle(now, &input, &mut self.outputs);
        }
        let published = if words.contains(&"cleared") { Vec::new() } else { payload(kind, words, &value) };
        if let Err(error) = decode(&published, &self.limits, &mut self.payload) {
            return self.host.handle(now, &Input::Malformed { session, topic, error }, &mut self.outputs);
        }
        let mut inflated = Vec::new();
        let bytes = if self.payload.is_compressed(&published) {
            if let Err(error) = inflate(&published, &self.limits, &mut self.payload, &mut inflated) {
                return self.host.handle(now, &Input::Malformed { session, topic, error }, &mut self.outputs);
            }
            inflated
        } else {
            published.clone()
        };
        if words.contains(&"restored") {
            let whose = (topic.edge_node().unwrap(), topic.device());
            let birth = (&*bytes, &self.payload);
            self.refused = self.host.restore(now, Timestamp(WALL - 1), whose, birth, &mut self.outputs).err();
            return;
        }
        let retained = words.contains(&"retained");
        let (published, bytes, payload) = (&*published, &*bytes, &self.payload);
        let input = Input::Message { session, qos: 0, retained, topic, published, bytes, payload };
        self.host.handle(now, &input, &mut self.outputs);
    }

    fn transcript(&self) -> String {
        let told = self.outputs.iter().filter(|output| !is_left_out(output));
        let mut outputs: Vec<String> = told.map(|output| self.line(output)).collect();
        outputs.extend(self.refused.map(|refused| format!("{refused:?}")));
        if outputs.is_empty() { "nothing".to_owned() } else { outputs.join("; ") }
    }

    fn line(&self, output: &Output) -> String {
        match output {
            Output::Unheld(index) => {
                let unheld = self.outputs.unheld(*index);
                let message = unheld.topic().to_string();
                let seq = unheld.payload().seq.unwrap();
                format!("[{} seq={seq}]", message.split('/').nth(2).unwrap())
            }
            Output::Adopted(adopted) => {
                format!("adopted {} by {}", self.who(adopted.edge_node, adopted.device), adopted.session.0)
            }
            Output::Rivals(rivals) => {
                format!("rivals of {}: {} after {}", self.who(rivals.edge_node, None), rivals.winner.0, rivals.loser.0)
            }
            Output::Born(born) => {
                let metric = |each: &BornMetric| {
                    format!("{}{}", self.metric(born.edge_node, each.metric), if each.is_new { "*" } else { "" })
                };
                let metrics: Vec<String> = self.outputs.born(born).iter().map(metric).collect();
                let gone: Vec<String> =
                    self.outputs.vanished(born).iter().map(|each| self.metric(born.edge_node, *each)).collect();
                let verb = if born.is_rebirth { "reborn" } else { "born" };
                let gone = if gone.is_empty() { String::new() } else { format!(" without {}", gone.join(" ")) };
                format!("{verb} {} [{}]{gone}", self.who(born.edge_node, born.device), metrics.join(" "))
            }
            Output::Data(data) => {
                let update = |each: &Update| {
                    let past = if each.is_historical { "~" } else { "" };
                    format!("{}{past}", self.metric(data.edge_node, each.metric))
                };
                let updates: Vec<String> = self.outputs.updates(data).iter().map(update).collect();
                let late = if data.is_late { "late " } else { "" };
                format!("{late}data {} [{}]", self.who(data.edge_node, data.device), updates.join(" "))
            }
            Output::Died(died) => {
                let after = died.at.0 as i64 - WALL as i64;
                format!("died {} at {after} ({:?})", self.who(died.edge_node, died.device), died.cause)
            }
            Output::AskRebirth(ask) => format!("ask rebirth ({:?})", ask.reason),
            Output::Finding(finding) => {
                let count = if finding.count > 1 { format!(" x{}", finding.count) } else { String::new() };
                let numbers = match finding.expected_got {
                    Some((expected, got)) => format!(" ({expected}, got {got})"),
                    None => String::new(),
                };
                let fault = finding.fault.filter(|fault| fault.is_about_limits());
                let fault = fault.map_or(String::new(), |fault| format!(" ({fault:?})"));
                format!("! {}{numbers}{count}{fault}", finding.rule.tck_id.trim_start_matches("tck-id-"))
            }
        }
    }

    fn who(&self, edge_node: EdgeNodeIndex, device: Option<DeviceIndex>) -> String {
        let node = self.host.edge_node_at(edge_node).unwrap();
        match device {
            None => node.id().to_owned(),
            Some(device) => format!("{}/{}", node.id(), node.device(device).unwrap().id),
        }
    }

    fn metric(&self, edge_node: EdgeNodeIndex, metric: MetricIndex) -> String {
        let name = self.host.edge_node_at(edge_node).unwrap().metric_name(metric).unwrap();
        format!("{}{}", metric.0, if name == REBIRTH { "rebirth" } else { name })
    }
}

/// Findings about the contents of messages, which are not what these stories are about; `judge.rs` tells them.
fn is_left_out(output: &Output) -> bool {
    const LEFT_OUT: [&str; 3] = [
        "tck-id-payloads-metric-datatype-not-req",
        "tck-id-payloads-alias-data-cmd-requirement",
        "tck-id-payloads-dbirth-order",
    ];
    matches!(output, Output::Finding(finding) if LEFT_OUT.contains(&finding.rule.tck_id))
}

fn payload<'a>(kind: &str, words: &[&'a str], value: &impl Fn(&str) -> Option<&'a str>) -> Vec<u8> {
    let is_birth = kind.ends_with("BIRTH");
    let mut payload = match value("ts") {
        Some("none") => PayloadBuilder::default(),
        ts => PayloadBuilder::at(Timestamp(ts.map_or(WALL, |ts| ts.parse().unwrap()))),
    };
    if let Some(seq) = value("seq") {
        payload = payload.seq(Seq::new(seq.parse().unwrap()));
    }
    if let Some(bd_seq) = value("bd") {
        payload = payload.metric(MetricBuilder::bd_seq(BdSeq::new(bd_seq.parse().unwrap())).at(Timestamp(WALL)));
    }
    if kind == "NBIRTH" && !words.contains(&"empty") {
        payload = payload.metric(MetricBuilder::named(REBIRTH).at(Timestamp(WALL)).boolean(false));
    }
    let is_metric = |word: &&&str| {
        let is_flag = ["retained", "empty", "compressed", "restored", "bomb", "beyond"].contains(*word);
        (!word.contains('=') || word.contains('{')) && session(word).is_none() && !is_flag
    };
    let mut payload = payload.metrics(words.iter().filter(is_metric).map(|word| metric(word, is_birth)));
    if words.contains(&"beyond") {
        payload = payload.metric(MetricBuilder::named(&"x".repeat(5_000)));
    }
    if words.contains(&"bomb") {
        payload = payload.metric(MetricBuilder::named(&"x".repeat(1_000_000)));
    }
    if words.contains(&"compressed") || words.contains(&"bomb") {
        payload.encode_compressed(Algorithm::Gzip)
    } else {
        payload.encode()
    }
}

fn session(word: &str) -> Option<SessionKey> {
    let number = |prefix: char| word.strip_prefix(prefix)?.parse().ok();
    number('s').map(SessionKey).or_else(|| number('a').map(|number| SessionKey::attached(0, number)))
}

/// The members in `a,b=Inner{c,d}`.
fn members(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut members) = (0, 0, Vec::new());
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                members.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    members.push(&text[start..]);
    members
}

fn template(kind: &str, text: &str, is_birth: bool) -> TemplateBuilder {
    let template = if kind == "def" { TemplateBuilder::definition() } else { TemplateBuilder::instance(kind) };
    members(text).into_iter().fold(template, |template, member| template.metric(metric(member, is_birth)))
}

fn metric(word: &str, is_birth: bool) -> MetricBuilder {
    if let Some((head, inside)) = word.strip_suffix('}').and_then(|word| word.split_once('{')) {
        let (head, kind) = head.split_once('=').unwrap();
        return metric(head, is_birth).template(template(kind, inside, is_birth));
    }
    let is_historical = word.ends_with('~');
    let word = word.trim_end_matches('~');
    let (word, datatype) = word.split_once(':').map_or((word, 10), |(word, number)| (word, number.parse().unwrap()));
    let (name, alias) = word.split_once('#').map_or((word, None), |(name, alias)| (name, Some(alias)));
    let mut metric = if name.is_empty() { MetricBuilder::default() } else { MetricBuilder::named(name) };
    if let Some(alias) = alias {
        metric = metric.alias(alias.parse().unwrap());
    }
    if is_historical {
        metric = metric.historical();
    }
    if is_birth {
        metric = metric.declare(DataType::from_wire(datatype).unwrap());
    }
    metric.at(Timestamp(WALL)).value(DataType::Double, Value::Double(1.0)).unwrap()
}
