import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const all = ["src/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts"];

/**
 * Files that change what all files of a process share: modules, timers, globals, output. And those
 * that mostly wait for processes of their own: they are begun first.
 */
const own = [
  "src/model/errors.test.ts",
  "src/nats/**/*.test.ts",
  "test/*.test.ts",
  "test/backup/**/*.test.ts",
  "test/cli/**/*.test.ts",
  "test/client/**/*.test.ts",
  "test/faults/**/*.test.ts",
  "test/migrate/**/*.test.ts",
  "test/nats/**/*.test.ts",
  "test/security/**/*.test.ts",
  "test/server/**/*.test.ts",
  "test/scenarios/determinism.test.ts",
  "test/testing/**/*.test.ts",
];

class ProcessesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const last = ({ project }: TestSpecification): number => Number(project.name !== "own");
    return sorted.toSorted((a, b) => last(a) - last(b));
  }
}

export default defineConfig({
  resolve: {
    alias: {
      "#platform": at("./src/platform-node.ts"),
      "#socket": at("./src/client/socket-node.ts"),
      "holdfast/client": at("./src/client/index.ts"),
      "holdfast/nats": at("./src/nats-cluster.ts"),
      "holdfast/server": at("./src/server/index.ts"),
      "holdfast/testing": at("./src/testing/index.ts"),
      holdfast: at("./src/index.ts"),
    },
  },
  test: {
    sequence: { sequencer: ProcessesFirst },
    projects: [
      { extends: true, test: { name: "own", include: own } },
      // A file need not load and compile all modules again: a third less CPU than isolated.
      {
        extends: true,
        test: {
          name: "shared",
          isolate: false,
          include: all,
          exclude: [...configDefaults.exclude, ...own],
        },
      },
    ],
    // Many wait for processes of their own: on two cores three files at a time are not too many.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    testTimeout: 30_000,
    env: { UV_USE_IO_URING: "0" },
  },
});
