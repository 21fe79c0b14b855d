//! Attachments in JSON: the foreign brokers and how each is doing.
//!
//! Knows nothing of who dials. Invariant: nothing secret has a member here.

use serde::Serialize;
use utoipa::ToSchema;

use super::Rfc3339;
use crate::attachments::AttachmentReport;

/// All attachments, in the order of the configuration.
#[derive(Serialize, ToSchema)]
pub(crate) struct Attachments<'a> {
    pub(crate) attachments: Vec<Attachment<'a>>,
}

/// A foreign broker we are attached to.
#[derive(Serialize, ToSchema)]
pub(crate) struct Attachment<'a> {
    /// What the configuration calls it.
    #[schema(example = "plant1")]
    name: &'a str,
    /// Where it is, without user name and password.
    #[schema(example = "mqtts://broker.plant1:8883")]
    url: &'a str,
    /// Of MQTT.
    #[schema(example = "5.0")]
    version: &'a str,
    /// Our client id there.
    client_id: &'a str,
    /// Our host id there.
    host_id: &'a str,
    /// Whether Edge Nodes there are told of us.
    publish_state: bool,
    /// Topic filters of plain messages.
    filters: &'a [String],
    #[schema(value_type = crate::openapi::shape::AttachmentState)]
    state: &'static str,
    /// When it came into this state.
    since: Rfc3339,
    /// It stays when it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<LastError<'a>>,
    counters: AttachmentCounts,
}

/// What went wrong last with an attachment.
#[derive(Serialize, ToSchema)]
struct LastError<'a> {
    at: Rfc3339,
    /// `unreachable`, `handshake`, `silent`, `refused`, `closed`, `protocol`, or `state` where somebody disputes our STATE.
    #[schema(example = "closed")]
    class: &'static str,
    /// For people.
    text: &'a str,
}

/// What an attachment counted since this process started.
#[derive(Serialize, ToSchema)]
struct AttachmentCounts {
    /// Connections that came as far as their SUBACK.
    connects: u64,
    /// Publications heard.
    messages: u64,
    /// MQTT bytes read.
    bytes_received: u64,
    /// MQTT bytes written.
    bytes_sent: u64,
    /// Commands and rebirth requests that went out.
    sent: u64,
    /// Those that did not.
    unsent: u64,
    /// Publications that were not taken.
    passed_over: u64,
    /// Retained Sparkplug messages, which say how things were.
    old_copies: u64,
}

impl<'a> Attachment<'a> {
    /// From the server's report.
    pub(crate) fn of(report: &'a AttachmentReport) -> Self {
        let counters = &report.counters;
        Attachment {
            name: &report.name,
            url: &report.url,
            version: report.version,
            client_id: &report.client_id,
            host_id: &report.host_id,
            publish_state: report.publish_state,
            filters: &report.filters,
            state: report.state,
            since: Rfc3339(report.since),
            last_error: report.last_error.as_ref().map(|(at, class, text)| LastError { at: Rfc3339(*at), class, text }),
            counters: AttachmentCounts {
                connects: counters.connects,
                messages: counters.messages,
                bytes_received: counters.bytes_received,
                bytes_sent: counters.bytes_sent,
                sent: counters.sent,
                unsent: counters.unsent,
                passed_over: counters.passed_over,
                old_copies: counters.old_copies,
            },
        }
    }
}
