//! The box: its id, its name, how long it has been up.

use crate::clock::UnixMs;
use crate::error::{ControlError, checked_name};
use crate::store::Store;
use roombox_provision::Language;
use serde::Serialize;
use std::sync::{Arc, PoisonError, RwLock};
use ulid::Ulid;
use utoipa::ToSchema;

/// The name of a box that nobody has named.
pub(crate) const NAME_AT_FIRST: &str = "Roombox";

/// What the box does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Meetings and films.
    Both,
}

/// The box as everybody may see it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct BoxInfo {
    pub id: String,
    pub name: String,
    pub version: &'static str,
    pub started_at: UnixMs,
    pub mode: Mode,
    /// Of pages, for browsers that ask for none that the box speaks.
    #[schema(value_type = Option<crate::words::PageLanguage>, required)]
    pub language: Option<Language>,
    pub claimed: bool,
    /// There is more than one person: who signs in says as whom.
    pub sign_in_by_name: bool,
    /// Started with `--dev`: plain HTTP and a well-known LiveKit key.
    pub dev: bool,
}

/// Who this box is.
pub struct BoxIdentity {
    store: Arc<Store>,
    id: String,
    name: RwLock<String>,
    language: RwLock<Option<Language>>,
    started_at: UnixMs,
    dev: bool,
}

impl BoxIdentity {
    /// `key_id` is the id that follows from the box's key, if it has one; a box that has an id keeps
    /// it.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn load(
        store: Arc<Store>,
        key_id: Option<String>,
        dev: bool,
    ) -> Result<Self, ControlError> {
        let new = key_id.unwrap_or_else(|| format!("box_{}", Ulid::new()));
        let (id, name, language) = store.box_identity(new, NAME_AT_FIRST.to_owned()).await?;
        let language = RwLock::new(language.as_deref().and_then(Language::of_code));
        let (name, started_at) = (RwLock::new(name), UnixMs::now());
        Ok(Self { store, id, name, language, started_at, dev })
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn name(&self) -> String {
        self.name.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn language(&self) -> Option<Language> {
        *self.language.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A `roombox.toml` changed it in the store.
    pub(crate) fn adopted(&self, name: Option<String>, language: Option<Language>) {
        if let Some(name) = name {
            *self.name.write().unwrap_or_else(PoisonError::into_inner) = name;
        }
        if language.is_some() {
            *self.language.write().unwrap_or_else(PoisonError::into_inner) = language;
        }
    }

    pub fn info(&self, claimed: bool, sign_in_by_name: bool) -> BoxInfo {
        BoxInfo {
            id: self.id.clone(),
            name: self.name(),
            version: env!("CARGO_PKG_VERSION"),
            started_at: self.started_at,
            mode: Mode::Both,
            language: self.language(),
            claimed,
            sign_in_by_name,
            dev: self.dev,
        }
    }

    /// # Errors
    /// The name will not do, or the store refuses.
    pub async fn rename(&self, name: &str) -> Result<(), ControlError> {
        let name = checked_name(name)?;
        self.store.box_rename(name.clone()).await?;
        *self.name.write().unwrap_or_else(PoisonError::into_inner) = name;
        Ok(())
    }
}
