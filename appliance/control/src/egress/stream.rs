//! What an order sends live: its addresses, and how each of them went.

use super::order::EgressRow;
use crate::outputs::{OutputRow, shown};
use serde::{Deserialize, Serialize};
use std::fmt;

/// An address of an order, as it is kept.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamRow {
    /// The live output's id.
    pub output: String,
    /// With its key, while it is sent.
    pub url: String,
    pub started_ms: u64,
    /// `None`: it is sent.
    pub ended_ms: Option<u64>,
    /// Why it did not arrive when it ended.
    pub error: Option<String>,
}

/// Without what is nobody's business.
impl fmt::Debug for StreamRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamRow").field("output", &self.output).finish_non_exhaustive()
    }
}

/// An address of an order, as a program sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamView {
    /// Without its key.
    pub address: String,
    pub started_ms: u64,
    pub ended_ms: Option<u64>,
    /// Why it does not arrive now, or did not when it ended.
    pub error: Option<String>,
    /// How often it broke off.
    pub breaks: u32,
}

impl StreamRow {
    /// `troubles`: why it does not arrive, and how often it broke off, while it is sent. Whatever is sent
    /// ends with its recording, at `over_ms`.
    pub(super) fn view(
        &self,
        troubles: Option<(Option<String>, u32)>,
        over_ms: Option<u64>,
    ) -> StreamView {
        let (why, breaks) = troubles.unwrap_or_default();
        StreamView {
            address: shown(&self.url),
            started_ms: self.started_ms,
            ended_ms: self.ended_ms.or(over_ms.map(|over| over.max(self.started_ms))),
            error: self.error.clone().or(why),
            breaks,
        }
    }
}

impl EgressRow {
    /// It sends live to these as well.
    pub(crate) fn send(&mut self, outputs: &[OutputRow], now_ms: u64) {
        let row = |output: &OutputRow| {
            let url = output.url.clone()?;
            let (output, started_ms) = (output.id.clone(), now_ms);
            Some(StreamRow { output, url, started_ms, ended_ms: None, error: None })
        };
        self.streams.extend(outputs.iter().filter_map(row));
        self.updated_ms = self.updated_ms.max(now_ms);
    }

    /// Nothing is sent to this output any more. An order that makes no film ends with its last one.
    pub(crate) fn sent(&mut self, output: &str, now_ms: u64, why: Option<String>) {
        let going = |stream: &&mut StreamRow| stream.output == output && stream.ended_ms.is_none();
        let Some(stream) = self.streams.iter_mut().find(going) else { return };
        stream.ended_ms = Some(now_ms.max(stream.started_ms));
        stream.error = why;
        // Nobody needs its key any more.
        stream.url = shown(&stream.url);
        self.updated_ms = self.updated_ms.max(now_ms);
        let over = self.streams.iter().all(|stream| stream.ended_ms.is_some());
        self.stopped |= over && !self.films();
    }

    /// Outputs that go on, among those that a program calls by their addresses. What the box showed it
    /// instead of an address will do if it means one alone.
    ///
    /// # Errors
    /// The address that none of them has.
    pub(super) fn sending(&self, urls: &[String]) -> Result<Vec<String>, String> {
        let going = || self.streams.iter().filter(|stream| stream.ended_ms.is_none());
        let of = |url: &String| {
            let exactly = going().find(|stream| stream.url == url.trim());
            let mut alike = going().filter(|stream| shown(&stream.url) == url.trim());
            let found = exactly.or(match (alike.next(), alike.next()) {
                (Some(one), None) => Some(one),
                _ => None,
            });
            found.map(|stream| stream.output.clone()).ok_or_else(|| shown(url))
        };
        urls.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::order::tests::row;
    use super::*;
    use roombox_jobs::spec::Output;

    const HERE: &str = "rtmp://a.example/app/first";
    const THERE: &str = "rtmp://a.example/app/second";
    const ELSEWHERE: &str = "srt://b.example:9000?streamid=x";

    /// Id of the output to an address.
    fn out(url: &str) -> String {
        format!("out_{}", url.len())
    }

    fn sends(urls: &[&str], films: bool) -> EgressRow {
        let mut order = row(false);
        order.spec.outputs = if films { vec![Output::Film] } else { Vec::new() };
        order.streams = urls
            .iter()
            .map(|url| StreamRow {
                output: out(url),
                url: (*url).to_owned(),
                started_ms: 5,
                ended_ms: None,
                error: None,
            })
            .collect();
        order
    }

    #[test]
    fn an_order_without_a_film_ends_with_its_last_stream() {
        for films in [true, false] {
            let mut order = sends(&[HERE, THERE], films);
            order.sent(&out(HERE), 9, Some("refused".into()));
            assert!(!order.stopped);
            order.sent(&out(THERE), 12, None);
            assert_eq!(order.stopped, !films);
            assert_eq!(order.streams[0].error.as_deref(), Some("refused"));
            assert_eq!((order.streams[1].ended_ms, order.updated_ms), (Some(12), 12));
            assert!(!serde_json::to_string(&order).unwrap().contains("second"));
            // Whoever says it again changes nothing.
            order.sent(&out(HERE), 99, None);
            assert_eq!(order.streams[0].ended_ms, Some(9));
        }
    }

    #[test]
    fn a_stream_is_called_by_its_address_or_by_what_is_shown_of_it() {
        let order = sends(&[HERE, THERE, ELSEWHERE], false);
        let found = |url: &str| order.sending(&[url.to_owned()]);
        assert_eq!(found(HERE), Ok(vec![out(HERE)]));
        assert_eq!(found(" srt://b.example:9000?•••"), Ok(vec![out(ELSEWHERE)]));
        // Two are shown as this.
        assert!(found("rtmp://a.example/app/•••").is_err());
        let unknown = found("rtmp://a.example/app/secret");
        assert_eq!(unknown, Err("rtmp://a.example/app/•••".to_owned()));
        let mut order = order;
        order.sent(&out(THERE), 9, None);
        assert!(order.sending(&[THERE.to_owned()]).is_err());
        assert!(order.sending(&["rtmp://a.example/app/•••".to_owned()]).is_ok());
    }

    #[test]
    fn no_key_is_written_where_others_read() {
        let order = sends(&[HERE], false);
        assert!(!format!("{order:?}").contains("first"));
        let view = order.streams[0].view(Some((Some("no".into()), 3)), None);
        assert!(!format!("{view:?}").contains("first"));
        assert_eq!((view.error.as_deref(), view.breaks, view.ended_ms), (Some("no"), 3, None));
        assert_eq!(order.streams[0].view(None, Some(2)).ended_ms, Some(5));
    }
}
