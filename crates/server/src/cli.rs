//! The parts of the command line that are more than one function each.

pub(crate) mod accounts;
pub(crate) mod asking;
pub(crate) mod audit;
pub(crate) mod init;
