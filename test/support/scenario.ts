// A scenario: one story told to an engine in every configuration.
import { test } from "vitest";
import type { TestEngineOptions } from "../../src/testing/index.ts";
import { type Configuration, eachConfiguration, TestEngine } from "../../src/testing/index.ts";

/** Opens an engine with this configuration; it is closed, and asked whether it is well, at the end. */
export type Open = (options: TestEngineOptions) => Promise<TestEngine>;

export function scenario(
  name: string,
  body: (open: Open, configuration: Configuration) => Promise<void>,
): void {
  eachConfiguration(
    (configuration, run) => test(`${name} (${configuration})`, run),
    async (configuration) => {
      const engines: TestEngine[] = [];
      const { name: _, ...hostile } = configuration;
      await body(async (options) => {
        const engine = await TestEngine.open({ ...hostile, ...options });
        engines.push(engine);
        return engine;
      }, configuration);
      for (const engine of engines) await engine.close();
    },
  );
}

/** The code a promise is rejected with. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    (value) => `resolved: ${JSON.stringify(value)}`,
    (error: { code?: string; message?: string }) => error.code ?? `no code: ${error.message}`,
  );
}

/** A promise that a test looks at later: it is never unhandled. */
export function later<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
