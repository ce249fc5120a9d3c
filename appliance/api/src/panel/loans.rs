//! What other boxes of the fleet ask of this one about jobs that it lends them.

use super::PanelDoor;
use super::body::{Body, MaybeBody, piece};
use super::files::served;
use crate::error::{ApiError, ErrorBody};
use crate::server::{Patience, Peer};
use axum::Json;
use axum::body::Body as Stream;
use axum::extract::{FromRequestParts, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::Response;
use roombox_control::ControlError;
use roombox_control::fleet::FleetError;
use roombox_control::loans::{LoanClaim, LoanEnd, LoanPart, LoanReport, LoanTerms};
use serde::Deserialize;
use utoipa::IntoParams;

/// The token of a loan, which opens nothing else.
pub(super) struct LoanToken(String);

impl FromRequestParts<PanelDoor> for LoanToken {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &PanelDoor) -> Result<Self, ApiError> {
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = value.and_then(|value| value.strip_prefix("Bearer "));
        Ok(Self(token.ok_or(ControlError::Unauthenticated)?.to_owned()))
    }
}

/// A box claims a job, by an order of the hub and its own key.
#[utoipa::path(post, path = "/fleet/loans", tag = "fleet", request_body = LoanClaim,
    responses((status = 201, body = LoanTerms), (status = 403, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 410, body = ErrorBody),
        (status = 429, body = ErrorBody)))]
pub(super) async fn loan_claim(
    State(door): State<PanelDoor>,
    Peer(from): Peer,
    claim: Result<Body<LoanClaim>, ApiError>,
) -> Result<(StatusCode, Json<LoanTerms>), ApiError> {
    let knocks = door.fleet.knocks();
    knocks.ask(from).map_err(ControlError::from)?;
    let Body(claim) = claim.inspect_err(|_| knocks.wrong(from))?;
    let claimed = door.loans.claim(claim).await;
    let stranger = |error: &ControlError| {
        matches!(error, ControlError::Fleet(FleetError::Signature | FleetError::LoanOrder))
    };
    match claimed.as_ref().is_err_and(stranger) {
        true => knocks.wrong(from),
        false => knocks.right(from),
    }
    Ok((StatusCode::CREATED, Json(claimed?)))
}

/// A file of the recording that the job is made of, whole or by range.
#[utoipa::path(get, path = "/fleet/loan/files/{*name}", tag = "fleet",
    params(("name" = String, Path)),
    responses((status = 200, description = "the file", content_type = "application/octet-stream"),
        (status = 206, description = "the range"), (status = 404, body = ErrorBody),
        (status = 410, body = ErrorBody), (status = 416, body = ErrorBody)))]
pub(super) async fn loan_file_get(
    State(door): State<PanelDoor>,
    LoanToken(token): LoanToken,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let (path, state) = door.loans.file(&token, &name).await?;
    served(path, Some(format!("\"{state}\"")), None, request).await
}

/// The borrower is alive, and so far.
#[utoipa::path(put, path = "/fleet/loan", tag = "fleet", request_body = LoanReport,
    responses((status = 204), (status = 410, body = ErrorBody)))]
pub(super) async fn loan_put(
    State(door): State<PanelDoor>,
    LoanToken(token): LoanToken,
    MaybeBody(report): MaybeBody<LoanReport>,
) -> Result<StatusCode, ApiError> {
    door.loans.heard(&token, report.unwrap_or_default()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The borrower gives the job back: it cannot do it, or will not.
#[utoipa::path(delete, path = "/fleet/loan", tag = "fleet", request_body = LoanReport,
    responses((status = 204), (status = 410, body = ErrorBody)))]
pub(super) async fn loan_delete(
    State(door): State<PanelDoor>,
    LoanToken(token): LoanToken,
    MaybeBody(report): MaybeBody<LoanReport>,
) -> Result<StatusCode, ApiError> {
    door.loans.give_up(&token, report.unwrap_or_default()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How much of a made file is here.
#[utoipa::path(get, path = "/fleet/loan/made/{*name}", tag = "fleet",
    params(("name" = String, Path)),
    responses((status = 200, body = LoanPart), (status = 410, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn loan_made_get(
    State(door): State<PanelDoor>,
    LoanToken(token): LoanToken,
    Path(name): Path<String>,
) -> Result<Json<LoanPart>, ApiError> {
    Ok(Json(door.loans.received(&token, &name).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PieceQuery {
    /// The first byte that comes; what was here after it is forgotten.
    #[serde(default)]
    from: u64,
}

/// More of a made file. It may take as long as its bytes go on coming, and what came stays.
#[utoipa::path(put, path = "/fleet/loan/made/{*name}", tag = "fleet",
    params(("name" = String, Path), PieceQuery),
    request_body(content_type = "application/octet-stream", description = "bytes of the file"),
    responses((status = 200, body = LoanPart), (status = 409, body = ErrorBody),
        (status = 410, body = ErrorBody), (status = 413, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn loan_made_put(
    State(door): State<PanelDoor>,
    LoanToken(token): LoanToken,
    Path(name): Path<String>,
    Query(PieceQuery { from }): Query<PieceQuery>,
    patience: Patience,
    mut body: Stream,
) -> Result<Json<LoanPart>, ApiError> {
    let mut file = door.loans.receive(&token, &name, from).await?;
    patience.for_a_long_body();
    while let Some(bytes) = piece(&mut body).await {
        let Ok(bytes) = bytes else {
            tracing::info!("a piece of a film from another box broke off");
            return Err(ControlError::from(FleetError::LoanBusy).into());
        };
        file.write(&bytes).await?;
    }
    Ok(Json(LoanPart { bytes: file.finish().await? }))
}

/// All files are here: they are the job's, if they are what the receipt says.
#[utoipa::path(post, path = "/fleet/loan/receipt", tag = "fleet", request_body = LoanEnd,
    responses((status = 204), (status = 410, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn loan_receipt(
    State(door): State<PanelDoor>,
    LoanToken(token): LoanToken,
    Body(end): Body<LoanEnd>,
) -> Result<StatusCode, ApiError> {
    door.loans.finish(&token, end).await?;
    Ok(StatusCode::NO_CONTENT)
}
