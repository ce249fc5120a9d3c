//! Conversations replayed through the state machine: recorded from real clients
//! (`transcripts/`, see tests/e2e/record_transcripts.py), and written by hand.

mod blobs;
mod simulate;
mod tracks;

use super::*;
use crate::livekit::join::{self, JoinQuery};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use roombox_control::conference::{
    ConnectionQuality, Event, Identity, MediaKind, ParticipantState, Quality, Standing,
    StreamState, TrackInfo, TrackRefusal, TrackSource,
};
use std::time::Duration;

fn permissions() -> Permissions {
    Permissions::everything()
}

fn session(wanted: Wanted) -> Session {
    Session::new(SessionStart {
        participant: "PA_me".into(),
        identity: "me".to_owned(),
        room: "room".into(),
        mode: TransportMode::Single,
        permissions: permissions(),
        name_fixed: false,
        wanted,
        relay: None,
        dev: true,
    })
}

fn me() -> ParticipantInfo {
    ParticipantInfo {
        id: "PA_me".into(),
        identity: Identity::from("me"),
        name: String::new(),
        metadata: String::new(),
        attributes: BTreeMap::new(),
        state: ParticipantState::Joined,
        permissions: permissions(),
        standing: Standing::Member,
        joined_unix_ms: 0,
        version: 1,
        tracks: Vec::new(),
        data_tracks: Vec::new(),
        note: [].into(),
    }
}

fn room() -> RoomInfo {
    RoomInfo {
        name: "room".into(),
        sid: "RM_1".to_owned(),
        metadata: String::new(),
        created_unix_ms: 0,
        opened_with: String::new(),
        recording: false,
        lobby: false,
        max_participants: 0,
        video_codecs: Default::default(),
        empty_timeout: Duration::from_secs(300),
        departure_timeout: Duration::from_secs(20),
        participants: 1,
    }
}

fn joined(session: &mut Session) -> Vec<Action> {
    let event = Event::Joined { room: room(), me: me(), others: Vec::new() };
    session.event(event, || "TR_0".to_owned())
}

fn resumed(session: &mut Session, me: ParticipantInfo) -> Vec<Action> {
    let event = Event::Resumed { room: room(), me, others: Vec::new(), last_sequence: 7 };
    session.event(event, || "TR_0".to_owned())
}

fn responses(actions: &[Action]) -> Vec<&Response> {
    actions
        .iter()
        .filter_map(|action| match action {
            Action::Send(response) => response.message.as_ref(),
            _ => None,
        })
        .collect()
}

fn commands(actions: &[Action]) -> Vec<&Command> {
    actions
        .iter()
        .filter_map(|action| match action {
            Action::Command(command) => Some(&**command),
            _ => None,
        })
        .collect()
}

/// What must come of one message of a client.
fn check_reaction(request: &Request, actions: &[Action]) {
    let (commands, responses) = (commands(actions), responses(actions));
    match request {
        Request::Offer(offer) => match &commands[..] {
            [Command::Offer { id, sdp, .. }] => {
                assert_eq!((*id, sdp), (offer.id, &offer.sdp));
            }
            other => panic!("an offer became {other:?}"),
        },
        Request::AddTrack(add) => match &commands[..] {
            [Command::AddTrack { track, .. }] => {
                assert_eq!(track.cid, add.cid);
                assert!(track.id.as_str().starts_with("TR_"));
                let layers: Vec<&str> = track.layers.iter().map(|l| l.rid.as_str()).collect();
                assert!(layers.len() < 2 || layers.iter().all(|rid| !rid.is_empty()), "{layers:?}");
                assert!(track.layers.is_sorted_by_key(|layer| layer.height), "{:?}", track.layers);
            }
            other => panic!("add_track became {other:?}"),
        },
        Request::Mute(mute) => {
            assert!(
                matches!(commands[..], [Command::SetMuted { muted, .. }] if *muted == mute.muted)
            );
        }
        Request::Subscription(wanted) => {
            assert!(
                matches!(commands[..], [Command::Subscribe { on, .. }] if *on == wanted.subscribe)
            );
        }
        Request::SubscriptionPermission(_) => {
            assert!(matches!(commands[..], [Command::SetAudience { .. }]));
        }
        Request::TrackSetting(_) => {
            assert!(matches!(commands[..], [Command::TrackSettings { .. }]));
        }
        Request::UpdateMetadata(_) => {
            assert!(matches!(commands[..], [Command::Change { .. }]));
            assert!(matches!(responses[..], [Response::RequestResponse(_)]));
        }
        Request::Ping(_) => assert!(matches!(responses[..], [Response::Pong(5000)])),
        Request::PingReq(ping) => match responses[..] {
            [Response::PongResp(pong)] => assert_eq!(pong.last_ping_timestamp, ping.timestamp),
            _ => panic!("ping_req became {responses:?}"),
        },
        Request::Leave(_) => {
            assert!(matches!(commands[..], [Command::Leave { .. }]));
            assert!(matches!(actions.last(), Some(Action::Close)));
        }
        Request::Trickle(_) => assert!(actions.is_empty()),
        // Hints that the box does not need.
        Request::UpdateAudioTrack(_) | Request::UpdateVideoTrack(_) => {}
        other => panic!("real clients sent {} and nobody checks it", name_of(other)),
    }
}

fn replay(transcript: &str) -> Vec<&'static str> {
    let mut lines = transcript.lines();
    let join = lines.next().and_then(|line| line.strip_prefix("join ")).expect("a join request");
    let query = JoinQuery { join_request: join.to_owned(), ..JoinQuery::default() };
    let wanted = join::single(&query).expect("a readable join request");
    let offers_at_once = wanted.offer.is_some();
    let mut session = session(wanted);
    let actions = joined(&mut session);
    assert!(matches!(responses(&actions).first(), Some(Response::Join(_))), "join comes first");
    let first_offer = commands(&actions).iter().any(|c| matches!(c, Command::Offer { .. }));
    assert_eq!(first_offer, offers_at_once);
    let mut seen = Vec::new();
    for line in lines {
        let bytes = STANDARD.decode(line.strip_prefix("say ").expect("a message")).expect("base64");
        let request = pb::SignalRequest::decode(&*bytes).expect("a SignalRequest");
        let request = request.message.expect("a known message");
        let mut ids = 0;
        let actions = session.request(request.clone(), 5000, || {
            ids += 1;
            format!("TR_{ids}")
        });
        check_reaction(&request, &actions);
        seen.push(match request {
            Request::Offer(_) => "offer",
            Request::AddTrack(_) => "add_track",
            Request::Mute(_) => "mute",
            Request::Subscription(_) => "subscription",
            Request::UpdateMetadata(_) => "update_metadata",
            Request::Leave(_) => "leave",
            _ => "other",
        });
    }
    assert!(session.is_closed());
    seen
}

#[test]
fn recorded_clients_are_understood() {
    for (name, transcript) in [
        ("python", include_str!("../transcripts/python.transcript")),
        ("chromium", include_str!("../transcripts/chromium.transcript")),
        ("firefox", include_str!("../transcripts/firefox.transcript")),
    ] {
        let seen = replay(transcript);
        for wanted in ["offer", "add_track", "mute", "subscription", "update_metadata", "leave"] {
            assert!(seen.contains(&wanted), "{name} never sent {wanted}: {seen:?}");
        }
    }
}

#[test]
fn every_prefix_of_a_recording_with_broken_bytes_does_no_harm() {
    let transcript = include_str!("../transcripts/python.transcript");
    for line in transcript.lines().skip(1) {
        let bytes = STANDARD.decode(line.strip_prefix("say ").expect("a message")).expect("base64");
        for cut in (0..bytes.len()).step_by(1 + bytes.len() / 50) {
            fuzz_signal(&bytes[..cut]);
            let mut bent = bytes.clone();
            bent[cut] ^= 0x55;
            fuzz_signal(&bent);
        }
    }
}

/// livekit.md §15 #14: values without which Rust and Python clients panic.
#[test]
fn w14_join_says_what_clients_panic_without() {
    let mut session = session(Wanted::default());
    let actions = joined(&mut session);
    let responses = responses(&actions);
    let [Response::Join(join)] = responses[..] else { panic!("{responses:?}") };
    let info = join.server_info.as_ref().expect("server_info");
    let version: Vec<u32> =
        info.version.split('.').map(|part| part.parse().expect("semver")).collect();
    assert_eq!(version.len(), 3);
    assert!(version >= vec![1, 8, 0] && version <= vec![1, 13, 6], "{version:?}");
    assert!(join.room.as_ref().is_some_and(|room| room.sid.starts_with("RM_")));
    assert!(join.participant.as_ref().is_some_and(|p| p.sid.starts_with("PA_")));
    assert!(!join.sif_trailer.is_empty());
    assert!(join.ice_servers.is_empty(), "never a public STUN server");
}

/// §11: an external relay, and only that.
#[test]
fn a_relay_that_the_owner_named_is_told_on_joining_and_on_coming_back() {
    for (only, force) in
        [(true, pb::ClientConfigSetting::Enabled), (false, pb::ClientConfigSetting::Unset)]
    {
        let relay = roombox_control::conference::Relay {
            urls: vec!["turn:turn.example.org:3478".to_owned()],
            username: "1700000000:PA_1".to_owned(),
            credential: "credential".to_owned(),
            only,
        };
        let check = |servers: &[pb::IceServer], configuration: &Option<pb::ClientConfiguration>| {
            assert_eq!(servers.len(), 1);
            assert_eq!(servers[0].urls, relay.urls);
            assert_eq!(servers[0].username, relay.username);
            assert_eq!(servers[0].credential, relay.credential);
            assert_eq!(configuration.as_ref().unwrap().force_relay, i32::from(force));
        };
        let mut joining = session(Wanted::default());
        joining.relay = Some(relay.clone());
        let actions = joined(&mut joining);
        let all = responses(&actions);
        let [Response::Join(join)] = all[..] else { panic!("{actions:?}") };
        check(&join.ice_servers, &join.client_configuration);
        let resume = Some("PA_1".to_owned());
        let mut returning = session(Wanted { resume, ..Wanted::default() });
        returning.relay = Some(relay.clone());
        let actions = resumed(&mut returning, me());
        let all = responses(&actions);
        let Some(Response::Reconnect(back)) = all.first() else { panic!("{actions:?}") };
        check(&back.ice_servers, &back.client_configuration);
    }
}

/// §15 #12: protocol drift.
#[test]
fn w12_unknown_fields_and_higher_protocols_are_ignored() {
    // Field 200, length-delimited, beside a ping.
    let mut bytes = pb::SignalRequest { message: Some(Request::Ping(1)) }.encode_to_vec();
    bytes.extend([0xc2, 0x0c, 3, 1, 2, 3]);
    let request = pb::SignalRequest::decode(&*bytes).expect("decodes").message.expect("a ping");
    check_reaction(
        &request,
        &session(Wanted::default()).request(request.clone(), 5000, String::new),
    );
    let only_unknown = pb::SignalRequest::decode(&[0xc2, 0x0c, 3, 1, 2, 3][..]).expect("decodes");
    assert_eq!(only_unknown.message, None);
}

#[test]
fn a_resume_tells_everything_before_it_obeys() {
    let wanted = Wanted { resume: Some("PA_me".to_owned()), ..Wanted::default() };
    let mut session = session(wanted);
    let actions = resumed(&mut session, me());
    let responses = responses(&actions);
    assert!(matches!(
        responses[..],
        [Response::Reconnect(r), Response::Update(u), Response::RoomUpdate(_)]
            if r.last_message_seq == 7 && u.participants.len() == 1
    ));
    let state = pb::SyncState {
        track_sids_disabled: vec!["TR_a".to_owned()],
        subscription: Some(pb::UpdateSubscription {
            track_sids: vec!["TR_b".to_owned()],
            subscribe: false,
            ..pb::UpdateSubscription::default()
        }),
        datachannel_receive_states: vec![pb::DataChannelReceiveState {
            publisher_sid: "PA_b".to_owned(),
            last_seq: 4,
        }],
        ..pb::SyncState::default()
    };
    let actions = session.request(Request::SyncState(state), 0, String::new);
    assert!(matches!(
        commands(&actions)[..],
        [
            Command::TrackSettings { settings, .. },
            Command::Subscribe { on: false, .. },
            Command::Resend { received, .. }
        ] if settings.disabled && received == &[("PA_b".into(), 4)]
    ));
}

#[test]
fn a_resume_with_a_track_that_is_unknown_must_join_anew() {
    let wanted = Wanted { resume: Some("PA_me".to_owned()), ..Wanted::default() };
    let mut session = session(wanted);
    resumed(&mut session, me());
    let published = pb::TrackPublishedResponse {
        cid: "c".to_owned(),
        track: Some(pb::TrackInfo { sid: "TR_gone".to_owned(), ..pb::TrackInfo::default() }),
    };
    let state = pb::SyncState { publish_tracks: vec![published], ..pb::SyncState::default() };
    let actions = session.request(Request::SyncState(state), 0, String::new);
    let responses = responses(&actions);
    let [Response::Leave(leave)] = responses[..] else { panic!("{responses:?}") };
    assert_eq!(leave.action(), pb::leave_request::Action::Reconnect);
    assert!(session.is_closed());
}

#[test]
fn an_unknown_participant_that_resumes_is_told_to_join() {
    let wanted = Wanted { resume: Some("PA_gone".to_owned()), ..Wanted::default() };
    let mut session = session(wanted);
    let reason = LeaveReason::ConnectionLost;
    let actions = session.event(Event::Closed { reason }, String::new);
    let responses = responses(&actions);
    let [Response::Leave(leave)] = responses[..] else { panic!("{responses:?}") };
    assert_eq!(leave.action(), pb::leave_request::Action::Reconnect);
    assert_eq!(leave.reason(), pb::DisconnectReason::StateMismatch);
}

#[test]
fn metadata_is_refused_with_a_reason() {
    let mut session = session(Wanted::default());
    let update = |metadata: String| {
        Request::UpdateMetadata(pb::UpdateParticipantMetadata {
            metadata,
            request_id: 9,
            ..pb::UpdateParticipantMetadata::default()
        })
    };
    let reason = |actions: &[Action]| match responses(actions)[..] {
        [Response::RequestResponse(answer)] => {
            assert_eq!(answer.request_id, 9);
            answer.reason()
        }
        _ => panic!("no answer"),
    };
    use pb::request_response::Reason;
    let long = session.request(update("x".repeat(512 * 1024 + 1)), 0, String::new);
    assert_eq!(reason(&long), Reason::LimitExceeded);
    assert!(commands(&long).is_empty());
    let fine = session.request(update("x".to_owned()), 0, String::new);
    assert_eq!(reason(&fine), Reason::Ok);
    let mut other = me();
    other.permissions.can_update_metadata = false;
    session.event(Event::Participants(vec![other]), String::new);
    let refused = session.request(update("x".to_owned()), 0, String::new);
    assert_eq!(reason(&refused), Reason::NotAllowed);
    assert!(commands(&refused).is_empty());
}

#[test]
fn a_fixed_name_stays_and_what_else_is_changed_is_changed() {
    let mut session = session(Wanted::default());
    let renamed = |session: &mut Session| {
        let update = pb::UpdateParticipantMetadata {
            name: "Somebody".to_owned(),
            attributes: [("hand".to_owned(), "up".to_owned())].into(),
            ..pb::UpdateParticipantMetadata::default()
        };
        let actions = session.request(Request::UpdateMetadata(update), 0, String::new);
        match commands(&actions)[..] {
            [Command::Change { change, .. }] => {
                assert_eq!(change.attributes["hand"], "up");
                change.name.clone()
            }
            ref other => panic!("{other:?}"),
        }
    };
    assert_eq!(renamed(&mut session), Some("Somebody".to_owned()));
    session.name_fixed = true;
    assert_eq!(renamed(&mut session), None);
}

#[test]
fn tiles_are_asked_for_by_size_or_quality() {
    let setting = |width, height, quality: pb::VideoQuality| pb::UpdateTrackSettings {
        width,
        height,
        quality: quality as i32,
        ..pb::UpdateTrackSettings::default()
    };
    let by_size = settings_of(&setting(320, 180, pb::VideoQuality::High));
    assert_eq!((by_size.layer, by_size.height), (None, 180));
    assert_eq!(settings_of(&setting(0, 0, pb::VideoQuality::Medium)).layer, Some(1));
    assert!(settings_of(&setting(0, 0, pb::VideoQuality::Off)).disabled);
    let first = pb::UpdateTrackSettings { priority: 1, ..setting(0, 0, pb::VideoQuality::Low) };
    assert_eq!(settings_of(&first).priority, 1);
}

#[test]
fn clients_hear_which_streams_are_paused_for_lack_of_bandwidth() {
    let mut session = session(Wanted::default());
    let state = |track: &str, paused| StreamState {
        publisher: "PA_other".into(),
        track: track.into(),
        paused,
    };
    let event = Event::Streams(vec![state("TR_1", true), state("TR_2", false)]);
    let actions = session.event(event, String::new);
    let [Action::Send(sent)] = &actions[..] else { panic!("one message: {actions:?}") };
    let Some(Response::StreamStateUpdate(update)) = &sent.message else {
        panic!("another message: {sent:?}");
    };
    let told: Vec<_> = update
        .stream_states
        .iter()
        .map(|info| (&*info.participant_sid, &*info.track_sid, info.state()))
        .collect();
    let (paused, active) = (pb::StreamState::Paused, pb::StreamState::Active);
    assert_eq!(told, [("PA_other", "TR_1", paused), ("PA_other", "TR_2", active)]);
}

#[test]
fn a_client_gets_a_new_token_when_what_it_says_has_changed() {
    let mut session = session(Wanted::default());
    joined(&mut session);
    assert!(!session.wants_token());
    let mut changed = me();
    session.event(Event::Participants(vec![changed.clone()]), String::new);
    assert!(!session.wants_token(), "nothing that a token says");
    changed.permissions.can_publish = false;
    session.event(Event::Participants(vec![changed.clone()]), String::new);
    assert!(session.wants_token() && !session.wants_token());
    changed.id = "PA_other".into();
    changed.name = "Bob".to_owned();
    session.event(Event::Participants(vec![changed]), String::new);
    assert!(!session.wants_token(), "that was somebody else");
}
