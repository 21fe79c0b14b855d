//! The audit log, as `factree-auth` writes its records in JSON.
//!
//! Invariant: what an entry need not have is an `Option`.

use serde::Serialize;
use utoipa::ToSchema;

use super::Time;

/// Some entries of the audit log.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditPage {
    entries: Vec<AuditEntry>,
    /// Where to go on; left out when there is nothing more.
    next_cursor: Option<String>,
}

/// What somebody did.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "seq": 4711, "time": "2026-01-31T12:00:00.012Z", "monotonic_ns": 81_734_000_000_000_u64, "principal": "user:anna",
    "address": "10.0.0.7", "verb": "command", "target": "Acme/Dallas/Paint/Line1/Oven1/Zone/1/SetPoint",
    "old": "168.0", "new": "171.5", "reason": "Order 4711 needs it", "result": "begun"
}))]
pub(crate) struct AuditEntry {
    /// Its number in the log. Heads and starts of segments have numbers too, so some are missing here.
    seq: u64,
    time: Time,
    /// Nanoseconds since the process began that wrote it, which no clock setting changes.
    monotonic_ns: u64,
    /// The wall clock was set since the entry before.
    clock_stepped: Option<bool>,
    /// A text was longer than 8,192 bytes and was cut.
    clipped: Option<bool>,
    /// Who, or what somebody claimed to be.
    principal: String,
    /// From where.
    address: Option<String>,
    /// What was done.
    verb: String,
    /// To what.
    target: String,
    /// What was there before.
    old: Option<String>,
    /// What was to be there after.
    new: Option<String>,
    /// Why, as the principal said.
    reason: Option<String>,
    /// `begun`, `done`, `refused`, `failed` or `lost`, and behind a colon what more there is to say.
    result: String,
}
