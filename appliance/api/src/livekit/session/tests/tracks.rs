//! What clients say of their own tracks.

use super::*;
use roombox_control::conference::{Codec, WantedCodec};

fn track(sid: &str) -> TrackInfo {
    TrackInfo {
        id: sid.into(),
        name: String::new(),
        kind: MediaKind::Audio,
        source: TrackSource::Microphone,
        muted: false,
        width: 0,
        height: 0,
        encrypted: false,
        layers: Vec::new(),
        codec: None,
        red: false,
        mid: String::new(),
        note: [].into(),
    }
}

#[test]
fn a_track_that_goes_too_far_is_refused_by_name_and_told_to_the_log_once() {
    let add = |name: &str| {
        let name = name.to_owned();
        Request::AddTrack(pb::AddTrackRequest { cid: "c".to_owned(), name, ..Default::default() })
    };
    let mut session = session(Wanted::default());
    joined(&mut session);
    for (actions, reason) in [
        (session.request(add("fine"), 0, || "TR_1".to_owned()), None),
        (
            session.request(add(&"x".repeat(300)), 0, || "TR_2".to_owned()),
            Some(pb::request_response::Reason::LimitExceeded),
        ),
        (
            session.event(
                Event::TrackRefused { cid: "c".to_owned(), why: TrackRefusal::TooMany },
                String::new,
            ),
            Some(pb::request_response::Reason::LimitExceeded),
        ),
        (
            session.event(
                Event::TrackRefused { cid: "c".to_owned(), why: TrackRefusal::NotAllowed },
                String::new,
            ),
            Some(pb::request_response::Reason::NotAllowed),
        ),
    ] {
        let refusal = match responses(&actions)[..] {
            [] => None,
            [Response::RequestResponse(answer)] => {
                let named = pb::request_response::Request::AddTrack(pb::AddTrackRequest {
                    cid: "c".to_owned(),
                    ..Default::default()
                });
                assert_eq!(answer.request, Some(named));
                Some(answer.reason())
            }
            ref other => panic!("{other:?}"),
        };
        assert_eq!(refusal, reason);
        assert_eq!(commands(&actions).is_empty(), reason.is_some());
    }
    assert!(session.excess_logged);
}

#[test]
fn tracks_that_are_gone_are_forgotten() {
    let mut session = session(Wanted::default());
    joined(&mut session);
    let accept = |session: &mut Session, cid: &str, sid: &str| {
        let event = Event::TrackAccepted { cid: cid.to_owned(), track: track(sid) };
        session.event(event, String::new);
    };
    let publish = |session: &mut Session, sids: &[&str]| {
        let tracks = sids.iter().map(|sid| track(sid)).collect();
        session.event(Event::Participants(vec![ParticipantInfo { tracks, ..me() }]), String::new);
    };
    let known = |session: &Session| session.accepted.keys().cloned().collect::<Vec<_>>();
    accept(&mut session, "mic", "TR_1");
    accept(&mut session, "cam", "TR_2");
    accept(&mut session, "cam", "TR_3");
    assert_eq!(known(&session), ["TR_1", "TR_3"], "announced again: instead of the first");
    publish(&mut session, &["TR_1", "TR_3"]);
    accept(&mut session, "mic", "TR_4");
    assert_eq!(known(&session), ["TR_1", "TR_3", "TR_4"], "what is published stays until it ends");
    publish(&mut session, &["TR_3"]);
    assert_eq!(known(&session), ["TR_3", "TR_4"], "unpublished by the client");
    session.event(Event::TrackUnpublished { track: "TR_3".into() }, String::new);
    assert_eq!(known(&session), ["TR_4"], "taken down by the box");
}

#[test]
fn a_client_describes_its_own_tracks_anew_and_no_others() {
    let mut session = session(Wanted::default());
    joined(&mut session);
    let note = pb::TrackInfo { stream: "call".to_owned(), ..Default::default() };
    let mine = TrackInfo { note: note.encode_to_vec().into(), ..track("TR_1") };
    let me = ParticipantInfo { tracks: vec![mine], ..me() };
    session.event(Event::Participants(vec![me]), String::new);

    let features = vec![pb::AudioTrackFeature::TfStereo as i32];
    let update = |sid: &str, features: &[i32]| {
        Request::UpdateAudioTrack(pb::UpdateLocalAudioTrack {
            track_sid: sid.to_owned(),
            features: features.to_vec(),
        })
    };
    let actions = session.request(update("TR_1", &features), 0, String::new);
    let [Command::Redescribe { track, size: None, note: Some(note), .. }] = commands(&actions)[..]
    else {
        panic!("{actions:?}")
    };
    let told = pb::TrackInfo::decode(&**note).expect("a note");
    assert_eq!((track.as_str(), &*told.stream), ("TR_1", "call"));
    assert_eq!(told.audio_features, features);

    let size = |sid: &str| {
        let (width, height) = (640, 480);
        let track_sid = sid.to_owned();
        Request::UpdateVideoTrack(pb::UpdateLocalVideoTrack { track_sid, width, height })
    };
    let actions = session.request(size("TR_1"), 0, String::new);
    let [Command::Redescribe { size: told, note: None, .. }] = commands(&actions)[..] else {
        panic!("{actions:?}")
    };
    assert_eq!(*told, Some((640, 480)));

    use pb::request_response::Reason;
    for (request, reason) in [
        (update("TR_2", &features), Reason::NotFound),
        (size("TR_2"), Reason::NotFound),
        (update("TR_1", &[0; 1000]), Reason::LimitExceeded),
    ] {
        let actions = session.request(request, 0, String::new);
        let [Response::RequestResponse(answer)] = responses(&actions)[..] else {
            panic!("{actions:?}")
        };
        assert_eq!(answer.reason(), reason);
        assert!(answer.request.is_some() && commands(&actions).is_empty());
    }
}

#[test]
fn clients_hear_how_good_connections_are() {
    let mut session = session(Wanted::default());
    let all = [Quality::Lost, Quality::Poor, Quality::Good, Quality::Excellent];
    let event = Event::Quality(
        all.iter()
            .map(|quality| ConnectionQuality {
                participant: "PA_1".into(),
                quality: *quality,
                score: 3.5,
            })
            .collect(),
    );
    let actions = session.event(event, String::new);
    let [Response::ConnectionQuality(update)] = responses(&actions)[..] else {
        panic!("{actions:?}")
    };
    use pb::ConnectionQuality::{Excellent, Good, Lost, Poor};
    let told: Vec<_> = update.updates.iter().map(|one| one.quality()).collect();
    assert_eq!(told, [Lost, Poor, Good, Excellent]);
    assert!(update.updates.iter().all(|one| one.participant_sid == "PA_1" && one.score == 3.5));
}

#[test]
fn data_tracks_are_published_by_handle_and_subscribed_to_by_sid() {
    use pb::request_response::{Reason, Request as Named};
    let mut session = session(Wanted::default());
    joined(&mut session);
    let publish = |name: &str, pub_handle| {
        Request::PublishDataTrackRequest(pb::PublishDataTrackRequest {
            pub_handle,
            name: name.to_owned(),
            ..Default::default()
        })
    };
    let actions = session.request(publish("heat", 7), 0, || "TR_7".to_owned());
    let [Command::PublishDataTrack { track, .. }] = commands(&actions)[..] else {
        panic!("{actions:?}")
    };
    assert_eq!((track.id.as_str(), track.handle, &*track.name), ("DTR_7", 7, "heat"));
    let actions = session.request(publish("heat", 65_536), 0, || "TR_8".to_owned());
    assert!(
        matches!(commands(&actions)[..], [Command::PublishDataTrack { track, .. }] if track.handle == 0)
    );
    for name in ["", &"x".repeat(300)] {
        let actions = session.request(publish(name, 8), 0, || "TR_8".to_owned());
        let [Response::RequestResponse(answer)] = responses(&actions)[..] else {
            panic!("{actions:?}")
        };
        assert_eq!(answer.reason(), Reason::InvalidName);
        assert!(
            matches!(&answer.request, Some(Named::PublishDataTrack(named)) if named.pub_handle == 8)
        );
    }
    let update = pb::update_data_subscription::Update {
        track_sid: "DTR_9".to_owned(),
        subscribe: true,
        ..Default::default()
    };
    let update = pb::UpdateDataSubscription { updates: vec![update] };
    let actions = session.request(Request::UpdateDataSubscription(update), 0, String::new);
    assert!(matches!(
        commands(&actions)[..],
        [Command::SubscribeData { tracks, .. }] if tracks == &[("DTR_9".into(), true)]
    ));
    let handles = vec![(3, "DTR_9".into(), "PA_b".into(), Identity::from("bob"))];
    let actions = session.event(Event::DataHandles(handles), String::new);
    let [Response::DataTrackSubscriberHandles(told)] = responses(&actions)[..] else {
        panic!("{actions:?}")
    };
    let track = &told.sub_handles[&3];
    let told = (&*track.track_sid, &*track.publisher_sid, &*track.publisher_identity);
    assert_eq!(told, ("DTR_9", "PA_b", "bob"));
}

fn codec(codec: &str, cid: &str) -> pb::SimulcastCodec {
    pb::SimulcastCodec { codec: codec.to_owned(), cid: cid.to_owned(), ..Default::default() }
}

fn announced(actions: &[Action]) -> roombox_control::conference::NewTrack {
    match commands(actions)[..] {
        [Command::AddTrack { track, .. }] => (**track).clone(),
        _ => panic!("became {actions:?}"),
    }
}

#[test]
fn a_second_codec_is_announced_with_the_track_and_again_before_it_is_sent() {
    let mut session = session(Wanted::default());
    joined(&mut session);
    let camera = pb::AddTrackRequest {
        cid: "first".to_owned(),
        r#type: pb::TrackType::Video as i32,
        simulcast_codecs: vec![codec("vp9", "first"), codec("vp8", "")],
        ..Default::default()
    };
    let new = announced(&session.request(Request::AddTrack(camera), 0, || "TR_1".to_owned()));
    assert_eq!((new.codec, new.backup), (Some(Codec::Vp9), Some(Codec::Vp8)));
    let info = TrackInfo { kind: MediaKind::Video, note: new.note, ..track("TR_1") };
    let codecs = |info: &TrackInfo| {
        let codecs = wire::track(info).codecs.into_iter();
        codecs.map(|codec| (codec.mime_type, codec.cid)).collect::<Vec<_>>()
    };
    let named = |second: &str| {
        [("video/VP9", "first"), ("video/VP8", second)].map(|(m, c)| (m.to_owned(), c.to_owned()))
    };
    assert_eq!(codecs(&info), named(""));
    let update = ParticipantInfo { tracks: vec![info.clone()], ..me() };
    session.event(Event::Participants(vec![update]), String::new);
    let again = |sid: &str, name: &str| {
        let layer = |quality: i32, height| pb::VideoLayer { quality, height, ..Default::default() };
        Request::AddTrack(pb::AddTrackRequest {
            cid: "second".to_owned(),
            sid: sid.to_owned(),
            r#type: pb::TrackType::Video as i32,
            layers: vec![layer(1, 360), layer(0, 180)],
            simulcast_codecs: vec![codec(name, "second")],
            ..Default::default()
        })
    };
    let actions = session.request(again("TR_1", "vp8"), 0, || "TR_2".to_owned());
    let [Command::AddBackup { backup, .. }] = commands(&actions)[..] else {
        panic!("became {actions:?}");
    };
    assert_eq!((backup.track.as_str(), backup.cid.as_str()), ("TR_1", "second"));
    let layers: Vec<_> = backup.layers.iter().map(|l| (l.rid.as_str(), l.height)).collect();
    assert_eq!((backup.codec, layers), (Codec::Vp8, vec![("q", 180), ("h", 360)]));
    let now = TrackInfo { note: backup.note.clone(), ..info };
    assert_eq!(codecs(&now), named("second"));
    for (sid, name) in [("TR_9", "vp8"), ("TR_1", "wmv")] {
        let actions = session.request(again(sid, name), 0, || "TR_2".to_owned());
        assert!(matches!(responses(&actions)[..], [Response::RequestResponse(_)]), "{sid}, {name}");
    }
}

#[test]
fn what_is_wanted_is_told_by_codec() {
    let wanted = |codec, layers, best| WantedCodec { codec: Some(codec), layers, best };
    let codecs = [wanted(Codec::Av1, 3, Some(1)), wanted(Codec::Vp8, 0, Some(0))];
    let update = wire::subscribed_quality(&"TR_1".into(), &codecs);
    let enabled = |codec: &pb::SubscribedCodec| {
        let enabled: Vec<_> = codec.qualities.iter().map(|quality| quality.enabled).collect();
        (codec.codec.clone(), enabled)
    };
    let told: Vec<_> = update.subscribed_codecs.iter().map(enabled).collect();
    let expected =
        [("av1", [true, true, false]), ("vp8", [true; 3])].map(|(c, e)| (c.to_owned(), e.to_vec()));
    assert_eq!(told, expected, "of unknown layers all are wanted");
    let nobody = wire::subscribed_quality(&"TR_1".into(), &[wanted(Codec::Vp8, 0, None)]);
    assert_eq!(enabled(&nobody.subscribed_codecs[0]), ("vp8".to_owned(), vec![false; 3]));
}

#[test]
fn of_sound_in_several_codecs_opus_is_wanted() {
    let mut session = session(Wanted::default());
    joined(&mut session);
    let mut add = |codecs: &[&str]| {
        let microphone = pb::AddTrackRequest {
            cid: "c".to_owned(),
            simulcast_codecs: codecs.iter().map(|name| codec(name, "c")).collect(),
            ..Default::default()
        };
        let new = announced(&session.request(Request::AddTrack(microphone), 0, String::new));
        assert_eq!(new.backup, None);
        let track = TrackInfo { note: new.note, ..track("TR_1") };
        let accepted = Event::TrackAccepted { cid: "c".to_owned(), track };
        let told = session.event(accepted, String::new);
        let update = responses(&told).into_iter().find_map(|response| match response {
            Response::SubscribedAudioCodecUpdate(update) => Some(update.clone()),
            _ => None,
        });
        let codecs = update.map(|update| update.subscribed_audio_codecs);
        codecs.map(|all| all.into_iter().map(|c| (c.codec, c.enabled)).collect::<Vec<_>>())
    };
    let told = [("audio/opus".to_owned(), true), ("audio/pcmu".to_owned(), false)];
    assert_eq!(add(&["audio/opus", "audio/pcmu"]), Some(told.to_vec()));
    assert_eq!(add(&["audio/opus"]), None, "there is nothing to choose");
    assert_eq!(add(&[]), None);
}

#[test]
fn a_picture_in_a_codec_that_the_room_does_not_take_is_announced_in_one_that_it_does() {
    let mut session = session(Wanted::default());
    let chosen = VideoCodecs::only([Codec::H264, Codec::Vp8]);
    let room = RoomInfo { video_codecs: chosen, ..room() };
    let event = Event::Joined { room: room.clone(), me: me(), others: Vec::new() };
    let told = session.event(event, String::new);
    let join = responses(&told).into_iter().find_map(|response| match response {
        Response::Join(join) => Some(join.clone()),
        _ => None,
    });
    let join = join.unwrap();
    let expected = ["audio/opus", "audio/red", "video/H264", "video/VP8", "video/rtx"];
    let mimes = |codecs: &[pb::Codec]| codecs.iter().map(|c| c.mime.clone()).collect::<Vec<_>>();
    assert_eq!(mimes(&join.enabled_publish_codecs), expected);
    assert_eq!(mimes(&join.room.unwrap().enabled_codecs), expected);
    let mut add = |kind: pb::TrackType, names: &[&str]| {
        let camera = pb::AddTrackRequest {
            cid: "first".to_owned(),
            r#type: kind as i32,
            simulcast_codecs: names.iter().map(|name| codec(name, "first")).collect(),
            ..Default::default()
        };
        announced(&session.request(Request::AddTrack(camera), 0, || "TR_1".to_owned()))
    };
    let video = pb::TrackType::Video;
    for (asked, first, second) in [
        (&["vp9", "vp8"][..], Codec::H264, Some(Codec::Vp8)),
        (&["av1", "h264"][..], Codec::H264, None),
        (&["vp8", "av1"][..], Codec::Vp8, None),
        (&[][..], Codec::H264, None),
    ] {
        let new = add(video, asked);
        assert_eq!((new.codec, new.backup), (Some(first), second), "{asked:?}");
        let note = wire::track(&TrackInfo { codec: None, note: new.note, ..track("TR_1") });
        let named =
            note.codecs.iter().map(|codec| codec.mime_type.to_lowercase()).collect::<Vec<_>>();
        let all = [Some(first), second].into_iter().flatten();
        assert!(all.map(|c| format!("video/{c:?}").to_lowercase()).eq(named), "{asked:?}");
    }
    assert_eq!(add(pb::TrackType::Audio, &["opus"]).codec, Some(Codec::Opus));
    session
        .event(Event::Room(RoomInfo { video_codecs: VideoCodecs::default(), ..room }), String::new);
    let camera = pb::AddTrackRequest {
        r#type: video as i32,
        simulcast_codecs: vec![codec("av1", "c")],
        ..Default::default()
    };
    let new = announced(&session.request(Request::AddTrack(camera), 0, || "TR_2".to_owned()));
    assert_eq!(new.codec, Some(Codec::Av1), "as the room says now");
}

#[test]
fn a_program_that_offers_one_codec_hears_at_once_that_the_room_does_not_take_it() {
    let sdk = |sdk: pb::client_info::Sdk| {
        let client = pb::ClientInfo { sdk: sdk as i32, ..Default::default() };
        let mut session = session(Wanted { client, ..Wanted::default() });
        let room = RoomInfo { video_codecs: VideoCodecs::only([Codec::H264]), ..room() };
        session.event(Event::Joined { room, me: me(), others: Vec::new() }, String::new);
        session
    };
    let camera = |name: &str| {
        Request::AddTrack(pb::AddTrackRequest {
            cid: "c".to_owned(),
            r#type: pb::TrackType::Video as i32,
            simulcast_codecs: vec![codec(name, "c")],
            ..Default::default()
        })
    };
    let mut python = sdk(pb::client_info::Sdk::Python);
    let actions = python.request(camera("vp8"), 0, || "TR_1".to_owned());
    assert!(commands(&actions).is_empty());
    let [Response::RequestResponse(refused)] = responses(&actions)[..] else {
        panic!("became {actions:?}");
    };
    assert_eq!(refused.reason(), pb::request_response::Reason::UnsupportedType);
    let taken = announced(&python.request(camera("h264"), 0, || "TR_2".to_owned()));
    assert_eq!(taken.codec, Some(Codec::H264));
    let mut browser = sdk(pb::client_info::Sdk::Js);
    let negotiated = announced(&browser.request(camera("vp8"), 0, || "TR_3".to_owned()));
    assert_eq!(negotiated.codec, Some(Codec::H264));
}
