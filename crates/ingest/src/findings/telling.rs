//! From what the host and the tree notice to the ledger, and to the log the first time.
//!
//! A finding is news once for each Edge Node and rule; after that it is counted. Its example is put together only when it
//! will be remembered, so that what a device does wrong with each message costs no allocation.
//! What a CONNECT shows about an Edge Node that nobody has heard of waits for its NBIRTH, so that it is found with the rest.

use std::borrow::Cow;
use std::sync::Arc;

use factree_sparkplug as sparkplug;
use sparkplug::{
    Born, DeviceIndex, EdgeNodeDescriptor, EdgeNodeIndex, Finding, Host, Input, Now, RawMetric, SessionKey, Topic,
};

use super::{Example, Ledger, News, RuleNumber};
use crate::convert;
use crate::edge_nodes::{Context, EdgeNodes, Subject};
use crate::said::{Event, Output};

/// What a client's CONNECT showed about an Edge Node that has not been heard yet: kept until it is.
#[derive(Debug)]
pub(crate) struct Held {
    finding: Finding,
    /// Of the will.
    topic: Box<str>,
    at: Now,
}

impl Held {
    /// Whether it is about this Edge Node.
    pub(crate) fn is_about(&self, edge_node: EdgeNodeDescriptor<'_>) -> bool {
        Topic::parse(&self.topic).ok().and_then(|topic| topic.edge_node()) == Some(edge_node)
    }
}

/// The evidence for a finding, to be put together if it is wanted.
struct Evidence<'e> {
    topic: &'e dyn Fn() -> Option<String>,
    metric: &'e dyn Fn() -> Option<Cow<'e, str>>,
    /// The metric's alias, if it has one.
    alias: Option<u64>,
}

impl Evidence<'_> {
    /// What there is to say of a metric whose name is not known.
    fn of_nameless(&self) -> Option<String> {
        let alias = self.alias.filter(|_| (self.metric)().is_none())?;
        Some(format!("metric alias {alias}"))
    }
}

impl EdgeNodes {
    /// Takes a finding down, and tells it the first time its Edge Node breaks the rule.
    ///
    /// `descriptor` is of the Edge Node that the input names, known or not.
    pub(crate) fn on_finding(
        &mut self,
        context: &Context<'_>,
        finding: &Finding,
        Subject { input, topic: about, received }: Subject<'_>,
        out: &mut Vec<Output>,
    ) {
        let descriptor = about.and_then(Topic::edge_node);
        if let (None, Some(_), Some(&Input::SessionStarted { session, connection })) =
            (finding.edge_node, descriptor, input)
        {
            let topic = connection.will.map_or("", |will| will.topic).into();
            return self.connections.hold(session, Held { finding: *finding, topic, at: context.now });
        }
        let topic = || -> Option<String> {
            let Some(input) = input else { return about.map(Topic::to_string) };
            match input {
                Input::Message { topic, .. } | Input::Malformed { topic, .. } | Input::State { topic, .. } => {
                    Some(topic.to_string())
                }
                Input::TopicMalformed { topic, .. } => Some((*topic).to_owned()),
                Input::SessionStarted { connection, .. } => connection.will.map(|will| will.topic.to_owned()),
                Input::Subscribed { filter, .. } => Some((*filter).to_owned()),
                Input::Disconnecting { .. } | Input::SessionEnded { .. } | Input::Tick => None,
            }
        };
        let EdgeNodes { host, ledger, .. } = self;
        let named = |alias| host.edge_node_at(finding.edge_node?)?.name_of_alias(finding.device, alias);
        let metric = || {
            let (position, received) = finding.metric.zip(received)?;
            received.payload.name_with(received.bytes, position, named)
        };
        let raw = finding.metric.zip(received).map(|(position, received)| received.payload.metric(position));
        let evidence = Evidence { topic: &topic, metric: &metric, alias: raw.and_then(RawMetric::alias) };
        take_down((host, ledger), context, (finding, context.now), descriptor, &evidence, out);
    }

    /// An NBIRTH came over a session: what its CONNECT showed about this Edge Node can be told now.
    pub(crate) fn tell_held(&mut self, context: &Context<'_>, born: &Born, out: &mut Vec<Output>) {
        let Some(node) = self.host.edge_node_at(born.edge_node) else { return };
        for Held { finding, topic, at } in self.connections.release(born.session, node.descriptor()) {
            let finding = Finding { edge_node: Some(born.edge_node), ..finding };
            self.take_down_held(context, (&finding, at), &topic, out);
        }
    }

    /// A session is over: nobody came whom its CONNECT was about.
    pub(crate) fn end_connection(&mut self, context: &Context<'_>, session: SessionKey, out: &mut Vec<Output>) {
        for Held { finding, topic, at } in self.connections.end(session) {
            self.take_down_held(context, (&finding, at), &topic, out);
        }
    }

    fn take_down_held(&mut self, context: &Context<'_>, found: (&Finding, Now), topic: &str, out: &mut Vec<Output>) {
        let descriptor = Topic::parse(topic).ok().and_then(|topic| topic.edge_node());
        let evidence = Evidence { topic: &|| Some(topic.to_owned()), metric: &|| None, alias: None };
        take_down((&self.host, &mut self.ledger), context, found, descriptor, &evidence, out);
    }
}

fn take_down(
    (host, ledger): (&Host, &mut Ledger),
    context: &Context<'_>,
    (finding, at): (&Finding, Now),
    descriptor: Option<EdgeNodeDescriptor<'_>>,
    evidence: &Evidence<'_>,
    out: &mut Vec<Output>,
) {
    let Finding { edge_node, device, session, occasion, rule, count, expected_got, fault, .. } = *finding;
    let news = News { rule: &rule, edge_node, device, count, session, at: convert::timestamp(at.wall) };
    let client_id = || context.clients.get(&session).cloned();
    let example = || Example {
        occasion: occasion.as_str(),
        topic: (evidence.topic)().map(Into::into),
        metric: (evidence.metric)().map(|name| name[..].into()),
        expected_got,
        value: None,
        why: fault.map(|fault| fault.to_string()).or_else(|| evidence.of_nameless()).map(Into::into),
    };
    if !ledger.note(news, client_id, example) {
        return;
    }
    let mut text = rule.text.trim_end_matches('.').to_owned();
    if let Some((expected, got)) = expected_got {
        text += &format!("; expected {expected}, got {got}");
    }
    if let Some(name) = (evidence.metric)() {
        text += &format!("; for example metric {name:?}");
    }
    if let Some(alias) = evidence.of_nameless() {
        text += &format!("; for example {alias}");
    }
    if let Some(fault) = fault {
        text += &format!("; {fault}");
    }
    let known = edge_node.and_then(|index| host.edge_node_at(index)).map(|node| node.descriptor());
    let descriptor = known.or(descriptor);
    if let (None, Some(topic)) = (descriptor, (evidence.topic)()) {
        text += &format!("; topic {topic:?}");
    }
    out.push(told(descriptor, rule.tck_id, client_id(), text));
}

/// What the tree found wrong with a message, and the host could not know.
pub(crate) struct Found<'f> {
    pub(crate) tck_id: &'static str,
    pub(crate) edge_node: EdgeNodeIndex,
    pub(crate) device: Option<DeviceIndex>,
    /// How often in the message.
    pub(crate) count: u32,
    pub(crate) session: SessionKey,
    pub(crate) topic: Topic<'f>,
    /// The first metric it is about.
    pub(crate) metric: Option<&'f str>,
    pub(crate) why: String,
}

/// Takes down what the tree found; the first time, the news of it.
pub(crate) fn tell(ledger: &mut Ledger, context: &Context<'_>, found: &Found<'_>) -> Option<Output> {
    let &Found { tck_id, edge_node, device, count, session, topic, metric, ref why } = found;
    let client_id = || context.clients.get(&session).cloned();
    let rule = RuleNumber::named(tck_id).expect("it is in the catalogue").rule();
    let at = convert::timestamp(context.now.wall);
    let news = News { rule, edge_node: Some(edge_node), device, count, session, at };
    let example = || Example {
        occasion: sparkplug::Occasion::from(topic).as_str(),
        topic: Some(topic.to_string().into()),
        metric: metric.map(Into::into),
        expected_got: None,
        value: None,
        why: Some(why.as_str().into()),
    };
    let is_news = ledger.note(news, client_id, example);
    let of_metric = || metric.map(|name| format!("; for example metric {name:?}")).unwrap_or_default();
    is_news.then(|| told(topic.edge_node(), tck_id, client_id(), format!("{why}{}", of_metric())))
}

fn told(
    edge_node: Option<EdgeNodeDescriptor<'_>>,
    tck_id: &'static str,
    client_id: Option<Arc<str>>,
    text: String,
) -> Output {
    let names = edge_node.map(|EdgeNodeDescriptor { group, edge_node }| (group.as_str(), edge_node.as_str()));
    let (group, edge_node) = names.unwrap_or_default();
    let (group, edge_node) = (group.to_owned(), edge_node.to_owned());
    let client_id = client_id.map(|id| id.to_string());
    Output::Event(Event::Finding { group, edge_node, client_id, tck_id, text })
}
