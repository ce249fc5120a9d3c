//! Broadcasts: one `roombox-media live` for each picture that live outputs need, for as long as its
//! recording runs.
//!
//! A worker that dies is started again, with pauses that double; what was ordered stays ordered. It
//! only reads what the recorder writes: no recording is lost with it.

mod ways;

use self::ways::{Judged, Ways};
use crate::workers::complaints;
use roombox_control::clock::Ticks;
use roombox_control::jobs::JobSpec;
use roombox_control::live::{Ask, Backoff, Destination, OutputReport, Pace, Said, Standing};
use roombox_control::outputs::{Broadcast, Outputs};
use roombox_control::recordings::Recordings;
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

const TICK: Duration = Duration::from_secs(1);
/// A worker whose recording has ended sends what is still behind, and ends by itself.
const LAST_SECONDS: Duration = Duration::from_secs(10);
/// A worker speaks once a second, and waits for its recording for 20 s before: one that is silent for
/// so long hangs.
const SILENCE: Duration = Duration::from_secs(45);
/// Below meetings, above films.
const NICE: &str = "5";

/// Starts workers, tells them what is wanted and lets them go.
pub struct LiveDesk {
    outputs: Arc<Outputs>,
    recordings: Arc<Recordings>,
    /// `roombox-media`.
    program: PathBuf,
    root: PathBuf,
    workers: Vec<Worker>,
    /// Of broadcasts whose worker died.
    failures: Vec<Failure>,
    ways: Ways,
}

struct Worker {
    spec: JobSpec,
    child: Child,
    input: ChildStdin,
    outputs: HashMap<String, Destination>,
    /// The end of what it complained about.
    complaints: JoinHandle<String>,
    pace: Arc<Mutex<Pace>>,
    /// When it said something last.
    heard: Arc<Mutex<Instant>>,
    begun: Instant,
    /// Since when nobody wants it.
    unwanted: Option<Instant>,
}

struct Failure {
    spec: JobSpec,
    backoff: Backoff,
    until: Instant,
}

impl LiveDesk {
    pub fn new(
        outputs: Arc<Outputs>,
        recordings: Arc<Recordings>,
        program: PathBuf,
        root: PathBuf,
    ) -> Self {
        let (workers, failures, ways) = Default::default();
        Self { outputs, recordings, program, root, workers, failures, ways }
    }

    /// For as long as the box runs.
    pub async fn run(mut self) {
        let mut ticks = Ticks::every(TICK);
        let outputs = self.outputs.clone();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = outputs.changed() => {}
            }
            self.bury().await;
            let wanted = match self.outputs.wanted().await {
                Ok(wanted) => wanted,
                Err(error) => {
                    tracing::warn!(%error, "nobody knows what is to be sent live");
                    continue;
                }
            };
            self.relayout(&wanted).await;
            self.dismiss(&wanted).await;
            for broadcast in wanted {
                self.serve(broadcast).await;
            }
        }
    }

    /// Takes leave of workers that have ended.
    async fn bury(&mut self) {
        let mut dead = Vec::new();
        let mut alive = Vec::new();
        for mut worker in self.workers.drain(..) {
            match worker.child.try_wait() {
                Ok(Some(status)) => dead.push((worker, status)),
                Ok(None) => alive.push(worker),
                Err(error) => {
                    tracing::warn!(%error, "a broadcast's state is unknown");
                    alive.push(worker);
                }
            }
        }
        self.workers = alive;
        for (worker, status) in dead {
            let recording = worker.spec.recording.clone();
            let pace = worker.pace.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let Pace { frames, skipped, cpu_s } = pace;
            let log = worker.complaints.await.unwrap_or_default();
            if worker.unwanted.is_some() {
                tracing::info!(%recording, frames, skipped, cpu_s, "a broadcast has ended");
                self.failures.retain(|failure| failure.spec != worker.spec);
                continue;
            }
            if status.success() {
                // Its recording is being made whole: one begun now would end at once.
                tracing::info!(%recording, frames, skipped, cpu_s, "a broadcast has ended");
                self.wait(worker.spec, Duration::ZERO);
                continue;
            }
            tracing::warn!(%recording, %status, log, "a broadcast failed: it is begun again");
            self.wait(worker.spec, worker.begun.elapsed());
            self.apologise(worker.outputs.into_keys(), "the program that sends it broke off").await;
        }
    }

    /// A broadcast that had gone on for so long is not begun again at once.
    fn wait(&mut self, spec: JobSpec, held: Duration) {
        if let Some(failure) = self.failures.iter_mut().find(|failure| failure.spec == spec) {
            failure.until = Instant::now() + failure.backoff.wait(held);
            return;
        }
        let mut backoff = Backoff::default();
        let until = Instant::now() + backoff.wait(held);
        self.failures.push(Failure { spec, backoff, until });
    }

    /// Says why outputs are not sent.
    async fn apologise(&self, outputs: impl Iterator<Item = String>, why: &str) {
        for output in outputs {
            let (standing, why) = (Standing::Retrying, Some(why.to_owned()));
            let report = OutputReport { output, standing, why, ..OutputReport::default() };
            if let Err(error) = self.outputs.report(report).await {
                tracing::warn!(%error, "how an output goes could not be kept");
            }
        }
    }

    /// Tells workers whose outputs all want another layout: none of their connections breaks.
    async fn relayout(&mut self, wanted: &[Broadcast]) {
        let drawn: Vec<JobSpec> = self.workers.iter().map(|worker| worker.spec.clone()).collect();
        for broadcast in wanted.iter().filter(|broadcast| !drawn.contains(&broadcast.spec)) {
            let layout = broadcast.spec.layout.name;
            let was_drawn = |worker: &&mut Worker| {
                let mut spec = worker.spec.clone();
                spec.layout.name = layout;
                spec == broadcast.spec
                    && !wanted.iter().any(|other| other.spec == worker.spec)
                    && broadcast.outputs.iter().any(|(id, _)| worker.outputs.contains_key(id))
            };
            if let Some(worker) = self.workers.iter_mut().find(was_drawn) {
                worker.say(&Ask::Layout { layout }).await;
                worker.spec = broadcast.spec.clone();
            }
        }
    }

    /// Ends workers that nobody wants.
    async fn dismiss(&mut self, wanted: &[Broadcast]) {
        let is_wanted = |spec: &JobSpec| wanted.iter().any(|broadcast| broadcast.spec == *spec);
        self.failures.retain(|failure| is_wanted(&failure.spec));
        for worker in &mut self.workers {
            if is_wanted(&worker.spec) {
                worker.unwanted = None;
                if worker.is_stuck() {
                    tracing::warn!(recording = %worker.spec.recording,
                        "a broadcast says nothing any more: it is begun anew");
                    worker.kill();
                }
                continue;
            }
            let since = *worker.unwanted.get_or_insert_with(Instant::now);
            let runs = self.recordings.runs(&worker.spec.recording);
            if runs {
                let all: Vec<String> = worker.outputs.drain().map(|(output, _)| output).collect();
                for output in all {
                    worker.say(&Ask::Remove { output }).await;
                }
            }
            // An output that was stopped says goodbye, and one whose meeting is over its last words.
            let patience = if runs { TICK } else { LAST_SECONDS };
            if since.elapsed() >= patience {
                worker.kill();
            }
        }
    }

    /// Has a worker send what is wanted.
    async fn serve(&mut self, broadcast: Broadcast) {
        let Broadcast { spec, outputs } = broadcast;
        if !self.workers.iter().any(|worker| worker.spec == spec) {
            let waits = |failure: &Failure| failure.spec == spec && failure.until > Instant::now();
            if self.failures.iter().any(waits) {
                return;
            }
            match self.start(&spec).await {
                Ok(worker) => self.workers.push(worker),
                Err(error) => {
                    tracing::warn!(%error, "a broadcast cannot start");
                    self.wait(spec, Duration::ZERO);
                    let waiting = outputs.into_iter().map(|(output, _)| output);
                    self.apologise(waiting, "the program that sends it does not start").await;
                    return;
                }
            }
        }
        let Some(worker) = self.workers.iter_mut().find(|worker| worker.spec == spec) else {
            return;
        };
        let gone: Vec<String> = worker
            .outputs
            .keys()
            .filter(|id| !outputs.iter().any(|(wanted, _)| wanted == *id))
            .cloned()
            .collect();
        for output in gone {
            worker.outputs.remove(&output);
            worker.say(&Ask::Remove { output }).await;
        }
        let mut new = outputs;
        new.retain(|(output, _)| !worker.outputs.contains_key(output));
        let judged = self.ways.judge(&new).await;
        let mut refused = Vec::new();
        for ((output, to), judged) in new.into_iter().zip(judged) {
            match judged {
                Judged::Goes => {}
                Judged::Stays => continue,
                Judged::Refused(why) => {
                    refused.push((output, why));
                    continue;
                }
            }
            worker.outputs.insert(output.clone(), to.clone());
            worker.say(&Ask::Add { output, to }).await;
        }
        for (output, why) in refused {
            self.apologise(std::iter::once(output), &why).await;
        }
    }

    async fn start(&self, spec: &JobSpec) -> std::io::Result<Worker> {
        // Meetings come first; a picture that comes late is left out.
        let mut child = Command::new("nice")
            .args(["-n", NICE])
            .arg(&self.program)
            .arg("live")
            .arg("--recording")
            .arg(self.root.join(&spec.recording))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut input), Some(output), Some(errors)) = pipes else {
            return Err(std::io::Error::other("it has no pipes"));
        };
        let named = JobSpec { job: "live".to_owned(), ..spec.clone() };
        let mut line = serde_json::to_vec(&named)?;
        line.push(b'\n');
        input.write_all(&line).await?;
        let pace: Arc<Mutex<Pace>> = Arc::default();
        let heard = Arc::new(Mutex::new(Instant::now()));
        tokio::spawn(hear(output, self.outputs.clone(), pace.clone(), heard.clone()));
        tracing::info!(recording = %spec.recording, layout = ?spec.layout.name, "a broadcast begins");
        Ok(Worker {
            spec: spec.clone(),
            child,
            input,
            outputs: HashMap::new(),
            complaints: tokio::spawn(complaints(errors)),
            pace,
            heard,
            begun: Instant::now(),
            unwanted: None,
        })
    }
}

impl Worker {
    fn is_stuck(&self) -> bool {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).elapsed() > SILENCE
    }

    fn kill(&mut self) {
        if let Err(error) = self.child.start_kill() {
            tracing::warn!(%error, "a broadcast cannot be killed");
        }
    }

    async fn say(&mut self, ask: &Ask) {
        let said = match serde_json::to_vec(ask) {
            Ok(mut line) => {
                line.push(b'\n');
                self.input.write_all(&line).await
            }
            Err(error) => Err(error.into()),
        };
        if let Err(error) = said {
            // It has died: another one is told everything.
            tracing::debug!(%error, "a broadcast does not listen");
        }
    }
}

async fn hear(
    output: ChildStdout,
    outputs: Arc<Outputs>,
    pace: Arc<Mutex<Pace>>,
    heard: Arc<Mutex<Instant>>,
) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        *heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        match serde_json::from_str(&line) {
            Ok(Said::Output(report)) => {
                if let Err(error) = outputs.report(report).await {
                    tracing::warn!(%error, "how an output goes could not be kept");
                }
            }
            Ok(Said::Pace(now)) => *pace.lock().unwrap_or_else(PoisonError::into_inner) = now,
            Err(error) => tracing::debug!(%error, "a broadcast says something unknown"),
        }
    }
}
