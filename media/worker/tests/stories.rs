//! What happens in meetings and on disks, as films must show it.

mod studio;

use roombox_capture::manifest::{Codec, RecordedLayer, TrackSource};
use roombox_capture::timeline::TimelineEvent;
use roombox_jobs::spec::{EncoderChoice, FileKind, JobSpec, LayoutName, Output};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use studio::{FILM, Film, SECOND, Studio, Take, beep, pixel};

const MIDDLE: (u32, u32, u32, u32) = (220, 60, 200, 100);

fn quiet(_: u64) -> i16 {
    0
}

/// Loudness of a stretch, as the mean of absolute samples.
fn loudness(film: &Film, from_s: f64, to_s: f64) -> f64 {
    let sound = film.sound();
    let at = |s: f64| ((s * 48_000.0) as usize).min(sound.len());
    let part = &sound[at(from_s)..at(to_s)];
    part.iter().map(|s| f64::from(s.unsigned_abs())).sum::<f64>() / part.len().max(1) as f64
}

fn tone(us: u64) -> i16 {
    ((us as f64 / 1e6 * 440.0 * std::f64::consts::TAU).sin() * 8000.0) as i16
}

fn grid(studio: &Studio) -> JobSpec {
    studio.job(LayoutName::Grid)
}

#[test]
fn sound_alone_becomes_a_slate_with_initials() {
    let mut studio = Studio::new();
    studio.join(0, "Ada Lovelace");
    studio.microphone("Ada Lovelace", 0, 3 * SECOND, tone);
    let film = studio.film(&studio.job(LayoutName::Auto));
    let (streams, _) = film.probe();
    assert_eq!((streams[0].size, streams[1].codec.as_str()), ((640, 360), "aac"));
    let slate = film.lumas((10, 10, 100, 60));
    let letters = film.lumas((290, 150, 60, 60));
    assert!(slate[30] < 100, "the slate is calm: {}", slate[30]);
    assert!(letters[30] > slate[30] + 15, "initials stand in its middle: {}", letters[30]);
    assert!(loudness(&film, 0.5, 2.5) > 3000.0);
}

#[test]
fn nothing_to_film_is_a_receipt_without_files() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    let job = studio.job(LayoutName::Auto);
    let film = studio.film(&job);
    assert_eq!((film.receipt.files.len(), film.receipt.duration_us), (0, 0));
    assert!(studio.made(&job).is_empty());
    assert!(film.log.contains("nothing to film"), "{}", film.log);
}

#[test]
fn damaged_parts_are_left_out_and_the_film_is_made() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.join(0, "Bob");
    studio.join(0, "Cyn");
    studio.camera("Ada", Take::vp8(0, 4 * SECOND), |_| 200);
    studio.camera("Bob", Take::vp8(0, 4 * SECOND), |_| 200);
    studio.camera("Cyn", Take::vp8(0, 4 * SECOND), |_| 200);
    studio.microphone("Ada", 0, 4 * SECOND, tone);
    studio.microphone("Bob", 0, 4 * SECOND, tone);
    let path = |studio: &Studio, n: usize| studio.path().join(&studio.manifest.parts[n].file);
    // Bob's camera is garbage, his microphone is gone, Cyn's camera is garbage from its middle on.
    fs::write(path(&studio, 1), b"not a film at all").unwrap();
    fs::remove_file(path(&studio, 4)).unwrap();
    let mut torn = fs::read(path(&studio, 2)).unwrap();
    let half = torn.len() / 2;
    for (n, byte) in torn[half..].iter_mut().enumerate() {
        *byte = (n * 131 % 251) as u8;
    }
    fs::write(path(&studio, 2), torn).unwrap();
    let film = studio.film(&grid(&studio));
    let left_out = film.log.lines().filter(|line| line.contains("left out")).count();
    assert_eq!(left_out, 2, "{}", film.log);
    let (_, duration) = film.probe();
    assert!((duration - 3.98).abs() < 0.1, "{duration}");
    assert!(film.lumas((120, 60, 80, 60))[60] > 150, "Ada is seen");
    assert!(film.lumas((350, 20, 40, 40))[60] < 120, "Bob is a slate");
    assert!(loudness(&film, 0.5, 3.5) > 3000.0, "Ada is heard");
}

#[test]
fn a_part_that_was_never_sealed_is_shown_to_its_end() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.camera("Ada", Take::vp8(0, 4 * SECOND), |_| 200);
    studio.microphone("Ada", 0, 2 * SECOND, tone);
    for part in &mut studio.manifest.parts {
        part.end_us = None;
    }
    let (_, duration) = studio.film(&grid(&studio)).probe();
    assert!((duration - 3.967).abs() < 0.1, "{duration}");
}

#[test]
fn a_recording_without_a_timeline_still_becomes_a_film() {
    let mut studio = Studio::new();
    studio.camera("Ada", Take::vp8(0, 3 * SECOND), |_| 200);
    studio.microphone("Ada", 0, 3 * SECOND, tone);
    let job = grid(&studio);
    let mut command = studio.command(&job);
    fs::remove_file(studio.path().join("timeline.jsonl")).unwrap();
    assert!(command.output().unwrap().status.success());
    assert_eq!(studio.made(&job), FILM);
}

#[test]
fn muted_spans_show_initials_and_are_silent() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    for (from, to) in [(0, 2), (4, 6)] {
        studio.camera("Ada", Take::vp8(from * SECOND, to * SECOND), |_| 220);
        studio.microphone("Ada", from * SECOND, to * SECOND, tone);
    }
    for source in [TrackSource::Camera, TrackSource::Microphone] {
        let track = Studio::track("Ada", source);
        studio.at(2 * SECOND, TimelineEvent::Mute { track: track.clone() });
        studio.at(4 * SECOND, TimelineEvent::Unmute { track });
    }
    let film = studio.film(&grid(&studio));
    let lumas = film.lumas(MIDDLE);
    assert!(lumas[30] > 180 && lumas[150] > 180, "{} {}", lumas[30], lumas[150]);
    assert!(lumas[90] < 120, "the camera is off: {}", lumas[90]);
    assert!(loudness(&film, 0.5, 1.5) > 3000.0 && loudness(&film, 4.5, 5.5) > 3000.0);
    assert!(loudness(&film, 2.5, 3.5) < 30.0);
}

#[test]
fn whoever_comes_late_is_seen_and_heard_when_he_comes() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.camera("Ada", Take::vp8(0, 6 * SECOND), |_| 90);
    studio.microphone("Ada", 0, 6 * SECOND, quiet);
    studio.join(3 * SECOND, "Bob");
    studio.camera("Bob", Take::vp8(3 * SECOND, 6 * SECOND), |_| 220);
    studio.microphone("Bob", 3_500_000, 6 * SECOND, tone);
    let film = studio.film(&studio.job(LayoutName::Auto));
    let right = film.lumas((400, 120, 100, 60));
    assert!(right[75] < 120, "Ada alone fills the canvas");
    assert!(right[105] > 180, "Bob has the right half");
    assert!(loudness(&film, 0.5, 3.3) < 30.0 && loudness(&film, 3.7, 5.5) > 3000.0);
}

#[test]
fn a_camera_that_changes_its_size_goes_on() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    let take = Take::vp8(0, 2 * SECOND);
    studio.camera("Ada", take, |_| 200);
    let odd = Take { from_us: 2 * SECOND, to_us: 4 * SECOND, size: (214, 121), ..take };
    studio.camera("Ada", odd, |_| 120);
    let upright = Take { from_us: 4 * SECOND, to_us: 6 * SECOND, size: (180, 320), ..take };
    studio.camera("Ada", upright, |_| 200);
    studio.microphone("Ada", 0, 6 * SECOND, quiet);
    let film = studio.film(&grid(&studio));
    let middle = film.lumas(MIDDLE);
    assert!(middle[45] > 180 && (100..140).contains(&middle[100]) && middle[150] > 180);
    assert!(film.lumas((10, 60, 80, 100))[150] < 60, "an upright picture has bars");
}

#[test]
fn a_gap_in_a_part_keeps_the_last_picture_and_is_silent() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    // Two parts with 700 ms between: less than a scene of initials is worth.
    studio.camera("Ada", Take::vp8(0, 2 * SECOND), |_| 200);
    studio.camera("Ada", Take::vp8(2_400_000, 4 * SECOND), |_| 200);
    studio.microphone("Ada", 0, 2 * SECOND, tone);
    studio.microphone("Ada", 2_700_000, 4 * SECOND, tone);
    let film = studio.film(&grid(&studio));
    let middle = film.lumas(MIDDLE);
    assert!(middle.iter().all(|luma| *luma > 180), "{middle:?}");
    assert!(loudness(&film, 2.1, 2.6) < 30.0);
}

#[test]
fn the_time_without_power_is_not_in_the_film() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.camera("Ada", Take::vp8(0, 2 * SECOND), |_| 100);
    studio.microphone("Ada", 0, 2 * SECOND, quiet);
    studio.at(20 * SECOND, TimelineEvent::PowerLoss { from: 2 * SECOND, to: 20 * SECOND });
    studio.join(20 * SECOND, "Ada");
    let track = Studio::track("Ada", TrackSource::Camera);
    studio.camera("Ada", Take::vp8(20 * SECOND, 22 * SECOND), |_| 220);
    studio.microphone("Ada", 20 * SECOND, 22 * SECOND, tone);
    let (participant, identity) = ("PA_Ada".to_owned(), "Ada".to_owned());
    let (kind, source) = (roombox_capture::manifest::MediaKind::Video, TrackSource::Camera);
    let muted = false;
    studio
        .at(20 * SECOND, TimelineEvent::Pub { track, participant, identity, kind, source, muted });
    let film = studio.film(&grid(&studio));
    let (_, duration) = film.probe();
    assert!((duration - 3.98).abs() < 0.1, "{duration}");
    let middle = film.lumas(MIDDLE);
    assert!(middle[45] < 130 && middle[80] > 180, "{} {}", middle[45], middle[80]);
    assert!(loudness(&film, 0.2, 1.8) < 30.0 && loudness(&film, 2.2, 3.8) > 3000.0);
}

#[test]
fn the_film_ends_with_what_was_recorded_last() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.join(0, "Bob");
    studio.camera("Ada", Take::vp8(0, 2 * SECOND), |_| 200);
    studio.microphone("Ada", 0, 2 * SECOND, quiet);
    studio.at(2 * SECOND, TimelineEvent::Leave { participant: "PA_Ada".into() });
    studio.microphone("Bob", 0, 5 * SECOND, beep);
    let film = studio.film(&grid(&studio));
    let (streams, _) = film.probe();
    assert!((streams[0].duration_s - 4.98).abs() < 0.04, "{}", streams[0].duration_s);
    assert!(film.lumas((20, 20, 200, 100))[120] < 120, "Bob's slate fills the canvas");
    assert!(loudness(&film, 4.0, 4.06) > 1000.0, "the last beep is there");
}

#[test]
fn a_shared_screen_takes_the_stage() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.join(0, "Bob");
    studio.camera("Ada", Take::vp8(0, 6 * SECOND), |_| 90);
    studio.camera("Bob", Take::vp8(0, 6 * SECOND), |_| 90);
    let layer = RecordedLayer::Screen;
    let take = Take { layer, size: (640, 360), fps: 5, ..Take::vp8(2 * SECOND, 4 * SECOND) };
    studio.video("Ada", TrackSource::ScreenShare, take, |_| 230);
    let track = Studio::track("Ada", TrackSource::ScreenShare);
    studio.at(4 * SECOND, TimelineEvent::Unpub { track });
    let film = studio.film(&studio.job(LayoutName::Auto));
    let stage = film.lumas((160, 120, 200, 100));
    assert!(stage[45] < 120 && stage[75] > 200 && stage[165] < 120, "{stage:?}");
    assert_eq!(film.probe().0.len(), 1, "no sound was recorded");
}

#[test]
fn the_small_layer_is_used_and_vp9_is_understood() {
    let mut studio = Studio::new();
    for who in ["Ada", "Bob", "Cyn"] {
        studio.join(0, who);
        let take = Take { size: (640, 360), ..Take::vp8(0, 2 * SECOND) };
        // The layers differ in brightness, so that the film tells which one it shows.
        studio.camera(who, take, |_| 220);
        let (layer, codec) = (RecordedLayer::Low, Codec::Vp9);
        studio.camera(who, Take { layer, codec, size: (320, 180), ..take }, |_| 90);
    }
    let film = studio.film(&grid(&studio));
    assert!(film.lumas((100, 40, 100, 80))[30] < 120);
}

#[test]
fn a_job_that_makes_no_sense_is_refused_for_good() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.camera("Ada", Take::vp8(0, SECOND), |_| 90);
    type Break = fn(&mut JobSpec);
    let broken: [(Break, &str); 4] = [
        (|job| job.layout.canvas = (641, 360), "canvas"),
        (|job| job.job = "../elsewhere".into(), "file name"),
        (|job| job.recording = "rec_other".into(), "another recording"),
        (|job| job.v = 2, "version"),
    ];
    for (change, why) in broken {
        let mut job = studio.job(LayoutName::Auto);
        change(&mut job);
        let output = studio.run(&job);
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{log}");
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains(why), "{log}");
        assert!(output.stdout.is_empty());
    }
    assert!(!studio.path().join("derived").exists());
}

#[test]
fn receipts_say_what_lies_on_the_disk() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.camera("Ada", Take::vp8(0, 2 * SECOND), |_| 90);
    studio.microphone("Ada", 0, 2 * SECOND, tone);
    let job = grid(&studio);
    // An earlier attempt was killed half way.
    let folder = studio.path().join("derived").join(&job.job);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("h264.part"), b"left behind").unwrap();
    let film = studio.film(&job);
    assert_eq!(studio.made(&job), FILM);
    let kinds: Vec<FileKind> = film.receipt.files.iter().map(|file| file.kind).collect();
    let beside = [FileKind::Sprite, FileKind::SpriteMap, FileKind::Chapters, FileKind::Index];
    assert_eq!(kinds, [&[FileKind::Mp4, FileKind::Thumbnail], &beside[..]].concat());
    for file in &film.receipt.files {
        let path = studio.path().join(&file.path);
        assert_eq!(fs::metadata(&path).unwrap().len(), file.bytes);
        let sum = Command::new("sha256sum").arg(&path).output().unwrap().stdout;
        assert!(String::from_utf8_lossy(&sum).starts_with(&file.sha256));
    }
    let jpeg = fs::read(folder.join("thumbnail.jpg")).unwrap();
    assert_eq!(jpeg[..3], [0xff, 0xd8, 0xff]);
    assert!(film.receipt.cpu_s > 0.0);
}

#[test]
fn cancelling_leaves_no_film_behind() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    // Long enough to be in the middle of it when its first progress is read.
    let take = Take { size: (640, 360), ..Take::vp8(0, 20 * SECOND) };
    studio.camera("Ada", take, |us| (us / 5000 % 200) as u8);
    studio.microphone("Ada", 0, 20 * SECOND, tone);
    let mut job = grid(&studio);
    job.layout.canvas = (3840, 2160);
    job.video.encoder = EncoderChoice::Openh264;
    let mut child = studio.command(&job).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("done_us"), "{first}");
    let begun = std::time::Instant::now();
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let status = child.wait().unwrap();
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(status.code(), Some(143), "{log}");
    assert!(begun.elapsed().as_secs_f64() < 2.0, "the desk kills after two seconds");
    assert!(log.contains("cancelled"), "{log}");
    // But for reels that are whole: another attempt need not make them.
    assert!(studio.made(&job).iter().all(|name| name == "reels"), "{:?}", studio.made(&job));
    assert!(!lines.any(|line| line.unwrap().contains("sha256")));
}

fn speaks(who: &str) -> TimelineEvent {
    TimelineEvent::Speaker { participants: vec![format!("PA_{who}")] }
}

#[test]
fn chapters_and_small_pictures_lie_beside_the_film() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.join(0, "Bob");
    // One of them is bright in the first half, so that the sheet shows which moment is where.
    let half = |us: u64| if us < 30 * SECOND { 220 } else { 40 };
    studio.camera("Ada", Take { fps: 5, ..Take::vp8(0, 60 * SECOND) }, half);
    studio.microphone("Ada", 0, 60 * SECOND, quiet);
    studio.microphone("Bob", 0, 60 * SECOND, quiet);
    studio.at(SECOND, speaks("Ada"));
    studio.at(30 * SECOND, speaks("Bob"));
    let text = "Beschluß & <mehr>".to_owned();
    studio.at(55 * SECOND, TimelineEvent::Marker { text: text.clone() });
    let film = studio.film(&studio.job(LayoutName::Single));
    let wanted = [(0.0, "Ada"), (30.0, "Bob"), (55.0, text.as_str())];
    let chapters = film.chapters();
    assert_eq!(chapters.len(), 3, "{chapters:?}");
    for ((at, title), (wanted_at, wanted)) in chapters.iter().zip(wanted) {
        assert!((at - wanted_at).abs() < 0.01 && title == wanted, "{chapters:?}");
    }
    let folder = film.path.parent().unwrap();
    let list = fs::read_to_string(folder.join("chapters.vtt")).unwrap();
    assert!(list.contains("00:00:30.000 --> 00:00:55.000\nBob\n"), "{list}");
    assert!(list.ends_with("Beschluß &amp; &lt;mehr&gt;\n"), "{list}");
    let index = fs::read(folder.join("film.json")).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    assert_eq!(index["chapters"][2]["kind"], "marker");
    let spots = index["sprite"]["spots"].as_array().unwrap();
    assert_eq!(spots.len(), 30, "one every two seconds");
    let sheet = folder.join(index["sprite"]["file"].as_str().unwrap());
    let at = |n: usize| {
        let number = |key: &str| spots[n][key].as_u64().unwrap() as u32;
        pixel(&sheet, (number("x") + 80, number("y") + 20))
    };
    assert_eq!(at(0).0, (1600, 3 * 88));
    // From the fifteenth second on Bob has no picture: his initials.
    assert!(at(5).1 > 180 && at(20).1 < 120, "{} {}", at(5).1, at(20).1);
    let map = fs::read_to_string(folder.join("sprite.vtt")).unwrap();
    assert!(map.contains("00:00:02.000 --> 00:00:04.000\nsprite.jpg#xywh=160,0,160,88\n"), "{map}");
}

#[test]
fn a_copied_film_has_its_small_pictures_too() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.camera("Ada", Take::h264(0, 12 * SECOND), |us| if us < 6 * SECOND { 200 } else { 60 });
    let job = studio.job(LayoutName::Auto);
    let film = studio.film(&job);
    assert_eq!(film.receipt.encoder, "copy");
    assert_eq!(studio.made(&job), FILM);
    let sheet = film.path.with_file_name("sprite.jpg");
    // A keyframe every two seconds.
    let ((width, height), first) = pixel(&sheet, (80, 44));
    assert_eq!((width, height), (960, 88));
    assert!(first > 180 && pixel(&sheet, (5 * 160 + 80, 44)).1 < 80);
}

#[test]
fn a_quiet_and_a_loud_person_are_equally_loud() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.join(0, "Bob");
    let words = |us: u64, from: u64, level: f64| {
        let inside = us >= from * SECOND && us < (from + 8) * SECOND;
        // Syllables: three a second.
        let spoken = inside && us % 333_000 < 250_000;
        let wave = (us as f64 / 1e6 * 300.0 * std::f64::consts::TAU).sin();
        if spoken { (wave * level) as i16 } else { 0 }
    };
    studio.microphone("Ada", 0, 20 * SECOND, |us| words(us, 1, 900.0));
    studio.microphone("Bob", 0, 20 * SECOND, |us| words(us, 11, 20_000.0));
    let mut job = studio.job(LayoutName::Auto);
    let film = studio.film(&job);
    let (ada, bob, all) = (film.lufs(1, 9), film.lufs(11, 19), film.lufs(0, 20));
    for lufs in [ada, bob, all] {
        assert!((lufs + 16.0).abs() < 1.0, "Ada {ada}, Bob {bob}, together {all}");
    }
    job.audio.loudness_lufs = None;
    let film = studio.film(&job);
    assert!(film.lufs(11, 19) - film.lufs(1, 9) > 25.0, "as it was recorded");
}

#[test]
fn the_sound_alone_needs_no_picture_and_can_lie_beside_the_film() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.camera("Ada", Take::vp8(0, 4 * SECOND), |_| 90);
    studio.microphone("Ada", 0, 4 * SECOND, tone);
    let mut job = grid(&studio);
    job.outputs = vec![Output::Sound];
    let sound = studio.film(&job);
    assert_eq!(studio.made(&job), ["sound.m4a"]);
    assert_eq!(sound.receipt.files[0].kind, FileKind::Sound);
    let (streams, duration) = sound.probe();
    assert_eq!(streams.iter().map(|stream| stream.codec.as_str()).collect::<Vec<_>>(), ["aac"]);
    assert!((duration - 3.98).abs() < 0.1, "{duration}");
    assert!(loudness(&sound, 0.5, 3.5) > 3000.0);
    job.job = "job_02TEST".into();
    job.outputs = vec![Output::Film, Output::Sound];
    let both = studio.film(&job);
    assert_eq!(both.receipt.files.len(), FILM.len() + 1);
    assert_eq!(both.receipt.files[0].kind, FileKind::Mp4);
    let alone = fs::metadata(both.path.with_file_name("sound.m4a")).unwrap().len();
    assert_eq!(alone, sound.receipt.files[0].bytes, "the same sound");
}

#[test]
fn sound_alone_of_a_silent_recording_is_refused_for_good() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.camera("Ada", Take::vp8(0, SECOND), |_| 90);
    let mut job = grid(&studio);
    job.outputs = vec![Output::Sound];
    let output = studio.run(&job);
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{log}");
    assert!(log.contains("the recording has no sound"), "{log}");
    assert!(studio.made(&job).is_empty());
}

#[test]
fn what_the_disk_does_not_give_ends_an_attempt_and_makes_no_shorter_film() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.join(0, "Bob");
    studio.microphone("Ada", 0, 2 * SECOND, tone);
    studio.microphone("Bob", 0, 2 * SECOND, tone);
    let job = studio.job(LayoutName::Auto);
    let path = studio.path().join(&studio.manifest.parts[1].file);
    let aside = path.with_extension("aside");
    // It can be opened and not be read: what a disk that answers EIO looks like from here.
    fs::rename(&path, &aside).unwrap();
    fs::create_dir(&path).unwrap();
    let failed = studio.run(&job);
    assert_eq!(failed.status.code(), Some(1), "another attempt may be better");
    assert!(studio.made(&job).is_empty());
    fs::remove_dir(&path).unwrap();
    fs::rename(&aside, &path).unwrap();
    assert!(!studio.film(&job).receipt.files.is_empty());
}

#[test]
fn a_recording_of_which_everything_is_damaged_is_not_an_empty_one() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.microphone("Ada", 0, 2 * SECOND, tone);
    let job = studio.job(LayoutName::Auto);
    fs::write(studio.path().join(&studio.manifest.parts[0].file), b"no part at all").unwrap();
    let failed = studio.run(&job);
    assert_eq!(failed.status.code(), Some(1), "no receipt says that there is nothing to film");
}
