//! Stories of logins: what is shown, and who is let in.

mod reload;

use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::Poll;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use factree_auth::credential::{
    BearerToken, Certificate, HashingGate, Jwks, KeyId, Password, Secret, SessionToken, TokenError, random,
};
use factree_auth::directory::{Command, NewKey, Refusal, Refused};
use factree_auth::{Name, Principal, Verb, Verbs};
use factree_store::{Batch, Durability, Limits, Store, Table};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::hashing::Hashers;
use super::{Authority, CommandError, NotLetIn, Proof, Why};
use crate::config::{Config, Overrides};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
/// What hashing costs is not what these are about.
const CHEAP: &str = "[limits]\nauth_password_memory_bytes = \"8 KiB\"\n";

/// An authority over a data directory of its own.
struct Plant {
    data: tempfile::TempDir,
    authority: Arc<Authority>,
}

impl Plant {
    fn new(file: &str) -> Plant {
        let data = tempfile::tempdir().unwrap();
        let authority = start(data.path(), file);
        Plant { data, authority }
    }

    /// The process ends as by `kill -9`, and another one begins.
    fn restarted(self, file: &str) -> Plant {
        // Anything that still runs would hold the files.
        drop(Arc::into_inner(self.authority).expect("nobody else has it"));
        let authority = start(self.data.path(), file);
        Plant { data: self.data, authority }
    }

    async fn add(&self, user: &str, password: &str, roles: &[&str]) {
        let password = Some(self.authority.hash(Password::chosen(password).unwrap()).await.unwrap());
        let roles = roles.iter().map(|role| name(role)).collect();
        self.authority.decide(Command::AddUser { name: name(user), password, roles }).await.unwrap();
    }

    async fn key_of(&self, owner: &str) -> (KeyId, Secret) {
        let (token, secret) = BearerToken::mint(random().unwrap());
        let id = token.id.clone();
        let (owner, label) = (name(owner), name("test"));
        let key = NewKey { token, owner, label, roles: None, verbs: Verbs::ALL, expires: None };
        self.authority.decide(Command::AddKey(key)).await.unwrap();
        (id, secret)
    }

    /// Who is let in with this password; or why nobody.
    async fn tries(&self, username: &str, password: &str, from: IpAddr) -> Result<String, Why> {
        let password = Password::given(password.as_bytes()).unwrap();
        let login = self.authority.log_in(Proof::Password { username, password }, from).await;
        login.map(|login| login.principal().to_string()).map_err(|refused| refused.why)
    }

    fn shows(&self, proof: &Proof<'_>, from: IpAddr) -> Result<String, Why> {
        let login = self.authority.log_in_at_once(proof, from).expect("nothing to hash");
        login.map(|login| login.principal().to_string()).map_err(|refused| refused.why)
    }
}

fn config(file: &str) -> Config {
    Config::parse(&format!("{CHEAP}{file}"), Overrides::default()).unwrap()
}

fn start(data: &std::path::Path, file: &str) -> Arc<Authority> {
    let config = config(file);
    Arc::new(Authority::start(&config.auth.unwrap(), &config.limits.auth, data).unwrap())
}

/// Polls once.
async fn is_pending(future: &mut (impl Future + Unpin)) -> bool {
    std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context).is_pending())).await
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

#[tokio::test]
async fn an_open_server_takes_everybody_for_an_admin_and_has_nothing_to_decide() {
    let authority = Authority::open();
    let login = authority.log_in(Proof::Bearer("whatever"), ELSEWHERE).await.unwrap();
    assert_eq!(*login.principal(), Principal::Anonymous);
    let access = authority.access_of(&login, Some("plc")).unwrap();
    assert!(
        access.may_touch(Verb::Command, "Acme/Dallas") && access.may_manage(Verb::Admin, factree_auth::Area::Access)
    );
    assert_eq!(authority.decide(Command::RemoveUser(name("anna"))).await, Err(CommandError::Open));
}

#[test]
fn ma01_who_shows_nothing_is_refused_unless_the_file_says_as_what() {
    let refused = Plant::new("[auth]");
    assert_eq!(refused.shows(&Proof::Nothing, HERE), Err(Why::NoProof));
    let near = Plant::new("[auth]\nanonymous = [\"reader\"]");
    assert_eq!(near.shows(&Proof::Nothing, HERE).unwrap(), "anonymous");
    assert_eq!(near.shows(&Proof::Nothing, ELSEWHERE), Err(Why::NoProof));
    let mapped = "::ffff:127.0.0.1".parse().unwrap();
    assert_eq!(near.shows(&Proof::Nothing, mapped).unwrap(), "anonymous");
    let anywhere = Plant::new("[auth]\nanonymous = [\"reader\"]\nanonymous_addresses = \"any\"");
    let login = anywhere.authority.log_in_at_once(&Proof::Nothing, ELSEWHERE).unwrap().unwrap();
    let access = anywhere.authority.access_of(&login, None).unwrap();
    assert!(access.may_touch(Verb::Read, "Acme") && !access.may_touch(Verb::Command, "Acme"));
}

#[tokio::test]
async fn a_wrong_password_an_unknown_user_and_a_disabled_one_are_refused_alike() {
    let plant = Plant::new("[auth]");
    plant.add("anna", "correct horse", &["reader"]).await;
    plant.add("bert", "correct horse", &["reader"]).await;
    plant.authority.decide(Command::SetDisabled { who: Principal::User(name("bert")), disabled: true }).await.unwrap();
    assert_eq!(plant.tries("anna", "correct horse", HERE).await.unwrap(), "user:anna");
    for (user, password) in [("anna", "wrong horse"), ("bert", "correct horse"), ("nobody", "correct horse"), ("", "")]
    {
        assert_eq!(plant.tries(user, password, HERE).await, Err(Why::Refused(Refusal::Unknown)), "{user}");
    }
}

#[tokio::test]
async fn who_fails_too_often_waits_and_who_was_there_before_does_not() {
    let plant = Plant::new("[auth]");
    plant.add("anna", "correct horse", &[]).await;
    plant.tries("anna", "correct horse", HERE).await.unwrap();
    for _ in 0..6 {
        assert_eq!(plant.tries("anna", "wrong horse", ELSEWHERE).await, Err(Why::Refused(Refusal::Unknown)));
    }
    let refused = plant.tries("anna", "correct horse", ELSEWHERE).await.unwrap_err();
    assert!(matches!(refused, Why::TooOften { wait } if wait <= Duration::from_secs(1)), "{refused:?}");
    // Whoever fails on purpose does not lock her out where she is at home.
    assert_eq!(plant.tries("anna", "correct horse", HERE).await.unwrap(), "user:anna");
}

#[tokio::test]
async fn a_key_is_taken_as_a_bearer_and_as_an_mqtt_password_under_its_owners_name_or_none() {
    let plant = Plant::new("[auth]");
    plant.add("anna", "correct horse", &["reader"]).await;
    let (id, key) = plant.key_of("anna").await;
    let password = || Password::given(key.reveal().as_bytes()).unwrap();
    assert_eq!(plant.shows(&Proof::Bearer(key.reveal()), HERE).unwrap(), "user:anna");
    assert_eq!(plant.shows(&Proof::Password { username: "", password: password() }, HERE).unwrap(), "user:anna");
    assert_eq!(plant.shows(&Proof::Password { username: "anna", password: password() }, HERE).unwrap(), "user:anna");
    let other = plant.shows(&Proof::Password { username: "bert", password: password() }, HERE);
    assert_eq!(other, Err(Why::AnotherName));
    assert_eq!(plant.shows(&Proof::Bearer("ftk_none.none"), HERE), Err(Why::Refused(Refusal::Unknown)));
    assert!(plant.shows(&Proof::Bearer("eyJhbGciOiJub25lIn0.e30."), HERE).is_err(), "no token is taken here");

    let mut login = plant.authority.log_in_at_once(&Proof::Bearer(key.reveal()), HERE).unwrap().unwrap();
    let mut changed = plant.authority.changed();
    plant.authority.decide(Command::RemoveKey(id)).await.unwrap();
    assert!(changed.has_changed().unwrap() && login.is_stale(), "whoever holds the login is told");
    changed.mark_unchanged();
    assert_eq!(plant.authority.renew(&mut login), Err(Refusal::Changed));
}

type Issuer = rcgen::CertifiedIssuer<'static, rcgen::KeyPair>;

fn issuer(name: &str) -> Issuer {
    let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap()
}

fn certificate_of(by: &Issuer, dns: &[&str]) -> Arc<Certificate> {
    let params = rcgen::CertificateParams::new(dns.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    let certificate = params.signed_by(&rcgen::KeyPair::generate().unwrap(), by).unwrap();
    Arc::new(Certificate::of(certificate.der()).unwrap())
}

#[test]
fn ma18_a_certificate_is_whom_it_names_and_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let (issuer, file) = (issuer("plant"), directory.path().join("ca.pem"));
    std::fs::write(&file, issuer.pem()).unwrap();
    let plant = Plant::new(&format!(
        "[auth.certificates]\nauthorities = {file:?}\n[[auth.certificates.map]]\nfrom = \"dns\"\n\
         pattern = \"{{name}}.edge.example\"\nroles = [\"writer\"]"
    ));
    let shows = |dns: &[&str], username| {
        plant.shows(&Proof::Certificate { certificate: &certificate_of(&issuer, dns), username }, HERE)
    };
    assert_eq!(shows(&["plc7.edge.example"], None).unwrap(), "certificate:plc7");
    assert_eq!(shows(&["plc7.edge.example"], Some("plc7")).unwrap(), "certificate:plc7");
    assert_eq!(shows(&["plc7.edge.example"], Some("plc8")), Err(Why::AnotherName));
    assert!(matches!(shows(&["plc7.edge.example", "plc8.edge.example"], None), Err(Why::Certificate(_))));
    assert!(matches!(shows(&["plc7.office.example"], None), Err(Why::Certificate(_))));
}

#[tokio::test]
async fn what_is_decided_is_there_after_a_kill_and_what_is_refused_is_not() {
    let plant = Plant::new("[auth]");
    plant.add("root", "correct horse", &["admin"]).await;
    plant.add("anna", "correct horse", &["reader"]).await;
    let (_, key) = plant.key_of("anna").await;
    let last_admin = plant.authority.decide(Command::RemoveUser(name("root"))).await;
    assert_eq!(last_admin, Err(CommandError::Refused(Refused::LastAdmin)));
    let changed = Command::SetRoles { name: name("anna"), roles: vec![name("writer")] };
    let done = plant.authority.decide(changed).await.unwrap();
    assert_eq!((&*done.target, done.old.as_deref()), ("user/anna", Some("roles reader; password")));
    assert_eq!(done.new.as_deref(), Some("roles writer; password"));

    let plant = plant.restarted("[auth]");
    assert_eq!(plant.tries("anna", "correct horse", HERE).await.unwrap(), "user:anna");
    let login = plant.authority.log_in_at_once(&Proof::Bearer(key.reveal()), HERE).unwrap().unwrap();
    let access = plant.authority.access_of(&login, None).unwrap();
    assert_eq!(access.roles().iter().map(|role| role.name().as_str()).collect::<Vec<_>>(), ["writer"]);
    assert!(plant.authority.read(|directory| directory.user("root").is_some()));
}

/// The one who asked has gone: half of it must not stay.
#[tokio::test]
async fn a_command_that_nobody_waits_for_any_more_is_carried_through_or_not_begun() {
    let plant = Plant::new("[auth]");
    let mut deciding =
        Box::pin(plant.authority.decide(Command::AddUser { name: name("anna"), password: None, roles: Vec::new() }));
    // Once: what blocks is on its way.
    assert!(is_pending(&mut deciding).await);
    drop(deciding);
    // Commands are carried out one after the other.
    plant.add("bert", "correct horse", &[]).await;
    let users =
        |plant: &Plant| plant.authority.read(|it| it.users().map(|(name, _)| name.to_string()).collect::<Vec<_>>());
    let before = users(&plant);
    assert_eq!(users(&plant.restarted("[auth]")), before, "memory and disk say the same");
    assert_eq!(before, ["anna", "bert"]);
}

#[tokio::test]
async fn ma16_a_record_that_cannot_be_read_lets_nobody_in_and_keeps_nobody_out() {
    let plant = Plant::new("[auth]");
    plant.add("anna", "correct horse", &["reader"]).await;
    plant.add("bert", "correct horse", &["reader"]).await;
    let Plant { data, authority } = plant;
    drop(Arc::into_inner(authority).expect("nobody else has it"));
    {
        let (mut store, _) = Store::open(&data.path().join("access"), Durability::Power, Limits::default()).unwrap();
        let mut batch = Batch::new();
        batch.put(Table::Access, b"user/anna", b"{\"v\":1,\"roles\":[\"admin\"],\"created\":0,\"surprise\":true}");
        batch.put(Table::Access, b"user/", b"{}");
        store.commit(&mut batch).unwrap();
    }
    let plant = Plant { authority: start(data.path(), "[auth]"), data };
    assert_eq!(plant.tries("anna", "correct horse", HERE).await, Err(Why::Refused(Refusal::Unknown)));
    assert_eq!(plant.tries("bert", "correct horse", HERE).await.unwrap(), "user:bert");
}

#[tokio::test]
async fn a_hash_of_another_cost_is_made_anew_when_its_owner_logs_in_and_nothing_ends() {
    let plant = Plant::new("[auth]");
    plant.add("anna", "correct horse", &[]).await;
    let dearer = "auth_hashing_threads_max = 1\nauth_password_memory_bytes = \"16 KiB\"\n[auth]";
    let config = Config::parse(&format!("[limits]\n{dearer}"), Overrides::default()).unwrap();
    let Plant { data, authority } = plant;
    drop(Arc::into_inner(authority).expect("nobody else has it"));
    let authority = Arc::new(Authority::start(&config.auth.unwrap(), &config.limits.auth, data.path()).unwrap());
    let plant = Plant { data, authority };
    let password = || Password::given(b"correct horse").unwrap();
    let proof = || Proof::Password { username: "anna", password: password() };
    let login = plant.authority.log_in(proof(), HERE).await.unwrap();
    let check = plant.authority.read(|directory| directory.password_check("anna"));
    let permit = HashingGate::new(1).enter().unwrap();
    let proven = check.run(&permit, &password()).unwrap();
    assert!(plant.authority.read(|directory| proven.outdated_hash(directory).is_none()));
    assert!(!login.is_stale());
}

#[tokio::test]
async fn the_line_has_an_end_and_who_leaves_it_is_not_hashed_for() {
    let hashers = Arc::new(Hashers::start(1, 2).unwrap());
    let (begin, may_begin) = channel::<()>();
    let (began, has_begun) = channel();
    let first = tokio::spawn({
        let hashers = Arc::clone(&hashers);
        async move {
            let work = move |_: &_| {
                began.send(()).unwrap();
                may_begin.recv().unwrap();
            };
            hashers.run(work).await
        }
    });
    tokio::task::spawn_blocking(move || has_begun.recv()).await.unwrap().unwrap();
    let mut leaving = Box::pin(hashers.run(|_| unreachable!("nobody waits for it")));
    let mut staying = Box::pin(hashers.run(|_| 7));
    assert!(is_pending(&mut leaving).await && is_pending(&mut staying).await);
    assert!(hashers.run(|_| ()).await.is_err(), "no place in line");
    drop(leaving);
    begin.send(()).unwrap();
    assert!(first.await.unwrap().is_ok());
    assert_eq!(staying.await.unwrap(), 7);
}

#[tokio::test]
async fn a_job_that_panics_costs_who_asked_and_nobody_after_him() {
    let hashers = Hashers::start(1, 2).unwrap();
    for _ in 0..3 {
        assert!(hashers.run(|_| panic!("a mistake of ours")).await.is_err());
    }
    assert_eq!(hashers.run(|_| 7).await.unwrap(), 7);
}

#[tokio::test]
async fn a_session_is_known_by_its_cookie_until_it_is_ended() {
    let plant = Plant::new("[auth]");
    plant.add("anna", "correct horse", &["reader"]).await;
    let (token, cookie) = SessionToken::mint(random().unwrap());
    let id = token.id();
    plant.authority.decide(Command::OpenSession { token, owner: name("anna") }).await.unwrap();
    assert_eq!(plant.shows(&Proof::Session(cookie.reveal()), HERE).unwrap(), "user:anna");
    assert_eq!(plant.shows(&Proof::Watching(cookie.reveal()), HERE).unwrap(), "user:anna");
    plant.authority.decide(Command::EndSession(id)).await.unwrap();
    for cookie in [cookie.reveal(), "", "not a cookie"] {
        assert_eq!(plant.shows(&Proof::Session(cookie), HERE), Err(Why::Refused(Refusal::Unknown)));
    }
}

/// An identity provider with one ES256 key.
struct Provider {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl Provider {
    fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        Self { pair, random }
    }

    /// Its keys, as it publishes them.
    fn keys(&self) -> String {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (BASE64URL.encode(&point[1..33]), BASE64URL.encode(&point[33..]));
        json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "es", "x": x, "y": y}]}).to_string()
    }

    /// A token of somebody who has the role `plant-reader` there.
    fn token_of(&self, name: &str) -> String {
        let claims = json!({"iss": "https://id.example", "aud": "factree", "sub": name, "exp": 4_000_000_000_u64, "roles": ["plant-reader"]});
        let encoded = |part: Value| BASE64URL.encode(part.to_string());
        let signed = format!("{}.{}", encoded(json!({"alg": "ES256", "kid": "es"})), encoded(claims));
        let signature = self.pair.sign(&self.random, signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64URL.encode(signature))
    }
}

fn tokens_by(keys: &str) -> String {
    format!(
        "[auth.token]\nissuer = \"https://id.example\"\naudience = \"factree\"\njwks = {keys:?}\n\
         [[auth.token.map]]\nclaim = \"plant-reader\"\nrole = \"reader\""
    )
}

#[test]
fn a_token_is_taken_as_a_bearer_and_as_an_mqtt_password_under_its_own_name_or_none() {
    let (provider, directory) = (Provider::new(), tempfile::tempdir().unwrap());
    let file = directory.path().join("keys.json");
    std::fs::write(&file, provider.keys()).unwrap();
    let plant = Plant::new(&tokens_by(file.to_str().unwrap()));
    let token = provider.token_of("carla");
    assert_eq!(plant.shows(&Proof::Bearer(&token), HERE).unwrap(), "token:carla");
    let with = |username| {
        let password = Password::given(token.as_bytes()).unwrap();
        plant.shows(&Proof::Password { username, password }, HERE)
    };
    assert_eq!((with("").unwrap(), with("carla").unwrap()), ("token:carla".into(), "token:carla".into()));
    assert_eq!(with("admin"), Err(Why::AnotherName));
    let login = plant.authority.log_in_at_once(&Proof::Bearer(&token), HERE).unwrap().unwrap();
    let access = plant.authority.access_of(&login, None).unwrap();
    assert!(access.may_touch(Verb::Read, "Acme") && !access.may_touch(Verb::Command, "Acme"));
    let foreign = Provider::new().token_of("carla");
    assert_eq!(plant.shows(&Proof::Bearer(&foreign), HERE), Err(Why::Token(TokenError::Signature)));
}

#[tokio::test]
async fn a_providers_keys_are_asked_for_and_until_they_are_here_no_token_is_good() {
    let (provider, listener) = (Provider::new(), tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = listener.local_addr().unwrap();
    let plant = Plant::new(&tokens_by(&format!("http://{address}/keys")));
    let token = provider.token_of("carla");
    assert_eq!(plant.shows(&Proof::Bearer(&token), HERE), Err(Why::Token(TokenError::UnknownKey)));
    let upkeep = tokio::spawn(Arc::clone(&plant.authority).keep_up());
    let (mut stream, _) = listener.accept().await.unwrap();
    let body = provider.keys();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await.unwrap();
    let let_in = async {
        loop {
            match plant.shows(&Proof::Bearer(&token), HERE) {
                Err(Why::Token(TokenError::UnknownKey)) => tokio::task::yield_now().await,
                answer => return answer,
            }
        }
    };
    let let_in = tokio::time::timeout(Duration::from_secs(30), let_in).await.expect("the keys arrive");
    assert_eq!(let_in.unwrap(), "token:carla");
    upkeep.abort();
}

#[test]
fn a_refusal_is_one_line_whatever_the_name_was_and_says_no_secret() {
    let refused = NotLetIn::from(Refusal::Unknown).of("a\nADMIN login ok\u{1b}[31m");
    let line = refused.to_string();
    assert!(!line.contains('\n') && !line.contains('\u{1b}'), "{line}");
}
