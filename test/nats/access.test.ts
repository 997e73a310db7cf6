// A locked-down account: each role may do its work and nothing else, whoever has stolen its
// credentials; nkeys, creds files and TLS let in who they should.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nkeys } from "@nats-io/transport-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Engine, object } from "../../src/index.ts";
import { connectionOptions, openConnection } from "../../src/nats/client.ts";
import { type NatsOptions, nats, natsPermissions, prepareNats } from "../../src/nats-cluster.ts";
import { utf8 } from "../../src/std/bytes.ts";
import { type NatsServers, startNats, withNats } from "../support/nats-server.ts";

const counter = object("Counter", {
  async add(ctx, by: number): Promise<number> {
    const sum = ((await ctx.get<number>("sum")) ?? 0) + by;
    ctx.set("sum", sum);
    return sum;
  },
});

const inboxPrefix = { node: "_node", janitor: "_janitor", admin: "_admin" } as const;
const shop = { app: "shop", partitions: 2 };

withNats("a locked-down account", () => {
  let servers: NatsServers;
  let folder: string;
  const seed = new TextDecoder().decode(nkeys.createUser().getSeed());

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "holdfast-nats-access-"));
    const roles = natsPermissions({ ...shop, inboxPrefix });
    const other = natsPermissions({ app: "other", partitions: 1, inboxPrefix });
    const nkey = nkeys.fromSeed(utf8(seed)).getPublicKey();
    const users = [
      { nkey, permissions: roles.node },
      { user: "janitor", password: "purges", permissions: roles.janitor },
      { user: "admin", password: "makes", permissions: roles.admin },
      { user: "other", password: "elsewhere", permissions: other.node },
    ];
    const account = JSON.stringify({ HOLDFAST: { jetstream: "enabled", users } });
    servers = await startNats({ config: `accounts: ${account}` });
    const admin = { user: "admin", pass: "makes", inboxPrefix: inboxPrefix.admin };
    await prepareNats({ ...shop, servers: servers.servers, ...admin });
  });
  afterAll(async () => {
    await servers?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  const asNode = (): NatsOptions => ({
    ...shop,
    servers: servers.servers,
    nkey: seed,
    inboxPrefix: inboxPrefix.node,
    leaseMs: 2000,
    janitor: { user: "janitor", pass: "purges", inboxPrefix: inboxPrefix.janitor },
  });

  test("is enough for nodes to work, to be asked, and to trim behind copies", async () => {
    const open = (name: string) => {
      const data = join(folder, name);
      const told = { onEvent: () => {}, onFatal: () => {} };
      return Engine.open({ services: [counter], cluster: nats(asNode()), data, ...told });
    };
    const [a, b] = [await open("a"), await open("b")];
    await Promise.all([a.start(), b.start()]);
    for (const key of ["x", "y", "z", "u"]) {
      expect(await a.call(counter, key).add(1)).toBe(1);
      expect(await b.call(counter, key).add(1)).toBe(2);
    }
    await Promise.all([a.close(), b.close()]);
    const cluster = await nats(asNode()).connect({ data: join(folder, "c") });
    for (let copies = 0; copies < 2; copies++) {
      const storage = await cluster.storage(0).open({ onFatal: () => {} });
      const { changelog, cold, materialiser } = storage;
      for await (const batch of changelog.read(cold.position() + 1)) materialiser.give(batch);
      const copied = await materialiser.copy();
      await storage.changelog.trim(copied?.behind ?? 0);
      expect(storage.changelog.range.first > 1).toBe(copies > 0);
      await storage.close();
    }
    await cluster.close();
  });

  /** What the server says to a question of this user; "silence" when nothing. */
  async function asked(access: object, subject: string): Promise<string> {
    const options = connectionOptions(servers.servers, "a thief", access);
    const connection = await openConnection(options);
    try {
      return (await connection.ask(subject, new Uint8Array(0), { timeoutMs: 500 })).kind;
    } finally {
      await connection.close();
    }
  }

  test.each([
    "$JS.API.STREAM.DELETE.HF_shop_0",
    "$JS.API.STREAM.PURGE.HF_shop_0",
    "$JS.API.STREAM.UPDATE.HF_shop_0",
    "$JS.API.STREAM.CREATE.HF_shop_9",
    "$JS.API.STREAM.SNAPSHOT.HF_shop_0",
    "$JS.API.STREAM.RESTORE.HF_shop_0",
    "$JS.API.STREAM.MSG.DELETE.HF_shop_0",
    "$JS.API.STREAM.MSG.GET.HF_other_0",
    "$JS.API.DIRECT.GET.HF_other_0",
    "$JS.API.CONSUMER.CREATE.HF_shop_0",
    "hf.other.log.0",
    "hf.other.lease.00",
  ])("a node's credentials are refused %s", async (subject) => {
    const node = { nkey: seed, inboxPrefix: inboxPrefix.node };
    expect(await asked(node, subject)).toBe("refused");
  });

  test("another app's node is refused this app's records; a janitor only purges", async () => {
    const other = { user: "other", pass: "elsewhere", inboxPrefix: inboxPrefix.node };
    expect(await asked(other, "$JS.API.STREAM.MSG.GET.HF_shop_0")).toBe("refused");
    expect(await asked(other, "hf.shop.log.0")).toBe("refused");
    const janitor = { user: "janitor", pass: "purges", inboxPrefix: inboxPrefix.janitor };
    expect(await asked(janitor, "hf.shop.log.0")).toBe("refused");
    expect(await asked(janitor, "$JS.API.STREAM.DELETE.HF_shop_0")).toBe("refused");
  });

  test("nobody reads what others are answered", async () => {
    const options = connectionOptions(servers.servers, "a thief", {
      user: "other",
      pass: "elsewhere",
      inboxPrefix: inboxPrefix.node,
    });
    const thief = await openConnection(options);
    const heard: string[] = [];
    for (const subject of ["_admin.>", "_janitor.>", "_INBOX.>", "$JS.>", "hf.shop.ask.*", ">"]) {
      thief.subscribe(subject, (message) => heard.push(message.subject));
    }
    await thief.flush();
    const admin = { user: "admin", pass: "makes", inboxPrefix: inboxPrefix.admin };
    await prepareNats({ ...shop, servers: servers.servers, ...admin });
    await thief.flush();
    expect(heard).toEqual([]);
    await thief.close();
  });

  test("who may not make streams is told so, and nothing is half made", async () => {
    const other = { user: "other", pass: "elsewhere", inboxPrefix: inboxPrefix.node };
    const cluster = nats({ ...other, app: "other", partitions: 1, servers: servers.servers });
    const open = await cluster.connect({ data: join(folder, "other") });
    const record = { app: "other", partitions: 1, secret: "5e", services: [] };
    await expect(open.apps.register(record)).rejects.toMatchObject({ code: "NATS_UNSUITABLE" });
    await open.close();
  });

  test("a wrong password is not let in, and not printed", async () => {
    const options = { ...asNode(), nkey: undefined, user: "admin", pass: "wrong-secret" };
    const error = await nats(options)
      .connect({ data: join(folder, "w") })
      .catch((e: unknown) => e);
    expect(error).toMatchObject({ code: "NATS_UNAVAILABLE" });
    expect(JSON.stringify(error) + String(error)).not.toContain("wrong-secret");
  });
});

/** A certificate of an authority of this folder's own, in PEM. */
function certify(folder: string, name: string): void {
  const at = (file: string): string => join(folder, file);
  const openssl = (line: string): void => {
    execFileSync("openssl", line.split(" "), { cwd: folder, stdio: "pipe" });
  };
  const key = "-newkey rsa:2048 -nodes -subj";
  if (!existsSync(at("ca.pem"))) {
    openssl(`req -x509 -days 2 ${key} /CN=authority -keyout ca.key -out ca.pem`);
  }
  writeFileSync(at("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  openssl(`req ${key} /CN=${name} -keyout ${name}.key -out ${name}.csr`);
  const by = "-CA ca.pem -CAkey ca.key -CAcreateserial -extfile names";
  openssl(`x509 -req -days 2 -in ${name}.csr ${by} -out ${name}.pem`);
}

withNats("TLS", () => {
  test("lets in who has a certificate, and trusts only the authority it is given", async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-nats-tls-"));
    const at = (name: string): string => join(folder, name);
    for (const name of ["server", "node"]) certify(folder, name);
    const files = `cert_file: "${at("server.pem")}", key_file: "${at("server.key")}"`;
    const config = `tls { ${files}, ca_file: "${at("ca.pem")}", verify: true }`;
    const servers = await startNats({ config });
    try {
      const cluster = (tls: NatsOptions["tls"]) => {
        return nats({ app: "shop", partitions: 1, servers: servers.servers, tls });
      };
      const tls = { ca: at("ca.pem"), cert: at("node.pem"), key: at("node.key") };
      const open = await cluster(tls).connect({ data: at("data") });
      expect(await open.apps.all()).toEqual([]);
      await open.close();
      for (const wrong of [{ ca: at("ca.pem") }, { cert: at("node.pem"), key: at("node.key") }]) {
        const refused = cluster(wrong).connect({ data: at("data") });
        await expect(refused).rejects.toMatchObject({ code: "NATS_UNAVAILABLE" });
      }
    } finally {
      await servers.dispose();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
