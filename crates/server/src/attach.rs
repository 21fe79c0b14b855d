//! Attachments: the same Host Application as an ordinary client of somebody else's broker.
//!
//! Each [`Attachment`] has a task of its own that dials, listens and comes back ([`Runner`]); what an MQTT client says
//! and when is the [`Link`]'s, which knows no socket. What is heard goes into the inbox like the packets of our own
//! clients, and all of it is one session: when the connection ends, everything heard over it is Stale. Answers go back
//! through the [`Outlets`], to the connection their Edge Node was heard on and to no other.
//! Invariant: no attachment, whatever its broker does, stops our own broker or another attachment.

mod address;
mod backoff;
mod dial;
mod fault;
mod frame;
mod link;
mod outlets;
mod runner;
mod said;
mod status;

use std::time::Duration;

use factree_mqtt::ProtocolVersion;

pub(crate) use address::Parsed;
pub use address::{BrokerUrl, Scheme, Secret};
pub use dial::ClientTls;
pub(crate) use dial::Stream;
pub(crate) use fault::Fault;
pub(crate) use outlets::{Outlet, Outlets};
pub(crate) use runner::Runner;
pub(crate) use status::{Count, Phase, Status};

/// One foreign broker to be attached to.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// What people call it; unique among the attachments.
    pub name: String,
    /// Where it is.
    pub url: BrokerUrl,
    /// How MQTT is spoken with it.
    pub version: ProtocolVersion,
    /// Our client id there.
    pub client_id: String,
    /// User name.
    pub username: Option<String>,
    /// Password.
    pub password: Option<Secret>,
    /// Whom to trust and who we are; there if the scheme has TLS.
    pub tls: Option<ClientTls>,
    /// The keep-alive we promise; whole seconds.
    pub keep_alive: Duration,
    /// Our host id there; an identifier of a Sparkplug topic.
    pub host: String,
    /// What Edge Nodes are told of us.
    pub state: StateWord,
    /// Topic filters of plain messages that belong into the tree, none of which covers Sparkplug's.
    pub filters: Vec<String>,
    /// How long the broker may take: from dialling to its SUBACK, and to answer a PINGREQ.
    pub connect_timeout: Duration,
    /// How long to wait after the first connection that failed; the next ones take longer.
    pub retry_min: Duration,
    /// The longest wait.
    pub retry_max: Duration,
}

/// What Edge Nodes behind a foreign broker are told of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateWord {
    /// Nothing.
    Silent,
    /// STATE as Sparkplug 3.0 has it.
    Told,
    /// And the text `ONLINE` or `OFFLINE` on `STATE/{host}` for those of Sparkplug 2.2.
    ToldWithLegacy,
}

impl Attachment {
    /// The version as the configuration spells it.
    pub fn version_name(&self) -> &'static str {
        match self.version {
            ProtocolVersion::V311 => "3.1.1",
            ProtocolVersion::V5 => "5.0",
        }
    }
}
