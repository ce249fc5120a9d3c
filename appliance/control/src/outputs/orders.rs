//! Outputs that belong to the order of a program: they are placed with it, and end with it.

use super::{MOST, OutputRow, Outputs, Turn, address, unused};
use crate::clock::UnixMs;
use crate::egress::{EgressRow, UploadRow};
use crate::error::ControlError;
use crate::events::Happening;
use roombox_jobs::spec::{JobSpec, LayoutName};
use std::collections::HashSet;
use ulid::Ulid;

impl Outputs {
    /// Whether the box can send to these addresses.
    ///
    /// # Errors
    /// The first one to which it cannot, or that is named twice.
    pub(crate) fn check(urls: &[String]) -> Result<(), ControlError> {
        let mut seen = HashSet::new();
        for url in urls {
            address::destination(url)?;
            if !seen.insert(url.trim()) {
                let why = "is named twice";
                return Err(ControlError::InvalidOutput { field: "url", why });
            }
        }
        Ok(())
    }

    /// Keeps an order with all that it sends, or nothing of it. `None` if its recording is ending. The
    /// addresses were checked: before anything was recorded for them.
    ///
    /// # Errors
    /// An address is in use, or too much is sent already.
    pub(crate) async fn place_order(
        &self,
        _: &Turn<'_>,
        room: &str,
        mut order: EgressRow,
        upload: Option<UploadRow>,
        urls: &[String],
    ) -> Result<Option<EgressRow>, ControlError> {
        let rows = self.rows(room, &order, urls).await?;
        order.send(&rows, order.started_ms);
        let kept = self.store.egress_insert(order.clone(), upload, rows.clone()).await?;
        if kept {
            self.announce(&rows);
        }
        Ok(kept.then_some(order))
    }

    /// An order is sent to these as well. `None` if it, or its recording, has ended.
    ///
    /// # Errors
    /// An address will not do or is in use, or too much is sent already.
    pub(crate) async fn send_order(
        &self,
        _: &Turn<'_>,
        room: &str,
        order: &EgressRow,
        urls: &[String],
    ) -> Result<Option<EgressRow>, ControlError> {
        Self::check(urls)?;
        let rows = self.rows(room, order, urls).await?;
        let id = order.id.clone();
        let order = self.store.egress_send(id, rows.clone(), UnixMs::now().0).await?;
        if order.is_some() {
            self.announce(&rows);
        }
        Ok(order)
    }

    /// What becomes of addresses of an order, which were checked.
    async fn rows(
        &self,
        room: &str,
        order: &EgressRow,
        urls: &[String],
    ) -> Result<Vec<OutputRow>, ControlError> {
        let all = self.store.output_list().await?;
        let here = all.iter().filter(|row| row.spec.recording == order.spec.recording).count();
        if here + urls.len() > MOST {
            return Err(ControlError::TooManyOutputs { most: MOST });
        }
        let spec = picture(order, order.spec.relayouts.last().map(|last| last.layout));
        if !urls.is_empty() {
            self.drawable(&spec, all.iter())?;
        }
        let now = UnixMs::now().0;
        let row = |url: &String| {
            let url = url.trim().to_owned();
            unused(&url, &all)?;
            Ok(OutputRow {
                id: format!("out_{}", Ulid::new()),
                room: room.to_owned(),
                url: Some(url),
                token: None,
                spec: spec.clone(),
                began: order.began,
                egress: Some(order.id.clone()),
                created_ms: now,
            })
        };
        urls.iter().map(row).collect()
    }

    fn announce(&self, rows: &[OutputRow]) {
        for row in rows {
            tracing::info!(output = %row.id, recording = %row.spec.recording,
                to = row.url.as_deref().map(address::shown), egress = row.egress.as_deref(),
                "a live output was ordered");
            self.events.publish(&row.id, Happening::OutputChanged(Box::new(self.view(row))));
        }
        if !rows.is_empty() {
            self.changed.notify_one();
        }
    }

    /// Ends outputs of an order: all of them, or those that are named.
    ///
    /// # Errors
    /// The store refuses.
    pub(crate) async fn end_order(
        &self,
        _: &Turn<'_>,
        order: &EgressRow,
        which: Option<&[String]>,
    ) -> Result<(), ControlError> {
        for row in self.of_order(order).await? {
            if which.is_none_or(|which| which.contains(&row.id)) {
                self.end(&row).await?;
            }
        }
        Ok(())
    }

    /// What an order sends has another layout from now on.
    ///
    /// # Errors
    /// The machine cannot draw one more picture.
    pub(crate) async fn relayout_order(
        &self,
        _: &Turn<'_>,
        order: &EgressRow,
        layout: LayoutName,
    ) -> Result<(), ControlError> {
        let rows = self.of_order(order).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let all = self.store.output_list().await?;
        let others = all.iter().filter(|row| row.egress.as_ref() != Some(&order.id));
        self.drawable(&picture(order, Some(layout)), others)?;
        self.store.output_relayout(rows, layout).await?;
        for row in self.of_order(order).await? {
            self.events.publish(&row.id, Happening::OutputChanged(Box::new(self.view(&row))));
        }
        self.changed.notify_one();
        Ok(())
    }

    async fn of_order(&self, order: &EgressRow) -> Result<Vec<OutputRow>, ControlError> {
        let mut rows = self.store.output_list_of(order.spec.recording.clone()).await?;
        rows.retain(|row| row.egress.as_ref() == Some(&order.id));
        Ok(rows)
    }

    /// Why an output does not arrive, and how often it broke off; `None` if nothing was heard of it.
    pub(crate) fn troubles(&self, output: &str) -> Option<(Option<String>, u32)> {
        let all = self.seen();
        all.get(output).map(|seen| (seen.why(), seen.breaks()))
    }
}

/// The picture that is sent of an order. Outputs with the same one share what is drawn and coded.
fn picture(order: &EgressRow, layout: Option<LayoutName>) -> JobSpec {
    let JobSpec { layout: first, video, audio, only, recording, .. } = order.spec.clone();
    let plain = JobSpec::new(String::new(), recording, order.room_name.clone());
    let mut spec = JobSpec { layout: first, video, audio, only, ..plain };
    if let Some(layout) = layout {
        spec.layout.name = layout;
    }
    spec
}
