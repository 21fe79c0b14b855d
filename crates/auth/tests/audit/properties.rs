//! Logs that were garbled, cut up, put together anew: never taken for whole, and never the end of the process.

use factree_auth::audit::{Policy, Query, SigningKey, Trust, Writer, stub, verify};
use proptest::prelude::*;

use crate::log::{HERE, Log, MORNING, entry, frames, key, rechain};

fn whole_log() -> Vec<u8> {
    let mut log = Log::new(Policy { head_every: 3, segment_bytes: 600, ..Policy::default() });
    (1..=8).for_each(|number| log.append(&entry(&format!("Line{number}"))));
    log.bytes()
}

fn trust() -> Trust {
    Trust { key: key(1).public_key(), installation: None, head: None }
}

/// Everything that reads a log.
fn reads(log: &[u8]) -> bool {
    let _ = Query::default().page(log, 10);
    let _ = Writer::resume(SigningKey::from_seed(&[1; 32]), HERE, Policy::default(), log);
    let _ = stub(&key(1), log, MORNING, MORNING);
    verify(log, &trust()).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_no_log(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        kind in prop::sample::select(b"SRHD".to_vec()),
    ) {
        prop_assert!(!reads(&bytes));
        let framed = [&[kind][..], &1u64.to_be_bytes(), &(bytes.len() as u32).to_be_bytes(), &bytes, &[0; 32]].concat();
        prop_assert!(!reads(&framed));
    }

    /// A length that says four gigabytes costs no more than the bytes that are there.
    #[test]
    fn a_log_that_was_garbled_is_never_taken_for_whole(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let (log, mut garbled) = (whole_log(), whole_log());
        for (at, byte) in changes {
            let at = at.index(garbled.len());
            garbled[at] = byte;
        }
        prop_assert_eq!(reads(&garbled), garbled == log);
    }

    /// Frames left out, doubled and moved: a log is whole only if it is the log, or its beginning.
    #[test]
    fn a_log_in_another_order_is_never_taken_for_whole(
        picks in prop::collection::vec(any::<prop::sample::Index>(), 1..16),
    ) {
        let frames = frames(&whole_log());
        let picked: Vec<_> = picks.iter().map(|pick| frames[pick.index(frames.len())].clone()).collect();
        let is_beginning = frames.starts_with(&picked);
        prop_assert_eq!(verify(&picked.concat()[..], &trust()).is_ok(), is_beginning);
    }

    #[test]
    fn any_chain_that_is_made_anew_fails_at_its_heads(at in 0usize..14, byte in 13usize..60, seq in any::<bool>()) {
        let mut frames = frames(&whole_log());
        let before = frames.clone();
        let frame = at % frames.len();
        let len = frames[frame].len();
        if seq { frames.remove(frame); } else { frames[frame][byte % (len - 45) + 13] ^= 1; }
        rechain(&mut frames);
        let is_tail = before[frame..].iter().all(|frame| frame[0] != b'H');
        prop_assert!(is_tail || verify(&frames.concat()[..], &trust()).is_err(), "frame {}", frame);
    }
}
