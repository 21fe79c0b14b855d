//! Levels of a name: where the next slash is, and a hash of what stands before it.
//!
//! Eight bytes at a time, since this is what a decision spends its instructions on: 43 bytes cost a tenth of what they
//! cost one by one. Knows nothing of what levels mean.
//! Invariant: a level ends at the first slash, or at the end of the name.

const SLASHES: u64 = u64::from_ne_bytes([b'/'; 8]);
const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);

/// Where the level that begins at `from` ends. `from` is at most the length of the name.
#[inline]
pub(crate) fn end(name: &[u8], from: usize) -> usize {
    walk(name, from, |_| {})
}

/// The same, and a hash of the level. Who grants chooses what is hashed into a table, so nobody can make that
/// degenerate.
#[inline]
pub(crate) fn end_and_hash(name: &[u8], from: usize, seed: u64) -> (usize, u64) {
    let mut hash = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let end = walk(name, from, |word| hash = (hash ^ word).wrapping_mul(0xF135_7AEA_2E62_A9C5).rotate_left(26));
    // A table looks at the lowest and the highest bits.
    (end, hash ^ (hash >> 32))
}

/// Shows the level in words of eight bytes, the last one filled with zeros, and says where it ends.
#[inline]
fn walk(name: &[u8], from: usize, mut show: impl FnMut(u64)) -> usize {
    let mut at = from;
    loop {
        let (word, len) = word_at(name, at);
        let differs = word ^ SLASHES;
        // The lowest byte that is found is a slash; what is above it may be wrong and does not matter.
        let found = differs.wrapping_sub(ONES) & !differs & HIGH;
        let level_len = (found.trailing_zeros() / 8) as usize;
        if level_len >= len && len == 8 {
            show(word);
            at += 8;
            continue;
        }
        let level_len = level_len.min(len);
        // Shifted twice: a level may end where the word begins, and a shift by 64 is none.
        show(word & !(u64::MAX << (8 * level_len)));
        return at + level_len;
    }
}

/// Up to eight bytes from a place on, the first one lowest, and how many they are.
#[inline]
fn word_at(name: &[u8], at: usize) -> (u64, usize) {
    let rest = &name[at..];
    if let Some(word) = rest.first_chunk() {
        return (u64::from_le_bytes(*word), 8);
    }
    let len = rest.len();
    let word = match name.last_chunk() {
        // The bytes before the place are shifted out; twice, because all eight may be before it.
        Some(word) => u64::from_le_bytes(*word) >> (8 * (7 - len)) >> 8,
        None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    (word, len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_ends_at_the_first_slash_wherever_it_begins() {
        for len in 0..30 {
            for slash in 0..=len {
                let mut name = vec![b'a'; len];
                if slash < len {
                    name[slash] = b'/';
                }
                for from in 0..=len {
                    let naive = (from..len).find(|at| name[*at] == b'/').unwrap_or(len);
                    assert_eq!(end(&name, from), naive, "{slash} of {len} from {from}");
                }
            }
        }
    }

    #[test]
    fn a_hash_is_of_the_level_alone() {
        let level = b"Acme:Dallas";
        let (_, alone) = end_and_hash(level, 0, 7);
        for (before, after) in [("", "/x"), ("a/", ""), ("spBv1.0/", "/DDATA/Line1"), ("x/y/", "/")] {
            let name = [before.as_bytes(), level, after.as_bytes()].concat();
            assert_eq!(end_and_hash(&name, before.len(), 7), (before.len() + level.len(), alone), "{before} {after}");
        }
        assert_ne!(end_and_hash(level, 0, 8).1, alone, "the same level elsewhere is another way");
        assert_ne!(end_and_hash(b"Acme:Dallat", 0, 7).1, alone);
    }
}
