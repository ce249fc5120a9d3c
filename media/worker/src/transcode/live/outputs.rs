//! Outputs of a broadcast: a thread and a bounded queue each, so that one that is broken holds up
//! neither the others nor the encoder.
//!
//! ```text
//! connecting ─ arrives ─► live
//!     ▲                    │ breaks off, or takes less than is sent
//!     └── waits, drops ◄───┘
//! ```
//! Whoever comes back begins with a keyframe, and with nothing of what was missed.

use super::super::report::say;
use super::LATENCY_US;
use super::segments::Segments;
use super::sink::Sink;
use super::unit::{Beginning, Unit};
use roombox_jobs::live::{Backoff, Destination, OutputReport, Said, Standing};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Units that wait for an output's thread: about five seconds.
const QUEUE: usize = 400;
/// Bytes that wait for a network before it counts as too slow: ten seconds and more.
const MOST_WAITING: u64 = 4_000_000;
/// A server that has not answered by then does not.
const PATIENCE: Duration = Duration::from_secs(10);
/// For so long at most they say goodbye.
const GOODBYE: Duration = Duration::from_secs(3);
const NAP: Duration = Duration::from_millis(20);
/// Between two looks at a connection.
const LOOK: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);
/// Where nothing was sent for so long nothing is sent.
const STALLED: Duration = Duration::from_secs(5);

/// All outputs of one broadcast.
pub struct Outputs {
    shape: (u32, u32),
    sound_bps: u32,
    all: HashMap<String, Output>,
}

struct Output {
    queue: SyncSender<Arc<Unit>>,
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

/// What an output's thread and the broadcast share.
struct Shared {
    /// Somebody has ended it.
    over: AtomicBool,
    /// Units were lost: what follows cannot be decoded.
    lost: AtomicBool,
    report: Mutex<OutputReport>,
}

impl Shared {
    fn report(&self) -> MutexGuard<'_, OutputReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stands(&self, standing: Standing, why: Option<String>) {
        let mut report = self.report();
        report.standing = standing;
        if standing == Standing::Retrying {
            report.breaks += 1;
            report.bps = 0;
        }
        report.why = why.or(report.why.take()).filter(|_| standing != Standing::Live);
        tell(&report);
    }
}

fn tell(report: &OutputReport) {
    if let Err(error) = say(&Said::Output(report.clone())) {
        tracing::debug!(%error, "nobody hears how an output goes");
    }
}

impl Outputs {
    pub fn new(shape: (u32, u32), sound_bps: u32) -> Self {
        Self { shape, sound_bps, all: HashMap::new() }
    }

    pub fn add(&mut self, output: String, to: Destination) {
        if self.all.contains_key(&output) {
            return;
        }
        let (queue, units) = mpsc::sync_channel(QUEUE);
        let report = OutputReport { output: output.clone(), ..OutputReport::default() };
        let (over, lost) = Default::default();
        let shared = Arc::new(Shared { over, lost, report: Mutex::new(report) });
        shared.stands(Standing::Connecting, None);
        let line = Line {
            to,
            units,
            shared: shared.clone(),
            shape: self.shape,
            sound_bps: self.sound_bps,
        };
        let thread = std::thread::spawn(move || line.keep());
        self.all.insert(output, Output { queue, shared, thread });
    }

    /// Ends an output; it says goodbye where its protocol has a word for it.
    pub fn remove(&mut self, output: &str) {
        let Some(Output { queue, shared, thread }) = self.all.remove(output) else { return };
        shared.over.store(true, Ordering::Relaxed);
        drop(queue);
        // It may wait for a network: nobody waits for it.
        drop(thread);
    }

    /// Gives a unit to all of them.
    pub fn send(&self, unit: Unit) {
        let unit = Arc::new(unit);
        for output in self.all.values() {
            match output.queue.try_send(unit.clone()) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => output.shared.lost.store(true, Ordering::Relaxed),
                Err(TrySendError::Disconnected(_)) => {}
            }
        }
    }

    /// Says how all of them go.
    pub fn tell(&self) {
        self.all.values().for_each(|output| tell(&output.shared.report()));
    }

    /// The broadcast is over. Whoever waits for a network for too long is left behind.
    pub fn end(self) {
        let mut threads = Vec::new();
        for Output { queue, shared, thread } in self.all.into_values() {
            shared.over.store(true, Ordering::Relaxed);
            drop(queue);
            threads.push(thread);
        }
        let until = Instant::now() + GOODBYE;
        while threads.iter().any(|thread| !thread.is_finished()) && Instant::now() < until {
            std::thread::sleep(NAP);
        }
        for thread in threads.into_iter().filter(JoinHandle::is_finished) {
            if thread.join().is_err() {
                tracing::error!("an output had panicked");
            }
        }
    }
}

/// One output, on its thread.
struct Line {
    to: Destination,
    units: Receiver<Arc<Unit>>,
    shared: Arc<Shared>,
    shape: (u32, u32),
    sound_bps: u32,
}

/// Why a connection is over.
enum End {
    /// Nobody wants it any more.
    Over,
    /// It broke off after it had arrived for so long.
    Broken { held: Duration, why: String },
}

/// Where units go.
enum Link {
    Sink(Sink),
    Segments(Segments),
}

impl Link {
    fn arrives(&self) -> bool {
        match self {
            Self::Sink(sink) => sink.arrives(),
            Self::Segments(segments) => segments.listed,
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::Sink(sink) => sink.bytes(),
            Self::Segments(segments) => segments.bytes,
        }
    }

    fn trouble(&self) -> Option<String> {
        let Self::Sink(sink) = self else { return None };
        let slow = || (sink.waiting() > MOST_WAITING).then(|| TOO_SLOW.to_owned());
        sink.trouble().or_else(slow)
    }

    fn push(&mut self, unit: &Unit) -> Result<(), String> {
        match self {
            Self::Sink(sink) => sink.push(unit),
            Self::Segments(segments) => {
                segments.push(unit, LATENCY_US).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }
}

const TOO_SLOW: &str = "the network or the server takes less than is sent";

impl Line {
    fn keep(&self) {
        let mut backoff = Backoff::default();
        loop {
            let (held, why) = match self.connect() {
                End::Over => return,
                End::Broken { held, why } => (held, why),
            };
            let wait = backoff.wait(held);
            let output = self.shared.report().output.clone();
            tracing::info!(output, why, ?wait, "an output broke off: it is tried again");
            self.shared.stands(Standing::Retrying, Some(why));
            if !self.wait(wait) {
                return;
            }
            self.shared.stands(Standing::Connecting, None);
        }
    }

    fn is_over(&self) -> bool {
        self.shared.over.load(Ordering::Relaxed)
    }

    /// Lets units pass; false if nobody wants the output any more.
    fn wait(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if self.is_over() {
                return false;
            }
            if left.is_zero() {
                return true;
            }
            match self.units.recv_timeout(left.min(LOOK)) {
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    fn connect(&self) -> End {
        let mut beginning = Beginning::default();
        let heads = loop {
            if self.is_over() {
                return End::Over;
            }
            match self.units.recv_timeout(LOOK) {
                Ok(unit) => {
                    if let Some(heads) = beginning.hear(&unit) {
                        break (heads, unit);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return End::Over,
            }
        };
        self.shared.lost.store(false, Ordering::Relaxed);
        let (heads, first) = heads;
        let opened = match &self.to {
            Destination::Hls { folder } => {
                Segments::begin(folder, &heads, self.shape, self.sound_bps)
                    .map(Link::Segments)
                    .map_err(|error| error.to_string())
            }
            to => Sink::open(to, &heads).map(Link::Sink),
        };
        let mut link = match opened {
            Ok(link) => link,
            Err(why) => return End::Broken { held: Duration::ZERO, why },
        };
        let end = self.feed(&mut link, first);
        if let Link::Segments(segments) = &link
            && matches!(end, End::Over)
        {
            segments.end();
        }
        end
    }

    fn feed(&self, link: &mut Link, first: Arc<Unit>) -> End {
        let begun = Instant::now();
        let mut live: Option<Instant> = None;
        let before = self.shared.report().bytes;
        let (mut looked, mut counted) = (Instant::now(), (Instant::now(), before));
        let mut next = Some(first);
        loop {
            let held = live.map_or(Duration::ZERO, |since| since.elapsed());
            let broken = |why: String| End::Broken { held, why };
            if let Some(unit) = next.take()
                && let Err(why) = link.push(&unit)
            {
                return broken(why);
            }
            if self.is_over() {
                return End::Over;
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                if let Some(why) = link.trouble() {
                    return broken(why);
                }
                if self.shared.lost.load(Ordering::Relaxed) {
                    return broken(TOO_SLOW.to_owned());
                }
                if live.is_none() && link.arrives() {
                    live = Some(Instant::now());
                    self.shared.stands(Standing::Live, None);
                }
                if live.is_none() && begun.elapsed() > PATIENCE {
                    return broken("the server does not answer".to_owned());
                }
                let bytes = before + link.bytes();
                let mut report = self.shared.report();
                report.bytes = bytes;
                // Segments come less often than once a second.
                let since = counted.0.elapsed();
                if since >= SECOND && (bytes > counted.1 || since >= STALLED) {
                    let seconds = counted.0.elapsed().as_secs_f64();
                    report.bps = ((bytes - counted.1) as f64 * 8.0 / seconds) as u64;
                    counted = (Instant::now(), bytes);
                }
            }
            match self.units.recv_timeout(LOOK) {
                Ok(unit) => next = Some(unit),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return End::Over,
            }
        }
    }
}
