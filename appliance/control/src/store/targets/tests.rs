//! What is planned, due and settled.

use super::*;

impl Store {
    /// A recording that has ended, and what was made of it: names and sums.
    pub(crate) async fn recording_with_files(
        &self,
        id: &'static str,
        files: &'static [(&'static str, &'static str)],
    ) -> Result<(), StoreError> {
        let row = super::super::RecordingRow {
            id: id.to_owned(),
            room: "room_1".to_owned(),
            room_name: "Hall".to_owned(),
            started_ms: 1_764_072_345_678,
            state: crate::recordings::RecordingState::Ready,
            ..Default::default()
        };
        self.recording_insert(row).await?;
        self.call(move |sql| {
            let query = "UPDATE recordings SET ended_ms = 1e15 WHERE id = ?1";
            sql.execute(query, [id])?;
            for (path, sum) in files {
                sql.execute(
                    "INSERT OR REPLACE INTO files (recording, path, kind, bytes, sha256, job)
                     VALUES (?1, ?2, 'film', 10, ?3, 'job_1')",
                    [id, path, sum],
                )?;
            }
            Ok(())
        })
        .await
    }
}

fn wanted(target: &str) -> Wanted {
    Wanted { target: target.to_owned(), only: None, asked: false }
}

async fn plan(store: &Store, target: &str, now_ms: u64) -> usize {
    let missing = store.copy_missing(wanted(target)).await.unwrap();
    let row = |one: Missing| CopyRow {
        recording: one.source.recording,
        target: target.to_owned(),
        name: one.path.clone(),
        path: one.path,
        bytes: one.bytes,
        sha256: one.sha256,
        state: CopyState::Waiting,
        since_ms: now_ms,
        attempts: 0,
        next_ms: now_ms,
        error: None,
        resume: None,
        delivered_ms: None,
        asked: false,
        track: one.track,
    };
    let rows: Vec<CopyRow> = missing.into_iter().map(row).collect();
    let planned = rows.len();
    store.copy_plan(rows).await.unwrap();
    planned
}

fn target(change: serde_json::Value) -> TargetRow {
    let mut row = serde_json::json!({
        "id": "tgt_1", "name": "nas", "place": { "kind": "folder", "path": "/mnt/nas" },
        "secrets": {}, "contents": "films", "rooms": [], "hours": null, "megabits": null,
        "enabled": true, "since_ms": 1, "version": 0,
    });
    for (field, value) in change.as_object().unwrap() {
        row[field] = value.clone();
    }
    serde_json::from_value(row).unwrap()
}

async fn store(folder: &std::path::Path) -> Store {
    let store = Store::open(&folder.join("box.db")).unwrap();
    store.target_put(target(serde_json::json!({})), false).await.unwrap();
    store
}

#[tokio::test]
async fn what_was_made_anew_is_sent_anew_and_an_old_outcome_says_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    store.recording_with_files("rec_1", &[("film.mp4", "aa")]).await.unwrap();
    assert_eq!(plan(&store, "tgt_1", 100).await, 1);
    assert_eq!(plan(&store, "tgt_1", 100).await, 0);
    let far = u64::from(u32::MAX);
    let sending = store.copy_next("tgt_1".to_owned(), 100, far).await.unwrap().unwrap();
    // Meanwhile the film is made anew.
    store
        .call(|sql| {
            sql.execute("UPDATE files SET sha256 = 'bb'", [])?;
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(plan(&store, "tgt_1", 200).await, 1);
    let outcome = CopyRow { state: CopyState::Delivered, ..sending.clone() };
    store.copy_settle(outcome, sending.sha256, 0).await.unwrap();
    let again = store.copy_next("tgt_1".to_owned(), 200, far).await.unwrap().unwrap();
    assert_eq!((again.sha256.as_str(), again.state), ("bb", CopyState::Waiting));
    let outcome = CopyRow { state: CopyState::Delivered, ..again.clone() };
    store.copy_settle(outcome, again.sha256, 0).await.unwrap();
    assert!(store.copy_all_there("rec_1".to_owned(), "tgt_1".to_owned()).await.unwrap());
    assert_eq!(plan(&store, "tgt_1", 300).await, 0);
}

#[tokio::test]
async fn what_waits_is_due_in_time_and_at_once_when_the_clock_went_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    store.recording_with_files("rec_1", &[("film.mp4", "aa")]).await.unwrap();
    plan(&store, "tgt_1", 1_000_000).await;
    let next = |now, far| store.copy_next("tgt_1".to_owned(), now, far);
    assert!(next(999_999, 2_000_000).await.unwrap().is_none());
    assert!(next(1_000_000, 2_000_000).await.unwrap().is_some());
    assert!(next(100, 50_000).await.unwrap().is_some(), "put off by a clock that was wrong");
}

#[tokio::test]
async fn only_what_the_rules_want_or_somebody_asks_for_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    for id in ["rec_1", "rec_2"] {
        store.recording_with_files(id, &[("film.mp4", "aa")]).await.unwrap();
    }
    let count = async |rules, wanted| {
        store.target_put(target(rules), false).await.unwrap();
        store.copy_missing(wanted).await.unwrap().len()
    };
    let all = || wanted("tgt_1");
    let one = || Wanted { only: Some("rec_1".to_owned()), ..all() };
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(count(json("{}"), all()).await, 2);
    assert_eq!(count(json("{}"), one()).await, 1);
    assert_eq!(count(json(r#"{ "rooms": ["room_1", "room_2"] }"#), all()).await, 2);
    assert_eq!(count(json(r#"{ "rooms": ["room_2"] }"#), all()).await, 0);
    assert_eq!(count(json(r#"{ "since_ms": 2000000000000000 }"#), all()).await, 0);
    assert_eq!(count(json(r#"{ "after_ms": 1000000000000000 }"#), all()).await, 0);
    // Made by a clock that was ahead: what counts is what had ended by then.
    let ahead = r#"{ "since_ms": 2000000000000000, "after_ms": 999999999999999 }"#;
    assert_eq!(count(json(ahead), all()).await, 2);
    let asked = Wanted { asked: true, ..one() };
    assert_eq!(count(json(r#"{ "rooms": ["room_2"] }"#), asked).await, 1);
}

#[tokio::test]
async fn what_no_rule_wants_any_more_goes_and_what_was_begun_of_it_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    store.recording_with_files("rec_1", &[("a", "aa"), ("b", "bb"), ("c", "cc")]).await.unwrap();
    plan(&store, "tgt_1", 100).await;
    let owed = || store.copy_owed("rec_1".to_owned());
    let far = u64::from(u32::MAX);
    let begun = store.copy_next("tgt_1".to_owned(), 100, far).await.unwrap().unwrap();
    assert_eq!(begun.path, "a");
    store.copy_keep_resume(begun, Some("half".to_owned())).await.unwrap();
    let other_room = || target(serde_json::json!({ "rooms": ["room_2"] }));
    store.target_put(other_room(), false).await.unwrap();
    assert!(!owed().await.unwrap());
    let left = store.leftover_next("tgt_1".to_owned(), 0, far).await.unwrap().unwrap();
    assert_eq!((left.name.as_str(), left.resume.as_deref()), ("a", Some("half")));
    // Wanted again, it goes on from there.
    store.target_put(target(serde_json::json!({})), false).await.unwrap();
    assert!(owed().await.unwrap(), "it is owed before it is planned");
    assert_eq!(plan(&store, "tgt_1", 200).await, 3);
    assert_eq!(store.leftover_next("tgt_1".to_owned(), 0, far).await.unwrap(), None);
    let again = store.copy_next("tgt_1".to_owned(), 200, far).await.unwrap().unwrap();
    assert_eq!((again.path.as_str(), again.resume.as_deref()), ("a", Some("half")));
    // A clock that is set makes nothing older than its target.
    let young = || target(serde_json::json!({ "since_ms": 2_000_000_000_000_000_u64 }));
    store.target_put(young(), false).await.unwrap();
    assert_eq!(store.copy_list("rec_1".to_owned()).await.unwrap().len(), 3);
    // What somebody asked for stays, and what is there too.
    let there = CopyRow { state: CopyState::Delivered, ..again.clone() };
    store.copy_settle(there, again.sha256, 0).await.unwrap();
    store.copy_ask("rec_1".to_owned(), "tgt_1".to_owned()).await.unwrap();
    store.target_put(other_room(), false).await.unwrap();
    assert_eq!(store.copy_list("rec_1".to_owned()).await.unwrap().len(), 3);
}

#[tokio::test]
async fn tracks_are_owed_before_they_are_planned() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    store.recording_with_files("rec_1", &[("a", "aa")]).await.unwrap();
    plan(&store, "tgt_1", 100).await;
    let far = u64::from(u32::MAX);
    let film = store.copy_next("tgt_1".to_owned(), 100, far).await.unwrap().unwrap();
    let there = CopyRow { state: CopyState::Delivered, ..film.clone() };
    store.copy_settle(there, film.sha256.clone(), 0).await.unwrap();
    let owed = async |rules| {
        store.target_put(target(rules), false).await.unwrap();
        store.copy_owed("rec_1".to_owned()).await.unwrap()
    };
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert!(!owed(json("{}")).await);
    assert!(owed(json(r#"{ "contents": "everything" }"#)).await);
    assert!(!owed(json(r#"{ "contents": "everything", "rooms": ["room_2"] }"#)).await);
    assert!(!owed(json(r#"{ "contents": "everything", "enabled": false }"#)).await);
    let young = r#"{ "contents": "everything", "since_ms": 2000000000000000 }"#;
    assert!(!owed(json(young)).await);
    let manifest = CopyRow { path: MANIFEST.to_owned(), track: true, ..film };
    store.copy_plan(vec![manifest.clone()]).await.unwrap();
    assert!(owed(json(r#"{ "contents": "everything" }"#)).await, "it waits");
    let there = CopyRow { state: CopyState::Delivered, ..manifest };
    store.copy_settle(there.clone(), there.sha256, 0).await.unwrap();
    assert!(!owed(json(r#"{ "contents": "everything" }"#)).await);
}

#[tokio::test]
async fn leftovers_that_are_due_are_put_off_together_and_given_up_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let keep = async |name: &str| {
        store.leftover_keep("tgt_1".to_owned(), name.to_owned(), None).await.unwrap();
    };
    let far = u64::from(u32::MAX);
    let fail = |now| {
        store.leftover_put_off("tgt_1".to_owned(), (now, far), |failed| 100 * u64::from(failed), 3)
    };
    let attempts = async || {
        let left = store.leftover_list("tgt_1".to_owned()).await.unwrap();
        left.into_iter().map(|one| (one.name, one.attempts)).collect::<Vec<_>>()
    };
    let due = |now| store.leftover_next("tgt_1".to_owned(), now, far);
    keep("a").await;
    keep("b").await;
    fail(0).await.unwrap();
    assert_eq!(attempts().await, [("a".to_owned(), 1), ("b".to_owned(), 1)]);
    assert_eq!(due(99).await.unwrap(), None);
    // A new one fails alone, and is tried again with the others.
    keep("c").await;
    fail(50).await.unwrap();
    assert_eq!(attempts().await[0].1, 1);
    assert_eq!(attempts().await[2], ("c".to_owned(), 1));
    assert_eq!(due(149).await.unwrap(), None);
    fail(150).await.unwrap();
    assert_eq!(due(349).await.unwrap(), None);
    assert_eq!(attempts().await.len(), 3);
    fail(350).await.unwrap();
    assert!(attempts().await.is_empty());
}

#[tokio::test]
async fn tracks_go_when_only_films_are_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    store.recording_with_files("rec_1", &[("a", "aa")]).await.unwrap();
    let everything = || target(serde_json::json!({ "contents": "everything" }));
    store.target_put(everything(), false).await.unwrap();
    plan(&store, "tgt_1", 100).await;
    let film = store.copy_list("rec_1".to_owned()).await.unwrap().remove(0);
    let track = CopyRow { path: MANIFEST.to_owned(), track: true, ..film.clone() };
    store.copy_plan(vec![track]).await.unwrap();
    let count = async || store.copy_list("rec_1".to_owned()).await.unwrap().len();
    store.target_put(everything(), false).await.unwrap();
    assert_eq!(count().await, 2);
    store.target_put(target(serde_json::json!({})), false).await.unwrap();
    assert_eq!(store.copy_list("rec_1".to_owned()).await.unwrap(), [film]);
}

#[tokio::test]
async fn a_recording_that_goes_leaves_what_was_begun_and_a_target_that_goes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    store.recording_with_files("rec_1", &[("a", "aa"), ("b", "bb")]).await.unwrap();
    plan(&store, "tgt_1", 100).await;
    let far = u64::from(u32::MAX);
    store.copy_next("tgt_1".to_owned(), 100, far).await.unwrap().unwrap();
    let names = async || {
        let left = store.leftover_list("tgt_1".to_owned()).await.unwrap();
        left.into_iter().map(|one| one.name).collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["a"]);
    store.recording_delete("rec_1".to_owned()).await.unwrap();
    assert_eq!(names().await, ["a"]);
    store.leftover_keep("tgt_1".to_owned(), "a".to_owned(), Some("x".to_owned())).await.unwrap();
    let mut left = store.leftover_next("tgt_1".to_owned(), 5, far).await.unwrap().unwrap();
    assert_eq!(left.resume.as_deref(), Some("x"));
    left.attempts = 1;
    store.leftover_put_off("tgt_1".to_owned(), (5, far), |_| 5, 9).await.unwrap();
    assert_eq!(store.leftover_next("tgt_1".to_owned(), 9, far).await.unwrap(), None);
    assert_eq!(store.leftover_next("tgt_1".to_owned(), 10, far).await.unwrap(), Some(left));
    store.target_delete("tgt_1".to_owned()).await.unwrap();
    assert!(names().await.is_empty());
    store.leftover_keep("tgt_1".to_owned(), "a".to_owned(), None).await.unwrap();
    assert!(names().await.is_empty());
}
