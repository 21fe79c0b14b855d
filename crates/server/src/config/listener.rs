//! `[[mqtt.listeners]]`: where else MQTT clients connect, and what stands between TCP and MQTT there.
//!
//! Files are read here, so that what is wrong with a certificate is said before anything is bound.
//! Knows no socket. Invariant: a listener that exists has all that its transport needs, and nothing that means nothing there.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use factree_http::UpgradeGuard;
use serde::Deserialize;

use super::lines::at;
use super::{AuthConfig, ConfigError, Listener, pair};
use crate::transport::{ClientCertificates, Tls, Transport};

/// What the rest of the file says that a listener depends on.
pub(super) struct Around<'a> {
    /// Where the file is.
    pub(super) directory: &'a Path,
    pub(super) auth: Option<&'a AuthConfig>,
    /// `[http] hosts`
    pub(super) hosts: &'a [String],
    /// All of it, to say on which line something went wrong.
    pub(super) text: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListenerRule {
    #[serde(deserialize_with = "super::address")]
    listen: SocketAddr,
    #[serde(default)]
    transport: TransportName,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    connections_max: Option<NonZeroU32>,
    #[serde(default)]
    insecure: bool,
    client_certificates: Option<Wanted>,
    #[serde(default)]
    origins: Vec<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    Required,
    Optional,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
enum TransportName {
    #[default]
    Tcp,
    Tls,
    #[serde(rename = "websocket")]
    WebSocket,
    #[serde(rename = "secure_websocket")]
    SecureWebSocket,
}

impl ListenerRule {
    /// `number` counts the listeners of the file from zero.
    pub(super) fn parse(&self, number: usize, around: &Around<'_>) -> Result<Listener, ConfigError> {
        let Self { listen, transport, certificate, key, connections_max, insecure, client_certificates, origins } =
            self;
        let Around { directory, auth, hosts, text } = *around;
        let refuse = |why: &str| {
            let line = at(text, &["mqtt", "listeners", &number.to_string()]);
            ConfigError(format!("{line}[[mqtt.listeners]] {listen}: {why}"))
        };
        let files = pair(directory, certificate.as_deref(), key.as_deref()).map_err(refuse)?;
        let clients = match (client_certificates, auth.and_then(|auth| auth.certificates.as_ref())) {
            (None, _) => None,
            (Some(_), _) if files.is_none() => {
                return Err(refuse("`client_certificates` are shown in TLS; set `certificate` and `key`"));
            }
            (Some(_), None) => {
                return Err(refuse(
                    "`client_certificates` needs [auth.certificates], which says who issues them and whose they are",
                ));
            }
            (Some(wanted), Some(issued)) => Some(ClientCertificates {
                are_required: *wanted == Wanted::Required,
                authorities: issued.authorities.clone(),
                revoked: issued.revoked.clone(),
            }),
        };
        let tls = files.map(|(certificate, key)| Tls::asking(&certificate, &key, clients)).transpose();
        let tls = tls.map_err(|why| refuse(&why))?;
        let origins: Vec<_> =
            origins.iter().map(|page| origin(page)).collect::<Result<_, _>>().map_err(|why| refuse(&why))?;
        if !origins.is_empty() && matches!(transport, TransportName::Tcp | TransportName::Tls) {
            return Err(refuse(
                "`origins` are pages, which connect by WebSocket; set transport = \"websocket\" or \"secure_websocket\"",
            ));
        }
        let guard =
            || Arc::new(UpgradeGuard { hosts: hosts.to_vec(), origins: origins.clone(), is_open: auth.is_none() });
        let missing = || refuse("TLS needs `certificate` and `key`, each the path of a PEM file");
        let transport = match (transport, tls) {
            (TransportName::Tcp, None) => Transport::Tcp,
            (TransportName::WebSocket, None) => Transport::WebSocket(guard()),
            (TransportName::Tls, tls) => Transport::Tls(tls.ok_or_else(missing)?),
            (TransportName::SecureWebSocket, tls) => Transport::SecureWebSocket(tls.ok_or_else(missing)?, guard()),
            // Whoever wrote a certificate meant to be private (CF05).
            (TransportName::Tcp | TransportName::WebSocket, Some(_)) => {
                return Err(refuse(
                    "`certificate` and `key` on a transport without TLS; set transport = \"tls\" or \"secure_websocket\"",
                ));
            }
        };
        Ok(Listener { address: *listen, transport, connections_max: *connections_max, insecure: *insecure })
    }
}

/// A page as browsers name it: `https://hmi.plant.example`, with a port if it is another than the scheme's.
fn origin(page: &str) -> Result<String, String> {
    let address = page.strip_prefix("http://").or_else(|| page.strip_prefix("https://"));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'[' | b']');
    match address.is_some_and(|address| !address.is_empty() && address.bytes().all(is_plain)) {
        true => Ok(page.to_owned()),
        false => Err(format!(
            "origins: {page:?} is no page's origin; write scheme and host, and nothing behind them, as \
             \"https://hmi.plant.example\""
        )),
    }
}
