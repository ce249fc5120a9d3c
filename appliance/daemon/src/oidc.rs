//! The way to the house's identity provider, and the service that signs people in by it.

use roombox_control::ControlError;
use roombox_control::conference::Later;
use roombox_control::events::Events;
use roombox_control::oidc::{NoReply, Oidc, OidcParts, Question, Reply, Wire};
use roombox_control::people::Standing;
use roombox_control::store::Store;
use roombox_delivery::{Query, QueryError, Security, query};
use std::sync::Arc;
use std::time::Duration;

/// A provider's keys and what it tells of somebody with many groups.
const LONGEST: usize = 512 * 1024;
const PATIENCE: Duration = Duration::from_secs(8);

/// Sign-in by the house's identity provider.
pub async fn begin(
    store: Arc<Store>,
    events: Arc<Events>,
    standing: Standing,
) -> Result<Arc<Oidc>, ControlError> {
    Oidc::load(OidcParts { store, events, standing, wire: Arc::new(Lines) }).await
}

/// Speaks with providers, with the trust that the owner chose.
struct Lines;

fn security(authority: &str) -> Result<Security, String> {
    match authority.is_empty() {
        true => Ok(Security::system()),
        false => Security::authority(authority).map_err(|error| error.to_string()),
    }
}

impl Wire for Lines {
    fn check(&self, authority: &str) -> Result<(), String> {
        security(authority).map(drop)
    }

    fn ask(&self, question: Question) -> Later<'_, Result<Reply, NoReply>> {
        Box::pin(async move {
            let security = security(&question.authority).map_err(NoReply::Certificate)?;
            let answered = query(Query {
                url: &question.url,
                security,
                authorization: question.authorization.as_deref(),
                form: question.form,
                bytes: LONGEST,
                time: PATIENCE,
            })
            .await;
            match answered {
                Ok(answer) => Ok(Reply { status: answer.status, body: answer.body }),
                Err(error) => Err(none(&error)),
            }
        })
    }
}

fn none(error: &QueryError) -> NoReply {
    let text = error.to_string();
    match error {
        QueryError::Reach(_) | QueryError::Time { .. } => NoReply::Unreachable(text),
        QueryError::Certificate(_) => NoReply::Certificate(text),
        QueryError::Address(_) | QueryError::Exchange { .. } | QueryError::Length { .. } => {
            NoReply::Answer(text)
        }
    }
}
