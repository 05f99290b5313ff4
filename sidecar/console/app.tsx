import { useEffect, useState } from 'preact/hooks';
import type { ConsoleSession } from '../contract/session.ts';
import { currentSession, type Problem, Problem as ProblemClass, SESSION_ENDED } from './api.ts';
import { Login } from './login.tsx';
import { ProblemNote } from './parts/elements.tsx';
import { Shell } from './shell.tsx';

/** The console: the login, or the pages of who is logged in. */
export function App() {
  const [session, setSession] = useState<ConsoleSession | 'unknown' | undefined>('unknown');
  const [ended, setEnded] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  useEffect(() => {
    currentSession().then(setSession, (thrown) => setProblem(ProblemClass.of(thrown)));
    const end = () => {
      setEnded(true);
      setSession(undefined);
    };
    window.addEventListener(SESSION_ENDED, end);
    return () => window.removeEventListener(SESSION_ENDED, end);
  }, []);
  if (problem) return <ProblemNote problem={problem} />;
  if (session === 'unknown') return null;
  if (!session) {
    return (
      <Login
        ended={ended}
        onLogin={(given) => {
          setEnded(false);
          setSession(given);
        }}
      />
    );
  }
  return (
    <Shell
      session={session}
      onLogout={() => {
        setEnded(false);
        setSession(undefined);
      }}
    />
  );
}
