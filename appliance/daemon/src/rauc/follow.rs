//! Following an installation by its signals, until it has ended or the service has.

use super::{INTERFACE, NAME, meaning};
use futures_util::StreamExt as _;
use roombox_control::updates::updater::{Step, UpdaterError};
use std::collections::HashMap;
use tokio::sync::mpsc;
use zbus::fdo::{DBusProxy, NameOwnerChangedStream};
use zbus::{Error, MatchRule, Message, MessageStream, OwnedVariant, Proxy, Variant, message};

/// All that RAUC says, from before an installation was asked for.
pub struct Following {
    signals: MessageStream,
    /// The service has another owner on the bus, or none.
    gone: NameOwnerChangedStream,
}

pub async fn listen(rauc: &Proxy<'_>) -> Result<Following, Error> {
    let bus = rauc.connection();
    let rule = MatchRule::builder().msg_type(message::Type::Signal).sender(NAME).path("/");
    let signals = MessageStream::for_match_rule(rule.build()?, bus, None).await?;
    let gone =
        DBusProxy::new(bus).await?.receive_name_owner_changed_with_args(&[(0, NAME)]).await?;
    Ok(Following { signals, gone })
}

impl Following {
    pub async fn until_done(
        mut self,
        rauc: &Proxy<'_>,
        steps: mpsc::Sender<Step>,
    ) -> Result<(), UpdaterError> {
        let gone = || UpdaterError::Gone("it ended in the middle of the installation".to_owned());
        loop {
            let signal = tokio::select! {
                signal = self.signals.next() => signal,
                _ = self.gone.next() => return Err(gone()),
            };
            let Some(Ok(signal)) = signal else { return Err(gone()) };
            if let Some(step) = progress(&signal) {
                // A step that nobody takes in time is followed by others.
                if let Err(error) = steps.try_send(step) {
                    tracing::debug!(%error, "a step of an installation is not shown");
                }
            }
            match completed(&signal) {
                None => {}
                Some(0) => return Ok(()),
                Some(_) => return verdict(rauc).await,
            }
        }
    }
}

/// How the last installation ended, in RAUC's own words.
pub async fn verdict(rauc: &Proxy<'_>) -> Result<(), UpdaterError> {
    let error = rauc.get_property::<String>("LastError").await.map_err(|error| meaning(&error))?;
    if error.is_empty() { Ok(()) } else { Err(UpdaterError::Refused(error)) }
}

fn named(signal: &Message, interface: &str, member: &str) -> bool {
    let header = signal.header();
    header.interface().is_some_and(|name| name.as_str() == interface)
        && header.member().is_some_and(|name| name.as_str() == member)
}

/// `Completed(i)`.
fn completed(signal: &Message) -> Option<i32> {
    named(signal, INTERFACE, "Completed").then(|| signal.body().deserialize::<i32>().ok())?
}

/// The property `Progress (isi)`: percent, text, depth.
fn progress(signal: &Message) -> Option<Step> {
    if !named(signal, "org.freedesktop.DBus.Properties", "PropertiesChanged") {
        return None;
    }
    type Changed = (String, HashMap<String, OwnedVariant>, Vec<String>);
    let (_, changed, _) = signal.body().deserialize::<Changed>().ok()?;
    let Variant::Structure(progress) = &**changed.get("Progress")? else { return None };
    match progress.fields() {
        [Variant::I32(percent), Variant::Str(text), ..] => Some(Step {
            percent: u8::try_from((*percent).clamp(0, 100)).unwrap_or(100),
            text: text.as_str().to_owned(),
        }),
        _ => None,
    }
}
