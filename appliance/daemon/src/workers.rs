//! Workers as child processes: one job, one `roombox-media transcode`.
//!
//! A crash costs one attempt, killing is cancelling, and no driver or codec can take the daemon
//! down with it.

mod start;

use crate::clock::since_boot;
use roombox_control::clock::Ticks;
use roombox_control::encoders::{EncoderDesk, Fault, FaultKind, SOFTWARE};
use roombox_control::jobs::{
    Attempt, JobSpec, Jobs, MAX_ATTEMPTS, Progress, Receipt, Report, SLOWLY, Workers,
};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use start::Start;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

/// How much of a worker's complaints is kept.
const LOG_END: usize = 4096;
/// Between asking a worker to end and killing it.
const LAST_CHANCE: Duration = Duration::from_secs(2);
/// A worker that is slowed down works for so long, and then waits for longer.
const PACE: Duration = Duration::from_secs(1);

/// Who hears what a worker says.
#[derive(Clone)]
enum Listener {
    /// The box's own desk.
    Desk(Weak<Jobs>),
    /// Whoever does a job for another box.
    Errand(mpsc::Sender<Report>),
}

impl Listener {
    async fn hear(&self, report: Report) {
        match self {
            Self::Desk(jobs) => {
                if let Some(jobs) = jobs.upgrade() {
                    jobs.report(report).await;
                }
            }
            // Nobody listens any more: the worker is stopped by whoever did.
            Self::Errand(errand) => drop(errand.send(report).await),
        }
    }
}

/// A worker that runs.
struct Running {
    cancel: oneshot::Sender<()>,
    /// Names the process even if its number was given to another one.
    process: Option<OwnedFd>,
}

impl Running {
    fn signal(&self, signal: Signal) {
        if let Some(process) = &self.process
            && let Err(error) = pidfd_send_signal(process, signal)
        {
            tracing::debug!(%error, "a worker has ended");
        }
    }
}

/// Starts and stops the box's workers.
pub struct ChildWorkers {
    me: Weak<Self>,
    /// `roombox-media`.
    program: PathBuf,
    recordings: PathBuf,
    runtime: Handle,
    encoders: Arc<EncoderDesk>,
    jobs: OnceLock<Weak<Jobs>>,
    running: Mutex<HashMap<(String, u32), Running>>,
    /// Meetings need the machine.
    slowly: AtomicBool,
    /// Somebody stops and wakes workers.
    pacing: AtomicBool,
    /// Reels that go when their job's attempt has ended, by job.
    unwanted: Mutex<HashMap<String, PathBuf>>,
}

impl ChildWorkers {
    pub fn new(
        program: PathBuf,
        recordings: PathBuf,
        runtime: Handle,
        encoders: Arc<EncoderDesk>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            program,
            recordings,
            runtime,
            encoders,
            jobs: OnceLock::new(),
            running: Mutex::default(),
            slowly: AtomicBool::new(false),
            pacing: AtomicBool::new(false),
            unwanted: Mutex::default(),
        })
    }

    /// Whom the workers report to; before this none is started.
    pub fn report_to(&self, jobs: &Arc<Jobs>) {
        self.jobs.get_or_init(|| Arc::downgrade(jobs));
    }

    fn running(&self) -> MutexGuard<'_, HashMap<(String, u32), Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unwanted(&self) -> MutexGuard<'_, HashMap<String, PathBuf>> {
        self.unwanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An attempt has ended: what it left for another one goes, if there will be none.
    fn ended(&self, attempt: &Attempt) {
        self.running().remove(&(attempt.job.clone(), attempt.number));
        if let Some(reels) = self.unwanted().remove(&attempt.job) {
            self.runtime.spawn_blocking(move || remove(&reels));
        }
    }

    /// Has workers work one second of [`SLOWLY`] until meetings do not need the machine any more.
    /// The lowest class of CPU alone is not enough: a worker also fills caches, memory and the disk.
    async fn pace(self: Arc<Self>) {
        let mut ticks = Ticks::every(PACE);
        for second in 0u64.. {
            ticks.tick().await;
            let slowly = self.slowly.load(Ordering::Acquire);
            let works = !slowly || second.is_multiple_of(SLOWLY);
            for running in self.running().values() {
                running.signal(if works { Signal::CONT } else { Signal::STOP });
            }
            if slowly {
                continue;
            }
            self.pacing.store(false, Ordering::Release);
            // Asked for again meanwhile, while it looked as if this one went on.
            if !self.slowly.load(Ordering::Acquire) || self.pacing.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }

    /// One attempt at a film, with one encoder after the other while it is the encoder that fails: as many
    /// workers as the board lists encoders, and one more that needs no hardware.
    async fn film(
        &self,
        attempt: &Attempt,
        (mut spec, root): (JobSpec, PathBuf),
        listener: &Listener,
        cancelled: &mut oneshot::Receiver<()>,
    ) -> Outcome {
        loop {
            spec.video.element = self.encoders.choose(&spec);
            let child = match self.spawn(attempt, &spec, &root) {
                Ok(child) => child,
                Err(error) => {
                    let program = self.program.display();
                    return Outcome::Failed(format!("cannot start {program}: {error}"));
                }
            };
            // One that was killed meanwhile hears so at once.
            if let Some(running) = self.running().get_mut(&(attempt.job.clone(), attempt.number)) {
                running.process = process(&child);
            }
            let told = (attempt, listener);
            let fault = match supervise(child, &spec, told, cancelled, &self.slowly).await {
                Outcome::Encoder(fault) => fault,
                outcome => {
                    if matches!(outcome, Outcome::Receipt(_) | Outcome::Hopeless(_)) {
                        self.encoders.film_over(&spec.recording);
                    }
                    return outcome;
                }
            };
            if spec.video.element.is_none() {
                return Outcome::Encoder(fault);
            }
            blame(&self.encoders, &fault, &spec.recording).await;
            let next = self.encoders.choose(&spec);
            tracing::warn!(job = %attempt.job, encoder = %fault.encoder, fault = ?fault.fault,
                why = fault.why, next = next.as_deref().unwrap_or(SOFTWARE),
                "an encoder failed: the film is made by the next one");
            listener.hear(Report::Lives(attempt.clone())).await;
        }
    }

    /// Starts a worker on a recording in `root`, for another box: what it does is told to `errand`.
    pub fn errand(
        &self,
        attempt: Attempt,
        spec: JobSpec,
        root: PathBuf,
        errand: mpsc::Sender<Report>,
    ) {
        self.begin(attempt, (spec, root), Listener::Errand(errand));
    }

    fn begin(&self, attempt: Attempt, what: (JobSpec, PathBuf), listener: Listener) {
        let (cancel, mut cancelled) = oneshot::channel();
        let running = Running { cancel, process: None };
        self.running().insert((attempt.job.clone(), attempt.number), running);
        let Some(me) = self.me.upgrade() else { return };
        self.runtime.spawn(async move {
            let outcome = me.film(&attempt, what, &listener, &mut cancelled).await;
            me.ended(&attempt);
            let report = match outcome {
                Outcome::Receipt(receipt) => {
                    let media_s = receipt.duration_us as f64 / 1e6;
                    let per_minute = receipt.cpu_s / media_s.max(0.001) * 60.0;
                    tracing::info!(job = %attempt.job, encoder = %receipt.encoder, media_s,
                        cpu_s = receipt.cpu_s, cpu_s_per_minute = per_minute, "film made");
                    Report::Finished(attempt, receipt)
                }
                Outcome::Failed(log) => Report::Failed(attempt, log),
                Outcome::Encoder(fault) => Report::Failed(attempt, fault.why),
                Outcome::Hopeless(log) => Report::Hopeless(attempt, log),
            };
            listener.hear(report).await;
        });
    }

    fn spawn(&self, attempt: &Attempt, spec: &JobSpec, root: &Path) -> std::io::Result<Child> {
        // Renders yield to meetings: lowest CPU and I/O class, first to go when memory runs out.
        Command::new("nice")
            .args(["-n", "19", "ionice", "-c", "3"])
            .arg(&self.program)
            .arg("transcode")
            .arg("--recording")
            .arg(root.join(&spec.recording))
            .args(["--spec", "-"])
            .args(attempt.number.is_multiple_of(MAX_ATTEMPTS).then_some("--last-try"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }
}

/// Remembers what an encoder did.
pub async fn blame(encoders: &EncoderDesk, fault: &Fault, recording: &str) {
    if let Err(error) = encoders.failed(fault, recording, since_boot()).await {
        tracing::warn!(%error, "an encoder's failure is forgotten at the next start");
    }
}

fn process(child: &Child) -> Option<OwnedFd> {
    let pid = Pid::from_raw(i32::try_from(child.id()?).ok()?)?;
    pidfd_open(pid, PidfdFlags::empty()).ok()
}

fn remove(folder: &Path) {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(path = %folder.display(), %error, "what nobody needs stays");
        }
        _ => {}
    }
}

/// What came out of a worker.
enum Outcome {
    Receipt(Receipt),
    /// Its encoder is to blame: another one may do it.
    Encoder(Fault),
    Failed(String),
    Hopeless(String),
}

/// The worker's exit status for a job that no further try can do.
const HOPELESS: i32 = 2;

/// What a worker says last.
enum Last {
    Receipt(Receipt),
    Fault(Fault),
}

async fn supervise(
    mut child: Child,
    spec: &JobSpec,
    (attempt, listener): (&Attempt, &Listener),
    cancelled: &mut oneshot::Receiver<()>,
    slowly: &AtomicBool,
) -> Outcome {
    let start = Start::default();
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut told), Some(out), Some(err)) = pipes else {
        return Outcome::Failed("the worker has no pipes".to_owned());
    };
    let text = serde_json::to_vec(spec).unwrap_or_default();
    if let Err(error) = told.write_all(&text).await {
        tracing::debug!(%error, "the worker did not read its job");
    }
    drop(told);
    let complaints = tokio::spawn(complaints(err));
    let listen = async {
        let mut lines = BufReader::new(out).lines();
        let mut last = None;
        while let Ok(Some(line)) = lines.next_line().await {
            if let Ok(progress) = serde_json::from_str::<Progress>(&line) {
                start.hear(spec, &progress);
                listener.hear(Report::Progress(attempt.clone(), progress)).await;
            } else if let Ok(made) = serde_json::from_str::<Receipt>(&line) {
                last = Some(Last::Receipt(made));
            } else if let Ok(fault) = serde_json::from_str::<Fault>(&line) {
                // Nothing more is to come, and a driver that hangs may not let the process end.
                return Some(Last::Fault(fault));
            }
        }
        last
    };
    let last = tokio::select! {
        last = listen => last,
        fault = start.hangs(spec, slowly) => Some(Last::Fault(fault)),
        // Also when the service is gone: then nobody wants the film. However it ends, nobody is to blame.
        _ = cancelled => {
            stop(&mut child).await;
            // Until it has ended it may still write what is to be cleared away.
            drop(tokio::time::timeout(LAST_CHANCE, child.wait()).await);
            return Outcome::Failed("the worker was stopped".to_owned());
        }
    };
    if let Some(Last::Fault(fault)) = last {
        if tokio::time::timeout(LAST_CHANCE, child.wait()).await.is_err() {
            stop(&mut child).await;
        }
        return Outcome::Encoder(fault);
    }
    let status = child.wait().await;
    let log = complaints.await.unwrap_or_default();
    match (status, last) {
        (Ok(status), Some(Last::Receipt(receipt))) if status.success() => Outcome::Receipt(receipt),
        (Ok(status), _) if status.code() == Some(HOPELESS) => Outcome::Hopeless(log),
        (Ok(status), _) => match crashed(status, spec) {
            Some(fault) => Outcome::Encoder(fault),
            None => Outcome::Failed(format!("{log}\n{}", ended(status)).trim().to_owned()),
        },
        (Err(error), _) => Outcome::Failed(format!("{log}\n{error}").trim().to_owned()),
    }
}

/// A worker that drives hardware and dies of a mistake of its own is the driver's, as far as anybody can tell.
pub fn crashed(status: ExitStatus, spec: &JobSpec) -> Option<Fault> {
    let mistakes =
        [Signal::ABORT, Signal::SEGV, Signal::BUS, Signal::ILL, Signal::FPE, Signal::TRAP];
    let signal = status.signal()?;
    let encoder = spec.video.element.clone()?;
    mistakes.iter().any(|mistake| mistake.as_raw() == signal).then(|| Fault {
        encoder,
        fault: FaultKind::Crashed,
        why: format!("it took its process with it (signal {signal})"),
    })
}

/// The end of what a child complains about, once it has closed its standard error.
pub async fn complaints(mut errors: ChildStderr) -> String {
    let (mut tail, mut chunk) = (Vec::new(), [0u8; 1024]);
    while let Ok(count @ 1..) = errors.read(&mut chunk).await {
        tail.extend_from_slice(&chunk[..count]);
        let skip = tail.len().saturating_sub(LOG_END);
        tail.drain(..skip);
    }
    String::from_utf8_lossy(&tail).trim().to_owned()
}

/// Asks a worker to end, and does not ask twice.
async fn stop(child: &mut Child) {
    let pid = child.id().and_then(|id| Pid::from_raw(id as i32));
    if let Some(pid) = pid
        && rustix::process::kill_process(pid, Signal::TERM).is_ok()
        && tokio::time::timeout(LAST_CHANCE, child.wait()).await.is_ok()
    {
        return;
    }
    if let Err(error) = child.start_kill() {
        tracing::warn!(%error, "a worker cannot be killed");
    }
}

fn ended(status: ExitStatus) -> String {
    match status.success() {
        true => "the worker ended without a receipt".to_owned(),
        false => format!("the worker ended with {status}"),
    }
}

impl Workers for ChildWorkers {
    fn start(&self, attempt: Attempt, spec: JobSpec) {
        let Some(jobs) = self.jobs.get().cloned() else { return };
        // Somebody wants it again: what an attempt that still ends has left is this one's.
        self.unwanted().remove(&attempt.job);
        self.begin(attempt, (spec, self.recordings.clone()), Listener::Desk(jobs));
    }

    fn kill(&self, attempt: Attempt) {
        if let Some(running) = self.running().remove(&(attempt.job, attempt.number)) {
            // One that is stopped hears nothing.
            running.signal(Signal::CONT);
            running.cancel.send(()).unwrap_or_else(|()| tracing::debug!("the worker had ended"));
        }
    }

    fn slow(&self, slowly: bool) {
        self.slowly.store(slowly, Ordering::Release);
        if let Some(workers) = self.me.upgrade().filter(|_| slowly)
            && !self.pacing.swap(true, Ordering::AcqRel)
        {
            self.runtime.spawn(workers.pace());
        }
    }

    fn clear(&self, spec: &JobSpec) {
        let recording = self.recordings.join(&spec.recording);
        let folder = recording.join("derived").join(&spec.job);
        let reels = folder.join("reels");
        // Asked while nothing ends: an attempt that runs clears up when it ends.
        let running = self.running();
        if running.keys().any(|(job, _)| *job == spec.job) {
            self.unwanted().insert(spec.job.clone(), reels);
            return;
        }
        let others = !running.is_empty();
        drop(running);
        self.runtime.spawn_blocking(move || {
            remove(&reels);
            // What was made ahead may be what a job that runs has found.
            if !others {
                remove(&recording.join("ahead"));
            }
            // Fails, as it should, unless nothing else is there.
            let _ = std::fs::remove_dir(&folder);
        });
    }
}

#[cfg(test)]
mod tests;
