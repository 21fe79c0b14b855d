//! Edge Nodes in the tree: what the Sparkplug host decides is carried out here, on the Edge Node's own block of cells.
//!
//! A metric's number within its Edge Node is its slot in the block, so DATA goes from metric alias to cell without a name
//! being looked at. Where an Edge Node and its Devices stand is asked of [`Placement`] once, at their first Birth.
//! Knows no state machine (that is the host's) and no wire format.
//! Invariant: every Edge Node the host has heard of and not forgotten stands in `order`, and in `seats` if it was born and the tree
//! took it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use factree_namespace::{Namespace, Quality, Refusal, Timestamp};
use factree_sparkplug as sparkplug;
use sparkplug::host::EdgeNodeView;
use sparkplug::{
    Adopted, Born, BornMetric, Cause, Died, EdgeNodeDescriptor, EdgeNodeIndex, Host, Input, MetricIndex, Now, Outputs,
    Payload, RawMetric, Reason, Rivals, SessionKey, Topic, Unheld, Update,
};

use crate::claims::Claims;
use crate::commands::Commands;
use crate::conformance::Connections;
use crate::findings::{Deviations, Found, Ledger, tell};
use crate::governance::Governance;
use crate::keep::{Birth, Identity, forget_beyond};
use crate::placement::Placement;
use crate::said::{Event, Message, Output};
use crate::seat::{Borne, Seat, settle, write_all};
use crate::unfit::Unfit;
use crate::witness::Witness;
use crate::{Limits, convert, gone};

/// The Sparkplug host and where its Edge Nodes stand in the tree.
#[derive(Debug)]
pub(crate) struct EdgeNodes {
    pub(crate) host: Host,
    /// By the number the host gives an Edge Node; those never born, or refused by the tree, have none.
    pub(crate) seats: Vec<Option<Seat>>,
    /// What they did wrong.
    pub(crate) ledger: Ledger,
    /// What is published and is not as the operator's rules want it, theirs and that of plain topics.
    pub(crate) deviations: Deviations,
    /// What their connections are.
    pub(crate) connections: Connections,
    /// All Edge Nodes the host has heard of, in the order in which people look for them.
    pub(crate) order: BTreeMap<(Box<str>, Box<str>), EdgeNodeIndex>,
    /// How many numbers of Edge Nodes have been noted in `order`, those of forgotten ones among them.
    noted: u32,
    /// What they were told to do; here, because their data confirm it.
    pub(crate) commands: Commands,
    pub(crate) witness: Witness,
    /// Values that the tree did not take.
    pub(crate) values_refused: u64,
}

/// What surrounds the handling of one input.
pub(crate) struct Context<'c> {
    pub(crate) namespace: &'c Namespace,
    pub(crate) placement: &'c Placement,
    pub(crate) governance: &'c Governance,
    pub(crate) clients: &'c HashMap<SessionKey, Arc<str>>,
    pub(crate) limits: &'c sparkplug::Limits,
    /// A larger value of a metric that is gone is not kept.
    pub(crate) kept_value_bytes_max: usize,
    pub(crate) now: Now,
}

/// The message an input is, as far as it decoded, and what it takes to read it.
#[derive(Clone, Copy)]
pub(crate) struct Received<'m> {
    pub(crate) topic: Topic<'m>,
    /// As it was published.
    pub(crate) published: &'m [u8],
    /// What `payload` was decoded from: the same, unless it was compressed.
    pub(crate) bytes: &'m [u8],
    pub(crate) payload: &'m Payload,
    pub(crate) limits: &'m sparkplug::Limits,
    pub(crate) now: Now,
}

/// What an output of the host is about.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'m> {
    /// What the host was told; none for a message that was held until now.
    pub(crate) input: Option<&'m Input<'m>>,
    /// The topic of the message, or of the will.
    pub(crate) topic: Option<&'m Topic<'m>>,
    /// The message, if its payload decoded.
    pub(crate) received: Option<&'m Received<'m>>,
}

impl EdgeNodes {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            host: Host::new(limits.sparkplug.clone()),
            seats: Vec::new(),
            ledger: Ledger::new(limits),
            deviations: Deviations::new(limits.deviations_max.get()),
            connections: Connections::default(),
            order: BTreeMap::new(),
            noted: 0,
            commands: Commands::new(limits),
            witness: Witness::default(),
            values_refused: 0,
        }
    }

    pub(crate) fn seat(&self, edge_node: EdgeNodeIndex) -> Option<&Seat> {
        self.seats.get(edge_node.0 as usize)?.as_ref()
    }

    /// The number of the foreign broker that an Edge Node was heard on last; none: our own, or nobody knows.
    pub(crate) fn attachment(&self, node: &EdgeNodeView<'_>) -> Option<u16> {
        match node.unborn_on() {
            Some(session) => session.attachment(),
            None => self.seat(node.index())?.attachment,
        }
    }

    /// Whom to send what an Edge Node is to hear: its session, or else whatever connection there is to where it was heard.
    pub(crate) fn way_to(&self, node: &EdgeNodeView<'_>) -> Option<SessionKey> {
        node.session().or_else(|| self.attachment(node).map(SessionKey::any_to))
    }

    /// A message of these will be handled soon: has what it is about brought near, and says whom it is about.
    #[inline]
    pub(crate) fn foresee(&self, topic: &Topic<'_>, payload: &Payload) -> Option<EdgeNodeIndex> {
        let (index, metrics) = self.host.foresee(topic, payload)?;
        if let Some(Some(seat)) = self.seats.get(index.0 as usize) {
            seat.block.foresee(metrics.map(|metric| metric.0));
        }
        Some(index)
    }

    /// Lets the host judge one input and carries out what it decides.
    ///
    /// `outputs` is where the host says so: any, to be reused.
    pub(crate) fn handle(
        &mut self,
        context: &Context<'_>,
        input: &Input<'_>,
        outputs: &mut Outputs,
        out: &mut Vec<Output>,
    ) {
        let &Context { limits, now, .. } = context;
        let (topic, received) = match *input {
            Input::Message { topic, published, bytes, payload, .. } => {
                (Some(topic), Some(Received { topic, published, bytes, payload, limits, now }))
            }
            Input::Malformed { topic, .. } => (Some(topic), None),
            Input::SessionStarted { connection: sparkplug::Connection { will: Some(will), .. }, .. } => {
                (Topic::parse(will.topic).ok(), None)
            }
            Input::SessionStarted { .. }
            | Input::Subscribed { .. }
            | Input::Disconnecting { .. }
            | Input::State { .. }
            | Input::TopicMalformed { .. }
            | Input::SessionEnded { .. }
            | Input::Tick => (None, None),
        };
        outputs.clear();
        self.host.handle(now, input, outputs);
        self.note_new(now);
        self.watch_connection(input);
        let mut held_from = None;
        for (number, output) in outputs.iter().enumerate() {
            if matches!(output, sparkplug::Output::Unheld(_)) {
                held_from = Some(number);
                break;
            }
            let subject = Subject { input: Some(input), topic: topic.as_ref(), received: received.as_ref() };
            self.carry_out(context, output, outputs, subject, out);
        }
        if let Some(first) = held_from {
            self.carry_out_unheld(context, first, outputs, out);
            // They are as large as their messages.
            outputs.clear();
        }
        if let &Input::SessionEnded { session } = input {
            self.end_connection(context, session, out);
        }
    }

    /// The outputs from the first on that is about a message which was held until now. Apart from the loop over all, which
    /// has but one message to think of.
    #[cold]
    fn carry_out_unheld(&mut self, context: &Context<'_>, first: usize, outputs: &Outputs, out: &mut Vec<Output>) {
        let (mut topic, mut received) = (None, None);
        for output in outputs.iter().skip(first) {
            if let sparkplug::Output::Unheld(index) = output {
                let unheld = outputs.unheld(*index);
                topic = Some(unheld.topic());
                received = Some(Received::unheld(unheld, context.limits, context.now));
            } else {
                let subject = Subject { input: None, topic: topic.as_ref(), received: received.as_ref() };
                self.carry_out(context, output, outputs, subject, out);
            }
        }
    }

    /// Carries out one output. In the loops: `benches/benches/ingest.rs` counts each
    /// call.
    #[inline(always)]
    fn carry_out(
        &mut self,
        context: &Context<'_>,
        output: &sparkplug::Output,
        outputs: &Outputs,
        subject: Subject<'_>,
        out: &mut Vec<Output>,
    ) {
        let (now, received) = (context.now, subject.received);
        match output {
            sparkplug::Output::Unheld(_) => unreachable!("it says what others are about"),
            sparkplug::Output::Adopted(adopted) => self.on_adopted(context, adopted, out),
            sparkplug::Output::Rivals(rivals) => self.on_rivals(context, rivals, out),
            sparkplug::Output::Born(born) => {
                let received = received.expect("only a message gives birth");
                self.on_life(now, born.edge_node, born.device);
                self.watch_birth(born, outputs.born(born), received);
                self.tell_held(context, born, out);
                let has_context = context.namespace.contexts().is_declared();
                if has_context {
                    self.note_birth(context, born, outputs.born(born), outputs.vanished(born), received);
                }
                self.on_born(context, born, outputs.born(born), outputs.vanished(born), *received, out);
                if has_context {
                    self.note_placed(context, born, outputs.born(born));
                }
            }
            sparkplug::Output::Data(data) => {
                let received = received.expect("only a message has data");
                if context.namespace.contexts().is_declared() {
                    self.note_data(context, data.edge_node, outputs.updates(data).iter().copied(), received);
                }
                let updates = outputs.updates(data);
                let unfit = match data.is_late {
                    false => self.on_data(context, data.edge_node, updates, received),
                    true => self.on_late_data(context, data.edge_node, updates, received),
                };
                if let Some(unfit) = unfit {
                    let session = subject.session().or_else(|| self.host.edge_node_at(data.edge_node)?.session());
                    let whose = (data.edge_node, data.device, session.unwrap_or(SessionKey::BEFORE_RESTART));
                    self.tell_unfit(context, whose, &unfit, received, out);
                }
            }
            sparkplug::Output::Died(died) => {
                self.on_life(now, died.edge_node, died.device);
                if context.namespace.contexts().is_declared() {
                    self.note_death(context, died);
                }
                self.on_died(context, died, out);
            }
            sparkplug::Output::AskRebirth(ask) => {
                let node = self.host.edge_node_at(ask.edge_node).expect("the host asks those it knows");
                out.extend(ask_rebirth(now, (node.descriptor(), Some(ask.session)), ask.reason));
            }
            sparkplug::Output::Finding(finding) => {
                self.on_finding(context, finding, subject, out);
            }
        }
    }

    /// What is known of an Edge Node may be half the truth: Stale until the rebirth it is asked for.
    pub(crate) fn doubt(
        &mut self,
        namespace: &Namespace,
        now: Now,
        edge_node: EdgeNodeDescriptor<'_>,
        out: &mut Vec<Output>,
    ) {
        let known = self.host.edge_node(edge_node).map(|node| (node.index(), self.way_to(&node)));
        let Some((index, session)) = known else { return };
        if let Some(Some(seat)) = self.seats.get(index.0 as usize) {
            if seat.block.is_watched() {
                namespace.contexts().stale(&seat.block, None, convert::timestamp(now.wall));
            }
            let mut writer = namespace.write(&seat.block, convert::timestamp(now.wall));
            writer.stale_all();
            let revision = writer.finish();
            self.witness.saw(&seat.block, revision);
        }
        if self.host.wish_rebirth(now, index, Reason::Doubt).is_ok() {
            out.extend(ask_rebirth(now, (edge_node, session), Reason::Doubt));
        }
    }

    /// The host numbers Edge Nodes densely, so a new one has the next number.
    pub(crate) fn note_new(&mut self, now: Now) {
        while let Some(new) = self.host.edge_node_at(EdgeNodeIndex(self.noted)) {
            self.noted += 1;
            self.ledger.watch(new.index(), convert::timestamp(now.wall));
            self.order.insert((new.group().into(), new.id().into()), new.index());
        }
    }

    /// Apart from [`EdgeNodes::handle`], whose DATA pays 14 instructions a message for what a Birth needs of the stack
    /// (`benches/benches/ingest.rs`).
    #[inline(never)]
    fn on_born(
        &mut self,
        context: &Context<'_>,
        born: &Born,
        metrics: &[BornMetric],
        vanished: &[MetricIndex],
        received: Received<'_>,
        out: &mut Vec<Output>,
    ) {
        let birth = received.birth();
        let (seat, corner) = match settle(&mut self.seats, context, born, received.topic) {
            Ok(settled) => settled,
            Err(refusal) => {
                out.extend(birth.keep(born.is_kept, &Claims::default()).map(Output::Keep));
                let found = refused(born, received.topic, format!("not in the tree: {refusal}"));
                return out.extend(tell(&mut self.ledger, context, &found));
            }
        };
        if born.device.is_none() {
            seat.client_id = context.clients.get(&born.session).cloned();
            seat.attachment = born.session.attachment();
        }
        let former_len = seat.declare(born.device, Identity::of(&birth, received.payload, metrics), metrics.len());
        out.extend(forget_beyond(received.topic, metrics.len(), former_len).map(Output::Keep));
        let untyped = seat.define(context.namespace, born.device, metrics, &received);
        let (mut writer, mut borne) = seat.bear(context.namespace, corner, (metrics, &Claims::default()), &received);
        for metric in vanished {
            // One that the tree never took cannot be gone from it.
            let _: Result<(), Refusal> = writer.mark_gone(metric.0);
        }
        let revision = writer.finish();
        self.witness.saw(&seat.block, revision);
        let claims = Claims::of(&seat.block.hold(), metrics.iter().map(|metric| metric.metric.0));
        out.extend(birth.keep(born.is_kept, &claims).map(Output::Keep));
        let node = self.host.edge_node_at(born.edge_node).expect("who is born is known");
        gone::keep(seat, (&node, vanished), &mut borne, context, &received, out);
        let group = seat.group.to_string();
        let edge_node = seat.edge_node.to_string();
        let Borne { refusal, added, changed, unfit, .. } = borne;
        if let Some(refusal) = refusal {
            let found = refused(born, received.topic, format!("a birth is not wholly in the tree: {refusal}"));
            out.extend(tell(&mut self.ledger, context, &found));
        }
        if let Some(refusal) = untyped {
            let why = format!("a Template definition is not among the types: {refusal}");
            out.extend(tell(&mut self.ledger, context, &refused(born, received.topic, why)));
        }
        if let Some(unfit) = unfit {
            self.tell_unfit(context, (born.edge_node, born.device, born.session), &unfit, &received, out);
        }
        if !context.governance.is_empty() {
            self.judge_birth(context, born, corner, metrics, &received);
        }
        out.push(Output::Event(Event::Born {
            group,
            edge_node,
            device: received.topic.device().map(|device| device.as_str().to_owned()),
            metrics_len: metrics.len(),
            added,
            gone: vanished.len(),
            changed,
        }));
    }

    /// Nothing in the tree changes: its metrics are Stale until they speak.
    #[cold]
    fn on_adopted(&mut self, context: &Context<'_>, adopted: &Adopted, out: &mut Vec<Output>) {
        let client_id = context.clients.get(&adopted.session).cloned();
        let Some(seat) = self.seats.get_mut(adopted.edge_node.0 as usize).and_then(Option::as_mut) else { return };
        let device = adopted.device.and_then(|device| seat.devices.get(&device)).map(|(id, _)| id.to_string());
        out.push(Output::Event(Event::Adopted {
            group: seat.group.to_string(),
            edge_node: seat.edge_node.to_string(),
            device,
            client_id: client_id.as_deref().map(str::to_owned),
        }));
        if adopted.device.is_none() {
            seat.client_id = client_id;
        }
    }

    #[cold]
    fn on_rivals(&self, context: &Context<'_>, rivals: &Rivals, out: &mut Vec<Output>) {
        let Some(seat) = self.seat(rivals.edge_node) else { return };
        let client = |session| context.clients.get(&session).map(ToString::to_string);
        let (group, edge_node) = (seat.group.to_string(), seat.edge_node.to_string());
        let (winner, loser) = (client(rivals.winner), client(rivals.loser));
        out.push(Output::Event(Event::Rivals { group, edge_node, winner, loser }));
    }

    /// The data path: no name is looked at, and numbers allocate nothing. What the tree did not take, if anything.
    fn on_data(
        &mut self,
        context: &Context<'_>,
        edge_node: EdgeNodeIndex,
        updates: &[Update],
        received: &Received<'_>,
    ) -> Option<Box<Unfit>> {
        // An Edge Node the tree had no room for is still judged by the host.
        let Some(Some(seat)) = self.seats.get_mut(edge_node.0 as usize) else { return None };
        let mut writer = context.namespace.write(&seat.block, convert::timestamp(context.now.wall));
        let unfit = write_all(&mut writer, updates.iter().copied(), received);
        let revision = writer.finish();
        self.witness.saw(&seat.block, revision);
        if seat.watched.is_some() {
            let spoken = updates.iter().filter(|update| !update.is_historical);
            self.judge(context, edge_node, spoken.map(|update| update.metric.0), received);
        }
        if self.commands.are_waiting() {
            self.confirm(context, edge_node, updates, received);
        }
        unfit
    }

    /// Data that come behind later ones. A value that is older than the live one says how things were, and is left
    /// out; who says the same time in each message is taken at his word.
    #[cold]
    fn on_late_data(
        &mut self,
        context: &Context<'_>,
        edge_node: EdgeNodeIndex,
        updates: &[Update],
        received: &Received<'_>,
    ) -> Option<Box<Unfit>> {
        let cells = self.seat(edge_node)?.block.hold();
        let is_past = |update: &Update| {
            let captured = received.captured(received.payload.metric(update.position));
            cells.sample(update.metric.0).is_some_and(|live| captured < live.timestamp)
        };
        let live: Vec<Update> = updates.iter().copied().filter(|update| !is_past(update)).collect();
        drop(cells);
        self.on_data(context, edge_node, &live, received)
    }

    fn on_died(&mut self, context: &Context<'_>, died: &Died, out: &mut Vec<Output>) {
        let Some(Some(seat)) = self.seats.get(died.edge_node.0 as usize) else { return };
        let mut writer = context.namespace.write(&seat.block, convert::timestamp(context.now.wall));
        let device = match died.device {
            None => {
                writer.stale_all();
                None
            }
            Some(device) => {
                let Some((id, _)) = seat.devices.get(&device) else { return };
                // Not every cell of the Edge Node is asked whose it is: an NBIRTH makes thousands of devices Stale, one by one. What
                // the device no longer declares is Stale already, or will be by the Birth that dropped it.
                let node = self.host.edge_node_at(died.edge_node).expect("who dies is known");
                for metric in node.roster(Some(device)).into_iter().flat_map(|roster| roster.at(0..roster.len())) {
                    // One that the tree never took cannot be Stale in it.
                    let _: Result<(), Refusal> = writer.set_quality(metric.0, Quality::Stale);
                }
                Some(id.to_string())
            }
        };
        let revision = writer.finish();
        self.witness.saw(&seat.block, revision);
        let cause = match died.cause {
            Cause::Ndeath => "NDEATH",
            Cause::Ddeath => "DDEATH",
            Cause::SessionEnded => "its MQTT session ended",
            // Every rebirth does this to every Device; its DBIRTH follows at once.
            Cause::NodeBirth => return,
        };
        let (group, edge_node) = (seat.group.to_string(), seat.edge_node.to_string());
        out.push(Output::Event(Event::Died { group, edge_node, device, cause }));
    }
}

impl Subject<'_> {
    /// The session it happened on, unless it was held until now.
    #[cold]
    fn session(&self) -> Option<SessionKey> {
        match self.input {
            Some(&Input::Message { session, .. }) => Some(session),
            _ => None,
        }
    }
}

impl<'m> Received<'m> {
    /// A message that was held until now.
    #[cold]
    fn unheld(unheld: &'m Unheld, limits: &'m sparkplug::Limits, now: Now) -> Self {
        let (topic, payload) = (unheld.topic(), unheld.payload());
        let (published, bytes) = (unheld.published(), unheld.bytes());
        Self { topic, published, bytes, payload, limits, now: Now { wall: unheld.received(), ..now } }
    }

    /// The message, if it is a Birth.
    fn birth(&self) -> Birth<'m> {
        Birth { topic: self.topic, received: self.now.wall, payload: self.published }
    }

    /// When a metric was captured.
    pub(crate) fn captured(&self, metric: &RawMetric) -> Timestamp {
        convert::timestamp(metric.timestamp().unwrap_or_else(|| self.sent()))
    }

    /// When a metric that does not say so was captured.
    #[cold]
    pub(crate) fn sent(&self) -> sparkplug::Timestamp {
        self.payload.timestamp.unwrap_or(self.now.wall)
    }
}

/// A Birth has no place in the tree, or not all of it has.
fn refused<'f>(born: &Born, topic: Topic<'f>, why: String) -> Found<'f> {
    let &Born { edge_node, device, session, .. } = born;
    Found { tck_id: "factree-limit-tree", edge_node, device, count: 1, session, topic, metric: None, why }
}

/// The rebirth request and the news of it.
pub(crate) fn ask_rebirth(
    now: Now,
    (edge_node, session): (EdgeNodeDescriptor<'_>, Option<SessionKey>),
    reason: Reason,
) -> [Output; 2] {
    let payload = sparkplug::encode::rebirth_request(now.wall);
    let message = Message { topic: edge_node.ncmd().to_string(), payload, session };
    let group = edge_node.group.as_str().to_owned();
    let event = Event::RebirthAsked { group, edge_node: edge_node.edge_node.as_str().to_owned(), reason: why(reason) };
    [Output::Publish(message), Output::Event(event)]
}

fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::BeforeBirth => "a message before the birth it needs",
        Reason::SeqGap => "a sequence number is missing",
        Reason::UnknownMetric => "a metric that no birth declared",
        Reason::Malformed => "a payload that does not decode",
        Reason::UndefinedTemplate => "an instance of a Template that no birth defines",
        Reason::Wished => "somebody wished it",
        Reason::Doubt => "a mistake of ours while its message was handled",
    }
}
