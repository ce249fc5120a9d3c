//! Personal links: who comes by one needs no PIN and does not wait in the lobby, as a guest or as a moderator of
//! this room. It is shown once; who comes by it goes when it is revoked, and its tokens with it.

use super::Rooms;
use super::entry::EntryError;
use crate::clock::UnixMs;
use crate::conference::{Command, LeaveReason, ParticipantInfo, Standing};
use crate::error::{ControlError, checked_name};
use crate::people::{hashed, random_text};
use crate::store::{LinkRole, RoomLinkRow};
use serde::{Deserialize, Serialize};
use ulid::Ulid;
use utoipa::ToSchema;

/// What secrets begin with, so that nobody takes one for a room's invite link.
const PREFIX: &str = "rbl_";
/// Links of one room; a list that nobody can survey protects nobody.
const MOST_LINKS: usize = 200;
/// A link is good for a minute at least, and for two years at most.
const EXPIRES_S: (u64, u64) = (60, 2 * 366 * 24 * 3600);

/// A link as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RoomLink {
    /// `rl_` and a ULID.
    pub id: String,
    /// For whom it is.
    pub name: String,
    /// Others see them by this name; else it is only proposed.
    pub name_fixed: bool,
    pub role: LinkRole,
    pub created_at: UnixMs,
    /// `null`: until it is revoked.
    #[schema(required)]
    pub expires_at: Option<UnixMs>,
    #[schema(required)]
    pub last_used_at: Option<UnixMs>,
}

/// A link that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRoomLink {
    /// For whom it is.
    pub name: String,
    /// Others see them by this name; absent: it is only proposed.
    #[serde(default)]
    pub name_fixed: bool,
    pub role: LinkRole,
    /// Seconds that it is good for; absent: until it is revoked.
    pub expires_in_s: Option<u64>,
}

/// Whoever has a link, at the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The link's id.
    pub link: String,
    pub name: String,
    pub name_fixed: bool,
    pub moderator: bool,
    /// Seconds since the Unix epoch.
    pub until_s: Option<u64>,
}

/// Whose word counts in a meeting without an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeratorLink {
    /// The room's name.
    pub room: String,
    /// For whom the link is.
    pub name: String,
}

impl Named {
    fn new(row: RoomLinkRow) -> Self {
        Self {
            link: row.id,
            name: row.name,
            name_fixed: row.name_fixed,
            moderator: row.role == LinkRole::Moderator,
            until_s: row.expires_ms.map(|ms| ms / 1000),
        }
    }
}

/// Identities of who comes by a link begin so; a ULID follows, new with each token.
pub fn identity_stem(link: &str) -> String {
    format!("{link}_")
}

/// The link by which somebody with this identity came, if they came by one.
fn link_of(identity: &str) -> Option<&str> {
    identity.rsplit_once('_').map(|(link, _)| link).filter(|link| is_link_id(link))
}

fn is_link_id(text: &str) -> bool {
    text.strip_prefix("rl_").is_some_and(|id| Ulid::from_string(id).is_ok())
}

impl Rooms {
    /// Links of a room, oldest first.
    ///
    /// # Errors
    /// There is no such room, or the store refuses.
    pub async fn links(&self, id: &str) -> Result<Vec<RoomLink>, ControlError> {
        self.row(id).await?;
        let rows = self.store.room_link_list(id.to_owned()).await?;
        Ok(rows.into_iter().map(listed).collect())
    }

    /// Makes a link; its secret is not shown again.
    ///
    /// # Errors
    /// There is no such room, it is forgotten when its meeting ends, the name or the time will not do, or the
    /// room has too many links.
    pub async fn add_link(
        &self,
        id: &str,
        new: NewRoomLink,
    ) -> Result<(RoomLink, String), ControlError> {
        self.kept(id).await?;
        let name = checked_name(&new.name)?;
        let (least, most) = EXPIRES_S;
        if new.expires_in_s.is_some_and(|wanted| !(least..=most).contains(&wanted)) {
            return Err(EntryError::LinkExpiry { least, most }.into());
        }
        if self.store.room_link_list(id.to_owned()).await?.len() >= MOST_LINKS {
            return Err(EntryError::TooManyLinks { most: MOST_LINKS }.into());
        }
        let now = UnixMs::now().0;
        let row = RoomLinkRow {
            id: format!("rl_{}", Ulid::new()),
            room: id.to_owned(),
            name,
            name_fixed: new.name_fixed,
            role: new.role,
            created_ms: now,
            expires_ms: new.expires_in_s.map(|seconds| now + seconds * 1000),
            last_used_ms: None,
        };
        let secret = random_text(43)?;
        self.store.room_link_insert(row.clone(), hashed(&secret)).await?;
        self.lobby.refresh().await?;
        self.changed(id).await?;
        Ok((listed(row), format!("{PREFIX}{secret}")))
    }

    /// Revokes a link: who came by it is sent out, and its tokens open nothing any more. Once more, where the first
    /// time did not reach everybody.
    ///
    /// # Errors
    /// The room has no such link and nobody is here by it, the media plane is too busy, or the store refuses.
    pub async fn revoke_link(&self, id: &str, link: &str) -> Result<(), ControlError> {
        self.row(id).await?;
        let deleted = self.store.room_link_delete(id.to_owned(), link.to_owned()).await?;
        // First the tokens: nobody comes back between the two.
        self.lobby.refresh().await?;
        // A link that still holds is another room's.
        let gone = is_link_id(link) && !self.lobby.link_holds(link);
        let sent_out = gone && self.send_out(&identity_stem(link)).await?;
        if !deleted && !sent_out {
            return Err(ControlError::NotFound("link"));
        }
        self.changed(id).await?;
        Ok(())
    }

    /// The moderator's link with this id, and the name of its room, for who is in its meeting now with this
    /// identity and moderates it. One that has expired keeps who is in.
    ///
    /// # Errors
    /// It was revoked, is another room's or a guest's, they are not in or were sent out before, or the store refuses.
    pub async fn moderator_link(
        &self,
        id: &str,
        link: &str,
        identity: &str,
    ) -> Result<ModeratorLink, ControlError> {
        let rows = self.store.room_link_list(id.to_owned()).await?;
        let found = rows.into_iter().find(|row| row.id == link && row.role == LinkRole::Moderator);
        let name = found.ok_or(ControlError::InviteInvalid)?.name;
        let view = self.meeting(id).await.map_err(|error| match error {
            ControlError::NoMeeting => ControlError::InviteInvalid,
            error => error,
        })?;
        let moderates =
            |p: &ParticipantInfo| p.identity.as_str() == identity && p.standing == Standing::Host;
        match view.participants.iter().any(moderates) {
            true => Ok(ModeratorLink { room: view.info.name.to_string(), name }),
            false => Err(ControlError::InviteInvalid),
        }
    }

    /// Somebody was sent out of a meeting. The link by which they came vouches for nobody there until it ends.
    pub fn was_sent_out(&self, room: &str, identity: &str) {
        if let Some(link) = link_of(identity).filter(|link| self.lobby.link_holds(link)) {
            self.lobby.send_out(room, link);
        }
    }

    /// Whether anybody was here.
    async fn send_out(&self, stem: &str) -> Result<bool, ControlError> {
        let mut sent = Vec::new();
        // Somebody may have been moved to another room.
        for view in self.conference.list().await {
            let by_link = |person: &&ParticipantInfo| person.identity.as_str().starts_with(stem);
            for person in view.participants.iter().filter(by_link) {
                let participant = person.id.clone();
                let leave = Command::Leave { participant, reason: LeaveReason::Removed };
                sent.push(self.conference.command(&view.info.name, leave));
            }
        }
        let anybody = !sent.is_empty();
        // One that is too busy keeps nobody else in.
        sent.into_iter().collect::<Result<(), _>>()?;
        Ok(anybody)
    }

    /// The link of this room with this secret, if it still holds.
    pub(super) async fn named(
        &self,
        id: &str,
        secret: &str,
    ) -> Result<Option<Named>, ControlError> {
        let Some(secret) = secret.strip_prefix(PREFIX) else { return Ok(None) };
        let found = self.store.room_link_find(id.to_owned(), hashed(secret)).await?;
        let now = UnixMs::now().0;
        let found = found.filter(|row| row.expires_ms.is_none_or(|expires| now < expires));
        Ok(found.map(Named::new))
    }
}

fn listed(row: RoomLinkRow) -> RoomLink {
    RoomLink {
        id: row.id,
        name: row.name,
        name_fixed: row.name_fixed,
        role: row.role,
        created_at: UnixMs(row.created_ms),
        expires_at: row.expires_ms.map(UnixMs),
        last_used_at: row.last_used_ms.map(UnixMs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_say_by_which_link_somebody_came_and_others_say_nothing() {
        let link = format!("rl_{}", Ulid::new());
        let came = format!("{}{}", identity_stem(&link), Ulid::new());
        assert_eq!(link_of(&came), Some(link.as_str()));
        assert_eq!(link_of(&format!("{came}#cam")), Some(link.as_str()));
        for other in ["guest_01", "ada", "", "_", "rl_1_2", "moderator_x_y"] {
            assert_eq!(link_of(other), None, "{other}");
        }
        assert!(!is_link_id("guest"), "all guests would be sent out");
    }
}
