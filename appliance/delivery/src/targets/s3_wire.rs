//! The object store library's way to the network: the box's own client, with its patience, its pace
//! and its authorities.

use super::SendError;
use super::wire::ask;
use crate::address::Address;
use async_trait::async_trait;
use http_body_util::BodyExt as _;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use std::sync::{Arc, Mutex, PoisonError};

/// Hands the library a client.
#[derive(Debug, Clone, Default)]
pub(super) struct Wire {
    pub pace: Option<u64>,
    failed: Arc<Mutex<Option<SendError>>>,
}

impl Wire {
    pub fn new(pace: Option<u64>) -> Self {
        Self { pace, failed: Arc::default() }
    }

    /// Why the last request had no answer, if it had none. The library's own words for it are for
    /// programmers.
    pub fn failure(&self) -> Option<SendError> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn remember(&self, failure: Option<SendError>) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }
}

impl HttpConnector for Wire {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Wire {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.remember(None);
        let unusable = || {
            let no_address = SendError::Address("the store's address cannot be used".to_owned());
            HttpError::new(HttpErrorKind::Unknown, no_address)
        };
        let at = Address::parse(&request.uri().to_string()).ok_or_else(unusable)?;
        let answered = ask(&at, self.pace, request).await;
        let answer = answered.map_err(|error| {
            let kind = match &error {
                // Nothing went out: asking again does no harm.
                SendError::Reach(_) => HttpErrorKind::Connect,
                SendError::Still(_) => HttpErrorKind::Timeout,
                SendError::Broken { .. } => HttpErrorKind::Interrupted,
                _ => HttpErrorKind::Unknown,
            };
            let told = HttpError::new(kind, std::io::Error::other(error.to_string()));
            self.remember(Some(error));
            told
        })?;
        let (wire, host) = (self.clone(), at.host);
        Ok(answer.map(|body| {
            HttpResponseBody::new(body.map_err(move |error| {
                wire.remember(Some(SendError::broken(&host, &error)));
                HttpError::new(HttpErrorKind::Interrupted, error)
            }))
        }))
    }
}
