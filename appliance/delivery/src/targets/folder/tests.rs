//! Files into a folder, and what goes wrong there.

use super::super::{Progress, Shipment, Target, check, clear, send};
use super::*;
use rustix::fs::{FileType, Mode, mknodat};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::Instant;

struct Trial {
    /// Taken away at the end.
    _root: TempDir,
    film: PathBuf,
    target: FolderTarget,
    threads: Folders,
    told: watch::Sender<Vec<Progress>>,
}

impl Trial {
    fn new(bytes: &[u8]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let (film, path) = (root.path().join("film"), root.path().join("disk"));
        std::fs::create_dir(&path).unwrap();
        std::fs::write(&film, bytes).unwrap();
        let target = FolderTarget { path, mounted: false };
        let (threads, told) = (Folders::default(), watch::Sender::default());
        Self { _root: root, film, target, threads, told }
    }

    fn shipment(&self, name: &'static str) -> Shipment<'_> {
        let bytes = std::fs::read(&self.film).unwrap();
        Shipment {
            local: &self.film,
            name,
            bytes: bytes.len() as u64,
            sha256: Sha256::digest(&bytes).into(),
            resume: None,
            pace: None,
        }
    }

    async fn send(&self, shipment: Shipment<'_>) -> Result<(), SendError> {
        let tell = |progress| self.told.send_modify(|told| told.push(progress));
        send(&Target::Folder(self.target.clone()), &self.threads, shipment, &tell).await
    }

    fn there(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.target.path.join(name)).ok()
    }

    fn names(&self) -> usize {
        std::fs::read_dir(&self.target.path).unwrap().count()
    }
}

fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at * 7 / 3) as u8).collect()
}

#[tokio::test]
async fn a_file_of_any_size_arrives_and_nothing_else() {
    for size in [0, 1, CHUNK - 1, CHUNK, 3 * CHUNK + 5] {
        let trial = Trial::new(&bytes(size));
        trial.send(trial.shipment("Büro 1/a #%.mkv")).await.unwrap();
        assert_eq!(trial.there("Büro 1/a #%.mkv"), Some(bytes(size)));
        assert!(!trial.target.path.join("Büro 1/a #%.mkv.unfinished").exists());
        let end = Progress { sent: size as u64, resume: None };
        assert_eq!(trial.told.borrow().last(), Some(&end));
    }
}

#[tokio::test]
async fn what_is_there_already_is_looked_at_and_not_sent() {
    let trial = Trial::new(&bytes(1000));
    trial.send(trial.shipment("a")).await.unwrap();
    let when = || std::fs::metadata(trial.target.path.join("a")).unwrap().modified().unwrap();
    let before = when();
    trial.send(trial.shipment("a")).await.unwrap();
    assert_eq!(when(), before);
    // As long, and another: replaced.
    std::fs::write(trial.target.path.join("a"), [0; 1000]).unwrap();
    trial.send(trial.shipment("a")).await.unwrap();
    assert_eq!(trial.there("a"), Some(bytes(1000)));
}

#[tokio::test]
async fn a_file_that_is_not_as_it_was_gets_no_name() {
    let trial = Trial::new(&bytes(1000));
    let wrong = Shipment { sha256: [1; 32], ..trial.shipment("a") };
    assert!(matches!(trial.send(wrong).await, Err(SendError::Changed(_))));
    let shorter = Shipment { bytes: 999, ..trial.shipment("a") };
    assert!(matches!(trial.send(shorter).await, Err(SendError::Changed(_))));
    assert_eq!(trial.there("a"), None);
}

#[tokio::test]
async fn an_interrupted_file_goes_on_where_it_ended() {
    let trial = Trial::new(&bytes(10_000));
    let slow = Shipment { pace: Some(5000), ..trial.shipment("a") };
    let mut told = trial.told.subscribe();
    tokio::select! {
        sent = trial.send(slow) => panic!("{sent:?}"),
        // At its beginning, and about a second later.
        _ = told.wait_for(|told| told.len() == 2) => {}
    }
    let resume = told.borrow().last().unwrap().resume.clone();
    assert!(resume.is_some());
    let first_half = || Shipment { resume: resume.clone(), ..trial.shipment("a") };
    trial.told.send_replace(Vec::new());
    trial.send(first_half()).await.unwrap();
    assert!(told.borrow()[0].sent > 2000, "{:?}", told.borrow());
    assert_eq!(trial.there("a"), Some(bytes(10_000)));
    // A power cut has left its length, and nothing in it.
    std::fs::remove_file(trial.target.path.join("a")).unwrap();
    std::fs::write(trial.target.path.join("a.unfinished"), [0; 5000]).unwrap();
    trial.told.send_replace(Vec::new());
    trial.send(first_half()).await.unwrap();
    assert_eq!(told.borrow()[0].sent, 0);
    assert_eq!(trial.there("a"), Some(bytes(10_000)));
}

#[tokio::test]
async fn a_folder_that_does_not_answer_waits_alone_and_goes_on_when_it_does() {
    let patience = Duration::from_millis(200);
    let trial = Trial { threads: Folders::with_patience(patience), ..Trial::new(&bytes(1000)) };
    // Whoever opens it for writing waits in the kernel until somebody reads.
    let hole = trial.target.path.join("a.unfinished");
    mknodat(CWD, &hole, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let stuck = trial.send(trial.shipment("a")).await;
    let Err(SendError::Unanswered { since, .. }) = stuck else { panic!("{stuck:?}") };
    let begun = Instant::now();
    let again = trial.send(trial.shipment("b")).await;
    assert!(matches!(again, Err(SendError::Unanswered { since: also, .. }) if also == since));
    assert!(begun.elapsed() < patience);
    // Another folder, by the same threads, does not care.
    let other = Trial::new(&bytes(1000));
    let target = Target::Folder(other.target.clone());
    send(&target, &trial.threads, other.shipment("a"), &drop).await.unwrap();
    assert_eq!(other.there("a"), Some(bytes(1000)));
    drop(File::open(&hole).unwrap());
    std::fs::remove_file(&hole).unwrap();
    while let Err(error) = trial.send(trial.shipment("b")).await {
        assert!(matches!(error, SendError::Unanswered { .. }), "{error}");
    }
    assert_eq!(trial.there("b"), Some(bytes(1000)));
}

#[tokio::test]
async fn what_is_left_of_a_file_is_taken_away_and_nothing_else() {
    let trial = Trial::new(&bytes(1000));
    let target = Target::Folder(trial.target.clone());
    trial.send(trial.shipment("a")).await.unwrap();
    std::fs::write(trial.target.path.join("a.unfinished"), b"half").unwrap();
    for _ in 0..2 {
        clear(&target, &trial.threads, "a", None).await.unwrap();
        assert_eq!((trial.there("a.unfinished"), trial.names()), (None, 1));
    }
}

#[tokio::test]
async fn what_is_not_ours_is_not_gone_on_with_and_what_differs_is_told() {
    let trial = Trial::new(&bytes(1000));
    let part = trial.target.path.join("a.unfinished");
    std::fs::write(&part, [9; 500]).unwrap();
    let other = Shipment { resume: Some("of another file".into()), ..trial.shipment("a") };
    trial.send(other).await.unwrap();
    assert_eq!(trial.there("a"), Some(bytes(1000)));
    // The disk kept other bytes than it was given, further back than is looked before going on.
    let film = bytes(TAIL + 1000);
    std::fs::write(&trial.film, &film).unwrap();
    let half = [&[9; 500], &film[500..TAIL + 500]].concat();
    std::fs::write(trial.target.path.join("b.unfinished"), half).unwrap();
    let resume = Some(hex(&trial.shipment("b").sha256));
    let differs = trial.send(Shipment { resume, ..trial.shipment("b") }).await;
    assert!(matches!(differs, Err(SendError::Differs(_))), "{differs:?}");
    assert_eq!((trial.there("b"), trial.there("b.unfinished")), (None, None));
}

#[tokio::test]
async fn a_place_that_is_not_ready_says_so() {
    let mut trial = Trial::new(b"film");
    let threads = Folders::default();
    let checked =
        async |target: &FolderTarget| check(&Target::Folder(target.clone()), &threads).await;
    assert_eq!(checked(&trial.target).await.unwrap().host_key, None);
    assert_eq!(trial.names(), 0, "a check leaves nothing");
    trial.target.mounted = true;
    assert!(matches!(checked(&trial.target).await, Err(SendError::NotMounted(_))));
    assert!(matches!(trial.send(trial.shipment("a")).await, Err(SendError::NotMounted(_))));
    trial.target.path.push("nowhere");
    assert!(matches!(checked(&trial.target).await, Err(SendError::NotMounted(_))));
    trial.target.mounted = false;
    assert!(matches!(checked(&trial.target).await, Err(SendError::Missing(_))));
    trial.target.path = trial.film.clone();
    assert!(matches!(checked(&trial.target).await, Err(SendError::Address(_))));
    trial.target.path = "disk".into();
    assert!(matches!(checked(&trial.target).await, Err(SendError::Address(_))));
    // What is surely mounted.
    assert!(is_mount_point(Path::new("/proc")));
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_says_so() {
    if rustix::process::geteuid().is_root() {
        // Root may write everywhere.
        return;
    }
    use std::os::unix::fs::PermissionsExt as _;
    let trial = Trial::new(b"film");
    let mode = std::fs::Permissions::from_mode(0o555);
    std::fs::set_permissions(&trial.target.path, mode).unwrap();
    let refused = trial.send(trial.shipment("a")).await;
    assert!(matches!(refused, Err(SendError::NotWritable { .. })), "{refused:?}");
}

#[tokio::test]
async fn no_name_leads_out_of_the_folder() {
    let trial = Trial::new(b"film");
    for name in ["../a", "/a", "b/../../a"] {
        let refused = trial.send(trial.shipment(name)).await;
        assert!(matches!(refused, Err(SendError::Address(_))), "{name}");
    }
}

#[test]
fn only_who_does_not_know_syncing_is_excused() {
    use rustix::io::Errno;
    for (errno, knows) in [
        (Errno::IO, true),
        (Errno::NOSPC, true),
        (Errno::STALE, true),
        (Errno::INVAL, false),
        (Errno::NOTSUP, false),
        (Errno::BADF, false),
    ] {
        assert_eq!(super::knows_syncing(&io::Error::from(errno)), knows, "{errno}");
    }
}
