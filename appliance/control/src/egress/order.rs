//! An order, and where it stands.

use super::stream::{StreamRow, StreamView};
use super::upload::{UploadRow, UploadState, Wanted};
use crate::recordings::RecordingState;
use roombox_jobs::spec::{JobSpec, MadeFile, Range};
use roombox_jobs::{JobRow, JobState};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EgressState {
    Active,
    Ending,
    Complete,
    Failed,
    Aborted,
}

impl EgressState {
    /// From these nothing goes on.
    pub(crate) const ENDS: [Self; 3] = [Self::Complete, Self::Failed, Self::Aborted];

    /// As the store writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Ending => "ending",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
        }
    }
}

/// What a program orders. What it said itself is kept for it, and means nothing here.
#[derive(Clone, PartialEq)]
pub struct Order {
    /// What to make, nothing if it is only sent. Its ids, title and range are ours to fill.
    pub spec: JobSpec,
    /// The name that the program wants the film to have.
    pub filename: String,
    /// The door's encoding of the request.
    pub request: Vec<u8>,
    /// Where the film is carried to; `None`: it stays on the box.
    pub upload: Option<Wanted>,
    /// Addresses that it is sent to meanwhile, with their keys.
    pub streams: Vec<String>,
}

/// Without what is nobody's business.
impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { spec, filename, upload, .. } = self;
        f.debug_struct("Order")
            .field("spec", spec)
            .field("filename", filename)
            .field("upload", upload)
            .finish_non_exhaustive()
    }
}

/// An order as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EgressRow {
    /// `EG_` and the ULID of its job.
    pub id: String,
    pub room_name: String,
    pub room_sid: String,
    /// The API key that the meeting was opened with.
    pub opened_with: String,
    pub filename: String,
    pub request: Vec<u8>,
    /// Its range begins with the order; the job is this one, cut where the order ended.
    pub spec: JobSpec,
    pub started_ms: u64,
    /// When somebody stopped it, or changed it last.
    pub updated_ms: u64,
    /// Whether the room is recorded only because of it.
    pub began: bool,
    pub stopped: bool,
    /// Where it is sent, or was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<StreamRow>,
}

impl EgressRow {
    /// A film, or the sound alone, is made of it.
    pub fn films(&self) -> bool {
        !self.spec.outputs.is_empty()
    }

    /// The recording runs for its film: nobody wants another one.
    pub(crate) fn is_the_film(&self) -> bool {
        self.began && self.films()
    }

    /// The job of a recording that is whole: all of it is not a range.
    pub(crate) fn job(&self, last_us: u64) -> JobSpec {
        let all = |range: &Range| range.from_us == 0 && range.to_us.is_none_or(|to| to >= last_us);
        JobSpec { range: self.spec.range.filter(|range| !all(range)), ..self.spec.clone() }
    }
}

/// An order as a program sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct EgressView {
    pub row: EgressRow,
    pub state: EgressState,
    /// Of the film that was recorded so far, or made.
    pub duration_ms: u64,
    pub ended_ms: Option<u64>,
    pub error: Option<String>,
    /// Its job is done.
    pub finished: bool,
    /// Where its film is carried to, without what opens it.
    pub upload: Option<UploadRow>,
    /// What was made, the film or the sound first.
    pub files: Vec<MadeFile>,
    /// Where it is sent, or was.
    pub streams: Vec<StreamView>,
}

pub(super) fn state(
    row: &EgressRow,
    recording: RecordingState,
    job: Option<&JobRow>,
    made: bool,
    upload: Option<UploadState>,
) -> EgressState {
    match (recording, job.map(|job| job.state)) {
        (RecordingState::Recording, _) if !row.stopped => EgressState::Active,
        (RecordingState::Empty, _) => EgressState::Aborted,
        _ if !row.films() => match row.streams.iter().all(|stream| stream.error.is_some()) {
            true => EgressState::Failed,
            false => EgressState::Complete,
        },
        (_, Some(JobState::Cancelled)) => EgressState::Aborted,
        (_, Some(JobState::Finished)) if !made => EgressState::Aborted,
        (_, Some(JobState::Finished)) => match upload {
            Some(UploadState::Waiting) => EgressState::Ending,
            Some(UploadState::GivenUp) => EgressState::Failed,
            Some(UploadState::Delivered) | None => EgressState::Complete,
        },
        (_, Some(JobState::Parked)) => EgressState::Failed,
        // What was recorded cannot be read: nobody makes a film of it.
        (RecordingState::Parked, None) => EgressState::Failed,
        _ => EgressState::Ending,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An order of all that is recorded.
    pub(crate) fn row(stopped: bool) -> EgressRow {
        let spec = JobSpec::new("job_1".into(), "rec_1".into(), String::new());
        EgressRow {
            id: "EG_1".into(),
            room_name: String::new(),
            room_sid: String::new(),
            opened_with: String::new(),
            filename: String::new(),
            request: Vec::new(),
            spec: JobSpec { range: Some(ALL), ..spec },
            started_ms: 0,
            updated_ms: 0,
            began: true,
            stopped,
            streams: Vec::new(),
        }
    }

    const ALL: Range = Range { from_us: 0, to_us: None };

    #[test]
    fn an_order_of_the_whole_recording_is_no_range() {
        let job = |from_us, to_us| {
            let mut row = row(true);
            row.spec.range = Some(Range { from_us, to_us });
            row.job(1000).range
        };
        assert_eq!(job(0, None), None);
        assert_eq!(job(0, Some(1000)), None);
        assert!(job(0, Some(999)).is_some() && job(1, None).is_some());
    }

    #[test]
    fn where_an_order_stands_follows_from_recording_and_job() {
        use {EgressState as E, RecordingState as R};
        let spec = JobSpec::new(String::new(), String::new(), String::new());
        let stands = |stopped, recording, job: Option<JobState>, wanted: E| {
            let job = job.map(|state| JobRow { state, ..JobRow::new(spec.clone(), 0, 0) });
            assert_eq!(state(&row(stopped), recording, job.as_ref(), true, None), wanted);
        };
        let nobody = JobRow { state: JobState::Finished, ..JobRow::new(spec.clone(), 0, 0) };
        assert_eq!(state(&row(true), R::Ready, Some(&nobody), false, None), E::Aborted);
        let carried = |upload| state(&row(true), R::Ready, Some(&nobody), true, Some(upload));
        assert_eq!(carried(UploadState::Waiting), E::Ending);
        assert_eq!(carried(UploadState::Delivered), E::Complete);
        assert_eq!(carried(UploadState::GivenUp), E::Failed);
        stands(false, R::Recording, None, E::Active);
        stands(true, R::Recording, None, E::Ending);
        stands(false, R::Captured, Some(JobState::Queued), E::Ending);
        stands(false, R::Captured, Some(JobState::Running), E::Ending);
        stands(true, R::Ready, Some(JobState::Finished), E::Complete);
        stands(true, R::Parked, Some(JobState::Parked), E::Failed);
        stands(false, R::Parked, None, E::Failed);
        // Another film was made of the recording.
        stands(true, R::Ready, Some(JobState::Parked), E::Failed);
        stands(true, R::Ready, Some(JobState::Cancelled), E::Aborted);
        stands(false, R::Empty, None, E::Aborted);
    }

    #[test]
    fn what_is_only_sent_is_complete_when_it_ends() {
        use {EgressState as E, RecordingState as R};
        let mut order = row(false);
        order.spec.outputs = Vec::new();
        let stream = |error: Option<&str>| StreamRow {
            output: String::new(),
            url: String::new(),
            started_ms: 0,
            ended_ms: Some(1),
            error: error.map(str::to_owned),
        };
        order.streams = vec![stream(Some("refused")), stream(None)];
        let stands = |order: &EgressRow, recording| state(order, recording, None, false, None);
        assert_eq!(stands(&order, R::Recording), E::Active);
        assert_eq!(stands(&order, R::Captured), E::Complete);
        assert_eq!(stands(&order, R::Empty), E::Aborted);
        order.stopped = true;
        assert_eq!(stands(&order, R::Recording), E::Complete);
        order.streams.pop();
        assert_eq!(stands(&order, R::Recording), E::Failed);
    }
}
