//! Stories about who may do what.

use std::borrow::Cow;
use std::sync::Arc;

use factree_auth::{Access, Fill, Grant, IdPattern, Pin, Principal, Role, Verbs};
use factree_broker::{Announced, Holder, Outputs};

use super::World;
use crate::notation::Words;

/// The tree stands below a topic, and a topic is a path as it is.
#[derive(Debug)]
pub(super) struct Below(pub(super) &'static str);

impl Announced for Below {
    fn path<'t>(&self, topic: &'t str) -> Option<Cow<'t, str>> {
        topic.strip_prefix(self.0).map(Cow::Borrowed)
    }

    fn filter(&self, filter: &str) -> Option<String> {
        filter.strip_prefix(self.0).map(str::to_owned)
    }
}

impl World {
    /// `role NAME read:topics:a/# …`, `role NAME pin:GROUP:NODE`
    pub(super) fn role(&mut self, words: &mut Words<'_>) {
        let name = words.next().expect("a role has a name");
        let (mut grants, mut pins) = (Vec::new(), Vec::new());
        for word in std::mem::take(&mut words.0) {
            let (verbs, scope) = word.split_once(':').expect("verbs:scope");
            if verbs == "pin" {
                let (group, edge_node) = scope.split_once(':').expect("pin:group:node");
                let id = |text| IdPattern::parse(text).expect("an id");
                pins.push(Pin::EdgeNode { group: id(group), edge_node: id(edge_node) });
            } else {
                grants.push(Grant::parse(&format!("{verbs} {scope}")).expect("a grant"));
            }
        }
        self.roles.insert(name.to_owned(), Role::new(name, grants, pins).expect("a role"));
    }

    /// `as=user:anna roles=fitter,guest`; who brings nothing may do everything.
    pub(super) fn holder(&self, words: &mut Words<'_>) -> Arc<Holder> {
        let principal = words.setting("as").map(|text| Principal::parse(text).expect("a principal"));
        let Some(roles) = words.setting("roles") else {
            return match principal {
                None => Arc::clone(Holder::unrestricted()),
                Some(principal) => Arc::new(Holder::with_access(principal, Arc::new(Access::unrestricted()))),
            };
        };
        let roles: Vec<&Role> = roles.split(',').filter(|name| *name != "none").map(|name| &self.roles[name]).collect();
        let principal = principal.unwrap_or(Principal::Anonymous);
        let username = principal.name().map(factree_auth::Name::as_str);
        let access = Access::compile(roles, Fill { client_id: None, username }, Verbs::ALL);
        Arc::new(Holder::with_access(principal.clone(), Arc::new(access)))
    }

    /// `rights CLIENT as=… roles=…`: from now on.
    pub(super) fn rights(&mut self, words: &mut Words<'_>) {
        let client_id = words.next().expect("rights of whom");
        let holder = self.holder(words);
        let mut outputs = Outputs::default();
        self.broker.set_holder(client_id, holder, &mut outputs);
        outputs.drain().for_each(|output| self.output(output));
        self.keep_writes();
    }

    /// `forget CLIENT`: its login is good no more.
    pub(super) fn forget(&mut self, words: &mut Words<'_>) {
        self.broker.forget_rights(words.next().expect("forget whose rights"));
        self.keep_writes();
    }
}
