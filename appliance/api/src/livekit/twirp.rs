//! Twirp, as LiveKit's server APIs speak it: protobuf or JSON, one POST a call. Errors are a JSON body
//! `{code, msg}` whatever the request was.

use super::LivekitDoor;
use super::entrance::claims;
use super::limits::Excess;
use crate::token::Claims;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Path, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A Twirp error. The texts go to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    code: &'static str,
    message: String,
}

pub(super) fn refused(code: &'static str, message: impl Into<String>) -> Refused {
    Refused { code, message: message.into() }
}

pub(super) fn too_much(excess: Excess) -> Refused {
    refused("invalid_argument", excess.to_string())
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self.code {
            "unauthenticated" => StatusCode::UNAUTHORIZED,
            "invalid_argument" | "malformed" => StatusCode::BAD_REQUEST,
            "not_found" | "bad_route" => StatusCode::NOT_FOUND,
            "failed_precondition" => StatusCode::PRECONDITION_FAILED,
            "canceled" => StatusCode::REQUEST_TIMEOUT,
            "resource_exhausted" => StatusCode::TOO_MANY_REQUESTS,
            "unimplemented" => StatusCode::NOT_IMPLEMENTED,
            "unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let body = serde_json::json!({ "code": self.code, "msg": self.message });
        (status, axum::Json(body)).into_response()
    }
}

/// The request's body and how it, and so the answer, is encoded.
pub(super) struct Call<'a> {
    pub door: &'a LivekitDoor,
    pub claims: Claims,
    json: bool,
    body: Bytes,
}

pub(super) type Answer = Result<Response, Refused>;

/// Services that this box does not have.
pub(super) async fn other(
    Path((service, method)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    // plugNmeet asks for this whenever a room ends. An empty list is an empty message.
    if (service.as_str(), method.as_str()) == ("livekit.SIP", "ListSIPDispatchRule") {
        return match is_json(&headers) {
            true => axum::Json(serde_json::json!({})).into_response(),
            false => [(header::CONTENT_TYPE, "application/protobuf")].into_response(),
        };
    }
    refused("unimplemented", format!("{service}/{method} is not implemented")).into_response()
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/json"))
}

impl<'a> Call<'a> {
    /// A call by somebody with a token.
    pub(super) async fn read(door: &'a LivekitDoor, request: Request) -> Result<Self, Response> {
        let claims = match claims(door, request.headers(), "").await {
            Ok(claims) => claims,
            Err(error) => {
                return Err(refused("unauthenticated", error.to_string()).into_response());
            }
        };
        let json = is_json(request.headers());
        // Only now: strangers must not make the box keep large bodies.
        match Bytes::from_request(request, door).await {
            Ok(body) => Ok(Self { door, claims, json, body }),
            Err(rejection) => {
                let mut refusal = refused("malformed", rejection.body_text()).into_response();
                // Twirp has no word for "too large"; the status says it.
                *refusal.status_mut() = rejection.status();
                Err(refusal)
            }
        }
    }

    pub(super) fn request<T: Message + Default + DeserializeOwned>(&self) -> Result<T, Refused> {
        let malformed = |error: String| refused("malformed", error);
        match self.json {
            true => serde_json::from_slice(&self.body).map_err(|e| malformed(e.to_string())),
            false => T::decode(self.body.clone()).map_err(|e| malformed(e.to_string())),
        }
    }

    pub(super) fn answer<T: Message + Serialize>(&self, answer: &T) -> Answer {
        if self.json {
            return Ok(axum::Json(answer).into_response());
        }
        let kind = [(header::CONTENT_TYPE, "application/protobuf")];
        Ok((kind, answer.encode_to_vec()).into_response())
    }

    pub(super) fn granted(&self, granted: bool) -> Result<(), Refused> {
        // LiveKit answers a missing grant with "unauthenticated" too.
        match granted {
            true => Ok(()),
            false => Err(refused("unauthenticated", "permissions denied")),
        }
    }
}
