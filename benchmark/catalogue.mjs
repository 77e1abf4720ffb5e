// Everything that can be measured, in the order in which it is.
import { agentsGrowth } from './growth/agents.mjs';
import { messagesGrowth } from './growth/messages.mjs';
import { publishersGrowth } from './growth/publishers.mjs';
import { subscriptionsGrowth } from './growth/subscriptions.mjs';
import { acknowledge } from './rows/acknowledge.mjs';
import { bloom } from './rows/bloom.mjs';
import { codecs } from './rows/codec.mjs';
import { codecPool } from './rows/codec-pool.mjs';
import { crowd } from './rows/crowd.mjs';
import { emitter } from './rows/emitter.mjs';
import { fanOut } from './rows/fan-out.mjs';
import { garbage } from './rows/garbage.mjs';
import { histogram } from './rows/histogram.mjs';
import { latency } from './rows/latency.mjs';
import { memory } from './rows/memory.mjs';
import { mesh } from './rows/mesh.mjs';
import { pools } from './rows/pools.mjs';
import { request } from './rows/request.mjs';
import { ringAlone } from './rows/ring-alone.mjs';
import { ringPair } from './rows/ring-pair.mjs';
import { routing } from './rows/routing.mjs';
import { soak } from './rows/soak.mjs';
import { stages } from './rows/stages.mjs';
import { stringPool } from './rows/string-pool.mjs';
import { tenants } from './rows/tenants.mjs';
import { throughput } from './rows/throughput.mjs';
import { agents } from './scenarios/agents.mjs';
import { exhaustion } from './scenarios/exhaustion.mjs';
import { overflow } from './scenarios/overflow.mjs';
import { priorities } from './scenarios/priorities.mjs';
import { producersConsumers } from './scenarios/producers-consumers.mjs';

/**
 * `names` are those of `--row`; `seconds` is about how long it takes with each effort (quick, judged, full) on two cores. `kind`: a row of
 * the targets, a scenario (both judged), a profile, or how cost grows. What is long runs only when it is asked for. `workers`: two
 * threads of that file are started for it.
 */
export const parts = [
  { names: ['1'], run: throughput, kind: 'row', workers: 'peer.mjs', seconds: [3, 10, 20] },
  { names: ['2', '3'], run: latency, kind: 'row', workers: 'peer.mjs', seconds: [6, 20, 44] },
  { names: ['4'], run: mesh, kind: 'row', seconds: [13, 26, 96] },
  { names: ['5'], run: crowd, kind: 'row', seconds: [16, 45, 110] },
  { names: ['6'], run: ringAlone, kind: 'row', seconds: [1, 4, 12] },
  { names: ['7'], run: ringPair, kind: 'row', workers: 'ring.mjs', seconds: [2, 5, 20] },
  { names: ['8'], run: pools, kind: 'row', workers: 'buffer-pool.mjs', seconds: [1, 2, 5] },
  { names: ['9'], run: bloom, kind: 'row', seconds: [1, 2, 8] },
  { names: ['10'], run: stringPool, kind: 'row', seconds: [2, 8, 40] },
  { names: ['11'], run: codecPool, kind: 'row', seconds: [1, 1, 1] },
  { names: ['12'], run: codecs, kind: 'row', seconds: [7, 13, 61] },
  { names: ['13'], run: routing, kind: 'row', seconds: [12, 14, 18] },
  { names: ['14'], run: emitter, kind: 'row', seconds: [1, 6, 15] },
  { names: ['15'], run: histogram, kind: 'row', seconds: [1, 1, 1] },
  { names: ['16'], run: memory, kind: 'row', seconds: [7, 20, 46] },
  { names: ['17'], run: garbage, kind: 'row', seconds: [3, 5, 8] },
  { names: ['ack'], run: acknowledge, kind: 'row', workers: 'peer.mjs', seconds: [2, 7, 9] },
  { names: ['tenants'], run: tenants, kind: 'row', seconds: [3, 10, 29] },
  { names: ['fan-out'], run: fanOut, kind: 'row', seconds: [5, 17, 26] },
  { names: ['request'], run: request, kind: 'row', seconds: [6, 12, 37] },
  { names: ['18'], run: soak, kind: 'row', isLong: true, seconds: [70, 615, 615] },
  { names: ['agents'], run: agents, kind: 'scenario', seconds: [4, 11, 9] },
  { names: ['priorities'], run: priorities, kind: 'scenario', seconds: [1, 3, 5] },
  { names: ['producers-consumers'], run: producersConsumers, kind: 'scenario', seconds: [1, 4, 6] },
  { names: ['overflow'], run: overflow, kind: 'scenario', seconds: [1, 3, 5] },
  { names: ['exhaustion'], run: exhaustion, kind: 'scenario', seconds: [2, 4, 5] },
  { names: ['stages'], run: stages, kind: 'profile', seconds: [1, 4, 17] },
  { names: ['growth-messages'], run: messagesGrowth, kind: 'growth', seconds: [3, 20, 56] },
  { names: ['growth-publishers'], run: publishersGrowth, kind: 'growth', seconds: [7, 20, 79] },
  { names: ['growth-subscriptions'], run: subscriptionsGrowth, kind: 'growth', seconds: [2, 30, 52] },
  { names: ['growth-agents'], run: agentsGrowth, kind: 'growth', seconds: [5, 30, 62] },
];

/** What the targets are judged by: profiles and growth have no target. */
export const isJudged = ({ kind }) => kind === 'row' || kind === 'scenario';
