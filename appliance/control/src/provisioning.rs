//! A `roombox.toml` that was put into the box: applied by itself while nobody owns the box, else
//! shown to the owner, who decides.
//!
//! ```text
//! pending.toml ─┬─ will not do ───────────────► refused
//!               ├─ nobody owns the box ───────► applied
//!               └─ waiting.toml ─┬─ confirm ──► applied
//!                                └─ discard ──► refused
//! ```
//! Every arrow writes `result.json`, which the image copies to where the file came from. It, the log
//! and the pages never show a secret.

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::files::replace;
use crate::identity::BoxIdentity;
use crate::people::{People, hash_password};
use crate::permissions::Role;
use crate::settings::SettingsDesk;
use crate::store::{Person, Provisioned, Store};
use roombox_provision::{Outcome, Owner, ProvisionResult, Provisioning};
use serde::Serialize;
use serde_json::Value;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use ulid::Ulid;
use utoipa::ToSchema;

/// Where the image puts what it found.
const PENDING: &str = "pending.toml";
/// Where it lies until the owner has decided.
const WAITING: &str = "waiting.toml";
const RESULT: &str = "result.json";
/// Where the file came from: `fat` or `usb`.
const SOURCE: &str = "source";

/// Whether somebody must decide.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ProvisioningState {
    #[schema(required)]
    pub waiting: Option<WaitingFile>,
}

/// A file that waits for the owner.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WaitingFile {
    /// `fat`: on the box's own disk. `usb`: on a stick.
    #[schema(required)]
    pub source: Option<String>,
    /// What would change.
    pub changes: Vec<Change>,
}

/// One key of the file that differs from the box.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Change {
    /// Section and name with a dot between.
    pub key: String,
    /// Line of the file, from 1.
    pub line: usize,
    /// As it is now; absent where there is nothing to show.
    #[schema(required)]
    pub now: Option<String>,
    /// As the file wants it; `(hidden)` for a secret.
    pub wanted: String,
    /// False: a box that has an owner keeps what it has.
    pub applies: bool,
}

/// What becomes of files that tell the box something.
pub struct ProvisioningDesk {
    folder: PathBuf,
    store: Arc<Store>,
    people: Arc<People>,
    identity: Arc<BoxIdentity>,
    settings: Arc<SettingsDesk>,
    waiting: Mutex<Option<Provisioning>>,
    notice: Mutex<Option<String>>,
}

impl ProvisioningDesk {
    /// `folder` is where the image puts files; it need not be there.
    pub fn new(
        folder: PathBuf,
        store: Arc<Store>,
        people: Arc<People>,
        identity: Arc<BoxIdentity>,
        settings: Arc<SettingsDesk>,
    ) -> Self {
        let (waiting, notice) = Default::default();
        Self { folder, store, people, identity, settings, waiting, notice }
    }

    /// Looks at what the image has put there. Before the doors open.
    ///
    /// # Errors
    /// The store refuses, or the folder cannot be used; the file stays for the next start.
    pub async fn arrive(&self) -> Result<(), ControlError> {
        let Some(text) = self.read(PENDING)? else {
            if let Some(text) = self.read(WAITING)? {
                // It was looked at when it came; an update may have made it wrong.
                match roombox_provision::parse(&text) {
                    Ok(parsed) => self.wait(parsed),
                    Err(error) => return self.refuse(WAITING, Some(error.line), error.what),
                }
            }
            return Ok(());
        };
        let parsed = match roombox_provision::parse(&text) {
            Ok(parsed) => parsed,
            Err(error) => return self.refuse(PENDING, Some(error.line), error.what),
        };
        if !self.people.claim_state().claimed {
            return self.apply(parsed, PENDING).await;
        }
        if self.changes(&parsed).iter().all(|change| !change.applies) {
            // Also after a power cut between applying it and saying so.
            let result = self.result(Outcome::Applied).saying(None, "the box is so already");
            return self.finish(PENDING, &result);
        }
        fs::rename(self.folder.join(PENDING), self.folder.join(WAITING))
            .map_err(ControlError::Files)?;
        let text = "the box has an owner, who decides in the panel";
        let result = self.result(Outcome::WaitingForOwner).saying(None, text);
        self.write(&result)?;
        self.wait(parsed);
        Ok(())
    }

    /// The file that waits for the owner, if one does.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn waiting(&self) -> Result<ProvisioningState, ControlError> {
        let Some(waiting) = self.lock().clone() else {
            return Ok(ProvisioningState { waiting: None });
        };
        let source = self.read(SOURCE)?.map(|source| source.trim().to_owned());
        let source = source.filter(|source| ["fat", "usb"].contains(&source.as_str()));
        let changes = self.changes(&waiting);
        Ok(ProvisioningState { waiting: Some(WaitingFile { source, changes }) })
    }

    /// The owner wants what the file says.
    ///
    /// # Errors
    /// None waits, or the store refuses: then nothing of it was applied.
    pub async fn confirm(&self) -> Result<(), ControlError> {
        let waiting = self.lock().clone().ok_or(ControlError::NotFound("file that waits"))?;
        self.apply(waiting, WAITING).await?;
        *self.lock() = None;
        Ok(())
    }

    /// The owner does not want it.
    ///
    /// # Errors
    /// None waits, or it cannot be removed.
    pub fn discard(&self) -> Result<(), ControlError> {
        if self.lock().take().is_none() {
            return Err(ControlError::NotFound("file that waits"));
        }
        self.refuse(WAITING, None, "the owner decided against it".to_owned())
    }

    /// One line for the box's screen about the last file.
    pub fn notice(&self) -> Option<String> {
        self.notice.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Provisioning>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, parsed: Provisioning) {
        *self.lock() = Some(parsed);
        self.note("roombox.toml waits for the owner: decide in the panel".to_owned());
        tracing::info!("a roombox.toml waits for the owner");
    }

    /// Takes over the whole file; the owner in it only where there is none.
    async fn apply(&self, parsed: Provisioning, file: &str) -> Result<(), ControlError> {
        let claimed = self.people.claim_state().claimed;
        let owner = match parsed.owner.as_ref().filter(|_| !claimed) {
            None => None,
            Some(owner) => {
                let hash = match owner {
                    Owner::Password { password, .. } => {
                        hash_password(password.reveal().to_owned()).await?
                    }
                    Owner::Hash { hash, .. } => hash.reveal().to_owned(),
                };
                let id = format!("per_{}", Ulid::new());
                Some((Person { id, name: owner.name().to_owned(), role: Role::Owner }, hash))
            }
        };
        let patch = parsed.settings_patch();
        let settings = match patch.as_object().is_some_and(|sections| !sections.is_empty()) {
            true => Some(self.settings.patched(patch)?),
            false => None,
        };
        let name = parsed.the_box.as_ref().map(|section| section.name.clone());
        let language = parsed.the_box.as_ref().and_then(|section| section.language);
        let claims = owner.is_some();
        let what = Provisioned {
            owner,
            name: name.clone(),
            language: language.map(|language| language.code().to_owned()),
            settings: settings.clone(),
        };
        if !self.store.provision(what, UnixMs::now().0).await? {
            return Err(ControlError::AlreadyClaimed);
        }
        if claims {
            self.people.adopted();
        }
        self.identity.adopted(name, language);
        if let Some(settings) = settings {
            self.settings.adopted(settings);
        }
        let mut result = self.result(Outcome::Applied);
        for entry in parsed.redacted() {
            if entry.key == "owner.name" && !claims {
                let text = "the box has an owner already: it was left as it is";
                result = result.saying(Some(entry.line), text);
            }
        }
        self.finish(file, &result)
    }

    /// What the file would change on a box that has an owner.
    fn changes(&self, parsed: &Provisioning) -> Vec<Change> {
        let settings = self.settings.get();
        let shown = serde_json::to_value(&*settings).unwrap_or_default();
        let kept = settings.kept().unwrap_or_default();
        let wanted = parsed.settings_patch();
        let mut changes = Vec::new();
        for entry in parsed.redacted() {
            let (now, applies) = match entry.key.as_str() {
                "box.name" => {
                    let name = parsed.the_box.as_ref().map(|section| section.name.as_str());
                    let now = self.identity.name();
                    let applies = name != Some(now.as_str());
                    (Some(Value::from(now).to_string()), applies)
                }
                "box.language" => {
                    let language = parsed.the_box.as_ref().and_then(|section| section.language);
                    let now = self.identity.language();
                    (now.map(|now| Value::from(now.code()).to_string()), language != now)
                }
                key if key.starts_with("owner.") || key.starts_with("install.") => (None, false),
                key => {
                    let at = format!("/{}", key.replace('.', "/"));
                    let now = shown.pointer(&at).map(Value::to_string);
                    (now, kept.pointer(&at) != wanted.pointer(&at))
                }
            };
            let stays = entry.key.starts_with("owner.");
            if applies || stays {
                let (key, line, wanted) = (entry.key.clone(), entry.line, entry.value.clone());
                changes.push(Change { key, line, now, wanted, applies });
            }
        }
        changes
    }

    fn result(&self, outcome: Outcome) -> ProvisionResult {
        let version = env!("CARGO_PKG_VERSION");
        ProvisionResult::new(UnixMs::now().rfc3339(), version, self.identity.id(), outcome)
    }

    fn refuse(&self, file: &str, line: Option<usize>, why: String) -> Result<(), ControlError> {
        self.finish(file, &self.result(Outcome::Refused).saying(line, why))
    }

    /// Says what became of a file, and removes it.
    fn finish(&self, file: &str, result: &ProvisionResult) -> Result<(), ControlError> {
        self.write(result)?;
        let why: Vec<String> = result
            .messages
            .iter()
            .map(|message| match message.line {
                Some(line) => format!("line {line}: {}", message.text),
                None => message.text.clone(),
            })
            .collect();
        let why = why.join("; ");
        match result.outcome {
            Outcome::Refused => {
                tracing::warn!(why, "a roombox.toml was refused");
                self.note(format!("roombox.toml was refused: {why}"));
            }
            _ => {
                tracing::info!(why, "a roombox.toml was applied");
                self.note("roombox.toml was applied".to_owned());
            }
        }
        match fs::remove_file(self.folder.join(file)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(ControlError::Files(error)),
            _ => Ok(()),
        }
    }

    fn note(&self, line: String) {
        *self.notice.lock().unwrap_or_else(PoisonError::into_inner) = Some(line);
    }

    fn write(&self, result: &ProvisionResult) -> Result<(), ControlError> {
        let failed = |error: io::Error| ControlError::Files(error);
        let json = serde_json::to_vec_pretty(result).map_err(|error| failed(error.into()))?;
        replace(&self.folder.join(RESULT), &json, 0o600).map_err(failed)
    }

    fn read(&self, name: &str) -> Result<Option<String>, ControlError> {
        match fs::read(self.folder.join(name)) {
            // What is no text is no TOML either, and is refused as that.
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ControlError::Files(error)),
        }
    }
}

#[cfg(test)]
mod tests;
