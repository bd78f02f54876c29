import type { MediaTuple, SocketInfo } from '@sluice/core/ports/media';

/** Somebody who wants to send a stream. */
export type PublishRequest = { readonly tuple: MediaTuple; readonly peer: SocketInfo };

/** The answer; `reason` is shown to the client. */
export type AccessDecision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly reason: string };

/** The one place where publishing is allowed or refused; every protocol asks it before frames are taken. */
export type DecidePublish = (request: PublishRequest) => Promise<AccessDecision>;

/** Everybody who can reach the listener may publish. */
export const allowAllPublishers: DecidePublish = async () => ({ allowed: true });
