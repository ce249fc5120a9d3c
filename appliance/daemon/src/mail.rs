//! Carries mails about alarms: delivery speaks with the server.

use roombox_control::conference::Later;
use roombox_control::mail::{Letter, MailRow, MailTls, Postman};
use roombox_delivery::{
    MailLetter, MailSecurity, MailServer, SendMailError, mail_authority, send_mail,
};
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

    fn send<'a>(
        &'a self,
        row: &'a MailRow,
        letter: Letter,
    ) -> Later<'a, Result<Option<String>, String>> {
        Box::pin(async move {
            let all = &row.settings.to;
            match send(row, &letter, all).await {
                Ok(()) => Ok(None),
                // One whom the server does not know is no reason that the others hear nothing.
                Err(SendMailError::Refused { for_good: true, .. }) if all.len() > 1 => {
                    one_by_one(row, &letter).await
                }
                Err(error) => Err(error.to_string()),
            }
        })
    }
}

async fn one_by_one(row: &MailRow, letter: &Letter) -> Result<Option<String>, String> {
    let (mut refused, mut got) = (None, false);
    for one in &row.settings.to {
        match send(row, letter, std::slice::from_ref(one)).await {
            Ok(()) => got = true,
            Err(error @ SendMailError::Refused { for_good: true, .. }) => {
                refused = Some(error.to_string());
            }
            // All of it again later, with the same id.
            Err(error) => return Err(error.to_string()),
        }
    }
    match got {
        true => Ok(refused),
        false => Err(refused.unwrap_or_default()),
    }
}

async fn send(row: &MailRow, letter: &Letter, to: &[String]) -> Result<(), SendMailError> {
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
        to,
        subject: &letter.said.subject,
        text: &letter.said.text,
    };
    send_mail(server, letter, PATIENCE).await
}
