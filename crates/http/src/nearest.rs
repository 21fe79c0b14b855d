//! Which names did the caller mean? For the 404 that says "no Prss here; nearest: Press".
//!
//! Edit distance over the names beside the missing one, ignoring case. It runs on a refusal and on names that strangers
//! chose, so both sides are bounded first, to a millisecond at worst.
//! Invariant: the work is at most [`NAMES_MAX`] × [`CHARS_MAX`]² steps, whatever is asked.

/// Names looked at; the caller takes no more than this from the tree.
pub(crate) const NAMES_MAX: usize = 500;
/// Longer names are not compared; nobody mistypes those by hand.
const CHARS_MAX: usize = 40;
/// Names offered.
const OFFERED_MAX: usize = 3;

/// The names that look most like `wanted`, the likeliest first; none when nothing does.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let Some(wanted) = folded(wanted) else { return Vec::new() };
    let tolerance = (wanted.len() / 3).max(1);
    let mut found: Vec<(usize, &str)> = names
        .take(NAMES_MAX)
        .filter_map(|name| Some((distance(&wanted, &folded(name)?), name)))
        .filter(|&(distance, _)| distance <= tolerance)
        .collect();
    found.sort_unstable();
    found.into_iter().take(OFFERED_MAX).map(|(_, name)| name.to_owned()).collect()
}

fn folded(name: &str) -> Option<Vec<char>> {
    let chars: Vec<char> = name.chars().take(CHARS_MAX + 1).flat_map(char::to_lowercase).collect();
    (chars.len() <= CHARS_MAX).then_some(chars)
}

/// Letters to insert, delete or replace (Levenshtein), one row of the table at a time.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_what_a_slip_of_the_finger_would_explain() {
        let names = ["Press", "Paint", "Pressure", "Line 1", "Line 2", "Line 3", "Line 4", "Ölpumpe", ""];
        let offered = |wanted| nearest(wanted, names.into_iter());
        assert_eq!(offered("Prss"), ["Press"]);
        assert_eq!(offered("PRESS"), ["Press"]);
        assert_eq!(offered("line1"), ["Line 1"], "the space is one letter");
        assert_eq!(offered("Line 5"), ["Line 1", "Line 2", "Line 3"]);
        assert_eq!(offered("ölpunpe"), ["Ölpumpe"]);
        assert!(offered("Welding").is_empty());
        assert!(offered(&"P".repeat(100_000)).is_empty());
    }
}
