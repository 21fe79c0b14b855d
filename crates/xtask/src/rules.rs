//! Which of Sparkplug's rules are detected, kept and tested, and where.
//!
//! The rules are the catalogue that ships ([`factree_sparkplug::catalogue`]); the evidence is the names of tests: an
//! assertion `tck-id-payloads-nbirth-qos` is tested by what is called `tck_id_payloads_nbirth_qos`, or says so in a comment; text
//! in quotes is what a test expects to find of others. What Factree keeps itself is named where it does. Nobody keeps a second
//! list that could disagree, but for the few that nothing can show (`spec/sparkplug-3.0.tsv`).
//! Invariant: every rule that is said to be detected has a test of its name, every rule that binds Factree has one of Factree or is
//! excepted with a reason, and no test names a rule that does not exist.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use factree_sparkplug::{Detection, Rule, catalogue};

use crate::sources;

const PAGE: &str = "docs/sparkplug-conformance.md";

/// Identifier and why nothing here tests it, of rules that bind Factree.
const EXCEPTED: &str = include_str!("../spec/sparkplug-3.0.tsv");

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
    /// Where Factree keeps one itself.
    kept: Files,
    /// Tests that Factree does.
    shown: Files,
    /// Why nothing shows it.
    excepted: BTreeMap<String, &'static str>,
}

/// Where rules are named because others may break them.
const JUDGES: [&str; 4] =
    ["sparkplug/src/rule", "sparkplug/src/judge", "sparkplug/src/host/finding.rs", "sparkplug/tests/judge/"];

fn name_of(tck_id: &str) -> String {
    tck_id.replace('-', "_").to_lowercase()
}

/// The names of all rules.
fn rules() -> BTreeSet<String> {
    catalogue().iter().map(|rule| name_of(rule.tck_id)).collect()
}

impl Evidence {
    fn of(root: &Path) -> Result<Self, String> {
        let rules = rules();
        let mut evidence = Self { excepted: excepted()?, ..Self::default() };
        for (file, text) in sources::all(root)? {
            let file = file.trim_start_matches("crates/");
            let is_judges = JUDGES.iter().any(|judges| file.starts_with(judges));
            let is_test = sources::is_test(file);
            let (source, test) = match text.split_once("\n#[cfg(test)]\nmod tests {") {
                _ if is_test => ("", text.as_str()),
                Some((source, test)) => (source, test),
                None => (text.as_str(), ""),
            };
            let mut take = |into: fn(&mut Self) -> &mut Files, names: Vec<String>| {
                for name in names {
                    into(&mut evidence).entry(name).or_default().insert(file.to_owned());
                }
            };
            match is_judges {
                true if is_test => take(|evidence| &mut evidence.found, names(&text)),
                true => {}
                false => {
                    take(|evidence| &mut evidence.kept, names(source));
                    take(|evidence| &mut evidence.shown, names(&unquoted(test)));
                    // What is found of limits is told where they are, not by the judges.
                    let ours =
                        names(test).into_iter().filter(|name| name.starts_with("factree_") && rules.contains(name));
                    take(|evidence| &mut evidence.found, ours.collect());
                }
            }
        }
        Ok(evidence)
    }
}

/// Rules with the reason why nothing tests them.
fn excepted() -> Result<BTreeMap<String, &'static str>, String> {
    let lines = EXCEPTED.lines().filter(|line| !line.starts_with('#'));
    let line = |line: &'static str| {
        let (id, why) = line.split_once('\t').ok_or_else(|| format!("no identifier and reason: {line}"))?;
        Ok((name_of(id), why))
    };
    lines.map(line).collect()
}

/// A text without what stands between quotes in a line.
fn unquoted(text: &str) -> String {
    let line = |line: &str| line.split('"').step_by(2).collect::<Vec<_>>().join("\"");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// How names of rules begin.
const NAMES: [&str; 3] = ["tck_id_", "factree_", "non_testable_"];

/// The rules that a text names, as tests do.
fn names(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && !['_', '-'].contains(&letter));
    let names = words.map(|word| word.trim_end_matches('-').replace('-', "_").to_lowercase());
    names.filter(|name| NAMES.iter().any(|start| name.starts_with(start))).collect()
}

impl Evidence {
    /// What is missing for a rule that binds Factree.
    fn gap(&self, rule: &Rule) -> Option<String> {
        let name = name_of(rule.tck_id);
        match (self.shown.contains_key(&name), self.excepted.contains_key(&name)) {
            (true, false) | (false, true) => None,
            (false, false) => Some(format!("{} binds Factree, and no test of Factree names it", rule.tck_id)),
            (true, true) => Some(format!("{} is tested and excepted: drop the exception", rule.tck_id)),
        }
    }
}

/// Everything that is wrong, one line each.
fn verdict(evidence: &Evidence) -> Result<(), String> {
    let rules = rules();
    let named = evidence.found.iter().chain(&evidence.shown);
    let made_up = named.filter(|(name, _)| name.starts_with("tck_id_") && !rules.contains(*name));
    let made_up = made_up.map(|(name, files)| format!("{name} in {files:?}: there is no such rule"));
    let untested = catalogue().iter().filter(|rule| {
        let is_said = matches!(rule.detection, Detection::Anywhere | Detection::AsBroker | Detection::SameAs(_));
        is_said && !evidence.found.contains_key(&name_of(rule.tck_id))
    });
    let untested = untested.map(|rule| format!("{} is said to be detected, and no test is called so", rule.tck_id));
    let of_ours = catalogue().iter().filter(|rule| rule.is_ours).filter_map(|rule| evidence.gap(rule));
    let of_nobody = evidence
        .excepted
        .keys()
        .filter(|name| !catalogue().iter().any(|rule| rule.is_ours && name_of(rule.tck_id) == **name));
    let of_nobody = of_nobody.map(|name| format!("{name} is excepted, and no rule of ours"));
    let wrong: Vec<String> = made_up.chain(untested).chain(of_ours).chain(of_nobody).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn page(evidence: &Evidence) -> String {
    let mut text = String::from(HEAD);
    let count = |is_so: &dyn Fn(&Rule) -> bool| catalogue().iter().filter(|rule| is_so(rule)).count();
    let assertions = count(&|rule| rule.tck_id.starts_with("tck-id-") || rule.tck_id.starts_with("non-testable"));
    let line = format!(
        "{assertions} assertions and {} rules of our own. A breach by others is a finding under {} of them, {} of these only \
         where we are the broker; {} are found under another that says the same, {} cannot be seen, {} only permit. {} bind \
         Factree itself: {} have a test that it does; excepted with a reason: {}.\n",
        catalogue().len() - assertions,
        count(&|rule| rule.detection.is_finding()),
        count(&|rule| rule.detection == Detection::AsBroker),
        count(&|rule| matches!(rule.detection, Detection::SameAs(_))),
        count(&|rule| matches!(rule.detection, Detection::Unseen(_))),
        count(&|rule| rule.detection == Detection::Permitted),
        count(&|rule| rule.is_ours),
        count(&|rule| rule.is_ours && evidence.shown.contains_key(&name_of(rule.tck_id))),
        evidence.excepted.len(),
    );
    text.push_str(&line);
    text.push_str("\n| rule | keyword | binds | shows in | what it asks for | a breach by others | tests of that | where Factree keeps it | tests that it does |\n|---|---|---|---|---|---|---|---|---|\n");
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
            let files = of.get(&name_of(rule.tck_id)).into_iter().flatten().map(|file| format!("`{file}`"));
            files.collect::<Vec<_>>().join(" ")
        };
        let (level, seen_in) = (rule.level.as_str(), rule.seen_in.as_str());
        let tests = files(&evidence.found);
        let (kept, shown) = match (rule.is_ours, evidence.excepted.get(&name_of(rule.tck_id))) {
            (false, _) => (String::new(), String::new()),
            (true, Some(why)) => (files(&evidence.kept), format!("excepted: {why}")),
            (true, None) => (files(&evidence.kept), files(&evidence.shown)),
        };
        writeln!(
            text,
            "| {id} | {level} | {about} | {seen_in} | {} | {breach} | {tests} | {kept} | {shown} |",
            rule.text
        )
        .expect("a String takes all");
    }
    text
}

const HEAD: &str = "\
# Sparkplug 3.0: what Factree asks of others, and what it keeps itself

Written by `cargo xtask spec --write` from the catalogue (`crates/sparkplug/src/rule/`) and the names of tests; do not edit.
Each row is an assertion of the specification by its identifier (`tck-id-…`), in words of our own, or a rule of ours
(`factree-…`). `cargo xtask spec` fails if a breach is said to be found and no test is named after the rule, if a rule binds
Factree and no test of Factree names it, unless it is excepted with a reason (`crates/xtask/spec/sparkplug-3.0.tsv`), or if a
test names a rule that does not exist.

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
        let text = "assert_eq!(found, [\"tck-id-payloads-x\"]); // tck-id-payloads-y";
        assert_eq!(names(&unquoted(text)), ["tck_id_payloads_y"], "what a test finds of others says nothing of us");
    }

    #[test]
    fn a_rule_of_ours_is_tested_or_excepted_and_never_both() {
        let rule = catalogue().iter().find(|rule| rule.is_ours).expect("some bind Factree");
        let gap = |is_shown: bool, is_excepted: bool| {
            let mut evidence = Evidence::default();
            let name = name_of(rule.tck_id);
            is_shown.then(|| evidence.shown.insert(name.clone(), BTreeSet::new()));
            is_excepted.then(|| evidence.excepted.insert(name, "why"));
            evidence.gap(rule).is_some()
        };
        assert_eq!(
            [gap(true, false), gap(false, true), gap(false, false), gap(true, true)],
            [false, false, true, true]
        );
    }
}
