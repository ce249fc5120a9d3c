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
    /// The key with which the box signs tokens for its own pages. It lasts: people come back with
    /// their tokens after a restart.
    own: LivekitKey,
    dev: bool,
}

impl LivekitKeys {
    /// # Errors
    /// The store refuses.
    pub async fn load(store: Arc<Store>, dev: bool) -> Result<Self, ControlError> {
        let (own, others): (Vec<_>, Vec<_>) =
            store.livekit_key_list().await?.into_iter().partition(|row| row.own);
        let own = match own.into_iter().next() {
            Some(own) => own,
            None => {
                let own = new_key(true)?;
                store.livekit_key_insert(own.clone()).await?;
                own
            }
        };
        let known = others.into_iter().map(|row| (row.key.clone(), row)).collect();
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
        let key = new_key(false)?;
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

fn new_key(own: bool) -> Result<LivekitKey, ControlError> {
    let key = format!("RBX{}", random_text(12)?);
    Ok(LivekitKey { key, secret: random_text(43)?, created_ms: UnixMs::now().0, own })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_boxs_own_key_outlives_a_restart_and_nobody_can_revoke_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("box.db")).unwrap());
        let keys = LivekitKeys::load(store.clone(), false).await.unwrap();
        let own = keys.own().0.to_owned();
        let made = keys.create().await.unwrap();
        assert_eq!(keys.secret_of(&made.key), Some(made.secret));
        assert!(keys.delete(&own).await.is_err());
        keys.delete(&made.key).await.unwrap();
        assert_eq!(keys.secret_of(&made.key), None);
        let again = LivekitKeys::load(store, false).await.unwrap();
        assert_eq!(again.own(), keys.own());
        assert!(again.list().is_empty());
        assert_eq!(again.secret_of(DEV_KEY.0), None);
    }
}
