//! Each silence once, and never more than so many.

use super::*;
use crate::store::FleetBoxRow;
use std::path::Path;

const MOST: u32 = 3;

async fn store(folder: &Path) -> Store {
    let store = Store::open(&folder.join("box.db")).unwrap();
    for (of, token) in [("box-a", [1; 32]), ("box-b", [2; 32])] {
        let (id, key, name) = (of.to_owned(), "U".to_owned(), "n".to_owned());
        store.fleet_invite(token, 100, 0).await.unwrap();
        let row = FleetBoxRow { id, key, name, joined_ms: 1 };
        assert!(store.fleet_admit(token, row, 1, 9).await.unwrap());
    }
    store
}

async fn keep(store: &Store, fell: &[(&str, u64)], came: &[(&str, u64)], before_ms: u64) {
    let own = |list: &[(&str, u64)]| -> Vec<(String, u64)> {
        list.iter().map(|(of, ms)| ((*of).to_owned(), *ms)).collect()
    };
    let changes = OutageChanges { fell: own(fell), came: own(came) };
    store.fleet_outages_keep(changes, before_ms, MOST).await.unwrap();
}

async fn of(store: &Store, id: &str, before_ms: u64) -> Vec<(u64, Option<u64>)> {
    let rows = store.fleet_outage_list(id.to_owned(), before_ms, 9).await.unwrap();
    rows.into_iter().map(|row| (row.since_ms, row.until_ms)).collect()
}

#[tokio::test]
async fn a_silence_is_kept_once_until_its_end_and_a_hub_that_starts_again_adds_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    keep(&store, &[], &[("box-a", 5)], 0).await;
    assert!(of(&store, "box-a", 99).await.is_empty());
    keep(&store, &[("box-a", 10), ("box-x", 10)], &[], 0).await;
    // After a start of the hub the box is silent still.
    keep(&store, &[("box-a", 30)], &[], 0).await;
    assert_eq!(of(&store, "box-a", 99).await, [(10, None)]);
    assert!(of(&store, "box-x", 99).await.is_empty(), "not of this fleet");
    keep(&store, &[], &[("box-a", 40)], 0).await;
    // The hub's clock was set back meanwhile.
    keep(&store, &[("box-a", 50)], &[], 0).await;
    keep(&store, &[], &[("box-a", 45)], 0).await;
    assert_eq!(of(&store, "box-a", 99).await, [(50, Some(50)), (10, Some(40))]);
    assert_eq!(of(&store, "box-a", 50).await, [(10, Some(40))]);
}

#[tokio::test]
async fn old_silences_and_all_beyond_the_newest_are_forgotten_and_those_of_a_box_that_was_put_out()
{
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    keep(&store, &[("box-b", 1)], &[], 0).await;
    for at in [10, 20, 30, 40] {
        keep(&store, &[("box-a", at)], &[], 0).await;
        keep(&store, &[], &[("box-a", at + 5)], 0).await;
    }
    assert_eq!(of(&store, "box-a", 99).await, [(40, Some(45)), (30, Some(35)), (20, Some(25))]);
    assert_eq!(of(&store, "box-b", 99).await, [(1, None)], "of each box so many");
    keep(&store, &[], &[], 36).await;
    assert_eq!(of(&store, "box-a", 99).await, [(40, Some(45))]);
    assert_eq!(of(&store, "box-b", 99).await, [(1, None)], "it is silent still");
    store.fleet_expel("box-b".to_owned()).await.unwrap();
    assert!(of(&store, "box-b", 99).await.is_empty());
    store.fleet_leave().await.unwrap();
    assert!(of(&store, "box-a", 99).await.is_empty());
}
