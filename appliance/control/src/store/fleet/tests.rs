//! What the store remembers of a fleet, with real changes of rooms.

use super::*;
use crate::store::RoomRow;
use std::path::Path;

fn store(folder: &Path) -> Store {
    Store::open(&folder.join("box.db")).unwrap()
}

fn hub() -> Place {
    Place::Hub { addresses: vec!["h:1".to_owned()], port: 1 }
}

async fn room(store: &Store, name: &str) {
    let row = RoomRow {
        id: format!("rm_{name}"),
        name: name.to_owned(),
        invite: String::new(),
        kept: true,
        lobby: false,
        record_always: false,
        rules: crate::rooms::RoomRules::default(),
        pin: String::new(),
        created_ms: 0,
    };
    assert!(store.room_insert(row).await.unwrap());
}

async fn kinds(store: &Store) -> Vec<(u64, String)> {
    let rows = store.fleet_unsent(0, 100).await.unwrap();
    rows.into_iter().map(|row| (row.seq, row.kind)).collect()
}

fn heard(epoch: &str, seq: u64) -> HeardRow {
    let (of, epoch) = ("box-a".to_owned(), epoch.to_owned());
    let (kind, body) = ("room.created".to_owned(), "{}".to_owned());
    let id = format!("{epoch}-{seq}");
    HeardRow { of, id, epoch, first: 1, seq, kind, at_ms: 5, body }
}

#[tokio::test]
async fn only_a_box_in_a_fleet_notes_its_changes_and_what_was_sent_is_sent_again_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    room(&store, "before").await;
    assert!(store.fleet_enter(hub(), "e1".to_owned(), None).await.unwrap());
    assert!(!store.fleet_enter(hub(), "e2".to_owned(), None).await.unwrap());
    room(&store, "one").await;
    store.room_rename("rm_one".to_owned(), "two".to_owned()).await.unwrap();
    store.room_delete("rm_one".to_owned()).await.unwrap();
    let all = kinds(&store).await;
    let said: Vec<_> = all.iter().map(|(_, kind)| kind.as_str()).collect();
    assert_eq!(said, ["room.created", "room.changed", "room.deleted"]);
    store.fleet_sent(vec![all[0].0, all[1].0], 9).await.unwrap();
    assert_eq!(store.fleet_progress().await.unwrap(), (1, all[1].0));
    assert_eq!(store.fleet_again("other".to_owned(), 1, 100).await.unwrap(), 0);
    assert_eq!(store.fleet_again("e1".to_owned(), all[1].0, 100).await.unwrap(), 1);
    let again = store.fleet_unsent(0, 9).await.unwrap();
    assert_eq!((again[0].seq, again[0].round, again.len()), (all[1].0, 1, 2));
    store.fleet_leave().await.unwrap();
    room(&store, "after").await;
    assert!(kinds(&store).await.is_empty());
    store.fleet_enter(hub(), "e3".to_owned(), None).await.unwrap();
    room(&store, "later").await;
    let row = store.fleet_get().await.unwrap().unwrap();
    assert_eq!(row.first, kinds(&store).await[0].0, "numbers go on, the epoch begins here");
}

#[tokio::test]
async fn a_database_from_another_time_begins_another_epoch_and_a_power_cut_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let mark = |found: Option<&str>, next: &str, epoch: &str| {
        let call = store.fleet_mark(found.map(str::to_owned), next.to_owned(), epoch.to_owned());
        async { call.await.unwrap() }
    };
    assert!(!mark(None, "m0", "e0").await, "in no fleet");
    store.fleet_enter(hub(), "e1".to_owned(), None).await.unwrap();
    assert!(!mark(None, "m1", "e2").await);
    assert!(!mark(Some("m1"), "m2", "e3").await);
    assert!(!mark(Some("m1"), "m3", "e4").await, "the power went before the file was written");
    assert!(mark(Some("m9"), "m4", "e5").await, "the file is of a later time");
    assert_eq!(store.fleet_get().await.unwrap().unwrap().epoch, "e5");
    assert!(!mark(Some("m4"), "m5", "e6").await);
}

#[tokio::test]
async fn an_invitation_lets_one_box_in_and_an_expelled_one_stays_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let row = |id: &str| FleetBoxRow {
        id: id.to_owned(),
        key: "U".to_owned(),
        name: "n".to_owned(),
        joined_ms: 1,
    };
    store.fleet_invite([1; 32], 100, 0).await.unwrap();
    assert!(!store.fleet_admit([2; 32], row("box-a"), 50, 9).await.unwrap(), "unknown");
    assert!(!store.fleet_admit([1; 32], row("box-a"), 101, 9).await.unwrap(), "too late");
    assert!(store.fleet_admit([1; 32], row("box-a"), 100, 9).await.unwrap());
    assert!(store.fleet_admit([1; 32], row("box-a"), 100, 9).await.unwrap(), "the answer was lost");
    let later = FleetBoxRow { joined_ms: 60, ..row("box-a") };
    assert!(store.fleet_admit([1; 32], later, 100, 9).await.unwrap());
    // What it said when it left before is not said of now.
    assert!(!store.fleet_left("box-a".to_owned(), 59).await.unwrap());
    assert!(!store.fleet_admit([1; 32], row("box-b"), 100, 9).await.unwrap(), "used");
    assert!(store.fleet_expel("box-a".to_owned()).await.unwrap());
    assert!(!store.fleet_admit([1; 32], row("box-a"), 100, 9).await.unwrap(), "expelled");
    assert!(store.fleet_box_list().await.unwrap().is_empty());
}

#[tokio::test]
async fn each_event_is_heard_once_and_gaps_are_seen_until_they_close() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let stranger = store.fleet_hear(vec![heard("e", 1)], 1).await.unwrap();
    assert_eq!(stranger, Hearing { strangers: 1, ..Hearing::default() });
    store.fleet_invite([1; 32], 100, 0).await.unwrap();
    let (id, key, name) = ("box-a".to_owned(), "U".to_owned(), "n".to_owned());
    store.fleet_admit([1; 32], FleetBoxRow { id, key, name, joined_ms: 1 }, 1, 9).await.unwrap();
    let batch = [1, 2, 2, 5, 4].map(|seq| heard("e", seq));
    let hearing = store.fleet_hear(batch.to_vec(), 1).await.unwrap();
    assert_eq!(hearing, Hearing { new: 4, again: 1, ..Hearing::default() });
    let gaps = store.fleet_missing(Vec::new()).await.unwrap();
    assert_eq!((gaps.len(), gaps[0].from, gaps[0].until), (1, 3, 4));
    store.fleet_hear(vec![heard("e", 3), heard("f", 3)], 1).await.unwrap();
    let gaps = store.fleet_missing(Vec::new()).await.unwrap();
    assert_eq!((gaps.len(), gaps[0].epoch.as_str(), gaps[0].from, gaps[0].until), (1, "f", 1, 3));
    store.fleet_skip(gaps[0].clone()).await.unwrap();
    assert!(store.fleet_missing(Vec::new()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_member_that_is_told_where_its_hub_is_keeps_the_old_ways_behind_the_new() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let said = |name: &str, at: &str| Whereabouts { name: name.into(), addresses: vec![at.into()] };
    // Without a fleet there is nothing to be told.
    store.fleet_moved(said("hub", "new:1")).await.unwrap();
    assert_eq!(store.fleet_get().await.unwrap(), None);
    let place = Place::Member {
        hub: "box-h".into(),
        hub_name: "hub".into(),
        addresses: vec!["old:1".into()],
        authority: "pem".into(),
        mark: String::new(),
    };
    store.fleet_enter(place, "e1".into(), None).await.unwrap();
    store.fleet_relocate(vec!["old:1".into(), "typed:1".into()]).await.unwrap();
    store.fleet_moved(said("town hall", "new:1")).await.unwrap();
    let row = store.fleet_get().await.unwrap().unwrap();
    let Place::Member { hub, hub_name, addresses, authority, mark } = row.place else { panic!() };
    assert_eq!((hub.as_str(), hub_name.as_str()), ("box-h", "town hall"));
    assert_eq!(
        (addresses, authority.as_str()),
        (["new:1", "old:1", "typed:1"].map(String::from).to_vec(), "pem")
    );
    assert_eq!(mark, said("town hall", "new:1").mark());
    assert_eq!(row.epoch, "e1");
}

#[tokio::test]
async fn who_says_that_it_leaves_is_struck_off_unless_it_has_joined_since() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let row =
        FleetBoxRow { id: "box-a".into(), key: "key".into(), name: "a".into(), joined_ms: 50 };
    store.fleet_enter(hub(), "e1".into(), Some(row)).await.unwrap();
    for told_ms in [49, 50] {
        assert!(!store.fleet_left("box-a".into(), told_ms).await.unwrap(), "{told_ms}");
    }
    assert!(!store.fleet_left("box-b".into(), 51).await.unwrap());
    assert!(store.fleet_left("box-a".into(), 51).await.unwrap());
    assert!(store.fleet_box_list().await.unwrap().is_empty());
    // Once it has left, a box says nothing.
    store.fleet_leave().await.unwrap();
    store.fleet_say("box.left", serde_json::json!({})).await.unwrap();
    assert!(kinds(&store).await.is_empty());
}

#[tokio::test]
async fn runs_of_numbers_of_a_box_do_not_add_up_and_go_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let row = FleetBoxRow { id: "box-a".into(), key: "key".into(), name: "a".into(), joined_ms: 1 };
    store.fleet_enter(hub(), "e1".into(), Some(row)).await.unwrap();
    for n in 0..100 {
        store.fleet_hear(vec![heard(&format!("made-up-{n}"), 1)], n).await.unwrap();
    }
    let query = "SELECT epoch FROM fleet_epochs ORDER BY begun_ms";
    let epochs = || async {
        let all = store.call(move |sql| {
            let mut statement = sql.prepare_cached(query)?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        });
        all.await.unwrap()
    };
    let left = epochs().await;
    assert_eq!((left.len(), left[0].as_str()), (fleet_shares::MOST_EPOCHS as usize, "made-up-68"));
    assert!(store.fleet_expel("box-a".into()).await.unwrap());
    assert!(epochs().await.is_empty());
}
