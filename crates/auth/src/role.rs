//! Roles: named sets of grants and pins, and the four that are always there.
//!
//! A role is a value; who holds it is the [`Directory`](crate::Directory)'s business. Knows nothing of principals.
//! Invariant: the built-in roles can be neither changed nor shadowed.

use std::fmt;
use std::sync::Arc;

use crate::grant::{Area, Grant};
use crate::limits::GRANTS_PER_ROLE_MAX;
use crate::name::{Name, NameError};
use crate::pin::Pin;
use crate::verb::{Verb, Verbs};

/// A named set of grants and pins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    name: Name,
    grants: Arc<[Grant]>,
    pins: Arc<[Pin]>,
}

/// Why there is no such role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleError {
    /// Of its name.
    Name(NameError),
    /// One of the four that are always there.
    BuiltIn,
    /// More than [`GRANTS_PER_ROLE_MAX`] grants or pins.
    TooManyGrants,
}

impl fmt::Display for RoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => error.fmt(f),
            Self::BuiltIn => f.write_str("reader, writer, operator and admin are built in; choose another name"),
            Self::TooManyGrants => write!(f, "a role has at most {GRANTS_PER_ROLE_MAX} grants and as many pins"),
        }
    }
}

impl std::error::Error for RoleError {}

impl Role {
    /// A role. One without grants allows nothing, which is a way to suspend it.
    ///
    /// # Errors
    /// [`RoleError`].
    pub fn new(name: &str, grants: Vec<Grant>, pins: Vec<Pin>) -> Result<Self, RoleError> {
        let name = Name::parse(name).map_err(RoleError::Name)?;
        if BUILT_IN.contains(&name.as_str()) {
            return Err(RoleError::BuiltIn);
        }
        if grants.len() > GRANTS_PER_ROLE_MAX || pins.len() > GRANTS_PER_ROLE_MAX {
            return Err(RoleError::TooManyGrants);
        }
        Ok(Role { name, grants: grants.into(), pins: pins.into() })
    }

    /// What it is called.
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// What it grants.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// Whom its holders are pinned to; if there are none, to nobody in particular.
    pub fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// Whether it gives each holder something else: one of its grants or pins has a placeholder.
    pub fn is_personal(&self) -> bool {
        self.grants.iter().any(Grant::is_personal) || self.pins.iter().any(Pin::is_personal)
    }

    /// The four that are always there.
    ///
    /// `reader` reads everything but `$SYS`; `writer` also publishes; `operator` reads and commands; `admin` may do
    /// everything. Neither `writer` nor `operator` may do what the other is for.
    pub fn built_in() -> [Role; 4] {
        let read = Verbs::from(Verb::Read);
        let everything = Verbs::of([Verb::Read, Verb::Write, Verb::Command]);
        let whole_plant = |verbs: Verbs| {
            vec![Grant::topics(verbs, "#"), Grant::tree(verbs, "#"), Grant::area(read, Some(Area::Conformance))]
        };
        let administration = [Grant::topics(read, "$SYS/#"), Grant::area(Verbs::of([Verb::Read, Verb::Admin]), None)];
        let role = |name: &str, grants: Vec<Result<Grant, _>>| Role {
            name: Name::parse(name).expect("a plain word"),
            grants: grants.into_iter().map(|grant| grant.expect("the built-in grants are well formed")).collect(),
            pins: Arc::default(),
        };
        let [reader, writer, operator, admin] = BUILT_IN;
        [
            role(reader, whole_plant(read)),
            role(writer, whole_plant(Verbs::of([Verb::Read, Verb::Write]))),
            role(operator, whole_plant(Verbs::of([Verb::Read, Verb::Command]))),
            role(admin, whole_plant(everything).into_iter().chain(administration).collect()),
        ]
    }

    /// Whether a name is that of a built-in role.
    pub fn is_built_in(name: &str) -> bool {
        BUILT_IN.contains(&name)
    }
}

const BUILT_IN: [&str; 4] = ["reader", "writer", "operator", "admin"];
