import { AgentwireArgumentError } from '../errors';

/** What an EnhancedEventBus tells its program: the loggers that the original took fit. */
export interface EventBusLogger {
  /** Options without a meaning. */
  warn(message: string, details?: unknown): void;
  /** Handlers that fail, unless the configuration has an `onError`. Without this method they are told to `warn`. */
  error?(message: string, details?: unknown): void;
  /** `start` and `shutdown`. */
  info?(message: string, details?: unknown): void;
  /** Subscriptions that come and go. */
  debug?(message: string, details?: unknown): void;
}

const loggerMethods = ['warn', 'error', 'info', 'debug'] as const;

/** Without a logger what has to be said becomes a warning of the process. */
export const processWarnings: EventBusLogger = {
  warn: (message) => process.emitWarning(message, { type: 'AgentwireWarning', code: 'AGENTWIRE_OPTION' }),
};

export function checkLogger(logger: EventBusLogger | undefined): EventBusLogger {
  if (logger === undefined) return processWarnings;
  const expected = 'an object with a method warn, and error, info and debug if it has them';
  if (typeof logger !== 'object' && typeof logger !== 'function') {
    throw new AgentwireArgumentError('logger', expected, logger);
  }
  if (logger === null) throw new AgentwireArgumentError('logger', expected, logger);
  for (const method of loggerMethods) {
    const given: unknown = logger[method];
    if (typeof given === 'function' || (given === undefined && method !== 'warn')) continue;
    throw new AgentwireArgumentError(`logger.${method}`, 'a function', given);
  }
  return logger;
}

/** Always on: `true` asks for nothing, only `false` cannot be had. */
const alwaysOn = [
  'enableWildcards',
  'enableFilters',
  'enableTransforms',
  'enablePriorities',
  'enableMetrics',
  'enableDeadLetterQueue',
];

/** Says of each option without a meaning, once, that it has none. A program that moves over must not break by one. */
export class OptionReport {
  private readonly told = new Set<string>();

  constructor(private readonly logger: EventBusLogger) {}

  /** The options whose names are `known`; the others are reported. */
  pick(options: object, known: readonly string[], where: string): Record<string, unknown> {
    const picked: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(options)) {
      if (value === undefined) continue;
      if (known.includes(name)) picked[name] = value;
      else this.tell(name, value, where);
    }
    return picked;
  }

  private tell(name: string, value: unknown, where: string): void {
    const asked = `${where} ${name}`;
    const hasItsWay = alwaysOn.includes(name) && value === true;
    if (hasItsWay || this.told.has(asked)) return;
    this.told.add(asked);
    this.logger.warn(`the option ${JSON.stringify(name)} of ${where} ${meaning(name)}`, { option: name, where });
  }
}

function meaning(name: string): string {
  if (alwaysOn.includes(name)) return 'has no meaning here: what it would turn off is always on; take it out';
  return 'has no meaning here and is ignored; take it out';
}
