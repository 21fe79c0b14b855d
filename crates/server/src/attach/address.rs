//! The address of a foreign broker as an operator writes it: `mqtt://host:1883`, `wss://user:password@host/mqtt`.
//!
//! Scheme, host, port and path stay; user name and password are taken out while parsing, so that whatever shows an
//! address cannot show them. Knows no name service and no socket.
//! Invariant: neither [`BrokerUrl`] nor an error made here holds a password, except in a [`Secret`], which nobody can
//! print.

use std::fmt;

/// How bytes get to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain TCP.
    Mqtt,
    /// TLS.
    Mqtts,
    /// WebSocket with the sub-protocol `mqtt`.
    Ws,
    /// WebSocket in TLS.
    Wss,
}

impl Scheme {
    const ALL: [Scheme; 4] = [Scheme::Mqtt, Scheme::Mqtts, Scheme::Ws, Scheme::Wss];

    /// As it stands in front of `://`.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Mqtt => "mqtt",
            Scheme::Mqtts => "mqtts",
            Scheme::Ws => "ws",
            Scheme::Wss => "wss",
        }
    }

    /// The port that goes without saying.
    pub fn default_port(self) -> u16 {
        match self {
            Scheme::Mqtt => 1883,
            Scheme::Mqtts => 8883,
            Scheme::Ws => 80,
            Scheme::Wss => 443,
        }
    }

    /// Whether TLS is part of it.
    pub fn has_tls(self) -> bool {
        matches!(self, Scheme::Mqtts | Scheme::Wss)
    }

    /// Whether WebSocket is part of it.
    pub fn has_websocket(self) -> bool {
        matches!(self, Scheme::Ws | Scheme::Wss)
    }
}

/// Where a foreign broker is. Shows itself as a URL without user name and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerUrl {
    /// How bytes get there.
    pub scheme: Scheme,
    /// A name, or an address; that of IPv6 without its brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What a WebSocket asks for, with its `/`; empty for the others.
    pub path: String,
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port, path } = self;
        let scheme = scheme.name();
        match host.contains(':') {
            true => write!(f, "{scheme}://[{host}]:{port}{path}"),
            false => write!(f, "{scheme}://{host}:{port}{path}"),
        }
    }
}

/// Bytes that are never shown: a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Keeps them.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Secret(bytes.into())
    }

    /// For the CONNECT, and nothing else.
    pub(crate) fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A URL taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) url: BrokerUrl,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Secret>,
}

impl Parsed {
    /// Parses `scheme://[user[:password]@]host[:port][/path]`. User name and password may be percent-encoded.
    ///
    /// # Errors
    /// What is accepted, as the end of a sentence. Never quotes the text: a password may be in it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once("://").ok_or("is a URL such as \"mqtt://broker:1883\"")?;
        let scheme = Scheme::ALL.into_iter().find(|known| known.name() == scheme);
        let scheme = scheme.ok_or("begins with mqtt://, mqtts://, ws:// or wss://")?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if !scheme.has_websocket() && !matches!(path, "" | "/") {
            return Err("has no path; topics are asked for with `filters`");
        }
        if path.contains('#') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("has a path of printable ASCII without '#'");
        }
        let path = match (scheme.has_websocket(), path) {
            (false, _) => "",
            (true, "") => "/mqtt",
            (true, path) => path,
        };
        // The last one: a password may hold another.
        let (credentials, host) = match authority.rsplit_once('@') {
            Some((credentials, host)) => (Some(credentials), host),
            None => (None, authority),
        };
        let (host, port) = host_and_port(host)?;
        let (username, password) = match credentials
            .map(|it| it.split_once(':').map_or((it, None), |(a, b)| (a, Some(b))))
        {
            None => (None, None),
            Some((username, password)) => {
                let username = String::from_utf8(percent_decoded(username)?).map_err(|_| "has a user name in UTF-8")?;
                (Some(username), password.map(percent_decoded).transpose()?.map(Secret))
            }
        };
        let port = port.unwrap_or(scheme.default_port());
        Ok(Parsed { url: BrokerUrl { scheme, host, port, path: path.into() }, username, password })
    }
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), &'static str> {
    const PORT: &str = "has a port from 1 to 65535";
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']').ok_or("has an IPv6 address in brackets")?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| "has an IPv6 address in brackets")?;
            (host, if behind.is_empty() { None } else { Some(behind.strip_prefix(':').ok_or(PORT)?) })
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
    if host.is_empty() || host.len() > 253 || !host.bytes().all(is_name) {
        return Err("names a host: letters, digits, '.', '-' and '_', or an address");
    }
    let port = port.map(|port| port.parse().ok().filter(|port| *port != 0).ok_or(PORT)).transpose()?;
    Ok((host.into(), port))
}

fn percent_decoded(text: &str) -> Result<Vec<u8>, &'static str> {
    const WRONG: &str = "has a user name or password in which '%' is not followed by two hexadecimal digits";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16)).ok_or(WRONG);
                (digit(rest.next())? << 4 | digit(rest.next())?) as u8
            }
            byte => byte,
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, &'static str> {
        Parsed::parse(text).map(|parsed| parsed.url.to_string())
    }

    #[test]
    fn an_address_is_shown_whole_and_without_its_password() {
        assert_eq!(shown("mqtt://broker").unwrap(), "mqtt://broker:1883");
        assert_eq!(shown("mqtts://broker/").unwrap(), "mqtts://broker:8883");
        assert_eq!(shown("mqtt://[::1]:1884").unwrap(), "mqtt://[::1]:1884");
        assert_eq!(shown("wss://cloud.example/broker?x=1").unwrap(), "wss://cloud.example:443/broker?x=1");
        assert_eq!(shown("ws://10.0.0.1:9001").unwrap(), "ws://10.0.0.1:9001/mqtt");
        let parsed = Parsed::parse("mqtt://plant%40site:pa%3ass@word@broker").unwrap();
        assert_eq!(parsed.url.to_string(), "mqtt://broker:1883");
        assert_eq!(parsed.username.as_deref(), Some("plant@site"));
        assert_eq!(parsed.password.as_ref().unwrap().reveal(), b"pa:ss@word");
        assert!(!format!("{parsed:?}").contains("ss@word"), "{parsed:?}");
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_quoted() {
        for (text, expected) in [
            ("broker:1883", "is a URL"),
            ("http://broker", "begins with mqtt://"),
            ("mqtt://", "names a host"),
            ("mqtt://a:hunter2@", "names a host"),
            ("mqtt://broker:0", "a port from 1"),
            ("mqtt://broker:99999", "a port from 1"),
            ("mqtt://[::1", "in brackets"),
            ("mqtt://broker/spBv1.0/#", "has no path"),
            ("mqtt://a%zz:hunter2@broker", "two hexadecimal digits"),
            ("ws://broker/a b", "printable ASCII"),
        ] {
            let why = Parsed::parse(text).expect_err(text);
            assert!(why.contains(expected) && !why.contains("hunter2"), "{text}: {why}");
        }
    }
}
