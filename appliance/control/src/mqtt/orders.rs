//! What a broker may order: little, and only if the owner allows it.

use super::{Mqtt, MqttError};
use crate::error::ControlError;

/// Something that a broker wants done. Rooms are known by their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Has a room recorded, or not any more.
    Record { room: String, on: bool },
    /// Mutes everybody's microphone once; each may switch it on again.
    Mute { room: String },
    /// Restarts the box as soon as nobody is disturbed.
    Restart,
}

impl Mqtt {
    /// Carries an order out. What is so already is no error: switches are pressed twice.
    ///
    /// # Errors
    /// Control is not allowed, or the box cannot.
    pub async fn obey(&self, order: &Order) -> Result<(), ControlError> {
        let control = self.row.borrow().settings.control;
        let done = match control {
            true => self.carry_out(order).await,
            false => Err(MqttError::NoControl.into()),
        };
        let mut now = self.now();
        match &done {
            Ok(()) => now.orders.obeyed += 1,
            Err(_) => now.orders.refused += 1,
        }
        drop(now);
        match &done {
            Ok(()) => tracing::info!(?order, "an order by MQTT was carried out"),
            Err(error) => tracing::warn!(?order, %error, "an order by MQTT was refused"),
        }
        done
    }

    async fn carry_out(&self, order: &Order) -> Result<(), ControlError> {
        match order {
            Order::Record { room, on: true } => {
                match self.parts.recordings.start(room, None).await {
                    Err(ControlError::AlreadyRecording) => Ok(()),
                    started => started.map(drop),
                }
            }
            Order::Record { room, on: false } => match self.parts.recordings.stop(room).await {
                Err(ControlError::NotRecording) => Ok(()),
                stopped => stopped.map(drop),
            },
            Order::Mute { room } => self.mute(room).await,
            Order::Restart => Ok(self.parts.updates.restart_anew().await?),
        }
    }

    async fn mute(&self, room: &str) -> Result<(), ControlError> {
        for person in self.parts.rooms.participants(room).await? {
            match self.parts.rooms.mute(room, &person.id).await {
                // Gone meanwhile: silent, too.
                Err(ControlError::NotFound("participant") | ControlError::NoMeeting) => {}
                muted => muted?,
            }
        }
        Ok(())
    }
}
