//! The system bus, for services that may be there or not.

use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::Mutex;
use zbus::connection::Builder;
use zbus::{Connection, Error, OwnedVariant, Proxy, Variant, fdo, proxy};

/// Names and values as services tell of themselves.
pub type Dict = HashMap<String, OwnedVariant>;

/// A service that hangs must not keep whoever waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a service did not do it.
#[derive(Debug)]
pub enum Silence {
    /// There is no bus, or nobody of this name.
    Absent,
    Gone(String),
    /// In the service's own words.
    Refused(String),
}

/// A connection that is made when it is first needed, and anew after the bus was gone.
#[derive(Default)]
pub struct SystemBus {
    connection: Mutex<Option<Connection>>,
}

impl SystemBus {
    async fn connection(&self) -> Result<Connection, Silence> {
        let mut connection = self.connection.lock().await;
        if let Some(connection) = &*connection {
            return Ok(connection.clone());
        }
        let connected =
            Builder::system().method_timeout(PATIENCE).build().await.map_err(|error| {
                tracing::debug!(%error, "there is no system bus");
                Silence::Absent
            })?;
        Ok(connection.insert(connected).clone())
    }

    /// One interface of an object. Nothing of it is remembered: a service that starts anew tells other things.
    pub async fn object(
        &self,
        name: &'static str,
        path: &str,
        interface: &'static str,
    ) -> Result<Proxy<'static>, Silence> {
        let connection = self.connection().await?;
        proxy::Builder::new(&connection)
            .destination(name)
            .path(path.to_owned())
            .interface(interface)
            .cache_properties(proxy::CacheProperties::No)
            .build()
            .await
            .map_err(|error| Silence::Gone(error.to_string()))
    }

    /// All properties of one interface of an object.
    pub async fn properties(
        &self,
        name: &'static str,
        path: &str,
        interface: &str,
    ) -> Result<Dict, Silence> {
        let object = self.object(name, path, "org.freedesktop.DBus.Properties").await?;
        let told = object.call("GetAll", &interface).await;
        self.heard(told).await
    }

    /// What an answer means; after an error of the connection itself the next call makes a new one.
    pub async fn heard<T>(&self, answer: Result<T, Error>) -> Result<T, Silence> {
        let error = match answer {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if matches!(error, Error::InputOutput(_)) {
            *self.connection.lock().await = None;
        }
        Err(meaning(&error))
    }
}

fn meaning(error: &Error) -> Silence {
    use fdo::Error as Bus;
    match error {
        Error::MethodError(name, text, _) => {
            Silence::Refused(text.clone().unwrap_or_else(|| name.to_string()))
        }
        Error::FDO(bus) => match &**bus {
            Bus::ServiceUnknown(_) | Bus::NameHasNoOwner(_) => Silence::Absent,
            Bus::NoReply(text) | Bus::Disconnected(text) => Silence::Gone(text.clone()),
            other => Silence::Refused(other.to_string()),
        },
        other => Silence::Gone(other.to_string()),
    }
}

/// A text, also within a further variant, or an object's path.
pub fn text(value: &Variant<'_>) -> Option<String> {
    match value {
        Variant::Str(text) => Some(text.as_str().to_owned()),
        Variant::ObjectPath(path) => Some(path.as_str().to_owned()),
        Variant::Variant(inner) => text(inner),
        _ => None,
    }
}

pub fn number(value: &Variant<'_>) -> Option<u64> {
    match value {
        Variant::U8(number) => Some((*number).into()),
        Variant::U16(number) => Some((*number).into()),
        Variant::U32(number) => Some((*number).into()),
        Variant::U64(number) => Some(*number),
        Variant::I32(number) => u64::try_from(*number).ok(),
        Variant::I64(number) => u64::try_from(*number).ok(),
        Variant::Variant(inner) => number(inner),
        _ => None,
    }
}

pub fn truth(value: &Variant<'_>) -> Option<bool> {
    match value {
        Variant::Bool(truth) => Some(*truth),
        Variant::Variant(inner) => truth(inner),
        _ => None,
    }
}

/// The items of an array; of anything else none.
pub fn items<'v>(value: &'v Variant<'_>) -> Vec<&'v Variant<'v>> {
    match value {
        Variant::Array(array) => array.iter().collect(),
        Variant::Variant(inner) => items(inner),
        _ => Vec::new(),
    }
}

/// A value of a dictionary by its name.
pub fn entry<'v>(value: &'v Variant<'_>, name: &str) -> Option<&'v Variant<'v>> {
    match value {
        Variant::Dict(dict) => {
            let found = dict.iter().find(|(key, _)| text(key).as_deref() == Some(name));
            found.map(|(_, value)| value)
        }
        Variant::Variant(inner) => entry(inner, name),
        _ => None,
    }
}
