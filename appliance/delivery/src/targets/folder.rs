//! Into a folder of this machine: a disk, or a share that the system mounted.
//!
//! It is written as `.unfinished`, synchronised, read back from the disk and not from memory, and renamed.

use super::carry::Teller;
use super::names::{PART, folders, hex};
use super::pace::{IDLE, Pace};
use super::source::{CHUNK, Load};
use super::{FolderTarget, SendError};
use rustix::fs::{Advice, AtFlags, CWD, StatxAttributes, StatxFlags, fadvise, statvfs, statx};
use std::io::{self, SeekFrom};
use std::path::Path;
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use tokio::time::{sleep_until, timeout};

/// What the system may keep in memory before it must be on the disk: a slow stick takes less than
/// the patience for it.
const SYNC: u64 = 32 << 20;

/// Carries `load` into the folder.
pub(super) async fn carry(
    target: &FolderTarget,
    load: &Load<'_>,
    teller: &mut Teller<'_>,
) -> Result<(), SendError> {
    let place = Place(&target.path);
    place.is_ready(target.mounted).await?;
    let last = target.path.join(load.name);
    if place.has(&last, load).await? {
        teller.done(load.bytes);
        return Ok(());
    }
    for folder in folders(load.name) {
        place.make(&target.path.join(folder)).await?;
    }
    let part = target.path.join(format!("{}{PART}", load.name));
    let ours = hex(&load.sha256);
    let from = match load.resume.as_ref() == Some(&ours) {
        true => fs::metadata(&part).await.map_or(0, |there| there.len()),
        false => 0,
    };
    let from = if from > load.bytes { 0 } else { from };
    place.has_room(load.bytes - from)?;
    let mut done = place.write(&part, from, load, teller).await;
    if done.is_ok() && !place.holds(&part, load).await? {
        done = Err(SendError::Differs(place.name()));
    }
    if let Err(SendError::Changed(_) | SendError::Differs(_)) = done {
        // No later try can use it. If it stays: what was found is the news.
        place.moving(fs::remove_file(&part)).await.unwrap_or_default();
    }
    done?;
    place.moving(fs::rename(&part, &last)).await?;
    if let Some(folder) = last.parent() {
        place.sync(folder).await?;
    }
    teller.done(load.bytes);
    Ok(())
}

/// Takes a file away.
pub(super) async fn remove(target: &FolderTarget, name: &str) -> Result<(), SendError> {
    Place(&target.path).moving(fs::remove_file(target.path.join(name))).await
}

struct Place<'a>(&'a Path);

impl Place<'_> {
    fn name(&self) -> String {
        self.0.display().to_string()
    }

    /// A share whose server is gone answers nothing at all.
    async fn moving<T>(&self, act: impl Future<Output = io::Result<T>>) -> Result<T, SendError> {
        let acted = timeout(IDLE, act).await.map_err(|_| SendError::Still(self.name()))?;
        acted.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> SendError {
        use io::ErrorKind::{
            FileTooLarge, NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem,
            StorageFull,
        };
        let place = self.name();
        match error.kind() {
            NotFound => SendError::Missing(place),
            StorageFull | QuotaExceeded => SendError::Full(place),
            FileTooLarge => SendError::TooLarge(place),
            PermissionDenied | ReadOnlyFilesystem => {
                SendError::NotWritable { place, why: error.to_string() }
            }
            _ => SendError::answer(&place, error),
        }
    }

    async fn is_ready(&self, mounted: bool) -> Result<(), SendError> {
        if !self.0.is_absolute() {
            return Err(SendError::Address(format!("{} must begin with /", self.name())));
        }
        // A share that is not mounted may have no folder either.
        let not_mounted = || SendError::NotMounted(self.0.to_owned());
        let found = match self.moving(fs::metadata(self.0)).await {
            Err(SendError::Missing(_)) if mounted => return Err(not_mounted()),
            found => found?,
        };
        if !found.is_dir() {
            return Err(SendError::Address(format!("{} is no folder", self.name())));
        }
        match mounted && !is_mount_point(self.0) {
            true => Err(not_mounted()),
            false => Ok(()),
        }
    }

    fn has_room(&self, bytes: u64) -> Result<(), SendError> {
        // What cannot be asked is found out by writing.
        match statvfs(self.0) {
            Ok(there) if there.f_bavail.saturating_mul(there.f_frsize) < bytes => {
                Err(SendError::Full(self.name()))
            }
            _ => Ok(()),
        }
    }

    async fn has(&self, file: &Path, load: &Load<'_>) -> Result<bool, SendError> {
        match fs::metadata(file).await {
            Ok(there) if there.is_file() && there.len() == load.bytes => {
                self.holds(file, load).await
            }
            _ => Ok(false),
        }
    }

    async fn make(&self, folder: &Path) -> Result<(), SendError> {
        if fs::metadata(folder).await.is_ok_and(|there| there.is_dir()) {
            return Ok(());
        }
        self.moving(fs::create_dir(folder)).await?;
        // Else a power cut takes the folder away, and the file in it.
        match folder.parent() {
            Some(above) => self.sync(above).await,
            None => Ok(()),
        }
    }

    async fn sync(&self, folder: &Path) -> Result<(), SendError> {
        let folder = self.moving(File::open(folder)).await?;
        match self.moving(folder.sync_all()).await {
            // File systems of other systems' servers know no synchronising of folders.
            Err(SendError::Answer { .. }) => Ok(()),
            synced => synced,
        }
    }

    async fn write(
        &self,
        part: &Path,
        from: u64,
        load: &Load<'_>,
        teller: &mut Teller<'_>,
    ) -> Result<(), SendError> {
        let ours = || Some(hex(&load.sha256));
        let mut source = load.open(from).await?;
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(from == 0);
        let mut file = self.moving(options.open(part)).await?;
        self.moving(file.seek(SeekFrom::Start(from))).await?;
        let mut pace = Pace::new(load.pace);
        let (mut sent, mut synced) = (from, from);
        teller.tell(synced, ours);
        loop {
            let most = pace.as_ref().map_or(CHUNK, Pace::step);
            let Some(bytes) = source.next(most).await? else { break };
            if let Some(pace) = &mut pace {
                sleep_until(pace.next()).await;
                pace.took(bytes.len());
            }
            self.moving(file.write_all(&bytes)).await?;
            sent += bytes.len() as u64;
            if sent - synced >= SYNC {
                self.moving(file.flush()).await?;
                self.moving(file.sync_data()).await?;
                synced = sent;
            }
            teller.tell(synced, ours);
        }
        self.moving(file.flush()).await?;
        self.moving(file.sync_all()).await
    }

    /// Whether the disk has it: what the system still keeps in memory would prove nothing.
    async fn holds(&self, file: &Path, load: &Load<'_>) -> Result<bool, SendError> {
        let mut file = self.moving(File::open(file)).await?;
        // A file system that cannot do so reads from where it pleases.
        _ = fadvise(&file, 0, None, Advice::DontNeed);
        let mut proof = load.proof();
        let mut bytes = vec![0; CHUNK];
        loop {
            let read = self.moving(file.read(&mut bytes)).await?;
            if read == 0 || proof.is_too_long() {
                return Ok(proof.holds());
            }
            proof.add(&bytes[..read]);
        }
    }
}

/// Whether something is mounted exactly here (statx(2), `STATX_ATTR_MOUNT_ROOT`, since Linux 5.8).
fn is_mount_point(path: &Path) -> bool {
    statx(CWD, path, AtFlags::empty(), StatxFlags::BASIC_STATS)
        .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

#[cfg(test)]
mod tests {
    use super::super::{Progress, Shipment, Target, check, send};
    use super::*;
    use sha2::{Digest as _, Sha256};
    use std::path::PathBuf;
    use std::sync::Mutex;
    use std::time::Duration;
    use tempfile::TempDir;
    use tokio::time::Instant;

    struct Trial {
        /// Taken away at the end.
        _root: TempDir,
        film: PathBuf,
        target: FolderTarget,
        told: Mutex<Vec<Progress>>,
    }

    impl Trial {
        fn new(bytes: &[u8]) -> Self {
            let root = tempfile::tempdir().unwrap();
            let (film, path) = (root.path().join("film"), root.path().join("disk"));
            std::fs::create_dir(&path).unwrap();
            std::fs::write(&film, bytes).unwrap();
            let target = FolderTarget { path, mounted: false };
            Self { _root: root, film, target, told: Mutex::default() }
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
            let tell = |progress| self.told.lock().unwrap().push(progress);
            send(&Target::Folder(self.target.clone()), shipment, &tell).await
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
            assert_eq!(trial.told.lock().unwrap().last(), Some(&end));
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

    #[tokio::test(start_paused = true)]
    async fn an_interrupted_file_goes_on_where_it_ended() {
        let trial = Trial::new(&bytes(10_000));
        let slow = Shipment { pace: Some(1000), ..trial.shipment("a") };
        let halfway = timeout(Duration::from_secs(5), trial.send(slow)).await;
        assert!(halfway.is_err(), "it was interrupted");
        let resume = trial.told.lock().unwrap().last().unwrap().resume.clone();
        assert!(resume.is_some());
        // What stands in its first bytes shows whether they were written again.
        let part = trial.target.path.join("a.unfinished");
        let there = std::fs::metadata(&part).unwrap().len();
        assert!((4000..6500).contains(&there), "{there}");
        let begun = Instant::now();
        let rest = Shipment { pace: Some(1000), resume, ..trial.shipment("a") };
        trial.send(rest).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
        assert_eq!(trial.there("a"), Some(bytes(10_000)));
    }

    #[tokio::test]
    async fn what_is_not_ours_is_not_gone_on_with_and_what_differs_is_told() {
        let trial = Trial::new(&bytes(1000));
        let part = trial.target.path.join("a.unfinished");
        std::fs::write(&part, [9; 500]).unwrap();
        let other = Shipment { resume: Some("of another file".into()), ..trial.shipment("a") };
        trial.send(other).await.unwrap();
        assert_eq!(trial.there("a"), Some(bytes(1000)));
        // The disk kept other bytes than it was given.
        std::fs::write(trial.target.path.join("b.unfinished"), [9; 500]).unwrap();
        let resume = Some(hex(&trial.shipment("b").sha256));
        let differs = trial.send(Shipment { resume, ..trial.shipment("b") }).await;
        assert!(matches!(differs, Err(SendError::Differs(_))), "{differs:?}");
        assert_eq!((trial.there("b"), trial.there("b.unfinished")), (None, None));
    }

    #[tokio::test]
    async fn a_place_that_is_not_ready_says_so() {
        let mut trial = Trial::new(b"film");
        let checked = |target: &FolderTarget| {
            let target = Target::Folder(target.clone());
            async move { check(&target).await }
        };
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
}
