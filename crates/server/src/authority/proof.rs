//! What is shown to be let in, and why somebody is not.
//!
//! The reason is for the log and the audit; the peer hears that it was not let in, and how long to wait if it was too often.
//! Invariant: nothing here can be printed that would let somebody in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use factree_auth::credential::{Certificate, Password, TokenError, Unmapped};
use factree_auth::directory::{Refusal, Refused};

/// What somebody shows to be let in.
pub(crate) enum Proof<'a> {
    /// Nothing: anonymous, if that is allowed from there.
    Nothing,
    /// A name and a password; the password may be a key or, where tokens are taken, a JWT.
    Password {
        /// May be empty beside a key or a token.
        username: &'a str,
        password: Password,
    },
    /// A client certificate that TLS has verified; a username beside it has to be its principal's name.
    Certificate { certificate: &'a Arc<Certificate>, username: Option<&'a str> },
    /// A key or a JWT.
    Bearer(&'a str),
    /// The value of a browser session's cookie.
    Session(&'a str),
    /// The same, by a page that asks by itself: not a use of the session.
    Watching(&'a str),
}

/// Somebody is not let in.
#[derive(Clone, Debug)]
pub(crate) struct NotLetIn {
    pub(crate) why: Why,
    /// As whom he came, as far as he said; not proven, and not fit for a line of text without escaping.
    pub(crate) who: Option<String>,
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// He shows nothing, and that is not enough.
    NoProof,
    /// He wants to be asked for it by a method of his own (MQTT 4.12).
    Method,
    /// What he shows is not good.
    Refused(Refusal),
    /// No rule makes his certificate somebody's.
    Certificate(Unmapped),
    /// His token is not good.
    Token(TokenError),
    /// His proof is somebody else's than he says he is.
    AnotherName,
    /// He, or everybody together, tries too often.
    TooOften {
        /// When it may be worth another try.
        wait: Duration,
    },
}

impl Why {
    /// The same of somebody who was let in before.
    pub(crate) fn as_refusal(self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal,
            Self::Token(TokenError::Expired) => Refusal::Expired,
            Self::NoProof
            | Self::Method
            | Self::Certificate(_)
            | Self::Token(_)
            | Self::AnotherName
            | Self::TooOften { .. } => Refusal::Changed,
        }
    }
}

impl NotLetIn {
    pub(crate) fn because(why: Why) -> Self {
        NotLetIn { why, who: None }
    }

    /// He came as somebody.
    #[must_use]
    pub(crate) fn of(self, who: &str) -> Self {
        NotLetIn { who: Some(self.who.unwrap_or_else(|| who.to_owned())), ..self }
    }

    /// How long to wait, which is all that the peer is told.
    pub(crate) fn wait(&self) -> Option<Duration> {
        if let Why::TooOften { wait } = self.why { Some(wait) } else { None }
    }
}

impl From<Refusal> for NotLetIn {
    fn from(refusal: Refusal) -> Self {
        Self::because(Why::Refused(refusal))
    }
}

impl From<TokenError> for NotLetIn {
    fn from(error: TokenError) -> Self {
        Self::because(Why::Token(error))
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProof => f.write_str("no username, key or certificate was shown"),
            Self::Method => f.write_str("no enhanced authentication method is supported"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Certificate(unmapped) => unmapped.fmt(f),
            Self::Token(error) => error.fmt(f),
            Self::AnotherName => f.write_str("the username is not whom the proof is of"),
            Self::TooOften { wait } => write!(f, "too often; not before {wait:.0?}"),
        }
    }
}

impl fmt::Display for NotLetIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.who {
            Some(who) => write!(f, "{who:?}: {}", self.why),
            None => self.why.fmt(f),
        }
    }
}

/// What a command has done, for the audit: what it was about, and how that was and is, without anything secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Done {
    /// `user.add`, `role.change` …
    pub(crate) verb: &'static str,
    /// `user/anna`, `role/fitter`, `key/{id}`, `session/{owner}`, `principal/token:carl`
    pub(crate) target: String,
    /// None: it was not there.
    pub(crate) old: Option<String>,
    /// None: it is no more.
    pub(crate) new: Option<String>,
}

/// Why a command was not carried out. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CommandError {
    /// The server is open, so there is no directory.
    Open,
    /// The directory refuses.
    Refused(Refused),
    /// The disk has no room.
    Full,
    /// The disk has failed; only a restart helps.
    Failed(String),
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("nobody logs in here: there is no [auth] in the configuration"),
            Self::Refused(refused) => refused.fmt(f),
            Self::Full => f.write_str("the disk is full, so nothing can be changed"),
            Self::Failed(why) => write!(f, "the disk has failed, so nothing can be changed: {why}"),
        }
    }
}

impl std::error::Error for CommandError {}
