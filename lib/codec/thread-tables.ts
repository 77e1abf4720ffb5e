import { Tables } from './tables';

let tables: Tables | undefined;

/** This thread's one cache of the process-wide tables, made when it is first needed. */
export function threadTables(): Tables {
  tables ??= new Tables();
  return tables;
}
