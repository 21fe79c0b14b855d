//! Positions: how far a reader has come, in a form it can hand back after a broken connection.
//!
//! A revision counts the changes of one process and means nothing to the next, so a position names the process as well:
//! `19bc2f6e8cc-4711`.
//! Invariant: what [`Position`] writes, it parses; everything else that comes is no position.

use factree_namespace::Revision;

use crate::json;

/// A revision of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// When the process began, in milliseconds since 1970.
    pub(crate) process: u64,
    pub(crate) revision: Revision,
}

impl Position {
    pub(crate) fn parse(text: &str) -> Option<Position> {
        let (process, revision) = text.split_once('-')?;
        let position =
            Position { process: u64::from_str_radix(process, 16).ok()?, revision: Revision(revision.parse().ok()?) };
        // `+1` and `0A` are numbers too, but not as we write them.
        let mut written = Vec::new();
        position.write(&mut written);
        (written == text.as_bytes()).then_some(position)
    }

    /// Appends it as text. Each event pays for it, and this is a fraction of what formatting costs.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        let digits = (u64::BITS - self.process.leading_zeros()).div_ceil(4).max(1);
        out.extend((0..digits).rev().map(|digit| b"0123456789abcdef"[(self.process >> (digit * 4) & 0xf) as usize]));
        out.push(b'-');
        json::plain(out, &self.revision.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_we_wrote_is_a_position() {
        let position = Position { process: 1_769_860_800_000, revision: Revision(4711) };
        let written = |position: Position| {
            let mut out = Vec::new();
            position.write(&mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(position), "19c13ec9e00-4711");
        assert_eq!(written(Position { process: 0, revision: Revision(u64::MAX) }), "0-18446744073709551615");
        assert_eq!(Position::parse("19c13ec9e00-4711"), Some(position));
        for text in
            ["", "-", "4711", "19c13ec9e00-", "19C13EC9E00-4711", "+1-1", "1-+1", "1-1 ", "1-99999999999999999999"]
        {
            assert_eq!(Position::parse(text), None, "{text}");
        }
    }
}
