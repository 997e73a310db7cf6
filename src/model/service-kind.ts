/** The three kinds of services. */
export type Kind = "service" | "object" | "workflow";
