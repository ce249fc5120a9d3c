//! Whether anybody still wants a recording that runs for orders and live outputs alone.

use super::Recordings;
use crate::egress::EgressRow;
use crate::error::ControlError;
use crate::outputs::OutputRow;

impl Recordings {
    /// Nobody wants it any more. One that somebody began by hand is wanted until somebody ends it.
    /// `began`: it is known to run for orders and outputs alone, which else its orders say. `but`: an order
    /// that is about to be over, with what it sends.
    pub(crate) async fn unwanted(
        &self,
        recording: &str,
        began: bool,
        but: Option<&str>,
    ) -> Result<bool, ControlError> {
        let orders = self.store.egress_list_of(recording.to_owned()).await?;
        let sent = self.store.output_list_of(recording.to_owned()).await?;
        Ok(unwanted(&orders, &sent, began, but))
    }
}

fn unwanted(orders: &[EgressRow], sent: &[OutputRow], began: bool, but: Option<&str>) -> bool {
    let began = began || (!orders.is_empty() && orders.iter().all(|order| order.began));
    let ordered = orders.iter().any(|order| !order.stopped && Some(order.id.as_str()) != but);
    let outputs = sent.iter().any(|output| but.is_none() || output.egress.as_deref() != but);
    began && !ordered && !outputs
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::egress::row;
    use roombox_jobs::spec::JobSpec;

    fn order(id: &str, began: bool, stopped: bool) -> EgressRow {
        EgressRow { id: id.to_owned(), began, stopped, ..row(stopped) }
    }

    /// Of `rec_1`, which it began.
    pub(crate) fn output(egress: Option<&str>) -> OutputRow {
        OutputRow {
            id: "out_1".to_owned(),
            room: "rm_1".to_owned(),
            url: None,
            token: None,
            spec: JobSpec::new(String::new(), "rec_1".to_owned(), String::new()),
            began: true,
            egress: egress.map(str::to_owned),
            created_ms: 0,
        }
    }

    #[test]
    fn a_recording_is_wanted_while_an_order_or_an_output_goes_on_or_if_somebody_began_it_by_hand() {
        let (goes, over) = (order("a", true, false), order("b", true, true));
        assert!(unwanted(&[], &[], true, None), "its only output has ended");
        assert!(!unwanted(&[], &[], false, None), "by hand");
        assert!(!unwanted(&[order("c", false, true)], &[], false, None), "by hand");
        assert!(unwanted(std::slice::from_ref(&over), &[], false, None));
        assert!(!unwanted(&[goes.clone(), over.clone()], &[], true, None));
        assert!(unwanted(&[goes.clone(), over.clone()], &[], true, Some("a")));
        assert!(unwanted(&[goes.clone(), over.clone()], &[output(Some("a"))], true, Some("a")));
        assert!(!unwanted(&[goes], &[output(None)], true, Some("a")), "somebody sends it");
        assert!(!unwanted(&[over], &[output(None)], false, None));
    }
}
