import { AgentwireArgumentError, fromNative, quote } from '../errors';
import type { MessageContext } from './context';
import type { Endpoint } from './endpoint';
import type { PublishOptions } from './options';
import type { RecordOptions } from './outbox';
import { matchesPattern } from './pattern';
import type { Handler, Listener, Subscription } from './subscription';

/** What an emitter needs of its bus. */
export interface EmitterOwner {
  subscribe(pattern: string, handler: Handler): Subscription;
  publish(topic: string, payload: unknown, options: RecordOptions): boolean;
}

/** Topics whose listeners are remembered; they are forgotten together when there are more. */
const MOST_ROUTES = 4096;

const plainEmit: RecordOptions = { emitted: true };

/** Who hears an `emit` to a topic. Never changed, so a round of calls is not disturbed by listeners that come and go. */
class Route {
  constructor(
    readonly topic: string,
    readonly version: number,
    readonly listeners: readonly Registration[],
    /** True when there is a subscription that is no listener of this thread. */
    readonly hasOthers: boolean,
  ) {}
}

const noRoute = new Route('', -1, [], false);

/** The listeners of this thread on one bus, whichever EventBus they were added to, in order. */
class Room {
  private static readonly rooms = new Map<string, Room>();

  static enter(name: string): Room {
    let room = Room.rooms.get(name);
    if (room === undefined) {
      room = new Room(name);
      Room.rooms.set(name, room);
    }
    room.emitters++;
    return room;
  }

  readonly registrations = new Set<Registration>();
  readonly routes = new Map<string, Route>();
  private emitters = 0;

  private constructor(private readonly name: string) {}

  leave(): void {
    this.emitters--;
    if (this.emitters === 0) Room.rooms.delete(this.name);
  }
}

/** A listener: a subscription for what comes over the bus, and a call for what this thread emits. */
class Registration {
  subscription!: Subscription;
  private fired = false;

  constructor(
    private readonly emitter: Emitter,
    readonly pattern: string,
    readonly listener: Listener,
    private readonly once: boolean,
  ) {}

  readonly receive = (payload: unknown, context: MessageContext): unknown => {
    if (this.once && !this.fire()) return undefined;
    const { listener } = this;
    return listener(payload, context.topic, context);
  };

  call(payload: unknown, topic: string): void {
    if (this.once && !this.fire()) return;
    const { listener } = this;
    try {
      const result = listener(payload, topic, undefined);
      if (typeof result === 'object' && result !== null) this.watch(result, topic);
    } catch (error) {
      this.fail(error, topic);
    }
  }

  /** Of a `once`: true the first time. It is taken off before it is called. */
  private fire(): boolean {
    if (this.fired) return false;
    this.fired = true;
    this.subscription.unsubscribe();
    return true;
  }

  private watch(result: object, topic: string): void {
    const { then } = result as { then?: unknown };
    if (typeof then !== 'function') return;
    then.call(result, undefined, (error: unknown) => this.fail(error, topic));
  }

  private fail(error: unknown, topic: string): void {
    this.emitter.failures++;
    this.subscription.report(error, 'handler-error', topic);
  }
}

/** `on`, `once`, `off` and `emit` of one EventBus. */
export class Emitter {
  /** Calls by `emit` that threw or rejected. */
  failures = 0;
  /** By pattern, in order: neither the end of one nor that of all looks through the others. */
  private readonly own = new Map<string, Set<Registration>>();
  private readonly room: Room;
  private last = noRoute;

  constructor(
    name: string,
    private readonly endpoint: Endpoint,
    private readonly handle: number,
    private readonly owner: EmitterOwner,
  ) {
    // From now on a change of subscriptions, in whatever thread, outdates the routes.
    endpoint.native.watchRoutes(handle);
    this.room = Room.enter(name);
  }

  /** The bus is closed, and its subscriptions have ended. */
  close(): void {
    this.last = noRoute;
    this.room.leave();
  }

  add(pattern: string, listener: Listener, once: boolean): void {
    if (typeof listener !== 'function') throw new AgentwireArgumentError('listener', 'a function', listener);
    const registration = new Registration(this, pattern, listener, once);
    const subscription = this.owner.subscribe(pattern, registration.receive);
    subscription.hearsEmit = true;
    registration.subscription = subscription;
    const { room } = this;
    room.registrations.add(registration);
    const ofPattern = this.own.get(pattern) ?? new Set();
    ofPattern.add(registration);
    this.own.set(pattern, ofPattern);
    this.endpoint.outdateRoutes();
    subscription.atEnd(() => {
      room.registrations.delete(registration);
      ofPattern.delete(registration);
      if (ofPattern.size === 0 && this.own.get(pattern) === ofPattern) this.own.delete(pattern);
      this.endpoint.outdateRoutes();
    });
  }

  remove(pattern: string, listener: Listener): void {
    let last: Registration | undefined;
    for (const one of this.own.get(pattern) ?? []) if (one.listener === listener) last = one;
    last?.subscription.unsubscribe();
  }

  emit(topic: string, payload: unknown, options: PublishOptions | undefined): boolean {
    let route = this.last;
    if (route.topic !== topic || route.version !== this.endpoint.routesVersion) route = this.findRoute(topic);
    const { listeners, hasOthers } = route;
    if (hasOthers) {
      const emitted = options === undefined ? plainEmit : { ...options, emitted: true };
      if (!this.owner.publish(topic, payload, emitted)) return false;
    }
    for (let index = 0; index < listeners.length; index++) listeners[index].call(payload, topic);
    return hasOthers || listeners.length > 0;
  }

  private findRoute(topic: string): Route {
    if (typeof topic !== 'string') throw new AgentwireArgumentError('topic', 'a string', topic);
    const { routes } = this.room;
    const version = this.endpoint.routesVersion;
    let route = routes.get(topic);
    if (route === undefined || route.version !== version) {
      route = this.lookUp(topic, version);
      if (routes.size >= MOST_ROUTES) routes.clear();
      routes.set(topic, route);
    }
    this.last = route;
    return route;
  }

  private lookUp(topic: string, version: number): Route {
    let matching: number;
    try {
      matching = this.endpoint.native.countMatches(this.handle, topic);
    } catch (error) {
      throw fromNative(error, `${quote(topic)} cannot be a topic`);
    }
    const segments = topic.split('.');
    const listeners: Registration[] = [];
    for (const registration of this.room.registrations) {
      if (matchesPattern(registration.pattern.split('.'), segments)) listeners.push(registration);
    }
    // Each listener has a subscription of its own.
    return new Route(topic, version, listeners, matching > listeners.length);
  }
}
