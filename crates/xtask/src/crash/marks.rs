//! Marks: a few retained messages that come and go, one step before each death.
//!
//! The publishers' retained messages only grow, so they cannot show one that was cleared and is back. Nobody else
//! publishes here, so what is found after the restart must be exactly what was acknowledged, unless the last step had
//! no answer.

use std::time::Duration;

use super::chance::Chance;
use super::ledger::Fault;
use super::probes;
use super::world::World;

const TOPICS: usize = 4;
/// Never cleared.
const END: &str = "mark/end";
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Known {
    Nothing,
    Retained(Vec<u8>),
    /// The last step had no answer.
    Either,
}

pub(super) struct Marks {
    topics: [Known; TOPICS],
    end: bool,
}

impl Marks {
    pub(super) fn new() -> Self {
        Self { topics: [const { Known::Nothing }; TOPICS], end: false }
    }

    /// Retains something new, or clears what is there.
    pub(super) fn step(&mut self, server: u16, chance: &mut Chance) {
        self.end = self.end || probes::retain(server, END, b"end", PATIENCE) == Some(true);
        let topic = chance.between(0, TOPICS as u64) as usize;
        let payload = match self.topics[topic] {
            Known::Nothing => chance.number().to_string().into_bytes(),
            Known::Retained(_) | Known::Either => Vec::new(),
        };
        let answer = probes::retain(server, &name(topic), &payload, PATIENCE);
        self.topics[topic] = match answer {
            Some(true) if payload.is_empty() => Known::Nothing,
            Some(true) => Known::Retained(payload),
            Some(false) => return,
            None => Known::Either,
        };
    }

    /// Compares with what a restarted server retains.
    pub(super) fn check(&mut self, server: u16, world: &World) {
        let kept = self.topics.iter().enumerate().filter(|(_, known)| matches!(known, Known::Retained(_)));
        let certain: Vec<String> = kept.map(|(topic, _)| name(topic)).chain(self.end.then(|| END.into())).collect();
        let found = probes::retained(server, "mark/+", &certain);
        if self.end && !found.contains_key(END) {
            world.fault(Fault::Lost, &format!("{END} retains nothing"));
        }
        for (topic, known) in self.topics.iter_mut().enumerate() {
            let name = name(topic);
            let now = found.get(&name).cloned().map_or(Known::Nothing, Known::Retained);
            match (&*known, &now) {
                (Known::Either, _) => {}
                (Known::Retained(_), Known::Nothing) => world.fault(Fault::Lost, &format!("{name} retains nothing")),
                (known, now) if *known == *now => {}
                (Known::Nothing, _) => world.fault(Fault::Wrong, &format!("{name} was cleared, and is back")),
                _ => world.fault(Fault::Lost, &format!("{name} retains another message than the last one")),
            }
            *known = now;
        }
    }
}

fn name(topic: usize) -> String {
    format!("mark/{topic}")
}
