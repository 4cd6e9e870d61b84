import type { Plugin } from "vite";

export function thirdParty(more?: string[]): Plugin;
