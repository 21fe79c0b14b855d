//! Claims: who came first to a path, as far as it must be known after a restart.
//!
//! A cell's claim is the number of the placement that first gave it to somebody; of those that want one path the smallest owns
//! it. A record says the claims of its cells in their order, in runs: a birth mostly is one.
//! Knows no path. Invariant: claims that are of another number of cells than the record's are nobody's.

use factree_namespace::HeldBlock;

use crate::cells::{Damaged, take_number, write_number};

/// The claims of some cells, in their order: how many have which. Zero is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claims(Vec<(u64, u64)>);

impl Claims {
    /// That of a single cell.
    pub(crate) fn one(claim: u64) -> Self {
        Self(vec![(1, claim)])
    }

    /// Those of the cells at these slots.
    pub(crate) fn of(block: &HeldBlock<'_>, slots: impl Iterator<Item = u32>) -> Self {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for slot in slots {
            let claim = block.claim(slot).unwrap_or_default();
            match runs.last_mut() {
                Some((len, last)) if *last == claim => *len += 1,
                Some(_) | None => runs.push((1, claim)),
            }
        }
        Self(runs)
    }

    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        write_number(self.0.len() as u64, bytes);
        for &(len, claim) in &self.0 {
            write_number(len, bytes);
            write_number(claim, bytes);
        }
    }

    /// Takes claims from the front of `bytes`. Memory grows with what has been read, not with what was promised.
    pub(crate) fn read(bytes: &mut &[u8]) -> Result<Self, Damaged> {
        let mut runs = Vec::new();
        for _ in 0..take_number(bytes)? {
            runs.push((take_number(bytes)?, take_number(bytes)?));
        }
        Ok(Self(runs))
    }

    /// The claim of each of `len` cells; none for all of them, if these are the claims of another number of cells.
    pub(crate) fn each(&self, len: usize) -> impl Iterator<Item = Option<u64>> {
        let known = self.0.iter().try_fold(0_u64, |sum, &(len, _)| sum.checked_add(len));
        let runs = if known == Some(len as u64) { self.0.as_slice() } else { &[] };
        let claims =
            runs.iter().flat_map(|&(len, claim)| std::iter::repeat_n((claim > 0).then_some(claim), len as usize));
        claims.chain(std::iter::repeat(None)).take(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_come_back_and_those_of_others_are_nobodys() {
        let claims = Claims(vec![(2, 7), (1, 0), (1, 300)]);
        let mut bytes = Vec::new();
        claims.write(&mut bytes);
        bytes.push(42);
        let mut rest = bytes.as_slice();
        assert_eq!(Claims::read(&mut rest), Ok(claims.clone()));
        assert_eq!(rest, [42], "no more is taken");
        assert_eq!(claims.each(4).collect::<Vec<_>>(), [Some(7), Some(7), None, Some(300)]);
        assert_eq!(claims.each(3).collect::<Vec<_>>(), [None; 3], "a limit has left one out");
    }

    #[test]
    fn a_promise_of_many_claims_costs_nothing() {
        let mut bytes = Vec::new();
        write_number(u64::MAX, &mut bytes);
        bytes.extend([1, 1]);
        assert_eq!(Claims::read(&mut bytes.as_slice()), Err(Damaged));
        let many = Claims(vec![(u64::MAX, 1), (u64::MAX, 2)]);
        assert_eq!(many.each(2).collect::<Vec<_>>(), [None; 2]);
    }
}
