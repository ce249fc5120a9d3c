//! Backups that the box makes by itself, and carries to the owner's targets.
//!
//! ```text
//! plan ─ due (pure) ─▶ one file: safekeeping/12.age ─ a row per target, one transaction ─▶ Carrier ─▶ receipt
//!                                                             ▲                │             └▶ its own older
//!                                                             └─ later again ──┘               ones are taken away
//! ```
//! There is one file at most: what a target did not take before the next backup is not wanted any more. A row is a
//! receipt only after the file was read back. Taken away is only what a receipt of this very box names, and only
//! if it is still that file. What is old goes by the backups' numbers: clocks are set.

mod called_off;
mod due;
mod flights;
mod making;
mod plan;
#[cfg(test)]
mod tests;
mod view;

pub use plan::{BackupPlan, Every, PlanRow};
pub use view::{BackupOnItsWay, BackupPlace, GoodBackup, SafekeepingView};

use crate::backup::{BackupError, BackupFile, Backups, Believed, Passphrase};
use crate::clock::{Ticks, UnixMs};
use crate::error::ControlError;
use crate::files::absent;
use crate::health::Outlet;
use crate::hex::hex;
use crate::identity::BoxIdentity;
use crate::store::{BACKUP_PLAN, BackupCopyRow, Store};
use crate::targets::{Carrier, Targets};
use due::{Diary, Moment};
use flights::Flights;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// What time alone changes is looked at so often.
const TICK: Duration = Duration::from_secs(5);
/// The folder of the one file, in the box's data.
const FOLDER: &str = "safekeeping";
/// The folder of backups at targets; below it each box has one.
const THERE: &str = "roombox-backups";
/// Somebody looks at a backup, or the disk is full.
const BUSY_PAUSE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(15 * 60);

/// What planned backups need of the box.
pub struct SafekeepingParts {
    pub store: Arc<Store>,
    pub identity: Arc<BoxIdentity>,
    pub backups: Arc<Backups>,
    pub targets: Arc<Targets>,
    pub carrier: Arc<dyn Carrier>,
    pub believed: Believed,
    /// The box's data.
    pub data: PathBuf,
}

#[derive(Default)]
struct State {
    row: PlanRow,
    diary: Diary,
    /// So often somebody wanted one at once,
    wishes: u64,
    /// and so many of these have got one.
    met: u64,
    /// So often a plan was ended, or a backup called off: what was begun before is not wanted, even if the next plan
    /// reads the same.
    ended: u64,
    making: bool,
    error: Option<String>,
    /// When something came to a target, since the program's start.
    arrived: HashMap<String, Duration>,
}

impl State {
    /// Somebody waits for one.
    fn asked(&self) -> bool {
        self.wishes > self.met
    }
}

/// One that is made and has no rows yet.
struct Sealed {
    seq: u64,
    file: BackupFile,
    sha256: String,
    /// With this it is locked.
    passphrase: String,
    /// Of which plan it is.
    ended: u64,
}

/// What is wrong with planned backups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trouble {
    /// One could not be made (without id and name), or does not get to a target.
    pub failed: Vec<Outlet>,
    /// Targets to which none came for too long, and when the newest there was made.
    pub old: Vec<(Outlet, Option<UnixMs>)>,
}

/// The box's planned backups.
pub struct Safekeeping {
    parts: SafekeepingParts,
    begun: Instant,
    state: Mutex<State>,
    flights: Mutex<Flights>,
    /// One change of the plan at a time.
    saving: tokio::sync::Mutex<()>,
    wake: Notify,
}

impl Safekeeping {
    /// With the plan that is kept.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn load(parts: SafekeepingParts) -> Result<Arc<Self>, ControlError> {
        let kept = parts.store.report_get::<PlanRow>(BACKUP_PLAN).await?;
        let row = kept.map(|(row, _)| row).unwrap_or_default();
        let state = Mutex::new(State { row, ..State::default() });
        let (flights, saving, wake) =
            (Mutex::default(), tokio::sync::Mutex::default(), Notify::new());
        let safe = Self { parts, begun: Instant::now(), state, flights, saving, wake };
        // Nothing is being made yet: what has no row is of a crash.
        safe.clear_to(u64::MAX).await?;
        Ok(Arc::new(safe))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moment(&self) -> Moment {
        let believed = (self.parts.believed)();
        Moment { up: self.begun.elapsed(), now: UnixMs::now(), believed }
    }

    fn box_id(&self) -> String {
        self.parts.identity.id().to_owned()
    }

    fn path(&self, seq: u64) -> PathBuf {
        self.parts.data.join(FOLDER).join(format!("{seq}.age"))
    }

    /// Makes and carries what is due, for as long as the box runs.
    pub async fn run(self: Arc<Self>) {
        let mut ticks = Ticks::every(TICK);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.wake.notified() => {}
            }
            // Days of what was before a restore end also where nobody looks.
            self.parts.backups.kept(UnixMs::now());
            if let Err(error) = self.turn().await {
                tracing::error!(%error, "planned backups cannot be looked after");
            }
        }
    }

    async fn turn(self: &Arc<Self>) -> Result<(), ControlError> {
        let moment = self.moment();
        let missing = self.is_missing().await?;
        let due = {
            let state = self.state();
            let zone = TimeZone::system();
            let PlanRow { plan, made_at, .. } = &state.row;
            // What some target never was to get counts as never made.
            let made_at = made_at.filter(|_| !missing);
            plan.as_ref().is_some_and(|plan| {
                state.asked() && !state.diary.rests(moment.up)
                    || state.diary.is_due(plan, &zone, made_at, moment)
            })
        };
        if due {
            self.make_one(moment.up).await;
        }
        self.start_due().await
    }

    /// Whether the newest backup neither is at some target of the plan nor on its way there: one that was wanted
    /// and could not be made. The rows say so over restarts.
    async fn is_missing(&self) -> Result<bool, ControlError> {
        let PlanRow { plan: Some(plan), seq, called_off, .. } = self.state().row.clone() else {
            return Ok(false);
        };
        if called_off == Some(seq) {
            return Ok(false);
        }
        let rows = self.parts.store.backup_copy_list(self.box_id()).await?;
        let has = |id: &String| rows.iter().any(|row| row.target == *id && row.seq == seq);
        let there = self.parts.targets.open_now().await;
        let mut wanted = there.iter().map(|(target, _)| &target.id);
        Ok(wanted.any(|id| plan.targets.contains(id) && !has(id)))
    }

    /// Makes one and sends it on its way; false: it is of no use, as somebody has changed what it was made by.
    async fn made(&self) -> Result<bool, ControlError> {
        let sealed = self.sealed().await?;
        let seq = sealed.seq;
        let kept = self.keep(sealed).await;
        if !matches!(kept, Ok(true)) {
            self.throw_away(seq);
        }
        kept
    }

    async fn sealed(&self) -> Result<Sealed, ControlError> {
        let (PlanRow { seq, passphrase, .. }, ended) = {
            let state = self.state();
            (state.row.clone(), state.ended)
        };
        let seq = seq + 1;
        let path = self.path(seq);
        fs::create_dir_all(self.parts.data.join(FOLDER)).map_err(ControlError::Files)?;
        let file = self.parts.backups.make_at(passphrase.clone(), path.clone()).await?;
        let sum = tokio::task::spawn_blocking(move || -> io::Result<String> {
            let mut sum = Sha256::new();
            io::copy(&mut File::open(path)?, &mut sum)?;
            Ok(hex(&sum.finalize()))
        });
        let sha256 = sum.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let sha256 = sha256.map_err(ControlError::Files)?;
        Ok(Sealed { seq, file, sha256, passphrase, ended })
    }

    /// Its rows; false: somebody has set another passphrase meanwhile, or ended the plan.
    async fn keep(&self, sealed: Sealed) -> Result<bool, ControlError> {
        let Sealed { seq, file: made, sha256, passphrase, ended } = sealed;
        let _turn = self.saving.lock().await;
        let (mut row, is_same) = {
            let state = self.state();
            let row = state.row.clone();
            let is_same = state.ended == ended && row.passphrase == passphrase;
            (row, is_same)
        };
        let Some(plan) = row.plan.clone().filter(|_| is_same) else { return Ok(false) };
        let box_id = self.box_id();
        let stem = made.name.trim_end_matches(".age");
        let name = format!("{THERE}/{box_id}/{stem}-{seq}.age");
        let there = self.parts.targets.open_now().await;
        let wanted = there.iter().filter(|(target, _)| plan.targets.contains(&target.id));
        let new: Vec<BackupCopyRow> = wanted
            .map(|(target, _)| BackupCopyRow {
                target: target.id.clone(),
                seq,
                box_id: box_id.clone(),
                name: name.clone(),
                bytes: made.bytes,
                sha256: sha256.clone(),
                made_ms: made.at.0,
                delivered_ms: None,
                attempts: 0,
                next_ms: 0,
                error: None,
                resume: None,
            })
            .collect();
        if new.is_empty() {
            return Err(BackupError::NoTarget.into());
        }
        (row.seq, row.made_at) = (seq, Some(made.at));
        self.stop_all(|_| true);
        self.parts.store.backup_plan_put(box_id, row.clone(), new, Vec::new()).await?;
        tracing::info!(bytes = made.bytes, number = seq, "a planned backup was made");
        self.state().row = row;
        // It is on its way: what is old and stays here is taken away the next time.
        if let Err(error) = self.clear_up().await {
            tracing::warn!(%error, "old planned backups stay here");
        }
        Ok(true)
    }

    /// Takes away one that gets no row.
    fn throw_away(&self, seq: u64) {
        let path = self.path(seq);
        if let Err(error) = fs::remove_file(&path).or_else(absent) {
            tracing::warn!(path = %path.display(), %error, "a planned backup of no use stays here");
        }
    }

    /// Takes away every file that no row waits with: it is everywhere, or not wanted any more. The next number is
    /// being made, maybe: its row comes after its file.
    async fn clear_up(&self) -> Result<(), ControlError> {
        // The number first: one whose row comes meanwhile is spared then.
        let newest = self.state().row.seq;
        self.clear_to(newest).await
    }

    /// Of the numbers up to `newest`, and of what has none.
    async fn clear_to(&self, newest: u64) -> Result<(), ControlError> {
        let rows = self.parts.store.backup_copy_list(self.box_id()).await?;
        let waiting = rows.iter().filter(|row| row.delivered_ms.is_none());
        let needed: BTreeSet<PathBuf> = waiting.map(|row| self.path(row.seq)).collect();
        let files = fs::read_dir(self.parts.data.join(FOLDER)).into_iter().flatten().flatten();
        let number = |path: &Path| path.file_stem()?.to_str()?.parse::<u64>().ok();
        let older = |path: &PathBuf| number(path).is_none_or(|number| number <= newest);
        let old = files.map(|file| file.path()).filter(|path| older(path));
        for path in old.filter(|path| !needed.contains(path)) {
            if let Err(error) = fs::remove_file(&path).or_else(absent) {
                tracing::warn!(path = %path.display(), %error, "an old planned backup stays here");
            }
        }
        Ok(())
    }

    /// Sets the plan up, or another one. `passphrase`: absent, the one that is kept. The first backup is made at
    /// once: so it shows that it works.
    ///
    /// # Errors
    /// Something of it will not do, there is no passphrase, or the store refuses.
    pub async fn put(
        &self,
        plan: BackupPlan,
        passphrase: Option<String>,
    ) -> Result<SafekeepingView, ControlError> {
        let known = self.parts.targets.open_now().await;
        plan.check(&known.into_iter().map(|(row, _)| row.id).collect())?;
        let turn = self.saving.lock().await;
        let mut row = self.state().row.clone();
        match passphrase {
            Some(text) => {
                Passphrase::chosen(text.clone())?;
                row.passphrase = text;
            }
            None if row.passphrase.is_empty() => return Err(BackupError::WeakPassphrase.into()),
            None => {}
        }
        let first = row.plan.is_none();
        let since =
            |target: &String| row.plan.as_ref().is_some_and(|old| old.targets.contains(target));
        // A target that is new gets one at once, too.
        let more = !plan.targets.iter().all(since);
        if first || more {
            row.since = UnixMs::now();
            row.called_off = None;
        }
        let wanted = plan.targets.clone();
        row.plan = Some(plan);
        self.stop_all(|target| wanted.iter().all(|id| id != target));
        self.parts.store.backup_plan_put(self.box_id(), row.clone(), Vec::new(), wanted).await?;
        {
            let mut state = self.state();
            state.row = row;
            state.wishes += u64::from(first || more);
            state.error = None;
            state.diary.hurry();
        }
        drop(turn);
        self.wake.notify_one();
        self.view().await
    }

    /// Makes none by itself any more, and forgets the passphrase. What is at the targets stays there.
    ///
    /// # Errors
    /// There is no plan, or the store refuses.
    pub async fn end(&self) -> Result<SafekeepingView, ControlError> {
        let turn = self.saving.lock().await;
        let mut row = self.state().row.clone();
        if row.plan.take().is_none() {
            return Err(BackupError::NoPlan.into());
        }
        row.passphrase = String::new();
        self.stop_all(|_| true);
        self.parts
            .store
            .backup_plan_put(self.box_id(), row.clone(), Vec::new(), Vec::new())
            .await?;
        {
            let mut state = self.state();
            state.row = row;
            (state.met, state.error) = (state.wishes, None);
            state.ended += 1;
        }
        drop(turn);
        self.clear_up().await?;
        self.view().await
    }

    /// Makes one now, and tries at once what waits.
    ///
    /// # Errors
    /// There is no plan.
    pub async fn run_now(&self) -> Result<SafekeepingView, ControlError> {
        {
            let mut state = self.state();
            if state.row.plan.is_none() {
                return Err(BackupError::NoPlan.into());
            }
            state.wishes += 1;
            state.diary.hurry();
        }
        self.wake.notify_one();
        self.view().await
    }

    /// How planned backups stand.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn view(&self) -> Result<SafekeepingView, ControlError> {
        let rows = self.parts.store.backup_copy_list(self.box_id()).await?;
        let targets = self.parts.targets.open_now().await;
        let moment = self.moment();
        let (row, making, error, arrived) = {
            let state = self.state();
            // After a failure the error is what is to be seen, until it is tried again.
            let rests = state.error.is_some() && state.diary.rests(moment.up);
            let making = state.making || state.asked() && !rests;
            (state.row.clone(), making, state.error.clone(), state.arrived.clone())
        };
        let called_off = row.called_off == Some(row.seq);
        let Some(plan) = &row.plan else { return Ok(SafekeepingView::default()) };
        let flights = self.flights();
        let wanted = targets.into_iter().filter(|(target, _)| plan.targets.contains(&target.id));
        let place = |(target, open): (crate::targets::TargetRow, bool)| {
            let of_it = || rows.iter().filter(|row| row.target == target.id);
            let there = || of_it().filter(|row| row.delivered_ms.is_some());
            let good = there().next();
            let waiting = of_it().find(|row| row.delivered_ms.is_none());
            let since = good.map_or(row.since, |good| UnixMs(good.made_ms));
            let lately = arrived.get(&target.id).copied();
            BackupPlace {
                old: due::is_old(plan, since, lately, moment),
                good: good.map(|row| GoodBackup {
                    name: row.name.clone(),
                    bytes: row.bytes,
                    sha256: row.sha256.clone(),
                    made_at: UnixMs(row.made_ms),
                    delivered_at: UnixMs(row.delivered_ms.unwrap_or(0)),
                }),
                kept: there().count() as u64,
                stays: there().find_map(|row| row.error.clone()),
                waiting: waiting.map(|row| {
                    let sent = flights.sent(&row.target, row.seq);
                    BackupOnItsWay {
                        name: row.name.clone(),
                        bytes: row.bytes,
                        made_at: UnixMs(row.made_ms),
                        next_at: Some(UnixMs(row.next_ms)).filter(|at| sent.is_none() && at.0 > 0),
                        sent,
                        attempts: row.attempts,
                        error: row.error.clone(),
                    }
                }),
                target: target.id,
                name: target.name,
                open,
            }
        };
        let places = wanted.map(place).collect();
        let zone = TimeZone::system();
        let next_at = moment.believed.then(|| due::turn(plan, &zone, moment.now, true)).flatten();
        let has_passphrase = !row.passphrase.is_empty();
        let plan = row.plan;
        Ok(SafekeepingView { plan, has_passphrase, next_at, making, called_off, error, places })
    }

    /// What is wrong, for alarms.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn trouble(&self) -> Result<Trouble, ControlError> {
        if self.state().row.plan.is_none() {
            return Ok(Trouble::default());
        }
        let view = self.view().await?;
        let unmade = view.error.map(|error| Outlet { error: Some(error), ..Outlet::default() });
        let outlet = |place: &BackupPlace, error: Option<String>| Outlet {
            id: place.target.clone(),
            name: place.name.clone(),
            error,
            given_up: 0,
        };
        let failed = view.places.iter().filter_map(|place| {
            let error = place.waiting.as_ref().and_then(|waiting| waiting.error.clone())?;
            Some(outlet(place, Some(error)))
        });
        let old = view.places.iter().filter(|place| place.old);
        let old =
            old.map(|place| (outlet(place, None), place.good.as_ref().map(|good| good.made_at)));
        Ok(Trouble { failed: unmade.into_iter().chain(failed).collect(), old: old.collect() })
    }
}
