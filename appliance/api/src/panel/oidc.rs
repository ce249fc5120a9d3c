//! Sign-in by the house's identity provider: its settings, the way there and the way back.
//!
//! What goes wrong on the way back ends on a page of the panel with the error's code alone: whoever made the link
//! must not choose what stands there.

use super::PanelDoor;
use super::access::{Visitor, cookie as cookie_of};
use super::account::PasswordAgain;
use super::body::Body;
use super::entry::{cookie as session_cookie, device};
use super::noted::Detail;
use crate::error::{ApiError, ErrorBody};
use crate::server::{Encrypted, Peer};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Json};
use roombox_control::ControlError;
use roombox_control::audit::Noted;
use roombox_control::oidc::{
    Begun, Errand, Finished, OidcButton, OidcError, OidcPut, OidcTrial, OidcView, Outcome, Return,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Binds a sign-in to the browser that began it. `Lax`: the way back begins at the provider. As with the session's,
/// nobody else can plant one: a stranger's would sign somebody in as that stranger.
const COOKIE: &str = "__Host-roombox_oidc";
/// The same without TLS: no browser would take the other one.
const PLAIN_COOKIE: &str = "roombox_oidc";
/// Where who has signed in is, unless they wanted to be elsewhere.
const HOME: &str = "/panel/";
const ACCOUNT: &str = "/panel/account";
const LONGEST_PAGE: usize = 512;

/// Where to be after the sign-in.
#[derive(Deserialize, IntoParams)]
pub(super) struct Start {
    /// A page of the panel, like `/panel/recordings`; anything else is its first page.
    #[serde(default)]
    page: String,
    /// The browser was sent here from another address of the box.
    #[serde(default)]
    #[param(ignore)]
    sent: bool,
}

/// With what the provider sends a browser back (RFC 6749 §4.1.2, RFC 9207).
#[derive(Deserialize, IntoParams)]
pub(super) struct Callback {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    error_description: Option<String>,
    #[serde(default)]
    iss: Option<String>,
}

/// Where to go on.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Onward {
    /// An address of the provider.
    location: String,
}

/// The provider, and who comes in as what. The client secret is never shown.
#[utoipa::path(get, path = "/integrations/oidc", tag = "integrations",
    responses((status = 200, body = OidcView)))]
pub(super) async fn oidc_get(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<OidcView>, ApiError> {
    Ok(Json(door.oidc.view().await?))
}

/// Replaces the settings. A client secret that is absent stays, unless it would go to another provider. Whoever is
/// signed in stays so.
#[utoipa::path(put, path = "/integrations/oidc", tag = "integrations", request_body = OidcPut,
    responses((status = 200, body = OidcView), (status = 422, body = ErrorBody)))]
pub(super) async fn oidc_put(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(request): Body<OidcPut>,
) -> Result<Json<OidcView>, ApiError> {
    Ok(Json(door.oidc.put(request).await?))
}

/// Asks the provider what it can, and for its keys. Whether it takes the client secret shows at the first sign-in.
#[utoipa::path(post, path = "/integrations/oidc/tests", tag = "integrations",
    responses((status = 200, body = OidcTrial), (status = 422, body = ErrorBody)))]
pub(super) async fn oidc_test(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<OidcTrial>, ApiError> {
    Ok(Json(door.oidc.test().await?))
}

/// Lets somebody come in again whom an owner removed.
#[utoipa::path(delete, path = "/integrations/oidc/removed/{id}", tag = "integrations",
    params(("id" = String, Path)), responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn oidc_readmit(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.oidc.readmit(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether there is a sign-in by a provider, and what stands on its button.
#[utoipa::path(get, path = "/oidc", tag = "session",
    responses((status = 200, body = OidcButton)))]
pub(super) async fn oidc_button(State(door): State<PanelDoor>) -> Json<OidcButton> {
    Json(door.oidc.button())
}

/// Begins a sign-in: to the provider or, if it cannot be begun, back to the panel with `?oidc=` and the error's code.
#[utoipa::path(get, path = "/oidc/start", tag = "session", params(Start),
    responses((status = 303, description = "to the provider, or to the panel")))]
pub(super) async fn oidc_start(
    State(door): State<PanelDoor>,
    Peer(from): Peer,
    encrypted: Encrypted,
    headers: HeaderMap,
    Query(start): Query<Start>,
) -> Response {
    let page = local_page(&start.page).to_owned();
    match door.oidc.begin(Errand::SignIn { page: page.clone() }, host(&headers), from).await {
        Ok(Begun { location, cookie: (secret, seconds) }) => {
            let mut response = Redirect::to(&location).into_response();
            set(&mut response, &cookie(&secret, seconds, encrypted));
            not_kept(response)
        }
        // Once: a proxy may give the box another name than browsers see.
        Err(ControlError::Oidc(OidcError::Elsewhere { address })) if !start.sent => {
            let page = page.replace('&', "%26").replace('#', "%23");
            let there = format!("{address}/api/v1/oidc/start?sent=true&page={page}");
            not_kept(Redirect::to(&there).into_response())
        }
        Err(error) => not_kept(back(HOME, error.code())),
    }
}

/// Ends a sign-in: to the panel, signed in or with `?oidc=` and the error's code.
#[utoipa::path(get, path = "/oidc/callback", tag = "session", params(Callback),
    responses((status = 303, description = "to the panel")))]
pub(super) async fn oidc_callback(
    State(door): State<PanelDoor>,
    Peer(from): Peer,
    encrypted: Encrypted,
    headers: HeaderMap,
    Query(answer): Query<Callback>,
) -> Result<Response, ApiError> {
    let Callback { state, code, error, error_description, iss } = answer;
    let cookie_kept = cookie_of(&headers, cookie_name(encrypted)).map(str::to_owned);
    let answer = Return { state, code, error, error_description, iss, cookie: cookie_kept };
    let finished = door.oidc.finish(answer, from).await;
    door.audit.note(row(&finished, from.to_canonical().to_string())).await;
    let home = match &finished.errand {
        Some(Errand::SignIn { page }) => page.as_str(),
        Some(Errand::Connect { .. }) => ACCOUNT,
        None => HOME,
    };
    let mut response = match &finished.outcome {
        Ok(Outcome::SignedIn { person, .. }) => {
            let device = device(&headers, from);
            let (secret, seconds) = door.sessions.open_vouched(person, device).await?;
            let mut response = Redirect::to(home).into_response();
            set(&mut response, &session_cookie(&secret, seconds, encrypted));
            response
        }
        Ok(Outcome::Connected { .. }) => back(ACCOUNT, "connected"),
        // The page that was wanted is for whoever is signed in.
        Err(error) => {
            let connects = matches!(finished.errand, Some(Errand::Connect { .. }));
            back(if connects { ACCOUNT } else { HOME }, error.code())
        }
    };
    set(&mut response, &cookie("", 0, encrypted));
    Ok(not_kept(response))
}

/// Connects one's own account with the identity that one has at the provider: the browser goes on there. From then
/// on the identity opens the account, so the password is asked first.
#[utoipa::path(post, path = "/account/identity", tag = "account", request_body = PasswordAgain,
    responses((status = 200, body = Onward), (status = 401, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 429, body = ErrorBody),
        (status = 502, body = ErrorBody)))]
pub(super) async fn identity_connect(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
    Peer(from): Peer,
    encrypted: Encrypted,
    headers: HeaderMap,
    Body(again): Body<PasswordAgain>,
) -> Result<Response, ApiError> {
    // A program with a token has no browser.
    let session = asker.session().ok_or(ControlError::NarrowToken)?.to_owned();
    door.people.confirm(&asker.person, &again.password, from).await?;
    let errand = Errand::Connect { person: asker.person.id.clone(), session };
    let begun = door.oidc.begin(errand, host(&headers), from).await?;
    let (secret, seconds) = begun.cookie;
    let mut response = Json(Onward { location: begun.location }).into_response();
    set(&mut response, &cookie(&secret, seconds, encrypted));
    Ok(response)
}

/// Takes the connection away; the password opens the account as before.
#[utoipa::path(delete, path = "/account/identity", tag = "account",
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn identity_disconnect(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
) -> Result<(StatusCode, Extension<Detail>), ApiError> {
    door.oidc.disconnect(&asker).await?;
    Ok((StatusCode::NO_CONTENT, Extension(Detail(asker.person.name))))
}

/// A row of the audit log: GETs have none by themselves.
fn row(finished: &Finished, from: String) -> Noted {
    let (person, detail, result) = match &finished.outcome {
        Ok(Outcome::SignedIn { person, new, was }) => {
            let role = person.role.name();
            let detail = match (new, was) {
                (true, _) => format!("{}, for the first time, {role}", finished.who),
                (false, Some(was)) => {
                    format!("{}, {role} by their groups, was {}", finished.who, was.name())
                }
                (false, None) => finished.who.clone(),
            };
            (Some(person), detail, "ok")
        }
        Ok(Outcome::Connected { .. }) => (None, format!("connected with {}", finished.who), "ok"),
        Err(error) => (finished.person.as_ref(), finished.who.clone(), error.code()),
    };
    let id = match &finished.outcome {
        Ok(Outcome::Connected { person }) => person.clone(),
        _ => person.map(|person| person.id.clone()).unwrap_or_default(),
    };
    Noted {
        person: id,
        name: person.map(|person| person.name.clone()).unwrap_or_default(),
        token: String::new(),
        from,
        action: "oidc_callback".to_owned(),
        subject: String::new(),
        detail,
        result: result.to_owned(),
        skipped: 0,
    }
}

/// To a page of the panel that says what became of it.
fn back(page: &str, code: &str) -> Response {
    Redirect::to(&format!("{page}?oidc={code}")).into_response()
}

fn host(headers: &HeaderMap) -> &str {
    headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
}

/// A page of the panel on this box, or its first page: whoever made a link must not lead people elsewhere after a
/// sign-in that they trust.
fn local_page(wanted: &str) -> &str {
    let good = |byte: u8| byte.is_ascii_graphic() && !b"\\\"<>".contains(&byte);
    let inside = wanted.starts_with(HOME) && wanted.len() <= LONGEST_PAGE;
    let plain = wanted.bytes().all(good) && !wanted.contains("//") && !wanted.contains("..");
    if inside && plain { wanted } else { HOME }
}

fn cookie_name(Encrypted(encrypted): Encrypted) -> &'static str {
    if encrypted { COOKIE } else { PLAIN_COOKIE }
}

fn cookie(secret: &str, seconds: u64, encrypted: Encrypted) -> String {
    let name = cookie_name(encrypted);
    let secure = if encrypted.0 { "; Secure" } else { "" };
    format!("{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

fn set(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// Addresses with codes and states are for nobody's cache, and for no other server's log.
fn not_kept(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_sign_in_one_is_in_the_panel_wherever_a_link_wanted_to_lead() {
        for page in ["/panel/", "/panel/recordings", "/panel/recordings/rec_1?t=5#notes"] {
            assert_eq!(local_page(page), page);
        }
        for page in [
            "",
            "/panel",
            "/",
            "//evil.example/panel/",
            "https://evil.example/panel/",
            "/panel//evil.example",
            "/panel/../api/v1/session",
            "/panel/\\evil.example",
            "/panel/ x",
            "/panel/\r\nset-cookie: a=b",
            "/panel/é",
            "/panelx/",
        ] {
            assert_eq!(local_page(page), HOME, "{page:?}");
        }
        assert_eq!(local_page(&format!("/panel/{}", "a".repeat(600))), HOME);
    }
}
