//! What is published, in LiveKit's words: tracks, their layers and codecs, data tracks.

// Fields that newer clients no longer need are still what older ones read.
#![expect(deprecated, reason = "older clients read and write them")]

use super::{source_from, source_to};
use livekit_protocol as pb;
use prost::Message;
use roombox_control::conference::{
    Codec, DataTrackInfo, LayerInfo, MediaKind, NewBackup, NewDataTrack, NewTrack, StreamState,
    TrackId, TrackInfo, VideoCodecs, WantedCodec,
};
use std::sync::Arc;

/// Codecs in which one track may be announced. Clients have two.
const MOST_CODECS: usize = 4;

/// Codecs that clients may publish in a room that takes pictures in these. Clients that would send another
/// one take the first of their kind.
pub(in crate::livekit) fn publish_codecs(video: VideoCodecs) -> Vec<pb::Codec> {
    let video = video.all().map(|codec| mime(codec, false));
    ["audio/opus", "audio/red"]
        .into_iter()
        .chain(video)
        .chain(["video/rtx"])
        .map(|mime| pb::Codec { mime: mime.to_owned(), fmtp_line: String::new() })
        .collect()
}

fn mime(codec: Codec, red: bool) -> &'static str {
    match (codec, red) {
        (Codec::Opus, true) => "audio/red",
        (Codec::Opus, false) => "audio/opus",
        (Codec::Vp8, _) => "video/VP8",
        (Codec::Vp9, _) => "video/VP9",
        (Codec::Av1, _) => "video/AV1",
        (Codec::H264, _) => "video/H264",
    }
}

/// What of a track is wanted, by codec: layers up to the best, or none.
pub(in crate::livekit) fn subscribed_quality(
    track: &TrackId,
    codecs: &[WantedCodec],
) -> pb::SubscribedQualityUpdate {
    let codecs: Vec<_> = codecs.iter().map(subscribed_codec).collect();
    #[expect(deprecated, reason = "clients before per-codec qualities read nothing else")]
    pb::SubscribedQualityUpdate {
        track_sid: track.to_string(),
        subscribed_qualities: codecs.first().map(|c| c.qualities.clone()).unwrap_or_default(),
        subscribed_codecs: codecs,
    }
}

fn subscribed_codec(wanted: &WantedCodec) -> pb::SubscribedCodec {
    let WantedCodec { codec, layers, best } = *wanted;
    let all = best.is_some_and(|best| best + 1 >= layers);
    let enabled = |quality: usize| all || best.is_some_and(|best| quality <= best);
    let qualities = [pb::VideoQuality::Low, pb::VideoQuality::Medium, pb::VideoQuality::High]
        .into_iter()
        .zip(0..)
        .map(|(quality, n)| pb::SubscribedQuality { quality: quality as i32, enabled: enabled(n) })
        .collect();
    let name = codec.and_then(|codec| mime(codec, false).split('/').nth(1)).unwrap_or_default();
    pb::SubscribedCodec { codec: name.to_lowercase(), qualities }
}

/// Which codecs of a sound are wanted that was announced in several: the box takes Opus, whether or not
/// anybody listens, and no other. `None`: there is nothing to choose.
pub(in crate::livekit) fn subscribed_audio(
    info: &TrackInfo,
) -> Option<pb::SubscribedAudioCodecUpdate> {
    let template = pb::TrackInfo::decode(&*info.note).unwrap_or_default();
    if info.kind != MediaKind::Audio || template.codecs.len() < 2 {
        return None;
    }
    let wanted = |codec: pb::SimulcastCodecInfo| pb::SubscribedAudioCodec {
        enabled: codec_named(&codec.mime_type) == Some(Codec::Opus),
        codec: codec.mime_type,
    };
    Some(pb::SubscribedAudioCodecUpdate {
        track_sid: info.id.to_string(),
        subscribed_audio_codecs: template.codecs.into_iter().map(wanted).collect(),
    })
}

/// Whether a subscribed stream is paused.
pub(in crate::livekit) fn stream_state(state: &StreamState) -> pb::StreamStateInfo {
    let paused = if state.paused { pb::StreamState::Paused } else { pb::StreamState::Active };
    pb::StreamStateInfo {
        participant_sid: state.publisher.to_string(),
        track_sid: state.track.to_string(),
        state: paused as i32,
    }
}

/// A codec by mime type or bare name, as `simulcast_codecs` has it.
fn codec_named(name: &str) -> Option<Codec> {
    let bare = name.rsplit('/').next().unwrap_or(name);
    match bare.to_ascii_lowercase().as_str() {
        "opus" | "red" => Some(Codec::Opus),
        "vp8" => Some(Codec::Vp8),
        "vp9" => Some(Codec::Vp9),
        "av1" => Some(Codec::Av1),
        "h264" => Some(Codec::H264),
        _ => None,
    }
}

/// The codec in which a picture is asked to be published, if it is one that the box knows.
pub(in crate::livekit) fn asked_codec(request: &pb::AddTrackRequest) -> Option<Codec> {
    let codec = codec_named(&request.simulcast_codecs.first()?.codec)?;
    Some(codec).filter(|codec| codec.kind() == MediaKind::Video)
}

/// Reads an `add_track` request. What only LiveKit clients care about travels in the track's note.
pub(in crate::livekit) fn new_track(
    request: &pb::AddTrackRequest,
    sid: String,
    codecs: VideoCodecs,
) -> NewTrack {
    let kind = match pb::TrackType::try_from(request.r#type) {
        Ok(pb::TrackType::Video) => MediaKind::Video,
        _ => MediaKind::Audio,
    };
    let first = request.simulcast_codecs.first();
    let (layers, infos) = announced_layers(request);
    let codec = first.and_then(|codec| codec_named(&codec.codec));
    let codec = match kind {
        MediaKind::Audio => codec,
        MediaKind::Video => codecs.in_place_of(codec),
    };
    let backup = request.simulcast_codecs.get(1).and_then(|codec| codec_named(&codec.codec));
    let video = |codec: Codec| kind == MediaKind::Video && codec.kind() == MediaKind::Video;
    let backup = backup.filter(|backup| video(*backup) && Some(*backup) != codec);
    let backup = backup.filter(|backup| codecs.allow(*backup));
    let others = request.simulcast_codecs.iter().skip(1).take(MOST_CODECS - 1);
    let others = others.filter_map(|other| match kind {
        // Of sound the box sends on one codec only, but says of all whether they are wanted.
        MediaKind::Audio => Some(other.codec.clone()),
        MediaKind::Video => {
            let backup = backup.filter(|backup| codec_named(&other.codec) == Some(*backup));
            backup.map(|backup| mime(backup, false).to_owned())
        }
    });
    let others: Vec<_> = others
        .map(|mime_type| pb::SimulcastCodecInfo { mime_type, ..Default::default() })
        .collect();
    let template = pb::TrackInfo {
        sid: sid.clone(),
        r#type: request.r#type,
        name: request.name.clone(),
        muted: request.muted,
        width: request.width,
        height: request.height,
        simulcast: layers.len() > 1,
        disable_dtx: request.disable_dtx,
        source: request.source,
        layers: layers.clone(),
        mime_type: codec.map(|codec| mime(codec, false).to_owned()).unwrap_or_default(),
        codecs: [pb::SimulcastCodecInfo {
            mime_type: codec.map(|codec| mime(codec, false).to_owned()).unwrap_or_default(),
            cid: request.cid.clone(),
            layers,
            ..pb::SimulcastCodecInfo::default()
        }]
        .into_iter()
        .chain(others)
        .collect(),
        stereo: request.stereo,
        disable_red: request.disable_red,
        encryption: request.encryption,
        stream: request.stream.clone(),
        audio_features: request.audio_features.clone(),
        backup_codec_policy: request.backup_codec_policy,
        packet_trailer_features: request.packet_trailer_features.clone(),
        ..pb::TrackInfo::default()
    };
    NewTrack {
        id: sid.into(),
        cid: request.cid.clone(),
        name: request.name.clone(),
        kind,
        source: source_from(request.source),
        muted: request.muted,
        width: request.width,
        height: request.height,
        encrypted: request.encryption != pb::encryption::Type::None as i32,
        layers: infos,
        codec,
        backup,
        no_red: request.disable_red || request.encryption != pb::encryption::Type::None as i32,
        note: template.encode_to_vec().into(),
    }
}

/// Layers as a request describes them, smallest first: for clients and for the room.
fn announced_layers(request: &pb::AddTrackRequest) -> (Vec<pb::VideoLayer>, Vec<LayerInfo>) {
    let first = request.simulcast_codecs.first();
    let mut layers = match (request.layers.is_empty(), first) {
        (true, Some(codec)) => codec.layers.clone(),
        _ => request.layers.clone(),
    };
    layers.sort_by_key(|layer| layer.quality);
    let usual = ["q", "h", "f"];
    let infos = layers
        .iter()
        .enumerate()
        .map(|(n, layer)| LayerInfo {
            rid: match layer.rid.is_empty() && layers.len() > 1 {
                true => usual.get(n).copied().unwrap_or_default().to_owned(),
                false => layer.rid.clone(),
            },
            width: layer.width,
            height: layer.height,
            bitrate: layer.bitrate,
        })
        .collect();
    (layers, infos)
}

/// Reads an `add_track` request for the second codec of a track. `None`: it names no codec that the
/// box knows.
pub(in crate::livekit) fn new_backup(
    request: &pb::AddTrackRequest,
    track: &TrackInfo,
) -> Option<NewBackup> {
    let codec = codec_named(&request.simulcast_codecs.first()?.codec)?;
    let (layers, infos) = announced_layers(request);
    let mut template = pb::TrackInfo::decode(&*track.note).unwrap_or_default();
    let mime_type = mime(codec, false);
    if let Some(second) = template.codecs.iter_mut().skip(1).find(|c| c.mime_type == mime_type) {
        second.cid.clone_from(&request.cid);
        second.layers = layers;
    }
    Some(NewBackup {
        track: track.id.clone(),
        cid: request.cid.clone(),
        codec,
        layers: infos,
        note: template.encode_to_vec().into(),
    })
}

/// A track's note with other audio features. What older clients read follows them.
pub(in crate::livekit) fn with_features(note: &[u8], features: Vec<i32>) -> Arc<[u8]> {
    let mut track = pb::TrackInfo::decode(note).unwrap_or_default();
    let has = |feature: pb::AudioTrackFeature| features.contains(&(feature as i32));
    track.stereo = has(pb::AudioTrackFeature::TfStereo);
    track.disable_dtx = has(pb::AudioTrackFeature::TfNoDtx);
    track.audio_features = features;
    track.encode_to_vec().into()
}

pub(in crate::livekit) fn track(info: &TrackInfo) -> pb::TrackInfo {
    // Tracks of other doors have no note of ours: then the nouns alone must do.
    let mut track = pb::TrackInfo::decode(&*info.note).unwrap_or_default();
    if info.note.is_empty() {
        track.layers = layers(&info.layers);
        track.simulcast = track.layers.len() > 1;
    }
    track.sid = info.id.to_string();
    track.name.clone_from(&info.name);
    track.muted = info.muted;
    track.width = info.width;
    track.height = info.height;
    track.source = source_to(info.source);
    track.mid.clone_from(&info.mid);
    track.r#type = match info.kind {
        MediaKind::Audio => pb::TrackType::Audio as i32,
        MediaKind::Video => pb::TrackType::Video as i32,
    };
    if let Some(codec) = info.codec {
        let mime = mime(codec, info.red);
        track.mime_type = mime.to_owned();
        if track.codecs.is_empty() {
            track.codecs.push(pb::SimulcastCodecInfo::default());
        }
        track.codecs[0].mime_type = mime.to_owned();
        track.codecs[0].mid.clone_from(&info.mid);
    }
    track
}

/// Layers as clients choose them: three qualities, the best of which is `High`.
fn layers(infos: &[LayerInfo]) -> Vec<pb::VideoLayer> {
    let qualities = [pb::VideoQuality::High, pb::VideoQuality::Medium, pb::VideoQuality::Low];
    let mut layers: Vec<_> = infos
        .iter()
        .rev()
        .zip(qualities)
        .map(|(layer, quality)| pb::VideoLayer {
            quality: quality as i32,
            width: layer.width,
            height: layer.height,
            bitrate: layer.bitrate,
            rid: layer.rid.clone(),
            ..pb::VideoLayer::default()
        })
        .collect();
    layers.reverse();
    layers
}

pub(in crate::livekit) fn data_track(info: &DataTrackInfo) -> pb::DataTrackInfo {
    pb::DataTrackInfo {
        sid: info.id.to_string(),
        pub_handle: u32::from(info.handle),
        name: info.name.clone(),
        ..pb::DataTrackInfo::decode(&*info.note).unwrap_or_default()
    }
}

/// Handles have 16 bits; 0 stands for those that have more, and is none.
pub(in crate::livekit) fn data_handle(handle: u32) -> u16 {
    u16::try_from(handle).unwrap_or(0)
}

/// Reads a wish to publish a data track. What only LiveKit clients care about travels in its note.
pub(in crate::livekit) fn new_data_track(
    request: pb::PublishDataTrackRequest,
    sid: String,
) -> NewDataTrack {
    let template = pb::DataTrackInfo {
        encryption: request.encryption,
        frame_encoding: request.frame_encoding,
        schema: request.schema,
        ..pb::DataTrackInfo::default()
    };
    let handle = data_handle(request.pub_handle);
    let (name, note) = (request.name, template.encode_to_vec().into());
    NewDataTrack { id: sid.into(), handle, name, note }
}
