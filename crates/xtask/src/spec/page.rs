//! What is known of the statements, as lines for a terminal and as a page of the documentation.
//!
//! Invariant: both say the same; files are named without lines, so that the page does not change with every edit.

use std::fmt::Write;

use super::{Coverage, Covered, Standing, statement::Version};

const CHOICES: &str = include_str!("../../spec/choices.md");

/// One line per statement, and the totals.
pub(super) fn lines(coverage: &Coverage) -> String {
    let mut text = String::new();
    for (version, covered) in &coverage.chapters {
        for it in covered {
            let (id, who) = (&it.statement.id, it.statement.who);
            let line = [(&it.implemented, "implemented"), (&it.tested, "tested")];
            let line = line.iter().filter(|(files, _)| !files.is_empty());
            let mut line: Vec<String> = line.map(|(files, word)| format!("{word} {}", files.join(" "))).collect();
            line.extend(it.statement.exception.iter().map(|reason| format!("excepted: {reason}")));
            line.extend((it.standing() == Standing::Open).then(|| "OPEN".to_owned()));
            writeln!(text, "{version} {id} ({who}) {}", line.join("; ")).expect("a String takes all");
        }
    }
    for (version, covered) in &coverage.chapters {
        writeln!(text, "{}", totals(*version, covered)).expect("a String takes all");
    }
    text
}

fn totals(version: Version, covered: &[Covered]) -> String {
    let servers = covered.iter().filter(|it| it.statement.is_servers());
    let count = |standing| servers.clone().filter(|it| it.standing() == standing).count();
    let clients = covered.iter().filter(|it| !it.statement.is_servers());
    format!(
        "MQTT {version}: {} statements; of {} for a server {} tested, {} excepted, {} open; of {} for clients {} are \
         enforced and tested",
        covered.len(),
        servers.clone().count(),
        count(Standing::Tested),
        count(Standing::Excepted),
        count(Standing::Open) + count(Standing::Contradicted),
        clients.clone().count(),
        clients.filter(|it| !it.tested.is_empty()).count(),
    )
}

/// The page.
pub(super) fn markdown(coverage: &Coverage) -> String {
    let mut text = CHOICES.to_owned();
    for (version, covered) in &coverage.chapters {
        writeln!(text, "\n## MQTT {version}, statement by statement\n\n{}.", totals(*version, covered))
            .expect("a String takes all");
        let mut chapter = "";
        for it in covered {
            if it.statement.chapter() != chapter {
                chapter = it.statement.chapter();
                writeln!(
                    text,
                    "\n### Chapter {chapter}\n\n| id | who | what | implemented | tested |\n|---|---|---|---|---|"
                )
                .expect("a String takes all");
            }
            let tested = match &it.statement.exception {
                Some(reason) => format!("excepted: {reason}"),
                None => names(&it.tested),
            };
            let id = &it.statement.id["MQTT-".len()..];
            let (who, what) = (it.statement.who, it.statement.what.replace('|', "\\|"));
            writeln!(text, "| {id} | {who} | {what} | {} | {tested} |", names(&it.implemented))
                .expect("a String takes all");
        }
    }
    text
}

/// Files by their names under `crates/`: `mqtt/src/error.rs`.
fn names(files: &[String]) -> String {
    let short = files.iter().map(|file| format!("`{}`", file.strip_prefix("crates/").unwrap_or(file)));
    short.collect::<Vec<_>>().join(" ")
}
