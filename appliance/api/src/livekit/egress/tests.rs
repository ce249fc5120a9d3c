//! What is asked of an egress and what is answered, by example.

use super::*;
use roombox_control::egress::EgressRow;
use roombox_control::jobs::{FileKind, JobSpec, LayoutName, Output, SoundContainer};

fn file(name: &str) -> pb::EncodedFileOutput {
    pb::EncodedFileOutput { filepath: name.to_owned(), ..pb::EncodedFileOutput::default() }
}

fn composite(change: impl FnOnce(&mut pb::RoomCompositeEgressRequest)) -> Asked {
    let mut request = pb::RoomCompositeEgressRequest {
        room_name: "Library".to_owned(),
        file_outputs: vec![file("")],
        ..pb::RoomCompositeEgressRequest::default()
    };
    change(&mut request);
    Asked::RoomComposite(request)
}

fn refusal(asked: &Asked) -> String {
    let refused = Wish::of(asked).map(|_| ()).unwrap_err();
    format!("{refused:?}")
}

#[test]
fn what_is_not_said_is_as_livekit_has_it() {
    let wish = Wish::of(&composite(|_| {})).unwrap();
    let spec = wish.order.spec;
    assert_eq!(wish.room, "Library");
    assert_eq!((spec.layout.name, spec.layout.canvas), (LayoutName::Grid, (1280, 720)));
    assert_eq!((spec.layout.fps, spec.video.max_bps), (30, 3_000_000));
    assert_eq!(spec.outputs, [Output::Film]);
    assert!(wish.order.filename.starts_with("Library-20"), "{}", wish.order.filename);
    assert!(wish.order.filename.ends_with(".mp4"));
}

#[test]
fn layouts_presets_and_names_are_understood() {
    let wish = Wish::of(&composite(|request| {
        request.layout = "speaker-dark".to_owned();
        request.file_outputs = vec![file("films/{room_name}/a.mp4")];
        let preset = pb::EncodingOptionsPreset::H2641080p60 as i32;
        request.options = Some(pb::room_composite_egress_request::Options::Preset(preset));
    }));
    let order = wish.unwrap().order;
    assert_eq!(order.filename, "films/Library/a.mp4");
    assert_eq!(order.spec.layout.name, LayoutName::Speaker);
    assert_eq!((order.spec.layout.canvas, order.spec.layout.fps), ((1920, 1080), 60));
    let alone = Wish::of(&composite(|request| request.audio_only = true)).unwrap().order;
    assert_eq!(alone.spec.outputs, [Output::Sound]);
    assert!(alone.filename.ends_with(".m4a"));
}

#[test]
fn one_person_or_track_is_nobody_else() {
    let person = Asked::Participant(pb::ParticipantEgressRequest {
        room_name: "Library".to_owned(),
        identity: "ada".to_owned(),
        file_outputs: vec![file("{publisher_identity}")],
        ..pb::ParticipantEgressRequest::default()
    });
    let order = Wish::of(&person).unwrap().order;
    assert_eq!(
        (order.spec.only.identities, order.filename.as_str()),
        (vec!["ada".to_owned()], "ada.mp4")
    );
    assert_eq!(order.spec.layout.name, LayoutName::Single);
    let tracks = Asked::TrackComposite(pb::TrackCompositeEgressRequest {
        room_name: "Library".to_owned(),
        audio_track_id: "TR_a".to_owned(),
        file_outputs: vec![file("x")],
        ..pb::TrackCompositeEgressRequest::default()
    });
    let order = Wish::of(&tracks).unwrap().order;
    assert_eq!(order.spec.only.tracks, ["TR_a"]);
    assert_eq!((order.spec.outputs, order.filename.as_str()), (vec![Output::Sound], "x.m4a"));
}

#[test]
fn sound_becomes_an_ogg_where_its_type_or_its_name_says_so() {
    let ogg = |change: fn(&mut pb::RoomCompositeEgressRequest)| {
        let wish = Wish::of(&composite(|request| {
            request.audio_only = true;
            change(request);
        }));
        let order = wish.unwrap().order;
        assert_eq!(order.spec.outputs, [Output::Sound]);
        (order.spec.audio.container, order.filename.rsplit('.').next().unwrap().to_owned())
    };
    let typed = ogg(|one| one.file_outputs[0].file_type = pb::EncodedFileType::Ogg as i32);
    assert_eq!(typed, (SoundContainer::Ogg, "ogg".to_owned()));
    let named = ogg(|one| one.file_outputs[0].filepath = "a/b.ogg".to_owned());
    assert_eq!(named, (SoundContainer::Ogg, "ogg".to_owned()));
    // One track in an Ogg is that track, and not a mix of it.
    let track = |filepath: &str| {
        let file = pb::DirectFileOutput { filepath: filepath.into(), ..Default::default() };
        Wish::of(&Asked::Track(pb::TrackEgressRequest {
            room_name: "Library".to_owned(),
            track_id: "TR_a".to_owned(),
            output: Some(pb::track_egress_request::Output::File(file)),
            ..pb::TrackEgressRequest::default()
        }))
    };
    let order = track("{track_id}.ogg").unwrap().order;
    assert_eq!((order.spec.outputs, order.filename.as_str()), (vec![Output::Tracks], "TR_a.ogg"));
    assert_eq!(track("x").unwrap().order.spec.outputs, [Output::Film]);
}

/// A film for a bucket.
fn carried(change: impl FnOnce(&mut pb::EncodedFileOutput, &mut pb::S3Upload)) -> Asked {
    let (mut output, mut s3) = (file("/films/{room_name}/"), pb::S3Upload::default());
    [s3.bucket, s3.access_key, s3.secret] = ["films", "key", "canary"].map(str::to_owned);
    s3.endpoint = "nas:9000/".to_owned();
    change(&mut output, &mut s3);
    output.output = Some(pb::encoded_file_output::Output::S3(s3));
    composite(|request| request.file_outputs = vec![output])
}

#[test]
fn a_film_is_carried_to_a_bucket_and_what_opens_it_is_told_to_nobody() {
    use roombox_control::targets::{Place, Secrets};
    let mut asked = carried(|_, _| {});
    let order = Wish::of(&asked).unwrap().order;
    assert!(order.filename.starts_with("films/Library/Library-20"), "{}", order.filename);
    let upload = order.upload.unwrap();
    let Place::S3 { endpoint, bucket, .. } = &upload.place else { panic!("{upload:?}") };
    assert_eq!((endpoint.as_str(), bucket.as_str()), ("https://nas:9000", "films"));
    assert!(upload.manifest);
    assert_eq!(upload.secrets, Secrets { secret_key: "canary".into(), ..Secrets::default() });
    storage::hide_secrets(&mut asked);
    let Asked::RoomComposite(kept) = &asked else { panic!("{asked:?}") };
    assert!(format!("{kept:?}").contains("{secret}"));
    assert!(!format!("{kept:?}").contains("canary"));
    for (change, says) in [
        (
            (|_, s3| s3.secret.clear()) as fn(&mut pb::EncodedFileOutput, &mut pb::S3Upload),
            "s3.secret",
        ),
        (|_, s3| s3.bucket = "films/2026".into(), "s3.bucket"),
        (|_, s3| s3.endpoint = "https://nas/films".into(), "s3.endpoint"),
        (|_, s3| s3.endpoint = "ftp://nas".into(), "s3.endpoint"),
        (|_, s3| s3.assume_role_arn = "arn:x".into(), "roles"),
        (|_, s3| s3.tagging = "a=b".into(), "metadata"),
        (|output, _| output.filepath = "a/../b".into(), "filepath"),
        (|output, _| output.filepath = "a//b".into(), "filepath"),
    ] {
        let refused = refusal(&carried(change));
        assert!(refused.contains(says), "{says}: {refused}");
    }
}

fn stream(protocol: pb::StreamProtocol, urls: &[&str]) -> pb::StreamOutput {
    let urls = urls.iter().map(|url| (*url).to_owned()).collect();
    pb::StreamOutput { protocol: protocol as i32, urls }
}

#[test]
fn a_room_is_sent_somewhere_with_a_film_or_without() {
    use pb::StreamProtocol as P;
    let sent = |with_file: bool, streams: Vec<pb::StreamOutput>| {
        Wish::of(&composite(|one| {
            if !with_file {
                one.file_outputs.clear();
            }
            one.stream_outputs = streams;
        }))
    };
    let rtmp = stream(P::Rtmp, &["rtmp://a.example/app/canary", " rtmps://b.example/app/key "]);
    let srt = stream(P::Srt, &["srt://c.example:9000"]);
    let order = sent(false, vec![rtmp.clone(), srt]).unwrap().order;
    assert_eq!(order.streams.len(), 3);
    assert_eq!(order.streams[1], "rtmps://b.example/app/key");
    assert!(order.spec.outputs.is_empty() && order.filename.is_empty());
    assert!(!format!("{order:?}").contains("canary"));
    let both = sent(true, vec![rtmp.clone()]).unwrap().order;
    assert_eq!((both.streams.len(), &both.spec.outputs[..]), (2, &[Output::Film][..]));
    let said = |streams| format!("{:?}", sent(false, streams).map(|_| ()).unwrap_err());
    assert!(said(vec![stream(P::Rtmp, &[])]).contains("address"));
    assert!(said(vec![stream(P::Srt, &["rtmp://a/b/c"])]).contains("protocol"));
    assert!(said(vec![stream(P::Rtmp, &["srt://a:9000"])]).contains("protocol"));
    let socket = stream(P::Websocket, &["wss://a"]);
    assert!(said(vec![socket]).contains("WebSocket"));
    let mut silent = composite(|one| {
        one.audio_only = true;
        one.stream_outputs = vec![rtmp];
    });
    assert!(refusal(&silent).contains("sound alone"));
    storage::hide_secrets(&mut silent);
    assert!(!format!("{silent:?}").contains("canary"), "{silent:?}");
}

#[test]
fn the_way_of_older_sdks_is_answered_where_they_look() {
    let output = stream(pb::StreamProtocol::Rtmp, &["rtmp://a.example/app/canary"]);
    #[expect(deprecated, reason = "it is about the deprecated way")]
    let asked = composite(|one| {
        one.file_outputs.clear();
        one.output = Some(pb::room_composite_egress_request::Output::Stream(output));
    });
    let order = Wish::of(&asked).unwrap().order;
    assert_eq!(order.streams, ["rtmp://a.example/app/canary"]);
    let mut view = seen(asked);
    view.row.spec.outputs.clear();
    view.streams = vec![StreamView {
        address: "rtmp://a.example/app/•••".to_owned(),
        started_ms: 1000,
        ended_ms: Some(3000),
        error: Some("refused".to_owned()),
        breaks: 2,
    }];
    let shown = info(&view);
    assert!(shown.file_results.is_empty());
    let [stream] = &shown.stream_results[..] else { panic!("{shown:?}") };
    assert_eq!((stream.status, stream.retries), (pb::stream_info::Status::Failed as i32, 2));
    assert_eq!((stream.duration, stream.error.as_str()), (2_000_000_000, "refused"));
    #[expect(deprecated, reason = "it is about the deprecated way")]
    let Some(pb::egress_info::Result::Stream(list)) = &shown.result else { panic!("{shown:?}") };
    assert_eq!(list.info, shown.stream_results);
}

#[test]
fn what_cannot_be_made_is_refused_with_its_reason() {
    let refused = |change: fn(&mut pb::RoomCompositeEgressRequest)| refusal(&composite(change));
    assert!(refused(|one| one.custom_base_url = "https://x".into()).contains("no browser"));
    assert!(refused(|one| one.layout = "spiral".into()).contains("speaker"));
    assert!(refused(|one| one.room_name.clear()).contains("room_name"));
    assert!(refused(|one| one.file_outputs.clear()).contains("one file"));
    for kind in [pb::EncodedFileType::Ogg, pb::EncodedFileType::Mp3] {
        let asked = composite(|one| one.file_outputs[0].file_type = kind as i32);
        assert!(refusal(&asked).contains("M4A"), "a film in {kind:?}");
    }
    let upload = |one: &mut pb::RoomCompositeEgressRequest| {
        let gcp = pb::encoded_file_output::Output::Gcp(pb::GcpUpload::default());
        one.file_outputs[0].output = Some(gcp);
    };
    assert!(refused(upload).contains("uploads"));
    let huge = |one: &mut pb::RoomCompositeEgressRequest| {
        let options = pb::EncodingOptions { width: 99_999, ..pb::EncodingOptions::default() };
        one.options = Some(pb::room_composite_egress_request::Options::Advanced(options));
    };
    assert!(refused(huge).contains("3840"));
    assert!(refusal(&Asked::Web(pb::WebEgressRequest::default())).contains("no browser"));
}

/// An order as the door gets to see it.
fn seen(asked: Asked) -> EgressView {
    let kept = pb::EgressInfo { request: Some(asked), ..pb::EgressInfo::default() };
    EgressView {
        row: EgressRow {
            id: "EG_1".to_owned(),
            room_name: "Library".to_owned(),
            room_sid: "RM_1".to_owned(),
            opened_with: "key".to_owned(),
            filename: "a.mp4".to_owned(),
            request: kept.encode_to_vec(),
            spec: JobSpec::new("job_1".into(), "rec_1".into(), String::new()),
            started_ms: 1000,
            updated_ms: 1000,
            began: true,
            stopped: false,
            streams: Vec::new(),
        },
        state: EgressState::Active,
        duration_ms: 500,
        ended_ms: None,
        error: None,
        finished: true,
        upload: None,
        files: Vec::new(),
        streams: Vec::new(),
    }
}

#[test]
fn an_order_is_shown_with_what_was_asked_and_where_its_film_is() {
    let asked = composite(|_| {});
    let mut view = seen(asked.clone());
    let event = |view: &EgressView| -> serde_json::Value {
        serde_json::from_slice(&news(view, 0).unwrap().body).unwrap()
    };
    assert_eq!(event(&view)["event"], "egress_started");
    let shown = info(&view);
    assert_eq!((shown.request, shown.started_at, shown.ended_at), (Some(asked), 1_000_000_000, 0));
    view.state = EgressState::Complete;
    view.ended_ms = Some(1500);
    view.files.push(roombox_control::jobs::MadeFile {
        kind: FileKind::Mp4,
        path: "derived/job_1/film.mp4".to_owned(),
        bytes: 7,
        sha256: String::new(),
    });
    let body = event(&view);
    assert_eq!(body["event"], "egress_ended");
    assert_eq!(body["egressInfo"]["status"], "EGRESS_COMPLETE");
    let file = &body["egressInfo"]["fileResults"][0];
    assert_eq!(file["location"], "/api/v1/recordings/rec_1/files/derived/job_1/film.mp4");
    assert_eq!((&file["size"], &file["duration"]), (&"7".into(), &"500000000".into()));
}
