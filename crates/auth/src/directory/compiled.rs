//! Rights that many share are compiled once.
//!
//! A fleet of ten thousand devices with the same roles needs its thousand grants once, not ten thousand times; only
//! where a placeholder makes them personal has each login its own. Kept as long as anybody holds them.
//! Invariant: what is kept was compiled from the roles as they are; whoever changes one calls [`Compiled::forget`].

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crate::access::Access;
use crate::name::Name;
use crate::role::Role;
use crate::template::Fill;
use crate::verb::Verbs;

/// How many there are before those that nobody holds are looked for.
const SWEEP_AT: usize = 64;

/// Rights by the names of the roles and the verbs of them.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    known: HashMap<(Vec<Name>, Verbs), Weak<Access>>,
    sweep_at: usize,
}

impl Compiled {
    /// The rights that these roles give.
    pub(super) fn access(&mut self, roles: &[&Role], fill: Fill<'_>, mask: Verbs) -> Arc<Access> {
        let compile = |fill| Arc::new(Access::compile(roles.iter().copied(), fill, mask));
        if roles.iter().any(|role| role.is_personal()) {
            return compile(fill);
        }
        let names = (roles.iter().map(|role| role.name().clone()).collect(), mask);
        if let Some(known) = self.known.get(&names).and_then(Weak::upgrade) {
            return known;
        }
        if self.known.len() >= self.sweep_at.max(SWEEP_AT) {
            self.known.retain(|_, access| access.strong_count() > 0);
            self.sweep_at = 2 * self.known.len();
        }
        // Nobody's in particular: there is nothing to put in.
        let access = compile(Fill::default());
        self.known.insert(names, Arc::downgrade(&access));
        access
    }

    /// A role has changed.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }
}
