//! Who somebody is, what they may do, and that no input breaks either.

mod access;
mod credentials;
mod directory;
mod evaluator;
mod hostile;
mod tokens;
