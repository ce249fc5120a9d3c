//! Sessions by hand: what the room says, what the client asks, what comes of it.

use super::*;
use crate::whip::offer::IceCredentials;
use crate::whip::offer::tests::{AIORTC, AIORTC_PLAYER};
use roombox_control::conference::{
    Codec, ParticipantInfo, ParticipantState, Permissions, RoomInfo, Standing, TrackInfo,
    TrackRefusal,
};
use std::time::Duration;

const ANSWER: &str = "v=0\r\na=ice-lite\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n\
    a=ice-ufrag:box1\r\na=ice-pwd:0123456789012345678901\r\n";

fn person(name: &str, tracks: &[(&str, MediaKind)]) -> ParticipantInfo {
    let track = |(id, kind): &(&str, MediaKind)| TrackInfo {
        id: (*id).into(),
        name: String::new(),
        kind: *kind,
        source: TrackSource::Unknown,
        muted: false,
        width: 0,
        height: 0,
        encrypted: false,
        layers: Vec::new(),
        codec: None,
        red: false,
        mid: String::new(),
        note: [].into(),
    };
    ParticipantInfo {
        id: name.into(),
        identity: name.into(),
        name: name.to_owned(),
        metadata: String::new(),
        attributes: Default::default(),
        state: ParticipantState::Active,
        permissions: Permissions::everything(),
        standing: Standing::Member,
        joined_unix_ms: 0,
        version: 1,
        tracks: tracks.iter().map(track).collect(),
        data_tracks: Vec::new(),
        note: [].into(),
    }
}

fn joined(others: Vec<ParticipantInfo>) -> Event {
    let room = RoomInfo {
        name: "room".into(),
        sid: "RM_1".to_owned(),
        metadata: String::new(),
        created_unix_ms: 0,
        opened_with: String::new(),
        recording: false,
        lobby: false,
        max_participants: 0,
        video_codecs: Default::default(),
        empty_timeout: Duration::ZERO,
        departure_timeout: Duration::ZERO,
        participants: 1,
    };
    Event::Joined { room, me: person("PA_me", &[]), others }
}

fn session(scope: WhipScope, sdp: &str) -> Session {
    let offer = Offer::read(sdp, scope).unwrap();
    Session::new(SessionStart { participant: "PA_me".into(), scope, offer, only: None })
}

fn tell(session: &mut Session, event: Event) -> Vec<Action> {
    let mut ids = 0;
    session.event(event, || {
        ids += 1;
        format!("TR_{ids}")
    })
}

fn answer(session: &mut Session, id: u32, sdp: &str) -> Vec<Action> {
    tell(session, Event::Answer { id, sdp: sdp.to_owned(), tracks: Vec::new() })
}

/// A publisher whose offer was answered.
fn settled() -> Session {
    let mut session = session(WhipScope::Publish, AIORTC);
    tell(&mut session, joined(Vec::new()));
    answer(&mut session, 1, ANSWER);
    session
}

fn replies(actions: &[Action]) -> Vec<&Reply> {
    fn reply(action: &Action) -> Option<&Reply> {
        match action {
            Action::Reply(reply) => Some(reply),
            _ => None,
        }
    }
    actions.iter().filter_map(reply).collect()
}

fn refusal(actions: &[Action]) -> &Refusal {
    match replies(actions)[..] {
        [Reply::Refused(refusal)] => refusal,
        _ => panic!("{actions:?}"),
    }
}

fn commands(actions: &[Action]) -> Vec<&Command> {
    fn command(action: &Action) -> Option<&Command> {
        match action {
            Action::Command(command) => Some(command),
            _ => None,
        }
    }
    actions.iter().filter_map(command).collect()
}

fn leaves(actions: &[Action]) -> bool {
    let goodbye = commands(actions).iter().any(|command| matches!(command, Command::Leave { .. }));
    goodbye && matches!(actions.last(), Some(Action::Close))
}

fn fragment(ufrag: &str) -> Fragment {
    Fragment { ice: Some(IceCredentials { ufrag: ufrag.to_owned(), password: "p".repeat(22) }) }
}

#[test]
fn a_publisher_announces_its_tracks_and_then_offers() {
    let mut session = session(WhipScope::Publish, AIORTC);
    let actions = tell(&mut session, joined(Vec::new()));
    let [
        Command::AddTrack { track: audio, .. },
        Command::AddTrack { track: video, .. },
        Command::Offer { id: 1, sdp, .. },
    ] = commands(&actions)[..]
    else {
        panic!("{actions:?}")
    };
    assert_eq!((audio.source, video.source), (TrackSource::Microphone, TrackSource::Camera));
    assert_eq!(video.cid, "3f0ea062-2a42-4e7b-b8e7-1acbcc5fbce1");
    assert!(sdp.contains("a=sendonly"));
    let actions = answer(&mut session, 1, ANSWER);
    let [Reply::Answered { sdp, etag }] = replies(&actions)[..] else { panic!("{actions:?}") };
    assert_eq!((sdp.as_str(), etag.as_str()), (ANSWER, "\"box1\""));
}

#[test]
fn tracks_without_a_name_of_their_own_get_one() {
    let nameless: String =
        AIORTC.lines().filter(|l| !l.starts_with("a=msid:")).map(|l| format!("{l}\r\n")).collect();
    let video = "3f0ea062-2a42-4e7b-b8e7-1acbcc5fbce1";
    let cids = |audio: &str, video: &str| [audio, video].map(str::to_owned);
    let same = AIORTC.replace("553a6833-58e7-46ac-abf0-3324ac7a76fd", video);
    for (sdp, cids) in
        [(nameless, cids("section 0", "section 1")), (same, cids(video, "section 1"))]
    {
        let mut session = session(WhipScope::Publish, &sdp);
        let actions = tell(&mut session, joined(Vec::new()));
        let announced: Vec<_> = commands(&actions)
            .into_iter()
            .filter_map(|command| match command {
                Command::AddTrack { track, .. } => Some(track.cid.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(announced, cids);
    }
}

#[test]
fn an_offer_that_cannot_be_used_ends_the_session_with_the_reason() {
    let begin = || {
        let mut session = session(WhipScope::Publish, AIORTC);
        tell(&mut session, joined(Vec::new()));
        session
    };
    let refused = Event::OfferRefused { id: 1, reason: "no ICE".to_owned() };
    let actions = tell(&mut begin(), refused);
    assert_eq!(refusal(&actions), &Refusal::Unusable("no ICE".to_owned()));
    assert!(leaves(&actions));
    let actions = answer(&mut begin(), 1, &ANSWER.replace("m=audio 9", "m=audio 0"));
    assert!(matches!(refusal(&actions), Refusal::NoCodec { kind: "audio", .. }));
    assert!(leaves(&actions));
    let refused = Event::TrackRefused { cid: String::new(), why: TrackRefusal::NotAllowed };
    let actions = tell(&mut begin(), refused);
    assert!(matches!(refusal(&actions), Refusal::Track(_)) && leaves(&actions));
}

#[test]
fn an_offer_without_the_codecs_of_the_room_hears_which_those_are() {
    let mut session = session(WhipScope::Publish, AIORTC);
    let mut event = joined(Vec::new());
    if let Event::Joined { room, .. } = &mut event {
        room.video_codecs = VideoCodecs::only([Codec::H264, Codec::Vp8]);
    }
    tell(&mut session, event);
    let refused = Event::TrackRefused { cid: String::new(), why: TrackRefusal::NoCodec };
    let actions = tell(&mut session, refused);
    let says = refusal(&actions).to_string();
    assert_eq!(says, "this room takes video in H.264, VP8 only: have the sender use that");
    assert!(leaves(&actions));
}

#[test]
fn a_full_room_says_so_and_an_ended_one_too() {
    let mut waiting = session(WhipScope::Publish, AIORTC);
    let actions = tell(&mut waiting, Event::Closed { reason: LeaveReason::JoinFailed });
    assert_eq!(refusal(&actions), &Refusal::RoomFull);
    let actions = tell(&mut settled(), Event::Closed { reason: LeaveReason::DuplicateIdentity });
    assert_eq!(refusal(&actions), &Refusal::Ended);
    assert!(matches!(actions.last(), Some(Action::Close)) && commands(&actions).is_empty());
}

#[test]
fn conditions_of_a_patch_are_checked_before_anything_else() {
    // Condition, and what comes of it for candidates alone.
    for (condition, outcome) in [
        (None, Some(Refusal::NoIfMatch)),
        (Some("\"old\""), Some(Refusal::OldIceSession)),
        (Some("W/\"box1\""), Some(Refusal::OldIceSession)),
        (Some(""), Some(Refusal::OldIceSession)),
        (Some("\"box1\""), None),
        (Some("\"old\", \"box1\""), None),
        (Some("*"), None),
    ] {
        let mut session = settled();
        let actions = session.patch(condition, Fragment { ice: None });
        match outcome {
            Some(why) => assert_eq!(refusal(&actions), &why, "{condition:?}"),
            None => assert_eq!(replies(&actions), [&Reply::Trickled], "{condition:?}"),
        }
        assert!(commands(&actions).is_empty());
    }
}

#[test]
fn new_credentials_restart_ice_and_give_it_a_new_name() {
    let mut session = settled();
    let same = Fragment { ice: Some(session.offer.ice.clone()) };
    assert_eq!(replies(&session.patch(Some("*"), same)), [&Reply::Trickled]);
    let actions = session.patch(Some("*"), fragment("new1"));
    let [Command::Offer { id: 2, sdp, .. }] = commands(&actions)[..] else { panic!("{actions:?}") };
    assert!(sdp.contains("a=ice-ufrag:new1") && replies(&actions).is_empty());
    let actions = session.patch(Some("*"), fragment("new2"));
    assert!(matches!(refusal(&actions), Refusal::NoRestart(_)), "one at a time");
    assert!(answer(&mut session, 1, ANSWER).is_empty(), "an answer to an older offer");
    let actions = answer(&mut session, 2, &ANSWER.replace("box1", "box2"));
    let [Reply::Restarted { fragment: ours, etag }] = replies(&actions)[..] else {
        panic!("{actions:?}")
    };
    assert_eq!(etag, "\"box2\"");
    assert!(ours.contains("a=ice-ufrag:box2") && ours.contains("a=ice-lite"));
    let late = session.patch(Some("\"box1\""), Fragment { ice: None });
    assert_eq!(refusal(&late), &Refusal::OldIceSession);
}

#[test]
fn a_restart_that_fails_leaves_all_as_it_was() {
    let mut session = settled();
    let before = session.offer.clone();
    session.patch(Some("\"box1\""), fragment("new1"));
    let refused = Event::OfferRefused { id: 2, reason: "no".to_owned() };
    let actions = tell(&mut session, refused);
    assert!(matches!(refusal(&actions), Refusal::NoRestart(_)) && commands(&actions).is_empty());
    assert_eq!(session.offer, before);
    let trickled = session.patch(Some("\"box1\""), Fragment { ice: None });
    assert_eq!(replies(&trickled), [&Reply::Trickled]);
}

#[test]
fn who_ends_it_leaves_the_room_once() {
    let mut session = settled();
    assert!(leaves(&session.end(LeaveReason::ClientLeft)));
    assert!(commands(&session.end(LeaveReason::Removed)).is_empty());
    assert_eq!(refusal(&session.patch(Some("*"), fragment("new1"))), &Refusal::Ended);
}

#[test]
fn a_player_subscribes_to_what_its_sections_can_take_and_follows_changes() {
    use MediaKind::{Audio, Video};
    let mut session = session(WhipScope::Watch, AIORTC_PLAYER);
    let ada = person("ada", &[("TR_a", Audio), ("TR_v", Video)]);
    let actions = tell(&mut session, joined(vec![ada.clone()]));
    let [Command::Subscribe { tracks, on: true, .. }, Command::Offer { .. }] =
        commands(&actions)[..]
    else {
        panic!("{actions:?}")
    };
    assert_eq!(tracks, &["TR_a".into(), "TR_v".into()]);
    answer(&mut session, 1, ANSWER);
    let bob = person("bob", &[("TR_w", Video)]);
    let more = tell(&mut session, Event::Participants(vec![bob, person("PA_me", &[])]));
    assert!(commands(&more).is_empty(), "one picture is all that it has room for");
    let gone = ParticipantInfo { state: ParticipantState::Disconnected, ..ada };
    let actions = tell(&mut session, Event::Participants(vec![gone]));
    let [
        Command::Subscribe { tracks: old, on: false, .. },
        Command::Subscribe { tracks: new, on: true, .. },
    ] = commands(&actions)[..]
    else {
        panic!("{actions:?}")
    };
    assert_eq!((old.len(), new), (2, &vec![TrackId::from("TR_w")]));
}
