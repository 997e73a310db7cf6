// The greeter, as an app of its own: `make run-service`.
import { greeter } from "../../hello/greeter.ts";
import { serve } from "./connect.ts";

await serve("hello", [greeter]);
