//! What is planned, due and settled.

use super::*;

fn wanted(target: &str) -> Wanted {
    Wanted { target: target.to_owned(), since_ms: 1, rooms: Vec::new(), also: None }
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
    };
    let rows: Vec<CopyRow> = missing.into_iter().map(row).collect();
    let planned = rows.len();
    store.copy_plan(rows).await.unwrap();
    planned
}

async fn store(folder: &std::path::Path) -> Store {
    let store = Store::open(&folder.join("box.db")).unwrap();
    let row = serde_json::json!({
        "id": "tgt_1", "name": "nas", "place": { "kind": "folder", "path": "/mnt/nas" },
        "secrets": {}, "contents": "films", "rooms": [], "hours": null, "megabits": null,
        "enabled": true, "since_ms": 1, "version": 0,
    });
    store.target_put(serde_json::from_value(row).unwrap(), false).await.unwrap();
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
async fn only_what_is_meant_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    store.recording_with_files("rec_1", &[("film.mp4", "aa")]).await.unwrap();
    let count = |wanted| async { store.copy_missing(wanted).await.unwrap().len() };
    let of = |rooms: &[&str], since_ms, also: Option<&str>| Wanted {
        since_ms,
        rooms: rooms.iter().map(|room| (*room).to_owned()).collect(),
        also: also.map(str::to_owned),
        ..wanted("tgt_1")
    };
    assert_eq!(count(of(&[], 1, None)).await, 1);
    assert_eq!(count(of(&["room_1", "room_2"], 1, None)).await, 1);
    assert_eq!(count(of(&["room_2"], 1, None)).await, 0);
    assert_eq!(count(of(&[], 2_000_000_000_000_000, None)).await, 0);
    assert_eq!(count(of(&["room_2"], 1, Some("rec_1"))).await, 1);
}
