//! `roomboxd`: wires the rooms of the house together, starts and stops them.

mod acme;
mod addresses;
mod ahead;
mod backups;
mod bus;
mod carrier;
mod certificates;
mod clock;
mod conference;
mod console;
mod courier;
mod data;
mod discovery;
mod doors;
mod feeds;
mod fleet;
mod health;
mod house;
mod image;
mod limits;
mod live;
mod loads;
mod logging;
mod machine;
mod mail;
mod meeting_tools;
mod mqtt;
mod names;
mod news;
mod nm;
mod notify;
mod oidc;
mod premises;
mod proxy;
mod pulse;
mod rauc;
mod recorder;
mod relay;
mod reports;
mod selftest;
mod signals;
mod syslog;
mod temperature;
mod timedate;
mod tls;
mod trials;
mod upkeep;
mod vitals;
mod welcome;
mod workers;

use crate::discovery::Discovery;
use anyhow::{Context, ensure};
use clap::{Parser, Subcommand};
use console::{Console, Inside};
use data::DataFolder;
use doors::{Beside, Doors};
use fleet::BoxGear;
use health::Health;
use house::{House, HousePlan};
use notify::Supervisor;
use roombox_control::audit;
use roombox_control::backup::Restored;
use roombox_control::clock::UnixMs;
use roombox_control::logs::LogBook;
use roombox_control::settings::Settings;
use roombox_control::spares::{self, MendNote};
use roombox_delivery::{Neighbours, allow_neighbours};
use roombox_net::{Plane, PlaneConfig, PlaneError};
use roombox_sfu::Notice as News;
use selftest::SelfTest;
use std::fs::File;
use std::io::{BufReader, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc, watch};

/// News of rooms that may wait for the services.
const NOTICES: usize = 8192;
/// After everything has stopped, clients get so long to hear the last answer.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// What the last news of rooms may take to be kept.
const LAST_NEWS: Duration = Duration::from_secs(2);
/// Work away from the doors gets so long to end by itself.
const LAST_WORK: Duration = Duration::from_secs(2);
/// Each is a thread of its own that wants a core of its own.
const MOST_SHARDS: u16 = 64;

/// The media box: meetings, recordings and their films.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Arguments {
    #[command(subcommand)]
    task: Option<Task>,
    /// Plain HTTP, key `devkey` with secret `secret`, and requests by which SDKs test themselves.
    /// Everybody knows that key: for networks that you trust.
    #[arg(long)]
    dev: bool,
    /// Folder for everything that lasts.
    #[arg(long, value_name = "DIR", required_unless_present_any = ["openapi", "permissions", "check_audit"])]
    data: Option<PathBuf>,
    /// Address and port of plain HTTP; port 0 takes a free one. By default [::]:80 (IPv4 too), which
    /// only leads to HTTPS; with --dev [::]:7880, which serves everything.
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Address and port of HTTPS; port 0 takes a free one. By default [::]:443 (IPv4 too); with --dev
    /// none.
    #[arg(long, value_name = "ADDRESS")]
    https: Option<SocketAddr>,
    /// First UDP port for media, one a shard; 0 takes free ones.
    #[arg(long, value_name = "PORT", default_value_t = 7882)]
    udp: u16,
    /// TCP port for media of clients that cannot use UDP; 0 takes a free one. They can connect to the
    /// port of HTTPS, too.
    #[arg(long, value_name = "PORT", default_value_t = 7881)]
    tcp: u16,
    /// Send each client no more than its connection is estimated to carry. Off by default: where
    /// processors are busy, it takes good networks for slow ones and pauses pictures.
    #[arg(long)]
    divide_bandwidth: bool,
    /// Media threads, at most 64; by default one a core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_SHARDS)))]
    shards: Option<u16>,
    /// Load of a media thread, in percent of a core, from which on people who join its rooms live on
    /// another one. 0: all but the first of each room, for tests; 100: nobody.
    #[arg(long, value_name = "PERCENT", default_value_t = 60, value_parser = clap::value_parser!(u8).range(0..=100))]
    spill_at: u8,
    /// Address under which clients reach this box; by default all of its own that others can use.
    #[arg(long, value_name = "IP")]
    address: Vec<IpAddr>,
    /// An address of this machine, or one on its links alone, that the box may be told to connect to: of a server
    /// that runs beside it.
    #[arg(long, value_name = "IP")]
    neighbour: Vec<IpAddr>,
    /// A `roombox.toml` whose settings the box takes over once.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The program that makes films; by default `roombox-media` beside this one.
    #[arg(long, value_name = "FILE")]
    worker: Option<PathBuf>,
    /// The nats-server (2.14 or newer) that carries what boxes of one fleet tell each other; it runs
    /// only while this box is in a fleet. Without, it cannot be in one.
    #[arg(long, value_name = "FILE")]
    nats_server: Option<PathBuf>,
    /// Keep the text for the box's screen in this file: address, claim code, state.
    #[arg(long, value_name = "FILE")]
    console: Option<PathBuf>,
    /// The journal of the box's starts, which the image writes.
    #[arg(long, value_name = "FILE")]
    boots: Option<PathBuf>,
    /// Where the image mounts sticks, each in a folder of its own.
    #[arg(long, value_name = "DIR", default_value = "/run/roombox-usb")]
    usb: PathBuf,
    /// The folder in which the system's own files are; for tests.
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    image: PathBuf,
    /// The service's folder below /run, in which the box leaves requests for its image.
    #[arg(long, value_name = "DIR", default_value = "/run/roombox")]
    run: PathBuf,
    /// Serve health reports on this Unix socket.
    #[arg(long, value_name = "PATH")]
    health: Option<PathBuf>,
    /// Print the description of the local API and end.
    #[arg(long)]
    openapi: bool,
    /// Check an export of the audit log and end: 0, it is whole; 1, it is not.
    #[arg(long, value_name = "FILE")]
    check_audit: Option<PathBuf>,
    /// Print the table of who may call which route and end.
    #[arg(long)]
    permissions: bool,
    /// Log as JSON, one object a line.
    #[arg(long)]
    log_json: bool,
}

/// What is no box that starts.
#[derive(Debug, Subcommand)]
enum Task {
    /// Asks the daemon whether it is healthy, and prints `healthy` or a line for each check that
    /// failed. Exit status: 0 it is, 1 it is not, or no daemon answers.
    Health {
        /// The daemon's `--health`.
        #[arg(long, value_name = "PATH")]
        socket: PathBuf,
        /// Print the whole report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Writes what this machine is and can to NAME.json and NAME.txt, to be sent to us.
    Selftest {
        #[arg(long, value_name = "NAME", default_value = "roombox-selftest")]
        out: PathBuf,
        /// The running daemon's `--health`.
        #[arg(long, value_name = "PATH")]
        health: Option<PathBuf>,
        /// The program that tries encoders; by default `roombox-media` beside this one.
        #[arg(long, value_name = "FILE")]
        worker: Option<PathBuf>,
        /// A folder on the disk that is measured.
        #[arg(long, value_name = "DIR", default_value = ".")]
        disk: PathBuf,
    },
}

fn main() -> ExitCode {
    match start() {
        Ok(code) => code,
        Err(error) => {
            // The chain says it; where in the code is of no use to whoever starts a box.
            eprintln!("roomboxd: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether an export of the audit log is whole, in words and as the exit code.
fn check_audit(export: &Path) -> anyhow::Result<ExitCode> {
    let file = File::open(export).with_context(|| format!("cannot open {}", export.display()))?;
    Ok(match audit::chain::check(BufReader::new(file)) {
        Ok((rows, newest)) => {
            println!("The log is whole: {rows} rows, the newest is number {newest}.");
            ExitCode::SUCCESS
        }
        Err(broken) => {
            println!("The log is NOT whole: {broken}.");
            ExitCode::FAILURE
        }
    })
}

fn start() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    match &arguments.task {
        Some(Task::Health { socket, json }) => {
            let report = health::fetch(socket)?;
            match json {
                true => println!("{report:#}"),
                false => println!("{}", health::in_words(&report)),
            }
            return Ok(ExitCode::from(u8::from(report["healthy"] != true)));
        }
        Some(Task::Selftest { out, health, worker, disk }) => {
            let worker = house::worker_beside_us(worker.as_deref());
            let (out, health, disk) = (out.clone(), health.clone(), disk.clone());
            let test = SelfTest { out, health, worker, disk };
            for file in runtime()?.block_on(test.run())? {
                println!("{}", file.display());
            }
            return Ok(ExitCode::SUCCESS);
        }
        None if arguments.openapi => {
            println!("{}", roombox_api::panel::openapi().to_pretty_json()?);
            return Ok(ExitCode::SUCCESS);
        }
        None if arguments.permissions => {
            print!("{}", roombox_api::panel::permissions());
            return Ok(ExitCode::SUCCESS);
        }
        None => {
            if let Some(export) = &arguments.check_audit {
                return check_audit(export);
            }
        }
    }
    let data = arguments.data.clone().context("--data is missing")?;
    let worker = worker(arguments.worker.as_deref())?;
    data::keep_private();
    let book = logging::start(arguments.log_json);
    limits::forbid_cores();
    limits::raise_open_files();
    // Before anything is looked at, and until everything has stopped.
    let ours = DataFolder::take(&data)?;
    let health = arguments.health.clone();
    let ran = data::restored(&data).and_then(|restored| {
        let mended = spares::at_start(&data, UnixMs::now())?;
        let runtime = runtime()?;
        let ran = runtime.block_on(run(arguments, data.clone(), worker, book, (restored, mended)));
        // A passphrase or a copy that is worked on may take long; it can be cut off like by a power cut.
        runtime.shutdown_timeout(LAST_WORK);
        data::fold_log(&data);
        ran
    });
    if let (Err(error), Some(socket)) = (&ran, health) {
        health::leave_word(&socket, error);
    }
    match ran? {
        End::Stopped => Ok(ExitCode::SUCCESS),
        // systemd starts what has ended; anybody else has started us for good.
        End::Again if std::env::var_os("NOTIFY_SOCKET").is_some() => Ok(ExitCode::SUCCESS),
        End::Again => {
            drop(ours);
            let program = std::env::current_exe().context("cannot start again")?;
            let again = Command::new(program).args(std::env::args_os().skip(1)).exec();
            Err(again).context("cannot start again")
        }
    }
}

/// How a run has ended.
enum End {
    Stopped,
    /// The box is to start once more.
    Again,
}

fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("door")
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

async fn run(
    arguments: Arguments,
    data: PathBuf,
    worker: PathBuf,
    book: Arc<LogBook>,
    (restored, mended): (Option<Restored>, Option<MendNote>),
) -> anyhow::Result<End> {
    // From here on a stop waits until the box is up and can stop in order.
    let stop_asked = signals::stop_asked()?;
    allow_neighbours(match arguments.dev {
        true => Neighbours::All,
        false => Neighbours::These(arguments.neighbour.clone()),
    });
    let addresses = match arguments.address.is_empty() {
        true => addresses::local_addresses().context("cannot list the network interfaces")?,
        false => arguments.address.clone(),
    };
    let doors = Doors::bind(arguments.dev, arguments.http, arguments.https, &data)?;
    let config = PlaneConfig {
        shards: shards(arguments.shards, arguments.udp)?,
        udp_port_base: arguments.udp,
        tcp_port: arguments.tcp,
        shared_listeners: doors.https().into_iter().collect(),
        addresses: addresses.clone(),
        estimates: arguments.divide_bandwidth,
        spill_at: arguments.spill_at,
    };
    let import = arguments.config.as_deref().map(import).transpose()?;
    let ended: Arc<OnceLock<Arc<Plane>>> = Arc::default();
    let forget = ended.clone();
    let (sender, notices) = mpsc::channel(NOTICES);
    let plane = Plane::start(&config, move |notice| {
        if let (News::RoomEnded { room }, Some(plane)) = (&notice, forget.get()) {
            plane.room_ended(&room.name);
        }
        if health::is_ours(notice.room().name.as_str()) {
            return;
        }
        news::log(&notice);
        if sender.try_send(notice).is_err() {
            tracing::error!("the box does not keep up with what happens in its rooms");
        }
    })
    .map_err(plane_refused)?;
    let plane = Arc::new(plane);
    ended.get_or_init(|| plane.clone());
    let supervisor = Arc::new(Supervisor::of_this_process());
    if let Some(file) = &arguments.console {
        Console::begin(file);
    }
    let key_id = doors.box_id()?;
    let (kept, tried) = (data.clone(), worker.clone());
    let (dev, run) = (arguments.dev, arguments.run.clone());
    let (image, usb) = (arguments.image.clone(), arguments.usb.clone());
    let boots = arguments.boots.clone();
    let (nats_server, told) = (arguments.nats_server.clone(), arguments.address.clone());
    let gear = Arc::new(BoxGear::new(data.clone(), nats_server, told));
    let fleet = gear.clone();
    let restart = Arc::new(Notify::new());
    let (asked, once_more) = (restart.clone(), Arc::new(AtomicBool::new(false)));
    let again = once_more.clone();
    let plan = HousePlan {
        book,
        data,
        dev,
        worker,
        import,
        key_id,
        image,
        usb,
        boots,
        run,
        gear,
        restart,
        restored,
        mended,
    };
    let house = House::build(plan, plane.clone(), notices).await?;
    let identity = house.panel.identity.clone();
    let certificates = house.panel.certificates.clone();
    let doors = doors.certify(identity.id(), &arguments.address, certificates)?;
    let ports = doors.ports()?;
    if let (Some(tls), Some(https)) = (doors.tls(), ports.https) {
        fleet.serves(tls.clone(), https.port());
    }
    tokio::spawn(house.fleet.run());
    let (found_as, names_found) = watch::channel(Vec::new());
    let serves_others = |https: &SocketAddr| !arguments.dev && !https.ip().is_loopback();
    let discovery = ports.https.filter(serves_others).map(|at| Discovery {
        identity: identity.clone(),
        people: house.people.clone(),
        at,
        found_as,
    });
    let console = Console {
        file: arguments.console.clone(),
        identity,
        people: house.people.clone(),
        plane: plane.clone(),
        supervisor: supervisor.clone(),
        ports,
        fingerprint: doors.tls().map(|tls| tls.fingerprint()).unwrap_or_default(),
        told: arguments.address.clone(),
        inside: Inside::of(&house.panel),
        found_as: names_found,
    };
    let beside = Beside::of(&house.panel, plane.clone());
    let router = roombox_api::router(house.livekit, house.panel, house.whip);
    tracing::info!(http = %ports.http, https = ports.https.map(tracing::field::display),
        udp = ?plane.ports(), tcp = ?plane.listeners(), ?addresses, version = env!("CARGO_PKG_VERSION"), "roomboxd is up");
    let shown = console.shown();
    let welcome = match arguments.dev {
        true => welcome::text(&addresses, ports.http, shown.claim_code.as_deref()),
        // Standard output of a service is a log, and codes are not for logs.
        false if arguments.console.is_some() => format!("roomboxd: {}", console::status(&shown)),
        false => console::text(&shown),
    };
    // Who started us may have closed the pipe: a box goes on without anybody who reads.
    if let Err(error) = writeln!(std::io::stdout(), "{welcome}") {
        tracing::warn!(%error, "nobody reads where the box listens");
    }
    if let Some(path) = &arguments.health {
        let (plane, tls) = (plane.clone(), doors.tls().cloned());
        let health = Health { plane, data: kept, ports, tls, worker: tried };
        tokio::spawn(health.listen(path)?);
    }
    if let Some(tls) = doors.tls() {
        tokio::spawn(tls.clone().keep_fresh());
    }
    supervisor.ready(&console::status(&shown));
    tokio::spawn(console.keep());
    tokio::spawn(pulse::tell(supervisor.clone(), plane.clone(), router.clone()));
    let (conference, recorder, news) = (house.conference, house.recorder, house.news);
    let (stopping, stopped) = watch::channel(false);
    if let Some(discovery) = discovery {
        tokio::spawn(discovery.run(stopped.clone()));
    }
    let serve = doors.serve(router, beside, stopped.clone());
    let stop = async move {
        tokio::select! {
            () = stop_asked => {}
            () = asked.notified() => again.store(true, Ordering::Relaxed),
        }
        tracing::info!("stopping");
        supervisor.stopping();
        conference.drain();
        // Recordings first: they must be whole even if somebody loses patience with us.
        let stop = move || {
            recorder.stop_all();
            plane.stop();
        };
        if let Err(error) = tokio::task::spawn_blocking(stop).await {
            tracing::error!(%error, "recorder or media plane broke");
        }
        // Who left because of this is in the outbox before the box is gone.
        if tokio::time::timeout(LAST_NEWS, news).await.is_err() {
            tracing::error!("the last news of rooms could not be kept in time");
        }
        stopping.send_replace(true);
        // Event sockets of pages that stay open would keep the server for ever.
        tokio::time::sleep(LAST_WORDS).await;
    };
    tokio::select! {
        served = serve => served?,
        () = stop => {}
    }
    tracing::info!("roomboxd stopped");
    Ok(if once_more.load(Ordering::Relaxed) { End::Again } else { End::Stopped })
}

/// The worker's program. One that was named must be there; without one beside us the box meets and
/// records, and films wait.
fn worker(told: Option<&Path>) -> anyhow::Result<PathBuf> {
    let worker = house::worker_beside_us(told);
    let found = worker.is_file();
    ensure!(found || told.is_none(), "--worker {}: there is no such program", worker.display());
    let runs = rustix::fs::access(&worker, rustix::fs::Access::EXEC_OK).is_ok();
    ensure!(!found || runs, "{} is no program that may be run", worker.display());
    if !found {
        eprintln!(
            "roomboxd: {} is not there: no films can be made; --worker names another",
            worker.display()
        );
    }
    Ok(worker)
}

/// Media threads, by default one a core. Each has a UDP port of its own.
fn shards(told: Option<u16>, udp: u16) -> anyhow::Result<usize> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let shards =
        told.unwrap_or_else(|| u16::try_from(cores).unwrap_or(MOST_SHARDS).min(MOST_SHARDS));
    ensure!(
        udp == 0 || udp.checked_add(shards - 1).is_some(),
        "--udp {udp}: {shards} shards need as many ports from there on, and the last port is 65535"
    );
    Ok(shards.into())
}

fn plane_refused(error: PlaneError) -> anyhow::Error {
    let hint = match &error {
        PlaneError::BindPort { source, .. } => doors::hint(source.kind(), "--udp"),
        PlaneError::BindTcpPort { source, .. } => doors::hint(source.kind(), "--tcp"),
        _ => String::new(),
    };
    anyhow::Error::new(error).context(format!("cannot start the media plane{hint}"))
}

/// Settings from a `roombox.toml`.
fn import(path: &Path) -> anyhow::Result<Settings> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let parsed = roombox_provision::parse(&text);
    Ok(parsed.with_context(|| format!("{} will not do", path.display()))?.settings)
}
