// Asks the server, with the types of openapi.yaml: api("get", "/api/v1/videos/{id}", {path: {id}}).
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** What went wrong, as the server says it. Status 0: it could not be reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly requestId: string | null = null,
    /** The server does not know the address at all: an older version, or one without this part. */
    readonly isMissingRoute = false,
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(message);
  }
}

export interface Session {
  csrf: string | null;
  /** Called when the server says that nobody is logged in. */
  onLoggedOut: (() => void) | null;
  /** Asks who is logged in, and with which token: another tab may have logged in anew. */
  renew: (() => Promise<unknown>) | null;
}

/** Of the window: somebody has logged in again, and what waited for it (uploads) goes on. */
export const LOGGED_IN = "assay-logged-in";

/** Set by the login (app/account.ts). */
export const session: Session = { csrf: null, onLoggedOut: null, renew: null };

export async function errorOf(response: Response, path: string): Promise<ApiError> {
  let code = `HTTP_${response.status}`;
  let message = response.statusText || `status ${response.status}`;
  try {
    const said = (await response.json()) as { error?: string; message?: string };
    code = said.error ?? code;
    message = said.message ?? message;
  } catch {
    // no JSON: the status has to do
  }
  const wait = Number(response.headers.get("Retry-After"));
  const missing =
    response.status === 405 || (response.status === 404 && message === `'${path}' does not exist`);
  return new ApiError(
    response.status,
    code,
    message,
    response.headers.get("X-Request-ID"),
    missing,
    Number.isFinite(wait) && wait > 0 ? wait : null,
  );
}

export interface SendOptions {
  method?: string;
  body?: BodyInit | null;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/** One request, whatever its answer's type: for bytes, and for addresses that openapi.yaml lacks. */
export async function send(url: string, options: SendOptions = {}): Promise<Response> {
  try {
    return await sendOnce(url, options);
  } catch (e) {
    if (!(e instanceof ApiError && e.code === "CSRF" && session.renew)) throw e;
    await session.renew();
    return await sendOnce(url, options);
  }
}

async function sendOnce(url: string, options: SendOptions): Promise<Response> {
  const method = options.method ?? "GET";
  const headers: Record<string, string> = { ...options.headers };
  if (session.csrf && method !== "GET" && method !== "HEAD") headers["X-CSRF-Token"] = session.csrf;
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers,
      body: options.body ?? null,
      signal: options.signal ?? null,
      credentials: "same-origin",
    });
  } catch (e) {
    if (options.signal?.aborted) throw e;
    throw new ApiError(0, "UNREACHABLE", "no answer from the server");
  }
  if (response.ok) return response;
  const error = await errorOf(response, decodeURIComponent(url.split("?")[0]!));
  if (error.status === 401 && !url.endsWith("/login")) session.onLoggedOut?.();
  throw error;
}

export async function sendJson<T>(url: string, options: SendOptions & { json?: unknown } = {}): Promise<T> {
  const { json, ...rest } = options;
  const response = await send(
    url,
    json === undefined
      ? rest
      : {
          ...rest,
          body: JSON.stringify(json),
          headers: { "Content-Type": "application/json", ...rest.headers },
        },
  );
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

// ---- typed by openapi.yaml

export type Method = "get" | "post" | "put" | "patch" | "delete";
type Op<P extends keyof paths, M extends Method> = M extends keyof paths[P] ? paths[P][M] : never;
type Json<R> = R extends { content: { "application/json": infer J } } ? J : undefined;
type Responses<O> = O extends { responses: infer R } ? R : never;
type Good<R> = { [S in keyof R]: S extends 200 | 201 | 202 | 204 ? Json<R[S]> : never }[keyof R];
export type Reply<P extends keyof paths, M extends Method> = Good<Responses<Op<P, M>>>;
type Parameters<O, K extends string> = O extends { parameters: { [X in K]?: infer V } }
  ? NonNullable<V>
  : never;
type Body<O> = O extends { requestBody?: { content: { "application/json": infer J } } } ? J : never;
export type PathsWith<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never;
}[keyof paths];

export interface CallOptions<P extends keyof paths, M extends Method> {
  path?: Parameters<Op<P, M>, "path">;
  query?: Parameters<Op<P, M>, "query">;
  json?: Body<Op<P, M>>;
  signal?: AbortSignal | undefined;
}

export function buildUrl(template: string, path?: object, query?: object): string {
  const values = (path ?? {}) as Record<string, unknown>;
  const url = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values[name])));
  const p = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== "") p.set(key, String(value));
  }
  const text = p.toString();
  return text ? `${url}?${text}` : url;
}

export function api<M extends Method, P extends PathsWith<M>>(
  method: M,
  path: P,
  options: CallOptions<P, M> = {},
): Promise<Reply<P, M>> {
  return sendJson<Reply<P, M>>(buildUrl(path, options.path, options.query), {
    method: method.toUpperCase(),
    json: options.json,
    signal: options.signal,
  });
}

/** All of a list, page after page, up to *most* things. */
export async function collect<T>(
  page: (cursor: string | undefined) => Promise<{ items: T[]; next_cursor: string | null }>,
  most = 1000,
): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | undefined;
  do {
    const got = await page(cursor);
    all.push(...got.items);
    cursor = got.next_cursor ?? undefined;
  } while (cursor && all.length < most);
  return all;
}
