//! Calendars of others, fetched for the schedule. Their addresses are secrets: no reason names more of one
//! than its server.

use crate::clock;
use roombox_control::conference::Later;
use roombox_control::schedule::FeedReader;
use roombox_delivery::{FetchError, FetchLimits, fetch};
use std::time::Duration;

/// A calendar of years, over a slow line.
const CALENDAR: FetchLimits =
    FetchLimits { bytes: 8 * 1024 * 1024, time: Duration::from_secs(60), redirects: 5 };

/// The box's way to calendars.
pub struct Calendars;

impl FeedReader for Calendars {
    fn time_zone(&self) -> String {
        clock::time_zone()
    }

    fn fetch(&self, url: String) -> Later<'_, Result<String, String>> {
        Box::pin(async move {
            let body = fetch(&url, CALENDAR).await.map_err(reason)?;
            String::from_utf8(body).map_err(|_| "what is there is no text in UTF-8".to_owned())
        })
    }
}

fn reason(error: FetchError) -> String {
    match error {
        FetchError::Address(_) => "it leads to something that is no address of a server".to_owned(),
        FetchError::Downgrade(_) => {
            "it leads from HTTPS to plain HTTP: that is not followed".to_owned()
        }
        FetchError::Redirects(_, most) => {
            format!("it leads on and on: more than {most} redirects are not followed")
        }
        FetchError::Status { status, .. } => format!("its server answers {status}"),
        FetchError::Length(_, most) => format!("it is longer than {most} bytes"),
        FetchError::Time(_, seconds) => format!("it did not come within {seconds} s"),
        // They name the server alone.
        error @ (FetchError::Reach(_) | FetchError::Exchange { .. }) => error.to_string(),
    }
}
