//! What should be where, looked at again whenever something that it follows from is another.

use super::rules::folder_name;
use super::{Contents, CopyState, TargetRow, Targets};
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::Happening;
use crate::store::{CopyRow, MANIFEST, Missing, Source, Wanted};
use roombox_capture::{CaptureError, read_manifest};
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::Path;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

const TIMELINE: &str = "timeline.jsonl";
/// Tracks that the disk does not give are looked for again after this.
const UNREADABLE: Duration = Duration::from_secs(60);

/// What is to be looked at, for something of it is another than when it was planned.
#[derive(Debug, Default)]
pub(super) struct Unplanned {
    /// Nobody knows what.
    pub all: bool,
    /// Of these recordings, for all targets.
    pub recordings: BTreeSet<String>,
    /// For these targets, of all recordings.
    pub targets: BTreeSet<String>,
    /// Of these recordings, for all targets, not before then: their tracks could not be read.
    pub later: HashMap<String, Instant>,
}

impl Unplanned {
    /// What is to be looked at now.
    fn take(&mut self, now: Instant) -> Self {
        let due = self.later.extract_if(|_, at| *at <= now).map(|(recording, _)| recording);
        self.recordings.extend(due);
        let later = std::mem::take(&mut self.later);
        std::mem::replace(self, Self { later, ..Self::default() })
    }
}

impl Targets {
    pub(super) fn unplanned<T>(&self, change: impl FnOnce(&mut Unplanned) -> T) -> T {
        change(&mut self.unplanned.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sees to it that every file that should be at a target has its row; looks only where something has
    /// changed. What fails for one target is tried again, and holds up no other.
    pub(super) async fn plan(&self) {
        let what = self.unplanned(|unplanned| unplanned.take(Instant::now()));
        let rows = self.rows.lock().await.clone();
        for row in rows.iter().filter(|row| row.enabled) {
            if what.all || what.targets.contains(&row.id) {
                if let Err(error) = self.plan_for(row, None, false).await {
                    not_planned(row, &error);
                    self.unplanned(|unplanned| _ = unplanned.targets.insert(row.id.clone()));
                }
                continue;
            }
            for recording in &what.recordings {
                if let Err(error) = self.plan_for(row, Some(recording), false).await {
                    not_planned(row, &error);
                    self.unplanned(|unplanned| _ = unplanned.recordings.insert(recording.clone()));
                }
            }
        }
    }

    /// `only` this recording, or all. `asked`: whatever the target's rules say. Films first: tracks that
    /// cannot be read hold up nothing but themselves.
    ///
    /// # Errors
    /// The store refuses, or who asks wants tracks that cannot be read.
    pub(super) async fn plan_for(
        &self,
        target: &TargetRow,
        only: Option<&str>,
        asked: bool,
    ) -> Result<(), ControlError> {
        let wanted = Wanted { target: target.id.clone(), only: only.map(str::to_owned), asked };
        let films = self.store.copy_missing(wanted.clone()).await?;
        self.plan_files(target, films, asked).await?;
        if target.contents == Contents::Films {
            return Ok(());
        }
        for source in self.store.copy_missing_tracks(wanted).await? {
            let folder = self.root.join(&source.recording);
            let recording = source.recording.clone();
            let found = tokio::task::spawn_blocking(move || tracks(&folder, &source)).await;
            match found.unwrap_or_else(|error| Err(error.into())) {
                Ok(tracks) => self.plan_files(target, tracks, asked).await?,
                Err(error) if asked => return Err(ControlError::Files(error)),
                Err(error) => {
                    tracing::error!(%error, recording, target = target.name,
                        "tracks cannot be read to be copied: they are looked for again in a minute");
                    let then = Instant::now() + UNREADABLE;
                    self.unplanned(|unplanned| _ = unplanned.later.insert(recording, then));
                }
            }
        }
        Ok(())
    }

    async fn plan_files(
        &self,
        target: &TargetRow,
        missing: Vec<Missing>,
        asked: bool,
    ) -> Result<(), ControlError> {
        if missing.is_empty() {
            return Ok(());
        }
        let now = UnixMs::now().0;
        let row = |one: Missing| {
            let Source { recording, room_name, started_ms } = one.source;
            let folder = folder_name(&UnixMs(started_ms).minute(), &room_name, &recording);
            CopyRow {
                name: format!("{folder}/{}", one.path),
                recording,
                target: target.id.clone(),
                path: one.path,
                bytes: one.bytes,
                sha256: one.sha256,
                state: CopyState::Waiting,
                since_ms: now,
                attempts: 0,
                next_ms: now,
                error: None,
                resume: None,
                delivered_ms: None,
                asked,
                track: one.track,
            }
        };
        self.store.copy_plan(missing.into_iter().map(row).collect()).await?;
        self.events.publish(&target.id, Happening::TargetChanged);
        Ok(())
    }
}

fn not_planned(target: &TargetRow, error: &ControlError) {
    tracing::error!(%error, target = target.name,
        "it cannot be planned what is copied there: it is tried again");
}

/// Tracks, timeline and manifest of a recording. Nothing of one without a manifest: its films are
/// copied all the same.
///
/// # Errors
/// The disk refuses: none is planned then, for what is left out now would never be copied.
fn tracks(folder: &Path, source: &Source) -> io::Result<Vec<Missing>> {
    let manifest = match read_manifest(folder) {
        Ok(manifest) => manifest,
        // `Other`: no disk says so, but a manifest of a newer version.
        Err(CaptureError::ReadManifest { source, .. })
            if !matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::Other) =>
        {
            return Err(source);
        }
        Err(_) => return Ok(Vec::new()),
    };
    let mut paths: Vec<String> = manifest.parts.into_iter().map(|part| part.file).collect();
    paths.extend([TIMELINE, MANIFEST].map(str::to_owned));
    let mut missing = Vec::with_capacity(paths.len());
    for path in paths {
        match std::fs::metadata(folder.join(&path)) {
            Ok(data) => missing.push(Missing {
                source: source.clone(),
                path,
                bytes: data.len(),
                sha256: String::new(),
                track: true,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                tracing::warn!(
                    recording = source.recording,
                    path,
                    "a track of the manifest is gone"
                );
            }
            Err(error) => return Err(error),
        }
    }
    Ok(missing)
}
