//! The support bundle: what is in it, and the bundle.

use super::PanelDoor;
use super::access::Visitor;
use super::audit::Parts;
use crate::error::ApiError;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use roombox_control::support::SupportView;
use tokio::sync::mpsc;

/// Parts of a bundle that may wait for whoever fetches it.
const AHEAD: usize = 2;

/// What a support bundle has in it.
#[utoipa::path(get, path = "/support", tag = "support",
    responses((status = 200, body = SupportView)))]
pub(super) async fn support_get(State(door): State<PanelDoor>, _: Visitor) -> Json<SupportView> {
    Json(door.support.view())
}

/// A support bundle of now, without secrets: a tar archive, compressed with gzip.
#[utoipa::path(get, path = "/support/bundle", tag = "support",
    responses((status = 200, description = "the bundle", content_type = "application/gzip")))]
pub(super) async fn support_bundle_get(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Response, ApiError> {
    let name = format!("attachment; filename=\"{}.tar.gz\"", door.support.name());
    let (pieces, receiver) = mpsc::channel(AHEAD);
    tokio::spawn(async move { door.support.write(pieces).await });
    let name = HeaderValue::from_str(&name)
        .unwrap_or(HeaderValue::from_static("attachment; filename=\"roombox-support.tar.gz\""));
    let kind = HeaderValue::from_static("application/gzip");
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::new(Parts(receiver))).into_response())
}
