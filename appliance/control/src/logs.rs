//! The newest lines of the daemon's log, for who takes them along or sends them on.
//!
//! A ring: who reads too slowly learns from the numbers how many lines it missed. Nothing here may be logged,
//! it would come back as a line.

use crate::clock::UnixMs;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use utoipa::ToSchema;

/// Lines that are kept,
const MOST: usize = 4096;
/// and bytes of them.
const MOST_BYTES: usize = 2 * 1024 * 1024;
/// A line is cut to so many bytes.
pub const LONGEST: usize = 8 * 1024;

/// How much a line matters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

impl LogLevel {
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
        }
    }
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub at: UnixMs,
    pub level: LogLevel,
    /// The module that said it.
    pub target: String,
    pub text: String,
    /// What it says beside the text.
    pub fields: Vec<(&'static str, String)>,
}

impl LogLine {
    fn bytes(&self) -> usize {
        let fields = self.fields.iter().map(|(name, value)| name.len() + value.len());
        self.text.len() + self.target.len() + fields.sum::<usize>() + 64
    }

    /// As people read it.
    pub fn plain(&self) -> String {
        let mut line = format!("{} {:>5} {}", self.at.rfc3339(), self.level.name(), self.text);
        for (name, value) in &self.fields {
            line.extend([" ", name, "=", value]);
        }
        line.replace(['\n', '\r'], " ")
    }
}

#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<Arc<LogLine>>,
    bytes: usize,
    /// Number of the first one that is kept.
    first: u64,
}

/// The newest lines of the log.
#[derive(Debug, Default)]
pub struct LogBook {
    ring: Mutex<Ring>,
    more: Notify,
}

/// What a reader gets.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Read {
    pub lines: Vec<Arc<LogLine>>,
    /// Number of the line to go on with.
    pub next: u64,
    /// Lines that were gone before they were read.
    pub missed: u64,
}

impl LogBook {
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line; the oldest make room.
    pub fn add(&self, line: LogLine) {
        let mut ring = self.ring();
        ring.bytes += line.bytes();
        ring.lines.push_back(Arc::new(line));
        while ring.lines.len() > MOST || ring.bytes > MOST_BYTES {
            let Some(old) = ring.lines.pop_front() else { break };
            ring.bytes -= old.bytes();
            ring.first += 1;
        }
        drop(ring);
        self.more.notify_waiters();
    }

    /// Number of the line that comes next.
    pub fn next(&self) -> u64 {
        let ring = self.ring();
        ring.first + ring.lines.len() as u64
    }

    /// So many lines from a number on.
    pub fn read(&self, from: u64, most: usize) -> Read {
        let ring = self.ring();
        let missed = ring.first.saturating_sub(from);
        let skip = usize::try_from(from.saturating_sub(ring.first)).unwrap_or(usize::MAX);
        let lines: Vec<Arc<LogLine>> = ring.lines.iter().skip(skip).take(most).cloned().collect();
        let next = from.max(ring.first) + lines.len() as u64;
        Read { lines, next, missed }
    }

    /// Another line.
    pub fn more(&self) -> Notified<'_> {
        self.more.notified()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: String) -> LogLine {
        let (at, level, target) = (UnixMs(1), LogLevel::Info, "x".to_owned());
        LogLine { at, level, target, text, fields: vec![("n", "1\n2".to_owned())] }
    }

    #[test]
    fn who_reads_too_slowly_learns_how_much_it_missed() {
        let book = LogBook::default();
        for n in 0..MOST + 10 {
            book.add(line(n.to_string()));
        }
        let read = book.read(4, 2);
        assert_eq!((read.missed, read.next), (6, 12));
        assert_eq!(read.lines[0].text, "10");
        let rest = book.read(read.next, usize::MAX);
        assert_eq!((rest.missed, rest.lines.len(), rest.next), (0, MOST - 2, book.next()));
        assert_eq!(book.read(book.next(), 10), Read { next: book.next(), ..Read::default() });
    }

    #[test]
    fn large_lines_push_out_more() {
        let book = LogBook::default();
        for _ in 0..MOST {
            book.add(line("x".repeat(LONGEST)));
        }
        let held = book.read(0, usize::MAX);
        assert!(held.lines.len() < 300 && held.missed + held.lines.len() as u64 == MOST as u64);
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(line("a\r\nb".to_owned()).plain(), "1970-01-01T00:00:00.001Z  INFO a  b n=1 2");
    }
}
