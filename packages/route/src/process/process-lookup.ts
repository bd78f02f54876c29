/** The process on this machine that owns a socket. */
export type ProcessInfo = { readonly uid: number; readonly path: string; readonly name: string };

/** Finds the owner of a client socket by its address. */
export interface ProcessLookup {
  /** `undefined` for sockets that are not of this machine, or cannot be found. Never rejects. */
  find(network: 'tcp' | 'udp', sourceIp: string, sourcePort: number): Promise<ProcessInfo | undefined>;
}
