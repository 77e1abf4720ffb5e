// What only the compiler checks of the pools: the type of the objects follows from the factory.
import { BatchAllocator, type BatchAllocatorStats, ObjectPool, type ObjectPoolStats } from 'agentwire';

interface Task {
  id: number;
  next: Task | null;
}

const tasks = new ObjectPool(
  (): Task => ({ id: 0, next: null }),
  (task) => {
    task.id = 0;
    // @ts-expect-error A task has no such field.
    task.name = '';
  },
);
const task: Task = tasks.acquire();
tasks.release(task);
const figures: ObjectPoolStats = tasks.getStats();
tasks.clear();

const inferred: ObjectPool<{ words: string[] }> = new ObjectPool(
  () => ({ words: ['a'] }),
  ({ words }) => words.splice(0),
  100,
  10,
  { checked: true },
);

// @ts-expect-error An object of another type is not from this pool.
tasks.release({ words: [] });
// @ts-expect-error Only objects can be pooled.
new ObjectPool<number>(
  () => 1,
  () => {},
);
// @ts-expect-error A pool needs a way to reset its objects.
new ObjectPool(() => ({}));
new ObjectPool(
  () => ({}),
  () => {},
  1,
  1,
  // @ts-expect-error No such option.
  { cheked: true },
);

const allocator = new BatchAllocator(1024, 10);
const buffer: ArrayBuffer = allocator.allocate();
const kept: BatchAllocatorStats = allocator.getStats();
// @ts-expect-error A size is a number.
new BatchAllocator('1024');

export { buffer, figures, inferred, kept, task };
