//! The lobby: which rooms let guests in one by one, who is a guest, and how many may be in.
//!
//! Who waits and who was let in is the media plane's to know: it ends with the meeting.

use crate::conference::Standing;
use crate::error::ControlError;
use crate::keys::LivekitKeys;
use crate::store::Store;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

/// Lobbies of the box's rooms.
pub struct Lobby {
    store: Arc<Store>,
    keys: Arc<LivekitKeys>,
    /// By name, those of which the box knows more than the name. Joins must not wait for the disk.
    rooms: RwLock<HashMap<String, Door>>,
    /// Ids of the personal links that nobody has revoked.
    links: RwLock<HashSet<String>>,
}

/// What a room's door must know.
#[derive(Debug, Clone, Copy)]
struct Door {
    lobby: bool,
    /// 0: as many as in any room.
    max_people: u32,
}

impl Lobby {
    /// # Errors
    /// The store refuses.
    pub async fn load(store: Arc<Store>, keys: Arc<LivekitKeys>) -> Result<Self, ControlError> {
        let lobby = Self { store, keys, rooms: RwLock::default(), links: RwLock::default() };
        lobby.refresh().await?;
        Ok(lobby)
    }

    /// Whether guests of this room wait until they are let in.
    pub fn is_on(&self, room: &str) -> bool {
        self.door(room).is_some_and(|door| door.lobby)
    }

    /// People that this room is kept to; `None`: as many as any room.
    pub fn most_people(&self, room: &str) -> Option<u32> {
        self.door(room).map(|door| door.max_people).filter(|most| *most > 0)
    }

    /// Whether tokens that were given out for this personal link still open anything.
    pub fn link_holds(&self, link: &str) -> bool {
        self.links.read().unwrap_or_else(PoisonError::into_inner).contains(link)
    }

    fn door(&self, room: &str) -> Option<Door> {
        self.rooms.read().unwrap_or_else(PoisonError::into_inner).get(room).copied()
    }

    /// Guests are those who come with a token of the box's own, as the meeting page gets one for an
    /// invite link. Whoever signs with a key of their own has decided whom they let in.
    pub fn standing(&self, api_key: &str, moderates: bool) -> Standing {
        match moderates {
            true => Standing::Host,
            false if api_key == self.keys.own().0 => Standing::Guest,
            false => Standing::Member,
        }
    }

    /// Rooms were changed, renamed or deleted.
    pub(crate) async fn refresh(&self) -> Result<(), ControlError> {
        let rows = self.store.room_list().await?.into_iter();
        let door = |lobby, max_people| Door { lobby, max_people };
        let rooms = rows.map(|row| (row.name, door(row.lobby, row.rules.max_people))).collect();
        let links = self.store.room_link_ids().await?.into_iter().collect();
        *self.links.write().unwrap_or_else(PoisonError::into_inner) = links;
        *self.rooms.write().unwrap_or_else(PoisonError::into_inner) = rooms;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rooms::RoomRules;
    use crate::store::RoomRow;

    fn room(name: &str) -> RoomRow {
        let (invite, name) = (format!("invite of {name}"), name.to_owned());
        let (kept, lobby, record_always) = (true, false, false);
        RoomRow {
            id: name.clone(),
            name,
            invite,
            kept,
            lobby,
            record_always,
            rules: RoomRules::default(),
            pin: String::new(),
            created_ms: 1,
        }
    }

    #[tokio::test]
    async fn rooms_have_a_lobby_by_name_over_restarts_until_it_is_switched_off() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("box.db")).unwrap());
        let keys = Arc::new(LivekitKeys::load(store.clone(), false).await.unwrap());
        for name in ["Library", "Hall"] {
            store.room_insert(room(name)).await.unwrap();
        }
        let lobby = Lobby::load(store.clone(), keys.clone()).await.unwrap();
        assert!(!lobby.is_on("Library"), "rooms are open unless somebody says otherwise");
        store.room_set_lobby("Library".to_owned(), true).await.unwrap();
        lobby.refresh().await.unwrap();
        assert!(lobby.is_on("Library") && !lobby.is_on("Hall"));
        store.room_rename("Library".to_owned(), "Reading room".to_owned()).await.unwrap();
        let again = Lobby::load(store.clone(), keys).await.unwrap();
        assert!(again.is_on("Reading room") && !again.is_on("Library"));
        store.room_set_lobby("Library".to_owned(), false).await.unwrap();
        let rules = RoomRules { max_people: 3, ..RoomRules::default() };
        store.room_set_rules("Library".to_owned(), rules).await.unwrap();
        assert_eq!(again.most_people("Reading room"), None);
        again.refresh().await.unwrap();
        assert!(!again.is_on("Reading room"));
        assert_eq!(again.most_people("Reading room"), Some(3));
        assert_eq!((again.most_people("Hall"), again.most_people("Nowhere")), (None, None));
    }

    #[tokio::test]
    async fn only_the_boxs_own_tokens_make_guests_and_moderators_never_wait() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("box.db")).unwrap());
        let keys = Arc::new(LivekitKeys::load(store.clone(), true).await.unwrap());
        let theirs = keys.create().await.unwrap().key;
        let own = keys.own().0.to_owned();
        let lobby = Lobby::load(store, keys).await.unwrap();
        assert_eq!(lobby.standing(&own, false), Standing::Guest);
        assert_eq!(lobby.standing(&own, true), Standing::Host);
        for key in [theirs.as_str(), "devkey", ""] {
            assert_eq!(lobby.standing(key, false), Standing::Member, "{key}");
            assert_eq!(lobby.standing(key, true), Standing::Host, "{key}");
        }
    }
}
