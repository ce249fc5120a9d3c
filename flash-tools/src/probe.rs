//! Looking for fake capacity: a disk that claims more than it has lets far writes fall onto near
//! ones. Every probed place gets a pattern of its own, all are read, and the old contents come back.

use crate::device::{ALIGNMENT, AlignedBuf, BlockDev, Doing, failed, read_exact, sync, write_all};
use crate::error::FlashError;
use crate::progress::{Phase, Progress};

/// Places beside the last MiB's: so many that a wrap at any power of two meets two of them.
const PLACES: u64 = 128;
const LENGTH: usize = ALIGNMENT;

/// What a disk kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// Places that were tried.
    pub places: usize,
    /// Those that did not keep what was written.
    pub wrong: Vec<u64>,
    /// Bytes up to the first of them.
    pub real: u64,
}

/// Probes a disk; whatever happens, the old contents are written back as far as the disk lets.
///
/// # Errors
/// A disk that cannot be read or written.
pub fn probe(dev: &mut dyn BlockDev, progress: &dyn Progress) -> Result<Probed, FlashError> {
    let places = places(dev.size());
    let total = places.len() as u64;
    let mut old = Vec::new();
    for place in &places {
        let mut buffer = AlignedBuf::new(LENGTH);
        read_exact(dev, Doing::Probe, *place, &mut buffer)?;
        old.push(buffer);
    }
    let tried = try_places(dev, &places, progress, total);
    // Backwards: where two places are one, the first one's contents are the true ones.
    for (place, old) in places.iter().zip(&old).rev() {
        write_all(dev, Doing::Probe, *place, old)?;
    }
    sync(dev, 0)?;
    let wrong = tried?;
    let real = wrong.first().copied().unwrap_or(dev.size());
    Ok(Probed { places: places.len(), wrong, real })
}

/// Spread evenly, at powers of two, and in the last MiB; in order.
fn places(size: u64) -> Vec<u64> {
    let align = |at: u64| at / LENGTH as u64 * LENGTH as u64;
    let last = size - LENGTH as u64;
    let mut places: Vec<u64> = (0..PLACES).map(|n| align(size / PLACES * n)).collect();
    places.extend((20..63).map(|power| 1 << power));
    places.extend([0, size.saturating_sub(1 << 20), size.saturating_sub(1 << 19), last].map(align));
    places.retain(|place| *place <= last);
    places.sort_unstable();
    places.dedup();
    places
}

fn try_places(
    dev: &mut dyn BlockDev,
    places: &[u64],
    progress: &dyn Progress,
    total: u64,
) -> Result<Vec<u64>, FlashError> {
    let salt = crate::gpt::Guid::random().0;
    let pattern = |place: u64| {
        let mut text = AlignedBuf::new(LENGTH);
        for (n, eight) in text.chunks_exact_mut(8).enumerate() {
            let word = place ^ (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            eight.copy_from_slice(&word.to_le_bytes());
        }
        text[..16].copy_from_slice(&salt);
        text
    };
    for (n, place) in places.iter().enumerate() {
        write_all(dev, Doing::Probe, *place, &pattern(*place))?;
        progress.at(Phase::Probe, n as u64 + 1, total * 2);
    }
    sync(dev, 0)?;
    dev.drop_caches().map_err(|error| failed(dev, Doing::Probe, 0, error))?;
    let mut wrong = Vec::new();
    for (n, place) in places.iter().enumerate() {
        let mut found = AlignedBuf::new(LENGTH);
        read_exact(dev, Doing::Probe, *place, &mut found)?;
        if found[..] != pattern(*place)[..] {
            wrong.push(*place);
        }
        progress.at(Phase::Probe, total + n as u64 + 1, total * 2);
    }
    Ok(wrong)
}
