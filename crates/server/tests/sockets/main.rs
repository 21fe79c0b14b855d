//! The running server over real sockets.

mod aware;
mod commands;
mod conformance;
mod hostile;
mod limits;
mod main_job;
mod plant;
mod telemetry;
mod transports;
