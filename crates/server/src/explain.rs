//! `factree place`: which rule puts a topic where, and why the others do not, for a person at a terminal.
//!
//! Reads the configuration and nothing else, so rules can be tried before they meet a plant.

use std::fmt::Write;

use factree_ingest::{Explanation, Governance, GoverningRule, PlacedBy, Placement, RuleSource, Subject};

/// The explanation as lines of text.
pub fn render(placement: &Placement, governance: &Governance, explanation: &Explanation) -> String {
    let mut text = String::new();
    lines(&mut text, placement, explanation).expect("a String takes everything");
    rules(&mut text, governance, explanation).expect("a String takes everything");
    text
}

/// What may be published there.
fn rules(out: &mut String, governance: &Governance, it: &Explanation) -> std::fmt::Result {
    let Some(path) = &it.path else { return Ok(()) };
    for (place, rule) in governance.about(path).enumerate() {
        if place == 0 {
            writeln!(out)?;
        }
        let GoverningRule { source, name, text, is_enforced } = rule;
        match source {
            RuleSource::Rule(number) => {
                writeln!(out, "[[namespace.rule]] rule {} {}: {text}", number + 1, quoted(name))?;
            }
            RuleSource::Type(name) => writeln!(out, "[[namespace.type]] {}: {text}", quoted(name))?,
            RuleSource::Element(path) => writeln!(out, "[[namespace.element]] {}: {text}", quoted(path))?,
        }
        writeln!(out, "  {}", verdict(is_enforced, it.is_sparkplug()))?;
    }
    Ok(())
}

/// What becomes of what breaks a rule.
fn verdict(is_enforced: bool, is_sparkplug: bool) -> &'static str {
    match (is_enforced, is_sparkplug) {
        (false, _) => "what breaks it is reported",
        (true, false) => "what breaks it is refused",
        (true, true) => "what breaks it is reported: a message of Sparkplug is never refused",
    }
}

fn lines(out: &mut String, placement: &Placement, it: &Explanation) -> std::fmt::Result {
    match &it.subject {
        Subject::Sparkplug { group, edge_node, device, metric } => {
            writeln!(out, "group      {}", quoted(group))?;
            writeln!(out, "edge node  {}", quoted(edge_node))?;
            for (what, id) in [("device     ", device), ("metric     ", metric)] {
                if let Some(id) = id {
                    writeln!(out, "{what}{}", quoted(id))?;
                }
            }
        }
        Subject::Topic { topic, field } => {
            writeln!(out, "topic      {}", quoted(topic))?;
            if let Some(field) = field {
                writeln!(out, "field      {}", quoted(field))?;
            }
        }
    }
    writeln!(out)?;
    let list = if it.is_sparkplug() { "[[namespace.sparkplug]]" } else { "[[namespace.topics]]" };
    for tried in &it.tried {
        match tried.rule {
            Some(rule) => {
                writeln!(out, "{list} rule {}: {}", rule + 1, placement.rule_text(it.is_sparkplug(), rule))?;
                match &tried.outcome {
                    Ok(()) => writeln!(out, "  matches")?,
                    Err(why) => writeln!(out, "  does not match: {why}")?,
                }
            }
            None => match &tried.outcome {
                Ok(()) => {}
                Err(why) => writeln!(out, "by default: {why}")?,
            },
        }
    }
    match it.place.as_ref().map(|place| place.by) {
        Some(PlacedBy::Default) => writeln!(out, "no {list}: the default places it")?,
        Some(PlacedBy::Rule(_)) => {}
        Some(PlacedBy::Nothing) => writeln!(out, "no rule places it, so it stands under _unplaced")?,
        None if it.tried.is_empty() => writeln!(out, "no plain topic is in the tree: `topics` is empty")?,
        None => writeln!(out, "it is not in the tree: plain MQTT and nothing else")?,
    }
    let (Some(place), Some(path)) = (&it.place, &it.path) else { return Ok(()) };
    writeln!(out, "\n{}", quoted(path))?;
    let width = place.steps.iter().map(|step| quoted(&step.name).chars().count()).max().unwrap_or_default();
    for step in &place.steps {
        let level = step.level.map_or("", |level| level.as_str());
        let kind = step.kind.map(|kind| format!(" ({})", kind.as_str())).unwrap_or_default();
        let line = format!("  {:width$}  {level}{kind}", quoted(&step.name));
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// A name as it is, or in quotes with escapes where a terminal or an eye would not tell what it is.
fn quoted(name: &str) -> String {
    let is_plain = !name.is_empty()
        && name.trim() == name
        && !name.contains("  ")
        && !name.chars().any(|char| char.is_control() || matches!(char, '"' | '\\') || is_invisible(char));
    if is_plain { name.to_owned() } else { format!("{name:?}") }
}

/// What turns the direction of text, or joins it without a trace.
fn is_invisible(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_quoted() {
        for (name, shown) in [
            ("Robot3", "Robot3"),
            ("My Line/°C", "My Line/°C"),
            ("", "\"\""),
            (" x", "\" x\""),
            ("a\u{1b}[31mb", "\"a\\u{1b}[31mb\""),
            ("a\"b", "\"a\\\"b\""),
            ("a\u{202e}b", "\"a\\u{202e}b\""),
        ] {
            assert_eq!(quoted(name), shown);
        }
    }
}
