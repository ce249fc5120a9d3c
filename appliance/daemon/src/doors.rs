//! The box's TCP doors: plain HTTP with everything under `--dev`, else HTTPS with everything and plain
//! HTTP that leads there.

use crate::certificates::Secrets;
use crate::tls::Tls;
use anyhow::{Context, ensure};
use axum::Router;
use roombox_api::panel::PanelDoor;
use roombox_api::{
    Forwarders, Limits, Other, PlainDoor, Wire, authority_router, https_only, plain_router,
    proof_router,
};
use roombox_control::certificates::{Acme, Certificates};
use roombox_net::Plane;
use socket2::{Domain, Protocol, Socket, Type};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Beside the doors that matter, the plain one of a box is a signpost and needs few seats.
const SIGNPOST: usize = 200;
const DEV_HTTP: SocketAddr = SocketAddr::new(EVERYWHERE, 7880);
const BOX_HTTP: SocketAddr = SocketAddr::new(EVERYWHERE, 80);
const BOX_HTTPS: SocketAddr = SocketAddr::new(EVERYWHERE, 443);
/// All addresses, of IPv4 too.
const EVERYWHERE: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
/// Connections that the kernel holds until they are accepted.
const BACKLOG: i32 = 1024;

/// The media plane, for clients that come by TCP to the port of HTTPS.
struct MediaEntrance(Arc<Plane>);

impl Other for MediaEntrance {
    fn take(&self, stream: std::net::TcpStream) {
        self.0.adopt(stream);
    }
}

/// What the doors need beside their router.
pub struct Beside {
    media: Arc<dyn Other>,
    acme: Arc<Acme>,
    forwarders: Forwarders,
}

impl Beside {
    pub fn of(panel: &PanelDoor, plane: Arc<Plane>) -> Self {
        Self {
            media: Arc::new(MediaEntrance(plane)),
            acme: panel.acme.clone(),
            forwarders: Forwarders::of(panel.settings.clone()),
        }
    }
}

/// Doors that are bound and not yet open.
pub struct Doors {
    dev: bool,
    plain: TcpListener,
    /// With `--dev` only where it was asked for.
    encrypted: Option<(TcpListener, Secrets)>,
}

/// Doors that can be opened.
pub struct ReadyDoors {
    dev: bool,
    plain: TcpListener,
    encrypted: Option<(TcpListener, Arc<Tls>)>,
}

/// Where a box listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    pub http: SocketAddr,
    pub https: Option<SocketAddr>,
}

impl Doors {
    /// # Errors
    /// A port cannot be had, or the folder for keys cannot be made.
    pub fn bind(
        dev: bool,
        http: Option<SocketAddr>,
        https: Option<SocketAddr>,
        data: &Path,
    ) -> anyhow::Result<Self> {
        let plain = bind(http.unwrap_or(if dev { DEV_HTTP } else { BOX_HTTP }), "--http")?;
        let encrypted = match https.or((!dev).then_some(BOX_HTTPS)) {
            Some(address) => Some((bind(address, "--https")?, Secrets::open(data)?)),
            None => None,
        };
        Ok(Self { dev, plain, encrypted })
    }

    /// Where HTTPS is served, if it is.
    pub fn https(&self) -> Option<SocketAddr> {
        self.encrypted.as_ref().and_then(|(listener, _)| listener.local_addr().ok())
    }

    /// The id that follows from the box's key; a box with `--dev` alone has no key.
    ///
    /// # Errors
    /// The key cannot be made or kept.
    pub fn box_id(&self) -> anyhow::Result<Option<String>> {
        self.encrypted.as_ref().map(|(_, secrets)| secrets.box_id()).transpose()
    }

    /// Makes the certificates.
    ///
    /// # Errors
    /// They cannot be made or kept.
    pub fn certify(
        self,
        id: &str,
        told: &[IpAddr],
        certificates: Arc<Certificates>,
    ) -> anyhow::Result<ReadyDoors> {
        let told = told.to_vec();
        let encrypted = match self.encrypted {
            Some((listener, secrets)) => {
                Some((listener, Arc::new(Tls::start(secrets, id, told, certificates)?)))
            }
            None => None,
        };
        Ok(ReadyDoors { dev: self.dev, plain: self.plain, encrypted })
    }
}

impl ReadyDoors {
    /// # Errors
    /// A listener does not know its address.
    pub fn ports(&self) -> anyhow::Result<Ports> {
        let at = |listener: &TcpListener| listener.local_addr().context("a door has no address");
        let https = self.encrypted.as_ref().map(|(listener, _)| at(listener)).transpose()?;
        Ok(Ports { http: at(&self.plain)?, https })
    }

    pub fn tls(&self) -> Option<&Arc<Tls>> {
        self.encrypted.as_ref().map(|(_, tls)| tls)
    }

    /// Serves until `stopped` changes, and then the answers that somebody waits for.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub async fn serve(
        self,
        router: Router,
        Beside { media, acme, forwarders }: Beside,
        stopped: watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        let ports = self.ports()?;
        let stop = |mut stopped: watch::Receiver<bool>| async move {
            // An error means that whoever stops the box has gone, which is the same.
            stopped.wait_for(|stopped| *stopped).await.map_or_else(drop, drop);
        };
        let all = Limits::default();
        let Some((listener, tls)) = self.encrypted else {
            ensure!(self.dev, "a box without --dev has HTTPS");
            roombox_api::serve(self.plain, router, Wire::Plain, all, forwarders, stop(stopped))
                .await;
            return Ok(());
        };
        let signpost = PlainDoor {
            https_port: ports.https.map_or(443, |https| https.port()),
            authority: tls.authority_pem().into(),
            fingerprint: tls.fingerprint().into(),
            acme,
        };
        let (plain, limits) = match self.dev {
            true => (proof_router(signpost.acme.clone()).merge(router.clone()), all),
            false => {
                let few = Limits { connections: SIGNPOST, of_one_address: 50, ..all };
                (plain_router(signpost.clone()), few)
            }
        };
        let wire = Wire::Tls(tls.server_config()?, Some(media));
        let router = authority_router(signpost).merge(router);
        let router = https_only(router, tls.certificates().clone());
        tokio::join!(
            roombox_api::serve(
                self.plain,
                plain,
                Wire::Plain,
                limits,
                forwarders.clone(),
                stop(stopped.clone())
            ),
            roombox_api::serve(listener, router, wire, all, forwarders, stop(stopped)),
        );
        Ok(())
    }
}

fn bind(address: SocketAddr, flag: &'static str) -> anyhow::Result<TcpListener> {
    listen(address).map_err(|error| {
        let hint = hint(error.kind(), flag);
        anyhow::Error::new(error).context(format!("cannot listen on {address}{hint}"))
    })
}

/// Listens. `[::]` means IPv4 too, however the machine is set up, and IPv4 alone where the kernel has
/// no IPv6.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let new = |address: &SocketAddr| {
        Socket::new(Domain::for_address(*address), Type::STREAM, Some(Protocol::TCP))
    };
    let (socket, address) = match new(&address) {
        Err(_) if address.ip() == EVERYWHERE => {
            let address = SocketAddr::from(([0, 0, 0, 0], address.port()));
            (new(&address)?, address)
        }
        socket => (socket?, address),
    };
    if address.ip() == EVERYWHERE {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

/// What helps against a port that cannot be had.
pub fn hint(why: ErrorKind, flag: &'static str) -> String {
    match why {
        ErrorKind::AddrInUse => format!(" (another program has the port: choose one with {flag})"),
        ErrorKind::AddrNotAvailable => {
            format!(" (this machine has no such address: choose one with {flag})")
        }
        ErrorKind::PermissionDenied => {
            format!(" (ports below 1024 want privileges: choose one with {flag})")
        }
        _ => String::new(),
    }
}
