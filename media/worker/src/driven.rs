//! One GStreamer element, driven by hand.
//!
//! A buffer is pushed into the element on the caller's thread, and what comes out is collected on
//! the way. There is no pipeline: no queues that fill, no clock, no state that arrives later, and
//! what a decoder makes of a frame is known when `push` returns. Two runs do the same. Elements
//! are chosen by factory name, never by rank.

use gstreamer as gst;
use gstreamer::prelude::*;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// What went wrong with an element.
#[derive(Debug, thiserror::Error)]
pub enum ElementError {
    #[error("the GStreamer element {0} is not installed")]
    Missing(String),
    #[error("the GStreamer element {element} cannot be set up: {what}")]
    Setup { element: String, what: String },
    #[error("the GStreamer element {element} failed: {what}")]
    Failed { element: String, what: String },
}

/// Something that came out of an element.
pub struct Made {
    pub buffer: gst::Buffer,
    /// The format it was made in.
    pub caps: Option<gst::Caps>,
}

/// What an element is told, as `gst-launch-1.0` takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub property: &'static str,
    pub value: String,
    /// Installed versions, or devices, that know nothing of it do without.
    pub optional: bool,
}

impl Setting {
    pub fn must(property: &'static str, value: impl ToString) -> Self {
        Self { property, value: value.to_string(), optional: false }
    }

    pub fn wish(property: &'static str, value: impl ToString) -> Self {
        Self { optional: true, ..Self::must(property, value) }
    }
}

type Pile = Arc<Mutex<VecDeque<Made>>>;

/// The element with a pad before and a pad behind it.
pub struct Driven {
    name: String,
    element: gst::Element,
    input: gst::Pad,
    output: gst::Pad,
    bus: gst::Bus,
    made: Pile,
}

/// True if a factory of this name is installed.
pub fn installed(factory: &str) -> bool {
    gst::ElementFactory::find(factory).is_some()
}

impl Driven {
    /// Sets up an element that is fed `takes` and must make `makes`.
    ///
    /// # Errors
    /// The element is not installed, lacks a property that it must have, or does not start.
    pub fn new(
        factory: &str,
        settings: &[Setting],
        takes: &gst::Caps,
        makes: &gst::Caps,
    ) -> Result<Self, ElementError> {
        let element = make(factory, settings)?;
        Self::of(element, factory, takes, makes)
    }

    /// Like [`Driven::new`], with an element that brings the input into the right form before.
    ///
    /// # Errors
    /// As there.
    pub fn behind(
        before: &str,
        factory: &str,
        settings: &[Setting],
        takes: &gst::Caps,
        makes: &gst::Caps,
    ) -> Result<Self, ElementError> {
        let elements = [make(before, &[])?, make(factory, settings)?];
        let wire = || -> Result<gst::Bin, gst::glib::BoolError> {
            let bin = gst::Bin::new();
            bin.add_many(&elements)?;
            gst::Element::link_many(&elements)?;
            for (element, name) in [(&elements[0], "sink"), (&elements[1], "src")] {
                let pad = element.static_pad(name);
                let pad = pad.ok_or_else(|| gst::glib::bool_error!("it has no pad {name}"))?;
                bin.add_pad(&gst::GhostPad::with_target(&pad)?)?;
            }
            Ok(bin)
        };
        let bin = wire().map_err(|error| ElementError::Setup {
            element: factory.to_owned(),
            what: error.to_string(),
        })?;
        Self::of(bin.upcast(), factory, takes, makes)
    }

    fn of(
        element: gst::Element,
        factory: &str,
        takes: &gst::Caps,
        makes: &gst::Caps,
    ) -> Result<Self, ElementError> {
        let name = factory.to_owned();
        let setup = |what: &str| ElementError::Setup { element: name.clone(), what: what.into() };
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        let made = Pile::default();
        let input = gst::Pad::builder(gst::PadDirection::Src).build();
        let output = collector(makes, made.clone()).map_err(|error| setup(&error.to_string()))?;
        let (Some(sink), Some(src)) = (element.static_pad("sink"), element.static_pad("src"))
        else {
            return Err(setup("it has no pads sink and src"));
        };
        input.link(&sink).map_err(|error| setup(&error.to_string()))?;
        src.link(&output).map_err(|error| setup(&error.to_string()))?;
        let driven = Self { name: name.clone(), element, input, output, bus, made };
        let active = |error: gst::glib::BoolError| setup(&error.to_string());
        driven.output.set_active(true).map_err(active)?;
        driven.input.set_active(true).map_err(active)?;
        driven.element.set_state(gst::State::Playing).map_err(|_| driven.failure("no start"))?;
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        let begun = driven.input.push_event(gst::event::StreamStart::new("roombox"))
            && driven.input.push_event(gst::event::Caps::new(takes))
            && driven.input.push_event(gst::event::Segment::new(&segment));
        match begun {
            true => Ok(driven),
            false => Err(driven.failure(&format!("it refuses {takes}"))),
        }
    }

    /// Gives the element a buffer.
    ///
    /// # Errors
    /// The element reports an error; its own words are in it where it has some.
    pub fn push(&self, buffer: gst::Buffer) -> Result<(), ElementError> {
        let pushed = self.input.push(buffer);
        let reported = self.reported();
        match (pushed, reported) {
            (Ok(_), None) => Ok(()),
            (_, Some(what)) => Err(ElementError::Failed { element: self.name.clone(), what }),
            (Err(flow), None) => Err(self.failure(&format!("{flow:?}"))),
        }
    }

    /// What comes out next can be decoded without anything before it (an encoder of pictures).
    pub fn ask_for_keyframe(&self) {
        let ask = gst::Structure::builder("GstForceKeyUnit").field("all-headers", true).build();
        self.input.push_event(gst::event::CustomDownstream::new(ask));
    }

    /// No more input follows: what the element still holds comes out.
    pub fn finish(&self) {
        self.input.push_event(gst::event::Eos::new());
    }

    /// The oldest thing that came out and was not taken.
    pub fn take(&self) -> Option<Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Reads the element's messages, so that they do not pile up; the first error is returned.
    fn reported(&self) -> Option<String> {
        let mut first = None;
        while let Some(message) = self.bus.pop() {
            if let gst::MessageView::Error(error) = message.view() {
                first.get_or_insert(match error.debug() {
                    Some(debug) => format!("{} ({debug})", error.error()),
                    None => error.error().to_string(),
                });
            }
        }
        first
    }

    fn failure(&self, otherwise: &str) -> ElementError {
        let what = self.reported().unwrap_or_else(|| otherwise.to_owned());
        ElementError::Failed { element: self.name.clone(), what }
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        // Nothing can be done about an element that does not stop; the process ends soon.
        let _ = self.element.set_state(gst::State::Null);
        let _ = self.input.set_active(false);
        let _ = self.output.set_active(false);
    }
}

fn make(factory: &str, settings: &[Setting]) -> Result<gst::Element, ElementError> {
    let element = gst::ElementFactory::make(factory)
        .build()
        .map_err(|_| ElementError::Missing(factory.to_owned()))?;
    for Setting { property, value, optional } in settings {
        let refused = match element.find_property(property) {
            None => Some(format!("it has no property {property}")),
            // A value that it does not know is an error here and a panic in GStreamer's binding.
            Some(spec) => match gst::glib::Value::deserialize_with_pspec(value, &spec) {
                Ok(value) => {
                    element.set_property_from_value(property, &value);
                    None
                }
                Err(_) => Some(format!("its property {property} cannot be {value}")),
            },
        };
        match refused {
            Some(what) if *optional => tracing::debug!(factory, what, "an element does without"),
            Some(what) => return Err(ElementError::Setup { element: factory.to_owned(), what }),
            None => {}
        }
    }
    Ok(element)
}

/// A pad that takes nothing but `makes` and keeps what arrives.
fn collector(makes: &gst::Caps, pile: Pile) -> Result<gst::Pad, gst::glib::BoolError> {
    let template =
        gst::PadTemplate::new("out", gst::PadDirection::Sink, gst::PadPresence::Always, makes)?;
    Ok(gst::Pad::builder_from_template(&template)
        .chain_function(move |pad, _, buffer| {
            let made = Made { buffer, caps: pad.current_caps() };
            pile.lock().unwrap_or_else(PoisonError::into_inner).push_back(made);
            Ok(gst::FlowSuccess::Ok)
        })
        .event_function(|_, _, _| true)
        .build())
}
