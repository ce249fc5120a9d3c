//! The facts of one board, as `board.toml` states them. `board-configs/schema.md` describes each key.

use super::layout::{Layout, Loader};
use super::size::Size;
use serde::{Deserialize, Serialize};

/// One board.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// Its id everywhere, and its folder's name.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// RAUC's compatible: a bundle for another one is refused before anything is written.
    pub compatible: String,
    /// The file below `board-configs/layouts/` that its disk follows.
    pub layout: String,
    /// Its processor.
    pub arch: Arch,
    /// Kernel consoles; the last one is `/dev/console`, where the claim code is printed.
    pub console: Vec<String>,
    /// Kernel parameters of this board alone.
    #[serde(default)]
    pub kernel_parameters: Vec<String>,
    /// The smallest disk that is accepted.
    pub smallest_disk: Size,
    /// Films are begun during the meeting where a trial encode of 720p runs so many times faster
    /// than real time; without it never.
    pub progressive_transcode_above: Option<f64>,
    /// How the image is built.
    pub yocto: Yocto,
    /// How an empty or broken board is reached.
    pub recovery: Recovery,
    /// What reboots it when it hangs.
    pub watchdog: Watchdog,
    /// Its codec hardware: hints, which the daemon tries before it believes them.
    #[serde(default)]
    pub codec: Vec<Codec>,
    /// Lights that say how the box is.
    #[serde(default)]
    pub led: Vec<Led>,
}

/// Processor families that images are built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Arch {
    /// 64-bit x86.
    #[serde(rename = "x86_64")]
    X86_64,
    /// 64-bit Arm.
    #[serde(rename = "aarch64")]
    Aarch64,
}

/// What the build needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Yocto {
    /// `MACHINE`.
    pub machine: String,
    /// The upstream machine that it is built on, if there is one.
    pub base: Option<String>,
    /// Configuration files that it requires beside or instead of a base.
    #[serde(default)]
    pub require: Vec<String>,
    /// Repositories and layers beside those of every board, as `repository` or `repository/layer`.
    #[serde(default)]
    pub layers: Vec<String>,
    /// `MACHINE_FEATURES` in addition.
    #[serde(default)]
    pub features: Vec<String>,
    /// Packages that its hardware wants, firmware above all.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Further assignments, name to value, written as they are.
    #[serde(default)]
    pub set: std::collections::BTreeMap<String, String>,
}

/// How an empty or broken board is reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// The way.
    pub kind: RecoveryKind,
    /// USB ids that it shows then, as `vvvv:pppp` in hexadecimal.
    #[serde(default)]
    pub usb: Vec<String>,
    /// What a person has to do, in a sentence.
    pub how: String,
}

/// Ways to write to a board that does not boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecoveryKind {
    /// Its disk is written by another machine, or from a stick.
    Disk,
    /// Rockchip's maskrom or loader mode.
    Rockusb,
    /// The Pi's boot ROM, which turns the board into a USB disk.
    Rpiboot,
    /// NXP's serial download, by a script for `uuu`.
    Uuu,
}

/// What reboots a board that hangs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watchdog {
    /// Kernel module, where it is none of the kernel's own.
    pub module: Option<String>,
    /// Seconds without a sign of life; the hardware's limit.
    pub seconds: u32,
}

/// A light.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Led {
    /// Its name below `/sys/class/leds`.
    pub sysfs: String,
    /// What it shows: `power`, `recording` or `alarm`.
    pub shows: LedMeaning,
}

/// What a light shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LedMeaning {
    /// The box runs.
    Power,
    /// Something is recorded.
    Recording,
    /// Somebody should look.
    Alarm,
}

/// One ability of codec hardware.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Codec {
    /// Which codec.
    pub codec: CodecName,
    /// Which way.
    pub direction: Direction,
    /// By which kernel or user-space interface.
    pub api: Api,
    /// Kernel or VA driver.
    pub driver: String,
    /// GStreamer elements that may drive it, best first.
    pub elements: Vec<String>,
    /// The most it does, as `1920x1080@30`.
    pub max: String,
    /// Who saw it work on this board, and when; absent until somebody did.
    pub verified: Option<String>,
    /// What one has to know.
    pub note: Option<String>,
}

/// Codecs with hardware on some board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodecName {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265.
    H265,
    /// VP8 (RFC 6386).
    Vp8,
    /// VP9.
    Vp9,
    /// AV1.
    Av1,
    /// Motion JPEG.
    Jpeg,
    /// The kernel's Fast Walsh-Hadamard Transform codec, of vicodec only.
    Fwht,
}

/// Which way a codec goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Pictures to bytes.
    Encode,
    /// Bytes to pictures.
    Decode,
}

/// Interfaces to codec hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    /// VA-API 2.
    Va,
    /// V4L2 memory-to-memory, the driver parses.
    V4l2Stateful,
    /// V4L2 memory-to-memory with requests, user space parses.
    V4l2Stateless,
}

impl Board {
    /// The file's name in a board's folder.
    pub const FILE: &'static str = "board.toml";

    pub(super) fn check(&self, layout: &Layout) -> Result<(), String> {
        let plain = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        for (key, text) in
            [("id", &self.id), ("compatible", &self.compatible), ("machine", &self.yocto.machine)]
        {
            if !plain(text) {
                return Err(format!("{key} is {text:?}: use small letters, digits and hyphens"));
            }
        }
        if self.console.is_empty() {
            return Err("console names none: the claim code must appear somewhere".to_owned());
        }
        // They become words of the kernel's command line.
        let word = |c: char| c.is_ascii_alphanumeric() || c == ',';
        if let Some(console) = self.console.iter().find(|name| !name.chars().all(word)) {
            return Err(format!("console {console:?}: write it as tty0 or ttyS0,115200"));
        }
        if self.name.trim().is_empty() {
            return Err("name is empty: people read it".to_owned());
        }
        let image = layout.image_size();
        if self.smallest_disk.bytes() < image.bytes() {
            let disk = self.smallest_disk;
            return Err(format!("smallest_disk is {disk}, but the image takes {image}"));
        }
        if layout.loader == Loader::GrubEfi && self.arch != Arch::X86_64 {
            return Err("the x86 layout needs arch = \"x86_64\"".to_owned());
        }
        if layout.loader != Loader::GrubEfi && self.arch == Arch::X86_64 {
            return Err("arch = \"x86_64\" needs the x86 layout".to_owned());
        }
        if self.watchdog.seconds == 0 {
            return Err("watchdog seconds is 0: it would bite at once".to_owned());
        }
        self.recovery.check(layout)?;
        for codec in &self.codec {
            codec.check()?;
        }
        Ok(())
    }
}

impl Recovery {
    fn check(&self, layout: &Layout) -> Result<(), String> {
        let by_usb = match self.kind {
            RecoveryKind::Disk => None,
            RecoveryKind::Rockusb => Some(("rockusb", Loader::Uboot)),
            RecoveryKind::Rpiboot => Some(("rpiboot", Loader::RpiTryboot)),
            RecoveryKind::Uuu => Some(("uuu", Loader::Uboot)),
        };
        if let Some((name, loader)) = by_usb {
            if layout.loader != loader {
                return Err(format!("recovery kind {name:?} does not go with the board's layout"));
            }
            if self.usb.is_empty() {
                return Err(format!(
                    "recovery kind {name:?} needs usb: the ids that it shows then"
                ));
            }
        }
        for id in &self.usb {
            let hex = |part: &str| part.len() == 4 && u16::from_str_radix(part, 16).is_ok();
            if !id.split_once(':').is_some_and(|(vendor, product)| hex(vendor) && hex(product)) {
                return Err(format!("USB id {id:?}: write vendor:product, four hex digits each"));
            }
        }
        Ok(())
    }
}

impl Codec {
    /// Width, height and frames a second of `max`.
    pub fn limits(&self) -> Option<(u32, u32, u32)> {
        let (size, rate) = self.max.split_once('@')?;
        let (width, height) = size.split_once('x')?;
        Some((width.parse().ok()?, height.parse().ok()?, rate.parse().ok()?))
    }

    fn check(&self) -> Result<(), String> {
        if self.limits().is_none() {
            return Err(format!("codec max {:?}: write it as 1920x1080@30", self.max));
        }
        if self.elements.is_empty() {
            return Err(format!(
                "{:?} {:?} names no GStreamer element",
                self.codec, self.direction
            ));
        }
        Ok(())
    }
}
