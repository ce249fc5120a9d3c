//! What searches find, and that an index leads to it.

use super::*;
use roombox_capture::manifest::EndReason;
use std::path::Path;
use std::time::Instant;

const HOUR: u64 = 3_600_000;
/// 2026-11-01T00:00:00Z
const NOVEMBER: u64 = 1_793_491_200_000;

fn open(folder: &Path) -> Store {
    Store::open(&folder.join("box.db")).unwrap()
}

/// Begun so many hours into November.
fn row(hours: u64, room: &str, title: &str) -> RecordingRow {
    let started_ms = NOVEMBER + hours * HOUR;
    RecordingRow {
        id: format!("rec_{}", Ulid::from_parts(started_ms, hours.into())),
        room_name: room.to_owned(),
        title: title.to_owned(),
        started_ms,
        ..RecordingRow::default()
    }
}

async fn library(folder: &Path) -> Store {
    let store = open(folder);
    for one in [
        row(1, "Library", "Budget · first"),
        row(30, "Hall", "Müller über alles"),
        row(31, "Library", "Budget · second"),
        row(60, "Hall", "100 % of it_all"),
    ] {
        store.recording_insert(one).await.unwrap();
    }
    store
}

async fn titles(store: &Store, search: Search) -> Vec<String> {
    let rows = store.recording_list(search, 50, None).await.unwrap();
    rows.into_iter().map(|row| row.title).collect()
}

fn words(text: &str) -> Search {
    Search {
        words: plain(text).split_whitespace().map(str::to_owned).collect(),
        ..Search::default()
    }
}

#[tokio::test]
async fn each_word_must_be_somewhere_and_is_taken_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let store = library(folder.path()).await;
    for (text, found) in [
        ("budget", &["Budget · second", "Budget · first"][..]),
        ("BUDGET libr", &["Budget · second", "Budget · first"]),
        ("budget second", &["Budget · second"]),
        ("budget hall", &[]),
        ("MULLER", &["Müller über alles"]),
        ("mu\u{308}ller", &["Müller über alles"]),
        // What SQL's own patterns would take for more.
        ("%", &["100 % of it_all"]),
        ("it_all", &["100 % of it_all"]),
        ("i__all", &[]),
        ("' OR 1=1 --", &[]),
        ("\0", &[]),
    ] {
        assert_eq!(titles(&store, words(text)).await, found, "{text}");
    }
}

#[tokio::test]
async fn people_and_new_titles_are_found_and_old_titles_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = library(folder.path()).await;
    let id = row(1, "", "").id;
    let end = crate::store::RecordingEnd {
        recording: id.clone(),
        state: RecordingState::Captured,
        ended_ms: NOVEMBER,
        duration_ms: 1,
        bytes: 1,
        gaps: 0,
        dropped: 0,
        reason: EndReason::Stopped,
        interruptions: Vec::new(),
        people: vec!["Grace Hopper".to_owned(), "Zoë".to_owned()],
    };
    store.recording_end(end, |_| Vec::new()).await.unwrap();
    assert_eq!(titles(&store, words("hopper zoe")).await, ["Budget · first"]);
    let row = store.recording_get(id.clone()).await.unwrap().unwrap();
    assert_eq!(row.people, ["Grace Hopper", "Zoë"]);
    store.recording_set_title(id, "Plans".to_owned()).await.unwrap();
    assert_eq!(titles(&store, words("hopper")).await, ["Plans"]);
    assert!(titles(&store, words("first")).await.is_empty());
}

#[tokio::test]
async fn what_an_older_version_wrote_is_found_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = library(folder.path()).await;
    let renames = "UPDATE recordings SET title = 'Renamed' WHERE title LIKE '%second';
        UPDATE recordings SET found_by = NULL WHERE room_name = 'Hall'";
    store.call(|sql| Ok(sql.execute_batch(renames)?)).await.unwrap();
    assert!(titles(&store, words("renamed")).await.is_empty());
    store.recording_mend_words().await.unwrap();
    assert_eq!(titles(&store, words("renamed")).await, ["Renamed"]);
    assert_eq!(titles(&store, words("hall")).await.len(), 2);
    let set = |state| store.recording_set_state(row(1, "", "").id, state);
    assert!(store.recording_list_nameless(9).await.unwrap().is_empty(), "they run");
    set(RecordingState::Ready).await.unwrap();
    assert_eq!(store.recording_list_nameless(9).await.unwrap(), [row(1, "", "").id]);
    store.recording_set_people(row(1, "", "").id, Vec::new()).await.unwrap();
    assert!(store.recording_list_nameless(9).await.unwrap().is_empty(), "nobody was there");
}

#[tokio::test]
async fn times_rooms_and_states_narrow_and_pages_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = library(folder.path()).await;
    let at = |hours: u64| Some(NOVEMBER + hours * HOUR);
    let second_day = Search { from_ms: at(24), to_ms: at(48), ..Search::default() };
    assert_eq!(titles(&store, second_day.clone()).await, ["Budget · second", "Müller über alles"]);
    let hall = Search { room: Some("Hall".to_owned()), ..second_day };
    assert_eq!(titles(&store, hall).await, ["Müller über alles"]);
    let edge = Search { from_ms: at(30), to_ms: at(31), ..Search::default() };
    assert_eq!(titles(&store, edge).await, ["Müller über alles"], "the end is not in it");
    store.recording_set_state(row(60, "", "").id, RecordingState::Parked).await.unwrap();
    let parked = Search { state: Some(RecordingState::Parked), ..Search::default() };
    assert_eq!(titles(&store, parked).await, ["100 % of it_all"]);

    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.recording_list(Search::default(), 3, after).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        seen.extend(page.into_iter().map(|row| row.started_ms));
    }
    assert_eq!(seen.len(), 4);
    assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");

    let days = vec![NOVEMBER, NOVEMBER + 24 * HOUR, NOVEMBER + 48 * HOUR, NOVEMBER + 72 * HOUR];
    let days = store.recording_days(Search::default(), days, 1).await.unwrap();
    let counts: Vec<(u64, usize)> = days.iter().map(|day| (day.count, day.rows.len())).collect();
    assert_eq!(counts, [(1, 1), (2, 1), (1, 1)]);
    assert_eq!(store.recording_rooms(9).await.unwrap(), ["Hall", "Library"]);
    assert_eq!(store.recording_rooms(1).await.unwrap(), ["Hall"]);
}

/// How SQLite goes about it.
async fn plan(store: &Store, search: Search) -> String {
    store
        .call(move |sql| {
            let (conditions, values) = search.conditions(Some("rec_7".to_owned()))?;
            let query = format!(
                "EXPLAIN QUERY PLAN SELECT {COLUMNS} FROM recordings WHERE {conditions}
                 ORDER BY id DESC LIMIT 51"
            );
            let mut statement = sql.prepare_cached(&query)?;
            let steps =
                statement.query_map(params_from_iter(values), |row| row.get::<_, String>(3))?;
            Ok(steps.collect::<Result<Vec<_>, _>>()?.join("; "))
        })
        .await
        .unwrap()
}

fn narrow(times: bool, room: bool, state: bool) -> Search {
    Search {
        from_ms: times.then_some(NOVEMBER),
        to_ms: times.then_some(NOVEMBER + HOUR),
        room: room.then(|| "Hall".to_owned()),
        state: state.then_some(RecordingState::Parked),
        words: Vec::new(),
    }
}

#[tokio::test]
async fn whatever_is_asked_for_an_index_leads_there_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = library(folder.path()).await;
    for bits in 0..8 {
        let search = narrow(bits & 1 > 0, bits & 2 > 0, bits & 4 > 0);
        let plan = plan(&store, search.clone()).await;
        let led = plan.starts_with("SEARCH recordings USING") && !plan.contains("TEMP B-TREE");
        assert!(led, "{search:?}: {plan}");
    }
}

/// `cargo test -p roombox-control --lib measures -- --ignored --nocapture`
#[tokio::test]
#[ignore = "it measures: 100,000 recordings"]
async fn measures_a_library_of_a_hundred_thousand() {
    const MANY: u64 = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store
        .call(|sql| {
            let mut insert = sql.prepare_cached(
                "INSERT INTO recordings (id, room, room_name, title, state, layout, started_ms,
                     ended_ms, bytes, people, found_by)
                 VALUES (?1, 'rm', ?2, ?3, ?4, 'auto', ?5, ?5, 1000000, ?6, ?7)",
            )?;
            for n in 0..MANY {
                let one = row(n, &format!("Room {}", n % 40), &format!("Room {} · 2026", n % 40));
                let people = format!("Grace {n}\nAda Lovelace\nEmil Müller");
                let found_by = plain(&format!("{}\n{}\n{people}", one.title, one.room_name));
                let state = if n % 1000 == 0 { "parked" } else { "ready" };
                let (id, started) = (one.id, signed(one.started_ms));
                let values =
                    params![id, one.room_name, one.title, state, started, people, found_by];
                insert.execute(values)?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let rare = Search { state: Some(RecordingState::Parked), ..Search::default() };
    for (name, search, after) in [
        ("newest", Search::default(), None),
        ("in the middle", Search::default(), Some(row(MANY / 2, "", "").id)),
        ("a day long ago", narrow(true, false, false), None),
        ("a rare state", rare, None),
        ("a room", Search { room: Some("Room 7".to_owned()), ..Search::default() }, None),
        ("a common word", words("ada"), None),
        ("a rare word", words("grace 4711"), None),
        ("no such word", words("nobody at all"), None),
    ] {
        let begun = Instant::now();
        let found = store.recording_list(search, 51, after).await.unwrap().len();
        println!("{name}: {found} in {:?}", begun.elapsed());
    }
    let starts = (0..43).map(|day| NOVEMBER + (day + 1000) * 24 * HOUR).collect();
    let begun = Instant::now();
    let days = store.recording_days(Search::default(), starts, 8).await.unwrap();
    println!("a month: {} days in {:?}", days.len(), begun.elapsed());
    let begun = Instant::now();
    store.recording_mend_words().await.unwrap();
    println!("mending: {:?}", begun.elapsed());
    let begun = Instant::now();
    println!("rooms: {} in {:?}", store.recording_rooms(500).await.unwrap().len(), begun.elapsed());
    let begun = Instant::now();
    let largest = store.storage(NOVEMBER, 10).await.unwrap().largest.len();
    println!("the disk: {largest} largest in {:?}", begun.elapsed());
}
