//! `factree init`, `user`, `role` and `key`, as an operator uses them: on the files, and beside a running server.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

fn factree() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_factree"));
    command.env_remove("FACTREE_KEY");
    command
}

/// Exit code, standard output, standard error.
fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// What `factree init` has made, and a key of its admin.
struct Plant {
    parent: tempfile::TempDir,
    password: String,
}

impl Plant {
    fn new() -> Plant {
        let parent = tempfile::tempdir().unwrap();
        let made = factree().args(["init", "--directory"]).arg(parent.path().join("plant")).output().unwrap();
        let (code, out, err) = told(&made);
        assert_eq!(code, 0, "{err}");
        let (_, password) = out.split_once("password  ").unwrap();
        Plant { password: password.split_whitespace().next().unwrap().to_owned(), parent }
    }

    fn directory(&self) -> PathBuf {
        self.parent.path().join("plant")
    }

    /// A command on the data directory.
    fn offline(&self, arguments: &[&str], input: &str) -> (i32, String, String) {
        let config = self.directory().join("factree.toml");
        with_input(factree().args(arguments).arg("--config").arg(config), input)
    }

    /// The same beside the server.
    fn online(&self, http: &str, key: &Path, arguments: &[&str], input: &str) -> (i32, String, String) {
        let ca = self.directory().join("ca.pem");
        let mut command = factree();
        command.args(arguments).args(["--http", http, "--ca"]).arg(ca).arg("--key-file").arg(key);
        with_input(&mut command, input)
    }

    /// The server on free ports, and its HTTPS address.
    fn serve(&self) -> (Running, String) {
        let file = self.directory().join("factree.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.replace("0.0.0.0:8883", "127.0.0.1:0").replace("0.0.0.0:8443", "127.0.0.1:0");
        std::fs::write(&file, text.replace("127.0.0.1:1883", "127.0.0.1:0")).unwrap();
        let mut child = factree()
            .args(["serve", "--config"])
            .arg(file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let banner = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let banner: Vec<String> = banner.take_while(|line| !line.starts_with("Ctrl-C")).collect();
        let http = banner.iter().find_map(|line| line.trim_start().strip_prefix("HTTP   https://127.0.0.1:"));
        let port = http.unwrap_or_else(|| panic!("{banner:?}")).split_whitespace().next().unwrap();
        assert!(banner.iter().any(|line| line.contains("with login")), "{banner:?}");
        (Running(child), format!("https://localhost:{port}"))
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _: std::io::Result<()> = self.0.kill();
        let _: std::io::Result<_> = self.0.wait();
    }
}

fn with_input(command: &mut Command, input: &str) -> (i32, String, String) {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // Who needs none may have ended.
    let _: std::io::Result<()> = child.stdin.take().unwrap().write_all(input.as_bytes());
    told(&child.wait_with_output().unwrap())
}

#[test]
fn what_init_has_made_is_managed_on_the_files_and_then_beside_the_server() {
    let plant = Plant::new();
    let (code, out, _) =
        plant.offline(&["user", "add", "anna", "--role", "reader", "--password-stdin"], "eight chars\n");
    assert!(code == 0 && out.contains("user/anna: roles reader; password"), "{out}");
    let (_, out, _) = plant.offline(&["user", "list"], "");
    assert!(out.contains("admin  password") && out.contains("anna   password"), "{out}");
    let (code, key, told) = plant.offline(&["key", "add", "admin", "--label", "tests"], "");
    assert!(code == 0 && key.starts_with("ftk_") && !told.contains(key.trim()), "the key alone is on standard output");
    let file = plant.parent.path().join("key");
    std::fs::write(&file, key).unwrap();

    let (running, http) = plant.serve();
    let (code, _, err) = plant.offline(&["user", "list"], "");
    assert!(code == 1 && err.contains("--key-file"), "a running server has the files: {err}");
    let online = |arguments: &[&str], input: &str| plant.online(&http, &file, arguments, input);
    assert_eq!(online(&["user", "add", "bert", "--role", "writer", "--password-stdin"], "eight chars").0, 0);
    assert_eq!(
        online(&["role", "add", "fitter", "--grant", "read tree:Acme/#", "--pin", "edge node A/{client_id}"], "").0,
        0
    );
    assert_eq!(online(&["role", "show", "fitter"], "").1, "grant read tree:Acme/#\npin   edge node A/{client_id}\n");
    assert_eq!(online(&["user", "roles", "bert", "fitter"], "").0, 0);
    let (code, _, err) = online(&["user", "remove", "admin"], "");
    assert!(code == 1 && err.contains("nobody with the role 'admin' would be left"), "{err}");
    let (code, key, _) = online(&["key", "add", "bert", "--label", "historian", "--verbs", "read"], "");
    assert!(code == 0 && key.starts_with("ftk_"), "{key}");
    let (_, keys, _) = online(&["key", "list", "bert"], "");
    assert!(keys.contains("historian") && !keys.contains("tests"), "{keys}");
    std::fs::write(&file, key).unwrap();
    let (code, _, err) = online(&["user", "list"], "");
    assert!(code == 1 && !err.is_empty(), "bert's key may not");
    drop(running);
    let (_, out, _) = plant.offline(&["user", "list"], "");
    assert!(out.contains("bert   password    1     fitter"), "what was done beside the server is on the files: {out}");
}

#[test]
fn whom_a_token_names_is_disabled_on_the_files_and_enabled_beside_the_server() {
    let plant = Plant::new();
    let (code, out, _) = plant.offline(&["user", "disable", "token:carl"], "");
    assert!(code == 0 && out.starts_with("principal.disable principal/token:carl: disabled\n"), "{out}");
    assert_eq!(plant.offline(&["user", "disable", "certificate:press 7"], "").0, 0);
    let (code, _, err) = plant.offline(&["user", "disable", "carl"], "");
    assert!(code == 1 && err.contains("there is no user 'carl'"), "{err}");
    let (_, key, _) = plant.offline(&["key", "add", "admin", "--label", "tests"], "");
    let file = plant.parent.path().join("key");
    std::fs::write(&file, key).unwrap();
    let (_running, http) = plant.serve();
    let online = |arguments: &[&str]| plant.online(&http, &file, arguments, "");
    assert_eq!(online(&["user", "enable", "token:carl"]).0, 0);
    let (code, _, err) = online(&["user", "enable", "token:carl"]);
    assert!(code == 1 && err.contains("'token:carl' is not disabled"), "{err}");
    assert_eq!(online(&["user", "disable", "token:d/ora"]).0, 0);
    let (_, list, _) = online(&["user", "list"]);
    let listed: Vec<_> = list.lines().skip_while(|line| !line.starts_with("not let in")).skip(1).collect();
    assert!(
        listed[0].starts_with("certificate:press 7  20") && listed[1].starts_with("token:d/ora          20"),
        "{list}"
    );
    assert_eq!(listed.len(), 2, "{list}");
}

#[test]
fn a_command_beside_no_data_directory_makes_none() {
    let elsewhere = tempfile::tempdir().unwrap();
    let add = ["user", "add", "anna", "--no-password"];
    let (code, _, err) = with_input(factree().args(add).current_dir(elsewhere.path()), "");
    assert!(code == 2 && err.contains("--config FILE or --data DIR"), "{err}");
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    let (code, ..) = with_input(factree().args(add).args(["--data", "new"]).current_dir(elsewhere.path()), "");
    assert_eq!(code, 0, "who names one has it made");
}

#[test]
fn init_writes_nothing_over_and_no_command_says_a_secret() {
    let plant = Plant::new();
    let again = factree().args(["init", "--directory"]).arg(plant.directory()).output().unwrap();
    let (code, _, err) = told(&again);
    assert!(code == 2 && err.contains("nothing is written over"), "{err}");
    let (_, log, _) = plant.offline(&["check"], "");
    let (_, config, _) = plant.offline(&["--print-config"], "");
    let (_, users, _) = plant.offline(&["user", "list"], "");
    for text in [log, config, users] {
        assert!(
            !text.contains(&plant.password) && !text.contains("PRIVATE KEY") && !text.contains("$argon2"),
            "{text}"
        );
    }
    let (code, _, err) = plant.offline(&["user", "add", "carl", "--password-stdin"], "short\n");
    assert!(code == 2 && err.contains("at least 8 characters"), "{err}");
    let (code, _, err) = plant.offline(&["user", "add", "carl"], "");
    assert!(code == 2 && err.contains("--password-stdin"), "without a terminal: {err}");
}

#[test]
fn a_key_goes_to_another_machine_by_tls_only() {
    let output = factree().args(["user", "list", "--http", "192.0.2.7:8080"]).env("FACTREE_KEY", "ftk_x.y").output();
    let (code, _, err) = told(&output.unwrap());
    assert!(code == 2 && err.contains("https://") && !err.contains("ftk_x"), "{err}");
}

/// Whenever it is killed, a command was carried out or it was not; the next one finds everything else whole.
#[test]
fn a_command_that_is_killed_leaves_nothing_half() {
    let plant = Plant::new();
    let config = plant.directory().join("factree.toml");
    let mut added = Vec::new();
    for number in 0..12_u64 {
        let name = format!("user{number}");
        let mut child = factree()
            .args(["user", "add", &name, "--no-password", "--role", "reader", "--config"])
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // From the first moment to long after the last.
        std::thread::sleep(std::time::Duration::from_millis(number * number));
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            added.push(name);
        }
    }
    let (code, out, err) = plant.offline(&["user", "list"], "");
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("admin"), "{out}");
    for name in &added {
        assert!(out.contains(name), "{name} was added and is not there: {out}");
    }
    let whole = |line: &str| line.ends_with("no password  0     reader");
    assert!(out.lines().filter(|line| line.starts_with("user") && !line.starts_with("user ")).all(whole), "{out}");
    let verified = factree().args(["audit", "verify", "--data"]).arg(plant.directory().join("data")).output().unwrap();
    let (code, _, err) = told(&verified);
    assert_eq!(code, 0, "{err}");
}
