//! Tokens of a provider that is as it should be, and of everybody else.

use super::*;
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

const NOW: u64 = 1_800_000_000;
const EXPECTED: Expected<'_> =
    Expected { issuer: "https://id.example", client: "roombox", nonce: "n-1", now: NOW };

fn good() -> Value {
    json!({
        "iss": "https://id.example", "aud": "roombox", "sub": "ada", "nonce": "n-1",
        "iat": NOW - 5, "exp": NOW + 300, "groups": ["staff"],
    })
}

/// A key that signs so, and what of it is published.
fn pair(algorithm: Algorithm, kid: Option<&str>) -> (EncodingKey, Jwk) {
    let random = SystemRandom::new();
    let private = match algorithm {
        Algorithm::ES256 => {
            let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
            EncodingKey::from_ec_der(made.unwrap().as_ref())
        }
        Algorithm::EdDSA => {
            EncodingKey::from_ed_der(Ed25519KeyPair::generate_pkcs8v1(&random).unwrap().as_ref())
        }
        _ => {
            let made = KeyPair::generate(KeySize::Rsa2048).unwrap();
            let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = made.as_der().unwrap();
            // What PKCS #8 wraps (RFC 5208 §5) is the form of PKCS #1, that this takes: it begins here.
            EncodingKey::from_rsa_der(&der.as_ref()[26..])
        }
    };
    let mut public = Jwk::from_encoding_key(&private, algorithm).unwrap();
    public.common.key_id = kid.map(str::to_owned);
    (private, public)
}

fn signed(claims: &Value, algorithm: Algorithm, kid: Option<&str>, key: &EncodingKey) -> String {
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, claims, key).unwrap()
}

/// A token with any header, and no signature or one of our choice.
fn raw(header: Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(&header), part(claims))
}

#[test]
fn a_token_of_each_kind_of_key_is_believed_and_one_of_another_key_is_not() {
    for (algorithm, name) in ALGORITHMS {
        let (private, public) = pair(algorithm, Some("k1"));
        let token = signed(&good(), algorithm, Some("k1"), &private);
        let said = judge(&token, std::slice::from_ref(&public), EXPECTED).unwrap();
        assert_eq!(said["sub"], "ada", "{name}");
        // Without a name each key that fits is tried.
        let unnamed = signed(&good(), algorithm, None, &private);
        let (_, other) = pair(algorithm, Some("k2"));
        assert!(judge(&unnamed, &[other.clone(), public.clone()], EXPECTED).is_ok(), "{name}");
        // A key of the same name that is another one.
        let mut posing = other.clone();
        posing.common.key_id = Some("k1".to_owned());
        assert_eq!(judge(&token, &[posing], EXPECTED), Err(TokenFault::Signature), "{name}");
        assert_eq!(judge(&token, &[other], EXPECTED), Err(TokenFault::Key), "{name}");
        let (head, signature) = token.rsplit_once('.').unwrap();
        let (header, _) = head.split_once('.').unwrap();
        let mut claims = good();
        claims["groups"] = json!(["owners"]);
        let forged = URL_SAFE_NO_PAD.encode(claims.to_string());
        let forged = format!("{header}.{forged}.{signature}");
        assert_eq!(judge(&forged, &[public], EXPECTED), Err(TokenFault::Signature), "{name}");
    }
}

#[test]
fn each_claim_that_is_wrong_or_missing_is_refused() {
    let (private, public) = pair(Algorithm::ES256, None);
    let fault = |change: &dyn Fn(&mut Value)| {
        let mut claims = good();
        change(&mut claims);
        let token = signed(&claims, Algorithm::ES256, None, &private);
        judge(&token, std::slice::from_ref(&public), EXPECTED).err()
    };
    use TokenFault as F;
    type Case = (&'static str, Value, Option<F>);
    let cases: [Case; 27] = [
        ("iss", json!("https://id.example/"), Some(F::Issuer)),
        ("iss", Value::Null, Some(F::Issuer)),
        ("aud", json!("another"), Some(F::Audience)),
        ("aud", json!([]), Some(F::Audience)),
        ("aud", Value::Null, Some(F::Audience)),
        ("aud", json!(["roombox"]), None),
        // Several, and nobody says for whom it was made.
        ("aud", json!(["roombox", "another"]), Some(F::Audience)),
        ("azp", json!("another"), Some(F::Audience)),
        ("azp", json!("roombox"), None),
        ("exp", json!(NOW - LEEWAY_S), Some(F::Expired)),
        ("exp", json!(NOW - LEEWAY_S + 1), None),
        ("exp", json!("never"), Some(F::Expired)),
        ("exp", Value::Null, Some(F::Expired)),
        ("iat", json!(NOW + LEEWAY_S + 1), Some(F::Future)),
        ("iat", json!(NOW + LEEWAY_S), None),
        ("iat", json!(NOW as f64 - 0.5), None),
        ("iat", Value::Null, Some(F::Malformed)),
        ("nbf", json!(NOW + LEEWAY_S + 1), Some(F::Future)),
        ("nbf", json!(NOW - 5), None),
        ("nonce", json!("n-2"), Some(F::Nonce)),
        ("nonce", json!(""), Some(F::Nonce)),
        ("nonce", Value::Null, Some(F::Nonce)),
        ("sub", json!(""), Some(F::Subject)),
        ("sub", json!(7), Some(F::Subject)),
        ("sub", json!("x".repeat(256)), Some(F::Subject)),
        ("sub", Value::Null, Some(F::Subject)),
        ("groups", json!("staff"), None),
    ];
    for (name, value, expected) in cases {
        assert_eq!(fault(&|claims| claims[name] = value.clone()), expected, "{name} {value}");
    }
    let both = fault(&|claims| {
        claims["aud"] = json!(["roombox", "another"]);
        claims["azp"] = json!("roombox");
    });
    assert_eq!(both, None);
}

#[test]
fn nothing_that_anybody_could_sign_is_believed() {
    let (private, public) = pair(Algorithm::RS256, Some("k1"));
    let keys = [public.clone()];
    let fault = |token: &str| judge(token, &keys, EXPECTED).unwrap_err();
    for none in ["none", "None", "nOnE"] {
        let token = raw(json!({"alg": none, "kid": "k1"}), &good(), "");
        assert_eq!(fault(&token), TokenFault::Algorithm, "{none}");
    }
    // The public key, which everybody has, taken for a shared secret.
    let published = serde_json::to_string(&public).unwrap();
    for secret in [published.as_bytes(), private.as_bytes(), b"client secret"] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let token = signed(&good(), algorithm, Some("k1"), &EncodingKey::from_secret(secret));
            assert_eq!(fault(&token), TokenFault::Algorithm);
        }
    }
    // Right key, an algorithm that is not taken; and one that the key was not published for.
    let token = signed(&good(), Algorithm::RS512, Some("k1"), &private);
    assert_eq!(fault(&token), TokenFault::Algorithm);
    let token = signed(&good(), Algorithm::PS256, Some("k1"), &private);
    assert_eq!(fault(&token), TokenFault::Key);
    // A key that the token brings along is no key of the provider's.
    let (mine, own) = pair(Algorithm::RS256, Some("k9"));
    let header = Header {
        kid: Some("k9".to_owned()),
        jwk: Some(own),
        jku: Some("https://evil.example/keys".to_owned()),
        ..Header::new(Algorithm::RS256)
    };
    let token = jsonwebtoken::encode(&header, &good(), &mine).unwrap();
    assert_eq!(fault(&token), TokenFault::Key);
    // What must be understood and is not.
    let header = Header {
        kid: Some("k1".to_owned()),
        crit: Some(vec!["b64".to_owned()]),
        ..Header::new(Algorithm::RS256)
    };
    let token = jsonwebtoken::encode(&header, &good(), &private).unwrap();
    assert_eq!(fault(&token), TokenFault::Malformed);
    for garbage in ["", "a.b", "a.b.c", "....", "🙂.🙂.🙂"] {
        assert!(judge(garbage, &keys, EXPECTED).is_err(), "{garbage}");
    }
    // A key for encryption signs nothing.
    let mut sealing = public;
    sealing.common.public_key_use = Some(PublicKeyUse::Encryption);
    let token = signed(&good(), Algorithm::RS256, Some("k1"), &private);
    assert_eq!(judge(&token, &[sealing], EXPECTED), Err(TokenFault::Key));
    assert!(judge(&token, &keys, EXPECTED).is_ok());
}

#[test]
fn groups_are_found_wherever_a_provider_puts_them() {
    let claims = json!({
        "groups": ["a", 7, "b"], "role": "c",
        "realm_access": {"roles": ["d"]}, "https://example.org/groups": ["e"],
        "wrong": {"x": 1},
    });
    let Value::Object(claims) = claims else { unreachable!() };
    for (path, found) in [
        ("groups", Some(&["a", "b"][..])),
        ("role", Some(&["c"])),
        ("realm_access.roles", Some(&["d"])),
        ("https://example.org/groups", Some(&["e"])),
        ("realm_access.groups", None),
        ("wrong", None),
        ("nowhere", None),
    ] {
        let found = found.map(|all| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        assert_eq!(listed(&claims, path), found, "{path}");
    }
}
