// The three scenarios, against the apps that run: `make run-ticket-cart`.
import { scenarios } from "../scenarios.ts";
import { connect } from "./connect.ts";

const engine = await connect({
  Greeter: "make run-service",
  TicketService: "make run-ticket-service",
  Cart: "make run-processor",
});
await scenarios(engine);
await engine.close();
