"""A result as a bar chart: for each row how fast everything is beside the row's baseline.

Writes SVG itself; PNG through matplotlib where it is installed.
"""

import html
import importlib.util
import math

import report

PALETTE = {"peer": ("#9aa4b2", "#c3c9d2", "#7d8899", "#dfe3e8"), "ref": ("#e0b15a", "#c9922e")}
OWN = ("#2f6fde", "#1fa187", "#8e5bd0", "#d1495b", "#4f9d3a", "#0f8fb0", "#b8641f", "#5d5fef")
NAMES = {
    "cudnn": "cuDNN", "fa2": "FlashAttention 2", "flex": "FlexAttention", "pallas": "JAX Pallas",
    "ref": "reference", "attune": "Attune",
}  # fmt: skip
BAR, GAP, LEFT, WIDTH, TOP = 11, 9, 230, 960, 74


def bars(result):
    """[(row title, [(label, kind, ratio to the baseline, TFLOP/s)])] of what was measured."""
    groups = []
    for row in result["rows"]:
        group = []
        base = row["baseline"]
        for c in row["contenders"]:
            if not c.get("median_ms") or base is None:
                continue
            ratio = 1.0 if c["label"] == base else c["ratio"].get(base)
            if ratio is not None:
                group.append((c["label"], c["kind"], ratio, c["tflops"]))
        if group:
            groups.append((row["title"], group))
    return groups


def colours(result):
    """{label: colour}, each kind with colours of its own."""
    kinds, used = {}, {"peer": 0, "ref": 0, "own": 0}
    for row in result["rows"]:
        for c in row["contenders"]:
            kinds.setdefault(c["label"], c["kind"])
    chosen = {}
    for label in report.labels(result):
        shades = OWN if kinds[label] == "own" else PALETTE[kinds[label]]
        chosen[label] = shades[used[kinds[label]] % len(shades)]
        used[kinds[label]] += 1
    return chosen


def headline(result):
    """The chart's title and the line below it."""
    device = result.get("device") or {}
    bases = [row["baseline"] for row in result["rows"] if row["baseline"]]
    base = " or ".join(NAMES[b] for b in report.BASELINES if b in bases) or "no peer"
    below = ", ".join(
        x
        for x in (
            device.get("name"),
            f"PyTorch {device['torch']}" if device.get("torch") else None,
            result.get("date"),
        )
        if x
    )
    return f"Attention forward, speed relative to {base}", below


def _ticks(top):
    step = 0.25 if top <= 2.5 else 0.5 if top <= 5 else 1.0
    return [i * step for i in range(int(top / step) + 1)]


def svg(result):
    """The chart as SVG text."""
    groups, colour = bars(result), colours(result)
    top = max([r for _, group in groups for _, _, r, _ in group] + [1.0]) * 1.02
    left = max([LEFT, *(math.ceil(16 + 6.3 * len(name)) for name, _ in groups)])
    scale = (WIDTH - left - 90) / top
    height = TOP + sum(len(g) * BAR + GAP for _, g in groups) + 30
    title, below = headline(result)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(16, 22, title, size=15, weight="600"),
        _text(16, 39, below, fill="#5a6472"),
    ]
    x = 16.0
    for label in report.labels(result):
        if any(label == b[0] for _, g in groups for b in g):
            out.append(f'<rect x="{x:.1f}" y="50" width="10" height="10" fill="{colour[label]}"/>')
            name = NAMES.get(label, label)
            out.append(_text(x + 14, 59, name))
            x += 28 + 6.3 * len(name)
    for tick in _ticks(top):
        at = left + tick * scale
        line = "#39414d" if tick == 1 else "#e3e7ec"
        out.append(
            f'<line x1="{at:.1f}" y1="{TOP - 4}" x2="{at:.1f}" y2="{height - 24}" stroke="{line}"/>'
        )
        out.append(_text(at, height - 10, f"{tick:g}", anchor="middle", fill="#5a6472"))
    y = TOP
    for name, group in groups:
        middle = y + len(group) * BAR / 2 + 4
        out.append(_text(left - 8, middle, name, anchor="end"))
        for label, _, ratio, tflops in group:
            out.append(
                f'<rect x="{left}" y="{y + 0.5:.1f}" width="{ratio * scale:.1f}"'
                f' height="{BAR - 1}" fill="{colour[label]}"/>'
            )
            note = f"{tflops:.0f} TFLOP/s" + (f", {ratio:.2f}" if ratio != 1 else "")
            out.append(_text(left + ratio * scale + 4, y + 9, note, size=9, fill="#39414d"))
            y += BAR
        y += GAP
    return "\n".join([*out, "</svg>", ""])


def _text(x, y, content, size=11, anchor="start", weight="400", fill="#1b212b"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"'
        f' font-weight="{weight}" fill="{fill}">{html.escape(content)}</text>'
    )


def write(result, path):
    """Writes the SVG at `path`, and a PNG beside it where matplotlib is; the paths written."""
    path = path.with_suffix(".svg")
    path.write_text(svg(result))
    written = [path]
    if importlib.util.find_spec("matplotlib") is not None:
        written.append(_png(result, path.with_suffix(".png")))
    return written


def _png(result, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    groups, colour = bars(result), colours(result)
    total = sum(len(g) + 1 for _, g in groups)
    figure, axes = pyplot.subplots(figsize=(9.6, 1.2 + 0.14 * total), dpi=150)
    ticks, y, seen = [], 0.0, set()
    for name, group in groups:
        ticks.append((y + (len(group) - 1) / 2, name))
        for label, _, ratio, tflops in group:
            axes.barh(
                y, ratio, height=0.9, color=colour[label],
                label=None if label in seen else NAMES.get(label, label),
            )  # fmt: skip
            axes.text(ratio, y, f" {tflops:.0f}", va="center", fontsize=6)
            seen.add(label)
            y += 1
        y += 0.8
    axes.axvline(1, color="#39414d", linewidth=0.8)
    axes.set_yticks([t for t, _ in ticks], [n for _, n in ticks], fontsize=7)
    axes.invert_yaxis()
    axes.tick_params(axis="x", labelsize=7)
    title, below = headline(result)
    axes.set_title(f"{title}\n{below}", fontsize=9, loc="left")
    axes.legend(fontsize=7, loc="lower right")
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)
    return path
