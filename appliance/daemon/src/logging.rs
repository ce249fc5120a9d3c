//! Logs: coloured on a terminal, by fields to systemd's journal, plain elsewhere, JSON on request; the newest
//! lines are kept for who takes them along or sends them on. Never names of people, tokens or keys.

use roombox_control::clock::UnixMs;
use roombox_control::logs::{LONGEST, LogBook, LogLevel, LogLine};
use std::fmt::Debug;
use std::io::IsTerminal;
use std::sync::Arc;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

/// Begins logging to standard error, and into what is returned. `ROOMBOX_LOG` (for tests) chooses other
/// levels.
pub fn start(json: bool) -> Arc<LogBook> {
    let filter = EnvFilter::try_from_env("ROOMBOX_LOG").unwrap_or_else(|_| {
        EnvFilter::new("info,str0m=error,is=error,dimpl=error,sctp_proto=error")
    });
    let book = Arc::new(LogBook::default());
    let layers = tracing_subscriber::registry().with(filter).with(Tap(book.clone()));
    let lines = fmt::layer().with_writer(std::io::stderr);
    if let Some(journal) = journal().filter(|_| !json) {
        layers.with(journal).init();
    } else if json {
        layers.with(lines.json()).init();
    } else {
        let colours = std::io::stderr().is_terminal();
        layers.with(lines.with_target(false).with_ansi(colours)).init();
    }
    book
}

/// The way to systemd's journal, if standard error leads there: each line keeps its level and its fields
/// (`journalctl ROOMBOX_ROOM=…`), which are lost in a line of text.
fn journal() -> Option<tracing_journald::Layer> {
    // Device and inode of what the manager connected (systemd.exec(5)): whoever passes the variable on
    // and has another standard error is not meant.
    let told = std::env::var("JOURNAL_STREAM").ok()?;
    let (device, inode) = told.split_once(':')?;
    let here = rustix::fs::fstat(std::io::stderr()).ok()?;
    let same = device.parse() == Ok(here.st_dev) && inode.parse() == Ok(here.st_ino);
    let layer = tracing_journald::layer().ok().filter(|_| same)?;
    Some(
        layer
            .with_field_prefix(Some("ROOMBOX".to_owned()))
            .with_syslog_identifier("roomboxd".to_owned()),
    )
}

/// Puts each line into the book.
struct Tap(Arc<LogBook>);

impl<S: Subscriber> Layer<S> for Tap {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => LogLevel::Error,
            Level::WARN => LogLevel::Warn,
            Level::INFO => LogLevel::Info,
            _ => LogLevel::Debug,
        };
        let mut said = Said::default();
        event.record(&mut said);
        let Said { text, fields } = said;
        let target = event.metadata().target().to_owned();
        self.0.add(LogLine { at: UnixMs::now(), level, target, text, fields });
    }
}

#[derive(Default)]
struct Said {
    text: String,
    fields: Vec<(&'static str, String)>,
}

impl Said {
    fn add(&mut self, field: &Field, mut value: String) {
        value.truncate(value.floor_char_boundary(LONGEST));
        match field.name() {
            "message" => self.text = value,
            name => self.fields.push((name, value)),
        }
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_with_their_level_text_and_fields() {
        let book = Arc::new(LogBook::default());
        let subscriber = tracing_subscriber::registry().with(Tap(book.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let error = std::io::Error::other("no way");
            tracing::warn!(%error, n = 7, name = "x", "it {}", "failed");
        });
        let line = &book.read(0, 10).lines[0];
        assert_eq!((line.level, &*line.text), (LogLevel::Warn, "it failed"));
        let fields = [("error", "no way"), ("n", "7"), ("name", "x")];
        assert_eq!(line.fields, fields.map(|(name, value)| (name, value.to_owned())));
        assert!(line.target.starts_with("roomboxd"));
    }
}
