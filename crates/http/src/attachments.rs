//! `GET /api/v1/attachments`: the foreign brokers we are attached to, and how each of them is doing.
//!
//! Who dials and counts is the server; it answers through [`App::attachments`] with plain copies. Nothing secret is in
//! them: an address has no user name, and there is no field for a password.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use factree_auth::{Area, Verb};
use factree_namespace::Timestamp;

use crate::caller::Caller;
use crate::problem::Problem;
use crate::query::Query;
use crate::wishes::Wishes;
use crate::{App, dto};

/// One foreign broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentReport {
    /// What people call it.
    pub name: String,
    /// Where it is, without user name and password.
    pub url: String,
    /// `3.1.1` or `5.0`.
    pub version: &'static str,
    /// Our client id there.
    pub client_id: String,
    /// Our host id there.
    pub host_id: String,
    /// Whether Edge Nodes there are told of us.
    pub publish_state: bool,
    /// Topic filters of plain messages.
    pub filters: Vec<String>,
    /// `connecting`, `online`, `offline` or `stopped`.
    pub state: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// When, of which class and how something went wrong last.
    pub last_error: Option<(Timestamp, &'static str, String)>,
    /// What was counted.
    pub counters: AttachmentCounters,
}

impl AttachmentReport {
    /// Whether what is sent there now would leave.
    pub(crate) fn is_online(&self) -> bool {
        self.state == "online"
    }
}

/// Plain counts of an attachment since this process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttachmentCounters {
    /// Connections that came as far as their SUBACK.
    pub connects: u64,
    /// Publications heard.
    pub messages: u64,
    /// MQTT bytes read.
    pub bytes_received: u64,
    /// MQTT bytes written.
    pub bytes_sent: u64,
    /// Commands and rebirth requests that went out.
    pub sent: u64,
    /// Those that did not.
    pub unsent: u64,
    /// Publications that were not taken: too large, malformed, or on a topic too long or too deep.
    pub passed_over: u64,
    /// Retained Sparkplug messages that stood there when we subscribed.
    pub old_copies: u64,
}

/// Foreign brokers.
///
/// The brokers we are attached to, and how each of them is doing.
#[utoipa::path(
    get, path = "/api/v1/attachments", tag = "server", operation_id = "list_attachments",
    responses(
        (status = 200, description = "All attachments.", body = dto::Attachments<'static>),
        (status = 304, description = "It is what you have."),
        (status = 400, description = "bad-parameter"),
        (status = 403, description = "not-allowed"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    wishes: Wishes,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.manage(Verb::Read, Area::Config)?;
    Query::parse(uri.query(), &[])?;
    let reports = (app.attachments)();
    let attachments = reports.iter().map(dto::Attachment::of).collect();
    Ok(wishes.json(dto::to_json(&dto::Attachments { attachments })).await)
}
