//! Token renewal: who stays in a meeting for longer than a token lasts must still be able to come
//! back to it.

use super::entrance::unix_ms;
use super::wire;
use crate::token::{self, Claims};
use roombox_control::conference::{Conference, ParticipantInfo};
use std::time::Duration;

/// How often a client gets a new token, as with livekit-server.
pub(super) const EVERY: Duration = Duration::from_secs(5 * 60);
/// A renewed token is good for so long at least.
const GOOD_FOR_S: u64 = 10 * 60;

/// How a client came.
pub(super) struct Came {
    /// As its token has them.
    pub claims: Claims,
    /// With v0's `publish=<name>`.
    pub publishes_only: bool,
}

impl Came {
    /// Somebody moved the client to another room: the right to be there goes along, the right to
    /// moderate does not.
    pub(super) fn moved_to(&mut self, room: &str) {
        let Claims { video, known_as, invitation, .. } = &mut self.claims;
        room.clone_into(&mut video.room);
        video.room_admin = false;
        video.destination_room.clear();
        known_as.clear();
        invitation.clear();
    }
}

/// A token like the one that the client came with, for the participant as it is now: a moderator
/// may have changed its permissions since. It never ends before the old one.
///
/// `None` once the API key is gone: then nobody is let in by it any more.
pub(super) fn renewed(
    conference: &dyn Conference,
    came: &Came,
    me: &ParticipantInfo,
) -> Option<String> {
    let secret = conference.secret_of(&came.claims.iss)?;
    token::sign(&claims(came, me, unix_ms() / 1000), &secret)
        .inspect_err(|error| tracing::warn!(%error, "a token could not be renewed"))
        .ok()
}

fn claims(came: &Came, me: &ParticipantInfo, now: u64) -> Claims {
    let mut claims = came.claims.clone();
    claims.nbf = now.saturating_sub(10);
    claims.exp = claims.exp.max(now + GOOD_FOR_S);
    claims.name = me.name.clone();
    claims.metadata = me.metadata.clone();
    claims.attributes = me.attributes.clone();
    // Who waits may do nothing yet, and keeps what it will be let in with.
    if me.standing.waits() {
        return claims;
    }
    let permissions = &me.permissions;
    claims.video.can_publish = Some(permissions.can_publish);
    // A connection that only publishes subscribes to nothing by its own wish. The token is of the
    // person, who may come with it again in either way.
    if !came.publishes_only {
        claims.video.can_subscribe = Some(permissions.can_subscribe);
    }
    claims.video.can_publish_data = Some(permissions.can_publish_data);
    claims.video.can_update_own_metadata = Some(permissions.can_update_metadata);
    claims.video.can_publish_sources = wire::grants_of(&permissions.publish_sources);
    claims.video.hidden = permissions.hidden;
    claims.video.recorder = permissions.recorder;
    claims
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::VideoGrant;
    use roombox_control::conference::{ParticipantState, Permissions, Standing, TrackSource};

    fn me(can_publish: bool) -> ParticipantInfo {
        ParticipantInfo {
            id: "PA_1".into(),
            identity: "ada".into(),
            name: "Ada".to_owned(),
            metadata: "new".to_owned(),
            attributes: Default::default(),
            state: ParticipantState::Active,
            permissions: Permissions {
                can_publish,
                publish_sources: vec![TrackSource::Microphone],
                can_update_metadata: false,
                ..Permissions::everything()
            },
            standing: Standing::Member,
            joined_unix_ms: 0,
            version: 1,
            tracks: Vec::new(),
            data_tracks: Vec::new(),
            note: [].into(),
        }
    }

    fn came_with(exp: u64) -> Came {
        let video = VideoGrant { room: "r".to_owned(), room_admin: true, ..VideoGrant::default() };
        let (iss, sub) = ("key".to_owned(), "ada".to_owned());
        let claims = Claims { iss, sub, exp, video, ..Claims::default() };
        Came { claims, publishes_only: false }
    }

    #[test]
    fn a_renewed_token_lasts_longer_and_never_shorter() {
        let now = 1_000_000;
        assert_eq!(claims(&came_with(now + 5), &me(true), now).exp, now + GOOD_FOR_S);
        assert_eq!(claims(&came_with(now + 9_999), &me(true), now).exp, now + 9_999);
    }

    #[test]
    fn a_renewed_token_grants_what_is_granted_now() {
        let new = claims(&came_with(0), &me(false), 1_000_000);
        assert!(!new.video.may_publish(), "a moderator has taken that back");
        assert_eq!(new.video.can_publish_sources, ["microphone"]);
        assert!(new.video.administers("r"), "what the box knows nothing better of stays");
        assert_eq!((new.sub.as_str(), new.metadata.as_str()), ("ada", "new"));
    }

    #[test]
    fn who_was_moved_gets_a_token_for_the_new_room_and_no_right_to_moderate_it() {
        let mut came = came_with(0);
        came.claims.video.destination_room = "s".to_owned();
        came.moved_to("s");
        let new = claims(&came, &me(true), 1_000_000);
        assert_eq!((new.video.room.as_str(), new.video.may_publish()), ("s", true));
        assert!(!new.video.administers("s") && !new.video.moves("s", "s"));
    }

    #[test]
    fn who_waits_keeps_what_its_token_grants() {
        let waiting = ParticipantInfo {
            permissions: Permissions::nothing(),
            standing: Standing::Waiting { host_is_here: true },
            ..me(true)
        };
        let new = claims(&came_with(0), &waiting, 1_000_000);
        assert!(new.video.may_publish() && new.video.may_subscribe());
    }

    #[test]
    fn a_connection_that_only_publishes_keeps_the_token_of_its_person() {
        let mut cam = me(true);
        (cam.identity, cam.permissions.can_subscribe) = ("ada#cam".into(), false);
        for (granted, publishes_only, renewed) in
            [(None, true, None), (Some(true), true, Some(true)), (Some(true), false, Some(false))]
        {
            let mut came = came_with(0);
            came.claims.video.can_subscribe = granted;
            came.publishes_only = publishes_only;
            let new = claims(&came, &cam, 1_000_000);
            assert_eq!((new.sub.as_str(), new.video.can_subscribe), ("ada", renewed));
        }
    }
}
