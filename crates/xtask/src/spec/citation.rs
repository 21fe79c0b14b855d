//! Citations: where the code names a statement.
//!
//! `[MQTT-x.y.z-n]` is MQTT 5.0's. Behind `3.1.1:` it is MQTT 3.1.1's, and so are those that follow it with nothing but
//! spaces, commas and back quotes between. A citation in a test, a story or behind `#[cfg(test)]` is evidence that
//! something is tested, any other that it is implemented.
//! Invariant: a line that cannot be read is an error, not a gap.

use std::{fmt, path::Path};

use super::statement::Version;
use crate::sources;

/// One place that names a statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Citation {
    /// From the repository's root.
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) version: Version,
    pub(super) id: String,
    pub(super) place: Place,
}

/// What a citation is evidence of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Source,
    Test,
}

impl fmt::Display for Citation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} [{}]", self.file, self.line, self.version, self.id)
    }
}

/// Every citation under the repository's root, in the order of files and lines.
pub(super) fn all(root: &Path) -> Result<Vec<Citation>, String> {
    let mut citations = Vec::new();
    for (file, text) in sources::all(root)? {
        citations.extend(in_file(&file, &text));
    }
    citations.sort();
    Ok(citations)
}

fn in_file(file: &str, text: &str) -> Vec<Citation> {
    let mut place = if sources::is_test(file) { Place::Test } else { Place::Source };
    let mut citations = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("#[cfg(test)]") {
            place = Place::Test;
        }
        citations.extend(in_line(line).into_iter().map(|(version, id)| Citation {
            file: file.into(),
            line: number + 1,
            version,
            id,
            place,
        }));
    }
    citations
}

fn in_line(line: &str) -> Vec<(Version, String)> {
    let is_between = |c: char| [' ', ',', '`'].contains(&c);
    let mut found = Vec::new();
    let mut version = Version::V5;
    let mut rest = line;
    while let Some(at) = rest.find("[MQTT-") {
        let before = rest[..at].trim_end_matches(is_between);
        if before.ends_with("3.1.1:") {
            version = Version::V311;
        } else if !before.is_empty() {
            version = Version::V5;
        }
        let Some((cited, behind)) = rest[at + 1..].split_once(']') else { break };
        // `[MQTT-3.2.2-…]` speaks of many; what else is no id is somebody's slip, and will not be found in the list.
        if !cited.ends_with('…') {
            found.push((version, cited.into()));
        }
        rest = behind;
    }
    found
}

/// `MQTT-x.y.z-n`; 3.1.1 spells one of its ids with a hyphen for the first point.
pub(super) fn is_id(text: &str) -> bool {
    let Some(numbers) = text.strip_prefix("MQTT-") else { return false };
    let parts: Vec<&str> = numbers.split(['.', '-']).collect();
    parts.len() == 4 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cited(line: &str) -> String {
        let cited = in_line(line).into_iter().map(|(version, id)| format!("{version} {}", &id["MQTT-".len()..]));
        cited.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_citation_is_5_0s_unless_it_follows_3_1_1() {
        assert_eq!(cited("/// Never zero `[MQTT-2.2.1-3]`, [MQTT-2.2.1-4]."), "5.0 2.2.1-3, 5.0 2.2.1-4");
        assert_eq!(cited("== Kept (3.1.1: [MQTT-3.1.2-4] [MQTT-3.1.2-6])"), "3.1.1 3.1.2-4, 3.1.1 3.1.2-6");
        assert_eq!(cited("`[MQTT-1.5.4-1]`, 3.1.1: `[MQTT-1.5.3-1]`, `[MQTT-1.5.3-2]`; [MQTT-1.5.4-2]"), {
            "5.0 1.5.4-1, 3.1.1 1.5.3-1, 3.1.1 1.5.3-2, 5.0 1.5.4-2"
        });
        assert_eq!(cited("`[MQTT-3.2.2-…]` names many, [MQTT-3.2.2-12 is not closed"), "");
    }

    #[test]
    fn what_stands_behind_cfg_test_is_a_test() {
        let text = "// [MQTT-1.5.4-1]\n#[cfg(test)]\nmod tests { // [MQTT-1.5.4-2]";
        let place = |file| in_file(file, text).into_iter().map(|citation| citation.place).collect::<Vec<_>>();
        assert_eq!(place("crates/mqtt/src/wire.rs"), [Place::Source, Place::Test]);
        assert_eq!(place("crates/mqtt/tests/hostile.rs"), [Place::Test, Place::Test]);
        assert_eq!(place("interop/test_broker.py"), [Place::Test, Place::Test]);
    }
}
