//! Films and track files, whole or by range.

use super::PanelDoor;
use super::access::Visitor;
use super::ranges::{self, Outcome};
use crate::error::{ApiError, ErrorBody};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use roombox_control::ControlError;
use serde::Deserialize;
use std::path::PathBuf;
use tower::ServiceExt as _;
use tower_http::services::ServeFile;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FileQuery {
    /// `1`: to be saved under a readable name instead of shown.
    download: Option<String>,
}

/// A file of a recording. One range (RFC 9110 §14) is served as such; of several, and of what is
/// none, the whole is made.
#[utoipa::path(get, path = "/recordings/{id}/files/{*name}", tag = "recordings",
    params(("id" = String, Path), ("name" = String, Path), FileQuery),
    responses((status = 200, description = "the file", content_type = "application/octet-stream"),
        (status = 206, description = "the range"), (status = 304, description = "not changed"),
        (status = 404, body = ErrorBody), (status = 412, body = ErrorBody),
        (status = 416, body = ErrorBody)))]
pub(super) async fn file_get(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path((id, name)): Path<(String, String)>,
    Query(query): Query<FileQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let (path, contents, readable) = door.recordings.file(&id, &name).await?;
    let save_as = query.download.is_some().then_some(readable);
    let etag = contents.map(|contents| format!("\"{contents}\""));
    let mut response = served(path, etag, save_as, request).await?;
    // What the file server does not know by its ending.
    let kind = match name.rsplit_once('.') {
        Some((_, "mkv")) => Some("video/x-matroska"),
        Some((_, "m3u8")) => Some("application/vnd.apple.mpegurl"),
        Some((_, "m4s")) => Some("video/mp4"),
        _ => None,
    };
    if let Some(kind) = kind.filter(|_| response.status().is_success()) {
        let kind = HeaderValue::from_static(kind);
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    Ok(response)
}

/// A file, or the range of it that is asked for. `save_as`: the name under which browsers keep it.
pub(super) async fn served(
    path: PathBuf,
    etag: Option<String>,
    save_as: Option<String>,
    mut request: Request,
) -> Result<Response, ApiError> {
    let method = request.method().clone();
    if request.headers().contains_key(header::RANGE)
        && let Ok(file) = tokio::fs::metadata(&path).await
    {
        ranges::widen(request.headers_mut(), file.len());
    }
    let mut response = match ranges::judge(&method, request.headers_mut(), etag.as_deref()) {
        Outcome::Unchanged => StatusCode::NOT_MODIFIED.into_response(),
        Outcome::Changed => {
            let message = "the file is not the one that you have a part of: fetch it anew";
            let status = StatusCode::PRECONDITION_FAILED;
            return Err(ApiError::new(status, "changed_meanwhile", message));
        }
        Outcome::Serve => match ServeFile::new(&path).oneshot(request).await {
            Ok(served) => served.into_response(),
            Err(never) => match never {},
        },
    };
    if response.status() == StatusCode::NOT_FOUND {
        return Err(ControlError::NotFound("file").into());
    }
    if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        return Ok(response);
    }
    let headers = response.headers_mut();
    // The file server has a weak tag of its own, made of the time of the last change.
    headers.remove(header::ETAG);
    if let Some(etag) = etag.and_then(|etag| HeaderValue::from_str(&etag).ok()) {
        headers.insert(header::ETAG, etag);
    }
    if let Some(value) = save_as.and_then(|name| HeaderValue::from_str(&disposition(&name)).ok()) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

/// `attachment` with the name in both forms (RFC 6266 §5): plain for old clients, UTF-8 for others.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || " .-_()".contains(c) { c } else { '_' })
        .collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
                encoded.push(char::from(byte));
            }
            // Path separators would make folders, or leave one.
            b'/' | b'\\' => encoded.push('_'),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readable_names_survive_and_never_leave_the_folder() {
        let header = disposition("Büro ../\"x\" · 1.mp4");
        assert_eq!(
            header,
            "attachment; filename=\"B_ro ..__x_ _ 1.mp4\"; \
             filename*=UTF-8''B%C3%BCro%20.._%22x%22%20%C2%B7%201.mp4"
        );
    }
}
