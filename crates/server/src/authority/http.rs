//! The authority as HTTP sees it.
//!
//! Translates, and no more: what HTTP routes ask is asked of the same [`Authority`] that MQTT clients are judged by. The peer
//! hears nothing of why it is not let in, so the reason goes no further than here: into the log, now and then.
//! Invariant: nothing is decided here.

use std::net::IpAddr;
use std::sync::Arc;

use factree_auth::credential::{Password, PasswordHash};
use factree_auth::directory::Command;
use factree_auth::{Access, Directory, Login};
use factree_http::{Changed, CommandFailed, NotLetIn, Pending, Shown};
use tracing::warn;

use super::{Authority, CommandError, Done, Proof, Why, deed, proof};
use crate::quiet::Quiet;

static NOT_LET_IN: Quiet = Quiet::new();

impl factree_http::Authority for Authority {
    fn let_in(&self, shown: Shown<'_>, address: IpAddr) -> Result<(Login, Arc<Access>), NotLetIn> {
        let (proof, shows_something) = match shown {
            Shown::Nothing => (Proof::Nothing, false),
            Shown::Bearer(text) => (Proof::Bearer(text), true),
            Shown::Session(text) => (Proof::Session(text), true),
            Shown::Watching(text) => (Proof::Watching(text), true),
        };
        let answer = self.log_in_at_once(&proof, address).expect("only a password has to be hashed");
        let login = answer.map_err(|why| refused(&why, address, shows_something))?;
        let access = self.access_of(&login, None);
        let access = access.map_err(|why| refused(&proof::NotLetIn::from(why), address, shows_something))?;
        Ok((login, access))
    }

    fn prove(&self, name: String, password: Password, address: IpAddr) -> Pending<'_, Result<Login, NotLetIn>> {
        Box::pin(async move {
            let proof = Proof::Password { username: &name, password };
            let login = self.log_in(proof, address).await.map_err(|why| refused(&why, address, true))?;
            // A key may be shown where a password is asked for; it may give less than a session of its owner would.
            if login.is_by_password() { Ok(login) } else { Err(NotLetIn::NotGood) }
        })
    }

    fn hash(&self, password: Password) -> Pending<'_, Result<PasswordHash, NotLetIn>> {
        Box::pin(async move { Authority::hash(self, password).await.map_err(|why| translated(&why)) })
    }

    fn foresee(&self, command: &Command) -> Changed {
        let Done { target, old, new, .. } = Authority::read(self, |directory| deed::foreseen(command, directory));
        Changed { target, old, new }
    }

    fn decide(&self, command: Command) -> Pending<'_, Result<Changed, CommandFailed>> {
        Box::pin(async move {
            let done = Authority::decide(self, command).await;
            done.map(|Done { target, old, new, .. }| Changed { target, old, new }).map_err(|why| match why {
                CommandError::Refused(refused) => CommandFailed::Refused(refused),
                why @ (CommandError::Open | CommandError::Full | CommandError::Failed(_)) => {
                    CommandFailed::NotStored(why.to_string())
                }
            })
        })
    }

    fn read(&self, with: &mut dyn FnMut(&Directory)) {
        Authority::read(self, with);
    }
}

/// Whoever shows nothing is only asked to; who shows what is not good is worth a line.
fn refused(why: &proof::NotLetIn, address: IpAddr, shows_something: bool) -> NotLetIn {
    if shows_something && let Some(kept_back) = NOT_LET_IN.may_say() {
        warn!(%address, %why, kept_back, "not let in by HTTP");
    }
    translated(why)
}

fn translated(why: &proof::NotLetIn) -> NotLetIn {
    match why.why {
        Why::TooOften { wait } => NotLetIn::TooOften(wait),
        Why::NoProof | Why::Method | Why::Refused(_) | Why::Certificate(_) | Why::Token(_) | Why::AnotherName => {
            NotLetIn::NotGood
        }
    }
}
