//! What the parser has to say about a file, told without a secret that stands in it.
//!
//! TOML's own words show the line that is wrong, which is what an operator wants to see; but an attachment has a password,
//! and a key that nobody knows may have been meant for one. Then the line is named and not shown.
//! Invariant: no value of a file that has attachments, and of no line that speaks of a password, is in what is told.

use super::lines::line;

/// What is wrong with the file that has this text.
pub(super) fn told(error: &toml::de::Error, text: &str) -> String {
    let Some(span) = error.span() else { return error.message().into() };
    let before = &text[..text.len().min(span.start)];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let on_line = text[start..].lines().next().unwrap_or_default();
    if !text.lines().any(speaks_of_attachments) && !speaks_of_a_secret(on_line) {
        return error.to_string().trim_end().into();
    }
    let number = line(text, span.start);
    let table = text[..start + on_line.len()].lines().rev().find_map(header).map(|header| format!("{header} "));
    let table = table.unwrap_or_default();
    let key = on_line.split('=').next().unwrap_or_default().trim();
    let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    // The parser quotes a value of the wrong type.
    let quotes =
        ["invalid type", "invalid value", "unknown variant"].iter().any(|kind| error.message().starts_with(kind));
    let expected = error.message().rsplit_once("expected ").map_or("another value", |(_, expected)| expected);
    match (quotes, is_key) {
        (true, true) => format!("line {number}: {table}`{key}` takes {expected}"),
        (true, false) => format!("line {number}: {table}expected {expected}"),
        (false, _) => format!("line {number}: {table}{}", error.message()),
    }
}

/// Comments do not count. Any key can be written with escapes.
fn speaks_of_attachments(line: &str) -> bool {
    !line.trim_start().starts_with('#') && ["attach", "\\u", "\\U", "\\x"].iter().any(|part| line.contains(part))
}

fn speaks_of_a_secret(line: &str) -> bool {
    ["pass", "secret", "@"].iter().any(|part| line.contains(part))
}

/// `[name]` or `[[name]]`, if that is what a line says.
fn header(line: &str) -> Option<&str> {
    let header = line.split('#').next()?.trim();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']');
    (header.starts_with('[') && header.ends_with(']') && header.bytes().all(is_plain)).then_some(header)
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Overrides};

    fn refusal(text: &str) -> String {
        Config::parse(text, Overrides::default()).expect_err(text).to_string()
    }

    #[test]
    fn the_line_is_shown_where_no_secret_can_be() {
        let shown = refusal("# [[attach]] would go here\n[http]\nliste = \"127.0.0.1:8080\"");
        assert!(shown.contains("line 3") && shown.contains("liste = \"127.0.0.1:8080\""), "{shown}");
    }

    #[test]
    fn no_way_to_write_an_attachment_has_its_password_shown() {
        for text in [
            "attach = [\n  { url = \"mqtt://b\", username = \"u\", password = \"hunter2\", bogus = 1 },\n]",
            "attach = [\n  { url = \"mqtt://u:hunter2@b\", bogus = 1 },\n]",
            "attach = [\n  { url = \"mqtt://b\", password = [\"hunter2\"] },\n]",
            "attach = [\n  { url = \"mqtt://b\", password = hunter2 },\n]",
            "attach = [\n  { url = \"mqtt://b\", password = \"hunter2 },\n]",
            "\"\\u0061ttach\" = [ { url = \"mqtt://b\", password = \"hunter2\", bogus = 1 } ]",
            "[[attach]]\nurl = \"mqtt://b\"\npassword = \"\"\"\nhunter2 \\q\"\"\"",
            "[[attach]]\nurl = \"mqtt://b\"\n[data]\npassword = \"hunter2\"",
            "[mqtt]\npassword = \"hunter2\"",
            "[http]\nlisten = \"mqtt://u:hunter2@b\"",
        ] {
            let why = refusal(text);
            assert!(!why.contains("hunter2") && why.contains("line "), "{text}: {why}");
        }
        let why = refusal("attach = [\n  { url = \"mqtt://b\", password = 4711 },\n]");
        assert_eq!(why, "line 2: expected a string");
        let why = refusal("[[attach]]\nurl = \"mqtt://b\"\n\n[http]\nlisten = 8080");
        assert_eq!(why, "line 5: [http] `listen` takes a string");
    }
}
