//! Records: users, roles, keys, sessions and who is disabled, as they are stored.
//!
//! A record is a key (`user/anna`) and a value in JSON that begins with the version of the format. The types here are
//! the format; those of the directory may change on a Tuesday. What cannot be read is an error that names the record,
//! never a guess.
//! Invariant: what was written is read back the same.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Key, Session, StoredPassword, User};
use crate::credential::{Digest, KeyId, PasswordHash, SessionId};
use crate::grant::Grant;
use crate::name::Name;
use crate::pin::{IdPattern, Pin};
use crate::principal::Principal;
use crate::role::Role;
use crate::time::Timestamp;
use crate::verb::Verbs;

/// The version that is written.
const VERSION: u32 = 1;

/// Why a record cannot be taken back. Whoever was in it cannot log in until it is mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreError {
    /// The record's key, as far as it is text.
    pub key: String,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the record {:?} cannot be read: {}", self.key, self.why)
    }
}

impl std::error::Error for RestoreError {}

/// What a record is about, and what it says.
#[derive(Clone, Debug)]
pub(super) enum Record {
    User(Name, User),
    Role(Role),
    Key(KeyId, Key),
    Session(SessionId, Session),
    /// Named by a certificate or a token, and not let in, from when on.
    Disabled(Principal, Timestamp),
}

/// What a record is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum RecordId {
    User(Name),
    Role(Name),
    Key(KeyId),
    Session(SessionId),
    Disabled(Principal),
}

impl RecordId {
    pub(super) fn to_key(&self) -> Vec<u8> {
        match self {
            RecordId::User(name) => format!("user/{name}"),
            RecordId::Role(name) => format!("role/{name}"),
            RecordId::Key(id) => format!("key/{id}"),
            RecordId::Session(id) => format!("session/{}", id.0.to_hex()),
            RecordId::Disabled(who) => format!("disabled/{who}"),
        }
        .into_bytes()
    }

    fn of_key(key: &str) -> Option<Self> {
        let (kind, name) = key.split_once('/')?;
        match kind {
            "user" => Name::parse(name).ok().map(RecordId::User),
            "role" => Name::parse(name).ok().map(RecordId::Role),
            "key" => KeyId::parse(name).map(RecordId::Key),
            "disabled" => Principal::parse(name)
                .filter(|who| matches!(who, Principal::Certificate(_) | Principal::Token(_)))
                .map(RecordId::Disabled),
            "session" => Digest::from_hex(name).map(|digest| RecordId::Session(SessionId(digest))),
            _ => None,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserWire {
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<PasswordWire>,
    roles: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    disabled: bool,
    created: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordWire {
    phc: String,
    stamp: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleWire {
    v: u32,
    grants: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    edge_nodes: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyWire {
    v: u32,
    digest: String,
    owner: String,
    label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<String>>,
    verbs: String,
    created: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionWire {
    v: u32,
    owner: String,
    created: u64,
    used: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DisabledWire {
    v: u32,
    since: u64,
}

/// Any of the values, to see the version before anything else.
#[derive(Deserialize)]
struct Versioned {
    v: u32,
}

impl Record {
    pub(super) fn id(&self) -> RecordId {
        match self {
            Record::User(name, _) => RecordId::User(name.clone()),
            Record::Role(role) => RecordId::Role(role.name().clone()),
            Record::Key(id, _) => RecordId::Key(id.clone()),
            Record::Session(id, _) => RecordId::Session(*id),
            Record::Disabled(who, _) => RecordId::Disabled(who.clone()),
        }
    }

    pub(super) fn to_value(&self) -> Vec<u8> {
        let value = match self {
            Record::User(_, user) => serde_json::to_vec(&UserWire {
                v: VERSION,
                password: user.password.as_ref().map(PasswordWire::of),
                roles: texts(&user.roles),
                disabled: user.disabled,
                created: user.created.0,
            }),
            Record::Role(role) => serde_json::to_vec(&role_wire(role)),
            Record::Key(_, key) => serde_json::to_vec(&KeyWire {
                v: VERSION,
                digest: key.digest.to_hex(),
                owner: key.owner.to_string(),
                label: key.label.to_string(),
                roles: key.roles.as_deref().map(texts),
                verbs: key.verbs.to_string(),
                created: key.created.0,
                expires: key.expires.map(|at| at.0),
                used: key.used.map(|at| at.0),
            }),
            Record::Session(_, session) => serde_json::to_vec(&SessionWire {
                v: VERSION,
                owner: session.owner.to_string(),
                created: session.created.0,
                used: session.used.0,
            }),
            Record::Disabled(_, since) => serde_json::to_vec(&DisabledWire { v: VERSION, since: since.0 }),
        };
        value.expect("records are plain values")
    }

    pub(super) fn read(key: &[u8], value: &[u8]) -> Result<Self, RestoreError> {
        let text = String::from_utf8_lossy(key);
        let error = |why: String| RestoreError { key: text.clone().into_owned(), why };
        let id = std::str::from_utf8(key).ok().and_then(RecordId::of_key);
        let id = id.ok_or_else(|| error("its key is none".to_owned()))?;
        // The name says it all there, and nobody is let in because of what cannot be read.
        if !matches!(id, RecordId::Disabled(_)) {
            let version = parse::<Versioned>(value).map_err(error)?.v;
            if version != VERSION {
                return Err(error(format!("it is of version {version}, and only {VERSION} is known")));
            }
        }
        Self::of(id, value).map_err(error)
    }

    fn of(id: RecordId, value: &[u8]) -> Result<Self, String> {
        Ok(match id {
            RecordId::User(name) => {
                let wire: UserWire = parse(value)?;
                let password = wire.password.as_ref().map(PasswordWire::read).transpose()?;
                let (roles, created) = (names(&wire.roles)?, Timestamp(wire.created));
                Record::User(name, User { password, roles, disabled: wire.disabled, created })
            }
            RecordId::Role(name) => Record::Role(role(name.as_str(), &parse(value)?)?),
            RecordId::Key(id) => {
                let wire: KeyWire = parse(value)?;
                let key = Key {
                    digest: Digest::from_hex(&wire.digest).ok_or("its digest is none")?,
                    owner: Name::parse(&wire.owner).map_err(said)?,
                    label: Name::parse(&wire.label).map_err(said)?,
                    roles: wire.roles.as_deref().map(names).transpose()?,
                    verbs: Verbs::parse(&wire.verbs).map_err(|word| format!("{word:?} is no verb"))?,
                    created: Timestamp(wire.created),
                    expires: wire.expires.map(Timestamp),
                    used: wire.used.map(Timestamp),
                };
                Record::Key(id, key)
            }
            RecordId::Session(id) => {
                let wire: SessionWire = parse(value)?;
                let owner = Name::parse(&wire.owner).map_err(said)?;
                Record::Session(id, Session { owner, created: Timestamp(wire.created), used: Timestamp(wire.used) })
            }
            RecordId::Disabled(who) => {
                let since = parse::<DisabledWire>(value).map_or(0, |wire| wire.since);
                Record::Disabled(who, Timestamp(since))
            }
        })
    }
}

impl PasswordWire {
    fn of(password: &StoredPassword) -> Self {
        PasswordWire { phc: password.hash.to_phc(), stamp: password.stamp.to_hex() }
    }

    fn read(&self) -> Result<StoredPassword, String> {
        let stamp = Digest::from_hex(&self.stamp).ok_or("the stamp of its password is none")?;
        Ok(StoredPassword { hash: PasswordHash::parse(&self.phc).map_err(said)?, stamp })
    }
}

fn role_wire(role: &Role) -> RoleWire {
    let mut wire = RoleWire {
        v: VERSION,
        grants: role.grants().iter().map(Grant::to_string).collect(),
        edge_nodes: Vec::new(),
        hosts: Vec::new(),
    };
    for pin in role.pins() {
        match pin {
            Pin::EdgeNode { group, edge_node } => wire.edge_nodes.push((group.to_string(), edge_node.to_string())),
            Pin::Host(host) => wire.hosts.push(host.to_string()),
        }
    }
    wire
}

fn role(name: &str, wire: &RoleWire) -> Result<Role, String> {
    let grants = wire.grants.iter().map(|text| Grant::parse(text)).collect::<Result<_, _>>().map_err(said)?;
    let pattern = |text: &String| IdPattern::parse(text).map_err(said);
    let edge_nodes = wire
        .edge_nodes
        .iter()
        .map(|(group, edge_node)| Ok(Pin::EdgeNode { group: pattern(group)?, edge_node: pattern(edge_node)? }));
    let hosts = wire.hosts.iter().map(|host| pattern(host).map(Pin::Host));
    let pins = edge_nodes.chain(hosts).collect::<Result<_, String>>()?;
    Role::new(name, grants, pins).map_err(said)
}

fn parse<T: for<'de> Deserialize<'de>>(value: &[u8]) -> Result<T, String> {
    serde_json::from_slice(value).map_err(said)
}

fn said(error: impl fmt::Display) -> String {
    error.to_string()
}

fn texts(names: &[Name]) -> Vec<String> {
    names.iter().map(Name::to_string).collect()
}

fn names(texts: &[String]) -> Result<Vec<Name>, String> {
    texts.iter().map(|text| Name::parse(text).map_err(said)).collect()
}
