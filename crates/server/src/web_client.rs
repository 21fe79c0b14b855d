//! A small web client: one request, one connection, a bounded answer.
//!
//! For what a server asks others now and then (the keys of an identity provider) and for the commands that ask a running
//! Factree. hyper and rustls are in the house already as the server's; their client halves are the same code. Follows no
//! redirect: where a secret is sent is what the operator wrote.
//! Invariant: whoever answers, it takes bounded time and memory.

use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

use factree_auth::credential::Secret;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::attach::{ClientTls, Stream};

/// How long a connection may take to be made, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take to be whole.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Where to ask: `https://host[:port][/path]`, or `http://…`; without a scheme plain HTTP.
#[derive(Clone, Debug)]
pub struct WebAddress {
    /// As a Host header says it.
    authority: String,
    host: String,
    port: u16,
    /// Begins with a slash, or is empty.
    path: String,
    tls: Option<ClientTls>,
}

impl WebAddress {
    /// Reads an address. `ca`: a PEM file with whom to trust by TLS; none: whom this machine trusts.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn parse(text: &str, ca: Option<&Path>) -> Result<Self, String> {
        let refuse = || "an address is written https://host, https://host:8443/path or 127.0.0.1:8080".to_owned();
        let (is_tls, rest) = match text.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            Some(_) => return Err(refuse()),
            None => (false, text),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_sound =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#@".contains(&byte));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().map_err(|_| refuse())?)),
            _ => (authority, None),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() || !is_sound(authority) || !is_sound(path) {
            return Err(refuse());
        }
        if ca.is_some() && !is_tls {
            return Err("whom to trust (`ca`) is for https:// only".into());
        }
        Ok(Self {
            authority: authority.into(),
            host: host.into(),
            port: port.unwrap_or(if is_tls { 443 } else { 80 }),
            path: path.trim_end_matches('/').into(),
            tls: is_tls.then(|| ClientTls::read(ca, None)).transpose()?,
        })
    }

    /// Whether what is sent there is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether it is this machine, by address or as `localhost`.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", if self.is_encrypted() { "https://" } else { "" }, self.authority, self.path)
    }
}

/// What is asked.
pub(crate) struct Question<'a> {
    pub(crate) method: Method,
    /// Behind the address's own path; begins with a slash, or is empty.
    pub(crate) path: &'a str,
    pub(crate) key: Option<&'a Secret>,
    /// JSON.
    pub(crate) body: Option<String>,
    pub(crate) answer_bytes_max: usize,
}

impl<'a> Question<'a> {
    pub(crate) fn get(path: &'a str, answer_bytes_max: usize) -> Self {
        Question { method: Method::GET, path, key: None, body: None, answer_bytes_max }
    }
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) is_problem: bool,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// No connection could be made.
    Nobody(io::Error),
    /// The connection broke, or nothing whole came in time.
    Silence,
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody(error) => write!(f, "no connection: {error}"),
            Self::Silence => f.write_str("no whole answer"),
        }
    }
}

/// Asks once.
pub(crate) async fn ask(address: &WebAddress, question: Question<'_>) -> Result<Answer, NoAnswer> {
    let stream = match timeout(CONNECT_TIMEOUT, connect(address)).await {
        Ok(connected) => connected.map_err(NoAnswer::Nobody)?,
        Err(_) => return Err(NoAnswer::Nobody(io::ErrorKind::TimedOut.into())),
    };
    let answer = timeout(ANSWER_TIMEOUT, exchange(stream, address, question)).await;
    answer.map_err(|_| NoAnswer::Silence)?.ok_or(NoAnswer::Silence)
}

async fn connect(address: &WebAddress) -> io::Result<Box<dyn Stream>> {
    let tcp = TcpStream::connect((address.host.as_str(), address.port)).await?;
    Ok(match &address.tls {
        None => Box::new(tcp),
        Some(tls) => Box::new(tls.connect(&address.host, tcp).await?),
    })
}

async fn exchange(stream: Box<dyn Stream>, address: &WebAddress, question: Question<'_>) -> Option<Answer> {
    let Question { method, path, key, body, answer_bytes_max } = question;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    // Ends with the connection, which ends when its sender is dropped; what went wrong the answer tells.
    tokio::spawn(async move { drop(connection.await) });
    let target = format!("{}{path}", address.path);
    let target = if target.is_empty() { "/" } else { &target };
    let mut request = Request::builder().method(method).uri(target).header(HOST, &address.authority);
    if let Some(key) = key {
        let mut value = HeaderValue::try_from(format!("Bearer {}", key.reveal())).ok()?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    if body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    let request = request.body(Full::new(Bytes::from(body.unwrap_or_default()))).ok()?;
    let (head, body) = sender.send_request(request).await.ok()?.into_parts();
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_problem = content_type.starts_with("application/problem+json");
    let body = Limited::new(body, answer_bytes_max).collect().await.ok()?.to_bytes().into();
    Some(Answer { status: head.status, is_problem, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_or_without_scheme_port_and_path() {
        let read = |text: &str| {
            WebAddress::parse(text, None).map(|it| format!("{it} {} {}", it.host, it.port)).map_err(|_| ())
        };
        assert_eq!(read("127.0.0.1:8080").unwrap(), "127.0.0.1:8080 127.0.0.1 8080");
        assert_eq!(read("http://plant/").unwrap(), "plant plant 80");
        assert_eq!(read("http://[::1]:8080").unwrap(), "[::1]:8080 ::1 8080");
        assert_eq!(read("http://[::1]/a/b").unwrap(), "[::1]/a/b ::1 80");
        for none in ["", "ftp://plant", "http://", "plant:port", "plant\r\nX: y", "user@plant", "http://plant/a b"] {
            assert_eq!(read(none), Err(()), "{none}");
        }
        assert!(WebAddress::parse("http://plant", Some(Path::new("ca.pem"))).unwrap_err().contains("https://"));
    }
}
