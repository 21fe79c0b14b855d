//! What a topic name says about a Sparkplug message, as far as rights depend on it.
//!
//! A command and a STATE need another verb than other publications; what an Edge Node says about itself may be pinned
//! to who it is. That is read off the topic name alone and generously: `spBv1.0/g/NCMD` with levels too few or too many
//! is a command here, though no Edge Node would take it for one. Knows no payloads.
//! Invariant: whatever an Edge Node or a Host Application could act upon as a command is [`Message::Command`].

use std::borrow::Cow;

use crate::level;
use crate::verb::Verb;

/// The namespace element of every topic `tck-id-topic-structure-namespace-a`.
const NAMESPACE: &str = "spBv1.0/";

/// What is published on a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Nothing of Sparkplug's, or nothing that it knows.
    Plain,
    /// NBIRTH, NDATA, NDEATH, DBIRTH, DDATA, DDEATH: what an Edge Node says.
    EdgeNode {
        /// The group id.
        group: &'a str,
        /// The edge node id; empty if there is none.
        edge_node: &'a str,
    },
    /// NCMD or DCMD.
    Command,
    /// STATE of a Host Application.
    State {
        /// Its id; everything behind `STATE/`.
        host: &'a str,
    },
}

impl<'a> Message<'a> {
    /// Looks at a topic name.
    #[inline]
    pub fn of(topic: &'a str) -> Self {
        if topic.starts_with(NAMESPACE) { Self::in_namespace(topic) } else { Message::Plain }
    }

    fn in_namespace(topic: &'a str) -> Self {
        let (group, rest) = level(topic, NAMESPACE.len());
        if group == "STATE" {
            return Message::State { host: topic.get(rest..).unwrap_or("") };
        }
        let (kind, rest) = level(topic, rest);
        match kind {
            "NCMD" | "DCMD" => Message::Command,
            "NBIRTH" | "NDATA" | "NDEATH" | "DBIRTH" | "DDATA" | "DDEATH" => {
                Message::EdgeNode { group, edge_node: level(topic, rest).0 }
            }
            _ => Message::Plain,
        }
    }

    /// What one must be allowed to do in order to publish it.
    #[inline]
    pub const fn verb(self) -> Verb {
        match self {
            Message::Plain | Message::EdgeNode { .. } => Verb::Write,
            Message::Command | Message::State { .. } => Verb::Command,
        }
    }
}

/// The level that begins at `from`, and where the next one does. Behind the end all levels are empty.
#[inline]
fn level(topic: &str, from: usize) -> (&str, usize) {
    if from > topic.len() {
        return ("", from);
    }
    let end = level::end(topic.as_bytes(), from);
    (&topic[from..end], end + 1)
}

/// Where a Sparkplug Aware server retains births.
const CERTIFICATES: &str = "$sparkplug/certificates/";

/// The topic that a certificate was published on, since whoever may read that one may read this one, and nobody else; any other
/// topic is its own.
#[inline]
pub(crate) fn original(topic: &str) -> &str {
    topic.strip_prefix(CERTIFICATES).unwrap_or(topic)
}

/// The same of all that a filter matches.
pub(crate) fn originals(filter: &str) -> Cow<'_, str> {
    let Some(below) = filter.strip_prefix("$sparkplug/") else { return filter.into() };
    // There is nothing but certificates, and they are of births.
    let births = match below.split_once('/') {
        Some(("certificates" | "+", births)) => births,
        None if below == "#" => below,
        Some(_) | None => return filter.into(),
    };
    match births.split_once('/') {
        Some(("+", rest)) => format!("{NAMESPACE}{rest}").into(),
        None if births == "#" => format!("{NAMESPACE}#").into(),
        Some(_) | None => births.into(),
    }
}
