//! Into a folder of this machine: a disk, or a share that the system mounted.
//!
//! It is written as `.unfinished`, synchronised, read back from the disk and not from memory, and renamed;
//! all of it on the folder's own thread, for a share may stop to answer.

use super::carry::Teller;
use super::names::{PART, folders, hex};
use super::pace::Pace;
use super::source::{CHUNK, Load, Source, TAIL};
use super::thread::{FileThread, Folders, OpenFile};
use super::{FolderTarget, SendError};
use rustix::fs::{Advice, AtFlags, CWD, StatxAttributes, StatxFlags, fadvise, statvfs, statx};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::time::sleep_until;

/// What the system may keep in memory before it must be on the disk: a slow stick takes less than
/// the patience for it.
const SYNC: u64 = 32 << 20;

/// Carries `load` into the folder.
pub(super) async fn carry(
    target: &FolderTarget,
    threads: &Folders,
    load: &Load<'_>,
    teller: &mut Teller<'_>,
) -> Result<(), SendError> {
    let place = Place::open(target, threads)?;
    place.is_ready(target.mounted).await?;
    let last = target.path.join(load.name);
    if place.has(&last, load).await? {
        // From an earlier try, perhaps, that came no further than its name.
        place.keeps(&last, target.mounted).await?;
        teller.done(load.bytes);
        return Ok(());
    }
    for folder in folders(load.name) {
        place.make(target.path.join(folder)).await?;
    }
    let part = target.path.join(format!("{}{PART}", load.name));
    let tail = match load.resume.as_ref() == Some(&hex(&load.sha256)) {
        true => place.tail(&part).await?,
        false => (0, Vec::new()),
    };
    let (from, source) = load.open_after(tail.0, &tail.1).await?;
    place.has_room(load.bytes - from).await?;
    let mut done = place.write(&part, from, source, load, teller).await;
    if done.is_ok() && !place.holds(&part, load).await? {
        done = Err(SendError::Differs(place.name()));
    }
    if let Err(SendError::Changed(_) | SendError::Differs(_)) = done {
        // No later try can use it. If it stays: what was found is the news.
        place.remove(part.clone()).await.unwrap_or_default();
    }
    done?;
    let renamed = last.clone();
    place.act(move || fs::rename(part, renamed)).await?;
    place.keeps(&last, target.mounted).await?;
    teller.done(load.bytes);
    Ok(())
}

/// Takes a file away; that it is gone already is no error.
pub(super) async fn remove(
    target: &FolderTarget,
    threads: &Folders,
    name: &str,
) -> Result<(), SendError> {
    let place = Place::open(target, threads)?;
    place.is_ready(target.mounted).await?;
    place.remove(target.path.join(name)).await
}

/// Takes a file away if it is the one that was sent.
pub(super) async fn withdraw(
    target: &FolderTarget,
    threads: &Folders,
    load: &Load<'_>,
) -> Result<bool, SendError> {
    let place = Place::open(target, threads)?;
    place.is_ready(target.mounted).await?;
    let path = target.path.join(load.name);
    // Only what is surely not there is not there: a share that does not answer is asked again.
    let looked_at = path.clone();
    match place.act(move || fs::metadata(looked_at)).await {
        Ok(_) => {}
        Err(SendError::Missing(_)) => return Ok(false),
        Err(error) => return Err(error),
    }
    let same = place.has(&path, load).await?;
    if same {
        let folder = path.parent().map(Path::to_owned);
        place.remove(path).await?;
        if let Some(folder) = folder {
            place.sync(folder).await?;
        }
    }
    Ok(same)
}

struct Place<'a> {
    path: &'a Path,
    thread: Arc<FileThread>,
}

impl<'a> Place<'a> {
    fn open(target: &'a FolderTarget, threads: &Folders) -> Result<Self, SendError> {
        let path = target.path.as_path();
        let no_thread = |error| SendError::Address(format!("no thread can be started: {error}"));
        Ok(Self { path, thread: threads.thread(path).map_err(no_thread)? })
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    async fn act<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, SendError> {
        self.thread.act(work).await?.map_err(|error| self.failed(&error))
    }

    async fn with<T: Send + 'static>(
        &self,
        file: &OpenFile,
        work: impl FnOnce(&File) -> io::Result<T> + Send + 'static,
    ) -> Result<T, SendError> {
        self.thread.with(file, work).await?.map_err(|error| self.failed(&error))
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
        if !self.path.is_absolute() {
            return Err(SendError::Address(format!("{} must begin with /", self.name())));
        }
        // A share that is not mounted may have no folder either.
        let not_mounted = || SendError::NotMounted(self.path.to_owned());
        let path = self.path.to_owned();
        let look = move || Ok((fs::metadata(&path)?.is_dir(), is_mount_point(&path)));
        match self.act(look).await {
            Err(SendError::Missing(_)) if mounted => Err(not_mounted()),
            Err(error) => Err(error),
            Ok((false, _)) => Err(SendError::Address(format!("{} is no folder", self.name()))),
            Ok((_, false)) if mounted => Err(not_mounted()),
            Ok(_) => Ok(()),
        }
    }

    async fn has_room(&self, bytes: u64) -> Result<(), SendError> {
        let path = self.path.to_owned();
        // What cannot be asked is found out by writing; a share of no blocks at all was not asked.
        match self.thread.act(move || Ok(statvfs(&path)?)).await? {
            Ok(there)
                if there.f_blocks > 0 && there.f_bavail.saturating_mul(there.f_frsize) < bytes =>
            {
                Err(SendError::Full(self.name()))
            }
            _ => Ok(()),
        }
    }

    async fn has(&self, file: &Path, load: &Load<'_>) -> Result<bool, SendError> {
        let path = file.to_owned();
        match self.thread.act(move || fs::metadata(path)).await? {
            Ok(there) if there.is_file() && there.len() == load.bytes => {
                self.holds(file, load).await
            }
            _ => Ok(false),
        }
    }

    async fn make(&self, folder: PathBuf) -> Result<(), SendError> {
        let above = folder.parent().map(Path::to_owned);
        let made = self.act(move || match folder.is_dir() {
            true => Ok(false),
            false => fs::create_dir(folder).map(|()| true),
        });
        // Else a power cut takes the folder away, and the file in it.
        match (made.await?, above) {
            (true, Some(above)) => self.sync(above).await,
            _ => Ok(()),
        }
    }

    /// The name is durable too, and what it was given in is still the place: a share that went away leaves a
    /// folder of this machine.
    async fn keeps(&self, file: &Path, mounted: bool) -> Result<(), SendError> {
        if let Some(folder) = file.parent() {
            self.sync(folder.to_owned()).await?;
        }
        self.is_ready(mounted).await
    }

    async fn sync(&self, folder: PathBuf) -> Result<(), SendError> {
        match self.thread.act(move || File::open(folder)?.sync_all()).await? {
            Err(error) if !knows_syncing(&error) => Ok(()),
            synced => synced.map_err(|error| self.failed(&error)),
        }
    }

    async fn remove(&self, file: PathBuf) -> Result<(), SendError> {
        match self.act(move || fs::remove_file(file)).await {
            Err(SendError::Missing(_)) => Ok(()),
            removed => removed,
        }
    }

    /// How long an unfinished file is, and its last bytes.
    async fn tail(&self, part: &Path) -> Result<(u64, Vec<u8>), SendError> {
        let part = part.to_owned();
        let read = self.thread.act(move || {
            let mut file = File::open(part)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(TAIL as u64)))?;
            let mut tail = Vec::new();
            file.take(TAIL as u64).read_to_end(&mut tail)?;
            Ok((length, tail))
        });
        // What cannot be read is written anew.
        Ok(read.await?.unwrap_or_default())
    }

    async fn write(
        &self,
        part: &Path,
        from: u64,
        mut source: Source,
        load: &Load<'_>,
        teller: &mut Teller<'_>,
    ) -> Result<(), SendError> {
        let ours = || Some(hex(&load.sha256));
        let part = part.to_owned();
        let opened = self.thread.open(move || {
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(from == 0).open(part)?;
            file.seek(SeekFrom::Start(from))?;
            Ok(file)
        });
        let file = opened.await?.map_err(|error| self.failed(&error))?;
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
            sent += bytes.len() as u64;
            self.with(&file, move |mut file| file.write_all(&bytes)).await?;
            if sent - synced >= SYNC {
                self.with(&file, File::sync_data).await?;
                synced = sent;
            }
            teller.tell(synced, ours);
        }
        self.with(&file, File::sync_all).await
    }

    /// Whether the disk has it: what the system still keeps in memory would prove nothing.
    async fn holds(&self, file: &Path, load: &Load<'_>) -> Result<bool, SendError> {
        let path = file.to_owned();
        let opened = self.thread.open(move || {
            let file = File::open(path)?;
            // A file system that cannot do so reads from where it pleases.
            _ = fadvise(&file, 0, None, Advice::DontNeed);
            Ok(file)
        });
        let file = opened.await?.map_err(|error| self.failed(&error))?;
        let mut proof = load.proof();
        loop {
            let (read, so_far) = self
                .with(&file, move |mut file| {
                    let mut bytes = vec![0; CHUNK];
                    let read = file.read(&mut bytes)?;
                    proof.add(&bytes[..read]);
                    Ok((read, proof))
                })
                .await?;
            proof = so_far;
            if read == 0 || proof.is_too_long() {
                return Ok(proof.holds());
            }
        }
    }
}

/// File systems of other systems' servers know no synchronising of folders (fsync(2)); any other refusal is
/// one.
fn knows_syncing(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let unknown = [Errno::INVAL, Errno::NOTSUP, Errno::BADF, Errno::NOSYS];
    Errno::from_io_error(error).is_none_or(|errno| !unknown.contains(&errno))
}

/// Whether something is mounted exactly here (statx(2), `STATX_ATTR_MOUNT_ROOT`, since Linux 5.8).
fn is_mount_point(path: &Path) -> bool {
    statx(CWD, path, AtFlags::empty(), StatxFlags::BASIC_STATS)
        .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

#[cfg(test)]
mod tests;
