//! Stories of a configuration that is read again: who was let in by the old one, and stays or does not.

use factree_auth::Login;

use super::*;

/// Reads another configuration while somebody is there; what becomes of his login: his roles, or why he is cut off.
fn after_reload(plant: &Plant, login: &Login, file: &str) -> Result<String, Refusal> {
    plant.authority.configure(&config(file).auth.unwrap());
    assert!(login.is_stale(), "every login is looked at again");
    let mut login = login.clone();
    plant.authority.renew(&mut login)?;
    assert!(!login.is_stale());
    let access = plant.authority.access_of(&login, None)?;
    Ok(access.roles().iter().map(|role| role.name().as_str()).collect::<Vec<_>>().join(" "))
}

#[tokio::test]
async fn a_reload_changes_what_roles_grant_and_ends_what_is_not_granted_any_more() {
    let role = |grant: &str| {
        format!("[auth]\nanonymous = [\"fitter\"]\n[[auth.role]]\nname = \"fitter\"\ngrants = [{grant:?}]")
    };
    let plant = Plant::new(&role("read tree:Acme/#"));
    let mut login = plant.authority.log_in_at_once(&Proof::Nothing, HERE).unwrap().unwrap();
    let may = |login: &Login, path: &str| plant.authority.access_of(login, None).unwrap().may_touch(Verb::Read, path);
    assert!(may(&login, "Acme/Dallas"));
    plant.authority.configure(&config(&role("read tree:Globex/#")).auth.unwrap());
    assert!(login.is_stale());
    plant.authority.renew(&mut login).unwrap();
    assert!(!may(&login, "Acme/Dallas") && may(&login, "Globex/Berlin") && !login.is_stale());
    plant.authority.configure(&config("[auth]").auth.unwrap());
    assert_eq!(plant.authority.renew(&mut login), Err(Refusal::Changed));
}

#[test]
fn who_shows_nothing_stays_only_where_nothing_has_to_be_shown() {
    let anywhere = |role: &str| format!("[auth]\nanonymous = [{role:?}]\nanonymous_addresses = \"any\"");
    let plant = Plant::new(&anywhere("reader"));
    let from = |address| plant.authority.log_in_at_once(&Proof::Nothing, address).unwrap().unwrap();
    let (near, far) = (from(HERE), from(ELSEWHERE));
    assert_eq!(after_reload(&plant, &far, &anywhere("writer")).unwrap(), "writer");
    let narrower = "[auth]\nanonymous = [\"reader\"]";
    assert_eq!(after_reload(&plant, &far, narrower), Err(Refusal::Changed));
    assert_eq!(after_reload(&plant, &near, narrower).unwrap(), "reader");
    assert_eq!(after_reload(&plant, &near, "[auth]"), Err(Refusal::Changed));
}

#[tokio::test]
async fn a_certificate_stays_whose_it_is_by_the_rules_of_now() {
    let directory = tempfile::tempdir().unwrap();
    let (issuer, file) = (issuer("plant"), directory.path().join("ca.pem"));
    std::fs::write(&file, issuer.pem()).unwrap();
    let mapping = |pattern: &str, roles: &str| {
        format!(
            "[auth.certificates]\nauthorities = {file:?}\n[[auth.certificates.map]]\nfrom = \"dns\"\n\
             pattern = {pattern:?}\n{roles}"
        )
    };
    let writers = mapping("{name}.edge.example", "roles = [\"writer\"]");
    let plant = Plant::new(&writers);
    plant.add("plc7", "correct horse", &["operator"]).await;
    let certificate = certificate_of(&issuer, &["plc7.edge.example"]);
    let log_in = || {
        let proof = Proof::Certificate { certificate: &certificate, username: None };
        plant.authority.log_in_at_once(&proof, HERE).unwrap().unwrap()
    };
    let own = log_in();
    assert_eq!(after_reload(&plant, &own, &mapping("{name}.edge.example", "roles = [\"reader\"]")).unwrap(), "reader");
    let users = mapping("{name}.edge.example", "");
    assert_eq!(after_reload(&plant, &own, &users), Err(Refusal::Changed), "plc7 is somebody else now");
    let user = log_in();
    assert_eq!(after_reload(&plant, &user, &users).unwrap(), "operator");
    assert_eq!(after_reload(&plant, &user, &mapping("{name}.office.example", "")), Err(Refusal::Changed));
    assert_eq!(after_reload(&plant, &user, "[auth]"), Err(Refusal::Changed), "no certificate is anybody's any more");
}

#[test]
fn a_certificate_is_good_as_long_as_somebody_who_is_trusted_vouches_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let (plant_ca, office_ca, file) = (issuer("plant"), issuer("office"), directory.path().join("ca.pem"));
    let terms = format!(
        "[auth.certificates]\nauthorities = {file:?}\n[[auth.certificates.map]]\nfrom = \"dns\"\n\
         pattern = \"{{name}}.edge.example\"\nroles = [\"reader\"]"
    );
    let trusting = |authorities: &[&Issuer]| {
        std::fs::write(&file, authorities.iter().map(|issuer| issuer.pem()).collect::<String>()).unwrap();
    };
    trusting(&[&plant_ca, &office_ca]);
    let plant = Plant::new(&terms);
    let below = {
        let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "line");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        rcgen::CertifiedIssuer::signed_by(params, rcgen::KeyPair::generate().unwrap(), &office_ca).unwrap()
    };
    let in_between = Certificate::clone(&certificate_of(&below, &["press.edge.example"]));
    let in_between = Arc::new(in_between.with_chain([&**below.der()]).unwrap());
    let log_in = |certificate: &Arc<Certificate>| {
        let proof = Proof::Certificate { certificate, username: None };
        plant.authority.log_in_at_once(&proof, HERE).unwrap()
    };
    let (own, office) =
        (certificate_of(&plant_ca, &["plc7.edge.example"]), certificate_of(&office_ca, &["pc.edge.example"]));
    let logins = [&own, &office, &in_between].map(|certificate| log_in(certificate).unwrap());
    let after = |logins: &[Login; 3]| logins.each_ref().map(|login| after_reload(&plant, login, &terms).err());
    assert_eq!(after(&logins), [None, None, None]);
    trusting(&[&plant_ca]);
    assert_eq!(after(&logins), [None, Some(Refusal::Untrusted), Some(Refusal::Untrusted)]);
    let named_alike = issuer("plant");
    trusting(&[&named_alike, &office_ca]);
    assert_eq!(after(&logins), [Some(Refusal::Untrusted), None, None]);
    assert_eq!(log_in(&own).unwrap_err().why, Why::Refused(Refusal::Untrusted), "its handshake was before");
}

#[test]
fn a_token_is_judged_again_by_the_terms_and_the_keys_of_now() {
    let (provider, directory) = (Provider::new(), tempfile::tempdir().unwrap());
    let file = directory.path().join("keys.json");
    std::fs::write(&file, provider.keys()).unwrap();
    let terms = tokens_by(file.to_str().unwrap());
    let plant = Plant::new(&terms);
    let log_in = || plant.authority.log_in_at_once(&Proof::Bearer(&provider.token_of("carla")), HERE).unwrap().unwrap();
    let login = log_in();
    assert_eq!(after_reload(&plant, &login, &terms).unwrap(), "reader");
    assert_eq!(
        after_reload(&plant, &login, &terms.replace("role = \"reader\"", "role = \"writer\"")).unwrap(),
        "writer"
    );
    assert_eq!(after_reload(&plant, &login, &terms.replace("plant-reader", "plant-admin")).unwrap(), "");
    for other in [terms.replace("id.example", "id.other.example"), terms.replace("\"factree\"", "\"another\"")] {
        assert_eq!(after_reload(&plant, &login, &other), Err(Refusal::Changed), "{other}");
    }
    assert_eq!(after_reload(&plant, &login, "[auth]"), Err(Refusal::Changed), "no token is taken any more");
    assert_eq!(after_reload(&plant, &login, &terms).unwrap(), "reader", "its bearer may come again");
    std::fs::write(&file, Provider::new().keys()).unwrap();
    assert_eq!(after_reload(&plant, &login, &terms), Err(Refusal::Changed), "the key that signed it is gone");
}

/// Who is away comes back with another token; what waits for him meanwhile is judged by what his would give.
#[test]
fn what_has_outlived_a_token_is_judged_by_the_terms_of_now_too() {
    let (provider, directory) = (Provider::new(), tempfile::tempdir().unwrap());
    let file = directory.path().join("keys.json");
    std::fs::write(&file, provider.keys()).unwrap();
    let terms = tokens_by(file.to_str().unwrap());
    let plant = Plant::new(&terms);
    let mut login = plant.authority.log_in_at_once(&Proof::Bearer(&provider.token_of("carla")), HERE).unwrap().unwrap();
    super::super::STEP.set(i64::MAX / 2);
    let outlives = |login: &mut Login, file: &str| -> Result<String, Refusal> {
        plant.authority.configure(&config(file).auth.unwrap());
        assert_eq!(plant.authority.renew(login), Err(Refusal::Expired));
        plant.authority.outlive(login)?;
        let access = plant.authority.access_of(login, None)?;
        Ok(access.roles().iter().map(|role| role.name().as_str()).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(outlives(&mut login, &terms), Ok("reader".into()));
    assert_eq!(outlives(&mut login, &terms.replace("role = \"reader\"", "role = \"writer\"")), Ok("writer".into()));
    plant.authority.configure(&config("[auth]").auth.unwrap());
    assert_eq!(plant.authority.renew(&mut login), Err(Refusal::Changed), "no token is taken any more");
    assert_eq!(plant.authority.outlive(&mut login), Err(Refusal::Changed));
}

#[test]
fn a_provider_that_takes_a_key_back_ends_what_was_let_in_by_it() {
    let (before, after) = (Provider::new(), Provider::new());
    let plant = Plant::new(&tokens_by("https://id.example/keys"));
    let provider = plant.authority.terms().provider().unwrap();
    let tells = |keys: &str| plant.authority.told(&provider, Jwks::parse(keys.as_bytes()).unwrap());
    tells(&before.keys());
    let mut login = plant.authority.log_in_at_once(&Proof::Bearer(&before.token_of("carla")), HERE).unwrap().unwrap();
    let mut changed = plant.authority.changed();
    tells(&before.keys());
    assert!(!login.is_stale() && !changed.has_changed().unwrap(), "each hour the same");
    tells(&after.keys());
    assert!(login.is_stale() && changed.has_changed().unwrap(), "whoever holds the login is told");
    changed.mark_unchanged();
    assert_eq!(plant.authority.renew(&mut login), Err(Refusal::Changed));
}
