//! Hardware encoders that break, as far as one process sees it: trials, and who is blamed for a film.

#![allow(clippy::unwrap_used, reason = "tests")]

mod studio;

use gstreamer as gst;
use roombox_jobs::encoders::{Fault, FaultKind, ProbeReport, Tried};
use roombox_jobs::spec::{JobSpec, LayoutName, Receipt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use studio::{SECOND, Studio, Take, flash};

const WORKER: &str = env!("CARGO_BIN_EXE_roombox-media");
const VARIABLE: &str = "ROOMBOX_FAKE_ENCODERS";

/// The worker on a machine with this hardware.
fn on(folder: &Path, hardware: &str) -> Command {
    let knobs = folder.join("hardware.json");
    std::fs::write(&knobs, hardware).unwrap();
    let mut command = Command::new(fake());
    command.env(VARIABLE, knobs);
    command
}

fn fake() -> PathBuf {
    Path::new(WORKER).with_file_name("examples").join("fake_media")
}

fn probed(hardware: &str, arguments: &[&str]) -> ProbeReport {
    let folder = tempfile::tempdir().unwrap();
    let probed = on(folder.path(), hardware).arg("probe").args(arguments).output().unwrap();
    assert!(probed.status.success(), "{}", String::from_utf8_lossy(&probed.stderr));
    serde_json::from_slice(&probed.stdout).unwrap()
}

fn tried(hardware: &str, element: &str) -> Tried {
    let mut found = probed(hardware, &["--json", "--encoder", element]);
    found.encoders.remove(0)
}

#[test]
fn an_encoder_that_encodes_passes_its_trial_and_others_say_why_not() {
    let good = tried(r#"{"vah264lpenc": ""}"#, "vah264lpenc");
    assert!(good.works, "{good:?}");
    assert_eq!(good.sizes.iter().map(|size| size.width).collect::<Vec<_>>(), [640, 1280]);
    assert!(good.sizes.iter().all(|size| size.psnr_db > 30.0 && size.fps > 5.0), "{good:?}");
    let level = tried(r#"{"v4l2h264enc": ""}"#, "v4l2h264enc");
    assert!(level.works, "the level is said: {level:?}");
    for (fault, says) in [
        ("start", "driver says no"),
        ("error:3", "hardware reports an error"),
        ("garbage:12", "another picture"),
        ("noise:17", "decoded"),
        ("lose:29", "29 pictures of 30"),
        ("crash:5", "crashed (signal 6)"),
    ] {
        let bad = tried(&format!(r#"{{"vah264enc": "{fault}"}}"#), "vah264enc");
        let why = bad.why.clone().unwrap_or_default();
        assert!(bad.found && !bad.works && !bad.doubtful && why.contains(says), "{fault}: {bad:?}");
    }
}

#[test]
fn a_machine_that_is_busy_is_not_held_against_an_encoder_for_ever() {
    for fault in ["hang:2", "slow"] {
        let slow = tried(&format!(r#"{{"vah264enc": "{fault}"}}"#), "vah264enc");
        assert!(slow.found && !slow.works && slow.doubtful, "{fault}: {slow:?}");
    }
}

#[test]
fn a_look_finds_who_is_there_without_trying_and_the_shipped_worker_has_no_fakes() {
    let names = ["--encoder", "vah264enc", "--encoder", "v4l2h264enc", "--encoder", "nonsense"];
    let arguments = [&["--json", "--look"][..], &names].concat();
    let found = probed(r#"{"vah264enc": "crash"}"#, &arguments).encoders;
    let seen: Vec<_> = found.iter().map(|one| (one.element.as_str(), one.found)).collect();
    assert_eq!(seen, [("vah264enc", true), ("v4l2h264enc", false), ("nonsense", false)]);
    assert!(found.iter().all(|one| !one.works && one.sizes.is_empty()));
    let shipped = Command::new(WORKER)
        .env(VARIABLE, "/nowhere")
        .args(["probe", "--json", "--encoder", "openh264enc"])
        .output()
        .unwrap();
    let shipped: ProbeReport = serde_json::from_slice(&shipped.stdout).unwrap();
    assert!(shipped.encoders[0].works, "{shipped:?}");
    let strings = std::fs::read(WORKER).unwrap();
    assert!(!strings.windows(VARIABLE.len()).any(|text| text == VARIABLE.as_bytes()));
}

/// The image has no libav: what is encoded is decoded by openh264dec there, which wants to be told more.
#[test]
fn without_libav_encoders_are_tried_all_the_same() {
    gst::init().unwrap();
    let openh264 = gst::Registry::get().find_plugin("openh264").unwrap().filename().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let plugins = folder.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    for entry in std::fs::read_dir(openh264.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if name != "libgstlibav.so" {
            std::os::unix::fs::symlink(&path, plugins.join(name)).unwrap();
        }
    }
    let tried = on(folder.path(), r#"{"vah264enc": ""}"#)
        .env("GST_PLUGIN_SYSTEM_PATH_1_0", &plugins)
        .env("GST_REGISTRY", folder.path().join("registry"))
        .args(["probe", "--json", "--encoder", "vah264enc", "--encoder", "openh264enc"])
        .output()
        .unwrap();
    let tried: ProbeReport = serde_json::from_slice(&tried.stdout).unwrap();
    assert!(tried.encoders.iter().all(|one| one.works), "{tried:?}");
}

fn meeting() -> (Studio, JobSpec) {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.camera("Ada", Take::vp8(0, 4 * SECOND), flash);
    let mut job = studio.job(LayoutName::Grid);
    job.video.element = Some("vah264enc".to_owned());
    (studio, job)
}

/// Films with an encoder that has this fault.
fn filmed(studio: &mut Studio, job: &JobSpec, fault: &str) -> Output {
    let arguments: Vec<_> = studio.command(job).get_args().map(std::ffi::OsStr::to_owned).collect();
    let hardware = format!(r#"{{"vah264enc": "{fault}"}}"#);
    on(studio.path(), &hardware).args(arguments).output().unwrap()
}

fn last_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn a_film_names_the_encoder_that_is_to_blame_and_another_one_finds_nothing_of_it() {
    let (mut studio, job) = meeting();
    for (fault, kind) in [
        ("start", FaultKind::Start),
        ("error:40", FaultKind::Error),
        ("garbage:40", FaultKind::Garbage),
        ("noise:40", FaultKind::Garbage),
        ("lose:40", FaultKind::Garbage),
    ] {
        let output = filmed(&mut studio, &job, fault);
        let said = last_line(&output);
        let blamed: Fault =
            serde_json::from_str(&said).unwrap_or_else(|_| panic!("{fault}: {said}"));
        assert_eq!((blamed.fault, blamed.encoder.as_str()), (kind, "vah264enc"), "{said}");
        assert_eq!(output.status.code(), Some(3), "{fault}");
    }
    // Its reels are whole, and of no use to the next encoder.
    let output = filmed(&mut studio, &job, "");
    let receipt: Receipt = serde_json::from_str(&last_line(&output)).unwrap();
    assert_eq!(receipt.encoder, "vah264enc");
    let film = studio.film(&JobSpec { video: Default::default(), ..job });
    assert_eq!(film.receipt.encoder, "openh264enc");
}

#[test]
fn an_encoder_that_hangs_or_crawls_is_blamed_within_fifteen_seconds() {
    let (mut studio, job) = meeting();
    for (fault, kind) in [("hang:40", FaultKind::Stalled), ("slow:10", FaultKind::Slow)] {
        let begun = Instant::now();
        let output = filmed(&mut studio, &job, fault);
        let blamed: Fault = serde_json::from_str(&last_line(&output)).unwrap();
        assert_eq!((blamed.fault, output.status.code()), (kind, Some(3)));
        assert!(begun.elapsed() < Duration::from_secs(15), "{fault}: {:?}", begun.elapsed());
    }
}

#[test]
fn reels_of_two_encoders_are_never_joined() {
    let (mut studio, job) = meeting();
    let folder = studio.path().join("derived").join(&job.job).join("reels");
    // It breaks in the second reel of two: the first one is kept.
    studio.camera("Ada", Take::vp8(4 * SECOND, 14 * SECOND), flash);
    let output = filmed(&mut studio, &job, "error:295");
    assert_eq!(output.status.code(), Some(3));
    let before = studio.made(&job);
    let film = studio.film(&JobSpec { video: Default::default(), ..job });
    assert!(film.log.contains("reels=2 missing=2"), "{before:?} {}", film.log);
    assert!(!folder.exists());
}
