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
mod listener;
mod namespace;
mod printed;
mod rules;
mod sparkplug;

use attach::Attach;
use auth::Auth;
pub(crate) use auth::read_bounded;
pub use auth::{AuthConfig, CertificatesConfig, KeySource, TokensConfig};
pub use declared_types::DeclaredTypes;
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
        let origin = file.map_or_else(|| "defaults".into(), |path| path.display().to_string());
        let directory = file.and_then(Path::parent).unwrap_or(Path::new(""));
        Self::parse_in(directory, &text, overrides).map_err(|error| ConfigError(format!("{origin}: {error}")))
    }

    /// Parses the text of a configuration file that stands in the working directory.
    ///
    /// # Errors
    /// [`ConfigError`], as [`Config::load`] without the reading.
    pub fn parse(text: &str, overrides: Overrides) -> Result<Self, ConfigError> {
        Self::parse_in(Path::new(""), text, overrides)
    }

    fn parse_in(directory: &Path, text: &str, overrides: Overrides) -> Result<Self, ConfigError> {
        let file: File = toml::from_str(text).map_err(|error| ConfigError(attach::told(&error, text)))?;
        let (http_tls, auth) =
            (file.http.tls(directory)?, file.auth.map(|auth| auth.parse(text, directory)).transpose()?);
        let (sparkplug, mut limits) = (file.sparkplug.parse()?, limits(&file.limits, text)?);
        sparkplug.apply(&mut limits.ingest.sparkplug);
        let http_hosts = file.http.hosts()?;
        let around = Around { directory, auth: auth.as_ref(), hosts: &http_hosts };
        let listeners = file.mqtt.listeners.iter().map(|rule| rule.parse(&around)).collect::<Result<_, _>>()?;
        let config = Self {
            auth,
            mqtt_insecure: file.mqtt.insecure,
            http_tls,
            http_insecure: file.http.insecure,
            mqtt: overrides.mqtt.or(file.mqtt.listen.0).filter(|_| !overrides.no_mqtt),
            audit: file.audit.parse()?,
            attachments: attach::attachments(file.attach, &overrides.attach, &sparkplug)?,
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
            sys_interval: file.mqtt.sys_interval()?,
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
    limits.validate().map_err(|why| ConfigError(format!("[limits] {why}")))?;
    Ok(limits)
}

/// The line that a byte of the text is on, from one.
fn line(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|&byte| byte == b'\n').count()
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
    auth: Option<Auth>,
    mqtt: Mqtt,
    http: Http,
    data: Data,
    namespace: Namespace,
    sparkplug: Sparkplug,
    attach: Vec<Attach>,
    audit: audit::Audit,
    limits: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Mqtt {
    listen: Listen,
    insecure: bool,
    sys_interval: String,
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

impl Default for Mqtt {
    fn default() -> Self {
        let listen = Listen(Some(SocketAddr::from(([127, 0, 0, 1], 1883))));
        Self { listen, insecure: false, sys_interval: "10 s".into(), listeners: Vec::new() }
    }
}

impl Mqtt {
    fn sys_interval(&self) -> Result<Option<Duration>, ConfigError> {
        let refuse =
            |why: &str| ConfigError(format!("[mqtt] sys_interval: {why}; \"0 s\" publishes nothing below $SYS"));
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
    fn tls(&self, directory: &Path) -> Result<Option<HttpTls>, ConfigError> {
        let refuse = |why: &str| ConfigError(format!("[http] {why}"));
        let files = pair(directory, self.certificate.as_deref(), self.key.as_deref()).map_err(refuse)?;
        let read = |(certificate, key): (PathBuf, PathBuf)| match Tls::read(&certificate, &key) {
            Ok(tls) => Ok(HttpTls { certificate, key, tls }),
            Err(why) => Err(refuse(&why)),
        };
        files.map(read).transpose()
    }

    /// What a Host header says before its port; an IPv6 address with its brackets or without.
    fn hosts(&self) -> Result<Vec<String>, ConfigError> {
        let bare = |host: &String| {
            let name = host.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(host);
            let is_name = |name: &str| {
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
                    && !name.is_empty()
            };
            match is_name(name) || name.parse::<IpAddr>().is_ok() {
                true => Ok(name.to_owned()),
                false => Err(ConfigError(format!(
                    "[http] hosts: {host:?} is neither a name nor an address; write it without scheme, port and path, as \
                     \"factree.plant.example\""
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
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Config::parse(text, Overrides::default()).expect_err("must be refused").to_string()
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        let config = Config::parse("", Overrides::default()).unwrap();
        assert_eq!(config.mqtt.unwrap().to_string(), "127.0.0.1:1883");
        assert_eq!(config.http.to_string(), "127.0.0.1:8080");
        assert_eq!(config.data, PathBuf::from("factree-data"));
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let overrides = Overrides { mqtt: Some("127.0.0.1:2883".parse().unwrap()), ..Overrides::default() };
        let config = Config::parse("[mqtt]\nlisten = \"127.0.0.1:1884\"", overrides).unwrap();
        assert_eq!(config.mqtt.unwrap().port(), 2883);
    }

    #[test]
    fn mqtt_can_be_off_as_long_as_something_is_heard() {
        let off = "[mqtt]\nlisten = \"off\"\n";
        assert!(refusal(off).contains("nothing would ever be heard"));
        let attached =
            Config::parse(&format!("{off}[[attach]]\nurl = \"mqtt://broker\""), Overrides::default()).unwrap();
        assert_eq!((attached.mqtt, attached.attachments.len()), (None, 1));
        let overrides = Overrides { no_mqtt: true, attach: vec!["mqtt://broker".into()], ..Overrides::default() };
        assert_eq!(Config::parse("", overrides).unwrap().mqtt, None);
        assert!(refusal("[mqtt]\nlisten = \"1883\"").contains("or \"off\""));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_what_is_accepted() {
        let message = refusal("[mqtt]\n\nlisen = \"127.0.0.1:1883\"\n");
        assert!(message.contains("line 3"), "{message}");
        assert!(message.contains("lisen"), "{message}");
        assert!(message.contains("`listen`"), "{message}");
        let message = refusal("[namespace]\nlevels = [\"plant\"]\n");
        assert!(message.contains("line 2") && message.contains("`work_center`"), "{message}");
        let message = refusal("[[namespace.sparkplug]]\ngroup = \"{site}\"\nedge = \"{area}\"");
        assert!(message.contains("line 3") && message.contains("`node`"), "{message}");
    }

    #[test]
    fn a_wrong_template_names_its_rule_and_key() {
        let message =
            refusal("[[namespace.sparkplug]]\ngroup = \"{site}\"\n\n[[namespace.sparkplug]]\ngroup = \"{plant}\"");
        assert!(message.starts_with("line 5: [[namespace.sparkplug]] rule 2, key `group`"), "{message}");
        let message = refusal("[[namespace.topics]]\ntopic = \"{site}{area}\"");
        assert!(message.starts_with("line 2: [[namespace.topics]] rule 1, key `topic`"), "{message}");
        let message = refusal("[namespace]\nlevels = [\"site\", \"enterprise\"]");
        assert!(message.contains("go down the ISA-95 hierarchy"), "{message}");
    }

    #[test]
    fn a_listener_that_the_network_can_reach_is_refused_and_told_what_to_do() {
        let message = refusal("[http]\nlisten = \"0.0.0.0:8080\"");
        assert!(message.contains("0.0.0.0:8080") && message.contains("ssh -L"), "{message}");
        assert!(message.contains("factree init"), "{message}");
        let v6 = Config::parse("[mqtt]\nlisten = \"[::1]:1883\"", Overrides::default()).unwrap();
        assert!(v6.mqtt.unwrap().ip().is_loopback());
    }

    #[test]
    fn a_listener_says_what_its_transport_needs() {
        let with = |rest: &str| format!("[[mqtt.listeners]]\nlisten = \"127.0.0.1:8883\"\n{rest}");
        assert!(refusal(&with("transport = \"tls\"")).contains("needs `certificate` and `key`"));
        assert!(refusal(&with("certificate = \"c.pem\"")).contains("without `key`"));
        assert!(refusal(&with("transport = \"quic\"")).contains("`secure_websocket`"));
        let missing = refusal(&with("transport = \"tls\"\ncertificate = \"/none.pem\"\nkey = \"/none.key\""));
        assert!(missing.contains("127.0.0.1:8883") && missing.contains("/none.pem"), "{missing}");
        assert!(refusal("[[mqtt.listeners]]\nlisten = \"0.0.0.0:8883\"").contains("open to the network"));
        let plain = Config::parse(&with("transport = \"websocket\""), Overrides::default()).unwrap();
        assert_eq!(plain.listeners[0].transport.name(), "websocket");
    }

    #[test]
    fn pages_that_may_connect_are_named_as_browsers_name_them() {
        let with = |transport: &str, origin: &str| {
            let rule = "[[mqtt.listeners]]\nlisten = \"127.0.0.1:9001\"";
            let text = format!("{rule}\ntransport = \"{transport}\"\norigins = [{origin:?}]");
            Config::parse(&text, Overrides::default()).map(|_| ()).map_err(|why| why.to_string())
        };
        for origin in ["https://hmi.plant.example", "http://localhost:3000", "http://[::1]:3000"] {
            assert_eq!(with("websocket", origin), Ok(()));
        }
        for origin in ["", "*", "null", "https://", "hmi.plant.example", "https://hmi.plant.example/", "ws://hmi"] {
            assert!(with("websocket", origin).unwrap_err().contains("write scheme and host"), "{origin}");
        }
        assert!(with("tcp", "https://hmi.plant.example").unwrap_err().contains("connect by WebSocket"));
    }

    #[test]
    fn cf05_a_certificate_on_a_plain_transport_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (directory.path().join("c.pem"), directory.path().join("k.pem"));
        std::fs::write(&certificate, own.cert.pem()).unwrap();
        std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
        let message = refusal(&format!(
            "[[mqtt.listeners]]\nlisten = \"127.0.0.1:8883\"\ncertificate = {certificate:?}\nkey = {key:?}"
        ));
        assert!(message.contains("transport = \"tls\""), "{message}");
    }

    #[test]
    fn a_wrong_limit_names_its_line_its_key_and_what_is_accepted() {
        let message = refusal("[limits]\nsessions_max = 10\nsesions = 10\n");
        assert!(
            message.starts_with("line 3: [limits] knows no `sesions`") && message.contains("sessions_max"),
            "{message}"
        );
        let message = refusal("\n[limits]\nqueue_bytes_max = \"lots\"\n");
        assert!(message.starts_with("line 3: [limits] queue_bytes_max: ") && message.contains("64 MiB"), "{message}");
        let message = refusal("[limits]\nretained_max = 2000000\n");
        assert!(message.starts_with("[limits] retained_backlog_max is at least retained_max"), "{message}");
        let config = Config::parse("[limits]\nkeep_alive_max = \"5 min\"\n", Overrides::default()).unwrap();
        assert_eq!(config.limits.broker.keep_alive_max, Duration::from_secs(300));
    }

    #[test]
    fn hosts_are_names_and_addresses_and_nothing_more() {
        let hosts = |host: &str| {
            Config::parse(&format!("[http]\nhosts = [{host:?}]"), Overrides::default()).map(|config| config.http_hosts)
        };
        for (host, name) in
            [("factree.plant.example", "factree.plant.example"), ("10.0.0.7", "10.0.0.7"), ("[fd00::7]", "fd00::7")]
        {
            assert_eq!(hosts(host).unwrap(), [name]);
        }
        for host in ["", "*", "https://plant.example", "plant.example:8080", "plant.example/", "plant example"] {
            assert!(hosts(host).unwrap_err().to_string().contains("without scheme, port and path"), "{host}");
        }
    }

    #[test]
    fn the_sys_interval_is_a_time_or_off() {
        let interval = |text: &str| {
            let file = format!("[mqtt]\nsys_interval = \"{text}\"");
            Config::parse(&file, Overrides::default()).map(|config| config.sys_interval)
        };
        assert_eq!(interval("1 min").unwrap(), Some(Duration::from_secs(60)));
        assert_eq!(interval("0 s").unwrap(), None);
        assert!(interval("1 ms").unwrap_err().to_string().contains("at least \"1 s\""));
    }

    #[test]
    fn cf08_a_huge_file_is_refused_unread() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("factree.toml");
        std::fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
        let message = Config::load(Some(&path), Overrides::default()).unwrap_err().to_string();
        assert!(message.contains("larger than"), "{message}");
    }
}
