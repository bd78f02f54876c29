import { ApiError } from '../api/client.ts';
import { notify } from './notices.tsx';

/**
 * Shows a refusal of the gateway that nobody asked for just now; the banner and the secret prompt already tell of lost
 * connections and secrets. Anything but a refusal is a mistake of ours and thrown on.
 */
export function reportRefusal(error: unknown): void {
  if (!(error instanceof ApiError)) throw error;
  if (error.status !== 0 && error.status !== 401) notify('bad', error.message);
}

/** Runs something the user asked for; a refusal of the gateway is shown, not thrown. Resolves true when it worked. */
export async function act(task: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await task();
    if (done !== undefined) notify('good', done);
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    notify('bad', error.message);
    return false;
  }
}
