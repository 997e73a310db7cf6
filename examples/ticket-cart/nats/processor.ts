// The carts, as an app that calls the ticket service in another: `make run-processor`.
import { cart } from "../services.ts";
import { serve } from "./connect.ts";

await serve("shop", [cart]);
