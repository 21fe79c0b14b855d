//! The caller: who sent a request, and what he may do.
//!
//! Made once for each request, in front of the routes ([`Doorway`](crate::Doorway)), and handed to them in its extensions.
//! A route asks it three things: what of the tree there is for him ([`Caller::sight`]), whether he may do something to an
//! element, and whether he may manage a part of Factree. Whoever may do everything is known as such, and is asked nothing.
//! Knows no credential. Invariant: a request that has no caller is refused, so a way in that forgets to say who asks is shut.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use factree_auth::credential::SessionToken;
use factree_auth::{Access, Area, Fill, Login, Principal, Role, Target, Timestamp, Verb, Verbs};
use factree_namespace::{Extent, Horizon, Namespace, Sight};

use crate::problem::{Kind, Problem, clipped};

/// What a caller has shown.
#[derive(Clone, Debug)]
pub enum By {
    /// Nothing, because nobody has to: the server is open.
    Open,
    /// Nothing.
    Nothing,
    /// A bearer key.
    Key,
    /// A token of an identity provider.
    Token,
    /// The cookie of a browser session.
    Session(SessionToken),
}

/// Who sent a request. A clone costs a counter.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Known>);

#[derive(Debug)]
struct Known {
    /// None: nobody in particular.
    login: Option<Login>,
    principal: Principal,
    access: Arc<Access>,
    address: IpAddr,
    by: By,
    /// What he may see of the tree; none: all of it.
    bounds: Option<Bounds>,
    is_unrestricted: bool,
}

impl Caller {
    /// Everybody, where nobody has to prove anything: he has the built-in role `admin`.
    pub fn open() -> Self {
        static OPEN: LazyLock<Caller> = LazyLock::new(|| {
            let admin = Role::built_in().into_iter().filter(|role| role.name().as_str() == "admin").collect::<Vec<_>>();
            let access = Access::compile(&admin, Fill::default(), Verbs::ALL);
            Caller::of(None, Arc::new(access), IpAddr::V4(Ipv4Addr::LOCALHOST), By::Open)
        });
        OPEN.clone()
    }

    /// Somebody who has shown nothing and may do nothing: what routes see that are there for everybody.
    pub fn nobody(address: IpAddr) -> Self {
        static NOTHING: LazyLock<Arc<Access>> = LazyLock::new(|| Arc::new(Access::none()));
        Caller::of(None, Arc::clone(&NOTHING), address, By::Nothing)
    }

    /// Somebody who has been let in from an address, by what he has shown.
    pub fn new(login: Login, access: Arc<Access>, address: IpAddr, by: By) -> Self {
        Caller::of(Some(login), access, address, by)
    }

    fn of(login: Option<Login>, access: Arc<Access>, address: IpAddr, by: By) -> Self {
        let all = |verb| access.may(verb, Target::Elements("#")).is_allowed();
        let bounds = (!all(Verb::Read)).then(|| Bounds(Arc::clone(&access)));
        let manages = |area| access.may_manage(Verb::Read, area) && access.may_manage(Verb::Admin, area);
        let is_unrestricted = bounds.is_none() && all(Verb::Command) && Area::ALL.into_iter().all(manages);
        let principal = login.as_ref().map_or(Principal::Anonymous, |login| login.principal().clone());
        Caller(Arc::new(Known { login, principal, access, address, by, bounds, is_unrestricted }))
    }

    /// What he may do.
    pub fn access(&self) -> &Access {
        &self.0.access
    }

    /// Who he is.
    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }

    /// Where he is. Of an open server, itself.
    pub fn address(&self) -> IpAddr {
        self.0.address
    }

    /// What he has shown.
    pub fn by(&self) -> &By {
        &self.0.by
    }

    /// By which of several means he was let in, for the record: the key, if it was one.
    pub(crate) fn means(&self) -> Option<String> {
        self.0.login.as_ref()?.key().map(|key| format!("by key {key}"))
    }

    /// Whether he may do everything that can be done over HTTP.
    #[inline]
    pub fn is_unrestricted(&self) -> bool {
        self.0.is_unrestricted
    }

    /// Whether something about him has changed since, so that he has to be let in anew.
    #[inline]
    pub fn is_stale(&self) -> bool {
        self.0.login.as_ref().is_some_and(Login::is_stale)
    }

    /// Whether he may ever be let in no longer: everybody but who never had to prove anything.
    pub(crate) fn may_end(&self) -> bool {
        self.0.login.is_some()
    }

    /// Until when he is let in, if that is known.
    pub fn until(&self) -> Option<Timestamp> {
        self.0.login.as_ref().and_then(Login::until)
    }

    /// Whether what he was let in by is good no more: it has run out, or something has changed.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.0.login.as_ref().is_some_and(|login| login.is_due(now))
    }

    /// The tree, held still, as far as he may read it.
    #[inline]
    pub(crate) fn sight<'v>(&'v self, namespace: &'v Namespace) -> Sight<'v> {
        Sight::new(namespace.read(), self.0.bounds.as_ref().map(|bounds| bounds as &dyn Horizon))
    }

    /// How far he may read; none: everywhere.
    pub(crate) fn bounds(&self) -> Option<&Bounds> {
        self.0.bounds.as_ref()
    }

    /// Whether he may read what this path says, be it in the tree or not.
    pub(crate) fn may_read(&self, path: &str) -> bool {
        self.0.bounds.as_ref().is_none_or(|bounds| bounds.holds(path))
    }

    /// Lets him do something to an element that he may read.
    pub(crate) fn allow(&self, verb: Verb, path: &str) -> Result<(), Problem> {
        if self.is_unrestricted() || self.access().may_touch(verb, path) {
            return Ok(());
        }
        Err(Problem::new(Kind::NotAllowed, format!("this takes a grant '{verb} tree:{}'", clipped(path))))
    }

    /// Lets him see the figures of the process.
    ///
    /// # Errors
    /// The answer if he may not.
    pub fn may_read_metrics(&self) -> Result<(), Box<Response>> {
        self.manage(Verb::Read, Area::Metrics).map_err(|problem| Box::new(problem.into_response()))
    }

    /// Lets him look at a part of Factree, or change it.
    pub(crate) fn manage(&self, verb: Verb, area: Area) -> Result<(), Problem> {
        if self.is_unrestricted() || self.access().may_manage(verb, area) {
            return Ok(());
        }
        Err(Problem::new(Kind::NotAllowed, format!("this takes a grant '{verb} area:{area}'")))
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Caller, Response> {
        Caller::of_request(&parts.extensions).map_err(IntoResponse::into_response)
    }
}

impl Caller {
    /// Who sent the request with these extensions.
    pub(crate) fn of_request(extensions: &axum::http::Extensions) -> Result<Caller, Problem> {
        let caller = extensions.get::<Caller>().cloned();
        caller.ok_or_else(|| Problem::new(Kind::NotLoggedIn, "nothing says who asks"))
    }
}

/// How far somebody may read. Equal to those of the same rights.
#[derive(Clone, Debug)]
pub(crate) struct Bounds(Arc<Access>);

impl PartialEq for Bounds {
    fn eq(&self, other: &Self) -> bool {
        self.0.grants_the_same(&other.0)
    }
}

impl Eq for Bounds {}

impl Hash for Bounds {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.roles().iter().for_each(|role| role.name().as_str().hash(hasher));
    }
}

impl Horizon for Bounds {
    fn extent(&self, path: &str) -> Extent {
        if !self.0.reaches(Verb::Read, path) {
            return Extent::Nothing;
        }
        let all_below = match path {
            "" => "#".to_owned(),
            // In a filter these are wildcards.
            _ if path.contains(['+', '#']) => return Extent::Part,
            _ => format!("{path}/#"),
        };
        if self.0.may(Verb::Read, Target::Elements(&all_below)).is_allowed() { Extent::Whole } else { Extent::Part }
    }

    fn holds(&self, path: &str) -> bool {
        self.0.may_touch(Verb::Read, path)
    }
}
