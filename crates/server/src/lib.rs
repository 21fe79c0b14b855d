//! Factree, embeddable: a Unified Namespace broker in one value.
//!
//! [`Server::start`] binds the listeners, [`Server::run`] serves until it is told to stop. The binary `factree` is a thin
//! shell around it. This crate owns every socket, task, file and clock; the rooms below it own none.

mod config;
mod connection;
mod data_directory;
pub mod demo;
mod disk;
mod events;
mod hub;
mod keeper;
mod limits;
mod outgoing;
mod server;
mod storage;
mod transport;
mod websocket;

pub use config::{Config, ConfigError, Durability, Listener, Overrides};
pub use data_directory::{DataDirectory, DataDirectoryError};
pub use limits::Limits;
pub use server::{Found, Server, StartError};
pub use storage::StorageError;
pub use transport::{Tls, Transport};
