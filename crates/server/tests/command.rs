//! The `factree` command itself: exit codes and what it tells the operator.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn factree() -> Command {
    Command::new(env!("CARGO_BIN_EXE_factree"))
}

fn refusal(output: &Output) -> (i32, String) {
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Starts on free ports and waits for the last line of the banner.
fn start(data: &Path) -> (Child, String) {
    let mut child = factree()
        .args(["--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data"])
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut banner = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        banner += &format!("{line}\n");
        if line.starts_with("Ctrl-C") {
            return (child, banner);
        }
    }
    panic!("ended early with {:?}: {banner}", child.wait());
}

#[test]
fn a_wrong_key_ends_with_2_and_names_file_line_key_and_what_is_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("factree.toml");
    std::fs::write(&path, "[mqtt]\nport = 1883\n").unwrap();
    let (code, message) = refusal(&factree().arg("check").arg("--config").arg(&path).output().unwrap());
    assert_eq!(code, 2);
    for part in ["factree.toml", "line 2", "`port`", "`listen`"] {
        assert!(message.contains(part), "{part} is missing: {message}");
    }
    std::fs::write(&path, "[mqtt]\nlisten = \"127.0.0.1:1884\"\n").unwrap();
    let valid = factree().arg("check").arg("--config").arg(&path).output().unwrap();
    assert!(valid.status.success() && String::from_utf8_lossy(&valid.stdout).contains("127.0.0.1:1884"));
}

#[test]
fn an_open_listener_ends_with_2_and_says_what_to_do() {
    let (code, message) = refusal(&factree().args(["--mqtt", "0.0.0.0:1883"]).output().unwrap());
    assert_eq!(code, 2);
    assert!(message.contains("127.0.0.1:1883") && message.contains("ssh -L"), "{message}");
}

#[test]
fn cf10_a_second_instance_ends_with_3_and_names_the_first() {
    let data = tempfile::tempdir().unwrap();
    let (mut first, banner) = start(data.path());
    assert!(banner.contains("MQTT   127.0.0.1:") && banner.contains("mosquitto_pub"), "{banner}");
    let second = factree().args(["--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data"]).arg(data.path()).output();
    let (code, message) = refusal(&second.unwrap());
    assert_eq!(code, 3);
    assert!(message.contains(&format!("locked by process {}", first.id())), "{message}");
    first.kill().unwrap();
    first.wait().unwrap();
}

#[cfg(unix)]
#[test]
fn sigterm_ends_it_in_order() {
    let data = tempfile::tempdir().unwrap();
    let (mut child, _) = start(data.path());
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(child.wait().unwrap().success());
}
