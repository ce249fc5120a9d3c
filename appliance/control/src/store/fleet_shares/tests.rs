//! What a hub keeps of a box that tells too much, and of the others.

use crate::fleet::Place;
use crate::store::fleet_shares::{self, Bounds};
use crate::store::{FleetBoxRow, FleetSearch, HeardRow, Store, ToldSearch};
use std::path::Path;

const BOUNDS: Bounds = Bounds { heard: 10, heard_bytes: 400, listed: 3 };

async fn hub(folder: &Path) -> Store {
    let store = Store::open(&folder.join("box.db")).unwrap();
    let place = Place::Hub { addresses: vec!["h:1".to_owned()], port: 1 };
    let row = |id: &str| FleetBoxRow {
        id: id.to_owned(),
        key: id.to_owned(),
        name: id.to_owned(),
        joined_ms: 0,
    };
    assert!(store.fleet_enter(place, "own".to_owned(), Some(row("loud"))).await.unwrap());
    store.fleet_invite([0; 32], 9, 1).await.unwrap();
    assert!(store.fleet_admit([0; 32], row("quiet"), 1, 9).await.unwrap());
    store
}

fn says(of: &str, seq: u64, kind: &str, body: String) -> HeardRow {
    HeardRow {
        of: of.to_owned(),
        id: format!("{of}{seq}"),
        epoch: "e".to_owned(),
        first: 1,
        seq,
        kind: kind.to_owned(),
        at_ms: seq,
        body,
    }
}

async fn kept(store: &Store, of: &str) -> Vec<u64> {
    let search = ToldSearch { of: Some(of.to_owned()), ..ToldSearch::default() };
    let rows = store.fleet_told(search, 1000).await.unwrap();
    rows.iter().rev().map(|row| row.seq).collect()
}

#[tokio::test]
async fn a_box_that_tells_too_much_loses_its_own_oldest_and_no_other_does() {
    let folder = tempfile::tempdir().unwrap();
    let store = hub(folder.path()).await;
    let hear = |rows| store.fleet_hear_within(rows, 1_000, BOUNDS);
    let quiet = (1..=5).map(|seq| says("quiet", seq, "room.created", "{}".to_owned())).collect();
    assert!(hear(quiet).await.unwrap().forgotten.is_empty());
    let loud = |from, until| {
        (from..until).map(|seq| says("loud", seq, "room.created", "{}".to_owned())).collect()
    };
    assert!(hear(loud(1, 11)).await.unwrap().forgotten.is_empty());
    let hearing = hear(loud(11, 31)).await.unwrap();
    assert_eq!((hearing.new, hearing.forgotten.get("loud")), (20, Some(&20)));
    assert_eq!(kept(&store, "loud").await, (21..31).collect::<Vec<_>>());
    assert_eq!(kept(&store, "quiet").await, [1, 2, 3, 4, 5]);
    // What was forgotten is not missing: nobody is asked for it.
    assert!(store.fleet_missing(vec![("loud".into(), "e".into(), 30)]).await.unwrap().is_empty());
    // Few that are long are too much as well.
    let long = (31..33).map(|seq| says("loud", seq, "room.created", "x".repeat(300))).collect();
    assert!(hear(long).await.unwrap().forgotten["loud"] >= 10);
    assert!(!kept(&store, "loud").await.contains(&30));
    assert_eq!(kept(&store, "quiet").await.len(), 5);
    // What went by its age makes room again, and the same that comes again takes none.
    store.fleet_forget(2_000).await.unwrap();
    assert!(hear(loud(100, 110)).await.unwrap().forgotten.is_empty());
    assert_eq!(hear(loud(100, 110)).await.unwrap().again, 10);
    assert_eq!(kept(&store, "loud").await.len(), 10);
}

#[tokio::test]
async fn what_is_kept_is_what_is_counted_whatever_it_says_and_whoever_takes_it_away() {
    let folder = tempfile::tempdir().unwrap();
    let store = hub(folder.path()).await;
    let wide = |n| says("loud", n, "room.created", format!("\"{}\"", "ü".repeat(50)));
    store.fleet_hear_within((1..4).map(wide).collect(), 1_000, BOUNDS).await.unwrap();
    let share = || async { store.call(|sql| fleet_shares::get(sql, "loud")).await.unwrap() };
    let counted = share().await;
    assert_eq!((counted.heard, counted.heard_bytes), (3, 3 * 102), "bytes, not signs");
    let hearing = store.fleet_hear_within(vec![wide(4)], 1_000, BOUNDS).await.unwrap();
    assert_eq!(hearing.forgotten["loud"], 4, "408 bytes are too many, and so few go at once");
    assert_eq!((share().await.heard, share().await.heard_bytes), (0, 0));
    // A version that knows nothing of shares deletes what is old.
    store.fleet_hear_within((5..8).map(wide).collect(), 1_000, BOUNDS).await.unwrap();
    store.call(|sql| Ok(sql.execute("DELETE FROM fleet_heard", [])?)).await.unwrap();
    assert_eq!((share().await.heard, share().await.heard_bytes), (0, 0));
}

#[tokio::test]
async fn recordings_beyond_the_bound_are_not_listed_and_those_that_are_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = hub(folder.path()).await;
    let recording = |of: &str, seq: u64, id: u64, state: &str| {
        let body = serde_json::json!({"id": format!("rec_{id}"), "title": "T", "state": state});
        says(of, seq, "recording.changed", body.to_string())
    };
    let bounds = Bounds { listed: 3, ..crate::store::fleet_shares::BOUNDS };
    let hear = |rows| store.fleet_hear_within(rows, 1_000, bounds);
    let rows = (1..=5).map(|n| recording("loud", n, n, "ready")).collect();
    assert_eq!(hear(rows).await.unwrap().unlisted.get("loud"), Some(&2));
    let again = vec![recording("loud", 6, 3, "parked"), recording("quiet", 1, 9, "ready")];
    assert!(hear(again).await.unwrap().unlisted.is_empty());
    let found = store.fleet_library(FleetSearch::default(), 10).await.unwrap();
    let of = |of: &str| found.iter().filter(|row| row.of == of).count();
    assert_eq!((of("loud"), of("quiet")), (3, 1));
    assert!(found.iter().any(|row| row.recording == "rec_3" && row.state == "parked"));
    // The events themselves are kept.
    assert_eq!(kept(&store, "loud").await.len(), 6);
    // Those that were deleted count until they are forgotten.
    let mut gone = recording("loud", 7, 1, "deleted");
    gone.kind = "recording.deleted".to_owned();
    hear(vec![gone]).await.unwrap();
    assert_eq!(hear(vec![recording("loud", 8, 7, "ready")]).await.unwrap().unlisted["loud"], 1);
    store.fleet_forget(2_000).await.unwrap();
    assert!(hear(vec![recording("loud", 9, 8, "ready")]).await.unwrap().unlisted.is_empty());
}

#[tokio::test]
async fn a_box_that_makes_runs_of_numbers_up_has_no_more_of_them_than_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = hub(folder.path()).await;
    let row = |n: u64| HeardRow {
        epoch: format!("made-up-{n}"),
        ..says("loud", n, "room.created", "{}".to_owned())
    };
    store.fleet_hear_within((2..502).map(row).collect(), 1_000, super::BOUNDS).await.unwrap();
    let gaps = store.fleet_missing(Vec::new()).await.unwrap();
    assert!((1..=64).contains(&gaps.len()), "{}", gaps.len());
}
