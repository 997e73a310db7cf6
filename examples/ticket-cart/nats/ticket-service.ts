// The ticket service, as an app of its own: `make run-ticket-service`.
import { ticket, ticketService } from "../services.ts";
import { serve } from "./connect.ts";

await serve("tickets", [ticket, ticketService]);
