"""Results as text. A result is the JSON object that compare.py writes; needs no GPU.

    {"device": {...}, "suite": ..., "rows": [{"title", "family", "length", "live", "contenders":
     [{"label", "kind", "median_ms", "tflops", "ratio": {label: times faster}, ...}]}], ...}
"""

import math
import statistics

GRID_COLUMNS = 7  # more contenders than this have a line each instead of a column
BASELINES = ("cudnn", "flex", "fa2", "pallas")


def finish(result):
    """Adds each contender's ratios to the others, and the row's baseline and fastest kernel."""
    for row in result["rows"]:
        timed = [c for c in row["contenders"] if c.get("median_ms")]
        for c in row["contenders"]:
            c["ratio"] = {
                o["label"]: o["median_ms"] / c["median_ms"]
                for o in timed
                if c.get("median_ms") and o is not c and o["kind"] != "own"
            }
        labels = [c["label"] for c in timed if c["kind"] == "peer"]
        row["baseline"] = next((b for b in BASELINES if b in labels), None)
        own = [c for c in timed if c["kind"] == "own"]
        row["best"] = min(own, key=lambda c: c["median_ms"])["label"] if own else None
    return result


def best(result):
    """The result with one own kernel and one reference to a row, the fastest of each kind."""
    rows = []
    for row in result["rows"]:
        kept = [dict(c) for c in row["contenders"] if c["kind"] == "peer"]
        for kind, label in (("ref", "ref"), ("own", "attune")):
            fastest = _fastest(row, kind)
            if fastest is not None:
                kept.append(fastest | {"label": label})
        rows.append(row | {"contenders": kept})
    return finish(result | {"rows": rows})


def labels(result):
    """The labels of all contenders: peers, references, own kernels, in the order met."""
    found = {}
    for row in result["rows"]:
        for c in row["contenders"]:
            found.setdefault(c["label"], c["kind"])
    order = {"peer": 0, "ref": 1, "own": 2}
    return sorted(found, key=lambda label: order[found[label]])


def _by_label(row):
    return {c["label"]: c for c in row["contenders"]}


def cell(row, contender):
    """TFLOP/s and the ratio to the row's baseline."""
    if contender is None or contender.get("unsupported"):
        return "-"
    if not contender.get("median_ms"):
        return "error" if contender.get("error") else "-"
    ratio = contender["ratio"].get(row["baseline"])
    text = f"{contender['tflops']:.0f}"
    if contender["kind"] == "own" and contender["label"] == row["best"]:
        text += "*"
    return f"{text} {ratio:5.2f}" if ratio is not None else f"{text}      "


def table(result):
    """The lines of the table: a row each, or a contender each where these are many."""
    names = labels(result)
    most = max([len(row["contenders"]) for row in result["rows"]] or [0])
    if len(names) <= GRID_COLUMNS or most <= 1:
        return _grid(result["rows"], names)
    return _groups(result["rows"])


def _grid(rows, names):
    width = max([len(row["title"]) for row in rows] + [8])
    columns = [max(len(n), 11) for n in names]
    header = f"{'TFLOP/s':{width}} " + " ".join(f"{n:>{w}}" for n, w in zip(names, columns))
    lines, previous = [header], None
    for row in rows:
        if previous is not None and row["family"] != previous and len(rows) > 8:
            if any(r["family"] == row["family"] and r is not row for r in rows):
                lines.append("")
        previous = row["family"]
        by_label = _by_label(row)
        cells = (f"{cell(row, by_label.get(n)):>{w}}" for n, w in zip(names, columns))
        lines.append(f"{row['title']:{width}} " + " ".join(cells))
    return lines


def _groups(rows):
    families = {}
    for row in rows:
        families.setdefault(row["family"], []).append(row)
    lines = []
    for family, members in families.items():
        names = labels({"rows": members})
        width = max([len(n) for n in names] + [len(family)])
        lines.append(f"{family:{width}} " + "".join(f"{'S=%d' % r['length']:>13}" for r in members))
        for name in names:
            cells = "".join(f"{cell(r, _by_label(r).get(name)):>13}" for r in members)
            lines.append(f"{name:{width}} {cells}")
        lines.append("")
    return lines[:-1]


def markdown(result):
    """A Markdown table: a line for each family, and in each length's column what everything reaches.

    Own kernels and references are the fastest of the row; the last column is the ratio of the own
    one to the baseline.
    """
    families, lengths = {}, []
    for row in result["rows"]:
        families.setdefault(row["family"], {})[row["length"]] = row
        lengths += [row["length"]] if row["length"] not in lengths else []
    names = [n for n in labels(result) if any(_kind(r, n) == "peer" for r in result["rows"])]
    order = ["own", "ref"] if any(_fastest(r, "ref") for r in result["rows"]) else ["own"]
    said = " / ".join(["Attune", "reference"][: len(order)] + names)
    bases = [b for b in BASELINES if any(r["baseline"] == b for r in result["rows"])]
    head = [f"TFLOP/s: {said}", *(f"S = {n}" for n in sorted(lengths))]
    head.append(f"Attune ÷ {' or '.join(bases)}" if bases else "ratio")
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for family, rows in families.items():
        cells, ratios = [], []
        for length in sorted(lengths):
            row = rows.get(length)
            if row is None:
                cells.append("")
                continue
            found = [_fastest(row, kind) for kind in order]
            found += [_by_label(row).get(n) for n in names]
            cells.append(" / ".join(_tflops(c) for c in found))
            own = found[0]
            ratio = own["ratio"].get(row["baseline"]) if own else None
            ratios.append("–" if ratio is None else f"{ratio:.2f}")
        lines.append("| " + " | ".join([family, *cells, " / ".join(ratios)]) + " |")
    return lines


def _kind(row, label):
    return _by_label(row).get(label, {}).get("kind")


def _fastest(row, kind):
    timed = [c for c in row["contenders"] if c["kind"] == kind and c.get("median_ms")]
    return min(timed, key=lambda c: c["median_ms"], default=None)


def _tflops(contender):
    return f"{contender['tflops']:.0f}" if contender and contender.get("tflops") else "–"


def summary(result):
    """How each own kernel's label does against each peer over all rows: mean and worst ratio."""
    found = {}
    for row in result["rows"]:
        for c in row["contenders"]:
            if c["kind"] != "own":
                continue
            for other, ratio in c["ratio"].items():
                found.setdefault((c["label"], other), []).append((ratio, row["title"]))
    lines = []
    for (label, other), ratios in found.items():
        if len(ratios) < 2:
            continue
        mean = math.exp(statistics.fmean(math.log(r) for r, _ in ratios))
        worst, where = min(ratios)
        lines.append(
            f"{label} / {other}: mean {mean:.3f}, worst {worst:.3f} at {where} ({len(ratios)} rows)"
        )
    return lines if len(lines) <= 24 else []


def tiles(result):
    """What a visited tile costs beside one of `full` in the same tiles, for each own kernel."""
    whole, lines = {}, []
    for row in result["rows"]:
        for c in row["contenders"]:
            info = c.get("info") or {}
            if c["kind"] != "own" or not c.get("median_ms") or not info.get("tiles"):
                continue
            key = row["dtype"], str(row["dim"]), row["length"], row["heads"], info["tile"]
            cost = c["median_ms"] / info["tiles"]
            if row["spec"] == "full":
                whole[key] = cost
            elif key in whole:
                lines.append(f"{c['label']} at {row['title']}: {cost / whole[key]:.3f}")
    return ["time of a visited tile beside full attention's:", *lines] if lines else []


def details(result):
    """What the table leaves out: compilation times of peers, failures, clocks, notes."""
    lines, absent = [], {}
    for row in result["rows"]:
        for c in row["contenders"]:
            info = c.get("info") or {}
            if "first_call_ms" in info:
                mask = ""
                if "mask_first_ms" in info:
                    mask = f", block mask {info['mask_first_ms']:.0f} then"
                    mask += f" {info['mask_next_ms']:.1f} ms"
                lines.append(
                    f"{c['label']} at {row['title']}: {c['median_ms'] or math.nan:.3f} ms,"
                    f" first call {info['first_call_ms']:.0f} ms{mask}"
                )
            if isinstance(info.get("graph"), str):
                lines.append(f"{c['label']} at {row['title']}: graph {info['graph']}")
            if c.get("error") and c["kind"] != "own":  # those of own kernels are failures
                absent.setdefault((c["label"], c["error"][:200]), []).append(row["title"])
            if c.get("unsupported") and c["label"] not in ("cudnn", "fa2"):
                absent.setdefault((c["label"], c["unsupported"][:120]), []).append(row["title"])
    for (label, reason), titles in absent.items():
        more = f" and {len(titles) - 1} rows more" if len(titles) > 1 else ""
        lines.append(f"not measured: {label} at {titles[0]}{more}: {reason}")
    states = [
        list(zip(c["clock_mhz"], c["power_w"], c["temperature_c"]))
        for row in result["rows"]
        for c in row["contenders"]
    ]
    states = [s for group in states for s in group]
    if states:
        clock, power, heat = zip(*states)
        lines.append(
            f"SM clock {min(clock):.0f} to {max(clock):.0f} MHz, median"
            f" {statistics.median(clock):.0f}; power {min(power):.0f} to {max(power):.0f} W;"
            f" {min(heat):.0f} to {max(heat):.0f} °C"
        )
    for name, reason in sorted(result.get("left_out", {}).items()):
        lines.append(f"left out {name}: {reason[:200]}")
    for name, reason in sorted(result.get("failures", {}).items()):
        lines.append(f"FAILED {name}: {' '.join(reason.split())[:400]}")
    return lines + list(result.get("notes", []))


def checks(result):
    """How many kernels are correct, and the registers and local memory of each."""
    passed = {n: c for n, c in result.get("checks", {}).items() if not c.get("error")}
    if not passed:
        return []
    errors = [c["measures"]["rel"] for c in passed.values() if c.get("measures")]
    line = f"{len(passed)} of {len(result['checks'])} kernels correct"
    if errors:
        line += f", relative error of O up to {max(errors):.1e}"
    lines, costs = [line], {}
    for name, c in passed.items():
        spill = f" and {c['local_bytes']} bytes of local memory" if c.get("local_bytes") else ""
        costs.setdefault(f"{c.get('registers')} registers{spill}", []).append(name)
    return lines + [f"{cost}: {', '.join(names)}" for cost, names in costs.items()]


def text(result):
    """Everything, as lines."""
    lines = []
    if result.get("device"):
        d = result["device"]
        lines.append(f"{d['name']}, torch {d['torch']}, cuDNN {d['cudnn']}, {d['nvidia_smi']}")
    baselines = {row["baseline"] for row in result["rows"]} - {None}
    if result["rows"]:
        against = ", ".join(b for b in BASELINES if b in baselines) or "no peer"
        lines.append(f"TFLOP/s, and how many times as fast as {against} (the first there is)")
        lines += table(result) + [""]
    lines += summary(result) + (tiles(result) if result.get("suite") == "variants" else [])
    return lines + checks(result) + details(result)
