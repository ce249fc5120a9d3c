//! `make bench`: what things cost, as ratios against a floor or a peer in the same run.
//!
//! 1. **Room**: a room on a virtual clock; CPU per forwarded packet, and its ratio to the floor: the
//!    least that anybody must do for it (copy, seal with AES-128-GCM).
//! 2. **Kernel**: what sending such a packet costs by itself, to set the first in proportion.
//! 3. **Recorder**: CPU per recorded A/V pair, files and syncs included.
//! 4. **Load**: a real box as a process of its own, real sockets, the LiveKit door.
//! 5. **Recorded meetings**: how many of four people one core bears, nothing lost.
//!
//! `--roomboxd FILE` measures another build than `target/release/roomboxd`; `--meetings` asks for the fifth alone.
//! `--requests` is another program: it asks a box for `api.py`; `--publish` is the floor of `fleet.py`.
//!
//! Times are CPU times. Machines are noisy: floor and product take turns, and the smallest of the
//! rounds counts. Raw results go to `results.json` in the folder that
//! `--out` names.

mod floor;
mod load;
mod publish;
mod recorder;
mod requests;
mod room;
// The simulation's room is the bench's room; of its checks the bench needs none.
#[path = "../sim/chance.rs"]
mod chance;
#[allow(dead_code, reason = "the simulation uses the rest")]
#[path = "../sim/client.rs"]
mod client;
#[path = "../sim/picture.rs"]
mod picture;
#[allow(dead_code, reason = "the simulation uses the rest")]
#[path = "../sim/world.rs"]
mod world;

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Another program of this one.
type Program = fn() -> anyhow::Result<()>;

/// Floor and product take turns this often.
const ROUNDS: usize = 5;

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// Microseconds a packet, in each round.
fn per_packet(cost: fn(usize) -> Duration) -> Vec<f64> {
    const PACKETS: usize = 20_000;
    (0..ROUNDS).map(|_| micros(cost(PACKETS)) / PACKETS as f64).collect()
}

fn rooms() -> Value {
    println!("room on a virtual clock, 1 publisher at 720p (simulcast), CPU per forwarded packet");
    println!("  subscribers   ratio to floor    µs    floor µs   forwarded");
    let mut rows = Vec::new();
    let scenarios = [2, 10, 100].map(|people| (people, true, false));
    let plain = [2, 10, 100].map(|people| (people, false, false));
    let spilled = [2, 10, 100].map(|people| (people, false, true));
    for (subscribers, dividing, spilled) in scenarios.into_iter().chain(plain).chain(spilled) {
        let (mut ours, mut floors, mut forwarded) = (Vec::new(), Vec::new(), 0);
        for round in 0..ROUNDS {
            let cost = room::cost(round as u64 + 1, subscribers, dividing, spilled);
            forwarded = cost.forwarded;
            ours.push(micros(cost.spent) / cost.forwarded.max(1) as f64);
            floors.push(
                micros(floor::seal(cost.forwarded.max(1000))) / cost.forwarded.max(1000) as f64,
            );
        }
        let (us, floor) = (least(&ours), least(&floors));
        println!(
            "  {subscribers:>11}   {:>14.1}   {us:>4.2}   {floor:>8.2}   {forwarded:>9}{}",
            us / floor,
            match (dividing, spilled) {
                (true, _) => "",
                (false, false) => "   bandwidth not divided",
                (false, true) => "   likewise, on two shards",
            },
        );
        rows.push(
            json!({ "subscribers": subscribers, "dividing": dividing, "spilled": spilled, "ratio": us / floor, "us": ours, "floor_us": floors,
            "forwarded": forwarded }),
        );
    }
    json!(rows)
}

fn kernel() -> Value {
    let mut all = per_packet(floor::send);
    all.sort_by(f64::total_cmp);
    println!("kernel: one sendto on loopback, 1200 bytes: {:.2} µs", all[0]);
    json!({ "sendto_us": all })
}

fn recorder() -> Value {
    println!("recorder: A/V pairs at 1.5 Mbit/s + 32 kbit/s, written and synced, 10 s each");
    println!("  pairs   % of a core a pair   longest sync ms   bytes");
    let mut rows = Vec::new();
    for pairs in [10, 100, 400] {
        let cost = recorder::cost(pairs, Duration::from_secs(10));
        let share = cost.spent.as_secs_f64() / cost.elapsed.as_secs_f64() / pairs as f64 * 100.0;
        let sync_ms = cost.longest_sync.as_secs_f64() * 1e3;
        println!("  {pairs:>5}   {share:>18.3}   {sync_ms:>15.1}   {}", cost.bytes);
        rows.push(
            json!({ "pairs": pairs, "percent_of_core_per_pair": share, "longest_sync_ms": sync_ms,
            "bytes": cost.bytes, "gaps": cost.gaps }),
        );
    }
    json!(rows)
}

/// The release build beside this bench, as the owner's box has it, unless another is named.
fn roomboxd() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/release/roomboxd");
    let binary = argument("--roomboxd").map_or_else(beside, PathBuf::from);
    if !binary.exists() {
        println!("load over sockets: SKIPPED, {} is not built", binary.display());
        return None;
    }
    Some(binary)
}

fn load(binary: &Path, floor_us: f64) -> Value {
    let peer = argument("--livekit-server").map(PathBuf::from);
    match peer.as_deref().map(load::version) {
        Some(Ok(version)) => println!("beside it in turns: {version}"),
        Some(Err(error)) => println!("livekit-server cannot be run: {error:#}"),
        None => println!("livekit-server beside it: SKIPPED, --livekit-server FILE names none"),
    }
    load::run(binary, peer.as_deref(), floor_us)
}

/// The value of a flag.
fn argument(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1)
}

fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{} x {cores}", model.trim_start_matches([' ', '\t', ':']))
}

fn today() -> String {
    let date = Command::new("date").arg("+%Y-%m-%d").output();
    date.map_or_else(
        |_| "undated".to_owned(),
        |out| String::from_utf8_lossy(&out.stdout).trim().to_owned(),
    )
}

fn main() {
    // `cargo test --benches` asks benches to be tests: there is nothing to test here.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let others: [(&str, Program); 2] = [("--requests", requests::run), ("--publish", publish::run)];
    for (flag, run) in others {
        if std::env::args().any(|argument| argument == flag) {
            if let Err(error) = run() {
                eprintln!("{error:#}");
                std::process::exit(1);
            }
            return;
        }
    }
    let machine = machine();
    println!("{machine}\n");
    let binary = roomboxd();
    let floor_us = least(&per_packet(floor::seal)) + least(&per_packet(floor::send));
    let measured = |part: fn(&Path, f64) -> Value| {
        binary.as_deref().map_or_else(|| json!("skipped"), |binary| part(binary, floor_us))
    };
    if std::env::args().any(|argument| argument == "--meetings") {
        measured(load::headline::run);
        return;
    }
    let (rooms, kernel, recorder) = (rooms(), kernel(), recorder());
    let (load, meetings) = (measured(load), measured(load::headline::run));
    let failed =
        load.as_array().into_iter().flatten().filter(|row| !row["failed"].is_null()).count();
    let results = json!({ "machine": machine, "date": today(), "rooms": rooms, "kernel": kernel,
        "recorder": recorder, "load": load, "recorded_meetings": meetings });
    keep(&results);
    if failed > 0 {
        eprintln!("{failed} scenarios failed");
        std::process::exit(1);
    }
}

/// Writes the raw results where `--out` says.
fn keep(results: &Value) {
    let Some(folder) = argument("--out") else {
        println!("\n(no --out FOLDER given: nothing kept)");
        return;
    };
    let folder = PathBuf::from(folder);
    let path = folder.join("results.json");
    let text = format!("{results:#}\n");
    match std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, text)) {
        Ok(()) => println!("\nraw results in {}", path.display()),
        Err(error) => eprintln!("\nthe raw results could not be kept: {error}"),
    }
}
