//! Tokens for the box's own meeting page: the same that any LiveKit server's owner would sign.

use super::entrance::unix_ms;
use crate::token::{self, Claims, VideoGrant};
use ulid::Ulid;

/// A meeting may last a working day; who is in stays in.
const GOOD_FOR_S: u64 = 12 * 3600;
const LONGEST_NAME: usize = 100;

/// A token and the identity in it. Each one is another identity, so that a second tab does not
/// throw the first one out.
///
/// # Errors
/// The name will not do; the text says why.
pub fn join_token(
    (key, secret): (&str, &str),
    room: &str,
    name: &str,
    moderator: bool,
) -> Result<(String, String), String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control)
    {
        return Err(format!("a name has 1 to {LONGEST_NAME} characters"));
    }
    let role = if moderator { "moderator" } else { "guest" };
    let identity = format!("{role}_{}", Ulid::new());
    let now = unix_ms() / 1000;
    let claims = Claims {
        iss: key.to_owned(),
        sub: identity.clone(),
        nbf: now.saturating_sub(10),
        exp: now + GOOD_FOR_S,
        name: name.to_owned(),
        metadata: format!(r#"{{"role":"{role}"}}"#),
        video: VideoGrant {
            room: room.to_owned(),
            room_join: true,
            room_admin: moderator,
            can_update_own_metadata: Some(true),
            ..VideoGrant::default()
        },
        ..Claims::default()
    };
    let token = token::sign(&claims, secret).map_err(|error| error.to_string())?;
    Ok((token, identity))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_may_meet_and_a_moderator_may_moderate() {
        for moderator in [false, true] {
            let (token, identity) = join_token(("k", "s"), "Room 1", " Ada ", moderator).unwrap();
            let claims = token::verify(&token, |_| Some("s".to_owned())).unwrap();
            assert_eq!((claims.sub, claims.name.as_str()), (identity, "Ada"));
            assert_eq!(claims.video.administers("Room 1"), moderator);
            assert!(claims.video.room_join && claims.video.may_publish());
        }
        assert!(join_token(("k", "s"), "Room 1", "  ", false).is_err());
    }
}
