//! How the box is doing: sampled by the daemon, kept for ten minutes, shown live.

use crate::clock::UnixMs;
use crate::events::{Events, Happening};
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use utoipa::ToSchema;

/// Samples are taken this often.
pub const SAMPLE_S: u64 = 2;
/// Samples that are remembered: ten minutes.
const HISTORY: usize = (600 / SAMPLE_S) as usize;

/// The box at one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
pub struct Sample {
    pub uptime_s: u64,
    /// CPU of this daemon and its workers, in percent of all cores.
    pub cpu_percent: f64,
    /// The part of it that media threads take.
    pub media_percent: f64,
    /// The part of it that workers take: films and live outputs.
    pub films_percent: f64,
    pub cores: usize,
    /// Of the warmest sensor of the processor, degrees Celsius; `null`: the machine has none.
    #[schema(required)]
    pub temperature_c: Option<f64>,
    /// Resident memory of the daemon.
    pub memory_bytes: u64,
    pub disk: Disk,
    pub rooms: u64,
    pub participants: u64,
    /// Recordings that run now.
    pub recordings: u64,
    /// Packets since the start that were not written because the disk was too slow.
    pub recorder_drops: u64,
    pub shards: Vec<ShardSample>,
    /// Meetings, the dearest first, 20 at most.
    pub meetings: Vec<MeetingSample>,
    /// Of all connections of people.
    pub loss: LossSample,
    pub tcp: TcpSample,
}

/// The volume that recordings are on.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, ToSchema)]
pub struct Disk {
    pub total_bytes: u64,
    pub free_bytes: u64,
    pub reserve_bytes: u64,
    /// What recordings and films take.
    pub recordings_bytes: u64,
    /// At the present rate the reserve is reached in so many seconds; `null`: nothing is growing.
    #[schema(required)]
    pub full_in_s: Option<u64>,
}

/// Media connections by TCP: of clients that cannot use UDP.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, ToSchema)]
pub struct TcpSample {
    /// Those that stand now.
    pub open: u64,
    /// Those that have not said yet whose they are.
    pub waiting: u64,
    /// Since the start, as all below: those that were somebody's.
    pub opened: u64,
    /// Turned away: too many, or for nobody here.
    pub refused: u64,
    /// Closed because they said nothing in time.
    pub timed_out: u64,
    /// Closed because what they said made no sense.
    pub broken: u64,
    /// Datagrams that a connection did not take.
    pub drops: u64,
}

/// One media thread.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, ToSchema)]
pub struct ShardSample {
    /// UDP port.
    pub port: u16,
    pub rooms: u64,
    pub participants: u64,
    pub packets_in: u64,
    pub packets_out: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Datagrams that the socket did not take.
    pub send_drops: u64,
    /// Rooms of it of which people live on other media threads, too.
    pub spilled_rooms: u64,
    /// Packets that it took from other media threads.
    pub relayed_in: u64,
    /// Packets that it handed over to them: one a thread that wants it.
    pub relayed_out: u64,
    /// Packets that found no place on the way there.
    pub relay_drops: u64,
    /// Media connections that are up, by UDP.
    pub connections_udp: u64,
    /// The same by TCP.
    pub connections_tcp: u64,
    /// In percent of one core.
    pub cpu_percent: f64,
    /// Longest turn of the loop since the sample before.
    pub longest_turn_us: u64,
}

/// One meeting.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
pub struct MeetingSample {
    /// Its room, as media clients call it.
    pub room: String,
    pub participants: u32,
    /// In percent of one core: the media threads' time, divided by the packets of each room.
    pub cpu_percent: f64,
    /// RTP packets a second that came and went.
    pub packets_per_s: f64,
    pub loss: LossSample,
}

/// Packets that did not arrive in the last second, in percent, on average over connections and before
/// anything was repaired; `null`: no connection told.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, ToSchema)]
pub struct LossSample {
    /// Of what people sent.
    #[schema(required)]
    pub in_percent: Option<f64>,
    /// Of what they were sent.
    #[schema(required)]
    pub out_percent: Option<f64>,
}

/// One point of the plots.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Point {
    pub at: UnixMs,
    pub cpu_percent: f64,
    /// Parts of it, as in [`Sample`].
    pub media_percent: f64,
    pub films_percent: f64,
    pub bytes_in_per_s: f64,
    pub bytes_out_per_s: f64,
    pub loss: LossSample,
    /// Degrees Celsius; `null`: the machine has no sensor.
    #[schema(required)]
    pub temperature_c: Option<f64>,
}

/// The newest sample and the last ten minutes.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StatusReport {
    #[serde(flatten)]
    pub now: Sample,
    pub history: Vec<Point>,
}

#[derive(Default)]
struct Samples {
    newest: Sample,
    at: UnixMs,
    history: VecDeque<Point>,
}

/// The box's status.
pub struct Status {
    events: Arc<Events>,
    samples: Mutex<Samples>,
}

impl Status {
    pub fn new(events: Arc<Events>) -> Self {
        Self { events, samples: Mutex::default() }
    }

    /// Takes a sample.
    pub fn sampled(&self, at: UnixMs, sample: Sample) {
        let bytes = |sample: &Sample, of: fn(&ShardSample) -> u64| -> u64 {
            sample.shards.iter().map(of).sum()
        };
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = at.0.saturating_sub(samples.at.0) as f64 / 1000.0;
        if samples.at != UnixMs::default() && seconds > 0.0 {
            let rate = |of: fn(&ShardSample) -> u64| {
                bytes(&sample, of).saturating_sub(bytes(&samples.newest, of)) as f64 / seconds
            };
            let point = Point {
                at,
                cpu_percent: sample.cpu_percent,
                media_percent: sample.media_percent,
                films_percent: sample.films_percent,
                bytes_in_per_s: rate(|shard| shard.bytes_in),
                bytes_out_per_s: rate(|shard| shard.bytes_out),
                loss: sample.loss,
                temperature_c: sample.temperature_c,
            };
            if samples.history.len() == HISTORY {
                samples.history.pop_front();
            }
            samples.history.push_back(point);
        }
        samples.at = at;
        samples.newest = sample.clone();
        drop(samples);
        self.events.mention("box", Happening::StatusSampled(Box::new(sample)));
    }

    /// The newest sample, without the history.
    pub fn now(&self) -> Sample {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).newest.clone()
    }

    pub fn report(&self) -> StatusReport {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let history = samples.history.iter().copied().collect();
        StatusReport { now: samples.newest.clone(), history }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_taken_from_two_samples_and_the_history_is_bounded() {
        let status = Status::new(Arc::default());
        for n in 0..HISTORY as u64 + 5 {
            let shards = vec![ShardSample { bytes_in: n * 4000, ..ShardSample::default() }];
            let sample = Sample { shards, ..Sample::default() };
            status.sampled(UnixMs(1_000_000 + n * SAMPLE_S * 1000), sample);
        }
        let report = status.report();
        assert_eq!(report.history.len(), HISTORY);
        assert!(report.history.iter().all(|point| point.bytes_in_per_s == 2000.0));
    }
}
