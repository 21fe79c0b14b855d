//! Factree, embeddable: a Unified Namespace broker in one value.
//!
//! [`Server::start`] binds the listeners, [`Server::run`] serves until it is told to stop. The binary `factree` is a thin
//! shell around it. This crate owns every socket, task, file and clock; the rooms below it own none.

pub mod accounts;
mod attach;
mod audit;
#[allow(dead_code)]
mod authority;
mod config;
mod connection;
mod data_directory;
pub mod demo;
mod descriptors;
mod disk;
mod events;
pub mod explain;
mod face;
mod flood;
mod folded;
mod front;
mod gate;
mod hub;
pub mod init;
mod keeper;
pub mod limit_keys;
mod limits;
pub mod metrics;
mod outgoing;
mod overview;
mod patience;
mod probes;
mod process;
mod quantity;
mod quiet;
mod recent;
mod reload;
mod server;
pub mod sparkplug_report;
mod storage;
mod sys_topics;
mod traffic;
mod transport;
mod web_client;
mod websocket;

pub use attach::{Attachment, BrokerUrl, ClientTls, Scheme, Secret, StateWord};
pub use audit::{AuditConfig, AuditError, command as audit_command};
pub use config::{
    AuthConfig, CertificatesConfig, Config, ConfigError, DeclaredTypes, Durability, HttpTls, KeySource, Listener,
    Overrides, SparkplugConfig, TokensConfig,
};
pub use data_directory::{DataDirectory, DataDirectoryError};
pub use face::FaceRoot;
pub use limits::{AuthLimits, ConnectionLimits, FloodLimits, HttpLimits, Limits};
pub use quantity::parse_duration;
pub use reload::Reloader;
pub use server::{Found, Server, StartError};
pub use storage::StorageError;
pub use transport::{Tls, Transport};
pub use web_client::WebAddress;
