//! Rules that change while clients publish: over HTTP, with a real file's text.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use factree::{Config, Overrides};
use rumqttc::{Client, MqttOptions, QoS};
use serde_json::json;

use crate::plant::Plant;

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

    *file.lock().unwrap() = "[[namespace.topics]]\ntopic = \"{enterprise}/{work_center}/{area}\"\n\
        [[namespace.element]]\npath = \"Acme/Temp/L1\"\nunit = \"K\"\n[limits]\nsessions_max = 7\n"
        .into();
    let (status, said) = reload(&plant, "localhost");
    assert_eq!((status, &said["metrics_moved"], &said["conflicts"]), (200, &json!(1), &json!(0)), "{said}");
    assert_eq!(said["restart_needed"], json!(["limits.sessions_max"]));
    let sample = plant.sample("Acme/Temp/L1").unwrap();
    assert_eq!((&sample["value"], &sample["unit"]), (&json!(21), &json!("K")));
    let (status, problem) = plant.get("/api/v1/values/Acme/L1/Temp");
    assert_eq!((status, &problem["moved"]), (404, &json!("Acme/Temp/L1")));
    publish("22");
    plant.until("data go where the topic went", |plant| plant.sample("Acme/Temp/L1").unwrap()["value"] == 22);

    *file.lock().unwrap() = "[[namespace.topics]]\ntopic = \"{enterprise}/{plant}\"\n".into();
    let (status, problem) = reload(&plant, "127.0.0.1");
    assert!(status == 422 && problem["detail"].as_str().unwrap().contains("line 2"), "{problem}");
    assert_eq!(reload(&plant, "plant.example").0, 403);
    assert!(plant.sample("Acme/Temp/L1").is_some(), "what was refused has changed nothing");
    drop(plant);
    client.disconnect().ok();
    pumping.join().unwrap();
}
