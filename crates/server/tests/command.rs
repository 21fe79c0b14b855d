//! The `factree` command itself: exit codes and what it tells the operator.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use factree_mqtt::{Connect, Packet, ProtocolVersion, Publish, TopicName, encode};
use factree_sparkplug::encode::PayloadBuilder;
use factree_sparkplug::{Seq, Timestamp};

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

/// CF03
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

/// A running `factree`, ended with the test.
struct Running {
    child: Child,
    mqtt: String,
    http: String,
    _data: tempfile::TempDir,
}

impl Running {
    fn start() -> Running {
        let data = tempfile::tempdir().unwrap();
        let (child, banner) = start(data.path());
        let behind = |mark: &str| {
            let (_, rest) = banner.split_once(mark).unwrap_or_else(|| panic!("no {mark} in {banner}"));
            rest.split_whitespace().next().unwrap().to_owned()
        };
        Running { mqtt: behind("MQTT "), http: behind("http://"), child, _data: data }
    }

    /// A client publishes with QoS 0 and leaves its connection open; when this returns, the tree has it.
    fn publish(&self, client_id: &str, messages: &[(&str, Vec<u8>)]) -> TcpStream {
        const V311: ProtocolVersion = ProtocolVersion::V311;
        let mut bytes = Vec::new();
        encode(V311, &Packet::Connect(Connect::new(V311, client_id)), &mut bytes);
        for (topic, payload) in messages {
            encode(V311, &Packet::Publish(Publish::new(TopicName::parse(topic).unwrap(), payload)), &mut bytes);
        }
        encode(V311, &Packet::PingReq, &mut bytes);
        let mut stream = TcpStream::connect(&self.mqtt).unwrap();
        stream.write_all(&bytes).unwrap();
        // CONNACK and PINGRESP.
        stream.read_exact(&mut [0; 4 + 2]).unwrap();
        stream
    }

    /// `factree sparkplug report`: exit code, standard output, standard error.
    fn report(&self, options: &[&str]) -> (i32, String, String) {
        report(&self.http, options)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<_> = self.child.wait();
    }
}

fn report(http: &str, options: &[&str]) -> (i32, String, String) {
    let output = factree().args(["sparkplug", "report", "--http", http]).args(options).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn payload(seq: u8) -> Vec<u8> {
    PayloadBuilder::at(Timestamp(1_795_298_431_756)).seq(Seq::new(seq)).encode()
}

#[test]
fn a_report_names_rule_device_client_and_numbers_and_ends_with_1() {
    let factree = Running::start();
    let (code, text, _) = factree.report(&[]);
    assert_eq!(code, 0);
    assert!(text.contains("No Edge Node has been heard"), "{text}");

    let _gateway = factree.publish(
        "press gateway",
        &[
            ("spBv1.0/Acme:Dallas/NBIRTH/Line 1", payload(0)),
            ("spBv1.0/Acme:Dallas/DBIRTH/Line 1/Robot3", payload(1)),
            ("spBv1.0/Acme:Dallas/DDATA/Line 1/Robot3", payload(7)),
            ("spBv1.0/Acme:Dallas/DDATA/Line 1/Robot3", payload(20)),
        ],
    );
    let (code, text, error) = factree.report(&[]);
    assert_eq!((code, error.as_str()), (1, ""));
    for part in [
        "Acme:Dallas / Line 1   MQTT client press gateway\n",
        "MUST       tck-id-payloads-sequence-num-incrementing\n      seq goes up by one",
        "Device Robot3: 2 times, ",
        "; first in DDATA, expected 2, got 7\n",
        "tck-id-topics-nbirth-bdseq-included",
        "\n1 Edge Node, 1 of them with findings: ",
    ] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }

    let (code, text, _) = factree.report(&["--group", "Acme:Dallas", "--edge-node", "Line 1"]);
    assert_eq!(code, 1);
    for part in ["online, MQTT client press gateway\nwatched since ", "Device Robot3: 2 times", " not observed yet"] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    let (code, json, _) = factree.report(&["--json", "--group", "Acme:Dallas", "--edge-node", "Line 1"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["edge_node"]), (1, &"Line 1".into()));
    let (_, json, _) = factree.report(&["--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json["findings"].as_array().unwrap().iter().any(|finding| finding["device"] == "Robot3"));
}

#[test]
fn names_from_the_plant_do_nothing_to_the_terminal() {
    let factree = Running::start();
    let name = "E\u{9b}31m\u{202e}\u{1b}]0;owned\u{7}";
    let topic = format!("spBv1.0/G/NBIRTH/{name}");
    let _client = factree.publish("\u{1b}[2J", &[(&topic, payload(0))]);
    for options in [&[][..], &["--json"], &["--group", "G", "--edge-node", name]] {
        let (code, text, _) = factree.report(options);
        assert_eq!(code, 1, "{text}");
        let acts = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(text.contains("owned") && !text.contains(acts), "{text:?}");
    }
}

#[test]
fn without_a_report_it_ends_with_5_and_says_why() {
    let factree = Running::start();
    let (code, _, error) = factree.report(&["--group", "G", "--edge-node", "N"]);
    assert_eq!(code, 5);
    assert!(error.contains("no Edge Node 'N' of group 'G'"), "{error}");

    // Nobody can listen on port 0.
    let (code, _, error) = report("127.0.0.1:0", &[]);
    assert_eq!(code, 5);
    assert!(error.contains("nothing answers at 127.0.0.1:0") && error.contains("--http"), "{error}");

    let (code, _, error) = report(&factree.mqtt, &[]);
    assert_eq!(code, 5, "an MQTT listener is no HTTP");
    assert!(error.contains("no whole answer"), "{error}");

    let (code, _, error) = factree.report(&["--group", "G"]);
    assert_eq!(code, 2);
    assert!(error.contains("--edge-node"), "{error}");
}

const RULES: &str = r#"
[[namespace.sparkplug]]
group = "{enterprise}:{site}"
node = "{work_center:Line[0-9]+}"
device = "{work_unit}"
kinds = { work_center = "production_line" }
"#;

#[test]
fn place_says_which_rule_puts_a_topic_where_and_why_not_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("factree.toml");
    std::fs::write(&path, RULES).unwrap();
    let ask = |arguments: &[&str]| {
        let output = factree().arg("place").args(arguments).arg("--config").arg(&path).output().unwrap();
        let (code, complaint) = refusal(&output);
        (code, String::from_utf8(output.stdout).unwrap() + &complaint)
    };
    let (code, text) = ask(&["spBv1.0/Acme:Dallas/DDATA/Line1/My Robot", "Axis/1/Temperature"]);
    assert_eq!(code, 0, "{text}");
    for part in ["metric     Axis/1/Temperature", "  matches", "\nAcme/Dallas/Line1/My Robot/Axis/1/Temperature\n"] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    assert!(text.contains("  Line1     work_center (production_line)\n"), "{text}");
    let (code, text) = ask(&["spBv1.0/Acme:Dallas/NDATA/Oven"]);
    assert_eq!(code, 1, "{text}");
    for part in ["rule 1: group = ", "does not match: the node", "_unplaced/Acme:Dallas/Oven\n"] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    assert_eq!(ask(&["Acme/Speed"]).0, 0, "no rule for plain topics, so the default");
    let (code, text) = ask(&["spBv1.0/Acme:Dallas/DDATA/Line1"]);
    assert!(code == 2 && text.contains("needs a device id"), "{text}");
    std::fs::write(&path, RULES.replace("[0-9]", "[0-")).unwrap();
    let (code, text) = ask(&["Acme/Speed"]);
    assert!(code == 2 && text.contains("line 4: [[namespace.sparkplug]] rule 1, key `node`"), "{text}");
}

/// Reads lines of the log until one has `part`.
#[cfg(unix)]
fn until(log: &mut impl Iterator<Item = std::io::Result<String>>, part: &str) -> String {
    log.map(Result::unwrap).find(|line| line.contains(part)).unwrap_or_else(|| panic!("the log ends without {part}"))
}

#[cfg(unix)]
/// CF07
#[test]
fn mq13_sighup_reads_the_configuration_again_and_a_wrong_one_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("factree.toml");
    std::fs::write(&path, "").unwrap();
    let mut child = factree()
        .args(["--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0", "--config"])
        .arg(&path)
        .arg("--data")
        .arg(data.path().join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut banner = BufReader::new(child.stdout.take().unwrap()).lines();
    until(&mut banner, "Ctrl-C");
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let hang_up = || {
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    };
    std::fs::write(&path, "[mqtt]\nport = 1\n").unwrap();
    hang_up();
    until(&mut log, "nothing has changed");
    std::fs::write(&path, format!("{RULES}\n[mqtt]\nlisten = \"127.0.0.1:1884\"\n")).unwrap();
    hang_up();
    until(&mut log, "the configuration was read again");
    assert!(until(&mut log, "after a restart only").contains("mqtt.listen"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn rules_about_what_may_be_published_are_checked_and_shown_with_the_place() {
    let directory = tempfile::tempdir().unwrap();
    let (path, schema) = (directory.path().join("factree.toml"), directory.path().join("order.json"));
    let rule =
        "[[namespace.rule]]\nname = \"orders\"\nfilter = \"Acme/+/Order\"\nenforce = true\nschema = \"order.json\"\n";
    std::fs::write(&path, rule).unwrap();
    std::fs::write(&schema, "{\"type\": \"objekt\"}").unwrap();
    let run = |args: &[&str]| factree().args(args).arg("--config").arg(&path).output().unwrap();
    let (code, message) = refusal(&run(&["check"]));
    assert_eq!(code, 2);
    for part in ["factree.toml", "line 5", "`schema`", "at /type"] {
        assert!(message.contains(part), "{part} is missing: {message}");
    }
    std::fs::write(&schema, "{\"type\": \"object\"}").unwrap();
    let checked = String::from_utf8(run(&["check"]).stdout).unwrap();
    assert!(checked.contains("Rules about what may be published: 1."), "{checked}");
    let placed = |topic: &str| String::from_utf8(run(&["place", topic]).stdout).unwrap();
    let shown =
        "[[namespace.rule]] rule 1 orders: filter = \"Acme/+/Order\", schema = \"order.json\", enforce = true\n";
    assert!(placed("Acme/Dallas/Order").ends_with(&format!("{shown}  what breaks it is refused\n")));
    let typed = "[[namespace.type]]\nname = \"Oven\"\n[[namespace.type.member]]\nname = \"Temp\"\nhigh = 400\n\
                 [[namespace.element]]\npath = \"Acme/Oven\"\ntype = \"Oven\"\nschema = { type = \"object\" }\n";
    std::fs::write(&path, typed).unwrap();
    for (topic, shown) in [
        ("Acme/Oven/Temp", "[[namespace.type]] Oven: member = \"Temp\", high = 400\n"),
        ("Acme/Oven", "[[namespace.element]] Acme/Oven: schema = {…}\n"),
    ] {
        assert!(placed(topic).ends_with(&format!("{shown}  what breaks it is reported\n")), "{}", placed(topic));
    }
    std::fs::write(&path, rule).unwrap();
    let sparkplug = placed("spBv1.0/Acme/NDATA/Dallas");
    assert!(!sparkplug.contains("namespace.rule"), "{sparkplug}");
}
