//! Picture and sound belong together: a flash and a beep at every second stay within 40 ms of
//! each other, from part files to the decoded film.

mod studio;

use roombox_jobs::spec::{EncoderChoice, LayoutName};
use studio::{FILM, Film, SECOND, Studio, Take, beep, flash, onsets};

const LIMIT_S: f64 = 0.040;

/// Flashes and beeps of the film, which must be at `wanted`.
fn assert_in_step(film: &Film, area: (u32, u32, u32, u32), wanted: &[f64]) {
    let lumas = film.lumas(area);
    let flashes = onsets(lumas.iter().map(|luma| *luma > 140), 30.0);
    let beeps = onsets(film.sound().iter().map(|sample| sample.abs() > 2000), 48_000.0);
    eprintln!("flashes {flashes:.3?}, beeps {beeps:.4?}");
    assert_eq!(flashes.len(), wanted.len(), "flashes {flashes:?}");
    assert_eq!(beeps.len(), wanted.len(), "beeps {beeps:?}");
    for ((flash, beep), wanted) in flashes.iter().zip(&beeps).zip(wanted) {
        assert!((flash - beep).abs() <= LIMIT_S, "a flash at {flash}, its beep at {beep}");
        assert!((flash - wanted).abs() <= LIMIT_S, "a flash at {flash} instead of {wanted}");
    }
}

/// Checks what every film must be, against its length in seconds.
fn assert_whole(film: &Film, codec_fps: &str, seconds: f64) {
    assert_eq!(film.boxes(), ["ftyp", "moov", "mdat"]);
    let (streams, duration) = film.probe();
    let [video, audio] = &streams[..] else { panic!("{streams:?}") };
    assert_eq!((video.codec.as_str(), audio.codec.as_str()), ("h264", "aac"));
    assert_eq!(video.fps, codec_fps);
    assert!((video.duration_s - seconds).abs() <= 1.0 / 30.0 + 0.001, "{}", video.duration_s);
    assert!((audio.duration_s - seconds).abs() <= 0.1, "{}", audio.duration_s);
    assert!((duration - seconds).abs() <= 0.1, "{duration}");
    assert!((film.receipt.duration_us as f64 / 1e6 - seconds).abs() < 0.04);
}

#[test]
fn a_grid_of_two_is_in_step() {
    let mut studio = Studio::new();
    studio.join(0, "Ada Lovelace");
    studio.join(0, "Юлия Š");
    // Both start where no frame of the film does.
    studio.camera("Ada Lovelace", Take::vp8(510_000, 6 * SECOND), flash);
    studio.microphone("Ada Lovelace", 505_000, 6 * SECOND, beep);
    studio.camera("Юлия Š", Take::h264(1_517_000, 6 * SECOND), |_| 60);
    let job = studio.job(LayoutName::Auto);
    let film = studio.film(&job);
    assert_eq!(film.receipt.encoder, "openh264enc");
    assert_whole(&film, "30/1", 5.475);
    let wanted: Vec<f64> = (1..6).map(|s| f64::from(s) - 0.505).collect();
    assert_in_step(&film, (100, 120, 100, 60), &wanted);
    assert_eq!(film.probe().0[0].colour.as_deref(), Some("bt709"));
    assert_eq!(studio.made(&job), FILM);
}

#[test]
fn a_copied_stream_is_in_step() {
    let mut studio = Studio::new();
    studio.join(0, "Ada");
    studio.camera("Ada", Take::h264(710_000, 6 * SECOND), flash);
    studio.microphone("Ada", 300_000, 6 * SECOND, beep);
    let film = studio.film(&studio.job(LayoutName::Auto));
    assert_eq!(film.receipt.encoder, "copy");
    let (streams, duration) = film.probe();
    assert_eq!(film.boxes(), ["ftyp", "moov", "mdat"]);
    assert_eq!(streams[0].frames, 158);
    assert!((duration - 5.68).abs() <= 0.1, "{duration}");
    let wanted: Vec<f64> = (1..6).map(|s| f64::from(s) - 0.3).collect();
    assert_in_step(&film, (100, 60, 100, 60), &wanted);
}

#[test]
fn x264_is_in_step_where_it_is_installed() {
    let mut studio = Studio::new();
    if !roombox_worker::driven::installed("x264enc") {
        println!("skipped: x264enc is not installed");
        return;
    }
    studio.join(0, "Ada");
    studio.camera("Ada", Take::vp8(0, 4 * SECOND), flash);
    studio.microphone("Ada", 0, 4 * SECOND, beep);
    let mut job = studio.job(LayoutName::Grid);
    job.video.encoder = EncoderChoice::X264;
    let film = studio.film(&job);
    assert_eq!(film.receipt.encoder, "x264enc");
    assert_whole(&film, "30/1", 3.98);
    assert_in_step(&film, (100, 60, 100, 60), &[0.0, 1.0, 2.0, 3.0]);
}
