export interface ListenOptions {
  /** Aborted, it takes the listener away. */
  readonly signal?: AbortSignal | undefined;
  /** Default false. */
  readonly once?: boolean;
}

type Listener = (event: never) => void;

/** Typed events. Nothing is thrown when nobody listens; a listener that throws is an `error` event and hurts nobody else. */
export class Emitter<Events extends { error: { readonly error: unknown } }> {
  readonly #listeners = new Map<keyof Events, Set<Listener>>();

  on<K extends keyof Events>(type: K, listener: (event: Events[K]) => void, { signal, once = false }: ListenOptions = {}): void {
    if (signal?.aborted) return;
    let listeners = this.#listeners.get(type);
    if (listeners === undefined) this.#listeners.set(type, (listeners = new Set()));
    const entry = (event: Events[K]): void => {
      if (once) remove();
      listener(event);
    };
    const remove = (): void => {
      listeners.delete(entry);
      signal?.removeEventListener('abort', remove);
    };
    listeners.add(entry);
    signal?.addEventListener('abort', remove);
  }

  emit<K extends keyof Events>(type: K, event: Events[K]): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])] as Array<(event: Events[K]) => void>) {
      try {
        listener(event);
      } catch (error) {
        if (type !== 'error') this.emit('error', { error });
      }
    }
  }
}
