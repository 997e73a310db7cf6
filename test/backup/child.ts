// Makes and restores backups, over and over, until it is killed: tells its parent before each.
import { backupDirectory, restore } from "../../src/backup.ts";

const [what = "", from = "", to = ""] = process.argv.slice(2);

async function main(): Promise<void> {
  for (let i = 0; ; i++) {
    process.send?.(i);
    const target = `${to}-${i}`;
    if (what === "backup") await backupDirectory({ directory: from, to: target });
    else await restore({ backup: from, directory: target });
  }
}

void main();
