//! Whatever comes from outside is read or refused, and never ends the process.

use factree_auth::audit::Head;
use factree_auth::credential::*;
use factree_auth::*;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,60}", kind in 0usize..4) {
        let _ = Grant::parse(&format!("read {}:{text}", ["topics", "tree", "area", "x"][kind]));
        let _ = Grant::parse(&text);
        let _ = IdPattern::parse(&text);
        let _ = Name::parse(&text);
        let _ = Role::new(&text, vec![], vec![]);
        let _ = Head::parse(&format!("factree-audit-head-1 {text}"));
        let _ = PasswordHash::parse(&format!("$argon2id$v=19${text}"));
        let _ = BearerToken::parse(&format!("ftk_{text}"));
        let _ = SessionToken::parse(&text);
        let _ = Jwks::parse(text.as_bytes());
        let names = CertificateNames { uris: vec![text], ..CertificateNames::default() };
        let _ = CertificateRule::map(&[CertificateRule::new(NameKind::Uri, "a{name}b", None).unwrap()], &names);
    }

    #[test]
    fn any_record_is_taken_or_refused(
        key in "(user|role|key|session)/.{0,20}",
        value in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut directory = Directory::new(DirectoryLimits::default(), vec![]);
        prop_assert!(directory.restore(key.as_bytes(), &value).is_err());
    }
}
