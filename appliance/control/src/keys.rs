//! LiveKit API keys: made and revoked in the panel, looked up at every join.

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::people::random_text;
use crate::store::{LivekitKey, Store};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The key that every `livekit-server --dev` has, so that foreign suites need no configuration.
pub const DEV_KEY: (&str, &str) = ("devkey", "secret");

/// The box's LiveKit keys.
pub struct LivekitKeys {
    store: Arc<Store>,
    /// Joins must not wait for the disk.
    known: RwLock<HashMap<String, LivekitKey>>,
    /// The key with which the box signs tokens for its own pages: it lives as long as the daemon.
    own: LivekitKey,
    dev: bool,
}

impl LivekitKeys {
    /// # Errors
    /// The store refuses.
    pub async fn load(store: Arc<Store>, dev: bool) -> Result<Self, ControlError> {
        let own = new_key()?;
        let rows = store.livekit_key_list().await?;
        let known = rows.into_iter().map(|row| (row.key.clone(), row)).collect();
        Ok(Self { store, known: RwLock::new(known), own, dev })
    }

    /// Secret of a key.
    pub fn secret_of(&self, key: &str) -> Option<String> {
        if self.dev && key == DEV_KEY.0 {
            return Some(DEV_KEY.1.to_owned());
        }
        if key == self.own.key {
            return Some(self.own.secret.clone());
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(key).map(|found| found.secret.clone())
    }

    /// The box's own key and secret.
    pub fn own(&self) -> (&str, &str) {
        (&self.own.key, &self.own.secret)
    }

    /// Keys that others may use, oldest first, with when they were made.
    pub fn list(&self) -> Vec<(String, UnixMs)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> =
            known.values().map(|row| (row.key.clone(), UnixMs(row.created_ms))).collect();
        all.sort_by_key(|(_, at)| *at);
        all
    }

    /// Whether `devkey` is accepted.
    pub fn is_dev(&self) -> bool {
        self.dev
    }

    /// Makes a key; the secret is not shown again.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn create(&self) -> Result<LivekitKey, ControlError> {
        let key = new_key()?;
        self.store.livekit_key_insert(key.clone()).await?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(key.key.clone(), key.clone());
        Ok(key)
    }

    /// Revokes a key: tokens that it signed open nothing from now on.
    ///
    /// # Errors
    /// There is no such key, or the store refuses.
    pub async fn delete(&self, key: &str) -> Result<(), ControlError> {
        if !self.store.livekit_key_delete(key.to_owned()).await? {
            return Err(ControlError::NotFound("key"));
        }
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(key);
        Ok(())
    }
}

fn new_key() -> Result<LivekitKey, ControlError> {
    let key = format!("RBX{}", random_text(12)?);
    Ok(LivekitKey { key, secret: random_text(43)?, created_ms: UnixMs::now().0 })
}
