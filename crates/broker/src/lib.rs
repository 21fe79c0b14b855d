//! An MQTT broker without sockets, tasks or clocks.
//!
//! The driver hands in one [`Input`] after another together with the time; [`Broker::handle`] appends [`Output`]s that
//! say what to do. Messages on their way out are taken in batches with [`Broker::take_deliveries`] and encoded outside.
//! Since nothing here waits or reads a clock, a test lives a week in a millisecond and a seed replays a failure.
//!
//! Where things are: `broker` is the spine, `connect`, `subscribing`, `announcing`, `refusal` and `ending` its chapters, `view` what can
//! be looked at. `journal` notes what must outlive the process as [`Write`]s, and `restore` goes on from them. `session` (with `inbound`, `outbound`, `queue`, `will`) is one client, `subscriptions`
//! and `shared` say who wants a topic, `retained` what a topic said last, `deadlines` when to look again. Parts own
//! their state and never call each other; only the spine does. `alias` and `encoder` are the connection task's.
//!
//! `holder` and `judging` ask [`factree_auth::Access`] what may be published, subscribed and delivered.
//!
//! This crate knows nothing of Sparkplug, of payloads, or of how somebody proves who he is.
//! Invariant: a peer can cause a reason code, a close, or a counted loss under a named policy, and never a panic;
//! queues and tables grow only as far as [`Limits`] says.

mod alias;
mod announcing;
mod broker;
mod bucket;
mod connect;
mod deadlines;
mod delivery;
mod encoder;
mod ending;
mod event;
mod holder;
mod identity;
mod inbound;
mod input;
mod journal;
mod judging;
mod level_tree;
mod limits;
mod outbound;
mod output;
mod publication;
mod queue;
mod refusal;
mod reply;
mod restore;
mod retained;
mod session;
mod sessions;
mod shared;
mod stats;
mod subscribing;
mod subscriptions;
mod takeovers;
mod tally;
mod view;
mod will;
mod write;

pub use alias::{ResolvedTopic, TopicAliases};
pub use announcing::{Announced, Room};
pub use broker::Broker;
pub use bucket::{Bucket, Rate};
pub use delivery::{Delivery, More};
pub use encoder::DeliveryEncoder;
pub use event::{Ending, Event};
pub use holder::{Holder, Right};
pub use identity::{ClientId, ConnectionId};
pub use input::{Input, Lost};
pub use limits::Limits;
pub use output::{Accepted, Output, Outputs, Refused};
pub use publication::Publication;
pub use refusal::Refusal;
pub use reply::{ConnAckReply, Reply};
pub use restore::Restored;
pub use stats::Stats;
pub use tally::Tally;
pub use view::SessionView;
pub use will::WillRewrite;
pub use write::{Calendar, DeliveryNumber, Key, Kind, MessageNumber, Record, SessionNumber, UnreadableRecord, Write};
