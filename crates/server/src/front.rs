//! The front: HTTP connections, and what each may cost before anybody knows who it is.
//!
//! The library reads heads within bounds; what it does not know of is time and number. A connection is counted when it is
//! accepted, like an MQTT client's; a request takes one of a fixed number of [places](Places) until its answer has left; and
//! now and then each connection is looked at: one that has owed us a whole request for too long is closed. Nothing here sets a timer
//! or allocates for a request.
//! Knows no route but those that monitoring asks: who may ask at all is the guard's ([`factree_http::Guard`]), who asks is the
//! doorway's ([`factree_http::Doorway`]), the rest the router's.
//! Invariant: every request and every answer goes through [`Front::answer`].

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use factree_http::{Auditor, By, Caller, Doorway, Guard, Shortcut, is_told, note_refusal};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tracing::{debug, error, warn};

use crate::gate::{Admission, Gate, Origin};
use crate::limits::{ConnectionLimits, HttpLimits, Limits};
use crate::quiet::Quiet;
use crate::traffic::Count;
use crate::transport::Tls;

mod body;
mod heads;
mod line;
mod places;
mod turn;

use body::{Arriving, Told};
use heads::Heads;
use line::Line;
use places::Places;
use turn::{Begun, LOOKS, Turn, Watch};

/// How long to wait before accepting again when the machine has no more sockets to give (MQ13).
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);
/// What is read of a body at once, and gathered of an answer before it is written.
const BUFFER_BYTES_MIN: usize = 64 << 10;
/// As many header fields as the library has room for without allocating.
const HEADERS_INLINE: u16 = 100;

static REFUSED: Quiet = Quiet::new();
static NOT_ACCEPTED: Quiet = Quiet::new();

/// What all connections share, and what is told of them.
pub(crate) struct Reception {
    pub(crate) guard: Guard,
    pub(crate) gate: Arc<Gate>,
    pub(crate) places: Arc<Places>,
    /// Connections that owed us a whole request for too long.
    pub(crate) timed_out: Count,
    /// Connections closed because their bytes were not HTTP, or a head larger than it may be, or not TLS where it is spoken.
    pub(crate) malformed: Count,
    /// The certificate in force; none: plain HTTP.
    tls: Mutex<Option<Tls>>,
    limits: HttpLimits,
}

impl Reception {
    /// `hosts` are names that clients reach us by, beside those of this machine itself.
    pub(crate) fn new(hosts: Vec<String>, tls: Option<Tls>, limits: &Limits) -> Self {
        let max = limits.http.http_connections_max;
        let all_but_an_eighth = NonZeroU32::new(max.get() - max.get() / 8);
        let of_connections = ConnectionLimits {
            connections_max: max,
            connections_per_address_max: limits.http.http_connections_per_address_max.or(all_but_an_eighth),
            connects_per_second_per_address_max: None,
            connect_timeout: limits.http.http_request_timeout,
        };
        Self {
            guard: Guard::new(hosts, limits.guard.clone()),
            gate: Arc::new(Gate::new(of_connections)),
            places: Arc::new(Places::new(
                limits.http.http_requests_max.get(),
                limits.http.http_request_timeout / LOOKS,
            )),
            timed_out: Count::default(),
            malformed: Count::default(),
            tls: Mutex::new(tls),
            limits: limits.http.clone(),
        }
    }

    /// Shows another certificate to who connects from now on. Where there was none, none is shown: clients would not know.
    pub(crate) fn renew_certificate(&self, tls: Option<Tls>) {
        let mut current = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if current.is_some() && tls.is_some() {
            *current = tls;
        }
    }

    pub(crate) fn tls(&self) -> Option<Tls> {
        self.tls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Serves HTTP.
pub(crate) struct Front {
    reception: Arc<Reception>,
    doorway: Doorway,
    audit: Arc<dyn Auditor>,
    shortcut: Shortcut,
    router: TowerToHyperService<Router>,
    http: http1::Builder,
}

impl Front {
    /// `shortcut` is in front of `router`.
    pub(crate) fn new(
        reception: Arc<Reception>,
        doorway: Doorway,
        audit: Arc<dyn Auditor>,
        (shortcut, router): (Shortcut, Router),
    ) -> Self {
        let limits = &reception.limits;
        let head_bytes_max = limits.http_head_bytes_max.get() as usize;
        let mut http = http1::Builder::new();
        http.max_header_size(head_bytes_max).max_buf_size(head_bytes_max.max(BUFFER_BYTES_MIN));
        // Its own choice; to say so makes it allocate for each request.
        if limits.http_headers_max.get() != HEADERS_INLINE {
            http.max_headers(limits.http_headers_max.get().into());
        }
        Self { router: TowerToHyperService::new(router), shortcut, http, reception, doorway, audit }
    }

    /// Accepts connections until it is stopped, and then waits for those that are open: each ends with the answer it is at.
    pub(crate) async fn run(self, listener: TcpListener, stopped: watch::Receiver<bool>) {
        let front = Arc::new(self);
        let (open, is_open) = watch::channel(());
        let mut stopping = pin!(until(stopped.clone()));
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut stopping => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let Some(admission) = front.admit(peer) else { continue };
                    let (front, is_open, stopped) = (Arc::clone(&front), is_open.clone(), stopped.clone());
                    tokio::spawn(async move {
                        // An event is small, and somebody waits for it.
                        if let Err(error) = stream.set_nodelay(true) {
                            debug!(%peer, %error, "TCP_NODELAY refused");
                        }
                        match front.reception.tls() {
                            None => front.serve(stream, peer, admission, stopped).await,
                            // Boxed, or a plain connection would carry the room that this needs.
                            Some(tls) => Box::pin(front.serve_tls(&tls, stream, peer, admission, stopped)).await,
                        }
                        drop(is_open);
                    });
                }
                Err(error) => {
                    if let Some(kept_back) = NOT_ACCEPTED.may_say() {
                        error!(%error, kept_back, "cannot accept HTTP connections; trying again");
                    }
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                }
            }
        }
        drop((listener, is_open));
        open.closed().await;
    }

    /// Dropping the socket of one that is not admitted closes it.
    fn admit(&self, peer: SocketAddr) -> Option<Admission> {
        let admitted = self.reception.gate.admit(std::time::Instant::now(), peer.ip(), 0, None);
        if let Err(refused) = &admitted
            && let Some(kept_back) = REFUSED.may_say()
        {
            warn!(%peer, limit = format!("http_{}", refused.key()), kept_back, "HTTP connection refused");
        }
        admitted.ok()
    }

    async fn serve_tls(
        &self,
        tls: &Tls,
        stream: TcpStream,
        peer: SocketAddr,
        admission: Admission,
        stopped: watch::Receiver<bool>,
    ) {
        match timeout(self.reception.limits.http_request_timeout, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.serve(stream, peer, admission, stopped).await,
            Ok(Err(error)) => {
                self.reception.malformed.add(1);
                debug!(%peer, %error, "TLS handshake failed");
            }
            Err(_) => self.reception.timed_out.add(1),
        }
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        stream: S,
        peer: SocketAddr,
        admission: Admission,
        stopped: watch::Receiver<bool>,
    ) {
        let turn = Arc::new(Turn::new(Arc::clone(&self.reception.places), Origin::of(peer.ip())));
        let heads = Heads::new(self.reception.guard.target_bytes_max());
        let line = TokioIo::new(Line::new(stream, Arc::clone(&turn), heads, admission));
        let service = service_fn(|request: Request<Incoming>| {
            // Now, and not when the answer is made: until it is said nothing behind the head is read.
            let begun = turn.begin(request.body().size_hint().exact());
            self.answer(request, begun, peer, &turn)
        });
        let mut connection = pin!(self.http.serve_connection(line, service).with_upgrades());
        let between = (self.reception.limits.http_request_timeout / LOOKS).max(Duration::from_millis(1));
        let mut looks = interval_at(Instant::now() + between, between);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut watch, mut stopping, mut is_stopping) = (Watch::default(), pin!(until(stopped)), false);
        loop {
            tokio::select! {
                biased;
                ended = poll_fn(|context| match turn.is_over() {
                    false => connection.as_mut().poll(context).map(Some),
                    true => Poll::Ready(None),
                }) => {
                    let Some(ended) = ended else {
                        debug!(%peer, "gave its place to another request, for it made us wait");
                        return;
                    };
                    if let Err(error) = ended {
                        self.reception.malformed.add(error.is_parse().into());
                        debug!(%peer, %error, "HTTP connection ended");
                    }
                    return;
                }
                () = &mut stopping, if !is_stopping => {
                    is_stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                _ = looks.tick() => {
                    if watch.sees_one_that_stands_still(&turn) {
                        self.reception.timed_out.add(1);
                        debug!(%peer, "no whole request within http_request_timeout");
                        return;
                    }
                }
            }
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        begun: Begun,
        peer: SocketAddr,
        turn: &Arc<Turn>,
    ) -> Result<Response<Told>, Infallible> {
        let Reception { guard, .. } = &*self.reception;
        let refusal = if begun.is_cut { Some(guard.long_target()) } else { guard.refusal(&request) };
        let mut response = match refusal {
            Some(refusal) => refusal,
            None => match self.doorway.caller(&request, peer.ip()) {
                Err(not_let_in) => {
                    let asked = (request.method(), request.uri());
                    note_refusal(&*self.audit, (None, peer.ip()), asked, not_let_in.status());
                    *not_let_in
                }
                // Who is not let in has cost nothing, and needs no place.
                Ok(caller) if !has_place(&request, &caller, turn) => guard.busy(),
                Ok(caller) => match self.shortcut.answer(&request, &caller) {
                    Some(response) => response,
                    None => self.route(request, caller, peer, turn).await,
                },
            },
        };
        factree_http::seal(&mut response);
        // It has no end, and is counted among the streams.
        if response.headers().get(CONTENT_TYPE).is_some_and(|it| it == "text/event-stream") {
            turn.give_place_back();
        }
        if begun.is_last {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            turn.switches();
        }
        turn.answer();
        Ok(response.map(|body| Told::new(body, Arc::clone(turn))))
    }

    async fn route(
        &self,
        request: Request<Incoming>,
        caller: Caller,
        peer: SocketAddr,
        turn: &Arc<Turn>,
    ) -> Response<Body> {
        let deed = is_told(request.method(), request.uri())
            .then(|| (caller.clone(), request.method().clone(), request.uri().clone()));
        let mut request = request.map(|body| match body.is_end_stream() {
            true => Body::empty(),
            false => Body::new(Arriving::new(body, self.reception.guard.body_bytes_max(), Arc::clone(turn))),
        });
        request.extensions_mut().insert(caller);
        let Ok(response) = self.router.call(request).await;
        if let Some((caller, method, uri)) = deed {
            note_refusal(&*self.audit, (Some(&caller), peer.ip()), (&method, &uri), response.status());
        }
        response
    }
}

/// Gives a request a place. What monitoring asks is answered without: a probe that fails because of others would have us
/// restarted for nothing.
fn has_place(request: &Request<Incoming>, caller: &Caller, turn: &Turn) -> bool {
    turn.take_place(matches!(caller.by(), By::Nothing))
        || match request.uri().path() {
            "/healthz" | "/readyz" => true,
            "/metrics" => caller.may_read_metrics().is_ok() && turn.take_place_for_probe(),
            _ => false,
        }
}

/// Done when the server stops. An error means that the sender is gone, which is a stop as well.
async fn until(mut stopped: watch::Receiver<bool>) {
    let _: Result<_, _> = stopped.wait_for(|stopped| *stopped).await;
}
