//! The judges, rule by rule: one test for each assertion of the specification that is detected, named after it.
//!
//! A test tells a piece of a life twice: as it should be, in silence, and with one thing wrong, which is found under that
//! rule and under no other. The files follow the specification's chapters.

mod applications;
mod births;
mod commands;
mod connections;
mod data;
mod life;
mod order;
mod ours;
mod recordings;
mod structures;
mod topics;

use factree_sparkplug::{Detection, Rule, catalogue};
use life::Life;
use std::collections::BTreeSet;

/// `name, another => |life| …;`: each name is a test that tells the same.
macro_rules! rules {
    ($($($name:ident),+ => $tell:expr;)*) => {
        $($(
            #[test]
            fn $name() {
                crate::breaks(stringify!($name), $tell);
            }
        )+)*
    };
}
pub(crate) use rules;

/// The rule that a test is named after.
fn rule(name: &str) -> &'static Rule {
    let named = |rule: &&Rule| rule.tck_id.replace('-', "_").eq_ignore_ascii_case(name);
    catalogue().iter().find(named).unwrap_or_else(|| panic!("no rule is called {name}"))
}

fn breaks(name: &str, tell: impl Fn(&mut Life)) {
    let mut right = Life::right();
    tell(&mut right);
    assert_eq!(right.found(), BTreeSet::new(), "told as it should be");
    let mut wrong = Life::wrong();
    tell(&mut wrong);
    let found = wrong.found();
    match rule(name).detection {
        Detection::Anywhere | Detection::AsBroker => assert_eq!(found, BTreeSet::from([rule(name).tck_id])),
        Detection::SameAs(others) => {
            assert!(!found.is_empty() && found.iter().all(|found| others.contains(found)), "found {found:?}");
        }
        Detection::Unseen(_) | Detection::Permitted => panic!("{name} is not said to be detected"),
    }
}
