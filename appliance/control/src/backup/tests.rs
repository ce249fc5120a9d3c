//! Backups of real databases: made, tried, refused, restored both ways, taken back.

use super::*;
use crate::permissions::Role;
use crate::store::{GroupRow, LivekitKey, Person, Store};
use std::io::Write as _;

const PASSPHRASE: &str = "canary horse battery staple";
const CANARY: &str = "canary4711session";

struct Place {
    folder: tempfile::TempDir,
    store: Arc<Store>,
    backups: Arc<Backups>,
}

impl Place {
    fn data(&self) -> &Path {
        self.folder.path()
    }
}

async fn place(folder: tempfile::TempDir, id: &str, name: &str) -> Place {
    let store = Arc::new(Store::open(&folder.path().join(DATABASE)).unwrap());
    let identity = BoxIdentity::load(store.clone(), Some(id.to_owned()), false).await.unwrap();
    if identity.name() == "Roombox" {
        identity.rename(name).await.unwrap();
    }
    let backups = Backups::new(BackupsParts {
        identity: Arc::new(identity),
        recording: Arc::new(|| 0),
        reserve: Arc::new(|| 0),
        believed: Arc::new(|| true),
        data: folder.path().to_owned(),
        restart: Arc::default(),
    });
    Place { folder, store, backups }
}

async fn new_place(id: &str, name: &str) -> Place {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("secrets")).unwrap();
    fs::write(folder.path().join("secrets/box.key"), format!("key of {id}")).unwrap();
    place(folder, id, name).await
}

/// A box with an owner and a key, and its backup.
async fn hall() -> (Place, PathBuf) {
    let hall = new_place("box_hall", "Hall").await;
    let ada = Person { id: "per_1".to_owned(), name: "Ada".to_owned(), role: Role::Owner };
    assert!(hall.store.owner_insert(ada, "hash".to_owned(), 1).await.unwrap());
    let secret = "s".repeat(40);
    let key = LivekitKey { key: "k".to_owned(), secret, created_ms: 1, own: false };
    hall.store.livekit_key_insert(key).await.unwrap();
    let made = made(&hall).await;
    (hall, made)
}

async fn made(place: &Place) -> PathBuf {
    place.backups.make(PASSPHRASE.to_owned()).unwrap();
    loop {
        let view = place.backups.view();
        assert_eq!(view.failed, None);
        if view.work.is_none() {
            return place.backups.made_file().unwrap().0;
        }
        tokio::task::yield_now().await;
    }
}

async fn upload(place: &Place, bytes: &[u8]) {
    let mut upload = place.backups.upload(bytes.len() as u64).await.unwrap();
    upload.write(bytes).await.unwrap();
    upload.finish().await.unwrap();
}

fn typed() -> String {
    PASSPHRASE.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_says_what_comes_and_changes_nothing() {
    let (hall, _) = hall().await;
    fs::create_dir_all(hall.data().join("recordings/rec_1")).unwrap();
    fs::write(hall.data().join("recordings/rec_1/manifest.json"), "{}").unwrap();
    let before = fs::read(hall.data().join("secrets/box.key")).unwrap();
    let report = hall.backups.drill(BackupSource::Made, typed()).await.unwrap();
    assert_eq!((report.box_name.as_str(), report.own, report.owned), ("Hall", true, true));
    assert_eq!((report.people, report.recordings, report.recordings_imported), (1, 0, 1));
    assert!(report.has_keys && !report.inside.is_empty() && !report.outside.is_empty());
    assert_eq!(fs::read(hall.data().join("secrets/box.key")).unwrap(), before);
    assert!(!swap::waits(hall.data()) && !hall.data().join("restore").exists());
    // Nothing of it stays in the clear.
    assert!(!hall.backups.folder(SCRATCH).exists());
}

/// Cancels as soon as something goes on.
async fn cancel(place: &Place) {
    while place.backups.view().work.is_none() {
        tokio::task::yield_now().await;
    }
    place.backups.cancel().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_cancelled_leaves_nothing_and_the_one_before() {
    let (hall, before) = hall().await;
    let kept = fs::read(&before).unwrap();
    hall.backups.make(PASSPHRASE.to_owned()).unwrap();
    hall.backups.cancel().unwrap();
    let view = loop {
        let view = hall.backups.view();
        if view.work.is_none() {
            break view;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((view.cancelled, view.failed), (Some(BackupWork::Making), None));
    assert_eq!(fs::read(&before).unwrap(), kept, "the one before is what can be downloaded");
    assert!(!hall.backups.folder(PARTIAL).exists() && !hall.backups.folder(SCRATCH).exists());
    let refused = hall.backups.cancel().unwrap_err();
    assert_eq!(refused.code(), "nothing_to_cancel");
    made(&hall).await;
    assert_eq!(hall.backups.view().cancelled, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_or_a_restore_that_is_cancelled_changes_nothing() {
    let (hall, _) = hall().await;
    let drill = hall.backups.drill(BackupSource::Made, typed());
    let (drilled, ()) = tokio::join!(drill, cancel(&hall));
    assert_eq!(drilled.unwrap_err().code(), "backup_cancelled");
    assert_eq!(hall.backups.view().cancelled, Some(BackupWork::Looking));
    let restore = hall.backups.restore(BackupSource::Made, typed(), RestoreAs::TakeOver, "Hall");
    let (restored, ()) = tokio::join!(restore, cancel(&hall));
    assert_eq!(restored.unwrap_err().code(), "backup_cancelled");
    assert!(!swap::waits(hall.data()) && !hall.data().join("restore/staged").exists());
    assert!(!hall.backups.folder(SCRATCH).exists() && !hall.backups.is_restoring());
    hall.backups.drill(BackupSource::Made, typed()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cancelled_ends_though_its_sender_is_silent() {
    let (hall, made) = hall().await;
    let bytes = fs::read(made).unwrap();
    let mut upload = hall.backups.upload(bytes.len() as u64).await.unwrap();
    upload.write(&bytes[..10]).await.unwrap();
    let (why, ()) = tokio::join!(upload.cancelled(), cancel(&hall));
    assert_eq!(why.code(), "backup_cancelled");
    let late = upload.write(&bytes[10..]).await.unwrap_err();
    assert_eq!(late.code(), "backup_cancelled");
    drop(upload);
    let view = hall.backups.view();
    assert_eq!((view.work, view.cancelled), (None, Some(BackupWork::Receiving)));
    assert!(view.uploaded.is_none() && !hall.backups.folder(PARTIAL).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_shows_nothing_without_its_passphrase_and_has_no_sessions() {
    let hall = new_place("box_hall", "Hall").await;
    let outbox = crate::store::NewOutboxRow {
        consumer: CANARY.to_owned(),
        lane: "l".to_owned(),
        event: CANARY.to_owned(),
        body: CANARY.as_bytes().to_vec(),
        made_ms: 1,
    };
    hall.store.outbox_insert(vec![outbox], Vec::new()).await.unwrap();
    let file = made(&hall).await;
    let sealed = fs::read(&file).unwrap();
    for plain in ["Hall", CANARY, "manifest", "SQLite"] {
        let found = sealed.windows(plain.len()).any(|part| part == plain.as_bytes());
        assert!(!found, "{plain} can be read");
    }
    let opened = tempfile::tempdir().unwrap();
    let passphrase = Passphrase::typed(typed());
    hall.backups.unpack(&passphrase, File::open(&file).unwrap(), opened.path()).unwrap();
    let database = fs::read(opened.path().join(DATABASE)).unwrap();
    let found = database.windows(CANARY.len()).any(|part| part == CANARY.as_bytes());
    assert!(!found, "old news is in the backup");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_whole_backup_is_refused_and_the_box_stays() {
    let (hall, file) = hall().await;
    let whole = fs::read(file).unwrap();
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let cases: [(&[u8], &str, &str); 6] = [
        (&whole, "wrong horse battery staple", "wrong_passphrase"),
        (&flipped, PASSPHRASE, "backup_damaged"),
        (&whole[..middle], PASSPHRASE, "backup_damaged"),
        (&whole[..whole.len() - 1], PASSPHRASE, "backup_damaged"),
        (&whole[..40], PASSPHRASE, "no_backup"),
        (b"PK\x03\x04 a zip", PASSPHRASE, "no_backup"),
    ];
    for (bytes, passphrase, code) in cases {
        upload(&hall, bytes).await;
        let passphrase = passphrase.to_owned();
        let drilled = hall.backups.drill(BackupSource::Uploaded, passphrase.clone()).await;
        assert_eq!(drilled.unwrap_err().code(), code, "{} bytes", bytes.len());
        let itself = RestoreAs::Itself;
        let restored =
            hall.backups.restore(BackupSource::Uploaded, passphrase, itself, "Hall").await;
        assert_eq!(restored.unwrap_err().code(), code, "{} bytes", bytes.len());
        assert!(!swap::waits(hall.data()) && !hall.data().join("restore").exists());
    }
    let weak = hall.backups.make("short".to_owned()).unwrap_err();
    assert_eq!((weak.code(), weak.field()), ("weak_passphrase", Some("passphrase")));
    let itself = RestoreAs::Itself;
    let named = hall.backups.restore(BackupSource::Made, typed(), itself, "Cellar").await;
    assert_eq!(named.unwrap_err().code(), "wrong_box_name");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_versions_database_is_refused_with_its_version() {
    let (hall, _) = hall().await;
    let scratch = tempfile::tempdir().unwrap();
    store::database_copy(&hall.data().join(DATABASE), &scratch.path().join(DATABASE)).unwrap();
    crate::store::newer(&scratch.path().join(DATABASE));
    let files = vec![Listed::of(scratch.path(), DATABASE).unwrap()];
    let manifest = Manifest { version: "9.9.9".to_owned(), ..hall.backups.manifest(files) };
    let sealed = seal::sealed(&Passphrase::typed(typed()), Vec::new()).unwrap();
    let mut sealed = archive::write(&manifest, scratch.path(), sealed, &|_| Ok(())).unwrap();
    sealed.flush().unwrap();
    upload(&hall, &sealed.finish().unwrap()).await;
    let refused = hall.backups.drill(BackupSource::Uploaded, typed()).await.unwrap_err();
    assert_eq!(refused.code(), "backup_newer");
    assert!(refused.to_string().contains("9.9.9"), "{refused}");
}

async fn restored(other: Place, restored_as: RestoreAs) -> Place {
    let (hall, _) = hall().await;
    let hub = crate::fleet::Place::Member {
        hub: "box-hub".to_owned(),
        hub_name: "Hub".to_owned(),
        addresses: vec!["192.0.2.1:7422".to_owned()],
        authority: "pem".to_owned(),
        mark: String::new(),
    };
    assert!(hall.store.fleet_enter(hub, "epoch-of-hall".to_owned(), None).await.unwrap());
    assert!(!hall.store.fleet_mark(None, "mark".to_owned(), "x".to_owned()).await.unwrap());
    hall.store.fleet_update_put(Some("order of hall".to_owned())).await.unwrap();
    let bytes = fs::read(made(&hall).await).unwrap();
    upload(&other, &bytes).await;
    let name = other.backups.identity.name();
    other.backups.restore(BackupSource::Uploaded, typed(), restored_as, &name).await.unwrap();
    // Nothing else is begun, and nothing has changed yet.
    let busy = other.backups.make(PASSPHRASE.to_owned()).unwrap_err();
    assert_eq!(busy.code(), "restarting");
    let Place { folder, store, backups } = other;
    drop((store, backups));
    assert!(matches!(at_start(folder.path()).unwrap().unwrap(), Restored::Done(_)));
    let key = match restored_as {
        RestoreAs::Itself => "box_cellar",
        RestoreAs::TakeOver => "box_hall",
    };
    let place = place(folder, key, "nobody").await;
    assert_eq!(
        fs::read_to_string(place.data().join("secrets/box.key")).unwrap(),
        format!("key of {key}")
    );
    assert_eq!(place.store.owner().await.unwrap().unwrap().0.name, "Ada");
    assert_eq!(place.store.livekit_key_list().await.unwrap().len(), 1);
    place
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_box_stays_itself() {
    let cellar = restored(new_place("box_cellar", "Cellar").await, RestoreAs::Itself).await;
    assert_eq!(cellar.backups.identity.id(), "box_cellar");
    assert_eq!(cellar.backups.identity.name(), "Cellar");
    // The other box's place in its fleet is the other box's, and what is wanted of it there.
    assert_eq!(cellar.store.fleet_get().await.unwrap(), None);
    assert_eq!(cellar.store.fleet_update_get().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_box_that_stays_itself_stays_what_it_is_in_its_own_fleet() {
    let cellar = new_place("box_cellar", "Cellar").await;
    let hub = crate::fleet::Place::Hub { addresses: vec!["h:1".to_owned()], port: 1 };
    assert!(cellar.store.fleet_enter(hub, "epoch-of-cellar".to_owned(), None).await.unwrap());
    cellar.store.fleet_update_put(Some("order of cellar".to_owned())).await.unwrap();
    let group = GroupRow { id: "grp_1".into(), name: "Halls".into(), settings: Default::default() };
    cellar.store.fleet_group_put(group.clone()).await.unwrap();
    let cellar = restored(cellar, RestoreAs::Itself).await;
    assert_eq!(cellar.store.fleet_get().await.unwrap().unwrap().epoch, "epoch-of-cellar");
    let order = cellar.store.fleet_update_get().await.unwrap();
    assert_eq!(order.as_deref(), Some("order of cellar"));
    let groups = cellar.store.fleet_group_list().await.unwrap();
    assert_eq!(groups.iter().map(|group| &group.id).collect::<Vec<_>>(), [&group.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_takes_another_over_and_its_hub_hears_of_a_new_epoch() {
    let cellar = restored(new_place("box_cellar", "Cellar").await, RestoreAs::TakeOver).await;
    assert_eq!(cellar.backups.identity.id(), "box_hall");
    assert_eq!(cellar.backups.identity.name(), "Hall");
    assert_eq!(cellar.store.fleet_get().await.unwrap().unwrap().epoch, "epoch-of-hall");
    // It may have been recalled since the backup was made.
    assert_eq!(cellar.store.fleet_update_get().await.unwrap(), None);
    // Whatever the file says, also what it said when the backup was made.
    let another =
        cellar.store.fleet_mark(Some("mark".to_owned()), "m".to_owned(), "anew".to_owned());
    assert!(another.await.unwrap());
    assert_eq!(cellar.store.fleet_get().await.unwrap().unwrap().epoch, "anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_is_taken_back() {
    let cellar = restored(new_place("box_cellar", "Cellar").await, RestoreAs::TakeOver).await;
    assert!(cellar.backups.view().kept_until.is_some());
    cellar.backups.undo().unwrap();
    let Place { folder, store, backups } = cellar;
    drop((store, backups));
    let Restored::Done(note) = at_start(folder.path()).unwrap().unwrap() else {
        panic!("given up")
    };
    assert!(note.undone);
    let cellar = place(folder, "box_cellar", "nobody").await;
    assert_eq!(cellar.backups.identity.name(), "Cellar");
    assert_eq!(cellar.store.owner().await.unwrap(), None);
    cellar.backups.forget_before().unwrap();
    assert_eq!(cellar.backups.undo().unwrap_err().code(), "nothing_before");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_before_a_restore_is_forgotten_in_time() {
    let cellar = restored(new_place("box_cellar", "Cellar").await, RestoreAs::Itself).await;
    let until = cellar.backups.view().kept_until.unwrap();
    cellar.backups.kept(UnixMs(until.0 - 1));
    assert!(swap::kept(cellar.data()).is_some());
    cellar.backups.kept(until);
    assert!(swap::kept(cellar.data()).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn days_of_a_clock_that_nobody_has_set_do_not_count() {
    let cellar = restored(new_place("box_cellar", "Cellar").await, RestoreAs::Itself).await;
    let believed = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let asked = believed.clone();
    let backups = Backups::new(BackupsParts {
        identity: cellar.backups.identity.clone(),
        recording: Arc::new(|| 0),
        reserve: Arc::new(|| 0),
        believed: Arc::new(move || asked.load(Ordering::Relaxed)),
        data: cellar.data().to_owned(),
        restart: Arc::default(),
    });
    let day = |n: u64| UnixMs(n * 24 * 3600 * 1000);
    // It was restored in what the box took for 1970, then somebody set the clock by half a century.
    assert_eq!(backups.kept(day(0)).unwrap().1, None);
    assert_eq!(backups.kept(day(20_000)).unwrap().1, None);
    believed.store(true, Ordering::Relaxed);
    assert_eq!(backups.kept(day(20_000)).unwrap().1, Some(day(20_014)));
    assert_eq!(backups.kept(day(20_013)).unwrap().1, Some(day(20_014)));
    // A jump is not believed, and takes nothing away.
    believed.store(false, Ordering::Relaxed);
    assert!(backups.kept(day(40_000)).is_some());
    believed.store(true, Ordering::Relaxed);
    assert!(backups.kept(day(20_014)).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_lies_here_can_be_deleted() {
    let (hall, file) = hall().await;
    upload(&hall, &fs::read(&file).unwrap()).await;
    for source in [BackupSource::Made, BackupSource::Uploaded] {
        hall.backups.discard(source).unwrap();
        assert_eq!(hall.backups.discard(source).unwrap_err().code(), "no_backup_here");
    }
    let view = hall.backups.view();
    assert!(view.made.is_none() && view.uploaded.is_none() && view.work.is_none());
    assert!(!file.exists() && hall.backups.made_file().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_way_back_needs_is_not_forgotten_while_it_waits() {
    let cellar = restored(new_place("box_cellar", "Cellar").await, RestoreAs::Itself).await;
    let until = cellar.backups.view().kept_until.unwrap();
    cellar.backups.undo().unwrap();
    cellar.backups.kept(until);
    assert!(swap::kept(cellar.data()).is_some());
    assert!(cellar.backups.is_restoring());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_takes_nothing_of_what_recordings_live_from() {
    let (hall, _) = hall().await;
    let free = free_space()(hall.data()).unwrap();
    let full = Backups::new(BackupsParts {
        identity: hall.backups.identity.clone(),
        recording: Arc::new(|| 0),
        reserve: Arc::new(move || free),
        believed: Arc::new(|| true),
        data: hall.data().to_owned(),
        restart: Arc::default(),
    });
    let refused = full.upload(64 << 20).await.map(drop).unwrap_err();
    assert_eq!(refused.code(), "backup_no_room");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_begins_while_a_backup_is_unpacked_goes_on() {
    let (hall, _) = hall().await;
    let asked = AtomicU64::new(0);
    let busy = Backups::new(BackupsParts {
        identity: hall.backups.identity.clone(),
        // None at first; one when it is asked again.
        recording: Arc::new(move || asked.fetch_add(1, Ordering::Relaxed) as usize),
        reserve: Arc::new(|| 0),
        believed: Arc::new(|| true),
        data: hall.data().to_owned(),
        restart: Arc::default(),
    });
    busy.make(typed()).unwrap();
    while busy.view().work.is_some() {
        tokio::task::yield_now().await;
    }
    let itself = RestoreAs::Itself;
    let refused = busy.restore(BackupSource::Made, typed(), itself, "Hall").await.unwrap_err();
    assert_eq!(refused.code(), "backup_while_recording");
    assert!(!busy.is_restoring() && !hall.data().join("restore").exists());
}

#[test]
fn a_head_without_an_end_is_not_read() {
    let head = |stanza: &str| format!("age-encryption.org/v1\n-> scrypt {stanza}\n--- mac\n");
    assert!(seal::headed(head("c2FsdA 17\nYm9keQ").as_bytes()).is_ok());
    for bad in [head(&"A".repeat(5000)), head("x").replace("---", ""), String::new()] {
        assert!(seal::headed(bad.as_bytes()).is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_restored_while_rooms_are_recorded() {
    let (hall, _) = hall().await;
    let busy = Backups::new(BackupsParts {
        identity: hall.backups.identity.clone(),
        recording: Arc::new(|| 2),
        reserve: Arc::new(|| 0),
        believed: Arc::new(|| true),
        data: hall.data().to_owned(),
        restart: Arc::default(),
    });
    let itself = RestoreAs::Itself;
    let refused = busy.restore(BackupSource::Made, typed(), itself, "Hall").await.unwrap_err();
    assert_eq!(refused.code(), "backup_while_recording");
    assert_eq!(busy.undo().unwrap_err().code(), "backup_while_recording");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_leaves_the_one_before() {
    let (hall, file) = hall().await;
    upload(&hall, &fs::read(file).unwrap()).await;
    let mut second = hall.backups.upload(100).await.unwrap();
    assert_eq!(hall.backups.make(PASSPHRASE.to_owned()).unwrap_err().code(), "backup_busy");
    second.write(b"half").await.unwrap();
    assert_eq!(second.finish().await.unwrap_err().code(), "backup_broken_off");
    assert!(hall.backups.drill(BackupSource::Uploaded, typed()).await.is_ok());
    assert!(!hall.backups.folder(PARTIAL).exists());
}
