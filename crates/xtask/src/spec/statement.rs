//! The statements themselves, from the data files.
//!
//! Invariant: as many as the appendix of each specification lists, each once.

use std::{collections::HashSet, fmt};

const MQTT_5_0: &str = include_str!("../../spec/mqtt-5.0.tsv");
const MQTT_3_1_1: &str = include_str!("../../spec/mqtt-3.1.1.tsv");

/// One of the two specifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    V5,
    V311,
}

impl Version {
    fn data(self) -> &'static str {
        match self {
            Version::V5 => MQTT_5_0,
            Version::V311 => MQTT_3_1_1,
        }
    }

    /// How many statements appendix B of the specification lists.
    fn statements(self) -> usize {
        match self {
            Version::V5 => 251,
            Version::V311 => 141,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Version::V5 => "5.0",
            Version::V311 => "3.1.1",
        })
    }
}

/// Who must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Server,
    Client,
    Both,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Who::Server => "server",
            Who::Client => "client",
            Who::Both => "both",
        })
    }
}

/// One numbered statement.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) id: String,
    pub(super) who: Who,
    pub(super) what: String,
    /// Why no test is asked for.
    pub(super) exception: Option<String>,
}

impl Statement {
    /// Whether a server has to keep to it.
    pub(super) fn is_servers(&self) -> bool {
        self.who != Who::Client
    }

    /// The chapter of the specification: `MQTT-3.1.2-8` is in 3. One id is spelled `MQTT-3-8.3-4` there.
    pub(super) fn chapter(&self) -> &str {
        self.id["MQTT-".len()..].split(['.', '-']).next().expect("a split has a first part")
    }
}

/// All statements of a specification, in its order.
pub(super) fn of(version: Version) -> Result<Vec<Statement>, String> {
    let lines = version.data().lines().filter(|line| !line.starts_with('#'));
    let statements = lines.map(|line| parse(line).map_err(|why| format!("{version}: {why} in {line:?}")));
    let statements: Vec<Statement> = statements.collect::<Result<_, _>>()?;
    let ids: HashSet<&str> = statements.iter().map(|statement| statement.id.as_str()).collect();
    if ids.len() != version.statements() || statements.len() != ids.len() {
        let (lines, ids, wanted) = (statements.len(), ids.len(), version.statements());
        return Err(format!("{version}: {lines} lines with {ids} ids, but appendix B lists {wanted} statements"));
    }
    Ok(statements)
}

fn parse(line: &str) -> Result<Statement, &'static str> {
    let mut columns = line.split('\t');
    let id = columns.next().filter(|id| super::citation::is_id(id)).ok_or("no id")?;
    let who = match columns.next() {
        Some("server") => Who::Server,
        Some("client") => Who::Client,
        Some("both") => Who::Both,
        _ => return Err("neither server nor client nor both"),
    };
    let what = columns.next().filter(|what| !what.is_empty()).ok_or("no words")?;
    let exception = columns.next().filter(|reason| !reason.is_empty());
    if exception.is_some() && who == Who::Client {
        return Err("a client's statement needs no exception");
    }
    if columns.next().is_some() {
        return Err("a fifth column");
    }
    Ok(Statement { id: id.into(), who, what: what.into(), exception: exception.map(Into::into) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lists_are_complete() {
        assert_eq!([Version::V5, Version::V311].map(|version| of(version).unwrap().len()), [251, 141]);
    }

    #[test]
    fn a_line_says_who_must_do_what_and_maybe_why_not() {
        let statement = parse("MQTT-3.1.0-2\tserver\tcloses\twe are shut").unwrap();
        assert_eq!((statement.id.as_str(), statement.who, statement.chapter()), ("MQTT-3.1.0-2", Who::Server, "3"));
        assert_eq!(statement.exception.as_deref(), Some("we are shut"));
        assert_eq!(parse("MQTT-3-8.3-4\tboth\tx").unwrap().chapter(), "3");
        for wrong in
            ["MQTT-3.1\tserver\tx", "MQTT-3.1.0-2\tbroker\tx", "MQTT-3.1.0-2\tserver", "MQTT-3.1.0-1\tclient\tx\ty"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
