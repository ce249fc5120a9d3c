//! What happens in rooms, for everybody in the house who wants to know.

use roombox_api::livekit::{self, webhook};
use roombox_control::ControlError;
use roombox_control::clock::UnixMs;
use roombox_control::conference::LeaveReason;
use roombox_control::egress::{Egress, EgressView};
use roombox_control::events::{Events, Happening};
use roombox_control::health::Health;
use roombox_control::identity::BoxIdentity;
use roombox_control::meeting_tools::MeetingTools;
use roombox_control::recordings::Recordings;
use roombox_control::rooms::Rooms;
use roombox_control::store::{AlarmNews, StoreError};
use roombox_control::webhooks::Webhooks;
use roombox_sfu::Notice;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// News that receivers of webhooks are told of in one transaction.
const BATCH: usize = 64;

/// The services that hear of rooms.
pub struct RoomNewsDesk {
    pub rooms: Arc<Rooms>,
    pub recordings: Arc<Recordings>,
    pub webhooks: Arc<Webhooks>,
    pub events: Arc<Events>,
    pub tools: Arc<MeetingTools>,
}

impl RoomNewsDesk {
    /// Rooms and people come and go, until nobody can tell of them any more.
    pub async fn follow(self, mut notices: mpsc::Receiver<Notice>) {
        let mut batch = Vec::new();
        while notices.recv_many(&mut batch, BATCH).await > 0 {
            self.tell_receivers(&batch).await;
            for notice in batch.drain(..) {
                if let Err(error) = self.tell_house(notice).await {
                    tracing::error!(%error, "a room's news could not be kept");
                }
            }
        }
    }

    async fn tell_receivers(&self, notices: &[Notice]) {
        if !self.webhooks.is_wanted() {
            return;
        }
        let now = UnixMs::now().0;
        let news: Result<Vec<_>, _> =
            notices.iter().filter_map(|notice| webhook::news(notice, now)).collect();
        match news {
            Ok(news) => {
                if let Err(error) = self.webhooks.note(&news).await {
                    tracing::error!(%error, "news of rooms could not be kept for webhooks");
                }
            }
            Err(error) => tracing::error!(%error, "news of rooms cannot be written for webhooks"),
        }
    }

    async fn tell_house(&self, notice: Notice) -> Result<(), ControlError> {
        match notice {
            Notice::RoomOpened { room } => {
                let opened = self.rooms.opened(room.name.as_str()).await;
                self.recordings.room_opened(room.name.as_str()).await?;
                opened?;
            }
            Notice::RoomEnded { room } => {
                if let Err(error) = self.tools.ended(room.name.as_str(), &room.sid).await {
                    tracing::warn!(%error, "what an ended meeting had is still on the disk");
                }
                self.rooms.ended(room.name.as_str()).await?;
            }
            Notice::ParticipantKnocked { room, participant } => {
                let (room, name) = (room.name.to_string(), participant.name);
                let knocked = Happening::ParticipantKnocked { room, name };
                self.events.publish(participant.id.as_str(), knocked);
            }
            Notice::ParticipantActive { room, participant } => {
                let (room, name) = (room.name.to_string(), participant.name);
                let joined = Happening::ParticipantJoined { room, name };
                self.events.publish(participant.id.as_str(), joined);
            }
            Notice::ParticipantLeft { room, participant, reason, .. } => {
                // By whatever door: RoomService's, too.
                if reason == LeaveReason::Removed {
                    self.rooms.was_sent_out(room.name.as_str(), participant.identity.as_str());
                }
                let (room, name) = (room.name.to_string(), participant.name);
                let left = Happening::ParticipantLeft { room, name };
                self.events.publish(participant.id.as_str(), left);
            }
            Notice::TrackPublished { room, track, .. } => {
                let (room, source) = (room.name.to_string(), track.source);
                self.events.publish(track.id.as_str(), Happening::TrackPublished { room, source });
            }
            Notice::TrackUnpublished { room, track, .. } => {
                let (room, source) = (room.name.to_string(), track.source);
                self.events
                    .publish(track.id.as_str(), Happening::TrackUnpublished { room, source });
            }
        }
        Ok(())
    }
}

/// Films that programs ordered begin and end, until nobody can tell of them any more.
pub async fn tell_of_egress(
    webhooks: Arc<Webhooks>,
    egress: Arc<Egress>,
    mut views: mpsc::Receiver<EgressView>,
) {
    while let Some(view) = views.recv().await {
        let note = async {
            if webhooks.is_wanted() {
                let news = livekit::egress_news(&view, UnixMs::now().0);
                webhooks.note(&[news.map_err(StoreError::from)?]).await?;
            }
            // Only now: after a crash before this it is told again.
            egress.noted(&view).await
        };
        if let Err(error) = note.await {
            tracing::error!(%error, "news of a film could not be kept for webhooks");
        }
    }
}

/// After the store refused.
const AGAIN: Duration = Duration::from_secs(10);

/// Alarms are raised and cleared, as long as the box runs.
pub async fn tell_of_alarms(
    webhooks: Arc<Webhooks>,
    health: Arc<Health>,
    identity: Arc<BoxIdentity>,
) {
    let mut news = health.watch();
    let write = |one: &AlarmNews| {
        let written = webhook::alarm_news(one, identity.id(), &identity.name());
        Ok(written.map_err(StoreError::from)?)
    };
    loop {
        if let Err(error) = webhooks.tell_alarms(&write).await {
            tracing::error!(%error, "alarms could not be kept for webhooks: it is tried again");
            tokio::time::sleep(AGAIN).await;
        } else if news.changed().await.is_err() {
            return;
        }
    }
}

/// A line in the log, with ids and no names.
pub fn log(notice: &Notice) {
    match notice {
        Notice::RoomOpened { room } => tracing::info!(room = %room.sid, "room opened"),
        Notice::RoomEnded { room } => tracing::info!(room = %room.sid, "room ended"),
        Notice::ParticipantKnocked { participant, .. } => {
            tracing::info!(participant = %participant.id, "participant waits in the lobby");
        }
        Notice::ParticipantActive { participant, .. } => {
            tracing::info!(participant = %participant.id, "participant is active");
        }
        Notice::ParticipantLeft { participant, reason, active, .. } => {
            tracing::info!(participant = %participant.id, ?reason, active, "participant left");
        }
        Notice::TrackPublished { participant, track, .. } => {
            tracing::info!(participant = %participant.id, track = %track.id, codec = ?track.codec,
                "track published");
        }
        Notice::TrackUnpublished { participant, track, .. } => {
            tracing::info!(participant = %participant.id, track = %track.id, "track unpublished");
        }
    }
}
