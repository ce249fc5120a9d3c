//! Which encoders the board's file lists, in which order, and what it says of them.

use serde::Deserialize;

/// An encoder of H.264 that the board may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// GStreamer factory.
    pub element: String,
    /// By driver: different machines of one board file have different ones.
    pub hardware: Vec<Hardware>,
}

/// What the board's file says of one driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hardware {
    /// A part of what the driver calls itself.
    pub driver: String,
    /// The most it does: width, height, pictures a second.
    pub most: (u32, u32, u32),
    /// Who saw it work, and when.
    pub verified: Option<String>,
}

#[derive(Deserialize)]
struct Board {
    #[serde(default)]
    codecs: Vec<Codec>,
}

#[derive(Deserialize)]
struct Codec {
    codec: String,
    direction: String,
    driver: String,
    elements: Vec<String>,
    max: String,
    verified: Option<String>,
}

/// The list of `/usr/share/roombox/board.json`, best first. Without one, or with one that cannot be read,
/// nothing but software encodes.
pub fn listed(board: &[u8]) -> Vec<Listed> {
    let codecs = match serde_json::from_slice::<Board>(board) {
        Ok(board) => board.codecs,
        Err(error) => {
            tracing::warn!(%error, "the board's encoders cannot be read");
            Vec::new()
        }
    };
    let mut listed: Vec<Listed> = Vec::new();
    for codec in codecs {
        if (codec.codec.as_str(), codec.direction.as_str()) != ("h264", "encode") {
            continue;
        }
        let Some(most) = size(&codec.max) else {
            tracing::warn!(max = codec.max, "the board's file has no size like 1920x1080@30");
            continue;
        };
        let Codec { driver, verified, .. } = codec;
        let hardware = Hardware { driver, most, verified };
        for element in codec.elements {
            match listed.iter_mut().find(|known| known.element == element) {
                Some(known) => known.hardware.push(hardware.clone()),
                None => listed.push(Listed { element, hardware: vec![hardware.clone()] }),
            }
        }
    }
    listed
}

/// `1920x1080@30`.
fn size(text: &str) -> Option<(u32, u32, u32)> {
    let (size, fps) = text.split_once('@')?;
    let (width, height) = size.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?, fps.parse().ok()?))
}

impl Listed {
    /// What the file says of the driver that was found; without one of what it says first.
    pub fn of(&self, driver: Option<&str>) -> Option<&Hardware> {
        let named = |hardware: &&Hardware| {
            driver.is_some_and(|driver| {
                driver.to_lowercase().contains(&hardware.driver.to_lowercase())
            })
        };
        self.hardware.iter().find(named).or(self.hardware.first())
    }

    /// Who saw it work with this driver.
    pub fn verified(&self, driver: Option<&str>) -> Option<&str> {
        let driver = driver?.to_lowercase();
        let same = |hardware: &&Hardware| driver.contains(&hardware.driver.to_lowercase());
        self.hardware.iter().find(same)?.verified.as_deref()
    }

    /// Whether it does pictures of this size so often a second.
    pub fn does(&self, driver: Option<&str>, (width, height, fps): (u32, u32, u32)) -> bool {
        self.of(driver).is_some_and(|hardware| {
            let (w, h, most) = hardware.most;
            let rate = |w: u32, h: u32, fps: u32| u64::from(w) * u64::from(h) * u64::from(fps);
            width <= w && height <= h && rate(width, height, fps) <= rate(w, h, most)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOARD: &str = r#"{"id": "x", "codecs": [
        {"codec": "h265", "direction": "encode", "driver": "iHD", "elements": ["vah265enc"], "max": "1x1@1"},
        {"codec": "h264", "direction": "encode", "driver": "iHD", "elements": ["vah264lpenc", "vah264enc"],
         "max": "3840x2160@60", "note": "n", "verified": "somebody, 2026-12-01", "api": "va"},
        {"codec": "h264", "direction": "decode", "driver": "iHD", "elements": ["vah264dec"], "max": "1x1@1"},
        {"codec": "h264", "direction": "encode", "driver": "radeonsi", "elements": ["vah264enc"],
         "max": "1920x1080@30", "verified": null}]}"#;

    #[test]
    fn encoders_of_h264_are_listed_in_the_boards_order_each_once() {
        let all = listed(BOARD.as_bytes());
        let names: Vec<&str> = all.iter().map(|one| one.element.as_str()).collect();
        assert_eq!(names, ["vah264lpenc", "vah264enc"]);
        assert_eq!(all[1].hardware.len(), 2);
        assert!(listed(b"{}").is_empty() && listed(b"nonsense").is_empty());
    }

    #[test]
    fn what_somebody_saw_counts_for_that_driver_alone() {
        let all = listed(BOARD.as_bytes());
        let intel = Some("Intel iHD driver for Intel(R) Gen Graphics - 23.1.1");
        let amd = Some("Mesa Gallium driver 22.3.6 for AMD Radeon (radeonsi, renoir)");
        assert_eq!(all[1].verified(intel), Some("somebody, 2026-12-01"));
        assert_eq!(all[1].verified(amd), None);
        assert_eq!(all[1].verified(None), None);
        assert!(all[1].does(intel, (3840, 2160, 60)));
        assert!(!all[1].does(amd, (3840, 2160, 15)));
        assert!(all[1].does(amd, (1280, 720, 60)) && !all[1].does(amd, (1920, 1080, 60)));
    }

    /// Every board's file, as `boardgen` writes it.
    #[test]
    fn the_files_of_the_boards_are_understood() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../yocto/generated/boards");
        let mut hardware = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let board = std::fs::read(path.join("board.json")).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            hardware.extend(listed(&board).into_iter().map(|one| (name.clone(), one.element)));
        }
        hardware.sort();
        let names: Vec<_> = hardware.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let x86 = "x86-64-uefi";
        assert!(names.contains(&("raspberrypi4", "v4l2h264enc")), "{names:?}");
        assert!(names.contains(&(x86, "vah264lpenc")) && names.contains(&(x86, "vah264enc")));
        assert!(!names.iter().any(|(board, _)| *board == "raspberrypi5"));
    }
}
