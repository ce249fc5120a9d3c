//! The headline: how many recorded meetings of four people at 720p one core bears, with nothing lost on the way or
//! at the recorder's writer, and how late packets are then.
//!
//! The box has a core to itself and the clients have the others, so that neither waits for the other.

use super::roombox::Roombox;
use super::{Measured, ONE_ROOM, Scenario, WAITING_LIMIT, measure};
use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde_json::{Value, json};
use std::path::Path;

const PEOPLE: usize = 4;
const STEPS: [usize; 12] = [5, 8, 10, 12, 14, 16, 20, 25, 30, 35, 40, 50];
/// Later than this at the 99th of a hundred, and people talk into each other.
const MOST_DELAY_MS: f64 = 20.0;

/// More meetings step by step, until one core no longer bears them, or the clients no longer can.
/// `floor_us`: the least for one forwarded packet, kernel included.
pub fn run(binary: &Path, floor_us: f64) -> Value {
    let cores = match sched_getaffinity(None) {
        Ok(cores) if cores.count() > 1 => cores,
        _ => {
            println!("recorded meetings: SKIPPED, the box and its clients need a core each");
            return json!("skipped");
        }
    };
    println!(
        "recorded meetings of {PEOPLE} at 720p; the box has one core, the clients have others"
    );
    println!(
        "  {:>8} {:>6} {:>9} {:>7} {:>8} {:>8} {:>11} {:>6} {:>8}",
        "meetings",
        "ratio",
        "µs/packet",
        "core",
        "p50 ms",
        "p99 ms",
        "delivered %",
        "lost",
        "clients"
    );
    let (mut rows, mut most) = (Vec::new(), 0);
    for meetings in STEPS {
        let tried = apart(binary, &cores, meetings);
        // Also where a step failed: what comes after this has its cores back.
        sched_setaffinity(None, &cores).ok();
        let (row, held) = match tried {
            Ok(measured) => row(meetings, floor_us, &measured),
            Err(error) => {
                println!("  {meetings:>8} failed: {error:#}");
                (json!({ "meetings": meetings, "failed": format!("{error:#}") }), false)
            }
        };
        rows.push(row);
        if !held {
            break;
        }
        most = meetings;
    }
    println!("  one core bears {most} recorded meetings");
    json!({ "most": most, "steps": rows })
}

/// One step, the box on the first of `cores` and this process on the others.
fn apart(binary: &Path, cores: &CpuSet, meetings: usize) -> Result<Measured> {
    let first = (0..CpuSet::MAX_CPU).find(|core| cores.is_set(*core)).context("no core")?;
    let (mut boxes, mut clients) = (CpuSet::new(), *cores);
    boxes.set(first);
    clients.unset(first);
    let data = tempfile::tempdir()?;
    // A child has the cores of the thread that starts it.
    sched_setaffinity(None, &boxes)?;
    let server = Roombox::start(binary, data.path(), 1)?;
    sched_setaffinity(None, &clients)?;
    let scenario = Scenario {
        name: "recorded meetings",
        rooms: meetings,
        talkers: PEOPLE,
        recorded: true,
        ..ONE_ROOM
    };
    measure(&server, scenario)
}

/// A step's row, and whether the core bore it.
fn row(meetings: usize, floor_us: f64, measured: &Measured) -> (Value, bool) {
    let core = measured.share(measured.box_spent.cpu);
    let us = measured.us_per_packet();
    let (p50, p99) = (measured.delay_ms(0.5), measured.delay_ms(0.99));
    let clients = measured.share(measured.own_spent.cpu);
    let short = measured.share(measured.own_spent.waiting) > WAITING_LIMIT;
    let (recordings, lost) = (measured.recordings, measured.lost);
    let held =
        measured.all_delivered() && lost == 0 && recordings == meetings && p99 <= MOST_DELAY_MS;
    let said = match (held, short) {
        (true, _) => "",
        (false, true) => "VOID: the clients waited for a core",
        (false, false) => "too many",
    };
    println!(
        "  {meetings:>8} {:>6.1} {us:>9.2} {core:>7.3} {p50:>8.2} {p99:>8.2} {:>11.3} {lost:>6} {clients:>8.3}  {said}",
        us / floor_us,
        measured.delivered * 100.0
    );
    let row = json!({
        "meetings": meetings, "recordings": recordings, "held": held, "box_core": core,
        "clients_core": clients, "clients_short": short, "delivered": measured.delivered,
        "lost_at_writer": lost, "delay_ms": { "p50": p50, "p99": p99 },
        "forwarded": measured.forwarded, "us_per_packet": us, "floor_us": floor_us,
        "ratio": us / floor_us,
    });
    (row, held)
}
