//! What somebody with a share link gets, without signing in: a page, the film, and nothing else.
//!
//! Everything lies below the link itself, so that the cookie of a visit goes nowhere else. Whatever the
//! reason for which a link leads nowhere, the answer is the same.

use super::access::cookie;
use super::body::Body;
use super::{PanelDoor, files, pages};
use crate::error::{ApiError, ErrorBody};
use crate::server::{Encrypted, Peer};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body::{Frame, SizeHint};
use roombox_control::ControlError;
use roombox_control::shares::{Caller, Leave, NewVisit, SharedFile, SharedFilm};
use serde::Deserialize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use utoipa::{IntoParams, ToSchema};

const COOKIE: &str = "roombox_visit";
const NO_ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// The password of a link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UnlockRequest {
    password: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TakeQuery {
    /// `1`: to be saved under a readable name instead of shown, if the link allows it.
    download: Option<String>,
}

/// Links are for those who got them: no page learns them from a browser, no cache keeps what they lead
/// to, no search engine lists it.
pub(super) async fn for_nobody_else(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let shared = path.starts_with("/s/") || path.starts_with("/f/");
    let mut response = next.run(request).await;
    if shared {
        let headers = response.headers_mut();
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(NO_ROBOTS, HeaderValue::from_static("noindex, nofollow"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let private = HeaderValue::from_static("private, no-store");
        headers.insert(header::CACHE_CONTROL, private);
    }
    response
}

fn caller<'a>(token: &'a str, headers: &'a HeaderMap, Peer(from): Peer) -> Caller<'a> {
    Caller { token, visit: cookie(headers, COOKIE), from }
}

/// Sets the cookie of a visit, for this link alone. Where sites may frame the film it must be sent from within their
/// pages, too, and to each site another one is (CHIPS); that needs TLS.
fn with_visit(
    mut response: Response,
    token: &str,
    visit: NewVisit,
    Encrypted(encrypted): Encrypted,
    framed: bool,
) -> Response {
    let Some((secret, seconds)) = visit else { return response };
    let sent = match (encrypted, framed) {
        (true, true) => "SameSite=None; Secure; Partitioned",
        (true, false) => "SameSite=Strict; Secure",
        (false, _) => "SameSite=Strict",
    };
    let text = format!("{COOKIE}={secret}; Path=/s/{token}; Max-Age={seconds}; HttpOnly; {sent}");
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

/// The page of a share link. It asks for everything else itself, and says what is wrong with a link.
#[utoipa::path(get, path = "/s/{token}", tag = "shared", params(("token" = String, Path)),
    responses((status = 200, description = "the page", body = String, content_type = "text/html"),
        (status = 410, description = "the page, which says that the link leads nowhere any more",
            body = String, content_type = "text/html")))]
pub(super) async fn shared_page(
    State(door): State<PanelDoor>,
    Path(token): Path<String>,
    mut headers: HeaderMap,
) -> Response {
    let known = door.shares.knock(&token).await;
    // Nobody has it, so nobody asks whether it has changed.
    headers.remove(header::IF_NONE_MATCH);
    let mut response =
        pages::page("share.html", headers, &door.settings.get().security.framed_by).await;
    response.headers_mut().remove(header::ETAG);
    match known {
        Ok(()) => response,
        Err(ControlError::ShareGone) => {
            *response.status_mut() = StatusCode::GONE;
            response
        }
        Err(error) => ApiError::from(error).into_response(),
    }
}

/// What there is to see by a share link.
#[utoipa::path(get, path = "/s/{token}/about", tag = "shared", params(("token" = String, Path)),
    responses((status = 200, body = SharedFilm), (status = 401, body = ErrorBody),
        (status = 410, body = ErrorBody)))]
pub(super) async fn shared_get(
    State(door): State<PanelDoor>,
    Path(token): Path<String>,
    peer: Peer,
    encrypted: Encrypted,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (film, visit) = door.shares.look(caller(&token, &headers, peer)).await?;
    let framed = !door.settings.get().security.framed_by.is_empty();
    Ok(with_visit(Json(film).into_response(), &token, visit, encrypted, framed))
}

/// Gives the password of a share link.
#[utoipa::path(post, path = "/s/{token}/session", tag = "shared", params(("token" = String, Path)),
    request_body = UnlockRequest,
    responses((status = 204), (status = 401, body = ErrorBody), (status = 410, body = ErrorBody),
        (status = 429, body = ErrorBody)))]
pub(super) async fn shared_unlock(
    State(door): State<PanelDoor>,
    Path(token): Path<String>,
    peer: Peer,
    encrypted: Encrypted,
    headers: HeaderMap,
    Body(request): Body<UnlockRequest>,
) -> Result<Response, ApiError> {
    let caller = caller(&token, &headers, peer);
    let visit = door.shares.unlock(caller, &request.password).await?;
    let framed = !door.settings.get().security.framed_by.is_empty();
    Ok(with_visit(StatusCode::NO_CONTENT.into_response(), &token, visit, encrypted, framed))
}

/// The film that a share link leads to, whole or a range of it.
#[utoipa::path(get, path = "/s/{token}/film.mp4", tag = "shared",
    params(("token" = String, Path), TakeQuery),
    responses((status = 200, description = "the film", content_type = "video/mp4"),
        (status = 206, description = "the range"), (status = 304, description = "not changed"),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 410, body = ErrorBody),
        (status = 412, body = ErrorBody), (status = 416, body = ErrorBody)))]
pub(super) async fn shared_film(
    State(door): State<PanelDoor>,
    Path(token): Path<String>,
    Query(query): Query<TakeQuery>,
    peer: Peer,
    request: Request,
) -> Result<Response, ApiError> {
    send(door, &token, peer, SharedFile::Film, query.download.is_some(), request).await
}

/// The picture of the film that a share link leads to.
#[utoipa::path(get, path = "/s/{token}/poster.jpg", tag = "shared",
    params(("token" = String, Path)),
    responses((status = 200, description = "the picture", content_type = "image/jpeg"),
        (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 410, body = ErrorBody)))]
pub(super) async fn shared_poster(
    State(door): State<PanelDoor>,
    Path(token): Path<String>,
    peer: Peer,
    request: Request,
) -> Result<Response, ApiError> {
    send(door, &token, peer, SharedFile::Poster, false, request).await
}

async fn send(
    door: PanelDoor,
    token: &str,
    peer: Peer,
    file: SharedFile,
    download: bool,
    request: Request,
) -> Result<Response, ApiError> {
    let caller = caller(token, request.headers(), peer);
    let lent = door.shares.file(caller, file, download).await?;
    let save_as = download.then_some(lent.readable);
    let etag = Some(format!("\"{}\"", lent.sha256));
    let response = files::served(lent.path, etag, save_as, request).await?;
    Ok(response.map(|body| axum::body::Body::new(Lent { body, leave: lent.leave })))
}

/// A link was revoked or has expired while what it leads to was being sent.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the share link has ended: ask whoever sent it for a new one")]
    Ended,
    #[error("what the share link leads to could not be read")]
    Read(#[source] axum::Error),
}

/// What is sent for as long as the link lasts, and breaks off then.
struct Lent {
    body: axum::body::Body,
    leave: Arc<Leave>,
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        // After reading, which takes time too.
        if frame.is_some() && self.leave.has_ended() {
            return Poll::Ready(Some(Err(Broken::Ended)));
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Broken::Read)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body::Body as _;
    use http_body_util::BodyExt as _;
    use roombox_control::clock::UnixMs;

    #[test]
    fn the_cookie_of_a_visit_goes_to_its_link_alone_and_never_in_the_clear_where_there_is_tls() {
        let within = |visit, encrypted, framed| {
            let response =
                with_visit(StatusCode::OK.into_response(), "T", visit, encrypted, framed);
            response.headers().get(header::SET_COOKIE).map(|set| set.to_str().unwrap().to_owned())
        };
        let answer = |visit, encrypted| within(visit, encrypted, false);
        let visit = || Some(("S3".to_owned(), 60));
        let plain = "roombox_visit=S3; Path=/s/T; Max-Age=60; HttpOnly; SameSite=Strict";
        assert_eq!(answer(visit(), Encrypted(false)).as_deref(), Some(plain));
        assert_eq!(answer(visit(), Encrypted(true)), Some(format!("{plain}; Secure")));
        assert_eq!(answer(None, Encrypted(true)), None);
        // Within a page of a site that may frame it, browsers send only one that says so.
        assert_eq!(within(visit(), Encrypted(false), true).as_deref(), Some(plain));
        let framed = plain.replace("SameSite=Strict", "SameSite=None; Secure; Partitioned");
        assert_eq!(within(visit(), Encrypted(true), true), Some(framed));
    }

    /// A film of which there is always more.
    struct Endless;

    impl http_body::Body for Endless {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"piece")))))
        }
    }

    #[tokio::test]
    async fn a_film_on_its_way_breaks_off_when_its_link_ends() {
        let send = |leave: &Arc<Leave>| Lent {
            body: axum::body::Body::new(Endless),
            leave: leave.clone(),
        };
        let leave = Arc::new(Leave::until(UnixMs(u64::MAX)));
        let mut body = send(&leave);
        assert!(body.frame().await.unwrap().unwrap().is_data());
        assert!(body.frame().await.unwrap().unwrap().is_data());
        leave.end();
        assert!(matches!(body.frame().await, Some(Err(Broken::Ended))));
        let expired = Arc::new(Leave::until(UnixMs::now()));
        assert!(matches!(send(&expired).frame().await, Some(Err(Broken::Ended))));
        let whole = axum::body::Body::from("film");
        let whole = Lent { body: whole, leave: Arc::new(Leave::until(UnixMs(u64::MAX))) };
        assert_eq!(whole.size_hint().exact(), Some(4), "its length is told");
        assert_eq!(whole.collect().await.unwrap().to_bytes(), "film");
    }
}
