//! A `factree` process with a data directory of its own, started and stopped as often as the story wants.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub(crate) fn factree() -> Command {
    Command::new(env!("CARGO_BIN_EXE_factree"))
}

pub(crate) struct Run {
    pub(crate) data: PathBuf,
    /// As it is printed at the start.
    pub(crate) key: String,
    http: String,
    mqtt: String,
    child: Option<Child>,
    done: usize,
    home: tempfile::TempDir,
}

impl Run {
    pub(crate) fn new(config: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("factree.toml"), config).unwrap();
        let (key, http, mqtt) = Default::default();
        Self { data: home.path().join("data"), key, http, mqtt, child: None, done: 0, home }
    }

    pub(crate) fn start(&mut self) {
        let mut child = factree()
            .args(["--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0", "--config"])
            .arg(self.home.path().join("factree.toml"))
            .arg("--data")
            .arg(&self.data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let banner: Vec<String> = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap)
            .take_while(|line| !line.starts_with("Ctrl-C"))
            .collect();
        let behind = |mark: &str| {
            let rest = banner.iter().find_map(|line| line.split_once(mark)).expect(mark).1;
            rest.split_whitespace().next().unwrap().to_owned()
        };
        (self.mqtt, self.http, self.key) = (behind("MQTT "), behind("http://"), behind("Audit  key "));
        self.child = Some(child);
    }

    /// In order.
    pub(crate) fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        assert!(child.wait().unwrap().success());
    }

    /// With SIGKILL.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Sets a value that a client has published, so often; how many commands were answered in all.
    pub(crate) fn do_something(&mut self, times: usize) -> usize {
        use factree_mqtt::{Connect, Packet, ProtocolVersion, Publish, TopicName, encode};
        const V311: ProtocolVersion = ProtocolVersion::V311;
        let mut bytes = Vec::new();
        encode(V311, &Packet::Connect(Connect::new(V311, "oven")), &mut bytes);
        encode(V311, &Packet::Publish(Publish::new(TopicName::parse("Acme/Oven").unwrap(), b"170")), &mut bytes);
        encode(V311, &Packet::PingReq, &mut bytes);
        let mut stream = TcpStream::connect(&self.mqtt).unwrap();
        stream.write_all(&bytes).unwrap();
        stream.read_exact(&mut [0; 4 + 2]).unwrap();
        for _ in 0..times {
            self.done += 1;
            let body = format!("{{\"value\":{},\"reason\":\"a test\"}}", self.done);
            let (status, answer) = self.ask("PUT", "/api/v1/values/Acme/Oven", &body);
            assert_eq!(status, 202, "{answer}");
        }
        self.done
    }

    pub(crate) fn ask(&self, method: &str, target: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.http).unwrap();
        let (host, length) = (&self.http, body.len());
        write!(
            stream,
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Has the end signed and keeps it in a file.
    pub(crate) fn keep_head(&self) -> String {
        let (status, body) = self.ask("GET", "/api/v1/audit/head", "");
        assert_eq!(status, 200, "{body}");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let file = self.home.path().join(format!("head-{}", body["seq"]));
        std::fs::write(&file, body["head"].as_str().unwrap()).unwrap();
        file.to_str().unwrap().to_owned()
    }

    /// `factree audit …`: exit code and what it says, wherever.
    pub(crate) fn audit(&self, command: &str, options: &[&str]) -> (i32, String) {
        audit(&self.data, command, options)
    }

    pub(crate) fn verify(&self, options: &[&str]) -> (i32, String) {
        verify(&self.data, options)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

pub(crate) fn verify(data: &Path, options: &[&str]) -> (i32, String) {
    audit(data, "verify", options)
}

fn audit(data: &Path, command: &str, options: &[&str]) -> (i32, String) {
    let output = factree().args(["audit", command, "--data"]).arg(data).args(options).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}
