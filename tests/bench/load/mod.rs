//! Load over real sockets through the LiveKit door of a real box: what a forwarded packet, a
//! recorded meeting and a participant cost, everything included.
//!
//! A run whose clients did not get everything, or whose processes waited for a core, says nothing
//! about cost: it is printed as void and kept as such.

mod door;
pub mod headline;
mod livekit;
mod participant;
mod roombox;
mod server;

use anyhow::{Result, bail};
use livekit::LiveKit;
use participant::{Participant, Role};
use roombox::Roombox;
use serde_json::{Value, json};
use server::{Account, Server, Spent};
use std::path::Path;
use std::time::{Duration, Instant};

const JOIN_PATIENCE: Duration = Duration::from_secs(8);
const WARM_UP: Duration = Duration::from_millis(2500);
const WINDOW: Duration = Duration::from_secs(10);
/// No client is left alone for longer.
const STEP: Duration = Duration::from_millis(5);
/// Of the window: more waiting for a core than this makes a run void.
const WAITING_LIMIT: f64 = 0.05;
/// How many clients of a scenario decrypt and send reports.
const FULL: usize = 5;

/// So many rooms alike.
#[derive(Debug, Clone, Copy)]
struct Scenario {
    name: &'static str,
    rooms: usize,
    /// With camera and microphone.
    talkers: usize,
    /// With microphone only.
    speakers: usize,
    /// Without either.
    viewers: usize,
    recorded: bool,
    shards: usize,
}

const SCENARIOS: [Scenario; 6] = [
    Scenario { name: "1 camera, 10 viewers", talkers: 1, viewers: 10, ..ONE_ROOM },
    Scenario { name: "1 camera, 100 viewers", talkers: 1, viewers: 100, ..ONE_ROOM },
    Scenario { name: "20 voices", speakers: 20, ..ONE_ROOM },
    Scenario { name: "4 meetings of 4", rooms: 4, talkers: 4, shards: 2, ..ONE_ROOM },
    Scenario {
        name: "4 of 4, recorded",
        rooms: 4,
        talkers: 4,
        shards: 2,
        recorded: true,
        ..ONE_ROOM
    },
    Scenario {
        name: "10 of 4, recorded",
        rooms: 10,
        talkers: 4,
        shards: 2,
        recorded: true,
        ..ONE_ROOM
    },
];
const ONE_ROOM: Scenario = Scenario {
    name: "",
    rooms: 1,
    talkers: 0,
    speakers: 0,
    viewers: 0,
    recorded: false,
    shards: 1,
};

/// One scenario's figures.
struct Measured {
    forwarded: u64,
    delivered: f64,
    box_spent: Spent,
    own_spent: Spent,
    elapsed: Duration,
    idle_bytes: u64,
    busy_bytes: u64,
    people: usize,
    /// In order.
    delays: Vec<u32>,
    first_media: Vec<Duration>,
    /// Running at the end.
    recordings: usize,
    /// Packets that a recorder did not write.
    lost: u64,
}

impl Measured {
    fn share(&self, time: Duration) -> f64 {
        time.as_secs_f64() / self.elapsed.as_secs_f64()
    }

    /// CPU time of the box for one forwarded packet, in microseconds.
    fn us_per_packet(&self) -> f64 {
        self.box_spent.cpu.as_secs_f64() * 1e6 / self.forwarded.max(1) as f64
    }

    fn all_delivered(&self) -> bool {
        (0.999..=1.001).contains(&self.delivered)
    }

    /// What so large a share of the delays is below, in milliseconds.
    fn delay_ms(&self, share: f64) -> f64 {
        let at = (self.delays.len() as f64 * share) as usize;
        self.delays.get(at).map_or(f64::NAN, |us| f64::from(*us) / 1e3)
    }

    fn void(&self) -> Option<String> {
        if !self.all_delivered() {
            return Some(format!("{:.2} % delivered", self.delivered * 100.0));
        }
        if self.lost > 0 {
            return Some(format!("{} packets lost at the writer", self.lost));
        }
        let waits = [("box", self.box_spent), ("clients", self.own_spent)];
        let slow = waits.into_iter().find(|(_, s)| self.share(s.waiting) > WAITING_LIMIT);
        slow.map(|(who, spent)| {
            format!("{who} waited {:.0} % for a core", self.share(spent.waiting) * 100.0)
        })
    }
}

/// livekit-server's version, by its own word.
pub fn version(peer: &Path) -> Result<String> {
    LiveKit::version(peer)
}

/// Runs every scenario against `binary`, and those without a recorder against the peer in turns with it.
/// `floor_us`: the least for one packet, kernel included. A scenario that could not be run has a `failed` in
/// its row.
pub fn run(binary: &Path, peer: Option<&Path>, floor_us: f64) -> Value {
    println!("load over sockets through the LiveKit door; floor {floor_us:.2} µs a packet");
    println!(
        "  {:<22} {:>6} {:>9} {:>7} {:>7} {:>8} {:>9} {:>8} {:>8}  ",
        "", "ratio", "µs/packet", "core", "MB each", "p50 ms", "p99 ms", "1st ms", "packets"
    );
    let mut rows = Vec::new();
    for scenario in SCENARIOS {
        let own = measured(scenario, scenario.name, floor_us, |data| {
            Ok(Box::new(Roombox::start(binary, data, scenario.shards)?))
        });
        let theirs = peer.filter(|_| !scenario.recorded).map(|peer| {
            let started =
                |data: &Path| Ok(Box::new(LiveKit::start(peer, data)?) as Box<dyn Server>);
            measured(scenario, "  livekit-server", floor_us, started)
        });
        let mut row = own;
        if let Some(theirs) = theirs {
            let us = |row: &Value| row["us_per_packet"].as_f64();
            if let (Some(own), Some(peer)) = (us(&row), us(&theirs)) {
                let void = !row["void"].is_null() || !theirs["void"].is_null();
                let said = if void { "VOID: one of the two is" } else { "" };
                println!(
                    "  {:<22} {:>6.2} of livekit-server's CPU a packet  {said}",
                    "",
                    own / peer
                );
                row["of_livekit"] = json!({ "ratio": own / peer, "void": void });
            }
            row["livekit"] = theirs;
        }
        rows.push(row);
    }
    json!(rows)
}

/// A scenario's row with a server that `start` starts in a folder.
fn measured(
    scenario: Scenario,
    name: &str,
    floor_us: f64,
    start: impl Fn(&Path) -> Result<Box<dyn Server>>,
) -> Value {
    let tried = tempfile::tempdir().map_err(anyhow::Error::from);
    match tried.and_then(|data| measure(start(data.path())?.as_ref(), scenario)) {
        Ok(measured) => row(scenario, name, measured, floor_us),
        Err(error) => {
            println!("  {name:<22} failed: {error:#}");
            json!({ "scenario": scenario.name, "failed": format!("{error:#}") })
        }
    }
}

fn row(scenario: Scenario, name: &str, mut measured: Measured, floor_us: f64) -> Value {
    let us = measured.us_per_packet();
    let core = measured.share(measured.box_spent.cpu);
    let each = measured.busy_bytes.saturating_sub(measured.idle_bytes) as f64
        / measured.people as f64
        / 1e6;
    measured.first_media.sort_unstable();
    let (p50, p99) = (measured.delay_ms(0.5), measured.delay_ms(0.99));
    let first = measured.first_media.get(measured.first_media.len() / 2);
    let first_ms = first.map_or(f64::NAN, |first| first.as_secs_f64() * 1e3);
    let void = measured.void();
    println!(
        "  {name:<22} {:>6.1} {us:>9.2} {core:>7.3} {each:>7.2} {:>8.2} {:>9.2} {first_ms:>8.0} {:>8}  {}",
        us / floor_us,
        p50,
        p99,
        measured.forwarded,
        void.as_ref().map_or_else(String::new, |why| format!("VOID: {why}")),
    );
    json!({
        "scenario": scenario.name, "rooms": scenario.rooms, "recorded": scenario.recorded,
        "shards": scenario.shards, "people": measured.people, "void": void,
        "ratio": us / floor_us, "us_per_packet": us, "floor_us": floor_us, "box_core": core,
        "box_waiting": measured.share(measured.box_spent.waiting),
        "clients_core": measured.share(measured.own_spent.cpu),
        "clients_waiting": measured.share(measured.own_spent.waiting),
        "forwarded": measured.forwarded, "delivered": measured.delivered,
        "idle_bytes": measured.idle_bytes, "bytes_per_participant": each * 1e6,
        "delay_ms": { "p50": p50, "p99": p99 },
        "join_to_first_media_ms": first_ms,
    })
}

fn measure(server: &dyn Server, scenario: Scenario) -> Result<Measured> {
    let idle_bytes = server.resident();
    let epoch = Instant::now();
    let mut people: Vec<Participant> = Vec::new();
    let (camera, microphone) = (true, true);
    let roles = [
        (scenario.talkers, Role { camera, microphone, full: false }),
        (scenario.speakers, Role { camera: false, microphone, full: false }),
        (scenario.viewers, Role { camera: false, microphone: false, full: false }),
    ];
    for number in 0..scenario.rooms {
        let name = format!("Room {number}");
        let room = server.make_room(&name)?;
        for (count, role) in roles {
            for place in 0..count {
                // Full ones are spread over kinds and rooms: the last of each to come.
                let full = place + 1 == count || (number == 0 && place + FULL >= count);
                let identity = format!("client-{}", people.len());
                let role = Role { full, ..role };
                people.push(Participant::join(server.http(), &name, &identity, role, epoch)?);
                let newest = people.len() - 1;
                let before = Instant::now();
                while !people[newest].is_connected() {
                    if before.elapsed() > JOIN_PATIENCE {
                        bail!("client {newest} was not connected after {JOIN_PATIENCE:?}");
                    }
                    step(&mut people, Instant::now() + STEP)?;
                }
            }
        }
        if scenario.recorded {
            server.record(&room)?;
        }
    }
    run_until(&mut people, Instant::now() + WARM_UP)?;
    let own = || Account::of(std::process::id());
    let before = (server.account(), own(), totals(&people), Instant::now());
    for person in &mut people {
        person.delays.clear();
    }
    run_until(&mut people, before.3 + WINDOW)?;
    let elapsed = before.3.elapsed();
    let box_spent = server.account().since(&before.0);
    let own_spent = own().since(&before.1);
    let (sent, received) = totals(&people);
    let others = scenario.talkers + scenario.speakers + scenario.viewers - 1;
    let due = (sent - before.2.0) * others as u64;
    let forwarded = received - before.2.1;
    let (recordings, lost) = server.recorded()?;
    let mut delays: Vec<u32> =
        people.iter_mut().flat_map(|person| std::mem::take(&mut person.delays)).collect();
    delays.sort_unstable();
    Ok(Measured {
        forwarded,
        delivered: forwarded as f64 / due.max(1) as f64,
        box_spent,
        own_spent,
        elapsed,
        idle_bytes,
        busy_bytes: server.resident(),
        people: people.len(),
        delays,
        // The first to come in a room finds nothing there.
        first_media: people.iter().filter_map(|person| person.first_media).collect(),
        recordings,
        lost,
    })
}

fn totals(people: &[Participant]) -> (u64, u64) {
    people.iter().fold((0, 0), |(sent, received), person| {
        (sent + person.counts.sent, received + person.counts.received)
    })
}

fn run_until(people: &mut [Participant], end: Instant) -> Result<()> {
    while Instant::now() < end {
        step(people, end)?;
    }
    Ok(())
}

/// Waits for datagrams, messages or the next thing to do, and does it.
fn step(people: &mut [Participant], end: Instant) -> Result<()> {
    use rustix::event::{Timespec, poll};
    let now = Instant::now();
    let next = people.iter().map(Participant::next).min().unwrap_or(end).min(end).min(now + STEP);
    let wait = next.saturating_duration_since(now);
    let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(wait.subsec_nanos()) };
    let mut fds: Vec<_> = people.iter().flat_map(Participant::fds).collect();
    poll(&mut fds, Some(&wait))?;
    // An error (a port that nobody listens on any more) is there to be read, too.
    let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
    drop(fds);
    for (person, ready) in people.iter_mut().zip(ready.chunks_exact(2)) {
        person.turn(ready[0], ready[1])?;
    }
    Ok(())
}
