// What went wrong, told to the user.

import { createContext, useCallback, useContext, useState, type ReactNode } from "react";

import { RestError } from "./rest";

/** Waits for what the user did, and tells him if it failed. */
type Attempt = (work: Promise<unknown>) => Promise<boolean>;

const Context = createContext<Attempt | null>(null);

export function useAttempt(): Attempt {
  const attempt = useContext(Context);
  if (!attempt) throw new Error("there is no <ProblemProvider> above this component");
  return attempt;
}

export function ProblemProvider({ children }: { children: ReactNode }) {
  const [problem, setProblem] = useState("");
  const attempt = useCallback<Attempt>(async (work) => {
    try {
      await work;
      return true;
    } catch (error) {
      setProblem(words(error));
      return false;
    }
  }, []);
  return (
    <Context value={attempt}>
      {children}
      <div role="alert">
        {problem && (
          <p className="problem">
            {problem} <button onClick={() => setProblem("")}>Close</button>
          </p>
        )}
      </div>
    </Context>
  );
}

/** What is not answered may have arrived all the same. */
function words(error: unknown): string {
  const isAnswered = error instanceof RestError && error.status < 500;
  return isAnswered ? `That was not saved. ${error.message}` : "The server cannot be reached. Nobody knows whether that was saved.";
}
