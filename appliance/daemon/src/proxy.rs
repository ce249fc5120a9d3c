//! The proxy of the settings: what the box sends out goes by it, from the next connection on.

use roombox_control::conference::Later;
use roombox_control::proxy::{ProxyDesk, ProxyOutcome, ProxyTrial, ProxyTrier};
use roombox_control::settings::{ProxyException, ProxySettings, SettingsDesk};
use roombox_delivery::{
    Excepted, Proxy, ProxyPlan, ProxyPlanError, ProxyTried, ProxyTrouble, ProxyTryError,
    ReachError, go_by, try_proxy,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where a certificate of a bundle ends (RFC 7468 §2).
const END: &str = "-----END CERTIFICATE-----";

/// For all of an attempt.
const PATIENCE: Duration = Duration::from_secs(15);

fn excepted(exception: ProxyException) -> Excepted {
    match exception {
        ProxyException::Name(name) => Excepted::Name(name),
        ProxyException::Network(address, bits) => Excepted::Network(address, bits),
    }
}

/// What the settings say; `None`: no proxy.
fn proxy_of(settings: &ProxySettings) -> Option<Result<Proxy, ProxyPlanError>> {
    let place = settings.place()?;
    Some(Proxy::new(ProxyPlan {
        encrypted: place.encrypted,
        host: place.host,
        port: place.port,
        user: &settings.user,
        password: settings.password.reveal(),
        authority: settings.authority.trim(),
        excepted: settings.excepted().into_iter().map(excepted).collect(),
        local_direct: settings.local_direct,
        looks_up: settings.looks_up,
    }))
}

/// As the settings say it. Of a bundle of authorities what is none is left out: the way stays, and the others count.
fn usable(settings: &ProxySettings) -> Option<Arc<Proxy>> {
    match proxy_of(settings)? {
        Ok(proxy) => Some(Arc::new(proxy)),
        Err(error) => {
            tracing::warn!(%error, "certificates of the proxy's authority that are none are left out");
            let with = |authority| ProxySettings { authority, ..settings.clone() };
            let usable = |block: &&str| {
                proxy_of(&with((*block).to_owned())).is_some_and(|made| made.is_ok())
            };
            let authority = settings.authority.split_inclusive(END).filter(usable).collect();
            proxy_of(&with(authority))?.ok().map(Arc::new)
        }
    }
}

/// What goes out goes by the settings' proxy from now on; and where one is tried.
pub fn begin(settings: &Arc<SettingsDesk>) -> Arc<ProxyDesk> {
    let desk = settings.clone();
    let made: Mutex<(ProxySettings, Option<Arc<Proxy>>)> = Mutex::default();
    go_by(move || {
        let settings = desk.get();
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.0 != settings.proxy {
            *made = (settings.proxy.clone(), usable(&settings.proxy));
        }
        made.1.clone()
    });
    ProxyDesk::new(settings.clone(), Arc::new(Trier))
}

struct Trier;

impl ProxyTrier for Trier {
    fn ask(&self, proxy: ProxySettings, url: String) -> Later<'_, ProxyTrial> {
        Box::pin(async move {
            let began = Instant::now();
            let tried = match proxy_of(&proxy) {
                Some(Ok(proxy)) => try_proxy(Arc::new(proxy), &url, PATIENCE).await.map_err(told),
                Some(Err(error)) => Err((ProxyOutcome::Authority, error.to_string())),
                None => Err((ProxyOutcome::ProxyName, String::new())),
            };
            let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let (outcome, status, detail) = match tried {
                Ok(ProxyTried::Answered(status)) => {
                    // Of plain HTTP the proxy says so in the server's place.
                    let beyond = url.starts_with("http://") && (502..=504).contains(&status);
                    let outcome = if beyond { ProxyOutcome::Beyond } else { ProxyOutcome::Works };
                    (outcome, Some(status), String::new())
                }
                Ok(ProxyTried::Direct) => (ProxyOutcome::Direct, None, String::new()),
                Err((outcome, detail)) => (outcome, None, detail),
            };
            ProxyTrial { outcome, status, took_ms, detail }
        })
    }
}

fn told(error: ProxyTryError) -> (ProxyOutcome, String) {
    let outcome = match &error {
        ProxyTryError::Address => ProxyOutcome::Address,
        ProxyTryError::Certificate(ReachError::Opened { .. }) => ProxyOutcome::Opened,
        ProxyTryError::Certificate(_) => ProxyOutcome::Certificate,
        ProxyTryError::Reach(ReachError::Proxy { trouble, .. }) => match trouble {
            ProxyTrouble::Name(_) => ProxyOutcome::ProxyName,
            ProxyTrouble::Connect(_) => ProxyOutcome::ProxyAway,
            ProxyTrouble::Tls(_) => ProxyOutcome::ProxyCertificate,
            ProxyTrouble::Speech(_) => ProxyOutcome::NoProxy,
            ProxyTrouble::Wanted => ProxyOutcome::PasswordWanted,
            ProxyTrouble::Wrong => ProxyOutcome::PasswordWrong,
            ProxyTrouble::Refused { .. } => ProxyOutcome::Refused,
            ProxyTrouble::Beyond { .. } => ProxyOutcome::Beyond,
        },
        ProxyTryError::Reach(_) | ProxyTryError::Exchange { .. } => ProxyOutcome::Broken,
        ProxyTryError::Time(_) => ProxyOutcome::Time,
    };
    (outcome, error.to_string())
}
