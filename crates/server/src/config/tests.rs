//! Configurations as operators write them, right and wrong; each part of the file has its own beside it.

use super::*;

fn refusal(text: &str) -> String {
    Config::parse(text, Overrides::default()).expect_err("must be refused").to_string()
}

#[test]
fn an_empty_file_is_the_defaults() {
    let config = Config::parse("", Overrides::default()).unwrap();
    assert_eq!(config.mqtt.unwrap().to_string(), "127.0.0.1:1883");
    assert_eq!(config.http.to_string(), "127.0.0.1:8080");
    assert_eq!(config.data, PathBuf::from("factree-data"));
}

#[test]
fn the_command_line_wins_over_the_file() {
    let overrides = Overrides { mqtt: Some("127.0.0.1:2883".parse().unwrap()), ..Overrides::default() };
    let config = Config::parse("[mqtt]\nlisten = \"127.0.0.1:1884\"", overrides).unwrap();
    assert_eq!(config.mqtt.unwrap().port(), 2883);
}

#[test]
fn mqtt_can_be_off_as_long_as_something_is_heard() {
    let off = "[mqtt]\nlisten = \"off\"\n";
    assert!(refusal(off).contains("nothing would ever be heard"));
    let attached = Config::parse(&format!("{off}[[attach]]\nurl = \"mqtt://broker\""), Overrides::default()).unwrap();
    assert_eq!((attached.mqtt, attached.attachments.len()), (None, 1));
    let overrides = Overrides { no_mqtt: true, attach: vec!["mqtt://broker".into()], ..Overrides::default() };
    assert_eq!(Config::parse("", overrides).unwrap().mqtt, None);
    assert!(refusal("[mqtt]\nlisten = \"1883\"").contains("or \"off\""));
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_what_is_accepted() {
    let message = refusal("[mqtt]\n\nlisen = \"127.0.0.1:1883\"\n");
    assert!(message.contains("line 3"), "{message}");
    assert!(message.contains("lisen"), "{message}");
    assert!(message.contains("`listen`"), "{message}");
    let message = refusal("[namespace]\nlevels = [\"plant\"]\n");
    assert!(message.contains("line 2") && message.contains("`work_center`"), "{message}");
    let message = refusal("[[namespace.sparkplug]]\ngroup = \"{site}\"\nedge = \"{area}\"");
    assert!(message.contains("line 3") && message.contains("`node`"), "{message}");
}

#[test]
fn a_value_that_cannot_be_meant_names_its_line() {
    for (text, told) in [
        ("[mqtt]\n\nsys_interval = \"1 ms\"", "line 3: [mqtt] sys_interval: is at least"),
        (
            "[mqtt]\n[[mqtt.listeners]]\nlisten = \"[::1]:1\"\ntransport = \"tls\"",
            "line 2: [[mqtt.listeners]] [::1]:1: ",
        ),
        ("[http]\nhosts = [\"*\"]", "line 2: [http] hosts: "),
        ("[http]\n\nkey = \"key.pem\"", "line 3: [http] `key` without `certificate`"),
        ("[namespace]\nlevels = [\"site\", \"site\"]", "line 2: [namespace] levels must go down"),
        ("[sparkplug]\n\nhost_id = \"a/b\"", "line 3: [sparkplug] host_id = "),
        ("[audit]\nsize_max = \"huge\"", "line 2: [audit] size_max: a size is"),
        ("[[attach]]\nurl = \"mqtt://a\"\n[[attach]]\nurl = \"http://b\"", "line 3: [[attach]] `url` begins with"),
    ] {
        let message = refusal(text);
        assert!(message.starts_with(told), "{text}: {message}");
    }
    for text in ["[http]\nlisten = \"localhost:8080\"", "[[mqtt.listeners]]\nlisten = \"8883\""] {
        let message = refusal(text);
        assert!(message.contains("line 2") && message.contains("an address with a port, such as"), "{message}");
    }
}

#[test]
fn what_is_wrong_on_the_command_line_is_not_told_of_a_file() {
    let overrides = Overrides { attach: vec!["broker".into()], ..Overrides::default() };
    let message = Config::load(None, overrides).unwrap_err().to_string();
    assert!(message.starts_with("--attach `url` is a URL"), "{message}");
}

#[test]
fn a_wrong_template_names_its_rule_and_key() {
    let message =
        refusal("[[namespace.sparkplug]]\ngroup = \"{site}\"\n\n[[namespace.sparkplug]]\ngroup = \"{plant}\"");
    assert!(message.starts_with("line 5: [[namespace.sparkplug]] rule 2, key `group`"), "{message}");
    let message = refusal("[[namespace.topics]]\ntopic = \"{site}{area}\"");
    assert!(message.starts_with("line 2: [[namespace.topics]] rule 1, key `topic`"), "{message}");
    let message = refusal("[namespace]\nlevels = [\"site\", \"enterprise\"]");
    assert!(message.contains("go down the ISA-95 hierarchy"), "{message}");
}

#[test]
fn a_listener_that_the_network_can_reach_is_refused_and_told_what_to_do() {
    let message = refusal("[http]\nlisten = \"0.0.0.0:8080\"");
    assert!(message.contains("0.0.0.0:8080") && message.contains("ssh -L"), "{message}");
    assert!(message.contains("factree init"), "{message}");
    let v6 = Config::parse("[mqtt]\nlisten = \"[::1]:1883\"", Overrides::default()).unwrap();
    assert!(v6.mqtt.unwrap().ip().is_loopback());
}

#[test]
fn a_listener_says_what_its_transport_needs() {
    let with = |rest: &str| format!("[[mqtt.listeners]]\nlisten = \"127.0.0.1:8883\"\n{rest}");
    assert!(refusal(&with("transport = \"tls\"")).contains("needs `certificate` and `key`"));
    assert!(refusal(&with("certificate = \"c.pem\"")).contains("without `key`"));
    assert!(refusal(&with("transport = \"quic\"")).contains("`secure_websocket`"));
    let missing = refusal(&with("transport = \"tls\"\ncertificate = \"/none.pem\"\nkey = \"/none.key\""));
    assert!(missing.contains("127.0.0.1:8883") && missing.contains("/none.pem"), "{missing}");
    assert!(refusal("[[mqtt.listeners]]\nlisten = \"0.0.0.0:8883\"").contains("open to the network"));
    let plain = Config::parse(&with("transport = \"websocket\""), Overrides::default()).unwrap();
    assert_eq!(plain.listeners[0].transport.name(), "websocket");
}

#[test]
fn pages_that_may_connect_are_named_as_browsers_name_them() {
    let with = |transport: &str, origin: &str| {
        let rule = "[[mqtt.listeners]]\nlisten = \"127.0.0.1:9001\"";
        let text = format!("{rule}\ntransport = \"{transport}\"\norigins = [{origin:?}]");
        Config::parse(&text, Overrides::default()).map(|_| ()).map_err(|why| why.to_string())
    };
    for origin in ["https://hmi.plant.example", "http://localhost:3000", "http://[::1]:3000"] {
        assert_eq!(with("websocket", origin), Ok(()));
    }
    for origin in ["", "*", "null", "https://", "hmi.plant.example", "https://hmi.plant.example/", "ws://hmi"] {
        assert!(with("websocket", origin).unwrap_err().contains("write scheme and host"), "{origin}");
    }
    assert!(with("tcp", "https://hmi.plant.example").unwrap_err().contains("connect by WebSocket"));
}

#[test]
fn cf05_a_certificate_on_a_plain_transport_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (directory.path().join("c.pem"), directory.path().join("k.pem"));
    std::fs::write(&certificate, own.cert.pem()).unwrap();
    std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
    let message = refusal(&format!(
        "[[mqtt.listeners]]\nlisten = \"127.0.0.1:8883\"\ncertificate = {certificate:?}\nkey = {key:?}"
    ));
    assert!(message.contains("transport = \"tls\""), "{message}");
}

#[test]
fn a_wrong_limit_names_its_line_its_key_and_what_is_accepted() {
    let message = refusal("[limits]\nsessions_max = 10\nsesions = 10\n");
    assert!(
        message.starts_with("line 3: [limits] knows no `sesions`") && message.contains("sessions_max"),
        "{message}"
    );
    let message = refusal("\n[limits]\nqueue_bytes_max = \"lots\"\n");
    assert!(message.starts_with("line 3: [limits] queue_bytes_max: ") && message.contains("64 MiB"), "{message}");
    let message = refusal("[limits]\nretained_max = 2000000\n");
    assert!(message.starts_with("line 2: [limits] retained_backlog_max is at least retained_max"), "{message}");
    let config = Config::parse("[limits]\nkeep_alive_max = \"5 min\"\n", Overrides::default()).unwrap();
    assert_eq!(config.limits.broker.keep_alive_max, Duration::from_secs(300));
}

#[test]
fn hosts_are_names_and_addresses_and_nothing_more() {
    let hosts = |host: &str| {
        Config::parse(&format!("[http]\nhosts = [{host:?}]"), Overrides::default()).map(|config| config.http_hosts)
    };
    for (host, name) in
        [("factree.plant.example", "factree.plant.example"), ("10.0.0.7", "10.0.0.7"), ("[fd00::7]", "fd00::7")]
    {
        assert_eq!(hosts(host).unwrap(), [name]);
    }
    for host in ["", "*", "https://plant.example", "plant.example:8080", "plant.example/", "plant example"] {
        assert!(hosts(host).unwrap_err().to_string().contains("without scheme, port and path"), "{host}");
    }
}

#[test]
fn the_sys_interval_is_a_time_or_off() {
    let interval = |text: &str| {
        let file = format!("[mqtt]\nsys_interval = \"{text}\"");
        Config::parse(&file, Overrides::default()).map(|config| config.sys_interval)
    };
    assert_eq!(interval("1 min").unwrap(), Some(Duration::from_secs(60)));
    assert_eq!(interval("0 s").unwrap(), None);
    assert!(interval("1 ms").unwrap_err().to_string().contains("at least \"1 s\""));
}

#[test]
fn cf08_a_huge_file_is_refused_unread() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("factree.toml");
    std::fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
    let message = Config::load(Some(&path), Overrides::default()).unwrap_err().to_string();
    assert!(message.contains("larger than"), "{message}");
}
