//! From a path and a value to the message that sets it: NCMD or DCMD where Sparkplug owns the path, the topic itself where
//! plain JSON does.
//!
//! A metric is named as it was born: by its metric alias if it has one, and then without its name
//! (`tck-id-payloads-alias-data-cmd-requirement`). The payload has a timestamp and no seq (`tck-id-payloads-ncmd-timestamp`,
//! `tck-id-payloads-ncmd-seq`, and the same for DCMD).
//! Invariant: a command that is refused leaves no trace.

use std::time::Duration;

use factree_namespace::{ElementId, Source, Timestamp, Value, View};
use factree_sparkplug as sparkplug;
use sparkplug::encode::{BD_SEQ, MetricBuilder, PayloadBuilder, REBIRTH};
use sparkplug::host::{DeviceState, EdgeNodeState, EdgeNodeView};
use sparkplug::{
    DataType, DeviceId, DeviceIndex, DeviceMessage, EdgeNodeDescriptor, MetricIndex, Mismatch, NodeMessage, Now, Reason,
};

use crate::commands::{Command, Order, Target};
use crate::edge_nodes::ask_rebirth;
use crate::json::{self, Reading};
use crate::said::{Message, Output};
use crate::wording::Holder;
use crate::{Ingest, SessionKey, convert, declare, wording};

/// Why a value was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandRefused {
    /// No element has this path, or it holds no sample.
    NoSample,
    /// The Edge Node is not online.
    EdgeNodeOffline {
        /// Since when.
        since: Timestamp,
    },
    /// The Device is not online, or has not been born since its Edge Node was.
    DeviceOffline {
        /// Since when.
        since: Timestamp,
    },
    /// The topic was heard on a foreign broker that we are not attached to at the moment.
    LinkDown,
    /// The last Birth no longer declares the metric.
    Vanished,
    /// The value is none of the metric's datatype.
    DoesNotFit {
        /// Why, as a sentence without its subject.
        why: &'static str,
    },
    /// An operator's rule about what may be published there.
    AgainstRule {
        /// Which rule, and what is wrong with the value.
        why: String,
    },
    /// Nobody may set this.
    ReadOnly {
        /// Why, as a sentence without its subject.
        why: &'static str,
    },
    /// It is a Rebirth, and the Edge Node has just been asked for one, or too many others have.
    RebirthTooSoon {
        /// Until it may be asked.
        retry_after: Duration,
    },
    /// As many commands as may be remembered are waiting.
    TooMany {
        /// Until the first of them is out of time.
        retry_after: Duration,
    },
}

/// Why a Rebirth was not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebirthRefused {
    /// Nobody has heard of the Edge Node.
    Unknown,
    /// It is not online, so nobody would hear it. One that was heard on a foreign broker, or not since a restart of ours, is
    /// asked all the same.
    Offline {
        /// Since when.
        since: Timestamp,
    },
    /// It has just been asked, or too many others have.
    TooSoon {
        /// Until it may be asked.
        retry_after: Duration,
    },
}

impl Ingest {
    /// Sets the element at `path`: appends the message to `out` and remembers the command until data confirm it. The value
    /// is of the element's datatype as the tree keeps it: a Float for a Float, an Int for an Int8.
    ///
    /// What a plain topic owns is what was last published there, so that command is confirmed at once.
    ///
    /// # Errors
    /// [`CommandRefused`]; then nothing is sent.
    pub fn command(
        &mut self,
        now: Now,
        path: &str,
        value: Value,
        out: &mut Vec<Output>,
    ) -> Result<Command, CommandRefused> {
        let namespace = std::sync::Arc::clone(&self.namespace);
        let (element, source, metric) = {
            let view = namespace.read();
            let element = view.find(path).ok_or(CommandRefused::NoSample)?;
            let (source, metric) = view.source(element).ok_or(CommandRefused::NoSample)?;
            (element, source, metric)
        };
        let against_rule = |payload: Option<&[u8]>| {
            let why = self.governance.judge_command(path, &value, payload);
            why.map_or(Ok(()), |why| Err(CommandRefused::AgainstRule { why }))
        };
        if matches!(&source, Source::Sparkplug { .. }) {
            against_rule(None)?;
        }
        let is_rebirth = matches!(&source, Source::Sparkplug { device: None, .. })
            && metric == REBIRTH
            && value == Value::Boolean(true);
        let ((order, payload), session) = match &source {
            Source::Sparkplug { group, edge_node, device } => {
                let node = EdgeNodeDescriptor::new(group, edge_node).and_then(|it| self.edge_nodes.host.edge_node(it));
                let node = node.ok_or(CommandRefused::NoSample)?;
                let seat = self.edge_nodes.seat(node.index());
                let view = namespace.read();
                let definition_of = |instance| definition_of(&view, seat?.element(instance)?);
                (to_metric(now, &node, device.as_deref(), &metric, path, value, definition_of)?, node.session())
            }
            Source::Topic { topic } => {
                let link = self.plain.link(topic);
                if link.is_some_and(|link| self.is_over(link)) {
                    return Err(CommandRefused::LinkDown);
                }
                let (order, payload) = self.to_topic(&namespace.read(), element, topic, path, &value)?;
                against_rule(Some(&payload))?;
                ((order, payload), link)
            }
        };
        self.edge_nodes.commands.admit(now).map_err(|full| CommandRefused::TooMany { retry_after: full.0 })?;
        if let Some(Target { edge_node, .. }) = order.target.filter(|_| is_rebirth) {
            let asked = self.edge_nodes.host.wish_rebirth(now, edge_node, Reason::Wished);
            asked.map_err(|retry_after| CommandRefused::RebirthTooSoon { retry_after })?;
        }
        let message = Message { topic: order.topic.clone(), payload, session };
        if order.target.is_none() {
            // What we say ourselves does not come back to us, so the tree is told here.
            let reading = json::read(&message.payload, self.limits.fields_per_document_max);
            self.on_plain(now, (session, &message.topic), &reading, out);
        }
        out.push(Output::Publish(message));
        Ok(self.edge_nodes.commands.send(now, order))
    }

    /// Sessions with one broker follow each other, so all before the last that is over are.
    fn is_over(&self, link: SessionKey) -> bool {
        let last = link.attachment().and_then(|attachment| self.links_over.get(&attachment));
        last.is_some_and(|last| link <= *last)
    }

    fn to_topic(
        &self,
        view: &View<'_>,
        element: ElementId,
        topic: &str,
        path: &str,
        value: &Value,
    ) -> Result<(Order, Vec<u8>), CommandRefused> {
        let (_, slot) = view.cell(element).ok_or(CommandRefused::NoSample)?;
        let (form, unit) = self.plain.spelling(topic, slot).ok_or(CommandRefused::ReadOnly {
            why: "is one field of a JSON document, which is only published whole",
        })?;
        let payload = json::spell(value, form, unit);
        let payload = payload.ok_or(CommandRefused::DoesNotFit { why: "cannot be said in the form its topic has" })?;
        let datatype = match json::read(&payload, 0) {
            Reading::Sample(sample) => sample.datatype,
            _ => return Err(CommandRefused::DoesNotFit { why: "is too large" }),
        };
        let (path, topic) = (path.to_owned(), topic.to_owned());
        Ok((Order { path, topic, value: value.clone(), datatype, target: None }, payload))
    }

    /// A command that was sent, as it stands now; none once it is forgotten.
    pub fn sent_command(&self, now: Now, id: u64) -> Option<Command> {
        self.edge_nodes.commands.get(now, id)
    }

    /// So many foreign brokers there are to be attached to, numbered from 0.
    pub fn attach(&mut self, attachments: u16) {
        self.attachments = attachments;
    }

    /// Asks an Edge Node for a rebirth because somebody wishes it; appends the request to `out`. One that is known from before a
    /// restart, and not heard since, is asked wherever it may be.
    ///
    /// # Errors
    /// [`RebirthRefused`]; then nothing is sent.
    pub fn wish_rebirth(
        &mut self,
        now: Now,
        group: &str,
        edge_node: &str,
        out: &mut Vec<Output>,
    ) -> Result<(), RebirthRefused> {
        let descriptor = EdgeNodeDescriptor::new(group, edge_node).ok_or(RebirthRefused::Unknown)?;
        let node = self.edge_nodes.host.edge_node(descriptor).ok_or(RebirthRefused::Unknown)?;
        let index = node.index();
        let session = self.edge_nodes.way_to(&node);
        let others = match node.state() {
            // Behind a foreign broker it may be alive although the link was lost, and then nobody else asks it.
            EdgeNodeState::Offline { since, .. } if session.is_none() => {
                return Err(RebirthRefused::Offline { since: convert::timestamp(since) });
            }
            // Its client may have come back, to whichever broker it was, and have nothing to report.
            EdgeNodeState::Restored { .. } if session.is_none() => 0..self.attachments,
            EdgeNodeState::Offline { .. }
            | EdgeNodeState::Restored { .. }
            | EdgeNodeState::Online { .. }
            | EdgeNodeState::Reordering { .. }
            | EdgeNodeState::Unknown
            | EdgeNodeState::Forgotten => 0..0,
        };
        let asked = self.edge_nodes.host.wish_rebirth(now, index, Reason::Wished);
        asked.map_err(|retry_after| RebirthRefused::TooSoon { retry_after })?;
        let [request, event] = ask_rebirth(now, (descriptor, session), Reason::Wished);
        if let Output::Publish(message) = &request {
            let there = |number| Message { session: Some(SessionKey::any_to(number)), ..message.clone() };
            out.extend(others.map(there).map(Output::Publish));
        }
        out.extend([request, event]);
        Ok(())
    }
}

fn to_metric(
    now: Now,
    node: &EdgeNodeView<'_>,
    device: Option<&str>,
    name: &str,
    path: &str,
    value: Value,
    definition_of: impl Fn(MetricIndex) -> Option<String>,
) -> Result<(Order, Vec<u8>), CommandRefused> {
    match node.state() {
        EdgeNodeState::Online { .. } | EdgeNodeState::Reordering { .. } => {}
        EdgeNodeState::Unknown | EdgeNodeState::Forgotten => {
            return Err(CommandRefused::EdgeNodeOffline { since: convert::timestamp(node.last_message()) });
        }
        EdgeNodeState::Restored { since, .. } | EdgeNodeState::Offline { since, .. } => {
            return Err(CommandRefused::EdgeNodeOffline { since: convert::timestamp(since) });
        }
    }
    let descriptor = node.descriptor();
    let (device, topic) = match device {
        None => (None, descriptor.topic(NodeMessage::Ncmd)),
        Some(id) => {
            let id = DeviceId::new(id).ok_or(CommandRefused::NoSample)?;
            let device = node.device_named(id).ok_or(CommandRefused::NoSample)?;
            if let DeviceState::Restored { since } | DeviceState::Stale { since } | DeviceState::Offline { since } =
                device.state
            {
                return Err(CommandRefused::DeviceOffline { since: convert::timestamp(since) });
            }
            (Some(device.index), descriptor.device_topic(DeviceMessage::Dcmd, id))
        }
    };
    let metric = node.metric(device, name).ok_or(CommandRefused::NoSample)?;
    if !metric.is_alive {
        return Err(CommandRefused::Vanished);
    }
    if device.is_none() && name == BD_SEQ {
        return Err(CommandRefused::ReadOnly { why: "tells which connection of the Edge Node is meant" });
    }
    if metric.datatype == DataType::Template {
        return Err(CommandRefused::ReadOnly { why: "is a Template; what can be set is its members" });
    }
    let (holders, own_name) = holders(now, node, device, name, definition_of)?;
    let builder = match metric.alias {
        // tck-id-operational-behavior-data-commands-ncmd-rebirth-name
        Some(alias) if device.is_some() || name != REBIRTH => MetricBuilder::aliased(alias),
        Some(_) | None => MetricBuilder::named(own_name),
    };
    let builder = builder.at(now.wall).declare(metric.datatype);
    let builder = wording::set(builder, metric.datatype, &value).map_err(|mismatch| CommandRefused::DoesNotFit {
        why: match mismatch {
            Mismatch::Range => "is out of its datatype's range",
            Mismatch::DataSet => "is no table whose rows fit its columns",
            Mismatch::Array => "has an item that an array cannot hold",
            _ => "is no value of its datatype",
        },
    })?;
    let builder = if metric.is_long { builder.long() } else { builder };
    let payload = PayloadBuilder::at(now.wall).metric(wording::hold(builder, holders)).encode();
    let target = Some(Target { edge_node: node.index(), device, metric: metric.index });
    let datatype = convert::datatype(metric.datatype);
    Ok((Order { path: path.to_owned(), topic: topic.to_string(), value, datatype, target }, payload))
}

/// The Template instances that a metric is a member of, outermost first, and its name inside the innermost. It is one where
/// its name goes on behind an instance's.
fn holders<'n>(
    now: Now,
    node: &EdgeNodeView<'_>,
    device: Option<DeviceIndex>,
    name: &'n str,
    definition_of: impl Fn(MetricIndex) -> Option<String>,
) -> Result<(Vec<Holder>, &'n str), CommandRefused> {
    let (mut holders, mut inside) = (Vec::new(), 0);
    for (end, _) in name.match_indices('/') {
        let Some(instance) = node.metric(device, &name[..end]) else { continue };
        if instance.datatype != DataType::Template || !instance.is_alive {
            continue;
        }
        let definition = definition_of(instance.index)
            .ok_or(CommandRefused::ReadOnly { why: "belongs to a Template that is no instance of anything" })?;
        // A member's own alias is not looked at.
        let metric = match instance.alias.filter(|_| holders.is_empty()) {
            Some(alias) => MetricBuilder::aliased(alias),
            None => MetricBuilder::named(&name[inside..end]),
        };
        holders.push(Holder { metric: metric.at(now.wall), definition });
        inside = end + 1;
    }
    Ok((holders, &name[inside..]))
}

/// What its Birth said a Template instance is of.
fn definition_of(view: &View<'_>, instance: ElementId) -> Option<String> {
    let properties = &view.metadata(instance)?.properties;
    let (_, definition) = properties.iter().find(|(name, _)| **name == *declare::TEMPLATE_REF)?;
    Some(definition.to_string())
}
