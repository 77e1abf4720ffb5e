//! The subscription trie: which subscriptions match a topic.
//!
//! Topics are segments split by `.`; in a pattern `*` stands for one segment and `**` for zero or more.
//! Matching walks all nodes that the segments so far can reach, as the simulation of a nondeterministic
//! automaton does (Thompson 1968), so its time is bounded by nodes times segments whatever the patterns.

use std::collections::HashMap;

use foldhash::fast::FixedState;

/// One level of the trie.
#[derive(Debug)]
struct Node<T> {
    literals: HashMap<Box<str>, Node<T>, FixedState>,
    /// Child behind `*`.
    one: Option<Box<Node<T>>>,
    /// Child behind `**`. It also stays reachable by any further segment.
    many: Option<Box<Node<T>>>,
    entries: Vec<T>,
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self {
            literals: HashMap::default(),
            one: None,
            many: None,
            entries: Vec::new(),
        }
    }
}

impl<T> Node<T> {
    fn is_empty(&self) -> bool {
        self.entries.is_empty()
            && self.literals.is_empty()
            && self.one.is_none()
            && self.many.is_none()
    }
}

/// Patterns and what is filed under each.
#[derive(Debug)]
pub struct Trie<T> {
    root: Node<T>,
}

impl<T> Default for Trie<T> {
    fn default() -> Self {
        Self {
            root: Node::default(),
        }
    }
}

impl<T: PartialEq> Trie<T> {
    /// Files `entry` under `pattern`.
    pub fn insert(&mut self, pattern: &str, entry: T) {
        let mut node = &mut self.root;
        for segment in pattern.split('.') {
            node = match segment {
                "*" => node.one.get_or_insert_default(),
                "**" => node.many.get_or_insert_default(),
                literal => {
                    if !node.literals.contains_key(literal) {
                        node.literals.insert(literal.into(), Node::default());
                    }
                    node.literals.get_mut(literal).expect("just inserted")
                }
            };
        }
        node.entries.push(entry);
    }

    /// Removes `entry` from `pattern` and every node that this leaves empty. False when it was not there.
    pub fn remove(&mut self, pattern: &str, entry: &T) -> bool {
        let segments: Vec<&str> = pattern.split('.').collect();
        Self::remove_below(&mut self.root, &segments, entry)
    }

    fn remove_below(node: &mut Node<T>, segments: &[&str], entry: &T) -> bool {
        let Some((segment, rest)) = segments.split_first() else {
            let found = node.entries.iter().position(|candidate| candidate == entry);
            // `remove`, not `swap_remove`: handlers of one pattern keep the order of subscription.
            return found.map(|at| node.entries.remove(at)).is_some();
        };
        match *segment {
            "*" => Self::remove_from_child(&mut node.one, rest, entry),
            "**" => Self::remove_from_child(&mut node.many, rest, entry),
            literal => {
                let Some(child) = node.literals.get_mut(literal) else {
                    return false;
                };
                let removed = Self::remove_below(child, rest, entry);
                if child.is_empty() {
                    node.literals.remove(literal);
                }
                removed
            }
        }
    }

    fn remove_from_child(child: &mut Option<Box<Node<T>>>, rest: &[&str], entry: &T) -> bool {
        let Some(node) = child else { return false };
        let removed = Self::remove_below(node, rest, entry);
        if node.is_empty() {
            *child = None;
        }
        removed
    }

    /// Calls `each` once for every entry whose pattern matches `topic`.
    pub fn each_match(&self, topic: &str, mut each: impl FnMut(&T)) {
        let mut reached = Reached::default();
        reached.add(&self.root);
        for segment in topic.split('.') {
            let mut next = Reached::default();
            for &(node, is_many) in &reached.nodes {
                if is_many {
                    next.add_many(node);
                }
                if let Some(child) = node.literals.get(segment) {
                    next.add(child);
                }
                if let Some(child) = &node.one {
                    next.add(child);
                }
            }
            if next.nodes.is_empty() {
                return;
            }
            reached = next;
        }
        for (node, _) in reached.nodes {
            node.entries.iter().for_each(&mut each);
        }
    }
}

/// The nodes that the segments so far can reach, each once. The flag says that the node is behind a `**`,
/// and so is reached again by any segment.
struct Reached<'a, T> {
    nodes: Vec<(&'a Node<T>, bool)>,
}

impl<T> Default for Reached<'_, T> {
    fn default() -> Self {
        Self { nodes: Vec::new() }
    }
}

impl<'a, T> Reached<'a, T> {
    fn add(&mut self, node: &'a Node<T>) {
        self.insert(node, false);
        // `**` stands for zero segments too.
        if let Some(many) = &node.many {
            self.add_many(many);
        }
    }

    fn add_many(&mut self, node: &'a Node<T>) {
        let mut next = Some(node);
        while let Some(many) = next {
            self.insert(many, true);
            next = many.many.as_deref();
        }
    }

    fn insert(&mut self, node: &'a Node<T>, is_many: bool) {
        if !self.nodes.iter().any(|(seen, _)| std::ptr::eq(*seen, node)) {
            self.nodes.push((node, is_many));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The plain model: patterns matched by recursion, one by one.
    fn matches(pattern: &[&str], topic: &[&str]) -> bool {
        match (pattern.split_first(), topic.split_first()) {
            (None, None) => true,
            (Some((&"**", rest)), _) => {
                (0..=topic.len()).any(|skipped| matches(rest, &topic[skipped..]))
            }
            (Some((&"*", rest)), Some((_, topic_rest))) => matches(rest, topic_rest),
            (Some((literal, rest)), Some((segment, topic_rest))) => {
                literal == segment && matches(rest, topic_rest)
            }
            _ => false,
        }
    }

    fn matched(trie: &Trie<usize>, topic: &str) -> Vec<usize> {
        let mut found = Vec::new();
        trie.each_match(topic, |&entry| found.push(entry));
        found.sort_unstable();
        found
    }

    fn path(segment: &'static str) -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(segment.prop_map(|segment: String| segment), 1..6)
    }

    proptest! {
        #[test]
        fn agrees_with_the_plain_model(
            patterns in prop::collection::vec(path("[ab]|\\*|\\*\\*"), 0..12),
            topics in prop::collection::vec(path("[ab]"), 1..12),
            removed in prop::collection::vec(any::<bool>(), 12),
        ) {
            let mut trie = Trie::default();
            for (entry, pattern) in patterns.iter().enumerate() {
                trie.insert(&pattern.join("."), entry);
            }
            for (entry, pattern) in patterns.iter().enumerate() {
                if removed[entry] {
                    prop_assert!(trie.remove(&pattern.join("."), &entry));
                    prop_assert!(!trie.remove(&pattern.join("."), &entry));
                }
            }
            for topic in &topics {
                let segments: Vec<&str> = topic.iter().map(String::as_str).collect();
                let expected: Vec<usize> = patterns.iter().enumerate()
                    .filter(|(entry, pattern)| !removed[*entry]
                        && matches(&pattern.iter().map(String::as_str).collect::<Vec<_>>(), &segments))
                    .map(|(entry, _)| entry)
                    .collect();
                prop_assert_eq!(matched(&trie, &topic.join(".")), expected);
            }
            for (entry, pattern) in patterns.iter().enumerate() {
                if !removed[entry] {
                    trie.remove(&pattern.join("."), &entry);
                }
            }
            prop_assert!(trie.root.is_empty(), "nodes left behind");
        }
    }

    #[test]
    fn hostile_patterns_take_bounded_time() {
        let mut trie = Trie::default();
        let pattern = vec!["**.a"; 15].join(".");
        trie.insert(&pattern, 0);
        assert_eq!(matched(&trie, &vec!["a"; 31].join(".")), [0]);
        assert_eq!(
            matched(&trie, &format!("{}.b", vec!["a"; 30].join("."))),
            [] as [usize; 0]
        );
    }
}
