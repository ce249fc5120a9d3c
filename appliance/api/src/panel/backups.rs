//! Backups: made, taken along, tried, restored and taken back; on a box without an owner by whoever knows
//! its claim code.

use super::PanelDoor;
use super::access::Visitor;
use super::body::{Body, announced, piece};
use super::files::served;
use crate::error::{ApiError, ErrorBody};
use crate::server::{Patience, Peer};
use axum::Json;
use axum::body::Body as Stream;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use roombox_control::ControlError;
use roombox_control::backup::{BackupError, BackupSource, BackupsView, DrillReport, RestoreAs};
use serde::Deserialize;
use utoipa::ToSchema;

/// In which whoever uploads to a box without an owner sends its claim code.
const CODE: &str = "roombox-claim-code";

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBackup {
    /// That of whoever asks, once more.
    password: String,
    /// At least 12 characters. It is kept nowhere: without it nobody opens the backup.
    passphrase: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DrillRequest {
    source: BackupSource,
    passphrase: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RestoreRequest {
    source: BackupSource,
    passphrase: String,
    restore_as: RestoreAs,
    /// That of whoever asks, once more.
    password: String,
    /// The box's, typed.
    name: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UndoRequest {
    /// That of whoever asks, once more.
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimRestoreRequest {
    /// On the box's screen.
    code: String,
    passphrase: String,
    restore_as: RestoreAs,
}

fn refused(error: BackupError) -> ApiError {
    ControlError::from(error).into()
}

/// What a backup has and has not, and what there is.
#[utoipa::path(get, path = "/backups", tag = "backups",
    responses((status = 200, body = BackupsView)))]
pub(super) async fn backups_get(State(door): State<PanelDoor>, _: Visitor) -> Json<BackupsView> {
    Json(door.backups.view())
}

/// Begins to make a backup, encrypted with a passphrase (age). How it goes on is in the list.
#[utoipa::path(post, path = "/backups", tag = "backups", request_body = NewBackup, responses(
    (status = 202, body = BackupsView), (status = 401, body = ErrorBody),
    (status = 409, body = ErrorBody), (status = 422, body = ErrorBody),
    (status = 429, body = ErrorBody)))]
pub(super) async fn backup_make(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
    Peer(from): Peer,
    Body(NewBackup { password, passphrase }): Body<NewBackup>,
) -> Result<(StatusCode, Json<BackupsView>), ApiError> {
    door.people.confirm(&asker.person, &password, from).await?;
    door.backups.make(passphrase).map_err(refused)?;
    Ok((StatusCode::ACCEPTED, Json(door.backups.view())))
}

/// Cancels what is being done with a backup: one that is made, uploaded, tried or about to be restored. Nothing of
/// it stays; what is done goes on to be in the list until it has ended. A planned one: `DELETE /backups/plan/runs`.
#[utoipa::path(delete, path = "/backups/work", tag = "backups", responses(
    (status = 202, body = BackupsView),
    (status = 409, description = "nothing is being done that could be cancelled", body = ErrorBody)))]
pub(super) async fn backup_cancel(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<(StatusCode, Json<BackupsView>), ApiError> {
    door.backups.cancel().map_err(refused)?;
    Ok((StatusCode::ACCEPTED, Json(door.backups.view())))
}

/// The backup that was made last.
#[utoipa::path(get, path = "/backups/made", tag = "backups", responses(
    (status = 200, description = "the file", content_type = "application/octet-stream"),
    (status = 206, description = "the range"), (status = 404, body = ErrorBody),
    (status = 416, body = ErrorBody)))]
pub(super) async fn backup_file_get(
    State(door): State<PanelDoor>,
    _: Visitor,
    request: Request,
) -> Result<Response, ApiError> {
    let (path, name) = door.backups.made_file().map_err(refused)?;
    served(path, None, Some(name), request).await
}

/// Deletes the backup that was made last.
#[utoipa::path(delete, path = "/backups/made", tag = "backups", responses(
    (status = 200, body = BackupsView), (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody)))]
pub(super) async fn backup_file_delete(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<BackupsView>, ApiError> {
    door.backups.discard(BackupSource::Made).map_err(refused)?;
    Ok(Json(door.backups.view()))
}

/// Deletes the backup that was uploaded last.
#[utoipa::path(delete, path = "/backups/uploaded", tag = "backups", responses(
    (status = 200, body = BackupsView), (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody)))]
pub(super) async fn backup_upload_delete(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<BackupsView>, ApiError> {
    door.backups.discard(BackupSource::Uploaded).map_err(refused)?;
    Ok(Json(door.backups.view()))
}

/// Uploads a backup, to be tried or restored. It may take as long as its bytes go on coming.
#[utoipa::path(put, path = "/backups/uploaded", tag = "backups",
    request_body(content_type = "application/octet-stream", description = "the backup"),
    responses((status = 200, body = BackupsView), (status = 409, body = ErrorBody),
        (status = 411, description = "without Content-Length", body = ErrorBody),
        (status = 507, description = "it has no room", body = ErrorBody)))]
pub(super) async fn backup_upload(
    State(door): State<PanelDoor>,
    _: Visitor,
    patience: Patience,
    headers: HeaderMap,
    body: Stream,
) -> Result<Json<BackupsView>, ApiError> {
    receive(&door, &patience, &headers, body).await.map_err(refused)?;
    Ok(Json(door.backups.view()))
}

async fn receive(
    door: &PanelDoor,
    patience: &Patience,
    headers: &HeaderMap,
    mut body: Stream,
) -> Result<(), BackupError> {
    let length = announced(headers).ok_or(BackupError::NoLength)?;
    let mut upload = door.backups.upload(length).await?;
    patience.for_a_long_body();
    loop {
        // Whoever sends may have fallen silent.
        let next = tokio::select! {
            next = piece(&mut body) => next,
            cancelled = upload.cancelled() => return Err(cancelled),
        };
        let Some(bytes) = next else { break };
        let bytes = bytes.map_err(|error| {
            tracing::info!(%error, "an upload broke off");
            BackupError::BrokenOff
        })?;
        upload.write(&bytes).await?;
    }
    upload.finish().await
}

/// Tries a backup: opens it, checks everything in it and says what it would bring. Changes nothing.
#[utoipa::path(post, path = "/backups/drill", tag = "backups", request_body = DrillRequest,
    responses((status = 200, body = DrillReport), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn backup_drill(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(DrillRequest { source, passphrase }): Body<DrillRequest>,
) -> Result<Json<DrillReport>, ApiError> {
    Ok(Json(door.backups.drill(source, passphrase).await.map_err(refused)?))
}

/// Restores a backup and restarts. What was before is kept for two weeks.
#[utoipa::path(post, path = "/backups/restore", tag = "backups", request_body = RestoreRequest,
    responses((status = 202, body = BackupsView), (status = 401, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody), (status = 429, body = ErrorBody)))]
pub(super) async fn backup_restore(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
    Peer(from): Peer,
    Body(request): Body<RestoreRequest>,
) -> Result<(StatusCode, Json<BackupsView>), ApiError> {
    let RestoreRequest { source, passphrase, restore_as, password, name } = request;
    door.people.confirm(&asker.person, &password, from).await?;
    door.backups.restore(source, passphrase, restore_as, &name).await?;
    Ok((StatusCode::ACCEPTED, Json(door.backups.view())))
}

/// Takes the last restore back and restarts.
#[utoipa::path(post, path = "/backups/restored/undo", tag = "backups", request_body = UndoRequest,
    responses((status = 202, body = BackupsView), (status = 401, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 429, body = ErrorBody)))]
pub(super) async fn restore_undo(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
    Peer(from): Peer,
    Body(UndoRequest { password }): Body<UndoRequest>,
) -> Result<(StatusCode, Json<BackupsView>), ApiError> {
    door.people.confirm(&asker.person, &password, from).await?;
    door.backups.undo().map_err(refused)?;
    Ok((StatusCode::ACCEPTED, Json(door.backups.view())))
}

/// Forgets what was before the last restore: it cannot be taken back then.
#[utoipa::path(delete, path = "/backups/restored", tag = "backups",
    responses((status = 200, body = BackupsView), (status = 409, body = ErrorBody)))]
pub(super) async fn restore_forget(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<BackupsView>, ApiError> {
    door.backups.forget_before().map_err(refused)?;
    Ok(Json(door.backups.view()))
}

/// Uploads a backup to a box without an owner; the header `Roombox-Claim-Code` has its code.
#[utoipa::path(put, path = "/claim/backup", tag = "claim",
    request_body(content_type = "application/octet-stream", description = "the backup"),
    responses((status = 204), (status = 403, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 411, description = "without Content-Length", body = ErrorBody),
        (status = 423, body = ErrorBody),
        (status = 507, description = "it has no room", body = ErrorBody)))]
pub(super) async fn claim_backup_upload(
    State(door): State<PanelDoor>,
    patience: Patience,
    headers: HeaderMap,
    body: Stream,
) -> Result<StatusCode, ApiError> {
    let code = headers.get(CODE).and_then(|code| code.to_str().ok()).unwrap_or_default();
    door.people.prove_code(code)?;
    receive(&door, &patience, &headers, body).await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Restores the uploaded backup on a box without an owner, and restarts.
#[utoipa::path(post, path = "/claim/restore", tag = "claim", request_body = ClaimRestoreRequest,
    responses((status = 202), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody),
        (status = 423, body = ErrorBody)))]
pub(super) async fn claim_restore(
    State(door): State<PanelDoor>,
    Body(request): Body<ClaimRestoreRequest>,
) -> Result<StatusCode, ApiError> {
    let ClaimRestoreRequest { code, passphrase, restore_as } = request;
    door.people.prove_code(&code)?;
    // There is nobody yet whose box it could be mistaken for.
    let name = door.identity.name();
    door.backups.restore(BackupSource::Uploaded, passphrase, restore_as, &name).await?;
    Ok(StatusCode::ACCEPTED)
}
