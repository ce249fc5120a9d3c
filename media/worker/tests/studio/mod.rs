//! Makes recordings with real encoders, through the recorder's own part files, and looks at films
//! with FFmpeg.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a studio that does not work has failed the test")]

use gstreamer as gst;
use roombox_capture::manifest::{
    Codec, Manifest, MediaKind, Part, RecordedLayer, RecordedTrack, TrackSource,
};
use roombox_capture::matroska::{LONGEST_CLUSTER_US, PartFormat, PartWriter};
use roombox_capture::storage::LocalDisk;
use roombox_capture::timeline::{TimelineEvent, TimelineLine};
use roombox_jobs::spec::{JobSpec, Layout, LayoutName, Output, Progress, Receipt};
use roombox_transcode::h264;
use roombox_worker::driven::{Driven, Setting};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use tempfile::TempDir;

pub const SECOND: u64 = 1_000_000;
/// What lies in the folder of a film.
pub const FILM: [&str; 6] =
    ["chapters.vtt", "film.json", "film.mp4", "sprite.jpg", "sprite.vtt", "thumbnail.jpg"];
const RECORDING: &str = "rec_01TEST";

/// One recording in the making.
pub struct Studio {
    pub folder: TempDir,
    pub manifest: Manifest,
    timeline: Vec<TimelineLine>,
}

/// When and how a camera is filmed.
#[derive(Clone, Copy)]
pub struct Take {
    pub codec: Codec,
    pub layer: RecordedLayer,
    pub from_us: u64,
    pub to_us: u64,
    pub size: (u32, u32),
    pub fps: u64,
}

impl Take {
    pub fn vp8(from_us: u64, to_us: u64) -> Self {
        let (layer, size) = (RecordedLayer::Top, (320, 180));
        Self { codec: Codec::Vp8, layer, from_us, to_us, size, fps: 30 }
    }

    pub fn h264(from_us: u64, to_us: u64) -> Self {
        Self { codec: Codec::H264, ..Self::vp8(from_us, to_us) }
    }
}

/// A luma for every moment of the recording: bright during the first 40 ms of each second.
pub fn flash(us: u64) -> u8 {
    if us % SECOND < 40_000 { 235 } else { 60 }
}

/// A tone for 60 ms from each full second on.
pub fn beep(us: u64) -> i16 {
    let phase = (us % SECOND) as f64 / 1e6;
    match phase < 0.06 {
        true => ((phase * 1000.0 * std::f64::consts::TAU).sin() * 12_000.0) as i16,
        false => 0,
    }
}

impl Studio {
    pub fn new() -> Self {
        gst::init().unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tracks")).unwrap();
        let manifest = Manifest::new(RECORDING, "studio", 1_760_000_000_000, String::new());
        Self { folder, manifest, timeline: Vec::new() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn at(&mut self, t: u64, event: TimelineEvent) {
        self.timeline.push(TimelineLine { t, event });
    }

    pub fn join(&mut self, t: u64, who: &str) {
        let (participant, identity) = (format!("PA_{who}"), who.to_owned());
        self.at(t, TimelineEvent::Join { participant, identity, name: who.to_owned() });
    }

    pub fn track(who: &str, source: TrackSource) -> String {
        let who: String = who.chars().filter(char::is_ascii_alphanumeric).collect();
        format!("TR_{who}_{source:?}")
    }

    fn publish(&mut self, t: u64, who: &str, kind: MediaKind, source: TrackSource) -> String {
        let track = Self::track(who, source);
        if self.manifest.tracks.iter().any(|known| known.track == track) {
            return track;
        }
        let (participant, identity) = (format!("PA_{who}"), who.to_owned());
        self.manifest.tracks.push(RecordedTrack {
            track: track.clone(),
            participant: participant.clone(),
            identity: identity.clone(),
            name: who.to_owned(),
            kind,
            source,
        });
        let id = track.clone();
        let muted = false;
        self.at(t, TimelineEvent::Pub { track: id, participant, identity, kind, source, muted });
        track
    }

    /// Films a camera whose picture is one grey.
    pub fn camera(&mut self, who: &str, take: Take, luma: impl Fn(u64) -> u8) {
        self.video(who, TrackSource::Camera, take, luma);
    }

    pub fn video(&mut self, who: &str, source: TrackSource, take: Take, luma: impl Fn(u64) -> u8) {
        let track = self.publish(take.from_us, who, MediaKind::Video, source);
        let (width, height) = take.size;
        let count = (take.to_us - take.from_us) * take.fps / SECOND;
        let time = |n: u64| n * SECOND / take.fps;
        let encoder = video_encoder(take);
        let mut frames: Vec<(Vec<u8>, bool)> = Vec::new();
        for n in 0..count {
            let bright = luma(take.from_us + time(n));
            // Rows are padded to four bytes, as GStreamer expects them.
            let luma_size = width.next_multiple_of(4) * height.next_multiple_of(2);
            let chroma_size = width.div_ceil(2).next_multiple_of(4) * height.div_ceil(2);
            let mut picture = vec![bright; luma_size as usize];
            picture.resize((luma_size + 2 * chroma_size) as usize, 128);
            let mut buffer = gst::Buffer::from_mut_slice(picture);
            buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_useconds(time(n)));
            encoder.push(buffer).unwrap();
        }
        // Told so, openh264enc would complain that there is nothing left.
        if take.codec != Codec::H264 {
            encoder.finish();
        }
        while let Some(made) = encoder.take() {
            let key = !made.buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
            frames.push((made.buffer.map_readable().unwrap().to_vec(), key));
        }
        assert_eq!(frames.len() as u64, count);
        let mut codec_private = Vec::new();
        if take.codec == Codec::H264 {
            for (bytes, _) in &mut frames {
                let unit = h264::to_avc(bytes);
                if let (Some(sps), Some(pps)) = (unit.sps, unit.pps) {
                    codec_private = h264::avcc(&sps, &pps).unwrap();
                }
                *bytes = unit.data;
            }
        }
        let codec = take.codec;
        let format = PartFormat { codec, codec_private, width, height };
        let frames = (0..).zip(frames).map(|(n, (bytes, key))| (time(n), key, bytes));
        self.part(&track, take.layer, &format, take.from_us, frames);
    }

    /// Records a microphone.
    pub fn microphone(&mut self, who: &str, from_us: u64, to_us: u64, sample: impl Fn(u64) -> i16) {
        self.microphone_but(who, (from_us, to_us), |_| false, sample);
    }

    /// The same, without the packets of some moments.
    pub fn microphone_but(
        &mut self,
        who: &str,
        (from_us, to_us): (u64, u64),
        missing: impl Fn(u64) -> bool,
        sample: impl Fn(u64) -> i16,
    ) {
        let source = TrackSource::Microphone;
        let track = self.publish(from_us, who, MediaKind::Audio, source);
        let takes: gst::Caps =
            "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1".parse().unwrap();
        let makes: gst::Caps = "audio/x-opus".parse().unwrap();
        let encoder = Driven::new("opusenc", &[], &takes, &makes).unwrap();
        let mut frames = Vec::new();
        for n in 0..(to_us - from_us) / 20_000 {
            let us = |k: u64| from_us + n * 20_000 + k * SECOND / 48_000;
            let bytes = (0..960).flat_map(|k| sample(us(k)).to_le_bytes()).collect::<Vec<u8>>();
            let mut buffer = gst::Buffer::from_mut_slice(bytes);
            let inside = buffer.get_mut().unwrap();
            inside.set_pts(gst::ClockTime::from_useconds(n * 20_000));
            inside.set_duration(gst::ClockTime::from_useconds(20_000));
            encoder.push(buffer).unwrap();
        }
        encoder.finish();
        while let Some(made) = encoder.take() {
            let time = frames.len() as u64 * 20_000;
            frames.push((time, true, made.buffer.map_readable().unwrap().to_vec()));
        }
        let format =
            PartFormat { codec: Codec::Opus, codec_private: Vec::new(), width: 0, height: 0 };
        let sent = frames.into_iter().filter(|(time, ..)| !missing(from_us + time));
        self.part(&track, RecordedLayer::Audio, &format, from_us, sent);
    }

    fn part(
        &mut self,
        track: &str,
        layer: RecordedLayer,
        format: &PartFormat,
        start_us: u64,
        frames: impl Iterator<Item = (u64, bool, Vec<u8>)>,
    ) {
        let before = self.manifest.parts.iter();
        let number = before.filter(|p| p.track == track && p.layer == layer).count() as u32;
        let file = format!("tracks/{track}.{}.{number}.mkv", layer.file_stem());
        let mut writer =
            PartWriter::create(&LocalDisk, &self.path().join(&file), format, LONGEST_CLUSTER_US)
                .unwrap();
        for (time, key, bytes) in frames {
            writer.frame(time as i64, key, &bytes).unwrap();
        }
        let end_us = Some(start_us + writer.last_us() as u64);
        let bytes = Some(writer.seal().unwrap());
        let (codec, width, height) = (format.codec, format.width, format.height);
        let track = track.to_owned();
        let codec_private = format.codec_private.clone();
        self.manifest.parts.push(Part {
            file,
            track,
            layer,
            codec,
            number,
            start_us,
            end_us,
            bytes,
            width,
            height,
            codec_private,
        });
    }

    pub fn job(&self, layout: LayoutName) -> JobSpec {
        let layout = Layout { name: layout, canvas: (640, 360), ..Layout::default() };
        let title = "Größe – test".into();
        JobSpec { layout, ..JobSpec::new("job_01TEST".into(), RECORDING.into(), title) }
    }

    /// Writes manifest and timeline.
    fn write(&mut self) {
        self.timeline.sort_by_key(|line| line.t);
        let manifest = serde_json::to_vec(&self.manifest).unwrap();
        fs::write(self.path().join("manifest.json"), manifest).unwrap();
        let mut lines = fs::File::create(self.path().join("timeline.jsonl")).unwrap();
        for line in &self.timeline {
            writeln!(lines, "{}", serde_json::to_string(line).unwrap()).unwrap();
        }
    }

    pub fn command(&mut self, job: &JobSpec) -> Command {
        self.write();
        self.transcode(job)
    }

    /// The worker, for what the folder holds already.
    pub fn transcode(&self, job: &JobSpec) -> Command {
        let spec = self.path().join("job.json");
        fs::write(&spec, serde_json::to_vec(job).unwrap()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_roombox-media"));
        command.arg("transcode").arg("--recording").arg(self.path()).arg("--spec").arg(spec);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&mut self, job: &JobSpec) -> process::Output {
        self.command(job).output().unwrap()
    }

    pub fn timeline(&self) -> impl Iterator<Item = &TimelineLine> {
        self.timeline.iter()
    }

    /// Makes the film, which must succeed.
    pub fn film(&mut self, job: &JobSpec) -> Film {
        self.write();
        self.film_of_what_is_there(job)
    }

    /// The same, of what the folder holds already.
    pub fn film_of_what_is_there(&self, job: &JobSpec) -> Film {
        let output = self.transcode(job).output().unwrap();
        let (out, log) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{log}");
        let mut lines: Vec<&str> = out.lines().collect();
        let receipt: Receipt = serde_json::from_str(lines.pop().expect("a receipt")).unwrap();
        let progress = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let made = if job.makes(Output::Film) { "film.mp4" } else { "sound.m4a" };
        let path = self.path().join("derived").join(&job.job).join(made);
        Film { path, receipt, progress, log }
    }

    /// Names in the job's folder.
    pub fn made(&self, job: &JobSpec) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path().join("derived").join(&job.job)) else {
            return Vec::new();
        };
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn video_encoder(take: Take) -> Driven {
    let (width, height) = take.size;
    let fps = take.fps;
    let takes: gst::Caps = format!(
        "video/x-raw,format=I420,width={width},height={height},framerate={fps}/1,colorimetry=bt601"
    )
    .parse()
    .unwrap();
    let set = |name: &'static str, value: &str| Setting::must(name, value);
    let (factory, properties, makes) = match take.codec {
        Codec::Vp8 | Codec::Vp9 => {
            let vp8 = take.codec == Codec::Vp8;
            let properties = vec![
                set("deadline", "1"),
                set("cpu-used", "8"),
                set("keyframe-max-dist", "60"),
                set("target-bitrate", "400000"),
            ];
            let makes = if vp8 { "video/x-vp8" } else { "video/x-vp9" };
            (if vp8 { "vp8enc" } else { "vp9enc" }, properties, makes)
        }
        Codec::H264 => {
            let properties = vec![set("bitrate", "400000"), set("gop-size", "60")];
            ("openh264enc", properties, "video/x-h264,stream-format=byte-stream,alignment=au")
        }
        other => panic!("no encoder for {other:?} here"),
    };
    Driven::new(factory, &properties, &takes, &makes.parse().unwrap()).unwrap()
}

/// A film that was made.
pub struct Film {
    pub path: PathBuf,
    pub receipt: Receipt,
    pub progress: Vec<Progress>,
    pub log: String,
}

/// What FFmpeg's prober says of one stream.
#[derive(Debug, Clone)]
pub struct Stream {
    pub codec: String,
    pub duration_s: f64,
    pub size: (u64, u64),
    pub fps: String,
    pub frames: u64,
    pub colour: Option<String>,
}

impl Film {
    /// Both kinds of streams and the container's duration.
    pub fn probe(&self) -> (Vec<Stream>, f64) {
        let output = Command::new("ffprobe")
            .args(["-v", "error", "-count_packets", "-show_streams", "-show_format", "-of", "json"])
            .arg(&self.path)
            .output()
            .expect("ffprobe is needed to look at films");
        assert!(output.status.success());
        assert_eq!(text(&output.stderr), "", "ffprobe complains");
        let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let number = |value: &serde_json::Value| -> f64 {
            value.as_str().map_or(0.0, |text| text.parse().unwrap())
        };
        // The text track of the chapters is neither.
        let played = |stream: &&serde_json::Value| stream["codec_type"] != "data";
        let streams =
            all["streams"].as_array().unwrap().iter().filter(played).map(|stream| Stream {
                codec: stream["codec_name"].as_str().unwrap().to_owned(),
                duration_s: number(&stream["duration"]),
                size: (
                    stream["width"].as_u64().unwrap_or(0),
                    stream["height"].as_u64().unwrap_or(0),
                ),
                fps: stream["avg_frame_rate"].as_str().unwrap().to_owned(),
                frames: number(&stream["nb_read_packets"]) as u64,
                colour: stream["color_space"].as_str().map(ToOwned::to_owned),
            });
        assert_eq!(all["format"]["tags"]["title"], "Größe – test");
        (streams.collect(), number(&all["format"]["duration"]))
    }

    /// Beginnings in seconds and titles of the chapters.
    pub fn chapters(&self) -> Vec<(f64, String)> {
        let output = Command::new("ffprobe")
            .args(["-v", "error", "-show_chapters", "-of", "json"])
            .arg(&self.path)
            .output()
            .unwrap();
        let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let chapter = |chapter: &serde_json::Value| {
            let from = chapter["start_time"].as_str().unwrap().parse().unwrap();
            (from, chapter["tags"]["title"].as_str().unwrap().to_owned())
        };
        all["chapters"].as_array().unwrap().iter().map(chapter).collect()
    }

    /// Integrated loudness of a stretch in LUFS, as FFmpeg measures it.
    pub fn lufs(&self, from_s: u32, to_s: u32) -> f64 {
        let output = Command::new("ffmpeg")
            .args(["-nostats", "-hide_banner", "-i"])
            .arg(&self.path)
            .args([
                "-map",
                "0:a",
                "-af",
                &format!("atrim={from_s}:{to_s},ebur128"),
                "-f",
                "null",
                "-",
            ])
            .output()
            .unwrap();
        let log = text(&output.stderr);
        let summary = log.rsplit("Integrated loudness:").next().unwrap();
        let line = summary.lines().find(|line| line.trim().starts_with("I:")).unwrap();
        line.trim().trim_start_matches("I:").trim_end_matches("LUFS").trim().parse().unwrap()
    }

    /// Mean luma of a rectangle (x, y, w, h) of each picture, 30 a second.
    pub fn lumas(&self, (x, y, w, h): (u32, u32, u32, u32)) -> Vec<u8> {
        // The mean of a frame, as one pixel.
        let filter = format!("crop={w}:{h}:{x}:{y},scale=1:1:flags=area,format=gray");
        self.decode(&["-map", "0:v", "-r", "30", "-vf", &filter, "-f", "rawvideo", "-"])
    }

    /// Mono samples at 48 kHz.
    pub fn sound(&self) -> Vec<i16> {
        let args = ["-map", "0:a", "-ac", "1", "-ar", "48000", "-f", "s16le", "-"];
        let bytes = self.decode(&args);
        bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
    }

    fn decode(&self, args: &[&str]) -> Vec<u8> {
        let output = Command::new("ffmpeg")
            .args(["-v", "error", "-i"])
            .arg(&self.path)
            .args(args)
            .output()
            .expect("ffmpeg is needed to look at films");
        assert_eq!(text(&output.stderr), "", "ffmpeg complains");
        output.stdout
    }

    /// Names of the file's outermost boxes.
    pub fn boxes(&self) -> Vec<String> {
        let bytes = fs::read(&self.path).unwrap();
        let mut names = Vec::new();
        let mut rest = &bytes[..];
        while rest.len() >= 8 {
            let size = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
            names.push(text(&rest[4..8]));
            rest = &rest[size..];
        }
        names
    }
}

/// Times at which a signal rises over its threshold after a pause.
pub fn onsets(signal: impl Iterator<Item = bool>, rate: f64) -> Vec<f64> {
    let mut last = f64::NEG_INFINITY;
    let mut found = Vec::new();
    for (n, loud) in signal.enumerate() {
        let now = n as f64 / rate;
        if loud {
            if now - last > 0.3 {
                found.push(now);
            }
            last = now;
        }
    }
    found
}

/// Size of a picture file and the luma of one of its pixels.
pub fn pixel(path: &Path, (x, y): (u32, u32)) -> ((u64, u64), u8) {
    let probe = ["-v", "error", "-show_entries", "stream=width,height", "-of", "csv=p=0"];
    let size = Command::new("ffprobe").args(probe).arg(path).output().unwrap().stdout;
    let size = String::from_utf8_lossy(&size).trim().to_owned();
    let (width, height) = size.split_once(',').unwrap();
    let crop = format!("format=gray,crop=1:1:{x}:{y}");
    let luma = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-vf", &crop, "-f", "rawvideo", "-"])
        .output()
        .unwrap()
        .stdout;
    ((width.parse().unwrap(), height.parse().unwrap()), luma[0])
}
