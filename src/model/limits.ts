// Every bound, with its reason. What is refused at a door answers with a code (R13); what is
// already promised is bounded where it arises. Bytes are those of UTF-8 unless said otherwise.

const kib = 1024;
const mib = 1024 * kib;

/**
 * One input, result, state value or signal. It is kept in a journal, in memory while it is hot and
 * in a record; larger values belong in a store of their own, with a reference here.
 */
export const payloadBytesMax: number = 4 * mib;

/**
 * One record of the changelog (R18). A payload may double when it is escaped into the record, and
 * headers, key and names come on top.
 */
export const recordBytesMax: number = 12 * mib;

/** Results that one decision hands to several who wait; the rest is decided on its own (R18). */
export const recordResultsMax: number = 10 * mib;

/** The `data` of one error, as text; more of it is described, not kept. */
export const failureDataLengthMax: number = mib;
/** The message of one error, in characters; the rest is cut off. */
export const failureMessageLengthMax: number = 64 * kib;

/** A group commit takes no further record once it holds this: it bounds what one sync costs. */
export const batchBytesFull: number = 4 * mib;

/** What a changelog must take in one append: a nearly full batch and one largest record. */
export const batchBytesMax: number = batchBytesFull + recordBytesMax;

/** Decided but not yet durable, per partition. More means the disk is behind: doors refuse. */
export const lagBytesMax: number = 32 * mib;

/**
 * Records the table may be behind. Small ones leave several times their size in memory until they
 * are folded, a sleeper of 3 records and 250 bytes some 1 kB of rows; and V8 lets garbage grow to
 * three times what is held before it collects. More than two stretches of a fold gain nothing.
 */
export const lagRecordsMax = 64_000;

/** The key of an object or workflow. It is part of every row of that object. */
export const keyBytesMax: number = 1 * kib;

/** The name of a service, handler, step, state, promise or signal. It is text somebody wrote. */
export const nameBytesMax = 256;

export const idempotencyKeyBytesMax = 512;

/** Headers of one request; they are kept with the invocation and shown to its handler. */
export const headersMax = 64;
/** Names and values of all headers of one request together. */
export const headersBytesMax: number = 16 * kib;

/**
 * Invocations waiting at one object key. More is a stuck key, not load: doors answer INBOX_FULL
 * (R13).
 */
export const inboxLengthMax = 100_000;

/** Attempts open in one process. Each holds a running or waiting handler in memory. */
export const attemptsOpenMax = 10_000;

/** State names of one object key: they are listed and cleared in one decision. */
export const stateNamesMax = 10_000;
/** State values of one object key together: they may be loaded at once. */
export const stateBytesMax: number = 32 * mib;

/** Entries of one journal. Each is read again on every replay; continue in a new invocation. */
export const journalEntriesMax = 1_000_000;

/** Signals that came before anybody awaited them, per invocation. */
export const signalsBufferedMax = 10_000;

/** Calls nested in each other, each waiting for the next (R12). A cycle ends here at the latest. */
export const callDepthMax = 100;

/** A sleep, a delay, a timeout, a retention: longer is a mistake of unit. */
export const durationDaysMax = 365;

/** Unclean ends of the process with one invocation's attempt open before it is paused (R10). */
export const crashesMax = 5;
/** From this many on it starts after all others, and one at a time. */
export const crashesSuspect = 2;

/** Messages for another partition in one request, and their length together as text. */
export const relayMessagesMax = 256;
export const relayBytesMax: number = 1 * mib;

/** Renewals of a lease that may fail in a row before it is lost. */
export const leaseRenewalsMissedMax = 5;

/** Partitions of one app: each has a stream, a lead and a table of its own. */
export const partitionsMax = 1024;

/** One request or answer between nodes: the largest record, and room around it. */
export const busMessageBytesMax: number = 16 * mib;
