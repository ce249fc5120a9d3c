//! Signing in, from the button to the person, with a provider that says what each test wants.

use super::*;
use crate::conference::Later;
use crate::people::{Device, Factors, Invites, NewPersonInvite, NewToken, People, PersonPatch};
use crate::people::{Sessions, Tokens, Typed};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

const ISSUER: &str = "https://id.example";
const ADA: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));
const RIGHT: &str = "correct horse";

/// A provider in a few lines: it says what the test has put here.
struct FakeProvider {
    key: Mutex<(String, EncodingKey)>,
    /// Claims of the next token, but nonce and times.
    claims: Mutex<Value>,
    userinfo: Mutex<Value>,
    nonce: Mutex<String>,
    away: Mutex<bool>,
    forms: Mutex<Vec<String>>,
    key_requests: AtomicUsize,
}

fn new_key() -> EncodingKey {
    let random = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EncodingKey::from_ec_der(made.as_ref())
}

impl FakeProvider {
    fn answer(&self, question: &Question) -> Result<Value, NoReply> {
        if *locked(&self.away) {
            return Err(NoReply::Unreachable("id.example is away".to_owned()));
        }
        let path = question.url.strip_prefix(ISSUER).unwrap();
        Ok(match path {
            "/.well-known/openid-configuration" => json!({
                "issuer": ISSUER, "authorization_endpoint": format!("{ISSUER}/auth"),
                "token_endpoint": format!("{ISSUER}/token"), "jwks_uri": format!("{ISSUER}/keys"),
                "userinfo_endpoint": format!("{ISSUER}/me"), "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "authorization_response_iss_parameter_supported": true,
            }),
            "/keys" => {
                self.key_requests.fetch_add(1, Ordering::Relaxed);
                let (kid, key) = &*locked(&self.key);
                let mut public = Jwk::from_encoding_key(key, Algorithm::ES256).unwrap();
                public.common.key_id = Some(kid.clone());
                json!({"keys": [public, {"kty": "new", "kid": "unknown"}]})
            }
            "/token" => {
                locked(&self.forms).push(question.form.clone().unwrap());
                let now = UnixMs::now().0 / 1000;
                let mut claims = locked(&self.claims).clone();
                for (name, value) in [
                    ("iss", json!(ISSUER)),
                    ("aud", json!("roombox")),
                    ("nonce", json!(*locked(&self.nonce))),
                    ("iat", json!(now)),
                    ("exp", json!(now + 300)),
                ] {
                    if claims.get(name).is_none() {
                        claims[name] = value;
                    }
                }
                let (kid, key) = &*locked(&self.key);
                let header = Header { kid: Some(kid.clone()), ..Header::new(Algorithm::ES256) };
                let token = jsonwebtoken::encode(&header, &claims, key).unwrap();
                json!({"id_token": token, "access_token": "at"})
            }
            "/me" => {
                assert_eq!(question.authorization.as_deref(), Some("Bearer at"));
                locked(&self.userinfo).clone()
            }
            other => panic!("{other}"),
        })
    }
}

struct WireTo(Arc<FakeProvider>);

impl Wire for WireTo {
    fn check(&self, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn ask(&self, question: Question) -> Later<'_, Result<Reply, NoReply>> {
        let answer = self.0.answer(&question);
        Box::pin(async move {
            let body = serde_json::to_vec(&answer?).unwrap();
            Ok(Reply { status: 200, body })
        })
    }
}

struct House {
    _folder: tempfile::TempDir,
    oidc: Arc<Oidc>,
    provider: Arc<FakeProvider>,
    people: People,
    sessions: Sessions,
    tokens: Tokens,
    invites: Invites,
    owner: Person,
}

fn settings() -> OidcSettings {
    let role = |group: &str, role| GroupRole { group: group.to_owned(), role };
    OidcSettings {
        enabled: true,
        issuer: ISSUER.to_owned(),
        client_id: "roombox".to_owned(),
        address: "https://box.example".to_owned(),
        name: "House".to_owned(),
        roles: vec![role("staff", Role::Moderator), role("it", Role::Owner)],
        ..OidcSettings::default()
    }
}

async fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(&folder.path().join("box.db")).unwrap());
    let (events, standing) = (Arc::<Events>::default(), Standing::default());
    let factors = Arc::new(Factors::new(store.clone(), events.clone()));
    let people = People::load(store.clone(), events.clone(), standing.clone(), factors);
    let people = people.await.unwrap();
    let owner = people.claim_box(&people.claim_code().unwrap(), "Olga", RIGHT).await.unwrap();
    let provider = Arc::new(FakeProvider {
        key: Mutex::new(("k1".to_owned(), new_key())),
        claims: Mutex::default(),
        userinfo: Mutex::new(json!({"sub": "ada"})),
        nonce: Mutex::default(),
        away: Mutex::default(),
        forms: Mutex::default(),
        key_requests: AtomicUsize::new(0),
    });
    let wire = Arc::new(WireTo(provider.clone()));
    let (store_, events_, standing_) = (store.clone(), events.clone(), standing.clone());
    let parts = OidcParts { store: store_, events: events_, standing: standing_, wire };
    let oidc = Oidc::load(parts).await.unwrap();
    let put = OidcPut { settings: settings(), secret: Some("s3cret".to_owned()) };
    oidc.put(put).await.unwrap();
    House {
        _folder: folder,
        oidc,
        provider,
        people,
        sessions: Sessions::new(store.clone(), standing.clone()),
        tokens: Tokens::new(store.clone(), standing),
        invites: Invites::new(store, events),
        owner,
    }
}

fn ada(groups: &[&str]) -> Value {
    json!({"sub": "ada", "name": "Ada", "email": "ada@example.org", "groups": groups})
}

/// What an address asks for.
fn asked(location: &str, name: &str) -> String {
    let (_, query) = location.split_once('?').unwrap();
    let value = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    value.unwrap().to_owned()
}

impl House {
    async fn begun(&self, errand: Errand) -> Return {
        let begun = self.oidc.begin(errand, "box.example", ADA).await.unwrap();
        *locked(&self.provider.nonce) = asked(&begun.location, "nonce");
        Return {
            state: asked(&begun.location, "state"),
            code: Some("c0de".to_owned()),
            iss: Some(ISSUER.to_owned()),
            cookie: Some(begun.cookie.0),
            ..Return::default()
        }
    }

    fn sign_in() -> Errand {
        Errand::SignIn { page: "/panel/".to_owned() }
    }

    async fn signs_in(&self, claims: Value) -> Result<Outcome, ControlError> {
        *locked(&self.provider.claims) = claims;
        let back = self.begun(Self::sign_in()).await;
        self.oidc.finish(back, ADA).await.outcome
    }

    async fn person(&self, claims: Value) -> Person {
        match self.signs_in(claims).await.unwrap() {
            Outcome::SignedIn { person, .. } => person,
            other => panic!("{other:?}"),
        }
    }

    async fn asker(&self, person: &Person) -> (String, Asker) {
        let device = Device { agent: None, address: ADA };
        let (secret, _) = self.sessions.open(person, device).await.unwrap();
        let asker = self.sessions.asker(&secret, ADA).await.unwrap();
        (secret, asker)
    }

    async fn refused(&self, claims: Value) -> &'static str {
        self.signs_in(claims).await.unwrap_err().code()
    }
}

#[tokio::test]
async fn who_comes_from_the_provider_is_what_their_groups_say_each_time() {
    let house = house().await;
    let first = house.signs_in(ada(&["staff"])).await.unwrap();
    let Outcome::SignedIn { person, new: true, was: None } = first else { panic!("{first:?}") };
    assert_eq!((person.name.as_str(), person.role), ("Ada", Role::Moderator));
    let form = locked(&house.provider.forms).last().unwrap().clone();
    assert!(form.contains("code=c0de&redirect_uri=https%3A%2F%2Fbox.example%2Fapi"), "{form}");
    let again = house.signs_in(ada(&["it", "staff"])).await.unwrap();
    let Outcome::SignedIn { person: same, new: false, was: Some(Role::Moderator) } = again else {
        panic!("{again:?}")
    };
    assert_eq!((&same.id, same.role), (&person.id, Role::Owner));
    // By hand nothing of it can be changed, and there is no password.
    let patch = PersonPatch { role: Some(Role::Viewer), ..PersonPatch::default() };
    assert_eq!(house.people.change(&same.id, patch).await.unwrap_err().code(), "role_elsewhere");
    let typed = Typed { name: Some("Ada"), password: "", code: None };
    assert_eq!(house.people.log_in(typed, ADA).await.unwrap_err().code(), "wrong_sign_in");
    assert_eq!(house.people.confirm(&same, "!", ADA).await.unwrap_err().code(), "no_password");
    // Out of all groups: refused, and what was open ends.
    let (session, asker) = house.asker(&same).await;
    let (_, token) = house
        .tokens
        .create(&asker, NewToken { name: "ci".into(), ..NewToken::default() })
        .await
        .unwrap();
    assert_eq!(house.refused(ada(&["other"])).await, "oidc_no_group");
    assert!(house.sessions.asker(&session, ADA).await.is_err());
    assert!(house.tokens.asker(&token).await.is_err());
    let listed = house.people.list().await.unwrap();
    assert_eq!(listed.len(), 2, "the account stays, for what it has made");
}

#[tokio::test]
async fn groups_that_no_token_has_are_asked_for_and_must_be_the_same_persons() {
    let house = house().await;
    *locked(&house.provider.userinfo) =
        json!({"sub": "ada", "groups": ["staff"], "name": "Ada", "email": "ada@example.org"});
    assert_eq!(house.person(json!({"sub": "ada"})).await.role, Role::Moderator);
    // What is signed counts more.
    *locked(&house.provider.userinfo) = json!({"sub": "ada", "groups": ["it"], "email": "a@b.c"});
    assert_eq!(
        house.person(json!({"sub": "ada", "groups": ["staff"]})).await.role,
        Role::Moderator
    );
    *locked(&house.provider.userinfo) = json!({"sub": "eve", "groups": ["it"]});
    assert_eq!(house.refused(json!({"sub": "ada"})).await, "oidc_answer");
}

#[tokio::test]
async fn a_password_account_of_the_same_name_is_not_taken_over_but_connected_by_who_has_it() {
    let house = house().await;
    let wanted = NewPersonInvite { name: "Ada".into(), role: Role::Viewer, expires_in_s: 600 };
    let (_, secret) = house.invites.create(wanted).await.unwrap();
    let local = house.invites.accept(&secret, "Ada", RIGHT).await.unwrap();
    assert_eq!(house.refused(ada(&["it"])).await, "oidc_name_taken");
    let (_, asker) = house.asker(&local).await;
    let session = asker.session().unwrap().to_owned();
    let errand = Errand::Connect { person: local.id.clone(), session };
    let back = house.begun(errand.clone()).await;
    let connected = house.oidc.finish(back, ADA).await.outcome.unwrap();
    assert_eq!(connected, Outcome::Connected { person: local.id.clone() });
    // What an owner has given by hand stays, whatever the groups, and so does the password.
    let same = house.person(ada(&["it"])).await;
    assert_eq!((&same.id, same.role), (&local.id, Role::Viewer));
    assert_eq!(house.person(ada(&[])).await.id, local.id);
    house.people.confirm(&local, RIGHT, ADA).await.unwrap();
    // Nobody else connects the same identity, and who has signed out connects nothing.
    let (_, olga) = house.asker(&house.owner).await;
    let session = olga.session().unwrap().to_owned();
    let hers = Errand::Connect { person: house.owner.id.clone(), session };
    let back = house.begun(hers).await;
    assert_eq!(house.oidc.finish(back, ADA).await.outcome.unwrap_err().code(), "oidc_taken");
    let back = house.begun(errand).await;
    house.sessions.revoke(&local.id, asker.session().unwrap()).await.unwrap();
    assert_eq!(house.oidc.finish(back, ADA).await.outcome.unwrap_err().code(), "unauthenticated");
    house.oidc.disconnect(&asker).await.unwrap();
    assert_eq!(house.refused(ada(&["it"])).await, "oidc_name_taken");
    // Whoever was removed does not come back by what they had connected.
    let (_, asker) = house.asker(&local).await;
    let session = asker.session().unwrap().to_owned();
    let back = house.begun(Errand::Connect { person: local.id.clone(), session }).await;
    house.oidc.finish(back, ADA).await.outcome.unwrap();
    house.people.remove(&local.id, "Ada").await.unwrap();
    assert_eq!(house.refused(ada(&["it"])).await, "oidc_removed");
}

#[tokio::test]
async fn with_an_owner_who_loses_all_groups_the_invitations_go() {
    let house = house().await;
    house.person(ada(&["it"])).await;
    let wanted = NewPersonInvite { name: "Eve".into(), role: Role::Owner, expires_in_s: 600 };
    let (_, secret) = house.invites.create(wanted).await.unwrap();
    assert_eq!(house.refused(ada(&[])).await, "oidc_no_group");
    assert!(house.invites.accept(&secret, "Eve", RIGHT).await.is_err());
}

#[tokio::test]
async fn who_was_locked_or_removed_by_an_owner_stays_out_until_an_owner_says_otherwise() {
    let house = house().await;
    let person = house.person(ada(&["staff"])).await;
    let lock = |disabled| PersonPatch { disabled: Some(disabled), ..PersonPatch::default() };
    house.people.change(&person.id, lock(true)).await.unwrap();
    assert_eq!(house.refused(ada(&["it"])).await, "oidc_disabled");
    house.people.change(&person.id, lock(false)).await.unwrap();
    house.people.remove(&person.id, "Ada").await.unwrap();
    assert_eq!(house.refused(ada(&["it"])).await, "oidc_removed");
    let removed = house.oidc.view().await.unwrap().removed;
    assert_eq!((removed.len(), removed[0].mail.as_str()), (1, "ada@example.org"));
    house.oidc.readmit(&removed[0].id).await.unwrap();
    assert_ne!(house.person(ada(&["it"])).await.id, person.id);
}

#[tokio::test]
async fn the_last_owner_with_a_password_stays_one_whoever_comes_from_the_provider() {
    let house = house().await;
    house.person(ada(&["it"])).await;
    for patch in [
        PersonPatch { role: Some(Role::Viewer), ..PersonPatch::default() },
        PersonPatch { disabled: Some(true), ..PersonPatch::default() },
    ] {
        let refused = house.people.change(&house.owner.id, patch).await.unwrap_err();
        assert_eq!(refused.code(), "last_owner");
    }
    let refused = house.people.remove(&house.owner.id, "Olga").await.unwrap_err();
    assert_eq!(refused.code(), "last_owner");
}

#[tokio::test]
async fn two_of_the_same_name_from_the_provider_are_told_apart() {
    let house = house().await;
    house.person(ada(&["staff"])).await;
    let other = json!({"sub": "ada2", "name": "ada", "email": "a2@example.org", "groups": ["it"]});
    assert_eq!(house.person(other).await.name, "ada (a2@example.org)");
}

#[tokio::test]
async fn only_mail_addresses_of_the_house_come_in_and_only_ones_that_were_looked_at() {
    let house = house().await;
    let mut wanted = settings();
    wanted.domains = vec!["example.org".to_owned()];
    house.oidc.put(OidcPut { settings: wanted, secret: None }).await.unwrap();
    house.person(ada(&["staff"])).await;
    for (name, value) in [
        ("email", json!("ada@example.com")),
        ("email", Value::Null),
        ("email_verified", json!(false)),
    ] {
        let mut claims = ada(&["staff"]);
        claims[name] = value;
        assert_eq!(house.refused(claims).await, "oidc_domain");
    }
}

#[tokio::test]
async fn a_way_back_is_good_once_for_who_began_it_and_with_the_settings_of_then() {
    let house = house().await;
    *locked(&house.provider.claims) = ada(&["staff"]);
    let back = house.begun(House::sign_in()).await;
    house.oidc.finish(back.clone(), ADA).await.outcome.unwrap();
    let code = |finished: Finished| finished.outcome.unwrap_err().code();
    assert_eq!(code(house.oidc.finish(back, ADA).await), "oidc_state", "a replay");
    let theirs = house.begun(House::sign_in()).await;
    let mine = house.begun(House::sign_in()).await;
    let mixed = Return { cookie: mine.cookie.clone(), ..theirs };
    assert_eq!(code(house.oidc.finish(mixed, ADA).await), "oidc_state", "another browser's");
    let none = Return { cookie: None, ..mine };
    assert_eq!(code(house.oidc.finish(none, ADA).await), "oidc_state");
    house.signs_in(ada(&["staff"])).await.unwrap();
    // RFC 9207: an answer that names another provider, or none where it must.
    for iss in [Some("https://evil.example".to_owned()), None] {
        let back = Return { iss, ..house.begun(House::sign_in()).await };
        assert_eq!(code(house.oidc.finish(back, ADA).await), "oidc_token");
    }
    let back = house.begun(House::sign_in()).await;
    let refused = Return { code: None, error: Some("access_denied".to_owned()), ..back };
    assert_eq!(code(house.oidc.finish(refused, ADA).await), "oidc_refused");
    let back = house.begun(House::sign_in()).await;
    house.oidc.put(OidcPut { settings: settings(), secret: None }).await.unwrap();
    assert_eq!(code(house.oidc.finish(back, ADA).await), "oidc_state", "other settings");
}

#[tokio::test]
async fn a_token_that_is_another_sign_ins_or_anothers_lets_nobody_in() {
    let house = house().await;
    for (name, value, code) in [
        ("nonce", json!("another"), "oidc_token"),
        ("aud", json!("another"), "oidc_token"),
        ("iss", json!("https://evil.example"), "oidc_token"),
        ("exp", json!(1), "oidc_clock"),
    ] {
        let mut claims = ada(&["it"]);
        claims[name] = value;
        assert_eq!(house.refused(claims).await, code, "{name}");
    }
    assert_eq!(house.people.list().await.unwrap().len(), 1);
    let failure = house.oidc.view().await.unwrap().failure.unwrap();
    assert_eq!(failure.code, "oidc_clock");
}

#[tokio::test]
async fn a_new_key_is_asked_for_once_and_not_for_each_token_that_is_wrong() {
    let house = house().await;
    house.person(ada(&["staff"])).await;
    let asked = || house.provider.key_requests.load(Ordering::Relaxed);
    assert_eq!(asked(), 1);
    *locked(&house.provider.key) = ("k2".to_owned(), new_key());
    assert_eq!(house.refused(ada(&["staff"])).await, "oidc_token", "less than a minute after");
    assert_eq!(asked(), 1);
    let back = || async {
        if let Some(known) = &mut *house.oidc.known.lock().await {
            known.keys_asked = Instant::now().checked_sub(KEYS_EACH).unwrap();
        }
    };
    back().await;
    house.person(ada(&["staff"])).await;
    assert_eq!(asked(), 2);
    *locked(&house.provider.key) = ("k3".to_owned(), new_key());
    assert_eq!(house.refused(ada(&["staff"])).await, "oidc_token");
    assert_eq!(asked(), 2);
}

#[tokio::test]
async fn without_the_provider_it_says_so_at_once_and_with_wrong_answers_one_must_wait() {
    let house = house().await;
    *locked(&house.provider.away) = true;
    let refused = house.oidc.begin(House::sign_in(), "box.example", ADA).await.unwrap_err();
    assert_eq!(refused.code(), "oidc_unreachable");
    let trial = house.oidc.test().await.unwrap();
    assert_eq!((trial.found, trial.code.as_deref()), (None, Some("oidc_unreachable")));
    *locked(&house.provider.away) = false;
    let found = house.oidc.test().await.unwrap().found.unwrap();
    assert_eq!((found.keys, found.algorithms.len(), found.says_pkce), (1, 1, true));
    let elsewhere = house.oidc.begin(House::sign_in(), "box.local", ADA).await.unwrap_err();
    assert_eq!(elsewhere.code(), "oidc_elsewhere");
    let mut codes = Vec::new();
    // Links of strangers that lead here are no attempts of whoever follows them.
    for _ in 0..20 {
        let finished = house.oidc.finish(Return::default(), ADA).await;
        assert_eq!(finished.outcome.unwrap_err().code(), "oidc_state");
    }
    for _ in 0..6 {
        let back = house.begun(House::sign_in()).await;
        let refused = Return { code: None, error: Some("access_denied".to_owned()), ..back };
        codes.push(house.oidc.finish(refused, ADA).await.outcome.unwrap_err().code());
    }
    assert_eq!(codes[4..], ["oidc_refused", "too_many_attempts"]);
    let mut off = settings();
    off.enabled = false;
    house.oidc.put(OidcPut { settings: off, secret: None }).await.unwrap();
    let refused = house.oidc.begin(House::sign_in(), "box.example", ADA).await.unwrap_err();
    assert_eq!((refused.code(), house.oidc.button().name), ("oidc_off", None));
}
