//! What strings and shapes by id refer to.
//!
//! The codec asks through a trait, so it does not know where the tables are: the process-wide ones are
//! in [`crate::intern`], and self-contained bytes need [`NoTables`].

use std::sync::Arc;

use super::text::Text;

/// Strings and shapes by id. An id never changes its meaning.
///
/// What a table hands out bounds what a few bytes can decode to, so implementors bound the length of a
/// string, the number of a shape's keys and the length of each.
pub trait Tables {
    /// The string of an id. 0 is no id.
    fn string(&self, id: u32) -> Option<Arc<Text>>;

    /// The keys of a shape, in order and distinct. 0 is no id.
    fn shape(&self, id: u32) -> Option<Arc<[Text]>>;
}

/// Tables that are empty: with them only self-contained bytes decode.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTables;

impl Tables for NoTables {
    fn string(&self, _id: u32) -> Option<Arc<Text>> {
        None
    }

    fn shape(&self, _id: u32) -> Option<Arc<[Text]>> {
        None
    }
}
