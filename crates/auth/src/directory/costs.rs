//! Costs: what it takes to check the passwords that are stored.
//!
//! The cost may be raised while hashes stay as they were made until their owners come. Whoever is not known is to take as long
//! as most of those who are, so the hashes are counted by what each takes.
//! Invariant: what is counted are the users who can log in with a password, each once.

use hashbrown::HashMap;

use super::User;
use crate::credential::Cost;

/// How many hashes were made at each cost.
#[derive(Debug, Default)]
pub(super) struct Costs(HashMap<Cost, usize>);

impl Costs {
    pub(super) fn count(&mut self, user: &User) {
        if let Some(cost) = of(user) {
            *self.0.entry(cost).or_default() += 1;
        }
    }

    pub(super) fn discount(&mut self, user: &User) {
        let Some(cost) = of(user) else { return };
        let count = self.0.get_mut(&cost).expect("he was counted");
        *count -= 1;
        if *count == 0 {
            self.0.remove(&cost);
        }
    }

    /// That of most; of as many the one that takes more memory.
    pub(super) fn usual(&self) -> Option<Cost> {
        self.0.iter().max_by_key(|(cost, count)| (**count, cost.memory_kib())).map(|(cost, _)| *cost)
    }
}

fn of(user: &User) -> Option<Cost> {
    user.password.as_ref().filter(|_| !user.disabled).map(|password| password.hash.cost())
}
