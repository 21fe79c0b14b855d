//! Factree, embeddable: a Unified Namespace broker in one value.
//!
//! [`Server::start`] binds the listeners, [`Server::run`] serves until it is told to stop. The binary `factree` is a thin
//! shell around it. This crate owns every socket, task, file and clock; the rooms below it own none.

mod config;
mod connection;
mod data_directory;
pub mod demo;
mod events;
mod hub;
mod limits;
mod server;
mod transport;
mod websocket;

pub use config::{Config, ConfigError, Listener, Overrides};
pub use data_directory::{DataDirectory, DataDirectoryError};
pub use limits::Limits;
pub use server::{Server, StartError};
pub use transport::{Tls, Transport};
