//! The lobby: which rooms let guests in one by one, who is a guest, and how many may be in.
//!
//! Who waits and who was let in is the media plane's to know: it ends with the meeting.

use crate::clock::UnixMs;
use crate::conference::{Standing, VideoCodecs};
use crate::error::ControlError;
use crate::hex::hex;
use crate::keys::LivekitKeys;
use crate::permissions::Role;
use crate::rooms::GuestEntry;
use crate::store::{RoomRow, Store};
use aws_lc_rs::hmac;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

/// Lobbies of the box's rooms.
pub struct Lobby {
    store: Arc<Store>,
    keys: Arc<LivekitKeys>,
    /// By name, those of which the box knows more than the name. Joins must not wait for the disk.
    rooms: RwLock<HashMap<String, Door>>,
    /// The personal links that nobody has revoked, by id, and when they end (milliseconds since the Unix epoch).
    links: RwLock<HashMap<String, Option<u64>>>,
    /// Rooms by name, and links by id, of people whom somebody sent out of the meeting that is going on.
    sent_out: RwLock<HashSet<(String, String)>>,
}

/// What a room's door must know.
#[derive(Debug, Clone)]
struct Door {
    lobby: bool,
    /// By which invitation guests come; `None`: by none.
    invitation: Option<String>,
    /// 0: as many as in any room.
    max_people: u32,
    video_codecs: VideoCodecs,
}

impl Lobby {
    /// # Errors
    /// The store refuses.
    pub async fn load(store: Arc<Store>, keys: Arc<LivekitKeys>) -> Result<Self, ControlError> {
        let (rooms, links, sent_out) = Default::default();
        let lobby = Self { store, keys, rooms, links, sent_out };
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

    /// In which pictures may be published in this room.
    pub fn video_codecs(&self, room: &str) -> VideoCodecs {
        self.door(room).map(|door| door.video_codecs).unwrap_or_default()
    }

    /// Whether tokens that were given out for this personal link still open anything.
    pub fn link_holds(&self, link: &str) -> bool {
        self.links.read().unwrap_or_else(PoisonError::into_inner).contains_key(link)
    }

    /// Whether this personal link's time is over: nobody comes in by it anew, however long a token of it lasts.
    pub fn link_has_ended(&self, link: &str) -> bool {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        links.get(link).copied().flatten().is_some_and(|end| end <= UnixMs::now().0)
    }

    /// Whether somebody sent out who came by this link, in the meeting that is going on: until that ends the
    /// link vouches for nobody there.
    pub fn is_sent_out(&self, room: &str, link: &str) -> bool {
        let sent_out = self.sent_out.read().unwrap_or_else(PoisonError::into_inner);
        !sent_out.is_empty() && sent_out.contains(&(room.to_owned(), link.to_owned()))
    }

    pub(crate) fn send_out(&self, room: &str, link: &str) {
        let mut sent_out = self.sent_out.write().unwrap_or_else(PoisonError::into_inner);
        sent_out.insert((room.to_owned(), link.to_owned()));
    }

    pub(crate) fn meeting_ended(&self, room: &str) {
        let mut sent_out = self.sent_out.write().unwrap_or_else(PoisonError::into_inner);
        sent_out.retain(|(of, _)| of != room);
    }

    fn door(&self, room: &str) -> Option<Door> {
        self.rooms.read().unwrap_or_else(PoisonError::into_inner).get(room).cloned()
    }

    /// A text for the way by which guests come into a room, the PIN included: another one once the invite link is
    /// renewed or the PIN changed. Neither can be found out from it. `None`: no guests come in.
    pub(crate) fn invitation(&self, room: &RoomRow) -> Option<String> {
        let pin = match room.rules.guests {
            GuestEntry::Anyone => "",
            GuestEntry::WithPin => &room.pin,
            GuestEntry::Nobody => return None,
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.keys.own().1.as_bytes());
        let way = ["invitation", &room.id, &room.invite, pin].join("\0");
        let mark = hmac::sign(&key, way.as_bytes());
        room.kept.then(|| hex(&mark.as_ref()[..16]))
    }

    /// Whether guests who come anew by the invitation with this mark come in.
    pub fn invitation_holds(&self, room: &str, mark: &str) -> bool {
        self.door(room).is_some_and(|door| door.invitation.as_deref() == Some(mark))
    }

    /// What somebody's account may; `None`: it was removed or locked out.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn role_of(&self, person: &str) -> Result<Option<Role>, ControlError> {
        Ok(self.store.person_roles().await?.get(person).copied())
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
        let door = |row: &RoomRow| Door {
            lobby: row.lobby,
            invitation: self.invitation(row),
            max_people: row.rules.max_people,
            video_codecs: row.rules.codecs(),
        };
        let rooms = rows.map(|row| (row.name.clone(), door(&row))).collect();
        let links = self.store.room_link_ends().await?.into_iter().collect();
        *self.links.write().unwrap_or_else(PoisonError::into_inner) = links;
        *self.rooms.write().unwrap_or_else(PoisonError::into_inner) = rooms;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conference::Codec;
    use crate::rooms::{RoomRules, VideoCodec};
    use crate::store::{LinkRole, RoomLinkRow};

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

    async fn library_and_hall() -> (tempfile::TempDir, Arc<Store>, Arc<LivekitKeys>) {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("box.db")).unwrap());
        let keys = Arc::new(LivekitKeys::load(store.clone(), false).await.unwrap());
        for name in ["Library", "Hall"] {
            store.room_insert(room(name)).await.unwrap();
        }
        (folder, store, keys)
    }

    #[tokio::test]
    async fn rooms_have_a_lobby_by_name_over_restarts_until_it_is_switched_off() {
        let (_folder, store, keys) = library_and_hall().await;
        let lobby = Lobby::load(store.clone(), keys.clone()).await.unwrap();
        assert!(!lobby.is_on("Library"), "rooms are open unless somebody says otherwise");
        store.room_set_lobby("Library".to_owned(), true).await.unwrap();
        lobby.refresh().await.unwrap();
        assert!(lobby.is_on("Library") && !lobby.is_on("Hall"));
        store.room_rename("Library".to_owned(), "Reading room".to_owned()).await.unwrap();
        let again = Lobby::load(store.clone(), keys).await.unwrap();
        assert!(again.is_on("Reading room") && !again.is_on("Library"));
        store.room_set_lobby("Library".to_owned(), false).await.unwrap();
        let video_codecs = vec![VideoCodec::H264];
        let rules = RoomRules { max_people: 3, video_codecs, ..RoomRules::default() };
        store.room_set_rules("Library".to_owned(), rules).await.unwrap();
        assert_eq!(again.most_people("Reading room"), None);
        again.refresh().await.unwrap();
        assert!(!again.is_on("Reading room"));
        assert_eq!(again.most_people("Reading room"), Some(3));
        assert!(again.video_codecs("Reading room").all().eq([Codec::H264]));
        assert!(!again.video_codecs("Hall").are_chosen());
        assert_eq!((again.most_people("Hall"), again.most_people("Nowhere")), (None, None));
    }

    #[tokio::test]
    async fn links_hold_until_revoked_let_in_until_they_end_and_vouch_until_sent_out() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("box.db")).unwrap());
        let keys = Arc::new(LivekitKeys::load(store.clone(), false).await.unwrap());
        store.room_insert(room("Library")).await.unwrap();
        let now = UnixMs::now().0;
        for (id, expires_ms) in [("past", Some(now)), ("later", Some(now + 60_000)), ("ever", None)]
        {
            let row = RoomLinkRow {
                id: id.to_owned(),
                room: "Library".to_owned(),
                name: "Grace".to_owned(),
                name_fixed: false,
                role: LinkRole::Guest,
                created_ms: 1,
                expires_ms,
                last_used_ms: None,
            };
            let mut secret = [0; 32];
            secret[0] = id.as_bytes()[0];
            store.room_link_insert(row, secret).await.unwrap();
        }
        let lobby = Lobby::load(store.clone(), keys).await.unwrap();
        let ended = ["past", "later", "ever", "none"].map(|id| lobby.link_has_ended(id));
        assert_eq!(ended, [true, false, false, false]);
        assert!(lobby.link_holds("past") && !lobby.link_holds("none"), "who is in stays in");
        store.room_link_delete("Library".to_owned(), "ever".to_owned()).await.unwrap();
        lobby.refresh().await.unwrap();
        assert!(!lobby.link_holds("ever") && lobby.link_holds("later"));
        lobby.send_out("Library", "later");
        assert!(lobby.is_sent_out("Library", "later"));
        assert!(!lobby.is_sent_out("Hall", "later") && !lobby.is_sent_out("Library", "past"));
        lobby.meeting_ended("Hall");
        assert!(lobby.is_sent_out("Library", "later"));
        lobby.meeting_ended("Library");
        assert!(!lobby.is_sent_out("Library", "later"));
    }

    #[tokio::test]
    async fn an_invitation_holds_until_it_is_another_one_or_lets_nobody_in() {
        let (_folder, store, keys) = library_and_hall().await;
        let lobby = Lobby::load(store.clone(), keys.clone()).await.unwrap();
        let mark = |name: &'static str| {
            let (store, lobby) = (&store, &lobby);
            async move {
                let row = store.room_get(name.to_owned()).await.unwrap().unwrap();
                lobby.refresh().await.unwrap();
                lobby.invitation(&row)
            }
        };
        let first = mark("Library").await.unwrap();
        assert!(
            lobby.invitation_holds("Library", &first) && !lobby.invitation_holds("Hall", &first)
        );
        assert!(!lobby.invitation_holds("Library", "") && !lobby.invitation_holds("None", &first));
        let again = Lobby::load(store.clone(), keys).await.unwrap();
        assert!(again.invitation_holds("Library", &first), "over a restart");
        let rules = |guests| RoomRules { guests, max_people: 7, ..RoomRules::default() };
        store.room_set_rules("Library".to_owned(), rules(GuestEntry::Anyone)).await.unwrap();
        assert_eq!(mark("Library").await.as_ref(), Some(&first), "something else was changed");
        store.room_set_invite("Library".to_owned(), "another".to_owned()).await.unwrap();
        let renewed = mark("Library").await.unwrap();
        assert!(!lobby.invitation_holds("Library", &first));
        store.room_set_pin("Library".to_owned(), "1234".to_owned()).await.unwrap();
        assert_eq!(mark("Library").await.as_ref(), Some(&renewed), "nobody is asked for it");
        store.room_set_rules("Library".to_owned(), rules(GuestEntry::WithPin)).await.unwrap();
        let with_pin = mark("Library").await.unwrap();
        assert!(!lobby.invitation_holds("Library", &renewed));
        store.room_set_pin("Library".to_owned(), "4321".to_owned()).await.unwrap();
        assert_ne!(mark("Library").await.unwrap(), with_pin);
        assert!(!lobby.invitation_holds("Library", &with_pin));
        store.room_set_rules("Library".to_owned(), rules(GuestEntry::Nobody)).await.unwrap();
        assert_eq!(mark("Library").await, None);
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
