//! Stories of a revocation list that is replaced while the server runs, in all the ways in which files are.
//!
//! Time passes as fast as nobody has anything to do.

use std::path::Path;

use factree_auth::Login;
use factree_auth::credential::Certificate;
use factree_auth::directory::Refusal;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, IsCa, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams,
};

use super::*;
use crate::authority::Proof;
use crate::config::{Config, Overrides};

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn issuer() -> Issuer {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::CrlSign, KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn revoke(by: &Issuer, serials: &[u64], file: &Path) {
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

/// Who is let in by a certificate of that serial, looked at again as his connection does.
fn log_in(authority: &Authority, by: &Issuer, serial: u64) -> Login {
    let mut params = CertificateParams::new(vec!["press.edge.example".to_owned()]).unwrap();
    params.serial_number = Some(serial.into());
    let certificate = params.signed_by(&KeyPair::generate().unwrap(), by).unwrap();
    let certificate = Arc::new(Certificate::of(certificate.der()).unwrap());
    let proof = Proof::Certificate { certificate: &certificate, username: None };
    authority.log_in_at_once(&proof, [127, 0, 0, 1].into()).unwrap().unwrap()
}

/// Lets the watch look a few times.
async fn looks() {
    tokio::time::sleep(3 * LOOK_EACH).await;
}

#[tokio::test(start_paused = true)]
async fn a_list_that_was_away_or_broken_counts_when_it_is_back() {
    let directory = tempfile::tempdir().unwrap();
    let (ca, list) = (directory.path().join("ca.pem"), directory.path().join("crl.pem"));
    let issuer = issuer();
    std::fs::write(&ca, issuer.pem()).unwrap();
    revoke(&issuer, &[1], &list);
    let config = format!(
        "[auth.certificates]\nauthorities = {ca:?}\nrevoked = {list:?}\n[[auth.certificates.map]]\nfrom = \"dns\"\n\
         pattern = \"{{name}}.edge.example\"\nroles = [\"reader\"]"
    );
    let Config { auth, limits, .. } = Config::parse(&config, Overrides::default()).unwrap();
    let authority = Arc::new(Authority::start(&auth.unwrap(), &limits.auth, directory.path()).unwrap());
    let mut first = log_in(&authority, &issuer, 2);
    let mut second = log_in(&authority, &issuer, 3);
    // Between the reading of the configuration and the first look.
    revoke(&issuer, &[1, 2], &list);
    let watching = tokio::spawn(watch(Vec::new, Arc::clone(&authority)));
    looks().await;
    assert_eq!(authority.renew(&mut first), Err(Refusal::Revoked));
    assert_eq!(authority.renew(&mut second), Ok(()));

    std::fs::remove_file(&list).unwrap();
    looks().await;
    assert_eq!(authority.renew(&mut second), Ok(()));
    assert_eq!(authority.renew(&mut first), Err(Refusal::Revoked), "what was in force stays");
    revoke(&issuer, &[1, 2, 3], &list);
    looks().await;
    assert_eq!(authority.renew(&mut second), Err(Refusal::Revoked));

    std::fs::write(&list, "half a list").unwrap();
    looks().await;
    let mut third = log_in(&authority, &issuer, 4);
    assert_eq!(authority.renew(&mut second), Err(Refusal::Revoked), "what was in force stays");
    revoke(&issuer, &[4], &list);
    looks().await;
    assert_eq!(authority.renew(&mut third), Err(Refusal::Revoked));
    assert_eq!(authority.renew(&mut second), Ok(()), "it is not on the list any more");
    watching.abort();
}
