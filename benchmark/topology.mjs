/**
 * Which agent lives in which thread, and who sends to whom: each agent to those that follow it, the first after the last, in turn.
 * With one neighbour fewer than there are agents everybody sends to everybody else.
 */
export class Topology {
  constructor({ agents, threads, neighbours }) {
    this.agents = agents;
    this.threads = threads;
    this.neighbours = neighbours;
  }

  hostOf(agent) {
    return agent % this.threads;
  }

  agentsOf(thread) {
    return Array.from({ length: this.agents }, (_, agent) => agent).filter((agent) => this.hostOf(agent) === thread);
  }

  neighbourOf(agent, turn) {
    return (agent + 1 + turn) % this.agents;
  }

  nameOf(agent) {
    return `a${agent}`;
  }

  topicOf(agent) {
    return `agents.${this.nameOf(agent)}.inbox`;
  }

  /** The pairs of threads, from and to, between which messages go; a thread's own agents may send to each other. */
  edges() {
    const edges = new Map();
    for (let agent = 0; agent < this.agents; agent++) {
      for (let turn = 0; turn < this.neighbours; turn++) {
        const edge = { from: this.hostOf(agent), to: this.hostOf(this.neighbourOf(agent, turn)) };
        edges.set(`${edge.from} ${edge.to}`, edge);
      }
    }
    return [...edges.values()];
  }

  /** That many messages of an agent, or a few less: as many to each neighbour, so that each agent receives as many as it sends. */
  wholeTurns(messages) {
    return Math.max(1, Math.floor(messages / this.neighbours)) * this.neighbours;
  }
}
