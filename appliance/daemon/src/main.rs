//! `roomboxd`: wires the rooms of the house together, starts and stops them.

mod addresses;
mod conference;
mod logging;

use anyhow::Context;
use clap::Parser;
use conference::{BoxConference, RoomDefaults};
use roombox_api::livekit::LivekitDoor;
use roombox_net::{Plane, PlaneConfig};
use roombox_sfu::Notice;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// The media box: meetings, recordings and their films.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Plain HTTP, key `devkey` with secret `secret`, and requests by which SDKs test themselves.
    #[arg(long)]
    dev: bool,
    /// Folder for everything that lasts.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
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
    /// Log as JSON, one object a line.
    #[arg(long)]
    log_json: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
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
    std::fs::create_dir_all(&arguments.data)
        .with_context(|| format!("cannot make the data folder {}", arguments.data.display()))?;
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
    let ended: Arc<OnceLock<Arc<Plane>>> = Arc::default();
    let forget = ended.clone();
    let plane = Plane::start(&config, move |notice| {
        log_notice(&notice);
        if let (Notice::RoomEnded { room, .. }, Some(plane)) = (&notice, forget.get()) {
            plane.room_ended(room);
        }
    })
    .context("cannot start the media plane")?;
    let plane = Arc::new(plane);
    ended.get_or_init(|| plane.clone());
    let defaults = RoomDefaults {
        max_participants: 0,
        empty_timeout: Duration::from_secs(300),
        departure_timeout: Duration::from_secs(20),
    };
    let keys = vec![("devkey".to_owned(), "secret".to_owned())];
    let conference = Arc::new(BoxConference::new(plane.clone(), defaults, keys));
    let door = LivekitDoor { conference: conference.clone(), dev: arguments.dev };
    let listener = TcpListener::bind(arguments.http)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.http))?;
    let http = listener.local_addr().context("the listener has no address")?;
    tracing::info!(%http, udp = ?plane.ports(), ?addresses, version = env!("CARGO_PKG_VERSION"),
        "roomboxd is up");
    // For scripts that started us on a free port.
    println!("roomboxd listens on http://{}:{}", addresses[0], http.port());
    axum::serve(listener, roombox_api::router(door))
        .with_graceful_shutdown(async move {
            stop_asked().await;
            conference.drain();
            tokio::task::spawn_blocking(move || plane.stop())
                .await
                .unwrap_or_else(|error| tracing::error!(%error, "the media plane broke"));
        })
        .await
        .context("the HTTP server failed")?;
    tracing::info!("roomboxd stopped");
    Ok(())
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
