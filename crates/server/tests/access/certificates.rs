//! Clients that show certificates: who they are, when theirs was revoked, and a server's own that is replaced.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa, KeyIdMethod,
    KeyPair, KeyUsagePurpose, RevokedCertParams,
};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::{Client, Who};
use crate::plant::{PATIENCE, Plant};

type Authority = CertifiedIssuer<'static, KeyPair>;

/// A certificate with its key.
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::CrlSign, KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn issue(by: &Authority, name: &str, serial: u64) -> (rcgen::Certificate, KeyPair) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.serial_number = Some(serial.into());
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, by).unwrap(), key)
}

fn shown(by: &Authority, name: &str, serial: u64) -> Shown {
    let (certificate, key) = issue(by, name, serial);
    Shown { chain: vec![certificate.der().clone()], key: PrivateKeyDer::try_from(key.serialize_der()).unwrap() }
}

fn revoke(by: &Authority, serials: &[u64], file: &Path) {
    let revoked = |serial: &u64| RevokedCertParams {
        serial_number: (*serial).into(),
        revocation_time: rcgen::date_time_ymd(2026, 1, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let params = CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2026, 1, 1),
        next_update: rcgen::date_time_ymd(2030, 1, 1),
        crl_number: 1.into(),
        issuing_distribution_point: None,
        revoked_certs: serials.iter().map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    std::fs::write(file, params.signed_by(by).unwrap().pem().unwrap()).unwrap();
}

/// A server with an own authority, and one whose certificates it takes.
struct Site {
    plant: Plant,
    ours: Authority,
    devices: Authority,
    config: String,
    directory: tempfile::TempDir,
}

impl Site {
    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The listener that requires a certificate, and the one that takes a password too.
    fn required(&self) -> SocketAddr {
        self.plant.further[0]
    }

    fn optional(&self) -> SocketAddr {
        self.plant.further[1]
    }

    fn try_connect(&self, address: SocketAddr, shown: Option<Shown>, who: Who<'_>) -> (Client, String) {
        let mut roots = RootCertStore::empty();
        roots.add(self.ours.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match shown {
            Some(Shown { chain, key }) => config.with_client_auth_cert(chain, key).unwrap(),
            None => config.with_no_client_auth(),
        };
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let session = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
        Client::over(Box::new(StreamOwned::new(session, stream)), who)
    }
}

fn site() -> Site {
    let directory = tempfile::tempdir().unwrap();
    let (ours, devices) = (authority("ours"), authority("devices"));
    let file = |name: &str| directory.path().join(name);
    let (own, key) = issue(&ours, "localhost", 1);
    std::fs::write(file("c.pem"), own.pem()).unwrap();
    std::fs::write(file("k.pem"), key.serialize_pem()).unwrap();
    std::fs::write(file("ca.pem"), devices.pem()).unwrap();
    revoke(&devices, &[66], &file("crl.pem"));
    let listener = |wanted: &str| {
        format!(
            "[[mqtt.listeners]]\nlisten = \"127.0.0.1:0\"\ntransport = \"tls\"\ncertificate = {:?}\nkey = {:?}\n\
             client_certificates = \"{wanted}\"\n",
            file("c.pem"),
            file("k.pem")
        )
    };
    let config = format!(
        "[auth]\n[[auth.role]]\nname = \"device\"\ngrants = [\"write topics:devices/{{username}}/#\"]\n\
         [auth.certificates]\nauthorities = {:?}\nrevoked = {:?}\n\
         [[auth.certificates.map]]\nfrom = \"dns\"\npattern = \"{{name}}.users.example\"\n\
         [[auth.certificates.map]]\nfrom = \"dns\"\npattern = \"{{name}}.devices.example\"\nroles = [\"device\"]\n{}{}",
        file("ca.pem"),
        file("crl.pem"),
        listener("required"),
        listener("optional")
    );
    Site { plant: Plant::start(&config, &[("anna", &["writer"], None)]), ours, devices, config, directory }
}

#[test]
fn a_certificate_says_who_its_client_is() {
    let site = site();
    let press = shown(&site.devices, "press-7.devices.example", 7);
    let (mut press, told) = site.try_connect(site.required(), Some(press), Who::nobody("p"));
    assert_eq!(told, "CONNACK");
    assert_eq!([press.publish("devices/press-7/x"), press.publish("devices/press-8/x")], ["PUBACK", "PUBACK 0x87"]);
    let (_, client) = site.plant.ask("boss", "GET", "/api/v1/clients/p", "");
    assert_eq!(client["principal"], "certificate:press-7");
    let anna = shown(&site.devices, "anna.users.example", 8);
    let (mut anna, told) = site.try_connect(site.optional(), Some(anna), Who::nobody("a"));
    assert_eq!([told, anna.publish("anywhere")], ["CONNACK", "PUBACK"]);
}

#[test]
fn ma18_a_username_beside_a_certificate_is_its_principals() {
    let site = site();
    let connect = |name: &str, username| {
        let press = shown(&site.devices, name, 7);
        let who = Who { username: Some(username), password: Some("whatever"), ..Who::nobody("p") };
        site.try_connect(site.required(), Some(press), who).1
    };
    assert_eq!(connect("press-7.devices.example", "anna"), "CONNACK 0x87");
    assert_eq!(connect("press-7.devices.example", "press-7"), "CONNACK");
    assert_eq!(connect("press-7.nobody.example", "press-7"), "CONNACK 0x87", "no rule takes it");
    assert_eq!(connect("boss2.users.example", "boss2"), "CONNACK 0x87", "no such user");
}

#[test]
fn who_has_to_show_one_and_shows_none_or_a_strange_one_gets_no_further() {
    let site = site();
    let stranger = authority("devices");
    let key = Who::user("a", "anna", &site.plant);
    assert_eq!(site.try_connect(site.required(), None, key).1, "close");
    let forged = shown(&stranger, "anna.users.example", 9);
    assert_eq!(site.try_connect(site.required(), Some(forged), Who::nobody("a")).1, "close", "same name, another key");
    let forged = shown(&stranger, "anna.users.example", 9);
    assert_eq!(site.try_connect(site.optional(), Some(forged), key).1, "close", "shown is shown");
    let revoked = shown(&site.devices, "anna.users.example", 66);
    assert_eq!(site.try_connect(site.required(), Some(revoked), Who::nobody("a")).1, "close");
    assert_eq!(site.try_connect(site.optional(), None, key).1, "CONNACK");
    assert_eq!(site.try_connect(site.optional(), None, Who::nobody("a")).1, "CONNACK 0x87");
}

#[test]
fn a_certificate_that_is_revoked_ends_its_connections() {
    let site = site();
    let connect = |serial| {
        site.try_connect(site.required(), Some(shown(&site.devices, "anna.users.example", serial)), Who::nobody("a"))
    };
    let (mut anna, told) = connect(67);
    assert_eq!(told, "CONNACK");
    // Nobody says that the list is another; the watch finds it.
    revoke(&site.devices, &[66, 67], &site.file("crl.pem"));
    assert_eq!([anna.told(), anna.told()], ["DISCONNECT 0x87", "close"]);
    assert_eq!(connect(67).1, "close");
    assert_eq!(connect(68).1, "CONNACK");
}

#[test]
fn whom_a_certificate_names_is_shut_out_by_that_name() {
    let site = site();
    let connect = |name: &str| site.try_connect(site.required(), Some(shown(&site.devices, name, 7)), Who::nobody("p"));
    let (mut press, told) = connect("press-7.devices.example");
    assert_eq!(told, "CONNACK");
    let disabled = "/api/v1/disabled/certificate:press-7";
    assert_eq!(site.plant.ask("boss", "PUT", disabled, "").0, 204);
    assert_eq!([press.told(), press.told()], ["DISCONNECT 0x87", "close"]);
    assert_eq!(connect("press-7.devices.example").1, "CONNACK 0x87", "whatever certificate says that name");
    assert_eq!(site.plant.ask("boss", "DELETE", disabled, "").0, 204);
    assert_eq!(connect("press-7.devices.example").1, "CONNACK");
}

#[test]
fn who_is_of_an_authority_that_is_not_trusted_any_more_is_cut_off() {
    let site = site();
    let connect = |client_id| {
        site.try_connect(site.required(), Some(shown(&site.devices, "anna.users.example", 7)), Who::nobody(client_id))
    };
    let (mut anna, told) = connect("a");
    assert_eq!(told, "CONNACK");
    // Nobody says that the authorities are others; the watch finds it. A list of theirs would be nobody's.
    let (before, heirs) = (std::fs::read(site.file("ca.pem")).unwrap(), authority("heirs"));
    revoke(&heirs, &[66], &site.file("crl.pem"));
    std::fs::write(site.file("ca.pem"), heirs.pem()).unwrap();
    assert_eq!([anna.told(), anna.told()], ["DISCONNECT 0x87", "close"]);
    assert_eq!(connect("a").1, "close");
    revoke(&site.devices, &[66], &site.file("crl.pem"));
    std::fs::write(site.file("ca.pem"), &before).unwrap();
    site.plant.reload_as_it_is();
    let (mut anna, told) = connect("a");
    assert_eq!(told, "CONNACK");
    std::fs::write(site.file("heirs.pem"), heirs.pem()).unwrap();
    let config =
        site.config.replace("ca.pem", "heirs.pem").replace(&format!("revoked = {:?}\n", site.file("crl.pem")), "");
    site.plant.reload(&config);
    assert_eq!([anna.told(), anna.told()], ["DISCONNECT 0x87", "close"]);
}

#[test]
fn a_certificate_that_no_rule_takes_any_more_ends_its_connections() {
    let site = site();
    let connect = |name: &str| site.try_connect(site.required(), Some(shown(&site.devices, name, 7)), Who::nobody("p"));
    let (mut press, told) = connect("press-7.devices.example");
    assert_eq!(told, "CONNACK");
    site.plant.reload(&site.config.replace("{name}.devices.example", "{name}.machines.example"));
    assert_eq!([press.told(), press.told()], ["DISCONNECT 0x87", "close"]);
    assert_eq!(connect("press-7.devices.example").1, "CONNACK 0x87");
    assert_eq!(connect("press-7.machines.example").1, "CONNACK");
}

#[test]
fn whose_certificate_is_refused_is_on_record_by_its_name() {
    let site = site();
    let revoked = shown(&site.devices, "anna.users.example", 66);
    assert_eq!(site.try_connect(site.required(), Some(revoked), Who::nobody("a")).1, "close");
    let nobodys = shown(&site.devices, "pump.cellar.example", 67);
    assert_eq!(site.try_connect(site.required(), Some(nobodys), Who::nobody("a")).1, "CONNACK 0x87");
    for (who, why) in [("certificate anna.users.example", "revoked"), ("certificate pump.cellar.example", "rule")] {
        site.plant.until(why, |plant| {
            let (_, page) = plant.ask("boss", "GET", "/api/v1/audit?verb=log+in&result=refused", "");
            let mut entries = page["entries"].as_array().unwrap().iter();
            entries.any(|entry| entry["principal"] == who && entry["result"].as_str().unwrap().contains(why))
        });
    }
}

#[test]
fn a_replaced_certificate_counts_and_a_broken_one_does_not() {
    let site = site();
    let anna = || shown(&site.devices, "anna.users.example", 8);
    let connect = || site.try_connect(site.required(), Some(anna()), Who::nobody("a")).1;
    assert_eq!(connect(), "CONNACK");
    let served = || serial_of(&site);
    assert_eq!(served(), 1);
    std::fs::write(site.file("c.pem"), "no certificate").unwrap();
    site.plant.reload_as_it_is();
    assert_eq!((served(), connect().as_str()), (1, "CONNACK"));
    let (own, key) = issue(&site.ours, "localhost", 2);
    std::fs::write(site.file("k.pem"), key.serialize_pem()).unwrap();
    std::fs::write(site.file("c.pem"), own.pem()).unwrap();
    site.plant.until("the new one is served", |_| served() == 2);
    assert_eq!(connect(), "CONNACK");
}

/// The serial number of the certificate that the first listener shows.
fn serial_of(site: &Site) -> u8 {
    let mut roots = RootCertStore::empty();
    roots.add(site.ours.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut stream = TcpStream::connect(site.optional()).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
    while session.is_handshaking() {
        session.complete_io(&mut stream).unwrap();
    }
    let own = &session.peer_certificates().unwrap()[0];
    let certificate = factree_auth::credential::Certificate::of(own).unwrap();
    *certificate.serial.last().unwrap()
}
