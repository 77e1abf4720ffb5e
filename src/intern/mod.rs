//! Process-wide append-only tables of strings and shapes (`D3` and `D4` of docs/wire-format.md).
//!
//! What a thread writes by id, every other thread of the process reads by the same id; an id never
//! changes its meaning. The tables are bounded, so what is not in them travels inline: correct, only
//! larger; and each channel (a bus, the serializer) has a quota of them ([`quota`](Channel)). They sit beside the codec: they know its text and implement its trait, nothing more.
//!
//! The limits on a single key are there for the reader's sake: two bytes of input stand for at most one
//! string of [`MAX_STRING_LENGTH`], so a small message cannot decode to a huge value.

mod pool;
mod quota;
mod table;

use std::sync::{Arc, OnceLock};

use crate::codec::keys::are_distinct;
use crate::codec::{self, DecodeError, Text};

pub use pool::{StringPool, StringPoolStats};
pub use quota::{Channel, Channels, MAX_CHANNELS, SHARE, Used};
pub use table::{InternTable, Key, Limits};

/// Longest string that gets an id, and longest key of a shape that gets one, in code units.
pub const MAX_STRING_LENGTH: usize = codec::layout::MAX_SHAPE_KEY_LENGTH;
/// Most keys of a shape that gets an id.
pub const MAX_SHAPE_KEYS: usize = codec::layout::MAX_SHAPE_KEYS;
/// How many strings the process-wide table holds, and how many bytes of them.
pub const STRING_LIMITS: Limits = Limits {
    entries: 65_536,
    bytes: 4 << 20,
};
/// How many shapes the process-wide table holds, and how many bytes of them.
pub const SHAPE_LIMITS: Limits = Limits {
    entries: 16_384,
    bytes: 4 << 20,
};

/// The limits under the names that TypeScript gets.
pub const LIMITS: &[(&str, u32)] = &[
    ("MaxInternedStringLength", MAX_STRING_LENGTH as u32),
    ("MaxInternedStrings", STRING_LIMITS.entries),
    ("MaxShapes", SHAPE_LIMITS.entries),
    ("MaxInternedMiB", (STRING_LIMITS.bytes >> 20) as u32),
    ("MaxShapesMiB", (SHAPE_LIMITS.bytes >> 20) as u32),
    ("FreeShare", SHARE),
    ("SerializerChannel", Channel::SERIALIZER.0),
    ("MaxChannels", MAX_CHANNELS),
    ("MaxPooledStringLength", pool::MAX_LENGTH as u32),
    ("MaxPooledStrings", pool::LIMITS.entries),
    ("MaxPooledMiB", (pool::LIMITS.bytes >> 20) as u32),
];

/// The code units and the handle to them.
impl Key for Text {
    fn is_admissible(&self) -> bool {
        self.len() <= MAX_STRING_LENGTH
    }

    fn bytes(&self) -> usize {
        size_of::<Text>() + self.byte_len()
    }

    fn to_shared(&self) -> Arc<Text> {
        Arc::new(self.units().to_text())
    }
}

/// The keys of a shape in order: the same keys in another order are another shape.
impl Key for [Text] {
    fn is_admissible(&self) -> bool {
        (1..=MAX_SHAPE_KEYS).contains(&self.len())
            && self.iter().all(Text::is_admissible)
            && are_distinct(self.iter())
    }

    fn bytes(&self) -> usize {
        self.iter().map(Text::bytes).sum()
    }

    fn to_shared(&self) -> Arc<[Text]> {
        self.iter().map(|key| key.units().to_text()).collect()
    }
}

/// A table of strings and one of shapes.
pub struct Tables {
    /// Strings by id.
    pub strings: InternTable<Text>,
    /// Shapes by id. Their keys are kept by themselves: they need not be in `strings`.
    pub shapes: InternTable<[Text]>,
    /// Who is asking for ids.
    pub channels: Channels,
}

impl Tables {
    /// Empty tables with these limits.
    pub fn new(strings: Limits, shapes: Limits) -> Tables {
        Tables {
            strings: InternTable::new(strings),
            shapes: InternTable::new(shapes),
            channels: Channels::default(),
        }
    }

    /// The tables of this process.
    pub fn global() -> &'static Tables {
        static GLOBAL: OnceLock<Tables> = OnceLock::new();
        GLOBAL.get_or_init(Tables::default)
    }

    /// The id, for a channel, of a string that is given in the value encoding; `Ok(None)` when it gets none.
    pub fn intern_string_encoded(
        &self,
        channel: Channel,
        bytes: &[u8],
    ) -> Result<Option<u32>, DecodeError> {
        let text = codec::decode_text(bytes, self)?;
        Ok(self.strings.intern_for(channel, &text))
    }

    /// The string of an id in the value encoding, self-contained.
    pub fn string_encoded(&self, id: u32) -> Option<Vec<u8>> {
        let text = self.strings.get(id)?;
        let mut bytes = Vec::new();
        // Never too long to encode: the table takes only short ones.
        codec::encode_text(&text, &mut bytes).ok()?;
        Some(bytes)
    }

    /// The id, for a channel, of a shape whose keys are given as an encoded array of strings; `Ok(None)` when it gets none.
    pub fn intern_shape_encoded(
        &self,
        channel: Channel,
        bytes: &[u8],
    ) -> Result<Option<u32>, DecodeError> {
        let keys = codec::decode_texts(bytes, self)?;
        Ok(self.shapes.intern_for(channel, &keys))
    }

    /// The keys of a shape as an encoded array of strings, self-contained.
    pub fn shape_encoded(&self, id: u32) -> Option<Vec<u8>> {
        let keys = self.shapes.get(id)?;
        let mut bytes = Vec::new();
        // Never too long to encode: the table takes only short ones.
        codec::encode_texts(&keys, &mut bytes).ok()?;
        Some(bytes)
    }
}

/// Empty tables with the limits of the process-wide ones.
impl Default for Tables {
    fn default() -> Tables {
        Tables::new(STRING_LIMITS, SHAPE_LIMITS)
    }
}

impl codec::Tables for Tables {
    fn string(&self, id: u32) -> Option<Arc<Text>> {
        self.strings.get(id)
    }

    fn shape(&self, id: u32) -> Option<Arc<[Text]>> {
        self.shapes.get(id)
    }
}

#[cfg(test)]
mod tests;
