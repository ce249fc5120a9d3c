//! What the kernel lets this process have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A recording of 100 people writes 300 files, and each page and client holds a socket.
const ENOUGH_FILES: u64 = 4096;
/// More is of no use, and some programs that workers load count up to the limit.
const MOST_FILES: u64 = 1 << 20;

/// What the memory of this process and of its workers holds, keys and passwords too, is written to no file when one of
/// them crashes. The unit of the image says so as well; a box on a desk has no unit. A kernel that hands cores to a
/// program asks nobody's limit (core(5)): systemd's respects it.
pub fn forbid_cores() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "a crash may leave memory on the disk");
    }
}

/// Takes as many file descriptors as the kernel gives: when they run out, the recorder cannot open
/// parts. Workers inherit the limit.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(MOST_FILES).min(MOST_FILES);
    let before = limit.current.unwrap_or(MOST_FILES);
    let open_files = most.max(before);
    let raised = Rlimit { current: Some(open_files), maximum: limit.maximum };
    let open_files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => open_files,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files cannot be raised");
            before
        }
    };
    tracing::info!(open_files, before, "open files at a time");
    if open_files < ENOUGH_FILES {
        tracing::warn!(
            open_files,
            enough = ENOUGH_FILES,
            "too few files can be open at a time: big meetings will not be recorded whole; raise \
             the hard limit (ulimit -Hn, LimitNOFILE= of the unit)"
        );
    }
}
