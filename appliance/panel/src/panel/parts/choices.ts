import type { Encoder, Layout, Output } from "../../api/schema";

export const LAYOUTS = ["auto", "grid", "speaker", "screen", "single"] as const satisfies Layout[];
export const ENCODERS = ["auto", "openh264", "x264"] as const satisfies Encoder[];
export const OUTPUTS = ["film", "sound"] as const satisfies Output[];
