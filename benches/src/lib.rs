//! How figures are taken: medians of alternating runs, instruction counts, and the processor time of a process of its own.
//!
//! Only ratios within one run mean something: the machines are small and shared.

mod server;

pub use server::Server;
