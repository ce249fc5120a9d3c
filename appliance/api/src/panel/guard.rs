//! The guard before all routes: who asks, whether they may, and what is noted of it.

use super::PanelDoor;
use super::access::Credential;
use super::noted::AskedBy;
use super::permits::{self, Permit};
use crate::error::ApiError;
use crate::server::{Encrypted, Peer};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use roombox_control::ControlError;
use roombox_control::audit::Noted;
use roombox_control::people::Asker;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use utoipa::openapi::OpenApi;

/// What is known of a method at a path.
#[derive(Debug, Clone)]
struct Route {
    /// `None`: nobody wrote down who may, so nobody may.
    permit: Option<Permit>,
    operation: String,
}

/// Asks the table of permissions before each route.
#[derive(Clone)]
pub(super) struct Guard {
    door: PanelDoor,
    /// By path, as routes are written, then by method. What is not here is refused to everybody.
    routes: Arc<HashMap<String, HashMap<Method, Route>>>,
}

impl Guard {
    /// A guard for the routes of a document.
    pub(super) fn new(door: PanelDoor, document: &OpenApi) -> Self {
        let mut routes: HashMap<String, HashMap<Method, Route>> = HashMap::new();
        for (method, path, operation) in permits::routes_of(document) {
            let route = Route { permit: permits::of(method, &path), operation };
            if let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) {
                routes.entry(path).or_default().insert(method, route);
            }
        }
        Self { door, routes: Arc::new(routes) }
    }

    fn route(&self, method: &Method, path: &str) -> Option<&Route> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.routes.get(path)?.get(method)
    }

    /// `None`: the route does not know this method, and says so itself.
    fn permit(&self, method: &Method, path: &str) -> Option<Option<Permit>> {
        match self.routes.contains_key(path) {
            false => Some(None),
            true => self.route(method, path).map(|route| route.permit),
        }
    }

    /// Name of the operation, as the document has it.
    pub(super) fn operation(&self, method: &Method, path: &str) -> Option<String> {
        self.route(method, path).map(|route| route.operation.clone())
    }

    /// Writes a row of the audit log.
    pub(super) async fn note(&self, what: Noted) {
        self.door.audit.note(what).await;
    }

    /// Who asks, if that matters here, and why they may not.
    async fn judge(
        &self,
        permit: Permit,
        credential: Result<Credential, ControlError>,
        from: IpAddr,
    ) -> (Option<Asker>, Result<(), ControlError>) {
        let asker = async { credential?.asker(&self.door, from).await };
        match permit {
            // Whose token it is, is asked where it counts: the person's would open nothing there.
            Permit::Open | Permit::Borrowers | Permit::InMeeting => (None, Ok(())),
            // Somebody who may not, too, may have an invitation.
            Permit::Guests(action) => (asker.await.ok().filter(|asker| asker.may(action)), Ok(())),
            Permit::Who(action) => match asker.await {
                Ok(asker) => {
                    let may = asker.ask(action);
                    (Some(asker), may)
                }
                Err(error) => (None, Err(error)),
            },
        }
    }
}

/// Lets in who may, and refuses everybody where nobody wrote down who may.
pub(super) async fn permitted(
    State(guard): State<Guard>,
    matched: Option<MatchedPath>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(matched) = matched else { return next.run(request).await };
    let (asker, may) = match guard.permit(request.method(), matched.as_str()) {
        None => return next.run(request).await,
        Some(None) => {
            tracing::error!(path = matched.as_str(), "a route without a permission was asked for");
            let message = "nobody may use this: it has no row in the table of permissions";
            let refused = ApiError::new(StatusCode::FORBIDDEN, "not_permitted", message);
            return refused.into_response();
        }
        Some(Some(permit)) => {
            let from = request.extensions().get::<Peer>().map(|Peer(from)| *from);
            let from = from.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
            let encrypted = request.extensions().get().copied().unwrap_or(Encrypted(false));
            guard.judge(permit, Credential::of(request.headers(), encrypted), from).await
        }
    };
    let mut response = match may {
        Ok(()) => {
            if let Some(asker) = asker.clone() {
                request.extensions_mut().insert(asker);
            }
            next.run(request).await
        }
        Err(error) => ApiError::from(error).into_response(),
    };
    if let Some(asker) = asker {
        response.extensions_mut().insert(AskedBy(asker));
    }
    response
}
