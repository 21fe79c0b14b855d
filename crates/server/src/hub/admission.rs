//! Who is let in over MQTT, and who may stay: proofs out of CONNECTs, and logins that are looked at again.
//!
//! A CONNECT is shown to the [`Authority`]; a password that has to be hashed is waited for by the connection, which reads nothing
//! meanwhile. When anything about a principal changes, his logins are stale: a connection notices before its next packets and
//! deliveries, and [`Hub::keep_rights`] goes round those that are silent or away. What is left of the rights goes to the
//! broker; who has none left is cut off, and his will forgotten. The sessions of a user who is removed end.
//! Invariant: no lock of the hub's is held while the authority is asked.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use factree_auth::credential::{Certificate, Password};
use factree_auth::directory::Refusal;
use factree_auth::{Login, Principal};
use factree_broker::{ClientId, ConnectionId, Holder, Input, Lost};
use factree_mqtt::{Connect, ReasonCode};
use tracing::{info, warn};

use super::{Answer, Closer, Closing, Hub, Visit, recorded};
use crate::audit::{Outcome, OwnedEntry};
use crate::authority::{Authority, NotLetIn, Proof, Why, wall};
use crate::quiet::Quiet;

/// Who is not let in tries again.
static NOT_LET_IN: Quiet = Quiet::new();

/// How often logins are looked at when nothing was said to have changed.
const ROUND: Duration = Duration::from_secs(2);

/// Who is behind a CONNECT, or why he is not let in.
pub(crate) type Admission = Result<Arc<Holder>, Refused>;

/// An answer that is not there yet.
pub(crate) type Admitting = Pin<Box<dyn Future<Output = Admission> + Send>>;

/// What becomes of a CONNECT, or will.
pub(crate) enum LogIn {
    Now(Admission),
    /// A password is being hashed, or waits for its turn.
    Later(Admitting),
}

/// A CONNECT is refused, with what its client is told.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(super) reason: ReasonCode,
    pub(super) told: &'static str,
    why: NotLetIn,
}

impl Refused {
    fn new(why: NotLetIn, showed_password: bool) -> Self {
        let (reason, told) = match (why.wait(), showed_password) {
            (Some(_), _) => (ReasonCode::ConnectionRateExceeded, "too many attempts; wait before the next"),
            (None, true) => (ReasonCode::BadUserNameOrPassword, "not let in with this username and password"),
            (None, false) => {
                (ReasonCode::NotAuthorized, "not let in without a username and password, or a certificate")
            }
        };
        Refused { reason, told, why }
    }
}

impl Hub {
    /// Finds out who is behind a CONNECT. `certificate` is what TLS has verified.
    pub(crate) fn log_in(&self, connect: &Connect<'_>, peer: IpAddr, certificate: Option<&Arc<Certificate>>) -> LogIn {
        if self.authority.is_open() {
            return LogIn::Now(Ok(Arc::clone(Holder::unrestricted())));
        }
        if connect.authentication_method.is_some() {
            let (reason, told) =
                (ReasonCode::BadAuthenticationMethod, "no enhanced authentication method is supported");
            return LogIn::Now(Err(Refused { reason, told, why: NotLetIn::because(Why::Method) }));
        }
        let showed_password = certificate.is_none() && (connect.username.is_some() || connect.password.is_some());
        let refused = |why: NotLetIn| Refused::new(why, showed_password);
        let username = connect.username.unwrap_or_default();
        let proof = match certificate {
            Some(certificate) => Proof::Certificate { certificate, username: connect.username },
            None if showed_password => match Password::given(connect.password.unwrap_or_default()) {
                Ok(password) => Proof::Password { username, password },
                Err(_) => return LogIn::Now(Err(refused(NotLetIn::from(Refusal::Unknown).of(username)))),
            },
            None => Proof::Nothing,
        };
        if let Some(login) = self.authority.log_in_at_once(&proof, peer) {
            let held = login.and_then(|login| held(&self.authority, login, connect.client_id));
            return LogIn::Now(held.map_err(refused));
        }
        let Proof::Password { password, .. } = proof else { unreachable!("only a password has to be hashed") };
        let (authority, username) = (Arc::clone(&self.authority), username.to_owned());
        let client_id = connect.client_id.to_owned();
        LogIn::Later(Box::pin(async move {
            let login = authority.log_in(Proof::Password { username: &username, password }, peer).await;
            let held = login.and_then(|login| held(&authority, login, &client_id));
            held.map_err(|why| Refused::new(why, true))
        }))
    }

    /// Writes down who was not let in.
    pub(super) fn note_not_let_in(&self, client_id: &str, peer: IpAddr, Refused { why, .. }: &Refused) {
        if let Some(kept_back) = NOT_LET_IN.may_say() {
            warn!(%peer, client = ?client_id, kept_back, "not let in: {why}");
        }
        let who = why.who.clone().unwrap_or_else(|| Principal::Anonymous.to_string());
        let entry = OwnedEntry::new(who, "log in", format!("mqtt/{client_id}")).from(peer);
        self.audit.note(entry.ended(Outcome::Refused, why.why.to_string()));
    }

    /// What is to be on record of a CONNECT of somebody who was let in: that he has logged in, if the broker has taken it. What
    /// else it refuses is told as an event, but for who connects too often.
    pub(super) fn of_admitted(
        &self,
        visit: &Visit<'_>,
        (client_id, peer): (&str, IpAddr),
        holder: &Holder,
    ) -> Option<OwnedEntry> {
        // Where it brought none, the one that it was given.
        let given = visit.home.and_then(|home| visit.core.broker.holder(home.connection));
        let client_id = given.as_ref().map_or(client_id, |(given, _)| given.as_str());
        let entry = |verb| {
            let entry = OwnedEntry::new(holder.principal().to_string(), verb, format!("mqtt/{client_id}")).from(peer);
            OwnedEntry { detail: recorded::means(holder), ..entry }
        };
        match (visit.is_admitted, visit.refused_for_haste) {
            _ if self.authority.is_open() => None,
            (true, _) => Some(entry("log in")),
            (false, true) => Some(entry("connect").ended(Outcome::Refused, "it connects too often")),
            (false, false) => None,
        }
    }

    /// Looks at the login of a connection again.
    ///
    /// # Errors
    /// It is good no more, and the connection is over.
    pub(crate) fn renew(&self, connection: ConnectionId) -> Result<Arc<Holder>, Closing> {
        let found = self.core().broker.holder(connection);
        let Some((client_id, holder)) = found else { return Err(cut_off()) };
        self.look_again(&client_id, Some(connection), &holder)
    }

    fn look_again(
        &self,
        client_id: &ClientId,
        connection: Option<ConnectionId>,
        holder: &Arc<Holder>,
    ) -> Result<Arc<Holder>, Closing> {
        let Some(login) = holder.login() else { return Ok(Arc::clone(holder)) };
        let mut login = login.clone();
        let renewed = match self.authority.renew(&mut login) {
            Err(Refusal::Expired) if connection.is_none() => self.authority.outlive(&mut login),
            renewed => renewed,
        };
        match renewed.and_then(|()| self.authority.access_of(&login, Some(client_id.as_str()))) {
            Ok(access) => {
                let next = Arc::new(Holder::new(login, access));
                self.hand_to(client_id, holder, &next);
                Ok(next)
            }
            Err(refusal) => {
                self.cut_off(client_id, connection, holder, refusal);
                Err(cut_off())
            }
        }
    }

    /// Gives a session its new rights, unless somebody else has it by now.
    fn hand_to(&self, client_id: &ClientId, before: &Arc<Holder>, next: &Arc<Holder>) {
        let _: Answer = self.visit(None, Box::default(), &mut Vec::new(), |visit| {
            if visit.core.broker.is_held_by(client_id.as_str(), before) {
                visit.hand_to(client_id.as_str(), Arc::clone(next));
            }
        });
    }

    /// A login is good no more. The will of a client whose time is simply up is published as if the connection had broken.
    fn cut_off(&self, client_id: &ClientId, connection: Option<ConnectionId>, holder: &Arc<Holder>, refusal: Refusal) {
        let (mut peer, mut has_ended) = (None, false);
        let is_removed = self.authority.is_removed(holder.principal());
        let _: Answer = self.visit(None, Box::default(), &mut Vec::new(), |visit| {
            if !visit.core.broker.is_held_by(client_id.as_str(), holder) {
                return;
            }
            has_ended = is_removed;
            if refusal != Refusal::Expired {
                visit.core.broker.forget_rights(client_id.as_str());
            }
            if let Some(connection) = connection {
                if let Some(mailbox) = visit.core.mailboxes.get(&connection) {
                    peer = Some(mailbox.peer.ip());
                    mailbox.close(cut_off());
                }
                visit.handle(Input::Lost { connection, cause: Lost::GivenUp(ReasonCode::NotAuthorized) }, None);
            }
            if is_removed {
                visit.handle(Input::EndSession { client_id: client_id.as_str() }, None);
            }
        });
        let entry = || OwnedEntry::new(holder.principal().to_string(), "cut off", format!("mqtt/{client_id}"));
        if let Some(peer) = peer {
            let principal = holder.principal();
            info!(%peer, client = ?client_id.as_str(), principal = ?principal.to_string(), "login ended: {refusal}");
            self.audit.note(entry().from(peer).ended(Outcome::Done, refusal.to_string()));
        }
        if has_ended {
            self.audit.note(entry().ended(Outcome::Done, "the user is removed, and so his session has ended"));
        }
    }

    /// Looks at logins when any may have changed, for as long as it is polled.
    pub(crate) async fn keep_rights(&self) {
        if self.authority.is_open() {
            return std::future::pending().await;
        }
        let mut changed = self.authority.changed();
        loop {
            // The round is for what changes without being said; a sender that is gone says nothing more.
            let is_said = tokio::time::timeout(ROUND, changed.changed()).await.is_ok();
            changed.mark_unchanged();
            self.go_round(is_said).await;
        }
    }

    /// Looks at every login that is stale, those of clients that are away among them, and at those of connections whose time
    /// is up already because the clock was set ahead. If something `is_said` to have changed, at the principals of sessions that
    /// nobody has come back to, too.
    async fn go_round(&self, is_said: bool) {
        let mut from = Some(0);
        while let Some(slice) = from {
            let (mut stale, mut without_login) = (Vec::new(), Vec::new());
            let now = wall();
            let is_over = |holder: &Holder| holder.login().is_some_and(|login| login.is_due(now));
            from = self.core().broker.holders(slice, |client_id, holder, connection| {
                if holder.is_stale() || connection.is_some() && is_over(holder) {
                    stale.push((client_id.clone(), connection, Arc::clone(holder)));
                } else if holder.login().is_none() && holder.principal().name().is_some() {
                    without_login.push((client_id.clone(), connection, Arc::clone(holder)));
                }
            });
            for (client_id, connection, holder) in without_login {
                if self.authority.is_removed(holder.principal()) {
                    self.cut_off(&client_id, connection, &holder, Refusal::Unknown);
                } else if is_said && self.authority.is_disabled(holder.principal()) {
                    self.cut_off(&client_id, connection, &holder, Refusal::Disabled);
                }
            }
            for (client_id, connection, holder) in stale {
                let _: Result<_, _> = self.look_again(&client_id, connection, &holder);
                // Each may take a queue apart.
                tokio::task::yield_now().await;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Finds out what the holders of restored sessions may do, before anything is published: their wills are due.
    pub(crate) fn find_rights(&self) {
        let mut from = Some(0);
        while let Some(slice) = from {
            let mut unknown = Vec::new();
            from = self.core().broker.holders(slice, |client_id, holder, _| {
                if holder.access().is_none() {
                    unknown.push((client_id.clone(), holder.principal().clone()));
                }
            });
            let found: Vec<_> = unknown
                .iter()
                .map(|(client_id, principal)| (client_id, self.find_rights_of(client_id, principal)))
                .collect();
            let _: Answer = self.visit(None, Box::default(), &mut Vec::new(), |visit| {
                for (client_id, found) in found {
                    match found {
                        Ok(Some(holder)) => visit.hand_to(client_id.as_str(), holder),
                        Ok(None) => {}
                        // If it is a user who is removed, the first round ends his session.
                        Err(_) => visit.core.broker.forget_rights(client_id.as_str()),
                    }
                }
            });
        }
    }

    fn find_rights_of(&self, client_id: &ClientId, principal: &Principal) -> Result<Option<Arc<Holder>>, Refusal> {
        if self.authority.is_open() {
            // What was somebody's when proofs were asked for stays his.
            return Ok((*principal == Principal::Anonymous).then(|| Arc::clone(Holder::unrestricted())));
        }
        let found = self.authority.log_in_absent(principal).and_then(|login| match login {
            Some(login) => {
                let access = self.authority.access_of(&login, Some(client_id.as_str()))?;
                Ok(Some(Arc::new(Holder::new(login, access))))
            }
            None => Ok(None),
        });
        if let Err(refusal) = &found {
            info!(client = ?client_id.as_str(), principal = ?principal.to_string(), "kept session without rights: {refusal}");
        }
        found
    }
}

/// Somebody who has logged in, as the holder of a session.
fn held(authority: &Authority, login: Login, client_id: &str) -> Result<Arc<Holder>, NotLetIn> {
    // A client id that is yet to be given fills no grant.
    let access = authority.access_of(&login, Some(client_id).filter(|id| !id.is_empty()))?;
    Ok(Arc::new(Holder::new(login, access)))
}

/// What a client is told whose login is good no more.
fn cut_off() -> Closing {
    let why = "the login by which this client was let in is good no more";
    Closing { reason: Some(ReasonCode::NotAuthorized), reason_string: Some(why.into()), by: Closer::Broker }
}
