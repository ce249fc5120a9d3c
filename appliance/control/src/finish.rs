//! Work of several steps that must not stop between them.

use crate::error::ControlError;

/// Does all of it, even if whoever asked hangs up: a request that is dropped half way would leave a
/// recording that nobody ordered, or an order whose recording nobody ends.
pub async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, ControlError>> + Send + 'static,
) -> Result<T, ControlError> {
    // A panic of the task is the only way not to come back.
    tokio::spawn(work).await.map_err(|error| ControlError::Files(error.into()))?
}
