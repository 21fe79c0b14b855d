//! What the host noticed that ought not to be: a rule, and the message's evidence against it.
//!
//! Rules are constants, so a finding costs no memory. Within one message a rule is reported once, with a count and an
//! example, however many metrics break it (SP27).

use super::{DeviceIndex, EdgeNodeIndex};

/// A rule that a peer can break: an assertion of the specification, or a limit of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// The assertion's identifier (`tck-id-…`), or `factree-…` where the rule is ours.
    pub tck_id: &'static str,
    /// What happened, in a few words.
    pub text: &'static str,
}

/// A rule broken by one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The Edge Node, if the host keeps it.
    pub edge_node: Option<EdgeNodeIndex>,
    /// The device, if the host keeps it.
    pub device: Option<DeviceIndex>,
    /// Which rule.
    pub rule: Rule,
    /// How often within the message, at least 1.
    pub count: u32,
    /// The first metric that broke it, by its position in the payload.
    pub metric: Option<u32>,
    /// The number that was expected and the one that came, where it is about numbers.
    pub expected_got: Option<(u64, u64)>,
}
