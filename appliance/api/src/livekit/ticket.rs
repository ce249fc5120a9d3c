//! Tokens for the box's own meeting page: the same that any LiveKit server's owner would sign.

use super::entrance::unix_ms;
use crate::token::{self, Claims, VideoGrant};
use roombox_control::checked_name;
use roombox_control::rooms::{Named, RoomRules, identity_stem};
use ulid::Ulid;

/// A meeting may last a working day; who is in stays in.
const GOOD_FOR_S: u64 = 12 * 3600;

/// Who asks for a token.
#[derive(Debug, Clone, Copy, Default)]
pub struct Comer<'a> {
    /// As others see it.
    pub name: &'a str,
    pub moderator: bool,
    /// Id of their account; empty: none.
    pub person: &'a str,
    /// Mark of the invitation of a guest; empty: they came by none.
    pub invitation: &'a str,
    /// A token that the same page had; empty: none.
    pub before: &'a str,
    /// Those that a guest is under.
    pub rules: Option<&'a RoomRules>,
    /// Whoever came by a personal link.
    pub named: Option<&'a Named>,
}

/// The sources that a guest may publish, as LiveKit's grants name them; none: all.
fn sources(rules: Option<&RoomRules>) -> Vec<String> {
    let Some(rules) = rules.filter(|rules| !rules.guests_share || !rules.guests_camera) else {
        return Vec::new();
    };
    let camera = rules.guests_camera.then_some("camera");
    let share = ["screen_share", "screen_share_audio"].into_iter().filter(|_| rules.guests_share);
    ["microphone"].into_iter().chain(camera).chain(share).map(str::to_owned).collect()
}

/// A token and the identity in it. Each one is another identity, so that a second tab does not
/// throw the first one out. Whoever was let in with the token that the same page had before need not
/// ask again. One that is not ours, or of another room, is as good as none.
///
/// # Errors
/// The name will not do; the text says why.
pub fn join_token(
    (key, secret): (&str, &str),
    room: &str,
    comer: Comer<'_>,
) -> Result<(String, String), String> {
    let Comer { name, before, rules, named, .. } = comer;
    let moderator = comer.moderator || named.is_some_and(|named| named.moderator);
    // Whoever moderates by a link does so without an account, too.
    let person = named.filter(|named| named.moderator).map_or(comer.person, |_| "");
    let fixed = named.filter(|named| named.name_fixed);
    let name =
        checked_name(fixed.map_or(name, |named| &named.name)).map_err(|error| error.to_string())?;
    let role = match (moderator, person) {
        (true, _) => "moderator",
        (false, "") => "guest",
        (false, _) => "member",
    };
    let stem = named.map_or_else(|| format!("{role}_"), |named| identity_stem(&named.link));
    let identity = format!("{stem}{}", Ulid::new());
    let now = unix_ms() / 1000;
    let end = now + GOOD_FOR_S;
    let own = |issuer: &str| (issuer == key).then(|| secret.to_owned());
    let before = token::verify(before, own).ok().filter(|before| before.video.room == room);
    let claims = Claims {
        iss: key.to_owned(),
        sub: identity.clone(),
        nbf: now.saturating_sub(10),
        exp: named.and_then(|named| named.until_s).map_or(end, |until| end.min(until)),
        name,
        known_as: before.map(|before| before.sub).unwrap_or_default(),
        link: named.map(|named| named.link.clone()).unwrap_or_default(),
        person: person.to_owned(),
        invitation: comer.invitation.to_owned(),
        name_fixed: fixed.is_some(),
        metadata: format!(r#"{{"role":"{role}"}}"#),
        video: VideoGrant {
            room: room.to_owned(),
            room_join: true,
            room_admin: moderator,
            can_publish_sources: sources(rules),
            can_publish_data: rules.filter(|rules| !rules.guests_chat).map(|_| false),
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

    const OWN: (&str, &str) = ("k", "s");

    #[test]
    fn a_guest_may_meet_and_a_moderator_may_moderate() {
        for moderator in [false, true] {
            let (token, identity) =
                join_token(OWN, "Room 1", Comer { name: " Ada ", moderator, ..Comer::default() })
                    .unwrap();
            let claims = token::verify(&token, |_| Some("s".to_owned())).unwrap();
            assert_eq!((claims.sub, claims.name.as_str()), (identity, "Ada"));
            assert_eq!(claims.video.administers("Room 1"), moderator);
            assert!(claims.video.room_join && claims.video.may_publish());
            assert!(claims.video.can_publish_sources.is_empty() && claims.video.may_publish_data());
        }
        assert!(join_token(OWN, "Room 1", Comer { name: "  ", ..Comer::default() }).is_err());
    }

    #[test]
    fn who_has_a_link_is_called_as_it_says_and_comes_for_no_longer_than_it_holds() {
        let made = |named: &Named| {
            let comer = Comer { name: "Somebody", named: Some(named), ..Comer::default() };
            let (token, identity) = join_token(OWN, "Room 1", comer).unwrap();
            let claims = token::verify(&token, |_| Some("s".to_owned())).unwrap();
            assert!(identity.starts_with("rl_1_") && claims.link == "rl_1");
            claims
        };
        let soon = unix_ms() / 1000 + 60;
        let named = Named {
            link: "rl_1".to_owned(),
            name: "Grace".to_owned(),
            name_fixed: true,
            moderator: true,
            until_s: Some(soon),
        };
        let claims = made(&named);
        assert_eq!((claims.name.as_str(), claims.exp), ("Grace", soon));
        assert!(claims.name_fixed);
        assert!(claims.video.administers("Room 1"));
        let claims = made(&Named { name_fixed: false, moderator: false, until_s: None, ..named });
        assert_eq!((claims.name.as_str(), claims.name_fixed), ("Somebody", false));
        assert!(claims.exp > soon && !claims.video.administers("Room 1"));
    }

    #[test]
    fn a_token_says_by_whose_word_it_was_made() {
        let word = |comer| {
            let (token, identity) = join_token(OWN, "Room 1", comer).unwrap();
            let claims = token::verify(&token, |_| Some("s".to_owned())).unwrap();
            let stem = identity.split('_').next().unwrap().to_owned();
            (claims.person, claims.invitation, claims.metadata, stem)
        };
        let guest = Comer { name: "Ada", invitation: "mark", ..Comer::default() };
        let expected = ["", "mark", r#"{"role":"guest"}"#, "guest"].map(str::to_owned);
        assert_eq!(<[String; 4]>::from(word(guest)), expected);
        let viewer = Comer { name: "Ada", person: "per_1", ..Comer::default() };
        let expected = ["per_1", "", r#"{"role":"member"}"#, "member"].map(str::to_owned);
        assert_eq!(<[String; 4]>::from(word(viewer)), expected);
        let moderator = Comer { moderator: true, ..viewer };
        let expected = ["per_1", "", r#"{"role":"moderator"}"#, "moderator"].map(str::to_owned);
        assert_eq!(<[String; 4]>::from(word(moderator)), expected);
    }

    #[test]
    fn what_guests_may_is_in_their_token() {
        let all = RoomRules::default();
        let granted = |rules: &RoomRules| {
            let comer = Comer { name: "Ada", rules: Some(rules), ..Comer::default() };
            let (token, _) = join_token(OWN, "Room 1", comer).unwrap();
            let video = token::verify(&token, |_| Some("s".to_owned())).unwrap().video;
            assert!(video.may_publish() && video.may_subscribe(), "everybody may speak and listen");
            (video.can_publish_sources.join(" "), video.may_publish_data())
        };
        assert_eq!(granted(&all), (String::new(), true));
        let rules = RoomRules { guests_share: false, ..all.clone() };
        assert_eq!(granted(&rules), ("microphone camera".to_owned(), true));
        let rules = RoomRules { guests_camera: false, ..all.clone() };
        assert_eq!(
            granted(&rules),
            ("microphone screen_share screen_share_audio".to_owned(), true)
        );
        let rules = RoomRules { guests_camera: false, guests_share: false, ..all.clone() };
        assert_eq!(granted(&rules), ("microphone".to_owned(), true));
        assert_eq!(granted(&RoomRules { guests_chat: false, ..all }), (String::new(), false));
    }

    #[test]
    fn who_comes_again_is_known_by_a_token_of_ours_for_the_same_room() {
        let (first, identity) =
            join_token(OWN, "Room 1", Comer { name: "Ada", ..Comer::default() }).unwrap();
        let known_as = |key, room, before: &str| {
            let (token, _) =
                join_token(key, room, Comer { name: "Ada", before, ..Comer::default() }).unwrap();
            token::verify(&token, |_| Some(key.1.to_owned())).unwrap().known_as
        };
        assert_eq!(known_as(OWN, "Room 1", &first), identity);
        assert_eq!(known_as(OWN, "Room 2", &first), "", "another room");
        assert_eq!(known_as(("k", "forged"), "Room 1", &first), "", "another signature");
        assert_eq!(known_as(("other", "s"), "Room 1", &first), "", "another key");
        assert_eq!(known_as(OWN, "Room 1", "x.y.z"), "");
    }
}
