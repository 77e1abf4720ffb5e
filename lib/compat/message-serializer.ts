import { OptimizedMessageSerializer } from '../codec/serializer';

/** An OptimizedMessageSerializer under the name of the class that it takes the place of. */
export class MessageSerializer extends OptimizedMessageSerializer {}
