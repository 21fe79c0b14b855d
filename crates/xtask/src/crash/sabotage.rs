//! Sabotage: loses on purpose what the server has kept, to see that the harness sees it.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// So much of the newest journal's end goes.
const CUT_BYTES: usize = 3_000;

/// Cuts the end off the journal that was written last; nothing if there is none.
pub(super) fn cut_journal(data: &Path) -> io::Result<()> {
    let mut newest = None;
    for entry in fs::read_dir(data.join("store").join("engine"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jnl") {
            let written = fs::metadata(&path)?.modified()?;
            newest = newest.max(Some((written, path)));
        }
    }
    let Some((_, path)) = newest else { return Ok(()) };
    // A journal is made long and empty; its end is where the zeros begin.
    let end = fs::read(&path)?.iter().rposition(|byte| *byte != 0).unwrap_or(0);
    File::options().write(true).open(&path)?.set_len(end.saturating_sub(CUT_BYTES) as u64)
}
