//! Which line of the file: every refusal names one, so that nobody has to look for what he wrote.
//!
//! What is deserialized with its span says so itself; for everything else the text is read once more, which happens only
//! when it is refused.

use toml::de::{DeTable, DeValue};

/// The line that a byte of the text is on, from one.
pub(super) fn line(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|&byte| byte == b'\n').count()
}

/// `line 7: `, or nothing if nothing of the path is in the file. A path that goes on where the file ends means its last part
/// that is there. Of a list of tables a step is a number, from zero.
pub(super) fn at(text: &str, path: &[&str]) -> String {
    line_of(text, path).map(|line| format!("line {line}: ")).unwrap_or_default()
}

fn line_of(text: &str, path: &[&str]) -> Option<usize> {
    let (root, steps) = path.split_first()?;
    let file = DeTable::parse(text).ok()?;
    let (key, mut value) = file.get_ref().iter().find(|(key, _)| key.get_ref() == root)?;
    let mut start = key.span().start;
    for step in steps {
        let found = match value.get_ref() {
            DeValue::Table(table) => table.iter().find(|(key, _)| key.get_ref() == step),
            DeValue::Array(list) => {
                let Some(item) = step.parse().ok().and_then(|number: usize| list.get(number)) else { break };
                (start, value) = (item.span().start, item);
                continue;
            }
            _ => break,
        };
        let Some((key, below)) = found else { break };
        (start, value) = (key.span().start, below);
    }
    Some(line(text, start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tables_and_what_is_in_lists_have_a_line() {
        let text = "[mqtt]\nsys_interval = \"1 s\"\n\n[[mqtt.listeners]]\nlisten = \"a\"\n\n[[mqtt.listeners]]\n\nlisten = \"b\"\n\
                    [http]\nattach = [\n  { url = \"x\" },\n  { url = \"y\" },\n]\n";
        for (path, expected) in [
            (&["mqtt", "sys_interval"][..], "line 2: "),
            (&["mqtt", "listeners", "0"], "line 4: "),
            (&["mqtt", "listeners", "1"], "line 7: "),
            (&["mqtt", "listeners", "1", "listen"], "line 9: "),
            (&["mqtt", "listeners", "1", "key"], "line 7: "),
            (&["http", "attach", "1"], "line 13: "),
            (&["http", "hosts"], "line 10: "),
            (&["audit", "size_max"], ""),
        ] {
            assert_eq!(at(text, path), expected, "{path:?}");
        }
    }
}
