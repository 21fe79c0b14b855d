//! Stories of tokens: JWTs as identity providers make them, and as attackers do.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use factree_auth::credential::{Jwks, JwksError, TokenError, TokenRules, TokenSubject};
use factree_auth::{Name, Timestamp};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp(1_795_327_200_000);
const NOW_SECONDS: u64 = NOW.0 / 1000;

/// An identity provider with one key, `es`.
pub(crate) struct Provider {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl Provider {
    pub(crate) fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        Self { pair, random }
    }

    fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (BASE64URL.encode(&point[1..33]), BASE64URL.encode(&point[33..]));
        json!({"kty": "EC", "crv": "P-256", "kid": "es", "use": "sig", "alg": "ES256", "x": x, "y": y})
    }

    pub(crate) fn jwks(&self) -> Jwks {
        jwks(&[self.jwk()])
    }

    fn signs(&self, header: &Value, claims: &str) -> String {
        let signed = format!("{}.{}", BASE64URL.encode(header.to_string()), BASE64URL.encode(claims));
        let signature = self.pair.sign(&self.random, signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64URL.encode(signature))
    }

    pub(crate) fn issues(&self, claims: &Value) -> String {
        self.signs(&json!({"alg": "ES256", "kid": "es"}), &claims.to_string())
    }
}

fn jwks(keys: &[Value]) -> Jwks {
    Jwks::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn rules() -> TokenRules {
    let role = |claim: &str, role| (claim.to_owned(), Name::parse(role).unwrap());
    TokenRules {
        issuer: "https://id.acme.example/realms/plant".to_owned(),
        audience: "factree".to_owned(),
        leeway: Duration::from_secs(30),
        name_claim: "sub".to_owned(),
        roles_claim: "realm_access.roles".to_owned(),
        roles: vec![role("plant-operator", "operator"), role("plant-reader", "reader")],
    }
}

pub(crate) fn claims() -> Value {
    json!({
        "iss": "https://id.acme.example/realms/plant",
        "aud": ["other", "factree"],
        "sub": "carla",
        "exp": NOW_SECONDS + 300,
        "nbf": NOW_SECONDS - 10,
        "realm_access": {"roles": ["plant-operator", "offline_access", "admin"]},
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[key] = value;
    claims
}

#[test]
fn a_token_of_the_provider_names_its_bearer_and_the_roles_that_were_mapped() {
    let provider = Provider::new();
    let subject = rules().verify(&provider.issues(&claims()), &provider.jwks(), NOW).unwrap();
    let expected = TokenSubject {
        name: Name::parse("carla").unwrap(),
        roles: vec![Name::parse("operator").unwrap()],
        until: Timestamp(NOW.0 + 330_000),
    };
    assert_eq!(subject, expected, "its claim to be admin is mapped to nothing");
    let mut scoped = with("scope", json!("openid plant-reader"));
    scoped["aud"] = json!("factree");
    let rules = TokenRules { roles_claim: "scope".to_owned(), ..rules() };
    assert_eq!(rules.verify(&provider.issues(&scoped), &provider.jwks(), NOW).unwrap().roles.len(), 1);
    let named = TokenRules { roles_claim: "https://plant.example/roles".to_owned(), ..rules.clone() };
    let claims = with("https://plant.example/roles", json!(["plant-reader"]));
    let subject = named.verify(&provider.issues(&claims), &provider.jwks(), NOW);
    assert_eq!(subject.unwrap().roles.len(), 1, "dots in its name");
    let none = TokenRules { roles_claim: "no.such.claim".to_owned(), ..rules };
    assert_eq!(none.verify(&provider.issues(&scoped), &provider.jwks(), NOW).unwrap().roles, []);
}

#[test]
fn claims_that_do_not_hold_refuse_the_token() {
    let provider = Provider::new();
    let rows = [
        ("iss", json!("https://id.acme.example/realms/plant/"), TokenError::Issuer),
        ("iss", json!(["https://id.acme.example/realms/plant"]), TokenError::Claim("iss")),
        ("aud", json!("other"), TokenError::Audience),
        ("aud", json!([]), TokenError::Audience),
        ("aud", json!({"factree": true}), TokenError::Audience),
        ("aud", Value::Null, TokenError::Claim("aud")),
        ("exp", json!(NOW_SECONDS - 30), TokenError::Expired),
        ("exp", json!((NOW_SECONDS + 300).to_string()), TokenError::Claim("exp")),
        ("exp", json!(-1), TokenError::Claim("exp")),
        ("exp", json!(1e300), TokenError::Claim("exp")),
        ("exp", Value::Null, TokenError::Claim("exp")),
        ("nbf", json!(NOW_SECONDS + 31), TokenError::NotYet),
        ("nbf", json!("yesterday"), TokenError::Claim("nbf")),
        ("sub", json!(""), TokenError::Name),
        ("sub", json!("a\nb"), TokenError::Name),
        ("sub", json!(7), TokenError::Claim("name")),
    ];
    for (claim, value, expected) in rows {
        let token = provider.issues(&with(claim, value.clone()));
        assert_eq!(rules().verify(&token, &provider.jwks(), NOW), Err(expected), "{claim} {value}");
    }
    for gone in ["iss", "aud", "exp", "sub"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(gone);
        assert!(rules().verify(&provider.issues(&claims), &provider.jwks(), NOW).is_err(), "{gone}");
    }
    let twice = claims().to_string().replacen('{', r#"{"exp": 99999999999, "#, 1);
    let token = provider.signs(&json!({"alg": "ES256", "kid": "es"}), &twice);
    assert_eq!(rules().verify(&token, &provider.jwks(), NOW), Err(TokenError::Format), "a claim that is there twice");
    let late = provider.issues(&with("exp", json!(NOW_SECONDS - 29)));
    assert!(rules().verify(&late, &provider.jwks(), NOW).is_ok(), "within the leeway");
    let patient = TokenRules { leeway: Duration::from_secs(1_000_000), ..rules() };
    let old = provider.issues(&with("exp", json!(NOW_SECONDS - 301)));
    assert_eq!(patient.verify(&old, &provider.jwks(), NOW), Err(TokenError::Expired), "leeway has an end");
}

/// The token chooses the algorithm: `none`, or the public key as a shared secret.
#[test]
fn a_token_cannot_choose_how_it_is_verified() {
    let provider = Provider::new();
    let body = BASE64URL.encode(claims().to_string());
    let unsigned = |header: Value| format!("{}.{body}", BASE64URL.encode(header.to_string()));
    for algorithm in ["none", "None", "nOnE", "", "HS256", "RS256", "ES384", "EdDSA", "PS256"] {
        let signed = unsigned(json!({"alg": algorithm, "kid": "es"}));
        let point = provider.pair.public_key().as_ref();
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, point), signed.as_bytes());
        for signature in [String::new(), BASE64URL.encode(mac)] {
            let token = format!("{signed}.{signature}");
            assert_eq!(rules().verify(&token, &provider.jwks(), NOW), Err(TokenError::Algorithm), "{algorithm}");
        }
    }
    let thief = Provider::new();
    let own_key = thief.signs(&json!({"alg": "ES256", "kid": "es", "jwk": thief.jwk()}), &claims().to_string());
    assert_eq!(
        rules().verify(&own_key, &provider.jwks(), NOW),
        Err(TokenError::Signature),
        "a key in the header is nobody's"
    );
    let critical =
        provider.signs(&json!({"alg": "ES256", "kid": "es", "crit": ["b64"], "b64": false}), &claims().to_string());
    assert_eq!(rules().verify(&critical, &provider.jwks(), NOW), Err(TokenError::Critical));
}

#[test]
fn the_key_is_the_one_that_the_token_names() {
    let (provider, other) = (Provider::new(), Provider::new());
    let renamed = |kid: &str| {
        let mut jwk = other.jwk();
        jwk["kid"] = json!(kid);
        jwk
    };
    let both = jwks(&[renamed("new"), provider.jwk()]);
    let claims = claims().to_string();
    let verify = |token: &str, keys: &Jwks| rules().verify(token, keys, NOW).map(|_| ());
    assert_eq!(verify(&provider.signs(&json!({"alg": "ES256", "kid": "es"}), &claims), &both), Ok(()));
    assert_eq!(verify(&other.signs(&json!({"alg": "ES256", "kid": "new"}), &claims), &both), Ok(()));
    assert_eq!(verify(&other.signs(&json!({"alg": "ES256", "kid": "es"}), &claims), &both), Err(TokenError::Signature));
    assert_eq!(verify(&other.signs(&json!({"alg": "ES256", "kid": "x"}), &claims), &both), Err(TokenError::UnknownKey));
    let unnamed = provider.signs(&json!({"alg": "ES256"}), &claims);
    assert_eq!(verify(&unnamed, &both), Err(TokenError::UnknownKey), "it could be either");
    assert_eq!(verify(&unnamed, &provider.jwks()), Ok(()));
    assert_eq!(verify(&unnamed, &jwks(&[provider.jwk(), renamed("es")])), Err(TokenError::UnknownKey));
}

/// What a token was good for yesterday it need not be good for today.
#[test]
fn what_was_signed_is_judged_again_by_other_rules_and_other_keys() {
    let (provider, other) = (Provider::new(), Provider::new());
    let claims = provider.jwks().open(&provider.issues(&claims())).unwrap();
    let judged = |rules: &TokenRules, keys: &Jwks, now| rules.subject(&claims, keys, now);
    let roles = |rules: &TokenRules| judged(rules, &provider.jwks(), NOW).unwrap().roles;
    assert_eq!(roles(&rules()), [Name::parse("operator").unwrap()]);
    assert_eq!(roles(&TokenRules { roles: vec![], ..rules() }), []);
    let strangers = TokenRules { issuer: "https://id.other.example".to_owned(), ..rules() };
    assert_eq!(judged(&strangers, &provider.jwks(), NOW), Err(TokenError::Issuer));
    let others = TokenRules { audience: "another".to_owned(), ..rules() };
    assert_eq!(judged(&others, &provider.jwks(), NOW), Err(TokenError::Audience));
    assert_eq!(judged(&rules(), &provider.jwks(), Timestamp(NOW.0 + 330_000)), Err(TokenError::Expired));
    let mut renamed = provider.jwk();
    renamed["kid"] = json!("another name");
    let turned = jwks(&[other.jwk(), renamed]);
    assert!(judged(&rules(), &turned, NOW).is_ok() && turned.has_all_of(&provider.jwks()), "the same key");
    assert_eq!(judged(&rules(), &other.jwks(), NOW), Err(TokenError::UnknownKey), "the provider has taken it back");
    assert!(!other.jwks().has_all_of(&provider.jwks()));
    assert_eq!(format!("{claims:?}"), "SignedClaims(…)");
}

#[test]
fn a_token_that_was_touched_is_refused() {
    let provider = Provider::new();
    let (token, keys) = (provider.issues(&claims()), provider.jwks());
    for at in 0..token.len() {
        let mut touched = token.clone().into_bytes();
        touched[at] = if touched[at] == b'A' { b'B' } else { b'A' };
        let touched = String::from_utf8(touched).unwrap();
        assert!(rules().verify(&touched, &keys, NOW).is_err(), "byte {at}");
    }
    let long = format!("{token}{}", "A".repeat(20_000));
    for broken in ["", ".", "..", "...", &token[1..], &format!("{token}."), &format!("{token}=")] {
        assert!(rules().verify(broken, &keys, NOW).is_err(), "{broken}");
    }
    assert_eq!(rules().verify(&long, &keys, NOW), Err(TokenError::TooLong));
}

/// The example of RFC 7515, appendix A.2, whose signature holds and whose claims are not enough for us.
#[test]
fn rs256_is_verified_as_in_the_rfc() {
    let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR\
        T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXB\
        dQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9ia\
        GNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    let signed = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19\
        yb290Ijp0cnVlfQ";
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp\
        5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB\
        _eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rq\
        Vt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    let keys = jwks(&[json!({"kty": "RSA", "n": n, "e": "AQAB"})]);
    let rules = TokenRules { issuer: "joe".to_owned(), ..rules() };
    let verify = |token: String| rules.verify(&token, &keys, Timestamp(0));
    assert_eq!(verify(format!("{signed}.{signature}")), Err(TokenError::Claim("aud")), "the signature holds");
    assert_eq!(verify(format!("{signed}.{}", signature.replace("cC4", "cC5"))), Err(TokenError::Signature));
}

#[test]
fn keys_that_are_for_something_else_are_passed_over() {
    let jwk = Provider::new().jwk();
    let changed = |key: &str, value: Value| {
        let mut jwk = jwk.clone();
        jwk[key] = value;
        json!({ "keys": [jwk] }).to_string()
    };
    for unusable in [
        changed("use", json!("enc")),
        changed("alg", json!("ES384")),
        changed("crv", json!("P-384")),
        changed("x", json!("AAAA")),
        changed("kty", json!("oct")),
        changed("kty", json!(7)),
        json!({"keys": [{"kty": "RSA", "n": BASE64URL.encode([255; 128]), "e": "AQAB"}]}).to_string(),
        json!({"keys": [{"kty": "RSA", "n": "", "e": "AQAB"}]}).to_string(),
        json!({"keys": []}).to_string(),
    ] {
        assert_eq!(Jwks::parse(unusable.as_bytes()).err(), Some(JwksError::NoKey), "{unusable}");
    }
    for broken in ["", "[]", "{}", r#"{"keys": 1}"#, &"[".repeat(100_000)] {
        assert_eq!(Jwks::parse(broken.as_bytes()).err(), Some(JwksError::Format), "{broken:.80}");
    }
    assert_eq!(Jwks::parse(&vec![b' '; (1 << 20) + 1]).err(), Some(JwksError::TooLong));
}
