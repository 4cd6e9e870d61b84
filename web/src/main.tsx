import "./ui/tokens.css";
import "./ui/base.css";
import "./ui/ui.css";
import "./app/shell.css";
import "./pages/pages.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./app/App";
import { findRoute } from "./app/routes";
import { applyTheme } from "./ui/theme";

applyTheme();
function show() {
  createRoot(document.getElementById("page")!).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}

// index.html shows the frame meanwhile. A page that does not come says so itself.
const found = findRoute(location.pathname);
if (found) void found.route.page.load().then(show, show);
else show();

// After the page is there: measuring must not slow what it measures.
const later = window.requestIdleCallback ?? ((call: () => void) => setTimeout(call, 200));
later(() => void import("./app/vitals").then((v) => v.watchVitals()));
