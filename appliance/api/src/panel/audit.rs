//! The audit log: who may read it reads it here, and every request that changes something leaves its row.

use super::PanelDoor;
use super::access::Visitor;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use http_body::Frame;
use roombox_control::ControlError;
use roombox_control::audit::{AuditEntry, AuditQuery, AuditState};
use roombox_control::clock::UnixMs;
use serde::{Deserialize, Serialize};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};

/// Parts of an export that wait for whoever fetches it; then the box waits.
const AHEAD: usize = 2;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditFilters {
    /// Id of the person who did it.
    person: Option<String>,
    /// Name of the operation, as this document has it.
    action: Option<String>,
    /// `true`: only what was refused; `false`: only what was not.
    refused: Option<bool>,
    /// RFC 3339.
    from: Option<String>,
    /// RFC 3339; up to, and without it.
    to: Option<String>,
    /// `next` of the page before.
    after: Option<u64>,
    /// 1 to 200; 50 if it is absent.
    limit: Option<u32>,
}

/// What was done, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditPage {
    items: Vec<AuditEntry>,
    #[schema(required)]
    next: Option<u64>,
    state: AuditState,
}

fn moment(field: &'static str, text: Option<String>) -> Result<Option<UnixMs>, ApiError> {
    let why = "is a moment in RFC 3339, like 2026-11-28T14:00:00Z";
    let read = |text: String| {
        UnixMs::parse(&text)
            .ok_or_else(|| ApiError::from(ControlError::InvalidSearch { field, why }))
    };
    text.map(read).transpose()
}

/// Who did what on this box, and who was refused.
#[utoipa::path(get, path = "/audit", tag = "audit", params(AuditFilters),
    responses((status = 200, body = AuditPage), (status = 422, body = ErrorBody)))]
pub(super) async fn audit_list(
    State(door): State<PanelDoor>,
    _: Visitor,
    Query(asked): Query<AuditFilters>,
) -> Result<Json<AuditPage>, ApiError> {
    let asked = AuditQuery {
        person: asked.person,
        action: asked.action,
        refused: asked.refused,
        from: moment("from", asked.from)?,
        to: moment("to", asked.to)?,
        before: asked.after,
        limit: asked.limit.unwrap_or(50),
    };
    let (items, next) = door.audit.list(asked).await?;
    Ok(Json(AuditPage { items, next, state: door.audit.state().await? }))
}

/// The whole log with its chain, as JSON Lines: first `{"anchor":{"seq","hash"}}`, then `{"row":{"entry","hash"}}`
/// each. A row's hash is the SHA-256 of the hash before and the entry's text; `roomboxd --check-audit`
/// checks it.
#[utoipa::path(get, path = "/audit/export", tag = "audit",
    responses((status = 200, description = "the log", content_type = "application/jsonl")))]
pub(super) async fn audit_export(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Response, ApiError> {
    let (first, mut last) = door.audit.export(None).await?;
    let (parts, receiver) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        let mut part = Ok(first);
        loop {
            let (more, failed) = match part {
                Ok(text) if text.is_empty() => return,
                Ok(text) => (Ok(Bytes::from(text)), false),
                Err(error) => (Err(error), true),
            };
            // Whoever fetched it has gone, or learns that it is not whole.
            if parts.send(more).await.is_err() || failed {
                return;
            }
            part = door.audit.export(Some(last)).await.map(|(text, next)| {
                last = next;
                text
            });
        }
    });
    let name = HeaderValue::from_static("attachment; filename=\"roombox-audit.jsonl\"");
    let kind = HeaderValue::from_static("application/jsonl");
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::new(Parts(receiver))).into_response())
}

/// Parts of a body that come one by one; an error breaks it off.
pub(super) struct Parts<T>(pub mpsc::Receiver<Result<T, ControlError>>);

impl<T: Into<Bytes>> http_body::Body for Parts<T> {
    type Data = Bytes;
    type Error = ControlError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ControlError>>> {
        self.0
            .poll_recv(context)
            .map(|part| part.map(|part| part.map(|data| Frame::data(data.into()))))
    }
}
