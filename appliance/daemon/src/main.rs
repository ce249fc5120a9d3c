//! `roomboxd`: wires the rooms of the house together, starts and stops them.

mod addresses;
mod conference;
mod house;
mod logging;
mod recorder;
mod vitals;
mod welcome;
mod workers;

use anyhow::Context;
use clap::Parser;
use house::{House, HousePlan};
use roombox_control::settings::{Settings, parse_import};
use roombox_net::{Plane, PlaneConfig};
use roombox_sfu::Notice;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

/// News of rooms that may wait for the services.
const NOTICES: usize = 8192;
/// After everything has stopped, clients get so long to hear the last answer.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// The media box: meetings, recordings and their films.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Plain HTTP, key `devkey` with secret `secret`, and requests by which SDKs test themselves.
    #[arg(long)]
    dev: bool,
    /// Folder for everything that lasts.
    #[arg(long, value_name = "DIR", required_unless_present = "openapi")]
    data: Option<PathBuf>,
    /// Address and port of the HTTP server; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:7880")]
    http: SocketAddr,
    /// First UDP port for media, one a shard; 0 takes free ones.
    #[arg(long, value_name = "PORT", default_value_t = 7882)]
    udp: u16,
    /// Media threads; by default one a core.
    #[arg(long, value_name = "N")]
    shards: Option<usize>,
    /// Address under which clients reach this box; by default all of its own.
    #[arg(long, value_name = "IP")]
    address: Vec<Ipv4Addr>,
    /// A `roombox.toml` whose settings the box takes over once.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The program that makes films; by default `roombox-media` beside this one.
    #[arg(long, value_name = "FILE")]
    worker: Option<PathBuf>,
    /// Print the description of the local API and end.
    #[arg(long)]
    openapi: bool,
    /// Log as JSON, one object a line.
    #[arg(long)]
    log_json: bool,
}

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The chain says it; where in the code is of no use to whoever starts a box.
            eprintln!("roomboxd: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.openapi {
        println!("{}", roombox_api::panel::openapi().to_pretty_json()?);
        return Ok(());
    }
    logging::start(arguments.log_json);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("door")
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(run(arguments))
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let data = arguments.data.clone().context("--data is missing")?;
    std::fs::create_dir_all(&data)
        .with_context(|| format!("cannot make the data folder {}", data.display()))?;
    anyhow::ensure!(
        arguments.dev,
        "this build serves plain HTTP only: start it with --dev (see README)"
    );
    let addresses = match arguments.address.is_empty() {
        true => addresses::local_addresses().context("cannot list the network interfaces")?,
        false => arguments.address.clone(),
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let config = PlaneConfig {
        shards: arguments.shards.unwrap_or(cores).max(1),
        udp_port_base: arguments.udp,
        addresses: addresses.clone(),
    };
    let import = arguments.config.as_deref().map(import).transpose()?;
    let ended: Arc<OnceLock<Arc<Plane>>> = Arc::default();
    let forget = ended.clone();
    let (news, notices) = mpsc::channel(NOTICES);
    let plane = Plane::start(&config, move |notice| {
        log_notice(&notice);
        if let (Notice::RoomEnded { room, .. }, Some(plane)) = (&notice, forget.get()) {
            plane.room_ended(room);
        }
        if news.try_send(notice).is_err() {
            tracing::error!("the box does not keep up with what happens in its rooms");
        }
    })
    .context("cannot start the media plane")?;
    let plane = Arc::new(plane);
    ended.get_or_init(|| plane.clone());
    let listener = TcpListener::bind(arguments.http)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.http))?;
    let http = listener.local_addr().context("the listener has no address")?;
    let plan = HousePlan {
        data,
        dev: arguments.dev,
        worker: house::worker_beside_us(arguments.worker.as_deref()),
        import,
    };
    let house = House::build(plan, plane.clone(), notices).await?;
    let router = roombox_api::router(house.livekit, house.panel);
    tracing::info!(%http, udp = ?plane.ports(), ?addresses, version = env!("CARGO_PKG_VERSION"),
        "roomboxd is up");
    println!("{}", welcome::text(&addresses, http.port(), house.people.claim_code().as_deref()));
    let (conference, recorder) = (house.conference, house.recorder);
    let (stopping, stopped) = oneshot::channel();
    let serve = axum::serve(listener, router).with_graceful_shutdown(async move {
        stop_asked().await;
        tracing::info!("stopping");
        conference.drain();
        // Recordings first: they must be whole even if somebody loses patience with us.
        let stop = move || {
            recorder.stop_all();
            plane.stop();
        };
        if let Err(error) = tokio::task::spawn_blocking(stop).await {
            tracing::error!(%error, "recorder or media plane broke");
        }
        stopping.send(()).unwrap_or_default();
    });
    // Event sockets of pages that stay open would keep the server for ever.
    let last_words = async {
        stopped.await.unwrap_or_default();
        tokio::time::sleep(LAST_WORDS).await;
    };
    tokio::select! {
        served = serve.into_future() => served.context("the HTTP server failed")?,
        () = last_words => {}
    }
    tracing::info!("roomboxd stopped");
    Ok(())
}

/// Settings from a `roombox.toml`.
fn import(path: &Path) -> anyhow::Result<Settings> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse_import(&text).with_context(|| format!("{} will not do", path.display()))
}

fn log_notice(notice: &Notice) {
    match notice {
        Notice::RoomOpened { room } => tracing::info!(room = %room.sid, "room opened"),
        Notice::RoomEnded { sid, .. } => tracing::info!(room = %sid, "room ended"),
        Notice::ParticipantActive { participant, .. } => {
            tracing::info!(participant = %participant.id, "participant is active");
        }
        Notice::ParticipantLeft { participant, reason, active, .. } => {
            tracing::info!(participant = %participant.id, ?reason, active, "participant left");
        }
        Notice::TrackPublished { participant, track, .. } => {
            tracing::info!(participant = %participant.id, track = %track.id, codec = ?track.codec,
                "track published");
        }
        Notice::TrackUnpublished { participant, track, .. } => {
            tracing::info!(participant = %participant.id, track = %track.id, "track unpublished");
        }
    }
}

async fn stop_asked() {
    let terminate = signal(SignalKind::terminate());
    let interrupt = signal(SignalKind::interrupt());
    match (terminate, interrupt) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        _ => std::future::pending().await,
    }
}
