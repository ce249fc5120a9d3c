//! What is planned, wherever it was planned, and what the store keeps of it.

use super::agenda::count;
use super::*;
use crate::store::{FeedRow, RoomRow};

const NOON: u64 = 1_764_331_200_000;

fn room(id: &str, name: &str) -> RoomRow {
    RoomRow {
        id: id.to_owned(),
        name: name.to_owned(),
        invite: format!("invite of {id}"),
        kept: true,
        lobby: false,
        record_always: false,
        rules: crate::rooms::RoomRules::default(),
        pin: String::new(),
        created_ms: 0,
    }
}

fn event(id: &str, room: &str, start_ms: u64, end_ms: u64) -> EventRow {
    EventRow { id: id.to_owned(), room: room.to_owned(), title: id.to_owned(), start_ms, end_ms }
}

fn feed(room: Option<&str>, events: &[(&str, &str)]) -> (FeedRow, String) {
    let event = |(uid, place): &(&str, &str)| {
        format!(
            "BEGIN:VEVENT\r\nUID:{uid}\r\nSUMMARY:{uid}\r\nLOCATION:{place}\r\n\
             DTSTART:20251128T120000Z\r\nDURATION:PT1H\r\nEND:VEVENT\r\n"
        )
    };
    let events: String = events.iter().map(event).collect();
    let row = FeedRow {
        id: "fd_1".to_owned(),
        name: "Campus".to_owned(),
        room: room.map(str::to_owned),
        url: "https://calendar.example/4711.ics".to_owned(),
        created_ms: 0,
        fetched_ms: 0,
        error: None,
    };
    (row, format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n"))
}

#[test]
fn a_campus_calendar_names_the_rooms_and_a_rooms_calendar_is_the_rooms() {
    let rooms = [room("rm_1", "Lecture hall"), room("rm_2", "Studio")];
    let all =
        [("a", "lecture HALL"), ("b", "Studio"), ("c", "Library"), ("d", "Library"), ("e", "")];
    let wanted = NOON..NOON + HOUR;
    let campus = count(Vec::new(), vec![feed(None, &all)], &rooms, "UTC", wanted.clone());
    let of = |agenda: &Agenda| -> Vec<(String, String)> {
        agenda.entries.iter().map(|one| (one.title.clone(), one.room_name.clone())).collect()
    };
    let found = of(&campus);
    assert_eq!(found, [("a".into(), "Lecture hall".into()), ("b".into(), "Studio".into())]);
    let found = &campus.feeds["fd_1"];
    assert_eq!((found.entries, found.left_out_count), (2, 3));
    assert!(found.left_out[0].why.contains("Library"), "{:?}", found.left_out);
    let of_room = count(Vec::new(), vec![feed(Some("rm_2"), &all)], &rooms, "UTC", wanted);
    assert!(of_room.entries.iter().all(|one| one.room == "rm_2"), "{:?}", of_room.entries);
    assert_eq!(of_room.entries.len(), 5);
}

#[test]
fn what_is_planned_here_and_what_a_feed_plans_are_one_agenda() {
    let rooms = [room("rm_1", "Studio")];
    let own = vec![event("evn_1", "rm_1", NOON - HOUR, NOON), event("evn_2", "rm_1", 0, HOUR)];
    let agenda =
        count(own, vec![feed(Some("rm_1"), &[("a", "")])], &rooms, "UTC", NOON - HOUR..NOON + HOUR);
    let keys: Vec<&str> = agenda.entries.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, ["evn_1", "fd_1 1764331200000 a"]);
}

#[tokio::test]
async fn two_events_of_one_room_are_not_at_one_time_and_go_with_their_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("box.db")).unwrap();
    for (id, name) in [("rm_1", "Studio"), ("rm_2", "Hall")] {
        assert!(store.room_insert(room(id, name)).await.unwrap());
    }
    let insert = |row| store.schedule_event_insert(row);
    let first = event("evn_1", "rm_1", NOON, NOON + HOUR);
    assert_eq!(insert(first.clone()).await.unwrap(), None);
    let second = event("evn_2", "rm_1", NOON + HOUR - 1, NOON + 2 * HOUR);
    assert_eq!(insert(second).await.unwrap(), Some(first));
    assert_eq!(insert(event("evn_3", "rm_2", NOON, NOON + HOUR)).await.unwrap(), None);
    assert_eq!(insert(event("evn_4", "rm_1", NOON + HOUR, NOON + 2 * HOUR)).await.unwrap(), None);
    assert!(store.room_delete("rm_1".to_owned()).await.unwrap());
    let left = store.schedule_event_list().await.unwrap();
    assert_eq!(left.len(), 1);
    store.schedule_forget(NOON + HOUR + 1).await.unwrap();
    assert!(store.schedule_event_list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_feed_that_cannot_be_fetched_keeps_what_it_said() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("box.db")).unwrap();
    let (row, body) = feed(None, &[("a", "Studio")]);
    let insert = |id: &str, most| {
        let row = FeedRow { id: id.to_owned(), ..row.clone() };
        store.schedule_feed_insert(row, body.clone(), most)
    };
    assert!(insert("fd_1", (1, 1000)).await.unwrap());
    assert!(!insert("fd_2", (1, 1000)).await.unwrap());
    assert!(!insert("fd_2", (2, body.len() * 2 - 1)).await.unwrap());
    store.schedule_feed_failed("fd_1".into(), "its server answers 500".into()).await.unwrap();
    let of = |id: &str| store.schedule_feed_body(id.to_owned());
    assert_eq!(of("fd_1").await.unwrap().as_ref(), Some(&body));
    let kept = store.schedule_feed_list().await.unwrap().remove(0);
    assert_eq!(kept.error.as_deref(), Some("its server answers 500"));
    let fetch =
        |body: &str, most| store.schedule_feed_fetched("fd_1".into(), body.to_owned(), (7, most));
    assert!(!fetch("BEGIN", 4).await.unwrap());
    assert!(fetch("BEGIN", 5).await.unwrap());
    let kept = store.schedule_feed_list().await.unwrap().remove(0);
    assert_eq!((kept.fetched_ms, kept.error), (7, None));
    assert_eq!(of("fd_1").await.unwrap().as_deref(), Some("BEGIN"));
}

#[test]
fn what_is_on_at_the_same_time_is_marked() {
    let rooms = [room("rm_1", "Studio"), room("rm_2", "Hall")];
    let events = vec![
        event("evn_1", "rm_1", 0, 10),
        event("evn_2", "rm_1", 10, 40),
        event("evn_3", "rm_1", 15, 20),
        event("evn_4", "rm_1", 30, 50),
        event("evn_5", "rm_2", 15, 20),
    ];
    let agenda = count(events, Vec::new(), &rooms, "UTC", 0..100);
    let marked: Vec<bool> = agenda.entries.iter().map(|entry| entry.overlaps).collect();
    assert_eq!(marked, [false, true, true, false, true]);
    assert_eq!(agenda.entries[4].key, "evn_4");
}

#[tokio::test]
async fn a_stop_is_remembered_until_its_meeting_is_over_and_what_goes_on_is_known_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("box.db")).unwrap();
    for id in ["rm_1", "rm_2"] {
        assert!(store.room_insert(room(id, id)).await.unwrap());
    }
    let of = |room: &str, stopped| Run {
        planned: Planned {
            key: format!("always {room}"),
            title: String::new(),
            start_ms: NOON,
            end_ms: None,
        },
        room: room.to_owned(),
        extended_ms: None,
        recording: Some("rec_1".to_owned()),
        ours: true,
        stopped,
    };
    for run in [of("rm_1", true), of("rm_2", false), of("rm_gone", true)] {
        store.schedule_run_put(run).await.unwrap();
    }
    let known = async |and: &[&str]| -> Vec<String> {
        let and = and.iter().map(|&key| key.to_owned()).collect();
        let runs = store.schedule_runs(NOON + 9 * DAY, and).await.unwrap();
        runs.into_iter().map(|run| run.room).collect()
    };
    assert_eq!(known(&[]).await, ["rm_1", "rm_gone"]);
    assert_eq!(known(&["always rm_2"]).await, ["rm_1", "rm_2", "rm_gone"]);
    store.schedule_forget(NOON + 41 * DAY).await.unwrap();
    assert_eq!(known(&["always rm_2"]).await, ["rm_1"]);
    store.schedule_run_extend("always rm_1".to_owned(), NOON + DAY).await.unwrap();
    assert!(known(&[]).await.is_empty(), "it is over");
    store.schedule_forget(NOON + 41 * DAY).await.unwrap();
    assert!(known(&["always rm_1"]).await.is_empty());
}
