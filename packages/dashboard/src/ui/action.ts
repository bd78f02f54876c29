import { ApiError } from '../api/client.ts';
import { notify } from './notices.tsx';

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
