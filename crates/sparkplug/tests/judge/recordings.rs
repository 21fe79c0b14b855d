//! Five real clients, packet by packet as they were recorded: what is found is what somebody who did not know this code
//! wrote down in `violations.json`, or the difference is explained.

use crate::life::{Connect, Life, Testament};
use factree_sparkplug::Occasion;
use serde_json::Value as Json;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// What we find and the list has not, and why we are right. There is nothing that the list has and we do not find.
const MORE: &[(&str, &str, &str, &str)] = &[
    (
        "npm",
        "004_PUBLISH_DBIRTH_Dev1",
        "tck-id-message-flow-device-dcmd-subscribe",
        "001 and 002 subscribe with QoS 0; the list looks at NCMD only",
    ),
    ("npm", "005_PUBLISH_DBIRTH_Dev2", "tck-id-message-flow-device-dcmd-subscribe", "the same"),
    ("npm", "006_PUBLISH_DBIRTH_Dev3", "tck-id-message-flow-device-dcmd-subscribe", "the same"),
    ("npm", "013_PUBLISH_DBIRTH_Dev1", "tck-id-message-flow-device-dcmd-subscribe", "the same"),
    ("npm", "014_PUBLISH_DBIRTH_Dev2", "tck-id-message-flow-device-dcmd-subscribe", "the same"),
    ("npm", "015_PUBLISH_DBIRTH_Dev3", "tck-id-message-flow-device-dcmd-subscribe", "the same"),
    (
        "tahu",
        "004_PUBLISH_DBIRTH_Emulated_Device",
        "tck-id-message-flow-device-dcmd-subscribe",
        "002 subscribes with QoS 0; the list looks at NCMD only",
    ),
    (
        "srad",
        "005_DISCONNECT",
        "tck-id-payloads-ndeath-will-message-publisher-disconnect-mqtt50",
        "MQTT 5.0, and reason code 0x00; the list does not look at DISCONNECT",
    ),
];

/// What is said and found of one recorded client: (file, rule).
type Found = BTreeSet<(String, String)>;

fn folder(client: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(client)
}

fn json(path: &Path) -> Json {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The whole conversation, judged.
fn replay(client: &str) -> (Found, String) {
    let mut files: Vec<PathBuf> = fs::read_dir(folder(client)).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.retain(|path| path.file_stem().is_some_and(|stem| stem != "violations"));
    files.sort();
    let (mut life, mut found, mut transcript) = (Life::right(), Found::new(), String::new());
    life.begin_at(json(&files[0])["t_ms"].as_u64().unwrap());
    for path in files {
        let before = life.findings().len();
        packet(&mut life, &path);
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        for finding in &life.findings()[before..] {
            let rule = finding.rule.tck_id;
            found.insert((file.clone(), rule.to_owned()));
            let occasion = Occasion::as_str(finding.occasion);
            transcript += &format!("{file} · {occasion} · {rule} x{}\n", finding.count);
        }
    }
    (found, transcript)
}

fn packet(life: &mut Life, path: &Path) {
    let record = json(path);
    life.session = record["conn"].as_u64().unwrap();
    life.wait_until(record["t_ms"].as_u64().unwrap());
    let payload = || fs::read(path.with_extension("bin")).unwrap();
    let qos = |record: &Json| u8::try_from(record.as_u64().unwrap()).unwrap();
    match record["packet"].as_str() {
        Some("CONNECT") => {
            let will = &record["will"];
            let will = will.is_object().then(|| Testament {
                topic: will["topic"].as_str().unwrap().into(),
                qos: qos(&will["qos"]),
                retain: will["retain"].as_bool().unwrap(),
                payload: payload(),
            });
            // Of the properties, recorded clients send the Session Expiry Interval only: 0x11 and four bytes.
            let properties = record["connect_props_hex"].as_str().unwrap_or("1100000000");
            let expiry = properties.strip_prefix("11").and_then(|hex| u64::from_str_radix(&hex[..8], 16).ok());
            life.connected(&Connect {
                is_v5: record["level"] == 5,
                clean_start: record["clean"].as_bool().unwrap(),
                session_expiry: Duration::from_secs(expiry.unwrap_or(0)),
                will,
            });
        }
        Some("SUBSCRIBE") => {
            for subscription in record["subscriptions"].as_array().unwrap() {
                life.subscribe(subscription["filter"].as_str().unwrap(), qos(&subscription["options"]) & 3);
            }
        }
        Some("PUBLISH") => life.publish_as(
            record["topic"].as_str().unwrap(),
            (qos(&record["qos"]), record["retain"].as_bool().unwrap()),
            payload(),
        ),
        Some("DISCONNECT") => life.disconnect(record["body_hex"] == "04"),
        Some(other) => panic!("{other} was not recorded"),
        None => life.end(),
    }
}

#[test]
fn what_is_found_in_recordings_is_what_was_found_by_hand() {
    for client in ["npm", "pysparkplug", "tahu", "srad", "srad-app"] {
        let listed = json(&folder(client).join("violations.json"));
        let listed = listed.as_array().unwrap().iter().filter_map(|violation| {
            let file = violation["file"].as_str().unwrap().trim_end_matches(".json");
            let rule = violation["tck_id"].as_str().unwrap();
            // Notes are no rules.
            let rule = rule.strip_suffix(" (SHOULD NOT)").unwrap_or(rule);
            (!rule.starts_with("(note)")).then(|| (file.to_owned(), rule.to_owned()))
        });
        let mut expected: Found = listed.collect();
        let more = MORE.iter().filter(|(whose, ..)| *whose == client);
        expected.extend(more.map(|(_, file, rule, _)| ((*file).to_owned(), (*rule).to_owned())));
        let (found, _) = replay(client);
        let missing: Vec<_> = expected.difference(&found).collect();
        let unexplained: Vec<_> = found.difference(&expected).collect();
        assert!(missing.is_empty() && unexplained.is_empty(), "{client}: missing {missing:#?}, more {unexplained:#?}");
    }
}

#[test]
fn a_clients_findings_in_the_order_in_which_they_are_made() {
    for client in ["npm", "pysparkplug", "tahu", "srad", "srad-app"] {
        insta::assert_snapshot!(format!("findings_of_{client}"), replay(client).1);
    }
}
