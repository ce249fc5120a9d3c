//! Keys with which programs send into a room (WHIP) or watch it (WHEP): made and revoked on the
//! room's page. Who is in by a key goes when the key does.

use crate::clock::UnixMs;
use crate::conference::RoomName;
use crate::error::{ControlError, checked_name};
use crate::people::{hashed, random_text};
use crate::store::{Store, WhipKeyRow, WhipScope};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{Mutex, watch};
use ulid::Ulid;
use utoipa::ToSchema;

/// What tokens begin with, so that people know one when they see it.
const PREFIX: &str = "rbw_";
/// Keys of one room; a list that nobody can survey protects nobody.
const MOST_KEYS: usize = 100;

/// A key as it is listed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WhipKey {
    /// `whk_` and a ULID.
    pub id: String,
    /// Whom others see in the room.
    pub name: String,
    pub scope: WhipScope,
    pub created_at: UnixMs,
    #[schema(required)]
    pub last_used_at: Option<UnixMs>,
    /// Programs that use it now.
    pub connected: u32,
}

/// Somebody with a key, let in.
#[derive(Debug)]
pub struct WhipGuest {
    /// The key's id.
    pub key: String,
    /// The key's name.
    pub name: String,
    pub room: RoomName,
    /// A name for the session that nobody else can guess.
    pub session: String,
    pub right: WhipRight,
}

/// The right to stay; it ends when the key is revoked.
#[derive(Debug)]
pub struct WhipRight(watch::Receiver<()>);

impl WhipRight {
    /// Waits until the key is revoked.
    pub async fn revoked(&mut self) {
        // Nothing is ever said but by hanging up.
        while self.0.changed().await.is_ok() {}
    }
}

/// The WHIP and WHEP keys of all rooms.
pub struct WhipKeys {
    store: Arc<Store>,
    /// Keys that somebody uses, by id. Letting in and revoking are one at a time, so that nobody slips
    /// in by a key that is just being revoked.
    used: Mutex<HashMap<String, watch::Sender<()>>>,
}

impl WhipKeys {
    pub fn new(store: Arc<Store>) -> Self {
        Self { store, used: Mutex::default() }
    }

    /// Keys of a room, oldest first.
    ///
    /// # Errors
    /// There is no such room, or the store refuses.
    pub async fn list(&self, room: &str) -> Result<Vec<WhipKey>, ControlError> {
        self.store.room_get(room.to_owned()).await?.ok_or(ControlError::NotFound("room"))?;
        let rows = self.store.whip_key_list(room.to_owned()).await?;
        let used = self.used.lock().await;
        let connected = |id: &str| used.get(id).map_or(0, watch::Sender::receiver_count);
        Ok(rows.into_iter().map(|row| listed(&row, connected(&row.id))).collect())
    }

    /// Makes a key; its token is not shown again.
    ///
    /// # Errors
    /// There is no such room, it will be forgotten, the name will not do or is taken, or the room has
    /// too many keys.
    pub async fn create(
        &self,
        room: &str,
        name: &str,
        scope: WhipScope,
    ) -> Result<(WhipKey, String), ControlError> {
        let found = self.store.room_get(room.to_owned()).await?;
        if !found.ok_or(ControlError::NotFound("room"))?.kept {
            return Err(ControlError::RoomNotKept);
        }
        let name = checked_name(name)?;
        if self.store.whip_key_list(room.to_owned()).await?.len() >= MOST_KEYS {
            return Err(ControlError::TooManyKeys { most: MOST_KEYS });
        }
        let secret = random_text(43)?;
        let row = WhipKeyRow {
            id: format!("whk_{}", Ulid::new()),
            room: room.to_owned(),
            name,
            scope,
            created_ms: UnixMs::now().0,
            last_used_ms: None,
        };
        let token = format!("{PREFIX}{secret}");
        if !self.store.whip_key_insert(row.clone(), hashed(&secret)).await? {
            return Err(ControlError::KeyNameTaken);
        }
        Ok((listed(&row, 0), token))
    }

    /// Revokes a key: who uses it is sent out.
    ///
    /// # Errors
    /// The room has no such key, or the store refuses.
    pub async fn delete(&self, room: &str, id: &str) -> Result<(), ControlError> {
        let mut used = self.used.lock().await;
        if !self.store.whip_key_delete(room.to_owned(), id.to_owned()).await? {
            return Err(ControlError::NotFound("key"));
        }
        used.remove(id);
        Ok(())
    }

    /// Lets somebody with a token in.
    ///
    /// # Errors
    /// No key has this token, it is good for something else, or the store refuses.
    pub async fn admit(&self, token: &str, scope: WhipScope) -> Result<WhipGuest, ControlError> {
        let secret = token.strip_prefix(PREFIX).ok_or(ControlError::UnknownWhipKey)?;
        let mut used = self.used.lock().await;
        let found = self.store.whip_key_use(hashed(secret), UnixMs::now().0).await?;
        let (key, room) = found.ok_or(ControlError::UnknownWhipKey)?;
        if key.scope != scope {
            return Err(match key.scope {
                WhipScope::Publish => ControlError::KeyOnlyPublishes,
                WhipScope::Watch => ControlError::KeyOnlyWatches,
            });
        }
        used.retain(|_, users| users.receiver_count() > 0);
        let users = used.entry(key.id.clone()).or_insert_with(|| watch::channel(()).0);
        let right = WhipRight(users.subscribe());
        let (room, session) = (RoomName::from(room), random_text(32)?);
        Ok(WhipGuest { key: key.id, name: key.name, room, session, right })
    }

    /// Id of the key with this token.
    ///
    /// # Errors
    /// There is none, or the store refuses.
    pub async fn key_of(&self, token: &str) -> Result<String, ControlError> {
        let secret = token.strip_prefix(PREFIX).ok_or(ControlError::UnknownWhipKey)?;
        let found = self.store.whip_key_use(hashed(secret), UnixMs::now().0).await?;
        found.map(|(key, _)| key.id).ok_or(ControlError::UnknownWhipKey)
    }
}

fn listed(row: &WhipKeyRow, connected: usize) -> WhipKey {
    WhipKey {
        id: row.id.clone(),
        name: row.name.clone(),
        scope: row.scope,
        created_at: UnixMs(row.created_ms),
        last_used_at: row.last_used_ms.map(UnixMs),
        connected: u32::try_from(connected).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::RoomRow;

    async fn keys(folder: &std::path::Path) -> WhipKeys {
        let store = Arc::new(Store::open(&folder.join("box.db")).unwrap());
        for (id, kept) in [("rm_1", true), ("rm_2", true), ("rm_passing", false)] {
            let (id, name) = (id.to_owned(), format!("Room {id}"));
            let invite = String::new();
            let (lobby, record_always) = (false, false);
            let row = RoomRow {
                id,
                name,
                invite,
                kept,
                lobby,
                record_always,
                rules: crate::rooms::RoomRules::default(),
                pin: String::new(),
                created_ms: 0,
            };
            store.room_insert(row).await.unwrap();
        }
        WhipKeys::new(store)
    }

    #[tokio::test]
    async fn a_token_opens_its_room_for_what_it_was_made_for_until_it_is_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(folder.path()).await;
        let (key, token) = keys.create("rm_1", " OBS ", WhipScope::Publish).await.unwrap();
        let mut guest = keys.admit(&token, WhipScope::Publish).await.unwrap();
        assert_eq!((guest.name.as_str(), guest.room.as_str()), ("OBS", "Room rm_1"));
        let listed = keys.list("rm_1").await.unwrap();
        assert_eq!((listed.len(), listed[0].connected), (1, 1));
        assert!(listed[0].last_used_at.is_some());
        assert!(keys.list("rm_2").await.unwrap().is_empty());
        let wrong = keys.admit(&token, WhipScope::Watch).await;
        assert!(matches!(wrong, Err(ControlError::KeyOnlyPublishes)));
        for token in ["", "rbw_", "rbx_A", token.strip_prefix("rbw_").unwrap()] {
            let unknown = keys.admit(token, WhipScope::Publish).await;
            assert!(matches!(unknown, Err(ControlError::UnknownWhipKey)), "{token}");
        }
        assert!(keys.delete("rm_2", &key.id).await.is_err(), "another room's key");
        keys.delete("rm_1", &key.id).await.unwrap();
        guest.right.revoked().await;
        let gone = keys.admit(&token, WhipScope::Publish).await;
        assert!(matches!(gone, Err(ControlError::UnknownWhipKey)));
    }

    #[tokio::test]
    async fn names_are_unique_in_a_room_and_only_kept_rooms_have_keys() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(folder.path()).await;
        keys.create("rm_1", "OBS", WhipScope::Publish).await.unwrap();
        let again = keys.create("rm_1", "OBS", WhipScope::Watch).await;
        assert!(matches!(again, Err(ControlError::KeyNameTaken)));
        keys.create("rm_2", "OBS", WhipScope::Watch).await.unwrap();
        let passing = keys.create("rm_passing", "OBS", WhipScope::Publish).await;
        assert!(matches!(passing, Err(ControlError::RoomNotKept)));
        let nowhere = keys.create("rm_3", "OBS", WhipScope::Publish).await;
        assert!(matches!(nowhere, Err(ControlError::NotFound("room"))));
    }
}
