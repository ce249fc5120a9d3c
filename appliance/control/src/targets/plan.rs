//! What should be where, looked at again whenever something that it follows from is another.

use super::rules::folder_name;
use super::{Contents, CopyState, TargetRow, Targets};
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::Happening;
use crate::store::{CopyRow, MANIFEST, Missing, Source, Wanted};
use roombox_capture::read_manifest;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::PoisonError;

const TIMELINE: &str = "timeline.jsonl";

/// What is to be looked at, for something of it is another than when it was planned.
#[derive(Debug, Default)]
pub(super) struct Unplanned {
    /// Nobody knows what.
    pub all: bool,
    /// Of these recordings, for all targets.
    pub recordings: BTreeSet<String>,
    /// For these targets, of all recordings.
    pub targets: BTreeSet<String>,
}

impl Unplanned {
    fn add(&mut self, more: Self) {
        self.all |= more.all;
        self.recordings.extend(more.recordings);
        self.targets.extend(more.targets);
    }
}

impl Targets {
    pub(super) fn unplanned(&self, change: impl FnOnce(&mut Unplanned)) {
        change(&mut self.unplanned.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Sees to it that every file that should be at a target has its row; looks only where something has
    /// changed.
    pub(super) async fn plan(&self) -> Result<(), ControlError> {
        let mut what = Unplanned::default();
        self.unplanned(|unplanned| std::mem::swap(unplanned, &mut what));
        let planned = self.plan_what(&what).await;
        if planned.is_err() {
            self.unplanned(|unplanned| unplanned.add(what));
        }
        planned
    }

    async fn plan_what(&self, what: &Unplanned) -> Result<(), ControlError> {
        let rows = self.rows.lock().await.clone();
        for row in rows.iter().filter(|row| row.enabled) {
            if what.all || what.targets.contains(&row.id) {
                self.plan_for(row, None, false).await?;
                continue;
            }
            for recording in &what.recordings {
                self.plan_for(row, Some(recording), false).await?;
            }
        }
        Ok(())
    }

    /// `only` this recording, or all. `asked`: whatever the target's rules say.
    pub(super) async fn plan_for(
        &self,
        target: &TargetRow,
        only: Option<&str>,
        asked: bool,
    ) -> Result<(), ControlError> {
        let wanted = Wanted { target: target.id.clone(), only: only.map(str::to_owned), asked };
        let mut missing = self.store.copy_missing(wanted.clone()).await?;
        if target.contents == Contents::Everything {
            for source in self.store.copy_missing_tracks(wanted).await? {
                let folder = self.root.join(&source.recording);
                let found = tokio::task::spawn_blocking(move || tracks(&folder, &source)).await;
                let found = found.map_err(|error| ControlError::Files(error.into()))?;
                missing.extend(found.map_err(ControlError::Files)?);
            }
        }
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

/// Tracks, timeline and manifest of a recording. Nothing of one without a manifest: its films are
/// copied all the same.
///
/// # Errors
/// The disk refuses: none is planned then, for what is left out now would never be copied.
fn tracks(folder: &Path, source: &Source) -> io::Result<Vec<Missing>> {
    let Ok(manifest) = read_manifest(folder) else { return Ok(Vec::new()) };
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
