//! The way to the owner's syslog server: delivery dials and frames.

use crate::mqtt::security;
use roombox_control::conference::Later;
use roombox_control::syslog::{SyslogBy, SyslogSettings, Wire, WireEnd};
use roombox_delivery::{Security, SyslogWire};

/// The box's way to syslog servers.
#[derive(Debug)]
pub struct BoxWire;

struct End(SyslogWire);

impl WireEnd for End {
    fn send<'a>(&'a mut self, message: &'a str) -> Later<'a, Result<(), String>> {
        Box::pin(async move { self.0.send(message).await.map_err(|error| error.to_string()) })
    }
}

impl Wire for BoxWire {
    fn check(&self, settings: &SyslogSettings) -> Result<(), String> {
        security(&settings.trust).map(drop).map_err(|error| error.to_string())
    }

    fn connect<'a>(
        &'a self,
        settings: &'a SyslogSettings,
    ) -> Later<'a, Result<Box<dyn WireEnd>, String>> {
        Box::pin(async move {
            let SyslogSettings { host, port, .. } = settings;
            let wire = match settings.by {
                SyslogBy::Udp => SyslogWire::datagrams(host, *port).await,
                SyslogBy::Tcp => SyslogWire::stream(host, *port, &Security::plain()).await,
                SyslogBy::Tls => {
                    let security = security(&settings.trust).map_err(|error| error.to_string())?;
                    SyslogWire::stream(host, *port, &security).await
                }
            };
            let wire = wire.map_err(|error| error.to_string())?;
            Ok(Box::new(End(wire)) as Box<dyn WireEnd>)
        })
    }
}
