// The part of the error table about where data is kept: directory, changelog, copies, cold table,
// and the engine that owns them. See error-codes.ts for the whole.

import type { ErrorCodeEntry } from "./error-code-entry.ts";

export type StorageErrorCode =
  | "DIRECTORY_LOCKED"
  | "DIRECTORY_FOREIGN"
  | "DIRECTORY_NEWER"
  | "DIRECTORY_REMOTE"
  | "DIRECTORY_EXPOSED"
  | "CHANGELOG_DAMAGED"
  | "CHANGELOG_FAILED"
  | "CHANGELOG_CLOSED"
  | "CHANGELOG_TRIMMED"
  | "COPY_DAMAGED"
  | "BACKUP_DAMAGED"
  | "BACKUP_FAILED"
  | "BACKUP_UNAVAILABLE"
  | "BACKUP_UNDER_WAY"
  | "TARGET_NOT_EMPTY"
  | "DISK_FULL"
  | "TABLE_DAMAGED"
  | "TABLE_LOCKED"
  | "SQLITE_UNAVAILABLE"
  | "STORAGE_UNAVAILABLE"
  | "RECORD_UNREADABLE"
  | "ENGINE_CLOSED"
  | "ENGINE_NOT_STARTED"
  | "ENGINE_FAILED"
  | "PACKAGE_BUNDLED"
  | "CLOCK_BACKWARDS"
  | "INVARIANT_BROKEN";

export const storageErrorCodes: Readonly<Record<StorageErrorCode, ErrorCodeEntry>> = {
  DIRECTORY_LOCKED: {
    status: 503,
    retryable: true,
    happened: "The data directory is in use by another process.",
    why: "Two engines on one directory would overwrite each other's changelog.",
    fix: "Stop the other process, or give this engine a directory of its own.",
  },
  DIRECTORY_EXPOSED: {
    status: 500,
    happened: "Others than its owner may enter the data directory.",
    why: "Journals, state and inputs lie in it as plain text, and its socket obeys who reaches it.",
    fix: "Run chmod 700 on the directory, or name a folder within it. In development it is not asked for.",
  },
  DIRECTORY_FOREIGN: {
    status: 500,
    happened: "The data directory holds files that are not Holdfast's.",
    why: "Opening it could damage somebody else's data.",
    fix: "Name an empty or absent directory, or the one that was used before.",
  },
  DIRECTORY_NEWER: {
    status: 500,
    happened: "The data directory was written in a newer format than this version reads.",
    why: "Reading it as the older format would lose what the newer one added.",
    fix: "Start the version that wrote it, or a later one.",
  },
  DIRECTORY_REMOTE: {
    status: 500,
    happened: "The data directory lies on a network file system.",
    why: "Locks and synchronised writes cannot be trusted there.",
    fix: "Use a directory on a local disk; for several machines use a cluster.",
  },
  CHANGELOG_DAMAGED: {
    status: 500,
    happened: "The changelog holds bytes that fail their checksum before its durable end.",
    why: "Something acknowledged was changed on disk; going on would silently lose it.",
    fix: "Restore a backup, or run `holdfast salvage` on a copy of the directory.",
  },
  CHANGELOG_FAILED: {
    status: 503,
    happened: "A write to the changelog failed.",
    why: "After a failed write or sync nobody knows what the disk holds, so it is never retried.",
    fix: "Check the disk and restart: what was acknowledged is recovered from the changelog.",
  },
  CHANGELOG_CLOSED: {
    status: 503,
    retryable: true,
    happened: "The changelog is closed.",
    why: "Nothing can be made durable any more.",
    fix: "Open the engine again.",
  },
  CHANGELOG_TRIMMED: {
    status: 500,
    happened: "The changelog no longer holds the position asked for.",
    why: "It is kept only as far back as the newest copy of the table needs it.",
    fix: "Start from a copy of the table that is at least as new as the changelog's first record.",
  },
  COPY_DAMAGED: {
    status: 500,
    happened: "A copy of the table does not match its checksum.",
    why: "Recovering from it would bring back wrong data.",
    fix: "The other copy is used where there is one; otherwise restore a backup. Check the disk.",
  },
  BACKUP_DAMAGED: {
    status: 500,
    happened: "The backup is not whole: a part of it is missing or was changed.",
    why: "What is restored from it would not be what was backed up.",
    fix: "Use another backup. Check the disk, or the way this one took.",
  },
  BACKUP_FAILED: {
    status: 500,
    happened: "A backup or a restored directory could not be written.",
    why: "What is there is unfinished, and nothing takes it for whole.",
    fix: "Mend what the message names, then run it again: it begins anew.",
  },
  BACKUP_UNAVAILABLE: {
    status: 409,
    happened: "This engine has no data directory of its own to back up.",
    why: "An engine in memory forgets; a node of a cluster keeps a cache of what NATS holds.",
    fix: "Back up the stores of the NATS servers, or give the engine a data directory.",
  },
  BACKUP_UNDER_WAY: {
    status: 409,
    retryable: true,
    happened: "A backup of this engine is being made or sent already.",
    why: "Each one takes as much room as the table, beside the table.",
    fix: "Ask again when the other one has ended.",
  },
  TARGET_NOT_EMPTY: {
    status: 409,
    happened: "What is to be written into holds something already.",
    why: "Nothing is written over: it may be somebody's data.",
    fix: "Name an empty or absent directory.",
  },
  DISK_FULL: {
    status: 503,
    retryable: true,
    happened: "There is no room left on the disk.",
    why: "New work is refused so that work already accepted has room to finish.",
    fix: "Free space or enlarge the disk: the engine goes on by itself, no restart is needed.",
  },
  TABLE_DAMAGED: {
    status: 500,
    happened: "The table failed a check or a read.",
    why: "It is a cache of the changelog and is rebuilt rather than trusted.",
    fix: "Restart: it is rebuilt from copy and changelog. Check the disk if it comes back.",
  },
  TABLE_LOCKED: {
    status: 503,
    retryable: true,
    happened: "Another program holds a lock on the table.",
    why: "Changes cannot be folded into it, so memory fills up.",
    fix: "Close the program, or let it open the table read-only.",
  },
  STORAGE_UNAVAILABLE: {
    status: 500,
    happened: "There is no durable storage where this program runs.",
    why: "A data directory needs Node; a browser has none.",
    fix: "Use data: memory() here, or call an engine elsewhere.",
  },
  SQLITE_UNAVAILABLE: {
    status: 500,
    happened: "No SQLite library could be loaded.",
    why: "Durable tables need one; an engine in memory does not.",
    fix: "Reinstall with optional binaries for this platform, or use a Node with built-in SQLite.",
  },
  RECORD_UNREADABLE: {
    status: 500,
    happened: "A record of the changelog cannot be decoded though its checksum is right.",
    why: "It was written by a version with another format, or by a bug.",
    fix: "Start the version that wrote it; if it is this one, report it with the record.",
  },
  ENGINE_CLOSED: {
    status: 503,
    retryable: true,
    happened: "The engine is closed or closing.",
    why: "What was accepted is kept and goes on when it opens again.",
    fix: "Send the request again once the engine is open.",
  },
  ENGINE_NOT_STARTED: {
    status: 503,
    retryable: true,
    happened: "The id of a workflow's run was asked for before the engine was open.",
    why: "It is made with a secret that the data directory holds.",
    fix: "Await `engine.start()`, or any call, before reading `id`.",
  },
  ENGINE_FAILED: {
    status: 503,
    happened: "The engine stopped before it could say whether the request was accepted.",
    why: "The outcome is unknown: it may have been made durable, or not.",
    fix: "Restart it; repeat the request only with an idempotency key, or look it up first.",
  },
  PACKAGE_BUNDLED: {
    status: 500,
    happened: "Holdfast was bundled, and files it loads at run time are missing.",
    why: "Its worker thread and native library are separate files.",
    fix: "Mark `holdfast` as external in the bundler's configuration.",
  },
  CLOCK_BACKWARDS: {
    status: 503,
    happened: "The clock is far behind the newest record.",
    why: "Timers and retention would be judged by a wrong time.",
    fix: "Set the machine's clock (NTP), then restart.",
  },
  INVARIANT_BROKEN: {
    status: 500,
    happened: "An assumption of the engine does not hold.",
    why: "This is a bug in Holdfast; the engine stops rather than go on from a wrong state.",
    fix: "Restart, and report it with the message and the stack.",
  },
};
