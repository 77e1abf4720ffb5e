//! The named children of a node of the trie.
//!
//! Most nodes have none, or one, and some have hundreds of thousands: `orders.<id>.*` for each order. So none takes one
//! word, one a box, more a hash map, and very many several maps. A hash map that grows moves all that is in it, during
//! which nobody may look: with several of them, no growth moves more than a small part.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::RandomState;

use super::shrink;

/// Bytes of a name that are kept in place: as many as the other form takes anyway.
const SHORT: usize = 22;
/// Children at which one map becomes several.
const SPREAD_AT: usize = 4096;
/// Children at which several become one again.
const GATHER_AT: usize = SPREAD_AT / 4;
/// How many several are.
const PARTS: usize = 64;

/// The name of a child.
#[derive(Debug)]
enum Name {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

impl Name {
    fn new(name: &[u8]) -> Self {
        let mut bytes = [0; SHORT];
        match bytes.get_mut(..name.len()) {
            Some(start) => {
                start.copy_from_slice(name);
                let len = name.len() as u8;
                Self::Short { len, bytes }
            }
            None => Self::Long(name.into()),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Short { len, bytes } => &bytes[..usize::from(*len)],
            Self::Long(bytes) => bytes,
        }
    }
}

impl Borrow<[u8]> for Name {
    fn borrow(&self) -> &[u8] {
        self.bytes()
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes().hash(state);
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Name {}

type Map<N> = HashMap<Name, N, RandomState>;

#[derive(Debug)]
enum Kind<N> {
    One(Name, N),
    Map(Map<N>),
    Spread(Spread<N>),
}

/// Children by name. See the module's documentation.
#[derive(Debug)]
pub(super) struct Children<N>(Option<Box<Kind<N>>>);

impl<N> Default for Children<N> {
    fn default() -> Self {
        Self(None)
    }
}

impl<N> Children<N> {
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub fn len(&self) -> usize {
        match self.0.as_deref() {
            None => 0,
            Some(Kind::One(..)) => 1,
            Some(Kind::Map(map)) => map.len(),
            Some(Kind::Spread(spread)) => spread.len,
        }
    }

    #[inline]
    pub fn get(&self, name: &str) -> Option<&N> {
        let name = name.as_bytes();
        match self.0.as_deref()? {
            Kind::One(only, child) => (only.bytes() == name).then_some(child),
            Kind::Map(map) => map.get(name),
            Kind::Spread(spread) => spread.parts[spread.part_of(name)].get(name),
        }
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut N> {
        let name = name.as_bytes();
        match self.0.as_deref_mut()? {
            Kind::One(only, child) => (only.bytes() == name).then_some(child),
            Kind::Map(map) => map.get_mut(name),
            Kind::Spread(spread) => {
                let part = spread.part_of(name);
                spread.parts[part].get_mut(name)
            }
        }
    }

    /// Every child with its name, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &N)> {
        let (one, maps) = match self.0.as_deref() {
            None => (None, &[][..]),
            Some(Kind::One(name, child)) => (Some((name, child)), &[][..]),
            Some(Kind::Map(map)) => (None, std::slice::from_ref(map)),
            Some(Kind::Spread(spread)) => (None, &spread.parts[..]),
        };
        one.into_iter()
            .chain(maps.iter().flatten())
            .map(|(name, child)| (name.bytes(), child))
    }

    /// Adds a child that is not there yet.
    pub fn insert(&mut self, name: &str, child: N) {
        let name = Name::new(name.as_bytes());
        let Some(kind) = self.0.as_deref_mut() else {
            self.0 = Some(Box::new(Kind::One(name, child)));
            return;
        };
        match kind {
            Kind::One(..) => {
                let mut map = Map::default();
                map.insert(name, child);
                if let Kind::One(first, other) = std::mem::replace(kind, Kind::Map(Map::default()))
                {
                    map.insert(first, other);
                }
                *kind = Kind::Map(map);
            }
            Kind::Map(map) if map.len() < SPREAD_AT => _ = map.insert(name, child),
            Kind::Map(map) => {
                let mut spread = Spread::new(std::mem::take(map));
                spread.insert(name, child);
                *kind = Kind::Spread(spread);
            }
            Kind::Spread(spread) => spread.insert(name, child),
        }
    }

    /// Takes a child out, and gives back the memory that is too much for the others.
    pub fn remove(&mut self, name: &str) {
        let name = name.as_bytes();
        let Some(kind) = self.0.as_deref_mut() else {
            return;
        };
        match kind {
            Kind::One(only, _) if only.bytes() == name => self.0 = None,
            Kind::One(..) => (),
            Kind::Map(map) => {
                map.remove(name);
                if map.len() > 1 {
                    shrink(map);
                    return;
                }
                let last = std::mem::take(map).into_iter().next();
                if let Some((name, child)) = last {
                    *kind = Kind::One(name, child);
                }
            }
            Kind::Spread(spread) => {
                spread.remove(name);
                if spread.len <= GATHER_AT {
                    let parts = std::mem::take(&mut spread.parts);
                    *kind = Kind::Map(parts.into_iter().flatten().collect());
                }
            }
        }
    }
}

/// Several maps, each with its share of the names.
#[derive(Debug)]
struct Spread<N> {
    len: usize,
    hasher: RandomState,
    parts: Box<[Map<N>]>,
}

impl<N> Spread<N> {
    fn new(map: Map<N>) -> Self {
        let mut spread = Self {
            len: 0,
            hasher: RandomState::default(),
            parts: (0..PARTS).map(|_| Map::default()).collect(),
        };
        map.into_iter()
            .for_each(|(name, child)| spread.insert(name, child));
        spread
    }

    fn part_of(&self, name: &[u8]) -> usize {
        self.hasher.hash_one(name) as usize % PARTS
    }

    fn insert(&mut self, name: Name, child: N) {
        let part = self.part_of(name.bytes());
        self.parts[part].insert(name, child);
        self.len += 1;
    }

    fn remove(&mut self, name: &[u8]) {
        let part = self.part_of(name);
        let part = &mut self.parts[part];
        self.len -= usize::from(part.remove(name).is_some());
        shrink(part);
    }
}
