//! Quantities as people write them: `"30 s"`, `"64 MiB"`, `"unlimited"`.
//!
//! One number and one unit, nothing else: a limit is not arithmetic. What is written out can be read in again.
//! Knows nothing of what is limited. Errors are for the operator: they say what is accepted.

use std::time::Duration;

/// Units of time in milliseconds, the largest first.
const TIMES: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1)];
/// Units of size in bytes: those that we write, the largest first.
const SIZES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
/// Those that we only read.
const DECIMAL_SIZES: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)];

/// `"30 s"`, `"1500 ms"`, `"7 d"`.
///
/// # Errors
/// What is accepted.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let millis = parse(text, TIMES.iter());
    millis.map(Duration::from_millis).ok_or_else(|| {
        "a time is a whole number and a unit: \"500 ms\", \"30 s\", \"5 min\", \"12 h\" or \"7 d\"".into()
    })
}

/// `"64 MiB"`, `"1500 B"`, `"2 MB"`; in bytes.
///
/// # Errors
/// What is accepted.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let bytes = parse(text, SIZES.iter().chain(&DECIMAL_SIZES));
    bytes.ok_or_else(|| "a size is a whole number and a unit: \"800 B\", \"128 KiB\", \"64 MiB\" or \"1 GiB\"".into())
}

/// In the largest unit that leaves a whole number.
pub(crate) fn show_duration(duration: Duration) -> String {
    show(duration.as_millis().try_into().unwrap_or(u64::MAX), &TIMES)
}

/// In the largest unit that leaves a whole number.
pub(crate) fn show_size(bytes: u64) -> String {
    show(bytes, &SIZES)
}

fn parse<'a>(text: &str, mut units: impl Iterator<Item = &'a (&'a str, u64)>) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn show(amount: u64, units: &[(&str, u64)]) -> String {
    let smallest = units.last().expect("there are units");
    let whole = |(_, factor): &&(&str, u64)| amount >= *factor && amount.is_multiple_of(*factor);
    let (name, factor) = units.iter().find(whole).unwrap_or(smallest);
    format!("{} {name}", amount / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_as_the_same() {
        for text in ["30 s", "1500 ms", "90 min", "18 h", "7 d", "0 ms"] {
            assert_eq!(show_duration(parse_duration(text).unwrap()), text);
        }
        for text in ["64 MiB", "1 GiB", "1500 B", "128 KiB", "0 B"] {
            assert_eq!(show_size(parse_size(text).unwrap()), text);
        }
    }

    #[test]
    fn a_space_is_not_needed_and_decimal_sizes_are_read() {
        assert_eq!(parse_duration("5min"), Ok(Duration::from_secs(300)));
        assert_eq!(parse_size("2MB"), Ok(2_000_000));
    }

    #[test]
    fn anything_else_is_told_what_is_accepted() {
        for text in
            ["", "30", "s", "1.5 s", "-1 s", "30 parsecs", "1 h 5 min", "99999999999999999999 s", "300000000000 d"]
        {
            assert!(parse_duration(text).unwrap_err().contains("\"30 s\""), "{text}");
        }
        for text in ["64", "64 mib", "1e3 B", "18446744073709551615 KiB"] {
            assert!(parse_size(text).unwrap_err().contains("\"64 MiB\""), "{text}");
        }
    }
}
