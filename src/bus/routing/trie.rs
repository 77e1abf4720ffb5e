//! Paths of segments, and what is filed at each: patterns with wildcards, or names of topics.
//!
//! Topics are segments split by `.`; in a pattern `*` stands for one segment and `**` for zero or more.
//! Matching walks all nodes that the segments so far can reach, as the simulation of a nondeterministic
//! automaton does (Thompson 1968), so its time is bounded by nodes times segments whatever the patterns.

use std::collections::HashSet;
use std::str::Split;

use super::children::Children;

/// What is filed at a node.
pub trait Payload: Default {
    /// True when nothing is: then the node is there for others only, or not at all.
    fn is_empty(&self) -> bool;
}

impl<T> Payload for Option<T> {
    fn is_empty(&self) -> bool {
        self.is_none()
    }
}

/// One segment of a path.
#[derive(Debug)]
pub(super) struct Node<P> {
    pub payload: P,
    pub literals: Children<Node<P>>,
    /// Child behind `*`.
    one: Option<Box<Node<P>>>,
    /// Child behind `**`. It also stays reachable by any further segment.
    many: Option<Box<Node<P>>>,
}

impl<P: Default> Default for Node<P> {
    fn default() -> Self {
        Self {
            payload: P::default(),
            literals: Children::default(),
            one: None,
            many: None,
        }
    }
}

impl<P: Payload> Node<P> {
    fn is_empty(&self) -> bool {
        self.payload.is_empty()
            && self.literals.is_empty()
            && self.one.is_none()
            && self.many.is_none()
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Trie<P> {
    pub(super) root: Node<P>,
    nodes: usize,
}

impl<P: Default> Default for Trie<P> {
    fn default() -> Self {
        Self {
            root: Node::default(),
            nodes: 0,
        }
    }
}

impl<P: Payload> Trie<P> {
    /// Nodes beside the root: none when nothing is filed.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// What is filed at a path.
    pub fn get(&self, path: &str) -> Option<&P> {
        let mut node = &self.root;
        for segment in path.split('.') {
            node = match segment {
                "*" => node.one.as_deref()?,
                "**" => node.many.as_deref()?,
                literal => node.literals.get(literal)?,
            };
        }
        Some(&node.payload)
    }

    /// What is filed at a path, to file something there. The path is made.
    pub fn get_or_insert(&mut self, path: &str) -> &mut P {
        let Self { root, nodes } = self;
        let mut node = root;
        for segment in path.split('.') {
            node = match segment {
                "*" => Self::child_or_insert(&mut node.one, nodes),
                "**" => Self::child_or_insert(&mut node.many, nodes),
                literal => {
                    if node.literals.get(literal).is_none() {
                        node.literals.insert(literal, Node::default());
                        *nodes += 1;
                    }
                    let child = node.literals.get_mut(literal);
                    child.expect("it was there, or was just inserted")
                }
            };
        }
        &mut node.payload
    }

    fn child_or_insert<'a>(
        child: &'a mut Option<Box<Node<P>>>,
        nodes: &mut usize,
    ) -> &'a mut Node<P> {
        *nodes += usize::from(child.is_none());
        child.get_or_insert_default()
    }

    /// Has `take` take something out of what is filed at a path, then removes every node that this leaves empty. False
    /// when there is no such path, or `take` says so.
    pub fn remove(&mut self, path: &str, take: impl FnOnce(&mut P) -> bool) -> bool {
        Self::remove_below(&mut self.root, &mut path.split('.'), take, &mut self.nodes)
    }

    fn remove_below(
        node: &mut Node<P>,
        path: &mut Split<'_, char>,
        take: impl FnOnce(&mut P) -> bool,
        nodes: &mut usize,
    ) -> bool {
        let segment = match path.next() {
            None => return take(&mut node.payload),
            Some(segment) => segment,
        };
        let child = match segment {
            "*" => node.one.as_deref_mut(),
            "**" => node.many.as_deref_mut(),
            literal => node.literals.get_mut(literal),
        };
        let Some(child) = child else { return false };
        let taken = Self::remove_below(child, path, take, nodes);
        if child.is_empty() {
            *nodes -= 1;
            match segment {
                "*" => node.one = None,
                "**" => node.many = None,
                literal => node.literals.remove(literal),
            }
        }
        taken
    }

    /// Calls `each` once with what is filed at every pattern that matches `topic`.
    pub fn each_match<'a>(&'a self, topic: &str, mut each: impl FnMut(&'a P)) {
        let mut reached = Reached::default();
        reached.enter(&self.root);
        for segment in topic.split('.') {
            if !reached.step(segment) {
                return;
            }
        }
        reached
            .here
            .iter()
            .chain(reached.behind_many.iter())
            .filter(|node| !node.payload.is_empty())
            .for_each(|node| each(&node.payload));
    }
}

/// The nodes that the segments so far can reach, each once.
struct Reached<'a, P> {
    /// Those that are not behind a `**`: each has one parent and one way from it, and so comes once.
    here: Few<&'a Node<P>>,
    /// Those behind a `**`, which any further segments reach again: they only become more.
    behind_many: Few<&'a Node<P>>,
    /// The same, once they are too many to look through.
    seen: HashSet<*const Node<P>>,
}

impl<P> Default for Reached<'_, P> {
    fn default() -> Self {
        Self {
            here: Few::default(),
            behind_many: Few::default(),
            seen: HashSet::new(),
        }
    }
}

impl<'a, P: Payload> Reached<'a, P> {
    /// Goes on by a segment. False when nothing can be reached any more.
    fn step(&mut self, segment: &str) -> bool {
        let before = std::mem::take(&mut self.here);
        // What this very step reaches behind a `**` has not met the segment yet.
        let many_before = self.behind_many.len();
        before.iter().for_each(|node| self.follow(node, segment));
        for index in 0..many_before {
            self.follow(self.behind_many.get(index), segment);
        }
        self.here.len() + self.behind_many.len() != 0
    }

    fn follow(&mut self, node: &'a Node<P>, segment: &str) {
        if let Some(child) = node.literals.get(segment) {
            self.enter(child);
        }
        if let Some(child) = node.one.as_deref() {
            self.enter(child);
        }
    }

    fn enter(&mut self, node: &'a Node<P>) {
        self.here.push(node);
        // `**` stands for zero segments too.
        let mut next = node.many.as_deref();
        while let Some(many) = next {
            if !self.is_new(many) {
                return;
            }
            self.behind_many.push(many);
            next = many.many.as_deref();
        }
    }

    /// True for a node behind a `**` that was not reached before.
    fn is_new(&mut self, node: &'a Node<P>) -> bool {
        let known = &self.behind_many;
        if known.len() < FEW {
            return !known.iter().any(|seen| std::ptr::eq(seen, node));
        }
        if self.seen.is_empty() {
            self.seen.extend(known.iter().map(std::ptr::from_ref));
        }
        self.seen.insert(node)
    }
}

/// As many as are mostly reached at once.
const FEW: usize = 8;

/// A list that takes no memory of its own while it is short.
struct Few<T> {
    first: [Option<T>; FEW],
    len: usize,
    more: Vec<T>,
}

impl<T: Copy> Default for Few<T> {
    fn default() -> Self {
        Self {
            first: [None; FEW],
            len: 0,
            more: Vec::new(),
        }
    }
}

impl<T: Copy> Few<T> {
    fn len(&self) -> usize {
        self.len
    }

    fn push(&mut self, item: T) {
        match self.first.get_mut(self.len) {
            Some(place) => *place = Some(item),
            None => self.more.push(item),
        }
        self.len += 1;
    }

    fn get(&self, index: usize) -> T {
        match self.first.get(index) {
            Some(place) => place.expect("below the length"),
            None => self.more[index - FEW],
        }
    }

    fn iter(&self) -> impl Iterator<Item = T> {
        (0..self.len).map(|index| self.get(index))
    }
}
