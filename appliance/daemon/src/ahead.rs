//! Films of recordings that still run: one `roombox-media ahead` each, for as many as the box has
//! cores, held while meetings need the machine.
//!
//! Nothing depends on it. A follower that fails is started again a few times; one that is not there
//! leaves more to do for the film's job.

use crate::workers::{blame, complaints, crashed};
use roombox_control::clock::Ticks;
use roombox_control::encoders::{EncoderDesk, Fault};
use roombox_control::jobs::{Ahead, JobSpec};
use roombox_control::recordings::Recordings;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const TICK: Duration = Duration::from_secs(1);
/// A follower that failed so often is not started again for that recording.
const MOST_FAILURES: u32 = 3;
/// What the last reels of a recording may take.
const LAST_REELS: Duration = Duration::from_secs(120);

/// Starts followers, holds them and lets them go.
pub struct AheadDesk {
    recordings: Arc<Recordings>,
    encoders: Arc<EncoderDesk>,
    /// `roombox-media`.
    program: PathBuf,
    root: PathBuf,
    most: usize,
    followers: HashMap<String, Follower>,
    failures: HashMap<String, u32>,
    /// Whether films have to wait: for meetings, or because this box only records.
    hold: watch::Receiver<bool>,
    held: bool,
}

struct Follower {
    child: Child,
    spec: JobSpec,
    /// What it said of its encoder.
    heard: JoinHandle<Option<Fault>>,
    input: ChildStdin,
    /// The end of what it complained about.
    complaints: JoinHandle<String>,
    /// Since when its recording does not run any more.
    over: Option<Instant>,
}

impl AheadDesk {
    pub fn new(
        recordings: Arc<Recordings>,
        encoders: Arc<EncoderDesk>,
        (program, root): (PathBuf, PathBuf),
        hold: watch::Receiver<bool>,
    ) -> Self {
        let most = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            recordings,
            encoders,
            program,
            root,
            most,
            followers: HashMap::new(),
            failures: HashMap::new(),
            hold,
            held: false,
        }
    }

    /// For as long as the box runs.
    pub async fn run(mut self) {
        let mut ticks = Ticks::every(TICK);
        loop {
            ticks.tick().await;
            let held = *self.hold.borrow_and_update();
            if std::mem::replace(&mut self.held, held) != held {
                self.tell_all().await;
            }
            self.look_after().await;
            self.start_missing().await;
        }
    }

    async fn tell_all(&mut self) {
        for (recording, follower) in &mut self.followers {
            if let Err(error) = follower.say(self.held).await {
                tracing::debug!(%recording, %error, "a follower does not listen");
            }
        }
    }

    /// Takes leave of those that have ended, and ends those that nobody needs.
    async fn look_after(&mut self) {
        let mut ended = Vec::new();
        for (recording, follower) in &mut self.followers {
            match follower.child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => {
                    ended.push((recording.clone(), status));
                    continue;
                }
                Err(error) => tracing::warn!(%recording, %error, "a follower's state is unknown"),
            }
            if self.recordings.runs(recording) {
                continue;
            }
            let over = *follower.over.get_or_insert_with(Instant::now);
            if over.elapsed() > LAST_REELS
                && let Err(error) = follower.child.start_kill()
            {
                tracing::warn!(%recording, %error, "a follower cannot be killed");
            }
        }
        for (recording, status) in ended {
            let Some(follower) = self.followers.remove(&recording) else { continue };
            if status.success() {
                continue;
            }
            let said = follower.heard.await.ok().flatten();
            if let Some(fault) = said.or_else(|| crashed(status, &follower.spec)) {
                let (encoder, why) = (fault.encoder.as_str(), fault.why.as_str());
                tracing::warn!(%recording, encoder, why, "an encoder failed ahead of time");
                blame(&self.encoders, &fault, &recording).await;
                continue;
            }
            let log = follower.complaints.await.unwrap_or_default();
            tracing::warn!(%recording, %status, log, "making a film ahead of time failed");
            *self.failures.entry(recording).or_default() += 1;
        }
        self.failures.retain(|recording, _| self.recordings.runs(recording));
    }

    async fn start_missing(&mut self) {
        let followed: HashSet<&String> = self.followers.keys().collect();
        let free = self.most.saturating_sub(followed.len());
        let given_up = |id: &str| self.failures.get(id).is_some_and(|n| *n >= MOST_FAILURES);
        let wanted = |id: &str| !followed.contains(&id.to_owned()) && !given_up(id);
        if free == 0 || self.held {
            return;
        }
        let specs = match self.recordings.films_to_come(wanted, free).await {
            Ok(specs) => specs,
            Err(error) => {
                tracing::warn!(%error, "nobody knows which films can be made ahead of time");
                return;
            }
        };
        for spec in specs {
            let recording = spec.recording.clone();
            match self.start(&spec).await {
                Ok(follower) => {
                    tracing::debug!(%recording, "its film is made ahead of time");
                    self.followers.insert(recording, follower);
                }
                Err(error) => {
                    tracing::warn!(%recording, %error, "making a film ahead of time cannot start");
                    *self.failures.entry(recording).or_default() += 1;
                }
            }
        }
    }

    async fn start(&self, spec: &JobSpec) -> std::io::Result<Follower> {
        let mut spec = spec.clone();
        spec.video.element = self.encoders.choose(&spec);
        // It runs when nobody else wants the core.
        let mut child = Command::new("chrt")
            .args(["--idle", "0", "ionice", "-c", "3"])
            .arg(&self.program)
            .arg("ahead")
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
        let mut line = serde_json::to_vec(&spec)?;
        line.push(b'\n');
        input.write_all(&line).await?;
        let (heard, complaints) = (tokio::spawn(hear(output)), tokio::spawn(complaints(errors)));
        Ok(Follower { child, spec, input, heard, complaints, over: None })
    }
}

impl Follower {
    async fn say(&mut self, held: bool) -> std::io::Result<()> {
        self.input.write_all(if held { b"hold\n" } else { b"go\n" }).await
    }
}

/// What it says of its encoder at last, if anything.
async fn hear(output: ChildStdout) -> Option<Fault> {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Ok(Ahead { recording, made_us, recorded_us, cpu_s }) = serde_json::from_str(&line) {
            let (made_s, recorded_s) = (made_us / 1_000_000, recorded_us / 1_000_000);
            tracing::debug!(recording, made_s, recorded_s, cpu_s, "made ahead of time");
        } else if let Ok(fault) = serde_json::from_str(&line) {
            return Some(fault);
        }
    }
    None
}
