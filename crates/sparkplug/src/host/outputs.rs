//! What the host wants done, as values: nothing here acts.
//!
//! An [`Outputs`] is one list of small [`Output`]s in the order they are to be carried out, and three long lists they
//! point into, so that a message of a thousand metrics is one output and, once warm, no allocation.

use super::{Finding, Occasion, Reason, Unheld};
use crate::{BdSeq, DataType, SessionKey, Timestamp};
use std::ops::Range;
use std::sync::Arc;

/// An Edge Node's number: dense from 0, stable for the life of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeNodeIndex(pub u32);

/// A device's number within its Edge Node: dense from 0, stable for the life of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceIndex(pub u32);

/// A metric's number within its Edge Node, over the node and all its devices: dense from 0, and the same in every birth
/// for the same device and metric name.
///
/// Once the Edge Node has as many metrics as [`crate::Limits::metrics_per_edge_node_max`] allows, a new metric takes
/// the number of one that vanished; see [`BornMetric::is_new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricIndex(pub u32);

/// Where [`Outputs::unheld`] finds a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnheldIndex(u32);

/// Something to be done. Nothing in here is dropped, so that forgetting a list of them costs nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// The outputs from here on, up to the next of this kind, are about a message that was held until now, and not about
    /// the input: their positions are in its payload.
    Unheld(UnheldIndex),
    /// An Edge Node or a device is online, with these metrics.
    Born(Born),
    /// An Edge Node or a device is online under its birth from before a restart of ours.
    Adopted(Adopted),
    /// Metrics have values.
    Data(Data),
    /// An Edge Node or a device is offline, or its metrics are stale until its next birth.
    Died(Died),
    /// Two sessions take an Edge Node from each other.
    Rivals(Rivals),
    /// Publish a rebirth request to the Edge Node: [`crate::encode::rebirth_request`] on
    /// [`crate::EdgeNodeDescriptor::ncmd`], QoS 0, not retained.
    AskRebirth(AskRebirth),
    /// Something the specification or our limits forbid has happened.
    Finding(Finding),
}

/// An NBIRTH (`device` is `None`) or a DBIRTH was accepted. The values of its metrics are in the payload.
#[derive(Clone, Debug, PartialEq)]
pub struct Born {
    /// The Edge Node.
    pub edge_node: EdgeNodeIndex,
    /// The device, for a DBIRTH.
    pub device: Option<DeviceIndex>,
    /// The MQTT session whose end is its death.
    pub session: SessionKey,
    /// The payload's timestamp.
    pub timestamp: Option<Timestamp>,
    /// The NBIRTH's bdSeq, if it had a valid one; `None` for a DBIRTH.
    pub bd_seq: Option<BdSeq>,
    /// Whether it was online already: a rebirth.
    pub is_rebirth: bool,
    /// Whether its payload may be kept byte for byte in place of the one before. If not, because
    /// [`crate::Limits::birth_bytes_max`] is reached, the one before is to be forgotten all the same.
    pub is_kept: bool,
    pub(super) metrics: Range<u32>,
    pub(super) vanished: Range<u32>,
}

/// One metric of a birth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BornMetric {
    /// Its number from now on.
    pub metric: MetricIndex,
    /// Where it stands in the payload, for [`crate::Payload::metric`]. If a name comes twice, the later one counts.
    pub position: u32,
    /// Its datatype; [`DataType::Unknown`] if the birth declares none or a number outside the set.
    pub datatype: DataType,
    /// Whether the host has not known it before. Whatever is kept under this number belongs to a metric that vanished
    /// and whose number was needed; it is to be forgotten.
    pub is_new: bool,
}

/// An NDATA (`device` is `None`) or a DDATA.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// The Edge Node.
    pub edge_node: EdgeNodeIndex,
    /// The device, for a DDATA.
    pub device: Option<DeviceIndex>,
    /// It has come behind messages that were published after it, or twice: the live values may be newer than these.
    pub is_late: bool,
    pub(super) updates: Range<u32>,
}

/// An Edge Node, or one of its devices, that was known from before a restart of ours has gone on without a birth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// The Edge Node.
    pub edge_node: EdgeNodeIndex,
    /// The device, if it is about one.
    pub device: Option<DeviceIndex>,
    /// The MQTT session whose end is its death.
    pub session: SessionKey,
}

/// Two sessions publish NBIRTHs of one Edge Node in turn. Told the first time, the second, the fourth and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rivals {
    /// The Edge Node.
    pub edge_node: EdgeNodeIndex,
    /// The session that owns it now.
    pub winner: SessionKey,
    /// The session that owned it before.
    pub loser: SessionKey,
}

/// One metric of a DATA message that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    /// Which metric.
    pub metric: MetricIndex,
    /// Where it stands in the payload, for [`crate::Payload::metric`]. The same metric may come more than once; the order
    /// is the payload's, members of Templates behind everything else.
    pub position: u32,
    /// The datatype its birth declared; if none, the one the DATA message declares.
    pub datatype: DataType,
    /// From the past: for the history only, the live value stays.
    pub is_historical: bool,
}

/// An Edge Node (`device` is `None`: itself, all its devices, all their metrics) or one device is no longer online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Died {
    /// The Edge Node.
    pub edge_node: EdgeNodeIndex,
    /// The device, if it alone died.
    pub device: Option<DeviceIndex>,
    /// Since when: our clock, but the payload's for a DDEATH.
    pub at: Timestamp,
    /// What ended it.
    pub cause: Cause,
}

/// What ended an Edge Node's or a device's being online.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// An NDEATH with the bdSeq of its NBIRTH.
    Ndeath,
    /// A DDEATH.
    Ddeath,
    /// The MQTT session that published its birth ended.
    SessionEnded,
    /// Its Edge Node was born again: the device is stale until its own DBIRTH.
    NodeBirth,
}

/// The Edge Node is to be asked for a rebirth. Cooldown and budget have been applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskRebirth {
    /// The Edge Node.
    pub edge_node: EdgeNodeIndex,
    /// Why.
    pub reason: Reason,
    /// The session whose message led to it: the way to the Edge Node.
    pub session: SessionKey,
}

/// The outputs of one or several inputs, to be reused.
#[derive(Clone, Debug)]
pub struct Outputs {
    pub(super) list: Vec<Output>,
    pub(super) born: Vec<BornMetric>,
    pub(super) vanished: Vec<MetricIndex>,
    pub(super) updates: Vec<Update>,
    unheld: Vec<Arc<Unheld>>,
    /// Where in `list` the outputs of the input at hand begin.
    input_start: usize,
    /// On whose session the input at hand happened, and what it is.
    pub(super) cause: (SessionKey, Occasion),
}

impl Default for Outputs {
    fn default() -> Outputs {
        Outputs {
            list: Vec::new(),
            born: Vec::new(),
            vanished: Vec::new(),
            updates: Vec::new(),
            unheld: Vec::new(),
            input_start: 0,
            cause: (SessionKey(0), Occasion::Publish),
        }
    }
}

impl Outputs {
    /// No outputs.
    pub fn new() -> Outputs {
        Outputs::default()
    }

    /// Forgets all outputs and keeps the memory. [`super::Host::handle`] appends; positions refer to the payload of the
    /// input that caused them, so clear between inputs.
    pub fn clear(&mut self) {
        self.list.clear();
        self.born.clear();
        self.vanished.clear();
        self.updates.clear();
        self.unheld.clear();
        self.input_start = 0;
    }

    /// The next outputs are another input's.
    pub(super) fn begin(&mut self, session: SessionKey, occasion: Occasion) {
        self.input_start = self.list.len();
        self.cause = (session, occasion);
    }

    /// What follows is about the input at hand again, if something was unheld in between.
    pub(super) fn go_on(&mut self, session: SessionKey, occasion: Occasion) {
        if self.list[self.input_start.saturating_sub(1)..].first().is_some_and(|it| matches!(it, Output::Unheld(_))) {
            self.begin(session, occasion);
        }
    }

    /// The outputs of the input at hand.
    pub(super) fn of_this_input(&mut self) -> &mut [Output] {
        &mut self.list[self.input_start..]
    }

    /// What follows is about this message.
    pub(super) fn begin_unheld(&mut self, session: SessionKey, unheld: Arc<Unheld>) {
        self.list.push(Output::Unheld(UnheldIndex(self.unheld.len() as u32)));
        self.begin(session, unheld.topic().into());
        self.unheld.push(unheld);
    }

    /// How many outputs there are, to be held against later.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Puts what was said from `judged` on before whatever was unheld since `start`: it is about the input at hand, and what
    /// stands behind an unheld message is about that.
    pub(super) fn put_before_unheld(&mut self, start: usize, judged: usize) {
        let said = self.list.len() - judged;
        let is_unheld = |output: &Output| matches!(output, Output::Unheld(_));
        if let Some(first) = self.list[start..judged].iter().position(is_unheld).filter(|_| said > 0) {
            self.list[start + first..].rotate_right(said);
        }
    }

    /// The message that was held until now.
    pub fn unheld(&self, index: UnheldIndex) -> &Unheld {
        &self.unheld[index.0 as usize]
    }

    /// The outputs in the order they are to be carried out.
    pub fn iter(&self) -> std::slice::Iter<'_, Output> {
        self.list.iter()
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The metrics of a birth, in the order of the payload, each metric once.
    pub fn born(&self, born: &Born) -> &[BornMetric] {
        &self.born[born.metrics.start as usize..born.metrics.end as usize]
    }

    /// The metrics of the same Edge Node or device that an earlier birth had and this one has not.
    pub fn vanished(&self, born: &Born) -> &[MetricIndex] {
        &self.vanished[born.vanished.start as usize..born.vanished.end as usize]
    }

    /// The known metrics of a DATA message, in the order of the payload.
    pub fn updates(&self, data: &Data) -> &[Update] {
        &self.updates[data.updates.start as usize..data.updates.end as usize]
    }
}

impl<'a> IntoIterator for &'a Outputs {
    type Item = &'a Output;
    type IntoIter = std::slice::Iter<'a, Output>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
