import { expect, test } from "vitest";
import { appsConformance } from "../testing/conformance/apps.ts";
import { MemoryApps } from "./memory-apps.ts";

appsConformance({
  test,
  expect,
  open: () => {
    const apps = new MemoryApps();
    return { connect: () => Promise.resolve(apps) };
  },
});
