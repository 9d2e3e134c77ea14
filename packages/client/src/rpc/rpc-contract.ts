import { MqttError } from '#base/mqtt-error.ts';
import type { StandardSchema } from '#base/standard-schema.ts';
import type { CallOptions } from './rpc-options.ts';
import type { RpcContext } from './rpc-context.ts';

export interface RpcMethod {
  /** Checks what is sent, before the method runs. Default: everything passes. */
  readonly input?: StandardSchema<unknown, unknown>;
  /** Checks what is answered, before it is sent and again when it arrives. Default: everything passes. */
  readonly output?: StandardSchema<unknown, unknown>;
  /** The method gives many answers. Default false. */
  readonly stream?: boolean;
}

export type RpcContract = Readonly<Record<string, RpcMethod>>;

/** What callers give, and what the method gets: the schema's input and output. */
type Given<M extends RpcMethod> = M['input'] extends StandardSchema<infer Input, infer _> ? Input : unknown;
type Received<M extends RpcMethod> = M['input'] extends StandardSchema<infer _, infer Output> ? Output : unknown;
/** What the method returns, and what callers get. */
type Returned<M extends RpcMethod> = M['output'] extends StandardSchema<infer Input, infer _> ? Input : unknown;
type Answered<M extends RpcMethod> = M['output'] extends StandardSchema<infer _, infer Output> ? Output : unknown;

/** The functions behind a contract. */
export type RpcMethods<C extends RpcContract> = {
  readonly [Name in keyof C]: C[Name]['stream'] extends true
    ? (input: Received<C[Name]>, context: RpcContext) => AsyncIterable<Returned<C[Name]>>
    : (input: Received<C[Name]>, context: RpcContext) => Returned<C[Name]> | Promise<Returned<C[Name]>>;
};

/** A contract as its callers see it. */
export type RpcProxy<C extends RpcContract> = {
  readonly [Name in keyof C]: C[Name]['stream'] extends true
    ? (input: Given<C[Name]>, options?: CallOptions) => AsyncIterable<Answered<C[Name]>>
    : (input: Given<C[Name]>, options?: CallOptions) => Promise<Answered<C[Name]>>;
};

/**
 * Names the methods that a responder has, with any schema library that implements Standard Schema.
 *
 *     const deviceApi = defineRpc({
 *       getStatus: { output: z.object({ online: z.boolean() }) },
 *       tail: { output: z.string(), stream: true },
 *     });
 *
 * A method's name is a topic level: throws MqttError INVALID when it is empty or holds `/`, `+` or `#`.
 */
export function defineRpc<const C extends RpcContract>(contract: C): C {
  for (const name of Object.keys(contract)) checkMethodName(name);
  return contract;
}

function checkMethodName(name: string): void {
  if (!/^[^/+#\0]+$/.test(name)) throw new MqttError('INVALID', `'${name}' cannot be the name of a method: it is a level of a topic`);
}
