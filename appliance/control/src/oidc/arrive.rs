//! Whom a provider has vouched for comes in, is connected with an account, or hears why not.

use super::judge::{Claims, listed};
use super::pending::Pending;
use super::provider::shown;
use super::{Errand, Oidc, OidcError, Outcome};
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::Happening;
use crate::people::MOST_PEOPLE;
use crate::store::{Admission, Arrival, Connected, Person};
use roombox_provision::{checked_name, nameable};
use serde_json::Value;
use ulid::Ulid;

/// What a provider tells of somebody.
pub(super) struct Vouched {
    pub subject: String,
    pub name: String,
    pub mail: Option<String>,
    pub groups: Vec<String>,
}

impl Oidc {
    /// Lets somebody in, connects them, or says why not.
    pub(super) async fn welcome(
        &self,
        pending: &Pending,
        vouched: Vouched,
        concerns: &mut Option<Person>,
    ) -> Result<Outcome, ControlError> {
        let settings = &pending.row.settings;
        let with_mail = vouched.mail.as_deref().unwrap_or(&vouched.subject);
        let longer = named([format!("{} ({with_mail})", vouched.name).as_str()]);
        let arrival = Arrival {
            issuer: settings.issuer.clone(),
            subject: vouched.subject,
            names: [vouched.name, longer],
            mail: vouched.mail.clone().unwrap_or_default(),
            role: settings
                .role(&vouched.groups)
                .filter(|_| settings.is_domain(vouched.mail.as_deref())),
            new_ids: [format!("per_{}", Ulid::new()), format!("idn_{}", Ulid::new())],
            now_ms: UnixMs::now().0,
            most: MOST_PEOPLE,
        };
        match &pending.errand {
            Errand::Connect { person, session } => self.connect(person, session, arrival).await,
            Errand::SignIn { .. } => {
                let domain = settings.is_domain(vouched.mail.as_deref());
                let admission = self.parts.store.identity_admit(arrival).await?;
                self.admitted(admission, domain, concerns)
            }
        }
    }

    fn admitted(
        &self,
        admission: Admission,
        domain: bool,
        concerns: &mut Option<Person>,
    ) -> Result<Outcome, ControlError> {
        let changed = |person: &Person| {
            self.parts.standing.changed();
            self.parts.events.publish(&person.id, Happening::PersonChanged);
        };
        let refused = match admission {
            Admission::New(person) => {
                changed(&person);
                tracing::info!(person = %person.id, role = person.role.name(), "a person came by the provider");
                *concerns = Some(person.clone());
                return Ok(Outcome::SignedIn { person, new: true, was: None });
            }
            Admission::Again(person, was) => {
                if was.is_some() {
                    changed(&person);
                }
                *concerns = Some(person.clone());
                return Ok(Outcome::SignedIn { person, new: false, was });
            }
            Admission::NoGroup(person) => {
                if let Some(person) = &person {
                    changed(person);
                }
                *concerns = person;
                if domain { OidcError::NoGroup } else { OidcError::Domain }
            }
            Admission::Disabled(person) => {
                *concerns = Some(person);
                OidcError::Disabled
            }
            Admission::Removed => OidcError::Removed,
            Admission::NameTaken(name) => OidcError::NameTaken(name),
            Admission::Full => return Err(ControlError::TooManyPeople { most: MOST_PEOPLE }),
        };
        Err(refused.into())
    }

    /// Connects whoever has begun it, if they are still signed in.
    async fn connect(
        &self,
        person: &str,
        session: &str,
        arrival: Arrival,
    ) -> Result<Outcome, ControlError> {
        let now = UnixMs::now().0;
        let sessions = self.parts.store.session_list(person.to_owned(), now).await?;
        if sessions.iter().all(|row| row.id != session) {
            return Err(ControlError::Unauthenticated);
        }
        match self.parts.store.identity_connect(person.to_owned(), arrival).await? {
            Connected::Yes => {
                tracing::info!(person, "an account was connected with the provider");
                self.parts.events.publish(person, Happening::PersonChanged);
                Ok(Outcome::Connected { person: person.to_owned() })
            }
            Connected::Taken => Err(OidcError::Taken.into()),
            Connected::Managed => Err(ControlError::NoPassword),
            Connected::Nobody => Err(ControlError::Unauthenticated),
        }
    }
}

/// The first of these that can be somebody's name, shortened if need be.
fn named<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let name = |text: &str| checked_name(&nameable(text));
    texts.into_iter().find_map(name).unwrap_or_else(|| "?".to_owned())
}

/// What claims say of somebody.
pub(super) fn read(claims: &Claims, groups_claim: &str) -> Vouched {
    let text =
        |name: &str| claims.get(name).and_then(Value::as_str).map(str::trim).unwrap_or_default();
    // One that the provider says it has not looked at may be anybody's.
    let verified = claims.get("email_verified").is_none_or(|said| said != false && said != "false");
    let mail = Some(shown(text("email"))).filter(|mail| verified && mail.contains('@'));
    let subject = text("sub").to_owned();
    Vouched {
        name: named([
            text("name"),
            text("preferred_username"),
            mail.as_deref().unwrap_or_default(),
            &subject,
        ]),
        mail,
        groups: listed(claims, groups_claim).unwrap_or_default(),
        subject,
    }
}
