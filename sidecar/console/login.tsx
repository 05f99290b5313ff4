import { useState } from 'preact/hooks';
import type { ConsoleSession } from '../contract/session.ts';
import { logIn } from './api.ts';
import { useAction } from './hooks.ts';
import { Note, ProblemNote, TextField } from './parts/elements.tsx';

export function Login({ ended, onLogin }: { ended: boolean; onLogin: (session: ConsoleSession) => void }) {
  const [token, setToken] = useState('');
  const login = useAction(async () => onLogin(await logIn(token.trim())));
  return (
    <main class="login">
      <h1>Azure IoT sidecar</h1>
      {ended && <Note tone="warning">The session has ended. Log in again.</Note>}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void login.run();
        }}
      >
        <TextField
          label="Token"
          type="password"
          value={token}
          onInput={setToken}
          required
          help="The sidecar token, or the viewer token for read-only access. The state directory of the sidecar holds the token in the file sidecar-token, unless SIDECAR_TOKEN is set."
        />
        <ProblemNote problem={login.problem} />
        <button type="submit" class="primary" disabled={login.running || token.trim() === ''}>
          Log in
        </button>
      </form>
    </main>
  );
}
