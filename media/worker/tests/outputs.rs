//! What a job makes beside and instead of a film: captions, sound in other files, and each person's
//! tracks. All of it begins with the film.

#![allow(clippy::unwrap_used, reason = "tests")]

mod studio;

use roombox_capture::timeline::TimelineEvent;
use roombox_jobs::spec::{
    FileKind, JobSpec, LayoutName, Output, Pauses, Range, Receipt, SoundContainer,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use studio::{SECOND, Studio, Take, beep, flash, onsets};

/// Sound and film belong together.
const LIMIT_S: f64 = 0.040;

/// Runs a job, which must succeed, and tells where its files lie.
fn made(studio: &mut Studio, job: &JobSpec) -> Vec<(FileKind, PathBuf)> {
    let output = studio.run(job);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let out = String::from_utf8(output.stdout).unwrap();
    let receipt: Receipt = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    let file = |file: roombox_jobs::spec::MadeFile| {
        let path = studio.path().join(&file.path);
        assert_eq!(fs::metadata(&path).unwrap().len(), file.bytes);
        (file.kind, path)
    };
    receipt.files.into_iter().map(file).collect()
}

fn names(files: &[(FileKind, PathBuf)]) -> Vec<&str> {
    files.iter().map(|(_, path)| path.file_name().unwrap().to_str().unwrap()).collect()
}

fn said(tool: &str, path: &Path, arguments: &[&str]) -> Vec<u8> {
    let input: &[&str] = if tool == "ffmpeg" { &["-v", "error", "-i"] } else { &["-v", "error"] };
    let output = Command::new(tool).args(input).arg(path).args(arguments).output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{}: {complaints}", path.display());
    output.stdout
}

fn seconds(path: &Path) -> f64 {
    let ask = ["-show_entries", "format=duration", "-of", "csv=p=0"];
    String::from_utf8(said("ffprobe", path, &ask)).unwrap().trim().parse().unwrap()
}

/// Beginnings of the beeps, counted in samples: not every program looks at times.
fn beeps(path: &Path) -> Vec<f64> {
    let decode = ["-map", "0:a", "-ac", "1", "-ar", "48000"];
    let bytes = said("ffmpeg", path, &[&decode[..], &["-f", "s16le", "-"]].concat());
    let samples = bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair));
    onsets(samples.map(|sample| sample.unsigned_abs() > 2000), 48_000.0)
}

/// Beginnings of the flashes, by the times of the pictures themselves.
fn flashes(path: &Path) -> Vec<f64> {
    let filter = "signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-";
    let told = said("ffmpeg", path, &["-map", "0:v", "-vf", filter, "-f", "null", "-"]);
    let told = String::from_utf8(told).unwrap();
    let (mut at, mut last, mut found) = (0.0, f64::NEG_INFINITY, Vec::new());
    for line in told.lines() {
        if let Some((_, time)) = line.split_once("pts_time:") {
            at = time.trim().parse().unwrap();
        } else if let Some((_, luma)) = line.split_once("YAVG=")
            && luma.trim().parse::<f64>().unwrap() > 140.0
        {
            if at - last > 0.3 {
                found.push(at);
            }
            last = at;
        }
    }
    found
}

fn assert_at(found: &[f64], wanted: &[f64]) {
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= LIMIT_S;
    let same = found.len() == wanted.len() && found.iter().zip(wanted).all(near);
    assert!(same, "{found:.3?} instead of {wanted:?}");
}

#[test]
fn what_was_said_lies_beside_the_film() {
    let mut studio = Studio::new();
    studio.join(0, "Ada & <Bob>");
    studio.microphone("Ada & <Bob>", 2 * SECOND, 8 * SECOND, beep);
    let (identity, text) = ("Ada & <Bob>".to_owned(), "Hello -->\nworld".to_owned());
    let (from, to) = (4 * SECOND, 6 * SECOND);
    studio.at(to, TimelineEvent::Caption { from, to, identity, track: None, by: None, text });
    let mut job = studio.job(LayoutName::Auto);
    let files = made(&mut studio, &job);
    let captions = files.iter().find(|(kind, _)| *kind == FileKind::Captions).unwrap();
    let text = fs::read_to_string(&captions.1).unwrap();
    let wanted = "WEBVTT\n\n00:00:02.000 --> 00:00:03.999\n\
        <v Ada &amp; &lt;Bob&gt;>Hello --&gt; world</v>\n";
    assert_eq!(text, wanted);
    let cues = said("ffmpeg", &captions.1, &["-f", "srt", "-"]);
    assert!(String::from_utf8(cues).unwrap().contains("00:00:02,000 --> 00:00:03,999"));
    // Of a film in which nobody says anything there is no such file.
    job.range = Some(Range { from_us: 7 * SECOND, to_us: None });
    job.job = "job_02TEST".to_owned();
    assert!(!names(&made(&mut studio, &job)).contains(&"captions.vtt"));
}

#[test]
fn sound_alone_is_as_long_and_in_step_whatever_the_file() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.microphone("Ada", 500_000, 5_700_000, beep);
    let mut job = studio.job(LayoutName::Auto);
    // The encoder had something left at the end.
    let exact = 5.2;
    for (container, name, channels) in [
        (SoundContainer::M4a, "sound.m4a", 2),
        (SoundContainer::Ogg, "sound.ogg", 2),
        (SoundContainer::Flac, "sound.flac", 2),
        (SoundContainer::Ogg, "sound.ogg", 1),
        (SoundContainer::Flac, "sound.flac", 1),
    ] {
        job.outputs = vec![Output::Sound];
        job.audio.container = container;
        job.audio.channels = channels;
        let files = made(&mut studio, &job);
        assert_eq!(names(&files), [name]);
        let (kind, path) = &files[0];
        assert_eq!(*kind, FileKind::Sound);
        let pairs = said("ffmpeg", path, &["-ac", "1", "-f", "s16le", "-"]).len() / 2;
        let limit = if container == SoundContainer::M4a { 0.05 } else { 0.0001 };
        let heard = pairs as f64 / 48_000.0;
        assert!((heard - exact).abs() <= limit, "{name}: {heard}");
        // Of Ogg, ffprobe counts what is skipped at the beginning, too.
        assert!((seconds(path) - exact).abs() < 0.05);
        assert_at(&beeps(path), &[0.5, 1.5, 2.5, 3.5, 4.5]);
    }
    // The film hears the same, whatever lies beside it.
    job.outputs = vec![Output::Film, Output::Sound];
    let files = made(&mut studio, &job);
    assert_eq!(names(&files)[0], "film.mp4");
    assert!(names(&files).contains(&"sound.flac"));
}

#[test]
fn tracks_of_a_person_are_joined_and_begin_with_the_film() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.join(0, "Bob");
    // Ada's camera is off for two seconds, her microphone for a little longer.
    studio.camera("Ada", Take::vp8(1_100_000, 4 * SECOND), flash);
    studio.camera("Ada", Take::vp8(6 * SECOND, 9 * SECOND), flash);
    studio.microphone("Ada", SECOND, 3_500_000, beep);
    studio.microphone("Ada", 5_510_000, 9 * SECOND, beep);
    // Bob's camera becomes smaller, and nothing but its parameter sets says so.
    studio.camera("Bob", Take::h264(SECOND, 4 * SECOND), flash);
    let small = Take { size: (160, 96), ..Take::h264(4 * SECOND, 7 * SECOND) };
    studio.camera("Bob", small, flash);
    let mut job = studio.job(LayoutName::Auto);
    job.outputs = vec![Output::Tracks];
    let files = made(&mut studio, &job);
    let wanted = ["Ada-camera.webm", "Ada-microphone.ogg", "Bob-camera.mkv"];
    assert_eq!(names(&files), wanted);
    assert!(files.iter().all(|(kind, _)| *kind == FileKind::Track));
    assert_eq!(studio.made(&job), ["tracks"], "nothing unfinished is left");
    let [ada, voice, bob] = [0, 1, 2].map(|n| files[n].1.as_path());
    // The film begins at one second: with it, the files.
    assert_at(&beeps(ada), &[0.0, 1.0, 2.0, 5.0, 6.0, 7.0]);
    assert_at(&beeps(voice), &[0.0, 1.0, 2.0, 5.0, 6.0, 7.0]);
    assert_at(&flashes(ada), &[1.0, 2.0, 5.0, 6.0, 7.0]);
    assert_at(&flashes(bob), &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    for (path, length) in [(ada, 8.0), (voice, 8.0), (bob, 6.0)] {
        let found = seconds(path);
        assert!((found - length).abs() < 0.05, "{}: {found}", path.display());
    }
    let verdict = Command::new("mkvinfo").arg(ada).output().unwrap().stdout;
    assert!(!String::from_utf8_lossy(&verdict).to_lowercase().contains("error"));
}

/// Codecs and sizes of the streams, as FFmpeg's prober names them.
fn streams(path: &Path) -> Vec<String> {
    let ask = ["-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0"];
    let told = String::from_utf8(said("ffprobe", path, &ask)).unwrap();
    told.lines().map(str::to_owned).collect()
}

#[test]
fn tracks_as_mp4_open_everywhere_and_begin_with_the_film() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.join(0, "Bob");
    studio.join(0, "Cleo");
    // VP8 is coded anew. Her camera is off for a while.
    studio.camera("Ada", Take::vp8(SECOND, 4 * SECOND), flash);
    studio.camera("Ada", Take::vp8(7 * SECOND, 9 * SECOND), flash);
    studio.microphone("Ada", SECOND, 9 * SECOND, beep);
    // H.264 is what was sent, and begins when Bob does.
    studio.camera("Bob", Take::h264(3_500_000, 8 * SECOND), flash);
    studio.microphone("Bob", 3 * SECOND, 8 * SECOND, beep);
    // One that becomes smaller is not.
    studio.camera("Cleo", Take::h264(SECOND, 4 * SECOND), flash);
    let small = Take { size: (160, 96), ..Take::h264(4 * SECOND, 7 * SECOND) };
    studio.camera("Cleo", small, flash);
    let mut job = studio.job(LayoutName::Auto);
    job.outputs = vec![Output::TracksMp4];
    let files = made(&mut studio, &job);
    let wanted = [
        "Ada-camera.mp4",
        "Ada-microphone.ogg",
        "Bob-camera.mp4",
        "Bob-microphone.ogg",
        "Cleo-camera.mp4",
    ];
    assert_eq!(names(&files), wanted);
    assert!(files.iter().all(|(kind, _)| *kind == FileKind::Track));
    assert_eq!(studio.made(&job), ["tracks"], "nothing unfinished is left");
    let [ada, bob, cleo] = [0, 2, 4].map(|n| files[n].1.as_path());
    for (path, picture, sound) in [
        (ada, Take::vp8(0, 1).size, true),
        (bob, Take::h264(0, 1).size, true),
        (cleo, Take::h264(0, 1).size, false),
    ] {
        let mut streams_wanted = vec![format!("h264,{},{}", picture.0, picture.1)];
        streams_wanted.extend(sound.then(|| "aac".to_owned()));
        assert_eq!(streams(path), streams_wanted, "{}", path.display());
        let bytes = fs::read(path).unwrap();
        let at = |kind: &[u8]| bytes.windows(4).position(|four| four == kind).unwrap();
        assert!(at(b"moov") < at(b"mdat"), "players start before the file has come");
    }
    assert_at(&beeps(ada), &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    assert_at(&flashes(ada), &[0.0, 1.0, 2.0, 6.0, 7.0]);
    assert_at(&beeps(bob), &[2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_at(&flashes(bob), &[3.0, 4.0, 5.0, 6.0]);
    assert_at(&flashes(cleo), &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    // Not a frame of what stays as it is was coded again.
    let packets = |path: &Path| {
        let ask =
            ["-map", "0:v", "-c", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "framemd5", "-"];
        let told = String::from_utf8(said("ffmpeg", path, &ask)).unwrap();
        let rows = told.lines().filter(|line| !line.starts_with('#'));
        rows.filter_map(|row| Some(row.rsplit(',').next()?.trim().to_owned())).collect::<Vec<_>>()
    };
    let mut other = job.clone();
    (other.job, other.outputs) = ("job_02TEST".to_owned(), vec![Output::Tracks]);
    let as_sent = made(&mut studio, &other);
    let mkv = as_sent.iter().find(|(_, path)| path.ends_with("Bob-camera.mkv")).unwrap();
    assert_eq!(packets(bob), packets(&mkv.1));
    // Both at once: sound alone is there once.
    (other.job, other.outputs) = ("job_03TEST".to_owned(), vec![Output::Tracks, Output::TracksMp4]);
    let both = made(&mut studio, &other);
    let voices = names(&both).into_iter().filter(|name| name.ends_with(".ogg")).count();
    assert_eq!((both.len(), voices), (8, 2));
}

#[test]
fn what_the_film_leaves_out_the_tracks_leave_out() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    for (from, to) in [(0, 3), (5, 8)] {
        studio.camera("Ada", Take::vp8(from * SECOND, to * SECOND), flash);
        studio.microphone("Ada", from * SECOND, to * SECOND, beep);
    }
    studio.at(3 * SECOND, TimelineEvent::Pause);
    studio.at(5 * SECOND, TimelineEvent::Resume);
    let mut job = studio.job(LayoutName::Auto);
    job.outputs = vec![Output::Tracks];
    let files = made(&mut studio, &job);
    assert_eq!(names(&files), ["Ada-camera.webm", "Ada-microphone.ogg"]);
    for (_, path) in &files {
        assert_at(&beeps(path), &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    }
    let usual = std::mem::replace(&mut job.outputs, vec![Output::TracksMp4]);
    let files = made(&mut studio, &job);
    assert_at(&beeps(&files[0].1), &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_at(&flashes(&files[0].1), &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    job.outputs = usual;
    // Of a range that begins amid pictures, those that can be decoded; the sound is whole.
    job.range = Some(Range { from_us: 1_200_000, to_us: Some(6_500_000) });
    let files = made(&mut studio, &job);
    assert_at(&beeps(&files[1].1), &[0.8, 1.8, 2.8]);
    assert_at(&flashes(&files[0].1), &[0.8, 1.8, 2.8]);
    // Nobody's tracks are no failure of the job that comes back with each attempt.
    job.only.identities = vec!["Bob".to_owned()];
    assert!(made(&mut studio, &job).is_empty());
}

#[test]
fn a_film_for_hls_players_plays_from_any_segment_and_is_in_step() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.camera("Ada", Take::vp8(0, 15 * SECOND), flash);
    studio.microphone("Ada", 0, 15 * SECOND, beep);
    let mut job = studio.job(LayoutName::Auto);
    job.outputs = vec![Output::Hls];
    let files = made(&mut studio, &job);
    assert_eq!(names(&files), ["hls.m3u8", "hls.m4s"]);
    let kinds: Vec<FileKind> = files.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [FileKind::Playlist, FileKind::Segments]);
    let playlist = files[0].1.as_path();
    let text = fs::read_to_string(playlist).unwrap();
    let lengths: Vec<&str> = text.lines().filter(|line| line.starts_with("#EXTINF")).collect();
    assert_eq!(lengths[..2], ["#EXTINF:6.000000,"; 2], "{text}");
    assert_eq!((lengths.len(), text.lines().last()), (3, Some("#EXT-X-ENDLIST")));
    assert!((seconds(playlist) - 15.0).abs() < 0.1, "{}", seconds(playlist));
    let wanted: Vec<f64> = (0..15).map(f64::from).collect();
    assert_at(&beeps(playlist), &wanted);
    assert_at(&flashes(playlist), &wanted);
    // The film beside it is the one that there would be without.
    job.outputs = vec![Output::Film, Output::Hls];
    let both = made(&mut studio, &job);
    assert_eq!(names(&both)[..1], ["film.mp4"]);
    assert!(names(&both).contains(&"hls.m3u8"));
    // Of nothing but the second segment and the head, its six seconds.
    let ranges: Vec<(usize, usize)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("#EXT-X-BYTERANGE:"))
        .filter_map(|range| range.split_once('@'))
        .map(|(bytes, at)| (at.parse().unwrap(), bytes.parse().unwrap()))
        .collect();
    let all = fs::read(&files[1].1).unwrap();
    let (at, bytes) = ranges[1];
    let alone = files[1].1.with_file_name("alone.mp4");
    fs::write(&alone, [&all[..ranges[0].0], &all[at..at + bytes]].concat()).unwrap();
    let frames = said("ffmpeg", &alone, &["-map", "0:v", "-f", "rawvideo", "-"]).len();
    assert_eq!(frames / (job.layout.canvas.0 * job.layout.canvas.1 * 3 / 2) as usize, 180);
}

#[test]
fn a_pause_is_cut_or_a_slate_in_silence_that_is_as_long_as_it_was() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    for (from, to) in [(0, 3), (5, 8)] {
        studio.camera("Ada", Take::h264(from * SECOND, to * SECOND), flash);
        studio.microphone("Ada", from * SECOND, to * SECOND, beep);
    }
    studio.at(3 * SECOND, TimelineEvent::Pause);
    studio.at(5 * SECOND, TimelineEvent::Resume);
    let mut job = studio.job(LayoutName::Single);
    let cut = studio.film(&job);
    assert!((cut.probe().1 - 6.0).abs() < 0.1, "{}", cut.probe().1);
    assert_at(&beeps(&cut.path), &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    job.pauses = Pauses::Slate;
    let shown = studio.film(&job);
    assert!((shown.probe().1 - 8.0).abs() < 0.1, "{}", shown.probe().1);
    assert_at(&beeps(&shown.path), &[0.0, 1.0, 2.0, 5.0, 6.0, 7.0]);
    assert_at(&flashes(&shown.path), &[0.0, 1.0, 2.0, 5.0, 6.0, 7.0]);
    // The slate and nothing else, from the pause's first picture to its last; the camera has no letters.
    let middle = shown.lumas((280, 140, 80, 80));
    let (camera, slate) = (middle[75], middle[120]);
    assert!(camera.abs_diff(slate) > 10, "{camera} {slate}");
    for n in [92, 105, 135, 147] {
        assert!(middle[n].abs_diff(slate) < 4, "picture {n}: {} instead of {slate}", middle[n]);
    }
    assert!(middle[165].abs_diff(camera) < 4, "{} instead of {camera}", middle[165]);
    let silence = &shown.sound()[3 * 48_000 + 4800..5 * 48_000 - 4800];
    assert!(silence.iter().all(|sample| sample.unsigned_abs() < 30));
}
