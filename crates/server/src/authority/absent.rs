//! What principals may do that are not here: those whose sessions came back from their records.
//!
//! Who is in the directory is looked up there. A certificate or a token says itself what it is for, and neither is here.
//! Invariant: who would not be let in has no rights.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use factree_auth::directory::Refusal;
use factree_auth::{Access, Principal};

use super::{Authority, Proof, wall};

impl Authority {
    /// What somebody may do in his MQTT session who has not come back to it yet; none if nobody can know before he does.
    ///
    /// # Errors
    /// [`Refusal`]: he would not be let in.
    pub(crate) fn access_of_absent(
        &self,
        principal: &Principal,
        client_id: &str,
    ) -> Result<Option<Arc<Access>>, Refusal> {
        match principal {
            Principal::User(name) => self.directory().access_of_user(name, Some(client_id), wall()).map(Some),
            Principal::Certificate(_) | Principal::Token(_) => Ok(None),
            Principal::Anonymous | Principal::Local => {
                let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
                let login = self.log_in_at_once(&Proof::Nothing, here).and_then(Result::ok).ok_or(Refusal::Unknown)?;
                self.access_of(&login, Some(client_id)).map(Some)
            }
        }
    }
}
