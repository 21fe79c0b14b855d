//! From the host to the judges: who is meant, and what is known of them.
//!
//! The host handles an input first; then it is judged, against what the host knows by then. Findings about the state an
//! input met are the host's own, made where it looks at that state.

use super::{
    AskRebirth, DeviceIndex, DeviceState, EdgeNodeIndex, Host, Input, Output, Outputs, SessionKey,
    certificate::bd_seq_in,
    finding::{self, Reporter},
};
use crate::{
    BdSeq, DecodeError, DeviceMessage, EdgeNodeDescriptor, NodeMessage, Now, RawMetric, Topic,
    judge::{self, Applications, Connection, Declared, Rebirths, Said, Sessions, Speaker, Spellings},
    payload::Traits,
};

/// What the judges remember.
#[derive(Debug, Default)]
pub(super) struct Judges {
    sessions: Sessions,
    applications: Applications,
    spellings: Spellings,
    rebirths: Rebirths,
    /// By number of the Edge Node.
    records: Vec<Record>,
}

/// What is remembered of an Edge Node besides what the host knows.
#[derive(Clone, Copy, Debug, Default)]
struct Record {
    /// Of its last will.
    will: Option<BdSeq>,
    /// How many data messages it had sent when its last NBIRTH came.
    data_before_birth: u64,
}

impl Judges {
    fn record(&mut self, edge_node: EdgeNodeIndex) -> &mut Record {
        let index = edge_node.0 as usize;
        if index >= self.records.len() {
            self.records.resize(index + 1, Record::default());
        }
        &mut self.records[index]
    }
}

impl Host {
    /// Whether the input is a DBIRTH that comes late: its device was online before the last NBIRTH, and data have come
    /// since. To be asked before it is handled.
    #[inline]
    pub(super) fn is_late_birth(&self, input: &Input<'_>) -> bool {
        let Input::Message {
            topic: Topic::Device { group, message: DeviceMessage::Dbirth, edge_node, device }, ..
        } = *input
        else {
            return false;
        };
        let Some(index) = self.edge_nodes.find(EdgeNodeDescriptor { group, edge_node }) else { return false };
        let Some(node) = self.edge_nodes.get(index) else { return false };
        let device = node.devices.find(device).and_then(|device| node.devices.get(device));
        let before = self.judges.records.get(index.0 as usize).map_or(0, |record| record.data_before_birth);
        device.is_some_and(|device| matches!(device.state, DeviceState::Stale { .. }))
            && node.counters.ndata + node.counters.ddata > before
    }

    /// Whether the input is data of plain numbers, as usual: by who has been heard, and nobody is waited for. Most inputs are,
    /// and a message of one metric is handled in 1,600 instructions.
    #[inline]
    pub(super) fn is_as_usual(&self, input: &Input<'_>) -> bool {
        let Input::Message { session, qos: 0, topic, payload, .. } = input else { return false };
        let is_data = matches!(
            topic,
            Topic::Node { message: NodeMessage::Ndata, .. } | Topic::Device { message: DeviceMessage::Ddata, .. }
        );
        let Judges { sessions, applications, rebirths, .. } = &self.judges;
        is_data
            && payload.traits().is_plain()
            && sessions.has_just_heard(*session)
            && !rebirths.are_awaited()
            && !applications.are_watching()
    }

    /// Judges an input that has been handled.
    pub(super) fn judge(&mut self, now: Now, input: &Input<'_>, is_late_birth: bool, outputs: &mut Outputs) {
        match *input {
            Input::Message { session, qos, retained, topic, bytes, payload, .. } => {
                let said = Said { now, session, qos, retained, topic, bytes, payload };
                self.judge_message(&said, is_late_birth, outputs);
            }
            // Whoever clears a retained message speaks for nobody.
            Input::Malformed { error: DecodeError::Empty, .. } => {}
            Input::Malformed { session, topic, .. } => self.judge_first(session, topic, outputs),
            Input::State { session, qos, retained, topic, payload } => {
                self.judge_first(session, topic, outputs);
                let mut reporter = Reporter { outputs, edge_node: None, device: None };
                let Judges { applications, sessions, .. } = &mut self.judges;
                let speaker = Speaker { session, topic };
                applications.judge_state(now, speaker, (qos, retained), payload, sessions, &mut reporter);
            }
            Input::TopicMalformed { topic, error, .. } => {
                judge::judge_topic(topic, error, &mut Reporter { outputs, edge_node: None, device: None });
            }
            Input::SessionStarted { session, ref connection } => self.judge_start(now, session, connection, outputs),
            Input::Subscribed { session, filter, qos } => self.judges.sessions.subscribe(session, filter, qos),
            Input::Disconnecting { session, with_will } => {
                let mut reporter = Reporter { outputs, edge_node: None, device: None };
                self.judges.sessions.judge_disconnect(session, with_will, &mut reporter);
            }
            Input::Tick => {}
            Input::SessionEnded { session } => {
                self.judges.sessions.end(session);
                self.judges.applications.end(session);
            }
        }
    }

    fn judge_message(&mut self, said: &Said<'_>, is_late_birth: bool, outputs: &mut Outputs) {
        self.judge_first(said.session, said.topic, outputs);
        let (is_data, is_birth, is_command) = match said.topic {
            Topic::Node { message, .. } => {
                (message == NodeMessage::Ndata, message == NodeMessage::Nbirth, message == NodeMessage::Ncmd)
            }
            Topic::Device { message, .. } => {
                (message == DeviceMessage::Ddata, message == DeviceMessage::Dbirth, message == DeviceMessage::Dcmd)
            }
            Topic::State { .. } => return,
        };
        let Some(descriptor) = said.topic.edge_node() else { return };
        let edge_node = self.edge_nodes.find(descriptor);
        let node = edge_node.and_then(|index| self.edge_nodes.get(index));
        let device = said.topic.device().and_then(|id| node?.devices.find(id));
        let mut reporter = Reporter { outputs, edge_node, device };
        judge::judge_publish(said, &mut reporter);
        if is_command {
            let view = edge_node.and_then(|index| self.edge_node_at(index));
            let asks = judge::judge_command(said, |metric| declared(view, device, said, metric), &mut reporter);
            if let Some(index) = edge_node.filter(|_| asks) {
                self.judges.rebirths.ask(said.now.instant, index);
            }
            return;
        }
        if is_birth {
            judge::judge_birth(said, &self.limits, &mut reporter);
            self.judges.spellings.judge(descriptor, said.topic.device(), &mut reporter);
        } else if is_data {
            judge::judge_data(said, &self.limits, &mut reporter);
        }
        if matches!(said.topic, Topic::Node { message: NodeMessage::Ndeath, .. }) && said.payload.metrics.len() > 1 {
            reporter.report(finding::NDEATH_PAYLOAD);
        }
        let (Some(index), Some(node)) = (edge_node, node) else { return };
        let speaker = Speaker { session: said.session, topic: said.topic };
        let Judges { sessions, applications, rebirths, .. } = &mut self.judges;
        match said.topic {
            _ if is_data => {
                if said.payload.traits().has(Traits::TEMPLATE) {
                    node.definitions.judge_data(said.bytes, said.payload, &mut reporter);
                }
                rebirths.judge(said.now.instant, index, &mut reporter);
                applications.judge_data(said.now, said.session, &mut reporter);
            }
            Topic::Node { message: NodeMessage::Nbirth, .. } => {
                let bd_seq = bd_seq_in(said.bytes, said.payload).valid();
                let will = sessions.judge_nbirth(speaker, index, bd_seq, &mut reporter);
                applications.judge_nbirth(said.session, sessions, &mut reporter);
                rebirths.answer(index);
                let data_before_birth = node.counters.ndata + node.counters.ddata;
                let record = self.judges.record(index);
                *record = Record { will: will.or(record.will), data_before_birth };
            }
            Topic::Node { message: NodeMessage::Ndeath, .. } => {
                sessions.say_death(said.session, index);
                rebirths.answer(index);
            }
            Topic::Device { message: DeviceMessage::Dbirth, .. } => {
                if is_late_birth {
                    reporter.report(finding::DBIRTH_LATE);
                }
                // One that is not online has been told so by the host.
                let is_born_here = node.session().is_none_or(|session| session == said.session);
                sessions.judge_dbirth(speaker, index, is_born_here, &mut reporter);
            }
            Topic::Node { .. } | Topic::Device { .. } | Topic::State { .. } => {}
        }
    }

    /// Whether this may be the first thing its session says.
    #[inline]
    fn judge_first(&mut self, session: SessionKey, topic: Topic<'_>, outputs: &mut Outputs) {
        let edge_nodes = &self.edge_nodes;
        self.judges.sessions.speak(session, topic, |rule| {
            let edge_node = topic.edge_node().and_then(|descriptor| edge_nodes.find(descriptor));
            Reporter { outputs, edge_node, device: None }.report_once(rule);
        });
    }

    fn judge_start(&mut self, now: Now, session: SessionKey, connection: &Connection<'_>, outputs: &mut Outputs) {
        let topic = connection.will.and_then(|will| Topic::parse(will.topic).ok());
        let edge_node = topic.and_then(|topic| topic.edge_node()).and_then(|whose| self.edge_nodes.find(whose));
        let mut reporter = Reporter { outputs, edge_node, device: None };
        let Judges { sessions, records, .. } = &mut self.judges;
        let before = edge_node.and_then(|index| records.get(index.0 as usize)).and_then(|record| record.will);
        let will = sessions.start(now, session, connection, before, &self.limits, &mut reporter);
        if let (Some(will), Some(index)) = (will, edge_node) {
            self.judges.record(index).will = Some(will);
        }
    }

    /// Rebirths that the host asks for are awaited like anybody's.
    #[inline]
    pub(super) fn note_requests(&mut self, now: Now, start: usize, outputs: &mut Outputs) {
        for output in &outputs.list[start..] {
            if let Output::AskRebirth(AskRebirth { edge_node, .. }) = output {
                self.judges.rebirths.ask(now.instant, *edge_node);
            }
        }
    }
}

/// What the birth of the commanded Edge Node or device says of a metric.
fn declared(
    view: Option<super::EdgeNodeView<'_>>,
    device: Option<DeviceIndex>,
    said: &Said<'_>,
    metric: &RawMetric,
) -> Declared {
    let Some(view) = view.filter(|view| view.birth().is_some()) else { return Declared::Unknown };
    if said.topic.device().is_some() && device.is_none() {
        return Declared::Unknown;
    }
    let datatype = match (metric.alias(), metric.name(said.bytes)) {
        (Some(alias), _) if let Some(datatype) = view.datatype_of_alias(device, alias) => Some(datatype),
        (_, Some(name)) => view.metric(device, name).filter(|known| known.is_alive).map(|known| known.datatype),
        (_, None) => None,
    };
    datatype.map_or(Declared::Not, Declared::As)
}
