//! Why an attachment is without its broker, in words for whoever has to mend it.
//!
//! A foreign broker's mistakes cost the connection to it and nothing else. What it says itself (reason strings) is
//! quoted and cut, because it ends up in logs and in the API.
//! Invariant: no fault holds anything of ours that is secret.

use std::fmt;
use std::time::Duration;

use factree_mqtt::{DecodeError, ReasonCode};

/// So much of what the broker says is repeated. Characters.
const SAID_MAX: usize = 200;

/// Why there is no connection, or no longer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    /// No TCP connection.
    Unreachable(String),
    /// No TLS, or no WebSocket, over it.
    Handshake { what: &'static str, why: String },
    /// The broker does not answer.
    Silent { awaited: &'static str, after: Duration },
    /// It refused the CONNECT.
    Refused { reason: ReasonCode, said: Option<String> },
    /// It refused a subscription.
    NotSubscribed { filter: String, reason: ReasonCode },
    /// It cannot do what a Host Application needs.
    Lacking(&'static str),
    /// It holds a STATE of ours that is later than what we say now, so nobody would believe us.
    Overtaken,
    /// It closed the connection; from 5.0 on it may say why.
    Closed { reason: Option<ReasonCode>, said: Option<String> },
    /// What it sends is not MQTT.
    Malformed(DecodeError),
    /// It sends what no server may send at this point.
    Unexpected(&'static str),
}

impl Fault {
    /// The connection is gone, and nobody said why.
    pub(crate) const CLOSED: Fault = Fault::Closed { reason: None, said: None };

    /// All classes, in the order of [`Fault::class_number`].
    pub(crate) const CLASSES: [&'static str; 6] =
        ["unreachable", "handshake", "silent", "refused", "closed", "protocol"];

    /// What kind of fault it is: one of few words, for figures and programs.
    pub(crate) fn class(&self) -> &'static str {
        Self::CLASSES[self.class_number()]
    }

    pub(crate) fn class_number(&self) -> usize {
        match self {
            Fault::Unreachable(_) => 0,
            Fault::Handshake { .. } => 1,
            Fault::Silent { .. } => 2,
            Fault::Refused { .. } | Fault::NotSubscribed { .. } | Fault::Lacking(_) => 3,
            Fault::Closed { .. } | Fault::Overtaken => 4,
            Fault::Malformed(_) | Fault::Unexpected(_) => 5,
        }
    }
}

/// What the broker said, fit to be repeated.
pub(crate) fn quoted(said: Option<&str>) -> Option<String> {
    said.map(|said| format!("{:?}", said.chars().take(SAID_MAX).collect::<String>()))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let and_said = |f: &mut fmt::Formatter<'_>, said: &Option<String>| match said {
            Some(said) => write!(f, "; it says {said}"),
            None => Ok(()),
        };
        match self {
            Fault::Unreachable(why) => write!(f, "cannot be reached: {why}"),
            Fault::Handshake { what, why } => write!(f, "{what} handshake failed: {why}"),
            Fault::Silent { awaited, after } => write!(f, "no {awaited} within {after:?}"),
            Fault::Refused { reason, said } => {
                write!(f, "refuses the connection: {reason}")?;
                and_said(f, said)?;
                match reason {
                    ReasonCode::UnsupportedProtocolVersion => {
                        f.write_str("; it does not speak this version of MQTT: set the other one with `version`")
                    }
                    ReasonCode::BadUserNameOrPassword => f.write_str("; look at `username` and `password`"),
                    ReasonCode::NotAuthorized => {
                        f.write_str("; look at `username` and `password`, and at what the broker lets this client do")
                    }
                    ReasonCode::ClientIdentifierNotValid => f.write_str("; set another `client_id`"),
                    _ => Ok(()),
                }
            }
            Fault::NotSubscribed { filter, reason } => {
                write!(f, "refuses the subscription to {filter:?}: {reason}; this client must be allowed to read there")
            }
            Fault::Lacking(what) => {
                write!(f, "does not support {what}, which STATE messages need; see `publish_state`")
            }
            Fault::Overtaken => f.write_str(
                "holds a STATE of ours from a clock that was ahead of this one; we connect again, to be later than that",
            ),
            Fault::Closed { reason: Some(reason), said } => {
                write!(f, "closed the connection: {reason}")?;
                and_said(f, said)?;
                match reason {
                    ReasonCode::SessionTakenOver => {
                        f.write_str("; another client uses this client id: set another `client_id`")
                    }
                    _ => Ok(()),
                }
            }
            Fault::Closed { reason: None, .. } => f.write_str("closed the connection without saying why"),
            Fault::Malformed(error) => write!(f, "sends what is not MQTT: {}: {}", error.packet, error.what),
            Fault::Unexpected(what) => write!(f, "sent {what} where it must not"),
        }
    }
}

impl std::error::Error for Fault {}
