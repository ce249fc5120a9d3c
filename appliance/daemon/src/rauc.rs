//! RAUC and systemd over the system bus (`de.pengutronix.rauc.Installer`, RAUC's
//! `src/de.pengutronix.rauc.Installer.xml`; `org.freedesktop.systemd1.Manager`).
//!
//! RAUC 1.8 lacks `InspectBundle` (since 1.9) and some arguments; what is missing is asked for in
//! the old way. A box without a system bus, or without RAUC on it, has no updater: no error.

mod follow;
mod read;

use read::Dict;
use roombox_control::conference::Later;
use roombox_control::updates::updater::{Bundle, Step, SystemReport, Updater, UpdaterError};
use std::collections::HashMap;
use tokio::sync::{Mutex, mpsc};

use zbus::{Connection, Error, OwnedObjectPath, Proxy, Variant, fdo, proxy};

const NAME: &str = "de.pengutronix.rauc";
const INTERFACE: &str = "de.pengutronix.rauc.Installer";
/// What RAUC answers for a bundle that it cannot read.
const INFO_ERROR: &str = "rauc info error";
/// What systemd answers for a service that it should start and does not know.
const NO_UNIT: &str = "org.freedesktop.systemd1.NoSuchUnit";

/// The box's updater. It connects when it is first asked, and anew after the bus was gone.
#[derive(Default)]
pub struct Rauc {
    bus: Mutex<Option<Connection>>,
}

impl Rauc {
    async fn bus(&self) -> Result<Connection, UpdaterError> {
        let mut bus = self.bus.lock().await;
        if let Some(bus) = &*bus {
            return Ok(bus.clone());
        }
        let connected = Connection::system().await.map_err(|error| {
            tracing::debug!(%error, "there is no system bus");
            UpdaterError::Absent
        })?;
        Ok(bus.insert(connected).clone())
    }

    async fn rauc(&self) -> Result<Proxy<'static>, UpdaterError> {
        let bus = self.bus().await?;
        // Nothing is cached: a service that starts anew tells other things.
        proxy::Builder::new(&bus)
            .destination(NAME)
            .path("/")
            .interface(INTERFACE)
            .cache_properties(proxy::CacheProperties::No)
            .build()
            .await
            .map_err(|error| UpdaterError::Gone(error.to_string()))
    }

    /// What an error means; after one of the connection itself the next call makes a new one.
    async fn broken(&self, error: Error) -> UpdaterError {
        let meant = meaning(&error);
        if matches!(error, Error::InputOutput(_)) {
            *self.bus.lock().await = None;
        }
        meant
    }
}

/// RAUC tells its journal alone why it cannot read a bundle.
fn unread(error: UpdaterError) -> UpdaterError {
    match error {
        UpdaterError::Refused(said) if said == INFO_ERROR => UpdaterError::Refused(
            "the bundle is damaged, or its signature is not one that this box trusts today: fetch it \
             again from its maker, and look at this box's date. The exact reason is in RAUC's journal"
                .to_owned(),
        ),
        other => other,
    }
}

fn meaning(error: &Error) -> UpdaterError {
    use fdo::Error as Bus;
    match error {
        Error::MethodError(name, ..) if name.as_str() == NO_UNIT => UpdaterError::Absent,
        Error::MethodError(name, text, _) => {
            UpdaterError::Refused(text.clone().unwrap_or_else(|| name.to_string()))
        }
        Error::FDO(bus) => match &**bus {
            Bus::ServiceUnknown(_) | Bus::NameHasNoOwner(_) => UpdaterError::Absent,
            Bus::NoReply(text) | Bus::Disconnected(text) => UpdaterError::Gone(text.clone()),
            other => UpdaterError::Refused(other.to_string()),
        },
        other => UpdaterError::Gone(other.to_string()),
    }
}

/// Whether a method is newer than the service.
fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::FDO(bus) if matches!(**bus, fdo::Error::UnknownMethod(_)))
}

impl Updater for Rauc {
    fn look(&self) -> Later<'_, Result<SystemReport, UpdaterError>> {
        Box::pin(async move {
            let rauc = self.rauc().await?;
            let asked: Result<_, Error> = async {
                let installing = rauc.get_property::<String>("Operation").await? == "installing";
                let compatible = rauc.get_property::<String>("Compatible").await?;
                let slots = rauc.call::<_, _, Vec<(String, Dict)>>("GetSlotStatus", &()).await;
                // While RAUC installs it tells nothing of its sides.
                let slots = if installing { slots.unwrap_or_default() } else { slots? };
                Ok((installing, compatible, slots))
            }
            .await;
            let (installing, compatible, slots) = match asked {
                Ok(asked) => asked,
                Err(error) => return Err(self.broken(error).await),
            };
            // Between a start and its health check nothing is marked good, and RAUC has no answer.
            let primary: Option<String> = rauc.call("GetPrimary", &()).await.ok();
            let slots = slots.iter().filter_map(|(id, told)| read::slot(id, told)).collect();
            Ok(SystemReport { compatible, slots, primary, installing })
        })
    }

    fn inspect(&self, source: String) -> Later<'_, Result<Bundle, UpdaterError>> {
        Box::pin(async move {
            let rauc = self.rauc().await?;
            let none: HashMap<&str, Variant<'_>> = HashMap::new();
            match rauc.call::<_, _, Dict>("InspectBundle", &(&source, &none)).await {
                Ok(told) => read::bundle(&told),
                Err(error) if is_unknown(&error) => {
                    match rauc.call::<_, _, (String, String)>("Info", &source).await {
                        Ok((compatible, version)) => {
                            Ok(Bundle { compatible, version, manifest_hash: None })
                        }
                        Err(error) => Err(unread(self.broken(error).await)),
                    }
                }
                Err(error) => Err(unread(self.broken(error).await)),
            }
        })
    }

    fn install(
        &self,
        source: String,
        manifest_hash: Option<String>,
        steps: mpsc::Sender<Step>,
    ) -> Later<'_, Result<(), UpdaterError>> {
        Box::pin(async move {
            let rauc = self.rauc().await?;
            // Before the call: a short installation must not end unheard.
            let following = match follow::listen(&rauc).await {
                Ok(following) => following,
                Err(error) => return Err(self.broken(error).await),
            };
            let mut extra: HashMap<&str, Variant<'_>> = HashMap::new();
            if let Some(hash) = &manifest_hash {
                extra.insert("require-manifest-hash", hash.as_str().into());
            }
            let mut begun = rauc.call("InstallBundle", &(&source, &extra)).await;
            if begun.as_ref().is_err_and(is_unknown) {
                begun = rauc.call("Install", &source).await;
            }
            match begun {
                Ok(()) => following.until_done(&rauc, steps).await,
                Err(error) => Err(self.broken(error).await),
            }
        })
    }

    fn follow(&self, steps: mpsc::Sender<Step>) -> Later<'_, Result<(), UpdaterError>> {
        Box::pin(async move {
            let rauc = self.rauc().await?;
            let listening = async {
                let following = follow::listen(&rauc).await?;
                let operation = rauc.get_property::<String>("Operation").await?;
                Ok((following, operation))
            };
            match listening.await {
                Ok((following, operation)) if operation == "installing" => {
                    following.until_done(&rauc, steps).await
                }
                // It ended before we listened.
                Ok(_) => follow::verdict(&rauc).await,
                Err(error) => Err(self.broken(error).await),
            }
        })
    }

    fn choose(&self, slot: String) -> Later<'_, Result<(), UpdaterError>> {
        Box::pin(async move {
            let rauc = self.rauc().await?;
            match rauc.call::<_, _, (String, String)>("Mark", &("active", &slot)).await {
                Ok((_, told)) => {
                    tracing::info!(told, "the boot loader's state was changed");
                    Ok(())
                }
                Err(error) => Err(self.broken(error).await),
            }
        })
    }

    fn restart(&self) -> Later<'_, Result<(), UpdaterError>> {
        Box::pin(async move {
            let bus = self.bus().await?;
            let manager = Proxy::new(
                &bus,
                "org.freedesktop.systemd1",
                "/org/freedesktop/systemd1",
                "org.freedesktop.systemd1.Manager",
            );
            // `Reboot` itself is root's alone; to start this one unit is what polkit lets us do.
            let unit = ("reboot.target", "replace-irreversibly");
            let asked: Result<OwnedObjectPath, Error> =
                async { manager.await?.call("StartUnit", &unit).await }.await;
            match asked {
                Ok(_) => Ok(()),
                Err(error) => match self.broken(error).await {
                    UpdaterError::Absent => {
                        Err(UpdaterError::Refused("nobody here can restart the box".to_owned()))
                    }
                    other => Err(other),
                },
            }
        })
    }
}
