//! Targets: places that recordings are copied to, and what has become of each file. Planned backups go there, too:
//! [`crate::safekeeping`] asks here only where and when.
//!
//! ```text
//! a film is ready ─▶ plan: a row per file and target (SQLite) ─ run ─▶ Carrier ─▶ S3, WebDAV, SFTP, disk
//!                                 ▲        receipt, or later again        │
//!                                 └───────────── settle ◀─────────────────┘
//! ```
//!
//! What should be where follows from recordings, files and targets alone, so a plan that a power cut
//! ate is made again; else it is made only where one of them has changed. A row is a receipt only after the file was read back from its target. One file
//! at a time goes to each target, several targets are served at once, and none of them can hold up a
//! recording.

mod carrier;
mod desk;
mod leftovers;
mod place;
mod plan;
mod rules;
#[cfg(test)]
mod tests;

pub use carrier::{Carrier, Load, Receipt, Rest, Sent, Told};
pub use place::{
    Contents, Copy, CopyState, Moving, NewTarget, Place, Secrets, SecretsPatch, Target,
    TargetPatch, TargetRow, TargetTally, TargetTrial,
};
pub use rules::Hours;
pub(crate) use rules::pause_ms;

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::{Events, Happening};
use crate::store::{CopyRow, Leftover, Store};
use desk::Desk;
use plan::Unplanned;
use roombox_provision::{NAME_RULE, checked_name};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;
use tokio::sync::{Mutex, Notify};
use ulid::Ulid;

/// Each may have a connection of its own.
const MOST_TARGETS: usize = 16;
/// A private key and a long address fit.
const LONGEST_TEXT: usize = 16 * 1024;

/// The box's targets.
pub struct Targets {
    store: Arc<Store>,
    events: Arc<Events>,
    carrier: Arc<dyn Carrier>,
    /// The folder that holds the recordings' folders.
    root: PathBuf,
    /// The box's own data: no place for copies.
    data: PathBuf,
    /// Oldest first; locked while one is changed, so that two changes are both kept.
    rows: Mutex<Vec<TargetRow>>,
    desk: std::sync::Mutex<Desk>,
    unplanned: std::sync::Mutex<Unplanned>,
    /// There may be something to do.
    wake: Notify,
}

impl Targets {
    /// # Errors
    /// The store refuses.
    pub async fn load(
        store: Arc<Store>,
        events: Arc<Events>,
        carrier: Arc<dyn Carrier>,
        root: PathBuf,
        data: PathBuf,
    ) -> Result<Arc<Self>, ControlError> {
        let rows = Mutex::new(store.target_list().await?);
        let (desk, unplanned) = (std::sync::Mutex::default(), std::sync::Mutex::default());
        let wake = Notify::new();
        Ok(Arc::new(Self { store, events, carrier, root, data, rows, desk, unplanned, wake }))
    }

    /// All, oldest first.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn list(&self) -> Result<Vec<Target>, ControlError> {
        let rows = self.rows.lock().await.clone();
        let mut targets = Vec::with_capacity(rows.len());
        for row in rows {
            targets.push(self.view(row).await?);
        }
        Ok(targets)
    }

    async fn view(&self, row: TargetRow) -> Result<Target, ControlError> {
        let tally = self.store.target_tally(row.id.clone()).await?;
        let moving = {
            let desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
            desk.moving.get(&row.id).map(|moving| Moving {
                recording: moving.row.recording.clone(),
                file: moving.row.path.clone(),
                sent: moving.sent.load(Ordering::Relaxed),
                bytes: moving.row.bytes,
            })
        };
        Ok(Target {
            has_secrets: row.secrets != Secrets::default(),
            id: row.id,
            name: row.name,
            place: row.place,
            contents: row.contents,
            rooms: row.rooms,
            hours: row.hours,
            megabits: row.megabits,
            enabled: row.enabled,
            since: UnixMs(row.since_ms),
            tally,
            moving,
        })
    }

    fn check(&self, row: &TargetRow) -> Result<(), ControlError> {
        let refused = |field, why| Err(ControlError::InvalidTarget { field, why });
        if checked_name(&row.name).is_none() {
            return refused("name", NAME_RULE);
        }
        let Secrets { secret_key, password, private_key } = &row.secrets;
        if [secret_key, password, private_key].iter().any(|text| text.len() > LONGEST_TEXT) {
            return refused("secrets", "are at most 16 KiB each");
        }
        if row.hours.is_some_and(|hours| !hours.is_valid()) {
            return refused("hours", "begin and end at different minutes of the day, 0 to 1439");
        }
        if row.megabits == Some(0) {
            return refused("megabits", "is at least 1; leave it out for no limit");
        }
        row.place.check(&self.data).or_else(|(field, why)| refused(field, why))
    }

    /// Recordings that end from now on go there too.
    ///
    /// # Errors
    /// Something will not do, there are too many, or the store refuses.
    pub async fn create(&self, new: NewTarget) -> Result<Target, ControlError> {
        let now = UnixMs::now().0;
        let newest = self.store.recording_newest_end().await?.unwrap_or(0);
        let row = TargetRow {
            id: format!("tgt_{}", Ulid::new()),
            name: new.name.trim().to_owned(),
            place: new.place.tidied(),
            secrets: new.secrets,
            contents: new.contents,
            rooms: new.rooms,
            hours: new.hours,
            megabits: new.megabits,
            enabled: true,
            since_ms: now,
            after_ms: Some(newest.min(now)),
            version: 0,
        };
        self.check(&row)?;
        let mut rows = self.rows.lock().await;
        if rows.len() >= MOST_TARGETS {
            return Err(ControlError::TooManyTargets { most: MOST_TARGETS });
        }
        only_one(&rows, &row)?;
        self.store.target_put(row.clone(), false).await?;
        rows.push(row.clone());
        drop(rows);
        self.rules_changed(&row.id);
        self.view(row).await
    }

    /// Changes a target. What is on its way begins anew, with what was changed; at another place nothing
    /// is there yet, so everything that was at the old one goes there.
    ///
    /// # Errors
    /// There is no such target, something will not do, or the store refuses.
    pub async fn change(&self, id: &str, patch: TargetPatch) -> Result<Target, ControlError> {
        let mut rows = self.rows.lock().await;
        let at = rows.iter().position(|row| row.id == id);
        let at = at.ok_or(ControlError::NotFound("target"))?;
        let mut row = rows[at].clone();
        row.version += 1;
        if let Some(name) = patch.name {
            name.trim().clone_into(&mut row.name);
        }
        if let Some(place) = patch.place {
            let (place, known) = (place.tidied(), row.place.clone().tidied());
            let same = place.server() == known.server() || row.secrets == Secrets::default();
            if !same && patch.secrets.is_none() {
                return Err(ControlError::InvalidTarget {
                    field: "secrets",
                    why: "are needed anew for another server or user: the old ones are not sent there",
                });
            }
            if !same {
                row.secrets = Secrets::default();
            }
            row.place = place;
        }
        row.secrets = patch.secrets.unwrap_or_default().apply(row.secrets);
        row.contents = patch.contents.unwrap_or(row.contents);
        row.rooms = patch.rooms.unwrap_or(row.rooms);
        row.hours = patch.hours.unwrap_or(row.hours);
        row.megabits = patch.megabits.unwrap_or(row.megabits);
        row.enabled = patch.enabled.unwrap_or(row.enabled);
        self.check(&row)?;
        only_one(&rows, &row)?;
        if more_rooms_only(&rows[at], &row) {
            // What is on its way stays right, and so does the pause of a place that fails.
            row.version = rows[at].version;
            self.store.target_put(row.clone(), false).await?;
            rows[at] = row.clone();
            drop(rows);
            self.rules_changed(id);
            return self.view(row).await;
        }
        let elsewhere = !row.place.is_same(&rows[at].place);
        let mut left = self.left_at(id).await?;
        left.retain(|_| elsewhere);
        self.store.target_put(row.clone(), elsewhere).await?;
        let old = std::mem::replace(&mut rows[at], row.clone());
        drop(rows);
        for (row, resume) in self.stop(|moving| moving.row.target == id) {
            if !elsewhere {
                self.store.copy_keep_resume(row, resume).await?;
            }
        }
        self.clear_away(old, left);
        self.store.copy_end_pauses(id.to_owned(), UnixMs::now().0).await?;
        self.rules_changed(id);
        self.view(row).await
    }

    /// Forgets a target, what waits for it, and its receipts; what is there stays there, but for what is
    /// not whole.
    ///
    /// # Errors
    /// There is no such target, or the store refuses.
    pub async fn delete(&self, id: &str) -> Result<(), ControlError> {
        let mut rows = self.rows.lock().await;
        let at = rows.iter().position(|row| row.id == id);
        let at = at.ok_or(ControlError::NotFound("target"))?;
        let left = self.left_at(id).await?;
        self.store.target_delete(id.to_owned()).await?;
        let old = rows.remove(at);
        drop(rows);
        self.stop(|moving| moving.row.target == id);
        self.clear_away(old, left);
        self.changed(id);
        Ok(())
    }

    /// All, and whether each may get something now.
    pub(crate) async fn open_now(&self) -> Vec<(TargetRow, bool)> {
        let minute = desk::minute_of_day();
        let open =
            |row: &TargetRow| row.enabled && row.hours.is_none_or(|hours| hours.contains(minute));
        let rows = self.rows.lock().await;
        rows.iter().map(|row| (row.clone(), open(row))).collect()
    }

    async fn left_at(&self, id: &str) -> Result<Vec<Leftover>, ControlError> {
        // With what is on its way.
        self.keep_resumes().await?;
        Ok(self.store.leftover_list(id.to_owned()).await?)
    }

    async fn row(&self, id: &str) -> Result<TargetRow, ControlError> {
        let rows = self.rows.lock().await;
        rows.iter().find(|row| row.id == id).cloned().ok_or(ControlError::NotFound("target"))
    }

    /// Whether copies would get there: writes a small file, reads it back, and takes it away. The
    /// first that reaches an SSH server remembers its key.
    ///
    /// # Errors
    /// There is no such target, or the store refuses.
    pub async fn test(&self, id: &str) -> Result<TargetTrial, ControlError> {
        let row = self.row(id).await?;
        let begun = Instant::now();
        let tried = self.carrier.test(row.place.clone(), row.secrets).await;
        let took_ms = begun.elapsed().as_millis() as u64;
        match tried {
            Ok(shown) => {
                if let Some(shown) = shown {
                    self.learn_host_key(id, &row.place, shown).await?;
                }
                self.retry(id).await?;
                Ok(TargetTrial { works: true, error: None, took_ms })
            }
            Err(error) => Ok(TargetTrial { works: false, error: Some(error), took_ms }),
        }
    }

    async fn learn_host_key(
        &self,
        id: &str,
        tried: &Place,
        shown: String,
    ) -> Result<(), ControlError> {
        let mut rows = self.rows.lock().await;
        // Somebody may have changed it meanwhile.
        let Some(row) = rows.iter_mut().find(|row| row.id == id && row.place == *tried) else {
            return Ok(());
        };
        let mut known = row.clone();
        match &mut known.place {
            Place::Sftp { host_key, .. } if host_key.is_empty() => *host_key = shown,
            _ => return Ok(()),
        }
        self.store.target_put(known.clone(), false).await?;
        *row = known;
        Ok(())
    }

    /// Tries everything that is not there now.
    ///
    /// # Errors
    /// There is no such target, or the store refuses.
    pub async fn retry(&self, id: &str) -> Result<(), ControlError> {
        self.row(id).await?;
        self.hurry(|moving| moving.row.target == id);
        self.store.copy_hurry(Some(id.to_owned()), None, UnixMs::now().0).await?;
        self.changed(id);
        Ok(())
    }

    /// Tries everything of a recording that is not there now.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn retry_recording(&self, recording: &str) -> Result<(), ControlError> {
        let now = UnixMs::now().0;
        self.hurry(|moving| moving.row.recording == recording);
        self.store.copy_hurry(None, Some(recording.to_owned()), now).await?;
        for copy in self.store.copy_list(recording.to_owned()).await? {
            self.changed(&copy.target);
        }
        Ok(())
    }

    /// Copies a recording to a target that it would not go to by itself.
    ///
    /// # Errors
    /// There is no such target or nothing to copy yet, or the store refuses.
    pub async fn copy(&self, recording: &str, id: &str) -> Result<(), ControlError> {
        let row = self.row(id).await?;
        self.plan_for(&row, Some(recording), true).await?;
        self.store.copy_ask(recording.to_owned(), id.to_owned()).await?;
        let copies = self.store.copy_list(recording.to_owned()).await?;
        if !copies.iter().any(|copy| copy.target == id) {
            return Err(ControlError::NothingToCopy);
        }
        self.changed(id);
        Ok(())
    }

    /// What is there of a recording, and what is on its way.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn copies(&self, recording: &str) -> Result<Vec<Copy>, ControlError> {
        let rows = self.store.copy_list(recording.to_owned()).await?;
        let desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let view = |row: CopyRow| {
            let moving = desk.moving.get(&row.target);
            let moving =
                moving.filter(|now| now.row.recording == row.recording && now.row.path == row.path);
            let waits = row.state == CopyState::Waiting;
            Copy {
                sent: moving.map(|moving| moving.sent.load(Ordering::Relaxed)),
                next_at: Some(UnixMs(row.next_ms)).filter(|_| waits && moving.is_none()),
                target: row.target,
                file: row.path,
                name: row.name,
                bytes: row.bytes,
                sha256: Some(row.sha256).filter(|sum| !sum.is_empty()),
                state: row.state,
                attempts: row.attempts,
                error: row.error,
                delivered_at: row.delivered_ms.map(UnixMs),
            }
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// A target may want other files now.
    fn rules_changed(&self, id: &str) {
        self.unplanned(|unplanned| _ = unplanned.targets.insert(id.to_owned()));
        self.changed(id);
    }

    /// Something about a target is different now: those who look are told, and the desk looks too.
    fn changed(&self, id: &str) {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.resting.remove(id);
        drop(desk);
        self.wake.notify_one();
        self.events.publish(id, Happening::TargetChanged);
    }
}

/// Whether nothing else changes than that rooms come to those whose recordings a target gets.
fn more_rooms_only(old: &TargetRow, new: &TargetRow) -> bool {
    let more = !old.rooms.is_empty() && old.rooms.iter().all(|room| new.rooms.contains(room));
    let as_before = TargetRow { rooms: old.rooms.clone(), version: old.version, ..new.clone() };
    more && as_before == *old
}

/// Two targets at one place would write over each other's unfinished files.
fn only_one(rows: &[TargetRow], new: &TargetRow) -> Result<(), ControlError> {
    match rows.iter().any(|row| row.id != new.id && row.place.is_same(&new.place)) {
        true => Err(ControlError::InvalidTarget {
            field: "place",
            why: "is that of another target: change its rules instead",
        }),
        false => Ok(()),
    }
}
