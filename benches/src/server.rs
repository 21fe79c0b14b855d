//! Servers under measurement, each in a process of its own, so that their processor time can be told from ours.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A broker in a process of its own, ended when this is dropped.
pub struct Server {
    child: Child,
    /// Where MQTT clients connect.
    pub address: SocketAddr,
    _home: tempfile::TempDir,
}

impl Server {
    /// Factree, from `target/release` or where FACTREE_BIN says.
    ///
    /// # Panics
    /// If it cannot be started: without a server there is no figure.
    pub fn factree() -> Self {
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
        let binary = std::env::var_os("FACTREE_BIN").map_or_else(|| target.join("release/factree"), PathBuf::from);
        let home = tempfile::tempdir().expect("a directory");
        let mut child = Command::new(&binary)
            .args(["--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data"])
            .arg(home.path())
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; cargo build --release -p factree", binary.display()));
        let banner = BufReader::new(child.stdout.take().expect("piped")).lines();
        let address = banner
            .map_while(Result::ok)
            .find_map(|line| line.trim_start().strip_prefix("MQTT")?.split_whitespace().next()?.parse().ok())
            .expect("the banner names the address");
        Self { child, address, _home: home }
    }

    /// mosquitto with its defaults, if it is installed.
    ///
    /// # Panics
    /// If it is installed and does not start.
    pub fn mosquitto() -> Option<Self> {
        let home = tempfile::tempdir().expect("a directory");
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let config = home.path().join("mosquitto.conf");
        std::fs::write(&config, format!("listener {} 127.0.0.1\nallow_anonymous true\n", address.port()))
            .expect("written");
        let child = Command::new("mosquitto").arg("-c").arg(&config).stderr(Stdio::null()).spawn().ok()?;
        let server = Self { child, address, _home: home };
        let deadline = Instant::now() + Duration::from_secs(5);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "mosquitto does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(server)
    }
}

impl Server {
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
        Self { child, address, _home: home }
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
}

impl Drop for Server {
    fn drop(&mut self) {
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<_> = self.child.wait();
    }
}
