import type { Encoder, Layout } from "../../api/schema";

export const LAYOUTS = ["auto", "grid", "single"] as const satisfies Layout[];
export const ENCODERS = ["auto", "openh264", "x264"] as const satisfies Encoder[];
