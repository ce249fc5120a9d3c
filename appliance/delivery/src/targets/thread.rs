//! One thread for each folder: whatever is asked of its files is done there, one thing after the other.
//!
//! A share whose server is gone keeps whoever touches it, in the kernel and for as long as it likes. Here
//! that is a thread that nobody else needs. Whoever asked is told after a while that nothing answers;
//! who comes later is told at once.

use super::SendError;
use super::pace::IDLE;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// What may wait for a thread: a transfer, a test and a removal ask for one thing each, and then close a
/// file each. When it is full the thread hangs.
const QUEUE: usize = 16;

type Act = Box<dyn FnOnce() + Send>;

/// The threads of all folders; one of these for the whole program.
#[derive(Debug)]
pub struct Folders {
    threads: Mutex<Vec<Arc<FileThread>>>,
    patience: Duration,
}

impl Default for Folders {
    fn default() -> Self {
        Self::with_patience(IDLE)
    }
}

impl Folders {
    pub(super) fn with_patience(patience: Duration) -> Self {
        Self { threads: Mutex::default(), patience }
    }

    /// The folder's thread; it begins if there is none. One that hangs stays the folder's.
    pub(super) fn thread(&self, path: &Path) -> io::Result<Arc<FileThread>> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        // Of folders that nothing goes to any more: such a thread ends.
        threads
            .retain(|one| one.path == path || Arc::strong_count(one) > 1 || one.busy().is_some());
        if let Some(known) = threads.iter().find(|one| one.path == path) {
            return Ok(known.clone());
        }
        let begun = Arc::new(FileThread::begin(path, self.patience)?);
        threads.push(begun.clone());
        Ok(begun)
    }
}

/// What a thread does at the moment has begun then, by both clocks.
#[derive(Debug, Clone, Copy)]
struct Since {
    begun: Instant,
    wall: SystemTime,
}

/// Does the file work of one folder.
pub(super) struct FileThread {
    path: PathBuf,
    acts: SyncSender<Act>,
    busy: Arc<Mutex<Option<Since>>>,
    patience: Duration,
}

impl fmt::Debug for FileThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileThread").field("path", &self.path).finish_non_exhaustive()
    }
}

impl FileThread {
    fn begin(path: &Path, patience: Duration) -> io::Result<Self> {
        let (acts, inbox) = sync_channel::<Act>(QUEUE);
        let busy = Arc::new(Mutex::new(None));
        let says = busy.clone();
        let say = move |since| *says.lock().unwrap_or_else(PoisonError::into_inner) = since;
        std::thread::Builder::new().name("folder".to_owned()).spawn(move || {
            for act in inbox {
                say(Some(Since { begun: Instant::now(), wall: SystemTime::now() }));
                act();
                say(None);
            }
        })?;
        Ok(Self { path: path.to_owned(), acts, busy, patience })
    }

    fn busy(&self) -> Option<Since> {
        *self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work` on the thread.
    ///
    /// # Errors
    /// The folder does not answer; what was asked for may still be done when it does again.
    pub async fn act<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<io::Result<T>, SendError> {
        if self.busy().is_some_and(|since| since.begun.elapsed() > self.patience) {
            return Err(self.unanswered());
        }
        let (reply, answer) = oneshot::channel();
        let act: Act = Box::new(move || {
            // Who asked has gone: by now it may be the wrong thing to do.
            if !reply.is_closed() {
                // What nobody takes any more is dropped here, and a file closed.
                drop(reply.send(work()));
            }
        });
        self.acts.try_send(act).map_err(|_| self.unanswered())?;
        match timeout(self.patience, answer).await {
            Ok(done) => Ok(done.unwrap_or_else(|_| Err(io::Error::other("its thread has ended")))),
            Err(_) => Err(self.unanswered()),
        }
    }

    /// Opens a file on the thread.
    pub async fn open(
        &self,
        open: impl FnOnce() -> io::Result<File> + Send + 'static,
    ) -> Result<io::Result<OpenFile>, SendError> {
        let acts = self.acts.clone();
        self.act(move || Ok(OpenFile { file: Some(Arc::new(open()?)), acts })).await
    }

    /// Does `work` with an open file on the thread.
    pub async fn with<T: Send + 'static>(
        &self,
        file: &OpenFile,
        work: impl FnOnce(&File) -> io::Result<T> + Send + 'static,
    ) -> Result<io::Result<T>, SendError> {
        let file = file.file.clone();
        self.act(move || file.map_or(Err(io::ErrorKind::NotFound.into()), |file| work(&file))).await
    }

    fn unanswered(&self) -> SendError {
        let since = self.busy().map_or_else(SystemTime::now, |since| since.wall);
        SendError::Unanswered { place: self.path.clone(), since }
    }
}

/// A file that is closed on its folder's thread, wherever it is dropped: closing waits for servers too.
pub(super) struct OpenFile {
    file: Option<Arc<File>>,
    acts: SyncSender<Act>,
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let file = self.file.take();
        if let Err(full) = self.acts.try_send(Box::new(move || drop(file))) {
            // A lost descriptor is better than a thread that all targets share and that hangs.
            std::mem::forget(full);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{TryRecvError, channel};

    const SHORT: Duration = Duration::from_millis(100);

    impl FileThread {
        /// The same thread, for whoever has time.
        fn patient(&self) -> Self {
            let (path, acts, busy) = (self.path.clone(), self.acts.clone(), self.busy.clone());
            Self { path, acts, busy, patience: IDLE }
        }

        async fn busy_for(&self, time: Duration) -> Since {
            loop {
                match self.busy() {
                    Some(since) if since.begun.elapsed() > time => return since,
                    _ => tokio::task::yield_now().await,
                }
            }
        }
    }

    #[tokio::test]
    async fn one_that_hangs_says_since_when_and_takes_nothing_that_nobody_waits_for() {
        let mut folders = Folders::with_patience(SHORT);
        let hung = folders.thread(Path::new("/a")).unwrap();
        let patient = hung.patient();
        let (go_on, wait) = channel::<()>();
        let before = SystemTime::now();
        let stuck = tokio::spawn(async move {
            patient.act(move || wait.recv().map_err(io::Error::other)).await
        });
        let begun = hung.busy_for(Duration::ZERO).await.wall;
        assert!(begun >= before && begun <= SystemTime::now());
        let since = |told| match told {
            Err(SendError::Unanswered { since, .. }) => since,
            told => panic!("{told:?}"),
        };
        let (done, late) = channel();
        let queued = done.clone();
        assert_eq!(since(hung.act(move || queued.send(()).map_err(io::Error::other)).await), begun);
        // Whoever comes later is told at once, and the same; and it is the same thread.
        hung.busy_for(SHORT).await;
        let again = folders.thread(Path::new("/a")).unwrap();
        let (at_once, refused) = channel();
        let told = again.act(move || at_once.send(()).map_err(io::Error::other)).await;
        assert_eq!(since(told), begun);
        assert_eq!(refused.try_recv(), Err(TryRecvError::Disconnected), "it waits in the queue");
        // Others go on.
        folders.patience = IDLE;
        let other = folders.thread(Path::new("/b")).unwrap();
        assert_eq!(other.act(|| Ok(7)).await.unwrap().unwrap(), 7);
        go_on.send(()).unwrap();
        stuck.await.unwrap().unwrap().unwrap();
        assert_eq!(hung.patient().act(|| Ok(8)).await.unwrap().unwrap(), 8);
        drop(done);
        assert_eq!(late.try_recv(), Err(TryRecvError::Disconnected));
    }

    #[tokio::test]
    async fn what_waits_is_not_done_once_nobody_asks_for_it() {
        let folders = Folders::default();
        let thread = folders.thread(Path::new("/a")).unwrap();
        let (go_on, wait) = channel::<()>();
        let (done, late) = channel();
        let first = thread.act(move || wait.recv().map_err(io::Error::other));
        let second = thread.act(move || done.send(()).map_err(io::Error::other));
        tokio::select! {
            biased;
            both = async { tokio::join!(first, second) } => panic!("{both:?}"),
            _ = thread.busy_for(Duration::ZERO) => {}
        }
        go_on.send(()).unwrap();
        assert_eq!(thread.act(|| Ok(9)).await.unwrap().unwrap(), 9);
        assert!(late.try_recv().is_err());
    }

    #[test]
    fn a_thread_ends_when_its_folder_is_none_any_more() {
        let folders = Folders::default();
        drop(folders.thread(Path::new("/a")).unwrap());
        let kept = folders.thread(Path::new("/b")).unwrap();
        drop(folders.thread(Path::new("/c")).unwrap());
        let threads = folders.threads.lock().unwrap();
        let paths: Vec<_> = threads.iter().map(|one| one.path.as_path()).collect();
        assert_eq!(paths, [Path::new("/b"), Path::new("/c")]);
        drop(kept);
    }
}
