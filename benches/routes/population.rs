//! Patterns and topics: robots in a hundred plants, each of them with a number of its own.

/// Which wildcards patterns have. benchmark/rows/routing.mjs subscribes to the same ones.
#[derive(Clone, Copy)]
pub enum Wildcards {
    /// `*`, at three different places.
    Single,
    /// `**` at the start as well: every part of every topic is looked for there.
    Any,
}

impl Wildcards {
    fn kind(self, robot: usize) -> usize {
        match self {
            Self::Single => robot % 3,
            Self::Any => robot % 4,
        }
    }

    /// The pattern of one robot. Whichever plant it is in, every topic must be looked for at all the places.
    pub fn pattern(self, robot: usize) -> String {
        let plant = robot % 100;
        match self.kind(robot) {
            0 => format!("plant.p{plant}.robot-{robot}.*"),
            1 => format!("plant.*.robot-{robot}.state"),
            2 => format!("plant.p{plant}.*.robot-{robot}"),
            _ => format!("**.robot-{robot}.state"),
        }
    }

    /// A topic that the pattern of that robot matches, and no other robot's.
    pub fn topic(self, robot: usize) -> String {
        match self.kind(robot) {
            2 => format!("plant.p{}.state.robot-{robot}", robot % 100),
            _ => exact(robot),
        }
    }
}

/// A pattern without a wildcard, of one robot.
pub fn exact(robot: usize) -> String {
    format!("plant.p{}.robot-{robot}.state", robot % 100)
}

/// Half of them exact, half with wildcards, each different.
pub fn mixed(number: usize, wildcards: Wildcards) -> String {
    if number.is_multiple_of(2) {
        exact(number / 2)
    } else {
        wildcards.pattern(number / 2)
    }
}

/// Patterns that every topic matches.
pub const BROAD: [&str; 4] = ["**", "plant.**", "plant.*.*.*", "*.*.**"];

/// Numbers below `most` in no order, each as likely as any other (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) % most as u64) as usize
    }
}
