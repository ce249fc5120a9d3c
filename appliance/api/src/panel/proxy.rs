//! The proxy for what the box sends out: tried before it counts. Its settings are with the others.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::State;
use roombox_control::proxy::{ProxyTrial, ProxyTry};

/// Asks for an address by a proxy, whose settings need not count yet, and says what came of it. A password that is
/// `(hidden)` is the one that is kept, for the same proxy and user.
#[utoipa::path(post, path = "/network/proxy/tests", tag = "network", request_body = ProxyTry,
    responses((status = 200, body = ProxyTrial), (status = 422, body = ErrorBody)))]
pub(super) async fn proxy_try(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(request): Body<ProxyTry>,
) -> Result<Json<ProxyTrial>, ApiError> {
    Ok(Json(door.proxy.try_out(request).await?))
}
