//! Servers under measurement, each in a process of its own, so that their processor time and memory can be told from ours.
//!
//! Factree is the binary that was built; peers are what is installed, with the settings of their packages but for what a
//! comparison needs: a port, a data directory, and leave for anybody to connect.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a peer may take until it listens, and how often that is tried.
const START_TIMEOUT: Duration = Duration::from_secs(10);
const START_ATTEMPTS: usize = 3;

/// A broker in a process of its own, ended when this is dropped.
pub struct Server {
    child: Child,
    /// Where MQTT clients connect.
    pub address: SocketAddr,
    /// Where HTTP clients connect, if it is Factree.
    pub http: Option<SocketAddr>,
    home: tempfile::TempDir,
}

impl Server {
    /// Factree without a disk, from `target/release` or where FACTREE_BIN says.
    ///
    /// # Panics
    /// If it cannot be started: without a server there is no figure.
    pub fn factree() -> Self {
        Self::factree_with("memory")
    }

    /// The same with a `durability` of `power`, `process` or `memory`.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn factree_with(durability: &str) -> Self {
        Self::factree_of(&format!("[data]\ndurability = \"{durability}\"\n"), |_, _| {})
    }

    /// One without a disk that asks for logins. `prepare` is given the binary and the data directory before it starts.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn factree_asking(prepare: impl FnOnce(&Path, &Path)) -> Self {
        Self::factree_of("[auth]\n[data]\ndurability = \"memory\"\n", prepare)
    }

    fn factree_of(configuration: &str, prepare: impl FnOnce(&Path, &Path)) -> Self {
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
        let binary = std::env::var_os("FACTREE_BIN").map_or_else(|| target.join("release/factree"), PathBuf::from);
        let home = tempfile::tempdir().expect("a directory");
        let config = home.path().join("factree.toml");
        std::fs::write(&config, configuration).expect("written");
        prepare(&binary, home.path());
        let mut child = Command::new(&binary)
            .args(["--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data"])
            .arg(home.path())
            .arg("--config")
            .arg(&config)
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; cargo build --release -p factree", binary.display()));
        let mut banner = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        // MQTT comes before HTTP.
        let mut named = |what: &str| {
            let address = |line: String| line.trim_start().strip_prefix(what)?.split_whitespace().next()?.parse().ok();
            banner.by_ref().find_map(address).expect("the banner names the address")
        };
        let address = named("MQTT   ");
        let http = Some(named("HTTP   http://"));
        Self { child, address, http, home }
    }

    /// mosquitto that writes its database, if it is installed.
    ///
    /// # Panics
    /// If it is installed and does not start.
    pub fn mosquitto() -> Option<Self> {
        Self::peer("mosquitto", |program, home, address| {
            let text = format!(
                "listener {} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {}/\n",
                address.port(),
                home.display()
            );
            program.arg("-c").arg(written(home, "mosquitto.conf", &text));
        })
    }

    /// rumqttd, if it is installed.
    ///
    /// # Panics
    /// If it is installed and does not start.
    pub fn rumqttd() -> Option<Self> {
        Self::peer("rumqttd", |program, home, address| {
            let text = format!(
                "id = 0\n[router]\nid = 0\nmax_connections = 10010\nmax_outgoing_packet_count = 200\n\
                 max_segment_size = 104857600\nmax_segment_count = 10\n[v4.1]\nname = \"v4\"\nlisten = \"{address}\"\n\
                 next_connection_delay_ms = 0\n[v4.1.connections]\nconnection_timeout_ms = 60000\n\
                 max_payload_size = 20480\nmax_inflight_count = 100\ndynamic_filters = true\n"
            );
            program.arg("-q").arg("-c").arg(written(home, "rumqttd.toml", &text));
        })
    }

    /// nats-server with its MQTT listener, if it is installed; MQTT needs its JetStream.
    ///
    /// # Panics
    /// If it is installed and does not start.
    pub fn nats() -> Option<Self> {
        Self::peer("nats-server", |program, home, address| {
            let text = format!(
                "server_name: peer\nlisten: \"127.0.0.1:-1\"\njetstream {{ store_dir: \"{}\" }}\nmqtt {{ listen: \"{address}\" }}\n",
                home.display()
            );
            program.arg("-c").arg(written(home, "nats.conf", &text));
        })
    }

    /// A free port may be somebody else's before the peer has it: then the peer ends, and is given another.
    fn peer(name: &str, configure: impl Fn(&mut Command, &Path, SocketAddr)) -> Option<Self> {
        for _ in 0..START_ATTEMPTS {
            let home = tempfile::tempdir().expect("a directory");
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            let address = free.local_addr().expect("an address");
            drop(free);
            let mut program = Command::new(name);
            configure(&mut program, home.path(), address);
            let child = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
            let mut server = Self { child, address, http: None, home };
            let deadline = Instant::now() + START_TIMEOUT;
            while server.child.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < deadline {
                if TcpStream::connect(address).is_ok() {
                    return Some(server);
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        panic!("{name} does not listen");
    }

    /// A program of ours that prints the address it listens on as its first line.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn own(mut program: Command) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let mut child = program.stdout(Stdio::piped()).spawn().expect("our own program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it prints");
        let address = line.trim().parse().expect("an address");
        Self { child, address, http: None, home }
    }

    /// The directory the server writes to.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Processor time that the process has used so far, user and system together, in seconds. Linux only.
    ///
    /// # Panics
    /// If the process is gone.
    pub fn cpu_seconds(&self) -> f64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("the process lives");
        let nanoseconds: u64 = tasks
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
            .filter_map(|schedstat| schedstat.split(' ').next()?.parse::<u64>().ok())
            .sum();
        nanoseconds as f64 / 1e9
    }

    /// Memory that the process has in RAM, in bytes; 0 once it has ended. Linux only.
    pub fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// The most it has had. Linux only.
    pub fn resident_bytes_peak(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    fn status_bytes(&self, key: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let kilobytes = status.lines().find_map(|line| line.strip_prefix(key)?.trim().strip_suffix(" kB"));
        kilobytes.and_then(|number| number.trim().parse::<u64>().ok()).unwrap_or(0) * 1024
    }
}

fn written(home: &Path, name: &str, text: &str) -> PathBuf {
    let path = home.join(name);
    std::fs::write(&path, text).expect("written");
    path
}

impl Drop for Server {
    fn drop(&mut self) {
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<_> = self.child.wait();
    }
}
