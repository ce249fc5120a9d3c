//! The dependency descriptor (AV1 RTP payload specification, appendix A.8), as far as choosing layers
//! needs it.

use super::{Climb, Place};

/// Templates are named by six bits.
const MOST_TEMPLATES: usize = 64;
/// Bytes of the fields that every descriptor has.
const MANDATORY: usize = 3;

/// What a frame is to a decode target (A.2, "DTI").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Indication {
    NotPresent,
    Discardable,
    Switch,
    Required,
}

impl Indication {
    fn read(bits: &mut Bits<'_>) -> Option<Self> {
        Some(match bits.take(2)? {
            0 => Self::NotPresent,
            1 => Self::Discardable,
            2 => Self::Switch,
            _ => Self::Required,
        })
    }
}

#[derive(Debug)]
struct Template {
    spatial: u8,
    temporal: u8,
    indications: Vec<Indication>,
}

/// The template dependency structure that came with the newest keyframe.
#[derive(Debug)]
pub(super) struct Structure {
    offset: u8,
    templates: Vec<Template>,
    /// Highest spatial and temporal layer of each decode target.
    targets: Vec<(u8, u8)>,
    /// Pixels, by spatial layer; empty: it does not say.
    pub heights: Vec<u32>,
}

/// Reads a packet's descriptor; a structure in it takes the place of the one that is known. `None`:
/// it does not parse, or names a template that is not known.
pub(super) fn read(bytes: &[u8], known: &mut Option<Structure>) -> Option<Place> {
    let mut bits = Bits::new(bytes);
    let begins = bits.flag()?;
    let ends = bits.flag()?;
    let template = bits.take(6)? as u8;
    let _frame_number = bits.take(16)?;
    let mut own_indications = false;
    if bytes.len() > MANDATORY {
        let with_structure = bits.flag()?;
        let with_active_targets = bits.flag()?;
        own_indications = bits.flag()?;
        let _own_differences = bits.flag()?;
        let _own_chains = bits.flag()?;
        if with_structure {
            *known = Some(Structure::read(&mut bits)?);
        }
        if with_active_targets {
            bits.take(known.as_ref()?.targets.len() as u32)?;
        }
    }
    let structure = known.as_ref()?;
    let index = (template + MOST_TEMPLATES as u8 - structure.offset) % MOST_TEMPLATES as u8;
    let template = structure.templates.get(usize::from(index))?;
    let own: Option<Vec<Indication>> = match own_indications {
        true => Some(structure.targets.iter().map_while(|_| Indication::read(&mut bits)).collect()),
        false => None,
    };
    let indications = own.as_ref().unwrap_or(&template.indications);
    let switches = structure
        .targets
        .iter()
        .zip(indications)
        .filter(|((spatial, _), what)| *spatial >= template.spatial && **what == Indication::Switch)
        .map(|((_, temporal), _)| *temporal)
        .max();
    Some(Place {
        spatial: template.spatial,
        temporal: template.temporal,
        spatial_layers: structure.spatial_layers(),
        begins,
        ends,
        climb: switches.map(|to| Climb { from: template.temporal, to }),
    })
}

impl Structure {
    pub(super) fn spatial_layers(&self) -> u8 {
        // Templates are in the order of their layers.
        self.templates.last().map_or(1, |template| template.spatial + 1)
    }

    fn read(bits: &mut Bits<'_>) -> Option<Self> {
        let offset = bits.take(6)? as u8;
        let targets = bits.take(5)? as usize + 1;
        let mut templates = Vec::new();
        let (mut spatial, mut temporal) = (0, 0);
        loop {
            templates.push(Template { spatial, temporal, indications: Vec::new() });
            match bits.take(2)? {
                0 => {}
                1 => temporal += 1,
                2 => (spatial, temporal) = (spatial + 1, 0),
                _ => break,
            }
            if templates.len() == MOST_TEMPLATES {
                return None;
            }
        }
        for template in &mut templates {
            for _ in 0..targets {
                template.indications.push(Indication::read(bits)?);
            }
        }
        for _ in &templates {
            while bits.flag()? {
                let _frame_difference = bits.take(4)?;
            }
        }
        let chains = bits.below(targets as u32 + 1)?;
        if chains > 0 {
            for _ in 0..targets {
                let _protected_by = bits.below(chains)?;
            }
            for _ in 0..templates.len() as u32 * chains {
                let _chain_difference = bits.take(4)?;
            }
        }
        let highest = |target: usize| {
            let present = templates
                .iter()
                .filter(|template| template.indications[target] != Indication::NotPresent);
            present.fold((0, 0), |(spatial, temporal), template| {
                (spatial.max(template.spatial), temporal.max(template.temporal))
            })
        };
        let targets = (0..targets).map(highest).collect();
        let mut heights = Vec::new();
        if bits.flag()? {
            for _ in 0..=spatial {
                let _width = bits.take(16)?;
                heights.push(bits.take(16)? + 1);
            }
        }
        Some(Self { offset, templates, targets, heights })
    }
}

/// Bits, most significant first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn flag(&mut self) -> Option<bool> {
        Some(self.take(1)? == 1)
    }

    /// `f(count)`, at most 32 bits.
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    /// `ns(count)`: a number below `count` in as few bits as it needs.
    fn below(&mut self, count: u32) -> Option<u32> {
        let width = u32::BITS - count.leading_zeros();
        let short = (1 << width) - count;
        let value = self.take(width - 1)?;
        if value < short {
            return Some(value);
        }
        Some((value << 1) + self.take(1)? - short)
    }
}

#[cfg(test)]
mod tests;
