//! Configuration: one TOML file, every key optional, the command line above it.
//!
//! The defaults are a working system on this machine alone. A key we do not know is an error, because an operator who
//! mistypes `listen` must not get the default in silence; the message names the file, the line, the key and what is
//! accepted. Errors here are always the operator's to mend, so they are text for people.
//! Invariant: a [`Config`] that exists is valid; starting can then fail only on what the machine says (ports, disks).

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use factree_ingest::{Governance, Placement};
use factree_namespace::{ContextRule, Modelled};
use serde::Deserialize;
use toml::Spanned;

use crate::attach::Attachment;
use crate::audit::AuditConfig;
use crate::face::FaceRoot;
use crate::limit_keys;
use crate::limits::Limits;
use crate::quantity::parse_duration;
use crate::transport::{Tls, Transport};

mod attach;
mod audit;
mod auth;
mod declared_types;
mod exposure;
mod lines;
mod listener;
mod namespace;
mod printed;
mod rules;
mod sparkplug;
mod tables;
mod told;

use attach::Attach;
use auth::Auth;
pub(crate) use auth::read_bounded;
pub use auth::{AuthConfig, CertificatesConfig, KeySource, TokensConfig};
pub use declared_types::DeclaredTypes;
use lines::{at, line};
use listener::{Around, ListenerRule};
use namespace::Namespace;
pub(crate) use printed::shown;
use sparkplug::Sparkplug;
pub use sparkplug::SparkplugConfig;

/// A configuration file larger than this many bytes is refused unread.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Everything `factree` can be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who is let in; none: everybody, and then no other machine can reach it.
    pub auth: Option<AuthConfig>,
    /// Where MQTT clients connect by plain TCP. None: nowhere.
    pub mqtt: Option<SocketAddr>,
    /// Something else encrypts before it.
    pub mqtt_insecure: bool,
    /// Where else they connect, by TLS or WebSocket for example.
    pub listeners: Vec<Listener>,
    /// Foreign brokers to be attached to as an ordinary client.
    pub attachments: Vec<Attachment>,
    /// Where the HTTP API is served.
    pub http: SocketAddr,
    /// Its certificate; none: plain HTTP.
    pub http_tls: Option<HttpTls>,
    /// Something else encrypts before it.
    pub http_insecure: bool,
    /// Names and addresses that HTTP clients may reach it by, beside those of this machine itself.
    pub http_hosts: Vec<String>,
    /// The directory that belongs to this process alone.
    pub data: PathBuf,
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// Where things land in the tree.
    pub placement: Placement,
    /// What may be published where.
    pub governance: Governance,
    /// Where the tree stands among MQTT topics; none: nowhere.
    pub face: Option<FaceRoot>,
    /// What it is to Sparkplug clients.
    pub sparkplug: SparkplugConfig,
    /// What is declared about elements of the tree.
    pub model: Vec<Modelled>,
    /// Types that are declared, and which elements are of them.
    pub types: DeclaredTypes,
    /// Which documents are context.
    pub contexts: Vec<ContextRule>,
    /// How what was done is put on record.
    pub audit: AuditConfig,
    /// The most that peers may use.
    pub limits: Limits,
    /// How often the broker's own figures are published below `$SYS`; none: never.
    pub sys_interval: Option<Duration>,
    /// The file as it stands, to say later what has changed in it.
    pub(crate) keys: toml::Table,
}

/// What survives once a client has its acknowledgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Everything, whatever happens to the process or to the power.
    #[default]
    Power,
    /// Everything, unless the machine itself stops.
    Process,
    /// Nothing: a restart forgets all sessions and retained messages.
    Memory,
}

impl Durability {
    /// As the configuration spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Process => "process",
            Self::Memory => "memory",
        }
    }

    /// What it means, for the banner.
    pub fn promise(self) -> &'static str {
        match self {
            Self::Power => "what is acknowledged is synced to disk and survives a power cut",
            Self::Process => "what is acknowledged survives this process, but not a power cut",
            Self::Memory => "sessions and retained messages are in memory: a restart forgets them",
        }
    }
}

/// One more place where MQTT clients connect.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Where.
    pub address: SocketAddr,
    /// What stands between TCP and MQTT.
    pub transport: Transport,
    /// Connections at once over this listener; none: only `connections_max` of all. Beyond: closed as they are accepted.
    pub connections_max: Option<NonZeroU32>,
    /// Something else encrypts before it.
    pub insecure: bool,
}

/// The certificate that HTTP is served with.
#[derive(Clone, Debug)]
pub struct HttpTls {
    /// The chain, the server's own certificate first: a PEM file.
    pub certificate: PathBuf,
    /// Its private key: a PEM file.
    pub key: PathBuf,
    /// Both, as they were when the configuration was read.
    pub(crate) tls: Tls,
}

/// What the command line says; it wins over the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--mqtt ADDR`
    pub mqtt: Option<SocketAddr>,
    /// `--mqtt off`; stands above `mqtt`.
    pub no_mqtt: bool,
    /// `--attach`, each a URL
    pub attach: Vec<String>,
    /// `--http`
    pub http: Option<SocketAddr>,
    /// `--data`
    pub data: Option<PathBuf>,
}

/// Why a configuration was refused; reads as a sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the file, if one is named, and puts `overrides` above it.
    ///
    /// # Errors
    /// [`ConfigError`] if the file cannot be read, is not TOML, has an unknown key or an unusable value.
    pub fn load(file: Option<&Path>, overrides: Overrides) -> Result<Self, ConfigError> {
        let text = match file {
            Some(path) => read(path).map_err(|error| ConfigError(format!("{}: {error}", path.display())))?,
            None => String::new(),
        };
        let directory = file.and_then(Path::parent).unwrap_or(Path::new(""));
        Self::parse_in(directory, &text, overrides).map_err(|error| match file {
            Some(path) => ConfigError(format!("{}: {error}", path.display())),
            // What is wrong is on the command line.
            None => error,
        })
    }

    /// Parses the text of a configuration file that stands in the working directory.
    ///
    /// # Errors
    /// [`ConfigError`], as [`Config::load`] without the reading.
    pub fn parse(text: &str, overrides: Overrides) -> Result<Self, ConfigError> {
        Self::parse_in(Path::new(""), text, overrides)
    }

    fn parse_in(directory: &Path, text: &str, overrides: Overrides) -> Result<Self, ConfigError> {
        let file: File = toml::from_str(text).map_err(|error| ConfigError(told::told(&error, text)))?;
        let (http_tls, auth) =
            (file.http.tls(directory, text)?, file.auth.map(|auth| auth.parse(text, directory)).transpose()?);
        let (sparkplug, mut limits) = (file.sparkplug.parse(text)?, limits(&file.limits, text)?);
        sparkplug.apply(&mut limits.ingest.sparkplug);
        let http_hosts = file.http.hosts(text)?;
        let around = Around { directory, auth: auth.as_ref(), hosts: &http_hosts, text };
        let listeners = file.mqtt.listeners.iter().enumerate();
        let listeners = listeners.map(|(number, rule)| rule.parse(number, &around)).collect::<Result<_, _>>()?;
        let config = Self {
            auth,
            mqtt_insecure: file.mqtt.insecure,
            http_tls,
            http_insecure: file.http.insecure,
            mqtt: overrides.mqtt.or(file.mqtt.listen.0).filter(|_| !overrides.no_mqtt),
            audit: file.audit.parse(text)?,
            attachments: attach::attachments(file.attach, &overrides.attach, &sparkplug, text)?,
            http: overrides.http.unwrap_or(file.http.listen),
            http_hosts,
            data: overrides.data.unwrap_or(file.data.directory),
            durability: file.data.durability,
            placement: file.namespace.placement(text)?,
            governance: file.namespace.governance(text, directory)?,
            face: file.namespace.face(text)?,
            sparkplug,
            model: file.namespace.model(text)?,
            types: file.namespace.types(text)?,
            contexts: file.namespace.contexts(text)?,
            limits,
            sys_interval: file.mqtt.sys_interval(text)?,
            listeners,
            keys: text.parse().map_err(|error: toml::de::Error| ConfigError(error.to_string()))?,
        };
        if config.mqtt.is_none() && config.listeners.is_empty() && config.attachments.is_empty() {
            return Err(ConfigError(
                "MQTT is off and nothing is attached, so nothing would ever be heard; set [mqtt] listen, or name a broker with \
                 [[attach]] or --attach mqtt://…"
                    .into(),
            ));
        }
        exposure::judge(&config)?;
        Ok(config)
    }
}

/// `text` is the file's, to say on which line a limit went wrong.
fn limits(table: &BTreeMap<Spanned<String>, Spanned<toml::Value>>, text: &str) -> Result<Limits, ConfigError> {
    let mut limits = Limits::default();
    for (name, value) in table {
        limit_keys::set(&mut limits, name.get_ref(), value.get_ref())
            .map_err(|why| ConfigError(format!("line {}: {why}", line(text, name.span().start))))?;
    }
    limits.validate().map_err(|why| {
        // It names the keys that do not go together; one of them at least is in the file.
        let named = |key: &&Spanned<String>| {
            why.split(|part: char| !part.is_ascii_alphanumeric() && part != '_').any(|word| word == key.get_ref())
        };
        let line = table.keys().find(named).map(|key| at(text, &["limits", key.get_ref()])).unwrap_or_default();
        ConfigError(format!("{line}[limits] {why}"))
    })?;
    Ok(limits)
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)? as u64;
    if read > FILE_BYTES_MAX {
        return Err(std::io::Error::other(format!("larger than {FILE_BYTES_MAX} bytes, so it is not a configuration")));
    }
    Ok(text)
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct File {
    #[serde(deserialize_with = "tables::one_if_any")]
    auth: Option<Auth>,
    #[serde(deserialize_with = "tables::one")]
    mqtt: Mqtt,
    #[serde(deserialize_with = "tables::one")]
    http: Http,
    #[serde(deserialize_with = "tables::one")]
    data: Data,
    #[serde(deserialize_with = "tables::one")]
    namespace: Namespace,
    #[serde(deserialize_with = "tables::one")]
    sparkplug: Sparkplug,
    #[serde(deserialize_with = "tables::each")]
    attach: Vec<Attach>,
    #[serde(deserialize_with = "tables::one")]
    audit: audit::Audit,
    #[serde(deserialize_with = "tables::one")]
    limits: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Mqtt {
    listen: Listen,
    insecure: bool,
    sys_interval: String,
    #[serde(deserialize_with = "tables::each")]
    listeners: Vec<ListenerRule>,
}

/// An address, or nowhere.
struct Listen(Option<SocketAddr>);

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match &*String::deserialize(from)? {
            "off" => Ok(Listen(None)),
            address => address.parse().map(|address| Listen(Some(address))).map_err(|_| {
                serde::de::Error::custom("`listen` is an address with a port, such as \"127.0.0.1:1883\", or \"off\"")
            }),
        }
    }
}

/// An address where there has to be one.
fn address<'de, D: serde::Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    String::deserialize(from)?
        .parse()
        .map_err(|_| serde::de::Error::custom("`listen` is an address with a port, such as \"127.0.0.1:8080\""))
}

impl Default for Mqtt {
    fn default() -> Self {
        let listen = Listen(Some(SocketAddr::from(([127, 0, 0, 1], 1883))));
        Self { listen, insecure: false, sys_interval: "10 s".into(), listeners: Vec::new() }
    }
}

impl Mqtt {
    fn sys_interval(&self, text: &str) -> Result<Option<Duration>, ConfigError> {
        let refuse = |why: &str| {
            let line = at(text, &["mqtt", "sys_interval"]);
            ConfigError(format!("{line}[mqtt] sys_interval: {why}; \"0 s\" publishes nothing below $SYS"))
        };
        let interval = parse_duration(&self.sys_interval).map_err(|why| refuse(&why))?;
        if !interval.is_zero() && interval < Duration::from_secs(1) {
            return Err(refuse("is at least \"1 s\""));
        }
        Ok(Some(interval).filter(|interval| !interval.is_zero()))
    }
}

/// The files of a certificate and its key, which go together; relative ones stand beside the configuration.
fn pair(
    directory: &Path,
    certificate: Option<&Path>,
    key: Option<&Path>,
) -> Result<Option<(PathBuf, PathBuf)>, &'static str> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some((directory.join(certificate), directory.join(key)))),
        (None, None) => Ok(None),
        (Some(_), None) => Err("`certificate` without `key`; name the PEM file of its private key"),
        (None, Some(_)) => Err("`key` without `certificate`; name the PEM file of its certificate"),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Http {
    #[serde(deserialize_with = "address")]
    listen: SocketAddr,
    hosts: Vec<String>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    insecure: bool,
}

impl Default for Http {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 8080));
        Self { listen, hosts: Vec::new(), certificate: None, key: None, insecure: false }
    }
}

impl Http {
    fn tls(&self, directory: &Path, text: &str) -> Result<Option<HttpTls>, ConfigError> {
        let key = if self.certificate.is_some() { "certificate" } else { "key" };
        let refuse = |why: &str| ConfigError(format!("{}[http] {why}", at(text, &["http", key])));
        let files = pair(directory, self.certificate.as_deref(), self.key.as_deref()).map_err(refuse)?;
        let read = |(certificate, key): (PathBuf, PathBuf)| match Tls::read(&certificate, &key) {
            Ok(tls) => Ok(HttpTls { certificate, key, tls }),
            Err(why) => Err(refuse(&why)),
        };
        files.map(read).transpose()
    }

    /// What a Host header says before its port; an IPv6 address with its brackets or without.
    fn hosts(&self, text: &str) -> Result<Vec<String>, ConfigError> {
        let bare = |host: &String| {
            let name = host.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(host);
            let is_name = |name: &str| {
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
                    && !name.is_empty()
            };
            match is_name(name) || name.parse::<IpAddr>().is_ok() {
                true => Ok(name.to_owned()),
                false => Err(ConfigError(format!(
                    "{}[http] hosts: {host:?} is neither a name nor an address; write it without scheme, port and path, as \
                     \"factree.plant.example\"",
                    at(text, &["http", "hosts"])
                ))),
            }
        };
        self.hosts.iter().map(bare).collect()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Data {
    directory: PathBuf,
    durability: Durability,
}

impl Default for Data {
    fn default() -> Self {
        Self { directory: "factree-data".into(), durability: Durability::default() }
    }
}

#[cfg(test)]
mod tests;
