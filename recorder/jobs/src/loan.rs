//! Jobs that other boxes of the fleet do: which are offered, and how one is lent.
//!
//! The desk stays the truth about a job that was lent. Whoever borrows names the attempt that would be
//! next: of two who ask for one attempt the first has it, and an old question gets nothing.

use crate::cost::Cost;
use crate::desk::Desk;
use crate::order::rank;
use crate::outlook::Outlook;
use crate::row::{Borrower, JobRow, JobState};
use crate::spec::Output;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// A borrower that says nothing for this long has lost the job: the way to it may be cut for a while.
pub const LOAN_MS: u64 = 120_000;
/// What would wait longer than this is offered by a box that makes films itself.
const SOON_MS: u64 = 120_000;
/// Offers at a time; they are made to the whole fleet in each heartbeat.
const MOST: usize = 4;

/// A job that another box may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub job: String,
    /// The attempt that it would be.
    pub number: u32,
    /// How much of a recording it is made of, milliseconds.
    pub media_ms: u64,
}

impl Desk {
    /// What may be lent now, the first in order first. `outlook`: of all jobs, as it is now.
    pub fn offers(&self, now_ms: u64, outlook: &[Outlook]) -> Vec<Offer> {
        if !self.machine.lends {
            return Vec::new();
        }
        let waits_long = |outlook: &&Outlook| match outlook.starts_ms {
            Some(starts) => starts > now_ms.saturating_add(SOON_MS),
            None => outlook.waits.is_some(),
        };
        let waiting = outlook.iter().filter(waits_long);
        let rows = waiting.filter_map(|outlook| self.entries.get(&outlook.job));
        let mut due: Vec<_> = rows
            .filter(|entry| may_be_lent(&entry.row, now_ms))
            .map(|entry| {
                let Cost { wall_ms, .. } = entry.cost;
                (rank(&entry.row, self.machine.time(wall_ms), now_ms), &entry.row)
            })
            .collect();
        due.sort_by(|a, b| a.0.cmp(&b.0));
        let offer = |row: &JobRow| Offer {
            job: row.spec.job.clone(),
            number: row.attempts + 1,
            media_ms: crate::cost::media_ms(row),
        };
        due.into_iter().take(MOST).map(|(_, row)| offer(row)).collect()
    }

    /// Attempts that run at other boxes, by job: number and borrower.
    pub fn lent(&self) -> HashMap<String, (u32, String)> {
        let lent = self.entries.iter().filter_map(|(job, entry)| {
            let id = entry.row.borrower.as_ref().filter(|_| entry.runs_elsewhere())?.id.clone();
            Some((job.clone(), (entry.row.attempts, id)))
        });
        lent.collect()
    }

    /// Whether this attempt runs at another box.
    pub fn is_lent(&self, job: &str, number: u32, borrower: &str) -> bool {
        self.entries.get(job).is_some_and(|entry| {
            let row = &entry.row;
            let same = row.borrower.as_ref().is_some_and(|one| one.id == borrower);
            entry.runs_elsewhere() && row.attempts == number && same
        })
    }

    /// What a minute of a usual recording is believed to take here, milliseconds.
    pub fn minute_ms(&self) -> u64 {
        let spec = crate::spec::JobSpec::new(String::new(), String::new(), String::new());
        let row = JobRow { media_ms: 60_000, ..JobRow::new(spec, 0, 0) };
        self.cost(&row).wall_ms
    }

    /// Lends a job, if this attempt is the next one; the row that changed.
    pub(crate) fn lend(
        &mut self,
        now_ms: u64,
        job: &str,
        number: u32,
        borrower: Borrower,
    ) -> Option<JobRow> {
        let lends = self.machine.lends;
        let entry = self.entries.get_mut(job)?;
        if !lends || !may_be_lent(&entry.row, now_ms) || entry.row.attempts + 1 != number {
            return None;
        }
        entry.row.state = JobState::Running;
        entry.row.attempts = number;
        entry.row.borrower = Some(borrower);
        entry.lease_until_ms = now_ms + LOAN_MS;
        (entry.since_ms, entry.left, entry.slowed) = (now_ms, None, false);
        Some(entry.row.clone())
    }
}

fn may_be_lent(row: &JobRow, now_ms: u64) -> bool {
    // Whoever borrows gives back files of the job's own folder, and tracks lie in one of theirs.
    let apart = row.spec.makes(Output::Tracks) || row.spec.makes(Output::TracksMp4);
    // Films of several recordings lie in several folders, and a borrower gets one.
    let lone = row.spec.merge.is_none();
    row.state == JobState::Queued && row.waits_until_ms(now_ms) <= now_ms && !apart && lone
}
