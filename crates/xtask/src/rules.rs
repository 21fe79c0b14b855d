//! Which of Sparkplug's rules are detected, kept and tested, and where.
//!
//! The rules are the catalogue that ships ([`factree_sparkplug::catalogue`]); the evidence is the names of tests: an
//! assertion `tck-id-payloads-nbirth-qos` is tested by what is called `tck_id_payloads_nbirth_qos`. What Factree keeps itself is
//! named where it does. Nobody keeps a second list that could disagree.
//! Invariant: every rule that is said to be detected has a test of its name, and no test names a rule that does not exist.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use factree_sparkplug::{Detection, Rule, catalogue};

use crate::sources;

const PAGE: &str = "docs/sparkplug-conformance.md";

/// Prints the page.
///
/// # Errors
/// All that breaks the invariant, one line each.
pub(crate) fn print(root: &Path) -> Result<(), String> {
    let evidence = Evidence::of(root)?;
    print!("{}", page(&evidence));
    verdict(&evidence)
}

/// Writes the page.
pub(crate) fn write(root: &Path) -> Result<(), String> {
    let evidence = Evidence::of(root)?;
    let path = root.join(PAGE);
    fs::write(&path, page(&evidence)).map_err(|error| format!("{}: {error}", path.display()))?;
    verdict(&evidence)
}

/// Files, by the name a test of a rule has.
type Files = BTreeMap<String, BTreeSet<String>>;

/// What there is to show for the rules.
#[derive(Default)]
struct Evidence {
    /// Tests of what is found when others break a rule.
    found: Files,
    /// Where else a rule is named: where Factree keeps it, and the tests of that.
    kept: Files,
}

/// Where rules are named because others may break them.
const JUDGES: [&str; 4] =
    ["sparkplug/src/rule", "sparkplug/src/judge", "sparkplug/src/host/finding.rs", "sparkplug/tests/judge/"];

fn name_of(rule: &Rule) -> String {
    rule.tck_id.replace('-', "_").to_lowercase()
}

impl Evidence {
    fn of(root: &Path) -> Result<Self, String> {
        let mut evidence = Self::default();
        for (file, text) in sources::all(root)? {
            let file = file.trim_start_matches("crates/");
            let into = match JUDGES.iter().any(|judges| file.starts_with(judges)) {
                true if !file.contains("/tests/") => continue,
                true => &mut evidence.found,
                false => &mut evidence.kept,
            };
            for name in names(&text) {
                into.entry(name).or_default().insert(file.to_owned());
            }
        }
        Ok(evidence)
    }
}

/// The rules that a text names, as tests do.
fn names(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && !['_', '-'].contains(&letter));
    let names = words.map(|word| word.trim_end_matches('-').replace('-', "_").to_lowercase());
    names.filter(|name| name.starts_with("tck_id_") || name.starts_with("factree_")).collect()
}

/// Everything that is wrong, one line each.
fn verdict(evidence: &Evidence) -> Result<(), String> {
    let rules: BTreeSet<String> = catalogue().iter().map(name_of).collect();
    let made_up = evidence.found.iter().filter(|(name, _)| name.starts_with("tck_id_") && !rules.contains(*name));
    let made_up = made_up.map(|(name, files)| format!("{name} in {files:?}: there is no such rule"));
    let untested = catalogue().iter().filter(|rule| {
        let is_said = matches!(rule.detection, Detection::Anywhere | Detection::AsBroker | Detection::SameAs(_));
        is_said && rule.tck_id.starts_with("tck-id-") && !evidence.found.contains_key(&name_of(rule))
    });
    let untested = untested.map(|rule| format!("{} is said to be detected, and no test is called so", rule.tck_id));
    let wrong: Vec<String> = made_up.chain(untested).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn page(evidence: &Evidence) -> String {
    let mut text = String::from(HEAD);
    let count = |is_so: &dyn Fn(&Rule) -> bool| catalogue().iter().filter(|rule| is_so(rule)).count();
    let assertions = count(&|rule| rule.tck_id.starts_with("tck-id-") || rule.tck_id.starts_with("non-testable"));
    let line = format!(
        "{assertions} assertions and {} rules of our own. A breach by others is a finding under {} of them, {} of these only \
         where we are the broker; {} are found under another that says the same, {} cannot be seen, {} only permit. {} bind \
         Factree itself; {} of those are named where Factree keeps them, or in tests of that.\n",
        catalogue().len() - assertions,
        count(&|rule| rule.detection.is_finding()),
        count(&|rule| rule.detection == Detection::AsBroker),
        count(&|rule| matches!(rule.detection, Detection::SameAs(_))),
        count(&|rule| matches!(rule.detection, Detection::Unseen(_))),
        count(&|rule| rule.detection == Detection::Permitted),
        count(&|rule| rule.is_ours),
        count(&|rule| rule.is_ours && evidence.kept.contains_key(&name_of(rule))),
    );
    text.push_str(&line);
    text.push_str("\n| rule | keyword | binds | shows in | what it asks for | a breach by others | tests of that | Factree's own |\n|---|---|---|---|---|---|---|---|\n");
    for rule in catalogue() {
        let id = rule.tck_id.trim_start_matches("tck-id-");
        let about = if rule.is_ours { format!("{}; Factree", rule.about.as_str()) } else { rule.about.as_str().into() };
        let breach = match rule.detection {
            Detection::Anywhere => "found".to_owned(),
            Detection::AsBroker => "found, as the broker".to_owned(),
            Detection::SameAs(others) => {
                let others: Vec<&str> = others.iter().map(|id| id.trim_start_matches("tck-id-")).collect();
                format!("found as {}", others.join(", "))
            }
            Detection::Unseen(why) => format!("not seen: {why}"),
            Detection::Permitted => "none: a permission".to_owned(),
        };
        let files = |of: &Files| {
            let files = of.get(&name_of(rule)).into_iter().flatten().map(|file| format!("`{file}`"));
            files.collect::<Vec<_>>().join(" ")
        };
        let (level, seen_in) = (rule.level.as_str(), rule.seen_in.as_str());
        let (tests, kept) = (files(&evidence.found), if rule.is_ours { files(&evidence.kept) } else { String::new() });
        writeln!(text, "| {id} | {level} | {about} | {seen_in} | {} | {breach} | {tests} | {kept} |", rule.text)
            .expect("a String takes all");
    }
    text
}

const HEAD: &str = "\
# Sparkplug 3.0: what Factree asks of others, and what it keeps itself

Written by `cargo xtask spec --write` from the catalogue (`crates/sparkplug/src/rule/`) and the names of tests; do not edit.
Each row is an assertion of the specification by its identifier (`tck-id-…`), in words of our own, or a rule of ours
(`factree-…`). `cargo xtask spec` fails if a breach is said to be found and no test is named after the rule, or if a test
names a rule that does not exist.

Where real clients are right against the letter, nothing is found: a device may be born late if it is new, metrics of one
message may stand in any order in time, a command may say its datatype, and a will's bdSeq may skip numbers that were used on
connections we have not seen.

";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_that_is_detected_has_a_test_of_its_name_and_no_test_names_another() {
        assert_eq!(Evidence::of(&crate::root()).and_then(|evidence| verdict(&evidence)), Ok(()));
    }

    #[test]
    fn the_page_is_what_the_catalogue_and_the_tests_say() {
        let root = crate::root();
        let written = fs::read_to_string(root.join(PAGE)).expect("the page is checked in");
        let is_same = written == page(&Evidence::of(&root).expect("the files can be read"));
        assert!(is_same, "`cargo xtask spec --write` writes another {PAGE}");
    }

    #[test]
    fn a_rule_is_named_by_its_identifier_or_as_tests_are() {
        let text = "fn tck_id_payloads_x_y() {} // `tck-id-payloads-X`, and tck-id-topics-…";
        assert_eq!(names(text), ["tck_id_payloads_x_y", "tck_id_payloads_x", "tck_id_topics"]);
    }
}
