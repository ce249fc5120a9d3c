//! A file on its way into a meeting, and out of it.

use super::handouts::{ALL_TOGETHER, HEAD, KeptFile, MOST, checked, picture};
use super::{Attendee, Handout, MeetingTools, ToolsError, no_randomness, off_thread};
use crate::clock::UnixMs;
use crate::people::random_text;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt as _;

/// Recordings end at the reserve, and old ones begin to go at twice as much: files stop before either.
const RESERVES: u64 = 3;
/// Of one person at a time: slow ones would take all places.
const AT_ONCE: usize = 3;

/// A file that somebody is sending. Dropped before its end it leaves nothing.
pub struct HandoutUpload {
    tools: Arc<MeetingTools>,
    who: Attendee,
    file: File,
    path: PathBuf,
    name: String,
    secret: String,
    announced: u64,
    received: u64,
    head: Vec<u8>,
    kept: bool,
}

impl MeetingTools {
    /// Begins to take a file of so many bytes.
    ///
    /// # Errors
    /// The owner does not want it, its name or type will not do, it is too large, or there is no room.
    pub async fn receive(
        self: &Arc<Self>,
        who: &Attendee,
        name: &str,
        bytes: u64,
    ) -> Result<HandoutUpload, ToolsError> {
        let rules = self.rules(who);
        if rules.most_bytes == 0 {
            return Err(ToolsError::FilesOff);
        }
        if !who.writes {
            return Err(ToolsError::MayNotWrite);
        }
        let name = checked(name, &rules.types)?;
        if bytes > rules.most_bytes {
            return Err(ToolsError::FileTooLarge { most: rules.most_bytes });
        }
        let secret = random_text(32).map_err(|_| no_randomness())?;
        let path = self.folder.file(who.room.as_str(), &secret);
        let (me, of) = (self.clone(), who.clone());
        off_thread(move || me.expect(&of, bytes, rules.most_bytes)).await?;
        // From here on its end gives the place back.
        let made = async {
            fs::create_dir_all(self.folder.of(who.room.as_str())).await?;
            File::create(&path).await
        };
        let file = match made.await {
            Ok(file) => file,
            Err(error) => {
                self.came(who, bytes);
                return Err(error.into());
            }
        };
        let (tools, who) = (self.clone(), who.clone());
        let (received, head, kept) = (0, Vec::new(), false);
        Ok(HandoutUpload {
            tools,
            who,
            file,
            path,
            name,
            secret,
            announced: bytes,
            received,
            head,
            kept,
        })
    }

    /// Keeps a place for a file, if there is one.
    fn expect(&self, who: &Attendee, bytes: u64, most: u64) -> Result<(), ToolsError> {
        let mut seats = self.seats();
        let (free, reserve) = self.recorder.space()?;
        let of_all: u64 =
            seats.values().flat_map(|seat| &seat.coming).map(|(_, bytes)| bytes).sum();
        if free.saturating_sub(of_all + bytes) < reserve.saturating_mul(RESERVES) {
            return Err(ToolsError::NoRoom);
        }
        let seat = self.seat(&mut seats, who)?;
        let coming: u64 = seat.coming.iter().map(|(_, bytes)| bytes).sum();
        let all = seat.table.bytes() + coming + bytes;
        if all > most * ALL_TOGETHER || seat.table.files.len() + seat.coming.len() >= MOST {
            return Err(ToolsError::FilesFull);
        }
        if seat.coming.iter().filter(|(by, _)| *by == who.identity).count() >= AT_ONCE {
            return Err(ToolsError::TooManyAtOnce { most: AT_ONCE });
        }
        seat.coming.push((who.identity.clone(), bytes));
        Ok(())
    }

    /// A file is no longer on its way.
    fn came(&self, who: &Attendee, bytes: u64) {
        let mut seats = self.seats();
        let seat = seats.get_mut(who.room.as_str());
        // Another meeting knows nothing of it.
        if let Some(seat) = seat.filter(|seat| seat.table.meeting == who.meeting) {
            let ours = |(by, of): &(String, u64)| *by == who.identity && *of == bytes;
            if let Some(at) = seat.coming.iter().position(ours) {
                seat.coming.swap_remove(at);
            }
        }
    }

    /// Takes a file away from all.
    ///
    /// # Errors
    /// They do not moderate, or it is not there.
    pub async fn take_away(
        self: &Arc<Self>,
        who: &Attendee,
        secret: String,
    ) -> Result<(), ToolsError> {
        who.must_moderate()?;
        let path = self.folder.file(who.room.as_str(), &secret);
        self.change(who, move |table, _| {
            let before = table.files.len();
            table.files.retain(|file| file.secret != secret);
            match table.files.len() < before {
                true => Ok(()),
                false => Err(ToolsError::FileGone),
            }
        })
        .await?;
        Ok(fs::remove_file(path).await.or_else(crate::files::absent)?)
    }

    /// Where a file is, its name, and its media type if it is a picture.
    ///
    /// # Errors
    /// Its meeting is over, or it never was.
    pub async fn handout(
        self: &Arc<Self>,
        secret: String,
    ) -> Result<(PathBuf, String, Option<String>), ToolsError> {
        let me = self.clone();
        off_thread(move || {
            let seats = me.seats();
            let all = seats.values().flat_map(|seat| {
                let room = seat.table.room.as_str();
                seat.table.files.iter().map(move |file| (room, file))
            });
            let found = { all }.find(|(_, file)| file.secret == secret);
            let (room, file) = found.ok_or(ToolsError::FileGone)?;
            Ok((me.folder.file(room, &file.secret), file.name.clone(), file.picture.clone()))
        })
        .await
    }
}

impl HandoutUpload {
    /// # Errors
    /// The disk refuses, or more comes than was announced.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ToolsError> {
        self.received += bytes.len() as u64;
        if self.received > self.announced {
            return Err(ToolsError::BrokenOff);
        }
        let missing = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..missing]);
        Ok(self.file.write_all(bytes).await?)
    }

    /// Hands it to all.
    ///
    /// # Errors
    /// It is not whole, or the meeting has ended meanwhile.
    pub async fn finish(mut self) -> Result<Handout, ToolsError> {
        self.file.flush().await?;
        if self.received != self.announced {
            return Err(ToolsError::BrokenOff);
        }
        let file = KeptFile {
            secret: self.secret.clone(),
            name: self.name.clone(),
            bytes: self.received,
            picture: picture(&self.head).map(str::to_owned),
            by: self.who.name.clone(),
            at: UnixMs::now(),
        };
        let handout = file.handout();
        // It may have taken long: whoever was put out meanwhile, or may not write any more, hands out nothing.
        let again = self.tools.attendee(self.who.bearer()).await?;
        if !again.writes {
            return Err(ToolsError::MayNotWrite);
        }
        let (tools, who) = (self.tools.clone(), self.who.clone());
        off_thread(move || {
            let mut seats = tools.seats();
            let seat = seats.get_mut(who.room.as_str());
            let seat = seat.filter(|seat| seat.table.meeting == who.meeting);
            let seat = seat.ok_or(ToolsError::NotInMeeting)?;
            let mut table = seat.table.clone();
            table.files.push(file);
            tools.folder.save(&table)?;
            seat.table = table;
            Ok(())
        })
        .await?;
        self.kept = true;
        Ok(handout)
    }
}

impl Drop for HandoutUpload {
    fn drop(&mut self) {
        self.tools.came(&self.who, self.announced);
        if !self.kept {
            let path = std::mem::take(&mut self.path);
            // A disk may be slow, and this may be the runtime's thread.
            tokio::task::spawn_blocking(move || {
                if let Err(error) = std::fs::remove_file(&path).or_else(crate::files::absent) {
                    tracing::warn!(%error, "a file that broke off stays until its meeting ends");
                }
            });
        }
    }
}
