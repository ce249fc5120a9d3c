//! What a shard asks of its thread: a core of its own, and the CPU time that it took.

use std::time::Duration;

/// CPU time of this thread (clock_gettime(2)).
pub(crate) fn thread_cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the timespec lives until the call returns.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Shard n runs on the n-th core that the process may use. Refused by some containers: then the
/// kernel chooses.
pub(crate) fn pin_to_core(number: usize) {
    // SAFETY: cpu_set_t is plain data, all zeros is an empty set; both calls get its true size;
    // CPU_ISSET and CPU_SET are given indexes below CPU_SETSIZE.
    let pinned = unsafe {
        let mut allowed: libc::cpu_set_t = std::mem::zeroed();
        let size = std::mem::size_of::<libc::cpu_set_t>();
        libc::sched_getaffinity(0, size, &raw mut allowed);
        let cores: Vec<usize> = (0..libc::CPU_SETSIZE as usize)
            .filter(|core| libc::CPU_ISSET(*core, &allowed))
            .collect();
        let Some(core) = cores.get(number % cores.len().max(1)) else {
            return;
        };
        let mut only: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(*core, &mut only);
        libc::sched_setaffinity(0, size, &raw const only) == 0
    };
    tracing::debug!(shard = number, pinned, "shard started");
}
