//! Partition tables against another reader, and broken ones.

use crate::command::skipped;
use crate::image::{MIB, raw};
use roombox_flash::gpt::{Gpt, GptError, Guid};
use std::fs;
use std::process::Command;

#[test]
fn sfdisk_reads_what_is_written_here() {
    let image = raw(5, 3);
    let table = Gpt::read_head(&image).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk.img");
    let mut disk = vec![0; 30 * MIB];
    let (head, tail) = table.fitted(disk.len() as u64, 512).unwrap();
    disk[..head.len()].copy_from_slice(&head);
    let end = disk.len() - tail.len();
    disk[end..].copy_from_slice(&tail);
    fs::write(&path, &disk).unwrap();
    let Ok(said) = Command::new("sfdisk").args(["--json"]).arg(&path).output() else {
        skipped("sfdisk is not installed");
        return;
    };
    assert!(said.stderr.is_empty(), "{}", String::from_utf8_lossy(&said.stderr));
    let said: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    let told = &said["partitiontable"];
    assert_eq!(told["id"].as_str().unwrap().to_lowercase(), table.disk.to_string());
    assert_eq!(told["lastlba"], 30 * MIB as u64 / 512 - 34);
    for (entry, told) in table.entries.iter().zip(told["partitions"].as_array().unwrap()) {
        assert_eq!(told["start"].as_u64().unwrap() * 512, entry.offset);
        assert_eq!(told["size"].as_u64().unwrap() * 512, entry.size);
        assert_eq!(told["name"], entry.label.as_str());
        assert_eq!(told["uuid"].as_str().unwrap().to_lowercase(), entry.guid.to_string());
    }
    assert_eq!(Guid::ESP.to_string(), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
}

#[test]
fn a_flipped_bit_anywhere_in_a_table_is_seen() {
    let image = raw(5, 3);
    for at in (512..512 + 92).chain([1024, 1024 + 33, 1024 + 128 * 5]) {
        let mut broken = image[..MIB].to_vec();
        broken[at] ^= 4;
        assert!(Gpt::read_head(&broken).is_err(), "byte {at}");
    }
    assert_eq!(Gpt::read_head(&image[..700]), Err(GptError::Damaged("its entries lie elsewhere")));
    assert_eq!(Gpt::read_head(&[0; 4096]), Err(GptError::Missing));
}

#[test]
fn a_table_that_does_not_fit_the_disk_is_not_made() {
    let table = Gpt::read_head(&raw(5, 3)).unwrap();
    assert!(table.fitted(10 * MIB as u64, 512).is_err());
    let mut odd = table.clone();
    odd.entries[0].size = 512;
    assert!(odd.fitted(30 * MIB as u64, 512).is_ok());
    assert!(odd.fitted(30 * MIB as u64, 4096).unwrap_err().to_string().contains("whole blocks"));
}
