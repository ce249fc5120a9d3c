//! The command line of `roombox-media`, a library so that tests can give it encoders of their own.

use crate::encoders::{probe, trial};
use crate::transcode::{self, Request};
use clap::{Parser, Subcommand};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// Media work for Roombox, one job or device a process.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Makes a film of a recording.
    ///
    /// Writes DIR/derived/<job>/film.mp4 and thumbnail.jpg; both appear whole or not at all. On
    /// standard output comes a line of JSON about every second (progress) and a last one (the
    /// receipt: files, lengths, SHA-256). Its list of files is empty when there was nothing to
    /// film. Diagnostics go to standard error.
    ///
    /// Exit status: 0 done, or nothing to film; 1 failed, another try may help; 2 the job cannot
    /// be done as it is, do not try again; 3 the encoder is to blame, and the last line says for what:
    /// another one may do it; 143 cancelled by SIGTERM.
    Transcode {
        /// The recording's folder: manifest.json, timeline.jsonl, tracks/.
        #[arg(long, value_name = "DIR")]
        recording: PathBuf,
        /// The job as JSON; `-` reads it from standard input.
        #[arg(long, value_name = "FILE")]
        spec: PathBuf,
        /// Nobody tries again: parts of which the disk gives no more (EIO) end there, and the film is
        /// made of the rest.
        #[arg(long)]
        last_try: bool,
    },
    /// Makes ready what it can of a film while its recording still runs.
    ///
    /// Reads the job as one line of JSON from standard input; then `hold` and `go`, one a line: while
    /// a meeting needs the machine nothing is made. Writes reels to DIR/ahead/ and a line of JSON to
    /// standard output for each step. Ends when the recording has ended and its last reels are made,
    /// or when standard input ends. A job of the same recording then finds them.
    ///
    /// Exit status: 0 all is made; 1 failed; 2 the job cannot be done as it is; 3 the encoder is to
    /// blame; 143 not wanted any more.
    Ahead {
        /// The recording's folder: manifest.json, timeline.jsonl, tracks/.
        #[arg(long, value_name = "DIR")]
        recording: PathBuf,
    },
    /// Sends a recording that runs to others, some seconds behind, until it ends.
    ///
    /// Reads the job as one line of JSON from standard input: the layout and how to encode. Then
    /// what is wanted, one object of JSON a line: outputs that are added and removed, another
    /// layout. Writes a line of JSON to standard output whenever an output stands elsewhere, and
    /// each second how all of them go. Ends when the recording has ended, or standard input.
    ///
    /// Exit status: 0 the recording has ended; 1 failed, another try may help; 2 the job cannot be
    /// done as it is; 143 not wanted any more.
    Live {
        /// The recording's folder: manifest.json, timeline.jsonl, tracks/.
        #[arg(long, value_name = "DIR")]
        recording: PathBuf,
    },
    /// Tries H.264 encoders, each in a process of its own: a second of pictures in two sizes, encoded,
    /// decoded again, compared.
    ///
    /// Prints what it found for people, to be sent to us with the name of the machine, or as one object
    /// of JSON. An encoder that hangs or crashes costs its trial and nothing else.
    ///
    /// Exit status: 0 the trials ended, whatever works; 1 nothing could be tried.
    Probe {
        /// These alone, in this order; by default all that Roombox knows.
        #[arg(long, value_name = "NAME")]
        encoder: Vec<String>,
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// Only look which are there, and whose driver they have.
        #[arg(long)]
        look: bool,
    },
    /// Tries one encoder in this very process, for `probe`: a line of JSON.
    #[command(hide = true)]
    Trial {
        encoder: String,
        #[arg(long)]
        look: bool,
    },
}

/// Does what the command line says.
pub fn run() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        // The daemon keeps the end of what is said.
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
    match Arguments::parse().task {
        Task::Transcode { recording, spec, last_try } => {
            transcode::command(&Request { recording, spec, last_try })
        }
        Task::Live { recording } => transcode::live::command(&recording),
        Task::Ahead { recording } => transcode::ahead::command(&recording),
        Task::Probe { encoder, json, look } => probe::command(&encoder, json, look),
        Task::Trial { encoder, look } => trial::command(&encoder, look),
    }
}
