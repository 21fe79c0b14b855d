//! What can be done: four verbs, and sets of them.
//!
//! A set is a bit for each verb, so that a decision compares numbers. Knows nothing of what they are done to.
//! Invariant: a set has no bit that is no verb.

use std::fmt;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Verb {
    /// Be shown: a delivery, a subscription, a sample.
    Read = 1,
    /// Say something about the plant: publish.
    Write = 2,
    /// Make the plant do something: NCMD, DCMD, a value set over HTTP; and STATE, which stops and starts Edge Nodes.
    Command = 4,
    /// Change how Factree itself works.
    Admin = 8,
}

impl Verb {
    /// All of them, as they are listed.
    pub const ALL: [Verb; 4] = [Verb::Read, Verb::Write, Verb::Command, Verb::Admin];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verb::Read => "read",
            Verb::Write => "write",
            Verb::Command => "command",
            Verb::Admin => "admin",
        }
    }

    /// The verb a word stands for.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == text)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Some of the verbs.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Verbs(u8);

impl Verbs {
    /// None of them.
    pub const NONE: Verbs = Verbs(0);
    /// Each of them.
    pub const ALL: Verbs = Verbs(Verb::Read as u8 | Verb::Write as u8 | Verb::Command as u8 | Verb::Admin as u8);

    /// These.
    pub fn of(verbs: impl IntoIterator<Item = Verb>) -> Self {
        Verbs(verbs.into_iter().fold(0, |bits, verb| bits | verb as u8))
    }

    /// Whether this one is among them.
    #[inline]
    pub const fn has(self, verb: Verb) -> bool {
        self.0 & verb as u8 != 0
    }

    /// Those of either.
    #[inline]
    #[must_use]
    pub const fn or(self, other: Verbs) -> Verbs {
        Verbs(self.0 | other.0)
    }

    /// Those of both.
    #[must_use]
    pub const fn and(self, other: Verbs) -> Verbs {
        Verbs(self.0 & other.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// One after another.
    pub fn iter(self) -> impl Iterator<Item = Verb> {
        Verb::ALL.into_iter().filter(move |verb| self.has(*verb))
    }

    /// Reads `read,write`.
    ///
    /// # Errors
    /// The first word that is no verb.
    pub fn parse(text: &str) -> Result<Self, String> {
        let verb = |word: &str| Verb::parse(word).ok_or_else(|| word.to_owned());
        text.split(',').map(verb).collect::<Result<Vec<_>, _>>().map(Verbs::of)
    }
}

impl From<Verb> for Verbs {
    fn from(verb: Verb) -> Self {
        Verbs(verb as u8)
    }
}

impl fmt::Display for Verbs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, verb) in self.iter().enumerate() {
            write!(f, "{}{verb}", if position == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Verbs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verbs({self})")
    }
}
