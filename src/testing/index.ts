// The face `holdfast/testing`: re-exports only.
export { TestEngine } from "./test-engine.ts";
export type { HostileConfiguration, TestEngineOptions } from "./test-engine.ts";
export { VirtualClock } from "./virtual-clock.ts";
export { configurations, eachConfiguration } from "./configurations.ts";
export type { Configuration } from "./configurations.ts";
export { changelogConformance } from "./conformance/changelog.ts";
export type {
  ChangelogConformance,
  ChangelogPlace,
  ChangelogSupports,
  ConformanceExpect,
  ConformanceTest,
} from "./conformance/changelog.ts";
export { coldTableConformance } from "./conformance/cold-table.ts";
