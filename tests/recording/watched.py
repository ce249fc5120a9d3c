"""Looks at a film as somebody would who has to answer for it: pictures, chapters, loudness, and whether
the sound of each clap is where its picture is."""

import json
import re
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

GRID = (96, 54)
RATE = 16_000
FPS = 30
STEP = RATE // 400
# A clap is looked for so long before and after where it should be.
AROUND_S = 1.0


def run(command: list, **options) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, **options)


def probed(film: Path) -> dict:
    entries = "stream=codec_type,codec_name,width,height,r_frame_rate:format=duration,size,bit_rate"
    ask = ["ffprobe", "-v", "error", "-show_chapters", "-show_entries", entries, "-of", "json", film]
    return json.loads(run(ask).stdout)


def chapters(probe: dict) -> list[tuple[float, str]]:
    return [(float(one["start_time"]), one["tags"]["title"]) for one in probe["chapters"]]


def complaints(film: Path) -> str:
    """What a decoder says against any of its frames."""
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(film), "-f", "null", "-"], capture_output=True, text=True
    )
    # The null muxer counts in frames; a film's times are finer, which it calls non monotonic.
    noise = ("non monotonically", "Last message repeated")
    lines = [line for line in done.stderr.splitlines() if not any(text in line for text in noise)]
    return "\n".join(lines).strip()


def contact_sheet(film: Path, length: float, sheet: Path, columns=4, rows=5, width=320):
    """Pictures from the whole film, evenly, each with its time."""
    count, folder = columns * rows, sheet.parent / "frames"
    folder.mkdir(exist_ok=True)
    for n in range(count):
        at = length * (n + 0.5) / count
        label = f"drawtext=text='{int(at // 60):02d}\\:{int(at % 60):02d}':fontsize=18:fontcolor=white:x=6:y=6:box=1:boxcolor=black@0.6"
        take = ["ffmpeg", "-v", "error", "-y", "-ss", f"{at:.3f}", "-i", film, "-frames:v", "1"]
        run([*take, "-vf", f"scale={width}:-2,{label}", folder / f"{n:03d}.png"])
    tile = ["ffmpeg", "-v", "error", "-y", "-i", folder / "%03d.png", "-vf", f"tile={columns}x{rows}:padding=4"]
    run([*tile, "-frames:v", "1", "-q:v", "6", sheet])


def loudness(film: Path) -> dict:
    """EBU R128 of the whole, and the loudest three seconds of each minute."""
    done = subprocess.run(
        ["ffmpeg", "-hide_banner", "-nostats", "-i", str(film), "-map", "0:a", "-af", "ebur128=peak=true", "-f", "null", "-"],
        capture_output=True, text=True, check=True,
    )
    minutes: dict[int, list[float]] = {}
    for at, momentary, short in re.findall(r"t:\s*([0-9.]+)\s.*?M:\s*(-?[0-9.]+)\s*S:\s*(-?[0-9.]+)", done.stderr):
        minutes.setdefault(int(float(at) // 60), []).append(float(short))
    # Of a minute that has only begun nothing can be said.
    whole = [max(values) for _, values in sorted(minutes.items()) if len(values) > 100]
    summary = done.stderr[done.stderr.rindex("Summary:"):]
    number = lambda what: float(re.search(what + r":\s*(-?[0-9.]+|-inf)", summary)[1])
    return {
        "integrated_lufs": number("I"), "range_lu": number("LRA"), "peak_dbfs": number("Peak"),
        "minutes": whole,
        "course": [values[n] for _, values in sorted(minutes.items()) for n in range(0, len(values), 20)],
    }


def silences(film: Path, longer_s: float) -> list[tuple[float, float]]:
    """Stretches without any sound at all, begin and length."""
    done = subprocess.run(
        ["ffmpeg", "-hide_banner", "-nostats", "-i", str(film), "-map", "0:a", "-af",
         f"silencedetect=noise=-75dB:d={longer_s}", "-f", "null", "-"], capture_output=True, text=True, check=True,
    )
    begins = [float(text) for text in re.findall(r"silence_start: (-?[0-9.]+)", done.stderr)]
    lengths = [float(text) for text in re.findall(r"silence_duration: ([0-9.]+)", done.stderr)]
    return list(zip(begins, lengths))


def plot(course: list[float], length: float, marks: list[tuple[float, str]], path: Path):
    """The loudness over the film, as a picture; `marks` are moments of it with their names."""
    width, height, low, high = 960, 240, -60.0, 0.0
    x = lambda seconds: 50 + seconds / length * (width - 60)
    y = lambda lufs: 10 + (high - max(low, min(high, lufs))) / (high - low) * (height - 40)
    points = " ".join(f"{x(n * 2):.1f},{y(value):.1f}" for n, value in enumerate(course))
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
             f'<rect width="{width}" height="{height}" fill="#fff"/>']
    for level in (0, -16, -30, -45, -60):
        shade = "#c05020" if level == -16 else "#ccc"
        lines.append(f'<path d="M50 {y(level):.1f}H{width - 10}" stroke="{shade}"/><text x="8" y="{y(level) + 4:.1f}">{level}</text>')
    minutes = length / 60
    for minute in range(0, int(minutes) + 1, max(1, round(minutes / 12))):
        lines.append(f'<text x="{x(minute * 60) - 6:.1f}" y="{height - 8}">{minute}</text>')
    for at, name in marks:
        lines.append(f'<path d="M{x(at):.1f} 10V{height - 30}" stroke="#208050" stroke-dasharray="3 3"/>'
                     f'<text x="{x(at) + 3:.1f}" y="20" fill="#208050">{name}</text>')
    lines += [f'<polyline points="{points}" fill="none" stroke="#203040" stroke-width="0.8"/>', "</svg>"]
    path.write_text("\n".join(lines) + "\n")


@dataclass
class Clap:
    """A clap as it was found: times of the file, seconds; `None`: it is not there."""

    flash: float | None
    beep: float | None

    @property
    def offset(self) -> float | None:
        """By how much the sound is later than the picture."""
        return None if self.flash is None or self.beep is None else self.beep - self.flash


def find(path: Path, at: float, tone: float) -> Clap:
    """The clap that should be `at` in this file."""
    begin = max(0.0, at - AROUND_S)
    take = ["ffmpeg", "-v", "error", "-ss", f"{begin:.3f}", "-t", f"{2 * AROUND_S:.3f}", "-i", path]
    scale = f"fps={FPS}:start_time=0,scale={GRID[0]}:{GRID[1]}:flags=area,format=gray"
    raw = run([*take, "-map", "0:v:0", "-vf", scale, "-f", "rawvideo", "-"]).stdout
    sound = run([*take, "-map", "0:a:0", "-ac", "1", "-ar", str(RATE), "-f", "s16le", "-"]).stdout
    flash, beep = flashes(raw), beeps(sound, tone)
    return Clap(None if flash is None else begin + flash, None if beep is None else begin + beep)


def flashes(raw: bytes) -> float | None:
    """When a part of the picture turns white at once: the moment nearest to where it should. Clips have bright
    things too, and cuts, also in the moment before: what has turned then already does not count, nor what is
    much smaller than the largest."""
    size = GRID[0] * GRID[1]
    frames = np.frombuffer(raw[: len(raw) // size * size], np.uint8).reshape(-1, size).astype(np.int16)
    turned = {
        n: ((frames[n - 2] < 195) & (frames[n - 1] <= 205) & (frames[n] > 205) & (frames[n + 3] > 205)).sum()
        for n in range(2, len(frames) - 3)
    }
    enough = max(size // 100, max(turned.values(), default=0) / 2)
    found = [n / FPS for n, count in turned.items() if count >= enough]
    return min(found, key=lambda at: abs(at - AROUND_S), default=None)


def beeps(sound: bytes, tone: float) -> float | None:
    """When a tone begins."""
    samples = np.frombuffer(sound, np.int16).astype(float)
    window = RATE // 100
    carrier = np.exp(-2j * np.pi * tone * np.arange(len(samples)) / RATE) * samples
    summed = np.concatenate([[0], np.cumsum(carrier)])
    level = np.abs(summed[window:] - summed[:-window])[::STEP] / window
    if not len(level) or level.max() < 100:
        return None
    # Half of what it comes to: the middle of the window that is half full.
    first = int(np.argmax(level > level.max() / 2))
    return (first * STEP + window / 2) / RATE


def spread(values: list[float]) -> dict:
    """Middle, and the ends, in milliseconds."""
    if not values:
        return {"count": 0}
    ms = [value * 1000 for value in values]
    return {"count": len(ms), "median_ms": round(statistics.median(ms), 1),
            "least_ms": round(min(ms), 1), "most_ms": round(max(ms), 1)}
