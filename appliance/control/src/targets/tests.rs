//! The desk with a carrier that does what a test says.

use super::*;
use crate::conference::Later;
use std::collections::HashSet;
use tokio::sync::{Semaphore, mpsc};

/// Takes what it has permits for; the rest waits. Refuses what it is told to.
struct Ways {
    permits: Semaphore,
    begun: mpsc::UnboundedSender<Load>,
    refused: std::sync::Mutex<HashSet<String>>,
    /// What was taken away: host, name and what it would have gone on with.
    cleared: mpsc::UnboundedSender<(String, String, Option<String>)>,
    dropped: Arc<std::sync::atomic::AtomicU64>,
    /// Has a transfer say that it came further.
    further: tokio::sync::Notify,
}

struct Dropped(Arc<std::sync::atomic::AtomicU64>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Carrier for Ways {
    fn carry(&self, load: Load, told: Told) -> Later<'_, Result<Receipt, String>> {
        Box::pin(async move {
            let _dropped = Dropped(self.dropped.clone());
            told(7, Some("half".to_owned()));
            let name = load.name.rsplit('/').next().unwrap_or_default().to_owned();
            let sha256 = load.sha256.clone().unwrap_or_default();
            self.begun.send(load).unwrap();
            let further = async {
                self.further.notified().await;
                told(8, Some("further".to_owned()));
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = further => {}
                permit = self.permits.acquire() => permit.unwrap().forget(),
            }
            match self.refused.lock().unwrap().contains(&name) {
                true => Err("it is full".to_owned()),
                false => Ok(Receipt { bytes: 10, sha256 }),
            }
        })
    }

    fn clear(&self, rest: Rest) -> Later<'_, Result<(), String>> {
        Box::pin(async move {
            let Place::Sftp { host, .. } = rest.place else { unreachable!() };
            self.cleared.send((host, rest.name, rest.resume)).unwrap();
            let panics = self.refused.lock().unwrap().contains("panic");
            assert!(!panics, "as the test says");
            match self.refused.lock().unwrap().contains("clear") {
                true => Err("it is away".to_owned()),
                false => Ok(()),
            }
        })
    }

    fn withdraw(&self, _: Sent) -> Later<'_, Result<bool, String>> {
        Box::pin(async { Ok(false) })
    }

    fn test(&self, _: Place, _: Secrets) -> Later<'_, Result<Option<String>, String>> {
        Box::pin(async { Ok(Some("SHA256:new".to_owned())) })
    }
}

struct Office {
    targets: Arc<Targets>,
    store: Arc<Store>,
    ways: Arc<Ways>,
    begun: mpsc::UnboundedReceiver<Load>,
    cleared: mpsc::UnboundedReceiver<(String, String, Option<String>)>,
    _folder: tempfile::TempDir,
}

impl Office {
    /// With a recording of two files, `a` and `b`.
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("box.db")).unwrap());
        let (sender, begun) = mpsc::unbounded_channel();
        let (clears, cleared) = mpsc::unbounded_channel();
        let ways = Arc::new(Ways {
            permits: Semaphore::new(0),
            begun: sender,
            refused: std::sync::Mutex::default(),
            cleared: clears,
            dropped: Arc::default(),
            further: tokio::sync::Notify::default(),
        });
        let (root, data) = (folder.path().join("recordings"), folder.path().to_owned());
        let events = Arc::new(Events::default());
        let targets = Targets::load(store.clone(), events, ways.clone(), root, data).await.unwrap();
        tokio::spawn(targets.clone().run());
        Self { targets, store, ways, begun, cleared, _folder: folder }
    }

    async fn record(&self, id: &'static str) {
        self.store.recording_with_files(id, &[("a", "0a"), ("b", "0b")]).await.unwrap();
    }

    async fn add(&self, host: &str) -> String {
        self.add_for(host, "films").await
    }

    async fn add_for(&self, host: &str, contents: &str) -> String {
        let place = Place::Sftp {
            host: host.to_owned(),
            port: 22,
            user: "ada".to_owned(),
            folder: String::new(),
            host_key: String::new(),
        };
        let new = serde_json::json!({ "name": host, "place": place, "contents": contents });
        self.targets.create(serde_json::from_value(new).unwrap()).await.unwrap().id
    }

    /// The next transfer that begins: file and host.
    async fn next(&mut self) -> (String, String) {
        let load = self.begun.recv().await.unwrap();
        let Place::Sftp { host, .. } = load.place else { unreachable!() };
        (load.name.rsplit('/').next().unwrap().to_owned(), host)
    }

    /// Whether nothing more begins, although the desk had time to.
    async fn quiet(&mut self) -> bool {
        let time = std::time::Duration::from_millis(100);
        tokio::time::timeout(time, self.begun.recv()).await.is_err()
    }

    /// Waits until the copies of a recording are as wanted.
    async fn until(&self, recording: &str, so: impl Fn(&[Copy]) -> bool) -> Vec<Copy> {
        let mut live = self.targets.events.listen(None).2;
        loop {
            let copies = self.targets.copies(recording).await.unwrap();
            if so(&copies) {
                return copies;
            }
            live.recv().await.unwrap();
        }
    }
}

#[tokio::test]
async fn each_target_gets_one_file_at_a_time_and_none_waits_for_another() {
    let mut office = Office::open().await;
    office.record("rec_1").await;
    for host in ["nas", "far"] {
        office.add(host).await;
    }
    let mut first = [office.next().await, office.next().await];
    first.sort();
    assert_eq!(first, [("a".to_owned(), "far".to_owned()), ("a".to_owned(), "nas".to_owned())]);
    assert!(office.quiet().await, "two files at a time went to one target");
    let shown = office.targets.list().await.unwrap();
    assert!(shown.iter().all(|target| target.moving.as_ref().is_some_and(|now| now.sent == 7)));
    office.ways.permits.add_permits(4);
    let copies = office
        .until("rec_1", |copies| copies.iter().all(|one| one.state == CopyState::Delivered))
        .await;
    assert_eq!(copies.len(), 4);
    assert!(copies.iter().all(|one| one.name.starts_with("2025-11-25_1205_Hall_rec_1/")));
}

#[tokio::test]
async fn what_fails_waits_with_its_reason_and_goes_on_from_where_it_was() {
    let mut office = Office::open().await;
    office.record("rec_1").await;
    office.ways.refused.lock().unwrap().insert("a".to_owned());
    let target = office.add("nas").await;
    assert_eq!(office.next().await.0, "a");
    office.ways.permits.add_permits(1);
    let copies = office.until("rec_1", |copies| copies.iter().any(|one| one.attempts == 1)).await;
    assert_eq!(copies[0].error.as_deref(), Some("it is full"));
    assert!(copies[0].next_at.is_some_and(|at| at > UnixMs::now()));
    // The target rests: the other file is not tried at once.
    assert!(office.quiet().await);
    office.ways.refused.lock().unwrap().clear();
    office.targets.retry(&target).await.unwrap();
    let load = office.begun.recv().await.unwrap();
    let resumed = [load, {
        office.ways.permits.add_permits(2);
        office.begun.recv().await.unwrap()
    }];
    let resumes: HashSet<Option<String>> = resumed.into_iter().map(|load| load.resume).collect();
    assert_eq!(resumes, HashSet::from([Some("half".to_owned()), None]));
    office
        .until("rec_1", |copies| copies.iter().all(|one| one.state == CopyState::Delivered))
        .await;
    let tally = office.targets.list().await.unwrap().remove(0).tally;
    assert_eq!((tally.delivered, tally.waiting, tally.error), (2, 0, None));
}

#[tokio::test]
async fn what_is_put_off_goes_on_from_where_it_was_when_it_was_ended() {
    let mut office = Office::open().await;
    office.record("rec_1").await;
    let target = office.add("nas").await;
    assert_eq!(office.next().await.0, "a");
    office.ways.further.notify_one();
    let came = || async {
        let shown = office.targets.list().await.unwrap().remove(0);
        shown.moving.is_some_and(|now| now.sent == 8)
    };
    while !came().await {
        tokio::task::yield_now().await;
    }
    office.targets.put_off(&target, "its hours ended before it was there").await.unwrap();
    office.targets.wake.notify_one();
    assert_eq!(office.next().await.0, "b", "others go first");
    office.ways.permits.add_permits(1);
    let load = office.begun.recv().await.unwrap();
    assert!(load.name.ends_with("/a"), "{}", load.name);
    assert_eq!(load.resume.as_deref(), Some("further"));
}

#[tokio::test]
async fn what_the_store_refuses_of_a_transfer_is_kept_at_the_next_look() {
    let mut office = Office::open().await;
    office.record("rec_1").await;
    office.store.refuse("UPDATE OF resume ON copies").await;
    office.add("nas").await;
    assert_eq!(office.next().await.0, "a");
    assert!(office.targets.keep_resumes().await.is_err());
    office.store.take_all().await;
    office.targets.keep_resumes().await.unwrap();
    let row = office.store.copy_list("rec_1".to_owned()).await.unwrap().remove(0);
    assert_eq!(row.resume.as_deref(), Some("half"));
}

#[tokio::test]
async fn a_change_begins_anew_and_a_removal_ends() {
    let mut office = Office::open().await;
    office.record("rec_1").await;
    let target = office.add("nas").await;
    assert_eq!(office.next().await, ("a".to_owned(), "nas".to_owned()));
    let place = serde_json::json!({ "kind": "sftp", "host": "new", "user": "ada" });
    let patch = serde_json::from_value(serde_json::json!({ "place": place })).unwrap();
    office.targets.change(&target, patch).await.unwrap();
    assert_eq!(office.next().await, ("a".to_owned(), "new".to_owned()));
    assert_eq!(office.ways.dropped.load(Ordering::Relaxed), 1);
    office.targets.delete(&target).await.unwrap();
    tokio::task::yield_now().await;
    assert_eq!(office.ways.dropped.load(Ordering::Relaxed), 2);
    assert!(office.targets.copies("rec_1").await.unwrap().is_empty());
}

#[tokio::test]
async fn at_another_place_nothing_is_there_yet_and_no_old_secret_goes_there() {
    let mut office = Office::open().await;
    office.record("rec_1").await;
    let target = office.add("nas").await;
    office.ways.permits.add_permits(2);
    let delivered = |copies: &[Copy]| copies.iter().all(|one| one.state == CopyState::Delivered);
    office.until("rec_1", |copies| !copies.is_empty() && delivered(copies)).await;
    let patch = |json| serde_json::from_value::<TargetPatch>(json).unwrap();
    let kept = patch(serde_json::json!({ "secrets": { "password": "p" } }));
    office.targets.change(&target, kept).await.unwrap();
    assert!(delivered(&office.targets.copies("rec_1").await.unwrap()), "it is the same place");
    let place = serde_json::json!({ "kind": "sftp", "host": "new", "user": "ada" });
    let moved = patch(serde_json::json!({ "place": place }));
    let refused = office.targets.change(&target, moved).await;
    assert!(matches!(refused, Err(ControlError::InvalidTarget { field: "secrets", .. })));
    let moved = patch(serde_json::json!({ "place": place, "secrets": { "password": "q" } }));
    office.targets.change(&target, moved).await.unwrap();
    let copies = office.targets.copies("rec_1").await.unwrap();
    assert!(copies.iter().all(|one| one.state == CopyState::Waiting && one.delivered_at.is_none()));
    for _ in 0..2 {
        assert_eq!(office.next().await.1, "nas");
    }
    assert_eq!(office.next().await.1, "new");
}

#[tokio::test]
async fn it_is_planned_when_something_changed_and_not_after_each_file() {
    let mut office = Office::open().await;
    office.record("rec_1").await;
    office.add("nas").await;
    assert_eq!(office.next().await.0, "a");
    // Nobody is told of this one: whoever looks at everything after a file would find it.
    office.record("rec_2").await;
    office.ways.permits.add_permits(2);
    let delivered = |copies: &[Copy]| copies.iter().all(|one| one.state == CopyState::Delivered);
    office.until("rec_1", delivered).await;
    assert_eq!(office.next().await.0, "b");
    assert!(office.quiet().await && office.targets.copies("rec_2").await.unwrap().is_empty());
    assert!(
        office.store.copy_owed("rec_2".to_owned()).await.unwrap(),
        "and it is owed all the same"
    );
    let ready = Happening::RecordingReady { job: "job_1".to_owned() };
    office.targets.events.publish("rec_2", ready);
    assert_eq!(office.next().await.0, "a");
}

#[tokio::test]
async fn who_wants_it_now_gets_it_tried_again_though_the_attempt_of_before_fails() {
    let mut office = Office::open().await;
    office.record("rec_1").await;
    office.ways.refused.lock().unwrap().insert("a".to_owned());
    let target = office.add("nas").await;
    assert_eq!(office.next().await.0, "a");
    office.targets.retry(&target).await.unwrap();
    office.ways.permits.add_permits(1);
    // It is as if it had never failed, and so is its place in the queue.
    let next = [office.next().await.0, {
        office.ways.permits.add_permits(1);
        office.next().await.0
    }];
    assert!(next.contains(&"a".to_owned()), "{next:?}");
}

#[tokio::test]
async fn what_was_begun_of_a_recording_that_goes_is_taken_away() {
    let mut office = Office::open().await;
    office.record("rec_1").await;
    office.ways.refused.lock().unwrap().insert("clear".to_owned());
    let target = office.add("nas").await;
    office.next().await;
    office.store.recording_delete("rec_1".to_owned()).await.unwrap();
    office.targets.events.publish("rec_1", Happening::RecordingDeleted);
    let (host, name, resume) = office.cleared.recv().await.unwrap();
    assert_eq!((host.as_str(), resume.as_deref()), ("nas", Some("half")));
    assert!(name.ends_with("_rec_1/a"), "{name}");
    // It is away: later again, by its own pauses.
    let left = async || office.store.leftover_list(target.clone()).await.unwrap();
    while left().await[0].attempts == 0 {
        tokio::task::yield_now().await;
    }
    office.ways.refused.lock().unwrap().clear();
    office.store.leftover_put_off(target.clone(), (0, 0), |_| 0, 9).await.unwrap();
    office.targets.changed(&target);
    office.cleared.recv().await.unwrap();
    while !left().await.is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn how_a_transfer_goes_on_is_kept_when_it_has_begun_and_not_at_the_next_tick() {
    let mut office = Office::open().await;
    office.record("rec_1").await;
    let target = office.add("nas").await;
    assert_eq!(office.next().await.0, "a");
    // Some milliseconds in all; a tick is two seconds.
    for _ in 0..500 {
        let row = office.store.copy_next(target.clone(), u64::MAX >> 1, u64::MAX >> 1).await;
        if row.unwrap().unwrap().resume.as_deref() == Some("half") {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("a box that dies now knows nothing of what it began");
}

#[tokio::test]
async fn what_is_left_and_what_is_new_take_turns() {
    let mut office = Office::open().await;
    office.record("rec_1").await;
    let target = office.add("nas").await;
    assert_eq!(office.next().await.0, "a");
    for name in ["x", "y"] {
        office.store.leftover_keep(target.clone(), name.to_owned(), None).await.unwrap();
    }
    office.ways.permits.add_permits(1);
    assert_eq!(office.next().await.0, "b");
    let mut cleared = vec![office.cleared.try_recv().unwrap().1];
    assert!(office.cleared.try_recv().is_err(), "a file waited for everything that was left");
    office.ways.permits.add_permits(1);
    cleared.push(office.cleared.recv().await.unwrap().1);
    cleared.sort();
    assert_eq!(cleared, ["x", "y"]);
}

#[tokio::test]
async fn what_cannot_be_taken_away_holds_up_no_file_and_is_tried_once_for_all() {
    for trouble in ["clear", "panic"] {
        let mut office = Office::open().await;
        office.record("rec_1").await;
        office.ways.refused.lock().unwrap().insert(trouble.to_owned());
        let target = office.add("nas").await;
        assert_eq!(office.next().await.0, "a");
        for name in ["x", "y"] {
            office.store.leftover_keep(target.clone(), name.to_owned(), None).await.unwrap();
        }
        office.ways.permits.add_permits(2);
        assert_eq!(office.next().await.0, "b");
        let delivered =
            |copies: &[Copy]| copies.iter().all(|one| one.state == CopyState::Delivered);
        office.until("rec_1", delivered).await;
        assert!(office.quiet().await);
        assert!(office.cleared.try_recv().is_ok() && office.cleared.try_recv().is_err());
        let left = office.store.leftover_list(target).await.unwrap();
        assert_eq!(left.iter().map(|one| one.attempts).collect::<Vec<_>>(), [1, 1], "{trouble}");
    }
}

#[tokio::test]
async fn tracks_that_cannot_be_read_hold_up_neither_films_nor_other_recordings() {
    let office = Office::open().await;
    for id in ["rec_1", "rec_2"] {
        office.record(id).await;
    }
    let root = office.targets.root.clone();
    let tracks = |id: &str| {
        std::fs::create_dir_all(root.join(id)).unwrap();
        let manifest = roombox_capture::manifest::Manifest::new(id, "Hall", 0, String::new());
        let text = serde_json::to_vec(&manifest).unwrap();
        std::fs::write(root.join(id).join("manifest.json"), text).unwrap();
    };
    tracks("rec_2");
    // No folder, but something that is there: so it looks to root too.
    std::fs::write(root.join("rec_1"), "").unwrap();
    office.add_for("nas", "everything").await;
    office.until("rec_2", |copies| copies.len() == 3).await;
    assert_eq!(office.targets.copies("rec_1").await.unwrap().len(), 2);
    assert!(office.store.copy_owed("rec_1".to_owned()).await.unwrap());
    office.targets.unplanned(|unplanned| {
        let kept: Vec<_> = unplanned.later.iter().map(|(id, at)| (id.as_str(), *at)).collect();
        assert!(matches!(kept[..], [("rec_1", at)] if at > Instant::now()), "{kept:?}");
        assert!(!unplanned.all && unplanned.targets.is_empty() && unplanned.recordings.is_empty());
    });
    std::fs::remove_file(root.join("rec_1")).unwrap();
    tracks("rec_1");
    office.targets.unplanned(|unplanned| {
        unplanned.later.insert("rec_1".to_owned(), Instant::now());
    });
    office.targets.wake.notify_one();
    office.until("rec_1", |copies| copies.len() == 3).await;
}

#[tokio::test]
async fn what_was_begun_at_a_target_that_goes_or_moves_is_taken_away_there() {
    let mut office = Office::open().await;
    office.record("rec_1").await;
    let target = office.add("nas").await;
    office.next().await;
    let place = serde_json::json!({ "kind": "sftp", "host": "new", "user": "ada" });
    let patch = serde_json::from_value(serde_json::json!({ "place": place })).unwrap();
    office.targets.change(&target, patch).await.unwrap();
    assert_eq!(office.next().await.1, "new");
    office.targets.delete(&target).await.unwrap();
    for at in ["nas", "new"] {
        let (host, name, resume) = office.cleared.recv().await.unwrap();
        assert_eq!((host.as_str(), resume.as_deref()), (at, Some("half")));
        assert!(name.ends_with("_rec_1/a"), "{name}");
    }
    assert!(office.cleared.try_recv().is_err());
}

#[tokio::test]
async fn a_secret_that_is_not_named_stays() {
    let office = Office::open().await;
    let target = office.add("nas").await;
    for secrets in [r#"{ "password": "p", "private_key": "k" }"#, r#"{ "private_key": "" }"#] {
        let patch = serde_json::from_str(&format!(r#"{{ "secrets": {secrets} }}"#)).unwrap();
        office.targets.change(&target, patch).await.unwrap();
    }
    let kept = office.store.target_list().await.unwrap().remove(0).secrets;
    assert_eq!((kept.password.as_str(), kept.private_key.as_str()), ("p", ""));
    // Elsewhere only what is typed anew is sent.
    let place = serde_json::json!({ "kind": "sftp", "host": "new", "user": "ada" });
    let moved = serde_json::json!({ "place": place, "secrets": { "private_key": "n" } });
    office.targets.change(&target, serde_json::from_value(moved).unwrap()).await.unwrap();
    let kept = office.store.target_list().await.unwrap().remove(0).secrets;
    assert_eq!((kept.password.as_str(), kept.private_key.as_str()), ("", "n"));
}

#[tokio::test]
async fn two_targets_are_never_one_place() {
    let office = Office::open().await;
    office.add("nas").await;
    for host in ["nas", "NAS"] {
        let place = serde_json::json!(
            { "kind": "sftp", "host": host, "user": "ada", "host_key": "SHA256:any" });
        let new = serde_json::json!({ "name": "again", "place": place });
        let refused = office.targets.create(serde_json::from_value(new).unwrap()).await;
        assert!(matches!(refused, Err(ControlError::InvalidTarget { field: "place", .. })));
    }
}

#[tokio::test]
async fn a_place_that_is_written_otherwise_is_the_same_place() {
    let mut office = Office::open().await;
    office.record("rec_1").await;
    let target = office.add("nas").await;
    assert_eq!(office.next().await.0, "a");
    let patch = |text| serde_json::from_str::<TargetPatch>(text).unwrap();
    let kept = patch(r#"{ "secrets": { "password": "p" } }"#);
    office.targets.change(&target, kept).await.unwrap();
    let again = patch(r#"{ "place": { "kind": "sftp", "host": "NAS", "user": "ada" } }"#);
    let shown = office.targets.change(&target, again).await.unwrap();
    assert!(matches!(shown.place, Place::Sftp { host, .. } if host == "nas"));
    assert!(office.store.target_list().await.unwrap()[0].secrets.password == "p");
    office.ways.permits.add_permits(9);
    let delivered = |copies: &[Copy]| copies.iter().all(|one| one.state == CopyState::Delivered);
    office.until("rec_1", delivered).await;
    assert!(office.cleared.try_recv().is_err(), "its own unfinished file was taken away");
}

#[tokio::test]
async fn the_first_test_learns_the_host_key_and_no_later_one_another() {
    let office = Office::open().await;
    let target = office.add("nas").await;
    assert!(office.targets.test(&target).await.unwrap().works);
    let learnt = office.store.target_list().await.unwrap().remove(0);
    let Place::Sftp { host_key, .. } = &learnt.place else { unreachable!() };
    assert_eq!(host_key, "SHA256:new");
    let place = serde_json::json!(
        { "kind": "sftp", "host": "nas", "user": "ada", "host_key": "SHA256:mine" });
    let patch = serde_json::from_value(serde_json::json!({ "place": place })).unwrap();
    office.targets.change(&target, patch).await.unwrap();
    office.targets.test(&target).await.unwrap();
    let shown = office.targets.list().await.unwrap().remove(0);
    assert!(matches!(shown.place, Place::Sftp { host_key, .. } if host_key == "SHA256:mine"));
}

#[test]
fn null_takes_a_limit_away_and_what_is_absent_stays() {
    let read = |text| serde_json::from_str::<TargetPatch>(text).unwrap();
    assert_eq!(read("{}").megabits, None);
    assert_eq!(read(r#"{"megabits": null, "hours": null}"#).megabits, Some(None));
    assert_eq!(read(r#"{"megabits": 5}"#).megabits, Some(Some(5)));
    assert!(serde_json::from_str::<TargetPatch>(r#"{"nonsense": 1}"#).is_err());
}
