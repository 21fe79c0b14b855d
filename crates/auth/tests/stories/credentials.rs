//! Stories of proofs: what lets somebody in, and all that looks like it and does not.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use factree_auth::Name;
use factree_auth::credential::*;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

mod passwords {
    use super::*;

    const COST: fn() -> Cost = || Cost::new(8, 1, 1).unwrap();

    fn given(text: &str) -> Password {
        Password::given(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_password_matches_its_hash_and_what_was_stored_of_it() {
        let permit = HashingGate::new(1).enter().unwrap();
        let hash = PasswordHash::new(&permit, &Password::chosen("correct horse").unwrap(), COST(), [7; 16]);
        let stored = PasswordHash::parse(&hash.to_phc()).unwrap();
        assert!(stored == hash && stored.matches(&permit, &given("correct horse")));
        for other in ["", "correct hors", "correct horse ", "Correct horse"] {
            assert!(!stored.matches(&permit, &given(other)), "{other}");
        }
        assert!(!PasswordHash::nobodys(COST()).matches(&permit, &given("")));
    }

    /// A hash that another argon2 has made: `echo -n password | argon2 somesalt -id -t 2 -k 256 -p 1`, from the
    /// reference implementation's own tests.
    #[test]
    fn a_hash_of_the_reference_implementation_is_understood() {
        let phc = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let permit = HashingGate::new(1).enter().unwrap();
        let hash = PasswordHash::parse(phc).unwrap();
        assert!(hash.matches(&permit, &given("password")) && !hash.matches(&permit, &given("Password")));
        assert!(hash.is_outdated(Cost::default()) && hash.to_phc() == phc);
    }

    #[test]
    fn a_stored_text_that_would_cost_too_much_is_no_hash() {
        let good = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        for (from, to) in [
            ("m=256", "m=4194304"),
            ("t=2", "t=1000000"),
            ("p=1", "p=255"),
            ("m=256", "m=7"),
            ("argon2id", "argon2d"),
            ("v=19", "v=16"),
            ("$c29tZXNhbHQ$", "$c29t$"),
            ("Gi/4", "Gi/4="),
            ("Gi/4", "Gi"),
            ("m=256,", ""),
            ("p=1", "p=1,x=1"),
        ] {
            assert!(PasswordHash::parse(&good.replace(from, to)).is_err(), "{to}");
        }
        assert!(Cost::new(8, 1, 2).is_err() && Cost::new(1 << 21, 1, 1).is_err() && Cost::new(64, 0, 1).is_err());
    }

    #[test]
    fn a_password_has_a_length() {
        assert_eq!(Password::chosen("1234567").err(), Some(PasswordError::TooShort));
        assert!(Password::chosen("öööööööö").is_ok());
        assert_eq!(Password::given(&[b'a'; 1025]).err(), Some(PasswordError::TooLong));
    }

    /// MA04: however many want to hash, so many may at once.
    #[test]
    fn a_gate_lets_so_many_hash_at_once() {
        let gate = HashingGate::new(2);
        let (first, second) = (gate.enter(), gate.clone().enter());
        assert!(first.is_some() && second.is_some() && gate.enter().is_none());
        drop(first);
        assert_eq!(gate.taken(), 1);
        let third = gate.enter();
        assert!(third.is_some() && gate.enter().is_none());
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let gate = HashingGate::new(3);
                std::thread::spawn(move || (0..1000).map(|_| gate.enter().map_or(0, |_| gate.taken())).max())
            })
            .collect();
        assert!(threads.into_iter().all(|thread| thread.join().unwrap() <= Some(3)));
    }
}

mod backing_off {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn there(number: u32) -> IpAddr {
        IpAddr::V4((0x0B00_0000 + number).into())
    }

    #[test]
    fn who_fails_waits_longer_each_time_and_is_forgotten_in_the_end() {
        let (mut backoff, start) = (Backoff::new(BackoffLimits::default()), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..13 {
            waits.push(backoff.wait(start, "anna", HERE).as_secs());
            backoff.failed(start, "anna", HERE);
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60]);
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(backoff.wait(after(59), "anna", HERE), Duration::from_secs(1));
        assert_eq!(backoff.wait(after(60), "anna", HERE), Duration::ZERO);
        backoff.failed(after(60), "anna", HERE);
        assert_eq!(backoff.wait(after(61), "anna", HERE), Duration::from_secs(59), "it goes on where it was");
        assert_eq!(backoff.wait(after(960), "anna", HERE), Duration::ZERO);
        backoff.failed(after(960), "anna", HERE);
        assert_eq!(backoff.wait(after(960), "anna", HERE), Duration::ZERO, "and begins anew");
    }

    #[test]
    fn one_address_cannot_try_many_users_and_one_user_cannot_be_tried_from_many_addresses() {
        let (mut backoff, now) = (Backoff::new(BackoffLimits::default()), Instant::now());
        (0..7).for_each(|number| backoff.failed(now, &format!("user{number}"), HERE));
        assert_eq!(backoff.wait(now, "somebody else", HERE), Duration::from_secs(2));
        assert_eq!(backoff.wait(now, "somebody else", there(1)), Duration::ZERO);
        (0..7).for_each(|number| backoff.failed(now, "anna", there(number)));
        assert_eq!(backoff.wait(now, "anna", there(99)), Duration::from_secs(2));
        let v6 = |text: &str| text.parse::<IpAddr>().unwrap();
        (0..7).for_each(|number| backoff.failed(now, &format!("x{number}"), v6(&format!("2001:db8::{number}"))));
        assert_eq!(backoff.wait(now, "y", v6("2001:db8::ffff")), Duration::from_secs(2), "one network, one address");
        assert_eq!(backoff.wait(now, "y", v6("2001:db8:0:1::1")), Duration::ZERO);
        assert_eq!(backoff.wait(now, "somebody else", v6("::ffff:10.0.0.1")), Duration::from_secs(2));
    }

    #[test]
    fn failing_on_purpose_locks_nobody_out_where_he_is_known() {
        let (mut backoff, now) = (Backoff::new(BackoffLimits::default()), Instant::now());
        backoff.succeeded(now, "press7", HERE);
        (0..100).for_each(|number| backoff.failed(now, "press7", there(number)));
        assert_eq!(backoff.wait(now, "press7", HERE), Duration::ZERO);
        assert_eq!(backoff.wait(now, "press7", there(500)), Duration::from_secs(60));
        (0..7).for_each(|_| backoff.failed(now, "press7", HERE));
        assert_eq!(backoff.wait(now, "press7", HERE), Duration::from_secs(2), "its own failures count");
        backoff.forget("press7");
        assert_eq!(backoff.wait(now, "press7", there(500)), Duration::ZERO);
        (0..7).for_each(|number| backoff.failed(now, "press7", there(number + 1000)));
        assert!(backoff.wait(now, "press7", there(2000)) > Duration::ZERO, "known nowhere any more");
    }

    /// Behind one address, a proxy's or a router's, is a whole plant.
    #[test]
    fn one_device_with_an_old_password_holds_up_nobody_who_is_known_behind_its_address() {
        let (mut backoff, start) = (Backoff::new(BackoffLimits::default()), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        backoff.succeeded(start, "anna", HERE);
        for second in 0..200 {
            if backoff.wait(after(second), "plc", HERE).is_zero() {
                backoff.failed(after(second), "plc", HERE);
            }
            assert_eq!(backoff.wait(after(second), "anna", HERE), Duration::ZERO);
        }
        assert!(backoff.wait(after(200), "bert", HERE) > Duration::ZERO, "who was never here waits");
    }

    /// What a guesser gains who has the address of those whose passwords he guesses.
    #[test]
    fn a_guesser_behind_a_known_address_has_no_more_tries_than_many_addresses_have() {
        let (mut backoff, start) = (Backoff::new(BackoffLimits::default()), Instant::now());
        let users = ["anna", "bert", "carl"];
        users.iter().for_each(|user| backoff.succeeded(start, user, HERE));
        let mut tries = [0; 3];
        for second in 0..3600 {
            let now = start + Duration::from_secs(second);
            for (user, tries) in users.iter().zip(&mut tries) {
                while backoff.wait(now, user, HERE).is_zero() {
                    backoff.failed(now, user, HERE);
                    *tries += 1;
                }
            }
            // The device whose password it is comes and goes all the time.
            backoff.succeeded(now, "anna", HERE);
        }
        assert_eq!(tries, [70; 3], "twelve in the first two minutes, then one each minute");
        let (mut backoff, mut tries) = (Backoff::new(BackoffLimits::default()), 0);
        for second in 0..3600 {
            let now = start + Duration::from_secs(second);
            while backoff.wait(now, "anna", there(tries)).is_zero() {
                backoff.failed(now, "anna", there(tries));
                tries += 1;
            }
            backoff.succeeded(now, "anna", HERE);
        }
        assert_eq!(tries, 70, "from an address for each try");
    }

    #[test]
    fn who_comes_again_pushes_nobody_out_of_memory() {
        let limits = BackoffLimits { remembered_max: 2, ..BackoffLimits::default() };
        let (mut backoff, now) = (Backoff::new(limits), Instant::now());
        backoff.succeeded(now, "anna", HERE);
        (0..9).for_each(|_| backoff.succeeded(now + Duration::from_secs(1), "bert", HERE));
        (0..7).for_each(|number| backoff.failed(now, "anna", there(number)));
        assert_eq!(backoff.wait(now, "anna", HERE), Duration::ZERO);
    }

    #[test]
    fn memory_is_bounded_and_who_waits_is_remembered_before_who_does_not() {
        let limits = BackoffLimits { remembered_max: 50, ..BackoffLimits::default() };
        let (mut backoff, now) = (Backoff::new(limits), Instant::now());
        (0..10).for_each(|_| backoff.failed(now, "anna", HERE));
        for number in 0..1000 {
            let later = now + Duration::from_millis(u64::from(number));
            backoff.failed(later, &format!("user{number}"), there(number));
            backoff.succeeded(later, &format!("good{number}"), there(number));
            assert!(backoff.len() <= 150);
        }
        let (long, longer) = ("x".repeat(60_000), "y".repeat(60_000));
        (0..7).for_each(|number| backoff.failed(now, &long, there(5000 + number)));
        assert!(backoff.wait(now, &longer, there(9000)) > Duration::ZERO, "names that nobody can have are one");
        assert!(backoff.wait(now + Duration::from_secs(1), "anna", HERE) > Duration::from_secs(10));
    }
}

#[test]
fn a_key_is_read_as_it_was_shown_and_in_no_other_way() {
    let (token, shown) = BearerToken::mint(std::array::from_fn(|byte| byte as u8 * 3));
    let text = shown.reveal();
    assert_eq!(text.len(), 4 + 12 + 1 + 43);
    assert_eq!(BearerToken::parse(text).unwrap().id, token.id);
    assert!(BearerToken::looks_like_one(text));
    let cut = &text[..text.len() - 1];
    let long = format!("{text}{}", "A".repeat(100_000));
    for broken in
        ["", "ftk_", "ftk_.", cut, &long, &text[1..], &text.replace('.', ""), &format!("{text}="), &format!(" {text}")]
    {
        assert!(BearerToken::parse(broken).is_none(), "{broken:.80}");
    }
}

#[test]
fn a_csrf_token_belongs_to_its_cookie() {
    let ((token, cookie), (other, _)) = (SessionToken::mint([1; 32]), SessionToken::mint([2; 32]));
    let csrf = token.csrf();
    assert!(SessionToken::parse(cookie.reveal()).unwrap().csrf_matches(csrf.reveal()));
    assert!(!other.csrf_matches(csrf.reveal()) && csrf.reveal() != cookie.reveal());
    for broken in ["", cookie.reveal(), &csrf.reveal()[1..], &"A".repeat(43), &"A".repeat(100_000)] {
        assert!(!token.csrf_matches(broken), "{broken:.80}");
    }
    assert!(SessionToken::parse("").is_none() && SessionToken::parse(&cookie.reveal()[1..]).is_none());
}

mod certificates {
    use super::*;

    fn names(uris: &[&str], dns: &[&str], common_name: Option<&str>) -> CertificateNames {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        CertificateNames {
            uris: owned(uris),
            dns: owned(dns),
            emails: vec![],
            addresses: Vec::new(),
            common_name: common_name.map(str::to_owned),
        }
    }

    #[test]
    fn a_certificate_is_of_whoever_its_names_say() {
        let rules = [
            CertificateRule::new(NameKind::Uri, "spiffe://acme/edge/{name}", None).unwrap(),
            CertificateRule::new(NameKind::Dns, "{name}.edge.Acme.example", Some(vec![name("writer")])).unwrap(),
        ];
        let own = |text| Ok(Mapped::Own { name: name(text), roles: vec![name("writer")] });
        let rows = [
            (names(&["spiffe://acme/edge/press7"], &[], None), Ok(Mapped::User(name("press7")))),
            (names(&[], &["Press7.edge.acme.example"], None), own("press7")),
            (names(&["spiffe://acme/edge/a"], &["b.edge.acme.example"], None), Ok(Mapped::User(name("a")))),
            (names(&["spiffe://acme/edge/a", "spiffe://acme/edge/a"], &[], None), Ok(Mapped::User(name("a")))),
            (names(&["spiffe://acme/edge/a", "spiffe://acme/edge/b"], &[], None), Err(Unmapped::Ambiguous)),
            (names(&["spiffe://acme/edge/a/b"], &[], None), Err(Unmapped::NoRule)),
            (names(&["spiffe://acme/edge/"], &[], None), Err(Unmapped::NoRule)),
            (names(&["spiffe://acme/edge/a\n"], &[], None), Err(Unmapped::NoRule)),
            (names(&["spiffe://other/edge/a"], &[], None), Err(Unmapped::NoRule)),
            (names(&[], &["*.edge.acme.example", "a.b.edge.acme.example"], None), Err(Unmapped::NoRule)),
            (names(&[], &[], Some("press7")), Err(Unmapped::NoRule)),
        ];
        for (names, expected) in rows {
            assert_eq!(CertificateRule::map(&rules, &names), expected, "{names:?}");
        }
        let old = [CertificateRule::new(NameKind::CommonName, "{name}", None).unwrap()];
        assert_eq!(CertificateRule::map(&old, &names(&[], &[], Some("press7"))), Ok(Mapped::User(name("press7"))));
        assert!(CertificateRule::new(NameKind::Dns, "fixed", None).is_err());
        assert!(CertificateRule::new(NameKind::Dns, "{name}.{name}", None).is_err());
    }

    #[test]
    fn a_serial_is_a_number_of_its_issuer() {
        let revoked = Revocations::new([(&b"ca1"[..], &[0, 0, 7][..]), (b"ca2", &[8])]);
        assert!(revoked.cover(b"ca1", &[7]) && revoked.cover(b"ca2", &[0, 8]));
        assert!(!revoked.cover(b"ca2", &[7]) && !revoked.cover(b"ca1", &[7, 0]) && !revoked.cover(b"ca1", &[]));
    }

    /// An authority of the name `Acme`, and one of the same name that is somebody else's.
    fn authorities() -> [rcgen::CertifiedIssuer<'static, rcgen::KeyPair>; 2] {
        ["Acme"; 2].map(authority)
    }

    fn authority(name: &str) -> rcgen::CertifiedIssuer<'static, rcgen::KeyPair> {
        let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign, rcgen::KeyUsagePurpose::KeyCertSign];
        rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap()
    }

    fn issued(by: &rcgen::CertifiedIssuer<'_, rcgen::KeyPair>, serial: u64) -> rcgen::Certificate {
        let mut params = rcgen::CertificateParams::new(vec!["press7.edge.acme.example".to_owned()]).unwrap();
        params.subject_alt_names.push(rcgen::SanType::URI("spiffe://acme/edge/press7".try_into().unwrap()));
        params.subject_alt_names.push(rcgen::SanType::Rfc822Name("press7@acme.example".try_into().unwrap()));
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, "Press 7");
        params.serial_number = Some(serial.into());
        params.not_after = rcgen::date_time_ymd(2030, 1, 1);
        params.signed_by(&rcgen::KeyPair::generate().unwrap(), by).unwrap()
    }

    #[test]
    fn the_names_of_a_certificate_are_read_as_they_stand_there() {
        let [ours, _] = authorities();
        let der = issued(&ours, 0x80).der().to_vec();
        let certificate = Certificate::of(&der).unwrap();
        let mut expected = names(&["spiffe://acme/edge/press7"], &["press7.edge.acme.example"], Some("Press 7"));
        expected.emails.push("press7@acme.example".to_owned());
        assert_eq!(certificate.names, expected);
        assert_eq!(certificate.until.to_string(), "2030-01-01T00:00:00.000Z");
        assert_eq!(&certificate.serial[..], [0, 0x80]);
        for cut in 0..der.len() {
            assert!(Certificate::of(&der[..cut]).is_err());
        }
        assert!(Certificate::of(&[&der[..], &[0]].concat()).is_err());
        let between = vec![0; 16 << 10];
        let shown_with = |count| certificate.clone().with_chain(std::iter::repeat_n(&*between, count));
        assert_eq!(shown_with(1).unwrap().chain.len(), 1);
        assert_eq!(shown_with(2), Err(X509Error::TooLong));
    }

    /// A list that is good until the beginning of a year.
    fn list_of(
        by: &rcgen::CertifiedIssuer<'_, rcgen::KeyPair>,
        serials: &[u64],
        year: i32,
    ) -> rcgen::CertificateRevocationList {
        let revoked = |serial: &u64| rcgen::RevokedCertParams {
            serial_number: (*serial).into(),
            revocation_time: rcgen::date_time_ymd(2026, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = rcgen::CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2026, 1, 1),
            next_update: rcgen::date_time_ymd(year, 1, 1),
            crl_number: 1.into(),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        params.signed_by(by).unwrap()
    }

    #[test]
    fn every_list_of_a_file_counts_or_none() {
        let ([ours, stranger], other) = (authorities(), authority("Other"));
        let (one, two) = (list_of(&ours, &[7], 2028), list_of(&other, &[8], 2027));
        let (ours_der, other_der) = (ours.der().to_vec(), other.der().to_vec());
        let trusted = [&ours_der[..], &other_der];
        let covers = |revocations: &Revocations, by: &rcgen::CertifiedIssuer<'_, rcgen::KeyPair>, serial| {
            let certificate = Certificate::of(issued(by, serial).der()).unwrap();
            revocations.cover(&certificate.issuer, &certificate.serial)
        };
        let file = format!("{}{}lists of both\n{}", pem("CERTIFICATE", ours.der()), crl(&one), crl(&two));
        let mut revocations = Revocations::default();
        let next = revocations.read_lists(file.as_bytes(), &trusted).unwrap();
        assert_eq!(next.unwrap().to_string(), "2027-01-01T00:00:00.000Z", "the first that is due");
        assert!(covers(&revocations, &ours, 7) && covers(&revocations, &other, 8) && !covers(&revocations, &other, 7));

        let mut none = Revocations::default();
        assert_eq!(none.read_lists(file.as_bytes(), &[&ours_der]), Err(X509Error::UnknownIssuer));
        let forged = format!("{}{}", crl(&one), crl(&list_of(&stranger, &[9], 2027)));
        assert_eq!(none.read_lists(forged.as_bytes(), &trusted), Err(X509Error::Signature));
        let cut = &file[..file.len() - 30];
        assert_eq!(none.read_lists(cut.as_bytes(), &trusted), Err(X509Error::Format));
        let empty = pem("CERTIFICATE", ours.der());
        assert_eq!(none.read_lists(empty.as_bytes(), &trusted), Err(X509Error::Format), "no list at all");
        assert!(!covers(&none, &ours, 7), "nothing is added");
    }

    #[test]
    fn a_revocation_list_counts_if_its_authority_signed_it() {
        let [ours, other] = authorities();
        let list = list_of(&ours, &[0x80, 9], 2027);
        let covers = |revocations: &Revocations, serial| {
            let certificate = Certificate::of(issued(&ours, serial).der()).unwrap();
            revocations.cover(&certificate.issuer, &certificate.serial)
        };
        let (ours_der, other_der) = (ours.der().to_vec(), other.der().to_vec());
        let mut revocations = Revocations::default();
        let next = revocations.read_lists(list.der(), &[&ours_der]).unwrap();
        assert_eq!(next.unwrap().to_string(), "2027-01-01T00:00:00.000Z");
        assert!(covers(&revocations, 0x80) && covers(&revocations, 9) && !covers(&revocations, 10));

        let mut none = Revocations::default();
        assert_eq!(none.read_lists(list.der(), &[]), Err(X509Error::UnknownIssuer));
        assert_eq!(none.read_lists(list.der(), &[&other_der]), Err(X509Error::Signature), "the same name, another key");
        let mut touched = list.der().to_vec();
        let at = touched.len() / 2;
        touched[at] ^= 1;
        assert!(none.read_lists(&touched, &[&ours_der]).is_err());
        assert_eq!(none.read_lists(&[&list.der()[..], &[0]].concat(), &[&ours_der]), Err(X509Error::Format));
        assert_eq!(none.read_lists(b"-----BEGIN CERTIFICATE-----", &[&ours_der]), Err(X509Error::Format));
        assert!(!covers(&none, 9), "nothing is added");
        assert!(none.read_lists(crl(&list).as_bytes(), &[&other_der, &ours_der]).is_ok());
        assert!(covers(&none, 9));
    }

    fn crl(list: &rcgen::CertificateRevocationList) -> String {
        pem("X509 CRL", list.der())
    }

    fn pem(label: &str, der: &[u8]) -> String {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }
}
