//! Mails, by the owner's own server (SMTP, RFC 5321), encrypted as the owner says.

use crate::bound::Bound;
use crate::reach::{LookUp, ReachError, USER, judged};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use std::io;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::timeout;

/// Whether the way to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    Off,
    /// Nothing is said before the connection is encrypted; a server that does not offer it gets nothing.
    Starttls,
    Tls,
}

/// A server that takes mails.
#[derive(Clone, Copy)]
pub struct MailServer<'a> {
    /// Without brackets if it is an IPv6 address.
    pub host: &'a str,
    pub port: u16,
    pub security: MailSecurity,
    /// Certificates of its authority, PEM; empty: the system's authorities count.
    pub authority: &'a str,
    /// Empty: it asks for none.
    pub user: &'a str,
    pub password: &'a str,
}

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub struct MailLetter<'a> {
    /// The part before the @ of its Message-ID.
    pub id: &'a str,
    pub from: &'a str,
    pub to: &'a [String],
    pub subject: &'a str,
    pub text: &'a str,
}

/// Why a mail was not sent. The texts go to the owner, with the server's own words.
#[derive(Debug, thiserror::Error)]
pub enum SendMailError {
    #[error("{0} is no mail address")]
    Address(String),
    #[error("the mail cannot be written: {0}")]
    Write(#[source] lettre::error::Error),
    #[error(
        "this is no certificate of an authority: paste the text that begins with -----BEGIN CERTIFICATE-----"
    )]
    Authority,
    #[error(transparent)]
    Way(#[from] ReachError),
    /// `for_good`: it need not be asked again.
    #[error("{host} refuses: {words}")]
    Refused { host: String, words: String, for_good: bool },
    #[error("cannot reach {host}, or it is not trusted: {source}")]
    Reach { host: String, source: lettre::transport::smtp::Error },
    #[error("{host} did not take the mail within {} s", patience.as_secs())]
    Slow { host: String, patience: Duration },
}

/// Whether a text has certificates of authorities.
///
/// # Errors
/// It has none, or something else.
pub fn mail_authority(pem: &str) -> Result<(), SendMailError> {
    crate::Security::authority(pem).map(drop).map_err(|_| SendMailError::Authority)
}

fn tls(server: MailServer<'_>) -> Result<Tls, SendMailError> {
    if server.security == MailSecurity::Off {
        return Ok(Tls::None);
    }
    let failed = |source| SendMailError::Reach { host: server.host.to_owned(), source };
    let mut parameters = TlsParameters::builder(server.host.to_owned());
    if !server.authority.is_empty() {
        mail_authority(server.authority)?;
        let pem = Certificate::from_pem(server.authority.as_bytes());
        let pem = pem.map_err(|_| SendMailError::Authority)?;
        parameters = parameters.certificate_store(CertificateStore::None).add_root_certificate(pem);
    }
    let parameters = parameters.build_rustls().map_err(failed)?;
    Ok(match server.security {
        MailSecurity::Tls => Tls::Wrapper(parameters),
        MailSecurity::Starttls | MailSecurity::Off => Tls::Required(parameters),
    })
}

fn mailbox(address: &str) -> Result<Mailbox, SendMailError> {
    let parsed: Result<Address, _> = address.parse();
    let parsed = parsed.map_err(|_| SendMailError::Address(address.to_owned()))?;
    Ok(Mailbox::new(None, parsed))
}

fn message(letter: MailLetter<'_>) -> Result<Message, SendMailError> {
    let mut message = Message::builder()
        .from(mailbox(letter.from)?)
        .subject(letter.subject)
        .message_id(Some(format!("<{}@roombox.invalid>", letter.id)))
        // No machine answers it (RFC 3834).
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .user_agent(USER.to_owned())
        .header(ContentType::TEXT_PLAIN);
    for one in letter.to {
        message = message.to(mailbox(one)?);
    }
    message.body(letter.text.to_owned()).map_err(SendMailError::Write)
}

/// Sends a mail over a connection of its own. `patience` is for everything from the name's look-up to the
/// server's last word.
///
/// # Errors
/// See [`SendMailError`]; nobody may have got it, or, if the server is slow, everybody.
pub async fn send_mail(
    server: MailServer<'_>,
    letter: MailLetter<'_>,
    patience: Duration,
) -> Result<(), SendMailError> {
    let message = message(letter)?;
    let sent = timeout(patience, async {
        let bound = Bound::named();
        let found = judged(server.host, server.port, bound, &LookUp::default()).await?;
        let mut last = Ok(());
        for at in found {
            last = send_to(at.ip(), server, message.clone(), patience).await;
            // Somebody who has heard a word may have taken it: nobody else is asked then.
            if !last.as_ref().is_err_and(is_unreached) {
                return last;
            }
        }
        last
    });
    let slow = |_| SendMailError::Slow { host: server.host.to_owned(), patience };
    sent.await.unwrap_or_else(|late| Err(slow(late)))
}

/// Whether nobody has heard anything.
fn is_unreached(error: &SendMailError) -> bool {
    let SendMailError::Reach { source, .. } = error else { return false };
    let mut inner = std::error::Error::source(source);
    while let Some(error) = inner {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return matches!(
                error.kind(),
                io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::HostUnreachable
                    | io::ErrorKind::NetworkUnreachable
                    | io::ErrorKind::AddrNotAvailable
            );
        }
        inner = error.source();
    }
    false
}

/// To one address of the server: what was judged is what is connected to. Its certificate must have its name.
async fn send_to(
    at: IpAddr,
    server: MailServer<'_>,
    message: Message,
    patience: Duration,
) -> Result<(), SendMailError> {
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(at.to_string())
        .port(server.port)
        .tls(tls(server)?)
        .timeout(Some(patience))
        .hello_name(ClientId::Domain("roombox.invalid".to_owned()));
    if !server.user.is_empty() {
        let (user, password) = (server.user.to_owned(), server.password.to_owned());
        transport = transport.credentials(Credentials::new(user, password));
    }
    let transport: AsyncSmtpTransport<Tokio1Executor> = transport.build();
    let host = || server.host.to_owned();
    match transport.send(message).await {
        Ok(_) => Ok(()),
        Err(error) => Err(match error.status() {
            Some(_) => SendMailError::Refused {
                host: host(),
                words: error.to_string(),
                for_good: error.is_permanent(),
            },
            None => SendMailError::Reach { host: host(), source: error },
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(to: &[String]) -> MailLetter<'_> {
        MailLetter {
            id: "1",
            from: "box@example.org",
            to,
            subject: "Ä [Hall] 85 °C",
            text: "Grüße\n.\nEnd\n",
        }
    }

    #[test]
    fn a_mail_goes_to_everybody_and_says_that_a_machine_wrote_it() {
        let to = ["ada@example.org".to_owned(), "bob@example.org".to_owned()];
        let text = String::from_utf8(message(letter(&to)).unwrap().formatted()).unwrap();
        for line in [
            "From: box@example.org",
            "To: ada@example.org, bob@example.org",
            "Auto-Submitted: auto-generated",
            "Message-ID: <1@roombox.invalid>",
            "Date: ",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(text.is_ascii(), "everything else is encoded");
    }

    #[test]
    fn what_is_no_address_and_no_certificate_is_refused() {
        let to = ["ada".to_owned()];
        assert!(matches!(message(letter(&to)), Err(SendMailError::Address(who)) if who == "ada"));
        assert!(mail_authority("x").is_err());
    }
}
