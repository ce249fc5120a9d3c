//! Carries mails about alarms: delivery speaks with the server.

use roombox_control::conference::Later;
use roombox_control::mail::{Letter, MailRow, MailTls, Postman};
use roombox_delivery::{MailLetter, MailSecurity, MailServer, mail_authority, send_mail};
use std::time::Duration;

/// From the name's look-up to the server's last word: some servers let strangers wait on purpose.
const PATIENCE: Duration = Duration::from_secs(45);

/// The box's way to its owner's mail server.
#[derive(Debug)]
pub struct BoxPostman;

impl Postman for BoxPostman {
    fn check(&self, authority: &str) -> Result<(), String> {
        mail_authority(authority).map_err(|error| error.to_string())
    }

    fn send<'a>(&'a self, row: &'a MailRow, letter: Letter) -> Later<'a, Result<(), String>> {
        Box::pin(async move {
            let settings = &row.settings;
            let server = MailServer {
                host: &settings.host,
                port: settings.port,
                security: match settings.tls {
                    MailTls::Starttls => MailSecurity::Starttls,
                    MailTls::Tls => MailSecurity::Tls,
                    MailTls::Off => MailSecurity::Off,
                },
                authority: &settings.authority,
                user: &settings.user,
                password: &row.password,
            };
            let letter = MailLetter {
                id: &letter.id,
                from: &settings.from,
                to: &settings.to,
                subject: &letter.said.subject,
                text: &letter.said.text,
            };
            send_mail(server, letter, PATIENCE).await.map_err(|error| error.to_string())
        })
    }
}
