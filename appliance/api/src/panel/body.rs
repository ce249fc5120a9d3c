//! JSON objects as requests bring them, and refusals that say what is wrong with them.

use super::MAX_BODY;
use crate::error::ApiError;
use axum::body::{Body as Stream, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Frame;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The body of a request.
pub(super) struct Body<T>(pub T);

/// The body of a request that may have none.
pub(super) struct MaybeBody<T>(pub Option<T>);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let MaybeBody(body) = MaybeBody::from_request(request, state).await?;
        let message = "this request needs a body: a JSON object";
        body.map(Self).ok_or_else(|| malformed(StatusCode::BAD_REQUEST, message))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for MaybeBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let json = is_json(request.headers());
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|rejection| ApiError::unread(&rejection, MAX_BODY))?;
        if body.trim_ascii().is_empty() {
            return Ok(Self(None));
        }
        if !json {
            let message = "send the body as JSON, with Content-Type: application/json";
            return Err(malformed(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        }
        object(&body).map(|object| Self(Some(object)))
    }
}

/// How long a body will be, as its request announces it.
pub(super) fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The next bytes of a body that comes piece by piece.
pub(super) async fn piece(body: &mut Stream) -> Option<Result<Bytes, axum::Error>> {
    loop {
        // Trailers say nothing here.
        match body.frame().await?.map(Frame::into_data) {
            Ok(Ok(bytes)) => return Some(Ok(bytes)),
            Ok(Err(_)) => {}
            Err(error) => return Some(Err(error)),
        }
    }
}

fn malformed(status: StatusCode, message: impl Into<String>) -> ApiError {
    ApiError::new(status, "malformed_request", message)
}

/// `application/json`, or what is built on it (RFC 6839 §3.1), like `application/merge-patch+json`.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    kind.strip_prefix("application/").is_some_and(|kind| kind == "json" || kind.ends_with("+json"))
}

/// Reads an object. serde would take a list for one as well, its values in the fields' order.
fn object<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        malformed(StatusCode::BAD_REQUEST, format!("the body is not JSON: {error}"))
    })?;
    let kind = match &value {
        Value::Object(_) => None,
        Value::Array(_) => Some("a list"),
        Value::String(_) => Some("a text"),
        Value::Null | Value::Bool(_) | Value::Number(_) => Some("a single value"),
    };
    if let Some(kind) = kind {
        let message = format!("the body must be a JSON object with its fields by name, not {kind}");
        return Err(malformed(StatusCode::UNPROCESSABLE_ENTITY, message));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.inner().to_string();
        // What is missing or unknown has no path of its own, but serde names it.
        let named = reason.split('`').nth(1).filter(|_| reason.contains("field `"));
        let field = named.map_or(path, str::to_owned);
        let message = format!("the body will not do: {reason}");
        let error = malformed(StatusCode::UNPROCESSABLE_ENTITY, message);
        if field == "." { error } else { error.of_field(field) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Named {
        name: String,
        count: Option<u8>,
    }

    async fn read(kind: &str, body: &'static str) -> Result<Option<Named>, (u16, Value)> {
        use axum::response::IntoResponse as _;
        let request = Request::builder().header("content-type", kind).body(body.into()).unwrap();
        match MaybeBody::<Named>::from_request(request, &()).await {
            Ok(MaybeBody(named)) => Ok(named),
            Err(error) => {
                let response = error.into_response();
                let status = response.status().as_u16();
                let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
                Err((status, serde_json::from_slice(&body).unwrap()))
            }
        }
    }

    #[tokio::test]
    async fn only_an_object_with_known_fields_is_one() {
        let ada = || Ok(Some(Named { name: "Ada".to_owned(), count: None }));
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/x+json"] {
            assert_eq!(read(kind, r#"{"name":"Ada"}"#).await, ada(), "{kind}");
            assert_eq!(read(kind, " \n").await, Ok(None), "{kind}");
        }
        let json = "application/json";
        // Body, status, field, and what the text must say.
        for (kind, body, status, field, says) in [
            ("text/plain", r#"{"name":"Ada"}"#, 415, None, "Content-Type: application/json"),
            ("text/json", r#"{"name":"Ada"}"#, 415, None, "Content-Type: application/json"),
            (json, "{", 400, None, "is not JSON"),
            (json, r#"["Ada", 1]"#, 422, None, "not a list"),
            (json, r#""Ada""#, 422, None, "not a text"),
            (json, "null", 422, None, "not a single value"),
            (json, "{}", 422, Some("name"), "missing field"),
            (json, r#"{"name":"Ada","nmae":1}"#, 422, Some("nmae"), "expected `name`"),
            (json, r#"{"name":7}"#, 422, Some("name"), "expected a string"),
            (json, r#"{"name":"Ada","count":300}"#, 422, Some("count"), "expected u8"),
        ] {
            let (got, problem) = read(kind, body).await.unwrap_err();
            assert_eq!((got, problem["field"].as_str()), (status, field), "{body}: {problem}");
            assert_eq!(problem["code"], "malformed_request");
            assert!(problem["message"].as_str().unwrap().contains(says), "{body}: {problem}");
        }
    }
}
