import type { Encoder, Layout, Output, RecorderMode, SoundContainer } from "../../api/schema";

export const LAYOUTS = ["auto", "grid", "speaker", "screen", "single"] as const satisfies Layout[];
export const ENCODERS = ["auto", "openh264", "x264"] as const satisfies Encoder[];
export const OUTPUTS = ["film", "sound", "tracks", "tracks_mp4", "hls"] as const satisfies Output[];
export const CONTAINERS = ["m4a", "ogg", "flac"] as const satisfies SoundContainer[];
export const MODES = ["both", "recorderOnly", "transcoderOnly"] as const satisfies RecorderMode[];
