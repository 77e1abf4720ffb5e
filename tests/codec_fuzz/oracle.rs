//! What must hold of any bytes, for the fuzzers: the one of `tests/codec_fuzz` and those of `fuzz/`.

use std::cell::Cell;
use std::sync::Arc;

use agentwire::codec::{NoTables, Tables, Text, Value, decode, encode, validate};

/// Tables with a few strings and shapes, which count how often they are asked.
pub struct CountingTables {
    strings: Vec<Arc<Text>>,
    shapes: Vec<Arc<[Text]>>,
    asked: Cell<usize>,
}

impl CountingTables {
    /// With strings 1 to 3, and shapes 1 to 3 of 1, 2 and 20 keys.
    pub fn new() -> Self {
        let many = (0..20).map(|index| Text::from(format!("key {index}").as_str()));
        Self {
            strings: ["task", "日本", ""]
                .map(|text| Arc::new(text.into()))
                .into(),
            shapes: vec![
                ["task".into()].into(),
                ["id".into(), "日".into()].into(),
                many.collect(),
            ],
            asked: Cell::new(0),
        }
    }

    /// How often they were asked, from now on again.
    pub fn take_asked(&self) -> usize {
        self.asked.take()
    }

    fn find<T: ?Sized>(&self, of: &[Arc<T>], id: u32) -> Option<Arc<T>> {
        self.asked.set(self.asked.get() + 1);
        assert_ne!(id, 0, "0 is no id");
        of.get(id as usize - 1).cloned()
    }
}

impl Tables for CountingTables {
    fn string(&self, id: u32) -> Option<Arc<Text>> {
        self.find(&self.strings, id)
    }

    fn shape(&self, id: u32) -> Option<Arc<[Text]>> {
        self.find(&self.shapes, id)
    }
}

/// Any bytes: no panic, one verdict of both readers, and of a value bytes of its own that are always the same. True for a value.
pub fn check(bytes: &[u8], tables: &CountingTables) -> bool {
    tables.take_asked();
    let decoded = decode(bytes, tables);
    assert!(tables.take_asked() <= bytes.len(), "an id takes two bytes");
    let validated = validate(bytes, tables);
    match decoded {
        Err(error) => {
            assert_eq!(validated, Err(error));
            assert!(error.offset <= bytes.len(), "{error}");
            assert!(error.to_string().starts_with("at byte "), "{error}");
            false
        }
        Ok(value) => {
            assert_eq!(validated, Ok(()));
            check_value(&value);
            true
        }
    }
}

fn check_value(value: &Value) {
    let encoded = encoded(value);
    let again = decode(&encoded, &NoTables).expect("what was written is read");
    assert_eq!(&again, value, "it comes back as it was: {encoded:02X?}");
    assert_eq!(validate(&encoded, &NoTables), Ok(()));
    assert_eq!(self::encoded(&again), encoded, "there is one form of it");
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(value, &mut bytes).expect("what was read is written");
    bytes
}
