//! To an SSH server (RFC 4251 to 4254): the right one, as the right user.

use super::pace::IDLE;
use super::wire::open;
use super::{SendError, SftpTarget};
use crate::address::Address;
use russh::client::{self, AuthResult, Handle, Handler, KeyboardInteractiveAuthResponse, Msg};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKeyOrCertificate, decode_secret_key};
use russh::{Channel, Error};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::timeout;

/// A silent connection is asked whether it lives: while a large local file is hashed nothing else
/// moves.
const ALIVE: Duration = Duration::from_secs(15);
/// Servers that ask for the password as a question ask once, some with a second, empty question.
const QUESTIONS: usize = 3;

/// A channel to a server's SFTP, and the connection that it lives in.
pub(super) struct Connected {
    pub handle: Handle<Visitor>,
    pub channel: Channel<Msg>,
    /// The server's key: `SHA256:...`.
    pub host_key: String,
}

/// Connects, compares the server's key, and logs in. `accept` takes a key that is not known yet.
pub(super) async fn connect(
    target: &SftpTarget,
    pace: Option<u64>,
    accept: bool,
) -> Result<Connected, SendError> {
    let host = target.host.trim();
    if host.is_empty() || host.contains(['/', '@', ' ']) || target.port == 0 {
        return Err(SendError::Address("enter the name of a server and its port".to_owned()));
    }
    let at =
        Address { https: false, host: host.to_owned(), port: target.port, path: String::new() };
    let known = target.host_key.trim().trim_end_matches('=').to_owned();
    let shown = Arc::new(OnceLock::new());
    let visitor = Visitor { known: known.clone(), accept, shown: shown.clone() };
    let config = client::Config {
        keepalive_interval: Some(ALIVE),
        // Later than a request's own patience, which has the better words.
        keepalive_max: 5,
        ..client::Config::default()
    };
    let stream = open(&at, pace).await?;
    let fingerprint = || shown.get().cloned().unwrap_or_default();
    let handle = patient(client::connect_stream(Arc::new(config), stream, visitor)).await;
    let mut handle = handle.map_err(|error| match error {
        Met::Refused(Error::UnknownKey) if known.is_empty() => {
            SendError::HostKeyUnknown { host: host.to_owned(), fingerprint: fingerprint() }
        }
        Met::Refused(Error::UnknownKey) => SendError::HostKeyChanged {
            host: host.to_owned(),
            fingerprint: fingerprint(),
            known: known.clone(),
        },
        error => error.into(host),
    })?;
    log_in(&mut handle, target, host).await?;
    let opened = patient(async {
        let channel = handle.channel_open_session().await?;
        channel.request_subsystem(true, "sftp").await?;
        Ok(channel)
    });
    let channel = opened.await.map_err(|error| error.into(host))?;
    Ok(Connected { handle, channel, host_key: fingerprint() })
}

/// Why a step did not go.
enum Met {
    Silence,
    Refused(Error),
}

impl Met {
    fn into(self, host: &str) -> SendError {
        match self {
            Self::Silence | Self::Refused(Error::KeepaliveTimeout | Error::ConnectionTimeout) => {
                SendError::Still(host.to_owned())
            }
            Self::Refused(error @ (Error::NoCommonAlgo { .. } | Error::RequestDenied)) => {
                SendError::answer(host, error)
            }
            Self::Refused(error) => SendError::broken(host, &error),
        }
    }
}

async fn patient<T>(step: impl Future<Output = Result<T, Error>>) -> Result<T, Met> {
    match timeout(IDLE, step).await {
        Err(_) => Err(Met::Silence),
        Ok(done) => done.map_err(Met::Refused),
    }
}

/// With the key, and if that is not enough with the password, as the server likes to be told it.
async fn log_in(
    handle: &mut Handle<Visitor>,
    target: &SftpTarget,
    host: &str,
) -> Result<(), SendError> {
    let mut may_enter = false;
    if !target.private_key.trim().is_empty() {
        let key = decode_secret_key(&target.private_key, None).map_err(|error| {
            SendError::Address(format!(
                "the private key cannot be used ({error}): it must be an OpenSSH key without a \
                 passphrase"
            ))
        })?;
        let step = patient(async {
            // RFC 8332: RSA with SHA-1 is what servers no longer take.
            let hash = match key.algorithm().is_rsa() {
                true => handle.best_supported_rsa_hash().await?.flatten(),
                false => None,
            };
            let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
            handle.authenticate_publickey(&target.user, key).await
        });
        may_enter = step.await.map_err(|error| error.into(host))?.success();
    }
    if !may_enter && !target.password.is_empty() {
        let step = patient(with_password(handle, target));
        may_enter = step.await.map_err(|error| error.into(host))?;
    }
    // A server that hangs up in the midst of it refuses nobody.
    match may_enter {
        true => Ok(()),
        false if handle.is_closed() => Err(Met::Refused(Error::Disconnect).into(host)),
        false => Err(SendError::Credentials { host: host.to_owned() }),
    }
}

async fn with_password(handle: &mut Handle<Visitor>, target: &SftpTarget) -> Result<bool, Error> {
    if let AuthResult::Success =
        handle.authenticate_password(&target.user, &target.password).await?
    {
        return Ok(true);
    }
    // RFC 4256: many a NAS asks instead.
    let mut asked = handle.authenticate_keyboard_interactive_start(&target.user, None).await?;
    for _ in 0..QUESTIONS {
        let KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } = asked else { break };
        let answers = prompts.iter().map(|_| target.password.clone()).collect();
        asked = handle.authenticate_keyboard_interactive_respond(answers).await?;
    }
    Ok(matches!(asked, KeyboardInteractiveAuthResponse::Success))
}

/// Looks at the key that the server shows.
pub(super) struct Visitor {
    known: String,
    accept: bool,
    shown: Arc<OnceLock<String>>,
}

impl Handler for Visitor {
    type Error = Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Error> {
        let shown = key.public_key().fingerprint(HashAlg::Sha256).to_string();
        let is_known = match self.known.is_empty() {
            true => self.accept,
            false => self.known == shown,
        };
        // The first one counts: keys are exchanged anew during a long transfer.
        drop(self.shown.set(shown));
        Ok(is_known)
    }
}
