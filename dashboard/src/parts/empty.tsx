import type { Refused } from '../api.ts';
import { connection } from '../live.ts';

/** In place of what is not there, or not yet: why. */
export function Empty({
  refused,
  what,
}: {
  readonly refused: Refused | undefined;
  readonly what: string;
}): preact.JSX.Element {
  return (
    <p class="quiet">
      {refused !== undefined
        ? `No ${what}: ${refused.message}.`
        : connection.value.isLive
          ? `Asking for the ${what} …`
          : `No ${what}: nobody answers.`}
    </p>
  );
}
