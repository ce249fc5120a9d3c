//! NetworkManager over the system bus (`org.freedesktop.NetworkManager`, its D-Bus reference).
//!
//! What is tried lies in memory, as profiles over those of the disk: NetworkManager's checkpoint takes it back
//! when its time is over, and a box that loses its power meanwhile starts as it was. Only what is kept is
//! written. Whether a trial runs, and what belongs to it, is NetworkManager's knowledge alone: a daemon that
//! starts anew in the middle of one asks.

mod look;
mod profile;
mod wifi;

use crate::bus::{Dict, Silence, SystemBus, number, text};
use crate::clock;
use look::Device;
use profile::Profile;
use roombox_control::conference::Later;
use roombox_control::network::Plan;
use roombox_control::network::gear::{Change, GearError, NetworkGear, OpenTrial};
use roombox_control::network::{AccessPoint, Link, LinkKind};
use serde::Serialize;
use std::collections::HashMap;
use tokio::sync::Mutex;
use zbus::{ObjectPath, OwnedObjectPath, Proxy, Variant};

const NAME: &str = "org.freedesktop.NetworkManager";
const ROOT: &str = "/org/freedesktop/NetworkManager";
const DEVICE: &str = "org.freedesktop.NetworkManager.Device";
const SETTINGS: &str = "org.freedesktop.NetworkManager.Settings";
const PROFILE: &str = "org.freedesktop.NetworkManager.Settings.Connection";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const CHECKPOINT: &str = "org.freedesktop.NetworkManager.Checkpoint";
const CHECKPOINTS: &str = "/org/freedesktop/NetworkManager/Checkpoint/";

/// `NM_CHECKPOINT_CREATE_FLAG_DELETE_NEW_CONNECTIONS` and `…_DISCONNECT_NEW_DEVICES`.
const CHECKPOINT_FLAGS: u32 = 0x2 | 0x4;
/// `NM_SETTINGS_…_FLAG_IN_MEMORY`: the disk is not touched.
const IN_MEMORY: u32 = 0x2;
/// `NM_SETTINGS_UPDATE2_FLAG_TO_DISK`.
const TO_DISK: u32 = 0x1;
/// `NM_SETTINGS_ADD_CONNECTION2_FLAG_BLOCK_AUTOCONNECT`: it starts when it is told to.
const BLOCK_AUTOCONNECT: u32 = 0x20;

/// NetworkManager.
#[derive(Default)]
pub struct Nm {
    bus: SystemBus,
    /// Held while a trial begins, and while it is looked what an ended one has left. True: that was looked at.
    settled: Mutex<bool>,
}

/// Whether a path names something; `/` is nothing.
fn is_object(path: &str) -> bool {
    path != "/"
}

fn gear_error(silence: Silence) -> GearError {
    match silence {
        Silence::Absent => GearError::Absent(
            "NetworkManager does not run here. Set its addresses where this machine's system keeps them"
                .to_owned(),
        ),
        Silence::Gone(why) => GearError::Gone(why),
        Silence::Refused(why) => GearError::Refused(why),
    }
}

fn at(path: &str) -> Result<ObjectPath<'_>, Silence> {
    ObjectPath::try_from(path).map_err(|error| Silence::Gone(error.to_string()))
}

impl Nm {
    async fn manager(&self) -> Result<Proxy<'static>, Silence> {
        self.bus.object(NAME, ROOT, NAME).await
    }

    async fn properties(&self, path: &str, interface: &str) -> Result<Dict, Silence> {
        self.bus.properties(NAME, path, interface).await
    }

    async fn profile(&self, path: &str) -> Result<Profile, Silence> {
        let object = self.bus.object(NAME, path, PROFILE).await?;
        let told = object.call("GetSettings", &()).await;
        self.bus.heard(told).await
    }

    /// All profiles, and where they are.
    async fn profiles(&self) -> Result<Vec<(String, Profile)>, Silence> {
        let object = self.bus.object(NAME, &format!("{ROOT}/Settings"), SETTINGS).await?;
        let paths = object.call::<_, _, Vec<OwnedObjectPath>>("ListConnections", &()).await;
        let mut all = Vec::new();
        for path in self.bus.heard(paths).await? {
            if let Ok(profile) = self.profile(path.as_str()).await {
                all.push((path.as_str().to_owned(), profile));
            }
        }
        Ok(all)
    }

    async fn own_profile(&self, interface: &str) -> Result<Option<(String, Profile)>, Silence> {
        // Beside a network that is tried there is the one of before: what is tried counts.
        let mut all = self.profiles().await?;
        all.retain(|(_, found)| profile::is_for(found, interface));
        all.sort_by_key(|(_, found)| profile::before(found).is_none());
        Ok(all.into_iter().next())
    }

    async fn device_of(&self, interface: &str) -> Result<Option<Device>, Silence> {
        let all = self.devices().await?;
        Ok(all.into_iter().find(|device| device.link.name == interface))
    }

    /// The path of the checkpoint that there is.
    async fn checkpoint(&self) -> Result<Option<String>, Silence> {
        let told = self.properties(ROOT, NAME).await?;
        let all = told.get("Checkpoints").map(|list| crate::bus::items(list)).unwrap_or_default();
        Ok(all.into_iter().find_map(text))
    }

    async fn open_trial(&self) -> Result<Option<OpenTrial>, Silence> {
        let Some(path) = self.checkpoint().await? else {
            self.settle().await?;
            return Ok(None);
        };
        let Some(id) = path.strip_prefix(CHECKPOINTS) else { return Ok(None) };
        // It may be over by now.
        let Ok(told) = self.properties(&path, CHECKPOINT).await else { return Ok(None) };
        let of = |name: &str| told.get(name).and_then(|value| number(value)).unwrap_or(0);
        // Milliseconds of CLOCK_BOOTTIME, and seconds.
        let ends = of("Created") + of("RollbackTimeout") * 1000;
        let now = u64::try_from(clock::since_boot().as_millis()).unwrap_or(u64::MAX);
        let left_s = u32::try_from(ends.saturating_sub(now).div_ceil(1000)).unwrap_or(u32::MAX);
        let (interface, runs) = self.tried().await?.unzip();
        Ok(Some(OpenTrial { id: id.to_owned(), left_s, interface, runs: runs.unwrap_or(false) }))
    }

    /// The interface that is tried, and whether it runs by what is tried.
    async fn tried(&self) -> Result<Option<(String, bool)>, Silence> {
        let all = self.profiles().await?;
        let found = all.into_iter().find(|(_, found)| profile::before(found).is_some());
        let Some((path, found)) = found else { return Ok(None) };
        let Some(interface) = profile::interface(&found) else { return Ok(None) };
        let device = self.device_of(&interface).await?;
        let by = device.as_ref().and_then(|device| device.profile.as_ref());
        let active = by.is_some_and(|(by, _)| *by == path);
        let runs = match profile::is_pending(&found) {
            true => !active,
            false => active && device.is_some_and(|device| device.link.ready),
        };
        Ok(Some((interface, runs)))
    }

    /// Takes back what was tried, is over, and was left: a checkpoint remembers only profiles that ran, and
    /// nothing over a new start of NetworkManager.
    async fn settle(&self) -> Result<(), Silence> {
        let mut settled = self.settled.lock().await;
        // One may have begun meanwhile.
        if *settled || self.checkpoint().await?.is_some() {
            return Ok(());
        }
        for (path, found) in self.profiles().await? {
            let (Some(before), Some(interface)) =
                (profile::before(&found), profile::interface(&found))
            else {
                continue;
            };
            tracing::warn!(interface, "a change of the network that nobody kept is taken back");
            let device = self.device_of(&interface).await?;
            match before.and_then(|before| before.checked(&[]).ok()) {
                _ if profile::is_pending(&found) => {
                    let found = self.with_secrets(&path, found).await?;
                    self.update(&path, profile::unmarked(found), TO_DISK).await?;
                }
                Some(plan) => {
                    let (vlan, uuid) = (profile::vlan(&found), profile::uuid(&found));
                    let draft = profile::draft(&interface, &plan, vlan.as_ref(), uuid);
                    self.update(&path, draft, TO_DISK).await?;
                }
                None => {
                    self.delete(&path).await?;
                    continue;
                }
            }
            // What a checkpoint ends does not begin again by itself, cable or not.
            if let Err(error) = self.activate(&path, device).await {
                tracing::info!(
                    interface,
                    ?error,
                    "the settings of before run once there is a cable"
                );
            }
        }
        // What a checkpoint disconnects stays so until somebody connects it: also once there is a cable.
        for device in self.devices().await?.into_iter().filter(|device| device.link.changeable) {
            let object = self.bus.object(NAME, &device.path, PROPERTIES).await?;
            let body = (DEVICE, "Autoconnect", Variant::from(true));
            self.bus.heard(object.call_method("Set", &body).await).await?;
        }
        *settled = true;
        Ok(())
    }

    /// Gives a profile other settings.
    async fn update<P>(&self, path: &str, profile: P, flags: u32) -> Result<(), Silence>
    where
        P: Serialize + zbus::Type,
    {
        let object = self.bus.object(NAME, path, PROFILE).await?;
        let none: HashMap<&str, Variant<'_>> = HashMap::new();
        let done = object.call_method("Update2", &(profile, flags, none)).await;
        self.bus.heard(done).await.map(drop)
    }

    async fn delete(&self, path: &str) -> Result<(), Silence> {
        let object = self.bus.object(NAME, path, PROFILE).await?;
        self.bus.heard(object.call_method("Delete", &()).await).await.map(drop)
    }

    async fn activate(&self, profile: &str, device: Option<Device>) -> Result<(), Silence> {
        // A VLAN's interface comes with it.
        let device = device.map_or_else(|| "/".to_owned(), |device| device.path);
        let body = (at(profile)?, at(&device)?, at("/")?);
        let done = self.manager().await?.call_method("ActivateConnection", &body).await;
        self.bus.heard(done).await.map(drop)
    }

    async fn call_checkpoint(&self, method: &str, id: &str) -> Result<(), Silence> {
        let path = format!("{CHECKPOINTS}{id}");
        let done = self.manager().await?.call_method(method, &(at(&path)?,)).await;
        self.bus.heard(done).await.map(drop)
    }

    /// Adds a profile in memory.
    async fn add<P: Serialize + zbus::Type>(&self, profile: P) -> Result<(), Silence> {
        let object = self.bus.object(NAME, &format!("{ROOT}/Settings"), SETTINGS).await?;
        let none: HashMap<&str, Variant<'_>> = HashMap::new();
        let flags = IN_MEMORY | BLOCK_AUTOCONNECT;
        let done = object.call_method("AddConnection2", &(profile, flags, none)).await;
        self.bus.heard(done).await.map(drop)
    }

    /// Marks the profile of what is to go.
    async fn prepare_removal(&self, interface: &str) -> Result<(), Silence> {
        let device = self.device_of(interface).await?;
        let radio = device.as_ref().is_some_and(|device| device.link.kind == LinkKind::Wifi);
        let found = match radio {
            // A network of the image's is not the box's to forget.
            true => self.own_profile(interface).await?,
            false => device.and_then(|device| device.profile),
        };
        let (path, found) =
            found.ok_or_else(|| Silence::Refused(format!("{interface} has no profile")))?;
        let found = self.with_secrets(&path, found).await?;
        self.update(&path, profile::marked(found), IN_MEMORY).await
    }

    /// Prepares other addresses in the network that a radio is in.
    async fn prepare_radio(&self, interface: &str, plan: &Plan) -> Result<(), Silence> {
        let Some((path, found)) = self.own_profile(interface).await? else {
            return Err(Silence::Refused(format!("{interface} is in no network: join one first")));
        };
        let found = self.with_secrets(&path, found).await?;
        self.add(profile::readdressed(found, plan)).await
    }

    /// Prepares the profile of a change, in memory.
    async fn prepare_profile(&self, change: &Change) -> Result<(), Silence> {
        let (interface, plan, vlan) = match change {
            Change::Set { interface, plan } => {
                let device = self.device_of(interface).await?;
                if device.as_ref().is_some_and(|device| device.link.kind == LinkKind::Wifi) {
                    return self.prepare_radio(interface, plan).await;
                }
                (interface, plan, device.and_then(|device| device.link.vlan))
            }
            Change::AddVlan { interface, vlan, plan } => (interface, plan, Some(vlan.clone())),
            Change::Join { interface, wifi, plan } => {
                // Beside the profile of before, which is not touched: it holds a passphrase.
                let draft = profile::wifi_draft(interface, plan, wifi);
                return self.add(profile::tried(draft, None)).await;
            }
            Change::Remove { interface } => return self.prepare_removal(interface).await,
        };
        let own = self.own_profile(interface).await?;
        let uuid = own.as_ref().and_then(|(_, found)| profile::uuid(found));
        let before = own.as_ref().map(|(_, found)| profile::settings(found));
        let draft = profile::draft(interface, plan, vlan.as_ref(), uuid);
        let draft = profile::tried(draft, before.as_ref());
        if let Some((path, _)) = own {
            return self.update(&path, draft, IN_MEMORY).await;
        }
        self.add(draft).await
    }

    async fn begin(&self, change: &Change, seconds: u32) -> Result<OpenTrial, Silence> {
        let mut settled = self.settled.lock().await;
        *settled = false;
        let nm = self.manager().await?;
        // No device named: all of them.
        let all: [ObjectPath<'_>; 0] = [];
        let body = (&all[..], seconds, CHECKPOINT_FLAGS);
        let path = nm.call::<_, _, OwnedObjectPath>("CheckpointCreate", &body).await;
        let path = self.bus.heard(path).await?;
        let id = path.as_str().strip_prefix(CHECKPOINTS).unwrap_or_default().to_owned();
        if let Err(refused) = self.prepare_profile(change).await {
            if let Err(error) = self.call_checkpoint("CheckpointRollback", &id).await {
                tracing::warn!(?error, "the network goes back by its own clock");
            }
            return Err(refused);
        }
        let interface = Some(change.interface().to_owned());
        Ok(OpenTrial { id, left_s: seconds, interface, runs: false })
    }

    async fn put_in_force(&self, change: &Change) -> Result<(), Silence> {
        let device = self.device_of(change.interface()).await?;
        if let Change::Remove { .. } = change {
            let Some(active) = device.and_then(|device| device.active) else { return Ok(()) };
            let done =
                self.manager().await?.call_method("DeactivateConnection", &(at(&active)?,)).await;
            return self.bus.heard(done).await.map(drop);
        }
        let own = self.own_profile(change.interface()).await?;
        let (path, _) =
            own.ok_or_else(|| Silence::Refused("its profile has gone meanwhile".to_owned()))?;
        self.activate(&path, device).await
    }

    /// A radio has one network: that of before goes when another is kept.
    async fn drop_others(&self, interface: &str, but: &str) -> Result<(), Silence> {
        for (path, found) in self.profiles().await? {
            if path != but && profile::is_for(&found, interface) {
                self.delete(&path).await?;
            }
        }
        Ok(())
    }

    async fn keep_all(&self, id: &str) -> Result<(), Silence> {
        for (path, found) in self.profiles().await? {
            if profile::before(&found).is_none() {
                continue;
            }
            match profile::is_pending(&found) {
                true => self.delete(&path).await?,
                false => {
                    let interface = profile::interface(&found).filter(|_| profile::is_wifi(&found));
                    let found = self.with_secrets(&path, found).await?;
                    self.update(&path, profile::kept(found), TO_DISK).await?;
                    if let Some(interface) = interface {
                        self.drop_others(&interface, &path).await?;
                    }
                }
            }
        }
        self.call_checkpoint("CheckpointDestroy", id).await
    }
}

impl NetworkGear for Nm {
    fn look(&self) -> Later<'_, Result<Vec<Link>, GearError>> {
        Box::pin(async move {
            let devices = self.devices().await.map_err(gear_error)?;
            Ok(devices.into_iter().map(|device| device.link).collect())
        })
    }

    fn bare(&self) -> Vec<Link> {
        look::of_the_kernel()
    }

    fn heard<'a>(&'a self, interface: &'a str) -> Later<'a, Result<Vec<AccessPoint>, GearError>> {
        Box::pin(async move { self.access_points(interface).await.map_err(gear_error) })
    }

    fn listen<'a>(&'a self, interface: &'a str) -> Later<'a, Result<(), GearError>> {
        Box::pin(async move { self.listen_anew(interface).await.map_err(gear_error) })
    }

    fn trial(&self) -> Later<'_, Result<Option<OpenTrial>, GearError>> {
        Box::pin(async move { self.open_trial().await.map_err(gear_error) })
    }

    fn prepare<'a>(
        &'a self,
        change: &'a Change,
        seconds: u32,
    ) -> Later<'a, Result<OpenTrial, GearError>> {
        Box::pin(async move { self.begin(change, seconds).await.map_err(gear_error) })
    }

    fn carry_out<'a>(&'a self, change: &'a Change) -> Later<'a, Result<(), GearError>> {
        Box::pin(async move { self.put_in_force(change).await.map_err(gear_error) })
    }

    fn keep<'a>(&'a self, id: &'a str) -> Later<'a, Result<(), GearError>> {
        Box::pin(async move { self.keep_all(id).await.map_err(gear_error) })
    }

    fn go_back<'a>(&'a self, id: &'a str) -> Later<'a, Result<(), GearError>> {
        Box::pin(async move {
            self.call_checkpoint("CheckpointRollback", id).await.map_err(gear_error)?;
            self.settle().await.map_err(gear_error)
        })
    }
}
