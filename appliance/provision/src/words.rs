//! Words of other crates in the API's document: crates below know no API, and their enums are
//! described by the names that serde gives them.

use crate::recorder::Mode;
use roombox_jobs::spec::{EncoderChoice, LayoutName};
use serde::Serialize;
use utoipa::openapi::Object;
use utoipa::openapi::schema::{ObjectBuilder, Type};

/// A text that is one of these.
pub fn choice<T: Serialize>(words: &[T], description: &str) -> Object {
    let names = words.iter().filter_map(|word| serde_json::to_value(word).ok());
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(names))
        .build()
}

/// Makes types that describe enums: `"What it is." Name = Enum { All, Its, Variants }`.
#[macro_export]
macro_rules! words {
    ($($description:literal $name:ident = $of:ident { $($variant:ident),+ })+) => {$(
        #[doc = $description]
        #[derive(Debug)]
        pub enum $name {}

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                // A variant that is not listed does not compile.
                let listed = |word: $of| match word { $($of::$variant)|+ => word };
                let words = [$($of::$variant),+].map(listed);
                let object = $crate::words::choice(&words, $description);
                utoipa::openapi::RefOr::T(utoipa::openapi::schema::Schema::Object(object))
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )+};
}

words! {
    "What a box does: record and make films, or one of the two."
    RecorderMode = Mode { Both, RecorderOnly, TranscoderOnly }
    "Where the tiles of a film go."
    Layout = LayoutName { Auto, Grid, Speaker, Screen, Single }
    "What makes H.264: `auto` and `openh264` need nothing, `x264` (GPL) its plug-in."
    Encoder = EncoderChoice { Auto, Openh264, X264 }
}
