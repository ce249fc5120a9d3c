//! The provisioning file on its way to a box: read, checked against the one schema, matched with what
//! the image understands, and made for many boxes from a table.

use crate::error::FlashError;
use crate::fat::FatFile;
use crate::manifest::{Manifest, hex};
use aws_lc_rs::digest::{SHA256, digest};
use roombox_provision::{Provisioning, SCHEMA, Settings, parse};
use std::io::Read;
use std::path::Path;

/// Where a box looks for it, on its boot FAT.
pub const FILE: &str = "roombox.toml";

/// A file that was read and is sound. Its text holds secrets and is shown nowhere.
#[derive(Clone)]
pub struct ProvisionFile {
    text: String,
    parsed: Provisioning,
}

impl std::fmt::Debug for ProvisionFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProvisionFile").field("keys", &self.shown()).finish()
    }
}

impl ProvisionFile {
    /// Reads a file, or standard input where `path` is `-`: secrets never stand in a command line.
    ///
    /// # Errors
    /// A file that cannot be read, or in which something will not do, with its line.
    pub fn read(path: &Path) -> Result<Self, FlashError> {
        let name = path.display();
        let unreadable = |error: std::io::Error| {
            FlashError::Provisioning(format!("{name} cannot be read: {error}"))
        };
        let text = if path == Path::new("-") {
            let mut text = String::new();
            std::io::stdin().lock().take(1 << 20).read_to_string(&mut text).map_err(unreadable)?;
            text
        } else {
            std::fs::read_to_string(path).map_err(unreadable)?
        };
        Self::parse(text).map_err(|why| FlashError::Provisioning(format!("{name}, {why}")))
    }

    /// Takes a text.
    ///
    /// # Errors
    /// Line and reason of the first thing that will not do.
    pub fn parse(text: String) -> Result<Self, String> {
        let parsed = parse(&text).map_err(|error| error.to_string())?;
        Ok(Self { text, parsed })
    }

    /// That the image reads files of this schema: nothing is worse than a configuration that is
    /// silently ignored.
    ///
    /// # Errors
    /// It does not.
    pub fn fits(&self, manifest: &Manifest) -> Result<(), FlashError> {
        let told = match manifest.provision_schema {
            Some(SCHEMA) if manifest.boot_partition().is_some() => return Ok(()),
            Some(SCHEMA) => "the image has no boot FAT where it would look for it".to_owned(),
            Some(other) => format!(
                "the image reads schema {other}, this file is of schema {SCHEMA}: take a roomflash and \
                 an image of the same release"
            ),
            None => "the image does not read provisioning files: write it without one".to_owned(),
        };
        Err(FlashError::Provisioning(format!("{told}. Nothing was written")))
    }

    /// What goes onto the FAT.
    pub fn fat_file(&self) -> FatFile {
        FatFile { path: FILE.to_owned(), bytes: self.text.clone().into_bytes() }
    }

    /// Keys, with values that are no secrets.
    pub fn shown(&self) -> Vec<String> {
        self.parsed
            .redacted()
            .iter()
            .map(|entry| format!("{} = {}", entry.key, entry.value))
            .collect()
    }

    /// SHA-256 of the text, for receipts.
    pub fn digest(&self) -> String {
        hex(digest(&SHA256, self.text.as_bytes()).as_ref())
    }

    /// The disk that an installer may overwrite without a question.
    pub fn install_disk(&self) -> Option<&str> {
        self.parsed.install.as_ref().map(|install| install.disk.as_str())
    }
}

/// One box of a table.
#[derive(Debug)]
pub struct Boxed {
    /// Serial number of the disk that it is for.
    pub serial: String,
    /// Its file's text.
    pub text: String,
    /// The file.
    pub file: ProvisionFile,
}

/// One file for each row of a table (RFC 4180, first row: names of columns). The column `serial`
/// names the disk; every other one is a key like `box.name`, put over those of `base`.
///
/// # Errors
/// The row and what will not do.
pub fn batch(table: &str, base: &str) -> Result<Vec<Boxed>, FlashError> {
    let wrong =
        |row: usize, why: String| FlashError::Provisioning(format!("table, row {row}: {why}"));
    let rows = rows(table).map_err(|(row, why)| wrong(row, why))?;
    let mut rows = rows.into_iter();
    let columns = rows.next().ok_or_else(|| wrong(1, "it is empty".to_owned()))?;
    let serial_at = columns
        .iter()
        .position(|column| column == "serial")
        .ok_or_else(|| wrong(1, "no column is called serial".to_owned()))?;
    let base: toml::Table = toml::from_str(base)
        .map_err(|error| FlashError::Provisioning(format!("base file: {}", error.message())))?;
    let defaults = serde_json::to_value(Settings::default()).unwrap_or_default();
    let mut boxes: Vec<Boxed> = Vec::new();
    for (n, cells) in rows.enumerate() {
        let row = n + 2;
        if cells.len() != columns.len() {
            let why = format!("it has {} cells, the first row {}", cells.len(), columns.len());
            return Err(wrong(row, why));
        }
        let mut values = base.clone();
        for (column, cell) in columns.iter().zip(&cells).filter(|(_, cell)| !cell.is_empty()) {
            if column == "serial" {
                continue;
            }
            let (section, name) = column
                .split_once('.')
                .ok_or_else(|| wrong(1, format!("column {column:?}: write it as box.name")))?;
            let value = match &defaults[section][name] {
                serde_json::Value::Number(_) => toml::Value::Integer(
                    cell.parse().map_err(|_| wrong(row, format!("{column} is no whole number")))?,
                ),
                _ => toml::Value::String(cell.clone()),
            };
            values
                .entry(section)
                .or_insert_with(|| toml::Value::Table(toml::Table::new()))
                .as_table_mut()
                .ok_or_else(|| wrong(row, format!("{section} of the base file is no section")))?
                .insert(name.to_owned(), value);
        }
        let serial = cells[serial_at].clone();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if serial.is_empty() || serial.starts_with('.') || !serial.bytes().all(plain) {
            return Err(wrong(row, "serial is empty or has odd characters".to_owned()));
        }
        if boxes.iter().any(|other| other.serial == serial) {
            return Err(wrong(row, format!("the serial number {serial} stands there twice")));
        }
        let text = toml::to_string(&values).map_err(|error| wrong(row, error.to_string()))?;
        // Lines of a made file mean nothing to whoever wrote the table.
        let file = ProvisionFile::parse(text.clone()).map_err(|why| {
            wrong(row, why.split_once(": ").map_or(why.clone(), |(_, what)| what.to_owned()))
        })?;
        boxes.push(Boxed { serial, text, file });
    }
    Ok(boxes)
}

/// Rows and cells, with quotes where a cell holds commas, quotes or line ends.
fn rows(table: &str) -> Result<Vec<Vec<String>>, (usize, String)> {
    let table = table.strip_prefix('\u{feff}').unwrap_or(table);
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut was_quoted) = (false, false);
    let mut characters = table.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() && !was_quoted => (quoted, was_quoted) = (true, true),
            _ if quoted => cell.push(character),
            '"' => return Err((rows.len() + 1, "a quote stands within a cell".to_owned())),
            '\r' if characters.peek() == Some(&'\n') => {}
            ',' | '\n' => {
                row.push(std::mem::take(&mut cell).trim().to_owned());
                was_quoted = false;
                if character == '\n' {
                    rows.push(std::mem::take(&mut row));
                }
            }
            _ => cell.push(character),
        }
    }
    if quoted {
        return Err((rows.len() + 1, "a quote does not end".to_owned()));
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell.trim().to_owned());
        rows.push(row);
    }
    rows.retain(|row| row.iter().any(|cell| !cell.is_empty()));
    Ok(rows)
}
