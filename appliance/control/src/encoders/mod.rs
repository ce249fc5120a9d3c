//! Hardware that encodes films: which of the board's encoders a film gets, and which are not asked any more.
//!
//! ```text
//! board's list ─► there? ─► trial ─► verified ─► films
//!                   │no       │no       │ three failures in a day
//!                   ▼         ▼         ▼
//!                absent    refused     off ── next start, other version, somebody ─► trial
//! ```
//! Trials are made by whoever runs workers, and told here. A film has one encoder; when that fails the film
//! is made again by the next one, and by software in the end.

mod board;
mod breaker;
mod view;

pub use board::{Hardware, Listed, listed};
pub use breaker::{Breaker, DAY_MS, Failure, MOST_FAILURES};
pub use roombox_jobs::encoders::{Fault, FaultKind, ProbeReport, SOFTWARE, SizeTried, Tried};
pub use view::{BoardEncoder, BoardEncoders, EncoderFailure, EncoderRow, EncoderState, TrialRow};

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::{Events, Happening};
use crate::store::Store;
use roombox_jobs::spec::{EncoderChoice, JobSpec};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Films whose encoder is remembered. More are not made at a time on any box.
const MOST_FILMS: usize = 1000;
/// The height whose speed people are told.
const SHOWN_HEIGHT: u32 = 720;

/// What [`EncoderDesk`] is built from.
pub struct EncodersParts {
    pub store: Arc<Store>,
    pub events: Arc<Events>,
    /// The board's list.
    pub listed: Vec<Listed>,
    /// The kernel's id of this start of the box.
    pub boot_id: String,
    /// The image's version.
    pub version: String,
}

/// Chooses encoders.
pub struct EncoderDesk {
    store: Arc<Store>,
    events: Arc<Events>,
    listed: Vec<Listed>,
    life: String,
    version: String,
    known: Mutex<Known>,
    changed: Notify,
}

#[derive(Default)]
struct Known {
    rows: HashMap<String, EncoderRow>,
    /// What a trial would follow from now, and the driver; of encoders that are there.
    there: HashMap<String, (String, Option<String>)>,
    /// Encoders that were looked for.
    looked: HashSet<String>,
    trying: Option<String>,
    /// By recording.
    films: HashMap<String, Film>,
}

/// A film that is being made.
#[derive(Default)]
struct Film {
    /// Its encoder, once it has one; `Some(None)`: software.
    encoder: Option<Option<String>>,
    /// Those that broke it off.
    failed: Vec<String>,
}

impl EncoderDesk {
    /// With what is kept of earlier trials and failures.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn load(parts: EncodersParts) -> Result<Arc<Self>, ControlError> {
        let EncodersParts { store, events, listed, boot_id, version } = parts;
        let life = format!("{boot_id} {version}");
        let rows = store.encoder_list().await?.into_iter().map(|mut row| {
            row.breaker = row.breaker.resumed(&life);
            (row.element.clone(), row)
        });
        let known = Mutex::new(Known { rows: rows.collect(), ..Known::default() });
        let changed = Notify::new();
        Ok(Arc::new(Self { store, events, listed, life, version, known, changed }))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The board's encoders, best first.
    pub fn elements(&self) -> Vec<String> {
        self.listed.iter().map(|one| one.element.clone()).collect()
    }

    /// Somebody wants an encoder tried again.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What was found without trying.
    pub fn looked(&self, found: &ProbeReport) {
        let mut known = self.known();
        for tried in &found.encoders {
            known.looked.insert(tried.element.clone());
            match tried.found {
                true => {
                    let key = self.key(found, tried);
                    known.there.insert(tried.element.clone(), (key, tried.driver.clone()));
                }
                false => drop(known.there.remove(&tried.element)),
            }
        }
        drop(known);
        self.tell_all();
    }

    fn key(&self, found: &ProbeReport, tried: &Tried) -> String {
        let ProbeReport { roombox, kernel, gstreamer, .. } = found;
        let driver = tried.driver.as_deref().unwrap_or_default();
        let version = &self.version;
        format!("{kernel} / {driver} / {gstreamer} / {roombox} / {version}")
    }

    /// The encoder that is to be tried next, if one is: it counts as being tried from now on.
    pub fn begin_trial(&self) -> Option<String> {
        let mut known = self.known();
        let due = self.listed.iter().find(|one| {
            known.there.contains_key(&one.element) && self.trial(&known, &one.element).is_none()
        });
        let element = due?.element.clone();
        known.trying = Some(element.clone());
        drop(known);
        self.tell(&element);
        Some(element)
    }

    /// Its last trial, if that still says something.
    fn trial<'a>(&self, known: &'a Known, element: &str) -> Option<&'a TrialRow> {
        let (key, _) = known.there.get(element)?;
        let trial = known.rows.get(element)?.trial.as_ref()?;
        // A busy machine refuses until its next start, a driver until there is another one.
        let stands = !trial.tried.doubtful || trial.life == self.life;
        (trial.key == *key && stands).then_some(trial)
    }

    /// A trial has ended. An error: it could not be made, and is not tried again until the next look.
    ///
    /// # Errors
    /// The store refuses; until the next start it is known all the same.
    pub async fn tried(
        &self,
        element: &str,
        outcome: Result<ProbeReport, String>,
    ) -> Result<(), ControlError> {
        let refused =
            |why| Tried { found: true, doubtful: true, why: Some(why), ..Tried::absent(element) };
        let row = {
            let mut known = self.known();
            known.trying = None;
            let tried = match outcome {
                Ok(found) => {
                    let tried = found.encoders.iter().find(|tried| tried.element == element);
                    let tried =
                        tried.cloned().unwrap_or_else(|| refused("nothing was said".into()));
                    if tried.found && tried.driver.is_some() {
                        let key = self.key(&found, &tried);
                        known.there.insert(element.to_owned(), (key, tried.driver.clone()));
                    }
                    tried
                }
                Err(why) => refused(why),
            };
            let key = known.there.get(element).map(|(key, _)| key.clone()).unwrap_or_default();
            let life = self.life.clone();
            let trial = TrialRow { key, life, unix_ms: UnixMs::now().0, tried };
            let fresh = self.fresh(element);
            let row = known.rows.entry(element.to_owned()).or_insert(fresh);
            row.trial = Some(trial);
            row.clone()
        };
        if let Some(TrialRow { tried, .. }) = &row.trial {
            let (works, why, driver) = (tried.works, tried.why.as_deref(), tried.driver.as_deref());
            tracing::info!(element, works, why, driver, "an encoder was tried");
        }
        self.tell(element);
        Ok(self.store.encoder_put(row).await?)
    }

    fn fresh(&self, element: &str) -> EncoderRow {
        let (element, breaker) = (element.to_owned(), Breaker::new(&self.life));
        EncoderRow { element, trial: None, breaker }
    }

    /// Who encodes a film: hardware that has proved itself and has not broken it off before; `None`: software.
    /// A film keeps its encoder, so that what was made ahead fits.
    pub fn choose(&self, spec: &JobSpec) -> Option<String> {
        if spec.video.encoder != EncoderChoice::Auto {
            return None;
        }
        let (width, height) = spec.layout.canvas;
        let shape = (width, height, spec.layout.fps);
        let mut known = self.known();
        let mut film = known.films.remove(&spec.recording).unwrap_or_default();
        let may = |one: &&Listed| {
            !film.failed.contains(&one.element) && self.is_usable(&known, one, Some(shape))
        };
        let same = |one: &&Listed| film.encoder.as_ref() == Some(&Some(one.element.clone()));
        let chosen = match &film.encoder {
            Some(None) => None,
            _ => {
                let kept = self.listed.iter().filter(same).find(may);
                kept.or_else(|| self.listed.iter().find(may)).map(|one| one.element.clone())
            }
        };
        film.encoder = Some(chosen.clone());
        if known.films.len() >= MOST_FILMS {
            known.films.clear();
        }
        known.films.insert(spec.recording.clone(), film);
        chosen
    }

    /// Nothing more is made of this recording for now: what comes later chooses anew.
    pub fn film_over(&self, recording: &str) {
        self.known().films.remove(recording);
    }

    fn is_usable(&self, known: &Known, one: &Listed, shape: Option<(u32, u32, u32)>) -> bool {
        let element = one.element.as_str();
        let Some(row) = known.rows.get(element) else { return false };
        let driver = known.there.get(element).and_then(|(_, driver)| driver.as_deref());
        let fits = shape.is_none_or(|shape| one.does(driver, shape));
        let passed = self.trial(known, element).is_some_and(|trial| trial.tried.works);
        passed && !row.breaker.off && fits && known.trying.as_deref() != Some(element)
    }

    /// An encoder broke off a film. `since_start`: the box's start.
    ///
    /// # Errors
    /// The store refuses; until the next start it is known all the same.
    pub async fn failed(
        &self,
        fault: &Fault,
        recording: &str,
        since_start: Duration,
    ) -> Result<(), ControlError> {
        let failure = Failure {
            since_start_ms: u64::try_from(since_start.as_millis()).unwrap_or(u64::MAX),
            unix_ms: UnixMs::now().0,
            fault: fault.fault,
            why: fault.why.clone(),
            recording: recording.to_owned(),
        };
        let element = fault.encoder.as_str();
        let (row, switched_off) = {
            let fresh = self.fresh(element);
            let mut known = self.known();
            if let Some(film) = known.films.get_mut(recording) {
                film.failed.push(element.to_owned());
            }
            let row = known.rows.entry(element.to_owned()).or_insert(fresh);
            let switched_off = row.breaker.failed(failure);
            (row.clone(), switched_off)
        };
        if switched_off {
            tracing::error!(
                element,
                why = fault.why,
                "an encoder failed {MOST_FAILURES} times within a day: it is off until the next start"
            );
        }
        self.tell(element);
        Ok(self.store.encoder_put(row).await?)
    }

    /// Has an encoder tried again, whatever it did.
    ///
    /// # Errors
    /// The board lists no such encoder, or the store refuses.
    pub async fn retry(&self, element: &str) -> Result<BoardEncoder, ControlError> {
        let listed = self.listed.iter().find(|one| one.element == element);
        let listed = listed.ok_or(ControlError::NotFound("encoder"))?;
        let row = self.fresh(element);
        self.store.encoder_put(row.clone()).await?;
        let seen = {
            let mut known = self.known();
            known.rows.insert(element.to_owned(), row);
            self.view(&known, listed)
        };
        self.changed.notify_one();
        self.tell(element);
        Ok(seen)
    }

    /// All of them.
    pub fn list(&self) -> BoardEncoders {
        let known = self.known();
        let items = self.listed.iter().map(|one| self.view(&known, one)).collect();
        let in_use = self.listed.iter().find(|one| self.is_usable(&known, one, None));
        let in_use = in_use.map_or(SOFTWARE, |one| one.element.as_str()).to_owned();
        BoardEncoders { items, in_use, software: SOFTWARE.to_owned() }
    }

    fn tell(&self, element: &str) {
        let Some(one) = self.listed.iter().find(|one| one.element == element) else { return };
        let seen = self.view(&self.known(), one);
        self.events.publish(element, Happening::EncoderChanged(Box::new(seen)));
    }

    fn tell_all(&self) {
        for one in &self.listed {
            self.tell(&one.element);
        }
    }

    fn view(&self, known: &Known, one: &Listed) -> BoardEncoder {
        let element = one.element.as_str();
        let (row, there) = (known.rows.get(element), known.there.get(element));
        let trial = self.trial(known, element);
        let driver = there.and_then(|(_, driver)| driver.clone());
        let state = match trial {
            _ if known.trying.as_deref() == Some(element) => EncoderState::Trying,
            _ if row.is_some_and(|row| row.breaker.off) => EncoderState::Off,
            Some(trial) if trial.tried.works => EncoderState::Verified,
            Some(_) => EncoderState::Refused,
            None if there.is_none() && known.looked.contains(element) => EncoderState::Absent,
            None => EncoderState::Untried,
        };
        let shown = trial.and_then(|trial| {
            trial.tried.sizes.iter().find(|size| size.height == SHOWN_HEIGHT).copied()
        });
        let worst = trial.map(|trial| trial.tried.sizes.iter().map(|size| size.psnr_db));
        let next = self.listed.iter().skip_while(|other| other.element != element).skip(1);
        let next = next.into_iter().find(|other| self.is_usable(known, other, None));
        BoardEncoder {
            element: element.to_owned(),
            state,
            seen_by: one.verified(driver.as_deref()).map(str::to_owned),
            driver,
            why: trial.and_then(|trial| trial.tried.why.clone()),
            tried_at: trial.map(|trial| UnixMs(trial.unix_ms)),
            fps: shown.map(|size| size.fps),
            psnr_db: worst.and_then(|all| all.min_by(f64::total_cmp)),
            failures: row.map_or_else(Vec::new, |row| {
                row.breaker.failures.iter().map(view::failure).collect()
            }),
            falls_back_to: next.map_or(SOFTWARE, |other| other.element.as_str()).to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
