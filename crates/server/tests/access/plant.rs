//! A running server that asks for logins, with users who show keys: a password would have to be hashed each time.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use factree::accounts::{Offline, Order};
use factree::{Config, ConfigError, Durability, Overrides, Reloader, Server};
use factree_auth::credential::Secret;
use factree_auth::{Name, Verbs};
use serde_json::Value;
use tokio::sync::oneshot;

/// How long a condition may take to come true. Generous: it bounds a failure, not a success.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Plant {
    pub(crate) mqtt: SocketAddr,
    pub(crate) http: SocketAddr,
    /// The addresses of `[[mqtt.listeners]]`, in their order.
    pub(crate) further: Vec<SocketAddr>,
    pub(crate) keys: BTreeMap<String, String>,
    file: Arc<Mutex<String>>,
    reloader: Arc<Reloader>,
    stop: Option<oneshot::Sender<()>>,
    runtime: tokio::runtime::Runtime,
    running: Option<tokio::task::JoinHandle<()>>,
    data: tempfile::TempDir,
}

/// A user, his roles, and a password if he has one.
pub(crate) type User<'a> = (&'a str, &'a [&'a str], Option<&'a str>);

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// Its own STATE would be between what clients say.
fn parse(file: &str, data: &Path) -> Result<Config, ConfigError> {
    let any = Some("127.0.0.1:0".parse().unwrap());
    let overrides = Overrides { mqtt: any, http: any, data: Some(data.to_owned()), ..Overrides::default() };
    Config::parse(&format!("{file}\n[sparkplug]\npublish_state = false\n"), overrides)
}

fn config(file: &str, data: &Path) -> Config {
    parse(file, data).unwrap()
}

impl Plant {
    /// A server with `[auth]` and these users; `boss` is an admin. Sessions are in memory.
    pub(crate) fn start(file: &str, users: &[User<'_>]) -> Self {
        Self::in_directory(file, users, tempfile::tempdir().unwrap(), Durability::Memory)
    }

    /// The same, with sessions on disk.
    pub(crate) fn durable(file: &str, users: &[User<'_>]) -> Self {
        Self::in_directory(file, users, tempfile::tempdir().unwrap(), Durability::Process)
    }

    fn in_directory(file: &str, users: &[User<'_>], data: tempfile::TempDir, durability: Durability) -> Self {
        let auth = config(file, data.path());
        let mut keys = BTreeMap::new();
        let mut accounts = Offline::open(&auth).unwrap();
        for (user, roles, password) in [("boss", &["admin"][..], None)].into_iter().chain(users.iter().copied()) {
            let password = password.map(|text| Secret::new(text.to_owned()));
            let roles = roles.iter().map(|role| name(role)).collect();
            accounts.carry_out(Order::AddUser { name: name(user), password, roles }).unwrap();
            let order =
                Order::AddKey { owner: name(user), label: name("test"), roles: None, verbs: Verbs::ALL, lasts: None };
            let key = accounts.carry_out(order).unwrap().key.unwrap();
            keys.insert(user.to_owned(), key.reveal().to_owned());
        }
        drop(accounts);
        Self::run(file, keys, data, durability)
    }

    fn run(file: &str, keys: BTreeMap<String, String>, data: tempfile::TempDir, durability: Durability) -> Self {
        let mut config = config(file, data.path());
        config.durability = durability;
        let file = Arc::new(Mutex::new(file.to_owned()));
        let read = Arc::clone(&file);
        let path = data.path().to_owned();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = runtime.block_on(async { Server::start(config) }).unwrap();
        let server = server.reloading(move || parse(&read.lock().unwrap(), &path));
        let (mqtt, http, reloader) = (server.mqtt_address().unwrap(), server.http_address(), server.reloader());
        let further = server.further_listeners().map(|(address, _)| address).collect();
        let (stop, stopped) = oneshot::channel();
        let running = runtime.spawn(server.run(async {
            let _: Result<(), _> = stopped.await;
        }));
        let (stop, running) = (Some(stop), Some(running));
        Self { mqtt, http, further, keys, file, reloader, stop, runtime, running, data }
    }

    /// Reads another configuration while it runs.
    pub(crate) fn reload(&self, file: &str) {
        file.clone_into(&mut self.file.lock().unwrap());
        self.runtime.block_on(self.reloader.reload()).unwrap();
    }

    /// The same, asked for by a signal of the machine's.
    pub(crate) fn reload_by_signal(&self, file: &str) {
        file.clone_into(&mut self.file.lock().unwrap());
        self.runtime.block_on(self.reloader.reload_on_signal());
    }

    /// The same configuration again; its files may be others, and unusable.
    pub(crate) fn reload_as_it_is(&self) {
        let _: Result<_, _> = self.runtime.block_on(self.reloader.reload());
    }

    /// Stops in order and starts again with what is on disk.
    pub(crate) fn restart(self, file: &str) -> Self {
        self.restart_after(file, Vec::new())
    }

    /// The same, and these orders are given on the command line while it is stopped.
    pub(crate) fn restart_after(self, file: &str, orders: Vec<Order>) -> Self {
        let Self { keys, data, reloader, stop, runtime, running, .. } = self;
        stop.unwrap().send(()).unwrap();
        runtime.block_on(running.unwrap()).unwrap();
        // They hold the store.
        drop((reloader, runtime));
        for order in orders {
            Offline::open(&config(file, data.path())).unwrap().carry_out(order).unwrap();
        }
        Self::run(file, keys, data, Durability::Process)
    }

    /// One request with the key of a user, or of nobody; status and body, null if there is none.
    pub(crate) fn ask(&self, who: &str, method: &str, target: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.http).unwrap();
        let credential = self.keys.get(who).map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
        write!(
            stream,
            "{method} {target} HTTP/1.1\r\nHost: {}\r\n{credential}Content-Type: application/json\r\nContent-Length: \
             {}\r\nConnection: close\r\n\r\n{body}",
            self.http,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
    }

    /// Waits for a condition to come true.
    pub(crate) fn until(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition(self) {
            assert!(Instant::now() < deadline, "never happened: {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
