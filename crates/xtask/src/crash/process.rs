//! A real `factree`: started on a directory, asked whether it is ready, killed.
//!
//! Ports are the operating system's choice at every start, read from the banner, so that nothing waits for the ports of
//! the dead.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use factree_mqtt::{Connect, Packet, ProtocolVersion};

use super::link::{self, Out, Role, Turn};

/// How long a server may take to start before it counts as hanging.
const START_TIMEOUT: Duration = Duration::from_secs(60);

const KNOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// How to start it.
#[derive(Clone, Debug)]
pub(super) struct Binary {
    pub(super) program: PathBuf,
    /// What `[data] durability` is set to.
    pub(super) durability: String,
    pub(super) data: PathBuf,
    /// Its standard error, of all starts.
    pub(super) log: PathBuf,
    /// Where its configuration is written.
    pub(super) config: PathBuf,
}

/// A process that is on its way up.
pub(super) struct Starting {
    process: Process,
    began: Instant,
}

/// One that has said where it listens.
pub(super) struct Server {
    process: Process,
    pub(super) mqtt: u16,
    pub(super) http: u16,
    /// From its start to the first CONNACK.
    pub(super) ready_in: Duration,
    banner: mpsc::Receiver<String>,
}

/// Killed when it is dropped.
struct Process(Child);

impl Binary {
    pub(super) fn start(&self) -> Result<Starting, String> {
        let failed = |what: &str, error: std::io::Error| format!("cannot {what}: {error}");
        let config = format!("[data]\ndurability = \"{}\"\n", self.durability);
        std::fs::write(&self.config, config).map_err(|error| failed("write its configuration", error))?;
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.map_err(|error| failed("open its log", error))?;
        let child = Command::new(&self.program)
            .arg("serve")
            .args(["--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0"])
            .arg("--config")
            .arg(&self.config)
            .arg("--data")
            .arg(&self.data)
            .env("RUST_LOG", "warn,factree::keeper=info,factree::storage=info")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|error| failed(&format!("start {}", self.program.display()), error))?;
        Ok(Starting { process: Process(child), began: Instant::now() })
    }
}

impl Starting {
    /// Waits for the banner, and for the answer to a CONNECT.
    pub(super) fn ready(mut self) -> Result<Server, String> {
        let banner = self.process.0.stdout.take().expect("it is piped");
        let (say, lines) = mpsc::channel();
        std::thread::spawn(move || {
            // Reads to the end, so that the pipe never fills; whoever asked may be gone by then.
            BufReader::new(banner).lines().map_while(Result::ok).for_each(|line| drop(say.send(line)));
        });
        let mut port = |sign: &str| loop {
            let line = lines.recv_timeout(START_TIMEOUT.saturating_sub(self.began.elapsed()));
            match line {
                Ok(line) if line.trim_start().starts_with(sign) => {
                    let address = line.split_whitespace().nth(1).unwrap_or_default();
                    break address.rsplit(':').next().and_then(|port| port.parse().ok()).ok_or(line.clone());
                }
                Ok(_) => {}
                Err(_) => break Err(format!("it did not say where it listens ({:?})", self.process.0.try_wait())),
            }
        };
        let (mqtt, http) = (port("MQTT")?, port("HTTP")?);
        let mut knock = Knock { answered: false };
        while !knock.answered {
            if self.began.elapsed() > START_TIMEOUT {
                return Err("it did not answer a CONNECT".into());
            }
            // A failure is worth another try; so is a CONNACK that was caught by a disk that has just become full.
            let since = Instant::now();
            let _: std::io::Result<()> = link::connection(&mut knock, mqtt, &|| since.elapsed() > KNOCK_TIMEOUT);
        }
        Ok(Server { ready_in: self.began.elapsed(), process: self.process, mqtt, http, banner: lines })
    }

    /// `kill -9`, before it was ready.
    pub(super) fn kill(self) {
        drop(self.process);
    }
}

impl Server {
    /// What its banner says that it found on disk; empty if it says nothing within a second.
    pub(super) fn found(&self) -> String {
        while let Ok(line) = self.banner.recv_timeout(Duration::from_secs(1)) {
            if let Some(found) = line.trim().strip_prefix("went on with ") {
                return found.into();
            }
        }
        String::new()
    }

    /// How it ended, if it did so by itself.
    pub(super) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.process.0.try_wait().ok().flatten()
    }

    /// `kill -9`.
    pub(super) fn kill(self) {
        drop(self.process);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _: std::io::Result<()> = self.0.kill();
        let _: std::io::Result<ExitStatus> = self.0.wait();
    }
}

/// Connects once.
struct Knock {
    answered: bool,
}

impl Role for Knock {
    fn connect(&mut self) -> Connect<'_> {
        Connect::new(ProtocolVersion::V5, "knock")
    }

    fn connected(&mut self, _session_present: bool, _out: &mut Out) {
        self.answered = true;
    }

    fn on_packet(&mut self, _packet: &Packet<'_>, _out: &mut Out) {}

    fn turn(&mut self, _out: &mut Out) -> Turn {
        Turn::Leave
    }
}
