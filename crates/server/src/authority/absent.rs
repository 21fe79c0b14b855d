//! Principals that are not here: whose sessions came back from their records, or have outlived their logins.
//!
//! Who is in the directory is looked up there. A certificate or a token says itself what it is for, and neither is here. Each has
//! a login all the same, so that it is looked at again when anything about him changes, as those of who is here are.
//! Invariant: who would not be let in has no rights.

use std::net::{IpAddr, Ipv4Addr};

use factree_auth::directory::Refusal;
use factree_auth::{Login, Principal};

use super::{Authority, Proof, wall};

impl Authority {
    /// A login for the session of somebody who has not come back to it yet; none if nobody can know what he may do before he
    /// does.
    ///
    /// # Errors
    /// [`Refusal`]: he would not be let in.
    pub(crate) fn log_in_absent(&self, principal: &Principal) -> Result<Option<Login>, Refusal> {
        match principal {
            Principal::User(name) => self.directory().login_in_absence(name, wall()).map(Some),
            Principal::Certificate(_) | Principal::Token(_) => match self.is_disabled(principal) {
                true => Err(Refusal::Disabled),
                false => Ok(None),
            },
            Principal::Anonymous | Principal::Local => {
                let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
                let login = self.log_in_at_once(&Proof::Nothing, here).and_then(Result::ok);
                login.ok_or(Refusal::Unknown).map(Some)
            }
        }
    }

    /// Whether he was a user and has been removed: whatever is kept for him, nobody can claim any more.
    pub(crate) fn is_removed(&self, principal: &Principal) -> bool {
        match principal {
            Principal::User(name) => !self.is_open() && self.directory().user(name.as_str()).is_none(),
            Principal::Certificate(_) | Principal::Token(_) | Principal::Anonymous | Principal::Local => false,
        }
    }

    /// Whether a command has said that he is not let in for now.
    pub(crate) fn is_disabled(&self, principal: &Principal) -> bool {
        self.directory().is_disabled(principal)
    }

    /// The time of a login is up whose client is away: it comes back with another key or token. What waits in its name is judged by
    /// what it would give today, but for its end.
    ///
    /// # Errors
    /// [`Refusal`]: it would give nothing.
    pub(crate) fn outlive(&self, login: &mut Login) -> Result<(), Refusal> {
        if let Some(evidence) = login.evidence() {
            self.judge_again(login, &evidence, None)?;
        }
        self.directory().outlive(login, wall())
    }
}
