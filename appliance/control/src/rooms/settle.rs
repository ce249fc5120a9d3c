//! A room as somebody wants it: all of its settings at once, in what is kept and in its open meeting.

use super::rules::{GuestEntry, RoomRules};
use super::templates::RoomSettings;
use super::{Room, Rooms, pin};
use crate::conference::{Command, RoomName};
use crate::error::ControlError;
use tokio::sync::MutexGuard;

impl Rooms {
    /// A turn in which nobody else changes what rooms are like.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.switching.lock().await
    }

    /// Gives a room these settings, within a turn. Where guests need a PIN and the room has none, the box makes one.
    ///
    /// # Errors
    /// There is no such room, it is forgotten when its meeting ends, or the media plane is too busy.
    pub(super) async fn settle(
        &self,
        _turn: &MutexGuard<'_, ()>,
        id: &str,
        to: &RoomSettings,
    ) -> Result<Room, ControlError> {
        let row = self.kept(id).await?;
        let pin = match to.rules.guests == GuestEntry::WithPin && row.pin.is_empty() {
            true => pin::made()?,
            false => row.pin,
        };
        self.store
            .room_settle(id.to_owned(), to.lobby, to.record_always, to.rules.clone(), pin)
            .await?;
        self.lobby.refresh().await?;
        let room = RoomName::from(row.name);
        if row.lobby != to.lobby {
            let lobby = Command::SetLobby { room: room.clone(), on: to.lobby };
            self.conference.command(&room, lobby)?;
        }
        self.pass_on(&room, &row.rules, &to.rules)?;
        self.changed(id).await
    }

    /// Tells a meeting that was open before its room what holds in it.
    pub(super) fn begin_with(
        &self,
        room: &RoomName,
        lobby: bool,
        rules: &RoomRules,
    ) -> Result<(), ControlError> {
        if lobby {
            let on = Command::SetLobby { room: room.clone(), on: true };
            self.conference.command(room, on)?;
        }
        self.pass_on(room, &RoomRules::default(), rules)
    }

    /// Tells a meeting whose room was not made after all; one that is too busy to hear it has not heard the
    /// other thing either.
    pub(super) fn let_in_all(&self, room: &RoomName) {
        let off = Command::SetLobby { room: room.clone(), on: false };
        self.conference.command(room, off).unwrap_or_else(|error| {
            tracing::debug!(%error, "a meeting keeps its lobby");
        });
    }

    /// Tells an open meeting of rules that the media plane holds people to.
    pub(super) fn pass_on(
        &self,
        room: &RoomName,
        before: &RoomRules,
        now: &RoomRules,
    ) -> Result<(), ControlError> {
        // Who asked for another limit when opening this meeting meant it until somebody says otherwise here.
        if before.max_people != now.max_people
            && let Ok(options) = self.conference.room_options(room, "")
        {
            let most = options.max_participants;
            let limit = Command::SetMaxParticipants { room: room.clone(), most };
            self.conference.command(room, limit)?;
        }
        if before.video_codecs != now.video_codecs {
            let codecs = Command::SetVideoCodecs { room: room.clone(), codecs: now.codecs() };
            self.conference.command(room, codecs)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conference::quiet::Quiet;
    use crate::events::Events;
    use crate::keys::LivekitKeys;
    use crate::lobby::Lobby;
    use crate::recordings::tests::Harness;
    use crate::store::RoomRow;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    #[tokio::test]
    async fn a_room_that_the_media_plane_is_too_busy_for_is_not_there_half_made() {
        let harness = Harness::new().await;
        let (recordings, store) = (harness.recordings.clone(), harness.store.clone());
        let plane = Arc::<Quiet>::default();
        let keys = Arc::new(LivekitKeys::load(store.clone(), false).await.unwrap());
        let lobby = Arc::new(Lobby::load(store.clone(), keys).await.unwrap());
        let events = Arc::<Events>::default();
        let rooms = Rooms::new(store, plane.clone(), recordings, lobby.clone(), events);
        let like = || RoomRow { lobby: true, ..RoomRow::default() };
        plane.busy.store(true, Ordering::Relaxed);
        assert!(rooms.create_as("Hall", like()).await.is_err());
        assert!(rooms.list().await.unwrap().is_empty() && !lobby.is_on("Hall"));
        plane.busy.store(false, Ordering::Relaxed);
        assert_eq!(rooms.create_as("Hall", like()).await.unwrap().name, "Hall");
        assert!(lobby.is_on("Hall"));
    }
}
