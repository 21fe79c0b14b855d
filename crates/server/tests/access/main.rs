//! Who is let in over real sockets, and what he may do there.

mod certificates;
mod client;
mod http;
mod matrix;
mod mqtt;
mod plant;
mod recorded;
mod revoked;
mod strangers;
