import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { LiveProvider } from "rest-live/react";

import { App } from "./App";
import { live } from "./live";
import { ProblemProvider } from "./Problems";
import "./style.css";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <LiveProvider live={live}>
      <ProblemProvider>
        <App />
      </ProblemProvider>
    </LiveProvider>
  </StrictMode>,
);
