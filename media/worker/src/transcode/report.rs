//! Tells the daemon how far the job is, and hears when it is not wanted any more.

use super::error::FilmError;
use roombox_jobs::spec::Progress;
use rustix::time::{ClockId, clock_gettime};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::io::{self, Write};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The desk renews a job's lease with each line.
const EVERY: Duration = Duration::from_secs(1);
/// A disk that writes through for longer than this does not come back.
const SLOWEST_DISK: Duration = Duration::from_secs(600);
/// Between two looks whether a meeting still needs the machine.
const HELD: Duration = Duration::from_millis(50);

/// What the working threads share with the reporter.
#[derive(Default)]
pub struct Work {
    cancelled: Arc<AtomicBool>,
    /// Of the film, and what makes it: once that is known.
    film: OnceLock<(u64, &'static str)>,
    /// The hardware that is being opened.
    opens: OnceLock<String>,
    done_us: AtomicU64,
    frames: AtomicU64,
    /// Nothing but sound is made: it tells how far the job is.
    sound_alone: AtomicBool,
    /// A meeting needs the machine.
    held: AtomicBool,
    /// Grows with anything that was done: a worker that hangs does not look alive.
    beats: Arc<AtomicU64>,
    /// Writing the film is what is left to do, of so many bytes.
    writes: OnceLock<Writing>,
}

/// Bytes tell how far a film is that is only written.
struct Writing {
    bytes: u64,
    written: AtomicU64,
    /// How far it was before that.
    from_us: u64,
}

/// Shows that a job goes on, for who waits for a disk.
#[derive(Clone)]
pub struct Pulse(Arc<AtomicU64>);

impl Pulse {
    /// Waits for what a slow disk takes long for, and is not taken for dead meanwhile.
    pub fn during<T>(&self, slow: impl FnOnce() -> T) -> T {
        let (done, waits) = mpsc::channel::<()>();
        let until = Instant::now() + SLOWEST_DISK;
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while let Err(RecvTimeoutError::Timeout) = waits.recv_timeout(EVERY)
                    && Instant::now() < until
                {
                    self.0.fetch_add(1, Ordering::Relaxed);
                }
            });
            let result = slow();
            drop(done);
            result
        })
    }
}

impl Work {
    /// Work that SIGTERM and SIGINT cancel.
    ///
    /// # Errors
    /// The signals cannot be watched.
    pub fn cancelled_by_signals() -> io::Result<Self> {
        let work = Self::default();
        signal_hook::flag::register(SIGTERM, work.cancelled.clone())?;
        signal_hook::flag::register(SIGINT, work.cancelled.clone())?;
        Ok(work)
    }

    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Says that the job goes on.
    ///
    /// # Errors
    /// It was cancelled.
    pub fn beat(&self) -> Result<(), FilmError> {
        self.beats.fetch_add(1, Ordering::Relaxed);
        match self.cancelled.load(Ordering::Relaxed) {
            true => Err(FilmError::Cancelled),
            false => Ok(()),
        }
    }

    pub fn pulse(&self) -> Pulse {
        Pulse(self.beats.clone())
    }

    /// The hardware that makes the film is opened now: from here on silence is its own.
    ///
    /// # Errors
    /// The job was cancelled.
    pub fn open(&self, encoder: Option<&String>) -> Result<(), FilmError> {
        if let Some(encoder) = encoder {
            self.opens.get_or_init(|| encoder.clone());
        }
        self.beat()
    }

    /// How long the film will be, and what makes it.
    pub fn begin(&self, total_us: u64, encoder: &'static str) {
        self.film.get_or_init(|| (total_us, encoder));
    }

    /// No picture will be made.
    pub fn expect_sound_alone(&self) {
        self.sound_alone.store(true, Ordering::Relaxed);
    }

    /// The film's sound is made up to this time of it.
    ///
    /// # Errors
    /// The job was cancelled.
    pub fn sound_done(&self, until_us: u64) -> Result<(), FilmError> {
        if self.sound_alone.load(Ordering::Relaxed) {
            self.done_us.fetch_max(until_us, Ordering::Relaxed);
        }
        self.beat()
    }

    /// A frame of the film is made.
    ///
    /// # Errors
    /// The job was cancelled.
    pub fn frame_done(&self, fps: u32) -> Result<(), FilmError> {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.frames_found(1, fps)
    }

    /// So many frames of the film are there.
    ///
    /// # Errors
    /// The job was cancelled.
    pub fn frames_found(&self, frames: u64, fps: u32) -> Result<(), FilmError> {
        let us = frames * 1_000_000 / u64::from(fps.max(1));
        self.done_us.fetch_add(us, Ordering::Relaxed);
        self.beat()
    }

    /// A recorded frame is copied, up to this time of the film.
    ///
    /// # Errors
    /// The job was cancelled.
    pub fn copied(&self, until_us: u64) -> Result<(), FilmError> {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.done_us.fetch_max(until_us, Ordering::Relaxed);
        self.beat()
    }

    /// So much of this span of the film is done, of all that there is to do in it.
    ///
    /// # Errors
    /// The job was cancelled.
    pub fn part_done(&self, span: Range<u64>, done: u64, all: u64) -> Result<(), FilmError> {
        let length = u128::from(span.end.saturating_sub(span.start));
        let grown = length * u128::from(done.min(all)) / u128::from(all.max(1));
        self.done_us.fetch_max(span.start + grown as u64, Ordering::Relaxed);
        self.beat()
    }

    /// How long the film will be, in microseconds; 0: nobody knows yet.
    pub fn total_us(&self) -> u64 {
        self.film.get().map_or(0, |(total_us, _)| *total_us)
    }

    /// From here on the film is written, in so many bytes.
    pub fn begin_to_write(&self, bytes: u64) {
        let from_us = self.done_us.load(Ordering::Relaxed);
        self.writes.get_or_init(|| Writing { bytes, written: AtomicU64::new(0), from_us });
    }

    /// So many bytes more of the film are written.
    ///
    /// # Errors
    /// The job was cancelled.
    pub fn written(&self, bytes: usize) -> Result<(), FilmError> {
        let Some(writes) = self.writes.get() else { return self.beat() };
        let written = writes.written.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        self.part_done(writes.from_us..self.total_us(), written, writes.bytes)
    }

    /// Whoever works ahead of time waits here while a meeting needs the machine.
    ///
    /// # Errors
    /// The job was cancelled.
    pub fn turn(&self) -> Result<(), FilmError> {
        while self.held.load(Ordering::Relaxed) {
            self.beat()?;
            std::thread::sleep(HELD);
        }
        self.beat()
    }

    /// Whether work that could be done later must wait.
    pub fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Relaxed);
    }
}

/// CPU seconds of this process, all threads.
pub fn cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Writes one line of JSON for the daemon.
///
/// # Errors
/// Nobody reads any more.
pub fn say(line: &impl serde::Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Reports until it is dropped. Before it is known how long the film is: a length of 0 and no encoder.
pub struct Reporter {
    end: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Reporter {
    pub fn start(work: Arc<Work>, job: String) -> Self {
        let (end, ended) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let begun = Instant::now();
            let mut beats = 0;
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(EVERY) {
                let now = work.beats.load(Ordering::Relaxed);
                if std::mem::replace(&mut beats, now) == now {
                    continue;
                }
                let seconds = begun.elapsed().as_secs_f64();
                let opens = || (0, work.opens.get().map_or("", String::as_str));
                let (total_us, encoder) = work.film.get().copied().unwrap_or_else(opens);
                let done_us = work.done_us.load(Ordering::Relaxed).min(total_us);
                let left = (total_us - done_us) as f64;
                let progress = Progress {
                    job: job.clone(),
                    done_us,
                    total_us,
                    fps: work.frames.load(Ordering::Relaxed) as f64 / seconds,
                    eta_s: (done_us > 0).then(|| left * seconds / done_us as f64),
                    encoder: encoder.to_owned(),
                    cpu_s: cpu_s(),
                };
                if say(&progress).is_err() {
                    // Whoever asked for the film is gone.
                    work.cancel();
                }
            }
        });
        Self { end: Some(end), thread: Some(thread) }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.end.take();
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the reporter had panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_that_is_only_written_is_as_far_as_its_bytes() {
        let work = Work::default();
        work.begin(2_000_000, "copy");
        let done = || work.done_us.load(Ordering::Relaxed);
        work.written(500).unwrap();
        assert_eq!(done(), 0, "what is written beside is not the film");
        work.part_done(0..1_000_000, 7, 7).unwrap();
        work.begin_to_write(1000);
        assert_eq!(done(), 1_000_000);
        work.written(250).unwrap();
        assert_eq!(done(), 1_250_000);
        work.written(750).unwrap();
        work.written(4000).unwrap();
        assert_eq!(done(), 2_000_000, "a head is not counted, and no film is more than done");
    }

    #[test]
    fn who_waits_for_a_disk_is_not_taken_for_dead() {
        let work = Work::default();
        let before = work.beats.load(Ordering::Relaxed);
        let begun = Instant::now();
        let seen = work.pulse().during(|| {
            while work.beats.load(Ordering::Relaxed) == before {
                if begun.elapsed() > 20 * EVERY {
                    return false;
                }
                std::thread::yield_now();
            }
            true
        });
        assert!(seen, "it looked dead for {:?}", begun.elapsed());
    }
}
