//! Sign-in by the house's own identity provider: OpenID Connect, authorization code with PKCE.
//!
//! ```text
//! begin ── state, nonce, verifier kept, bound to the browser ─▶ the provider's pages
//! finish ◀── code, state ── code exchanged ── ID token judged ── userinfo, if groups are missing
//!              └─ groups ─▶ role ─▶ admitted: a new person, one who comes again, or words why not
//! ```
//! Whether a token may be believed is [`judge`]'s; who comes in as what is [`settings`]'; how bytes travel is
//! the daemon's ([`Wire`]).

mod arrive;
mod error;
mod judge;
mod pending;
mod provider;
mod settings;
mod view;

pub use error::OidcError;
pub use judge::TokenFault;
pub use pending::Errand;
pub use provider::{NoReply, Question, Reply, Wire};
pub use settings::{GroupRole, OidcPut, OidcRow, OidcSettings};
pub use view::{OidcButton, OidcFailure, OidcFound, OidcTrial, OidcView, RemovedPerson};

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::{Events, Happening};
use crate::guard::{Guard, place};
use crate::people::{Asker, Standing, hashed, random_text};
use crate::permissions::Role;
use crate::store::{Person, Store};
use arrive::{Vouched, read};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use judge::{Claims, Expected, judge, listed};
use pending::{PATIENCE, Pending, Waiting};
use provider::{Discovery, discover, exchange, form, keys, shown, userinfo};
use serde_json::Value;
use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Everything with the provider in one step takes no longer: nobody looks at a blank page.
const PATIENCE_WITH_PROVIDER: Duration = Duration::from_secs(9);
/// What a provider says of itself is asked anew after this,
const KNOWN_FOR: Duration = Duration::from_secs(600);
/// and before somebody is sent there: whoever would find nothing there hears so here.
const FRESH_FOR: Duration = Duration::from_secs(10);
/// Keys are asked for anew because of a token no more often than this.
const KEYS_EACH: Duration = Duration::from_secs(60);
/// Places of which sign-ins are counted together: the table stays short.
const GUARDS: u8 = 64;

/// What Oidc needs of the house.
pub struct OidcParts {
    pub store: Arc<Store>,
    pub events: Arc<Events>,
    pub standing: Standing,
    pub wire: Arc<dyn Wire>,
}

/// What is known of a provider.
#[derive(Clone)]
struct Known {
    row: Arc<OidcRow>,
    discovery: Arc<Discovery>,
    keys: Arc<Vec<Jwk>>,
    asked: Instant,
    keys_asked: Instant,
}

/// A sign-in that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Where the browser goes now.
    pub location: String,
    /// A secret for the browser's cookie, and for how many seconds it is good.
    pub cookie: (String, u64),
}

/// With what a browser comes back from the provider.
#[derive(Debug, Clone, Default)]
pub struct Return {
    pub state: String,
    pub code: Option<String>,
    /// RFC 6749 §4.1.2.1.
    pub error: Option<String>,
    pub error_description: Option<String>,
    /// RFC 9207.
    pub iss: Option<String>,
    /// What the browser has in its cookie.
    pub cookie: Option<String>,
}

/// What came of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    SignedIn {
        person: Person,
        /// For the first time.
        new: bool,
        /// What they were before, if that has changed.
        was: Option<Role>,
    },
    Connected {
        person: String,
    },
}

/// The end of a sign-in.
#[derive(Debug)]
pub struct Finished {
    /// `None`: it is nobody's that was begun here.
    pub errand: Option<Errand>,
    /// The person whom it concerns, as far as known.
    pub person: Option<Person>,
    /// The mail address or name that the provider tells; may be empty.
    pub who: String,
    pub outcome: Result<Outcome, ControlError>,
}

/// Sign-in by the house's identity provider.
pub struct Oidc {
    parts: OidcParts,
    row: watch::Sender<Arc<OidcRow>>,
    /// Two who save at once must not mix.
    saving: tokio::sync::Mutex<()>,
    waiting: Mutex<Waiting>,
    known: tokio::sync::Mutex<Option<Known>>,
    /// Sign-ins that did not come to their end, by place.
    guards: Mutex<HashMap<u8, Guard>>,
    failure: Mutex<Option<OidcFailure>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Oidc {
    /// # Errors
    /// The store refuses.
    pub async fn load(parts: OidcParts) -> Result<Arc<Self>, ControlError> {
        let row = parts.store.oidc_get().await?.unwrap_or_default();
        Ok(Arc::new(Self {
            parts,
            row: watch::channel(Arc::new(row)).0,
            saving: tokio::sync::Mutex::default(),
            waiting: Mutex::default(),
            known: tokio::sync::Mutex::default(),
            guards: Mutex::default(),
            failure: Mutex::default(),
        }))
    }

    fn row(&self) -> Arc<OidcRow> {
        self.row.borrow().clone()
    }

    /// # Errors
    /// The store refuses.
    pub async fn view(&self) -> Result<OidcView, ControlError> {
        let row = self.row();
        let removed = self.parts.store.identity_removed_list().await?.into_iter();
        let removed = removed.map(|row| RemovedPerson {
            id: row.id,
            name: row.name,
            mail: row.mail,
            removed_at: UnixMs(row.removed_ms),
        });
        Ok(OidcView {
            settings: row.settings.clone(),
            has_secret: !row.secret.is_empty(),
            redirect_uri: row.settings.redirect_uri(),
            removed: removed.collect(),
            failure: locked(&self.failure).clone(),
        })
    }

    pub fn button(&self) -> OidcButton {
        let row = self.row();
        OidcButton { name: row.settings.enabled.then(|| row.settings.name.clone()) }
    }

    /// Replaces the settings. A secret that is absent stays, as long as it goes to the same provider as before.
    /// Sign-ins that were begun with the old ones do not come to their end.
    ///
    /// # Errors
    /// Something of it will not do, or the store refuses.
    pub async fn put(&self, put: OidcPut) -> Result<OidcView, ControlError> {
        let _turn = self.saving.lock().await;
        let row = put.over(&self.row())?;
        if !row.settings.authority.is_empty() {
            self.parts.wire.check(&row.settings.authority).map_err(OidcError::Trust)?;
        }
        self.parts.store.oidc_put(row.clone()).await?;
        self.row.send_replace(Arc::new(row));
        *locked(&self.failure) = None;
        self.view().await
    }

    /// Asks the provider what it can, and tells what came of it.
    ///
    /// # Errors
    /// No provider is named.
    pub async fn test(&self) -> Result<OidcTrial, ControlError> {
        let row = self.row();
        if row.settings.issuer.is_empty() {
            return Err(OidcError::Issuer.into());
        }
        let begun = Instant::now();
        let looked = in_time(look(self.parts.wire.as_ref(), &row.settings)).await;
        let took_ms = begun.elapsed().as_millis() as u64;
        Ok(match looked {
            Ok(found) => OidcTrial { took_ms, found: Some(found), code: None, error: None },
            Err(error) => {
                let (code, error) = (error.code().to_owned(), error.to_string());
                OidcTrial { took_ms, found: None, code: Some(code), error: Some(error) }
            }
        })
    }

    /// Begins a sign-in of somebody who asks the panel as `host`, from an address.
    ///
    /// # Errors
    /// It is switched off, the provider sends people back to another host, it does not answer, or too many sign
    /// in at this moment.
    pub async fn begin(
        &self,
        errand: Errand,
        host: &str,
        from: IpAddr,
    ) -> Result<Begun, ControlError> {
        let row = self.row();
        if !row.settings.enabled {
            return Err(OidcError::Off.into());
        }
        if !row.settings.is_at(host) {
            let address = row.settings.address.clone();
            return Err(OidcError::Elsewhere { address }.into());
        }
        let known =
            in_time(self.known(&row, FRESH_FOR)).await.inspect_err(|error| self.failed(error))?;
        let (state, nonce, verifier, cookie) =
            (random_text(52)?, random_text(52)?, random_text(52)?, random_text(52)?);
        let redirect_uri = row.settings.redirect_uri();
        let challenge = URL_SAFE_NO_PAD.encode(hashed(&verifier));
        let asked = form(&[
            ("response_type", "code"),
            ("client_id", &row.settings.client_id),
            ("redirect_uri", &redirect_uri),
            ("scope", &row.settings.scopes),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let endpoint = &known.discovery.authorization_endpoint;
        let joint = if endpoint.contains('?') { '&' } else { '?' };
        let location = format!("{endpoint}{joint}{asked}");
        let pending = Pending {
            errand,
            nonce,
            verifier,
            redirect_uri,
            row,
            browser: hashed(&cookie),
            place: from,
            begun: Instant::now(),
        };
        locked(&self.waiting).add(&state, pending);
        Ok(Begun { location, cookie: (cookie, PATIENCE.as_secs()) })
    }

    /// Ends a sign-in, with what the browser brings back.
    pub async fn finish(&self, back: Return, from: IpAddr) -> Finished {
        let mut finished = Finished {
            errand: None,
            person: None,
            who: String::new(),
            outcome: Err(OidcError::State.into()),
        };
        let browser = back.cookie.as_deref().unwrap_or_default();
        let pending = locked(&self.waiting).take(&back.state, browser, Instant::now());
        // Not counted: nobody guesses one, and a page of strangers could send whoever looks at it here for ever.
        let Some(pending) = pending else { return finished };
        finished.errand = Some(pending.errand.clone());
        if let Err(seconds) = self.guard(from, |guard| guard.try_from(Instant::now(), from)) {
            finished.outcome = Err(ControlError::TooManyAttempts { seconds });
            return finished;
        }
        let outcome = match Arc::ptr_eq(&pending.row, &self.row()) && pending.row.settings.enabled {
            true => in_time(self.vouched(&pending, &back)).await,
            false => Err(OidcError::State),
        };
        let outcome = match outcome {
            Ok(vouched) => {
                finished.who = vouched.mail.clone().unwrap_or_else(|| vouched.name.clone());
                self.welcome(&pending, vouched, &mut finished.person).await
            }
            Err(error) => Err(error.into()),
        };
        match &outcome {
            Ok(_) => self.guard(from, |guard| guard.right(Instant::now(), from)),
            Err(ControlError::Oidc(error)) if error.is_of_somebody() => {
                self.guard(from, |guard| guard.right(Instant::now(), from));
            }
            Err(ControlError::Oidc(error)) => self.failed(error),
            Err(_) => {}
        }
        finished.outcome = outcome;
        finished
    }

    /// Takes the connection of whoever asks away.
    ///
    /// # Errors
    /// There is none, or it is all they can sign in with.
    pub async fn disconnect(&self, asker: &Asker) -> Result<(), ControlError> {
        let person = asker.person.id.clone();
        if !self.parts.store.identity_disconnect(person.clone()).await? {
            return Err(ControlError::NotFound("connection"));
        }
        self.parts.events.publish(&person, Happening::PersonChanged);
        Ok(())
    }

    /// Lets somebody come in again whom an owner removed.
    ///
    /// # Errors
    /// There is no such.
    pub async fn readmit(&self, id: &str) -> Result<(), ControlError> {
        match self.parts.store.identity_readmit(id.to_owned()).await? {
            true => Ok(()),
            false => Err(ControlError::NotFound("removed person")),
        }
    }

    fn guard<T>(&self, from: IpAddr, use_it: impl FnOnce(&mut Guard) -> T) -> T {
        let key = hashed(&place(from).to_string())[0] % GUARDS;
        use_it(locked(&self.guards).entry(key).or_default())
    }

    fn failed(&self, error: &OidcError) {
        tracing::warn!(%error, "a sign-in by the identity provider failed");
        let (code, text) = (error.code().to_owned(), error.to_string());
        *locked(&self.failure) = Some(OidcFailure { at: UnixMs::now(), code, error: text });
    }

    /// What is known of the provider, asked for if it is not, or not any more.
    async fn known(&self, row: &Arc<OidcRow>, good_for: Duration) -> Result<Known, OidcError> {
        let mut known = self.known.lock().await;
        if let Some(known) = &*known
            && Arc::ptr_eq(&known.row, row)
            && known.asked.elapsed() < good_for
        {
            return Ok(known.clone());
        }
        let wire = self.parts.wire.as_ref();
        let discovery = discover(wire, &row.settings).await?;
        let keys = keys(wire, &row.settings, &discovery).await?;
        let asked = Instant::now();
        let new = Known {
            row: row.clone(),
            discovery: Arc::new(discovery),
            keys: Arc::new(keys),
            asked,
            keys_asked: asked,
        };
        *known = Some(new.clone());
        Ok(new)
    }

    /// The provider's keys as they are now, or as they were less than a minute ago: a key that is not among them
    /// may be new.
    async fn keys_anew(&self, row: &Arc<OidcRow>) -> Result<Arc<Vec<Jwk>>, OidcError> {
        let mut known = self.known.lock().await;
        let Some(known) = known.as_mut().filter(|known| Arc::ptr_eq(&known.row, row)) else {
            return Err(OidcError::State);
        };
        if known.keys_asked.elapsed() >= KEYS_EACH {
            known.keys_asked = Instant::now();
            let wire = self.parts.wire.as_ref();
            known.keys = Arc::new(keys(wire, &row.settings, &known.discovery).await?);
        }
        Ok(known.keys.clone())
    }

    /// Whom the provider vouches for.
    async fn vouched(&self, pending: &Pending, back: &Return) -> Result<Vouched, OidcError> {
        let settings = &pending.row.settings;
        let known = self.known(&pending.row, KNOWN_FOR).await?;
        // Before anything else of the answer: it may be another provider's (RFC 9207 §2.4).
        let named = back.iss.as_deref();
        let must_name = known.discovery.authorization_response_iss_parameter_supported;
        if named.map_or(must_name, |iss| iss != settings.issuer) {
            return Err(TokenFault::Issuer.into());
        }
        if let Some(error) = &back.error {
            let more = back.error_description.as_deref().map(shown).unwrap_or_default();
            let text = format!("{} {more}", shown(error));
            return Err(OidcError::Refused(text.trim().to_owned()));
        }
        let code = back.code.as_deref().ok_or(OidcError::State)?;
        let wire = self.parts.wire.as_ref();
        let proof = (code, pending.verifier.as_str(), pending.redirect_uri.as_str());
        let tokens = exchange(wire, &pending.row, &known.discovery, proof).await?;
        let expected = Expected {
            issuer: &settings.issuer,
            client: &settings.client_id,
            nonce: &pending.nonce,
            now: UnixMs::now().0 / 1000,
        };
        let mut claims = match judge(&tokens.id_token, &known.keys, expected) {
            Err(TokenFault::Key) => {
                let keys = self.keys_anew(&pending.row).await?;
                judge(&tokens.id_token, &keys, expected)?
            }
            judged => judged?,
        };
        let lacks = |claims: &Claims| {
            listed(claims, &settings.groups_claim).is_none() || !claims.contains_key("email")
        };
        if lacks(&claims)
            && let Some(url) = &known.discovery.userinfo_endpoint
            && let Some(token) = &tokens.access_token
        {
            let sub = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
            for (name, value) in userinfo(wire, settings, url, token, sub).await? {
                // What is signed counts more.
                claims.entry(name).or_insert(value);
            }
        }
        Ok(read(&claims, &settings.groups_claim))
    }
}

/// What a provider can.
async fn look(wire: &dyn Wire, settings: &OidcSettings) -> Result<OidcFound, OidcError> {
    let found = discover(wire, settings).await?;
    let keys = keys(wire, settings, &found).await?.len();
    let listed = found.scopes_supported.as_ref();
    let unknown = |scope: &&str| listed.is_some_and(|all| all.iter().all(|one| one != scope));
    let unknown_scopes = settings.scopes.split(' ').filter(unknown).map(str::to_owned).collect();
    Ok(OidcFound {
        algorithms: found.algorithms(),
        says_pkce: found.code_challenge_methods_supported.is_some(),
        authorization_endpoint: found.authorization_endpoint,
        userinfo_endpoint: found.userinfo_endpoint,
        keys,
        unknown_scopes,
    })
}

async fn in_time<T>(work: impl Future<Output = Result<T, OidcError>>) -> Result<T, OidcError> {
    let late = |_| {
        let seconds = PATIENCE_WITH_PROVIDER.as_secs();
        OidcError::Unreachable(format!("nothing came within {seconds} s"))
    };
    tokio::time::timeout(PATIENCE_WITH_PROVIDER, work)
        .await
        .unwrap_or_else(|error| Err(late(error)))
}

#[cfg(test)]
mod tests;
