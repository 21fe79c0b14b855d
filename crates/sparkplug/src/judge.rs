//! Whether those who publish keep Sparkplug's rules, as far as a payload, a packet or a session shows it.
//!
//! Each part judges one thing and knows the rules of that alone; what it finds goes to a
//! [`Reporter`](crate::host::finding::Reporter). Nothing here changes what the host makes of a message: a judge looks on.
//! Births are judged metric by metric. Data are looked at again only if decoding has seen something special about them
//! ([`Traits`](crate::payload::Traits)), so plain numbers cost nothing.
//! Where real clients are right against the letter, nothing is said: a finding is to be worth somebody's time.
//! Invariant: no part remembers more than its bounds, whatever peers send.

mod applications;
mod birth;
mod clock;
mod command;
mod data;
mod properties;
mod publish;
mod rebirths;
mod sessions;
mod spellings;
mod subscriptions;
mod topic;

pub(crate) use applications::Applications;
pub(crate) use birth::judge as judge_birth;
pub(crate) use command::{Declared, judge as judge_command};
pub(crate) use data::judge as judge_data;
pub(crate) use publish::judge as judge_publish;
pub(crate) use rebirths::Rebirths;
pub use sessions::{Connection, Will};
pub(crate) use sessions::{Sessions, Speaker};
pub(crate) use spellings::Spellings;
pub(crate) use topic::judge as judge_topic;

use crate::{Now, Payload, SessionKey, Topic};

/// A message, as a judge sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    pub(crate) now: Now,
    pub(crate) session: SessionKey,
    pub(crate) qos: u8,
    pub(crate) retained: bool,
    pub(crate) topic: Topic<'a>,
    /// What `payload` was decoded from.
    pub(crate) bytes: &'a [u8],
    pub(crate) payload: &'a Payload,
}
