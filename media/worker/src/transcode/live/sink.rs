//! A connection to somebody else's server, by RTMP or SRT: a small pipeline of its own.
//!
//! ```text
//! pictures ─ appsrc ─┐
//!                    ├─ flvmux ── rtmp2sink      (or mpegtsmux ── srtsink)
//! sound ──── appsrc ─┘
//! ```

use super::unit::{Heads, Unit};
use gst::prelude::*;
use gstreamer as gst;
use roombox_jobs::live::Destination;
use roombox_transcode::h264;
use roombox_transcode::mix::RATE;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Once so much has come to the sink the first of it has left it: until then it holds its input up.
const ARRIVES: u64 = 4;

/// An open connection. Dropped, it ends.
pub struct Sink {
    pipeline: gst::Pipeline,
    picture: gst::Element,
    sound: gst::Element,
    bus: gst::Bus,
    sent: Arc<Sent>,
    /// Of a transport stream: pictures come with start codes, keyframes with their parameters.
    parameters: Option<Vec<u8>>,
    base_us: u64,
    /// What must not be said to anybody.
    secrets: Vec<String>,
}

#[derive(Default)]
struct Sent {
    bytes: AtomicU64,
    calls: AtomicU64,
}

impl Sink {
    /// Begins to connect.
    ///
    /// # Errors
    /// An element is missing, or refuses the address; in words.
    pub fn open(to: &Destination, heads: &Heads) -> Result<Self, String> {
        let (url, muxer, last) = match to {
            Destination::Rtmp { url } => (url, "flvmux", "rtmp2sink"),
            Destination::Srt { url } => (url, "mpegtsmux", "srtsink"),
            Destination::Hls { .. } => return Err("segments need no connection".to_owned()),
        };
        let transport = matches!(to, Destination::Srt { .. });
        let wired = || -> Result<Self, gst::glib::BoolError> {
            let pipeline = gst::Pipeline::new();
            let picture = source(&picture_caps(&heads.picture, transport))?;
            let sound = source(&sound_caps(&heads.sound))?;
            let muxer = gst::ElementFactory::make(muxer).build()?;
            let sink = gst::ElementFactory::make(last).build()?;
            match transport {
                true => {
                    // As many packets as go into one of SRT's.
                    muxer.set_property_from_str("alignment", "7");
                    sink.set_property_from_str("uri", url);
                    sink.set_property_from_str("mode", "caller");
                    // It is ours to try again, and to say why.
                    if sink.has_property("auto-reconnect") {
                        sink.set_property_from_str("auto-reconnect", "false");
                    }
                }
                false => {
                    muxer.set_property_from_str("streamable", "true");
                    sink.set_property_from_str("location", url);
                }
            }
            sink.set_property_from_str("sync", "false");
            sink.set_property_from_str("async", "false");
            pipeline.add_many([&picture, &sound, &muxer, &sink])?;
            let pads = if transport { ["sink_%d"; 2] } else { ["video", "audio"] };
            picture.link_pads(Some("src"), &muxer, Some(pads[0]))?;
            sound.link_pads(Some("src"), &muxer, Some(pads[1]))?;
            muxer.link(&sink)?;
            let sent = Arc::new(Sent::default());
            count(&sink, sent.clone());
            let bus = pipeline.bus().ok_or_else(|| gst::glib::bool_error!("it has no bus"))?;
            let parameters = transport.then(|| h264::parameter_sets(&heads.picture));
            Ok(Self {
                pipeline,
                picture,
                sound,
                bus,
                sent,
                parameters: parameters.flatten(),
                base_us: heads.at_us,
                secrets: secrets(url),
            })
        };
        let sink = wired().map_err(|error| error.to_string())?;
        match sink.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(sink),
            Err(_) => Err(sink.trouble().unwrap_or_else(|| "it does not start".to_owned())),
        }
    }

    /// Hands over a unit; what was before the beginning is left out.
    pub fn push(&self, unit: &Unit) {
        let Some(at_us) = unit.at_us.checked_sub(self.base_us) else { return };
        let data = match &self.parameters {
            Some(parameters) if unit.picture => {
                let mut bytes = if unit.keyframe { parameters.clone() } else { Vec::new() };
                h264::append_annex_b(&unit.data, &mut bytes);
                bytes
            }
            _ => unit.data.clone(),
        };
        let mut buffer = gst::Buffer::from_mut_slice(data);
        if let Some(buffer) = buffer.get_mut() {
            let at = gst::ClockTime::from_useconds(at_us);
            buffer.set_pts(at);
            buffer.set_dts(at);
            if !unit.keyframe {
                buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
            }
        }
        let into = if unit.picture { &self.picture } else { &self.sound };
        // What it refuses is said on the bus.
        let _ = into.emit_by_name::<gst::FlowReturn>("push-buffer", &[&buffer]);
    }

    /// Why it broke off, if it did.
    pub fn trouble(&self) -> Option<String> {
        let mut first = None;
        while let Some(message) = self.bus.pop() {
            let said = match message.view() {
                gst::MessageView::Error(error) => {
                    let debug = error.debug();
                    // The first line says where in the code.
                    let cause = debug.as_deref().and_then(|text| text.lines().nth(1));
                    in_words(&error.error().to_string(), cause)
                }
                gst::MessageView::Eos(_) => "the server has hung up".to_owned(),
                _ => continue,
            };
            first.get_or_insert(said);
        }
        first.map(|said| redacted(&said, &self.secrets))
    }

    /// Whether it has arrived.
    pub fn arrives(&self) -> bool {
        self.sent.calls.load(Ordering::Relaxed) >= ARRIVES
    }

    pub fn bytes(&self) -> u64 {
        self.sent.bytes.load(Ordering::Relaxed)
    }

    /// Bytes that wait for the network.
    pub fn waiting(&self) -> u64 {
        let level = |source: &gst::Element| source.property::<u64>("current-level-bytes");
        level(&self.picture) + level(&self.sound)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // Nothing can be done about a pipeline that does not stop.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn source(caps: &gst::Caps) -> Result<gst::Element, gst::glib::BoolError> {
    let source = gst::ElementFactory::make("appsrc").build()?;
    source.set_property("caps", caps);
    source.set_property_from_str("format", "time");
    // Whoever pushes looks how much waits.
    source.set_property("max-bytes", 0u64);
    Ok(source)
}

fn picture_caps(config: &[u8], transport: bool) -> gst::Caps {
    let caps = gst::Caps::builder("video/x-h264").field("alignment", "au");
    match transport {
        true => caps.field("stream-format", "byte-stream").build(),
        false => {
            let config = gst::Buffer::from_slice(config.to_vec());
            caps.field("stream-format", "avc").field("codec_data", config).build()
        }
    }
}

fn sound_caps(config: &[u8]) -> gst::Caps {
    let channels = config.get(1).map_or(2, |byte| i32::from(byte >> 3 & 15));
    gst::Caps::builder("audio/mpeg")
        .field("mpegversion", 4i32)
        .field("stream-format", "raw")
        .field("framed", true)
        .field("rate", RATE as i32)
        .field("channels", channels)
        .field("codec_data", gst::Buffer::from_slice(config.to_vec()))
        .build()
}

fn count(sink: &gst::Element, sent: Arc<Sent>) {
    let Some(pad) = sink.static_pad("sink") else { return };
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pad.add_probe(kinds, move |_, info| {
        let bytes = match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => buffer.size(),
            Some(gst::PadProbeData::BufferList(list)) => list.calculate_size(),
            _ => 0,
        };
        sent.calls.fetch_add(1, Ordering::Relaxed);
        sent.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        gst::PadProbeReturn::Ok
    });
}

/// What happened and, where it is known and no number, why.
fn in_words(what: &str, cause: Option<&str>) -> String {
    let what = what.trim().trim_end_matches('.');
    let cause = cause.map(|cause| cause.trim().trim_end_matches('.'));
    match cause.filter(|cause| !cause.is_empty() && !cause.starts_with("domain ")) {
        Some(cause) => format!("{what}: {cause}"),
        None => what.to_owned(),
    }
}

/// What in an address is nobody's business: all of it, its path, each value of its query.
fn secrets(url: &str) -> Vec<String> {
    let mut secrets = vec![url.to_owned()];
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    if let Some((user, _)) = rest.split('/').next().and_then(|host| host.rsplit_once('@')) {
        secrets.push(user.to_owned());
        secrets.extend(user.split(':').skip(1).map(str::to_owned));
    }
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    secrets.extend(path.split('/').skip(2).map(str::to_owned));
    // A piece without a name is a value.
    let value = |pair: &str| pair.split_once('=').map_or(pair, |(_, value)| value).to_owned();
    secrets.extend(query.split('&').map(value));
    secrets.retain(|secret| secret.len() > 2);
    // Longer ones first: they may contain others.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

fn redacted(said: &str, secrets: &[String]) -> String {
    secrets.iter().fold(said.to_owned(), |said, secret| said.replace(secret, "•••"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sink_says_has_no_keys_in_it() {
        let url = "rtmp://me:word@live.example/app/abc-def?auth=hidden";
        let said =
            "cannot publish 'abc-def' at rtmp://me:word@live.example/app/abc-def?auth=hidden";
        let kept = redacted(said, &secrets(url));
        assert_eq!(kept, "cannot publish '•••' at •••");
        let kept = redacted("user me, word, says no-name", &secrets(&format!("{url}&no-name")));
        assert_eq!(kept, "user me, •••, says •••");
        let srt = secrets("srt://a.example:9000?passphrase=0123456789&streamid=room");
        let kept = redacted("0123456789 does not fit; srt://a.example:9000 room", &srt);
        assert_eq!(kept, "••• does not fit; srt://a.example:9000 •••");
    }

    #[test]
    fn what_happened_is_said_in_words() {
        let number = Some("domain g-io-error-quark, code 44");
        assert_eq!(in_words("Connection refused.", number), "Connection refused");
        let said = in_words("Could not write.", Some("publish failed: BadName."));
        assert_eq!(said, "Could not write: publish failed: BadName");
        assert_eq!(in_words("Gone", None), "Gone");
    }
}
