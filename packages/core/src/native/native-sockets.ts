import { getSystemErrorMap } from 'node:util';
import type { Endpoint } from '@sluice/base/address';
import { GatewayError } from '@sluice/base/errors';
import { type DatagramControl, parseControl } from './control-messages.ts';
import { type Ffi, loadFfi, type PinnedBytes, pinBytes } from './ffi.ts';
import { encodeSocketAddress, parseSocketAddress, SOCKET_ADDRESS_LIMIT_BYTES } from './socket-address.ts';
import {
  LEVEL_IP,
  LEVEL_IPV6,
  LEVEL_SOCKET,
  SO_BINDTODEVICE,
  SO_ORIGINAL_DESTINATION,
} from './socket-constants.ts';

/** A datagram with its sender and what the kernel says about it. */
export type ReceivedDatagram = DatagramControl & { readonly data: Buffer; readonly source: Endpoint };

/** Calls of the operating system on sockets by descriptor. Whoever opened a descriptor closes it, or gives it to Node. */
export interface NativeSockets {
  /** A non-blocking socket that is not inherited. `protocol` 0 is the family's own. @throws GatewayError `native.socket` */
  open(family: number, type: 'stream' | 'datagram', protocol?: number): number;
  /** @throws GatewayError `native.socket` */
  bind(fd: number, family: number, address: Endpoint): void;
  /** @throws GatewayError `native.socket` */
  listen(fd: number, backlog: number): void;
  close(fd: number): void;
  /** @throws GatewayError `native.socket`, for example without the capability an option needs */
  setOption(fd: number, level: number, option: number, value: number, name: string): void;
  /** An integer option; `undefined` when the socket has none. */
  option(fd: number, level: number, option: number): number | undefined;
  /** @throws GatewayError `native.socket` */
  bindToDevice(fd: number, name: string): void;
  /** The address a socket is bound to. */
  localAddress(fd: number): Endpoint | undefined;
  /** Where a connection that a packet filter redirected was going; `undefined` when it was not redirected. */
  originalDestination(fd: number, family: 4 | 6): Endpoint | undefined;
  /** The next datagram, `undefined` when there is none. */
  receive(fd: number): ReceivedDatagram | undefined;
  /** Runs `task` whenever there is something to receive, until the result is called; before the descriptor is closed. */
  watch(fd: number, task: () => void): () => void;
}

/** The calls, or why they cannot be used here. */
export type NativeSocketsAvailability =
  | { readonly available: true; readonly sockets: NativeSockets }
  | { readonly available: false; readonly reason: string };

let loaded: NativeSocketsAvailability | undefined;

/** Loads the calls once in a thread. */
export function nativeSockets(): NativeSocketsAvailability {
  loaded ??= load();
  return loaded;
}

function load(): NativeSocketsAvailability {
  const availability = loadFfi();
  if (!availability.available) return availability;
  if (process.arch !== 'x64' && process.arch !== 'arm64')
    return { available: false, reason: `socket structures of ${process.arch} are not known` };
  return { available: true, sockets: new FfiSockets(availability.ffi) };
}

const TYPE_STREAM = 1;
const TYPE_DATAGRAM = 2;
const NON_BLOCKING = 0o4000;
const CLOSE_ON_EXEC = 0o2000000;
const MAX_DATAGRAM_BYTES = 65_535;
const CONTROL_BYTES = 256;

/*
 * msghdr = name(8) | name length(4) | - | iov(8) | iov count(8) | control(8) | control length(8) | flags(4) | -
 * iovec  = base(8) | length(8)
 */
const MESSAGE_BYTES = 56;
const NAME_LENGTH_AT = 8;
const CONTROL_LENGTH_AT = 40;
const FLAGS_AT = 48;
const FLAG_TRUNCATED = 0x20;

/** Where each part of a received message goes; laid out once, since calls are synchronous. */
type ReceiveArea = {
  readonly message: PinnedBytes;
  readonly view: DataView;
  readonly name: PinnedBytes;
  readonly data: PinnedBytes;
  readonly control: PinnedBytes;
};

class FfiSockets implements NativeSockets {
  readonly #ffi: Ffi;
  readonly #argument: PinnedBytes;
  readonly #argumentView: DataView;
  readonly #length: PinnedBytes;
  #area: ReceiveArea | undefined;

  constructor(ffi: Ffi) {
    this.#ffi = ffi;
    this.#argument = pinBytes(ffi, 64);
    this.#argumentView = new DataView(this.#argument.bytes.buffer);
    this.#length = pinBytes(ffi, 4);
  }

  open(family: number, type: 'stream' | 'datagram', protocol = 0): number {
    const kind = (type === 'stream' ? TYPE_STREAM : TYPE_DATAGRAM) | NON_BLOCKING | CLOSE_ON_EXEC;
    const fd = this.#ffi.libc.socket(family, kind, protocol);
    if (fd < 0) throw this.#failure('socket');
    return fd;
  }

  bind(fd: number, family: number, address: Endpoint): void {
    const bytes = encodeSocketAddress(address, family);
    this.#argument.bytes.set(bytes);
    if (this.#ffi.libc.bind(fd, this.#argument.address, bytes.length) !== 0) throw this.#failure('bind');
  }

  listen(fd: number, backlog: number): void {
    if (this.#ffi.libc.listen(fd, backlog) !== 0) throw this.#failure('listen');
  }

  close(fd: number): void {
    this.#ffi.libc.close(fd);
  }

  setOption(fd: number, level: number, option: number, value: number, name: string): void {
    this.#argumentView.setInt32(0, value, true);
    if (this.#ffi.libc.setsockopt(fd, level, option, this.#argument.address, 4) !== 0)
      throw this.#failure(`setsockopt ${name}`);
  }

  option(fd: number, level: number, option: number): number | undefined {
    return this.#get(fd, level, option, 4) === undefined ? undefined : this.#argumentView.getInt32(0, true);
  }

  bindToDevice(fd: number, name: string): void {
    const bytes = Buffer.from(name, 'utf8').subarray(0, 15);
    this.#argument.bytes.set(bytes);
    const length = bytes.length;
    if (this.#ffi.libc.setsockopt(fd, LEVEL_SOCKET, SO_BINDTODEVICE, this.#argument.address, length) !== 0)
      throw this.#failure(`setsockopt SO_BINDTODEVICE ${name}`);
  }

  originalDestination(fd: number, family: 4 | 6): Endpoint | undefined {
    const level = family === 4 ? LEVEL_IP : LEVEL_IPV6;
    const length = this.#get(fd, level, SO_ORIGINAL_DESTINATION, SOCKET_ADDRESS_LIMIT_BYTES);
    return length === undefined ? undefined : parseSocketAddress(this.#argument.bytes.subarray(0, length));
  }

  localAddress(fd: number): Endpoint | undefined {
    const length = new DataView(this.#length.bytes.buffer);
    length.setUint32(0, SOCKET_ADDRESS_LIMIT_BYTES, true);
    if (this.#ffi.libc.getsockname(fd, this.#argument.address, this.#length.address) !== 0) return undefined;
    return parseSocketAddress(this.#argument.bytes.subarray(0, length.getUint32(0, true)));
  }

  receive(fd: number): ReceivedDatagram | undefined {
    this.#area ??= this.#layOut();
    const { message, view, name, data, control } = this.#area;
    for (;;) {
      view.setUint32(NAME_LENGTH_AT, SOCKET_ADDRESS_LIMIT_BYTES, true);
      view.setUint32(CONTROL_LENGTH_AT, CONTROL_BYTES, true);
      const length = this.#ffi.libc.recvmsg(fd, message.address, 0);
      if (length < 0) return undefined;
      const source = parseSocketAddress(name.bytes.subarray(0, view.getUint32(NAME_LENGTH_AT, true)));
      if (source === undefined || (view.getInt32(FLAGS_AT, true) & FLAG_TRUNCATED) !== 0) continue;
      const said = parseControl(control.bytes.subarray(0, view.getUint32(CONTROL_LENGTH_AT, true)));
      return { ...said, source, data: Buffer.from(data.bytes.subarray(0, length)) };
    }
  }

  watch(fd: number, task: () => void): () => void {
    return this.#ffi.watchReadable(fd, () => {
      try {
        task();
        // Foreign code does not run what a task queued; the next turn of the event loop does.
        setImmediate(() => undefined);
      } catch (error) {
        // Nothing may be thrown through foreign code.
        setImmediate(() => {
          throw error;
        });
      }
    });
  }

  /** The option's bytes are in the argument memory afterwards; the result is their count. */
  #get(fd: number, level: number, option: number, size: number): number | undefined {
    const length = new DataView(this.#length.bytes.buffer);
    length.setUint32(0, size, true);
    const { address } = this.#argument;
    if (this.#ffi.libc.getsockopt(fd, level, option, address, this.#length.address) !== 0) return undefined;
    return length.getUint32(0, true);
  }

  #layOut(): ReceiveArea {
    const message = pinBytes(this.#ffi, MESSAGE_BYTES + 16);
    const name = pinBytes(this.#ffi, SOCKET_ADDRESS_LIMIT_BYTES);
    const data = pinBytes(this.#ffi, MAX_DATAGRAM_BYTES);
    const control = pinBytes(this.#ffi, CONTROL_BYTES);
    const view = new DataView(message.bytes.buffer);
    view.setBigUint64(0, name.address, true);
    view.setBigUint64(16, message.address + BigInt(MESSAGE_BYTES), true);
    view.setBigUint64(24, 1n, true);
    view.setBigUint64(32, control.address, true);
    view.setBigUint64(MESSAGE_BYTES, data.address, true);
    view.setBigUint64(MESSAGE_BYTES + 8, BigInt(MAX_DATAGRAM_BYTES), true);
    return { message, view, name, data, control };
  }

  #failure(call: string): GatewayError {
    const number = this.#ffi.errno();
    const [code, text] = getSystemErrorMap().get(-number) ?? [`errno ${number}`, ''];
    return new GatewayError('unavailable', 'native.socket', `${call}: ${code} ${text}`.trim());
  }
}
