//! Which statements of the two MQTT specifications are implemented, tested, or excepted, and where.
//!
//! The statements are data (`spec/*.tsv`), the evidence is what the code cites: `[MQTT-x.y.z-n]` for 5.0 and
//! `3.1.1: [MQTT-x.y.z-n]` for 3.1.1, in a source, a test or a story. Nobody keeps a second list that could disagree.
//! Knows nothing of what a statement means, nor whether a test that cites it is any good: that is for its reader.
//! Invariant: every server-side statement is tested or excepted with a reason, never both, and no citation is made up.

mod citation;
mod page;
mod statement;

use std::{collections::BTreeMap, fs, path::Path};

use citation::{Citation, Place};
use statement::{Statement, Version};

const PAGE: &str = "docs/mqtt-conformance.md";

/// Prints every statement with its evidence, and the totals.
///
/// # Errors
/// All that breaks the invariant, one line each.
pub(crate) fn print(root: &Path) -> Result<(), String> {
    let coverage = Coverage::of(root)?;
    print!("{}", page::lines(&coverage));
    coverage.verdict()
}

/// Writes the same as a page of the documentation.
pub(crate) fn write(root: &Path) -> Result<(), String> {
    let coverage = Coverage::of(root)?;
    let path = root.join(PAGE);
    fs::write(&path, page::markdown(&coverage)).map_err(|error| format!("{}: {error}", path.display()))?;
    coverage.verdict()
}

/// The statements of both versions with what cites them.
struct Coverage {
    chapters: Vec<(Version, Vec<Covered>)>,
    /// What cites a statement that does not exist.
    made_up: Vec<Citation>,
}

/// One statement with its evidence.
struct Covered {
    statement: Statement,
    /// Files, without the repeats.
    implemented: Vec<String>,
    tested: Vec<String>,
}

/// What is to be said of a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// A test cites it.
    Tested,
    /// The data file says why not.
    Excepted,
    /// The client's business, and no test cites it.
    Client,
    /// Ours, and nothing to show for it.
    Open,
    /// Excepted, and yet tested: one of the two is wrong.
    Contradicted,
}

impl Covered {
    fn standing(&self) -> Standing {
        match (self.tested.is_empty(), self.statement.exception.is_some()) {
            (false, false) => Standing::Tested,
            (false, true) => Standing::Contradicted,
            (true, true) => Standing::Excepted,
            (true, false) if self.statement.is_servers() => Standing::Open,
            (true, false) => Standing::Client,
        }
    }
}

impl Coverage {
    fn of(root: &Path) -> Result<Self, String> {
        let mut cited: BTreeMap<(Version, String), Vec<Citation>> = BTreeMap::new();
        for citation in citation::all(root)? {
            cited.entry((citation.version, citation.id.clone())).or_default().push(citation);
        }
        let mut chapters = Vec::new();
        for version in [Version::V5, Version::V311] {
            let covered = statement::of(version)?.into_iter().map(|statement| {
                let citations = cited.remove(&(version, statement.id.clone())).unwrap_or_default();
                let files = |place| {
                    let mut files: Vec<String> = citations
                        .iter()
                        .filter(|citation| citation.place == place)
                        .map(|citation| citation.file.clone())
                        .collect();
                    files.dedup();
                    files
                };
                Covered { implemented: files(Place::Source), tested: files(Place::Test), statement }
            });
            chapters.push((version, covered.collect()));
        }
        Ok(Coverage { chapters, made_up: cited.into_values().flatten().collect() })
    }

    /// Everything that is wrong, one line each.
    fn verdict(&self) -> Result<(), String> {
        let made_up = self.made_up.iter().map(|citation| format!("{citation}: there is no such statement"));
        let wrong = self.chapters.iter().flat_map(|(version, covered)| {
            covered.iter().filter_map(move |covered| {
                let wrong = match covered.standing() {
                    Standing::Open => "is neither tested nor excepted",
                    Standing::Contradicted => "is tested and excepted: drop the exception",
                    Standing::Tested | Standing::Excepted | Standing::Client => return None,
                };
                Some(format!("{version} {} {wrong}: {}", covered.statement.id, covered.statement.what))
            })
        });
        let wrong: Vec<String> = made_up.chain(wrong).collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_side_statement_is_tested_or_excepted_and_no_citation_is_made_up() {
        assert_eq!(Coverage::of(&crate::root()).and_then(|coverage| coverage.verdict()), Ok(()));
    }
}
