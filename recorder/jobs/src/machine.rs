//! What meetings leave of the machine, and whether another worker fits into it.

/// While meetings need the machine, a worker has one second of so many. Its nice value already leaves
/// it last where cores are short.
pub const SLOWLY: u64 = 2;

/// The machine as the desk sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    /// Workers at a time at most, whatever they need.
    pub most: usize,
    /// Cores that meetings leave.
    pub cores: f64,
    /// Meetings need the machine: one worker goes on, slowly.
    pub held: bool,
    /// Meetings that go on.
    pub meetings: u32,
    /// False: this box only records.
    pub transcodes: bool,
    /// Jobs that would wait may be done by other boxes of the fleet.
    pub lends: bool,
}

impl Machine {
    /// One that nothing else needs.
    pub fn idle(most: usize) -> Self {
        let most = most.max(1);
        Self {
            most,
            cores: f64::INFINITY,
            held: false,
            meetings: 0,
            transcodes: true,
            lends: false,
        }
    }

    /// Whether a worker that keeps `needs` cores busy may join `running` that use `used`. One always
    /// may: no job starves. Who does not fit is not overtaken, so a large one comes to its turn.
    pub(crate) fn admits(&self, running: usize, used: f64, needs: f64) -> bool {
        if !self.transcodes {
            return false;
        }
        running == 0 || (!self.held && running < self.most && used + needs <= self.cores)
    }

    /// What a job takes now that takes `wall_ms` at full speed.
    pub(crate) fn time(&self, wall_ms: u64) -> u64 {
        if self.held { wall_ms.saturating_mul(SLOWLY) } else { wall_ms }
    }
}
