//! Watches over the hardware's encoder while a film is made: one that hangs, or crawls, is said to be to
//! blame, and the process ends. Whoever started it takes another encoder.
//!
//! Time is counted in turns of the watching thread, not by a clock: a process that meetings have stopped, or
//! that got no core, blames nobody.

use crate::encoders::Candidate;
use roombox_jobs::encoders::{Fault, FaultKind};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// One turn.
const TURN: Duration = Duration::from_millis(100);
/// So many turns in which the encoder was waited for: ten seconds.
const PATIENCE: u32 = 100;
/// Without a picture in the last so many of them it hangs; otherwise it crawls.
const STILL: u32 = PATIENCE / 2;
/// Pictures that it must have made in them: half of one a turn is a sixth of the usual speed.
const FEWEST: u64 = 50;

/// What the encoding thread and the watching one share.
#[derive(Debug, Default)]
pub struct Watch {
    waits: AtomicBool,
    made: AtomicU64,
    over: AtomicBool,
}

/// What was seen of the encoder.
#[derive(Debug, Default)]
struct Look {
    /// Turns in which it was waited for since it was last found good.
    waited: u32,
    /// Pictures that it had made then.
    made: u64,
    /// Turns in which it was waited for since its last picture, and how many there were then.
    still: u32,
    seen: u64,
}

impl Look {
    /// A turn passes; `Some`: the encoder is to blame.
    fn turn(&mut self, waits: bool, made: u64) -> Option<FaultKind> {
        self.waited += u32::from(waits);
        self.still = if made == self.seen { self.still + u32::from(waits) } else { 0 };
        self.seen = made;
        if made - self.made >= FEWEST {
            *self = Self { waited: 0, made, ..*self };
        }
        let fault = if self.still >= STILL { FaultKind::Stalled } else { FaultKind::Slow };
        (self.waited >= PATIENCE).then_some(fault)
    }
}

impl Watch {
    /// Watches from now on, if it is hardware. What blames it ends the process.
    pub fn over(encoder: Candidate) -> Watched {
        let watch = Arc::new(Self::default());
        if encoder.family.is_hardware() {
            let watch = watch.clone();
            std::thread::spawn(move || watch.look_on(encoder));
        }
        Watched(watch)
    }

    fn look_on(&self, encoder: Candidate) {
        let mut look = Look::default();
        while !self.over.load(Ordering::Relaxed) {
            std::thread::sleep(TURN);
            let (waits, made) =
                (self.waits.load(Ordering::Relaxed), self.made.load(Ordering::Relaxed));
            if let Some(fault) = look.turn(waits, made) {
                let why = match fault {
                    FaultKind::Stalled => {
                        format!("it made no picture for {} s", (TURN * look.still).as_secs())
                    }
                    _ => {
                        let seconds = (TURN * PATIENCE).as_secs();
                        format!("it made {} pictures in {seconds} s", made - look.made)
                    }
                };
                blame(&Fault { encoder: encoder.element.to_owned(), fault, why });
                // The thread that waits for it cannot be ended otherwise.
                std::process::exit(BLAMED.into());
            }
        }
    }
}

/// Exit status of a film whose encoder is to blame.
pub const BLAMED: u8 = 3;

/// Tells the daemon, and whoever reads the log.
pub fn blame(fault: &Fault) {
    // Nobody may be left to read it.
    let _ = super::report::say(fault);
    let _ = writeln!(io::stderr(), "roombox-media: the encoder {}: {}", fault.encoder, fault.why);
}

/// Ends its watch when it is dropped.
pub struct Watched(Arc<Watch>);

impl Watched {
    /// Waits for the encoder.
    pub fn waiting<T>(&self, what: impl FnOnce() -> T) -> T {
        self.0.waits.store(true, Ordering::Relaxed);
        let done = what();
        self.0.waits.store(false, Ordering::Relaxed);
        done
    }

    /// It has made so many pictures more.
    pub fn made(&self, pictures: u64) {
        self.0.made.fetch_add(pictures, Ordering::Relaxed);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verdict, and the turn of it, on an encoder that is waited for and has made so much by then.
    fn judged(turns: u32, made: impl Fn(u32) -> (bool, u64)) -> Option<(u32, FaultKind)> {
        let mut look = Look::default();
        (1..=turns).find_map(|n| {
            let (waits, made) = made(n);
            look.turn(waits, made).map(|fault| (n, fault))
        })
    }

    #[test]
    fn an_encoder_that_makes_nothing_for_ten_seconds_stalls() {
        assert_eq!(judged(500, |_| (true, 0)), Some((100, FaultKind::Stalled)));
        let stops = |n: u32| (true, 3 * u64::from(n.min(50)));
        let (turn, fault) = judged(500, stops).unwrap();
        assert_eq!(fault, FaultKind::Stalled);
        // Ten seconds after it was last found good.
        assert!((130..=150).contains(&turn), "{turn}");
        // Some pictures at first, fewer than would do.
        let begins = |n: u32| (true, u64::from(n.min(40)));
        assert_eq!(judged(500, begins), Some((100, FaultKind::Stalled)));
    }

    #[test]
    fn an_encoder_that_crawls_is_slow_and_one_that_is_not_asked_is_not() {
        // Four pictures a second, then six.
        assert_eq!(judged(500, |n| (true, u64::from(n * 4 / 10))), Some((100, FaultKind::Slow)));
        assert_eq!(judged(5000, |n| (true, u64::from(n * 6 / 10))), None);
        // Drawing is what takes so long.
        assert_eq!(judged(90, |_| (false, 0)), None);
        assert_eq!(judged(2000, |n| (n % 50 == 0, u64::from(n / 10))), None);
    }
}
