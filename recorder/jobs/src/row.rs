//! A job as it is kept: one row, written by whoever owns the store, changed by the desk alone.

use crate::desk::FAR_MS;
use crate::spec::JobSpec;
use serde::{Deserialize, Serialize};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits for its turn, or for its back-off to pass.
    Queued,
    /// Leased to a worker.
    Running,
    Finished,
    /// Failed too often; waits for a person.
    Parked,
    Cancelled,
}

impl JobState {
    /// The state as the API and the store write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Parked => "parked",
            Self::Cancelled => "cancelled",
        }
    }

    /// Nothing more happens by itself.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Parked | Self::Cancelled)
    }
}

/// One job. A row that an older version wrote has no deadline, no length and nobody's hand on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobRow {
    pub spec: JobSpec,
    pub state: JobState,
    /// Higher first; see [`crate::order`].
    pub priority: i32,
    /// Milliseconds of the desk's clock.
    pub created_ms: u64,
    /// Attempts begun so far.
    pub attempts: u32,
    /// Of these, how many another box gave back: nothing was wrong with the job.
    #[serde(default)]
    pub returned: u32,
    /// Not to be started before.
    pub not_before_ms: u64,
    /// Why the last attempt failed: the end of its log.
    pub last_error: Option<String>,
    /// When somebody wants it ready.
    #[serde(default)]
    pub deadline_ms: Option<u64>,
    /// When somebody put it in front of all others.
    #[serde(default)]
    pub front_ms: Option<u64>,
    /// How much of the recording it is made of; 0: nobody knows.
    #[serde(default)]
    pub media_ms: u64,
    /// A follower may have made some of it while the meeting went on.
    #[serde(default)]
    pub followed: bool,
    /// What its film was encoded with: GStreamer factory, `copy` or `none`.
    #[serde(default)]
    pub encoder: Option<String>,
    /// The box that it was lent to; `None`: this box does it, or nobody yet.
    #[serde(default)]
    pub borrower: Option<Borrower>,
}

/// Another box of the fleet that does a job of this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Borrower {
    /// Its id in the fleet.
    pub id: String,
    pub name: String,
}

impl JobRow {
    /// Before this it is not to be started. No pause is that far away as one may seem that was set by a
    /// clock which was wrong then.
    pub fn waits_until_ms(&self, now_ms: u64) -> u64 {
        let far = self.not_before_ms > now_ms.saturating_add(FAR_MS);
        if far { 0 } else { self.not_before_ms }
    }

    pub fn new(spec: JobSpec, priority: i32, now_ms: u64) -> Self {
        Self {
            spec,
            state: JobState::Queued,
            priority,
            created_ms: now_ms,
            attempts: 0,
            returned: 0,
            not_before_ms: 0,
            last_error: None,
            deadline_ms: None,
            front_ms: None,
            media_ms: 0,
            followed: false,
            encoder: None,
            borrower: None,
        }
    }
}
