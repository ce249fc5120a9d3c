//! Backups: an encrypted file with everything that makes this box this box, and the way back from one.
//!
//! ```text
//! make ───▶ copy of the database ─ manifest ─ tar ─ age ─▶ backups/made.age ─▶ download
//! upload ─▶ backups/uploaded.age ─┬─ drill ───▶ unpacked, checked, looked through, thrown away
//!                                 └─ restore ─▶ restore/staged ─ plan ─▶ restart ([`swap`])
//! ```
//! One of these at a time. Until the plan of a restore is on the disk nothing of the box has changed.
//! The passphrase is kept by nobody.

mod archive;
mod cancel;
mod contents;
mod error;
mod look;
mod make;
mod seal;
mod swap;
mod upload;
mod view;

pub use archive::{Listed, Manifest, read as read_archive, write as write_archive};
pub use contents::{INSIDE, Inside, OUTSIDE, Outside};
pub use error::{BackupError, PASSPHRASE_LEAST};
pub use look::{DrillReport, Drilled};
pub use seal::Passphrase;
pub use swap::{GivenUpRestore, RestoreAs, RestoreNote, Restored, at_start};
pub use upload::Upload;
pub use view::{BackupFile, BackupWork, BackupsView};

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::files::absent;
use crate::identity::BoxIdentity;
use crate::store::{self, Adoption};
use archive::DATABASE;
use roombox_capture::disk::free_space;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};
use utoipa::ToSchema;

/// What was before a restore is forgotten after so long, counted by a clock that can be believed.
const KEEP_BEFORE: Duration = Duration::from_secs(14 * 24 * 3600);
const FOLDER: &str = "backups";
const MADE: &str = "made.age";
const UPLOADED: &str = "uploaded.age";
const PARTIAL: &str = "partial";
const SCRATCH: &str = "scratch";
const BUFFER: usize = 256 * 1024;

/// Which backup is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackupSource {
    /// The one that this box has made last.
    Made,
    /// The one that was uploaded last.
    Uploaded,
}

/// How many rooms are being recorded now.
pub type Recording = Arc<dyn Fn() -> usize + Send + Sync>;

/// How many bytes of the disk are not for backups.
pub type Reserve = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Whether the wall clock can be believed.
pub type Believed = Arc<dyn Fn() -> bool + Send + Sync>;

/// What backups need of the box.
pub struct BackupsParts {
    pub identity: Arc<BoxIdentity>,
    /// How many rooms are being recorded.
    pub recording: Recording,
    /// What running recordings live from, bytes: no backup takes it.
    pub reserve: Reserve,
    /// Days are counted only while it says so.
    pub believed: Believed,
    /// The box's data.
    pub data: PathBuf,
    /// Asks the daemon to start anew.
    pub restart: Arc<Notify>,
}

#[derive(Default)]
struct State {
    work: Option<BackupWork>,
    failed: Option<String>,
    made: Option<BackupFile>,
    /// What somebody has cancelled, until the next thing begins.
    cancelled: Option<BackupWork>,
    /// It takes effect now: too late to cancel it.
    settled: bool,
}

/// The box's backups.
pub struct Backups {
    identity: Arc<BoxIdentity>,
    recording: Recording,
    reserve: Reserve,
    believed: Believed,
    data: PathBuf,
    restart: Arc<Notify>,
    state: Mutex<State>,
    done: AtomicU64,
    total: AtomicU64,
    /// Somebody wants what is being done to stop.
    stop: AtomicBool,
    /// And says so to what waits for bytes.
    stopped: Notify,
}

/// Holds others off while something is done with a backup.
struct Turn(Arc<Backups>);

impl Drop for Turn {
    fn drop(&mut self) {
        // What was unpacked is what backups are encrypted for. Before somebody else's turn begins.
        if let Err(error) = fs::remove_dir_all(self.0.folder(SCRATCH)).or_else(absent) {
            tracing::warn!(%error, "what was unpacked of a backup stays until the next start");
        }
        // Half a backup takes room from what comes next, recordings first.
        if let Err(error) = fs::remove_file(self.0.folder(PARTIAL)).or_else(absent) {
            tracing::warn!(%error, "half a backup stays until the next start");
        }
        self.0.state().work = None;
    }
}

impl Backups {
    /// Takes away what a crash left.
    pub fn new(parts: BackupsParts) -> Arc<Self> {
        let BackupsParts { identity, recording, reserve, believed, data, restart } = parts;
        let state = Mutex::default();
        let (done, total, stop, stopped) = Default::default();
        let backups = Self {
            identity,
            recording,
            reserve,
            believed,
            data,
            restart,
            state,
            done,
            total,
            stop,
            stopped,
        };
        if let Err(error) = fs::remove_dir_all(backups.folder("")).or_else(absent) {
            tracing::warn!(%error, "old backups stay");
        }
        Arc::new(backups)
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.data.join(FOLDER).join(name)
    }

    /// Bytes that backups may take.
    fn free(&self) -> io::Result<u64> {
        Ok(free_space()(&self.data)?.saturating_sub((self.reserve)()))
    }

    fn fits(&self, wanted: u64) -> Result<(), BackupError> {
        let free = self.free()?;
        match wanted > free {
            true => Err(BackupError::NoRoom { wanted, free }),
            false => Ok(()),
        }
    }

    /// A box is being put together: it may have another owner soon.
    pub fn is_restoring(&self) -> bool {
        self.state().work == Some(BackupWork::Restoring) || swap::waits(&self.data)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(self: &Arc<Self>, work: BackupWork) -> Result<Turn, BackupError> {
        let mut state = self.state();
        if state.work.is_some() {
            return Err(BackupError::Busy);
        }
        if swap::waits(&self.data) {
            return Err(BackupError::Restarting);
        }
        (state.work, state.cancelled, state.settled) = (Some(work), None, false);
        self.stop.store(false, Ordering::Relaxed);
        drop(state);
        self.done.store(0, Ordering::Relaxed);
        self.total.store(0, Ordering::Relaxed);
        // From here on it ends by itself.
        let turn = Turn(self.clone());
        fs::create_dir_all(self.folder(""))?;
        fs::remove_dir_all(self.folder(SCRATCH)).or_else(absent)?;
        fs::create_dir(self.folder(SCRATCH))?;
        Ok(turn)
    }

    /// The last restore, while it can be taken back, and until when if that is known; what is too old for that
    /// is forgotten. Days count from the first look by a clock that can be believed, and only such a clock ends
    /// them.
    pub fn kept(&self, now: UnixMs) -> Option<(RestoreNote, Option<UnixMs>)> {
        let (note, counted_from) = swap::kept(&self.data)?;
        let until = counted_from.map(kept_until);
        // A plan may need what is too old.
        if swap::waits(&self.data) || !(self.believed)() {
            return Some((note, until));
        }
        let done = match until {
            Some(until) if until > now => return Some((note, Some(until))),
            Some(_) => swap::forget(&self.data).map(|()| None),
            None => swap::count_from(&self.data, now).map(|()| Some(kept_until(now))),
        };
        match done {
            Ok(None) => None,
            Ok(until) => Some((note, until)),
            Err(error) => {
                tracing::warn!(%error, "what was before the last restore stays");
                Some((note, until))
            }
        }
    }

    /// What there is, and what is being done.
    pub fn view(&self) -> BackupsView {
        let (restored, kept_until) = self.kept(UnixMs::now()).unzip();
        let state = self.state();
        BackupsView {
            inside: INSIDE.to_vec(),
            outside: OUTSIDE.to_vec(),
            passphrase_least: PASSPHRASE_LEAST,
            work: state.work,
            done_bytes: self.done.load(Ordering::Relaxed),
            total_bytes: self.total.load(Ordering::Relaxed),
            failed: state.failed.clone(),
            cancelled: state.cancelled,
            made: state.made.clone().filter(|_| self.folder(MADE).exists()),
            uploaded: uploaded(&self.folder(UPLOADED)),
            kept_until: kept_until.flatten(),
            restored,
            restarting: swap::waits(&self.data),
        }
    }

    /// The backup that was made last, and the name under which browsers keep it.
    ///
    /// # Errors
    /// There is none.
    pub fn made_file(&self) -> Result<(PathBuf, String), BackupError> {
        let made = self.state().made.clone().ok_or(BackupError::NoFile)?;
        Ok((self.folder(MADE), made.name))
    }

    fn source(&self, source: BackupSource) -> Result<File, BackupError> {
        let name = match source {
            BackupSource::Made => MADE,
            BackupSource::Uploaded => UPLOADED,
        };
        match File::open(self.folder(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(BackupError::NoFile),
            opened => Ok(opened?),
        }
    }

    /// Opens a backup, checks everything in it, looks through its database and says what it would bring.
    /// Changes nothing.
    ///
    /// # Errors
    /// It cannot be opened, is damaged or of a newer version, or something is being done already.
    pub async fn drill(
        self: &Arc<Self>,
        source: BackupSource,
        passphrase: String,
    ) -> Result<DrillReport, BackupError> {
        let turn = self.begin(BackupWork::Looking)?;
        blocking(move || {
            let begun = Instant::now();
            let backups = &turn.0;
            let file = backups.source(source)?;
            let found =
                backups.unpack(&Passphrase::typed(passphrase), file, &backups.folder(SCRATCH));
            let found = backups.unless_cancelled(found)?;
            backups.settle()?;
            Ok(backups.report(found, begun.elapsed()))
        })
        .await
    }

    /// Unpacks a backup into an empty folder, with the database of this version's schema.
    fn unpack(
        &self,
        passphrase: &Passphrase,
        file: File,
        folder: &Path,
    ) -> Result<Drilled, BackupError> {
        self.total.store(file.metadata()?.len(), Ordering::Relaxed);
        let mut from = BufReader::with_capacity(BUFFER, file);
        seal::headed(from.fill_buf()?)?;
        let counted = Told { from, backups: self };
        let plain = seal::opened(passphrase, counted)?;
        let manifest = archive::read(plain, folder, self.free()?)?;
        self.go_on()?;
        look::through(manifest, folder)
    }

    /// Puts a backup together with this box and restarts into it. `name` is the box's, typed by whoever
    /// means it.
    ///
    /// # Errors
    /// As for a drill; the name is wrong, or rooms are being recorded. Nothing has changed then.
    pub async fn restore(
        self: &Arc<Self>,
        source: BackupSource,
        passphrase: String,
        restored_as: RestoreAs,
        name: &str,
    ) -> Result<(), ControlError> {
        if name.trim() != self.identity.name() {
            return Err(ControlError::WrongBoxName);
        }
        let recording = (self.recording)();
        if recording > 0 {
            return Err(BackupError::Recording { recording }.into());
        }
        let turn = self.begin(BackupWork::Restoring)?;
        blocking(move || {
            let backups = &turn.0;
            let file = backups.source(source)?;
            let staged = swap::stage(&backups.data)?;
            let passphrase = Passphrase::typed(passphrase);
            let done = backups.stage(&passphrase, file, &staged, restored_as);
            let done = backups.unless_cancelled(done);
            if done.is_err() {
                swap::unstage(&backups.data);
            }
            done
        })
        .await?;
        tracing::warn!(?restored_as, "a backup is restored: the box restarts into it");
        self.restart.notify_one();
        Ok(())
    }

    fn stage(
        &self,
        passphrase: &Passphrase,
        file: File,
        staged: &Path,
        restored_as: RestoreAs,
    ) -> Result<(), BackupError> {
        let Drilled { manifest, .. } = self.unpack(passphrase, file, staged)?;
        let own = self.data.join(DATABASE);
        let itself = match restored_as {
            RestoreAs::Itself => {
                fs::remove_dir_all(staged.join(archive::SECRETS)).or_else(absent)?;
                Some((self.identity.id().to_owned(), self.identity.name(), own.as_path()))
            }
            RestoreAs::TakeOver => None,
        };
        let adoption = Adoption { itself };
        store::database_adopt(&staged.join(DATABASE), &adoption).map_err(BackupError::Database)?;
        let Manifest { box_name, made_at, .. } = manifest;
        // Unpacking takes a while: somebody may have begun to record.
        let recording = (self.recording)();
        if recording > 0 {
            return Err(BackupError::Recording { recording });
        }
        self.settle()?;
        let at = UnixMs::now();
        swap::plan(&self.data, RestoreNote { at, box_name, made_at, restored_as, undone: false })
    }

    /// Takes the last restore back, and restarts.
    ///
    /// # Errors
    /// There is nothing to go back to, rooms are being recorded, or something is being done already.
    pub fn undo(self: &Arc<Self>) -> Result<(), BackupError> {
        let recording = (self.recording)();
        if recording > 0 {
            return Err(BackupError::Recording { recording });
        }
        let turn = self.begin(BackupWork::Restoring)?;
        self.settle()?;
        self.kept(UnixMs::now()).ok_or(BackupError::NothingBefore)?;
        swap::plan_back(&self.data, UnixMs::now())?;
        drop(turn);
        tracing::warn!("a restore is taken back: the box restarts into what was before");
        self.restart.notify_one();
        Ok(())
    }

    /// Deletes a backup that lies here.
    ///
    /// # Errors
    /// There is none, or something is being done already.
    pub fn discard(self: &Arc<Self>, source: BackupSource) -> Result<(), BackupError> {
        let _turn = self.begin(BackupWork::Looking)?;
        self.settle()?;
        let (name, made) = match source {
            BackupSource::Made => (MADE, true),
            BackupSource::Uploaded => (UPLOADED, false),
        };
        match fs::remove_file(self.folder(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BackupError::NoFile);
            }
            removed => removed?,
        }
        if made {
            self.state().made = None;
        }
        Ok(())
    }

    /// Forgets what was before the last restore.
    ///
    /// # Errors
    /// There is nothing, or it cannot be taken away.
    pub fn forget_before(self: &Arc<Self>) -> Result<(), BackupError> {
        let _turn = self.begin(BackupWork::Restoring)?;
        self.settle()?;
        swap::forget(&self.data)
    }
}

/// Work on files, on a thread of its own: a passphrase takes long, and a box that stops waits for none. Cut off, it
/// is as after a power cut.
fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> io::Result<oneshot::Receiver<Result<T, BackupError>>> {
    let (tell, told) = oneshot::channel();
    // Who asked may not wait any more.
    let work = move || drop(tell.send(work()));
    std::thread::Builder::new().name("backup".to_owned()).spawn(work)?;
    Ok(told)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    let done = apart(work)?.await;
    done.map_err(|error| BackupError::Disk(io::Error::other(error)))?
}

/// Tells how much of a file was read.
struct Told<'a, R> {
    from: R,
    backups: &'a Backups,
}

impl<R: Read> Read for Told<'_, R> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        self.backups.go_on()?;
        let read = self.from.read(piece)?;
        self.backups.done.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

fn kept_until(counted_from: UnixMs) -> UnixMs {
    UnixMs(counted_from.0.saturating_add(KEEP_BEFORE.as_millis() as u64))
}

fn uploaded(path: &Path) -> Option<BackupFile> {
    let found = fs::metadata(path).ok()?;
    let at = found.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let (name, at) = (UPLOADED.to_owned(), UnixMs(at.as_millis() as u64));
    Some(BackupFile { name, bytes: found.len(), at })
}

#[cfg(test)]
mod tests;
