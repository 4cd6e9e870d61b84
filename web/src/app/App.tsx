import { Suspense } from "react";

import { usePath } from "./router";
import { findRoute } from "./routes";

export function App() {
  const found = findRoute(usePath());
  if (!found) return <main>There is no such page.</main>;
  const Page = found.route.page;
  return (
    <Suspense fallback={<main aria-busy="true" />}>
      <Page params={found.params} />
    </Suspense>
  );
}
