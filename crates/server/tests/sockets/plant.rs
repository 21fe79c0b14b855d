//! A running server for one test, on ports of the operating system's choice, and what is needed to look at it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use factree::{Config, Durability, Overrides, Server};
use tokio::sync::oneshot;

/// How long a condition may take to come true. Generous: it bounds a failure, not a success.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Plant {
    pub(crate) mqtt: SocketAddr,
    pub(crate) http: SocketAddr,
    /// The addresses of `[[mqtt.listeners]]`, in their order.
    pub(crate) further: Vec<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    runtime: tokio::runtime::Runtime,
    running: Option<tokio::task::JoinHandle<()>>,
    _data: tempfile::TempDir,
}

impl Plant {
    pub(crate) fn start() -> Self {
        Self::configured("")
    }

    /// A server with a configuration file.
    pub(crate) fn configured(file: &str) -> Self {
        Self::reloading(file, |server| server)
    }

    /// The same, with a way to read its configuration again.
    pub(crate) fn reloading(file: &str, reloading: impl FnOnce(Server) -> Server) -> Self {
        let data = tempfile::tempdir().unwrap();
        let any = Some("127.0.0.1:0".parse().unwrap());
        let overrides = Overrides { mqtt: any, http: any, data: Some(data.path().to_owned()), ..Overrides::default() };
        let mut config = Config::parse(file, overrides).unwrap();
        // What is kept on disk has stories of its own; these are not to wait for it.
        config.durability = Durability::Memory;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = reloading(runtime.block_on(async { Server::start(config) }).unwrap());
        let (mqtt, http) = (server.mqtt_address().unwrap(), server.http_address());
        let further = server.further_listeners().map(|(address, _)| address).collect();
        let (stop, stopped) = oneshot::channel();
        let running = runtime.spawn(server.run(async {
            let _: Result<(), _> = stopped.await;
        }));
        Self { mqtt, http, further, stop: Some(stop), runtime, running: Some(running), _data: data }
    }

    pub(crate) fn runtime(&self) -> &tokio::runtime::Runtime {
        &self.runtime
    }

    /// Stops the server in order and waits until it has ended.
    pub(crate) fn stop(&mut self) {
        self.stop.take().expect("stopped once").send(()).unwrap();
        self.runtime.block_on(self.running.take().unwrap()).unwrap();
    }

    /// One GET; status and body.
    pub(crate) fn get(&self, target: &str) -> (u16, serde_json::Value) {
        let mut stream = TcpStream::connect(self.http).unwrap();
        write!(stream, "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.http).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}")))
    }

    /// One DELETE; status, and what is said if it is refused.
    pub(crate) fn delete(&self, target: &str) -> (u16, serde_json::Value) {
        let mut stream = TcpStream::connect(self.http).unwrap();
        write!(stream, "DELETE {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.http).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
    }

    /// The sample at a path, if there is one.
    pub(crate) fn sample(&self, path: &str) -> Option<serde_json::Value> {
        let (status, sample) = self.get(&format!("/api/v1/values/{path}"));
        (status == 200).then_some(sample)
    }

    /// One sample of `/metrics`, with its labels as they are written there.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let mut stream = TcpStream::connect(self.http).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.http).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let line = answer.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim().parse().unwrap())
    }

    /// Waits for a condition to come true.
    pub(crate) fn until(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition(self) {
            assert!(Instant::now() < deadline, "never happened: {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A bare TCP connection that gives up reading after the patience is spent.
    pub(crate) fn socket(&self) -> TcpStream {
        let stream = TcpStream::connect(self.mqtt).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}
