//! Real databases, damaged in many ways: whatever happens the box starts, keeps everything that was put aside,
//! and has its owner.

use super::boot::told;
use super::*;
use crate::permissions::Role;
use crate::store::{Factor, LivekitKey, Person, fold_log};
use std::collections::BTreeMap;

const NOW: UnixMs = UnixMs(1_764_400_000_000);

fn key(number: u32) -> LivekitKey {
    let (key, secret) = (format!("key{number:04}"), "s".repeat(300));
    LivekitKey { key, secret, created_ms: 1, own: false }
}

/// A box with an owner and 150 keys, of which a spare copy has the first 100.
async fn used() -> (tempfile::TempDir, Arc<Store>) {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(&folder.path().join(DATABASE)).unwrap());
    store.box_identity("box_hall".to_owned(), "Hall".to_owned()).await.unwrap();
    let ada = Person { id: "per_1".to_owned(), name: "Ada".to_owned(), role: Role::Owner };
    assert!(store.owner_insert(ada, "hash".to_owned(), 1).await.unwrap());
    let factor = Factor { secret: vec![7; 20], used_step: 5 };
    store.factor_put("per_1".to_owned(), factor, Vec::new(), 1).await.unwrap();
    // Closed, so that this much is in the database itself, however many steps of the schema filled its log before.
    drop(store);
    let store = Arc::new(Store::open(&folder.path().join(DATABASE)).unwrap());
    for number in 0..100 {
        store.livekit_key_insert(key(number)).await.unwrap();
    }
    assert!(owner::keep(&store, folder.path()).await.unwrap());
    spares(&store, folder.path()).make().unwrap();
    for number in 100..150 {
        store.livekit_key_insert(key(number)).await.unwrap();
    }
    (folder, store)
}

fn spares(store: &Arc<Store>, data: &Path) -> Arc<Spares> {
    Spares::new(store.clone(), data.to_owned(), Arc::new(|| 0))
}

/// As a power cut leaves it: the database with its log.
fn as_cut(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    copy_all(from, to.path());
    to
}

fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => {
                fs::create_dir(&target).unwrap();
                copy_all(&entry.path(), &target);
            }
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// What a start finds: what was done, and the keys and the owner that the box has then.
async fn started(data: &Path) -> (Option<MendNote>, usize) {
    let note = at_start(data, NOW).unwrap();
    let store = Store::open(&data.join(DATABASE)).unwrap();
    come_back(&store, data).await.unwrap();
    let owner = store.owner().await.unwrap();
    assert_eq!(owner.map(|(owner, hash)| (owner.name, hash)), Some(("Ada".into(), "hash".into())));
    assert!(store.factor_get("per_1".to_owned()).await.unwrap().is_some(), "no second factor");
    (note, store.livekit_key_list().await.unwrap().len())
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most.max(1)
    }
}

fn damage(bytes: &mut Vec<u8>, way: usize, dice: &mut Dice) {
    let length = bytes.len();
    match way {
        0 => {
            let at = dice.below(length);
            let end = (at + 1 + dice.below(4096)).min(length);
            bytes[at..end].iter_mut().for_each(|byte| *byte = dice.below(256) as u8);
        }
        1 => bytes.truncate(dice.below(length)),
        2 => {
            let page = dice.below(length / 4096) * 4096;
            bytes[page..page + 4096].fill(0);
        }
        3 => bytes[..100].iter_mut().for_each(|byte| *byte = dice.below(256) as u8),
        4 => bytes.fill(0),
        _ => *bytes = b"#!/bin/sh\necho this is no database\n".to_vec(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn however_the_database_is_damaged_the_box_starts_with_its_owner() {
    let (folder, store) = used().await;
    let (mut whole, mut mended, mut silent) = (0, 0, BTreeMap::new());
    for seed in 0..120_u64 {
        let cut = as_cut(folder.path());
        let (data, mut dice) = (cut.path(), Dice(seed));
        // Most of what is new lies in the log: of a box that ran for long it is in the database.
        if seed % 2 == 0 {
            drop(Store::open(&data.join(DATABASE)).unwrap());
        }
        let path = data.join(DATABASE);
        let mut bytes = fs::read(&path).unwrap();
        let way = (seed / 2 % 6) as usize;
        damage(&mut bytes, way, &mut dice);
        fs::write(&path, &bytes).unwrap();
        let (note, keys) = started(data).await;
        match note {
            None => {
                // The log had all that was hit, or nobody can tell: free room of a page, text in a row.
                whole += 1;
                assert_eq!(keys, 150, "seed {seed}");
                *silent.entry((way, keys)).or_insert(0) += 1;
            }
            Some(note) => {
                mended += 1;
                assert_eq!(keys, 100, "seed {seed}: not what the copy has");
                assert!(note.owned && note.as_of.is_some() && note.people == 1, "{note:?}");
                assert!(
                    data.join(&note.kept_in).join(DATABASE).exists(),
                    "seed {seed}: it is gone"
                );
                assert_eq!(told(data), Some(note), "nobody is told");
            }
        }
        // The next start finds nothing to do.
        assert_eq!(at_start(data, NOW).unwrap(), None);
    }
    drop(store);
    println!("{mended} mended, {whole} opened as they were: {silent:?}");
    assert!(mended >= 50, "{mended} mended, {whole} opened as they were: {silent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_damaged_or_gone_costs_what_was_in_it_and_no_more() {
    let (folder, store) = used().await;
    for seed in 0..24_u64 {
        let cut = as_cut(folder.path());
        let (path, mut dice) = (cut.path().join("roombox.db-wal"), Dice(seed));
        match fs::read(&path).unwrap() {
            _ if seed == 0 => fs::remove_file(&path).unwrap(),
            mut bytes => {
                damage(&mut bytes, (seed % 6) as usize, &mut dice);
                fs::write(&path, bytes).unwrap();
            }
        }
        let (note, keys) = started(cut.path()).await;
        assert!(keys <= 150 && (note.is_none() || keys == 100), "seed {seed}: {note:?}, {keys}");
    }
    drop(store);
}

/// What the owner signs in with after a start.
async fn signs_in_with(data: &Path) -> (String, Option<Factor>) {
    at_start(data, NOW).unwrap();
    let store = Store::open(&data.join(DATABASE)).unwrap();
    come_back(&store, data).await.unwrap();
    let (_, hash) = store.owner().await.unwrap().unwrap();
    (hash, store.factor_get("per_1".to_owned()).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_before_lets_nobody_in_with_less_than_the_owner_has_now() {
    let (folder, store) = used().await;
    let other = || Factor { secret: vec![9; 20], used_step: 7 };
    // After the copy, which `used` has made: another password, and another second factor.
    store.password_put("per_1".to_owned(), "newer".to_owned(), None).await.unwrap();
    store.factor_put("per_1".to_owned(), other(), Vec::new(), 1).await.unwrap();
    assert!(owner::keep(&store, folder.path()).await.unwrap());
    // The database is damaged, and gives way to the copy; or it lost its log.
    let damaged = as_cut(folder.path());
    fs::write(damaged.path().join(DATABASE), b"garbage").unwrap();
    let without_log = as_cut(folder.path());
    fs::remove_file(without_log.path().join("roombox.db-wal")).unwrap();
    for cut in [damaged, without_log] {
        for _ in 0..2 {
            assert_eq!(signs_in_with(cut.path()).await, ("newer".to_owned(), Some(other())));
        }
    }
    // A code that was used stays so.
    store.factor_use("per_1".to_owned(), 8).await.unwrap();
    assert!(owner::keep(&store, folder.path()).await.unwrap());
    let cut = as_cut(folder.path());
    fs::write(cut.path().join(DATABASE), b"garbage").unwrap();
    assert_eq!(signs_in_with(cut.path()).await.1.unwrap().used_step, 8);
    // One that was taken away does not come back: its owner may have no phone for it any more.
    assert!(store.factor_delete("per_1".to_owned()).await.unwrap());
    assert!(owner::keep(&store, folder.path()).await.unwrap());
    let cut = as_cut(folder.path());
    fs::write(cut.path().join(DATABASE), b"garbage").unwrap();
    assert_eq!(signs_in_with(cut.path()).await, ("newer".to_owned(), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_from_before_a_hand_over_does_not_give_the_box_back_to_who_had_it() {
    // Grace was there when the copy was made, or came later; Ada went or stayed as a viewer.
    for (known_to_copy, stays) in [(true, true), (true, false), (false, false)] {
        let (folder, store) = used().await;
        let grace = |role| Person { id: "per_2".to_owned(), name: "Grace".to_owned(), role };
        let joins = async || {
            let invite = crate::store::PersonInviteRow {
                id: "inv".to_owned(),
                name: "Grace".to_owned(),
                role: Role::Viewer,
                created_ms: 1,
                expires_ms: 9,
            };
            assert!(store.person_invite_insert(invite, [1; 32], 9).await.unwrap());
            let viewer = grace(Role::Viewer);
            store.person_accept([1; 32], viewer, "of then".to_owned(), 2, 9).await.unwrap();
        };
        if known_to_copy {
            joins().await;
            spares(&store, folder.path()).make().unwrap();
        } else {
            joins().await;
        }
        let change = |role| crate::store::PersonChange { role: Some(role), ..Default::default() };
        store.person_change("per_2".to_owned(), change(Role::Owner)).await.unwrap();
        store.password_put("per_2".to_owned(), "hers".to_owned(), None).await.unwrap();
        match stays {
            true => store.person_change("per_1".to_owned(), change(Role::Viewer)).await.unwrap(),
            false => store.person_delete("per_1".to_owned()).await.unwrap(),
        };
        assert!(owner::keep(&store, folder.path()).await.unwrap());
        let cut = as_cut(folder.path());
        fs::write(cut.path().join(DATABASE), b"garbage").unwrap();
        for _ in 0..2 {
            at_start(cut.path(), NOW).unwrap();
            let store = Store::open(&cut.path().join(DATABASE)).unwrap();
            come_back(&store, cut.path()).await.unwrap();
            let owns = store.owner().await.unwrap();
            assert_eq!(
                owns,
                Some((grace(Role::Owner), "hers".to_owned())),
                "{known_to_copy} {stays}"
            );
            let rows = store.person_list().await.unwrap();
            let ada = rows.iter().find(|row| row.person.id == "per_1").unwrap();
            assert!(ada.disabled, "who handed the box over signs in with what the copy knows");
            assert_eq!(rows.len(), 2);
            // A minute later it is she who is kept.
            assert!(owner::keep(&store, cut.path()).await.unwrap());
            let text = fs::read_to_string(cut.path().join("spares/owner.json")).unwrap();
            assert!(text.contains("per_2") && !text.contains("per_1"), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_that_was_used_after_the_copy_does_not_hold_again() {
    let (folder, store) = used().await;
    let factor = || Factor { secret: vec![7; 20], used_step: 5 };
    let codes = vec![[1; 32], [2; 32]];
    store.factor_put("per_1".to_owned(), factor(), codes, 1).await.unwrap();
    assert!(owner::keep(&store, folder.path()).await.unwrap());
    spares(&store, folder.path()).make().unwrap();
    let left = async || {
        let cut = as_cut(folder.path());
        fs::write(cut.path().join(DATABASE), b"garbage").unwrap();
        assert_eq!(signs_in_with(cut.path()).await.1, Some(factor()));
        let store = Store::open(&cut.path().join(DATABASE)).unwrap();
        store.recovery_left("per_1".to_owned()).await.unwrap().len()
    };
    // Another password says nothing of the codes: they hold.
    store.password_put("per_1".to_owned(), "newer".to_owned(), None).await.unwrap();
    assert!(owner::keep(&store, folder.path()).await.unwrap());
    assert_eq!(left().await, 2);
    assert!(store.recovery_use("per_1".to_owned(), [1; 32]).await.unwrap());
    assert!(owner::keep(&store, folder.path()).await.unwrap());
    assert_eq!(left().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_after_it_was_last_kept_is_not_taken_back_by_a_start() {
    let (folder, store) = used().await;
    // Nothing was kept of this: the database is the newer one.
    store.password_put("per_1".to_owned(), "newer".to_owned(), None).await.unwrap();
    assert!(store.factor_delete("per_1".to_owned()).await.unwrap());
    let cut = as_cut(folder.path());
    assert_eq!(signs_in_with(cut.path()).await, ("newer".to_owned(), None));
    // What a version kept that did not count yet says nothing of which is newer.
    let path = folder.path().join("spares/owner.json");
    let mut old: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert!(old.as_object_mut().unwrap().remove("mark").is_some());
    fs::write(&path, serde_json::to_vec(&old).unwrap()).unwrap();
    assert_eq!(signs_in_with(as_cut(folder.path()).path()).await, ("newer".to_owned(), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_stop_the_database_is_whole_without_its_log() {
    let (folder, store) = used().await;
    let path = folder.path().join(DATABASE);
    let log = folder.path().join("roombox.db-wal");
    assert!(fs::metadata(&log).unwrap().len() > 0);
    // Somebody has it open still: what runs away from the doors may outlast the stop.
    fold_log(&path).unwrap();
    assert_eq!(fs::metadata(&log).map_or(0, |log| log.len()), 0);
    let alone = tempfile::tempdir().unwrap();
    fs::copy(&path, alone.path().join(DATABASE)).unwrap();
    let copy = Store::open(&alone.path().join(DATABASE)).unwrap();
    assert_eq!(copy.livekit_key_list().await.unwrap().len(), 150);
    drop(store);
    fold_log(&path).unwrap();
    // A box that never had one does not get one by stopping.
    let none = alone.path().join("none.db");
    assert!(fold_log(&none).is_err() && !none.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_at_any_step_of_mending_ends_as_one_that_went_through() {
    let (folder, store) = used().await;
    drop(store);
    for copies in [true, false] {
        for cut_at in 0.. {
            let cut = as_cut(folder.path());
            let data = cut.path();
            fs::write(data.join(DATABASE), b"garbage").unwrap();
            if !copies {
                for spare in all(data) {
                    fs::remove_file(spare.path).unwrap();
                }
            }
            let mut steps = 0;
            let outcome = boot::carry_out(data, NOW, &mut |_| {
                steps += 1;
                match steps > cut_at {
                    true => Err(io::Error::other("the power is gone")),
                    false => Ok(()),
                }
            });
            let through = outcome.is_ok();
            let (_, keys) = started(data).await;
            assert_eq!(keys, if copies { 100 } else { 0 }, "cut at step {cut_at}");
            let note = told(data).unwrap();
            assert_eq!(note.as_of.is_some(), copies);
            let kept = fs::read(data.join(&note.kept_in).join(DATABASE)).unwrap();
            assert_eq!(kept, b"garbage", "cut at step {cut_at}");
            assert!(!data.join("mending").exists());
            if through {
                assert!(cut_at > 5, "{cut_at} steps are few");
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_damaged_too_is_passed_over_for_an_older_one() {
    let (folder, store) = used().await;
    spares(&store, folder.path()).make().unwrap();
    drop(store);
    let newest = all(folder.path()).pop().unwrap();
    let mut bytes = fs::read(&newest.path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0xa5);
    fs::write(&newest.path, bytes).unwrap();
    fs::write(folder.path().join(DATABASE), b"").unwrap();
    let (note, keys) = started(folder.path()).await;
    assert!(note.unwrap().as_of.is_some());
    assert_eq!(keys, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_versions_database_is_never_put_aside() {
    let (folder, store) = used().await;
    drop(store);
    let path = folder.path().join(DATABASE);
    store::newer(&path);
    assert_eq!(at_start(folder.path(), NOW).unwrap(), None);
    assert!(matches!(Store::open(&path), Err(StoreError::Newer { .. })));
    // Nor does the box begin anew when only its copies are a newer version's.
    store::newer(&all(folder.path())[0].path);
    fs::write(&path, b"garbage").unwrap();
    let refused = at_start(folder.path(), NOW).unwrap_err();
    assert!(matches!(refused, SpareError::OnlyNewer { .. }), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), b"garbage");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_box_is_no_damaged_one_and_one_with_recordings_says_what_it_lost() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    assert_eq!(at_start(data, NOW).unwrap(), None);
    fs::write(data.join(DATABASE), b"").unwrap();
    assert_eq!(at_start(data, NOW).unwrap(), None);
    fs::create_dir_all(data.join("recordings/rec_1")).unwrap();
    fs::write(data.join("recordings/rec_1/manifest.json"), b"{}").unwrap();
    fs::write(data.join(DATABASE), b"garbage").unwrap();
    let note = at_start(data, NOW).unwrap().unwrap();
    assert_eq!((note.as_of, note.owned), (None, false));
    assert!(data.join("recordings/rec_1/manifest.json").exists());
    let store = Store::open(&data.join(DATABASE)).unwrap();
    come_back(&store, data).await.unwrap();
    assert!(store.owner().await.unwrap().is_none(), "it is claimed by the code on its screen");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_copy_is_made_of_a_damaged_database_and_seven_are_kept() {
    let (folder, store) = used().await;
    let data = folder.path();
    let spares = spares(&store, data);
    // What a kill in the middle left.
    fs::write(data.join(SPARES).join(PARTIAL), b"half").unwrap();
    for _ in 0..9 {
        spares.make().unwrap();
    }
    let numbers: Vec<u64> = all(data).iter().map(|spare| spare.number).collect();
    assert_eq!(numbers, (4..=10).collect::<Vec<_>>());
    let hungry = Spares::new(store.clone(), data.to_owned(), Arc::new(|| u64::MAX));
    assert!(matches!(hungry.make(), Err(SpareError::NoRoom { .. })));
    drop(hungry);
    drop(spares);
    drop(store);
    let path = data.join(DATABASE);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let other = Arc::new(Store::open(&data.join("other.db")).unwrap());
    let spares = Spares::new(other, data.to_owned(), Arc::new(|| 0));
    assert!(spares.make().is_err());
    assert_eq!(all(data).len(), 7, "copies that were good are gone");
    assert!(!data.join(SPARES).join(PARTIAL).exists());
}
