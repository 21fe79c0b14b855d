//! Hashing: a few threads that check passwords, and the line before them.

/// The threads.
pub(super) struct Hashers;

impl Hashers {
    /// Where nobody has a password.
    pub(super) fn none() -> Self {
        Hashers
    }
}
