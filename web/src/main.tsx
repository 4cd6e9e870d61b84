import "./ui/tokens.css";
import "./ui/base.css";
import "./ui/ui.css";
import "./app/shell.css";
import "./pages/pages.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./app/App";
import { applyTheme } from "./ui/theme";

applyTheme();
createRoot(document.getElementById("page")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
