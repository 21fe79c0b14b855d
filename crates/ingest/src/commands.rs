//! Commands that went out, and what became of each.
//!
//! A command waits for data of its metric that says its value: that, and nothing an acknowledgement could say, tells that
//! the plant has it. Nothing here is called when a command's time is up; whoever looks later sees that it is.
//! Knows neither topics nor payloads, and no clock: time is an argument.
//! Invariant: `waiting` names exactly the metrics of commands in [`CommandState::Sent`], some of which may be out of time.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use factree_namespace::{DataType, Timestamp, Value, ValueRef};
use factree_sparkplug::{DeviceIndex, EdgeNodeIndex, MetricIndex, Now};

use crate::{Limits, convert};

/// What is known of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Its number: larger for a later one, and no number of the process before this one as long as the clock was right.
    pub id: u64,
    /// The element it sets.
    pub path: String,
    /// The topic it was published to.
    pub topic: String,
    /// The value asked for.
    pub value: Value,
    /// The datatype it was sent as.
    pub datatype: DataType,
    /// What became of it.
    pub state: CommandState,
    /// When it was sent.
    pub sent: Timestamp,
    /// When its state became final.
    pub settled: Option<Timestamp>,
}

/// What became of a command. Every state but the first is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandState {
    /// Published; no data has said the value since.
    Sent,
    /// Data of the metric said the value after the command was sent.
    Confirmed,
    /// No such data came in time. It may have been carried out all the same: a metric that had the value before need not be
    /// reported again.
    TimedOut,
    /// The Edge Node or Device died or was born again while it waited, so that nobody knows whether it arrived. A Birth
    /// confirms nothing, even if it says the value: it tells what is, not what was received.
    Superseded,
}

/// The metric that is to confirm a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) edge_node: EdgeNodeIndex,
    pub(crate) device: Option<DeviceIndex>,
    pub(crate) metric: MetricIndex,
}

/// What a command says and where.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) path: String,
    pub(crate) topic: String,
    pub(crate) value: Value,
    pub(crate) datatype: DataType,
    /// None if nobody has to confirm it.
    pub(crate) target: Option<Target>,
}

/// All commands remembered.
#[derive(Debug)]
pub(crate) struct Commands {
    commands_max: usize,
    timeout: Duration,
    memory: Duration,
    /// By id, so by time as well.
    remembered: VecDeque<Remembered>,
    waiting: BTreeSet<(EdgeNodeIndex, MetricIndex, u64)>,
    /// The last deadline of all: nothing waits any more after it.
    until: Option<Instant>,
    last_id: u64,
}

#[derive(Debug)]
struct Remembered {
    command: Command,
    target: Option<Target>,
    sent: Instant,
}

/// As many commands as may be remembered wait for their confirmation; how long until the first is out of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full(pub(crate) Duration);

impl Commands {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            commands_max: limits.commands_max.get(),
            timeout: limits.command_timeout,
            memory: limits.command_memory.max(limits.command_timeout),
            remembered: VecDeque::new(),
            waiting: BTreeSet::new(),
            until: None,
            last_id: 0,
        }
    }

    /// Whether one more can be remembered; makes room for it.
    pub(crate) fn admit(&mut self, now: Now) -> Result<(), Full> {
        while self.remembered.front().is_some_and(|oldest| self.age(oldest, now) >= self.memory) {
            self.forget(0);
        }
        if self.remembered.len() < self.commands_max {
            return Ok(());
        }
        match self.remembered.iter().position(|each| self.state(each, now) != CommandState::Sent) {
            Some(settled) => {
                self.forget(settled);
                Ok(())
            }
            None => Err(Full(self.timeout - self.age(&self.remembered[0], now))),
        }
    }

    /// Remembers a command that goes out now. There must be room: see [`Commands::admit`].
    pub(crate) fn send(&mut self, now: Now, order: Order) -> Command {
        let Order { path, topic, value, datatype, target } = order;
        // Milliseconds since 1970 and not from zero, so that an id of the process before this one is not another command's.
        let id = now.wall.0.max(self.last_id + 1);
        self.last_id = id;
        let sent = convert::timestamp(now.wall);
        let (state, settled) = match target {
            Some(Target { edge_node, metric, .. }) => {
                self.waiting.insert((edge_node, metric, id));
                self.until = Some(now.instant + self.timeout);
                (CommandState::Sent, None)
            }
            None => (CommandState::Confirmed, Some(sent)),
        };
        let command = Command { id, path, topic, value, datatype, state, sent, settled };
        self.remembered.push_back(Remembered { command: command.clone(), target, sent: now.instant });
        command
    }

    /// One command as it stands now.
    pub(crate) fn get(&self, now: Now, id: u64) -> Option<Command> {
        let each = &self.remembered[self.find(id)?];
        if self.age(each, now) >= self.memory {
            return None;
        }
        let mut command = each.command.clone();
        if self.state(each, now) == CommandState::TimedOut {
            let timeout = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
            command.state = CommandState::TimedOut;
            command.settled = Some(Timestamp(command.sent.0.saturating_add(timeout)));
        }
        Some(command)
    }

    /// Whether data are of interest at all; asked with every message.
    #[inline]
    pub(crate) fn are_waiting(&self) -> bool {
        self.until.is_some()
    }

    /// A metric has a new value.
    pub(crate) fn on_value(&mut self, now: Now, edge_node: EdgeNodeIndex, metric: MetricIndex, value: ValueRef<'_>) {
        if self.until.is_none_or(|until| now.instant >= until) {
            self.until = None;
            return self.waiting.clear();
        }
        let of_metric = (edge_node, metric, 0)..=(edge_node, metric, u64::MAX);
        let waiting: Vec<u64> = self.waiting.range(of_metric).map(|&(.., id)| id).collect();
        for id in waiting {
            if self.find(id).is_some_and(|place| says(value, &self.remembered[place].command.value)) {
                self.settle(now, id, CommandState::Confirmed);
            }
        }
    }

    /// An Edge Node, with all its Devices, or one Device alone, died or was born.
    pub(crate) fn on_life(&mut self, now: Now, edge_node: EdgeNodeIndex, concerns: impl Fn(Target) -> bool) {
        let of_edge_node = (edge_node, MetricIndex(0), 0)..=(edge_node, MetricIndex(u32::MAX), u64::MAX);
        let waiting: Vec<u64> = self.waiting.range(of_edge_node).map(|&(.., id)| id).collect();
        for id in waiting {
            let target = self.find(id).and_then(|place| self.remembered[place].target);
            if target.is_some_and(&concerns) {
                self.settle(now, id, CommandState::Superseded);
            }
        }
    }

    /// A waiting command has its final state, if it is still in time.
    fn settle(&mut self, now: Now, id: u64, state: CommandState) {
        let Some(place) = self.find(id) else { return };
        let in_time = self.state(&self.remembered[place], now) == CommandState::Sent;
        let each = &mut self.remembered[place];
        if let Some(Target { edge_node, metric, .. }) = each.target {
            self.waiting.remove(&(edge_node, metric, id));
        }
        if in_time {
            (each.command.state, each.command.settled) = (state, Some(convert::timestamp(now.wall)));
        }
    }

    fn forget(&mut self, place: usize) {
        let Some(Remembered { command, target, .. }) = self.remembered.remove(place) else { return };
        if let Some(Target { edge_node, metric, .. }) = target {
            self.waiting.remove(&(edge_node, metric, command.id));
        }
    }

    fn find(&self, id: u64) -> Option<usize> {
        self.remembered.binary_search_by_key(&id, |each| each.command.id).ok()
    }

    fn age(&self, each: &Remembered, now: Now) -> Duration {
        now.instant.saturating_duration_since(each.sent)
    }

    fn state(&self, each: &Remembered, now: Now) -> CommandState {
        match each.command.state {
            CommandState::Sent if self.age(each, now) >= self.timeout => CommandState::TimedOut,
            state => state,
        }
    }
}

/// Whether data say exactly this value. Both are of the metric's datatype, so a Float is compared as the 32 bits it is sent
/// in; NaN says NaN.
fn says(said: ValueRef<'_>, wanted: &Value) -> bool {
    match (said, wanted) {
        (ValueRef::Float(said), Value::Float(wanted)) => said == *wanted || said.is_nan() && wanted.is_nan(),
        (ValueRef::Double(said), Value::Double(wanted)) => said == *wanted || said.is_nan() && wanted.is_nan(),
        (said, wanted) => said == wanted.into(),
    }
}
