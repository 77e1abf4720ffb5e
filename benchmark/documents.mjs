// What agents send, and a document that was not written for this benchmark: the values of row 12.
import { readFileSync } from 'node:fs';
import { makeMessage } from './message.mjs';

/** How many different ones of each small document there are. */
const DIFFERENT = 1024;

/** Strings as a parser delivers them. */
const flat = (value) => JSON.parse(JSON.stringify(value));

function makeHeartbeat(sequence) {
  return {
    type: 'agent.heartbeat',
    agentId: `agent-${sequence % 100}`,
    timestamp: 1_760_000_000_000 + 5000 * sequence,
    status: sequence % 10 === 0 ? 'busy' : 'idle',
    load: (sequence % 97) / 97,
    cpuUsage: (sequence % 89) / 89,
    memoryUsage: 50_000_000 + 4096 * sequence,
    activeTasks: sequence % 7,
    queueDepth: sequence % 31,
    uptime: 3600 + 5 * sequence,
  };
}

/** About 4 KiB of JSON: a plan with its steps, who does them, and what they wait for. */
function makeCoordination(sequence) {
  const step = (index) => ({
    id: `step-${sequence}-${index}`,
    title: `Compare the figures of part ${index} with those of last week`,
    status: index < 5 ? 'completed' : index === 5 ? 'running' : 'pending',
    agentId: `agent-${(sequence + index) % 100}`,
    dependencies: index === 0 ? [] : [`step-${sequence}-${index - 1}`],
    attempts: index % 3,
    progress: index < 5 ? 1 : index / 20,
    usage: { tokens: 1200 + 37 * index, duration: 0.5 + index / 8, tools: ['search', 'calculator'] },
  });
  return {
    type: 'coordination',
    workflowId: `workflow-${sequence}`,
    strategy: 'hierarchical',
    coordinator: `agent-${sequence % 100}`,
    createdAt: 1_760_000_000_000 + sequence,
    deadline: 1_760_000_600_000 + sequence,
    goals: ['gather the figures', 'compare them', 'write the summary'],
    steps: Array.from({ length: 13 }, (_, index) => step(index)),
    agents: Object.fromEntries(
      Array.from({ length: 6 }, (_, index) => [
        `agent-${(sequence + index) % 100}`,
        { role: index === 0 ? 'coordinator' : 'worker', load: index / 6, capabilities: ['read', 'write', 'compare'] },
      ]),
    ),
  };
}

const many = (make) => Array.from({ length: DIFFERENT }, (_, sequence) => flat(make(sequence)));

/** `{name, values, repeats}`: `repeats` is how many are encoded in a round of about the same length for each. */
export function makeDocuments() {
  const schema = new URL('../node_modules/@biomejs/biome/configuration_schema.json', import.meta.url);
  return [
    { name: 'the message', values: many((sequence) => makeMessage(sequence)), repeats: 100_000 },
    { name: 'a heartbeat', values: many(makeHeartbeat), repeats: 100_000 },
    { name: 'a coordination message', values: many(makeCoordination), repeats: 5000 },
    { name: 'a JSON schema', values: [JSON.parse(readFileSync(schema, 'utf8'))], repeats: 20 },
  ];
}
