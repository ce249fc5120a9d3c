//! What is told: lines of JSON for programs, bars and sentences for people, from the same events.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use roombox_flash::error::FlashError;
use roombox_flash::progress::{Phase, Progress};
use serde_json::{Value, json};
use std::io::{IsTerminal, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Two lines of one step are at least so far apart.
const LINES_APART: Duration = Duration::from_millis(200);

pub struct Teller {
    json: bool,
    begun: Instant,
    bars: MultiProgress,
}

impl Teller {
    pub fn new(json: bool) -> Self {
        Self { json, begun: Instant::now(), bars: MultiProgress::new() }
    }

    pub fn is_json(&self) -> bool {
        self.json
    }

    /// A sentence for people; programs do not see it.
    pub fn say(&self, text: &str) {
        if !self.json {
            // Bars must not tear it apart; without a terminal there are none.
            if std::io::stderr().is_terminal() {
                let _ = self.bars.println(text);
            } else {
                eprintln!("{text}");
            }
        }
    }

    /// A line for programs.
    pub fn line(&self, mut value: Value) {
        if self.json {
            value["t"] = json!((self.begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0);
            let mut out = std::io::stdout().lock();
            let _ = writeln!(out, "{value}");
            let _ = out.flush();
        }
    }

    /// The end of it, for a reason.
    pub fn refused(&self, error: &FlashError) {
        self.line(json!({ "result": "failed", "exit": error.code(), "error": error.to_string() }));
        if !self.json {
            eprintln!("roomflash: {error}");
        }
    }

    /// Somebody who tells of one disk.
    pub fn about<'a>(&'a self, target: &str) -> About<'a> {
        let bar = self.bars.add(ProgressBar::new(0));
        if self.json {
            bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        }
        bar.set_prefix(target.to_owned());
        let state = Mutex::new(State { phase: None, since: Instant::now(), told: None });
        About { teller: self, target: target.to_owned(), bar, state }
    }
}

struct State {
    phase: Option<Phase>,
    since: Instant,
    told: Option<Instant>,
}

/// Progress of one disk.
pub struct About<'a> {
    teller: &'a Teller,
    target: String,
    bar: ProgressBar,
    state: Mutex<State>,
}

impl About<'_> {
    /// How it ended.
    pub fn ended(&self, mut value: Value, sentence: &str) {
        self.bar.finish_and_clear();
        value["target"] = json!(self.target);
        self.teller.line(value);
        self.teller.say(&format!("{}: {sentence}", self.target));
    }

    /// That it failed.
    pub fn failed(&self, error: &FlashError) {
        let value = json!({ "result": "failed", "exit": error.code(), "error": error.to_string() });
        self.bar.finish_and_clear();
        let mut value = value;
        value["target"] = json!(self.target);
        self.teller.line(value);
        if !self.teller.json {
            self.teller.say(&format!("roomflash: {error}"));
        }
    }
}

impl Progress for About<'_> {
    fn at(&self, phase: Phase, done: u64, total: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let new = state.phase != Some(phase);
        if new {
            state.phase = Some(phase);
            state.since = Instant::now();
            let template = match total {
                0 => "{prefix} {msg}",
                _ => "{prefix} {msg:9} {bar:30} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                self.bar.set_style(style);
            }
            self.bar.reset();
            self.bar.set_message(phase.name());
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
        let due = state.told.is_none_or(|told| told.elapsed() >= LINES_APART);
        if new || due || done == total {
            state.told = Some(Instant::now());
            let spent = state.since.elapsed().as_secs_f64();
            let rate = if spent > 0.0 { done as f64 / spent } else { 0.0 };
            self.teller.line(json!({
                "target": self.target, "phase": phase.name(), "done": done, "total": total,
                "rate": rate.round() as u64,
            }));
        }
    }
}
