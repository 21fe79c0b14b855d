//! The language the kinds of devices are written in: a row says what a metric is called, what it holds and how it moves.
//!
//! A metric moves because of something: the machine's load, an earlier metric, a set point, a switch. So a motor's current
//! rises with its speed and energy is the sum of the power that was shown, without a line of code per metric.
//! Knows nothing of time or values; `metric` brings rows to life.

use factree_sparkplug::DataType;

/// One metric of a kind of device, or several alike.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Metric name; `#` stands for 1, 2 … `times`.
    pub(crate) name: &'static str,
    pub(crate) times: u16,
    pub(crate) datatype: DataType,
    /// Engineering unit; empty if it has none.
    pub(crate) unit: &'static str,
    /// The change that is worth a message; zero for any change.
    pub(crate) band: f64,
    pub(crate) model: Model,
}

/// How a metric gets its value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Model {
    /// A text that never changes.
    Text(&'static str),
    /// A serial number that begins like this.
    Serial(&'static str),
    /// A UUID of its own.
    Identity,
    /// A day in the last years.
    Commissioned,
    /// Read off the machine.
    Machine(Gauge),
    /// Goes to `offset + gain × of` in about `settles` seconds and strays from it by the standard deviation `spread`, or a tenth
    /// of the value if that is less.
    Walk { of: Signal, offset: f64, gain: f64, spread: f64, settles: f64 },
    /// Goes through five poses within ± `reach` during a cycle.
    Pose { reach: f64 },
    /// The product of these metrics, times `gain`.
    Product { of: &'static [&'static str], gain: f64 },
    /// The sum of the metrics of a row with a `#`.
    Sum { of: &'static str },
    /// What has flowed at this metric's rate per hour.
    Integral { of: &'static str },
    /// True while that metric is above `limit`, until it is 2 % below.
    Exceeds { of: &'static str, limit: f64 },
    /// On and off by itself; means in seconds.
    Switch { on: f64, off: f64 },
    /// What was last commanded, between `low` and `high`.
    SetPoint { initial: f64, low: f64, high: f64 },
    /// Whether the machine is switched on: commanded.
    Enabled,
    /// One of these texts: commanded.
    Choice(&'static [&'static str]),
}

/// What a [`Model::Walk`] follows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    /// How hard the machine works, 0 to 1.
    Load,
    /// A metric of the same device, written above.
    Metric(&'static str),
    /// Such a metric while the machine runs, else zero: a set point and what obeys it.
    Driven(&'static str),
}

/// What can be read off a machine.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gauge {
    State,
    StateCode,
    Since,
    Faulted,
    FaultCode,
    FaultText,
    Good,
    Bad,
    Scrap,
    /// Seconds of the last cycle.
    CycleTime,
    /// Which part is in the machine.
    PartId,
    /// Hours it ran.
    RunHours,
}

pub(crate) const fn row(name: &'static str, datatype: DataType, unit: &'static str, model: Model) -> Row {
    Row { name, times: 1, datatype, unit, band: 0.0, model }
}

impl Row {
    pub(crate) const fn times(self, times: u16) -> Row {
        Row { times, ..self }
    }

    pub(crate) const fn band(self, band: f64) -> Row {
        Row { band, ..self }
    }
}

/// Follows the load, between what is normal at rest and what is normal at full load.
pub(crate) const fn load(rest: f64, full: f64, spread: f64, settles: f64) -> Model {
    Model::Walk { of: Signal::Load, offset: rest, gain: full - rest, spread, settles }
}

/// Follows another metric: `offset + gain × of`.
pub(crate) const fn follows(of: &'static str, offset: f64, gain: f64, spread: f64, settles: f64) -> Model {
    Model::Walk { of: Signal::Metric(of), offset, gain, spread, settles }
}

/// Obeys a set point while the machine runs, and rests at zero.
pub(crate) const fn driven(by: &'static str, spread: f64, settles: f64) -> Model {
    Model::Walk { of: Signal::Driven(by), offset: 0.0, gain: 1.0, spread, settles }
}

/// Stays about a value of its own, whatever the machine does.
pub(crate) const fn about(mean: f64, spread: f64, settles: f64) -> Model {
    load(mean, mean, spread, settles)
}

pub(crate) const fn set_point(initial: f64, low: f64, high: f64) -> Model {
    Model::SetPoint { initial, low, high }
}
