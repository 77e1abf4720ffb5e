// Messages with a schema: two versions of a program that read each other. Run: node examples/define-message.mjs
import { defineMessage, unknownFields } from 'agentwire';

const Agent = defineMessage('example.agent', {
  id: { tag: 1, type: 'string' },
  role: { tag: 2, type: ['planner', 'coder'], optional: true },
});

const TaskV1 = defineMessage('example.task', {
  taskId: { tag: 1, type: 'string' },
  title: { tag: 2, type: 'string', optional: true },
  labels: { tag: 3, type: 'string', repeated: true },
  owner: { tag: 4, type: Agent },
});

// The next version of the program renames a field, and adds two.
const TaskV2 = defineMessage(
  'example.task',
  {
    taskId: { tag: 1, type: 'string' },
    summary: { tag: 2, type: 'string', optional: true },
    labels: { tag: 3, type: 'string', repeated: true },
    owner: { tag: 4, type: Agent },
    priority: { tag: 5, type: 'integer', default: 3 },
    deadline: { tag: 6, type: 'date', optional: true },
  },
  { previous: TaskV1 },
);

const task = { taskId: 't-1', title: 'Count the words', labels: ['text'], owner: { id: 'agent-7', role: 'coder' } };
const bytes = TaskV1.encode(task);
console.log(`version 1 wrote ${bytes.length} bytes, where JSON takes ${JSON.stringify(task).length}`);
console.log('version 2 reads:', TaskV2.decode(bytes));

const newer = TaskV2.encode({ ...TaskV2.decode(bytes), priority: 1, deadline: new Date(0) });
const old = TaskV1.decode(newer);
console.log('version 1 reads what version 2 wrote:', { ...old, [unknownFields]: undefined });
console.log(`  and keeps ${old[unknownFields].size} fields that it does not know`);
old.labels.push('seen by version 1');
console.log('version 2 gets them back:', TaskV2.decode(TaskV1.encode(old)));

const refuse = (what, attempt) => {
  try {
    attempt();
  } catch (error) {
    console.log(`${what}: ${error.code}\n  ${error.message}`);
  }
};
refuse('a value that does not fit', () => TaskV2.encode({ ...task, title: undefined, priority: 'high' }));
refuse('bytes that are cut short', () => TaskV2.decode(bytes.subarray(0, 20)));
refuse('a version that breaks the others', () =>
  defineMessage(
    'example.task',
    { taskId: { tag: 1, type: 'integer' }, owner: { tag: 4, type: Agent } },
    { version: 3 },
  ),
);
