//! From what a program asks in one of LiveKit's five ways to what the box makes.

use super::super::twirp::{Refused, refused};
use super::storage::{name_there, provider};
use super::streams::{NO_SOCKETS, streams};
use livekit_protocol as pb;
use pb::egress_info::Request as Asked;
use roombox_control::clock::UnixMs;
use roombox_control::egress::{Order, Wanted};
use roombox_control::jobs::{JobSpec, LayoutName, Only, Output, SoundContainer};

const NO_SOUND_ALONE: &str =
    "sound alone is not sent live: leave audio_only out, or ask for a file";
const NO_SEGMENTS: &str = "HLS is not ordered by this API: POST to /api/v1/rooms/{id}/outputs of the box's own, or ask \
                           for a file output";
const NO_IMAGES: &str =
    "image outputs are not implemented: every film comes with a thumbnail and a sheet of pictures";
const NO_BROWSER: &str = "this box has no browser that could film a page: use a layout";
const ONE_FILE: &str =
    "ask for one file output, for streams, or for both: each film is an egress of its own";
const NO_CHANNELS: &str = "sound is mixed for everybody: channels of one's own are not implemented";
const NO_RECEIVERS: &str =
    "webhooks of one egress are not implemented: add the receiver in the box's settings";
/// Names of files with Opus in them.
const OGG: &str = ".ogg";
const NO_SILENT_FILMS: &str = "video_only is not implemented";

/// What is to be made, of which room.
#[derive(Debug, PartialEq)]
pub(super) struct Wish {
    pub room: String,
    pub order: Order,
}

pub(super) type Wished<T> = Result<T, Refused>;

pub(super) fn cannot<T>(why: &str) -> Wished<T> {
    Err(refused("unimplemented", why))
}

pub(super) fn wrong<T>(why: impl Into<String>) -> Wished<T> {
    Err(refused("invalid_argument", why))
}

/// The file that is asked for.
#[derive(Debug, Default)]
struct File {
    kind: i32,
    name: String,
    upload: Option<Wanted>,
}

/// How pictures and sound are coded.
#[derive(Debug, Clone, Copy)]
enum Encoding {
    Preset(i32),
    Advanced(pb::EncodingOptions),
}

impl Default for Encoding {
    fn default() -> Self {
        Self::Preset(pb::EncodingOptionsPreset::H264720p30 as i32)
    }
}

/// What becomes of what is filmed.
#[derive(Debug, Default)]
struct Outlets {
    file: Option<File>,
    /// Addresses.
    streams: Vec<String>,
}

/// `Options` of each request is a type of its own.
macro_rules! encoding {
    ($options:expr, $module:ident :: $kind:ident) => {
        match $options {
            Some(pb::$module::$kind::Preset(preset)) => Encoding::Preset(*preset),
            Some(pb::$module::$kind::Advanced(options)) => Encoding::Advanced(*options),
            None => Encoding::default(),
        }
    };
}

/// File and streams of a request in the old ways.
macro_rules! outlets {
    ($request:expr, $module:ident) => {{
        let request = $request;
        #[expect(deprecated, reason = "older SDKs ask in this way")]
        let (file, stream) = match &request.output {
            Some(pb::$module::Output::File(file)) => (Some(file), None),
            Some(pb::$module::Output::Stream(stream)) => (None, Some(stream)),
            Some(pb::$module::Output::Segments(_)) => return cannot(NO_SEGMENTS),
            None => (None, None),
        };
        outlets_of((file, &request.file_outputs), (stream, &request.stream_outputs))?
    }};
}

/// A film, streams, or both: each in the old way, if in that, and in the new one.
fn outlets_of(
    (old_file, files): (Option<&pb::EncodedFileOutput>, &[pb::EncodedFileOutput]),
    (old_stream, new_streams): (Option<&pb::StreamOutput>, &[pb::StreamOutput]),
) -> Wished<Outlets> {
    let streams = streams(old_stream, new_streams)?;
    let file = match (old_file, files) {
        (None, []) if !streams.is_empty() => None,
        (old, new) => Some(encoded_file(old, new)?),
    };
    Ok(Outlets { file, streams })
}

fn nothing_else(segments: usize, images: usize) -> Wished<()> {
    match (segments, images) {
        (0, 0) => Ok(()),
        (0, _) => cannot(NO_IMAGES),
        _ => cannot(NO_SEGMENTS),
    }
}

fn nobody_else(webhooks: &[pb::WebhookConfig]) -> Wished<()> {
    if webhooks.is_empty() { Ok(()) } else { cannot(NO_RECEIVERS) }
}

fn encoded_file(
    old: Option<&pb::EncodedFileOutput>,
    new: &[pb::EncodedFileOutput],
) -> Wished<File> {
    // The JavaScript SDK says the same in both ways.
    let file = match (old, new) {
        (_, [file]) => file,
        (Some(file), []) => file,
        _ => return wrong(ONE_FILE),
    };
    let upload = provider!(&file.output, encoded_file_output::Output, !file.disable_manifest)?;
    Ok(File { kind: file.file_type, name: file.filepath.clone(), upload })
}

/// The layout of a name of LiveKit's templates, or of ours.
pub(super) fn layout_of(name: &str) -> Wished<LayoutName> {
    let plain = name.strip_suffix("-light").or(name.strip_suffix("-dark")).unwrap_or(name);
    Ok(match plain {
        "" | "grid" => LayoutName::Grid,
        "speaker" => LayoutName::Speaker,
        "single-speaker" | "single" => LayoutName::Single,
        "screen" => LayoutName::Screen,
        "auto" => LayoutName::Auto,
        _ => {
            return wrong(format!(
                "there is no layout {name:?}: grid, speaker, single-speaker, screen and auto are known"
            ));
        }
    })
}

/// True if the answer is looked for where it was before there could be several files.
#[expect(deprecated, reason = "it is about the deprecated way")]
pub(super) fn asks_in_the_old_way(asked: Option<&Asked>) -> bool {
    use pb::room_composite_egress_request::Output as OfRoom;
    use pb::track_composite_egress_request::Output as OfTracks;
    match asked {
        Some(Asked::RoomComposite(one)) => {
            matches!(one.output, Some(OfRoom::File(_) | OfRoom::Stream(_)))
        }
        Some(Asked::TrackComposite(one)) => {
            matches!(one.output, Some(OfTracks::File(_) | OfTracks::Stream(_)))
        }
        Some(Asked::Track(_)) => true,
        _ => false,
    }
}

/// What is filmed, before how.
struct Source {
    room: String,
    layout: LayoutName,
    only: Only,
    sound_alone: bool,
}

impl Source {
    /// Everybody.
    fn room(name: &str, layout: LayoutName, sound_alone: bool) -> Self {
        Self { room: name.to_owned(), layout, only: Only::default(), sound_alone }
    }

    fn tracks(room: &str, tracks: &[&str], sound_alone: bool) -> Wished<Self> {
        let tracks: Vec<String> =
            tracks.iter().filter(|id| !id.is_empty()).map(|id| (*id).to_owned()).collect();
        if tracks.is_empty() {
            return wrong("ask for a track");
        }
        let only = Only { tracks, ..Only::default() };
        Ok(Self { room: room.to_owned(), layout: LayoutName::Auto, only, sound_alone })
    }

    fn person(room: &str, identity: &str, screen: bool) -> Wished<Self> {
        if identity.is_empty() {
            return wrong("identity is missing");
        }
        let only = Only { identities: vec![identity.to_owned()], ..Only::default() };
        // With a screen it takes the stage; without, the person fills the picture.
        let layout = if screen { LayoutName::Screen } else { LayoutName::Single };
        Ok(Self { room: room.to_owned(), layout, only, sound_alone: false })
    }
}

impl Wish {
    /// What is asked, or why the box cannot do it.
    pub fn of(asked: &Asked) -> Wished<Self> {
        match asked {
            Asked::RoomComposite(one) => Self::of_room(one),
            Asked::Participant(one) => {
                nothing_else(one.segment_outputs.len(), one.image_outputs.len())?;
                nobody_else(&one.webhooks)?;
                let outlets = outlets_of((None, &one.file_outputs), (None, &one.stream_outputs))?;
                let source = Source::person(&one.room_name, &one.identity, one.screen_share)?;
                let encoding = encoding!(&one.options, participant_egress_request::Options);
                Self::made(source, encoding, outlets)
            }
            Asked::TrackComposite(one) => {
                nobody_else(&one.webhooks)?;
                nothing_else(one.segment_outputs.len(), one.image_outputs.len())?;
                let outlets = outlets!(one, track_composite_egress_request);
                let (sound, picture) = (one.audio_track_id.as_str(), one.video_track_id.as_str());
                let alone = picture.is_empty();
                let source = Source::tracks(&one.room_name, &[sound, picture], alone)?;
                let encoding = encoding!(&one.options, track_composite_egress_request::Options);
                Self::made(source, encoding, outlets)
            }
            Asked::Track(one) => {
                nobody_else(&one.webhooks)?;
                use pb::track_egress_request::Output as Target;
                let file = match &one.output {
                    Some(Target::File(file)) => {
                        let (output, manifest) = (&file.output, !file.disable_manifest);
                        let upload = provider!(output, direct_file_output::Output, manifest)?;
                        File { kind: 0, name: file.filepath.clone(), upload }
                    }
                    Some(Target::WebsocketUrl(_)) => return cannot(NO_SOCKETS),
                    None => File::default(),
                };
                let source = Source::tracks(&one.room_name, &[&one.track_id], false)?;
                let as_it_is = file.name.ends_with(OGG);
                let outlets = Outlets { file: Some(file), streams: Vec::new() };
                let mut wish = Self::made(source, Encoding::default(), outlets)?;
                // As LiveKit's service does: the track itself, nothing coded anew.
                if as_it_is {
                    wish.order.spec.outputs = vec![Output::Tracks];
                }
                Ok(wish)
            }
            Asked::Egress(one) => Self::of_egress(one),
            Asked::Web(_) => cannot(NO_BROWSER),
            Asked::Replay(_) => cannot("replays are not implemented"),
        }
    }

    fn of_room(one: &pb::RoomCompositeEgressRequest) -> Wished<Self> {
        nothing_else(one.segment_outputs.len(), one.image_outputs.len())?;
        nobody_else(&one.webhooks)?;
        if one.audio_mixing != pb::AudioMixing::DefaultMixing as i32 {
            return cannot(NO_CHANNELS);
        }
        let outlets = outlets!(one, room_composite_egress_request);
        if !one.custom_base_url.is_empty() {
            return cannot(NO_BROWSER);
        }
        if one.video_only {
            return cannot(NO_SILENT_FILMS);
        }
        let source = Source::room(&one.room_name, layout_of(&one.layout)?, one.audio_only);
        let encoding = encoding!(&one.options, room_composite_egress_request::Options);
        Self::made(source, encoding, outlets)
    }

    fn of_egress(one: &pb::StartEgressRequest) -> Wished<Self> {
        use pb::output::Config;
        use pb::start_egress_request::Source as From;
        nobody_else(&one.webhooks)?;
        let mut outlets = Outlets::default();
        for output in &one.outputs {
            match &output.config {
                Some(Config::File(file)) => {
                    let store = output.storage.as_ref().or(one.storage.as_ref());
                    let store = store.map(|store| &store.provider).unwrap_or(&None);
                    let manifest = !file.disable_manifest;
                    let upload = provider!(store, storage_config::Provider, manifest)?;
                    let name = file.filepath.clone();
                    let file = File { kind: file.file_type, name, upload };
                    if outlets.file.replace(file).is_some() {
                        return wrong(ONE_FILE);
                    }
                }
                Some(Config::Stream(stream)) => {
                    outlets.streams.extend(streams(Some(stream), &[])?);
                }
                Some(Config::Segments(_)) => return cannot(NO_SEGMENTS),
                Some(Config::Images(_)) => return cannot(NO_IMAGES),
                None => return wrong(ONE_FILE),
            }
        }
        if outlets.file.is_none() && outlets.streams.is_empty() {
            return wrong(ONE_FILE);
        }
        let source = match &one.source {
            Some(From::Template(template)) if !template.custom_base_url.is_empty() => {
                return cannot(NO_BROWSER);
            }
            Some(From::Template(template)) if template.video_only => {
                return cannot(NO_SILENT_FILMS);
            }
            Some(From::Template(template)) => {
                Source::room(&one.room_name, layout_of(&template.layout)?, template.audio_only)
            }
            Some(From::Media(media)) => of_media(&one.room_name, media)?,
            Some(From::Web(_)) => return cannot(NO_BROWSER),
            None => return wrong("source is missing"),
        };
        let encoding = encoding!(&one.encoding, start_egress_request::Encoding);
        Self::made(source, encoding, outlets)
    }

    fn made(source: Source, encoding: Encoding, outlets: Outlets) -> Wished<Self> {
        let Outlets { file, streams } = outlets;
        let films = file.is_some();
        let File { kind, name, upload } = file.unwrap_or_default();
        let Source { room, layout, only, sound_alone } = source;
        if room.is_empty() {
            return wrong("room_name is missing");
        }
        if sound_alone && !streams.is_empty() {
            return cannot(NO_SOUND_ALONE);
        }
        use pb::EncodedFileType as Kind;
        let container = match Kind::try_from(kind) {
            Ok(Kind::Ogg) if sound_alone => SoundContainer::Ogg,
            Ok(Kind::DefaultFiletype) if sound_alone && name.ends_with(OGG) => SoundContainer::Ogg,
            Ok(Kind::DefaultFiletype | Kind::Mp4) => SoundContainer::M4a,
            _ => return cannot("films are MP4, and sound alone becomes an M4A or an OGG"),
        };
        let mut spec = JobSpec::new(String::new(), String::new(), String::new());
        encode(&mut spec, encoding)?;
        spec.layout.name = layout;
        spec.outputs = vec![if sound_alone { Output::Sound } else { Output::Film }];
        spec.audio.container = container;
        let ending = match container {
            SoundContainer::Ogg => "ogg",
            _ if sound_alone => "m4a",
            _ => "mp4",
        };
        let mut filename = match films {
            true => filename(&name, &room, &only, ending),
            false => {
                spec.outputs = Vec::new();
                String::new()
            }
        };
        if upload.is_some() {
            filename = name_there(&filename)?;
        }
        spec.only = only;
        Ok(Self { room, order: Order { spec, filename, request: Vec::new(), upload, streams } })
    }
}

/// Tracks and people whose picture or sound is wanted.
fn of_media(room: &str, media: &pb::MediaSource) -> Wished<Source> {
    use pb::audio_route::Match;
    use pb::media_source::Video;
    let none = pb::AudioConfig::default();
    let audio = media.audio.as_ref().unwrap_or(&none);
    let mut only = Only::default();
    for route in &audio.routes {
        if route.channel != pb::AudioChannel::Both as i32 {
            return cannot(NO_CHANNELS);
        }
        match &route.r#match {
            Some(Match::TrackId(track)) => only.tracks.push(track.clone()),
            Some(Match::ParticipantIdentity(identity)) => only.identities.push(identity.clone()),
            _ => return cannot("sound by kind of participant is not implemented"),
        }
    }
    let some = !only.is_empty();
    if audio.capture_all && (some || media.video.is_some()) {
        return cannot("everybody's sound with one picture is not implemented: use a layout");
    }
    match &media.video {
        None if audio.capture_all => Ok(Source::room(room, LayoutName::Auto, true)),
        None if some => {
            let (room, layout) = (room.to_owned(), LayoutName::Auto);
            Ok(Source { room, layout, only, sound_alone: true })
        }
        None => wrong("neither picture nor sound is asked for"),
        // A person comes with what that person says.
        Some(Video::ParticipantVideo(video)) => {
            if only.identities.iter().any(|one| *one != video.identity) || !only.tracks.is_empty() {
                return cannot("another person's sound is not implemented");
            }
            Source::person(room, &video.identity, video.prefer_screen_share)
        }
        Some(Video::VideoTrackId(track)) => {
            if !only.identities.is_empty() {
                return cannot("a person's sound with a track is not implemented: name its track");
            }
            let tracks = only.tracks.iter().chain([track]).map(String::as_str);
            Source::tracks(room, &tracks.collect::<Vec<_>>(), false)
        }
    }
}

fn encode(spec: &mut JobSpec, encoding: Encoding) -> Wished<()> {
    use pb::EncodingOptionsPreset as P;
    let (canvas, fps, kbps) = match encoding {
        Encoding::Preset(preset) => match P::try_from(preset) {
            Ok(P::H264720p30) => ((1280, 720), 30, 3000),
            Ok(P::H264720p60) => ((1280, 720), 60, 4500),
            Ok(P::H2641080p30) => ((1920, 1080), 30, 4500),
            Ok(P::H2641080p60) => ((1920, 1080), 60, 6000),
            Ok(P::PortraitH264720p30) => ((720, 1280), 30, 3000),
            Ok(P::PortraitH264720p60) => ((720, 1280), 60, 4500),
            Ok(P::PortraitH2641080p30) => ((1080, 1920), 30, 4500),
            Ok(P::PortraitH2641080p60) => ((1080, 1920), 60, 6000),
            _ => return wrong("this preset is not known"),
        },
        Encoding::Advanced(options) => {
            let video = pb::VideoCodec::try_from(options.video_codec);
            if matches!(video, Ok(pb::VideoCodec::Vp8) | Err(_)) {
                return cannot("films are H.264");
            }
            let or = |value: i32, usual: u32| match value {
                0 => usual,
                value => u32::try_from(value).unwrap_or(0),
            };
            // Encoders want rows of eights.
            let canvas = (or(options.width, 1920) & !7, or(options.height, 1080) & !1);
            spec.audio.bps = or(options.audio_bitrate, 128).clamp(16, 320) * 1000;
            if options.key_frame_interval > 0.0 {
                spec.video.gop_s = (options.key_frame_interval.round() as u32).clamp(1, 60);
            }
            (canvas, or(options.framerate, 30), or(options.video_bitrate, 4500))
        }
    };
    if !(160..=3840).contains(&canvas.0) || !(90..=2160).contains(&canvas.1) {
        return wrong("a film is 160 to 3840 pixels wide and 90 to 2160 high");
    }
    if !(1..=60).contains(&fps) {
        return wrong("a film has 1 to 60 frames a second");
    }
    spec.layout.canvas = canvas;
    spec.layout.fps = fps;
    spec.video.max_bps = kbps.clamp(50, 50_000) * 1000;
    Ok(())
}

/// The name that the program gave, its placeholders filled as LiveKit's service fills them.
fn filename(wanted: &str, room: &str, only: &Only, ending: &str) -> String {
    let wanted = match wanted {
        "" => "{room_name}-{time}".to_owned(),
        folder if folder.ends_with('/') => format!("{folder}{{room_name}}-{{time}}"),
        name => name.to_owned(),
    };
    let now = UnixMs::now();
    let time = now.rfc3339().chars().take(19).filter(|c| *c != ':').collect::<String>();
    let first = |list: &[String]| list.first().cloned().unwrap_or_default();
    let name = [
        ("{room_name}", room.to_owned()),
        ("{time}", time),
        ("{utc}", now.0.to_string()),
        ("{publisher_identity}", first(&only.identities)),
        ("{track_id}", first(&only.tracks)),
    ]
    .into_iter()
    .fold(wanted, |name, (placeholder, value)| name.replace(placeholder, &value));
    let known = [".mp4", ".m4a", OGG].iter().any(|ending| name.ends_with(ending));
    if known { name } else { format!("{name}.{ending}") }
}
