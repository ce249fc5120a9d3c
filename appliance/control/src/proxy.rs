//! Tries a proxy before it counts. What it is set to are settings like others; the daemon goes by them.

use crate::conference::Later;
use crate::error::ControlError;
use crate::settings::SettingsDesk;
use roombox_provision::{HIDDEN, ProxySettings};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// What came of asking something by a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProxyOutcome {
    /// The server behind it has answered.
    Works,
    /// The address is reached without the proxy: nothing was asked.
    Direct,
    /// The address is none.
    Address,
    /// Nobody knows the proxy's name.
    ProxyName,
    /// Nobody listens there.
    ProxyAway,
    /// Its own certificate is not trusted.
    ProxyCertificate,
    /// Something listens there, and it is no proxy.
    NoProxy,
    /// It asks for a user and a password.
    PasswordWanted,
    /// It refuses them.
    PasswordWrong,
    /// It does not lead there.
    Refused,
    /// It does not reach the server.
    Beyond,
    /// It opens what is encrypted, and its authority is not trusted.
    Opened,
    /// The server's certificate is not good.
    Certificate,
    /// The certificates that were given for the proxy are none.
    Authority,
    /// What came made no sense, or the connection broke.
    Broken,
    /// Nobody answered in time.
    Time,
}

/// An attempt that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProxyTrial {
    pub outcome: ProxyOutcome,
    /// What the server answered.
    #[schema(required)]
    pub status: Option<u16>,
    pub took_ms: u64,
    /// The box's own words for what failed, in English; empty: nothing did.
    pub detail: String,
}

/// What is tried: these settings, which need not count yet.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProxyTry {
    pub proxy: ProxySettings,
    /// What is asked for; http or https.
    pub url: String,
}

/// Who goes by proxies; the daemon's.
pub trait ProxyTrier: Send + Sync {
    /// Asks for `url`.
    fn ask(&self, proxy: ProxySettings, url: String) -> Later<'_, ProxyTrial>;
}

/// Where proxies are tried.
pub struct ProxyDesk {
    settings: Arc<SettingsDesk>,
    trier: Arc<dyn ProxyTrier>,
}

impl ProxyDesk {
    pub fn new(settings: Arc<SettingsDesk>, trier: Arc<dyn ProxyTrier>) -> Arc<Self> {
        Arc::new(Self { settings, trier })
    }

    /// Asks for an address by a proxy. A password that is `(hidden)` is the kept one, for the same proxy and user.
    ///
    /// # Errors
    /// The settings will not do, or there is no proxy in them.
    pub async fn try_out(&self, wanted: ProxyTry) -> Result<ProxyTrial, ControlError> {
        let invalid = |(name, why): (&str, &str)| ControlError::InvalidSetting {
            field: format!("proxy.{name}"),
            why: why.to_owned(),
        };
        let kept = self.settings.get().proxy.clone();
        let mut proxy = wanted.proxy;
        let hidden = proxy.password.reveal() == HIDDEN;
        if hidden {
            proxy.password = kept.password.clone();
        }
        proxy.check().map_err(invalid)?;
        if hidden {
            proxy.password_stays(&kept).map_err(invalid)?;
        }
        if proxy.url.is_empty() {
            return Err(invalid(("url", "is missing: there is no proxy to try")));
        }
        Ok(self.trier.ask(proxy, wanted.url.trim().to_owned()).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use serde_json::json;

    /// Says with which password it was asked.
    struct Mirror;

    impl ProxyTrier for Mirror {
        fn ask(&self, proxy: ProxySettings, _url: String) -> Later<'_, ProxyTrial> {
            let (outcome, detail) = (ProxyOutcome::Works, proxy.password.reveal().to_owned());
            Box::pin(async move { ProxyTrial { outcome, status: Some(200), took_ms: 1, detail } })
        }
    }

    #[tokio::test]
    async fn a_kept_password_is_tried_with_its_own_proxy_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("box.db")).unwrap());
        let settings = Arc::new(SettingsDesk::load(store, Arc::default()).await.unwrap());
        let kept = json!({"url": "http://a:1", "user": "box", "password": "canary"});
        settings.patch(json!({ "proxy": kept })).await.unwrap();
        let desk = ProxyDesk::new(settings.clone(), Arc::new(Mirror));
        let attempt = async |proxy: serde_json::Value| {
            let proxy = serde_json::from_value(proxy).unwrap();
            desk.try_out(ProxyTry { proxy, url: "https://x/".to_owned() }).await
        };
        let hidden = json!({"url": "http://a:1", "user": "box", "password": "(hidden)"});
        assert_eq!(attempt(hidden.clone()).await.unwrap().detail, "canary");
        for (name, value, field) in [
            ("url", "http://evil:1", "proxy.password"),
            ("user", "eve", "proxy.password"),
            ("url", "evil", "proxy.url"),
            ("url", "", "proxy.url"),
        ] {
            let mut other = hidden.clone();
            other[name] = value.into();
            let refused = attempt(other.clone()).await.unwrap_err();
            assert_eq!(refused.field(), Some(field), "{other} {refused}");
            assert!(!refused.to_string().contains("canary"));
            if field == "proxy.password" {
                let refused = settings.patch(json!({"proxy": other})).await.unwrap_err();
                assert_eq!(refused.field(), Some(field), "{refused}");
            }
        }
        settings.patch(json!({"proxy": {"url": "http://b:1", "password": "new"}})).await.unwrap();
        assert_eq!(settings.get().proxy.password.reveal(), "new");
    }
}
