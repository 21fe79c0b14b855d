//! What a run found, for people.

use std::path::PathBuf;
use std::time::Duration;

use super::ledger::{Fault, Totals};
use super::options::Kind;

pub(super) struct Report {
    pub(super) kind: Kind,
    pub(super) durability: String,
    pub(super) seed: u64,
    pub(super) cycles: u32,
    pub(super) totals: Totals,
    /// From each start to the first CONNACK.
    pub(super) restarts: Vec<Duration>,
    pub(super) described: Vec<String>,
    /// Where everything is.
    pub(super) directory: PathBuf,
}

impl Report {
    pub(super) fn failed(&self) -> bool {
        self.totals.faults() > 0
    }

    /// The first offenders, and what to do about them.
    pub(super) fn story(&self) -> String {
        let Self { kind, durability, seed, cycles, directory, .. } = self;
        let more = self.totals.faults() - self.described.len() as u64;
        format!(
            "{}\n{}\nData directory, log and configuration: {}\n\
             Again: cargo xtask crash --kind {} --durability {durability} --cycles {cycles} --seed {seed}\n\
             (the choices come again; the moments at which threads meet a kill do not quite)",
            self.described.join("\n"),
            if more > 0 { format!("and {more} more") } else { String::new() },
            directory.display(),
            kind.name(),
        )
    }

    fn row(&self) -> [String; 13] {
        let mut restarts = self.restarts.clone();
        restarts.sort();
        let millis = |index: usize| restarts.get(index).map_or(0, Duration::as_millis);
        let totals = &self.totals;
        let faults = [Fault::Lost, Fault::Duplicated, Fault::Disordered, Fault::Wrong].map(|fault| totals.of(fault));
        [
            self.kind.name().into(),
            self.durability.clone(),
            self.cycles.to_string(),
            totals.acknowledged.to_string(),
            totals.wills.to_string(),
            totals.refused.to_string(),
            faults[0].to_string(),
            faults[1].to_string(),
            (faults[2] + faults[3]).to_string(),
            totals.redelivered.to_string(),
            format!("{}+{}", totals.retained, totals.audits),
            format!("{}/{}", millis(restarts.len() / 2), millis(restarts.len().saturating_sub(1))),
            self.seed.to_string(),
        ]
    }
}

const HEAD: [&str; 13] = [
    "kind",
    "durability",
    "cycles",
    "acknowledged",
    "of it wills",
    "refused",
    "LOST",
    "DUPLICATED",
    "WRONG",
    "redelivered (QoS 1)",
    "looks (retained+subscriptions)",
    "ready ms (p50/max)",
    "seed",
];

/// All of them, a column each.
pub(super) fn table(reports: &[Report]) -> String {
    let rows: Vec<_> = reports.iter().map(Report::row).collect();
    let lines = HEAD.iter().enumerate().map(|(index, head)| {
        let cells: String = rows.iter().map(|row| format!("{:>16}", row[index])).collect();
        format!("{head:<32}{cells}")
    });
    lines.collect::<Vec<_>>().join("\n")
}
