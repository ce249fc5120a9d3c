//! Free space of the volume that recordings are on, and what to do about it.

use std::io;
use std::path::Path;
use std::sync::Arc;

/// Answers how many bytes are free; replaceable, so that a full disk can be tested.
pub type FreeSpace = Box<dyn Fn(&Path) -> io::Result<u64> + Send>;

/// Bytes that stay free on the volume, as they are set now: below, recordings end cleanly.
pub type Reserve = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Asks the file system (statvfs(3)), as an unprivileged writer sees it.
pub fn free_space() -> FreeSpace {
    Box::new(|path| {
        let volume = rustix::fs::statvfs(path)?;
        Ok(volume.f_bavail * volume.f_frsize)
    })
}

/// What the guard says about a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskState {
    Fine,
    /// Less than twice the reserve is free.
    Warning,
    /// The reserve is touched: recordings end.
    Low,
}

/// Judges free bytes against the reserve.
pub fn judge(free: u64, reserve: u64) -> DiskState {
    match free {
        free if free < reserve => DiskState::Low,
        free if free < reserve.saturating_mul(2) => DiskState::Warning,
        _ => DiskState::Fine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_guarded_and_warned_of() {
        assert_eq!(judge(99, 100), DiskState::Low);
        assert_eq!(judge(100, 100), DiskState::Warning);
        assert_eq!(judge(200, 100), DiskState::Fine);
    }

    #[test]
    fn the_file_system_answers() {
        assert!(free_space()(Path::new("/")).unwrap() > 0);
    }
}
