//! Numbers that 64 bits do not hold: JSON spells them like any other.
//!
//! An integer beyond 64 bits is read as the nearest double, and what is beyond the doubles as the largest of them; neither in
//! silence. The text is looked through only where a number showed that there may be such a one, so others pay nothing.
//! Knows nothing of values. Invariant: what is a number here stands outside of every string.

use std::ops::Range;

use serde::de::IgnoredAny;

/// Whether a double may stand for an integer that 64 bits do not hold.
pub(super) fn is_wide(value: f64) -> bool {
    value.abs() >= (1_u64 << 63) as f64
}

/// Whether a payload that is JSON spells an integer that a double does not hold to the last digit. Who writes a fraction or an
/// exponent means a double.
pub(super) fn is_rounded(payload: &[u8]) -> bool {
    numbers(payload).any(|at| {
        let text = text(payload, at);
        let is_integer = !text.contains(['.', 'e', 'E']);
        let is_beyond = text.parse::<i64>().is_err() && text.parse::<u64>().is_err();
        is_integer && is_beyond && text.parse::<f64>().is_ok_and(|double| format!("{double:.0}") != text)
    })
}

/// A payload that is JSON, with the largest double in place of each number beyond it; none if none is. serde_json takes no such
/// number, and knows it for one where it has not to hold it.
pub(crate) fn held(payload: &[u8]) -> Option<Vec<u8>> {
    serde_json::from_slice::<IgnoredAny>(payload).ok()?;
    let mut held = Vec::new();
    let mut copied = 0;
    for at in numbers(payload) {
        if let Ok(double) = text(payload, at.clone()).parse::<f64>()
            && double.is_infinite()
        {
            held.extend_from_slice(&payload[copied..at.start]);
            held.extend_from_slice(format!("{:e}", f64::MAX.copysign(double)).as_bytes());
            copied = at.end;
        }
    }
    held.extend_from_slice(&payload[copied..]);
    (copied > 0).then_some(held)
}

fn text(payload: &[u8], at: Range<usize>) -> &str {
    std::str::from_utf8(&payload[at]).expect("numbers are ASCII")
}

/// Where numbers stand.
fn numbers(payload: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            match payload.get(at)? {
                b'"' => at = past_string(payload, at),
                b'-' | b'0'..=b'9' => {
                    let len = payload[at..].iter().take_while(|byte| is_of_number(**byte)).count();
                    at += len;
                    return Some(at - len..at);
                }
                _ => at += 1,
            }
        }
    })
}

fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
}

/// Where the string that begins at `at` is over.
fn past_string(payload: &[u8], mut at: usize) -> usize {
    loop {
        at += 1;
        match payload.get(at) {
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 1,
            Some(_) => {}
            None => return payload.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_integer_that_no_double_holds_is_rounded() {
        for exact in
            ["18446744073709551615", "100000000000000000000", "1e300", "1.23456789012345678901e22", "-1", "0.1"]
        {
            assert!(!is_rounded(exact.as_bytes()), "{exact}");
        }
        for rounded in ["18446744073709551617", "-9223372036854775809", "[1,{\"a\":123456789012345678901234}]"] {
            assert!(is_rounded(rounded.as_bytes()), "{rounded}");
        }
        assert!(!is_rounded(br#"{"id 18446744073709551617":"\"18446744073709551617"}"#), "digits in strings are text");
    }

    #[test]
    fn what_no_double_reaches_is_the_largest_of_them() {
        let held = |payload: &str| held(payload.as_bytes()).map(|held| String::from_utf8(held).unwrap());
        let max = "1.7976931348623157e308";
        assert_eq!(held(r#"[1,-1e400,"1e400",1e400]"#), Some(format!(r#"[1,-{max},"1e400",{max}]"#)));
        assert_eq!(held(&"9".repeat(400)).as_deref(), Some(max));
        assert_eq!((held("1e308"), held("RUNNING"), held("\"1e400"), held("\"\\")), (None, None, None, None));
    }
}
