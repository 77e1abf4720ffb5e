/** True when the pattern matches the topic, both as segments: `*` is one segment, `**` zero or more. As the trie of native says. */
export function matchesPattern(pattern: readonly string[], topic: readonly string[]): boolean {
  let at = 0;
  let next = 0;
  /** The last `**`, and how far it reaches: where the rest fails, it takes one segment more. */
  let many = -1;
  let reach = 0;
  while (next < topic.length) {
    const segment = pattern[at];
    if (segment === '**') {
      many = at++;
      reach = next;
    } else if (at < pattern.length && (segment === '*' || segment === topic[next])) {
      at++;
      next++;
    } else if (many >= 0) {
      at = many + 1;
      next = ++reach;
    } else {
      return false;
    }
  }
  while (pattern[at] === '**') at++;
  return at === pattern.length;
}
