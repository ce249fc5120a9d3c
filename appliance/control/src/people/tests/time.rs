//! What time tells, and what becomes of people when somebody sets the clock.

use super::*;

#[tokio::test]
async fn whoever_is_asked_for_one_password_is_hashed_so_that_time_tells_no_names() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(folder.path()).await;
    let ada = house.claimed().await;
    let grace = house.invited("Grace", Role::Viewer).await;
    house.change(&grace, disabled(true)).await.unwrap();
    let from_provider = house.invited("Kay", Role::Viewer).await;
    let none = NO_PASSWORD.to_owned();
    let store = Store::open(&folder.path().join("box.db")).unwrap();
    store.password_put(from_provider.id, none, None).await.unwrap();
    for (name, password, right) in [
        (Some("Ada"), RIGHT, true),
        (None, RIGHT, true),
        (Some("Ada"), "wrong horse", false),
        (None, "wrong horse", false),
        (Some("Nobody"), RIGHT, false),
        (Some(""), RIGHT, false),
        (Some("Grace"), RIGHT, false),
        (Some("Kay"), RIGHT, false),
    ] {
        let before = secrets::HASHED.get();
        let came = house.people.log_in(typed(name, password), EVE).await.ok();
        assert_eq!(came, right.then(|| ada.clone()), "{name:?}");
        assert_eq!(secrets::HASHED.get() - before, 1, "{name:?} {password}");
    }
}

#[tokio::test]
async fn a_clock_that_ran_a_year_ahead_or_a_day_back_takes_nothing_away_and_lengthens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(folder.path()).await;
    let ada = house.claimed().await;
    let store = Store::open(&folder.path().join("box.db")).unwrap();
    store.clock_is_set(true);
    let (now, day) = (UnixMs::now().0, 24 * 3600 * 1000_u64);
    let year = 365 * day;
    let session = |at: u64| crate::store::SessionRow {
        id: String::new(),
        person: ada.id.clone(),
        created_ms: at,
        expires_ms: at + 30 * day,
        agent: None,
        address: None,
        seen_ms: at,
    };
    let token = |id: &str, at: u64| crate::store::ApiTokenRow {
        id: id.to_owned(),
        name: "t".to_owned(),
        person: ada.id.clone(),
        role: Role::Viewer,
        created_ms: at,
        expires_ms: Some(at + 30 * day),
        last_used_ms: None,
    };
    let invite = |id: &str, at: u64| crate::store::PersonInviteRow {
        id: id.to_owned(),
        name: "Bob".to_owned(),
        role: Role::Viewer,
        created_ms: at,
        expires_ms: at + 7 * day,
    };
    let comes_in = async |secret: u8, at: u64| {
        store.session_person([secret; 32], None, at).await.unwrap().is_some()
    };
    let opens = async |secret: u8, at: u64| {
        store.api_token_bearer([secret; 32], at).await.unwrap().is_some()
    };
    store.session_insert([1; 32], session(now), 9).await.unwrap();
    assert!(store.api_token_insert(token("tok_1", now), [1; 32], 1).await.unwrap());
    assert!(store.person_invite_insert(invite("inv_1", now), [1; 32], 1).await.unwrap());
    // A year ahead: they have ended, and others are made, which is when old ones are forgotten.
    assert!(!comes_in(1, now + year).await && !opens(1, now + year).await);
    store.session_insert([2; 32], session(now + year), 9).await.unwrap();
    assert!(store.api_token_insert(token("tok_2", now + year), [2; 32], 1).await.unwrap());
    assert!(store.person_invite_insert(invite("inv_2", now + year), [2; 32], 1).await.unwrap());
    assert!(comes_in(2, now + year).await);
    // And back: those of before are good, and the session of then does not last a year longer.
    assert!(comes_in(1, now).await && opens(1, now).await);
    assert!(store.person_invite_list(now).await.unwrap().iter().any(|one| one.id == "inv_1"));
    assert!(!comes_in(2, now).await && !opens(2, now).await);
    assert!(store.person_invite_get([2; 32], now).await.unwrap().is_none());
    let grace = Person { id: "per_2".to_owned(), name: "Grace".to_owned(), role: Role::Viewer };
    let accepted = store.person_accept([2; 32], grace, "hash".to_owned(), now, 9).await.unwrap();
    assert_eq!(accepted, Changed::Nobody);
    // One that does not expire does not last any longer.
    let endless = crate::store::ApiTokenRow { expires_ms: None, ..token("tok_3", now + year) };
    assert!(store.api_token_insert(endless, [3; 32], 9).await.unwrap());
    assert!(opens(3, now).await);
    // Before anybody has set the clock it may be behind: then nobody is signed out.
    store.clock_is_set(false);
    assert!(comes_in(2, now).await && comes_in(1, now - 60 * day).await);
    assert!(opens(1, now - 60 * day).await);
    store.clock_is_set(true);
    // Once it is believed they are gone, and do not come back when their time comes.
    assert_eq!(store.forget_ahead(now).await.unwrap(), 3);
    assert!(!comes_in(2, now + year).await && !opens(2, now + year).await && opens(3, now).await);
    assert!(store.person_invite_get([2; 32], now + year).await.unwrap().is_none());
    // A day back, and half a minute, nobody notices; the time of the last visit follows.
    assert!(comes_in(1, now - day).await && comes_in(1, now - 30_000).await);
    let seen = store.session_list(ada.id.clone(), now).await.unwrap();
    assert_eq!(seen.iter().find(|one| one.created_ms == now).unwrap().seen_ms, now - 30_000);
}
