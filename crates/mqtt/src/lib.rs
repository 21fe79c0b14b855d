//! MQTT 3.1.1 and 5.0: bytes to packets and back.
//!
//! One packet model shaped like 5.0; the version is an argument. [`decode`] works in place: every packet borrows from
//! the bytes it came from, nothing is allocated, and what a peer declares is held against [`Limits`] before anything is
//! done about it. [`encode`] appends to a buffer of the caller's.
//!
//! Knows nothing of sockets, sessions, clocks or of who may say what: packets that only a server may send decode for
//! anybody, and whoever owns the connection judges their direction. No input makes it panic; a [`DecodeError`] says
//! what is wrong, which rule says so, and what to answer.
mod decode;
mod encode;
mod error;
pub mod limits;
mod list;
pub mod packet;
pub mod property;
pub mod reason;
pub mod topic;
mod wire;

pub use decode::{Decoded, decode, decode_connect};
pub use encode::{encode, encode_publish, encoded_len, encoded_publish_len};
pub use error::{Answer, DecodeError, Violation};
pub use limits::{Limits, LimitsError};
pub use list::List;
pub use packet::*;
pub use property::{SubscriptionIdentifiers, UserProperties, UserPropertiesBuf};
pub use reason::ReasonCode;
pub use topic::{TopicError, TopicFilter, TopicFilterBuf, TopicName, TopicNameBuf};
