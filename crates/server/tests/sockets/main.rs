//! The running server over real sockets.

mod attach;
mod audit;
mod aware;
mod clients;
mod commands;
mod conformance;
mod face;
mod front;
mod governance;
mod host;
mod hostile;
mod judged;
mod limits;
mod main_job;
mod plant;
mod reload;
mod streams;
mod telemetry;
mod transports;
