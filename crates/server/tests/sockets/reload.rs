//! Rules that change while clients publish: over HTTP, with a real file's text.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use factree::{Config, Overrides};
use rumqttc::{Client, MqttOptions, QoS};
use serde_json::json;

use crate::plant::{PATIENCE, Plant};

pub(crate) fn reload(plant: &Plant, host: &str) -> (u16, serde_json::Value) {
    let mut stream = TcpStream::connect(plant.http).unwrap();
    let head = format!("POST /api/v1/admin/reload HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close");
    write!(stream, "{head}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

#[test]
fn topics_move_while_their_client_publishes_on() {
    let file = Arc::new(Mutex::new(String::new()));
    let read = Arc::clone(&file);
    let plant = Plant::reloading("", |server| {
        server.reloading(move || Config::parse(&read.lock().unwrap(), Overrides::default()))
    });
    let (client, mut connection) =
        Client::new(MqttOptions::new("press", plant.mqtt.ip().to_string(), plant.mqtt.port()), 10);
    let pumping = std::thread::spawn(move || connection.iter().take_while(Result::is_ok).count());
    let publish = |value: &str| client.publish("Acme/L1/Temp", QoS::AtLeastOnce, false, value).unwrap();
    publish("21");
    plant.until("the topic is in the tree", |plant| plant.sample("Acme/L1/Temp").is_some());
    let mut told = BufReader::new(TcpStream::connect(plant.http).unwrap());
    told.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    write!(told.get_mut(), "GET /api/v1/stream?filter=%23&interval=10 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut hear = |what: &str| assert!(told.by_ref().lines().any(|line| line.unwrap().contains(what)), "{what}");
    hear("Acme/L1/Temp");

    *file.lock().unwrap() = "[[namespace.topics]]\ntopic = \"{enterprise}/{work_center}/{area}\"\n\
        [[namespace.element]]\npath = \"Acme/Temp/L1\"\nunit = \"K\"\n[limits]\nsessions_max = 7\n"
        .into();
    let (status, said) = reload(&plant, "localhost");
    assert_eq!((status, &said["metrics_moved"], &said["conflicts"]), (200, &json!(1), &json!(0)), "{said}");
    assert_eq!(said["restart_needed"], json!(["limits.sessions_max"]));
    hear("event: reread");
    hear("Acme/Temp/L1");
    let sample = plant.sample("Acme/Temp/L1").unwrap();
    assert_eq!((&sample["value"], &sample["unit"]), (&json!(21), &json!("K")));
    let (status, problem) = plant.get("/api/v1/values/Acme/L1/Temp");
    assert_eq!((status, &problem["moved"]), (404, &json!("Acme/Temp/L1")));
    publish("22");
    plant.until("data go where the topic went", |plant| plant.sample("Acme/Temp/L1").unwrap()["value"] == 22);

    *file.lock().unwrap() = "[[namespace.topics]]\ntopic = \"{enterprise}/{plant}\"\n".into();
    let (status, problem) = reload(&plant, "127.0.0.1");
    assert!(status == 422 && problem["detail"].as_str().unwrap().contains("line 2"), "{problem}");
    assert_eq!(reload(&plant, "plant.example").0, 421);
    assert!(plant.sample("Acme/Temp/L1").is_some(), "what was refused has changed nothing");
    drop(plant);
    client.disconnect().ok();
    pumping.join().unwrap();
}

#[test]
fn types_are_declared_and_declared_otherwise_while_a_client_publishes() {
    let oven = |unit: &str, filter: &str| {
        format!(
            "[[namespace.type]]\nname = \"Oven\"\nversion = \"{unit}\"\n[[namespace.type.member]]\nname = \"temperature\"\n\
             datatype = \"Double\"\nunit = \"{unit}\"\nrequired = true\n[[namespace.type.member]]\nname = \"door\"\n\
             required = true\n[[namespace.instance]]\nfilter = \"{filter}\"\ntype = \"Oven\"\n"
        )
    };
    let file = Arc::new(Mutex::new(oven("K", "Acme/+")));
    let read = Arc::clone(&file);
    let plant = Plant::reloading(&oven("K", "Acme/+"), |server| {
        server.reloading(move || Config::parse(&read.lock().unwrap(), Overrides::default()))
    });
    let (client, mut connection) =
        Client::new(MqttOptions::new("oven", plant.mqtt.ip().to_string(), plant.mqtt.port()), 10);
    let pumping = std::thread::spawn(move || connection.iter().take_while(Result::is_ok).count());
    client.publish("Acme/Oven1", QoS::AtLeastOnce, false, r#"{"temperature":180}"#).unwrap();
    let temperature = |plant: &Plant| plant.sample("Acme/Oven1/temperature").map(|sample| sample["unit"].clone());
    plant.until("its type says its unit", |plant| temperature(plant) == Some(json!("K")));
    let (_, shown) = plant.get("/api/v1/types/Oven");
    assert_eq!((&shown["versions"][0]["label"], &shown["instances_count"]), (&json!("K"), &json!(1)), "{shown}");
    let missing = json!([{"path": "Acme/Oven1", "member": "door", "fault": "missing"}]);
    assert_eq!(shown["deviations"], missing);

    *file.lock().unwrap() = oven("°C", "Acme/#");
    let (status, said) = reload(&plant, "localhost");
    assert_eq!((status, &said["restart_needed"], said.get("warnings")), (200, &json!([]), None), "{said}");
    assert_eq!(temperature(&plant), Some(json!("°C")));
    assert_eq!(plant.get("/api/v1/types/Oven").1["instances_count"], 3);

    *file.lock().unwrap() = oven("°C", "Acme/#").replace("type = \"Oven\"", "type = \"Ofen\"");
    let (status, problem) = reload(&plant, "localhost");
    assert!(
        status == 422 && problem["detail"].as_str().unwrap().contains("line 14: [[namespace.instance]] \"Ofen\""),
        "{problem}"
    );
    assert_eq!(temperature(&plant), Some(json!("°C")), "what was refused has changed nothing");
    file.lock().unwrap().clear();
    reload(&plant, "localhost");
    assert_eq!((temperature(&plant), plant.get("/api/v1/types/Oven").0), (Some(json!(null)), 404));
    drop(plant);
    client.disconnect().ok();
    pumping.join().unwrap();
}
