//! What a machine does: it runs, waits, blocks and breaks, and makes parts while it runs.
//!
//! Everything a device reports hangs on this: temperatures follow its load, counters its cycles, alarms its faults. Time
//! is cut at the next event (a cycle ends, a state ends), so a machine that was not looked at for ten minutes has made
//! the same parts as one looked at each second.
//! Knows nothing of metrics or messages.
//! Invariant: `good + bad + scrap` is the number of cycles finished, and parts are made only in [`State::Running`].

use crate::chance::Chance;

/// The states of a machine, with the numbers its State Code reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// Ready, without work.
    Idle = 1,
    /// Making parts.
    Running = 2,
    /// Held up by the machine behind it.
    Blocked = 3,
    /// Broken; a fault says why.
    Down = 4,
}

impl State {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            State::Idle => "Idle",
            State::Running => "Running",
            State::Blocked => "Blocked",
            State::Down => "Down",
        }
    }
}

/// The character of a kind of machine. Durations are means, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// One part; none if the machine makes no parts.
    pub(crate) cycle: Option<f64>,
    /// How long it runs undisturbed; infinite for what never stops, such as a meter.
    pub(crate) running: f64,
    pub(crate) idle: f64,
    pub(crate) blocked: f64,
    pub(crate) down: f64,
    /// Why it breaks: fault code and text.
    pub(crate) faults: &'static [(u16, &'static str)],
}

/// One machine at work.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pace: Pace,
    state: State,
    /// When the state was entered, in ms since the Unix epoch; of the first state, when the machine was first looked at.
    since: Option<u64>,
    /// Seconds until the state ends.
    state_left: f64,
    /// Seconds of running until the part in the machine is done.
    cycle_left: f64,
    /// How hard it works, 0 to 1; what temperatures, speeds and currents follow.
    load: f64,
    /// Seconds the last part took.
    pub(crate) last_cycle: f64,
    pub(crate) good: u64,
    /// To be reworked.
    pub(crate) bad: u64,
    pub(crate) scrap: u64,
    /// Seconds in [`State::Running`].
    pub(crate) run_time: f64,
    /// The last fault; shown while down.
    fault: (u16, &'static str),
    /// Switched on by its operator; off, it stops after the part in the machine.
    pub(crate) enabled: bool,
}

/// A part in a hundred is bad, one in four hundred is scrap.
const BAD: f64 = 0.01;
const SCRAP: f64 = 0.0025;

/// How quickly the load of a running machine wanders, in seconds.
const LOAD_SETTLES: f64 = 20.0;

impl Machine {
    /// A machine somewhere in its life: mostly running, with some history in its counters.
    pub(crate) fn new(pace: Pace, chance: &mut Chance) -> Self {
        let state = if chance.happens(0.8) || pace.running.is_infinite() { State::Running } else { State::Idle };
        let run_time = chance.between(2e5, 9e5);
        let made = pace.cycle.map_or(0.0, |cycle| run_time / cycle);
        let mut machine = Machine {
            pace,
            state,
            since: None,
            state_left: 0.0,
            cycle_left: 0.0,
            load: 0.8,
            last_cycle: pace.cycle.unwrap_or(0.0),
            good: (made * (1.0 - BAD - SCRAP)) as u64,
            bad: (made * BAD) as u64,
            scrap: (made * SCRAP) as u64,
            run_time,
            fault: (0, ""),
            enabled: true,
        };
        machine.state_left = machine.duration(state, chance) * chance.between(0.05, 1.0);
        machine.begin_cycle(chance);
        machine
    }

    /// Lets `elapsed` seconds pass, up to `wall` (ms since the Unix epoch).
    pub(crate) fn advance(&mut self, elapsed: f64, wall: u64, chance: &mut Chance) {
        self.since.get_or_insert(wall);
        let mut left = elapsed;
        while left > 0.0 {
            let running = self.state == State::Running;
            let next_event = if running { self.state_left.min(self.cycle_left) } else { self.state_left };
            let step = next_event.min(left);
            left -= step;
            self.state_left -= step;
            if running {
                self.run_time += step;
                self.cycle_left -= step;
                if self.cycle_left <= 0.0 {
                    self.finish_cycle(chance);
                }
            }
            if self.state_left <= 0.0 {
                self.enter_next(wall.saturating_sub((left * 1000.0) as u64), chance);
            }
        }
        let (target, wander) = match self.state {
            State::Running => (0.8, 0.12),
            State::Blocked => (0.15, 0.0),
            State::Idle | State::Down => (0.0, 0.0),
        };
        let settles = if self.state == State::Running { LOAD_SETTLES } else { 1.5 };
        self.load = walk(self.load, target, wander, (-elapsed / settles).exp(), chance).clamp(0.0, 1.0);
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// When the state was entered, in ms since the Unix epoch.
    pub(crate) fn since(&self) -> u64 {
        self.since.unwrap_or(0)
    }

    pub(crate) fn load(&self) -> f64 {
        self.load
    }

    /// Parts finished, of any quality.
    pub(crate) fn finished(&self) -> u64 {
        self.good + self.bad + self.scrap
    }

    /// How far the part in the machine is, 0 to 1.
    pub(crate) fn progress(&self) -> f64 {
        (1.0 - self.cycle_left / self.last_cycle.max(0.1)).clamp(0.0, 1.0)
    }

    /// Fault code and text while down, zero and nothing else.
    pub(crate) fn fault(&self) -> (u16, &'static str) {
        if self.state == State::Down { self.fault } else { (0, "") }
    }

    fn finish_cycle(&mut self, chance: &mut Chance) {
        let quality = chance.unit();
        if quality < SCRAP {
            self.scrap += 1;
        } else if quality < SCRAP + BAD {
            self.bad += 1;
        } else {
            self.good += 1;
        }
        self.begin_cycle(chance);
        if !self.enabled {
            self.state_left = 0.0;
        }
    }

    fn begin_cycle(&mut self, chance: &mut Chance) {
        match self.pace.cycle {
            Some(cycle) => {
                self.last_cycle = cycle * (1.0 + 0.04 * chance.normal());
                self.cycle_left = self.last_cycle;
            }
            None => self.cycle_left = f64::INFINITY,
        }
    }

    fn enter_next(&mut self, wall: u64, chance: &mut Chance) {
        let next = match self.state {
            State::Running if !self.enabled => State::Idle,
            State::Running if chance.happens(0.15) && !self.pace.faults.is_empty() => State::Down,
            State::Running if chance.happens(0.55) => State::Blocked,
            State::Running | State::Down => State::Idle,
            State::Blocked | State::Idle if self.enabled => State::Running,
            State::Blocked | State::Idle => State::Idle,
        };
        if next == State::Down {
            self.fault = chance.pick(self.pace.faults);
        }
        self.state_left = self.duration(next, chance);
        if next != self.state {
            self.since = Some(wall);
        }
        self.state = next;
    }

    fn duration(&self, state: State, chance: &mut Chance) -> f64 {
        let mean = match state {
            State::Idle => self.pace.idle,
            State::Running => self.pace.running,
            State::Blocked => self.pace.blocked,
            State::Down => self.pace.down,
        };
        chance.duration(mean)
    }
}

/// One step of a mean-reverting walk: `kept` of the distance to the target is left, and the noise is such that the walk
/// strays from its target by the standard deviation `spread`, however long the steps are.
pub(crate) fn walk(from: f64, target: f64, spread: f64, kept: f64, chance: &mut Chance) -> f64 {
    let noise = if spread == 0.0 { 0.0 } else { spread * (1.0 - kept * kept).sqrt() * chance.normal() };
    target + (from - target) * kept + noise
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace =
        Pace { cycle: Some(10.0), running: 300.0, idle: 30.0, blocked: 20.0, down: 90.0, faults: &[(7, "Jam")] };

    fn after(hours: u64, step: f64) -> Machine {
        let mut chance = Chance::new(3);
        let mut machine = Machine::new(Pace { ..PACE }, &mut chance);
        (machine.good, machine.bad, machine.scrap, machine.run_time) = (0, 0, 0, 0.0);
        for i in 1..=(hours as f64 * 3600.0 / step) as u64 {
            machine.advance(step, (i as f64 * step * 1000.0) as u64, &mut chance);
        }
        machine
    }

    #[test]
    fn parts_follow_the_time_it_ran() {
        let machine = after(10, 1.0);
        let expected = machine.run_time / 10.0;
        assert!((machine.finished() as f64 - expected).abs() < 0.01 * expected, "{machine:?}");
        assert!((20_000.0..33_000.0).contains(&machine.run_time), "a machine mostly runs: {}", machine.run_time);
        assert!(machine.bad > machine.scrap && machine.bad < machine.good / 50, "{machine:?}");
    }

    #[test]
    fn long_looks_away_make_as_many_parts() {
        let (often, rarely) = (after(10, 1.0), after(10, 600.0));
        let ratio = often.finished() as f64 / rarely.finished() as f64;
        assert!((0.9..1.1).contains(&ratio), "{} and {}", often.finished(), rarely.finished());
    }

    #[test]
    fn switched_off_it_stops_after_the_part_in_it() {
        let mut chance = Chance::new(3);
        let mut machine = Machine::new(PACE, &mut chance);
        machine.enabled = false;
        machine.advance(600.0, 600_000, &mut chance);
        assert_eq!(machine.state(), State::Idle);
        let made = machine.finished();
        machine.advance(3600.0, 4_200_000, &mut chance);
        assert_eq!((machine.state(), machine.finished()), (State::Idle, made));
    }
}
