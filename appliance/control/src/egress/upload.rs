//! Where a program wants its film carried to, once it is ready: the order's own place.
//!
//! ```text
//! ordered ─ waiting ─ film ready ─► carried, read back ─► delivered: the egress is complete
//!              ▲                      │ no                    └─ the secret goes
//!              └── later again ◄──────┴─ an hour of it ─► given up: the egress fails, the film stays
//! ```
//! The row's secret goes into the store and never out of the box but to its place.

use super::manifest::manifest;
use super::{Egress, EgressState, EgressView};
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::{Events, Happening};
use crate::store::Store;
use crate::targets::{Carrier, Load, Place, Rest, Secrets, pause_ms};
use roombox_jobs::spec::{FileKind, MadeFile};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

/// A place that does not take a film for so long, and so often, does not get it: somebody waits for the
/// answer.
const GIVE_UP_MS: u64 = 60 * 60_000;
const LEAST_ATTEMPTS: u32 = 5;
/// Films on their way at a time.
const MOST: usize = 4;
/// Films that wait for their place are looked at this often at least.
const IDLE: Duration = Duration::from_secs(30);
/// What a store is given to forget half a film.
const CLEAR_PATIENCE: Duration = Duration::from_secs(30);
const NO_FILM: &str = "no film was made of what was ordered";
/// Nobody carries this long without having said so meanwhile.
const KEPT_EVERY: Duration = Duration::from_secs(5);

/// Where an upload stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadState {
    /// For its film, or for its place.
    Waiting,
    Delivered,
    GivenUp,
}

impl UploadState {
    /// As the store writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }
}

/// Where an order wants its film.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub place: Place,
    pub secrets: Secrets,
    /// A file beside it that says what it is.
    pub manifest: bool,
}

/// An upload as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadRow {
    /// Of which order.
    pub egress: String,
    pub place: Place,
    /// Empty once it has ended.
    pub secrets: Secrets,
    /// What the film is called there.
    pub name: String,
    pub manifest: bool,
    pub state: UploadState,
    pub attempts: u32,
    /// When its film was ready; 0: not yet.
    pub since_ms: u64,
    /// Not to be tried before.
    pub next_ms: u64,
    pub error: Option<String>,
    /// With which an interrupted transfer goes on.
    pub resume: Option<String>,
}

impl UploadRow {
    pub(super) fn new(egress: String, name: String, wanted: Wanted) -> Self {
        let Wanted { place, secrets, manifest } = wanted;
        Self {
            egress,
            place,
            secrets,
            name,
            manifest,
            state: UploadState::Waiting,
            attempts: 0,
            since_ms: 0,
            next_ms: 0,
            error: None,
            resume: None,
        }
    }

    /// Where the film is once it is delivered.
    pub fn location(&self) -> String {
        self.address(&self.name)
    }

    /// Where what says what it is lies then; LiveKit's service calls it so too.
    pub fn manifest_location(&self) -> Option<String> {
        self.manifest.then(|| self.address(&self.manifest_name()))
    }

    fn manifest_name(&self) -> String {
        let file = format!("{}.json", self.egress);
        match self.name.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{file}"),
            None => file,
        }
    }

    fn address(&self, name: &str) -> String {
        let Place::S3 { endpoint, region, bucket, .. } = &self.place else { return String::new() };
        let name = encoded(name);
        if !endpoint.is_empty() {
            return format!("{}/{bucket}/{name}", endpoint.trim_end_matches('/'));
        }
        let region = if region.is_empty() { "us-east-1" } else { region };
        match bucket.contains('.') {
            // It has no certificate as a host.
            true => format!("https://s3.{region}.amazonaws.com/{bucket}/{name}"),
            false => format!("https://{bucket}.s3.{region}.amazonaws.com/{name}"),
        }
    }

    /// It is over, so or so: nobody needs the secret any more.
    fn ended(&mut self, state: UploadState, error: Option<String>) {
        self.state = state;
        self.error = error;
        self.secrets = Secrets::default();
        self.resume = None;
    }

    /// An attempt failed.
    fn failed(&mut self, now_ms: u64, why: String) {
        self.attempts += 1;
        if now_ms.saturating_sub(self.since_ms) >= GIVE_UP_MS && self.attempts >= LEAST_ATTEMPTS {
            self.ended(UploadState::GivenUp, Some(why));
        } else {
            self.error = Some(why);
            self.next_ms = now_ms + pause_ms(self.attempts);
        }
    }
}

/// A path as addresses have it (RFC 3986 §2.3).
fn encoded(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(char::from(byte));
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

/// Something ended that an order may have waited for.
fn ends_a_wait(what: &Happening) -> bool {
    matches!(
        what,
        Happening::JobFinished(_)
            | Happening::JobParked(_)
            | Happening::JobCancelled(_)
            | Happening::RecordingCaptured(_)
    )
}

/// The file that was ordered.
pub fn ordered(files: &[MadeFile]) -> Option<&MadeFile> {
    let kinds = [FileKind::Mp4, FileKind::Sound, FileKind::Track];
    files.iter().find(|file| kinds.contains(&file.kind))
}

/// Carries films to where their orders want them.
pub struct Uploads {
    store: Arc<Store>,
    egress: Arc<Egress>,
    carrier: Arc<dyn Carrier>,
    /// The folder that holds the recordings' folders.
    root: PathBuf,
    /// Orders whose films are on their way.
    moving: Mutex<HashSet<String>>,
    /// One of them is not any more.
    wake: Notify,
}

impl Uploads {
    pub fn new(
        store: Arc<Store>,
        egress: Arc<Egress>,
        carrier: Arc<dyn Carrier>,
        root: PathBuf,
    ) -> Arc<Self> {
        let (moving, wake) = Default::default();
        Arc::new(Self { store, egress, carrier, root, moving, wake })
    }

    fn moving(&self) -> MutexGuard<'_, HashSet<String>> {
        self.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For as long as the box runs.
    pub async fn run(self: Arc<Self>, events: Arc<Events>) {
        let (_, _, mut live) = events.listen(None);
        loop {
            let next = match self.round().await {
                Ok(next) => next,
                Err(error) => {
                    tracing::error!(%error, "ordered films cannot be carried to their places now");
                    IDLE
                }
            };
            let deadline = Instant::now() + next;
            loop {
                tokio::select! {
                    () = self.wake.notified() => break,
                    () = tokio::time::sleep_until(deadline) => break,
                    heard = live.recv() => match heard {
                        Ok(event) if ends_a_wait(&event.what) => break,
                        Ok(_) => {}
                        Err(RecvError::Lagged(_)) => break,
                        Err(RecvError::Closed) => return,
                    },
                }
            }
        }
    }

    /// Begins everything that is due; how long until the next.
    async fn round(self: &Arc<Self>) -> Result<Duration, ControlError> {
        let mut next = IDLE;
        for mut upload in self.store.upload_list_waiting().await? {
            let id = upload.egress.clone();
            if self.moving().contains(&id) {
                continue;
            }
            let view = match self.egress.get(&id).await {
                Ok(view) => view,
                // Deleted with its recording meanwhile.
                Err(ControlError::NotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            let Some(film) = ordered(&view.files).filter(|_| view.finished).cloned() else {
                // Of what was made nothing is what was ordered, or nothing will be made. A parked job may be
                // tried again by hand, and its film is carried then.
                if view.finished || view.state == EgressState::Aborted {
                    upload.ended(UploadState::GivenUp, Some(NO_FILM.to_owned()));
                    self.store.upload_put(upload).await?;
                    self.egress.look_again(&id).await?;
                }
                continue;
            };
            let now = UnixMs::now().0;
            if upload.since_ms == 0 {
                upload.since_ms = now;
            }
            // A clock that was set back must not make it wait for longer than any pause.
            if upload.next_ms > now && upload.next_ms - now <= GIVE_UP_MS {
                next = next.min(Duration::from_millis(upload.next_ms - now));
                continue;
            }
            if self.moving().len() >= MOST {
                continue;
            }
            self.moving().insert(id.clone());
            let uploads = self.clone();
            tokio::spawn(async move {
                if let Err(error) = uploads.attempt(&view, upload, &film).await {
                    // It is sent again, and found to be there.
                    tracing::error!(%error, egress = id, "what became of an upload cannot be kept");
                }
                uploads.moving().remove(&id);
                uploads.wake.notify_one();
            });
        }
        Ok(next)
    }

    async fn attempt(
        &self,
        view: &EgressView,
        mut upload: UploadRow,
        film: &MadeFile,
    ) -> Result<(), ControlError> {
        let carried = self.carry(view, &mut upload, film).await;
        let (egress, place) = (upload.egress.clone(), upload.location());
        match carried {
            Ok(()) => {
                tracing::info!(egress, place, "an ordered film was carried to its place");
                upload.ended(UploadState::Delivered, None);
            }
            Err(error) => {
                let rest = Rest {
                    place: upload.place.clone(),
                    secrets: upload.secrets.clone(),
                    name: upload.name.clone(),
                    resume: upload.resume.clone(),
                };
                upload.failed(UnixMs::now().0, error.clone());
                let (attempts, given_up) = (upload.attempts, upload.state == UploadState::GivenUp);
                tracing::warn!(
                    egress,
                    place,
                    error,
                    attempts,
                    given_up,
                    "an ordered film could not be carried to its place"
                );
                if given_up && rest.resume.is_some() {
                    self.clear(rest).await;
                }
            }
        }
        self.store.upload_put(upload).await?;
        self.egress.look_again(&egress).await
    }

    /// Half a film that nobody will send the rest of, at a place that is paid for.
    async fn clear(&self, rest: Rest) {
        let cleared = tokio::time::timeout(CLEAR_PATIENCE, self.carrier.clear(rest)).await;
        if let Err(error) = cleared.unwrap_or_else(|_| Err("it did not answer".to_owned())) {
            tracing::warn!(error, "half of an ordered film stays at its place");
        }
    }

    async fn carry(
        &self,
        view: &EgressView,
        upload: &mut UploadRow,
        film: &MadeFile,
    ) -> Result<(), String> {
        let folder = self.root.join(&view.row.spec.recording);
        let load = Load {
            place: upload.place.clone(),
            secrets: upload.secrets.clone(),
            local: folder.join(&film.path),
            name: upload.name.clone(),
            sha256: Some(film.sha256.clone()).filter(|sum| !sum.is_empty()),
            resume: upload.resume.clone(),
            pace: None,
        };
        let resume = Arc::new(Mutex::new(upload.resume.clone()));
        let told = {
            let resume = resume.clone();
            Box::new(move |_, newer| {
                *resume.lock().unwrap_or_else(PoisonError::into_inner) = newer;
            })
        };
        let mut carried = std::pin::pin!(self.carrier.carry(load, told));
        let outcome = loop {
            match tokio::time::timeout(KEPT_EVERY, &mut carried).await {
                Ok(outcome) => break outcome,
                Err(_) => {
                    let newer = resume.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    if newer != upload.resume {
                        upload.resume = newer;
                        // After a crash it goes on from here.
                        if let Err(error) = self.store.upload_put(upload.clone()).await {
                            tracing::warn!(%error, "how far an upload is cannot be kept");
                        }
                    }
                }
            }
        };
        upload.resume.clone_from(&resume.lock().unwrap_or_else(PoisonError::into_inner));
        outcome?;
        upload.resume = None;
        if upload.manifest {
            self.carry_manifest(view, upload, &folder).await?;
        }
        Ok(())
    }

    async fn carry_manifest(
        &self,
        view: &EgressView,
        upload: &UploadRow,
        folder: &Path,
    ) -> Result<(), String> {
        let text = manifest(view, upload).map_err(|error| error.to_string())?;
        let local = folder.join("derived").join(&view.row.spec.job).join("egress.json");
        let unwritable =
            |error| format!("the box cannot write what says what the film is: {error}");
        tokio::fs::write(&local, text).await.map_err(unwritable)?;
        let load = Load {
            place: upload.place.clone(),
            secrets: upload.secrets.clone(),
            local: local.clone(),
            name: upload.manifest_name(),
            sha256: None,
            resume: None,
            pace: None,
        };
        let carried = self.carrier.carry(load, Box::new(|_, _| {})).await.map(drop);
        if let Err(error) = tokio::fs::remove_file(&local).await {
            tracing::debug!(%error, "a manifest stays beside its film");
        }
        carried
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(endpoint: &str, bucket: &str, name: &str) -> UploadRow {
        let place = Place::S3 {
            endpoint: endpoint.into(),
            region: String::new(),
            bucket: bucket.into(),
            prefix: String::new(),
            access_key: "key".into(),
        };
        let secrets = Secrets { secret_key: "canary".into(), ..Secrets::default() };
        UploadRow::new("EG_1".into(), name.into(), Wanted { place, secrets, manifest: true })
    }

    #[test]
    fn a_film_is_where_its_store_has_it() {
        let at = |endpoint, bucket, name| row(endpoint, bucket, name).location();
        assert_eq!(
            at("", "films", "a b/ü.mp4"),
            "https://films.s3.us-east-1.amazonaws.com/a%20b/%C3%BC.mp4"
        );
        assert_eq!(at("", "f.org", "a.mp4"), "https://s3.us-east-1.amazonaws.com/f.org/a.mp4");
        assert_eq!(at("http://nas:9000/", "films", "a.mp4"), "http://nas:9000/films/a.mp4");
        let manifest = |name| row("http://nas", "films", name).manifest_location().unwrap();
        assert_eq!(manifest("hall/a.mp4"), "http://nas/films/hall/EG_1.json");
        assert_eq!(manifest("a.mp4"), "http://nas/films/EG_1.json");
    }

    #[test]
    fn a_place_that_does_not_take_it_is_asked_again_and_given_up_after_an_hour() {
        let mut upload = row("", "films", "a.mp4");
        upload.since_ms = 1000;
        let (mut now, mut waited) = (1000, Vec::new());
        while upload.state == UploadState::Waiting {
            assert!(upload.secrets != Secrets::default() && upload.attempts < 100);
            upload.failed(now, "no such bucket".into());
            waited.push(upload.next_ms.saturating_sub(now));
            now = upload.next_ms.max(now + 1);
        }
        assert_eq!(upload.state, UploadState::GivenUp);
        assert_eq!(upload.error.as_deref(), Some("no such bucket"));
        assert!(upload.secrets == Secrets::default(), "nobody needs it any more");
        assert!((GIVE_UP_MS..GIVE_UP_MS * 3).contains(&(now - 1000)), "{now} {waited:?}");
    }
}
