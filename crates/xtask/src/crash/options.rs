//! What the command line says.

use std::env;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

const USAGE: &str = "\
usage: cargo xtask crash [--kind kill|power|full|restart|all] [--cycles N] [--seed S]
                         [--durability power|process|memory] [--directory DIR] [--sabotage]

  kill      kill -9 under load, during recovery, twice in a row (the default)
  power     power cuts: ext4 forgets what was not synced; needs root
  full      the disk fills up, and has room again; needs root
  restart   measures how long a restart takes with 100,000 retained messages and 10,000 kept sessions
  --sabotage cuts the end off the journal after each kill: the harness must then find losses";

/// What happens to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Kill,
    Power,
    Full,
    Restart,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Power => "power",
            Self::Full => "full",
            Self::Restart => "restart",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Options {
    /// `None`: all of them.
    kind: Option<Kind>,
    pub(super) cycles: u32,
    pub(super) seed: u64,
    pub(super) durability: String,
    pub(super) sabotage: bool,
    pub(super) directory: PathBuf,
}

impl Options {
    pub(super) fn parse(arguments: &[&str]) -> Result<Self, String> {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut options = Options {
            kind: Some(Kind::Kill),
            cycles: 20,
            seed: since_epoch.as_millis() as u64 % 1_000_000,
            durability: "power".into(),
            sabotage: false,
            directory: env::temp_dir(),
        };
        let mut arguments = arguments.iter();
        while let Some(name) = arguments.next() {
            if *name == "--sabotage" {
                options.sabotage = true;
                continue;
            }
            let value = *arguments.next().ok_or(USAGE)?;
            let number = || value.parse::<u64>().map_err(|_| format!("{name} {value}: not a number\n{USAGE}"));
            match *name {
                "--kind" => options.kind = kind(value)?,
                "--cycles" => options.cycles = number()?.try_into().map_err(|_| USAGE)?,
                "--seed" => options.seed = number()?,
                "--durability" => options.durability = value.into(),
                "--directory" => options.directory = value.into(),
                _ => return Err(USAGE.into()),
            }
        }
        Ok(options)
    }

    pub(super) fn kinds(&self) -> Vec<Kind> {
        self.kind.map_or_else(|| vec![Kind::Kill, Kind::Power, Kind::Full, Kind::Restart], |kind| vec![kind])
    }
}

fn kind(name: &str) -> Result<Option<Kind>, String> {
    match name {
        "kill" => Ok(Some(Kind::Kill)),
        "power" => Ok(Some(Kind::Power)),
        "full" => Ok(Some(Kind::Full)),
        "restart" => Ok(Some(Kind::Restart)),
        "all" => Ok(None),
        _ => Err(USAGE.into()),
    }
}
