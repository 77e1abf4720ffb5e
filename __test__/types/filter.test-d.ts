// What only the compiler checks: the types of filters.
import { AgentwireFilterError, EventBus, type Filter, type FilterCondition, type FilterOperator } from 'agentwire';

const bus = new EventBus({ name: 'types' });
const nested: Filter = {
  operator: 'OR',
  conditions: [
    { field: 'a', operator: 'eq', value: null },
    { field: 'a', operator: 'gt', value: 5n },
    { field: 'a', operator: 'contains', value: 'x', caseSensitive: false },
    { field: 'a', operator: 'matches', value: /x/i },
    { field: 'a', operator: 'in', value: new Set(['x', 1, new Date()]) },
    { field: 'a', operator: 'in', value: [true] as const },
    { field: 'a', operator: 'exists' },
    { operator: 'AND', conditions: [{ field: 'b', operator: 'exists', value: false }] },
  ],
};
const kept: number = bus.subscribe('t', () => {}, { filter: nested }).stats.filtered;
const keptOfAll: number = bus.getMetrics().filtered;
const operator: FilterOperator = 'lte';
const error: AgentwireFilterError = new AgentwireFilterError('a message');
const condition: FilterCondition = { field: 'a', operator: 'ne', value: 'x' };

// @ts-expect-error No such operator.
const unknown: FilterCondition = { field: 'a', operator: 'like', value: 'x' };
// @ts-expect-error A value is a scalar.
const deep: FilterCondition = { field: 'a', operator: 'eq', value: {} };
// @ts-expect-error Nothing is above null.
const above: FilterCondition = { field: 'a', operator: 'gt', value: null };
// @ts-expect-error A value for in is a list.
const among: FilterCondition = { field: 'a', operator: 'in', value: 'x' };
// @ts-expect-error A condition has a value.
const without: FilterCondition = { field: 'a', operator: 'eq' };
// @ts-expect-error AND or OR.
bus.subscribe('t', () => {}, { filter: { operator: 'NOT', conditions: [condition] } });

export { above, among, deep, error, kept, keptOfAll, operator, unknown, without };
