//! Films of several recordings as one: what is lossless is so to the byte, sound stays with its pictures, and
//! what cannot be merged says why.

#![allow(clippy::unwrap_used, reason = "tests")]

mod studio;

use roombox_capture::timeline::TimelineEvent;
use roombox_jobs::spec::{JobSpec, LayoutName, Merge, MergePart};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::{Duration, Instant};
use studio::{FILM, Film, SECOND, Studio, Take, beep, flash, onsets};

/// Sound and picture belong together.
const LIMIT_S: f64 = 0.040;
const CORNER: (u32, u32, u32, u32) = (600, 300, 80, 80);

/// The usual canvas: films that the box makes have it.
fn job(studio: &Studio) -> JobSpec {
    let mut job = studio.job(LayoutName::Grid);
    job.layout.canvas = (1280, 720);
    job
}

/// A meeting of one, drawn; `more` may add to it.
fn drawn(until_us: u64, sound: bool, more: impl Fn(&mut Studio)) -> (Studio, Film) {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.camera("Ada", Take::vp8(0, until_us), flash);
    if sound {
        studio.microphone("Ada", 0, until_us, beep);
    }
    more(&mut studio);
    let job = job(&studio);
    let film = studio.film(&job);
    (studio, film)
}

fn name(studio: &Studio) -> String {
    studio.path().file_name().unwrap().to_str().unwrap().to_owned()
}

fn part((studio, film): &(Studio, Film), title: &str) -> MergePart {
    MergePart {
        recording: name(studio),
        film: film.path.strip_prefix(studio.path()).unwrap().to_str().unwrap().to_owned(),
        duration_us: film.receipt.duration_us,
        title: title.to_owned(),
        sha256: film.receipt.files[0].sha256.clone(),
    }
}

fn merging(studio: &Studio, parts: Vec<MergePart>) -> JobSpec {
    let merge = Merge { room: "studio".to_owned(), started_unix_ms: 1_790_000_000_000, parts };
    JobSpec { recording: name(studio), merge: Some(merge), ..job(studio) }
}

/// MD5 of each packet of a stream, as FFmpeg's prober reads them.
fn packets(film: &Film, stream: &str) -> Vec<String> {
    // Also those that lie behind a film's end and are not played.
    let ask = ["-v", "error", "-ignore_editlist", "1"];
    let output = Command::new("ffprobe")
        .args(ask)
        .args(["-select_streams", stream, "-show_data_hash", "md5"])
        .args(["-show_entries", "packet=data_hash", "-of", "csv=p=0"])
        .arg(&film.path)
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    let text = String::from_utf8(output.stdout).unwrap();
    // Where something is not played a field follows.
    text.lines().filter(|line| line.starts_with("MD5")).map(|line| line[..36].to_owned()).collect()
}

fn flashes(film: &Film) -> Vec<f64> {
    onsets(film.lumas(CORNER).into_iter().map(|luma| luma > 140), 30.0)
}

fn beeps(film: &Film) -> Vec<f64> {
    onsets(film.sound().into_iter().map(|sample| sample.unsigned_abs() > 2000), 48_000.0)
}

fn assert_in_step(film: &Film) {
    let (seen, heard) = (flashes(film), beeps(film));
    assert_eq!(seen.len(), heard.len(), "{seen:.3?} {heard:.3?}");
    for (seen, heard) in seen.iter().zip(&heard) {
        assert!((seen - heard).abs() <= LIMIT_S, "{seen:.3} seen, {heard:.3} heard");
    }
}

#[test]
fn films_of_one_format_are_put_together_byte_by_byte() {
    let marked = |studio: &mut Studio| {
        studio.at(3 * SECOND, TimelineEvent::Marker { text: "Budget".to_owned() });
    };
    let films = [
        drawn(5_300_000, true, marked),
        drawn(4_150_000, true, |_| {}),
        drawn(3_330_000, true, |_| {}),
    ];
    let studio = Studio::new();
    let parts = films.iter().zip(["Morning", "Noon", "Evening"]);
    let job = merging(&studio, parts.map(|(film, title)| part(film, title)).collect());
    let film = studio.film_of_what_is_there(&job);
    assert_eq!(film.receipt.encoder, "copy");
    let index = fs::read(film.path.with_file_name("film.json")).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    assert_eq!(index["merge"], serde_json::to_value(&job.merge).unwrap(), "of what it was made");
    let each =
        |stream: &str| films.iter().flat_map(|(_, film)| packets(film, stream)).collect::<Vec<_>>();
    assert_eq!(packets(&film, "v"), each("v"));
    // At most three frames of sound are left out at a seam, and none is put in, or anywhere else.
    let (heard, all) = (packets(&film, "a"), each("a"));
    let mut rest = all.iter();
    assert!(heard.iter().all(|packet| rest.any(|one| one == packet)), "their order is another");
    assert!(all.len() - heard.len() <= 6, "{} of {} frames", heard.len(), all.len());
    let (streams, duration) = film.probe();
    let alone: f64 = films.iter().map(|(_, film)| film.probe().1).sum();
    assert!((duration - alone).abs() < 0.003, "{duration} instead of {alone}");
    // A film's last picture stands for a whole thirtieth, also where the meeting ended within it.
    let planned = films.iter().map(|(_, film)| film.receipt.duration_us).sum::<u64>();
    assert!((planned..planned + 3 * SECOND / 30).contains(&film.receipt.duration_us));
    assert!((streams[0].duration_s - streams[1].duration_s).abs() < 0.03, "{streams:?}");
    assert_in_step(&film);
    assert_eq!(film.boxes(), ["ftyp", "moov", "mdat"]);
    assert_eq!(studio.made(&job), FILM);
    let begins = films[0].1.probe().0[0].duration_s;
    let chapters = film.chapters();
    let titles: Vec<&str> = chapters.iter().map(|(_, title)| title.as_str()).collect();
    assert_eq!(titles, ["Morning", "Budget", "Noon", "Evening"]);
    assert!((chapters[2].0 - begins).abs() < 0.002, "{chapters:?}");
    let folder = roombox_capture::read_manifest(studio.path()).unwrap();
    assert!(folder.ended.is_some() && folder.parts.is_empty());
    let told = roombox_capture::read_timeline(studio.path());
    let texts = told.iter().filter_map(|line| match &line.event {
        TimelineEvent::Marker { text } => Some(text.as_str()),
        _ => None,
    });
    assert_eq!(texts.collect::<Vec<_>>(), ["Morning", "Budget", "Noon", "Evening"]);
}

#[test]
fn only_the_pictures_of_another_format_are_coded_anew() {
    let usual = drawn(4_000_000, true, |_| {});
    let mut copied = Studio::new();
    copied.join(0, "Bob");
    let take = Take { size: (320, 240), ..Take::h264(0, 4 * SECOND) };
    copied.camera("Bob", take, flash);
    copied.microphone("Bob", 0, 4 * SECOND, beep);
    let alone = copied.film(&copied.job(LayoutName::Auto));
    assert_eq!(alone.receipt.encoder, "copy");
    let copied = (copied, alone);
    let studio = Studio::new();
    let parts = vec![part(&usual, "a"), part(&copied, "b"), part(&usual, "c")];
    let job = merging(&studio, parts);
    let film = studio.film_of_what_is_there(&job);
    assert_eq!(film.receipt.encoder, "openh264enc");
    let (of_usual, of_film) = (packets(&usual.1, "v"), packets(&film, "v"));
    let between = packets(&copied.1, "v").len();
    assert_eq!(of_film.len(), 2 * of_usual.len() + between, "no picture more, none less");
    assert_eq!(of_film[..of_usual.len()], of_usual);
    assert_eq!(of_film[of_usual.len() + between..], of_usual);
    let (streams, _) = film.probe();
    assert_eq!(streams[0].size, (1280, 720));
    assert_in_step(&film);
    // Another shape leaves bars at both sides.
    let second = (usual.1.receipt.duration_us * 30 / SECOND) as usize + 45;
    let bars = film.lumas((20, 300, 80, 80))[second];
    let middle = film.lumas(CORNER)[second];
    assert!(bars < 30 && (45..80).contains(&middle), "{bars} {middle}");
}

#[test]
fn a_film_without_sound_is_silent_in_its_place() {
    let (first, mute) = (drawn(3_000_000, true, |_| {}), drawn(4_000_000, false, |_| {}));
    let studio = Studio::new();
    let parts = vec![part(&first, "a"), part(&mute, "b"), part(&first, "c")];
    let film = studio.film_of_what_is_there(&merging(&studio, parts));
    let heard = beeps(&film);
    let begins = (first.1.receipt.duration_us + mute.1.receipt.duration_us) as f64 / 1e6;
    assert!(heard.iter().all(|at| *at < 3.0 || *at >= begins - LIMIT_S), "{heard:.3?}");
    let later: Vec<&f64> = heard.iter().filter(|at| **at > 3.0).collect();
    let seen: Vec<f64> = flashes(&film).into_iter().filter(|at| *at >= begins - LIMIT_S).collect();
    assert_eq!(later.len(), seen.len(), "{heard:.3?} {seen:.3?}");
    for (heard, seen) in later.iter().zip(&seen) {
        assert!((*heard - seen).abs() <= LIMIT_S, "{heard:.3} {seen:.3}");
    }
}

#[test]
fn a_worker_that_is_killed_leaves_no_half_film_and_the_next_attempt_makes_the_same_one() {
    /// Written past the limit: the kernel ends the process, which has no say in it.
    const SIGXFSZ: i32 = 25;
    let usual = drawn(5_000_000, true, |_| {});
    let mut copied = Studio::new();
    copied.join(0, "Bob");
    let take = Take { size: (320, 240), ..Take::h264(0, 6 * SECOND) };
    copied.camera("Bob", take, flash);
    copied.microphone("Bob", 0, 6 * SECOND, beep);
    let alone = copied.film(&copied.job(LayoutName::Auto));
    let copied = (copied, alone);
    let studio = Studio::new();
    let job = merging(&studio, vec![part(&usual, "a"), part(&copied, "b"), part(&usual, "c")]);
    let wanted = fs::read(studio.film_of_what_is_there(&job).path).unwrap();
    let folder = studio.path().join("derived").join(&job.job);
    fs::remove_dir_all(&folder).unwrap();
    // While pictures are coded anew.
    let mut child = studio.transcode(&job).spawn().unwrap();
    let begun = Instant::now();
    while !folder.join("picture-1.part").exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing is coded anew");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    assert_eq!(studio.made(&job), ["picture-1.part"]);
    // While the film is written, at the same byte each time; what was coded anew is smaller.
    let limit = wanted.len() * 3 / 4 / 512;
    let worker = studio.transcode(&job);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -c 0; ulimit -f \"$0\"; exec \"$@\"", &limit.to_string()]);
    command.arg(worker.get_program()).args(worker.get_args());
    let killed = command.output().unwrap();
    let log = String::from_utf8_lossy(&killed.stderr);
    assert_eq!(killed.status.signal(), Some(SIGXFSZ), "{log}");
    let left = studio.made(&job);
    assert!(left.iter().all(|name| name.ends_with(".part")), "{left:?}");
    let half = fs::read(folder.join("film.mp4.part")).unwrap();
    assert_eq!(half.len(), limit * 512, "{left:?}");
    assert!(half == wanted[..half.len()], "it is the film that was begun");
    // Whoever finds the folder then finds a recording that has ended, and no film in it.
    let manifest = roombox_capture::read_manifest(studio.path()).unwrap();
    assert!(manifest.ended.is_some() && manifest.parts.is_empty());
    let film = studio.film_of_what_is_there(&job);
    assert!(fs::read(&film.path).unwrap() == wanted, "nobody can see where it was killed");
    assert_eq!(studio.made(&job), FILM);
}

#[test]
fn a_film_that_is_gone_or_none_of_ours_ends_the_job_and_says_which_it_is() {
    let film = drawn(2_000_000, true, |_| {});
    let studio = Studio::new();
    let (there, mut gone) = (part(&film, "a"), part(&film, "b"));
    gone.film = "derived/job_01TEST/other.mp4".to_owned();
    let run = |job: &JobSpec| {
        let spec = studio.path().join("job.json");
        fs::write(&spec, serde_json::to_vec(job).unwrap()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_roombox-media"));
        command.arg("transcode").arg("--recording").arg(studio.path()).arg("--spec").arg(spec);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let job = merging(&studio, vec![there.clone(), gone.clone()]);
    let (status, log) = run(&job);
    assert_eq!(status, Some(2), "{log}");
    assert!(log.contains(&gone.recording) && log.contains("not there any more"), "{log}");
    let foreign = film.0.path().join(&gone.film);
    fs::write(&foreign, b"RIFF....AVI").unwrap();
    let (status, log) = run(&job);
    assert!(status == Some(2) && log.contains("no film of a Roombox"), "{log}");
    // A bit that the disk has lost in the midst of the pictures is not copied into what people keep.
    let mut torn = fs::read(&film.1.path).unwrap();
    let middle = torn.len() / 2;
    torn[middle] ^= 1;
    fs::write(&foreign, torn).unwrap();
    let (status, log) = run(&job);
    assert!(status == Some(2) && log.contains("not what was made"), "{log}");
    // Nothing outside the recordings is ever opened.
    for (recording, path) in [("..", "etc/passwd"), ("a/b", "film.mp4"), ("a", "../../etc/passwd")]
    {
        let outside =
            MergePart { recording: recording.to_owned(), film: path.to_owned(), ..there.clone() };
        let (status, log) = run(&merging(&studio, vec![there.clone(), outside]));
        assert!(status == Some(2) && log.contains("cannot be done"), "{log}");
    }
    let (status, log) = run(&merging(&studio, vec![there]));
    assert!(status == Some(2) && log.contains("fewer than two"), "{log}");
    assert!(studio.made(&job).is_empty());
    // Whoever brings it back gets the film that was wanted.
    fs::copy(&film.1.path, &foreign).unwrap();
    let (status, log) = run(&job);
    assert_eq!(status, Some(0), "{log}");
    assert_eq!(studio.made(&job), FILM);
}
