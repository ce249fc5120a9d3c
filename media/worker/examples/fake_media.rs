//! `roombox-media` on a machine with hardware that breaks: for tests, never shipped.
//!
//! Elements with the names of the real ones, their pads and some of their traps, around openh264. The
//! environment variable `ROOMBOX_FAKE_ENCODERS` names a file with one object of JSON: which elements there
//! are, and what each does wrong, read anew for each encoder that is made:
//! `{"vah264lpenc": "hang:40", "vah264enc": ""}`. A fault begins with the picture of that number, from 0;
//! `start` (it does not start), `error`, `hang`, `garbage` (another picture), `noise` (no H.264), `lose` (no
//! more pictures), `slow`, `crash`.

#![allow(clippy::unwrap_used, reason = "a test's program")]

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gstreamer as gst;
use serde_json::Value;
use std::process::ExitCode;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const VARIABLE: &str = "ROOMBOX_FAKE_ENCODERS";

/// What the file says: element, fault.
fn told() -> Vec<(String, String)> {
    let Some(path) = std::env::var_os(VARIABLE) else { return Vec::new() };
    let text = std::fs::read(path).unwrap();
    let Value::Object(told) = serde_json::from_slice(&text).unwrap() else { panic!("no object") };
    told.into_iter().map(|(element, fault)| (element, fault.as_str().unwrap().into())).collect()
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Start,
    Error,
    Hang,
    Garbage,
    Noise,
    Lose,
    Slow,
    Crash,
}

/// A fault, and the picture that it begins with.
fn parsed(text: &str) -> Option<(Fault, u64)> {
    let (name, from) = text.split_once(':').unwrap_or((text, "0"));
    let fault = match name {
        "" => return None,
        "start" => Fault::Start,
        "error" => Fault::Error,
        "hang" => Fault::Hang,
        "garbage" => Fault::Garbage,
        "noise" => Fault::Noise,
        "lose" => Fault::Lose,
        "slow" => Fault::Slow,
        "crash" => Fault::Crash,
        other => panic!("no such fault: {other}"),
    };
    Some((fault, from.parse().unwrap()))
}

/// What it is told, and does not care about.
fn properties() -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecUInt::builder("bitrate").build(),
        glib::ParamSpecUInt::builder("key-int-max").maximum(1024).build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("extra-controls").build(),
    ]
}

fn pad_templates() -> Vec<gst::PadTemplate> {
    // What most hardware wants.
    let takes = gst::Caps::builder("video/x-raw").field("format", "NV12").build();
    let makes = gst::Caps::builder("video/x-h264").build();
    let (always, sink, src) =
        (gst::PadPresence::Always, gst::PadDirection::Sink, gst::PadDirection::Src);
    vec![
        gst::PadTemplate::new("sink", sink, always, &takes).unwrap(),
        gst::PadTemplate::new("src", src, always, &makes).unwrap(),
    ]
}

/// Puts an encoder that works into it.
fn furnish(bin: &gst::Bin) {
    let make = |name| gst::ElementFactory::make(name).build().unwrap();
    let (convert, encoder) = (make("videoconvert"), make("openh264enc"));
    encoder.set_property("bitrate", 2_000_000u32);
    bin.add_many([&convert, &encoder]).unwrap();
    convert.link(&encoder).unwrap();
    for (element, name) in [(&convert, "sink"), (&encoder, "src")] {
        let target = element.static_pad(name).unwrap();
        let template = bin.pad_template(name).unwrap();
        let ghost = gst::GhostPad::from_template_with_target(&template, &target).unwrap();
        bin.add_pad(&ghost).unwrap();
    }
}

/// False: it does not start.
fn wake(bin: &gst::Bin, name: &str) -> bool {
    let told = told().into_iter().find(|(element, _)| *element == name);
    let fault = told.and_then(|(_, fault)| parsed(&fault));
    if matches!(fault, Some((Fault::Start, _))) {
        gst::element_error!(bin, gst::ResourceError::OpenReadWrite, ["the driver says no"]);
        return false;
    }
    break_in(bin, name.starts_with("v4l2"), fault);
    true
}

fn break_in(bin: &gst::Bin, v4l2: bool, fault: Option<(Fault, u64)>) {
    let (sink, src) = (bin.static_pad("sink").unwrap(), bin.static_pad("src").unwrap());
    let wrong = move |count: &AtomicU64| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        fault.filter(|(_, from)| number >= *from).map(|(fault, _)| fault)
    };
    let (weak, given) = (bin.downgrade(), AtomicU64::new(0));
    sink.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let Some(bin) = weak.upgrade() else { return gst::PadProbeReturn::Ok };
        // Without a level a Raspberry Pi takes 1.0, and refuses anything above 128×96.
        let wanted = bin.static_pad("src").unwrap().peer_query_caps(None);
        let said = wanted.structure(0).is_some_and(|shape| shape.has_field("level"));
        match if v4l2 && !said { Some(Fault::Error) } else { wrong(&given) } {
            Some(Fault::Error) => {
                let what = "the hardware reports an error";
                gst::element_error!(bin, gst::StreamError::Encode, ["{what}"]);
                return gst::PadProbeReturn::Drop;
            }
            Some(Fault::Hang) => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            Some(Fault::Slow) => std::thread::sleep(Duration::from_millis(400)),
            Some(Fault::Crash) => std::process::abort(),
            Some(Fault::Lose) => return gst::PadProbeReturn::Drop,
            Some(Fault::Garbage) => replace(info, |size| vec![0; size]),
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    let made = AtomicU64::new(0);
    src.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if wrong(&made) == Some(Fault::Noise) {
            replace(info, noise);
        }
        gst::PadProbeReturn::Ok
    });
    src.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(event) = info.event_mut()
            && let gst::EventView::Caps(told) = event.view()
            && v4l2
        {
            let mut caps = told.caps_owned();
            caps.make_mut().set("level", "4");
            *event = gst::event::Caps::new(&caps);
        }
        gst::PadProbeReturn::Ok
    });
}

fn replace(info: &mut gst::PadProbeInfo<'_>, with: impl FnOnce(usize) -> Vec<u8>) {
    let Some(buffer) = info.buffer_mut() else { return };
    let mut other = gst::Buffer::from_mut_slice(with(buffer.size()));
    other.get_mut().unwrap().set_pts(buffer.pts());
    *buffer = other;
}

/// A slice that is none.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 9u32;
    let mut bytes = vec![0, 0, 0, 1, 0x41];
    bytes.resize_with(size.max(200), || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8 | 1
    });
    bytes
}

/// A class for each: GStreamer knows an element's factory by its class.
macro_rules! fakes {
    ($($module:ident $class:ident $element:literal)*) => {
        $(
            mod $module {
                use super::*;

                #[derive(Default)]
                pub struct Inside;

                #[glib::object_subclass]
                impl ObjectSubclass for Inside {
                    const NAME: &'static str = stringify!($class);
                    type Type = super::$class;
                    type ParentType = gst::Bin;
                }

                impl ObjectImpl for Inside {
                    fn properties() -> &'static [glib::ParamSpec] {
                        static ALL: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(properties);
                        &ALL
                    }

                    fn set_property(&self, _: usize, _: &glib::Value, _: &glib::ParamSpec) {}

                    fn property(&self, _: usize, spec: &glib::ParamSpec) -> glib::Value {
                        spec.default_value().clone()
                    }

                    fn constructed(&self) {
                        self.parent_constructed();
                        furnish(self.obj().upcast_ref());
                    }
                }

                impl GstObjectImpl for Inside {}

                impl ElementImpl for Inside {
                    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
                        static ALL: LazyLock<gst::subclass::ElementMetadata> =
                            LazyLock::new(|| {
                                let kind = "Codec/Encoder/Video/Hardware";
                                let name = "An encoder that breaks";
                                gst::subclass::ElementMetadata::new(name, kind, "Tests", "Roombox")
                            });
                        Some(&ALL)
                    }

                    fn pad_templates() -> &'static [gst::PadTemplate] {
                        static ALL: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(pad_templates);
                        &ALL
                    }

                    fn change_state(
                        &self,
                        change: gst::StateChange,
                    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
                        let wakes = change == gst::StateChange::NullToReady;
                        if wakes && !wake(self.obj().upcast_ref(), $element) {
                            return Err(gst::StateChangeError);
                        }
                        self.parent_change_state(change)
                    }
                }

                impl BinImpl for Inside {}
            }

            glib::wrapper! {
                pub struct $class(ObjectSubclass<$module::Inside>)
                    @extends gst::Bin, gst::Element, gst::Object;
            }
        )*

        fn class(element: &str) -> glib::Type {
            match element {
                $($element => $class::static_type(),)*
                other => panic!("there is no fake of {other}"),
            }
        }
    };
}

fakes! {
    low_power FakeLowPower "vah264lpenc"
    va FakeVa "vah264enc"
    v4l2 FakeV4l2 "v4l2h264enc"
}

fn main() -> ExitCode {
    gst::init().unwrap();
    for (element, _) in told() {
        gst::Element::register(None, &element, gst::Rank::NONE, class(&element)).unwrap();
    }
    roombox_worker::command_line::run()
}
