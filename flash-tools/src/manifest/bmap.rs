//! Block maps of bmap-tools, as wic writes them: which blocks of an image were ever written. Read
//! only, and of the format only what is needed: `BlockSize`, `ImageSize` and the ranges.

use std::ops::Range;

/// Bytes that the map calls mapped, in order.
///
/// # Errors
/// What is wrong with the map, or that it is another image's.
pub fn read(text: &str, image_size: u64) -> Result<Vec<Range<u64>>, String> {
    let number = |tag: &str| -> Result<u64, String> {
        let body = element(text, tag).ok_or_else(|| format!("the block map has no {tag}"))?;
        body.trim().parse().map_err(|_| format!("the block map's {tag} is no number"))
    };
    let block = number("BlockSize")?;
    if block == 0 || block > 1 << 24 {
        return Err(format!("the block map's blocks have {block} bytes"));
    }
    let size = number("ImageSize")?;
    if size != image_size {
        return Err(format!("the block map is for {size} bytes, the image has {image_size}"));
    }
    let map = element(text, "BlockMap").ok_or("the block map has no BlockMap")?;
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for piece in map.split("<Range").skip(1) {
        let blocks = piece.split_once('>').and_then(|(_, rest)| rest.split_once("</Range>"));
        let (blocks, _) = blocks.ok_or("the block map's ranges do not end")?;
        let blocks = blocks.trim();
        let (first, last) = blocks.split_once('-').unwrap_or((blocks, blocks));
        let bound = |text: &str| text.trim().parse::<u64>().ok();
        let range = bound(first).zip(bound(last)).and_then(|(first, last)| {
            let begin = first.checked_mul(block)?;
            let end = last.checked_add(1)?.checked_mul(block)?;
            let after = ranges.last().map_or(0, |before| before.end);
            (begin < end && begin >= after && begin < size).then(|| begin..end.min(size))
        });
        ranges
            .push(range.ok_or_else(|| format!("the block map's range {blocks:?} makes no sense"))?);
    }
    Ok(ranges)
}

fn element<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let begin = text.find(&format!("<{tag}>")).map(|at| at + tag.len() + 2)?;
    let end = text[begin..].find(&format!("</{tag}>"))?;
    Some(&text[begin..begin + end])
}
