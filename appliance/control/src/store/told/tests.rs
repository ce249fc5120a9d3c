//! Reading goes through what boxes told once, newest first, by an index whatever is asked for.

use super::*;
use crate::store::{FleetBoxRow, HeardRow};
use std::path::Path;
use std::time::{Duration, Instant};

const KINDS: [&str; 3] = ["room.created", "recording.changed", "job.queued"];

async fn store(folder: &Path) -> Store {
    let store = Store::open(&folder.join("box.db")).unwrap();
    store.fleet_invite([1; 32], 100, 0).await.unwrap();
    for of in ["box-a", "box-b"] {
        let (id, key, name) = (of.to_owned(), "U".to_owned(), "n".to_owned());
        let row = FleetBoxRow { id, key, name, joined_ms: 1 };
        store.fleet_invite([of.as_bytes()[4]; 32], 100, 0).await.unwrap();
        assert!(store.fleet_admit([of.as_bytes()[4]; 32], row, 1, 9).await.unwrap());
    }
    store
}

fn heard(of: &str, seq: u64, kind: &str, at_ms: u64) -> HeardRow {
    let (of, epoch, kind) = (of.to_owned(), "e".to_owned(), kind.to_owned());
    let body = format!("{{\"id\":\"rm_{seq}\"}}");
    HeardRow { of, id: format!("{seq:016x}"), epoch, first: 1, seq, kind, at_ms, body }
}

fn wanted(of: Option<&str>, kind: Option<&str>, before: Option<ToldMark>) -> ToldSearch {
    ToldSearch { of: of.map(str::to_owned), kind: kind.map(str::to_owned), before }
}

/// All of it in pages of two, and each page's end is where the next one begins.
async fn pages(store: &Store, of: Option<&str>, kind: Option<&str>) -> Vec<(String, u64)> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let rows = store.fleet_told(wanted(of, kind, before), 2).await.unwrap();
        let Some(last) = rows.last() else { return all };
        before = Some(last.mark);
        all.extend(rows.into_iter().map(|row| (row.of, row.seq)));
    }
}

#[tokio::test]
async fn pages_hold_each_event_once_newest_first_and_clocks_that_are_ahead_do_not_stay_on_top() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let (a, b) = ("box-a", "box-b");
    // Three in one millisecond, one late, and one of a box whose clock is years ahead.
    let rows = [
        heard(a, 1, KINDS[0], 50),
        heard(a, 2, KINDS[0], 50),
        heard(b, 1, KINDS[1], 50),
        heard(b, 2, KINDS[0], 9_000),
        heard(a, 3, KINDS[1], 70),
    ];
    store.fleet_hear(rows.to_vec(), 60).await.unwrap();
    store.fleet_hear(vec![heard(a, 4, KINDS[0], 40)], 80).await.unwrap();
    store.fleet_hear(vec![heard(a, 5, KINDS[0], 90)], 90).await.unwrap();
    let own = |of: &str, seqs: &[u64]| -> Vec<(String, u64)> {
        seqs.iter().map(|seq| (of.to_owned(), *seq)).collect()
    };
    assert_eq!(pages(&store, Some(a), None).await, own(a, &[5, 3, 2, 1, 4]));
    assert_eq!(pages(&store, Some(a), Some(KINDS[0])).await, own(a, &[5, 2, 1, 4]));
    assert_eq!(pages(&store, None, Some(KINDS[1])).await, [own(a, &[3]), own(b, &[1])].concat());
    let all = pages(&store, None, None).await;
    assert_eq!(all.len(), 7);
    assert_eq!(all[..3], [own(a, &[5, 3]), own(b, &[2])].concat());
    assert!(pages(&store, Some("box-c"), None).await.is_empty());
}

#[tokio::test]
async fn a_million_events_are_read_by_an_index_in_order_and_none_is_sorted() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let before = Some(ToldMark { ms: 500_000, row: 7 });
    let searches = [
        (wanted(None, None, None), "fleet_heard_by_time"),
        (wanted(None, None, before), "fleet_heard_by_time (<expr><?)"),
        (wanted(Some("box-a"), None, before), "fleet_heard_by_box (box=? AND <expr><?)"),
        (wanted(None, Some(KINDS[0]), before), "fleet_heard_by_kind (kind=? AND <expr><?)"),
        (
            wanted(Some("box-a"), Some(KINDS[0]), before),
            "fleet_heard_by_box_and_kind (box=? AND kind=? AND <expr><?)",
        ),
        (
            wanted(Some("box-a"), Some("none"), None),
            "fleet_heard_by_box_and_kind (box=? AND kind=?)",
        ),
    ];
    for (search, index) in searches.clone() {
        let plan: Vec<String> = store
            .call(move |sql| {
                let (query, values) = search.query(50);
                let mut statement = sql.prepare_cached(&format!("EXPLAIN QUERY PLAN {query}"))?;
                let rows = statement.query_map(params_from_iter(values), |row| row.get(3))?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
            .unwrap();
        assert_eq!(plan.len(), 1, "no step for sorting: {plan:?}");
        assert!(plan[0].ends_with(&format!("USING INDEX {index}")), "{plan:?}");
    }
    let rows = if std::env::var_os("ROOMBOX_MANY").is_some() { 1_000_000 } else { 20_000 };
    store
        .call(move |sql| {
            sql.execute(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                 INSERT INTO fleet_heard SELECT CASE i % 50 WHEN 0 THEN 'box-a' ELSE 'box-b' END,
                    printf('%016x', i), 'e', i, CASE i % 1000 WHEN 0 THEN 'room.created'
                    ELSE 'job.queued' END, i, '{}', i FROM n",
                [rows],
            )?;
            Ok(())
        })
        .await
        .unwrap();
    let mut slowest = Duration::ZERO;
    for (search, _) in searches {
        let begun = Instant::now();
        store.fleet_told(search, 200).await.unwrap();
        slowest = slowest.max(begun.elapsed());
    }
    println!("{rows} rows: the slowest page took {slowest:?}");
    assert!(slowest < Duration::from_millis(100), "{slowest:?}");
}
