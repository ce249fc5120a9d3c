//! All encoders of this machine, each tried in a process of its own: what people and the daemon are told.

use super::{CANDIDATES, kernel};
use gstreamer as gst;
use roombox_jobs::encoders::{ProbeReport, Tried};
use std::fmt::Write as _;
use std::io::{self, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// For one trial. Software needs one second on two slow cores.
const PATIENCE: Duration = Duration::from_secs(8);
const NAP: Duration = Duration::from_millis(10);

/// Tries these, or all, and prints what it found.
pub fn command(encoders: &[String], json: bool, look: bool) -> ExitCode {
    let found = match report(encoders, look) {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(%error, "encoders cannot be tried");
            return ExitCode::FAILURE;
        }
    };
    if !json {
        print!("{}", in_words(&found, look));
        return ExitCode::SUCCESS;
    }
    match serde_json::to_string(&found) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(%error, "the report cannot be written down");
            ExitCode::FAILURE
        }
    }
}

fn report(encoders: &[String], look: bool) -> io::Result<ProbeReport> {
    let all = || CANDIDATES.iter().map(|candidate| candidate.element.to_owned()).collect();
    let wanted = if encoders.is_empty() { all() } else { encoders.to_vec() };
    let tried = wanted.iter().map(|element| apart(element, look)).collect::<io::Result<_>>()?;
    Ok(ProbeReport {
        roombox: env!("CARGO_PKG_VERSION").to_owned(),
        kernel: kernel(),
        gstreamer: gst::version_string().to_string(),
        encoders: tried,
    })
}

/// Has another process try one: whatever happens there is the encoder's.
fn apart(element: &str, look: bool) -> io::Result<Tried> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("trial").arg(element).args(look.then_some("--look"));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let begun = Instant::now();
    let refused = |why: String, doubtful| {
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Tried { found: true, why: Some(why), doubtful, ms, ..Tried::absent(element) }
    };
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if begun.elapsed() > PATIENCE => {
                child.kill()?;
                // One that its driver holds in the kernel ends when that lets go, or never.
                std::thread::spawn(move || drop(child.wait()));
                let why = format!("the trial did not end within {} s", PATIENCE.as_secs());
                return Ok(refused(why, true));
            }
            None => std::thread::sleep(NAP),
        }
    };
    let mut line = String::new();
    // It is one line: no pipe is too small for it.
    if let Some(mut out) = child.stdout.take() {
        out.read_to_string(&mut line)?;
    }
    match serde_json::from_str(&line) {
        Ok(tried) if status.success() => Ok(tried),
        _ => Ok(refused(broke_off(status), false)),
    }
}

fn broke_off(status: ExitStatus) -> String {
    match status.signal() {
        Some(signal) => format!("the trial crashed (signal {signal})"),
        None => format!("the trial ended with {status}"),
    }
}

fn in_words(found: &ProbeReport, look: bool) -> String {
    let ProbeReport { roombox, kernel, gstreamer, encoders } = found;
    let mut text = format!("Roombox {roombox}, Linux {kernel}, {gstreamer}\n");
    let wide = encoders.iter().map(|tried| tried.element.len()).max().unwrap_or(0);
    for tried in encoders {
        let verdict = match tried {
            Tried { works: true, .. } => "works".to_owned(),
            Tried { why: Some(why), .. } => format!("refused: {why}"),
            Tried { found: false, .. } => "absent".to_owned(),
            _ if look => "there, not tried".to_owned(),
            _ => "refused".to_owned(),
        };
        let driver = tried.driver.iter().map(|driver| format!("; {driver}"));
        let sizes = tried.sizes.iter().map(|size| {
            let (width, height) = (size.width, size.height);
            format!("; {width}×{height} {:.1} dB {:.0} fps", size.psnr_db, size.fps)
        });
        let more: String = driver.chain(sizes).collect();
        // Writing to a text does not fail.
        let _ = writeln!(text, "{:wide$}  {verdict}{more}", tried.element);
    }
    text.push_str(
        "Absent: GStreamer has no such element here: no plug-in, no driver or no device.\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use roombox_jobs::encoders::SizeTried;

    #[test]
    fn people_read_a_line_for_each_encoder() {
        let size = SizeTried { width: 640, height: 360, psnr_db: 41.23, fps: 399.6 };
        let found = ProbeReport {
            roombox: "0.1.0".into(),
            kernel: "6.1.0".into(),
            gstreamer: "GStreamer 1.22.0".into(),
            encoders: vec![
                Tried {
                    found: true,
                    works: true,
                    driver: Some("bcm2835-codec-encode".into()),
                    sizes: vec![size],
                    ..Tried::absent("v4l2h264enc")
                },
                Tried { found: true, why: Some("it hangs".into()), ..Tried::absent("vah264enc") },
                Tried::absent("vah264lpenc"),
            ],
        };
        let text = in_words(&found, false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "Roombox 0.1.0, Linux 6.1.0, GStreamer 1.22.0");
        assert_eq!(lines[1], "v4l2h264enc  works; bcm2835-codec-encode; 640×360 41.2 dB 400 fps");
        assert_eq!(lines[2], "vah264enc    refused: it hangs");
        assert_eq!(lines[3], "vah264lpenc  absent");
    }
}
