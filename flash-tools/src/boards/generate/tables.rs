//! Tables that programs read: the daemon's facts of its own board, `roomflash`'s of all.

use super::super::{Board, LaidOut, Layout};
use serde_json::{Value, json};

/// `/usr/share/roombox/board.json`: what the daemon believes until it has tried.
pub fn board(board: &Board, layout: &Layout) -> String {
    pretty(&json!({
        "id": board.id,
        "name": board.name,
        "compatible": board.compatible,
        "progressive_transcode_above": board.progressive_transcode_above,
        "boot_class": layout.boot_class(),
        "watchdog_seconds": board.watchdog.seconds,
        "leds": board.led.iter().map(|led| json!({ "sysfs": led.sysfs, "shows": led.shows }))
            .collect::<Vec<_>>(),
        "codecs": board.codec,
    }))
}

/// What the flash tool needs: sizes, labels, ways of recovery.
pub fn roomflash(boards: &[LaidOut]) -> String {
    pretty(&Value::Array(boards.iter().map(one).collect()))
}

fn one(laid_out: &LaidOut) -> Value {
    let LaidOut { board, layout } = laid_out;
    let partitions: Vec<Value> = layout
        .places()
        .map(|place| {
            json!({
                "number": place.number,
                "label": place.partition.label,
                "offset": place.offset.bytes(),
                "size": place.partition.size.bytes(),
                "fs": place.partition.fs.name(),
            })
        })
        .collect();
    json!({
        "id": board.id,
        "name": board.name,
        "compatible": board.compatible,
        "smallest_disk": board.smallest_disk.bytes(),
        "image_size": layout.image_size().bytes(),
        "partitions": partitions,
        "recovery": board.recovery,
    })
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
