//! The trie by itself, both ways round: which patterns match a topic, which names a pattern matches.

use agentwire::bus::routing::entries::{Entries, Entry};
use agentwire::bus::routing::trie::Trie;
use proptest::prelude::*;

use super::model::{matches, path, pattern};

#[derive(Debug)]
struct Number(u64);

impl Entry for Number {
    fn id(&self) -> u64 {
        self.0
    }
}

type Numbers = Trie<Entries<Number>>;

fn insert(trie: &mut Numbers, pattern: &str, entry: u64) {
    trie.get_or_insert(pattern).insert(Number(entry));
}

fn remove(trie: &mut Numbers, pattern: &str, entry: u64) -> bool {
    trie.remove(pattern, |entries| entries.remove(entry))
}

fn matched(trie: &Numbers, topic: &str) -> Vec<u64> {
    let mut found = Vec::new();
    trie.each_match(topic, |entries| found.extend(entries.iter().map(Entry::id)));
    found.sort_unstable();
    found
}

proptest! {
    #[test]
    fn finds_the_patterns_that_match_a_topic(
        patterns in prop::collection::vec(pattern(), 0..12),
        topics in prop::collection::vec(path("[ab]"), 1..12),
        removed in prop::collection::vec(any::<bool>(), 12),
    ) {
        let numbered = || patterns.iter().zip(&removed).zip(0..);
        let mut trie = Numbers::default();
        for ((pattern, _), entry) in numbered() {
            insert(&mut trie, pattern, entry);
        }
        for ((pattern, _), entry) in numbered().filter(|((_, removed), _)| **removed) {
            prop_assert!(remove(&mut trie, pattern, entry));
            prop_assert!(!remove(&mut trie, pattern, entry));
        }
        for topic in &topics {
            let expected: Vec<u64> = numbered()
                .filter(|((pattern, removed), _)| !**removed && matches(pattern, topic))
                .map(|(_, entry)| entry)
                .collect();
            prop_assert_eq!(matched(&trie, topic), expected);
        }
        for ((pattern, _), entry) in numbered().filter(|((_, removed), _)| !**removed) {
            prop_assert!(remove(&mut trie, pattern, entry));
        }
        prop_assert_eq!(trie.nodes(), 0, "nodes left behind");
    }

    #[test]
    fn finds_the_names_that_a_pattern_matches(
        names in prop::collection::vec(path("[abc]"), 0..20),
        patterns in prop::collection::vec(pattern(), 1..12),
        budget in 0..40_usize,
    ) {
        let mut trie = Trie::<Option<String>>::default();
        for name in &names {
            *trie.get_or_insert(name) = Some(name.clone());
        }
        for pattern in &patterns {
            let mut expected: Vec<_> = names.iter().filter(|name| matches(pattern, name)).cloned().collect();
            expected.sort_unstable();
            expected.dedup();
            let find = |budget: usize| {
                let mut found = Vec::new();
                let complete = trie.each_named(pattern, budget, |name| found.extend(name.clone()));
                found.sort_unstable();
                (complete, found)
            };
            prop_assert_eq!(find(trie.nodes()), (true, expected.clone()), "each name once");
            let (complete, found) = find(budget);
            prop_assert!(found.len() <= budget);
            prop_assert!(!complete || found == expected, "it says when it stopped early");
        }
    }
}

#[test]
fn hostile_patterns_take_bounded_time() {
    let mut trie = Numbers::default();
    insert(&mut trie, &vec!["**.a"; 15].join("."), 0);
    assert_eq!(matched(&trie, &vec!["a"; 31].join(".")), [0]);
    let other = format!("{}.b", vec!["a"; 30].join("."));
    assert_eq!(matched(&trie, &other), [] as [u64; 0]);
}

/// Every pattern of twelve segments of two kinds, with `**` before or behind: each is reached in many ways, and counts once.
#[test]
fn many_ways_to_many_nodes() {
    let pattern = |entry: u64| {
        let segments = (0..12).map(|at| if entry >> at & 1 == 0 { "*" } else { "a" });
        let path = segments.collect::<Vec<_>>().join(".");
        if entry >> 12 == 0 {
            format!("{path}.**")
        } else {
            format!("**.{path}")
        }
    };
    let all: Vec<u64> = (0..2 << 12).collect();
    let mut trie = Numbers::default();
    all.iter()
        .for_each(|&entry| insert(&mut trie, &pattern(entry), entry));
    assert_eq!(matched(&trie, &vec!["a"; 20].join(".")), all);
    all.iter()
        .for_each(|&entry| assert!(remove(&mut trie, &pattern(entry), entry)));
    assert_eq!(trie.nodes(), 0);
}

/// Through each form that children have, and back again.
#[test]
fn a_node_with_very_many_children() {
    let pattern = |entry: u64| match entry % 3 {
        0 => format!("a.{entry}.*"),
        1 => format!("a.just-as-long-{entry:08}.*"),
        _ => format!("a.longer-than-what-fits-in-place-{entry}.*"),
    };
    let topic = |entry: u64| pattern(entry).replace('*', "b");
    let count = 10_000;
    let mut trie = Numbers::default();
    for entry in 0..count {
        insert(&mut trie, &pattern(entry), entry);
        assert_eq!(trie.nodes() as u64, 1 + 2 * (entry + 1));
    }
    for entry in 0..count {
        assert_eq!(matched(&trie, &topic(entry)), [entry]);
        assert_eq!(trie.get(&pattern(entry)).map(Entries::count), Some(1));
    }
    for entry in 0..count - 1 {
        assert!(remove(&mut trie, &pattern(entry), entry));
        assert_eq!(trie.nodes() as u64, 1 + 2 * (count - entry - 1));
        assert!(trie.get(&pattern(entry)).is_none());
        assert_eq!(matched(&trie, &topic(count - 1)), [count - 1]);
    }
    assert!(remove(&mut trie, &pattern(count - 1), count - 1));
    assert_eq!(trie.nodes(), 0);
}

/// They come in any order, and are in that of their ids.
#[test]
fn very_many_entries_of_one_pattern() {
    let count = 50_000;
    let mut entries = Entries::default();
    // 7 and the count have no common factor.
    let shuffled = || (0..count).map(|index| index * 7 % count);
    shuffled().for_each(|id| entries.insert(Number(id)));
    assert!(entries.iter().map(Entry::id).eq(0..count));
    for id in shuffled().take(count as usize - 1) {
        assert!(entries.remove(id));
        assert!(!entries.remove(id));
    }
    let last = shuffled().next_back();
    assert!(entries.iter().map(Entry::id).eq(last));
    assert!(matches!(entries, Entries::One(_)), "one takes no memory");
}
