//! Stories of the directory: who gets in, what he may do then, and when that ends.

use std::sync::Arc;
use std::time::Duration;

use factree_auth::credential::*;
use factree_auth::directory::*;
use factree_auth::*;
use factree_mqtt::TopicName;

use crate::tokens::{Provider, claims};

mod strangers;

const MORNING: Timestamp = Timestamp(1_795_327_200_000);

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn user(text: &str) -> Principal {
    Principal::User(name(text))
}

fn names(texts: &[&str]) -> Vec<Name> {
    texts.iter().map(|text| name(text)).collect()
}

/// The directory beside its store, which is what a restart would find.
struct World {
    directory: Directory,
    store: std::collections::BTreeMap<Vec<u8>, Vec<u8>>,
    gate: HashingGate,
    now: Timestamp,
    random: u8,
}

const CHEAP: fn() -> Cost = || Cost::new(8, 1, 1).unwrap();

fn limits() -> DirectoryLimits {
    DirectoryLimits {
        password_cost: CHEAP(),
        keys_per_user_max: 3,
        sessions_per_user_max: 2,
        ..DirectoryLimits::default()
    }
}

impl World {
    /// An admin, and anna who reads below `plants/anna`.
    fn new() -> Self {
        let directory = Directory::new(limits(), vec![]);
        let mut world =
            World { directory, store: Default::default(), gate: HashingGate::new(1), now: MORNING, random: 0 };
        let line = Role::new("line", vec![Grant::parse("read,write topics:plants/{username}/#").unwrap()], vec![]);
        world.does(Command::SetRole(line.unwrap()));
        world.adds("root", "admin of all", &["admin"]);
        world.adds("anna", "correct horse", &["line"]);
        world
    }

    fn random<const N: usize>(&mut self) -> [u8; N] {
        self.random += 1;
        [self.random; N]
    }

    fn hash(&mut self, password: &str) -> PasswordHash {
        let salt = self.random();
        let permit = self.gate.enter().unwrap();
        PasswordHash::new(&permit, &Password::chosen(password).unwrap(), CHEAP(), salt)
    }

    fn adds(&mut self, user: &str, password: &str, roles: &[&str]) {
        let password = Some(self.hash(password));
        self.does(Command::AddUser { name: name(user), password, roles: names(roles) });
    }

    fn tries(&mut self, command: Command) -> Result<(), Refused> {
        let change = self.directory.decide(self.now, command)?;
        self.makes(change);
        Ok(())
    }

    fn does(&mut self, command: Command) {
        self.tries(command).unwrap();
    }

    fn makes(&mut self, change: Change) {
        for put in change.puts() {
            match put {
                Put::Keep(key, value) => {
                    self.store.insert(key, value);
                }
                Put::Remove(key) => {
                    self.store.remove(&key);
                }
            }
        }
        self.directory.apply(change);
    }

    fn restarted(&self) -> Directory {
        let mut directory = Directory::new(limits(), vec![]);
        self.store.iter().for_each(|(key, value)| directory.restore(key, value).unwrap());
        directory
    }

    fn proves(&self, user: &str, password: &str) -> Option<ProvenUser> {
        let check = self.directory.password_check(user);
        check.run(&self.gate.enter().unwrap(), &Password::given(password.as_bytes()).unwrap())
    }

    fn logs_in(&mut self, user: &str, password: &str) -> Option<Login> {
        let proven = self.proves(user, password)?;
        self.directory.login_by_password(&proven, self.now).ok()
    }

    fn adds_key(
        &mut self,
        owner: &str,
        roles: Option<&[&str]>,
        verbs: Verbs,
        expires: Option<Timestamp>,
    ) -> (KeyId, Secret) {
        let (token, shown) = BearerToken::mint(self.random());
        let id = token.id.clone();
        let roles = roles.map(names);
        self.does(Command::AddKey(NewKey { token, owner: name(owner), label: name("script"), roles, verbs, expires }));
        (id, shown)
    }

    fn shows(&mut self, key: &Secret) -> Result<Login, Refusal> {
        self.directory.login_by_key(&BearerToken::parse(key.reveal()).expect("a key"), self.now)
    }

    fn publishes(&mut self, login: &Login, topic: &str) -> Option<bool> {
        let access = self.directory.access_of(login, Some("client7"), self.now).ok()?;
        Some(access.may_publish(TopicName::parse(topic).unwrap()).is_allowed())
    }

    /// What becomes of a login when somebody looks.
    fn looks(&mut self, login: &mut Login) -> Result<(), Refusal> {
        if login.is_stale() { self.directory.renew(login, self.now) } else { Ok(()) }
    }
}

#[test]
fn the_right_password_lets_in_and_nothing_else_does() {
    let mut world = World::new();
    let anna = world.logs_in("anna", "correct horse").unwrap();
    assert_eq!(anna.principal().to_string(), "user:anna");
    assert_eq!(world.publishes(&anna, "plants/anna/x"), Some(true));
    assert_eq!(world.publishes(&anna, "plants/berta/x"), Some(false));
    for (user, password) in
        [("anna", "correct hors"), ("anna", ""), ("Anna", "correct horse"), ("nobody", "correct horse"), ("", "")]
    {
        assert!(world.logs_in(user, password).is_none(), "{user} {password}");
    }
}

/// MA03: the hash of somebody who does not exist is made at the same cost, and its answer is never yes.
#[test]
fn who_does_not_exist_is_checked_like_who_does() {
    let mut world = World::new();
    world.does(Command::AddUser { name: name("machine"), password: None, roles: vec![] });
    world.does(Command::SetDisabled { who: user("anna"), disabled: true });
    for user in ["nobody", "machine", "anna"] {
        assert!(world.proves(user, "correct horse").is_none(), "{user}");
        assert!(world.proves(user, "").is_none(), "{user}");
    }
}

#[test]
fn a_restart_finds_everything_as_it_was() {
    let mut world = World::new();
    let (_, key) = world.adds_key("anna", None, Verb::Read.into(), None);
    let (token, _) = SessionToken::mint(world.random());
    world.does(Command::OpenSession { token: token.clone(), owner: name("anna") });
    let pins = vec![
        Pin::EdgeNode {
            group: IdPattern::parse("Acme:*").unwrap(),
            edge_node: IdPattern::parse("{client_id}").unwrap(),
        },
        Pin::Host(IdPattern::parse("scada").unwrap()),
    ];
    let edge = Role::new("edge", vec![Grant::parse("write topics:spBv1.0/#").unwrap()], pins).unwrap();
    world.does(Command::SetRole(edge.clone()));
    let mut after = world.restarted();
    assert_eq!(after.users().map(|(name, _)| name.to_string()).collect::<Vec<_>>(), ["anna", "root"]);
    assert_eq!(after.role("edge"), Some(&edge));
    assert!(after.login_by_key(&BearerToken::parse(key.reveal()).unwrap(), MORNING).is_ok());
    assert!(after.login_by_session(&token, MORNING).is_ok());
    let check = after.password_check("anna");
    assert!(check.run(&world.gate.enter().unwrap(), &Password::given(b"correct horse").unwrap()).is_some());
}

/// MA16
#[test]
fn a_record_that_is_damaged_lets_nobody_in() {
    let world = World::new();
    let user = String::from_utf8(world.store[&b"user/anna"[..]].clone()).unwrap();
    let broken = [
        ("user/anna", String::new()),
        ("user/anna", user.replace("\"v\":1", "\"v\":2")),
        ("user/anna", user.replace("argon2id", "argon2i")),
        ("user/anna", user.replace("m=8", "m=4294967295")),
        ("user/anna", user.replace("\"roles\"", "\"Roles\"")),
        ("user/", user.clone()),
        ("anna", user.clone()),
        ("key/short", user.clone()),
        ("role/x", r#"{"v":1,"grants":["read topics:#","everything"]}"#.to_owned()),
        ("role/admin", r#"{"v":1,"grants":[]}"#.to_owned()),
        ("disabled/anna", r#"{"v":1,"since":0}"#.to_owned()),
        ("disabled/user:anna", r#"{"v":1,"since":0}"#.to_owned()),
    ];
    for (key, value) in broken {
        let mut directory = Directory::new(limits(), vec![]);
        let error = directory.restore(key.as_bytes(), value.as_bytes()).expect_err(&value);
        assert_eq!(error.key, key);
        assert_eq!(directory.users().count(), 0);
    }
}

#[test]
fn whatever_changes_about_a_user_ends_his_tenure_at_once() {
    let grants = |topics: &str| vec![Grant::parse(&format!("read,write topics:{topics}")).unwrap()];
    type Deed = (&'static str, fn(&mut World) -> Command, Result<(), Refusal>);
    let deeds: [Deed; 6] = [
        ("removed", |_| Command::RemoveUser(name("anna")), Err(Refusal::Unknown)),
        ("disabled", |_| Command::SetDisabled { who: user("anna"), disabled: true }, Err(Refusal::Disabled)),
        (
            "another password",
            |world| Command::SetPassword { name: name("anna"), password: Some(world.hash("battery staple")) },
            Err(Refusal::Changed),
        ),
        (
            "the same password again",
            |world| Command::SetPassword { name: name("anna"), password: Some(world.hash("correct horse")) },
            Err(Refusal::Changed),
        ),
        ("other roles", |_| Command::SetRoles { name: name("anna"), roles: vec![] }, Ok(())),
        ("another role", |_| Command::SetRole(Role::new("line", vec![], vec![]).unwrap()), Ok(())),
    ];
    for (what, deed, expected) in deeds {
        let mut world = World::new();
        let (mut anna, mut root) =
            (world.logs_in("anna", "correct horse").unwrap(), world.logs_in("root", "admin of all").unwrap());
        assert!(!anna.is_stale());
        let command = deed(&mut world);
        world.does(command);
        assert!(anna.is_stale(), "{what}");
        assert!(!root.is_stale(), "{what} concerns nobody else");
        assert_eq!(world.looks(&mut anna), expected, "{what}");
        assert_ne!(world.publishes(&anna, "plants/anna/x"), Some(true), "{what}");
        assert_eq!(world.looks(&mut root), Ok(()));
    }
    let mut world = World::new();
    let mut anna = world.logs_in("anna", "correct horse").unwrap();
    world.does(Command::SetRole(Role::new("line", grants("everything/#"), vec![]).unwrap()));
    world.looks(&mut anna).unwrap();
    assert!(!anna.is_stale());
    assert_eq!(world.publishes(&anna, "everything/x"), Some(true), "it goes on, with other rights");
}

#[test]
fn a_user_who_was_removed_and_added_again_is_another_one() {
    let mut world = World::new();
    let mut anna = world.logs_in("anna", "correct horse").unwrap();
    world.does(Command::RemoveUser(name("anna")));
    world.adds("anna", "correct horse", &["admin"]);
    assert_eq!(world.looks(&mut anna), Err(Refusal::Changed));
}

/// The password was right when the check began, and was changed before it ended.
#[test]
fn a_check_that_was_overtaken_lets_nobody_in() {
    let mut world = World::new();
    let proven = world.proves("anna", "correct horse").unwrap();
    let password = Some(world.hash("battery staple"));
    world.does(Command::SetPassword { name: name("anna"), password });
    assert_eq!(world.directory.login_by_password(&proven, MORNING).err(), Some(Refusal::Changed));
}

#[test]
fn a_hash_at_todays_cost_replaces_an_old_one_and_nobody_is_cut_off() {
    let mut world = World::new();
    let mut anna = world.logs_in("anna", "correct horse").unwrap();
    let dearer = DirectoryLimits { password_cost: Cost::new(16, 2, 1).unwrap(), ..limits() };
    let mut directory = Directory::new(dearer, vec![]);
    world.store.iter().for_each(|(key, value)| directory.restore(key, value).unwrap());
    let permit = world.gate.enter().unwrap();
    let password = Password::given(b"correct horse").unwrap();
    let proven = directory.password_check("anna").run(&permit, &password).unwrap();
    let before = proven.outdated_hash(&directory).expect("it is outdated").clone();
    let after = PasswordHash::new(&permit, &password, directory.limits().password_cost, [9; 16]);
    let renew = Command::RenewHash { name: name("anna"), before: before.clone(), after: after.clone() };
    let change = directory.decide(MORNING, renew).unwrap();
    directory.apply(change);
    assert_eq!(directory.renew(&mut anna, MORNING), Ok(()), "the same password");
    let proven = directory.password_check("anna").run(&permit, &password).unwrap();
    assert!(proven.outdated_hash(&directory).is_none());
    let late = Command::RenewHash { name: name("anna"), before, after };
    assert!(directory.decide(MORNING, late).unwrap().is_empty(), "the hash is another one by now");
}

#[test]
fn a_key_gives_no_more_than_its_owner_has_and_its_scope_allows() {
    let mut world = World::new();
    world.does(Command::SetRoles { name: name("anna"), roles: names(&["line", "operator"]) });
    let (_, reading) = world.adds_key("anna", Some(&["line"]), Verb::Read.into(), None);
    let (_, whole) = world.adds_key("anna", None, Verbs::ALL, None);
    let (reading, mut whole) = (world.shows(&reading).unwrap(), world.shows(&whole).unwrap());
    assert_eq!(world.publishes(&reading, "plants/anna/x"), Some(false), "it only reads");
    assert_eq!(world.publishes(&whole, "spBv1.0/g/NCMD/n"), Some(true));
    assert_eq!(whole.principal(), &Principal::User(name("anna")));
    world.does(Command::SetRoles { name: name("anna"), roles: names(&["line"]) });
    world.looks(&mut whole).unwrap();
    assert_eq!(world.publishes(&whole, "spBv1.0/g/NCMD/n"), Some(false), "what she lost, her keys lost");
    let (token, _) = BearerToken::mint([99; 41]);
    let key = NewKey {
        token,
        owner: name("anna"),
        label: name("x"),
        roles: Some(names(&["admin"])),
        verbs: Verbs::ALL,
        expires: None,
    };
    assert_eq!(world.tries(Command::AddKey(key)), Err(Refused::NotHis(name("admin"))));
}

#[test]
fn what_outlives_a_login_may_what_it_would_give_today() {
    let mut world = World::new();
    let end = MORNING.after(Duration::from_secs(60));
    let (_, reading) = world.adds_key("anna", None, Verb::Read.into(), Some(end));
    let (_, whole) = world.adds_key("anna", None, Verbs::ALL, Some(end));
    let (mut reading, mut whole) = (world.shows(&reading).unwrap(), world.shows(&whole).unwrap());
    world.now = end;
    world.makes(world.directory.sweep(end));
    for login in [&mut reading, &mut whole] {
        assert_eq!(world.looks(login), Err(Refusal::Expired));
        assert_eq!(world.directory.outlive(login, end), Ok(()));
        assert!(!login.is_stale());
    }
    assert_eq!(world.publishes(&reading, "plants/anna/x"), Some(false), "it could only read");
    assert_eq!(world.publishes(&whole, "plants/anna/x"), Some(true));
    world.does(Command::SetRoles { name: name("anna"), roles: names(&["reader"]) });
    assert_eq!(world.looks(&mut whole), Ok(()));
    assert_eq!(world.publishes(&whole, "plants/anna/x"), Some(false));
    world.does(Command::RemoveUser(name("anna")));
    assert_eq!(world.looks(&mut whole), Err(Refusal::Unknown));
}

#[test]
fn a_user_who_is_not_here_may_what_his_roles_give_as_long_as_he_may_log_in() {
    let mut world = World::new();
    let mut anna = world.directory.login_in_absence(&name("anna"), MORNING).unwrap();
    assert_eq!(world.publishes(&anna, "plants/anna/x"), Some(true));
    assert_eq!(world.directory.login_in_absence(&name("nobody"), MORNING).err(), Some(Refusal::Unknown));
    world.does(Command::SetPassword { name: name("anna"), password: None });
    assert_eq!(world.looks(&mut anna), Ok(()), "it was not by that");
    world.does(Command::SetDisabled { who: user("anna"), disabled: true });
    assert_eq!(world.looks(&mut anna), Err(Refusal::Disabled));
}

#[test]
fn a_key_is_good_until_it_expires_or_is_removed() {
    let mut world = World::new();
    let (_, brief) = world.adds_key("anna", None, Verbs::ALL, Some(MORNING.after(Duration::from_secs(60))));
    let (id, removed) = world.adds_key("anna", None, Verbs::ALL, None);
    let (first, mut second) = (world.shows(&brief).unwrap(), world.shows(&removed).unwrap());
    assert_eq!(first.until(), Some(MORNING.after(Duration::from_secs(60))));
    world.now = MORNING.after(Duration::from_secs(60));
    assert_eq!(world.shows(&brief).err(), Some(Refusal::Expired));
    assert_eq!(world.publishes(&first, "plants/anna/x"), None);
    world.does(Command::RemoveKey(id.clone()));
    assert_eq!(world.looks(&mut second), Err(Refusal::Changed));
    assert_eq!(world.shows(&removed).err(), Some(Refusal::Unknown));
    assert_eq!(world.tries(Command::RemoveKey(id)), Err(Refused::NoKey));
    let swept = world.directory.sweep(world.now);
    world.makes(swept);
    assert_eq!(world.directory.keys().count(), 0);
}

#[test]
fn a_key_with_another_secret_is_unknown() {
    let mut world = World::new();
    let (_, key) = world.adds_key("anna", None, Verbs::ALL, None);
    let (id, _) = key.reveal().split_once('.').unwrap();
    let other = BearerToken::mint([200; 41]).1;
    let forged = format!("{id}.{}", other.reveal().split_once('.').unwrap().1);
    assert_eq!(world.shows(&Secret::new(forged)).err(), Some(Refusal::Unknown));
}

#[test]
fn when_a_key_was_last_used_is_noted_now_and_then() {
    let mut world = World::new();
    let (id, _) = world.adds_key("anna", None, Verbs::ALL, None);
    let first = world.directory.note_key_used(&id, MORNING).unwrap();
    world.makes(first);
    assert!(world.directory.note_key_used(&id, MORNING.after(Duration::from_secs(59))).is_none());
    let later = MORNING.after(Duration::from_secs(60));
    let second = world.directory.note_key_used(&id, later).unwrap();
    world.makes(second);
    assert_eq!(world.restarted().key(&id).unwrap().used, Some(later));
}

#[test]
fn a_browser_session_ends_when_it_is_idle_and_at_the_latest_after_twelve_hours() {
    let mut world = World::new();
    let (token, cookie) = SessionToken::mint(world.random());
    world.does(Command::OpenSession { token, owner: name("anna") });
    let token = SessionToken::parse(cookie.reveal()).unwrap();
    let minutes = |minutes: u64| MORNING.after(Duration::from_secs(60 * minutes));
    let login = world.directory.login_by_session(&token, minutes(29)).unwrap();
    assert_eq!(login.until(), Some(minutes(720)));
    assert_eq!(world.directory.login_by_session(&token, minutes(30)).err(), Some(Refusal::Expired));
    for used in (20..=700).step_by(20) {
        let change = world.directory.note_session_used(token.id(), minutes(used)).unwrap();
        world.makes(change);
        assert!(world.directory.login_by_session(&token, minutes(used)).is_ok());
    }
    let change = world.directory.note_session_used(token.id(), minutes(719)).unwrap();
    world.makes(change);
    assert_eq!(world.directory.login_by_session(&token, minutes(720)).err(), Some(Refusal::Expired));
    let swept = world.directory.sweep(minutes(720));
    world.makes(swept);
    assert_eq!(world.directory.sessions().count(), 0);
}

#[test]
fn logging_out_and_a_new_password_end_sessions() {
    let mut world = World::new();
    let open = |world: &mut World| {
        let (token, _) = SessionToken::mint(world.random());
        world.does(Command::OpenSession { token: token.clone(), owner: name("anna") });
        world.now = world.now.after(Duration::from_secs(1));
        (token.id(), world.directory.login_by_session(&token, MORNING).unwrap())
    };
    let (id, mut login) = open(&mut world);
    world.does(Command::EndSession(id));
    assert_eq!(world.looks(&mut login), Err(Refusal::Changed));
    let (_, mut login) = open(&mut world);
    let password = Some(world.hash("battery staple"));
    world.does(Command::SetPassword { name: name("anna"), password });
    assert_eq!(world.looks(&mut login), Err(Refusal::Changed));
    let (mut first, mut second, mut third) = (open(&mut world).1, open(&mut world).1, open(&mut world).1);
    assert_eq!(world.looks(&mut first), Err(Refusal::Changed), "a third session ends the oldest");
    assert_eq!((world.looks(&mut second), world.looks(&mut third)), (Ok(()), Ok(())));
    world.does(Command::EndSessionsOf(name("anna")));
    assert_eq!(world.looks(&mut third), Err(Refusal::Changed));
}

/// A certificate of the authority `ca` that ends in the evening.
fn shown(serial: &[u8]) -> Arc<Certificate> {
    let until = MORNING.after(Duration::from_secs(12 * 3600));
    let names = CertificateNames::default();
    let (issuer, serial) = ((*b"ca").into(), serial.into());
    Arc::new(Certificate { names, issuer, serial, from: MORNING, until, der: Box::default(), chain: Box::default() })
}

#[test]
fn a_certificate_is_its_user_until_it_is_revoked() {
    let mut world = World::new();
    let mut anna = world.directory.login_by_certificate(Mapped::User(name("anna")), &shown(&[0, 7]), MORNING).unwrap();
    assert_eq!(world.publishes(&anna, "plants/anna/x"), Some(true));
    let own = Mapped::Own { name: name("anna"), roles: names(&["reader"]) };
    let stranger = world.directory.login_by_certificate(own, &shown(&[8]), MORNING).unwrap();
    assert_ne!(stranger.principal(), anna.principal(), "a certificate that says anna is not the user anna");
    assert_eq!(
        world.directory.login_by_certificate(Mapped::User(name("nobody")), &shown(&[9]), MORNING).err(),
        Some(Refusal::Unknown)
    );
    world.directory.revoke_certificates(Revocations::new([(&b"ca"[..], &[7][..])]));
    assert!(stranger.is_stale() && anna.is_stale());
    assert_eq!(world.looks(&mut anna), Err(Refusal::Revoked));
    let mut stranger = stranger;
    assert_eq!(world.looks(&mut stranger), Ok(()));
    let evening = stranger.until().unwrap();
    assert!(!stranger.is_due(MORNING) && stranger.is_due(evening), "nothing has changed, but its time is up");
}

#[test]
fn a_token_is_good_until_it_expires_and_gives_the_roles_it_was_mapped_to() {
    let mut world = World::new();
    let until = MORNING.after(Duration::from_secs(60));
    let subject = TokenSubject { name: name("carla"), roles: names(&["writer", "no such role"]), until };
    let provider = Provider::new();
    let claims = Arc::new(provider.jwks().open(&provider.issues(&claims())).unwrap());
    let mut login = world.directory.login_by_token(subject, &claims, MORNING).unwrap();
    assert_eq!(login.principal().to_string(), "token:carla");
    assert_eq!(world.publishes(&login, "a"), Some(true));
    world.now = until;
    assert_eq!(world.publishes(&login, "a"), None);
    world.does(Command::SetRole(Role::new("other", vec![], vec![]).unwrap()));
    assert_eq!(world.looks(&mut login), Err(Refusal::Expired));
}

#[test]
fn who_has_nothing_to_prove_has_the_roles_that_were_given_for_that() {
    let mut world = World::new();
    let here = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    let mut anonymous = world.directory.login_anonymous(here, names(&["reader"]));
    assert_eq!(world.publishes(&anonymous, "a"), Some(false));
    world.directory.configure(vec![Role::new("guest", vec![], vec![]).unwrap()]);
    assert!(anonymous.is_stale());
    assert_eq!(world.looks(&mut anonymous), Ok(()));
    world.directory.doubt_strangers();
    assert!(anonymous.is_stale() && matches!(anonymous.evidence(), Some(Evidence::Nothing(from)) if from == here));
}

#[test]
fn rights_that_many_share_are_compiled_once() {
    let mut world = World::new();
    world.adds("berta", "battery staple", &["reader"]);
    world.adds("carla", "battery staple", &["reader"]);
    let mut access = |user: &str, password| {
        let login = world.logs_in(user, password).unwrap();
        world.directory.access_of(&login, Some(user), MORNING).unwrap()
    };
    let (berta, carla) = (access("berta", "battery staple"), access("carla", "battery staple"));
    assert!(std::sync::Arc::ptr_eq(&berta, &carla));
    let (anna, again) = (access("anna", "correct horse"), access("anna", "correct horse"));
    assert!(!std::sync::Arc::ptr_eq(&anna, &again), "hers are personal");
    world.does(Command::SetRole(Role::new("line", vec![Grant::parse("write topics:a").unwrap()], vec![]).unwrap()));
    let login = world.logs_in("anna", "correct horse").unwrap();
    assert_eq!(world.publishes(&login, "a"), Some(true));
    world.does(Command::SetRole(Role::new("line", vec![], vec![]).unwrap()));
    assert_eq!(world.publishes(&login, "a"), Some(false), "what was compiled before is forgotten");
}

#[test]
fn a_principal_is_read_as_it_is_written_and_no_name_makes_it_another_one() {
    for text in ["anonymous", "factree", "user:anna", "user:factree", "certificate:user:anna", "token:a/b c"] {
        assert_eq!(Principal::parse(text).unwrap().to_string(), text);
    }
    for text in ["", "anna", "user:", "User:anna", "user:a\nb", "nobody:anna"] {
        assert_eq!(Principal::parse(text), None, "{text:?}");
    }
}

#[test]
fn commands_that_make_no_sense_are_refused_and_say_why() {
    let mut world = World::new();
    let hash = Some(world.hash("some password"));
    let configured = Role::new("configured", vec![], vec![]).unwrap();
    world.directory.configure(vec![configured.clone()]);
    let refused = [
        (
            Command::AddUser { name: name("anna"), password: hash.clone(), roles: vec![] },
            "there is a user 'anna' already",
        ),
        (
            Command::AddUser { name: name("x"), password: hash, roles: names(&["nothing"]) },
            "there is no role 'nothing'",
        ),
        (Command::SetRoles { name: name("x"), roles: vec![] }, "there is no user 'x'"),
        (Command::RemoveRole(name("line")), "the role 'line' is in use: 'anna' has it"),
        (Command::RemoveRole(name("reader")), "the role 'reader' is built in or in the configuration file"),
        (Command::SetRole(configured), "the role 'configured' is built in or in the configuration file"),
        (Command::RemoveUser(name("root")), "nobody with the role 'admin' would be left"),
        (Command::SetDisabled { who: user("root"), disabled: true }, "nobody with the role 'admin' would be left"),
        (
            Command::SetRoles { name: name("root"), roles: names(&["reader"]) },
            "nobody with the role 'admin' would be left",
        ),
    ];
    let before = world.store.clone();
    for (command, why) in refused {
        assert_eq!(world.tries(command).expect_err(why).to_string(), why);
    }
    assert_eq!(world.store, before);
    for _ in 0..3 {
        world.adds_key("anna", None, Verbs::ALL, None);
    }
    let (token, _) = BearerToken::mint([99; 41]);
    let key = NewKey { token, owner: name("anna"), label: name("x"), roles: None, verbs: Verbs::ALL, expires: None };
    assert_eq!(world.tries(Command::AddKey(key)), Err(Refused::TooMany("keys of this user")));
    world.adds("second", "admin of all", &["admin"]);
    world.does(Command::RemoveUser(name("root")));
}

#[test]
fn nothing_that_is_printed_lets_anybody_in() {
    let mut world = World::new();
    let (_, key) = world.adds_key("anna", None, Verbs::ALL, None);
    let (token, cookie) = SessionToken::mint(world.random());
    world.does(Command::OpenSession { token: token.clone(), owner: name("anna") });
    let login = world.shows(&key).unwrap();
    let bearer = BearerToken::parse(key.reveal()).unwrap();
    let password = Password::chosen("correct horse").unwrap();
    let add = Command::AddUser { name: name("berta"), password: Some(world.hash("correct horse")), roles: vec![] };
    let change = world.directory.decide(MORNING, add.clone()).unwrap();
    let printed = format!(
        "{add:?} {change:?} {:?} {:?} {login:?} {bearer:?} {token:?} {key:?} {cookie:?} {password:?}",
        change.puts(),
        world.directory
    );
    let secret = key.reveal().split_once('.').unwrap().1;
    assert!(!printed.contains(secret) && !printed.contains(cookie.reveal()) && !printed.contains("correct horse"));
    assert!(!printed.contains("$argon2") && !printed.contains(token.csrf().reveal()));
    let stored: Vec<u8> = world.store.values().flatten().copied().collect();
    let stored = String::from_utf8(stored).unwrap();
    assert!(!stored.contains(secret) && !stored.contains(cookie.reveal()) && !stored.contains("correct horse"));
}
