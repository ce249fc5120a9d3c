//! Long lists in pages: how long one may be, and where the next one begins.

use crate::error::ControlError;

/// Items in one answer.
const LONGEST: u32 = 200;

/// Whether somebody may ask for a page of so many.
///
/// # Errors
/// It is empty, or too long.
pub(crate) fn checked(limit: u32) -> Result<(), ControlError> {
    match limit {
        1..=LONGEST => Ok(()),
        _ => Err(ControlError::OutOfRange { field: "limit", least: 1, most: LONGEST }),
    }
}

/// Of one row more than a page has, the page; and after which row the next one begins, if there is one.
pub(crate) fn page<T, M>(rows: &mut Vec<T>, limit: u32, mark: impl Fn(&T) -> M) -> Option<M> {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    rows.last().filter(|_| more).map(mark)
}
