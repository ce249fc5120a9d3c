//! Share links: with one of them somebody without an account watches one recording, until it expires or
//! is revoked.
//!
//! ```text
//! GET /s/TOKEN ── hash known, not expired? ── no ── gone: the same answer, whatever the reason
//!                        │ yes
//!                 a password? ── yes ── right, or a visit that gave it ──┐
//!                        │ no                                            ▼
//!                        └───────────────────────────────────► the film, never its tracks
//! ```
//! A link shows the film for which it was made, whatever is made of the recording later. A visit is counted
//! once and told of once; visits are in memory, links in the store.

mod leave;
mod view;
mod visits;

pub use leave::Leave;
pub use view::{NewShare, Share, ShareChapter, SharedFile, SharedFilm};

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::{Events, Happening};
use crate::guard::Guard;
use crate::people::{CLEAR, hash_password, hashed, random_text, verify_password};
use crate::recordings::RecordingState;
use crate::store::{RecordingRow, ShareRow, Store};
use leave::Leaves;
use roombox_jobs::spec::MadeFile;
use roombox_provision::PASSWORD_LEAST;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use ulid::Ulid;
use view::{films, job_of};
use visits::{VISIT, Visits};

/// Letters of a token: 5 bits each.
const TOKEN: usize = 43;
/// Links of one recording that work; a list that nobody can survey protects nobody.
const MOST_SHARES: usize = 50;
const LONGEST_S: u64 = 366 * 24 * 3600;
/// Nobody types more; hashing takes longer the longer it is.
const LONGEST_PASSWORD: usize = 200;
/// Expired links are listed for so long.
const REMEMBERED_MS: u64 = 30 * 24 * 3600 * 1000;

/// Somebody who has a link: what they bring with a request.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    pub token: &'a str,
    /// Secret of an earlier request's visit.
    pub visit: Option<&'a str>,
    pub from: IpAddr,
}

/// The secret of a visit that has just begun, and for how many seconds it is good.
pub type NewVisit = Option<(String, u64)>;

/// What is sent to somebody with a link, and for how long.
#[derive(Debug)]
pub struct Lent {
    pub path: PathBuf,
    pub sha256: String,
    /// Under which it is saved.
    pub readable: String,
    pub leave: Arc<Leave>,
}

/// Share links of the box.
pub struct Shares {
    store: Arc<Store>,
    events: Arc<Events>,
    /// Folder of all recordings.
    root: PathBuf,
    visits: Mutex<Visits>,
    /// Tries of passwords, by link: guesses at one make nobody wait who has another.
    guards: Mutex<HashMap<String, Guard>>,
    leaves: Mutex<Leaves>,
}

impl Shares {
    pub fn new(store: Arc<Store>, events: Arc<Events>, root: PathBuf) -> Self {
        let (visits, guards, leaves) = Default::default();
        Self { store, events, root, visits, guards, leaves }
    }

    fn visits(&self) -> MutexGuard<'_, Visits> {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn guards(&self) -> MutexGuard<'_, HashMap<String, Guard>> {
        self.guards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leaves(&self) -> MutexGuard<'_, Leaves> {
        self.leaves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a link to a recording: it, and its token, which is not shown again.
    ///
    /// # Errors
    /// There is no such recording or nothing in it, it has too many links, or what is wanted will not do.
    pub async fn create(
        &self,
        recording: &str,
        wanted: NewShare,
    ) -> Result<(Share, String), ControlError> {
        let row = self.store.recording_get(recording.to_owned()).await?;
        if row.ok_or(ControlError::NotFound("recording"))?.state == RecordingState::Empty {
            let why = "needs a recording with something in it: this one is empty";
            return Err(ControlError::InvalidShare { field: "recording", why });
        }
        if !(1..=LONGEST_S).contains(&wanted.expires_in_s) {
            let why = "is between 1 second and 366 days, in seconds";
            return Err(ControlError::InvalidShare { field: "expires_in_s", why });
        }
        let password_hash = match wanted.password {
            None => None,
            Some(password) if password.chars().count() < PASSWORD_LEAST => {
                return Err(ControlError::WeakPassword { least: PASSWORD_LEAST });
            }
            Some(password) if password.chars().count() > LONGEST_PASSWORD => {
                let why = "has at most 200 characters";
                return Err(ControlError::InvalidShare { field: "password", why });
            }
            Some(password) => Some(hash_password(password).await?),
        };
        let (token, now) = (random_text(TOKEN)?, UnixMs::now().0);
        let files = self.files(recording).await?;
        let row = ShareRow {
            id: format!("shr_{}", Ulid::new()),
            recording: recording.to_owned(),
            password_hash,
            film: films(&files).next().map(str::to_owned),
            download: wanted.download,
            created_ms: now,
            expires_ms: now + wanted.expires_in_s * 1000,
            opened: 0,
            opened_ms: None,
        };
        self.store.share_forget_expired(now.saturating_sub(REMEMBERED_MS)).await?;
        if !self.store.share_insert(row.clone(), hashed(&token), MOST_SHARES).await? {
            return Err(ControlError::TooManyShares { most: MOST_SHARES });
        }
        let live = self.store.share_ids(now).await?;
        self.guards().retain(|share, _| live.contains(share));
        tracing::info!(share = %row.id, recording, "a share link was made");
        let recording = recording.to_owned();
        self.events.publish(&row.id, Happening::ShareCreated { recording });
        Ok((Share::from(row), token))
    }

    /// Links of a recording, newest first, those that have expired too.
    ///
    /// # Errors
    /// There is no such recording, or the store refuses.
    pub async fn list(&self, recording: &str) -> Result<Vec<Share>, ControlError> {
        let known = self.store.recording_get(recording.to_owned()).await?;
        known.ok_or(ControlError::NotFound("recording"))?;
        let rows = self.store.share_list(recording.to_owned()).await?;
        Ok(rows.into_iter().map(Share::from).collect())
    }

    /// Takes a link away: whoever watches by it gets no further byte.
    ///
    /// # Errors
    /// There is no such link, or the store refuses.
    pub async fn revoke(&self, id: &str) -> Result<(), ControlError> {
        let recording = self.store.share_delete(id.to_owned()).await?;
        let recording = recording.ok_or(ControlError::NotFound("share link"))?;
        self.visits().end(id);
        self.leaves().end(id);
        self.guards().remove(id);
        tracing::info!(share = %id, recording, "a share link was revoked");
        self.events.publish(id, Happening::ShareRevoked { recording });
        Ok(())
    }

    /// The link that a token leads by. Expired, revoked, deleted and invented ones are all the same.
    async fn by_token(&self, token: &str) -> Result<ShareRow, ControlError> {
        if token.len() != TOKEN || !token.bytes().all(|byte| CLEAR.contains(&byte)) {
            return Err(ControlError::ShareGone);
        }
        let found = self.store.share_by_token(hashed(token), UnixMs::now().0).await?;
        found.ok_or(ControlError::ShareGone)
    }

    /// Whether a token leads anywhere.
    ///
    /// # Errors
    /// It does not, or the store refuses.
    pub async fn knock(&self, token: &str) -> Result<(), ControlError> {
        self.by_token(token).await.map(|_| ())
    }

    fn has_visit(&self, share: &ShareRow, visit: Option<&str>) -> bool {
        let secret = visit.map(hashed);
        secret.is_some_and(|secret| self.visits().is_one(Instant::now(), &secret, &share.id))
    }

    /// A link whose password, if it has one, was given.
    async fn allowed(&self, caller: Caller<'_>) -> Result<(ShareRow, bool), ControlError> {
        let share = self.by_token(caller.token).await?;
        let visits = self.has_visit(&share, caller.visit);
        if share.password_hash.is_some() && !visits {
            return Err(ControlError::SharePassword);
        }
        Ok((share, visits))
    }

    async fn begin(&self, share: &ShareRow, from: IpAddr) -> Result<NewVisit, ControlError> {
        let (secret, now) = (random_text(TOKEN)?, Instant::now());
        let known = {
            let mut visits = self.visits();
            let known = visits.knows(now, &share.id, from);
            // Where nothing is asked, a visit is there for counting alone.
            if known && share.password_hash.is_none() {
                return Ok(None);
            }
            visits.begin(now, hashed(&secret), &share.id, from);
            known
        };
        if !known {
            self.store.share_opened(share.id.clone(), UnixMs::now().0).await?;
            let recording = share.recording.clone();
            self.events.publish(&share.id, Happening::ShareOpened { recording });
        }
        Ok(Some((secret, VISIT.as_secs())))
    }

    /// Gives a link's password: the visit that it opens.
    ///
    /// # Errors
    /// The link leads nowhere, or the password is wrong, or was wrong too often.
    pub async fn unlock(
        &self,
        caller: Caller<'_>,
        password: &str,
    ) -> Result<NewVisit, ControlError> {
        let share = self.by_token(caller.token).await?;
        let Some(hash) = share.password_hash.clone() else {
            return self.begin(&share, caller.from).await;
        };
        if password.chars().count() > LONGEST_PASSWORD {
            return Err(ControlError::WrongPassword);
        }
        let now = Instant::now();
        self.guards()
            .entry(share.id.clone())
            .or_default()
            .try_from(now, caller.from)
            .map_err(|seconds| ControlError::TooManyAttempts { seconds })?;
        if !verify_password(password.to_owned(), hash).await? {
            tracing::warn!(share = %share.id, "a wrong password of a share link was tried");
            return Err(ControlError::WrongPassword);
        }
        if let Some(guard) = self.guards().get_mut(&share.id) {
            guard.right(now, caller.from);
        }
        self.begin(&share, caller.from).await
    }

    /// What somebody with the link sees, and a visit if it is their first look.
    ///
    /// # Errors
    /// The link leads nowhere, or wants its password.
    pub async fn look(&self, caller: Caller<'_>) -> Result<(SharedFilm, NewVisit), ControlError> {
        let (share, visits) = self.allowed(caller).await?;
        let (recording, files) = self.recording(&share).await?;
        let film = self.film(&share, recording, &files).await?;
        let visit = if visits { None } else { self.begin(&share, caller.from).await? };
        Ok((film, visit))
    }

    /// What was made of a recording, newest first.
    async fn files(&self, recording: &str) -> Result<Vec<MadeFile>, ControlError> {
        let files = self.store.file_list_of(vec![recording.to_owned()]).await?.remove(recording);
        Ok(files.unwrap_or_default())
    }

    /// The recording, and the film that the link shows with what was made with it. Deleted meanwhile is
    /// gone as well.
    async fn recording(
        &self,
        share: &ShareRow,
    ) -> Result<(RecordingRow, Vec<MadeFile>), ControlError> {
        let id = &share.recording;
        let row = self.store.recording_get(id.clone()).await?.ok_or(ControlError::ShareGone)?;
        let mut files = self.files(id).await?;
        let film = match &share.film {
            Some(film) => Some(film.clone()),
            // Made before there was a film: the first one is it from now on.
            None => films(&files).next_back().map(str::to_owned),
        };
        if let (None, Some(first)) = (&share.film, &film) {
            self.store.share_bind(share.id.clone(), first.clone()).await?;
        }
        files.retain(|file| film.is_some() && job_of(file) == film.as_deref());
        Ok((row, files))
    }

    /// The film, or the picture before it begins.
    ///
    /// # Errors
    /// The link leads nowhere, wants its password or allows no download, or there is no film yet.
    pub async fn file(
        &self,
        caller: Caller<'_>,
        file: SharedFile,
        download: bool,
    ) -> Result<Lent, ControlError> {
        let (share, _) = self.allowed(caller).await?;
        if download && !share.download {
            return Err(ControlError::ShareNotDownloaded);
        }
        let (recording, files) = self.recording(&share).await?;
        let found = file.of(&files).ok_or(ControlError::NotFound("film yet"))?;
        let extension = found.path.rsplit('.').next().unwrap_or_default();
        let readable = format!("{}.{extension}", recording.title);
        let path = self.root.join(&recording.id).join(&found.path);
        let leave = self.leaves().take(&share.id, UnixMs(share.expires_ms));
        // Revoked since it was looked up, it would not have ended this leave.
        self.knock(caller.token).await?;
        Ok(Lent { path, sha256: found.sha256.clone(), readable, leave })
    }
}

#[cfg(test)]
mod tests;
