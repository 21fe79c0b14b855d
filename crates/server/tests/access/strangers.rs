//! Whom an identity provider names: let in by his token, and shut out by his name while the token is still good.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use factree::accounts::Order;
use factree_auth::Principal;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use crate::client::{Client, Who};
use crate::http::{stream, until_closed, web_socket};
use crate::plant::Plant;
use crate::revoked::{end, leave};

/// A plant that takes tokens of a provider, and one of them each for carl, dora and emil, who may write.
fn plant(keys: &tempfile::TempDir, durable: bool) -> (Plant, String) {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let key = json!({"kty": "EC", "crv": "P-256", "kid": "es", "alg": "ES256", "x": BASE64URL.encode(x), "y": BASE64URL.encode(y)});
    let file = keys.path().join("keys.json");
    std::fs::write(&file, json!({"keys": [key]}).to_string()).unwrap();
    let token = |name: &str| {
        let claims = json!({"iss": "https://id.example", "aud": "factree", "sub": name, "exp": 4_000_000_000_u64, "roles": ["w"]});
        let encoded = |part: Value| BASE64URL.encode(part.to_string());
        let signed = format!("{}.{}", encoded(json!({"alg": "ES256", "kid": "es"})), encoded(claims));
        let signature = pair.sign(&random, signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64URL.encode(signature))
    };
    let config = format!(
        "[auth]\n[auth.token]\nissuer = \"https://id.example\"\naudience = \"factree\"\njwks = {file:?}\n\
         [[auth.token.map]]\nclaim = \"w\"\nrole = \"writer\"\n"
    );
    let mut plant = if durable { Plant::durable(&config, &[]) } else { Plant::start(&config, &[]) };
    plant.keys.extend(["carl", "dora", "emil"].map(|name| (name.to_owned(), token(name))));
    (plant, config)
}

#[test]
fn a_subject_of_an_identity_provider_is_shut_out_everywhere_and_let_in_again() {
    let directory = tempfile::tempdir().unwrap();
    let (plant, _) = plant(&directory, false);
    let mut boss = Client::connect(plant.mqtt, Who::user("boss", "boss", &plant));
    assert_eq!(boss.subscribe(&["#"]), "SUBACK 0x01");
    let will = Some("gone/carl");
    let mut carl = Client::connect(plant.mqtt, Who { will, ..Who::user("c1", "carl", &plant) });
    let mut old = Client::connect(plant.mqtt, Who { will, ..Who::user("c2", "carl", &plant).v311() });
    let mut dora = Client::connect(plant.mqtt, Who::user("d", "dora", &plant));
    let streams = [stream(&plant, &plant.keys["carl"]), web_socket(&plant, &plant.keys["carl"])];
    let disabled = |who: &str| format!("/api/v1/disabled/{who}");
    assert_eq!(plant.ask("carl", "GET", "/api/v1/namespace", "").0, 200);
    assert_eq!(plant.ask("boss", "PUT", &disabled("carl"), "").0, 404, "a user is disabled as a user");
    assert_eq!(plant.ask("boss", "PUT", &disabled("token:carl"), "").0, 204);

    assert_eq!([carl.told(), carl.told(), old.told()], ["DISCONNECT 0x87", "close", "close"]);
    streams.into_iter().for_each(until_closed);
    assert_eq!(plant.ask("carl", "GET", "/api/v1/namespace", "").0, 401);
    assert_eq!(Client::try_connect(plant.mqtt, Who::user("c3", "carl", &plant)).1, "CONNACK 0x86");
    assert_eq!(dora.publish("d"), "PUBACK");
    assert_eq!(boss.delivered(), ["d x"], "no will of who was shut out");
    let (_, list) = plant.ask("boss", "GET", "/api/v1/disabled", "");
    assert_eq!(list["disabled"][0]["principal"], "token:carl", "{list}");
    plant.until("it is on record", |plant| {
        let (_, page) = plant.ask("boss", "GET", "/api/v1/audit?verb=principal.disable", "");
        page["entries"].as_array().unwrap().iter().any(|entry| {
            let is_done = entry["result"].as_str().unwrap().starts_with("done: by key ");
            entry["target"] == "principal/token:carl" && entry["new"] == "disabled" && is_done
        })
    });

    assert_eq!(plant.ask("boss", "DELETE", &disabled("token:carl"), "").0, 204);
    assert_eq!(plant.ask("boss", "DELETE", &disabled("token:carl"), "").0, 404);
    Client::connect(plant.mqtt, Who::user("c3", "carl", &plant));
    assert_eq!(plant.ask("carl", "GET", "/api/v1/namespace", "").0, 200);
}

#[test]
fn the_will_of_who_is_shut_out_is_forgotten_though_his_session_came_back_from_disk() {
    let directory = tempfile::tempdir().unwrap();
    let (plant, config) = plant(&directory, true);
    ["carl", "dora", "emil"].iter().for_each(|who| leave(&plant, who));
    let emil = Order::SetDisabled { who: Principal::parse("token:emil").unwrap(), disabled: true };
    let plant = plant.restart_after(&config, vec![emil]);
    let mut boss = Client::connect(plant.mqtt, Who::user("boss", "boss", &plant));
    assert_eq!(boss.subscribe(&["#"]), "SUBACK 0x01");
    let mut carl = Client::connect(plant.mqtt, Who::user("another of his", "carl", &plant));
    assert_eq!(plant.ask("boss", "PUT", "/api/v1/disabled/token:carl", "").0, 204);
    assert_eq!(carl.told(), "DISCONNECT 0x87", "so those that are away have been looked at");
    for who in ["carl", "emil"] {
        assert_eq!(plant.ask("boss", "DELETE", &format!("/api/v1/disabled/token:{who}"), "").0, 204);
    }
    ["carl", "dora", "emil"].iter().for_each(|who| end(&plant, who, &plant.keys[*who]));
    assert_eq!(boss.delivered(), ["b/dora gone"]);
}
