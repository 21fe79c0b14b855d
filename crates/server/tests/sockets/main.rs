//! The running server over real sockets.

mod hostile;
mod main_job;
mod plant;
mod transports;
