//! A metric alive: its value now, the value last reported, and whether the difference is worth a message.
//!
//! A metric is advanced with what it may depend on in hand: its machine and the metrics written above it. It reports by
//! exception: beyond its deadband, numbers rounded to what an instrument of that deadband would show.
//! Invariant: a reported value always fits the datatype.

use std::borrow::Cow;

use factree_sparkplug::{DataType, Value};

use crate::chance::{Chance, mix};
use crate::machine::{Machine, State, walk};
use crate::model::{Gauge, Model, Row, Signal};

/// One metric of a device or an Edge Node.
#[derive(Clone, Debug)]
pub(crate) struct Metric {
    pub(crate) name: String,
    /// Metric alias, unique in its Edge Node.
    pub(crate) alias: u64,
    pub(crate) datatype: DataType,
    pub(crate) unit: &'static str,
    band: f64,
    /// Numbers are shown in steps of one over this.
    grain: f64,
    model: Model,
    /// The metrics above that the model refers to, by position.
    of: Vec<usize>,
    /// What the model remembers: the number before rounding, the part in the machine, the seconds until a switch turns.
    x: f64,
    /// Seconds that passed since a slow walk took its last step.
    waited: f64,
    seed: u64,
    reading: Reading,
    reported: Reading,
}

#[derive(Clone, Debug, PartialEq)]
enum Reading {
    Number(f64),
    Flag(bool),
    Text(Cow<'static, str>),
}

impl Metric {
    /// The metric of a row, the `number`th of those alike (from 1). Panics if the row refers to a metric that is not
    /// `above`: the tables are ours.
    pub(crate) fn new(
        row: &Row,
        number: u16,
        alias: u64,
        machine: &Machine,
        above: &[Metric],
        chance: &mut Chance,
    ) -> Self {
        let of = references(&row.model, number, above);
        let mut metric = Metric {
            name: numbered(row.name, number),
            alias,
            datatype: row.datatype,
            unit: row.unit,
            band: row.band,
            grain: grain(row.datatype, row.band),
            model: row.model,
            of,
            x: 0.0,
            waited: 0.0,
            seed: chance.bits(),
            reading: Reading::Flag(false),
            reported: Reading::Flag(false),
        };
        metric.begin(machine, above, chance);
        metric.advance(0.0, machine, above, chance);
        metric.reported = metric.reading.clone();
        metric
    }

    /// Where the model starts from, given some history.
    fn begin(&mut self, machine: &Machine, above: &[Metric], chance: &mut Chance) {
        match self.model {
            Model::Text(text) => self.reading = Reading::Text(text.into()),
            Model::Serial(prefix) => {
                self.reading = Reading::Text(format!("{prefix}-{:07}", self.seed % 10_000_000).into());
            }
            Model::Identity => self.reading = Reading::Text(uuid(self.seed).into()),
            Model::Choice(texts) => self.reading = Reading::Text(chance.pick(texts).into()),
            // 2019 to 2025, in ms since the Unix epoch.
            Model::Commissioned => {
                self.x = chance.between(1.546e12, 1.767e12).round();
                self.show();
            }
            Model::Walk { of, offset, gain, spread, .. } => {
                let target = offset + gain * self.signal(of, machine, above);
                self.x = target + spread.min(0.1 * target.abs()) * chance.normal();
                self.show();
            }
            Model::Integral { .. } => self.x = chance.between(2e3, 9e4),
            Model::Switch { on, .. } => self.x = chance.duration(on),
            Model::SetPoint { initial, .. } => {
                self.x = initial;
                self.show();
            }
            Model::Machine(Gauge::PartId) => self.x = -1.0,
            Model::Machine(_)
            | Model::Pose { .. }
            | Model::Product { .. }
            | Model::Sum { .. }
            | Model::Exceeds { .. }
            | Model::Enabled => {}
        }
    }

    /// Lets `elapsed` seconds pass, after the machine and the metrics above have.
    pub(crate) fn advance(&mut self, elapsed: f64, machine: &Machine, above: &[Metric], chance: &mut Chance) {
        match self.model {
            Model::Text(_) | Model::Serial(_) | Model::Identity | Model::Commissioned => {}
            Model::SetPoint { .. } | Model::Choice(_) => {}
            Model::Machine(gauge) => self.read(gauge, machine),
            Model::Walk { of, offset, gain, spread, settles } => {
                // A step may be as long as it likes, so what moves slowly need not be computed often.
                self.waited += elapsed;
                if self.waited < settles / 50.0 {
                    return;
                }
                let elapsed = std::mem::take(&mut self.waited);
                let target = offset + gain * self.signal(of, machine, above);
                // At most a tenth of the value: what rests at zero is quiet, and nothing strays below it.
                let spread = spread.min(0.1 * target.abs());
                self.x = walk(self.x, target, spread, (-elapsed / settles).exp(), chance);
                self.show();
            }
            Model::Pose { reach } => {
                self.x = self.pose(reach, machine.progress());
                self.show();
            }
            Model::Product { gain, .. } => {
                self.x = self.of.iter().map(|&i| above[i].x).product::<f64>() * gain;
                self.show();
            }
            Model::Sum { .. } => {
                self.x = self.of.iter().map(|&i| above[i].x).sum();
                self.show();
            }
            Model::Integral { .. } => {
                self.x += above[self.of[0]].x.max(0.0) * elapsed / 3600.0;
                self.show();
            }
            Model::Exceeds { limit, .. } => {
                let over = if self.reading == Reading::Flag(true) { limit * 0.98 } else { limit };
                self.reading = Reading::Flag(above[self.of[0]].x > over);
            }
            Model::Switch { on, off } => {
                let mut is_on = self.reading != Reading::Flag(false);
                self.x -= elapsed;
                while self.x <= 0.0 {
                    is_on = !is_on;
                    self.x += chance.duration(if is_on { on } else { off });
                }
                self.reading = Reading::Flag(is_on);
            }
            Model::Enabled => self.reading = Reading::Flag(machine.enabled),
        }
    }

    /// The value last reported.
    pub(crate) fn reported(&self) -> Value<'_> {
        typed(self.datatype, &self.reported)
    }

    /// Whether the value left its deadband since it was reported, or came to rest at zero: a motor that stands still must
    /// not be shown turning slowly for ever.
    pub(crate) fn is_due(&self) -> bool {
        match (&self.reading, &self.reported) {
            (Reading::Number(now), Reading::Number(then)) => {
                now != then && ((now - then).abs() >= self.band || *now == 0.0)
            }
            (now, then) => now != then,
        }
    }

    /// The value goes out with the message being written.
    pub(crate) fn report(&mut self) {
        self.reported.clone_from(&self.reading);
    }

    /// Takes a command. False if this metric takes none, or not such a value; numbers are brought within their limits, as
    /// a controller does, so what is echoed is what is true.
    pub(crate) fn command(&mut self, value: Value<'_>, machine: &mut Machine) -> bool {
        match (self.model, value) {
            (Model::SetPoint { low, high, .. }, value) => {
                let Some(number) = number(value) else { return false };
                self.x = number.clamp(low, high);
                self.show();
            }
            (Model::Enabled, Value::Boolean(enabled)) => {
                machine.enabled = enabled;
                self.reading = Reading::Flag(enabled);
            }
            (Model::Choice(texts), Value::String(wanted)) => {
                let Some(text) = texts.iter().find(|text| **text == wanted) else { return false };
                self.reading = Reading::Text((*text).into());
            }
            _ => return false,
        }
        true
    }

    fn show(&mut self) {
        self.reading = Reading::Number((self.x * self.grain).round() / self.grain);
    }

    fn signal(&self, of: Signal, machine: &Machine, above: &[Metric]) -> f64 {
        match of {
            Signal::Load => machine.load(),
            Signal::Metric(_) => above[self.of[0]].x,
            Signal::Driven(_) if machine.state() == State::Running => above[self.of[0]].x,
            Signal::Driven(_) => 0.0,
        }
    }

    fn read(&mut self, gauge: Gauge, machine: &Machine) {
        self.reading = match gauge {
            Gauge::State => Reading::Text(machine.state().as_str().into()),
            Gauge::StateCode => Reading::Number(f64::from(machine.state() as u8)),
            Gauge::Since => Reading::Number(machine.since() as f64),
            Gauge::Faulted => Reading::Flag(machine.fault().0 != 0),
            Gauge::FaultCode => Reading::Number(f64::from(machine.fault().0)),
            Gauge::FaultText => Reading::Text(machine.fault().1.into()),
            Gauge::Good => Reading::Number(machine.good as f64),
            Gauge::Bad => Reading::Number(machine.bad as f64),
            Gauge::Scrap => Reading::Number(machine.scrap as f64),
            Gauge::PartId => {
                let part = machine.finished() as f64;
                if part == self.x {
                    return;
                }
                self.x = part;
                Reading::Text(uuid(self.seed ^ machine.finished()).into())
            }
            Gauge::CycleTime => {
                self.x = machine.last_cycle;
                return self.show();
            }
            Gauge::RunHours => {
                self.x = machine.run_time / 3600.0;
                return self.show();
            }
        };
    }

    /// Five poses, the same in each cycle, with a smooth way from one to the next.
    fn pose(&self, reach: f64, progress: f64) -> f64 {
        let at = |pose: u64| (mix(self.seed ^ pose) % 2001) as f64 / 1000.0 - 1.0;
        let (pose, way) = ((progress * 5.0) as u64, (progress * 5.0).fract());
        let smooth = way * way * (3.0 - 2.0 * way);
        let (from, to) = (at(pose % 5), at((pose + 1) % 5));
        reach * (from + (to - from) * smooth)
    }
}

fn numbered(name: &str, number: u16) -> String {
    name.replace('#', &number.to_string())
}

fn references(model: &Model, number: u16, above: &[Metric]) -> Vec<usize> {
    let find = |name: &str| {
        let name = numbered(name, number);
        above.iter().position(|metric| metric.name == name).unwrap_or_else(|| panic!("no metric {name} above"))
    };
    match *model {
        Model::Walk { of: Signal::Metric(name) | Signal::Driven(name), .. } => vec![find(name)],
        Model::Integral { of } | Model::Exceeds { of, .. } => vec![find(of)],
        Model::Product { of, .. } => of.iter().map(|name| find(name)).collect(),
        Model::Sum { of } => {
            let names: Vec<String> = (1..=above.len() as u16).map(|number| numbered(of, number)).collect();
            (0..above.len()).filter(|&i| names.contains(&above[i].name)).collect()
        }
        Model::Text(_)
        | Model::Serial(_)
        | Model::Identity
        | Model::Commissioned
        | Model::Machine(_)
        | Model::Walk { of: Signal::Load, .. }
        | Model::Pose { .. }
        | Model::Switch { .. }
        | Model::SetPoint { .. }
        | Model::Enabled
        | Model::Choice(_) => Vec::new(),
    }
}

/// Integers have steps of one; others a power of ten that is at most half their deadband.
fn grain(datatype: DataType, band: f64) -> f64 {
    match datatype {
        DataType::Float | DataType::Double if band > 0.0 => {
            10f64.powi((-(band / 2.0).log10() - 1e-9).ceil() as i32).max(1.0)
        }
        DataType::Float | DataType::Double => 1000.0,
        _ => 1.0,
    }
}

fn number(value: Value<'_>) -> Option<f64> {
    let number = match value {
        Value::Int(number) => number as f64,
        Value::UInt(number) => number as f64,
        Value::Float(number) => f64::from(number),
        Value::Double(number) => number,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// The reading as a value of its datatype; a cast from f64 stops at the bounds of the integer.
fn typed(datatype: DataType, reading: &Reading) -> Value<'_> {
    match reading {
        Reading::Flag(flag) => Value::Boolean(*flag),
        Reading::Text(text) => Value::String(text),
        Reading::Number(number) => match datatype {
            DataType::Int8 => Value::Int(i64::from(*number as i8)),
            DataType::Int16 => Value::Int(i64::from(*number as i16)),
            DataType::Int32 => Value::Int(i64::from(*number as i32)),
            DataType::UInt8 => Value::UInt(u64::from(*number as u8)),
            DataType::UInt16 => Value::UInt(u64::from(*number as u16)),
            DataType::UInt32 => Value::UInt(u64::from(*number as u32)),
            DataType::UInt64 => Value::UInt(*number as u64),
            DataType::Float => Value::Float(*number as f32),
            DataType::Double => Value::Double(*number),
            DataType::DateTime => Value::DateTime(*number as u64),
            _ => Value::Int(*number as i64),
        },
    }
}

/// A UUID (version 4 in form) that is fixed by a number.
fn uuid(seed: u64) -> String {
    let (high, low) = (mix(seed), mix(!seed));
    let (time_low, time_mid, time_high) = (high >> 32, (high >> 16) & 0xFFFF, high & 0xFFF);
    let (variant, node) = (0x8000 | ((low >> 48) & 0x3FFF), low & 0xFFFF_FFFF_FFFF);
    format!("{time_low:08x}-{time_mid:04x}-4{time_high:03x}-{variant:04x}-{node:012x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::STEADY;
    use crate::model::{row, set_point};

    fn metric(row: &Row) -> (Metric, Machine, Chance) {
        let mut chance = Chance::new(1);
        let machine = Machine::new(STEADY, &mut chance);
        (Metric::new(row, 1, 1, &machine, &[], &mut chance), machine, chance)
    }

    #[test]
    fn a_change_within_the_deadband_is_not_worth_a_message() {
        let (mut metric, mut machine, _) =
            metric(&row("T", DataType::Float, "°C", set_point(20.0, 0.0, 50.0)).band(0.5));
        assert!(metric.command(Value::Double(20.4), &mut machine) && !metric.is_due());
        assert!(metric.command(Value::Int(21), &mut machine) && metric.is_due());
        metric.report();
        assert_eq!((metric.reported(), metric.is_due()), (Value::Float(21.0), false));
    }

    #[test]
    fn a_set_point_stays_within_its_limits_and_takes_numbers_only() {
        let (mut metric, mut machine, _) = metric(&row("T", DataType::UInt8, "%", set_point(20.0, 5.0, 50.0)));
        assert!(metric.command(Value::UInt(200), &mut machine));
        metric.report();
        assert_eq!(metric.reported(), Value::UInt(50));
        for refused in [Value::String("30"), Value::Null, Value::Double(f64::NAN)] {
            assert!(!metric.command(refused, &mut machine));
        }
        assert!(!metric.is_due());
    }

    #[test]
    fn instruments_show_a_step_finer_than_their_deadband() {
        for (band, steps) in
            [(0.5, 10.0), (0.2, 10.0), (0.1, 100.0), (0.03, 100.0), (2.0, 1.0), (80.0, 1.0), (0.0, 1000.0)]
        {
            assert_eq!(grain(DataType::Float, band), steps, "deadband {band}");
        }
        assert_eq!(grain(DataType::Int16, 8.0), 1.0);
    }
}
