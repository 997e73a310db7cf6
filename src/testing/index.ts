// The face `holdfast/testing`: re-exports only.

export type { Redact, Redacted, StoredJournal } from "../journal/stored-journal.ts";
export type { Configuration } from "./configurations.ts";
export { configurations, eachConfiguration } from "./configurations.ts";
export type { AppsConformance, AppsPlace } from "./conformance/apps.ts";
export { appsConformance } from "./conformance/apps.ts";
export type { BusConformance, BusPlace } from "./conformance/bus.ts";
export { busConformance } from "./conformance/bus.ts";
export type {
  ChangelogConformance,
  ChangelogPlace,
  ChangelogSupports,
  ConformanceExpect,
  ConformanceTest,
} from "./conformance/changelog.ts";
export { changelogConformance } from "./conformance/changelog.ts";
export { coldTableConformance } from "./conformance/cold-table.ts";
export type { LeasesConformance, LeasesPlace } from "./conformance/leases.ts";
export { leasesConformance } from "./conformance/leases.ts";
export type { CrashClient } from "./crash-client.ts";
export type { CrashTestFailure } from "./crash-report.ts";
export type { CrashTestOptions } from "./crash-run.ts";
export type { CrashTestResult } from "./crash-test.ts";
export { crashTest } from "./crash-test.ts";
export type { Effect, StepCall, StepMock } from "./effects.ts";
export type { MockHandlers } from "./mock.ts";
export { mock } from "./mock.ts";
export type { ReplayFailure } from "./replay-test.ts";
export { replayTest } from "./replay-test.ts";
export type { HostileConfiguration, TestEngineOptions } from "./test-engine.ts";
export { TestEngine } from "./test-engine.ts";
export { VirtualClock } from "./virtual-clock.ts";
