//! `factree sparkplug report`: asks a running Factree which rules of Sparkplug were broken, and says it to people.
//!
//! Over HTTP like any other client, so it works from wherever the API can be reached and needs nothing of the process it asks.
//! Its answer for machines is the exit code ([`Report::is_in_breach`]) or the API's own JSON.
//! Knows no rule. Invariant: text that came from the plant reaches the terminal escaped ([`plainly`]), so that no name can
//! move a cursor or hide a line.

use std::fmt::Write as _;

use factree_auth::credential::Secret;
use serde::de::DeserializeOwned;

use crate::web_client::WebAddress;

mod answers;
mod ask;
mod page;

use answers::{Conformance, EdgeNodes, Finding, Findings};
pub use ask::Unanswered;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Where the HTTP API is.
    pub http: WebAddress,
    /// A key of somebody who may read reports and findings, where that is asked for.
    pub key: Option<Secret>,
    /// One Edge Node, by group id and Edge Node id, or all of them.
    pub edge_node: Option<(String, String)>,
    /// The API's JSON instead of text.
    pub json: bool,
}

impl Question {
    fn asked(&self) -> Asked<'_> {
        Asked { address: &self.http, key: self.key.as_ref() }
    }
}

/// Where it is asked, and as whom.
#[derive(Clone, Copy)]
struct Asked<'a> {
    address: &'a WebAddress,
    key: Option<&'a Secret>,
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What to print.
    pub text: String,
    /// Whether a rule was broken that is a MUST or a MUST NOT.
    pub is_in_breach: bool,
}

/// Asks, and draws the report up.
///
/// # Errors
/// Nobody answers, or not as Factree does.
pub async fn report(question: &Question) -> Result<Report, Unanswered> {
    match &question.edge_node {
        Some((group, edge_node)) => of_one(question, group, edge_node).await,
        None => of_all(question).await,
    }
}

async fn of_one(question: &Question, group: &str, edge_node: &str) -> Result<Report, Unanswered> {
    let path = format!("/api/v1/edge-nodes/{}/{}/conformance", ask::encoded(group), ask::encoded(edge_node));
    let body = ask::get(question.asked(), &path).await?;
    let conformance: Conformance = read(question.asked(), &body)?;
    let text = match question.json {
        true => harmless(&body),
        false => page::of_one(&conformance),
    };
    Ok(Report { text, is_in_breach: conformance.summary.must_violated > 0 })
}

async fn of_all(question: &Question) -> Result<Report, Unanswered> {
    let mut found = Findings::default();
    let mut bodies = Vec::new();
    let mut cursor = String::new();
    loop {
        let body = ask::get(question.asked(), &format!("/api/v1/findings?about=sparkplug&limit=1000{cursor}")).await?;
        let mut page: Findings = read(question.asked(), &body)?;
        found.findings.append(&mut page.findings);
        (found.entries, found.dropped) = (page.entries, page.dropped);
        bodies.push(body);
        let Some(next) = page.next_cursor else { break };
        cursor = format!("&cursor={}", ask::encoded(&next));
    }
    let is_in_breach = found.findings.iter().any(Finding::is_must);
    let text = match question.json {
        true => harmless(&whole(&bodies)),
        false => page::of_all(found, edge_nodes_len(question.asked()).await?),
    };
    Ok(Report { text, is_in_breach })
}

/// How many Edge Nodes are known: that nothing was found says little where nothing was heard.
async fn edge_nodes_len(at: Asked<'_>) -> Result<usize, Unanswered> {
    let (mut len, mut cursor) = (0, String::new());
    loop {
        let page: EdgeNodes = read(at, &ask::get(at, &format!("/api/v1/edge-nodes?limit=1000{cursor}")).await?)?;
        len += page.edge_nodes.len();
        let Some(next) = page.next_cursor else { return Ok(len) };
        cursor = format!("&cursor={}", ask::encoded(&next));
    }
}

fn read<T: DeserializeOwned>(at: Asked<'_>, body: &str) -> Result<T, Unanswered> {
    serde_json::from_str(body).map_err(|_| Unanswered::NotFactree { http: at.address.to_string(), status: 200 })
}

/// All pages as one: `{"findings":[…]}`.
fn whole(pages: &[String]) -> String {
    let page = |body: &String| serde_json::from_str::<serde_json::Value>(body).expect("it was read before");
    let findings = pages.iter().map(page).flat_map(|mut page| match page["findings"].take() {
        serde_json::Value::Array(findings) => findings,
        _ => Vec::new(),
    });
    serde_json::json!({ "findings": findings.collect::<Vec<_>>() }).to_string()
}

/// JSON in which the characters that a terminal may act upon are escaped; they can only stand in strings.
fn harmless(json: &str) -> String {
    let mut text = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        if is_plain(c) {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(text, "\\u{unit:04x}").expect("a string takes what is written");
            }
        }
    }
    text.push('\n');
    text
}

/// Text from outside as it may stand on a terminal: what is not printable is written as Rust writes it, `\u{1b}`.
pub(crate) fn plainly(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => plain.push_str("\\\\"),
            c if is_plain(c) => plain.push(c),
            c => plain.extend(c.escape_default()),
        }
    }
    plain
}

/// Whether a character is nothing but itself: no control, no change of direction, nothing invisible.
fn is_plain(c: char) -> bool {
    // `escape_debug` knows what is printable; quotes and backslashes are, but it escapes them for other reasons.
    matches!(c, '"' | '\'' | '\\') || c.escape_debug().eq([c])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_act_upon_a_terminal() {
        for (text, plain) in [
            ("Line 1/°C \"ok\" 温度", "Line 1/°C \"ok\" 温度"),
            ("\u{1b}[2J\r\nMUST", "\\u{1b}[2J\\r\\nMUST"),
            ("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}"),
            ("a\u{202e}b\u{200b}", "a\\u{202e}b\\u{200b}"),
            ("\\u{1b}", "\\\\u{1b}"),
        ] {
            assert_eq!(plainly(text), plain);
        }
    }

    #[test]
    fn json_is_the_same_to_a_reader_and_harmless_to_a_terminal() {
        let text = "\u{9b}31m\u{7f} a\u{202e} 温度 \u{e0001} \"\\";
        let json = serde_json::json!({ "name": text }).to_string();
        let safe = harmless(&json);
        assert!(safe.trim_end().chars().all(is_plain), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap()["name"], text);
    }
}
