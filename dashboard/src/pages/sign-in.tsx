import { useSignal } from '@preact/signals';

import { timeOf } from '../format.ts';
import { snapshot } from '../live.ts';
import { lapse, signIn, type WhyUnknown } from '../session.ts';

const reasons: Readonly<Record<WhyUnknown, string>> = {
  expired: 'The session has ended: one lasts 12 hours after a page used it, and 30 days at most.',
  gone: 'This browser has no session here any more.',
  foreign: 'The server has another token than the one of this session.',
};

/** For who came without the URL that the pipeline printed. */
export function SignIn(): preact.JSX.Element {
  const token = useSignal('');
  const why = useSignal('');
  const before = snapshot.value;
  const send = (event: Event): void => {
    event.preventDefault();
    signIn(token.value).catch(({ status, message }: { status: number; message: string }) => {
      why.value = status === 401 ? 'This is no token of this pipeline.' : message;
    });
  };
  return (
    <main class="sign-in">
      <h1>{before?.pipeline ?? 'Millrace'}</h1>
      {lapse.value !== undefined && (
        <p>
          <b>{reasons[lapse.value]}</b> Sign in again: the page goes on where it was
          {before !== undefined && `, with its last figures of ${timeOf(before.at)}`}.
        </p>
      )}
      <p>
        Open the URL that the pipeline printed when it started: it signs you in, once. Or give a
        token.
      </p>
      <form onSubmit={send}>
        <label>
          Token
          <input
            type="password"
            autocomplete="current-password"
            required
            value={token}
            onInput={({ currentTarget }) => (token.value = currentTarget.value)}
          />
        </label>
        <button type="submit">Sign in</button>
        <p role="alert">{why}</p>
      </form>
    </main>
  );
}
