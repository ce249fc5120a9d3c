//! The peer: livekit-server, where its program is given by path. The same clients join it by the same door.

use super::door::DEV;
use super::server::Server;
use anyhow::{Context, Result, bail};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that does not listen after so long is broken.
const PATIENCE: Duration = Duration::from_secs(20);
const GLANCE: Duration = Duration::from_millis(50);

pub struct LiveKit {
    process: Child,
    http: SocketAddr,
}

impl LiveKit {
    /// Starts `binary` as it comes, on free ports of the loopback.
    pub fn start(binary: &Path, data: &Path) -> Result<Self> {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let http = TcpListener::bind(free)?.local_addr()?;
        let udp = UdpSocket::bind(free)?.local_addr()?.port();
        let (key, secret) = DEV;
        // ICE lite is what it advises for machines that are not behind a NAT, and what Roombox does.
        let conf = format!(
            "port: {}\nbind_addresses: [127.0.0.1]\nkeys: {{ {key}: {secret} }}\nlogging: {{ level: error }}\n\
             rtc: {{ udp_port: {udp}, tcp_port: 0, use_external_ip: false, node_ip: 127.0.0.1, \
             use_ice_lite: true, enable_loopback_candidate: true }}\n",
            http.port()
        );
        let path = data.join("livekit.yaml");
        std::fs::write(&path, conf)?;
        let log = std::fs::File::create(data.join("livekit.log"))?;
        let mut process = Command::new(binary)
            .arg("--config")
            .arg(&path)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("{}", binary.display()))?;
        let begun = Instant::now();
        while TcpStream::connect_timeout(&http, PATIENCE).is_err() {
            if process.try_wait()?.is_some() || begun.elapsed() > PATIENCE {
                drop(process.kill());
                let said = std::fs::read_to_string(data.join("livekit.log")).unwrap_or_default();
                bail!("livekit-server does not listen: {said}");
            }
            std::thread::sleep(GLANCE);
        }
        Ok(Self { process, http })
    }

    /// As it names itself.
    pub fn version(binary: &Path) -> Result<String> {
        let asked = Command::new(binary).arg("--version").output()?;
        Ok(String::from_utf8_lossy(&asked.stdout).trim().to_owned())
    }
}

impl Server for LiveKit {
    fn http(&self) -> SocketAddr {
        self.http
    }

    fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Rooms come with the first who joins.
    fn make_room(&self, name: &str) -> Result<String> {
        Ok(name.to_owned())
    }

    fn record(&self, _: &str) -> Result<()> {
        bail!("livekit-server does not record")
    }

    fn recorded(&self) -> Result<(usize, u64)> {
        Ok((0, 0))
    }
}

impl Drop for LiveKit {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
