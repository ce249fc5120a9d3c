//! Planned backups of a real database, with a carrier that does what a test says.

mod called_off;

use super::*;
use crate::backup::BackupsParts;
use crate::conference::Later;
use crate::targets::{Load, NewTarget, Place, Receipt, Rest, Secrets, Sent, Told};
use tempfile::TempDir;

const PASSPHRASE: &str = "canary horse battery staple";

/// Targets that are what a map holds: (host, name) and SHA-256.
#[derive(Default)]
struct Ways {
    there: Mutex<HashMap<(String, String), String>>,
    away: Mutex<BTreeSet<String>>,
    /// They take a part and no more.
    stuck: Mutex<BTreeSet<String>>,
}

fn host(place: Place) -> String {
    let Place::Sftp { host, .. } = place else { panic!("a target of another kind") };
    host
}

impl Carrier for Ways {
    fn carry(&self, load: Load, told: Told) -> Later<'_, Result<Receipt, String>> {
        Box::pin(async move {
            told(3, Some("part".to_owned()));
            let host = host(load.place);
            if self.away.lock().unwrap().contains(&host) {
                return Err("it is away".to_owned());
            }
            if self.stuck.lock().unwrap().contains(&host) {
                std::future::pending::<()>().await;
            }
            let bytes = fs::read(&load.local).map_err(|error| error.to_string())?;
            assert!(bytes.starts_with(b"age-encryption.org/v1\n"), "it is not encrypted");
            let sum: String =
                Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(Some(&sum), load.sha256.as_ref());
            self.there.lock().unwrap().insert((host, load.name), sum.clone());
            Ok(Receipt { bytes: bytes.len() as u64, sha256: sum })
        })
    }

    fn clear(&self, _: Rest) -> Later<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    fn withdraw(&self, sent: Sent) -> Later<'_, Result<bool, String>> {
        Box::pin(async move {
            let key = (host(sent.place), sent.name);
            let mut there = self.there.lock().unwrap();
            let same = there.get(&key) == Some(&sent.receipt.sha256);
            if same {
                there.remove(&key);
            }
            Ok(same)
        })
    }

    fn test(&self, _: Place, _: Secrets) -> Later<'_, Result<Option<String>, String>> {
        Box::pin(async { Ok(None) })
    }
}

struct House {
    folder: TempDir,
    ways: Arc<Ways>,
    targets: Arc<Targets>,
    safe: Arc<Safekeeping>,
}

/// `reserve`: bytes of the disk that are not for backups.
async fn house(folder: TempDir, ways: Arc<Ways>, id: &str, reserve: u64) -> House {
    let data = folder.path().to_owned();
    let store = Arc::new(Store::open(&data.join("roombox.db")).unwrap());
    let identity = BoxIdentity::load(store.clone(), Some(id.to_owned()), false).await.unwrap();
    let identity = Arc::new(identity);
    let root = data.join("recordings");
    let targets = Targets::load(store.clone(), Arc::default(), ways.clone(), root, data.clone());
    let targets = targets.await.unwrap();
    let believed: Believed = Arc::new(|| true);
    let backups = Backups::new(BackupsParts {
        identity: identity.clone(),
        recording: Arc::new(|| 0),
        reserve: Arc::new(move || reserve),
        believed: believed.clone(),
        data: data.clone(),
        restart: Arc::default(),
    });
    let safe = Safekeeping::load(SafekeepingParts {
        store,
        identity,
        backups,
        targets: targets.clone(),
        carrier: ways.clone(),
        believed,
        data,
    });
    House { folder, safe: safe.await.unwrap(), ways, targets }
}

impl House {
    async fn new() -> Self {
        house(tempfile::tempdir().unwrap(), Arc::default(), "box_hall", 0).await
    }

    async fn again(self, id: &str) -> Self {
        let House { folder, ways, targets, safe } = self;
        drop((targets, safe));
        house(folder, ways, id, 0).await
    }

    async fn add(&self, name: &str) -> String {
        let new = serde_json::json!({
            "name": name, "place": { "kind": "sftp", "host": name, "user": "ada" },
        });
        let new: NewTarget = serde_json::from_value(new).unwrap();
        self.targets.create(new).await.unwrap().id
    }

    async fn plan(&self, targets: &[&String], keep: u32) {
        let targets = targets.iter().map(|id| (*id).clone()).collect();
        let plan = BackupPlan {
            every: Every::Daily,
            weekday: None,
            at: "03:00".to_owned(),
            targets,
            keep,
        };
        self.safe.put(plan, Some(PASSPHRASE.to_owned())).await.unwrap();
    }

    /// Looks until nothing goes on any more.
    async fn settle(&self) -> SafekeepingView {
        loop {
            self.safe.turn().await.unwrap();
            let busy = !self.safe.flights().is_empty();
            let rows = self.safe.parts.store.backup_copy_list(self.safe.box_id()).await.unwrap();
            if !busy && self.due(&rows) == 0 {
                return self.safe.view().await.unwrap();
            }
            tokio::task::yield_now().await;
        }
    }

    /// Rows with which something is to be done now.
    fn due(&self, rows: &[BackupCopyRow]) -> usize {
        let keep = self.safe.state().row.plan.as_ref().map_or(0, |plan| plan.keep as usize);
        let mut there = HashMap::<&str, usize>::new();
        let mut due = 0;
        for row in rows.iter().filter(|row| row.next_ms == 0) {
            let seen = there.entry(&row.target).or_default();
            *seen += usize::from(row.delivered_ms.is_some());
            due += usize::from(row.delivered_ms.is_none() || *seen > keep);
        }
        due
    }

    /// So much later, since the program's start.
    async fn later(&mut self, by: Duration) {
        // A task that has just ended may hold it yet.
        while Arc::strong_count(&self.safe) > 1 {
            tokio::task::yield_now().await;
        }
        let safe = Arc::get_mut(&mut self.safe).unwrap();
        safe.begun = safe.begun.checked_sub(by).unwrap();
    }

    async fn once_more(&self) -> SafekeepingView {
        self.safe.run_now().await.unwrap();
        self.settle().await
    }

    fn there(&self, host: &str) -> Vec<String> {
        let there = self.ways.there.lock().unwrap();
        let mut names: Vec<String> =
            there.keys().filter(|(at, _)| at == host).map(|(_, name)| name.clone()).collect();
        names.sort();
        names
    }

    fn files(&self) -> usize {
        fs::read_dir(self.folder.path().join(FOLDER)).map_or(0, Iterator::count)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_is_made_at_once_and_goes_to_every_target() {
    let house = House::new().await;
    let (nas, cloud) = (house.add("nas").await, house.add("cloud").await);
    house.plan(&[&nas, &cloud], 3).await;
    let view = house.settle().await;
    assert!(view.has_passphrase && view.error.is_none() && view.next_at.is_some());
    for place in &view.places {
        let good = place.good.as_ref().unwrap();
        assert!(good.name.starts_with("roombox-backups/box_hall/roombox-"), "{}", good.name);
        assert_eq!((place.kept, &place.waiting, good.sha256.len()), (1, &None, 64));
    }
    assert_eq!(house.there("nas"), house.there("cloud"));
    // Nothing of it stays here once it is everywhere, and nobody is told the passphrase.
    assert_eq!(house.files(), 0);
    assert!(!serde_json::to_string(&view).unwrap().contains("canary"));
    let shown = format!("{:?}", house.safe.state().row);
    assert!(!shown.contains("canary"), "{shown}");
    // It is not due again.
    house.settle().await;
    assert_eq!(house.there("nas").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_ones_go_and_nothing_else_does() {
    let house = House::new().await;
    let nas = house.add("nas").await;
    house.plan(&[&nas], 2).await;
    house.settle().await;
    let first = house.there("nas")[0].clone();
    // Of another box, and what somebody else put into the place of one of ours.
    let others = ("nas".to_owned(), "roombox-backups/box_cellar/roombox-x-1.age".to_owned());
    house.ways.there.lock().unwrap().insert(others.clone(), "sum".to_owned());
    house.ways.there.lock().unwrap().insert(("nas".to_owned(), first.clone()), "other".to_owned());
    for _ in 0..3 {
        house.once_more().await;
    }
    let view = house.safe.view().await.unwrap();
    assert_eq!((view.places[0].kept, &view.places[0].stays), (2, &None));
    let there = house.there("nas");
    assert_eq!(there.len(), 4, "{there:?}");
    assert!(there.contains(&first) && there.contains(&others.1));
    assert!(there.iter().any(|name| name.ends_with("-4.age")), "{there:?}");
    assert!(there.iter().any(|name| name.ends_with("-3.age")), "{there:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_target_does_not_take_waits_over_a_restart_and_is_said() {
    let house = House::new().await;
    let (nas, cloud) = (house.add("nas").await, house.add("cloud").await);
    house.ways.away.lock().unwrap().insert("cloud".to_owned());
    house.plan(&[&nas, &cloud], 2).await;
    let view = house.settle().await;
    let of = |view: &SafekeepingView, id: &String| {
        view.places.iter().find(|place| place.target == *id).cloned().unwrap()
    };
    let waits = of(&view, &cloud);
    assert!(waits.good.is_none() && of(&view, &nas).good.is_some());
    let waiting = waits.waiting.unwrap();
    assert_eq!((waiting.attempts, waiting.error.as_deref()), (1, Some("it is away")));
    assert!(waiting.next_at.is_some());
    let failed = house.safe.trouble().await.unwrap().failed;
    assert_eq!((failed.len(), failed[0].id.as_str()), (1, cloud.as_str()));
    assert_eq!(house.files(), 1, "it is needed yet");

    // A crash left half of another one.
    fs::write(house.folder.path().join(FOLDER).join("77.age"), "half").unwrap();
    let house = house.again("box_hall").await;
    assert_eq!(house.files(), 1);
    house.ways.away.lock().unwrap().clear();
    let rows = house.safe.parts.store.backup_copy_list("box_hall".to_owned()).await.unwrap();
    let row = rows.into_iter().find(|row| row.target == cloud).unwrap();
    assert_eq!(row.resume.as_deref(), Some("part"), "it goes on from there");
    let due = BackupCopyRow { next_ms: 0, ..row };
    house.safe.parts.store.backup_copy_settle(due).await.unwrap();
    let view = house.settle().await;
    assert!(of(&view, &cloud).good.is_some() && house.files() == 0);
    assert_eq!(house.there("nas"), house.there("cloud"), "it is the same one");
    assert_eq!(house.safe.trouble().await.unwrap(), Trouble::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_gives_way_to_the_next_backup() {
    let house = House::new().await;
    let nas = house.add("nas").await;
    house.ways.away.lock().unwrap().insert("nas".to_owned());
    house.plan(&[&nas], 2).await;
    house.settle().await;
    house.ways.away.lock().unwrap().clear();
    let view = house.once_more().await;
    assert!(view.places[0].good.as_ref().unwrap().name.ends_with("-2.age"));
    assert_eq!((house.there("nas").len(), house.files()), (1, 0));
    // What was begun of the first is cleared away by the targets' desk.
    let left = house.safe.parts.store.leftover_list(nas).await.unwrap();
    assert!(left.iter().any(|left| left.name.ends_with("-1.age")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_the_plan_stays() {
    let ways = Arc::<Ways>::default();
    let house = house(tempfile::tempdir().unwrap(), ways, "box_hall", u64::MAX).await;
    let nas = house.add("nas").await;
    house.plan(&[&nas], 2).await;
    let view = house.settle().await;
    assert!(view.error.as_ref().is_some_and(|error| error.contains("are free")), "{view:?}");
    let failed = house.safe.trouble().await.unwrap().failed;
    assert_eq!((failed.len(), failed[0].id.as_str()), (1, ""));
    let house = house.again("box_hall").await;
    assert!(house.once_more().await.places[0].good.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wanted_backup_that_failed_is_tried_again_also_after_a_restart() {
    let mut full = house(tempfile::tempdir().unwrap(), Arc::default(), "box_hall", 0).await;
    let (nas, cloud) = (full.add("nas").await, full.add("cloud").await);
    full.plan(&[&nas], 2).await;
    full.settle().await;
    // Where the file is to be made something else lies.
    let path = full.folder.path().join(FOLDER);
    fs::remove_dir_all(&path).unwrap();
    fs::write(&path, "in the way").unwrap();
    full.plan(&[&nas, &cloud], 2).await;
    let view = full.settle().await;
    assert!(view.error.is_some() && !view.making, "{view:?}");
    fs::remove_file(&path).unwrap();
    // The pause holds first; then it is made, though nobody asks again.
    assert_eq!(full.settle().await.error, view.error);
    full.later(PAUSE * 2).await;
    assert_eq!(full.settle().await.error, None);
    assert_eq!((full.there("nas").len(), full.there("cloud").len()), (2, 1));

    let depot = full.add("depot").await;
    fs::remove_dir_all(&path).unwrap();
    fs::write(&path, "in the way").unwrap();
    full.plan(&[&nas, &cloud, &depot], 2).await;
    full.settle().await;
    fs::remove_file(&path).unwrap();
    let mut again = full.again("box_hall").await;
    again.settle().await;
    assert!(again.there("depot").is_empty(), "a box that has just started has other things to do");
    again.later(PAUSE).await;
    again.settle().await;
    assert_eq!(again.there("depot").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_without_its_file_gives_way_to_a_new_backup() {
    // As after a restore: the database says of a file that it waits. Gone, or a crash cut it.
    for cut in [false, true] {
        let house = House::new().await;
        let nas = house.add("nas").await;
        house.ways.away.lock().unwrap().insert("nas".to_owned());
        house.plan(&[&nas], 2).await;
        house.settle().await;
        let file = house.folder.path().join(FOLDER).join("1.age");
        if cut {
            fs::write(&file, "age").unwrap();
        } else {
            fs::remove_file(&file).unwrap();
        }
        house.ways.away.lock().unwrap().clear();
        let mut house = house.again("box_hall").await;
        house.safe.turn().await.unwrap();
        assert!(house.safe.view().await.unwrap().places[0].waiting.is_none());
        // What the first attempt began there is not forgotten.
        let left = house.safe.parts.store.leftover_list(nas).await.unwrap();
        assert!(left.iter().any(|left| left.name.ends_with("-1.age")), "{left:?}");
        house.later(Duration::from_secs(60)).await;
        let view = house.settle().await;
        assert!(view.places[0].good.as_ref().unwrap().name.ends_with("-2.age"), "{view:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_comes_to_its_target_leaves_the_next_one_alone() {
    let house = House::new().await;
    let nas = house.add("nas").await;
    house.plan(&[&nas], 2).await;
    house.settle().await;
    // The next one is made, and has no row yet.
    let folder = house.folder.path().join(FOLDER);
    for file in ["1.age", "2.age", "stray"] {
        fs::write(folder.join(file), "age").unwrap();
    }
    house.safe.clear_up().await.unwrap();
    assert!(folder.join("2.age").exists() && house.files() == 1);
    assert_eq!(house.again("box_hall").await.files(), 0, "a start clears what a crash left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_never_locked_with_a_passphrase_that_was_replaced_meanwhile() {
    let house = House::new().await;
    let nas = house.add("nas").await;
    house.plan(&[&nas], 2).await;
    let plan = house.safe.view().await.unwrap().plan.unwrap();
    let wanted = async || house.safe.state().asked() && house.there("nas").is_empty();
    let sealed = house.safe.sealed().await.unwrap();
    let other = Some("another horse battery staple".to_owned());
    house.safe.put(plan.clone(), other.clone()).await.unwrap();
    assert!(!house.safe.keep(sealed).await.unwrap());
    assert!(wanted().await, "whoever asked waits for one with the new passphrase");
    // Nor is it of a plan that was ended, even if the next one reads the same.
    let sealed = house.safe.sealed().await.unwrap();
    house.safe.end().await.unwrap();
    house.safe.put(plan, other).await.unwrap();
    assert!(!house.safe.keep(sealed).await.unwrap());
    assert!(wanted().await);
    let view = house.settle().await;
    assert!(view.places[0].good.is_some() && !view.making && house.files() == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_wants_while_a_backup_is_made_is_a_newer_one() {
    let house = House::new().await;
    let nas = house.add("nas").await;
    house.plan(&[&nas], 2).await;
    let held = house.safe.saving.lock().await;
    let safe = house.safe.clone();
    let making = tokio::spawn(async move { safe.make_one(Duration::ZERO).await });
    while house.files() == 0 {
        tokio::task::yield_now().await;
    }
    house.safe.run_now().await.unwrap();
    drop(held);
    making.await.unwrap();
    assert!(house.safe.state().asked());
    house.settle().await;
    assert!(!house.safe.state().asked());
    assert!(house.there("nas").iter().any(|name| name.ends_with("-2.age")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_first_attempt_began_is_cleared_away_when_the_plan_ends() {
    let house = House::new().await;
    let nas = house.add("nas").await;
    house.plan(&[&nas], 2).await;
    // It waits, and nothing has been said of its first attempt yet.
    house.safe.make_one(Duration::ZERO).await;
    house.safe.end().await.unwrap();
    let left = house.safe.parts.store.leftover_list(nas).await.unwrap();
    assert!(left.iter().any(|left| left.name.ends_with("-1.age")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_a_transfer_got_does_not_make_a_receipt_wait_again() {
    let house = House::new().await;
    let nas = house.add("nas").await;
    house.plan(&[&nas], 2).await;
    house.safe.make_one(Duration::ZERO).await;
    let store = &house.safe.parts.store;
    let rows = async || store.backup_copy_list("box_hall".to_owned()).await.unwrap();
    let part = BackupCopyRow { resume: Some("part".to_owned()), ..rows().await.remove(0) };
    store.backup_copy_resume(part.clone()).await.unwrap();
    assert_eq!(rows().await, std::slice::from_ref(&part));
    // It comes there after the rows were read.
    let there = BackupCopyRow { delivered_ms: Some(7), resume: None, ..part.clone() };
    store.backup_copy_settle(there.clone()).await.unwrap();
    store.backup_copy_resume(part).await.unwrap();
    assert_eq!(rows().await, [there]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_box_with_this_database_touches_nothing_of_this_one() {
    let house = House::new().await;
    let nas = house.add("nas").await;
    house.plan(&[&nas], 1).await;
    house.settle().await;
    // As after a restore by which another box stays itself: plan and receipts have come along.
    let store = &house.safe.parts.store;
    store.box_rename("Cellar".to_owned()).await.unwrap();
    let first = house.there("nas");
    crate::store::box_becomes(&house.folder.path().join("roombox.db"), "box_cellar");
    let cellar = house.again("box_cellar").await;
    assert_eq!(cellar.safe.view().await.unwrap().places[0].kept, 0);
    for _ in 0..2 {
        cellar.once_more().await;
    }
    let there = cellar.there("nas");
    assert_eq!(there.len(), 2, "{there:?}");
    assert!(there.contains(&first[0]) && there[0].contains("/box_cellar/"), "{there:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_needs_a_passphrase_once_and_its_end_forgets_it() {
    let house = House::new().await;
    let (nas, cloud) = (house.add("nas").await, house.add("cloud").await);
    let plan = |targets: Vec<String>| BackupPlan {
        every: Every::Weekly,
        weekday: Some(1),
        at: "23:59".to_owned(),
        targets,
        keep: 4,
    };
    let bare = house.safe.put(plan(vec![nas.clone()]), None).await.unwrap_err();
    assert_eq!(bare.code(), "weak_passphrase");
    let short = house.safe.put(plan(vec![nas.clone()]), Some("short".to_owned())).await;
    assert_eq!(short.unwrap_err().code(), "weak_passphrase");
    assert_eq!(house.safe.run_now().await.unwrap_err().code(), "no_backup_plan");
    let passphrase = Some(PASSPHRASE.to_owned());
    house.safe.put(plan(vec![nas.clone()]), passphrase).await.unwrap();
    house.settle().await;
    // A target that comes later gets one at once, with the same passphrase.
    house.safe.put(plan(vec![nas, cloud]), None).await.unwrap();
    house.settle().await;
    assert_eq!((house.there("nas").len(), house.there("cloud").len()), (2, 1));
    assert_eq!(house.safe.end().await.unwrap(), SafekeepingView::default());
    assert_eq!(house.there("nas").len(), 2, "what is there stays");
    assert!(house.safe.state().row.passphrase.is_empty());
    assert_eq!(house.safe.end().await.unwrap_err().code(), "no_backup_plan");
}
