//! Films that somebody asks for once the recording is there: of all of it, or of a part.

use super::{RecordingState, Recordings};
use crate::error::ControlError;
use crate::jobs::{Job, JobPatch};
use roombox_jobs::spec::{
    AudioPreset, EncoderChoice, JobSpec, LayoutName, Output, Pauses, Range, SoundContainer,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A film has something to show.
const SHORTEST_MS: u64 = 1000;

/// A part of a recording, from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FilmRange {
    pub from_ms: u64,
    pub to_ms: u64,
}

/// What somebody wants made.
#[derive(Debug, Clone, PartialEq)]
pub struct Film {
    pub layout: LayoutName,
    pub encoder: EncoderChoice,
    pub outputs: Vec<Output>,
    /// What sound alone becomes.
    pub container: SoundContainer,
    pub pauses: Pauses,
    /// `None`: all of the recording.
    pub range: Option<FilmRange>,
    /// How soon.
    pub wanted: JobPatch,
}

/// How much of a recording a job is made of.
pub(super) fn media_ms(spec: &JobSpec, duration_ms: u64) -> u64 {
    spec.range.map_or(duration_ms, |range| {
        let to_ms = range.to_us.map_or(duration_ms, |to| (to / 1000).min(duration_ms));
        to_ms.saturating_sub(range.from_us / 1000)
    })
}

impl FilmRange {
    /// As a job has it, if a recording of this length has such a part.
    fn within(self, duration_ms: u64) -> Result<Range, ControlError> {
        let Self { from_ms, to_ms } = self;
        if to_ms > duration_ms || from_ms.saturating_add(SHORTEST_MS) > to_ms {
            return Err(ControlError::InvalidRange { duration_ms });
        }
        Ok(Range { from_us: from_ms * 1000, to_us: Some(to_ms * 1000) })
    }
}

impl Recordings {
    /// Makes another film of a recording, or its sound alone, or files of each person, or several of
    /// these.
    ///
    /// # Errors
    /// There is no such recording, it still runs or was merged of others, it has no such part, nothing is to
    /// be made, or what is wanted of the job will not do.
    pub async fn render(&self, id: &str, film: Film) -> Result<Job, ControlError> {
        let Film { layout, encoder, outputs, container, pauses, range, wanted } = film;
        if outputs.is_empty() {
            return Err(ControlError::NothingToMake);
        }
        let row = self.row(id).await?;
        if row.state == RecordingState::Recording {
            return Err(ControlError::StillRecording);
        }
        if self.merge_of(&row).await?.is_some() {
            return Err(ControlError::Merged);
        }
        let range = range.map(|range| range.within(row.duration_ms)).transpose()?;
        let audio = AudioPreset { container, ..AudioPreset::default() };
        let spec = JobSpec { outputs, audio, pauses, range, ..self.spec(&row, layout, encoder) };
        let media_ms = media_ms(&spec, row.duration_ms);
        self.jobs.create(spec, media_ms, &wanted).await
    }
}

#[cfg(test)]
impl Film {
    /// All of the recording, as the box would have it.
    pub(super) fn usual() -> Self {
        Self {
            layout: LayoutName::Auto,
            encoder: EncoderChoice::Auto,
            outputs: vec![Output::Film],
            container: SoundContainer::M4a,
            pauses: Pauses::Cut,
            range: None,
            wanted: JobPatch::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_lies_within_its_recording_and_is_a_second_long_at_least() {
        let part = |from_ms, to_ms| FilmRange { from_ms, to_ms }.within(10_000);
        let all = Range { from_us: 0, to_us: Some(10_000_000) };
        assert_eq!(part(0, 10_000).unwrap(), all);
        assert_eq!(part(9000, 10_000).unwrap().from_us, 9_000_000);
        for (from_ms, to_ms) in [(0, 10_001), (9001, 10_000), (5, 5), (6, 5), (u64::MAX, u64::MAX)]
        {
            let refused = part(from_ms, to_ms).unwrap_err();
            assert_eq!((refused.code(), refused.field()), ("invalid_range", Some("range")));
        }
    }
}
