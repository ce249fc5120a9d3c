//! Certificates: what the box shows, what it is to show, and requests for others.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use super::noted::Detail;
use crate::error::{ApiError, ErrorBody};
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use roombox_control::certificates::{
    AcmePut, AcmeView, CertificatePreview, CertificateSource, CertificateUpload, CertificatesView,
    NewCertificateRequest,
};
use roombox_control::clock::UnixMs;

/// Which certificate the box shows, how long it is good, and what waits. No key is ever shown.
#[utoipa::path(get, path = "/certificates", tag = "certificates",
    responses((status = 200, body = CertificatesView)))]
pub(super) async fn certificates_get(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Json<CertificatesView> {
    Json(door.certificates.view(UnixMs::now()))
}

/// Checks a certificate and its key, and tells what would be served. Nothing is kept.
#[utoipa::path(post, path = "/certificates/previews", tag = "certificates",
    request_body = CertificateUpload,
    responses((status = 200, body = CertificatePreview), (status = 422, body = ErrorBody)))]
pub(super) async fn certificate_preview(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(upload): Body<CertificateUpload>,
) -> Result<Json<CertificatePreview>, ApiError> {
    Ok(Json(door.certificates.preview(&upload, UnixMs::now())?))
}

/// Serves this certificate from the next connection on; connections that stand go on.
#[utoipa::path(put, path = "/certificates/served", tag = "certificates",
    request_body = CertificateUpload,
    responses((status = 200, body = CertificatesView), (status = 422, body = ErrorBody)))]
pub(super) async fn certificate_install(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(upload): Body<CertificateUpload>,
) -> Result<(Extension<Detail>, Json<CertificatesView>), ApiError> {
    let served = door.certificates.install(&upload, CertificateSource::Uploaded, UnixMs::now());
    let served = served.await?;
    let names = served.served.as_ref().map(|one| one.facts.names.join(", ")).unwrap_or_default();
    Ok((Extension(Detail(names)), Json(served)))
}

/// Serves the box's own certificate alone again, and forgets the other with its key.
#[utoipa::path(delete, path = "/certificates/served", tag = "certificates",
    responses((status = 200, body = CertificatesView), (status = 409, body = ErrorBody)))]
pub(super) async fn certificate_revert(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<CertificatesView>, ApiError> {
    Ok(Json(door.certificates.revert(UnixMs::now()).await?))
}

/// Makes a key, which stays on the box, and a request for an authority to sign. What is served stays.
#[utoipa::path(post, path = "/certificates/request", tag = "certificates",
    request_body = NewCertificateRequest,
    responses((status = 200, body = CertificatesView), (status = 422, body = ErrorBody)))]
pub(super) async fn certificate_request(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(new): Body<NewCertificateRequest>,
) -> Result<(Extension<Detail>, Json<CertificatesView>), ApiError> {
    let view = door.certificates.request(&new, UnixMs::now()).await?;
    let names = view.request.as_ref().map(|one| one.names.join(", ")).unwrap_or_default();
    Ok((Extension(Detail(names)), Json(view)))
}

/// Forgets the request and its key.
#[utoipa::path(delete, path = "/certificates/request", tag = "certificates",
    responses((status = 204), (status = 409, body = ErrorBody)))]
pub(super) async fn certificate_request_discard(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<StatusCode, ApiError> {
    door.certificates.discard_request().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Certificates that a server issues by itself (ACME): how they are ordered, and how the last order went.
#[utoipa::path(get, path = "/certificates/acme", tag = "certificates",
    responses((status = 200, body = AcmeView)))]
pub(super) async fn acme_get(State(door): State<PanelDoor>, _: Visitor) -> Json<AcmeView> {
    Json(door.acme.view())
}

/// Takes these settings and orders at once. What is served stays until the certificate is there.
#[utoipa::path(put, path = "/certificates/acme", tag = "certificates", request_body = AcmePut,
    responses((status = 200, body = AcmeView), (status = 422, body = ErrorBody)))]
pub(super) async fn acme_put(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(put): Body<AcmePut>,
) -> Result<(Extension<Detail>, Json<AcmeView>), ApiError> {
    let view = door.acme.put(put).await?;
    let names = view.settings.names.join(", ");
    Ok((Extension(Detail(names)), Json(view)))
}

/// Orders now, whatever pause was left.
#[utoipa::path(post, path = "/certificates/acme/orders", tag = "certificates",
    responses((status = 202, body = AcmeView), (status = 409, body = ErrorBody)))]
pub(super) async fn acme_order(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<(StatusCode, Json<AcmeView>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(door.acme.order_now().await?)))
}
