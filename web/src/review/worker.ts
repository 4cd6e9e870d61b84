// The worker: everything that would hold the page up happens here.
import { Keeper } from "./keeper";
import type { ToWorker } from "./protocol";

const scope = self as unknown as DedicatedWorkerGlobalScope;
const keeper = new Keeper((message, transfer) => scope.postMessage(message, transfer));
scope.onmessage = (e: MessageEvent<ToWorker>) => void keeper.hear(e.data);
