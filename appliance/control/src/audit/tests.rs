//! What is written down, what is cut, and what is found when somebody changed it.

use super::*;
use crate::store::tampered;
use std::path::{Path, PathBuf};

const DAY: u64 = 24 * 3600 * 1000;

fn open(folder: &Path) -> (PathBuf, Arc<Store>, Audit) {
    let path = folder.join("box.db");
    let store = Arc::new(Store::open(&path).unwrap());
    (path, store.clone(), Audit::new(store))
}

fn done(person: &str, action: &str, result: &str) -> Noted {
    Noted {
        person: person.to_owned(),
        action: action.to_owned(),
        result: result.to_owned(),
        ..Noted::default()
    }
}

async fn exported(audit: &Audit) -> String {
    let (mut all, mut last) = audit.export(None).await.unwrap();
    loop {
        let (more, next) = audit.export(Some(last)).await.unwrap();
        if more.is_empty() {
            return all;
        }
        all += &more;
        last = next;
    }
}

async fn numbers(audit: &Audit, asked: AuditQuery) -> Vec<u64> {
    let (rows, _) = audit.list(AuditQuery { limit: 200, ..asked }).await.unwrap();
    rows.into_iter().map(|row| row.seq).collect()
}

#[tokio::test]
async fn what_is_written_is_found_by_each_filter_and_exported_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (_, store, audit) = open(folder.path());
    for (at, what) in [
        (1, done("per_1", "room_create", "ok")),
        (2, done("per_1", "room_delete", "not_found")),
        (3, done("per_2", "room_create", "ok")),
    ] {
        store.audit_append(what, at * DAY).await.unwrap();
    }
    let all = AuditQuery::default();
    assert_eq!(numbers(&audit, all.clone()).await, [3, 2, 1]);
    let person = AuditQuery { person: Some("per_1".into()), ..all.clone() };
    assert_eq!(numbers(&audit, person).await, [2, 1]);
    let action = AuditQuery { action: Some("room_create".into()), ..all.clone() };
    assert_eq!(numbers(&audit, action).await, [3, 1]);
    let refused = AuditQuery { refused: Some(true), ..all.clone() };
    assert_eq!(numbers(&audit, refused).await, [2]);
    let days = AuditQuery { from: Some(UnixMs(2 * DAY)), to: Some(UnixMs(3 * DAY)), ..all.clone() };
    assert_eq!(numbers(&audit, days).await, [2]);
    let (first, next) = audit.list(AuditQuery { limit: 2, ..all.clone() }).await.unwrap();
    assert_eq!((first.len(), next), (2, Some(2)));
    let rest = AuditQuery { before: next, ..all.clone() };
    assert_eq!(numbers(&audit, rest).await, [1]);
    for limit in [0, 201] {
        audit.list(AuditQuery { limit, ..all.clone() }).await.unwrap_err();
    }
    assert_eq!(chain::check(exported(&audit).await.as_bytes()), Ok((3, 3)));
}

#[tokio::test]
async fn a_long_log_is_exported_in_parts_that_join() {
    let folder = tempfile::tempdir().unwrap();
    let (_, store, audit) = open(folder.path());
    for at in 0..u64::from(PAGE) + 7 {
        store.audit_append(done("", "x", "ok"), at).await.unwrap();
    }
    let rows = u64::from(PAGE) + 7;
    assert_eq!(chain::check(exported(&audit).await.as_bytes()), Ok((rows, rows)));
    audit.look().await.unwrap();
    assert!(audit.is_whole());
}

#[tokio::test]
async fn what_is_cut_leaves_an_anchor_from_which_the_rest_is_still_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (_, store, audit) = open(folder.path());
    for day in 1..=10 {
        store.audit_append(done("", "x", "ok"), day * DAY).await.unwrap();
    }
    store.audit_cut(4 * DAY, 100).await.unwrap();
    assert_eq!(audit.state().await.unwrap(), AuditState { anchor: 3, newest: 10, broken: None });
    assert_eq!(chain::check(exported(&audit).await.as_bytes()), Ok((7, 10)));
    store.audit_cut(0, 2).await.unwrap();
    assert_eq!(chain::check(exported(&audit).await.as_bytes()), Ok((2, 10)));
    // All of it, and what is written then goes on from there.
    store.audit_cut(99 * DAY, 100).await.unwrap();
    assert_eq!(chain::check(exported(&audit).await.as_bytes()), Ok((0, 10)));
    store.audit_append(done("", "x", "ok"), 0).await.unwrap();
    assert_eq!(chain::check(exported(&audit).await.as_bytes()), Ok((1, 11)));
    audit.look().await.unwrap();
    assert!(audit.is_whole());
}

#[tokio::test]
async fn a_log_that_somebody_changed_says_where() {
    for (query, says) in [
        ("UPDATE audit SET entry = replace(entry, 'x', 'y') WHERE seq = 3", "row 3 was changed"),
        ("UPDATE audit SET hash = 'aa' WHERE seq = 5", "row 5 was changed"),
        ("DELETE FROM audit WHERE seq = 2", "row 2 was changed"),
        ("DELETE FROM audit WHERE seq = 1", "row 1 was changed"),
        ("UPDATE audit SET seq = 9 WHERE seq = 1", "row 1 was changed"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (path, store, audit) = open(folder.path());
        for at in 0..5 {
            store.audit_append(done("", "x", "ok"), at).await.unwrap();
        }
        audit.look().await.unwrap();
        assert!(audit.is_whole());
        tampered(&path, query);
        audit.look().await.unwrap();
        let broken = audit.state().await.unwrap().broken.unwrap_or_default();
        assert!(!audit.is_whole() && broken.starts_with(says), "{query}: {broken}");
        chain::check(exported(&audit).await.as_bytes()).unwrap_err();
    }
}

#[tokio::test]
async fn many_refusals_are_counted_and_do_not_push_out_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let (_, _, audit) = open(folder.path());
    for _ in 0..REFUSALS + 30 {
        audit.note(done("", "session_post", "wrong_password")).await;
    }
    audit.note(done("per_1", "room_create", "ok")).await;
    let (rows, _) = audit.list(AuditQuery { limit: 1, ..AuditQuery::default() }).await.unwrap();
    assert_eq!((rows[0].seq, rows[0].what.skipped), (u64::from(REFUSALS) + 1, 30));
}

#[test]
fn refusals_have_room_again_one_a_minute() {
    let (mut refusals, start) = (Refusals::default(), Instant::now());
    let written = |refusals: &mut Refusals, at| (0..500).filter(|_| refusals.is_room(at)).count();
    assert_eq!(written(&mut refusals, start), REFUSALS as usize);
    assert_eq!(written(&mut refusals, start + REFUSAL_EACH * 5), 5);
}
