//! The server: listeners in, tasks out, and an orderly end.
//!
//! Binding happens first and in one place, so that whoever sees the banner can connect. Shutting down, the listeners close,
//! clients are told (5.0) and cut off, HTTP requests under way are answered, and what does not end in time is dropped.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fmt, io};

use factree_broker::Broker;
use factree_http::{Doorway, I3xSubscriptions, Streams};
use factree_ingest::Ingest;
use factree_mqtt::ReasonCode;
use factree_namespace::Namespace;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use crate::attach::{Attachment, Outlet, Outlets, Runner};
use crate::audit::{Audit, AuditError, OwnedEntry, Scribe};
use crate::authority::Authority;
use crate::config::{Config, ConfigError, Durability, Listener, SparkplugConfig};
use crate::data_directory::{DataDirectory, DataDirectoryError};
use crate::descriptors::Connections;
use crate::disk::Disk;
use crate::face::Face;
use crate::front::{Front, Reception};
use crate::gate::Gate;
use crate::hub::{self, Hub};
use crate::keeper::Keeper;
use crate::limits::Limits;
use crate::probes::{self, Probes};
use crate::process;
use crate::quiet::Quiet;
use crate::reload::{self, Reloader};
use crate::storage::{self, StorageError};
use crate::transport::{self, Transport};

/// How long connections and requests may take to end once we shut down.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait before accepting again when the machine has no more sockets to give (MQ13).
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

static REFUSED: Quiet = Quiet::new();
static NOT_ACCEPTED: Quiet = Quiet::new();

/// A server whose listeners are bound.
pub struct Server {
    authority: Arc<Authority>,
    hub: Arc<Hub>,
    gate: Arc<Gate>,
    reception: Arc<Reception>,
    namespace: Arc<Namespace>,
    ingest: Arc<Mutex<Ingest>>,
    streams: Arc<Streams>,
    i3x: Arc<I3xSubscriptions>,
    mqtt: Vec<Bound>,
    /// Whether the first of them is `[mqtt] listen`.
    listens: bool,
    runners: Vec<Runner>,
    http: TcpListener,
    http_address: SocketAddr,
    http_is_encrypted: bool,
    data: DataDirectory,
    durability: Durability,
    keeper: Option<Keeper>,
    audit: Arc<Audit>,
    scribe: Scribe,
    found: Found,
    sys_interval: Option<Duration>,
    sparkplug: SparkplugConfig,
    reloader: Arc<Reloader>,
}

/// What was on disk when the server started.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Found {
    /// Kept sessions.
    pub sessions: usize,
    /// Retained messages.
    pub retained: usize,
    /// Edge Nodes.
    pub edge_nodes: usize,
}

/// A listener for MQTT clients.
struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    transport: Transport,
    connections_max: Option<NonZeroU32>,
}

/// Why the server could not start; reads as a sentence for the operator.
#[derive(Debug)]
pub enum StartError {
    /// The data directory is not ours.
    DataDirectory(DataDirectoryError),
    /// What is in it cannot be read.
    Storage(StorageError),
    /// The audit log in it cannot be gone on with.
    Audit(AuditError),
    /// Who is let in cannot be found out.
    Authority(StorageError),
    /// A listener could not be bound.
    Listen {
        /// `MQTT` or `HTTP`.
        what: &'static str,
        /// The flag or key that sets another address.
        flag: &'static str,
        /// Where it was to listen.
        address: SocketAddr,
        /// What the machine said.
        error: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DataDirectory(error) => error.fmt(f),
            Self::Storage(error) => error.fmt(f),
            Self::Audit(error) => error.fmt(f),
            Self::Authority(error) => write!(f, "who may log in cannot be found out: {error}"),
            Self::Listen { what, flag, address, error } if error.kind() == io::ErrorKind::AddrInUse => {
                let perhaps = if *what == "MQTT" { ", perhaps another broker" } else { "" };
                write!(
                    f,
                    "{what} cannot listen on {address}: another program does{perhaps}; stop it, or choose another address \
                     with {flag}"
                )
            }
            Self::Listen { what, flag, address, error } => {
                write!(f, "{what} cannot listen on {address}: {error}; choose another address with {flag}")
            }
        }
    }
}

impl std::error::Error for StartError {}

impl From<DataDirectoryError> for StartError {
    fn from(error: DataDirectoryError) -> Self {
        Self::DataDirectory(error)
    }
}

impl From<StorageError> for StartError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<AuditError> for StartError {
    fn from(error: AuditError) -> Self {
        Self::Audit(error)
    }
}

impl Server {
    /// Locks the data directory, takes back what is in it, and binds the listeners. Port 0 takes any free port; see [`Server::mqtt_address`].
    ///
    /// # Errors
    /// [`StartError`], for the operator.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let pictured = config.pictured();
        let mut limits = config.limits;
        lower_to_descriptors(&mut limits);
        let data = DataDirectory::lock(&config.data)?;
        let (audit, scribe) = Audit::open(data.path(), &config.audit)?;
        let start = OwnedEntry::new("factree", "server.start", env!("CARGO_PKG_VERSION"));
        audit.note(OwnedEntry { new: Some(pictured), ..start });
        let audit = Arc::new(audit);
        let http_is_encrypted = config.http_tls.is_some();
        let authority = Arc::new(match &config.auth {
            Some(auth) => Authority::start(auth, &limits.auth, data.path()).map_err(StartError::Authority)?,
            None => Authority::open(),
        });
        let first = config.mqtt.map(|address| Listener {
            address,
            transport: Transport::Tcp,
            connections_max: None,
            insecure: true,
        });
        let listens = first.is_some();
        let mqtt: Vec<Bound> = first
            .into_iter()
            .map(|first| (first, "--mqtt"))
            .chain(config.listeners.into_iter().map(|listener| (listener, "[[mqtt.listeners]] listen")))
            .map(|(Listener { address, transport, connections_max, insecure: _ }, set_by)| {
                let listener = listen("MQTT", set_by, address)?;
                let address = listener.local_addr().unwrap_or(address);
                Ok(Bound { address, listener, transport, connections_max })
            })
            .collect::<Result<_, StartError>>()?;
        let http = listen("HTTP", "--http", config.http)?;
        let namespace = Arc::new(Namespace::new(limits.namespace.clone()));
        let mut ingest = Ingest::new(limits.ingest.clone(), config.placement, Arc::clone(&namespace));
        ingest.govern(Arc::new(config.governance));
        let unknown = reload::declare_types(&mut ingest, config.types);
        for warning in unknown.into_iter().chain(reload::declare(&mut ingest, &config.model)) {
            warn!("{warning}");
        }
        let mut broker = Broker::new(limits.broker.clone());
        let sparkplug = config.sparkplug;
        let restored = storage::open(data.path(), config.durability, sparkplug.certificates, &mut broker, &mut ingest)?;
        ingest.restore_contexts(config.contexts);
        let found = restored.as_ref().map_or_else(Found::default, |restored| restored.found.clone());
        let ingest = Arc::new(Mutex::new(ingest));
        let gate = Arc::new(Gate::new(limits.connections.clone()));
        let reception = Arc::new(Reception::new(config.http_hosts, config.http_tls.map(|http| http.tls), &limits));
        let began = hub::now().wall.0;
        let streams = Arc::new(Streams::new(Arc::clone(&namespace), limits.streams.clone(), began));
        let (tree, bell) = (Arc::clone(&namespace), Arc::clone(&streams));
        let i3x = Arc::new(I3xSubscriptions::new(tree, bell, Arc::new(hub::now), limits.i3x.clone()));
        let disk = Disk::new(restored.is_some());
        ingest.lock().unwrap_or_else(PoisonError::into_inner).attach(config.attachments.len() as u16);
        let (outlets, runners) = Outlets::open(config.attachments);
        let face = Face::new(Arc::clone(&namespace), config.face);
        let hub = Hub::new(broker, limits, &sparkplug, Arc::clone(&ingest), disk, Arc::clone(&streams), face);
        let hub = Arc::new(hub.attached(outlets).guarded(Arc::clone(&authority), Arc::clone(&audit)));
        hub.find_rights();
        {
            let ingest = ingest.lock().unwrap_or_else(PoisonError::into_inner);
            reload::guard(hub.door(), &ingest);
        }
        hub.forget_all_owned();
        hub.tell_kept_subscriptions();
        if let Some(application) = sparkplug.application() {
            hub.go_online(application);
        }
        let moved = {
            let hub = Arc::clone(&hub);
            move || hub.show_moved()
        };
        let keeper = restored.map(|it| Keeper::start(Arc::clone(&hub), it.store, it.useless)).transpose();
        let certificates = mqtt.iter().filter_map(|bound| bound.transport.tls().cloned()).collect();
        let reloader = Reloader::new(
            Arc::clone(&ingest),
            Arc::clone(hub.door()),
            Arc::clone(&authority),
            Arc::clone(&reception),
            Arc::clone(&audit),
            config.keys,
            moved,
        );
        Ok(Self {
            reloader: Arc::new(reloader.showing(certificates)),
            authority,
            http_is_encrypted,
            gate,
            reception,
            hub,
            keeper: keeper.map_err(StorageError::Thread)?,
            durability: config.durability,
            audit,
            scribe,
            found,
            namespace,
            ingest,
            listens,
            runners,
            streams,
            i3x,
            http_address: http.local_addr().unwrap_or(config.http),
            mqtt,
            http,
            data,
            sys_interval: config.sys_interval,
            sparkplug,
        })
    }

    /// Lets the configuration be read again by `source`, over HTTP and by whoever holds [`Server::reloader`].
    #[must_use]
    pub fn reloading(mut self, source: impl Fn() -> Result<Config, ConfigError> + Send + Sync + 'static) -> Self {
        if let Some(reloader) = Arc::get_mut(&mut self.reloader) {
            reloader.read_by(source);
        }
        self
    }

    /// What reads the configuration again.
    pub fn reloader(&self) -> Arc<Reloader> {
        Arc::clone(&self.reloader)
    }

    /// Where MQTT clients connect by plain TCP; none if they do not.
    pub fn mqtt_address(&self) -> Option<SocketAddr> {
        self.mqtt.first().filter(|_| self.listens).map(|bound| bound.address)
    }

    /// Where else they connect, and by which transport.
    pub fn further_listeners(&self) -> impl Iterator<Item = (SocketAddr, &'static str)> {
        self.mqtt[usize::from(self.listens)..].iter().map(|bound| (bound.address, bound.transport.name()))
    }

    /// The foreign brokers it is attached to.
    pub fn attachments(&self) -> impl Iterator<Item = &Attachment> {
        self.hub.outlets().iter().map(|outlet| &*outlet.terms)
    }

    /// Where the API is served.
    pub fn http_address(&self) -> SocketAddr {
        self.http_address
    }

    /// Whether by TLS.
    pub fn http_is_encrypted(&self) -> bool {
        self.http_is_encrypted
    }

    /// Whether clients have to say who they are.
    pub fn asks_for_logins(&self) -> bool {
        !self.authority.is_open()
    }

    /// What an acknowledgement promises.
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// What it is to Sparkplug clients.
    pub fn sparkplug(&self) -> &SparkplugConfig {
        &self.sparkplug
    }

    /// What verifies the heads of the audit log, to be noted elsewhere; none if there is no log.
    pub fn audit_key(&self) -> Option<String> {
        self.audit.identity().map(|(key, _)| key.to_string())
    }

    /// What was on disk.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Serves until `stop` is done, then ends in order. Dropping the future instead ends everything at once.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        // The lock on the data directory is let go last, after the keeper has ended.
        let Self {
            authority,
            http_is_encrypted,
            data,
            keeper,
            audit,
            scribe,
            hub,
            gate,
            reception,
            namespace,
            ingest,
            streams,
            i3x,
            mqtt,
            runners,
            http,
            durability,
            sys_interval,
            reloader,
            ..
        } = self;
        let (stopping, stopped) = watch::channel(false);
        let storage_mode = durability.name();
        let probes = Probes {
            hub: Arc::clone(&hub),
            gate: Arc::clone(&gate),
            reception: Arc::clone(&reception),
            namespace: Arc::clone(&namespace),
            i3x: Arc::clone(&i3x),
            storage_mode,
        };
        let say = {
            let hub = Arc::clone(&hub);
            Arc::new(move |said| hub.speak(said))
        };
        let attachments = {
            let hub = Arc::clone(&hub);
            Arc::new(move || hub.outlets().iter().map(Outlet::report).collect())
        };
        let forget: factree_http::Forget = {
            let hub = Arc::clone(&hub);
            Arc::new(move |what| {
                let hub = Arc::clone(&hub);
                Box::pin(async move { hub.forget_source(what).await })
            })
        };
        let followed = Arc::clone(&ingest);
        let auditor = || Arc::clone(&audit) as Arc<dyn factree_http::Auditor>;
        let app = factree_http::App {
            namespace,
            ingest,
            clock: Arc::new(hub::now),
            say,
            forget,
            attachments,
            streams: Arc::clone(&streams),
            i3x,
            audit: auditor(),
        };
        let reload: factree_http::Reload = Arc::new(move || {
            let reloader = Arc::clone(&reloader);
            Box::pin(async move { reloader.reload().await })
        });
        let clients = Arc::clone(&hub);
        let events = {
            let hub = Arc::clone(&hub);
            Arc::new(move |limit, after| hub.recent().tell(limit, after))
        };
        let overlook = {
            let probes = probes.clone();
            Arc::new(move || probes.overview())
        };
        let doorway = match authority.is_open() {
            true => Doorway::open(),
            false => Doorway::new(Arc::clone(&authority) as Arc<dyn factree_http::Authority>, http_is_encrypted),
        };
        let shortcut = factree_http::Shortcut::new(app.clone());
        let router = factree_http::router(app)
            .merge(factree_http::reload_router(reload, auditor()))
            .merge(factree_http::clients_router(clients, auditor()))
            .merge(factree_http::events_router(events))
            .merge(factree_http::overview_router(overlook))
            .merge(factree_http::audit_router(auditor()))
            .merge(factree_http::access_router(doorway.clone(), Some(auditor())))
            .merge(factree_http::ui_router())
            .merge(probes::router(probes));
        let watched = Arc::clone(&reception);
        let http =
            tokio::spawn(Front::new(reception, doorway, auditor(), (shortcut, router)).run(http, stopped.clone()));
        let clock = tokio::spawn({
            let hub = Arc::clone(&hub);
            async move { hub.keep_time().await }
        });
        let rights = tokio::spawn({
            let hub = Arc::clone(&hub);
            async move { hub.keep_rights().await }
        });
        let watching = {
            let listeners: Vec<_> = mqtt.iter().filter_map(|bound| bound.transport.tls().cloned()).collect();
            let serving = move || listeners.iter().cloned().chain(watched.tls()).collect();
            tokio::spawn(transport::watch(serving, Arc::clone(&authority)))
        };
        let upkeep = tokio::spawn(authority.keep_up());
        let errands = tokio::spawn({
            let hub = Arc::clone(&hub);
            async move { hub.run_errands().await }
        });
        let sys_topics = sys_interval.map(|interval| {
            let hub = Arc::clone(&hub);
            tokio::spawn(async move { hub.keep_sys_topics(interval).await })
        });
        let mut accepting = JoinSet::new();
        for (number, bound) in mqtt.into_iter().enumerate() {
            accepting.spawn(accept(Arc::clone(&hub), Arc::clone(&gate), number, bound));
        }
        let mut attached = JoinSet::new();
        for runner in runners {
            attached.spawn(runner.run(Arc::clone(&hub), stopped.clone()));
        }
        let following = tokio::spawn({
            let (audit, ingest) = (Arc::clone(&audit), Arc::clone(&followed));
            async move { audit.follow_commands(&ingest).await }
        });
        stop.await;
        info!("shutting down");
        accepting.shutdown().await;
        hub.go_offline();
        hub.close_all(ReasonCode::ServerShuttingDown);
        stopping.send_replace(true);
        streams.close();
        let ended = tokio::time::timeout(SHUTDOWN_TIMEOUT, async {
            if let Err(error) = http.await {
                error!(%error, "HTTP ended");
            }
            streams.all_closed().await;
            // Each says goodbye to its broker.
            while attached.join_next().await.is_some() {}
            hub.all_closed().await;
        });
        if ended.await.is_err() {
            warn!(connections = hub.connections_len(), "dropped what did not end within {SHUTDOWN_TIMEOUT:?}");
        }
        clock.abort();
        errands.abort();
        upkeep.abort();
        rights.abort();
        watching.abort();
        if let Some(sys_topics) = sys_topics {
            sys_topics.abort();
        }
        following.abort();
        audit.stop_following(&followed);
        audit.note(OwnedEntry::new("factree", "server.stop", env!("CARGO_PKG_VERSION")));
        drop(keeper);
        drop(scribe);
        drop(data);
    }
}

/// Connections that may wait to be accepted. After a power cut a whole plant connects at once, and a SYN that finds no room
/// is only tried again a second later.
const BACKLOG: u32 = 4096;

fn listen(what: &'static str, flag: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A restart must not wait for the last one's connections to be forgotten.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|error| StartError::Listen { what, flag, address, error })
}

/// Lowers how many connections there may be to what the machine has file descriptors for.
fn lower_to_descriptors(limits: &mut Limits) {
    let Some(files_max) = process::open_files_max() else { return };
    let (mqtt, http) = (&mut limits.connections.connections_max, &mut limits.http.http_connections_max);
    let asked = Connections { mqtt: *mqtt, http: *http };
    let affordable = asked.affordable(files_max);
    if affordable != asked {
        info!(
            connections_max = affordable.mqtt,
            http_connections_max = affordable.http,
            asked = asked.mqtt,
            http_asked = asked.http,
            "lowered to the files this process may open (ulimit -n)"
        );
    }
    (*mqtt, *http) = (affordable.mqtt, affordable.http);
}

/// Accepts MQTT clients for as long as it is polled.
async fn accept(hub: Arc<Hub>, gate: Arc<Gate>, number: usize, bound: Bound) {
    let Bound { listener, transport, connections_max, address } = bound;
    let transport = Arc::new(transport);
    let connect_timeout = hub.connection_limits().connect_timeout;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let now = Instant::now();
                let admission = match gate.admit(now.into_std(), peer.ip(), number, connections_max) {
                    Ok(admission) => admission,
                    // Dropping the socket closes it.
                    Err(refused) => {
                        if let Some(kept_back) = REFUSED.may_say() {
                            warn!(%peer, listener = %address, limit = refused.key(), kept_back, "connection refused");
                        }
                        continue;
                    }
                };
                // Small packets, each one awaited by somebody.
                if let Err(error) = stream.set_nodelay(true) {
                    debug!(%peer, %error, "TCP_NODELAY refused");
                }
                let (hub, transport) = (Arc::clone(&hub), Arc::clone(&transport));
                let connect_by = now + connect_timeout;
                tokio::spawn(async move {
                    let _admission = admission;
                    let _open = hub.traffic().open(&transport);
                    transport.serve(Arc::clone(&hub), stream, peer, connect_by).await;
                });
            }
            Err(error) => {
                if let Some(kept_back) = NOT_ACCEPTED.may_say() {
                    error!(%error, kept_back, "cannot accept connections; trying again");
                }
                tokio::time::sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
}
