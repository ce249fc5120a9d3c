//! Jobs as people see them, and what people may want of them.

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::words;
use roombox_jobs::order::PRIORITIES;
use roombox_jobs::spec::LayoutName;
use roombox_jobs::{JobRow, JobState, Outlook, Waits, Wish};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// A job as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Job {
    pub id: String,
    pub recording_id: String,
    pub title: String,
    #[schema(value_type = words::Layout)]
    pub layout: LayoutName,
    /// So many films of other recordings it merges; 0: it draws one of this recording's own.
    pub merges: u32,
    #[schema(value_type = words::JobState)]
    pub state: JobState,
    pub attempts: u32,
    pub created_at: UnixMs,
    /// Why the last attempt failed: the end of its log.
    #[schema(required)]
    pub error: Option<String>,
    #[schema(required)]
    pub progress: Option<JobProgress>,
    /// Higher first; it grows while the job waits. Films that people ask for have 10, others 0.
    pub priority: i32,
    /// Somebody put it in front of all others.
    pub next: bool,
    /// When somebody wants it ready.
    #[schema(required)]
    pub deadline: Option<UnixMs>,
    /// When it starts, about; `null`: it does not wait, or nobody knows.
    #[schema(required)]
    pub starts_at: Option<UnixMs>,
    /// When it is ready, about; `null`: it has ended, or nobody knows.
    #[schema(required)]
    pub ready_at: Option<UnixMs>,
    /// By how many seconds it will miss its deadline, about; `null`: it will not.
    #[schema(required)]
    pub late_by_s: Option<u64>,
    /// Why it does not run yet.
    #[schema(required)]
    pub waits: Option<JobWait>,
    /// It runs slowly: meetings need the machine.
    pub slowed: bool,
    /// The box of the fleet that makes it, or made it; `null`: this one.
    #[schema(required)]
    pub made_on: Option<String>,
    /// What its film was encoded with, once it is there: GStreamer's name, `copy` or `none`.
    #[schema(required)]
    pub encoder: Option<String>,
}

/// Why a job waits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct JobWait {
    pub reason: WaitReason,
    /// Of `turn`: so many go before it.
    pub before: u64,
    /// Of `meetings`: so many go on.
    pub meetings: u32,
    /// Of `pause`: when it is tried again.
    #[schema(required)]
    pub until: Option<UnixMs>,
}

/// Why a job waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// Others go before it.
    Turn,
    /// An attempt failed; the next comes later.
    Pause,
    /// Meetings need the machine.
    Meetings,
    /// This box only records.
    RecordsOnly,
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct JobProgress {
    /// Media made and to be made.
    pub done_ms: u64,
    pub total_ms: u64,
    /// Seconds of media per second.
    pub speed: f64,
    #[schema(required)]
    pub eta_s: Option<f64>,
    pub encoder: String,
    pub cpu_s: f64,
}

/// What somebody wants of a job that waits or runs. What is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobPatch {
    /// From -100 to 100; higher first.
    #[schema(nullable = false)]
    pub priority: Option<i32>,
    /// When it has to be ready, RFC 3339; `null`: no more so.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<UnixMs>)]
    pub deadline: Option<Option<String>>,
    /// In front of all others that wait, or no more so.
    #[schema(nullable = false)]
    pub next: Option<bool>,
}

/// Tells `null` from absent.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl JobPatch {
    /// As the desk wants it.
    ///
    /// # Errors
    /// A value will not do.
    pub(super) fn wish(&self) -> Result<Wish, ControlError> {
        let invalid = |field, why| Err(ControlError::InvalidJob { field, why });
        if self.priority.is_some_and(|priority| !PRIORITIES.contains(&priority)) {
            return invalid("priority", "is between -100 and 100");
        }
        let deadline_ms = match &self.deadline {
            None => None,
            Some(None) => Some(None),
            Some(Some(text)) => match UnixMs::parse(text) {
                Some(at) => Some(Some(at.0)),
                None => return invalid("deadline", "is a time like 2026-11-28T14:20:00Z"),
            },
        };
        Ok(Wish { priority: self.priority, deadline_ms, front: self.next })
    }
}

pub(super) fn view(
    row: &JobRow,
    progress: Option<JobProgress>,
    outlook: Option<&Outlook>,
    slowed: bool,
) -> Job {
    let (running, queued) = (row.state == JobState::Running, row.state == JobState::Queued);
    let outlook = outlook.filter(|_| running || queued);
    let ready_ms = outlook.and_then(|outlook| outlook.ready_ms);
    let late_by = |ready: u64| ready.checked_sub(row.deadline_ms?).filter(|late| *late >= 1000);
    Job {
        id: row.spec.job.clone(),
        recording_id: row.spec.recording.clone(),
        title: row.spec.title.clone(),
        layout: row.spec.layout.name,
        merges: row.spec.merge.as_ref().map_or(0, |merge| merge.parts.len() as u32),
        state: row.state,
        attempts: row.attempts,
        created_at: UnixMs(row.created_ms),
        error: row.last_error.clone(),
        progress: progress.filter(|_| running),
        priority: row.priority,
        next: row.front_ms.is_some() && queued,
        deadline: row.deadline_ms.map(UnixMs),
        starts_at: outlook.filter(|_| queued).and_then(|o| o.starts_ms).map(UnixMs),
        ready_at: ready_ms.map(UnixMs),
        late_by_s: ready_ms.and_then(late_by).map(|late| late / 1000),
        waits: outlook.filter(|_| queued).and_then(|o| o.waits).map(wait),
        slowed: slowed && running && row.borrower.is_none(),
        made_on: row.borrower.as_ref().map(|borrower| borrower.name.clone()),
        encoder: row.encoder.clone(),
    }
}

fn wait(waits: Waits) -> JobWait {
    let none = JobWait { reason: WaitReason::Turn, before: 0, meetings: 0, until: None };
    match waits {
        Waits::Turn { before } => JobWait { before: before as u64, ..none },
        Waits::Pause { until_ms } => {
            JobWait { reason: WaitReason::Pause, until: Some(UnixMs(until_ms)), ..none }
        }
        Waits::Meetings { meetings } => JobWait { reason: WaitReason::Meetings, meetings, ..none },
        Waits::RecordsOnly => JobWait { reason: WaitReason::RecordsOnly, ..none },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roombox_jobs::spec::JobSpec;

    fn patch(json: serde_json::Value) -> Result<Wish, ControlError> {
        serde_json::from_value::<JobPatch>(json).unwrap().wish()
    }

    #[test]
    fn no_deadline_is_something_else_than_nothing_about_it() {
        let wish = |json| patch(json).unwrap();
        assert_eq!(wish(serde_json::json!({})), Wish::default());
        assert_eq!(wish(serde_json::json!({"deadline": null})).deadline_ms, Some(None));
        let at = serde_json::json!({"deadline": "1970-01-01T01:00:01+01:00", "next": true});
        assert_eq!(wish(at.clone()).deadline_ms, Some(Some(1000)));
        assert_eq!(wish(at).front, Some(true));
        for (wrong, field) in [
            (serde_json::json!({"deadline": "tonight"}), "deadline"),
            (serde_json::json!({"priority": 101}), "priority"),
        ] {
            assert_eq!(patch(wrong).unwrap_err().field(), Some(field));
        }
    }

    #[test]
    fn a_job_says_by_how_much_it_will_be_late_and_one_that_ended_says_nothing() {
        let spec = JobSpec::new("job_1".into(), "rec_1".into(), String::new());
        let mut row = JobRow { deadline_ms: Some(10_000), ..JobRow::new(spec, 0, 0) };
        let outlook = Outlook {
            job: "job_1".into(),
            starts_ms: Some(5000),
            ready_ms: Some(72_000),
            waits: Some(Waits::Meetings { meetings: 3 }),
        };
        let seen = view(&row, None, Some(&outlook), true);
        assert_eq!((seen.late_by_s, seen.starts_at), (Some(62), Some(UnixMs(5000))));
        assert_eq!(
            seen.waits.map(|waits| (waits.reason, waits.meetings)),
            Some((WaitReason::Meetings, 3))
        );
        assert!(!seen.slowed);
        row.state = JobState::Running;
        let seen = view(&row, None, Some(&outlook), true);
        assert_eq!((seen.starts_at, seen.waits, seen.slowed), (None, None, true));
        row.state = JobState::Parked;
        let seen = view(&row, None, Some(&outlook), true);
        assert_eq!((seen.ready_at, seen.late_by_s, seen.slowed), (None, None, false));
    }
}
