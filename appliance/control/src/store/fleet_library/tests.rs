//! What a hub learns of recordings, whatever comes first, and what leads to them.

use super::*;
use crate::fleet::Place;
use crate::store::{FleetBoxRow, RecordingRow};
use std::path::Path;

const NOW: u64 = 1_764_072_345_678;

async fn hub(folder: &Path) -> Store {
    let store = Store::open(&folder.join("box.db")).unwrap();
    let place = Place::Hub { addresses: vec!["h:1".to_owned()], port: 1 };
    let (id, key, name) = ("box-a".to_owned(), "key".to_owned(), "a".to_owned());
    let row = FleetBoxRow { id, key, name, joined_ms: 0 };
    assert!(store.fleet_enter(place, "own".to_owned(), Some(row)).await.unwrap());
    store
}

fn heard(epoch: &str, seq: u64, kind: &str, body: &str) -> HeardRow {
    HeardRow {
        of: "box-a".to_owned(),
        id: format!("{epoch}-{seq}"),
        epoch: epoch.to_owned(),
        first: 1,
        seq,
        kind: format!("recording.{kind}"),
        at_ms: 1_000 * seq,
        body: body.to_owned(),
    }
}

async fn found(store: &Store, words: &[&str]) -> Vec<(String, String, u64)> {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    let rows = store.fleet_library(FleetSearch { words, ..FleetSearch::default() }, 10).await;
    let rows = rows.unwrap().into_iter();
    rows.map(|row| (row.title, row.state, row.mark.ms)).collect()
}

const STARTED: &str = r#"{"id":"rec_1","title":"Müller · Aula","state":"recording"}"#;
const ENDED: &str =
    r#"{"id":"rec_1","title":"Müller · Aula","state":"ready","bytes":7,"duration_ms":9}"#;

#[tokio::test]
async fn the_later_number_counts_whatever_comes_first_and_what_was_deleted_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = hub(folder.path()).await;
    let rows = [heard("e", 3, "changed", ENDED), heard("e", 1, "started", STARTED)];
    store.fleet_hear(rows.to_vec(), NOW).await.unwrap();
    let one = ("Müller · Aula".to_owned(), "ready".to_owned(), 3_000);
    assert_eq!(found(&store, &[]).await, [one]);
    assert_eq!(found(&store, &["muller", "aul"]).await.len(), 1);
    assert!(found(&store, &["muller", "hall"]).await.is_empty());
    // It is known by its beginning and its room as soon as these are told.
    let known = r#"{"id":"rec_1","title":"Opening","room_name":"Great hall","state":"ready","started_ms":40}"#;
    store.fleet_hear(vec![heard("e", 4, "known", known)], NOW).await.unwrap();
    assert_eq!(found(&store, &["opening", "hall"]).await[0].2, 40);
    let again = ENDED.replace("Müller · Aula", "Opening");
    store.fleet_hear(vec![heard("e", 5, "changed", &again)], NOW).await.unwrap();
    assert_eq!(found(&store, &["hall"]).await.len(), 1, "the room is still known");
    let deleted = heard("e", 8, "deleted", r#"{"id":"rec_1"}"#);
    store.fleet_hear(vec![deleted, heard("e", 7, "changed", ENDED)], NOW).await.unwrap();
    store.fleet_hear(vec![heard("e", 9, "changed", ENDED)], NOW).await.unwrap();
    assert!(found(&store, &[]).await.is_empty());
    // From a copy of its database the box may have it again.
    store.fleet_hear(vec![heard("f", 1, "known", known)], NOW).await.unwrap();
    assert_eq!(found(&store, &[]).await.len(), 1);
    for bad in ["null", "[]", r#"{"id":7}"#, "{"] {
        store.fleet_hear(vec![heard(bad, 1, "changed", bad)], NOW).await.unwrap();
    }
    assert_eq!(found(&store, &[]).await.len(), 1);
    store.fleet_expel("box-a".to_owned()).await.unwrap();
    assert!(found(&store, &[]).await.is_empty());
}

#[tokio::test]
async fn who_joins_tells_of_what_was_recorded_before_and_of_new_titles_later() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("box.db")).unwrap();
    let row = |id: &str| RecordingRow {
        id: id.to_owned(),
        title: id.to_owned(),
        room_name: "Aula".to_owned(),
        ..RecordingRow::default()
    };
    store.recording_insert(row("rec_1")).await.unwrap();
    store.recording_set_title("rec_1".to_owned(), "alone".to_owned()).await.unwrap();
    assert!(store.fleet_unsent(0, 9).await.unwrap().is_empty());
    let place = Place::Hub { addresses: vec!["h:1".to_owned()], port: 1 };
    store.fleet_enter(place, "e".to_owned(), None).await.unwrap();
    store.recording_insert(row("rec_2")).await.unwrap();
    store.recording_set_title("rec_2".to_owned(), "new".to_owned()).await.unwrap();
    let told = store.fleet_unsent(0, 9).await.unwrap();
    let told: Vec<_> = told.iter().map(|row| (row.kind.as_str(), row.body.as_str())).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].0 == KNOWN && told[0].1.contains("alone") && told[0].1.contains("Aula"));
    assert_eq!(told[1].0, "recording.started");
    assert!(told[2].0 == KNOWN && told[2].1.contains(r#""title":"new""#));
}

#[tokio::test]
async fn pages_follow_each_other_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let store = hub(folder.path()).await;
    let said = |n: u64| format!(r#"{{"id":"rec_{n}","title":"t{n}","started_ms":{}}}"#, n / 2);
    let rows = (1..=9).map(|n| heard("e", n, "known", &said(n))).collect();
    store.fleet_hear(rows, NOW).await.unwrap();
    let (mut seen, mut search) = (Vec::new(), FleetSearch::default());
    loop {
        let page = store.fleet_library(search.clone(), 2).await.unwrap();
        let Some(last) = page.last() else { break };
        search.before = Some(last.mark);
        seen.extend(page.into_iter().map(|row| row.title));
    }
    assert_eq!(seen, (1..=9).rev().map(|n| format!("t{n}")).collect::<Vec<_>>());
    for of in [None, Some("box-a".to_owned())] {
        search.of = of;
        let (query, values) = search.query(2);
        let plan = store.call(move |sql| {
            let mut statement = sql.prepare_cached(&format!("EXPLAIN QUERY PLAN {query}"))?;
            let mut rows = statement.query(params_from_iter(values))?;
            let mut plan = String::new();
            while let Some(row) = rows.next()? {
                plan += &row.get::<_, String>(3)?;
            }
            Ok(plan)
        });
        let plan = plan.await.unwrap();
        assert!(plan.contains("USING INDEX fleet_library_by"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}

#[tokio::test]
async fn what_a_box_makes_up_is_listed_no_longer_and_no_larger_than_a_recording_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = hub(folder.path()).await;
    let long = "T".repeat(60_000);
    let most = u64::MAX;
    let lie = format!(
        r#"{{"id":"rec_1","title":"{long}","room_name":"{long}","state":"ready","started_ms":{most},"bytes":{most}}}"#
    );
    store.fleet_hear(vec![heard("e", 1, "known", &lie)], NOW).await.unwrap();
    let rows = store.fleet_library(FleetSearch::default(), 10).await.unwrap();
    assert_eq!((rows[0].title.len(), rows[0].bytes), (256, (1 << 53) - 1));
    assert!(rows[0].mark.ms < NOW + 2 * 24 * 3600 * 1000);
    for bad in [format!(r#"{{"id":"{long}"}}"#), format!(r#"{{"id":"r","state":"{long}"}}"#)] {
        store.fleet_hear(vec![heard("e", 2, "known", &bad)], NOW).await.unwrap();
    }
    assert_eq!(store.fleet_library(FleetSearch::default(), 10).await.unwrap().len(), 1);
    // Numbers that no event has are missing, and nothing breaks of it.
    let told = vec![("box-a".to_owned(), "e9".to_owned(), u64::MAX)];
    assert_eq!(store.fleet_missing(told).await.unwrap().len(), 1);
}
