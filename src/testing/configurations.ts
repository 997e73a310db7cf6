// The configurations every scenario must survive: what an engine may do at any time, it does here
// always. A scenario that passes in one and not in another has found a dependence on luck.
import type { HostileConfiguration } from "./test-engine.ts";

export interface Configuration extends HostileConfiguration {
  readonly name: string;
}

const suspend = { suspendAlways: true };
const forget = { forgetAlways: true };
const batch = { batchOfOne: true };
const timer = { oneTimer: true };

export const configurations: readonly Configuration[] = [
  { name: "plain" },
  { name: "suspend always", ...suspend },
  { name: "forget always", ...forget },
  { name: "batch of one", ...batch },
  { name: "one timer", ...timer },
  { name: "all together", ...suspend, ...forget, ...batch, ...timer },
];

/** Anything shaped like a test runner's `test`. */
export type TestFunction = (name: string, body: () => Promise<void>) => unknown;

/**
 * A test per configuration.
 *
 * @example
 * eachConfiguration((name, body) => test(`carts expire, ${name}`, body), async (configuration) => {
 *   const engine = await TestEngine.open({ services: [cart], ...configuration });
 * });
 */
export function eachConfiguration(
  test: TestFunction,
  body: (configuration: Configuration) => Promise<void>,
): void {
  for (const configuration of configurations) {
    test(configuration.name, () => body(configuration));
  }
}
