//! The report as people read it: one paragraph for each Edge Node, the worst first, and a line that sums up.
//!
//! Invariant: what came from the plant is written by [`plainly`] only.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write;

use super::answers::{Conformance, Example, Finding, Findings, Judged, Summary};
use super::plainly;

const STRING: &str = "a string takes what is written";

/// All findings. `edge_nodes_len` is how many Edge Nodes are known.
pub(super) fn of_all(found: Findings, edge_nodes_len: usize) -> String {
    let Findings { findings, entries, dropped, .. } = found;
    let mut by_node: BTreeMap<Option<(String, String)>, Vec<Finding>> = BTreeMap::new();
    for finding in findings {
        let node = finding.group.clone().zip(finding.edge_node.clone());
        by_node.entry(node).or_default().push(finding);
    }
    let nodes_len = by_node.keys().flatten().count();
    let musts = by_node.values().flatten().filter(|finding| finding.is_must()).count();
    let mut nodes: Vec<_> = by_node.into_iter().collect();
    nodes.sort_by_key(|(_, findings)| Reverse(badness(findings)));

    let mut text = String::new();
    for (node, findings) in &nodes {
        match node {
            Some((group, edge_node)) => write!(text, "{} / {}", plainly(group), plainly(edge_node)),
            None => write!(text, "About no Edge Node that is known"),
        }
        .expect(STRING);
        let client = only_client(findings);
        if let Some(client_id) = client {
            write!(text, "   MQTT client {}", plainly(client_id)).expect(STRING);
        }
        text.push('\n');
        list(&mut text, findings, client);
        text.push('\n');
    }
    match edge_nodes_len {
        0 if nodes.is_empty() => text.push_str("No Edge Node has been heard, so there is nothing to judge.\n"),
        _ => writeln!(
            text,
            "{}, {nodes_len} of them with findings: {musts} against a MUST, {} against other rules.",
            counted(edge_nodes_len as u64, "Edge Node"),
            nodes.iter().map(|(_, findings)| findings.len()).sum::<usize>() - musts,
        )
        .expect(STRING),
    }
    if dropped > 0 {
        writeln!(
            text,
            "There was no room for {}: {entries} are remembered. See findings_max and findings_per_edge_node_max.",
            counted(dropped, "further entry")
        )
        .expect(STRING);
    }
    text.push_str(
        "Counted since Factree started. One Edge Node against every rule: --group GROUP --edge-node EDGE_NODE\n",
    );
    text
}

/// One Edge Node held against the rules.
pub(super) fn of_one(conformance: &Conformance) -> String {
    let Conformance { group, edge_node, state, client_id, since, summary, rules } = conformance;
    let mut text = format!("{} / {}   {}", plainly(group), plainly(edge_node), plainly(state));
    if let Some(client_id) = client_id {
        write!(text, ", MQTT client {}", plainly(client_id)).expect(STRING);
    }
    writeln!(text, "\nwatched since {}", shown(since)).expect(STRING);
    let mut violated: Vec<&Judged> =
        rules.iter().filter(|rule| rule.verdict == "violated" && rule.same_as.is_empty()).collect();
    violated.sort_by_key(|rule| Reverse(badness(&rule.findings)));
    for rule in violated {
        writeln!(text, "\n  {:<10} {}", plainly(&rule.level), plainly(&rule.tck_id)).expect(STRING);
        writeln!(text, "      {}", plainly(&rule.text)).expect(STRING);
        match rule.findings.is_empty() {
            true => text.push_str("      It was broken; how is no longer remembered.\n"),
            false => rule.findings.iter().for_each(|finding| detail(&mut text, finding, client_id.as_deref())),
        }
    }
    let Summary { violated, must_violated, observed, not_observed, not_visible } = summary;
    writeln!(
        text,
        "\n{violated} violated ({must_violated} of them MUST), {observed} observed, {not_observed} not observed yet, \
         {not_visible} not visible. --json names them all."
    )
    .expect(STRING);
    text
}

/// How bad findings are together: by how many MUSTs, then how many in all, then how often.
fn badness(findings: &[Finding]) -> (usize, usize, u64) {
    let musts = findings.iter().filter(|finding| finding.is_must()).count();
    (musts, findings.len(), findings.iter().map(|finding| finding.count).sum())
}

/// Findings by rule, the strictest rules first, and of those the ones broken most often.
fn list(text: &mut String, findings: &[Finding], known_client: Option<&str>) {
    let mut by_rule: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        by_rule.entry(&finding.tck_id).or_default().push(finding);
    }
    let mut rules: Vec<Vec<&Finding>> = by_rule.into_values().collect();
    rules.sort_by_key(|of_rule| {
        (strictness(&of_rule[0].level), Reverse(of_rule.iter().map(|finding| finding.count).sum::<u64>()))
    });
    for of_rule in rules {
        let Finding { level, tck_id, text: rule, .. } = of_rule[0];
        writeln!(text, "  {:<10} {}", plainly(level), plainly(tck_id)).expect(STRING);
        writeln!(text, "      {}", plainly(rule)).expect(STRING);
        of_rule.iter().take(DETAILS_MAX).for_each(|finding| detail(text, finding, known_client));
        if of_rule.len() > DETAILS_MAX {
            writeln!(text, "      and {} more, see /api/v1/findings?tck_id=", of_rule.len() - DETAILS_MAX)
                .expect(STRING);
        }
    }
}

/// Devices and clients shown for one rule.
const DETAILS_MAX: usize = 5;

fn strictness(level: &str) -> u8 {
    match level {
        "MUST" | "MUST NOT" => 0,
        "SHOULD" | "SHOULD NOT" => 1,
        _ => 2,
    }
}

/// One line: who, how often, when, for example what. `known_client` is not named again.
fn detail(text: &mut String, finding: &Finding, known_client: Option<&str>) {
    let Finding { device, client_id, first, last, count, .. } = finding;
    text.push_str("      ");
    if let Some(device) = device {
        write!(text, "Device {}: ", plainly(device)).expect(STRING);
    }
    match count {
        1 => write!(text, "once, {}", shown(first)),
        _ => write!(text, "{count} times, {}", span(first, last)),
    }
    .expect(STRING);
    if let Some(client_id) = client_id.as_deref().filter(|&client_id| Some(client_id) != known_client) {
        write!(text, ", by MQTT client {}", plainly(client_id)).expect(STRING);
    }
    text.push_str(&for_example(finding));
    text.push('\n');
}

fn for_example(Finding { edge_node, device, example, .. }: &Finding) -> String {
    let Example { occasion, topic, metric, expected, got, why } = example;
    let mut text = format!("; first in {}", plainly(occasion));
    if let Some(metric) = metric {
        write!(text, ", metric {}", plainly(metric)).expect(STRING);
    }
    if let (Some(expected), Some(got)) = (expected, got) {
        write!(text, ", expected {expected}, got {got}").expect(STRING);
    }
    if let Some(why) = why {
        write!(text, ", {}", plainly(why)).expect(STRING);
    }
    // Of whom is known already, the occasion says as much.
    let whose = device.as_ref().or(edge_node.as_ref());
    let is_told = |topic: &str| whose.is_some_and(|whose| topic.rsplit('/').next() == Some(whose));
    if let Some(topic) = topic.as_ref().filter(|topic| !is_told(topic)) {
        write!(text, " on {}", plainly(topic)).expect(STRING);
    }
    text
}

/// The client whose doing all of them are, if it is one.
fn only_client(findings: &[Finding]) -> Option<&str> {
    let first = findings.first()?.client_id.as_deref();
    first.filter(|_| findings.iter().all(|finding| finding.client_id.as_deref() == first))
}

/// From when to when, without saying anything twice.
fn span(first: &str, last: &str) -> String {
    let (first, last) = (shown(first), shown(last));
    match (first.split_once(' '), last.split_once(' ')) {
        _ if first == last => first,
        (Some((day, _)), Some((same, time))) if day == same => format!("{first} to {time}"),
        _ => format!("{first} to {last}"),
    }
}

/// A time without its `T` and milliseconds: `2026-01-31 12:00:00Z`.
fn shown(time: &str) -> String {
    let seconds = time.split_once('.').map_or(time, |(seconds, _)| seconds).trim_end_matches('Z');
    format!("{}Z", plainly(&seconds.replace('T', " ")))
}

fn counted(number: u64, what: &str) -> String {
    match (number, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {what}s"),
    }
}
