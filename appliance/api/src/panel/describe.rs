//! What all routes have in common, for the API's document: who may ask, and what is refused.
//!
//! That it is true, `tests/e2e/test_doors.py` finds out by asking every route of the document.

use super::access::COOKIE;
use super::permits::{self, Permit};
use roombox_control::permissions::Role;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response, ResponseBuilder};

/// Adds who may ask for what, and the refusals that have nothing to do with one route alone.
pub(super) fn who_and_what_is_refused(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    let cookie =
        "A session: what POST /session and POST /claim set. Without TLS (--dev): roombox_session.";
    let cookie = ApiKey::Cookie(ApiKeyValue::with_description(COOKIE, cookie));
    components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("rbx_…")
        .description(Some("An API token: what POST /api-tokens answers."))
        .build();
    components.add_security_scheme("api_token", SecurityScheme::Http(token));
    let loan = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token of a loan: what POST /fleet/loans answers."))
        .build();
    components.add_security_scheme("loan", SecurityScheme::Http(loan));
    let meeting = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("The LiveKit token with which somebody is in a meeting."))
        .build();
    components.add_security_scheme("meeting", SecurityScheme::Http(meeting));
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            let permit = permits::of(method, path);
            let mut who = Vec::new();
            if matches!(permit, Some(Permit::Guests(_))) {
                who.push(SecurityRequirement::default());
            }
            let none: [&str; 0] = [];
            match permit {
                Some(Permit::Open) => {}
                Some(Permit::Borrowers) => who.push(SecurityRequirement::new("loan", none)),
                Some(Permit::InMeeting) => who.push(SecurityRequirement::new("meeting", none)),
                Some(Permit::Guests(_) | Permit::Who(_)) | None => {
                    who.push(SecurityRequirement::new("session", none));
                    who.push(SecurityRequirement::new("api_token", none));
                }
            }
            operation.security = Some(who);
            refusals(method, operation, permit);
        }
    }
}

/// A name that takes the rest of a path is `{*name}` for the router. The standard has no word for it, and knows
/// names in braces alone (OpenAPI 3.1 §4.8.8).
pub(super) fn paths_as_the_standard_has_them(document: &mut OpenApi) {
    let paths = std::mem::take(&mut document.paths.paths);
    let renamed = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item));
    document.paths.paths = renamed.collect();
}

pub(super) fn operations(
    item: &mut PathItem,
) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, post, put, patch, delete, .. } = item;
    [("get", get), ("post", post), ("put", put), ("patch", patch), ("delete", delete)]
        .into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn refusals(method: &str, operation: &mut Operation, permit: Option<Permit>) {
    let must_log_in =
        matches!(permit, Some(Permit::Who(_) | Permit::Borrowers | Permit::InMeeting) | None);
    let some_may = matches!(permit, Some(Permit::Who(action)) if action.least() > Role::Viewer);
    let asks = operation.parameters.iter().flatten().any(|parameter| {
        matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query)
    });
    let kinds = |body: &RefOr<RequestBody>| match body {
        RefOr::T(body) => body.content.contains_key("application/json"),
        RefOr::Ref(_) => true,
    };
    let brings = operation.request_body.as_ref().is_some_and(kinds);
    let body = operation.request_body.is_some();
    let changes = method != "get";
    for (applies, status, why) in [
        (asks || body, "400", "the request cannot be read"),
        (must_log_in, "401", "nobody is logged in"),
        (some_may, "403", "the role of whoever asks may not, or another site's page asks"),
        (changes, "403", "another site's page asks"),
        (body, "408", "the body took too long"),
        (brings, "413", "the body is larger than 256 KiB"),
        (brings, "415", "the body is not sent as JSON"),
        (brings, "422", "a field is missing, unknown or will not do"),
        (true, "default", "anything else that goes wrong"),
    ] {
        if applies {
            let refusal = || RefOr::T(refusal(why));
            operation.responses.responses.entry(status.to_owned()).or_insert_with(refusal);
        }
    }
}

fn refusal(why: &str) -> Response {
    let body = Content::new(Some(Ref::from_schema_name("ErrorBody")));
    ResponseBuilder::new().description(why).content("application/json", body).build()
}
