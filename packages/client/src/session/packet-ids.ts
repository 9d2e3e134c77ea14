// HOT
/**
 * Packet identifiers and who has them. The lowest ones are used first and again, so that the table stays as short as the most that was ever
 * in flight.
 */
export class PacketIds<Owner> {
  readonly #owners: (Owner | undefined)[] = [undefined];
  #free: number[] = [];

  /** A free identifier; 0 when all 65,535 are taken. */
  take(owner: Owner): number {
    let packetId = this.#free.pop();
    if (packetId === undefined) {
      packetId = this.#owners.length;
      if (packetId > 0xffff) return 0;
      this.#owners.push(owner);
      return packetId;
    }
    this.#owners[packetId] = owner;
    return packetId;
  }

  release(packetId: number): void {
    this.#owners[packetId] = undefined;
    this.#free.push(packetId);
  }

  owner(packetId: number): Owner | undefined {
    return this.#owners[packetId];
  }

  /** Gives it to one who had it in an earlier life. `settle` must follow. */
  claim(packetId: number, owner: Owner | undefined): void {
    while (this.#owners.length <= packetId) this.#owners.push(undefined);
    this.#owners[packetId] = owner;
  }

  /** What nobody claimed is free. */
  settle(): void {
    this.#free = [];
    for (let packetId = this.#owners.length - 1; packetId > 0; packetId--) {
      if (this.#owners[packetId] === undefined) this.#free.push(packetId);
    }
  }

  /** Who has which, by packet identifier. */
  entries(): [number, Owner][] {
    const entries: [number, Owner][] = [];
    this.#owners.forEach((owner, packetId) => {
      if (owner !== undefined) entries.push([packetId, owner]);
    });
    return entries;
  }
}
