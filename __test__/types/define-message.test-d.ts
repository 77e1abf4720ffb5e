// What only the compiler checks of defineMessage: what is inferred, exactly, and what is refused.
import type * as root from 'agentwire';
import {
  type Decoded,
  defineMessage,
  type EncodedMessage,
  type MessageDefinition,
  type MessageInputOf,
  type MessageOf,
  unknownFields,
} from 'agentwire';
import {
  CoordinationMessage,
  HeartbeatMessage,
  TaskAssignmentMessage,
  TaskResultMessage,
} from 'agentwire/optimized-serialization';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Fails to compile unless both are one type. */
function same<A, B>(..._proof: Same<A, B> extends true ? [] : [never]): void {}

const Agent = defineMessage('types.agent', {
  id: { tag: 1, type: 'string' },
  role: { tag: 2, type: ['planner', 'coder'], optional: true },
});
same<MessageOf<typeof Agent>, { id: string; role?: 'planner' | 'coder' }>();

const Task = defineMessage(
  'types.task',
  {
    taskId: { tag: 1, type: 'string' },
    priority: { tag: 2, type: 'number', optional: true },
    labels: { tag: 3, type: 'string', repeated: true },
    state: { tag: 4, type: ['open', 'done'] },
    deadline: { tag: 5, type: 'date', optional: true },
    owner: { tag: 6, type: Agent },
    helpers: { tag: 7, type: () => Agent, repeated: true, optional: true },
    attempt: { tag: 8, type: 'integer', default: 0 },
    isUrgent: { tag: 9, type: 'boolean' },
    nonce: { tag: 10, type: 'bigint' },
    createdAt: { tag: 11, type: 'time' },
    image: { tag: 12, type: 'bytes', optional: true },
    payload: { tag: 13, type: 'any' },
    kind: { tag: 14, type: ['build', 'test'], open: true },
    level: { tag: 15, type: ['low', 'high'], default: 'low', optional: true },
    steps: { tag: 16, type: ['run', 'wait'], repeated: true },
  },
  { version: 2 },
);
type Task = MessageOf<typeof Task>;
same<
  Task,
  {
    taskId: string;
    priority?: number;
    labels: string[];
    state: 'open' | 'done';
    deadline?: Date;
    owner: { id: string; role?: 'planner' | 'coder' };
    helpers?: { id: string; role?: 'planner' | 'coder' }[];
    attempt: number;
    isUrgent: boolean;
    nonce: bigint;
    createdAt: number | bigint;
    image?: Uint8Array;
    payload: unknown;
    kind: 'build' | 'test' | (string & {});
    level: 'low' | 'high';
    steps: ('run' | 'wait')[];
  }
>();

type Given = MessageInputOf<typeof Agent>;
same<Given, { readonly id: string; readonly role?: 'planner' | 'coder' | undefined }>();
same<MessageInputOf<typeof Task>['labels'], readonly string[] | undefined>();
same<MessageInputOf<typeof Task>['attempt'], number | undefined>();
same<MessageInputOf<typeof Task>['owner'], Given>();
same<MessageInputOf<typeof Task>['steps'], readonly ('run' | 'wait')[] | undefined>();

const labels: readonly string[] = ['a'];
const bytes: Uint8Array = Task.encode({
  taskId: 't',
  labels,
  state: 'open',
  owner: { id: 'a' },
  isUrgent: false,
  nonce: 1n,
  createdAt: 1,
  image: Buffer.from('bytes'),
  payload: undefined,
  kind: 'other',
});
const task = Task.decode(bytes);
same<typeof task, Decoded<Task>>();
const asTask: Task = task;
const kept: ReadonlyMap<number, unknown> | undefined = task[unknownFields];
const again: Uint8Array = Task.encode({ ...task, priority: 1 });
const length: number = Task.encodeInto(task, new Uint8Array(100), 4) + Task.encodeInto(task, new Uint8Array(100));
Task.validate(bytes);
const wrapped: EncodedMessage = Task.wrap(task);
const unwrapped: Task = Task.unwrap(wrapped);
const texts: string = Task.name + Task.fields['taskId']?.type;
const version: number = Task.version + Task.fingerprint;

const given: unknown = task;
if (Agent.is(given)) same<typeof given, Given>();
const checked: Given = Agent.check(given);

// One that refers to itself is written out.
interface Tree {
  name: string;
  children: Tree[];
}
const Tree: MessageDefinition<Tree> = defineMessage('types.tree', {
  name: { tag: 1, type: 'string' },
  children: { tag: 2, type: () => Tree, repeated: true },
});
same<MessageOf<typeof Tree>, Tree>();
Tree.encode({ name: 'root', children: [{ name: 'leaf' }] });
if (Tree.is(given)) Tree.encode(given);
// @ts-expect-error Inside too.
Tree.encode({ name: 'root', children: [{ title: 'leaf' }] });
const leaf: Tree | undefined = Tree.decode(bytes).children[0]?.children[0];

const Loose = defineMessage('types.loose', { id: { tag: 1, type: 'string' } }, { extra: 'keep', reserved: [2, 3] });
same<MessageOf<typeof Loose>, { [property: string]: unknown; id: string }>();
Loose.encode({ id: 'a', more: 1 });
const more: unknown = Loose.decode(bytes)['more'];
const Later = defineMessage('types.loose', { id: { tag: 1, type: 'string' } }, { previous: Loose });

const assignment: TaskAssignmentMessage = {
  taskId: 't',
  timestamp: 1n,
  priority: 'high',
  dependencies: ['a'],
  custom: 1,
};
TaskAssignmentMessage.encode(assignment);
TaskResultMessage.encode({ taskId: 't', duration: 1, error: { message: 'none' } });
CoordinationMessage.encode({ targetAgents: ['a'], data: null });
HeartbeatMessage.encode({ agentId: 'a', timestamp: Date.now(), load: 0.5 });
const heartbeat: root.HeartbeatMessage = HeartbeatMessage.decode(bytes);
same<typeof heartbeat.timestamp, number | bigint | undefined>();

// @ts-expect-error A required field is missing.
Agent.encode({ role: 'coder' });
// @ts-expect-error Not a member.
Agent.encode({ id: 'a', role: 'cook' });
// @ts-expect-error No such field.
Agent.encode({ id: 'a', rolle: 'coder' });
// @ts-expect-error A string.
Agent.encode({ id: 5 });
// @ts-expect-error Optional, so it may be undefined.
task.priority.toFixed();
// @ts-expect-error What was read is of the field's type.
const wrong: number = task.taskId;
// @ts-expect-error Bytes are no strings.
Task.decode('bytes');
// @ts-expect-error A time is no Date.
HeartbeatMessage.encode({ timestamp: new Date() });
// @ts-expect-error A field has a tag.
defineMessage('types.wrong', { id: { type: 'string' } });
// @ts-expect-error No such type.
defineMessage('types.wrong', { id: { tag: 1, type: 'text' } });
// @ts-expect-error The default is of the field's type.
defineMessage('types.wrong', { id: { tag: 1, type: 'string', default: 5 } });
// @ts-expect-error Dates are changed by whoever has them, so there is no default.
defineMessage('types.wrong', { id: { tag: 1, type: 'date', default: new Date() } });
// @ts-expect-error Only enums are open.
defineMessage('types.wrong', { id: { tag: 1, type: 'string', open: true } });
// @ts-expect-error No such option.
defineMessage('types.wrong', { id: { tag: 1, type: 'string', required: true } });
// @ts-expect-error Kept or refused.
defineMessage('types.wrong', { id: { tag: 1, type: 'string' } }, { extra: 'drop' });
// @ts-expect-error A definition is fixed.
Task.fields['taskId'] = { tag: 1, type: 'string' };

export { again, asTask, checked, kept, Later, leaf, length, more, texts, unwrapped, version, wrong };
