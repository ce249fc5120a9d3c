//! Leaves a row in the audit log of each request that changes something, and of each that was refused.
//!
//! It stands around the guard, so that no route can forget it. What a row says comes from the route, the
//! answer's status and its `code`: bodies of requests, where secrets are, are never looked at.

use super::guard::Guard;
use crate::server::Peer;
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use roombox_control::audit::Noted;
use roombox_control::people::{Asker, By};
use roombox_control::store::Person;
use serde_json::Value;

/// Answers that are looked at for an id or a code are shorter.
const LONGEST_ANSWER: usize = 64 * 1024;

/// What changes nothing though it is sent with POST, or tells of itself in another list.
const UNREMARKABLE: [&str; 10] = [
    "certificate_preview",
    "factor_begin",
    "identity_connect",
    "invitation_look",
    "loan_made_put",
    "loan_put",
    "room_template_preview",
    "settings_text_preview",
    "shared_unlock",
    "target_test",
];
/// Of each name in a path so many characters are kept: strangers write there what they want.
const LONGEST_NAME: usize = 64;

/// Put into an answer by the guard: who asked.
#[derive(Debug, Clone)]
pub(super) struct AskedBy(pub Asker);

/// Put into an answer by who signs somebody in.
#[derive(Debug, Clone)]
pub(super) struct SignedIn(pub Person);

/// Put into an answer by a route: what became of it, in a few words without secrets.
#[derive(Debug, Clone)]
pub(super) struct Detail(pub String);

/// Notes what came of a request.
pub(super) async fn noted(
    State(guard): State<Guard>,
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let action = matched.as_ref().and_then(|path| guard.operation(&method, path.as_str()));
    let Some(action) = action else { return next.run(request).await };
    let path = request.uri().path().to_owned();
    let from = request.extensions().get::<Peer>().map(|Peer(from)| from.to_canonical().to_string());
    let response = next.run(request).await;
    let reads = matches!(method, Method::GET | Method::HEAD);
    let asker = response.extensions().get::<AskedBy>().map(|AskedBy(asker)| asker.clone());
    let refused = response.status() == StatusCode::FORBIDDEN && asker.is_some();
    if (reads && !refused) || UNREMARKABLE.contains(&action.as_str()) {
        return response;
    }
    // What people do in meetings is theirs.
    if matched.as_ref().is_some_and(|path| path.as_str().starts_with("/api/v1/meeting")) {
        return response;
    }
    // Guests come and go without an account: meetings tell of them. Who was not signed in does not sign out,
    // and who has no loan, or no word in a meeting, is not somebody who was refused one.
    let signed_in = asker.is_some() || response.extensions().get::<SignedIn>().is_some();
    let of_nobody = ["join_token_create", "session_delete"].contains(&action.as_str());
    let strangers = action.starts_with("loan_") || action == "moderation_by_link";
    let by_chance = strangers && !response.status().is_success();
    if (!signed_in && of_nobody) || by_chance {
        return response;
    }
    let (response, answer) = read(response).await;
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let status = response.status();
    let result = match status.is_success() {
        true => "ok".to_owned(),
        false => Some(text("code")).filter(|code| !code.is_empty()).unwrap_or(status.to_string()),
    };
    let template = matched.as_ref().map_or("", |path| path.as_str());
    let mut subject = subject(template, &path);
    if status == StatusCode::CREATED {
        subject.push(text("id"));
        subject.retain(|id| !id.is_empty());
    }
    let (person, token) = who(asker, &response);
    let detail = response.extensions().get().map(|Detail(detail)| detail.clone());
    guard
        .note(Noted {
            person: person.as_ref().map(|person| person.id.clone()).unwrap_or_default(),
            name: person.map(|person| person.name).unwrap_or_default(),
            token: token.unwrap_or_default(),
            from: from.unwrap_or_default(),
            action,
            subject: subject.join("/"),
            detail: detail.unwrap_or_default(),
            result,
            skipped: 0,
        })
        .await;
    response
}

/// The person who did it, and the token that spoke for them.
fn who(asker: Option<Asker>, response: &Response) -> (Option<Person>, Option<String>) {
    match asker {
        Some(Asker { person, by: By::Token(token), .. }) => (Some(person), Some(token)),
        Some(Asker { person, .. }) => (Some(person), None),
        None => (response.extensions().get().map(|SignedIn(person)| person.clone()), None),
    }
}

/// What stands in the places of a route's names.
fn subject(template: &str, path: &str) -> Vec<String> {
    let places = template.split('/').zip(path.split('/'));
    let places = places.filter(|(name, _)| name.starts_with('{'));
    places.map(|(_, id)| id.chars().take(LONGEST_NAME).collect()).collect()
}

/// The answer, and what it says if it is JSON.
async fn read(response: Response) -> (Response, Value) {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let short = http_body::Body::size_hint(response.body()).upper();
    let is_short = short.is_some_and(|bytes| bytes <= LONGEST_ANSWER as u64);
    if !is_short || kind.is_none_or(|kind| kind != "application/json") {
        return (response, Value::Null);
    }
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, LONGEST_ANSWER).await.unwrap_or_default();
    let answer = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    (Response::from_parts(parts, Body::from(bytes)), answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_what_stands_in_the_places_of_a_route() {
        let places = |template, path| subject(template, path).join("/");
        let route = "/api/v1/rooms/{id}/whip-keys/{key}";
        assert_eq!(places(route, "/api/v1/rooms/rm_1/whip-keys/whk_2"), "rm_1/whk_2");
        assert_eq!(places("/api/v1/settings", "/api/v1/settings"), "");
        assert_eq!(places("/x/{id}", &format!("/x/{}", "A".repeat(60_000))).len(), LONGEST_NAME);
    }
}
