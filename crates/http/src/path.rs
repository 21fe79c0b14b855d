//! Element paths in URIs: from `/values/Acme/Line%201/..` to the names of the tree, and back.
//!
//! Names are arbitrary text except that none contains `/`; so the names joined with `/` say the same as the list, and `%2F`,
//! which programs made from the API's document write for each `/` of a parameter, can mean nothing else. Empty names count: `a//b` has three. Dot
//! segments are names like any other; nothing on our side resolves them, but some clients do before they send, so
//! [`encode`] writes `..` as `%2E%2E`. Browsers resolve even that: for them such a name goes into a filter.
//! Knows nothing of the tree.
//! Invariant: `decode(encode(path)) == path` for every path of the tree.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::problem::{Kind, Problem, clipped};

/// What a path segment may not hold as it is [RFC 3986, 3.3], and what it may but a query may not (`&`, `+`).
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The path of an element from the raw path of a URI, without its leading `/`.
///
/// # Errors
/// A stray `%`, or bytes that are not UTF-8.
pub(crate) fn decode(raw: &str) -> Result<String, Problem> {
    decode_ascii(raw).map_or_else(|| decode_names(raw), Ok)
}

/// The usual path, in one pass over it: what is escaped in it is ASCII. None for any other.
fn decode_ascii(raw: &str) -> Option<String> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut path = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.bytes().position(|byte| byte == b'%') {
        let &[high, low] = rest.as_bytes()[at + 1..].first_chunk()?;
        let byte = (digit(high)? << 4 | digit(low)?) as u8;
        if !byte.is_ascii() {
            return None;
        }
        path.push_str(&rest[..at]);
        path.push(byte.into());
        rest = &rest[at + 3..];
    }
    path.push_str(rest);
    Some(path)
}

fn decode_names(raw: &str) -> Result<String, Problem> {
    let mut path = String::with_capacity(raw.len());
    for (index, segment) in raw.split('/').enumerate() {
        if index > 0 {
            path.push('/');
        }
        path.push_str(&decode_text(segment).map_err(|why| Problem::new(Kind::BadPath, why))?);
    }
    Ok(path)
}

/// The raw path of a URI, without its leading `/`, for the path of an element.
pub(crate) fn encode(path: &str) -> String {
    let mut raw = String::with_capacity(path.len());
    for (index, name) in path.split('/').enumerate() {
        if index > 0 {
            raw.push('/');
        }
        match name {
            "." => raw.push_str("%2E"),
            ".." => raw.push_str("%2E%2E"),
            name => raw.extend(utf8_percent_encode(name, SEGMENT)),
        }
    }
    raw
}

/// Percent-decoding that refuses what it does not understand. The error says what to do.
pub(crate) fn decode_text(raw: &str) -> Result<String, String> {
    let bytes = raw.as_bytes();
    let is_escape =
        |at: usize| bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    if bytes.iter().enumerate().any(|(at, &byte)| byte == b'%' && !is_escape(at)) {
        return Err(format!("'{}' holds a % without two hexadecimal digits; write % itself as %25", clipped(raw)));
    }
    match percent_decode_str(raw).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(format!("'{}' is not UTF-8 once its % escapes are decoded", clipped(raw))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_survive_the_way_there_and_back() {
        for path in
            ["", "/", "a//b", "..", "a/./..", "100%", "%41", "Line 1/C#", "a+b", "温度/°C", "<script>", "\u{0}\n"]
        {
            let raw = encode(path);
            assert_eq!(decode(&raw).unwrap(), path, "by way of {raw}");
            assert_eq!(decode_names(&raw).unwrap(), path, "the long way by {raw}");
            assert!(raw.is_ascii() && !raw.contains(['#', '?', ' ', '+']), "{raw}");
        }
        assert_eq!(encode("a/.."), "a/%2E%2E");
        assert_eq!(decode("Acme%2fLine%201%2F°C").unwrap(), "Acme/Line 1/°C");
    }

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        for (raw, why) in [("100%", "%25"), ("%4", "%25"), ("%zz", "%25"), ("%FF", "UTF-8")] {
            let problem = format!("{:?}", decode(raw).unwrap_err());
            assert!(problem.contains(why), "{raw}: {problem}");
        }
    }
}
