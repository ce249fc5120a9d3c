//! Questions, to people who are there to answer.

use crate::tell::Teller;
use roombox_flash::error::FlashError;
use std::io::{BufRead as _, IsTerminal as _};

/// Asks for a certain answer.
///
/// # Errors
/// Another answer, or nobody there.
pub fn ask(teller: &Teller, question: &str, answer: &str, instead: &str) -> Result<(), FlashError> {
    if teller.is_json() || !std::io::stdin().is_terminal() {
        return Err(FlashError::Usage(format!("nobody is there to be asked: {instead}")));
    }
    eprint!("{question}\nType {answer} to go on: ");
    let mut line = String::new();
    let _ = std::io::stdin().lock().read_line(&mut line);
    match line.trim() == answer {
        true => Ok(()),
        false => Err(FlashError::Usage("that was another answer: nothing was written".to_owned())),
    }
}

/// Reads a line, if somebody is there.
pub fn choose(question: &str) -> Option<String> {
    if !std::io::stdin().is_terminal() {
        return None;
    }
    eprint!("{question} ");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).ok()?;
    Some(line.trim().to_owned())
}
