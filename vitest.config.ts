import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: {
      "#platform": at("./src/platform-node.ts"),
      "holdfast/client": at("./src/client/index.ts"),
      "holdfast/nats": at("./src/nats-cluster.ts"),
      "holdfast/server": at("./src/server/index.ts"),
      "holdfast/testing": at("./src/testing/index.ts"),
      holdfast: at("./src/index.ts"),
    },
  },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts"],
    // Many wait for processes of their own: on two cores two files at a time are not too many.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 30_000,
    env: { UV_USE_IO_URING: "0" },
  },
});
