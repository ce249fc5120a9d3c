//! Claiming, signing in, and what becomes of people, sessions and tokens.

mod time;

use super::secrets::{AT_A_TIME, HASHING, hashing};
use super::*;
use crate::permissions::Action;
use crate::store::old;
use std::path::Path;

const ADA: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));
const EVE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const RIGHT: &str = "correct horse";

/// A box with its services, and nobody in it.
struct House {
    people: People,
    sessions: Sessions,
    tokens: Tokens,
    invites: Invites,
    standing: Standing,
    factors: Arc<Factors>,
}

async fn house(folder: &Path) -> House {
    let store = Arc::new(Store::open(&folder.join("box.db")).unwrap());
    let (events, standing) = (Arc::<Events>::default(), Standing::default());
    let factors = Arc::new(Factors::new(store.clone(), events.clone()));
    House {
        people: People::load(store.clone(), events.clone(), standing.clone(), factors.clone())
            .await
            .unwrap(),
        sessions: Sessions::new(store.clone(), standing.clone()),
        tokens: Tokens::new(store.clone(), standing.clone()),
        invites: Invites::new(store, events),
        standing,
        factors,
    }
}

impl House {
    async fn claimed(&self) -> Person {
        let code = self.people.claim_code().unwrap();
        self.people.claim_box(&code, "Ada", RIGHT).await.unwrap()
    }

    async fn invited(&self, name: &str, role: Role) -> Person {
        let wanted = NewPersonInvite { name: name.to_owned(), role, expires_in_s: 600 };
        let (_, secret) = self.invites.create(wanted).await.unwrap();
        self.invites.accept(&secret, name, RIGHT).await.unwrap()
    }

    async fn signed_in(&self, person: &Person) -> (String, Asker) {
        let device = Device { agent: Some("Firefox".to_owned()), address: ADA };
        let (secret, _) = self.sessions.open(person, device).await.unwrap();
        let asker = self.sessions.asker(&secret, ADA).await.unwrap();
        (secret, asker)
    }

    async fn change(&self, person: &Person, patch: PersonPatch) -> Result<(), ControlError> {
        self.people.change(&person.id, patch).await.map(drop)
    }

    async fn roles(&self) -> Vec<(String, Role)> {
        let listed = self.people.list().await.unwrap();
        listed.into_iter().map(|one| (one.person.name, one.person.role)).collect()
    }
}

fn typed<'a>(name: Option<&'a str>, password: &'a str) -> Typed<'a> {
    Typed { name, password, code: None }
}

fn becomes(role: Role) -> PersonPatch {
    PersonPatch { role: Some(role), ..PersonPatch::default() }
}

fn disabled(disabled: bool) -> PersonPatch {
    PersonPatch { disabled: Some(disabled), ..PersonPatch::default() }
}

fn code<T>(outcome: Result<T, ControlError>) -> &'static str {
    outcome.map_or_else(|error| error.code(), |_| "ok")
}

#[tokio::test]
async fn the_printed_code_claims_the_box_once() {
    let folder = tempfile::tempdir().unwrap();
    let people = house(folder.path()).await.people;
    let typed = people.claim_code().unwrap().to_lowercase().replace('-', " ");
    let weak = people.claim_box(&typed, "Ada", "short").await;
    assert!(matches!(weak, Err(ControlError::WeakPassword { .. })));
    people.claim_box(&typed, "Ada", RIGHT).await.unwrap();
    let again = people.claim_box(&typed, "Eve", "another horse").await;
    assert!(matches!(again, Err(ControlError::AlreadyClaimed)));
    assert_eq!(people.claim_code(), None);
    assert!(house(folder.path()).await.people.claim_state().claimed);
}

#[tokio::test]
async fn five_wrong_codes_lock_claiming_even_for_the_right_one() {
    let folder = tempfile::tempdir().unwrap();
    let people = house(folder.path()).await.people;
    for left in (1..CLAIM_TRIES).rev() {
        let wrong = people.claim_box("AAAA-AAAA", "Eve", "another horse").await;
        assert!(matches!(wrong, Err(ControlError::WrongCode { left: l }) if l == left));
    }
    people.claim_box("AAAA-AAAA", "Eve", "another horse").await.unwrap_err();
    let code = people.claim_code().unwrap();
    let right = people.claim_box(&code, "Ada", RIGHT).await;
    assert!(matches!(right, Err(ControlError::ClaimLocked)));
}

#[tokio::test]
async fn wrong_passwords_make_only_their_sender_wait_and_only_at_that_account() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(folder.path()).await;
    let people = &house.people;
    assert!(matches!(people.log_in(typed(None, "x"), EVE).await, Err(ControlError::NotClaimed)));
    house.claimed().await;
    house.invited("Grace", Role::Viewer).await;
    people.log_in(typed(None, RIGHT), EVE).await.unwrap();
    loop {
        match people.log_in(typed(None, "wrong horse"), EVE).await {
            Err(ControlError::WrongPassword) => {}
            Err(ControlError::TooManyAttempts { seconds: 1..=30 }) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(code(people.log_in(typed(Some("ada"), RIGHT), EVE).await), "too_many_attempts");
    people.log_in(typed(None, RIGHT), ADA).await.unwrap();
    // One's own right password forgives no guesses at another's.
    people.log_in(typed(Some("Grace"), RIGHT), EVE).await.unwrap();
    assert_eq!(code(people.log_in(typed(None, RIGHT), EVE).await), "too_many_attempts");
}

#[tokio::test]
async fn who_signs_in_by_name_hears_the_same_whether_the_name_or_the_password_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(folder.path()).await;
    let ada = house.claimed().await;
    let grace = house.invited("Grace Höpper", Role::Viewer).await;
    let log_in = async |name, password| house.people.log_in(typed(Some(name), password), EVE).await;
    assert_eq!(log_in(" grace hÖPPER ", RIGHT).await.unwrap(), grace);
    assert_eq!(log_in("Ada", RIGHT).await.unwrap(), ada);
    assert_eq!(house.people.log_in(typed(None, RIGHT), EVE).await.unwrap(), ada);
    let nobody = log_in("Nobody", RIGHT).await.unwrap_err().to_string();
    assert_eq!(log_in("Ada", "wrong horse").await.unwrap_err().to_string(), nobody);
    house.change(&grace, disabled(true)).await.unwrap();
    assert_eq!(log_in("Grace Höpper", RIGHT).await.unwrap_err().to_string(), nobody);
}

#[tokio::test]
async fn an_invitation_makes_one_person_of_its_role_until_it_expires_or_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(folder.path()).await;
    house.claimed().await;
    let wanted =
        |expires_in_s| NewPersonInvite { name: "Eve".into(), role: Role::Viewer, expires_in_s };
    for seconds in [0, 59, invites::LONGEST_S + 1, u64::MAX] {
        assert_eq!(code(house.invites.create(wanted(seconds)).await), "invite_expiry", "{seconds}");
    }
    let (_, secret) = house.invites.create(wanted(60)).await.unwrap();
    assert_eq!(house.invites.look(&secret).await.unwrap().role, Role::Viewer);
    let long = "x".repeat(201);
    let accept = async |name, password| house.invites.accept(&secret, name, password).await;
    assert_eq!(code(accept("Eve", "short").await), "weak_password");
    assert_eq!(code(accept("Eve", &long).await), "long_password");
    assert_eq!(code(accept("ADA", RIGHT).await), "person_name_taken");
    let eve = accept("Eve", RIGHT).await.unwrap();
    assert_eq!(eve.role, Role::Viewer);
    assert_eq!(code(accept("Another", RIGHT).await), "person_invite_gone");
    let (listed, secret) = house.invites.create(wanted(60)).await.unwrap();
    house.invites.revoke(&listed.id).await.unwrap();
    for gone in [secret.as_str(), "", "x", &"A".repeat(43), &"Ä".repeat(43)] {
        assert_eq!(code(house.invites.look(gone).await), "person_invite_gone", "{gone}");
        let accepted = house.invites.accept(gone, "Mallory", RIGHT).await;
        assert_eq!(code(accepted), "person_invite_gone", "{gone}");
    }
    assert_eq!(house.roles().await.len(), 2);
}

#[tokio::test]
async fn the_last_owner_stays_one_and_another_may_take_over() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(folder.path()).await;
    let ada = house.claimed().await;
    let grace = house.invited("Grace", Role::Operator).await;
    for patch in [becomes(Role::Operator), disabled(true)] {
        assert_eq!(code(house.change(&ada, patch).await), "last_owner");
    }
    assert_eq!(code(house.people.remove(&ada.id, "Ada").await), "last_owner");
    // An owner who may not sign in is no owner to rely on.
    house.change(&grace, becomes(Role::Owner)).await.unwrap();
    house.change(&grace, disabled(true)).await.unwrap();
    assert_eq!(code(house.change(&ada, becomes(Role::Viewer)).await), "last_owner");
    house.change(&grace, disabled(false)).await.unwrap();
    let (cookie, _) = house.signed_in(&ada).await;
    house.change(&ada, becomes(Role::Viewer)).await.unwrap();
    assert_eq!(
        house.sessions.asker(&cookie, ADA).await.unwrap().role,
        Role::Viewer,
        "narrowed at once"
    );
    assert_eq!(code(house.change(&grace, becomes(Role::Viewer)).await), "last_owner");
    assert_eq!(code(house.people.remove(&ada.id, "Eve").await), "wrong_person_name");
    house.people.remove(&ada.id, "Ada").await.unwrap();
    assert_eq!(house.roles().await, [("Grace".to_owned(), Role::Owner)]);
    assert_eq!(house.people.log_in(typed(None, RIGHT), ADA).await.unwrap().name, "Grace");
}

#[tokio::test]
async fn an_older_version_takes_nobody_but_one_owner_for_an_owner() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(folder.path()).await;
    let ada = house.claimed().await;
    let mut others = Vec::new();
    for (name, role) in [("Vic", Role::Viewer), ("Olga", Role::Owner), ("Mo", Role::Moderator)] {
        let person = house.invited(name, role).await;
        let (_, asker) = house.signed_in(&person).await;
        house
            .tokens
            .create(&asker, NewToken { name: "t".into(), ..NewToken::default() })
            .await
            .unwrap();
        others.push(person);
    }
    let (_, asker) = house.signed_in(&ada).await;
    let narrow = NewToken { name: "n".into(), role: Some(Role::Viewer), expires_in_s: None };
    house.tokens.create(&asker, narrow).await.unwrap();
    let brief = NewToken { name: "b".into(), role: None, expires_in_s: Some(60) };
    house.tokens.create(&asker, brief).await.unwrap();
    assert_eq!(old::owners(folder.path()), ["Ada"]);
    assert_eq!(old::keys(folder.path()), (1, 0));
    // A token that speaks for the owner with all rights goes on working there, and so does the session.
    house
        .tokens
        .create(&asker, NewToken { name: "all".into(), ..NewToken::default() })
        .await
        .unwrap();
    assert_eq!(old::keys(folder.path()), (1, 1));
    house.change(&ada, becomes(Role::Viewer)).await.unwrap();
    assert_eq!(old::owners(folder.path()), ["Olga"]);
    assert_eq!(old::keys(folder.path()), (1, 0), "the session of whoever is the owner now");
    house.people.remove(&others[1].id, "Olga").await.unwrap_err();
}

#[tokio::test]
async fn a_box_of_before_there_were_others_keeps_its_owner_sessions_and_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let (cookie, token) = ("COOKIE", "TOKEN");
    old::made(folder.path(), hashed(cookie), hashed(token));
    let house = house(folder.path()).await;
    let asker = house.sessions.asker(cookie, ADA).await.unwrap();
    assert_eq!((asker.person.name.as_str(), asker.role), ("Ada", Role::Owner));
    let listed = house.sessions.list("per_1", &asker).await.unwrap();
    assert_eq!((listed.len(), listed[0].current, listed[0].agent.clone()), (1, true, None));
    let by_token = house.tokens.asker(&format!("rbx_{token}")).await.unwrap();
    assert_eq!((by_token.role, by_token.until), (Role::Owner, None));
    by_token.ask(Action::KeepAccount).unwrap();
}

#[tokio::test]
async fn whatever_takes_a_right_away_is_felt_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(folder.path()).await;
    house.claimed().await;
    let mo = house.invited("Mo", Role::Moderator).await;
    let mut told = house.standing.follow();
    let mut is_told = || {
        let told_now = told.has_changed().unwrap();
        told.mark_unchanged();
        told_now
    };
    let (cookie, asker) = house.signed_in(&mo).await;
    let (token, secret) = house
        .tokens
        .create(&asker, NewToken { name: "t".into(), ..NewToken::default() })
        .await
        .unwrap();
    assert_eq!((token.role, is_told()), (Role::Moderator, false));
    // More for the person is not more for the token.
    house.change(&mo, becomes(Role::Operator)).await.unwrap();
    assert!(is_told());
    assert_eq!(house.sessions.asker(&cookie, ADA).await.unwrap().role, Role::Operator);
    assert_eq!(house.tokens.asker(&secret).await.unwrap().role, Role::Moderator);
    house.change(&mo, becomes(Role::Viewer)).await.unwrap();
    assert_eq!(house.tokens.asker(&secret).await.unwrap().role, Role::Viewer);
    house.change(&mo, disabled(true)).await.unwrap();
    assert!(is_told());
    assert_eq!(code(house.sessions.asker(&cookie, ADA).await), "unauthenticated");
    assert_eq!(code(house.tokens.asker(&secret).await), "unauthenticated");
    // Being let in again opens no old session, but programs go on.
    house.change(&mo, disabled(false)).await.unwrap();
    assert_eq!(code(house.sessions.asker(&cookie, ADA).await), "unauthenticated");
    house.tokens.asker(&secret).await.unwrap();
    let (cookie, _) = house.signed_in(&mo).await;
    house.people.remove(&mo.id, "Mo").await.unwrap();
    assert!(is_told());
    assert_eq!(code(house.sessions.asker(&cookie, ADA).await), "unauthenticated");
    assert_eq!(code(house.tokens.asker(&secret).await), "unauthenticated");
    assert_eq!(code(house.change(&mo, disabled(true)).await), "not_found");
}

#[tokio::test]
async fn sessions_are_listed_and_end_one_by_one_or_all_but_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(folder.path()).await;
    let ada = house.claimed().await;
    let grace = house.invited("Grace", Role::Viewer).await;
    for person in [&ada, &grace] {
        let (_, asker) = house.signed_in(person).await;
        let (other, _) = house.signed_in(person).await;
        house.signed_in(person).await;
        let listed = house.sessions.list(&person.id, &asker).await.unwrap();
        assert_eq!(listed.len(), 3);
        assert_eq!(listed.iter().filter(|session| session.current).count(), 1);
        assert_eq!(listed[0].agent.as_deref(), Some("Firefox"));
        assert_eq!(listed[0].address.as_deref(), Some("192.0.2.2"));
        let id = house.sessions.asker(&other, ADA).await.unwrap();
        let id = id.session().unwrap();
        let stranger = house.sessions.revoke("per_other", id).await;
        assert_eq!(code(stranger), "not_found", "another's session is not one's own");
        house.sessions.revoke(&person.id, id).await.unwrap();
        assert_eq!(code(house.sessions.asker(&other, ADA).await), "unauthenticated");
        assert_eq!(house.sessions.revoke_others(&person.id, &asker).await.unwrap(), 1);
        let left = house.sessions.list(&person.id, &asker).await.unwrap();
        assert!(left.len() == 1 && left[0].current);
    }
}

#[tokio::test]
async fn another_password_needs_the_old_one_and_ends_all_other_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(folder.path()).await;
    let ada = house.claimed().await;
    let grace = house.invited("Grace", Role::Viewer).await;
    for person in [&ada, &grace] {
        let (cookie, asker) = house.signed_in(person).await;
        let (other, _) = house.signed_in(person).await;
        let change = async |old, new| house.people.change_password(&asker, old, new, ADA).await;
        assert_eq!(code(change("wrong horse", "another horse").await), "wrong_password");
        assert_eq!(code(change(RIGHT, "short").await), "weak_password");
        change(RIGHT, "another horse").await.unwrap();
        assert_eq!(house.sessions.asker(&cookie, ADA).await.unwrap(), asker);
        assert_eq!(code(house.sessions.asker(&other, ADA).await), "unauthenticated");
        let name = Some(person.name.as_str());
        assert_eq!(code(house.people.log_in(typed(name, RIGHT), ADA).await), "wrong_sign_in");
        house.people.log_in(typed(name, "another horse"), ADA).await.unwrap();
    }
}

#[tokio::test]
async fn a_token_may_no_more_than_its_person_and_a_narrow_one_leaves_the_account_alone() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(folder.path()).await;
    let ada = house.claimed().await;
    let mo = house.invited("Mo", Role::Moderator).await;
    let (_, owner) = house.signed_in(&ada).await;
    let (_, moderator) = house.signed_in(&mo).await;
    let token = |role, expires_in_s| NewToken { name: "t".into(), role, expires_in_s };
    let more = house.tokens.create(&moderator, token(Some(Role::Operator), None)).await;
    assert_eq!(code(more), "invalid_token");
    for seconds in [0, u64::MAX] {
        let odd = house.tokens.create(&moderator, token(None, Some(seconds))).await;
        assert_eq!(code(odd), "invalid_token");
    }
    let (_, narrow) =
        house.tokens.create(&owner, token(Some(Role::Viewer), Some(60))).await.unwrap();
    let narrow = house.tokens.asker(&narrow).await.unwrap();
    assert_eq!(narrow.role, Role::Viewer);
    assert!(narrow.until.is_some_and(|until| until > UnixMs::now()));
    assert_eq!(code(narrow.ask(Action::KeepAccount)), "narrow_token");
    assert_eq!(code(narrow.ask(Action::Record)), "not_permitted");
    narrow.ask(Action::Watch).unwrap();
    let (_, brief) = house.tokens.create(&owner, token(None, Some(60))).await.unwrap();
    let brief = house.tokens.asker(&brief).await.unwrap();
    brief.ask(Action::Reset).unwrap();
    assert_eq!(code(brief.ask(Action::KeepAccount)), "narrow_token", "it would outlive itself");
    let escalated = house.tokens.create(&narrow, token(Some(Role::Owner), None)).await;
    assert_eq!(code(escalated), "invalid_token");
    // Each sees and revokes their own, an owner everybody's.
    let (own, _) = house.tokens.create(&moderator, token(None, None)).await.unwrap();
    assert_eq!(house.tokens.list(&moderator).await.unwrap(), std::slice::from_ref(&own));
    let all = house.tokens.list(&owner).await.unwrap();
    assert_eq!(all.len(), 3);
    let others = all.iter().find(|token| token.person == ada.id).unwrap();
    assert_eq!(code(house.tokens.delete(&moderator, &others.id).await), "not_found");
    house.tokens.delete(&owner, &own.id).await.unwrap();
    assert_eq!(house.tokens.list(&moderator).await.unwrap(), []);
}

#[tokio::test]
async fn an_expired_token_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("box.db")).unwrap();
    let ada = Person { id: "per_1".into(), name: "Ada".into(), role: Role::Owner };
    store.owner_insert(ada, "x".into(), 1).await.unwrap();
    let row = crate::store::ApiTokenRow {
        id: "tok_1".into(),
        name: "brief".into(),
        person: "per_1".into(),
        role: Role::Owner,
        created_ms: 1000,
        expires_ms: Some(2000),
        last_used_ms: None,
    };
    assert!(store.api_token_insert(row, [7; 32], 1).await.unwrap());
    assert!(store.api_token_bearer([7; 32], 1999).await.unwrap().is_some());
    assert!(store.api_token_bearer([7; 32], 2000).await.unwrap().is_none());
    assert!(store.api_token_list(2000).await.unwrap().is_empty());
}

#[tokio::test]
async fn only_so_many_passwords_are_hashed_at_a_time() {
    let (begun, mut beginning) = tokio::sync::mpsc::unbounded_channel();
    let mut going = Vec::new();
    for _ in 0..AT_A_TIME {
        let (begun, (end, ended)) = (begun.clone(), std::sync::mpsc::channel::<()>());
        let work = move || {
            begun.send(()).unwrap();
            Ok(ended.recv().is_err())
        };
        going.push((end, tokio::spawn(hashing(work))));
    }
    for _ in 0..AT_A_TIME {
        beginning.recv().await.unwrap();
    }
    assert!(HASHING.try_acquire().is_err(), "one more would begin");
    for (end, work) in going {
        drop(end);
        assert!(work.await.unwrap().unwrap());
    }
    assert!(
        verify_password("x".to_owned(), hash_password("x".to_owned()).await.unwrap())
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn who_has_a_second_factor_needs_its_code_and_each_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(folder.path()).await;
    let ada = house.claimed().await;
    assert_eq!(code(house.factors.keep(&ada, "123456").await), "no_factor_begun");
    let begun = house.factors.begin(&ada, "Hall 3").unwrap();
    assert!(begun.address.contains(&begun.secret));
    assert_eq!(code(house.factors.keep(&ada, "none").await), "wrong_factor");
    house.people.log_in(typed(None, RIGHT), ADA).await.unwrap();
    let now = totp::code_of(&begun.secret, UnixMs::now().0 / 1000);
    let recovery = house.factors.keep(&ada, &now).await.unwrap();
    assert_eq!(recovery.len(), 10);
    let log_in = async |code| {
        let typed = Typed { name: None, password: RIGHT, code };
        house.people.log_in(typed, ADA).await
    };
    assert_eq!(code(log_in(None).await), "factor_needed");
    assert_eq!(code(log_in(Some(&now)).await), "wrong_factor", "it was used to set it up");
    let next = totp::code_of(&begun.secret, UnixMs::now().0 / 1000 + 30);
    log_in(Some(&next)).await.unwrap();
    assert_eq!(code(log_in(Some(&next)).await), "wrong_factor", "a replay");
    let typed_later = recovery[3].to_lowercase().replace('-', " ");
    log_in(Some(&typed_later)).await.unwrap();
    assert_eq!(
        code(log_in(Some(&typed_later)).await),
        "wrong_factor",
        "a recovery code counts once"
    );
    assert!(house.people.list().await.unwrap()[0].second_factor);
    // Whoever confirms something is signed in already.
    house.people.confirm(&ada, RIGHT, ADA).await.unwrap();
    house.factors.remove(&ada.id).await.unwrap();
    log_in(None).await.unwrap();
    assert_eq!(code(house.factors.remove(&ada.id).await), "not_found");
}

#[tokio::test]
async fn who_knows_the_password_cannot_guess_the_code() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(folder.path()).await;
    let ada = house.claimed().await;
    let begun = house.factors.begin(&ada, "Hall 3").unwrap();
    let now = totp::code_of(&begun.secret, UnixMs::now().0 / 1000);
    house.factors.keep(&ada, &now).await.unwrap();
    let mut guesses = 0;
    loop {
        let typed = Typed { name: None, password: RIGHT, code: Some("none") };
        match house.people.log_in(typed, EVE).await {
            Err(ControlError::WrongFactor) => guesses += 1,
            Err(ControlError::TooManyAttempts { .. }) => break,
            other => panic!("{other:?}"),
        }
        assert!(guesses < 10);
    }
    house.people.remove(&ada.id, "Ada").await.unwrap_err();
}
