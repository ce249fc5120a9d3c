//! Reels: what a crash left is used, and a film of which most was made while its recording ran is
//! the film that would have been made of it afterwards.

#![allow(clippy::unwrap_used, reason = "tests")]

mod studio;

use roombox_capture::manifest::{EndReason, Ended};
use roombox_capture::timeline::TimelineEvent;
use roombox_jobs::spec::{Ahead, EncoderChoice, JobSpec, LayoutName, Output};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use studio::{Film, SECOND, Studio, Take, beep, flash};

/// Two people with cameras and microphones; the second one comes later and leaves before the end.
fn meeting() -> (Studio, JobSpec) {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.camera("Ada", Take::vp8(0, 34 * SECOND), flash);
    studio.microphone("Ada", 0, 34 * SECOND, beep);
    studio.join(8 * SECOND, "Bob");
    studio.camera("Bob", Take::vp8(8 * SECOND, 31 * SECOND), |us| (us / SECOND * 5) as u8);
    studio.microphone("Bob", 8 * SECOND, 31 * SECOND, |us| {
        ((us as f64 / 1e6 * 300.0 * std::f64::consts::TAU).sin() * 900.0) as i16
    });
    let mut job = studio.job(LayoutName::Grid);
    job.video.encoder = EncoderChoice::Openh264;
    (studio, job)
}

fn reels(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut reels: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "reel")).collect();
    reels.sort();
    reels
}

fn pictures(folder: &Path) -> usize {
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    reels(folder).iter().filter(|path| name(path).starts_with("picture")).count()
}

/// Waits for something, and not for ever.
fn until(what: &str, mut there: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !there() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} does not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_attempt_goes_on_where_the_last_one_was_killed() {
    let (mut studio, job) = meeting();
    let wanted = fs::read(studio.film(&job).path).unwrap();
    let folder = studio.path().join("derived").join(&job.job);
    fs::remove_dir_all(&folder).unwrap();
    let mut child = studio.command(&job).spawn().unwrap();
    until("a reel", || pictures(&folder.join("reels")) > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = pictures(&folder.join("reels"));
    let film = studio.film(&job);
    assert!(film.log.contains(&format!("reels=4 missing={}", 4 - kept)), "{}", film.log);
    // To the bit: nobody can see where it was killed.
    assert!(fs::read(&film.path).unwrap() == wanted);
    assert!(!folder.join("reels").exists());
}

/// C2: at three moments of its time, with `ROOMBOX_FULL` at every tenth of it.
#[test]
fn c2_wherever_its_maker_is_killed_the_film_is_the_same_and_nothing_lies_about() {
    let (mut studio, job) = meeting();
    let begun = Instant::now();
    let wanted = fs::read(studio.film(&job).path).unwrap();
    let takes = begun.elapsed();
    let (folder, names) = (studio.path().join("derived").join(&job.job), studio.made(&job));
    let full = std::env::var_os("ROOMBOX_FULL").is_some();
    let tenths = (1..=9).filter(|tenth| full || tenth % 3 == 0);
    let mut killed = Vec::new();
    for tenth in tenths {
        fs::remove_dir_all(&folder).unwrap();
        let mut child = studio.command(&job).spawn().unwrap();
        std::thread::sleep(takes * tenth / 10);
        let was_faster = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        let (kept, there) = (pictures(&folder.join("reels")), folder.join("film.mp4").exists());
        let film = studio.film(&job);
        assert!(film.log.contains(&format!("reels=4 missing={}", 4 - kept)), "{}", film.log);
        assert!(fs::read(&film.path).unwrap() == wanted, "killed at {tenth}/10");
        assert_eq!(studio.made(&job), names, "killed at {tenth}/10");
        killed.push((tenth, kept, there, was_faster));
    }
    let late = killed.iter().filter(|(.., was_faster)| *was_faster).count();
    assert!(late < killed.len(), "nobody was killed: {killed:?}");
    println!(
        "C2: {} kills ({late} came too late), each film the same to the bit, nothing left over; \
         tenth, reels kept, film there, too late: {killed:?}",
        killed.len()
    );
}

#[test]
fn a_reel_that_the_disk_has_damaged_costs_one_attempt() {
    let (mut studio, job) = meeting();
    let wanted = fs::read(studio.film(&job).path).unwrap();
    let folder = studio.path().join("derived").join(&job.job);
    fs::remove_dir_all(&folder).unwrap();
    let mut child = studio.command(&job).spawn().unwrap();
    until("two reels", || pictures(&folder.join("reels")) > 1);
    child.kill().unwrap();
    child.wait().unwrap();
    let damaged = &reels(&folder.join("reels"))[0];
    let mut bytes = fs::read(damaged).unwrap();
    *bytes.last_mut().unwrap() ^= 0x55;
    fs::write(damaged, bytes).unwrap();
    let failed = studio.run(&job);
    assert_eq!(failed.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&failed.stderr).contains("is damaged and was removed"));
    assert!(fs::read(studio.film(&job).path).unwrap() == wanted);
}

/// A recording that runs: what a finished one was after so much time.
struct Live {
    whole: Studio,
    folder: tempfile::TempDir,
    /// When it began, by the clock of this boot.
    began_us: u64,
}

impl Live {
    fn at(whole: Studio, now_us: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tracks")).unwrap();
        let live = Self { whole, folder, began_us: boot_us() - now_us };
        live.go_on(now_us);
        live
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The film that a job makes of it.
    fn film(&mut self, job: &JobSpec) -> Film {
        std::mem::swap(&mut self.whole.folder, &mut self.folder);
        self.whole.film_of_what_is_there(job)
    }

    /// Parts as far as they are written, the timeline and the manifest as they are known.
    fn go_on(&self, now_us: u64) {
        let mut manifest = self.whole.manifest.clone();
        manifest.ended = None;
        manifest.parts.retain(|part| part.start_us < now_us);
        for part in &mut manifest.parts {
            let bytes = fs::read(self.whole.path().join(&part.file)).unwrap();
            let end_us = part.end_us.unwrap();
            let written = match end_us < now_us {
                true => bytes.len(),
                // Somewhere in a cluster, and never sealed.
                false => {
                    part.end_us = None;
                    let share = (now_us - part.start_us) as f64 / (end_us - part.start_us) as f64;
                    (bytes.len() as f64 * share) as usize
                }
            };
            fs::write(self.path().join(&part.file), &bytes[..written]).unwrap();
        }
        self.put(&manifest, now_us);
    }

    /// As it is in the end.
    fn end(&self) {
        let mut manifest = self.whole.manifest.clone();
        for part in &manifest.parts {
            fs::copy(self.whole.path().join(&part.file), self.path().join(&part.file)).unwrap();
        }
        let at_us = manifest.parts.iter().filter_map(|part| part.end_us).max().unwrap();
        manifest.ended = Some(Ended { reason: EndReason::Stopped, at_us });
        self.put(&manifest, u64::MAX);
    }

    fn put(&self, manifest: &roombox_capture::manifest::Manifest, now_us: u64) {
        let mut lines = String::new();
        for line in self.whole.timeline() {
            let mut line = line.clone();
            if let TimelineEvent::Start { boot_us, .. } = &mut line.event {
                *boot_us = self.began_us;
            }
            if line.t <= now_us {
                lines += &(serde_json::to_string(&line).unwrap() + "\n");
            }
        }
        fs::write(self.path().join("timeline.jsonl"), lines).unwrap();
        let unfinished = self.path().join("manifest.new");
        fs::write(&unfinished, serde_json::to_vec(manifest).unwrap()).unwrap();
        fs::rename(unfinished, self.path().join("manifest.json")).unwrap();
    }
}

/// `roombox-media ahead`, as the daemon has it.
struct Follower {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Follower {
    fn start(recording: &Path, job: &JobSpec) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_roombox-media"))
            .arg("ahead")
            .arg("--recording")
            .arg(recording)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        writeln!(input, "{}", serde_json::to_string(job).unwrap()).unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input: Some(input), output }
    }

    fn say(&mut self, word: &str) {
        writeln!(self.input.as_mut().unwrap(), "{word}").unwrap();
    }

    fn made(&mut self) -> Ahead {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        match serde_json::from_str(&line) {
            Ok(told) => told,
            Err(_) => panic!("{line:?}: {}", self.log()),
        }
    }

    fn log(&mut self) -> String {
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        log
    }
}

fn boot_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    now.tv_sec.unsigned_abs() * 1_000_000 + now.tv_nsec.unsigned_abs() / 1000
}

/// The meeting as if it were in this boot of the kernel.
fn in_this_boot() -> (Studio, JobSpec) {
    let (mut studio, job) = meeting();
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    studio.at(
        0,
        TimelineEvent::Start {
            room: "studio".into(),
            unix_ms: studio.manifest.started_unix_ms,
            boot_id: boot_id.trim().to_owned(),
            boot_us: 0,
            boot_minus_monotonic_us: 0,
        },
    );
    (studio, job)
}

#[test]
fn a_film_that_was_made_during_its_meeting_is_the_film_that_is_made_of_it_afterwards() {
    let (mut studio, job) = in_this_boot();
    let wanted = fs::read(studio.film(&job).path).unwrap();
    let mut live = Live::at(studio, 26 * SECOND);
    let mut follower = Follower::start(live.path(), &job);
    let told = std::iter::repeat_with(|| follower.made()).find(|told| told.made_us == 20 * SECOND);
    assert!(told.unwrap().recorded_us > 21 * SECOND);
    // What is not certain yet is not made.
    assert_eq!(pictures(&live.path().join("ahead")), 2);
    live.end();
    // The last reels are made at once.
    assert_eq!(follower.made().made_us, 40 * SECOND);
    assert!(follower.child.wait().unwrap().success());
    let made = reels(&live.path().join("ahead")).len();
    assert_eq!(made, 8, "four of pictures and four of sound");
    let film = live.film(&job);
    assert!(film.log.contains("reels=4 missing=0"), "{}", film.log);
    assert!(fs::read(&film.path).unwrap() == wanted);
    assert!(!live.whole.path().join("ahead").exists());
}

#[test]
fn what_was_not_written_yet_is_not_made() {
    let (mut studio, job) = in_this_boot();
    let wanted = fs::read(studio.film(&job).path).unwrap();
    // The disk is slow: of 26 seconds 15 are in the files.
    let mut live = Live::at(studio, 15 * SECOND);
    let mut follower = Follower::start(live.path(), &job);
    assert_eq!(follower.made().made_us, 10 * SECOND);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(pictures(&live.path().join("ahead")), 1);
    live.go_on(26 * SECOND);
    assert_eq!(follower.made().made_us, 20 * SECOND);
    live.end();
    assert!(follower.child.wait().unwrap().success(), "{}", follower.log());
    let film = live.film(&job);
    assert!(film.log.contains("reels=4 missing=0"), "{}", film.log);
    assert!(fs::read(&film.path).unwrap() == wanted);
}

#[test]
fn sound_that_comes_back_after_a_silence_is_not_lost() {
    let (mut studio, mut job) = in_this_boot();
    job.outputs.push(Output::Sound);
    // Silent over the end of a reel and until all that is known: no packets, and one part.
    let silent = |us: u64| (18 * SECOND..26 * SECOND + SECOND / 2).contains(&us);
    studio.microphone_but("Cleo", (0, 34 * SECOND), silent, |us| {
        ((us as f64 / 1e6 * 440.0 * std::f64::consts::TAU).sin() * 9000.0) as i16
    });
    let wanted = studio.film(&job).sound();
    let mut live = Live::at(studio, 26 * SECOND);
    // What is on the disk is newer than what is looked at.
    live.go_on(31 * SECOND);
    let mut follower = Follower::start(live.path(), &job);
    while follower.made().made_us < 20 * SECOND {}
    live.end();
    assert!(follower.child.wait().unwrap().success(), "{}", follower.log());
    let heard = live.film(&job).sound();
    let worst = wanted.iter().zip(&heard).map(|(a, b)| a.abs_diff(*b)).max();
    assert_eq!((wanted.len(), worst), (heard.len(), Some(0)));
}

#[test]
fn nothing_is_made_while_a_meeting_needs_the_machine_until_the_recording_ends() {
    let (studio, job) = in_this_boot();
    let live = Live::at(studio, 26 * SECOND);
    let mut follower = Follower::start(live.path(), &job);
    follower.say("hold");
    // It may have begun a reel before it heard of it; it never makes them all.
    std::thread::sleep(Duration::from_secs(3));
    assert!(pictures(&live.path().join("ahead")) < 2);
    follower.say("go");
    while follower.made().made_us < 20 * SECOND {}
    follower.say("hold");
    // Long enough to be waiting.
    std::thread::sleep(Duration::from_secs(1));
    live.end();
    while follower.made().made_us < 40 * SECOND {}
    assert!(follower.child.wait().unwrap().success(), "{}", follower.log());
}

#[test]
fn whoever_makes_reels_ahead_ends_with_the_daemon() {
    let (studio, job) = in_this_boot();
    let live = Live::at(studio, 12 * SECOND);
    let mut follower = Follower::start(live.path(), &job);
    drop(follower.input.take());
    assert_eq!(follower.child.wait().unwrap().code(), Some(143), "{}", follower.log());
}
