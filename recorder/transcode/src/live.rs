//! The clock of a broadcast: when which picture is due.

use std::time::Duration;

/// A picture may be so late; what is later is left out instead of making all others late.
const LATEST_US: u64 = 200_000;

/// A fixed clock of pictures on the recording's time.
#[derive(Debug)]
pub struct FrameClock {
    start_us: u64,
    fps: u64,
    next: u64,
    /// Pictures that were left out.
    pub skipped: u64,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// The picture of this moment.
    Picture(u64),
    /// Nothing for so long.
    Wait(Duration),
}

impl FrameClock {
    pub fn new(start_us: u64, fps: u32) -> Self {
        Self { start_us, fps: u64::from(fps.max(1)), next: 0, skipped: 0 }
    }

    fn time(&self, picture: u64) -> u64 {
        self.start_us + picture * 1_000_000 / self.fps
    }

    /// What is due when this moment is shown.
    pub fn due(&mut self, now_us: u64) -> Due {
        let at = self.time(self.next);
        if at > now_us {
            return Due::Wait(Duration::from_micros(at - now_us));
        }
        if now_us - at > LATEST_US {
            let newest = (now_us - self.start_us) * self.fps / 1_000_000;
            self.skipped += newest - self.next;
            self.next = newest;
        }
        let at = self.time(self.next);
        self.next += 1;
        Due::Picture(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_due_on_time_and_none_is_left_out() {
        let mut clock = FrameClock::new(1_000_000, 25);
        assert_eq!(clock.due(900_000), Due::Wait(Duration::from_millis(100)));
        let mut shown = Vec::new();
        let mut now = 1_000_000;
        while shown.len() < 50 {
            match clock.due(now) {
                Due::Picture(at) => shown.push(at),
                Due::Wait(wait) => now += wait.as_micros() as u64,
            }
        }
        assert!(shown.windows(2).all(|pair| pair[1] - pair[0] == 40_000));
        assert_eq!(clock.skipped, 0);
    }

    #[test]
    fn a_slow_machine_leaves_pictures_out_and_does_not_fall_behind() {
        let mut clock = FrameClock::new(0, 30);
        let (mut now, mut shown) = (0, 0);
        while now < 10_000_000 {
            match clock.due(now) {
                Due::Picture(at) => {
                    assert!(now - at <= LATEST_US, "{} us late", now - at);
                    shown += 1;
                    // Each takes as long as two and a half should.
                    now += 83_000;
                }
                Due::Wait(wait) => now += wait.as_micros() as u64,
            }
        }
        assert!((100..=130).contains(&shown), "{shown}");
        let all = clock.skipped + shown;
        assert!((294..=301).contains(&all), "{all}");
    }

    #[test]
    fn a_little_delay_is_made_up_for() {
        let mut clock = FrameClock::new(0, 30);
        assert_eq!(clock.due(0), Due::Picture(0));
        let late: Vec<Due> = (0..4).map(|_| clock.due(150_000)).collect();
        let wanted = [33_333, 66_666, 100_000, 133_333].map(Due::Picture);
        assert_eq!(late, wanted);
        assert_eq!(clock.skipped, 0);
    }
}
