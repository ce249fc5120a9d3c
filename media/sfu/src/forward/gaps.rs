//! Numbers of a source that are left out on purpose: those after them move up.

use std::collections::VecDeque;

/// What is remembered; whoever is older than this many loses its place.
const REMEMBERED: usize = 256;

/// The numbers of a rising sequence that were left out.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// Ascending.
    left_out: VecDeque<u64>,
    /// Those that are no longer remembered.
    forgotten: u64,
    oldest: u64,
}

impl Gaps {
    /// Begins anew: `first` is the first number that counts.
    pub(super) fn restart(&mut self, first: u64) {
        self.left_out.clear();
        self.forgotten = 0;
        self.oldest = first;
    }

    /// Whether it is still known where this number belongs.
    pub(super) fn has_place(&self, number: u64) -> bool {
        number >= self.oldest
    }

    /// How many were left out before this one.
    pub(super) fn before(&self, number: u64) -> u64 {
        self.forgotten + self.left_out.partition_point(|left_out| *left_out < number) as u64
    }

    /// How many were left out in all.
    pub(super) fn count(&self) -> u64 {
        self.forgotten + self.left_out.len() as u64
    }

    pub(super) fn leave_out(&mut self, number: u64) {
        let Err(at) = self.left_out.binary_search(&number) else { return };
        if !self.has_place(number) {
            return;
        }
        self.left_out.insert(at, number);
        if self.left_out.len() > REMEMBERED
            && let Some(oldest) = self.left_out.pop_front()
        {
            self.forgotten += 1;
            self.oldest = oldest + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_any_order_is_counted_once() {
        let mut gaps = Gaps::default();
        gaps.restart(10);
        for number in [15, 12, 15, 9] {
            gaps.leave_out(number);
        }
        assert_eq!((gaps.before(12), gaps.before(13), gaps.before(16), gaps.count()), (0, 1, 2, 2));
        assert!(gaps.has_place(10) && !gaps.has_place(9));
    }

    #[test]
    fn what_is_forgotten_still_counts_for_those_after_it() {
        let mut gaps = Gaps::default();
        gaps.restart(0);
        for number in 0..=REMEMBERED as u64 {
            gaps.leave_out(number * 2);
        }
        assert!(!gaps.has_place(0) && gaps.has_place(1));
        assert_eq!(gaps.before(1), 1);
        assert_eq!(gaps.count(), REMEMBERED as u64 + 1);
    }
}
