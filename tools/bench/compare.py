"""Checks and times compiled attention kernels beside their peers, on one GPU.

    python3 tools/bench/compare.py --kernels DIR [--kernels NAME=DIR] [--suite dense] [--json FILE]

DIR holds what `attune compile` wrote: NAME.json and NAME.ptx. Every kernel is first checked in a
process of its own, under a time limit; those that pass are timed together with the peers.
"""

import argparse
import collections
import datetime
import json
import os
import pathlib
import sys
import threading
import time

import peers
import plan
import report
from checks import Checks

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "samples" / "python"))

STALL_SECONDS = 60


def arguments(texts=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", default="dense", choices=plan.SUITES)
    parser.add_argument(
        "--kernels", action="append", default=[], metavar="[NAME=]DIR", help="once for each column"
    )
    parser.add_argument("--reference", type=pathlib.Path, metavar="DIR", help="with kernels.json")
    parser.add_argument("--peers", help="of cudnn,fa2,flex,pallas; empty for none")
    parser.add_argument("--only", default="", metavar="REGEX", help="kernel files whose name matches")
    parser.add_argument("--rows", default="", metavar="REGEX", help="rows whose title matches")
    parser.add_argument("--lengths", help="instead of the suite's own, such as 1024,4096")
    parser.add_argument("--quick", action="store_true", help="S = 4096 only")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, help="budget of timing: fewer rounds, at least 3")
    parser.add_argument("--milliseconds", type=float, default=20, help="of one measurement")
    parser.add_argument("--graphs", action="store_true", help="CUDA graphs; the suite short has them")
    parser.add_argument("--check", default="full", choices=("full", "quick", "none"))
    parser.add_argument("--check-seconds", type=float, default=60, help="time limit of one check")
    parser.add_argument("--tolerance", type=float, default=1.0, help="times the usual errors")
    parser.add_argument("--workers", type=int, default=4, help="checks at the same time")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--chart", type=pathlib.Path, metavar="FILE.svg", help="and PNG if possible")
    parser.add_argument(
        "--best", action="store_true", help="show the fastest kernel of each row as one column"
    )
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown too")
    parser.add_argument("--dry-run", action="store_true", help="print what would be measured")
    parser.add_argument(
        "--from", dest="results", action="append", default=[], type=pathlib.Path, metavar="FILE",
        help="print and draw what --json wrote before, several files as one",
    )  # fmt: skip
    parsed = parser.parse_args(texts)
    if parsed.peers is None:
        parsed.peers = "flex,cudnn" if parsed.suite == "variants" else "cudnn,fa2"
    parsed.peers = [p for p in parsed.peers.split(",") if p]
    for peer in parsed.peers:
        if peer not in peers.PEERS:
            parser.error(f"unknown peer {peer!r}, expected one of {', '.join(peers.PEERS)}")
    try:
        given = [int(x) for x in parsed.lengths.split(",")] if parsed.lengths else None
    except ValueError:
        parser.error(f"--lengths is {parsed.lengths!r}, expected integers separated by commas")
    parsed.lengths = [4096] if parsed.quick else given
    if min(parsed.lengths or [1]) < 1 or parsed.rounds < 1 or parsed.workers < 1:
        parser.error("lengths, rounds and workers must be at least 1")
    parsed.sets = plan.kernel_sets(parsed.kernels)
    for directory in parsed.sets.values():
        if not directory.is_dir():
            parser.error(f"{directory} is no directory")
    if parsed.reference and not (parsed.reference / "kernels.json").is_file():
        parser.error(f"{parsed.reference} has no kernels.json")
    parsed.graphs = parsed.graphs or parsed.suite == "short"
    return parsed


class Run:
    """Everything known so far; printed and written once, by whoever ends the program."""

    def __init__(self, options, left_out):
        self.options = options
        self.result = {
            "date": datetime.date.today().isoformat(), "suite": options.suite, "device": {},
            "rounds": options.rounds, "checks": {}, "rows": [], "failures": {},
            "left_out": left_out, "notes": [],
        }  # fmt: skip
        self._lock = threading.Lock()
        self._published = False

    def publish(self):
        with self._lock:
            if self._published:
                return
            self._published = True
            publish(self.result, self.options)


def publish(result, options):
    """Prints, writes and draws a result."""
    result = report.finish(result)
    shown = report.best(result) if options.best else result
    print("\n".join(report.text(shown)))
    if options.markdown:
        print("\n".join(["", *report.markdown(shown)]))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    if options.chart and result["rows"]:
        import chart

        for path in chart.write(shown, options.chart):
            print(f"wrote {path}")
    sys.stdout.flush()


def merge(files):
    """Several results as one: the rows of all, everything else of the first or of any."""
    results = [json.loads(f.read_text()) for f in files]
    merged = dict(results[0])
    merged["rows"] = [row for r in results for row in r["rows"]]
    for name in ("checks", "failures", "left_out"):
        merged[name] = {k: v for r in results for k, v in r.get(name, {}).items()}
    merged["notes"] = [n for r in results for n in r.get("notes", [])]
    return merged


def watch(run, beat):
    """Ends the program when timing makes no progress, with what was measured until then."""
    while True:
        time.sleep(1)
        if beat and time.monotonic() - beat["at"] > beat["seconds"]:
            where = beat["what"]
            run.result["failures"]["timing"] = f"no progress for {beat['seconds']} s in {where}"
            try:
                run.publish()
            finally:
                os._exit(4)


def measure(run, made, references, failed):
    """Times the rows of a plan, but for the kernels that failed their check."""
    import attune
    import timing
    import torch

    options, result, beat = run.options, run.result, {}

    def progress(what, seconds=STALL_SECONDS):
        beat.update(what=what, at=time.monotonic(), seconds=seconds)

    progress("start")
    threading.Thread(target=watch, args=(run, beat), daemon=True).start()
    result["device"] = timing.device()
    kernels, load_ms = {}, {}
    for own in {k for pairs in made.own.values() for _, k in pairs}:
        if own.file in failed:
            continue
        progress(f"loading {own.file}")
        try:
            start = time.perf_counter()
            kernels[own.file] = attune.load(own.file)
            load_ms[own.file] = (time.perf_counter() - start) * 1e3
        except Exception as e:
            result["failures"][str(own.file)] = f"{type(e).__name__}: {e}"
    ready = []
    for reference in references:
        progress(f"loading {reference.file}")
        try:
            kernel = peers.ReferenceKernel(reference)
            kernel.check()
            ready.append(kernel)
        except Exception as e:
            result["failures"][reference.file] = f"{type(e).__name__}: {e}"
            torch.cuda.synchronize()
    names = []
    for peer in options.peers:
        reason = peers.absent(peer)
        if reason:
            result["notes"].append(f"peer {peer} is absent: {reason}")
        else:
            names.append(peer)
    bench = timing.Bench(options.rounds, options.milliseconds, options.graphs, progress)
    bench.warm_up()
    end = time.monotonic() + options.seconds if options.seconds else None
    for i, row in enumerate(made.rows):
        deadline = None
        if end is not None:
            now = time.monotonic()
            if now > end:
                left = len(made.rows) - i
                result["notes"].append(f"{left} rows not timed: {options.seconds:g} s are over")
                break
            deadline = now + (end - now) / (len(made.rows) - i)
        own = [
            timing.Loaded(label, k.file.stem, k.tile, kernels[k.file], load_ms[k.file])
            for label, k in made.own[row]
            if k.file in kernels
        ]
        try:
            live, contenders = bench.run(row, own, ready, names, deadline)
            torch.cuda.synchronize()
        except Exception as e:
            result["failures"][row.title] = f"{type(e).__name__}: {e}"
            try:
                torch.cuda.synchronize()
            except Exception:
                result["notes"].append("the GPU's context is lost: the rest was not timed")
                break
            continue
        operations = row.flops(live)
        result["rows"].append(
            row.json()
            | {"family": row.family, "live": live}
            | {"contenders": [c.json(operations) for c in contenders]}
        )
        for c in contenders:
            if c.kind == "own" and c.error:
                result["failures"][f"{c.label} at {row.title}"] = c.error
    beat.clear()


def check(run, files):
    """The files that failed."""
    options, result = run.options, run.result
    if options.check == "none":
        result["notes"].append("the kernels were not checked")
        return set()
    lengths = options.lengths or plan.LENGTHS[options.suite]
    timed = ",".join(map(str, lengths)) if options.check == "full" else ""
    extra = ["--suite", options.suite, "--lengths", timed, "--tolerance", str(options.tolerance)]
    checks = Checks(files, extra, options.workers, options.check_seconds)
    if files:
        import torch  # while the checks run

        del torch
    results, failed = checks.wait(), set()
    several = len(options.sets) > 1
    for file in files:
        outcome = results.get(str(file), {"measures": {}, "error": "no result"})
        name = f"{file.parent.name}/{file.stem}" if several else file.stem
        result["checks"][name] = {
            k: outcome.get(k) for k in ("measures", "error", "registers", "local_bytes")
        }
        if outcome["error"]:
            result["failures"][name] = "wrong or broken: " + outcome["error"]
            failed.add(file)
    return failed


def describe(made, options, references):
    """What would be measured, as lines."""
    lines = []
    for row in made.rows:
        ref = [r.label for r in references if r.fits(row)]
        columns = options.peers + ref + [label for label, _ in made.own[row]]
        lines.append(f"{row.title}: B={row.batch} H={row.heads}/{row.kv_heads}: {', '.join(columns)}")
    lines += [f"left out {name}: {reason}" for name, reason in sorted(made.left_out.items())]
    return lines


def main(texts=None):
    options = arguments(texts)
    if options.results:
        publish(merge(options.results), options)
        return 0
    begun = time.monotonic()
    kernels, left_out = plan.find(options.sets, options.only)
    references = peers.references(options.reference) if options.reference else []
    made = plan.make(
        options.suite, kernels, references, options.lengths, options.rows, left_out,
        anything=not options.sets,
    )  # fmt: skip
    if options.dry_run:
        print("\n".join(describe(made, options, references)))
        return 0
    run = Run(options, made.left_out)
    used = collections.OrderedDict((k.file, k) for pairs in made.own.values() for _, k in pairs)
    failed = check(run, list(used))
    checked = time.monotonic()
    if made.rows and (len(failed) < len(used) or not used):
        try:
            measure(run, made, references, failed)
        except Exception as e:
            run.result["failures"]["timing"] = f"{type(e).__name__}: {e}"
    run.result["notes"].append(
        f"checks {checked - begun:.0f} s, timing {time.monotonic() - checked:.0f} s"
    )
    run.publish()
    # A context that was lost must not hold the program at its end.
    os._exit(1 if run.result["failures"] or not run.result["rows"] else 0)


if __name__ == "__main__":
    sys.exit(main())
