//! The guard: which requests are let in at all, whatever route they ask for.
//!
//! One judgement in front of every route, reads and streams and the pages themselves among them. Two attacks come from the
//! browser of somebody who may be here: a page of another site that makes it send a request, and a name that was made to
//! point at this machine (DNS rebinding), to which the browser says the page's own site. The first is known by what a
//! browser says of itself (`Sec-Fetch-Site`, `Origin`), the second by a `Host` that is none of ours. Nothing is allocated
//! for a request that is let in.
//! Knows no route, no socket and no principal. Invariant: a browser that shows a page of another site gets nothing from
//! here but a page that its user has asked for by following a link.

use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::header::{
    CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, HeaderName, ORIGIN,
};
use axum::http::{HeaderValue, Method, Request, Version};
use axum::response::{IntoResponse, Response};
use hyper::body::Body;

use crate::answer;
use crate::problem::{Kind, Problem, clipped};

mod upgrade;

pub use upgrade::UpgradeGuard;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
pub(crate) const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
pub(crate) const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// How long whoever comes when all places are taken is told to wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a request may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardLimits {
    /// Bytes of a request's target: path and query. Beyond: 414.
    pub http_target_bytes_max: NonZeroU32,
    /// Bytes of a request's body; routes that need less take less. Beyond: 413.
    pub http_body_bytes_max: NonZeroU64,
}

impl Default for GuardLimits {
    fn default() -> Self {
        Self {
            http_target_bytes_max: NonZeroU32::new(16 << 10).expect("not zero"),
            // As much as i3X takes.
            http_body_bytes_max: NonZeroU64::new(2 << 20).expect("not zero"),
        }
    }
}

/// Judges requests.
#[derive(Debug)]
pub struct Guard {
    hosts: Vec<String>,
    limits: GuardLimits,
    refused: [AtomicU64; Reason::ALL.len()],
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Method,
    Host,
    CrossSite,
    Target,
    MediaType,
    Body,
    Busy,
}

impl Reason {
    const ALL: [Self; 7] =
        [Self::Method, Self::Host, Self::CrossSite, Self::Target, Self::MediaType, Self::Body, Self::Busy];

    fn name(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Host => "host",
            Self::CrossSite => "cross_site",
            Self::Target => "target_length",
            Self::MediaType => "media_type",
            Self::Body => "body_length",
            Self::Busy => "busy",
        }
    }
}

impl Guard {
    /// Lets in what asks for this machine by a loopback name or address, or by one of `hosts`: names or addresses without a
    /// port, an IPv6 address without its brackets.
    pub fn new(hosts: Vec<String>, limits: GuardLimits) -> Self {
        Self { hosts, limits, refused: Default::default() }
    }

    /// The answer to a request that is not let in; none if it is.
    pub fn refusal<B: Body>(&self, request: &Request<B>) -> Option<Response> {
        self.judge(request).err().map(|(reason, problem)| self.refuse(reason, problem))
    }

    /// The answer when `http_requests_max` others are being answered.
    pub fn busy(&self) -> Response {
        let detail = "as many requests as may be (http_requests_max) are being answered";
        self.refuse(Reason::Busy, Problem::new(Kind::TooManyRequests, detail).retry_after(RETRY_AFTER))
    }

    /// The answer to a request whose first line was longer than [`target_bytes_max`](Self::target_bytes_max) allows.
    pub fn long_target(&self) -> Response {
        self.refuse(Reason::Target, self.target_too_long())
    }

    fn target_too_long(&self) -> Problem {
        let detail = format!("path and query are longer than {} bytes", self.limits.http_target_bytes_max);
        Problem::new(Kind::TargetTooLong, detail)
    }

    /// How many requests were refused, by the name of the reason.
    pub fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Reason::ALL.into_iter().map(|reason| (reason.name(), self.refused[reason as usize].load(Ordering::Relaxed)))
    }

    /// Bytes of a request's path and query.
    pub fn target_bytes_max(&self) -> u32 {
        self.limits.http_target_bytes_max.get()
    }

    /// Bytes of a request's body.
    pub fn body_bytes_max(&self) -> u64 {
        self.limits.http_body_bytes_max.get()
    }

    fn refuse(&self, reason: Reason, problem: Problem) -> Response {
        self.refused[reason as usize].fetch_add(1, Ordering::Relaxed);
        problem.into_response()
    }

    fn judge<B: Body>(&self, request: &Request<B>) -> Result<(), (Reason, Problem)> {
        let (method, headers) = (request.method(), request.headers());
        if method == Method::CONNECT {
            let detail = "CONNECT asks a proxy for a tunnel, and this is none";
            return Err((Reason::Method, Problem::new(Kind::MethodNotImplemented, detail)));
        }
        self.judge_host(request).map_err(|problem| (Reason::Host, problem))?;
        if !is_from_our_own(method, headers) {
            let problem =
                Problem::new(Kind::CrossSite, "a page of another site may neither read nor command the plant");
            return Err((Reason::CrossSite, problem));
        }
        let target_bytes = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
        if target_bytes > self.limits.http_target_bytes_max.get() as usize {
            return Err((Reason::Target, self.target_too_long()));
        }
        self.judge_body(request.body(), headers)
    }

    /// Every name that is said must be ours: in an absolute target the name there counts `[RFC 9112, 3.2.2]`, but who says
    /// two is either broken or up to something.
    fn judge_host<B>(&self, request: &Request<B>) -> Result<(), Problem> {
        let mut said = request.headers().get_all(HOST).iter();
        let host = said.next();
        // [RFC 9112, 3.2]
        let is_missing = host.is_none() && request.version() >= Version::HTTP_11;
        if is_missing || said.next().is_some() {
            return Err(Problem::new(Kind::BadHost, "a request has one Host header, no more and no less"));
        }
        let host = host.map(|host| host.to_str().unwrap_or_default());
        let foreign = [host, request.uri().host()].into_iter().flatten().find(|host| !names_us(&self.hosts, host));
        foreign.map_or(Ok(()), |host| {
            let detail = format!(
                "'{}' is no name of this machine; reach it as localhost, or add the name to [http] hosts",
                clipped(host)
            );
            Err(Problem::new(Kind::WrongHost, detail))
        })
    }

    /// Only JSON has a meaning here, and a page of another site cannot send it without asking first.
    fn judge_body<B: Body>(&self, body: &B, headers: &HeaderMap) -> Result<(), (Reason, Problem)> {
        if body.is_end_stream() {
            return Ok(());
        }
        let refuse = |detail: &str| Err((Reason::MediaType, Problem::new(Kind::UnsupportedMediaType, detail)));
        if headers.contains_key(CONTENT_ENCODING) {
            return refuse("a body is taken as it is, without a Content-Encoding");
        }
        if !headers.get(CONTENT_TYPE).is_some_and(is_json) {
            return refuse("a body is JSON and says so: Content-Type: application/json");
        }
        if body.size_hint().lower() > self.body_bytes_max() {
            let detail = format!("the body is larger than {} bytes", self.body_bytes_max());
            return Err((Reason::Body, Problem::new(Kind::BodyTooLarge, detail)));
        }
        Ok(())
    }
}

/// Puts on what every answer carries, whoever made it: what a browser may not do with it.
pub fn seal(response: &mut Response) {
    if !response.headers().contains_key(CONTENT_SECURITY_POLICY) {
        answer::seal(response.headers_mut());
    }
}

/// Whether a request is from no page, from one of ours, or from somebody who follows a link to here.
fn is_from_our_own(method: &Method, headers: &HeaderMap) -> bool {
    let says = |name: &HeaderName| headers.get(name).map(HeaderValue::as_bytes);
    match says(&SEC_FETCH_SITE) {
        None | Some(b"same-origin" | b"none") => {}
        Some(_) => {
            let is_link = says(&SEC_FETCH_MODE) == Some(b"navigate") && says(&SEC_FETCH_DEST) == Some(b"document");
            return is_link && (method == Method::GET || method == Method::HEAD) && !headers.contains_key(ORIGIN);
        }
    }
    // Not every browser says the site of a WebSocket, but each says its origin, which then names this very address.
    says(&ORIGIN).is_none_or(|origin| says(&HOST).is_some_and(|host| is_of_host(origin, host)))
}

/// Whether a page's origin is the address that it asks for.
fn is_of_host(origin: &[u8], host: &[u8]) -> bool {
    let address = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
    address == Some(host)
}

/// Whether a name, with a port or without, is one that this machine goes by: a loopback name or address, or one of `hosts`.
fn names_us(hosts: &[String], name: &str) -> bool {
    let name = name.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(name, |(name, _)| name);
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        || hosts.iter().any(|host| host.eq_ignore_ascii_case(name))
}

fn is_port(text: &str) -> bool {
    text.is_empty() || text.parse::<u16>().is_ok()
}

/// `application/json`, with parameters or without.
fn is_json(content_type: &HeaderValue) -> bool {
    let media_type = content_type.to_str().unwrap_or_default();
    media_type.split(';').next().is_some_and(|it| it.trim().eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        let hosts = vec!["factree.plant.example".to_owned(), "10.0.0.7".to_owned(), "fd00::7".to_owned()];
        Guard::new(hosts, GuardLimits::default())
    }

    /// What comes of a request that says this, its body included.
    fn status(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> u16 {
        let request = Request::builder().method(method).uri(target);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = request.body(body.to_owned()).unwrap();
        guard().refusal(&request).map_or(200, |response| response.status().as_u16())
    }

    /// What comes of a GET to localhost with these headers more.
    fn get(headers: &[(&str, &str)]) -> u16 {
        status("GET", "/", &[&[("host", "localhost:8080")], headers].concat(), "")
    }

    #[test]
    fn a_name_that_is_none_of_ours_gets_nothing() {
        for (host, expected) in [
            ("localhost", 200),
            ("LOCALHOST:8080", 200),
            ("localhost:", 200),
            ("127.0.0.1:8080", 200),
            ("127.8.8.8", 200),
            ("[::1]:8080", 200),
            ("[::1]", 200),
            ("Factree.Plant.example:443", 200),
            ("10.0.0.7:8080", 200),
            ("[fd00::7]:8080", 200),
            ("evil.example", 421),
            ("evil.example:8080", 421),
            ("127.0.0.1.evil.example", 421),
            ("localhost.evil.example", 421),
            ("localhost@evil.example", 421),
            ("localhost:8080@evil.example", 421),
            ("evil.example/localhost", 421),
            ("plant.example", 421),
            ("10.0.0.8", 421),
            ("0.0.0.0", 421),
            ("", 421),
            (":8080", 421),
        ] {
            for method in ["GET", "POST", "OPTIONS"] {
                assert_eq!(status(method, "/", &[("host", host)], ""), expected, "{method} {host}");
            }
        }
    }

    #[test]
    fn every_name_that_is_said_counts_and_one_is_said() {
        let ours = ("host", "localhost");
        assert_eq!(status("GET", "http://127.0.0.1:8080/healthz", &[ours], ""), 200);
        assert_eq!(status("GET", "http://evil.example/healthz", &[ours], ""), 421);
        assert_eq!(status("GET", "http://localhost/healthz", &[("host", "evil.example")], ""), 421);
        assert_eq!(status("GET", "http://localhost@evil.example/", &[ours], ""), 421);
        assert_eq!(status("GET", "/", &[ours, ours], ""), 400);
        assert_eq!(status("GET", "/", &[], ""), 400);
        let mut old = Request::get("/").body(String::new()).unwrap();
        *old.version_mut() = Version::HTTP_10;
        assert!(guard().refusal(&old).is_none(), "HTTP/1.0 has no Host");
    }

    #[test]
    fn a_page_of_another_site_gets_nothing_and_a_link_from_there_is_followed() {
        let link = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        let frame = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
        let host = ("host", "localhost:8080");
        for (site, alone, followed) in [
            ("same-origin", 200, 200),
            ("none", 200, 200),
            ("same-site", 403, 200),
            ("cross-site", 403, 200),
            ("?", 403, 200),
        ] {
            let site = ("sec-fetch-site", site);
            assert_eq!(get(&[site]), alone, "{site:?}");
            assert_eq!(get(&[site, link[0], link[1]]), followed, "{site:?}");
            assert_eq!(get(&[site, frame[0], frame[1]]), alone, "{site:?}");
            assert_eq!(status("POST", "/", &[host, site, link[0], link[1]], ""), alone, "a form: {site:?}");
        }
    }

    #[test]
    fn an_origin_names_this_very_address() {
        for (origin, expected) in [
            ("http://localhost:8080", 200),
            ("https://localhost:8080", 200),
            ("http://localhost:8081", 403),
            ("http://localhost", 403),
            ("http://evil.example", 403),
            ("ws://localhost:8080", 403),
            ("localhost:8080", 403),
            ("null", 403),
            ("", 403),
        ] {
            assert_eq!(get(&[("origin", origin)]), expected, "{origin}");
            assert_eq!(get(&[("origin", origin), ("sec-fetch-site", "same-origin")]), expected, "{origin}");
        }
    }

    #[test]
    fn a_body_is_json_that_says_so_and_not_too_long() {
        let host = ("host", "localhost");
        let put = |headers: &[(&str, &str)], body: &str| status("PUT", "/", &[&[host], headers].concat(), body);
        for (content_type, expected) in [
            ("application/json", 200),
            ("Application/JSON; charset=utf-8", 200),
            ("text/plain", 415),
            ("text/plain; application/json", 415),
            ("application/x-www-form-urlencoded", 415),
            ("application/jsonp", 415),
            ("", 415),
        ] {
            assert_eq!(put(&[("content-type", content_type)], "{}"), expected, "{content_type}");
        }
        assert_eq!(put(&[], "{}"), 415);
        assert_eq!(put(&[], ""), 200, "nothing is of no type");
        let json = ("content-type", "application/json");
        assert_eq!(put(&[json, ("content-encoding", "gzip")], "{}"), 415);
        assert_eq!(put(&[json], &" ".repeat(2 << 20)), 200);
        assert_eq!(put(&[json], &" ".repeat((2 << 20) + 1)), 413);
    }

    #[test]
    fn a_target_has_a_length_and_some_methods_no_meaning() {
        let host = [("host", "localhost")];
        assert_eq!(status("GET", &format!("/{}", "x".repeat((16 << 10) - 1)), &host, ""), 200);
        assert_eq!(status("GET", &format!("/{}", "x".repeat(16 << 10)), &host, ""), 414);
        assert_eq!(status("CONNECT", "localhost:22", &host, ""), 501);
    }

    #[test]
    fn refusals_are_counted_by_their_reason() {
        let guard = guard();
        guard.refusal(&Request::get("/").header("host", "evil.example").body(String::new()).unwrap());
        guard.busy();
        let counted: Vec<_> = guard.refused().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("host", 1), ("busy", 1)]);
    }
}
